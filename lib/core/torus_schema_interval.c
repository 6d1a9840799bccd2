/*
 * "intervals" of a schema: names, steps, retentions, resolutions, layouts.
 */

#include "torus_schema_load.h"


#define TORUS_SCHEMA_STEPS_MAX  2147483648


/* An interval and what it is made of. */
typedef struct {
    torus_interval_t     *interval;
    unsigned              step:1;       /* which of them were good */
    unsigned              steps:1;
    unsigned              keep:1;
    unsigned              resolution:1;
    unsigned              bad:1;
    torus_step_t          keep_for;
} torus_schema_interval_t;


static void torus_schema_one_interval(torus_schema_loader_t *l, void *object,
    torus_str_t name, json_t *value, int listed);
static void torus_schema_interval_done(torus_schema_loader_t *l,
    torus_schema_interval_t *in, json_t *json);
static void torus_schema_interval_keep(torus_schema_loader_t *l,
    torus_schema_interval_t *in);
static int torus_schema_straddles(const torus_step_t *step,
    const torus_step_t *resolution);
static void torus_schema_step(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_resolution(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_keep(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static int torus_schema_span(torus_schema_loader_t *l, const char *key,
    json_t *value, torus_step_t *step);
static void torus_schema_steps(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_layout(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);


static const torus_schema_key_t  torus_schema_interval_keys[] = {
    { "step",        torus_schema_step },
    { "steps",       torus_schema_steps },
    { "keep",        torus_schema_keep },
    { "resolution",  torus_schema_resolution },
    { "layout",      torus_schema_layout },
    { NULL,          NULL }
};


void
torus_schema_intervals(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    size_t           n;
    torus_schema_t  *schema;

    schema = object;

    n = json_object_size(value) + json_array_size(value);

    schema->intervals = torus_arena_calloc(l->arena, n + 1,
                                           sizeof(torus_interval_t));
    if (schema->intervals == NULL) {
        l->no_memory = 1;
        return;
    }

    if (n == 0 && (json_is_object(value) || json_is_array(value))) {
        torus_schema_fault(l, key, "must not be empty");
        return;
    }

    torus_schema_each(l, key, value, torus_schema_one_interval, schema);
}


static void
torus_schema_one_interval(torus_schema_loader_t *l, void *object,
    torus_str_t name, json_t *value, int listed)
{
    char                      shown[TORUS_SCHEMA_QUOTE];
    torus_schema_t           *schema;
    torus_schema_interval_t   in;

    schema = object;

    (void) snprintf(l->path, sizeof(l->path), "intervals.%s",
                    torus_schema_quote(shown, name));

    if (memchr(name.data, ':', name.len) != NULL
        || memchr(name.data, '.', name.len) != NULL)
    {
        torus_schema_fault(l, "", "has a name with a \":\" or a \".\" in it");

    } else if (torus_schema_interval(schema, name) != NULL) {
        torus_schema_fault(l, "", "is there twice");

    } else if (!json_is_object(value)) {
        torus_schema_wrong(l, "", "an object", value);

    } else {
        memset(&in, 0, sizeof(in));
        in.interval = &schema->intervals[schema->nintervals];

        (void) snprintf(l->path, sizeof(l->path), "intervals.%s.", shown);

        if (torus_arena_dup(l->arena, name, &in.interval->name) != TORUS_OK) {
            l->no_memory = 1;
            return;
        }

        torus_schema_keys(l, torus_schema_interval_keys, value, &in, listed);
        torus_schema_interval_done(l, &in, value);

        if (in.step && !in.bad) {
            schema->nintervals++;
        }
    }

    l->path[0] = '\0';
}


static void
torus_schema_interval_done(torus_schema_loader_t *l,
    torus_schema_interval_t *in, json_t *json)
{
    torus_interval_t  *iv;

    iv = in->interval;

    if (json_object_get(json, "step") == NULL) {
        torus_schema_fault(l, "step", "is required");
    }

    if (json_object_get(json, "steps") != NULL
        && json_object_get(json, "keep") != NULL)
    {
        torus_schema_fault(l, "keep", "cannot stand beside \"steps\", each "
                           "says how long data is kept");
        in->bad = 1;
    }

    if (!in->step || in->bad) {
        in->bad = 1;
        return;
    }

    if (in->keep) {
        torus_schema_interval_keep(l, in);
    }

    if (!in->resolution) {
        iv->resolution = iv->step;
    }

    iv->coarse = torus_step_eq(&iv->step, &iv->resolution);

    if (torus_step_nominal(&iv->resolution) > torus_step_nominal(&iv->step)) {
        torus_schema_fault(l, "resolution", "must not be longer than "
                           "\"step\"");
        in->bad = 1;

    } else if (torus_schema_straddles(&iv->step, &iv->resolution)) {
        torus_schema_warn(l, "resolution", "does not divide \"step\": data of "
                          "one resolution bucket may lie in two interval "
                          "buckets");
    }

    if (iv->packed && iv->coarse) {
        torus_schema_fault(l, "layout", "must not be \"packed\" where "
                           "\"resolution\" is not finer than \"step\": a "
                           "bucket is one key already");
        in->bad = 1;
    }
}


static void
torus_schema_interval_keep(torus_schema_loader_t *l,
    torus_schema_interval_t *in)
{
    int64_t  steps;

    steps = torus_interval_keep(&in->interval->step, &in->keep_for);

    if (steps < 1 || steps > TORUS_SCHEMA_STEPS_MAX) {
        torus_schema_fault(l, "keep", "is more than %lld steps",
                           (long long) TORUS_SCHEMA_STEPS_MAX);
        in->bad = 1;
        return;
    }

    in->interval->steps = steps;
}


/* Does a boundary between two steps fall inside a resolution bucket? */
static int
torus_schema_straddles(const torus_step_t *step,
    const torus_step_t *resolution)
{
    const int64_t  day = 86400;

    if (torus_step_eq(step, resolution)) {
        return 0;
    }

    if (resolution->kind == TORUS_STEP_SECONDS) {
        /* a calendar step begins at any midnight */
        return (step->kind == TORUS_STEP_SECONDS)
               ? step->seconds % resolution->seconds != 0
               : day % resolution->seconds != 0;
    }

    if (step->kind == TORUS_STEP_SECONDS) {
        return resolution->kind != TORUS_STEP_DAILY
               || step->seconds % day != 0;
    }

    /* the first and last week of a year are cut at new year */
    return resolution->kind == TORUS_STEP_WEEKLY
           && step->kind == TORUS_STEP_MONTHLY;
}


static void
torus_schema_step(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_schema_interval_t  *in;

    in = object;
    in->step = torus_schema_span(l, key, value, &in->interval->step);
}


static void
torus_schema_resolution(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_schema_interval_t  *in;

    in = object;

    in->resolution = torus_schema_span(l, key, value,
                                       &in->interval->resolution);
    in->bad |= !in->resolution;
}


static void
torus_schema_keep(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_schema_interval_t  *in;

    in = object;

    in->keep = torus_schema_span(l, key, value, &in->keep_for);
    in->bad |= !in->keep;
}


/* A number is taken as its digits, so that both have the same limits. */
static int
torus_schema_span(torus_schema_loader_t *l, const char *key, json_t *value,
    torus_step_t *step)
{
    int            n;
    char           digits[32];
    torus_str_t    text;
    torus_error_t  err;

    if (json_is_string(value)) {
        text = torus_schema_str(value);

    } else if (json_is_integer(value)) {
        n = snprintf(digits, sizeof(digits), "%lld",
                     (long long) json_integer_value(value));
        text = torus_str(digits, (size_t) n);

    } else {
        torus_schema_wrong(l, key, "a whole number of seconds or a string",
                           value);
        return 0;
    }

    if (torus_step_parse(text, step, &err) != TORUS_OK) {
        torus_schema_fault(l, key, "%s", err.text);
        return 0;
    }

    return 1;
}


static void
torus_schema_steps(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_schema_interval_t  *in;

    in = object;

    if (!json_is_integer(value)) {
        torus_schema_wrong(l, key, "an integer", value);
        in->bad = 1;
        return;
    }

    if (json_integer_value(value) < 1
        || json_integer_value(value) > TORUS_SCHEMA_STEPS_MAX)
    {
        torus_schema_fault(l, key, "must be from 1 to %lld, not %lld",
                           (long long) TORUS_SCHEMA_STEPS_MAX,
                           (long long) json_integer_value(value));
        in->bad = 1;
        return;
    }

    in->interval->steps = (int64_t) json_integer_value(value);
}


static void
torus_schema_layout(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    char                      shown[TORUS_SCHEMA_QUOTE];
    torus_str_t               text;
    torus_schema_interval_t  *in;

    in = object;

    if (!torus_schema_string(l, key, value, &text)) {
        in->bad = 1;
        return;
    }

    if (torus_str_is(text, "packed")) {
        in->interval->packed = 1;

    } else if (!torus_str_is(text, "kairos")) {
        torus_schema_fault(l, key, "must be \"kairos\" or \"packed\", not "
                           "\"%s\"", torus_schema_quote(shown, text));
        in->bad = 1;
    }
}
