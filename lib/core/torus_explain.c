/*
 * A point explained.  Routes and operations are made by the code that makes
 * them for every point, for one schema at a time; this file only shows them.
 */

#include "torus_explain.h"
#include "torus_names.h"
#include "torus_layout.h"
#include "torus_store.h"


/* Names that one stat is explained under, as torus_route.c has it. */
#define TORUS_EXPLAIN_NAMES  1024
#define TORUS_EXPLAIN_NODES  4096    /* of the index, known once written */

/* What Redis takes for a key and for the expiry of one, about. */
#define TORUS_EXPLAIN_KEY     48
#define TORUS_EXPLAIN_EXPIRE  24

/* hash-max-listpack-entries, as Redis has it where nobody says otherwise. */
#define TORUS_EXPLAIN_LISTPACK  512


/* An operation of the schema being explained. */
typedef struct torus_explain_op_s  torus_explain_op_t;

struct torus_explain_op_s {
    torus_op_t                 op;
    torus_explain_op_t        *next;
};


/* Stored by a schema whose "transform" makes names, under one of those. */
typedef struct torus_explain_taken_s  torus_explain_taken_t;

struct torus_explain_taken_s {
    const torus_schema_t      *schema;
    torus_str_t                stem;
    torus_explain_taken_t     *next;
};


typedef struct {
    torus_arena_t             *arena;
    const torus_schema_set_t  *set;
    torus_json_t               json;
    torus_str_t                value;
    int                        has_value;
    int64_t                    timestamp;
    int64_t                    now;
    torus_str_t                names[TORUS_EXPLAIN_NAMES];
    size_t                     nnames;
    torus_store_t              store;
    torus_names_t              index;
    uint64_t                   counters[TORUS_COUNTERS_N];
    torus_explain_op_t        *ops;
    torus_explain_op_t       **last;
    torus_explain_taken_t     *taken;
    unsigned char              path[TORUS_TRANSFORM_PATH];
} torus_explain_t;


static unsigned torus_explain_args(torus_explain_t *e,
    const torus_arg_t *args, size_t nargs, torus_str_t *stat,
    torus_error_t *err);
static unsigned torus_explain_path(torus_explain_t *e, torus_str_t *stat,
    torus_error_t *err);
static int torus_explain_stat(torus_explain_t *e, torus_str_t stat,
    unsigned depth);
static int torus_explain_rules(torus_explain_t *e, torus_str_t stat,
    unsigned depth);
static int torus_explain_overlong(torus_explain_t *e, torus_str_t name);
static int torus_explain_known(const torus_explain_t *e, torus_str_t stat);
static int torus_explain_schema(torus_explain_t *e,
    const torus_schema_t *schema, torus_str_t stat);
static int torus_explain_name(torus_explain_t *e,
    torus_route_target_t *target);
static void torus_explain_transform(torus_explain_t *e,
    const torus_route_target_t *target);
static void torus_explain_expr(torus_explain_t *e, const torus_expr_t *expr,
    torus_str_t stat, int condition);
static void torus_explain_refused(torus_explain_t *e, torus_counter_t reason);
static int torus_explain_twice(const torus_explain_t *e,
    const torus_route_target_t *target);
static int torus_explain_taken(torus_explain_t *e,
    const torus_route_target_t *target);
static torus_counter_t torus_explain_funcs(torus_explain_t *e,
    const torus_route_target_t *target, int twice);
static int torus_explain_func(torus_explain_t *e, const torus_func_t *func,
    const torus_str_t *in, unsigned char *room, torus_value_t *v);
static void torus_explain_intervals(torus_explain_t *e,
    const torus_route_target_t *target);
static void torus_explain_interval(torus_explain_t *e,
    const torus_route_target_t *target, const torus_interval_t *iv);
static void torus_explain_key(torus_explain_t *e,
    const torus_route_target_t *target, const torus_interval_t *iv,
    int64_t bucket, int64_t timestamp);
static void torus_explain_bytes(torus_explain_t *e,
    const torus_route_target_t *target, const torus_interval_t *iv);
static int64_t torus_explain_item(torus_type_t type, int64_t len);
static int64_t torus_explain_packed(torus_type_t type, int64_t len,
    int64_t n);
static int torus_explain_index(torus_explain_t *e,
    const torus_route_target_t *target, int stored);
static void torus_explain_commands(torus_explain_t *e);
static void torus_explain_command(torus_explain_t *e, const torus_op_t *op);
static void torus_explain_z(torus_explain_t *e, const char *z);
static int torus_explain_sink(void *data, const torus_host_t *host,
    const torus_op_t *op);


unsigned
torus_explain(torus_arena_t *arena, const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, int64_t now, torus_buf_t *out,
    torus_error_t *err)
{
    int               rc;
    unsigned          status, pretty;
    torus_str_t       stat;
    torus_explain_t  *e;

    e = torus_arena_calloc(arena, 1, sizeof(torus_explain_t));
    if (e == NULL) {
        return 500;
    }

    e->arena = arena;
    e->set = set;
    e->now = now;

    status = torus_explain_args(e, args, nargs, &stat, err);
    if (status != 200) {
        return status;
    }

    pretty = 0;

    if (torus_query_flag(args, nargs, "pretty", &pretty, err) != TORUS_OK) {
        return 400;
    }

    e->store.set = set;
    e->store.counters = e->counters;
    e->store.sink = torus_explain_sink;
    e->store.data = e;

    e->index.set = set;
    e->index.sink = torus_explain_sink;
    e->index.data = e;
    e->index.nodes = TORUS_EXPLAIN_NODES;

    if (torus_store_init(&e->store) != TORUS_OK
        || torus_names_init(&e->index) != TORUS_OK)
    {
        torus_store_free(&e->store);
        return 500;
    }

    torus_json_init(&e->json, out, pretty);
    torus_json_open(&e->json, '{');

    rc = torus_explain_stat(e, stat, 0);

    torus_json_close(&e->json, '}');
    torus_buf_addz(out, "\n");

    torus_names_free(&e->index);
    torus_store_free(&e->store);

    if (out->failed) {
        torus_error(err, "the request needs more memory than it may have");
        return 413;
    }

    return rc == TORUS_OK ? 200 : 500;
}


static unsigned
torus_explain_args(torus_explain_t *e, const torus_arg_t *args, size_t nargs,
    torus_str_t *stat, torus_error_t *err)
{
    size_t         i;
    torus_str_t    text;
    torus_error_t  why;

    *stat = torus_args_get(args, nargs, "stat");

    if (stat->len == 0) {
        torus_error(err, "argument \"stat\" is missing");
        return 400;
    }

    /* an empty value is one too: a bad one */

    for (i = 0; i < nargs && !e->has_value; i++) {

        if (torus_str_is(args[i].name, "value")) {
            e->value = args[i].value;
            e->has_value = 1;
        }
    }

    text = torus_args_get(args, nargs, "timestamp");
    e->timestamp = e->now;

    if (text.len != 0 && !torus_str_is(text, "N") && !torus_str_is(text, "-1")
        && torus_time_parse(text, e->now, NULL, &e->timestamp, &why)
           != TORUS_OK)
    {
        torus_error(err, "argument \"timestamp\" %.900s", why.text);
        return 400;
    }

    if (e->timestamp == 0) {
        e->timestamp = e->now;
    }

    if (e->timestamp < TORUS_TIME_MIN || e->timestamp > TORUS_TIME_MAX) {
        torus_error(err, "argument \"timestamp\" is out of range");
        return 400;
    }

    return torus_explain_path(e, stat, err);
}


/* As a Carbon client's, so that what is explained is what is stored. */
static unsigned
torus_explain_path(torus_explain_t *e, torus_str_t *stat, torus_error_t *err)
{
    size_t               n;
    char                 quoted[128];
    torus_str_t          path;
    torus_counter_t      reason;
    torus_carbon_conf_t  conf;

    conf.line_max = TORUS_CARBON_LINE_MAX;
    conf.path_max = TORUS_TRANSFORM_PATH;

    path = *stat;

    if (torus_carbon_path(&conf, &path, e->path, &reason) != TORUS_OK) {
        n = torus_escape(quoted, sizeof(quoted), *stat);
        torus_error(err, "argument \"stat\" is refused as %s: \"%.*s\"",
                    torus_counter_name(reason), (int) n, quoted);
        return 400;
    }

    return torus_arena_dup(e->arena, path, stat) == TORUS_OK ? 200 : 500;
}


/* The members of the object of a stat. */
static int
torus_explain_stat(torus_explain_t *e, torus_str_t stat, unsigned depth)
{
    size_t                 i;
    const torus_schema_t  *schema;

    e->names[e->nnames++] = stat;

    torus_json_keyz(&e->json, "stat");
    torus_json_string(&e->json, stat);

    if (depth == 0) {
        torus_json_keyz(&e->json, "value");

        if (e->has_value) {
            torus_json_string(&e->json, e->value);

        } else {
            torus_json_null(&e->json);
        }

        torus_json_keyz(&e->json, "timestamp");
        torus_json_int(&e->json, e->timestamp);
    }

    torus_json_keyz(&e->json, "schemas");
    torus_json_open(&e->json, '[');

    for (i = 0; i < e->set->nschemas; i++) {
        schema = &e->set->schemas[i];

        if (!torus_schema_match(schema, stat)) {
            continue;
        }

        if (torus_explain_schema(e, schema, stat) != TORUS_OK) {
            return TORUS_ERROR;
        }

        if (schema->final) {
            break;
        }
    }

    torus_json_close(&e->json, ']');

    return torus_explain_rules(e, stat, depth);
}


static int
torus_explain_rules(torus_explain_t *e, torus_str_t stat, unsigned depth)
{
    int                        rc;
    size_t                     i;
    torus_str_t                name;
    const torus_aggregates_t  *ag;

    ag = e->set->aggregates;

    torus_json_keyz(&e->json, "aggregates");
    torus_json_open(&e->json, '[');

    for (i = 0; depth < TORUS_AGGREGATE_DEPTH
                && i < torus_aggregates_count(ag); i++)
    {
        rc = torus_aggregates_apply(ag, i, stat, e->arena, &name);

        if (rc == TORUS_ERROR) {
            return TORUS_ERROR;
        }

        if (rc != TORUS_OK || torus_explain_known(e, name)) {
            continue;
        }

        torus_json_open(&e->json, '{');
        torus_json_keyz(&e->json, "rule");
        torus_json_open(&e->json, '[');
        torus_json_string(&e->json, torus_aggregates_target(ag, i));
        torus_json_string(&e->json, torus_aggregates_source(ag, i));
        torus_json_close(&e->json, ']');

        rc = name.len <= TORUS_ROUTE_NAME
             ? torus_explain_stat(e, name, depth + 1)
             : torus_explain_overlong(e, name);

        torus_json_close(&e->json, '}');

        if (rc != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    torus_json_close(&e->json, ']');

    return TORUS_OK;
}


/* Nothing is stored under the name of an aggregate that is too long. */
static int
torus_explain_overlong(torus_explain_t *e, torus_str_t name)
{
    e->names[e->nnames++] = name;

    torus_json_keyz(&e->json, "stat");
    torus_json_string(&e->json, name);
    torus_explain_refused(e, TORUS_C_BAD_LENGTH);

    torus_json_keyz(&e->json, "schemas");
    torus_json_open(&e->json, '[');
    torus_json_close(&e->json, ']');

    torus_json_keyz(&e->json, "aggregates");
    torus_json_open(&e->json, '[');
    torus_json_close(&e->json, ']');

    return TORUS_OK;
}


static int
torus_explain_known(const torus_explain_t *e, torus_str_t stat)
{
    size_t  i;

    for (i = 0; i < e->nnames; i++) {

        if (torus_str_eq(e->names[i], stat)) {
            return 1;
        }
    }

    return e->nnames == TORUS_EXPLAIN_NAMES;
}


static int
torus_explain_schema(torus_explain_t *e, const torus_schema_t *schema,
    torus_str_t stat)
{
    int                    twice;
    torus_json_t          *j;
    torus_counter_t        outcome;
    torus_route_target_t   target;

    if (torus_route_one(schema, stat, e->arena, &target) != TORUS_OK) {
        return TORUS_ERROR;
    }

    j = &e->json;

    torus_json_open(j, '{');

    torus_json_keyz(j, "schema");
    torus_json_string(j, schema->name);
    torus_json_keyz(j, "type");
    torus_json_string(j, torus_type_name(schema->type));
    torus_json_keyz(j, "host");
    torus_json_string(j, schema->host->name);
    torus_json_keyz(j, "final");
    torus_json_bool(j, schema->final);

    if (schema->transform != NULL) {
        torus_explain_transform(e, &target);
    }

    if (torus_explain_name(e, &target) != TORUS_OK) {
        return TORUS_ERROR;
    }

    twice = torus_explain_twice(e, &target);
    outcome = torus_explain_funcs(e, &target, twice);

    torus_json_keyz(j, "outcome");

    if (e->has_value) {
        torus_explain_z(e, torus_counter_name(outcome));

    } else {
        torus_json_null(j);
    }

    if (twice) {
        torus_json_keyz(j, "twice");
        torus_json_bool(j, 1);

    } else if (e->has_value && outcome == TORUS_C_POINTS_ACCEPTED
               && torus_explain_taken(e, &target) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    torus_explain_intervals(e, &target);

    torus_json_keyz(j, "commands");
    torus_explain_commands(e);

    if (torus_explain_index(e, &target, e->has_value && !twice
                                        && outcome == TORUS_C_POINTS_ACCEPTED)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    torus_json_close(j, '}');

    return TORUS_OK;
}


/*
 * Has the schema stored the point under this name already, for an entry
 * above?  See "twin" of torus_route.h.
 */
static int
torus_explain_twice(const torus_explain_t *e,
    const torus_route_target_t *target)
{
    const torus_explain_taken_t  *taken;

    for (taken = e->taken; taken != NULL; taken = taken->next) {

        if (taken->schema == target->schema
            && torus_str_eq(taken->stem, target->stem))
        {
            return 1;
        }
    }

    return 0;
}


static int
torus_explain_taken(torus_explain_t *e, const torus_route_target_t *target)
{
    torus_explain_taken_t  *taken;

    if (target->schema->transform == NULL
        || target->schema->transform->stat == NULL)
    {
        return TORUS_OK;
    }

    taken = torus_arena_alloc(e->arena, sizeof(torus_explain_taken_t));
    if (taken == NULL) {
        return TORUS_ERROR;
    }

    taken->schema = target->schema;
    taken->stem = target->stem;
    taken->next = e->taken;

    e->taken = taken;

    return TORUS_OK;
}


/* "name": what the point is stored under, which completes the target. */
static int
torus_explain_name(torus_explain_t *e, torus_route_target_t *target)
{
    torus_str_t  name;

    torus_json_keyz(&e->json, "name");

    if (target->stem.len == 0
        && (!e->has_value
            || torus_transform_stat(target->schema->transform, target->stat,
                                    e->value, e->path, &name)
               != TORUS_C_POINTS_ACCEPTED))
    {
        torus_json_null(&e->json);
        return TORUS_OK;
    }

    if (target->stem.len == 0
        && torus_route_stem(target, name, e->arena) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    name.data = target->stem.data + target->schema->prefix.len;
    name.len = target->stem.len - target->schema->prefix.len - 1;

    torus_json_string(&e->json, name);

    return TORUS_OK;
}


static void
torus_explain_transform(torus_explain_t *e,
    const torus_route_target_t *target)
{
    const torus_transform_t  *t;

    t = target->schema->transform;

    torus_json_keyz(&e->json, "transform");
    torus_json_open(&e->json, '{');

    if (t->drop != NULL) {
        torus_json_keyz(&e->json, "drop");
        torus_explain_expr(e, t->drop, target->stat, 1);
    }

    if (t->stat != NULL) {
        torus_json_keyz(&e->json, "stat");
        torus_explain_expr(e, t->stat, target->stat, 0);
    }

    if (t->value != NULL) {
        torus_json_keyz(&e->json, "value");
        torus_explain_expr(e, t->value, target->stat, 0);
    }

    torus_json_close(&e->json, '}');
}


static void
torus_explain_expr(torus_explain_t *e, const torus_expr_t *expr,
    torus_str_t stat, int condition)
{
    int                  rc;
    torus_value_t        v;
    unsigned char        room[TORUS_EXPR_SCRATCH];
    torus_scratch_t      scratch;
    torus_expr_input_t   in;

    torus_json_open(&e->json, '{');
    torus_json_keyz(&e->json, "expression");
    torus_json_string(&e->json, torus_expr_text(expr));
    torus_json_keyz(&e->json, "result");

    rc = TORUS_ERROR;

    if (e->has_value || !torus_expr_reads_value(expr)) {
        memset(&in, 0, sizeof(torus_expr_input_t));

        in.s = stat;
        in.v = e->value;

        scratch.pos = room;
        scratch.end = room + sizeof(room);

        rc = torus_expr_eval(expr, &in, &v, &scratch);
    }

    if (rc != TORUS_OK) {
        torus_json_null(&e->json);

        if (rc != TORUS_ERROR) {
            torus_explain_refused(e, torus_transform_reason(rc));
        }

    } else if (condition) {
        torus_json_bool(&e->json, v.i != 0);

    } else {
        torus_json_value(&e->json, &v);
    }

    torus_json_close(&e->json, '}');
}


static void
torus_explain_refused(torus_explain_t *e, torus_counter_t reason)
{
    torus_json_keyz(&e->json, "refused");
    torus_explain_z(e, torus_counter_name(reason));
}


/*
 * "write_func" of what "transform" made of the value, "read_func" of what
 * that made; and the operations.  As what the point is counted.
 */
static torus_counter_t
torus_explain_funcs(torus_explain_t *e, const torus_route_target_t *target,
    int twice)
{
    int                       rc;
    torus_str_t               text;
    torus_value_t             v;
    unsigned char             room[2][TORUS_FUNC_SCRATCH];
    unsigned char             number[TORUS_NUMBER_SIZE];
    torus_scratch_t           scratch;
    const torus_schema_t     *schema;
    const torus_transform_t  *t;

    e->ops = NULL;
    e->last = &e->ops;

    schema = target->schema;
    t = schema->transform;
    text = e->value;
    rc = e->has_value ? TORUS_OK : TORUS_ERROR;

    scratch.pos = room[0];
    scratch.end = room[0] + TORUS_FUNC_SCRATCH;

    if (e->has_value && t != NULL && t->value != NULL
        && torus_transform_value(t, target->stat, e->value, &scratch, &text)
           != TORUS_C_POINTS_ACCEPTED)
    {
        rc = TORUS_ERROR;
    }

    torus_json_keyz(&e->json, "write_func");
    rc = torus_explain_func(e, schema->write_func, rc == TORUS_OK ? &text
                            : NULL, room[1], &v);

    if (rc == TORUS_OK) {
        text = v.kind == TORUS_VALUE_TEXT
               ? v.text
               : torus_str(number, torus_number_print(number, &v));
    }

    torus_json_keyz(&e->json, "read_func");
    (void) torus_explain_func(e, schema->read_func, rc == TORUS_OK ? &text
                              : NULL, room[0], &v);

    if (!e->has_value || twice) {
        return TORUS_C_POINTS_ACCEPTED;
    }

    return torus_store_one(&e->store, target, e->value, e->timestamp,
                           e->now);
}


/* TORUS_OK when there is a result; in may be NULL, room is for a text. */
static int
torus_explain_func(torus_explain_t *e, const torus_func_t *func,
    const torus_str_t *in, unsigned char *room, torus_value_t *v)
{
    int              rc;
    torus_scratch_t  scratch;

    torus_json_open(&e->json, '{');
    torus_json_keyz(&e->json, "expression");
    torus_json_string(&e->json, torus_func_text(func));
    torus_json_keyz(&e->json, "result");

    rc = TORUS_ERROR;

    if (in != NULL) {
        scratch.pos = room;
        scratch.end = room + TORUS_FUNC_SCRATCH;

        rc = torus_func_apply(func, *in, v, &scratch);
    }

    if (rc == TORUS_OK) {
        torus_json_value(&e->json, v);

    } else {
        torus_json_null(&e->json);

        if (rc != TORUS_ERROR) {
            torus_explain_refused(e, torus_transform_reason(rc));
        }
    }

    torus_json_close(&e->json, '}');

    return rc;
}


static void
torus_explain_intervals(torus_explain_t *e,
    const torus_route_target_t *target)
{
    size_t                 i;
    const torus_schema_t  *schema;

    schema = target->schema;

    torus_json_keyz(&e->json, "intervals");
    torus_json_open(&e->json, '[');

    for (i = 0; i < schema->nintervals; i++) {
        torus_explain_interval(e, target, &schema->intervals[i]);
    }

    torus_json_close(&e->json, ']');
}


static void
torus_explain_interval(torus_explain_t *e, const torus_route_target_t *target,
    const torus_interval_t *iv)
{
    int            n;
    char           text[32];
    int64_t        bucket, other;
    torus_json_t  *j;

    j = &e->json;

    torus_json_open(j, '{');
    torus_json_keyz(j, "interval");
    torus_json_string(j, iv->name);
    torus_json_keyz(j, "step");
    torus_json_string(j, torus_str(text, torus_step_print(text, &iv->step)));

    if (!iv->coarse) {
        torus_json_keyz(j, "resolution");
        torus_json_string(j, torus_str(text, torus_step_print(text,
                                                         &iv->resolution)));
    }

    if (iv->packed) {
        torus_json_keyz(j, "layout");
        torus_explain_z(e, "packed");
    }

    torus_json_keyz(j, "keys");
    torus_json_open(j, '[');

    /* in the order of the operations, see torus_store.c */

    bucket = torus_step_bucket(&iv->step, e->timestamp);
    torus_explain_key(e, target, iv, bucket, e->timestamp);

    for (n = target->schema->rolling; n != 0; n += (n < 0) ? 1 : -1) {
        other = torus_step_add(&iv->step, bucket, n);
        torus_explain_key(e, target, iv, other,
                          torus_step_start(&iv->step, other));
    }

    torus_json_close(j, ']');

    torus_explain_bytes(e, target, iv);

    torus_json_close(j, '}');
}


static void
torus_explain_key(torus_explain_t *e, const torus_route_target_t *target,
    const torus_interval_t *iv, int64_t bucket, int64_t timestamp)
{
    size_t          n;
    int64_t         expire, sub;
    torus_json_t   *j;
    unsigned char  *key;

    j = &e->json;

    torus_json_open(j, '{');
    torus_json_keyz(j, "bucket");
    torus_json_int(j, bucket);
    torus_json_keyz(j, "start");
    torus_json_int(j, torus_step_start(&iv->step, bucket));

    key = NULL;

    if (target->stem.len != 0) {
        key = torus_arena_alloc(e->arena, target->stem.len + iv->name.len
                                          + TORUS_LAYOUT_EXTRA);
    }

    if (key != NULL) {
        n = torus_layout_key(key, target->stem, iv, bucket);

        torus_json_keyz(j, "key");
        torus_json_string(j, torus_str(key, n));

        sub = torus_step_bucket(&iv->resolution, timestamp);

        if (torus_layout_subkeys(iv)) {
            n = torus_layout_subkey(key, n, sub);
        }

        torus_json_keyz(j, "value_key");
        torus_json_string(j, torus_str(key, n));

        if (iv->packed) {
            n = torus_layout_place(key, iv, bucket, sub);

            torus_json_keyz(j, "place");
            torus_json_string(j, torus_str(key, n));
        }
    }

    expire = torus_interval_expire(iv, bucket);

    torus_json_keyz(j, "expires");

    if (expire != 0) {
        torus_json_int(j, expire);

    } else {
        torus_json_null(j);
    }

    torus_json_keyz(j, "kept");
    torus_json_bool(j, !torus_interval_expired(iv, bucket, e->now));

    torus_json_close(j, '}');
}


static void
torus_explain_bytes(torus_explain_t *e, const torus_route_target_t *target,
    const torus_interval_t *iv)
{
    int64_t                    n, key, one, subs;
    const torus_explain_op_t  *op;

    torus_json_keyz(&e->json, "bytes");

    if (iv->steps == 0 || target->stem.len == 0) {
        torus_json_null(&e->json);
        return;
    }

    /* eight bytes of value where none is known */

    n = 8;

    for (op = e->ops; op != NULL; op = op->next) {

        if (op->op.ops != 0) {
            n = (int64_t) op->op.arg.len;
            break;
        }
    }

    key = TORUS_EXPLAIN_KEY + TORUS_EXPLAIN_EXPIRE
          + (int64_t) (target->stem.len + iv->name.len) + 12;

    one = key + torus_explain_item(target->schema->type, n);

    if (!iv->coarse) {
        subs = torus_step_nominal(&iv->step)
               / torus_step_nominal(&iv->resolution);

        one = iv->packed
              ? key + torus_explain_packed(target->schema->type, n, subs)
              : key + torus_explain_item(TORUS_SET, 0)
                + subs * (one + 11 + 16);
    }

    if (__builtin_mul_overflow(one, iv->steps, &one)) {
        one = INT64_MAX;
    }

    torus_json_int(&e->json, one);
}


/* A value with one element of len bytes, beside its key. */
static int64_t
torus_explain_item(torus_type_t type, int64_t len)
{
    switch (type) {

    case TORUS_COUNT:
        return 0;

    case TORUS_GAUGE:
        return len + 4;

    case TORUS_SERIES:
        return len + 88;

    case TORUS_HISTOGRAM:
        return len + 24;

    default: /* TORUS_SET */
        return len + 32;
    }
}


/*
 * As many values of len bytes with their places.  Up to a number of fields
 * Redis keeps a hash as one string, and lists always in strings; else each
 * value is an entry of a table.
 */
static int64_t
torus_explain_packed(torus_type_t type, int64_t len, int64_t n)
{
    int64_t  entry;

    entry = n > TORUS_EXPLAIN_LISTPACK ? 50 : 0;

    switch (type) {

    case TORUS_COUNT:
        return 64 + n * (entry + 10);

    case TORUS_GAUGE:
        return 64 + n * (entry + len + 4);

    case TORUS_SERIES:
        return 120 + n * (len + 6);

    case TORUS_HISTOGRAM:
        return 64 + n * (entry + len + 8);

    default: /* TORUS_SET */
        return 64 + n * (len + 58);
    }
}


/* As of a worker that has never seen a stat of that name. */
static int
torus_explain_index(torus_explain_t *e, const torus_route_target_t *target,
    int stored)
{
    torus_str_t  name;

    e->ops = NULL;
    e->last = &e->ops;

    if (stored) {
        name.data = target->stem.data + target->schema->prefix.len;
        name.len = target->stem.len - target->schema->prefix.len - 1;

        if (torus_names_add(&e->index, target->schema, name, e->now, e->now)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    torus_json_keyz(&e->json, "index");
    torus_explain_commands(e);

    return TORUS_OK;
}


static void
torus_explain_commands(torus_explain_t *e)
{
    const torus_explain_op_t  *op;

    torus_json_open(&e->json, '[');

    for (op = e->ops; op != NULL; op = op->next) {
        torus_explain_command(e, &op->op);
    }

    torus_json_close(&e->json, ']');
}


static void
torus_explain_command(torus_explain_t *e, const torus_op_t *op)
{
    torus_json_t   *j;
    torus_value_t   n;
    unsigned char   text[TORUS_NUMBER_SIZE];

    /* in the order of torus_op_kind_t */

    static const char *const  names[] = {
        "INCRBY", "INCRBYFLOAT", "HINCRBY", "RPUSH", "SADD", "SET", "HINCRBY",
        "HINCRBYFLOAT", "HSET", "ZADD"
    };

    j = &e->json;

    memset(&n, 0, sizeof(torus_value_t));
    n.kind = TORUS_VALUE_INT;

    torus_json_open(j, '[');
    torus_explain_z(e, names[op->kind]);
    torus_json_string(j, op->key);

    if (op->kind == TORUS_OP_HADDFLOAT || op->kind == TORUS_OP_HSET) {
        torus_json_string(j, op->field);
    }

    if (op->kind == TORUS_OP_ZADD) {
        n.i = op->delta;
        torus_explain_z(e, "GT");
        torus_json_string(j, torus_str(text, torus_number_print(text, &n)));
    }

    if (op->kind != TORUS_OP_INCRBY) {
        torus_json_string(j, op->arg);
    }

    if (op->kind == TORUS_OP_INCRBY || op->kind == TORUS_OP_HINCRBY
        || op->kind == TORUS_OP_HADD)
    {
        n.i = op->delta;
        torus_json_string(j, torus_str(text, torus_number_print(text, &n)));
    }

    n.i = op->expire;

    if (op->kind == TORUS_OP_SET && op->expire != 0) {
        torus_explain_z(e, "EXAT");
        torus_json_string(j, torus_str(text, torus_number_print(text, &n)));
    }

    torus_json_close(j, ']');

    if (op->kind != TORUS_OP_SET && op->expire != 0) {
        torus_json_open(j, '[');
        torus_explain_z(e, "EXPIREAT");
        torus_json_string(j, op->key);
        torus_json_string(j, torus_str(text, torus_number_print(text, &n)));
        torus_json_close(j, ']');
    }
}


static void
torus_explain_z(torus_explain_t *e, const char *z)
{
    torus_json_string(&e->json, torus_str(z, strlen(z)));
}


static int
torus_explain_sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    torus_explain_t *e = data;

    torus_explain_op_t  *kept;

    (void) host;

    /* now and then, at random, what is of no use is taken out of the index */

    if (op->kind == TORUS_OP_ZPRUNE) {
        return TORUS_OK;
    }

    kept = torus_arena_calloc(e->arena, 1, sizeof(torus_explain_op_t));
    if (kept == NULL) {
        return TORUS_ERROR;
    }

    kept->op = *op;

    if (torus_arena_dup(e->arena, op->key, &kept->op.key) != TORUS_OK
        || torus_arena_dup(e->arena, op->arg, &kept->op.arg) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if ((op->kind == TORUS_OP_HADDFLOAT || op->kind == TORUS_OP_HSET)
        && torus_arena_dup(e->arena, op->field, &kept->op.field) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    *e->last = kept;
    e->last = &kept->next;

    return TORUS_OK;
}
