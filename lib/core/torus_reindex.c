/*
 * A host's turn:  [SCAN for nodes -> UNLINK, SCAN ..]  SCAN -> keys;  ZADD
 * .., SCAN -> numbers, keys;  ..;  ZADD .. -> numbers.
 *
 * A stat has many keys.  A table of what was written last, by hash, keeps
 * the latest of its buckets from being sent again and again; where two stats
 * share a place there it is sent once more, which does no harm.
 */

#include "torus_reindex.h"
#include "torus_layout.h"
#include "torus_list.h"
#include "torus_names.h"
#include "torus_redis.h"

#include <stdlib.h>


#define TORUS_REINDEX_TABLE  65536     /* a power of two */
#define TORUS_REINDEX_KEEP   65536     /* bytes kept between slices */
#define TORUS_REINDEX_NODES  65536


/* A member that was sent, with what score. */
typedef struct {
    uint64_t                   hash;
    int64_t                    seen;
} torus_reindex_slot_t;


typedef struct {
    torus_buf_t                commands;
    size_t                     n;
    size_t                     wait;      /* replies before that to SCAN */
    torus_buf_t                bytes;     /* of the batch that is sent */
} torus_reindex_host_t;


struct torus_reindex_s {
    const torus_schema_set_t  *set;
    torus_request_stats_t     *stats;
    torus_arena_t             *arena;
    torus_scan_t              *scan;
    torus_names_t              names;
    torus_expiry_t             expiry;    /* keys that were given one */
    torus_reindex_slot_t      *table;
    torus_reindex_host_t      *hosts;
    int64_t                    now;
    uint64_t                   keys;
    unsigned                   clearing:1;
    unsigned                   pretty:1;
};


static unsigned torus_reindex_scan(torus_reindex_t *x);
static int torus_reindex_key(void *data, const torus_host_t *host,
    torus_str_t key);
static int torus_reindex_node(torus_reindex_t *x, const torus_host_t *host,
    torus_str_t key, torus_str_t prefix);
static int torus_reindex_stat(torus_reindex_t *x,
    const torus_schema_t *schema, const torus_layout_key_t *parsed);
static int torus_reindex_sink(void *data, const torus_host_t *host,
    const torus_op_t *op);
static int torus_reindex_take(torus_reindex_t *x, torus_reindex_host_t *h,
    torus_str_t more);


unsigned
torus_reindex_create(const torus_schema_set_t *set, const torus_arg_t *args,
    size_t nargs, const torus_limits_t *limits, int64_t now,
    torus_request_stats_t *stats, torus_reindex_t **reindex,
    torus_error_t *err)
{
    size_t            i;
    unsigned          fresh, pretty;
    torus_arena_t    *arena;
    torus_reindex_t  *x;

    fresh = 0;
    pretty = 0;

    if (torus_query_flag(args, nargs, "fresh", &fresh, err) != TORUS_OK
        || torus_query_flag(args, nargs, "pretty", &pretty, err) != TORUS_OK)
    {
        return 400;
    }

    arena = torus_arena_create_on(4096, limits->account);
    if (arena == NULL) {
        return 500;
    }

    x = torus_arena_calloc(arena, 1, sizeof(torus_reindex_t));
    if (x == NULL) {
        torus_arena_destroy(arena);
        return 500;
    }

    x->set = set;
    x->stats = stats;
    x->arena = arena;
    x->now = now;
    x->clearing = fresh;
    x->pretty = pretty;

    x->names.set = set;
    x->names.sink = torus_reindex_sink;
    x->names.data = x;
    x->names.seed = (uint64_t) (uintptr_t) arena * 0x9e3779b97f4a7c15;
    x->names.nodes = TORUS_REINDEX_NODES;

    torus_expiry_init(&x->expiry, TORUS_REINDEX_NODES);

    x->table = torus_arena_calloc(arena, TORUS_REINDEX_TABLE,
                                  sizeof(torus_reindex_slot_t));
    x->hosts = torus_arena_calloc(arena, set->nhosts + 1,
                                  sizeof(torus_reindex_host_t));

    for (i = 0; x->hosts != NULL && i < set->nhosts; i++) {
        torus_buf_init_on(&x->hosts[i].commands, limits->account);
        torus_buf_init_on(&x->hosts[i].bytes, limits->account);
    }

    if (x->table == NULL || x->hosts == NULL
        || torus_names_init(&x->names) != TORUS_OK
        || torus_reindex_scan(x) != 200)
    {
        torus_reindex_destroy(x);
        return 500;
    }

    *reindex = x;

    return 200;
}


void
torus_reindex_destroy(torus_reindex_t *x)
{
    size_t  i;

    for (i = 0; x->hosts != NULL && i < x->set->nhosts; i++) {
        torus_buf_free(&x->hosts[i].commands);
        torus_buf_free(&x->hosts[i].bytes);
    }

    if (x->scan != NULL) {
        torus_scan_destroy(x->scan);
    }

    torus_names_free(&x->names);
    torus_expiry_free(&x->expiry);
    torus_arena_destroy(x->arena);
}


/* Over all keys, the nodes of the index among them, or those alone. */
static unsigned
torus_reindex_scan(torus_reindex_t *x)
{
    size_t       i;
    torus_str_t  literal;

    if (x->scan != NULL) {
        torus_scan_destroy(x->scan);
    }

    literal = x->clearing ? torus_str(TORUS_LAYOUT_NAMES,
                                      sizeof(TORUS_LAYOUT_NAMES) - 1)
                          : torus_str("", 0);

    x->scan = torus_scan_create(x->arena, x->set, x->stats,
                                torus_reindex_key, x);
    if (x->scan == NULL) {
        return 500;
    }

    for (i = 0; i < x->set->nhosts; i++) {

        if (torus_scan_add(x->scan, &x->set->hosts[i], literal) != TORUS_OK) {
            return 500;
        }
    }

    return 200;
}


static int
torus_reindex_key(void *data, const torus_host_t *host, torus_str_t key)
{
    torus_reindex_t *x = data;

    int                    owned;
    size_t                 i;
    torus_str_t            prefix, path;
    torus_layout_key_t     parsed;
    const torus_schema_t  *schema;

    if (torus_layout_names_parse(key, &prefix, &path) == TORUS_OK) {
        return torus_reindex_node(x, host, key, prefix);
    }

    owned = 0;

    for (i = 0; i < x->set->nschemas; i++) {
        schema = &x->set->schemas[i];

        if (schema->host->index != host->index
            || torus_layout_parse(schema, key, &parsed) != TORUS_OK
            || !torus_list_owns(x->set, schema, key, parsed.stat))
        {
            continue;
        }

        owned = 1;

        if (torus_reindex_stat(x, schema, &parsed) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    x->keys += (uint64_t) owned;

    return TORUS_OK;
}


/* A node: all of it goes, or what is too old; no tree of ours stays. */
static int
torus_reindex_node(torus_reindex_t *x, const torus_host_t *host,
    torus_str_t key, torus_str_t prefix)
{
    size_t                 i;
    int64_t                useless;
    torus_reindex_host_t  *h;

    for (i = 0; i < x->set->nschemas; i++) {

        if (x->set->schemas[i].host->index == host->index
            && torus_str_eq(x->set->schemas[i].prefix, prefix))
        {
            break;
        }
    }

    if (i == x->set->nschemas) {
        return TORUS_OK;
    }

    h = &x->hosts[host->index];

    if (x->clearing) {
        torus_redis_head(&h->commands, 2);
        torus_redis_bulk_z(&h->commands, "UNLINK");
        torus_redis_bulk(&h->commands, key);
        h->n++;

        return h->commands.failed ? TORUS_ERROR : TORUS_OK;
    }

    useless = torus_names_useless(torus_names_longest(x->set, host, prefix),
                                  x->now);
    if (useless == 0) {
        return TORUS_OK;
    }

    torus_redis_head(&h->commands, 4);
    torus_redis_bulk_z(&h->commands, "ZREMRANGEBYSCORE");
    torus_redis_bulk(&h->commands, key);
    torus_redis_bulk_z(&h->commands, "-inf");
    torus_redis_bulk_int(&h->commands, useless - 1);
    h->n++;

    return h->commands.failed ? TORUS_ERROR : TORUS_OK;
}


static int
torus_reindex_stat(torus_reindex_t *x, const torus_schema_t *schema,
    const torus_layout_key_t *parsed)
{
    int64_t                end;
    uint64_t               hash;
    torus_reindex_slot_t  *slot;
    const torus_step_t    *step;

    step = &parsed->interval->step;

    end = torus_step_start(step, parsed->bucket)
          + torus_step_length(step, parsed->bucket) - 1;

    if (end > x->now) {
        end = x->now;
    }

    if (end < 0) {
        end = 0;
    }

    /* of a tree, which is what the prefix makes of a host */

    hash = torus_hash(parsed->stat.data, parsed->stat.len, x->names.seed)
           + torus_hash(schema->prefix.data, schema->prefix.len,
                        x->names.seed + schema->host->index);

    slot = &x->table[hash & (TORUS_REINDEX_TABLE - 1)];

    if (slot->hash == hash && slot->seen >= end) {
        return TORUS_OK;
    }

    slot->hash = hash;
    slot->seen = end;

    return torus_names_add(&x->names, schema, parsed->stat, end, x->now);
}


static int
torus_reindex_sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    torus_reindex_t *x = data;

    uint64_t               hash;
    torus_buf_t           *b;
    torus_reindex_host_t  *h;

    h = &x->hosts[host->index];
    b = &h->commands;

    if (op->kind != TORUS_OP_ZADD) {
        return TORUS_OK;
    }

    torus_redis_head(b, 5);
    torus_redis_bulk_z(b, "ZADD");
    torus_redis_bulk(b, op->key);
    torus_redis_bulk_z(b, "GT");
    torus_redis_bulk_int(b, op->delta);
    torus_redis_bulk(b, op->arg);
    h->n++;

    hash = torus_hash(op->key.data, op->key.len,
                      x->names.seed + host->index);

    if (op->expire != 0
        && !torus_expiry_known(&x->expiry, hash, (uint64_t) x->now * 1000))
    {
        torus_redis_head(b, 3);
        torus_redis_bulk_z(b, "EXPIREAT");
        torus_redis_bulk(b, op->key);
        torus_redis_bulk_int(b, op->expire);
        h->n++;

        torus_expiry_sent(&x->expiry, hash, (uint64_t) x->now * 1000);
    }

    return b->failed ? TORUS_ERROR : TORUS_OK;
}


int
torus_reindex_next(torus_reindex_t *x, torus_batch_t *batch)
{
    int                    rc;
    size_t                 i, n;
    torus_reindex_host_t  *h;

    rc = torus_scan_next(x->scan, batch);

    if (rc == TORUS_OK) {
        h = &x->hosts[batch->host->index];
        n = h->n;

        if (n == 0) {
            return TORUS_OK;
        }

        if (torus_reindex_take(x, h, batch->bytes) != TORUS_OK) {
            return TORUS_ERROR;
        }

        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
        batch->replies += n;

        return TORUS_OK;
    }

    if (rc != TORUS_DECLINED) {
        return rc;
    }

    /* hosts that have been walked to the end */

    for (i = 0; torus_scan_done(x->scan) && i < x->set->nhosts; i++) {
        h = &x->hosts[i];

        if (h->n == 0 || h->wait != 0) {
            continue;
        }

        batch->replies = h->n;

        if (torus_reindex_take(x, h, torus_str("", 0)) != TORUS_OK) {
            return TORUS_ERROR;
        }

        batch->host = &x->set->hosts[i];
        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));

        x->stats->batches++;
        x->stats->rounds++;

        return TORUS_OK;
    }

    return TORUS_DECLINED;
}


/* The commands that were collected, and more behind them. */
static int
torus_reindex_take(torus_reindex_t *x, torus_reindex_host_t *h,
    torus_str_t more)
{
    torus_buf_reset(&h->bytes, TORUS_REINDEX_KEEP);
    torus_buf_add(&h->bytes, h->commands.pos, torus_buf_len(&h->commands));

    if (more.len != 0) {
        torus_buf_adds(&h->bytes, more);
    }

    torus_buf_reset(&h->commands, TORUS_REINDEX_KEEP);

    x->stats->commands += h->n;
    h->wait = h->n;
    h->n = 0;

    return h->bytes.failed ? TORUS_ERROR : TORUS_OK;
}


unsigned
torus_reindex_reply(torus_reindex_t *x, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err)
{
    int                    rc;
    torus_reindex_host_t  *h;

    h = &x->hosts[host->index];

    if (h->wait != 0) {
        h->wait--;

        if (reply->type != REDIS_REPLY_INTEGER) {

            if (torus_batch_error(host, reply, err) == TORUS_DECLINED) {
                torus_error(err, "redis %.*s cannot keep an index: a key "
                            "\"" TORUS_LAYOUT_NAMES "..\" is of another type",
                            torus_fmt(host->name));
            }

            return 503;
        }

    } else {
        rc = torus_scan_reply(x->scan, host, reply, err);

        if (rc != TORUS_OK) {
            return rc == TORUS_INVALID ? 503 : 500;
        }
    }

    if (x->clearing && torus_reindex_done(x)) {
        x->clearing = 0;

        return torus_reindex_scan(x);
    }

    return 200;
}


int
torus_reindex_done(const torus_reindex_t *x)
{
    size_t  i;

    for (i = 0; i < x->set->nhosts; i++) {

        if (x->hosts[i].n != 0 || x->hosts[i].wait != 0) {
            return 0;
        }
    }

    return torus_scan_done(x->scan);
}


void
torus_reindex_write(torus_reindex_t *x, torus_buf_t *out)
{
    torus_json_t  j;

    x->stats->points += x->keys;

    torus_json_init(&j, out, x->pretty);
    torus_json_open(&j, '{');
    torus_json_keyz(&j, "reindexed");
    torus_json_open(&j, '{');
    torus_json_keyz(&j, "keys");
    torus_json_int(&j, (int64_t) x->keys);
    torus_json_close(&j, '}');
    torus_json_close(&j, '}');
    torus_buf_addz(out, "\n");
}
