/*
 * One Carbon client: bytes are read into the worker's buffer, cut into lines
 * by torus_carbon_feed(), and each line becomes operations that the writers
 * queue.  Nothing is ever written to the client.
 *
 * A session is idle all its life, so that nginx tells it at once when the
 * worker is to leave: it then sends FIN, so that the agent reconnects to a
 * new worker, and reads on until the agent has closed or the linger ends.
 *
 * When a host's queue is full the session stops reading and waits in the
 * worker's list; the kernel's window makes the client wait in turn.
 */

#include "ngx_karbon_stream_module.h"


/* Of a bad line in the log. */
#define NGX_STREAM_KARBON_EXCERPT  256


static void ngx_stream_karbon_datagram(ngx_stream_session_t *s,
    ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_read_handler(ngx_event_t *rev);
static void ngx_stream_karbon_write_handler(ngx_event_t *wev);
static void ngx_stream_karbon_linger(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_last_read(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_read(ngx_stream_karbon_ctx_t *ctx);
static ngx_int_t ngx_stream_karbon_recv(ngx_stream_karbon_ctx_t *ctx,
    size_t limit);
static ngx_int_t ngx_stream_karbon_rest(ngx_stream_karbon_ctx_t *ctx);
static ngx_int_t ngx_stream_karbon_feed(ngx_stream_karbon_ctx_t *ctx,
    u_char *data, size_t len);
static ngx_int_t ngx_stream_karbon_end(ngx_stream_karbon_ctx_t *ctx);
static int ngx_stream_karbon_line(void *data,
    const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line);
static void ngx_stream_karbon_bad_line(ngx_stream_karbon_ctx_t *ctx,
    torus_counter_t reason, torus_str_t line);
static void ngx_stream_karbon_stray(ngx_stream_karbon_ctx_t *ctx,
    torus_str_t stat);
static ngx_uint_t ngx_stream_karbon_full(ngx_stream_karbon_worker_t *worker);
static void ngx_stream_karbon_block(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_finalize(ngx_stream_karbon_ctx_t *ctx,
    ngx_uint_t status);
static void ngx_stream_karbon_cleanup(void *data);


void
ngx_stream_karbon_handler(ngx_stream_session_t *s)
{
    size_t                          len;
    ngx_connection_t               *c;
    ngx_pool_cleanup_t             *cln;
    ngx_stream_karbon_ctx_t        *ctx;
    ngx_stream_karbon_main_conf_t  *kmcf;

    c = s->connection;

    c->log->action = "reading carbon lines";

    kmcf = ngx_stream_get_module_main_conf(s, ngx_karbon_stream_module);

    if (kmcf->worker == NULL) {
        ngx_stream_finalize_session(s, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    ctx = ngx_pcalloc(c->pool, sizeof(ngx_stream_karbon_ctx_t));
    if (ctx == NULL) {
        ngx_stream_finalize_session(s, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    cln = ngx_pool_cleanup_add(c->pool, 0);
    if (cln == NULL) {
        ngx_stream_finalize_session(s, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    ctx->session = s;
    ctx->worker = kmcf->worker;
    ctx->conf = ngx_stream_get_module_srv_conf(s, ngx_karbon_stream_module);

    torus_carbon_init(&ctx->carbon, &ctx->conf->carbon);

    cln->handler = ngx_stream_karbon_cleanup;
    cln->data = ctx;

    ngx_stream_set_ctx(s, ctx, ngx_karbon_stream_module);

    if (c->type == SOCK_DGRAM) {
        ngx_stream_karbon_datagram(s, ctx);
        return;
    }

    c->idle = 1;
    c->read->handler = ngx_stream_karbon_read_handler;
    c->write->handler = ngx_stream_karbon_write_handler;

    /* what earlier phases have read ahead, as of the PROXY protocol */

    if (c->buffer != NULL && c->buffer->last > c->buffer->pos) {
        len = c->buffer->last - c->buffer->pos;

        c->buffer->pos = c->buffer->last;

        switch (ngx_stream_karbon_feed(ctx, c->buffer->last - len, len)) {

        case NGX_OK:
            break;

        case NGX_AGAIN:
            ngx_stream_karbon_block(ctx);
            return;

        default:
            ngx_stream_karbon_finalize(ctx,
                                       NGX_STREAM_INTERNAL_SERVER_ERROR);
            return;
        }
    }

    ngx_stream_karbon_read(ctx);
}


/*
 * A datagram stands alone, and its end ends its last line.  The session is
 * over before the handler returns: nothing builds up, nothing is left to a
 * leaving worker.
 */

static void
ngx_stream_karbon_datagram(ngx_stream_session_t *s,
    ngx_stream_karbon_ctx_t *ctx)
{
    ngx_buf_t  *b;

    b = s->connection->buffer;

    if (b != NULL && b->last > b->pos
        && (ngx_stream_karbon_feed(ctx, b->pos, b->last - b->pos) != NGX_OK
            || ngx_stream_karbon_end(ctx) != NGX_OK))
    {
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_stream_karbon_finalize(ctx, NGX_STREAM_OK);
}


static void
ngx_stream_karbon_read_handler(ngx_event_t *rev)
{
    ngx_connection_t         *c;
    ngx_stream_session_t     *s;
    ngx_stream_karbon_ctx_t  *ctx;

    c = rev->data;
    s = c->data;

    ctx = ngx_stream_get_module_ctx(s, ngx_karbon_stream_module);

    ngx_log_debug3(NGX_LOG_DEBUG_STREAM, c->log, 0,
                   "stream karbon read handler close:%d blocked:%d "
                   "timedout:%d", c->close, ctx->blocked, rev->timedout);

    /* worker_shutdown_timeout is over, or the linger is */

    if (rev->timedout || (c->close && c->error)) {
        rev->timedout = 0;
        ngx_stream_karbon_last_read(ctx);
        return;
    }

    if (c->close && !ctx->lingering) {
        ngx_stream_karbon_linger(ctx);
    }

    if (ctx->blocked) {

        /* only level-triggered methods get here again and again */

        if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active
            && ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK)
        {
            ngx_stream_karbon_finalize(ctx,
                                       NGX_STREAM_INTERNAL_SERVER_ERROR);
        }

        return;
    }

    ngx_stream_karbon_read(ctx);
}


static void
ngx_stream_karbon_write_handler(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_STREAM, wev->log, 0,
                   "stream karbon write handler");
}


/*
 * The worker is leaving.  FIN tells the agent to go elsewhere; the timer is
 * an ordinary one, so that the worker waits for what is on its way.
 */

static void
ngx_stream_karbon_linger(ngx_stream_karbon_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->session->connection;

    ctx->lingering = 1;

    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
        ngx_connection_error(c, ngx_socket_errno,
                             ngx_shutdown_socket_n " failed");
    }

    ngx_add_timer(c->read, ctx->conf->linger);
}


/*
 * The end of a leaving session.  What has been read is stored whatever the
 * queues hold; what has not is read once more, unless there is no room: the
 * close then resets the connection, and the agent knows.
 */

static void
ngx_stream_karbon_last_read(ngx_stream_karbon_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    ctx->forced = 1;

    if (ctx->rest != NULL) {
        rc = ngx_stream_karbon_rest(ctx);
    }

    if (rc == NGX_OK && !ctx->eof && !ngx_stream_karbon_full(ctx->worker)) {
        rc = ngx_stream_karbon_recv(ctx, NGX_STREAM_KARBON_FAIR);
    }

    if (rc != NGX_ERROR && ctx->eof) {
        rc = ngx_stream_karbon_end(ctx);
    }

    ngx_stream_karbon_finalize(ctx, rc == NGX_ERROR
                                    ? NGX_STREAM_INTERNAL_SERVER_ERROR
                                    : NGX_STREAM_OK);
}


static void
ngx_stream_karbon_read(ngx_stream_karbon_ctx_t *ctx)
{
    ngx_int_t          rc;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = ctx->session->connection;
    rev = c->read;

    rc = ngx_stream_karbon_rest(ctx);

    if (rc == NGX_OK && !ctx->eof) {
        rc = ngx_stream_karbon_recv(ctx, NGX_STREAM_KARBON_FAIR);
    }

    if (rc == NGX_OK && ctx->eof) {
        rc = ngx_stream_karbon_end(ctx);
    }

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        ngx_stream_karbon_block(ctx);
        return;

    default:
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    if (ctx->eof) {
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_OK);
        return;
    }

    if (ctx->failed) {
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_BAD_REQUEST);
        return;
    }

    /* an edge will not come again for what has been left in the socket */

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
    }
}


/*
 * Reads and feeds until there is nothing to read, limit bytes were, or the
 * client is gone.  NGX_OK, NGX_AGAIN when a queue is full, NGX_ERROR.
 */

static ngx_int_t
ngx_stream_karbon_recv(ngx_stream_karbon_ctx_t *ctx, size_t limit)
{
    u_char            *buffer;
    size_t             total;
    ssize_t            n;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = ctx->session->connection;
    buffer = ctx->worker->buffer;

    for (total = 0; total < limit && c->read->ready; total += n) {

        n = c->recv(c, buffer, NGX_STREAM_KARBON_BUFFER);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ctx->failed = 1;
            break;
        }

        if (n == 0) {
            ctx->eof = 1;
            break;
        }

        ctx->session->received += n;

        rc = ngx_stream_karbon_feed(ctx, buffer, n);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* What was read but did not fit the queues, before anything newer. */

static ngx_int_t
ngx_stream_karbon_rest(ngx_stream_karbon_ctx_t *ctx)
{
    u_char     *data;
    ngx_int_t   rc;

    if (ctx->rest == NULL) {
        return NGX_OK;
    }

    data = ctx->rest;
    ctx->rest = NULL;

    rc = ngx_stream_karbon_feed(ctx, data, ctx->rest_len);

    ngx_free(data);

    return rc;
}


/*
 * NGX_OK: all taken.  NGX_AGAIN: a queue is full, what was not taken is
 * kept in ctx->rest.
 */

static ngx_int_t
ngx_stream_karbon_feed(ngx_stream_karbon_ctx_t *ctx, u_char *data, size_t len)
{
    int     rc;
    size_t  consumed;

    rc = torus_carbon_feed(&ctx->carbon, data, len, ngx_time(),
                           ngx_stream_karbon_line, ctx, &consumed);

    if (rc == TORUS_OK) {
        return NGX_OK;
    }

    if (rc != TORUS_AGAIN) {
        return NGX_ERROR;
    }

    ctx->rest_len = len - consumed;

    if (ctx->rest_len != 0) {
        ctx->rest = ngx_alloc(ctx->rest_len, ctx->session->connection->log);
        if (ctx->rest == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ctx->rest, data + consumed, ctx->rest_len);
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_stream_karbon_end(ngx_stream_karbon_ctx_t *ctx)
{
    switch (torus_carbon_end(&ctx->carbon, ngx_time(),
                             ngx_stream_karbon_line, ctx))
    {

    case TORUS_OK:
        return NGX_OK;

    case TORUS_AGAIN:
        return NGX_AGAIN;

    default:
        return NGX_ERROR;
    }
}


static int
ngx_stream_karbon_line(void *data, const torus_carbon_point_t *point,
    torus_counter_t reason, torus_str_t line)
{
    ngx_stream_karbon_ctx_t *ctx = data;

    int                          rc;
    ngx_connection_t            *c;
    ngx_stream_karbon_worker_t  *worker;

    worker = ctx->worker;
    c = ctx->session->connection;

    if (!ctx->forced && ngx_stream_karbon_full(worker)) {

        if (c->type != SOCK_DGRAM) {
            return TORUS_AGAIN;
        }

        /* nobody can be made to wait */

        torus_store_refuse(&worker->store, TORUS_C_DROPPED_OVERFLOW);

        return TORUS_OK;
    }

    ctx->lines++;

    if (point == NULL) {
        torus_store_refuse(&worker->store, reason);
        ngx_stream_karbon_bad_line(ctx, reason, line);

        return TORUS_OK;
    }

    rc = torus_store_point(&worker->store, point->stat, point->value,
                           point->timestamp, ngx_time(), &reason);

    switch (rc) {

    case TORUS_OK:
        return TORUS_OK;

    case TORUS_DECLINED:

        if (reason == TORUS_C_POINTS_UNMATCHED) {
            ngx_stream_karbon_stray(ctx, point->stat);

        } else if (reason != TORUS_C_POINTS_TRANSFORMED
                   && reason != TORUS_C_DROPPED_NAN)
        {
            ngx_stream_karbon_bad_line(ctx, reason, line);
        }

        return TORUS_OK;

    case TORUS_ERROR:
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "no memory for all operations of a point");
        return TORUS_OK;

    default:

        /* no memory, and nothing was stored: the close tells the client */

        return TORUS_ERROR;
    }
}


/*
 * Each bad line is worth an info; one in a second per server is shown at
 * warn, with how many there were, so that they are noticed.
 */

static void
ngx_stream_karbon_bad_line(ngx_stream_karbon_ctx_t *ctx,
    torus_counter_t reason, torus_str_t line)
{
    size_t                         len;
    ngx_uint_t                     level;
    ngx_log_t                     *log;
    ngx_stream_karbon_srv_conf_t  *kscf;
    char                           text[NGX_STREAM_KARBON_EXCERPT + 1];

    kscf = ctx->conf;
    log = ctx->session->connection->log;
    level = NGX_LOG_INFO;

    ctx->bad_lines++;
    kscf->suppressed++;

    if (kscf->warned != ngx_time()) {
        kscf->warned = ngx_time();
        level = NGX_LOG_WARN;
    }

    if (log->log_level < level) {
        return;
    }

    len = torus_escape(text, NGX_STREAM_KARBON_EXCERPT, line);

    if (level == NGX_LOG_WARN) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "bad carbon line (%s): \"%*s\", one of %ui",
                      torus_counter_name(reason), len, text,
                      kscf->suppressed);
        kscf->suppressed = 0;
        return;
    }

    ngx_log_error(NGX_LOG_INFO, log, 0, "bad carbon line (%s): \"%*s\"",
                  torus_counter_name(reason), len, text);
}


static void
ngx_stream_karbon_stray(ngx_stream_karbon_ctx_t *ctx, torus_str_t stat)
{
    size_t  len;
    char    text[NGX_STREAM_KARBON_EXCERPT + 1];

    if (!ngx_torus_zone_stray(ctx->worker->slot, stat, ngx_time())) {
        return;
    }

    len = torus_escape(text, NGX_STREAM_KARBON_EXCERPT, stat);

    ngx_log_error(NGX_LOG_WARN, ctx->session->connection->log, 0,
                  "no schema matches \"%*s\", %uL such points so far", len,
                  text, ctx->worker->counters[TORUS_C_POINTS_UNMATCHED]);
}


static ngx_uint_t
ngx_stream_karbon_full(ngx_stream_karbon_worker_t *worker)
{
    ngx_uint_t  i;

    for (i = 0; i < worker->nwriters; i++) {
        if (ngx_torus_writer_full(worker->writers[i])) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_stream_karbon_block(ngx_stream_karbon_ctx_t *ctx)
{
    ngx_log_debug0(NGX_LOG_DEBUG_STREAM, ctx->session->connection->log, 0,
                   "stream karbon blocked");

    ctx->blocked = 1;
    ctx->session->connection->log->action = "waiting for redis";

    ngx_queue_insert_tail(&ctx->worker->blocked, &ctx->queue);
}


void
ngx_stream_karbon_resume(ngx_stream_karbon_worker_t *worker)
{
    ngx_queue_t              *q;
    ngx_connection_t         *c;
    ngx_stream_karbon_ctx_t  *ctx;

    while (!ngx_queue_empty(&worker->blocked)) {
        q = ngx_queue_head(&worker->blocked);
        ngx_queue_remove(q);

        ctx = ngx_queue_data(q, ngx_stream_karbon_ctx_t, queue);
        c = ctx->session->connection;

        ctx->blocked = 0;
        c->log->action = "reading carbon lines";

        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static void
ngx_stream_karbon_finalize(ngx_stream_karbon_ctx_t *ctx, ngx_uint_t status)
{
    ngx_stream_finalize_session(ctx->session, status);
}


static void
ngx_stream_karbon_cleanup(void *data)
{
    ngx_stream_karbon_ctx_t *ctx = data;

    if (ctx->blocked) {
        ngx_queue_remove(&ctx->queue);
    }

    if (ctx->rest != NULL) {
        ngx_free(ctx->rest);
    }

    torus_carbon_free(&ctx->carbon);
}
