/*
 * The buckets that points are in: of each interval of a schema, what comes
 * behind the stem of a key, and when such a key expires.  Two per interval
 * are remembered, since around the start of one, and with late senders,
 * points of two keep alternating.  Internal to torus_store.c.
 */

#ifndef _TORUS_STORE_SLOT_H_INCLUDED_
#define _TORUS_STORE_SLOT_H_INCLUDED_


#include "torus_layout.h"
#include "torus_store.h"


#define TORUS_STORE_SLOTS   2


/*
 * One key of a bucket, or two: text is "<interval>:<bucket>" of len bytes
 * and, where its resolution buckets have keys, ":<resolution bucket>" up to
 * full.  Behind that, in a packed interval, "<place>:" of placed bytes.
 */
typedef struct {
    int64_t                  expire;
    int64_t                  expired;   /* the time from which on it is */
    uint64_t                 hash;      /* of the text up to full */
    uint64_t                 set_hash;  /* .. up to len */
    size_t                   len;
    size_t                   full;
    size_t                   placed;
    uint64_t                 serial;    /* of the text, never 0 */
    int                      single;    /* it is a key and no more */
    unsigned char           *text;
} torus_store_copy_t;


/* The keys of timestamps from start to before end. */
typedef struct {
    int64_t                  start;
    int64_t                  end;
    torus_store_copy_t      *copies;    /* the bucket itself, then rolling */
} torus_store_slot_t;


typedef struct {
    torus_store_slot_t      *recent;
    torus_store_slot_t       slots[TORUS_STORE_SLOTS];
} torus_store_interval_t;


/* Most bytes of such a text. */
#define torus_store_slot_room(iv)  ((iv)->name.len + TORUS_LAYOUT_EXTRA)


/* In the arena; TORUS_OK or TORUS_ERROR. */
int torus_store_interval_init(torus_store_interval_t *si,
    const torus_schema_t *schema, const torus_interval_t *iv,
    torus_arena_t *arena);

/* Makes it that of ts.  Each text in it gets a number, after *serial. */
void torus_store_slot_fill(torus_store_slot_t *slot,
    const torus_schema_t *schema, const torus_interval_t *iv, int64_t ts,
    uint64_t *serial);


/* The slot of ts, filled when it is none of those remembered. */
static inline torus_store_slot_t *
torus_store_slot(torus_store_interval_t *si, const torus_schema_t *schema,
    const torus_interval_t *iv, int64_t ts, uint64_t *serial)
{
    torus_store_slot_t  *slot;

    slot = si->recent;

    if (ts >= slot->start && ts < slot->end) {
        return slot;
    }

    slot = (slot == &si->slots[0]) ? &si->slots[1] : &si->slots[0];
    si->recent = slot;

    if (ts < slot->start || ts >= slot->end) {
        torus_store_slot_fill(slot, schema, iv, ts, serial);
    }

    return slot;
}


#endif /* _TORUS_STORE_SLOT_H_INCLUDED_ */
