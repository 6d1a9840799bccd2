/*
 * What is done ahead of its turn: slices that are read while others are
 * written, and points that become text while others are waited for.  Three
 * hosts answer one reply at a time in any order, requests have any memory
 * between next to nothing and enough, and each reply in turn is a fault.  None
 * of it changes an answer.
 */

#include "torus_model.h"


#define NOW  1704326400     /* 2024-01-04, in a week that a new year cuts */

#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"cnt\": { \"type\": \"count\", \"match\": \"cnt.*\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 500 } } },"
    "  \"pak\": { \"type\": \"count\", \"match\": \"pak.*\","
    "    \"host\": \"localhost:6380/1\","
    "    \"intervals\": { \"h\": { \"step\": 3600, \"steps\": 9,"
    "      \"resolution\": 60, \"layout\": \"packed\" },"
    "      \"y\": { \"step\": \"yearly\", \"resolution\": \"weekly\","
    "        \"layout\": \"packed\" } } },"
    "  \"sub\": { \"type\": \"gauge\", \"match\": \"sub.*\","
    "    \"host\": \"unix:/tmp/r.sock\","
    "    \"intervals\": { \"h\": { \"step\": 3600, \"steps\": 9,"
    "      \"resolution\": 60 }, \"w\": { \"step\": \"weekly\" } } },"
    "  \"his\": { \"type\": \"histogram\", \"match\": \"his.*\","
    "    \"host\": \"localhost:6380/1\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 500 } } }"
    "} }";


/* As the keys are: numbers, packed, in two rounds, of several hosts. */
static const char *const  requests[] = {
    "render?target=cnt.*&from=-1h",
    "render?target=pak.*&from=-2h",
    "render?target=*.*&from=-30min",
    "render?target=cnt.a&target=pak.a&target=sub.a&target=cnt.b&target=pak.b"
        "&target=sub.b&from=-1h",
    "render?target=cnt.none&target=pak.*&target=nobody&target=sub.none"
        "&from=-1h",
    "render?target=sub.*&target=scale(sub.*,2)&from=-1h",
    "render?target=alias(*.a,'x')&target=timeShift(*.a,'20min')&from=-30min",
    "render?target=interval(pak.*,'y')&target=interval(sub.*,'w')"
        "&from=-40d&until=now",
    "render?target=limit(sortByTotal(cnt.*),2)&target=sumSeries(pak.*)"
        "&from=-1h",
    "render?target=cnt.*&target=pak.*&from=-1h&maxDataPoints=20",
    "series?stat=pak.a&stat=sub.b&stat=pak.c&steps=5&interval=h",
    "series?stat=cnt.a&stat=max(his.a)&stat=cnt.b,cnt.c&stat=his.d&steps=30",
    "series?stat=sub.a&stat=pak.b&interval=h&format=json&steps=9",
};


static torus_model_t *
world(void)
{
    char            stat[16], value[16];
    size_t          i;
    int64_t         ago;
    uint32_t        x;
    torus_model_t  *m;

    static const char *const  types[] = { "cnt", "pak", "sub", "his" };

    m = torus_model_create(schema, NOW);
    torus_model_index(m);
    x = 1;

    for (i = 0; i < 2000; i++) {
        x = x * 1664525 + 1013904223;

        snprintf(stat, sizeof(stat), "%s.%c", types[i % 4],
                 'a' + (int) (x >> 24) % 4);
        snprintf(value, sizeof(value), i % 9 ? "%u" : "%u.25", x >> 16 & 63);

        ago = (int64_t) (x >> 8 & 0x1fff);

        if (i % 8 < 2) {
            ago = ago * 400;
        }

        torus_model_point(m, stat, value, NOW - ago);
    }

    return m;
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


/* What is pretty is not written ahead. */
static void
test_pretty(torus_model_t *m, const char *request, const torus_buf_t *want)
{
    char            pretty[512];
    torus_buf_t     one;
    torus_result_t  res;

    if (strncmp(request, "render", 6) != 0) {
        return;
    }

    snprintf(pretty, sizeof(pretty), "%s&pretty=1", request);
    torus_model_run(m, pretty, &res);

    ok(torus_buf_len(&res.body) > torus_buf_len(want), "%s: pretty", request);
    torus_buf_init(&one, 0);
    torus_buf_add(&one, want->pos, torus_buf_len(want));

    without_blanks(&one);
    without_blanks(&res.body);

    is_mem(res.body.pos, torus_buf_len(&res.body), one.pos,
           torus_buf_len(&one), "%s: the same, pretty", request);

    torus_buf_free(&one);
    torus_buf_free(&res.body);
}


/* One answer; 1: there was one, 0: it had too little memory. */
static int
attempt(torus_model_t *m, const char *request, const torus_result_t *whole)
{
    int             right;
    torus_result_t  res;

    torus_model_run(m, request, &res);

    right = res.owed == 0
            && torus_buf_len(&res.body) == torus_buf_len(&whole->body)
            && memcmp(res.body.pos, whole->body.pos,
                      torus_buf_len(&whole->body)) == 0;

    if (res.status == 413 && m->limits.memory != 0) {
        right = strstr(res.error, "\"torus_max_memory\"") != NULL ? 0 : -1;

    } else if (res.status != 200 || !right) {
        right = -1;
    }

    if (right == -1) {
        diag("%s, slices of %zu, memory %zu: %u %s, %zu replies owed",
             request, m->limits.slice, m->limits.memory, res.status,
             res.error, res.owed);
    }

    torus_buf_free(&res.body);

    return right;
}


/* Any order of replies, and any memory. */
static void
test_orders(torus_model_t *m, const char *request,
    const torus_result_t *whole)
{
    int     rc, wrong;
    size_t  i, k, limit, right;

    static const size_t  slices[] = { 1, 2, 5, 17, 60, 400 };

    wrong = 0;
    right = 0;

    for (i = 0; i < number_of(slices); i++) {
        m->limits.slice = slices[i];

        for (k = 0; k < 20; k++) {
            m->limits.memory = 0;
            m->chance = (uint32_t) (k * 977 + i + 1);
            m->drain = k % 3 == 0 ? 100 : 0;

            wrong += attempt(m, request, whole) != 1;
        }

        for (limit = 4000; limit < 3 * whole->stats.memory;
             limit += limit / 24)
        {
            m->limits.memory = limit;
            m->chance = (uint32_t) limit;

            rc = attempt(m, request, whole);

            wrong += rc == -1;
            right += rc == 1;
        }
    }

    m->chance = 0;
    m->drain = 0;
    memset(&m->limits, 0, sizeof(torus_limits_t));

    is_int(wrong, 0, "%s: the same answer in any order", request);
    ok(right > 0, "%s: %zu times with a limit", request, right);
}


/* Each reply is a fault: said so before there is an answer, or broken off. */
static void
test_faults(torus_model_t *m, const char *request,
    const torus_result_t *whole)
{
    size_t          k, bad;
    torus_result_t  res;

    bad = 0;
    m->limits.slice = 17;
    m->fault = "-LOADING Redis is loading the dataset in memory\r\n";

    for (k = 1; k < 2000; k++) {
        m->fault_at = k;
        m->chance = (uint32_t) (7 * k);

        torus_model_run(m, request, &res);

        if (res.replies < k) {
            torus_buf_free(&res.body);
            break;
        }

        bad += res.status != 503 && !res.broken;
        bad += res.status == 200 && torus_buf_len(&res.body)
                                    >= torus_buf_len(&whole->body);
        torus_buf_free(&res.body);
    }

    m->fault_at = 0;
    m->chance = 0;
    memset(&m->limits, 0, sizeof(torus_limits_t));

    ok(k > 3, "%s: %zu replies", request, k - 1);
    is_int((int64_t) bad, 0, "%s: each of them a fault", request);
}


int
main(void)
{
    size_t          i;
    torus_model_t  *m;
    torus_result_t  whole;

    m = world();

    for (i = 0; i < 2 * number_of(requests); i++) {
        m->open_null = i % 2;

        torus_model_run(m, requests[i / 2], &whole);

        is_int(whole.status, 200, "%s", requests[i / 2]);
        ok(torus_buf_len(&whole.body) > 200, "%s: has an answer",
           requests[i / 2]);

        test_pretty(m, requests[i / 2], &whole.body);
        test_orders(m, requests[i / 2], &whole);
        test_faults(m, requests[i / 2], &whole);

        torus_buf_free(&whole.body);
    }

    torus_model_destroy(m);

    return done_testing();
}
