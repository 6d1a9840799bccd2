/*
 * A pass of /render, from rows to series: a row's value gets its place on the
 * grid, and the evaluator is given the series of each leaf.
 */

#include "torus_render_state.h"

#include <math.h>


#define TORUS_RENDER_AHEAD  65536   /* points written ahead, at most .. */
#define TORUS_RENDER_SHARE  16      /* .. in that part of what is left */
#define TORUS_RENDER_LEAF   20      /* operations to supply one */


static int torus_render_usual(const torus_render_t *r,
    const torus_render_read_t *rd);
static void torus_render_points(torus_render_want_t *w,
    const torus_step_t *step, const torus_bucket_t *bucket);
static void torus_render_ahead(torus_render_t *r, size_t read);
static int64_t torus_render_place(const torus_step_t *step, int64_t start);
static int torus_render_put(torus_render_t *r, const torus_render_read_t *rd,
    const torus_step_t *step, int64_t bucket, torus_row_t *row);
static int torus_render_value(torus_render_t *r, torus_graph_series_t *s,
    size_t i, torus_row_t *row);
static int torus_render_rows(torus_render_t *r, torus_graph_series_t *s);
static int torus_render_take(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_members(torus_render_t *r, torus_graph_series_t *s);


int
torus_render_row(void *data, const torus_read_t *read,
    torus_bucket_t *bucket)
{
    size_t                      i;
    torus_render_t             *r;
    const torus_interval_t     *iv;
    const torus_render_read_t  *rd;

    r = data;
    rd = r->reads[read - r->plan.reads];
    iv = read->interval;

    torus_render_ahead(r, (size_t) (read - r->plan.reads));

    if (iv->coarse) {
        return torus_render_put(r, rd, &iv->step, bucket->bucket,
                                &bucket->row);
    }

    if (torus_render_usual(r, rd)) {
        torus_render_points(rd->wants, &iv->resolution, bucket);
        return TORUS_OK;
    }

    for (i = 0; i < bucket->nsubs; i++) {

        if (torus_render_put(r, rd, &iv->resolution, bucket->subs[i].bucket,
                             &bucket->subs[i].row)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* A number for each resolution bucket of so many seconds, for one series. */
static int
torus_render_usual(const torus_render_t *r, const torus_render_read_t *rd)
{
    return rd->wants != NULL && rd->wants->next == NULL
           && (rd->schema->type == TORUS_GAUGE
               || rd->schema->type == TORUS_COUNT)
           && rd->interval->resolution.kind == TORUS_STEP_SECONDS
           && !r->conf->open_null;
}


/* What torus_render_put() does for each of them, without a division. */
static void
torus_render_points(torus_render_want_t *w, const torus_step_t *step,
    const torus_bucket_t *bucket)
{
    double                 d;
    size_t                 i;
    int64_t                first, at;
    torus_graph_series_t  *s;

    s = w->series;
    first = torus_step_bucket(step, s->start);

    for (i = 0; i < bucket->nsubs; i++) {
        at = bucket->subs[i].bucket - first;

        if (!bucket->subs[i].row.present || at < 0 || at >= (int64_t) s->n) {
            continue;
        }

        w->found = 1;
        d = torus_number_double(&bucket->subs[i].row.number);

        if (!isnan(d)) {
            s->values[at] = d;
        }
    }
}


/*
 * Buckets come in the order of reads: what is before this one is whole.  The
 * points of series that are most likely answered as they are become text
 * while Redis is at work on the next ones, and not when it is idle.  It can
 * be done without, and what it takes is not given back: all of it is little
 * of what memory is left.
 */
static void
torus_render_ahead(torus_render_t *r, size_t read)
{
    size_t                n, size, most;
    torus_render_want_t  *w;

    most = torus_account_left(r->limits->account) / TORUS_RENDER_SHARE;

    for ( /* void */ ; r->whole < read; r->whole++) {

        for (w = r->reads[r->whole]->wants; w != NULL; w = w->next) {

            if (torus_work_over(&r->stats->work)) {
                return;
            }

            if (!w->shown || !w->found) {
                continue;
            }

            n = w->series->n;
            size = 2 * TORUS_NUMBER_SIZE * n;

            if (n > TORUS_RENDER_AHEAD - r->ahead
                || r->texts + size > most)
            {
                return;
            }

            w->shown = 0;
            r->ahead += n;
            torus_work_did(&r->stats->work, TORUS_RENDER_POINT * n);

            if (torus_graph_write_ahead(&r->writer, r->arena, &r->scratch,
                                        w->series)
                == TORUS_OK && w->series->ahead != NULL)
            {
                r->texts += w->series->ahead->json.len;
            }
        }

        torus_work_did(&r->stats->work, 1);
    }
}


static int
torus_render_put(torus_render_t *r, const torus_render_read_t *rd,
    const torus_step_t *step, int64_t bucket, torus_row_t *row)
{
    int64_t                start, t, i;
    torus_graph_series_t  *s;
    torus_render_want_t   *w;

    if (!row->present) {
        return TORUS_OK;
    }

    start = torus_step_start(step, bucket);
    t = torus_render_place(step, start);

    for (w = rd->wants; w != NULL; w = w->next) {
        s = w->series;
        i = (t - s->start) / s->step;

        if (w->next != NULL) {
            torus_work_did(&r->stats->work, 2);
        }

        if (t < s->start || i >= (int64_t) s->n) {
            continue;
        }

        w->found = 1;

        if (r->conf->open_null
            && start + torus_step_length(step, bucket) > r->conf->now)
        {
            continue;
        }

        if (torus_render_value(r, s, (size_t) i, row) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* Where on it a bucket is shown that begins then. */
static int64_t
torus_render_place(const torus_step_t *step, int64_t start)
{
    int64_t  past;

    if (step->kind != TORUS_STEP_WEEKLY) {
        return start;
    }

    /* the first bucket of a year need not begin with its week */

    past = (start - TORUS_GRAPH_SUNDAY) % TORUS_GRAPH_WEEK;

    return start - (past < 0 ? past + TORUS_GRAPH_WEEK : past);
}


/* A place that has a value already gets more of it: a week cut in two. */
static int
torus_render_value(torus_render_t *r, torus_graph_series_t *s, size_t i,
    torus_row_t *row)
{
    double  d;

    switch (row->type) {

    case TORUS_GAUGE:
        d = torus_number_double(&row->number);

        if (!isnan(d)) {
            s->values[i] = d;
        }

        return TORUS_OK;

    case TORUS_COUNT:
        d = torus_number_double(&row->number);
        s->values[i] = isnan(s->values[i]) ? d : s->values[i] + d;
        return TORUS_OK;

    default:
        if (s->rows == NULL && torus_render_rows(r, s) != TORUS_OK) {
            return TORUS_ERROR;
        }

        torus_work_did(&r->stats->work, 20 + 30 * row->nitems);

        return torus_row_merge(&s->rows[i], r->arena, row);
    }
}


/* Distributions instead of values. */
static int
torus_render_rows(torus_render_t *r, torus_graph_series_t *s)
{
    size_t  i;

    s->rows = torus_arena_alloc(r->arena,
                                (s->n + 1) * sizeof(torus_row_t));
    if (s->rows == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < s->n; i++) {
        torus_row_init(&s->rows[i], s->type);
    }

    torus_work_did(&r->stats->work, s->n);

    return TORUS_OK;
}


/* Leaf by leaf. */
int
torus_render_supply(torus_render_t *r)
{
    int                   rc;
    torus_render_leaf_t  *l;

    if (r->leaf == r->nleaves) {
        r->state = TORUS_RENDER_EVAL;
        return TORUS_OK;
    }

    l = &r->leaves[r->leaf];

    if (r->series == NULL) {
        r->series = torus_arena_alloc(r->arena,
                                      (l->nwants + 1)
                                      * sizeof(torus_graph_series_t *));
        if (r->series == NULL) {
            return torus_render_full(r);
        }

        r->nseries = 0;
        torus_work_did(&r->stats->work, TORUS_RENDER_LEAF);
    }

    rc = torus_render_take(r, l);

    if (rc == TORUS_OK) {
        rc = torus_graph_supply(r->graph, l->leaf, r->series, r->nseries,
                                &r->err);

        if (rc == TORUS_OK) {
            r->leaf++;
            r->name = 0;
            r->series = NULL;
            return TORUS_OK;
        }

        if (rc != TORUS_AGAIN) {
            return torus_render_fail(r, torus_graph_status(r->graph));
        }
    }

    return rc == TORUS_AGAIN ? TORUS_OK : rc;
}


/* The series of one leaf; a set becomes the number of its members. */
static int
torus_render_take(torus_render_t *r, torus_render_leaf_t *l)
{
    torus_graph_series_t  *s;

    for ( /* void */ ; r->name < l->nwants; r->name++, r->point = 0) {

        if (torus_work_over(&r->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&r->stats->work, 4);

        s = l->wants[r->name]->series;

        /* nobody knows of it, or the range is too short for a point */

        if (s->n == 0 || (l->literal && !l->wants[r->name]->found)) {
            continue;
        }

        if (s->type == TORUS_SERIES || s->type == TORUS_HISTOGRAM) {

            if (s->rows == NULL && torus_render_rows(r, s) != TORUS_OK) {
                return torus_render_full(r);
            }

            s->values = NULL;
        }

        if (s->type == TORUS_SET && s->rows != NULL
            && torus_render_members(r, s) != TORUS_OK)
        {
            return TORUS_AGAIN;
        }

        r->series[r->nseries++] = s;
    }

    return TORUS_OK;
}


static int
torus_render_members(torus_render_t *r, torus_graph_series_t *s)
{
    torus_row_t  *row;

    for ( /* void */ ; r->point < s->n; r->point++) {
        row = &s->rows[r->point];

        if (!row->present) {
            continue;
        }

        if (torus_work_over(&r->stats->work)) {
            return TORUS_AGAIN;
        }

        if ((r->order.n != 0 || torus_row_loose(row, 0))
            && torus_row_order(row, &r->order, &r->stats->work) != TORUS_OK)
        {
            return TORUS_AGAIN;
        }

        torus_work_did(&r->stats->work, 20 + row->nitems);

        torus_row_fold(row);
        s->values[r->point] = (double) row->nitems;
    }

    s->rows = NULL;

    return TORUS_OK;
}
