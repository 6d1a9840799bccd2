/*
 * Operations become records of batches, or are merged into records that are
 * there already.
 */

#include "torus_queue.h"
#include "torus_number.h"
#include "torus_redis.h"
#include "torus_writer.h"


/* An operation on its way in, with what is computed once. */
typedef struct {
    unsigned           kind;
    const torus_op_t  *op;
    torus_str_t        arg;       /* data is never NULL */
    torus_str_t        field;     /* of a hash, or null */
    uint64_t           ops;
    uint64_t           points;
    uint64_t           key_hash;
    uint64_t           hash;      /* of kind, key and field */
    uint64_t           now;
    int                stuck;
} torus_entry_t;


static void torus_queue_origin(const torus_queue_t *q, torus_wbatch_t *b);
static torus_node_t *torus_queue_lookup(const torus_queue_t *q,
    const torus_entry_t *e);
static int torus_queue_merge(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_merge_float(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_merge_set(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_merge_arg(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_key(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_member(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r, torus_item_t *item);
static int torus_queue_append(torus_queue_t *q, const torus_entry_t *e,
    const torus_record_t *same);
static torus_wbatch_t *torus_queue_open(torus_queue_t *q, size_t size,
    size_t limit, size_t commands, uint64_t now);
static int torus_queue_expireat(torus_queue_t *q, const torus_entry_t *e,
    const torus_record_t *same, int *covered);
static torus_str_t torus_queue_field(unsigned kind, const torus_op_t *op);
static int torus_queue_keep_field(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static uint64_t torus_queue_field_hash(const torus_entry_t *e,
    torus_str_t field);
static uint64_t torus_queue_stem_hash(const torus_queue_t *q,
    torus_str_t key);


#define torus_queue_mix(h, kind)  ((h) + (kind) * 0x9e3779b97f4a7c15ULL)


void
torus_queue_free(torus_queue_t *q)
{
    torus_wbatch_t  *b;

    for ( ;; ) {
        b = torus_fifo_shift(&q->unsent);

        if (b == NULL) {
            break;
        }

        torus_wbatch_release(&q->chunks, b);
    }

    torus_chunks_free(&q->chunks);
    torus_index_free(&q->index);
    torus_expiry_free(&q->expiry);
    torus_expiry_free(&q->fractions);
}


uint64_t
torus_queue_hash(const torus_queue_t *q, torus_str_t key)
{
    return torus_hash(key.data, key.len, q->seed);
}


int
torus_queue_add(torus_queue_t *q, unsigned kind, const torus_op_t *op,
    uint64_t ops, uint64_t points, int stuck, uint64_t now)
{
    int             rc;
    torus_node_t   *node;
    torus_entry_t   e;
    unsigned char   text[TORUS_NUMBER_SIZE];

    e.kind = kind;
    e.op = op;
    e.ops = ops;
    e.points = points;
    e.now = now;
    e.stuck = stuck;
    e.arg = op->arg;
    e.field = torus_queue_field(kind, op);

    if (kind == TORUS_OP_INCRBYFLOAT || kind == TORUS_OP_HADDFLOAT) {
        torus_queue_fraction(q, op->key, now);

    } else if ((kind == TORUS_OP_INCRBY || kind == TORUS_OP_HADD)
               && q->fractions.used != 0
               && torus_expiry_known(&q->fractions,
                                     torus_queue_stem_hash(q, op->key), now))
    {
        e.kind = torus_queue_float(kind);
        e.arg = torus_str(text, torus_number_print_int(text, op->delta));
    }

    if (e.arg.data == NULL
        || e.kind == TORUS_OP_INCRBY
        || e.kind == TORUS_OP_ZPRUNE
        || e.kind == TORUS_OP_EXPIREAT)
    {
        e.arg = torus_str("", 0);
    }

    e.key_hash = op->hash;

    if (e.key_hash == 0) {
        e.key_hash = torus_queue_hash(q, op->key);
    }

    e.hash = torus_queue_mix(e.key_hash, e.kind);

    if (e.field.data != NULL) {
        e.hash = torus_queue_field_hash(&e, e.field);
    }

    node = q->merge_off ? NULL : torus_queue_lookup(q, &e);

    if (node != NULL) {
        rc = torus_queue_merge(q, &e, node->record);

        if (rc != TORUS_DECLINED) {

            if (rc == TORUS_OK) {
                node->record->ops += ops;
                node->record->points += points;
                node->record->batch->ops += ops;
                node->record->batch->points += points;
                q->ops += ops;
                q->points += points;
                q->counters[TORUS_C_OPS_MERGED] += ops;
                torus_queue_origin(q, node->record->batch);
            }

            return rc;
        }
    }

    rc = torus_queue_append(q, &e, node == NULL ? NULL : node->record);

    if (rc == TORUS_OK) {
        torus_queue_origin(q, q->unsent.last);
    }

    return rc;
}


/* What is added again is as old as the batch it comes from. */
static void
torus_queue_origin(const torus_queue_t *q, torus_wbatch_t *b)
{
    if (q->origin != 0 && q->origin < b->origin) {
        b->origin = q->origin;
    }
}


torus_wbatch_t *
torus_queue_take(torus_queue_t *q)
{
    torus_wbatch_t  *b;

    b = torus_fifo_shift(&q->unsent);

    if (b == NULL) {
        return NULL;
    }

    if (q->unsent.first == NULL) {
        q->open = 0;
    }

    torus_index_forget(&q->index, b->birth, b->nodes);

    b->nodes = 0;
    q->ops -= b->ops;
    q->points -= b->points;

    return b;
}


void
torus_queue_put_back(torus_queue_t *q, torus_fifo_t *batches)
{
    torus_wbatch_t  *b;

    for (b = batches->first; b != NULL; b = b->next) {
        q->ops += b->ops;
        q->points += b->points;
    }

    torus_fifo_prepend(&q->unsent, batches);
}


static torus_node_t *
torus_queue_lookup(const torus_queue_t *q, const torus_entry_t *e)
{
    return torus_index_find(&q->index, e->hash, e->kind, e->op->key,
                            e->field);
}


/* TORUS_OK: merged; TORUS_DECLINED: needs a record of its own. */
static int
torus_queue_merge(torus_queue_t *q, const torus_entry_t *e, torus_record_t *r)
{
    int64_t  sum;

    switch (e->kind) {

    case TORUS_OP_INCRBY:
    case TORUS_OP_HINCRBY:
    case TORUS_OP_HADD:

        if (__builtin_add_overflow(r->delta, e->op->delta, &sum)) {
            return TORUS_DECLINED;
        }

        r->delta = sum;
        return TORUS_OK;

    case TORUS_OP_INCRBYFLOAT:
    case TORUS_OP_HADDFLOAT:
        return torus_queue_merge_float(q, e, r);

    case TORUS_OP_SET:
    case TORUS_OP_HSET:
        return torus_queue_merge_set(q, e, r);

    case TORUS_OP_EXPIREAT:
        r->expire = e->op->expire;
        return TORUS_OK;

    case TORUS_OP_ZADD:

        if (r->delta < e->op->delta) {
            r->delta = e->op->delta;
        }

        return torus_queue_merge_arg(q, e, r);

    case TORUS_OP_ZPRUNE:
        return TORUS_OK;

    default: /* TORUS_OP_RPUSH, TORUS_OP_SADD */
        return torus_queue_merge_arg(q, e, r);
    }
}


static int
torus_queue_merge_float(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r)
{
    torus_value_t  a, b, sum;
    unsigned char  text[TORUS_NUMBER_SIZE];

    if (!e->stuck) {
        return TORUS_DECLINED;
    }

    if (torus_number_parse(torus_str(r->arg, r->arg_len), &a) != TORUS_OK
        || torus_number_parse(e->arg, &b) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    sum = torus_number_add(a, b);

    if (sum.kind == TORUS_VALUE_DOUBLE
        && !(sum.d >= -1.7976931348623157e308
             && sum.d <= 1.7976931348623157e308))
    {
        return TORUS_DECLINED;
    }

    return torus_record_set(&q->chunks, r,
                            torus_str(text, torus_number_print(text, &sum)));
}


static int
torus_queue_merge_set(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r)
{
    size_t  size;

    if (e->op->expire != r->expire) {
        return TORUS_DECLINED;
    }

    size = r->batch->size;

    if (e->arg.len > r->arg_len) {
        size += e->arg.len - r->arg_len;

        if (size > TORUS_WRITER_BATCH_BYTES) {
            return TORUS_DECLINED;
        }
    }

    if (torus_record_set(&q->chunks, r, e->arg) != TORUS_OK) {
        return TORUS_ERROR;
    }

    r->batch->size = size;

    return TORUS_OK;
}


/*
 * One more value of a list, or member of a set, sorted or not.  The record is
 * the newest of its key, so that values keep their order.
 */
static int
torus_queue_merge_arg(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r)
{
    size_t        size;
    torus_item_t  *item;

    if (e->kind != TORUS_OP_RPUSH
        && torus_index_find(&q->index, torus_queue_field_hash(e, e->arg),
                            e->kind, e->op->key, e->arg)
           != NULL)
    {
        return TORUS_OK;
    }

    size = r->batch->size + e->arg.len + TORUS_REDIS_BULK_EXTRA;

    if (e->kind == TORUS_OP_ZADD) {
        size += TORUS_REDIS_BULK_EXTRA;
    }

    if (size > TORUS_WRITER_BATCH_BYTES) {
        return TORUS_DECLINED;
    }

    item = torus_record_add(&q->chunks, r, e->arg);
    if (item == NULL) {
        return TORUS_ERROR;
    }

    r->batch->size = size;

    if (e->kind != TORUS_OP_RPUSH) {
        (void) torus_queue_member(q, e, r, item);
    }

    return TORUS_OK;
}


/* Without its entry a member is only sent twice. */
static int
torus_queue_member(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r, torus_item_t *item)
{
    torus_node_t  *node;

    node = torus_wbatch_alloc(&q->chunks, r->batch, sizeof(torus_node_t));
    if (node == NULL) {
        return TORUS_ERROR;
    }

    node->hash = torus_queue_field_hash(e, e->arg);
    node->record = r;
    node->arg = torus_str(torus_item_data(item), item->len);

    return torus_index_insert(&q->index, node);
}


/* The entry of a hash itself; without it EXPIREAT is only sent twice. */
static int
torus_queue_key(torus_queue_t *q, const torus_entry_t *e, torus_record_t *r)
{
    torus_node_t  *node;

    node = torus_wbatch_alloc(&q->chunks, r->batch, sizeof(torus_node_t));
    if (node == NULL) {
        return TORUS_ERROR;
    }

    node->hash = e->key_hash;
    node->record = r;
    node->arg = torus_str(NULL, 0);

    return torus_index_insert(&q->index, node);
}


/* same: an unsent record of the same key that it could not be merged with. */
static int
torus_queue_append(torus_queue_t *q, const torus_entry_t *e,
    const torus_record_t *same)
{
    int              expireat, covered, many;
    size_t           size, expiry, limit;
    torus_item_t    *item;
    torus_wbatch_t   *b;
    torus_record_t  *r;

    many = (e->kind == TORUS_OP_RPUSH
            || e->kind == TORUS_OP_SADD
            || e->kind == TORUS_OP_ZADD);
    size = torus_record_size(e->kind, e->op->key, e->arg) + e->field.len;
    expiry = 0;

    if (e->op->expire != 0) {
        expiry = torus_record_size(TORUS_OP_EXPIREAT, e->op->key,
                                   torus_str("", 0));
    }

    /* values that join a list later need room in its batch */

    limit = many ? TORUS_WRITER_BATCH_BYTES / 2 : TORUS_WRITER_BATCH_BYTES;

    b = torus_queue_open(q, size + expiry, limit, 2, e->now);
    if (b == NULL) {
        return TORUS_ERROR;
    }

    expireat = torus_queue_expireat(q, e, same, &covered);

    r = torus_wbatch_add(&q->chunks, b, e->kind, e->op->key,
                        many ? torus_str("", 0) : e->arg);
    if (r == NULL) {
        return TORUS_ERROR;
    }

    b->size += size;
    b->commands++;

    r->hash = e->key_hash;
    r->delta = e->op->delta;
    r->expire = e->op->expire;
    r->node.hash = e->hash;

    r->covered = (covered != 0);

    if (expireat) {
        r->expireat = 1;
        b->size += expiry;
        b->commands++;

        if (e->field.data != NULL && !q->merge_off) {
            (void) torus_queue_key(q, e, r);
        }
    }

    if (e->field.data != NULL
        && torus_queue_keep_field(q, e, r) != TORUS_OK)
    {
        r->done = 1;
        return TORUS_ERROR;
    }

    if (many) {
        item = torus_record_add(&q->chunks, r, e->arg);

        if (item == NULL) {
            r->done = 1;
            return TORUS_ERROR;
        }

        if (e->kind != TORUS_OP_RPUSH && !q->merge_off) {
            (void) torus_queue_member(q, e, r, item);
        }
    }

    /*
     * Known from now on, not from the answer on: what is queued behind this
     * batch is sent behind it as well, also after a refusal or a break.
     */

    if (expireat) {
        torus_expiry_sent(&q->expiry, e->key_hash, e->now);
    }

    r->ops = e->ops;
    r->points = e->points;
    b->ops += e->ops;
    b->points += e->points;
    q->ops += e->ops;
    q->points += e->points;

    if (!q->merge_off) {

        /* what is not in the index is sent by itself */

        (void) torus_index_insert(&q->index, &r->node);
    }

    return TORUS_OK;
}


/* The open batch, or a new one when there is no room in it. */
static torus_wbatch_t *
torus_queue_open(torus_queue_t *q, size_t size, size_t limit,
    size_t commands, uint64_t now)
{
    torus_wbatch_t  *b;

    if (q->open) {
        b = q->unsent.last;

        if (b->size + size <= limit
            && b->commands + commands <= TORUS_WRITER_BATCH_COMMANDS)
        {
            return b;
        }
    }

    b = torus_wbatch_create(&q->chunks, q->births + 1);
    if (b == NULL) {
        return NULL;
    }

    q->births++;
    b->since = now;

    torus_fifo_push(&q->unsent, b);
    q->open = 1;

    return b;
}


/*
 * Does this record bring the EXPIREAT of its key along?  Only the first
 * record of a key in a batch does, the others are covered by it; the fields
 * of a hash are records of their own, so their key has an entry, too.
 */
static int
torus_queue_expireat(torus_queue_t *q, const torus_entry_t *e,
    const torus_record_t *same, int *covered)
{
    torus_str_t      null = torus_null_string;
    torus_node_t    *node;
    torus_wbatch_t  *b;

    *covered = 0;

    if (e->op->expire == 0
        || e->kind == TORUS_OP_SET
        || e->kind == TORUS_OP_EXPIREAT)
    {
        return 0;
    }

    b = q->unsent.last;

    if (e->field.data != NULL && !q->merge_off) {
        node = torus_index_find(&q->index, e->key_hash, e->kind, e->op->key,
                                null);
        same = (node == NULL) ? NULL : node->record;
    }

    if (same != NULL
        && same->batch == b
        && (same->expireat || same->covered))
    {
        *covered = 1;
        return 0;
    }

    return !torus_expiry_known(&q->expiry, e->key_hash, e->now);
}


/* The field of an operation on a hash, else null. */
static torus_str_t
torus_queue_field(unsigned kind, const torus_op_t *op)
{
    torus_str_t  field = torus_null_string;

    switch (kind) {

    case TORUS_OP_HINCRBY:
    case TORUS_OP_HADD:
        field = op->arg;
        break;

    case TORUS_OP_HADDFLOAT:
    case TORUS_OP_HSET:
        field = op->field;
        break;

    default:
        return field;
    }

    return field.data != NULL ? field : torus_str("", 0);
}


/* In the argument of the record, where that is the field, or beside it. */
static int
torus_queue_keep_field(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r)
{
    unsigned char  *p;

    if (e->kind == TORUS_OP_HINCRBY || e->kind == TORUS_OP_HADD) {
        r->node.arg = torus_str(r->arg, r->arg_len);
        return TORUS_OK;
    }

    p = torus_wbatch_alloc(&q->chunks, r->batch, e->field.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    if (e->field.len != 0) {
        memcpy(p, e->field.data, e->field.len);
    }

    r->node.arg = torus_str(p, e->field.len);

    return TORUS_OK;
}


static uint64_t
torus_queue_field_hash(const torus_entry_t *e, torus_str_t field)
{
    return torus_hash(field.data, field.len,
                      torus_queue_mix(e->key_hash, e->kind));
}


unsigned
torus_queue_float(unsigned kind)
{
    return kind == TORUS_OP_HADD ? TORUS_OP_HADDFLOAT : TORUS_OP_INCRBYFLOAT;
}


void
torus_queue_fraction(torus_queue_t *q, torus_str_t key, uint64_t now)
{
    torus_expiry_sent(&q->fractions, torus_queue_stem_hash(q, key), now);
}


/* Of a key without its bucket numbers: the stat and its interval. */
static uint64_t
torus_queue_stem_hash(const torus_queue_t *q, torus_str_t key)
{
    unsigned char  c;

    while (key.len != 0) {
        c = key.data[key.len - 1];

        if (c != ':' && c != '-' && (c < '0' || c > '9')) {
            break;
        }

        key.len--;
    }

    return torus_queue_hash(q, key);
}
