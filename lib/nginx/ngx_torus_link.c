/*
 * The life of a connection to Redis.  Every way out of it goes through
 * ngx_torus_link_close(), from any state, which leaves no descriptor, timer
 * or posted event behind.
 */

#include "ngx_torus_link.h"


#define NGX_TORUS_LINK_READ   16384
#define NGX_TORUS_LINK_READS  32                /* in a row, then others */
#define NGX_TORUS_LINK_KEEP   (1024 * 1024)     /* of an empty buffer */
#define NGX_TORUS_LINK_LOOKUP 5000              /* ms, then the old ones */


static ngx_int_t ngx_torus_link_resolve(ngx_torus_link_t *link);
static void ngx_torus_link_resolved(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_torus_link_addrs(ngx_torus_link_t *link,
    ngx_resolver_ctx_t *ctx);
static void ngx_torus_link_free_addrs(ngx_torus_link_t *link);
static void ngx_torus_link_try(ngx_torus_link_t *link);
static ngx_int_t ngx_torus_link_peer(ngx_torus_link_t *link);
static void ngx_torus_link_next(ngx_torus_link_t *link);
static void ngx_torus_link_opened(ngx_torus_link_t *link);
static ngx_int_t ngx_torus_link_test(ngx_torus_link_t *link);
static void ngx_torus_link_release(ngx_torus_link_t *link);
static void ngx_torus_link_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_torus_link_turn(ngx_torus_link_t *link);
static ngx_int_t ngx_torus_link_read(ngx_torus_link_t *link);
static void ngx_torus_link_write_handler(ngx_event_t *wev);
static void ngx_torus_link_retry_handler(ngx_event_t *ev);
static ngx_int_t ngx_torus_link_leave(ngx_torus_link_t *link, ngx_int_t rc,
    const char *reason);
static u_char *ngx_torus_link_log(ngx_log_t *log, u_char *buf, size_t len);


void
ngx_torus_link_init(ngx_torus_link_t *link)
{
    link->state = NGX_TORUS_LINK_DOWN;
    link->backoff = link->conf->retry_min;
    link->hold = 1;
    link->addrs = link->conf->addrs;
    link->naddrs = link->conf->naddrs;

    link->clog = *link->log;
    link->clog.handler = ngx_torus_link_log;
    link->clog.data = link;
    link->clog.action = NULL;

    /* debug logging takes the data of a timer's event for a connection */

    link->dummy.fd = (ngx_socket_t) -1;
    link->dummy.data = link;

    link->retry.data = &link->dummy;
    link->retry.handler = ngx_torus_link_retry_handler;
    link->retry.log = link->log;

    torus_buf_init(&link->out, link->conf->out_max);
}


void
ngx_torus_link_connect(ngx_torus_link_t *link)
{
    if (link->state == NGX_TORUS_LINK_CONNECTING
        || link->state == NGX_TORUS_LINK_OPEN)
    {
        return;
    }

    if (link->retry.timer_set) {
        ngx_del_timer(&link->retry);
    }

    link->tried = 0;
    link->worked = 0;
    link->state = NGX_TORUS_LINK_CONNECTING;

    if (ngx_torus_link_resolve(link) != NGX_OK) {
        ngx_torus_link_try(link);
    }
}


/* NGX_OK: the name is being looked up, and what follows will follow. */
static ngx_int_t
ngx_torus_link_resolve(ngx_torus_link_t *link)
{
    ngx_uint_t                    again;
    ngx_resolver_ctx_t           *ctx;
    const ngx_torus_link_conf_t  *conf;

    conf = link->conf;
    again = link->again;
    link->again = 1;

    if (conf->resolver == NULL
        || conf->host.len == 0
        || (!again && link->naddrs != 0))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_resolve_start(conf->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return NGX_DECLINED;
    }

    ctx->name = conf->host;
    ctx->handler = ngx_torus_link_resolved;
    ctx->data = link;
    ctx->timeout = ngx_min(conf->resolver_timeout, NGX_TORUS_LINK_LOOKUP);
    ctx->cancelable = !link->hold;

    link->resolving = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {

        /* the context is gone */

        link->resolving = NULL;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* May run inside of ngx_resolve_name().  Old addresses are better than none. */
static void
ngx_torus_link_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_torus_link_t  *link;

    link = ctx->data;
    link->resolving = NULL;

    if (ctx->state == NGX_OK && ctx->naddrs != 0) {
        link->unnamed = 0;

        if (ngx_torus_link_addrs(link, ctx) != NGX_OK) {
            ngx_log_error(NGX_LOG_ALERT, link->log, 0,
                          "no memory for the addresses of redis \"%V\"",
                          &link->conf->name);
        }

    } else if (!link->unnamed) {
        link->unnamed = 1;

        ngx_log_error(NGX_LOG_ERR, link->log, 0,
                      "redis host \"%V\" could not be resolved (%i: %s), "
                      "%ui addresses are known", &link->conf->host,
                      ctx->state, ngx_resolver_strerror(ctx->state),
                      link->naddrs);
    }

    ngx_resolve_name_done(ctx);

    ngx_torus_link_try(link);
}


/* Copies, since the context does not last; in one block. */
static ngx_int_t
ngx_torus_link_addrs(ngx_torus_link_t *link, ngx_resolver_ctx_t *ctx)
{
    u_char              *text;
    ngx_uint_t           i, n;
    ngx_addr_t          *addrs;
    ngx_sockaddr_t      *sa;

    n = ctx->naddrs;

    addrs = ngx_alloc(n * (sizeof(ngx_addr_t) + sizeof(ngx_sockaddr_t)
                           + NGX_SOCKADDR_STRLEN), link->log);
    if (addrs == NULL) {
        return NGX_ERROR;
    }

    sa = (ngx_sockaddr_t *) (addrs + n);
    text = (u_char *) (sa + n);

    for (i = 0; i < n; i++) {
        ngx_memcpy(&sa[i], ctx->addrs[i].sockaddr, ctx->addrs[i].socklen);
        ngx_inet_set_port(&sa[i].sockaddr, link->conf->port);

        addrs[i].sockaddr = &sa[i].sockaddr;
        addrs[i].socklen = ctx->addrs[i].socklen;
        addrs[i].name.data = text;
        addrs[i].name.len = ngx_sock_ntop(&sa[i].sockaddr, addrs[i].socklen,
                                          text, NGX_SOCKADDR_STRLEN, 1);
        text += NGX_SOCKADDR_STRLEN;
    }

    ngx_torus_link_free_addrs(link);

    link->addrs = addrs;
    link->naddrs = n;
    link->addr = 0;

    return NGX_OK;
}


static void
ngx_torus_link_free_addrs(ngx_torus_link_t *link)
{
    if (link->addrs != link->conf->addrs) {
        ngx_free(link->addrs);
    }

    link->addrs = link->conf->addrs;
    link->naddrs = link->conf->naddrs;
    link->addr = 0;
}


/* The next address that takes a connection, or a failure after the last. */
static void
ngx_torus_link_try(ngx_torus_link_t *link)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    while (link->tried < link->naddrs) {

        link->tried++;
        rc = ngx_torus_link_peer(link);

        if (rc != NGX_OK && rc != NGX_AGAIN) {
            link->quiet = 1;
            ngx_torus_link_next(link);
            continue;
        }

        c = link->peer.connection;

        c->data = link;
        c->read->handler = ngx_torus_link_read_handler;
        c->write->handler = ngx_torus_link_write_handler;
        c->write->cancelable = !link->hold;

        link->clog.connection = c->number;

        ngx_add_timer(c->write, link->conf->connect_timeout);

        if (rc == NGX_OK) {
            ngx_post_event(c->write, &ngx_posted_events);
        }

        return;
    }

    ngx_post_event(&link->retry, &ngx_posted_events);
}


/* A failure is logged when the host goes down, not at each attempt. */
static ngx_int_t
ngx_torus_link_peer(ngx_torus_link_t *link)
{
    ngx_int_t               rc;
    ngx_uint_t              level;
    ngx_addr_t             *addr;
    ngx_peer_connection_t  *pc;

    addr = &link->addrs[link->addr];
    pc = &link->peer;

    ngx_memzero(pc, sizeof(ngx_peer_connection_t));

    pc->sockaddr = addr->sockaddr;
    pc->socklen = addr->socklen;
    pc->name = &addr->name;
    pc->get = ngx_event_get_peer;
    pc->log = &link->clog;
    pc->log_error = NGX_ERROR_ERR;
    pc->so_keepalive = link->conf->keepalive;

    level = link->clog.log_level;
    link->clog.action = "connecting to redis";

    if (link->quiet && !(level & NGX_LOG_DEBUG_ALL)) {
        link->clog.log_level = ngx_min(level, NGX_LOG_ALERT);
    }

    rc = ngx_event_connect_peer(pc);

    link->clog.log_level = level;

    return rc;
}


static void
ngx_torus_link_next(ngx_torus_link_t *link)
{
    if (link->naddrs != 0) {
        link->addr = (link->addr + 1) % link->naddrs;
    }
}


static void
ngx_torus_link_write_handler(ngx_event_t *wev)
{
    ngx_connection_t  *c;
    ngx_torus_link_t  *link;

    c = wev->data;
    link = c->data;

    if (link->state == NGX_TORUS_LINK_OPEN) {
        ngx_torus_link_send(link);
        return;
    }

    if (wev->timedout) {
        wev->timedout = 0;

        if (!link->quiet) {
            ngx_log_error(NGX_LOG_ERR, c->log, NGX_ETIMEDOUT,
                          "connect() to %V failed", link->peer.name);
        }

    } else if (ngx_torus_link_test(link) == NGX_OK) {
        ngx_torus_link_opened(link);
        return;
    }

    link->quiet = 1;

    ngx_torus_link_release(link);
    ngx_torus_link_next(link);
    ngx_torus_link_try(link);
}


static ngx_int_t
ngx_torus_link_test(ngx_torus_link_t *link)
{
    int                err;
    socklen_t          len;
    ngx_connection_t  *c;

    err = 0;
    len = sizeof(int);
    c = link->peer.connection;

    /* Solaris returns -1 and sets errno */

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err == 0) {
        return NGX_OK;
    }

    if (!link->quiet) {
        ngx_log_error(NGX_LOG_ERR, c->log, err, "connect() to %V failed",
                      link->peer.name);
    }

    return NGX_ERROR;
}


static void
ngx_torus_link_opened(ngx_torus_link_t *link)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = link->peer.connection;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    link->state = NGX_TORUS_LINK_OPEN;
    link->clog.action = "talking to redis";

    torus_buf_reset(&link->out, NGX_TORUS_LINK_KEEP);

    if (ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_torus_link_close(link, "setting TCP_NODELAY failed");
        return;
    }

    link->busy = 1;
    rc = link->handlers->on_open(link);
    link->busy = 0;

    if (ngx_torus_link_leave(link, rc, "out of memory") != NGX_OK) {
        return;
    }

    ngx_torus_link_send(link);

    /* bytes may be there already, and with edges that is told only once */

    if (link->state == NGX_TORUS_LINK_OPEN) {
        c = link->peer.connection;

        if (c->read->ready) {
            ngx_post_event(c->read, &ngx_posted_events);

        } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
            ngx_torus_link_close(link, "adding an event failed");
        }
    }
}


/* After a handler: what it could not do itself.  NGX_OK: still open. */
static ngx_int_t
ngx_torus_link_leave(ngx_torus_link_t *link, ngx_int_t rc, const char *reason)
{
    if (link->doomed) {
        link->doomed = 0;
        ngx_torus_link_close(link, link->reason);
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_torus_link_close(link, reason);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_torus_link_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;
    ngx_torus_link_t  *link;

    c = rev->data;
    link = c->data;

    if (c->close) {

        /* worker_shutdown_timeout */

        link->stop = 1;
        ngx_torus_link_close(link, "the worker has to leave");
        return;
    }

    if (link->state != NGX_TORUS_LINK_OPEN) {

        /* an error on the way is told to the write handler, too */

        return;
    }

    if (rev->timedout) {
        rev->timedout = 0;
        ngx_torus_link_close(link, "no reply in time");
        return;
    }

    if (ngx_torus_link_turn(link) != NGX_OK) {
        return;
    }

    if (link->waits) {
        ngx_add_timer(rev, link->conf->timeout);
    }
}


/* As read(); the owner is not freed by what it is told. */
static ngx_int_t
ngx_torus_link_turn(ngx_torus_link_t *link)
{
    ngx_int_t  rc;

    if (link->turns == NULL) {
        return ngx_torus_link_read(link);
    }

    ngx_torus_turn_begin(link->turns);

    rc = ngx_torus_link_read(link);

    ngx_torus_turn_end(link->turns, TORUS_TURN_REDIS, link->log);

    return rc;
}


/* NGX_OK: the link is still open. */
static ngx_int_t
ngx_torus_link_read(ngx_torus_link_t *link)
{
    u_char             buf[NGX_TORUS_LINK_READ];
    ssize_t            n;
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = link->peer.connection;
    rev = c->read;

    for (i = 0; i < NGX_TORUS_LINK_READS; i++) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_torus_link_close(link, "adding an event failed");
                return NGX_ERROR;
            }

            return NGX_OK;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_torus_link_close(link, n == 0 ? "closed by redis"
                                              : "reading failed");
            return NGX_ERROR;
        }

        link->busy = 1;
        rc = link->handlers->on_data(link, buf, (size_t) n);
        link->busy = 0;

        if (ngx_torus_link_leave(link, rc, "left for its answer") != NGX_OK) {
            return NGX_ERROR;
        }

        if (!rev->ready) {

            /* less came than was asked for: with edges that was all */

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_torus_link_close(link, "adding an event failed");
                return NGX_ERROR;
            }

            return NGX_OK;
        }

        /* what these replies led to, for redis to do while more are read */

        if (torus_buf_len(&link->out) != 0) {
            ngx_torus_link_send(link);

            if (link->state != NGX_TORUS_LINK_OPEN) {
                return NGX_ERROR;
            }
        }

        if (link->turns != NULL && ngx_torus_turn_over(link->turns)) {
            break;
        }
    }

    /* not ngx_posted_events, which are run until there are none */

    ngx_post_event(rev, &ngx_posted_next_events);

    return NGX_OK;
}


void
ngx_torus_link_send(ngx_torus_link_t *link)
{
    ssize_t            n;
    ngx_event_t       *wev;
    ngx_connection_t  *c;

    if (link->state != NGX_TORUS_LINK_OPEN || link->doomed) {
        return;
    }

    c = link->peer.connection;
    wev = c->write;

    while (torus_buf_len(&link->out) != 0 && wev->ready) {

        n = c->send(c, link->out.pos, torus_buf_len(&link->out));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_torus_link_close(link, "sending failed");
            return;
        }

        link->out.pos += n;
    }

    if (torus_buf_len(&link->out) == 0) {
        torus_buf_reset(&link->out, NGX_TORUS_LINK_KEEP);
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_torus_link_close(link, "adding an event failed");
    }
}


void
ngx_torus_link_begin(ngx_torus_link_t *link)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = link->peer.connection;

    if (!ngx_torus_link_is_open(link) || link->doomed || !c->write->ready) {
        return;
    }

    n = c->send(c, link->out.pos, torus_buf_len(&link->out));

    if (n > 0) {
        link->out.pos += n;
    }
}


void
ngx_torus_link_wait(ngx_torus_link_t *link, ngx_uint_t waits)
{
    ngx_event_t  *rev;

    if (link->state != NGX_TORUS_LINK_OPEN || link->doomed) {
        return;
    }

    rev = link->peer.connection->read;
    rev->cancelable = !link->hold;

    if (waits) {
        if (!link->waits || !rev->timer_set) {
            ngx_add_timer(rev, link->conf->timeout);
        }

    } else if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    link->waits = (waits != 0);
}


void
ngx_torus_link_hold(ngx_torus_link_t *link, ngx_uint_t hold)
{
    ngx_connection_t  *c;

    link->hold = (hold != 0);
    link->retry.cancelable = !link->hold;

    c = link->peer.connection;

    if (c != NULL) {
        c->read->cancelable = !link->hold;
        c->write->cancelable = !link->hold;
    }

    if (link->resolving != NULL && link->resolving->event != NULL) {
        link->resolving->event->cancelable = !link->hold;
    }
}


void
ngx_torus_link_works(ngx_torus_link_t *link)
{
    link->backoff = link->conf->retry_min;
    link->worked = 1;
    link->quiet = 0;
}


/* The jitter keeps the workers of a machine from coming all at once. */
void
ngx_torus_link_retry(ngx_torus_link_t *link, ngx_uint_t hold)
{
    ngx_msec_t  delay;

    if (link->state != NGX_TORUS_LINK_DOWN || link->stop) {
        return;
    }

    delay = link->backoff / 2;
    delay += (ngx_msec_t) ngx_random() % (delay + 1);

    link->backoff = ngx_min(link->backoff * 2, link->conf->retry_max);
    link->state = NGX_TORUS_LINK_BACKOFF;

    ngx_torus_link_hold(link, hold);
    ngx_add_timer(&link->retry, delay);
}


/* As a timer: connect; as a posted event: no address took a connection. */
static void
ngx_torus_link_retry_handler(ngx_event_t *ev)
{
    ngx_connection_t  *dummy;
    ngx_torus_link_t  *link;

    dummy = ev->data;
    link = dummy->data;

    if (link->state == NGX_TORUS_LINK_BACKOFF) {
        ev->timedout = 0;
        ngx_torus_link_connect(link);
        return;
    }

    ngx_torus_link_close(link, "no connection");
}


void
ngx_torus_link_close(ngx_torus_link_t *link, const char *reason)
{
    ngx_torus_link_state_e  state;

    if (link->busy) {
        link->doomed = 1;
        link->reason = reason;
        return;
    }

    state = link->state;

    ngx_torus_link_release(link);

    link->state = NGX_TORUS_LINK_DOWN;

    if (state == NGX_TORUS_LINK_OPEN && !link->worked) {
        ngx_torus_link_next(link);
    }

    if (reason != NULL && state != NGX_TORUS_LINK_DOWN) {
        link->handlers->on_close(link, reason);
    }
}


static void
ngx_torus_link_release(ngx_torus_link_t *link)
{
    if (link->resolving != NULL) {
        ngx_resolve_name_done(link->resolving);
        link->resolving = NULL;
    }

    if (link->peer.connection != NULL) {
        ngx_close_connection(link->peer.connection);
        link->peer.connection = NULL;
    }

    if (link->retry.timer_set) {
        ngx_del_timer(&link->retry);
    }

    if (link->retry.posted) {
        ngx_delete_posted_event(&link->retry);
    }

    link->doomed = 0;
    link->waits = 0;

    torus_buf_reset(&link->out, NGX_TORUS_LINK_KEEP);
}


void
ngx_torus_link_done(ngx_torus_link_t *link)
{
    link->busy = 0;

    ngx_torus_link_close(link, NULL);
    ngx_torus_link_free_addrs(link);
    torus_buf_free(&link->out);
}


static u_char *
ngx_torus_link_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char            *p;
    ngx_torus_link_t  *link;

    p = buf;
    link = log->data;

    if (log->action) {
        p = ngx_snprintf(p, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    return ngx_snprintf(buf, len, ", redis: \"%V\"", &link->conf->name);
}
