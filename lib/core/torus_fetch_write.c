/*
 * The buckets of a slice that is whole, in the order of the answer: to the
 * answer, or to the caller who takes the rows himself.
 */

#include "torus_fetch_state.h"


static void torus_fetch_did(torus_fetch_t *f, const torus_fetch_bucket_t *b);
static int torus_fetch_write_bucket(torus_fetch_t *f,
    torus_fetch_bucket_t *b);
static int torus_fetch_settle(torus_fetch_t *f, torus_fetch_bucket_t *b);
static int torus_fetch_hand_over(torus_fetch_t *f);
static int torus_fetch_collapse(torus_fetch_t *f, torus_fetch_bucket_t *b);


/* The slice is whole: its buckets go to the answer. */
int
torus_fetch_write(torus_fetch_t *f)
{
    int                   rc;
    torus_fetch_slice_t  *s;

    s = f->slice;

    if (f->handler != NULL) {
        return torus_fetch_hand_over(f);
    }

    torus_fetch_begin(f);

    rc = TORUS_OK;
    f->paused = 0;

    while (rc == TORUS_OK && s->wrote < s->nbuckets) {

        if (torus_work_over(&f->stats->work)) {
            f->paused = 1;
            rc = TORUS_AGAIN;
            break;
        }

        torus_fetch_did(f, &s->buckets[s->wrote]);

        rc = torus_fetch_write_bucket(f, &s->buckets[s->wrote]);

        f->writing = (rc == TORUS_AGAIN);
        s->wrote += (rc == TORUS_OK);
    }

    f->stats->points = f->answer.points;
    f->stats->unreadable += f->answer.skipped;
    f->answer.skipped = 0;

    if (rc == TORUS_ERROR || f->out->failed) {
        return torus_fetch_full(f);
    }

    return rc;
}


/*
 * Not a byte of the answer before there is data, so that a store which
 * fails at once gives a clean fault.
 */
void
torus_fetch_begin(torus_fetch_t *f)
{
    if (!f->begun) {
        f->begun = 1;
        torus_answer_begin(&f->answer, f->query, f->out);
    }
}


static int
torus_fetch_write_bucket(torus_fetch_t *f, torus_fetch_bucket_t *b)
{
    int  rc;

    if (!f->writing) {

        if (f->written == 0) {
            torus_answer_open(&f->answer, b->read);
        }

        if (b->read->schema == NULL) {
            return torus_answer_close(&f->answer);
        }

        if (torus_fetch_settle(f, b) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    if (!f->closing) {
        rc = b->read->spec->query->collapse
             ? torus_fetch_collapse(f, b)
             : torus_answer_bucket(&f->answer, f->slice->arena, &b->out);

        if (rc != TORUS_OK || ++f->written < b->read->buckets) {
            return rc;
        }

        f->closing = 1;
    }

    rc = torus_answer_close(&f->answer);

    if (rc == TORUS_OK) {
        f->closing = 0;
        f->written = 0;
    }

    return rc;
}


/*
 * What has expired between the rounds is not there, and what a packed bucket
 * has no values of.  Its rows are one when they are not asked for.
 */
static int
torus_fetch_settle(torus_fetch_t *f, torus_fetch_bucket_t *b)
{
    size_t        i, n;
    torus_sub_t  *sub;

    n = 0;

    for (i = 0; i < b->out.nsubs; i++) {
        sub = &b->out.subs[i];

        if (!sub->row.present) {
            continue;
        }

        if (b->subs) {

            if (n != i) {
                b->out.subs[n] = *sub;
            }

            n++;

        } else if (torus_row_merge(&b->out.row, f->slice->arena, &sub->row)
                   != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    b->out.nsubs = n;

    f->stats->rows += n != 0 || b->out.row.present;

    return TORUS_OK;
}


/* The slice is whole: its buckets go to the caller. */
static int
torus_fetch_hand_over(torus_fetch_t *f)
{
    torus_fetch_slice_t   *s;
    torus_fetch_bucket_t  *b;

    s = f->slice;

    for ( /* void */ ; s->wrote < s->nbuckets; s->wrote++) {
        b = &s->buckets[s->wrote];

        f->paused = torus_work_over(&f->stats->work);

        if (f->paused) {
            return TORUS_AGAIN;
        }

        torus_fetch_did(f, b);

        if (torus_fetch_settle(f, b) != TORUS_OK) {
            return torus_fetch_full(f);
        }

        if (b->out.nsubs == 0 && !b->out.row.present) {
            continue;
        }

        if (f->handler(f->data, b->read, &b->out) != TORUS_OK) {
            return torus_fetch_full(f);
        }
    }

    f->paused = 0;

    return TORUS_OK;
}


static void
torus_fetch_did(torus_fetch_t *f, const torus_fetch_bucket_t *b)
{
    torus_work_did(&f->stats->work, 8 + 16 * b->out.nsubs
                                    + 16 * b->out.row.nitems);
}


/* All buckets of a read are one, labelled with the first. */
static int
torus_fetch_collapse(torus_fetch_t *f, torus_fetch_bucket_t *b)
{
    torus_bucket_t  all;

    if (f->written == 0) {
        torus_arena_reset(f->row);
        torus_row_init(&f->collapsed, b->read->schema->type);
        f->seconds = 0;
    }

    f->seconds += b->out.seconds;

    if (torus_row_merge(&f->collapsed, f->row, &b->out.row) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (f->written + 1 < b->read->buckets) {
        return TORUS_OK;
    }

    memset(&all, 0, sizeof(torus_bucket_t));

    all.bucket = b->read->first;
    all.row = f->collapsed;
    all.seconds = f->seconds;

    return torus_answer_bucket(&f->answer, f->slice->arena, &all);
}
