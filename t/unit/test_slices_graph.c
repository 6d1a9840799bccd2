/*
 * No call of the evaluator holds the worker for long, whatever the function:
 * each one over many series, over a long one, over series of different steps
 * and over histograms, and of each call the basic blocks that it ran.
 *
 *   test_slices_graph [TARGET [SHAPE]]    one target alone
 *
 * With SLICES_TIME in the environment it says how much CPU time the longest
 * call took as well.
 */

#define _POSIX_C_SOURCE  200809L

#include <stdlib.h>
#include <time.h>

#include "torus_blocks.h"
#include "torus_graph_func.h"
#include "torus_test.h"
#include "torus_work.h"


/*
 * Blocks that a call may run: some five instructions each, so many are less
 * than a millisecond.
 */
#define SLICES_MOST  400000

#define SLICES_FROM  1600000020


/* What "s" stands for: so many series of so many points. */
typedef struct {
    const char  *name;
    size_t       series;
    size_t       points;
    unsigned     mixed;        /* every other one of another step */
    unsigned     values;       /* of a histogram at each point */
} shape_t;


static const shape_t  shapes[] = {
    { "many series", 10000, 60, 0, 0 },
    { "a long one", 1, 300000, 0, 0 },
    { "mixed steps", 10000, 60, 1, 0 },
    { "histograms", 100, 60, 0, 50 },
    { "a long one of histograms", 1, 20000, 0, 3 }
};


typedef struct {
    const shape_t        *shape;
    torus_arena_t        *arena;
    torus_graph_t        *g;
    torus_error_t         err;
    uint64_t              most;
    double                longest;     /* milliseconds of CPU time */
    double                total;
} run_t;


static double  values[300000];


static double
slices_clock(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);

    return (double) t.tv_sec * 1000 + (double) t.tv_nsec / 1000000;
}


/* Nulls, and numbers in no order. */
static void
slices_values(void)
{
    size_t    i;
    uint64_t  x;

    x = 1;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        x = x * 6364136223846793005 + 1442695040888963407;
        values[i] = (x >> 60) == 0 ? NAN : (double) (x >> 40) / 1000;
    }
}


static void
slices_rows(run_t *r, torus_graph_series_t *s)
{
    size_t         i;
    unsigned       k;
    torus_value_t  v;

    memset(&v, 0, sizeof(torus_value_t));
    v.kind = TORUS_VALUE_INT;

    s->type = TORUS_HISTOGRAM;
    s->typed = 1;
    s->values = NULL;
    s->rows = torus_arena_calloc(r->arena, s->n + 1, sizeof(torus_row_t));

    for (i = 0; i < s->n; i++) {
        torus_row_init(&s->rows[i], TORUS_HISTOGRAM);

        for (k = 0; k < r->shape->values; k++) {
            v.i = (int64_t) (i * 7 + k * 13) % 200;
            (void) torus_row_add(&s->rows[i], r->arena, &v, 1);
        }

        torus_row_fold(&s->rows[i]);
    }
}


/* "s.*" is the shape's, "one" a series of as many points. */
static void
slices_supply(run_t *r, torus_graph_leaf_t *leaf)
{
    char                    name[64];
    size_t                  i, j, n;
    int64_t                 step;
    torus_graph_series_t  **list, *s;

    n = torus_str_is(leaf->path, "one") ? 1 : r->shape->series;

    list = torus_arena_alloc(r->arena, n * sizeof(torus_graph_series_t *));

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "s.group%02zu.series%06zu", i % 100,
                 i * 7919 % 100003);

        step = r->shape->mixed && i % 2 != 0 ? 40 : 60;

        s = torus_graph_series(r->g, leaf,
                               torus_str(name, strlen(name)), step, 0);
        if (s == NULL) {
            bail_out("out of memory");
        }

        list[i] = s;

        if (r->shape->values != 0 && !torus_str_is(leaf->path, "one")) {
            slices_rows(r, s);
            continue;
        }

        for (j = 0; j < s->n; j++) {
            s->values[j] = values[(i * 31 + j)
                                  % (sizeof(values) / sizeof(values[0]))];
        }
    }

    if (torus_graph_supply(r->g, leaf, list, n, &r->err) != TORUS_OK) {
        bail_out("supply: %s", r->err.text);
    }
}


static void
slices_took(run_t *r, double since)
{
    double  ms;

    ms = slices_clock() - since;

    r->longest = ms > r->longest ? ms : r->longest;
    r->total += ms;
    r->most = blocks > r->most ? blocks : r->most;
}


static int
slices_eval(run_t *r, size_t max)
{
    int                    rc;
    double                 since;
    size_t                 i, n;
    torus_graph_leaf_t   **leaves;

    for ( ;; ) {
        since = slices_clock();
        blocks = 0;
        rc = torus_graph_eval(r->g, TORUS_WORK_SLICE, &r->err);
        slices_took(r, since);

        if (rc == TORUS_AGAIN) {
            continue;
        }

        if (rc != TORUS_DECLINED) {
            break;
        }

        leaves = torus_graph_leaves(r->g, &n);

        for (i = 0; i < n; i++) {
            if (!leaves[i]->supplied) {
                slices_supply(r, leaves[i]);
            }
        }
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    do {
        since = slices_clock();
        blocks = 0;
        rc = torus_graph_limit_points(r->g, max, TORUS_WORK_SLICE, &r->err);
        slices_took(r, since);
    } while (rc == TORUS_AGAIN);

    return rc;
}


static void
slices_check(const shape_t *shape, const char *target, size_t max)
{
    int                   rc;
    run_t                 r;
    torus_graph_params_t  params;

    memset(&r, 0, sizeof(run_t));
    memset(&params, 0, sizeof(torus_graph_params_t));

    r.shape = shape;
    r.arena = torus_arena_create(65536, 0);

    params.span.from = SLICES_FROM;
    params.span.until = SLICES_FROM + (int64_t) shape->points * 60;
    params.now = params.span.until;

    r.g = torus_graph_create(r.arena, &params);

    if (r.arena == NULL || r.g == NULL) {
        bail_out("out of memory");
    }

    rc = torus_graph_prepare(r.g, torus_str(target, strlen(target)), &r.err);

    if (rc == TORUS_OK) {
        rc = slices_eval(&r, max);
    }

    ok(rc == TORUS_OK && r.most <= SLICES_MOST,
       "%s, %s: at most %" PRIu64 " blocks at once%s%s", shape->name, target,
       r.most, rc == TORUS_OK ? "" : ": ", rc == TORUS_OK ? "" : r.err.text);

    if (getenv("SLICES_TIME") != NULL) {
        diag("%8.3f ms at once of %9.3f, %9" PRIu64 " blocks, %s, %s",
             r.longest, r.total, r.most, shape->name, target);
    }

    torus_arena_destroy(r.arena);
}


/* An argument that suits the parameter. */
static const char *
slices_param(const torus_graph_param_t *p, char *text, size_t size)
{
    size_t       n;
    const char  *words;

    switch (p->type) {

    case TORUS_GRAPH_SERIES_LIST:
        return strcmp(p->name, "divisorSeries") == 0 ? "one" : "s.*";

    case TORUS_GRAPH_ANY:
        return "s.*";

    case TORUS_GRAPH_NODE:
    case TORUS_GRAPH_NODE_OR_TAG:
        return "1";

    case TORUS_GRAPH_INTEGER:
    case TORUS_GRAPH_INT_OR_INF:
        return "5";

    case TORUS_GRAPH_FLOAT:
        return strcmp(p->name, "xFilesFactor") == 0 ? "0.5" : "2.5";

    case TORUS_GRAPH_BOOLEAN:
        return "true";

    case TORUS_GRAPH_INTERVAL:
    case TORUS_GRAPH_INT_OR_INTERVAL:
        return "'10min'";

    case TORUS_GRAPH_AGG:
        return "'median'";

    case TORUS_GRAPH_TAG:
        return "'name'";

    default:
        break;
    }

    words = p->options != NULL ? p->options : p->suggestions;

    if (words == NULL) {
        return strcmp(p->name, "alignTo") == 0 ? "'hours'" : "'s0'";
    }

    n = strcspn(words, " ");
    snprintf(text, size, "'%.*s'", (int) n, words);

    return text;
}


/* With the arguments it needs, and with all that it may have. */
static void
slices_function(const shape_t *shape, const torus_graph_func_t *func)
{
    char                        target[2][512], text[64], *p;
    size_t                      i, k;
    const torus_graph_param_t  *param;

    for (k = 0; k < 2; k++) {
        p = target[k];
        p += sprintf(p, "%s(", func->name);

        for (i = 0; func->params[i].name != NULL; i++) {
            param = &func->params[i];

            if (i != 0 && k == 0 && !(param->flags & TORUS_GRAPH_REQUIRED)) {
                break;
            }

            p += sprintf(p, "%s%s", i == 0 ? "" : ",",
                         slices_param(param, text, sizeof(text)));
        }

        strcpy(p, ")");

        if (k == 0 || strcmp(target[0], target[1]) != 0) {
            slices_check(shape, target[k], 0);
        }
    }
}


/* percentile() and others need histograms. */
static int
slices_suits(const shape_t *shape, const char *name)
{
    size_t  i;

    static const char *const  names[] = {
        "percentile", "count", "mean", "histogramBuckets"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return shape->values != 0;
        }
    }

    return 1;
}


static void
test_functions(const shape_t *shape)
{
    size_t                     i, k;
    const torus_graph_func_t  *func;

    static const torus_graph_func_t *const  tables[] = {
        torus_graph_combine, torus_graph_divisions, torus_graph_percents,
        torus_graph_grouping, torus_graph_transform, torus_graph_summaries,
        torus_graph_times, torus_graph_calculate, torus_graph_filter,
        torus_graph_sort, torus_graph_alias, torus_graph_special
    };

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {

        for (k = 0; tables[i][k].name != NULL; k++) {
            func = &tables[i][k];

            if ((func->map != NULL || func->run != NULL)
                && slices_suits(shape, func->name))
            {
                slices_function(shape, func);
            }
        }
    }
}


/* What the table's parameters do not lead to. */
static void
test_others(const shape_t *shape)
{
    size_t  i;

    static const char *const  targets[] = {
        "s.*", "asPercent(s.*,one)", "asPercent(s.*,5)",
        "asPercent(s.*,s.*,2)", "groupByNode(s.*,2,'sum')",
        "groupByNodes(s.*,'stddev',1,2)", "weightedAverage(s.*,s.*,2)",
        "weightedAverage(aliasByNode(s.*,2),s.*,2)",
        "weightedAverage(aggregateLine(s.*),s.*,2)",
        "movingMedian(s.*,1000)", "movingWindow(s.*,7,'stddev')",
        "movingAverage(s.*,20)", "summarize(s.*,'30d','median')",
        "summarize(s.*,'1min')", "hitcount(s.*,'1s')", "hitcount(s.*,'30d')",
        "aggregateLine(s.*,'stddev')", "filterSeries(s.*,'stddev','>',0)",
        "transformNull(s.*,0,s.*)", "mostDeviant(s.*,10000)",
        "highest(s.*,5,'last')", "unique(s.*,s.*)", "group(s.*,one,s.*)",
        "sumSeries(timeStack(s.*,'1h',0,3))", "consolidateBy(s.*,'max')"
    };

    for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        slices_check(shape, targets[i], 0);
    }

    /* folded to fewer points */

    slices_check(shape, "s.*", 40);
    slices_check(shape, "s.*", 1);
    slices_check(shape, "consolidateBy(s.*,'last')", 1);
}


int
main(int argc, char **argv)
{
    size_t  i;

    slices_values();

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {

        if (argc > 2 && strcmp(argv[2], shapes[i].name) != 0) {
            continue;
        }

        if (argc > 1 && argv[1][0] != '\0') {
            slices_check(&shapes[i], argv[1], 0);
            continue;
        }

        test_functions(&shapes[i]);
        test_others(&shapes[i]);
    }

    return done_testing();
}
