/*
 * Calls are evaluated on a stack of frames that can be left and taken up
 * again at any point.
 *
 * A target that turns out to need another leaf is evaluated from its
 * beginning once that is there; what was fetched stays.
 */

#include "torus_graph_eval.h"


/* What a frame does next. */
enum {
    TORUS_GRAPH_PHASE_STEP = 0,   /* the first argument, to know its step */
    TORUS_GRAPH_PHASE_SPANS,
    TORUS_GRAPH_PHASE_WINDOWS,
    TORUS_GRAPH_PHASE_ARGS,
    TORUS_GRAPH_PHASE_RUN
};


static int torus_graph_step(torus_graph_t *g);
static int torus_graph_push(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_list_t *result);
static int torus_graph_frame(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_frame_spans(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_frame_args(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_frame_run(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_finish(torus_graph_t *g);
static int torus_graph_range(torus_graph_t *g);
static int torus_graph_limit_one(torus_graph_t *g, size_t max,
    torus_graph_series_t **answer);


int
torus_graph_eval(torus_graph_t *g, int64_t budget, torus_error_t *err)
{
    int  rc;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;
    g->budget = budget;

    /*
     * Of the walk.  Later on targets that wait do not hold up those behind
     * them, from where a slice may have ended; only then all are begun anew.
     */
    if (g->wanted != 0 && g->target == 0 && g->depth == 0) {
        return TORUS_DECLINED;
    }

    for ( ;; ) {
        rc = torus_graph_step(g);

        if (rc == TORUS_DECLINED) {
            return rc;
        }

        if (rc == TORUS_OK && g->target == g->ntargets) {

            if (g->wanted != 0) {
                g->target = 0;
                return TORUS_DECLINED;
            }

            rc = torus_graph_finish(g);
            return rc == TORUS_OK ? rc : torus_graph_failed(g, rc, err);
        }

        if (rc != TORUS_OK) {
            return rc == TORUS_AGAIN ? rc : torus_graph_failed(g, rc, err);
        }

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }
}


/*
 * One step of the frame on top, or the next target.  A leaf that is not
 * there ends this target for now; those behind it are still looked at, so
 * that all that is missing is fetched at once.
 */
static int
torus_graph_step(torus_graph_t *g)
{
    int                    rc;
    torus_graph_target_t  *t;

    while (g->depth == 0) {

        while (g->target < g->ntargets && g->targets[g->target].done) {
            g->target++;
        }

        if (g->target == g->ntargets) {
            return TORUS_OK;
        }

        t = &g->targets[g->target];
        g->missing = 0;
        memset(&t->result, 0, sizeof(torus_graph_list_t));

        rc = torus_graph_push(g, t->root, &g->params.span, &t->result);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (g->depth == 0) {
            t->done = !g->missing;
            g->target++;
        }
    }

    t = &g->targets[g->target];

    rc = torus_graph_frame(g, &g->frames[g->depth - 1]);

    if (rc == TORUS_OK && g->missing) {
        g->depth = 0;
        g->target++;
        return TORUS_OK;
    }

    if (rc == TORUS_OK && g->depth == 0) {
        t->done = 1;
        g->target++;
    }

    return rc;
}


/* A leaf is there at once, a call gets a frame. */
static int
torus_graph_push(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_list_t *result)
{
    int                   rc;
    size_t                n;
    torus_graph_leaf_t   *leaf;
    torus_graph_frame_t  *f;

    if (node->call.func == NULL) {
        rc = torus_graph_leaf(g, node, span, &leaf);

        if (rc != TORUS_OK) {
            return rc;
        }

        if (!leaf->supplied) {
            g->missing = 1;
            return TORUS_OK;
        }

        n = leaf->series.n;

        if (n == 0) {
            return TORUS_OK;
        }

        /* the list is copied, as functions may reorder it */
        result->items = torus_arena_alloc(g->arena,
                                          n * sizeof(torus_graph_series_t *));
        if (result->items == NULL) {
            return TORUS_ERROR;
        }

        result->size = n;
        torus_graph_append(result, &leaf->series);
        torus_graph_work(g, n / 8 + 1);

        return TORUS_OK;
    }

    if (g->depth == g->nframes) {
        return torus_graph_fault(g, "functions are nested too deep");
    }

    f = &g->frames[g->depth++];

    memset(f, 0, sizeof(torus_graph_frame_t));

    f->call = &node->call;
    f->span = *span;
    f->result = result;
    f->phase = TORUS_GRAPH_PHASE_ARGS;

    n = node->call.nargs;

    /* arguments that are optional and absent have an empty list too */
    f->lists = torus_arena_calloc(g->arena,
                                  n + torus_graph_func_params(f->call->func)
                                  + 1, sizeof(torus_graph_list_t));
    if (f->lists == NULL) {
        return TORUS_ERROR;
    }

    if (f->call->func->windows != NULL) {
        f->phase = TORUS_GRAPH_PHASE_SPANS;
        f->spans = torus_arena_calloc(g->arena, TORUS_GRAPH_MAX_SPANS,
                                      sizeof(torus_graph_span_t));
        f->windows = torus_arena_calloc(g->arena, TORUS_GRAPH_MAX_SPANS,
                                        sizeof(torus_graph_list_t));

        if (f->spans == NULL || f->windows == NULL) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_frame(torus_graph_t *g, torus_graph_frame_t *f)
{
    const torus_graph_node_t  *first;

    switch (f->phase) {

    case TORUS_GRAPH_PHASE_STEP:
    case TORUS_GRAPH_PHASE_SPANS:
        return torus_graph_frame_spans(g, f);

    case TORUS_GRAPH_PHASE_WINDOWS:
        if (f->i < f->nspans) {
            first = f->call->args[0].node;
            f->i++;
            return torus_graph_push(g, first, &f->spans[f->i - 1],
                                    &f->windows[f->i - 1]);
        }

        if (f->nspans != 0) {
            f->lists[0] = f->windows[0];
        }

        f->i = 0;
        f->arg = 1;
        f->phase = TORUS_GRAPH_PHASE_ARGS;
        return TORUS_OK;

    case TORUS_GRAPH_PHASE_ARGS:
        return torus_graph_frame_args(g, f);

    default:
        return torus_graph_frame_run(g, f);
    }
}


static int
torus_graph_frame_spans(torus_graph_t *g, torus_graph_frame_t *f)
{
    int      rc;
    size_t   i;
    int64_t  step;

    step = 0;

    if (f->phase == TORUS_GRAPH_PHASE_STEP) {

        for (i = 0; i < f->lists[0].n; i++) {
            if (f->lists[0].items[i]->step > step) {
                step = f->lists[0].items[i]->step;
            }
        }

        if (step == 0) {
            /* nothing to look at; the function sees that as well */
            f->phase = TORUS_GRAPH_PHASE_WINDOWS;
            f->nspans = 0;
            return TORUS_OK;
        }
    }

    rc = f->call->func->windows(g, f->call, &f->span, step, f->spans,
                                &f->nspans);

    if (rc == TORUS_AGAIN) {
        f->phase = TORUS_GRAPH_PHASE_STEP;
        return torus_graph_push(g, f->call->args[0].node, &f->span,
                                &f->lists[0]);
    }

    f->phase = TORUS_GRAPH_PHASE_WINDOWS;

    return rc;
}


static int
torus_graph_frame_args(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t  i;

    while (f->arg < f->call->nargs) {
        i = f->arg++;

        if (f->call->args[i].node != NULL) {
            return torus_graph_push(g, f->call->args[i].node, &f->span,
                                    &f->lists[i]);
        }
    }

    f->phase = TORUS_GRAPH_PHASE_RUN;
    f->arg = 0;

    return TORUS_OK;
}


static int
torus_graph_frame_run(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                        rc;
    torus_graph_series_t      *s;
    const torus_graph_func_t  *func;

    func = f->call->func;

    /* values first, for those that need them: arg and i are the place */
    while (!(func->flags & TORUS_GRAPH_ROWS) && f->arg < f->call->nargs) {

        if (f->i == f->lists[f->arg].n) {
            f->arg++;
            f->i = 0;
            continue;
        }

        s = f->lists[f->arg].items[f->i];

        rc = torus_graph_values(g, s);
        if (rc != TORUS_OK) {
            return rc;
        }

        torus_graph_work(g, 1);
        f->i++;

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    if (func->flags & TORUS_GRAPH_ROWS) {
        f->arg = f->call->nargs;
    }

    if (func->run != NULL) {
        rc = func->run(g, f);
        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        while (f->i < f->lists[0].n) {
            s = f->lists[0].items[f->i];

            rc = func->map(g, f, s, &s);

            if (rc == TORUS_OK) {
                rc = torus_graph_add(g, &f->out, s);
            }

            if (rc != TORUS_OK && rc != TORUS_DECLINED) {
                return rc;
            }

            memset(&f->place, 0, sizeof(torus_graph_place_t));
            torus_graph_work(g, TORUS_GRAPH_SERIES);
            f->i++;

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }
        }
    }

    *f->result = f->out;
    g->depth--;

    return TORUS_OK;
}


static int
torus_graph_finish(torus_graph_t *g)
{
    size_t  i, n;

    memset(&g->answers, 0, sizeof(torus_graph_list_t));
    n = 0;

    for (i = 0; i < g->ntargets; i++) {
        n += g->targets[i].result.n;
    }

    if (g->params.max_series != 0 && n > g->params.max_series) {
        return torus_graph_over(g, "more than %zu series",
                                g->params.max_series);
    }

    g->answers.items = torus_arena_alloc(g->arena, (n + 1)
                                         * sizeof(torus_graph_series_t *));
    if (g->answers.items == NULL) {
        return TORUS_ERROR;
    }

    g->answers.size = n + 1;

    for (i = 0; i < g->ntargets; i++) {
        torus_graph_append(&g->answers, &g->targets[i].result);
    }

    torus_graph_work(g, n / 8);

    return TORUS_OK;
}


torus_graph_series_t **
torus_graph_answers(const torus_graph_t *g, size_t *n)
{
    *n = g->answers.n;

    return g->answers.items;
}


/*
 * The range is that of all answers before the first of them is folded; then
 * one after the other is.
 */
int
torus_graph_limit_points(torus_graph_t *g, size_t max, int64_t budget,
    torus_error_t *err)
{
    int  rc;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;
    g->budget = budget;

    if (g->ranged == 0) {
        g->range.from = INT64_MAX;
        g->range.until = INT64_MIN;
    }

    if (g->ranged < g->answers.n && torus_graph_range(g) != TORUS_OK) {
        return TORUS_AGAIN;
    }

    for ( /* void */ ; g->folded < g->answers.n; g->folded++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        rc = torus_graph_limit_one(g, max, &g->answers.items[g->folded]);

        if (rc != TORUS_OK) {
            return rc == TORUS_AGAIN ? rc : torus_graph_failed(g, rc, err);
        }

        torus_graph_work(g, 2);
    }

    return TORUS_OK;
}


static int
torus_graph_range(torus_graph_t *g)
{
    size_t                       n;
    const torus_graph_series_t  *s;

    n = torus_graph_some(g, g->ranged, g->answers.n, 1);

    for ( /* void */ ; g->ranged < n; g->ranged++) {
        s = g->answers.items[g->ranged];

        g->range.from = s->start < g->range.from ? s->start : g->range.from;
        g->range.until = s->end > g->range.until ? s->end : g->range.until;
    }

    return n < g->answers.n ? TORUS_AGAIN : TORUS_OK;
}


/* Buckets do not move when the range does, so that some points are lost. */
static int
torus_graph_limit_one(torus_graph_t *g, size_t max,
    torus_graph_series_t **answer)
{
    int                    rc;
    double                 points;
    size_t                 k, lose;
    int64_t                width, nudge;
    torus_graph_series_t  *s, *to;

    s = g->thinned;

    if (s == NULL) {
        s = torus_graph_edit(g, *answer);
        if (s == NULL) {
            return TORUS_ERROR;
        }

        points = (double) (g->range.until - g->range.from) / (double) s->step;
        lose = 0;
        nudge = 0;
        k = 1;

        if (max == 1) {
            k = s->n;

        } else if (max != 0 && (double) max < points) {
            k = (size_t) ceil(points / (double) max);
            width = (int64_t) k * s->step;
            nudge = width + s->start % s->step - s->start % width;
            lose = nudge >= s->step ? (size_t) (nudge / s->step) - 1 : 0;
            lose = lose > s->n ? s->n : lose;
        }

        if (s->values != NULL) {
            s->values += lose;
        }

        if (s->rows != NULL) {
            s->rows += lose;
        }

        s->start += nudge;
        s->n -= lose;

        g->thinned = s;
        g->width = k;
        memset(&g->thin, 0, sizeof(torus_graph_thin_t));
    }

    to = *answer;

    if (!g->thin_done) {
        rc = torus_graph_consolidate(g, &g->thin, s, g->width, &to);
        if (rc != TORUS_OK) {
            return rc;
        }

        *answer = to;
        g->thin_done = 1;
    }

    rc = torus_graph_values(g, to);

    if (rc == TORUS_OK) {
        g->thinned = NULL;
        g->thin_done = 0;
    }

    return rc;
}
