/*
 * /render without the server: which leaves a request needs, that each is
 * fetched once, that windows reach back, that distributions are merged
 * before anything is taken from them, how points are put together, what the
 * limits do, and what is said of mistakes.
 */

#include "torus_fold.h"
#include "torus_graph_model.h"


static model_t  m;


static void
answers(const char *target, size_t max, const char *want, const char *what)
{
    const char  *targets[2];

    targets[0] = target;
    targets[1] = NULL;

    model_init(&m);
    m.max = max;
    model_run(&m, targets);

    is_str(torus_str(m.text, m.len), want, "%s", what);

    if (m.rc != TORUS_OK) {
        diag("%d: %s", m.rc, m.err.text);
    }
}


static void
refused(const char *target, unsigned status, const char *reason)
{
    const char  *targets[2];

    targets[0] = target;
    targets[1] = NULL;

    model_run(&m, targets);

    ok(m.rc == TORUS_INVALID || m.rc == TORUS_ERROR, "%.60s is refused",
       target);
    is_int(m.status, status, "with status %u", status);
    like(m.err.text, reason, "and a reason");
    ok(strchr(m.err.text, '\n') == NULL, "on one line");
}


static torus_arena_t  *arena;


static torus_graph_leaf_t **
prepared(const char *const *targets, size_t *n)
{
    size_t          i;
    model_t        *model;
    torus_graph_t  *g;
    torus_error_t   err;

    model = malloc(sizeof(model_t));
    if (model == NULL) {
        bail_out("out of memory");
    }

    model_init(model);
    g = torus_graph_create(arena, &model->params);
    free(model);

    for (i = 0; targets[i] != NULL; i++) {
        if (torus_graph_prepare(g, model_z(targets[i]), &err) != TORUS_OK) {
            bail_out("%s: %s", targets[i], err.text);
        }
    }

    return torus_graph_leaves(g, n);
}


static void
leaves(void)
{
    size_t                n;
    torus_graph_leaf_t  **l;

    static const char *const  once[] = {
        "sumSeries(a.*,b)", "scale(a.*,2)", "percentile(h,95)", "count(h)",
        "aliasSub(b,\"(^.*$)\",\"\\1 A\")", NULL
    };

    static const char *const  forced[] = {
        "a", "interval(a,\"hour\")", "schema(a,\"x\")",
        "interval(sumSeries(a,b),\"hour\")", NULL
    };

    static const char *const  times[] = {
        "timeShift(a,\"1h\")", "movingAverage(b,\"5min\")",
        "timeStack(c,\"1d\",0,2)", "movingAverage(d,5)",
        "timeShift(movingAverage(e,\"5min\"),\"1h\")", NULL
    };

    arena = torus_arena_create(16384, 0);

    l = prepared(once, &n);
    is_int(n, 3, "each path is fetched once");
    is_str(l[0]->path, "a.*", "by its path expression");
    is_int(l[2]->asks, TORUS_GRAPH_ASK_PERCENTILE | TORUS_GRAPH_ASK_COUNT,
           "and what is wanted of it is known");
    is_int(l[0]->span.from, MODEL_START - 60, "over the range");

    l = prepared(forced, &n);
    is_int(n, 4, "an interval or schema by name is another leaf");
    is_str(l[1]->interval, "hour", "interval()");
    is_str(l[2]->schema, "x", "schema()");
    is_str(l[3]->path, "b", "over all that is within");

    l = prepared(times, &n);
    is_int(n, 6, "shifts are leaves");
    is_int(l[0]->span.from, MODEL_START - 3660, "timeShift is another time");
    is_int(l[0]->span.until, MODEL_START + 540 - 3600, "at both ends");
    is_int(l[1]->span.from, MODEL_START - 360, "a window reaches back");
    is_int(l[3]->span.from, MODEL_START - 60 - 86400, "timeStack: each");
    is_int(l[4]->span.from, MODEL_START - 60, "points: known when fetched");
    is_int(l[5]->span.from, MODEL_START - 60 - 3900, "they add up");

    torus_arena_destroy(arena);
}


static void
rounds(void)
{
    static const char *const  plain[] = {
        "s.a", "movingAverage(s.b,\"5min\")", NULL
    };

    static const char *const  points[] = {
        "movingAverage(s.a,3)", "movingSum(s.b,3)", NULL
    };

    static const char *const  nested[] = {
        "movingAverage(movingAverage(s.a,3),2)", NULL
    };

    model_init(&m);
    model_run(&m, plain);
    is_int(m.rounds, 1, "what is known is fetched at once");

    model_init(&m);
    model_run(&m, points);
    is_int(m.rounds, 2, "windows in points take another round");
    is_int(m.nleaves, 4, "for all targets at once");

    model_init(&m);
    model_run(&m, nested);
    is_int(m.rounds, 4, "and nested ones more");
    like(m.text, "movingAverage(movingAverage(s.a,3),2),1699999440,",
         "and begin with the range");

    model_init(&m);
    m.budget = 1;
    model_run(&m, points);
    ok(m.slices > 4, "a small budget makes many slices");
}


/* What graphite-web gave, and the contract quotes. */
static void
points(void)
{
    answers("interpolate(s.a)", 5,
            "interpolate(s.a),1699999560,1700000040,120|2.5,4.5,6.5,8.5,10.0"
            "\n", "points are put together by their mean");
    answers("transformNull(s.b,20)", 3,
            "transformNull(s.b,20),1699999680,1700000040,240|55.0,90.0\n",
            "in buckets that do not move, less a leading part");
    answers("consolidateBy(s.b,\"sum\")", 3,
            "consolidateBy(s.b,\"sum\"),1699999680,1700000040,240|220.0,270.0"
            "\n", "or as consolidateBy says");
    answers("consolidateBy(s.b,\"last\")", 3,
            "consolidateBy(s.b,\"last\"),1699999680,1700000040,240|70.0,100.0"
            "\n", "the last");
    answers("consolidateBy(s.b,\"first\")", 3,
            "consolidateBy(s.b,\"first\"),1699999680,1700000040,240|40.0,80.0"
            "\n", "the first");
    answers("s.b", 5,
            "s.b,1699999560,1700000040,120|None,45.0,65.0,85.0,100.0\n",
            "the example of the contract at 5");
    answers("s.b", 1, "s.b,1699999440,1700000040,600|62.5\n",
            "one point is of all");
    answers("s.a", 10,
            "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,"
            "None,10.0\n", "as many as there are stay");
}


static void
merging(void)
{
    answers("sumSeries(percentile(h.*,50))", 0,
            "sumSeries(percentile(h.x,50),percentile(h.y,50)),1699999440,"
            "1700000040,60|6.0,1000.0,6.0,1000.0,6.0,1000.0,6.0,1000.0,6.0,"
            "1000.0\n",
            "sumSeries merges distributions and takes the percentile last");

    answers("groupByNode(percentile(h.*,50),0,\"avg\")", 0,
            "h,1699999440,1700000040,60|6.0,1000.0,6.0,1000.0,6.0,1000.0,6.0,"
            "1000.0,6.0,1000.0\n", "so does groupByNode");

    answers("summarize(percentile(h.y,50),\"2min\",\"avg\")", 0,
            "summarize(percentile(h.y,50), \"2min\", \"avg\"),1699999440,"
            "1700000160,120|1000.0,1000.0,1000.0,1000.0,1000.0,None\n",
            "so does summarize");

    /* 40 values up to 10 and 10 of 100: the 41st of 50 is 100, while the
       mean of four 9 and one 100 is not even among them */
    answers("percentile(h.x,80)", 2,
            "percentile(h.x,80),1699999500,1700000040,300|9.0,100.0\n",
            "so does the fold to fewer points");

    answers("mean(h.x)", 5,
            "mean(h.x),1699999560,1700000040,120|5.5,5.5,5.5,5.5,100.0\n",
            "the mean is of all values");

    answers("sumSeries(count(h.*))", 0,
            "sumSeries(count(h.x),count(h.y)),1699999440,1700000040,60|10.0,"
            "20.0,10.0,20.0,10.0,20.0,10.0,20.0,10.0,20.0\n",
            "what adds up is a number like others");

    answers("maxSeries(percentile(h.*,50))", 0,
            "maxSeries(percentile(h.x,50),percentile(h.y,50)),1699999440,"
            "1700000040,60|6.0,1000.0,6.0,1000.0,6.0,1000.0,6.0,1000.0,6.0,"
            "1000.0\n", "the greatest percentile is one of them");
}


static void
mistakes(void)
{
    model_init(&m);

    refused("foo(s.a)", 400, "unknown function \"foo\"");
    refused("scale(s.a)", 400, "lacks its argument \"factor\"");
    refused("scale(s.a,2,3)", 400, "at most 2 arguments");
    refused("scale(s.a,\"x\")", 400, "has to be a number");
    refused("scale(2,s.a)", 400, "a path or a function");
    refused("scale(s.a,factor=1,factor=2)", 400,
            "scale() was given its argument \"factor\" twice");
    refused("scale(s.a,other=1)", 400, "no argument \"other\"");
    refused("scale(s.a,1,2)", 400, "takes at most 2 arguments, not 3");
    refused("absolute(s.a,1)", 400, "takes at most 1 argument, not 2");
    refused("summarize(s.a,\"5x\")", 400, "a duration");
    refused("summarize(s.a,\"-5min\")", 400, "longer than nothing");
    refused("movingAverage(s.a,0)", 400, "argument \"windowSize\" of "
            "movingAverage() has to be more than nothing, not \"0\"");
    refused("movingAverage(s.a,\"100y\")", 400, "argument \"windowSize\" of "
            "movingAverage() has to be short enough");
    refused("stdev(s.a,0)", 400, "argument \"points\" of stdev() has to be");
    refused("log(s.a,1)", 400, "argument \"base\" of log() has to be");
    refused("smartSummarize(s.a,\"1h\",\"sum\",\"x\")", 400,
            "argument \"alignTo\" of smartSummarize() has to be a unit");
    refused("timeStack(s.a,\"1h\",0,100)", 400,
            "argument \"timeShiftEnd\" of timeStack() has to be");
    refused("timeStack(s.a,\"1h\",-100)", 400,
            "argument \"timeShiftEnd\" of timeStack() has to be");
    refused("timeStack(s.a,\"50y\",0,3)", 400,
            "argument \"timeShiftUnit\" of timeStack() has to be short");
    refused("time(\"x\",0)", 400, "argument \"step\" of time() has to be");
    refused("randomWalk(\"x\",-5)", 400, "argument \"step\" of randomWalk()");
    refused("removeAbovePercentile(s.a,0)", 400, "argument \"n\" of remove");
    refused("nPercentile(s.a,0)", 400, "argument \"n\" of nPercentile()");
    refused("percentileOfSeries(s.a,0)", 400, "argument \"n\" of percen");
    refused("asPercent(s.a,\"x\")", 400, "argument \"total\" of asPercent() "
            "has to be a path, a function or a number, not \"x\"");
    refused("asPercent(s.a,2,0)", 400, "argument \"total\" of asPercent()");
    refused("asPercent(s.{a,b,c},s.{a,b})", 400, "argument \"total\"");
    refused("groupByNode(s.a,0,\"mode\")", 400, "aggregation");
    refused("filterSeries(s.a,\"max\",\"~\",1)", 400, "one of != <");
    refused("aliasSub(s.a,\"(\",\"\")", 400, "argument \"search\" of "
            "aliasSub() is no regular expression: missing closing");
    refused("grep(s.a,\"[\")", 400,
            "argument \"pattern\" of grep() is no regular expression");
    refused("exclude(s.a,\"*\")", 400,
            "argument \"pattern\" of exclude() is no regular expression");
    refused("aliasSub(s.a,\"a\",\"\\2\")", 400, "argument \"replace\" of "
            "aliasSub() has \"\\2\", which is no group of \"search\"");
    refused("aliasSub(s.a,\"a\",\"\\g<b\")", 400,
            "argument \"replace\" of aliasSub() has \"\\g<\" without");
    refused("aliasSub(s.a,\"a\",\"\\g<b\t>\")", 400, "argument \"replace\" of "
            "aliasSub() has \"\\g<b\\x09>\", which is no group");
    refused("divideSeries(s.a,s.*)", 400, "one series, not 4");
    refused("percentile(s.a,50)", 400, "needs a histogram");
    refused("percentile(h.x,101)", 400, "at most 100");
    refused("s.a)", 400, "the end");
    refused("5.", 400, "node of the path");
    refused("interval(s.a)", 400, "interval() lacks its argument \"name\"");
    refused("schema(s.a,s.b)", 400,
            "argument \"name\" of schema() has to be a string in quotes");
    refused("interval(s.a,\"\")", 400,
            "argument \"name\" of interval() has to be a string in quotes");
    refused("interval(2,\"hour\")", 400, "argument \"seriesList\" of "
            "interval() has to be a path or a function, not \"2\"");
    refused("interval(name=\"hour\")", 400, "lacks its argument");
    refused("interval(s.a,\"a\",\"b\")", 400, "has two arguments");
    refused("schema(s.a,other=\"b\")", 400, "has two arguments");
    refused("schema(s.a,name=\"a\",name=\"b\")", 400, "has two arguments");
    answers("interval(name=\"hour\",seriesList=s.b)", 0,
            "s.b,1699999440,1700000040,120|10.0,None,None,40.0,"
            "50.0\n", "by names too");
    refused("timeShift(s.a,\"100y\")", 400, "before there was time");

    answers("s.none", 0, "", "an unknown metric is no mistake");
    answers("sumSeries(s.none)", 0, "", "nor is a function of it");
    answers("seriesByTag('name=cpu')", 0, "", "nor are tags without any");
}


static void
limits(void)
{
    model_init(&m);
    m.params.max_series = 3;
    refused("s.*", 413, "more than 3 series");

    model_init(&m);
    m.params.max_series = 9;
    refused("histogramBuckets(h.x)", 413, "more than 9 values");

    model_init(&m);
    m.params.max_points = 25;
    refused("scale(group(s.a,s.b),2)", 413, "more than 25 points");

    model_init(&m);
    m.params.max_points = 500;
    refused("summarize(s.a,\"1s\")", 413, "601 points");
    refused("time(\"x\",1)", 413, "600 points");

    model_init(&m);
    m.params.max_leaves = 2;
    refused("group(s.a,s.b,s.c)", 413, "more than 2 different");
}


static void
numbers(void)
{
    size_t   i;
    int64_t  seconds;
    char     want[64];
    double   sorted[4] = { 4, NAN, 1, 3 };

    static const double  values[] = {
        0, -0.0, 1, 0.1, 100000, 1000000, 123456, 1234567, 0.0001, 0.00001,
        1e300, -1.5e-7, 123.456789, 99999.95, 999999.5, 8, 60, 1e15, 5e-324
    };

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        snprintf(want, sizeof(want), "%g", values[i]);
        is_cstr(torus_graph_g(values[i]).text, want, "%%g of %s", want);
    }

    is_cstr(torus_graph_g(INFINITY).text, "inf", "infinity");
    is_cstr(torus_graph_repr(100).text, "100.0", "repr has a point");

    is_double_near(torus_graph_round(2.675, 2), 2.67, 0,
                   "rounding is of the double");
    is_double_near(torus_graph_round(0.5, 0), 0, 0, "half goes to even");
    is_double_near(torus_graph_round(1.5, 0), 2, 0, "up");
    is_double_near(torus_graph_round(-2.5, 0), -2, 0, "or down");
    is_double_near(torus_graph_round(1250, -2), 1200, 0, "in hundreds too");
    is_double_near(torus_graph_round(0.1666666666, 6), 0.166667, 0,
                   "to six places");
    is_double_near(torus_graph_round(1e300, 6), 1e300, 0, "not the large");

    is_double_near(percentile_of(sorted, 4, 50, 0), 3, 0,
                   "a percentile skips what is not there");
    is_double_near(percentile_of(sorted, 3, 0.1, 1), 1, 0,
                   "and begins with the first");

    is_int(torus_graph_duration(model_z("1h30min"), &seconds), TORUS_OK,
           "1h30min is a duration");
    is_int(seconds, 5400, "of so many seconds");
    is_int(torus_graph_duration(model_z("-1mon"), &seconds), TORUS_OK,
           "-1mon is one");
    is_int(seconds, -2592000, "of 30 days");
    is_int(torus_graph_duration(model_z("5m"), &seconds), TORUS_OK,
           "m is minutes");
    is_int(seconds, 300, "of 60 seconds");
    is_int(torus_graph_duration(model_z("5"), &seconds), TORUS_DECLINED,
           "a number is none");
    is_int(torus_graph_duration(model_z(""), &seconds), TORUS_DECLINED,
           "nothing is none");
    is_int(torus_graph_duration(model_z("9999999999999999999h"), &seconds),
           TORUS_DECLINED, "nor is what no clock has");
}


int
main(void)
{
    leaves();
    rounds();
    points();
    merging();
    mistakes();
    limits();
    numbers();

    return done_testing();
}
