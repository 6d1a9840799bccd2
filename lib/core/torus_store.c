/*
 * From a point to storage operations: the middle of the write path.
 *
 *   point -> route -> for each target: transform, write_func -> what its
 *   type stores -> for each interval and copy: key, expiry, operation
 *
 * What does not change from point to point is kept: the bucket that an
 * interval is in, its part of the key, its expiry (torus_store_slot.h).  A
 * point of a bucket that is known costs no more than to find it, and a call
 * of the sink: the route of its stat has the key, see torus_store_kept().
 */

#include "torus_store_slot.h"

#include <stdlib.h>

#include "torus_layout.h"
#include "torus_names.h"


/* Of a key, from those of its two halves. */
#define torus_store_hash(stem, rest)  ((stem) == 0 ? 0 : (stem) ^ (rest))

#define TORUS_STORE_ARENA   4096

/* Room for "<prefix><name>:" with a name that was made. */
#define TORUS_STORE_STEM    (TORUS_SCHEMA_PREFIX + TORUS_TRANSFORM_PATH + 1)

/* A type's insert: the value is taken, and nothing is to be written. */
#define TORUS_STORE_NOTHING  1


struct torus_store_schema_s {
    torus_store_interval_t  *intervals;
    uint64_t                *values;    /* what the schema has got, counted */
    size_t                   ncopies;
    size_t                   room;      /* of a key behind the stem */
    size_t                   nkeys;     /* of all intervals and copies */
    int                      plain;     /* write_func is long_or_float */
    int                      usual;     /* .. and each point has one key */
};


/* A value on its way through one target. */
typedef struct {
    torus_value_t            value;
    torus_str_t              text;      /* as received */
    int                      plain;     /* value is text read as a number */
    int                      canonical; /* .. and would be printed as that */
    unsigned char            number[TORUS_NUMBER_SIZE];
} torus_store_value_t;


/* A point on its way through its targets. */
typedef struct {
    torus_str_t              text;
    int64_t                  timestamp;
    int64_t                  now;
    int                      parsed;    /* rc and plain are set */
    int                      rc;
    torus_store_value_t      plain;     /* text as long_or_float */
    int                      failed;    /* an operation was not passed on */
    int                      stored;    /* one was, of the target at work */
    torus_route_target_t    *targets;   /* all of the point's; NULL: one */
} torus_store_point_t;


static int torus_store_schema_init(torus_store_t *store,
    const torus_schema_t *schema);
static int torus_store_room_init(torus_store_t *store,
    const torus_schema_t *schema);
static inline int torus_store_usual(torus_store_t *store,
    const torus_route_target_t *target, torus_str_t text, int64_t timestamp,
    int64_t now);
static int torus_store_route(torus_store_t *store, const torus_route_t *route,
    torus_str_t value, int64_t timestamp, int64_t now,
    torus_counter_t *reason) __attribute__((noinline));
static int torus_store_decline(torus_store_t *store, torus_counter_t reason,
    torus_counter_t *out);
static torus_counter_t torus_store_target(torus_store_t *store,
    const torus_route_target_t *target, torus_store_point_t *point);
static torus_counter_t torus_store_transform(torus_store_t *store,
    const torus_route_target_t *target, torus_store_point_t *point)
    __attribute__((noinline));
static int torus_store_twice(const torus_route_target_t *target,
    const torus_route_target_t *renamed, const torus_store_point_t *point);
static void torus_store_taken(const torus_route_target_t *target,
    const torus_route_target_t *renamed, const torus_store_point_t *point,
    torus_counter_t rc);
static torus_counter_t torus_store_rename(torus_store_t *store,
    const torus_route_target_t *target, torus_str_t value,
    torus_str_t *stem);
static int torus_store_func(torus_store_t *store,
    const torus_schema_t *schema, const torus_store_point_t *point,
    torus_store_value_t *v) __attribute__((noinline));
static inline int torus_store_digits(torus_str_t text, int64_t *value);
static inline int torus_store_number(torus_str_t text, torus_store_value_t *v);
static inline int torus_store_insert(const torus_schema_t *schema,
    torus_store_value_t *v, torus_op_t *op);
static void torus_store_write(torus_store_t *store,
    const torus_store_schema_t *ss, const torus_route_target_t *target,
    torus_store_point_t *point, torus_op_t *op);
static inline int torus_store_kept(torus_store_t *store,
    const torus_route_target_t *target, torus_route_key_t *key,
    const torus_store_copy_t *copy, torus_op_t *op);
static int torus_store_copy(torus_store_t *store,
    const torus_route_target_t *target, const torus_store_copy_t *copy,
    torus_op_t *op) __attribute__((noinline));
static int torus_store_member(torus_store_t *store,
    const torus_route_target_t *target, const torus_store_copy_t *copy)
    __attribute__((noinline));
static int torus_store_packed(torus_store_t *store,
    const torus_route_target_t *target, const torus_store_copy_t *copy,
    const torus_op_t *op) __attribute__((noinline));
static int torus_store_key(torus_store_t *store, torus_str_t stem,
    size_t room);
static void torus_store_name(torus_store_t *store,
    torus_route_target_t *target, torus_store_point_t *point)
    __attribute__((noinline));
static void torus_store_made(torus_store_t *store,
    const torus_route_target_t *target, torus_store_point_t *point);

static inline int torus_store_count(const torus_schema_t *schema,
    torus_store_value_t *v, torus_op_t *op);
static torus_str_t torus_store_text(torus_store_value_t *v);
static int torus_store_canonical(const torus_store_value_t *v);


int
torus_store_init(torus_store_t *store)
{
    size_t  i;

    store->key = NULL;
    store->key_size = 0;
    store->schemas = NULL;
    store->stem = NULL;
    store->scratch = NULL;
    store->serial = 0;

    store->arena = torus_arena_create(TORUS_STORE_ARENA, 0);

    if (store->arena == NULL) {
        return TORUS_ERROR;
    }

    /* one more, so that a set without schemas is no case of its own */

    store->schemas = torus_arena_calloc(store->arena, store->set->nschemas + 1,
                                        sizeof(torus_store_schema_t));

    if (store->schemas == NULL) {
        torus_store_free(store);
        return TORUS_ERROR;
    }

    for (i = 0; i < store->set->nschemas; i++) {

        if (torus_store_schema_init(store, &store->set->schemas[i])
            != TORUS_OK
            || torus_store_room_init(store, &store->set->schemas[i])
               != TORUS_OK)
        {
            torus_store_free(store);
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


void
torus_store_free(torus_store_t *store)
{
    free(store->key);

    if (store->arena != NULL) {
        torus_arena_destroy(store->arena);
    }

    store->key = NULL;
    store->key_size = 0;
    store->schemas = NULL;
    store->stem = NULL;
    store->scratch = NULL;
    store->arena = NULL;
}


/* One for all schemas whose "transform" makes names, or with a write_func. */
static int
torus_store_room_init(torus_store_t *store, const torus_schema_t *schema)
{
    if (store->scratch == NULL && !store->schemas[schema->index].plain) {
        store->scratch = torus_arena_alloc(store->arena, TORUS_FUNC_SCRATCH);

        if (store->scratch == NULL) {
            return TORUS_ERROR;
        }
    }

    if (store->stem != NULL || schema->transform == NULL
        || schema->transform->stat == NULL)
    {
        return TORUS_OK;
    }

    store->stem = torus_arena_alloc(store->arena, TORUS_STORE_STEM);

    return store->stem != NULL ? TORUS_OK : TORUS_ERROR;
}


static int
torus_store_schema_init(torus_store_t *store, const torus_schema_t *schema)
{
    size_t                 i, room;
    torus_store_schema_t  *ss;

    ss = &store->schemas[schema->index];

    ss->ncopies = 1 + (size_t) llabs((long long) schema->rolling);
    ss->nkeys = schema->nintervals * ss->ncopies;
    ss->plain = torus_str_is(torus_func_text(schema->write_func),
                             "long_or_float");

    ss->usual = ss->plain && ss->nkeys == 1 && schema->transform == NULL
                && schema->intervals[0].coarse;

    ss->intervals = torus_arena_calloc(store->arena, schema->nintervals,
                                       sizeof(torus_store_interval_t));

    ss->values = store->values != NULL
                 ? store->values[schema->index]
                 : torus_arena_calloc(store->arena, TORUS_SCHEMA_VALUES_N,
                                      sizeof(uint64_t));

    if (ss->intervals == NULL || ss->values == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < schema->nintervals; i++) {
        room = torus_store_slot_room(&schema->intervals[i]);

        if (ss->room < room) {
            ss->room = room;
        }

        if (torus_store_interval_init(&ss->intervals[i], schema,
                                      &schema->intervals[i], store->arena)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


int
torus_store_point(torus_store_t *store, torus_str_t stat, torus_str_t value,
    int64_t timestamp, int64_t now, torus_counter_t *reason)
{
    int                   rc;
    const torus_route_t  *route;

    if (timestamp < TORUS_TIME_MIN || timestamp > TORUS_TIME_MAX) {
        return torus_store_decline(store, TORUS_C_BAD_TIMESTAMP, reason);
    }

    if (store->future != 0 && timestamp - store->future > now) {
        return torus_store_decline(store, TORUS_C_DROPPED_FUTURE, reason);
    }

    route = torus_router_find(store->router, stat);

    if (route == NULL) {
        return TORUS_AGAIN;
    }

    if (route->ntargets == 1 && route->overlong == 0) {
        rc = torus_store_usual(store, &route->targets[0], value, timestamp,
                               now);

        if (rc != TORUS_DECLINED) {
            *reason = TORUS_C_POINTS_ACCEPTED;
            return rc;
        }
    }

    return torus_store_route(store, route, value, timestamp, now, reason);
}


/*
 * The point that nearly all are: a plain number for one key, which is that of
 * the point before.  Does what torus_store_route() would do, or nothing and
 * returns TORUS_DECLINED.
 */
static inline int
torus_store_usual(torus_store_t *store, const torus_route_target_t *target,
    torus_str_t text, int64_t timestamp, int64_t now)
{
    int                          rc;
    torus_op_t                   op;
    torus_store_value_t          v;
    const torus_schema_t        *schema;
    const torus_store_slot_t    *slot;
    const torus_store_copy_t    *copy;
    const torus_store_schema_t  *ss;

    schema = target->schema;
    ss = &store->schemas[schema->index];

    if (!ss->usual) {
        return TORUS_DECLINED;
    }

    slot = ss->intervals->recent;
    copy = slot->copies;

    if (target->keys->serial != copy->serial
        || timestamp < slot->start || timestamp >= slot->end
        || now >= copy->expired || now >= (int64_t) target->due)
    {
        return TORUS_DECLINED;
    }

    if (schema->type == TORUS_COUNT && torus_store_digits(text, &op.delta)
        && op.delta != 0)
    {
        op.kind = TORUS_OP_INCRBY;
        op.arg = torus_str(NULL, 0);
        op.ops = 1;

    } else if (torus_store_number(text, &v) != TORUS_OK
               || torus_store_insert(schema, &v, &op) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    store->counters[TORUS_C_OPS_MADE]++;
    ss->values[TORUS_SCHEMA_POINTS]++;
    ss->values[TORUS_SCHEMA_OPERATIONS]++;

    op.key = torus_str(target->stem.data, target->stem.len + copy->full);
    op.hash = torus_store_hash(target->hash, copy->hash);
    op.expire = copy->expire;
    op.memo = &target->keys->memo;

    rc = store->sink(store->data, schema->host, &op);

    /* behind its operation: the sink tells points apart by that */

    store->counters[TORUS_C_POINTS_RECEIVED]++;
    store->counters[TORUS_C_POINTS_ACCEPTED]++;

    if (rc != TORUS_OK) {
        store->counters[TORUS_C_OPS_DROPPED]++;
        return TORUS_ERROR;
    }

    return TORUS_OK;
}


/* Any point, through all of its targets. */
static int
torus_store_route(torus_store_t *store, const torus_route_t *route,
    torus_str_t value, int64_t timestamp, int64_t now,
    torus_counter_t *reason)
{
    size_t                       i, skipped, taken;
    torus_counter_t              rc, first;
    torus_store_point_t          point;
    const torus_route_target_t  *target;

    if (route->ntargets == 0 && route->overlong == 0) {
        return torus_store_decline(store, TORUS_C_POINTS_UNMATCHED, reason);
    }

    point.text = value;
    point.timestamp = timestamp;
    point.now = now;
    point.parsed = 0;
    point.failed = 0;
    point.stored = 0;
    point.targets = route->targets;

    taken = 0;
    skipped = 0;
    first = TORUS_C_POINTS_ACCEPTED;

    for (i = 0; i < route->ntargets; i++) {
        target = &route->targets[i];
        point.stored = 0;

        rc = target->schema->transform == NULL
             ? torus_store_target(store, target, &point)
             : torus_store_transform(store, target, &point);

        if (rc == TORUS_C_POINTS_ACCEPTED) {
            taken++;

            if (now >= (int64_t) target->due) {
                torus_store_name(store, &route->targets[i], &point);
            }

            continue;
        }

        if (rc == TORUS_C_POINTS_TRANSFORMED) {
            continue;
        }

        if (skipped == 0) {
            first = rc;
        }

        skipped++;
        store->schemas[target->schema->index]
            .values[TORUS_SCHEMA_SKIPPED]++;
    }

    if (route->overlong != 0) {
        first = (skipped == 0) ? TORUS_C_BAD_LENGTH : first;
        skipped += route->overlong;
    }

    if (taken == 0) {

        /* what is bad is of more interest than what was meant to go */

        if (skipped == 0) {
            first = TORUS_C_POINTS_TRANSFORMED;
        }

        return torus_store_decline(store, first, reason);
    }

    store->counters[TORUS_C_POINTS_RECEIVED]++;
    store->counters[TORUS_C_POINTS_ACCEPTED]++;
    store->counters[TORUS_C_VALUES_SKIPPED] += skipped;

    *reason = TORUS_C_POINTS_ACCEPTED;

    return point.failed ? TORUS_ERROR : TORUS_OK;
}


torus_counter_t
torus_store_one(torus_store_t *store, const torus_route_target_t *target,
    torus_str_t value, int64_t timestamp, int64_t now)
{
    torus_store_point_t  point;

    point.text = value;
    point.timestamp = timestamp;
    point.now = now;
    point.parsed = 0;
    point.failed = 0;
    point.stored = 0;
    point.targets = NULL;

    return target->schema->transform == NULL
           ? torus_store_target(store, target, &point)
           : torus_store_transform(store, target, &point);
}


void
torus_store_refuse(torus_store_t *store, torus_counter_t reason)
{
    store->counters[TORUS_C_POINTS_RECEIVED]++;
    store->counters[reason]++;
}


static int
torus_store_decline(torus_store_t *store, torus_counter_t reason,
    torus_counter_t *out)
{
    torus_store_refuse(store, reason);

    *out = reason;

    return TORUS_DECLINED;
}


/*
 * A schema's "transform", then the rest with the name and the value that it
 * made.  TORUS_C_POINTS_ACCEPTED, or why not.
 */
static torus_counter_t
torus_store_transform(torus_store_t *store, const torus_route_target_t *target,
    torus_store_point_t *point)
{
    unsigned char             room[TORUS_EXPR_SCRATCH];
    torus_counter_t           rc;
    torus_scratch_t           scratch;
    torus_store_point_t       changed, *to;
    torus_route_target_t      renamed;
    const torus_transform_t  *t;

    t = target->schema->transform;
    renamed = *target;

    if (t->stat != NULL) {
        torus_store_taken(target, &renamed, point, TORUS_C_POINTS_TRANSFORMED);
    }

    if (target->drop == TORUS_DROP_YES) {
        return TORUS_C_POINTS_TRANSFORMED;
    }

    if (target->drop == TORUS_DROP_ASK) {
        rc = torus_transform_drop(t, target->stat, point->text);

        if (rc != TORUS_C_POINTS_ACCEPTED) {
            return rc;
        }
    }

    if (renamed.stem.len == 0) {
        rc = torus_store_rename(store, target, point->text, &renamed.stem);

        if (rc != TORUS_C_POINTS_ACCEPTED) {
            return rc;
        }

        renamed.hash = (store->router == NULL) ? 0
                       : torus_router_hash(store->router, renamed.stem);
    }

    if (target->twin && torus_store_twice(target, &renamed, point)) {
        return TORUS_C_POINTS_ACCEPTED;
    }

    to = point;

    if (t->value != NULL) {
        changed = *point;
        changed.parsed = 0;
        to = &changed;

        scratch.pos = room;
        scratch.end = room + sizeof(room);

        rc = torus_transform_value(t, target->stat, point->text, &scratch,
                                   &changed.text);

        if (rc != TORUS_C_POINTS_ACCEPTED) {
            return rc;
        }
    }

    rc = torus_store_target(store, &renamed, to);

    point->failed = to->failed;
    point->stored = to->stored;

    if (t->stat != NULL) {
        torus_store_taken(target, &renamed, point, rc);
    }

    if (target->stem.len == 0 && rc == TORUS_C_POINTS_ACCEPTED) {
        torus_store_made(store, &renamed, point);
    }

    return rc;
}


/* Has a target before this one stored the point under the same name? */
static int
torus_store_twice(const torus_route_target_t *target,
    const torus_route_target_t *renamed, const torus_store_point_t *point)
{
    const torus_route_target_t  *other;

    if (point->targets == NULL) {
        return 0;
    }

    for (other = point->targets; other < target; other++) {

        if (other->taken && other->schema == target->schema
            && other->hash == renamed->hash)
        {
            return 1;
        }
    }

    return 0;
}


/* What became of the point at a target whose "transform" makes names. */
static void
torus_store_taken(const torus_route_target_t *target,
    const torus_route_target_t *renamed, const torus_store_point_t *point,
    torus_counter_t rc)
{
    torus_route_target_t  *own;

    if (point->targets == NULL) {
        return;
    }

    own = &point->targets[target - point->targets];

    own->taken = (rc == TORUS_C_POINTS_ACCEPTED);
    own->hash = renamed->hash;
}


/* The stem stays in store->stem until the next of them. */
static torus_counter_t
torus_store_rename(torus_store_t *store, const torus_route_target_t *target,
    torus_str_t value, torus_str_t *stem)
{
    torus_str_t      prefix, name;
    torus_counter_t  rc;

    prefix = target->schema->prefix;

    rc = torus_transform_stat(target->schema->transform, target->stat, value,
                              store->stem + prefix.len, &name);

    if (rc != TORUS_C_POINTS_ACCEPTED) {
        return rc;
    }

    if (prefix.len != 0) {
        memcpy(store->stem, prefix.data, prefix.len);
    }

    store->stem[prefix.len + name.len] = ':';

    *stem = torus_str(store->stem, prefix.len + name.len + 1);

    return TORUS_C_POINTS_ACCEPTED;
}


/* TORUS_C_POINTS_ACCEPTED, or why not. */
static torus_counter_t
torus_store_target(torus_store_t *store, const torus_route_target_t *target,
    torus_store_point_t *point)
{
    int                          rc;
    torus_op_t                   op;
    torus_store_value_t         *v, own;
    const torus_schema_t        *schema;
    const torus_store_schema_t  *ss;

    schema = target->schema;
    ss = &store->schemas[schema->index];

    if (ss->plain) {

        /* once per point, not once per target */

        if (!point->parsed) {
            point->rc = torus_store_number(point->text, &point->plain);
            point->parsed = 1;
        }

        v = &point->plain;
        rc = point->rc;

    } else {
        v = &own;
        rc = torus_store_func(store, schema, point, v);
    }

    if (rc == TORUS_OK) {
        rc = torus_store_insert(schema, v, &op);
    }

    if (rc == TORUS_OK) {
        ss->values[TORUS_SCHEMA_POINTS]++;

        torus_store_write(store, ss, target, point, &op);

        return TORUS_C_POINTS_ACCEPTED;
    }

    if (rc == TORUS_STORE_NOTHING) {
        ss->values[TORUS_SCHEMA_POINTS]++;

        return TORUS_C_POINTS_ACCEPTED;
    }

    return torus_transform_reason(rc);
}


/* Another write_func than long_or_float; the value may be in the scratch. */
static int
torus_store_func(torus_store_t *store, const torus_schema_t *schema,
    const torus_store_point_t *point, torus_store_value_t *v)
{
    torus_scratch_t  scratch;

    scratch.pos = store->scratch;
    scratch.end = store->scratch + TORUS_FUNC_SCRATCH;

    v->text = point->text;
    v->plain = 0;
    v->canonical = 0;

    return torus_func_apply(schema->write_func, point->text, &v->value,
                            &scratch);
}


/* As long_or_float reads it. */
static inline int
torus_store_number(torus_str_t text, torus_store_value_t *v)
{
    v->text = text;
    v->plain = 1;
    v->canonical = 0;

    if (torus_store_digits(text, &v->value.i)) {
        v->value.kind = TORUS_VALUE_INT;
        v->canonical = (*text.data != '0' || text.len == 1);

        return TORUS_OK;
    }

    return torus_number_parse(text, &v->value);
}


/* Few digits and nothing else is what nearly all values are. */
static inline int
torus_store_digits(torus_str_t text, int64_t *value)
{
    int64_t               n;
    unsigned              digit;
    const unsigned char  *p, *last;

    if (text.len - 1 >= 18) {
        return 0;
    }

    n = 0;
    p = text.data;
    last = p + text.len;

    do {
        digit = (unsigned) *p - '0';

        if (digit > 9) {
            return 0;
        }

        n = n * 10 + digit;

    } while (++p < last);

    *value = n;

    return 1;
}


static void
torus_store_write(torus_store_t *store, const torus_store_schema_t *ss,
    const torus_route_target_t *target, torus_store_point_t *point,
    torus_op_t *op)
{
    int                    rc;
    size_t                 i;
    torus_route_key_t     *key;
    torus_store_slot_t    *slot;
    torus_store_copy_t    *copy, *last;
    const torus_schema_t  *schema;

    schema = target->schema;

    store->counters[TORUS_C_OPS_MADE] += ss->nkeys;
    ss->values[TORUS_SCHEMA_OPERATIONS] += ss->nkeys;

    key = target->keys;

    for (i = 0; i < schema->nintervals; i++) {
        slot = torus_store_slot(&ss->intervals[i], schema,
                                &schema->intervals[i], point->timestamp,
                                &store->serial);

        copy = slot->copies;
        last = copy + ss->ncopies;

        do {
            if (point->now >= copy->expired) {
                store->counters[TORUS_C_OPS_EXPIRED]++;

            } else {
                rc = (key != NULL && copy->single)
                     ? torus_store_kept(store, target, key, copy, op)
                     : torus_store_copy(store, target, copy, op);

                if (rc == TORUS_OK) {
                    point->stored = 1;

                } else {
                    store->counters[TORUS_C_OPS_DROPPED]++;
                    point->failed = 1;
                }
            }

            key = (key != NULL) ? key + 1 : NULL;

        } while (++copy < last);
    }
}


/*
 * The rest of the key is put behind the stem, in the route itself.  Of a
 * single key it is still there from the point before, unless the bucket is
 * another; and what is known of its expiry is so as well.
 */
static inline int
torus_store_kept(torus_store_t *store, const torus_route_target_t *target,
    torus_route_key_t *key, const torus_store_copy_t *copy, torus_op_t *op)
{
    if (key->serial != copy->serial) {
        key->serial = copy->serial;
        key->memo = 0;

        memcpy(target->rest, copy->text, copy->full);

    } else if (store->schemas[target->schema->index].nkeys != 1) {
        memcpy(target->rest, copy->text, copy->full);
    }

    op->key = torus_str(target->stem.data, target->stem.len + copy->full);
    op->hash = torus_store_hash(target->hash, copy->hash);
    op->expire = copy->expire;
    op->memo = &key->memo;

    return store->sink(store->data, target->schema->host, op);
}


/* Any other key, or two, are put together in store->key. */
static int
torus_store_copy(torus_store_t *store, const torus_route_target_t *target,
    const torus_store_copy_t *copy, torus_op_t *op)
{
    int     rc;
    size_t  room;

    room = store->schemas[target->schema->index].room + op->arg.len;

    if (torus_store_key(store, target->stem, room) != TORUS_OK) {
        return TORUS_ERROR;
    }

    op->key = torus_str(store->key, target->stem.len + copy->full);
    op->hash = torus_store_hash(target->hash, copy->hash);
    op->expire = copy->expire;
    op->memo = NULL;

    memcpy(store->key + target->stem.len, copy->text, copy->full);

    if (copy->full != copy->len) {
        rc = torus_store_member(store, target, copy);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (copy->placed != 0) {
        return torus_store_packed(store, target, copy, op);
    }

    return store->sink(store->data, target->schema->host, op);
}


/* The same in a key that other resolution buckets are in as well. */
static int
torus_store_packed(torus_store_t *store, const torus_route_target_t *target,
    const torus_store_copy_t *copy, const torus_op_t *op)
{
    torus_op_t      packed;
    torus_str_t     place;
    unsigned char  *p;

    packed = *op;
    place = torus_str(copy->text + copy->full, copy->placed - 1);

    switch (op->kind) {

    case TORUS_OP_INCRBY:
        packed.kind = TORUS_OP_HADD;
        packed.arg = place;
        break;

    case TORUS_OP_INCRBYFLOAT:
        packed.kind = TORUS_OP_HADDFLOAT;
        packed.field = place;
        break;

    case TORUS_OP_SET:
        packed.kind = TORUS_OP_HSET;
        packed.field = place;
        break;

    default: /* TORUS_OP_RPUSH, TORUS_OP_HINCRBY, TORUS_OP_SADD */

        /* behind the key there is room for it */

        p = store->key + op->key.len;
        packed.arg = torus_str(p, copy->placed + op->arg.len);

        memcpy(p, place.data, copy->placed);

        if (op->arg.len != 0) {
            memcpy(p + copy->placed, op->arg.data, op->arg.len);
        }
    }

    return store->sink(store->data, target->schema->host, &packed);
}


/* The value's key begins with that of the set by which it is found. */
static int
torus_store_member(torus_store_t *store, const torus_route_target_t *target,
    const torus_store_copy_t *copy)
{
    torus_op_t  op;

    op.kind = TORUS_OP_SADD;
    op.key = torus_str(store->key, target->stem.len + copy->len);
    op.hash = torus_store_hash(target->hash, copy->set_hash);
    op.arg = torus_str(copy->text + copy->len + 1,
                       copy->full - copy->len - 1);
    op.delta = 0;
    op.expire = copy->expire;
    op.memo = NULL;
    op.ops = 0;

    return store->sink(store->data, target->schema->host, &op);
}


/* Puts the stem into store->key, with room behind it. */
static int
torus_store_key(torus_store_t *store, torus_str_t stem, size_t room)
{
    size_t          size;
    unsigned char  *key;

    size = stem.len + room;

    if (size > store->key_size) {
        key = realloc(store->key, size * 2);

        if (key == NULL) {
            return TORUS_ERROR;
        }

        store->key = key;
        store->key_size = size * 2;
    }

    memcpy(store->key, stem.data, stem.len);

    return TORUS_OK;
}


/*
 * The name of a target goes into the index, at first sight and when it is
 * due again.  What could not be written is tried again with the next point,
 * and so is the name of a point that was too old to be stored.
 */
static void
torus_store_name(torus_store_t *store, torus_route_target_t *target,
    torus_store_point_t *point)
{
    size_t       n;
    torus_str_t  name;

    /* names that are made of each point are looked after one by one */

    if (store->names == NULL || target->stem.len == 0) {
        target->due = TORUS_NAMES_NEVER;
        return;
    }

    if (!point->stored) {
        return;
    }

    n = target->schema->prefix.len;
    name = torus_str(target->stem.data + n, target->stem.len - n - 1);

    if (torus_names_add(store->names, target->schema, name, point->now,
                        point->now)
        == TORUS_OK)
    {
        target->due = torus_names_due(store->names, target->schema,
                                      point->now);
    }
}


static void
torus_store_made(torus_store_t *store, const torus_route_target_t *target,
    torus_store_point_t *point)
{
    size_t  n;

    if (store->names == NULL || !point->stored) {
        return;
    }

    n = target->schema->prefix.len;

    (void) torus_names_add_new(store->names, target->schema,
                               torus_str(target->stem.data + n,
                                         target->stem.len - n - 1),
                               point->now);
}


/*
 * What a type makes of a value.  TORUS_OK, TORUS_STORE_NOTHING, or as
 * torus_func_apply() refuses.
 */
static inline int
torus_store_insert(const torus_schema_t *schema, torus_store_value_t *v,
    torus_op_t *op)
{
    op->delta = 0;
    op->ops = 1;

    switch (schema->type) {

    case TORUS_COUNT:
        return torus_store_count(schema, v, op);

    case TORUS_SERIES:     /* a list of every value */
        op->kind = TORUS_OP_RPUSH;
        break;

    case TORUS_HISTOGRAM:  /* a hash of value and occurrences */
        op->kind = TORUS_OP_HINCRBY;
        op->delta = 1;
        break;

    case TORUS_GAUGE:      /* the last value */
        op->kind = TORUS_OP_SET;
        break;

    case TORUS_SET:        /* each distinct value */
        op->kind = TORUS_OP_SADD;
        break;
    }

    op->arg = torus_store_text(v);

    return TORUS_OK;
}


/*
 * A sum.  A text, such as a format makes, counts as the number that it reads
 * as.  A decimal is added as one even when it is whole: 3.0 may follow 0.5.
 */
static inline int
torus_store_count(const torus_schema_t *schema, torus_store_value_t *v,
    torus_op_t *op)
{
    int  rc;

    if (v->value.kind == TORUS_VALUE_TEXT) {
        v->text = v->value.text;
        v->plain = 1;

        rc = torus_number_parse(v->text, &v->value);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (v->value.kind == TORUS_VALUE_INT) {

        if (v->value.i == 0 && schema->zeros_drop) {
            return TORUS_STORE_NOTHING;
        }

        op->kind = TORUS_OP_INCRBY;
        op->arg = torus_str(NULL, 0);
        op->delta = v->value.i;

        return TORUS_OK;
    }

    if (v->value.d == 0 && schema->zeros_drop) {
        return TORUS_STORE_NOTHING;
    }

    op->kind = TORUS_OP_INCRBYFLOAT;
    op->arg = torus_store_text(v);

    return TORUS_OK;
}


/* What is written to Redis; may point into v. */
static torus_str_t
torus_store_text(torus_store_value_t *v)
{
    if (v->value.kind == TORUS_VALUE_TEXT) {
        return v->value.text;
    }

    if (v->canonical || (v->plain && torus_store_canonical(v))) {
        return v->text;
    }

    return torus_str(v->number, torus_number_print(v->number, &v->value));
}


/*
 * Would the number that was read from v->text be printed as just that?  Said
 * of integers and of decimals of at most 15 digits without an exponent,
 * which are the shortest of their double: any two of those differ.
 */
static int
torus_store_canonical(const torus_store_value_t *v)
{
    size_t                whole;
    const unsigned char  *p, *last, *point;

    p = v->text.data;
    last = p + v->text.len;

    if (*p == '-') {
        p++;

        /* -0 is not an integer, and -0.0 is rare */

        if (p == last || *p == '0') {
            return 0;
        }
    }

    if (v->value.kind == TORUS_VALUE_INT) {

        /* known to be a sign and digits, perhaps between blanks */

        return *p >= '0' && *p <= '9' && last[-1] >= '0' && last[-1] <= '9'
               && (*p != '0' || last - p == 1);
    }

    if (last - p > 16) {
        return 0;
    }

    for (point = p; point < last && *point >= '0' && *point <= '9'; point++) {
        /* void */
    }

    whole = (size_t) (point - p);

    if (whole == 0 || last - point < 2 || *point != '.') {
        return 0;
    }

    /* below 0.1 the number of zeros would matter */

    if (*p == '0'
        && (whole != 1 || (point[1] == '0' && last - point != 2)))
    {
        return 0;
    }

    for (p = point + 1; p < last; p++) {
        if (*p < '0' || *p > '9') {
            return 0;
        }
    }

    return last[-1] != '0' || last - point == 2;
}
