/*
 * ngx_karbon_stream_module: a stream server that takes the Carbon protocol.
 *
 * ngx_karbon_stream_module.c holds the directives and what a worker owns,
 * ngx_karbon_stream_session.c the life of one client.
 */

#ifndef _NGX_KARBON_STREAM_MODULE_H_INCLUDED_
#define _NGX_KARBON_STREAM_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_stream.h>

#include "torus_carbon.h"
#include "torus_pickle.h"
#include "ngx_torus_ingest.h"


/* Bytes read at once; one buffer per worker, sessions keep only leftovers. */
#define NGX_STREAM_KARBON_BUFFER  65536

/* A session that has read this much lets the others have a turn. */
#define NGX_STREAM_KARBON_FAIR    NGX_STREAM_KARBON_BUFFER

/* So does one that brought this many names that had no route. */
#define NGX_STREAM_KARBON_NEW     256

/* Read at most when a session has to end; more than a socket holds. */
#define NGX_STREAM_KARBON_LAST    (256 * NGX_STREAM_KARBON_BUFFER)

#define NGX_STREAM_KARBON_LINE    0
#define NGX_STREAM_KARBON_PICKLE  1


/* What a worker process owns; lives as long as the cycle it serves. */
typedef struct {
    ngx_torus_ingest_t         ingest;
    ngx_queue_t                blocked;     /* sessions waiting for room */
    u_char                    *buffer;
    ngx_event_t                resume;      /* posted when there is room */
    ngx_torus_zone_slot_t     *slot;
    uint64_t                   enough;      /* misses that end this turn */
    ngx_uint_t                 reserved;    /* connections left to Redis */
    time_t                     refused;     /* when the log last said so */
} ngx_stream_karbon_worker_t;


typedef struct {
    ngx_torus_conf_t           torus;       /* first: see ngx_torus_conf.h */

    time_t                     future;
    ngx_uint_t                 servers;     /* with "karbon on" */
    ngx_shm_zone_t            *zone;
    ngx_stream_karbon_worker_t *worker;     /* NULL outside a worker */
} ngx_stream_karbon_main_conf_t;


typedef struct {
    ngx_flag_t                 enable;
    ngx_uint_t                 protocol;
    ngx_msec_t                 linger;
    ngx_msec_t                 idle_timeout;  /* 0: none */
    torus_carbon_conf_t        carbon;
    size_t                     frame_max;
    time_t                     past;          /* 0: any */
    ngx_int_t                  new_stats;     /* a second, 0: any */

    /* a sample of bad lines, at most once a second; per worker after fork */
    time_t                     warned;
    ngx_uint_t                 suppressed;

    /* names new to the route cache in that second; per worker, too */
    time_t                     new_second;
    ngx_int_t                  new_count;
} ngx_stream_karbon_srv_conf_t;


typedef struct {
    ngx_stream_session_t          *session;
    ngx_stream_karbon_worker_t    *worker;
    ngx_stream_karbon_srv_conf_t  *conf;
    union {
        torus_carbon_t             carbon;
        torus_pickle_t             pickle;
    } in;

    ngx_queue_t                    queue;     /* in worker->blocked */
    uint64_t                      *waits;     /* of the host that is full */
    u_char                        *rest;      /* read but not yet taken */
    size_t                         rest_len;

    ngx_uint_t                     lines;     /* good and bad */
    ngx_uint_t                     bad_lines;

    unsigned                       pickle:1;
    unsigned                       blocked:1;
    unsigned                       eof:1;
    unsigned                       failed:1;  /* recv() failed */
    unsigned                       lingering:1;
    unsigned                       forced:1;  /* store even if full */
} ngx_stream_karbon_ctx_t;


void ngx_stream_karbon_handler(ngx_stream_session_t *s);

/* Lets the sessions that wait for room in a writer go on. */
void ngx_stream_karbon_resume(ngx_stream_karbon_worker_t *worker);


extern ngx_module_t  ngx_karbon_stream_module;


#endif /* _NGX_KARBON_STREAM_MODULE_H_INCLUDED_ */
