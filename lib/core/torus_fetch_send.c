/*
 * A round of a slice: its buckets become keys, and keys become commands, one
 * batch for each host.
 */

#include "torus_fetch_state.h"
#include "torus_layout.h"
#include "torus_redis.h"

#include <stdlib.h>


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
static void torus_fetch_begin_round(torus_fetch_t *f);
static int torus_fetch_ref_cmp(const void *a, const void *b);


/* The first round: interval keys, with values or the resolution buckets. */
int
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
int
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
