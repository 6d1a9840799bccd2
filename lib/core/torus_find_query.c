/*
 * The queries of a walk: how far they get with the name of a node.
 */

#include "torus_find_tree.h"
#include "torus_layout.h"


static int torus_find_tagged(torus_find_t *f, torus_find_query_t *q,
    torus_error_t *err);


int
torus_find_add(torus_find_t *f, torus_str_t text, torus_error_t *err)
{
    int                  rc;
    torus_str_t          none;
    torus_glob_t        *glob;
    torus_find_chain_t   chain;
    torus_find_query_t  *q, *grown;

    if (f->nqueries == f->size) {
        f->size = f->size == 0 ? 4 : 2 * f->size;

        grown = torus_arena_calloc(f->arena, f->size,
                                   sizeof(torus_find_query_t));
        if (grown == NULL) {
            return TORUS_ERROR;
        }

        if (f->nqueries != 0) {
            memcpy(grown, f->queries,
                   f->nqueries * sizeof(torus_find_query_t));
        }

        f->queries = grown;
    }

    q = &f->queries[f->nqueries];

    if (torus_arena_dup(f->arena, text, &q->text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (text.len != 0 && memchr(text.data, ';', text.len) != NULL) {
        rc = torus_find_tagged(f, q, err);

        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        rc = torus_glob_compile(f->arena, q->text, &glob, err);

        if (rc != TORUS_OK) {
            return rc;
        }

        q->nodes = glob->nodes;
        q->n = glob->nnodes;
    }

    if (q->n > TORUS_FIND_NODES) {
        return torus_error(err, "a query has at most %d nodes, not %zu",
                           TORUS_FIND_NODES, q->n);
    }

    chain.first = NULL;
    chain.last = &chain.first;
    none = torus_str("", 0);

    rc = torus_find_node(f, &chain, f->nqueries, none,
                         torus_find_closure(q, 0), UINT64_MAX);

    /* in any case: what is there already has to be freed at the end */

    if (chain.first != NULL) {

        if (f->first == NULL) {
            f->first = chain.first;

        } else {
            f->last->next = chain.first;
        }

        for (f->last = chain.first; f->last->next; f->last = f->last->next) {
            /* void */
        }
    }

    if (rc == TORUS_OK) {
        f->nqueries++;
    }

    return rc;
}


/* "a.*.c;tag=x.y": all from the last node on, its tags too, is literal. */
static int
torus_find_tagged(torus_find_t *f, torus_find_query_t *q, torus_error_t *err)
{
    int                 rc;
    size_t              leaf, n;
    torus_glob_t       *glob;
    torus_glob_alt_t   *alt;
    torus_glob_node_t  *node;

    leaf = torus_layout_names_leaf(q->text);
    glob = NULL;
    n = 0;

    if (leaf != 0) {
        rc = torus_glob_compile(f->arena, torus_str(q->text.data, leaf - 1),
                                &glob, err);
        if (rc != TORUS_OK) {
            return rc;
        }

        n = glob->nnodes;
    }

    q->nodes = torus_arena_calloc(f->arena, n + 1, sizeof(torus_glob_node_t));
    alt = torus_arena_calloc(f->arena, 1, sizeof(torus_glob_alt_t));

    if (q->nodes == NULL || alt == NULL) {
        return TORUS_ERROR;
    }

    if (n != 0) {
        memcpy(q->nodes, glob->nodes, n * sizeof(torus_glob_node_t));
    }

    alt->text = torus_str(q->text.data + leaf, q->text.len - leaf);
    alt->prefix = alt->text;
    alt->literal = 1;

    node = &q->nodes[n];
    node->text = alt->text;
    node->alts = alt;
    node->nalts = 1;
    node->literal = 1;

    q->n = n + 1;
    q->tagged = 1;

    return TORUS_OK;
}


/* "**" may also stand for no node at all. */
uint64_t
torus_find_closure(const torus_find_query_t *q, size_t state)
{
    uint64_t  states;

    states = torus_find_bit(state);

    while (state < q->n && q->nodes[state].deep) {
        states |= torus_find_bit(++state);
    }

    return states;
}


uint64_t
torus_find_step(const torus_find_query_t *q, uint64_t states,
    torus_str_t name)
{
    size_t    i;
    uint64_t  next;

    next = 0;

    for (i = 0; i < q->n; i++) {

        if (!(states & torus_find_bit(i))) {
            continue;
        }

        if (q->nodes[i].deep) {
            next |= torus_find_closure(q, i);

        } else if (torus_glob_node_match(&q->nodes[i], name)) {
            next |= torus_find_closure(q, i + 1);
        }
    }

    return next;
}


/* The node of the pattern, if that is all that may come next. */
const torus_glob_node_t *
torus_find_literal(const torus_find_query_t *q, uint64_t states)
{
    size_t  i;

    if (states & (states - 1)) {
        return NULL;
    }

    for (i = 0; i < q->n; i++) {

        if (states == torus_find_bit(i)) {
            return q->nodes[i].literal && !q->nodes[i].deep ? &q->nodes[i]
                                                            : NULL;
        }
    }

    return NULL;
}
