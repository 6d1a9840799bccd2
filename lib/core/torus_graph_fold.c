/*
 * How several values become one, in slices: of very many values nothing is
 * put in order that need not be.
 */

#include "torus_graph_func.h"


#define TORUS_GRAPH_STEPS  256   /* of a selection, between two looks */


static void torus_graph_fold_part(torus_graph_folding_t *o, size_t n);
static void torus_graph_fold_squares(torus_graph_folding_t *o, size_t n);
static void torus_graph_fold_keep(torus_graph_folding_t *o, size_t n);
static double torus_graph_fold_result(const torus_graph_folding_t *o);
static double torus_graph_fold_rank(const torus_graph_folding_t *o,
    size_t *rank);
static double torus_graph_fold_ranked(const torus_graph_folding_t *o);
static double torus_graph_select_pivot(torus_graph_select_t *o);
static int torus_graph_select_next(torus_graph_t *g,
    torus_graph_select_t *o);


void
torus_graph_fold_start(torus_graph_folding_t *o, torus_graph_fold_t fold,
    const double *values, size_t n, double *scratch)
{
    o->fold = fold;
    o->values = values;
    o->scratch = scratch;
    o->n = n;
    o->ranked = 0;
    o->pass = 0;
    o->i = 0;
    o->present = 0;
    o->sum = (fold == TORUS_GRAPH_MULTIPLY) ? 1 : 0;
    o->first = NAN;
    o->last = NAN;
    o->low = INFINITY;
    o->high = -INFINITY;
}


void
torus_graph_percentile_start(torus_graph_folding_t *o, double percent,
    int interpolate, const double *values, size_t n, double *scratch)
{
    torus_graph_fold_start(o, TORUS_GRAPH_MEDIAN, values, n, scratch);

    o->ranked = 1;
    o->percent = percent;
    o->interpolate = (interpolate != 0);
}


int
torus_graph_fold_run(torus_graph_t *g, torus_graph_folding_t *o,
    double *value)
{
    size_t  n, rank, passes;

    passes = (o->fold == TORUS_GRAPH_STDDEV) ? 2 : 1;

    while (o->pass < passes) {
        n = torus_graph_some(g, o->i, o->n, 1);

        if (o->fold == TORUS_GRAPH_MEDIAN) {
            torus_graph_fold_keep(o, n);

        } else if (o->pass == 1) {
            torus_graph_fold_squares(o, n);

        } else {
            torus_graph_fold_part(o, n);
        }

        o->i = n;

        if (n < o->n) {
            return TORUS_AGAIN;
        }

        if (o->fold == TORUS_GRAPH_STDDEV && o->pass == 0) {
            o->mean = o->sum / (double) o->present;
            o->sum = 0;
        }

        o->pass++;
        o->i = 0;
    }

    if (o->fold != TORUS_GRAPH_MEDIAN) {
        *value = torus_graph_fold_result(o);
        return TORUS_OK;
    }

    if (o->present == 0) {
        *value = NAN;
        return TORUS_OK;
    }

    if (o->pass == passes) {
        (void) torus_graph_fold_rank(o, &rank);

        torus_graph_select_start(&o->select, o->scratch, o->present, rank, 1);
        o->pass++;
    }

    if (torus_graph_select_run(g, &o->select) != TORUS_OK) {
        return TORUS_AGAIN;
    }

    *value = torus_graph_fold_ranked(o);

    return TORUS_OK;
}


/* Values up to n. */
static void
torus_graph_fold_part(torus_graph_folding_t *o, size_t n)
{
    double  v;
    size_t  i;

    for (i = o->i; i < n; i++) {
        v = o->values[i];

        if (o->fold == TORUS_GRAPH_MULTIPLY) {
            o->sum *= v;
            o->present += !isnan(v);
            continue;
        }

        if (isnan(v)) {
            continue;
        }

        if (o->present++ == 0) {
            o->first = v;

        } else if (o->fold == TORUS_GRAPH_DIFF) {
            o->first -= v;
        }

        o->sum += v;
        o->last = v;
        o->low = v < o->low ? v : o->low;
        o->high = v > o->high ? v : o->high;
    }
}


static void
torus_graph_fold_squares(torus_graph_folding_t *o, size_t n)
{
    double  d;
    size_t  i;

    for (i = o->i; i < n; i++) {

        if (!isnan(o->values[i])) {
            d = o->values[i] - o->mean;
            o->sum += d * d;
        }
    }
}


/* What is there comes to lie side by side. */
static void
torus_graph_fold_keep(torus_graph_folding_t *o, size_t n)
{
    size_t  i;

    for (i = o->i; i < n; i++) {

        if (!isnan(o->values[i])) {
            o->scratch[o->present++] = o->values[i];
        }
    }
}


static double
torus_graph_fold_result(const torus_graph_folding_t *o)
{
    if (o->fold == TORUS_GRAPH_COUNT) {
        return (double) o->present;
    }

    if (o->fold == TORUS_GRAPH_AVG_ZERO || o->fold == TORUS_GRAPH_MULTIPLY) {

        if (o->n == 0) {
            return NAN;
        }

        return o->fold == TORUS_GRAPH_MULTIPLY ? o->sum
                                               : o->sum / (double) o->n;
    }

    if (o->present == 0) {
        return NAN;
    }

    switch (o->fold) {

    case TORUS_GRAPH_AVERAGE:
        return o->sum / (double) o->present;

    case TORUS_GRAPH_SUM:
        return o->sum;

    case TORUS_GRAPH_MIN:
        return o->low;

    case TORUS_GRAPH_MAX:
        return o->high;

    case TORUS_GRAPH_RANGE:
        return o->high - o->low;

    case TORUS_GRAPH_STDDEV:
        return sqrt(o->sum / (double) o->present);

    case TORUS_GRAPH_LAST:
        return o->last;

    default: /* first, diff */
        return o->first;
    }
}


/* Of what is there; returns how far it is from there to the next one. */
static double
torus_graph_fold_rank(const torus_graph_folding_t *o, size_t *rank)
{
    double  r, k;

    k = (double) o->present;
    *rank = 0;

    if (!o->ranked) {
        *rank = (o->present - 1) / 2;
        return 0;
    }

    r = o->percent / 100 * (k + 1);

    if (!(r > 0)) {
        return 0;
    }

    if (r > k) {
        *rank = o->present - 1;
        return 0;
    }

    if (!o->interpolate) {
        r = ceil(r);
        *rank = (size_t) (r > k ? k : r) - 1;
        return 0;
    }

    if (r < 1) {
        return 0;
    }

    *rank = (size_t) floor(r) - 1;

    return (floor(r) == k) ? 0 : r - floor(r);
}


static double
torus_graph_fold_ranked(const torus_graph_folding_t *o)
{
    double  d, fraction;
    size_t  rank;

    d = o->select.value;

    if (!o->ranked) {
        return (o->present % 2 != 0) ? d : (d + o->select.next) / 2;
    }

    fraction = torus_graph_fold_rank(o, &rank);

    return (fraction == 0) ? d : d + fraction * (o->select.next - d);
}


int
torus_graph_fold_series(torus_graph_t *g, torus_graph_place_t *p,
    const torus_graph_series_t *s, torus_graph_fold_t fold,
    const double *percent)
{
    if (p->phase == 0) {
        p->phase = 1;

        if (fold == TORUS_GRAPH_MEDIAN) {
            p->room = torus_arena_alloc(torus_graph_arena(g),
                                        (s->n + 1) * sizeof(double));
            if (p->room == NULL) {
                return TORUS_ERROR;
            }
        }

        torus_graph_fold_start(&p->fold, fold, s->values, s->n, p->room);

        if (percent != NULL) {
            torus_graph_percentile_start(&p->fold, *percent, 0, s->values,
                                         s->n, p->room);
        }
    }

    return torus_graph_fold_run(g, &p->fold, &p->a);
}


/*
 * What is less than one of the values comes before it and what is greater
 * behind it; then the same with the part where the rank is.
 */


void
torus_graph_select_start(torus_graph_select_t *o, double *values, size_t n,
    size_t rank, int both)
{
    o->values = values;
    o->n = n;
    o->rank = rank;
    o->both = (both != 0);
    o->parting = 0;
    o->low = 0;
    o->high = (int64_t) n - 1;
    o->i = 0;
    o->random = 1;
}


int
torus_graph_select_run(torus_graph_t *g, torus_graph_select_t *o)
{
    double   d, *v;
    size_t   n;
    int64_t  rank;

    n = 0;
    v = o->values;
    rank = (int64_t) o->rank;

    while (o->low < o->high) {

        if (!o->parting) {
            o->parting = 1;
            o->pivot = torus_graph_select_pivot(o);
            o->i = o->low;
            o->j = o->high;
        }

        while (o->i <= o->j) {

            if (g != NULL && ++n == TORUS_GRAPH_STEPS) {
                torus_graph_work(g, n);
                n = 0;

                if (torus_graph_spent(g)) {
                    return TORUS_AGAIN;
                }
            }

            if (v[o->i] < o->pivot) {
                o->i++;

            } else if (v[o->j] > o->pivot) {
                o->j--;

            } else {
                d = v[o->i];
                v[o->i++] = v[o->j];
                v[o->j--] = d;
            }
        }

        o->parting = 0;

        /* what lies between the two equals the pivot */

        if (o->j < rank) {
            o->low = o->i;
        }

        if (rank < o->i) {
            o->high = o->j;
        }
    }

    if (g != NULL) {
        torus_graph_work(g, n);
    }

    return torus_graph_select_next(g, o);
}


/* The middle one of three by chance: no order of values makes it slow. */
static double
torus_graph_select_pivot(torus_graph_select_t *o)
{
    double    v[3];
    size_t    i;
    uint64_t  n;

    n = (uint64_t) (o->high - o->low) + 1;

    for (i = 0; i < 3; i++) {
        o->random = o->random * 6364136223846793005 + 1442695040888963407;
        v[i] = o->values[o->low + (int64_t) ((o->random >> 33) % n)];
    }

    if (v[0] > v[1]) {
        v[2] = v[2] > v[0] ? v[0] : v[2] < v[1] ? v[1] : v[2];

    } else {
        v[2] = v[2] > v[1] ? v[1] : v[2] < v[0] ? v[0] : v[2];
    }

    return v[2];
}


/* The least of what lies behind the rank. */
static int
torus_graph_select_next(torus_graph_t *g, torus_graph_select_t *o)
{
    size_t   n;
    int64_t  i;

    if (!o->parting) {
        o->parting = 1;
        o->value = o->values[o->rank];
        o->next = INFINITY;
        o->i = (int64_t) o->rank + 1;
    }

    if (o->both && o->i < (int64_t) o->n) {
        n = torus_graph_some(g, (size_t) o->i, o->n, 1);

        for (i = o->i; i < (int64_t) n; i++) {
            o->next = o->values[i] < o->next ? o->values[i] : o->next;
        }

        o->i = i;

        if (n < o->n) {
            return TORUS_AGAIN;
        }
    }

    o->parting = 0;

    return TORUS_OK;
}


int
torus_graph_fold_find(torus_str_t name, torus_graph_fold_t *fold)
{
    size_t  i;

    static const struct {
        const char          *name;
        torus_graph_fold_t   fold;
    } folds[] = {
        { "average", TORUS_GRAPH_AVERAGE }, { "avg", TORUS_GRAPH_AVERAGE },
        { "avg_zero", TORUS_GRAPH_AVG_ZERO },
        { "median", TORUS_GRAPH_MEDIAN }, { "sum", TORUS_GRAPH_SUM },
        { "total", TORUS_GRAPH_SUM }, { "min", TORUS_GRAPH_MIN },
        { "max", TORUS_GRAPH_MAX }, { "diff", TORUS_GRAPH_DIFF },
        { "stddev", TORUS_GRAPH_STDDEV }, { "count", TORUS_GRAPH_COUNT },
        { "range", TORUS_GRAPH_RANGE }, { "rangeOf", TORUS_GRAPH_RANGE },
        { "multiply", TORUS_GRAPH_MULTIPLY }, { "last", TORUS_GRAPH_LAST },
        { "current", TORUS_GRAPH_LAST }
    };

    if (name.len > 6 && memcmp(name.data + name.len - 6, "Series", 6) == 0) {
        name.len -= 6;
    }

    for (i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {

        if (torus_str_is(name, folds[i].name)) {
            *fold = folds[i].fold;
            return TORUS_OK;
        }
    }

    return TORUS_DECLINED;
}


int
torus_graph_fold_points(torus_str_t name, torus_graph_fold_t *fold)
{
    if (torus_str_is(name, "first")) {
        *fold = TORUS_GRAPH_FIRST;
        return TORUS_OK;
    }

    return torus_graph_fold_find(name, fold);
}
