/*
 * A host's turn:  SCAN -> keys;  UNLINK keys, SCAN -> number, keys;  ..;
 * UNLINK keys -> number.  At last the names go out of the index of names:
 * ZREM .. -> number.
 */

#include "torus_delete.h"
#include "torus_layout.h"
#include "torus_redis.h"


#define TORUS_DELETE_KEEP   65536  /* bytes of memory kept between slices */
#define TORUS_DELETE_NAMES  500    /* names that a batch takes out */


typedef struct {
    torus_buf_t                keys;      /* as bulk strings, to be unlinked */
    size_t                     nkeys;
    torus_buf_t                bytes;     /* of the batch that is sent */
    size_t                     forgotten; /* names out of the index .. */
    size_t                     forgetting; /* replies to that, to come */
    unsigned                   unlinking:1; /* its number comes first */
} torus_delete_host_t;


struct torus_delete_s {
    const torus_schema_set_t  *set;
    torus_request_stats_t     *stats;
    torus_account_t           *account;
    torus_list_t              *list;
    torus_delete_host_t       *hosts;
    uint64_t                   keys;      /* gone, or that would go */
    torus_json_t               json;
    size_t                     written;   /* names */
    unsigned                   begun:1;   /* to write */
    unsigned                   dry:1;
    unsigned                   pretty:1;
    unsigned                   one:1;     /* other schemas keep their data */
};


static int torus_delete_key(void *data, const torus_host_t *host,
    torus_str_t key);
static void torus_delete_open(torus_delete_t *d, torus_buf_t *out);
static int torus_delete_unlink(torus_delete_t *d, torus_delete_host_t *h);
static int torus_delete_forget(torus_delete_t *d, size_t host,
    torus_batch_t *batch);
static int torus_delete_name(torus_delete_t *d, size_t schema,
    torus_str_t stat, torus_buf_t *out);
static size_t torus_delete_names(const torus_delete_t *d,
    const torus_str_t **names);


unsigned
torus_delete_create(const torus_schema_set_t *set, const torus_arg_t *args,
    size_t nargs, const torus_limits_t *limits, torus_request_stats_t *stats,
    torus_delete_t **del, torus_error_t *err)
{
    size_t           i, size;
    unsigned         dry, pretty, status;
    torus_delete_t  *d;

    dry = 0;
    pretty = 0;

    if (torus_query_flag(args, nargs, "dry_run", &dry, err) != TORUS_OK
        || torus_query_flag(args, nargs, "pretty", &pretty, err) != TORUS_OK)
    {
        return 400;
    }

    d = torus_account_alloc(limits->account, sizeof(torus_delete_t));
    if (d == NULL) {
        return 500;
    }

    memset(d, 0, sizeof(torus_delete_t));

    d->account = limits->account;
    d->set = set;
    d->stats = stats;
    d->dry = dry;
    d->pretty = pretty;
    d->one = (torus_args_get(args, nargs, "schema").len != 0);

    size = (set->nhosts + 1) * sizeof(torus_delete_host_t);

    d->hosts = torus_account_alloc(d->account, size);
    if (d->hosts == NULL) {
        torus_account_free(d->account, d, sizeof(torus_delete_t));
        return 500;
    }

    memset(d->hosts, 0, size);

    for (i = 0; i < set->nhosts; i++) {
        torus_buf_init_on(&d->hosts[i].keys, limits->account);
        torus_buf_init_on(&d->hosts[i].bytes, limits->account);
    }

    status = torus_list_create_keys(set, args, nargs, limits, stats,
                                    torus_delete_key, d, &d->list, err);
    if (status != 200) {
        torus_delete_destroy(d);
        return status;
    }

    *del = d;

    return 200;
}


void
torus_delete_destroy(torus_delete_t *d)
{
    size_t  i;

    for (i = 0; i < d->set->nhosts; i++) {
        torus_buf_free(&d->hosts[i].keys);
        torus_buf_free(&d->hosts[i].bytes);
    }

    if (d->list != NULL) {
        torus_list_destroy(d->list);
    }

    torus_account_free(d->account, d->hosts,
                       (d->set->nhosts + 1) * sizeof(torus_delete_host_t));
    torus_account_free(d->account, d, sizeof(torus_delete_t));
}


static int
torus_delete_key(void *data, const torus_host_t *host, torus_str_t key)
{
    torus_delete_t *d = data;

    torus_delete_host_t  *h;

    if (d->dry) {
        d->keys++;
        return TORUS_OK;
    }

    h = &d->hosts[host->index];
    h->nkeys++;

    return torus_redis_bulk(&h->keys, key);
}


int
torus_delete_next(torus_delete_t *d, torus_batch_t *batch)
{
    int                   rc;
    size_t                i;
    torus_delete_host_t  *h;

    rc = torus_list_next(d->list, batch);

    if (rc == TORUS_OK) {
        h = &d->hosts[batch->host->index];

        if (h->nkeys == 0) {
            return TORUS_OK;
        }

        if (torus_delete_unlink(d, h) != TORUS_OK
            || torus_buf_adds(&h->bytes, batch->bytes) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
        batch->replies++;

        return TORUS_OK;
    }

    if (rc != TORUS_DECLINED) {
        return rc;
    }

    /* hosts that have been walked to the end */

    for (i = 0; torus_list_ready(d->list) && i < d->set->nhosts; i++) {
        h = &d->hosts[i];

        if (h->nkeys == 0 || h->unlinking) {
            continue;
        }

        if (torus_delete_unlink(d, h) != TORUS_OK) {
            return TORUS_ERROR;
        }

        batch->host = &d->set->hosts[i];
        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
        batch->replies = 1;

        d->stats->batches++;
        d->stats->rounds++;

        return TORUS_OK;
    }

    for (i = 0; i < d->set->nhosts; i++) {
        h = &d->hosts[i];

        if (h->unlinking || h->forgetting != 0) {
            continue;
        }

        rc = torus_delete_forget(d, i, batch);

        if (rc != TORUS_DECLINED) {
            return rc;
        }
    }

    return TORUS_DECLINED;
}


/*
 * Some more of the names out of the index.  A name of which points keep
 * coming returns within the hour.
 */
static int
torus_delete_forget(torus_delete_t *d, size_t host, torus_batch_t *batch)
{
    size_t                i, k, n;
    const torus_str_t    *names;
    torus_delete_host_t  *h;

    h = &d->hosts[host];
    n = torus_delete_names(d, &names);

    if (h->forgotten >= n) {
        return TORUS_DECLINED;
    }

    torus_buf_reset(&h->bytes, TORUS_DELETE_KEEP);

    for (i = 0; i < TORUS_DELETE_NAMES && h->forgotten < n; i++) {

        for (k = 0; k < d->set->nschemas; k++) {

            if (d->set->schemas[k].host->index == host) {
                h->forgetting += (size_t)
                    torus_delete_name(d, k, names[h->forgotten], &h->bytes);
            }
        }

        h->forgotten++;
    }

    batch->host = &d->set->hosts[host];
    batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
    batch->replies = h->forgetting;

    d->stats->batches++;
    d->stats->rounds++;
    d->stats->commands += h->forgetting;

    return h->bytes.failed || h->forgetting == 0 ? TORUS_ERROR : TORUS_OK;
}


/* Out of the tree of a schema, which others may share: commands, 0 or 1. */
static int
torus_delete_name(torus_delete_t *d, size_t schema, torus_str_t stat,
    torus_buf_t *out)
{
    size_t                 i, n, leaf, size;
    unsigned char         *key;
    const torus_schema_t  *s, *other;

    s = &d->set->schemas[schema];

    for (i = 0; i < schema; i++) {
        other = &d->set->schemas[i];

        if (other->host->index == s->host->index
            && torus_str_eq(other->prefix, s->prefix))
        {
            return 0;
        }
    }

    size = s->prefix.len + stat.len + TORUS_LAYOUT_NAMES_EXTRA;

    key = torus_account_alloc(d->account, size);
    if (key == NULL) {
        out->failed = 1;
        return 0;
    }

    leaf = torus_layout_names_leaf(stat);
    n = torus_layout_names(key, s->prefix,
                           torus_str(stat.data, leaf != 0 ? leaf - 1 : 0));

    torus_redis_head(out, 3);
    torus_redis_bulk_z(out, "ZREM");
    torus_redis_bulk(out, torus_str(key, n));
    torus_redis_bulk(out, torus_str(stat.data + leaf, stat.len - leaf));

    torus_account_free(d->account, key, size);

    return 1;
}


/* Those that go out of the index, once all of them are known. */
static size_t
torus_delete_names(const torus_delete_t *d, const torus_str_t **names)
{
    return d->dry || d->one || !torus_list_ready(d->list)
           ? 0 : torus_list_names(d->list, names);
}


/* Nothing is outstanding on this host. */
static int
torus_delete_unlink(torus_delete_t *d, torus_delete_host_t *h)
{
    torus_buf_reset(&h->bytes, TORUS_DELETE_KEEP);

    torus_redis_head(&h->bytes, h->nkeys + 1);
    torus_redis_bulk_z(&h->bytes, "UNLINK");
    torus_buf_add(&h->bytes, h->keys.pos, torus_buf_len(&h->keys));

    torus_buf_reset(&h->keys, TORUS_DELETE_KEEP);

    h->nkeys = 0;
    h->unlinking = 1;
    d->stats->commands++;

    return h->bytes.failed ? TORUS_ERROR : TORUS_OK;
}


unsigned
torus_delete_reply(torus_delete_t *d, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err)
{
    unsigned              status;
    torus_error_t         why;
    torus_delete_host_t  *h;

    h = &d->hosts[host->index];

    if (h->forgetting != 0) {
        h->forgetting--;

        if (reply->type == REDIS_REPLY_INTEGER
            || torus_batch_error(host, reply, err) == TORUS_DECLINED)
        {
            return 200;
        }

        return 503;
    }

    if (h->unlinking) {
        h->unlinking = 0;

        if (reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0) {
            d->keys += (uint64_t) reply->integer;
            return 200;
        }

        if (torus_batch_error(host, reply, err) == TORUS_DECLINED) {
            torus_error(err, "redis %.*s cannot unlink",
                        torus_fmt(host->name));
        }

        return 503;
    }

    status = torus_list_reply(d->list, host, reply, err);

    if (status == 413 && !d->dry && d->keys != 0) {
        why = *err;
        torus_error(err, "%.900s; %llu keys are deleted already", why.text,
                    (unsigned long long) d->keys);
    }

    return status;
}


int
torus_delete_done(const torus_delete_t *d)
{
    size_t              i, n;
    const torus_str_t  *names;

    n = torus_delete_names(d, &names);

    for (i = 0; i < d->set->nhosts; i++) {

        if (d->hosts[i].nkeys != 0 || d->hosts[i].unlinking
            || d->hosts[i].forgotten < n || d->hosts[i].forgetting != 0)
        {
            return 0;
        }
    }

    return torus_list_ready(d->list);
}


int
torus_delete_write(torus_delete_t *d, torus_buf_t *out)
{
    int                 rc;
    size_t              n;
    torus_json_t       *j;
    torus_work_t       *work;
    const torus_str_t  *names;

    j = &d->json;
    work = &d->stats->work;

    if (!d->begun) {
        rc = d->dry ? torus_list_sort(d->list) : TORUS_OK;

        if (rc != TORUS_OK) {
            return rc;
        }

        d->begun = 1;
        torus_delete_open(d, out);
    }

    n = torus_list_names(d->list, &names);

    for ( /* void */ ; d->dry && d->written < n; d->written++) {

        if (torus_work_over(work)) {
            return out->failed ? TORUS_ERROR : TORUS_AGAIN;
        }

        torus_work_did(work, 20 + names[d->written].len / 4);
        torus_json_string(j, names[d->written]);
    }

    if (d->dry) {
        torus_json_close(j, ']');
    }

    torus_json_close(j, '}');
    torus_buf_addz(out, "\n");

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


static void
torus_delete_open(torus_delete_t *d, torus_buf_t *out)
{
    size_t              n;
    torus_json_t       *j;
    const torus_str_t  *names;

    j = &d->json;
    n = torus_list_names(d->list, &names);
    d->stats->points += n;

    torus_json_init(j, out, d->pretty);
    torus_json_open(j, '{');

    torus_json_key(j, d->dry ? torus_str("would_delete", 12)
                             : torus_str("deleted", 7));
    torus_json_open(j, '{');
    torus_json_keyz(j, "stats");
    torus_json_int(j, (int64_t) n);
    torus_json_keyz(j, "keys");
    torus_json_int(j, (int64_t) d->keys);
    torus_json_close(j, '}');

    if (d->dry) {
        torus_json_keyz(j, "names");
        torus_json_open(j, '[');
    }
}
