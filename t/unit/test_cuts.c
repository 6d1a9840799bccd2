/*
 * Where a slice ends changes no answer: all kinds of requests with slices
 * of a few operations, of other lengths each time, and of any length, which
 * must be the same, byte for byte.
 */

#include "torus_model.h"


#define NOW  1709210000     /* 2024-02-29 12:33:20 */

#define CUTS_SHORT  16      /* the least with which anything goes on */

#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


/* 0: without an end; else so many operations, and some by chance. */
static int64_t   cuts_most;
static uint32_t  cuts_chance;

size_t           torus_cuts_large;


int64_t
torus_cuts_slice(void)
{
    if (cuts_most == 0) {
        return INT64_MAX / 2;
    }

    cuts_chance = cuts_chance * 1664525 + 1013904223;

    return CUTS_SHORT + (int64_t) (cuts_chance >> 8) % cuts_most;
}


static const char  schema[] =
    "\"intervals\": {"
    "  \"m\": { \"step\": 60, \"steps\": 200 },"
    "  \"h\": { \"step\": \"1h\", \"steps\": 6, \"resolution\": 60,"
    "    \"layout\": \"%s\" },"
    "  \"odd\": { \"step\": 1000, \"steps\": 9, \"resolution\": 70,"
    "    \"layout\": \"%s\" },"
    "  \"d\": { \"step\": \"daily\", \"steps\": 60, \"resolution\": \"7h\","
    "    \"layout\": \"%s\" },"
    "  \"w\": { \"step\": \"weekly\", \"resolution\": \"daily\","
    "    \"layout\": \"%s\" },"
    "  \"y\": { \"step\": \"yearly\", \"resolution\": \"weekly\","
    "    \"layout\": \"%s\" } }";


static const char *const  types[] = {
    "count", "gauge", "histogram", "series", "set"
};


static const char *const  requests[] = {
    "series?stat=%s.a",
    "series?stat=%s.a&format=json",
    "series?stat=%s.a&fill=linear",
    "series?stat=%s.a&fill=previous&jsonp=f",
    "series?stat=%s.a&collapse=1&format=json",
    "series?stat=%s.a,%s.b&stat=%s.c&interval=h",
    "series?stat=%s.a,%s.b&interval=h&format=json",
    "series?stat=%s.b,%s.a&interval=h&format=json&condense=1",
    "series?stat=%s.b,%s.a&interval=h&format=json&collapse=1",
    "series?stat=%s.b,%s.a&interval=h&collapse=1",
    "series?stat=first(%s.a,%s.c)&interval=odd&format=json&condense=1",
    "series?stat=last(%s.a)&interval=odd&format=json",
    "series?stat=%s.a&interval=odd",
    "series?stat=max(%s.a)&interval=h&fill=linear&steps=12",
    "series?stat=%s.a&interval=d&format=json",
    "series?stat=%s.a&interval=d",
    "series?stat=%s.a&interval=d&format=json&condense=1",
    "series?stat=%s.a,%s.b&interval=d&collapse=1&format=json",
    "series?stat=%s.a&interval=w&format=json&steps=9",
    "series?stat=%s.a,%s.c&interval=y&format=json&steps=3",
    "series?stat=%s.a&stat=%s.b&stat=%s.nobody&interval=h&steps=2",
    "series?stat=%s.a&interval=h&start=1709206000&end=1709208000",
    "series?stat=%s.a&interval=d&start=1708000000&end=1709100000",
    "properties?stat=%s.a&stat=%s.b&stat=%s.nobody",
    "list?match=%s.*",
    "list",
    "delete?stat=%s.a&dry_run=1",
    "metrics/find?query=%s.*",
    "metrics/find?query=*.*&format=completer",
    "metrics/find?query=**&format=nodelist",
    "metrics/find?query=*&wildcards=1&jsonp=cb",
    "metrics/find?query=%s.*&format=json",
    "metrics/find?query=*.{a,b}&format=pickle",
    "metrics/expand?query=%s.*&query=*.b",
    "metrics/expand?query=%s.*&query=*&groupByExpr=1",
    "metrics/index.json",
    "render?target=%s.a&from=-3h&until=now&format=json",
    "render?target=%s.*&from=-20min&format=json&noNullPoints=1",
    "render?target=%s.*&from=-20min&until=-3min&format=json&jsonp=x",
    "render?target=%s.*&target=%s.a&from=-40min&format=raw",
    "render?target=%s.*&from=-20min&format=csv",
    "render?target=%s.*&from=-20min&format=pickle",
    "render?target=*.*&from=-2h&format=json&maxDataPoints=11",
    "render?target=%s.a&from=-2h&format=json&maxDataPoints=1",
    "render?target=interval(%s.a,\"odd\")&from=-1h&format=csv",
    "render?target=interval(%s.a,\"d\")&from=-10d&format=json",
    "render?target=interval(%s.*,\"y\")&from=-300d&format=json",
    "render?target=interval(%s.*,\"w\")&from=-60d&format=json",
};


/* Of a list l, each asked for in the same way. */
static const char *const  functions[] = {
    "sumSeries(%s)", "averageSeries(%s)", "maxSeries(%s)", "minSeries(%s)",
    "stddevSeries(%s)", "rangeOfSeries(%s)", "multiplySeries(%s)",
    "diffSeries(%s)", "countSeries(%s)", "aggregate(%s,\"median\")",
    "aggregate(%s,\"avg_zero\")", "aggregate(%s,\"last\")",
    "percentileOfSeries(%s,75)", "percentileOfSeries(%s,75,true)",
    "asPercent(%s)", "asPercent(%s,200)", "asPercent(%s,sumSeries(*.a))",
    "asPercent(%s,%s)",
    "divideSeries(%s,sumSeries(*.b))", "weightedAverage(%s,%s,0)",
    "weightedAverage(%s,%s,1)", "weightedAverage(%s,%s,0,1)",
    "groupByNode(%s,1)", "groupByNode(%s,0,\"max\")",
    "groupByNodes(%s,\"sum\",0,1)", "sumSeriesWithWildcards(%s,0)",
    "averageSeriesWithWildcards(%s,1)", "groupByTags(%s,\"sum\",\"name\")",
    "alias(%s,\"x\")", "aliasByNode(%s,1)", "aliasByMetric(%s)",
    "aliasSub(%s,\"(^.*$)\",\"\\1 A\")", "scale(%s,3)",
    "scaleToSeconds(%s,1)", "offset(%s,1)", "absolute(%s)", "invert(%s)",
    "pow(%s,2)", "squareRoot(%s)", "round(%s,1)", "log(%s)",
    "derivative(%s)", "nonNegativeDerivative(%s)", "perSecond(%s,100)",
    "integral(%s)", "integralByInterval(%s,\"10min\")", "keepLastValue(%s)",
    "keepLastValue(%s,2)", "interpolate(%s)", "interpolate(%s,3)",
    "transformNull(%s,-1)", "isNonNull(%s)", "changed(%s)",
    "summarize(%s,\"7min\")", "summarize(%s,\"10min\",\"max\",true)",
    "summarize(%s,\"1h\",\"median\")", "summarize(%s,\"1h\",\"last\")",
    "smartSummarize(%s,\"10min\",\"sum\")", "hitcount(%s,\"5min\")",
    "hitcount(%s,\"7min\",true)", "movingAverage(%s,5)",
    "movingAverage(%s,\"10min\")", "movingMedian(%s,7)",
    "movingSum(%s,3)", "movingMin(%s,4)", "movingMax(%s,\"9min\",0.5)",
    "movingWindow(%s,6,\"stddev\")", "movingWindow(%s,6,\"last\")",
    "movingWindow(%s,6,\"range\")", "exponentialMovingAverage(%s,5)",
    "exponentialMovingAverage(%s,\"5min\")", "stdev(%s,5)",
    "timeShift(%s,\"20min\")", "timeStack(%s,\"10min\",0,3)", "delay(%s,3)",
    "nPercentile(%s,60)", "removeBelowValue(%s,5)",
    "removeAboveValue(%s,9)", "removeBelowPercentile(%s,30)",
    "removeAbovePercentile(%s,70)", "highestAverage(%s,2)",
    "highestCurrent(%s,2)", "highestMax(%s,1)", "lowestAverage(%s,2)",
    "lowestCurrent(%s,1)", "highest(%s,2,\"sum\")", "lowest(%s,2,\"last\")",
    "averageAbove(%s,5)", "currentBelow(%s,20)", "maximumAbove(%s,9)",
    "minimumBelow(%s,0)", "filterSeries(%s,\"max\",\">\",10)", "limit(%s,2)",
    "grep(%s,\"a\")", "exclude(%s,\"a\")", "unique(%s,*.a)",
    "removeEmptySeries(%s,0.5)", "mostDeviant(%s,2)",
    "sortByName(%s,true,true)", "sortByTotal(%s)", "sortByMaxima(%s)",
    "sortByMinima(%s)", "sortBy(%s,\"median\",true)",
    "aggregateLine(%s,\"max\")", "consolidateBy(%s,\"max\")",
    "cumulative(%s)", "group(%s,*.a)", "fallbackSeries(%s,*.a)",
    "fallbackSeries(no.*,%s)", "summarize(%s,\"3min\",\"avg\",true)",
    "movingMedian(summarize(%s,\"2min\"),\"20min\")",
    "sumSeries(interval(%s,\"m\"),interval(%s,\"odd\"))",
    "averageSeries(interval(%s,\"h\"),interval(%s,\"odd\"))",
    "divideSeries(interval(%s,\"odd\"),interval(gauge.a,\"m\"))",
    "movingAverage(timeShift(%s,\"10min\"),5)",
};


/* Of histograms and lists of values. */
static const char *const  distributions[] = {
    "percentile(%s,90)", "count(%s)", "sum(%s)", "mean(%s)", "rate(%s)",
    "histogramBuckets(%s)", "summarize(percentile(%s,90),\"30min\")",
    "sumSeries(percentile(%s,75))", "groupByNode(percentile(%s,50),0)",
    "averageSeries(percentile(interval(%s,\"h\"),75),mean(%s))",
    "histogramBuckets(summarize(mean(%s),\"10min\"))",
    "movingAverage(percentile(%s,90),5)",
};


static torus_model_t *
model(const char *layout)
{
    char            set[2048], text[16384], *p;
    size_t          i;
    torus_model_t  *m;

    snprintf(set, sizeof(set), schema, layout, layout, layout, layout,
             layout);

    p = text + sprintf(text, "{ \"TIMESERIES\": {");

    for (i = 0; i < number_of(types); i++) {
        p += sprintf(p, "%s\"%s\": { \"type\": \"%s\", \"match\": \"%s.*\","
                     "\"host\": \"h%zu:1/0\", %s }", i == 0 ? "" : ",",
                     types[i], types[i], types[i], i / 2, set);
    }

    sprintf(p, "} }");

    m = torus_model_create(text, NOW);
    torus_model_index(m);

    return m;
}


static void
points(torus_model_t *m)
{
    char      stat[32], value[32];
    size_t    i;
    int64_t   ago;
    uint32_t  x;

    x = 11;

    for (i = 0; i < 3000; i++) {
        x = x * 1664525 + 1013904223;

        snprintf(stat, sizeof(stat), "%s.%c", types[i % 5],
                 'a' + (int) (x >> 24) % 3);
        snprintf(value, sizeof(value), x >> 28 == 0 ? "%u.5"
                 : x >> 28 == 1 ? "-%u" : "%u", x >> 16 & 31);

        ago = x >> 8 & 0x1fff;

        if (i % 7 == 0) {
            ago *= 977;
        }

        torus_model_point(m, stat, value, NOW - ago);
    }
}


/* Slices without an end, then short ones. */
static void
compare(torus_model_t *m, const char *request)
{
    int64_t         most;
    torus_result_t  x, y;

    cuts_most = 0;
    torus_cuts_large = SIZE_MAX;
    torus_model_run(m, request, &x);

    for (most = 1; most <= 400; most *= 20) {
        cuts_most = most;
        torus_cuts_large = (size_t) most;
        torus_model_run(m, request, &y);

        is_int(y.status, x.status, "%s: %u", request, x.status);
        is_mem(y.body.pos, torus_buf_len(&y.body), x.body.pos,
               torus_buf_len(&x.body), "%s, slices of %d", request,
               (int) most);
        is_int((int64_t) y.stats.rows, (int64_t) x.stats.rows,
               "%s, as many rows", request);
        is_int((int64_t) y.stats.commands, (int64_t) x.stats.commands,
               "%s, as many commands", request);

        torus_buf_free(&y.body);
    }

    torus_buf_free(&x.body);
}


static void
test_requests(torus_model_t *m)
{
    char    text[512];
    size_t  i, k;

    for (i = 0; i < number_of(requests); i++) {
        for (k = 0; k < number_of(types); k++) {
            snprintf(text, sizeof(text), requests[i], types[k], types[k],
                     types[k]);
            compare(m, text);
        }
    }
}


/* Of a list of series each. */
static void
test_functions(torus_model_t *m, const char *const *functions, size_t n,
    const char *list, const char *points)
{
    char    target[256], text[512];
    size_t  i;

    for (i = 0; i < n; i++) {
        snprintf(target, sizeof(target), functions[i], list, list);
        snprintf(text, sizeof(text), "render?target=%s&from=-90min"
                 "&format=json&maxDataPoints=%s", target, points);
        compare(m, text);
    }
}


int
main(void)
{
    size_t          i;
    torus_model_t  *m;

    static const char *const  layouts[] = { "kairos", "packed" };
    static const size_t       keys[] = { 16, 300 };

    for (i = 0; i < number_of(layouts); i++) {
        m = model(layouts[i]);
        m->limits.slice = keys[i];

        points(m);
        test_requests(m);

        test_functions(m, functions, number_of(functions), "gauge.*", "1000");
        test_functions(m, functions, number_of(functions), "{count,set}.*",
                       "17");
        test_functions(m, functions, number_of(functions), "histogram.*",
                       "31");
        test_functions(m, distributions, number_of(distributions),
                       "histogram.*", "1000");
        test_functions(m, distributions, number_of(distributions),
                       "{series,histogram}.*", "13");

        torus_model_destroy(m);
    }

    return done_testing();
}
