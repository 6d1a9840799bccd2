/*
 * The arithmetic of /render: how several values become one, and how numbers
 * are rounded, written and read as Python and C do it.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


static double torus_graph_stddev(const double *values, size_t n);
static int torus_graph_double_cmp(const void *one, const void *two);


double
torus_graph_fold(torus_graph_fold_t fold, const double *values, size_t n,
    double *scratch)
{
    double  d, first, low, high;
    size_t  i, k;

    d = 0;
    k = 0;
    low = INFINITY;
    high = -INFINITY;
    first = NAN;

    if (fold == TORUS_GRAPH_LAST) {

        for (i = n; i-- > 0; /* void */) {
            if (!isnan(values[i])) {
                return values[i];
            }
        }

        return NAN;
    }

    if (fold == TORUS_GRAPH_MULTIPLY) {
        d = 1;

        for (i = 0; i < n; i++) {
            d *= values[i];
        }

        return n == 0 ? NAN : d;
    }

    for (i = 0; i < n; i++) {

        if (isnan(values[i])) {
            continue;
        }

        if (k++ == 0) {
            first = values[i];

        } else if (fold == TORUS_GRAPH_DIFF) {
            first -= values[i];
        }

        d += values[i];
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }

    if (fold == TORUS_GRAPH_COUNT) {
        return (double) k;
    }

    if (fold == TORUS_GRAPH_AVG_ZERO) {
        return n == 0 ? NAN : d / (double) n;
    }

    if (k == 0) {
        return NAN;
    }

    switch (fold) {

    case TORUS_GRAPH_AVERAGE:
        return d / (double) k;

    case TORUS_GRAPH_SUM:
        return d;

    case TORUS_GRAPH_MIN:
        return low;

    case TORUS_GRAPH_MAX:
        return high;

    case TORUS_GRAPH_RANGE:
        return high - low;

    case TORUS_GRAPH_STDDEV:
        return torus_graph_stddev(values, n);

    case TORUS_GRAPH_MEDIAN:
        memcpy(scratch, values, n * sizeof(double));
        d = torus_graph_percentile(scratch, n, 0, 0);

        return (k % 2 != 0) ? scratch[k / 2]
                            : (scratch[k / 2 - 1] + scratch[k / 2]) / 2;

    default: /* first, diff */
        return first;
    }
}


static double
torus_graph_stddev(const double *values, size_t n)
{
    double  mean, d;
    size_t  i, k;

    d = 0;
    k = 0;

    for (i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            d += values[i];
            k++;
        }
    }

    mean = d / (double) k;
    d = 0;

    for (i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            d += (values[i] - mean) * (values[i] - mean);
        }
    }

    return sqrt(d / (double) k);
}


/* The values that are there come first, in order. */
double
torus_graph_percentile(double *values, size_t n, double p, int interpolate)
{
    double  rank, fraction, d;
    size_t  i, k, r;

    k = 0;

    for (i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            values[k++] = values[i];
        }
    }

    if (k == 0) {
        return NAN;
    }

    qsort(values, k, sizeof(double), torus_graph_double_cmp);

    rank = p / 100 * (double) (k + 1);

    if (!(rank > 0)) {
        return values[0];
    }

    if (rank > (double) k) {
        return values[k - 1];
    }

    if (!interpolate) {
        r = (size_t) ceil(rank);
        return values[(r > k ? k : r) - 1];
    }

    fraction = rank - floor(rank);
    r = (size_t) floor(rank);

    if (r == 0) {
        return values[0];
    }

    d = values[r - 1];

    return (r == k) ? d : d + fraction * (values[r] - d);
}


static int
torus_graph_double_cmp(const void *one, const void *two)
{
    const double  *a, *b;

    a = one;
    b = two;

    return (*a > *b) - (*a < *b);
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


/*
 * The product's error is known exactly, so that the half is decided on the
 * double itself and not on what its product was rounded to.
 */
double
torus_graph_round(double d, int digits)
{
    double  p, y, error, low, half;
    int     i;

    if (!isfinite(d) || digits > 22) {
        return d;
    }

    if (digits < -308) {
        return copysign(0, d);
    }

    p = 1;

    for (i = 0; i < abs(digits); i++) {
        p *= 10;
    }

    if (digits < 0) {
        y = d / p;
        error = -fma(y, p, -d);

    } else {
        y = d * p;
        error = fma(d, p, -y);
    }

    if (fabs(y) >= 4503599627370496.0 || !isfinite(y)) {
        return d;
    }

    low = floor(y);
    half = (y - low) - 0.5;

    if (half > 0 || (half == 0 && error > 0)
        || (half == 0 && error == 0 && fmod(low, 2) != 0))
    {
        low += 1;
    }

    low = (digits < 0) ? low * p : low / p;

    return (low == 0) ? copysign(0, d) : low;
}


torus_graph_g_t
torus_graph_g(double d)
{
    char             text[64], *p;
    int              n, digits, exp;
    torus_graph_g_t  g;

    if (!isfinite(d)) {
        strcpy(g.text, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
        return g;
    }

    /* of "-1.23457e+08" the point may be the locale's */
    (void) snprintf(text, sizeof(text), "%.5e", d);

    exp = atoi(strchr(text, 'e') + 1);
    p = g.text;
    n = 0;

    for (digits = 0; text[digits] != 'e'; digits++) {
        if (text[digits] >= '0' && text[digits] <= '9') {
            text[n++] = text[digits];
        }
    }

    while (n > 1 && text[n - 1] == '0') {
        n--;
    }

    if (signbit(d)) {
        *p++ = '-';
    }

    if (exp < -4 || exp >= 6) {
        *p++ = text[0];

        if (n > 1) {
            *p++ = '.';
            memcpy(p, text + 1, (size_t) n - 1);
            p += n - 1;
        }

        (void) snprintf(p, 16, "e%c%02d", exp < 0 ? '-' : '+', abs(exp));

        return g;
    }

    if (exp < 0) {
        *p++ = '0';
        *p++ = '.';

        for (digits = -1; digits > exp; digits--) {
            *p++ = '0';
        }
    }

    for (digits = 0; digits < n || digits <= exp; digits++) {

        if (exp >= 0 && digits == exp + 1) {
            *p++ = '.';
        }

        *p++ = digits < n ? text[digits] : '0';
    }

    *p = '\0';

    return g;
}


torus_graph_g_t
torus_graph_repr(double d)
{
    size_t           n;
    torus_graph_g_t  g;

    if (!isfinite(d)) {
        return torus_graph_g(d);
    }

    n = torus_number_print_double((unsigned char *) g.text, d);
    g.text[n < sizeof(g.text) ? n : sizeof(g.text) - 1] = '\0';

    return g;
}


int
torus_graph_duration(torus_str_t text, int64_t *seconds)
{
    size_t       i, j, u, len;
    int64_t      n, sum, sign;
    torus_str_t  unit;

    static const struct {
        const char  *name;
        size_t       len;      /* that is enough of it */
        int64_t      seconds;
    } units[] = {
        { "s", 1, 1 }, { "min", 3, 60 }, { "h", 1, 3600 }, { "d", 1, 86400 },
        { "w", 1, 604800 }, { "mon", 3, 2592000 }, { "y", 1, 31536000 }
    };

    i = 0;
    sum = 0;
    sign = 1;

    if (text.len != 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        sign = text.data[0] == '-' ? -1 : 1;
        i++;
    }

    if (i == text.len) {
        return TORUS_DECLINED;
    }

    while (i < text.len) {
        n = 0;

        for (j = i; i < text.len && text.data[i] >= '0'
                    && text.data[i] <= '9'; i++)
        {
            n = n * 10 + (text.data[i] - '0');

            if (n > 100000000000) {
                return TORUS_DECLINED;
            }
        }

        if (i == j) {
            return TORUS_DECLINED;
        }

        for (j = i; i < text.len && text.data[i] >= 'a'
                    && text.data[i] <= 'z'; i++)
        {
            /* void */
        }

        unit = torus_str(text.data + j, i - j);

        for (u = 0; u < 7; u++) {
            len = units[u].len;

            if ((unit.len >= len && memcmp(unit.data, units[u].name, len) == 0)
                || (u == 1 && torus_str_is(unit, "m")))
            {
                break;
            }
        }

        if (u == 7 || n > 100000000000 / units[u].seconds) {
            return TORUS_DECLINED;
        }

        sum += n * units[u].seconds;

        if (sum > 100000000000) {
            return TORUS_DECLINED;
        }
    }

    *seconds = sign * sum;

    return TORUS_OK;
}


int64_t
torus_graph_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}
