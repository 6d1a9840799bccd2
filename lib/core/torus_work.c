/*
 * A merge sort that can be left at any item and taken up again.  Runs of one
 * become runs of two, and so on; what is in order already costs a look at
 * each item.
 */

#include "torus_work.h"


#define TORUS_SORT_COST  4    /* operations of an item */


static int torus_sort_merge(torus_sort_t *s, torus_work_t *work);
static int torus_sort_home(torus_sort_t *s, torus_work_t *work);


void
torus_sort_start(torus_sort_t *s, void *items, void *spare, size_t n,
    size_t size, torus_sort_pt cmp)
{
    memset(s, 0, sizeof(torus_sort_t));

    s->items = items;
    s->home = items;
    s->spare = spare;
    s->n = n;
    s->size = size;
    s->cmp = cmp;
}


int
torus_sort_run(torus_sort_t *s, torus_work_t *work)
{
    unsigned char  *swap;

    /* in order as it is? */

    for ( /* void */ ; s->run == 0; s->a++) {

        if (s->a + 1 >= s->n) {
            return TORUS_OK;
        }

        torus_work_did(work, TORUS_SORT_COST);

        if (s->cmp(s->items + s->a * s->size,
                   s->items + (s->a + 1) * s->size) > 0)
        {
            s->run = 1;
            s->a = 0;
            s->b = 1;
            break;
        }

        if (torus_work_over(work)) {
            s->a++;
            return TORUS_AGAIN;
        }
    }

    while (s->run < s->n) {

        if (torus_sort_merge(s, work) != TORUS_OK) {
            return TORUS_AGAIN;
        }

        swap = s->items;
        s->items = s->spare;
        s->spare = swap;

        s->run *= 2;
        s->low = 0;
        s->a = 0;
        s->b = s->run;
    }

    return torus_sort_home(s, work);
}


/* All pairs of runs, into spare.  b may be beyond the end: no second run. */
static int
torus_sort_merge(torus_sort_t *s, torus_work_t *work)
{
    size_t                mid, high;
    unsigned char        *to;
    const unsigned char  *a, *b;

    while (s->low < s->n) {
        mid = s->low + s->run < s->n ? s->low + s->run : s->n;
        high = mid + s->run < s->n ? mid + s->run : s->n;
        s->b = s->b < mid ? mid : s->b;

        while (s->a < mid || s->b < high) {

            if (torus_work_over(work)) {
                return TORUS_AGAIN;
            }

            torus_work_did(work, TORUS_SORT_COST);

            a = s->items + s->a * s->size;
            b = s->items + s->b * s->size;
            to = s->spare + (s->low + (s->a - s->low) + (s->b - mid))
                            * s->size;

            if (s->b >= high || (s->a < mid && s->cmp(a, b) <= 0)) {
                memcpy(to, a, s->size);
                s->a++;

            } else {
                memcpy(to, b, s->size);
                s->b++;
            }
        }

        s->low = high;
        s->a = high;
        s->b = high + s->run < s->n ? high + s->run : s->n;
    }

    return TORUS_OK;
}


/* An even number of times it has gone to and fro, or it is copied. */
static int
torus_sort_home(torus_sort_t *s, torus_work_t *work)
{
    if (s->items != s->home) {
        memcpy(s->home, s->items, s->n * s->size);
        torus_work_did(work, s->n * s->size / 128);
        s->items = s->home;
    }

    s->run = s->n;

    return TORUS_OK;
}
