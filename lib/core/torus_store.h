/*
 * Storing a point: (stat, value, timestamp) becomes storage operations, each
 * on one key of one host.  An operation is what the writer merges, numbers,
 * sends and accounts for.
 *
 * Keys and commands of the layouts are known to this file and to
 * torus_fetch.c (which reads them) through torus_layout.h.
 */

#ifndef _TORUS_STORE_H_INCLUDED_
#define _TORUS_STORE_H_INCLUDED_


#include "torus_counter.h"
#include "torus_route.h"


typedef enum {
    TORUS_OP_INCRBY = 0,      /* delta */
    TORUS_OP_INCRBYFLOAT,     /* arg: the decimal */
    TORUS_OP_HINCRBY,         /* arg: the field, delta */
    TORUS_OP_RPUSH,           /* arg: the value */
    TORUS_OP_SADD,            /* arg: the member */
    TORUS_OP_SET,             /* arg: the value */
    TORUS_OP_HADD,            /* HINCRBY of a count, which may be a fraction;
                                 arg: the field, delta */
    TORUS_OP_HADDFLOAT,       /* HINCRBYFLOAT; field, arg: the decimal */
    TORUS_OP_HSET,            /* field, arg: the value */
    TORUS_OP_ZADD,            /* arg: the member, delta: its least score */
    TORUS_OP_ZPRUNE           /* delta: scores below it go */
} torus_op_kind_t;


/* Strings are valid only during the call that passes the operation on. */
typedef struct {
    torus_op_kind_t        kind;
    torus_str_t            key;
    uint64_t               hash;     /* of the key, the same for all its
                                        operations; 0: not known */
    torus_str_t            arg;
    torus_str_t            field;    /* where arg is something else */
    int64_t                delta;
    int64_t                expire;   /* EXPIREAT of the key; 0: none */
    uint32_t              *memo;     /* the sink's memo of this key's expiry,
                                        0 at first; NULL: there is none */
    unsigned               ops;      /* operations it stands for: 1, or 0 for
                                        the SADD of a resolution bucket and
                                        for the index of names */
} torus_op_t;


/*
 * Takes an operation for a host; TORUS_OK or TORUS_ERROR: out of memory, it
 * was not taken, and the store counts it as dropped.
 */
typedef int (*torus_sink_pt)(void *data, const torus_host_t *host,
    const torus_op_t *op);


/* What is remembered of each schema's current buckets. */
typedef struct torus_store_schema_s  torus_store_schema_t;

typedef struct torus_names_s  torus_names_t;       /* torus_names.h */


/* What turns points into operations; one per worker and module. */
typedef struct {
    const torus_schema_set_t  *set;
    torus_router_t            *router;
    uint64_t                  *counters;   /* TORUS_COUNTERS_N of them */
    uint64_t                 **values;     /* TORUS_SCHEMA_VALUES_N for each
                                              schema by its index; NULL: not
                                              told */
    torus_sink_pt              sink;
    void                      *data;
    int64_t                    future;     /* slack in seconds, 0: none set */
    torus_names_t             *names;      /* NULL: no index is kept */
    unsigned char             *key;        /* a key being composed */
    size_t                     key_size;
    unsigned char             *stem;       /* of a name that was made */
    unsigned char             *scratch;    /* of a write_func */
    uint64_t                   serial;     /* of the last part of a key */
    torus_store_schema_t      *schemas;    /* by torus_schema_t.index */
    torus_arena_t             *arena;      /* owns them */
} torus_store_t;


/* Zero the struct, set set .. names, then init; TORUS_OK or TORUS_ERROR. */
int torus_store_init(torus_store_t *store);
void torus_store_free(torus_store_t *store);

/*
 * Counts the point as received and as what became of it, and passes its
 * operations to the sink, each counted as made.  now: seconds.
 *
 * TORUS_OK: accepted, which for a 0 that a schema drops means no operation.
 * TORUS_DECLINED: not accepted, *reason says which counter.  TORUS_ERROR:
 * accepted, but the sink failed or memory ran out; the operations that were
 * not passed on are counted as dropped, so do not repeat the point.
 * TORUS_AGAIN: memory ran out before anything was counted or passed on.
 */
int torus_store_point(torus_store_t *store, torus_str_t stat,
    torus_str_t value, int64_t timestamp, int64_t now,
    torus_counter_t *reason);

/*
 * Passes on the operations of one target alone, which needs no router, and
 * counts those but no point.  TORUS_C_POINTS_ACCEPTED, or why there are none.
 */
torus_counter_t torus_store_one(torus_store_t *store,
    const torus_route_target_t *target, torus_str_t value, int64_t timestamp,
    int64_t now);

/* Counts a point that was refused before it got here. */
void torus_store_refuse(torus_store_t *store, torus_counter_t reason);


#endif /* _TORUS_STORE_H_INCLUDED_ */
