/*
 * Directives of the stream module, and what a worker process owns: the
 * router, the store and one writer per host.
 */

#include "ngx_karbon_stream_module.h"


static ngx_int_t ngx_stream_karbon_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_stream_karbon_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data);
static void *ngx_stream_karbon_create_main_conf(ngx_conf_t *cf);
static char *ngx_stream_karbon_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_stream_karbon_create_srv_conf(ngx_conf_t *cf);
static char *ngx_stream_karbon_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_stream_karbon(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_stream_karbon_init(ngx_conf_t *cf);
static ngx_int_t ngx_stream_karbon_init_process(ngx_cycle_t *cycle);
static void ngx_stream_karbon_room(ngx_torus_writer_t *w, void *data);
static void ngx_stream_karbon_resume_handler(ngx_event_t *ev);
static void ngx_stream_karbon_exit_process(ngx_cycle_t *cycle);


static ngx_conf_num_bounds_t  ngx_stream_karbon_window_bounds = {
    ngx_torus_conf_bounds, 1, 64
};


static ngx_conf_enum_t  ngx_stream_karbon_protocols[] = {
    { ngx_string("line"), NGX_STREAM_KARBON_LINE },
    { ngx_string("pickle"), NGX_STREAM_KARBON_PICKLE },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_stream_karbon_commands[] = {

    { ngx_string("karbon"),
      NGX_STREAM_SRV_CONF|NGX_CONF_FLAG,
      ngx_stream_karbon,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, enable),
      NULL },

    { ngx_string("karbon_schema"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_torus_conf_schema,
      NGX_STREAM_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("karbon_redis_connect_timeout"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, torus.connect_timeout),
      &ngx_torus_conf_not_zero },

    { ngx_string("karbon_redis_timeout"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, torus.timeout),
      &ngx_torus_conf_not_zero },

    { ngx_string("karbon_redis_queue"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, torus.queue),
      &ngx_torus_conf_not_zero },

    { ngx_string("karbon_overflow"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_torus_conf_overflow,
      NGX_STREAM_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("karbon_redis_window"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, torus.window),
      &ngx_stream_karbon_window_bounds },

    { ngx_string("karbon_redis_drain"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, torus.drain),
      NULL },

    { ngx_string("karbon_route_cache"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, torus.route_cache),
      NULL },

    { ngx_string("karbon_index"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, torus.index),
      NULL },

    { ngx_string("karbon_future"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_STREAM_MAIN_CONF_OFFSET,
      offsetof(ngx_stream_karbon_main_conf_t, future),
      NULL },

    { ngx_string("karbon_line_max"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, carbon.line_max),
      NULL },

    { ngx_string("karbon_path_max"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, carbon.path_max),
      NULL },

    { ngx_string("karbon_protocol"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_torus_conf_enum,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, protocol),
      &ngx_stream_karbon_protocols },

    { ngx_string("karbon_frame_max"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, frame_max),
      NULL },

    { ngx_string("karbon_past"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, past),
      NULL },

    { ngx_string("karbon_new_stats"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, new_stats),
      NULL },

    { ngx_string("karbon_idle_timeout"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, idle_timeout),
      NULL },

    { ngx_string("karbon_linger"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_karbon_srv_conf_t, linger),
      NULL },

      ngx_null_command
};


static ngx_stream_module_t  ngx_karbon_stream_module_ctx = {
    ngx_stream_karbon_add_variables,       /* preconfiguration */
    ngx_stream_karbon_init,                /* postconfiguration */

    ngx_stream_karbon_create_main_conf,    /* create main configuration */
    ngx_stream_karbon_init_main_conf,      /* init main configuration */

    ngx_stream_karbon_create_srv_conf,     /* create server configuration */
    ngx_stream_karbon_merge_srv_conf       /* merge server configuration */
};


ngx_module_t  ngx_karbon_stream_module = {
    NGX_MODULE_V1,
    &ngx_karbon_stream_module_ctx,         /* module context */
    ngx_stream_karbon_commands,            /* module directives */
    NGX_STREAM_MODULE,                     /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_stream_karbon_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_stream_karbon_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_stream_variable_t  ngx_stream_karbon_vars[] = {

    { ngx_string("karbon_lines"), NULL, ngx_stream_karbon_variable,
      offsetof(ngx_stream_karbon_ctx_t, lines), NGX_STREAM_VAR_NOCACHEABLE,
      0 },

    { ngx_string("karbon_bad_lines"), NULL, ngx_stream_karbon_variable,
      offsetof(ngx_stream_karbon_ctx_t, bad_lines),
      NGX_STREAM_VAR_NOCACHEABLE, 0 },

      ngx_stream_null_variable
};


static ngx_int_t
ngx_stream_karbon_add_variables(ngx_conf_t *cf)
{
    ngx_stream_variable_t  *var, *v;

    for (v = ngx_stream_karbon_vars; v->name.len; v++) {
        var = ngx_stream_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_karbon_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    u_char                   *p;
    ngx_stream_karbon_ctx_t  *ctx;

    ctx = ngx_stream_get_module_ctx(s, ngx_karbon_stream_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(s->connection->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(p, "%ui", *(ngx_uint_t *) ((char *) ctx + data)) - p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = p;

    return NGX_OK;
}


static void *
ngx_stream_karbon_create_main_conf(ngx_conf_t *cf)
{
    ngx_stream_karbon_main_conf_t  *kmcf;

    kmcf = ngx_pcalloc(cf->pool, sizeof(ngx_stream_karbon_main_conf_t));
    if (kmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     kmcf->servers = 0;
     *     kmcf->zone = NULL;
     *     kmcf->worker = NULL;
     */

    ngx_torus_conf_create(&kmcf->torus);

    kmcf->future = NGX_CONF_UNSET;

    return kmcf;
}


static char *
ngx_stream_karbon_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_stream_karbon_main_conf_t *kmcf = conf;

    ngx_conf_init_value(kmcf->future, 0);

    return ngx_torus_conf_init(cf, &kmcf->torus);
}


static void *
ngx_stream_karbon_create_srv_conf(ngx_conf_t *cf)
{
    ngx_stream_karbon_srv_conf_t  *kscf;

    kscf = ngx_pcalloc(cf->pool, sizeof(ngx_stream_karbon_srv_conf_t));
    if (kscf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     kscf->warned = 0;
     *     kscf->suppressed = 0;
     *     kscf->new_second = 0;
     *     kscf->new_count = 0;
     */

    kscf->enable = NGX_CONF_UNSET;
    kscf->protocol = NGX_CONF_UNSET_UINT;
    kscf->linger = NGX_CONF_UNSET_MSEC;
    kscf->idle_timeout = NGX_CONF_UNSET_MSEC;
    kscf->carbon.line_max = NGX_CONF_UNSET_SIZE;
    kscf->carbon.path_max = NGX_CONF_UNSET_SIZE;
    kscf->frame_max = NGX_CONF_UNSET_SIZE;
    kscf->past = NGX_CONF_UNSET;
    kscf->new_stats = NGX_CONF_UNSET;

    return kscf;
}


static char *
ngx_stream_karbon_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_stream_karbon_srv_conf_t *prev = parent;
    ngx_stream_karbon_srv_conf_t *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_uint_value(conf->protocol, prev->protocol,
                              NGX_STREAM_KARBON_LINE);
    ngx_conf_merge_msec_value(conf->linger, prev->linger, 2000);
    ngx_conf_merge_msec_value(conf->idle_timeout, prev->idle_timeout, 0);
    ngx_conf_merge_size_value(conf->carbon.line_max, prev->carbon.line_max,
                              TORUS_CARBON_LINE_MAX);
    ngx_conf_merge_size_value(conf->carbon.path_max, prev->carbon.path_max,
                              TORUS_CARBON_PATH_MAX);
    ngx_conf_merge_size_value(conf->frame_max, prev->frame_max,
                              TORUS_PICKLE_FRAME_MAX);
    ngx_conf_merge_sec_value(conf->past, prev->past, 0);
    ngx_conf_merge_value(conf->new_stats, prev->new_stats, 0);

    if (conf->frame_max < 1 || conf->frame_max > TORUS_PICKLE_FRAME_LIMIT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"karbon_frame_max\" must be from 1 to %uzm",
                           (size_t) TORUS_PICKLE_FRAME_LIMIT / 1024 / 1024);
        return NGX_CONF_ERROR;
    }

    return ngx_torus_conf_path_max(cf, "karbon", conf->carbon.path_max,
                                   conf->carbon.line_max);
}


static char *
ngx_stream_karbon(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_karbon_srv_conf_t *kscf = conf;

    char                           *rv;
    ngx_stream_core_srv_conf_t     *cscf;
    ngx_stream_karbon_main_conf_t  *kmcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || !kscf->enable) {
        return rv;
    }

    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);
    cscf->handler = ngx_stream_karbon_handler;

    kmcf = ngx_stream_conf_get_module_main_conf(cf, ngx_karbon_stream_module);
    kmcf->servers++;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_stream_karbon_init(ngx_conf_t *cf)
{
    ngx_stream_core_srv_conf_t     *cscf;
    ngx_stream_karbon_main_conf_t  *kmcf;

    kmcf = ngx_stream_conf_get_module_main_conf(cf, ngx_karbon_stream_module);
    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);

    ngx_torus_conf_resolver(&kmcf->torus, cscf->resolver,
                            cscf->resolver_timeout);

    if (ngx_torus_conf_load(cf, &kmcf->torus) != NGX_OK) {
        return NGX_ERROR;
    }

    if (kmcf->servers && kmcf->torus.set == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"karbon on\" needs a \"karbon_schema\" in the "
                      "\"stream\" block");
        return NGX_ERROR;
    }

    if (kmcf->servers) {
        kmcf->zone = ngx_torus_zone_add(cf);
        if (kmcf->zone == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_karbon_init_process(ngx_cycle_t *cycle)
{
    ngx_torus_ingest_conf_t         conf;
    ngx_stream_karbon_worker_t     *worker;
    ngx_stream_karbon_main_conf_t  *kmcf;

    if (!ngx_torus_conf_is_worker()) {
        return NGX_OK;
    }

    kmcf = ngx_stream_cycle_get_module_main_conf(cycle,
                                                 ngx_karbon_stream_module);

    if (kmcf == NULL || kmcf->torus.set == NULL || kmcf->servers == 0) {
        return NGX_OK;
    }

    worker = ngx_pcalloc(cycle->pool, sizeof(ngx_stream_karbon_worker_t));
    if (worker == NULL) {
        return NGX_ERROR;
    }

    worker->buffer = ngx_palloc(cycle->pool, NGX_STREAM_KARBON_BUFFER);
    if (worker->buffer == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&worker->blocked);

    worker->resume.handler = ngx_stream_karbon_resume_handler;
    worker->resume.data = worker;
    worker->resume.log = cycle->log;

    worker->slot = ngx_torus_zone_attach(kmcf->zone, NGX_TORUS_ZONE_KARBON,
                                         kmcf->torus.set, cycle->pool,
                                         cycle->log);
    if (worker->slot == NULL) {
        return NGX_ERROR;
    }

    /* so that exit_process finds what there is, should this fail midway */
    kmcf->worker = worker;

    conf.torus = &kmcf->torus;
    conf.slot = worker->slot;
    ngx_str_set(&conf.name, "karbon");
    conf.future = kmcf->future;
    conf.on_room = ngx_stream_karbon_room;
    conf.data = worker;

    if (ngx_torus_ingest_init(&worker->ingest, &conf, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a link of this module, two of the other, for each host */

    worker->reserved = ngx_min(3 * worker->ingest.nwriters,
                               cycle->connection_n / 4);

    return NGX_OK;
}


/*
 * Called from inside a writer: the sessions go on from an event of their
 * own, so that a writer is never entered again from itself.
 */

static void
ngx_stream_karbon_room(ngx_torus_writer_t *w, void *data)
{
    ngx_stream_karbon_worker_t *worker = data;

    if (!ngx_queue_empty(&worker->blocked)) {
        ngx_post_event(&worker->resume, &ngx_posted_events);
    }
}


static void
ngx_stream_karbon_resume_handler(ngx_event_t *ev)
{
    ngx_stream_karbon_resume(ev->data);
}


static void
ngx_stream_karbon_exit_process(ngx_cycle_t *cycle)
{
    ngx_stream_karbon_worker_t     *worker;
    ngx_stream_karbon_main_conf_t  *kmcf;

    kmcf = ngx_stream_cycle_get_module_main_conf(cycle,
                                                 ngx_karbon_stream_module);

    if (kmcf == NULL || kmcf->worker == NULL) {
        return;
    }

    worker = kmcf->worker;
    kmcf->worker = NULL;

    ngx_torus_ingest_exit(&worker->ingest);
    ngx_torus_zone_detach(kmcf->zone, worker->slot);
}
