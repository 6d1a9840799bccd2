/*
 * /render: arguments in, targets evaluated over what Redis holds, and the
 * answer written piece by piece; no event in it.
 *
 *   arguments -> targets -> leaves -> names -> reads -> rows -> series
 *             -> evaluation -> answer
 *
 * All leaves of all targets are fetched together, each bucket once.  When an
 * evaluation needs more (windows in points), there is another fetch.
 *
 * Which interval answers a name: of all schemas that take it the finest one
 * whose retention covers the beginning of the range, else the one that
 * reaches back furthest; interval() and schema() choose.  What is finest is
 * told by the resolution, and the grid of a series is that of the resolution
 * too: an interval of a day in resolutions of an hour has a point an hour.
 *
 * A grid has a fixed step.  Days are 86400 seconds.  Weeks are 604800 and
 * begin with their Sunday; one that a new year cuts in two is one again.
 * Months and years have no such step: they are shown on a grid of days at
 * their first day, with null at all other days.
 */

#ifndef _TORUS_RENDER_H_INCLUDED_
#define _TORUS_RENDER_H_INCLUDED_


#include "torus_graph.h"
#include "torus_request.h"


typedef struct torus_render_s  torus_render_t;


/*
 * 200 and *render, or the status of the fault.  All arguments must outlive
 * it; stats are added to.
 */
unsigned torus_render_create(const torus_request_conf_t *conf,
    const torus_limits_t *limits, const torus_arg_t *args, size_t nargs,
    torus_request_stats_t *stats, torus_buf_t *out, torus_render_t **render,
    torus_error_t *err);
void torus_render_destroy(torus_render_t *r);

/* The Content-Type, without regard to jsonp. */
torus_str_t torus_render_type(const torus_render_t *r);

/* The shortest step that was read, for caches; 0: none. */
int64_t torus_render_step(const torus_render_t *r);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_render_next(torus_render_t *r, torus_batch_t *batch);

/* TORUS_OK or TORUS_ERROR. */
int torus_render_reply(torus_render_t *r, const torus_host_t *host,
    const redisReply *reply);

/* There is something to compute or to write before anything else. */
int torus_render_busy(const torus_render_t *r);

/* Does some of it; TORUS_OK or TORUS_ERROR. */
int torus_render_work(torus_render_t *r);

int torus_render_done(const torus_render_t *r);

/* After TORUS_ERROR. */
unsigned torus_render_status(const torus_render_t *r);
const torus_error_t *torus_render_error(const torus_render_t *r);


#endif /* _TORUS_RENDER_H_INCLUDED_ */
