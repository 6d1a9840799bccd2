/*
 * The clock of turns.  nginx's own stands still during one.
 */

#include "ngx_torus_turn.h"


/* Slices: a turn that took so many is told at "info". */
#define NGX_TORUS_TURN_LONG  10


static uint64_t ngx_torus_turn_now(void);


static uint64_t
ngx_torus_turn_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


void
ngx_torus_turn_begin(ngx_torus_turns_t *turns)
{
    if (turns->depth++ == 0) {
        turns->since = ngx_torus_turn_now();
    }
}


ngx_uint_t
ngx_torus_turn_over(const ngx_torus_turns_t *turns)
{
    return ngx_torus_turn_now() - turns->since >= turns->slice;
}


void
ngx_torus_turn_end(ngx_torus_turns_t *turns, torus_turn_t kind,
    ngx_log_t *log)
{
    uint64_t  usec;

    if (--turns->depth) {
        return;
    }

    usec = ngx_torus_turn_now() - turns->since;

    torus_turns_add(&turns->values[kind], usec);

    if (usec >= NGX_TORUS_TURN_LONG * turns->slice) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "torus held the worker for %uL.%03uL ms: \"%s\"",
                      usec / 1000, usec % 1000, torus_turn_name(kind));
    }
}
