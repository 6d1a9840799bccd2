/*
 * A query on its way: commands to the clients, replies to the query, its
 * output to the filters.
 *
 *              replies   time limit   client's socket
 *                    \       |       /
 *   start -> run -> wait .. run .. wait -> finalize
 *
 * run() does all that can be done now.  An answer of up to
 * "torus_buffer_size" bytes is kept until it is whole, so that it has a
 * length and that a fault can still become a status; a longer one is
 * streamed.  While streaming, the next slice is asked for when the client
 * has taken what there is: what is held is bounded by the slices that
 * may be on their way, however slow the client, and Redis never waits for it.
 *
 * What takes long to compute is done in pieces, as many as fit the slice of
 * time that a turn has; then the event loop serves others, and a posted event
 * goes on.
 *
 * Nobody calls a request that is gone: finalize() and the request's cleanup
 * both release it, which detaches it from its groups and stops its timer.
 */

#include "ngx_torus_module.h"


/* What is handed to the filters: bytes of a buffer, buffers at once. */
#define NGX_HTTP_TORUS_PIECE   32768
#define NGX_HTTP_TORUS_PIECES  4

/*
 * HTTP/2 and HTTP/3: the connection is one of many streams, with events that
 * no socket of its own is behind.  Asked of the request, for a module may be
 * built without what the nginx that loads it has.
 */
#define ngx_http_torus_streams(r)                                             \
    ((r)->http_version >= NGX_HTTP_VERSION_20)


static ngx_int_t ngx_http_torus_begin(ngx_http_torus_ctx_t *ctx);
static ngx_int_t ngx_http_torus_stream(ngx_http_torus_ctx_t *ctx);
static ngx_int_t ngx_http_torus_wait(ngx_http_torus_ctx_t *ctx);
static ngx_int_t ngx_http_torus_cut(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_log_fault(ngx_http_torus_ctx_t *ctx);
static ngx_uint_t ngx_http_torus_wants(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_compute(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_fetch(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_pause(ngx_http_torus_ctx_t *ctx);
static ngx_int_t ngx_http_torus_pieces(ngx_http_torus_ctx_t *ctx,
    ngx_chain_t **out, ngx_uint_t *last);
static ngx_buf_t *ngx_http_torus_piece(ngx_http_torus_ctx_t *ctx,
    ngx_chain_t ***ll);
static void ngx_http_torus_mark_last(ngx_http_torus_ctx_t *ctx,
    ngx_buf_t *b);
static ngx_int_t ngx_http_torus_block(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_unblock(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_clock(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_reply(ngx_torus_group_t *group,
    const redisReply *reply);
static void ngx_http_torus_failed(ngx_torus_group_t *group,
    ngx_torus_client_error_e error);
static void ngx_http_torus_fail(ngx_http_torus_ctx_t *ctx,
    ngx_torus_client_error_e error);
static void ngx_http_torus_work_handler(ngx_event_t *ev);
static void ngx_http_torus_timeout_handler(ngx_event_t *ev);
static void ngx_http_torus_write_handler(ngx_http_request_t *r);
static void ngx_http_torus_write(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_read_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_torus_peek(ngx_http_request_t *r);
static void ngx_http_torus_count(ngx_http_torus_ctx_t *ctx);


static const ngx_torus_group_handlers_t  ngx_http_torus_groups = {
    ngx_http_torus_reply,
    ngx_http_torus_failed
};


/*
 * begin() and stream() return NGX_DECLINED to go on, NGX_AGAIN to wait, and
 * anything else to finalize the request with.
 */

void
ngx_http_torus_run(ngx_http_torus_ctx_t *ctx)
{
    ngx_int_t  rc;

    for ( ;; ) {

        if (ctx->busy == NULL) {
            ngx_http_torus_compute(ctx);
        }

        if (torus_request_broken(ctx->torus)) {
            rc = ngx_http_torus_cut(ctx);

        } else if (ctx->busy != NULL) {
            return;

        } else if (ctx->streaming) {
            rc = ngx_http_torus_stream(ctx);

        } else {
            rc = ngx_http_torus_begin(ctx);
        }

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc != NGX_DECLINED) {
            ngx_http_torus_finalize(ctx, rc);
            return;
        }

        if (ngx_torus_turn_over(ctx->turns)) {
            ngx_http_torus_pause(ctx);
            return;
        }
    }
}


/* Others have their turn first: not ngx_posted_events, all of which is run. */

static void
ngx_http_torus_pause(ngx_http_torus_ctx_t *ctx)
{
    if (!ctx->work.posted) {
        ngx_post_event(&ctx->work, &ngx_posted_next_events);
    }
}


/* While nothing has been sent. */

static ngx_int_t
ngx_http_torus_begin(ngx_http_torus_ctx_t *ctx)
{
    ngx_int_t    rc;
    torus_str_t  out;

    if (torus_request_done(ctx->torus)) {
        ngx_http_torus_log_fault(ctx);

        rc = ngx_http_torus_send_whole(ctx);

        return rc == NGX_AGAIN ? NGX_OK : rc;
    }

    out = torus_request_output(ctx->torus);

    if (out.len <= ctx->conf->buffer) {
        return ngx_http_torus_wait(ctx);
    }

    rc = ngx_http_torus_send_header(ctx);

    if (rc == NGX_DONE) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    /*
     * Output is drained before anything else can happen, also before others
     * have their turn, so that no later fault can put an error body behind
     * the header of a 200.
     */

    ctx->streaming = 1;

    return ngx_http_torus_stream(ctx);
}


static ngx_int_t
ngx_http_torus_stream(ngx_http_torus_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_uint_t           last;
    ngx_chain_t         *out;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ngx_http_torus_pieces(ctx, &out, &last) != NGX_OK) {
        return NGX_ERROR;
    }

    if (out == NULL) {
        return ngx_http_torus_wait(ctx);
    }

    rc = ngx_http_output_filter(r, out);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (last) {
        return NGX_OK;
    }

    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &out,
                            (ngx_buf_tag_t) &ngx_torus_module);

    return ctx->busy == NULL ? NGX_DECLINED : ngx_http_torus_block(ctx);
}


static ngx_int_t
ngx_http_torus_wait(ngx_http_torus_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->request->connection;

    if (torus_request_busy(ctx->torus)) {
        c->log->action = "computing an answer";
        ngx_http_torus_pause(ctx);
        return NGX_AGAIN;
    }

    if (!ngx_queue_empty(&ctx->groups)) {
        c->log->action = "waiting for redis";
        return NGX_AGAIN;
    }

    /* neither done nor waiting for anything: rather fail than hang */

    ngx_log_error(NGX_LOG_ALERT, c->log, 0, "torus query has stopped");

    torus_request_fail(ctx->torus, NGX_HTTP_INTERNAL_SERVER_ERROR,
                       "internal error");

    return NGX_DECLINED;
}


/* A cut answer must not look whole: no last chunk, no more requests. */

static ngx_int_t
ngx_http_torus_cut(ngx_http_torus_ctx_t *ctx)
{
    ngx_http_torus_log_fault(ctx);

    ctx->request->keepalive = 0;

    return NGX_ERROR;
}


static void
ngx_http_torus_log_fault(ngx_http_torus_ctx_t *ctx)
{
    unsigned    status;
    ngx_uint_t  level;

    status = torus_request_status(ctx->torus);

    if (status == NGX_HTTP_OK) {
        return;
    }

    level = status < NGX_HTTP_INTERNAL_SERVER_ERROR ? NGX_LOG_INFO
                                                    : NGX_LOG_ERR;

    if (ctx->streaming) {
        ngx_log_error(level, ctx->request->connection->log, 0,
                      "torus query broke off: %s",
                      torus_request_error(ctx->torus));

    } else {
        ngx_log_error(level, ctx->request->connection->log, 0,
                      "torus query failed: %s",
                      torus_request_error(ctx->torus));
    }
}


/* Not while there is output that the client has yet to take. */

static ngx_uint_t
ngx_http_torus_wants(ngx_http_torus_ctx_t *ctx)
{
    torus_str_t  out;

    out = torus_request_output(ctx->torus);

    return ctx->streaming ? out.len == 0 : out.len <= ctx->conf->buffer;
}


/* As much as there is to do now, and as is wanted; at least a piece. */

static void
ngx_http_torus_compute(ngx_http_torus_ctx_t *ctx)
{
    ngx_uint_t  n;

    for (n = 0; ngx_http_torus_wants(ctx); n++) {
        ngx_http_torus_fetch(ctx);

        if (!torus_request_busy(ctx->torus)
            || (n != 0 && ngx_torus_turn_over(ctx->turns)))
        {
            return;
        }

        torus_request_work(ctx->torus);
    }
}


/*
 * What there is no room for behind commands of the same request waits for
 * their replies: one batch alone would have had it.
 */

static void
ngx_http_torus_fetch(ngx_http_torus_ctx_t *ctx)
{
    torus_batch_t             *batch;
    ngx_torus_client_error_e   error;

    batch = &ctx->batch;

    for ( ;; ) {

        if (torus_request_done(ctx->torus)) {
            return;
        }

        if (batch->replies == 0
            && torus_request_next(ctx->torus, batch) != TORUS_OK)
        {
            return;
        }

        if (ngx_queue_empty(&ctx->groups)) {
            ctx->since = ngx_current_msec;
        }

        if (ngx_torus_client_send(ctx->clients, batch->host, batch->bytes,
                                  batch->replies, &ngx_http_torus_groups, ctx,
                                  &ctx->groups, &error)
            != NGX_OK)
        {
            if (error != NGX_TORUS_CLIENT_BUSY
                || ngx_queue_empty(&ctx->groups))
            {
                ngx_http_torus_fail(ctx, error);
            }

            return;
        }

        batch->replies = 0;
    }
}


/*
 * Copies output into a few buffers.  *out is NULL when there is none; *last:
 * they end the answer.
 */

static ngx_int_t
ngx_http_torus_pieces(ngx_http_torus_ctx_t *ctx, ngx_chain_t **out,
    ngx_uint_t *last)
{
    size_t         n;
    ngx_buf_t     *b;
    ngx_uint_t     i;
    torus_str_t    s;
    ngx_chain_t  **ll;

    *out = NULL;
    *last = 0;

    ll = out;

    for (i = 0; i < NGX_HTTP_TORUS_PIECES; i++) {
        s = torus_request_output(ctx->torus);
        *last = (s.len == 0 && torus_request_done(ctx->torus));

        if (s.len == 0 && !*last) {
            return NGX_OK;
        }

        b = ngx_http_torus_piece(ctx, &ll);
        if (b == NULL) {
            return NGX_ERROR;
        }

        n = ngx_min(s.len, (size_t) (b->end - b->last));

        if (n) {
            b->last = ngx_cpymem(b->last, s.data, n);
            torus_request_drain(ctx->torus, n);
        }

        if (*last) {
            ngx_http_torus_mark_last(ctx, b);
            return NGX_OK;
        }
    }

    return NGX_OK;
}


/* An empty one, linked to the chain's end. */

static ngx_buf_t *
ngx_http_torus_piece(ngx_http_torus_ctx_t *ctx, ngx_chain_t ***ll)
{
    ngx_buf_t    *b;
    ngx_pool_t   *pool;
    ngx_chain_t  *cl;

    pool = ctx->request->pool;

    cl = ngx_chain_get_free_buf(pool, &ctx->free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;

    if (b->start == NULL) {
        b->start = ngx_palloc(pool, NGX_HTTP_TORUS_PIECE);
        if (b->start == NULL) {
            return NULL;
        }

        b->end = b->start + NGX_HTTP_TORUS_PIECE;
    }

    b->pos = b->start;
    b->last = b->start;
    b->temporary = 1;
    b->tag = (ngx_buf_tag_t) &ngx_torus_module;

    /*
     * Wanted back: else the write filter keeps what is less than
     * "postpone_output" until more comes, which waits for this.
     */

    b->recycled = 1;

    **ll = cl;
    *ll = &cl->next;

    return b;
}


static void
ngx_http_torus_mark_last(ngx_http_torus_ctx_t *ctx, ngx_buf_t *b)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (b->last == b->pos) {
        b->temporary = 0;
        b->sync = (r != r->main);
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;
}


/*
 * The client is slow: its own time-out runs, the time limit stands still.  A
 * subrequest whose turn has not come is woken by its parent.
 */

static ngx_int_t
ngx_http_torus_block(ngx_http_torus_ctx_t *ctx)
{
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;
    c = r->connection;
    wev = c->write;

    c->log->action = "sending to client";

    if (ctx->timer.timer_set) {
        ctx->left = ctx->timer.timer.key - ngx_current_msec;
        ngx_del_timer(&ctx->timer);

        if ((ngx_msec_int_t) ctx->left <= 0) {
            ctx->left = 1;
        }
    }

    if (r != c->data) {
        return NGX_AGAIN;
    }

    clcf = ngx_http_get_module_loc_conf(r->main, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_http_torus_unblock(ngx_http_torus_ctx_t *ctx)
{
    ngx_event_t  *wev;

    wev = ctx->request->connection->write;

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    if (ctx->left) {
        ngx_add_timer(&ctx->timer, ctx->left);
        ctx->left = 0;
    }
}


/* The time up to now was spent waiting for Redis. */

static void
ngx_http_torus_clock(ngx_http_torus_ctx_t *ctx)
{
    ctx->redis_time += ngx_current_msec - ctx->since;
    ctx->since = ngx_current_msec;
}


static void
ngx_http_torus_reply(ngx_torus_group_t *group, const redisReply *reply)
{
    ngx_connection_t      *c;
    ngx_http_torus_ctx_t  *ctx;

    ctx = group->data;
    c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);
    ngx_http_torus_clock(ctx);

    if (torus_request_reply(ctx->torus, group->host, reply) != TORUS_OK) {

        /* the status says why; what is still to come is of no use */

        ngx_torus_client_detach(&ctx->groups);

    } else if (group->left) {
        return;
    }

    ngx_http_torus_run(ctx);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_torus_failed(ngx_torus_group_t *group, ngx_torus_client_error_e error)
{
    ngx_connection_t      *c;
    ngx_torus_turns_t     *turns;
    ngx_http_torus_ctx_t  *ctx;

    ctx = group->data;
    c = ctx->request->connection;
    turns = ctx->turns;

    ngx_http_set_log_request(c->log, ctx->request);

    ngx_torus_turn_begin(turns);

    ngx_http_torus_clock(ctx);

    ngx_http_torus_fail(ctx, error);
    ngx_http_torus_run(ctx);

    ngx_http_run_posted_requests(c);

    ngx_torus_turn_end(turns, TORUS_TURN_END, ngx_cycle->log);
}


static void
ngx_http_torus_fail(ngx_http_torus_ctx_t *ctx, ngx_torus_client_error_e error)
{
    ngx_torus_client_detach(&ctx->groups);

    switch (error) {

    case NGX_TORUS_CLIENT_TIMEOUT:
        torus_request_fail(ctx->torus, NGX_HTTP_GATEWAY_TIME_OUT,
                           "redis did not answer in time");
        return;

    case NGX_TORUS_CLIENT_BUSY:
        torus_request_fail(ctx->torus, NGX_HTTP_SERVICE_UNAVAILABLE,
                           "too many queries are waiting for redis");
        return;

    default: /* NGX_TORUS_CLIENT_UNREACHABLE */
        torus_request_fail(ctx->torus, NGX_HTTP_SERVICE_UNAVAILABLE,
                           "redis cannot be reached");
        return;
    }
}


static void
ngx_http_torus_work_handler(ngx_event_t *ev)
{
    ngx_connection_t      *c;
    ngx_torus_turns_t     *turns;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ev->data;
    c = ctx->request->connection;
    turns = ctx->turns;

    ngx_http_set_log_request(c->log, ctx->request);

    ngx_torus_turn_begin(turns);

    ngx_http_torus_run(ctx);

    ngx_http_run_posted_requests(c);

    ngx_torus_turn_end(turns, TORUS_TURN_WORK, ngx_cycle->log);
}


static void
ngx_http_torus_timeout_handler(ngx_event_t *ev)
{
    ngx_connection_t      *c;
    ngx_torus_turns_t     *turns;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ev->data;
    c = ctx->request->connection;
    turns = ctx->turns;

    ngx_http_set_log_request(c->log, ctx->request);

    ngx_torus_turn_begin(turns);

    ngx_http_torus_clock(ctx);

    ngx_torus_client_detach(&ctx->groups);

    torus_request_fail(ctx->torus, NGX_HTTP_GATEWAY_TIME_OUT,
                       "the query took longer than it may");

    ngx_http_torus_run(ctx);

    ngx_http_run_posted_requests(c);

    ngx_torus_turn_end(turns, TORUS_TURN_END, ngx_cycle->log);
}


ngx_int_t
ngx_http_torus_watch_query(ngx_http_torus_ctx_t *ctx)
{
    ctx->work.handler = ngx_http_torus_work_handler;
    ctx->work.data = ctx;
    ctx->work.log = ctx->request->connection->log;

    ctx->timer.handler = ngx_http_torus_timeout_handler;
    ctx->timer.data = ctx;
    ctx->timer.log = ctx->request->connection->log;

    if (ctx->conf->timeout) {
        ngx_add_timer(&ctx->timer, ctx->conf->timeout);
    }

    return ngx_http_torus_watch(ctx);
}


/*
 * From now on the client's socket only tells that it takes more, or is gone.
 * Level-triggered events must not be told again and again of what a client
 * sends ahead.
 */

ngx_int_t
ngx_http_torus_watch(ngx_http_torus_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    r->read_event_handler = ngx_http_torus_read_handler;
    r->write_event_handler = ngx_http_torus_write_handler;

    if (ngx_http_torus_streams(r)) {
        return NGX_OK;
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if ((ngx_event_flags & NGX_USE_CLEAR_EVENT) && !c->write->active
        && ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
        return NGX_OK;
    }

    return ngx_handle_read_event(c->read, 0);
}


static void
ngx_http_torus_write_handler(ngx_http_request_t *r)
{
    ngx_torus_turns_t     *turns;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_torus_module);

    if (ctx == NULL) {
        return;
    }

    if (ctx->busy == NULL) {

        /* the client has taken all: not to be told that it takes more */

        if (ngx_handle_write_event(r->connection->write, 0) != NGX_OK) {
            ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        return;
    }

    turns = ctx->turns;

    ngx_torus_turn_begin(turns);

    ngx_http_torus_write(ctx);

    ngx_torus_turn_end(turns, TORUS_TURN_SEND, ngx_cycle->log);
}


static void
ngx_http_torus_write(ngx_http_torus_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_chain_t         *out;
    ngx_event_t         *wev;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;
    wev = c->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");
        c->timedout = 1;
        ngx_http_torus_finalize(ctx, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!wev->delayed) {
        rc = ngx_http_output_filter(r, NULL);

        if (rc == NGX_ERROR) {
            ngx_http_torus_finalize(ctx, NGX_ERROR);
            return;
        }

        out = NULL;

        ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &out,
                                (ngx_buf_tag_t) &ngx_torus_module);
    }

    if (ctx->busy != NULL) {
        if (ngx_http_torus_block(ctx) == NGX_ERROR) {
            ngx_http_torus_finalize(ctx, NGX_ERROR);
        }

        return;
    }

    ngx_http_torus_unblock(ctx);
    ngx_http_torus_run(ctx);
}


static void
ngx_http_torus_read_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_event_t           *rev;
    ngx_http_torus_ctx_t  *ctx;

    rev = r->connection->read;

    ctx = ngx_http_get_module_ctx(r, ngx_torus_module);

    if (ctx == NULL) {
        return;
    }

    rc = ngx_http_torus_peek(r);

    if (rc == NGX_ERROR) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }

    if (!(ngx_event_flags & NGX_USE_LEVEL_EVENT)) {
        return;
    }

    /* bytes would be told of again and again; without any the end will be */

    if (rc == NGX_OK && rev->active) {
        rc = ngx_del_event(rev, NGX_READ_EVENT, 0);

    } else if (rc == NGX_AGAIN && !rev->active) {
        rc = ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT);
    }

    if (rc == NGX_ERROR) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


/*
 * The socket is peeked at only: a client may send its next request ahead.
 * NGX_OK: it has; NGX_AGAIN: nothing is there; NGX_ERROR: the client is gone.
 */

static ngx_int_t
ngx_http_torus_peek(ngx_http_request_t *r)
{
    char               buf[1];
    ssize_t            n;
    ngx_err_t          err;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;

    err = 0;

    if (!c->error && ngx_http_torus_streams(r)) {

        if (!c->write->error) {
            return NGX_OK;
        }

        c->error = 1;
    }

    if (!c->error) {

        n = rev->pending_eof ? 0 : recv(c->fd, buf, 1, MSG_PEEK);

        if (n > 0) {
            return NGX_OK;
        }

        if (n == -1) {
            err = ngx_socket_errno;

            if (err == NGX_EAGAIN || err == NGX_EINTR) {
                return NGX_AGAIN;
            }

            rev->error = 1;
        }

        rev->eof = 1;
        c->error = 1;
    }

#if (NGX_HTTP_SSL)

    if (c->ssl) {
        c->ssl->no_send_shutdown = 1;
    }

#endif

    ngx_log_error(NGX_LOG_INFO, c->log, err,
                  "client prematurely closed connection");

    return NGX_ERROR;
}


void
ngx_http_torus_finalize(ngx_http_torus_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_torus_release(ctx);

    ngx_http_finalize_request(ctx->request, rc);
}


void
ngx_http_torus_release(void *data)
{
    ngx_http_torus_ctx_t *ctx = data;

    if (ctx->released) {
        return;
    }

    ctx->released = 1;

    ngx_torus_turn_begin(ctx->turns);

    ngx_torus_client_detach(&ctx->groups);

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->work.posted) {
        ngx_delete_posted_event(&ctx->work);
    }

    if (ctx->insert != NULL) {
        ngx_http_torus_insert_release(ctx->insert);
        ctx->insert = NULL;
    }

    if (ctx->torus != NULL) {
        ngx_http_torus_count(ctx);

        torus_request_destroy(ctx->torus);
        ctx->torus = NULL;
    }

    if (ctx->arena != NULL) {
        torus_arena_destroy(ctx->arena);
        ctx->arena = NULL;
    }

    torus_buf_free(&ctx->body);

    ngx_torus_turn_end(ctx->turns, TORUS_TURN_END, ngx_cycle->log);
}


/* A query that its client left counts too, and is no failure of ours. */

static void
ngx_http_torus_count(ngx_http_torus_ctx_t *ctx)
{
    uint64_t            *counters;
    ngx_time_t          *tp;
    ngx_msec_int_t       ms;
    ngx_http_request_t  *r;

    r = ctx->request;
    counters = ctx->counters;
    ctx->stats = *torus_request_stats(ctx->torus);

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    counters[TORUS_C_QUERIES]++;
    counters[TORUS_C_QUERY_POINTS] += ctx->stats.points;
    counters[TORUS_C_QUERY_ROWS] += ctx->stats.rows;
    counters[TORUS_C_QUERY_MSEC] += ngx_max(ms, 0);
    counters[TORUS_C_VALUES_UNREADABLE] += ctx->stats.unreadable;

    if (torus_request_status(ctx->torus) >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        counters[TORUS_C_QUERIES_FAILED]++;
    }
}
