/*
 * Between the evaluator and the functions of /render, for nobody else.
 *
 * A function is an entry of the table of its group: its name, what /functions
 * says of it, its parameters, and one of
 *
 *   map    one series in, one out, or none: TORUS_DECLINED.  The evaluator
 *          goes through the list.
 *   run    the lists of all arguments in, f->out filled, its progress in
 *          f->state.
 *
 * Either keeps to the budget: it counts what it works through, and when that
 * is spent it returns TORUS_AGAIN and is called again with the same.  A map
 * has f->place for it, which is zeroed for each series.
 *
 * windows, if given, says over which spans the first argument is evaluated
 * instead of that of the call; check looks at the arguments once, before
 * anything is fetched.  Arguments are converted and checked by their types.
 */

#ifndef _TORUS_GRAPH_FUNC_H_INCLUDED_
#define _TORUS_GRAPH_FUNC_H_INCLUDED_


#include <math.h>

#include "torus_graph.h"


typedef enum {
    TORUS_GRAPH_SERIES_LIST = 0,
    TORUS_GRAPH_NODE,
    TORUS_GRAPH_NODE_OR_TAG,
    TORUS_GRAPH_INTEGER,
    TORUS_GRAPH_INT_OR_INF,
    TORUS_GRAPH_FLOAT,
    TORUS_GRAPH_STRING,
    TORUS_GRAPH_TAG,
    TORUS_GRAPH_BOOLEAN,
    TORUS_GRAPH_INTERVAL,
    TORUS_GRAPH_INT_OR_INTERVAL,
    TORUS_GRAPH_AGG,
    TORUS_GRAPH_ANY           /* a list or a number */
} torus_graph_type_t;


#define TORUS_GRAPH_REQUIRED  1
#define TORUS_GRAPH_MULTIPLE  2     /* the last one: any number of it */

typedef struct {
    const char               *name;
    torus_graph_type_t        type;
    unsigned                  flags;
    const char               *def;         /* for /functions, NULL: none */
    const char               *options;     /* words, NULL: any */
    const char               *suggestions; /* words */
} torus_graph_param_t;


typedef enum {
    TORUS_GRAPH_COMBINE = 0,
    TORUS_GRAPH_TRANSFORM,
    TORUS_GRAPH_CALCULATE,
    TORUS_GRAPH_FILTER_SERIES,
    TORUS_GRAPH_FILTER_DATA,
    TORUS_GRAPH_SORTING,
    TORUS_GRAPH_ALIAS,
    TORUS_GRAPH_DRAWING,        /* "Graph" */
    TORUS_GRAPH_SPECIAL
} torus_graph_group_t;


typedef struct torus_graph_func_s   torus_graph_func_t;
typedef struct torus_graph_node_s   torus_graph_node_t;
typedef struct torus_graph_call_s   torus_graph_call_t;
typedef struct torus_graph_frame_s  torus_graph_frame_t;


/* An argument as its parameter has it. */
typedef struct {
    unsigned                  set:1;
    unsigned                  integer:1;
    unsigned                  string:1;
    double                    number;     /* BOOLEAN: 0 or 1 */
    int64_t                   seconds;    /* of an interval, signed */
    torus_graph_fold_t        fold;       /* of an AGG */
    torus_str_t               text;       /* a string, or as written */
    const torus_graph_node_t *node;       /* of a list */
} torus_graph_arg_t;


struct torus_graph_call_s {
    const torus_graph_func_t *func;
    torus_graph_arg_t        *args;       /* at least one per parameter */
    size_t                    nargs;
    void                     *data;       /* of check() */
};


/* A path, or with func a call. */
struct torus_graph_node_s {
    torus_graph_call_t        call;
    torus_str_t               path;
    torus_str_t               interval;
    torus_str_t               schema;
    unsigned                  asks;
    unsigned                  shown:1;
};


/*
 * Values on their way to the one of a rank, from 0: what is less comes to lie
 * before it, what is greater behind.
 */
typedef struct {
    double                   *values;
    size_t                    n;
    size_t                    rank;
    unsigned                  both:1;    /* the one behind it as well */
    unsigned                  parting:1;
    int64_t                   low;       /* where it has to be */
    int64_t                   high;
    int64_t                   i;
    int64_t                   j;
    double                    pivot;
    uint64_t                  random;

    double                    value;     /* the results */
    double                    next;
} torus_graph_select_t;


/* Values on their way to become one. */
typedef struct {
    torus_graph_fold_t        fold;
    const double             *values;
    double                   *scratch;   /* of a median: room for them */
    size_t                    n;
    unsigned                  ranked:1;  /* a percentile */
    unsigned                  interpolate:1;
    double                    percent;
    unsigned                  pass;
    size_t                    i;
    size_t                    present;   /* those that are not null */
    double                    sum;       /* or product, or squares */
    double                    mean;
    double                    first;
    double                    last;
    double                    low;
    double                    high;
    torus_graph_select_t      select;
} torus_graph_folding_t;


/* A series on its way to fewer points.  Zeroed before the first call. */
typedef struct {
    torus_graph_series_t     *to;
    double                   *scratch;
    size_t                    i;         /* points made */
    size_t                    j;         /* points used */
    size_t                    present;
    unsigned                  started:1;
    torus_graph_folding_t     fold;
} torus_graph_thin_t;


/* Where a map is in a series: zeroed for each one. */
typedef struct {
    torus_graph_series_t     *to;        /* what is made of it */
    const double             *from;      /* its values */
    size_t                    i;         /* the next point */
    unsigned                  phase;

    /* what goes from one point to the next */
    size_t                    j;
    size_t                    k;
    double                    a;
    double                    b;
    double                    c;
    double                   *room;
    torus_graph_folding_t     fold;
    torus_graph_select_t      select;
} torus_graph_place_t;


#define TORUS_GRAPH_MAX_SPANS  64

/* A call at work. */
struct torus_graph_frame_s {
    const torus_graph_call_t *call;
    torus_graph_span_t        span;
    torus_graph_list_t       *lists;      /* by argument */
    torus_graph_list_t       *windows;    /* of the first, by span */
    torus_graph_span_t       *spans;
    size_t                    nspans;
    torus_graph_list_t        out;
    void                     *state;
    torus_graph_place_t       place;      /* of a map */

    /* the evaluator's */
    torus_graph_list_t       *result;     /* where out goes in the end */
    unsigned                  phase;
    size_t                    arg;
    size_t                    i;
};


#define TORUS_GRAPH_ROWS    1   /* takes series whose rows are not reduced */
#define TORUS_GRAPH_HIDDEN  2   /* not in /functions */
#define TORUS_GRAPH_SHOWN   4   /* points go through it, most as they are */

typedef int (*torus_graph_check_pt)(torus_graph_t *g,
    torus_graph_call_t *call);
typedef int (*torus_graph_map_pt)(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
typedef int (*torus_graph_run_pt)(torus_graph_t *g, torus_graph_frame_t *f);

/*
 * Up to TORUS_GRAPH_MAX_SPANS into spans.  step: the longest in the first
 * argument, 0 when it was not evaluated yet; TORUS_AGAIN asks for it.
 */
typedef int (*torus_graph_windows_pt)(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);


struct torus_graph_func_s {
    const char                *name;
    torus_graph_group_t        group;
    unsigned                   flags;
    int                        variant;   /* for those that share code */
    torus_graph_check_pt       check;
    torus_graph_windows_pt     windows;
    torus_graph_map_pt         map;
    torus_graph_run_pt         run;
    const torus_graph_param_t *params;    /* ends with a NULL name */
    const char                *description;
};


/* The table: one array per file, each ends with a NULL name. */
extern const torus_graph_func_t  torus_graph_combine[];
extern const torus_graph_func_t  torus_graph_divisions[];
extern const torus_graph_func_t  torus_graph_percents[];
extern const torus_graph_func_t  torus_graph_grouping[];
extern const torus_graph_func_t  torus_graph_transform[];
extern const torus_graph_func_t  torus_graph_summaries[];
extern const torus_graph_func_t  torus_graph_times[];
extern const torus_graph_func_t  torus_graph_calculate[];
extern const torus_graph_func_t  torus_graph_filter[];
extern const torus_graph_func_t  torus_graph_sort[];
extern const torus_graph_func_t  torus_graph_alias[];
extern const torus_graph_func_t  torus_graph_special[];

/* For the entries. */
#define P(...)                                                                \
    ((const torus_graph_param_t []) {                                         \
        __VA_ARGS__, { NULL, 0, 0, NULL, NULL, NULL }                         \
    })

#define P_SERIES                                                              \
    { "seriesList", TORUS_GRAPH_SERIES_LIST, TORUS_GRAPH_REQUIRED, NULL,      \
      NULL, NULL }

#define P_LISTS                                                               \
    { "seriesLists", TORUS_GRAPH_SERIES_LIST,                                 \
      TORUS_GRAPH_REQUIRED|TORUS_GRAPH_MULTIPLE, NULL, NULL, NULL }

#define P_NEED(name, type)                                                    \
    { name, TORUS_GRAPH_##type, TORUS_GRAPH_REQUIRED, NULL, NULL, NULL }

#define P_MAY(name, type, def)                                                \
    { name, TORUS_GRAPH_##type, 0, def, NULL, NULL }

#define P_ALL(name, type, flags)                                              \
    { name, TORUS_GRAPH_##type, TORUS_GRAPH_MULTIPLE|(flags), NULL, NULL,     \
      NULL }


/* torus_graph_func.c */

const torus_graph_func_t *torus_graph_func_find(torus_str_t name);
size_t torus_graph_func_params(const torus_graph_func_t *func);


/* torus_graph.c: what functions need of the evaluator. */

torus_arena_t *torus_graph_arena(const torus_graph_t *g);
const torus_graph_params_t *torus_graph_params(const torus_graph_t *g);

/* Replaces the reason, returns TORUS_INVALID. */
int torus_graph_fault(torus_graph_t *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Likewise of an argument's value: what it "has to be", unlike its type. */
int torus_graph_wrong(torus_graph_t *g, const torus_graph_call_t *call,
    size_t arg, const char *must);

#define TORUS_GRAPH_BACK                                                      \
    "short enough not to go back to before there was time"

/* A limit of ours: TORUS_ERROR and 413. */
int torus_graph_over(torus_graph_t *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Operations of a series, beside those of its points: a name to be made. */
#define TORUS_GRAPH_SERIES  30

/* n points were worked through; is the budget used up? */
void torus_graph_work(torus_graph_t *g, size_t n);
int torus_graph_spent(const torus_graph_t *g);

/*
 * How far to go from i, n at most: there is budget for so many at that cost,
 * which is counted.  At least one if there is one, all when g is NULL.
 */
size_t torus_graph_some(torus_graph_t *g, size_t i, size_t n, size_t cost);

/* torus_sort_run() out of the budget. */
int torus_graph_sorted(torus_graph_t *g, torus_sort_t *sort);

/* n doubles, counted against the limit of points.  NULL: out of memory. */
double *torus_graph_points(torus_graph_t *g, size_t n);

int torus_graph_add(torus_graph_t *g, torus_graph_list_t *list,
    torus_graph_series_t *s);

/* all lists of a call, one behind the other, from argument first on */
int torus_graph_gather(torus_graph_t *g, const torus_graph_frame_t *f,
    size_t first, torus_graph_list_t *list);

/* there is room for them */
void torus_graph_append(torus_graph_list_t *list,
    const torus_graph_list_t *more);

/* a regex of check(), see torus_graph_func_alias.c */
typedef struct torus_graph_regex_s  torus_graph_regex_t;

/*
 * The argument 1 of a call; replace: and what replaces in the one behind.
 * Lives until the arena goes.
 */
int torus_graph_regex_compile(torus_graph_t *g,
    const torus_graph_call_t *call, int replace, torus_graph_regex_t **re);
int torus_graph_regex_search(const torus_graph_regex_t *re, torus_str_t s);


/* torus_graph_series.c */

/* A series that may be changed, but for its values. */
torus_graph_series_t *torus_graph_edit(torus_graph_t *g,
    torus_graph_series_t *s);

/*
 * place->to becomes one whose values may be changed too, place->from those of
 * s: either the same, or place->to has none as yet.  Rows are gone.
 * TORUS_AGAIN until s has values.
 */
int torus_graph_write(torus_graph_t *g, torus_graph_series_t *s,
    torus_graph_place_t *place);

/* The first time after t on a grid. */
int64_t torus_graph_after(int64_t t, int64_t step, int64_t phase);

/* A series like it, of n points, whose values are for the caller to set. */
torus_graph_series_t *torus_graph_like(torus_graph_t *g,
    const torus_graph_series_t *s, size_t n);

/* A series of its own without tags; likewise. */
torus_graph_series_t *torus_graph_make(torus_graph_t *g, torus_str_t name,
    int64_t start, int64_t end, int64_t step, size_t n);

/* Computes values from rows where that was not done; TORUS_AGAIN. */
int torus_graph_values(torus_graph_t *g, torus_graph_series_t *s);

/* May rows be merged, that is do they not simply add up? */
int torus_graph_mergeable(const torus_graph_series_t *s);

/* k points become one; TORUS_AGAIN.  thin is zeroed again in the end. */
int torus_graph_consolidate(torus_graph_t *g, torus_graph_thin_t *thin,
    torus_graph_series_t *s, size_t k, torus_graph_series_t **out);

/* Was it xff of total, and at least one? */
int torus_graph_enough(size_t present, double total, double xff);

/* Are there points for that? */
int torus_graph_count(torus_graph_t *g, int64_t span, int64_t step,
    size_t *n);


/* torus_graph_name.c */

/* Sets the name; torus_graph_rename() sets the path too. */
int torus_graph_named(torus_graph_t *g, torus_graph_series_t *s,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int torus_graph_rename(torus_graph_t *g, torus_graph_series_t *s,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int torus_graph_text(torus_graph_t *g, torus_str_t *text, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* value may be of the moment */
int torus_graph_tag(torus_graph_t *g, torus_graph_series_t *s,
    const char *key, torus_str_t value);
int torus_graph_tagz(torus_graph_t *g, torus_graph_series_t *s,
    const char *key, const char *value);
torus_str_t torus_graph_tag_find(const torus_graph_series_t *s,
    torus_str_t key);

/* Sets the tags that a name stands for: "a;dc=b". */
int torus_graph_tags_of(torus_graph_t *g, torus_graph_series_t *s,
    torus_str_t name);

/*
 * The distinct paths, comma-joined, in the order of the list or in their own;
 * TORUS_AGAIN.  p is zeroed before the first call.
 */
typedef struct {
    torus_str_t              *table;     /* of those seen, by hash */
    size_t                    size;
    torus_str_t              *paths;
    size_t                    n;
    size_t                    len;       /* of all, with their commas */
    size_t                    i;
    unsigned                  phase;
    torus_sort_t              sort;
    unsigned char            *text;
    unsigned char            *last;
} torus_graph_paths_t;

int torus_graph_paths(torus_graph_t *g, torus_graph_paths_t *p,
    const torus_graph_list_t *list, int ordered, torus_str_t *text);

/* The nodes of a series that make a key: torus_graph_arg_t, node or tag. */
int torus_graph_key(torus_graph_t *g, const torus_graph_series_t *s,
    const torus_graph_arg_t *nodes, size_t n, torus_str_t *key);

/* For sorting: series by their names, and strings. */
int torus_graph_by_name(const void *one, const void *two);
int torus_graph_text_cmp(const void *one, const void *two);


/* torus_graph_fold.c; in slices of the budget, or when g is NULL at once */

void torus_graph_select_start(torus_graph_select_t *o, double *values,
    size_t n, size_t rank, int both);
int torus_graph_select_run(torus_graph_t *g, torus_graph_select_t *o);

/*
 * n values, of which NaN is null; scratch has room for n, of a median only.
 * NaN becomes of none.
 */
void torus_graph_fold_start(torus_graph_folding_t *o, torus_graph_fold_t fold,
    const double *values, size_t n, double *scratch);
/* scratch may be where the values are. */
void torus_graph_percentile_start(torus_graph_folding_t *o, double percent,
    int interpolate, const double *values, size_t n, double *scratch);

/* For both of them. */
int torus_graph_fold_run(torus_graph_t *g, torus_graph_folding_t *o,
    double *value);

/* All of a series as one, or with percent that percentile: place->a. */
int torus_graph_fold_series(torus_graph_t *g, torus_graph_place_t *place,
    const torus_graph_series_t *s, torus_graph_fold_t fold,
    const double *percent);


/* torus_graph_number.c */

/* b > 0; rounded down, also below 0 */
int64_t torus_graph_floor_div(int64_t a, int64_t b);


/* torus_graph_mix.c: several series become one, in slices */

typedef struct {
    torus_graph_list_t        list;
    torus_graph_fold_t        fold;
    double                    xff;
    unsigned                  merge:1;    /* rows */
    unsigned                  all:1;      /* count: nulls too */
    unsigned                  raw:1;      /* no xff */
    double                    percent;    /* > 0: that percentile */
    unsigned                  interpolate:1;

    int64_t                   start;
    int64_t                   end;
    int64_t                   step;
    size_t                    n;
    unsigned                  phase;
    unsigned                  pass;
    unsigned                  folding:1;
    unsigned                  named:1;
    size_t                    i;
    size_t                    j;
    torus_graph_series_t     *out;
    double                   *a;
    double                   *b;
    double                   *row;
    uint32_t                 *count;
    torus_graph_thin_t        thin;
    torus_graph_folding_t     fold_of;    /* the row */
    torus_graph_paths_t       paths;
} torus_graph_mix_t;

/* list is copied; the result of an empty one is none. */
int torus_graph_mix_start(torus_graph_t *g, torus_graph_mix_t *m,
    const torus_graph_list_t *list, torus_graph_fold_t fold);

/* After TORUS_OK the same again, until it has been named. */
int torus_graph_mix_run(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t **out);

/* For what was done with the list, "funcSeries(path,..)"; TORUS_AGAIN. */
int torus_graph_mix_named(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t *s, torus_str_t func);

/* What both divide: into *step. */
int torus_graph_common_step(torus_graph_t *g, int64_t *step, int64_t other);

torus_str_t torus_graph_fold_name(torus_graph_fold_t fold);

/* Of what a function makes from nothing the name is the only tag. */
int torus_graph_own_name(torus_graph_t *g, torus_graph_series_t *s);


/* torus_graph_func_divide.c: both put on one step; null where that is none */

/* Two on their way to one.  Zeroed before the first call. */
typedef struct {
    torus_graph_series_t     *in[2];
    torus_graph_series_t     *out;
    torus_graph_thin_t        thin;
    size_t                    pad[2];    /* points that come before theirs */
    int64_t                   step;
    unsigned                  phase;
    size_t                    i;
} torus_graph_pair_t;

/* a / b * factor; TORUS_AGAIN, pair is zeroed again in the end. */
int torus_graph_quotient(torus_graph_t *g, torus_graph_pair_t *pair,
    torus_graph_series_t *a, torus_graph_series_t *b, double factor,
    torus_graph_series_t **out);


/* torus_graph_func_group.c: series with the same key */

typedef struct {
    torus_str_t               key;
    uint64_t                  hash;      /* of it */
    torus_graph_list_t        list;
    torus_graph_series_t     *sum;       /* what divides them */
    torus_str_t               sum_name;
    torus_graph_list_t        parts;     /* of the sum, if it is one */
} torus_graph_group_by_t;

typedef struct {
    torus_graph_group_by_t  **groups;
    size_t                    n;
    torus_graph_group_by_t  **table;     /* by hash, NULL: empty */
    size_t                    size;      /* of it; twice that of groups */
    size_t                    i;         /* at work */
    torus_graph_mix_t         mix;
    torus_graph_pair_t        pair;
    torus_graph_paths_t       paths;
    unsigned                  started:1;
    unsigned                  phase;
    size_t                    j;
    torus_str_t               name;
    size_t                    done;      /* of what came out */
} torus_graph_groups_t;

/* By key, a new one if there is none; in the order in which they came. */
int torus_graph_groups_get(torus_graph_t *g, torus_graph_groups_t *s,
    torus_str_t key, torus_graph_group_by_t **group);


/* torus_graph_func_summarize.c */

/* An interval, that is one in the past or to come, is never empty. */
int torus_graph_interval_check(torus_graph_t *g, torus_graph_call_t *call);


#endif /* _TORUS_GRAPH_FUNC_H_INCLUDED_ */
