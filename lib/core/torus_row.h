/*
 * A row: what one bucket holds, whatever its type, read from Redis, merged
 * with other rows, and handed to a function or to the answer.
 *
 *   series      the values in order
 *   histogram   each distinct value with its occurrences; equal numbers (3
 *               and 3.0) are one value and add up
 *   count       a number, the sum
 *   gauge       a number, the last that was added
 *   set         the distinct members
 *
 * Integers stay exact in 64 bits and become doubles beyond.  A row's memory
 * is its arena's; rows are never freed one by one.
 */

#ifndef _TORUS_ROW_H_INCLUDED_
#define _TORUS_ROW_H_INCLUDED_


#include "torus_schema.h"
#include "torus_work.h"


typedef struct {
    torus_value_t    value;
    int64_t          n;            /* occurrences; 1 but in a histogram */
} torus_item_t;


typedef struct {
    torus_type_t     type;
    unsigned         present:1;    /* something was added */
    torus_value_t    number;       /* of a count or gauge */
    torus_item_t    *items;        /* of the others */
    size_t           nitems;
    size_t           size;         /* items there is room for */
    size_t           folded;       /* items [0, folded) are in order, each
                                      value once; not for series */
} torus_row_t;


/* Nothing was added; what will be lives in the arena given with it. */
void torus_row_init(torus_row_t *row, torus_type_t type);

/*
 * Adds one stored value: a list element, the text of a count or gauge, a set
 * member; for a histogram with its occurrences as text (n is not read for
 * the others).  The texts are copied where the row keeps them.  TORUS_OK;
 * TORUS_DECLINED: read_func refused it, the row is as it was; TORUS_ERROR.
 */
int torus_row_read(torus_row_t *row, torus_arena_t *arena,
    const torus_func_t *func, torus_str_t text, torus_str_t n);

/*
 * Adds a value that occurred n times; a TEXT value must live as long as the
 * arena.  TORUS_OK or TORUS_ERROR, as for the next.
 */
int torus_row_add(torus_row_t *row, torus_arena_t *arena,
    const torus_value_t *value, int64_t n);

/*
 * Adds all of src, which comes after what is there: joined stats, condensed
 * resolutions and collapsed buckets are merged by this.  src may live in
 * another arena.
 */
int torus_row_merge(torus_row_t *row, torus_arena_t *arena,
    const torus_row_t *src);

/* Puts a histogram or set in order, each value once.  Call before reading. */
void torus_row_fold(torus_row_t *row);

/*
 * The same some at a time, without any more memory: for a row that has so
 * much out of order that it would hold up others.  Zeroed to begin with.
 */
typedef struct {
    size_t           n;            /* items; 0: not begun */
    size_t           i;            /* next to be sunk, taken out, compared */
    size_t           last;         /* of those that are kept */
    unsigned         heap:1;       /* all of them are one */
    unsigned         sorted:1;
} torus_row_order_t;

/* Is there that much, be it only when so many more are added? */
int torus_row_loose(const torus_row_t *row, size_t more);

/*
 * TORUS_OK, with the state as it began; TORUS_AGAIN: the work is over, call
 * it again, and let the row be until then.
 */
int torus_row_order(torus_row_t *row, torus_row_order_t *order,
    torus_work_t *work);

/* Numbers by value, before texts by bytes. */
int torus_value_cmp(const torus_value_t *a, const torus_value_t *b);

/* a * n, exact in 64 bits, else a double. */
torus_value_t torus_value_times(const torus_value_t *a, int64_t n);


#endif /* _TORUS_ROW_H_INCLUDED_ */
