/*
 * What Redis may answer instead of data.
 */

#include "torus_batch.h"


int
torus_batch_error(const torus_host_t *host, const redisReply *reply,
    torus_error_t *err)
{
    size_t  n;
    char    quoted[256];

    if (reply->type != REDIS_REPLY_ERROR) {
        return torus_error(err, "redis %.*s sent a reply of an unexpected "
                           "type", torus_fmt(host->name));
    }

    if (reply->len >= 9 && memcmp(reply->str, "WRONGTYPE", 9) == 0) {
        return TORUS_DECLINED;
    }

    n = torus_escape(quoted, sizeof(quoted),
                     torus_str(reply->str, (size_t) reply->len));

    return torus_error(err, "redis %.*s says: %.*s", torus_fmt(host->name),
                       (int) n, quoted);
}
