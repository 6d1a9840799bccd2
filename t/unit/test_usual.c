/*
 * The short ways against the long ones.  Random points go through two stores
 * and two queues: one as it is in use, and one that has a new route for each
 * point and no memo, so that nothing of it is ever usual.  Operations,
 * counters and the bytes for Redis have to be the same.
 */

#include "torus_queue.h"
#include "torus_test.h"


#define NOW     1700000000
#define ROUNDS  40000


typedef struct {
    torus_store_t         store;
    torus_queue_t         queue;
    uint64_t              counters[TORUS_COUNTERS_N];
    uint64_t              values[16][TORUS_SCHEMA_VALUES_N];
    uint64_t             *rows[16];
    uint64_t              point;     /* POINTS_RECEIVED at the last of them */
    uint64_t              points;
    uint64_t              usual;     /* operations with a memo that is set */
    int                   plain;     /* nothing is remembered */
    char                  said[8192];
} side_t;


static const char  schemas[] =
    "{ \"TIMESERIES\": {"
    "  \"c\": { \"type\": \"count\", \"match\": \"c.**\", \"host\": \"h\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 3 } } },"
    "  \"e\": { \"type\": \"count\", \"match\": \"e.**\", \"host\": \"h\","
    "    \"prefix\": \"p\", \"intervals\": { \"m\": { \"step\": 60 } } },"
    "  \"z\": { \"type\": \"count\", \"match\": \"z.**\", \"host\": \"h\","
    "    \"zeros\": \"drop\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 3 } } },"
    "  \"g\": { \"type\": \"gauge\", \"match\": \"g.**\", \"host\": \"h\","
    "    \"intervals\": { \"longish\": { \"step\": 60, \"steps\": 3 } } },"
    "  \"s\": { \"type\": \"series\", \"match\": \"s.**\", \"host\": \"h\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 3 } } },"
    "  \"h\": { \"type\": \"histogram\", \"match\": \"h.**\", \"host\": \"h\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 3 } } },"
    "  \"t\": { \"type\": \"set\", \"match\": \"t.**\", \"host\": \"h\","
    "    \"intervals\": { \"d\": { \"step\": \"daily\", \"steps\": 3 } } },"
    "  \"m\": { \"type\": \"count\", \"match\": \"m.**\", \"host\": \"h\","
    "    \"rolling\": -1, \"intervals\": {"
    "      \"m\": { \"step\": 60, \"steps\": 3 },"
    "      \"h\": { \"step\": \"1h\", \"steps\": 3, \"resolution\": 60 },"
    "      \"q\": { \"step\": \"1h\", \"steps\": 3, \"resolution\": 60,"
    "               \"layout\": \"packed\" } } },"
    "  \"twice\": { \"type\": \"gauge\", \"match\": \"c.1\", \"host\": \"h\","
    "    \"prefix\": \"twice\", \"intervals\": { \"m\": { \"step\": 60 } } }"
    "}, \"AGGREGATES\": [ [\"c.all\", \"c.2\"] ] }";

static const char *const  stats[] = {
    "c.0", "c.0", "c.0", "c.1", "c.2", "e.0", "e.1", "z.0", "g.0", "g.0",
    "s.0", "h.0", "h.1", "t.0", "m.0", "m.1", "nobody", "c.a.rather.long.name"
};

static const char *const  numbers[] = {
    "1", "1", "1", "7", "0", "00", "-3", "+4", "0.5", "1.50", "1e3", "nan",
    "inf", "x", "", "999999999999999999", "9223372036854775807", "-0", "0.0",
    "3.0", " 1"
};


static uint64_t  seed;
static uint64_t  ms;


static unsigned
dice(unsigned n)
{
    seed = torus_hash(&seed, sizeof(seed), 1);

    return (unsigned) (seed % n);
}


static int
sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    side_t      *s = data;
    size_t       n;
    uint64_t     points;
    torus_op_t   own;

    (void) host;

    points = 0;

    if (op->ops != 0 && s->point != s->counters[TORUS_C_POINTS_RECEIVED]) {
        s->point = s->counters[TORUS_C_POINTS_RECEIVED];
        s->points++;
        points = 1;
    }

    n = strlen(s->said);

    snprintf(s->said + n, sizeof(s->said) - n,
             "%d %.*s %.*s %" PRId64 " %" PRId64 " %u %d\n", (int) op->kind,
             torus_fmt(op->key), torus_fmt(op->arg), op->delta, op->expire,
             op->ops, (int) points);

    own = *op;

    if (s->plain) {
        own.memo = NULL;

    } else {
        s->usual += (op->memo != NULL && *op->memo != 0);
    }

    return torus_queue_add(&s->queue, own.kind, &own, own.ops, points, 0, ms);
}


static void
report(void *data, torus_report_level_t level, const char *text)
{
    (void) data;

    if (level == TORUS_REPORT_ERROR) {
        bail_out("%s", text);
    }
}


static void
side_open(side_t *s, const torus_schema_set_t *set, int plain)
{
    size_t  i;

    memset(s, 0, sizeof(side_t));

    for (i = 0; i < set->nschemas; i++) {
        s->rows[i] = s->values[i];
    }

    s->plain = plain;
    s->point = UINT64_MAX;

    s->queue.seed = 3;
    s->queue.counters = s->counters;
    torus_expiry_init(&s->queue.expiry, 4096);
    torus_expiry_init(&s->queue.fractions, 64);

    s->store.set = set;
    s->store.router = torus_router_create(set, plain ? 1 : 65536, 3);
    s->store.counters = s->counters;
    s->store.values = s->rows;
    s->store.sink = sink;
    s->store.data = s;
    s->store.future = 100;

    if (s->store.router == NULL || torus_store_init(&s->store) != TORUS_OK) {
        bail_out("out of memory");
    }
}


static void
side_close(side_t *s)
{
    torus_store_free(&s->store);
    torus_router_destroy(s->store.router);
    torus_queue_free(&s->queue);
}


static int
side_point(side_t *s, const char *stat, const char *value, int64_t ts,
    int64_t now)
{
    int              rc;
    torus_counter_t  reason;

    s->said[0] = '\0';

    if (s->plain) {
        (void) torus_router_find(s->store.router, torus_str("other", 5));
    }

    rc = torus_store_point(&s->store, torus_str(stat, strlen(stat)),
                           torus_str(value, strlen(value)), ts, now, &reason);

    return rc * 1000 + (int) reason;
}


/* All that is unsent, as bytes. */
static void
side_send(side_t *s, torus_buf_t *out, uint64_t *points)
{
    torus_wbatch_t  *b;

    torus_buf_reset(out, SIZE_MAX);
    *points = 0;

    for ( ;; ) {
        b = torus_queue_take(&s->queue);

        if (b == NULL) {
            return;
        }

        *points += b->points;

        if (torus_wbatch_encode(b, out) != TORUS_OK) {
            bail_out("out of memory");
        }

        torus_wbatch_release(&b->queue->chunks, b);
    }
}


/* What becomes of an EXPIREAT, or of the connection, is told to both. */
static void
side_forget(side_t *s, unsigned what)
{
    if (what == 0) {
        torus_expiry_reset(&s->queue.expiry);
        return;
    }

    torus_expiry_forget(&s->queue.expiry, what);
    torus_expiry_turn(&s->queue.expiry);
}


static int
same_sent(side_t *a, side_t *b)
{
    int          same;
    uint64_t     points[2];
    torus_buf_t  out[2];

    torus_buf_init(&out[0], 0);
    torus_buf_init(&out[1], 0);

    side_send(a, &out[0], &points[0]);
    side_send(b, &out[1], &points[1]);

    same = points[0] == points[1]
           && torus_buf_len(&out[0]) == torus_buf_len(&out[1])
           && (torus_buf_len(&out[0]) == 0
               || memcmp(out[0].pos, out[1].pos, torus_buf_len(&out[0]))
                  == 0);

    torus_buf_free(&out[0]);
    torus_buf_free(&out[1]);

    return same;
}


static int
same_point(side_t *a, side_t *b, int64_t now)
{
    int          rc[2];
    int64_t      ts;
    const char  *stat, *value;

    stat = stats[dice(sizeof(stats) / sizeof(stats[0]))];
    value = numbers[dice(sizeof(numbers) / sizeof(numbers[0]))];
    ts = now - (int64_t) dice(dice(4) ? 70 : 400) + dice(5) * 2;

    if (dice(200) == 0) {
        ts += 101;
    }

    rc[0] = side_point(a, stat, value, ts, now);
    rc[1] = side_point(b, stat, value, ts, now);

    if (rc[0] == rc[1] && strcmp(a->said, b->said) == 0
        && memcmp(a->counters, b->counters, sizeof(a->counters)) == 0
        && memcmp(a->values, b->values, sizeof(a->values)) == 0)
    {
        return 1;
    }

    diag("\"%s\" %s at %" PRId64 " of %" PRId64 ": %d, %d\n%s--\n%s", stat,
         value, ts, now, rc[0], rc[1], a->said, b->said);

    return 0;
}


int
main(void)
{
    int                     good;
    size_t                  i;
    side_t                 *a, *b;
    int64_t                 now;
    unsigned                what;
    torus_schema_set_t     *set;
    torus_schema_source_t   source;

    source.file = torus_str("s", 1);
    source.text = torus_str(schemas, sizeof(schemas) - 1);

    a = calloc(2, sizeof(side_t));

    if (a == NULL
        || torus_schema_load(&source, 1, report, NULL, &set) != TORUS_OK)
    {
        bail_out("no schema set");
    }

    b = a + 1;
    side_open(a, set, 0);
    side_open(b, set, 1);

    seed = 42;
    ms = 1000000;
    now = NOW;
    good = 1;

    for (i = 0; i < ROUNDS && good; i++) {
        good = same_point(a, b, now);

        if (good && dice(60) == 0) {
            good = same_sent(a, b);

            if (!good) {
                diag("what is sent differs after %d points", (int) i);
            }
        }

        if (dice(20) == 0) {
            now++;
            ms += dice(1000);
        }

        if (dice(500) == 0) {
            what = dice(2) * (1 + dice(1000));
            side_forget(a, what);
            side_forget(b, what);
        }
    }

    ok(good, "each of %d points goes the short way as it goes the long one",
       ROUNDS);
    is_int((int64_t) a->points, (int64_t) b->points, "they are told apart");
    ok(a->usual > ROUNDS / 20, "many went the short way");
    ok(a->counters[TORUS_C_OPS_EXPIRED] != 0
       && a->counters[TORUS_C_DROPPED_FUTURE] != 0
       && a->counters[TORUS_C_OPS_MERGED] != 0
       && a->counters[TORUS_C_POINTS_UNMATCHED] != 0,
       "of all kinds");

    side_close(a);
    side_close(b);
    torus_schema_set_destroy(set);
    free(a);

    return done_testing();
}
