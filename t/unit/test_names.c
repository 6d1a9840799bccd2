/*
 * The writing half of the index of names: which members go into which sets,
 * with what scores and expiries, at first sight and later; that several
 * schemas share a tree; that what cannot be written is tried again.  Then
 * the commands that a writer makes of it.
 */

#include "torus_layout.h"
#include "torus_names.h"
#include "torus_queue.h"
#include "torus_test.h"
#include "torus_writer.h"


#define NOW  1700000000

#define BY_VALUE  "match(v, \\\"2\\\") ? \\\"2.x\\\" : \\\"1.x\\\""

#define SCHEMA(name, type, rest)                                              \
    "\"" name "\": { \"type\": \"" type "\", \"host\": \"h\", " rest " }"

#define FOR_EVER  "\"intervals\": { \"m\": { \"step\": 60 } }"
#define DAYS      "\"intervals\": { \"m\": { \"step\": 60, \"steps\": 60 }, " \
                  "\"d\": { \"step\": \"1d\", \"steps\": 10 } }"
#define MONTH     "\"intervals\": { \"d\": { \"step\": \"1d\", " \
                  "\"steps\": 30 } }"
#define MINUTES   "\"intervals\": { \"m\": { \"step\": 60, \"steps\": 10 } }"


static char              said[65536];
static size_t            calls, refuse, prunes;
static uint64_t          counters[TORUS_COUNTERS_N];
static torus_store_t     store;
static torus_names_t     names;


/* "ZADD key member score @expire", of the index only. */
static int
sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    size_t  n;

    (void) data;
    (void) host;

    if (op->kind != TORUS_OP_ZADD && op->kind != TORUS_OP_ZPRUNE) {
        return TORUS_OK;
    }

    is_int(op->ops, 0, "no operation of its own");

    if (++calls == refuse) {
        return TORUS_ERROR;
    }

    if (op->kind == TORUS_OP_ZPRUNE) {
        prunes++;
        return TORUS_OK;
    }

    n = strlen(said);

    snprintf(said + n, sizeof(said) - n, "%.*s %.*s %+d%s\n",
             torus_fmt(op->key), torus_fmt(op->arg),
             (int) (op->delta - NOW), op->expire ? " @" : "");

    if (op->expire != 0) {
        ok(op->expire % 86400 == 0 && op->expire > NOW + 11 * 86400,
           "the key outlives its data");
    }

    return TORUS_OK;
}


static const char *
point(const char *stat, const char *value, int64_t ts, int64_t now)
{
    torus_counter_t  reason;

    said[0] = '\0';

    torus_store_point(&store, torus_str(stat, strlen(stat)),
                      torus_str(value, strlen(value)), ts, now, &reason);

    return said;
}


static void
report(void *data, torus_report_level_t level, const char *text)
{
    (void) data;

    if (level == TORUS_REPORT_ERROR) {
        bail_out("%s", text);
    }
}


static torus_schema_set_t *
load(const char *schemas)
{
    char                   text[4096];
    torus_schema_set_t    *set;
    torus_schema_source_t  source;

    snprintf(text, sizeof(text), "{ \"TIMESERIES\": { %s } }", schemas);

    source.file = torus_str("s", 1);
    source.text = torus_str(text, strlen(text));

    if (torus_schema_load(&source, 1, report, NULL, &set) != TORUS_OK) {
        bail_out("no schema set");
    }

    return set;
}


static torus_schema_set_t *
open_store(const char *schemas, int index)
{
    torus_schema_set_t  *set;

    set = load(schemas);

    memset(&names, 0, sizeof(names));
    memset(&store, 0, sizeof(store));

    names.set = set;
    names.sink = sink;
    names.seed = 7;
    names.nodes = 1024;

    store.set = set;
    store.router = torus_router_create(set, 65536, 1);
    store.counters = counters;
    store.sink = sink;
    store.names = index ? &names : NULL;

    calls = 0;
    refuse = 0;
    prunes = 0;

    if (torus_names_init(&names) != TORUS_OK
        || torus_store_init(&store) != TORUS_OK)
    {
        bail_out("out of memory");
    }

    return set;
}


static void
close_store(torus_schema_set_t *set)
{
    torus_store_free(&store);
    torus_router_destroy(store.router);
    torus_names_free(&names);
    torus_schema_set_destroy(set);
}


static void
test_first_sight(void)
{
    int                  i;
    torus_schema_set_t  *set;

    set = open_store(SCHEMA("a", "count", "\"match\": \"**\", " FOR_EVER), 1);

    is_cstr(point("a.b.c", "1", NOW, NOW),
            "torus:names:0:a.b c +0\n"
            "torus:names:0:a b. +0\n"
            "torus:names:0: a. +0\n",
            "a stat and the nodes above it");
    is_cstr(point("a.b.c", "1", NOW, NOW), "", "once");
    is_cstr(point("a.b.d", "1", NOW, NOW), "torus:names:0:a.b d +0\n",
            "a stat beside it: the nodes are known");
    is_cstr(point("a", "1", NOW, NOW), "torus:names:0: a +0\n",
            "a stat that is a node too");
    is_cstr(point("a.b.c", "1", NOW - 5, NOW + 2699), "",
            "not before its time");
    is_cstr(point("a.b.c", "1", NOW - 5, NOW + 3601),
            "torus:names:0:a.b c +3601\n"
            "torus:names:0:a b. +3601\n"
            "torus:names:0: a. +3601\n",
            "but every hour, with the time it was seen");
    is_cstr(point("t;host=x.y;dc=b.", "1", NOW, NOW),
            "torus:names:0: t;host=x.y;dc=b. +0\n", "tags are not cut");
    is_cstr(point("s.t;host=x.y", "1", NOW, NOW),
            "torus:names:0:s t;host=x.y +0\ntorus:names:0: s. +0\n",
            "what is before them is");
    is_cstr(point("x..", "1", NOW, NOW),
            "torus:names:0:x.  +0\n"
            "torus:names:0:x . +0\n"
            "torus:names:0: x. +0\n", "empty nodes");
    is_cstr(point(".x.y", "1", NOW, NOW), "", "what begins with a dot");

    for (i = 0; i < 1000; i++) {
        point("a.b.c", "1", NOW, NOW + 10000 + 4000 * i);
    }

    is_int(prunes, 0, "what is kept for ever is not pruned");

    close_store(set);

    set = open_store(SCHEMA("a", "count", "\"match\": \"**\", " FOR_EVER), 0);

    is_cstr(point("a.b.c", "1", NOW, NOW), "", "switched off");

    close_store(set);
}


static void
test_expiry(void)
{
    int                  i;
    torus_schema_set_t  *set;

    set = open_store(SCHEMA("a", "count", "\"match\": \"**\", " DAYS), 1);

    is_cstr(point("a.b", "1", NOW - 30 * 86400, NOW), "",
            "a point that is not stored names nothing");
    is_cstr(point("a.b", "1", NOW, NOW),
            "torus:names:0:a b +0 @\ntorus:names:0: a. +0 @\n",
            "keys expire where all data does");

    for (i = 0; i < 1000; i++) {
        point("a.b", "1", NOW + 10000 + 4000 * i, NOW + 10000 + 4000 * i);
    }

    ok(prunes > 5 && prunes < 200, "pruned now and then: %zu of 2000",
       prunes);

    is_int(torus_names_keep(&set->schemas[0]), 11 * 86400,
           "the longest retention and a step");
    is_int(torus_names_until(11 * 86400, NOW), NOW + 11 * 86400 + 7200,
           "until when there may be points");
    is_int(torus_names_until(0, NOW), INT64_MAX, "for ever");
    is_int(torus_names_useless(11 * 86400, NOW), NOW - 12 * 86400,
           "what is of no use");
    is_int(torus_names_useless(0, NOW), 0, "everything is of use");

    close_store(set);

    set = open_store(SCHEMA("a", "count", "\"match\": \"**\", " MONTH) ","
                     SCHEMA("b", "gauge", "\"match\": \"**\", "
                            "\"prefix\": \"b\", " DAYS), 1);

    is_cstr(point("x", "1", NOW - 20 * 86400, NOW), "torus:names:0: x +0 @\n",
            "nor where another schema alone has stored it");
    is_cstr(point("x", "1", NOW, NOW), "torus:names:2:b: x +0 @\n",
            "which is found out for each");

    close_store(set);

    set = open_store(SCHEMA("a", "count", "\"match\": \"**\", \"prefix\": "
                            "\"p\", " MINUTES), 1);

    is_int(torus_names_keep(&set->schemas[0]), 660, "eleven minutes");
    said[0] = '\0';

    for (i = 0; i < 100; i++) {
        ok(torus_names_due(&names, &set->schemas[0], NOW) > NOW + 60
           && torus_names_due(&names, &set->schemas[0], NOW) <= NOW + 82,
           "due within an eighth of it");
    }

    close_store(set);
}


static void
test_shared(void)
{
    torus_schema_set_t  *set;

    set = open_store(
        SCHEMA("a", "count", "\"match\": \"a.*\", \"prefix\": \"p\", "
               MINUTES) ","
        SCHEMA("b", "gauge", "\"match\": \"b.*\", \"prefix\": \"p:\", "
               FOR_EVER) ","
        SCHEMA("c", "gauge", "\"match\": \"c.*\", \"prefix\": \"q\", "
               "\"transform\": { \"stat\": \"" BY_VALUE "\" }, "
               MINUTES), 1);

    is_cstr(point("a.x", "1", NOW, NOW),
            "torus:names:2:p:a x +0\ntorus:names:2:p: a. +0\n",
            "a prefix; the tree of a schema that keeps for ever stays");
    is_int(torus_names_longest(set, set->schemas[0].host,
                               set->schemas[0].prefix), 0, "as it says");
    is_int(torus_names_longest(set, set->schemas[2].host,
                               set->schemas[2].prefix), 660,
           "another prefix is another tree");

    close_store(set);

    set = open_store(
        SCHEMA("c", "gauge", "\"match\": \"c.*\", \"prefix\": \"q\", "
               "\"transform\": { \"stat\": \"" BY_VALUE "\" }, "
               FOR_EVER), 1);

    is_cstr(point("c.x", "1", NOW, NOW),
            "torus:names:2:q:1 x +0\ntorus:names:2:q: 1. +0\n",
            "names that are made of the value");
    is_cstr(point("c.x", "1", NOW, NOW + 5), "", "each once");
    is_cstr(point("c.x", "2", NOW, NOW + 5),
            "torus:names:2:q:2 x +5\ntorus:names:2:q: 2. +5\n",
            "each of them");
    is_cstr(point("c.x", "1", NOW, NOW + 4000),
            "torus:names:2:q:1 x +4000\ntorus:names:2:q: 1. +4000\n",
            "and again");

    close_store(set);
}


static void
test_refused(void)
{
    torus_schema_set_t  *set;

    set = open_store(SCHEMA("a", "count", "\"match\": \"**\", " FOR_EVER), 1);

    refuse = 2;
    is_cstr(point("a.b", "1", NOW, NOW), "torus:names:0:a b +0\n",
            "a node could not be written");
    is_cstr(point("a.b", "1", NOW, NOW),
            "torus:names:0:a b +0\ntorus:names:0: a. +0\n",
            "the next point tries again");
    is_int(counters[TORUS_C_OPS_DROPPED], 0, "which is no loss of points");

    close_store(set);
}


static void
test_layout(void)
{
    unsigned char  key[256];
    torus_str_t    prefix, path, k;

    k = torus_str(key, torus_layout_names(key, torus_str("a:b:", 4),
                                          torus_str("c.d", 3)));
    is_str(k, "torus:names:4:a:b:c.d", "a key of the index");
    ok(torus_layout_names_parse(k, &prefix, &path) == TORUS_OK, "is read");
    is_str(prefix, "a:b:", "its prefix");
    is_str(path, "c.d", "its path");

#define none(z)                                                               \
    ok(torus_layout_names_parse(torus_str(z, sizeof(z) - 1), &prefix, &path)  \
       == TORUS_DECLINED, "none: " z)

    none("torus:names:");
    none("torus:names::a");
    none("torus:names:2:a");
    none("torus:names:x:a");
    none("torus:names:2");
    none("torus:names:99999:");
    none("torus:writer:0:a");
    none("tor");

    ok(torus_layout_names_is_leaf(torus_str("a", 1)), "a leaf");
    ok(torus_layout_names_is_leaf(torus_str("", 0)), "one without a name");
    ok(torus_layout_names_is_leaf(torus_str("a;b=c.", 6)), "one with tags");
    ok(!torus_layout_names_is_leaf(torus_str("a.", 2)), "a node");
    ok(!torus_layout_names_is_leaf(torus_str(".", 1)), "an empty one");
}


static void
push(torus_writer_t *w, torus_op_kind_t kind, const char *key,
    const char *member, int64_t score, int64_t expire)
{
    torus_op_t  op;

    memset(&op, 0, sizeof(op));

    op.kind = kind;
    op.key = torus_str(key, strlen(key));
    op.arg = torus_str(member, strlen(member));
    op.delta = score;
    op.expire = expire;

    ok(torus_writer_push(w, &op, 1000) == TORUS_OK, "pushed");
}


/* What it sends is seen in an encoded batch, merged as it should be. */
static void
test_commands(void)
{
    torus_buf_t     out;
    torus_queue_t   q;
    torus_op_t      op;
    size_t          i;

    static const struct {
        torus_op_kind_t  kind;
        const char      *key, *member;
        int64_t          score, expire;
    } ops[] = {
        { TORUS_OP_ZADD, "n:a", "x", 100, 999 },
        { TORUS_OP_ZADD, "n:a", "y", 105, 999 },
        { TORUS_OP_ZADD, "n:a", "x", 103, 999 },
        { TORUS_OP_ZADD, "n:b", "x", 99, 0 },
        { TORUS_OP_ZPRUNE, "n:a", "", 7, 0 },
        { TORUS_OP_ZPRUNE, "n:a", "", 8, 0 },
        { TORUS_OP_ZADD, "n:a", "z", 101, 999 }
    };

    memset(&q, 0, sizeof(q));
    memset(&op, 0, sizeof(op));
    q.counters = counters;
    torus_expiry_init(&q.expiry, 1024);
    torus_buf_init(&out, 0);

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        op.kind = ops[i].kind;
        op.key = torus_str(ops[i].key, 3);
        op.arg = torus_str(ops[i].member, strlen(ops[i].member));
        op.delta = ops[i].score;
        op.expire = ops[i].expire;

        ok(torus_queue_add(&q, op.kind, &op, 0, 0, 0, 1000) == TORUS_OK,
           "queued");
    }

    torus_wbatch_encode(q.unsent.first, &out);

    is_mem(out.pos, torus_buf_len(&out),
#define LITERAL                                                               \
    "*11\r\n$4\r\nZADD\r\n$3\r\nn:a\r\n$2\r\nGT\r\n$3\r\n105\r\n$1\r\nx\r\n"   \
    "$3\r\n105\r\n$1\r\ny\r\n$3\r\n105\r\n$1\r\nx\r\n"                         \
    "$3\r\n105\r\n$1\r\nz\r\n"                                              \
    "*3\r\n$8\r\nEXPIREAT\r\n$3\r\nn:a\r\n$3\r\n999\r\n"                       \
    "*5\r\n$4\r\nZADD\r\n$3\r\nn:b\r\n$2\r\nGT\r\n$2\r\n99\r\n$1\r\nx\r\n"     \
    "*4\r\n$16\r\nZREMRANGEBYSCORE\r\n$3\r\nn:a\r\n$4\r\n-inf\r\n$1\r\n6\r\n"
           LITERAL, sizeof(LITERAL) - 1, "members of a node go together");
    ok(torus_buf_len(&out) <= q.unsent.first->size,
       "no more bytes than were allowed for");

    torus_buf_free(&out);
    torus_queue_free(&q);
}


/* No operation is counted, and none is left when Redis has answered. */
static void
test_accounting(void)
{
    torus_writer_t        *w;
    torus_writer_conf_t    conf;
    torus_writer_stats_t   stats;
    torus_schema_set_t    *set;

    set = load(SCHEMA("a", "count", "\"match\": \"**\", " FOR_EVER));

    memset(&conf, 0, sizeof(conf));
    memset(counters, 0, sizeof(counters));

    conf.host = set->hosts;
    conf.counters = counters;
    w = torus_writer_create(&conf);

    push(w, TORUS_OP_ZADD, "n:a", "x", 1, 0);
    push(w, TORUS_OP_ZPRUNE, "n:a", "", 1, 0);

    torus_writer_stats(w, 1000, &stats);
    is_int((int64_t) stats.queued, 0, "no operations");
    ok(torus_writer_pending(w) == 0 || torus_writer_pending(w) == 1,
       "whether it waits for them is its business");
    is_int((int64_t) torus_writer_drop_all(w), 0, "none is lost either");
    is_int((int64_t) counters[TORUS_C_OPS_DROPPED], 0, "nor counted so");

    torus_writer_destroy(w);
    torus_schema_set_destroy(set);
}


int
main(void)
{
    test_first_sight();
    test_expiry();
    test_shared();
    test_refused();
    test_layout();
    test_commands();
    test_accounting();

    return done_testing();
}
