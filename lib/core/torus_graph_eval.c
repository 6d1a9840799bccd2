/*
 * Calls are evaluated on a stack of frames that can be left and taken up
 * again at any point.
 *
 * A target that turns out to need another leaf is evaluated from its
 * beginning once that is there; what was fetched stays.
 */

#include "torus_graph_eval.h"


/* Operations of a series, beside those of its points: a name to be made. */
#define TORUS_GRAPH_SERIES  30


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


int
torus_graph_eval(torus_graph_t *g, int64_t budget, torus_error_t *err)
{
    int  rc;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;
    g->budget = budget;

    if (g->wanted != 0) {
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

        /* the list is copied, as functions may reorder it */
        for (n = 0; n < leaf->series.n; n++) {
            rc = torus_graph_add(g, result, leaf->series.items[n]);
            if (rc != TORUS_OK) {
                return rc;
            }
        }

        torus_graph_work(g, n);

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

        if (torus_graph_values(g, s) != TORUS_OK) {
            return TORUS_ERROR;
        }

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
                torus_graph_work(g, s->n);
            }

            if (rc != TORUS_OK && rc != TORUS_DECLINED) {
                return rc;
            }

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
    size_t  i, j;

    memset(&g->answers, 0, sizeof(torus_graph_list_t));

    for (i = 0; i < g->ntargets; i++) {

        for (j = 0; j < g->targets[i].result.n; j++) {

            if (g->params.max_series != 0
                && g->answers.n == g->params.max_series)
            {
                return torus_graph_over(g, "more than %zu series",
                                        g->params.max_series);
            }

            if (torus_graph_add(g, &g->answers, g->targets[i].result.items[j])
                != TORUS_OK)
            {
                return TORUS_ERROR;
            }
        }
    }

    return TORUS_OK;
}


torus_graph_series_t **
torus_graph_answers(const torus_graph_t *g, size_t *n)
{
    *n = g->answers.n;

    return g->answers.items;
}


/*
 * The range is that of all answers before the first of them is folded, hence
 * it is computed again only when nothing was.
 */
int
torus_graph_limit_points(torus_graph_t *g, size_t max, int64_t budget,
    torus_error_t *err)
{
    double                 points;
    size_t                 i, k, lose;
    int64_t                start, end, width, nudge;
    torus_graph_series_t  *s, *to;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;
    g->budget = budget;

    if (g->folded == 0) {
        start = INT64_MAX;
        end = INT64_MIN;

        for (i = 0; i < g->answers.n; i++) {
            s = g->answers.items[i];
            start = s->start < start ? s->start : start;
            end = s->end > end ? s->end : end;
        }

        g->range.from = start;
        g->range.until = end;
    }

    start = g->range.from;
    end = g->range.until;

    for ( /* void */ ; g->folded < g->answers.n; g->folded++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        s = g->answers.items[g->folded];
        points = (double) (end - start) / (double) s->step;
        k = 1;
        lose = 0;
        nudge = 0;

        if (max == 1) {
            k = s->n;

        } else if (max != 0 && (double) max < points) {
            k = (size_t) ceil(points / (double) max);
            width = (int64_t) k * s->step;
            nudge = width + s->start % s->step - s->start % width;
            lose = nudge >= s->step ? (size_t) (nudge / s->step) - 1 : 0;
            lose = lose > s->n ? s->n : lose;
        }

        to = torus_graph_edit(g, s);
        if (to == NULL) {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        if (to->values != NULL) {
            to->values += lose;
        }

        if (to->rows != NULL) {
            to->rows += lose;
        }

        to->start += nudge;
        to->n -= lose;

        if (torus_graph_consolidate(g, to, k, &to) != TORUS_OK
            || torus_graph_values(g, to) != TORUS_OK)
        {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        g->answers.items[g->folded] = to;
    }

    return TORUS_OK;
}
