/*
 * The way back to READY, after a break or a refusal: what the answer to the
 * question says of the batches that were unanswered, and when to ask again.
 */

#include "torus_writer_state.h"


static int torus_writer_same(const torus_writer_t *w);
static void torus_writer_lost(torus_writer_t *w);
static void torus_writer_decide(torus_writer_t *w, int lost);
static uint64_t torus_writer_first(const torus_writer_t *w);
static void torus_writer_outside(torus_writer_t *w, torus_wbatch_t *b);
static void torus_writer_doubt(torus_writer_t *w);
static void torus_writer_in_doubt(torus_writer_t *w, torus_fifo_t *batches);
static void torus_writer_resume(torus_writer_t *w);
static void torus_writer_ready(torus_writer_t *w);
static void torus_writer_tell(torus_writer_t *w, torus_str_t error);
static uint64_t torus_writer_random(torus_writer_t *w);


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


/* Only the same instance has the old connection under the same number. */
int
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


/* Back-off with jitter, so that workers do not come all at once. */
void
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
