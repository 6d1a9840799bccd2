/*
 * What a worker process of either module stores points with: the store, the
 * index of names, and a writer for each host, which all of them go to.
 */

#ifndef _NGX_TORUS_INGEST_H_INCLUDED_
#define _NGX_TORUS_INGEST_H_INCLUDED_


#include "ngx_torus_conf.h"
#include "ngx_torus_writer.h"
#include "ngx_torus_zone.h"
#include "torus_names.h"
#include "torus_store.h"


typedef struct {
    torus_store_t           store;
    torus_names_t           names;
    ngx_torus_writer_t    **writers;   /* one per host, same indices */
    ngx_uint_t              nwriters;
} ngx_torus_ingest_t;


typedef struct {
    ngx_torus_conf_t       *torus;
    ngx_torus_zone_slot_t  *slot;
    ngx_str_t               name;      /* of the writers' connections */
    time_t                  future;
    ngx_torus_writer_pt     on_room;
    void                   *data;
} ngx_torus_ingest_conf_t;


/*
 * In init_process.  ingest is zeroed and stays where it is; what there is of
 * it after a failure, exit() takes away.
 */
ngx_int_t ngx_torus_ingest_init(ngx_torus_ingest_t *ingest,
    const ngx_torus_ingest_conf_t *conf, ngx_cycle_t *cycle);
void ngx_torus_ingest_exit(ngx_torus_ingest_t *ingest);

/* The first writer that is at its bound, or NULL. */
ngx_torus_writer_t *ngx_torus_ingest_full(ngx_torus_ingest_t *ingest);


#endif /* _NGX_TORUS_INGEST_H_INCLUDED_ */
