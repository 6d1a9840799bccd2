/*
 * The shared memory zone "torus_counters": what is counted, for all workers of
 * both modules, across reloads.  Either declares it; together they share
 * it, which is why its tag is nginx's core module (each .so has a copy of
 * this code) and why its header tells its layout.
 *
 * Each worker process has a slot per module and counts there with plain
 * stores: no lock and no atomic on the way of a point.  A slot is folded
 * into the totals when its process leaves; that of a killed process by
 * whoever comes next, and what its slot says was queued is then lost.
 */

#ifndef _NGX_TORUS_ZONE_H_INCLUDED_
#define _NGX_TORUS_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "torus_counter.h"
#include "torus_route.h"
#include "torus_schema.h"


#define NGX_TORUS_ZONE_SIZE   (4 * 1024 * 1024)
#define NGX_TORUS_ZONE_SLOTS  128
#define NGX_TORUS_ZONE_HOSTS  16      /* per slot; more share the last row */
#define NGX_TORUS_ZONE_SCHEMAS 64     /* likewise */
#define NGX_TORUS_ZONE_NAME   128
#define NGX_TORUS_ZONE_STRAYS 64      /* per slot */


/*
 * Of one host, as one worker sees it; written by that worker only.  Long
 * names are cut, between characters.
 */
typedef struct {
    u_char                 name[NGX_TORUS_ZONE_NAME];   /* '\0' at its end */
    uint64_t               values[TORUS_HOST_VALUES_N];
} ngx_torus_zone_host_t;


/* Of one schema. */
typedef struct {
    u_char                 name[NGX_TORUS_ZONE_NAME];   /* '\0' at its end */
    uint64_t               values[TORUS_SCHEMA_VALUES_N];
} ngx_torus_zone_schema_t;


/* A name that no schema took; long ones are cut. */
typedef struct {
    uint64_t               count;
    uint64_t               seen;      /* seconds, the last time */
    u_char                 name[NGX_TORUS_ZONE_NAME];   /* '\0' at its end */
} ngx_torus_zone_stray_t;


typedef struct {
    ngx_atomic_t           pid;       /* 0: free */
    uint64_t               started;   /* when that process was; 0: unknown */
    uint64_t               module;    /* ngx_torus_zone_module_e */
    uint64_t               warned;    /* seconds, of the last stray name */
    uint64_t               counters[TORUS_COUNTERS_N];
    torus_turns_t          turns[TORUS_TURNS_N];
    torus_router_stats_t   routes;
    uint64_t               nhosts;
    ngx_torus_zone_host_t  hosts[NGX_TORUS_ZONE_HOSTS];
    uint64_t               nschemas;
    ngx_torus_zone_schema_t schemas[NGX_TORUS_ZONE_SCHEMAS];
    ngx_torus_zone_stray_t strays[NGX_TORUS_ZONE_STRAYS];
} ngx_torus_zone_slot_t;


typedef enum {
    NGX_TORUS_ZONE_KARBON = 0,
    NGX_TORUS_ZONE_TORUS,
    NGX_TORUS_ZONE_MODULES
} ngx_torus_zone_module_e;


/* Postconfiguration; NULL on failure, logged. */
ngx_shm_zone_t *ngx_torus_zone_add(ngx_conf_t *cf);

/*
 * init_process: a slot of this process, with the names of the set, zeroed.
 * Never NULL but when out of memory: when all are taken (said at warn) the
 * slot is private memory of the pool, and counts nowhere else.
 */
ngx_torus_zone_slot_t *ngx_torus_zone_attach(ngx_shm_zone_t *zone,
    ngx_torus_zone_module_e module, const torus_schema_set_t *set,
    ngx_pool_t *pool, ngx_log_t *log);

/* exit_process, after the writers' exit: folds and frees the slot. */
void ngx_torus_zone_detach(ngx_shm_zone_t *zone, ngx_torus_zone_slot_t *slot);

/*
 * The values of a host, by its index in the set; never NULL.  Hosts may
 * share a row: add what has changed, do not set.
 */
uint64_t *ngx_torus_zone_host(ngx_torus_zone_slot_t *slot, size_t index);

/* Those of all schemas, by index, for torus_store_t; NULL: no memory. */
uint64_t **ngx_torus_zone_schemas(ngx_torus_zone_slot_t *slot,
    const torus_schema_set_t *set, ngx_pool_t *pool);


/*
 * Remembers a name that no schema took, in place of the one not seen for
 * longest.  Once a minute it is worth a line in the log.
 */
void ngx_torus_zone_stray(ngx_torus_zone_slot_t *slot, torus_str_t name,
    ngx_log_t *log);

/*
 * The names that are remembered, the most frequent first; an array of
 * ngx_torus_zone_stray_t in the pool, NULL when out of memory.
 */
ngx_array_t *ngx_torus_zone_strays(ngx_shm_zone_t *zone, ngx_pool_t *pool);


/* Of the totals; what has no row of its own goes into the last, "(others)". */
typedef struct {
    uint64_t               counters[TORUS_COUNTERS_N];
    torus_turns_t          turns[TORUS_TURNS_N];
    torus_router_stats_t   routes;
    uint64_t               nhosts;
    ngx_torus_zone_host_t  hosts[2 * NGX_TORUS_ZONE_HOSTS];
    uint64_t               nschemas;
    ngx_torus_zone_schema_t schemas[2 * NGX_TORUS_ZONE_SCHEMAS];
} ngx_torus_zone_rows_t;


/* Large: not for the stack. */
typedef struct {
    ngx_torus_zone_rows_t  rows;
    time_t                 since;     /* when the zone was made */
    ngx_uint_t             workers[NGX_TORUS_ZONE_MODULES];
} ngx_torus_zone_sum_t;


/* Totals and all slots together, hosts and schemas by name. */
void ngx_torus_zone_sum(ngx_shm_zone_t *zone, ngx_torus_zone_sum_t *sum);


#endif /* _NGX_TORUS_ZONE_H_INCLUDED_ */
