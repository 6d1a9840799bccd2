/*
 * Walks the keys of one or more hosts with SCAN, in slices, all hosts at the
 * same time, one command of each on its way.  A key may come more than once,
 * and one that appears or goes meanwhile may be missed: SCAN's promise.
 */

#ifndef _TORUS_SCAN_H_INCLUDED_
#define _TORUS_SCAN_H_INCLUDED_


#include "torus_batch.h"
#include "torus_buf.h"


#define TORUS_SCAN_COUNT  250   /* keys Redis looks at in one command */


/* TORUS_OK to go on; anything else ends the walk and is returned. */
typedef int (*torus_scan_key_pt)(void *data, const torus_host_t *host,
    torus_str_t key);


typedef struct torus_scan_s  torus_scan_t;


/* In the arena; stats are added to.  NULL when out of memory. */
torus_scan_t *torus_scan_create(torus_arena_t *arena,
    const torus_schema_set_t *set, torus_request_stats_t *stats,
    torus_scan_key_pt handler, void *data);

/* Frees what is not the arena's. */
void torus_scan_destroy(torus_scan_t *scan);

/*
 * Walk this host, at keys that begin with literal; for a host that is walked
 * already what the literals have in common is kept.
 */
int torus_scan_add(torus_scan_t *scan, const torus_host_t *host,
    torus_str_t literal);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_scan_next(torus_scan_t *scan, torus_batch_t *batch);

/*
 * TORUS_OK; TORUS_INVALID: a fault, err says which; or what the handler
 * returned.
 */
int torus_scan_reply(torus_scan_t *scan, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err);

/* Nothing is left to ask for, and nothing outstanding. */
int torus_scan_done(const torus_scan_t *scan);


#endif /* _TORUS_SCAN_H_INCLUDED_ */
