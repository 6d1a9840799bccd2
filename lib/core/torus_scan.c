/*
 * SCAN, host by host: the cursor of the last reply is the argument of the
 * next command, until it is "0".
 */

#include "torus_scan.h"
#include "torus_redis.h"


#define TORUS_SCAN_CURSOR  20   /* digits of 64 bits */


typedef struct {
    torus_buf_t                bytes;
    torus_buf_t                pattern;     /* empty: all keys */
    torus_str_t                literal;     /* in the arena */
    size_t                     cursor_len;
    char                       cursor[TORUS_SCAN_CURSOR];
    unsigned                   active:1;    /* to be walked on */
    unsigned                   sent:1;
} torus_scan_host_t;


struct torus_scan_s {
    torus_arena_t             *arena;
    const torus_schema_set_t  *set;
    torus_request_stats_t     *stats;
    torus_scan_host_t         *hosts;
    torus_scan_key_pt          handler;
    void                      *data;
};


static void torus_scan_pattern(torus_scan_host_t *h);
static int torus_scan_command(torus_scan_host_t *h);


torus_scan_t *
torus_scan_create(torus_arena_t *arena, const torus_schema_set_t *set,
    torus_request_stats_t *stats, torus_scan_key_pt handler, void *data)
{
    size_t            i;
    torus_scan_t     *scan;
    torus_account_t  *account;

    account = torus_arena_account(arena);

    scan = torus_arena_calloc(arena, 1, sizeof(torus_scan_t));
    if (scan == NULL) {
        return NULL;
    }

    scan->hosts = torus_arena_calloc(arena, set->nhosts + 1,
                                     sizeof(torus_scan_host_t));
    if (scan->hosts == NULL) {
        return NULL;
    }

    for (i = 0; i < set->nhosts; i++) {
        torus_buf_init_on(&scan->hosts[i].bytes, account);
        torus_buf_init_on(&scan->hosts[i].pattern, account);
    }

    scan->arena = arena;
    scan->set = set;
    scan->stats = stats;
    scan->handler = handler;
    scan->data = data;

    return scan;
}


void
torus_scan_destroy(torus_scan_t *scan)
{
    size_t  i;

    for (i = 0; i < scan->set->nhosts; i++) {
        torus_buf_free(&scan->hosts[i].bytes);
        torus_buf_free(&scan->hosts[i].pattern);
    }
}


int
torus_scan_add(torus_scan_t *scan, const torus_host_t *host,
    torus_str_t literal)
{
    size_t              n;
    torus_scan_host_t  *h;

    h = &scan->hosts[host->index];

    if (!h->active) {
        h->active = 1;
        h->cursor[0] = '0';
        h->cursor_len = 1;

        return torus_arena_dup(scan->arena, literal, &h->literal);
    }

    for (n = 0; n < literal.len && n < h->literal.len; n++) {

        if (literal.data[n] != h->literal.data[n]) {
            break;
        }
    }

    h->literal.len = n;

    return TORUS_OK;
}


int
torus_scan_next(torus_scan_t *scan, torus_batch_t *batch)
{
    size_t              i;
    torus_scan_host_t  *h;

    for (i = 0; i < scan->set->nhosts; i++) {
        h = &scan->hosts[i];

        if (!h->active || h->sent) {
            continue;
        }

        if (torus_scan_command(h) != TORUS_OK) {
            return TORUS_ERROR;
        }

        h->sent = 1;

        batch->host = &scan->set->hosts[i];
        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
        batch->replies = 1;

        scan->stats->batches++;
        scan->stats->commands++;
        scan->stats->rounds++;

        return TORUS_OK;
    }

    return TORUS_DECLINED;
}


int
torus_scan_reply(torus_scan_t *scan, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err)
{
    int                 rc;
    size_t              i;
    const redisReply   *cursor, *keys, *key;
    torus_scan_host_t  *h;

    h = &scan->hosts[host->index];

    if (!h->sent
        || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || (size_t) reply->element[0]->len > TORUS_SCAN_CURSOR
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        if (torus_batch_error(host, reply, err) == TORUS_DECLINED) {
            torus_error(err, "redis %.*s cannot scan", torus_fmt(host->name));
        }

        return TORUS_INVALID;
    }

    cursor = reply->element[0];
    keys = reply->element[1];

    h->sent = 0;
    h->cursor_len = (size_t) cursor->len;
    memcpy(h->cursor, cursor->str, h->cursor_len);
    h->active = !(h->cursor_len == 1 && h->cursor[0] == '0');

    for (i = 0; i < keys->elements; i++) {
        key = keys->element[i];

        if (key->type != REDIS_REPLY_STRING) {
            continue;
        }

        rc = scan->handler(scan->data, host,
                           torus_str(key->str, (size_t) key->len));
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


int
torus_scan_done(const torus_scan_t *scan)
{
    size_t  i;

    for (i = 0; i < scan->set->nhosts; i++) {

        if (scan->hosts[i].active) {
            return 0;
        }
    }

    return 1;
}


/* The literal with Redis's glob characters escaped, and a star. */
static void
torus_scan_pattern(torus_scan_host_t *h)
{
    size_t         i;
    unsigned char  c;

    if (h->literal.len == 0 || torus_buf_len(&h->pattern) != 0) {
        return;
    }

    for (i = 0; i < h->literal.len; i++) {
        c = h->literal.data[i];

        if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') {
            torus_buf_addz(&h->pattern, "\\");
        }

        torus_buf_add(&h->pattern, &c, 1);
    }

    torus_buf_addz(&h->pattern, "*");
}


static int
torus_scan_command(torus_scan_host_t *h)
{
    size_t  len;

    torus_scan_pattern(h);
    torus_buf_reset(&h->bytes, 4096);

    len = torus_buf_len(&h->pattern);

    torus_redis_head(&h->bytes, len != 0 ? 6 : 4);
    torus_redis_bulk_z(&h->bytes, "SCAN");
    torus_redis_bulk(&h->bytes, torus_str(h->cursor, h->cursor_len));

    if (len != 0) {
        torus_redis_bulk_z(&h->bytes, "MATCH");
        torus_redis_bulk(&h->bytes, torus_str(h->pattern.pos, len));
    }

    torus_redis_bulk_z(&h->bytes, "COUNT");
    torus_redis_bulk_int(&h->bytes, TORUS_SCAN_COUNT);

    return h->bytes.failed || h->pattern.failed ? TORUS_ERROR : TORUS_OK;
}
