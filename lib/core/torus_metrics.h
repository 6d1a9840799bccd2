/*
 * Graphite's requests about names: /metrics/find, /metrics/expand and
 * /metrics/index.json, from arguments to answers, over torus_find.h.
 *
 * Arguments are taken as Graphite does: of a scalar the last one counts.
 */

#ifndef _TORUS_METRICS_H_INCLUDED_
#define _TORUS_METRICS_H_INCLUDED_


#include "torus_find.h"
#include "torus_query.h"


typedef enum {
    TORUS_METRICS_FIND = 0,    /* query from until format wildcards .. */
    TORUS_METRICS_EXPAND,      /* query.. groupByExpr leavesOnly */
    TORUS_METRICS_INDEX
} torus_metrics_kind_t;


typedef struct torus_metrics_s  torus_metrics_t;


/*
 * The status; 200 comes with *metrics.  All arguments and out must outlive
 * it.
 */
unsigned torus_metrics_create(torus_metrics_kind_t kind,
    const torus_schema_set_t *set, const torus_arg_t *args, size_t nargs,
    const torus_limits_t *limits, const torus_clock_t *clock,
    torus_request_stats_t *stats, torus_buf_t *out,
    torus_metrics_t **metrics, torus_error_t *err);
void torus_metrics_destroy(torus_metrics_t *metrics);

/* "application/json", "application/pickle". */
torus_str_t torus_metrics_type(const torus_metrics_t *metrics);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_metrics_next(torus_metrics_t *metrics, torus_batch_t *batch);

/* 200, or the status of the fault. */
unsigned torus_metrics_reply(torus_metrics_t *metrics,
    const torus_host_t *host, const redisReply *reply, torus_error_t *err);

/* There is something to compute or to append that needs no reply. */
int torus_metrics_busy(const torus_metrics_t *metrics);

/* Does some of it; 200, or the status of the fault. */
unsigned torus_metrics_work(torus_metrics_t *metrics, torus_error_t *err);

/* The whole answer was appended. */
int torus_metrics_done(const torus_metrics_t *metrics);


/* The last of that name, or an empty one. */
torus_str_t torus_metrics_arg(const torus_arg_t *args, size_t nargs,
    const char *name);


#endif /* _TORUS_METRICS_H_INCLUDED_ */
