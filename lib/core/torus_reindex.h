/*
 * /reindex: the index of names made again from the data.  All keys are
 * walked, slice by slice; what a slice shows goes into the index with the
 * next SCAN, with the end of its bucket as the time it was last seen.  So
 * what was written by others, or while no index was kept, is found too.
 *
 * Nodes of the index that come by lose what is too old to be of use.  With
 * "fresh" they go altogether before, so that names whose data was deleted
 * are forgotten; meanwhile not all names are found.
 */

#ifndef _TORUS_REINDEX_H_INCLUDED_
#define _TORUS_REINDEX_H_INCLUDED_


#include "torus_buf.h"
#include "torus_scan.h"


typedef struct torus_reindex_s  torus_reindex_t;


/* From "fresh" and "pretty".  The status; 200 comes with *reindex. */
unsigned torus_reindex_create(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    int64_t now, torus_request_stats_t *stats, torus_reindex_t **reindex,
    torus_error_t *err);
void torus_reindex_destroy(torus_reindex_t *reindex);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_reindex_next(torus_reindex_t *reindex, torus_batch_t *batch);

/* 200, or the status of the fault. */
unsigned torus_reindex_reply(torus_reindex_t *reindex,
    const torus_host_t *host, const redisReply *reply, torus_error_t *err);

/* Nothing is left to ask for, and nothing outstanding. */
int torus_reindex_done(const torus_reindex_t *reindex);

/* The whole answer, once it is done. */
void torus_reindex_write(torus_reindex_t *reindex, torus_buf_t *out);


#endif /* _TORUS_REINDEX_H_INCLUDED_ */
