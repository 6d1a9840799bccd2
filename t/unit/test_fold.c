/*
 * Folding: what several values of a point, or several points, become.  Each
 * kind over values with and without null, and then what "fold" of a schema
 * makes of points behind /render, where it counts and what it yields to.
 */

#include "torus_fold.h"
#include "torus_model.h"

#include <math.h>


#define NOW  1000000


static const struct {
    const char  *name;
    double       want;      /* of 4, null, 1, -2, null, 3 */
    double       none;      /* of three nulls */
    double       one;       /* of 7 */
} folds[] = {
    { "average", 1.5, NAN, 7 },    { "avg", 1.5, NAN, 7 },
    { "avg_zero", 1, 0, 7 },       { "median", 2, NAN, 7 },
    { "sum", 6, NAN, 7 },          { "total", 6, NAN, 7 },
    { "min", -2, NAN, 7 },         { "max", 4, NAN, 7 },
    { "diff", 2, NAN, 7 },         { "stddev", 2.29128784747792, NAN, 0 },
    { "count", 4, 0, 1 },          { "range", 6, NAN, 0 },
    { "rangeOf", 6, NAN, 0 },      { "multiply", NAN, NAN, 7 },
    { "last", 3, NAN, 7 },         { "current", 3, NAN, 7 }
};


static int
near(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) < 1e-12;
}


static torus_str_t
z(const char *text)
{
    return torus_str(text, strlen(text));
}


static void
kinds(void)
{
    char                text[32];
    size_t              i;
    double              d, scratch[6];
    torus_graph_fold_t  fold;

    static const double  some[] = { 4, NAN, 1, -2, NAN, 3 };
    static const double  none[] = { NAN, NAN, NAN };
    static const double  one[] = { 7 };
    static const double  whole[] = { 2, 3, -4 };

    for (i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {

        if (torus_graph_fold_find(z(folds[i].name), &fold) != TORUS_OK) {
            fail("%s is a fold", folds[i].name);
            continue;
        }

        d = fold_of(fold, some, 6, scratch);
        ok(near(d, folds[i].want), "%s of some, %g", folds[i].name, d);

        d = fold_of(fold, none, 3, scratch);
        ok(near(d, folds[i].none), "%s of nulls, %g", folds[i].name, d);

        d = fold_of(fold, one, 1, scratch);
        ok(near(d, folds[i].one), "%s of one, %g", folds[i].name, d);

        d = fold_of(fold, one, 0, scratch);
        ok(fold == TORUS_GRAPH_COUNT ? d == 0 : isnan(d), "%s of nothing, %g",
           folds[i].name, d);

        snprintf(text, sizeof(text), "%sSeries", folds[i].name);
        is_int(torus_graph_fold_find(z(text), &fold), TORUS_OK,
               "%s is one, too", text);
    }

    is_int(torus_graph_fold_find(z("multiply"), &fold), TORUS_OK, "a product");
    ok(fold_of(fold, whole, 3, scratch) == -24, "of three");

    is_int(torus_graph_fold_find(z("first"), &fold), TORUS_DECLINED,
           "of several series none is the first");
    is_int(torus_graph_fold_points(z("first"), &fold), TORUS_OK,
           "but of points one is");
    ok(fold_of(fold, some, 6, scratch) == 4, "this one");
    ok(fold_of(fold, some + 1, 5, scratch) == 1, "that is not null");
    ok(isnan(fold_of(fold, none, 3, scratch)), "if there is one");

    is_int(torus_graph_fold_find(z("mean"), &fold), TORUS_DECLINED,
           "there is no other");
    is_int(torus_graph_fold_find(z("Sum"), &fold), TORUS_DECLINED,
           "nor in capitals");
    is_int(torus_graph_fold_find(z("Series"), &fold), TORUS_DECLINED,
           "nor without a name");
    is_int(torus_graph_fold_find(z(""), &fold), TORUS_DECLINED, "at all");
}


static const char *
run(torus_model_t *m, const char *request)
{
    static torus_result_t  res;

    torus_buf_free(&res.body);
    torus_model_run(m, request, &res);
    torus_buf_add(&res.body, "", 1);

    return res.status == 200 ? (char *) res.body.pos : res.error;
}


/* Points 1, 5, 2 of three minutes; of series and histograms two in each. */
static void
schemas(void)
{
    char            schema[512], want[128], request[128];
    size_t          i, k;
    torus_model_t  *m;

    static const struct {
        const char  *fold;
        double       count;     /* minutes are 1, 5, 2 */
        double       series;    /* and 1 4, 5 2, 2 9 */
    } cases[] = {
        { "average", 8.0 / 3, 23.0 / 6 }, { "sum", 8, 23 }, { "min", 1, 1 },
        { "max", 5, 9 }, { "first", 1, 1 }, { "last", 2, 9 }
    };

    static const char *const  values[] = { "1", "4", "5", "2", "2", "9" };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(schema, sizeof(schema), "{\"TIMESERIES\": {"
                 "\"c\": {\"type\": \"count\", \"match\": \"c\","
                 "\"fold\": \"%s\", \"intervals\": {\"m\": {\"step\": 60}}},"
                 "\"s\": {\"type\": \"series\", \"match\": \"s\","
                 "\"fold\": \"%s\", \"intervals\": {\"m\": {\"step\": 60}}}"
                 "}}", cases[i].fold, cases[i].fold);

        m = torus_model_create(schema, NOW);

        for (k = 0; k < 6; k++) {
            torus_model_point(m, "s", values[k],
                              999840 + 60 * (int64_t) (k / 2));

            if (k % 2 == 0) {
                torus_model_point(m, "c", values[k],
                                  999840 + 60 * (int64_t) (k / 2));
            }
        }

        snprintf(want, sizeof(want), "[[%s,999840]]",
                 torus_graph_repr(cases[i].count).text);
        like(run(m, "render?target=c&from=999780&until=999960"
                    "&maxDataPoints=1"), want, "points by %s",
             cases[i].fold);

        snprintf(want, sizeof(want), "[[%s,999840]]",
                 torus_graph_repr(cases[i].series).text);
        like(run(m, "render?target=s&from=999780&until=999960"
                    "&maxDataPoints=1"), want, "points of many values by %s",
             cases[i].fold);

        /* one point of a count is what it is; of values it is the fold */

        like(run(m, "render?target=c&from=999840&until=999900&format=raw"),
             "|5.0\n", "a count, with %s", cases[i].fold);

        snprintf(want, sizeof(want), "|%s\n", i == 0 ? "3.5" : i == 1 ? "7.0"
                 : i == 2 || i == 5 ? "2.0" : "5.0");
        like(run(m, "render?target=s&from=999840&until=999900&format=raw"),
             want, "a point of two values by %s", cases[i].fold);

        /* what a target says is stronger */

        snprintf(request, sizeof(request), "render?target=consolidateBy(c,"
                 "'%s')&from=999780&until=999960&maxDataPoints=1",
                 i == 1 ? "max" : "sum");
        like(run(m, request), i == 1 ? "[[5.0,999840]]" : "[[8.0,999840]]",
             "consolidateBy instead of %s", cases[i].fold);

        torus_model_destroy(m);
    }
}



static int
value_cmp(const void *one, const void *two)
{
    const double  *a, *b;

    a = one;
    b = two;

    return (*a > *b) - (*a < *b);
}


/* Value i of n, in an order of some kind; some are null. */
static double
ordered(unsigned kind, size_t i, size_t n, uint64_t *x)
{
    *x = *x * 6364136223846793005 + 1442695040888963407;

    switch (kind) {

    case 0:
        return (double) i;

    case 1:
        return (double) (n - i);

    case 2:
        return 7;

    case 3: /* up and down again */
        return (double) (i < n / 2 ? i : n - i);

    case 4:
        return i % 3 == 0 ? NAN : (double) (*x >> 60);

    case 5:
        return i % 5 == 0 ? INFINITY : i % 7 == 0 ? -INFINITY : (double) i;

    default:
        return (double) (*x >> 33);
    }
}


/* What is in order only as far as need be is as if all of it were. */
static void
ranks(void)
{
    double    sorted[500], values[500], percent, rank, below, above, want, d;
    size_t    i, k, n, wrong;
    uint64_t  x;
    unsigned  kind, interpolate;

    x = 1;

    for (kind = 0; kind < 7; kind++) {
        wrong = 0;

        for (n = 1; n < 500; n = n * 3 / 2 + 1) {
            for (i = 0, k = 0; i < n; i++) {
                values[i] = ordered(kind, i, n, &x);

                if (!isnan(values[i])) {
                    sorted[k++] = values[i];
                }
            }

            if (k == 0) {
                continue;
            }

            qsort(sorted, k, sizeof(double), value_cmp);

            for (percent = 0.5; percent <= 110; percent += 7.25) {

                for (interpolate = 0; interpolate < 2; interpolate++) {
                    rank = percent / 100 * (double) (k + 1);
                    below = interpolate ? floor(rank) : ceil(rank);
                    below = below < 1 ? 1 : below > (double) k ? (double) k
                                                               : below;
                    want = sorted[(size_t) below - 1];

                    if (interpolate && rank > 1 && rank < (double) k
                        && floor(rank) != rank)
                    {
                        above = sorted[(size_t) below];
                        want += (rank - floor(rank)) * (above - want);
                    }

                    d = percentile_of(values, n, percent, (int) interpolate);
                    wrong += !(d == want || (isnan(d) && isnan(want)));

                    /* that changed their places, and took nulls out */
                    for (i = k; i < n; i++) {
                        values[i] = NAN;
                    }
                }
            }
        }

        is_int(wrong, 0, "percentiles of values of kind %u", kind);
    }
}


int
main(void)
{
    kinds();
    ranks();
    schemas();

    return done_testing();
}
