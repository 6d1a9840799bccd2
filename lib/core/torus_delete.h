/*
 * /delete: keys are walked as for a listing, and those of the names in
 * question are unlinked slice by slice, each with the next SCAN.  With
 * "dry_run" nothing is unlinked, and the names are told.
 *
 * Only keys of the schemas (of "schema", when given) go, those of resolution
 * buckets too.  A fault in the middle leaves what is gone gone; to ask again
 * goes on.
 */

#ifndef _TORUS_DELETE_H_INCLUDED_
#define _TORUS_DELETE_H_INCLUDED_


#include "torus_list.h"


typedef struct torus_delete_s  torus_delete_t;


/*
 * From the arguments: "stat" (repeatable) or "match", "schema", "dry_run",
 * "pretty".  The status; 200 comes with *del.
 */
unsigned torus_delete_create(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_delete_t **del, torus_error_t *err);
void torus_delete_destroy(torus_delete_t *del);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_delete_next(torus_delete_t *del, torus_batch_t *batch);

/* 200, or the status of the fault. */
unsigned torus_delete_reply(torus_delete_t *del, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err);

/* Nothing is left to ask for, and nothing outstanding. */
int torus_delete_done(const torus_delete_t *del);

/* Once it is done: a piece of the answer.  TORUS_OK: the last; TORUS_AGAIN. */
int torus_delete_write(torus_delete_t *del, torus_buf_t *out);


#endif /* _TORUS_DELETE_H_INCLUDED_ */
