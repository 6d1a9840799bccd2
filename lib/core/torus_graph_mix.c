/*
 * Several series become one, in slices.
 *
 * They are put on one step first, the least common multiple of theirs.  A
 * series that begins whole steps after the first of them is padded in front;
 * less than a step does not count.
 */

#include "torus_graph_func.h"


/* What is done next. */
enum {
    TORUS_GRAPH_MIX_STEPS = 0,
    TORUS_GRAPH_MIX_READY,        /* all on one step */
    TORUS_GRAPH_MIX_ROOM,
    TORUS_GRAPH_MIX_CLEAR,
    TORUS_GRAPH_MIX_POINTS,
    TORUS_GRAPH_MIX_RESULT,
    TORUS_GRAPH_MIX_DONE
};


static int torus_graph_mix_steps(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_ready(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_room(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_clear(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_points(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_simple(torus_graph_t *g, torus_graph_mix_t *m);
static void torus_graph_mix_series(torus_graph_mix_t *m,
    const torus_graph_series_t *s, size_t pad, size_t n);
static void torus_graph_mix_squares(torus_graph_mix_t *m,
    const torus_graph_series_t *s, size_t pad, size_t n);
static int torus_graph_mix_means(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_rows(torus_graph_t *g, torus_graph_mix_t *m);
static void torus_graph_mix_row(torus_graph_mix_t *m, size_t n);
static int torus_graph_mix_merge(torus_graph_t *g, torus_graph_mix_t *m);
static int torus_graph_mix_result(torus_graph_t *g, torus_graph_mix_t *m);
static double torus_graph_mix_value(const torus_graph_mix_t *m, size_t i);
static size_t torus_graph_mix_pad(const torus_graph_mix_t *m,
    const torus_graph_series_t *s);
static int torus_graph_common_tags(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t *s);
static int torus_graph_same_reduce(const torus_graph_series_t *one,
    const torus_graph_series_t *two);


int
torus_graph_common_step(torus_graph_t *g, int64_t *step, int64_t other)
{
    int64_t  a, b, c;

    if (*step == other) {
        return TORUS_OK;
    }

    for (a = *step, b = other; b != 0; b = c) {
        c = a % b;
        a = b;
    }

    if (*step / a > 100000000000 / other) {
        return torus_graph_fault(g, "the steps of these series have no common "
                                 "multiple that is of use");
    }

    *step = *step / a * other;

    return TORUS_OK;
}


/* m->merge asks for rows to be merged, if that can be. */
int
torus_graph_mix_start(torus_graph_t *g, torus_graph_mix_t *m,
    const torus_graph_list_t *list, torus_graph_fold_t fold)
{
    m->list = *list;
    m->fold = fold;

    if (list->n == 0) {
        return TORUS_OK;
    }

    m->step = list->items[0]->step;
    m->start = INT64_MAX;
    m->end = INT64_MIN;

    /* the list becomes one of its own, as its series are replaced */

    m->list.items = torus_arena_alloc(torus_graph_arena(g), list->n
                                      * sizeof(torus_graph_series_t *));
    if (m->list.items == NULL) {
        return TORUS_ERROR;
    }

    m->list.n = 0;
    m->list.size = list->n;
    torus_graph_append(&m->list, list);

    return TORUS_OK;
}


int
torus_graph_mix_run(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t **out)
{
    int  rc;

    while (m->phase < TORUS_GRAPH_MIX_DONE) {

        switch (m->phase) {

        case TORUS_GRAPH_MIX_STEPS:
            rc = torus_graph_mix_steps(g, m);
            break;

        case TORUS_GRAPH_MIX_READY:
            rc = torus_graph_mix_ready(g, m);
            break;

        case TORUS_GRAPH_MIX_ROOM:
            rc = torus_graph_mix_room(g, m);
            break;

        case TORUS_GRAPH_MIX_CLEAR:
            rc = torus_graph_mix_clear(g, m);
            break;

        case TORUS_GRAPH_MIX_POINTS:
            rc = torus_graph_mix_points(g, m);
            break;

        default:
            rc = torus_graph_mix_result(g, m);
        }

        if (rc != TORUS_OK) {
            return rc;
        }

        m->phase++;
        m->i = 0;
        m->j = 0;
    }

    *out = m->out;

    return TORUS_OK;
}


static int
torus_graph_mix_steps(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t                       n;
    const torus_graph_series_t  *s;

    n = torus_graph_some(g, m->i, m->list.n, 2);

    for ( /* void */ ; m->i < n; m->i++) {
        s = m->list.items[m->i];

        if (torus_graph_common_step(g, &m->step, s->step) != TORUS_OK) {
            return TORUS_INVALID;
        }

        m->start = s->start < m->start ? s->start : m->start;
        m->end = s->end > m->end ? s->end : m->end;
        m->merge = m->merge && torus_graph_same_reduce(m->list.items[0], s);
    }

    if (n < m->list.n) {
        return TORUS_AGAIN;
    }

    m->end -= (m->end - m->start) % m->step;

    return TORUS_OK;
}


/* May their rows be merged, into rows of one kind? */
static int
torus_graph_same_reduce(const torus_graph_series_t *one,
    const torus_graph_series_t *two)
{
    return torus_graph_mergeable(two)
           && one->reduce.function == two->reduce.function
           && one->reduce.param == two->reduce.param
           && one->type == two->type;
}


/* Each call gets on by at least one, however little there is to spend. */
static int
torus_graph_mix_ready(torus_graph_t *g, torus_graph_mix_t *m)
{
    int                    rc;
    size_t                 k, n;
    torus_graph_series_t  *s;

    while (m->i < m->list.n) {
        s = m->list.items[m->i];
        k = s->step == m->step ? 1 : (size_t) (m->step / s->step);
        n = torus_graph_mix_pad(m, s) + (k == 1 ? s->n : (s->n + k - 1) / k);

        if (!m->all || m->merge) {
            rc = torus_graph_consolidate(g, &m->thin, s, k, &s);
            if (rc != TORUS_OK) {
                return rc;
            }

            m->list.items[m->i] = s;

            rc = m->merge ? TORUS_OK : torus_graph_values(g, s);
            if (rc != TORUS_OK) {
                return rc;
            }
        }

        m->n = n > m->n ? n : m->n;
        m->i++;

        torus_graph_work(g, 1);

        if (torus_graph_spent(g) && m->i < m->list.n) {
            return TORUS_AGAIN;
        }
    }

    return TORUS_OK;
}


/* How many points of the whole come before the first of its own. */
static size_t
torus_graph_mix_pad(const torus_graph_mix_t *m, const torus_graph_series_t *s)
{
    return s->start == m->start ? 0
           : (size_t) ((s->start - m->start) / m->step);
}


static int
torus_graph_mix_room(torus_graph_t *g, torus_graph_mix_t *m)
{
    int                          two, row;
    torus_arena_t               *arena;
    torus_graph_series_t        *s;
    const torus_graph_series_t  *first;

    arena = torus_graph_arena(g);

    s = torus_graph_make(g, torus_str("", 0), m->start, m->end, m->step, m->n);
    if (s == NULL) {
        return TORUS_ERROR;
    }

    s->xff = m->xff;
    m->out = s;
    m->a = s->values;

    /* row: of a median or percentile all values at a point */

    two = (m->fold == TORUS_GRAPH_RANGE || m->fold == TORUS_GRAPH_STDDEV);
    row = (m->fold == TORUS_GRAPH_MEDIAN || m->percent > 0);

    m->count = torus_arena_alloc(arena, (m->n + 1) * sizeof(uint32_t));
    m->b = torus_arena_alloc(arena, (two ? m->n + 1 : 1) * sizeof(double));
    m->row = torus_arena_alloc(arena,
                               (row ? m->list.n : 1) * sizeof(double));

    if (m->count == NULL || m->b == NULL || m->row == NULL) {
        return TORUS_ERROR;
    }

    if (m->merge) {
        first = m->list.items[0];

        s->values = NULL;
        s->reduce = first->reduce;
        s->type = first->type;
        s->typed = first->typed;

        s->rows = torus_arena_alloc(arena, (m->n + 1) * sizeof(torus_row_t));
        if (s->rows == NULL) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_mix_clear(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t  n;

    n = torus_graph_some(g, m->i, m->n, 1);

    for ( /* void */ ; m->i < n; m->i++) {
        m->count[m->i] = 0;

        if (m->merge) {
            torus_row_init(&m->out->rows[m->i], m->out->type);
        }
    }

    return n < m->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_mix_points(torus_graph_t *g, torus_graph_mix_t *m)
{
    if (m->merge) {
        return torus_graph_mix_merge(g, m);
    }

    if (m->all) {
        return TORUS_OK;
    }

    if (m->fold == TORUS_GRAPH_MEDIAN || m->percent > 0) {
        return torus_graph_mix_rows(g, m);
    }

    return torus_graph_mix_simple(g, m);
}


/* Series by series, in the order in which Graphite adds up. */
static int
torus_graph_mix_simple(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t                       n, pad;
    const torus_graph_series_t  *s;

    for ( ;; ) {

        while (m->i < m->list.n && m->pass != 1) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            s = m->list.items[m->i];
            pad = torus_graph_mix_pad(m, s);
            n = torus_graph_some(g, m->j, s->n, 1);

            if (m->pass == 0) {
                torus_graph_mix_series(m, s, pad, n);

            } else {
                torus_graph_mix_squares(m, s, pad, n);
            }

            m->j = n;

            if (n == s->n) {
                m->j = 0;
                m->i++;
                torus_graph_work(g, 1);
            }
        }

        if (m->fold != TORUS_GRAPH_STDDEV || m->pass == 2) {
            return TORUS_OK;
        }

        if (m->pass == 0) {
            m->pass = 1;
            m->i = 0;
        }

        if (torus_graph_mix_means(g, m) != TORUS_OK) {
            return TORUS_AGAIN;
        }

        m->pass = 2;
        m->i = 0;
    }
}


static int
torus_graph_mix_means(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t  n;

    n = torus_graph_some(g, m->i, m->n, 1);

    for ( /* void */ ; m->i < n; m->i++) {
        m->a[m->i] /= m->count[m->i];
        m->b[m->i] = 0;
    }

    return n < m->n ? TORUS_AGAIN : TORUS_OK;
}


/* The series' points from m->j up to n. */
static void
torus_graph_mix_series(torus_graph_mix_t *m, const torus_graph_series_t *s,
    size_t pad, size_t n)
{
    double  v, *a;
    size_t  i;

    for (i = m->j; i < n; i++) {
        v = s->values[i];
        a = &m->a[pad + i];

        if (isnan(v)) {
            continue;
        }

        if (m->count[pad + i]++ == 0) {
            *a = v;

            if (m->fold == TORUS_GRAPH_RANGE) {
                m->b[pad + i] = v;
            }

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
    }
}


static void
torus_graph_mix_squares(torus_graph_mix_t *m, const torus_graph_series_t *s,
    size_t pad, size_t n)
{
    double  d;
    size_t  i;

    for (i = m->j; i < n; i++) {

        if (!isnan(s->values[i])) {
            d = s->values[i] - m->a[pad + i];
            m->b[pad + i] += d * d;
        }
    }
}


/* Point by point, all series of each. */
static int
torus_graph_mix_rows(torus_graph_t *g, torus_graph_mix_t *m)
{
    int     rc;
    size_t  n;

    for ( /* void */ ; m->i < m->n; m->i++, m->j = 0) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        if (!m->folding) {
            n = torus_graph_some(g, m->j, m->list.n, 2);

            torus_graph_mix_row(m, n);

            if (n < m->list.n) {
                return TORUS_AGAIN;
            }

            if (m->percent > 0) {
                torus_graph_percentile_start(&m->fold_of, m->percent,
                                             m->interpolate, m->row, n,
                                             m->row);

            } else {
                torus_graph_fold_start(&m->fold_of, m->fold, m->row, n,
                                       m->row);
            }

            m->folding = 1;
        }

        rc = torus_graph_fold_run(g, &m->fold_of, &m->a[m->i]);
        if (rc != TORUS_OK) {
            return rc;
        }

        m->count[m->i] = (uint32_t) m->fold_of.present;
        m->folding = 0;
        torus_graph_work(g, 8);
    }

    return TORUS_OK;
}


/* The values of series m->j up to n at this point. */
static void
torus_graph_mix_row(torus_graph_mix_t *m, size_t n)
{
    size_t                       pad;
    const torus_graph_series_t  *s;

    for ( /* void */ ; m->j < n; m->j++) {
        s = m->list.items[m->j];
        pad = torus_graph_mix_pad(m, s);

        m->row[m->j] = (m->i >= pad && m->i - pad < s->n)
                       ? s->values[m->i - pad] : NAN;
    }
}


static int
torus_graph_mix_merge(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t                       pad;
    const torus_row_t           *row;
    const torus_graph_series_t  *s;

    for ( /* void */ ; m->i < m->list.n; m->i++, m->j = 0) {
        s = m->list.items[m->i];
        pad = torus_graph_mix_pad(m, s);

        for ( /* void */ ; m->j < s->n; m->j++) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            torus_graph_work(g, 1);
            row = &s->rows[m->j];

            if (!row->present) {
                continue;
            }

            if (torus_row_merge(&m->out->rows[pad + m->j],
                                torus_graph_arena(g), row) != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            m->count[pad + m->j]++;
            torus_graph_work(g, 20 + 40 * row->nitems);
        }
    }

    return TORUS_OK;
}


static int
torus_graph_mix_result(torus_graph_t *g, torus_graph_mix_t *m)
{
    size_t  n;

    n = torus_graph_some(g, m->i, m->n, 1);

    for ( /* void */ ; m->i < n; m->i++) {

        if (!m->merge) {
            m->a[m->i] = torus_graph_mix_value(m, m->i);

        } else if (!torus_graph_enough(m->count[m->i], (double) m->list.n,
                                       m->xff))
        {
            torus_row_init(&m->out->rows[m->i], m->out->type);
        }
    }

    return n < m->n ? TORUS_AGAIN : TORUS_OK;
}


static double
torus_graph_mix_value(const torus_graph_mix_t *m, size_t i)
{
    double  n, count;

    n = (double) m->list.n;
    count = m->count[i];

    if (m->all) {
        return n;
    }

    if (count == 0
        || (!m->raw && !torus_graph_enough(m->count[i], n, m->xff)))
    {
        return NAN;
    }

    if (m->percent > 0) {
        return m->a[i];
    }

    switch (m->fold) {

    case TORUS_GRAPH_AVERAGE:
        return m->a[i] / count;

    case TORUS_GRAPH_AVG_ZERO:
        return m->a[i] / n;

    case TORUS_GRAPH_STDDEV:
        return sqrt(m->b[i] / count);

    case TORUS_GRAPH_COUNT:
        return count;

    case TORUS_GRAPH_RANGE:
        return m->a[i] - m->b[i];

    case TORUS_GRAPH_MULTIPLY:
        return count == n ? m->a[i] : NAN;

    default:
        return m->a[i];
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
torus_graph_mix_named(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t *s, torus_str_t func)
{
    int          rc;
    torus_str_t  paths;

    if (func.len > 6 && memcmp(func.data + func.len - 6, "Series", 6) == 0) {
        func.len -= 6;
    }

    if (!m->named) {
        rc = torus_graph_paths(g, &m->paths, &m->list, 0, &paths);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (torus_graph_rename(g, s, "%.*sSeries(%.*s)", torus_fmt(func),
                               torus_fmt(paths)) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        m->named = 1;
        m->i = 0;
        m->j = 1;
    }

    rc = torus_graph_common_tags(g, m, s);

    return rc == TORUS_OK ? torus_graph_tag(g, s, "aggregatedBy", func) : rc;
}


/* Those of the first that all others have too. */
static int
torus_graph_common_tags(torus_graph_t *g, torus_graph_mix_t *m,
    torus_graph_series_t *s)
{
    size_t                    i, n;
    torus_str_t               value;
    const torus_graph_tag_t  *tag;
    torus_graph_series_t     *first;

    first = m->list.items[0];

    if (s->tags == NULL) {
        s->tags = torus_arena_alloc(torus_graph_arena(g),
                                    (first->ntags + 1)
                                    * sizeof(torus_graph_tag_t));
        if (s->tags == NULL) {
            return TORUS_ERROR;
        }
    }

    for ( /* void */ ; m->i < first->ntags; m->i++, m->j = 1) {
        tag = &first->tags[m->i];
        n = torus_graph_some(g, m->j, m->list.n, 4);

        for ( /* void */ ; m->j < n; m->j++) {
            value = torus_graph_tag_find(m->list.items[m->j], tag->key);

            if (!torus_str_eq(value, tag->value)) {
                break;
            }
        }

        if (m->j == n && n < m->list.n) {
            return TORUS_AGAIN;
        }

        if (m->j >= m->list.n) {
            s->tags[s->ntags++] = *tag;
        }
    }

    for (i = 0; i < s->ntags; i++) {
        if (torus_str_is(s->tags[i].key, "name")) {
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
