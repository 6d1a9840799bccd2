/*
 * The query side's Redis client: a few pipelined connections per worker
 * process and host, shared by all requests of the worker.
 *
 *   request -> ngx_torus_client_send() -> group .. replies -> handlers
 *
 * A group is a run of commands whose replies belong to one request.  Groups
 * are answered in the order of their sending.  The request may go away at
 * any time: it detaches from its groups, whose replies then still come and
 * find nobody.
 *
 * Connections are made when a request needs one.  While Redis is unreachable
 * a request waits for the attempt that is under way, or is refused at once
 * when one has just failed.
 */

#ifndef _NGX_TORUS_CLIENT_H_INCLUDED_
#define _NGX_TORUS_CLIENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <hiredis/hiredis.h>

#include "ngx_torus_conf.h"
#include "ngx_torus_link.h"


typedef struct ngx_torus_clients_s  ngx_torus_clients_t;
typedef struct ngx_torus_group_s    ngx_torus_group_t;


typedef enum {
    NGX_TORUS_CLIENT_UNREACHABLE = 0,  /* no connection, or it broke */
    NGX_TORUS_CLIENT_TIMEOUT,          /* connected, but no reply in time */
    NGX_TORUS_CLIENT_BUSY              /* too much is waiting already */
} ngx_torus_client_error_e;


/* Both run from the event loop, never from inside ngx_torus_client_send(). */
typedef struct {
    /* a reply, freed on return; it was the last one when left is 0 */
    void               (*reply)(ngx_torus_group_t *group,
                           const redisReply *reply);

    /* the replies that are left will not come; the group ends on return */
    void               (*fail)(ngx_torus_group_t *group,
                           ngx_torus_client_error_e error);
} ngx_torus_group_handlers_t;


/*
 * Belongs to the client, which frees it after the last reply or fail(), or
 * when all clients are destroyed; then it also leaves its owner's queue.
 */
struct ngx_torus_group_s {
    ngx_queue_t                        queue;    /* the connection's FIFO */
    ngx_queue_t                        owner;    /* the request's groups */
    const torus_host_t                *host;
    void                              *conn;     /* the client's own */
    size_t                             left;     /* replies to come */
    const ngx_torus_group_handlers_t  *handlers;
    void                              *data;     /* NULL: nobody is there */
};


/*
 * conf and turns outlive the clients; connections: per host; reply_max: bytes
 * of one reply.  NULL when out of memory.  No connection is made yet.
 */
ngx_torus_clients_t *ngx_torus_clients_create(const ngx_torus_conf_t *conf,
    ngx_uint_t connections, size_t reply_max, ngx_torus_turns_t *turns,
    ngx_log_t *log);

/* Closes all connections; handlers are not called any more. */
void ngx_torus_clients_destroy(ngx_torus_clients_t *clients);

/*
 * Queues the commands in bytes, which are copied, and puts the group into
 * the owner's queue.  NGX_ERROR: refused, *error says why.  What an owner
 * sends to a host that owes it replies goes behind those, on the connection
 * that they come by: so all replies of a host to an owner come in order.
 */
ngx_int_t ngx_torus_client_send(ngx_torus_clients_t *clients,
    const torus_host_t *host, torus_str_t bytes, size_t replies,
    const ngx_torus_group_handlers_t *handlers, void *data,
    ngx_queue_t *owner, ngx_torus_client_error_e *error);

/* Detaches the owner from all groups in its queue, which is empty then. */
void ngx_torus_client_detach(ngx_queue_t *owner);


#endif /* _NGX_TORUS_CLIENT_H_INCLUDED_ */
