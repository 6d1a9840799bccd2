/*
 * Nothing lost, nothing counted twice: the writer against a model of Redis
 * in random worlds and at every byte.
 *
 * In a random world points are pushed, bytes go back and forth in pieces of
 * any length, and faults come and go: connections break, are left open with
 * bytes in them, Redis refuses, restarts, goes back to a snapshot, loses the
 * writer's key.  When all of it is well again each point has to be there
 * once, or to be counted as what became of it.
 *
 * TORUS_RUNS: how many worlds of each kind; TORUS_SEED: of the first one.
 */

#include "torus_redis_model.h"
#include "torus_writer.h"


#define STEPS  160


/* What may happen in a world. */
#define BREAKS     0x001
#define REFUSES    0x002
#define RESTARTS   0x004        /* and keeps all that it executed */
#define SNAPSHOTS  0x008
#define LOSES_KEY  0x010        /* of the writer */
#define FLUSHES    0x020        /* all keys */
#define DENIES     0x040        /* commands, by ACL */
#define NO_MULTI   0x080        /* MULTI, but not those in it */
#define FRACTIONS  0x100
#define BAD        0x200        /* a key of another type */

typedef struct {
    const char  *what;
    unsigned     may;
    unsigned     lost:1;        /* what lost_by_store says */
    unsigned     doubt:1;       /* at most what in_doubt says */
    unsigned     unknown:1;     /* so much that nobody can say */
} kind_t;

static const kind_t  kinds[] = {
    { "connections break", BREAKS, 0, 0, 0 },
    { "Redis refuses", REFUSES, 0, 0, 0 },
    { "Redis refuses, connections break", REFUSES|BREAKS, 0, 0, 0 },
    { "commands fail, connections break", REFUSES|BREAKS|BAD, 0, 0, 0 },
    { "Redis restarts with all it had", RESTARTS|BREAKS|REFUSES, 0, 0, 0 },
    { "rights are taken and given", DENIES|REFUSES, 0, 0, 0 },
    { "rights are taken, connections break", DENIES|REFUSES|BREAKS,
      0, 0, 0 },
    { "the right to MULTI is taken", NO_MULTI|REFUSES, 0, 0, 0 },
    { "the right to MULTI is taken, connections break",
      NO_MULTI|BREAKS, 0, 1, 0 },
    { "counts become fractions", FRACTIONS|REFUSES, 0, 0, 0 },
    { "counts become fractions, connections break",
      FRACTIONS|REFUSES|BREAKS, 0, 1, 0 },
    { "Redis goes back to a snapshot", SNAPSHOTS, 1, 0, 0 },
    { "Redis goes back to a snapshot, connections break, Redis refuses",
      SNAPSHOTS|BREAKS|REFUSES, 1, 0, 0 },
    { "the key of the writer is lost", LOSES_KEY|BREAKS, 0, 1, 0 },
    { "all keys are lost", FLUSHES|BREAKS|REFUSES, 0, 0, 1 },
};


typedef struct {
    const kind_t    *kind;
    uint64_t         seed;
    uint64_t         random;
    torus_writer_t  *w;
    torus_host_t     host;
    torus_buf_t      out;
    uint64_t         counters[TORUS_COUNTERS_N];
    uint64_t         now;
    model_t          redis;
    model_conn_t    *c;
    model_data_t     snapshot;
    unsigned         has_snapshot:1;

    /* what was pushed */
    int64_t          pushed;
    int64_t          fractions;
    model_data_t     want;

    /* what is there */
    int64_t          missing;       /* halves of points */
    int64_t          doubled;
    int64_t          wrong;
    int64_t          disorder;
    int64_t          unexpiring;
} world_t;


static uint64_t
pick(world_t *s, uint64_t n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;

    return (s->random >> 11) % n;
}


static void
begin(world_t *s, const kind_t *kind, uint64_t seed, unsigned window)
{
    size_t               i;
    torus_writer_conf_t  conf;

    memset(s, 0, sizeof(world_t));
    memset(&conf, 0, sizeof(conf));

    s->kind = kind;
    s->seed = seed;
    s->random = seed * 0x9e3779b97f4a7c15ULL + 1;
    s->now = 100000;
    s->host.name = torus_str("h:1/0", 5);

    for (i = 0; i < 8; i++) {
        (void) pick(s, 2);
    }

    conf.host = &s->host;
    conf.counters = s->counters;
    conf.window = (window != 0) ? window : 1u << pick(s, 5);
    conf.seed = seed;
    conf.id[0] = 7;

    torus_buf_init(&s->out, 0);
    model_init(&s->redis);
    s->w = torus_writer_create(&conf);

    if (s->w == NULL) {
        bail_out("no writer");
    }
}


static void
end(world_t *s)
{
    torus_writer_destroy(s->w);
    torus_buf_free(&s->out);
    model_free(&s->redis);
}


/* Pushes an operation on a key and notes what it has to come to. */
static void
push(world_t *s, size_t i)
{
    int64_t              n;
    char                 arg[32], field[32];
    torus_op_t           op;
    model_key_t         *k;
    const model_name_t  *name;

    static const torus_op_kind_t  ops[] = {
        TORUS_OP_INCRBY, TORUS_OP_HINCRBY, TORUS_OP_RPUSH, TORUS_OP_SADD,
        TORUS_OP_SET, TORUS_OP_HADD, TORUS_OP_HSET, TORUS_OP_INCRBY
    };

    name = &model_names[i];
    k = &s->want.keys[i];
    n = (int64_t) pick(s, 4);
    arg[0] = '\0';

    memset(&op, 0, sizeof(op));
    op.kind = ops[name->type];

    switch (name->type) {

    case MODEL_COUNT:
        k->halves += 2;

        if (i == MODEL_FRACTION
            && (s->kind->may & FRACTIONS)
            && pick(s, 4) == 0)
        {
            k->halves--;
            s->fractions++;
            op.kind = TORUS_OP_INCRBYFLOAT;
            strcpy(arg, "0.5");
        }

        break;

    case MODEL_PACKED:
        k->fields[n] += 2;
        sprintf(field, "%d", (int) n);

        if ((s->kind->may & FRACTIONS) && pick(s, 4) == 0) {
            k->fields[n]--;
            op.kind = TORUS_OP_HADDFLOAT;
            op.field = torus_str(field, strlen(field));
            strcpy(arg, "0.5");

        } else {
            strcpy(arg, field);
        }

        break;

    case MODEL_VALUED:
        sprintf(field, "%d", (int) n);
        op.field = torus_str(field, strlen(field));
        sprintf(arg, "%d", (int) (k->fields[n] = ++k->value));
        break;

    case MODEL_HASH:
    case MODEL_SET:
        k->fields[n] += (name->type == MODEL_HASH || k->fields[n] == 0);
        sprintf(arg, "%d", (int) n);
        break;

    case MODEL_LIST:
        sprintf(arg, "%d", ++k->n);
        break;

    case MODEL_GAUGE:
        sprintf(arg, "%d", ++k->value);
        break;

    default: /* MODEL_BAD */
        k->value++;
    }

    op.key = torus_str(name->name, strlen(name->name));
    op.arg = torus_str(arg, strlen(arg));
    op.delta = 1;
    op.expire = name->expire;
    op.ops = 1;

    s->pushed++;
    s->counters[TORUS_C_POINTS_RECEIVED]++;

    if (torus_writer_push(s->w, &op, s->now) != TORUS_OK) {
        bail_out("push");
    }
}


static void
push_some(world_t *s)
{
    size_t  n;

    for (n = pick(s, 5) + 1; n > 0; n--) {
        push(s, pick(s, MODEL_KEYS - ((s->kind->may & BAD) ? 0 : 1)));
    }
}


static void
closed(world_t *s)
{
    torus_writer_closed(s->w, s->now);
    torus_buf_reset(&s->c->back, SIZE_MAX);
    s->c = NULL;
}


static void
connected(world_t *s)
{
    s->c = model_accept(&s->redis);
    torus_buf_reset(&s->out, SIZE_MAX);

    if (torus_writer_open(s->w, s->now, &s->out) != TORUS_OK) {
        bail_out("open");
    }
}


/* What the writer has to say goes on its way. */
static void
flush(world_t *s)
{
    torus_event_t  event;

    if (s->c == NULL) {
        return;
    }

    if (torus_writer_flush(s->w, s->now, &s->out) != TORUS_OK) {
        bail_out("flush");
    }

    torus_buf_add(&s->c->in, s->out.pos, torus_buf_len(&s->out));
    torus_buf_reset(&s->out, SIZE_MAX);

    while (torus_writer_event(s->w, &event) == TORUS_OK) {
        if (getenv("TORUS_SHOW") != NULL) {
            diag("%s", event.text);
        }
    }
}


/* At most n bytes of answers reach the writer. */
static void
answer(world_t *s, size_t n)
{
    unsigned char  *copy;

    if (s->c == NULL) {
        return;
    }

    if (n > torus_buf_len(&s->c->back)) {
        n = torus_buf_len(&s->c->back);
    }

    if (n != 0) {

        /* a copy, so that a read beyond its end is seen */

        copy = malloc(n);
        if (copy == NULL) {
            bail_out("out of memory");
        }

        memcpy(copy, s->c->back.pos, n);
        s->c->back.pos += n;

        if (torus_writer_feed(s->w, copy, n, s->now) != TORUS_OK) {
            closed(s);
        }

        free(copy);
    }

    /* Redis has closed it, and nothing is left */

    if (s->c != NULL && s->c->id == 0 && torus_buf_len(&s->c->back) == 0) {
        closed(s);
    }
}


/* What is under way may still arrive there, some of it now, some later. */
static void
cut(world_t *s)
{
    model_conn_t  *c;

    c = s->c;

    if (c == NULL) {
        return;
    }

    closed(s);

    if (pick(s, 3) == 0) {
        model_kill(c);
    }
}


static void
left_arrive(world_t *s, size_t most)
{
    size_t         i;
    model_conn_t  *c;

    for (i = 0; i < MODEL_CONNS; i++) {
        c = &s->redis.conns[i];

        if (c != s->c && c->id != 0) {
            model_arrive(&s->redis, c, most ? pick(s, most) : SIZE_MAX / 2);
            torus_buf_reset(&c->back, SIZE_MAX);
        }
    }
}


/* The ACL is looked at again at EXEC, so it changes between transactions. */
static int
in_transaction(const world_t *s)
{
    size_t  i;

    for (i = 0; i < MODEL_CONNS; i++) {
        if (s->redis.conns[i].id != 0 && s->redis.conns[i].multi) {
            return 1;
        }
    }

    return 0;
}


static void
deny(world_t *s)
{
    static const model_command_t  commands[] = {
        MODEL_EXEC, MODEL_HGETALL, MODEL_INCRBY, MODEL_RPUSH, MODEL_SETEX,
        MODEL_EXPIREAT, MODEL_HSET
    };

    if (in_transaction(s)) {
        return;
    }

    s->redis.denied = 0;

    if (pick(s, 2) == 0) {
        return;
    }

    /*
     * Without MULTI commands run one by one, and where HSET is refused too
     * they leave no trace.  That is not made up for.
     */

    if (s->kind->may & NO_MULTI) {
        s->redis.denied = 1u << MODEL_MULTI;

        if (pick(s, 2) == 0) {
            s->redis.denied |= 1u << commands[pick(s, 6)];
        }

        return;
    }

    s->redis.denied = 1u << commands[pick(s, 7)];
}


/* One thing that goes wrong, or is well again. */
static void
fault(world_t *s)
{
    unsigned  may;

    may = s->kind->may;

    if ((may & BREAKS) && pick(s, 3) == 0) {
        cut(s);
    }

    if ((may & REFUSES) && pick(s, 3) == 0) {
        s->redis.fault = (pick(s, 2) == 0) ? 0
                                           : 1u << pick(s, MODEL_FAULTS);
    }

    if ((may & (DENIES|NO_MULTI)) && pick(s, 3) == 0) {
        deny(s);
    }

    if ((may & RESTARTS) && pick(s, 5) == 0) {
        model_restart(&s->redis, &s->redis.data);
    }

    if (may & SNAPSHOTS) {

        if (pick(s, 3) == 0 && s->redis.data.nown != 0) {
            s->snapshot = s->redis.data;
            s->has_snapshot = 1;

        } else if (s->has_snapshot && pick(s, 4) == 0) {
            model_restart(&s->redis, &s->snapshot);
        }
    }

    if ((may & LOSES_KEY) && pick(s, 4) == 0) {
        s->redis.data.nown = 0;
    }

    if ((may & FLUSHES) && pick(s, 6) == 0) {
        memset(&s->redis.data, 0, sizeof(model_data_t));
        s->redis.data.keys[MODEL_OF_BAD].there = 1;

        if (pick(s, 2) == 0) {
            model_restart(&s->redis, &s->redis.data);
        }
    }
}


static void
step(world_t *s)
{
    static const uint64_t  most[] = { 3, 40, 400, 4000 };

    switch (pick(s, 8)) {

    case 0:
    case 1:
        push_some(s);
        break;

    case 2:
        s->now += pick(s, 10) ? pick(s, 300) : pick(s, 20000);

        if (pick(s, 100) == 0) {
            s->now += 3601 * 1000;
        }

        break;

    case 3:

        if (s->c == NULL) {
            connected(s);
        }

        break;

    case 4:
        left_arrive(s, 600);
        break;

    case 5:

        if (pick(s, 3) == 0) {
            fault(s);
        }

        break;

    case 6:

        if (s->c != NULL) {
            model_arrive(&s->redis, s->c, pick(s, most[pick(s, 4)]) + 1);
        }

        break;

    default:
        answer(s, pick(s, most[pick(s, 4)]) + 1);
    }

    if (pick(s, 2) == 0) {
        flush(s);
    }
}


/* All is well again, until nothing is held.  Returns whether it came so. */
static int
settle(world_t *s)
{
    int                   i;
    torus_writer_stats_t  stats;

    s->redis.fault = 0;
    s->redis.denied = 0;

    for (i = 0; i < 400; i++) {

        if (s->c == NULL) {
            connected(s);
        }

        flush(s);

        if (s->c != NULL) {
            model_arrive(&s->redis, s->c, SIZE_MAX / 2);
        }

        answer(s, SIZE_MAX);
        s->now += 500;

        torus_writer_stats(s->w, s->now, &stats);

        if (stats.state == TORUS_WRITER_READY
            && !torus_writer_pending(s->w))
        {
            break;
        }
    }

    /* what comes late must not come twice */

    left_arrive(s, 0);

    return i < 400;
}


static void
differ(world_t *s, int64_t want, int64_t got, int64_t each)
{
    if (got > want) {
        s->doubled += (got - want) * each;

    } else {
        s->missing += (want - got) * each;
    }
}


static void
compare_list(world_t *s, const model_key_t *want, const model_key_t *have)
{
    int  i, last, seen[MODEL_VALUES + 1];

    last = 0;
    memset(seen, 0, sizeof(seen));

    for (i = 0; i < have->n; i++) {
        s->disorder += (have->values[i] < last);
        last = have->values[i];
        seen[last]++;
    }

    for (i = 1; i <= want->n; i++) {
        differ(s, 1, seen[i], 2);
    }
}


static void
compare(world_t *s)
{
    int                 f;
    size_t              i;
    const model_key_t  *want, *have;

    for (i = 0; i < MODEL_KEYS - 1; i++) {
        want = &s->want.keys[i];
        have = &s->redis.data.keys[i];

        s->unexpiring += (have->there
                          && have->expire != model_names[i].expire);

        switch (model_names[i].type) {

        case MODEL_COUNT:
            differ(s, want->halves, have->halves, 1);
            break;

        case MODEL_HASH:
            for (f = 0; f < 4; f++) {
                differ(s, want->fields[f], have->fields[f], 2);
            }

            break;

        case MODEL_PACKED:
            for (f = 0; f < 4; f++) {
                differ(s, want->fields[f], have->fields[f], 1);
            }

            break;

        case MODEL_SET:
        case MODEL_VALUED:
            for (f = 0; f < 4; f++) {
                s->wrong += (want->fields[f] != have->fields[f]);
            }

            break;

        case MODEL_LIST:
            compare_list(s, want, have);
            break;

        default: /* MODEL_GAUGE */
            s->wrong += (want->value != have->value);
        }
    }
}


/* Why this world is not as it has to be, or NULL. */
static const char *
judge(world_t *s)
{
    int64_t               failed, applied, dropped, doubt;
    torus_writer_stats_t  stats;

    compare(s);

    torus_writer_stats(s->w, s->now, &stats);

    applied = (int64_t) s->counters[TORUS_C_OPS_APPLIED];
    failed = (int64_t) s->counters[TORUS_C_OPS_FAILED];
    dropped = (int64_t) s->counters[TORUS_C_OPS_DROPPED];
    doubt = (int64_t) s->counters[TORUS_C_IN_DOUBT];

    if (applied + failed + dropped != s->pushed || dropped != 0) {
        return "an operation is nowhere, or dropped";
    }

    if (stats.bytes != 0 || stats.points_in_flight != 0) {
        return "memory is held";
    }

    if (s->doubled != 0) {
        return "counted twice";
    }

    if (s->unexpiring != 0) {
        return "a key without its expiry";
    }

    if (s->kind->unknown) {
        return NULL;
    }

    if (s->kind->doubt) {
        return (s->missing > 2 * doubt) ? "lost, and not in doubt" : NULL;
    }

    if (doubt != 0) {
        return "in doubt for no reason";
    }

    if (s->kind->lost) {
        return (s->missing > 2 * (int64_t) s->counters[TORUS_C_LOST_BY_STORE])
               ? "lost, and not counted" : NULL;
    }

    if (s->counters[TORUS_C_LOST_BY_STORE] != 0) {
        return "counted as lost for no reason";
    }

    if (s->missing != 0) {
        return "lost";
    }

    if (s->wrong != 0) {
        return "a gauge or a set is not what it was last";
    }

    if (failed != s->want.keys[MODEL_OF_BAD].value) {
        return "failed, and not because of its type";
    }

    if (s->disorder != 0 && !(s->kind->may & (REFUSES|DENIES|NO_MULTI))) {
        return "out of order";
    }

    return NULL;
}


static const char *
run(world_t *s)
{
    int  i;

    for (i = 0; i < STEPS; i++) {
        step(s);
    }

    return settle(s) ? judge(s) : "it does not settle";
}


static void
show(const world_t *s, const char *why)
{
    diag("seed %" PRIu64 ": %s; %" PRId64 " pushed, %" PRId64 " halves "
         "missing, %" PRId64 " doubled, %" PRId64 " wrong, %" PRIu64
         " failed, %" PRIu64 " in doubt, %" PRIu64 " lost by the store",
         s->seed, why, s->pushed, s->missing, s->doubled, s->wrong,
         s->counters[TORUS_C_OPS_FAILED], s->counters[TORUS_C_IN_DOUBT],
         s->counters[TORUS_C_LOST_BY_STORE]);
}


/* Many worlds of a kind. */
static void
worlds(const kind_t *kind, uint64_t seed, uint64_t runs)
{
    uint64_t        i, bad, pushed, resent;
    const char     *why;
    static world_t  s;

    bad = 0;
    pushed = 0;
    resent = 0;

    for (i = 0; i < runs; i++) {
        begin(&s, kind, seed + i, 0);
        why = run(&s);

        pushed += (uint64_t) s.pushed;
        resent += s.counters[TORUS_C_REDIS_RESENT];

        if (why != NULL && bad++ < 3) {
            show(&s, why);
        }

        end(&s);
    }

    is_int((int64_t) bad, 0, "%s: %" PRIu64 " worlds, %" PRIu64 " points, "
           "%" PRIu64 " batches sent again", kind->what, runs, pushed, resent);

    if ((kind->may & BREAKS) && runs >= 100) {
        ok(resent > 0, "%s: batches were cut off", kind->what);
    }
}


/*
 * Every byte: three batches, of which the second meets a refusal, and the
 * connection ends after so many bytes of one direction.
 */

typedef struct {
    const char       *what;
    unsigned          fault;
    unsigned          denied;
    int               at_exec;      /* all was queued before */
    unsigned          doubt:1;
} refusal_t;

static const refusal_t  refusals[] = {
    { "nothing refused", 0, 0, 0, 0 },
    { "OOM", 1u << MODEL_OOM, 0, 0, 0 },
    { "OOM at EXEC", 1u << MODEL_OOM, 0, 1, 0 },
    { "READONLY", 1u << MODEL_READONLY, 0, 0, 0 },
    { "READONLY at EXEC", 1u << MODEL_READONLY, 0, 1, 0 },
    { "LOADING", 1u << MODEL_LOADING, 0, 0, 0 },
    { "LOADING at EXEC", 1u << MODEL_LOADING, 0, 1, 0 },
    { "MISCONF", 1u << MODEL_MISCONF, 0, 0, 0 },
    { "MISCONF at EXEC", 1u << MODEL_MISCONF, 0, 1, 0 },
    { "BUSY", 1u << MODEL_BUSY, 0, 0, 0 },
    { "NOAUTH", 1u << MODEL_NOAUTH, 0, 0, 0 },
    { "NOPERM of RPUSH", 0, 1u << MODEL_RPUSH, 0, 0 },
    { "NOPERM of HSET", 0, 1u << MODEL_HSET, 0, 0 },
    { "NOPERM of EXEC", 0, 1u << MODEL_EXEC, 0, 0 },
    { "NOPERM of MULTI", 0, 1u << MODEL_MULTI, 0, 1 },
    { "NOPERM of MULTI and RPUSH", 0,
      1u << MODEL_MULTI | 1u << MODEL_RPUSH, 0, 1 },
};

/* 0 in one of them: not cut there. */
typedef struct {
    size_t  there;
    size_t  back;
    int     lingers;            /* the rest arrives after the reconnect */
} cut_t;


/* Up to the last byte that may pass; returns 1 when that was it. */
static int
carry(world_t *s, const cut_t *at, size_t n, size_t *there, size_t *back)
{
    size_t  len;

    if (at->there != 0 && n > at->there - *there) {
        n = at->there - *there;
    }

    *there += n;
    model_arrive(&s->redis, s->c, n);
    len = torus_buf_len(&s->c->back);

    if (at->back != 0 && len > at->back - *back) {
        len = at->back - *back;
    }

    *back += len;
    answer(s, len);

    return s->c == NULL
           || (at->there != 0 && *there == at->there)
           || (at->back != 0 && *back == at->back);
}


/* Returns 1 when the cut is behind all that there is. */
static int
sweep_one(world_t *s, const refusal_t *r, const cut_t *at)
{
    int            i, over;
    size_t         n, first, there, back;
    model_conn_t  *c;

    connected(s);

    for (i = 0; i < 3; i++) {
        flush(s);
        model_arrive(&s->redis, s->c, SIZE_MAX / 2);
        answer(s, SIZE_MAX);
    }

    there = 0;
    back = 0;
    over = 0;
    c = s->c;

    for (i = 0; i < 3 && !over; i++) {

        for (n = 0; n < MODEL_KEYS - 1; n++) {
            push(s, n);
        }

        flush(s);
        n = torus_buf_len(&c->in) - c->arrived;
        first = 0;

        if (i == 1) {

            /* "*1 $4 EXEC" is the last of a batch */

            if (r->at_exec) {
                first = n - 14;
                over = carry(s, at, first, &there, &back);
            }

            s->redis.fault = r->fault;
            s->redis.denied = r->denied;
            c->no_auth = (r->fault >> MODEL_NOAUTH) & 1;
        }

        over = over || carry(s, at, n - first, &there, &back);
        s->redis.fault = 0;

        if (!over) {
            s->redis.denied = 0;
            c->no_auth = 0;
        }
    }

    if (s->c != NULL) {
        closed(s);
    }

    s->redis.fault = 0;
    s->redis.denied = 0;
    c->no_auth = 0;

    if (!at->lingers) {
        model_kill(c);
    }

    return !over;
}


static void
sweep(const refusal_t *r, const char *way, int there, int lingers)
{
    int             done;
    size_t          at, bad;
    kind_t          kind;
    cut_t           where;
    const char     *why;
    static world_t  s;

    memset(&kind, 0, sizeof(kind));
    kind.what = r->what;
    kind.may = REFUSES;
    kind.doubt = r->doubt;

    bad = 0;
    done = 0;

    for (at = 1; !done; at++) {
        where.there = there ? at : 0;
        where.back = there ? 0 : at;
        where.lingers = lingers;

        begin(&s, &kind, at, 4);
        done = sweep_one(&s, r, &where);
        why = settle(&s) ? judge(&s) : "it does not settle";

        if (why != NULL && bad++ < 3) {
            diag("cut at byte %zu", at);
            show(&s, why);
        }

        end(&s);
    }

    is_int((int64_t) bad, 0, "%s, cut at each of %zu bytes %s", r->what, at,
           way);
}


static uint64_t
setting(const char *name, uint64_t otherwise)
{
    const char  *text;

    text = getenv(name);

    return (text != NULL) ? strtoull(text, NULL, 10) : otherwise;
}


int
main(void)
{
    size_t    i;
    uint64_t  runs, seed;

    seed = setting("TORUS_SEED", 1);
    runs = setting("TORUS_RUNS", getenv("TORUS_LONG") != NULL ? 100000 : 1500);

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        worlds(&kinds[i], seed, runs);
    }

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        sweep(&refusals[i], "of replies", 0, 0);
        sweep(&refusals[i], "of commands", 1, 0);
        sweep(&refusals[i], "of replies, the rest arrives", 0, 1);
    }

    return done_testing();
}
