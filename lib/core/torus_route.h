/*
 * Routing: which schemas store a stat, under which names, aggregates and
 * their cascades included.  Patterns run once per new name; a bounded cache
 * remembers.
 */

#ifndef _TORUS_ROUTE_H_INCLUDED_
#define _TORUS_ROUTE_H_INCLUDED_


#include "torus_schema.h"


/* Does the schema's "transform" drop the points of a stat? */
typedef enum {
    TORUS_DROP_NO = 0,
    TORUS_DROP_YES,
    TORUS_DROP_ASK                   /* depends on the value */
} torus_drop_t;


/*
 * What is kept of a key that a target writes to, for the next point of the
 * same bucket.  Zero at first; the rest belongs to torus_store.c.
 */
typedef struct {
    uint64_t               serial;   /* of the bucket's part of the key */
    uint32_t               memo;     /* see torus_op_t */
} torus_route_key_t;


/*
 * A schema that stores the point, and under what name.  Where a "transform"
 * makes the name from the stat alone, the stem has that name already.
 */
typedef struct {
    const torus_schema_t  *schema;
    torus_str_t            stat;     /* the stat itself or an aggregate */
    torus_str_t            stem;     /* "<prefix><name>:"; empty: made of
                                        each point by its "transform" */
    uint64_t               hash;     /* of the stem; 0: not known */
    unsigned               drop:2;   /* torus_drop_t */
    unsigned               twin:1;   /* another one before it may have the
                                        same schema and the same stem */
    unsigned               taken:1;  /* of the point at work, where names
                                        are made: it was, and hash is that
                                        of the name made */
    uint32_t               due;      /* when its name is next to be written
                                        to the index, in seconds; 0: now */
    torus_route_key_t     *keys;     /* for each interval and its copies;
                                        NULL: none are kept */
    unsigned char         *rest;     /* behind the stem, where there are keys:
                                        TORUS_ROUTE_REST and the name of an
                                        interval */
} torus_route_target_t;

/* ":" and the number of a bucket. */
#define TORUS_ROUTE_REST  21


/*
 * Targets in the order of processing: the stat's own schemas, then each
 * aggregate in turn with its own cascade, depth first, each name once.  That
 * holds for names that a "transform" makes too: a point is stored under one
 * only once by a schema, see "twin".
 */
typedef struct {
    torus_str_t            stat;
    torus_route_target_t  *targets;
    size_t                 ntargets;   /* 0: unmatched */
    size_t                 overlong;   /* names of aggregates that nothing is
                                          stored under */
} torus_route_t;

/* Most bytes of a name that an aggregate makes, as of what came by Carbon. */
#define TORUS_ROUTE_NAME  TORUS_CARBON_PATH_LIMIT


typedef struct torus_router_s  torus_router_t;


typedef struct {
    uint64_t               hits;
    uint64_t               misses;
    uint64_t               evicted;
    size_t                 entries;
    size_t                 bytes;
} torus_router_stats_t;


/*
 * The set must outlive the router.  max: bytes the cache may hold; at least
 * one route is always held.
 */
torus_router_t *torus_router_create(const torus_schema_set_t *set, size_t max,
    uint64_t seed);
void torus_router_destroy(torus_router_t *router);

/* Valid until the next call.  NULL when out of memory. */
const torus_route_t *torus_router_find(torus_router_t *router,
    torus_str_t stat);

/* Of a stem that a "transform" made of a point, as those of targets are. */
uint64_t torus_router_hash(const torus_router_t *router, torus_str_t stem);

/* Is it in the cache?  Changes nothing. */
int torus_router_knows(const torus_router_t *router, torus_str_t stat);

/* From now on they are kept there, as they are so far; outlives the router. */
void torus_router_share(torus_router_t *router, torus_router_stats_t *stats);

/*
 * The target of one schema that matches the stat, which has to live as long
 * as the target.  In the arena; TORUS_OK or TORUS_ERROR.
 */
int torus_route_one(const torus_schema_t *schema, torus_str_t stat,
    torus_arena_t *arena, torus_route_target_t *target);

/* Gives a target the stem of a name. */
int torus_route_stem(torus_route_target_t *target, torus_str_t name,
    torus_arena_t *arena);

/* The same without a cache; lives in the arena. */
const torus_route_t *torus_route(const torus_schema_set_t *set,
    torus_str_t stat, torus_arena_t *arena);


#endif /* _TORUS_ROUTE_H_INCLUDED_ */
