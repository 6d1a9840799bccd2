/*
 * A pass of /render, from wants to what is fetched: the buckets of each read,
 * and the look for names that nothing was found of.
 */

#include "torus_render_state.h"


#define TORUS_RENDER_READ  60       /* operations to make one */
#define TORUS_RENDER_DAY   86400


static int torus_render_fetch(torus_render_t *r);
static int torus_render_range(torus_render_t *r,
    const torus_render_read_t *from, torus_read_t *read);
static int torus_render_stem(torus_render_t *r,
    const torus_render_read_t *from, torus_read_t *read);
static int torus_render_missing(torus_render_read_t *rd);


/* All names are known. */
int
torus_render_begin_reads(torus_render_t *r)
{
    memset(&r->plan, 0, sizeof(torus_plan_t));

    r->plan.reads = torus_arena_calloc(r->arena, r->nreads + 1,
                                       sizeof(torus_read_t));
    if (r->plan.reads == NULL) {
        return torus_render_full(r);
    }

    r->plan.nreads = r->nreads;
    r->read = 0;
    r->state = TORUS_RENDER_READS;

    return TORUS_OK;
}


int
torus_render_reads(torus_render_t *r)
{
    int64_t        cost;
    torus_read_t  *read;

    for ( /* void */ ; r->read < r->nreads; r->read++) {

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        torus_work_did(&r->stats->work, TORUS_RENDER_READ);

        read = &r->plan.reads[r->read];

        if (torus_render_range(r, r->reads[r->read], read) != TORUS_OK
            || torus_render_stem(r, r->reads[r->read], read) != TORUS_OK)
        {
            return torus_render_full(r);
        }

        if (__builtin_mul_overflow(read->buckets, read->subs, &cost)
            || __builtin_add_overflow(r->points, cost, &r->points)
            || (r->limits->points != 0
                && r->points > (int64_t) r->limits->points))
        {
            torus_error(&r->err, "the request asks for more than %zu points",
                        r->limits->points);
            return torus_render_fail(r, 413);
        }
    }

    return torus_render_fetch(r);
}


/* The buckets that a range takes, of those that may still be there. */
static int
torus_render_range(torus_render_t *r, const torus_render_read_t *from,
    torus_read_t *read)
{
    int64_t                  oldest, grid, phase, subs;
    const torus_interval_t  *iv;

    iv = from->interval;
    grid = torus_render_grid(&iv->resolution, &phase);

    read->spec = &r->spec;
    read->schema = from->schema;
    read->interval = iv;
    read->from = from->span.from + 1;
    read->until = from->span.until;

    /* the rest of a week that a new year cuts has a bucket of its own */

    if (iv->resolution.kind == TORUS_STEP_WEEKLY) {
        read->until += 6 * TORUS_RENDER_DAY;
    }

    read->first = torus_step_bucket(&iv->step, read->from);
    read->last = torus_step_bucket(&iv->step, read->until);
    read->bounded = 1;

    if (iv->steps != 0) {
        oldest = torus_step_bucket(&iv->step, r->conf->now);
        oldest = torus_step_add(&iv->step, oldest, -iv->steps);

        if (read->first < oldest) {
            read->first = oldest;
        }

        if (read->last < oldest) {
            read->last = oldest;
        }
    }

    read->buckets = torus_step_count(&iv->step, read->first, read->last);

    if (read->buckets < 1) {
        read->last = read->first;
        read->buckets = 1;
    }

    /* a short range has less than a bucket of the interval */
    subs = (read->until - read->from)
           / torus_step_nominal(&iv->resolution) + 2;

    read->subs = torus_plan_subs(iv);

    if (read->subs > subs) {
        read->subs = subs;
    }

    if (r->step == 0 || grid < r->step) {
        r->step = grid;
    }

    return TORUS_OK;
}


static int
torus_render_stem(torus_render_t *r, const torus_render_read_t *from,
    torus_read_t *read)
{
    torus_str_t     prefix, name;
    unsigned char  *p;

    prefix = from->schema->prefix;
    name = from->name;

    read->stems = torus_arena_alloc(r->arena, sizeof(torus_str_t));
    p = torus_arena_alloc(r->arena, prefix.len + name.len + 1);

    if (read->stems == NULL || p == NULL) {
        return TORUS_ERROR;
    }

    if (prefix.len != 0) {
        memcpy(p, prefix.data, prefix.len);
    }

    memcpy(p + prefix.len, name.data, name.len);
    p[prefix.len + name.len] = ':';

    *read->stems = torus_str(p, prefix.len + name.len + 1);

    return TORUS_OK;
}


static int
torus_render_fetch(torus_render_t *r)
{
    if (r->fetch != NULL) {
        torus_fetch_destroy(r->fetch);
    }

    r->fetch = torus_fetch_create_rows(&r->plan, r->conf->set, r->limits,
                                       r->stats, torus_render_row, r);
    if (r->fetch == NULL) {
        return torus_render_full(r);
    }

    torus_work_did(&r->stats->work, 4 * r->nreads);

    r->whole = 0;
    r->state = TORUS_RENDER_FETCH;

    /* with nothing to read there is nobody to wait for */

    if (r->nreads == 0) {
        torus_render_fetched(r);
    }

    return TORUS_OK;
}


void
torus_render_fetched(torus_render_t *r)
{
    torus_fetch_destroy(r->fetch);
    r->fetch = NULL;

    torus_buf_free(&r->scratch);

    r->state = TORUS_RENDER_MISS;
    r->leaf = 0;
    r->name = 0;
    r->point = 0;
    r->series = NULL;
    r->read = 0;
    r->nqueries = 0;
}


/*
 * A name that was given as such and has no data in its range may be one that
 * there is not, of which nothing is answered, or one that was silent, which
 * is null all the time.  The index tells, and is asked only then, for all of
 * them together.
 */
int
torus_render_miss(torus_render_t *r)
{
    int                   rc;
    torus_find_conf_t     conf;
    torus_render_read_t  *rd;

    for ( /* void */ ; r->read < r->nreads; r->read++) {
        rd = r->reads[r->read];

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        torus_work_did(&r->stats->work, 4);

        if (!torus_render_missing(rd)) {
            continue;
        }

        torus_work_did(&r->stats->work, TORUS_RENDER_NAME);

        if (r->missed == NULL) {
            memset(&conf, 0, sizeof(torus_find_conf_t));

            conf.now = r->conf->now;
            conf.from = INT64_MIN;
            conf.until = INT64_MAX;
            conf.account = r->limits->account;
            conf.leaves = 1;

            if (r->find != NULL) {
                torus_find_destroy(r->find);
            }

            r->find = torus_find_create(r->arena, r->conf->set, &conf,
                                        r->stats);
            r->missed = torus_arena_alloc(r->arena,
                                          r->nreads
                                          * sizeof(torus_render_read_t *));

            if (r->find == NULL || r->missed == NULL) {
                return torus_render_full(r);
            }
        }

        rc = torus_find_add(r->find, rd->name, &r->err);

        if (rc == TORUS_OK) {
            r->missed[r->nqueries++] = rd;

        } else if (rc != TORUS_INVALID) {
            return torus_render_full(r);
        }
    }

    r->state = r->missed != NULL ? TORUS_RENDER_FIND : TORUS_RENDER_SUPPLY;

    return TORUS_OK;
}


/* What has data in one range does exist in all others. */
static int
torus_render_missing(torus_render_read_t *rd)
{
    int                   literal;
    torus_render_want_t  *w;

    literal = 0;

    for (w = rd->wants; w != NULL; w = w->next) {

        if (w->found) {
            torus_render_exists(rd);
            return 0;
        }

        literal |= w->literal && w->series->n != 0;
    }

    return literal;
}


void
torus_render_exists(torus_render_read_t *rd)
{
    torus_render_want_t  *w;

    for (w = rd->wants; w != NULL; w = w->next) {
        w->found = 1;
    }
}


/* The grid that buckets are shown on: its step, and where one is from 0. */
int64_t
torus_render_grid(const torus_step_t *step, int64_t *phase)
{
    *phase = 0;

    switch (step->kind) {

    case TORUS_STEP_SECONDS:
        return step->seconds;

    case TORUS_STEP_WEEKLY:
        *phase = TORUS_GRAPH_SUNDAY;
        return TORUS_GRAPH_WEEK;

    default:
        return TORUS_RENDER_DAY;
    }
}
