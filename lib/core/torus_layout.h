/*
 * The kairos layout: where a bucket lives in Redis.  The only place that
 * composes and takes apart keys; byte-compatible with kairos 0.10.
 *
 *   interval key    <prefix><stat>:<interval>:<bucket>
 *   value           there when the interval is coarse; else the interval key
 *                   is a SET of resolution buckets, and values live in
 *                   <interval key>:<resolution bucket>
 *
 * per type: series a list, histogram a hash of value -> occurrences, count
 * and gauge a string, set a set.
 */

#ifndef _TORUS_LAYOUT_H_INCLUDED_
#define _TORUS_LAYOUT_H_INCLUDED_


#include "torus_schema.h"


/* Most bytes that a key is longer than stem and interval name together. */
#define TORUS_LAYOUT_EXTRA  (2 * TORUS_NUMBER_SIZE + 2)


/*
 * Writes the interval key of a bucket and returns its length.  stem is
 * "<prefix><stat>:"; dst has stem.len + iv->name.len + TORUS_LAYOUT_EXTRA.
 */
size_t torus_layout_key(unsigned char *dst, torus_str_t stem,
    const torus_interval_t *iv, int64_t bucket);

/* Appends ":<resolution bucket>" to a key of len bytes; the new length. */
size_t torus_layout_subkey(unsigned char *dst, size_t len, int64_t bucket);


typedef struct {
    torus_str_t              stat;        /* points into the key */
    const torus_interval_t  *interval;
    int64_t                  bucket;
    int64_t                  sub;         /* resolution bucket */
    unsigned                 has_sub:1;
} torus_layout_key_t;


/*
 * Reads a key from its right end: TORUS_OK when it is a key that this schema
 * writes (prefix, interval, bucket numbers possible; its patterns are not
 * asked), else TORUS_DECLINED.  A stat may hold colons.  Our bookkeeping
 * keys ("torus:...") are never a schema's.
 */
int torus_layout_parse(const torus_schema_t *schema, torus_str_t key,
    torus_layout_key_t *parsed);

/*
 * A SCAN pattern for all keys of a stat, or with a null stat of a schema;
 * glob characters in names are escaped.  In the arena.
 */
int torus_layout_scan(const torus_schema_t *schema, torus_str_t stat,
    torus_arena_t *arena, torus_str_t *pattern);

/* Begins every bookkeeping key of ours. */
#define TORUS_LAYOUT_OWN  "torus:"


#endif /* _TORUS_LAYOUT_H_INCLUDED_ */
