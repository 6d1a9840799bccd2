/*
 * What a worker process stores points with: a store, and one writer per host
 * beside the connections that queries use.  Only there when some location
 * has "torus_insert on".
 */

#include "ngx_torus_module.h"


ngx_int_t
ngx_http_torus_init_store(ngx_cycle_t *cycle,
    ngx_http_torus_main_conf_t *tmcf)
{
    ngx_torus_ingest_conf_t   conf;
    ngx_http_torus_worker_t  *worker;

    worker = ngx_pcalloc(cycle->pool, sizeof(ngx_http_torus_worker_t));
    if (worker == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&worker->blocked);

    /* so that exit_process finds what there is, should this fail midway */
    tmcf->worker = worker;

    conf.torus = &tmcf->torus;
    conf.slot = tmcf->slot;
    ngx_str_set(&conf.name, "torus-insert");
    conf.future = tmcf->future;
    conf.on_room = ngx_http_torus_insert_room;
    conf.data = worker;

    return ngx_torus_ingest_init(&worker->ingest, &conf, cycle);
}


void
ngx_http_torus_exit_store(ngx_http_torus_main_conf_t *tmcf)
{
    ngx_http_torus_worker_t  *worker;

    worker = tmcf->worker;
    tmcf->worker = NULL;

    ngx_torus_ingest_exit(&worker->ingest);
}


ngx_uint_t
ngx_http_torus_full(ngx_http_torus_worker_t *worker)
{
    return ngx_torus_ingest_full(&worker->ingest) != NULL;
}


ngx_uint_t
ngx_http_torus_ended(ngx_http_torus_worker_t *worker)
{
    ngx_uint_t  i;

    for (i = 0; i < worker->ingest.nwriters; i++) {
        if (ngx_torus_writer_full(worker->ingest.writers[i])
            && ngx_torus_writer_ended(worker->ingest.writers[i]))
        {
            return 1;
        }
    }

    return 0;
}
