/*
 * The status page: numbers in, JSON or the text format of Prometheus out.
 * Where the numbers are, and when they are read, is the caller's business.
 *
 * Names are those of a schema file, UTF-8 that is, but for the names that no
 * schema took, which are what somebody sent.
 */

#ifndef _TORUS_STATUS_H_INCLUDED_
#define _TORUS_STATUS_H_INCLUDED_


#include "torus_buf.h"
#include "torus_counter.h"
#include "torus_route.h"


#define TORUS_STATUS_JSON        "application/json"
#define TORUS_STATUS_PROMETHEUS  "text/plain; version=0.0.4; charset=utf-8"


typedef struct {
    torus_str_t                name;
    const uint64_t            *values;   /* TORUS_HOST_VALUES_N of a host,
                                            TORUS_SCHEMA_VALUES_N .. */
} torus_status_row_t;


typedef struct {
    uint64_t                   now;      /* seconds */
    uint64_t                   since;    /* when counting began */
    uint64_t                   karbon;   /* workers of the stream module */
    uint64_t                   torus;    /* of the HTTP module */
    const uint64_t            *counters; /* TORUS_COUNTERS_N */
    const torus_turns_t       *turns;    /* TORUS_TURNS_N */
    torus_router_stats_t       routes;
    const torus_status_row_t  *hosts;
    size_t                     nhosts;
    const torus_status_row_t  *schemas;
    size_t                     nschemas;
} torus_status_t;


/* A name that no schema took. */
typedef struct {
    torus_str_t                name;
    uint64_t                   count;
    uint64_t                   seen;     /* seconds, the last time */
} torus_status_name_t;


/* Each appends a whole answer; TORUS_ERROR when it did not fit. */
int torus_status_json(const torus_status_t *status, torus_buf_t *out);
int torus_status_prometheus(const torus_status_t *status, torus_buf_t *out);

/* counters as above. */
int torus_status_unmatched(const uint64_t *counters,
    const torus_status_name_t *names, size_t n, torus_buf_t *out);


#endif /* _TORUS_STATUS_H_INCLUDED_ */
