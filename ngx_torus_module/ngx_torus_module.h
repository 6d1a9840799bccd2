/*
 * The HTTP module: locations that answer queries.
 *
 *   ngx_torus_module.c         directives, configurations, worker life
 *   ngx_http_torus_handler.c   a request's URI, method, body and arguments
 *   ngx_http_torus_answer.c    its way through Redis to the client
 *   ngx_http_torus_send.c      headers, whole answers, errors
 *   ngx_http_torus_filter.c    errors of nginx's own
 *   ngx_http_torus_insert.c    points that a request brings
 *   ngx_http_torus_store.c     what a worker stores them with
 *   ngx_http_torus_status.c    the counters
 *
 * What is asked and answered is known to lib/core (torus_request.h), how to
 * talk to Redis to lib/nginx (ngx_torus_client.h).
 */

#ifndef _NGX_TORUS_MODULE_H_INCLUDED_
#define _NGX_TORUS_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_torus_client.h"
#include "ngx_torus_conf.h"
#include "ngx_torus_ingest.h"
#include "ngx_torus_turn.h"
#include "ngx_torus_tz.h"
#include "torus_carbon.h"
#include "torus_request.h"


/* "/insert" is no command of lib/core's requests. */
#define NGX_HTTP_TORUS_INSERT  1000


/* What a worker process stores with; lives as long as its cycle. */
typedef struct {
    ngx_torus_ingest_t          ingest;
    ngx_queue_t                 blocked;     /* requests waiting for room */
} ngx_http_torus_worker_t;


typedef struct ngx_http_torus_insert_s  ngx_http_torus_insert_t;


typedef struct {
    ngx_torus_conf_t            torus;       /* first: see ngx_torus_conf.h */

    ngx_uint_t                  connections; /* per worker and host */
    size_t                      reply_max;
    time_t                      future;
    ngx_msec_t                  slice;       /* of time, that a turn takes */
    ngx_uint_t                  inserts;     /* "torus_insert on" */

    ngx_str_t                   zones_dir;
    ngx_torus_tz_t             *zones;       /* of "tz"; NULL: only UTC */

    ngx_str_t                   used_file;   /* the first "torus_query on" */
    ngx_uint_t                  used_line;

    ngx_uint_t                  pages;       /* "torus_status" */

    ngx_shm_zone_t             *zone;

    /* of this worker process */
    ngx_torus_clients_t        *clients;
    ngx_torus_zone_slot_t      *slot;
    ngx_torus_turns_t           turns;
    ngx_http_torus_worker_t    *worker;      /* NULL: nothing is stored */
} ngx_http_torus_main_conf_t;


/* Of "torus_status". */
#define NGX_HTTP_TORUS_STATUS_OFF         0
#define NGX_HTTP_TORUS_STATUS_JSON        1
#define NGX_HTTP_TORUS_STATUS_PROMETHEUS  2


typedef struct {
    ngx_uint_t                  status;
    ngx_flag_t                  query;
    ngx_flag_t                  insert;
    ngx_flag_t                  delete;
    ngx_flag_t                  explain;

    /* one of the two: what to cut from a URI, or what it always means */
    ngx_str_t                   prefix;
    ngx_str_t                   command;

    ngx_uint_t                  max_stats;   /* 0 of any: no limit */
    ngx_uint_t                  max_points;
    ngx_uint_t                  max_names;
    ngx_uint_t                  max_targets;
    ngx_uint_t                  max_series;
    torus_target_limits_t       target;      /* size_t as ngx_uint_t */
    size_t                      max_memory;
    ngx_uint_t                  open_bucket; /* null, or answered */

    size_t                      max_body;
    size_t                      buffer;      /* up to it sent whole */
    ngx_msec_t                  timeout;     /* 0: none */

    ngx_msec_t                  insert_timeout;
    torus_carbon_conf_t         carbon;
} ngx_http_torus_loc_conf_t;


typedef struct {
    ngx_http_torus_loc_conf_t  *root;        /* of "location /", if that has
                                                "torus_query on" */
} ngx_http_torus_srv_conf_t;


/* In the request's pool. */
typedef struct {
    ngx_http_request_t         *request;

    /* as in ngx_connection_t: the debug log of a timer looks for fd here */
    void                       *unused[2];
    ngx_socket_t                fd;

    ngx_http_torus_loc_conf_t  *conf;
    ngx_torus_clients_t        *clients;
    ngx_torus_turns_t          *turns;
    uint64_t                   *counters;    /* TORUS_COUNTERS_N of them */
    ngx_uint_t                  command;     /* torus_command_t, or ours */
    ngx_http_torus_worker_t    *worker;
    ngx_http_torus_insert_t    *insert;

    torus_buf_t                 body;        /* of a form, as received */
    torus_arena_t              *arena;       /* of the arguments */

    torus_request_conf_t        tconf;
    torus_request_t            *torus;       /* NULL: not yet, or released */
    torus_request_stats_t       stats;       /* for the log, when released */
    torus_batch_t               batch;       /* waits to be sent, if it has
                                                any replies to come */
    ngx_queue_t                 groups;      /* commands without replies */
    ngx_msec_t                  since;       /* when that began */
    ngx_msec_t                  redis_time;  /* spent so, for the log */

    ngx_event_t                 work;        /* computing goes on */
    ngx_event_t                 timer;       /* of the time limit */
    ngx_msec_t                  left;        /* of it, while it stands still */

    ngx_chain_t                *free;
    ngx_chain_t                *busy;        /* the client has not taken it */

    unsigned                    streaming:1; /* the header was sent */
    unsigned                    released:1;
} ngx_http_torus_ctx_t;


/* Content handlers of "torus_query" and "torus_status". */
ngx_int_t ngx_http_torus_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_torus_status_handler(ngx_http_request_t *r);

/*
 * Goes on with a request as far as possible; may finalize it.  ctx->torus is
 * there.
 */
void ngx_http_torus_run(ngx_http_torus_ctx_t *ctx);

/* Sets what calls run() from now on. */
ngx_int_t ngx_http_torus_watch(ngx_http_torus_ctx_t *ctx);

/* The same, and the time limit of a query. */
ngx_int_t ngx_http_torus_watch_query(ngx_http_torus_ctx_t *ctx);

/* Releases all that the request holds, and finalizes it. */
void ngx_http_torus_finalize(ngx_http_torus_ctx_t *ctx, ngx_int_t rc);

/* A cleanup handler; a second call does nothing. */
void ngx_http_torus_release(void *data);

/*
 * Each returns what to finalize the request with.  send_whole() sends what
 * ctx->torus has, error() a text of our own, before there is a ctx->torus.
 */
ngx_int_t ngx_http_torus_send_whole(ngx_http_torus_ctx_t *ctx);
ngx_int_t ngx_http_torus_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason);

/* The same text as a body, and its type. */
ngx_int_t ngx_http_torus_error_body(ngx_http_request_t *r,
    const char *reason, ngx_str_t *type, ngx_str_t *body);

/* The text is JSON already. */
ngx_int_t ngx_http_torus_send_json(ngx_http_torus_ctx_t *ctx,
    ngx_uint_t status, torus_str_t text);

/* A whole answer; type and body live as long as the request. */
ngx_int_t ngx_http_torus_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body);

/* max_age: 0: ask each time. */
ngx_int_t ngx_http_torus_cache_control(ngx_http_request_t *r,
    unsigned max_age);

/* NGX_OK: body may follow. */
ngx_int_t ngx_http_torus_send_header(ngx_http_torus_ctx_t *ctx);

/*
 * What the URI has behind the location, without slashes around it; or when a
 * rewrite has led out of there, NGX_DECLINED and the whole URI.
 */
ngx_int_t ngx_http_torus_rest(ngx_http_request_t *r,
    ngx_http_torus_loc_conf_t *tlcf, torus_str_t *rest);

/* TORUS_OK or TORUS_DECLINED. */
int ngx_http_torus_find(torus_str_t name, ngx_uint_t *command);

/* Of the location; of "/" while that is not known, if queries go there. */
ngx_http_torus_loc_conf_t *ngx_http_torus_loc_conf(ngx_http_request_t *r);

/* Of a URI, known or not; in a location of queries. */
ngx_uint_t ngx_http_torus_is_graphite(ngx_http_request_t *r);


/* A body could not be read; returns what to finalize with. */
ngx_int_t ngx_http_torus_bad_body(ngx_http_request_t *r, ngx_int_t rc);
const char *ngx_http_torus_bad_body_reason(ngx_int_t rc);


/* Reads a body that is no form; returns what the handler has to. */
ngx_int_t ngx_http_torus_insert(ngx_http_torus_ctx_t *ctx);

/* The arguments live as long as ctx->arena. */
void ngx_http_torus_insert_form(ngx_http_torus_ctx_t *ctx, torus_arg_t *args,
    size_t nargs);
void ngx_http_torus_insert_release(ngx_http_torus_insert_t *ins);

/* For the writers: there is room. */
void ngx_http_torus_insert_room(ngx_torus_writer_t *w, void *data);


/* tmcf->slot is there; what a failure leaves exit_store() takes away. */
ngx_int_t ngx_http_torus_init_store(ngx_cycle_t *cycle,
    ngx_http_torus_main_conf_t *tmcf);
void ngx_http_torus_exit_store(ngx_http_torus_main_conf_t *tmcf);

/* Is a writer at its bound? */
ngx_uint_t ngx_http_torus_full(ngx_http_torus_worker_t *worker);

/* Has a full one given up, in a worker that is leaving? */
ngx_uint_t ngx_http_torus_ended(ngx_http_torus_worker_t *worker);


/* Adds a header; name is a literal. */
ngx_table_elt_t *ngx_http_torus_add_header(ngx_http_request_t *r,
    const char *name, const char *fmt, ...);


extern ngx_module_t  ngx_torus_module;
extern ngx_module_t  ngx_torus_filter_module;


#endif /* _NGX_TORUS_MODULE_H_INCLUDED_ */
