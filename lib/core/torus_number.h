/*
 * Numbers as text: read from Carbon lines and from Redis, written to Redis
 * and to JSON.  Independent of the locale.
 *
 * Text is Python's: integers as digits, doubles as repr() prints them - the
 * shortest decimal that reads back to the same double ("3.5", "100000.0",
 * "1e+16") - because that is what kairos stores.
 */

#ifndef _TORUS_NUMBER_H_INCLUDED_
#define _TORUS_NUMBER_H_INCLUDED_


#include "torus_core.h"


typedef enum {
    TORUS_VALUE_INT = 0,
    TORUS_VALUE_DOUBLE,
    TORUS_VALUE_TEXT
} torus_value_kind_t;


/* A value on its way in or out; text belongs to whoever made it. */
typedef struct {
    torus_value_kind_t  kind;
    union {
        int64_t         i;
        double          d;
    };
    torus_str_t         text;     /* only for TORUS_VALUE_TEXT */
} torus_value_t;


/* Longest text of an integer or a double, the '\0' of neither included. */
#define TORUS_NUMBER_SIZE  32


#define TORUS_NUMBER_NAN  -10
#define TORUS_NUMBER_INF  -11

/*
 * Reads the whole of s as a decimal number, the original's long_or_float:
 * an integer when it is written as one and fits 64 bits, else a double.
 * Leading '+' and surrounding blanks are allowed, hexadecimal is not.
 * TORUS_OK; TORUS_NUMBER_NAN for nan; TORUS_NUMBER_INF for infinities and
 * for what overflows a double; TORUS_DECLINED for anything else.
 */
int torus_number_parse(torus_str_t s, torus_value_t *v);

/* Writes four digits of u, which is below 10000. */
void torus_number_print_four(unsigned char *dst, unsigned u);

/* Both write at most TORUS_NUMBER_SIZE bytes and return how many. */
size_t torus_number_print_int(unsigned char *dst, int64_t i);
size_t torus_number_print_double(unsigned char *dst, double d);

/* Of an INT or DOUBLE value. */
size_t torus_number_print(unsigned char *dst, const torus_value_t *v);

/* As a double, whatever the kind; TEXT gives NaN. */
double torus_number_double(const torus_value_t *v);

/*
 * a + b, an integer while exact in 64 bits, else a double.  Both must be
 * numbers.
 */
torus_value_t torus_number_add(torus_value_t a, torus_value_t b);

/* -1, 0, 1; exact between integers and doubles; NaN sorts last. */
int torus_number_cmp(const torus_value_t *a, const torus_value_t *b);


#endif /* _TORUS_NUMBER_H_INCLUDED_ */
