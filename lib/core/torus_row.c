/*
 * Rows: values of one bucket, added one by one or merged row by row.
 *
 * Histograms and sets collect what is added and put it in order now and
 * then: always before they are read, and whenever what is unordered has
 * outgrown what is ordered, so that merging many rows into one takes memory
 * for its distinct values only.
 */

#include "torus_row.h"

#include <stdlib.h>


#define TORUS_ROW_SLACK  64     /* unordered items that are worth a sort */
#define TORUS_ROW_LEVEL  4      /* operations of an item at each level */

#ifndef TORUS_ROW_LOOSE         /* a test has its own */
#define TORUS_ROW_LOOSE  1024   /* unordered items that are sorted in slices */
#endif


static int torus_row_read_any(torus_row_t *row, torus_arena_t *arena,
    const torus_func_t *func, torus_str_t text, torus_str_t n);
static int torus_row_copy(torus_row_t *row, torus_arena_t *arena,
    const torus_row_t *src);
static int torus_row_unique(torus_row_t *row, torus_row_order_t *order,
    torus_work_t *work);
static void torus_row_sink(torus_item_t *items, size_t i, size_t n,
    torus_work_t *work);
static torus_item_t *torus_row_find(const torus_row_t *row,
    const torus_value_t *value);
static void torus_row_more(const torus_row_t *row, torus_item_t *item,
    int64_t n);
static int torus_row_room(torus_row_t *row, torus_arena_t *arena, size_t n);
static int torus_row_occurrences(torus_str_t text, int64_t *n);
static int torus_row_keep(torus_arena_t *arena, torus_value_t *v);
static int torus_item_cmp(const void *a, const void *b);


void
torus_row_init(torus_row_t *row, torus_type_t type)
{
    memset(row, 0, sizeof(torus_row_t));

    row->type = type;
    row->number.kind = TORUS_VALUE_INT;
}


int
torus_row_read(torus_row_t *row, torus_arena_t *arena,
    const torus_func_t *func, torus_str_t text, torus_str_t n)
{
    torus_value_t  v;

    /* nearly all that there is: a number that is the only one of its row */

    if ((row->type == TORUS_GAUGE
         || (row->type == TORUS_COUNT && !row->present))
        && torus_func_is_number(func)
        && torus_number_parse(text, &v) == TORUS_OK
        && (row->type == TORUS_GAUGE || v.kind == TORUS_VALUE_INT))
    {
        row->number = v;
        row->present = 1;
        return TORUS_OK;
    }

    return torus_row_read_any(row, arena, func, text, n);
}


static int
torus_row_read_any(torus_row_t *row, torus_arena_t *arena,
    const torus_func_t *func, torus_str_t text, torus_str_t n)
{
    int              rc;
    int64_t          occurrences;
    torus_value_t    v;
    torus_scratch_t  scratch;
    unsigned char    room[TORUS_FUNC_SCRATCH];

    scratch.pos = room;
    scratch.end = room + sizeof(room);
    occurrences = 1;

    rc = torus_func_apply(func, text, &v, &scratch);
    if (rc != TORUS_OK) {
        return rc == TORUS_ERROR ? TORUS_ERROR : TORUS_DECLINED;
    }

    if (row->type == TORUS_HISTOGRAM
        && torus_row_occurrences(n, &occurrences) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    if (row->type == TORUS_COUNT && v.kind == TORUS_VALUE_TEXT) {
        return TORUS_DECLINED;
    }

    if ((row->type == TORUS_GAUGE && v.kind != TORUS_VALUE_TEXT)
        || (row->type == TORUS_COUNT && !row->present
            && v.kind == TORUS_VALUE_INT))
    {
        row->number = v;
        row->present = 1;
        return TORUS_OK;
    }

    if (torus_row_keep(arena, &v) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_row_add(row, arena, &v, occurrences);
}


int
torus_row_add(torus_row_t *row, torus_arena_t *arena,
    const torus_value_t *value, int64_t n)
{
    torus_item_t  *item;

    if (row->type == TORUS_GAUGE) {
        row->number = *value;
        row->present = 1;
        return TORUS_OK;
    }

    if (row->type == TORUS_COUNT) {
        row->number = torus_number_add(row->number, *value);
        row->present = 1;
        return TORUS_OK;
    }

    if (row->type != TORUS_SERIES
        && row->nitems == row->size
        && row->nitems - row->folded > row->folded + TORUS_ROW_SLACK)
    {
        torus_row_fold(row);
    }

    if (torus_row_room(row, arena, 1) != TORUS_OK) {
        return TORUS_ERROR;
    }

    item = &row->items[row->nitems++];
    item->value = *value;
    item->n = n;
    row->present = 1;

    return TORUS_OK;
}


int
torus_row_merge(torus_row_t *row, torus_arena_t *arena,
    const torus_row_t *src)
{
    size_t         i;
    torus_item_t  *item;
    torus_value_t  v;

    if (!src->present) {
        return TORUS_OK;
    }

    if (row->type == TORUS_COUNT || row->type == TORUS_GAUGE) {
        v = src->number;

        if (torus_row_keep(arena, &v) != TORUS_OK) {
            return TORUS_ERROR;
        }

        return torus_row_add(row, arena, &v, 1);
    }

    if (row->nitems == 0 && src->nitems != 0 && src->folded == src->nitems
        && row->type == src->type)
    {
        return torus_row_copy(row, arena, src);
    }

    for (i = 0; i < src->nitems; i++) {
        v = src->items[i].value;

        /* a text that is known needs no other copy */

        item = torus_row_find(row, &v);

        if (item != NULL) {
            torus_row_more(row, item, src->items[i].n);
            continue;
        }

        if (torus_row_keep(arena, &v) != TORUS_OK
            || torus_row_add(row, arena, &v, src->items[i].n) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* What is in order already stays so. */
static int
torus_row_copy(torus_row_t *row, torus_arena_t *arena, const torus_row_t *src)
{
    size_t  i;

    if (torus_row_room(row, arena, src->nitems) != TORUS_OK) {
        return TORUS_ERROR;
    }

    for (i = 0; i < src->nitems; i++) {
        row->items[i] = src->items[i];

        if (torus_row_keep(arena, &row->items[i].value) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    row->nitems = src->nitems;
    row->folded = src->nitems;
    row->present = 1;

    return TORUS_OK;
}


void
torus_row_fold(torus_row_t *row)
{
    torus_work_t       all;
    torus_row_order_t  order;

    if (row->type != TORUS_HISTOGRAM && row->type != TORUS_SET) {
        return;
    }

    if (row->folded == row->nitems) {
        return;
    }

    qsort(row->items, row->nitems, sizeof(torus_item_t), torus_item_cmp);

    memset(&all, 0, sizeof(torus_work_t));
    memset(&order, 0, sizeof(torus_row_order_t));
    order.i = 1;

    (void) torus_row_unique(row, &order, &all);
}


/* Equal values, which are beside each other, become one. */
static int
torus_row_unique(torus_row_t *row, torus_row_order_t *order,
    torus_work_t *work)
{
    torus_item_t  *items, *last;

    items = row->items;
    last = &items[order->last];

    for ( /* void */ ; order->i < row->nitems; order->i++) {

        if (torus_work_over(work)) {
            order->last = (size_t) (last - items);
            return TORUS_AGAIN;
        }

        torus_work_did(work, TORUS_ROW_LEVEL);

        if (torus_value_cmp(&last->value, &items[order->i].value) != 0) {
            *++last = items[order->i];
            continue;
        }

        torus_row_more(row, last, items[order->i].n);
    }

    row->nitems = (size_t) (last - items) + 1;
    row->folded = row->nitems;

    return TORUS_OK;
}


int
torus_row_loose(const torus_row_t *row, size_t more)
{
    size_t  loose;

    if (row->type != TORUS_HISTOGRAM && row->type != TORUS_SET) {
        return 0;
    }

    loose = row->nitems - row->folded;

    if (more == 0) {
        return loose > TORUS_ROW_LOOSE;
    }

    /* would torus_row_add() put it in order? */

    return row->size - row->nitems < more
           && loose + more > row->folded + TORUS_ROW_SLACK
           && loose > TORUS_ROW_LOOSE;
}


/* A heap is made of the items, and the largest taken out of it. */
int
torus_row_order(torus_row_t *row, torus_row_order_t *order,
    torus_work_t *work)
{
    torus_item_t  *items, last;

    items = row->items;

    if (order->n == 0) {
        order->n = row->nitems;
        order->i = row->nitems / 2;
        order->heap = 0;
    }

    for ( /* void */ ; !order->heap && order->i > 0; order->i--) {

        if (torus_work_over(work)) {
            return TORUS_AGAIN;
        }

        torus_row_sink(items, order->i - 1, order->n, work);
    }

    if (!order->heap) {
        order->heap = 1;
        order->i = order->n;
    }

    for ( /* void */ ; !order->sorted && order->i > 1; order->i--) {

        if (torus_work_over(work)) {
            return TORUS_AGAIN;
        }

        last = items[order->i - 1];
        items[order->i - 1] = items[0];
        items[0] = last;

        torus_row_sink(items, 0, order->i - 1, work);
    }

    order->sorted = 1;

    if (torus_row_unique(row, order, work) != TORUS_OK) {
        return TORUS_AGAIN;
    }

    memset(order, 0, sizeof(torus_row_order_t));

    return TORUS_OK;
}


/* The item goes down until what is below it is no larger. */
static void
torus_row_sink(torus_item_t *items, size_t i, size_t n, torus_work_t *work)
{
    size_t        child;
    torus_item_t  item;

    item = items[i];

    for ( ;; ) {
        torus_work_did(work, TORUS_ROW_LEVEL);

        child = 2 * i + 1;

        if (child >= n) {
            break;
        }

        if (child + 1 < n
            && torus_item_cmp(&items[child], &items[child + 1]) < 0)
        {
            child++;
        }

        if (torus_item_cmp(&items[child], &item) <= 0) {
            break;
        }

        items[i] = items[child];
        i = child;
    }

    items[i] = item;
}


int
torus_value_cmp(const torus_value_t *a, const torus_value_t *b)
{
    int  rc;

    if (a->kind != TORUS_VALUE_TEXT && b->kind != TORUS_VALUE_TEXT) {
        return torus_number_cmp(a, b);
    }

    if (a->kind != b->kind) {
        return a->kind == TORUS_VALUE_TEXT ? 1 : -1;
    }

    rc = torus_str_cmp(a->text, b->text);

    return (rc > 0) - (rc < 0);
}


torus_value_t
torus_value_times(const torus_value_t *a, int64_t n)
{
    torus_value_t  v;

    memset(&v, 0, sizeof(torus_value_t));

    v.kind = TORUS_VALUE_INT;

    if (a->kind == TORUS_VALUE_INT
        && !__builtin_mul_overflow(a->i, n, &v.i))
    {
        return v;
    }

    v.kind = TORUS_VALUE_DOUBLE;
    v.d = torus_number_double(a) * (double) n;

    return v;
}


/* A text among what is folded, or NULL; of numbers two kinds may be equal. */
static torus_item_t *
torus_row_find(const torus_row_t *row, const torus_value_t *value)
{
    int     rc;
    size_t  low, high, mid;

    if (value->kind != TORUS_VALUE_TEXT) {
        return NULL;
    }

    low = 0;
    high = row->folded;

    while (low < high) {
        mid = low + (high - low) / 2;
        rc = torus_value_cmp(&row->items[mid].value, value);

        if (rc == 0) {
            return &row->items[mid];
        }

        if (rc < 0) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return NULL;
}


/* A member of a set is there once, however often it is found. */
static void
torus_row_more(const torus_row_t *row, torus_item_t *item, int64_t n)
{
    if (row->type == TORUS_HISTOGRAM
        && __builtin_add_overflow(item->n, n, &item->n))
    {
        item->n = INT64_MAX;
    }
}


static int
torus_row_room(torus_row_t *row, torus_arena_t *arena, size_t n)
{
    size_t         size;
    torus_item_t  *items;

    if (row->size - row->nitems >= n) {
        return TORUS_OK;
    }

    size = row->size == 0 ? 4 : row->size * 2;

    while (size - row->nitems < n) {
        size *= 2;
    }

    if (size > SIZE_MAX / sizeof(torus_item_t)) {
        return TORUS_ERROR;
    }

    items = torus_arena_alloc(arena, size * sizeof(torus_item_t));
    if (items == NULL) {
        return TORUS_ERROR;
    }

    if (row->nitems != 0) {
        memcpy(items, row->items, row->nitems * sizeof(torus_item_t));
    }

    row->items = items;
    row->size = size;

    return TORUS_OK;
}


/* HINCRBY's digits; anything but a positive number is none of ours. */
static int
torus_row_occurrences(torus_str_t text, int64_t *n)
{
    torus_value_t  v;

    if (torus_number_parse(text, &v) != TORUS_OK
        || v.kind != TORUS_VALUE_INT
        || v.i <= 0)
    {
        return TORUS_DECLINED;
    }

    *n = v.i;

    return TORUS_OK;
}


/* A text points into a reply or a scratch until it is copied. */
static int
torus_row_keep(torus_arena_t *arena, torus_value_t *v)
{
    torus_str_t  copy;

    if (v->kind != TORUS_VALUE_TEXT) {
        return TORUS_OK;
    }

    if (torus_arena_dup(arena, v->text, &copy) != TORUS_OK) {
        return TORUS_ERROR;
    }

    v->text = copy;

    return TORUS_OK;
}


static int
torus_item_cmp(const void *a, const void *b)
{
    int                  rc;
    const torus_item_t  *x = a;
    const torus_item_t  *y = b;

    if (x->value.kind == TORUS_VALUE_INT && y->value.kind == TORUS_VALUE_INT) {
        return (x->value.i > y->value.i) - (x->value.i < y->value.i);
    }

    rc = torus_value_cmp(&x->value, &y->value);

    /* of 3 and 3.0 the integer comes first and stays */

    return rc != 0 ? rc : (int) x->value.kind - (int) y->value.kind;
}
