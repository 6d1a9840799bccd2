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


/* A window at work; its room goes from one series to the next. */
typedef struct {
    torus_graph_fold_t   fold;
    size_t               skip;       /* points before the range */
    size_t               points;     /* of a window */
    double               xff;
    torus_graph_part_t  *tails;      /* of the block before, by its points */
    torus_graph_part_t   head;       /* of this one, up to this point */
    size_t               nhead;      /* points of it */
    double              *sorted;     /* all values; for a median */
    double              *spare;
    uint32_t            *tree;       /* how many are in the window, by rank */
    size_t               nsorted;
    size_t               present;
    size_t               size;
    torus_sort_t         sort;
} torus_graph_window_t;


static int torus_graph_window_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_window_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_moving(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static void torus_graph_moving_name(const torus_graph_call_t *call,
    char name[32]);
static int torus_graph_moving_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s);
static int torus_graph_before(const torus_graph_frame_t *f,
    const torus_graph_series_t *s);
static int torus_graph_window_room(torus_graph_t *g, torus_graph_window_t *w,
    size_t n);
static int torus_graph_window_run(torus_graph_t *g, torus_graph_window_t *w,
    torus_graph_place_t *p, const torus_graph_series_t *s);
static void torus_graph_window_tail(torus_graph_window_t *w,
    const double *values, size_t k);
static void torus_graph_window_point(const torus_graph_window_t *w, size_t i,
    double *value);
static void torus_graph_window_part(torus_graph_fold_t fold, double v,
    torus_graph_part_t *part);
static void torus_graph_window_join(torus_graph_fold_t fold,
    const torus_graph_part_t *x, const torus_graph_part_t *y,
    torus_graph_part_t *out);
static double torus_graph_window_value(torus_graph_fold_t fold,
    const torus_graph_part_t *part);
static int torus_graph_median_run(torus_graph_t *g, torus_graph_window_t *w,
    torus_graph_place_t *p, const torus_graph_series_t *s);
static int torus_graph_median_known(torus_graph_t *g,
    torus_graph_window_t *w, torus_graph_place_t *p,
    const torus_graph_series_t *s);
static void torus_graph_median_point(torus_graph_window_t *w,
    const torus_graph_series_t *s, size_t i, double *values);
static void torus_graph_median_add(torus_graph_window_t *w, double v,
    uint32_t n);
static double torus_graph_median_nth(const torus_graph_window_t *w,
    size_t n);
static int torus_graph_median_cmp(const void *one, const void *two);
static int torus_graph_exponential(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_exponential_start(torus_graph_t *g,
    torus_graph_frame_t *f, const torus_graph_series_t *s);
static int torus_graph_stdev_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_stdev(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_n_percentile_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_n_percentile(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_flat(torus_graph_t *g, torus_graph_place_t *p);
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
        return torus_graph_wrong(g, call, 1, "more than nothing");
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
            return torus_graph_wrong(g, call, 1, TORUS_GRAPH_BACK);
        }

        seconds = (int64_t) call->args[1].number * step;
    }

    spans[0].from = span->from - seconds;
    spans[0].until = span->until;

    /* times before 1970 mean nothing, and the remainder of one less */
    if (spans[0].from < 0) {
        return torus_graph_wrong(g, call, 1, TORUS_GRAPH_BACK);
    }

    *n = 1;

    return TORUS_OK;
}


/* variant: the fold, or -1: an argument */
static int
torus_graph_moving(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                      rc;
    char                     name[32];
    torus_graph_place_t     *p;
    torus_graph_window_t    *w;
    const torus_graph_arg_t *args;

    p = &f->place;
    args = f->call->args;

    if (p->to == NULL) {
        rc = torus_graph_moving_start(g, f, s);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    w = f->state;

    rc = (w->fold == TORUS_GRAPH_MEDIAN)
         ? torus_graph_median_run(g, w, p, s)
         : torus_graph_window_run(g, w, p, s);

    if (rc != TORUS_OK) {
        return rc;
    }

    *out = p->to;
    torus_graph_moving_name(f->call, name);

    if (torus_graph_tag(g, p->to, name, args[1].text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, p->to, args[1].string ? "%s(%.*s,\"%.*s\")"
                                                       : "%s(%.*s,%.*s)",
                              name, torus_fmt(s->name),
                              torus_fmt(args[1].text));
}


static void
torus_graph_moving_name(const torus_graph_call_t *call, char name[32])
{
    size_t                    i;
    const torus_graph_arg_t  *func;

    func = &call->args[2];

    (void) snprintf(name, 32, "%s",
                    call->func->variant < 0 ? "movingAverage"
                                            : call->func->name);

    /* Python's capitalize() */
    if (call->func->variant < 0 && func->set && func->text.len < 20) {

        for (i = 0; i < func->text.len; i++) {
            name[6 + i] = (char) (func->text.data[i] | 0x20);

            if (func->text.data[i] == '_') {
                name[6 + i] = '_';
            }
        }

        name[6] = (char) (name[6] & ~0x20);
        name[6 + i] = '\0';
    }
}


/* TORUS_DECLINED: the range itself is too short for a point. */
static int
torus_graph_moving_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s)
{
    int                       variant;
    int64_t                   seconds;
    torus_graph_series_t     *to;
    torus_graph_window_t     *w;
    const torus_graph_arg_t  *args, *xff;

    args = f->call->args;
    variant = f->call->func->variant;
    xff = (variant < 0) ? &args[3] : &args[2];

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_window_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    w = f->state;

    w->fold = (variant >= 0) ? (torus_graph_fold_t) variant
              : args[2].set ? args[2].fold : TORUS_GRAPH_AVERAGE;

    seconds = f->span.from - f->spans[0].from;
    w->skip = (size_t) (seconds / s->step);
    w->points = args[1].string ? w->skip : (size_t) args[1].number;
    w->xff = xff->set ? xff->number : s->xff;
    w->nhead = 0;
    w->nsorted = 0;
    w->present = 0;

    if (s->n <= w->skip || torus_graph_before(f, s)) {
        return TORUS_DECLINED;
    }

    to = torus_graph_like(g, s, s->n - w->skip);

    if (to == NULL || torus_graph_window_room(g, w, s->n) != TORUS_OK) {
        return TORUS_ERROR;
    }

    to->start = s->start + (int64_t) w->skip * s->step;
    f->place.to = to;

    return TORUS_OK;
}


/* Are all points of the window from before the range? */
static int
torus_graph_before(const torus_graph_frame_t *f,
    const torus_graph_series_t *s)
{
    return s->n == 0
           || s->start + (int64_t) (s->n - 1) * s->step <= f->span.from;
}


/* For windows over n points. */
static int
torus_graph_window_room(torus_graph_t *g, torus_graph_window_t *w, size_t n)
{
    torus_arena_t  *arena;

    arena = torus_graph_arena(g);

    /* a block that never ends has no tails */

    if (w->fold != TORUS_GRAPH_MEDIAN && w->points < n) {
        n = w->points;
    }

    if (n <= w->size && w->size != 0) {
        return TORUS_OK;
    }

    w->size = n;

    if (w->fold == TORUS_GRAPH_MEDIAN) {
        w->sorted = torus_arena_alloc(arena, (n + 1) * sizeof(double));
        w->spare = torus_arena_alloc(arena, (n + 1) * sizeof(double));
        w->tree = torus_arena_alloc(arena, (n + 1) * sizeof(uint32_t));

        return (w->sorted != NULL && w->spare != NULL && w->tree != NULL)
               ? TORUS_OK : TORUS_ERROR;
    }

    w->tails = torus_arena_alloc(arena, (n + 1) * sizeof(torus_graph_part_t));

    return w->tails != NULL ? TORUS_OK : TORUS_ERROR;
}


/*
 * A window is the end of one block and the beginning of the next, where the
 * blocks are as long as the window.  Nothing is ever subtracted, so that a
 * large value leaves no trace when it has gone; and a long window costs no
 * more than a short one.
 *
 * In the place i is the point, and k how many of the tails of the block
 * before it are still to be made.
 */
static int
torus_graph_window_run(torus_graph_t *g, torus_graph_window_t *w,
    torus_graph_place_t *p, const torus_graph_series_t *s)
{
    double              none;
    size_t              n;
    torus_graph_part_t  one;

    while (p->i < s->n) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        if (p->k != 0) {

            for (n = torus_graph_some(g, 0, p->k, 2); n > 0; n--) {
                torus_graph_window_tail(w, s->values + p->i - w->points,
                                        --p->k);
            }

            continue;
        }

        /* up to the end of the block, or of all */

        n = s->n - p->i;

        if (w->points != 0 && w->points - w->nhead < n) {
            n = w->points - w->nhead;
        }

        n = torus_graph_some(g, p->i, p->i + n, 2);

        while (p->i < n) {

            if (w->nhead == 0) {
                torus_graph_window_part(w->fold, NAN, &w->head);
            }

            torus_graph_window_part(w->fold, s->values[p->i], &one);
            torus_graph_window_join(w->fold, &w->head, &one, &w->head);
            w->nhead++;

            torus_graph_window_point(w, p->i,
                                     p->i < w->skip
                                     ? &none : &p->to->values[p->i - w->skip]);
            p->i++;

            if (w->nhead >= w->points) {
                w->nhead = 0;
                p->k = w->points;
            }
        }
    }

    return TORUS_OK;
}


/* Tail k of a block: its values from the one of that number. */
static void
torus_graph_window_tail(torus_graph_window_t *w, const double *values,
    size_t k)
{
    torus_graph_window_part(w->fold, values[k], &w->tails[k]);

    if (k != w->points - 1) {
        torus_graph_window_join(w->fold, &w->tails[k], &w->tails[k + 1],
                                &w->tails[k]);
    }
}


/* The window that ends with point i. */
static void
torus_graph_window_point(const torus_graph_window_t *w, size_t i,
    double *value)
{
    torus_graph_part_t  whole;

    whole = w->head;

    if (i >= w->points && w->nhead < w->points) {
        torus_graph_window_join(w->fold, &w->tails[w->nhead], &w->head,
                                &whole);
    }

    *value = (w->points != 0
              && torus_graph_enough(whole.n, (double) w->points, w->xff))
             ? torus_graph_window_value(w->fold, &whole) : NAN;
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
static int
torus_graph_median_run(torus_graph_t *g, torus_graph_window_t *w,
    torus_graph_place_t *p, const torus_graph_series_t *s)
{
    size_t  n;

    if (p->phase < 3 && torus_graph_median_known(g, w, p, s) != TORUS_OK) {
        return TORUS_AGAIN;
    }

    n = torus_graph_some(g, p->i, s->n, 32);

    for ( /* void */ ; p->i < n; p->i++) {
        torus_graph_median_point(w, s, p->i, p->to->values);
    }

    return n < s->n ? TORUS_AGAIN : TORUS_OK;
}


/* The values in order, and a tree of none. */
static int
torus_graph_median_known(torus_graph_t *g, torus_graph_window_t *w,
    torus_graph_place_t *p, const torus_graph_series_t *s)
{
    size_t  n;

    if (p->phase == 0) {
        n = torus_graph_some(g, p->i, s->n, 1);

        for ( /* void */ ; p->i < n; p->i++) {

            if (!isnan(s->values[p->i])) {
                w->sorted[w->nsorted++] = s->values[p->i];
            }
        }

        if (n < s->n) {
            return TORUS_AGAIN;
        }

        torus_sort_start(&w->sort, w->sorted, w->spare, w->nsorted,
                         sizeof(double), torus_graph_median_cmp);
        p->phase = 1;
        p->i = 0;
    }

    if (p->phase == 1) {

        if (torus_graph_sorted(g, &w->sort) != TORUS_OK) {
            return TORUS_AGAIN;
        }

        p->phase = 2;
    }

    n = torus_graph_some(g, p->i, w->nsorted + 1, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        w->tree[p->i] = 0;
    }

    if (n < w->nsorted + 1) {
        return TORUS_AGAIN;
    }

    p->phase = 3;
    p->i = 0;

    return TORUS_OK;
}


static void
torus_graph_median_point(torus_graph_window_t *w,
    const torus_graph_series_t *s, size_t i, double *values)
{
    double  v;
    size_t  n;

    v = (w->points != 0 && i >= w->points) ? s->values[i - w->points] : NAN;

    if (!isnan(v)) {
        torus_graph_median_add(w, v, (uint32_t) -1);
        w->present--;
    }

    if (!isnan(s->values[i])) {
        torus_graph_median_add(w, s->values[i], 1);
        w->present++;
    }

    if (i < w->skip) {
        return;
    }

    n = w->present;
    v = NAN;

    if (torus_graph_enough(n, (double) w->points, w->xff)) {
        v = torus_graph_median_nth(w, n / 2);

        if (n % 2 == 0) {
            v = (torus_graph_median_nth(w, n / 2 - 1) + v) / 2;
        }
    }

    values[i - w->skip] = v;
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
 * its first point; those of the points follow it, as in Graphite.  In the
 * place: a the mean so far, b what a point counts for, k the first one.
 */
static int
torus_graph_exponential(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    double                v;
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;

    if (p->to == NULL) {
        rc = torus_graph_exponential_start(g, f, s);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (p->phase == 0) {
        rc = torus_graph_fold_run(g, &p->fold, &p->a);
        if (rc != TORUS_OK) {
            return rc;
        }

        p->a = isnan(p->a) ? 0 : p->a;
        p->to->values[0] = torus_graph_round(p->a, 6);
        p->phase = 1;
    }

    n = torus_graph_some(g, p->i, p->to->n - 1, 4);

    for ( /* void */ ; p->i < n; p->i++) {
        v = s->values[p->k + p->i];

        if (!isnan(v)) {
            p->a = p->b * v + (1 - p->b) * p->a;
            v = torus_graph_round(p->a, 6);
        }

        p->to->values[p->i + 1] = v;
    }

    *out = p->to;

    return n < p->to->n - 1 ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_exponential_start(torus_graph_t *g, torus_graph_frame_t *f,
    const torus_graph_series_t *s)
{
    size_t                    points;
    int64_t                   seconds;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *args;

    p = &f->place;
    args = f->call->args;
    seconds = f->span.from - f->spans[0].from;

    points = args[1].string ? (size_t) (seconds / s->step)
                            : (size_t) args[1].number;

    p->b = 2.0 / ((args[1].string ? (double) seconds : args[1].number) + 1);
    p->k = points;

    /* the range itself is too short for a point */

    if (s->n <= points || torus_graph_before(f, s)) {
        return TORUS_DECLINED;
    }

    torus_graph_fold_start(&p->fold, TORUS_GRAPH_AVERAGE, s->values, points,
                           NULL);

    p->to = torus_graph_like(g, s, s->n - points + 1);
    if (p->to == NULL) {
        return TORUS_ERROR;
    }

    p->to->start = s->start + seconds;

    if (torus_graph_tag(g, p->to, "exponentialMovingAverage", args[1].text)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, p->to, args[1].string
                              ? "exponentialMovingAverage(%.*s,\"%.*s\")"
                              : "exponentialMovingAverage(%.*s,%.*s)",
                              torus_fmt(s->name), torus_fmt(args[1].text));
}


static int
torus_graph_stdev_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (call->args[1].number < 1) {
        return torus_graph_wrong(g, call, 1, "more than nothing");
    }

    return TORUS_OK;
}


/* In the place: a the sum, b that of squares, c how many there are. */
static int
torus_graph_stdev(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    tolerance, points, v;
    size_t                    n, window;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *args;

    p = &f->place;
    args = f->call->args;
    points = args[1].number;
    tolerance = args[2].set ? args[2].number : 0.1;
    window = points > (double) s->n ? s->n : (size_t) points;

    if (p->to == NULL) {
        p->to = torus_graph_like(g, s, s->n);

        if (p->to == NULL
            || torus_graph_tag(g, p->to, "stdev", args[1].text) != TORUS_OK
            || torus_graph_rename(g, p->to, "stdev(%.*s,%.0f)",
                                  torus_fmt(s->name), points) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, s->n, 3);

    for ( /* void */ ; p->i < n; p->i++) {
        v = (p->i >= window) ? s->values[p->i - window] : NAN;

        if (!isnan(v)) {
            p->c--;
            p->a -= v;
            p->b -= v * v;
        }

        v = s->values[p->i];

        if (!isnan(v)) {
            p->c++;
            p->a += v;
            p->b += v * v;
        }

        /* NaN where rounding made it negative */
        p->to->values[p->i] = (p->c > 0 && p->c / points >= tolerance)
                              ? sqrt(p->c * p->b - p->a * p->a) / p->c : NAN;
    }

    *out = p->to;

    return n < s->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_n_percentile_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (!(call->args[1].number > 0)) {
        return torus_graph_wrong(g, call, 1, "greater than 0");
    }

    return TORUS_OK;
}


static int
torus_graph_n_percentile(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    double                percent;
    size_t                n;
    torus_graph_g_t       text;
    torus_graph_place_t  *p;

    p = &f->place;
    percent = f->call->args[1].number;

    if (p->to == NULL) {
        rc = torus_graph_fold_series(g, p, s, TORUS_GRAPH_MEDIAN, &percent);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (isnan(p->a)) {
            return TORUS_DECLINED;
        }

        n = s->end > s->start ? (size_t) ((s->end - s->start) / s->step) : 0;
        text = torus_graph_repr(percent);

        p->to = torus_graph_like(g, s, n);

        if (p->to == NULL
            || torus_graph_tagz(g, p->to, "nPercentile", text.text)
               != TORUS_OK
            || torus_graph_rename(g, p->to, "nPercentile(%.*s, %s)",
                                  torus_fmt(s->name),
                                  torus_graph_g(percent).text) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    *out = p->to;

    return torus_graph_flat(g, p);
}


/* That one at all points. */
static int
torus_graph_flat(torus_graph_t *g, torus_graph_place_t *p)
{
    size_t  n;

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        p->to->values[p->i] = p->a;
    }

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_aggregate_line(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                       rc;
    int64_t                   step;
    torus_graph_g_t           text;
    torus_graph_fold_t        fold;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *args;

    p = &f->place;
    args = f->call->args;
    fold = args[1].set ? args[1].fold : TORUS_GRAPH_AVERAGE;

    if (p->to == NULL) {
        rc = torus_graph_fold_series(g, p, s, fold, NULL);
        if (rc != TORUS_OK) {
            return rc;
        }

        text = torus_graph_repr(p->a);

        if (fold == TORUS_GRAPH_COUNT) {
            (void) snprintf(text.text, sizeof(text.text), "%.0f", p->a);
        }

        step = (f->span.until - f->span.from) / 2;

        p->to = (args[2].number != 0)
                ? torus_graph_like(g, s, s->n)
                : torus_graph_make(g, torus_str("", 0), f->span.from,
                                   f->span.until, step < 1 ? 1 : step, 3);

        if (p->to == NULL
            || (args[2].number == 0
                && torus_graph_tagz(g, p->to, "name",
                                    isnan(p->a) ? "None" : text.text)
                   != TORUS_OK)
            || torus_graph_rename(g, p->to, "aggregateLine(%.*s, %s)",
                                  torus_fmt(s->name),
                                  isnan(p->a) ? "None"
                                              : torus_graph_g(p->a).text)
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    *out = p->to;

    return torus_graph_flat(g, p);
}
