/*
 * What nginx refuses by itself, before or instead of the handler: a body
 * that is too large, an address that is not allowed, one request too many.
 * It would answer with a page of HTML, which those who talk to Graphite show
 * as it is.  In a "torus_query" location it becomes an error like all others;
 * headers stay, and whoever has an "error_page" of his own gets that.
 *
 * A module of its own inside the same object, for its place among the
 * filters: behind all that end the chain, whether linked in or loaded.
 */

#include "ngx_torus_module.h"


typedef struct {
    ngx_str_t                  line;      /* in place of nginx's page */
    unsigned                   sent:1;
} ngx_http_torus_filter_ctx_t;


static ngx_int_t ngx_http_torus_filter_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_torus_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_torus_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_torus_is_page(ngx_http_request_t *r);
static const char *ngx_http_torus_reason(ngx_uint_t status);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_http_module_t  ngx_torus_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_torus_filter_init,            /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_torus_filter_module = {
    NGX_MODULE_V1,
    &ngx_torus_filter_module_ctx,          /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_torus_filter_init(ngx_conf_t *cf)
{
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_torus_module);

    if (tmcf->used_line == 0) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_torus_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_torus_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_torus_header_filter(ngx_http_request_t *r)
{
    ngx_http_torus_filter_ctx_t  *ctx;

    if (!ngx_http_torus_is_page(r)) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_torus_filter_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_http_set_ctx(r, ctx, ngx_torus_filter_module);

    if (ngx_http_torus_error_body(r,
                            ngx_http_torus_reason(r->headers_out.status),
                            &r->headers_out.content_type, &ctx->line)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.content_length_n = ctx->line.len;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_http_next_header_filter(r);
}


/* The page is thrown away, in however many pieces it comes. */

static ngx_int_t
ngx_http_torus_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                    *b;
    ngx_chain_t                   out;
    ngx_http_torus_filter_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_torus_filter_module);

    if (ctx == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
    }

    if (ctx->sent) {
        return ngx_http_next_body_filter(r, NULL);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->line.data;
    b->last = ctx->line.data + ctx->line.len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    ctx->sent = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


/* Is this the head of one of nginx's own pages, in place of an answer? */

static ngx_uint_t
ngx_http_torus_is_page(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    static u_char  html[] = "text/html";

    if (r->err_status < NGX_HTTP_BAD_REQUEST
        || r->err_status != r->headers_out.status)
    {
        return 0;
    }

    type = &r->headers_out.content_type;

    if (type->len != sizeof(html) - 1
        || ngx_memcmp(type->data, html, sizeof(html) - 1) != 0)
    {
        return 0;
    }

    return ngx_http_torus_loc_conf(r)->query == 1;
}


static const char *
ngx_http_torus_reason(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_UNAUTHORIZED:
        return "authorization is required";

    case NGX_HTTP_FORBIDDEN:
        return "access is forbidden";

    case NGX_HTTP_NOT_FOUND:
        return "there is no such thing";

    case NGX_HTTP_NOT_ALLOWED:
        return "the method is not allowed";

    case NGX_HTTP_REQUEST_TIME_OUT:
        return "the request did not come in time";

    case NGX_HTTP_PRECONDITION_FAILED:
        return "a precondition of the request does not hold";

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return "the request body is too large";

    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
        return "the URI is too long";

    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
        return "the type of the request body is not supported";

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return "there are too many requests";

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return "the service is not available now";

    case NGX_HTTP_GATEWAY_TIME_OUT:
        return "the answer took too long";

    default:
        return status < NGX_HTTP_INTERNAL_SERVER_ERROR ? "bad request"
                                                       : "internal error";
    }
}
