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

#include "torus_fetch.h"
#include "torus_layout.h"
#include "torus_redis.h"

#include <stdlib.h>


#define TORUS_FETCH_SLICES  3       /* in work at a time */
#define TORUS_FETCH_FIRST   4       /* the first of several is a quarter */
#define TORUS_FETCH_MGET    128     /* keys of one MGET */
#define TORUS_FETCH_CHUNK   16384   /* of the arenas */
#define TORUS_FETCH_KEEP    262144  /* bytes of a buffer kept between rounds */
#define TORUS_FETCH_VALUE   16      /* operations to take one value */

#ifndef TORUS_FETCH_LARGE           /* a test has its own */
#define TORUS_FETCH_LARGE   1024    /* elements of a reply taken in pieces .. */
#define TORUS_FETCH_PIECE   128     /* .. of so many: an even number */
#endif


typedef enum {
    TORUS_FETCH_SUBS = 0,    /* SMEMBERS: which resolution buckets */
    TORUS_FETCH_VALUES,      /* LRANGE, HGETALL, SMEMBERS: of one cell */
    TORUS_FETCH_PACKED,      /* .. of all resolution buckets of a bucket */
    TORUS_FETCH_NUMBERS      /* MGET: one value per cell */
} torus_fetch_kind_t;


/* A resolution bucket found under one of the names. */
typedef struct {
    int64_t                  bucket;
    size_t                   name;
} torus_fetch_ref_t;


/* A bucket of the slice. */
typedef struct {
    const torus_read_t      *read;
    torus_bucket_t           out;
    torus_fetch_ref_t       *refs;
    size_t                   nrefs;
    size_t                   size;
    int64_t                  places;    /* of a packed bucket, once it is   */
    int64_t                  low;       /*   known to hold something: those */
    int64_t                  high;      /*   wanted are low .. high - 1     */
    unsigned                 subs:1;    /* rows per resolution bucket */
    unsigned                 sorted:1;
} torus_fetch_bucket_t;


typedef struct {
    torus_fetch_bucket_t    *bucket;
    torus_row_t             *row;
    size_t                   name;
} torus_fetch_cell_t;


typedef struct {
    torus_fetch_kind_t       kind;
    size_t                   ncells;
} torus_fetch_cmd_t;


/*
 * A copy of a large reply, and of those after it, so that values come in
 * their order.
 */
typedef struct torus_fetch_held_s  torus_fetch_held_t;

struct torus_fetch_held_s {
    torus_fetch_held_t      *next;
    torus_fetch_kind_t       kind;
    torus_fetch_cell_t       cell;
    redisReply               reply;
    size_t                   i;         /* element, next to be taken */
};


/* The commands of a round to one host. */
typedef struct {
    torus_buf_t              bytes;
    torus_buf_t              mget;      /* keys waiting for their MGET */
    torus_fetch_cell_t       waiting[TORUS_FETCH_MGET];
    size_t                   nwaiting;
    torus_fetch_cell_t      *cells;     /* in the slice's arena, as cmds */
    size_t                   ncells;
    size_t                   cells_size;
    size_t                   cell;      /* next to be filled */
    torus_fetch_cmd_t       *cmds;
    size_t                   ncmds;
    size_t                   cmds_size;
    size_t                   cmd;       /* next to be answered */
    unsigned                 sent:1;
} torus_fetch_host_t;


/* The bucket that is read next. */
typedef struct {
    size_t                   read;
    int64_t                  bucket;
    int64_t                  left;      /* buckets of that read, or -1 */
} torus_fetch_cursor_t;


/* Buckets in work; of the hosts only those that it has commands for. */
typedef struct {
    torus_arena_t           *arena;     /* reset with every use */
    torus_fetch_host_t     **hosts;     /* by index, made when needed */
    torus_fetch_bucket_t    *buckets;
    size_t                   nbuckets;
    size_t                   taken;     /* bucket, reference of it, that */
    size_t                   ref;       /*   the next round begins with */
    size_t                   outstanding;
    size_t                   wrote;     /* buckets */
    torus_fetch_cursor_t     begin;     /* where it was when it began */
    torus_fetch_held_t      *held;
    torus_fetch_held_t      *held_last;
    unsigned                 ready:1;   /* all replies of a round came */
    unsigned                 whole:1;   /* all of it is read */
    unsigned                 dropped:1; /* replies to it are thrown away */
} torus_fetch_slice_t;


/* The slices whose replies a host owes, in their order. */
typedef struct {
    torus_fetch_slice_t     *slices[TORUS_FETCH_SLICES];
    size_t                   n;
} torus_fetch_due_t;


struct torus_fetch_s {
    const torus_query_t       *query;
    const torus_plan_t        *plan;
    const torus_schema_set_t  *set;
    const torus_limits_t      *limits;
    torus_request_stats_t     *stats;
    torus_arena_t             *row;       /* reset with every read: what is
                                             collapsed into one row */
    torus_arena_t             *whole;     /* all else */
    torus_fetch_slice_t        slices[TORUS_FETCH_SLICES];
    size_t                     first;     /* which of them is written next */
    size_t                     nslices;   /* in work */
    torus_fetch_slice_t       *slice;     /* the one that a call is about */
    torus_fetch_due_t         *due;       /* by index of the host */
    torus_fetch_host_t        *given;     /* the last batch: maybe not sent */
    size_t                     most;      /* bytes that a slice has taken */
    torus_row_t                collapsed; /* of the open read */
    double                     seconds;   /* collapsed so far */
    torus_fetch_cursor_t       cursor;
    int64_t                    written;   /* buckets of the open read */
    torus_buf_t               *out;
    torus_answer_t             answer;
    torus_fetch_row_pt         handler;   /* NULL: rows go to the answer */
    void                      *data;
    unsigned char             *key;       /* a key being composed */
    const torus_str_t         *stem;      /* whose head it begins with */
    size_t                     head;      /* bytes of that */
    unsigned                   status;
    torus_error_t              err;
    unsigned                   paused:1;  /* there is more to write */
    unsigned                   begun:1;   /* the answer is */
    unsigned                   writing:1; /* so is the bucket at wrote */
    unsigned                   closing:1; /* which its read ends with */
    unsigned                   ahead:1;   /* what a slice takes is known */
    unsigned                   alone:1;   /* .. and two were too much */
    unsigned                   done:1;
};


static int torus_fetch_batch(torus_fetch_t *f, torus_batch_t *batch);
static int torus_fetch_room(const torus_fetch_t *f);
static void torus_fetch_reclaim(void *data);
static torus_fetch_slice_t *torus_fetch_last(torus_fetch_t *f);
static void torus_fetch_drop(torus_fetch_t *f);
static void torus_fetch_trim(torus_fetch_t *f, torus_fetch_slice_t *s);
static int torus_fetch_forgive(torus_fetch_t *f, int rc);
static size_t torus_fetch_budget(const torus_fetch_t *f);
static int torus_fetch_slice(torus_fetch_t *f);
static int torus_fetch_end(torus_fetch_t *f);
static size_t torus_fetch_measure(const torus_fetch_t *f);
static size_t torus_fetch_fit(const torus_fetch_t *f, int64_t *budget);
static int64_t torus_fetch_cost(const torus_read_t *read);
static int torus_fetch_bucket(torus_fetch_t *f, torus_fetch_bucket_t *b);
static void torus_fetch_cursor(torus_fetch_t *f);
static int torus_fetch_first(torus_fetch_t *f);
static int torus_fetch_second(torus_fetch_t *f);
static int torus_fetch_refs(torus_fetch_t *f, torus_fetch_bucket_t *b);
static int torus_fetch_more(torus_fetch_t *f);
static int torus_fetch_command(torus_fetch_t *f, torus_fetch_bucket_t *b,
    torus_row_t *row, size_t name, const int64_t *sub);
static int torus_fetch_value(torus_fetch_host_t *h, torus_type_t type,
    torus_str_t key);
static int torus_fetch_number(torus_fetch_t *f, torus_fetch_host_t *h,
    const torus_fetch_cell_t *cell, torus_str_t key);
static int torus_fetch_flush(torus_fetch_t *f, torus_fetch_host_t *h);
static int torus_fetch_expect(torus_fetch_t *f, torus_fetch_host_t *h,
    torus_fetch_kind_t kind, const torus_fetch_cell_t *cells, size_t n);
static torus_fetch_host_t *torus_fetch_host(torus_fetch_t *f,
    const torus_host_t *host);
static int torus_fetch_ready(torus_fetch_t *f);
static int torus_fetch_hold(torus_fetch_t *f, torus_fetch_kind_t kind,
    const torus_fetch_cell_t *cell, const redisReply *reply);
static int torus_fetch_release(torus_fetch_t *f);
static void torus_fetch_begin_round(torus_fetch_t *f);
static int torus_fetch_take(torus_fetch_t *f, const torus_host_t *host,
    const torus_fetch_cmd_t *cmd, const torus_fetch_cell_t *cells,
    const redisReply *reply);
static int torus_fetch_take_subs(torus_fetch_t *f, torus_fetch_bucket_t *b,
    size_t name, const redisReply *reply);
static int torus_fetch_take_values(torus_fetch_t *f,
    const torus_fetch_cell_t *cell, const redisReply *reply);
static int torus_fetch_take_value(torus_fetch_t *f,
    const torus_fetch_cell_t *cell, const redisReply *value,
    const redisReply *n);
static int torus_fetch_take_packed(torus_fetch_t *f, torus_fetch_bucket_t *b,
    const redisReply *reply);
static int torus_fetch_places(torus_fetch_t *f, torus_fetch_bucket_t *b);
static int torus_fetch_ordered(const torus_fetch_bucket_t *b);
static int torus_fetch_row(torus_fetch_t *f, const torus_schema_t *schema,
    torus_row_t *row, torus_str_t text, torus_str_t times);
static int torus_fetch_wanted(const torus_read_t *read, int64_t sub);
static int torus_fetch_number_of(const redisReply *e, int64_t *n);
static int torus_fetch_ref(torus_fetch_t *f, torus_fetch_bucket_t *b,
    int64_t bucket, size_t name);
static int torus_fetch_within(const torus_fetch_bucket_t *b, int64_t sub);
static int torus_fetch_ref_cmp(const void *a, const void *b);
static void torus_fetch_begin(torus_fetch_t *f);
static void torus_fetch_did(torus_fetch_t *f, const torus_fetch_bucket_t *b);
static int torus_fetch_write(torus_fetch_t *f);
static int torus_fetch_finish(torus_fetch_t *f);
static int torus_fetch_write_bucket(torus_fetch_t *f,
    torus_fetch_bucket_t *b);
static int torus_fetch_settle(torus_fetch_t *f, torus_fetch_bucket_t *b);
static int torus_fetch_hand_over(torus_fetch_t *f);
static int torus_fetch_collapse(torus_fetch_t *f, torus_fetch_bucket_t *b);
static int torus_fetch_full(torus_fetch_t *f);
static int torus_fetch_fail(torus_fetch_t *f, unsigned status);


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
static size_t
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


/* The first round: interval keys, with values or the resolution buckets. */
static int
torus_fetch_first(torus_fetch_t *f)
{
    size_t                 i, k;
    torus_row_t           *row;
    torus_fetch_bucket_t  *b;

    torus_fetch_begin_round(f);

    for (i = 0; i < f->slice->nbuckets; i++) {
        b = &f->slice->buckets[i];

        if (b->read->schema == NULL) {
            continue;
        }

        row = torus_layout_subkeys(b->read->interval) ? NULL : &b->out.row;

        for (k = 0; k < b->read->spec->nnames; k++) {

            if (torus_fetch_command(f, b, row, k, NULL) != TORUS_OK) {
                return TORUS_ERROR;
            }
        }
    }

    return torus_fetch_more(f);
}


/* The rounds after it: what was found, at most a slice's budget of keys. */
static int
torus_fetch_second(torus_fetch_t *f)
{
    size_t                 left;
    torus_row_t           *row;
    torus_sub_t           *sub;
    torus_fetch_ref_t     *ref;
    torus_fetch_slice_t   *s;
    torus_fetch_bucket_t  *b;

    s = f->slice;

    torus_fetch_begin_round(f);

    left = torus_fetch_budget(f);

    for ( /* void */ ; s->taken < s->nbuckets; s->taken++, s->ref = 0) {
        b = &s->buckets[s->taken];

        if (torus_fetch_refs(f, b) != TORUS_OK) {
            return TORUS_ERROR;
        }

        for ( /* void */ ; s->ref < b->nrefs; s->ref++) {

            if (left-- == 0) {
                return torus_fetch_more(f);
            }

            ref = &b->refs[s->ref];
            row = &b->out.row;

            if (b->subs) {
                sub = b->out.nsubs == 0 ? NULL
                                        : &b->out.subs[b->out.nsubs - 1];

                if (sub == NULL || sub->bucket != ref->bucket) {
                    sub = &b->out.subs[b->out.nsubs++];
                    sub->bucket = ref->bucket;
                    torus_row_init(&sub->row, b->read->schema->type);
                }

                row = &sub->row;
            }

            if (torus_fetch_command(f, b, row, ref->name, &ref->bucket)
                != TORUS_OK)
            {
                return TORUS_ERROR;
            }
        }
    }

    return torus_fetch_more(f);
}


/* In order of time, then of the names: what is merged last is the latest. */
static int
torus_fetch_refs(torus_fetch_t *f, torus_fetch_bucket_t *b)
{
    if (b->sorted || b->nrefs == 0) {
        return TORUS_OK;
    }

    b->sorted = 1;

    qsort(b->refs, b->nrefs, sizeof(torus_fetch_ref_t), torus_fetch_ref_cmp);

    if (b->subs) {
        b->out.subs = torus_arena_calloc(f->slice->arena, b->nrefs,
                                         sizeof(torus_sub_t));
        if (b->out.subs == NULL) {
            return torus_fetch_full(f);
        }
    }

    return TORUS_OK;
}


/* Closes a round: the last MGETs, and whether all of it could be held. */
static int
torus_fetch_more(torus_fetch_t *f)
{
    size_t               i;
    torus_fetch_host_t  *h;

    for (i = 0; i < f->set->nhosts; i++) {
        h = f->slice->hosts[i];

        if (h == NULL) {
            continue;
        }

        if (torus_fetch_flush(f, h) != TORUS_OK) {
            return TORUS_ERROR;
        }

        if (h->bytes.failed) {
            return torus_fetch_full(f);
        }

        f->slice->outstanding += h->ncmds;
    }

    f->stats->rounds += f->slice->outstanding != 0;

    return TORUS_OK;
}


/* One key: the interval key, or with sub that of a resolution bucket. */
static int
torus_fetch_command(torus_fetch_t *f, torus_fetch_bucket_t *b,
    torus_row_t *row, size_t name, const int64_t *sub)
{
    size_t               len;
    torus_str_t          key;
    torus_type_t         type;
    torus_fetch_cell_t   cell;
    torus_fetch_host_t  *h;

    h = torus_fetch_host(f, b->read->schema->host);
    if (h == NULL) {
        return torus_fetch_full(f);
    }

    /* what the last key had in common with this one is there yet */

    if (f->stem != &b->read->stems[name]) {
        f->stem = &b->read->stems[name];
        f->head = torus_layout_head(f->key, *f->stem, b->read->interval);
    }

    len = f->head + torus_number_print_int(f->key + f->head, b->out.bucket);

    if (sub != NULL) {
        len = torus_layout_subkey(f->key, len, *sub);
    }

    key = torus_str(f->key, len);
    type = b->read->schema->type;

    cell.bucket = b;
    cell.row = row;
    cell.name = name;

    if (row == NULL) {
        torus_fetch_value(h, TORUS_SET, key);
        return torus_fetch_expect(f, h, TORUS_FETCH_SUBS, &cell, 1);
    }

    if (b->read->interval->packed) {
        torus_fetch_value(h, type, key);
        return torus_fetch_expect(f, h, TORUS_FETCH_PACKED, &cell, 1);
    }

    if (type == TORUS_COUNT || type == TORUS_GAUGE) {
        return torus_fetch_number(f, h, &cell, key);
    }

    torus_fetch_value(h, type, key);

    return torus_fetch_expect(f, h, TORUS_FETCH_VALUES, &cell, 1);
}


/* The command that reads a key of this type; of numbers a packed one. */
static int
torus_fetch_value(torus_fetch_host_t *h, torus_type_t type, torus_str_t key)
{
    switch (type) {

    case TORUS_SERIES:
        torus_redis_head(&h->bytes, 4);
        torus_redis_bulk_z(&h->bytes, "LRANGE");
        torus_redis_bulk(&h->bytes, key);
        torus_redis_bulk_z(&h->bytes, "0");
        return torus_redis_bulk_z(&h->bytes, "-1");

    case TORUS_HISTOGRAM:
    case TORUS_COUNT:
    case TORUS_GAUGE:
        torus_redis_head(&h->bytes, 2);
        torus_redis_bulk_z(&h->bytes, "HGETALL");
        return torus_redis_bulk(&h->bytes, key);

    default: /* TORUS_SET */
        torus_redis_head(&h->bytes, 2);
        torus_redis_bulk_z(&h->bytes, "SMEMBERS");
        return torus_redis_bulk(&h->bytes, key);
    }
}


static int
torus_fetch_number(torus_fetch_t *f, torus_fetch_host_t *h,
    const torus_fetch_cell_t *cell, torus_str_t key)
{
    torus_redis_bulk(&h->mget, key);

    h->waiting[h->nwaiting++] = *cell;

    return h->nwaiting == TORUS_FETCH_MGET ? torus_fetch_flush(f, h)
                                           : TORUS_OK;
}


static int
torus_fetch_flush(torus_fetch_t *f, torus_fetch_host_t *h)
{
    size_t  n;

    n = h->nwaiting;

    if (n == 0) {
        return TORUS_OK;
    }

    if (h->mget.failed) {
        return torus_fetch_full(f);
    }

    torus_redis_head(&h->bytes, n + 1);
    torus_redis_bulk_z(&h->bytes, "MGET");
    torus_buf_add(&h->bytes, h->mget.pos, torus_buf_len(&h->mget));

    torus_buf_reset(&h->mget, TORUS_FETCH_KEEP);
    h->nwaiting = 0;

    return torus_fetch_expect(f, h, TORUS_FETCH_NUMBERS, h->waiting, n);
}


/* A reply to come, for n cells.  What was outgrown goes with the slice. */
static int
torus_fetch_expect(torus_fetch_t *f, torus_fetch_host_t *h,
    torus_fetch_kind_t kind, const torus_fetch_cell_t *cells, size_t n)
{
    size_t               size;
    torus_fetch_cmd_t   *cmds;
    torus_fetch_cell_t  *grown;

    if (h->cells_size - h->ncells < n) {
        size = 2 * h->cells_size + TORUS_FETCH_MGET;

        grown = torus_arena_alloc(f->slice->arena,
                                  size * sizeof(torus_fetch_cell_t));
        if (grown == NULL) {
            return torus_fetch_full(f);
        }

        if (h->ncells != 0) {
            memcpy(grown, h->cells, h->ncells * sizeof(torus_fetch_cell_t));
        }

        h->cells = grown;
        h->cells_size = size;
    }

    if (h->ncmds == h->cmds_size) {
        size = 2 * h->cmds_size + 16;

        cmds = torus_arena_alloc(f->slice->arena,
                                 size * sizeof(torus_fetch_cmd_t));
        if (cmds == NULL) {
            return torus_fetch_full(f);
        }

        if (h->ncmds != 0) {
            memcpy(cmds, h->cmds, h->ncmds * sizeof(torus_fetch_cmd_t));
        }

        h->cmds = cmds;
        h->cmds_size = size;
    }

    memcpy(&h->cells[h->ncells], cells, n * sizeof(torus_fetch_cell_t));
    h->ncells += n;

    h->cmds[h->ncmds].kind = kind;
    h->cmds[h->ncmds].ncells = n;
    h->ncmds++;

    return TORUS_OK;
}


static torus_fetch_host_t *
torus_fetch_host(torus_fetch_t *f, const torus_host_t *host)
{
    torus_fetch_host_t  *h;

    h = f->slice->hosts[host->index];

    if (h == NULL) {
        h = torus_arena_calloc(f->whole, 1, sizeof(torus_fetch_host_t));
        if (h == NULL) {
            return NULL;
        }

        torus_buf_init_on(&h->bytes, f->limits->account);
        torus_buf_init_on(&h->mget, f->limits->account);

        f->slice->hosts[host->index] = h;
    }

    return h;
}


static void
torus_fetch_begin_round(torus_fetch_t *f)
{
    size_t               i;
    torus_fetch_host_t  *h;

    f->slice->outstanding = 0;

    for (i = 0; i < f->set->nhosts; i++) {
        h = f->slice->hosts[i];

        if (h == NULL) {
            continue;
        }

        torus_buf_reset(&h->bytes, TORUS_FETCH_KEEP);

        h->cells = NULL;
        h->ncells = 0;
        h->cells_size = 0;
        h->cell = 0;
        h->cmds = NULL;
        h->ncmds = 0;
        h->cmds_size = 0;
        h->cmd = 0;
        h->sent = 0;
    }
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


/* The reply is the caller's, who cannot wait. */
static int
torus_fetch_hold(torus_fetch_t *f, torus_fetch_kind_t kind,
    const torus_fetch_cell_t *cell, const redisReply *reply)
{
    size_t               i, len;
    char                *text;
    redisReply          *e;
    torus_fetch_held_t  *held;

    held = torus_arena_calloc(f->slice->arena, 1,
                              sizeof(torus_fetch_held_t));
    e = torus_arena_alloc(f->slice->arena,
                          (reply->elements + 1) * sizeof(redisReply));
    if (held == NULL || e == NULL) {
        return torus_fetch_full(f);
    }

    held->kind = kind;
    held->cell = *cell;
    held->reply = *reply;

    held->reply.element = torus_arena_alloc(f->slice->arena,
                                            (reply->elements + 1)
                                            * sizeof(redisReply *));
    if (held->reply.element == NULL) {
        return torus_fetch_full(f);
    }

    for (i = 0, len = 0; i < reply->elements; i++) {
        len += reply->element[i]->len;
    }

    text = torus_arena_alloc(f->slice->arena, len);
    if (text == NULL) {
        return torus_fetch_full(f);
    }

    for (i = 0; i < reply->elements; i++) {
        e[i] = *reply->element[i];
        held->reply.element[i] = &e[i];

        if (e[i].str != NULL && e[i].len != 0) {
            memcpy(text, e[i].str, e[i].len);
            e[i].str = text;
            text += e[i].len;
        }
    }

    if (f->slice->held == NULL) {
        f->slice->held = held;

    } else {
        f->slice->held_last->next = held;
    }

    f->slice->held_last = held;

    return TORUS_OK;
}


/* Takes what is held, piece by piece; TORUS_AGAIN. */
static int
torus_fetch_release(torus_fetch_t *f)
{
    int                  rc;
    redisReply           part;
    torus_fetch_held_t  *held;

    for (held = f->slice->held; held != NULL; held = held->next) {
        f->slice->held = held;

        while (held->i < held->reply.elements) {

            if (torus_work_over(&f->stats->work)) {
                return TORUS_AGAIN;
            }

            part = held->reply;
            part.element += held->i;
            part.elements -= held->i;

            if (part.elements > TORUS_FETCH_PIECE) {
                part.elements = TORUS_FETCH_PIECE;
            }

            held->i += part.elements;
            torus_work_did(&f->stats->work,
                           TORUS_FETCH_VALUE * part.elements);

            rc = held->kind == TORUS_FETCH_PACKED
                 ? torus_fetch_take_packed(f, held->cell.bucket, &part)
                 : torus_fetch_take_values(f, &held->cell, &part);

            if (rc != TORUS_OK) {
                return rc;
            }
        }
    }

    f->slice->held = NULL;

    return TORUS_OK;
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


static int
torus_fetch_take(torus_fetch_t *f, const torus_host_t *host,
    const torus_fetch_cmd_t *cmd, const torus_fetch_cell_t *cells,
    const redisReply *reply)
{
    int     rc;
    size_t  i;

    if (reply->type != REDIS_REPLY_ARRAY
        || (cmd->kind == TORUS_FETCH_NUMBERS
            && reply->elements != cmd->ncells))
    {
        if (torus_batch_error(host, reply, &f->err) == TORUS_DECLINED) {
            f->stats->unreadable += cmd->ncells;
            return TORUS_OK;
        }

        return torus_fetch_fail(f, 503);
    }

    if (cmd->kind == TORUS_FETCH_SUBS) {
        return torus_fetch_take_subs(f, cells->bucket, cells->name, reply);
    }

    if (cmd->kind != TORUS_FETCH_NUMBERS
        && (f->slice->held != NULL || reply->elements > TORUS_FETCH_LARGE))
    {
        return torus_fetch_hold(f, cmd->kind, cells, reply);
    }

    if (cmd->kind == TORUS_FETCH_VALUES) {
        return torus_fetch_take_values(f, cells, reply);
    }

    if (cmd->kind == TORUS_FETCH_PACKED) {
        return torus_fetch_take_packed(f, cells->bucket, reply);
    }

    rc = TORUS_OK;

    for (i = 0; rc == TORUS_OK && i < cmd->ncells; i++) {
        rc = torus_fetch_take_value(f, &cells[i], reply->element[i], NULL);
    }

    return rc;
}


static int
torus_fetch_take_subs(torus_fetch_t *f, torus_fetch_bucket_t *b, size_t name,
    const redisReply *reply)
{
    size_t   i;
    int64_t  n;

    for (i = 0; i < reply->elements; i++) {

        if (torus_fetch_number_of(reply->element[i], &n) != TORUS_OK
            || !torus_fetch_within(b, n))
        {
            f->stats->unreadable++;
            continue;
        }

        if (!torus_fetch_wanted(b->read, n)) {
            continue;
        }

        if (torus_fetch_ref(f, b, n, name) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_fetch_wanted(const torus_read_t *read, int64_t sub)
{
    int64_t  start;

    if (!read->bounded) {
        return 1;
    }

    start = torus_step_start(&read->interval->resolution, sub);

    return start >= read->from && start <= read->until;
}


/* A bucket number, written as we write it: others would be read twice. */
static int
torus_fetch_number_of(const redisReply *e, int64_t *n)
{
    size_t         len;
    torus_str_t    text;
    torus_value_t  v;
    unsigned char  again[TORUS_NUMBER_SIZE];

    if (e->type != REDIS_REPLY_STRING) {
        return TORUS_DECLINED;
    }

    text = torus_str(e->str, (size_t) e->len);

    if (torus_number_parse(text, &v) != TORUS_OK
        || v.kind != TORUS_VALUE_INT)
    {
        return TORUS_DECLINED;
    }

    len = torus_number_print_int(again, v.i);

    if (!torus_str_eq(text, torus_str(again, len))) {
        return TORUS_DECLINED;
    }

    *n = v.i;

    return TORUS_OK;
}


static int
torus_fetch_take_values(torus_fetch_t *f, const torus_fetch_cell_t *cell,
    const redisReply *reply)
{
    int     rc;
    size_t  i;

    rc = TORUS_OK;

    if (cell->row->type != TORUS_HISTOGRAM) {

        for (i = 0; rc == TORUS_OK && i < reply->elements; i++) {
            rc = torus_fetch_take_value(f, cell, reply->element[i], NULL);
        }

        return rc;
    }

    for (i = 0; rc == TORUS_OK && i + 1 < reply->elements; i += 2) {
        rc = torus_fetch_take_value(f, cell, reply->element[i],
                                    reply->element[i + 1]);
    }

    return rc;
}


/* A value, of a histogram with its occurrences; nil is no value. */
static int
torus_fetch_take_value(torus_fetch_t *f, const torus_fetch_cell_t *cell,
    const redisReply *value, const redisReply *n)
{
    torus_str_t  text, times;

    if (value->type == REDIS_REPLY_NIL) {
        return TORUS_OK;
    }

    if (value->type != REDIS_REPLY_STRING
        || (n != NULL && n->type != REDIS_REPLY_STRING))
    {
        f->stats->unreadable++;
        return TORUS_OK;
    }

    text = torus_str(value->str, (size_t) value->len);
    times = n == NULL ? torus_str(NULL, 0) : torus_str(n->str, (size_t) n->len);

    return torus_fetch_row(f, cell->bucket->read->schema, cell->row, text,
                           times);
}


/*
 * What one of the names has in a packed bucket.  Names are answered in their
 * order, so that a row has their values in it, as with a key each.
 */
static int
torus_fetch_take_packed(torus_fetch_t *f, torus_fetch_bucket_t *b,
    const redisReply *reply)
{
    size_t                 i, pair;
    int64_t                place;
    torus_str_t            text, times, *value;
    torus_row_t           *row;
    const redisReply      *e, *n;
    const torus_schema_t  *schema;

    schema = b->read->schema;

    if (reply->elements == 0 || torus_fetch_places(f, b) != TORUS_OK) {
        return f->status == 200 ? TORUS_OK : TORUS_ERROR;
    }

    pair = (schema->type == TORUS_SERIES || schema->type == TORUS_SET) ? 1 : 2;

    /* of a count or gauge all behind the place is the other half */

    value = (schema->type == TORUS_COUNT || schema->type == TORUS_GAUGE)
            ? NULL : &text;

    times = torus_str(NULL, 0);

    for (i = 0; i + pair <= reply->elements; i += pair) {
        e = reply->element[i];
        n = reply->element[i + pair - 1];

        if (e->type != REDIS_REPLY_STRING || n->type != REDIS_REPLY_STRING
            || torus_layout_placed(torus_str(e->str, (size_t) e->len), &place,
                                   value)
               != TORUS_OK
            || place >= b->places)
        {
            f->stats->unreadable++;
            continue;
        }

        if (place < b->low || place >= b->high) {
            continue;
        }

        row = b->out.subs == NULL ? &b->out.row
                                  : &b->out.subs[place - b->low].row;

        if (value == NULL) {
            text = torus_str(n->str, (size_t) n->len);

        } else if (pair == 2) {
            times = torus_str(n->str, (size_t) n->len);
        }

        if (torus_fetch_row(f, schema, row, text, times) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* With the first reply that holds something: rows for what is wanted. */
static int
torus_fetch_places(torus_fetch_t *f, torus_fetch_bucket_t *b)
{
    int64_t                i, n, sub;
    const torus_step_t    *resolution;
    torus_layout_places_t  places;

    if (b->places != 0) {
        return TORUS_OK;
    }

    torus_layout_places(&places, b->read->interval, b->out.bucket);

    resolution = &b->read->interval->resolution;
    b->places = places.n;
    b->high = places.n;
    sub = places.first;

    /* those that begin in the range: see torus_fetch_wanted() */

    if (b->read->bounded) {
        sub = torus_step_bucket(resolution, b->read->from);

        if (torus_step_start(resolution, sub) < b->read->from) {
            sub = torus_step_next(resolution, sub);
        }

        n = torus_step_count(resolution, places.first, sub) - 1;
        b->low = n < 0 ? 0 : n < places.n ? n : places.n;

        if (n < 0) {
            sub = places.first;
        }

        n = torus_step_count(resolution, places.first,
                             torus_step_bucket(resolution, b->read->until));
        b->high = n < b->low ? b->low : n < places.n ? n : places.n;
    }

    if (b->high == b->low || !torus_fetch_ordered(b)) {
        return TORUS_OK;
    }

    b->out.subs = torus_arena_alloc(f->slice->arena,
                                    (size_t) (b->high - b->low)
                                    * sizeof(torus_sub_t));
    if (b->out.subs == NULL) {
        return torus_fetch_full(f);
    }

    b->out.nsubs = (size_t) (b->high - b->low);

    for (i = 0; i < b->high - b->low; i++) {
        b->out.subs[i].bucket = sub;
        torus_row_init(&b->out.subs[i].row, b->read->schema->type);

        sub = torus_step_next(resolution, sub);
    }

    return TORUS_OK;
}


/* Do values of a packed bucket that are one row have to come in order? */
static int
torus_fetch_ordered(const torus_fetch_bucket_t *b)
{
    return b->subs
           || (b->read->schema->type != TORUS_HISTOGRAM
               && b->read->schema->type != TORUS_SET);
}


static int
torus_fetch_row(torus_fetch_t *f, const torus_schema_t *schema,
    torus_row_t *row, torus_str_t text, torus_str_t times)
{
    int  rc;

    rc = torus_row_read(row, f->slice->arena, schema->read_func, text, times);

    if (rc == TORUS_ERROR) {
        return torus_fetch_full(f);
    }

    if (rc == TORUS_DECLINED) {
        f->stats->unreadable++;
    }

    return TORUS_OK;
}


static int
torus_fetch_ref(torus_fetch_t *f, torus_fetch_bucket_t *b, int64_t bucket,
    size_t name)
{
    size_t              size;
    torus_fetch_ref_t  *refs;

    if (b->nrefs == b->size) {
        size = b->size == 0 ? 16 : 2 * b->size;

        refs = torus_arena_alloc(f->slice->arena,
                                 size * sizeof(torus_fetch_ref_t));
        if (refs == NULL) {
            return torus_fetch_full(f);
        }

        if (b->nrefs != 0) {
            memcpy(refs, b->refs, b->nrefs * sizeof(torus_fetch_ref_t));
        }

        b->refs = refs;
        b->size = size;
    }

    b->refs[b->nrefs].bucket = bucket;
    b->refs[b->nrefs].name = name;
    b->nrefs++;

    return TORUS_OK;
}


/* Does a resolution bucket touch its interval bucket? */
static int
torus_fetch_within(const torus_fetch_bucket_t *b, int64_t sub)
{
    int64_t              from, start;
    const torus_step_t  *step, *resolution;

    step = &b->read->interval->step;
    resolution = &b->read->interval->resolution;

    if (!torus_step_valid(resolution, sub)) {
        return 0;
    }

    from = torus_step_start(step, b->out.bucket);
    start = torus_step_start(resolution, sub);

    return start < from + torus_step_length(step, b->out.bucket)
           && start + torus_step_length(resolution, sub) > from;
}


static int
torus_fetch_ref_cmp(const void *a, const void *b)
{
    const torus_fetch_ref_t  *x = a;
    const torus_fetch_ref_t  *y = b;

    if (x->bucket != y->bucket) {
        return x->bucket < y->bucket ? -1 : 1;
    }

    return (x->name > y->name) - (x->name < y->name);
}


/*
 * Not a byte of the answer before there is data, so that a store which
 * fails at once gives a clean fault.
 */
static void
torus_fetch_begin(torus_fetch_t *f)
{
    if (!f->begun) {
        f->begun = 1;
        torus_answer_begin(&f->answer, f->query, f->out);
    }
}


/* The slice is whole: its buckets go to the answer. */
static int
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


static int
torus_fetch_full(torus_fetch_t *f)
{
    torus_error(&f->err, "the request needs more memory than it may have");

    return torus_fetch_fail(f, 413);
}


static int
torus_fetch_fail(torus_fetch_t *f, unsigned status)
{
    f->status = status;

    return TORUS_ERROR;
}
