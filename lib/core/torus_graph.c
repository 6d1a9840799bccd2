/*
 * A request for /render without the server: what it was asked for, what it
 * may use, and what went wrong.
 */

#include "torus_graph_eval.h"

#include <stdarg.h>


torus_graph_t *
torus_graph_create(torus_arena_t *arena, const torus_graph_params_t *params)
{
    torus_graph_t  *g;

    g = torus_arena_calloc(arena, 1, sizeof(torus_graph_t));

    if (g != NULL) {
        g->arena = arena;
        g->params = *params;
        g->status = 500;

        if (g->params.target.depth == 0) {
            g->params.target.text = TORUS_TARGET_TEXT;
            g->params.target.calls = TORUS_TARGET_CALLS;
            g->params.target.depth = TORUS_TARGET_DEPTH;
        }

        /* a path is one more */

        g->nframes = g->params.target.depth + 1;
        g->frames = torus_arena_alloc(arena, g->nframes
                                      * sizeof(torus_graph_frame_t));
    }

    return g != NULL && g->frames != NULL ? g : NULL;
}


torus_arena_t *
torus_graph_arena(const torus_graph_t *g)
{
    return g->arena;
}


const torus_graph_params_t *
torus_graph_params(const torus_graph_t *g)
{
    return &g->params;
}


unsigned
torus_graph_status(const torus_graph_t *g)
{
    return g->status;
}


int
torus_graph_fault(torus_graph_t *g, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(g->err->text, TORUS_ERROR_SIZE, fmt, args);
    va_end(args);

    g->err->len = strlen(g->err->text);
    g->status = 400;

    return TORUS_INVALID;
}


int
torus_graph_wrong(torus_graph_t *g, const torus_graph_call_t *call,
    size_t arg, const char *must)
{
    char    text[64];
    size_t  n;

    if (!call->args[arg].set) {
        return torus_graph_fault(g, "argument \"%s\" of %s() has to be %s",
                                 call->func->params[arg].name,
                                 call->func->name, must);
    }

    n = torus_escape(text, 48, call->args[arg].text);

    return torus_graph_fault(g, "argument \"%s\" of %s() has to be %s, not "
                             "\"%.*s\"", call->func->params[arg].name,
                             call->func->name, must, (int) n, text);
}


int
torus_graph_over(torus_graph_t *g, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(g->err->text, TORUS_ERROR_SIZE, fmt, args);
    va_end(args);

    g->err->len = strlen(g->err->text);
    g->status = 413;

    return TORUS_ERROR;
}


void
torus_graph_work(torus_graph_t *g, size_t n)
{
    g->budget -= (int64_t) n;
}


int64_t
torus_graph_left(const torus_graph_t *g)
{
    return g->budget;
}


int
torus_graph_spent(const torus_graph_t *g)
{
    return g->budget <= 0;
}


size_t
torus_graph_some(torus_graph_t *g, size_t i, size_t n, size_t cost)
{
    size_t  some;

    if (g == NULL || i >= n) {
        return n;
    }

    some = g->budget <= (int64_t) cost ? 1 : (size_t) g->budget / cost;
    some = some < n - i ? some : n - i;

    torus_graph_work(g, some * cost);

    return i + some;
}


int
torus_graph_sorted(torus_graph_t *g, torus_sort_t *sort)
{
    int           rc;
    torus_work_t  work;

    work.left = g->budget;
    work.limited = 1;

    rc = torus_sort_run(sort, &work);

    g->budget = work.left;

    return rc;
}


double *
torus_graph_points(torus_graph_t *g, size_t n)
{
    if (n > SIZE_MAX / sizeof(double) - 1) {
        return NULL;
    }

    g->points += n;

    if (g->params.max_points != 0 && g->points > g->params.max_points) {

        if (g->err != NULL) {
            (void) torus_graph_over(g, "more than %zu points",
                                    g->params.max_points);
        }

        return NULL;
    }

    /* one more, as no size is 0 */
    return torus_arena_alloc(g->arena, (n + 1) * sizeof(double));
}


int
torus_graph_add(torus_graph_t *g, torus_graph_list_t *list,
    torus_graph_series_t *s)
{
    size_t                  size;
    torus_graph_series_t  **items;

    if (list->n == list->size) {
        size = list->size == 0 ? 4 : list->size * 2;

        items = torus_arena_alloc(g->arena,
                                  size * sizeof(torus_graph_series_t *));
        if (items == NULL) {
            return TORUS_ERROR;
        }

        if (list->n != 0) {
            memcpy(items, list->items,
                   list->n * sizeof(torus_graph_series_t *));
        }

        list->items = items;
        list->size = size;
    }

    list->items[list->n++] = s;

    return TORUS_OK;
}


int
torus_graph_gather(torus_graph_t *g, const torus_graph_frame_t *f,
    size_t first, torus_graph_list_t *list)
{
    size_t  i, n;

    memset(list, 0, sizeof(torus_graph_list_t));

    if (f->call->nargs == first + 1) {
        *list = f->lists[first];
        return TORUS_OK;
    }

    n = 0;

    for (i = first; i < f->call->nargs; i++) {
        n += f->lists[i].n;
    }

    if (n == 0) {
        return TORUS_OK;
    }

    list->items = torus_arena_alloc(g->arena,
                                    n * sizeof(torus_graph_series_t *));
    if (list->items == NULL) {
        return TORUS_ERROR;
    }

    list->size = n;

    for (i = first; i < f->call->nargs; i++) {
        torus_graph_append(list, &f->lists[i]);
    }

    torus_graph_work(g, n / 8);

    return TORUS_OK;
}


void
torus_graph_append(torus_graph_list_t *list, const torus_graph_list_t *more)
{
    if (more->n != 0) {
        memcpy(list->items + list->n, more->items,
               more->n * sizeof(torus_graph_series_t *));
        list->n += more->n;
    }
}


int
torus_graph_prepare(torus_graph_t *g, torus_str_t text, torus_error_t *err)
{
    int                    rc;
    size_t                 size;
    torus_target_t        *tree;
    torus_graph_scope_t    scope;
    torus_graph_target_t  *targets;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;

    rc = torus_target_parse(g->arena, text, &g->params.target,
                            g->params.vars, g->params.nvars, &tree, err);

    if (rc == TORUS_DECLINED) {
        g->status = 413;
        return TORUS_ERROR;
    }

    if (rc != TORUS_OK) {
        return torus_graph_failed(g, rc, err);
    }

    if (g->ntargets == g->targets_size) {
        size = g->targets_size == 0 ? 4 : g->targets_size * 2;

        targets = torus_arena_calloc(g->arena, size,
                                     sizeof(torus_graph_target_t));
        if (targets == NULL) {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        if (g->ntargets != 0) {
            memcpy(targets, g->targets,
                   g->ntargets * sizeof(torus_graph_target_t));
        }

        g->targets = targets;
        g->targets_size = size;
    }

    memset(&scope, 0, sizeof(torus_graph_scope_t));
    scope.asks = TORUS_GRAPH_ASK_PLAIN;
    scope.shown = 1;

    rc = torus_graph_bind(g, tree, &scope, &g->targets[g->ntargets].root);

    if (rc == TORUS_OK) {
        rc = torus_graph_walk(g, g->targets[g->ntargets].root,
                              &g->params.span);
    }

    if (rc != TORUS_OK) {
        return torus_graph_failed(g, rc, err);
    }

    g->ntargets++;

    return TORUS_OK;
}


int
torus_graph_failed(torus_graph_t *g, int rc, torus_error_t *err)
{
    if (rc == TORUS_INVALID) {
        g->status = 400;

    } else if (rc == TORUS_ERROR && err->len == 0) {
        (void) torus_graph_over(g, "the request needs more memory than it may "
                                "have");
    }

    return rc;
}
