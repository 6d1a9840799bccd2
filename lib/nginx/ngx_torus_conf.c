/*
 * The configuration both modules share: reads the schema files that the
 * directives name, has the core make a schema set of them, and looks up the
 * hosts.  All of it happens while nginx reads its configuration; a worker
 * never opens a file and never resolves a name.
 */

#include "ngx_torus_conf.h"
#include "torus_carbon.h"

#include <sys/random.h>


/* Where the schema loader's messages go. */
typedef struct {
    ngx_log_t   *log;
    ngx_uint_t   quiet;          /* no warnings: they were told before */
} ngx_torus_conf_report_t;


/* No schema needs more, and a mistyped path may name anything. */
#define NGX_TORUS_SCHEMA_FILE_MAX  (16 * 1024 * 1024)


static ngx_int_t ngx_torus_conf_add_file(ngx_conf_t *cf,
    ngx_torus_conf_t *conf, ngx_str_t *name);
static ngx_int_t ngx_torus_conf_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text);
static ngx_uint_t ngx_torus_conf_known(ngx_cycle_t *cycle,
    ngx_torus_conf_t *conf);
static void ngx_torus_conf_report(void *data, torus_report_level_t level,
    const char *text);
static ngx_int_t ngx_torus_conf_overflows(ngx_conf_t *cf,
    ngx_torus_conf_t *conf);
static ngx_int_t ngx_torus_conf_host_name(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *name);
static ngx_int_t ngx_torus_conf_resolve(ngx_conf_t *cf,
    ngx_torus_conf_t *conf, const torus_host_t *host,
    ngx_torus_host_t *resolved);
static const torus_schema_t *ngx_torus_conf_user(
    const torus_schema_set_t *set, const torus_host_t *host);
static ngx_uint_t ngx_torus_conf_literal(const torus_host_t *host);
static ngx_torus_conf_t *ngx_torus_conf_of(ngx_cycle_t *cycle,
    const char *block, const char *module);
static ngx_module_t *ngx_torus_conf_module(ngx_cycle_t *cycle,
    const char *name);
static void ngx_torus_conf_cleanup(void *data);
static char *ngx_torus_conf_positive(ngx_conf_t *cf, void *post, void *data);


ngx_conf_post_t  ngx_torus_conf_not_zero = { ngx_torus_conf_positive };


void
ngx_torus_conf_create(ngx_torus_conf_t *conf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     conf->sources = NULL;
     *     conf->set = NULL;
     *     conf->hosts = NULL;
     */

    conf->magic = NGX_TORUS_CONF_MAGIC;
    conf->connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->drain = NGX_CONF_UNSET_MSEC;
    conf->queue = NGX_CONF_UNSET_SIZE;
    conf->window = NGX_CONF_UNSET_UINT;
    conf->route_cache = NGX_CONF_UNSET_SIZE;
    conf->index = NGX_CONF_UNSET;
}


char *
ngx_torus_conf_init(ngx_conf_t *cf, ngx_torus_conf_t *conf)
{
    ngx_conf_init_msec_value(conf->connect_timeout, 1000);
    ngx_conf_init_msec_value(conf->timeout, 5000);
    ngx_conf_init_msec_value(conf->drain, 2000);
    ngx_conf_init_size_value(conf->queue, 64 * 1024 * 1024);
    ngx_conf_init_uint_value(conf->window, 16);
    ngx_conf_init_size_value(conf->route_cache, 64 * 1024 * 1024);
    ngx_conf_init_value(conf->index, 1);

    return NGX_CONF_OK;
}


char *
ngx_torus_conf_schema(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_torus_conf_t *tcf = conf;

    ngx_int_t    n;
    ngx_str_t    file, name, *value;
    ngx_glob_t   gl;
    ngx_uint_t   found;

    value = cf->args->elts;
    file = value[1];

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (strpbrk((char *) file.data, "*?[") == NULL) {
        return ngx_torus_conf_add_file(cf, tcf, &file) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    ngx_memzero(&gl, sizeof(ngx_glob_t));

    gl.pattern = file.data;
    gl.log = cf->log;
    gl.test = 1;

    if (ngx_open_glob(&gl) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_glob_n " \"%s\" failed", file.data);
        return NGX_CONF_ERROR;
    }

    found = 0;

    for ( ;; ) {
        n = ngx_read_glob(&gl, &name);

        if (n != NGX_OK) {
            break;
        }

        found++;

        /* the name belongs to the glob, what is kept must not */

        file.len = name.len++;
        file.data = ngx_pstrdup(cf->pool, &name);

        if (file.data == NULL
            || ngx_torus_conf_add_file(cf, tcf, &file) != NGX_OK)
        {
            ngx_close_glob(&gl);
            return NGX_CONF_ERROR;
        }
    }

    ngx_close_glob(&gl);

    if (found == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no schema file matches \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_torus_conf_add_file(ngx_conf_t *cf, ngx_torus_conf_t *conf,
    ngx_str_t *name)
{
    ngx_str_t               text;
    torus_schema_source_t  *source;

    if (conf->sources == NULL) {
        conf->sources = ngx_array_create(cf->pool, 4,
                                         sizeof(torus_schema_source_t));
        if (conf->sources == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_torus_conf_read(cf, name, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    source = ngx_array_push(conf->sources);
    if (source == NULL) {
        return NGX_ERROR;
    }

    source->file = torus_str(name->data, name->len);
    source->text = torus_str(text.data, text.len);

    return NGX_OK;
}


/* The whole file, in cf->pool. */

static ngx_int_t
ngx_torus_conf_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    size_t           size;
    ssize_t          n;
    ngx_int_t        rc;
    ngx_file_t       file;
    ngx_file_info_t  fi;

    rc = NGX_ERROR;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;

    /* nonblocking: a fifo in the way must not hold up the start */

    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (ngx_fd_info(file.fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        goto done;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "schema file \"%V\" is not a regular file", name);
        goto done;
    }

    if (ngx_file_size(&fi) > NGX_TORUS_SCHEMA_FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "schema file \"%V\" is larger than %d bytes",
                           name, NGX_TORUS_SCHEMA_FILE_MAX);
        goto done;
    }

    size = (size_t) ngx_file_size(&fi);

    text->len = 0;
    text->data = ngx_pnalloc(cf->pool, size + 1);
    if (text->data == NULL) {
        goto done;
    }

    while (text->len < size) {
        n = ngx_read_file(&file, text->data + text->len, size - text->len,
                          text->len);

        if (n == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_file_n " \"%V\" failed", name);
            goto done;
        }

        if (n == 0) {
            break;
        }

        text->len += n;
    }

    rc = NGX_OK;

done:

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


ngx_int_t
ngx_torus_conf_load(ngx_conf_t *cf, ngx_torus_conf_t *conf)
{
    int                      rc;
    size_t                   i;
    ngx_pool_cleanup_t      *cln;
    ngx_torus_conf_report_t  to;

    if (conf->sources == NULL) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    to.log = cf->log;
    to.quiet = ngx_torus_conf_known(cf->cycle, conf);

    rc = torus_schema_load(conf->sources->elts, conf->sources->nelts,
                           ngx_torus_conf_report, &to, &conf->set);

    if (rc != TORUS_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_torus_conf_cleanup;
    cln->data = conf->set;

    conf->hosts = ngx_pcalloc(cf->pool,
                              conf->set->nhosts * sizeof(ngx_torus_host_t));
    if (conf->hosts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->set->nhosts; i++) {
        if (ngx_torus_conf_resolve(cf, conf, &conf->set->hosts[i],
                                   &conf->hosts[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_torus_conf_overflows(cf, conf);
}


/* nginx makes one without servers where there is no directive. */

void
ngx_torus_conf_resolver(ngx_torus_conf_t *conf, ngx_resolver_t *resolver,
    ngx_msec_t timeout)
{
    if (resolver == NULL || resolver->connections.nelts == 0) {
        return;
    }

    conf->resolver = resolver;
    conf->resolver_timeout = (timeout == NGX_CONF_UNSET_MSEC) ? 30000
                                                              : timeout;
}


char *
ngx_torus_conf_overflow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_torus_conf_t *tcf = conf;

    ngx_str_t              host, *value;
    ngx_uint_t             i, drop;
    ngx_torus_overflow_t  *o;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "drop") == 0) {
        drop = 1;

    } else if (ngx_strcmp(value[1].data, "block") == 0) {
        drop = 0;

    } else {
        return ngx_torus_conf_invalid(cf, "\"block\" or \"drop\"");
    }

    /* an empty name, and no NULL, which must not be compared */
    ngx_str_set(&host, "");

    if (cf->args->nelts > 2
        && ngx_torus_conf_host_name(cf, &value[2], &host) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (tcf->overflows == NULL) {
        tcf->overflows = ngx_array_create(cf->pool, 2,
                                          sizeof(ngx_torus_overflow_t));
        if (tcf->overflows == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    o = tcf->overflows->elts;

    for (i = 0; i < tcf->overflows->nelts; i++) {
        if (o[i].host.len == host.len
            && ngx_memcmp(o[i].host.data, host.data, host.len) == 0)
        {
            return "is duplicate";
        }
    }

    o = ngx_array_push(tcf->overflows);
    if (o == NULL) {
        return NGX_CONF_ERROR;
    }

    o->host = host;
    o->drop = drop;
    o->file = cf->conf_file->file.name;
    o->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


char *
ngx_torus_conf_bounds(ngx_conf_t *cf, void *post, void *data)
{
    ngx_conf_num_bounds_t *bounds = post;
    ngx_int_t *number = data;

    ngx_str_t  *value;

    if (*number >= bounds->low && *number <= bounds->high) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" must be from %i to %i, not %i", &value[0],
                       bounds->low, bounds->high, *number);

    return NGX_CONF_ERROR;
}


char *
ngx_torus_conf_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char           *p, wanted[128];
    ngx_str_t        *value;
    ngx_uint_t       *slot, i;
    ngx_conf_enum_t  *e;

    slot = (ngx_uint_t *) ((char *) conf + cmd->offset);

    if (*slot != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    e = cmd->post;
    p = wanted;

    for (i = 0; e[i].name.len != 0; i++) {
        if (e[i].name.len == value[1].len
            && ngx_strcasecmp(e[i].name.data, value[1].data) == 0)
        {
            *slot = e[i].value;
            return NGX_CONF_OK;
        }

        p = ngx_slprintf(p, wanted + sizeof(wanted) - 1, "%s\"%V\"",
                         i == 0 ? "" : e[i + 1].name.len ? ", " : " or ",
                         &e[i].name);
    }

    *p = '\0';

    return ngx_torus_conf_invalid(cf, (char *) wanted);
}


char *
ngx_torus_conf_invalid(ngx_conf_t *cf, const char *wanted)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" directive, it must "
                       "be %s", &value[1], &value[0], wanted);

    return NGX_CONF_ERROR;
}


char *
ngx_torus_conf_path_max(ngx_conf_t *cf, const char *prefix, size_t path_max,
    size_t line_max)
{
    if (path_max > TORUS_CARBON_PATH_LIMIT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s_path_max\" must be from 1 to %d, not %uz",
                           prefix, TORUS_CARBON_PATH_LIMIT, path_max);
        return NGX_CONF_ERROR;
    }

    if (path_max >= 1 && path_max <= line_max) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%s_path_max\" must be from 1 to \"%s_line_max\", "
                       "which is %uz, not %uz", prefix, prefix, line_max,
                       path_max);

    return NGX_CONF_ERROR;
}


/* ngx_msec_t and size_t are of one size wherever nginx runs. */

static char *
ngx_torus_conf_positive(ngx_conf_t *cf, void *post, void *data)
{
    size_t *value = data;

    return *value == 0 ? "must not be 0" : NGX_CONF_OK;
}


/* The name by which the core knows a host, however it is written. */

static ngx_int_t
ngx_torus_conf_host_name(ngx_conf_t *cf, ngx_str_t *text, ngx_str_t *name)
{
    ngx_int_t       rc;
    torus_host_t    host;
    torus_error_t   err;
    torus_arena_t  *arena;

    arena = torus_arena_create(1024, 0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (torus_host_parse(arena, torus_str(text->data, text->len), &host, &err)
        != TORUS_OK)
    {
        /* the text may hold a password */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the host of \"karbon_overflow\" %s", err.text);
        goto done;
    }

    name->len = host.name.len;
    name->data = ngx_pnalloc(cf->pool, name->len);

    if (name->data != NULL) {
        ngx_memcpy(name->data, host.name.data, name->len);
        rc = NGX_OK;
    }

done:

    torus_arena_destroy(arena);

    return rc;
}


/* Those with a host are exceptions from those without. */

static ngx_int_t
ngx_torus_conf_overflows(ngx_conf_t *cf, ngx_torus_conf_t *conf)
{
    ngx_uint_t             i, h, found;
    ngx_torus_host_t      *host;
    ngx_torus_overflow_t  *o;

    if (conf->overflows == NULL) {
        return NGX_OK;
    }

    o = conf->overflows->elts;

    for (i = 0; i < conf->overflows->nelts; i++) {

        for (h = 0; o[i].host.len == 0 && h < conf->set->nhosts; h++) {
            conf->hosts[h].drop = o[i].drop;
        }
    }

    for (i = 0; i < conf->overflows->nelts; i++) {
        found = (o[i].host.len == 0);

        for (h = 0; o[i].host.len != 0 && h < conf->set->nhosts; h++) {
            host = &conf->hosts[h];

            if (host->link.name.len == o[i].host.len
                && ngx_memcmp(host->link.name.data, o[i].host.data,
                              o[i].host.len)
                   == 0)
            {
                host->drop = o[i].drop;
                found = 1;
            }
        }

        if (!found) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "no schema has the host \"%V\" of "
                          "\"karbon_overflow\" in %V:%ui", &o[i].host,
                          &o[i].file, o[i].line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_torus_conf_report(void *data, torus_report_level_t level,
    const char *text)
{
    ngx_torus_conf_report_t *to = data;

    if (level == TORUS_REPORT_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, to->log, 0, "%s", text);

    } else if (!to->quiet) {
        ngx_log_error(NGX_LOG_WARN, to->log, 0, "%s", text);
    }
}


/* Has the other module read the same files, and told what is odd in them? */

static ngx_uint_t
ngx_torus_conf_known(ngx_cycle_t *cycle, ngx_torus_conf_t *conf)
{
    ngx_uint_t              i, k;
    ngx_torus_conf_t       *other;
    torus_schema_source_t  *a, *b;

    static const char *const  names[][2] = {
        { "ngx_http_module", "ngx_torus_module" },
        { "ngx_stream_module", "ngx_karbon_stream_module" },
    };

    for (i = 0; i < 2; i++) {
        other = ngx_torus_conf_of(cycle, names[i][0], names[i][1]);

        if (other == NULL || other == conf || other->set == NULL
            || other->sources->nelts != conf->sources->nelts)
        {
            continue;
        }

        a = other->sources->elts;
        b = conf->sources->elts;

        for (k = 0; k < conf->sources->nelts; k++) {
            if (!torus_str_eq(a[k].file, b[k].file)
                || !torus_str_eq(a[k].text, b[k].text))
            {
                return 0;
            }
        }

        return 1;
    }

    return 0;
}


static ngx_int_t
ngx_torus_conf_resolve(ngx_conf_t *cf, ngx_torus_conf_t *conf,
    const torus_host_t *host, ngx_torus_host_t *resolved)
{
    u_char                *p;
    size_t                 len;
    ngx_url_t              u;
    ngx_str_t              name;
    const torus_schema_t  *schema;

    ngx_memzero(&u, sizeof(ngx_url_t));

    name.len = host->name.len;
    name.data = (u_char *) host->name.data;

    len = sizeof("unix:[]:65535") + host->path.len + host->address.len;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    u.url.data = p;

    if (host->path.len) {
        p = ngx_snprintf(p, len, "unix:%*s", host->path.len, host->path.data);

    } else if (memchr(host->address.data, ':', host->address.len) != NULL) {
        p = ngx_snprintf(p, len, "[%*s]:%ui", host->address.len,
                         host->address.data, (ngx_uint_t) host->port);

    } else {
        p = ngx_snprintf(p, len, "%*s:%ui", host->address.len,
                         host->address.data, (ngx_uint_t) host->port);
    }

    u.url.len = p - u.url.data;

    if (conf->resolver != NULL && !ngx_torus_conf_literal(host)) {
        resolved->link.host.len = host->address.len;
        resolved->link.host.data = (u_char *) host->address.data;
        resolved->link.port = (in_port_t) host->port;
        resolved->link.resolver = conf->resolver;
        resolved->link.resolver_timeout = conf->resolver_timeout;
    }

    if (ngx_parse_url(cf->pool, &u) != NGX_OK && resolved->link.host.len) {

        /* a worker will ask the resolver before it connects */

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "%s in redis host \"%V\", left to the resolver",
                      u.err ? u.err : "invalid address", &name);
        u.naddrs = 0;

    } else if (u.err != NULL) {
        schema = ngx_torus_conf_user(conf->set, host);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%s in redis host \"%V\" of schema \"%*s\" in "
                      "\"%*s\"", u.err, &name, schema->name.len,
                      schema->name.data, schema->file.len, schema->file.data);
        return NGX_ERROR;
    }

    if (u.naddrs == 0 && resolved->link.host.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no address of redis host \"%V\"", &name);
        return NGX_ERROR;
    }

    resolved->host = host;
    resolved->link.name = name;
    resolved->link.addrs = u.addrs;
    resolved->link.naddrs = u.naddrs;
    resolved->link.connect_timeout = conf->connect_timeout;
    resolved->link.timeout = conf->timeout;
    resolved->link.retry_min = 100;
    resolved->link.retry_max = 5000;
    resolved->link.keepalive = 1;

    return NGX_OK;
}


/* The first schema of this host: each host of the set has one. */

static const torus_schema_t *
ngx_torus_conf_user(const torus_schema_set_t *set, const torus_host_t *host)
{
    size_t  i;

    for (i = 0; i + 1 < set->nschemas && set->schemas[i].host != host; i++) {
        /* void */
    }

    return &set->schemas[i];
}


/* Is there no name to look up? */

static ngx_uint_t
ngx_torus_conf_literal(const torus_host_t *host)
{
    return host->path.len != 0
           || memchr(host->address.data, ':', host->address.len) != NULL
           || ngx_inet_addr((u_char *) host->address.data, host->address.len)
              != INADDR_NONE;
}


void
ngx_torus_conf_compare(ngx_cycle_t *cycle, ngx_torus_conf_t *conf,
    const char *block, const char *module)
{
    ngx_torus_conf_t  *other;

    if (conf == NULL || conf->set == NULL) {
        return;
    }

    other = ngx_torus_conf_of(cycle, block, module);

    if (other == NULL || other->set == NULL
        || other->set->hash == conf->set->hash)
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "\"torus_schema\" and \"karbon_schema\" read different "
                  "schemas: what one stores the other may not find");
}


/*
 * The main conf of the other module, found by name: its symbols, and those
 * of the block it lives in, may not be loaded.  Both ngx_http_conf_ctx_t and
 * ngx_stream_conf_ctx_t begin with main_conf.
 */

static ngx_torus_conf_t *
ngx_torus_conf_of(ngx_cycle_t *cycle, const char *block, const char *module)
{
    void              ***ctx;
    ngx_module_t        *b, *m;
    ngx_torus_conf_t    *conf;

    b = ngx_torus_conf_module(cycle, block);
    m = ngx_torus_conf_module(cycle, module);

    if (b == NULL || m == NULL) {
        return NULL;
    }

    ctx = (void ***) cycle->conf_ctx[b->index];

    if (ctx == NULL || ctx[0] == NULL) {
        return NULL;
    }

    conf = ctx[0][m->ctx_index];

    if (conf == NULL || conf->magic != NGX_TORUS_CONF_MAGIC) {
        return NULL;
    }

    return conf;
}


static ngx_module_t *
ngx_torus_conf_module(ngx_cycle_t *cycle, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; cycle->modules[i]; i++) {
        if (ngx_strcmp(cycle->modules[i]->name, name) == 0) {
            return cycle->modules[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_torus_conf_is_worker(void)
{
    return ngx_process == NGX_PROCESS_WORKER
           || ngx_process == NGX_PROCESS_SINGLE;
}


ngx_int_t
ngx_torus_conf_random(void *data, size_t len, ngx_log_t *log)
{
    u_char   *p;
    ssize_t   n;

    for (p = data; len != 0; p += n, len -= n) {
        n = getrandom(p, len, 0);

        if (n == -1) {
            if (ngx_errno == NGX_EINTR) {
                n = 0;
                continue;
            }

            ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                          "getrandom() failed");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_torus_conf_cleanup(void *data)
{
    torus_schema_set_destroy(data);
}
