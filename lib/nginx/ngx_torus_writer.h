/*
 * The writer of lib/core on nginx's events: one per worker process, module
 * and host.  What is pushed in a turn of the event loop is sent at the end
 * of that turn.
 */

#ifndef _NGX_TORUS_WRITER_H_INCLUDED_
#define _NGX_TORUS_WRITER_H_INCLUDED_


#include "ngx_torus_link.h"
#include "torus_writer.h"


typedef struct ngx_torus_writer_s  ngx_torus_writer_t;
typedef struct ngx_torus_mark_s    ngx_torus_mark_t;


/*
 * Room again, or all is acknowledged: sessions that wait may go on.  Also at
 * the end of the drain time, for those that wait for room.
 */
typedef void (*ngx_torus_writer_pt)(ngx_torus_writer_t *w, void *data);


/* Lives as long as the cycle. */
typedef struct {
    const ngx_torus_link_conf_t  *link;
    const torus_host_t           *host;
    uint64_t                     *counters;
    uint64_t                     *values;     /* of the host, for the status
                                                 page; NULL: not told */
    ngx_str_t                     name;       /* CLIENT SETNAME */
    ngx_uint_t                    window;     /* 0: default, and so below */
    size_t                        queue_max;
    size_t                        expiries;
    ngx_uint_t                    drop;       /* when full, else block */
    ngx_msec_t                    drain;      /* in a worker that leaves */
    ngx_torus_writer_pt           on_room;    /* was full, is not any more */
    ngx_torus_writer_pt           on_idle;    /* nothing pending any more */
    void                         *data;
} ngx_torus_writer_conf_t;


/*
 * Somebody who waits for the end of what was pushed so far.  The handler runs
 * once, from inside the writer: it may free the mark but not push.
 */
struct ngx_torus_mark_s {
    ngx_queue_t                     queue;     /* of the writer */
    uint64_t                        number;
    void                          (*handler)(ngx_torus_mark_t *mark);
    void                           *data;
    unsigned                        waits:1;   /* in the queue */
    unsigned                        failed:1;  /* the writer has given up */
};


struct ngx_torus_writer_s {
    const ngx_torus_writer_conf_t  *conf;
    torus_writer_t                 *writer;
    ngx_torus_link_t                link;
    ngx_log_t                      *log;
    ngx_event_t                     flush;     /* posted */
    ngx_event_t                     timer;     /* retry_at of the writer */
    ngx_event_t                     leave;     /* is the worker leaving? */
    ngx_connection_t                dummy;     /* data of the three */
    ngx_msec_t                      left;      /* when it began to leave */
    ngx_msec_t                      deadline;  /* end of the drain time */
    ngx_queue_t                     marks;
    uint64_t                        told[TORUS_HOST_VALUES_N];
    uint32_t                        fault;     /* the last, as a CRC */
    unsigned                        full:1;    /* was full when last asked */
    unsigned                        pending:1;
    unsigned                        ready:1;
    unsigned                        down:1;    /* and the log says so */
    unsigned                        draining:1;
    unsigned                        given_up:1;
};


/* In init_process; connects at once.  Memory from pool; NULL on failure. */
ngx_torus_writer_t *ngx_torus_writer_create(ngx_pool_t *pool, ngx_log_t *log,
    const ngx_torus_writer_conf_t *conf);

/* Takes an operation; it leaves at the end of this turn. */
ngx_int_t ngx_torus_writer_push(ngx_torus_writer_t *w, const torus_op_t *op);

/* At its bound: stop reading; on_room follows. */
ngx_uint_t ngx_torus_writer_full(ngx_torus_writer_t *w);

/* Operations unsent or unanswered? */
ngx_uint_t ngx_torus_writer_pending(ngx_torus_writer_t *w);

/* The drain time is over: nothing is sent any more, and room will not be. */
ngx_uint_t ngx_torus_writer_ended(ngx_torus_writer_t *w);

/*
 * NGX_OK: everything pushed so far has reached its end.  NGX_AGAIN: the
 * mark's handler, which is set as its data is, will say so.  NGX_DECLINED:
 * the worker is leaving, and nobody will know.
 */
ngx_int_t ngx_torus_writer_mark(ngx_torus_writer_t *w,
    ngx_torus_mark_t *mark);
void ngx_torus_mark_cancel(ngx_torus_mark_t *mark);

/* As they are now. */
void ngx_torus_writer_stats(ngx_torus_writer_t *w,
    torus_writer_stats_t *stats);

/*
 * In exit_process: closes, frees, counts and logs once what is lost.
 * Returns the operations lost.
 */
uint64_t ngx_torus_writer_exit(ngx_torus_writer_t *w);


#endif /* _NGX_TORUS_WRITER_H_INCLUDED_ */
