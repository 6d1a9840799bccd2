/*
 * The facade: a table of commands over the parts that do their work, and
 * what is common to all of them: limits, the output, faults.
 */

#include "torus_request.h"
#include "torus_delete.h"
#include "torus_explain.h"
#include "torus_fetch.h"
#include "torus_list.h"
#include "torus_metrics.h"
#include "torus_reindex.h"
#include "torus_render.h"
#include "torus_tags.h"


#define TORUS_REQUEST_CHUNK    4096
#define TORUS_REQUEST_KEEP     131072   /* bytes of output memory kept */
#define TORUS_REQUEST_MAX_AGE  60
#define TORUS_REQUEST_JSONP    64


typedef struct {
    torus_str_t                  name;
    unsigned                   (*create)(torus_request_t *r,
                                    const torus_arg_t *args, size_t nargs);
    int                        (*next)(torus_request_t *r,
                                    torus_batch_t *batch);
    int                        (*reply)(torus_request_t *r,
                                    const torus_host_t *host,
                                    const redisReply *reply);
    int                        (*busy)(const torus_request_t *r);
    int                        (*work)(torus_request_t *r);
    unsigned                     graphite:1;
    unsigned                     sub:1;  /* "<name>/<more>" is it too */
} torus_command_ops_t;


struct torus_request_s {
    const torus_command_ops_t   *ops;
    const torus_request_conf_t  *conf;
    torus_arena_t               *arena;
    torus_limits_t               limits;
    torus_account_t              account;
    torus_query_t                query;
    torus_plan_t                 plan;
    torus_fetch_t               *fetch;
    torus_list_t                *list;
    torus_delete_t              *delete;
    torus_reindex_t             *reindex;
    torus_metrics_t             *metrics;
    torus_render_t              *render;
    torus_buf_t                  out;
    torus_str_t                  type;
    torus_str_t                  jsonp;
    torus_request_stats_t        stats;
    torus_error_t                err;
    unsigned                     status;
    unsigned                     begun:1;    /* something was drained */
    unsigned                     done:1;
    unsigned                     broken:1;
};


static torus_str_t torus_request_node(torus_str_t name);
static void torus_request_limits(torus_request_t *r);
static void torus_request_account(torus_request_t *r);
static int torus_request_jsonp(torus_request_t *r, const torus_arg_t *args,
    size_t nargs);
static void torus_request_end(torus_request_t *r);
static int torus_request_fault(torus_request_t *r, unsigned status);
static unsigned torus_series_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static int torus_series_next(torus_request_t *r, torus_batch_t *batch);
static int torus_series_reply(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply);
static int torus_series_is_busy(const torus_request_t *r);
static int torus_series_do_work(torus_request_t *r);
static int torus_series_went(torus_request_t *r, int rc);
static unsigned torus_names_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static unsigned torus_held_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static unsigned torus_explain_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static int torus_names_next(torus_request_t *r, torus_batch_t *batch);
static int torus_names_reply(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply);
static int torus_names_busy(const torus_request_t *r);
static int torus_names_work(torus_request_t *r);
static int torus_request_went(torus_request_t *r, int rc);
static int torus_request_took(torus_request_t *r, unsigned status);
static int torus_request_wrote(torus_request_t *r, int rc);
static unsigned torus_delete_begin(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static int torus_delete_step(torus_request_t *r, torus_batch_t *batch);
static int torus_delete_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply);
static int torus_delete_busy(const torus_request_t *r);
static int torus_delete_work(torus_request_t *r);
static unsigned torus_render_begin(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static int torus_render_step_next(torus_request_t *r, torus_batch_t *batch);
static int torus_render_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply);
static int torus_render_is_busy(const torus_request_t *r);
static int torus_render_do_work(torus_request_t *r);
static int torus_render_state(torus_request_t *r, int rc);
static unsigned torus_reindex_begin(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static int torus_reindex_step(torus_request_t *r, torus_batch_t *batch);
static int torus_reindex_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply);
static unsigned torus_metrics_begin(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static int torus_metrics_step(torus_request_t *r, torus_batch_t *batch);
static int torus_metrics_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply);
static int torus_metrics_is_busy(const torus_request_t *r);
static int torus_metrics_do_work(torus_request_t *r);
static void torus_request_binary(torus_request_t *r, torus_str_t type);
static unsigned torus_functions_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static unsigned torus_version_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static unsigned torus_empty_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static unsigned torus_values_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static unsigned torus_tagged_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);
static unsigned torus_tags_create(torus_request_t *r,
    const torus_arg_t *args, size_t nargs);


/* By torus_command_t. */
static const torus_command_ops_t  torus_commands[] = {
    { torus_string("series"),
      torus_series_create, torus_series_next, torus_series_reply,
      torus_series_is_busy, torus_series_do_work, 0, 0 },
    { torus_string("list"),
      torus_names_create, torus_names_next, torus_names_reply,
      torus_names_busy, torus_names_work, 0, 0 },
    { torus_string("properties"),
      torus_held_create, torus_names_next, torus_names_reply,
      torus_names_busy, torus_names_work, 0, 0 },
    { torus_string("delete"),
      torus_delete_begin, torus_delete_step, torus_delete_took,
      torus_delete_busy, torus_delete_work, 0, 0 },

    /* done when it has been created */
    { torus_string("explain"), torus_explain_create, NULL, NULL,
      NULL, NULL, 0, 0 },

    { torus_string("render"),
      torus_render_begin, torus_render_step_next, torus_render_took,
      torus_render_is_busy, torus_render_do_work, 1, 0 },

    { torus_string("reindex"),
      torus_reindex_begin, torus_reindex_step, torus_reindex_took,
      NULL, NULL, 0, 0 },

    { torus_string("metrics/find"),
      torus_metrics_begin, torus_metrics_step, torus_metrics_took,
      torus_metrics_is_busy, torus_metrics_do_work, 1, 0 },
    { torus_string("metrics/expand"),
      torus_metrics_begin, torus_metrics_step, torus_metrics_took,
      torus_metrics_is_busy, torus_metrics_do_work, 1, 0 },
    { torus_string("metrics/index.json"),
      torus_metrics_begin, torus_metrics_step, torus_metrics_took,
      torus_metrics_is_busy, torus_metrics_do_work, 1, 0 },

    /* those too are done when they have been created */
    { torus_string("functions"), torus_functions_create, NULL, NULL,
      NULL, NULL, 1, 1 },
    { torus_string("version"), torus_version_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("events"), torus_empty_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("events/get_data"), torus_empty_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("tags/tagSeries"), torus_tagged_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("tags/tagMultiSeries"), torus_tagged_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("tags/delSeries"), torus_tagged_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("tags/autoComplete/tags"), torus_empty_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("tags/autoComplete/values"), torus_values_create, NULL,
      NULL, NULL, NULL, 1, 0 },
    { torus_string("tags/findSeries"), torus_empty_create, NULL, NULL,
      NULL, NULL, 1, 0 },
    { torus_string("tags"), torus_tags_create, NULL, NULL,
      NULL, NULL, 1, 1 }
};


int
torus_command_find(torus_str_t name, torus_command_t *command)
{
    size_t                      i;
    torus_str_t                 rest;
    const torus_command_ops_t  *ops;

    if (torus_str_is(name, "metrics")) {
        *command = TORUS_COMMAND_FIND;
        return TORUS_OK;
    }

    for (i = 0; i < sizeof(torus_commands) / sizeof(torus_commands[0]); i++) {
        ops = &torus_commands[i];

        if (torus_str_eq(name, ops->name)) {
            *command = (torus_command_t) i;
            return TORUS_OK;
        }

        if (!ops->sub || name.len < ops->name.len + 2
            || name.data[ops->name.len] != '/'
            || memcmp(name.data, ops->name.data, ops->name.len) != 0)
        {
            continue;
        }

        rest = torus_str(name.data + ops->name.len + 1,
                         name.len - ops->name.len - 1);

        if (memchr(rest.data, '/', rest.len) == NULL) {
            *command = (torus_command_t) i;
            return TORUS_OK;
        }
    }

    return TORUS_DECLINED;
}


torus_request_t *
torus_request_create(const torus_request_conf_t *conf,
    torus_command_t command, const torus_arg_t *args, size_t nargs)
{
    unsigned          status;
    torus_arena_t    *arena;
    torus_request_t  *r;

    arena = torus_arena_create(TORUS_REQUEST_CHUNK, 0);
    if (arena == NULL) {
        return NULL;
    }

    r = torus_arena_calloc(arena, 1, sizeof(torus_request_t));
    if (r == NULL) {
        torus_arena_destroy(arena);
        return NULL;
    }

    r->conf = conf;
    r->arena = arena;
    r->ops = &torus_commands[command];
    r->status = 200;
    r->type = torus_str("application/json", 16);

    torus_request_limits(r);
    torus_request_account(r);

    torus_buf_init_on(&r->out, &r->account);

    if (torus_request_jsonp(r, args, nargs) != TORUS_OK) {
        torus_request_fault(r, 400);
        return r;
    }

    if (r->jsonp.len != 0) {
        torus_buf_adds(&r->out, r->jsonp);
        torus_buf_addz(&r->out, "(");
    }

    torus_work_begin(&r->stats.work);

    status = r->ops->create(r, args, nargs);

    if (status != 200) {
        torus_request_fault(r, status);
    }

    return r;
}


void
torus_request_destroy(torus_request_t *r)
{
    if (r->fetch != NULL) {
        torus_fetch_destroy(r->fetch);
    }

    if (r->list != NULL) {
        torus_list_destroy(r->list);
    }

    if (r->delete != NULL) {
        torus_delete_destroy(r->delete);
    }

    if (r->render != NULL) {
        torus_render_destroy(r->render);
    }

    if (r->reindex != NULL) {
        torus_reindex_destroy(r->reindex);
    }

    if (r->metrics != NULL) {
        torus_metrics_destroy(r->metrics);
    }

    torus_buf_free(&r->out);
    torus_arena_destroy(r->arena);
}


int
torus_request_next(torus_request_t *r, torus_batch_t *batch)
{
    if (r->done) {
        return TORUS_DECLINED;
    }

    torus_work_begin(&r->stats.work);

    return r->ops->next(r, batch) == TORUS_OK ? TORUS_OK : TORUS_DECLINED;
}


int
torus_request_reply(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    if (r->done) {
        return TORUS_ERROR;
    }

    torus_work_begin(&r->stats.work);

    return r->ops->reply(r, host, reply);
}


void
torus_request_fail(torus_request_t *r, unsigned status, const char *reason)
{
    if (r->done) {
        return;
    }

    torus_error(&r->err, "%s", reason);
    torus_request_fault(r, status);
}


torus_str_t
torus_request_output(const torus_request_t *r)
{
    size_t  len;

    len = torus_buf_len(&r->out);

    /* a call without its argument yet is no beginning of an answer */

    if (r->jsonp.len != 0 && !r->begun && !r->done
        && len == r->jsonp.len + 1)
    {
        len = 0;
    }

    return torus_str(r->out.pos, len);
}


void
torus_request_drain(torus_request_t *r, size_t n)
{
    r->begun = 1;
    r->out.pos += n;

    if (torus_buf_len(&r->out) != 0) {
        return;
    }

    torus_buf_reset(&r->out, TORUS_REQUEST_KEEP);
}


int
torus_request_busy(const torus_request_t *r)
{
    return !r->done && r->ops->busy != NULL && r->ops->busy(r);
}


void
torus_request_work(torus_request_t *r)
{
    if (torus_request_busy(r)) {
        torus_work_begin(&r->stats.work);
        r->ops->work(r);
    }
}


int
torus_name_is_graphite(torus_str_t name)
{
    size_t                      i;
    const torus_command_ops_t  *ops;

    name = torus_request_node(name);

    for (i = 0; i < sizeof(torus_commands) / sizeof(torus_commands[0]); i++) {
        ops = &torus_commands[i];

        if (ops->graphite && torus_str_eq(name, torus_request_node(ops->name)))
        {
            return 1;
        }
    }

    return 0;
}


/* "metrics" of "metrics/find" */
static torus_str_t
torus_request_node(torus_str_t name)
{
    const unsigned char  *slash;

    slash = name.len == 0 ? NULL : memchr(name.data, '/', name.len);

    return slash == NULL ? name
                         : torus_str(name.data, (size_t) (slash - name.data));
}


int
torus_request_done(const torus_request_t *r)
{
    return r->done;
}


int
torus_request_broken(const torus_request_t *r)
{
    return r->broken;
}


unsigned
torus_request_status(const torus_request_t *r)
{
    return r->status;
}


const char *
torus_request_error(const torus_request_t *r)
{
    return r->status == 200 ? "" : r->err.text;
}


torus_str_t
torus_request_type(const torus_request_t *r)
{
    return r->type;
}


unsigned
torus_request_max_age(const torus_request_t *r)
{
    if (r->status != 200 || r->plan.step == 0) {
        return 0;
    }

    return r->plan.step < TORUS_REQUEST_MAX_AGE ? (unsigned) r->plan.step
                                                : TORUS_REQUEST_MAX_AGE;
}


const torus_request_stats_t *
torus_request_stats(torus_request_t *r)
{
    r->stats.memory = r->account.most;

    return &r->stats;
}


static void
torus_request_limits(torus_request_t *r)
{
    const torus_limits_t  *limits;

    limits = &r->conf->limits;
    r->limits = *limits;

    if (limits->stats == 0 && limits->points == 0 && limits->names == 0
        && limits->slice == 0 && limits->memory == 0)
    {
        r->limits.stats = TORUS_LIMIT_STATS;
        r->limits.points = TORUS_LIMIT_POINTS;
        r->limits.names = TORUS_LIMIT_NAMES;
        r->limits.memory = TORUS_LIMIT_MEMORY;
        r->limits.targets = TORUS_LIMIT_TARGETS;
        r->limits.series = TORUS_LIMIT_SERIES;
    }

    if (limits->slice == 0) {
        r->limits.slice = TORUS_LIMIT_SLICE;
    }
}


/* What is there before anything was asked for counts too. */
static void
torus_request_account(torus_request_t *r)
{
    torus_account_init(&r->account, r->limits.memory);

    if (r->conf->held != 0) {
        torus_account_add(&r->account, r->conf->held);
    }

    torus_arena_charge(r->arena, &r->account);

    r->limits.account = &r->account;
}


/* A name that a script can be called with, and nothing more. */
static int
torus_request_jsonp(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    size_t         i;
    unsigned char  c;

    r->jsonp = torus_args_get(args, nargs, "jsonp");

    for (i = 0; i < r->jsonp.len; i++) {
        c = r->jsonp.data[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')
            && (c < 'a' || c > 'z') && c != '_' && c != '.' && c != '$')
        {
            break;
        }
    }

    if (i < r->jsonp.len || i > TORUS_REQUEST_JSONP) {
        r->jsonp.len = 0;
        return torus_error(&r->err, "argument \"jsonp\" must be a name of at "
                           "most %d letters, digits, \"_\", \".\" and \"$\"",
                           TORUS_REQUEST_JSONP);
    }

    if (i != 0) {
        r->type = torus_str("text/javascript", 15);
    }

    return TORUS_OK;
}


/* The answer is whole. */
static void
torus_request_end(torus_request_t *r)
{
    if (r->jsonp.len != 0) {
        torus_buf_addz(&r->out, ")\n");
    }

    r->done = 1;
}


/*
 * A fault replaces what nobody has seen yet, or breaks off the answer.  What
 * tells it is not charged, so that there is room for it.
 */
static int
torus_request_fault(torus_request_t *r, unsigned status)
{
    if (r->account.refused && (status == 413 || status == 500)) {
        status = 413;
        torus_error(&r->err, "the request needs more memory than "
                    "\"torus_max_memory\" allows: %zu bytes",
                    r->limits.memory);
    }

    if (r->err.len == 0) {
        torus_error(&r->err, "out of memory");
    }

    r->status = status;
    r->done = 1;
    r->broken = r->begun;

    torus_buf_free(&r->out);
    torus_buf_init(&r->out, 0);

    if (!r->begun && r->ops->graphite) {
        r->type = torus_str("text/plain", 10);
        torus_buf_add(&r->out, r->err.text, r->err.len);
        torus_buf_addz(&r->out, "\n");

    } else if (!r->begun && r->jsonp.len != 0) {
        r->type = torus_str("text/javascript", 15);
        torus_buf_adds(&r->out, r->jsonp);
        torus_buf_addz(&r->out, "(");
        torus_json_error(&r->out, torus_str(r->err.text, r->err.len));
        torus_buf_addz(&r->out, ")\n");

    } else if (!r->begun) {
        r->type = torus_str("application/json", 16);
        torus_json_error(&r->out, torus_str(r->err.text, r->err.len));
    }

    return TORUS_ERROR;
}


static unsigned
torus_series_create(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    unsigned       status;
    torus_clock_t  clock;

    clock.now = r->conf->now;
    clock.zone = r->conf->zone;
    clock.data = r->conf->data;

    status = torus_query_parse(r->arena, args, nargs, &r->limits, &clock,
                               r->conf->set, &r->query, &r->err);
    if (status != 200) {
        return status;
    }

    status = torus_plan_make(r->arena, &r->query, r->conf->set, &r->limits,
                             &r->plan, &r->err);
    if (status != 200) {
        return status;
    }

    if (r->query.format->csv && r->jsonp.len != 0) {
        torus_error(&r->err, "argument \"jsonp\" does not go with csv");
        return 400;
    }

    if (r->jsonp.len == 0) {
        r->type = r->query.format->type;
    }

    r->fetch = torus_fetch_create(&r->query, &r->plan, r->conf->set,
                                  &r->limits, &r->stats, &r->out);

    return r->fetch != NULL ? 200 : 500;
}


static int
torus_series_next(torus_request_t *r, torus_batch_t *batch)
{
    int  rc;

    rc = torus_fetch_next(r->fetch, batch);

    return torus_series_went(r, rc);
}


static int
torus_series_reply(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    int  rc;

    rc = torus_fetch_reply(r->fetch, host, reply);

    return torus_series_went(r, rc);
}


static int
torus_series_is_busy(const torus_request_t *r)
{
    return torus_fetch_busy(r->fetch);
}


static int
torus_series_do_work(torus_request_t *r)
{
    int  rc;

    rc = torus_fetch_work(r->fetch);

    return torus_series_went(r, rc);
}


static int
torus_series_went(torus_request_t *r, int rc)
{
    if (rc == TORUS_ERROR) {
        r->err = *torus_fetch_error(r->fetch);
        return torus_request_fault(r, torus_fetch_status(r->fetch));
    }

    if (torus_fetch_done(r->fetch)) {
        torus_request_end(r);
    }

    return rc;
}


static unsigned
torus_names_create(torus_request_t *r, const torus_arg_t *args, size_t nargs)
{
    return torus_list_create(r->conf->set, args, nargs, &r->limits,
                             &r->stats, &r->list, &r->err);
}


static unsigned
torus_held_create(torus_request_t *r, const torus_arg_t *args, size_t nargs)
{
    return torus_properties_create(r->conf->set, args, nargs, &r->limits,
                                   &r->stats, &r->list, &r->err);
}


static unsigned
torus_explain_create(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    unsigned  status;

    if (!r->conf->explain) {
        torus_error(&r->err, "\"explain\" is not open here");
        return 403;
    }

    status = torus_explain(r->arena, r->conf->set, args, nargs, r->conf->now,
                           &r->out, &r->err);

    if (status == 200) {
        torus_request_end(r);
    }

    return status;
}


static int
torus_names_next(torus_request_t *r, torus_batch_t *batch)
{
    return torus_request_went(r, torus_list_next(r->list, batch));
}


static int
torus_names_reply(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    return torus_request_took(r, torus_list_reply(r->list, host, reply,
                                                  &r->err));
}


/* Of a listing that is complete there are pieces to write. */
static int
torus_names_busy(const torus_request_t *r)
{
    return torus_list_ready(r->list);
}


static int
torus_names_work(torus_request_t *r)
{
    return torus_request_wrote(r, torus_list_write(r->list, &r->out));
}


static unsigned
torus_delete_begin(torus_request_t *r, const torus_arg_t *args, size_t nargs)
{
    return torus_delete_create(r->conf->set, args, nargs, &r->limits,
                               &r->stats, &r->delete, &r->err);
}


static int
torus_delete_step(torus_request_t *r, torus_batch_t *batch)
{
    return torus_request_went(r, torus_delete_next(r->delete, batch));
}


static int
torus_delete_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    return torus_request_took(r, torus_delete_reply(r->delete, host, reply,
                                                    &r->err));
}


static int
torus_delete_busy(const torus_request_t *r)
{
    return torus_delete_done(r->delete);
}


static int
torus_delete_work(torus_request_t *r)
{
    return torus_request_wrote(r, torus_delete_write(r->delete, &r->out));
}


/* What a part that has no status of its own says: TORUS_ERROR is memory. */
static int
torus_request_went(torus_request_t *r, int rc)
{
    return rc == TORUS_ERROR ? torus_request_fault(r, 500) : rc;
}


static int
torus_request_took(torus_request_t *r, unsigned status)
{
    return status == 200 ? TORUS_OK : torus_request_fault(r, status);
}


/* After a piece of the answer: the last, one of several, or a fault. */
static int
torus_request_wrote(torus_request_t *r, int rc)
{
    if (rc == TORUS_ERROR || r->out.failed) {
        return torus_request_fault(r, 500);
    }

    if (rc == TORUS_OK) {
        torus_request_end(r);
    }

    return TORUS_OK;
}


static unsigned
torus_render_begin(torus_request_t *r, const torus_arg_t *args, size_t nargs)
{
    unsigned     status;
    torus_str_t  type;

    status = torus_render_create(r->conf, &r->limits, args, nargs, &r->stats,
                                 &r->out, &r->render, &r->err);
    if (status != 200) {
        return status;
    }

    type = torus_render_type(r->render);

    if (r->jsonp.len == 0) {
        r->type = type;

    } else if (!torus_str_is(type, "application/json")) {
        torus_error(&r->err, "argument \"jsonp\" takes the format json");
        return 400;
    }

    return 200;
}


static int
torus_render_step_next(torus_request_t *r, torus_batch_t *batch)
{
    return torus_render_state(r, torus_render_next(r->render, batch));
}


static int
torus_render_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    return torus_render_state(r, torus_render_reply(r->render, host, reply));
}


static int
torus_render_is_busy(const torus_request_t *r)
{
    return torus_render_busy(r->render);
}


static int
torus_render_do_work(torus_request_t *r)
{
    return torus_render_state(r, torus_render_work(r->render));
}


static int
torus_render_state(torus_request_t *r, int rc)
{
    if (rc == TORUS_ERROR) {
        r->err = *torus_render_error(r->render);
        return torus_request_fault(r, torus_render_status(r->render));
    }

    r->plan.step = torus_render_step(r->render);

    if (torus_render_done(r->render)) {
        torus_request_end(r);
    }

    return rc;
}


static unsigned
torus_reindex_begin(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    return torus_reindex_create(r->conf->set, args, nargs, &r->limits,
                                r->conf->now, &r->stats, &r->reindex,
                                &r->err);
}


static int
torus_reindex_step(torus_request_t *r, torus_batch_t *batch)
{
    return torus_request_went(r, torus_reindex_next(r->reindex, batch));
}


static int
torus_reindex_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    int  rc;

    rc = torus_request_took(r, torus_reindex_reply(r->reindex, host, reply,
                                                   &r->err));

    if (rc == TORUS_OK && torus_reindex_done(r->reindex)) {
        torus_reindex_write(r->reindex, &r->out);
        torus_request_end(r);
    }

    return rc;
}


static unsigned
torus_metrics_begin(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    unsigned              status;
    torus_str_t           type;
    torus_clock_t         clock;
    torus_metrics_kind_t  kind;

    clock.now = r->conf->now;
    clock.zone = r->conf->zone;
    clock.data = r->conf->data;

    kind = (torus_metrics_kind_t) ((r->ops - torus_commands)
                                   - TORUS_COMMAND_FIND);

    status = torus_metrics_create(kind, r->conf->set, args, nargs, &r->limits,
                                  &clock, &r->stats, &r->out, &r->metrics,
                                  &r->err);
    if (status != 200) {
        return status;
    }

    type = torus_metrics_type(r->metrics);

    if (!torus_str_is(type, "application/json")) {
        torus_request_binary(r, type);
    }

    return 200;
}


static int
torus_metrics_step(torus_request_t *r, torus_batch_t *batch)
{
    return torus_request_went(r, torus_metrics_next(r->metrics, batch));
}


static int
torus_metrics_took(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    return torus_request_took(r, torus_metrics_reply(r->metrics, host, reply,
                                                     &r->err));
}


static int
torus_metrics_is_busy(const torus_request_t *r)
{
    return torus_metrics_busy(r->metrics);
}


static int
torus_metrics_do_work(torus_request_t *r)
{
    int  rc;

    rc = torus_request_took(r, torus_metrics_work(r->metrics, &r->err));

    if (rc == TORUS_OK && torus_metrics_done(r->metrics)) {
        torus_request_end(r);
    }

    return rc;
}


/* An answer that is no JSON is not wrapped into a call. */
static void
torus_request_binary(torus_request_t *r, torus_str_t type)
{
    torus_buf_reset(&r->out, 0);

    r->jsonp = torus_str("", 0);
    r->type = type;
}


static unsigned
torus_functions_create(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    int          rc;
    char         quoted[128];
    size_t       n;
    unsigned     grouped, pretty;
    torus_str_t  name;

    grouped = 0;
    pretty = 0;

    if (torus_query_flag(args, nargs, "grouped", &grouped, &r->err)
        != TORUS_OK
        || torus_query_flag(args, nargs, "pretty", &pretty, &r->err)
           != TORUS_OK)
    {
        return 400;
    }

    name = torus_str("", 0);

    if (r->conf->path.len > r->ops->name.len) {
        n = r->ops->name.len + 1;
        name = torus_str(r->conf->path.data + n, r->conf->path.len - n);
    }

    rc = torus_graph_functions(&r->out, name.len == 0 ? NULL : &name,
                               (int) grouped, (int) pretty);

    if (rc == TORUS_DECLINED) {
        n = torus_escape(quoted, sizeof(quoted), name);
        torus_error(&r->err, "unknown function \"%.*s\"", (int) n, quoted);
        return 404;
    }

    if (rc != TORUS_OK) {
        return 500;
    }

    torus_request_end(r);

    return 200;
}


/* Of the Graphite that this is like: clients ask what they may do. */
static unsigned
torus_version_create(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    (void) args;
    (void) nargs;

    torus_request_binary(r, torus_str("text/plain", 10));
    torus_buf_addz(&r->out, "1.1.10");
    torus_request_end(r);

    return 200;
}


/* Neither events nor tags are kept. */
static unsigned
torus_empty_create(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    (void) args;
    (void) nargs;

    torus_buf_addz(&r->out, "[]");
    torus_request_end(r);

    return 200;
}


static unsigned
torus_values_create(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    if (torus_metrics_arg(args, nargs, "tag").len == 0) {
        torus_error(&r->err, "argument \"tag\" is missing");
        return 400;
    }

    return torus_empty_create(r, args, nargs);
}


static unsigned
torus_tagged_create(torus_request_t *r, const torus_arg_t *args,
    size_t nargs)
{
    unsigned           status;
    torus_tags_kind_t  kind;

    kind = (torus_tags_kind_t) ((r->ops - torus_commands)
                                - TORUS_COMMAND_TAG_STORE);

    status = torus_tags_write(kind, args, nargs, &r->out, &r->err);

    if (status == 200) {
        torus_request_end(r);
    }

    return status;
}


static unsigned
torus_tags_create(torus_request_t *r, const torus_arg_t *args, size_t nargs)
{
    size_t        n;
    torus_json_t  j;

    n = r->ops->name.len + 1;

    if (r->conf->path.len <= n) {
        return torus_empty_create(r, args, nargs);
    }

    torus_json_init(&j, &r->out, 0);
    torus_json_open(&j, '{');
    torus_json_keyz(&j, "tag");
    torus_json_string(&j, torus_str(r->conf->path.data + n,
                                    r->conf->path.len - n));
    torus_json_keyz(&j, "values");
    torus_json_open(&j, '[');
    torus_json_close(&j, ']');
    torus_json_close(&j, '}');

    torus_request_end(r);

    return 200;
}
