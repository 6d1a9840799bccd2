/*
 * The packed layout against that of kairos: the same points through both, in
 * all types and over calendar steps and resolutions that do not divide them,
 * and then the same answers, byte for byte, to whatever is asked.
 */

#include "torus_model.h"


#define NOW  1709210000     /* 2024-02-29 12:33:20 */

#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


static const char  intervals[] =
    "\"intervals\": {"
    "  \"h\": { \"step\": \"1h\", \"steps\": 6, \"resolution\": 60,"
    "    \"layout\": \"%s\" },"
    "  \"odd\": { \"step\": 1000, \"steps\": 9, \"resolution\": 70,"
    "    \"layout\": \"%s\" },"
    "  \"mon\": { \"step\": \"monthly\", \"steps\": 2,"
    "    \"resolution\": \"daily\", \"layout\": \"%s\" },"
    "  \"y\": { \"step\": \"yearly\", \"resolution\": \"weekly\","
    "    \"layout\": \"%s\" } }";


static const char *const  types[] = {
    "count", "gauge", "histogram", "series", "set"
};


static torus_model_t *
model(const char *layout, const char *more)
{
    char            set[1024], text[8192], *p;
    size_t          i;
    torus_model_t  *m;

    snprintf(set, sizeof(set), intervals, layout, layout, layout, layout);

    p = text + sprintf(text, "{ \"TIMESERIES\": {");

    for (i = 0; i < number_of(types); i++) {
        p += sprintf(p, "%s\"%s\": { \"type\": \"%s\", \"match\": \"%s.*\","
                     "\"host\": \"h%zu:1/0\", %s %s }", i == 0 ? "" : ",",
                     types[i], types[i], types[i], i / 2, more, set);
    }

    sprintf(p, "} }");

    m = torus_model_create(text, NOW);
    torus_model_index(m);

    return m;
}


/* Late and early, whole and not, texts where they are values. */
static void
points(torus_model_t *m)
{
    char      stat[32], value[32];
    size_t    i;
    int64_t   ago;
    uint32_t  x;

    x = 7;

    for (i = 0; i < 4000; i++) {
        x = x * 1664525 + 1013904223;

        snprintf(stat, sizeof(stat), "%s.%c", types[i % 5],
                 'a' + (int) (x >> 24) % 3);

        switch (x >> 28) {

        case 0:
            snprintf(value, sizeof(value), "%u.5", x >> 16 & 15);
            break;

        case 1:
            snprintf(value, sizeof(value), "-%u", x >> 16 & 15);
            break;

        case 2:
            snprintf(value, sizeof(value), "0");
            break;

        default:
            snprintf(value, sizeof(value), "%u", x >> 16 & 63);
        }

        ago = x >> 8 & 0x1fff;

        if (i % 7 == 0) {
            ago *= 977;
        }

        torus_model_point(m, stat, value, NOW - ago);
    }
}


static const char *const  requests[] = {
    "series?stat=%s.a&interval=h",
    "series?stat=%s.a&interval=h&format=json",
    "series?stat=%s.a&interval=h&format=csv",
    "series?stat=%s.a&interval=h&format=json&condense=1",
    "series?stat=%s.a&interval=h&format=json&collapse=1",
    "series?stat=%s.a&interval=h&collapse=1",
    "series?stat=%s.a,%s.b&interval=h",
    "series?stat=%s.b,%s.a&interval=h&format=json",
    "series?stat=%s.b,%s.a&interval=h&format=json&condense=1",
    "series?stat=%s.a,%s.nobody&interval=h&format=json",
    "series?stat=sum(%s.a)&interval=h",
    "series?stat=sum(%s.a)&interval=h&format=json",
    "series?stat=last(%s.a)&interval=h&format=json",
    "series?stat=first(%s.a,%s.c)&interval=odd&format=json&condense=1",
    "series?stat=max(%s.a)&interval=h&fill=linear&steps=12",
    "series?stat=%s.a&interval=h&fill=previous&steps=12",
    "series?stat=%s.a&interval=h&fill=none&steps=12",
    "series?stat=%s.a&interval=odd",
    "series?stat=%s.a&interval=odd&format=json",
    "series?stat=%s.a,%s.b&interval=odd&format=json&condense=1",
    "series?stat=%s.a&interval=mon&format=json",
    "series?stat=%s.a&interval=mon&format=json&condense=1",
    "series?stat=%s.a&interval=y&format=json&steps=3",
    "series?stat=%s.a&stat=%s.b&stat=%s.nobody&interval=h&steps=2",
    "series?stat=%s.a&interval=h&start=1709206000&end=1709208000&format=json",
    "properties?stat=%s.a&stat=%s.b&stat=%s.nobody",
    "list?match=%s.*",
    "list",
    "render?target=%s.a&from=-3h&until=now&format=json",
    "render?target=%s.*&from=-20min&until=-3min&format=json",
    ("render?target=sumSeries(%s.*)&from=-90min&format=json"
     "&maxDataPoints=7"),
    "render?target=interval(%s.a,\"odd\")&from=-1h&format=csv",
    "render?target=interval(%s.a,\"mon\")&from=-40d&format=json",
    "render?target=interval(%s.*,\"y\")&from=-300d&format=json",
    "render?target=summarize(%s.b,\"10min\")&from=-2h&format=json",
    "render?target=percentile(%s.*,90)&from=-2h&format=json",
    "render?target=count(%s.a)&target=sum(%s.b)&from=-2h&format=json",
    "metrics/find?query=%s.*",
};


static void
compare(torus_model_t *a, torus_model_t *b, const char *request)
{
    char            text[600];
    torus_result_t  x, y;

    torus_model_run(a, request, &x);
    torus_model_run(b, request, &y);

    snprintf(text, sizeof(text), "%s: %u", request, x.status);

    is_int(y.status, x.status, "%s", text);
    is_mem(y.body.pos, torus_buf_len(&y.body), x.body.pos,
           torus_buf_len(&x.body), "%s, the same body", text);
    is_int((int64_t) y.stats.rows, (int64_t) x.stats.rows,
           "%s, as many rows", text);
    is_int((int64_t) y.stats.unreadable, (int64_t) x.stats.unreadable,
           "%s, as much unreadable", text);

    torus_buf_free(&x.body);
    torus_buf_free(&y.body);
}


static void
compare_all(torus_model_t *a, torus_model_t *b)
{
    char    text[512];
    size_t  i, k;

    for (i = 0; i < number_of(requests); i++) {
        for (k = 0; k < number_of(types); k++) {
            snprintf(text, sizeof(text), requests[i], types[k], types[k],
                     types[k]);
            compare(a, b, text);
        }
    }
}


static void
test_alike(const char *more)
{
    size_t          i;
    torus_model_t  *kairos, *packed;

    static const size_t  slices[] = { 1, 64, 0 };

    kairos = model("kairos", more);
    packed = model("packed", more);

    points(kairos);
    points(packed);

    for (i = 0; i < number_of(slices); i++) {
        kairos->limits.slice = slices[i];
        packed->limits.slice = slices[i];

        compare_all(kairos, packed);
    }

    torus_model_destroy(kairos);
    torus_model_destroy(packed);
}


/* One round trip, and a command per bucket and name. */
static void
test_rounds(void)
{
    size_t          i;
    torus_model_t  *m;
    torus_result_t  res;

    static const struct {
        const char  *request;
        uint64_t     rounds, batches, commands;
    } cases[] = {
        { "series?stat=count.a&interval=h", 1, 1, 6 },
        { "series?stat=count.a,count.b&interval=h&format=json", 1, 1, 12 },
        { "series?stat=count.a&stat=set.a&interval=h&steps=3", 1, 2, 6 },
        { "series?stat=nobody.a&interval=h", 0, 0, 0 },
        { "render?target=gauge.a&from=-50min&format=json", 1, 1, 2 },
    };

    m = model("packed", "");
    points(m);

    for (i = 0; i < number_of(cases); i++) {
        torus_model_run(m, cases[i].request, &res);

        is_int((int64_t) res.stats.rounds, (int64_t) cases[i].rounds,
               "%s: rounds", cases[i].request);
        is_int((int64_t) res.stats.batches, (int64_t) cases[i].batches,
               "%s: batches", cases[i].request);
        is_int((int64_t) res.stats.commands, (int64_t) cases[i].commands,
               "%s: commands", cases[i].request);
        torus_buf_free(&res.body);
    }

    torus_model_destroy(m);
}


/* What is in the keys. */
static void
test_contents(void)
{
    size_t          i, k;
    char           *got, stat[32], key[64];
    json_t         *value;
    torus_model_t  *m;

    static const struct {
        const char  *type;
        const char  *held;
    } cases[] = {
        { "count", "{\"0\":\"3\",\"59\":\"2.5\"}" },
        { "gauge", "{\"0\":\"2\",\"59\":\"2.5\"}" },
        { "histogram", "{\"0:1\":1,\"0:2\":1,\"59:2.5\":1}" },
        { "series", "[\"0:1\",\"0:2\",\"59:2.5\"]" },
        { "set", "{\"0:1\":1,\"0:2\":1,\"59:2.5\":1}" },
    };

    m = model("packed", "");

    for (i = 0; i < number_of(cases); i++) {
        snprintf(stat, sizeof(stat), "%s.x", cases[i].type);

        torus_model_point(m, stat, "1", 1709208000);
        torus_model_point(m, stat, "2", 1709208059);
        torus_model_point(m, stat, "2.5", 1709211599);

        snprintf(key, sizeof(key), "%s:h:%d", stat, 1709208000 / 3600);

        for (k = 0; k < m->set->nhosts; k++) {
            value = torus_model_get(m, k, key);

            if (value == NULL) {
                continue;
            }

            got = json_dumps(json_object_get(value, "value"),
                             JSON_COMPACT | JSON_SORT_KEYS);
            is_cstr(got, cases[i].held, "%s", key);
            free(got);
            break;
        }

        ok(k < m->set->nhosts, "%s is there", key);
    }

    torus_model_destroy(m);
}


/* What somebody else put there costs itself only. */
static void
test_strangers(void)
{
    size_t          i;
    json_t         *key;
    torus_model_t  *m;
    torus_result_t  res;

    static const char *const  fields[] = {
        "x", "", "60", "-1", "00", "1.5", "0 ", "99999999999999999999", "1:2",
        "28486800"
    };

    m = model("packed", "");

    torus_model_point(m, "count.a", "5", 1709208000);
    torus_model_point(m, "count.a", "7", 1709208060);

    key = torus_model_key(m, 0, "count.a:h:474780", "hash");

    for (i = 0; i < number_of(fields); i++) {
        json_object_set_new(key, fields[i], json_string("1"));
    }

    json_object_set_new(key, "3", json_string("three"));

    torus_model_run(m, "series?stat=count.a&interval=h&start=1709208000"
                    "&steps=1&format=json", &res);
    torus_buf_add(&res.body, "", 1);

    like((char *) res.body.pos,
         "\"datapoints\":{\"1709208000\":{\"1709208000\":5,"
         "\"1709208060\":7}}", "strange fields and values are skipped");
    is_int((int64_t) res.stats.unreadable, (int64_t) number_of(fields) + 1,
           "and counted");
    torus_buf_free(&res.body);

    /* a key of the kairos layout */

    torus_model_key(m, 0, "count.b:h:474780", "set");

    torus_model_run(m, "series?stat=count.b&interval=h&start=1709208000"
                    "&steps=1", &res);
    is_int(res.status, 200, "a key of another type is no fault");
    is_int((int64_t) res.stats.unreadable, 1, "and counted");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


/* Afterwards neither has anything. */
static void
test_delete(void)
{
    torus_model_t  *kairos, *packed;
    torus_result_t  res;

    kairos = model("kairos", "");
    packed = model("packed", "");

    points(kairos);
    points(packed);

    torus_model_run(packed, "delete?stat=histogram.a&stat=count.b", &res);
    torus_buf_add(&res.body, "", 1);
    like((char *) res.body.pos, "{\"deleted\":{\"stats\":2,",
         "delete");
    torus_buf_free(&res.body);

    torus_model_run(kairos, "delete?stat=histogram.a&stat=count.b", &res);
    torus_buf_free(&res.body);

    compare_all(kairos, packed);

    torus_model_destroy(kairos);
    torus_model_destroy(packed);
}


int
main(void)
{
    test_alike("");
    test_alike("\"rolling\": 2, \"prefix\": \"p\", \"fold\": \"max\",");
    test_alike("\"read_func\": \"v * 2\", \"zeros\": \"drop\",");
    test_rounds();
    test_contents();
    test_strangers();
    test_delete();

    return done_testing();
}
