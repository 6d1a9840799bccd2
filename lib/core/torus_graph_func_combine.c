/*
 * Combine: all series become one.
 */

#include "torus_graph_func.h"


static int torus_graph_aggregate(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_count_series(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_count_none(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_percentile_of(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_percentile_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_multiply(torus_graph_t *g, torus_graph_frame_t *f);


#define ROW(name, fold, text)                                                 \
    { name, TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, fold, NULL, NULL, NULL,    \
      torus_graph_aggregate, P(P_LISTS), text }


const torus_graph_func_t  torus_graph_combine[] = {

    ROW("sumSeries", TORUS_GRAPH_SUM,
        "The sum of all series at each point."),
    ROW("averageSeries", TORUS_GRAPH_AVERAGE,
        "The mean of all series at each point."),
    ROW("avg", TORUS_GRAPH_AVERAGE,
        "Short for averageSeries."),
    ROW("minSeries", TORUS_GRAPH_MIN,
        "The least of all series at each point."),
    ROW("maxSeries", TORUS_GRAPH_MAX,
        "The greatest of all series at each point."),
    ROW("stddevSeries", TORUS_GRAPH_STDDEV,
        "The standard deviation of all series at each point."),
    ROW("rangeOfSeries", TORUS_GRAPH_RANGE,
        "The greatest less the least of all series at each point."),
    ROW("diffSeries", TORUS_GRAPH_DIFF,
        "The first series less all others at each point."),

    { "multiplySeries", TORUS_GRAPH_COMBINE, 0, TORUS_GRAPH_MULTIPLY, NULL,
      NULL, NULL, torus_graph_multiply, P(P_LISTS),
      "The product of all series at each point, null if one is." },

    { "aggregate", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, -1, NULL, NULL,
      NULL, torus_graph_aggregate,
      P(P_SERIES, P_NEED("func", AGG), P_MAY("xFilesFactor", FLOAT, NULL)),
      "All series at each point, put together by a function." },

    { "countSeries", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_count_series, P(P_ALL("seriesLists", SERIES_LIST, 0)),
      "How many series there are." },

    { "percentileOfSeries", TORUS_GRAPH_COMBINE, 0, 0,
      torus_graph_percentile_check, NULL, NULL, torus_graph_percentile_of,
      P(P_SERIES, P_NEED("n", FLOAT), P_MAY("interpolate", BOOLEAN, "false")),
      "A percentile of all series at each point." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* variant: the fold, or -1: it is an argument */
static int
torus_graph_aggregate(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    torus_str_t               name;
    torus_graph_mix_t        *m;
    torus_graph_fold_t        fold;
    torus_graph_list_t        list;
    torus_graph_series_t     *s;
    const torus_graph_arg_t  *args;

    args = f->call->args;

    if (f->call->func->variant < 0) {
        fold = args[1].fold;
        name = args[1].text;

    } else {
        fold = (torus_graph_fold_t) f->call->func->variant;
        name = torus_graph_fold_name(fold);
    }

    if (f->state == NULL) {
        m = torus_arena_calloc(torus_graph_arena(g), 1,
                               sizeof(torus_graph_mix_t));
        if (m == NULL) {
            return TORUS_ERROR;
        }

        if (f->call->func->variant < 0) {
            list = f->lists[0];

        } else if (torus_graph_gather(g, f, 0, &list) != TORUS_OK) {
            return TORUS_ERROR;
        }

        m->xff = torus_graph_params(g)->xff;
        m->merge = (fold == TORUS_GRAPH_SUM || fold == TORUS_GRAPH_AVERAGE);

        if (f->call->func->variant < 0 && args[2].set) {
            m->xff = args[2].number;
        }

        rc = torus_graph_mix_start(g, m, &list, fold);
        if (rc != TORUS_OK) {
            return rc;
        }

        f->state = m;
    }

    m = f->state;

    if (m->list.n == 0) {
        return TORUS_OK;
    }

    rc = torus_graph_mix_run(g, m, &s);

    if (rc == TORUS_OK) {
        rc = torus_graph_mix_named(g, m, s, name);
    }

    return (rc == TORUS_OK) ? torus_graph_add(g, &f->out, s) : rc;
}


static int
torus_graph_count_series(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                    rc;
    torus_str_t            paths;
    torus_graph_mix_t     *m;
    torus_graph_list_t     list;
    torus_graph_series_t  *s;

    if (f->call->nargs == 0) {
        return torus_graph_count_none(g, f);
    }

    if (f->state == NULL) {
        m = torus_arena_calloc(torus_graph_arena(g), 1,
                               sizeof(torus_graph_mix_t));

        if (m == NULL || torus_graph_gather(g, f, 0, &list) != TORUS_OK) {
            return TORUS_ERROR;
        }

        m->all = 1;

        if (torus_graph_mix_start(g, m, &list, TORUS_GRAPH_COUNT) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        f->state = m;
    }

    m = f->state;

    if (m->list.n == 0) {
        return TORUS_OK;
    }

    rc = torus_graph_mix_run(g, m, &s);

    if (rc == TORUS_OK) {
        rc = torus_graph_paths(g, &m->paths, &m->list, 0, &paths);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    s->xff = torus_graph_params(g)->xff;

    if (torus_graph_rename(g, s, "countSeries(%.*s)", torus_fmt(paths))
        != TORUS_OK
        || torus_graph_own_name(g, s) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_add(g, &f->out, s);
}


/* Of no argument at all: none, as a line. */
static int
torus_graph_count_none(torus_graph_t *g, torus_graph_frame_t *f)
{
    int64_t                step;
    torus_graph_series_t  *s;

    s = torus_graph_make(g, torus_str("0", 1), f->span.from, f->span.until, 1,
                         3);

    if (s == NULL || torus_graph_own_name(g, s) != TORUS_OK) {
        return TORUS_ERROR;
    }

    step = (f->span.until - f->span.from) / 2;

    s->step = step < 1 ? 1 : step;
    s->path = torus_str("countSeries()", 13);
    memset(s->values, 0, 3 * sizeof(double));

    return torus_graph_add(g, &f->out, s);
}


static int
torus_graph_percentile_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (!(call->args[1].number > 0)) {
        return torus_graph_wrong(g, call, 1, "greater than 0");
    }

    return TORUS_OK;
}


static int
torus_graph_percentile_of(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    torus_graph_mix_t        *m;
    torus_graph_series_t     *s;
    const torus_graph_arg_t  *args;

    args = f->call->args;

    if (f->lists[0].n == 0) {
        return TORUS_OK;
    }

    if (f->state == NULL) {
        m = torus_arena_calloc(torus_graph_arena(g), 1,
                               sizeof(torus_graph_mix_t));
        if (m == NULL) {
            return TORUS_ERROR;
        }

        m->xff = torus_graph_params(g)->xff;
        m->raw = 1;
        m->percent = args[1].number;
        m->interpolate = (args[2].number != 0);

        rc = torus_graph_mix_start(g, m, &f->lists[0], TORUS_GRAPH_MEDIAN);
        if (rc != TORUS_OK) {
            return rc;
        }

        f->state = m;
    }

    m = f->state;

    rc = torus_graph_mix_run(g, m, &s);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (torus_graph_rename(g, s, "percentileOfSeries(%.*s,%s)",
                           torus_fmt(f->lists[0].items[0]->path),
                           torus_graph_g(args[1].number).text) != TORUS_OK
        || torus_graph_own_name(g, s) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_add(g, &f->out, s);
}


static int
torus_graph_multiply(torus_graph_t *g, torus_graph_frame_t *f)
{
    if (f->call->nargs == 1 && f->lists[0].n == 1) {
        f->out = f->lists[0];
        return TORUS_OK;
    }

    return torus_graph_aggregate(g, f);
}
