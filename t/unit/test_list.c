/*
 * /list and /properties from end to end against the recorded answers, the
 * departures with their reason; then what the vectors do not know: limits,
 * patterns, names with every byte, answers in pieces, several hosts at once,
 * and faults in the middle.
 */

#include "torus_model.h"


typedef struct {
    const char  *dataset;
    const char  *request;
    unsigned     status;
    const char  *expect;     /* the body, or part of the reason */
    const char  *why;
} departure_t;


#define number_of(a)  (sizeof(a) / sizeof((a)[0]))

#define ODD                                                                   \
    "[\".lead\",\"1234\",\"UPPER.lower\",\"a..b\",\"back\\\\slash\","         \
    "\"caf\\u00e9.hits\",\"col:on\",\"glob*[a]?\",\"name with spaces\","      \
    "\"p%20q\",\"quo'te\\\"d\",\"tab\\there\",\"trail.\",\"\\u65e5\\u672c\"]"

#define MINUTE  "{\"first\":1699999980,\"last\":1699999980}"

#define THREE  "[\"app.hits\",\"stats.timers.login\",\"web01.cpu.load\"]"


static const char  colon[] = "a name may hold colons";
static const char  prefix[] = "only keys with the schema's prefix are its";
static const char  longest[] = "a key is of the schema with the longest prefix";
static const char  missing[] = "a missing stat is a 400";
static const char  literal[] = "a name is literal, glob characters or not";
static const char  sunday[] = "weeks begin on their Sunday, and each is there";


static const departure_t  departures[] = {
    { "l odd names", "/list", 200, ODD, colon },
    { "l odd names", "/list/", 200, ODD, colon },

    { "l two prefixes, one database", "/list", 200, THREE, prefix },
    { "l two prefixes, one database", "/list/", 200, THREE, prefix },
    { "l two prefixes, one database", "/list?schema=", 200, THREE, prefix },
    { "l two prefixes, one database", "/list?schema=one", 200, THREE,
      prefix },
    { "l two prefixes, one database", "/list?schema=two", 200, THREE,
      prefix },

    { "l prefix and none, one database", "/list", 200, "[\"app.hits\"]",
      longest },
    { "l prefix and none, one database", "/list/", 200, "[\"app.hits\"]",
      longest },
    { "l prefix and none, one database", "/list?schema=", 200,
      "[\"app.hits\"]", longest },
    { "l prefix and none, one database", "/list?schema=one", 200,
      "[\"app.hits\"]", longest },
    { "l prefix and none, one database", "/list?schema=two", 200,
      "[\"app.hits\"]", prefix },

    { "p no schema", "/properties", 400, "\"stat\"", missing },
    { "p no schema", "/properties?stat=", 400, "\"stat\"", missing },

    { "p odd names", "/properties?stat=glob%2A%5Ba%5D%3F", 200,
      "{\"glob*[a]?\":{\"s\":{\"minute\":" MINUTE "}}}", literal },
    { "p odd names", "/properties?stat=back%5Cslash", 200,
      "{\"back\\\\slash\":{\"s\":{\"minute\":" MINUTE "}}}", literal },
    { "p odd names", "/properties?stat=a%2A", 200, "{\"a*\":{\"s\":{}}}",
      literal },
    { "p odd names", "/properties?stat=%3F", 200, "{\"?\":{\"s\":{}}}",
      literal },
    { "p odd names", "/properties?stat=col", 200, "{\"col\":{\"s\":{}}}",
      colon },

    { "w 2013", "/properties?stat=app.hits", 200,
      "{\"app.hits\":{\"s\":{"
      "\"w\":{\"first\":1356220800,\"last\":1358640000},"
      "\"wd\":{\"first\":1355616000,\"last\":1358640000}}}}", sunday },
    { "w 2017", "/properties?stat=app.hits", 200,
      "{\"app.hits\":{\"s\":{"
      "\"w\":{\"first\":1482019200,\"last\":1484438400},"
      "\"wd\":{\"first\":1482019200,\"last\":1484438400}}}}", sunday },
    { "w 2023", "/properties?stat=app.hits", 200,
      "{\"app.hits\":{\"s\":{"
      "\"w\":{\"first\":1671321600,\"last\":1673740800},"
      "\"wd\":{\"first\":1671321600,\"last\":1673740800}}}}", sunday },
};


static json_t *
body_of(const torus_result_t *res)
{
    json_t  *v;

    v = torus_model_json(res);

    return v != NULL ? v : json_string("no JSON");
}


static void
show(const char *what, json_t *v)
{
    char  *text;

    text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    diag("%s: %s", what, text == NULL ? "nothing" : text);
    free(text);
}


/* As jansson reads integers of a file that has none too large. */
static void
compare(torus_result_t *res, json_t *want, const char *dataset,
    const char *request, const char *why)
{
    json_t  *got;

    got = body_of(res);

    if (!ok(json_equal(got, want), "%s: %s%s%s", dataset, request,
            *why != '\0' ? ": " : "", why))
    {
        show("     got", got);
        show("expected", want);
    }

    json_decref(got);
}


static void
recorded(torus_model_t *m, json_t *c, const departure_t *d,
    const char *dataset, const char *request)
{
    int64_t         status;
    json_t         *want;
    torus_result_t  res;

    status = json_integer_value(torus_test_member(c, "status"));

    torus_model_run(m, request, &res);

    is_int(res.status, d != NULL ? d->status : status, "%s: %s: status",
           dataset, request);

    if (d != NULL && d->status != 200) {
        like(res.error, d->expect, "%s: %s: %s", dataset, request, d->why);

    } else if (d != NULL) {
        want = json_loads(d->expect, 0, NULL);
        compare(&res, want, dataset, request, d->why);
        json_decref(want);

    } else if (status == 200) {
        compare(&res, torus_test_member(c, "body"), dataset, request, "");
    }

    torus_buf_free(&res.body);
}


static void
test_vectors(const char *path, const char *only, size_t expected)
{
    size_t              i, k, seen;
    json_t             *root, *c, *worlds;
    const char         *dataset, *request;
    torus_model_t      *m;
    const departure_t  *d;

    root = torus_test_json(path);
    worlds = json_object();
    seen = 0;

    json_array_foreach(torus_test_cases(root), i, c) {
        dataset = json_string_value(torus_test_member(c, "dataset"));
        request = json_string_value(torus_test_member(c, "request"));

        if (strncmp(request, only, strlen(only)) != 0) {
            continue;
        }

        m = (torus_model_t *) (intptr_t) json_integer_value(
                                           json_object_get(worlds, dataset));
        if (m == NULL) {
            m = torus_model_dataset(torus_test_member(
                           torus_test_member(root, "datasets"), dataset));
            json_object_set_new(worlds, dataset,
                                json_integer((json_int_t) (intptr_t) m));
        }

        d = NULL;

        for (k = 0; k < number_of(departures); k++) {
            if (strcmp(departures[k].dataset, dataset) == 0
                && strcmp(departures[k].request, request) == 0)
            {
                d = &departures[k];
                seen++;
            }
        }

        recorded(m, c, d, dataset, request);
    }

    is_int((int64_t) seen, (int64_t) expected,
           "%s: every departure that is listed is one", path);

    json_object_foreach(worlds, dataset, c) {
        torus_model_destroy((torus_model_t *) (intptr_t)
                            json_integer_value(c));
    }

    json_decref(worlds);
    json_decref(root);
}


/* Runs a request and compares the whole body. */
static void
body_is(torus_model_t *m, const char *request, const char *body,
    const char *what)
{
    torus_result_t  res;

    torus_model_run(m, request, &res);

    is_mem(res.body.pos, torus_buf_len(&res.body), body, strlen(body), "%s",
           what);
    torus_buf_free(&res.body);
}


static const char  hosts[] =
    "{ \"TIMESERIES\": {"
    "  \"a\": { \"type\": \"count\", \"match\": \"a.**\", \"prefix\": \"x\","
    "    \"intervals\": { \"s\": { \"step\": 1, \"steps\": 9 },"
    "      \"m\": { \"step\": 60, \"resolution\": 1 } } },"
    "  \"b\": { \"type\": \"set\", \"match\": \"**\","
    "    \"host\": \"localhost:6380\","
    "    \"intervals\": { \"s\": { \"step\": 1 } } }"
    "} }";


/* Two hosts are walked side by side, their names are one list. */
static void
test_hosts(void)
{
    torus_model_t  *m;
    torus_result_t  res;

    m = torus_model_create(hosts, 1000);

    torus_model_point(m, "a.2", "1", 999);
    torus_model_point(m, "a.1", "1", 998);
    torus_model_point(m, "b.1", "1", 999);
    torus_model_point(m, "a.b.c", "1", 1000);

    body_is(m, "list", "[\"a.1\",\"a.2\",\"a.b.c\",\"b.1\"]\n",
            "names of two hosts");
    body_is(m, "list?match=a.*", "[\"a.1\",\"a.2\"]\n", "a pattern");
    body_is(m, "list?match=*.1&schema=b", "[\"a.1\",\"b.1\"]\n",
            "a pattern and a schema");
    body_is(m, "list?match=nothing", "[]\n", "nothing matches");
    body_is(m, "list?match=a.*&pretty=1", "[\n  \"a.1\",\n  \"a.2\"\n]\n",
            "pretty");
    body_is(m, "properties?stat=a.b.c&stat=c",
            "{\"a.b.c\":{\"a\":{\"s\":{\"first\":1000,\"last\":1000},"
            "\"m\":{\"first\":960,\"last\":960}},"
            "\"b\":{\"s\":{\"first\":1000,\"last\":1000}}},"
            "\"c\":{\"b\":{}}}\n", "properties of two hosts");
    body_is(m, "properties?stat=a.1&schema=b",
            "{\"a.1\":{\"b\":{\"s\":{\"first\":998,\"last\":998}}}}\n",
            "properties of one schema");

    torus_model_run(m, "list", &res);
    ok(res.stats.commands > 4, "several slices of SCAN");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


/* Keys that are nobody's, in the same database. */
static void
test_strangers(void)
{
    size_t          i;
    torus_model_t  *m;

    static const char *const  keys[] = {
        "x:a.1", "x:a.1:s", "x:a.1:s:", "x:a.1:s:x", "x:a.1:t:5",
        "x:z.1:s:5", "a.1:s:5", "torus:writer:abc", "x:torus:s", "",
        "x:a.1:s:5:5", "x:a.1:m:5:x", "x::s:5"
    };

    m = torus_model_create(hosts, 1000);

    torus_model_point(m, "a.real", "1", 999);

    for (i = 0; i < number_of(keys); i++) {
        torus_model_key(m, 0, keys[i], "string");
    }

    body_is(m, "list?schema=a", "[\"a.real\"]\n",
            "only keys of the schema's shape and pattern are its");

    torus_model_destroy(m);
}


/* More names than allowed, and more than one piece of an answer. */
static void
test_many(void)
{
    size_t          i;
    char            name[128];
    json_t         *got;
    torus_model_t  *m;
    torus_result_t  res;

    m = torus_model_create(hosts, 1000);

    for (i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "long.%04zu.%080d", (i * 7919) % 2000,
                 0);
        torus_model_point(m, name, "1", 999);
    }

    m->limits.names = 2000;
    m->drain = 1000;

    torus_model_run(m, "list", &res);

    is_int(res.status, 200, "as many names as the limit");
    is_int((int64_t) res.stats.points, 2000, "all are counted");

    got = body_of(&res);
    is_int((int64_t) json_array_size(got), 2000, "all are answered");

    for (i = 0; i < json_array_size(got); i++) {
        snprintf(name, sizeof(name), "long.%04zu.%080d", i, 0);

        if (strcmp(name, json_string_value(json_array_get(got, i))) != 0) {
            break;
        }
    }

    is_int((int64_t) i, 2000, "in order, over several pieces");

    json_decref(got);
    torus_buf_free(&res.body);

    torus_model_point(m, "one.more", "1", 999);

    torus_model_run(m, "list", &res);
    is_int(res.status, 413, "one name more than the limit");
    like(res.error, "2000 names", "which says so");
    torus_buf_free(&res.body);

    torus_model_run(m, "list?match=one.*", &res);
    is_int(res.status, 200, "names that are not listed do not count");
    torus_buf_free(&res.body);

    m->limits.memory = 65536;
    torus_model_run(m, "list?match=**", &res);
    is_int(res.status, 413, "more memory than allowed");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


/* A fault in any reply is the answer. */
static void
test_faults(void)
{
    size_t          i;
    torus_model_t  *m;
    torus_result_t  res;

    static const char *const  replies[] = {
        "-LOADING Redis is loading the dataset in memory\r\n",
        ":1\r\n", "$-1\r\n", "*0\r\n", "*2\r\n:1\r\n*0\r\n",
        "*2\r\n$1\r\n0\r\n$1\r\n0\r\n",
        "*2\r\n$30\r\n012345678901234567890123456789\r\n*0\r\n"
    };

    m = torus_model_create(hosts, 1000);

    for (i = 0; i < 10; i++) {
        char  name[16];

        snprintf(name, sizeof(name), "a.%zu", i);
        torus_model_point(m, name, "1", 999);
    }

    for (i = 0; i < number_of(replies); i++) {
        m->fault = replies[i];

        for (m->fault_at = 1; m->fault_at < 4; m->fault_at++) {
            torus_model_run(m, "list", &res);

            is_int(res.status, 503, "reply %zu is strange %zu", m->fault_at,
                   i);
            like(res.error, "redis localhost:63", "its host is named");
            torus_buf_free(&res.body);
        }
    }

    torus_model_destroy(m);
}


/* A pattern that would hold up the worker is refused, and says why. */
static void
test_costly(void)
{
    torus_model_t   *m;
    torus_result_t   res;

    m = torus_model_create("{ \"TIMESERIES\": { \"s\": { \"type\": \"count\","
                           " \"match\": \"**\", \"intervals\": { \"i\":"
                           " { \"step\": 60 } } } } }", 1700000000);

    torus_model_point(m, "application.frontend-web01.datacenter-europe"
                      ".requests.response_time.p99", "1", 1700000000);

    torus_model_run(m, "list?match=**.requests.**.p9?", &res);
    is_int(res.status, 200, "some wildcards");
    is_mem(res.body.pos, torus_buf_len(&res.body),
           "[\"application.frontend-web01.datacenter-europe"
           ".requests.response_time.p99\"]\n", 76, "find the name");
    torus_buf_free(&res.body);

    torus_model_run(m, "list?match=**?**?**?**?**?**?**?**p?", &res);
    is_int(res.status, 400, "too many are refused");
    is_cstr(res.error, "argument \"match\": too many ways to match a name, "
            "use fewer wildcards", "with the reason");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


int
main(void)
{
    test_vectors("t/vectors/list.json", "/list", 12);
    test_vectors("t/vectors/properties.json", "/properties", 7);
    test_vectors("t/vectors/weekly_upstream.json", "/properties", 3);
    test_hosts();
    test_strangers();
    test_many();
    test_faults();
    test_costly();

    return done_testing();
}
