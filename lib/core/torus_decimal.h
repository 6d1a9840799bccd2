/*
 * Doubles from and to decimals, exactly, in integers of 128 bits: the fast
 * half of torus_number.c for doubles that need all of their digits.  What is
 * too large or too small for it is declined.
 */

#ifndef _TORUS_DECIMAL_H_INCLUDED_
#define _TORUS_DECIMAL_H_INCLUDED_


#include "torus_core.h"


/*
 * The shortest decimal that reads back as d, and of those the nearest to it:
 * digits * 10^exp, digits without trailing zeros.  TORUS_OK, or
 * TORUS_DECLINED: d is not from 1e-4 up to 2^53.
 */
int torus_decimal_shortest(double d, uint64_t *digits, int *exp);

/*
 * The double nearest to digits * 10^exp.  TORUS_OK, or TORUS_DECLINED: exp
 * is not from -19 to 0, or digits is 0.
 */
int torus_decimal_read(uint64_t digits, int exp, double *d);


#endif /* _TORUS_DECIMAL_H_INCLUDED_ */
