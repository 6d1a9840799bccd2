/*
 * /explain: what it shows of a point is what the store makes of it, which
 * each case compares, and nothing is shown to whom it is not open.
 */

#include "torus_model.h"


#define NOW  1400000000           /* in minute 23333333, hour 388888 */


static const char  schema[] =
    "{\"TIMESERIES\": {"
    "\"rt\": {\"match\": \"web.**\", \"prefix\": \"p\", "
        "\"host\": \"redis://user:secret@redis.example:6380/2\", "
        "\"write_func\": \"fmt('%0.1f', v)\", \"read_func\": \"float\", "
        "\"transform\": {\"drop\": \"v > 100\", "
            "\"stat\": \"replace(s, '^web', 'www')\", \"value\": \"v / 10\"}, "
        "\"intervals\": {\"minute\": {\"step\": 60, \"steps\": 3}, "
            "\"hour\": {\"step\": 3600, \"resolution\": 60}}}, "
    "\"c\": {\"match\": \"**\", \"type\": \"count\", \"final\": true, "
        "\"rolling\": 1, "
        "\"intervals\": {\"minute\": {\"step\": 60, \"steps\": 3}}}, "
    "\"never\": {\"match\": \"**\", \"type\": \"gauge\", "
        "\"intervals\": {\"g\": {\"step\": 60}}}}, "
    "\"AGGREGATES\": [[\"sum.<x>\", \"web.<x>\"], [\"all\", \"sum.*\"], "
        "[\"web.a\", \"all\"]]}";


static json_t *explain(torus_model_t *m, const char *request);
static void test_point(void);
static void test_refused(void);
static void test_no_value(void);
static void test_types(void);
static void test_packed(void);
static void test_same_commands(void);
static void test_twice(void);
static void test_overlong(void);
static void test_faults(void);
static void is_json(const json_t *got, const char *want, const char *what);
static const json_t *at(const json_t *json, const char *path);


int
main(void)
{
    test_point();
    test_refused();
    test_no_value();
    test_types();
    test_packed();
    test_same_commands();
    test_twice();
    test_overlong();
    test_faults();

    return done_testing();
}


static void
test_point(void)
{
    json_t         *json;
    torus_model_t  *m;

    m = torus_model_create(schema, NOW);
    m->explain = 1;

    json = explain(m, "explain?stat=web..a&value=31.5&timestamp=1400000000");

    is_json(at(json, "stat"), "\"web.a\"", "the path as it is taken");
    is_json(at(json, "value"), "\"31.5\"", "the value");
    is_json(at(json, "timestamp"), "1400000000", "the time");

    is_int(json_array_size(at(json, "schemas")), 2,
           "the schemas that match, up to a final one");
    is_json(at(json, "schemas.0.schema"), "\"rt\"", "in order");
    is_json(at(json, "schemas.0.type"), "\"histogram\"", "their type");
    is_json(at(json, "schemas.0.host"), "\"redis.example:6380/2\"",
            "their host, without credentials");
    is_json(at(json, "schemas.0.final"), "false", "whether they are final");
    is_json(at(json, "schemas.1.final"), "true", "which this is");

    is_json(at(json, "schemas.0.transform"),
            "{\"drop\":{\"expression\":\"v > 100\",\"result\":false},"
            "\"stat\":{\"expression\":\"replace(s, '^web', 'www')\","
            "\"result\":\"www.a\"},"
            "\"value\":{\"expression\":\"v / 10\",\"result\":\"3.15\"}}",
            "each expression with its result");
    is_json(at(json, "schemas.0.name"), "\"www.a\"", "the name stored");
    is_json(at(json, "schemas.0.write_func"), "{\"expression\":"
            "\"fmt('%0.1f', v)\",\"result\":\"3.1\"}", "the value stored");
    is_json(at(json, "schemas.0.read_func"), "{\"expression\":\"float\","
            "\"result\":3.1}", "the value read");
    is_json(at(json, "schemas.0.outcome"), "\"points_accepted\"",
            "what it counts as");

    is_json(at(json, "schemas.0.intervals.0"),
            "{\"interval\":\"minute\",\"step\":\"60s\",\"keys\":[{\"bucket\":"
            "23333333,\"start\":1399999980,\"key\":"
            "\"p:www.a:minute:23333333\",\"value_key\":"
            "\"p:www.a:minute:23333333\",\"expires\":1400000220,"
            "\"kept\":true}],\"bytes\":375}", "an interval");
    is_json(at(json, "schemas.0.intervals.1"),
            "{\"interval\":\"hour\",\"step\":\"3600s\",\"resolution\":\"60s\","
            "\"keys\":[{\"bucket\":388888,\"start\":1399996800,\"key\":"
            "\"p:www.a:hour:388888\",\"value_key\":"
            "\"p:www.a:hour:388888:23333333\",\"expires\":null,"
            "\"kept\":true}],\"bytes\":null}", "one with a resolution");
    is_json(at(json, "schemas.0.commands"),
            "[[\"HINCRBY\",\"p:www.a:minute:23333333\",\"3.1\",\"1\"],"
            "[\"EXPIREAT\",\"p:www.a:minute:23333333\",\"1400000220\"],"
            "[\"SADD\",\"p:www.a:hour:388888\",\"23333333\"],"
            "[\"HINCRBY\",\"p:www.a:hour:388888:23333333\",\"3.1\",\"1\"]]",
            "the commands");
    is_json(at(json, "schemas.0.index"),
            "[[\"ZADD\",\"torus:names:2:p:www\",\"GT\",\"1400000000\","
            "\"a\"],[\"ZADD\",\"torus:names:2:p:\",\"GT\","
            "\"1400000000\",\"www.\"]]",
            "what the index gets at first sight");
    is_json(at(json, "aggregates.0.aggregates.0.schemas.0.index.0"),
            "[\"ZADD\",\"torus:names:0:\",\"GT\",\"1400000000\","
            "\"all\"]", "of an aggregate, too");
    is_json(at(json, "schemas.1.intervals.0.keys.1.key"),
            "\"web.a:minute:23333334\"", "copies of a rolling schema");

    is_json(at(json, "aggregates.0.rule"), "[\"sum.<x>\",\"web.<x>\"]",
            "an aggregate's rule");
    is_json(at(json, "aggregates.0.stat"), "\"sum.a\"", "its name");
    is_json(at(json, "aggregates.0.schemas.0.commands.0"),
            "[\"INCRBYFLOAT\",\"sum.a:minute:23333333\",\"31.5\"]",
            "which gets the value as received");
    is_json(at(json, "aggregates.0.aggregates.0.stat"), "\"all\"",
            "and aggregates of its own");
    is_json(at(json, "aggregates.0.aggregates.0.aggregates"), "[]",
            "but no name twice");

    json_decref(json);
    torus_model_destroy(m);
}


static void
test_refused(void)
{
    json_t         *json;
    torus_model_t  *m;

    m = torus_model_create(schema, NOW);
    m->explain = 1;

    json = explain(m, "explain?stat=web.a&value=101");

    is_json(at(json, "schemas.0.transform.drop.result"), "true", "dropped");
    is_json(at(json, "schemas.0.outcome"), "\"points_transformed_away\"",
            "counts so");
    is_json(at(json, "schemas.0.commands"), "[]", "and sends nothing");
    is_json(at(json, "schemas.0.index"), "[]", "nor to the index");
    is_json(at(json, "schemas.1.outcome"), "\"points_accepted\"",
            "there, but not in another schema");

    json_decref(json);

    json = explain(m, "explain?stat=web.a&value=pi");

    is_json(at(json, "schemas.0.transform.drop"), "{\"expression\":"
            "\"v > 100\",\"result\":null,\"refused\":\"bad_value\"}",
            "a bad value says where");
    is_json(at(json, "schemas.0.write_func.result"), "null",
            "and goes no further");
    is_json(at(json, "schemas.1.write_func"), "{\"expression\":"
            "\"long_or_float\",\"result\":null,\"refused\":\"bad_value\"}",
            "in any schema");
    is_json(at(json, "schemas.1.outcome"), "\"bad_value\"", "counted so");

    json_decref(json);

    json = explain(m, "explain?stat=x&value=nan&timestamp=1399990000");

    is_json(at(json, "schemas.0.outcome"), "\"dropped_nan\"", "not a number");
    is_json(at(json, "schemas.0.intervals.0.keys.0.kept"), "false",
            "a time out of retention");

    json_decref(json);
    torus_model_destroy(m);
}


static void
test_no_value(void)
{
    json_t         *json;
    torus_model_t  *m;

    m = torus_model_create(schema, NOW);
    m->explain = 1;

    json = explain(m, "explain?stat=web.a");

    is_json(at(json, "value"), "null", "no value");
    is_json(at(json, "timestamp"), "1400000000", "and now");
    is_json(at(json, "schemas.0.transform.drop.result"), "null",
            "leave open what hangs on it");
    is_json(at(json, "schemas.0.transform.stat.result"), "\"www.a\"",
            "but not what does not");
    is_json(at(json, "schemas.0.outcome"), "null", "there is no outcome");
    is_json(at(json, "schemas.0.commands"), "[]", "nor commands");
    is_json(at(json, "schemas.0.intervals.0.keys.0.key"),
            "\"p:www.a:minute:23333333\"", "but keys");

    json_decref(json);
    torus_model_destroy(m);

    m = torus_model_create("{\"TIMESERIES\": {\"s\": {\"match\": \"**\", "
        "\"transform\": {\"stat\": \"s + v\"}, \"intervals\": {\"i\": "
        "{\"step\": 60}}}}}", NOW);
    m->explain = 1;

    json = explain(m, "explain?stat=a");

    is_json(at(json, "schemas.0.name"), "null", "a name made of the value");
    ok(at(json, "schemas.0.intervals.0.keys.0.key") == NULL, "has no key");
    json_decref(json);

    json = explain(m, "explain?stat=a&value=7");

    is_json(at(json, "schemas.0.name"), "\"a7\"", "but for a value");
    is_json(at(json, "schemas.0.commands"),
            "[[\"HINCRBY\",\"a7:i:23333333\",\"7\",\"1\"]]", "and commands");

    json_decref(json);
    torus_model_destroy(m);
}


static void
test_types(void)
{
    size_t          i;
    char            text[512];
    json_t         *json;
    torus_model_t  *m;

    static const char *const  cases[][3] = {
        { "series", "3", "[[\"RPUSH\",\"a:i:23333333\",\"3\"],"
          "[\"EXPIREAT\",\"a:i:23333333\",\"1400000220\"]]" },
        { "histogram", "3", "[[\"HINCRBY\",\"a:i:23333333\",\"3\",\"1\"],"
          "[\"EXPIREAT\",\"a:i:23333333\",\"1400000220\"]]" },
        { "count", "-3", "[[\"INCRBY\",\"a:i:23333333\",\"-3\"],"
          "[\"EXPIREAT\",\"a:i:23333333\",\"1400000220\"]]" },
        { "count", "3.5", "[[\"INCRBYFLOAT\",\"a:i:23333333\",\"3.5\"],"
          "[\"EXPIREAT\",\"a:i:23333333\",\"1400000220\"]]" },
        { "gauge", "3", "[[\"SET\",\"a:i:23333333\",\"3\",\"EXAT\","
          "\"1400000220\"]]" },
        { "set", "3", "[[\"SADD\",\"a:i:23333333\",\"3\"],"
          "[\"EXPIREAT\",\"a:i:23333333\",\"1400000220\"]]" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "{\"TIMESERIES\": {\"s\": {\"match\": "
                 "\"**\", \"type\": \"%s\", \"intervals\": {\"i\": "
                 "{\"step\": 60, \"steps\": 3}}}}}", cases[i][0]);

        m = torus_model_create(text, NOW);
        m->explain = 1;

        snprintf(text, sizeof(text), "explain?stat=a&value=%s", cases[i][1]);
        json = explain(m, text);

        is_json(at(json, "schemas.0.commands"), cases[i][2], cases[i][0]);

        json_decref(json);
        torus_model_destroy(m);
    }
}


/* All of a bucket in a key: where in it, which commands, how many bytes. */
static void
test_packed(void)
{
    size_t          i;
    char            text[512];
    json_t         *json;
    torus_model_t  *m;

    static const char *const  cases[][4] = {
        { "series", "3", "2421", "[[\"RPUSH\",\"a:i:388888\",\"53:3\"],"
          "[\"EXPIREAT\",\"a:i:388888\",\"1400011200\"]]" },
        { "histogram", "3", "2613", "[[\"HINCRBY\",\"a:i:388888\",\"53:3\","
          "\"1\"],[\"EXPIREAT\",\"a:i:388888\",\"1400011200\"]]" },
        { "count", "-3", "2253", "[[\"HINCRBY\",\"a:i:388888\",\"53\",\"-3\"],"
          "[\"EXPIREAT\",\"a:i:388888\",\"1400011200\"]]" },
        { "count", "3.5", "2253", "[[\"HINCRBYFLOAT\",\"a:i:388888\",\"53\","
          "\"3.5\"],[\"EXPIREAT\",\"a:i:388888\",\"1400011200\"]]" },
        { "gauge", "3", "1353", "[[\"HSET\",\"a:i:388888\",\"53\",\"3\"],"
          "[\"EXPIREAT\",\"a:i:388888\",\"1400011200\"]]" },
        { "set", "3", "11613", "[[\"SADD\",\"a:i:388888\",\"53:3\"],"
          "[\"EXPIREAT\",\"a:i:388888\",\"1400011200\"]]" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "{\"TIMESERIES\": {\"s\": {\"match\": "
                 "\"**\", \"type\": \"%s\", \"intervals\": {\"i\": "
                 "{\"step\": 3600, \"steps\": 3, \"resolution\": 60, "
                 "\"layout\": \"packed\"}}}}}", cases[i][0]);

        m = torus_model_create(text, NOW);
        m->explain = 1;

        snprintf(text, sizeof(text), "explain?stat=a&value=%s", cases[i][1]);
        json = explain(m, text);

        is_json(at(json, "schemas.0.commands"), cases[i][3], cases[i][0]);
        is_json(at(json, "schemas.0.intervals.0.layout"), "\"packed\"",
                "the layout");
        is_json(at(json, "schemas.0.intervals.0.keys.0.value_key"),
                "\"a:i:388888\"", "the key");
        is_json(at(json, "schemas.0.intervals.0.keys.0.place"), "\"53\"",
                "the place in it");
        is_json(at(json, "schemas.0.intervals.0.bytes"), cases[i][2],
                "bytes");

        json_decref(json);
        torus_model_destroy(m);
    }
}


/* Every key that the store then writes was announced, and no other. */
static void
test_same_commands(void)
{
    size_t          i, k, n, list, written;
    json_t         *json, *all, *commands, *stat;
    const char     *key;
    torus_model_t  *m;

    static const char *const  lists[] = { "commands", "index" };

    m = torus_model_create(schema, NOW);
    m->explain = 1;

    json = explain(m, "explain?stat=web.a&value=31.5");
    all = json_object();

    for (stat = json; stat != NULL;
         stat = json_array_get(json_object_get(stat, "aggregates"), 0))
    {
        n = 2 * json_array_size(json_object_get(stat, "schemas"));

        for (i = 0; i < n; i++) {
            list = i % 2;
            commands = json_object_get(json_array_get(
                           json_object_get(stat, "schemas"), i / 2),
                           lists[list]);

            for (k = 0; k < json_array_size(commands); k++) {
                key = json_string_value(json_array_get(
                          json_array_get(commands, k), 1));
                json_object_set_new(all, key, json_null());
            }
        }
    }

    is_int(m->counters[TORUS_C_POINTS_RECEIVED], 0, "nothing was stored");

    torus_model_index(m);
    torus_model_point(m, "web.a", "31.5", NOW);

    n = 0;
    written = 0;

    for (i = 0; i < 2; i++) {
        written += json_object_size(m->dbs[i]);

        json_object_foreach(all, key, commands) {
            n += json_object_get(m->dbs[i], key) != NULL;
        }
    }

    is_int(n, written, "every key that is written was shown");
    is_int(n, json_object_size(all), "every key that was shown is written");
    ok(n > 4, "there are some");

    json_decref(all);
    json_decref(json);
    torus_model_destroy(m);
}


/* What is stored under one name only once is shown so. */
static void
test_twice(void)
{
    json_t         *json;
    torus_model_t  *m;

    m = torus_model_create("{\"TIMESERIES\": {\"c\": {\"match\": \"**\", "
        "\"type\": \"count\", \"transform\": {\"stat\": \"part(s, 0)\", "
        "\"drop\": \"v == 0 && s == 'a.x'\"}, "
        "\"intervals\": {\"i\": {\"step\": 60}}}}, "
        "\"AGGREGATES\": [[\"<x>.all\", \"<x>.*\"]]}", NOW);
    m->explain = 1;

    json = explain(m, "explain?stat=a.x&value=1");

    is_json(at(json, "schemas.0.commands"),
            "[[\"INCRBY\",\"a:i:23333333\",\"1\"]]", "stored once");
    ok(at(json, "schemas.0.twice") == NULL, "and not for the second time");
    is_json(at(json, "aggregates.0.schemas.0.name"), "\"a\"",
            "an aggregate that becomes the same name");
    is_json(at(json, "aggregates.0.schemas.0.commands"), "[]",
            "stores nothing more");
    is_json(at(json, "aggregates.0.schemas.0.twice"), "true",
            "and it is said why");
    json_decref(json);

    json = explain(m, "explain?stat=a.x&value=0");

    is_json(at(json, "schemas.0.commands"), "[]", "dropped");
    is_json(at(json, "aggregates.0.schemas.0.commands"),
            "[[\"INCRBY\",\"a:i:23333333\",\"0\"]]",
            "so that it is the aggregate's to store it");
    json_decref(json);

    torus_model_destroy(m);
}


static void
test_overlong(void)
{
    char            request[TORUS_CARBON_PATH_LIMIT];
    json_t         *json;
    torus_model_t  *m;

    m = torus_model_create("{\"TIMESERIES\": {\"c\": {\"match\": \"**\", "
        "\"type\": \"count\", \"intervals\": {\"i\": {\"step\": 60}}}}, "
        "\"AGGREGATES\": [[\"<x>.<x>.<x>\", \"a.<x>\"]]}", NOW);
    m->explain = 1;

    snprintf(request, sizeof(request), "explain?stat=a.%05460d&value=1", 0);
    json = explain(m, request);

    is_int(json_array_size(at(json, "aggregates.0.schemas")), 1,
           "an aggregate's name of 16382 bytes is stored under");
    json_decref(json);

    snprintf(request, sizeof(request), "explain?stat=a.%05461d&value=1", 0);
    json = explain(m, request);

    is_int(json_array_size(at(json, "schemas")), 1, "the stat itself is");
    is_json(at(json, "aggregates.0.refused"), "\"bad_length\"",
            "its aggregate's name is too long");
    is_int(json_string_length(at(json, "aggregates.0.stat")), 16385,
           "which is told");
    is_json(at(json, "aggregates.0.schemas"), "[]", "no schema stores it");
    is_json(at(json, "aggregates.0.aggregates"), "[]", "nor goes it on");
    json_decref(json);

    torus_model_destroy(m);
}


static void
test_faults(void)
{
    size_t           i;
    torus_model_t   *m;
    torus_result_t   res;

    static const struct {
        const char  *request;
        unsigned     status;
        const char  *reason;
    } cases[] = {
        { "explain", 400, "argument \"stat\" is missing" },
        { "explain?stat=a%0Ab", 400, "argument \"stat\" is refused as "
          "bad_path: \"a\\x0Ab\"" },
        { "explain?stat=a&timestamp=soon", 400, "argument \"timestamp\" must "
          "be a time" },
        { "explain?stat=a&pretty=2", 400, "argument \"pretty\" must be true "
          "or false, not \"2\"" },
    };

    m = torus_model_create(schema, NOW);

    torus_model_run(m, "explain?stat=a", &res);
    is_int(res.status, 403, "closed unless it is opened");
    torus_buf_free(&res.body);

    m->explain = 1;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        torus_model_run(m, cases[i].request, &res);

        is_int(res.status, cases[i].status, "%s", cases[i].request);
        like(res.error, cases[i].reason, "and why");

        torus_buf_free(&res.body);
    }

    m->limits.memory = 200;

    torus_model_run(m, "explain?stat=web.a&value=1", &res);
    is_int(res.status, 413, "an answer that needs too much memory");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


static json_t *
explain(torus_model_t *m, const char *request)
{
    json_t          *json;
    torus_result_t   res;

    torus_model_run(m, request, &res);

    is_int(res.status, 200, "%s", request);

    json = torus_model_json(&res);
    ok(json != NULL, "is JSON");

    torus_buf_free(&res.body);

    return json;
}


/* "schemas.0.host" */
static const json_t *
at(const json_t *json, const char *path)
{
    char         name[64];
    size_t       n;
    const char  *p;

    for (p = path; *p != '\0'; p += n + (p[n] == '.')) {
        n = strcspn(p, ".");

        snprintf(name, sizeof(name), "%.*s", (int) n, p);

        json = json_is_array(json)
               ? json_array_get(json, (size_t) atoi(name))
               : json_object_get(json, name);
    }

    return json;
}


static void
is_json(const json_t *got, const char *want, const char *what)
{
    char  *text;

    text = json_dumps(got, JSON_COMPACT|JSON_ENCODE_ANY
                      |JSON_REAL_PRECISION(15));

    is_cstr(text, want, "%s", what);
    free(text);
}
