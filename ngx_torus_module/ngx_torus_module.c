/*
 * Directives of the HTTP module, and what a worker process owns: the clients
 * that ask Redis, and where points are inserted what stores them.
 */

#include "ngx_torus_module.h"


static ngx_int_t ngx_http_torus_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_torus_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_torus_redis_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void *ngx_http_torus_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_torus_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_torus_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_torus_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_torus_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_torus_query(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_torus_open(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_torus_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_http_torus_root(ngx_conf_t *cf,
    ngx_http_torus_loc_conf_t *tlcf, ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_torus_location(ngx_conf_t *cf,
    ngx_http_torus_loc_conf_t *tlcf, ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_torus_exact(ngx_conf_t *cf,
    ngx_http_torus_loc_conf_t *tlcf, ngx_str_t *name);
static ngx_int_t ngx_http_torus_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_torus_zones(ngx_conf_t *cf,
    ngx_http_torus_main_conf_t *tmcf);
static ngx_int_t ngx_http_torus_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_torus_init_process(ngx_cycle_t *cycle);
static void ngx_http_torus_exit_process(ngx_cycle_t *cycle);


static ngx_conf_num_bounds_t  ngx_http_torus_connections_bounds = {
    ngx_torus_conf_bounds, 1, 64
};


static ngx_conf_num_bounds_t  ngx_http_torus_window_bounds = {
    ngx_torus_conf_bounds, 1, 64
};


static ngx_conf_num_bounds_t  ngx_http_torus_depth_bounds = {
    ngx_torus_conf_bounds, 1, TORUS_TARGET_MAX_DEPTH
};


static ngx_conf_enum_t  ngx_http_torus_open_buckets[] = {
    { ngx_string("answer"), 1 },
    { ngx_string("null"), 0 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_torus_commands[] = {

    { ngx_string("torus_query"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_TAKE12,
      ngx_http_torus_query,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("torus_insert"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_FLAG,
      ngx_http_torus_open,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, insert),
      NULL },

    { ngx_string("torus_delete"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_FLAG,
      ngx_http_torus_open,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, delete),
      NULL },

    { ngx_string("torus_explain"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, explain),
      NULL },

    { ngx_string("torus_status"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_TAKE1,
      ngx_http_torus_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("torus_schema"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_torus_conf_schema,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("torus_timezones"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, zones_dir),
      NULL },

    { ngx_string("torus_redis_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, torus.connect_timeout),
      &ngx_torus_conf_not_zero },

    { ngx_string("torus_redis_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, torus.timeout),
      &ngx_torus_conf_not_zero },

    { ngx_string("torus_redis_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, torus.queue),
      &ngx_torus_conf_not_zero },

    { ngx_string("torus_redis_connections"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, connections),
      &ngx_http_torus_connections_bounds },

    { ngx_string("torus_redis_reply_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, reply_max),
      &ngx_torus_conf_not_zero },

    { ngx_string("torus_redis_window"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, torus.window),
      &ngx_http_torus_window_bounds },

    { ngx_string("torus_redis_drain"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, torus.drain),
      NULL },

    { ngx_string("torus_route_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, torus.route_cache),
      NULL },

    { ngx_string("torus_index"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, torus.index),
      NULL },

    { ngx_string("torus_future"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, future),
      NULL },

    { ngx_string("torus_slice"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_torus_main_conf_t, slice),
      &ngx_torus_conf_not_zero },

    { ngx_string("torus_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, timeout),
      NULL },

    { ngx_string("torus_buffer_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, buffer),
      NULL },

    { ngx_string("torus_max_stats"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, max_stats),
      NULL },

    { ngx_string("torus_max_points"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, max_points),
      NULL },

    { ngx_string("torus_max_names"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, max_names),
      NULL },

    { ngx_string("torus_max_targets"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, max_targets),
      NULL },

    { ngx_string("torus_max_series"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, max_series),
      NULL },

    { ngx_string("torus_max_target_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, target.text),
      NULL },

    { ngx_string("torus_max_calls"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, target.calls),
      NULL },

    { ngx_string("torus_max_depth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, target.depth),
      &ngx_http_torus_depth_bounds },

    { ngx_string("torus_open_bucket"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_torus_conf_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, open_bucket),
      ngx_http_torus_open_buckets },

    { ngx_string("torus_max_body"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, max_body),
      NULL },

    { ngx_string("torus_max_memory"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, max_memory),
      NULL },

    { ngx_string("torus_insert_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, insert_timeout),
      NULL },

    { ngx_string("torus_line_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, carbon.line_max),
      NULL },

    { ngx_string("torus_path_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_torus_loc_conf_t, carbon.path_max),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_torus_module_ctx = {
    ngx_http_torus_add_variables,          /* preconfiguration */
    ngx_http_torus_init,                   /* postconfiguration */

    ngx_http_torus_create_main_conf,       /* create main configuration */
    ngx_http_torus_init_main_conf,         /* init main configuration */

    ngx_http_torus_create_srv_conf,        /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_torus_create_loc_conf,        /* create location configuration */
    ngx_http_torus_merge_loc_conf          /* merge location configuration */
};


ngx_module_t  ngx_torus_module = {
    NGX_MODULE_V1,
    &ngx_torus_module_ctx,                 /* module context */
    ngx_http_torus_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_torus_init_module,            /* init module */
    ngx_http_torus_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_torus_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* For logs: known when the answer is. */

static ngx_http_variable_t  ngx_http_torus_vars[] = {

    { ngx_string("torus_points"), NULL, ngx_http_torus_variable,
      offsetof(torus_request_stats_t, points), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("torus_rows"), NULL, ngx_http_torus_variable,
      offsetof(torus_request_stats_t, rows), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("torus_commands"), NULL, ngx_http_torus_variable,
      offsetof(torus_request_stats_t, commands), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string("torus_rounds"), NULL, ngx_http_torus_variable,
      offsetof(torus_request_stats_t, rounds), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("torus_memory"), NULL, ngx_http_torus_variable,
      offsetof(torus_request_stats_t, memory), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("torus_redis_time"), NULL, ngx_http_torus_redis_time, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_torus_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_torus_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_torus_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                *p;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_torus_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(p, "%uL", *(uint64_t *) ((u_char *) &ctx->stats
                                                  + data))
             - p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = p;

    return NGX_OK;
}


/* Seconds with milliseconds, as $request_time has them. */

static ngx_int_t
ngx_http_torus_redis_time(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                *p;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_torus_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(p, "%T.%03M", (time_t) ctx->redis_time / 1000,
                         ctx->redis_time % 1000)
             - p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = p;

    return NGX_OK;
}


static void *
ngx_http_torus_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_torus_main_conf_t));
    if (tmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tmcf->used_file = { 0, NULL };
     *     tmcf->used_line = 0;
     *     tmcf->zone = NULL;
     *     tmcf->clients = NULL;
     *     tmcf->slot = NULL;
     *     tmcf->inserts = 0;
     *     tmcf->zones_dir = { 0, NULL };
     *     tmcf->zones = NULL;
     *     tmcf->worker = NULL;
     */

    ngx_torus_conf_create(&tmcf->torus);

    tmcf->connections = NGX_CONF_UNSET_UINT;
    tmcf->reply_max = NGX_CONF_UNSET_SIZE;
    tmcf->future = NGX_CONF_UNSET;
    tmcf->slice = NGX_CONF_UNSET_MSEC;

    return tmcf;
}


static char *
ngx_http_torus_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_torus_main_conf_t *tmcf = conf;

    ngx_conf_init_uint_value(tmcf->connections, 2);
    ngx_conf_init_size_value(tmcf->reply_max, 256 * 1024 * 1024);
    ngx_conf_init_value(tmcf->future, 0);
    ngx_conf_init_msec_value(tmcf->slice, 2);

    return ngx_torus_conf_init(cf, &tmcf->torus);
}


static void *
ngx_http_torus_create_srv_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     tscf->root = NULL;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_torus_srv_conf_t));
}


static void *
ngx_http_torus_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_torus_loc_conf_t  *tlcf;

    tlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_torus_loc_conf_t));
    if (tlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tlcf->prefix = { 0, NULL };
     *     tlcf->command = { 0, NULL };
     */

    tlcf->status = NGX_CONF_UNSET_UINT;
    tlcf->query = NGX_CONF_UNSET;
    tlcf->insert = NGX_CONF_UNSET;
    tlcf->delete = NGX_CONF_UNSET;
    tlcf->explain = NGX_CONF_UNSET;
    tlcf->insert_timeout = NGX_CONF_UNSET_MSEC;
    tlcf->carbon.line_max = NGX_CONF_UNSET_SIZE;
    tlcf->carbon.path_max = NGX_CONF_UNSET_SIZE;
    tlcf->max_stats = NGX_CONF_UNSET_UINT;
    tlcf->max_points = NGX_CONF_UNSET_UINT;
    tlcf->max_names = NGX_CONF_UNSET_UINT;
    tlcf->max_targets = NGX_CONF_UNSET_UINT;
    tlcf->max_series = NGX_CONF_UNSET_UINT;
    tlcf->target.text = NGX_CONF_UNSET_SIZE;
    tlcf->target.calls = NGX_CONF_UNSET_SIZE;
    tlcf->target.depth = NGX_CONF_UNSET_SIZE;
    tlcf->open_bucket = NGX_CONF_UNSET_UINT;
    tlcf->max_body = NGX_CONF_UNSET_SIZE;
    tlcf->max_memory = NGX_CONF_UNSET_SIZE;
    tlcf->buffer = NGX_CONF_UNSET_SIZE;
    tlcf->timeout = NGX_CONF_UNSET_MSEC;

    return tlcf;
}


static char *
ngx_http_torus_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_torus_loc_conf_t *prev = parent;
    ngx_http_torus_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /*
     * nginx runs the handler of a location with the configuration of an "if"
     * block inside it, which has to know what the location cuts; in a
     * "limit_except" block even the handler has to be set.
     */

    if (conf->status != NGX_CONF_UNSET_UINT
        && conf->status != NGX_HTTP_TORUS_STATUS_OFF)
    {
        conf->query = 0;
        conf->insert = 0;
        conf->delete = 0;
        conf->explain = 0;
    }

    if (clcf->noname && conf->insert == NGX_CONF_UNSET) {
        conf->insert = prev->insert;
    }

    if (clcf->noname && conf->delete == NGX_CONF_UNSET) {
        conf->delete = prev->delete;
    }

    if (clcf->noname && conf->explain == NGX_CONF_UNSET) {
        conf->explain = prev->explain;
    }

    if (clcf->noname && conf->query == NGX_CONF_UNSET) {
        conf->query = prev->query;
        conf->prefix = prev->prefix;
        conf->command = prev->command;

        if (clcf->lmt_excpt && clcf->handler == NULL && conf->query == 1) {
            clcf->handler = ngx_http_torus_handler;
        }
    }

    if (clcf->noname && conf->status == NGX_CONF_UNSET_UINT
        && conf->query != 1)
    {
        conf->status = prev->status;
        conf->prefix = prev->prefix;

        if (clcf->lmt_excpt && clcf->handler == NULL
            && conf->status != NGX_CONF_UNSET_UINT
            && conf->status != NGX_HTTP_TORUS_STATUS_OFF)
        {
            clcf->handler = ngx_http_torus_status_handler;
        }
    }

    ngx_conf_merge_uint_value(conf->status, NGX_CONF_UNSET_UINT,
                              NGX_HTTP_TORUS_STATUS_OFF);
    ngx_conf_merge_value(conf->query, NGX_CONF_UNSET, 0);
    ngx_conf_merge_value(conf->insert, NGX_CONF_UNSET, 0);
    ngx_conf_merge_value(conf->delete, NGX_CONF_UNSET, 0);
    ngx_conf_merge_value(conf->explain, NGX_CONF_UNSET, 0);
    ngx_conf_merge_uint_value(conf->max_stats, prev->max_stats,
                              TORUS_LIMIT_STATS);
    ngx_conf_merge_uint_value(conf->max_points, prev->max_points,
                              TORUS_LIMIT_POINTS);
    ngx_conf_merge_uint_value(conf->max_names, prev->max_names,
                              TORUS_LIMIT_NAMES);
    ngx_conf_merge_uint_value(conf->max_targets, prev->max_targets,
                              TORUS_LIMIT_TARGETS);
    ngx_conf_merge_uint_value(conf->max_series, prev->max_series,
                              TORUS_LIMIT_SERIES);
    ngx_conf_merge_size_value(conf->target.text, prev->target.text,
                              TORUS_TARGET_TEXT);
    ngx_conf_merge_size_value(conf->target.calls, prev->target.calls,
                              TORUS_TARGET_CALLS);
    ngx_conf_merge_size_value(conf->target.depth, prev->target.depth,
                              TORUS_TARGET_DEPTH);
    ngx_conf_merge_uint_value(conf->open_bucket, prev->open_bucket, 1);
    ngx_conf_merge_size_value(conf->max_body, prev->max_body, 1024 * 1024);
    ngx_conf_merge_size_value(conf->max_memory, prev->max_memory,
                              TORUS_LIMIT_MEMORY);
    ngx_conf_merge_size_value(conf->buffer, prev->buffer, 64 * 1024);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 30000);
    ngx_conf_merge_msec_value(conf->insert_timeout, prev->insert_timeout,
                              5000);
    ngx_conf_merge_size_value(conf->carbon.line_max, prev->carbon.line_max,
                              TORUS_CARBON_LINE_MAX);
    ngx_conf_merge_size_value(conf->carbon.path_max, prev->carbon.path_max,
                              TORUS_CARBON_PATH_MAX);

    if ((conf->insert || conf->delete || conf->explain) && !conf->query) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s on\" in location \"%V\" needs "
                           "\"torus_query on\" beside it",
                           conf->insert ? "torus_insert"
                           : conf->delete ? "torus_delete" : "torus_explain",
                           &clcf->name);
        return NGX_CONF_ERROR;
    }

    return ngx_torus_conf_path_max(cf, "torus", conf->carbon.path_max,
                                   conf->carbon.line_max);
}


/* torus_query on | off [prefix=/x]; */

static char *
ngx_http_torus_query(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_torus_loc_conf_t *tlcf = conf;

    ngx_str_t                   *value;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_torus_main_conf_t  *tmcf;

    if (tlcf->query != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "prefix=/", 8) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"torus_query\" "
                               "directive, it must be \"prefix=/...\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        tlcf->prefix.len = value[2].len - 7;
        tlcf->prefix.data = value[2].data + 7;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        tlcf->query = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "on") != 0) {
        return ngx_torus_conf_invalid(cf, "\"on\" or \"off\"");
    }

    tlcf->query = 1;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_torus_module);

    if (tmcf->used_line == 0) {
        tmcf->used_file = cf->conf_file->file.name;
        tmcf->used_line = cf->conf_file->line;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_torus_status_handler) {
        return "cannot share a location with \"torus_status\"";
    }

    clcf->handler = ngx_http_torus_handler;

    ngx_http_torus_root(cf, tlcf, clcf);

    return ngx_http_torus_location(cf, tlcf, clcf);
}


/*
 * torus_insert on | off; torus_delete on | off; open a command of a location
 * of queries.
 */

static char *
ngx_http_torus_open(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                        *rv;
    ngx_flag_t                  *flag;
    ngx_http_torus_main_conf_t  *tmcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    flag = (ngx_flag_t *) ((char *) conf + cmd->offset);

    if (*flag && cmd->offset == offsetof(ngx_http_torus_loc_conf_t, insert)) {
        tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_torus_module);
        tmcf->inserts++;
    }

    return NGX_CONF_OK;
}


/* torus_status on | prometheus | off; */

static char *
ngx_http_torus_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_torus_loc_conf_t *tlcf = conf;

    ngx_str_t                   *value;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_torus_main_conf_t  *tmcf;

    if (tlcf->status != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        tlcf->status = NGX_HTTP_TORUS_STATUS_OFF;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "on") == 0) {
        tlcf->status = NGX_HTTP_TORUS_STATUS_JSON;

    } else if (ngx_strcmp(value[1].data, "prometheus") == 0) {
        tlcf->status = NGX_HTTP_TORUS_STATUS_PROMETHEUS;

    } else {
        return ngx_torus_conf_invalid(cf, "\"on\", \"prometheus\" or "
                                      "\"off\"");
    }

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_torus_module);
    tmcf->pages++;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_torus_handler) {
        return "cannot share a location with \"torus_query\"";
    }

    clcf->handler = ngx_http_torus_status_handler;

    /* elsewhere the end of the URI tells what is asked for */

    if (!clcf->noname && !clcf->named && !clcf->exact_match
#if (NGX_PCRE)
        && clcf->regex == NULL
#endif
       )
    {
        tlcf->prefix = clcf->name;
    }

    return NGX_CONF_OK;
}


/* What belongs to no location is refused as in this one. */

static void
ngx_http_torus_root(ngx_conf_t *cf, ngx_http_torus_loc_conf_t *tlcf,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_http_torus_srv_conf_t  *tscf;

    if (clcf->name.len != 1 || clcf->name.data[0] != '/' || clcf->noname
        || clcf->named || clcf->exact_match)
    {
        return;
    }

#if (NGX_PCRE)

    if (clcf->regex != NULL) {
        return;
    }

#endif

    tscf = ngx_http_conf_get_module_srv_conf(cf, ngx_torus_module);
    tscf->root = tlcf;
}


/* What to cut from the URIs of this location. */

static char *
ngx_http_torus_location(ngx_conf_t *cf, ngx_http_torus_loc_conf_t *tlcf,
    ngx_http_core_loc_conf_t *clcf)
{
    const char  *kind;

    if (tlcf->prefix.len) {
        return NGX_CONF_OK;
    }

    kind = NULL;

    if (clcf->noname) {
        kind = "an \"if\" block";
    }

    if (clcf->named) {
        kind = "a named location";
    }

#if (NGX_PCRE)

    if (clcf->regex != NULL && !clcf->noname) {
        kind = "a location given by regular expression";
    }

#endif

    if (kind != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"torus_query\" in %s needs \"prefix=\", what to "
                           "cut from the URI to find the command", kind);
        return NGX_CONF_ERROR;
    }

    if (clcf->exact_match) {
        return ngx_http_torus_exact(cf, tlcf, &clcf->name);
    }

    tlcf->prefix = clcf->name;

    return NGX_CONF_OK;
}


/* An exact location is one command: the longest known that ends its name. */

static char *
ngx_http_torus_exact(ngx_conf_t *cf, ngx_http_torus_loc_conf_t *tlcf,
    ngx_str_t *name)
{
    u_char           *p, *last;
    ngx_uint_t        command;

    last = name->data + name->len;

    while (last > name->data && last[-1] == '/') {
        last--;
    }

    for (p = name->data; p < last; p++) {

        if (p != name->data && p[-1] != '/') {
            continue;
        }

        if (ngx_http_torus_find(torus_str(p, last - p), &command)
            == TORUS_OK)
        {
            tlcf->command.len = last - p;
            tlcf->command.data = p;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "no torus command ends the name of the exact location "
                       "\"%V\"", name);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_torus_init(ngx_conf_t *cf)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_torus_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_torus_conf_resolver(&tmcf->torus, clcf->resolver,
                            clcf->resolver_timeout);

    if (ngx_torus_conf_load(cf, &tmcf->torus) != NGX_OK) {
        return NGX_ERROR;
    }

    if (tmcf->used_line == 0 && tmcf->pages == 0) {
        return NGX_OK;
    }

    if (tmcf->used_line && tmcf->torus.set == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"torus_query on\" needs a \"torus_schema\" in the "
                      "\"http\" block in %V:%ui",
                      &tmcf->used_file, tmcf->used_line);
        return NGX_ERROR;
    }

    tmcf->zone = ngx_torus_zone_add(cf);

    return tmcf->zone == NULL ? NGX_ERROR : ngx_http_torus_zones(cf, tmcf);
}


/* Without any "torus_timezones" a machine may do without tzdata. */

static ngx_int_t
ngx_http_torus_zones(ngx_conf_t *cf, ngx_http_torus_main_conf_t *tmcf)
{
    ngx_str_t   dir;
    ngx_uint_t  level;

    dir = tmcf->zones_dir;
    level = NGX_LOG_EMERG;

    if (dir.len == 3 && ngx_strncmp(dir.data, "off", 3) == 0) {
        return NGX_OK;
    }

    if (dir.len == 0) {
        ngx_str_set(&dir, NGX_TORUS_TZ_DIR);
        level = NGX_LOG_NOTICE;
    }

    if (ngx_conf_full_name(cf->cycle, &dir, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    tmcf->zones = ngx_torus_tz_read(cf, &dir, level);

    return tmcf->zones == NULL && level == NGX_LOG_EMERG ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_torus_init_module(ngx_cycle_t *cycle)
{
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_torus_module);

    if (tmcf == NULL) {
        return NGX_OK;
    }

    ngx_torus_conf_compare(cycle, &tmcf->torus, "ngx_stream_module",
                           "ngx_karbon_stream_module");

    return NGX_OK;
}


static ngx_int_t
ngx_http_torus_init_process(ngx_cycle_t *cycle)
{
    ngx_http_torus_main_conf_t  *tmcf;

    if (!ngx_torus_conf_is_worker()) {
        return NGX_OK;
    }

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_torus_module);

    if (tmcf == NULL || tmcf->used_line == 0) {
        return NGX_OK;
    }

    tmcf->slot = ngx_torus_zone_attach(tmcf->zone, NGX_TORUS_ZONE_TORUS,
                                       tmcf->torus.set, cycle->pool,
                                       cycle->log);
    if (tmcf->slot == NULL) {
        return NGX_ERROR;
    }

    tmcf->turns.values = tmcf->slot->turns;
    tmcf->turns.slice = (uint64_t) tmcf->slice * 1000;

    tmcf->clients = ngx_torus_clients_create(&tmcf->torus, tmcf->connections,
                                             tmcf->reply_max, &tmcf->turns,
                                             cycle->log);
    if (tmcf->clients == NULL) {
        return NGX_ERROR;
    }

    return tmcf->inserts ? ngx_http_torus_init_store(cycle, tmcf) : NGX_OK;
}


/* After the last reply, or when nobody waits for one any more. */

static void
ngx_http_torus_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_torus_module);

    if (tmcf == NULL) {
        return;
    }

    if (tmcf->clients != NULL) {
        ngx_torus_clients_destroy(tmcf->clients);
        tmcf->clients = NULL;
    }

    if (tmcf->worker != NULL) {
        ngx_http_torus_exit_store(tmcf);
    }

    if (tmcf->slot != NULL) {
        ngx_torus_zone_detach(tmcf->zone, tmcf->slot);
        tmcf->slot = NULL;
    }
}
