/*
 * /render, a machine of these states:
 *
 *   PLAN     leaves become names, names become wants
 *   FIND     waiting for the index of names, then PLAN again
 *   READS    wants become reads
 *   FETCH    waiting for buckets
 *   MISS     names without any data are looked up in the index, to tell what
 *            exists from what does not: waiting for it is FIND again
 *   SUPPLY   series are given to the evaluator
 *   EVAL     evaluates; when it wants more leaves, PLAN again
 *   FOLD     to maxDataPoints
 *   WRITE    until DONE
 *
 * In all but FIND and FETCH there is work to do and nobody to wait for; in
 * those when something has come that has to be gone through.  All of it
 * leaves off when the work of a call is over.
 */

#include "torus_render.h"
#include "torus_fetch.h"
#include "torus_find.h"
#include "torus_glob.h"
#include "torus_graph_format.h"

#include <math.h>


#define TORUS_RENDER_CHUNK   16384
#define TORUS_RENDER_POINT   8        /* operations to write one */
#define TORUS_RENDER_NAME    100      /* .. to plan one */
#define TORUS_RENDER_READ    60       /* .. to make one */
#define TORUS_RENDER_TABLE   64       /* slots, to begin with */
#define TORUS_RENDER_MADE    8        /* points made per point fetched */
#define TORUS_RENDER_AHEAD   65536    /* points written ahead, at most .. */
#define TORUS_RENDER_SHORT   1024     /* .. and of a series */

#define TORUS_RENDER_DAY     86400


typedef enum {
    TORUS_RENDER_PLAN = 0,
    TORUS_RENDER_FIND,
    TORUS_RENDER_READS,
    TORUS_RENDER_FETCH,
    TORUS_RENDER_MISS,
    TORUS_RENDER_SUPPLY,
    TORUS_RENDER_EVAL,
    TORUS_RENDER_FOLD,
    TORUS_RENDER_WRITE,
    TORUS_RENDER_DONE
} torus_render_state_t;


typedef struct torus_render_want_s  torus_render_want_t;
typedef struct torus_render_read_s  torus_render_read_t;


/* A series of a leaf, filled by a read. */
struct torus_render_want_s {
    torus_graph_series_t        *series;
    torus_render_want_t         *next;      /* of the same read */
    unsigned                     literal:1; /* it may be of no stat at all */
    unsigned                     found:1;   /* there was something */
    unsigned                     shown:1;   /* its points are written ahead */
};


/* What is fetched of a name; leaves whose ranges touch share one. */
struct torus_render_read_s {
    torus_str_t                  name;
    const torus_schema_t        *schema;
    const torus_interval_t      *interval;
    torus_graph_span_t           span;
    torus_render_want_t         *wants;
    torus_render_read_t         *next;      /* in the table */
    uint64_t                     hash;
};


/* A leaf that is to be supplied. */
typedef struct {
    torus_graph_leaf_t          *leaf;
    torus_str_t                 *names;
    size_t                       nnames;
    size_t                       size;
    size_t                       query;     /* of the index */
    torus_render_want_t        **wants;
    size_t                       nwants;
    const torus_schema_t        *schema;    /* forced by the leaf */
    unsigned                     literal:1; /* the name is the path */
    unsigned                     asked:1;   /* it has a query of its own */
    unsigned                     shared:1;  /* it has that of another */
    unsigned                     open:1;    /* its planning has begun */
} torus_render_leaf_t;


/* Which schema and interval answer a name. */
typedef struct {
    const torus_schema_t        *schema;
    const torus_interval_t      *interval;
    int64_t                      step;      /* of the resolution */
    int64_t                      since;     /* of the oldest bucket kept */
} torus_render_choice_t;


struct torus_render_s {
    const torus_request_conf_t  *conf;
    const torus_limits_t        *limits;
    const torus_arg_t           *args;
    size_t                       nargs;
    torus_request_stats_t       *stats;
    torus_buf_t                 *out;
    torus_arena_t               *arena;
    torus_graph_params_t         params;
    torus_graph_t               *graph;
    torus_graph_writer_t         writer;
    size_t                       max;       /* maxDataPoints, 0: none */
    torus_render_state_t         state;

    /* of a pass */
    size_t                       taken;     /* leaves of earlier passes */
    torus_render_leaf_t         *leaves;
    size_t                       nleaves;
    size_t                       leaf;      /* the cursor */
    size_t                       name;
    size_t                       point;
    torus_graph_series_t       **series;    /* of the leaf, supplied */
    size_t                       nseries;
    torus_render_read_t        **table;
    size_t                       slots;
    torus_render_read_t        **reads;
    size_t                       nreads;
    size_t                       reads_size;
    torus_spec_t                 spec;      /* of all reads: one name each */
    torus_plan_t                 plan;
    torus_fetch_t               *fetch;
    torus_find_t                *find;
    torus_render_leaf_t        **queries;   /* whose they are */
    size_t                       nqueries;
    size_t                       read;      /* the cursor of READS, MISS */
    torus_render_read_t        **missed;    /* by query; NULL: not in MISS */
    size_t                       whole;     /* reads whose points are, too */
    size_t                       ahead;     /* points written ahead */
    torus_buf_t                  scratch;

    int64_t                      points;    /* keys of all passes */
    int64_t                      step;
    unsigned                     status;
    torus_error_t                err;
};


static unsigned torus_render_args(torus_render_t *r);
static unsigned torus_render_times(torus_render_t *r);
static unsigned torus_render_time(torus_render_t *r, const char *name,
    const char *missing, int64_t now, int64_t *ts);
static unsigned torus_render_format(torus_render_t *r);
static unsigned torus_render_numbers(torus_render_t *r);
static unsigned torus_render_vars(torus_render_t *r);
static unsigned torus_render_targets(torus_render_t *r);
static int torus_render_arg(const torus_render_t *r, const char *name,
    torus_str_t *value);
static int torus_render_has(const torus_render_t *r, const char *name,
    torus_str_t *value);

static int torus_render_step_on(torus_render_t *r);
static int torus_render_begin_pass(torus_render_t *r);
static int torus_render_ask(torus_render_t *r);
static int torus_render_query(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_hits(torus_render_t *r);
static int torus_render_hit(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t path);
static int torus_render_plan(torus_render_t *r);
static int torus_render_open(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_name(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t name);
static void torus_render_choose(torus_render_t *r,
    const torus_render_leaf_t *l, torus_str_t name,
    torus_render_choice_t *best);
static void torus_render_offer(torus_render_t *r,
    const torus_render_leaf_t *l, const torus_schema_t *schema,
    torus_render_choice_t *best);
static torus_render_read_t *torus_render_read(torus_render_t *r,
    torus_str_t name, const torus_render_choice_t *choice,
    const torus_graph_span_t *span);
static int torus_render_grow(torus_render_t *r);
static int torus_render_begin_reads(torus_render_t *r);
static int torus_render_reads(torus_render_t *r);
static int torus_render_fetch(torus_render_t *r);
static void torus_render_fetched(torus_render_t *r);
static int torus_render_evaluate(torus_render_t *r);
static int torus_render_range(torus_render_t *r,
    const torus_render_read_t *from, torus_read_t *read);
static int torus_render_stem(torus_render_t *r,
    const torus_render_read_t *from, torus_read_t *read);
static int torus_render_miss(torus_render_t *r);
static int torus_render_missing(torus_render_read_t *rd);
static void torus_render_exists(torus_render_read_t *rd);
static void torus_render_ahead(torus_render_t *r, size_t read);
static int64_t torus_render_grid(const torus_step_t *step, int64_t *phase);
static int64_t torus_render_place(const torus_step_t *step, int64_t start);
static int torus_render_row(void *data, const torus_read_t *read,
    torus_bucket_t *bucket);
static int torus_render_put(torus_render_t *r, const torus_render_read_t *rd,
    const torus_step_t *step, int64_t bucket, torus_row_t *row);
static int torus_render_value(torus_render_t *r, torus_graph_series_t *s,
    size_t i, torus_row_t *row);
static int torus_render_rows(torus_render_t *r, torus_graph_series_t *s);
static int torus_render_supply(torus_render_t *r);
static int torus_render_take(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_members(torus_render_t *r, torus_graph_series_t *s);
static void torus_render_reduce(const torus_render_leaf_t *l,
    const torus_schema_t *schema, torus_graph_series_t *s);
static int torus_render_went(torus_render_t *r, int rc,
    torus_render_state_t next);
static int torus_render_full(torus_render_t *r);
static int torus_render_fail(torus_render_t *r, unsigned status);


unsigned
torus_render_create(const torus_request_conf_t *conf,
    const torus_limits_t *limits, const torus_arg_t *args, size_t nargs,
    torus_request_stats_t *stats, torus_buf_t *out, torus_render_t **render,
    torus_error_t *err)
{
    unsigned         status;
    torus_arena_t   *arena;
    torus_render_t  *r;

    *render = NULL;

    arena = torus_arena_create_on(TORUS_RENDER_CHUNK, limits->account);
    if (arena == NULL) {
        return 500;
    }

    r = torus_arena_calloc(arena, 1, sizeof(torus_render_t));
    if (r == NULL) {
        torus_arena_destroy(arena);
        return 500;
    }

    r->conf = conf;
    r->limits = limits;
    r->args = args;
    r->nargs = nargs;
    r->stats = stats;
    r->out = out;
    r->arena = arena;
    r->status = 200;
    r->spec.nnames = 1;

    torus_buf_init_on(&r->scratch, limits->account);

    status = torus_render_args(r);

    if (status != 200) {
        *err = r->err;
        torus_render_destroy(r);
        return status;
    }

    *render = r;

    return 200;
}


void
torus_render_destroy(torus_render_t *r)
{
    if (r->find != NULL) {
        torus_find_destroy(r->find);
    }

    if (r->fetch != NULL) {
        torus_fetch_destroy(r->fetch);
    }

    torus_buf_free(&r->scratch);
    torus_arena_destroy(r->arena);
}


torus_str_t
torus_render_type(const torus_render_t *r)
{
    return torus_graph_format_type(&r->writer);
}


int64_t
torus_render_step(const torus_render_t *r)
{
    return r->step;
}


int
torus_render_next(torus_render_t *r, torus_batch_t *batch)
{
    int  rc;

    if (r->state == TORUS_RENDER_FIND) {
        rc = torus_find_next(r->find, batch);

        return rc == TORUS_ERROR ? torus_render_full(r) : rc;
    }

    if (r->state != TORUS_RENDER_FETCH) {
        return TORUS_DECLINED;
    }

    rc = torus_fetch_next(r->fetch, batch);

    if (rc == TORUS_ERROR) {
        r->err = *torus_fetch_error(r->fetch);
        return torus_render_fail(r, torus_fetch_status(r->fetch));
    }

    /* nothing had to be read */

    if (torus_fetch_done(r->fetch)) {
        torus_render_fetched(r);
    }

    return rc;
}


int
torus_render_reply(torus_render_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    unsigned  status;

    if (r->state == TORUS_RENDER_FIND) {
        status = torus_find_reply(r->find, host, reply, &r->err);

        return status == 200 ? TORUS_OK : torus_render_fail(r, status);
    }

    if (r->state != TORUS_RENDER_FETCH) {
        torus_error(&r->err, "redis %.*s sent a reply to nothing",
                    torus_fmt(host->name));
        return torus_render_fail(r, 503);
    }

    if (torus_fetch_reply(r->fetch, host, reply) != TORUS_OK) {
        r->err = *torus_fetch_error(r->fetch);
        return torus_render_fail(r, torus_fetch_status(r->fetch));
    }

    if (torus_fetch_done(r->fetch)) {
        torus_render_fetched(r);
    }

    return TORUS_OK;
}


int
torus_render_busy(const torus_render_t *r)
{
    if (r->status != 200) {
        return 0;
    }

    switch (r->state) {

    case TORUS_RENDER_FIND:
        return torus_find_busy(r->find);

    case TORUS_RENDER_FETCH:
        return torus_fetch_busy(r->fetch);

    default:
        return r->state != TORUS_RENDER_DONE;
    }
}


int
torus_render_done(const torus_render_t *r)
{
    return r->state == TORUS_RENDER_DONE;
}


unsigned
torus_render_status(const torus_render_t *r)
{
    return r->status;
}


const torus_error_t *
torus_render_error(const torus_render_t *r)
{
    return &r->err;
}


int
torus_render_work(torus_render_t *r)
{
    while (torus_render_busy(r)) {

        if (torus_render_step_on(r) != TORUS_OK) {
            return TORUS_ERROR;
        }

        /* what was written may be as much as is wanted */

        if (torus_work_over(&r->stats->work)
            || r->state == TORUS_RENDER_WRITE)
        {
            break;
        }
    }

    return TORUS_OK;
}


/* Arguments. */


static unsigned
torus_render_args(torus_render_t *r)
{
    unsigned  status;

    status = torus_render_times(r);

    if (status == 200) {
        status = torus_render_format(r);
    }

    if (status == 200) {
        status = torus_render_numbers(r);
    }

    if (status == 200) {
        status = torus_render_vars(r);
    }

    return status == 200 ? torus_render_targets(r) : status;
}


static unsigned
torus_render_times(torus_render_t *r)
{
    int64_t       ts;
    unsigned      status;
    torus_str_t   zone;

    if (torus_render_arg(r, "tz", &zone) && r->conf->zone != NULL) {
        r->params.tz = r->conf->zone(r->conf->data, zone);
    }

    status = torus_render_time(r, "now", "now", r->conf->now,
                               &r->params.now);

    if (status == 200) {
        status = torus_render_time(r, "from", "-1d", r->params.now,
                                   &r->params.span.from);
    }

    if (status == 200) {
        status = torus_render_time(r, "until", "now", r->params.now,
                                   &r->params.span.until);
    }

    if (status != 200) {
        return status;
    }

    if (r->params.span.from == r->params.span.until) {
        torus_error(&r->err, "the time range from \"from\" to \"until\" is "
                    "empty");
        return 400;
    }

    if (r->params.span.from > r->params.span.until) {
        ts = r->params.span.from;
        r->params.span.from = r->params.span.until;
        r->params.span.until = ts;
    }

    return 200;
}


static unsigned
torus_render_time(torus_render_t *r, const char *name, const char *missing,
    int64_t now, int64_t *ts)
{
    torus_str_t    text;
    torus_error_t  why;

    if (!torus_render_arg(r, name, &text)) {
        text = torus_str(missing, strlen(missing));
    }

    if (torus_time_parse_graphite(text, now, r->params.tz, ts, &why)
        != TORUS_OK)
    {
        torus_error(&r->err, "argument \"%s\" %s", name, why.text);
        return 400;
    }

    if (*ts < TORUS_TIME_MIN || *ts > TORUS_TIME_MAX) {
        torus_error(&r->err, "argument \"%s\" is not in the years 1 to 9999",
                    name);
        return 400;
    }

    return 200;
}


static unsigned
torus_render_format(torus_render_t *r)
{
    size_t       n;
    char         quoted[80];
    torus_str_t  name;

    if (!torus_render_arg(r, "format", &name)) {
        name = torus_render_has(r, "rawData", &name)
               ? torus_str("raw", 3)
               : torus_render_has(r, "pickle", &name)
               ? torus_str("pickle", 6) : torus_str("json", 4);
    }

    if (torus_graph_format_find(name, &r->writer.format) != TORUS_OK) {
        n = torus_escape(quoted, sizeof(quoted), name);

        torus_error(&r->err, "argument \"format\" must be json, raw, csv or "
                    "pickle, not \"%.*s\"", (int) n, quoted);
        return 400;
    }

    r->writer.pretty = torus_render_arg(r, "pretty", &name)
                       && !torus_str_is(name, "0");
    r->writer.no_nulls = torus_render_has(r, "noNullPoints", &name)
                         && !torus_str_is(name, "0");
    r->writer.tz = r->params.tz;

    return 200;
}


/* xFilesFactor, and maxDataPoints, which is ignored unless it is digits. */
static unsigned
torus_render_numbers(torus_render_t *r)
{
    size_t         i;
    torus_str_t    text;
    torus_value_t  v;

    if (torus_render_arg(r, "xFilesFactor", &text)) {

        if (torus_number_parse(text, &v) != TORUS_OK) {
            torus_error(&r->err, "argument \"xFilesFactor\" must be a "
                        "number");
            return 400;
        }

        r->params.xff = torus_number_double(&v);
    }

    if (r->writer.format != TORUS_GRAPH_JSON
        || !torus_render_arg(r, "maxDataPoints", &text)
        || text.len > 18)
    {
        return 200;
    }

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            r->max = 0;
            return 200;
        }

        r->max = r->max * 10 + (size_t) (text.data[i] - '0');
    }

    return 200;
}


/* template[name]=value */
static unsigned
torus_render_vars(torus_render_t *r)
{
    size_t               i;
    torus_str_t          name;
    torus_target_var_t  *vars;

    vars = torus_arena_alloc(r->arena, (r->nargs + 1)
                                       * sizeof(torus_target_var_t));
    if (vars == NULL) {
        return 500;
    }

    r->params.vars = vars;

    for (i = 0; i < r->nargs; i++) {
        name = r->args[i].name;

        if (name.len > 10 && memcmp(name.data, "template[", 9) == 0
            && name.data[name.len - 1] == ']')
        {
            vars->name = torus_str(name.data + 9, name.len - 10);
            vars->value = r->args[i].value;
            vars++;
            r->params.nvars++;
        }
    }

    return 200;
}


static unsigned
torus_render_targets(torus_render_t *r)
{
    size_t       i, n;
    const char  *name;

    r->params.seed = torus_hash(&r->params.span, sizeof(torus_graph_span_t),
                                (uint64_t) r->params.now);
    r->params.target = r->limits->target;
    r->params.max_leaves = r->limits->series;
    r->params.max_series = r->limits->series;
    r->params.work = &r->stats->work;
    r->params.max_points = r->limits->points * TORUS_RENDER_MADE;

    r->graph = torus_graph_create(r->arena, &r->params);
    if (r->graph == NULL) {
        return 500;
    }

    name = "target[]";

    for (i = 0; i < r->nargs; i++) {
        if (torus_str_is(r->args[i].name, "target")) {
            name = "target";
        }
    }

    n = 0;

    for (i = 0; i < r->nargs; i++) {

        if (!torus_str_is(r->args[i].name, name)
            || r->args[i].value.len == 0)
        {
            continue;
        }

        if (r->limits->targets != 0 && n++ == r->limits->targets) {
            torus_error(&r->err, "more than %zu targets",
                        r->limits->targets);
            return 413;
        }

        if (torus_graph_prepare(r->graph, r->args[i].value, &r->err)
            != TORUS_OK)
        {
            return torus_graph_status(r->graph);
        }
    }

    return torus_render_begin_pass(r) == TORUS_OK ? 200 : r->status;
}


/* Of a scalar the last one counts; 1: there is one that is not empty. */
static int
torus_render_arg(const torus_render_t *r, const char *name,
    torus_str_t *value)
{
    return torus_render_has(r, name, value) && value->len != 0;
}


/* 1: there is one. */
static int
torus_render_has(const torus_render_t *r, const char *name,
    torus_str_t *value)
{
    size_t  i;

    for (i = r->nargs; i > 0; i--) {

        if (torus_str_is(r->args[i - 1].name, name)) {
            *value = r->args[i - 1].value;
            return 1;
        }
    }

    return 0;
}


/* Work. */


static int
torus_render_step_on(torus_render_t *r)
{
    int  rc;

    switch (r->state) {

    case TORUS_RENDER_PLAN:
        return torus_render_plan(r);

    case TORUS_RENDER_FIND:
        return torus_render_hits(r);

    case TORUS_RENDER_READS:
        return torus_render_reads(r);

    case TORUS_RENDER_FETCH:
        if (torus_fetch_work(r->fetch) != TORUS_OK) {
            r->err = *torus_fetch_error(r->fetch);
            return torus_render_fail(r, torus_fetch_status(r->fetch));
        }

        if (torus_fetch_done(r->fetch)) {
            torus_render_fetched(r);
        }

        return TORUS_OK;

    case TORUS_RENDER_MISS:
        return torus_render_miss(r);

    case TORUS_RENDER_SUPPLY:
        return torus_render_supply(r);

    case TORUS_RENDER_EVAL:
    case TORUS_RENDER_FOLD:
        return torus_render_evaluate(r);

    default: /* TORUS_RENDER_WRITE */
        rc = torus_graph_write_some(&r->writer, TORUS_WORK_SLICE
                                                / TORUS_RENDER_POINT);
        if (rc == TORUS_ERROR) {
            return torus_render_full(r);
        }

        if (rc == TORUS_OK) {
            r->state = TORUS_RENDER_DONE;
        }

        return TORUS_OK;
    }
}


static int
torus_render_evaluate(torus_render_t *r)
{
    int            rc;
    torus_work_t  *work;

    work = &r->stats->work;

    if (r->state == TORUS_RENDER_FOLD) {
        rc = torus_graph_limit_points(r->graph, r->max, work->left, &r->err);
        work->left = torus_graph_left(r->graph);

        return torus_render_went(r, rc, TORUS_RENDER_WRITE);
    }

    rc = torus_graph_eval(r->graph, work->left, &r->err);
    work->left = torus_graph_left(r->graph);

    if (rc == TORUS_DECLINED) {
        return torus_render_begin_pass(r);
    }

    return torus_render_went(r, rc, TORUS_RENDER_FOLD);
}


/* After the evaluator's TORUS_OK, TORUS_AGAIN or a fault of it. */
static int
torus_render_went(torus_render_t *r, int rc, torus_render_state_t next)
{
    size_t                  i, n;
    torus_graph_series_t  **series;

    if (rc == TORUS_AGAIN) {
        return TORUS_OK;
    }

    if (rc != TORUS_OK) {
        return torus_render_fail(r, torus_graph_status(r->graph));
    }

    r->state = next;

    if (next == TORUS_RENDER_WRITE) {
        series = torus_graph_answers(r->graph, &n);

        torus_graph_write_init(&r->writer, series, n, r->out);

        for (i = 0; i < n; i++) {
            r->stats->points += series[i]->n;
        }
    }

    return TORUS_OK;
}


/* The leaves that there were not in the last pass. */
static int
torus_render_begin_pass(torus_render_t *r)
{
    size_t               i, n;
    torus_graph_leaf_t **leaves;

    leaves = torus_graph_leaves(r->graph, &n);

    r->nleaves = n - r->taken;
    r->leaves = torus_arena_calloc(r->arena, r->nleaves + 1,
                                   sizeof(torus_render_leaf_t));
    r->slots = TORUS_RENDER_TABLE;
    r->table = torus_arena_calloc(r->arena, r->slots,
                                  sizeof(torus_render_read_t *));

    if (r->leaves == NULL || r->table == NULL) {
        return torus_render_full(r);
    }

    for (i = 0; i < r->nleaves; i++) {
        r->leaves[i].leaf = leaves[r->taken + i];
    }

    r->taken = n;
    r->leaf = 0;
    r->name = 0;
    r->nreads = 0;
    r->state = TORUS_RENDER_PLAN;

    return torus_render_ask(r);
}


/* All globs of the pass are asked for together, each once. */
static int
torus_render_ask(torus_render_t *r)
{
    size_t                i;
    torus_find_conf_t     conf;
    torus_graph_span_t   *span;
    torus_render_leaf_t  *l;

    memset(&conf, 0, sizeof(torus_find_conf_t));

    conf.now = r->conf->now;
    conf.from = INT64_MAX;
    conf.until = INT64_MIN;
    conf.names = r->limits->series;
    conf.account = r->limits->account;
    conf.leaves = 1;

    r->nqueries = 0;

    for (i = 0; i < r->nleaves; i++) {
        l = &r->leaves[i];
        span = &l->leaf->span;

        if (!torus_glob_is_pattern(l->leaf->path)) {
            l->literal = 1;
            l->names = &l->leaf->path;
            l->nnames = 1;
            continue;
        }

        /* without stored tags nothing has any */

        if (l->leaf->path.len >= 12
            && memcmp(l->leaf->path.data, "seriesByTag(", 12) == 0)
        {
            continue;
        }

        l->asked = 1;
        r->nqueries++;

        conf.from = span->from < conf.from ? span->from : conf.from;
        conf.until = span->until > conf.until ? span->until : conf.until;
    }

    if (r->nqueries == 0) {
        return TORUS_OK;
    }

    if (r->find != NULL) {
        torus_find_destroy(r->find);
    }

    r->find = torus_find_create(r->arena, r->conf->set, &conf, r->stats);
    r->queries = torus_arena_alloc(r->arena,
                                   r->nqueries
                                   * sizeof(torus_render_leaf_t *));

    if (r->find == NULL || r->queries == NULL) {
        return torus_render_full(r);
    }

    r->nqueries = 0;

    for (i = 0; i < r->nleaves; i++) {

        if (r->leaves[i].asked
            && torus_render_query(r, &r->leaves[i]) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    r->state = TORUS_RENDER_FIND;

    return TORUS_OK;
}


static int
torus_render_query(torus_render_t *r, torus_render_leaf_t *l)
{
    int     rc;
    size_t  i;

    for (i = 0; i < r->nqueries; i++) {

        if (torus_str_eq(r->queries[i]->leaf->path, l->leaf->path)) {
            l->query = i;
            l->asked = 0;
            l->shared = 1;
            return TORUS_OK;
        }
    }

    rc = torus_find_add(r->find, l->leaf->path, &r->err);

    if (rc == TORUS_INVALID) {
        return torus_render_fail(r, 400);
    }

    if (rc != TORUS_OK) {
        return torus_render_full(r);
    }

    l->query = r->nqueries;
    r->queries[r->nqueries++] = l;

    return TORUS_OK;
}


/* Takes what was found; after the last of it there is planning to do. */
static int
torus_render_hits(torus_render_t *r)
{
    int                rc;
    size_t             query;
    torus_graph_hit_t  hit;

    for ( ;; ) {
        rc = torus_find_hit(r->find, &query, &hit);

        if (rc == TORUS_AGAIN) {
            return TORUS_OK;
        }

        if (rc == TORUS_DECLINED) {
            r->state = r->missed == NULL ? TORUS_RENDER_PLAN
                                         : TORUS_RENDER_SUPPLY;
            r->missed = NULL;
            return TORUS_OK;
        }

        if (rc == TORUS_OK && r->missed != NULL) {
            torus_render_exists(r->missed[query]);
            continue;
        }

        if (rc == TORUS_INVALID) {
            torus_error(&r->err, "more than %zu series", r->limits->series);
            return torus_render_fail(r, 413);
        }

        if (rc != TORUS_OK
            || torus_render_hit(r, r->queries[query], hit.path) != TORUS_OK)
        {
            return torus_render_full(r);
        }

        torus_work_did(&r->stats->work, 4);
    }
}


static int
torus_render_hit(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t path)
{
    size_t        size;
    torus_str_t  *names;

    if (l->nnames == l->size) {
        size = l->size == 0 ? 16 : 2 * l->size;

        names = torus_arena_alloc(r->arena, size * sizeof(torus_str_t));
        if (names == NULL) {
            return TORUS_ERROR;
        }

        if (l->nnames != 0) {
            memcpy(names, l->names, l->nnames * sizeof(torus_str_t));
        }

        l->names = names;
        l->size = size;
    }

    return torus_arena_dup(r->arena, path, &l->names[l->nnames++]);
}


static int
torus_render_plan(torus_render_t *r)
{
    torus_render_leaf_t  *l;

    for ( /* void */ ; r->leaf < r->nleaves; r->leaf++, r->name = 0) {
        l = &r->leaves[r->leaf];

        if (!l->open && torus_render_open(r, l) != TORUS_OK) {
            return TORUS_ERROR;
        }

        for ( /* void */ ; r->name < l->nnames; r->name++) {

            if (torus_work_over(&r->stats->work)) {
                return TORUS_OK;
            }

            torus_work_did(&r->stats->work, TORUS_RENDER_NAME);

            if (torus_render_name(r, l, l->names[r->name]) != TORUS_OK) {
                return TORUS_ERROR;
            }
        }

        torus_work_did(&r->stats->work, 10);
    }

    return torus_render_begin_reads(r);
}


/* Its schema, its names, and room for what they want. */
static int
torus_render_open(torus_render_t *r, torus_render_leaf_t *l)
{
    size_t  n;
    char    quoted[80];

    if (l->leaf->schema.len != 0) {
        l->schema = torus_schema_find(r->conf->set, l->leaf->schema);

        if (l->schema == NULL) {
            n = torus_escape(quoted, sizeof(quoted), l->leaf->schema);
            torus_error(&r->err, "there is no schema \"%.*s\"", (int) n,
                        quoted);
            return torus_render_fail(r, 400);
        }
    }

    l->open = 1;

    if (l->shared) {
        l->names = r->queries[l->query]->names;
        l->nnames = r->queries[l->query]->nnames;
    }

    l->wants = torus_arena_alloc(r->arena, (l->nnames + 1)
                                           * sizeof(torus_render_want_t *));

    return l->wants != NULL ? TORUS_OK : torus_render_full(r);
}


static int
torus_render_name(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t name)
{
    int64_t                step, phase;
    torus_render_read_t   *rd;
    torus_render_want_t   *w;
    torus_render_choice_t  choice;

    torus_render_choose(r, l, name, &choice);

    if (choice.schema == NULL) {
        return TORUS_OK;
    }

    step = torus_render_grid(&choice.interval->resolution, &phase);

    rd = torus_render_read(r, name, &choice, &l->leaf->span);
    w = torus_arena_calloc(r->arena, 1, sizeof(torus_render_want_t));

    if (rd == NULL || w == NULL) {
        return torus_render_full(r);
    }

    w->series = torus_graph_series(r->graph, l->leaf, name, step, phase);
    if (w->series == NULL) {
        return torus_render_full(r);
    }

    w->series->type = choice.schema->type;
    w->series->typed = 1;
    torus_render_reduce(l, choice.schema, w->series);

    w->literal = l->literal;
    w->shown = l->leaf->shown
               && w->series->n <= TORUS_RENDER_SHORT
               && (r->max == 0 || w->series->n <= r->max)
               && (choice.schema->type == TORUS_COUNT
                   || choice.schema->type == TORUS_GAUGE);
    w->next = rd->wants;
    rd->wants = w;
    l->wants[l->nwants++] = w;

    return TORUS_OK;
}


/* What fold the schema has for points, and for the values of one. */
static void
torus_render_reduce(const torus_render_leaf_t *l,
    const torus_schema_t *schema, torus_graph_series_t *s)
{
    torus_graph_fold_t  fold;

    if (schema->fold.len == 0
        || torus_graph_fold_points(schema->fold, &fold) != TORUS_OK)
    {
        return;
    }

    s->fold = fold;

    /* functions that look into rows expect them as they are */

    if (l->leaf->asks != TORUS_GRAPH_ASK_PLAIN
        || fold == TORUS_GRAPH_AVERAGE)
    {
        return;
    }

    (void) torus_graph_reduce_by(s, fold);
}


/* Leaves best->schema NULL when nobody takes the name. */
static void
torus_render_choose(torus_render_t *r, const torus_render_leaf_t *l,
    torus_str_t name, torus_render_choice_t *best)
{
    size_t                     i;
    int                        matched;
    const torus_schema_t      *schema;
    const torus_schema_set_t  *set;

    memset(best, 0, sizeof(torus_render_choice_t));

    if (l->schema != NULL) {
        torus_render_offer(r, l, l->schema, best);
        return;
    }

    set = r->conf->set;
    matched = 0;

    for (i = 0; i < set->nschemas; i++) {
        schema = &set->schemas[i];

        if (!torus_schema_match(schema, name)) {
            continue;
        }

        matched = 1;
        torus_render_offer(r, l, schema, best);

        if (schema->final) {
            return;
        }
    }

    /* a name that a "transform" has made need not match anything */

    for (i = 0; !matched && i < set->nschemas; i++) {

        if (torus_schema_renames(&set->schemas[i])) {
            torus_render_offer(r, l, &set->schemas[i], best);
        }
    }
}


/* Is an interval of this schema better than what there is? */
static void
torus_render_offer(torus_render_t *r, const torus_render_leaf_t *l,
    const torus_schema_t *schema, torus_render_choice_t *best)
{
    size_t                   i;
    int                      covers, covered;
    int64_t                  from, since, step;
    const torus_interval_t  *iv;

    from = l->leaf->span.from;
    covered = best->schema != NULL && best->since <= from;

    for (i = 0; i < schema->nintervals; i++) {
        iv = &schema->intervals[i];

        if (l->leaf->interval.len != 0
            && !torus_str_eq(l->leaf->interval, iv->name))
        {
            continue;
        }

        step = torus_step_nominal(&iv->resolution);
        since = TORUS_TIME_MIN;

        if (iv->steps != 0) {
            since = torus_step_bucket(&iv->step, r->conf->now);
            since = torus_step_add(&iv->step, since, -iv->steps);
            since = torus_step_start(&iv->step, since);
        }

        covers = since <= from;

        if (best->schema == NULL
            || (covers && (!covered || step < best->step))
            || (!covers && !covered && since < best->since))
        {
            best->schema = schema;
            best->interval = iv;
            best->step = step;
            best->since = since;
            covered = covers;
        }
    }
}


/* One whose range touches this one, made longer, or a new one. */
static torus_render_read_t *
torus_render_read(torus_render_t *r, torus_str_t name,
    const torus_render_choice_t *choice, const torus_graph_span_t *span)
{
    size_t                i;
    uint64_t              hash;
    torus_render_read_t  *rd;

    hash = torus_hash(name.data, name.len,
                      (uint64_t) (uintptr_t) choice->interval);

    for (rd = r->table[hash & (r->slots - 1)]; rd != NULL; rd = rd->next) {

        if (rd->hash != hash || rd->interval != choice->interval
            || !torus_str_eq(rd->name, name)
            || span->from > rd->span.until || span->until < rd->span.from)
        {
            continue;
        }

        if (span->from < rd->span.from) {
            rd->span.from = span->from;
        }

        if (span->until > rd->span.until) {
            rd->span.until = span->until;
        }

        return rd;
    }

    if (torus_render_grow(r) != TORUS_OK) {
        return NULL;
    }

    rd = torus_arena_calloc(r->arena, 1, sizeof(torus_render_read_t));
    if (rd == NULL) {
        return NULL;
    }

    i = hash & (r->slots - 1);

    rd->name = name;
    rd->schema = choice->schema;
    rd->interval = choice->interval;
    rd->span = *span;
    rd->hash = hash;
    rd->next = r->table[i];

    r->table[i] = rd;
    r->reads[r->nreads++] = rd;

    return rd;
}


/* Room for one more read. */
static int
torus_render_grow(torus_render_t *r)
{
    size_t                 i, k, slots;
    torus_render_read_t  **table, **reads;

    if (r->nreads < r->reads_size) {
        return TORUS_OK;
    }

    slots = 2 * (r->reads_size == 0 ? TORUS_RENDER_TABLE : r->reads_size);

    table = torus_arena_calloc(r->arena, slots,
                               sizeof(torus_render_read_t *));
    reads = torus_arena_alloc(r->arena,
                              slots * sizeof(torus_render_read_t *));

    if (table == NULL || reads == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < r->nreads; i++) {
        reads[i] = r->reads[i];

        k = reads[i]->hash & (slots - 1);
        reads[i]->next = table[k];
        table[k] = reads[i];
    }

    r->table = table;
    r->slots = slots;
    r->reads = reads;
    r->reads_size = slots;

    return TORUS_OK;
}


/* All names are known. */
static int
torus_render_begin_reads(torus_render_t *r)
{
    memset(&r->plan, 0, sizeof(torus_plan_t));

    r->plan.reads = torus_arena_calloc(r->arena, r->nreads + 1,
                                       sizeof(torus_read_t));
    if (r->plan.reads == NULL) {
        return torus_render_full(r);
    }

    r->plan.nreads = r->nreads;
    r->read = 0;
    r->state = TORUS_RENDER_READS;

    return TORUS_OK;
}


static int
torus_render_reads(torus_render_t *r)
{
    int64_t        cost;
    torus_read_t  *read;

    for ( /* void */ ; r->read < r->nreads; r->read++) {

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        torus_work_did(&r->stats->work, TORUS_RENDER_READ);

        read = &r->plan.reads[r->read];

        if (torus_render_range(r, r->reads[r->read], read) != TORUS_OK
            || torus_render_stem(r, r->reads[r->read], read) != TORUS_OK)
        {
            return torus_render_full(r);
        }

        if (__builtin_mul_overflow(read->buckets, read->subs, &cost)
            || __builtin_add_overflow(r->points, cost, &r->points)
            || (r->limits->points != 0
                && r->points > (int64_t) r->limits->points))
        {
            torus_error(&r->err, "the request asks for more than %zu points",
                        r->limits->points);
            return torus_render_fail(r, 413);
        }
    }

    return torus_render_fetch(r);
}


static int
torus_render_fetch(torus_render_t *r)
{
    if (r->fetch != NULL) {
        torus_fetch_destroy(r->fetch);
    }

    r->fetch = torus_fetch_create_rows(&r->plan, r->conf->set, r->limits,
                                       r->stats, torus_render_row, r);
    if (r->fetch == NULL) {
        return torus_render_full(r);
    }

    torus_work_did(&r->stats->work, 4 * r->nreads);

    r->whole = 0;
    r->state = TORUS_RENDER_FETCH;

    /* with nothing to read there is nobody to wait for */

    if (r->nreads == 0) {
        torus_render_fetched(r);
    }

    return TORUS_OK;
}


static void
torus_render_fetched(torus_render_t *r)
{
    torus_fetch_destroy(r->fetch);
    r->fetch = NULL;

    r->state = TORUS_RENDER_MISS;
    r->leaf = 0;
    r->name = 0;
    r->point = 0;
    r->series = NULL;
    r->read = 0;
    r->nqueries = 0;
}


/*
 * A name that was given as such and has no data in its range may be one that
 * there is not, of which nothing is answered, or one that was silent, which
 * is null all the time.  The index tells, and is asked only then, for all of
 * them together.
 */
static int
torus_render_miss(torus_render_t *r)
{
    int                   rc;
    torus_find_conf_t     conf;
    torus_render_read_t  *rd;

    for ( /* void */ ; r->read < r->nreads; r->read++) {
        rd = r->reads[r->read];

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        torus_work_did(&r->stats->work, 4);

        if (!torus_render_missing(rd)) {
            continue;
        }

        torus_work_did(&r->stats->work, TORUS_RENDER_NAME);

        if (r->missed == NULL) {
            memset(&conf, 0, sizeof(torus_find_conf_t));

            conf.now = r->conf->now;
            conf.from = INT64_MIN;
            conf.until = INT64_MAX;
            conf.account = r->limits->account;
            conf.leaves = 1;

            if (r->find != NULL) {
                torus_find_destroy(r->find);
            }

            r->find = torus_find_create(r->arena, r->conf->set, &conf,
                                        r->stats);
            r->missed = torus_arena_alloc(r->arena,
                                          r->nreads
                                          * sizeof(torus_render_read_t *));

            if (r->find == NULL || r->missed == NULL) {
                return torus_render_full(r);
            }
        }

        rc = torus_find_add(r->find, rd->name, &r->err);

        if (rc == TORUS_OK) {
            r->missed[r->nqueries++] = rd;

        } else if (rc != TORUS_INVALID) {
            return torus_render_full(r);
        }
    }

    r->state = r->missed != NULL ? TORUS_RENDER_FIND : TORUS_RENDER_SUPPLY;

    return TORUS_OK;
}


/* What has data in one range does exist in all others. */
static int
torus_render_missing(torus_render_read_t *rd)
{
    int                   literal;
    torus_render_want_t  *w;

    literal = 0;

    for (w = rd->wants; w != NULL; w = w->next) {

        if (w->found) {
            torus_render_exists(rd);
            return 0;
        }

        literal |= w->literal && w->series->n != 0;
    }

    return literal;
}


static void
torus_render_exists(torus_render_read_t *rd)
{
    torus_render_want_t  *w;

    for (w = rd->wants; w != NULL; w = w->next) {
        w->found = 1;
    }
}


/* The buckets that a range takes, of those that may still be there. */
static int
torus_render_range(torus_render_t *r, const torus_render_read_t *from,
    torus_read_t *read)
{
    int64_t                  oldest, grid, phase, subs;
    const torus_interval_t  *iv;

    iv = from->interval;
    grid = torus_render_grid(&iv->resolution, &phase);

    read->spec = &r->spec;
    read->schema = from->schema;
    read->interval = iv;
    read->from = from->span.from + 1;
    read->until = from->span.until;

    /* the rest of a week that a new year cuts has a bucket of its own */

    if (iv->resolution.kind == TORUS_STEP_WEEKLY) {
        read->until += 6 * TORUS_RENDER_DAY;
    }

    read->first = torus_step_bucket(&iv->step, read->from);
    read->last = torus_step_bucket(&iv->step, read->until);
    read->bounded = 1;

    if (iv->steps != 0) {
        oldest = torus_step_bucket(&iv->step, r->conf->now);
        oldest = torus_step_add(&iv->step, oldest, -iv->steps);

        if (read->first < oldest) {
            read->first = oldest;
        }

        if (read->last < oldest) {
            read->last = oldest;
        }
    }

    read->buckets = torus_step_count(&iv->step, read->first, read->last);

    if (read->buckets < 1) {
        read->last = read->first;
        read->buckets = 1;
    }

    /* a short range has less than a bucket of the interval */
    subs = (read->until - read->from)
           / torus_step_nominal(&iv->resolution) + 2;

    read->subs = torus_plan_subs(iv);

    if (read->subs > subs) {
        read->subs = subs;
    }

    if (r->step == 0 || grid < r->step) {
        r->step = grid;
    }

    return TORUS_OK;
}


static int
torus_render_stem(torus_render_t *r, const torus_render_read_t *from,
    torus_read_t *read)
{
    torus_str_t     prefix, name;
    unsigned char  *p;

    prefix = from->schema->prefix;
    name = from->name;

    read->stems = torus_arena_alloc(r->arena, sizeof(torus_str_t));
    p = torus_arena_alloc(r->arena, prefix.len + name.len + 1);

    if (read->stems == NULL || p == NULL) {
        return TORUS_ERROR;
    }

    if (prefix.len != 0) {
        memcpy(p, prefix.data, prefix.len);
    }

    memcpy(p + prefix.len, name.data, name.len);
    p[prefix.len + name.len] = ':';

    *read->stems = torus_str(p, prefix.len + name.len + 1);

    return TORUS_OK;
}


/* The grid that buckets are shown on: its step, and where one is from 0. */
static int64_t
torus_render_grid(const torus_step_t *step, int64_t *phase)
{
    *phase = 0;

    switch (step->kind) {

    case TORUS_STEP_SECONDS:
        return step->seconds;

    case TORUS_STEP_WEEKLY:
        *phase = TORUS_GRAPH_SUNDAY;
        return TORUS_GRAPH_WEEK;

    default:
        return TORUS_RENDER_DAY;
    }
}


/* Where on it a bucket is shown that begins then. */
static int64_t
torus_render_place(const torus_step_t *step, int64_t start)
{
    int64_t  past;

    if (step->kind != TORUS_STEP_WEEKLY) {
        return start;
    }

    /* the first bucket of a year need not begin with its week */

    past = (start - TORUS_GRAPH_SUNDAY) % TORUS_GRAPH_WEEK;

    return start - (past < 0 ? past + TORUS_GRAPH_WEEK : past);
}


/* Rows. */


static int
torus_render_row(void *data, const torus_read_t *read,
    torus_bucket_t *bucket)
{
    size_t                      i;
    torus_render_t             *r;
    const torus_interval_t     *iv;
    const torus_render_read_t  *rd;

    r = data;
    rd = r->reads[read - r->plan.reads];
    iv = read->interval;

    torus_render_ahead(r, (size_t) (read - r->plan.reads));

    if (iv->coarse) {
        return torus_render_put(r, rd, &iv->step, bucket->bucket,
                                &bucket->row);
    }

    for (i = 0; i < bucket->nsubs; i++) {

        if (torus_render_put(r, rd, &iv->resolution, bucket->subs[i].bucket,
                             &bucket->subs[i].row)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/*
 * Buckets come in the order of reads: what is before this one is whole.  The
 * points of series that are most likely answered as they are become text
 * while Redis is at work on the next ones, and not when it is idle.  It can
 * be done without: not much memory is used for it.
 */
static void
torus_render_ahead(torus_render_t *r, size_t read)
{
    size_t                n, size;
    torus_render_want_t  *w;

    for ( /* void */ ; r->whole < read; r->whole++) {

        if (torus_work_over(&r->stats->work)) {
            return;
        }

        torus_work_did(&r->stats->work, 1);

        for (w = r->reads[r->whole]->wants; w != NULL; w = w->next) {

            if (!w->shown || !w->found) {
                continue;
            }

            n = w->series->n;
            size = 2 * TORUS_NUMBER_SIZE * n;

            if (n > TORUS_RENDER_AHEAD - r->ahead
                || size > torus_account_left(r->limits->account) / 8)
            {
                return;
            }

            r->ahead += n;
            torus_work_did(&r->stats->work, TORUS_RENDER_POINT * n);

            (void) torus_graph_write_ahead(&r->writer, r->arena, &r->scratch,
                                           w->series);
        }
    }
}


static int
torus_render_put(torus_render_t *r, const torus_render_read_t *rd,
    const torus_step_t *step, int64_t bucket, torus_row_t *row)
{
    int64_t                start, t, i;
    torus_graph_series_t  *s;
    torus_render_want_t   *w;

    if (!row->present) {
        return TORUS_OK;
    }

    start = torus_step_start(step, bucket);
    t = torus_render_place(step, start);

    for (w = rd->wants; w != NULL; w = w->next) {
        s = w->series;
        i = (t - s->start) / s->step;

        if (t < s->start || i >= (int64_t) s->n) {
            continue;
        }

        w->found = 1;

        if (r->conf->open_null
            && start + torus_step_length(step, bucket) > r->conf->now)
        {
            continue;
        }

        if (torus_render_value(r, s, (size_t) i, row) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* A place that has a value already gets more of it: a week cut in two. */
static int
torus_render_value(torus_render_t *r, torus_graph_series_t *s, size_t i,
    torus_row_t *row)
{
    double  d;

    switch (row->type) {

    case TORUS_GAUGE:
        d = torus_number_double(&row->number);

        if (!isnan(d)) {
            s->values[i] = d;
        }

        return TORUS_OK;

    case TORUS_COUNT:
        d = torus_number_double(&row->number);
        s->values[i] = isnan(s->values[i]) ? d : s->values[i] + d;
        return TORUS_OK;

    default:
        if (s->rows == NULL && torus_render_rows(r, s) != TORUS_OK) {
            return TORUS_ERROR;
        }

        torus_work_did(&r->stats->work, 20 + 30 * row->nitems);

        return torus_row_merge(&s->rows[i], r->arena, row);
    }
}


/* Distributions instead of values. */
static int
torus_render_rows(torus_render_t *r, torus_graph_series_t *s)
{
    size_t  i;

    s->rows = torus_arena_alloc(r->arena,
                                (s->n + 1) * sizeof(torus_row_t));
    if (s->rows == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < s->n; i++) {
        torus_row_init(&s->rows[i], s->type);
    }

    torus_work_did(&r->stats->work, s->n);

    return TORUS_OK;
}


/* Leaf by leaf. */
static int
torus_render_supply(torus_render_t *r)
{
    int                   rc;
    torus_render_leaf_t  *l;

    if (r->leaf == r->nleaves) {
        r->state = TORUS_RENDER_EVAL;
        return TORUS_OK;
    }

    l = &r->leaves[r->leaf];

    if (r->series == NULL) {
        r->series = torus_arena_alloc(r->arena,
                                      (l->nwants + 1)
                                      * sizeof(torus_graph_series_t *));
        if (r->series == NULL) {
            return torus_render_full(r);
        }

        r->nseries = 0;
    }

    rc = torus_render_take(r, l);

    if (rc == TORUS_OK) {
        rc = torus_graph_supply(r->graph, l->leaf, r->series, r->nseries,
                                &r->err);

        if (rc == TORUS_OK) {
            r->leaf++;
            r->name = 0;
            r->series = NULL;
            return TORUS_OK;
        }

        if (rc != TORUS_AGAIN) {
            return torus_render_fail(r, torus_graph_status(r->graph));
        }
    }

    return rc == TORUS_AGAIN ? TORUS_OK : rc;
}


/* The series of one leaf; a set becomes the number of its members. */
static int
torus_render_take(torus_render_t *r, torus_render_leaf_t *l)
{
    torus_graph_series_t  *s;

    for ( /* void */ ; r->name < l->nwants; r->name++, r->point = 0) {

        if (torus_work_over(&r->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&r->stats->work, 4);

        s = l->wants[r->name]->series;

        /* nobody knows of it, or the range is too short for a point */

        if (s->n == 0 || (l->literal && !l->wants[r->name]->found)) {
            continue;
        }

        if (s->type == TORUS_SERIES || s->type == TORUS_HISTOGRAM) {

            if (s->rows == NULL && torus_render_rows(r, s) != TORUS_OK) {
                return torus_render_full(r);
            }

            s->values = NULL;
        }

        if (s->type == TORUS_SET && s->rows != NULL
            && torus_render_members(r, s) != TORUS_OK)
        {
            return TORUS_AGAIN;
        }

        r->series[r->nseries++] = s;
    }

    return TORUS_OK;
}


static int
torus_render_members(torus_render_t *r, torus_graph_series_t *s)
{
    torus_row_t  *row;

    for ( /* void */ ; r->point < s->n; r->point++) {
        row = &s->rows[r->point];

        if (!row->present) {
            continue;
        }

        if (torus_work_over(&r->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&r->stats->work, 20 + 20 * row->nitems);

        torus_row_fold(row);
        s->values[r->point] = (double) row->nitems;
    }

    s->rows = NULL;

    return TORUS_OK;
}


static int
torus_render_full(torus_render_t *r)
{
    if (torus_graph_status(r->graph) != 200 && r->err.len != 0) {
        return torus_render_fail(r, torus_graph_status(r->graph));
    }

    torus_error(&r->err, "the request needs more memory or points than it "
                "may have");

    return torus_render_fail(r, 413);
}


static int
torus_render_fail(torus_render_t *r, unsigned status)
{
    r->status = status;

    return TORUS_ERROR;
}
