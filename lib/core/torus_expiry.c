/*
 * A set-associative table: a key has one group of four entries, the oldest
 * of which makes room.  It grows by doubling until max, so that a worker with
 * few keys holds little.  Out of memory is no fault here: the table stays as
 * it is.
 */

#include "torus_expiry.h"

#include <stdlib.h>


#define TORUS_EXPIRY_WAYS  4
#define TORUS_EXPIRY_MIN   1024


static torus_expiry_entry_t *torus_expiry_find(const torus_expiry_t *e,
    uint64_t hash);
static torus_expiry_entry_t *torus_expiry_place(torus_expiry_t *e,
    uint64_t hash);
static void torus_expiry_grow(torus_expiry_t *e);
static torus_expiry_entry_t *torus_expiry_group(const torus_expiry_t *e,
    uint64_t hash);


void
torus_expiry_init(torus_expiry_t *e, size_t max)
{
    memset(e, 0, sizeof(torus_expiry_t));

    while (max & (max - 1)) {
        max &= max - 1;
    }

    e->max = (max < TORUS_EXPIRY_WAYS) ? 0 : max;
    e->generation = 1;
    e->turn = 1;
}


void
torus_expiry_free(torus_expiry_t *e)
{
    free(e->entries);
    memset(e, 0, sizeof(torus_expiry_t));
}


int
torus_expiry_known(const torus_expiry_t *e, uint64_t hash, uint64_t now)
{
    int                          known;
    size_t                       i;
    uint32_t                     seconds, span;
    const torus_expiry_entry_t  *entry;

    seconds = (uint32_t) (now / 1000);
    span = (uint32_t) (TORUS_EXPIRY_REPEAT / 1000);

    if (e->size == 0) {
        return 0;
    }

    entry = torus_expiry_group(e, hash);
    known = 0;

    /*
     * No branch says which of them it is: the entries are seldom in a cache,
     * and what follows need not wait for them as long as the answer is the
     * usual one.
     */

    for (i = 0; i < TORUS_EXPIRY_WAYS; i++) {
        known |= (entry[i].hash == hash)
                 & (entry[i].generation == e->generation)
                 & (seconds - entry[i].sent < span);
    }

    return known;
}


void
torus_expiry_sent(torus_expiry_t *e, uint64_t hash, uint64_t now)
{
    torus_expiry_entry_t  *entry;

    if (e->used >= e->size / 2 && e->size < e->max) {
        torus_expiry_grow(e);
    }

    if (e->size == 0) {
        return;
    }

    entry = torus_expiry_find(e, hash);

    if (entry == NULL) {
        entry = torus_expiry_place(e, hash);
    }

    entry->hash = hash;
    entry->sent = (uint32_t) (now / 1000);
    entry->generation = e->generation;
}


void
torus_expiry_forget(torus_expiry_t *e, uint64_t hash)
{
    torus_expiry_entry_t  *entry;

    entry = torus_expiry_find(e, hash);

    if (entry != NULL) {
        entry->generation = 0;
        e->used--;
    }
}


void
torus_expiry_turn(torus_expiry_t *e)
{
    e->turn++;

    if (e->turn == 0) {
        e->turn = 1;
    }
}


void
torus_expiry_reset(torus_expiry_t *e)
{
    torus_expiry_turn(e);

    e->used = 0;
    e->generation++;

    if (e->generation == 0) {
        if (e->size != 0) {
            memset(e->entries, 0, e->size * sizeof(torus_expiry_entry_t));
        }

        e->generation = 1;
    }
}


static torus_expiry_entry_t *
torus_expiry_find(const torus_expiry_t *e, uint64_t hash)
{
    size_t                 i;
    torus_expiry_entry_t  *group;

    if (e->size == 0) {
        return NULL;
    }

    group = torus_expiry_group(e, hash);

    for (i = 0; i < TORUS_EXPIRY_WAYS; i++) {
        if (group[i].hash == hash && group[i].generation == e->generation) {
            return &group[i];
        }
    }

    return NULL;
}


/* A free entry of the group, else the oldest. */
static torus_expiry_entry_t *
torus_expiry_place(torus_expiry_t *e, uint64_t hash)
{
    size_t                 i;
    torus_expiry_entry_t  *group, *oldest;

    group = torus_expiry_group(e, hash);
    oldest = group;

    for (i = 0; i < TORUS_EXPIRY_WAYS; i++) {
        if (group[i].generation != e->generation) {
            e->used++;
            return &group[i];
        }

        if ((int32_t) (group[i].sent - oldest->sent) < 0) {
            oldest = &group[i];
        }
    }

    return oldest;
}


static void
torus_expiry_grow(torus_expiry_t *e)
{
    size_t                 i, size;
    torus_expiry_t         bigger;
    torus_expiry_entry_t  *entry;

    bigger = *e;
    bigger.used = 0;
    bigger.size = (e->size == 0) ? TORUS_EXPIRY_MIN : e->size * 2;

    if (bigger.size > e->max) {
        bigger.size = e->max;
    }

    /* a group lies within one cache line */

    size = bigger.size * sizeof(torus_expiry_entry_t);

    bigger.entries = aligned_alloc(TORUS_EXPIRY_WAYS
                                   * sizeof(torus_expiry_entry_t), size);
    if (bigger.entries == NULL) {
        return;
    }

    memset(bigger.entries, 0, size);

    for (i = 0; i < e->size; i++) {
        if (e->entries[i].generation == e->generation) {
            entry = torus_expiry_place(&bigger, e->entries[i].hash);
            *entry = e->entries[i];
        }
    }

    free(e->entries);
    *e = bigger;
}


static torus_expiry_entry_t *
torus_expiry_group(const torus_expiry_t *e, uint64_t hash)
{
    return e->entries + (hash & (e->size - 1) & ~(size_t) 3);
}
