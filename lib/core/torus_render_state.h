/*
 * Between the files of /render, for nobody else.
 *
 *   torus_render.c       what its owner calls, and what is done when
 *   torus_render_args.c  arguments become parameters and targets
 *   torus_render_plan.c  leaves become names, names become wants
 *   torus_render_read.c  wants become reads, and those are fetched
 *   torus_render_row.c   rows become points, which the evaluator is given
 */

#ifndef _TORUS_RENDER_STATE_H_INCLUDED_
#define _TORUS_RENDER_STATE_H_INCLUDED_


#include "torus_fetch.h"
#include "torus_find.h"
#include "torus_graph_format.h"
#include "torus_render.h"


#define TORUS_RENDER_POINT  8       /* operations to write one */
#define TORUS_RENDER_NAME   100     /* .. to plan one */


typedef enum {
    TORUS_RENDER_PREPARE = 0,
    TORUS_RENDER_ASK,
    TORUS_RENDER_PLAN,
    TORUS_RENDER_FIND,
    TORUS_RENDER_READS,
    TORUS_RENDER_FETCH,
    TORUS_RENDER_MISS,
    TORUS_RENDER_SUPPLY,
    TORUS_RENDER_EVAL,
    TORUS_RENDER_FOLD,
    TORUS_RENDER_WRITE,
    TORUS_RENDER_DONE
} torus_render_state_t;


typedef struct torus_render_leaf_s  torus_render_leaf_t;
typedef struct torus_render_want_s  torus_render_want_t;
typedef struct torus_render_read_s  torus_render_read_t;


/* A series of a leaf, filled by a read. */
struct torus_render_want_s {
    torus_graph_series_t        *series;
    torus_render_want_t         *next;      /* of the same read */
    unsigned                     literal:1; /* it may be of no stat at all */
    unsigned                     found:1;   /* there was something */
    unsigned                     shown:1;   /* its points are written ahead */
};


/* What is fetched of a name; leaves whose ranges touch share one. */
struct torus_render_read_s {
    torus_str_t                  name;
    const torus_schema_t        *schema;
    const torus_interval_t      *interval;
    torus_graph_span_t           span;
    torus_render_want_t         *wants;
    torus_render_read_t         *next;      /* in the table */
    uint64_t                     hash;
};


/* A leaf that is to be supplied. */
struct torus_render_leaf_s {
    torus_graph_leaf_t          *leaf;
    torus_str_t                 *names;
    size_t                       nnames;
    size_t                       size;
    size_t                       query;     /* of the index */
    torus_render_leaf_t         *next;      /* with one, of that hash */
    torus_render_want_t        **wants;
    size_t                       nwants;
    const torus_schema_t        *schema;    /* forced by the leaf */
    unsigned                     literal:1; /* the name is the path */
    unsigned                     asked:1;   /* it has a query of its own */
    unsigned                     shared:1;  /* it has that of another */
    unsigned                     open:1;    /* its planning has begun */
};


struct torus_render_s {
    const torus_request_conf_t  *conf;
    const torus_limits_t        *limits;
    const torus_arg_t           *args;
    size_t                       nargs;
    torus_request_stats_t       *stats;
    torus_buf_t                 *out;
    torus_arena_t               *arena;
    torus_graph_params_t         params;
    torus_graph_t               *graph;
    torus_graph_writer_t         writer;
    size_t                       max;       /* maxDataPoints, 0: none */
    torus_render_state_t         state;
    torus_str_t                 *targets;
    size_t                       ntargets;
    size_t                       target;    /* the cursor of PREPARE */

    /* of a pass */
    size_t                       taken;     /* leaves of earlier passes */
    torus_render_leaf_t         *leaves;
    size_t                       nleaves;
    size_t                       leaf;      /* the cursor */
    size_t                       name;
    size_t                       point;
    torus_graph_series_t       **series;    /* of the leaf, supplied */
    size_t                       nseries;
    torus_render_read_t        **table;
    size_t                       slots;
    torus_render_read_t        **reads;
    size_t                       nreads;
    size_t                       reads_size;
    torus_spec_t                 spec;      /* of all reads: one name each */
    torus_plan_t                 plan;
    torus_fetch_t               *fetch;
    torus_find_t                *find;
    torus_graph_span_t           asked;     /* of all leaves with a query */
    torus_render_leaf_t        **queries;   /* whose they are */
    size_t                       nqueries;
    torus_render_leaf_t        **globs;     /* the same, by hash */
    size_t                       nglobs;    /* slots */
    size_t                       read;      /* the cursor of READS, MISS */
    torus_render_read_t        **missed;    /* by query; NULL: not in MISS */
    size_t                       whole;     /* reads whose points are, too */
    size_t                       ahead;     /* points written ahead */
    size_t                       texts;     /* bytes of them */
    torus_row_order_t            order;     /* of a set, to be counted */
    torus_buf_t                  scratch;

    int64_t                      points;    /* keys of all passes */
    int64_t                      step;
    unsigned                     status;
    torus_error_t                err;
};


/* torus_render.c */

/* Both return TORUS_ERROR. */
int torus_render_full(torus_render_t *r);
int torus_render_fail(torus_render_t *r, unsigned status);

/* torus_render_args.c */

/* The status of the request. */
unsigned torus_render_args(torus_render_t *r);

/* Some of the targets; then the first pass. */
int torus_render_prepare(torus_render_t *r);

/* torus_render_plan.c */

/* The leaves that there were not in the last pass. */
int torus_render_begin_pass(torus_render_t *r);

/* Queries of the index, what it has found, and the names of all leaves. */
int torus_render_ask(torus_render_t *r);
int torus_render_hits(torus_render_t *r);
int torus_render_plan(torus_render_t *r);

/* torus_render_read.c */

int torus_render_begin_reads(torus_render_t *r);
int torus_render_reads(torus_render_t *r);
void torus_render_fetched(torus_render_t *r);
int torus_render_miss(torus_render_t *r);

/* A name that was given as such is known to the index. */
void torus_render_exists(torus_render_read_t *rd);

/* The grid that buckets are shown on: its step, and where one is from 0. */
int64_t torus_render_grid(const torus_step_t *step, int64_t *phase);

/* torus_render_row.c */

/* What the fetch calls with each bucket. */
int torus_render_row(void *data, const torus_read_t *read,
    torus_bucket_t *bucket);

int torus_render_supply(torus_render_t *r);


#endif /* _TORUS_RENDER_STATE_H_INCLUDED_ */
