/*
 * A writer as its owner sees it: what goes in, how it stands, and its end.
 */

#include "torus_writer_state.h"

#include <stdlib.h>


static void torus_writer_defaults(torus_writer_t *w);
static int torus_writer_name(torus_writer_t *w, const torus_op_t *op,
    uint64_t now);
static void torus_writer_dropped(torus_writer_t *w, uint64_t points,
    uint64_t now);
static size_t torus_writer_bytes(const torus_writer_t *w);
static int torus_writer_older(const torus_fifo_t *f, uint64_t mark);
static void torus_writer_age(const torus_wbatch_t *b, uint64_t *since);


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


void
torus_writer_hurry(torus_writer_t *w)
{
    w->hurry = 1;
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
    stats->unsure = w->unsure.n;
    stats->put_off = w->unsure.added;
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
