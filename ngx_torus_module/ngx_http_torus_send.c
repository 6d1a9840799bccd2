/*
 * Headers, whole answers and errors.  Statuses and bodies are lib/core's but
 * for faults known before there is a query; those have the same form.
 */

#include "ngx_torus_module.h"


static void ngx_http_torus_type(ngx_http_torus_ctx_t *ctx, ngx_str_t *type);
static ngx_int_t ngx_http_torus_etag(ngx_http_request_t *r, ngx_str_t *body);


static const ngx_str_t  ngx_http_torus_json = ngx_string("application/json");
static const ngx_str_t  ngx_http_torus_text = ngx_string("text/plain");


ngx_int_t
ngx_http_torus_send_whole(ngx_http_torus_ctx_t *ctx)
{
    ngx_str_t            type, body;
    torus_str_t          out;
    ngx_http_request_t  *r;

    r = ctx->request;

    ngx_http_torus_type(ctx, &type);

    out = torus_request_output(ctx->torus);

    body.len = out.len;
    body.data = ngx_pnalloc(r->pool, out.len);

    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (out.len != 0) {
        ngx_memcpy(body.data, out.data, out.len);
    }

    if (torus_request_status(ctx->torus) == NGX_HTTP_OK) {

        if (ngx_http_torus_cache_control(r,
                                         torus_request_max_age(ctx->torus))
            != NGX_OK
            || ngx_http_torus_etag(r, &body) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_torus_send(r, torus_request_status(ctx->torus), &type,
                               &body);
}


ngx_int_t
ngx_http_torus_send_json(ngx_http_torus_ctx_t *ctx, ngx_uint_t status,
    torus_str_t text)
{
    ngx_str_t  type, body;

    body.len = text.len;
    body.data = ngx_pnalloc(ctx->request->pool, text.len);

    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(body.data, text.data, text.len);

    type = ngx_http_torus_json;

    return ngx_http_torus_send(ctx->request, status, &type, &body);
}


ngx_int_t
ngx_http_torus_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason)
{
    ngx_str_t  type, body;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "torus query refused: %s", reason);

    if (ngx_http_torus_error_body(r, reason, &type, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_torus_send(r, status, &type, &body);
}


ngx_int_t
ngx_http_torus_error_body(ngx_http_request_t *r, const char *reason,
    ngx_str_t *type, ngx_str_t *body)
{
    u_char  *p;
    size_t   len;

    len = ngx_strlen(reason);

    p = ngx_pnalloc(r->pool, sizeof("{\"error\": \"\"}\n") + len
                             + ngx_escape_json(NULL, (u_char *) reason, len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    if (ngx_http_torus_is_graphite(r)) {
        p = ngx_cpymem(p, reason, len);
        *p++ = LF;

        *type = ngx_http_torus_text;

    } else {
        p = ngx_cpymem(p, "{\"error\": \"", sizeof("{\"error\": \"") - 1);
        p = (u_char *) ngx_escape_json(p, (u_char *) reason, len);
        p = ngx_cpymem(p, "\"}\n", 3);

        *type = ngx_http_torus_json;
    }

    body->len = p - body->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_torus_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    if (body->len) {
        b->pos = body->data;
        b->last = body->data + body->len;
        b->memory = 1;

    } else if (r != r->main) {
        b->sync = 1;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* Of an answer that is streamed: it has no length. */

ngx_int_t
ngx_http_torus_send_header(ngx_http_torus_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;

    ngx_http_torus_type(ctx, &r->headers_out.content_type);

    r->headers_out.status = torus_request_status(ctx->torus);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    ngx_http_clear_content_length(r);

    if (ngx_http_torus_cache_control(r, torus_request_max_age(ctx->torus))
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    /*
     * Pieces come as they are ready: the last one must not wait until the
     * client acknowledges the one before.
     */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && r == r->main && !r->header_only
#if (NGX_HTTP_V2)
        && r->stream == NULL
#endif
        && ngx_tcp_nodelay(r->connection) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* only the header was asked for: the rest need not be fetched */

    return r->header_only ? NGX_DONE : NGX_OK;
}


static void
ngx_http_torus_type(ngx_http_torus_ctx_t *ctx, ngx_str_t *type)
{
    torus_str_t  s;

    s = torus_request_type(ctx->torus);

    type->len = s.len;
    type->data = (u_char *) s.data;
}


ngx_int_t
ngx_http_torus_cache_control(ngx_http_request_t *r, unsigned max_age)
{
    ngx_table_elt_t  *h;

    if (max_age) {
        h = ngx_http_torus_add_header(r, "Cache-Control", "max-age=%ud",
                                      max_age);
    } else {
        h = ngx_http_torus_add_header(r, "Cache-Control", "no-cache");
    }

    if (h == NULL) {
        return NGX_ERROR;
    }

#if (nginx_version >= 1023000)

    r->headers_out.cache_control = h;

#else
    {
    ngx_table_elt_t  **cc;

    if (r->headers_out.cache_control.elts == NULL
        && ngx_array_init(&r->headers_out.cache_control, r->pool, 1,
                          sizeof(ngx_table_elt_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cc = ngx_array_push(&r->headers_out.cache_control);
    if (cc == NULL) {
        return NGX_ERROR;
    }

    *cc = h;
    }
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_torus_etag(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_table_elt_t  *h;

    h = ngx_http_torus_add_header(r, "ETag", "\"%016xL\"",
                                  torus_hash(body->data, body->len, 0));
    if (h == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.etag = h;

    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_torus_add_header(ngx_http_request_t *r, const char *name,
    const char *fmt, ...)
{
    u_char            buf[64], *p;
    va_list           args;
    ngx_table_elt_t  *h;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    /* not sent, should what follows fail */
    h->hash = 0;

    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->lowcase_key = NULL;

#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    h->value.len = p - buf;
    h->value.data = ngx_pnalloc(r->pool, h->value.len);
    if (h->value.data == NULL) {
        return NULL;
    }

    ngx_memcpy(h->value.data, buf, h->value.len);

    h->hash = 1;

    return h;
}
