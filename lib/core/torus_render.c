/*
 * /render, a machine of these states:
 *
 *   PREPARE  targets are parsed and checked, and say which leaves they need
 *   ASK      leaves that are globs become queries
 *   PLAN     leaves become names, names become wants
 *   FIND     waiting for the index of names, then PLAN again
 *   READS    wants become reads
 *   FETCH    waiting for buckets
 *   MISS     names without any data are looked up in the index, to tell what
 *            exists from what does not: waiting for it is FIND again
 *   SUPPLY   series are given to the evaluator
 *   EVAL     evaluates; when it wants more leaves, ASK again
 *   FOLD     to maxDataPoints
 *   WRITE    until DONE
 *
 * In all but FIND and FETCH there is work to do and nobody to wait for; in
 * those when something has come that has to be gone through.  All of it
 * leaves off when the work of a call is over.
 */

#include "torus_render_state.h"


#define TORUS_RENDER_CHUNK  16384


static unsigned torus_render_begin(torus_render_t *r);
static int torus_render_step_on(torus_render_t *r);
static int torus_render_evaluate(torus_render_t *r);
static int torus_render_went(torus_render_t *r, int rc,
    torus_render_state_t next);


unsigned
torus_render_create(const torus_request_conf_t *conf,
    const torus_limits_t *limits, const torus_arg_t *args, size_t nargs,
    torus_request_stats_t *stats, torus_buf_t *out, torus_render_t **render,
    torus_error_t *err)
{
    unsigned         status;
    torus_arena_t   *arena;
    torus_render_t  *r;

    *render = NULL;

    arena = torus_arena_create_on(TORUS_RENDER_CHUNK, limits->account);
    if (arena == NULL) {
        return 500;
    }

    r = torus_arena_calloc(arena, 1, sizeof(torus_render_t));
    if (r == NULL) {
        torus_arena_destroy(arena);
        return 500;
    }

    r->conf = conf;
    r->limits = limits;
    r->args = args;
    r->nargs = nargs;
    r->stats = stats;
    r->out = out;
    r->arena = arena;
    r->status = 200;
    r->spec.nnames = 1;

    torus_buf_init_on(&r->scratch, limits->account);

    status = torus_render_args(r);

    if (status == 200) {
        status = torus_render_begin(r);
    }

    if (status != 200) {
        *err = r->err;
        torus_render_destroy(r);
        return status;
    }

    *render = r;

    return 200;
}


void
torus_render_destroy(torus_render_t *r)
{
    if (r->find != NULL) {
        torus_find_destroy(r->find);
    }

    if (r->fetch != NULL) {
        torus_fetch_destroy(r->fetch);
    }

    torus_buf_free(&r->scratch);
    torus_arena_destroy(r->arena);
}


torus_str_t
torus_render_type(const torus_render_t *r)
{
    return torus_graph_format_type(&r->writer);
}


int64_t
torus_render_step(const torus_render_t *r)
{
    return r->step;
}


int
torus_render_next(torus_render_t *r, torus_batch_t *batch)
{
    int  rc;

    if (r->state == TORUS_RENDER_FIND) {
        rc = torus_find_next(r->find, batch);

        return rc == TORUS_ERROR ? torus_render_full(r) : rc;
    }

    if (r->state != TORUS_RENDER_FETCH) {
        return TORUS_DECLINED;
    }

    rc = torus_fetch_next(r->fetch, batch);

    if (rc == TORUS_ERROR) {
        r->err = *torus_fetch_error(r->fetch);
        return torus_render_fail(r, torus_fetch_status(r->fetch));
    }

    /* nothing had to be read */

    if (torus_fetch_done(r->fetch)) {
        torus_render_fetched(r);
    }

    return rc;
}


int
torus_render_reply(torus_render_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    unsigned  status;

    if (r->state == TORUS_RENDER_FIND) {
        status = torus_find_reply(r->find, host, reply, &r->err);

        return status == 200 ? TORUS_OK : torus_render_fail(r, status);
    }

    if (r->state != TORUS_RENDER_FETCH) {
        torus_error(&r->err, "redis %.*s sent a reply to nothing",
                    torus_fmt(host->name));
        return torus_render_fail(r, 503);
    }

    if (torus_fetch_reply(r->fetch, host, reply) != TORUS_OK) {
        r->err = *torus_fetch_error(r->fetch);
        return torus_render_fail(r, torus_fetch_status(r->fetch));
    }

    if (torus_fetch_done(r->fetch)) {
        torus_render_fetched(r);
    }

    return TORUS_OK;
}


int
torus_render_busy(const torus_render_t *r)
{
    if (r->status != 200) {
        return 0;
    }

    switch (r->state) {

    case TORUS_RENDER_FIND:
        return torus_find_busy(r->find);

    case TORUS_RENDER_FETCH:
        return torus_fetch_busy(r->fetch);

    default:
        return r->state != TORUS_RENDER_DONE;
    }
}


int
torus_render_done(const torus_render_t *r)
{
    return r->state == TORUS_RENDER_DONE;
}


unsigned
torus_render_status(const torus_render_t *r)
{
    return r->status;
}


const torus_error_t *
torus_render_error(const torus_render_t *r)
{
    return &r->err;
}


int
torus_render_work(torus_render_t *r)
{
    while (torus_render_busy(r)) {

        if (torus_render_step_on(r) != TORUS_OK) {
            return TORUS_ERROR;
        }

        /* what was written may be as much as is wanted */

        if (torus_work_over(&r->stats->work)
            || r->state == TORUS_RENDER_WRITE)
        {
            break;
        }
    }

    return TORUS_OK;
}


/* Most requests are told at once what is wrong with them. */
static unsigned
torus_render_begin(torus_render_t *r)
{
    do {
        if (torus_render_step_on(r) != TORUS_OK) {
            return r->status;
        }

    } while (r->state <= TORUS_RENDER_ASK
             && !torus_work_over(&r->stats->work));

    return 200;
}


static int
torus_render_step_on(torus_render_t *r)
{
    int  rc;

    switch (r->state) {

    case TORUS_RENDER_PREPARE:
        return torus_render_prepare(r);

    case TORUS_RENDER_ASK:
        return torus_render_ask(r);

    case TORUS_RENDER_PLAN:
        return torus_render_plan(r);

    case TORUS_RENDER_FIND:
        return torus_render_hits(r);

    case TORUS_RENDER_READS:
        return torus_render_reads(r);

    case TORUS_RENDER_FETCH:
        if (torus_fetch_work(r->fetch) != TORUS_OK) {
            r->err = *torus_fetch_error(r->fetch);
            return torus_render_fail(r, torus_fetch_status(r->fetch));
        }

        if (torus_fetch_done(r->fetch)) {
            torus_render_fetched(r);
        }

        return TORUS_OK;

    case TORUS_RENDER_MISS:
        return torus_render_miss(r);

    case TORUS_RENDER_SUPPLY:
        return torus_render_supply(r);

    case TORUS_RENDER_EVAL:
    case TORUS_RENDER_FOLD:
        return torus_render_evaluate(r);

    default: /* TORUS_RENDER_WRITE */
        rc = torus_graph_write_some(&r->writer, TORUS_WORK_SLICE
                                                / TORUS_RENDER_POINT);
        if (rc == TORUS_ERROR) {
            return torus_render_full(r);
        }

        if (rc == TORUS_OK) {
            r->state = TORUS_RENDER_DONE;
        }

        return TORUS_OK;
    }
}


static int
torus_render_evaluate(torus_render_t *r)
{
    int            rc;
    torus_work_t  *work;

    work = &r->stats->work;

    if (r->state == TORUS_RENDER_FOLD) {
        rc = torus_graph_limit_points(r->graph, r->max, work->left, &r->err);
        work->left = torus_graph_left(r->graph);

        return torus_render_went(r, rc, TORUS_RENDER_WRITE);
    }

    rc = torus_graph_eval(r->graph, work->left, &r->err);
    work->left = torus_graph_left(r->graph);

    if (rc == TORUS_DECLINED) {
        return torus_render_begin_pass(r);
    }

    return torus_render_went(r, rc, TORUS_RENDER_FOLD);
}


/* After the evaluator's TORUS_OK, TORUS_AGAIN or a fault of it. */
static int
torus_render_went(torus_render_t *r, int rc, torus_render_state_t next)
{
    size_t                  i, n;
    torus_graph_series_t  **series;

    if (rc == TORUS_AGAIN) {
        return TORUS_OK;
    }

    if (rc != TORUS_OK) {
        return torus_render_fail(r, torus_graph_status(r->graph));
    }

    r->state = next;

    if (next == TORUS_RENDER_WRITE) {
        series = torus_graph_answers(r->graph, &n);

        torus_graph_write_init(&r->writer, series, n, r->out);

        for (i = 0; i < n; i++) {
            r->stats->points += series[i]->n;
        }
    }

    return TORUS_OK;
}


int
torus_render_full(torus_render_t *r)
{
    if (torus_graph_status(r->graph) != 200 && r->err.len != 0) {
        return torus_render_fail(r, torus_graph_status(r->graph));
    }

    torus_error(&r->err, "the request needs more memory or points than it "
                "may have");

    return torus_render_fail(r, 413);
}


int
torus_render_fail(torus_render_t *r, unsigned status)
{
    r->status = status;

    return TORUS_ERROR;
}
