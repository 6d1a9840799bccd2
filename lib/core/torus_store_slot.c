/*
 * Buckets as keys see them, computed when a point is the first of one.
 */

#include "torus_store_slot.h"

#include <stdlib.h>


static int torus_store_slot_init(torus_store_slot_t *slot,
    const torus_schema_t *schema, const torus_interval_t *iv,
    torus_arena_t *arena);
static void torus_store_copy_fill(torus_store_copy_t *copy,
    const torus_interval_t *iv, int64_t bucket, int64_t ts, uint64_t serial);


int
torus_store_interval_init(torus_store_interval_t *si,
    const torus_schema_t *schema, const torus_interval_t *iv,
    torus_arena_t *arena)
{
    size_t  i;

    for (i = 0; i < TORUS_STORE_SLOTS; i++) {

        if (torus_store_slot_init(&si->slots[i], schema, iv, arena)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    si->recent = &si->slots[0];

    return TORUS_OK;
}


static int
torus_store_slot_init(torus_store_slot_t *slot, const torus_schema_t *schema,
    const torus_interval_t *iv, torus_arena_t *arena)
{
    size_t          i, n;
    unsigned char  *text;

    n = 1 + (size_t) llabs((long long) schema->rolling);

    slot->copies = torus_arena_calloc(arena, n, sizeof(torus_store_copy_t));
    text = torus_arena_calloc(arena, n, torus_store_slot_room(iv));

    if (slot->copies == NULL || text == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        slot->copies[i].text = text + i * torus_store_slot_room(iv);
    }

    /* no timestamp is within */

    slot->start = 0;
    slot->end = 0;

    return TORUS_OK;
}


/* Copies are made for the farthest bucket first, as kairos does. */
void
torus_store_slot_fill(torus_store_slot_t *slot, const torus_schema_t *schema,
    const torus_interval_t *iv, int64_t ts, uint64_t *serial)
{
    int                  n;
    int64_t              bucket, sub, start, end, other;
    torus_store_copy_t  *copy;

    bucket = torus_step_bucket(&iv->step, ts);

    start = torus_step_start(&iv->step, bucket);
    end = start + torus_step_length(&iv->step, bucket);

    copy = slot->copies;
    torus_store_copy_fill(copy, iv, bucket, ts, ++*serial);

    for (n = schema->rolling; n != 0; n += (n < 0) ? 1 : -1) {
        other = torus_step_add(&iv->step, bucket, n);

        torus_store_copy_fill(++copy, iv, other,
                              torus_step_start(&iv->step, other), ++*serial);
    }

    if (!iv->coarse) {
        sub = torus_step_bucket(&iv->resolution, ts);
        other = torus_step_start(&iv->resolution, sub);

        if (start < other) {
            start = other;
        }

        other += torus_step_length(&iv->resolution, sub);

        if (end > other) {
            end = other;
        }
    }

    slot->start = start;
    slot->end = end;
}


static void
torus_store_copy_fill(torus_store_copy_t *copy, const torus_interval_t *iv,
    int64_t bucket, int64_t ts, uint64_t serial)
{
    size_t   n;
    int64_t  sub;

    copy->len = torus_layout_key(copy->text, torus_str("", 0), iv, bucket);
    copy->full = copy->len;
    copy->placed = 0;

    sub = torus_step_bucket(&iv->resolution, ts);

    if (torus_layout_subkeys(iv)) {
        copy->full = torus_layout_subkey(copy->text, copy->len, sub);

    } else if (!iv->coarse) {
        n = torus_layout_place(copy->text + copy->full, iv, bucket, sub);

        copy->text[copy->full + n] = ':';
        copy->placed = n + 1;
    }

    copy->serial = serial;
    copy->single = iv->coarse;

    copy->hash = torus_hash(copy->text, copy->full, 0);
    copy->set_hash = torus_hash(copy->text, copy->len, 0);

    copy->expire = torus_interval_expire(iv, bucket);
    copy->expired = INT64_MAX;

    if (iv->steps > 0) {
        copy->expired = torus_step_start(&iv->step,
                                         torus_step_add(&iv->step, bucket,
                                                        iv->steps));
    }
}
