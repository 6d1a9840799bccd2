/*
 * The short ways of the write path, against the long ones: what a line, a
 * point or an operation does must not depend on which of them it took.
 * Chosen at random, of what is usual and of what is nearly so.
 */

#include "torus_carbon.h"
#include "torus_hash.h"
#include "torus_queue.h"
#include "torus_store.h"
#include "torus_test.h"


#define NOW     1700000000
#define POINTS  60000
#define LOG     8192
#define HASHES  4096


/* What became of a point, as text. */
typedef struct {
    char      text[LOG];
    size_t    len;
    int64_t   ops;       /* but for SADDs of resolution buckets */
} recorder_t;


typedef struct {
    torus_schema_set_t  *set;
    torus_store_t        store;
    recorder_t           log;
    uint64_t             counters[TORUS_COUNTERS_N];
} path_t;


/* The hash that came with a key has to come with it always. */
typedef struct {
    torus_str_t  key;
    uint64_t     hash;
} known_t;


static known_t   known[HASHES];
static size_t    nknown;
static uint64_t  random_state = 1;
static int       wrong_hashes;
static int       memos;


static const char  schemas[] =
    "{\"TIMESERIES\": {"
    " \"c\": {\"type\": \"count\", \"match\": \"c.**\", \"prefix\": \"c\","
    "    \"intervals\": {\"m\": {\"step\": 60, \"steps\": 30}}},"
    " \"z\": {\"type\": \"count\", \"match\": \"z.**\", \"zeros\": \"drop\","
    "    \"intervals\": {\"minute\": {\"step\": 60}}},"
    " \"g\": {\"type\": \"gauge\", \"match\": \"g.**\", \"prefix\": \"g\","
    "    \"intervals\": {\"m\": {\"step\": 60, \"steps\": 30}}},"
    " \"h\": {\"type\": \"histogram\", \"match\": \"h.**\","
    "    \"intervals\": {\"m\": {\"step\": 60, \"steps\": 30}}},"
    " \"s\": {\"type\": \"series\", \"match\": \"s.**\","
    "    \"intervals\": {\"day\": {\"step\": \"daily\", \"steps\": 2}}},"
    " \"t\": {\"type\": \"set\", \"match\": \"t.**\","
    "    \"intervals\": {\"m\": {\"step\": 10, \"steps\": 300}}},"
    " \"two\": {\"type\": \"count\", \"match\": \"two.**\","
    "    \"intervals\": {\"m\": {\"step\": 60, \"steps\": 30},"
    "                    \"longer\": {\"step\": 3600, \"steps\": 30}}},"
    " \"fine\": {\"type\": \"gauge\", \"match\": \"fine.**\","
    "    \"intervals\": {\"h\": {\"step\": 3600, \"steps\": 5,"
    "                            \"resolution\": 60},"
    "                    \"m\": {\"step\": 60, \"steps\": 30}}},"
    " \"roll\": {\"type\": \"count\", \"match\": \"roll.**\", \"rolling\": 2,"
    "    \"intervals\": {\"m\": {\"step\": 60, \"steps\": 30}}},"
    " \"f\": {\"type\": \"series\", \"match\": \"f.**\","
    "    \"write_func\": \"%.2f\","
    "    \"intervals\": {\"m\": {\"step\": 60, \"steps\": 30}}}}}";

static const char *const  stats[] = {
    "c.a", "c.b", "z.a", "g.a", "h.a", "s.a", "t.a", "two.a", "two.b",
    "fine.a", "roll.a", "f.a", "none.a"
};

static const char *const  values[] = {
    "1", "0", "00", "007", "10", "99", "-1", "-0", "+5", "1.5", "1.50", "0.0",
    ".5", "5.", "1e3", "nan", "inf", "-inf", "x", "1x", "1 2", "",
    "999999999999999999", "1000000000000000000", "9223372036854775807",
    "9223372036854775808", "123456789012345678901234567890", " 1"
};


#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


static size_t
random_below(size_t n)
{
    random_state = torus_hash(&random_state, sizeof(random_state), 7);

    return (size_t) (random_state % n);
}


static void
report(void *data, torus_report_level_t level, const char *text)
{
    (void) data;
    (void) level;

    diag("%s", text);
}


/* Keys of the log live as long as the test. */
static void
check_hash(torus_str_t key, uint64_t hash)
{
    size_t          i;
    unsigned char  *copy;

    for (i = 0; i < nknown; i++) {
        if (torus_str_eq(known[i].key, key)) {
            wrong_hashes += known[i].hash != hash;
            return;
        }
    }

    if (nknown == HASHES) {
        return;
    }

    copy = malloc(key.len);
    if (copy == NULL) {
        abort();
    }

    memcpy(copy, key.data, key.len);
    known[nknown].key = torus_str(copy, key.len);
    known[nknown++].hash = hash;
}


static int
sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    path_t *w = data;

    (void) host;

    w->log.ops += op->ops;
    w->log.len += (size_t) snprintf(w->log.text + w->log.len,
                                    LOG - w->log.len,
                                    "%d %.*s '%.*s' %" PRId64 " %" PRId64
                                    " %u\n", (int) op->kind,
                                    torus_fmt(op->key), torus_fmt(op->arg),
                                    op->delta, op->expire, op->ops);

    if (w->log.len >= LOG) {
        abort();
    }

    if (op->hash != 0) {
        check_hash(op->key, op->hash);
    }

    /* what was put there for a key is there for no other */

    if (op->memo != NULL) {

        if (*op->memo != 0) {
            memos++;
            wrong_hashes += *op->memo != (uint32_t) op->hash;
        }

        *op->memo = (uint32_t) op->hash;
    }

    return TORUS_OK;
}


static path_t *
path_create(int router)
{
    path_t                 *w;
    torus_schema_source_t   source;

    w = calloc(1, sizeof(path_t));
    if (w == NULL) {
        abort();
    }

    source.file = torus_str("t", 1);
    source.text = torus_str(schemas, sizeof(schemas) - 1);

    if (torus_schema_load(&source, 1, report, NULL, &w->set) != TORUS_OK) {
        bail_out("the schemas do not load");
    }

    w->store.set = w->set;
    w->store.counters = w->counters;
    w->store.sink = sink;
    w->store.data = w;

    if (router) {
        w->store.router = torus_router_create(w->set, (size_t) 1 << 20, 5);
    }

    if (torus_store_init(&w->store) != TORUS_OK) {
        abort();
    }

    return w;
}


static void
path_destroy(path_t *w)
{
    torus_router_destroy(w->store.router);
    torus_store_free(&w->store);
    torus_schema_set_destroy(w->set);
    free(w);
}


/* Every target by itself, without a router: nothing is kept of it. */
static torus_counter_t
path_long(path_t *w, torus_str_t stat, torus_str_t value, int64_t ts,
    int64_t now)
{
    size_t                i;
    torus_arena_t        *arena;
    torus_counter_t       rc, result;
    const torus_route_t  *route;

    arena = torus_arena_create(1024, 0);
    route = torus_route(w->set, stat, arena);
    result = TORUS_C_POINTS_UNMATCHED;

    for (i = 0; i < route->ntargets; i++) {
        rc = torus_store_one(&w->store, &route->targets[i], value, ts, now);

        if (i == 0 || rc == TORUS_C_POINTS_ACCEPTED) {
            result = rc;
        }
    }

    torus_arena_destroy(arena);

    return result;
}


static int
path_point(path_t *kept, path_t *plain, const char *stat, torus_str_t value,
    int64_t ts, int64_t now)
{
    int              rc;
    uint64_t         made[2];
    torus_str_t      s;
    torus_counter_t  reason, expected;

    kept->log.len = 0;
    plain->log.len = 0;
    kept->log.text[0] = '\0';
    plain->log.text[0] = '\0';

    s = torus_str(stat, strlen(stat));
    made[0] = kept->counters[TORUS_C_POINTS_RECEIVED];

    rc = torus_store_point(&kept->store, s, value, ts, now, &reason);
    expected = path_long(plain, s, value, ts, now);

    made[1] = kept->counters[TORUS_C_POINTS_RECEIVED];

    if (reason == expected
        && rc == (expected == TORUS_C_POINTS_ACCEPTED ? TORUS_OK
                                                      : TORUS_DECLINED)
        && made[1] == made[0] + 1
        && strcmp(kept->log.text, plain->log.text) == 0)
    {
        return 1;
    }

    diag("%s '%.*s' %" PRId64 " at %" PRId64 ": %d %s, %s\n%s-\n%s", stat,
         torus_fmt(value), ts, now, rc, torus_counter_name(reason),
         torus_counter_name(expected), kept->log.text, plain->log.text);

    return 0;
}


/* The keys that routes keep, and the point that nearly all are. */
static void
test_store(void)
{
    int          good, i;
    char         text[32];
    path_t      *kept, *plain;
    int64_t      now, ts;
    const char  *stat;
    torus_str_t  value;

    kept = path_create(1);
    plain = path_create(0);
    good = 1;

    for (i = 0; i < POINTS && good; i++) {
        now = NOW + i / 50;
        ts = now;

        /* around the start of a bucket, and what is about to expire */

        if (random_below(8) == 0) {
            ts = now - (int64_t) random_below(2000) + 100;
        }

        stat = stats[random_below(number_of(stats))];

        if (random_below(2) == 0) {
            snprintf(text, sizeof(text), "%zu", random_below(1000));
            value = torus_str(text, strlen(text));

        } else {
            stat = values[random_below(number_of(values))];
            value = torus_str(stat, strlen(stat));
            stat = stats[random_below(number_of(stats))];
        }

        good = path_point(kept, plain, stat, value, ts, now);
    }

    ok(good, "points whose keys are kept come to what others do");
    is_int(wrong_hashes, 0, "a key has one hash, and one memo");
    ok(memos > POINTS / 8, "most of them are there from the point before");

    is_int((int64_t) kept->counters[TORUS_C_OPS_MADE],
           (int64_t) plain->counters[TORUS_C_OPS_MADE],
           "as many operations are counted");
    is_int((int64_t) kept->counters[TORUS_C_OPS_EXPIRED],
           (int64_t) plain->counters[TORUS_C_OPS_EXPIRED],
           "as many of them expired");
    is_int((int64_t) kept->counters[TORUS_C_OPS_MADE],
           kept->log.ops
           + (int64_t) kept->counters[TORUS_C_OPS_EXPIRED],
           "the rest was passed on");

    path_destroy(kept);
    path_destroy(plain);
}


/* One point more, of a count whose key is known; the EXPIREATs queued. */
static size_t
queue_push(torus_queue_t *q, uint32_t *memo, uint64_t hash, uint64_t now)
{
    size_t           n;
    torus_op_t       op;
    torus_wbatch_t  *b;

    memset(&op, 0, sizeof(op));

    op.kind = TORUS_OP_INCRBY;
    op.key = torus_str("key", 3);
    op.hash = hash;
    op.delta = 1;
    op.expire = 9;
    op.memo = memo;
    op.ops = 1;

    if (torus_queue_add(q, op.kind, &op, 1, 1, 0, now) != TORUS_OK) {
        abort();
    }

    b = torus_queue_take(q);
    n = b->records->expireat;
    torus_wbatch_release(&q->chunks, b);

    return n;
}


/* A memo says what the table of expiries would say, or less. */
static void
test_memo(void)
{
    uint32_t       memo;
    uint64_t       counters[TORUS_COUNTERS_N], now;
    torus_queue_t  q;

    memset(&q, 0, sizeof(q));
    memset(counters, 0, sizeof(counters));

    q.counters = counters;
    q.seed = 1;
    torus_expiry_init(&q.expiry, 1024);

    memo = 0;
    now = 1000000;

    is_int((int64_t) queue_push(&q, &memo, 77, now), 1, "a new key expires");
    ok(memo != 0, "which is noted");
    is_int((int64_t) queue_push(&q, &memo, 77, now + 1), 0, "and known");

    /* the table may forget, the memo knows */

    torus_expiry_forget(&q.expiry, 77);
    is_int((int64_t) queue_push(&q, &memo, 77, now + 2), 0, "by the memo");

    torus_expiry_turn(&q.expiry);
    is_int((int64_t) queue_push(&q, &memo, 77, now + 3), 1,
           "an expiry that failed is sent anew");

    torus_expiry_reset(&q.expiry);
    is_int((int64_t) queue_push(&q, &memo, 77, now + 4), 1,
           "on another connection as well");

    is_int((int64_t) queue_push(&q, &memo, 77, now + TORUS_EXPIRY_REPEAT / 2),
           0, "it is known for long");
    is_int((int64_t) queue_push(&q, &memo, 77,
                                now + TORUS_EXPIRY_REPEAT + 5), 1,
           "not for ever");

    /* also where the memo is asked all the time */

    now += TORUS_EXPIRY_REPEAT + 5;

    while (queue_push(&q, &memo, 77, now) == 0) {
        now += 1000;
    }

    ok(now <= 1000000 + 2 * TORUS_EXPIRY_REPEAT + TORUS_EXPIRY_TURN + 2000,
       "an hour and a turn are the most");

    torus_queue_free(&q);
}


/* Pieces of lines: what is usual more often than what is not. */
static const char *const  paths[] = {
    "a", "servers.host0001.app", "servers.host0001.app.requests.by_000",
    "servers.host0001.app.requests.by_0000000.and.then.some.more.names",
    "abcdefghijklmno", "abcdefghijklmnop", "abcdefghijklmnopq", ".a", "a.",
    "a..b", "aaaaaaaaaaaaaaa..b", "aaaaaaaaaaaaaaaa..b", "servers.host.app..",
    "servers.host0001.app;tag=value", "a;b=c;a=d", "caf\xc3\xa9.a",
    "\xff.app.requests.by_0000000", "a\x01" "b", "a\x7f" "b", ""
};

static const char *const  blanks[] = { " ", " ", " ", " ", " ", " ", "  ",
                                       "\t", "" };

static const char *const  stamps[] = {
    "1700000000", "1700000000", "1700000000", "1700000001", "170000000",
    "17000000000", "N", "-1", "0", "0000000000", "1700000000.5", "17000000x0",
    "9999999999", "", "1700000000 1700000000"
};

static const char *const  ends[] = { "\n", "\n", "\n", "\r\n", " \n", "\r\r\n",
                                     "\n\n" };

#define pick(a)  a[random_below(3) != 0 ? random_below(number_of(a)) : 0]


/* A line and what was made of it, for one handler or the other. */
static int
path_line(void *data, const torus_carbon_point_t *point,
    torus_counter_t reason, torus_str_t line)
{
    recorder_t *log = data;

    if (point == NULL) {
        log->len += (size_t) snprintf(log->text + log->len, LOG - log->len,
                                      "%s '%.*s'\n",
                                      torus_counter_name(reason),
                                      torus_fmt(line));

    } else {
        log->len += (size_t) snprintf(log->text + log->len, LOG - log->len,
                                      "'%.*s' '%.*s' %" PRId64 " '%.*s'\n",
                                      torus_fmt(point->stat),
                                      torus_fmt(point->value),
                                      point->timestamp, torus_fmt(line));
    }

    if (log->len >= LOG) {
        abort();
    }

    log->ops++;

    return TORUS_OK;
}


/* Line by line, each by itself. */
static void
path_lines(const torus_carbon_conf_t *conf, recorder_t *log, const char *data,
    size_t len)
{
    int                    rc;
    torus_str_t            line;
    unsigned char          scratch[TORUS_CARBON_PATH_LIMIT];
    torus_counter_t        reason;
    const char            *p, *nl, *last;
    torus_carbon_point_t   point;

    last = data + len;

    for (p = data; p < last; p = nl + 1) {
        nl = memchr(p, '\n', (size_t) (last - p));
        line = torus_str(p, (size_t) (nl - p));

        if (line.len > conf->line_max) {
            line.len = conf->line_max;
            (void) path_line(log, NULL, TORUS_C_BAD_LENGTH, line);
            continue;
        }

        rc = torus_carbon_line(conf, line, NOW, scratch, &point, &reason);

        if (rc == TORUS_OK) {
            (void) path_line(log, &point, TORUS_C_POINTS_RECEIVED, line);

        } else if (rc != TORUS_DECLINED) {
            (void) path_line(log, NULL, reason, line);
        }
    }
}


/* The line that nearly all are, among others, against a look at each. */
static void
test_carbon(void)
{
    int                         good, i, k;
    char                       *data;
    size_t                      len, consumed;
    recorder_t                 *a, *b;
    char                        text[1024];
    static torus_carbon_conf_t  conf = { 90, 60 };

    a = calloc(2, sizeof(recorder_t));
    if (a == NULL) {
        abort();
    }

    b = a + 1;
    good = 1;

    for (i = 0; i < POINTS / 3 && good; i++) {
        len = 0;

        for (k = 0; k < 4; k++) {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     "%s%s%s%s%s%s", pick(paths),
                                     pick(blanks),
                                     values[random_below(number_of(values))],
                                     pick(blanks), pick(stamps), pick(ends));
        }

        /* of its own, so that a byte read past its end is seen */

        data = malloc(len);
        if (data == NULL) {
            abort();
        }

        memcpy(data, text, len);

        a->len = 0;
        b->len = 0;
        a->text[0] = '\0';
        b->text[0] = '\0';

        good = torus_carbon_datagram(&conf, (unsigned char *) data, len, NOW,
                                     path_line, a, &consumed)
               == TORUS_OK;

        path_lines(&conf, b, data, len);

        good = good && strcmp(a->text, b->text) == 0;

        if (!good) {
            diag("%.*s\n%s-\n%s", (int) len, text, a->text, b->text);
        }

        free(data);
    }

    ok(good, "lines together come to what they are alone");
    ok(a->ops > POINTS, "and most are worth a word");

    free(a);
}


/* What is compared by words, against memcmp(), at all lengths. */
static void
test_equal(void)
{
    int            good;
    size_t         len, i;
    unsigned char  a[80], b[80];

    good = 1;

    for (len = 0; len <= sizeof(a); len++) {
        memset(a, 'x', sizeof(a));
        memset(b, 'x', sizeof(b));

        if (len < sizeof(b)) {
            b[len] = 'y';
        }

        good = good && torus_hash_equal(a, b, len);

        for (i = 0; i < len; i++) {
            a[i] = 'z';
            good = good && !torus_hash_equal(a, b, len);
            a[i] = 'x';
        }
    }

    ok(good, "no byte of a name is left out");
}


/* Takes what is queued: the batches as bytes, one line for each. */
static void
queue_take(torus_queue_t *q, torus_buf_t *out)
{
    torus_wbatch_t  *b;

    for ( ;; ) {
        b = torus_queue_take(q);

        if (b == NULL) {
            return;
        }

        if (torus_wbatch_encode(b, out) != TORUS_OK) {
            abort();
        }

        (void) torus_buf_printf(out, "%zu ops %" PRIu64 " points %" PRIu64
                                " size %zu\n", b->commands, b->ops, b->points,
                                b->size);

        torus_wbatch_release(&q->chunks, b);
    }
}


/*
 * The same operations, with a memo of each key and without: where there is
 * one, counts and gauges take the short way.  Now and then they are sent.
 */
static void
test_queue(int merge_off)
{
    int             good, i, k;
    char            key[2][64], arg[2][32];
    size_t          n, turn;
    uint32_t        kept[16];
    uint64_t        counters[2][TORUS_COUNTERS_N], now;
    torus_op_t      op;
    torus_buf_t     out[2];
    torus_queue_t   q[2];

    static const unsigned  kinds[] = {
        TORUS_OP_INCRBY, TORUS_OP_SET, TORUS_OP_INCRBY, TORUS_OP_RPUSH,
        TORUS_OP_HINCRBY, TORUS_OP_SADD, TORUS_OP_INCRBYFLOAT
    };

    memset(q, 0, sizeof(q));
    memset(kept, 0, sizeof(kept));
    memset(counters, 0, sizeof(counters));

    for (k = 0; k < 2; k++) {
        q[k].counters = counters[k];
        q[k].seed = 1;
        q[k].merge_off = merge_off;

        torus_expiry_init(&q[k].expiry, 1024);
        torus_expiry_init(&q[k].fractions, 16);
        torus_buf_init(&out[k], 0);
    }

    good = 1;
    now = 1000000;

    for (i = 0; i < POINTS && good; i++) {
        n = random_below(number_of(kept));
        turn = random_below(4000);

        memset(&op, 0, sizeof(op));

        /* fractions are rare, as they change all the counts behind them */

        op.kind = kinds[n % (i < POINTS / 2 ? 6 : number_of(kinds))];
        op.delta = (int64_t) random_below(2000) - 5;
        op.expire = (n & 8) ? 99 : 0;
        op.ops = 1;

        for (k = 0; k < 2; k++) {

            /* of its own each, as nothing may be kept of them */

            snprintf(key[k], sizeof(key[k]), "k%zu:m:%d", n,
                     (n & 4) ? 7 : i / 5000);
            snprintf(arg[k], sizeof(arg[k]), "%" PRId64, op.delta);

            op.key = torus_str(key[k], strlen(key[k]));
            op.arg = torus_str(arg[k], strlen(arg[k]));
            op.hash = torus_hash(op.key.data, op.key.len, 3);
            op.memo = (k == 0) ? &kept[n] : NULL;

            if (torus_queue_add(&q[k], op.kind, &op, 1, i & 1, 0, now)
                != TORUS_OK)
            {
                abort();
            }

            memset(key[k], 'x', sizeof(key[k]));
            memset(arg[k], 'x', sizeof(arg[k]));
        }

        /* within the hour, of which a memo need not know the end */

        now += random_below(60);

        if (i % 5000 == 4999) {
            memset(kept, 0, sizeof(kept));
        }

        if (turn == 0) {
            torus_expiry_reset(&q[0].expiry);
            torus_expiry_reset(&q[1].expiry);
        }

        if (turn < 20) {
            torus_buf_reset(&out[0], SIZE_MAX);
            torus_buf_reset(&out[1], SIZE_MAX);
            queue_take(&q[0], &out[0]);
            queue_take(&q[1], &out[1]);

            good = torus_buf_len(&out[0]) == torus_buf_len(&out[1])
                   && memcmp(out[0].pos, out[1].pos, torus_buf_len(&out[0]))
                      == 0;
        }
    }

    ok(good, "the short way into the queue ends at the same commands, %s",
       merge_off ? "nothing merged" : "merged");
    is_int((int64_t) q[0].ops, (int64_t) q[1].ops, "as many are left");
    is_int((int64_t) counters[0][TORUS_C_OPS_MERGED],
           (int64_t) counters[1][TORUS_C_OPS_MERGED], "as many were merged");

    for (k = 0; k < 2; k++) {
        torus_queue_free(&q[k]);
        torus_buf_free(&out[k]);
    }
}


int
main(void)
{
    size_t  i;

    test_carbon();
    test_equal();
    test_store();
    test_memo();
    test_queue(0);
    test_queue(1);

    for (i = 0; i < nknown; i++) {
        free((void *) (uintptr_t) known[i].key.data);
    }

    return done_testing();
}
