/*
 * The account.  A block costs what a common malloc() takes for it: a header,
 * and all rounded up; large ones are pages of their own.
 */

#include "torus_account.h"

#include <stdlib.h>


#define TORUS_ACCOUNT_HEAD   8
#define TORUS_ACCOUNT_ALIGN  16
#define TORUS_ACCOUNT_LEAST  32
#define TORUS_ACCOUNT_LARGE  131072
#define TORUS_ACCOUNT_PAGE   4096

#define torus_account_round(n, to)  (((n) + (to) - 1) & ~((size_t) (to) - 1))


static int torus_account_refuse(torus_account_t *a, size_t n);
static size_t torus_account_cost(size_t n);


void
torus_account_init(torus_account_t *a, size_t limit)
{
    memset(a, 0, sizeof(torus_account_t));

    a->limit = limit;
}


int
torus_account_take(torus_account_t *a, size_t n)
{
    size_t  cost;

    if (a == NULL) {
        return TORUS_OK;
    }

    cost = torus_account_cost(n);

    if (a->limit != 0
        && (cost > a->limit || a->used > a->limit - cost)
        && torus_account_refuse(a, n))
    {
        return TORUS_ERROR;
    }

    a->used += cost;

    if (a->used > a->most) {
        a->most = a->used;
    }

    return TORUS_OK;
}


/* Unless what can be done without was enough. */
static int
torus_account_refuse(torus_account_t *a, size_t n)
{
    if (a->reclaim != NULL) {
        a->reclaim(a->data);
    }

    if (!torus_account_short(a, n)) {
        return 0;
    }

    a->refused = 1;

    return 1;
}


void
torus_account_give(torus_account_t *a, size_t n)
{
    if (a != NULL) {
        a->used -= torus_account_cost(n);
    }
}


void
torus_account_add(torus_account_t *a, size_t n)
{
    if (a == NULL) {
        return;
    }

    a->used += torus_account_cost(n);

    if (a->used > a->most) {
        a->most = a->used;
    }
}


int
torus_account_short(const torus_account_t *a, size_t n)
{
    return torus_account_cost(n) > torus_account_left(a);
}


size_t
torus_account_left(const torus_account_t *a)
{
    if (a == NULL || a->limit == 0) {
        return SIZE_MAX;
    }

    return a->used < a->limit ? a->limit - a->used : 0;
}


void *
torus_account_alloc(torus_account_t *a, size_t n)
{
    void  *p;

    if (torus_account_take(a, n) != TORUS_OK) {
        return NULL;
    }

    p = malloc(n);

    if (p == NULL) {
        torus_account_give(a, n);
    }

    return p;
}


void
torus_account_free(torus_account_t *a, void *p, size_t n)
{
    if (p != NULL) {
        torus_account_give(a, n);
        free(p);
    }
}


static size_t
torus_account_cost(size_t n)
{
    /* no malloc() gives that much */

    if (n > SIZE_MAX / 2) {
        return SIZE_MAX / 2;
    }

    n = torus_account_round(n + TORUS_ACCOUNT_HEAD, TORUS_ACCOUNT_ALIGN);

    if (n >= TORUS_ACCOUNT_LARGE) {
        return torus_account_round(n + TORUS_ACCOUNT_HEAD,
                                   TORUS_ACCOUNT_PAGE);
    }

    return n < TORUS_ACCOUNT_LEAST ? TORUS_ACCOUNT_LEAST : n;
}
