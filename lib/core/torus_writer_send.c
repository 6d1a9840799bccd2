/*
 * What a writer sends, and when.
 */

#include "torus_writer_state.h"


static torus_wbatch_t *torus_writer_next(torus_writer_t *w);
static torus_wbatch_t *torus_writer_aside(torus_writer_t *w, int idle);
static int torus_writer_send(torus_writer_t *w, torus_wbatch_t *b,
    torus_buf_t *out);
static void torus_writer_ask(torus_writer_t *w, torus_buf_t *out);
static void torus_writer_renew(torus_writer_t *w, torus_buf_t *out);


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


static void
torus_writer_renew(torus_writer_t *w, torus_buf_t *out)
{
    (void) torus_redis_head(out, 3);
    (void) torus_redis_bulk_z(out, "EXPIRE");
    (void) torus_redis_bulk(out, torus_writer_key(w));
    (void) torus_redis_bulk_int(out, TORUS_WRITER_KEY_LIFE);
}
