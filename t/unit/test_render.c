/*
 * /render from arguments to answers, against the model of Redis: that
 * nothing is fetched twice, that neither the size of a slice nor how fast a
 * client reads changes an answer, and that every fault of a store ends in a
 * clean fault or a broken answer.
 */

#include "torus_model.h"


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"cnt\": { \"type\": \"count\", \"match\": \"cnt.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 600 },"
    "      \"r\": { \"step\": 100, \"steps\": 600, \"resolution\": 20 } } },"
    "  \"his\": { \"type\": \"histogram\", \"match\": \"his.*\","
    "    \"host\": \"localhost:6380/1\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 600 } } },"
    "  \"ser\": { \"type\": \"series\", \"match\": \"ser.*\","
    "    \"fold\": \"max\","
    "    \"host\": \"unix:/tmp/r.sock\","
    "    \"intervals\": { \"odd\": { \"step\": 100, \"steps\": 60,"
    "      \"resolution\": 30 } } }"
    "} }";


static const char *const  requests[] = {
    "render?target=cnt.a&from=-100s",
    "render?target=cnt.a&target=scale(cnt.b,2)&from=-1000s&format=raw",
    "render?target=cnt.a&from=-5h&format=csv",
    "render?target=interval(cnt.a,'r')&from=-1000s",
    "render?target=his.a&target=percentile(his.b,90)&from=-1000s",
    "render?target=sumSeries(his.a,his.b)&from=-1000s&maxDataPoints=7",
    "render?target=ser.a&target=ser.b&from=-2000s&format=pickle",
    "render?target=movingAverage(cnt.a,5)&target=cnt.a&from=-300s",
    "render?target=timeShift(cnt.a,'10min')&target=cnt.a&from=-300s",
    "render?target=group(cnt.a,his.a,ser.a)&from=-900s&jsonp=call.me",
    "render?target=cnt.*&target=scale(cnt.*,2)&from=-1000s",
    "render?target=*.a&target=sumSeries({cnt,ser}.?)&from=-900s",
    "render?target=nobody.*&target=seriesByTag('a=b')&from=-100s",
    "render?target=cnt.none&target=nobody&from=-100s",
    "render?target=constantLine(1)&from=-100s",
};


#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


static torus_model_t *
world(void)
{
    char            stat[16], value[16];
    size_t          i;
    uint32_t        x;
    torus_model_t  *m;

    static const char *const  types[] = { "cnt", "his", "ser" };

    m = torus_model_create(schema, 1000000);
    torus_model_index(m);
    x = 1;

    for (i = 0; i < 3000; i++) {
        x = x * 1664525 + 1013904223;

        snprintf(stat, sizeof(stat), "%s.%c", types[i % 3],
                 'a' + (int) (x >> 24 & 1));
        snprintf(value, sizeof(value), "%u", x >> 16 & 15);

        torus_model_point(m, stat, value, 1000000 - (int64_t) (x % 5900));
    }

    return m;
}


static void
test_slices(void)
{
    size_t          i, k;
    torus_model_t  *m;
    torus_result_t  whole, part;

    static const size_t  slices[] = { 1, 3, 64, 1000 };

    m = world();

    for (i = 0; i < number_of(requests); i++) {
        memset(&m->limits, 0, sizeof(torus_limits_t));
        m->drain = 0;

        torus_model_run(m, requests[i], &whole);
        is_int(whole.status, 200, "%s", requests[i]);
        ok(torus_buf_len(&whole.body) != 0, "%s: has an answer", requests[i]);

        for (k = 0; k < number_of(slices); k++) {
            m->limits.slice = slices[k];
            m->drain = slices[k] * 5;

            torus_model_run(m, requests[i], &part);

            is_mem(part.body.pos, torus_buf_len(&part.body),
                   whole.body.pos, torus_buf_len(&whole.body),
                   "%s in slices of %zu", requests[i], slices[k]);

            torus_buf_free(&part.body);
        }

        torus_buf_free(&whole.body);
    }

    torus_model_destroy(m);
}


static void
without_blanks(torus_buf_t *b)
{
    unsigned char  *p, *to;

    for (p = b->pos, to = b->pos; p < b->last; p++) {
        if (*p != ' ' && *p != '\n') {
            *to++ = *p;
        }
    }

    b->last = to;
}


/* What is pretty is written at the end, and shows the same points. */
static void
test_ahead(void)
{
    size_t          i;
    char            pretty[256];
    torus_model_t  *m;
    torus_result_t  one, two;

    static const char *const  targets[] = {
        "target=cnt.*",
        "target=*.a",
        "target=alias(cnt.a,'x')&target=sortByTotal(his.*)",
        "target=cnt.*&target=scale(cnt.*,2)&target=offset(cnt.a,0)",
        "target=cnt.a&target=timeShift(cnt.a,'100s')",
        "target=cnt.*&target=movingAverage(cnt.*,3)",
        "target=consolidateBy(cnt.*,'sum')&target=his.*&maxDataPoints=7",
        "target=cnt.*&maxDataPoints=100000",
        "target=group(cnt.*,his.b)&target=smartSummarize(cnt.*,'1min')",
        "target=transformNull(cnt.*,-1)&target=cnt.*",
        "target=keepLastValue(*.b)&target=*.b"
    };

    m = world();

    for (i = 0; i < number_of(targets); i++) {
        snprintf(pretty, sizeof(pretty), "render?%s&from=-3000s&pretty=1",
                 targets[i]);

        torus_model_run(m, pretty, &two);

        pretty[strlen(pretty) - strlen("&pretty=1")] = '\0';
        torus_model_run(m, pretty, &one);

        ok(torus_buf_len(&one.body) < torus_buf_len(&two.body),
           "%s: pretty", targets[i]);

        without_blanks(&one.body);
        without_blanks(&two.body);

        ok(torus_buf_len(&one.body) > 200, "%s: points", targets[i]);
        is_mem(one.body.pos, torus_buf_len(&one.body),
               two.body.pos, torus_buf_len(&two.body),
               "%s: written ahead or not", targets[i]);

        torus_buf_free(&one.body);
        torus_buf_free(&two.body);
    }

    torus_model_destroy(m);
}


/* Targets that need the same buckets share them. */
static void
test_once(void)
{
    torus_model_t  *m;
    torus_result_t  one, two;

    m = world();

    torus_model_run(m, "render?target=cnt.a&from=-1000s", &one);
    torus_model_run(m, "render?target=cnt.a&target=scale(cnt.a,2)"
                    "&target=sumSeries(cnt.a,cnt.a)&from=-1000s", &two);

    is_int(one.stats.rounds, 1, "one round trip");
    is_int(two.stats.rounds, 1, "of three targets, too");
    is_int(two.stats.rows, one.stats.rows, "and no bucket twice");

    torus_buf_free(&two.body);

    torus_model_run(m, "render?target=movingAverage(cnt.a,'100s')"
                    "&target=cnt.a&from=-1000s", &two);

    is_int(two.stats.rounds, 1, "a window that begins before shares them");
    ok(two.stats.rows <= one.stats.rows + 11, "and adds only its own");

    torus_buf_free(&one.body);
    torus_buf_free(&two.body);

    torus_model_destroy(m);
}


/* Each reply in turn is an error of the store. */
static void
test_faults(void)
{
    size_t          i, k, n;
    size_t          bad;
    torus_model_t  *m;
    torus_result_t  res;

    m = world();
    m->fault = "-LOADING Redis is loading the dataset in memory\r\n";

    for (i = 0; i < number_of(requests); i++) {
        m->fault_at = 0;

        torus_model_run(m, requests[i], &res);
        n = res.replies;
        torus_buf_free(&res.body);

        bad = 0;

        for (k = 1; k <= n; k++) {
            m->fault_at = k;

            torus_model_run(m, requests[i], &res);
            bad += res.status != 503 || res.broken
                   || strcmp(res.type, "text/plain") != 0
                   || memchr(res.body.pos, '\n', torus_buf_len(&res.body))
                      != res.body.last - 1;
            torus_buf_free(&res.body);
        }

        is_int(bad, 0, "%s: %zu faults, each a line of text", requests[i], n);
    }

    torus_model_destroy(m);
}


/* Little memory, few points: a fault, whatever runs out. */
static void
test_limits(void)
{
    size_t          i, k;
    size_t          bad;
    torus_model_t  *m;
    torus_result_t  res;

    m = world();

    for (i = 0; i < number_of(requests); i++) {
        bad = 0;

        for (k = 1; k < 24; k++) {
            memset(&m->limits, 0, sizeof(torus_limits_t));
            m->limits.memory = (size_t) 1 << k;

            torus_model_run(m, requests[i], &res);
            bad += res.status != 200 && res.status != 413
                   && res.status != 500;
            torus_buf_free(&res.body);
        }

        is_int(bad, 0, "%s: with little memory", requests[i]);
    }

    memset(&m->limits, 0, sizeof(torus_limits_t));
    m->limits.points = 50;

    torus_model_run(m, "render?target=cnt.a&from=-1000s", &res);
    is_int(res.status, 413, "more points than may be read");
    torus_buf_free(&res.body);

    torus_model_run(m, "render?target=cnt.a&from=-200s", &res);
    is_int(res.status, 200, "and not more");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


int
main(void)
{
    test_slices();
    test_ahead();
    test_once();
    test_faults();
    test_limits();

    return done_testing();
}
