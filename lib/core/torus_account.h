/*
 * What a request holds in memory, all of it: one account for its arenas, its
 * buffers and its blocks.  They charge to it what they ask of malloc(), chunk
 * by chunk, and give it back with free(); what is refused is the request's
 * end, but for what was read ahead and can be read again.
 *
 * An account of NULL is none: nothing is charged and nothing refused.
 */

#ifndef _TORUS_ACCOUNT_H_INCLUDED_
#define _TORUS_ACCOUNT_H_INCLUDED_


#include "torus_core.h"


/*
 * Asked before anything is refused: gives back what it can do without.  It
 * must not charge anything.
 */
typedef void (*torus_account_pt)(void *data);

typedef struct {
    size_t              limit;     /* bytes, 0: no limit */
    size_t              used;
    size_t              most;      /* that was used at a time */
    torus_account_pt    reclaim;   /* or NULL */
    void               *data;
    unsigned            refused:1; /* something was */
} torus_account_t;


/* Nothing used; limit as in the account. */
void torus_account_init(torus_account_t *a, size_t limit);

/* A block of n bytes and what malloc() takes for it: TORUS_OK, TORUS_ERROR. */
int torus_account_take(torus_account_t *a, size_t n);
void torus_account_give(torus_account_t *a, size_t n);

/* The same for what is there already, be it too much. */
void torus_account_add(torus_account_t *a, size_t n);

/* Would a block of so many bytes be refused, as things are? */
int torus_account_short(const torus_account_t *a, size_t n);

/* Bytes that are neither used nor beyond the limit; SIZE_MAX: no limit. */
size_t torus_account_left(const torus_account_t *a);

/* A block that is charged; NULL: refused, or out of memory. */
void *torus_account_alloc(torus_account_t *a, size_t n);
void torus_account_free(torus_account_t *a, void *p, size_t n);


#endif /* _TORUS_ACCOUNT_H_INCLUDED_ */
