/*
 * "transform" of a schema: what a point's stat and value become before they
 * are stored, or that the point is dropped.  All three expressions see the
 * point as received; "value" gives the text that "write_func" then sees.
 *
 * A new name obeys the rules of a Carbon path, and is stored without being
 * matched again.
 */

#ifndef _TORUS_TRANSFORM_H_INCLUDED_
#define _TORUS_TRANSFORM_H_INCLUDED_


#include "torus_carbon.h"
#include "torus_expr.h"


/* Of each NULL: none. */
typedef struct {
    torus_expr_t  *stat;
    torus_expr_t  *value;
    torus_expr_t  *drop;
} torus_transform_t;


/* The longest name there can be. */
#define TORUS_TRANSFORM_PATH  TORUS_CARBON_PATH_LIMIT


/*
 * Each returns TORUS_C_POINTS_ACCEPTED, or why the point cannot be stored:
 * TORUS_C_POINTS_TRANSFORMED, or what is bad about it.
 */
torus_counter_t torus_transform_drop(const torus_transform_t *t,
    torus_str_t stat, torus_str_t value);

/* *name is written to dst, which has TORUS_TRANSFORM_PATH bytes. */
torus_counter_t torus_transform_stat(const torus_transform_t *t,
    torus_str_t stat, torus_str_t value, unsigned char *dst,
    torus_str_t *name);

/* *text points into the scratch, the stat or the value. */
torus_counter_t torus_transform_value(const torus_transform_t *t,
    torus_str_t stat, torus_str_t value, torus_scratch_t *scratch,
    torus_str_t *text);

/* What a point is counted as whose value was refused with rc. */
torus_counter_t torus_transform_reason(int rc);


#endif /* _TORUS_TRANSFORM_H_INCLUDED_ */
