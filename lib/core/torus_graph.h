/*
 * Graphite's /render without the server: targets become answers, in passes
 * between which the caller fetches.
 *
 *   1. torus_graph_prepare(), once per target: parses and checks it and
 *      lists the leaves it needs, each distinct one once over all targets.
 *   2. The caller supplies each leaf that is not yet supplied with its
 *      series: torus_graph_supply().
 *   3. torus_graph_eval(), again and again while it says TORUS_AGAIN: its
 *      budget of points was used up, and others may have the worker now.
 *      TORUS_DECLINED: there are new leaves, back to 2; windows that are
 *      given in points ("movingAverage(a, 5)") start where only the step of
 *      what was fetched can tell.  TORUS_OK: torus_graph_answers().
 *
 * A series is a row of doubles, NaN where Graphite has null.  A leaf may
 * carry distributions instead (rows[], of histograms and of series): then
 * values are not computed before a function needs them, and functions that
 * put points together - sumSeries, averageSeries, groupByNode, summarize,
 * smartSummarize and the fold to maxDataPoints - merge the rows and leave
 * the percentile or mean for later.  What adds up (count, sum, rate) is a
 * number like any other from the start.
 *
 * All memory is the arena's; series are never freed one by one.  What a leaf
 * was supplied with is read only and may be shared by targets.
 */

#ifndef _TORUS_GRAPH_H_INCLUDED_
#define _TORUS_GRAPH_H_INCLUDED_


#include "torus_buf.h"
#include "torus_function.h"
#include "torus_target.h"
#include "torus_tz.h"
#include "torus_work.h"


/* Weeks of the calendar: their step, and the phase of it. */
#define TORUS_GRAPH_WEEK    604800
#define TORUS_GRAPH_SUNDAY  259200   /* 1970-01-04, the first to begin one */


/* How several values become one. */
typedef enum {
    TORUS_GRAPH_AVERAGE = 0,
    TORUS_GRAPH_AVG_ZERO,     /* null counts as 0 */
    TORUS_GRAPH_MEDIAN,
    TORUS_GRAPH_SUM,
    TORUS_GRAPH_MIN,
    TORUS_GRAPH_MAX,
    TORUS_GRAPH_DIFF,         /* the first less the others */
    TORUS_GRAPH_STDDEV,       /* of the population */
    TORUS_GRAPH_COUNT,
    TORUS_GRAPH_RANGE,
    TORUS_GRAPH_MULTIPLY,     /* null if one is */
    TORUS_GRAPH_FIRST,        /* only to put points together in time */
    TORUS_GRAPH_LAST
} torus_graph_fold_t;


typedef struct {
    torus_str_t               key;
    torus_str_t               value;
} torus_graph_tag_t;


/* What becomes of a row in the end. */
typedef struct {
    const torus_function_t   *function;  /* NULL: mean */
    double                    param;     /* 95 of "p95" */
    unsigned                  folded:1;  /* a fold has said so, no function */
} torus_graph_reduce_t;


/*
 * The points of a series in JSON, written before it was known whether they
 * are answered: while others were waited for.  They are those of a series
 * that has the same values in the same place.
 */
typedef struct {
    torus_str_t               json;
    const double             *values;
    int64_t                   start;
    int64_t                   end;
    int64_t                   step;
    size_t                    n;
} torus_graph_ahead_t;


typedef struct {
    torus_str_t               name;
    torus_str_t               path;      /* what it came from, as written */
    int64_t                   start;     /* of the first value */
    int64_t                   end;       /* where the range ends */
    int64_t                   step;      /* > 0 */
    double                   *values;    /* NULL: only rows as yet */
    torus_row_t              *rows;      /* NULL or n; not present: null */
    size_t                    n;
    torus_graph_reduce_t      reduce;
    torus_graph_fold_t        fold;      /* to fewer points */
    double                    xff;       /* share that has to be there */
    torus_type_t              type;      /* of the stat, if typed */
    torus_graph_tag_t        *tags;
    size_t                    ntags;
    unsigned                  typed:1;
    const torus_graph_ahead_t *ahead;    /* or NULL */

    /* ours */
    unsigned                  own:1;     /* nobody else has this struct */
    unsigned                  own_values:1;
    double                   *making;    /* values, of which so many are */
    size_t                    made;
} torus_graph_series_t;


typedef struct {
    torus_graph_series_t    **items;
    size_t                    n;
    size_t                    size;
} torus_graph_list_t;


/* How a leaf is looked at, so that no more than that need be fetched. */
#define TORUS_GRAPH_ASK_PLAIN       0x01
#define TORUS_GRAPH_ASK_PERCENTILE  0x02
#define TORUS_GRAPH_ASK_COUNT       0x04
#define TORUS_GRAPH_ASK_SUM         0x08
#define TORUS_GRAPH_ASK_MEAN        0x10
#define TORUS_GRAPH_ASK_BUCKETS     0x20
#define TORUS_GRAPH_ASK_RATE        0x40


/* from < t <= until */
typedef struct {
    int64_t                   from;
    int64_t                   until;
} torus_graph_span_t;


typedef struct torus_graph_leaf_s  torus_graph_leaf_t;

struct torus_graph_leaf_s {
    torus_str_t               path;      /* a glob, or "seriesByTag(..)" */
    torus_str_t               interval;  /* the name of the one that is to
                                            answer, empty: any */
    torus_str_t               schema;    /* likewise */
    torus_graph_span_t        span;
    unsigned                  asks;      /* TORUS_GRAPH_ASK_.. */
    unsigned                  shown:1;   /* its points are likely answered */
    unsigned                  supplied:1;
    unsigned                  sorting:1;
    uint64_t                  hash;
    torus_graph_leaf_t       *next;      /* of that hash */
    torus_sort_t              sort;
    torus_graph_list_t        series;
};


typedef struct {
    torus_graph_span_t        span;      /* from < until */
    int64_t                   now;
    const torus_tz_t         *tz;        /* NULL: UTC */
    double                    xff;
    const torus_target_var_t *vars;      /* template[..]; outlive it all */
    size_t                    nvars;
    uint64_t                  seed;      /* of randomWalk */
    torus_work_t             *work;      /* of torus_graph_supply(); NULL:
                                            all of it at once */

    torus_target_limits_t     target;    /* all zero: the defaults */

    /* limits, 0: none */
    size_t                    max_leaves;
    size_t                    max_series; /* of all leaves, and of answers */
    size_t                    max_points; /* of all leaves, and made of them */
} torus_graph_params_t;


typedef struct torus_graph_s  torus_graph_t;


/* NULL when out of memory.  params are copied. */
torus_graph_t *torus_graph_create(torus_arena_t *arena,
    const torus_graph_params_t *params);

/*
 * text has to outlive it all.  TORUS_OK; TORUS_INVALID with a reason on one
 * line, or TORUS_ERROR: torus_graph_status().
 */
int torus_graph_prepare(torus_graph_t *g, torus_str_t text,
    torus_error_t *err);

/* All leaves until now; the array moves when there are new ones. */
torus_graph_leaf_t **torus_graph_leaves(const torus_graph_t *g, size_t *n);

/*
 * A new series for a leaf, with the leaf's span, n values that are null and
 * no rows; its path is the leaf's, its only tag the name (and what follows
 * it after ";").  start and n are what the step makes of the span, each t
 * with from < t <= until and t % step = phase.  NULL when out of memory.
 */
torus_graph_series_t *torus_graph_series(torus_graph_t *g,
    const torus_graph_leaf_t *leaf, torus_str_t name, int64_t step,
    int64_t phase);

/*
 * Unless a function has said what becomes of the rows of a series, a fold
 * does: the largest value of each, not the mean.  1: it does; 0: it is one
 * that rows cannot tell.
 */
int torus_graph_reduce_by(torus_graph_series_t *s, torus_graph_fold_t fold);

/*
 * The series of a leaf, in any order; they are sorted by name here.  The
 * array is copied, the series are not.  TORUS_OK or TORUS_ERROR; TORUS_AGAIN:
 * the work is over, call it again with the same.
 */
int torus_graph_supply(torus_graph_t *g, torus_graph_leaf_t *leaf,
    torus_graph_series_t **series, size_t n, torus_error_t *err);

/*
 * budget: points to work through before it comes back.  TORUS_OK: done;
 * TORUS_AGAIN: call again; TORUS_DECLINED: leaves are wanted first;
 * TORUS_INVALID, TORUS_ERROR: with a reason, torus_graph_status().
 */
int torus_graph_eval(torus_graph_t *g, int64_t budget, torus_error_t *err);

/* What is left of the budget, as little as it may be. */
int64_t torus_graph_left(const torus_graph_t *g);

/* In the order of the targets, after TORUS_OK. */
torus_graph_series_t **torus_graph_answers(const torus_graph_t *g,
    size_t *n);

/* For HTTP, after a fault: 400, 413 a limit of ours, 500. */
unsigned torus_graph_status(const torus_graph_t *g);


/*
 * Folds answers to at most max points as Graphite does, so that buckets do
 * not move when the range does; max 0 does not fold.  To be called before
 * answers are written, as it computes values that are still rows.
 * TORUS_AGAIN like torus_graph_eval().
 */
int torus_graph_limit_points(torus_graph_t *g, size_t max, int64_t budget,
    torus_error_t *err);


/* TORUS_OK or TORUS_DECLINED; "sum", "avg", "maxSeries", .. */
int torus_graph_fold_find(torus_str_t name, torus_graph_fold_t *fold);

/* The same of points in time, of which there is a "first", too. */
int torus_graph_fold_points(torus_str_t name, torus_graph_fold_t *fold);

/* Python's round(): half to even, of the exact value. */
double torus_graph_round(double d, int digits);

/* C's %g, whatever the locale. */
typedef struct {
    char  text[32];
} torus_graph_g_t;

torus_graph_g_t torus_graph_g(double d);

/* Python's repr() of a double. */
torus_graph_g_t torus_graph_repr(double d);

/* "1h30min", "-1d": signed seconds; TORUS_OK or TORUS_DECLINED. */
int torus_graph_duration(torus_str_t text, int64_t *seconds);


#endif /* _TORUS_GRAPH_H_INCLUDED_ */
