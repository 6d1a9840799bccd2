/*
 * A link: one non-blocking connection of a worker to a Redis host.  nginx
 * owns the socket; what is said on it is the business of the owner above,
 * the writer or the query client.
 *
 *   connect -> on_open .. on_data .. -> close -> on_close -> [retry]
 *
 * The owner appends to link->out and calls ngx_torus_link_send().  After any
 * on_close the link has no socket and no timer of the connection; it connects
 * again only when the owner says so, at once or after a back-off.  A handler
 * may close the link; it must not free it.
 */

#ifndef _NGX_TORUS_LINK_H_INCLUDED_
#define _NGX_TORUS_LINK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include "ngx_torus_turn.h"
#include "torus_buf.h"


typedef struct ngx_torus_link_s  ngx_torus_link_t;


/* From configuration; shared by all links to a host. */
typedef struct {
    ngx_str_t                         name;     /* for the log, no secrets */
    ngx_addr_t                       *addrs;    /* resolved, tried in turn */
    ngx_uint_t                        naddrs;
    ngx_str_t                         host;     /* empty: not by a name */
    in_port_t                         port;
    ngx_resolver_t                   *resolver; /* before each reconnect */
    ngx_msec_t                        resolver_timeout;
    ngx_msec_t                        connect_timeout;
    ngx_msec_t                        timeout;  /* of an unanswered command */
    ngx_msec_t                        retry_min;
    ngx_msec_t                        retry_max;
    size_t                            out_max;  /* bytes of link->out, 0: any */
    unsigned                          keepalive:1;
} ngx_torus_link_conf_t;


typedef struct {
    /* connected; the greeting goes to link->out, NGX_ERROR closes */
    ngx_int_t                       (*on_open)(ngx_torus_link_t *link);

    /* bytes were read; NGX_ERROR closes */
    ngx_int_t                       (*on_data)(ngx_torus_link_t *link,
                                        u_char *data, size_t len);

    /* no connection any more, or none came about; reason is a static text */
    void                            (*on_close)(ngx_torus_link_t *link,
                                        const char *reason);
} ngx_torus_link_handlers_t;


typedef enum {
    NGX_TORUS_LINK_DOWN = 0,
    NGX_TORUS_LINK_BACKOFF,            /* retry timer is armed */
    NGX_TORUS_LINK_CONNECTING,
    NGX_TORUS_LINK_OPEN
} ngx_torus_link_state_e;


struct ngx_torus_link_s {
    /* set by the owner before ngx_torus_link_init() */
    const ngx_torus_link_conf_t      *conf;
    const ngx_torus_link_handlers_t  *handlers;
    void                             *data;
    ngx_log_t                        *log;
    ngx_torus_turns_t                *turns;     /* NULL: not counted */

    /* bytes to send: append, then ngx_torus_link_send() */
    torus_buf_t                       out;

    ngx_torus_link_state_e            state;
    ngx_peer_connection_t             peer;
    ngx_log_t                         clog;      /* the connection's */
    ngx_event_t                       retry;
    ngx_connection_t                  dummy;     /* data of retry */
    ngx_addr_t                       *addrs;     /* conf's or resolved */
    ngx_uint_t                        naddrs;
    ngx_resolver_ctx_t               *resolving;
    ngx_uint_t                        addr;      /* next address to try */
    ngx_uint_t                        tried;     /* in this round */
    ngx_msec_t                        backoff;

    unsigned                          again:1;   /* not the first attempt */
    unsigned                          unnamed:1; /* the log says so */
    unsigned                          hold:1;    /* timers keep the worker */
    unsigned                          worked:1;  /* this connection did */
    unsigned                          quiet:1;   /* the failure was logged */
    unsigned                          stop:1;    /* the worker must leave */
    unsigned                          waits:1;   /* a reply is outstanding */
    unsigned                          busy:1;    /* inside a handler */
    unsigned                          doomed:1;  /* close after the handler */
    const char                       *reason;
};


/* Memory of *link is the owner's, zeroed; no socket yet. */
void ngx_torus_link_init(ngx_torus_link_t *link);

/*
 * Starts connecting now, unless it is; with a resolver the name is looked up
 * first, but for the first time.  Success and failure arrive by on_open and
 * on_close, never before this returns.
 */
void ngx_torus_link_connect(ngx_torus_link_t *link);

/*
 * Connects after the back-off, which grows with each call until
 * ngx_torus_link_works().  hold: see ngx_torus_link_hold().  Does nothing
 * once worker_shutdown_timeout has said that it is enough (link->stop).
 */
void ngx_torus_link_retry(ngx_torus_link_t *link, ngx_uint_t hold);

/*
 * Whether timers of the link, also those that are armed, keep a worker that
 * is leaving; they do until this says otherwise.
 */
void ngx_torus_link_hold(ngx_torus_link_t *link, ngx_uint_t hold);

/* The host answers as it should: the back-off starts small again. */
void ngx_torus_link_works(ngx_torus_link_t *link);

/*
 * Sends what is in link->out, as far as the socket takes it; the rest goes
 * by itself.  A failure closes the link.
 */
void ngx_torus_link_send(ngx_torus_link_t *link);

/*
 * Sends what the socket takes at once, and never closes the link: for one who
 * may not be called back now.  ngx_torus_link_send() must follow in this turn
 * of the event loop, and meets a failure again.
 */
void ngx_torus_link_begin(ngx_torus_link_t *link);

/*
 * waits: at least one reply is outstanding.  Arms the time-out, which keeps
 * a leaving worker, or ends it.  Bytes read prolong it.
 */
void ngx_torus_link_wait(ngx_torus_link_t *link, ngx_uint_t waits);

/*
 * From any state; on_close follows at once unless reason is NULL (silent).
 * Inside a handler the closing happens when the handler has returned.
 */
void ngx_torus_link_close(ngx_torus_link_t *link, const char *reason);

/* Silent close, and frees the buffer. */
void ngx_torus_link_done(ngx_torus_link_t *link);

#define ngx_torus_link_is_open(l)  ((l)->state == NGX_TORUS_LINK_OPEN)


#endif /* _NGX_TORUS_LINK_H_INCLUDED_ */
