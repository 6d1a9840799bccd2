/*
 * A request of a "torus_query" location until its query is known: the
 * command in its URI, its method, and the arguments in its query string and
 * its form.  ngx_http_torus_answer.c goes on from there.
 *
 *   handler -> [body ..] -> start -> run
 */

#include "ngx_torus_module.h"
#include "torus_multipart.h"


/*
 * Memory for the decoded arguments of a request: so much, and for each byte
 * that came.  The shortest, "a&", takes a torus_arg_t for two bytes.
 */
#define NGX_HTTP_TORUS_ARGS          65536
#define NGX_HTTP_TORUS_ARG           (sizeof(torus_arg_t) / 2 + 8)

/* A byte of a field of multipart/form-data may become "%00". */
#define NGX_HTTP_TORUS_MULTIPART     4


static ngx_uint_t ngx_http_torus_methods(ngx_uint_t command);
static ngx_int_t ngx_http_torus_command(ngx_http_request_t *r,
    ngx_http_torus_loc_conf_t *tlcf, torus_str_t *name, ngx_uint_t *command);
static ngx_int_t ngx_http_torus_unknown(ngx_http_request_t *r,
    torus_str_t name);
static ngx_uint_t ngx_http_torus_is_open(ngx_http_torus_loc_conf_t *tlcf,
    ngx_uint_t command, const char **directive);
static ngx_int_t ngx_http_torus_closed(ngx_http_request_t *r,
    torus_str_t name, const char *directive);
static ngx_int_t ngx_http_torus_refuse(ngx_http_request_t *r,
    ngx_uint_t status, const char *reason);
static ngx_int_t ngx_http_torus_not_allowed(ngx_http_request_t *r,
    ngx_uint_t command);
static ngx_http_torus_ctx_t *ngx_http_torus_create_ctx(ngx_http_request_t *r,
    ngx_http_torus_loc_conf_t *tlcf, ngx_uint_t command);
static ngx_uint_t ngx_http_torus_has_form(ngx_http_request_t *r);
static ngx_int_t ngx_http_torus_read_form(ngx_http_torus_ctx_t *ctx);
static ngx_uint_t ngx_http_torus_is_urlencoded(ngx_http_request_t *r);
static ngx_uint_t ngx_http_torus_is_multipart(ngx_http_request_t *r,
    torus_str_t *boundary);
static ngx_int_t ngx_http_torus_multipart(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_body_handler(ngx_http_request_t *r);
static void ngx_http_torus_too_large(ngx_http_torus_ctx_t *ctx);
static ngx_int_t ngx_http_torus_take_body(ngx_http_torus_ctx_t *ctx,
    ngx_chain_t *in, ngx_uint_t consume);
static ngx_int_t ngx_http_torus_take_file(ngx_http_torus_ctx_t *ctx,
    ngx_buf_t *b);
static void ngx_http_torus_start(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_arguments(ngx_http_torus_ctx_t *ctx);
static ngx_int_t ngx_http_torus_args(ngx_http_torus_ctx_t *ctx,
    torus_arg_t **args, size_t *nargs);


ngx_int_t
ngx_http_torus_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_uint_t                  command, lines;
    const char                 *directive;
    torus_str_t                 name;
    ngx_http_torus_ctx_t       *ctx;
    ngx_http_torus_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_torus_module);

    if (ngx_http_torus_command(r, tlcf, &name, &command) != NGX_OK) {
        return ngx_http_torus_unknown(r, name);
    }

    if (!ngx_http_torus_is_open(tlcf, command, &directive)) {
        return ngx_http_torus_closed(r, name, directive);
    }

    if (!(r->method & ngx_http_torus_methods(command))) {
        return ngx_http_torus_not_allowed(r, command);
    }

    if (command == TORUS_COMMAND_EVENT && (r->method & NGX_HTTP_POST)) {
        return ngx_http_torus_refuse(r, NGX_HTTP_NOT_IMPLEMENTED,
                                     "no events are kept");
    }

    lines = (command == NGX_HTTP_TORUS_INSERT
             && ngx_http_torus_has_form(r)
             && (r->headers_in.content_type == NULL
                 || !ngx_http_torus_is_urlencoded(r)));

    if (!ngx_http_torus_has_form(r)) {
        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return ngx_http_torus_bad_body(r, rc);
        }
    }

    ctx = ngx_http_torus_create_ctx(r, tlcf, command);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->tconf.path = name;

    if (lines) {
        return ngx_http_torus_insert(ctx);
    }

    if (ngx_http_torus_has_form(r)) {
        return ngx_http_torus_read_form(ctx);
    }

    r->main->count++;

    ngx_http_torus_start(ctx);

    return NGX_DONE;
}


int
ngx_http_torus_find(torus_str_t name, ngx_uint_t *command)
{
    torus_command_t  found;

    if (torus_str_is(name, "insert")) {
        *command = NGX_HTTP_TORUS_INSERT;
        return TORUS_OK;
    }

    if (torus_command_find(name, &found) != TORUS_OK) {
        return TORUS_DECLINED;
    }

    *command = found;

    return TORUS_OK;
}


ngx_http_torus_loc_conf_t *
ngx_http_torus_loc_conf(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_torus_srv_conf_t  *tscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    tscf = ngx_http_get_module_srv_conf(r, ngx_torus_module);

    if (r->loc_conf == cscf->ctx->loc_conf && tscf->root != NULL) {
        return tscf->root;
    }

    return ngx_http_get_module_loc_conf(r, ngx_torus_module);
}


ngx_uint_t
ngx_http_torus_is_graphite(ngx_http_request_t *r)
{
    ngx_uint_t                  command;
    torus_str_t                 name;
    ngx_http_torus_loc_conf_t  *tlcf;

    tlcf = ngx_http_torus_loc_conf(r);

    (void) ngx_http_torus_command(r, tlcf, &name, &command);

    return torus_name_is_graphite(name);
}


static ngx_uint_t
ngx_http_torus_methods(ngx_uint_t command)
{
    switch (command) {

    case NGX_HTTP_TORUS_INSERT:
    case TORUS_COMMAND_DELETE:
    case TORUS_COMMAND_REINDEX:
    case TORUS_COMMAND_TAG_STORE:
    case TORUS_COMMAND_TAG_STORE_ALL:
    case TORUS_COMMAND_TAG_DELETE:
        return NGX_HTTP_POST;

    default:
        return NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST;
    }
}


static ngx_int_t
ngx_http_torus_command(ngx_http_request_t *r, ngx_http_torus_loc_conf_t *tlcf,
    torus_str_t *name, ngx_uint_t *command)
{
    if (tlcf->command.len) {
        *name = torus_str(tlcf->command.data, tlcf->command.len);

        return ngx_http_torus_find(*name, command) == TORUS_OK ? NGX_OK
                                                               : NGX_DECLINED;
    }

    if (ngx_http_torus_rest(r, tlcf, name) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_torus_find(*name, command) == TORUS_OK ? NGX_OK
                                                           : NGX_DECLINED;
}


ngx_int_t
ngx_http_torus_rest(ngx_http_request_t *r, ngx_http_torus_loc_conf_t *tlcf,
    torus_str_t *rest)
{
    u_char  *p, *last;

    p = r->uri.data;
    last = p + r->uri.len;

    *rest = torus_str(p, last - p);

    if (r->uri.len < tlcf->prefix.len
        || ngx_strncmp(p, tlcf->prefix.data, tlcf->prefix.len) != 0)
    {
        return NGX_DECLINED;
    }

    p += tlcf->prefix.len;

    while (p < last && *p == '/') {
        p++;
    }

    while (last > p && last[-1] == '/') {
        last--;
    }

    *rest = torus_str(p, last - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_torus_unknown(ngx_http_request_t *r, torus_str_t name)
{
    size_t  len;
    char    text[64], reason[128];

    if (name.len == 0) {
        return ngx_http_torus_refuse(r, NGX_HTTP_NOT_FOUND,
                                     "no command: there are \"series\", "
                                     "\"list\", \"render\" and others");
    }

    len = torus_escape(text, sizeof(text), name);

    ngx_snprintf((u_char *) reason, sizeof(reason),
                 "unknown command \"%*s\"%Z", len, text);

    return ngx_http_torus_refuse(r, NGX_HTTP_NOT_FOUND, reason);
}


/* What writes, and what tells of keys, is closed unless a directive opens. */

static ngx_uint_t
ngx_http_torus_is_open(ngx_http_torus_loc_conf_t *tlcf, ngx_uint_t command,
    const char **directive)
{
    switch (command) {

    case NGX_HTTP_TORUS_INSERT:
    case TORUS_COMMAND_TAG_STORE:
    case TORUS_COMMAND_TAG_STORE_ALL:
        *directive = "torus_insert";
        return tlcf->insert;

    case TORUS_COMMAND_DELETE:
    case TORUS_COMMAND_REINDEX:
    case TORUS_COMMAND_TAG_DELETE:
        *directive = "torus_delete";
        return tlcf->delete;

    case TORUS_COMMAND_EXPLAIN:
        *directive = "torus_explain";
        return tlcf->explain;

    default:
        return 1;
    }
}


static ngx_int_t
ngx_http_torus_closed(ngx_http_request_t *r, torus_str_t name,
    const char *directive)
{
    char  reason[128];

    /* a name that is known and has no odd bytes */

    ngx_snprintf((u_char *) reason, sizeof(reason),
                 "\"%*s\" is not open here, it takes \"%s on\"%Z",
                 name.len, name.data, directive);

    return ngx_http_torus_refuse(r, NGX_HTTP_FORBIDDEN, reason);
}


static ngx_int_t
ngx_http_torus_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    return rc != NGX_OK ? ngx_http_torus_bad_body(r, rc)
           : ngx_http_torus_error(r, status, reason);
}


static ngx_int_t
ngx_http_torus_not_allowed(ngx_http_request_t *r, ngx_uint_t command)
{
    ngx_int_t    rc;
    const char  *allow, *reason;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return ngx_http_torus_bad_body(r, rc);
    }

    allow = "GET, HEAD, POST";
    reason = "the method must be GET, HEAD or POST";

    if (ngx_http_torus_methods(command) == NGX_HTTP_POST) {
        allow = "POST";
        reason = "the method must be POST";
    }

    if (ngx_http_torus_add_header(r, "Allow", allow) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_torus_error(r, NGX_HTTP_NOT_ALLOWED, reason);
}


static ngx_http_torus_ctx_t *
ngx_http_torus_create_ctx(ngx_http_request_t *r,
    ngx_http_torus_loc_conf_t *tlcf, ngx_uint_t command)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_torus_ctx_t        *ctx;
    ngx_http_torus_main_conf_t  *tmcf;

    tmcf = ngx_http_get_module_main_conf(r, ngx_torus_module);

    /*
     * A cycle that never saw init_process: a reload without a master.  What
     * is served then comes over connections of the first cycle, which nginx
     * keeps with its pool, our links in it, as its listening sockets count as
     * open.
     */

    if (tmcf->clients == NULL
        || (command == NGX_HTTP_TORUS_INSERT && tmcf->worker == NULL))
    {
        return NULL;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_torus_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_torus_release;
    cln->data = ctx;

    ctx->request = r;
    ctx->fd = (ngx_socket_t) -1;
    ctx->conf = tlcf;
    ctx->clients = tmcf->clients;
    ctx->turns = &tmcf->turns;
    ctx->counters = tmcf->slot->counters;
    ctx->command = command;
    ctx->worker = tmcf->worker;

    /* of the body, and of the query string and an '&' before it */
    torus_buf_init(&ctx->body, 0);

    ngx_queue_init(&ctx->groups);

    ctx->tconf.set = tmcf->torus.set;
    ctx->tconf.now = ngx_time();
    ctx->tconf.zone = ngx_torus_tz_find;
    ctx->tconf.data = tmcf->zones;
    ctx->tconf.explain = tlcf->explain;
    ctx->tconf.limits.stats = tlcf->max_stats;
    ctx->tconf.limits.points = tlcf->max_points;
    ctx->tconf.limits.names = tlcf->max_names;
    ctx->tconf.limits.slice = TORUS_LIMIT_SLICE;
    ctx->tconf.limits.memory = tlcf->max_memory;
    ctx->tconf.limits.targets = tlcf->max_targets;
    ctx->tconf.limits.series = tlcf->max_series;
    ctx->tconf.limits.target = tlcf->target;
    ctx->tconf.open_null = !tlcf->open_bucket;

    ngx_http_set_ctx(r, ctx, ngx_torus_module);

    return ctx;
}


/*
 * A subrequest shares the body of its parent, which is not meant for it; and
 * one that nginx has begun to discard, before an error_page led here, is gone.
 */

static ngx_uint_t
ngx_http_torus_has_form(ngx_http_request_t *r)
{
    return r == r->main
           && !r->discard_body
           && (r->method & NGX_HTTP_POST)
           && (r->headers_in.content_length_n > 0 || r->headers_in.chunked);
}


/*
 * The body is read as it comes, into memory of ours: nginx would put a
 * longer one into a file, and block.
 */

static ngx_int_t
ngx_http_torus_read_form(ngx_http_torus_ctx_t *ctx)
{
    ngx_int_t            rc;
    torus_str_t          boundary;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (!ngx_http_torus_is_urlencoded(r)
        && !ngx_http_torus_is_multipart(r, &boundary))
    {
        return ngx_http_torus_refuse(r, NGX_HTTP_BAD_REQUEST,
                                     "the content type of the body must be "
                                     "application/x-www-form-urlencoded or "
                                     "multipart/form-data");
    }

    if (r->headers_in.content_length_n > (off_t) ctx->conf->max_body) {
        return ngx_http_torus_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "the request body is too large");
    }

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_torus_body_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE
           ? ngx_http_torus_bad_body(r, rc) : NGX_DONE;
}


/* What nginx said when it read a body. */

ngx_int_t
ngx_http_torus_bad_body(ngx_http_request_t *r, ngx_int_t rc)
{
    if (r->connection->error) {
        return rc;
    }

    r->keepalive = 0;
    r->lingering_close = 1;

    return ngx_http_torus_error(r, rc, ngx_http_torus_bad_body_reason(rc));
}


const char *
ngx_http_torus_bad_body_reason(ngx_int_t rc)
{
    switch (rc) {

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return "the request body is too large";

    case NGX_HTTP_REQUEST_TIME_OUT:
        return "the request body did not come in time";

    case NGX_HTTP_BAD_REQUEST:
        return "the request body is broken";

    default:
        return "internal error";
    }
}


static ngx_uint_t
ngx_http_torus_is_urlencoded(ngx_http_request_t *r)
{
    size_t      len;
    ngx_str_t  *type;

    static u_char  form[] = "application/x-www-form-urlencoded";

    if (r->headers_in.content_type == NULL) {
        return 1;
    }

    type = &r->headers_in.content_type->value;
    len = sizeof(form) - 1;

    if (type->len < len || ngx_strncasecmp(type->data, form, len) != 0) {
        return 0;
    }

    return type->len == len || type->data[len] == ';'
           || type->data[len] == ' ';
}


static ngx_uint_t
ngx_http_torus_is_multipart(ngx_http_request_t *r, torus_str_t *boundary)
{
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return torus_multipart_boundary(torus_str(type->data, type->len),
                                    boundary)
           == TORUS_OK;
}


/* The fields of such a body in place of it. */

static ngx_int_t
ngx_http_torus_multipart(ngx_http_torus_ctx_t *ctx)
{
    int          rc;
    torus_buf_t  form;
    torus_str_t  body, boundary;

    if (torus_buf_len(&ctx->body) == 0
        || !ngx_http_torus_is_multipart(ctx->request, &boundary))
    {
        return NGX_OK;
    }

    body = torus_str(ctx->body.pos, torus_buf_len(&ctx->body));

    torus_buf_init(&form, NGX_HTTP_TORUS_MULTIPART * body.len);
    rc = torus_multipart_form(body, boundary, &form);

    torus_buf_free(&ctx->body);
    ctx->body = form;

    return rc == TORUS_OK ? NGX_OK
           : rc == TORUS_INVALID ? NGX_DECLINED : NGX_ERROR;
}


/* When some of the body is there, and when more has come. */

static void
ngx_http_torus_body_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_torus_module);

    for ( ;; ) {
        rc = ngx_http_torus_take_body(ctx, r->request_body->bufs,
                                      r->reading_body);

        if (rc == NGX_DECLINED) {
            ngx_http_torus_too_large(ctx);
            return;
        }

        if (rc != NGX_OK) {
            ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        if (!r->reading_body) {
            break;
        }

        r->request_body->bufs = NULL;

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_torus_finalize(ctx, ngx_http_torus_bad_body(r, rc));
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            r->read_event_handler = ngx_http_torus_body_handler;
            return;
        }
    }

    ngx_http_torus_start(ctx);
}


static void
ngx_http_torus_too_large(ngx_http_torus_ctx_t *ctx)
{
    ngx_http_torus_finalize(ctx, ngx_http_torus_error(ctx->request,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                          "the request body is too large"));
}


/* consume: the buffers are nginx's, which reads more into them. */

static ngx_int_t
ngx_http_torus_take_body(ngx_http_torus_ctx_t *ctx, ngx_chain_t *in,
    ngx_uint_t consume)
{
    off_t       size;
    ngx_int_t   rc;
    ngx_buf_t  *b;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;
        size = ngx_buf_size(b);

        if (size == 0) {
            continue;
        }

        if ((off_t) torus_buf_len(&ctx->body) + size
            > (off_t) ctx->conf->max_body)
        {
            return NGX_DECLINED;
        }

        rc = NGX_OK;

        if (!ngx_buf_in_memory(b)) {
            rc = ngx_http_torus_take_file(ctx, b);

        } else if (torus_buf_add(&ctx->body, b->pos, size) != TORUS_OK) {
            rc = NGX_ERROR;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (consume) {
            b->pos = b->last;
        }
    }

    return NGX_OK;
}


/* Another module has had nginx read the body before, into a file. */

static ngx_int_t
ngx_http_torus_take_file(ngx_http_torus_ctx_t *ctx, ngx_buf_t *b)
{
    size_t   size;
    ssize_t  n;

    size = (size_t) (b->file_last - b->file_pos);

    if (torus_buf_reserve(&ctx->body, size) != TORUS_OK) {
        return NGX_ERROR;
    }

    n = ngx_read_file(b->file, ctx->body.last, size, b->file_pos);

    if (n != (ssize_t) size) {
        return NGX_ERROR;
    }

    ctx->body.last += n;

    return NGX_OK;
}


static void
ngx_http_torus_start(ngx_http_torus_ctx_t *ctx)
{
    ngx_torus_turns_t  *turns;

    turns = ctx->turns;

    ngx_torus_turn_begin(turns);

    ngx_http_torus_arguments(ctx);

    ngx_torus_turn_end(turns, TORUS_TURN_BEGIN, ngx_cycle->log);
}


/* Of the query string and of the form; then what they ask for. */

static void
ngx_http_torus_arguments(ngx_http_torus_ctx_t *ctx)
{
    size_t               nargs;
    ngx_int_t            rc;
    torus_arg_t         *args;
    ngx_http_request_t  *r;

    r = ctx->request;

    rc = ngx_http_torus_multipart(ctx);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_torus_error(r, NGX_HTTP_BAD_REQUEST,
                                  "the request body is broken");
        ngx_http_torus_finalize(ctx, rc);
        return;
    }

    if (rc != NGX_OK || ngx_http_torus_args(ctx, &args, &nargs) != NGX_OK) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (ctx->command == NGX_HTTP_TORUS_INSERT) {
        ngx_http_torus_insert_form(ctx, args, nargs);
        return;
    }

    ctx->tconf.held = torus_arena_size(ctx->arena);

    ctx->torus = torus_request_create(&ctx->tconf,
                                      (torus_command_t) ctx->command, args,
                                      nargs);

    if (ctx->torus == NULL || ngx_http_torus_watch_query(ctx) != NGX_OK) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_torus_run(ctx);
}


/* Of the query string, then of the form. */

static ngx_int_t
ngx_http_torus_args(ngx_http_torus_ctx_t *ctx, torus_arg_t **args,
    size_t *nargs)
{
    u_char              *p;
    size_t               len;
    torus_str_t          text;
    ngx_http_request_t  *r;

    r = ctx->request;

    len = torus_buf_len(&ctx->body);

    ctx->arena = torus_arena_create(4096, NGX_HTTP_TORUS_ARGS
                                          + (r->args.len + len)
                                            * NGX_HTTP_TORUS_ARG);
    if (ctx->arena == NULL) {
        return NGX_ERROR;
    }

    text = torus_str(r->args.data, r->args.len);

    if (len) {
        p = torus_arena_alloc(ctx->arena, r->args.len + 1 + len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        text = torus_str(p, r->args.len + 1 + len);

        if (r->args.len) {
            p = ngx_cpymem(p, r->args.data, r->args.len);
        }

        *p++ = '&';
        ngx_memcpy(p, ctx->body.pos, len);

        torus_buf_free(&ctx->body);
    }

    return torus_args_parse(ctx->arena, text, args, nargs) == TORUS_OK
           ? NGX_OK : NGX_ERROR;
}
