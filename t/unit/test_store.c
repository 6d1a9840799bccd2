/*
 * Storing points, from a schema file to what Redis holds.  The recorded
 * inserts of the original go through a schema set of ours; the operations
 * are applied to a small model of Redis, whose state is compared, as is the
 * order of commands.  Then what the vectors cannot know: counters, refusals,
 * texts that pass through, and keys that are remembered from point to point.
 */

#include "torus_layout.h"
#include "torus_store.h"
#include "torus_test.h"


/* What becomes of a case of ours that is not as recorded. */
typedef struct {
    const char  *what;
    const char  *patch;     /* of the state: null removes a key */
    const char  *why;
} departure_t;


/* A Redis of several databases, and a record of what it was sent. */
typedef struct {
    json_t               *keys;      /* as "state" of the vectors */
    json_t               *expires;   /* key -> absolute time */
    json_t               *commands;
    int64_t               ops;
    int64_t               refuse;    /* fail the n-th operation */
    int64_t               calls;
} redis_t;


typedef struct {
    redis_t               redis;
    torus_store_t         store;
    torus_schema_set_t   *set;
    uint64_t              counters[TORUS_COUNTERS_N];
    char                  faults[8192];
} world_t;


static const char  fraction[] = "a count that holds a fraction is added to as "
                                "one, where INCRBY failed for good";
static const char  zero[] = "a count of 0 is stored, so that it is seen";
static const char  large[] = "integers beyond 64 bits become doubles";
static const char  calendar[] = "the last buckets of the calendar are kept, "
                                "where months counted as 30 days";
static const char  sunday[] = "copies land in the week before, also in years "
                              "that begin on a Sunday";


static const departure_t  departures[] = {
    { "count, zero",
      "{\"app.hits:minute:28333333\": {\"type\": \"string\", \"value\": \"0\"},"
      " \"app.hits:hour:472222:28333333\":"
      "   {\"type\": \"string\", \"value\": \"0\"}}", zero },
    { "count, floats", "{}", "0.0 is sent as well" },
    { "nan and inf in a count", "{}", "neither is sent to Redis" },
    { "a count mixing floats and integers",
      "{\"app.hits:minute:28486800\":"
      "   {\"type\": \"string\", \"value\": \"4.5\"}}", fraction },
    { "big integers",
      "{\"app.hits:minute:28486800\": {\"type\": \"string\","
      "   \"value\": \"9223372036854775808\"},"
      " \"web01.cpu.load:minute:28486800\": {\"type\": \"string\","
      "   \"value\": \"100000000000000000000\"}}", large },
    { "big integers in a series",
      "{\"app.hits:minute:28486800\": {\"type\": \"list\", \"value\":"
      "   [\"9.223372036854776e+18\", \"-1.2345678901234568e+29\"]}}",
      large },
    { "nan and inf", "{\"app.hits:minute:28486800\": null}",
      "neither is stored" },
    { "integers and equal floats are distinct",
      "{\"app.hits:minute:28486800\": {\"type\": \"hash\", \"value\":"
      "   {\"3\": 3, \"3.0\": 2}}}", "3L is Python" },
    { "ttl beyond what Redis takes",
      "{\"app.hits:minute:100000000000000000\": null}",
      "a timestamp beyond the year 9999 is bad" },
    { "weekly 2013",
      "{\"app.hits:wd:201301\": {\"type\": \"set\","
      "   \"value\": [\"20130106\", \"20130108\", \"20130111\"]},"
      " \"app.hits:wd:201301:20130106\": {\"type\": \"string\","
      "   \"value\": \"5\"},"
      " \"app.hits:wd:201301:20130108\": {\"type\": \"string\","
      "   \"value\": \"5\"},"
      " \"app.hits:wd:201302\": {\"type\": \"set\","
      "   \"value\": [\"20130113\", \"20130114\", \"20130117\"]},"
      " \"app.hits:wd:201302:20130113\": {\"type\": \"string\","
      "   \"value\": \"1\"},"
      " \"app.hits:wd:201302:20130115\": null}",
      "a week starts on its Sunday" },
    { "weekly 2017",
      "{\"app.hits:w:201701\": {\"type\": \"string\", \"value\": \"12\"},"
      " \"app.hits:w:201702\": {\"type\": \"string\", \"value\": \"15\"},"
      " \"app.hits:w:201703\": {\"type\": \"string\", \"value\": \"3\"},"
      " \"app.hits:wd:201701\": {\"type\": \"set\","
      "   \"value\": [\"20170101\"]},"
      " \"app.hits:wd:201701:20170101\": {\"type\": \"string\","
      "   \"value\": \"12\"},"
      " \"app.hits:wd:201702:20170108\": {\"type\": \"string\","
      "   \"value\": \"8\"},"
      " \"app.hits:wd:201703\": {\"type\": \"set\","
      "   \"value\": [\"20170117\", \"20170120\"]},"
      " \"app.hits:wd:201703:20170115\": null}", sunday },
    { "weekly 2023",
      "{\"app.hits:w:202301\": {\"type\": \"string\", \"value\": \"12\"},"
      " \"app.hits:w:202302\": {\"type\": \"string\", \"value\": \"15\"},"
      " \"app.hits:w:202303\": {\"type\": \"string\", \"value\": \"3\"},"
      " \"app.hits:wd:202301\": {\"type\": \"set\","
      "   \"value\": [\"20230101\"]},"
      " \"app.hits:wd:202301:20230101\": {\"type\": \"string\","
      "   \"value\": \"12\"},"
      " \"app.hits:wd:202302:20230108\": {\"type\": \"string\","
      "   \"value\": \"8\"},"
      " \"app.hits:wd:202303\": {\"type\": \"set\","
      "   \"value\": [\"20230117\", \"20230120\"]},"
      " \"app.hits:wd:202303:20230115\": null}", sunday },
    { "weekly ttl 2013", "{\"app.hits:w:201253\": null}", calendar },
};


/* Configurations that are a fault here; the rest of them is still run. */
static const departure_t  faults[] = {
    { "wrong type already at the key", NULL,
      "two types under the same keys are a fault" },
    { "resolution larger than the step", NULL,
      "a resolution longer than its step is a fault" },
    { "random 4", NULL, "a resolution longer than its step is a fault" },
    { "random 8", NULL, "a resolution longer than its step is a fault" },
    { "random 9", NULL, "a resolution longer than its step is a fault" },
    { "random 13", NULL, "a resolution longer than its step is a fault" },
    { "random 17", NULL, "a resolution longer than its step is a fault" },
};


#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


/* The model of Redis. */

static json_t *
redis_key(redis_t *r, const char *name, const char *type)
{
    json_t  *key, *value;

    key = json_object_get(r->keys, name);

    if (key != NULL) {
        return strcmp(json_string_value(json_object_get(key, "type")), type)
               == 0 ? json_object_get(key, "value") : NULL;
    }

    if (strcmp(type, "string") == 0) {
        value = json_string("");

    } else if (strcmp(type, "hash") == 0) {
        value = json_object();

    } else {
        value = json_array();
    }

    key = json_pack("{s:s, s:o}", "type", type, "value", value);
    json_object_set_new(r->keys, name, key);

    return value;
}


static void
redis_set(redis_t *r, const char *name, const char *value)
{
    json_object_set_new(json_object_get(r->keys, name), "value",
                        json_string(value));
}


/* As Redis prints a long double. */
static void
redis_add_float(redis_t *r, const char *name, const char *old,
    const char *delta)
{
    char    text[512];
    size_t  n;

    snprintf(text, sizeof(text), "%.17Lf",
             strtold(*old == '\0' ? "0" : old, NULL) + strtold(delta, NULL));

    n = strlen(text);

    while (text[n - 1] == '0') {
        n--;
    }

    text[text[n - 1] == '.' ? n - 1 : n] = '\0';

    redis_set(r, name, text);
}


/* With the falling back to INCRBYFLOAT that the writer does. */
static void
redis_add(redis_t *r, const char *name, const char *old, int64_t delta)
{
    char       text[32], *end;
    int64_t    sum;
    long long  n;

    n = strtoll(*old == '\0' ? "0" : old, &end, 10);

    if (*end != '\0' || __builtin_add_overflow(n, delta, &sum)) {
        snprintf(text, sizeof(text), "%" PRId64, delta);
        redis_add_float(r, name, old, text);
        return;
    }

    snprintf(text, sizeof(text), "%" PRId64, sum);
    redis_set(r, name, text);
}


static void
redis_member(json_t *set, const char *member)
{
    int     cmp;
    size_t  i;

    for (i = 0; i < json_array_size(set); i++) {
        cmp = strcmp(json_string_value(json_array_get(set, i)), member);

        if (cmp == 0) {
            return;
        }

        if (cmp > 0) {
            break;
        }
    }

    json_array_insert_new(set, i, json_string(member));
}


static void
redis_apply(redis_t *r, const torus_op_t *op, const char *name,
    const char *arg)
{
    json_t  *value;

    static const char *const  types[] = {
        "string", "string", "hash", "list", "set", "string", "hash", "hash",
        "hash"
    };

    value = redis_key(r, name, types[op->kind]);

    if (value == NULL) {
        return;
    }

    switch (op->kind) {

    case TORUS_OP_INCRBY:
        redis_add(r, name, json_string_value(value), op->delta);
        break;

    case TORUS_OP_INCRBYFLOAT:
        redis_add_float(r, name, json_string_value(value), arg);
        break;

    case TORUS_OP_HINCRBY:
        json_object_set_new(value, arg,
                            json_integer(op->delta
                              + json_integer_value(json_object_get(value,
                                                                   arg))));
        break;

    case TORUS_OP_RPUSH:
        json_array_append_new(value, json_string(arg));
        break;

    case TORUS_OP_SADD:
        redis_member(value, arg);
        break;

    case TORUS_OP_SET:
        redis_set(r, name, arg);
        break;

    case TORUS_OP_HADD:
    case TORUS_OP_HADDFLOAT:
    case TORUS_OP_HSET:

        /* looked at as commands */

        break;

    case TORUS_OP_ZADD:
    case TORUS_OP_ZPRUNE:
        fail("an index is kept without being asked for: %s", name);
        break;
    }
}


static const char *const  command_names[] = {
    "INCRBY", "INCRBYFLOAT", "HINCRBY", "RPUSH", "SADD", "SET", "HINCRBY",
    "HINCRBYFLOAT", "HSET", "ZADD", "ZPRUNE"
};


static int
sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    char      name[8208], key[8192], arg[8192], delta[32];
    json_t   *command;
    redis_t  *r = data;

    if (++r->calls == r->refuse) {
        return TORUS_ERROR;
    }

    snprintf(key, sizeof(key), "%.*s", torus_fmt(op->key));
    snprintf(arg, sizeof(arg), "%.*s", torus_fmt(op->arg));
    snprintf(delta, sizeof(delta), "%" PRId64, op->delta);

    if (host->db != 0) {
        snprintf(name, sizeof(name), "%u/%s", host->db, key);

    } else {
        strcpy(name, key);
    }

    command = json_pack("[s, s]", command_names[op->kind], key);

    if (op->kind == TORUS_OP_HADDFLOAT || op->kind == TORUS_OP_HSET) {
        json_array_append_new(command, json_sprintf("%.*s",
                                                    torus_fmt(op->field)));
    }

    if (op->kind != TORUS_OP_INCRBY) {
        json_array_append_new(command, json_string(arg));
    }

    if (op->kind == TORUS_OP_INCRBY || op->kind == TORUS_OP_HINCRBY
        || op->kind == TORUS_OP_HADD)
    {
        json_array_append_new(command, json_string(delta));
    }

    json_array_append_new(r->commands, command);
    r->ops += op->ops;

    redis_apply(r, op, name, arg);

    json_object_set_new(r->expires, name, json_integer(op->expire));

    return TORUS_OK;
}


/* From a configuration to a store. */

static void
report(void *data, torus_report_level_t level, const char *text)
{
    size_t    n;
    world_t  *w = data;

    if (level != TORUS_REPORT_ERROR) {
        return;
    }

    n = strlen(w->faults);
    snprintf(w->faults + n, sizeof(w->faults) - n, "%s\n", text);
}


static world_t *
world_create(const char *text)
{
    world_t                *w;
    torus_schema_source_t   source;

    w = calloc(1, sizeof(world_t));

    source.file = torus_str("test", 4);
    source.text = torus_str(text, strlen(text));

    if (torus_schema_load(&source, 1, report, w, &w->set) != TORUS_OK) {
        return w;
    }

    w->redis.keys = json_object();
    w->redis.expires = json_object();
    w->redis.commands = json_array();

    w->store.set = w->set;
    w->store.router = torus_router_create(w->set, 1 << 20, 17);
    w->store.counters = w->counters;
    w->store.sink = sink;
    w->store.data = &w->redis;

    if (w->store.router == NULL || torus_store_init(&w->store) != TORUS_OK) {
        bail_out("out of memory");
    }

    return w;
}


static void
world_destroy(world_t *w)
{
    if (w->set != NULL) {
        torus_store_free(&w->store);
        torus_router_destroy(w->store.router);
        torus_schema_set_destroy(w->set);

        json_decref(w->redis.keys);
        json_decref(w->redis.expires);
        json_decref(w->redis.commands);
    }

    free(w);
}


/* Both identities; the model applies whatever the sink takes. */
static int
world_adds_up(world_t *w)
{
    uint64_t  *n = w->counters;

    return n[TORUS_C_POINTS_RECEIVED]
           == n[TORUS_C_BAD_LINE] + n[TORUS_C_BAD_LENGTH]
              + n[TORUS_C_BAD_PATH] + n[TORUS_C_BAD_VALUE]
              + n[TORUS_C_BAD_TIMESTAMP] + n[TORUS_C_BAD_INFINITY]
              + n[TORUS_C_DROPPED_NAN] + n[TORUS_C_DROPPED_FUTURE]
              + n[TORUS_C_POINTS_UNMATCHED] + n[TORUS_C_POINTS_TRANSFORMED]
              + n[TORUS_C_POINTS_ACCEPTED]
           && n[TORUS_C_OPS_MADE]
              == (uint64_t) w->redis.ops + n[TORUS_C_OPS_EXPIRED]
                 + n[TORUS_C_OPS_DROPPED];
}


static int
world_point(world_t *w, const char *stat, const char *value, int64_t ts,
    int64_t now, torus_counter_t *reason)
{
    return torus_store_point(&w->store, torus_str(stat, strlen(stat)),
                             torus_str(value, strlen(value)), ts, now, reason);
}


/* A recorded configuration in our words. */

static void
regex(json_t *list, json_t *pattern)
{
    char  text[1024];

    snprintf(text, sizeof(text), "~%s", json_string_value(pattern));
    json_array_append_new(list, json_string(text));
}


/* 3m were months: 3mon. */
static json_t *
step(json_t *s)
{
    char         text[64];
    const char  *z;

    if (!json_is_string(s)) {
        return json_incref(s);
    }

    z = json_string_value(s);
    snprintf(text, sizeof(text), "%s", z);

    if (z[0] >= '0' && z[0] <= '9' && z[strlen(z) - 1] == 'm') {
        strcat(text, "on");
    }

    return json_string(text);
}


static json_t *
translate_schema(json_t *theirs)
{
    char         host[64];
    json_t      *ours, *list, *intervals, *iv, *copy, *v;
    size_t       i;
    const char  *name, *key;

    ours = json_object();
    json_object_set(ours, "type", json_object_get(theirs, "type"));

    list = json_array();
    v = json_object_get(theirs, "match");

    if (json_is_array(v)) {
        for (i = 0; i < json_array_size(v); i++) {
            regex(list, json_array_get(v, i));
        }

    } else {
        regex(list, v);
    }

    json_object_set_new(ours, "match", list);

    if (json_object_get(theirs, "prefix") != NULL) {
        json_object_set(ours, "prefix", json_object_get(theirs, "prefix"));
    }

    if (json_object_get(theirs, "rolling") != NULL) {
        json_object_set(ours, "rolling", json_object_get(theirs, "rolling"));
    }

    if (json_object_get(theirs, "db") != NULL) {
        snprintf(host, sizeof(host), "localhost:6379/%d",
                 (int) json_integer_value(json_object_get(theirs, "db")));
        json_object_set_new(ours, "host", json_string(host));
    }

    intervals = json_object();

    json_object_foreach(json_object_get(theirs, "intervals"), name, iv) {
        copy = json_object();

        json_object_foreach(iv, key, v) {
            json_object_set_new(copy, key, strcmp(key, "steps") == 0
                                           ? json_incref(v) : step(v));
        }

        json_object_set_new(intervals, name, copy);
    }

    json_object_set_new(ours, "intervals", intervals);

    return ours;
}


static json_t *
translate(json_t *c)
{
    size_t   i;
    json_t  *root, *schemas, *theirs;

    root = json_object();
    schemas = json_object();
    theirs = torus_test_member(c, "schemas");

    for (i = 0; i < json_array_size(theirs); i++) {
        json_object_set_new(schemas,
                            json_string_value(json_object_get(
                                      json_array_get(theirs, i), "name")),
                            translate_schema(json_array_get(theirs, i)));
    }

    json_object_set_new(root, "TIMESERIES", schemas);

    if (json_object_get(c, "aggregates") != NULL) {
        json_object_set(root, "AGGREGATES", json_object_get(c, "aggregates"));
    }

    return root;
}


static world_t *
world_of(json_t *config)
{
    char     *text;
    world_t  *w;

    text = json_dumps(config, JSON_INDENT(2));
    w = world_create(text);
    free(text);

    return w;
}


static int64_t
nominal(json_t *s)
{
    json_t         *v;
    torus_step_t    st;
    torus_error_t   err;
    torus_str_t     text;
    char            buf[32];

    v = step(s);

    if (json_is_integer(v)) {
        snprintf(buf, sizeof(buf), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(v));
        text = torus_str(buf, strlen(buf));

    } else {
        text = torus_test_string(v);
    }

    if (torus_step_parse(text, &st, &err) != TORUS_OK) {
        bail_out("%s", err.text);
    }

    json_decref(v);

    return torus_step_nominal(&st);
}


/*
 * Takes intervals whose resolution is longer than their step out of the
 * configuration, and their keys out of what is expected.
 */
static void
without_long_resolutions(json_t *config, json_t *state)
{
    char         part[256];
    void        *tmp, *tmp2;
    json_t      *schema, *iv, *v, *res;
    const char  *sname, *name, *key;

    json_object_foreach(json_object_get(config, "TIMESERIES"), sname, schema) {
        json_object_foreach_safe(json_object_get(schema, "intervals"), tmp,
                                 name, iv)
        {
            res = json_object_get(iv, "resolution");

            if (res == NULL
                || nominal(res) <= nominal(json_object_get(iv, "step")))
            {
                continue;
            }

            snprintf(part, sizeof(part), ":%s:", name);

            json_object_foreach_safe(state, tmp2, key, v) {
                if (strstr(key, part) != NULL) {
                    json_object_del(state, key);
                }
            }

            json_object_del(json_object_get(schema, "intervals"), name);
        }
    }
}


/* Running a case. */

static void
patch_state(json_t *state, const char *patch)
{
    json_t        *root, *v;
    const char    *key;
    json_error_t   error;

    root = json_loads(patch, 0, &error);

    if (root == NULL) {
        bail_out("a patch of this test: %s", error.text);
    }

    json_object_foreach(root, key, v) {
        if (json_is_null(v)) {

            if (json_object_del(state, key) != 0) {
                bail_out("a patch removes \"%s\", which is not there", key);
            }

        } else {
            json_object_set(state, key, v);
        }
    }

    json_decref(root);
}


static const departure_t *
find(const departure_t *list, size_t n, const char *what)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (strcmp(list[i].what, what) == 0) {
            return &list[i];
        }
    }

    return NULL;
}


/* The state without times, for comparing. */
static json_t *
without_ttl(json_t *state)
{
    json_t      *copy, *v;
    const char  *key;

    copy = json_deep_copy(state);

    json_object_foreach(copy, key, v) {
        json_object_del(v, "ttl");
    }

    return copy;
}


static void
check_state(world_t *w, json_t *state, const char *what)
{
    char    *text;
    json_t  *want;

    want = without_ttl(state);

    if (!ok(json_equal(w->redis.keys, want), "%s: state", what)) {
        text = json_dumps(w->redis.keys, JSON_COMPACT|JSON_SORT_KEYS);
        diag("     got: %s", text);
        free(text);

        text = json_dumps(want, JSON_COMPACT|JSON_SORT_KEYS);
        diag("expected: %s", text);
        free(text);
    }

    json_decref(want);
}


/*
 * Expiry is fixed by the bucket: the start of the bucket after those that
 * are kept, never before the original's and at most one step after it.
 */
static int
expiry_good(world_t *w, const char *name, int64_t expire, json_t *theirs,
    int64_t now)
{
    size_t               i;
    int64_t              want;
    unsigned             db;
    const char          *key;
    torus_layout_key_t   k;

    db = 0;
    key = name;

    if (name[0] >= '0' && name[0] <= '9' && name[1] == '/') {
        db = (unsigned) (name[0] - '0');
        key = name + 2;
    }

    for (i = 0; i < w->set->nschemas; i++) {
        if (w->set->schemas[i].host->db == db
            && torus_layout_parse(&w->set->schemas[i],
                                  torus_str(key, strlen(key)), &k)
               == TORUS_OK
            && torus_schema_match(&w->set->schemas[i], k.stat))
        {
            break;
        }
    }

    if (i == w->set->nschemas) {
        return 0;
    }

    if (k.interval->steps == 0) {
        return expire == 0 && (theirs == NULL || json_is_null(theirs));
    }

    if (k.interval->step.kind != TORUS_STEP_SECONDS) {
        return expire == torus_interval_expire(k.interval, k.bucket)
               && expire > now;
    }

    want = (k.bucket + k.interval->steps + 1) * k.interval->step.seconds;

    if (expire != want) {
        return 0;
    }

    return theirs == NULL
           || (now + json_integer_value(theirs) <= want
               && now + json_integer_value(theirs)
                  >= want - k.interval->step.seconds);
}


static void
check_expiry(world_t *w, json_t *state, int64_t now, const char *what)
{
    int          good;
    json_t      *v;
    const char  *key;

    good = 1;

    json_object_foreach(w->redis.expires, key, v) {
        if (!expiry_good(w, key, json_integer_value(v),
                         json_object_get(json_object_get(state, key), "ttl"),
                         now))
        {
            good = 0;
            diag("\"%s\" expires at %" JSON_INTEGER_FORMAT, key,
                 json_integer_value(v));
        }
    }

    ok(good, "%s: expiry", what);
}


/* But for EXPIRE: how the writer does that is its own matter. */
static void
check_commands(world_t *w, json_t *commands, const char *what)
{
    char    *text;
    size_t   i;
    json_t  *want;

    want = json_array();

    for (i = 0; i < json_array_size(commands); i++) {
        if (strcmp(json_string_value(json_array_get(
                                       json_array_get(commands, i), 0)),
                   "EXPIRE")
            != 0)
        {
            json_array_append(want, json_array_get(commands, i));
        }
    }

    if (!ok(json_equal(w->redis.commands, want), "%s: commands", what)) {
        text = json_dumps(w->redis.commands, JSON_COMPACT);
        diag("     got: %s", text);
        free(text);

        text = json_dumps(want, JSON_COMPACT);
        diag("expected: %s", text);
        free(text);
    }

    json_decref(want);
}


static void
run_inserts(world_t *w, json_t *inserts, int64_t now)
{
    size_t           i;
    int64_t          ts;
    json_t          *p, *t;
    torus_counter_t  reason;

    for (i = 0; i < json_array_size(inserts); i++) {
        p = json_array_get(inserts, i);
        t = json_array_get(p, 2);

        /* 0 and null mean now to whoever reads the point, not to the store */

        ts = json_is_number(t) ? torus_test_integer(t) : 0;

        torus_store_point(&w->store,
                          torus_test_string(json_array_get(p, 0)),
                          torus_test_string(json_array_get(p, 1)),
                          ts == 0 ? now : ts, now, &reason);
    }
}


static void
run_case(json_t *c, size_t *departed)
{
    json_t             *config, *state;
    int64_t             now;
    world_t            *w;
    const char         *what;
    const departure_t  *d, *f;

    what = json_string_value(torus_test_member(c, "what"));
    now = (int64_t) json_number_value(torus_test_member(c, "now"));

    config = translate(c);
    state = json_deep_copy(torus_test_member(c, "state"));

    f = find(faults, number_of(faults), what);
    d = find(departures, number_of(departures), what);

    if (f != NULL) {
        (*departed)++;

        w = world_of(config);
        ok(w->set == NULL && w->faults[0] != '\0', "%s: %s", what, f->why);
        world_destroy(w);

        if (strcmp(what, "wrong type already at the key") == 0) {
            goto done;
        }

        without_long_resolutions(config, state);

        if (strcmp(what, "resolution larger than the step") == 0) {
            goto done;
        }
    }

    if (d != NULL) {
        (*departed)++;
        patch_state(state, d->patch);
    }

    w = world_of(config);

    if (!ok(w->set != NULL, "%s: a good configuration", what)) {
        diag("%s", w->faults);
        world_destroy(w);
        goto done;
    }

    run_inserts(w, torus_test_member(c, "inserts"), now);

    if (d != NULL) {
        diag("%s: %s", what, d->why);
    }

    check_state(w, state, what);
    check_expiry(w, state, now, what);
    ok(world_adds_up(w), "%s: counters", what);

    if (d == NULL && f == NULL) {
        check_commands(w, torus_test_member(c, "commands"), what);
    }

    world_destroy(w);

done:

    json_decref(config);
    json_decref(state);
}


static void
test_vectors(void)
{
    size_t   i, departed;
    json_t  *root, *weekly, *cases;

    departed = 0;

    root = torus_test_json("t/vectors/insert.json");
    cases = torus_test_cases(root);

    for (i = 0; i < json_array_size(cases); i++) {
        run_case(json_array_get(cases, i), &departed);
    }

    weekly = torus_test_json("t/vectors/weekly_upstream.json");
    cases = torus_test_member(weekly, "inserts_cases");

    for (i = 0; i < json_array_size(cases); i++) {
        run_case(json_array_get(cases, i), &departed);
    }

    is_int((int64_t) departed, number_of(departures) + number_of(faults),
           "each departure meets its vector");

    json_decref(weekly);
    json_decref(root);
}


/* /insert of the original, as far as it is about storing. */

static int
form_value(const char *query, const char *name, char *dst, size_t size)
{
    char         hex[3];
    size_t       n, len;
    const char  *p;

    n = strlen(name);
    p = strchr(query, '?');

    for (p = (p == NULL) ? NULL : p + 1; p != NULL; p = strpbrk(p, "&;")) {
        p += (*p == '&' || *p == ';');

        if (strncmp(p, name, n) == 0 && p[n] == '=') {
            break;
        }
    }

    if (p == NULL) {
        return 0;
    }

    len = 0;

    for (p += n + 1; *p != '\0' && *p != '&' && *p != ';'; p++) {
        if (len + 1 == size) {
            bail_out("a parameter is too long");
        }

        dst[len] = (*p == '+') ? ' ' : *p;

        if (*p == '%') {
            memcpy(hex, p + 1, 2);
            hex[2] = '\0';
            dst[len] = (char) strtol(hex, NULL, 16);
            p += 2;
        }

        len++;
    }

    dst[len] = '\0';

    return len != 0;
}


static void
http_request(world_t *w, const char *uri, const char *exception, int64_t now)
{
    int              rc;
    char             stat[256], value[256], text[256], *end;
    double           ts;
    torus_counter_t  reason;

    if (strncmp(uri, "/insert?", 8) != 0 && strncmp(uri, "/insert/?", 9) != 0)
    {
        return;
    }

    /* what has no such parameter does not reach the store */

    if (!form_value(uri, "stat", stat, sizeof(stat))
        || !form_value(uri, "value", value, sizeof(value)))
    {
        return;
    }

    ts = 0;

    if (form_value(uri, "timestamp", text, sizeof(text))) {
        ts = strtod(text, &end);

        if (*end != '\0' || isnan(ts)) {
            return;
        }
    }

    rc = world_point(w, stat, value, ts == 0 ? now : (int64_t) ts, now,
                     &reason);

    if (exception != NULL) {
        ok(rc == TORUS_DECLINED && reason == TORUS_C_BAD_VALUE,
           "%s is a bad value", uri);

    } else {
        ok(rc == TORUS_OK || reason == TORUS_C_POINTS_UNMATCHED,
           "%s is taken", uri);
    }
}


static void
test_http(void)
{
    size_t    i, j;
    json_t   *root, *cases, *c, *config, *requests;
    int64_t   now;
    world_t  *w;

    root = torus_test_json("t/vectors/insert_http.json");
    cases = torus_test_cases(root);

    for (i = 0; i < json_array_size(cases); i++) {
        c = json_array_get(cases, i);
        now = (int64_t) json_number_value(torus_test_member(c, "now"));
        config = translate(c);

        w = world_of(config);

        if (w->set == NULL) {
            bail_out("%s", w->faults);
        }

        requests = torus_test_member(c, "requests");

        for (j = 0; j < json_array_size(requests); j++) {
            http_request(w, json_string_value(json_array_get(requests, j)),
                         json_string_value(json_array_get(
                                        json_object_get(c, "exceptions"), j)),
                         now);
        }

        check_state(w, torus_test_member(c, "state"), "insert by HTTP");
        check_expiry(w, torus_test_member(c, "state"), now, "insert by HTTP");
        ok(world_adds_up(w), "insert by HTTP: counters");

        world_destroy(w);
        json_decref(config);
    }

    json_decref(root);
}


/* What the vectors cannot know. */

#define NOW  1700000000

static const char  several[] =
    "{\"TIMESERIES\": {"
    "  \"n\": {\"type\": \"count\", \"match\": \"n.**\", \"prefix\": \"n\","
    "    \"intervals\": {\"m\": {\"step\": 60, \"steps\": 5},"
    "                  \"h\": {\"step\": 3600, \"resolution\": 60}}},"
    "  \"z\": {\"type\": \"count\", \"match\": \"z.**\", \"prefix\": \"z\","
    "    \"zeros\": \"drop\", \"intervals\": {\"m\": {\"step\": 60}}},"
    "  \"s\": {\"type\": \"set\", \"match\": [\"s.**\", \"n.both.*\"],"
    "    \"prefix\": \"s\", \"write_func\": \"string\","
    "    \"intervals\": {\"m\": {\"step\": 60}}},"
    "  \"g\": {\"type\": \"gauge\", \"match\": [\"g.**\", \"z.both.*\"],"
    "    \"prefix\": \"g\", \"intervals\": {\"m\": {\"step\": 60}}},"
    "  \"f\": {\"type\": \"count\", \"match\": \"f.**\", \"prefix\": \"f\","
    "    \"write_func\": \"%0.3f\", \"intervals\": {\"m\": {\"step\": 60}}},"
    "  \"h\": {\"type\": \"histogram\", \"match\": \"f.**\","
    "    \"prefix\": \"h\", \"write_func\": \"%0.3f\","
    "    \"intervals\": {\"m\": {\"step\": 60}}}"
    "}}";


static world_t *
several_create(void)
{
    world_t  *w;

    w = world_create(several);

    if (w->set == NULL) {
        bail_out("%s", w->faults);
    }

    return w;
}


static void
test_outcomes(void)
{
    static const struct {
        const char       *stat;
        const char       *value;
        int64_t           timestamp;
        torus_counter_t   reason;
    } points[] = {
        { "n.a", "1", NOW, TORUS_C_POINTS_ACCEPTED },
        { "x.a", "1", NOW, TORUS_C_POINTS_UNMATCHED },
        { "n.a", "one", NOW, TORUS_C_BAD_VALUE },
        { "n.a", "", NOW, TORUS_C_BAD_VALUE },
        { "n.a", "5 abc", NOW, TORUS_C_BAD_VALUE },
        { "s.a", "5 abc", NOW, TORUS_C_POINTS_ACCEPTED },
        { "n.a", "nan", NOW, TORUS_C_DROPPED_NAN },
        { "n.a", "-inf", NOW, TORUS_C_BAD_INFINITY },
        { "n.a", "1e400", NOW, TORUS_C_BAD_INFINITY },
        { "f.a", "nan", NOW, TORUS_C_DROPPED_NAN },
        { "s.a", "nan", NOW, TORUS_C_POINTS_ACCEPTED },
        { "n.a", "1", NOW + 60, TORUS_C_POINTS_ACCEPTED },
        { "n.a", "1", NOW + 61, TORUS_C_DROPPED_FUTURE },
        { "x.a", "1", NOW + 61, TORUS_C_DROPPED_FUTURE },
        { "n.a", "1", TORUS_TIME_MAX + 1, TORUS_C_BAD_TIMESTAMP },
        { "n.a", "1", INT64_MAX, TORUS_C_BAD_TIMESTAMP },
        { "n.a", "1", INT64_MIN, TORUS_C_BAD_TIMESTAMP },
        { "n.a", "1", 0, TORUS_C_POINTS_ACCEPTED },
        { "n.a", "1", -100, TORUS_C_POINTS_ACCEPTED },
        { "n.both.a", "word", NOW, TORUS_C_POINTS_ACCEPTED },
        { "n.both.a", "inf", NOW, TORUS_C_POINTS_ACCEPTED },
        { "n.both.a", "5", NOW, TORUS_C_POINTS_ACCEPTED },
        { "z.a", "0", NOW, TORUS_C_POINTS_ACCEPTED },
        { "z.both.a", "0", NOW, TORUS_C_POINTS_ACCEPTED },
    };

    int               rc;
    size_t            i;
    world_t          *w;
    uint64_t          counters[TORUS_COUNTERS_N];
    torus_counter_t   reason;

    w = several_create();
    w->store.future = 60;

    for (i = 0; i < number_of(points); i++) {
        memcpy(counters, w->counters, sizeof(counters));
        reason = TORUS_COUNTERS_N;

        rc = world_point(w, points[i].stat, points[i].value,
                         points[i].timestamp, NOW, &reason);

        ok(reason == points[i].reason
           && rc == (reason == TORUS_C_POINTS_ACCEPTED ? TORUS_OK
                                                       : TORUS_DECLINED),
           "%s %s %" PRId64 " is counted as %s", points[i].stat,
           points[i].value, points[i].timestamp,
           torus_counter_name(points[i].reason));

        ok(w->counters[points[i].reason] == counters[points[i].reason] + 1
           && w->counters[TORUS_C_POINTS_RECEIVED]
              == counters[TORUS_C_POINTS_RECEIVED] + 1
           && world_adds_up(w), "... once, and all adds up");
    }

    is_int((int64_t) w->counters[TORUS_C_VALUES_SKIPPED], 2,
           "a value that one of two schemas takes is skipped by the other");

    torus_store_refuse(&w->store, TORUS_C_BAD_LINE);
    ok(w->counters[TORUS_C_BAD_LINE] == 1 && world_adds_up(w),
       "a line refused before counts as well");

    world_destroy(w);
}


/* Of an aggregate's name that is too long, the point is not. */
static void
test_overlong(void)
{
    int               rc;
    char              stat[2 + TORUS_CARBON_PATH_LIMIT / 2 + 1];
    size_t            i;
    world_t          *w;
    torus_counter_t   reason;

    static const char  *values[] = { "1", "1", "one" };

    w = world_create("{\"TIMESERIES\": {\"a\": {\"match\": [\"a.**\", "
        "\"sum.**\"], \"type\": \"count\", \"intervals\": {\"i\": "
        "{\"step\": 60}}}}, \"AGGREGATES\": [[\"sum.<x>.<x>\", "
        "\"*.<x>\"]]}");

    if (w->set == NULL) {
        bail_out("%s", w->faults);
    }

    memset(stat, 'x', sizeof(stat) - 1);
    stat[sizeof(stat) - 1] = '\0';
    memcpy(stat, "a.", 2);

    for (i = 0; i < number_of(values); i++) {
        rc = world_point(w, stat, values[i], NOW, NOW, &reason);

        ok(i < 2 ? rc == TORUS_OK && reason == TORUS_C_POINTS_ACCEPTED
                 : rc == TORUS_DECLINED && reason == TORUS_C_BAD_VALUE,
           "%s of a stat whose aggregate is too long: %s", values[i],
           torus_counter_name(reason));
    }

    is_int(json_object_size(w->redis.keys), 1, "it is stored under its own");
    is_int((int64_t) w->counters[TORUS_C_VALUES_SKIPPED], 2,
           "and skipped under the other, each time");

    stat[0] = 'b';
    rc = world_point(w, stat, "1", NOW, NOW, &reason);

    ok(rc == TORUS_DECLINED && reason == TORUS_C_BAD_LENGTH,
       "a stat of which there is only that aggregate has a bad length: %s",
       torus_counter_name(reason));
    ok(w->counters[TORUS_C_BAD_LENGTH] == 1 && world_adds_up(w),
       "which is counted");

    world_destroy(w);
}


static void
test_values(void)
{
    json_t           *sum;
    world_t          *w;
    torus_counter_t   reason;

    w = several_create();

    world_point(w, "z.a", "0", NOW, NOW, &reason);
    world_point(w, "z.a", "0.0", NOW, NOW, &reason);
    ok(json_object_size(w->redis.keys) == 0
       && w->counters[TORUS_C_OPS_MADE] == 0,
       "a schema that drops zeros writes nothing, makes nothing");

    world_point(w, "z.both.a", "0", NOW, NOW, &reason);
    ok(json_object_size(w->redis.keys) == 1
       && json_object_get(w->redis.keys, "g:z.both.a:m:28333333") != NULL,
       "... and the other one does");

    world_point(w, "s.a", "5 abc", NOW, NOW, &reason);
    ok(json_object_get(w->redis.keys, "s:s.a:m:28333333") != NULL,
       "a set holds texts");

    world_point(w, "f.a", "1.23456", NOW, NOW, &reason);
    world_point(w, "f.a", "2", NOW, NOW, &reason);
    ok(json_object_get(json_object_get(json_object_get(w->redis.keys,
                                             "h:f.a:m:28333333"), "value"),
                       "1.235") != NULL,
       "a histogram holds what the format makes");

    sum = json_object_get(json_object_get(w->redis.keys, "f:f.a:m:28333333"),
                          "value");
    is_double_near(strtod(json_string_value(sum), NULL), 3.235, 1e-9,
                   "a count adds what the format makes");

    world_destroy(w);
}


static const char  listing[] =
    "{\"TIMESERIES\": {\"l\": {\"type\": \"series\", \"match\": \"**\","
    "  \"intervals\": {\"m\": {\"step\": 60}}}}}";


/* Is what stands in Redis the printed form of what was read? */
static int
passes(world_t *w, const char *text)
{
    json_t           *key, *list;
    torus_str_t       got;
    torus_value_t     v;
    unsigned char     want[TORUS_NUMBER_SIZE];
    torus_counter_t   reason;

    if (torus_number_parse(torus_str(text, strlen(text)), &v) != TORUS_OK
        || world_point(w, "a", text, NOW, NOW, &reason) != TORUS_OK)
    {
        diag("\"%s\" is not taken", text);
        return 0;
    }

    key = json_object_get(w->redis.keys, "a:m:28333333");
    list = json_object_get(key, "value");
    got = torus_test_string(json_array_get(list, json_array_size(list) - 1));

    if (torus_str_eq(got, torus_str(want, torus_number_print(want, &v)))) {
        return 1;
    }

    diag("\"%s\" became \"%.*s\"", text, torus_fmt(got));

    return 0;
}


static void
test_canonical(void)
{
    static const char *const  texts[] = {
        "0", "-0", "+0", "00", "007", "5", "-5", "+5", "-05", " 5", "5 ",
        "9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "0.0", "-0.0", "0.00", "00.5", "0.5", "-0.5", ".5", "5.", "5.0",
        "5.00", "5.50", "5.5", "-5.5", "-5.50", "+5.5", "05.5", " 5.5",
        "5.5 ", "1e3", "1.5e3", "1E3", "0.1", "0.01", "0.001", "0.0001",
        "0.00001", "0.000123", "123456789012345.0", "12345678901234.5",
        "123456789012345.5", "1234567890123456.0", "1234567890123456.5",
        "1.23456789012345", "1.234567890123456", "1.2345678901234567",
        "0.12345678901234", "0.123456789012345", "0.30000000000000004",
        "99999999999999.9", "999999999999999.9", "100000.0", "1e16",
        "10000000000000000.0", "5e-324", "1.7976931348623157e308",
        "0.10", "10.01", "10.10", "-10.01", "8.000000000000001",
        "9007199254740993.0"
    };

    int       good;
    char      text[64];
    size_t    i;
    world_t  *w;
    uint64_t  seed;

    w = world_create(listing);

    if (w->set == NULL) {
        bail_out("%s", w->faults);
    }

    for (i = 0; i < number_of(texts); i++) {
        ok(passes(w, texts[i]), "\"%s\" is stored as Python prints it",
           texts[i]);
    }

    good = 1;
    seed = 1;

    for (i = 0; i < 3000; i++) {
        seed = torus_hash(&seed, sizeof(seed), i);
        snprintf(text, sizeof(text), "%s%" PRIu64 ".%0*" PRIu64,
                 seed & 1 ? "-" : "", (seed >> 1) % (i + 1), 1 + (int) (i % 6),
                 (seed >> 32) % (1 + i % 1000));
        good &= passes(w, text);
    }

    ok(good, "3000 random decimals are stored as Python prints them");

    world_destroy(w);
}


/* Time jumps to and fro; what is remembered must not show. */

static const char  jumping[] =
    "{\"TIMESERIES\": {"
    "  \"a\": {\"type\": \"series\", \"match\": \"**\", \"rolling\": -2,"
    "    \"intervals\": {"
    "      \"min\": {\"step\": 60, \"steps\": 9},"
    "      \"odd\": {\"step\": 300, \"resolution\": 70, \"steps\": 3},"
    "      \"day\": {\"step\": \"daily\", \"resolution\": \"1h\"},"
    "      \"pack\": {\"step\": 300, \"resolution\": 70, \"steps\": 4,"
    "               \"layout\": \"packed\"},"
    "      \"dates\": {\"step\": \"weekly\", \"resolution\": \"daily\","
    "               \"layout\": \"packed\"},"
    "      \"week\": {\"step\": \"weekly\", \"resolution\": \"daily\","
    "               \"steps\": 2},"
    "      \"month\": {\"step\": \"monthly\", \"steps\": 3},"
    "      \"year\": {\"step\": \"yearly\", \"resolution\": \"monthly\","
    "               \"steps\": 1}}}}}";


static size_t
jump_expect(const torus_interval_t *iv, int64_t ts, int64_t now, int copy,
    char (*keys)[128], size_t n)
{
    size_t         len;
    int64_t        bucket, sub, first;
    unsigned char  dst[64];

    bucket = torus_step_bucket(&iv->step, ts);

    if (copy != 0) {
        bucket = torus_step_add(&iv->step, bucket, copy);
        ts = torus_step_start(&iv->step, bucket);
    }

    if (torus_interval_expired(iv, bucket, now)) {
        return n;
    }

    len = torus_layout_key(dst, torus_str("x:", 2), iv, bucket);
    sub = torus_step_bucket(&iv->resolution, ts);

    if (iv->packed) {

        /* all resolutions here are of one length */

        first = torus_step_bucket(&iv->resolution,
                                  torus_step_start(&iv->step, bucket));

        snprintf(keys[n++], 128, "%.*s %" PRId64 ":1", (int) len,
                 (char *) dst,
                 (torus_step_start(&iv->resolution, sub)
                  - torus_step_start(&iv->resolution, first))
                 / torus_step_nominal(&iv->resolution));

        return n;
    }

    if (torus_layout_subkeys(iv)) {
        snprintf(keys[n++], 128, "%.*s %" PRId64, (int) len, (char *) dst,
                 sub);

        len = torus_layout_subkey(dst, len, sub);
    }

    snprintf(keys[n++], 128, "%.*s 1", (int) len, (char *) dst);

    return n;
}


static int
jump(world_t *w, int64_t ts, int64_t now)
{
    char                    keys[64][128], got[128];
    size_t                  i, n;
    json_t                 *command;
    torus_counter_t         reason;
    const torus_schema_t   *schema;

    static const int  copies[] = { 0, -2, -1 };

    n = 0;
    schema = &w->set->schemas[0];

    for (i = 0; i < schema->nintervals * 3; i++) {
        n = jump_expect(&schema->intervals[i / 3], ts, now, copies[i % 3],
                        keys, n);
    }

    json_array_clear(w->redis.commands);
    world_point(w, "x", "1", ts, now, &reason);

    if (json_array_size(w->redis.commands) != n) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        command = json_array_get(w->redis.commands, i);

        snprintf(got, sizeof(got), "%s %s",
                 json_string_value(json_array_get(command, 1)),
                 json_string_value(json_array_get(command, 2)));

        if (strcmp(got, keys[i]) != 0) {
            diag("%s, not %s", got, keys[i]);
            return 0;
        }
    }

    return 1;
}


static void
test_jumping(void)
{
    int       good;
    size_t    i;
    world_t  *w;
    int64_t   ts, now, range;
    uint64_t  seed;

    w = world_create(jumping);

    if (w->set == NULL) {
        bail_out("%s", w->faults);
    }

    good = 1;
    seed = 42;

    for (i = 0; i < 4000; i++) {
        seed = torus_hash(&seed, sizeof(seed), i);

        /* near, and over years */

        range = (i & 1) ? 600 : (i & 2) ? 86400 * 40 : 86400 * 900;
        now = NOW + (int64_t) i * 3607;
        ts = now - (int64_t) (seed % (uint64_t) range) + range / 4;

        if (!jump(w, ts, now)) {
            diag("timestamp %" PRId64 " at %" PRId64, ts, now);
            good = 0;
        }
    }

    ok(good, "each of 4000 jumps in time meets its buckets");
    ok(world_adds_up(w) && w->counters[TORUS_C_OPS_EXPIRED] > 0,
       "... and all adds up");

    world_destroy(w);
}


/* A sink that fails, at each of its calls in turn. */
static void
test_failing(void)
{
    int               rc, good;
    int64_t           i;
    world_t          *w;
    torus_counter_t   reason;

    good = 1;

    for (i = 1; i <= 4; i++) {
        w = several_create();
        w->redis.refuse = i;

        rc = world_point(w, "n.both.a", "1", NOW, NOW, &reason);

        good &= rc == TORUS_ERROR
                && w->counters[TORUS_C_POINTS_ACCEPTED] == 1
                && w->counters[TORUS_C_OPS_DROPPED] == 1
                && w->redis.ops == 2
                && world_adds_up(w);

        world_destroy(w);
    }

    ok(good, "what the sink does not take is dropped, the rest stands");
}


/* Names longer than any before, and shorter again. */
static void
test_long_names(void)
{
    int               good;
    char              stat[4096], key[5000];
    size_t            i;
    world_t          *w;
    torus_counter_t   reason;

    w = world_create(listing);

    if (w->set == NULL) {
        bail_out("%s", w->faults);
    }

    good = 1;

    for (i = 1; i < sizeof(stat) - 1; i = (i * 7 + 13) % 4093) {
        memset(stat, 'a', i);
        stat[i] = '\0';

        snprintf(key, sizeof(key), "%s:m:28333333", stat);

        good &= world_point(w, stat, "1", NOW, NOW, &reason) == TORUS_OK
                && json_object_get(w->redis.keys, key) != NULL;

        if (json_object_size(w->redis.keys) == 200) {
            break;
        }
    }

    ok(good && json_object_size(w->redis.keys) > 20,
       "keys of names of any length");

    world_destroy(w);
}


/* What each schema got; two of them share a row, as hosts of many may. */
static void
test_schemas(void)
{
    size_t           i;
    world_t         *w;
    uint64_t         n[2][TORUS_SCHEMA_VALUES_N];
    uint64_t        *rows[3];
    torus_counter_t  reason;

    static const struct {
        const char  *stat;
        const char  *value;
    } points[] = {
        { "a.x", "1" }, { "a.x", "2" }, { "a.x", "one" }, { "a.y", "0" },
        { "b.x", "5" }, { "c.x", "two" }, { "d.x", "1" }
    };

    w = world_create("{\"TIMESERIES\": ["
                     "{\"name\": \"n\", \"match\": \"a.*\","
                     " \"type\": \"count\", \"zeros\": \"drop\","
                     " \"intervals\": {\"m\": {\"step\": 60},"
                     "   \"h\": {\"step\": 3600}}},"
                     "{\"name\": \"s\", \"match\": [\"a.*\", \"sum.*\"],"
                     " \"type\": \"set\", \"write_func\": \"string\","
                     " \"intervals\": {\"d\": {\"step\": 1, \"steps\": 1}}},"
                     "{\"name\": \"t\", \"match\": [\"b.*\", \"c.*\"],"
                     " \"type\": \"gauge\", \"rolling\": 2,"
                     " \"intervals\": {\"e\": {\"step\": 60}}}],"
                     "\"AGGREGATES\": [[\"sum.<x>\", \"b.<x>\"]]}");

    if (w->set == NULL) {
        bail_out("%s", w->faults);
    }

    torus_store_free(&w->store);

    memset(n, 0, sizeof(n));
    rows[0] = n[0];
    rows[1] = n[1];
    rows[2] = n[1];
    w->store.values = rows;

    is_int(torus_store_init(&w->store), TORUS_OK, "rows of schemas");

    for (i = 0; i < number_of(points); i++) {
        (void) world_point(w, points[i].stat, points[i].value, NOW - 5, NOW,
                           &reason);
    }

    is_int(n[0][TORUS_SCHEMA_POINTS], 3, "points, with a 0 that is dropped");
    is_int(n[0][TORUS_SCHEMA_OPERATIONS], 4, "operations, of each interval");
    is_int(n[0][TORUS_SCHEMA_SKIPPED], 1, "a value that it cannot take");
    is_int(n[1][TORUS_SCHEMA_POINTS], 4 + 1 + 1,
           "points of two schemas, one of them by way of an aggregate");
    is_int(n[1][TORUS_SCHEMA_OPERATIONS], 4 + 1 + 3,
           "operations, with what is out of retention and copies");
    is_int(n[1][TORUS_SCHEMA_SKIPPED], 1,
           "a value that cost the point is counted as well");

    is_int(n[0][TORUS_SCHEMA_OPERATIONS] + n[1][TORUS_SCHEMA_OPERATIONS],
           (int64_t) w->counters[TORUS_C_OPS_MADE],
           "all operations are some schema's");
    ok(w->counters[TORUS_C_OPS_EXPIRED] > 0 && world_adds_up(w),
       "all adds up");

    world_destroy(w);
}


int
main(void)
{
    test_vectors();
    test_http();
    test_outcomes();
    test_overlong();
    test_values();
    test_canonical();
    test_jumping();
    test_failing();
    test_long_names();
    test_schemas();

    return done_testing();
}
