/*
 * Programmable schemas from end to end in one process: points through the
 * store into a model of Redis, then /series, /list and /properties out of it.
 *
 * What the original did with Python functions in its schema file is done
 * with expressions: a timer hash, dropping, renaming, row functions, macros.
 */

#include "torus_model.h"
#include "torus_function.h"


#define NOW  1400000000           /* in minute 23333333, from 1399999980 */

#define MINUTE  "\"intervals\": {\"minute\": {\"step\": 60, \"steps\": 3}}"


typedef struct {
    const char       *stat;
    const char       *value;
    torus_counter_t   reason;     /* what the point is counted as */
    const char       *keys;       /* all there are after it, and values */
} step_t;


static void test_write_func(void);
static void test_drop(void);
static void test_rename(void);
static void test_names(void);
static void test_value(void);
static void test_several(void);
static void test_twins(void);
static void test_route(void);
static void test_listed(void);
static void test_size(void);
static void test_types(void);
static void test_unique(void);
static void test_macros(void);
static void test_skipped(void);
static void test_million(void);

static void steps(torus_model_t *m, const step_t *steps, size_t n);
static void balanced(torus_model_t *m, const char *what);
static char *keys(torus_model_t *m);
static void body_is(torus_model_t *m, const char *request, const char *body,
    const char *what);
static void fault_is(torus_model_t *m, const char *request, unsigned status,
    const char *reason);
static void count_get(const void *row, size_t i, torus_value_t *value,
    int64_t *count);

#define run(m, s)  steps(m, s, sizeof(s) / sizeof(s[0]))


int
main(void)
{
    test_write_func();
    test_drop();
    test_rename();
    test_names();
    test_value();
    test_several();
    test_twins();
    test_route();
    test_listed();
    test_size();
    test_types();
    test_unique();
    test_macros();
    test_skipped();
    test_million();

    return done_testing();
}


/* '%0.3f' % v and the hash of StatsD's timers, both of the original's. */
static void
test_write_func(void)
{
    torus_model_t  *m;

    static const step_t  points[] = {
        { "t", "-7", TORUS_C_POINTS_ACCEPTED, "t:0=1" },
        { "t", "0.12345", TORUS_C_POINTS_ACCEPTED, "t:0.123=1,t:0=1" },
        { "t", "1.2345", TORUS_C_POINTS_ACCEPTED,
          "t:0.123=1,t:0=1,t:1.23=1" },
        { "t", "7.12", TORUS_C_POINTS_ACCEPTED,
          "t:0.123=1,t:0=1,t:1.23=1,t:7.1=1" },
        { "t", "7.14", TORUS_C_POINTS_ACCEPTED,
          "t:0.123=1,t:0=1,t:1.23=1,t:7.1=2" },
        { "t", "slow", TORUS_C_BAD_VALUE,
          "t:0.123=1,t:0=1,t:1.23=1,t:7.1=2" },
        { "t", "nan", TORUS_C_DROPPED_NAN,
          "t:0.123=1,t:0=1,t:1.23=1,t:7.1=2" },
        { "t", "inf", TORUS_C_BAD_INFINITY,
          "t:0.123=1,t:0=1,t:1.23=1,t:7.1=2" },
    };

    static const step_t  formatted[] = {
        { "t", "2", TORUS_C_POINTS_ACCEPTED, "t:2.000=1" },
        { "t", "2.0004", TORUS_C_POINTS_ACCEPTED, "t:2.000=2" },
    };

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"write_func\": \"v < 0 ? 0 : v < 1 ? fmt('%.3f', v)"
        " : v < 5 ? fmt('%.2f', v) : fmt('%.1f', v)\", " MINUTE "}}}", NOW);

    run(m, points);
    balanced(m, "of a timer hash");
    torus_model_destroy(m);

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"write_func\": \"fmt('%0.3f', v)\", " MINUTE "}}}", NOW);

    run(m, formatted);
    torus_model_destroy(m);
}


/* (None, None) if not 0 <= v <= 3.14 else (s, v) */
static void
test_drop(void)
{
    torus_model_t  *m;

    static const step_t  points[] = {
        { "a", "3.15", TORUS_C_POINTS_TRANSFORMED, "" },
        { "a", "-1", TORUS_C_POINTS_TRANSFORMED, "" },
        { "a", "pi", TORUS_C_BAD_VALUE, "" },
        { "a", "nan", TORUS_C_DROPPED_NAN, "" },
        { "a", "3.14", TORUS_C_POINTS_ACCEPTED, "a:3.14=1" },
        { "a", "0", TORUS_C_POINTS_ACCEPTED, "a:0=1,a:3.14=1" },
        { "debug.x", "1", TORUS_C_POINTS_ACCEPTED,
          "a:0=1,a:3.14=1,debug.x:1=1" },
    };

    static const step_t  named[] = {
        { "debug.x", "1", TORUS_C_POINTS_TRANSFORMED, "" },
        { "debug.x", "any", TORUS_C_POINTS_TRANSFORMED, "" },
        { "a", "1", TORUS_C_POINTS_ACCEPTED, "a:1=1" },
    };

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"transform\": {\"drop\": \"!(0 <= v && v <= 3.14)\"}, "
        MINUTE "}}}", NOW);

    run(m, points);
    balanced(m, "where values are dropped");
    torus_model_destroy(m);

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"transform\": {\"drop\": \"match(s, '^debug\\\\.')\"}, "
        MINUTE "}}}", NOW);

    run(m, named);
    balanced(m, "where names are dropped");
    torus_model_destroy(m);
}


static void
test_rename(void)
{
    torus_model_t  *m;

    static const step_t  points[] = {
        { "web.01.rt", "5", TORUS_C_POINTS_ACCEPTED, "p:www.01.rt=5" },
        { "web.01.rt", "6", TORUS_C_POINTS_ACCEPTED, "p:www.01.rt=11" },
        { "www.01.rt", "1", TORUS_C_POINTS_ACCEPTED, "p:www.01.rt=12" },
        { "sum", "1", TORUS_C_POINTS_ACCEPTED, "p:sum=1,p:www.01.rt=12" },
    };

    static const step_t  by_value[] = {
        { "http", "200", TORUS_C_POINTS_ACCEPTED, "http.200=200" },
        { "http", "404", TORUS_C_POINTS_ACCEPTED,
          "http.200=200,http.404=404" },
        { "http", "200", TORUS_C_POINTS_ACCEPTED,
          "http.200=400,http.404=404" },
    };

    static const step_t  aggregated[] = {
        { "web.01.rt", "5", TORUS_C_POINTS_ACCEPTED,
          "all.web.rt.x=5,web.01.rt.x=5" },
    };

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"type\": \"count\", \"prefix\": \"p\", \"transform\": {\"stat\": "
        "\"replace(s, '^web\\\\.([^.]+)', 'www.\\\\1')\"}, "
        MINUTE "}}}", NOW);

    run(m, points);
    balanced(m, "of renamed stats");
    torus_model_destroy(m);

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"type\": \"count\", \"transform\": {\"stat\": \"s + '.' + v\"}, "
        MINUTE "}}}", NOW);

    run(m, by_value);
    torus_model_destroy(m);

    /* aggregates are of the name as received, the new one is not matched */

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"type\": \"count\", \"transform\": {\"stat\": \"s + '.x'\"}, "
        MINUTE "}}, \"AGGREGATES\": [[\"all.web.rt\", \"web.*.rt\"], "
        "[\"never\", \"web.*.rt.x\"]]}", NOW);

    run(m, aggregated);
    torus_model_destroy(m);
}


/* A new name obeys the rules of Carbon's paths, and has its limit. */
static void
test_names(void)
{
    char            text[2048];
    torus_model_t  *m;

    static const step_t  points[] = {
        { "a", "x..y.", TORUS_C_POINTS_ACCEPTED, "x.y=1" },
        { "a", "", TORUS_C_BAD_PATH, "x.y=1" },
        { "a", "...", TORUS_C_BAD_PATH, "x.y=1" },
        { "a", "b\tc", TORUS_C_BAD_PATH, "x.y=1" },
        { "a", "\xff", TORUS_C_BAD_PATH, "x.y=1" },
        { "a", "n;b=2;a=1", TORUS_C_POINTS_ACCEPTED, "n;a=1;b=2=1,x.y=1" },
        { "a", "n;b", TORUS_C_BAD_PATH, "n;a=1;b=2=1,x.y=1" },
        { "a.b", "x.y", TORUS_C_BAD_VALUE, "n;a=1;b=2=1,x.y=1" },
    };

    static const step_t  longer[] = {
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "1", TORUS_C_BAD_VALUE, "" },
    };

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"type\": \"count\", \"transform\": {\"stat\": "
        "\"len(s) == 1 ? str(v) : part(s, 7)\", \"value\": \"1\"}, " MINUTE
        "}}}", NOW);

    run(m, points);
    balanced(m, "of bad names");
    torus_model_destroy(m);

    /* 60 times 100 bytes have no room; that hangs on the name alone */

    (void) snprintf(text, sizeof(text), "{\"SCHEMAS\": {\"s\": {\"match\": "
                    "\"**\", \"transform\": {\"stat\": \"replace(s, 'a', "
                    "'%0100d')\"}, " MINUTE "}}}", 0);

    m = torus_model_create(text, NOW);
    run(m, longer);
    balanced(m, "of a name without room");
    torus_model_destroy(m);
}


static void
test_value(void)
{
    torus_model_t  *m;

    static const step_t  points[] = {
        { "rt.ms", "1500", TORUS_C_POINTS_ACCEPTED, "rt.ms:1.50=1" },
        { "rt.s", "2", TORUS_C_POINTS_ACCEPTED, "rt.ms:1.50=1,rt.s:2.00=1" },
        { "rt.ms", "x", TORUS_C_BAD_VALUE, "rt.ms:1.50=1,rt.s:2.00=1" },
        { "rt.s", "x", TORUS_C_BAD_VALUE, "rt.ms:1.50=1,rt.s:2.00=1" },
    };

    static const step_t  gauges[] = {
        { "g", " 3.10", TORUS_C_POINTS_ACCEPTED, "g=3.1" },
        { "g", "4", TORUS_C_POINTS_ACCEPTED, "g=4" },
    };

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"write_func\": \"%0.2f\", \"transform\": {\"value\": "
        "\"match(s, '\\\\.ms$') ? v / 1000 : v\"}, " MINUTE "}}}", NOW);

    run(m, points);
    balanced(m, "of changed values");
    torus_model_destroy(m);

    /* "v" alone is the value untouched */

    m = torus_model_create("{\"SCHEMAS\": {\"s\": {\"match\": \"**\", "
        "\"type\": \"gauge\", \"transform\": {\"value\": \"v\"}, "
        MINUTE "}}}", NOW);

    run(m, gauges);
    torus_model_destroy(m);
}


/* What several schemas make of a point is counted once, as one thing. */
static void
test_several(void)
{
    torus_model_t  *m;

    static const step_t  points[] = {
        { "a", "5", TORUS_C_POINTS_ACCEPTED, "all:a=5" },
        { "a", "1", TORUS_C_POINTS_ACCEPTED, "all:a=6,low:a=1" },
        { "a", "x", TORUS_C_BAD_VALUE, "all:a=6,low:a=1" },
        { "b", "5", TORUS_C_POINTS_TRANSFORMED, "all:a=6,low:a=1" },
        { "b", "1", TORUS_C_POINTS_ACCEPTED, "all:a=6,low:a=1,low:b=1" },
    };

    static const step_t  drop_or_bad[] = {
        { "a", "x", TORUS_C_BAD_VALUE, "" },
    };

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"low\": {\"match\": \"**\", \"type\": \"count\", \"prefix\": "
        "\"low\", \"transform\": {\"drop\": \"v > 3\"}, " MINUTE "}, "
        "\"all\": {\"match\": \"a\", \"type\": \"count\", \"prefix\": "
        "\"all\", " MINUTE "}}}", NOW);

    run(m, points);
    balanced(m, "of two schemas");
    is_int(m->counters[TORUS_C_VALUES_SKIPPED], 0,
           "what a schema drops is not skipped");
    torus_model_destroy(m);

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"drop\": {\"match\": \"**\", \"prefix\": \"d\", \"transform\": "
        "{\"drop\": \"true\"}, " MINUTE "}, "
        "\"bad\": {\"match\": \"**\", " MINUTE "}}}", NOW);

    run(m, drop_or_bad);
    balanced(m, "of a schema that drops and one that refuses");
    torus_model_destroy(m);
}


/* Names of a point that a "transform" makes one: it is stored once. */
static void
test_twins(void)
{
    torus_model_t  *m;

    static const step_t  fixed[] = {
        { "a.x", "5", TORUS_C_POINTS_ACCEPTED, "a=5" },
        { "a.y", "1", TORUS_C_POINTS_ACCEPTED, "a=6" },
        { "a.x", "x", TORUS_C_BAD_VALUE, "a=6" },
        { "a.all", "2", TORUS_C_POINTS_ACCEPTED, "a=8" },
        { "b.x", "1", TORUS_C_POINTS_ACCEPTED, "a=8,b=1" },
    };

    static const step_t  made[] = {
        { "a.x", "5", TORUS_C_POINTS_ACCEPTED, "a.high=5" },
        { "a.x", "1", TORUS_C_POINTS_ACCEPTED, "a.all=1,a.high=5,a.x=1" },
        { "a.y", "7", TORUS_C_POINTS_ACCEPTED, "a.all=1,a.high=12,a.x=1" },
    };

    static const step_t  dropped[] = {
        { "a.x", "5", TORUS_C_POINTS_ACCEPTED, "a=5" },
        { "a.x", "1", TORUS_C_POINTS_ACCEPTED, "a=6" },
    };

    static const step_t  schemas[] = {
        { "a.x", "5", TORUS_C_POINTS_ACCEPTED, "p:a=5,q:a=5" },
    };

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"one\": {\"match\": \"**\", \"type\": \"count\", "
        "\"transform\": {\"stat\": \"part(s, 0)\"}, " MINUTE "}}, "
        "\"AGGREGATES\": [[\"<x>.all\", \"<x>.*\"]]}", NOW);

    run(m, fixed);
    balanced(m, "of names that become one");
    torus_model_destroy(m);

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"one\": {\"match\": \"**\", \"type\": \"count\", \"transform\": "
        "{\"stat\": \"v > 3 ? part(s, 0) + '.high' : s\"}, " MINUTE "}}, "
        "\"AGGREGATES\": [[\"<x>.all\", \"<x>.*\"]]}", NOW);

    run(m, made);
    balanced(m, "of names that some values make one");
    torus_model_destroy(m);

    /* the first of the two is not stored, so that the second is */

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"one\": {\"match\": \"**\", \"type\": \"count\", \"transform\": "
        "{\"stat\": \"part(s, 0)\", "
        "\"drop\": \"v < 3 && s == 'a.x'\"}, " MINUTE "}}, "
        "\"AGGREGATES\": [[\"<x>.all\", \"<x>.*\"]]}", NOW);

    run(m, dropped);
    balanced(m, "of names that become one, where one may be dropped");
    torus_model_destroy(m);

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"p\": {\"match\": \"**\", \"type\": \"count\", \"prefix\": \"p\", "
        "\"transform\": {\"stat\": \"part(s, 0)\"}, " MINUTE "}, "
        "\"q\": {\"match\": \"**\", \"type\": \"count\", \"prefix\": \"q\", "
        "\"transform\": {\"stat\": \"part(s, 0)\"}, " MINUTE "}}, "
        "\"AGGREGATES\": [[\"<x>.all\", \"<x>.*\"]]}", NOW);

    run(m, schemas);
    balanced(m, "of two schemas, each of which stores it once");
    torus_model_destroy(m);
}


/* What hangs on the name alone is found with the route. */
static void
test_route(void)
{
    torus_model_t        *m;
    const torus_route_t  *route;

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"fixed\": {\"match\": \"**\", \"prefix\": \"p\", \"transform\": "
        "{\"stat\": \"upper(s)\", \"drop\": \"len(s) > 3\"}, " MINUTE "}, "
        "\"value\": {\"match\": \"**\", \"transform\": {\"stat\": "
        "\"s + str(v)\", \"drop\": \"v > 1\"}, " MINUTE "}, "
        "\"plain\": {\"match\": \"**\", \"prefix\": \"q\", \"transform\": "
        "{\"value\": \"v * 2\"}, " MINUTE "}}}", NOW);

    route = torus_router_find(m->store.router, torus_str("abc", 3));
    route = torus_router_find(m->store.router, torus_str("abc", 3));

    if (ok(route->ntargets == 3, "a route of three schemas")) {
        is_str(route->targets[0].stem, "p:ABC:", "a name made once");
        is_str(route->targets[0].stat, "abc", "the name it is made of");
        is_int(route->targets[0].drop, TORUS_DROP_NO, "kept once and for all");
        is_str(route->targets[1].stem, "", "a name to be made of each value");
        is_str(route->targets[1].stat, "abc", "of this one");
        is_int(route->targets[1].drop, TORUS_DROP_ASK, "to be asked each time");
        is_str(route->targets[2].stem, "q:abc:", "a name as it was");
        is_str(route->targets[2].stat, "abc", "within it");
        is_int(route->targets[2].drop, TORUS_DROP_NO, "nothing to drop");
    }

    route = torus_router_find(m->store.router, torus_str("abcd", 4));

    is_int(route->targets[0].drop, TORUS_DROP_YES, "dropped by its name");

    torus_model_destroy(m);
}


/* Renamed stats are listed, and found without being told where. */
static void
test_listed(void)
{
    torus_model_t  *m;

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"web\": {\"match\": \"web.*\", \"type\": \"count\", \"final\": true, "
        "\"transform\": {\"stat\": \"'www.' + part(s, -1)\"}, " MINUTE "}, "
        "\"db\": {\"match\": \"db.*\", \"type\": \"count\", " MINUTE "}, "
        "\"pre\": {\"match\": \"x\", \"type\": \"count\", \"prefix\": \"p\", "
        MINUTE "}}}", NOW);

    torus_model_point(m, "web.1", "5", NOW);
    torus_model_point(m, "db.1", "7", NOW);
    torus_model_point(m, "x", "9", NOW);

    body_is(m, "list", "[\"db.1\",\"www.1\",\"x\"]\n",
            "names that match no pattern are listed");
    body_is(m, "list?schema=web", "[\"www.1\"]\n",
            "but those of other schemas are not among them");
    body_is(m, "list?schema=db", "[\"db.1\"]\n", "nor the other way round");
    body_is(m, "list?match=www.*", "[\"www.1\"]\n", "they can be searched");

    body_is(m, "properties?stat=www.1", "{\"www.1\":{\"web\":{\"minute\":"
            "{\"first\":1399999980,\"last\":1399999980}}}}\n",
            "they have properties");
    body_is(m, "properties?stat=db.1", "{\"db.1\":{\"db\":{\"minute\":"
            "{\"first\":1399999980,\"last\":1399999980}}}}\n",
            "a name of another schema is that one's alone");
    body_is(m, "properties?stat=none", "{\"none\":{}}\n", "or nobody's");

    body_is(m, "delete?stat=www.1&dry_run=1",
            "{\"would_delete\":{\"stats\":1,\"keys\":1},"
            "\"names\":[\"www.1\"]}\n",
            "they can be removed");
    body_is(m, "series?stat=www.1&steps=1&format=json",
            "[{\"stat\":\"www.1\",\"stat_name\":\"www.1\",\"target\":\"www.1\","
            "\"schema\":\"web\",\"interval\":\"minute\",\"datapoints\":"
            "{\"1399999980\":5}}]\n", "and data");

    torus_model_destroy(m);
}


#define HEAD(stat, name, fname, schema)                                       \
    "{\"stat\":\"" stat "\",\"stat_name\":\"" name "\",\"target\":\"" name    \
    "\"," fname "\"schema\":\"" schema "\",\"interval\":\"minute\","          \
    "\"datapoints\":"

#define FUNC(name)  "\"function\":\"" name "\","


/* TRANSFORMS: the number of elements of a row. */
static void
test_size(void)
{
    torus_model_t  *m;

    m = torus_model_create("{\"SCHEMAS\": {\"h\": {\"match\": \"**\", " MINUTE
        "}}, \"TRANSFORMS\": {\"size\": \"len(values)\", "
        "\"per_second\": \"sum(values * counts) / duration\"}}", NOW);

    torus_model_point(m, "a", "1", NOW - 60);
    torus_model_point(m, "a", "1", NOW);
    torus_model_point(m, "a", "2", NOW);
    torus_model_point(m, "a", "2", NOW);
    torus_model_point(m, "b", "2.0", NOW);
    torus_model_point(m, "b", "3.5", NOW);

    body_is(m, "series?stat=size(a)", "[" HEAD("size(a)", "a", FUNC("size"),
            "h") "[[null,1399999860],[1,1399999920],[2,1399999980]]}]\n",
            "size is the number of elements");
    body_is(m, "series?stat=size(a,b)&steps=1", "[" HEAD("size(a,b)", "a,b",
            FUNC("size"), "h") "[[3,1399999980]]}]\n",
            "of joined stats those of both, each once");
    body_is(m, "series?stat=size(a)&collapse=1", "[" HEAD("size(a)", "a",
            FUNC("size"), "h") "[[2,1399999860]]}]\n",
            "of collapsed buckets those of all");
    body_is(m, "series?stat=size(a)&format=json", "[" HEAD("size(a)", "a",
            FUNC("size"), "h") "{\"1399999860\":0,\"1399999920\":1,"
            "\"1399999980\":2}}]\n", "of nothing it is 0");
    body_is(m, "series?stat=per_second(a)&steps=1", "[" HEAD("per_second(a)",
            "a", FUNC("per_second"), "h")
            "[[0.08333333333333333,1399999980]]}]\n",
            "duration is that of the bucket");
    body_is(m, "series?stat=per_second(a)&steps=2&collapse=1", "["
            HEAD("per_second(a)", "a", FUNC("per_second"), "h")
            "[[0.05,1399999920]]}]\n", "or of those collapsed");

    fault_is(m, "series?stat=sizes(a)", 400,
             "argument \"stat\": unknown function \"sizes\"");

    torus_model_destroy(m);
}


static void
test_types(void)
{
    torus_model_t  *m;

    m = torus_model_create("{\"SCHEMAS\": {"
        "\"series\": {\"match\": \"series\", \"type\": \"series\", " MINUTE
        "}, \"count\": {\"match\": \"count\", \"type\": \"count\", " MINUTE
        "}, \"gauge\": {\"match\": \"gauge\", \"type\": \"gauge\", " MINUTE
        "}, \"set\": {\"match\": \"set\", \"type\": \"set\", \"write_func\": "
        "\"string\", \"read_func\": \"upper(v)\", " MINUTE "}}, "
        "\"TRANSFORMS\": {\"n\": \"len(values)\", \"top\": \"max(values)\", "
        "\"gets\": \"count(values == 'GET')\"}}", NOW);

    torus_model_point(m, "series", "3", NOW);
    torus_model_point(m, "series", "3", NOW);
    torus_model_point(m, "count", "3", NOW);
    torus_model_point(m, "count", "4", NOW);
    torus_model_point(m, "gauge", "3", NOW);
    torus_model_point(m, "gauge", "5.5", NOW);
    torus_model_point(m, "set", "get", NOW);
    torus_model_point(m, "set", "Get", NOW);
    torus_model_point(m, "set", "post", NOW);

    body_is(m, "series?stat=n(series)&stat=n(count)&stat=n(gauge)&stat=n(set)"
            "&steps=1",
            "[" HEAD("n(series)", "series", FUNC("n"), "series")
            "[[2,1399999980]]},"
            HEAD("n(count)", "count", FUNC("n"), "count") "[[1,1399999980]]},"
            HEAD("n(gauge)", "gauge", FUNC("n"), "gauge") "[[1,1399999980]]},"
            HEAD("n(set)", "set", FUNC("n"), "set") "[[2,1399999980]]}]\n",
            "a count or gauge is a row of one");

    body_is(m, "series?stat=n(count)&stat=n(gauge)&stat=top(gauge)&steps=1"
            "&format=json&end=1399999920",
            "[" HEAD("n(count)", "count", FUNC("n"), "count")
            "{\"1399999920\":0}},"
            HEAD("n(gauge)", "gauge", FUNC("n"), "gauge")
            "{\"1399999920\":0}},"
            HEAD("top(gauge)", "gauge", FUNC("top"), "gauge")
            "{\"1399999920\":null}}]\n", "or of none");

    body_is(m, "series?stat=top(count)&stat=top(gauge)&stat=gets(set)&steps=1",
            "[" HEAD("top(count)", "count", FUNC("top"), "count")
            "[[7,1399999980]]},"
            HEAD("top(gauge)", "gauge", FUNC("top"), "gauge")
            "[[5.5,1399999980]]},"
            HEAD("gets(set)", "set", FUNC("gets"), "set")
            "[[1,1399999980]]}]\n", "numbers and texts as read_func made them");

    torus_model_destroy(m);
}


/*
 * The original's macro "unique": how many distinct values a histogram held
 * over a range, as one number.  There it asked Redis for the HLEN of each
 * bucket and added them up; here a value of two buckets counts once.
 */
static void
test_unique(void)
{
    torus_model_t  *m;

    m = torus_model_create("{\"SCHEMAS\": {\"h\": {\"match\": \"**\", " MINUTE
        "}}, \"MACROS\": {\"unique\": {\"transform\": \"size\", \"collapse\": "
        "true}}, \"TRANSFORMS\": {\"size\": \"len(values)\"}}", NOW);

    torus_model_point(m, "user", "17", NOW - 120);
    torus_model_point(m, "user", "17", NOW - 60);
    torus_model_point(m, "user", "4", NOW - 60);
    torus_model_point(m, "user", "5", NOW);
    torus_model_point(m, "user", "5", NOW);

    body_is(m, "series?stat=unique(user)", "[" HEAD("unique(user)", "user",
            FUNC("size"), "h") "[[3,1399999860]]}]\n",
            "unique is one number for the range");
    body_is(m, "series?stat=unique(user)&steps=2", "[" HEAD("unique(user)",
            "user", FUNC("size"), "h") "[[3,1399999920]]}]\n",
            "which the request may choose");
    body_is(m, "series?stat=unique(user)&stat=size(user)&steps=2", "["
            HEAD("unique(user)", "user", FUNC("size"), "h")
            "[[3,1399999920]]}," HEAD("size(user)", "user", FUNC("size"), "h")
            "[[2,1399999920],[1,1399999980]]}]\n",
            "what a macro sets is for its stat alone");

    torus_model_destroy(m);
}


static void
test_macros(void)
{
    torus_model_t  *m;

    m = torus_model_create("{\"SCHEMAS\": {\"c\": {\"match\": \"**\", "
        "\"type\": \"count\", \"intervals\": {"
        "\"minute\": {\"step\": 60, \"steps\": 3}, "
        "\"hour\": {\"step\": 3600, \"steps\": 2}}}, "
        "\"other\": {\"match\": \"none\", \"type\": \"count\", " MINUTE "}}, "
        "\"MACROS\": {"
        "\"one\": {\"steps\": 1}, "
        "\"hourly\": {\"interval\": \"hour\", \"transform\": \"sum\"}, "
        "\"zero\": {\"fill\": \"0\", \"steps\": 2}, "
        "\"raw\": {\"format\": \"json\", \"steps\": 1}, "
        "\"table\": {\"format\": \"csv\", \"steps\": 1}, "
        "\"then\": {\"start\": \"1399999980\", \"end\": \"1399999980\"}, "
        "\"ago\": {\"start\": \"2 minutes ago\", \"end\": \"now\"}, "
        "\"there\": {\"schema\": \"other\", \"steps\": 1}}}", NOW);

    torus_model_point(m, "a", "5", NOW);

    body_is(m, "series?stat=one(a)&steps=2&fill=none", "[" HEAD("one(a)",
            "a", FUNC("mean"), "c") "[[5,1399999980]]}]\n",
            "a macro's parameters override the request's");
    body_is(m, "series?stat=zero(a)&fill=none&steps=3", "[" HEAD("zero(a)",
            "a", FUNC("mean"), "c") "[[0,1399999920],[5,1399999980]]}]\n",
            "what is filled");
    body_is(m, "series?stat=then(a)&steps=3", "[" HEAD("then(a)", "a",
            FUNC("mean"), "c") "[[5,1399999980]]}]\n", "the range");
    body_is(m, "series?stat=ago(a)", "[" HEAD("ago(a)", "a", FUNC("mean"),
            "c") "[[null,1399999860],[null,1399999920],[5,1399999980]]}]\n",
            "a range in words");
    body_is(m, "series?stat=there(a)", "[" HEAD("there(a)", "a", FUNC("mean"),
            "other") "[[5,1399999980]]}]\n", "the schema");
    body_is(m, "series?stat=hourly(a)&stat=a&steps=1", "[{\"stat\":"
            "\"hourly(a)\",\"stat_name\":\"a\",\"target\":\"a\","
            FUNC("sum") "\"schema\":\"c\",\"interval\":\"hour\","
            "\"datapoints\":[[5,1399996800]]},"
            HEAD("a", "a", FUNC("mean"), "c") "[[5,1399999980]]}]\n",
            "the interval, of its stat alone");
    body_is(m, "series?stat=raw(a)&format=csv", "[" HEAD("raw(a)", "a", "",
            "c") "{\"1399999980\":5}}]\n", "the format");
    body_is(m, "series?stat=a&stat=table(a)&steps=1&format=json",
            "stat,timestamp,value\r\na,1399999980,5\r\n"
            "table(a),1399999980,5\r\n", "which is one for all stats");
    body_is(m, "series?stat=one(a)&stat=one(b)&fill=none", "["
            HEAD("one(a)", "a", FUNC("mean"), "c") "[[5,1399999980]]},"
            HEAD("one(b)", "b", FUNC("mean"), "c") "[]}]\n",
            "two stats of one macro");

    fault_is(m, "series?stat=raw(a)&stat=table(a)", 400, "argument \"stat\": "
             "macros of one request ask for more than one format");
    fault_is(m, "series?stat=one(a)&steps=x", 400, "argument \"steps\" must "
             "be a number of buckets, not \"x\"");

    torus_model_destroy(m);
}


/* Texts where numbers are needed are left out and counted. */
static void
test_skipped(void)
{
    torus_model_t   *m;
    torus_result_t   res;

    m = torus_model_create("{\"SCHEMAS\": {\"h\": {\"match\": \"**\", "
        "\"write_func\": \"string\", \"read_func\": \"v\", " MINUTE
        "}}, \"TRANSFORMS\": {\"total\": \"sum(values)\"}}", NOW);

    torus_model_point(m, "a", "1", NOW);
    torus_model_point(m, "a", "n/a", NOW);
    torus_model_point(m, "a", "2", NOW);

    torus_model_run(m, "series?stat=total(a)&steps=1", &res);

    is_str(torus_str(res.body.pos, torus_buf_len(&res.body)), "["
           HEAD("total(a)", "a", FUNC("total"), "h") "[[3,1399999980]]}]\n",
           "the others are added up");
    is_int(res.stats.unreadable, 1, "one was left out");

    torus_buf_free(&res.body);
    torus_model_destroy(m);
}


typedef struct {
    const torus_item_t  *items;
    uint64_t            *gets;
} counted_t;


/*
 * A row of a million values is read where it is, element by element and
 * once for each reduction: what is made of it takes no memory at all.
 */
static void
test_million(void)
{
    int                  rc;
    size_t               i, n, skipped;
    uint64_t             gets, left_out;
    counted_t            counted;
    torus_row_t          row;
    torus_call_t         call;
    torus_expr_t        *expr;
    torus_value_t        v;
    torus_arena_t       *arena;
    torus_error_t        err;
    unsigned char        room[TORUS_EXPR_SCRATCH];
    torus_scratch_t      scratch;
    torus_expr_row_t     values;
    torus_expr_env_t     env;
    torus_expr_input_t   in;

    n = 1000000;
    gets = 0;
    skipped = 0;
    left_out = 0;

    arena = torus_arena_create(65536, 0);

    env.scope = TORUS_EXPR_OF_ROW;
    env.result = TORUS_EXPR_TO_NUMBER;

    rc = torus_expr_compile(arena, torus_test_z("sqrt(mean((values - "
                            "mean(values)) ** 2)) + len(values) + "
                            "max(values) - mean(values)"),
                            &env, &expr, &err, NULL);
    is_int(rc, TORUS_OK, "an expression of several reductions");

    torus_row_init(&row, TORUS_SERIES);

    memset(&v, 0, sizeof(v));
    v.kind = TORUS_VALUE_INT;

    for (i = 0; i < n; i++) {
        v.i = (int64_t) (i & 1);
        torus_row_add(&row, arena, &v, 1);
    }

    memset(&call, 0, sizeof(call));
    call.seconds = 60;
    call.expr = expr;
    call.skipped = &left_out;

    /* with an arena that is not there, nothing can be copied */

    rc = torus_function_apply(torus_function_expr(), &call, &row, &v);

    is_int(rc, TORUS_OK, "a row of a million values");
    is_double_near(torus_number_double(&v), 1000001.0, 1e-6, "its result");
    is_int(row.nitems, n, "and the row is as it was");

    counted.items = row.items;
    counted.gets = &gets;

    values.row = &counted;
    values.n = n;
    values.get = count_get;

    memset(&in, 0, sizeof(in));
    in.values = &values;
    in.skipped = &skipped;

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_expr_eval(expr, &in, &v, &scratch);

    is_int(rc, TORUS_OK, "the same, counted");
    ok(gets >= n && gets <= 4 * n, "four reductions take four passes at most: "
       "%" PRIu64 " of %zu elements", gets, n);

    torus_arena_destroy(arena);
}


static void
count_get(const void *row, size_t i, torus_value_t *value, int64_t *count)
{
    const counted_t *counted = row;

    (*counted->gets)++;

    *value = counted->items[i].value;
    *count = counted->items[i].n;
}


static void
steps(torus_model_t *m, const step_t *steps, size_t n)
{
    int               rc;
    char             *got;
    size_t            i;
    torus_counter_t   reason;

    for (i = 0; i < n; i++) {
        reason = TORUS_COUNTERS_N;

        rc = torus_store_point(&m->store, torus_test_z(steps[i].stat),
                               torus_test_z(steps[i].value), NOW, NOW,
                               &reason);

        is_int(rc, steps[i].reason == TORUS_C_POINTS_ACCEPTED
                   ? TORUS_OK : TORUS_DECLINED, "\"%s %s\"", steps[i].stat,
               steps[i].value);
        is_cstr(torus_counter_name(reason),
                torus_counter_name(steps[i].reason), "what it counts as");

        got = keys(m);
        is_cstr(got, steps[i].keys, "and what there is after it");
        free(got);
    }
}


/* The identity of points, as torus_counter.h has it. */
static void
balanced(torus_model_t *m, const char *what)
{
    uint64_t  sum, *c;

    c = m->counters;

    sum = c[TORUS_C_BAD_LINE] + c[TORUS_C_BAD_LENGTH] + c[TORUS_C_BAD_PATH]
          + c[TORUS_C_BAD_VALUE] + c[TORUS_C_BAD_TIMESTAMP]
          + c[TORUS_C_BAD_INFINITY] + c[TORUS_C_DROPPED_NAN]
          + c[TORUS_C_DROPPED_FUTURE] + c[TORUS_C_DROPPED_OVERFLOW]
          + c[TORUS_C_POINTS_UNMATCHED] + c[TORUS_C_POINTS_TRANSFORMED]
          + c[TORUS_C_POINTS_ACCEPTED];

    is_int(sum, c[TORUS_C_POINTS_RECEIVED], "each point counts once %s",
           what);
}


/* "stat=value,..", "stat:field=n" of a histogram, sorted, without buckets. */
static char *
keys(torus_model_t *m)
{
    char        *text, name[512];
    size_t       i, n, len, size;
    json_t      *key, *value, *one, *all;
    const char  *k, *f, *end;

    all = json_object();

    json_object_foreach(m->dbs[0], k, key) {
        value = json_object_get(key, "value");

        end = strstr(k, ":minute:");
        len = (size_t) (end - k);

        if (json_is_string(value)) {
            snprintf(name, sizeof(name), "%.*s=%s", (int) len, k,
                     json_string_value(value));
            json_object_set_new(all, name, json_null());
            continue;
        }

        json_object_foreach(value, f, one) {
            snprintf(name, sizeof(name), "%.*s:%s=%d", (int) len, k, f,
                     (int) json_integer_value(one));
            json_object_set_new(all, name, json_null());
        }
    }

    text = json_dumps(all, JSON_SORT_KEYS|JSON_COMPACT);
    json_decref(all);

    /* {"a":null,"b":null} */

    size = strlen(text);
    n = 0;

    for (i = 0; i < size; i++) {

        if (strncmp(text + i, "\":null", 6) == 0) {
            i += 5;

        } else if (text[i] != '"' && text[i] != '{' && text[i] != '}') {
            text[n++] = text[i];
        }
    }

    text[n] = '\0';

    return text;
}


static void
body_is(torus_model_t *m, const char *request, const char *body,
    const char *what)
{
    torus_result_t  res;

    torus_model_run(m, request, &res);

    is_str(torus_str(res.body.pos, torus_buf_len(&res.body)), body, "%s: %s",
           request, what);

    torus_buf_free(&res.body);
}


static void
fault_is(torus_model_t *m, const char *request, unsigned status,
    const char *reason)
{
    torus_result_t  res;

    torus_model_run(m, request, &res);

    is_int(res.status, status, "%s", request);
    is_cstr(res.error, reason, "and why");

    torus_buf_free(&res.body);
}
