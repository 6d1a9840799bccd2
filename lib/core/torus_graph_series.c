/*
 * Series in memory: made, reduced, folded.  What belongs to somebody else is
 * copied before it is changed, what is ours is changed in place, so that a
 * chain of functions over many series needs the memory of one.
 */

#include "torus_graph_func.h"


static const torus_function_t *torus_graph_reducer(
    const torus_graph_series_t *s, double *param);
static int torus_graph_merge(torus_graph_t *g,
    const torus_graph_series_t *s, size_t k, torus_graph_series_t *to);


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


int
torus_graph_reduce_by(torus_graph_series_t *s, torus_graph_fold_t fold)
{
    double                   param;
    const char              *name;
    const torus_function_t  *function;

    if (s->reduce.function != NULL && !s->reduce.folded) {
        return 1;
    }

    name = (fold == TORUS_GRAPH_AVERAGE) ? "mean"
           : (fold == TORUS_GRAPH_SUM) ? "sum"
           : (fold == TORUS_GRAPH_MIN) ? "min"
           : (fold == TORUS_GRAPH_MAX) ? "max"
           : (fold == TORUS_GRAPH_MEDIAN) ? "median"
           : (fold == TORUS_GRAPH_FIRST) ? "first"
           : (fold == TORUS_GRAPH_LAST) ? "last" : "";

    param = 0;
    function = torus_function_find(torus_str(name, strlen(name)), &param);

    if (function == NULL || !(function->types & torus_type_bit(s->type))) {
        return 0;
    }

    s->reduce.function = fold == TORUS_GRAPH_AVERAGE ? NULL : function;
    s->reduce.param = param;
    s->reduce.folded = 1;

    if (s->rows != NULL) {
        s->values = NULL;
        s->own_values = 0;
    }

    return 1;
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
