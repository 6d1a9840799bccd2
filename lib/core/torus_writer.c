/*
 * The life of a writer: what is sent when, and what becomes of each batch.
 *
 *   DOWN -> HELLO -> ASKING -> READY -> REFUSING -> WAITING -> ASKING ..
 *
 * Every way back to READY leads through the question, which is a write: only
 * a server that takes writes answers it, and the answer says which of the
 * unanswered batches are in the store.
 *
 * Ownership: a batch is in exactly one of queue (unsent), flight (sent and
 * unanswered) and refused; its operations are counted where it is.
 */

#include "torus_number.h"
#include "torus_reply.h"

#include <stdlib.h>


static void torus_writer_defaults(torus_writer_t *w);
static int torus_writer_name(torus_writer_t *w, const torus_op_t *op,
    uint64_t now);
static size_t torus_writer_bytes(const torus_writer_t *w);
static void torus_writer_dropped(torus_writer_t *w, uint64_t points,
    uint64_t now);
static void torus_writer_ask(torus_writer_t *w, torus_buf_t *out);
static int torus_writer_fenced(const torus_writer_t *w);
static int torus_writer_same(const torus_writer_t *w);
static torus_wbatch_t *torus_writer_next(torus_writer_t *w);
static torus_wbatch_t *torus_writer_aside(torus_writer_t *w, int idle);
static int torus_writer_send(torus_writer_t *w, torus_wbatch_t *b,
    torus_buf_t *out);
static void torus_writer_renew(torus_writer_t *w, torus_buf_t *out);
static void torus_writer_decide(torus_writer_t *w, int lost);
static uint64_t torus_writer_first(const torus_writer_t *w);
static void torus_writer_outside(torus_writer_t *w, torus_wbatch_t *b);
static void torus_writer_outlive(torus_writer_t *w,
    const torus_record_t *r);
static void torus_writer_lost(torus_writer_t *w);
static void torus_writer_doubt(torus_writer_t *w);
static void torus_writer_in_doubt(torus_writer_t *w, torus_fifo_t *batches);
static void torus_writer_resume(torus_writer_t *w);
static void torus_writer_ready(torus_writer_t *w);
static void torus_writer_stored(torus_writer_t *w, const torus_wbatch_t *b);
static int torus_writer_applied(torus_writer_t *w, torus_wbatch_t *b);
static void torus_writer_doubtful(torus_writer_t *w,
    const torus_record_t *r, uint64_t points);
static int torus_writer_check(torus_writer_t *w, torus_wbatch_t *b);
static int torus_writer_unexpiring(const torus_record_t *r);
static void torus_writer_again(torus_writer_t *w, const torus_record_t *r);
static void torus_writer_unsure(torus_writer_t *w, const torus_record_t *r);
static void torus_writer_expire(torus_writer_t *w, const torus_record_t *r);
static void torus_writer_add(torus_writer_t *w, const torus_record_t *r,
    unsigned kind, const torus_op_t *op, uint64_t ops, uint64_t points);
static void torus_writer_denied(torus_writer_t *w, torus_wbatch_t *b);
static void torus_writer_hold(torus_writer_t *w, torus_wbatch_t *b);
static void torus_writer_hold_gauge(torus_writer_t *w, torus_record_t *r);
static void torus_writer_supersede(torus_writer_t *w,
    const torus_record_t *r);
static void torus_writer_record_done(torus_writer_t *w, torus_record_t *r);
static void torus_writer_take_out(torus_writer_t *w, torus_record_t *r);
static void torus_writer_release(torus_writer_t *w, torus_wbatch_t *b);
static uint64_t torus_writer_drop(torus_writer_t *w, torus_fifo_t *f,
    torus_counter_t counter, torus_counter_t also);
static void torus_writer_wait(torus_writer_t *w);
static void torus_writer_tell(torus_writer_t *w, torus_str_t error);
static uint64_t torus_writer_random(torus_writer_t *w);
static int torus_writer_stuck(const torus_writer_t *w);
static int torus_writer_older(const torus_fifo_t *f, uint64_t mark);
static void torus_writer_age(const torus_wbatch_t *b, uint64_t *since);


#define torus_writer_key(w)                                                   \
    torus_str((w)->key, sizeof((w)->key) - 1)

#define torus_writer_host(w)  torus_fmt((w)->conf.host->name)


torus_writer_t *
torus_writer_create(const torus_writer_conf_t *conf)
{
    size_t           i, n;
    torus_writer_t  *w;

    w = calloc(1, sizeof(torus_writer_t));
    if (w == NULL) {
        return NULL;
    }

    w->conf = *conf;
    torus_writer_defaults(w);

    n = sizeof(TORUS_WRITER_KEY) - 1;
    memcpy(w->key, TORUS_WRITER_KEY, n);

    for (i = 0; i < sizeof(conf->id); i++) {
        w->key[n] = "0123456789abcdef"[conf->id[i] >> 4];
        w->key[n + 1] = "0123456789abcdef"[conf->id[i] & 15];
        n += 2;
    }

    w->queue.seed = conf->seed;
    w->queue.counters = conf->counters;
    w->queue.merge_off = conf->merge_off;

    w->names.seed = conf->seed;
    w->names.counters = conf->counters;
    w->names.merge_off = conf->merge_off;
    w->names.share = TORUS_WRITER_NAMES_SHARE;

    w->unsure.max = w->conf.queue_max / 4;
    w->random = conf->seed | 1;
    w->point = UINT64_MAX;

    torus_expiry_init(&w->queue.expiry, w->conf.expiries);
    torus_expiry_init(&w->queue.fractions, TORUS_WRITER_FRACTIONS);
    torus_expiry_init(&w->names.expiry, w->conf.expiries);

    return w;
}


static void
torus_writer_defaults(torus_writer_t *w)
{
    torus_writer_conf_t  *conf;

    conf = &w->conf;

    if (conf->window == 0) {
        conf->window = TORUS_WRITER_WINDOW;
    }

    if (conf->window > TORUS_WRITER_WINDOW_MAX) {
        conf->window = TORUS_WRITER_WINDOW_MAX;
    }

    if (conf->queue_max == 0) {
        conf->queue_max = TORUS_WRITER_QUEUE;
    }

    if (conf->expiries == 0) {
        conf->expiries = TORUS_WRITER_EXPIRIES;
    }

    if (conf->retry_min == 0) {
        conf->retry_min = 100;
    }

    if (conf->retry_max < conf->retry_min) {
        conf->retry_max = conf->retry_min > 5000 ? conf->retry_min : 5000;
    }

    w->backoff = conf->retry_min;
}


void
torus_writer_destroy(torus_writer_t *w)
{
    if (w == NULL) {
        return;
    }

    torus_reply_close(w);

    torus_queue_put_back(&w->queue, &w->flight);
    torus_queue_put_back(&w->queue, &w->refused);

    torus_index_free(&w->superseded);
    torus_queue_free(&w->queue);
    torus_queue_free(&w->names);
    torus_unsure_free(&w->unsure);

    free(w);
}


int
torus_writer_push(torus_writer_t *w, const torus_op_t *op, uint64_t now)
{
    uint64_t  points;

    points = 0;

    if (w->point != w->conf.counters[TORUS_C_POINTS_RECEIVED]) {

        if (w->conf.drop) {
            w->dropping = (torus_writer_bytes(w) >= w->conf.queue_max);
        }

        /* an operation that stands for none may be the first to come */

        if (op->ops != 0) {
            w->point = w->conf.counters[TORUS_C_POINTS_RECEIVED];
            points = 1;
        }
    }

    if (w->dropping) {
        w->conf.counters[TORUS_C_OPS_DROPPED] += op->ops;
        torus_writer_dropped(w, points, now);

        /* a name that was not taken comes again with a later point */

        return torus_op_names(op->kind) ? TORUS_ERROR : TORUS_OK;
    }

    if (torus_op_names(op->kind)) {
        return torus_writer_name(w, op, now);
    }

    return torus_queue_add(&w->queue, op->kind, op, op->ops, points,
                           torus_writer_stuck(w), now);
}


/* Batches of names are as old as those of what they belong to. */
static int
torus_writer_name(torus_writer_t *w, const torus_op_t *op, uint64_t now)
{
    w->names.origin = w->queue.births;

    if (w->names.births < w->queue.births) {
        w->names.births = w->queue.births;
    }

    return torus_queue_add(&w->names, op->kind, op, op->ops, 0, 1, now);
}


/* Told when it begins, and once a minute while it goes on. */
static void
torus_writer_dropped(torus_writer_t *w, uint64_t points, uint64_t now)
{
    w->dropped += points;

    if (w->dropped_told && now - w->dropped_at < 60000) {
        return;
    }

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "the queue for redis \"%.*s\" is full, %llu points are "
                      "dropped", torus_writer_host(w),
                      (unsigned long long) w->dropped);
    w->dropped = 0;
    w->dropped_told = 1;
    w->dropped_at = now;
}


int
torus_writer_full(const torus_writer_t *w)
{
    return !w->conf.drop && torus_writer_bytes(w) >= w->conf.queue_max;
}


static size_t
torus_writer_bytes(const torus_writer_t *w)
{
    return w->queue.chunks.bytes + w->names.chunks.bytes;
}


int
torus_writer_open(torus_writer_t *w, uint64_t now, torus_buf_t *out)
{
    size_t  len;

    w->now = now;

    if (torus_reply_open(w) != TORUS_OK) {
        return TORUS_ERROR;
    }

    memset(&w->server, 0, sizeof(torus_server_t));

    w->state = TORUS_WRITER_HELLO;
    w->step = 0;
    w->fresh = 1;
    w->ask_due = 0;

    len = torus_buf_len(out);

    (void) torus_redis_greeting(w->conf.host, w->conf.name, out,
                                &w->greeting);
    (void) torus_redis_head(out, 2);
    (void) torus_redis_bulk_z(out, "CLIENT");
    (void) torus_redis_bulk_z(out, "ID");
    (void) torus_redis_head(out, 2);
    (void) torus_redis_bulk_z(out, "INFO");
    (void) torus_redis_bulk_z(out, "server");
    (void) torus_redis_head(out, 2);
    (void) torus_redis_bulk_z(out, "INFO");
    (void) torus_redis_bulk_z(out, "memory");

    w->conf.counters[TORUS_C_REDIS_BYTES_SENT] += torus_buf_len(out) - len;

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


void
torus_writer_closed(torus_writer_t *w, uint64_t now)
{
    w->now = now;
    w->state = TORUS_WRITER_DOWN;
    w->ask_due = 0;
    w->retry_at = 0;
    w->readonly_since = 0;

    torus_reply_close(w);
}


int
torus_writer_flush(torus_writer_t *w, uint64_t now, torus_buf_t *out)
{
    int              rc;
    size_t           len;
    torus_wbatch_t  *b;

    rc = TORUS_OK;
    w->now = now;
    len = torus_buf_len(out);

    if (w->ask_due
        || (w->state == TORUS_WRITER_WAITING && now >= w->retry_at))
    {
        torus_writer_ask(w, out);
    }

    while (w->state == TORUS_WRITER_READY
           && w->flight.n < w->conf.window
           && rc == TORUS_OK)
    {
        b = torus_writer_next(w);

        if (b == NULL) {
            break;
        }

        rc = torus_writer_send(w, b, out);
    }

    w->conf.counters[TORUS_C_REDIS_BYTES_SENT] += torus_buf_len(out) - len;

    return out->failed ? TORUS_ERROR : rc;
}


/*
 * Points go first.  Names and expiries that are sent once more use the time
 * in which Redis has nothing else to do, and merge until then, for a while.
 */
static torus_wbatch_t *
torus_writer_next(torus_writer_t *w)
{
    torus_wbatch_t  *b;

    b = torus_writer_aside(w, 0);

    if (b == NULL) {
        b = torus_queue_take(&w->queue);
    }

    if (b == NULL && (w->flight.first == NULL || w->hurry)) {
        b = torus_writer_aside(w, 1);
    }

    return b;
}


/* idle: what may go, else what has waited for too long. */
static torus_wbatch_t *
torus_writer_aside(torus_writer_t *w, int idle)
{
    size_t                     n;
    uint64_t                   wait;
    torus_op_t                 op;
    torus_queue_t             *q;
    const torus_unsure_key_t  *k;

    if (w->names.unsent.first != NULL
        && (idle
            || w->names.chunks.bytes > w->conf.queue_max / 4
            || w->now - w->names.unsent.first->since >= TORUS_WRITER_LATE))
    {
        return torus_queue_take(&w->names);
    }

    wait = TORUS_WRITER_UNSURE;

    if (!idle) {
        wait *= 10;

    } else if (w->hurry) {
        wait = 0;
    }

    q = &w->queue;

    for (n = 0; n < TORUS_WRITER_BATCH_COMMANDS; n++) {
        k = torus_unsure_first(&w->unsure);

        if (k == NULL || w->now - k->since < wait) {
            break;
        }

        memset(&op, 0, sizeof(torus_op_t));

        op.key = torus_unsure_text(k);
        op.hash = k->hash;
        op.expire = k->expire;

        q = k->data;

        if (torus_queue_add(q, TORUS_OP_EXPIREAT, &op, 0, 0, 1, w->now)
            != TORUS_OK)
        {
            break;
        }

        torus_unsure_shift(&w->unsure);
    }

    return n == 0 ? NULL : torus_queue_take(q);
}


void
torus_writer_hurry(torus_writer_t *w)
{
    w->hurry = 1;
}


int
torus_writer_feed(torus_writer_t *w, const unsigned char *data, size_t len,
    uint64_t now)
{
    int  rc;

    w->now = now;

    if (w->reader == NULL) {
        return TORUS_ERROR;
    }

    w->conf.counters[TORUS_C_REDIS_BYTES_RECEIVED] += len;

    rc = torus_reply_feed(w, data, len);

    if (rc == TORUS_OK
        && w->state == TORUS_WRITER_REFUSING
        && w->flight.first == NULL)
    {
        torus_writer_wait(w);
    }

    return rc;
}


int
torus_writer_waits(const torus_writer_t *w)
{
    switch (w->state) {

    case TORUS_WRITER_HELLO:
        return 1;

    case TORUS_WRITER_ASKING:
        return !w->ask_due;

    case TORUS_WRITER_READY:
    case TORUS_WRITER_REFUSING:
        return w->flight.first != NULL;

    default:
        return 0;
    }
}


uint64_t
torus_writer_retry_at(const torus_writer_t *w)
{
    const torus_unsure_key_t  *k;

    if (w->state == TORUS_WRITER_WAITING) {
        return w->retry_at;
    }

    /* while a reply is outstanding, that is reason enough */

    k = torus_unsure_first(&w->unsure);

    if (k == NULL
        || w->state != TORUS_WRITER_READY
        || w->flight.first != NULL)
    {
        return 0;
    }

    return k->since + TORUS_WRITER_UNSURE;
}


int
torus_writer_pending(const torus_writer_t *w)
{
    return w->queue.unsent.first != NULL
           || w->names.unsent.first != NULL
           || w->unsure.n != 0
           || w->flight.first != NULL
           || w->refused.first != NULL;
}


uint64_t
torus_writer_mark(const torus_writer_t *w)
{
    return w->queue.births;
}


/* Each operation is in a batch, which knows its oldest. */
int
torus_writer_settled(const torus_writer_t *w, uint64_t mark)
{
    return !torus_writer_older(&w->flight, mark)
           && !torus_writer_older(&w->refused, mark)
           && !torus_writer_older(&w->queue.unsent, mark)
           && !torus_writer_older(&w->names.unsent, mark);
}


static int
torus_writer_older(const torus_fifo_t *f, uint64_t mark)
{
    const torus_wbatch_t  *b;

    for (b = f->first; b != NULL; b = b->next) {

        if (b->origin <= mark) {
            return 1;
        }
    }

    return 0;
}


void
torus_writer_stats(const torus_writer_t *w, uint64_t now,
    torus_writer_stats_t *stats)
{
    uint64_t                   since;
    static const char  *const  names[] = {
        "down", "greeting", "asking", "ready", "refusing", "waiting"
    };

    since = now;
    torus_writer_age(w->flight.first, &since);
    torus_writer_age(w->refused.first, &since);
    torus_writer_age(w->queue.unsent.first, &since);

    stats->state = w->state;
    stats->state_name = names[w->state];
    stats->queued = w->queue.ops;
    stats->in_flight = w->flight_ops;
    stats->points_queued = w->queue.points;
    stats->points_in_flight = w->flight_points;
    stats->bytes = torus_writer_bytes(w);
    stats->queue_max = w->conf.queue_max;
    stats->batches = (unsigned) w->flight.n;
    stats->window = w->conf.window;
    stats->lag = now - since;
    stats->number = w->number;
    stats->connects = w->connects;
}


static void
torus_writer_age(const torus_wbatch_t *b, uint64_t *since)
{
    if (b != NULL && b->since < *since) {
        *since = b->since;
    }
}


int
torus_writer_event(torus_writer_t *w, torus_event_t *event)
{
    if (w->nevents == 0) {
        return TORUS_DECLINED;
    }

    *event = w->events[w->event];

    w->event = (w->event + 1) % TORUS_WRITER_EVENTS;
    w->nevents--;

    return TORUS_OK;
}


/* The oldest makes room: the newest say how things are. */
void
torus_writer_note(torus_writer_t *w, torus_event_level_t level,
    const char *fmt, ...)
{
    va_list         args;
    torus_event_t  *event;

    if (w->nevents == TORUS_WRITER_EVENTS) {
        w->event = (w->event + 1) % TORUS_WRITER_EVENTS;
        w->nevents--;
    }

    event = &w->events[(w->event + w->nevents) % TORUS_WRITER_EVENTS];
    w->nevents++;

    event->level = level;

    va_start(args, fmt);
    (void) vsnprintf(event->text, sizeof(event->text), fmt, args);
    va_end(args);
}


uint64_t
torus_writer_drop_all(torus_writer_t *w)
{
    uint64_t         ops;
    torus_fifo_t     unsent;
    torus_wbatch_t  *b;

    memset(&unsent, 0, sizeof(torus_fifo_t));

    for ( ;; ) {
        b = torus_queue_take(&w->queue);

        if (b == NULL) {
            break;
        }

        w->flight_ops += b->ops;
        w->flight_points += b->points;
        torus_fifo_push(&unsent, b);
    }

    torus_fifo_prepend(&unsent, &w->names.unsent);
    w->names.open = 0;
    torus_index_clear(&w->names.index);

    while (w->unsure.n != 0) {
        torus_unsure_shift(&w->unsure);
    }

    /* refused means known not to be in the store */

    ops = torus_writer_drop(w, &unsent, TORUS_C_OPS_DROPPED,
                            TORUS_C_OPS_DROPPED);
    ops += torus_writer_drop(w, &w->refused, TORUS_C_OPS_DROPPED,
                             TORUS_C_OPS_DROPPED);
    ops += torus_writer_drop(w, &w->flight, TORUS_C_OPS_FAILED,
                             TORUS_C_IN_DOUBT);

    torus_index_clear(&w->superseded);

    return ops;
}


static uint64_t
torus_writer_drop(torus_writer_t *w, torus_fifo_t *f,
    torus_counter_t counter, torus_counter_t also)
{
    uint64_t         ops;
    torus_record_t  *r;
    torus_wbatch_t  *b;

    ops = 0;

    for ( ;; ) {
        b = torus_fifo_shift(f);

        if (b == NULL) {
            break;
        }

        ops += b->ops;

        if (b->check) {

            /* applied, as it seems, only not seen to have been */

            for (r = b->records; r != NULL; r = r->next) {
                w->conf.counters[TORUS_C_IN_DOUBT] += r->points;
            }

            w->conf.counters[TORUS_C_OPS_FAILED] += b->ops;

        } else {
            w->conf.counters[counter] += b->ops;

            if (also != counter) {
                w->conf.counters[also] += b->points;
            }
        }

        torus_writer_release(w, b);
    }

    return ops;
}


int
torus_writer_bye(torus_writer_t *w, torus_buf_t *out)
{
    if (w->state != TORUS_WRITER_READY || torus_writer_pending(w)) {
        return TORUS_DECLINED;
    }

    (void) torus_redis_head(out, 2);
    (void) torus_redis_bulk_z(out, "DEL");
    (void) torus_redis_bulk(out, torus_writer_key(w));

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


void
torus_writer_introduced(torus_writer_t *w)
{
    w->state = TORUS_WRITER_ASKING;
    w->ask_due = 1;

    if (w->server.client != 0 && w->server.run_id[0] != '\0') {
        return;
    }

    if (!w->no_fence) {
        w->no_fence = 1;

        torus_writer_note(w, TORUS_EVENT_WARN,
                          "redis \"%.*s\" does not permit CLIENT ID or INFO, "
                          "commands still in a broken connection may be "
                          "applied twice", torus_writer_host(w));
    }
}


/* Only the first time: questions of ours may be among those that follow. */
void
torus_writer_refusals(torus_writer_t *w, uint64_t n)
{
    w->server.refusals = n;

    if (!w->compared) {
        w->compared = 1;
        w->outside = torus_writer_same(w) && n != w->fence.refusals;
    }
}


/*
 * The fence first: after it the old connection executes nothing more, so
 * that the answer to the question is final.
 */
static void
torus_writer_ask(torus_writer_t *w, torus_buf_t *out)
{
    memset(&w->answer, 0, sizeof(torus_question_t));

    w->state = TORUS_WRITER_ASKING;
    w->ask_due = 0;
    w->step = w->fresh ? TORUS_ASK_REFUSALS : TORUS_ASK_MULTI;
    w->epoch++;

    if (torus_writer_fenced(w)) {
        w->step = TORUS_ASK_KILL;

        (void) torus_redis_head(out, 4);
        (void) torus_redis_bulk_z(out, "CLIENT");
        (void) torus_redis_bulk_z(out, "KILL");
        (void) torus_redis_bulk_z(out, "ID");
        (void) torus_redis_bulk_int(out, w->fence.client);
    }

    if (w->fresh) {
        (void) torus_redis_head(out, 2);
        (void) torus_redis_bulk_z(out, "INFO");
        (void) torus_redis_bulk_z(out, "commandstats");
    }

    (void) torus_redis_head(out, 1);
    (void) torus_redis_bulk_z(out, "MULTI");

    (void) torus_redis_head(out, 4);
    (void) torus_redis_bulk_z(out, "HSET");
    (void) torus_redis_bulk(out, torus_writer_key(w));
    (void) torus_redis_bulk_z(out, "epoch");
    (void) torus_redis_bulk_int(out, (int64_t) w->epoch);

    /* stays what it is as long as the key lives, whoever was not answered */

    (void) torus_redis_head(out, 4);
    (void) torus_redis_bulk_z(out, "HSETNX");
    (void) torus_redis_bulk(out, torus_writer_key(w));
    (void) torus_redis_bulk_z(out, "born");
    (void) torus_redis_bulk_int(out, (int64_t) w->epoch);

    torus_writer_renew(w, out);

    (void) torus_redis_head(out, 2);
    (void) torus_redis_bulk_z(out, "HGETALL");
    (void) torus_redis_bulk(out, torus_writer_key(w));

    (void) torus_redis_head(out, 1);
    (void) torus_redis_bulk_z(out, "EXEC");
}


/* Only the same instance has the old connection under the same number. */
static int
torus_writer_fenced(const torus_writer_t *w)
{
    return torus_writer_same(w)
           && w->fence.client != 0
           && w->fence.client != w->server.client;
}


/* Is this a new connection to the instance that batches went to last? */
static int
torus_writer_same(const torus_writer_t *w)
{
    return w->fresh
           && w->fence.run_id[0] != '\0'
           && strcmp(w->fence.run_id, w->server.run_id) == 0;
}


static int
torus_writer_send(torus_writer_t *w, torus_wbatch_t *b, torus_buf_t *out)
{
    w->number++;
    w->sum += b->points;

    b->n = w->number;
    b->sum = w->sum;
    b->renew = 0;

    w->flight_ops += b->ops;
    w->flight_points += b->points;
    torus_fifo_push(&w->flight, b);

    (void) torus_redis_head(out, 1);
    (void) torus_redis_bulk_z(out, "MULTI");

    /* "points": how many are lost if the store falls back behind this */

    (void) torus_redis_head(out, 6);
    (void) torus_redis_bulk_z(out, "HSET");
    (void) torus_redis_bulk(out, torus_writer_key(w));
    (void) torus_redis_bulk_int(out, (int64_t) (b->n % w->conf.window));
    (void) torus_redis_bulk_int(out, (int64_t) b->n);
    (void) torus_redis_bulk_z(out, "points");
    (void) torus_redis_bulk_int(out, (int64_t) b->sum);

    if (w->now >= w->renew_at) {
        b->renew = 1;
        w->renew_at = w->now + TORUS_WRITER_RENEW;
        torus_writer_renew(w, out);
    }

    if (torus_wbatch_encode(b, out) != TORUS_OK) {
        return TORUS_ERROR;
    }

    (void) torus_redis_head(out, 1);
    (void) torus_redis_bulk_z(out, "EXEC");

    w->conf.counters[TORUS_C_REDIS_BATCHES]++;
    w->conf.counters[TORUS_C_REDIS_COMMANDS] += b->commands;

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


static void
torus_writer_renew(torus_writer_t *w, torus_buf_t *out)
{
    (void) torus_redis_head(out, 3);
    (void) torus_redis_bulk_z(out, "EXPIRE");
    (void) torus_redis_bulk(out, torus_writer_key(w));
    (void) torus_redis_bulk_int(out, TORUS_WRITER_KEY_LIFE);
}


void
torus_writer_answered(torus_writer_t *w)
{
    int  lost;

    /*
     * The first time our key cannot be there.  Later it was made in the same
     * epoch as ever, or lost in between; then it has slots only if batches
     * made it anew.
     */

    lost = w->asked
           && (w->answer.created
               || (w->answer.born != 0 && w->answer.born != w->born));

    w->born = w->answer.born;

    if (lost && !w->answer.slots) {
        torus_writer_doubt(w);

    } else {
        torus_writer_lost(w);
        torus_writer_decide(w, lost);
    }

    w->sum = w->stored;

    torus_writer_resume(w);
    torus_writer_ready(w);
}


/* What the store had acknowledged and does not have any more. */
static void
torus_writer_lost(torus_writer_t *w)
{
    unsigned             i;
    uint64_t             last, lost, points;
    const torus_skew_t  *skew;

    last = 0;

    for (i = 0; i < w->conf.window; i++) {
        if (w->answer.slot[i] > last) {
            last = w->answer.slot[i];
        }
    }

    if (last >= w->acked) {
        return;
    }

    points = w->answer.points;
    skew = &w->skews[last % TORUS_WRITER_WINDOW_MAX];

    if (skew->n == last && points > skew->over) {
        points -= skew->over;
    }

    lost = (w->stored > points) ? w->stored - points : 0;

    w->conf.counters[TORUS_C_LOST_BY_STORE] += lost;

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "redis \"%.*s\" has lost %llu points that it had "
                      "acknowledged", torus_writer_host(w),
                      (unsigned long long) lost);

    w->acked = last;
    w->stored -= lost;
}


/*
 * Of what was unanswered: in its slot means applied.  Where the key was lost
 * and made anew, slots of batches before its first one may have gone with it.
 */
static void
torus_writer_decide(torus_writer_t *w, int lost)
{
    int              applied;
    uint64_t         first;
    torus_fifo_t     one;
    torus_wbatch_t  *b;

    first = lost ? torus_writer_first(w) : 0;

    for ( ;; ) {
        b = w->flight.first;

        if (b == NULL) {
            break;
        }

        applied = (w->answer.slot[b->n % w->conf.window] == b->n);

        if (applied && (b->no_multi || w->outside)) {
            torus_writer_outside(w, torus_fifo_shift(&w->flight));
            continue;
        }

        if (!applied && b->n < first) {
            memset(&one, 0, sizeof(torus_fifo_t));
            torus_fifo_push(&one, torus_fifo_shift(&w->flight));
            torus_writer_in_doubt(w, &one);
            continue;
        }

        if (!applied) {
            w->conf.counters[TORUS_C_REDIS_RESENT]++;
        }

        torus_writer_settle(w, applied);
    }
}


/* The lowest number in any slot. */
static uint64_t
torus_writer_first(const torus_writer_t *w)
{
    unsigned  i;
    uint64_t  first;

    first = UINT64_MAX;

    for (i = 0; i < w->conf.window; i++) {
        if (w->answer.slot[i] != 0 && w->answer.slot[i] < first) {
            first = w->answer.slot[i];
        }
    }

    return first;
}


/*
 * MULTI was refused, as its reply says, or as the server says of somebody's
 * while we were connected.  Then the slot was set by itself, and says nothing
 * of the commands whose replies the break has hidden.
 */
static void
torus_writer_outside(torus_writer_t *w, torus_wbatch_t *b)
{
    torus_record_t  *r;

    torus_writer_stored(w, b);

    for (r = b->records; r != NULL; r = r->next) {

        torus_writer_outlive(w, r);

        if (r->done) {
            torus_writer_record_done(w, r);
            continue;
        }

        w->conf.counters[TORUS_C_OPS_FAILED] += r->ops;
        w->conf.counters[TORUS_C_IN_DOUBT] += r->points;
    }

    torus_writer_release(w, b);
}


/* Outside of MULTI the expiry may have been refused, or not have come. */
static void
torus_writer_outlive(torus_writer_t *w, const torus_record_t *r)
{
    if (r->expire != 0
        && r->kind != TORUS_OP_SET
        && !torus_op_asks(r->kind))
    {
        torus_writer_expire(w, r);
    }
}


/*
 * Our key is gone although it was there: emptied, evicted, or a server that
 * starts without its data.  What is unanswered was perhaps applied before;
 * counting twice is worse than not counting.
 */
static void
torus_writer_doubt(torus_writer_t *w)
{
    uint64_t  points;

    points = w->conf.counters[TORUS_C_IN_DOUBT];

    torus_writer_in_doubt(w, &w->flight);

    points = w->conf.counters[TORUS_C_IN_DOUBT] - points;

    w->acked = 0;
    w->stored = 0;

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "redis \"%.*s\" has lost the key of this writer and "
                      "maybe data, %llu points are in doubt and not sent "
                      "again", torus_writer_host(w),
                      (unsigned long long) points);
}


/* Perhaps applied, and not sent again; keys that it made must expire. */
static void
torus_writer_in_doubt(torus_writer_t *w, torus_fifo_t *batches)
{
    torus_record_t  *r;
    torus_wbatch_t  *b;

    for (b = batches->first; b != NULL; b = b->next) {
        for (r = b->records; r != NULL; r = r->next) {
            torus_writer_outlive(w, r);
        }
    }

    (void) torus_writer_drop(w, batches, TORUS_C_OPS_FAILED,
                             TORUS_C_IN_DOUBT);
}


/* What was refused goes before all that is unsent. */
static void
torus_writer_resume(torus_writer_t *w)
{
    torus_wbatch_t  *b;

    for (b = w->refused.first; b != NULL; b = b->next) {
        b->n = 0;
        b->nodes = 0;
        b->refused = 0;
        b->no_multi = 0;

        w->flight_ops -= b->ops;
        w->flight_points -= b->points;
    }

    torus_queue_put_back(&w->queue, &w->refused);
    torus_index_clear(&w->superseded);
}


static void
torus_writer_ready(torus_writer_t *w)
{
    w->state = TORUS_WRITER_READY;
    w->asked = 1;
    w->retry_at = 0;
    w->readonly_since = 0;
    w->renew_at = w->now + TORUS_WRITER_RENEW;

    if (!w->fresh) {
        return;
    }

    w->fresh = 0;
    w->compared = 0;
    w->outside = 0;
    w->fence = w->server;
    w->connects++;
    w->conf.counters[TORUS_C_REDIS_CONNECTS]++;

    torus_expiry_reset(&w->queue.expiry);
    torus_expiry_reset(&w->names.expiry);

    torus_writer_note(w, TORUS_EVENT_NOTICE,
                      "redis \"%.*s\" is ready, %llu operations are queued",
                      torus_writer_host(w), (unsigned long long) w->queue.ops);
}


int
torus_writer_refused(torus_writer_t *w, torus_str_t error)
{
    torus_writer_tell(w, error);

    switch (torus_redis_error(error)) {

    case TORUS_REDIS_TRANSIENT:
        break;

    case TORUS_REDIS_READONLY:

        if (w->readonly_since == 0) {
            w->readonly_since = w->now;

        } else if (w->now - w->readonly_since >= TORUS_WRITER_READONLY) {
            return TORUS_ERROR;
        }

        break;

    default:
        return TORUS_ERROR;
    }

    if (w->state == TORUS_WRITER_HELLO) {
        return TORUS_ERROR;
    }

    torus_writer_wait(w);

    return TORUS_OK;
}


void
torus_writer_refuse(torus_writer_t *w, torus_wbatch_t *b, torus_str_t error)
{
    w->state = TORUS_WRITER_REFUSING;

    if (!b->refused) {
        b->refused = 1;
        torus_writer_tell(w, error);
    }
}


/* The same refusal is told once, until something is taken again. */
static void
torus_writer_tell(torus_writer_t *w, torus_str_t error)
{
    int   n;
    char  quoted[TORUS_REPLY_TEXT];

    n = (int) torus_escape(quoted, sizeof(quoted) - 1, error);
    quoted[n] = '\0';

    if (n != 0 && strcmp(quoted, w->told) == 0) {
        return;
    }

    memcpy(w->told, quoted, (size_t) n + 1);

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "redis \"%.*s\" takes no writes: %s",
                      torus_writer_host(w), quoted);
}


void
torus_writer_settle(torus_writer_t *w, int applied)
{
    torus_wbatch_t  *b;

    b = torus_fifo_shift(&w->flight);

    if (applied) {
        if (torus_writer_applied(w, b) && torus_writer_check(w, b)) {
            torus_fifo_push(&w->refused, b);
            return;
        }

        torus_writer_release(w, b);

    } else if (b->denied) {
        torus_writer_denied(w, b);

    } else {
        torus_writer_hold(w, b);
    }
}


/* Without GET or HGET it is not known, and sending it again would not help. */
static void
torus_writer_denied(torus_writer_t *w, torus_wbatch_t *b)
{
    torus_fifo_t  one;

    memset(&one, 0, sizeof(torus_fifo_t));
    torus_fifo_push(&one, b);

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "redis \"%.*s\" does not permit GET or HGET, %llu "
                      "operations before the last break are in doubt",
                      torus_writer_host(w), (unsigned long long) b->ops);

    (void) torus_writer_drop(w, &one, TORUS_C_OPS_FAILED, TORUS_C_IN_DOUBT);
}


/*
 * A batch tells the store what its points come to with those of all batches
 * before it.  Where one of them was refused that is too many.
 */
static void
torus_writer_stored(torus_writer_t *w, const torus_wbatch_t *b)
{
    torus_skew_t  *skew;

    w->stored += b->points;

    if (b->sum > w->stored) {
        skew = &w->skews[b->n % TORUS_WRITER_WINDOW_MAX];
        skew->n = b->n;
        skew->over = b->sum - w->stored;
    }
}


/* Returns 1 when replies of some of its commands were not seen. */
static int
torus_writer_applied(torus_writer_t *w, torus_wbatch_t *b)
{
    int              hidden;
    uint64_t        *counters, doubt;
    torus_record_t  *r, *doubtful;

    hidden = 0;
    doubt = 0;
    doubtful = NULL;
    counters = w->conf.counters;

    w->acked = b->n;
    torus_writer_stored(w, b);
    w->backoff = w->conf.retry_min;

    if (w->told[0] != '\0') {
        w->told[0] = '\0';

        torus_writer_note(w, TORUS_EVENT_NOTICE,
                          "redis \"%.*s\" takes writes again",
                          torus_writer_host(w));
    }

    for (r = b->records; r != NULL; r = r->next) {

        if (r->done) {
            continue;
        }

        switch (r->result) {

        case TORUS_RESULT_NONE:
            hidden = 1;
            continue;

        case TORUS_RESULT_FLOAT:
            torus_writer_again(w, r);
            continue;

        case TORUS_RESULT_DOUBT:
            counters[TORUS_C_OPS_FAILED] += r->ops;
            doubt += r->points;
            doubtful = r;
            torus_queue_fraction(&w->queue, r->key, w->now);
            continue;

        case TORUS_RESULT_FAILED:
            counters[TORUS_C_OPS_FAILED] += r->ops;
            continue;

        default:
            counters[TORUS_C_OPS_APPLIED] += r->ops;
        }

        if (r->expireat || r->kind == TORUS_OP_EXPIREAT) {

            if (r->expiry_failed) {
                torus_expiry_forget(&b->queue->expiry, r->hash);
                torus_expiry_turn(&b->queue->expiry);

            } else {
                torus_expiry_sent(&b->queue->expiry, r->hash, w->now);
            }

        } else if (r->result == TORUS_RESULT_CREATED) {
            torus_writer_unsure(w, r);
        }

        if (torus_op_sets(r->kind) && w->refused.first != NULL) {
            torus_writer_supersede(w, r);
        }
    }

    if (doubtful != NULL) {
        torus_writer_doubtful(w, doubtful, doubt);
    }

    return hidden;
}


/* What was added is gone, or a fraction came between it and our question. */
static void
torus_writer_doubtful(torus_writer_t *w, const torus_record_t *r,
    uint64_t points)
{
    int   n;
    char  key[128];

    w->conf.counters[TORUS_C_IN_DOUBT] += points;

    n = (int) torus_escape(key, sizeof(key), r->key);

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "redis \"%.*s\" broke off while counts became fractions, "
                      "the last one is \"%.*s\", %llu points are in doubt",
                      torus_writer_host(w), n, key,
                      (unsigned long long) points);
}


/*
 * A break has hidden replies of a batch that was applied.  Two things have
 * to be looked after: an INCRBY may have met a fraction and failed, and a key
 * may be new and without its expiry.  So the batch becomes one that asks for
 * those counts, and goes before all others.  Returns 0 when there is nothing
 * to ask.
 */
static int
torus_writer_check(torus_writer_t *w, torus_wbatch_t *b)
{
    torus_record_t  *r;

    b->check = 0;

    for (r = b->records; r != NULL; r = r->next) {

        if (r->done) {
            continue;
        }

        if (r->result != TORUS_RESULT_NONE) {

            /* it is counted already */

            torus_writer_take_out(w, r);
            r->done = 1;
            continue;
        }

        if (torus_writer_unexpiring(r)) {
            torus_writer_expire(w, r);
        }

        if (torus_op_asks(r->kind)) {
            b->check = 1;
            continue;
        }

        if (r->kind == TORUS_OP_INCRBY || r->kind == TORUS_OP_HADD) {

            /* its points are with the store, but for what they come to */

            b->check = 1;
            b->points -= r->points;
            w->flight_points -= r->points;

            r->kind = r->kind == TORUS_OP_HADD ? TORUS_OP_HGET
                                               : TORUS_OP_GET;
            r->expireat = 0;
            continue;
        }

        torus_writer_record_done(w, r);
        r->done = 1;

        if (torus_op_sets(r->kind) && w->refused.first != NULL) {
            torus_writer_supersede(w, r);
        }
    }

    return b->check;
}


/* Does nothing in its batch set the expiry that its key has to have? */
static int
torus_writer_unexpiring(const torus_record_t *r)
{
    return r->expire != 0
           && !r->expireat
           && !r->covered
           && r->kind != TORUS_OP_SET
           && r->kind != TORUS_OP_EXPIREAT
           && !torus_op_asks(r->kind);
}


/* An INCRBY that met a fraction goes again as INCRBYFLOAT. */
static void
torus_writer_again(torus_writer_t *w, const torus_record_t *r)
{
    torus_op_t     op;
    unsigned char  text[TORUS_NUMBER_SIZE];

    memset(&op, 0, sizeof(torus_op_t));

    op.key = r->key;
    op.hash = r->hash;
    op.field = r->node.arg;
    op.expire = r->expire;
    op.arg = torus_str(text, torus_number_print_int(text, r->delta));

    torus_writer_add(w, r, torus_queue_float(r->kind), &op, r->ops,
                     r->points);
}


/*
 * Of a hash or a set only its field or member is known to be new, and the key
 * may be as well; for those it is enough to make sure in a while.
 */
static void
torus_writer_unsure(torus_writer_t *w, const torus_record_t *r)
{
    switch (r->kind) {

    case TORUS_OP_INCRBY:
    case TORUS_OP_INCRBYFLOAT:
    case TORUS_OP_RPUSH:
        break;

    default:

        if (!w->hurry
            && torus_unsure_add(&w->unsure, r->key, r->hash, r->expire,
                                r->batch->queue, w->now)
               == TORUS_OK)
        {
            return;
        }
    }

    torus_writer_expire(w, r);
}


/* A key that was created without an expiry gets it. */
static void
torus_writer_expire(torus_writer_t *w, const torus_record_t *r)
{
    torus_op_t  op;

    memset(&op, 0, sizeof(torus_op_t));

    op.key = r->key;
    op.hash = r->hash;
    op.expire = r->expire;

    torus_expiry_forget(&r->batch->queue->expiry, r->hash);

    torus_writer_add(w, r, TORUS_OP_EXPIREAT, &op, 0, 0);
}


/* From r comes a new record, as old as r is. */
static void
torus_writer_add(torus_writer_t *w, const torus_record_t *r, unsigned kind,
    const torus_op_t *op, uint64_t ops, uint64_t points)
{
    w->queue.origin = r->batch->origin;

    if (torus_queue_add(&w->queue, kind, op, ops, points,
                        torus_writer_stuck(w), w->now)
        != TORUS_OK)
    {
        w->conf.counters[TORUS_C_OPS_DROPPED] += ops;
    }

    w->queue.origin = 0;
}


/* Refused, or not there after a break: kept to be sent again. */
static void
torus_writer_hold(torus_writer_t *w, torus_wbatch_t *b)
{
    torus_record_t  *r;

    for (r = b->records; r != NULL; r = r->next) {

        if (r->done) {

            /* it ran although MULTI did not, or a later value did */

            if (b->no_multi) {
                torus_writer_outlive(w, r);

                if (torus_op_sets(r->kind) && w->refused.first != NULL) {
                    torus_writer_supersede(w, r);
                }
            }

            torus_writer_record_done(w, r);

        } else if (torus_op_sets(r->kind)) {
            torus_writer_hold_gauge(w, r);
        }
    }

    torus_fifo_push(&w->refused, b);
}


/* Of several refused values of a gauge only the last one goes again. */
static void
torus_writer_hold_gauge(torus_writer_t *w, torus_record_t *r)
{
    torus_node_t    *node;
    torus_record_t  *older;

    node = torus_index_find(&w->superseded, r->node.hash, r->kind, r->key,
                            r->node.arg);

    if (node != NULL) {
        older = node->record;
        older->done = 1;
        torus_writer_record_done(w, older);
    }

    (void) torus_index_insert(&w->superseded, &r->node);
}


/* r was applied: an earlier value that was refused must not follow it. */
static void
torus_writer_supersede(torus_writer_t *w, const torus_record_t *r)
{
    torus_node_t  *node;

    node = torus_index_find(&w->superseded, r->node.hash, r->kind, r->key,
                            r->node.arg);

    if (node != NULL && !node->record->done) {
        node->record->done = 1;
        torus_writer_record_done(w, node->record);
    }
}


/* Its operations have had their effect, or would have none. */
static void
torus_writer_record_done(torus_writer_t *w, torus_record_t *r)
{
    w->conf.counters[TORUS_C_OPS_APPLIED] += r->ops;

    torus_writer_take_out(w, r);
}


static void
torus_writer_take_out(torus_writer_t *w, torus_record_t *r)
{
    w->flight_ops -= r->ops;
    r->batch->ops -= r->ops;
    r->ops = 0;

    if (!torus_op_asks(r->kind)) {
        w->flight_points -= r->points;
        r->batch->points -= r->points;
    }

    r->points = 0;
}


static void
torus_writer_release(torus_writer_t *w, torus_wbatch_t *b)
{
    w->flight_ops -= b->ops;
    w->flight_points -= b->points;

    torus_wbatch_release(&b->queue->chunks, b);
}


/* Back-off with jitter, so that workers do not come all at once. */
static void
torus_writer_wait(torus_writer_t *w)
{
    w->state = TORUS_WRITER_WAITING;

    w->retry_at = w->now + w->backoff / 2
                  + torus_writer_random(w) % (w->backoff / 2 + 1);

    if (w->readonly_since != 0
        && w->retry_at > w->readonly_since + TORUS_WRITER_READONLY)
    {
        w->retry_at = w->readonly_since + TORUS_WRITER_READONLY;
    }

    w->backoff *= 2;

    if (w->backoff > w->conf.retry_max) {
        w->backoff = w->conf.retry_max;
    }
}


static uint64_t
torus_writer_random(torus_writer_t *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;

    return w->random;
}


/* Nothing can be sent for now. */
static int
torus_writer_stuck(const torus_writer_t *w)
{
    return w->state != TORUS_WRITER_READY || w->flight.n >= w->conf.window;
}
