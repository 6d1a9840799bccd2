/*
 * Work in slices: the budget, and the sort that can be left at any item.
 */

#include "torus_work.h"

#include "torus_test.h"


#define ITEMS_MAX  300


typedef struct {
    unsigned  key;
    unsigned  place;      /* where it was */
} item_t;


static unsigned  compared;


static int
by_key(const void *a, const void *b)
{
    const item_t  *x = a;
    const item_t  *y = b;

    compared++;

    return (x->key > y->key) - (x->key < y->key);
}


static void
test_budget(void)
{
    torus_work_t  work;

    memset(&work, 0, sizeof(work));
    torus_work_did(&work, 1000000);
    ok(!torus_work_over(&work), "without a limit it is never over");

    torus_work_begin(&work);
    torus_work_did(&work, TORUS_WORK_SLICE - 1);
    ok(!torus_work_over(&work), "one operation is left");
    torus_work_did(&work, 1);
    ok(torus_work_over(&work), "none is");
    torus_work_begin(&work);
    ok(!torus_work_over(&work), "another call has as many again");
}


/* n items with so many different keys, in slices of so many operations. */
static void
sorts(size_t n, unsigned keys, int64_t slice)
{
    int           rc;
    item_t        items[ITEMS_MAX + 1], spare[ITEMS_MAX + 1];
    size_t        i, wrong;
    uint32_t      x;
    unsigned      most;
    torus_sort_t  sort;
    torus_work_t  work;

    x = (uint32_t) n + keys;
    memset(items, 0xee, sizeof(items));
    memset(spare, 0xee, sizeof(spare));

    for (i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        items[i].key = keys == 0 ? (unsigned) i : (x >> 16) % keys;
        items[i].place = (unsigned) i;
    }

    memset(&work, 0, sizeof(work));
    torus_sort_start(&sort, items, spare, n, sizeof(item_t), by_key);
    most = 0;

    do {
        work.limited = (slice != 0);
        work.left = slice;
        compared = 0;
        rc = torus_sort_run(&sort, &work);
        most = compared > most ? compared : most;
    } while (rc == TORUS_AGAIN);

    wrong = 0;

    for (i = 1; i < n; i++) {
        wrong += items[i - 1].key > items[i].key
                 || (items[i - 1].key == items[i].key
                     && items[i - 1].place >= items[i].place);
    }

    wrong += items[n].key != 0xeeeeeeee || spare[n].key != 0xeeeeeeee;

    is_int(rc, TORUS_OK, "%zu items of %u keys in slices of %d", n, keys,
           (int) slice);
    is_int(wrong, 0, "they are in order, and what is equal is in its own");

    if (slice != 0) {
        ok(most <= (unsigned) slice, "at most %u are compared at once", most);
    }
}


static void
test_sort(void)
{
    size_t    n;
    unsigned  i;

    static const int64_t   slices[] = { 0, 1, 5, 64 };
    static const unsigned  keys[] = { 0, 1, 3, 1000000 };

    for (n = 0; n <= 17; n++) {
        for (i = 0; i < 16; i++) {
            sorts(n, keys[i % 4], slices[i / 4]);
        }
    }

    for (i = 0; i < 16; i++) {
        sorts(ITEMS_MAX, keys[i % 4], slices[i / 4]);
    }
}


int
main(void)
{
    test_budget();
    test_sort();

    return done_testing();
}
