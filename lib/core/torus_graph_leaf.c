/*
 * Leaves: what targets need of the store, each once.
 */

#include "torus_graph_eval.h"


#define TORUS_GRAPH_LOOKUP  10    /* operations to look a leaf up */


static int torus_graph_leaf_room(torus_graph_t *g);
static uint64_t torus_graph_leaf_hash(const torus_graph_node_t *node,
    const torus_graph_span_t *span);


int
torus_graph_walk(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span)
{
    int                        rc;
    size_t                     i, j, n;
    torus_graph_leaf_t        *leaf;
    torus_graph_span_t         spans[TORUS_GRAPH_MAX_SPANS];
    const torus_graph_func_t  *func;

    func = node->call.func;

    if (func == NULL) {
        return torus_graph_leaf(g, node, span, &leaf);
    }

    for (i = 0; i < node->call.nargs; i++) {

        if (node->call.args[i].node == NULL) {
            continue;
        }

        n = 1;
        spans[0] = *span;

        if (i == 0 && func->windows != NULL) {
            rc = func->windows(g, &node->call, span, 0, spans, &n);

            if (rc != TORUS_OK && rc != TORUS_AGAIN) {
                return rc;
            }

            if (rc == TORUS_AGAIN) {
                n = 1;
                spans[0] = *span;
            }
        }

        for (j = 0; j < n; j++) {
            rc = torus_graph_walk(g, node->call.args[i].node, &spans[j]);
            if (rc != TORUS_OK) {
                return rc;
            }
        }
    }

    return TORUS_OK;
}


int
torus_graph_leaf(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_leaf_t **leaf)
{
    uint64_t             hash;
    torus_graph_leaf_t  *l;

    torus_graph_work(g, TORUS_GRAPH_LOOKUP);

    hash = torus_graph_leaf_hash(node, span);
    l = g->slots != 0 ? g->table[hash & (g->slots - 1)] : NULL;

    for ( /* void */ ; l != NULL; l = l->next) {

        if (l->hash == hash && l->span.from == span->from
            && l->span.until == span->until
            && torus_str_eq(l->path, node->path)
            && torus_str_eq(l->interval, node->interval)
            && torus_str_eq(l->schema, node->schema))
        {
            l->asks |= node->asks;
            l->shown |= node->shown;
            *leaf = l;
            return TORUS_OK;
        }
    }

    if (g->params.max_leaves != 0 && g->nleaves == g->params.max_leaves) {
        return torus_graph_over(g, "more than %zu different paths and ranges",
                                g->params.max_leaves);
    }

    if (torus_graph_leaf_room(g) != TORUS_OK) {
        return TORUS_ERROR;
    }

    l = torus_arena_calloc(g->arena, 1, sizeof(torus_graph_leaf_t));
    if (l == NULL) {
        return TORUS_ERROR;
    }

    l->path = node->path;
    l->interval = node->interval;
    l->schema = node->schema;
    l->asks = node->asks;
    l->shown = node->shown;
    l->span = *span;
    l->hash = hash;

    l->next = g->table[hash & (g->slots - 1)];
    g->table[hash & (g->slots - 1)] = l;

    g->leaves[g->nleaves++] = l;
    g->wanted++;

    *leaf = l;

    return TORUS_OK;
}


/* For one more; as many slots as there is room for leaves. */
static int
torus_graph_leaf_room(torus_graph_t *g)
{
    size_t                i, k, size;
    torus_graph_leaf_t  **leaves, **table;

    if (g->nleaves < g->leaves_size) {
        return TORUS_OK;
    }

    size = g->leaves_size == 0 ? 8 : g->leaves_size * 2;

    leaves = torus_arena_alloc(g->arena, size * sizeof(torus_graph_leaf_t *));
    table = torus_arena_calloc(g->arena, size, sizeof(torus_graph_leaf_t *));

    if (leaves == NULL || table == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < g->nleaves; i++) {
        leaves[i] = g->leaves[i];

        k = leaves[i]->hash & (size - 1);
        leaves[i]->next = table[k];
        table[k] = leaves[i];
    }

    g->leaves = leaves;
    g->leaves_size = size;
    g->table = table;
    g->slots = size;

    return TORUS_OK;
}


static uint64_t
torus_graph_leaf_hash(const torus_graph_node_t *node,
    const torus_graph_span_t *span)
{
    return torus_hash(node->path.data, node->path.len,
                      (uint64_t) span->from * 31 + (uint64_t) span->until);
}


torus_graph_leaf_t **
torus_graph_leaves(const torus_graph_t *g, size_t *n)
{
    *n = g->nleaves;

    return g->leaves;
}


int
torus_graph_supply(torus_graph_t *g, torus_graph_leaf_t *leaf,
    torus_graph_series_t **series, size_t n, torus_error_t *err)
{
    int            rc;
    size_t         i;
    void          *spare;
    torus_work_t   any;

    memset(&any, 0, sizeof(torus_work_t));

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;

    if (!leaf->sorting) {
        g->nseries += n;

        if (g->params.max_series != 0 && g->nseries > g->params.max_series) {
            return torus_graph_over(g, "more than %zu series",
                                    g->params.max_series);
        }

        for (i = 0; i < n; i++) {
            series[i]->own = 0;
            series[i]->own_values = 0;

            if (torus_graph_add(g, &leaf->series, series[i]) != TORUS_OK) {
                return torus_graph_failed(g, TORUS_ERROR, err);
            }
        }

        if (g->params.work != NULL) {
            torus_work_did(g->params.work, 2 * n);
        }

        spare = torus_arena_alloc(g->arena,
                                  (n + 1) * sizeof(torus_graph_series_t *));
        if (spare == NULL) {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        leaf->sorting = 1;
        torus_sort_start(&leaf->sort, leaf->series.items, spare, n,
                         sizeof(torus_graph_series_t *),
                         torus_graph_by_name);
    }

    rc = torus_sort_run(&leaf->sort,
                        g->params.work != NULL ? g->params.work : &any);

    if (rc != TORUS_OK) {
        return rc;
    }

    leaf->sorting = 0;

    if (!leaf->supplied) {
        leaf->supplied = 1;
        g->wanted--;
    }

    return TORUS_OK;
}
