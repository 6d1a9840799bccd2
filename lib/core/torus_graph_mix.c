/*
 * Several series become one, in slices.
 *
 * They are put on one step first, the least common multiple of theirs.  A
 * series that begins whole steps after the first of them is padded in front;
 * less than a step does not count.
 */

#include "torus_graph_func.h"


static int torus_graph_mix_simple(torus_graph_t *g, torus_graph_mix_t *m);
static void torus_graph_mix_series(torus_graph_mix_t *m,
    const torus_graph_series_t *s, size_t pad);
static int torus_graph_mix_rows(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_merge(torus_graph_t *g, torus_graph_mix_t *m);
static void torus_graph_mix_result(torus_graph_mix_t *m, double *values);
static int torus_graph_common_tags(torus_graph_t *g, torus_graph_series_t *s,
    const torus_graph_list_t *list);
static int torus_graph_same_reduce(const torus_graph_list_t *list);
static int64_t torus_graph_gcd(int64_t a, int64_t b);
static int torus_graph_common(torus_graph_t *g, torus_graph_list_t *list,
    int64_t *start, int64_t *end, int64_t *step);


static int64_t
torus_graph_gcd(int64_t a, int64_t b)
{
    int64_t  c;

    while (b != 0) {
        c = a % b;
        a = b;
        b = c;
    }

    return a;
}


/* What one step there is for all; the list becomes one of its own. */
static int
torus_graph_common(torus_graph_t *g, torus_graph_list_t *list,
    int64_t *start, int64_t *end, int64_t *step)
{
    size_t                  i;
    int64_t                 lcm;
    torus_graph_series_t   *s, **items;

    lcm = list->items[0]->step;
    *start = INT64_MAX;
    *end = INT64_MIN;

    for (i = 0; i < list->n; i++) {
        s = list->items[i];
        lcm = lcm / torus_graph_gcd(lcm, s->step);

        if (lcm > 100000000000 / s->step) {
            return torus_graph_fault(g, "the steps of these series have no "
                                     "common multiple that is of use");
        }

        lcm *= s->step;

        *start = s->start < *start ? s->start : *start;
        *end = s->end > *end ? s->end : *end;
    }

    *step = lcm;
    *end -= (*end - *start) % lcm;

    items = torus_arena_alloc(torus_graph_arena(g),
                              list->n * sizeof(torus_graph_series_t *));
    if (items == NULL) {
        return TORUS_ERROR;
    }

    memcpy(items, list->items, list->n * sizeof(torus_graph_series_t *));

    list->items = items;
    list->size = list->n;

    return TORUS_OK;
}


int
torus_graph_normalize(torus_graph_t *g, torus_graph_list_t *list,
    int64_t *start, int64_t *end, int64_t *step)
{
    int                    rc;
    size_t                 i;
    torus_graph_series_t  *s;

    rc = torus_graph_common(g, list, start, end, step);

    for (i = 0; rc == TORUS_OK && i < list->n; i++) {
        s = list->items[i];

        rc = torus_graph_consolidate(g, s, (size_t) (*step / s->step),
                                     &list->items[i]);
    }

    return rc;
}


/* May their rows be merged, all into rows of one kind? */
static int
torus_graph_same_reduce(const torus_graph_list_t *list)
{
    size_t                       i;
    const torus_graph_reduce_t  *a, *b;

    for (i = 0; i < list->n; i++) {
        a = &list->items[0]->reduce;
        b = &list->items[i]->reduce;

        if (!torus_graph_mergeable(list->items[i])
            || a->function != b->function || a->param != b->param
            || list->items[i]->type != list->items[0]->type)
        {
            return 0;
        }
    }

    return list->n != 0;
}


/* m->merge asks for rows to be merged, if that can be. */
int
torus_graph_mix_start(torus_graph_t *g, torus_graph_mix_t *m,
    const torus_graph_list_t *list, torus_graph_fold_t fold)
{
    int                    rc;
    size_t                 i, k, n, pad;
    torus_graph_series_t  *s;

    m->list = *list;
    m->fold = fold;
    m->merge = m->merge && torus_graph_same_reduce(list);

    if (list->n == 0) {
        return TORUS_OK;
    }

    rc = torus_graph_common(g, &m->list, &m->start, &m->end, &m->step);
    if (rc != TORUS_OK) {
        return rc;
    }

    for (i = 0; i < m->list.n; i++) {
        s = m->list.items[i];
        k = (size_t) (m->step / s->step);

        pad = (size_t) ((s->start - m->start) / m->step);
        n = pad + (s->n + k - 1) / k;
        m->n = n > m->n ? n : m->n;
    }

    m->a = torus_arena_calloc(torus_graph_arena(g), m->n + 1, sizeof(double));
    m->b = torus_arena_calloc(torus_graph_arena(g), m->n + 1, sizeof(double));
    m->count = torus_arena_calloc(torus_graph_arena(g), m->n + 1,
                                  sizeof(uint32_t));

    if (m->a == NULL || m->b == NULL || m->count == NULL) {
        return TORUS_ERROR;
    }

    if (m->merge) {
        m->rows = torus_arena_calloc(torus_graph_arena(g), m->n + 1,
                                     sizeof(torus_row_t));
        if (m->rows == NULL) {
            return TORUS_ERROR;
        }

        for (i = 0; i < m->n; i++) {
            torus_row_init(&m->rows[i], m->list.items[0]->type);
        }
    }

    return TORUS_OK;
}


int
torus_graph_mix_run(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t **out)
{
    int                    rc;
    size_t                 i;
    torus_graph_series_t  *s;

    /* each call gets on by at least one, however little there is to spend */
    while (m->ready < m->list.n) {
        s = m->list.items[m->ready];

        if (torus_graph_consolidate(g, s, (size_t) (m->step / s->step), &s)
            != TORUS_OK
            || (!m->merge && torus_graph_values(g, s) != TORUS_OK))
        {
            return TORUS_ERROR;
        }

        m->list.items[m->ready++] = s;
        torus_graph_work(g, 1);

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    if (m->merge) {
        rc = torus_graph_mix_merge(g, m);

    } else if (m->fold == TORUS_GRAPH_MEDIAN || m->percent > 0) {
        rc = torus_graph_mix_rows(g, m);

    } else {
        rc = torus_graph_mix_simple(g, m);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    s = torus_graph_make(g, torus_str("", 0), m->start, m->end, m->step,
                         m->n);
    if (s == NULL) {
        return TORUS_ERROR;
    }

    s->xff = m->xff;

    if (m->merge) {
        s->values = NULL;
        s->rows = m->rows;
        s->reduce = m->list.items[0]->reduce;
        s->type = m->list.items[0]->type;
        s->typed = m->list.items[0]->typed;

        for (i = 0; i < m->n; i++) {
            if (!torus_graph_enough(m->count[i], (double) m->list.n, m->xff)) {
                torus_row_init(&m->rows[i], s->type);
            }
        }

    } else {
        torus_graph_mix_result(m, s->values);
    }

    *out = s;

    return TORUS_OK;
}


/* Series by series, in the order in which Graphite adds up. */
static int
torus_graph_mix_simple(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t                       i, pad;
    const torus_graph_series_t  *s;

    for ( ;; ) {

        while (m->i < m->list.n) {
            s = m->list.items[m->i];
            pad = (size_t) ((s->start - m->start) / m->step);

            torus_graph_mix_series(m, s, pad);
            torus_graph_work(g, s->n + 1);
            m->i++;

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }
        }

        if (m->fold != TORUS_GRAPH_STDDEV || m->pass == 1) {
            return TORUS_OK;
        }

        for (i = 0; i < m->n; i++) {
            m->a[i] = m->count[i] == 0 ? NAN : m->a[i] / m->count[i];
        }

        m->pass = 1;
        m->i = 0;
    }
}


static void
torus_graph_mix_series(torus_graph_mix_t *m, const torus_graph_series_t *s,
    size_t pad)
{
    double  v, *a;
    size_t  i;

    for (i = 0; i < s->n; i++) {
        v = s->values[i];
        a = &m->a[pad + i];

        if (isnan(v)) {
            continue;
        }

        if (m->pass == 1) {
            m->b[pad + i] += (v - *a) * (v - *a);
            continue;
        }

        if (m->count[pad + i]++ == 0) {
            *a = v;
            m->b[pad + i] = v;
            continue;
        }

        switch (m->fold) {

        case TORUS_GRAPH_MIN:
            *a = v < *a ? v : *a;
            break;

        case TORUS_GRAPH_MAX:
            *a = v > *a ? v : *a;
            break;

        case TORUS_GRAPH_RANGE:
            *a = v > *a ? v : *a;
            m->b[pad + i] = v < m->b[pad + i] ? v : m->b[pad + i];
            break;

        case TORUS_GRAPH_DIFF:
            *a -= v;
            break;

        case TORUS_GRAPH_MULTIPLY:
            *a *= v;
            break;

        case TORUS_GRAPH_LAST:
            *a = v;
            break;

        default: /* sums */
            *a += v;
        }

        if (m->fold == TORUS_GRAPH_STDDEV) {
            m->b[pad + i] = 0;
        }
    }

    if (m->fold == TORUS_GRAPH_STDDEV && m->pass == 0) {
        for (i = 0; i < s->n; i++) {
            m->b[pad + i] = 0;
        }
    }
}


static int
torus_graph_mix_rows(torus_graph_t *g, torus_graph_mix_t *m)
{
    double                      *row;
    size_t                       j, pad;
    const torus_graph_series_t  *s;

    row = torus_arena_alloc(torus_graph_arena(g),
                            2 * (m->list.n + 1) * sizeof(double));
    if (row == NULL) {
        return TORUS_ERROR;
    }

    while (m->i < m->n) {

        for (j = 0; j < m->list.n; j++) {
            s = m->list.items[j];
            pad = (size_t) ((s->start - m->start) / m->step);

            row[j] = (m->i >= pad && m->i - pad < s->n)
                     ? s->values[m->i - pad] : NAN;

            m->count[m->i] += !isnan(row[j]);
        }

        m->a[m->i] = (m->percent > 0)
                     ? torus_graph_percentile(row, j, m->percent,
                                              m->interpolate)
                     : torus_graph_fold(m->fold, row, j, row + j);
        m->i++;

        torus_graph_work(g, j * 8 + 1);

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_mix_merge(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t                       j, pad;
    const torus_graph_series_t  *s;

    while (m->i < m->list.n) {
        s = m->list.items[m->i];
        pad = (size_t) ((s->start - m->start) / m->step);

        for (j = 0; j < s->n; j++) {

            if (!s->rows[j].present) {
                continue;
            }

            if (torus_row_merge(&m->rows[pad + j], torus_graph_arena(g),
                                &s->rows[j]) != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            m->count[pad + j]++;
            torus_graph_work(g, 20 + 40 * s->rows[j].nitems);
        }

        torus_graph_work(g, s->n + 1);
        m->i++;

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    return TORUS_OK;
}


static void
torus_graph_mix_result(torus_graph_mix_t *m, double *values)
{
    double  n, count;
    size_t  i;

    n = (double) m->list.n;

    for (i = 0; i < m->n; i++) {
        count = m->count[i];

        if (m->all) {
            values[i] = n;
            continue;
        }

        values[i] = NAN;

        if (count == 0
            || (!m->raw && !torus_graph_enough(m->count[i], n, m->xff)))
        {
            continue;
        }

        values[i] = m->a[i];

        if (m->percent > 0) {
            continue;
        }

        switch (m->fold) {

        case TORUS_GRAPH_AVERAGE:
            values[i] /= count;
            break;

        case TORUS_GRAPH_AVG_ZERO:
            values[i] /= n;
            break;

        case TORUS_GRAPH_STDDEV:
            values[i] = sqrt(m->b[i] / count);
            break;

        case TORUS_GRAPH_COUNT:
            values[i] = count;
            break;

        case TORUS_GRAPH_RANGE:
            values[i] = m->a[i] - m->b[i];
            break;

        case TORUS_GRAPH_MULTIPLY:
            values[i] = count == n ? m->a[i] : NAN;
            break;

        default:
            break;
        }
    }
}


torus_str_t
torus_graph_fold_name(torus_graph_fold_t fold)
{
    const char  *name;

    static const char *const  names[] = {
        "average", "avg_zero", "median", "sum", "min", "max", "diff",
        "stddev", "count", "rangeOf", "multiply", "first", "last"
    };

    name = names[fold];

    return torus_str(name, strlen(name));
}


/* "fSeries(P,..)", what the series of the list had in common, and how. */
int
torus_graph_mix_named(torus_graph_t *g, torus_graph_series_t *s,
    const torus_graph_list_t *list, torus_str_t func)
{
    torus_str_t  paths;

    if (func.len > 6 && memcmp(func.data + func.len - 6, "Series", 6) == 0) {
        func.len -= 6;
    }

    if (torus_graph_paths(g, list, &paths) != TORUS_OK
        || torus_graph_rename(g, s, "%.*sSeries(%.*s)", torus_fmt(func),
                              torus_fmt(paths)) != TORUS_OK
        || torus_graph_common_tags(g, s, list) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_tag(g, s, "aggregatedBy", func);
}


static int
torus_graph_common_tags(torus_graph_t *g, torus_graph_series_t *s,
    const torus_graph_list_t *list)
{
    size_t                 i, j, n;
    torus_graph_tag_t     *tags;
    torus_graph_series_t  *first;

    n = 0;
    first = list->items[0];

    tags = torus_arena_alloc(torus_graph_arena(g),
                             (first->ntags + 1) * sizeof(torus_graph_tag_t));
    if (tags == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < first->ntags; i++) {

        for (j = 1; j < list->n; j++) {
            if (!torus_str_eq(torus_graph_tag_find(list->items[j],
                                                   first->tags[i].key),
                              first->tags[i].value))
            {
                break;
            }
        }

        if (j == list->n) {
            tags[n++] = first->tags[i];
        }
    }

    torus_graph_work(g, list->n * first->ntags / 4);

    s->tags = tags;
    s->ntags = n;

    for (i = 0; i < n; i++) {
        if (torus_str_is(tags[i].key, "name")) {
            return TORUS_OK;
        }
    }

    return torus_graph_tag(g, s, "name", s->name);
}


int
torus_graph_own_name(torus_graph_t *g, torus_graph_series_t *s)
{
    s->ntags = 0;

    return torus_graph_tag(g, s, "name", s->name);
}
