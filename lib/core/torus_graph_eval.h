/*
 * Between the files of the evaluator, for nobody else.
 *
 *   torus_graph.c       the request: created, prepared, its limits
 *   torus_graph_bind.c  a tree becomes calls whose arguments are checked
 *   torus_graph_leaf.c  what has to be fetched, and what was
 *   torus_graph_eval.c  calls at work
 */

#ifndef _TORUS_GRAPH_EVAL_H_INCLUDED_
#define _TORUS_GRAPH_EVAL_H_INCLUDED_


#include "torus_graph_func.h"


typedef struct {
    torus_graph_node_t       *root;
    torus_graph_list_t        result;
    unsigned                  done:1;
} torus_graph_target_t;


/* Where a tree is bound: what selects its leaves. */
typedef struct {
    torus_str_t               interval;
    torus_str_t               schema;
    unsigned                  asks;
    unsigned                  shown:1;     /* what it gives is answered */
} torus_graph_scope_t;


struct torus_graph_s {
    torus_arena_t            *arena;
    torus_graph_params_t      params;
    torus_error_t            *err;
    unsigned                  status;
    int64_t                   budget;
    size_t                    points;
    size_t                    nseries;

    torus_graph_leaf_t      **leaves;
    size_t                    nleaves;
    size_t                    leaves_size;
    torus_graph_leaf_t      **table;       /* of leaves, by hash */
    size_t                    slots;
    size_t                    wanted;      /* not yet supplied */
    unsigned                  missing:1;   /* one that this target needs */

    torus_graph_target_t     *targets;
    size_t                    ntargets;
    size_t                    targets_size;
    size_t                    target;      /* at work */

    torus_graph_frame_t      *frames;
    size_t                    nframes;
    size_t                    depth;       /* of them in use */

    torus_graph_list_t        answers;
    torus_graph_span_t        range;       /* of all answers */
    size_t                    ranged;      /* of them */
    size_t                    folded;
    torus_graph_series_t     *thinned;     /* at work */
    size_t                    width;       /* points that become one of it */
    torus_graph_thin_t        thin;
    unsigned                  thin_done:1;
};


/* torus_graph.c */

/* A reason there has to be; memory is it where none was given. */
int torus_graph_failed(torus_graph_t *g, int rc, torus_error_t *err);

/* torus_graph_bind.c */

int torus_graph_bind(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_node_t **node);

/* torus_graph_leaf.c */

/* The leaves that are known before anything is fetched. */
int torus_graph_walk(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span);

/* The leaf of a node over a span, a new one if there is none as yet. */
int torus_graph_leaf(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_leaf_t **leaf);


#endif /* _TORUS_GRAPH_EVAL_H_INCLUDED_ */
