/*
 * Locations with "torus_status": the counters of all workers of both modules
 * as JSON or for Prometheus, and beside them, under "/unmatched", the names
 * that no schema took.  Read from the shared zone, told by lib/core
 * (torus_status.h); nothing here waits for anybody.
 */

#include "ngx_torus_module.h"

#include "torus_status.h"


/* Far more than the rows of the zone can make. */
#define NGX_HTTP_TORUS_STATUS_MAX  (16 * 1024 * 1024)


static ngx_int_t ngx_http_torus_status_command(ngx_http_request_t *r,
    ngx_http_torus_loc_conf_t *tlcf, ngx_uint_t *unmatched);
static ngx_int_t ngx_http_torus_status_format(ngx_http_request_t *r,
    ngx_uint_t unmatched, ngx_uint_t *format);
static ngx_int_t ngx_http_torus_status_counters(ngx_http_request_t *r,
    ngx_uint_t format, torus_buf_t *out);
static torus_status_row_t *ngx_http_torus_status_rows(ngx_http_request_t *r,
    void *rows, size_t size, size_t values, size_t n);
static ngx_int_t ngx_http_torus_status_unmatched(ngx_http_request_t *r,
    torus_buf_t *out);
static ngx_int_t ngx_http_torus_status_send(ngx_http_request_t *r,
    ngx_uint_t format, torus_buf_t *out);


ngx_int_t
ngx_http_torus_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_uint_t                  format, unmatched;
    torus_buf_t                 out;
    ngx_http_torus_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_torus_module);

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_torus_status_command(r, tlcf, &unmatched) != NGX_OK) {
        return ngx_http_torus_error(r, NGX_HTTP_NOT_FOUND,
                                    "the status page has nothing but "
                                    "\"/unmatched\" below it");
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        if (ngx_http_torus_add_header(r, "Allow", "GET, HEAD") == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_torus_error(r, NGX_HTTP_NOT_ALLOWED,
                                    "the method must be GET or HEAD");
    }

    format = unmatched ? NGX_HTTP_TORUS_STATUS_JSON : tlcf->status;

    if (ngx_http_torus_status_format(r, unmatched, &format) != NGX_OK) {
        return ngx_http_torus_error(r, NGX_HTTP_BAD_REQUEST,
                                    unmatched
                                    ? "\"format\" must be \"json\""
                                    : "\"format\" must be \"json\" or "
                                      "\"prometheus\"");
    }

    torus_buf_init(&out, NGX_HTTP_TORUS_STATUS_MAX);

    rc = unmatched ? ngx_http_torus_status_unmatched(r, &out)
                   : ngx_http_torus_status_counters(r, format, &out);

    rc = (rc == NGX_OK) ? ngx_http_torus_status_send(r, format, &out)
                        : NGX_HTTP_INTERNAL_SERVER_ERROR;

    torus_buf_free(&out);

    return rc;
}


/* Where it is not known what to cut, the end of the URI tells. */

static ngx_int_t
ngx_http_torus_status_command(ngx_http_request_t *r,
    ngx_http_torus_loc_conf_t *tlcf, ngx_uint_t *unmatched)
{
    u_char       *p, *last;
    torus_str_t   rest;

    if (tlcf->prefix.len == 0) {
        p = r->uri.data;
        last = p + r->uri.len;

        while (last > p && last[-1] == '/') {
            last--;
        }

        for (p = last; p > r->uri.data && p[-1] != '/'; p--) {
            /* void */
        }

        *unmatched = torus_str_is(torus_str(p, last - p), "unmatched");

        return NGX_OK;
    }

    if (ngx_http_torus_rest(r, tlcf, &rest) != NGX_OK) {
        return NGX_DECLINED;
    }

    *unmatched = torus_str_is(rest, "unmatched");

    return (rest.len == 0 || *unmatched) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_torus_status_format(ngx_http_request_t *r, ngx_uint_t unmatched,
    ngx_uint_t *format)
{
    ngx_str_t    arg;
    torus_str_t  value;

    if (ngx_http_arg(r, (u_char *) "format", 6, &arg) != NGX_OK) {
        return NGX_OK;
    }

    value = torus_str(arg.data, arg.len);

    if (torus_str_is(value, "json")) {
        *format = NGX_HTTP_TORUS_STATUS_JSON;
        return NGX_OK;
    }

    if (torus_str_is(value, "prometheus") && !unmatched) {
        *format = NGX_HTTP_TORUS_STATUS_PROMETHEUS;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_torus_status_counters(ngx_http_request_t *r, ngx_uint_t format,
    torus_buf_t *out)
{
    int                          rc;
    torus_status_t               status;
    ngx_torus_zone_sum_t        *sum;
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_http_get_module_main_conf(r, ngx_torus_module);

    sum = ngx_palloc(r->pool, sizeof(ngx_torus_zone_sum_t));
    if (sum == NULL) {
        return NGX_ERROR;
    }

    ngx_torus_zone_sum(tmcf->zone, sum);

    status.now = ngx_time();
    status.since = sum->since;
    status.karbon = sum->workers[NGX_TORUS_ZONE_KARBON];
    status.torus = sum->workers[NGX_TORUS_ZONE_TORUS];
    status.counters = sum->rows.counters;
    status.turns = sum->rows.turns;
    status.routes = sum->rows.routes;

    status.nhosts = sum->rows.nhosts;
    status.hosts = ngx_http_torus_status_rows(r, sum->rows.hosts,
                                  sizeof(ngx_torus_zone_host_t),
                                  offsetof(ngx_torus_zone_host_t, values),
                                  status.nhosts);

    status.nschemas = sum->rows.nschemas;
    status.schemas = ngx_http_torus_status_rows(r, sum->rows.schemas,
                                  sizeof(ngx_torus_zone_schema_t),
                                  offsetof(ngx_torus_zone_schema_t, values),
                                  status.nschemas);

    if (status.hosts == NULL || status.schemas == NULL) {
        return NGX_ERROR;
    }

    rc = (format == NGX_HTTP_TORUS_STATUS_PROMETHEUS)
         ? torus_status_prometheus(&status, out)
         : torus_status_json(&status, out);

    return rc == TORUS_OK ? NGX_OK : NGX_ERROR;
}


/* Each begins with its name. */

static torus_status_row_t *
ngx_http_torus_status_rows(ngx_http_request_t *r, void *rows, size_t size,
    size_t values, size_t n)
{
    size_t               i;
    u_char              *p;
    torus_status_row_t  *row;

    row = ngx_palloc(r->pool, (n + 1) * sizeof(torus_status_row_t));
    if (row == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        p = (u_char *) rows + i * size;

        row[i].name = torus_str(p, ngx_strlen(p));
        row[i].values = (uint64_t *) (p + values);
    }

    return row;
}


static ngx_int_t
ngx_http_torus_status_unmatched(ngx_http_request_t *r, torus_buf_t *out)
{
    ngx_uint_t                   i;
    ngx_array_t                 *strays;
    torus_status_name_t         *names;
    ngx_torus_zone_sum_t        *sum;
    ngx_torus_zone_stray_t      *stray;
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_http_get_module_main_conf(r, ngx_torus_module);

    sum = ngx_palloc(r->pool, sizeof(ngx_torus_zone_sum_t));
    strays = ngx_torus_zone_strays(tmcf->zone, r->pool);

    if (sum == NULL || strays == NULL) {
        return NGX_ERROR;
    }

    ngx_torus_zone_sum(tmcf->zone, sum);

    names = ngx_palloc(r->pool, (strays->nelts + 1)
                                * sizeof(torus_status_name_t));
    if (names == NULL) {
        return NGX_ERROR;
    }

    stray = strays->elts;

    for (i = 0; i < strays->nelts; i++) {
        names[i].name = torus_str(stray[i].name, ngx_strlen(stray[i].name));
        names[i].count = stray[i].count;
        names[i].seen = stray[i].seen;
    }

    return torus_status_unmatched(sum->rows.counters, names, strays->nelts,
                                  out)
           == TORUS_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_torus_status_send(ngx_http_request_t *r, ngx_uint_t format,
    torus_buf_t *out)
{
    ngx_str_t  body, type;

    body.len = torus_buf_len(out);
    body.data = ngx_pnalloc(r->pool, body.len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(body.data, out->pos, body.len);

    ngx_str_set(&type, TORUS_STATUS_JSON);

    if (format == NGX_HTTP_TORUS_STATUS_PROMETHEUS) {
        ngx_str_set(&type, TORUS_STATUS_PROMETHEUS);
    }

    if (ngx_http_torus_cache_control(r, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_torus_send(r, NGX_HTTP_OK, &type, &body);
}
