/*
 * Work in slices: what grows with a request is done some at a time, so that
 * others get the worker in between.  Each call of a request's facade has so
 * many operations to spend; whoever loops over something counts what he did,
 * and when it is over he leaves his place in his state and says TORUS_AGAIN.
 *
 * An operation is what takes some ten nanoseconds: a point added, a name
 * compared.  Nobody looks at a clock: slices are the same on any machine.
 *
 * Zeroed memory is a torus_work_t without any limit.
 */

#ifndef _TORUS_WORK_H_INCLUDED_
#define _TORUS_WORK_H_INCLUDED_


#include "torus_core.h"


/* Operations of one call.  A test has its own. */
#ifndef TORUS_WORK_SLICE
#define TORUS_WORK_SLICE  16000
#endif


typedef struct {
    int64_t           left;
    unsigned          limited:1;
} torus_work_t;


#define torus_work_begin(w)                                                   \
    ((w)->left = TORUS_WORK_SLICE, (void) ((w)->limited = 1))

#define torus_work_did(w, n)  ((void) ((w)->left -= (int64_t) (n)))
#define torus_work_over(w)    ((w)->limited && (w)->left <= 0)


/*
 * Puts an array in order; items that are equal stay in theirs.  spare has
 * room for as many items.
 */
typedef int (*torus_sort_pt)(const void *a, const void *b);

typedef struct {
    unsigned char    *items;
    unsigned char    *spare;     /* what is merged goes here */
    unsigned char    *home;      /* where it all has to be in the end */
    size_t            n;
    size_t            size;      /* of an item */
    size_t            run;       /* items that are in order already */
    size_t            low;       /* the two runs that are being merged */
    size_t            a;
    size_t            b;
    torus_sort_pt     cmp;
} torus_sort_t;


void torus_sort_start(torus_sort_t *s, void *items, void *spare, size_t n,
    size_t size, torus_sort_pt cmp);

/* TORUS_OK: done; TORUS_AGAIN: call it again. */
int torus_sort_run(torus_sort_t *s, torus_work_t *work);


#endif /* _TORUS_WORK_H_INCLUDED_ */
