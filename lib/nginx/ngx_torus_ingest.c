/*
 * Setting up what stores points, and taking it away again.
 */

#include "ngx_torus_ingest.h"


static ngx_int_t ngx_torus_ingest_names(ngx_torus_ingest_t *ingest,
    const ngx_torus_ingest_conf_t *conf, uint64_t seed);
static ngx_int_t ngx_torus_ingest_writers(ngx_torus_ingest_t *ingest,
    const ngx_torus_ingest_conf_t *conf, ngx_cycle_t *cycle);
static int ngx_torus_ingest_sink(void *data, const torus_host_t *host,
    const torus_op_t *op);


ngx_int_t
ngx_torus_ingest_init(ngx_torus_ingest_t *ingest,
    const ngx_torus_ingest_conf_t *conf, ngx_cycle_t *cycle)
{
    uint64_t           seed;
    torus_store_t     *store;
    ngx_torus_conf_t  *torus;

    torus = conf->torus;
    store = &ingest->store;

    if (ngx_torus_conf_random(&seed, sizeof(seed), cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    store->set = torus->set;
    store->counters = conf->slot->counters;
    store->sink = ngx_torus_ingest_sink;
    store->data = ingest;
    store->future = conf->future;

    store->values = ngx_torus_zone_schemas(conf->slot, torus->set,
                                           cycle->pool);
    if (store->values == NULL) {
        return NGX_ERROR;
    }

    store->router = torus_router_create(torus->set, torus->route_cache, seed);
    if (store->router == NULL) {
        return NGX_ERROR;
    }

    torus_router_share(store->router, &conf->slot->routes);

    if (torus->index && ngx_torus_ingest_names(ingest, conf, seed) != NGX_OK) {
        return NGX_ERROR;
    }

    if (torus_store_init(store) != TORUS_OK) {
        return NGX_ERROR;
    }

    return ngx_torus_ingest_writers(ingest, conf, cycle);
}


static ngx_int_t
ngx_torus_ingest_names(ngx_torus_ingest_t *ingest,
    const ngx_torus_ingest_conf_t *conf, uint64_t seed)
{
    torus_names_t  *names;

    names = &ingest->names;

    names->set = conf->torus->set;
    names->sink = ngx_torus_ingest_sink;
    names->data = ingest;
    names->seed = seed;
    names->nodes = TORUS_NAMES_NODES;

    if (torus_names_init(names) != TORUS_OK) {
        return NGX_ERROR;
    }

    ingest->store.names = names;

    return NGX_OK;
}


static ngx_int_t
ngx_torus_ingest_writers(ngx_torus_ingest_t *ingest,
    const ngx_torus_ingest_conf_t *conf, ngx_cycle_t *cycle)
{
    ngx_uint_t                i, n;
    ngx_torus_conf_t         *torus;
    ngx_torus_writer_conf_t  *wcf;

    torus = conf->torus;
    n = torus->set->nhosts;

    ingest->writers = ngx_pcalloc(cycle->pool,
                                  n * sizeof(ngx_torus_writer_t *));
    wcf = ngx_pcalloc(cycle->pool, n * sizeof(ngx_torus_writer_conf_t));

    if (ingest->writers == NULL || wcf == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        wcf[i].link = &torus->hosts[i].link;
        wcf[i].host = torus->hosts[i].host;
        wcf[i].counters = conf->slot->counters;
        wcf[i].values = ngx_torus_zone_host(conf->slot, i);
        wcf[i].name = conf->name;
        wcf[i].window = torus->window;
        wcf[i].queue_max = torus->queue;
        wcf[i].drop = torus->hosts[i].drop;
        wcf[i].drain = torus->drain;
        wcf[i].on_room = conf->on_room;
        wcf[i].data = conf->data;

        ingest->writers[i] = ngx_torus_writer_create(cycle->pool, cycle->log,
                                                     &wcf[i]);
        if (ingest->writers[i] == NULL) {
            return NGX_ERROR;
        }

        ingest->nwriters++;
    }

    return NGX_OK;
}


void
ngx_torus_ingest_exit(ngx_torus_ingest_t *ingest)
{
    ngx_uint_t  i;

    for (i = 0; i < ingest->nwriters; i++) {
        ngx_torus_writer_exit(ingest->writers[i]);
    }

    torus_store_free(&ingest->store);
    torus_names_free(&ingest->names);

    if (ingest->store.router != NULL) {
        torus_router_destroy(ingest->store.router);
    }
}


ngx_torus_writer_t *
ngx_torus_ingest_full(ngx_torus_ingest_t *ingest)
{
    ngx_uint_t  i;

    for (i = 0; i < ingest->nwriters; i++) {
        if (ngx_torus_writer_full(ingest->writers[i])) {
            return ingest->writers[i];
        }
    }

    return NULL;
}


static int
ngx_torus_ingest_sink(void *data, const torus_host_t *host,
    const torus_op_t *op)
{
    ngx_torus_ingest_t *ingest = data;

    return ngx_torus_writer_push(ingest->writers[host->index], op) == NGX_OK
           ? TORUS_OK : TORUS_ERROR;
}
