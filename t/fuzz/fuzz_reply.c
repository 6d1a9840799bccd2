/*
 * Fuzzing of what Redis answers: the input is a run of instructions, each a
 * byte: push an operation, break the connection, let time pass, answer as
 * Redis could, or feed bytes of the input as they are.  So replies that are
 * wrong, cut or unasked arrive in every state of the writer.
 *
 * What may not happen, beside what sanitizers see: an operation that is
 * nowhere (made = applied + failed + dropped + queued + in flight), memory
 * that stays when nothing is held, or a window that overflows.
 *
 * Seeds are in t/fuzz/corpus/reply.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torus_writer_state.h"


#define WINDOW  4


typedef struct {
    torus_writer_t  *w;
    torus_host_t     host;
    torus_buf_t      out;
    uint64_t         counters[TORUS_COUNTERS_N];
    uint64_t         made;
    uint64_t         now;
    int              open;
} world_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void push(world_t *s, uint8_t what);
static void step(world_t *s);
static void feed(world_t *s, const uint8_t *data, size_t len);
static void feed_text(world_t *s, uint8_t what);
static void put(torus_buf_t *b, const char *text);
static void answer(world_t *s, uint8_t how);
static void answer_question(torus_writer_t *w, torus_buf_t *b, uint8_t how);
static void answer_batch(torus_writer_t *w, torus_buf_t *b, uint8_t how);
static void check(world_t *s);
static void must(int held, const char *what);


/* Replies that get a writer from state to state, and some that do not. */
static const char  *const replies[] = {
    ":7\r\n",
    "$38\r\n# Server\r\nrun_id:aaaa\r\nredis_version:7\r\n",
    "$26\r\n# Memory\r\nmaxmemory:0\r\n...\r\n",
    "+OK\r\n",
    "+QUEUED\r\n",
    "*4\r\n:1\r\n:1\r\n:1\r\n*2\r\n$5\r\nepoch\r\n$1\r\n1\r\n",
    ("*4\r\n:0\r\n:0\r\n:1\r\n*6\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n2"
     "\r\n$6\r\npoints\r\n$1\r\n2\r\n"),
    "*2\r\n:1\r\n:1\r\n",
    "*3\r\n:1\r\n:1\r\n:1\r\n",
    "*4\r\n:1\r\n:1\r\n+OK\r\n$3\r\n0.5\r\n",
    "*2\r\n:1\r\n-ERR value is not an integer or out of range\r\n",
    "*2\r\n:1\r\n$-1\r\n",
    "*2\r\n:1\r\n$3\r\n1.5\r\n",
    "-OOM command not allowed\r\n",
    "-EXECABORT Transaction discarded\r\n",
    "-READONLY You can't write against a read only replica.\r\n",
    "-NOPERM this user has no permissions to run the 'get' command\r\n",
    "-LOADING Redis is loading\r\n",
    "-WRONGTYPE Operation against a key\r\n",
    "*-1\r\n",
    "$-1\r\n",
    "*1\r\n"
};

#define NREPLIES  (sizeof(replies) / sizeof(replies[0]))


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               n;
    uint8_t              c;
    world_t              s;
    const uint8_t       *end;
    torus_event_t        event;
    torus_writer_conf_t  conf;

    memset(&s, 0, sizeof(world_t));
    memset(&conf, 0, sizeof(torus_writer_conf_t));

    s.host.name = torus_str("h:1/0", 5);
    s.now = 1000;

    conf.host = &s.host;
    conf.counters = s.counters;
    conf.window = WINDOW;
    conf.seed = 7;
    conf.queue_max = 65536;
    conf.drop = size != 0 && (data[0] & 1);

    torus_buf_init(&s.out, 0);
    s.w = torus_writer_create(&conf);

    if (s.w == NULL) {
        abort();
    }

    end = data + size;

    while (data < end) {
        c = *data++;

        switch (c >> 5) {

        case 0:
        case 1:
            push(&s, c);
            break;

        case 2:
        case 3:
            feed_text(&s, c & 63);
            break;

        case 4:

            /* as it stands in the input */

            n = (size_t) (c & 31) + 1;
            n = n < (size_t) (end - data) ? n : (size_t) (end - data);
            feed(&s, data, n);
            data += n;
            break;

        case 5:

            if (c & 16) {
                answer(&s, c & 15);
                break;
            }

            s.now += (uint64_t) 50 << (c & 15);
            break;

        case 6:

            if (!s.open) {
                s.open = (torus_writer_open(s.w, s.now, &s.out) == TORUS_OK);
                must(s.open, "to open");
                break;
            }

            if (c & 1) {
                torus_writer_closed(s.w, s.now);
                s.open = 0;
            }

            break;

        default:

            if ((c & 31) == 31) {
                torus_writer_drop_all(s.w);
                must(!torus_writer_pending(s.w), "nothing after all of it "
                     "was dropped");
            }

            while (torus_writer_event(s.w, &event) == TORUS_OK) {
                must(strlen(event.text) < sizeof(event.text), "a short text");
            }
        }

        step(&s);
        check(&s);
    }

    torus_writer_drop_all(s.w);
    check(&s);

    torus_writer_destroy(s.w);
    torus_buf_free(&s.out);

    return 0;
}


static void
push(world_t *s, uint8_t what)
{
    char                key[32];
    torus_op_t          op;
    static const char  *const args[] = { "1", "0.5", "x", "" };

    memset(&op, 0, sizeof(torus_op_t));
    snprintf(key, sizeof(key), "k%d:m:%d", what & 3, what & 1);

    op.kind = (torus_op_kind_t) (what >> 2) % (TORUS_OP_HSET + 1);
    op.key = torus_str(key, strlen(key));
    op.arg = torus_str(args[what & 3], strlen(args[what & 3]));
    op.field = torus_str(args[(what >> 1) & 3], strlen(args[(what >> 1) & 3]));
    op.delta = (what & 3) - 1;
    op.expire = (what & 16) ? 99 : 0;
    op.ops = (what & 32) ? 1 : (what & 1);

    if (op.kind == TORUS_OP_INCRBYFLOAT || op.kind == TORUS_OP_HADDFLOAT) {
        op.arg = torus_str("0.5", 3);
    }

    s->counters[TORUS_C_POINTS_RECEIVED] += (what & 2) != 0;
    s->made += op.ops;

    must(torus_writer_push(s->w, &op, s->now) == TORUS_OK, "memory");
}


static void
step(world_t *s)
{
    if (s->open && torus_writer_flush(s->w, s->now, &s->out) != TORUS_OK) {
        abort();
    }

    torus_buf_reset(&s->out, 0);
}


static void
feed_text(world_t *s, uint8_t what)
{
    size_t       i, times;
    const char  *text;

    /* many of QUEUED: there is one for each command */

    text = replies[what % NREPLIES];
    times = (what >= NREPLIES) ? what - NREPLIES + 1 : 1;

    if (times > 1) {
        text = replies[4];
    }

    for (i = 0; i < times && s->open; i++) {
        feed(s, (const uint8_t *) text, strlen(text));
    }
}


static void
feed(world_t *s, const uint8_t *data, size_t len)
{
    uint8_t  *copy;

    if (!s->open) {
        return;
    }

    copy = malloc(len + 1);
    if (copy == NULL) {
        abort();
    }

    memcpy(copy, data, len);

    if (torus_writer_feed(s->w, copy, len, s->now) != TORUS_OK) {
        torus_writer_closed(s->w, s->now);
        s->open = 0;
    }

    free(copy);
}


static void
put(torus_buf_t *b, const char *text)
{
    torus_buf_add(b, text, strlen(text));
}


/* What Redis could answer to all that the writer waits for first. */
static void
answer(world_t *s, uint8_t how)
{
    size_t       i;
    torus_buf_t  b;

    if (!s->open) {
        return;
    }

    torus_buf_init(&b, 0);

    switch (s->w->state) {

    case TORUS_WRITER_HELLO:
        for (i = s->w->step; i < 3; i++) {
            put(&b, replies[i]);
        }

        break;

    case TORUS_WRITER_ASKING:
        answer_question(s->w, &b, how);
        break;

    default:
        if (s->w->flight.first != NULL && s->w->pos == 0) {
            answer_batch(s->w, &b, how);
        }
    }

    if (torus_buf_len(&b) != 0) {
        feed(s, b.pos, torus_buf_len(&b));
    }

    torus_buf_free(&b);
}


static void
answer_question(torus_writer_t *w, torus_buf_t *b, uint8_t how)
{
    size_t                 n;
    torus_buf_t            fields;
    const torus_wbatch_t  *f;

    n = 0;
    torus_buf_init(&fields, 0);

    /* a bit for each batch: was it applied? */

    for (f = w->flight.first; f != NULL; f = f->next, how >>= 1) {

        if (how & 1) {
            n += 2;
            torus_buf_printf(&fields, "$1\r\n%d\r\n$%d\r\n%llu\r\n",
                             (int) (f->n % WINDOW),
                             snprintf(NULL, 0, "%llu",
                                      (unsigned long long) f->n),
                             (unsigned long long) f->n);
        }
    }

    if (w->step == TORUS_ASK_KILL) {
        put(b, ":1\r\n");
    }

    if (w->step <= TORUS_ASK_REFUSALS) {
        torus_buf_printf(b, "$34\r\ncmdstat_multi:x=1,rejected_calls=%d\r\n",
                         how & 1);
    }

    torus_buf_printf(b, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"
                     "*4\r\n:%d\r\n:%d\r\n:1\r\n*%zu\r\n", how & 1, how & 1,
                     n);

    if (n != 0) {
        torus_buf_add(b, fields.pos, torus_buf_len(&fields));
    }

    torus_buf_free(&fields);
}


static void
answer_batch(torus_writer_t *w, torus_buf_t *b, uint8_t how)
{
    size_t                 i, n;
    const torus_wbatch_t  *f;
    const torus_record_t  *r;
    static const char     *const ints[] = {
        ":1\r\n", ":7\r\n", "-ERR value is not an integer\r\n",
        "-WRONGTYPE Operation\r\n"
    };
    static const char     *const bulks[] = {
        "$1\r\n1\r\n", "$3\r\n1.5\r\n", "$-1\r\n", "-WRONGTYPE x\r\n"
    };

    f = w->flight.first;
    n = f->commands + (f->renew ? 2 : 1);

    put(b, how == 15 ? "-NOPERM multi\r\n" : "+OK\r\n");

    for (i = 0; i < n; i++) {
        put(b, (how & 12) == 12 ? "-OOM\r\n" : "+QUEUED\r\n");
    }

    if ((how & 12) == 12) {
        put(b, "-EXECABORT x\r\n");
        return;
    }

    torus_buf_printf(b, "*%zu\r\n:0\r\n%s", n, f->renew ? ":1\r\n" : "");

    for (r = f->records; r != NULL; r = r->next, how += 7) {

        if (r->done) {
            continue;
        }

        switch (r->kind) {

        case TORUS_OP_SET:
            put(b, "+OK\r\n");
            break;

        case TORUS_OP_INCRBYFLOAT:
        case TORUS_OP_HADDFLOAT:
        case TORUS_OP_GET:
        case TORUS_OP_HGET:
            put(b, bulks[torus_op_asks(r->kind) ? how & 3 : how & 1]);
            break;

        default:
            put(b, ints[how & 3]);
        }

        if (r->expireat) {
            put(b, ":1\r\n");
        }
    }
}


static void
check(world_t *s)
{
    uint64_t              sum;
    torus_writer_stats_t  st;

    torus_writer_stats(s->w, s->now, &st);

    sum = s->counters[TORUS_C_OPS_APPLIED] + s->counters[TORUS_C_OPS_FAILED]
          + s->counters[TORUS_C_OPS_DROPPED] + st.queued + st.in_flight;

    must(sum == s->made, "every operation somewhere");
    must(st.batches <= WINDOW, "no more batches than the window has");
    must(st.points_queued <= st.queued, "points with operations");
    must(st.points_in_flight <= st.in_flight, "in flight, too");
    must(st.lag <= s->now, "an age");

    if (!torus_writer_pending(s->w)) {
        must(st.bytes == 0, "no memory for nothing");
        must(st.queued + st.in_flight == 0, "nothing pending, nothing held");
        must(st.points_queued + st.points_in_flight == 0, "no points");
    }
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
