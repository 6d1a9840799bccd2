/*
 * Keys that perhaps have lost their expiry: that a field or a member is new
 * does not tell whether its key is.  They are kept, each of them once, in the
 * order in which they came, until their EXPIREAT is sent again; so of a key
 * that keeps getting new fields one is sent in a while and not one for each.
 *
 * A key is known by its hash: 64 bits, seeded, so that two that have the same
 * do not meet.
 */

#ifndef _TORUS_UNSURE_H_INCLUDED_
#define _TORUS_UNSURE_H_INCLUDED_


#include "torus_core.h"


typedef struct torus_unsure_chunk_s  torus_unsure_chunk_t;

typedef struct {
    uint64_t               hash;      /* of the key */
    int64_t                expire;
    uint64_t               since;     /* ms */
    void                  *data;      /* the caller's */
    size_t                 len;       /* of the key, which follows */
} torus_unsure_key_t;

#define torus_unsure_text(k)  torus_str((k) + 1, (k)->len)


typedef struct {
    torus_unsure_chunk_t  *first;
    torus_unsure_chunk_t  *last;
    torus_unsure_chunk_t  *spare;
    size_t                 nspare;
    size_t                 n;
    uint64_t               added;     /* since the struct was zeroed */
    size_t                 bytes;     /* of chunks in use and of the table */
    size_t                 max;       /* of these */
    uint64_t              *hashes;    /* open addressing; 0: free */
    size_t                 size;      /* a power of two, 0 at first */
} torus_unsure_t;


/* Zero the struct and set max. */
void torus_unsure_free(torus_unsure_t *u);

/*
 * TORUS_OK: the key is kept, or was already.  TORUS_AGAIN: there is no room
 * or no memory.
 */
int torus_unsure_add(torus_unsure_t *u, torus_str_t key, uint64_t hash,
    int64_t expire, void *data, uint64_t now);

/* The oldest, valid until it is shifted out; NULL: there is none. */
const torus_unsure_key_t *torus_unsure_first(const torus_unsure_t *u);
void torus_unsure_shift(torus_unsure_t *u);


#endif /* _TORUS_UNSURE_H_INCLUDED_ */
