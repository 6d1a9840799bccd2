/*
 * Calculate: windows that move over a series, and numbers of all of it.
 *
 * What a window holds at the first point lies before the range, so that its
 * argument is evaluated over a longer one.  A window given in points is as
 * long as the longest step there is, which only shows in what was fetched.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


/* Some points that follow each other, put together; n: those with values. */
typedef struct {
    double               a;
    double               b;
    size_t               n;
} torus_graph_part_t;


/* What windows need beside the series: from one series to the next. */
typedef struct {
    torus_graph_fold_t   fold;
    torus_graph_part_t  *tails;      /* of the block before, by its points */
    double              *sorted;     /* all values; for a median */
    uint32_t            *tree;       /* how many are in the window, by rank */
    size_t               nsorted;
    size_t               size;
} torus_graph_window_t;


static int torus_graph_window_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_window_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_moving(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static torus_graph_window_t *torus_graph_window(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_fold_t fold, size_t n,
    size_t points);
static void torus_graph_window_run(torus_graph_window_t *w,
    const torus_graph_series_t *s, size_t skip, size_t points, double xff,
    double *values);
static void torus_graph_window_part(torus_graph_fold_t fold, double v,
    torus_graph_part_t *part);
static void torus_graph_window_join(torus_graph_fold_t fold,
    const torus_graph_part_t *x, const torus_graph_part_t *y,
    torus_graph_part_t *out);
static double torus_graph_window_value(torus_graph_fold_t fold,
    const torus_graph_part_t *part);
static void torus_graph_median_run(torus_graph_window_t *w,
    const torus_graph_series_t *s, size_t skip, size_t points, double xff,
    double *values);
static void torus_graph_median_add(torus_graph_window_t *w, double v,
    uint32_t n);
static double torus_graph_median_nth(const torus_graph_window_t *w,
    size_t n);
static int torus_graph_median_cmp(const void *one, const void *two);
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
    double                     xff;
    size_t                     i, skip, points;
    int64_t                    seconds;
    char                       name[32];
    torus_graph_fold_t         fold;
    torus_graph_series_t      *to;
    torus_graph_window_t      *w;
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
    w = torus_graph_window(g, f, fold, s->n, points);

    if (to == NULL || w == NULL) {
        return TORUS_ERROR;
    }

    to->start = s->start + (int64_t) skip * s->step;
    *out = to;

    if (points == 0) {
        /* void */

    } else if (fold == TORUS_GRAPH_MEDIAN) {
        torus_graph_median_run(w, s, skip, points, xff, to->values);
        torus_graph_work(g, s->n * 32);

    } else {
        torus_graph_window_run(w, s, skip, points, xff, to->values);
        torus_graph_work(g, s->n * 2);
    }

    if (torus_graph_tag(g, to, name, args[1].text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, to, args[1].string ? "%s(%.*s,\"%.*s\")"
                                                    : "%s(%.*s,%.*s)",
                              name, torus_fmt(s->name),
                              torus_fmt(args[1].text));
}


/* Room for windows over n points. */
static torus_graph_window_t *
torus_graph_window(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_fold_t fold, size_t n, size_t points)
{
    torus_arena_t         *arena;
    torus_graph_window_t  *w;

    arena = torus_graph_arena(g);
    w = f->state;

    if (w == NULL) {
        w = torus_arena_calloc(arena, 1, sizeof(torus_graph_window_t));
        if (w == NULL) {
            return NULL;
        }

        w->fold = fold;
        f->state = w;
    }

    /* a block that never ends has no tails */

    if (fold != TORUS_GRAPH_MEDIAN && points < n) {
        n = points;
    }

    if (n <= w->size && w->size != 0) {
        return w;
    }

    w->size = n;

    if (fold == TORUS_GRAPH_MEDIAN) {
        w->sorted = torus_arena_alloc(arena, (n + 1) * sizeof(double));
        w->tree = torus_arena_alloc(arena, (n + 1) * sizeof(uint32_t));

        return (w->sorted != NULL && w->tree != NULL) ? w : NULL;
    }

    w->tails = torus_arena_alloc(arena, (n + 1) * sizeof(torus_graph_part_t));

    return w->tails != NULL ? w : NULL;
}


/*
 * A window is the end of one block and the beginning of the next, where the
 * blocks are as long as the window.  Nothing is ever subtracted, so that a
 * large value leaves no trace when it has gone; and a long window costs no
 * more than a short one.
 */
static void
torus_graph_window_run(torus_graph_window_t *w, const torus_graph_series_t *s,
    size_t skip, size_t points, double xff, double *values)
{
    size_t               i, k;
    torus_graph_part_t   one, head, whole;
    torus_graph_part_t  *tails;

    tails = w->tails;
    torus_graph_window_part(w->fold, NAN, &head);

    for (i = 0; i < s->n; i++) {

        if (i % points == 0) {

            for (k = points; i != 0 && k-- > 0; /* void */) {
                torus_graph_window_part(w->fold, s->values[i - points + k],
                                        &tails[k]);

                if (k != points - 1) {
                    torus_graph_window_join(w->fold, &tails[k], &tails[k + 1],
                                            &tails[k]);
                }
            }

            torus_graph_window_part(w->fold, NAN, &head);
        }

        torus_graph_window_part(w->fold, s->values[i], &one);
        torus_graph_window_join(w->fold, &head, &one, &head);

        if (i < skip) {
            continue;
        }

        whole = head;
        k = (i + 1) % points;

        if (i >= points && k != 0) {
            torus_graph_window_join(w->fold, &tails[k], &head, &whole);
        }

        if (torus_graph_enough(whole.n, (double) points, xff)) {
            values[i - skip] = torus_graph_window_value(w->fold, &whole);
        }
    }
}


static void
torus_graph_window_part(torus_graph_fold_t fold, double v,
    torus_graph_part_t *part)
{
    part->a = v;
    part->b = (fold == TORUS_GRAPH_RANGE) ? v : 0;
    part->n = !isnan(v);
}


/* x comes before y; out may be one of them. */
static void
torus_graph_window_join(torus_graph_fold_t fold, const torus_graph_part_t *x,
    const torus_graph_part_t *y, torus_graph_part_t *out)
{
    double              d, m, n;
    torus_graph_part_t  part;

    if (x->n == 0 || y->n == 0) {
        *out = (x->n == 0) ? *y : *x;
        return;
    }

    part = *x;
    part.n = x->n + y->n;

    switch (fold) {

    case TORUS_GRAPH_MIN:
        part.a = x->a < y->a ? x->a : y->a;
        break;

    case TORUS_GRAPH_MAX:
        part.a = x->a > y->a ? x->a : y->a;
        break;

    case TORUS_GRAPH_RANGE:
        /* a is the greatest, b the least */
        part.a = x->a > y->a ? x->a : y->a;
        part.b = x->b < y->b ? x->b : y->b;
        break;

    case TORUS_GRAPH_MULTIPLY:
        part.a = x->a * y->a;
        break;

    case TORUS_GRAPH_LAST:
        part.a = y->a;
        break;

    case TORUS_GRAPH_DIFF:
        /* b is what is taken from the first value */
        part.b = x->b + y->a + y->b;
        break;

    case TORUS_GRAPH_STDDEV:
        /* a is the mean, b the sum of squares of what differs from it */
        n = (double) x->n;
        m = (double) y->n;
        d = y->a - x->a;

        part.a = x->a + d * m / (n + m);
        part.b = x->b + y->b + d * d * n * m / (n + m);
        break;

    case TORUS_GRAPH_FIRST:
    case TORUS_GRAPH_COUNT:
        break;

    default: /* sums */
        part.a = x->a + y->a;
    }

    *out = part;
}


static double
torus_graph_window_value(torus_graph_fold_t fold,
    const torus_graph_part_t *part)
{
    switch (fold) {

    case TORUS_GRAPH_AVERAGE:
    case TORUS_GRAPH_AVG_ZERO:
        /* nulls are not there, not even for avg_zero or multiply */
        return part->a / (double) part->n;

    case TORUS_GRAPH_COUNT:
        return (double) part->n;

    case TORUS_GRAPH_RANGE:
    case TORUS_GRAPH_DIFF:
        return part->a - part->b;

    case TORUS_GRAPH_STDDEV:
        return sqrt(part->b / (double) part->n);

    default:
        return part->a;
    }
}


/*
 * All values are put in order once; what of them is in the window is counted
 * in a tree by rank, of which node i has the sum of as many ranks as the
 * lowest bit of i, up to its own.
 */
static void
torus_graph_median_run(torus_graph_window_t *w, const torus_graph_series_t *s,
    size_t skip, size_t points, double xff, double *values)
{
    size_t  i, n;

    w->nsorted = 0;

    for (i = 0; i < s->n; i++) {
        if (!isnan(s->values[i])) {
            w->sorted[w->nsorted++] = s->values[i];
        }
    }

    qsort(w->sorted, w->nsorted, sizeof(double), torus_graph_median_cmp);
    memset(w->tree, 0, (w->nsorted + 1) * sizeof(uint32_t));

    n = 0;

    for (i = 0; i < s->n; i++) {

        if (i >= points && !isnan(s->values[i - points])) {
            torus_graph_median_add(w, s->values[i - points], (uint32_t) -1);
            n--;
        }

        if (!isnan(s->values[i])) {
            torus_graph_median_add(w, s->values[i], 1);
            n++;
        }

        if (i < skip || !torus_graph_enough(n, (double) points, xff)) {
            continue;
        }

        values[i - skip] = torus_graph_median_nth(w, n / 2);

        if (n % 2 == 0) {
            values[i - skip] = (torus_graph_median_nth(w, n / 2 - 1)
                                + values[i - skip]) / 2;
        }
    }
}


/* n of the value more, or with (uint32_t) -1 one less. */
static void
torus_graph_median_add(torus_graph_window_t *w, double v, uint32_t n)
{
    size_t  i, low, mid, high;

    low = 0;
    high = w->nsorted;

    while (low < high) {
        mid = low + (high - low) / 2;

        if (w->sorted[mid] < v) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    for (i = low + 1; i <= w->nsorted; i += i & -i) {
        w->tree[i] += n;
    }
}


/* The n-th of the window in order, from 0; there are more than n. */
static double
torus_graph_median_nth(const torus_graph_window_t *w, size_t n)
{
    size_t  i, bit;

    for (bit = 1; bit <= w->nsorted / 2; bit *= 2) { /* void */ }

    for (i = 0; bit != 0; bit /= 2) {

        if (i + bit <= w->nsorted && w->tree[i + bit] <= n) {
            i += bit;
            n -= w->tree[i];
        }
    }

    return w->sorted[i];
}


static int
torus_graph_median_cmp(const void *one, const void *two)
{
    const double  *a, *b;

    a = one;
    b = two;

    return (*a > *b) - (*a < *b);
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

    torus_graph_work(g, s->n + 50);

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
