/*
 * No key stays without an expiry.  A writer against a model of Redis that
 * runs its commands: points of all types are pushed while keys are deleted,
 * connections break before and behind what was executed, and the writer's
 * memory is too small; when all is settled every key that is there expires.
 */

#include "torus_test.h"
#include "torus_redis.h"
#include "torus_unsure.h"
#include "torus_writer.h"


#define KEYS    48       /* of six types in turn */
#define FIELDS  12
#define OWN     32       /* fields of the writer's key */
#define ARGS    64
#define QUEUED  2048
#define EXPIRE  4102444800LL


/* A key: its fields, or the length of its list, or its count. */
typedef struct {
    int              there;
    long long        n;
    long long        expire;
    long long        fields[FIELDS];
} model_key_t;

typedef struct {
    int              argc;
    torus_str_t      argv[ARGS];
} model_command_t;


static torus_writer_t   *w;
static torus_buf_t       wire, back;
static uint64_t          counters[TORUS_COUNTERS_N];
static uint64_t          now, seed;
static torus_host_t      host;
static model_key_t       keys[KEYS];
static char              own[OWN][2][32];
static int               nown, client, multi, nqueued;
static model_command_t   queued[QUEUED];
static unsigned long     deletions, breaks, hashes;


static unsigned
chance(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (unsigned) (seed >> 20) % n;
}


static void __attribute__((format(printf, 1, 2)))
reply(const char *fmt, ...)
{
    int      n;
    va_list  args;
    char     text[512];

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    torus_buf_add(&back, text, (size_t) n);
}


static void
reply_bulk(const char *text)
{
    reply("$%zu\r\n%s\r\n", strlen(text), text);
}


static long long
integer(torus_str_t s)
{
    char  text[32];

    snprintf(text, sizeof(text), "%.*s", (int) s.len, (const char *) s.data);

    return strtoll(text, NULL, 10);
}


static model_key_t *
find(torus_str_t name)
{
    return &keys[integer(torus_str(name.data + 1, name.len - 1)) % KEYS];
}


static int
starts(const model_command_t *c, int i, const char *z)
{
    return i < c->argc && torus_str_is(c->argv[i], z);
}


static void
own_set(torus_str_t name, torus_str_t value, int *fresh)
{
    int  i;

    for (i = 0; i < nown; i++) {
        if (torus_str_is(name, own[i][0])) {
            break;
        }
    }

    if (i == nown) {
        nown++;
        (*fresh)++;
    }

    snprintf(own[i][0], sizeof(own[i][0]), "%.*s", torus_fmt(name));
    snprintf(own[i][1], sizeof(own[i][1]), "%.*s", torus_fmt(value));
}


static void
run_own(const model_command_t *c)
{
    int  i, fresh;

    fresh = 0;

    if (starts(c, 0, "HGETALL")) {
        reply("*%d\r\n", 2 * nown);

        for (i = 0; i < nown; i++) {
            reply_bulk(own[i][0]);
            reply_bulk(own[i][1]);
        }

        return;
    }

    if (starts(c, 0, "EXPIRE")) {
        reply(":1\r\n");
        return;
    }

    if (starts(c, 0, "HSETNX")) {

        for (i = 0; i < nown; i++) {
            if (torus_str_is(c->argv[2], own[i][0])) {
                reply(":0\r\n");
                return;
            }
        }
    }

    for (i = 2; i + 1 < c->argc; i += 2) {
        own_set(c->argv[i], c->argv[i + 1], &fresh);
    }

    reply(":%d\r\n", fresh);
}


/* Members of sets and fields of hashes begin with their number. */
static int
add_members(model_key_t *k, const model_command_t *c, int first, int step)
{
    int        i, fresh;
    long long  field;

    fresh = 0;

    for (i = first; i < c->argc; i += step) {
        field = integer(c->argv[i]) % FIELDS;
        fresh += (k->fields[field] == 0);
        k->fields[field]++;
    }

    return fresh;
}


static void
run(const model_command_t *c)
{
    char          text[32];
    long long     field;
    model_key_t  *k;

    if (starts(c, 0, "CLIENT")) {
        reply(":%d\r\n", starts(c, 1, "ID") ? client : 1);
        return;
    }

    if (starts(c, 0, "INFO")) {
        reply_bulk(starts(c, 1, "server")
                   ? "redis_version:7.0.15\r\nrun_id:a\r\n"
                   : starts(c, 1, "memory")
                     ? "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n"
                     : "cmdstat_multi:calls=1,rejected_calls=0\r\n");
        return;
    }

    if (c->argv[1].len > 20) {
        run_own(c);
        return;
    }

    k = find(c->argv[1]);

    if (starts(c, 0, "EXPIREAT")) {
        reply(":%d\r\n", k->there);
        k->expire = k->there ? integer(c->argv[2]) : 0;
        return;
    }

    if (starts(c, 0, "GET")) {

        if (k->there) {
            snprintf(text, sizeof(text), "%lld", k->n);
            reply_bulk(text);

        } else {
            reply("$-1\r\n");
        }

        return;
    }

    k->there = 1;

    if (starts(c, 0, "INCRBY")) {
        k->n += integer(c->argv[2]);
        reply(":%lld\r\n", k->n);

    } else if (starts(c, 0, "RPUSH")) {
        k->n += c->argc - 2;
        reply(":%lld\r\n", k->n);

    } else if (starts(c, 0, "HINCRBY")) {
        field = integer(c->argv[2]) % FIELDS;
        k->fields[field] += integer(c->argv[3]);
        reply(":%lld\r\n", k->fields[field]);

    } else if (starts(c, 0, "SADD")) {
        reply(":%d\r\n", add_members(k, c, 2, 1));

    } else if (starts(c, 0, "ZADD")) {
        reply(":%d\r\n", add_members(k, c, 4, 2));

    } else if (starts(c, 0, "SET") && starts(c, 3, "EXAT")) {
        k->expire = integer(c->argv[4]);
        reply("+OK\r\n");

    } else {
        bail_out("the model does not know %.*s", torus_fmt(c->argv[0]));
    }
}


static void
command(const model_command_t *c)
{
    int  i;

    if (starts(c, 0, "MULTI")) {
        multi = 1;
        nqueued = 0;
        reply("+OK\r\n");

    } else if (starts(c, 0, "EXEC")) {
        reply("*%d\r\n", nqueued);

        for (i = 0; i < nqueued; i++) {
            run(&queued[i]);
        }

        multi = 0;

    } else if (multi) {

        if (nqueued == QUEUED) {
            bail_out("a batch is too long for the model");
        }

        queued[nqueued++] = *c;
        reply("+QUEUED\r\n");

    } else {
        run(c);
    }
}


static long
number(const unsigned char **p)
{
    char  *end;
    long   n;

    n = strtol((const char *) *p + 1, &end, 10);
    *p = (unsigned char *) end + 2;

    return n;
}


/*
 * Runs at most n commands.  What is queued points into the wire, so that is
 * emptied only between transactions.
 */
static void
serve(unsigned n)
{
    int                   i;
    long                  len;
    model_command_t       c;
    const unsigned char  *at;

    if (torus_buf_add(&wire, "", 1) != TORUS_OK) {
        bail_out("out of memory");
    }

    wire.last--;
    at = wire.pos;

    while (at < wire.last && (n != 0 || multi)) {
        n -= (n != 0);
        c.argc = (int) number(&at);

        if (c.argc > ARGS) {
            bail_out("a command is too long for the model");
        }

        for (i = 0; i < c.argc; i++) {
            len = number(&at);
            c.argv[i] = torus_str(at, (size_t) len);
            at += len + 2;
        }

        command(&c);
    }

    wire.pos += at - wire.pos;
}


static void
deliver(size_t n)
{
    int     rc;
    size_t  len;

    len = torus_buf_len(&back);
    n = (n > len) ? len : n;

    if (n == 0) {
        return;
    }

    rc = torus_writer_feed(w, back.pos, n, now);
    back.pos += n;

    if (rc != TORUS_OK) {
        bail_out("the writer did not understand the model");
    }
}


static void
flush(void)
{
    if (torus_writer_flush(w, now, &wire) != TORUS_OK) {
        bail_out("flush");
    }
}


static void
connect_again(void)
{
    client++;
    multi = 0;

    torus_buf_reset(&wire, SIZE_MAX);
    torus_buf_reset(&back, SIZE_MAX);

    if (torus_writer_open(w, now, &wire) != TORUS_OK) {
        bail_out("open");
    }
}


/* The server sees some of what was sent, and its answers get lost. */
static void
cut(void)
{
    deliver(chance(400));
    serve(chance(300));
    torus_writer_closed(w, now);
    connect_again();
    breaks++;
}


static void
push(void)
{
    unsigned    key;
    char        name[32], arg[32];
    torus_op_t  op;

    static const torus_op_kind_t  kinds[] = {
        TORUS_OP_INCRBY, TORUS_OP_HINCRBY, TORUS_OP_RPUSH,
        TORUS_OP_SADD, TORUS_OP_SET, TORUS_OP_ZADD
    };

    key = chance(KEYS);

    snprintf(name, sizeof(name), "k%u", key);
    snprintf(arg, sizeof(arg), "%u", chance(FIELDS));

    memset(&op, 0, sizeof(torus_op_t));

    op.kind = kinds[key % 6];
    op.key = torus_str(name, strlen(name));
    op.arg = torus_str(arg, strlen(arg));
    op.delta = 1 + chance(3);
    op.expire = EXPIRE + key;
    op.ops = (op.kind != TORUS_OP_ZADD);

    counters[TORUS_C_POINTS_RECEIVED]++;

    if (torus_writer_push(w, &op, now) != TORUS_OK) {
        bail_out("push");
    }
}


static void
turn(void)
{
    unsigned  n;

    switch (chance(10)) {

    case 0:
        memset(&keys[chance(KEYS)], 0, sizeof(model_key_t));
        deletions++;
        break;

    case 1:
        now += chance(300);
        break;

    case 2:

        if (chance(20) == 0) {
            cut();
        }

        break;

    case 3:
        serve(chance(200));
        break;

    case 4:
        deliver(chance(500));
        break;

    case 5:
        serve(chance(2000));
        deliver(SIZE_MAX);
        flush();
        break;

    case 6:
        flush();
        break;

    default:

        for (n = chance(12); n != 0; n--) {
            push();
        }
    }
}


static void
round_of(unsigned n, uint64_t random)
{
    unsigned             i, bad;
    torus_event_t        event;
    torus_writer_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    memset(keys, 0, sizeof(keys));
    memset(counters, 0, sizeof(counters));

    host.name = torus_str("h:1/0", 5);

    conf.host = &host;
    conf.counters = counters;
    conf.window = 1 + n % 5;
    conf.seed = random;
    conf.expiries = (n % 3 == 0) ? 8 : 0;
    conf.queue_max = (n % 4 == 0) ? 1000 : (n % 4 == 1) ? 80000 : 0;

    seed = random;
    nown = 0;
    now = 1000;

    w = torus_writer_create(&conf);

    if (w == NULL) {
        bail_out("no writer");
    }

    connect_again();

    for (i = 0; i < 3000; i++) {
        turn();

        while (torus_writer_event(w, &event) == TORUS_OK) {
            /* void */
        }
    }

    if (n % 2 == 0) {
        torus_writer_hurry(w);
    }

    for (i = 0; i < 1000 && torus_writer_pending(w); i++) {
        flush();
        serve(UINT32_MAX);
        deliver(SIZE_MAX);
        now += (n % 2 == 0) ? 1 : 100;
    }

    ok(!torus_writer_pending(w), "round %u: all is settled", n);

    bad = 0;

    for (i = 0; i < KEYS; i++) {
        bad += (keys[i].there && keys[i].expire != EXPIRE + i);
        hashes += (keys[i].there && i % 6 == 1);
    }

    is_int(bad, 0, "round %u: each key has its expiry", n);

    torus_writer_destroy(w);
}


/* Of a key that is kept already there is one only, in the order of time. */
static void
unsure(void)
{
    int             i, n;
    char            text[64];
    torus_str_t     key;
    torus_unsure_t  u;

    memset(&u, 0, sizeof(torus_unsure_t));
    u.max = 1 << 20;

    for (i = 0; i < 3000; i++) {
        n = snprintf(text, sizeof(text), "key%d", i % 1000);
        key = torus_str(text, (size_t) n);

        if (torus_unsure_add(&u, key, torus_hash(text, (size_t) n, 1), i, &u,
                             (uint64_t) i)
            != TORUS_OK)
        {
            fail("add");
        }
    }

    is_int((int64_t) u.n, 1000, "each key once");

    for (i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "key%d", i);

        if (!torus_str_is(torus_unsure_text(torus_unsure_first(&u)), text)
            || torus_unsure_first(&u)->expire != i)
        {
            fail("order");
        }

        torus_unsure_shift(&u);

        /* the first come again, behind those that are still there */

        if (i < 500) {
            key = torus_str(text, strlen(text));
            (void) torus_unsure_add(&u, key, torus_hash(text, key.len, 1), 7,
                                    &u, 1);
        }
    }

    is_int((int64_t) u.n, 500, "and again once it was shifted");

    while (torus_unsure_first(&u) != NULL) {
        torus_unsure_shift(&u);
    }

    is_int((int64_t) u.n, 0, "none are left");

    for (i = 0; i < 1000000; i++) {

        if (torus_unsure_add(&u, torus_str("k", 1), (uint64_t) i * 77, 0, &u,
                             0)
            != TORUS_OK)
        {
            break;
        }
    }

    ok(i > 1000 && i < 1000000, "full in the end");
    ok(u.bytes <= u.max, "at its bound");

    torus_unsure_free(&u);
}


int
main(void)
{
    unsigned  i;

    torus_buf_init(&wire, SIZE_MAX);
    torus_buf_init(&back, SIZE_MAX);

    unsure();

    for (i = 0; i < 60; i++) {
        round_of(i, 0x9e3779b97f4a7c15ULL * (i + 1));
    }

    ok(deletions > 1000 && breaks > 60 && hashes > 100,
       "%lu deletions, %lu breaks, %lu hashes in the end", deletions, breaks,
       hashes);

    torus_buf_free(&wire);
    torus_buf_free(&back);

    return done_testing();
}
