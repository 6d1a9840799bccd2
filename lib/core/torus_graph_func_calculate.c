/*
 * Calculate: windows that move over a series, and numbers of all of it.
 *
 * What a window holds at the first point lies before the range, so that its
 * argument is evaluated over a longer one.  A window given in points is as
 * long as the longest step there is, which only shows in what was fetched.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


static int torus_graph_window_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_window_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_moving(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static void torus_graph_window(torus_graph_fold_t fold, double xff,
    const torus_graph_series_t *s, size_t skip, size_t points,
    double *values, double *scratch);
static double torus_graph_window_join(torus_graph_fold_t fold, double a,
    double b);
static void torus_graph_window_median(const torus_graph_series_t *s,
    size_t skip, size_t points, double xff, double *values, double *sorted);
static size_t torus_graph_window_place(const double *sorted, size_t n,
    double v);
static int torus_graph_exponential(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_stdev_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_stdev(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_n_percentile_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_n_percentile(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_aggregate_line(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_series_t *s,
    torus_graph_series_t **out);


#define P_WINDOW                                                              \
    { "windowSize", TORUS_GRAPH_INT_OR_INTERVAL, TORUS_GRAPH_REQUIRED, NULL,  \
      NULL, "5 7 10 1min 5min 10min 30min 1hour" }

#define MOVING(name, fold, text)                                              \
    { name, TORUS_GRAPH_CALCULATE, 0, fold, torus_graph_window_check,         \
      torus_graph_window_spans, torus_graph_moving, NULL,                     \
      P(P_SERIES, P_WINDOW, P_MAY("xFilesFactor", FLOAT, NULL)), text }


const torus_graph_func_t  torus_graph_calculate[] = {

    MOVING("movingAverage", TORUS_GRAPH_AVERAGE,
           "The mean of the points up to each point."),
    MOVING("movingMedian", TORUS_GRAPH_MEDIAN,
           "The median of the points up to each point."),
    MOVING("movingSum", TORUS_GRAPH_SUM,
           "The sum of the points up to each point."),
    MOVING("movingMin", TORUS_GRAPH_MIN,
           "The least of the points up to each point."),
    MOVING("movingMax", TORUS_GRAPH_MAX,
           "The greatest of the points up to each point."),

    { "movingWindow", TORUS_GRAPH_CALCULATE, 0, -1, torus_graph_window_check,
      torus_graph_window_spans, torus_graph_moving, NULL,
      P(P_SERIES, P_WINDOW, P_MAY("func", AGG, "average"),
        P_MAY("xFilesFactor", FLOAT, NULL)),
      "The points up to each point put together by a function." },

    { "exponentialMovingAverage", TORUS_GRAPH_CALCULATE, 0, 0,
      torus_graph_window_check, torus_graph_window_spans,
      torus_graph_exponential, NULL, P(P_SERIES, P_WINDOW),
      "A mean in which older points count for less and less." },

    { "stdev", TORUS_GRAPH_CALCULATE, 0, 0, torus_graph_stdev_check, NULL,
      torus_graph_stdev, NULL,
      P(P_SERIES, P_NEED("points", INTEGER),
        P_MAY("windowTolerance", FLOAT, "0.1")),
      "The standard deviation of the points up to each point." },

    { "nPercentile", TORUS_GRAPH_CALCULATE, 0, 0,
      torus_graph_n_percentile_check, NULL, torus_graph_n_percentile, NULL,
      P(P_SERIES, P_NEED("n", FLOAT)),
      "The percentile of each series as a flat line." },

    { "aggregateLine", TORUS_GRAPH_CALCULATE, 0, 0, NULL, NULL,
      torus_graph_aggregate_line, NULL,
      P(P_SERIES, P_MAY("func", AGG, "average"),
        P_MAY("keepStep", BOOLEAN, "false")),
      "A fold of each series as a flat line." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


static int
torus_graph_window_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (call->args[1].string ? call->args[1].seconds == 0
                             : call->args[1].number < 1)
    {
        return torus_graph_fault(g, "the window of %s() is empty",
                                 call->func->name);
    }

    return TORUS_OK;
}


static int
torus_graph_window_spans(torus_graph_t *g, const torus_graph_call_t *call,
    const torus_graph_span_t *span, int64_t step, torus_graph_span_t *spans,
    size_t *n)
{
    int64_t  seconds;

    if (call->args[1].string) {
        seconds = llabs(call->args[1].seconds);

    } else {

        if (step == 0) {
            return TORUS_AGAIN;
        }

        if (call->args[1].number > 100000000000.0 / (double) step) {
            return torus_graph_fault(g, "the window of %s() is too long",
                                     call->func->name);
        }

        seconds = (int64_t) call->args[1].number * step;
    }

    spans[0].from = span->from - seconds;
    spans[0].until = span->until;

    /* times before 1970 mean nothing, and the remainder of one less */
    if (spans[0].from < 0) {
        return torus_graph_fault(g, "the window of %s() is too long",
                                 call->func->name);
    }

    *n = 1;

    return TORUS_OK;
}


/* variant: the fold, or -1: an argument */
static int
torus_graph_moving(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                     xff, *scratch;
    size_t                     i, skip, points;
    int64_t                    seconds;
    char                       name[32];
    torus_graph_fold_t         fold;
    torus_graph_series_t      *to;
    const torus_graph_arg_t   *args, *xarg;

    args = f->call->args;
    fold = (torus_graph_fold_t) f->call->func->variant;
    xarg = &args[2];

    (void) snprintf(name, sizeof(name), "%s", f->call->func->name);

    if (f->call->func->variant < 0) {
        fold = args[2].set ? args[2].fold : TORUS_GRAPH_AVERAGE;
        xarg = &args[3];

        (void) snprintf(name, sizeof(name), "moving%.20s", "Average");

        /* Python's capitalize() */
        if (args[2].set && args[2].text.len < 20) {

            for (i = 0; i < args[2].text.len; i++) {
                name[6 + i] = (char) (args[2].text.data[i] | 0x20);

                if (args[2].text.data[i] == '_') {
                    name[6 + i] = '_';
                }
            }

            name[6] = (char) (name[6] & ~0x20);
            name[6 + i] = '\0';
        }
    }

    seconds = f->span.from - f->spans[0].from;
    skip = (size_t) (seconds / s->step);
    points = args[1].string ? skip : (size_t) args[1].number;
    xff = xarg->set ? xarg->number : s->xff;

    to = torus_graph_like(g, s, s->n > skip ? s->n - skip : 0);
    scratch = torus_arena_alloc(torus_graph_arena(g),
                                (2 * s->n + points + 2) * sizeof(double));

    if (to == NULL || scratch == NULL) {
        return TORUS_ERROR;
    }

    to->start = s->start + (int64_t) skip * s->step;
    *out = to;

    if (points != 0) {
        torus_graph_window(fold, xff, s, skip, points, to->values, scratch);
    }

    torus_graph_work(g, s->n * 2);

    if (fold != TORUS_GRAPH_AVERAGE && fold != TORUS_GRAPH_SUM
        && fold != TORUS_GRAPH_MIN && fold != TORUS_GRAPH_MAX)
    {
        torus_graph_work(g, s->n * points / 4);
    }

    if (torus_graph_tag(g, to, name, args[1].text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, to, args[1].string ? "%s(%.*s,\"%.*s\")"
                                                    : "%s(%.*s,%.*s)",
                              name, torus_fmt(s->name),
                              torus_fmt(args[1].text));
}


/*
 * Sums and extremes of windows from those of blocks as long as the window:
 * each is the end of one block and the beginning of the next.  Nothing is
 * ever subtracted, so that a large value leaves no trace when it has gone.
 */
static void
torus_graph_window(torus_graph_fold_t fold, double xff,
    const torus_graph_series_t *s, size_t skip, size_t points,
    double *values, double *scratch)
{
    double  *head, *tail, d;
    size_t   i, first, n;

    if (fold == TORUS_GRAPH_MEDIAN) {
        torus_graph_window_median(s, skip, points, xff, values, scratch);
        return;
    }

    if (fold != TORUS_GRAPH_AVERAGE && fold != TORUS_GRAPH_SUM
        && fold != TORUS_GRAPH_MIN && fold != TORUS_GRAPH_MAX)
    {
        for (i = skip; i < s->n; i++) {
            n = 0;

            /* nulls are not there, not even for avg_zero or multiply */
            for (first = i + 1 > points ? i + 1 - points : 0; first <= i;
                 first++)
            {
                if (!isnan(s->values[first])) {
                    scratch[n++] = s->values[first];
                }
            }

            if (torus_graph_enough(n, (double) points, xff)) {
                values[i - skip] = torus_graph_fold(fold, scratch, n, NULL);
            }
        }

        return;
    }

    head = scratch;
    tail = scratch + s->n;

    for (i = 0; i < s->n; i++) {
        head[i] = (i % points == 0)
                  ? s->values[i]
                  : torus_graph_window_join(fold, head[i - 1], s->values[i]);
    }

    for (i = s->n; i-- > 0; /* void */) {
        tail[i] = (i == s->n - 1 || (i + 1) % points == 0)
                  ? s->values[i]
                  : torus_graph_window_join(fold, s->values[i], tail[i + 1]);
    }

    n = 0;

    for (i = 0; i < s->n; i++) {
        n += !isnan(s->values[i]);

        if (i >= points) {
            n -= !isnan(s->values[i - points]);
        }

        if (i < skip || !torus_graph_enough(n, (double) points, xff)) {
            continue;
        }

        first = i + 1 > points ? i + 1 - points : 0;

        d = (first % points == 0)
            ? head[i] : torus_graph_window_join(fold, tail[first], head[i]);

        values[i - skip] = (fold == TORUS_GRAPH_AVERAGE) ? d / (double) n : d;
    }
}


static double
torus_graph_window_join(torus_graph_fold_t fold, double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) ? b : a;
    }

    if (fold == TORUS_GRAPH_MIN) {
        return a < b ? a : b;
    }

    if (fold == TORUS_GRAPH_MAX) {
        return a > b ? a : b;
    }

    return a + b;
}


/* The window is kept in order while it moves. */
static void
torus_graph_window_median(const torus_graph_series_t *s, size_t skip,
    size_t points, double xff, double *values, double *sorted)
{
    size_t  i, n, at;

    n = 0;

    for (i = 0; i < s->n; i++) {

        if (i >= points && !isnan(s->values[i - points])) {
            at = torus_graph_window_place(sorted, n, s->values[i - points]);
            n--;
            memmove(sorted + at, sorted + at + 1, (n - at) * sizeof(double));
        }

        if (!isnan(s->values[i])) {
            at = torus_graph_window_place(sorted, n, s->values[i]);
            memmove(sorted + at + 1, sorted + at, (n - at) * sizeof(double));
            sorted[at] = s->values[i];
            n++;
        }

        if (i < skip || !torus_graph_enough(n, (double) points, xff)) {
            continue;
        }

        values[i - skip] = (n % 2 != 0)
                           ? sorted[n / 2]
                           : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }
}


/* Of the first that is not less. */
static size_t
torus_graph_window_place(const double *sorted, size_t n, double v)
{
    size_t  low, mid;

    for (low = 0; low < n; /* void */) {
        mid = low + (n - low) / 2;

        if (sorted[mid] < v) {
            low = mid + 1;

        } else {
            n = mid;
        }
    }

    return low;
}


/*
 * The first value is the mean of what lies before the range, and stands at
 * its first point; those of the points follow it, as in Graphite.
 */
static int
torus_graph_exponential(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    ema, c;
    size_t                    i, points, n;
    int64_t                   seconds;
    torus_graph_series_t     *to;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    seconds = f->span.from - f->spans[0].from;

    c = 2.0 / ((args[1].string ? (double) seconds : args[1].number) + 1);
    points = args[1].string ? (size_t) (seconds / s->step)
                            : (size_t) args[1].number;

    n = s->n > points ? s->n - points : 0;

    to = torus_graph_like(g, s, n + 1);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    ema = torus_graph_fold(TORUS_GRAPH_AVERAGE, s->values,
                           points < s->n ? points : s->n, NULL);
    ema = isnan(ema) ? 0 : ema;

    to->values[0] = torus_graph_round(ema, 6);

    for (i = 0; i < n; i++) {

        if (isnan(s->values[points + i])) {
            continue;
        }

        ema = c * s->values[points + i] + (1 - c) * ema;
        to->values[i + 1] = torus_graph_round(ema, 6);
    }

    to->start = s->start + seconds;
    *out = to;

    if (torus_graph_tag(g, to, "exponentialMovingAverage", args[1].text)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, to, args[1].string
                              ? "exponentialMovingAverage(%.*s,\"%.*s\")"
                              : "exponentialMovingAverage(%.*s,%.*s)",
                              torus_fmt(s->name), torus_fmt(args[1].text));
}


static int
torus_graph_stdev_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (call->args[1].number < 1) {
        return torus_graph_fault(g, "the window of stdev() is empty");
    }

    return TORUS_OK;
}


static int
torus_graph_stdev(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    sum, squares, valid, tolerance, points, v;
    size_t                    i, window;
    torus_graph_series_t     *to;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    points = args[1].number;
    tolerance = args[2].set ? args[2].number : 0.1;
    window = points > (double) s->n ? s->n : (size_t) points;

    to = torus_graph_like(g, s, s->n);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    sum = 0;
    squares = 0;
    valid = 0;

    for (i = 0; i < s->n; i++) {

        if (i >= window && !isnan(s->values[i - window])) {
            v = s->values[i - window];
            valid--;
            sum -= v;
            squares -= v * v;
        }

        if (!isnan(s->values[i])) {
            v = s->values[i];
            valid++;
            sum += v;
            squares += v * v;
        }

        if (valid > 0 && valid / points >= tolerance) {
            /* NaN where rounding made it negative */
            to->values[i] = sqrt(valid * squares - sum * sum) / valid;
        }
    }

    *out = to;

    if (torus_graph_tag(g, to, "stdev", args[1].text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, to, "stdev(%.*s,%.0f)", torus_fmt(s->name),
                              points);
}


static int
torus_graph_n_percentile_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (!(call->args[1].number > 0)) {
        return torus_graph_fault(g, "the percentage of nPercentile() has to "
                                 "be greater than 0");
    }

    return TORUS_OK;
}


static int
torus_graph_n_percentile(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                 d, *sorted;
    size_t                 i, n;
    torus_graph_g_t        text;
    torus_graph_series_t  *to;

    sorted = torus_arena_alloc(torus_graph_arena(g),
                               (s->n + 1) * sizeof(double));
    if (sorted == NULL) {
        return TORUS_ERROR;
    }

    memcpy(sorted, s->values, s->n * sizeof(double));

    d = torus_graph_percentile(sorted, s->n, f->call->args[1].number, 0);
    torus_graph_work(g, s->n * 4);

    if (isnan(d)) {
        return TORUS_DECLINED;
    }

    n = s->end > s->start ? (size_t) ((s->end - s->start) / s->step) : 0;

    to = torus_graph_like(g, s, n);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        to->values[i] = d;
    }

    *out = to;

    text = torus_graph_repr(f->call->args[1].number);

    if (torus_graph_tagz(g, to, "nPercentile", text.text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, to, "nPercentile(%.*s, %s)",
                              torus_fmt(s->name),
                              torus_graph_g(f->call->args[1].number).text);
}


static int
torus_graph_aggregate_line(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    d, *scratch;
    size_t                    i, n;
    int64_t                   step;
    torus_graph_g_t           text;
    torus_graph_fold_t        fold;
    torus_graph_series_t     *to;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    fold = args[1].set ? args[1].fold : TORUS_GRAPH_AVERAGE;

    scratch = torus_arena_alloc(torus_graph_arena(g),
                                (s->n + 1) * sizeof(double));
    if (scratch == NULL) {
        return TORUS_ERROR;
    }

    d = torus_graph_fold(fold, s->values, s->n, scratch);

    if (args[2].number != 0) {
        n = s->n;
        to = torus_graph_like(g, s, n);

    } else {
        n = 3;
        step = (f->span.until - f->span.from) / 2;
        to = torus_graph_make(g, torus_str("", 0), f->span.from,
                              f->span.until, step < 1 ? 1 : step, n);

        text = torus_graph_repr(d);

        if (to == NULL
            || torus_graph_tagz(g, to, "name", isnan(d) ? "None" : text.text)
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    if (to == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        to->values[i] = d;
    }

    *out = to;

    return torus_graph_rename(g, to, "aggregateLine(%.*s, %s)",
                              torus_fmt(s->name),
                              isnan(d) ? "None" : torus_graph_g(d).text);
}
