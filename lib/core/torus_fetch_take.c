/*
 * Replies become rows of the slice's buckets.  One that is large is copied,
 * for it is its owner's, and taken piece by piece, when there is time.
 */

#include "torus_fetch_state.h"
#include "torus_layout.h"


#define TORUS_FETCH_VALUE  16       /* operations to take one value */

#ifndef TORUS_FETCH_LARGE           /* a test has its own */
#define TORUS_FETCH_LARGE  1024     /* elements of a reply taken in pieces .. */
#define TORUS_FETCH_PIECE  128      /* .. of so many: an even number */
#endif


static int torus_fetch_hold(torus_fetch_t *f, torus_fetch_kind_t kind,
    const torus_fetch_cell_t *cell, const redisReply *reply);
static int torus_fetch_order(torus_fetch_t *f, torus_fetch_held_t *held,
    size_t more);
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


int
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
torus_fetch_wanted(const torus_read_t *read, int64_t sub)
{
    int64_t  start;

    if (!read->bounded) {
        return 1;
    }

    start = torus_step_start(&read->interval->resolution, sub);

    return start >= read->from && start <= read->until;
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
int
torus_fetch_release(torus_fetch_t *f)
{
    int                  rc;
    redisReply           part;
    torus_fetch_held_t  *held;

    for (held = f->slice->held; held != NULL; held = held->next) {
        f->slice->held = held;

        while (held->i < held->reply.elements) {

            if (torus_fetch_order(f, held, TORUS_FETCH_PIECE) != TORUS_OK
                || torus_work_over(&f->stats->work))
            {
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

        if (torus_fetch_order(f, held, 0) != TORUS_OK) {
            return TORUS_AGAIN;
        }
    }

    f->slice->held = NULL;

    return TORUS_OK;
}


/*
 * A row of many values is put in order before it would be in one go: when it
 * grows, and in the end, so that whoever reads it finds it so.  Those of a
 * packed bucket are not, of which a reply fills several.
 */
static int
torus_fetch_order(torus_fetch_t *f, torus_fetch_held_t *held, size_t more)
{
    torus_row_t  *row;

    row = held->cell.row;

    if (held->kind != TORUS_FETCH_VALUES
        || (held->order.n == 0 && !torus_row_loose(row, more)))
    {
        return TORUS_OK;
    }

    return torus_row_order(row, &held->order, &f->stats->work);
}
