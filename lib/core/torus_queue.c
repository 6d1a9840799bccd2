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


static uint64_t torus_queue_hash(const torus_queue_t *q, torus_str_t key);
static int torus_queue_any(torus_queue_t *q, unsigned kind,
    const torus_op_t *op, uint64_t ops, uint64_t points, int stuck,
    uint64_t now) __attribute__((noinline));
static torus_node_t *torus_queue_find(const torus_queue_t *q,
    const torus_op_t *op, unsigned kind, uint64_t hash);
static inline void torus_queue_account(torus_queue_t *q, torus_record_t *r,
    size_t size, uint64_t ops, uint64_t points);
static torus_entry_t torus_queue_count(torus_queue_t *q, torus_entry_t e)
    __attribute__((noinline));
static int torus_queue_join(torus_queue_t *q, torus_entry_t e,
    torus_record_t *r) __attribute__((noinline));
static void torus_queue_origin(const torus_queue_t *q, torus_wbatch_t *b);
static int torus_queue_merge(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_merge_float(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_merge_set(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_merge_arg(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r);
static int torus_queue_key(torus_queue_t *q, torus_record_t *r);
static int torus_queue_member(torus_queue_t *q, torus_record_t *r,
    torus_item_t *item);
static inline int torus_queue_append(torus_queue_t *q, const torus_entry_t *e,
    const torus_record_t *same);
static int torus_queue_complete(torus_queue_t *q, torus_record_t *r,
    torus_str_t field, torus_str_t arg) __attribute__((noinline));
static void torus_queue_index(torus_queue_t *q, torus_record_t *r)
    __attribute__((noinline));
static torus_wbatch_t *torus_queue_open(torus_queue_t *q, size_t room,
    size_t commands, uint64_t now);
static int torus_queue_expireat(torus_queue_t *q, const torus_entry_t *e,
    const torus_record_t *same, int *covered);
static inline int torus_queue_expiry_known(torus_queue_t *q,
    const torus_entry_t *e);
static void torus_queue_expiry_sent(torus_queue_t *q, const torus_op_t *op,
    uint64_t hash, uint64_t now) __attribute__((noinline));
static torus_str_t torus_queue_field(unsigned kind, const torus_op_t *op);
static int torus_queue_keep_field(torus_queue_t *q, torus_record_t *r,
    torus_str_t field);
static uint64_t torus_queue_part_hash(uint64_t key_hash, unsigned kind,
    torus_str_t part);
static uint64_t torus_queue_stem_hash(const torus_queue_t *q,
    torus_str_t key);


/* Most that an EXPIREAT is larger than another command on the same key. */
#define TORUS_QUEUE_SLACK   16

/* Kinds by what they have in common. */
#define torus_queue_bit(kind)       (1u << (kind))
#define torus_queue_is(kind, some)  ((torus_queue_bit(kind) & (some)) != 0)

/* Counts, and the same where they are decimals. */
#define TORUS_QUEUE_COUNT                                                     \
    (torus_queue_bit(TORUS_OP_INCRBY) | torus_queue_bit(TORUS_OP_HADD))
#define TORUS_QUEUE_FLOAT                                                     \
    (torus_queue_bit(TORUS_OP_INCRBYFLOAT)                                    \
     | torus_queue_bit(TORUS_OP_HADDFLOAT))

/* On a field of a hash. */
#define TORUS_QUEUE_FIELD                                                     \
    (torus_queue_bit(TORUS_OP_HINCRBY) | torus_queue_bit(TORUS_OP_HADD)       \
     | torus_queue_bit(TORUS_OP_HADDFLOAT) | torus_queue_bit(TORUS_OP_HSET))

/* Neither of many values nor on a field. */
#define TORUS_QUEUE_PLAIN                                                     \
    (torus_queue_bit(TORUS_OP_INCRBY) | torus_queue_bit(TORUS_OP_SET))

/* Without an argument. */
#define TORUS_QUEUE_BARE                                                      \
    (torus_queue_bit(TORUS_OP_INCRBY) | torus_queue_bit(TORUS_OP_ZPRUNE)      \
     | torus_queue_bit(TORUS_OP_EXPIREAT))

/* Of any number of values or members. */
#define TORUS_QUEUE_MANY                                                      \
    (torus_queue_bit(TORUS_OP_RPUSH) | torus_queue_bit(TORUS_OP_SADD)         \
     | torus_queue_bit(TORUS_OP_ZADD))

/* These set the expiry of their key themselves. */
#define TORUS_QUEUE_EXPIRES                                                   \
    (torus_queue_bit(TORUS_OP_SET) | torus_queue_bit(TORUS_OP_EXPIREAT))

#define torus_queue_share(q, usual)                                           \
    ((q)->share == 0 ? (usual) : (q)->share)

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

        torus_wbatch_release(&b->queue->chunks, b);
    }

    torus_chunks_free(&q->chunks);
    torus_index_free(&q->index);
    torus_expiry_free(&q->expiry);
    torus_expiry_free(&q->fractions);
}


static uint64_t
torus_queue_hash(const torus_queue_t *q, torus_str_t key)
{
    return torus_hash(key.data, key.len, q->seed);
}


int
torus_queue_add(torus_queue_t *q, unsigned kind, const torus_op_t *op,
    uint64_t ops, uint64_t points, int stuck, uint64_t now)
{
    size_t           size;
    uint64_t         hash;
    torus_str_t      arg;
    torus_wbatch_t  *b;
    torus_record_t  *r;

    /*
     * What nearly all are is done at once: a count or a gauge whose key
     * needs no EXPIREAT, and that there is room for.
     */

    arg = op->arg;

    if (kind == TORUS_OP_INCRBY) {
        arg.len = 0;
    }

    b = q->unsent.last;
    hash = torus_queue_mix(op->hash, kind);
    size = torus_record_size(kind, op->key.len, arg.len);

    if (!torus_queue_is(kind, TORUS_QUEUE_PLAIN)
        || op->memo == NULL
        || (!torus_expiry_memo_known(&q->expiry, *op->memo, now)
            && kind != TORUS_OP_SET && op->expire != 0)
        || q->fractions.used != 0
        || q->origin != 0
        || !q->open
        || b->size + 2 * size + TORUS_QUEUE_SLACK > TORUS_WRITER_BATCH_BYTES
        || b->commands + 2 > TORUS_WRITER_BATCH_COMMANDS
        || (!q->merge_off && torus_queue_find(q, op, kind, hash) != NULL))
    {
        return torus_queue_any(q, kind, op, ops, points, stuck, now);
    }

    r = torus_wbatch_add(&q->chunks, b, op->key, arg);
    if (r == NULL) {
        return TORUS_ERROR;
    }

    r->kind = (unsigned char) kind;
    r->hash = op->hash;
    r->node.hash = hash;
    r->delta = op->delta;
    r->expire = op->expire;

    torus_queue_account(q, r, size, ops, points);

    return TORUS_OK;
}


/* A record that is complete has been added to the last batch. */
static inline void
torus_queue_account(torus_queue_t *q, torus_record_t *r, size_t size,
    uint64_t ops, uint64_t points)
{
    torus_wbatch_t  *b;

    b = r->batch;

    b->size += size;
    b->commands++;

    r->ops = ops;
    r->points = points;
    b->ops += ops;
    b->points += points;
    q->ops += ops;
    q->points += points;

    if (!q->merge_off) {
        torus_queue_index(q, r);
    }
}


static torus_node_t *
torus_queue_find(const torus_queue_t *q, const torus_op_t *op, unsigned kind,
    uint64_t hash)
{
    torus_str_t  null = torus_null_string;

    return torus_index_find(&q->index, hash, kind, op->key, null);
}


/* Any operation: into a record that is there, or by one of its own. */
static int
torus_queue_any(torus_queue_t *q, unsigned kind, const torus_op_t *op,
    uint64_t ops, uint64_t points, int stuck, uint64_t now)
{
    int              rc;
    torus_node_t    *node;
    torus_entry_t    e;
    torus_record_t  *same;

    e.kind = kind;
    e.op = op;
    e.arg = op->arg;
    e.field = torus_str(NULL, 0);
    e.ops = ops;
    e.points = points;
    e.now = now;
    e.stuck = stuck;

    e.key_hash = op->hash;

    if (e.key_hash == 0) {
        e.key_hash = torus_queue_hash(q, op->key);
    }

    if (torus_queue_is(kind, TORUS_QUEUE_FIELD)) {
        e.field = torus_queue_field(kind, op);
    }

    if (torus_queue_is(kind, TORUS_QUEUE_FLOAT)
        || (torus_queue_is(kind, TORUS_QUEUE_COUNT) && q->fractions.used != 0))
    {
        e = torus_queue_count(q, e);
    }

    if (e.arg.data == NULL || torus_queue_is(e.kind, TORUS_QUEUE_BARE)) {
        e.arg = torus_str("", 0);
    }

    e.hash = torus_queue_mix(e.key_hash, e.kind);

    same = NULL;

    if (!q->merge_off) {

        if (e.field.data != NULL) {
            e.hash = torus_queue_part_hash(e.key_hash, e.kind, e.field);
        }

        node = torus_index_find(&q->index, e.hash, e.kind, op->key, e.field);

        if (node != NULL) {
            same = node->record;
            rc = torus_queue_join(q, e, node->record);

            if (rc != TORUS_DECLINED) {
                return rc;
            }
        }
    }

    return torus_queue_append(q, &e, same);
}


/* A count of a stat that has, or may have had, a fraction. */
static torus_entry_t
torus_queue_count(torus_queue_t *q, torus_entry_t e)
{
    if (torus_queue_is(e.kind, TORUS_QUEUE_FLOAT)) {
        torus_queue_fraction(q, e.op->key, e.now);

    } else if (torus_expiry_known(&q->fractions,
                                  torus_queue_stem_hash(q, e.op->key), e.now))
    {
        e.kind = torus_queue_float(e.kind);
        e.arg = torus_str(q->text, torus_number_print_int(q->text,
                                                          e.op->delta));
    }

    return e;
}


/* Into an unsent record.  TORUS_DECLINED: it needs one of its own. */
static int
torus_queue_join(torus_queue_t *q, torus_entry_t e, torus_record_t *r)
{
    int  rc;

    rc = torus_queue_merge(q, &e, r);

    if (rc != TORUS_OK) {
        return rc;
    }

    r->ops += e.ops;
    r->points += e.points;
    r->batch->ops += e.ops;
    r->batch->points += e.points;

    q->ops += e.ops;
    q->points += e.points;
    q->counters[TORUS_C_OPS_MERGED] += e.ops;

    torus_queue_origin(q, r->batch);

    return TORUS_OK;
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

    /* what was put back from another queue has births of that one */

    if (b->queue == q) {
        torus_index_forget(&q->index, b->birth, b->nodes);
    }

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
 * the newest of its key, so that values keep their order.  Of a sorted set a
 * member seldom comes twice, and does no harm when it does.
 */
static int
torus_queue_merge_arg(torus_queue_t *q, const torus_entry_t *e,
    torus_record_t *r)
{
    size_t        size;
    torus_item_t  *item;

    if (e->kind == TORUS_OP_SADD
        && torus_index_find(&q->index,
                            torus_queue_part_hash(e->key_hash, e->kind,
                                                  e->arg),
                            e->kind, e->op->key, e->arg)
           != NULL)
    {
        return TORUS_OK;
    }

    size = r->batch->size + e->arg.len + TORUS_REDIS_BULK_EXTRA;

    if (e->kind == TORUS_OP_ZADD) {
        size += TORUS_REDIS_BULK_EXTRA;

        if (r->batch->scores >= TORUS_WRITER_BATCH_COMMANDS) {
            return TORUS_DECLINED;
        }
    }

    if (size > TORUS_WRITER_BATCH_BYTES) {
        return TORUS_DECLINED;
    }

    item = torus_record_add(&q->chunks, r, e->arg);
    if (item == NULL) {
        return TORUS_ERROR;
    }

    r->batch->size = size;
    r->batch->scores += (e->kind == TORUS_OP_ZADD);

    if (e->kind == TORUS_OP_SADD) {
        (void) torus_queue_member(q, r, item);
    }

    return TORUS_OK;
}


/* Without its entry a member is only sent twice. */
static int
torus_queue_member(torus_queue_t *q, torus_record_t *r, torus_item_t *item)
{
    torus_node_t  *node;

    node = torus_wbatch_alloc(&q->chunks, r->batch, sizeof(torus_node_t));
    if (node == NULL) {
        return TORUS_ERROR;
    }

    node->record = r;
    node->arg = torus_str(torus_item_data(item), item->len);
    node->hash = torus_queue_part_hash(r->hash, r->kind, node->arg);

    return torus_index_insert(&q->index, node);
}


/* The entry of a hash itself; without it EXPIREAT is only sent twice. */
static int
torus_queue_key(torus_queue_t *q, torus_record_t *r)
{
    torus_node_t  *node;

    node = torus_wbatch_alloc(&q->chunks, r->batch, sizeof(torus_node_t));
    if (node == NULL) {
        return TORUS_ERROR;
    }

    node->hash = r->hash;
    node->record = r;
    node->arg = torus_str(NULL, 0);

    return torus_index_insert(&q->index, node);
}


/* same: an unsent record of the same key that it could not be merged with. */
static inline int
torus_queue_append(torus_queue_t *q, const torus_entry_t *e,
    const torus_record_t *same)
{
    int              expireat, covered;
    size_t           size, expiry, room;
    torus_str_t      arg;
    torus_wbatch_t  *b;
    torus_record_t  *r;

    arg = e->arg;
    size = torus_record_size(e->kind, e->op->key.len, arg.len) + e->field.len;
    room = size;
    expiry = 0;

    if (e->op->expire != 0) {
        expiry = torus_record_size(TORUS_OP_EXPIREAT, e->op->key.len, 0);
        room += expiry;
    }

    if (torus_queue_is(e->kind, TORUS_QUEUE_MANY)) {

        /* values that join a list later need room in its batch */

        arg = torus_str("", 0);
        room += TORUS_WRITER_BATCH_BYTES
                - TORUS_WRITER_BATCH_BYTES / torus_queue_share(q, 2);
    }

    b = torus_queue_open(q, room, 2, e->now);
    if (b == NULL) {
        return TORUS_ERROR;
    }

    expireat = torus_queue_expireat(q, e, same, &covered);

    r = torus_wbatch_add(&q->chunks, b, e->op->key, arg);
    if (r == NULL) {
        return TORUS_ERROR;
    }

    r->kind = (unsigned char) e->kind;
    r->hash = e->key_hash;
    r->delta = e->op->delta;
    r->expire = e->op->expire;
    r->node.hash = e->hash;
    r->covered = (covered != 0);

    if (expireat) {
        r->expireat = 1;
        b->size += expiry;
        b->commands++;
    }

    if (torus_queue_is(e->kind, TORUS_QUEUE_MANY | TORUS_QUEUE_FIELD)
        && torus_queue_complete(q, r, e->field, e->arg) != TORUS_OK)
    {
        r->done = 1;
        return TORUS_ERROR;
    }

    if (expireat) {

        /*
         * Known from now on, not from the answer on: what is queued behind
         * this batch is sent behind it as well, also after a refusal or a
         * break.
         */

        torus_queue_expiry_sent(q, e->op, e->key_hash, e->now);
    }

    torus_queue_account(q, r, size, e->ops, e->points);

    torus_queue_origin(q, b);

    return TORUS_OK;
}


/* Its field, or the first of the values or members that it may get. */
static int
torus_queue_complete(torus_queue_t *q, torus_record_t *r, torus_str_t field,
    torus_str_t arg)
{
    torus_item_t  *item;

    if (field.data != NULL) {
        return torus_queue_keep_field(q, r, field);
    }

    item = torus_record_add(&q->chunks, r, arg);

    if (item == NULL) {
        return TORUS_ERROR;
    }

    r->batch->scores += (r->kind == TORUS_OP_ZADD);

    if (r->kind == TORUS_OP_SADD && !q->merge_off) {
        (void) torus_queue_member(q, r, item);
    }

    return TORUS_OK;
}


/* What is not in the index is sent by itself. */
static void
torus_queue_index(torus_queue_t *q, torus_record_t *r)
{
    if (torus_queue_is(r->kind, TORUS_QUEUE_FIELD) && r->expireat) {
        (void) torus_queue_key(q, r);
    }

    (void) torus_index_insert(&q->index, &r->node);
}


/* The open batch, or a new one when it has not that much room. */
static torus_wbatch_t *
torus_queue_open(torus_queue_t *q, size_t room, size_t commands,
    uint64_t now)
{
    size_t           most;
    torus_wbatch_t  *b;

    most = TORUS_WRITER_BATCH_COMMANDS / torus_queue_share(q, 1);

    if (q->open) {
        b = q->unsent.last;

        if (b->size + room <= TORUS_WRITER_BATCH_BYTES
            && b->commands + commands <= most)
        {
            return b;
        }
    }

    b = torus_wbatch_create(&q->chunks, q->births + 1);
    if (b == NULL) {
        return NULL;
    }

    q->births++;
    b->queue = q;
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

    if (e->op->expire == 0 || torus_queue_is(e->kind, TORUS_QUEUE_EXPIRES)) {
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

    return !torus_queue_expiry_known(q, e);
}


static inline int
torus_queue_expiry_known(torus_queue_t *q, const torus_entry_t *e)
{
    if (e->op->memo != NULL
        && torus_expiry_memo_known(&q->expiry, *e->op->memo, e->now))
    {
        return 1;
    }

    if (!torus_expiry_known(&q->expiry, e->key_hash, e->now)) {
        return 0;
    }

    if (e->op->memo != NULL) {
        *e->op->memo = q->expiry.turn;
    }

    return 1;
}


static void
torus_queue_expiry_sent(torus_queue_t *q, const torus_op_t *op, uint64_t hash,
    uint64_t now)
{
    torus_expiry_sent(&q->expiry, hash, now);

    if (op->memo != NULL) {
        *op->memo = q->expiry.turn;
    }
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
torus_queue_keep_field(torus_queue_t *q, torus_record_t *r, torus_str_t field)
{
    unsigned char  *p;

    if (r->kind == TORUS_OP_HINCRBY || r->kind == TORUS_OP_HADD) {
        r->node.arg = torus_str(r->arg, r->arg_len);
        return TORUS_OK;
    }

    p = torus_wbatch_alloc(&q->chunks, r->batch, field.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    if (field.len != 0) {
        memcpy(p, field.data, field.len);
    }

    r->node.arg = torus_str(p, field.len);

    return TORUS_OK;
}


/* Of a field or a member. */
static uint64_t
torus_queue_part_hash(uint64_t key_hash, unsigned kind, torus_str_t part)
{
    return torus_hash(part.data, part.len, torus_queue_mix(key_hash, kind));
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


int
torus_queue_fractional(const torus_queue_t *q, torus_str_t key, uint64_t now)
{
    return q->fractions.used != 0
           && torus_expiry_known(&q->fractions, torus_queue_stem_hash(q, key),
                                 now);
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
