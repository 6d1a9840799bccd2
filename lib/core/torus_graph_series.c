/*
 * Series in memory: made, reduced, folded.  What belongs to somebody else is
 * copied before it is changed, what is ours is changed in place, so that a
 * chain of functions over many series needs the memory of one.
 */

#include "torus_graph_func.h"


static const torus_function_t *torus_graph_reducer(
    const torus_graph_series_t *s, double *param);
static int torus_graph_thin_start(torus_graph_t *g,
    torus_graph_thin_t *thin, torus_graph_series_t *s, size_t k, int merge);
static int torus_graph_thin_values(torus_graph_t *g,
    torus_graph_thin_t *thin, const torus_graph_series_t *s, size_t k);
static int torus_graph_thin_rows(torus_graph_t *g, torus_graph_thin_t *thin,
    const torus_graph_series_t *s, size_t k);


torus_graph_series_t *
torus_graph_make(torus_graph_t *g, torus_str_t name, int64_t start,
    int64_t end, int64_t step, size_t n)
{
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
    size_t                 i;
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

    for (i = 0; i < s->n; i++) {
        s->values[i] = NAN;
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
        to->making = NULL;
    }

    return to;
}


int
torus_graph_write(torus_graph_t *g, torus_graph_series_t *s,
    torus_graph_place_t *place)
{
    int                    rc;
    torus_graph_series_t  *to;

    rc = torus_graph_values(g, s);
    if (rc != TORUS_OK) {
        return rc;
    }

    to = torus_graph_edit(g, s);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    place->from = s->values;

    if (!to->own_values) {
        to->values = torus_graph_points(g, to->n);
        to->own_values = 1;
    }

    to->rows = NULL;
    place->to = to;

    return to->values != NULL ? TORUS_OK : TORUS_ERROR;
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
        s->making = NULL;
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
    double                   param;
    size_t                   i;
    torus_call_t             call;
    torus_value_t            v;
    const torus_function_t  *function;

    if (s->values != NULL || s->rows == NULL) {
        return TORUS_OK;
    }

    if (s->making == NULL) {
        s->made = 0;
        s->making = torus_graph_points(g, s->n);

        if (s->making == NULL) {
            return TORUS_ERROR;
        }
    }

    function = torus_graph_reducer(s, &param);

    call.arena = torus_graph_arena(g);
    call.seconds = (double) s->step;
    call.param = param;

    for (i = s->made; i < s->n; i++) {

        if (torus_graph_spent(g)) {
            s->made = i;
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 1);
        s->making[i] = NAN;

        if (!s->rows[i].present) {
            continue;
        }

        switch (torus_function_apply(function, &call, &s->rows[i], &v)) {

        case TORUS_OK:
            s->making[i] = torus_number_double(&v);
            break;

        case TORUS_ERROR:
            return TORUS_ERROR;
        }

        torus_graph_work(g, 20 + 20 * s->rows[i].nitems);
    }

    s->values = s->making;
    s->own_values = 1;
    s->making = NULL;

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
torus_graph_consolidate(torus_graph_t *g, torus_graph_thin_t *thin,
    torus_graph_series_t *s, size_t k, torus_graph_series_t **out)
{
    int  rc, merge;

    if (k <= 1) {
        *out = s;
        return TORUS_OK;
    }

    merge = torus_graph_mergeable(s);
    rc = merge ? TORUS_OK : torus_graph_values(g, s);

    if (rc == TORUS_OK && thin->to == NULL) {
        rc = torus_graph_thin_start(g, thin, s, k, merge);
    }

    if (rc == TORUS_OK) {
        rc = merge ? torus_graph_thin_rows(g, thin, s, k)
                   : torus_graph_thin_values(g, thin, s, k);
    }

    if (rc == TORUS_OK) {
        *out = thin->to;
        memset(thin, 0, sizeof(torus_graph_thin_t));
    }

    return rc;
}


static int
torus_graph_thin_start(torus_graph_t *g, torus_graph_thin_t *thin,
    torus_graph_series_t *s, size_t k, int merge)
{
    torus_graph_series_t  *to;

    to = torus_graph_like(g, s, (s->n + k - 1) / k);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    to->step = s->step * (int64_t) k;
    thin->to = to;

    if (merge) {
        to->rows = torus_arena_alloc(torus_graph_arena(g),
                                     (to->n + 1) * sizeof(torus_row_t));
        to->values = NULL;
        to->reduce = s->reduce;

        return to->rows != NULL ? TORUS_OK : TORUS_ERROR;
    }

    if (s->fold == TORUS_GRAPH_MEDIAN) {
        thin->scratch = torus_arena_alloc(torus_graph_arena(g),
                                          (k < s->n ? k : s->n)
                                          * sizeof(double));

        return thin->scratch != NULL ? TORUS_OK : TORUS_ERROR;
    }

    return TORUS_OK;
}


static int
torus_graph_thin_values(torus_graph_t *g, torus_graph_thin_t *thin,
    const torus_graph_series_t *s, size_t k)
{
    int      rc;
    size_t   n;
    double  *value;

    while (thin->i < thin->to->n) {
        n = s->n - thin->j < k ? s->n - thin->j : k;

        if (!thin->started) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            torus_graph_work(g, 1);
            torus_graph_fold_start(&thin->fold, s->fold, s->values + thin->j,
                                   n, thin->scratch);
            thin->started = 1;
        }

        value = &thin->to->values[thin->i];

        rc = torus_graph_fold_run(g, &thin->fold, value);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (!torus_graph_enough(thin->fold.present, (double) k, s->xff)) {
            *value = NAN;
        }

        thin->started = 0;
        thin->j += n;
        thin->i++;
    }

    return TORUS_OK;
}


/* The rows of k points become one. */
static int
torus_graph_thin_rows(torus_graph_t *g, torus_graph_thin_t *thin,
    const torus_graph_series_t *s, size_t k)
{
    torus_row_t        *to;
    const torus_row_t  *row;

    for ( /* void */ ; thin->j < s->n; thin->j++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        row = &s->rows[thin->j];
        to = &thin->to->rows[thin->j / k];

        if (thin->j % k == 0) {
            torus_row_init(to, row->type);
            thin->present = 0;
        }

        thin->present += row->present;

        if (row->present
            && torus_row_merge(to, torus_graph_arena(g), row) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        torus_graph_work(g, 20 + 40 * row->nitems);

        if ((thin->j % k == k - 1 || thin->j == s->n - 1)
            && !torus_graph_enough(thin->present, (double) k, s->xff))
        {
            torus_row_init(to, row->type);
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
