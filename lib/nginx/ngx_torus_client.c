/*
 * The query client.  A connection is a link, a reader and a FIFO of groups:
 *
 *   send():     commands -> link.out, or -> waiting while there is no link
 *   flush:      at the end of the turn connects, or sends link.out
 *   on_open:    greeting -> link.out, then what has been waiting
 *   on_data:    bytes -> reader -> replies -> the group at the FIFO's head
 *   on_close:   every group fails
 *
 * send() never fails late inside itself: connecting and sending are left to
 * an event posted for the end of the turn.  So a request is never finalized
 * under the feet of the function that is sending for it, and the commands of
 * many requests leave in one write.
 *
 * An ordinary timer runs while replies are outstanding (the link's), none
 * while nothing is: a leaving worker waits for the former only.
 */

#include "ngx_torus_client.h"
#include "torus_object.h"
#include "torus_redis.h"


/* How long requests are refused after a failed attempt to connect. */
#define NGX_TORUS_CLIENT_BACKOFF_MIN  100
#define NGX_TORUS_CLIENT_BACKOFF_MAX  1000

/* The link's reason when a reply is late; all others mean: unreachable. */
#define NGX_TORUS_CLIENT_NO_REPLY     "no reply in time"

/* Room in a send buffer for the greeting, beyond what requests may fill. */
#define NGX_TORUS_CLIENT_GREETING     (64 * 1024)

/*
 * Bytes given to a reader at once: after each reply it moves what it has not
 * read yet to the front.
 */
#define NGX_TORUS_CLIENT_FEED         4096

/* Memory that an idle connection keeps. */
#define NGX_TORUS_CLIENT_KEEP         (64 * 1024)


typedef struct ngx_torus_client_host_s  ngx_torus_client_host_t;


typedef struct {
    ngx_torus_link_t            link;
    ngx_torus_client_host_t    *host;

    redisReader                *reader;
    torus_arena_t              *replies_in;  /* what it is reading */
    size_t                      partial;     /* bytes of an unfinished reply */

    size_t                      greeting;    /* replies it expects */
    size_t                      greeted;     /* replies it has had */

    ngx_queue_t                 groups;      /* oldest first */
    size_t                      replies;     /* to come, of all groups */
    torus_buf_t                 waiting;     /* until the link is open */

    ngx_event_t                 flush;
} ngx_torus_client_conn_t;


struct ngx_torus_client_host_s {
    ngx_torus_clients_t        *clients;
    const torus_host_t         *host;
    ngx_torus_link_conf_t       conf;

    ngx_torus_client_conn_t    *conns;
    ngx_uint_t                  nconns;

    size_t                      max;         /* bytes not sent, each */
    ngx_msec_t                  backoff;
    ngx_msec_t                  refused;     /* when connecting failed */
    unsigned                    down:1;      /* and the log says so */
};


struct ngx_torus_clients_s {
    ngx_pool_t                 *pool;
    ngx_log_t                  *log;
    ngx_torus_turns_t          *turns;
    ngx_torus_client_host_t    *hosts;
    ngx_uint_t                  nhosts;
    size_t                      reply_max;
    ngx_queue_t                 free;        /* groups to use again */
};


static ngx_int_t ngx_torus_client_init_host(ngx_torus_clients_t *clients,
    ngx_torus_client_host_t *host, const ngx_torus_conf_t *conf,
    const ngx_torus_host_t *resolved, ngx_uint_t connections);
static ngx_torus_client_conn_t *ngx_torus_client_same(ngx_queue_t *owner,
    const torus_host_t *host);
static ngx_torus_client_conn_t *ngx_torus_client_pick(
    ngx_torus_client_host_t *host);
static ngx_torus_group_t *ngx_torus_client_group(ngx_torus_clients_t *clients);
static ngx_uint_t ngx_torus_client_refuses(ngx_torus_client_host_t *host,
    ngx_torus_client_conn_t *conn);
static void ngx_torus_client_flush(ngx_event_t *ev);
static ngx_int_t ngx_torus_client_open(ngx_torus_link_t *link);
static ngx_int_t ngx_torus_client_data(ngx_torus_link_t *link, u_char *data,
    size_t len);
static ngx_int_t ngx_torus_client_feed(ngx_torus_client_conn_t *conn,
    u_char *data, size_t len);
static void ngx_torus_client_too_large(ngx_torus_client_conn_t *conn);
static ngx_int_t ngx_torus_client_reply(ngx_torus_client_conn_t *conn,
    const redisReply *reply);
static ngx_int_t ngx_torus_client_greeted(ngx_torus_client_conn_t *conn,
    const redisReply *reply);
static void ngx_torus_client_works(ngx_torus_client_conn_t *conn);
static void ngx_torus_client_close(ngx_torus_link_t *link,
    const char *reason);
static void ngx_torus_client_closed(ngx_torus_client_conn_t *conn,
    const char *reason, ngx_uint_t was_open);
static void ngx_torus_group_end(ngx_torus_clients_t *clients,
    ngx_torus_group_t *group);


static const ngx_torus_link_handlers_t  ngx_torus_client_handlers = {
    ngx_torus_client_open,
    ngx_torus_client_data,
    ngx_torus_client_close
};


static const ngx_str_t  ngx_torus_client_name = ngx_string("torus-query");


ngx_torus_clients_t *
ngx_torus_clients_create(const ngx_torus_conf_t *conf, ngx_uint_t connections,
    size_t reply_max, ngx_torus_turns_t *turns, ngx_log_t *log)
{
    ngx_uint_t            i;
    ngx_pool_t           *pool;
    ngx_torus_clients_t  *clients;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (pool == NULL) {
        return NULL;
    }

    clients = ngx_pcalloc(pool, sizeof(ngx_torus_clients_t));
    if (clients == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    clients->pool = pool;
    clients->log = log;
    clients->turns = turns;
    clients->reply_max = reply_max;

    ngx_queue_init(&clients->free);

    clients->hosts = ngx_pcalloc(pool, conf->set->nhosts
                                       * sizeof(ngx_torus_client_host_t));
    if (clients->hosts == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    for (i = 0; i < conf->set->nhosts; i++) {
        if (ngx_torus_client_init_host(clients, &clients->hosts[i], conf,
                                       &conf->hosts[i], connections)
            != NGX_OK)
        {
            ngx_torus_clients_destroy(clients);
            return NULL;
        }

        clients->nhosts++;
    }

    return clients;
}


static ngx_int_t
ngx_torus_client_init_host(ngx_torus_clients_t *clients,
    ngx_torus_client_host_t *host, const ngx_torus_conf_t *conf,
    const ngx_torus_host_t *resolved, ngx_uint_t connections)
{
    ngx_uint_t                i;
    ngx_torus_client_conn_t  *conn;

    host->clients = clients;
    host->host = resolved->host;
    host->max = conf->queue;

    host->conf = resolved->link;
    host->conf.retry_min = NGX_TORUS_CLIENT_BACKOFF_MIN;
    host->conf.retry_max = NGX_TORUS_CLIENT_BACKOFF_MAX;
    host->conf.out_max = conf->queue + NGX_TORUS_CLIENT_GREETING;

    host->conns = ngx_pcalloc(clients->pool,
                              connections * sizeof(ngx_torus_client_conn_t));
    if (host->conns == NULL) {
        return NGX_ERROR;
    }

    host->nconns = connections;

    for (i = 0; i < connections; i++) {
        conn = &host->conns[i];

        conn->host = host;
        ngx_queue_init(&conn->groups);
        torus_buf_init(&conn->waiting, conf->queue);

        conn->flush.data = conn;
        conn->flush.handler = ngx_torus_client_flush;
        conn->flush.log = clients->log;

        conn->link.conf = &host->conf;
        conn->link.handlers = &ngx_torus_client_handlers;
        conn->link.data = conn;
        conn->link.log = clients->log;
        conn->link.turns = clients->turns;

        ngx_torus_link_init(&conn->link);
    }

    return NGX_OK;
}


void
ngx_torus_clients_destroy(ngx_torus_clients_t *clients)
{
    ngx_uint_t                i, j;
    ngx_queue_t              *q;
    ngx_torus_group_t        *group;
    ngx_torus_client_conn_t  *conn;

    for (i = 0; i < clients->nhosts; i++) {
        for (j = 0; j < clients->hosts[i].nconns; j++) {
            conn = &clients->hosts[i].conns[j];

            ngx_torus_link_done(&conn->link);

            if (conn->flush.posted) {
                ngx_delete_posted_event(&conn->flush);
            }

            if (conn->reader != NULL) {
                redisReaderFree(conn->reader);
            }

            if (conn->replies_in != NULL) {
                torus_arena_destroy(conn->replies_in);
            }

            torus_buf_free(&conn->waiting);

            while (!ngx_queue_empty(&conn->groups)) {
                q = ngx_queue_head(&conn->groups);
                group = ngx_queue_data(q, ngx_torus_group_t, queue);

                ngx_queue_remove(q);

                if (group->data != NULL) {
                    ngx_queue_remove(&group->owner);
                }

                ngx_torus_group_end(clients, group);
            }
        }
    }

    while (!ngx_queue_empty(&clients->free)) {
        q = ngx_queue_head(&clients->free);

        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_torus_group_t, queue));
    }

    ngx_destroy_pool(clients->pool);
}


ngx_int_t
ngx_torus_client_send(ngx_torus_clients_t *clients, const torus_host_t *host,
    torus_str_t bytes, size_t replies,
    const ngx_torus_group_handlers_t *handlers, void *data,
    ngx_queue_t *owner, ngx_torus_client_error_e *error)
{
    torus_buf_t              *b;
    ngx_torus_group_t        *group;
    ngx_torus_client_conn_t  *conn;

    conn = ngx_torus_client_same(owner, host);

    if (conn == NULL) {
        conn = ngx_torus_client_pick(&clients->hosts[host->index]);
    }

    if (conn == NULL) {
        *error = NGX_TORUS_CLIENT_UNREACHABLE;
        return NGX_ERROR;
    }

    /* the bound is checked here: an append that fails spoils the buffer */

    b = ngx_torus_link_is_open(&conn->link) ? &conn->link.out : &conn->waiting;

    *error = NGX_TORUS_CLIENT_BUSY;

    if (torus_buf_len(b) + bytes.len > conn->host->max) {
        return NGX_ERROR;
    }

    group = ngx_torus_client_group(clients);
    if (group == NULL) {
        return NGX_ERROR;
    }

    if (!conn->flush.posted) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }

    if (torus_buf_add(b, bytes.data, bytes.len) != TORUS_OK) {
        ngx_torus_group_end(clients, group);
        return NGX_ERROR;
    }

    group->host = host;
    group->conn = conn;
    group->left = replies;
    group->handlers = handlers;
    group->data = data;

    ngx_queue_insert_tail(&conn->groups, &group->queue);
    ngx_queue_insert_tail(owner, &group->owner);

    if (conn->replies == 0) {

        /* redis has nothing to do: what else this turn brings may follow */

        ngx_torus_link_begin(&conn->link);
    }

    conn->replies += replies;

    return NGX_OK;
}


void
ngx_torus_client_detach(ngx_queue_t *owner)
{
    ngx_queue_t        *q;
    ngx_torus_group_t  *group;

    while (!ngx_queue_empty(owner)) {
        q = ngx_queue_head(owner);
        group = ngx_queue_data(q, ngx_torus_group_t, owner);

        ngx_queue_remove(q);
        group->data = NULL;
    }
}


/* The connection by which the host owes the owner replies, if it does. */

static ngx_torus_client_conn_t *
ngx_torus_client_same(ngx_queue_t *owner, const torus_host_t *host)
{
    ngx_queue_t        *q;
    ngx_torus_group_t  *group;

    for (q = ngx_queue_head(owner);
         q != ngx_queue_sentinel(owner);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_torus_group_t, owner);

        if (group->host == host) {
            return group->conn;
        }
    }

    return NULL;
}


/*
 * An idle open connection; else the one with the fewest replies to come, so
 * that a second is only opened when the first is busy.
 */

static ngx_torus_client_conn_t *
ngx_torus_client_pick(ngx_torus_client_host_t *host)
{
    ngx_uint_t                i;
    ngx_torus_client_conn_t  *conn, *best;

    best = NULL;

    for (i = 0; i < host->nconns; i++) {
        conn = &host->conns[i];

        if (ngx_torus_client_refuses(host, conn)) {
            continue;
        }

        if (ngx_torus_link_is_open(&conn->link) && conn->replies == 0) {
            return conn;
        }

        if (best == NULL || conn->replies < best->replies) {
            best = conn;
        }
    }

    return best;
}


/* Nothing to be hoped for: it is not connected, and has just failed to. */

static ngx_uint_t
ngx_torus_client_refuses(ngx_torus_client_host_t *host,
    ngx_torus_client_conn_t *conn)
{
    if (conn->link.state != NGX_TORUS_LINK_DOWN
        || !ngx_queue_empty(&conn->groups)
        || host->backoff == 0)
    {
        return 0;
    }

    return ngx_current_msec - host->refused < host->backoff;
}


static ngx_torus_group_t *
ngx_torus_client_group(ngx_torus_clients_t *clients)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&clients->free)) {
        return ngx_alloc(sizeof(ngx_torus_group_t), clients->log);
    }

    q = ngx_queue_head(&clients->free);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_torus_group_t, queue);
}


/* It is in no queue any more. */

static void
ngx_torus_group_end(ngx_torus_clients_t *clients, ngx_torus_group_t *group)
{
    group->data = NULL;

    ngx_queue_insert_head(&clients->free, &group->queue);
}


static void
ngx_torus_client_flush(ngx_event_t *ev)
{
    ngx_torus_link_t         *link;
    ngx_torus_client_conn_t  *conn;

    conn = ev->data;
    link = &conn->link;

    if (conn->waiting.failed || link->out.failed) {

        if (link->state == NGX_TORUS_LINK_DOWN) {
            ngx_torus_client_close(link, "out of memory");

        } else {
            ngx_torus_link_close(link, "out of memory");
        }

        return;
    }

    if (ngx_torus_link_is_open(link)) {
        if (!link->waits && conn->replies) {
            ngx_torus_link_wait(link, 1);
        }

        ngx_torus_link_send(link);
        return;
    }

    if (!ngx_queue_empty(&conn->groups)) {
        ngx_torus_link_connect(link);
    }
}


/*
 * The commands go right behind the greeting: should it be refused, that is
 * the first reply, and closes the connection before any other is given out.
 */

static ngx_int_t
ngx_torus_client_open(ngx_torus_link_t *link)
{
    torus_str_t               name;
    ngx_torus_client_conn_t  *conn;

    conn = link->data;

    if (conn->replies_in == NULL) {
        conn->replies_in = torus_arena_create(NGX_TORUS_CLIENT_KEEP,
                                              conn->host->clients->reply_max);
        if (conn->replies_in == NULL) {
            return NGX_ERROR;
        }
    }

    torus_arena_reset(conn->replies_in);

    conn->reader = torus_object_reader(conn->replies_in);
    if (conn->reader == NULL) {
        return NGX_ERROR;
    }

    conn->partial = 0;
    conn->greeted = 0;

    name = torus_str(ngx_torus_client_name.data, ngx_torus_client_name.len);

    if (torus_redis_greeting(conn->host->host, name, &link->out,
                             &conn->greeting)
        != TORUS_OK)
    {
        return NGX_ERROR;
    }

    if (torus_buf_add(&link->out, conn->waiting.pos,
                      torus_buf_len(&conn->waiting))
        != TORUS_OK)
    {
        return NGX_ERROR;
    }

    torus_buf_reset(&conn->waiting, 0);

    ngx_torus_link_wait(link, 1);

    if (!conn->flush.posted) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_torus_client_data(ngx_torus_link_t *link, u_char *data, size_t len)
{
    size_t                    n;
    ngx_torus_client_conn_t  *conn;

    conn = link->data;

    for ( /* void */ ; len; data += n, len -= n) {
        n = ngx_min(len, NGX_TORUS_CLIENT_FEED);

        if (ngx_torus_client_feed(conn, data, n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (conn->partial > conn->host->clients->reply_max) {
        ngx_torus_client_too_large(conn);
        return NGX_ERROR;
    }

    if (conn->replies == 0 && conn->greeted == conn->greeting) {
        ngx_torus_link_wait(link, 0);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_torus_client_feed(ngx_torus_client_conn_t *conn, u_char *data, size_t len)
{
    ngx_int_t    rc;
    redisReply  *reply;

    if (redisReaderFeed(conn->reader, (char *) data, len) != REDIS_OK) {
        goto invalid;
    }

    conn->partial += len;

    for ( ;; ) {
        reply = NULL;

        if (redisReaderGetReply(conn->reader, (void **) &reply) != REDIS_OK) {
            goto invalid;
        }

        if (reply == NULL) {
            return NGX_OK;
        }

        rc = ngx_torus_client_reply(conn, reply);

        torus_arena_reset(conn->replies_in);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        conn->partial = conn->reader->len - conn->reader->pos;
    }

invalid:

    if (conn->reader->err == REDIS_ERR_OOM) {
        ngx_torus_client_too_large(conn);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_ERR, conn->link.log, 0,
                  "redis \"%V\" sent an invalid reply: %s",
                  &conn->link.conf->name, conn->reader->errstr);

    return NGX_ERROR;
}


/* As it comes, or as it is kept: more than a string, for each of many. */

static void
ngx_torus_client_too_large(ngx_torus_client_conn_t *conn)
{
    ngx_log_error(NGX_LOG_ERR, conn->link.log, 0,
                  "redis \"%V\" sent a reply of more than %uz bytes",
                  &conn->link.conf->name, conn->host->clients->reply_max);
}


static ngx_int_t
ngx_torus_client_reply(ngx_torus_client_conn_t *conn, const redisReply *reply)
{
    ngx_queue_t          *q;
    ngx_torus_group_t    *group;
    ngx_torus_clients_t  *clients;

    if (conn->greeted < conn->greeting) {
        return ngx_torus_client_greeted(conn, reply);
    }

    if (ngx_queue_empty(&conn->groups)) {
        ngx_log_error(NGX_LOG_ERR, conn->link.log, 0,
                      "redis \"%V\" sent a reply nobody waits for",
                      &conn->link.conf->name);
        return NGX_ERROR;
    }

    clients = conn->host->clients;

    q = ngx_queue_head(&conn->groups);
    group = ngx_queue_data(q, ngx_torus_group_t, queue);

    group->left--;
    conn->replies--;

    if (group->left) {
        if (group->data != NULL) {
            group->handlers->reply(group, reply);
        }

        return NGX_OK;
    }

    /* out of both queues first: the handler may send, detach, finalize */

    ngx_queue_remove(q);

    if (group->data != NULL) {
        ngx_queue_remove(&group->owner);
        group->handlers->reply(group, reply);
    }

    ngx_torus_group_end(clients, group);

    return NGX_OK;
}


static ngx_int_t
ngx_torus_client_greeted(ngx_torus_client_conn_t *conn,
    const redisReply *reply)
{
    int            is_error;
    torus_str_t    text;
    torus_error_t  err;

    is_error = (reply->type == REDIS_REPLY_ERROR);
    text = is_error ? torus_str(reply->str, reply->len) : torus_str(NULL, 0);

    if (torus_redis_greeting_check(conn->host->host, conn->greeted, is_error,
                                   text, &err)
        != TORUS_OK)
    {
        ngx_log_error(NGX_LOG_ERR, conn->link.log, 0, "%s", err.text);
        return NGX_ERROR;
    }

    conn->greeted++;

    if (conn->greeted == conn->greeting) {
        ngx_torus_client_works(conn);
    }

    return NGX_OK;
}


static void
ngx_torus_client_works(ngx_torus_client_conn_t *conn)
{
    ngx_torus_client_host_t  *host;

    host = conn->host;
    host->backoff = 0;

    ngx_torus_link_works(&conn->link);

    if (host->down) {
        host->down = 0;

        ngx_log_error(NGX_LOG_NOTICE, conn->link.log, 0,
                      "redis \"%V\" answers queries again", &host->conf.name);
    }
}


static void
ngx_torus_client_close(ngx_torus_link_t *link, const char *reason)
{
    ngx_uint_t                was_open;
    ngx_queue_t              *q, failed;
    ngx_torus_group_t        *group;
    ngx_torus_client_conn_t  *conn;
    ngx_torus_client_error_e  error;

    conn = link->data;

    was_open = (conn->reader != NULL);

    error = ngx_strcmp(reason, NGX_TORUS_CLIENT_NO_REPLY) == 0
            ? NGX_TORUS_CLIENT_TIMEOUT : NGX_TORUS_CLIENT_UNREACHABLE;

    ngx_torus_client_closed(conn, reason, was_open);

    ngx_queue_init(&failed);

    if (!ngx_queue_empty(&conn->groups)) {
        ngx_queue_add(&failed, &conn->groups);
        ngx_queue_init(&conn->groups);
    }

    /* from here on the connection may be used again by a handler */

    while (!ngx_queue_empty(&failed)) {
        q = ngx_queue_head(&failed);
        group = ngx_queue_data(q, ngx_torus_group_t, queue);

        ngx_queue_remove(q);

        if (group->data != NULL) {
            ngx_queue_remove(&group->owner);
            group->handlers->fail(group, error);
        }

        ngx_torus_group_end(conn->host->clients, group);
    }
}


/*
 * Says so once, unless nobody waited for anything: Redis may close an idle
 * connection.  Where no connection came about, requests are refused for a
 * while.
 */

static void
ngx_torus_client_closed(ngx_torus_client_conn_t *conn, const char *reason,
    ngx_uint_t was_open)
{
    ngx_torus_client_host_t  *host;

    host = conn->host;

    if (!host->down && !ngx_queue_empty(&conn->groups)) {
        host->down = 1;

        ngx_log_error(NGX_LOG_ERR, conn->link.log, 0,
                      "redis \"%V\" does not answer queries: %s",
                      &host->conf.name, reason);
    }

    if (!was_open || conn->greeted < conn->greeting) {
        host->backoff = ngx_min(host->backoff ? host->backoff * 2
                                              : NGX_TORUS_CLIENT_BACKOFF_MIN,
                                NGX_TORUS_CLIENT_BACKOFF_MAX);
        host->refused = ngx_current_msec;
    }

    if (conn->reader != NULL) {
        redisReaderFree(conn->reader);
        conn->reader = NULL;
    }

    conn->greeting = 0;
    conn->greeted = 0;
    conn->partial = 0;
    conn->replies = 0;

    torus_buf_reset(&conn->waiting, 0);
    torus_buf_reset(&conn->link.out, NGX_TORUS_CLIENT_KEEP);
}
