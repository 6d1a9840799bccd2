/*
 * What a worker process stores points with: a store, and one writer per host
 * beside the connections that queries use.  Only there when some location
 * has "torus_insert on".
 */

#include "ngx_torus_module.h"


static ngx_int_t ngx_http_torus_create_writers(ngx_cycle_t *cycle,
    ngx_http_torus_main_conf_t *tmcf, ngx_http_torus_worker_t *worker);
static int ngx_http_torus_sink(void *data, const torus_host_t *host,
    const torus_op_t *op);


ngx_int_t
ngx_http_torus_init_store(ngx_cycle_t *cycle,
    ngx_http_torus_main_conf_t *tmcf)
{
    uint64_t                  seed;
    ngx_http_torus_worker_t  *worker;

    worker = ngx_pcalloc(cycle->pool, sizeof(ngx_http_torus_worker_t));
    if (worker == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&worker->blocked);

    /* so that exit_process finds what there is, should this fail midway */
    tmcf->worker = worker;

    worker->store.set = tmcf->torus.set;
    worker->store.counters = tmcf->slot->counters;
    worker->store.values = ngx_torus_zone_schemas(tmcf->slot,
                                                  tmcf->torus.set,
                                                  cycle->pool);
    worker->store.sink = ngx_http_torus_sink;
    worker->store.data = worker;
    worker->store.future = tmcf->future;

    if (ngx_torus_conf_random(&seed, sizeof(seed), cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    worker->store.router = torus_router_create(tmcf->torus.set,
                                               tmcf->torus.route_cache,
                                               seed);

    if (tmcf->torus.index) {
        worker->names.set = tmcf->torus.set;
        worker->names.sink = ngx_http_torus_sink;
        worker->names.data = worker;
        worker->names.seed = seed;
        worker->names.nodes = TORUS_NAMES_NODES;

        if (torus_names_init(&worker->names) != TORUS_OK) {
            return NGX_ERROR;
        }

        worker->store.names = &worker->names;
    }

    if (worker->store.router == NULL || worker->store.values == NULL
        || torus_store_init(&worker->store) != TORUS_OK)
    {
        return NGX_ERROR;
    }

    torus_router_share(worker->store.router, &tmcf->slot->routes);

    return ngx_http_torus_create_writers(cycle, tmcf, worker);
}


static ngx_int_t
ngx_http_torus_create_writers(ngx_cycle_t *cycle,
    ngx_http_torus_main_conf_t *tmcf, ngx_http_torus_worker_t *worker)
{
    ngx_uint_t                i, n;
    ngx_torus_conf_t         *tcf;
    ngx_torus_writer_conf_t  *conf;

    tcf = &tmcf->torus;
    n = tcf->set->nhosts;

    worker->writers = ngx_pcalloc(cycle->pool,
                                  n * sizeof(ngx_torus_writer_t *));
    conf = ngx_pcalloc(cycle->pool, n * sizeof(ngx_torus_writer_conf_t));

    if (worker->writers == NULL || conf == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        conf[i].link = &tcf->hosts[i].link;
        conf[i].host = tcf->hosts[i].host;
        conf[i].counters = tmcf->slot->counters;
        conf[i].values = ngx_torus_zone_host(tmcf->slot, i);
        ngx_str_set(&conf[i].name, "torus-insert");
        conf[i].window = tcf->window;
        conf[i].queue_max = tcf->queue;
        conf[i].drain = tcf->drain;
        conf[i].on_room = ngx_http_torus_insert_room;
        conf[i].data = worker;

        worker->writers[i] = ngx_torus_writer_create(cycle->pool, cycle->log,
                                                     &conf[i]);
        if (worker->writers[i] == NULL) {
            return NGX_ERROR;
        }

        worker->nwriters++;
    }

    return NGX_OK;
}


void
ngx_http_torus_exit_store(ngx_http_torus_main_conf_t *tmcf)
{
    ngx_uint_t                i;
    ngx_http_torus_worker_t  *worker;

    worker = tmcf->worker;
    tmcf->worker = NULL;

    for (i = 0; i < worker->nwriters; i++) {
        ngx_torus_writer_exit(worker->writers[i]);
    }

    torus_store_free(&worker->store);
    torus_names_free(&worker->names);

    if (worker->store.router != NULL) {
        torus_router_destroy(worker->store.router);
    }
}


ngx_uint_t
ngx_http_torus_full(ngx_http_torus_worker_t *worker)
{
    ngx_uint_t  i;

    for (i = 0; i < worker->nwriters; i++) {
        if (ngx_torus_writer_full(worker->writers[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_torus_ended(ngx_http_torus_worker_t *worker)
{
    ngx_uint_t  i;

    for (i = 0; i < worker->nwriters; i++) {
        if (ngx_torus_writer_full(worker->writers[i])
            && ngx_torus_writer_ended(worker->writers[i]))
        {
            return 1;
        }
    }

    return 0;
}


static int
ngx_http_torus_sink(void *data, const torus_host_t *host,
    const torus_op_t *op)
{
    ngx_http_torus_worker_t *worker = data;

    return ngx_torus_writer_push(worker->writers[host->index], op) == NGX_OK
           ? TORUS_OK : TORUS_ERROR;
}
