/*
 * Series in memory: made, named, tagged, folded.  What belongs to somebody
 * else is copied before it is changed, what is ours is changed in place, so
 * that a chain of functions over many series needs the memory of one.
 */

#include "torus_graph_func.h"

#include <stdarg.h>
#include <stdlib.h>


static int torus_graph_vtext(torus_graph_t *g, torus_str_t *text,
    const char *fmt, va_list args);
static const torus_function_t *torus_graph_reducer(
    const torus_graph_series_t *s, double *param);
static int torus_graph_merge(torus_graph_t *g,
    const torus_graph_series_t *s, size_t k, torus_graph_series_t *to);
static double torus_graph_stddev(const double *values, size_t n);
static int torus_graph_double_cmp(const void *one, const void *two);
static torus_str_t torus_graph_node_name(torus_str_t path, int64_t i,
    int *found);
static int torus_graph_seen(torus_str_t *table, size_t size, torus_str_t s);


torus_graph_series_t *
torus_graph_make(torus_graph_t *g, torus_str_t name, int64_t start,
    int64_t end, int64_t step, size_t n)
{
    size_t                 i;
    torus_graph_series_t  *s;

    s = torus_arena_calloc(torus_graph_arena(g), 1,
                           sizeof(torus_graph_series_t));
    if (s == NULL) {
        return NULL;
    }

    s->values = torus_graph_points(g, n);
    if (s->values == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        s->values[i] = NAN;
    }

    s->name = name;
    s->path = name;
    s->start = start;
    s->end = end;
    s->step = step;
    s->n = n;
    s->xff = torus_graph_params(g)->xff;
    s->own = 1;
    s->own_values = 1;

    return s;
}


torus_graph_series_t *
torus_graph_series(torus_graph_t *g, const torus_graph_leaf_t *leaf,
    torus_str_t name, int64_t step, int64_t phase)
{
    int64_t                from, until;
    torus_str_t            copy;
    torus_graph_series_t  *s;

    if (step <= 0
        || torus_arena_dup(torus_graph_arena(g), name, &copy) != TORUS_OK)
    {
        return NULL;
    }

    from = torus_graph_after(leaf->span.from, step, phase);
    until = torus_graph_after(leaf->span.until, step, phase);

    s = torus_graph_make(g, copy, from, until, step,
                         until > from ? (size_t) ((until - from) / step) : 0);

    if (s == NULL || torus_graph_tags_of(g, s, copy) != TORUS_OK) {
        return NULL;
    }

    s->path = leaf->path;
    s->own = 0;
    s->own_values = 0;

    return s;
}


int64_t
torus_graph_after(int64_t t, int64_t step, int64_t phase)
{
    int64_t  past;

    past = (t - phase) % step;

    return t + step - (past < 0 ? past + step : past);
}


torus_graph_series_t *
torus_graph_like(torus_graph_t *g, const torus_graph_series_t *s, size_t n)
{
    torus_graph_series_t  *to;

    to = torus_graph_make(g, s->name, s->start, s->end, s->step, n);

    if (to != NULL) {
        to->path = s->path;
        to->fold = s->fold;
        to->xff = s->xff;
        to->tags = s->tags;
        to->ntags = s->ntags;
        to->type = s->type;
        to->typed = s->typed;
    }

    return to;
}


torus_graph_series_t *
torus_graph_edit(torus_graph_t *g, torus_graph_series_t *s)
{
    torus_graph_series_t  *to;

    if (s->own) {
        return s;
    }

    to = torus_arena_alloc(torus_graph_arena(g), sizeof(torus_graph_series_t));

    if (to != NULL) {
        *to = *s;
        to->own = 1;
        to->own_values = 0;
    }

    return to;
}


torus_graph_series_t *
torus_graph_write(torus_graph_t *g, torus_graph_series_t *s)
{
    double                *values;
    torus_graph_series_t  *to;

    if (torus_graph_values(g, s) != TORUS_OK) {
        return NULL;
    }

    to = torus_graph_edit(g, s);
    if (to == NULL) {
        return NULL;
    }

    if (!to->own_values) {
        values = torus_graph_points(g, to->n);
        if (values == NULL) {
            return NULL;
        }

        memcpy(values, to->values, to->n * sizeof(double));

        to->values = values;
        to->own_values = 1;
    }

    to->rows = NULL;

    return to;
}


static const torus_function_t *
torus_graph_reducer(const torus_graph_series_t *s, double *param)
{
    *param = s->reduce.param;

    if (s->reduce.function != NULL) {
        return s->reduce.function;
    }

    return torus_function_find(torus_str("mean", 4), param);
}


/*
 * Of a series that others share it is cached there as well: the same rows
 * and reduction give the same numbers.
 */
int
torus_graph_values(torus_graph_t *g, torus_graph_series_t *s)
{
    double                   param, *values;
    size_t                   i;
    torus_call_t             call;
    torus_value_t            v;
    const torus_function_t  *function;

    if (s->values != NULL || s->rows == NULL) {
        return TORUS_OK;
    }

    values = torus_graph_points(g, s->n);
    if (values == NULL) {
        return TORUS_ERROR;
    }

    function = torus_graph_reducer(s, &param);

    call.arena = torus_graph_arena(g);
    call.seconds = (double) s->step;
    call.param = param;

    for (i = 0; i < s->n; i++) {
        values[i] = NAN;

        if (!s->rows[i].present) {
            continue;
        }

        switch (torus_function_apply(function, &call, &s->rows[i], &v)) {

        case TORUS_OK:
            values[i] = torus_number_double(&v);
            break;

        case TORUS_ERROR:
            return TORUS_ERROR;
        }

        torus_graph_work(g, 20 + 20 * s->rows[i].nitems);
    }

    s->values = values;
    s->own_values = 1;

    torus_graph_work(g, s->n);

    return TORUS_OK;
}


int
torus_graph_mergeable(const torus_graph_series_t *s)
{
    torus_str_t  name;

    if (s->rows == NULL) {
        return 0;
    }

    if (s->reduce.function == NULL) {
        return 1;
    }

    name = s->reduce.function->name;

    return !torus_str_is(name, "count") && !torus_str_is(name, "sum")
           && !torus_str_is(name, "rate");
}


int
torus_graph_consolidate(torus_graph_t *g, torus_graph_series_t *s, size_t k,
    torus_graph_series_t **out)
{
    double                *scratch;
    size_t                 i, j, n, end, present;
    torus_graph_series_t  *to;

    if (k <= 1) {
        *out = s;
        return TORUS_OK;
    }

    n = (s->n + k - 1) / k;

    to = torus_graph_like(g, s, n);
    scratch = torus_arena_alloc(torus_graph_arena(g),
                                ((k < s->n ? k : s->n) + 1) * sizeof(double));

    if (to == NULL || scratch == NULL) {
        return TORUS_ERROR;
    }

    to->step = s->step * (int64_t) k;
    *out = to;

    if (torus_graph_mergeable(s)) {
        return torus_graph_merge(g, s, k, to);
    }

    if (torus_graph_values(g, s) != TORUS_OK) {
        return TORUS_ERROR;
    }

    torus_graph_work(g, s->n);

    for (i = 0, j = 0; i < n; i++, j = end) {
        end = s->n - j < k ? s->n : j + k;

        to->values[i] = torus_graph_fold(s->fold, s->values + j, end - j,
                                         scratch);
        present = 0;

        for ( /* void */ ; j < end; j++) {
            present += !isnan(s->values[j]);
        }

        if (!torus_graph_enough(present, (double) k, s->xff)) {
            to->values[i] = NAN;
        }
    }

    return TORUS_OK;
}


/* The rows of k points become one, in to, which has room for them. */
static int
torus_graph_merge(torus_graph_t *g, const torus_graph_series_t *s, size_t k,
    torus_graph_series_t *to)
{
    size_t  i, present;

    to->rows = torus_arena_calloc(torus_graph_arena(g), to->n + 1,
                                  sizeof(torus_row_t));
    if (to->rows == NULL) {
        return TORUS_ERROR;
    }

    to->values = NULL;
    to->reduce = s->reduce;
    present = 0;

    for (i = 0; i < s->n; i++) {

        if (i % k == 0) {
            torus_row_init(&to->rows[i / k], s->rows[i].type);
            present = 0;
        }

        present += s->rows[i].present;

        if (s->rows[i].present
            && torus_row_merge(&to->rows[i / k], torus_graph_arena(g),
                               &s->rows[i]) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        torus_graph_work(g, 20 + 40 * s->rows[i].nitems);

        if ((i % k == k - 1 || i == s->n - 1)
            && !torus_graph_enough(present, (double) k, s->xff))
        {
            torus_row_init(&to->rows[i / k], s->rows[i].type);
        }
    }

    return TORUS_OK;
}


int
torus_graph_enough(size_t present, double total, double xff)
{
    return present != 0 && total > 0 && (double) present / total >= xff;
}


int
torus_graph_count(torus_graph_t *g, int64_t span, int64_t step, size_t *n)
{
    size_t  max;

    max = torus_graph_params(g)->max_points;
    *n = span <= 0 ? 0 : (size_t) ((span - 1) / step + 1);

    if (*n > SIZE_MAX / 64 || (max != 0 && *n > max)) {
        return torus_graph_over(g, "an interval makes %zu points of the range",
                                *n);
    }

    return TORUS_OK;
}


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


static int
torus_graph_vtext(torus_graph_t *g, torus_str_t *text, const char *fmt,
    va_list args)
{
    int       n;
    char     *p;
    va_list   copy;

    va_copy(copy, args);
    n = vsnprintf(NULL, 0, fmt, copy);
    va_end(copy);

    if (n < 0) {
        return TORUS_ERROR;
    }

    p = torus_arena_alloc(torus_graph_arena(g), (size_t) n + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    (void) vsnprintf(p, (size_t) n + 1, fmt, args);

    *text = torus_str(p, (size_t) n);

    return TORUS_OK;
}


int
torus_graph_text(torus_graph_t *g, torus_str_t *text, const char *fmt, ...)
{
    int      rc;
    va_list  args;

    va_start(args, fmt);
    rc = torus_graph_vtext(g, text, fmt, args);
    va_end(args);

    return rc;
}


int
torus_graph_named(torus_graph_t *g, torus_graph_series_t *s,
    const char *fmt, ...)
{
    int          rc;
    va_list      args;
    torus_str_t  name;

    va_start(args, fmt);
    rc = torus_graph_vtext(g, &name, fmt, args);
    va_end(args);

    if (rc == TORUS_OK) {
        s->name = name;
    }

    return rc;
}


int
torus_graph_rename(torus_graph_t *g, torus_graph_series_t *s,
    const char *fmt, ...)
{
    int          rc;
    va_list      args;
    torus_str_t  name;

    va_start(args, fmt);
    rc = torus_graph_vtext(g, &name, fmt, args);
    va_end(args);

    if (rc == TORUS_OK) {
        s->name = name;
        s->path = name;
    }

    return rc;
}


int
torus_graph_tag(torus_graph_t *g, torus_graph_series_t *s, const char *key,
    torus_str_t value)
{
    size_t              i;
    torus_str_t         copy, name;
    torus_graph_tag_t  *tags;

    tags = torus_arena_alloc(torus_graph_arena(g),
                             (s->ntags + 1) * sizeof(torus_graph_tag_t));

    if (tags == NULL
        || torus_arena_dup(torus_graph_arena(g), torus_str(key, strlen(key)),
                           &name) != TORUS_OK
        || torus_arena_dup(torus_graph_arena(g), value, &copy) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    for (i = 0; i < s->ntags; i++) {
        tags[i] = s->tags[i];
    }

    for (i = 0; i < s->ntags && !torus_str_is(tags[i].key, key); i++) {
        /* void */
    }

    tags[i].key = name;
    tags[i].value = copy;

    s->ntags += (i == s->ntags);
    s->tags = tags;

    return TORUS_OK;
}


int
torus_graph_tagz(torus_graph_t *g, torus_graph_series_t *s, const char *key,
    const char *value)
{
    return torus_graph_tag(g, s, key, torus_str(value, strlen(value)));
}


torus_str_t
torus_graph_tag_find(const torus_graph_series_t *s, torus_str_t key)
{
    size_t  i;

    for (i = 0; i < s->ntags; i++) {
        if (torus_str_eq(s->tags[i].key, key)) {
            return s->tags[i].value;
        }
    }

    return torus_str("", 0);
}


int
torus_graph_tags_of(torus_graph_t *g, torus_graph_series_t *s,
    torus_str_t name)
{
    size_t              i, j, n, end;
    torus_graph_tag_t  *tags;

    n = 1;

    for (i = 0; i < name.len; i++) {
        n += (name.data[i] == ';');
    }

    tags = torus_arena_alloc(torus_graph_arena(g),
                             n * sizeof(torus_graph_tag_t));
    if (tags == NULL) {
        return TORUS_ERROR;
    }

    for (end = 0; end < name.len && name.data[end] != ';'; end++) {
        /* void */
    }

    tags[0].key = torus_str("name", 4);
    tags[0].value = torus_str(name.data, end);
    n = 1;

    while (end < name.len) {
        i = ++end;

        for ( /* void */ ; end < name.len && name.data[end] != ';'; end++) {
            /* void */
        }

        for (j = i; j < end && name.data[j] != '='; j++) { /* void */ }

        if (j == i || j == end) {
            /* no tag, so that all of it is a name */
            tags[0].value = name;
            n = 1;
            break;
        }

        tags[n].key = torus_str(name.data + i, j - i);
        tags[n].value = torus_str(name.data + j + 1, end - j - 1);
        n++;
    }

    s->tags = tags;
    s->ntags = n;

    return TORUS_OK;
}


int
torus_graph_paths(torus_graph_t *g, const torus_graph_list_t *list,
    torus_str_t *text)
{
    size_t          i, size, len;
    torus_str_t    *table, path;
    unsigned char  *p, *start;

    size = 8;
    len = 0;

    while (size < list->n * 2) {
        size *= 2;
    }

    table = torus_arena_calloc(torus_graph_arena(g), size,
                               sizeof(torus_str_t));
    if (table == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < list->n; i++) {

        if (!torus_graph_seen(table, size, list->items[i]->path)) {
            len += list->items[i]->path.len + 1;
        }
    }

    start = torus_arena_alloc(torus_graph_arena(g), len + 1);
    if (start == NULL) {
        return TORUS_ERROR;
    }

    memset(table, 0, size * sizeof(torus_str_t));
    p = start;

    for (i = 0; i < list->n; i++) {
        path = list->items[i]->path;

        if (torus_graph_seen(table, size, path)) {
            continue;
        }

        if (p != start) {
            *p++ = ',';
        }

        if (path.len != 0) {
            memcpy(p, path.data, path.len);
            p += path.len;
        }
    }

    *text = torus_str(start, (size_t) (p - start));

    return TORUS_OK;
}


/* Was it in the table?  Now it is.  An empty place has no data. */
static int
torus_graph_seen(torus_str_t *table, size_t size, torus_str_t s)
{
    size_t  i;

    if (s.data == NULL) {
        s.data = (const unsigned char *) "";
    }

    i = (size_t) torus_hash(s.data, s.len, 0) & (size - 1);

    while (table[i].data != NULL) {

        if (torus_str_eq(table[i], s)) {
            return 1;
        }

        i = (i + 1) & (size - 1);
    }

    table[i] = s;

    return 0;
}


int
torus_graph_key(torus_graph_t *g, const torus_graph_series_t *s,
    const torus_graph_arg_t *nodes, size_t n, torus_str_t *key)
{
    int             found;
    size_t          i, pass, len;
    torus_str_t     path, part;
    unsigned char  *p;

    p = NULL;
    path = s->name;

    if (path.len != 0 && path.data[path.len - 1] == ')') {
        path = torus_target_first_path(path);

        if (path.len == 0) {
            path = s->name;
        }
    }

    for (i = 0; i < path.len; i++) {
        if (path.data[i] == ';') {
            path.len = i;
        }
    }

    for (pass = 0; pass < 2; pass++) {
        len = 0;

        for (i = 0; i < n; i++) {
            found = 0;
            part = torus_str("", 0);

            if (!nodes[i].string) {
                part = torus_graph_node_name(path, (int64_t) nodes[i].number,
                                             &found);
            }

            if (!found) {
                part = torus_graph_tag_find(s, nodes[i].text);
            }

            if (pass == 1) {
                if (i != 0) {
                    p[len] = '.';
                }

                if (part.len != 0) {
                    memcpy(p + len + (i != 0), part.data, part.len);
                }
            }

            len += part.len + (i != 0);
        }

        if (pass == 0) {
            p = torus_arena_alloc(torus_graph_arena(g), len + 1);
            if (p == NULL) {
                return TORUS_ERROR;
            }
        }
    }

    *key = torus_str(p, len);

    return TORUS_OK;
}


/* Counted from 0, or if negative from the end. */
static torus_str_t
torus_graph_node_name(torus_str_t path, int64_t i, int *found)
{
    size_t   j, start;
    int64_t  n;

    n = 1;

    for (j = 0; j < path.len; j++) {
        n += (path.data[j] == '.');
    }

    if (i < 0) {
        i += n;
    }

    *found = (i >= 0 && i < n);

    if (!*found) {
        return torus_str("", 0);
    }

    for (j = 0; i > 0; j++) {
        i -= (path.data[j] == '.');
    }

    for (start = j; j < path.len && path.data[j] != '.'; j++) { /* void */ }

    return torus_str(path.data + start, j - start);
}
