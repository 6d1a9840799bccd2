/*
 * Arguments of /render: the times, the format, the targets.
 */

#include "torus_render_state.h"


#define TORUS_RENDER_MADE    8        /* points made per point fetched */
#define TORUS_RENDER_TARGET  50       /* operations to prepare a target */
#define TORUS_RENDER_BYTE    4        /* .. and for each byte of it */


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


unsigned
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
    size_t       i;
    const char  *name;

    r->params.seed = torus_hash(&r->params.span, sizeof(torus_graph_span_t),
                                (uint64_t) r->params.now);
    r->params.target = r->limits->target;
    r->params.max_leaves = r->limits->series;
    r->params.max_series = r->limits->series;
    r->params.work = &r->stats->work;
    r->params.max_points = r->limits->points * TORUS_RENDER_MADE;

    r->graph = torus_graph_create(r->arena, &r->params);
    r->targets = torus_arena_alloc(r->arena, (r->nargs + 1)
                                             * sizeof(torus_str_t));

    if (r->graph == NULL || r->targets == NULL) {
        return 500;
    }

    name = "target[]";

    for (i = 0; i < r->nargs; i++) {
        if (torus_str_is(r->args[i].name, "target")) {
            name = "target";
        }
    }

    for (i = 0; i < r->nargs; i++) {

        if (torus_str_is(r->args[i].name, name)
            && r->args[i].value.len != 0)
        {
            r->targets[r->ntargets++] = r->args[i].value;
        }
    }

    return 200;
}


int
torus_render_prepare(torus_render_t *r)
{
    torus_str_t  text;

    for ( /* void */ ; r->target < r->ntargets; r->target++) {

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        if (r->limits->targets != 0 && r->target == r->limits->targets) {
            torus_error(&r->err, "more than %zu targets",
                        r->limits->targets);
            return torus_render_fail(r, 413);
        }

        text = r->targets[r->target];

        torus_work_did(&r->stats->work,
                       TORUS_RENDER_TARGET + TORUS_RENDER_BYTE * text.len);

        if (torus_graph_prepare(r->graph, text, &r->err) != TORUS_OK) {
            return torus_render_fail(r, torus_graph_status(r->graph));
        }
    }

    return torus_render_begin_pass(r);
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
