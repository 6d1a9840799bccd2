/*
 * One Carbon client: bytes are read into the worker's buffer, cut into lines
 * by torus_carbon_feed(), or frames by torus_pickle_feed(), and each point
 * becomes operations that the writers queue.  Nothing is ever written to the
 * client.
 *
 * A session is idle all its life, so that nginx tells it at once when the
 * worker is to leave: it then sends FIN, so that the agent reconnects to a
 * new worker, and reads on until the agent has closed or the linger ends.
 * One that has sent nothing for too long ends in the same way.
 *
 * When a host's queue is full the session stops reading and waits in the
 * worker's list; the kernel's window makes the client wait in turn.
 *
 * A turn ends after so many bytes, or so many names without a route, which
 * cost tens of times what known ones do; what was read and not taken is the
 * beginning of the next.
 *
 * The one timer, of the read event, is the idle time before the FIN and the
 * linger behind it.
 */

#include "ngx_karbon_stream_module.h"


/* Of a bad line in the log. */
#define NGX_STREAM_KARBON_EXCERPT  256


static ngx_stream_karbon_ctx_t *ngx_stream_karbon_create(
    ngx_stream_session_t *s, ngx_stream_karbon_worker_t *worker);
static ngx_uint_t ngx_stream_karbon_refuse(ngx_stream_session_t *s,
    ngx_stream_karbon_worker_t *worker);
static void ngx_stream_karbon_keepalive(ngx_connection_t *c);
static void ngx_stream_karbon_datagram(ngx_stream_session_t *s,
    ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_turn(ngx_stream_karbon_worker_t *worker);
static void ngx_stream_karbon_read_handler(ngx_event_t *rev);
static void ngx_stream_karbon_write_handler(ngx_event_t *wev);
static void ngx_stream_karbon_linger(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_last_read(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_read(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_stop(ngx_stream_karbon_ctx_t *ctx,
    ngx_int_t rc);
static ngx_int_t ngx_stream_karbon_recv(ngx_stream_karbon_ctx_t *ctx,
    size_t limit);
static ngx_int_t ngx_stream_karbon_rest(ngx_stream_karbon_ctx_t *ctx);
static ngx_int_t ngx_stream_karbon_feed(ngx_stream_karbon_ctx_t *ctx,
    u_char *data, size_t len);
static ngx_int_t ngx_stream_karbon_end(ngx_stream_karbon_ctx_t *ctx);
static ngx_int_t ngx_stream_karbon_result(ngx_stream_karbon_ctx_t *ctx,
    int rc);
static int ngx_stream_karbon_line(void *data,
    const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line);
static int ngx_stream_karbon_store(ngx_stream_karbon_ctx_t *ctx,
    const torus_carbon_point_t *point, torus_counter_t *reason);
static ngx_uint_t ngx_stream_karbon_too_new(ngx_stream_karbon_ctx_t *ctx,
    torus_str_t stat);
static void ngx_stream_karbon_bad_line(ngx_stream_karbon_ctx_t *ctx,
    torus_counter_t reason, torus_str_t line);
static ngx_uint_t ngx_stream_karbon_full(ngx_stream_karbon_worker_t *worker);
static void ngx_stream_karbon_block(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_unblock(ngx_stream_karbon_ctx_t *ctx);
static void ngx_stream_karbon_finalize(ngx_stream_karbon_ctx_t *ctx,
    ngx_uint_t status);
static void ngx_stream_karbon_cleanup(void *data);


void
ngx_stream_karbon_handler(ngx_stream_session_t *s)
{
    size_t                          len;
    ngx_int_t                       rc;
    ngx_connection_t               *c;
    ngx_stream_karbon_ctx_t        *ctx;
    ngx_stream_karbon_main_conf_t  *kmcf;

    c = s->connection;

    c->log->action = "reading carbon lines";

    kmcf = ngx_stream_get_module_main_conf(s, ngx_karbon_stream_module);

    if (kmcf->worker == NULL) {
        ngx_stream_finalize_session(s, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    if (c->type != SOCK_DGRAM && ngx_stream_karbon_refuse(s, kmcf->worker)) {
        ngx_stream_finalize_session(s, NGX_STREAM_SERVICE_UNAVAILABLE);
        return;
    }

    ctx = ngx_stream_karbon_create(s, kmcf->worker);
    if (ctx == NULL) {
        ngx_stream_finalize_session(s, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    if (c->type == SOCK_DGRAM) {
        ngx_stream_karbon_datagram(s, ctx);
        return;
    }

    c->idle = 1;
    c->read->handler = ngx_stream_karbon_read_handler;
    c->write->handler = ngx_stream_karbon_write_handler;

    ngx_stream_karbon_keepalive(c);

#if (NGX_SSL)

    /* a client that does not say goodbye must not hold a leaving worker */

    if (c->ssl != NULL) {
        c->ssl->no_wait_shutdown = 1;
    }

#endif

    /* nginx asked idle connections before this one had got here */

    if (ngx_exiting) {
        c->close = 1;
        ngx_stream_karbon_linger(ctx);
    }

    /* what earlier phases have read ahead */

    ngx_stream_karbon_turn(kmcf->worker);

    if (c->buffer != NULL && c->buffer->last > c->buffer->pos) {
        len = c->buffer->last - c->buffer->pos;

        c->buffer->pos = c->buffer->last;

        rc = ngx_stream_karbon_feed(ctx, c->buffer->last - len, len);

        if (rc != NGX_OK) {
            ngx_stream_karbon_stop(ctx, rc);
            return;
        }
    }

    ngx_stream_karbon_read(ctx);
}


static ngx_stream_karbon_ctx_t *
ngx_stream_karbon_create(ngx_stream_session_t *s,
    ngx_stream_karbon_worker_t *worker)
{
    ngx_pool_cleanup_t            *cln;
    ngx_stream_karbon_ctx_t       *ctx;
    ngx_stream_karbon_srv_conf_t  *kscf;

    kscf = ngx_stream_get_module_srv_conf(s, ngx_karbon_stream_module);

    ctx = ngx_pcalloc(s->connection->pool, sizeof(ngx_stream_karbon_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(s->connection->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    ctx->session = s;
    ctx->worker = worker;
    ctx->conf = kscf;
    ctx->pickle = (kscf->protocol == NGX_STREAM_KARBON_PICKLE);

    if (ctx->pickle) {
        torus_pickle_init(&ctx->in.pickle, &kscf->carbon, kscf->frame_max);

    } else {
        torus_carbon_init(&ctx->in.carbon, &kscf->carbon);
    }

    cln->handler = ngx_stream_karbon_cleanup;
    cln->data = ctx;

    ngx_stream_set_ctx(s, ctx, ngx_karbon_stream_module);

    return ctx;
}


/*
 * The last connections of a worker are for its links to Redis: without them
 * no session could ever go on.
 */

static ngx_uint_t
ngx_stream_karbon_refuse(ngx_stream_session_t *s,
    ngx_stream_karbon_worker_t *worker)
{
    if (ngx_cycle->free_connection_n >= worker->reserved) {
        return 0;
    }

    if (worker->refused != ngx_time()) {
        worker->refused = ngx_time();

        ngx_log_error(NGX_LOG_WARN, s->connection->log, 0,
                      "client refused, the last %ui worker_connections are "
                      "for redis", worker->reserved);
    }

    return 1;
}


/* Agents vanish without a word; "so_keepalive" of "listen" has its say. */

static void
ngx_stream_karbon_keepalive(ngx_connection_t *c)
{
    int  on;

    if (c->sockaddr->sa_family == AF_UNIX || c->listening == NULL
        || c->listening->keepalive != 0)
    {
        return;
    }

    on = 1;

    if (setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, (const void *) &on,
                   sizeof(int))
        == -1)
    {
        ngx_connection_error(c, ngx_socket_errno,
                             "setsockopt(SO_KEEPALIVE) failed");
    }
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
    size_t      consumed;
    ngx_int_t   rc;
    ngx_buf_t  *b;

    b = s->connection->buffer;

    if (b == NULL || b->last == b->pos) {
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_OK);
        return;
    }

    if (ctx->pickle) {
        rc = ngx_stream_karbon_feed(ctx, b->pos, b->last - b->pos);

        if (rc == NGX_OK) {
            rc = ngx_stream_karbon_end(ctx);
        }

    } else {
        rc = ngx_stream_karbon_result(ctx,
                         torus_carbon_datagram(&ctx->conf->carbon, b->pos,
                                               b->last - b->pos, ngx_time(),
                                               ngx_stream_karbon_line, ctx,
                                               &consumed));
    }

    ngx_stream_karbon_stop(ctx, rc == NGX_OK ? NGX_DONE : rc);
}


static void
ngx_stream_karbon_turn(ngx_stream_karbon_worker_t *worker)
{
    worker->enough = worker->slot->routes.misses + NGX_STREAM_KARBON_NEW;
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

    if ((rev->timedout && ctx->lingering) || (c->close && c->error)) {
        rev->timedout = 0;
        ngx_stream_karbon_last_read(ctx);
        return;
    }

    if (rev->timedout) {
        rev->timedout = 0;

        ngx_log_error(NGX_LOG_INFO, c->log, 0, "carbon client was idle");

        ngx_stream_karbon_linger(ctx);
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
 * The worker is leaving, or the client says nothing.  FIN tells the agent to
 * go elsewhere; the timer is an ordinary one, so that a leaving worker waits
 * for what is on its way.
 */

static void
ngx_stream_karbon_linger(ngx_stream_karbon_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->session->connection;

    ctx->lingering = 1;

#if (NGX_SSL)

    /* "close notify": without it the FIN would look like an attack */

    if (c->ssl != NULL) {
        ERR_clear_error();
        (void) SSL_shutdown(c->ssl->connection);
        ERR_clear_error();
    }

#endif

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
    size_t        total;
    ngx_int_t     rc;
    ngx_event_t  *rev;

    ctx->forced = 1;

    rc = ngx_stream_karbon_rest(ctx);

    /* whether there is more is for the kernel to say */

    rev = ctx->session->connection->read;
    rev->ready = 1;
#if (NGX_HAVE_FIONREAD || NGX_HAVE_EPOLLRDHUP)
    rev->available = -1;
#endif

    for (total = 0;
         rc == NGX_OK && rev->ready && !ctx->eof && !ctx->failed
         && total < NGX_STREAM_KARBON_LAST
         && !ngx_stream_karbon_full(ctx->worker);
         total += NGX_STREAM_KARBON_BUFFER)
    {
        rc = ngx_stream_karbon_recv(ctx, 1);
    }

    if (rc == NGX_OK && ctx->eof) {
        rc = ngx_stream_karbon_end(ctx);
    }

    ngx_stream_karbon_stop(ctx, rc == NGX_OK ? NGX_DONE : rc);
}


static void
ngx_stream_karbon_read(ngx_stream_karbon_ctx_t *ctx)
{
    off_t              received;
    ngx_int_t          rc;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = ctx->session->connection;
    rev = c->read;
    received = ctx->session->received;

    ngx_stream_karbon_turn(ctx->worker);

    rc = ngx_stream_karbon_rest(ctx);

    if (rc == NGX_OK && !ctx->eof) {
        rc = ngx_stream_karbon_recv(ctx, NGX_STREAM_KARBON_FAIR);
    }

    if (rc == NGX_OK && ctx->eof) {
        rc = ngx_stream_karbon_end(ctx);
    }

    if (rc == NGX_OK && (ctx->eof || ctx->failed)) {
        rc = NGX_DONE;
    }

    if (ctx->conf->idle_timeout != 0 && !ctx->lingering
        && (!rev->timer_set || ctx->session->received != received))
    {
        ngx_add_timer(rev, ctx->conf->idle_timeout);
    }

    if (rc != NGX_OK) {
        ngx_stream_karbon_stop(ctx, rc);
        return;
    }

    /*
     * An edge will not come again for what has been left in the socket.  The
     * others have their turn first, and Redis: not ngx_posted_events, which
     * are run until there are none.
     */

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
    }
}


/*
 * Why it does not go on: NGX_DONE, the client or the time is over; NGX_AGAIN,
 * a queue is full, or the turn is over; NGX_DECLINED, a bad frame; NGX_ERROR.
 */

static void
ngx_stream_karbon_stop(ngx_stream_karbon_ctx_t *ctx, ngx_int_t rc)
{
    switch (rc) {

    case NGX_AGAIN:
        if (ngx_stream_karbon_full(ctx->worker)) {
            ngx_stream_karbon_block(ctx);
            return;
        }

        ngx_post_event(ctx->session->connection->read,
                       &ngx_posted_next_events);
        return;

    case NGX_DONE:
        ngx_stream_karbon_finalize(ctx, ctx->failed ? NGX_STREAM_BAD_REQUEST
                                                    : NGX_STREAM_OK);
        return;

    case NGX_DECLINED:
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_BAD_REQUEST);
        return;

    default:
        ngx_stream_karbon_finalize(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }
}


/*
 * Reads and feeds until there is nothing to read, limit bytes were, or the
 * client is gone.  Returns as ngx_stream_karbon_feed().
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
    size_t      len;
    u_char     *data;
    ngx_int_t   rc;

    data = ctx->rest;
    len = ctx->rest_len;

    if (data == NULL) {

        if (!ctx->pickle || !torus_pickle_pending(&ctx->in.pickle)) {
            return NGX_OK;
        }

        /* elements of a frame are left, and no bytes behind it */

        return ngx_stream_karbon_feed(ctx, ctx->worker->buffer, 0);
    }

    ctx->rest = NULL;
    ctx->rest_len = 0;

    rc = ngx_stream_karbon_feed(ctx, data, len);

    ngx_free(data);

    return rc;
}


/*
 * NGX_OK: all taken.  NGX_AGAIN: a queue is full, or the turn is over, what
 * was not taken is kept in ctx->rest.  NGX_DECLINED: a bad frame.
 */

static ngx_int_t
ngx_stream_karbon_feed(ngx_stream_karbon_ctx_t *ctx, u_char *data, size_t len)
{
    size_t     consumed;
    ngx_int_t  rc;

    if (ctx->pickle) {
        rc = torus_pickle_feed(&ctx->in.pickle, data, len, ngx_time(),
                               ngx_stream_karbon_line, ctx, &consumed);

    } else {
        rc = torus_carbon_feed(&ctx->in.carbon, data, len, ngx_time(),
                               ngx_stream_karbon_line, ctx, &consumed);
    }

    rc = ngx_stream_karbon_result(ctx, rc);

    if (rc == NGX_AGAIN && consumed != len) {
        ctx->rest_len = len - consumed;

        ctx->rest = ngx_alloc(ctx->rest_len, ctx->session->connection->log);
        if (ctx->rest == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ctx->rest, data + consumed, ctx->rest_len);
    }

    return rc;
}


static ngx_int_t
ngx_stream_karbon_end(ngx_stream_karbon_ctx_t *ctx)
{
    int  rc;

    if (ctx->pickle) {
        rc = torus_pickle_end(&ctx->in.pickle, ngx_time(),
                              ngx_stream_karbon_line, ctx);

    } else {
        rc = torus_carbon_end(&ctx->in.carbon, ngx_time(),
                              ngx_stream_karbon_line, ctx);
    }

    return ngx_stream_karbon_result(ctx, rc);
}


/* A frame that nobody can read is counted as one point. */

static ngx_int_t
ngx_stream_karbon_result(ngx_stream_karbon_ctx_t *ctx, int rc)
{
    const char  *reason;

    switch (rc) {

    case TORUS_OK:
        return NGX_OK;

    case TORUS_AGAIN:
        return NGX_AGAIN;

    case TORUS_INVALID:
        reason = ctx->in.pickle.reason;

        ctx->lines++;

        torus_store_refuse(&ctx->worker->ingest.store, TORUS_C_BAD_FRAME);
        ngx_stream_karbon_bad_line(ctx, TORUS_C_BAD_FRAME,
                                   torus_str(reason, ngx_strlen(reason)));
        return NGX_DECLINED;

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

        torus_store_refuse(&worker->ingest.store, TORUS_C_DROPPED_OVERFLOW);

        return TORUS_OK;
    }

    if (worker->slot->routes.misses >= worker->enough
        && !ctx->forced && c->type != SOCK_DGRAM)
    {
        return TORUS_AGAIN;
    }

    ctx->lines++;

    if (point == NULL) {
        torus_store_refuse(&worker->ingest.store, reason);
        ngx_stream_karbon_bad_line(ctx, reason, line);

        return TORUS_OK;
    }

    rc = ngx_stream_karbon_store(ctx, point, &reason);

    switch (rc) {

    case TORUS_OK:
        return TORUS_OK;

    case TORUS_DECLINED:

        if (reason == TORUS_C_POINTS_UNMATCHED) {
            ngx_torus_zone_stray(ctx->worker->slot, point->stat,
                                 ctx->session->connection->log);

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


static int
ngx_stream_karbon_store(ngx_stream_karbon_ctx_t *ctx,
    const torus_carbon_point_t *point, torus_counter_t *reason)
{
    torus_store_t                 *store;
    ngx_stream_karbon_srv_conf_t  *kscf;

    kscf = ctx->conf;
    store = &ctx->worker->ingest.store;

    if (kscf->past != 0 && point->timestamp < ngx_time() - kscf->past) {
        *reason = TORUS_C_DROPPED_PAST;
        torus_store_refuse(store, *reason);

        return TORUS_DECLINED;
    }

    if (kscf->new_stats != 0
        && ngx_stream_karbon_too_new(ctx, point->stat))
    {
        *reason = TORUS_C_DROPPED_NEW_STATS;
        torus_store_refuse(store, *reason);

        return TORUS_DECLINED;
    }

    return torus_store_point(store, point->stat, point->value,
                             point->timestamp, ngx_time(), reason);
}


/* Is this name new, after too many others in this second? */

static ngx_uint_t
ngx_stream_karbon_too_new(ngx_stream_karbon_ctx_t *ctx, torus_str_t stat)
{
    ngx_stream_karbon_srv_conf_t  *kscf;

    if (torus_router_knows(ctx->worker->ingest.store.router, stat)) {
        return 0;
    }

    kscf = ctx->conf;

    if (kscf->new_second != ngx_time()) {
        kscf->new_second = ngx_time();
        kscf->new_count = 0;
    }

    if (kscf->new_count >= kscf->new_stats) {
        return 1;
    }

    kscf->new_count++;

    return 0;
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
    const char                    *what;
    ngx_stream_karbon_srv_conf_t  *kscf;
    char                           text[NGX_STREAM_KARBON_EXCERPT + 1];

    kscf = ctx->conf;
    log = ctx->session->connection->log;
    level = NGX_LOG_INFO;
    what = (reason == TORUS_C_BAD_FRAME) ? "frame" : "line";

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
                      "bad carbon %s (%s): \"%*s\", one of %ui", what,
                      torus_counter_name(reason), len, text,
                      kscf->suppressed);
        kscf->suppressed = 0;
        return;
    }

    ngx_log_error(NGX_LOG_INFO, log, 0, "bad carbon %s (%s): \"%*s\"", what,
                  torus_counter_name(reason), len, text);
}


static ngx_uint_t
ngx_stream_karbon_full(ngx_stream_karbon_worker_t *worker)
{
    return ngx_torus_ingest_full(&worker->ingest) != NULL;
}


/* It is not the client that is idle now. */

static void
ngx_stream_karbon_block(ngx_stream_karbon_ctx_t *ctx)
{
    ngx_connection_t            *c;
    ngx_torus_writer_t          *w;
    ngx_stream_karbon_worker_t  *worker;

    c = ctx->session->connection;
    worker = ctx->worker;

    ngx_log_debug0(NGX_LOG_DEBUG_STREAM, c->log, 0, "stream karbon blocked");

    /* for the status page: whom it waits for, the first if there are more */

    w = ngx_torus_ingest_full(&worker->ingest);

    if (w == NULL) {
        w = worker->ingest.writers[0];
    }

    ctx->waits = w->conf->values;
    ctx->waits[TORUS_HOST_BLOCKED]++;

    ctx->blocked = 1;
    c->log->action = "waiting for redis";

    if (c->read->timer_set && !ctx->lingering) {
        ngx_del_timer(c->read);
    }

    ngx_queue_insert_tail(&worker->blocked, &ctx->queue);
}


static void
ngx_stream_karbon_unblock(ngx_stream_karbon_ctx_t *ctx)
{
    ctx->blocked = 0;
    ctx->waits[TORUS_HOST_BLOCKED]--;

    ngx_queue_remove(&ctx->queue);
}


void
ngx_stream_karbon_resume(ngx_stream_karbon_worker_t *worker)
{
    ngx_queue_t              *q;
    ngx_connection_t         *c;
    ngx_stream_karbon_ctx_t  *ctx;

    while (!ngx_queue_empty(&worker->blocked)) {
        q = ngx_queue_head(&worker->blocked);

        ctx = ngx_queue_data(q, ngx_stream_karbon_ctx_t, queue);
        c = ctx->session->connection;

        ngx_stream_karbon_unblock(ctx);
        c->log->action = "reading carbon lines";

        ngx_post_event(c->read, &ngx_posted_events);
    }
}


/*
 * The session leaves the list at once: with TLS its memory may stay for a
 * while longer.
 */

static void
ngx_stream_karbon_finalize(ngx_stream_karbon_ctx_t *ctx, ngx_uint_t status)
{
    ngx_stream_karbon_cleanup(ctx);

    ngx_stream_finalize_session(ctx->session, status);
}


static void
ngx_stream_karbon_cleanup(void *data)
{
    ngx_stream_karbon_ctx_t *ctx = data;

    if (ctx->blocked) {
        ngx_stream_karbon_unblock(ctx);
    }

    if (ctx->rest != NULL) {
        ngx_free(ctx->rest);
        ctx->rest = NULL;
    }

    if (ctx->pickle) {
        torus_pickle_free(&ctx->in.pickle);

    } else {
        torus_carbon_free(&ctx->in.carbon);
    }
}
