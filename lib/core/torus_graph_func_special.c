/*
 * Special: lines that come from nowhere, hints for drawing, and what looks
 * into histograms.
 *
 * percentile() and mean() leave the rows of a series as they are and say
 * only what is to become of them; a function that puts points together
 * merges them first.  count(), sum() and rate() are numbers at once.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


/* A histogram on its way to a series for each of its values. */
typedef struct {
    size_t        i;           /* series at work */
    unsigned      phase;
    size_t        j;           /* its row, or value */
    size_t        first;       /* of what is made of it */
    torus_row_t   values;      /* of all rows */
} torus_graph_buckets_t;


/* randomWalk() at work. */
typedef struct {
    torus_graph_series_t  *series;
    size_t                 i;
    double                 value;
    uint64_t               random;
} torus_graph_walk_t;


/* sum() of histograms: each of the list. */
typedef struct {
    torus_graph_list_t     list;
    size_t                 i;
} torus_graph_sums_t;


static int torus_graph_constant(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_identity(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_random_walk(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_walk_start(torus_graph_t *g, torus_graph_frame_t *f,
    int64_t step);
static int torus_graph_consolidate_by(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_series_t *s,
    torus_graph_series_t **out);
static int torus_graph_fallback(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_pass(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_drawn(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_dashed(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_stacked(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_percent_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_reduce(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_sum(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_sum_known(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_reduced(torus_graph_t *g, torus_graph_series_t *s,
    const char *name, torus_graph_series_t **out);
static int torus_graph_rate(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_histogram_buckets(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_buckets_known(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_buckets_t *b);
static int torus_graph_buckets_made(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_buckets_t *b);
static int torus_graph_buckets_filled(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_buckets_t *b);
static int torus_graph_bucket_series(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_series_t *s,
    const torus_value_t *value);
static int torus_graph_bucket_cmp(const void *key, const void *item);
static int torus_graph_is_plain(const torus_graph_series_t *s);
static int torus_graph_has_rows(torus_graph_t *g,
    const torus_graph_func_t *func, const torus_graph_series_t *s);


enum {
    PERCENTILE = 0, COUNT, MEAN
};

#define PASS(name, group, params, text)                                       \
    { name, group, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0, NULL, NULL,         \
      torus_graph_pass, NULL, params, text }

#define DRAWN(name, text)                                                     \
    { name, TORUS_GRAPH_DRAWING, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,       \
      NULL, NULL, torus_graph_drawn, NULL, P(P_SERIES), text }

#define REDUCE(name, what, check, params, text)                               \
    { name, TORUS_GRAPH_SPECIAL, TORUS_GRAPH_ROWS, what, check, NULL,         \
      torus_graph_reduce, NULL, params, text }


const torus_graph_func_t  torus_graph_special[] = {

    { "constantLine", TORUS_GRAPH_SPECIAL, 0, 0, NULL, NULL, NULL,
      torus_graph_constant, P(P_NEED("value", FLOAT)),
      "A flat line." },

    { "threshold", TORUS_GRAPH_DRAWING, 0, 0, NULL, NULL, NULL,
      torus_graph_constant,
      P(P_NEED("value", FLOAT), P_MAY("label", STRING, NULL),
        P_MAY("color", STRING, NULL)),
      "A flat line with a label." },

    { "identity", TORUS_GRAPH_CALCULATE, 0, 0, NULL, NULL, NULL,
      torus_graph_identity, P(P_NEED("name", STRING)),
      "The time in seconds, a point each minute." },

    { "randomWalk", TORUS_GRAPH_SPECIAL, 0, 0, NULL, NULL, NULL,
      torus_graph_random_walk,
      P(P_NEED("name", STRING), P_MAY("step", INTEGER, "60")),
      "Values that go up and down at random." },

    { "randomWalkFunction", TORUS_GRAPH_SPECIAL, 0, 0, NULL, NULL, NULL,
      torus_graph_random_walk,
      P(P_NEED("name", STRING), P_MAY("step", INTEGER, "60")),
      "Values that go up and down at random." },

    { "consolidateBy", TORUS_GRAPH_SPECIAL, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN,
      0, NULL, NULL, torus_graph_consolidate_by, NULL,
      P(P_SERIES,
        { "consolidationFunc", TORUS_GRAPH_STRING, TORUS_GRAPH_REQUIRED, NULL,
          "average avg avg_zero first last max min sum", NULL }),
      "How points are put together where there are too many." },

    { "cumulative", TORUS_GRAPH_SPECIAL, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      torus_graph_consolidate_by, NULL, P(P_SERIES),
      "Points are added up where there are too many." },

    { "fallbackSeries", TORUS_GRAPH_SPECIAL, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_fallback,
      P(P_SERIES, P_NEED("fallback", SERIES_LIST)),
      "Other series when there are none." },

    PASS("color", TORUS_GRAPH_DRAWING,
         P(P_SERIES, P_NEED("theColor", STRING)), "For drawing."),
    PASS("lineWidth", TORUS_GRAPH_DRAWING,
         P(P_SERIES, P_NEED("width", FLOAT)), "For drawing."),
    PASS("alpha", TORUS_GRAPH_DRAWING,
         P(P_SERIES, P_NEED("alpha", FLOAT)), "For drawing."),
    PASS("legendValue", TORUS_GRAPH_ALIAS,
         P(P_SERIES, P_ALL("valuesTypes", STRING, 0)), "For drawing."),
    PASS("cactiStyle", TORUS_GRAPH_SPECIAL,
         P(P_SERIES, P_MAY("system", STRING, NULL),
           P_MAY("units", STRING, NULL)), "For drawing."),

    DRAWN("secondYAxis", "For drawing."),
    DRAWN("drawAsInfinite", "For drawing."),

    { "dashed", TORUS_GRAPH_DRAWING, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,
      NULL, NULL, torus_graph_dashed, NULL,
      P(P_SERIES, P_MAY("dashLength", FLOAT, "5")), "For drawing." },

    { "stacked", TORUS_GRAPH_DRAWING, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      torus_graph_stacked, NULL,
      P(P_NEED("seriesLists", SERIES_LIST), P_MAY("stack", STRING, NULL)),
      "For drawing." },

    REDUCE("percentile", PERCENTILE, torus_graph_percent_check,
           P(P_SERIES, P_NEED("n", FLOAT)),
           "The percentile of a histogram, taken after all merging."),
    REDUCE("count", COUNT, NULL, P(P_SERIES),
           "How many values a histogram has."),
    REDUCE("mean", MEAN, NULL, P(P_SERIES),
           "The mean of a histogram, taken after all merging."),

    { "sum", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, TORUS_GRAPH_SUM, NULL,
      NULL, NULL, torus_graph_sum, P(P_LISTS),
      "The sum of the values of each histogram, else short for sumSeries." },

    { "rate", TORUS_GRAPH_TRANSFORM, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      torus_graph_rate, NULL, P(P_SERIES),
      "What adds up, per second: comparable whatever the interval." },

    { "histogramBuckets", TORUS_GRAPH_SPECIAL, TORUS_GRAPH_ROWS, 0, NULL,
      NULL, NULL, torus_graph_histogram_buckets, P(P_SERIES),
      "A series for each value of a histogram: how often it occurs." },

    /* how leaves are read; these two are never called */

    { "interval", TORUS_GRAPH_SPECIAL, 0, 0, NULL, NULL, NULL, NULL,
      P(P_SERIES, P_NEED("name", STRING)),
      "The interval of that name answers." },

    { "schema", TORUS_GRAPH_SPECIAL, 0, 0, NULL, NULL, NULL, NULL,
      P(P_SERIES, P_NEED("name", STRING)),
      "The schema of that name answers." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* threshold() has a label */
static int
torus_graph_constant(torus_graph_t *g, torus_graph_frame_t *f)
{
    int64_t                   step;
    torus_str_t               name;
    torus_graph_g_t           repr;
    torus_graph_series_t     *s;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    repr = torus_graph_repr(args[0].number);
    step = (f->span.until - f->span.from) / 2;

    if (torus_graph_text(g, &name, "%s", repr.text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    s = torus_graph_make(g, name, f->span.from, f->span.until,
                         step < 1 ? 1 : step, 3);

    if (s == NULL || torus_graph_tags_of(g, s, name) != TORUS_OK
        || torus_graph_text(g, &s->path, "constantLine(%s)", repr.text)
           != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if (f->call->nargs > 1 && args[1].set && args[1].text.len != 0) {
        s->name = args[1].text;
    }

    s->values[0] = args[0].number;
    s->values[1] = args[0].number;
    s->values[2] = args[0].number;

    return torus_graph_add(g, &f->out, s);
}


static int
torus_graph_identity(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                    rc;
    size_t                 n;
    torus_str_t            name;
    torus_graph_place_t   *p;
    torus_graph_series_t  *s;

    p = &f->place;
    name = f->call->args[0].text;

    if (p->to == NULL) {
        rc = torus_graph_count(g, f->span.until - f->span.from, 60, &n);
        if (rc != TORUS_OK) {
            return rc;
        }

        s = torus_graph_make(g, name, f->span.from, f->span.until, 60, n);

        if (s == NULL || torus_graph_tags_of(g, s, name) != TORUS_OK
            || torus_graph_text(g, &s->path, "identity(\"%.*s\")",
                                torus_fmt(name)) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        p->to = s;
    }

    s = p->to;
    n = torus_graph_some(g, p->i, s->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        s->values[p->i] = (double) (f->span.from + (int64_t) p->i * 60);
    }

    return n < s->n ? TORUS_AGAIN : torus_graph_add(g, &f->out, s);
}


/* The same for the same name and request: a redraw does not shake. */
static int
torus_graph_random_walk(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                        rc;
    size_t                     n;
    int64_t                    step;
    uint64_t                   z;
    torus_graph_walk_t        *w;
    torus_graph_series_t      *s;
    const torus_graph_arg_t   *args;

    args = f->call->args;
    step = args[1].set ? (int64_t) args[1].number : 60;

    if (step < 1) {
        return torus_graph_wrong(g, f->call, 1, "at least a second");
    }

    if (f->state == NULL) {
        rc = torus_graph_walk_start(g, f, step);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    w = f->state;
    s = w->series;
    n = torus_graph_some(g, w->i, s->n, 1);

    for ( /* void */ ; w->i < n; w->i++) {
        s->values[w->i] = w->value;

        /* splitmix64 */
        w->random += 0x9e3779b97f4a7c15;
        z = w->random;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        z ^= z >> 31;

        w->value += (double) (z >> 11) / 9007199254740992.0 - 0.5;
    }

    return n < s->n ? TORUS_AGAIN : torus_graph_add(g, &f->out, s);
}


static int
torus_graph_walk_start(torus_graph_t *g, torus_graph_frame_t *f, int64_t step)
{
    int                  rc;
    size_t               n;
    torus_str_t          name;
    torus_graph_walk_t  *w;

    name = f->call->args[0].text;

    rc = torus_graph_count(g, f->span.until - f->span.from, step, &n);
    if (rc != TORUS_OK) {
        return rc;
    }

    w = torus_arena_calloc(torus_graph_arena(g), 1,
                           sizeof(torus_graph_walk_t));
    if (w == NULL) {
        return TORUS_ERROR;
    }

    w->random = torus_hash(name.data, name.len, torus_graph_params(g)->seed);
    w->series = torus_graph_make(g, name, f->span.from, f->span.until, step,
                                 n);
    f->state = w;

    return w->series != NULL ? torus_graph_tags_of(g, w->series, name)
                             : TORUS_ERROR;
}


static int
torus_graph_consolidate_by(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    torus_str_t               func;
    torus_graph_fold_t        fold;
    const torus_graph_arg_t  *arg;

    arg = &f->call->args[1];
    func = torus_str("sum", 3);
    fold = TORUS_GRAPH_SUM;

    if (f->call->nargs > 1 && arg->set) {
        func = arg->text;

        /* which is one of its options */

        (void) torus_graph_fold_points(func, &fold);
    }

    *out = torus_graph_edit(g, s);

    if (*out == NULL
        || torus_graph_tag(g, *out, "consolidateBy", func) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    (*out)->fold = fold;

    if ((*out)->rows != NULL) {
        (void) torus_graph_reduce_by(*out, fold);
    }

    return torus_graph_rename(g, *out, "consolidateBy(%.*s,\"%.*s\")",
                              torus_fmt(s->name), torus_fmt(func));
}


static int
torus_graph_fallback(torus_graph_t *g, torus_graph_frame_t *f)
{
    (void) g;

    f->out = f->lists[0].n != 0 ? f->lists[0] : f->lists[1];

    return TORUS_OK;
}


static int
torus_graph_pass(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    (void) g;
    (void) f;

    *out = s;

    return TORUS_OK;
}


static int
torus_graph_drawn(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    *out = torus_graph_edit(g, s);

    if (*out == NULL
        || torus_graph_tagz(g, *out, f->call->func->name, "1") != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_named(g, *out, "%s(%.*s)", f->call->func->name,
                             torus_fmt(s->name));
}


static int
torus_graph_dashed(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    n;
    torus_graph_g_t           tag, text;
    const torus_graph_arg_t  *arg;

    arg = &f->call->args[1];
    n = arg->set ? arg->number : 5;
    text = torus_graph_g(n);
    tag = torus_graph_repr(n);

    if (!arg->set || arg->integer) {
        (void) snprintf(tag.text, sizeof(tag.text), "%.0f", n);
    }

    *out = torus_graph_edit(g, s);

    if (*out == NULL
        || torus_graph_tagz(g, *out, "dashed", tag.text) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_named(g, *out, "dashed(%.*s, %s)", torus_fmt(s->name),
                             text.text);
}


/* Whoever draws does the stacking. */
static int
torus_graph_stacked(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    *out = torus_graph_edit(g, s);

    if (*out != NULL && f->call->args[1].set) {
        return torus_graph_rename(g, *out, "%.*s", torus_fmt(s->name));
    }

    if (*out == NULL
        || torus_graph_tagz(g, *out, "stacked", "__DEFAULT__") != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, *out, "stacked(%.*s)", torus_fmt(s->name));
}


static int
torus_graph_percent_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (!(call->args[1].number > 0) || call->args[1].number > 100) {
        return torus_graph_wrong(g, call, 1, "greater than 0 and at most 100");
    }

    return TORUS_OK;
}


/* Only a series with distributions has something to look into. */
static int
torus_graph_has_rows(torus_graph_t *g, const torus_graph_func_t *func,
    const torus_graph_series_t *s)
{
    char    name[100];
    size_t  n;

    if (s->rows != NULL) {
        return TORUS_OK;
    }

    n = torus_escape(name, 80, s->name);

    return torus_graph_fault(g, "%s() needs a histogram, which \"%.*s\" is "
                             "not", func->name, (int) n, name);
}


/* Are there rows, and has no function said what becomes of them? */
static int
torus_graph_is_plain(const torus_graph_series_t *s)
{
    return s->rows != NULL
           && (s->reduce.function == NULL || s->reduce.folded);
}


/* variant: PERCENTILE, COUNT, MEAN */
static int
torus_graph_reduce(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                     param;
    const char                *name;
    torus_graph_g_t            text;
    torus_graph_series_t      *to;
    const torus_graph_func_t  *func;

    static const char *const  names[] = { "p50", "count", "mean" };

    func = f->call->func;

    if (torus_graph_has_rows(g, func, s) != TORUS_OK) {
        return TORUS_INVALID;
    }

    to = torus_graph_edit(g, s);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    *out = to;
    param = 0;
    name = names[func->variant];

    to->values = NULL;
    to->own_values = 0;
    to->making = NULL;
    to->reduce.function = torus_function_find(torus_str(name, strlen(name)),
                                              &param);
    to->reduce.param = f->call->args[1].number;
    to->reduce.folded = 0;

    if (func->variant != PERCENTILE) {
        to->reduce.param = 0;

        return torus_graph_rename(g, to, "%s(%.*s)", func->name,
                                  torus_fmt(s->name));
    }

    text = torus_graph_g(to->reduce.param);

    return torus_graph_rename(g, to, "%s(%.*s,%s)", func->name,
                              torus_fmt(s->name), text.text);
}


/*
 * Over histograms each has its own; all else is added up by sumSeries(),
 * which then has f->state.
 */
static int
torus_graph_sum(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                        rc;
    torus_graph_sums_t        *sums;
    torus_graph_series_t      *s;
    const torus_graph_func_t  *func;

    if (f->place.phase == 0) {

        rc = torus_graph_sum_known(g, f);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (f->place.phase == 2) {
        func = torus_graph_func_find(torus_str("sumSeries", 9));
        return func->run(g, f);
    }

    for (sums = f->state; sums->i < sums->list.n; sums->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, TORUS_GRAPH_SERIES);

        if (torus_graph_reduced(g, sums->list.items[sums->i], "sum", &s)
            != TORUS_OK
            || torus_graph_add(g, &f->out, s) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* In the place's phase: 1 all are histograms, 2 not all of them. */
static int
torus_graph_sum_known(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                       n;
    torus_graph_sums_t          *sums;
    const torus_graph_series_t  *s;

    if (f->state == NULL) {
        sums = torus_arena_calloc(torus_graph_arena(g), 1,
                                  sizeof(torus_graph_sums_t));

        if (sums == NULL
            || torus_graph_gather(g, f, 0, &sums->list) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        f->state = sums;
    }

    sums = f->state;
    n = torus_graph_some(g, sums->i, sums->list.n, 1);

    for ( /* void */ ; sums->i < n; sums->i++) {
        s = sums->list.items[sums->i];

        if (!torus_graph_is_plain(s)) {
            break;
        }
    }

    if (sums->i == n && n < sums->list.n) {
        return TORUS_AGAIN;
    }

    if (sums->i == sums->list.n && n != 0) {
        f->place.phase = 1;
        sums->i = 0;

    } else {
        f->place.phase = 2;
        f->state = NULL;
    }

    return TORUS_OK;
}


/* Of a histogram how many values came, of what adds up how much. */
static int
torus_graph_rate(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    char                  text[100];
    size_t                n;
    torus_str_t           name;
    torus_graph_place_t  *p;

    p = &f->place;

    if (torus_graph_is_plain(s)) {
        return torus_graph_reduced(g, s, "rate", out);
    }

    if (s->typed && s->type == TORUS_GAUGE) {
        n = torus_escape(text, 80, s->name);

        return torus_graph_fault(g, "rate() needs something that adds up, "
                                 "which \"%.*s\" does not, a gauge", (int) n,
                                 text);
    }

    if (p->to == NULL) {
        name = s->name;

        rc = torus_graph_write(g, s, p);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (torus_graph_rename(g, p->to, "rate(%.*s)", torus_fmt(name))
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        p->to->values[p->i] = p->from[p->i] / (double) p->to->step;
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


/* Rows that become numbers by a function of that name. */
static int
torus_graph_reduced(torus_graph_t *g, torus_graph_series_t *s,
    const char *name, torus_graph_series_t **out)
{
    double                 param;
    torus_graph_series_t  *to;

    to = torus_graph_edit(g, s);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    param = 0;
    to->values = NULL;
    to->own_values = 0;
    to->making = NULL;
    to->reduce.function = torus_function_find(torus_str(name, strlen(name)),
                                              &param);
    to->reduce.folded = 0;
    *out = to;

    return torus_graph_rename(g, to, "%s(%.*s)", name, torus_fmt(s->name));
}


/* Each in turn: what values there are, a series for each, their points. */
static int
torus_graph_histogram_buckets(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                     rc;
    torus_graph_buckets_t  *b;

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_buckets_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (b = f->state; b->i < f->lists[0].n; /* void */) {

        switch (b->phase) {

        case 0:
            rc = torus_graph_buckets_known(g, f, b);
            break;

        case 1:
            rc = torus_graph_buckets_made(g, f, b);
            break;

        default:
            rc = torus_graph_buckets_filled(g, f, b);
        }

        if (rc != TORUS_OK) {
            return rc;
        }

        b->j = 0;
        b->phase = (b->phase + 1) % 3;
        b->i += (b->phase == 0);
    }

    return TORUS_OK;
}


/* The distinct values of all rows, in order. */
static int
torus_graph_buckets_known(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_buckets_t *b)
{
    size_t                       max;
    const torus_graph_series_t  *s;

    s = f->lists[0].items[b->i];

    if (torus_graph_has_rows(g, f->call->func, s) != TORUS_OK) {
        return TORUS_INVALID;
    }

    if (b->j == 0) {
        torus_row_init(&b->values, TORUS_HISTOGRAM);
    }

    while (b->j < s->n) {

        if (torus_row_merge(&b->values, torus_graph_arena(g), &s->rows[b->j])
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        torus_graph_work(g, s->rows[b->j].nitems * 4 + 1);
        b->j++;

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    torus_row_fold(&b->values);

    b->first = f->out.n;
    max = torus_graph_params(g)->max_series;

    if (max != 0 && f->out.n + b->values.nitems > max) {
        return torus_graph_over(g, "the histograms have more than %zu "
                                "values", max);
    }

    return TORUS_OK;
}


static int
torus_graph_buckets_made(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_buckets_t *b)
{
    int                    rc;
    torus_graph_series_t  *s;

    s = f->lists[0].items[b->i];

    for ( /* void */ ; b->j < b->values.nitems; b->j++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        rc = torus_graph_bucket_series(g, f, s,
                                       &b->values.items[b->j].value);
        if (rc != TORUS_OK) {
            return rc;
        }

        torus_graph_work(g, TORUS_GRAPH_SERIES);
    }

    return TORUS_OK;
}


static int
torus_graph_buckets_filled(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_buckets_t *b)
{
    size_t                       k;
    torus_item_t                *item;
    const torus_row_t           *row;
    const torus_graph_series_t  *s;

    s = f->lists[0].items[b->i];

    while (b->j < s->n) {
        row = &s->rows[b->j];

        for (k = 0; row->present && k < row->nitems; k++) {

            item = bsearch(&row->items[k].value, b->values.items,
                           b->values.nitems, sizeof(torus_item_t),
                           torus_graph_bucket_cmp);

            f->out.items[b->first + (size_t) (item - b->values.items)]
                ->values[b->j] += (double) row->items[k].n;
        }

        torus_graph_work(g, row->nitems * 4 + 1);
        b->j++;

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    return TORUS_OK;
}


/* 0 at each point that there is. */
static int
torus_graph_bucket_series(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, const torus_value_t *value)
{
    size_t                n;
    torus_str_t           text;
    unsigned char         number[TORUS_NUMBER_SIZE];
    torus_graph_place_t  *p;

    p = &f->place;

    if (p->to == NULL) {
        text = (value->kind == TORUS_VALUE_TEXT)
               ? value->text
               : torus_str(number, torus_number_print(number, value));

        p->to = torus_graph_like(g, s, s->n);

        if (p->to == NULL
            || torus_graph_rename(g, p->to, "histogramBuckets(%.*s,%.*s)",
                                  torus_fmt(s->name), torus_fmt(text))
               != TORUS_OK
            || torus_graph_tag(g, p->to, "le", text) != TORUS_OK
            || torus_graph_add(g, &f->out, p->to) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, s->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        p->to->values[p->i] = s->rows[p->i].present ? 0 : NAN;
    }

    if (n < s->n) {
        return TORUS_AGAIN;
    }

    memset(p, 0, sizeof(torus_graph_place_t));

    return TORUS_OK;
}


/* An item begins with its value. */
static int
torus_graph_bucket_cmp(const void *key, const void *item)
{
    return torus_value_cmp(key, &((const torus_item_t *) item)->value);
}
