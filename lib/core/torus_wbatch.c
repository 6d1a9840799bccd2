/*
 * Memory, records and bytes of batches.  Chunks go back to a short list of
 * free ones, so that in steady state nothing is asked from malloc().
 */

#include "torus_redis.h"
#include "torus_wbatch.h"

#include <stdlib.h>


/*
 * Longest fixed part of a command: heads, lengths, numbers and newlines, and
 * what is copied beyond the end of short ones.
 */
#define TORUS_RECORD_EXTRA  128
#define TORUS_ITEM_EXTRA    32



#define torus_command(many, head)  { head, sizeof(head) - 1, many }


static torus_chunk_t *torus_chunk_get(torus_chunks_t *c, size_t size);
static void torus_chunk_put(torus_chunks_t *c, torus_chunk_t *chunk);
static size_t torus_record_bytes(const torus_record_t *r);
static size_t torus_record_argc(const torus_record_t *r);
static unsigned char *torus_record_encode(const torus_record_t *r,
    unsigned char *p);
static unsigned char *torus_record_encode_args(const torus_record_t *r,
    unsigned char *p);
static unsigned char *torus_record_encode_scores(const torus_record_t *r,
    unsigned char *p);
static unsigned char *torus_record_expireat(const torus_record_t *r,
    unsigned char *p);
static inline unsigned char *torus_record_put_int(unsigned char *p, int64_t n);
static int torus_index_grow(torus_index_t *ix);
static void torus_index_split(torus_index_t *ix, torus_head_t *low,
    torus_head_t *high, size_t bit);


/* In the order of torus_op_kind_t, then those of this file. */
const torus_command_t  torus_commands[] = {
    torus_command(0, "*3\r\n$6\r\nINCRBY\r\n"),
    torus_command(0, "*3\r\n$11\r\nINCRBYFLOAT\r\n"),
    torus_command(0, "*4\r\n$7\r\nHINCRBY\r\n"),
    torus_command(1, "\r\n$5\r\nRPUSH\r\n"),
    torus_command(1, "\r\n$4\r\nSADD\r\n"),
    torus_command(1, "\r\n$3\r\nSET\r\n"),
    torus_command(0, "*4\r\n$7\r\nHINCRBY\r\n"),
    torus_command(0, "*4\r\n$12\r\nHINCRBYFLOAT\r\n"),
    torus_command(0, "*4\r\n$4\r\nHSET\r\n"),
    torus_command(1, "\r\n$4\r\nZADD\r\n"),
    torus_command(0, "*4\r\n$16\r\nZREMRANGEBYSCORE\r\n"),
    torus_command(0, "*3\r\n$8\r\nEXPIREAT\r\n"),
    torus_command(0, "*2\r\n$3\r\nGET\r\n"),
    torus_command(0, "*3\r\n$4\r\nHGET\r\n")
};


void
torus_chunks_free(torus_chunks_t *c)
{
    torus_chunk_t  *chunk;

    while (c->free != NULL) {
        chunk = c->free;
        c->free = chunk->next;
        free(chunk);
    }

    c->nfree = 0;
}


static torus_chunk_t *
torus_chunk_get(torus_chunks_t *c, size_t size)
{
    torus_chunk_t  *chunk;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    size += sizeof(torus_chunk_t);

    if (size <= TORUS_CHUNK_SIZE && c->free != NULL) {
        chunk = c->free;
        c->free = chunk->next;
        c->nfree--;

    } else {
        if (size < TORUS_CHUNK_SIZE) {
            size = TORUS_CHUNK_SIZE;
        }

        chunk = malloc(size);
        if (chunk == NULL) {
            return NULL;
        }

        chunk->size = size;
    }

    chunk->used = sizeof(torus_chunk_t);
    c->bytes += chunk->size;

    return chunk;
}


static void
torus_chunk_put(torus_chunks_t *c, torus_chunk_t *chunk)
{
    c->bytes -= chunk->size;

    if (chunk->size != TORUS_CHUNK_SIZE || c->nfree >= TORUS_CHUNKS_KEPT) {
        free(chunk);
        return;
    }

    chunk->next = c->free;
    c->free = chunk;
    c->nfree++;
}


torus_wbatch_t *
torus_wbatch_create(torus_chunks_t *c, uint64_t birth)
{
    torus_chunk_t   *chunk;
    torus_wbatch_t  *b;

    chunk = torus_chunk_get(c, sizeof(torus_wbatch_t));
    if (chunk == NULL) {
        return NULL;
    }

    b = (torus_wbatch_t *) ((unsigned char *) chunk + chunk->used);
    chunk->used += sizeof(torus_wbatch_t);
    chunk->next = NULL;

    memset(b, 0, sizeof(torus_wbatch_t));

    b->chunks = chunk;
    b->birth = birth;
    b->origin = birth;

    return b;
}


/* The batch itself is in the last of its chunks. */
void
torus_wbatch_release(torus_chunks_t *c, torus_wbatch_t *b)
{
    torus_chunk_t  *chunk, *next;

    for (chunk = b->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        torus_chunk_put(c, chunk);
    }
}


/* Not as part of torus_wbatch_alloc(), which is hot. */
torus_chunk_t *
torus_wbatch_more(torus_chunks_t *c, torus_wbatch_t *b, size_t size)
{
    torus_chunk_t  *chunk;

    chunk = torus_chunk_get(c, size);

    if (chunk != NULL) {
        chunk->next = b->chunks;
        b->chunks = chunk;
    }

    return chunk;
}


torus_item_t *
torus_record_add(torus_chunks_t *c, torus_record_t *r, torus_str_t arg)
{
    torus_item_t  *item;

    if (arg.len > SIZE_MAX / 16) {
        return NULL;
    }

    item = torus_wbatch_alloc(c, r->batch, sizeof(torus_item_t) + arg.len);
    if (item == NULL) {
        return NULL;
    }

    item->next = NULL;
    item->len = arg.len;
    (void) torus_redis_put(torus_item_data(item), arg);

    if (r->last == NULL) {
        r->items = item;

    } else {
        r->last->next = item;
    }

    r->last = item;
    r->nitems++;

    return item;
}


/* Room is doubled, so that a value that keeps growing wastes little. */
int
torus_record_set(torus_chunks_t *c, torus_record_t *r, torus_str_t arg)
{
    unsigned char  *p;

    if (arg.len > r->arg_size) {

        if (arg.len > SIZE_MAX / 16) {
            return TORUS_ERROR;
        }

        p = torus_wbatch_alloc(c, r->batch, arg.len * 2);
        if (p == NULL) {
            return TORUS_ERROR;
        }

        r->arg = p;
        r->arg_size = arg.len * 2;
    }

    (void) torus_redis_put(r->arg, arg);
    r->arg_len = arg.len;

    return TORUS_OK;
}


int
torus_wbatch_encode(torus_wbatch_t *b, torus_buf_t *out)
{
    size_t           bytes;
    torus_record_t  *r;

    if (out->failed) {
        return TORUS_ERROR;
    }

    b->commands = 0;

    for (r = b->records; r != NULL; r = r->next) {

        if (r->done) {
            continue;
        }

        r->result = TORUS_RESULT_NONE;
        r->expiry_failed = 0;

        bytes = torus_record_bytes(r);

        if (bytes > (size_t) (out->end - out->last)
            && torus_buf_reserve(out, bytes) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        out->last = torus_record_encode(r, out->last);
        b->commands++;

        if (r->expireat) {
            out->last = torus_record_expireat(r, out->last);
            b->commands++;
        }
    }

    return TORUS_OK;
}


/* The most that it takes, with an EXPIREAT and with scores. */
static size_t
torus_record_bytes(const torus_record_t *r)
{
    size_t               n;
    const torus_item_t  *item;

    n = 2 * (r->bulk_len + TORUS_RECORD_EXTRA) + r->node.arg.len + r->arg_len;

    for (item = r->items; item != NULL; item = item->next) {
        n += item->len + 2 * TORUS_ITEM_EXTRA;
    }

    return n;
}


/* Of those whose number of arguments varies. */
static size_t
torus_record_argc(const torus_record_t *r)
{
    if (r->kind == TORUS_OP_SET) {
        return (r->expire != 0) ? 5 : 3;
    }

    if (r->kind == TORUS_OP_ZADD) {
        return 3 + 2 * r->nitems;
    }

    return 2 + r->nitems;
}


/* The room was reserved by the caller. */
static unsigned char *
torus_record_encode(const torus_record_t *r, unsigned char *p)
{
    const torus_command_t  *command;

    command = &torus_commands[r->kind];

    if (command->many) {
        *p++ = '*';
        p = torus_redis_put_int(p, (int64_t) torus_record_argc(r));
    }

    memcpy(p, command->head, TORUS_COMMAND_HEAD);
    p += command->len;

    memcpy(p, r->bulk, r->bulk_len);
    p += r->bulk_len;

    return torus_record_encode_args(r, p);
}


static unsigned char *
torus_record_encode_args(const torus_record_t *r, unsigned char *p)
{
    torus_str_t          arg, exat = torus_string("$4\r\nEXAT\r\n");
    const torus_item_t  *item;

    /* most are, and a switch of so many cases is a table of jumps */

    if (r->kind == TORUS_OP_INCRBY) {
        return torus_record_put_int(p, r->delta);
    }

    arg = torus_str(r->arg, r->arg_len);

    switch (r->kind) {

    case TORUS_OP_HINCRBY:
    case TORUS_OP_HADD:
        p = torus_redis_put_bulk(p, arg);
        return torus_record_put_int(p, r->delta);

    case TORUS_OP_HADDFLOAT:
    case TORUS_OP_HSET:
        p = torus_redis_put_bulk(p, r->node.arg);
        return torus_redis_put_bulk(p, arg);

    case TORUS_OP_INCRBYFLOAT:
        return torus_redis_put_bulk(p, arg);

    case TORUS_OP_SET:
        p = torus_redis_put_bulk(p, arg);

        if (r->expire != 0) {
            p = torus_redis_put(p, exat);
            p = torus_record_put_int(p, r->expire);
        }

        return p;

    case TORUS_OP_EXPIREAT:
        return torus_record_put_int(p, r->expire);

    case TORUS_OP_GET:
        return p;

    case TORUS_OP_HGET:
        return torus_redis_put_bulk(p, r->node.arg);

    case TORUS_OP_ZADD:
    case TORUS_OP_ZPRUNE:
        return torus_record_encode_scores(r, p);

    default: /* TORUS_OP_RPUSH, TORUS_OP_SADD */

        for (item = r->items; item != NULL; item = item->next) {
            p = torus_redis_put_bulk(p, torus_str(torus_item_data(item),
                                                  item->len));
        }

        return p;
    }
}


/*
 * Scores are times: of any number of writers the latest wins, and a member
 * that one of them has just seen is not taken away by another.
 */
static unsigned char *
torus_record_encode_scores(const torus_record_t *r, unsigned char *p)
{
    torus_str_t          gt = torus_string("$2\r\nGT\r\n");
    torus_str_t          least = torus_string("$4\r\n-inf\r\n");
    const torus_item_t  *item;

    if (r->kind == TORUS_OP_ZPRUNE) {
        p = torus_redis_put(p, least);
        return torus_record_put_int(p, r->delta - 1);
    }

    p = torus_redis_put(p, gt);

    for (item = r->items; item != NULL; item = item->next) {
        p = torus_record_put_int(p, r->delta);
        p = torus_redis_put_bulk(p, torus_str(torus_item_data(item),
                                              item->len));
    }

    return p;
}


static unsigned char *
torus_record_expireat(const torus_record_t *r, unsigned char *p)
{
    torus_str_t  head = torus_string("*3\r\n$8\r\nEXPIREAT\r\n");

    p = torus_redis_put(p, head);

    memcpy(p, r->bulk, r->bulk_len);

    return torus_record_put_int(p + r->bulk_len, r->expire);
}


static inline unsigned char *
torus_record_put_int(unsigned char *p, int64_t n)
{
    size_t         len;
    unsigned char  text[20];

    if ((uint64_t) n < TORUS_REDIS_SHORT) {
        memcpy(p, torus_redis_numbers[n], 8);

        return p + 7 + (n >= 10);
    }

    len = torus_redis_int(text, n);

    p = torus_redis_put_length(p, len);
    memcpy(p, text, sizeof(text));

    return torus_redis_put_end(p + len);
}


void
torus_fifo_push(torus_fifo_t *f, torus_wbatch_t *b)
{
    b->next = NULL;

    if (f->last == NULL) {
        f->first = b;

    } else {
        f->last->next = b;
    }

    f->last = b;
    f->n++;
}


torus_wbatch_t *
torus_fifo_shift(torus_fifo_t *f)
{
    torus_wbatch_t  *b;

    b = f->first;

    if (b != NULL) {
        f->first = b->next;
        f->n--;

        if (f->first == NULL) {
            f->last = NULL;
        }
    }

    return b;
}


void
torus_fifo_prepend(torus_fifo_t *f, torus_fifo_t *other)
{
    if (other->first == NULL) {
        return;
    }

    other->last->next = f->first;
    f->first = other->first;

    if (f->last == NULL) {
        f->last = other->last;
    }

    f->n += other->n;

    memset(other, 0, sizeof(torus_fifo_t));
}


void
torus_index_free(torus_index_t *ix)
{
    free(ix->heads);
    memset(ix, 0, sizeof(torus_index_t));
}


/* Insertion is at the front of a chain, so births only fall along it. */
torus_node_t *
torus_index_find(const torus_index_t *ix, uint64_t hash, unsigned kind,
    torus_str_t key, torus_str_t arg)
{
    uint64_t             birth;
    torus_node_t        *node;
    const torus_head_t  *head;

    if (ix->size == 0) {
        return NULL;
    }

    head = &ix->heads[hash & (ix->size - 1)];
    node = head->node;
    birth = head->birth;

    while (node != NULL && birth >= ix->first) {

        if (node->hash == hash
            && node->record->kind == kind
            && (node->arg.data == NULL) == (arg.data == NULL)
            && torus_str_eq(node->record->key, key)
            && torus_str_eq(node->arg, arg))
        {
            return node;
        }

        birth = node->birth;
        node = node->chain;
    }

    return NULL;
}


int
torus_index_insert(torus_index_t *ix, torus_node_t *node)
{
    torus_head_t  *head;

    if (ix->live >= ix->size && torus_index_grow(ix) != TORUS_OK) {

        /* longer chains do no harm, no table at all does */

        if (ix->size == 0) {
            return TORUS_ERROR;
        }
    }

    head = &ix->heads[node->hash & (ix->size - 1)];

    node->chain = head->node;
    node->birth = head->birth;

    head->node = node;
    head->birth = node->record->batch->birth;

    ix->live++;
    node->record->batch->nodes++;

    return TORUS_OK;
}


void
torus_index_forget(torus_index_t *ix, uint64_t birth, size_t nodes)
{
    if (birth >= ix->first) {
        ix->first = birth + 1;
    }

    ix->live -= (nodes > ix->live) ? ix->live : nodes;
}


void
torus_index_clear(torus_index_t *ix)
{
    if (ix->live != 0) {
        memset(ix->heads, 0, ix->size * sizeof(torus_head_t));
        ix->live = 0;
    }
}


static int
torus_index_grow(torus_index_t *ix)
{
    size_t         i, size;
    torus_head_t  *heads;

    size = (ix->size == 0) ? 1024 : ix->size * 2;

    heads = realloc(ix->heads, size * sizeof(torus_head_t));
    if (heads == NULL) {
        return TORUS_ERROR;
    }

    memset(heads + ix->size, 0, (size - ix->size) * sizeof(torus_head_t));

    ix->heads = heads;

    for (i = 0; i < ix->size; i++) {
        torus_index_split(ix, &heads[i], &heads[i + ix->size], ix->size);
    }

    ix->size = size;

    return TORUS_OK;
}


/* Deals the living nodes of a chain out to two, in the same order. */
static void
torus_index_split(torus_index_t *ix, torus_head_t *low, torus_head_t *high,
    size_t bit)
{
    uint64_t        birth, next_birth, *births[2];
    unsigned        side;
    torus_node_t   *node, *next, **ends[2];

    node = low->node;
    birth = low->birth;

    ends[0] = &low->node;
    ends[1] = &high->node;
    births[0] = &low->birth;
    births[1] = &high->birth;

    while (node != NULL && birth >= ix->first) {
        next = node->chain;
        next_birth = node->birth;

        side = (node->hash & bit) != 0;

        *ends[side] = node;
        *births[side] = birth;
        ends[side] = &node->chain;
        births[side] = &node->birth;

        node = next;
        birth = next_birth;
    }

    *ends[0] = NULL;
    *ends[1] = NULL;
}
