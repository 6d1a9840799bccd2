/*
 * A FIFO of keys in chunks, and a table of their hashes.  Chunks that were
 * emptied are used again, so that in steady state malloc() is not asked.
 */

#include "torus_unsure.h"

#include <stdlib.h>


#define TORUS_UNSURE_CHUNK  16384
#define TORUS_UNSURE_SPARE  64
#define TORUS_UNSURE_TABLE  256


struct torus_unsure_chunk_s {
    torus_unsure_chunk_t  *next;
    size_t                 size;      /* of all of it */
    size_t                 start;     /* of the oldest key */
    size_t                 end;
};


static void *torus_unsure_alloc(torus_unsure_t *u, size_t size);
static torus_unsure_chunk_t *torus_unsure_chunk(torus_unsure_t *u,
    size_t size);
static void torus_unsure_release(torus_unsure_t *u, torus_unsure_chunk_t *c);
static int torus_unsure_grow(torus_unsure_t *u);
static size_t torus_unsure_find(const torus_unsure_t *u, uint64_t hash);
static void torus_unsure_remove(torus_unsure_t *u, uint64_t hash);
static size_t torus_unsure_round(size_t len);


/* 0 says that a place is free. */
#define torus_unsure_hash(hash)  ((hash) == 0 ? 1 : (hash))


void
torus_unsure_free(torus_unsure_t *u)
{
    torus_unsure_chunk_t  *c;

    while (u->first != NULL) {
        c = u->first;
        u->first = c->next;
        free(c);
    }

    while (u->spare != NULL) {
        c = u->spare;
        u->spare = c->next;
        free(c);
    }

    free(u->hashes);
    memset(u, 0, sizeof(torus_unsure_t));
}


int
torus_unsure_add(torus_unsure_t *u, torus_str_t key, uint64_t hash,
    int64_t expire, void *data, uint64_t now)
{
    size_t               place;
    torus_unsure_key_t  *k;

    hash = torus_unsure_hash(hash);

    if (u->n >= u->size / 2 && torus_unsure_grow(u) != TORUS_OK) {
        return TORUS_AGAIN;
    }

    place = torus_unsure_find(u, hash);

    if (u->hashes[place] == hash) {
        return TORUS_OK;
    }

    k = torus_unsure_alloc(u, torus_unsure_round(key.len));
    if (k == NULL) {
        return TORUS_AGAIN;
    }

    k->hash = hash;
    k->expire = expire;
    k->since = now;
    k->data = data;
    k->len = key.len;

    if (key.len != 0) {
        memcpy(k + 1, key.data, key.len);
    }

    u->hashes[place] = hash;
    u->n++;
    u->added++;

    return TORUS_OK;
}


const torus_unsure_key_t *
torus_unsure_first(const torus_unsure_t *u)
{
    torus_unsure_chunk_t  *c;

    c = u->first;

    if (c == NULL) {
        return NULL;
    }

    return (torus_unsure_key_t *) ((unsigned char *) c + c->start);
}


void
torus_unsure_shift(torus_unsure_t *u)
{
    torus_unsure_chunk_t      *c;
    const torus_unsure_key_t  *k;

    k = torus_unsure_first(u);

    if (k == NULL) {
        return;
    }

    torus_unsure_remove(u, k->hash);
    u->n--;

    c = u->first;
    c->start += torus_unsure_round(k->len);

    if (c->start < c->end) {
        return;
    }

    u->first = c->next;

    if (u->first == NULL) {
        u->last = NULL;
    }

    torus_unsure_release(u, c);
}


/* NULL: no room, or no memory. */
static void *
torus_unsure_alloc(torus_unsure_t *u, size_t size)
{
    torus_unsure_chunk_t  *c;

    c = u->last;

    if (c == NULL || size > c->size - c->end) {

        c = torus_unsure_chunk(u, size);
        if (c == NULL) {
            return NULL;
        }

        if (u->last == NULL) {
            u->first = c;

        } else {
            u->last->next = c;
        }

        u->last = c;
    }

    c->end += size;

    return (unsigned char *) c + c->end - size;
}


static torus_unsure_chunk_t *
torus_unsure_chunk(torus_unsure_t *u, size_t size)
{
    torus_unsure_chunk_t  *c;

    size += sizeof(torus_unsure_chunk_t);

    if (size < TORUS_UNSURE_CHUNK) {
        size = TORUS_UNSURE_CHUNK;
    }

    if (u->bytes > u->max || size > u->max - u->bytes) {
        return NULL;
    }

    if (size == TORUS_UNSURE_CHUNK && u->spare != NULL) {
        c = u->spare;
        u->spare = c->next;
        u->nspare--;

    } else {
        c = malloc(size);
        if (c == NULL) {
            return NULL;
        }

        c->size = size;
    }

    c->next = NULL;
    c->start = sizeof(torus_unsure_chunk_t);
    c->end = c->start;
    u->bytes += size;

    return c;
}


static void
torus_unsure_release(torus_unsure_t *u, torus_unsure_chunk_t *c)
{
    u->bytes -= c->size;

    if (c->size != TORUS_UNSURE_CHUNK || u->nspare >= TORUS_UNSURE_SPARE) {
        free(c);
        return;
    }

    c->next = u->spare;
    u->spare = c;
    u->nspare++;
}


/* Half of the table stays free; the old one is needed until then. */
static int
torus_unsure_grow(torus_unsure_t *u)
{
    size_t           i, bytes;
    torus_unsure_t   bigger;

    bigger = *u;
    bigger.size = (u->size == 0) ? TORUS_UNSURE_TABLE : u->size * 2;
    bytes = (bigger.size - u->size) * sizeof(uint64_t);

    if (u->bytes > u->max || bytes > u->max - u->bytes) {
        return TORUS_ERROR;
    }

    bigger.hashes = calloc(bigger.size, sizeof(uint64_t));
    if (bigger.hashes == NULL) {
        return TORUS_ERROR;
    }

    bigger.bytes += bytes;

    for (i = 0; i < u->size; i++) {
        if (u->hashes[i] != 0) {
            bigger.hashes[torus_unsure_find(&bigger, u->hashes[i])]
                = u->hashes[i];
        }
    }

    free(u->hashes);
    *u = bigger;

    return TORUS_OK;
}


/* Where it is, or would be. */
static size_t
torus_unsure_find(const torus_unsure_t *u, uint64_t hash)
{
    size_t  i;

    i = hash & (u->size - 1);

    while (u->hashes[i] != 0 && u->hashes[i] != hash) {
        i = (i + 1) & (u->size - 1);
    }

    return i;
}


/* What stands behind it moves up, unless it would leave its own run. */
static void
torus_unsure_remove(torus_unsure_t *u, uint64_t hash)
{
    size_t  i, gap, home, mask;

    mask = u->size - 1;
    gap = torus_unsure_find(u, hash);

    if (u->hashes[gap] == 0) {
        return;
    }

    for (i = (gap + 1) & mask; u->hashes[i] != 0; i = (i + 1) & mask) {
        home = u->hashes[i] & mask;

        if (((i - home) & mask) >= ((i - gap) & mask)) {
            u->hashes[gap] = u->hashes[i];
            gap = i;
        }
    }

    u->hashes[gap] = 0;
}


static size_t
torus_unsure_round(size_t len)
{
    return (sizeof(torus_unsure_key_t) + len + sizeof(void *) - 1)
           & ~(sizeof(void *) - 1);
}
