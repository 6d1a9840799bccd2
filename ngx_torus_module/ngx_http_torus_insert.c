/*
 * POST /insert: points in, and the answer when Redis has acknowledged them.
 *
 *   form -> points  \
 *                    > go .. go -> settle -> report
 *   body -> lines   /
 *
 * A body that is no form is Carbon lines, of any size: it is read as it
 * comes, and while a writer is at its bound nothing more is read, so that
 * the kernel's window (HTTP/2: the stream's) makes the client wait.
 *
 * What has been accepted is never taken back and never answered with an
 * error, which would make clients send it again: when it is not acknowledged
 * in time, or when the rest of the body cannot be taken, the answer is a 202
 * whose report says what was stored, what went wrong and where to go on.
 *
 * Writers call room() and settled() from inside themselves; both only post
 * the request's event, from which it goes on.
 */

#include "ngx_torus_module.h"
#include "torus_json.h"


/* Bad lines that are told, and how much of each. */
#define NGX_HTTP_TORUS_BAD          100
#define NGX_HTTP_TORUS_BAD_TEXT     256
#define NGX_HTTP_TORUS_BAD_BYTES    (256 * 1024)

/*
 * After so much of a body, or so many points of a form, the clock is asked
 * whether others have a turn: all of them may be of stats that are new.
 */
#define NGX_HTTP_TORUS_FEED         8192
#define NGX_HTTP_TORUS_FEED_POINTS  64


struct ngx_http_torus_insert_s {
    ngx_http_torus_ctx_t       *ctx;
    ngx_http_torus_worker_t    *worker;
    ngx_event_t                 wake;      /* posted */
    ngx_queue_t                 queue;     /* in worker->blocked */

    torus_arg_t                *args;      /* of a form */
    size_t                      nargs;
    ngx_uint_t                  npoints;   /* in it */
    torus_arg_t                *stat;      /* of the next point, or before */
    torus_arg_t                *value;
    torus_arg_t                *timestamp;
    unsigned char              *scratch;   /* a path */

    torus_carbon_t              carbon;    /* of a body */
    ngx_chain_t                *in;        /* to be fed */
    off_t                       off;       /* .. and what of it was */
    u_char                     *file;      /* a piece of a file */

    const u_char               *counted;   /* of what is being fed: */
    const u_char               *data;
    const u_char               *last;
    ngx_uint_t                  line;      /* newlines before counted */

    ngx_uint_t                  taken;     /* lines or points, good or bad */
    ngx_uint_t                  stored;    /* accepted */
    ngx_uint_t                  nbad;      /* refused for what they are */
    ngx_uint_t                  told;
    torus_buf_t                 bad;       /* members of the array */
    torus_json_t                json;

    ngx_torus_mark_t           *marks;     /* per writer */
    ngx_uint_t                  pending;   /* marks not settled */

    ngx_uint_t                  status;    /* not 200: a fault */
    const char                 *reason;

    unsigned                    form:1;
    unsigned                    fed:1;     /* some of it in this turn */
    unsigned                    blocked:1;
    unsigned                    ended:1;   /* everything was fed */
    unsigned                    settling:1;
    unsigned                    failed:1;  /* a writer has given up */
};


static ngx_int_t ngx_http_torus_insert_create(ngx_http_torus_ctx_t *ctx);
static void ngx_http_torus_insert_handler(ngx_http_request_t *r);
static void ngx_http_torus_insert_wake(ngx_event_t *ev);
static void ngx_http_torus_insert_go(ngx_http_torus_insert_t *ins);
static ngx_int_t ngx_http_torus_insert_points(ngx_http_torus_insert_t *ins);
static torus_arg_t *ngx_http_torus_insert_next(torus_arg_t *arg,
    torus_arg_t *last, const char *name);
static ngx_int_t ngx_http_torus_insert_point(ngx_http_torus_insert_t *ins,
    torus_str_t stat, torus_str_t value, torus_str_t timestamp);
static ngx_int_t ngx_http_torus_insert_time(ngx_http_torus_insert_t *ins,
    torus_str_t text, int64_t *ts);
static ngx_int_t ngx_http_torus_insert_body(ngx_http_torus_insert_t *ins);
static ngx_int_t ngx_http_torus_insert_pause(ngx_http_torus_insert_t *ins);
static ngx_int_t ngx_http_torus_insert_chain(ngx_http_torus_insert_t *ins);
static ngx_int_t ngx_http_torus_insert_buf(ngx_http_torus_insert_t *ins,
    ngx_buf_t *b);
static ngx_int_t ngx_http_torus_insert_feed(ngx_http_torus_insert_t *ins,
    u_char *data, size_t len);
static int ngx_http_torus_insert_line(void *data,
    const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line);
static ngx_int_t ngx_http_torus_insert_store(ngx_http_torus_insert_t *ins,
    const torus_carbon_point_t *point, torus_counter_t *reason);
static ngx_uint_t ngx_http_torus_insert_number(ngx_http_torus_insert_t *ins,
    torus_str_t line);
static void ngx_http_torus_insert_bad(ngx_http_torus_insert_t *ins,
    ngx_uint_t line, torus_str_t text, torus_counter_t reason);
static const char *ngx_http_torus_insert_reason(torus_counter_t reason);
static ngx_int_t ngx_http_torus_insert_block(ngx_http_torus_insert_t *ins);
static void ngx_http_torus_insert_settle(ngx_http_torus_insert_t *ins);
static void ngx_http_torus_insert_settled(ngx_torus_mark_t *mark);
static void ngx_http_torus_insert_timeout(ngx_event_t *ev);
static void ngx_http_torus_insert_no_room(ngx_http_torus_insert_t *ins);
static void ngx_http_torus_insert_report(ngx_http_torus_insert_t *ins);


/* How the request's body, if any, is read is known by its type. */

ngx_int_t
ngx_http_torus_insert(ngx_http_torus_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ngx_http_torus_insert_create(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_torus_insert_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE
           ? ngx_http_torus_bad_body(r, rc) : NGX_DONE;
}


static ngx_int_t
ngx_http_torus_insert_create(ngx_http_torus_ctx_t *ctx)
{
    ngx_http_request_t       *r;
    ngx_http_torus_insert_t  *ins;

    r = ctx->request;

    ins = ngx_pcalloc(r->pool, sizeof(ngx_http_torus_insert_t));
    if (ins == NULL) {
        return NGX_ERROR;
    }

    ins->ctx = ctx;
    ins->worker = ctx->worker;
    ins->status = NGX_HTTP_OK;

    ins->wake.handler = ngx_http_torus_insert_wake;
    ins->wake.data = ins;
    ins->wake.log = r->connection->log;

    torus_carbon_init(&ins->carbon, &ctx->conf->carbon);
    torus_buf_init(&ins->bad, NGX_HTTP_TORUS_BAD_BYTES);

    torus_json_init(&ins->json, &ins->bad, 0);
    torus_json_open(&ins->json, '[');

    ctx->timer.handler = ngx_http_torus_insert_timeout;
    ctx->timer.data = ctx;
    ctx->timer.log = r->connection->log;

    ctx->insert = ins;

    return NGX_OK;
}


/* A form: its arguments live as long as ctx->arena. */

void
ngx_http_torus_insert_form(ngx_http_torus_ctx_t *ctx, torus_arg_t *args,
    size_t nargs)
{
    size_t                    i;
    ngx_http_torus_insert_t  *ins;

    if (ngx_http_torus_insert_create(ctx) != NGX_OK) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ins = ctx->insert;

    ins->form = 1;
    ins->args = args;
    ins->nargs = nargs;
    ins->stat = args;
    ins->value = args;
    ins->timestamp = args;

    ins->scratch = torus_arena_alloc(ctx->arena, ctx->conf->carbon.path_max);
    if (ins->scratch == NULL) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    for (i = 0; i < nargs; i++) {
        if (torus_str_is(args[i].name, "stat")) {
            ins->npoints++;
        }
    }

    if (ins->npoints == 0) {
        ngx_http_torus_finalize(ctx, ngx_http_torus_error(ctx->request,
                                     NGX_HTTP_BAD_REQUEST,
                                     "argument \"stat\" is missing; Carbon "
                                     "lines need another content type, as "
                                     "text/plain"));
        return;
    }

    ngx_http_torus_insert_go(ins);
}


/* When some of the body is there, and when more has come. */

static void
ngx_http_torus_insert_handler(ngx_http_request_t *r)
{
    ngx_torus_turns_t     *turns;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_torus_module);
    turns = ctx->turns;

    if (ctx->insert->settling) {
        return;
    }

    ngx_torus_turn_begin(turns);

    ctx->insert->in = r->request_body->bufs;

    ngx_http_torus_insert_go(ctx->insert);

    ngx_torus_turn_end(turns, TORUS_TURN_INSERT, ngx_cycle->log);
}


static void
ngx_http_torus_insert_wake(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_torus_turns_t        *turns;
    ngx_http_torus_insert_t  *ins;

    ins = ev->data;
    c = ins->ctx->request->connection;
    turns = ins->ctx->turns;

    ngx_http_set_log_request(c->log, ins->ctx->request);

    ngx_torus_turn_begin(turns);

    if (!ins->settling) {
        ngx_http_torus_insert_go(ins);

    } else {
        ngx_http_torus_insert_report(ins);
    }

    ngx_http_run_posted_requests(c);

    ngx_torus_turn_end(turns, TORUS_TURN_INSERT, ngx_cycle->log);
}


static void
ngx_http_torus_insert_go(ngx_http_torus_insert_t *ins)
{
    ngx_int_t              rc;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ins->ctx;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    rc = ins->form ? ngx_http_torus_insert_points(ins)
                   : ngx_http_torus_insert_body(ins);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (ctx->request->connection->error) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }

    if (rc == NGX_ERROR) {
        ins->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
        ins->reason = "internal error";

    } else if (rc == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_http_torus_insert_no_room(ins);

    } else if (rc != NGX_OK) {
        ins->status = rc;
        ins->reason = ngx_http_torus_bad_body_reason(rc);
    }

    ngx_http_torus_insert_settle(ins);
}


/*
 * The n-th point of a form is the n-th of each field; a timestamp may be
 * missing.
 */

static ngx_int_t
ngx_http_torus_insert_points(ngx_http_torus_insert_t *ins)
{
    ngx_uint_t    n;
    torus_str_t   value, timestamp, none = torus_string("");
    torus_arg_t  *last;

    last = ins->args + ins->nargs;

    for (n = 0; ins->taken < ins->npoints; n++) {

        if (n != 0 && n % NGX_HTTP_TORUS_FEED_POINTS == 0
            && ngx_torus_turn_over(ins->ctx->turns))
        {
            return ngx_http_torus_insert_pause(ins);
        }

        if (ngx_http_torus_full(ins->worker)) {
            return ngx_http_torus_insert_block(ins);
        }

        ins->stat = ngx_http_torus_insert_next(ins->stat, last, "stat");
        ins->value = ngx_http_torus_insert_next(ins->value, last, "value");
        ins->timestamp = ngx_http_torus_insert_next(ins->timestamp, last,
                                                    "timestamp");

        value = (ins->value < last) ? ins->value->value : none;
        timestamp = (ins->timestamp < last) ? ins->timestamp->value : none;

        ins->taken++;

        if (ngx_http_torus_insert_point(ins, ins->stat->value, value,
                                        timestamp)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ins->stat++;
        ins->value += (ins->value < last);
        ins->timestamp += (ins->timestamp < last);
    }

    ins->ended = 1;

    return NGX_OK;
}


static torus_arg_t *
ngx_http_torus_insert_next(torus_arg_t *arg, torus_arg_t *last,
    const char *name)
{
    while (arg < last && !torus_str_is(arg->name, name)) {
        arg++;
    }

    return arg;
}


static ngx_int_t
ngx_http_torus_insert_point(ngx_http_torus_insert_t *ins, torus_str_t stat,
    torus_str_t value, torus_str_t timestamp)
{
    ngx_int_t             rc;
    torus_counter_t       reason;
    torus_carbon_point_t  point;

    while (value.len && value.data[0] == ' ') {
        value.data++;
        value.len--;
    }

    while (value.len && value.data[value.len - 1] == ' ') {
        value.len--;
    }

    point.stat = stat;
    point.value = value;

    if (stat.len == 0 || value.len == 0) {
        reason = TORUS_C_BAD_LINE;

    } else if (ngx_http_torus_insert_time(ins, timestamp, &point.timestamp)
               != NGX_OK)
    {
        reason = TORUS_C_BAD_TIMESTAMP;

    } else if (torus_carbon_path(&ins->ctx->conf->carbon, &point.stat,
                                 ins->scratch, &reason)
               == TORUS_OK)
    {
        rc = ngx_http_torus_insert_store(ins, &point, &reason);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        ngx_http_torus_insert_bad(ins, ins->taken, stat, reason);

        return NGX_OK;
    }

    torus_store_refuse(&ins->worker->ingest.store, reason);
    ngx_http_torus_insert_bad(ins, ins->taken, stat, reason);

    return NGX_OK;
}


/* As in a Carbon line nothing, "0", "-1" and "N" mean now. */

static ngx_int_t
ngx_http_torus_insert_time(ngx_http_torus_insert_t *ins, torus_str_t text,
    int64_t *ts)
{
    torus_str_t           name;
    torus_error_t         err;
    const torus_tz_t     *tz;
    torus_request_conf_t *conf;

    if (text.len == 0 || torus_str_is(text, "0") || torus_str_is(text, "-1")
        || torus_str_is(text, "N"))
    {
        *ts = ngx_time();
        return NGX_OK;
    }

    tz = NULL;
    conf = &ins->ctx->tconf;
    name = torus_args_get(ins->args, ins->nargs, "tz");

    if (name.len != 0 && conf->zone != NULL) {
        tz = conf->zone(conf->data, name);
    }

    return torus_time_parse(text, ngx_time(), tz, ts, &err) == TORUS_OK
           ? NGX_OK : NGX_ERROR;
}


/*
 * NGX_OK: all of it was fed; NGX_AGAIN: more will come, or a writer is full;
 * else a status.
 */

static ngx_int_t
ngx_http_torus_insert_body(ngx_http_torus_insert_t *ins)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ins->ctx->request;
    ins->fed = 0;

    r->connection->log->action = "reading points";

    for ( ;; ) {
        rc = ngx_http_torus_insert_chain(ins);

        if (rc != NGX_OK) {
            return rc;
        }

        if (!r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            return rc;
        }

        ins->in = r->request_body->bufs;

        if (rc == NGX_AGAIN && ins->in == NULL) {
            r->read_event_handler = ngx_http_torus_insert_handler;
            return NGX_AGAIN;
        }
    }

    switch (torus_carbon_end(&ins->carbon, ngx_time(),
                             ngx_http_torus_insert_line, ins))
    {

    case TORUS_OK:
        ins->ended = 1;
        return NGX_OK;

    case TORUS_AGAIN:
        return ngx_http_torus_insert_block(ins);

    default:
        return NGX_ERROR;
    }
}


/*
 * Others have their turn; of a body no more is read meanwhile.  Not
 * ngx_posted_events, which are run until there are none.
 */

static ngx_int_t
ngx_http_torus_insert_pause(ngx_http_torus_insert_t *ins)
{
    ins->ctx->request->read_event_handler = ngx_http_block_reading;

    ngx_post_event(&ins->wake, &ngx_posted_next_events);

    return NGX_AGAIN;
}


/*
 * While the body is being read its buffers are nginx's, which reads more
 * into those that are empty; else it belongs to the request, and others may
 * want to see it after us.
 */

static ngx_int_t
ngx_http_torus_insert_chain(ngx_http_torus_insert_t *ins)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ins->ctx->request;

    while (ins->in != NULL) {
        rc = ngx_http_torus_insert_buf(ins, ins->in->buf);

        if (rc != NGX_OK) {
            return rc;
        }

        if (r->reading_body) {
            ins->in->buf->pos = ins->in->buf->last;
        }

        ins->in = ins->in->next;
        ins->off = 0;
    }

    if (r->reading_body) {
        r->request_body->bufs = NULL;
    }

    return NGX_OK;
}


/* What was fed of a buffer is in ins->off. */

static ngx_int_t
ngx_http_torus_insert_buf(ngx_http_torus_insert_t *ins, ngx_buf_t *b)
{
    off_t                left;
    size_t               size;
    ssize_t              n;
    u_char              *data;
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ins->ctx->request;

    for ( ;; ) {
        left = ngx_buf_size(b) - ins->off;

        if (left <= 0) {
            return NGX_OK;
        }

        if (ins->fed && ngx_torus_turn_over(ins->ctx->turns)) {
            return ngx_http_torus_insert_pause(ins);
        }

        size = (size_t) ngx_min(left, NGX_HTTP_TORUS_FEED);

        if (ngx_buf_in_memory(b)) {
            rc = ngx_http_torus_insert_feed(ins, b->pos + ins->off, size);

        } else {
            if (ins->file == NULL) {
                ins->file = ngx_palloc(r->pool, NGX_HTTP_TORUS_FEED);
                if (ins->file == NULL) {
                    return NGX_ERROR;
                }
            }

            data = ins->file;

            n = ngx_read_file(b->file, data, size, b->file_pos + ins->off);

            if (n != (ssize_t) size) {
                return NGX_ERROR;
            }

            rc = ngx_http_torus_insert_feed(ins, data, size);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_http_torus_insert_feed(ngx_http_torus_insert_t *ins, u_char *data,
    size_t len)
{
    int           rc;
    size_t        consumed;
    const u_char  *p, *last;

    ins->data = data;
    ins->counted = data;
    ins->last = data + len;

    rc = torus_carbon_feed(&ins->carbon, data, len, ngx_time(),
                           ngx_http_torus_insert_line, ins, &consumed);

    if (rc == TORUS_OK) {
        consumed = len;
    }

    last = data + consumed;

    for (p = ins->counted; p < last; p++) {
        p = ngx_strlchr((u_char *) p, (u_char *) last, LF);

        if (p == NULL) {
            break;
        }

        ins->line++;
    }

    ins->data = NULL;
    ins->off += consumed;
    ins->fed = 1;

    if (rc == TORUS_AGAIN) {
        return ngx_http_torus_insert_block(ins);
    }

    return rc == TORUS_OK ? NGX_OK : NGX_ERROR;
}


static int
ngx_http_torus_insert_line(void *data, const torus_carbon_point_t *point,
    torus_counter_t reason, torus_str_t line)
{
    ngx_http_torus_insert_t *ins = data;

    ngx_int_t  rc;

    if (ngx_http_torus_full(ins->worker)) {
        return TORUS_AGAIN;
    }

    ins->taken++;

    if (point != NULL) {
        rc = ngx_http_torus_insert_store(ins, point, &reason);

        if (rc != NGX_DECLINED) {
            return rc == NGX_OK ? TORUS_OK : TORUS_ERROR;
        }

    } else {
        torus_store_refuse(&ins->worker->ingest.store, reason);
    }

    ngx_http_torus_insert_bad(ins, ngx_http_torus_insert_number(ins, line),
                              line, reason);

    return TORUS_OK;
}


/* NGX_DECLINED: it was not accepted, for the reason given. */

static ngx_int_t
ngx_http_torus_insert_store(ngx_http_torus_insert_t *ins,
    const torus_carbon_point_t *point, torus_counter_t *reason)
{
    int                          rc;
    ngx_http_request_t          *r;
    ngx_http_torus_main_conf_t  *tmcf;

    rc = torus_store_point(&ins->worker->ingest.store, point->stat,
                           point->value, point->timestamp, ngx_time(),
                           reason);

    switch (rc) {

    case TORUS_OK:
        ins->stored++;
        return NGX_OK;

    case TORUS_DECLINED:

        if (*reason == TORUS_C_POINTS_UNMATCHED) {
            r = ins->ctx->request;
            tmcf = ngx_http_get_module_main_conf(r, ngx_torus_module);

            ngx_torus_zone_stray(tmcf->slot, point->stat, r->connection->log);
        }

        /* dropped as the schema says: not the client's mistake */

        return *reason == TORUS_C_POINTS_TRANSFORMED ? NGX_OK : NGX_DECLINED;

    case TORUS_ERROR:
        ins->stored++;
        ngx_log_error(NGX_LOG_ALERT, ins->ctx->request->connection->log, 0,
                      "no memory for all operations of a point");
        return NGX_OK;

    default: /* TORUS_AGAIN */
        return NGX_ERROR;
    }
}


/* A line that is not inside what is being fed has begun before it. */

static ngx_uint_t
ngx_http_torus_insert_number(ngx_http_torus_insert_t *ins, torus_str_t line)
{
    const u_char  *p;

    if (ins->data == NULL || line.data < ins->counted
        || line.data >= ins->last)
    {
        return ins->line + 1;
    }

    if (ins->told >= NGX_HTTP_TORUS_BAD) {
        return 0;
    }

    for (p = ins->counted; p < line.data; p++) {
        p = ngx_strlchr((u_char *) p, (u_char *) line.data, LF);

        if (p == NULL) {
            break;
        }

        ins->line++;
    }

    ins->counted = line.data;

    return ins->line + 1;
}


static void
ngx_http_torus_insert_bad(ngx_http_torus_insert_t *ins, ngx_uint_t line,
    torus_str_t text, torus_counter_t reason)
{
    const char    *words;
    torus_json_t  *j;

    if (reason != TORUS_C_POINTS_UNMATCHED) {
        ins->nbad++;
    }

    if (ins->told == NGX_HTTP_TORUS_BAD) {
        return;
    }

    ins->told++;

    text.len = ngx_min(text.len, NGX_HTTP_TORUS_BAD_TEXT);
    words = ngx_http_torus_insert_reason(reason);
    j = &ins->json;

    torus_json_open(j, '{');
    torus_json_keyz(j, "line");
    torus_json_int(j, (int64_t) line);
    torus_json_keyz(j, "text");
    torus_json_string(j, text);
    torus_json_keyz(j, "reason");
    torus_json_string(j, torus_str(words, ngx_strlen(words)));
    torus_json_close(j, '}');
}


static const char *
ngx_http_torus_insert_reason(torus_counter_t reason)
{
    switch (reason) {

    case TORUS_C_BAD_LINE:
        return "must be a stat, a value and an optional timestamp";

    case TORUS_C_BAD_LENGTH:
        return "too long";

    case TORUS_C_BAD_PATH:
        return "not the name of a stat";

    case TORUS_C_BAD_VALUE:
        return "not a value that its schemas can take";

    case TORUS_C_BAD_TIMESTAMP:
        return "not a time, or out of range";

    case TORUS_C_BAD_INFINITY:
        return "infinity is no value";

    case TORUS_C_DROPPED_NAN:
        return "NaN is no value";

    case TORUS_C_DROPPED_FUTURE:
        return "too far in the future";

    case TORUS_C_DROPPED_PAST:
        return "too far in the past";

    case TORUS_C_POINTS_UNMATCHED:
        return "no schema takes this stat";

    default:
        return torus_counter_name(reason);
    }
}


/*
 * Nothing is read meanwhile; that is not the client's delay.  In a worker
 * that leaves and waits for its stores no longer there is nothing to wait for.
 */

static ngx_int_t
ngx_http_torus_insert_block(ngx_http_torus_insert_t *ins)
{
    ngx_connection_t      *c;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ins->ctx;
    c = ctx->request->connection;

    if (ngx_http_torus_ended(ins->worker)) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    c->log->action = "waiting for redis";

    ctx->request->read_event_handler = ngx_http_block_reading;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    ins->blocked = 1;
    ngx_queue_insert_tail(&ins->worker->blocked, &ins->queue);

    ngx_add_timer(&ctx->timer, ctx->conf->insert_timeout);

    return NGX_AGAIN;
}


/* Called by a writer that has room again. */

void
ngx_http_torus_insert_room(ngx_torus_writer_t *w, void *data)
{
    ngx_http_torus_worker_t *worker = data;

    ngx_queue_t              *q;
    ngx_http_torus_insert_t  *ins;

    while (!ngx_queue_empty(&worker->blocked)) {
        q = ngx_queue_head(&worker->blocked);
        ins = ngx_queue_data(q, ngx_http_torus_insert_t, queue);

        ins->blocked = 0;
        ngx_queue_remove(q);

        ngx_post_event(&ins->wake, &ngx_posted_events);
    }
}


/* All that was accepted has been pushed; the answer waits for its end. */

static void
ngx_http_torus_insert_settle(ngx_http_torus_insert_t *ins)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_http_torus_ctx_t     *ctx;
    ngx_http_torus_worker_t  *worker;

    ctx = ins->ctx;
    worker = ins->worker;

    ins->settling = 1;
    ctx->request->connection->log->action = "waiting for redis";

    ins->marks = ngx_pcalloc(ctx->request->pool,
                             worker->ingest.nwriters
                             * sizeof(ngx_torus_mark_t));
    if (ins->marks == NULL) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    for (i = 0; ins->stored && i < worker->ingest.nwriters; i++) {
        ins->marks[i].handler = ngx_http_torus_insert_settled;
        ins->marks[i].data = ins;

        rc = ngx_torus_writer_mark(worker->ingest.writers[i], &ins->marks[i]);

        if (rc == NGX_AGAIN) {
            ins->pending++;

        } else if (rc == NGX_DECLINED) {
            ins->failed = 1;
        }
    }

    /* a store that takes no more has been waited for already */

    if (ins->pending == 0 || ins->status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_http_torus_insert_report(ins);
        return;
    }

    ngx_add_timer(&ctx->timer, ctx->conf->insert_timeout);

    if (ngx_http_torus_watch(ctx) != NGX_OK) {
        ngx_http_torus_finalize(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static void
ngx_http_torus_insert_settled(ngx_torus_mark_t *mark)
{
    ngx_http_torus_insert_t *ins = mark->data;

    ins->pending--;

    if (mark->failed) {
        ins->failed = 1;
    }

    if (ins->pending == 0) {
        ngx_post_event(&ins->wake, &ngx_posted_events);
    }
}


static void
ngx_http_torus_insert_timeout(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_torus_turns_t        *turns;
    ngx_http_torus_ctx_t     *ctx;
    ngx_http_torus_insert_t  *ins;

    ctx = ev->data;
    ins = ctx->insert;
    c = ctx->request->connection;
    turns = ctx->turns;

    ngx_http_set_log_request(c->log, ctx->request);

    ngx_torus_turn_begin(turns);

    if (ins->settling) {
        ngx_http_torus_insert_report(ins);

    } else {
        ngx_http_torus_insert_no_room(ins);

        if (ins->blocked) {
            ins->blocked = 0;
            ngx_queue_remove(&ins->queue);
        }

        ngx_http_torus_insert_settle(ins);
    }

    ngx_http_run_posted_requests(c);

    ngx_torus_turn_end(turns, TORUS_TURN_INSERT, ngx_cycle->log);
}


static void
ngx_http_torus_insert_no_room(ngx_http_torus_insert_t *ins)
{
    ins->status = NGX_HTTP_SERVICE_UNAVAILABLE;
    ins->reason = "redis takes no more for now";
}


static void
ngx_http_torus_insert_report(ngx_http_torus_insert_t *ins)
{
    ngx_int_t              rc;
    torus_buf_t            out;
    torus_json_t           j;
    ngx_uint_t             queued;
    ngx_http_torus_ctx_t  *ctx;

    ctx = ins->ctx;

    queued = (ins->pending || ins->failed) ? ins->stored : 0;

    if ((ins->status == NGX_HTTP_OK && queued)
        || (ins->status >= NGX_HTTP_BAD_REQUEST && ins->stored))
    {
        ins->status = NGX_HTTP_ACCEPTED;
    }

    if (ins->status == NGX_HTTP_OK && ins->stored == 0 && ins->nbad) {
        ins->status = NGX_HTTP_BAD_REQUEST;
        ins->reason = "nothing could be stored";
    }

    torus_json_close(&ins->json, ']');

    torus_buf_init(&out, 0);
    torus_json_init(&j, &out, 0);
    torus_json_open(&j, '{');

    if (ins->reason != NULL) {
        torus_json_keyz(&j, "error");
        torus_json_string(&j, torus_str(ins->reason,
                                        ngx_strlen(ins->reason)));
    }

    torus_json_keyz(&j, "stored");
    torus_json_int(&j, (int64_t) (ins->stored - queued));
    torus_json_keyz(&j, "queued");
    torus_json_int(&j, (int64_t) queued);

    if (!ins->ended) {

        /* where to go on */

        if (ins->form) {
            torus_json_keyz(&j, "points");
            torus_json_int(&j, (int64_t) ins->taken);

        } else {
            torus_json_keyz(&j, "lines");
            torus_json_int(&j, (int64_t) ins->line);
        }
    }

    torus_json_keyz(&j, "bad");
    torus_buf_adds(&out, torus_str(ins->bad.pos, torus_buf_len(&ins->bad)));
    torus_json_close(&j, '}');
    torus_buf_addz(&out, "\n");

    if (out.failed || ins->bad.failed) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_http_torus_send_json(ctx, ins->status,
                                      torus_str(out.pos,
                                                torus_buf_len(&out)));
    }

    torus_buf_free(&out);

    ngx_http_torus_finalize(ctx, rc);
}


void
ngx_http_torus_insert_release(ngx_http_torus_insert_t *ins)
{
    ngx_uint_t  i;

    if (ins->wake.posted) {
        ngx_delete_posted_event(&ins->wake);
    }

    if (ins->blocked) {
        ins->blocked = 0;
        ngx_queue_remove(&ins->queue);
    }

    for (i = 0; ins->marks != NULL && i < ins->worker->ingest.nwriters; i++) {
        ngx_torus_mark_cancel(&ins->marks[i]);
    }

    torus_carbon_free(&ins->carbon);
    torus_buf_free(&ins->bad);
}
