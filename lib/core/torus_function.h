/*
 * The functions of a "stat" argument: a row becomes one number.
 *
 * They see merged data: stats are joined, resolutions condensed and buckets
 * collapsed before, so that percentiles come from whole distributions.
 *
 * Over a row of k values in order, pNN is the value of rank ceil(NN / 100 *
 * (k + 1)), taken to 1 .. k: always a value that was received.  median is
 * the middle value, of an even k the mean of the two in the middle.  stddev
 * is the population's.  rate is per second of the bucket: of values received
 * for series, histogram and set, of the sum for a count.
 *
 * A count or a gauge holds one number: what tells values apart (count,
 * distinct, stddev) does not apply to it, nor does rate to a gauge.
 */

#ifndef _TORUS_FUNCTION_H_INCLUDED_
#define _TORUS_FUNCTION_H_INCLUDED_


#include "torus_query.h"
#include "torus_row.h"


#define torus_type_bit(type)   (1u << (type))


typedef struct {
    torus_arena_t      *arena;       /* for a function's own work */
    double              seconds;     /* length of the bucket */
    double              param;       /* 95 of p95 */
    const torus_expr_t *expr;        /* of torus_function_expr() */
    uint64_t           *skipped;     /* raised by each value that an
                                        expression cannot take */
} torus_call_t;


/*
 * TORUS_OK; TORUS_DECLINED: no value, e.g. the mean of nothing; TORUS_ERROR.
 * The row is folded.
 */
typedef int (*torus_function_pt)(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);


struct torus_function_s {
    torus_str_t         name;
    unsigned            types;       /* torus_type_bit() of each it serves */
    torus_function_pt   apply;
    unsigned            spread:1;    /* json: of a histogram, per value */
    unsigned            bare:1;      /* sees no number where there is none */
    unsigned            same:1;      /* of a single number: that number */
};


/*
 * By name, "p95" and "p99.9" too; *param is set for those.  NULL: there is
 * none of that name.
 */
const torus_function_t *torus_function_find(torus_str_t name, double *param);

/* Evaluates call->expr: the function of every name of TRANSFORMS. */
const torus_function_t *torus_function_expr(void);

/* Of a row that is not present the functions see what an empty row is. */
int torus_function_apply(const torus_function_t *function,
    const torus_call_t *call, torus_row_t *row, torus_value_t *result);


#endif /* _TORUS_FUNCTION_H_INCLUDED_ */
