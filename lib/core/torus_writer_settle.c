/*
 * What becomes of a batch: it was applied, and what its replies say may need
 * more, or it was not, and is kept to be sent again.
 */

#include "torus_number.h"
#include "torus_writer_state.h"


static void torus_writer_denied(torus_writer_t *w, torus_wbatch_t *b);
static int torus_writer_applied(torus_writer_t *w, torus_wbatch_t *b);
static void torus_writer_doubtful(torus_writer_t *w, const torus_record_t *r,
    uint64_t points);
static int torus_writer_check(torus_writer_t *w, torus_wbatch_t *b);
static int torus_writer_unexpiring(const torus_record_t *r);
static void torus_writer_again(torus_writer_t *w, const torus_record_t *r);
static void torus_writer_unsure(torus_writer_t *w, const torus_record_t *r);
static void torus_writer_expire(torus_writer_t *w, const torus_record_t *r);
static void torus_writer_add(torus_writer_t *w, const torus_record_t *r,
    unsigned kind, const torus_op_t *op, uint64_t ops, uint64_t points);
static void torus_writer_hold(torus_writer_t *w, torus_wbatch_t *b);
static void torus_writer_hold_gauge(torus_writer_t *w, torus_record_t *r);
static void torus_writer_supersede(torus_writer_t *w, const torus_record_t *r);
static void torus_writer_take_out(torus_writer_t *w, torus_record_t *r);


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
void
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


/* Outside of MULTI the expiry may have been refused, or not have come. */
void
torus_writer_outlive(torus_writer_t *w, const torus_record_t *r)
{
    if (r->expire != 0
        && r->kind != TORUS_OP_SET
        && !torus_op_asks(r->kind))
    {
        torus_writer_expire(w, r);
    }
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
void
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


uint64_t
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


void
torus_writer_release(torus_writer_t *w, torus_wbatch_t *b)
{
    w->flight_ops -= b->ops;
    w->flight_points -= b->points;

    torus_wbatch_release(&b->queue->chunks, b);
}
