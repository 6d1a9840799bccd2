/*
 * Combine: several series become one, or fewer.
 *
 * They are put on one step first, the least common multiple of theirs.  A
 * series that begins whole steps after the first of them is padded in front;
 * less than a step does not count.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


/* Series with the same key. */
typedef struct {
    torus_str_t               key;
    torus_graph_list_t        list;
    torus_graph_series_t     *sum;       /* what divides them */
    torus_str_t               sum_name;
    torus_graph_list_t        parts;     /* of the sum, if it is one */
} torus_graph_group_by_t;


typedef struct {
    torus_graph_group_by_t   *groups;
    size_t                    n;
    size_t                    size;
    size_t                   *table;     /* index + 1 by hash, 0: empty */
    size_t                    table_size;
    size_t                    i;         /* at work */
    torus_graph_mix_t         mix;
    unsigned                  started:1;
    unsigned                  phase;
    size_t                    j;
} torus_graph_groups_t;


/* Of weightedAverage(): what is paired, multiplied and added up. */
typedef struct {
    torus_graph_groups_t      groups;
    torus_graph_list_t        products;
    torus_graph_mix_t         mix;
    torus_graph_series_t     *sums[2];
    unsigned                  phase;
    unsigned                  started:1;
    size_t                    i;
} torus_graph_weights_t;


static int torus_graph_aggregate(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_count_series(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_percentile_of(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_percentile_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_multiply(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_divide(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_as_percent(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_percent_groups(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_groups_t *s);
static int torus_graph_percent_totals(torus_graph_t *g,
    torus_graph_groups_t *s);
static int torus_graph_percent_pairs(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_percent_one(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t *total, torus_str_t name);
static int torus_graph_percent_number(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_weighted(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_weighted_pairs(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_weights_t *w);
static int torus_graph_weighted_products(torus_graph_t *g,
    torus_graph_weights_t *w);
static int torus_graph_weighted_sum(torus_graph_t *g,
    torus_graph_weights_t *w, torus_graph_list_t *list,
    torus_graph_series_t **sum);
static int torus_graph_weighted_out(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_weights_t *w);
static int torus_graph_weighted_paths(torus_graph_t *g,
    torus_graph_list_t *list, torus_str_t *text);
static int torus_graph_group(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_group_by_node(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_with_wildcards(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_group_by_tags(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_tags_key(torus_graph_t *g,
    const torus_graph_frame_t *f, const torus_graph_series_t *s,
    torus_str_t name, torus_str_t *key);
static int torus_graph_groups_run(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s, torus_graph_fold_t fold, torus_str_t func,
    int merge);
static int torus_graph_groups_get(torus_graph_t *g, torus_graph_groups_t *s,
    torus_str_t key, torus_graph_group_by_t **group);
static int torus_graph_without(torus_graph_t *g, const torus_graph_frame_t *f,
    torus_str_t name, torus_str_t *key);
static int torus_graph_quotient(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, double factor, torus_graph_series_t **out);
static int torus_graph_product(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, torus_graph_series_t **out);
static int torus_graph_pair(torus_graph_t *g, torus_graph_series_t **a,
    torus_graph_series_t **b, torus_graph_series_t **out, size_t *pad_a,
    size_t *pad_b);
static int torus_graph_mix_simple(torus_graph_t *g, torus_graph_mix_t *m);
static void torus_graph_mix_series(torus_graph_mix_t *m,
    const torus_graph_series_t *s, size_t pad);
static int torus_graph_mix_rows(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_merge(torus_graph_t *g, torus_graph_mix_t *m);
static void torus_graph_mix_result(torus_graph_mix_t *m, double *values);
static int torus_graph_mix_named(torus_graph_t *g, torus_graph_series_t *s,
    const torus_graph_list_t *list, torus_str_t func);
static int torus_graph_common_tags(torus_graph_t *g, torus_graph_series_t *s,
    const torus_graph_list_t *list);
static int torus_graph_same_reduce(const torus_graph_list_t *list);
static torus_str_t torus_graph_fold_name(torus_graph_fold_t fold);
static int torus_graph_own_name(torus_graph_t *g, torus_graph_series_t *s);
static int torus_graph_by_name(const void *one, const void *two);
static int torus_graph_text_cmp(const void *one, const void *two);
static int torus_graph_str_cmp(torus_str_t a, torus_str_t b);
static int64_t torus_graph_gcd(int64_t a, int64_t b);
static int torus_graph_common(torus_graph_t *g, torus_graph_list_t *list,
    int64_t *start, int64_t *end, int64_t *step);


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

    { "divideSeries", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_divide,
      P(P_NEED("dividendSeriesList", SERIES_LIST),
        P_NEED("divisorSeries", SERIES_LIST)),
      "Each series divided by one series." },

    { "asPercent", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_as_percent,
      P(P_SERIES, P_MAY("total", ANY, NULL), P_ALL("nodes", NODE_OR_TAG, 0)),
      "Each series as a percentage of their sum, of another series, of as "
      "many others, or of a number." },

    { "pct", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_as_percent,
      P(P_SERIES, P_MAY("total", ANY, NULL), P_ALL("nodes", NODE_OR_TAG, 0)),
      "Short for asPercent." },

    { "weightedAverage", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_weighted,
      P(P_NEED("seriesListAvg", SERIES_LIST),
        P_NEED("seriesListWeight", SERIES_LIST),
        P_ALL("nodes", NODE_OR_TAG, 0)),
      "The mean of series weighted by others with the same nodes." },

    { "group", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, 0, NULL, NULL, NULL,
      torus_graph_group, P(P_ALL("seriesLists", SERIES_LIST, 0)),
      "All series, one list behind the other." },

    { "groupByNode", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_group_by_node,
      P(P_SERIES, P_NEED("nodeNum", NODE_OR_TAG),
        P_MAY("callback", AGG, "average")),
      "Series with the same node put together by a function." },

    { "groupByNodes", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, 1, NULL, NULL,
      NULL, torus_graph_group_by_node,
      P(P_SERIES, P_NEED("callback", AGG), P_ALL("nodes", NODE_OR_TAG, 0)),
      "Series with the same nodes put together by a function." },

    { "groupByTags", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_group_by_tags,
      P(P_SERIES, P_NEED("callback", AGG),
        P_ALL("tags", TAG, TORUS_GRAPH_REQUIRED)),
      "Series with the same tags put together by a function." },

    { "sumSeriesWithWildcards", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS,
      TORUS_GRAPH_SUM, NULL, NULL, NULL, torus_graph_with_wildcards,
      P(P_SERIES, P_ALL("position", NODE, 0)),
      "Series that differ only in some nodes added up." },

    { "averageSeriesWithWildcards", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS,
      TORUS_GRAPH_AVERAGE, NULL, NULL, NULL, torus_graph_with_wildcards,
      P(P_SERIES, P_ALL("position", NODE, 0)),
      "The mean of series that differ only in some nodes." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* The machine: one step for all, then fold after fold in slices. */


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


static torus_str_t
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
static int
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


/* Of what a function makes from nothing the name is the only tag. */
static int
torus_graph_own_name(torus_graph_t *g, torus_graph_series_t *s)
{
    s->ntags = 0;

    return torus_graph_tag(g, s, "name", s->name);
}


/* The functions. */


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
        rc = torus_graph_mix_named(g, s, &m->list, name);
    }

    return (rc == TORUS_OK) ? torus_graph_add(g, &f->out, s) : rc;
}


static int
torus_graph_count_series(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                    rc;
    size_t                 i, n;
    int64_t                start, end, step;
    torus_str_t            paths;
    torus_graph_list_t     list;
    torus_graph_series_t  *s;

    if (torus_graph_gather(g, f, 0, &list) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (f->call->nargs == 0) {
        /* of no argument at all: none, as a line */
        s = torus_graph_make(g, torus_str("0", 1), f->span.from,
                             f->span.until, 1, 3);

        if (s == NULL || torus_graph_own_name(g, s) != TORUS_OK) {
            return TORUS_ERROR;
        }

        step = (f->span.until - f->span.from) / 2;

        s->step = step < 1 ? 1 : step;
        s->path = torus_str("countSeries()", 13);
        memset(s->values, 0, 3 * sizeof(double));

        return torus_graph_add(g, &f->out, s);
    }

    if (list.n == 0) {
        return TORUS_OK;
    }

    rc = torus_graph_normalize(g, &list, &start, &end, &step);
    if (rc != TORUS_OK) {
        return rc;
    }

    n = 0;

    for (i = 0; i < list.n; i++) {
        n = list.items[i]->n > n ? list.items[i]->n : n;
    }

    s = torus_graph_make(g, torus_str("", 0), start, end, step, n);

    if (s == NULL || torus_graph_paths(g, &list, &paths) != TORUS_OK
        || torus_graph_rename(g, s, "countSeries(%.*s)", torus_fmt(paths))
           != TORUS_OK
        || torus_graph_own_name(g, s) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        s->values[i] = (double) list.n;
    }

    return torus_graph_add(g, &f->out, s);
}


static int
torus_graph_percentile_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (!(call->args[1].number > 0)) {
        return torus_graph_fault(g, "the percentage of %s() has to be greater "
                                 "than 0", call->func->name);
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


/*
 * Puts both on one step and makes a series of nulls that is as long as the
 * two together; the pads are how many of its points come before theirs.
 */
static int
torus_graph_pair(torus_graph_t *g, torus_graph_series_t **a,
    torus_graph_series_t **b, torus_graph_series_t **out, size_t *pad_a,
    size_t *pad_b)
{
    int                    rc;
    size_t                 n;
    int64_t                start, end, step;
    torus_graph_list_t     list;
    torus_graph_series_t  *pair[2];

    pair[0] = *a;
    pair[1] = *b;
    list.items = pair;
    list.n = 2;
    list.size = 2;

    rc = torus_graph_normalize(g, &list, &start, &end, &step);
    if (rc != TORUS_OK) {
        return rc;
    }

    *a = list.items[0];
    *b = list.items[1];

    *pad_a = (size_t) (((*a)->start - start) / step);
    *pad_b = (size_t) (((*b)->start - start) / step);

    n = (*a)->n + *pad_a;
    n = (*b)->n + *pad_b > n ? (*b)->n + *pad_b : n;

    *out = torus_graph_make(g, torus_str("", 0), start, end, step, n);

    if (*out == NULL || torus_graph_values(g, *a) != TORUS_OK
        || torus_graph_values(g, *b) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    torus_graph_work(g, n);

    return TORUS_OK;
}


/* a / b * factor, both put on one step; null where that is none. */
static int
torus_graph_quotient(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, double factor, torus_graph_series_t **out)
{
    int                    rc;
    size_t                 i, pad_a, pad_b;
    torus_graph_series_t  *s;

    rc = torus_graph_pair(g, &a, &b, &s, &pad_a, &pad_b);
    if (rc != TORUS_OK) {
        return rc;
    }

    for (i = 0; i < s->n; i++) {

        if (i < pad_a || i >= pad_a + a->n || i < pad_b || i >= pad_b + b->n
            || isnan(a->values[i - pad_a]) || isnan(b->values[i - pad_b])
            || b->values[i - pad_b] == 0)
        {
            continue;
        }

        s->values[i] = a->values[i - pad_a] / b->values[i - pad_b];

        if (factor != 1) {
            s->values[i] *= factor;
        }
    }

    *out = s;

    return TORUS_OK;
}


/* a * b, likewise. */
static int
torus_graph_product(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, torus_graph_series_t **out)
{
    int                    rc;
    size_t                 i, pad_a, pad_b;
    torus_graph_series_t  *s;

    rc = torus_graph_pair(g, &a, &b, &s, &pad_a, &pad_b);
    if (rc != TORUS_OK) {
        return rc;
    }

    for (i = 0; i < s->n; i++) {

        if (i >= pad_a && i < pad_a + a->n && i >= pad_b && i < pad_b + b->n) {
            s->values[i] = a->values[i - pad_a] * b->values[i - pad_b];
        }
    }

    *out = s;

    return TORUS_OK;
}


static int
torus_graph_divide(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                    rc;
    size_t                *i, j;
    torus_graph_series_t  *s, *a, *b;

    if (f->lists[1].n > 1) {
        return torus_graph_fault(g, "what divideSeries() divides by has to be "
                                 "one series, not %zu", f->lists[1].n);
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1, sizeof(size_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (i = f->state; *i < f->lists[0].n; (*i)++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        a = f->lists[0].items[*i];

        if (f->lists[1].n == 0) {
            s = torus_graph_write(g, a);

            if (s == NULL
                || torus_graph_rename(g, s, "divideSeries(%.*s,MISSING)",
                                      torus_fmt(a->name)) != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            for (j = 0; j < s->n; j++) {
                s->values[j] = NAN;
            }

            torus_graph_work(g, s->n);

        } else {
            b = f->lists[1].items[0];

            rc = torus_graph_quotient(g, a, b, 1, &s);
            if (rc != TORUS_OK) {
                return rc;
            }

            if (torus_graph_rename(g, s, "divideSeries(%.*s,%.*s)",
                                   torus_fmt(a->name), torus_fmt(b->name))
                != TORUS_OK
                || torus_graph_own_name(g, s) != TORUS_OK)
            {
                return TORUS_ERROR;
            }
        }

        if (torus_graph_add(g, &f->out, s) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/*
 * What divides a series is the total of its group; without nodes there is
 * one group, of all.
 */
static int
torus_graph_as_percent(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    torus_graph_groups_t     *s;
    torus_graph_group_by_t   *group;
    const torus_graph_arg_t  *total;

    total = &f->call->args[1];

    /* totals alone are none, not even by nodes */
    if (f->lists[0].n == 0) {
        return TORUS_OK;
    }

    if (total->set && total->node == NULL) {
        return torus_graph_percent_number(g, f);
    }

    if (total->node != NULL && f->call->nargs < 3) {

        if (f->lists[1].n != 1 && f->lists[1].n != f->lists[0].n) {
            return torus_graph_fault(g, "what asPercent() takes percentages "
                                     "of has to be one series, or as many as "
                                     "the %zu that there are, not %zu",
                                     f->lists[0].n, f->lists[1].n);
        }

        if (f->lists[1].n == f->lists[0].n) {
            return torus_graph_percent_pairs(g, f);
        }
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_groups_t));

        if (f->state == NULL
            || torus_graph_percent_groups(g, f, f->state) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    s = f->state;

    if (s->phase == 0) {
        rc = torus_graph_percent_totals(g, s);
        if (rc != TORUS_OK) {
            return rc;
        }

        s->phase = 1;
        s->i = 0;
        s->j = 0;
    }

    for ( /* void */ ; s->i < s->n; s->i++, s->j = 0) {
        group = &s->groups[s->i];

        if (group->list.n == 0) {
            rc = torus_graph_percent_one(g, f, NULL, group->sum,
                                         group->sum_name);
            if (rc != TORUS_OK) {
                return rc;
            }
        }

        for ( /* void */ ; s->j < group->list.n; s->j++) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            rc = torus_graph_percent_one(g, f, group->list.items[s->j],
                                         group->sum, group->sum_name);
            if (rc != TORUS_OK) {
                return rc;
            }
        }
    }

    return TORUS_OK;
}


/* In the order of the series, and of what else is in the totals. */
static int
torus_graph_percent_groups(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s)
{
    size_t                   i, k, n;
    torus_str_t              key;
    torus_graph_series_t    *one;
    torus_graph_group_by_t  *group;

    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;

    for (k = 0; k < 2; k++) {

        for (i = 0; i < f->lists[k].n; i++) {
            one = f->lists[k].items[i];

            if (torus_graph_key(g, one, &f->call->args[2], n, &key)
                != TORUS_OK
                || torus_graph_groups_get(g, s, key, &group) != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            if (k == 0 && torus_graph_add(g, &group->list, one) != TORUS_OK) {
                return TORUS_ERROR;
            }
        }
    }

    k = (f->call->args[1].node != NULL) ? 1 : 0;

    for (i = 0; i < f->lists[k].n; i++) {
        one = f->lists[k].items[i];

        if (torus_graph_key(g, one, &f->call->args[2], n, &key) != TORUS_OK
            || torus_graph_groups_get(g, s, key, &group) != TORUS_OK
            || torus_graph_add(g, &group->parts, one) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    for (i = 0; i < s->n; i++) {
        group = &s->groups[i];
        group->sum_name = torus_str("MISSING", 7);

        /* one series is no sum, unless it is the whole list */
        if (group->parts.n == 1 && (n != 0 || k == 1)) {
            group->sum = group->parts.items[0];
            group->sum_name = group->sum->name;
            group->parts.n = 0;
        }

        if (group->parts.n == 0) {
            continue;
        }

        if (torus_graph_paths(g, &group->parts, &key) != TORUS_OK
            || torus_graph_text(g, &group->sum_name, "sumSeries(%.*s)",
                                torus_fmt(key)) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_percent_totals(torus_graph_t *g, torus_graph_groups_t *s)
{
    int  rc;

    for ( /* void */ ; s->i < s->n; s->i++) {

        if (s->groups[s->i].parts.n == 0) {
            continue;
        }

        if (!s->started) {
            memset(&s->mix, 0, sizeof(torus_graph_mix_t));
            s->mix.raw = 1;

            rc = torus_graph_mix_start(g, &s->mix, &s->groups[s->i].parts,
                                       TORUS_GRAPH_SUM);
            if (rc != TORUS_OK) {
                return rc;
            }

            s->started = 1;
        }

        rc = torus_graph_mix_run(g, &s->mix, &s->groups[s->i].sum);
        if (rc != TORUS_OK) {
            return rc;
        }

        s->started = 0;
    }

    return TORUS_OK;
}


/* s or total may be NULL, but not both. */
static int
torus_graph_percent_one(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t *total, torus_str_t name)
{
    int                    rc;
    torus_str_t            of;
    torus_graph_series_t  *out, *like;

    of = (s == NULL) ? torus_str("MISSING", 7) : s->name;

    if (s == NULL || total == NULL) {
        like = (s == NULL) ? total : s;
        out = torus_graph_make(g, torus_str("", 0), like->start, like->end,
                               like->step, like->n);
        if (out == NULL) {
            return TORUS_ERROR;
        }

    } else {
        rc = torus_graph_quotient(g, s, total, 100, &out);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (torus_graph_rename(g, out, "asPercent(%.*s,%.*s)", torus_fmt(of),
                           torus_fmt(name)) != TORUS_OK
        || torus_graph_own_name(g, out) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_add(g, &f->out, out);
}


static int
torus_graph_percent_pairs(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                     rc;
    size_t                 *i, n;
    torus_graph_series_t   *total, **items;

    n = f->lists[0].n;

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1, sizeof(size_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }

        qsort(f->lists[0].items, n, sizeof(items[0]), torus_graph_by_name);
        qsort(f->lists[1].items, n, sizeof(items[0]), torus_graph_by_name);
    }

    for (i = f->state; *i < n; (*i)++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        total = f->lists[1].items[*i];

        rc = torus_graph_percent_one(g, f, f->lists[0].items[*i], total,
                                     total->name);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_percent_number(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                   *i, j;
    torus_str_t               text;
    torus_graph_g_t           repr;
    torus_graph_series_t     *s, *out;
    const torus_graph_arg_t  *total;

    total = &f->call->args[1];

    if (total->string || f->call->nargs > 2) {
        return torus_graph_fault(g, "what asPercent() takes percentages of "
                                 "has to be a series or a number");
    }

    repr = torus_graph_repr(total->number);
    text = total->integer ? total->text
                          : torus_str(repr.text, strlen(repr.text));

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1, sizeof(size_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (i = f->state; *i < f->lists[0].n; (*i)++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        s = f->lists[0].items[*i];

        out = torus_graph_make(g, torus_str("", 0), s->start, s->end, s->step,
                               s->n);

        if (out == NULL
            || torus_graph_rename(g, out, "asPercent(%.*s,%.*s)",
                                  torus_fmt(s->name), torus_fmt(text))
               != TORUS_OK
            || torus_graph_own_name(g, out) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        for (j = 0; j < s->n && total->number != 0; j++) {
            out->values[j] = s->values[j] / total->number * 100;
        }

        torus_graph_work(g, s->n);

        if (torus_graph_add(g, &f->out, out) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_by_name(const void *one, const void *two)
{
    const torus_graph_series_t  *a, *b;

    a = *(torus_graph_series_t *const *) one;
    b = *(torus_graph_series_t *const *) two;

    return torus_graph_str_cmp(a->name, b->name);
}


static int
torus_graph_text_cmp(const void *one, const void *two)
{
    return torus_graph_str_cmp(*(const torus_str_t *) one,
                               *(const torus_str_t *) two);
}


static int
torus_graph_str_cmp(torus_str_t a, torus_str_t b)
{
    int     rc;
    size_t  n;

    n = a.len < b.len ? a.len : b.len;
    rc = n == 0 ? 0 : memcmp(a.data, b.data, n);

    return rc != 0 ? rc : (a.len > b.len) - (a.len < b.len);
}


static int
torus_graph_weighted(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                     rc;
    torus_graph_weights_t  *w;

    if (f->lists[0].n != f->lists[1].n) {
        return torus_graph_fault(g, "weightedAverage() needs as many weights "
                                 "as series: %zu and %zu", f->lists[0].n,
                                 f->lists[1].n);
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_weights_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    w = f->state;
    rc = TORUS_OK;

    if (w->phase == 0) {
        rc = torus_graph_weighted_pairs(g, f, w);

    } else if (w->phase == 1) {
        rc = torus_graph_weighted_products(g, w);

    } else if (w->products.n == 0) {
        return TORUS_OK;

    } else if (w->phase == 2) {
        rc = torus_graph_weighted_sum(g, w, &w->products, &w->sums[0]);

    } else if (w->phase == 3) {
        rc = torus_graph_weighted_sum(g, w, &f->lists[1], &w->sums[1]);

    } else {
        return torus_graph_weighted_out(g, f, w);
    }

    if (rc == TORUS_OK) {
        w->phase++;
        w->i = 0;
        return TORUS_AGAIN;
    }

    return rc;
}


/* Of each key the last series counts, as in Graphite. */
static int
torus_graph_weighted_pairs(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_weights_t *w)
{
    size_t                    n;
    torus_str_t               key;
    torus_graph_group_by_t   *group;
    const torus_graph_arg_t  *nodes;

    nodes = &f->call->args[2];
    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;

    for ( /* void */ ; w->i < f->lists[0].n; w->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 128);

        if (torus_graph_key(g, f->lists[0].items[w->i], nodes, n, &key)
            != TORUS_OK
            || torus_graph_groups_get(g, &w->groups, key, &group)
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        group->list.items = &f->lists[0].items[w->i];
        group->list.n = 1;

        if (torus_graph_key(g, f->lists[1].items[w->i], nodes, n, &key)
            != TORUS_OK
            || torus_graph_groups_get(g, &w->groups, key, &group)
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        group->sum = f->lists[1].items[w->i];
    }

    return TORUS_OK;
}


static int
torus_graph_weighted_products(torus_graph_t *g, torus_graph_weights_t *w)
{
    int                            rc;
    torus_graph_series_t          *product;
    const torus_graph_group_by_t  *group;

    for ( /* void */ ; w->i < w->groups.n; w->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        group = &w->groups.groups[w->i];
        torus_graph_work(g, 10);

        if (group->list.n == 0 || group->sum == NULL) {
            continue;
        }

        rc = torus_graph_product(g, group->list.items[0], group->sum,
                                 &product);
        if (rc != TORUS_OK) {
            return rc;
        }

        torus_graph_work(g, product->n);

        if (torus_graph_add(g, &w->products, product) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_weighted_sum(torus_graph_t *g, torus_graph_weights_t *w,
    torus_graph_list_t *list, torus_graph_series_t **sum)
{
    int  rc;

    if (!w->started) {
        memset(&w->mix, 0, sizeof(torus_graph_mix_t));
        w->mix.xff = torus_graph_params(g)->xff;

        rc = torus_graph_mix_start(g, &w->mix, list, TORUS_GRAPH_SUM);
        if (rc != TORUS_OK) {
            return rc;
        }

        w->started = 1;
    }

    rc = torus_graph_mix_run(g, &w->mix, sum);

    if (rc == TORUS_OK) {
        w->started = 0;
    }

    return rc;
}


static int
torus_graph_weighted_out(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_weights_t *w)
{
    int                       rc;
    size_t                    i, n;
    torus_str_t               avg, weight, nodes;
    torus_graph_series_t     *out;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;

    rc = torus_graph_quotient(g, w->sums[0], w->sums[1], 1, &out);
    if (rc != TORUS_OK) {
        return rc;
    }

    nodes = torus_str("", 0);

    for (i = 0; i < n; i++) {
        if (torus_graph_text(g, &nodes, "%.*s%s%.*s", torus_fmt(nodes),
                             i == 0 ? "" : ",", torus_fmt(args[2 + i].text))
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    if (torus_graph_weighted_paths(g, &f->lists[0], &avg) != TORUS_OK
        || torus_graph_weighted_paths(g, &f->lists[1], &weight) != TORUS_OK
        || torus_graph_rename(g, out, "weightedAverage(%.*s, %.*s, %.*s)",
                              torus_fmt(avg), torus_fmt(weight),
                              torus_fmt(nodes)) != TORUS_OK
        || torus_graph_own_name(g, out) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_add(g, &f->out, out);
}


/* The distinct paths in order. */
static int
torus_graph_weighted_paths(torus_graph_t *g, torus_graph_list_t *list,
    torus_str_t *text)
{
    size_t        i, n;
    torus_str_t  *paths;

    paths = torus_arena_alloc(torus_graph_arena(g),
                              (list->n + 1) * sizeof(torus_str_t));
    if (paths == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < list->n; i++) {
        paths[i] = list->items[i]->path;
    }

    qsort(paths, list->n, sizeof(torus_str_t), torus_graph_text_cmp);

    *text = torus_str("", 0);
    n = 0;

    for (i = 0; i < list->n; i++) {

        if (i != 0 && torus_str_eq(paths[i], paths[i - 1])) {
            continue;
        }

        if (torus_graph_text(g, text, "%.*s%s%.*s", torus_fmt(*text),
                             n++ == 0 ? "" : ",", torus_fmt(paths[i]))
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_group(torus_graph_t *g, torus_graph_frame_t *f)
{
    return torus_graph_gather(g, f, 0, &f->out);
}


/* variant 1: groupByNodes, the function comes first */
static int
torus_graph_group_by_node(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                    first, n;
    torus_str_t               key, func;
    torus_graph_fold_t        fold;
    torus_graph_groups_t     *s;
    torus_graph_series_t     *one;
    torus_graph_group_by_t   *group;
    const torus_graph_arg_t  *args, *callback;

    args = f->call->args;
    first = f->call->func->variant ? 2 : 1;
    n = f->call->func->variant ? f->call->nargs - 2 : 1;
    callback = f->call->func->variant ? &args[1] : &args[2];

    fold = callback->set ? callback->fold : TORUS_GRAPH_AVERAGE;
    func = callback->set ? callback->text : torus_str("average", 7);

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_groups_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (s = f->state; s->j < f->lists[0].n; s->j++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        one = f->lists[0].items[s->j];
        torus_graph_work(g, 64);

        if (torus_graph_key(g, one, &args[first], n, &key) != TORUS_OK
            || torus_graph_groups_get(g, s, key, &group) != TORUS_OK
            || torus_graph_add(g, &group->list, one) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return torus_graph_groups_run(g, f, s, fold, func, 1);
}


/* variant: the fold */
static int
torus_graph_with_wildcards(torus_graph_t *g, torus_graph_frame_t *f)
{
    torus_str_t              key;
    torus_graph_fold_t       fold;
    torus_graph_groups_t    *s;
    torus_graph_series_t    *one;
    torus_graph_group_by_t  *group;

    fold = (torus_graph_fold_t) f->call->func->variant;

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_groups_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (s = f->state; s->j < f->lists[0].n; s->j++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        one = f->lists[0].items[s->j];
        torus_graph_work(g, 64);

        if (torus_graph_without(g, f, one->name, &key) != TORUS_OK
            || torus_graph_groups_get(g, s, key, &group) != TORUS_OK
            || torus_graph_add(g, &group->list, one) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return torus_graph_groups_run(g, f, s, fold, torus_graph_fold_name(fold),
                                  1);
}


/* The name without the nodes at the positions. */
static int
torus_graph_without(torus_graph_t *g, const torus_graph_frame_t *f,
    torus_str_t name, torus_str_t *key)
{
    size_t          i, k, len, node, start;
    unsigned char  *p;

    p = torus_arena_alloc(torus_graph_arena(g), name.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    len = 0;
    node = 0;

    for (i = 0, start = 0; i <= name.len; i++) {

        if (i < name.len && name.data[i] != '.') {
            continue;
        }

        for (k = 1; k < f->call->nargs; k++) {
            if (f->call->args[k].number == (double) node) {
                break;
            }
        }

        if (k >= f->call->nargs) {

            if (len != 0) {
                p[len++] = '.';
            }

            memcpy(p + len, name.data + start, i - start);
            len += i - start;
        }

        start = i + 1;
        node++;
    }

    *key = torus_str(p, len);

    return TORUS_OK;
}


static int
torus_graph_group_by_tags(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    size_t                    i;
    torus_str_t               key, name, one;
    torus_graph_groups_t     *s;
    torus_graph_group_by_t   *group;
    const torus_graph_arg_t  *callback;

    callback = &f->call->args[1];

    if (f->state == NULL) {
        s = torus_arena_calloc(torus_graph_arena(g), 1,
                               sizeof(torus_graph_groups_t));
        if (s == NULL) {
            return TORUS_ERROR;
        }

        name = torus_str(NULL, 0);

        for (i = 0; i < f->lists[0].n; i++) {
            one = torus_graph_tag_find(f->lists[0].items[i],
                                       torus_str("name", 4));

            if (i == 0) {
                name = one;

            } else if (!torus_str_eq(name, one)) {
                name = callback->text;
                break;
            }
        }

        for (i = 0; i < f->lists[0].n; i++) {

            if (torus_graph_tags_key(g, f, f->lists[0].items[i], name, &key)
                != TORUS_OK
                || torus_graph_groups_get(g, s, key, &group) != TORUS_OK
                || torus_graph_add(g, &group->list, f->lists[0].items[i])
                   != TORUS_OK)
            {
                return TORUS_ERROR;
            }
        }

        f->state = s;
    }

    i = f->out.n;

    rc = torus_graph_groups_run(g, f, f->state, callback->fold,
                                callback->text, 1);

    for ( /* void */ ; i < f->out.n; i++) {
        f->out.items[i]->path = f->out.items[i]->name;

        if (torus_graph_tags_of(g, f->out.items[i], f->out.items[i]->name)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return rc;
}


/* "name;tag=value;..", the tags in order */
static int
torus_graph_tags_key(torus_graph_t *g, const torus_graph_frame_t *f,
    const torus_graph_series_t *s, torus_str_t name, torus_str_t *key)
{
    size_t        i, n;
    torus_str_t  *parts, tag;

    n = 0;

    parts = torus_arena_alloc(torus_graph_arena(g),
                              f->call->nargs * sizeof(torus_str_t));
    if (parts == NULL) {
        return TORUS_ERROR;
    }

    for (i = 2; i < f->call->nargs; i++) {
        tag = f->call->args[i].text;

        if (torus_str_is(tag, "name")) {
            name = torus_graph_tag_find(s, tag);
            continue;
        }

        if (torus_graph_text(g, &parts[n++], "%.*s=%.*s", torus_fmt(tag),
                             torus_fmt(torus_graph_tag_find(s, tag)))
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    qsort(parts, n, sizeof(torus_str_t), torus_graph_text_cmp);

    *key = name;

    for (i = 0; i < n; i++) {
        if (torus_graph_text(g, key, "%.*s;%.*s", torus_fmt(*key),
                             torus_fmt(parts[i])) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* Group after group becomes one series that is called by its key. */
static int
torus_graph_groups_run(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s, torus_graph_fold_t fold, torus_str_t func,
    int merge)
{
    int                      rc;
    torus_graph_series_t    *one;
    torus_graph_group_by_t  *group;

    for ( /* void */ ; s->i < s->n; s->i++) {
        group = &s->groups[s->i];

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        if (!s->started) {
            memset(&s->mix, 0, sizeof(torus_graph_mix_t));
            s->mix.xff = torus_graph_params(g)->xff;
            s->mix.merge = (merge != 0);
            s->mix.all = torus_str_is(func, "countSeries");

            rc = torus_graph_mix_start(g, &s->mix, &group->list, fold);
            if (rc != TORUS_OK) {
                return rc;
            }

            s->started = 1;
        }

        rc = torus_graph_mix_run(g, &s->mix, &one);
        if (rc != TORUS_OK) {
            return rc;
        }

        s->started = 0;

        /* "avg" is the name of a function of series, which has another */
        if (torus_str_is(func, "avg")) {
            func = torus_graph_fold_name(fold);
        }

        if (torus_graph_mix_named(g, one, &group->list, func) != TORUS_OK
            || torus_graph_add(g, &f->out, one) != TORUS_OK
            || (s->mix.all && torus_graph_own_name(g, one) != TORUS_OK))
        {
            return TORUS_ERROR;
        }

        one->name = group->key;
    }

    return TORUS_OK;
}


/* By key, a new one if there is none; in the order in which they came. */
static int
torus_graph_groups_get(torus_graph_t *g, torus_graph_groups_t *s,
    torus_str_t key, torus_graph_group_by_t **group)
{
    size_t                   i, j, size, *table;
    torus_graph_group_by_t  *groups;

    if (s->n * 2 >= s->table_size) {
        size = s->table_size == 0 ? 16 : s->table_size * 4;

        table = torus_arena_calloc(torus_graph_arena(g), size, sizeof(size_t));
        groups = torus_arena_calloc(torus_graph_arena(g), size / 2 + 1,
                                    sizeof(torus_graph_group_by_t));

        if (table == NULL || groups == NULL) {
            return TORUS_ERROR;
        }

        for (i = 0; i < s->n; i++) {
            groups[i] = s->groups[i];

            j = (size_t) torus_hash(groups[i].key.data, groups[i].key.len, 0);

            for (j &= size - 1; table[j] != 0; j = (j + 1) & (size - 1)) {
                /* void */
            }

            table[j] = i + 1;
        }

        s->table = table;
        s->table_size = size;
        s->groups = groups;
    }

    j = (size_t) torus_hash(key.data, key.len, 0) & (s->table_size - 1);

    for ( /* void */ ; s->table[j] != 0; j = (j + 1) & (s->table_size - 1)) {

        if (torus_str_eq(s->groups[s->table[j] - 1].key, key)) {
            *group = &s->groups[s->table[j] - 1];
            return TORUS_OK;
        }
    }

    s->groups[s->n].key = key;
    s->table[j] = ++s->n;
    *group = &s->groups[s->n - 1];

    return TORUS_OK;
}
