/*
 * Requests from end to end: each recorded dataset is stored by our write
 * path into a model of Redis, each recorded request is run through query,
 * plan, fetch and answer, and the body is compared with the recorded one put
 * into our form.  Where we depart from the original the departure is listed
 * with its reason and asserted as we define it.  Then what the vectors do not
 * know: arguments, limits, fills, functions, formats, and several hosts.
 */

#include "torus_model.h"


/* A request whose answer is not the recorded one. */
typedef struct {
    const char  *dataset;
    const char  *request;
    unsigned     status;
    const char  *expect;     /* datapoints of each spec, or part of a reason */
    const char  *why;
} departure_t;


static const char  unknown[] = "an unknown function is a 400";
static const char  mean[] = "avg is mean";
static const char  one[] = "a count holds one number: count is a 400";
static const char  level[] = "a gauge has no rate and no count";
static const char  whole[] = "false is false";
static const char  semicolon[] = "only & separates arguments";
static const char  zero[] = "a gauge of 0 is 0, a missing one null";
static const char  reason[] = "a bad argument is a fault that names it";
static const char  first[] = "the first schema that matches answers";
static const char  own[] = "each stat has an interval of its own";
static const char  fraction[] = "a count may hold a fraction";
static const char  nans[] = "NaN and infinity are not stored";
static const char  exact[] = "equal numbers are one value and add up, and "
                             "none is cut to 12 digits";
static const char  ints[] = "integers beyond 64 bits are doubles";
static const char  sunday[] = "weeks begin on their Sunday, and each is there";
static const char  foreign[] = "a key of another type holds nothing of ours";


static const departure_t  departures[] = {
    { "series",
      "/series?stat=avg(app.hits)&interval=minute",
      200, "[[[4.5,1699999740],[2.25,1699999800],[1.5,1699999860],[9.5,169999"
           "9920],[null,1699999980]]]", mean },

    { "series",
      "/series?stat=bogus(app.hits)&interval=minute&format=json",
      400, "argument \"stat\"", unknown },

    { "histogram",
      "/series?stat=avg(app.hits)&interval=minute",
      200, "[[[2.5,1699999740],[2.5,1699999800],[5.0,1699999860],[9.5,1699999"
           "920],[null,1699999980]]]", mean },

    { "histogram",
      "/series?stat=bogus(app.hits)&interval=minute&format=json",
      400, "argument \"stat\"", unknown },

    { "count",
      "/series?stat=count(app.hits)&interval=minute",
      400, "argument \"stat\"", one },

    { "count",
      "/series?stat=count(app.hits)&interval=hour&format=json",
      400, "argument \"stat\"", one },

    { "count",
      "/series?stat=count(app.hits)&interval=hour",
      400, "argument \"stat\"", one },

    { "count",
      "/series?stat=count(web01.cpu.load,app.hits)&interval=hour&format=json&"
      "condense=yes",
      400, "argument \"stat\"", one },

    { "count",
      "/series?stat=bogus(app.hits)&interval=minute&format=json",
      400, "argument \"stat\"", unknown },

    { "gauge",
      "/series?stat=count(app.hits)&interval=minute",
      400, "argument \"stat\"", level },

    { "gauge",
      "/series?stat=rate(app.hits)&interval=minute",
      400, "argument \"stat\"", level },

    { "gauge",
      "/series?stat=count(app.hits)&interval=hour&format=json",
      400, "argument \"stat\"", level },

    { "gauge",
      "/series?stat=count(app.hits)&interval=hour",
      400, "argument \"stat\"", level },

    { "gauge",
      "/series?stat=rate(app.hits)&interval=hour&format=json&collapse=true",
      400, "argument \"stat\"", level },

    { "gauge",
      "/series?stat=count(web01.cpu.load,app.hits)&interval=hour&format=json&"
      "condense=yes",
      400, "argument \"stat\"", level },

    { "gauge",
      "/series?stat=bogus(app.hits)&interval=minute&format=json",
      400, "argument \"stat\"", unknown },

    { "set",
      "/series?stat=avg(app.hits)&interval=minute",
      200, "[[[3.5,1699999740],[2.25,1699999800],[1.5,1699999860],[9.5,169999"
           "9920],[null,1699999980]]]", mean },

    { "set",
      "/series?stat=bogus(app.hits)&interval=minute&format=json",
      400, "argument \"stat\"", unknown },

    { "ranges",
      "/series?stat=count(app.hits)&format=json&steps=-2",
      400, "argument \"steps\"", reason },

    { "ranges",
      "/series?stat=count(app.hits)&format=json&start=1699999920&end=16999997"
      "40",
      400, "argument \"end\"", reason },

    { "ranges",
      "/series?stat=count(app.hits)&format=json&start=-100&steps=3",
      400, "argument \"start\"", reason },

    { "ranges",
      "/series?stat=count(app.hits)&format=json&start=gibberish&steps=2",
      400, "argument \"start\"", reason },

    { "ranges",
      "/series?stat=count(app.hits)&format=json&steps=x",
      400, "argument \"steps\"", reason },

    { "ranges",
      "/series?stat=count(app.hits)&format=json&start=nan&steps=1",
      400, "argument \"start\"", reason },

    { "ranges",
      "/series?stat=count(app.hits)&format=json&start=inf&steps=1",
      400, "argument \"start\"", reason },

    { "switches",
      "/series?stat=app.hits&format=json&condense=false",
      200, "[{\"1699995600\":{},\"1699999200\":{\"1699999860\":[2],\"16999999"
           "20\":[1],\"1699999980\":[0]}}]", whole },

    { "switches",
      "/series?stat=app.hits&format=json&condense=0",
      200, "[{\"1699995600\":{},\"1699999200\":{\"1699999860\":[2],\"16999999"
           "20\":[1],\"1699999980\":[0]}}]", whole },

    { "switches",
      "/series?stat=app.hits&format=json&condense=no",
      200, "[{\"1699995600\":{},\"1699999200\":{\"1699999860\":[2],\"16999999"
           "20\":[1],\"1699999980\":[0]}}]", whole },

    { "switches",
      "/series?stat=app.hits&format=json&collapse=false",
      200, "[{\"1699995600\":{},\"1699999200\":{\"1699999860\":[2],\"16999999"
           "20\":[1],\"1699999980\":[0]}}]", whole },

    { "switches",
      "/series?stat=app.hits&format=json&collapse=0",
      200, "[{\"1699995600\":{},\"1699999200\":{\"1699999860\":[2],\"16999999"
           "20\":[1],\"1699999980\":[0]}}]", whole },

    { "switches",
      "/series?stat=app.hits&format=json&collapse=x&condense=true",
      400, "argument \"collapse\"", reason },

    { "switches",
      "/series?stat=app.hits&format=xml",
      400, "argument \"format\"", reason },

    { "switches",
      "/series",
      400, "argument \"stat\"", reason },

    { "switches",
      "/series?stat=",
      400, "argument \"stat\"", reason },

    { "switches",
      "/series?format=json",
      400, "argument \"stat\"", reason },

    { "switches",
      "/series?stat=app.hits;format=json",
      200, "[[[null,1699995600],[null,1699999200]]]", semicolon },

    { "specs",
      "/series?stat=MAX(app.hits)&format=json&steps=1",
      400, "argument \"stat\"", unknown },

    { "specs",
      "/series?stat=_f1(app.hits)&format=json&steps=1",
      400, "argument \"stat\"", unknown },

    { "gregorian count",
      "/series?stat=count(app.hits)&interval=d&start=1708992000&end=170933760"
      "0",
      400, "argument \"stat\"", one },

    { "gregorian count",
      "/series?stat=count(app.hits)&interval=y&start=1640995200&steps=3",
      400, "argument \"stat\"", one },

    { "schemas",
      "/series?stat=app.hits",
      200, "[[[null,1699999860],[null,1699999920],[2,1699999980]]]", first },

    { "schemas",
      "/series?stat=app.hits&format=json",
      200, "[{\"1699999860\":0,\"1699999920\":0,\"1699999980\":2}]", first },

    { "schemas",
      "/series?stat=app.hits&interval=nope&format=json",
      400, "argument \"interval\"", reason },

    { "schemas",
      "/series?stat=app.hits&schema=first&interval=day&format=json",
      400, "argument \"interval\"", reason },

    { "schemas",
      "/series?stat=app.hits&schema=nope",
      404, "argument \"schema\"", reason },

    { "schemas",
      "/series?stat=app.hits&schema=nope&interval=minute",
      404, "argument \"schema\"", reason },

    { "schemas",
      "/series?stat=only.second&interval=minute&format=json",
      400, "argument \"interval\"", reason },

    { "schemas",
      "/series?stat=app.hits,only.second&interval=minute&format=json",
      400, "argument \"interval\"", reason },

    { "interval carried over",
      "/series?stat=p&stat=r&format=json",
      200, "[{\"1699999920\":0,\"1699999980\":1},{\"1699999500\":0,\"16999998"
           "00\":2}]", own },

    { "empty count",
      "/series?stat=count(x)&interval=minute",
      400, "argument \"stat\"", one },

    { "empty count",
      "/series?stat=count(x)&interval=hour&format=json",
      400, "argument \"stat\"", one },

    { "empty gauge",
      "/series?stat=x&interval=minute&format=json",
      200, "[{\"1699999920\":null,\"1699999980\":null}]", zero },

    { "empty gauge",
      "/series?stat=x&interval=minute&format=json&collapse=true",
      200, "[{\"1699999920\":null}]", zero },

    { "empty gauge",
      "/series?stat=mean(x)&interval=minute",
      200, "[[[null,1699999920],[null,1699999980]]]", zero },

    { "empty gauge",
      "/series?stat=min(x)&interval=minute",
      200, "[[[null,1699999920],[null,1699999980]]]", zero },

    { "empty gauge",
      "/series?stat=max(x)&interval=minute",
      200, "[[[null,1699999920],[null,1699999980]]]", zero },

    { "empty gauge",
      "/series?stat=sum(x)&interval=minute",
      200, "[[[null,1699999920],[null,1699999980]]]", zero },

    { "empty gauge",
      "/series?stat=count(x)&interval=minute",
      400, "argument \"stat\"", level },

    { "empty gauge",
      "/series?stat=rate(x)&interval=minute",
      400, "argument \"stat\"", level },

    { "empty gauge",
      "/series?stat=count(x)&interval=hour&format=json",
      400, "argument \"stat\"", level },

    { "gauge gaps",
      "/series?stat=app.hits&interval=minute&format=json",
      200, "[{\"1699999860\":null,\"1699999920\":0,\"1699999980\":4}]", zero },

    { "gauge gaps",
      "/series?stat=app.hits&interval=hour&format=json",
      200, "[{\"1699999200\":{\"1699999920\":0,\"1699999980\":4}}]", zero },

    { "gauge gaps",
      "/series?stat=web01.cpu.load&interval=minute&format=json",
      200, "[{\"1699999860\":3,\"1699999920\":2,\"1699999980\":0}]", zero },

    { "gauge gaps",
      "/series?stat=web01.cpu.load&interval=hour&format=json",
      200, "[{\"1699999200\":{\"1699999860\":3,\"1699999920\":2,\"1699999980"
           "\":0}}]", zero },

    { "gauge gaps",
      "/series?stat=web01.cpu.load&interval=hour&format=json&condense=1",
      200, "[{\"1699999200\":0}]", zero },

    { "gauge gaps",
      "/series?stat=web01.cpu.load&interval=minute&format=json&collapse=1",
      200, "[{\"1699999860\":0}]", zero },

    { "gauge gaps",
      "/series?stat=app.hits,web01.cpu.load&interval=hour&format=json",
      200, "[{\"1699999200\":{\"1699999860\":3,\"1699999920\":2,\"1699999980"
           "\":0}}]", zero },

    { "gauge gaps",
      "/series?stat=web01.cpu.load,app.hits&interval=hour&format=json",
      200, "[{\"1699999200\":{\"1699999860\":3,\"1699999920\":0,\"1699999980"
           "\":4}}]", zero },

    { "gauge gaps",
      "/series?stat=web01.cpu.load&interval=minute",
      200, "[[[3,1699999860],[2,1699999920],[0,1699999980]]]", zero },

    { "gauge gaps",
      "/series?stat=max(web01.cpu.load)&interval=minute",
      200, "[[[3,1699999860],[2,1699999920],[0,1699999980]]]", zero },

    { "float count",
      "/series?stat=app.hits&format=json",
      200, "[{\"1699999920\":0,\"1699999980\":1.5}]", fraction },

    { "nan",
      "/series?stat=app.hits&format=json",
      200, "[{\"1699999920\":[],\"1699999980\":[1]}]", nans },

    { "nan",
      "/series?stat=web01.cpu.load&format=json",
      200, "[{\"1699999920\":[],\"1699999980\":[2]}]", nans },

    { "nan",
      "/series?stat=count(app.hits)&format=json",
      200, "[{\"1699999920\":0,\"1699999980\":1}]", nans },

    { "nan",
      "/series?stat=sum(app.hits)&format=json",
      200, "[{\"1699999920\":0,\"1699999980\":1}]", nans },

    { "nan",
      "/series?stat=max(web01.cpu.load)&format=json",
      200, "[{\"1699999920\":null,\"1699999980\":2}]", nans },

    { "nan",
      "/series?stat=mean(web01.cpu.load)&format=json",
      200, "[{\"1699999920\":null,\"1699999980\":2.0}]", nans },

    { "equal keys",
      "/series?stat=app.hits&format=json",
      200, "[{\"1699999980\":{\"3\":4}}]", exact },

    { "equal keys",
      "/series?stat=sum(app.hits)",
      200, "[[[12,1699999980]]]", exact },

    { "equal keys",
      "/series?stat=count(app.hits)",
      200, "[[[4,1699999980]]]", exact },

    { "equal keys",
      "/series?stat=web01.cpu.load&format=json",
      200, "[{\"1699999980\":{\"0.1234567890123456\":1,\"2.5\":1,\"7\":1}}]",
      exact },

    { "equal keys",
      "/series?stat=rate(web01.cpu.load)&format=json",
      200, "[{\"1699999980\":{\"0.1234567890123456\":0.016666666666666666,\"2"
           ".5\":0.016666666666666666,\"7\":0.016666666666666666}}]", exact },

    { "number 18446744073709551616",
      "/series?stat=app.hits&format=json",
      200, "[{\"1699999980\":[1.8446744073709552e+19]}]", ints },

    { "number -9223372036854775809",
      "/series?stat=app.hits&format=json",
      200, "[{\"1699999980\":[-9.223372036854776e+18]}]", ints },

    { "number -9223372036854775809",
      "/series?stat=max(app.hits)",
      200, "[[[-9.223372036854776e+18,1699999980]]]", ints },

    { "foreign data",
      "/series?stat=app.hits&format=json&schema=cnt",
      200, "[{\"1699999980\":0}]", foreign },
};


/* Of the weekly file, where the original's buckets go wrong. */
static const departure_t  weekly[] = {
    { "w 2013",
      "/series?stat=app.hits&interval=w&format=json",
      200, "[{\"1356220800\":[9,10],\"1356825600\":[8],\"1356998400\":[6,7],"
           "\"1357430400\":[4,5],\"1358035200\":[2,3],\"1358640000\":[1]}]",
      sunday },

    { "w 2013",
      "/series?stat=sum(app.hits)&interval=w",
      200, "[[[19,1356220800],[8,1356825600],[13,1356998400],[9,1357430400],["
           "5,1358035200],[1,1358640000]]]", sunday },

    { "w 2013",
      "/series?stat=rate(app.hits)&interval=w&steps=3",
      200, "[[[3.306878306878307e-06,1357430400],[3.306878306878307e-06,13580"
           "35200],[1.6534391534391535e-06,1358640000]]]", sunday },

    { "w 2013",
      "/series?stat=app.hits&interval=wd&format=json&steps=4",
      200, "[{\"1356998400\":{\"1357084800\":[7],\"1357344000\":[6]},\"135743"
           "0400\":{\"1357603200\":[5],\"1357862400\":[4]},\"1358035200\":{\""
           "1358121600\":[3],\"1358380800\":[2]},\"1358640000\":{\"1358640000"
           "\":[1]}}]", sunday },

    { "w 2013",
      "/series?stat=app.hits&interval=wd&format=json&steps=3&collapse=true",
      200, "[{\"1357430400\":[5,4,3,2,1]}]", sunday },

    { "w 2013",
      "/series?stat=sum(app.hits)&interval=w&start=1355961600&end=1358121600",
      200, "[[[null,1355616000],[19,1356220800],[8,1356825600],[13,1356998400"
           "],[9,1357430400],[5,1358035200]]]", sunday },

    { "w 2017",
      "/series?stat=app.hits&interval=w&format=json",
      200, "[{\"1481414400\":[],\"1482019200\":[10,11,12],\"1482624000\":[8,9"
           "],\"1483228800\":[6,7],\"1483833600\":[3,4,5],\"1484438400\":[1,2"
           "]}]", sunday },

    { "w 2017",
      "/series?stat=sum(app.hits)&interval=w",
      200, "[[[null,1481414400],[33,1482019200],[17,1482624000],[13,148322880"
           "0],[12,1483833600],[3,1484438400]]]", sunday },

    { "w 2017",
      "/series?stat=rate(app.hits)&interval=w&steps=3",
      200, "[[[3.306878306878307e-06,1483228800],[4.96031746031746e-06,148383"
           "3600],[3.306878306878307e-06,1484438400]]]", sunday },

    { "w 2017",
      "/series?stat=app.hits&interval=wd&format=json&steps=4",
      200, "[{\"1482624000\":{\"1482796800\":[9],\"1483056000\":[8]},\"148322"
           "8800\":{\"1483315200\":[7],\"1483574400\":[6]},\"1483833600\":{\""
           "1483833600\":[5],\"1484092800\":[4],\"1484352000\":[3]},\"1484438"
           "400\":{\"1484611200\":[2],\"1484870400\":[1]}}]", sunday },

    { "w 2017",
      "/series?stat=app.hits&interval=wd&format=json&steps=3&collapse=true",
      200, "[{\"1483228800\":[7,6,5,4,3,2,1]}]", sunday },

    { "w 2017",
      "/series?stat=sum(app.hits)&interval=w&start=1482192000&end=1484352000",
      200, "[[[33,1482019200],[17,1482624000],[13,1483228800],[12,1483833600]"
           "]]", sunday },

    { "w 2023",
      "/series?stat=app.hits&interval=w&format=json",
      200, "[{\"1670716800\":[],\"1671321600\":[10,11,12],\"1671926400\":[8,9"
           "],\"1672531200\":[6,7],\"1673136000\":[3,4,5],\"1673740800\":[1,2"
           "]}]", sunday },

    { "w 2023",
      "/series?stat=sum(app.hits)&interval=w",
      200, "[[[null,1670716800],[33,1671321600],[17,1671926400],[13,167253120"
           "0],[12,1673136000],[3,1673740800]]]", sunday },

    { "w 2023",
      "/series?stat=rate(app.hits)&interval=w&steps=3",
      200, "[[[3.306878306878307e-06,1672531200],[4.96031746031746e-06,167313"
           "6000],[3.306878306878307e-06,1673740800]]]", sunday },

    { "w 2023",
      "/series?stat=app.hits&interval=wd&format=json&steps=4",
      200, "[{\"1671926400\":{\"1672099200\":[9],\"1672358400\":[8]},\"167253"
           "1200\":{\"1672617600\":[7],\"1672876800\":[6]},\"1673136000\":{\""
           "1673136000\":[5],\"1673395200\":[4],\"1673654400\":[3]},\"1673740"
           "800\":{\"1673913600\":[2],\"1674172800\":[1]}}]", sunday },

    { "w 2023",
      "/series?stat=app.hits&interval=wd&format=json&steps=3&collapse=true",
      200, "[{\"1672531200\":[7,6,5,4,3,2,1]}]", sunday },

    { "w 2023",
      "/series?stat=sum(app.hits)&interval=w&start=1671494400&end=1673654400",
      200, "[[[33,1671321600],[17,1671926400],[13,1672531200],[12,1673136000]"
           "]]", sunday },
};


#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


/* Comparing. */

static int
near(const json_t *a, const json_t *b)
{
    double       x, y;
    size_t       i;
    json_t      *v;
    const char  *key;

    if (json_is_number(a) && json_is_number(b)) {
        x = json_number_value(a);
        y = json_number_value(b);

        return fabs(x - y) <= 1e-4 || fabs(x - y) <= 1e-12 * fabs(x);
    }

    if (json_typeof(a) != json_typeof(b)) {
        return 0;
    }

    if (json_is_array(a)) {

        if (json_array_size(a) != json_array_size(b)) {
            return 0;
        }

        json_array_foreach((json_t *) a, i, v) {
            if (!near(v, json_array_get(b, i))) {
                return 0;
            }
        }

        return 1;
    }

    if (json_is_object(a)) {

        if (json_object_size(a) != json_object_size(b)) {
            return 0;
        }

        json_object_foreach((json_t *) a, key, v) {
            if (json_object_get(b, key) == NULL
                || !near(v, json_object_get(b, key)))
            {
                return 0;
            }
        }

        return 1;
    }

    return json_equal((json_t *) a, (json_t *) b);
}


static void
show(const char *what, const json_t *v)
{
    char  *text;

    text = v == NULL ? NULL : json_dumps(v, JSON_ENCODE_ANY);
    diag("%s: %s", what, text == NULL ? "nothing" : text);
    free(text);
}


/* A recorded answer in our form. */

static json_t *
joined(const json_t *names)
{
    char     text[1024];
    size_t   i, n;
    json_t  *name;

    n = 0;
    text[0] = '\0';

    json_array_foreach((json_t *) names, i, name) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s",
                               i == 0 ? "" : ",", json_string_value(name));
    }

    return json_string(text);
}


/* Is there a key of this bucket for any of the names? */
static int
held(torus_model_t *m, const json_t *item, const char *ts)
{
    char                     key[2048];
    size_t                   i;
    int64_t                  bucket;
    json_t                  *name;
    torus_str_t              s;
    const torus_schema_t    *schema;
    const torus_interval_t  *iv;

    s = torus_test_string(json_object_get(item, "schema"));
    schema = torus_schema_find(m->set, s);

    s = torus_test_string(json_object_get(item, "interval"));
    iv = torus_schema_interval(schema, s);

    bucket = torus_step_bucket(&iv->step, atoll(ts));

    json_array_foreach(json_object_get(item, "stat_name"), i, name) {
        snprintf(key, sizeof(key), "%.*s%s:%.*s:%" PRId64,
                 torus_fmt(schema->prefix), json_string_value(name),
                 torus_fmt(iv->name), bucket);

        if (json_object_get(m->dbs[schema->host->index], key) != NULL) {
            return 1;
        }
    }

    return 0;
}


/* What a bucket without data is when a function is asked in json. */
static json_t *
nothing(torus_model_t *m, const json_t *item, json_t *recorded)
{
    torus_type_t  type;
    torus_str_t   name;
    const char   *f;

    name = torus_test_string(json_object_get(item, "schema"));
    type = torus_schema_find(m->set, name)->type;
    f = json_string_value(json_object_get(item, "function"));

    if (f == NULL || type == TORUS_COUNT || json_is_object(recorded)
        || strcmp(f, "sum") == 0 || strcmp(f, "count") == 0
        || strcmp(f, "rate") == 0)
    {
        return json_incref(recorded);
    }

    return json_null();
}


/* A histogram's rate per value, as the rate of all of them. */
static json_t *
number(json_t *v)
{
    double       sum;
    json_t      *n;
    const char  *key;

    if (!json_is_object(v)) {
        return json_incref(v);
    }

    sum = 0;

    json_object_foreach(v, key, n) {
        sum += json_number_value(n);
    }

    return json_real(sum);
}


static json_t *
translate(torus_model_t *m, json_t *item, int json, int collapsed)
{
    void        *iter;
    json_t      *ours, *points, *pairs, *v;
    const char  *ts;

    ours = json_object();

    json_object_set(ours, "stat", json_object_get(item, "stat"));
    json_object_set_new(ours, "stat_name",
                        joined(json_object_get(item, "stat_name")));
    json_object_set_new(ours, "target",
                        joined(json_object_get(item, "target")));

    if (json_is_string(json_object_get(item, "function"))) {
        json_object_set(ours, "function", json_object_get(item, "function"));
    }

    points = json_object_get(item, "datapoints");

    if (json_is_array(points)) {
        json_object_set(ours, "datapoints", points);
        return ours;
    }

    json_object_set(ours, "schema", json_object_get(item, "schema"));
    json_object_set(ours, "interval", json_object_get(item, "interval"));

    pairs = json ? json_object() : json_array();

    for (iter = json_object_iter(points);
         iter != NULL;
         iter = json_object_iter_next(points, iter))
    {
        ts = json_object_iter_key(iter);
        v = json_object_iter_value(iter);

        if (json) {
            v = collapsed || held(m, item, ts) ? json_incref(v)
                                               : nothing(m, item, v);
            json_object_set_new(pairs, ts, v);
            continue;
        }

        v = collapsed || held(m, item, ts) ? number(v) : json_null();
        json_array_append_new(pairs, json_pack("[o, I]", v,
                                               (json_int_t) atoll(ts)));
    }

    json_object_set_new(ours, "datapoints", pairs);

    return ours;
}


static const departure_t *
departs(const departure_t *list, size_t n, const char *dataset,
    const char *request)
{
    size_t              i;
    const departure_t  *d;

    for (i = 0; i < n; i++) {
        d = &list[i];

        if (strcmp(d->dataset, dataset) == 0
            && strcmp(d->request, request) == 0)
        {
            return d;
        }
    }

    return NULL;
}


/* The answers, by "stat": ours come in the order of the request. */
static json_t *
by_stat(json_t *list)
{
    size_t   i;
    json_t  *v, *all;

    all = json_object();

    json_array_foreach(list, i, v) {
        json_object_set(all, json_string_value(json_object_get(v, "stat")),
                        v);
    }

    return all;
}


static void
recorded(torus_model_t *m, json_t *c, const char *dataset,
    const char *request)
{
    int             json, collapsed;
    size_t          i;
    json_t         *body, *want, *item, *a, *b;
    torus_result_t  res;

    torus_model_run(m, request, &res);

    json = strstr(request, "format=json") != NULL
           || strstr(request, "format=JSON") != NULL;
    collapsed = strstr(request, "collapse=1") != NULL
                || strstr(request, "collapse=true") != NULL;

    if (json_number_value(json_object_get(c, "status")) != 200
        || res.status != 200)
    {
        is_int(res.status, (int64_t)
               json_number_value(json_object_get(c, "status")),
               "%s: %s: status", dataset, request);
        diag("error %s", res.error);
        torus_buf_free(&res.body);
        return;
    }

    body = torus_model_json(&res);
    want = json_array();

    json_array_foreach(json_object_get(c, "body"), i, item) {
        json_array_append_new(want, translate(m, item, json, collapsed));
    }

    a = by_stat(body);
    b = by_stat(want);

    if (!ok(body != NULL && near(a, b), "%s: %s", dataset, request)) {
        show("     got", body);
        show("expected", want);
    }

    json_decref(a);
    json_decref(b);
    json_decref(body);
    json_decref(want);
    torus_buf_free(&res.body);
}


static void
departed(torus_model_t *m, const departure_t *d)
{
    size_t          i;
    json_t         *body, *want, *got, *item;
    torus_result_t  res;

    torus_model_run(m, d->request, &res);

    is_int(res.status, d->status, "%s: %s: %s", d->dataset, d->request,
           d->why);

    if (d->status != 200) {
        like(res.error, d->expect, "%s: %s: the reason", d->dataset,
             d->request);
        torus_buf_free(&res.body);
        return;
    }

    body = torus_model_json(&res);
    want = json_loads(d->expect, 0, NULL);
    got = json_array();

    json_array_foreach(body, i, item) {
        json_array_append(got, json_object_get(item, "datapoints"));
    }

    if (!ok(want != NULL && near(got, want), "%s: %s: datapoints",
            d->dataset, d->request))
    {
        show("     got", got);
        show("expected", want);
    }

    json_decref(body);
    json_decref(want);
    json_decref(got);
    torus_buf_free(&res.body);
}


static void
test_vectors(const char *path, const departure_t *list, size_t n)
{
    size_t              i, departures_seen;
    json_t             *root, *c, *worlds;
    const char         *dataset, *request;
    torus_model_t      *m;
    const departure_t  *d;

    departures_seen = 0;

    root = torus_test_json(path);
    worlds = json_object();

    json_array_foreach(torus_test_cases(root), i, c) {
        dataset = json_string_value(torus_test_member(c, "dataset"));
        request = json_string_value(torus_test_member(c, "request"));

        m = (torus_model_t *) (intptr_t) json_integer_value(
                                           json_object_get(worlds, dataset));
        if (m == NULL) {
            m = torus_model_dataset(torus_test_member(
                           torus_test_member(root, "datasets"), dataset));
            json_object_set_new(worlds, dataset,
                                json_integer((json_int_t) (intptr_t) m));
        }

        d = departs(list, n, dataset, request);

        if (d != NULL) {
            departures_seen++;
            departed(m, d);
            continue;
        }

        if (strncmp(request, "/series", 7) == 0
            || json_number_value(json_object_get(c, "status")) != 200)
        {
            recorded(m, c, dataset, request);
        }
    }

    is_int((int64_t) departures_seen, (int64_t) n,
           "%s: every departure that is listed is one", path);

    json_object_foreach(worlds, dataset, c) {
        torus_model_destroy((torus_model_t *) (intptr_t)
                            json_integer_value(c));
    }

    json_decref(worlds);
    json_decref(root);
}


/* A world for the rest: every type, coarse and with a resolution. */

static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"lat\":  { \"type\": \"histogram\", \"match\": \"lat.*\","
    "    \"intervals\": { \"minute\": { \"step\": 60, \"steps\": 5 },"
    "      \"day\": { \"step\": \"daily\", \"steps\": 3 } } },"
    "  \"hits\": { \"type\": \"count\", \"match\": \"hits.*\","
    "    \"host\": \"localhost:6380\","
    "    \"intervals\": { \"tens\": { \"step\": 10, \"steps\": 6 } } },"
    "  \"raw\":  { \"type\": \"series\", \"match\": [\"raw.*\", \"hits.b\"],"
    "    \"intervals\": { \"hour\": { \"step\": 3600, \"steps\": 2,"
    "      \"resolution\": 60 }, \"tens\": { \"step\": 10 } } }"
    "} }";


/* Each argument's faults, by name and reason; what is ignored; who wins. */
static void
test_arguments(void)
{
    size_t          i;
    torus_model_t  *m;
    torus_result_t  res;

    static const struct {
        const char  *request;
        unsigned     status;
        const char  *part;       /* of the body */
    } cases[] = {
        { "series?stat=lat.a", 200, "\"interval\":\"minute\"" },
        { "series?stat=lat.a&bogus=1&other", 200, "lat.a" },
        { "series?stat=lat.a&format=json&format=graphite", 200, "{}" },
        { "series?stat=lat.a&format=&format=json", 200, "{}" },
        { "series?stat=lat.a&format=yaml", 400, "\\\"format\\\"" },
        { "series?stat=lat.a&condense=maybe", 400, "\\\"condense\\\"" },
        { "series?stat=lat.a&collapse=2", 400, "\\\"collapse\\\"" },
        { "series?stat=lat.a&pretty=2", 400, "\\\"pretty\\\"" },
        { "series?stat=lat.a&fill=most", 400, "\\\"fill\\\"" },
        { "series?stat=lat.a&steps=1.5", 400, "\\\"steps\\\"" },
        { "series?stat=lat.a&steps=-1", 400, "\\\"steps\\\"" },
        { "series?stat=lat.a&start=yestreday", 400, "\\\"start\\\"" },
        { "series?stat=lat.a&end=1e400", 400, "\\\"end\\\"" },
        { "series?stat=lat.a&start=now&end=yesterday", 400, "before" },
        { "series?stat=lat.a&tz=Nowhere/Else", 400, "\\\"tz\\\"" },
        { "series?stat=lat.a&tz=UTC", 200, "lat.a" },
        { "series?stat=lat.a&interval=hour", 400, "\\\"hour\\\"" },
        { "series?stat=lat.a&schema=none", 404, "\\\"none\\\"" },
        { "series?stat=lat.a&schema=hits&interval=minute", 400,
          "unknown interval" },
        { "series?stat=lat.a&jsonp=alert(1)", 400, "\\\"jsonp\\\"" },
        { "series?stat=lat.a&jsonp=cb&format=csv", 400, "csv" },
        { "series?stat=,,", 400, "names no stat" },
        { "series?stat=sum(,)", 400, "names no stat" },
        { "series?stat=nope(lat.a)", 400, "\\\"nope\\\"" },
        { "series?stat=p101(lat.a)", 400, "\\\"p101\\\"" },
        { "series?stat=count(hits.a)", 400, "count" },
        { "series?stat=x.y(z)", 200, "\"stat_name\":\"x.y(z)\"" },
        { "series?stat=p99.9(lat.a)", 200, "\"function\":\"p99.9\"" },
        { "series?stat=first(lat.a)", 400, "does not apply" },
        { "series?stat=nobodys", 200,
          "[{\"stat\":\"nobodys\",\"stat_name\":\"nobodys\","
          "\"target\":\"nobodys\",\"function\":\"mean\","
          "\"datapoints\":[]}]" },
        { "series?stat=nobodys&format=json", 200, "\"datapoints\":[]" },
        { "series?stat=hits.b", 200, "\"schema\":\"hits\"" },
        { "series?stat=hits.b&interval=hour", 200, "\"schema\":\"raw\"" },
        { "series?stat=hits.b,raw.a", 200, "\"schema\":\"raw\"" },
        { "series?stat=hits.a,raw.a", 400,
          "no schema takes all of \\\"hits.a,raw.a\\\", "
          "schema \\\"hits\\\" the first and schema \\\"raw\\\" another" },
        { "series?stat=sum(hits.a,hits.c,raw.a)", 400, "no schema takes" },
        { "series?stat=hits.a,nobodys", 200, "\"datapoints\":[]" },
        { "series?stat=nobodys,hits.a,raw.a", 200, "\"datapoints\":[]" },
        { "series?stat=mean(lat.a", 400,
          "\\\"mean(lat.a\\\" is neither a stat that a schema takes" },
        { "series?stat=max(max(lat.a))", 400, "\\\"max(max(lat.a))\\\"" },
        { "series?stat=max(lat.a,min(lat.b))", 400, "neither" },
        { "series?stat=mean()", 400, "neither" },
        { "series?stat=nope(lat.a", 400, "neither" },
        { "series?stat=raw.x(y", 200, "\"schema\":\"raw\"" },
        { "series?stat=renamed&schema=hits", 200, "\"schema\":\"hits\"" },
        { "series?stat=lat.%22a%22%0a", 200, "lat.\\\"a\\\"\\n" },
        { "series?stat=lat.%ff", 200, "lat.\xef\xbf\xbd" },
        { "series?stat=100%", 200, "\"100%\"" },
        { "series?stat=a+b", 200, "\"a b\"" },
        { "list?schema=none", 404, "\\\"none\\\"" },
        { "list?match=~a", 400, "\\\"match\\\"" },
        { "list?match=%5Ba", 400, "\\\"match\\\"" },
        { "properties", 400, "\\\"stat\\\"" },
        { "properties?stat=a&schema=none", 404, "\\\"none\\\"" },
        { "bogus", 404, "" },
    };

    m = torus_model_create(schema, 1700000000);

    for (i = 0; i < number_of(cases); i++) {
        torus_model_run(m, cases[i].request, &res);
        torus_buf_add(&res.body, "", 1);

        is_int(res.status, cases[i].status, "%s", cases[i].request);
        like((char *) res.body.pos, cases[i].part, "%s: body",
             cases[i].request);

        torus_buf_free(&res.body);
    }

    torus_model_destroy(m);
}


/* Nothing is sent to Redis for a request that is over a limit. */
static void
test_limits(void)
{
    size_t          i;
    torus_model_t  *m;
    torus_result_t  res;

    static const struct {
        const char  *request;
        unsigned     status;
    } cases[] = {
        { "series?stat=lat.a&steps=100", 200 },
        { "series?stat=lat.a&steps=101", 413 },
        { "series?stat=lat.a,lat.b&steps=50", 200 },
        { "series?stat=lat.a,lat.b&steps=51", 413 },
        { "series?stat=lat.a&stat=lat.b&steps=51", 413 },
        { "series?stat=raw.a&steps=1", 200 },
        { "series?stat=raw.a&steps=2", 413 },
        { "series?stat=lat.a&steps=9223372036854775807", 413 },
        { "series?stat=hits.a&start=1&end=now", 413 },
        { "series?stat=hits.a&start=0001-01-01&end=9999-12-31", 413 },
        { "series?stat=a&stat=b&stat=c", 200 },
        { "series?stat=a&stat=b&stat=c&stat=d", 413 },
        { "series?stat=a,b&stat=c,d", 413 },
        { "properties?stat=a&stat=b&stat=c&stat=d", 413 },
    };

    m = torus_model_create(schema, 1700000000);

    m->limits.points = 100;
    m->limits.stats = 3;

    for (i = 0; i < number_of(cases); i++) {
        torus_model_run(m, cases[i].request, &res);

        is_int(res.status, cases[i].status, "limit: %s", cases[i].request);

        if (res.status == 413) {
            is_int((int64_t) res.stats.commands, 0, "nothing was sent: %s",
                   cases[i].request);
        }

        torus_buf_free(&res.body);
    }

    torus_model_destroy(m);
}


/* What the HTTP side asks besides the body. */
static void
test_manners(void)
{
    torus_model_t  *m;
    torus_result_t  res;

    m = torus_model_create(schema, 1700000000);

    torus_model_point(m, "lat.a", "5", 1699999990);

    torus_model_run(m, "series?stat=lat.a&steps=1&jsonp=my.cb", &res);
    torus_buf_add(&res.body, "", 1);
    is_cstr((char *) res.body.pos,
            "my.cb([{\"stat\":\"lat.a\",\"stat_name\":\"lat.a\","
           "\"target\":\"lat.a\",\"function\":\"mean\",\"schema\":\"lat\","
           "\"interval\":\"minute\",\"datapoints\":[[5.0,1699999980]]}]\n)\n",
           "jsonp");
    is_cstr(res.type, "text/javascript", "the type of jsonp");
    is_int(res.max_age, 60, "a minute's data may be kept for one");
    is_int((int64_t) res.stats.points, 1, "points are counted");
    is_int((int64_t) res.stats.rows, 1, "rows are counted");
    torus_buf_free(&res.body);

    torus_model_run(m, "series?stat=hits.a&format=csv", &res);
    is_cstr(res.type, "text/csv", "the type of csv");
    is_int(res.max_age, 10, "never longer than the step");
    torus_buf_free(&res.body);

    torus_model_run(m, "series?stat=nobodys", &res);
    is_int(res.max_age, 0, "nothing is known of an unknown stat");
    torus_buf_free(&res.body);

    torus_model_run(m, "series", &res);
    torus_buf_add(&res.body, "", 1);
    is_cstr((char *) res.body.pos,
            "{\"error\": \"argument \\\"stat\\\" is missing\"}\n",
           "the body of a fault");
    is_cstr(res.type, "application/json", "the type of a fault");
    is_int(res.max_age, 0, "a fault is not kept");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


/* Splitting and decoding of arguments. */
static void
test_decoding(void)
{
    size_t          n;
    torus_arg_t    *a;
    torus_arena_t  *arena;

    static const char  text[] = "&a=1&&b&=c&d=%41%zz%4&e=x=y+z&a=2&%61=";

    arena = torus_arena_create(1024, 0);

    torus_args_parse(arena, torus_str("", 0), &a, &n);
    is_int((int64_t) n, 0, "an empty query has no arguments");

    torus_args_parse(arena, torus_str(text, strlen(text)), &a, &n);

    if (!is_int((int64_t) n, 7, "seven arguments")) {
        bail_out("the rest of this test needs them");
    }

    is_str(a[0].value, "1", "a value");
    is_str(a[1].name, "b", "a name alone");
    is_str(a[1].value, "", "has an empty value");
    is_str(a[2].name, "", "a value alone");
    is_str(a[3].value, "A%zz%4", "escapes, and what is none");
    is_str(a[4].value, "x=y z", "only the first = separates, + is a blank");
    is_str(a[6].name, "a", "names are decoded");
    is_str(torus_args_get(a, n, "a"), "1", "the first one counts");
    is_str(torus_args_get(a, n, "none"), "", "there is none");

    torus_arena_destroy(arena);
}


/*
 * Requests put together at random: nothing but the statuses that are
 * defined, and every whole body is what its type says.
 */
static void
test_random(void)
{
    char            request[1024];
    size_t          i, k, n, bad, faults[600];
    json_t         *body;
    uint32_t        x;
    const char     *s;
    torus_model_t  *m;
    torus_result_t  res;

    static const char *const  commands[] = {
        "series", "series", "series", "series", "list", "properties"
    };

    static const char *const  parts[] = {
        "stat=lat.a", "stat=hits.a", "stat=raw.a", "stat=raw.a,raw.b",
        "stat=p95(lat.a,lat.b)", "stat=count(hits.a)", "stat=rate(lat.a)",
        "stat=sum(raw.a)", "stat=nobody", "stat=%01%ff%", "stat=max()",
        "stat=", "stat=first(raw.b)", "stat=(((", "stat=a,,b,", "stat",
        "format=json", "format=csv", "format=graphite", "format=x",
        "condense=1", "collapse=true", "pretty=1", "interval=hour",
        "interval=tens", "interval=zzz", "schema=raw", "schema=lat",
        "schema=none", "start=1", "start=-1h", "end=now", "end=-2h",
        "start=1699999000", "end=1700000100.5", "steps=3", "steps=0",
        "steps=99999", "steps=-4", "steps=1e3", "start=9999-12-31",
        "end=1970-01-01", "fill=none", "fill=linear", "fill=previous",
        "fill=-1.5", "fill=nan", "jsonp=f", "jsonp=<", "match=*",
        "match=lat.?", "match={a,b", "match=~x", "tz=UTC", "tz=%2e%2e/x",
        "=", "&&", "%", "start=now&end=now"
    };

    m = torus_model_create(schema, 1700000000);
    m->limits.points = 50000;
    m->limits.stats = 6;
    m->limits.slice = 50;
    x = 12345;

    for (i = 0; i < 600; i++) {
        x = x * 1664525 + 1013904223;
        s = i % 3 == 0 ? "lat" : i % 3 == 1 ? "hits" : "raw";
        snprintf(request, sizeof(request), "%s.%c", s, 'a' + (int) (i & 1));
        torus_model_point(m, request, i % 7 == 0 ? "1.5" : "3",
                          1700000000 - (int64_t) (x % 4000));
    }

    memset(faults, 0, sizeof(faults));
    bad = 0;

    for (i = 0; i < 2000; i++) {
        x = x * 1664525 + 1013904223;
        s = commands[(x >> 16) % number_of(commands)];
        n = (size_t) snprintf(request, sizeof(request), "%s?", s);

        for (k = 0; k < 1 + (x >> 8 & 7); k++) {
            x = x * 1664525 + 1013904223;
            n += (size_t) snprintf(request + n, sizeof(request) - n, "%s&",
                                   parts[(x >> 12) % number_of(parts)]);
        }

        torus_model_run(m, request, &res);

        if (res.status >= 600 || res.broken
            || (res.status != 200 && *res.error == '\0'))
        {
            bad++;
            diag("status %u of %s", res.status, request);

        } else {
            faults[res.status]++;
        }

        body = torus_model_json(&res);

        if (strcmp(res.type, "application/json") == 0
            && (body == NULL
                || (res.status != 200
                    && !json_is_string(json_object_get(body, "error")))))
        {
            bad++;
            diag("no JSON for %s", request);
        }

        json_decref(body);
        torus_buf_free(&res.body);
    }

    is_int((int64_t) bad, 0, "each random request has a sound answer");
    is_int((int64_t) (faults[200] + faults[400] + faults[404] + faults[413]),
           2000, "only the statuses that are defined: %zu 200, %zu 400, "
           "%zu 404, %zu 413", faults[200], faults[400], faults[404],
           faults[413]);
    ok(faults[200] > 100 && faults[400] > 100 && faults[404] > 10
       && faults[413] > 10, "and each of them");

    torus_model_destroy(m);
}


int
main(void)
{
    test_vectors("t/vectors/query.json", departures,
                 number_of(departures));
    test_vectors("t/vectors/weekly_upstream.json", weekly,
                 number_of(weekly));
    test_arguments();
    test_limits();
    test_manners();
    test_decoding();
    test_random();

    return done_testing();
}
