/*
 * Turns: each time the event loop calls a part of the query server, until it
 * returns.  Whoever has more to do than fits a slice of time gives the worker
 * back and has himself called again; how long turns took is counted.
 *
 *   ngx_torus_turn_begin(turns);
 *
 *   do {
 *       something
 *   } while (there is more && !ngx_torus_turn_over(turns));
 *
 *   ngx_torus_turn_end(turns, TORUS_TURN_WORK, log);
 *
 * A turn inside another, as of a request that the end of one has started, is a
 * part of that: it has what is left of the slice, and is not counted itself.
 * What follows a turn's end in the same call belongs to none.
 */

#ifndef _NGX_TORUS_TURN_H_INCLUDED_
#define _NGX_TORUS_TURN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "torus_counter.h"


/* Of a worker process. */
typedef struct {
    torus_turns_t   *values;    /* TORUS_TURNS_N */
    uint64_t         slice;     /* microseconds */
    uint64_t         since;     /* when this turn began */
    ngx_uint_t       depth;     /* of turns inside turns; 0: there is none */
} ngx_torus_turns_t;


/* The clock is read at both ends; what took long is logged at info. */
void ngx_torus_turn_begin(ngx_torus_turns_t *turns);

/* Has the slice been used up? */
ngx_uint_t ngx_torus_turn_over(const ngx_torus_turns_t *turns);

void ngx_torus_turn_end(ngx_torus_turns_t *turns, torus_turn_t kind,
    ngx_log_t *log);


#endif /* _NGX_TORUS_TURN_H_INCLUDED_ */
