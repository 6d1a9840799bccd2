/*
 * The fetch: a cursor over (read, bucket), turned into commands and fed with
 * replies.
 *
 *   slice      a run of buckets in work, in the order of the answer
 *   round      commands for all hosts, then all their replies; a slice takes
 *              one, and with resolutions one more for what the first found,
 *              or several when that is more than a slice's budget
 *
 * Three slices are in work: the replies to one are taken while Redis is at
 * work on the next and has the commands of the third.  Each has its own
 * memory, and has a round of its own under way; the first of them is the one
 * to be written next, and the others wait for that when they are whole
 * earlier.  They are given up, the last one first, when the memory is needed.
 *
 * Replies of a host come in the order of its commands.  Each command has an
 * entry that says how to take its reply and how many cells it fills; a cell
 * says to which bucket and row the values belong.  So a reply needs no look
 * up, and hosts may answer in any order.
 */

#include "torus_fetch_state.h"
#include "torus_layout.h"


#define TORUS_FETCH_FIRST  4       /* the first of several is a quarter */
#define TORUS_FETCH_CHUNK  16384   /* of the arenas */


static int torus_fetch_batch(torus_fetch_t *f, torus_batch_t *batch);
static int torus_fetch_room(const torus_fetch_t *f);
static void torus_fetch_reclaim(void *data);
static torus_fetch_slice_t *torus_fetch_last(torus_fetch_t *f);
static void torus_fetch_drop(torus_fetch_t *f);
static void torus_fetch_trim(torus_fetch_t *f, torus_fetch_slice_t *s);
static int torus_fetch_forgive(torus_fetch_t *f, int rc);
static int torus_fetch_slice(torus_fetch_t *f);
static int torus_fetch_end(torus_fetch_t *f);
static size_t torus_fetch_measure(const torus_fetch_t *f);
static size_t torus_fetch_fit(const torus_fetch_t *f, int64_t *budget);
static int64_t torus_fetch_cost(const torus_read_t *read);
static int torus_fetch_bucket(torus_fetch_t *f, torus_fetch_bucket_t *b);
static void torus_fetch_cursor(torus_fetch_t *f);
static int torus_fetch_ready(torus_fetch_t *f);
static int torus_fetch_finish(torus_fetch_t *f);


torus_fetch_t *
torus_fetch_create(const torus_query_t *query, const torus_plan_t *plan,
    const torus_schema_set_t *set, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_buf_t *out)
{
    size_t               i, k, n, size;
    torus_fetch_t       *f;
    torus_arena_t       *whole;
    const torus_read_t  *read;

    whole = torus_arena_create_on(TORUS_FETCH_CHUNK, limits->account);
    if (whole == NULL) {
        return NULL;
    }

    f = torus_arena_calloc(whole, 1, sizeof(torus_fetch_t));
    if (f == NULL) {
        torus_arena_destroy(whole);
        return NULL;
    }

    f->query = query;
    f->plan = plan;
    f->set = set;
    f->limits = limits;
    f->stats = stats;
    f->whole = whole;
    f->cursor.left = -1;
    f->status = 200;
    f->ahead = 1;

    size = 1;

    for (i = 0; i < plan->nreads; i++) {
        read = &plan->reads[i];

        if (read->schema == NULL) {
            continue;
        }

        /* how many values a key of those has, only the first slice tells */

        if (read->schema->type != TORUS_COUNT
            && read->schema->type != TORUS_GAUGE)
        {
            f->ahead = 0;
        }

        for (k = 0; k < read->spec->nnames; k++) {
            n = read->stems[k].len + read->interval->name.len
                + TORUS_LAYOUT_EXTRA;
            size = n > size ? n : size;
        }
    }

    for (i = 0; i < TORUS_FETCH_SLICES; i++) {
        f->slices[i].arena = torus_arena_create_on(TORUS_FETCH_CHUNK,
                                                   limits->account);
        f->slices[i].hosts = torus_arena_calloc(whole, set->nhosts + 1,
                                                sizeof(torus_fetch_host_t *));

        if (f->slices[i].arena == NULL || f->slices[i].hosts == NULL) {
            torus_fetch_destroy(f);
            return NULL;
        }
    }

    f->row = torus_arena_create_on(0, limits->account);
    f->due = torus_arena_calloc(whole, set->nhosts + 1,
                                sizeof(torus_fetch_due_t));
    f->key = torus_arena_alloc(whole, size);

    if (f->row == NULL || f->due == NULL || f->key == NULL) {
        torus_fetch_destroy(f);
        return NULL;
    }

    f->out = out;

    if (limits->account != NULL) {
        limits->account->reclaim = torus_fetch_reclaim;
        limits->account->data = f;
    }

    return f;
}


torus_fetch_t *
torus_fetch_create_rows(const torus_plan_t *plan,
    const torus_schema_set_t *set, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_fetch_row_pt handler, void *data)
{
    torus_fetch_t  *f;

    f = torus_fetch_create(NULL, plan, set, limits, stats, NULL);

    if (f != NULL) {
        f->handler = handler;
        f->data = data;
    }

    return f;
}


void
torus_fetch_destroy(torus_fetch_t *f)
{
    size_t                i, k;
    torus_account_t      *account;
    torus_fetch_slice_t  *s;

    account = f->limits->account;

    if (account != NULL && account->data == f) {
        account->reclaim = NULL;
    }

    for (i = 0; i < TORUS_FETCH_SLICES; i++) {
        s = &f->slices[i];

        for (k = 0; s->hosts != NULL && k < f->set->nhosts; k++) {

            if (s->hosts[k] != NULL) {
                torus_buf_free(&s->hosts[k]->bytes);
                torus_buf_free(&s->hosts[k]->mget);
            }
        }

        torus_arena_destroy(s->arena);
    }

    torus_arena_destroy(f->row);
    torus_arena_destroy(f->whole);
}


int
torus_fetch_next(torus_fetch_t *f, torus_batch_t *batch)
{
    if (f->status != 200) {
        return TORUS_ERROR;
    }

    f->given = NULL;

    /*
     * The commands of a slice leave before the next is looked at, so that
     * Redis is at work meanwhile.  A slice of which nothing has to be read
     * may be over at once.
     */

    while (torus_fetch_batch(f, batch) != TORUS_OK) {

        if (f->done || !torus_fetch_room(f)) {
            return TORUS_DECLINED;
        }

        if (torus_fetch_forgive(f, torus_fetch_slice(f)) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* Commands that have not been given out, the first slice's first. */
static int
torus_fetch_batch(torus_fetch_t *f, torus_batch_t *batch)
{
    size_t                i, k;
    torus_fetch_due_t    *due;
    torus_fetch_host_t   *h;
    torus_fetch_slice_t  *s;

    for (k = 0; k < f->nslices; k++) {
        s = &f->slices[(f->first + k) % TORUS_FETCH_SLICES];

        for (i = 0; i < f->set->nhosts; i++) {
            h = s->hosts[i];

            if (h == NULL || h->sent || h->ncmds == 0) {
                continue;
            }

            h->sent = 1;
            f->given = h;

            due = &f->due[i];
            due->slices[due->n++] = s;

            batch->host = &f->set->hosts[i];
            batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
            batch->replies = h->ncmds;

            f->stats->batches++;
            f->stats->commands += h->ncmds;

            return TORUS_OK;
        }
    }

    return TORUS_DECLINED;
}


/*
 * Is another slice to be taken into work?  Redis shall not wait for the next
 * commands while the replies to the last are read; but not where the slices
 * together might take more memory than one alone may.
 */
static int
torus_fetch_room(const torus_fetch_t *f)
{
    size_t  size, most;

    /* one that was given up has its place until all replies to it came */

    if (f->slices[(f->first + f->nslices) % TORUS_FETCH_SLICES].dropped) {
        return 0;
    }

    if (f->nslices == 0) {
        return 1;
    }

    if (f->nslices == TORUS_FETCH_SLICES || !f->ahead || f->alone
        || f->cursor.read == f->plan->nreads)
    {
        return 0;
    }

    size = torus_arena_size(f->slices[f->first].arena);
    size = size > f->most ? size : f->most;
    most = torus_account_left(f->limits->account) / TORUS_FETCH_SLICES;

    return size <= most
           && torus_fetch_budget(f) <= (most - size) / sizeof(torus_sub_t);
}


int
torus_fetch_reply(torus_fetch_t *f, const torus_host_t *host,
    const redisReply *reply)
{
    int                  rc;
    torus_fetch_cmd_t   *cmd;
    torus_fetch_due_t   *due;
    torus_fetch_cell_t  *cells;
    torus_fetch_host_t  *h;

    if (f->status != 200) {
        return TORUS_ERROR;
    }

    due = host->index < f->set->nhosts ? &f->due[host->index] : NULL;

    if (due == NULL || due->n == 0) {
        torus_error(&f->err, "redis %.*s sent a reply to nothing",
                    torus_fmt(host->name));
        return torus_fetch_fail(f, 503);
    }

    f->slice = due->slices[0];

    h = f->slice->hosts[host->index];
    h->cmd++;

    f->slice->outstanding--;

    if (h->cmd == h->ncmds) {
        due->n--;
        memmove(due->slices, due->slices + 1,
                due->n * sizeof(torus_fetch_slice_t *));
    }

    if (f->slice->dropped) {
        f->slice->dropped = (f->slice->outstanding != 0);
        return TORUS_OK;
    }

    cmd = &h->cmds[h->cmd - 1];
    cells = &h->cells[h->cell];
    h->cell += cmd->ncells;

    rc = torus_fetch_take(f, host, cmd, cells, reply);

    if (rc == TORUS_OK) {
        f->slice->ready = (f->slice->outstanding == 0);
    }

    return torus_fetch_forgive(f, rc);
}


int
torus_fetch_busy(const torus_fetch_t *f)
{
    size_t  i;

    for (i = 0; f->status == 200 && i < f->nslices; i++) {

        if (f->slices[(f->first + i) % TORUS_FETCH_SLICES].ready) {
            return 1;
        }
    }

    return f->status == 200 && (f->writing || f->paused);
}


/* That slice first which is written next. */
int
torus_fetch_work(torus_fetch_t *f)
{
    size_t  i;

    if (f->status != 200) {
        return TORUS_ERROR;
    }

    for (i = 0; !f->writing && !f->paused && i < f->nslices; i++) {
        f->slice = &f->slices[(f->first + i) % TORUS_FETCH_SLICES];

        if (f->slice->ready) {
            return torus_fetch_forgive(f, torus_fetch_ready(f));
        }
    }

    return torus_fetch_finish(f);
}


/* A round is over: the next one of the slice, or the slice is whole. */
static int
torus_fetch_ready(torus_fetch_t *f)
{
    int  rc;

    rc = torus_fetch_release(f);

    if (rc != TORUS_OK) {
        return rc == TORUS_AGAIN ? TORUS_OK : TORUS_ERROR;
    }

    f->slice->ready = 0;

    if (torus_fetch_second(f) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (f->slice->outstanding != 0) {
        return TORUS_OK;
    }

    f->slice->whole = 1;

    return torus_fetch_finish(f);
}


/* What is whole and has its turn is written, or a piece of that. */
static int
torus_fetch_finish(torus_fetch_t *f)
{
    int     rc;
    size_t  size;

    while (f->nslices != 0 && f->slices[f->first].whole) {
        f->slice = &f->slices[f->first];

        rc = torus_fetch_write(f);

        if (rc != TORUS_OK) {
            return rc == TORUS_AGAIN ? TORUS_OK : TORUS_ERROR;
        }

        size = torus_arena_size(f->slice->arena);

        f->most = size > f->most ? size : f->most;
        f->ahead = 1;

        torus_arena_reset(f->slice->arena);

        f->first = (f->first + 1) % TORUS_FETCH_SLICES;
        f->nslices--;
    }

    /* with the last slice the answer ends, so that no one need ask again */

    return f->nslices == 0 && f->cursor.read == f->plan->nreads
           ? torus_fetch_end(f) : TORUS_OK;
}


int
torus_fetch_done(const torus_fetch_t *f)
{
    return f->done;
}


unsigned
torus_fetch_status(const torus_fetch_t *f)
{
    return f->status;
}


const torus_error_t *
torus_fetch_error(const torus_fetch_t *f)
{
    return &f->err;
}


/* Takes the next slice into work; with nothing left the answer ends. */
static int
torus_fetch_slice(torus_fetch_t *f)
{
    size_t                i, n;
    torus_fetch_slice_t  *s;

    n = torus_fetch_measure(f);

    if (n == 0) {
        return torus_fetch_end(f);
    }

    s = &f->slices[(f->first + f->nslices++) % TORUS_FETCH_SLICES];
    f->slice = s;

    torus_arena_reset(s->arena);

    s->begin = f->cursor;
    s->nbuckets = n;
    s->taken = 0;
    s->ref = 0;
    s->wrote = 0;
    s->held = NULL;
    s->whole = 0;

    s->buckets = torus_arena_alloc(s->arena, n * sizeof(torus_fetch_bucket_t));
    if (s->buckets == NULL) {
        return torus_fetch_full(f);
    }

    for (i = 0; i < n; i++) {

        if (torus_fetch_bucket(f, &s->buckets[i]) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    if (torus_fetch_first(f) != TORUS_OK) {
        return TORUS_ERROR;
    }

    s->ready = (s->outstanding == 0);

    return TORUS_OK;
}


static int
torus_fetch_end(torus_fetch_t *f)
{
    f->done = 1;
    f->slice = NULL;

    if (f->handler == NULL) {
        torus_fetch_begin(f);
        torus_answer_end(&f->answer);
    }

    return TORUS_OK;
}


/* Keys of a slice. */
size_t
torus_fetch_budget(const torus_fetch_t *f)
{
    return f->limits->slice != 0 ? f->limits->slice : TORUS_LIMIT_SLICE;
}


/*
 * How many buckets from the cursor on are the next slice.  The first of
 * several is small, so that there are replies soon: until then there is
 * nothing else to do.
 */
static size_t
torus_fetch_measure(const torus_fetch_t *f)
{
    size_t   n;
    int64_t  budget, left;

    budget = (int64_t) torus_fetch_budget(f);
    left = budget;

    n = torus_fetch_fit(f, &left);

    if (left < 0 && f->cursor.read == 0 && f->cursor.left < 0) {
        left = budget / TORUS_FETCH_FIRST + 1;
        n = torus_fetch_fit(f, &left);
    }

    return n;
}


/*
 * How many of them fit so many keys, at least one.  A read without a schema
 * has none to be read, and is one here, so that it gets its place in the
 * answer.  *budget: what is left of it, -1 when not all do.
 */
static size_t
torus_fetch_fit(const torus_fetch_t *f, int64_t *budget)
{
    size_t               i, n;
    int64_t              cost, left, fit;
    const torus_read_t  *read;

    n = 0;

    for (i = f->cursor.read; i < f->plan->nreads; i++) {
        read = &f->plan->reads[i];

        if (read->schema == NULL) {
            n++;
            continue;
        }

        cost = torus_fetch_cost(read);
        left = i == f->cursor.read && f->cursor.left >= 0 ? f->cursor.left
                                                          : read->buckets;
        fit = *budget / cost;

        if (fit < left) {
            *budget = -1;
            return n == 0 && fit == 0 ? 1 : n + (size_t) fit;
        }

        n += (size_t) left;
        *budget -= left * cost;
    }

    return n;
}


/* Keys that a bucket may take.  The plan's limits keep it from overflow. */
static int64_t
torus_fetch_cost(const torus_read_t *read)
{
    return (int64_t) read->spec->nnames * read->subs;
}


/* The bucket at the cursor. */
static int
torus_fetch_bucket(torus_fetch_t *f, torus_fetch_bucket_t *b)
{
    const torus_read_t  *read;

    torus_fetch_cursor(f);
    memset(b, 0, sizeof(torus_fetch_bucket_t));

    read = &f->plan->reads[f->cursor.read];
    b->read = read;

    if (read->schema == NULL) {
        f->cursor.read++;
        return TORUS_OK;
    }

    b->subs = f->handler != NULL
              ? !read->interval->coarse
              : torus_answer_subs(read, f->query->format) != 0;
    b->out.bucket = f->cursor.bucket;
    b->out.seconds = (double) torus_step_length(&read->interval->step,
                                                f->cursor.bucket);
    torus_row_init(&b->out.row, read->schema->type);

    f->cursor.bucket = torus_step_add(&read->interval->step,
                                      f->cursor.bucket, 1);

    if (--f->cursor.left == 0) {
        f->cursor.read++;
        f->cursor.left = -1;
    }

    return TORUS_OK;
}


/* A read that is new starts at its first bucket. */
static void
torus_fetch_cursor(torus_fetch_t *f)
{
    const torus_read_t  *read;

    if (f->cursor.left >= 0) {
        return;
    }

    read = &f->plan->reads[f->cursor.read];

    if (read->schema != NULL) {
        f->cursor.bucket = read->first;
        f->cursor.left = read->buckets;
    }
}


/*
 * Nothing is to be refused as long as there is something read ahead of the
 * slice that a call is about: that one has to know of it.
 */
static void
torus_fetch_reclaim(void *data)
{
    torus_fetch_t *f = data;

    size_t                i;
    torus_fetch_slice_t  *s;

    while (f->nslices > 1 && f->slice != torus_fetch_last(f)) {
        torus_fetch_drop(f);
    }

    for (i = f->nslices; i < TORUS_FETCH_SLICES; i++) {
        s = &f->slices[(f->first + i) % TORUS_FETCH_SLICES];

        if (s != f->slice) {
            torus_fetch_trim(f, s);
        }
    }
}


/*
 * After a fault: was it only that there is no memory for the slice behind the
 * first?  Then that is given up.
 */
static int
torus_fetch_forgive(torus_fetch_t *f, int rc)
{
    torus_account_t      *account;
    torus_fetch_slice_t  *s;

    account = f->limits->account;

    if (rc == TORUS_OK || account == NULL || !account->refused
        || f->nslices < 2 || f->slice == &f->slices[f->first])
    {
        return rc;
    }

    account->refused = 0;
    f->status = 200;
    f->err.len = 0;

    do {
        s = torus_fetch_last(f);
        torus_fetch_drop(f);
    } while (s != f->slice);

    return TORUS_OK;
}


static torus_fetch_slice_t *
torus_fetch_last(torus_fetch_t *f)
{
    return &f->slices[(f->first + f->nslices - 1) % TORUS_FETCH_SLICES];
}


/* The last slice, as if it had never been begun, but for what is on its way. */
static void
torus_fetch_drop(torus_fetch_t *f)
{
    size_t                i;
    torus_fetch_host_t   *h;
    torus_fetch_slice_t  *s;

    s = torus_fetch_last(f);

    f->nslices--;
    f->cursor = s->begin;
    f->alone = 1;

    s->outstanding = 0;
    s->ready = 0;
    s->whole = 0;
    s->held = NULL;

    for (i = 0; i < f->set->nhosts; i++) {
        h = s->hosts[i];

        if (h == NULL) {
            continue;
        }

        if (h->sent) {
            s->outstanding += h->ncmds - h->cmd;

        } else {
            h->ncmds = 0;
        }

        h->nwaiting = 0;
        torus_buf_reset(&h->mget, TORUS_FETCH_KEEP);
    }

    s->dropped = (s->outstanding != 0);

    torus_fetch_trim(f, s);
}


/* What a slice holds that is not in work, unless its owner may still send. */
static void
torus_fetch_trim(torus_fetch_t *f, torus_fetch_slice_t *s)
{
    size_t               i;
    torus_fetch_host_t  *h;

    torus_arena_reset(s->arena);

    for (i = 0; i < f->set->nhosts; i++) {
        h = s->hosts[i];

        if (h != NULL && h != f->given) {
            torus_buf_free(&h->bytes);
            torus_buf_free(&h->mget);
        }
    }
}


int
torus_fetch_full(torus_fetch_t *f)
{
    torus_error(&f->err, "the request needs more memory than it may have");

    return torus_fetch_fail(f, 413);
}


int
torus_fetch_fail(torus_fetch_t *f, unsigned status)
{
    f->status = status;

    return TORUS_ERROR;
}
