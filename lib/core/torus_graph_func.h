/*
 * Between the evaluator and the functions of /render, for nobody else.
 *
 * A function is an entry of the table of its group: its name, what /functions
 * says of it, its parameters, and one of
 *
 *   map    one series in, one out, or none: TORUS_DECLINED.  The evaluator
 *          goes through the list and keeps to the budget.
 *   run    the lists of all arguments in, f->out filled.  A long one returns
 *          TORUS_AGAIN when torus_graph_spent(), its progress in f->state.
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
    TORUS_GRAPH_ANY           /* a list, a number or a string */
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
};


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

    /* the evaluator's */
    torus_graph_list_t       *result;     /* where out goes in the end */
    unsigned                  phase;
    size_t                    arg;
    size_t                    i;
};


#define TORUS_GRAPH_ROWS    1   /* takes series whose rows are not reduced */
#define TORUS_GRAPH_HIDDEN  2   /* not in /functions */

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

/* A limit of ours: TORUS_ERROR and 413. */
int torus_graph_over(torus_graph_t *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* n points were worked through; is the budget used up? */
void torus_graph_work(torus_graph_t *g, size_t n);
int torus_graph_spent(const torus_graph_t *g);

/* n doubles, counted against the limit of points.  NULL: out of memory. */
double *torus_graph_points(torus_graph_t *g, size_t n);

int torus_graph_add(torus_graph_t *g, torus_graph_list_t *list,
    torus_graph_series_t *s);

/* all lists of a call, one behind the other, from argument first on */
int torus_graph_gather(torus_graph_t *g, const torus_graph_frame_t *f,
    size_t first, torus_graph_list_t *list);

/* a regex of check(), see torus_graph_func_alias.c */
typedef struct torus_graph_regex_s  torus_graph_regex_t;

int torus_graph_regex_compile(torus_graph_t *g, torus_str_t text,
    const torus_str_t *replace, torus_graph_regex_t **re);
int torus_graph_regex_search(const torus_graph_regex_t *re, torus_str_t s);


/* torus_graph_series.c */

/* A series that may be changed, but for its values. */
torus_graph_series_t *torus_graph_edit(torus_graph_t *g,
    torus_graph_series_t *s);

/* And its values too; rows are gone. */
torus_graph_series_t *torus_graph_write(torus_graph_t *g,
    torus_graph_series_t *s);

/* The first time after t on a grid. */
int64_t torus_graph_after(int64_t t, int64_t step, int64_t phase);

/* A series like it without values, of n points. */
torus_graph_series_t *torus_graph_like(torus_graph_t *g,
    const torus_graph_series_t *s, size_t n);

/* A series of its own; of NULL the name is empty and the tags are too. */
torus_graph_series_t *torus_graph_make(torus_graph_t *g, torus_str_t name,
    int64_t start, int64_t end, int64_t step, size_t n);

/* Computes values from rows where that was not done. */
int torus_graph_values(torus_graph_t *g, torus_graph_series_t *s);

/* May rows be merged, that is do they not simply add up? */
int torus_graph_mergeable(const torus_graph_series_t *s);

/* k points become one. */
int torus_graph_consolidate(torus_graph_t *g, torus_graph_series_t *s,
    size_t k, torus_graph_series_t **out);

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

/* The distinct paths, comma-joined. */
int torus_graph_paths(torus_graph_t *g, const torus_graph_list_t *list,
    torus_str_t *text);

/* The nodes of a series that make a key: torus_graph_arg_t, node or tag. */
int torus_graph_key(torus_graph_t *g, const torus_graph_series_t *s,
    const torus_graph_arg_t *nodes, size_t n, torus_str_t *key);

/* For qsort(): series by their names, and strings. */
int torus_graph_by_name(const void *one, const void *two);
int torus_graph_text_cmp(const void *one, const void *two);


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
    size_t                    ready;      /* series on that step */
    size_t                    i;
    unsigned                  pass;
    double                   *a;
    double                   *b;
    uint32_t                 *count;
    torus_row_t              *rows;
} torus_graph_mix_t;

/* list is copied; the result of an empty one is none. */
int torus_graph_mix_start(torus_graph_t *g, torus_graph_mix_t *m,
    const torus_graph_list_t *list, torus_graph_fold_t fold);
int torus_graph_mix_run(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t **out);

/* On one step: consolidated where need be, with leading nulls to skip. */
int torus_graph_normalize(torus_graph_t *g, torus_graph_list_t *list,
    int64_t *start, int64_t *end, int64_t *step);

/* Names it for what was done with the list: "funcSeries(path,..)". */
int torus_graph_mix_named(torus_graph_t *g, torus_graph_series_t *s,
    const torus_graph_list_t *list, torus_str_t func);
torus_str_t torus_graph_fold_name(torus_graph_fold_t fold);

/* Of what a function makes from nothing the name is the only tag. */
int torus_graph_own_name(torus_graph_t *g, torus_graph_series_t *s);


/* torus_graph_func_group.c: series with the same key */

typedef struct {
    torus_str_t               key;
    torus_graph_list_t        list;
    torus_graph_series_t     *sum;       /* what divides them */
    torus_str_t               sum_name;
    torus_graph_list_t        parts;     /* of the sum, if it is one */
} torus_graph_group_by_t;

typedef struct {
    torus_graph_group_by_t   *groups;
    size_t                    n;
    size_t                    size;
    size_t                   *table;     /* index + 1 by hash, 0: empty */
    size_t                    table_size;
    size_t                    i;         /* at work */
    torus_graph_mix_t         mix;
    unsigned                  started:1;
    unsigned                  phase;
    size_t                    j;
} torus_graph_groups_t;

/* By key, a new one if there is none; in the order in which they came. */
int torus_graph_groups_get(torus_graph_t *g, torus_graph_groups_t *s,
    torus_str_t key, torus_graph_group_by_t **group);


/* torus_graph_func_divide.c: both put on one step; null where that is none */

/* a / b * factor */
int torus_graph_quotient(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, double factor, torus_graph_series_t **out);


/* torus_graph_func_summarize.c */

/* An interval, that is one in the past or to come, is never empty. */
int torus_graph_interval_check(torus_graph_t *g, torus_graph_call_t *call);


#endif /* _TORUS_GRAPH_FUNC_H_INCLUDED_ */
