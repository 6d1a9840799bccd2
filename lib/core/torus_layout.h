/*
 * Where a bucket lives in Redis.  The only place that composes and takes
 * apart keys, and what is in the keys of a packed interval.
 *
 * The kairos layout, byte-compatible with kairos 0.10:
 *
 *   interval key    <prefix><stat>:<interval>:<bucket>
 *   value           there when the interval is coarse; else the interval key
 *                   is a SET of resolution buckets, and values live in
 *                   <interval key>:<resolution bucket>
 *
 * per type: series a list, histogram a hash of value -> occurrences, count
 * and gauge a string, set a set.
 *
 * The packed layout, of intervals with a resolution: all of a bucket is in
 * its interval key, and each value says which resolution bucket it is of.
 * That is said by its place among the resolution buckets which touch the
 * interval bucket, from 0 on: a byte or two, where bucket numbers take six
 * of a value's ten, and the row to add to without a search.
 *
 *   count, gauge    a hash of <place> -> number
 *   histogram       a hash of <place>:<value> -> occurrences
 *   series          a list of <place>:<value>
 *   set             a set of <place>:<value>
 *
 * Beside the data there are bookkeeping keys, "torus:..".  The index of
 * names, written by whoever stores points, is a tree for each host, database
 * and prefix, which schemas that have these in common share:
 *
 *   torus:names:<bytes of the prefix>:<prefix><path of a node>
 *
 * with an empty path for the root, is a sorted set of what is below that
 * node: "name" for a stat that ends here, "name." for a node that has more
 * below it.  The score is the time in seconds when a writer last saw it.
 * Tags are not cut: what has a ";" is always the end of a stat.  Where all
 * data expires the keys expire too, some time after it.
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

/* What the keys of all buckets begin with; a bucket's number follows. */
size_t torus_layout_head(unsigned char *dst, torus_str_t stem,
    const torus_interval_t *iv);

/* Appends ":<resolution bucket>" to a key of len bytes; the new length. */
size_t torus_layout_subkey(unsigned char *dst, size_t len, int64_t bucket);


/* Has each resolution bucket a key of its own, listed in the interval key? */
int torus_layout_subkeys(const torus_interval_t *iv);


/* The resolution buckets that touch an interval bucket: n from first on. */
typedef struct {
    int64_t                  first;
    int64_t                  n;
} torus_layout_places_t;

void torus_layout_places(torus_layout_places_t *places,
    const torus_interval_t *iv, int64_t bucket);

/* Writes the place of a resolution bucket, TORUS_NUMBER_SIZE at most. */
size_t torus_layout_place(unsigned char *dst, const torus_interval_t *iv,
    int64_t bucket, int64_t sub);

/*
 * Reads "<place>", or with a value that is not NULL "<place>:<value>", as we
 * write it; TORUS_DECLINED: it is not.
 */
int torus_layout_placed(torus_str_t text, int64_t *place, torus_str_t *value);


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

/* Begins every bookkeeping key of ours. */
#define TORUS_LAYOUT_OWN    "torus:"

/* .. of them those of the index of names. */
#define TORUS_LAYOUT_NAMES  TORUS_LAYOUT_OWN "names:"

/* Most bytes that such a key is longer than prefix and path together. */
#define TORUS_LAYOUT_NAMES_EXTRA                                              \
    (sizeof(TORUS_LAYOUT_NAMES) + TORUS_NUMBER_SIZE + 1)


/* Its length; the path is its end, so that a node's key begins its path's. */
size_t torus_layout_names(unsigned char *dst, torus_str_t prefix,
    torus_str_t path);

/* TORUS_OK, or TORUS_DECLINED: it is none. */
int torus_layout_names_parse(torus_str_t key, torus_str_t *prefix,
    torus_str_t *path);

/* Where the last node of a stat begins, and whether a member ends a stat. */
size_t torus_layout_names_leaf(torus_str_t stat);
int torus_layout_names_is_leaf(torus_str_t member);


#endif /* _TORUS_LAYOUT_H_INCLUDED_ */
