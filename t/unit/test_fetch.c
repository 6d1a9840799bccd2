/*
 * Fetching: how many round trips a request takes, that neither the size of
 * a slice nor how fast the client reads changes an answer, that memory is
 * bounded by the slice, and that every fault of a store ends in a clean
 * fault of the request or a broken answer, never in one that looks whole.
 */

#include "torus_model.h"


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"cnt\": { \"type\": \"count\", \"match\": \"cnt.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 600 },"
    "      \"r\": { \"step\": 100, \"steps\": 60, \"resolution\": 10 } } },"
    "  \"his\": { \"type\": \"histogram\", \"match\": \"his.*\","
    "    \"host\": \"localhost:6380/1\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 600 },"
    "      \"r\": { \"step\": 100, \"steps\": 60, \"resolution\": 10 } } },"
    "  \"ser\": { \"type\": \"series\", \"match\": \"ser.*\","
    "    \"host\": \"unix:/tmp/r.sock\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 600 },"
    "      \"odd\": { \"step\": 100, \"steps\": 60, \"resolution\": 30 } } }"
    "} }";


static const char *const  requests[] = {
    "series?stat=cnt.a",
    "series?stat=cnt.a&format=json&interval=r",
    "series?stat=cnt.a,cnt.b&interval=r",
    "series?stat=his.a&stat=cnt.a&stat=nobody&stat=ser.a&stat=his.b",
    "series?stat=p90(his.a,his.b)&interval=r",
    "series?stat=his.a,his.b&format=json&interval=r",
    "series?stat=his.a,his.b&format=json&interval=r&condense=1",
    "series?stat=ser.a,ser.b&format=json&interval=odd",
    "series?stat=sum(ser.a)&interval=odd&fill=linear",
    "series?stat=median(ser.a,ser.b)&stat=max(ser.b)&collapse=1",
    "series?stat=his.a&stat=his.b&collapse=1&format=json",
    "series?stat=nobody&stat=his.a&stat=nothing&steps=3&format=csv",
    "series?stat=nobody&stat=nothing",
    "series?stat=his.a&stat=ser.b&jsonp=call.me",
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
    x = 1;

    for (i = 0; i < 1500; i++) {
        x = x * 1664525 + 1013904223;

        snprintf(stat, sizeof(stat), "%s.%c", types[i % 3],
                 'a' + (int) (x >> 24 & 1));
        snprintf(value, sizeof(value), "%u", x >> 16 & 15);

        torus_model_point(m, stat, value, 1000000 - (int64_t) (x % 5900));
    }

    return m;
}


/* One slice or many, read at once or in bits: the same bytes. */
static void
test_slices(void)
{
    size_t          i, k;
    torus_model_t  *m;
    torus_result_t  whole, part;

    static const size_t  slices[] = { 1, 2, 3, 7, 64, 1000 };

    m = world();

    for (i = 0; i < number_of(requests); i++) {
        memset(&m->limits, 0, sizeof(torus_limits_t));
        m->drain = 0;

        torus_model_run(m, requests[i], &whole);
        is_int(whole.status, 200, "%s", requests[i]);

        for (k = 0; k < number_of(slices); k++) {
            m->limits.slice = slices[k];
            m->drain = slices[k] * 5;

            torus_model_run(m, requests[i], &part);

            is_mem(part.body.pos, torus_buf_len(&part.body),
                   whole.body.pos, torus_buf_len(&whole.body),
                   "%s in slices of %zu", requests[i], slices[k]);
            ok(part.stats.rows == whole.stats.rows
               && part.stats.points == whole.stats.points,
               "%s in slices of %zu: counted alike", requests[i], slices[k]);

            torus_buf_free(&part.body);
        }

        torus_buf_free(&whole.body);
    }

    torus_model_destroy(m);
}


/* Coarse one round trip, with a resolution two, however many stats. */
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
        { "series?stat=his.a&steps=100", 1, 1, 100 },
        { "series?stat=his.a&stat=his.b&stat=max(his.a)&steps=50", 1, 1,
          150 },
        { "series?stat=his.a&stat=cnt.b&stat=ser.a&steps=50", 1, 3, 101 },

        /* counts share MGETs, over stats too: 300 keys in threes of 128 */
        { "series?stat=cnt.a&steps=300", 1, 1, 3 },
        { "series?stat=cnt.a&stat=cnt.b&stat=sum(cnt.a)&steps=100", 1, 1,
          3 },

        /* no data behind a resolution: the second round is not needed */
        { "series?stat=his.z&interval=r&steps=20", 1, 1, 20 },
        { "series?stat=nobody", 0, 0, 0 },
    };

    m = world();

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

    torus_model_run(m, "series?stat=his.a&stat=cnt.a&stat=his.b&interval=r"
                    "&steps=10", &res);
    is_int((int64_t) res.stats.rounds, 2, "with a resolution two rounds");
    torus_buf_free(&res.body);

    /* what one bucket holds may be more than a slice: several rounds */

    for (i = 0; i < 10; i++) {
        torus_model_point(m, "his.a", "1", 999905 + 10 * (int64_t) i);
        torus_model_point(m, "his.b", "1", 999905 + 10 * (int64_t) i);
    }

    m->limits.slice = 4;
    torus_model_run(m, "series?stat=sum(his.a,his.b)&interval=r&steps=2",
                    &res);
    ok(res.stats.rounds > 5, "more resolution buckets than a slice takes");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


/* The JSON of an answer, out of its call where "jsonp" asked for one. */
static json_t *
json_of(const torus_result_t *res)
{
    size_t       len;
    const char  *p, *end;

    static const char  call[] = "call.me(";

    p = (char *) res->body.pos;
    len = torus_buf_len(&res->body);
    end = (char *) res->body.pos + len - 2;

    if (len < sizeof(call) + 1 || memcmp(p, call, sizeof(call) - 1) != 0
        || memcmp(end, ")\n", 2) != 0)
    {
        return torus_model_json(res);
    }

    p += sizeof(call) - 1;

    return json_loadb(p, (size_t) (end - p), JSON_DECODE_ANY, NULL);
}


/* Any fault in any reply: 503 and the reason, or a broken answer. */
static void
test_faults(void)
{
    size_t          i, k, broken, clean, begun;
    json_t         *body;
    torus_model_t  *m;
    torus_result_t  res;

    static const char *const  faults[] = {
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-NOAUTH Authentication required.\r\n",
        "+OK\r\n", ":5\r\n", "$1\r\n5\r\n", "$-1\r\n"
    };

    m = world();
    m->limits.slice = 20;

    broken = 0;
    clean = 0;
    begun = 0;

    for (i = 0; i < number_of(requests); i++) {
        for (k = 0; k < number_of(faults); k++) {
            m->fault = faults[k];

            for (m->fault_at = 1; m->fault_at < 200; m->fault_at += 13) {
                torus_model_run(m, requests[i], &res);

                if (res.replies < m->fault_at) {
                    torus_buf_free(&res.body);
                    break;
                }

                body = json_of(&res);
                begun += res.broken;

                if (res.status != 503 || *res.error == '\0') {
                    fail("%s: status %u at reply %zu", requests[i],
                         res.status, m->fault_at);

                } else if (!res.broken) {
                    clean++;

                    if (!json_is_string(json_object_get(body, "error"))) {
                        fail("%s: no error body", requests[i]);
                    }

                } else if (json_is_array(body)) {
                    fail("%s: a cut answer looks whole", requests[i]);

                } else {
                    broken++;
                }

                json_decref(body);
                torus_buf_free(&res.body);
            }
        }
    }

    ok(clean > 50, "%zu faults before the first byte: an error body", clean);
    ok(broken > 50, "%zu faults after it: broken off", broken);
    is_int((int64_t) begun, (int64_t) broken, "and nothing else");

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

    static const char *const  members[] = {
        "x", "", "99999", "100001", "-1", "1.5", "99990 ", "9999999999999999"
    };

    m = torus_model_create(schema, 1000000);

    torus_model_point(m, "his.a", "5", 999905);
    torus_model_point(m, "his.a", "7", 999915);

    /* numbers that are no resolution buckets of this bucket */

    key = torus_model_key(m, 1, "his.a:r:9999", "set");

    for (i = 0; i < number_of(members); i++) {
        json_object_set_new(key, members[i], json_integer(1));
    }

    /* values that are no numbers, or occur no number of times */

    key = torus_model_key(m, 1, "his.a:r:9999:99990", "hash");
    json_object_set_new(key, "five", json_integer(1));
    json_object_set_new(key, "8", json_integer(-1));

    torus_model_run(m, "series?stat=sum(his.a)&interval=r&start=999900"
                    "&steps=1&format=json", &res);
    torus_buf_add(&res.body, "", 1);

    like((char *) res.body.pos,
         "\"datapoints\":{\"999900\":{\"999900\":5,\"999910\":7}}",
         "strange members and values are skipped");
    ok(res.stats.unreadable >= 8, "and counted: %d",
       (int) res.stats.unreadable);
    torus_buf_free(&res.body);

    /* keys of other types */

    torus_model_key(m, 1, "his.a:t:99999", "list");
    torus_model_key(m, 1, "his.a:r:9998", "string");
    torus_model_key(m, 0, "cnt.a:t:99999", "list");

    torus_model_run(m, "series?stat=his.a&stat=cnt.a&start=999980&steps=2",
                    &res);
    torus_buf_add(&res.body, "", 1);
    is_int(res.status, 200, "a key of another type is no fault");
    like((char *) res.body.pos, "[[null,999980],[null,999990]]",
         "it reads as missing");
    is_int((int64_t) res.stats.unreadable, 1, "where Redis says so it is "
           "counted");
    torus_buf_free(&res.body);

    torus_model_run(m, "series?stat=his.a&interval=r&start=999800&steps=1",
                    &res);
    is_int(res.status, 200, "neither is one where a set should be");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


/* Replies that nobody asked for do not get in. */
static void
test_uncalled(void)
{
    redisReply             reply;
    torus_arg_t            arg;
    torus_batch_t          batch;
    torus_model_t         *m;
    torus_request_t       *r;
    torus_request_conf_t   conf;

    m = world();
    memset(&conf, 0, sizeof(conf));
    memset(&reply, 0, sizeof(reply));

    conf.set = m->set;
    conf.now = m->now;
    arg.name = torus_str("stat", 4);
    arg.value = torus_str("his.a", 5);
    reply.type = REDIS_REPLY_NIL;

    r = torus_request_create(&conf, TORUS_COMMAND_SERIES, &arg, 1);

    is_int(torus_request_reply(r, &m->set->hosts[1], &reply), TORUS_ERROR,
           "a reply before any command");
    is_int(torus_request_status(r), 503, "is a fault of the store");
    is_int(torus_request_next(r, &batch), TORUS_DECLINED, "which ends it");
    torus_request_destroy(r);

    r = torus_request_create(&conf, TORUS_COMMAND_SERIES, &arg, 1);

    is_int(torus_request_next(r, &batch), TORUS_OK, "a batch");
    is_int(torus_request_next(r, &batch), TORUS_DECLINED,
           "and no more, all fits a slice");

    torus_request_fail(r, 504, "too late");

    is_int(torus_request_status(r), 504, "the caller's fault counts");
    is_str(torus_request_output(r), "{\"error\": \"too late\"}\n", "its body");
    ok(torus_request_done(r) && !torus_request_broken(r), "done, not broken");

    torus_request_fail(r, 500, "again");
    is_int(torus_request_status(r), 504, "the first fault stays");
    torus_request_destroy(r);

    torus_model_destroy(m);
}


/* A request that needs more than it may have is refused, not the worker. */
static void
test_memory(void)
{
    size_t          i;
    char            value[16];
    torus_model_t  *m;
    torus_result_t  res;

    m = torus_model_create(schema, 1000000);

    for (i = 0; i < 4000; i++) {
        snprintf(value, sizeof(value), "%zu", i);
        torus_model_point(m, "ser.a", value, 999990);
    }

    m->limits.memory = 100000;
    torus_model_run(m, "series?stat=ser.a&start=999990&steps=1", &res);
    is_int(res.status, 413, "more values in a bucket than memory allowed");
    torus_buf_free(&res.body);

    m->limits.memory = 1000000;
    torus_model_run(m, "series?stat=ser.a&start=999990&steps=1", &res);
    is_int(res.status, 200, "with more of it they fit");
    torus_buf_free(&res.body);

    torus_model_destroy(m);
}


/* A gap that is filled is written in pieces, like what is read. */
static void
test_gap(void)
{
    size_t           i, k;
    torus_model_t   *m;
    torus_result_t   whole, part;

    static const char *const  gaps[] = {
        "series?stat=g.a&fill=linear&start=1000000&end=1019999",
        "series?stat=g.a&fill=linear&start=1000000&end=1019999&format=json",
        ("series?stat=g.a&stat=g.b&fill=linear&start=1000000&end=1030000"
         "&format=csv")
    };

    m = torus_model_create("{ \"TIMESERIES\": { \"g\": { \"type\": \"gauge\","
                           " \"match\": \"g.*\", \"intervals\": { \"t\":"
                           " { \"step\": 1 } } } } }", 1030000);

    torus_model_point(m, "g.a", "0", 1000000);
    torus_model_point(m, "g.a", "19999", 1019999);
    torus_model_point(m, "g.b", "1", 1000000);

    for (i = 0; i < number_of(gaps); i++) {
        torus_model_run(m, gaps[i], &whole);

        is_int(whole.status, 200, "%s", gaps[i]);
        is_int(whole.stats.points, i < 2 ? 20000 : 60002,
               "%s: each bucket has its point", gaps[i]);
        ok(whole.most < 300000, "%s: at most %zu bytes at a time", gaps[i],
           whole.most);

        for (k = 1; k < 1000000; k *= 997) {
            m->drain = k + 100;
            torus_model_run(m, gaps[i], &part);
            m->drain = 0;

            is_mem(part.body.pos, torus_buf_len(&part.body),
                   whole.body.pos, torus_buf_len(&whole.body),
                   "%s: the same %zu bytes at a time", gaps[i], k + 100);
            torus_buf_free(&part.body);
        }

        if (i == 0) {
            torus_buf_add(&whole.body, "", 1);
            ok(strstr((char *) whole.body.pos, "[12345.0,1012345]") != NULL,
               "a point within the gap");
        }

        torus_buf_free(&whole.body);
    }

    torus_model_destroy(m);
}


/* How many batches are given out before the first reply. */
static size_t
ahead(torus_model_t *m, const torus_limits_t *limits, const char *stat)
{
    size_t                n;
    torus_arg_t           args[2];
    torus_batch_t         batches[8];
    torus_result_t        res;
    torus_request_t      *r;
    torus_request_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    memset(&res, 0, sizeof(res));
    torus_buf_init(&res.body, 0);

    conf.set = m->set;
    conf.now = m->now;
    conf.limits = *limits;

    args[0].name = torus_str("stat", 4);
    args[0].value = torus_str(stat, strlen(stat));
    args[1].name = torus_str("steps", 5);
    args[1].value = torus_str("100", 3);

    r = torus_request_create(&conf, TORUS_COMMAND_SERIES, args, 2);

    for (n = 0; n < 8; n++) {
        if (torus_request_next(r, &batches[n]) != TORUS_OK) {
            break;
        }
    }

    torus_model_exchange(m, r, &batches[0], &res);

    while (torus_request_busy(r)) {
        torus_request_work(r);
    }

    is_int(torus_request_next(r, &batches[0]), TORUS_OK,
           "%s: the next when one was read", stat);
    is_int(torus_request_status(r), 200, "%s: no fault", stat);

    torus_request_destroy(r);
    torus_buf_free(&res.body);

    return n;
}


/* The next slice is asked for early, where that takes no more memory. */
static void
test_ahead(void)
{
    torus_model_t   *m;
    torus_limits_t   limits;

    m = world();
    memset(&limits, 0, sizeof(torus_limits_t));

    limits.slice = 16;
    is_int((int64_t) ahead(m, &limits, "cnt.a"), 3, "three slices in work");

    limits.memory = 1048576;
    is_int((int64_t) ahead(m, &limits, "cnt.a"), 3,
           "three small ones within a limit");

    limits.memory = 36864;
    is_int((int64_t) ahead(m, &limits, "cnt.a"), 1,
           "one where three may be too much");

    limits.memory = 1048576;
    is_int((int64_t) ahead(m, &limits, "his.a"), 1,
           "one as long as nobody knows what a key holds");

    torus_model_destroy(m);
}


int
main(void)
{
    test_slices();
    test_rounds();
    test_faults();
    test_strangers();
    test_uncalled();
    test_memory();
    test_gap();
    test_ahead();

    return done_testing();
}
