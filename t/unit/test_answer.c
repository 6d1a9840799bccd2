/*
 * The formats: whole bodies, written out, for every type and format, with
 * and without a function, filled in each way, condensed and collapsed.  The
 * data comes through the whole read path, so that a format is tested with
 * rows as they really are.
 */

#include "torus_model.h"


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"ser\": { \"type\": \"series\", \"match\": \"ser.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 4 },"
    "      \"r\": { \"step\": 20, \"resolution\": 10 } } },"
    "  \"his\": { \"type\": \"histogram\", \"match\": \"his.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 4 },"
    "      \"r\": { \"step\": 20, \"steps\": 2, \"resolution\": 10 } } },"
    "  \"cnt\": { \"type\": \"count\", \"match\": \"cnt.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 6 },"
    "      \"r\": { \"step\": 20, \"steps\": 2, \"resolution\": 10 } } },"
    "  \"gau\": { \"type\": \"gauge\", \"match\": \"gau.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 6 },"
    "      \"m\": { \"step\": \"monthly\", \"steps\": 6 } } },"
    "  \"set\": { \"type\": \"set\", \"match\": \"set.*\","
    "    \"read_func\": \"string\", \"write_func\": \"string\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 4 } } },"
    "  \"txt\": { \"type\": \"gauge\", \"match\": \"txt.*\","
    "    \"read_func\": \"string\", \"write_func\": \"string\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 2 } } }"
    "} }";


static torus_model_t  *m;


/* The text behind "datapoints" of the only spec. */
static void
points_are(const char *request, const char *want)
{
    char           *p, *body;
    size_t          n;
    torus_result_t  res;

    torus_model_run(m, request, &res);
    torus_buf_add(&res.body, "", 1);

    body = (char *) res.body.pos;
    p = strstr(body, "\"datapoints\":");

    if (p == NULL) {
        fail("%s: no datapoints in %s", request, body);
        torus_buf_free(&res.body);
        return;
    }

    p += sizeof("\"datapoints\":") - 1;
    n = strlen(p);

    if (n < 3 || strcmp(p + n - 3, "}]\n") != 0) {
        fail("%s: the end of %s", request, body);

    } else {
        is_mem(p, n - 3, want, strlen(want), "%s", request);
    }

    torus_buf_free(&res.body);
}


static void
body_is(const char *request, const char *want)
{
    torus_result_t  res;

    torus_model_run(m, request, &res);
    is_mem(res.body.pos, torus_buf_len(&res.body), want, strlen(want), "%s",
           request);
    torus_buf_free(&res.body);
}


static void
fill_world(void)
{
    m = torus_model_create(schema, 1000065);

    torus_model_point(m, "ser.a", "3", 1000031);
    torus_model_point(m, "ser.a", "1.5", 1000032);
    torus_model_point(m, "ser.a", "7", 1000055);
    torus_model_point(m, "ser.b", "9", 1000055);

    torus_model_point(m, "his.a", "3", 1000031);
    torus_model_point(m, "his.a", "3.0", 1000032);
    torus_model_point(m, "his.a", "20", 1000032);
    torus_model_point(m, "his.a", "7", 1000055);
    torus_model_point(m, "his.b", "7", 1000055);

    torus_model_point(m, "cnt.a", "2", 1000020);
    torus_model_point(m, "cnt.a", "0", 1000031);
    torus_model_point(m, "cnt.a", "6", 1000062);
    torus_model_point(m, "cnt.b", "1", 1000062);

    torus_model_point(m, "gau.a", "10", 1000020);
    torus_model_point(m, "gau.a", "20.5", 1000050);

    torus_model_point(m, "set.a", "x", 1000031);
    torus_model_point(m, "set.a", "b", 1000032);
    torus_model_point(m, "set.a", "x", 1000033);

    torus_model_point(m, "txt.a", "up", 1000055);
}


static void
test_graphite(void)
{
    body_is("series?stat=sum(ser.a,ser.b)&stat=his.a&steps=1",
            "[{\"stat\":\"sum(ser.a,ser.b)\",\"stat_name\":\"ser.a,ser.b\","
            "\"target\":\"ser.a,ser.b\",\"function\":\"sum\","
            "\"schema\":\"ser\",\"interval\":\"t\","
            "\"datapoints\":[[null,1000060]]},"
            "{\"stat\":\"his.a\",\"stat_name\":\"his.a\","
            "\"target\":\"his.a\",\"function\":\"mean\",\"schema\":\"his\","
            "\"interval\":\"t\",\"datapoints\":[[null,1000060]]}]\n");

    points_are("series?stat=ser.a",
               "[[2.25,1000030],[null,1000040],[7.0,1000050],"
               "[null,1000060]]");
    points_are("series?stat=max(ser.a,ser.b)",
               "[[3,1000030],[null,1000040],[9,1000050],[null,1000060]]");
    points_are("series?stat=count(his.a,his.b)",
               "[[3,1000030],[null,1000040],[2,1000050],[null,1000060]]");
    points_are("series?stat=rate(his.a)",
               "[[0.3,1000030],[null,1000040],[0.1,1000050],"
               "[null,1000060]]");
    points_are("series?stat=cnt.a",
               "[[null,1000010],[2,1000020],[0,1000030],[null,1000040],"
               "[null,1000050],[6,1000060]]");
    points_are("series?stat=gau.a",
               "[[null,1000010],[10,1000020],[null,1000030],[null,1000040],"
               "[20.5,1000050],[null,1000060]]");
    points_are("series?stat=count(set.a)",
               "[[2,1000030],[null,1000040],[null,1000050],[null,1000060]]");
    points_are("series?stat=txt.a&steps=2",
               "[[null,1000050],[null,1000060]]");

    /* resolutions are condensed: one number for both halves */

    points_are("series?stat=sum(ser.a)&interval=r&steps=2",
               "[[7,1000040],[null,1000060]]");
    points_are("series?stat=sum(ser.a)&interval=r&steps=2&start=1000020",
               "[[4.5,1000020],[7,1000040]]");
}


static void
test_json(void)
{
    points_are("series?stat=ser.a&format=json",
               "{\"1000030\":[3,1.5],\"1000040\":[],\"1000050\":[7],"
               "\"1000060\":[]}");
    points_are("series?stat=his.a,his.b&format=json",
               "{\"1000030\":{\"3\":2,\"20\":1},\"1000040\":{},"
               "\"1000050\":{\"7\":2},\"1000060\":{}}");
    points_are("series?stat=cnt.a&format=json&steps=3",
               "{\"1000040\":0,\"1000050\":0,\"1000060\":6}");
    points_are("series?stat=gau.a&format=json&steps=3",
               "{\"1000040\":null,\"1000050\":20.5,\"1000060\":null}");
    points_are("series?stat=set.a&format=json",
               "{\"1000030\":[\"b\",\"x\"],\"1000040\":[],\"1000050\":[],"
               "\"1000060\":[]}");
    points_are("series?stat=txt.a&format=json",
               "{\"1000050\":\"up\",\"1000060\":null}");

    /* functions of a bucket without data: where they are defined */

    points_are("series?stat=sum(ser.a)&format=json&steps=2",
               "{\"1000050\":7,\"1000060\":0}");
    points_are("series?stat=mean(ser.a)&format=json&steps=2",
               "{\"1000050\":7.0,\"1000060\":null}");
    points_are("series?stat=rate(his.a)&format=json",
               "{\"1000030\":{\"3\":0.2,\"20\":0.1},\"1000040\":{},"
               "\"1000050\":{\"7\":0.1},\"1000060\":{}}");
    points_are("series?stat=first(txt.a)&format=json",
               "{\"1000050\":\"up\",\"1000060\":null}");

    /* with a resolution: inside, unless condensed */

    points_are("series?stat=ser.a&format=json&interval=r&steps=2&start=1000020",
               "{\"1000020\":{\"1000030\":[3,1.5]},"
               "\"1000040\":{\"1000050\":[7]}}");
    points_are("series?stat=ser.a&format=json&interval=r&steps=2",
               "{\"1000040\":{\"1000050\":[7]},\"1000060\":{}}");
    points_are("series?stat=count(ser.a)&format=json&interval=r&steps=2",
               "{\"1000040\":{\"1000050\":1},\"1000060\":{}}");
    points_are("series?stat=ser.a&format=json&interval=r&steps=2&condense=on",
               "{\"1000040\":[7],\"1000060\":[]}");
    points_are("series?stat=cnt.a,cnt.b&format=json&interval=r",
               "{\"1000040\":{},\"1000060\":{\"1000060\":7}}");
    points_are("series?stat=rate(cnt.a)&format=json&interval=r",
               "{\"1000040\":{},\"1000060\":{\"1000060\":0.6}}");
    points_are("series?stat=rate(cnt.a)&format=json&interval=r&condense=1",
               "{\"1000040\":0.0,\"1000060\":0.3}");
}


static void
test_collapse(void)
{
    points_are("series?stat=ser.a&collapse=1",
               "[[3.8333333333333335,1000030]]");
    points_are("series?stat=median(his.a,his.b)&collapse=1",
               "[[7,1000030]]");
    points_are("series?stat=his.a&format=json&collapse=1",
               "{\"1000030\":{\"3\":2,\"7\":1,\"20\":1}}");
    points_are("series?stat=rate(cnt.a)&collapse=1",
               "[[0.13333333333333333,1000010]]");
    points_are("series?stat=gau.a&collapse=1", "[[20.5,1000010]]");
    points_are("series?stat=ser.z&collapse=1", "[[null,1000030]]");
    points_are("series?stat=ser.z&collapse=1&format=json",
               "{\"1000030\":[]}");
    points_are("series?stat=set.a&collapse=1&format=json",
               "{\"1000030\":[\"b\",\"x\"]}");
    points_are("series?stat=ser.a&interval=r&steps=2&start=1000020&collapse=1"
               "&format=json", "{\"1000020\":[3,1.5,7]}");
}


static void
test_fill(void)
{
    points_are("series?stat=gau.a&fill=null",
               "[[null,1000010],[10,1000020],[null,1000030],[null,1000040],"
               "[20.5,1000050],[null,1000060]]");
    points_are("series?stat=gau.a&fill=none",
               "[[10,1000020],[20.5,1000050]]");
    points_are("series?stat=gau.a&fill=-1.5",
               "[[-1.5,1000010],[10,1000020],[-1.5,1000030],[-1.5,1000040],"
               "[20.5,1000050],[-1.5,1000060]]");
    points_are("series?stat=gau.a&fill=previous",
               "[[null,1000010],[10,1000020],[10,1000030],[10,1000040],"
               "[20.5,1000050],[20.5,1000060]]");
    points_are("series?stat=gau.a&fill=linear",
               "[[null,1000010],[10,1000020],[13.5,1000030],[17.0,1000040],"
               "[20.5,1000050],[null,1000060]]");
    points_are("series?stat=gau.a&fill=linear&format=json",
               "{\"1000010\":null,\"1000020\":10,\"1000030\":13.5,"
               "\"1000040\":17.0,\"1000050\":20.5,\"1000060\":null}");
    points_are("series?stat=cnt.a&fill=none&format=json",
               "{\"1000020\":2,\"1000030\":0,\"1000060\":6}");
    points_are("series?stat=cnt.a&fill=7&format=json",
               "{\"1000010\":7,\"1000020\":2,\"1000030\":0,\"1000040\":7,"
               "\"1000050\":7,\"1000060\":6}");
    points_are("series?stat=ser.a&fill=none&format=json",
               "{\"1000030\":[3,1.5],\"1000050\":[7]}");
    points_are("series?stat=ser.a&fill=5&format=json",
               "{\"1000030\":[3,1.5],\"1000040\":[],\"1000050\":[7],"
               "\"1000060\":[]}");
    points_are("series?stat=ser.a&fill=none&format=json&interval=r&steps=2",
               "{\"1000040\":{\"1000050\":[7]}}");

    /* of a spec nothing is carried over to the next */

    body_is("series?stat=gau.a&stat=gau.z&fill=previous&steps=2&format=csv",
            "stat,timestamp,value\r\ngau.a,1000050,20.5\r\n"
            "gau.a,1000060,20.5\r\ngau.z,1000050,\r\ngau.z,1000060,\r\n");

    /* the difference of the ends is beyond a double, what lies between not */

    torus_model_point(m, "gau.h", "-1e308", 1000020);
    torus_model_point(m, "gau.h", "1e308", 1000040);

    points_are("series?stat=gau.h&fill=linear&start=1000020&steps=3",
               "[[-1e+308,1000020],[0.0,1000030],[1e+308,1000040]]");
    body_is("series?stat=gau.h&fill=linear&start=1000030&end=1000040"
            "&format=csv",
            "stat,timestamp,value\r\ngau.h,1000030,\r\n"
            "gau.h,1000040,1e+308\r\n");
    body_is("series?stat=gau.h&fill=linear&start=1000020&steps=2&format=csv",
            "stat,timestamp,value\r\ngau.h,1000020,-1e+308\r\n"
            "gau.h,1000030,\r\n");

    /* months are of different length: linear in time, not in buckets */

    torus_model_point(m, "gau.m", "0", 1000);
    torus_model_destroy(m);

    m = torus_model_create(schema, 1680000000);
    torus_model_point(m, "gau.m", "0", 1672531200);
    torus_model_point(m, "gau.m", "59", 1677628800);

    points_are("series?stat=gau.m&interval=m&start=1672531200&steps=3"
               "&fill=linear",
               "[[0,1672531200],[31.0,1675209600],[59,1677628800]]");

    torus_model_destroy(m);
    fill_world();
}


static void
test_csv(void)
{
    body_is("series?stat=sum(ser.a,ser.b)&steps=2&format=csv",
            "stat,timestamp,value\r\n"
            "\"sum(ser.a,ser.b)\",1000050,16\r\n"
            "\"sum(ser.a,ser.b)\",1000060,\r\n");
    body_is("series?stat=nobody%22s&format=CSV", "stat,timestamp,value\r\n");
    body_is("series?stat=gau.%22&format=csv&steps=1",
            "stat,timestamp,value\r\n\"gau.\"\"\",1000060,\r\n");
    body_is("series?stat=gau.%0aa&stat=gau.%09a&format=csv&steps=1",
            "stat,timestamp,value\r\n\"gau.\na\",1000060,\r\n"
            "gau.\ta,1000060,\r\n");
    body_is("series?stat=txt.a&format=csv&steps=2",
            "stat,timestamp,value\r\n"
            "txt.a,1000050,\r\ntxt.a,1000060,\r\n");
}


static void
test_pretty(void)
{
    body_is("series?stat=ser.a&steps=2&pretty=1",
            "[\n  {\n    \"stat\": \"ser.a\",\n"
            "    \"stat_name\": \"ser.a\",\n    \"target\": \"ser.a\",\n"
            "    \"function\": \"mean\",\n    \"schema\": \"ser\",\n"
            "    \"interval\": \"t\",\n    \"datapoints\": [\n"
            "      [7.0,1000050],\n      [null,1000060]\n    ]\n  }\n]\n");
    body_is("series?stat=nobody&pretty=1&format=json",
            "[\n  {\n    \"stat\": \"nobody\",\n"
            "    \"stat_name\": \"nobody\",\n    \"target\": \"nobody\",\n"
            "    \"datapoints\": []\n  }\n]\n");
}


int
main(void)
{
    fill_world();

    test_graphite();
    test_json();
    test_collapse();
    test_fill();
    test_csv();
    test_pretty();

    torus_model_destroy(m);

    return done_testing();
}
