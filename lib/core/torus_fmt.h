/*
 * printf formats of one number, checked when the schema is read: the
 * shorthand of "write_func" and "read_func" ("%0.3f") and the function fmt()
 * of expressions.
 *
 * The text is C's printf() in the C locale, whatever the locale is.  Text
 * may stand around the one conversion, "%%" is a percent sign.
 *
 *   %[-+ 0#][width][.precision]conversion
 *
 * Conversions: d i (an integer), u x X o (an integer of 0 or more), e E f F
 * g G (a double).
 */

#ifndef _TORUS_FMT_H_INCLUDED_
#define _TORUS_FMT_H_INCLUDED_


#include "torus_func.h"


#define TORUS_FMT_MAX_TEXT       64   /* of a whole format */
#define TORUS_FMT_MAX_WIDTH      64
#define TORUS_FMT_MAX_PRECISION  32

/*
 * Most bytes of a result: a sign, 309 digits, a point, the precision and the
 * text around them.
 */
#define TORUS_FMT_SIZE                                                        \
    (1 + 309 + 1 + TORUS_FMT_MAX_PRECISION + TORUS_FMT_MAX_TEXT)


/* Holds all it needs, may be copied. */
typedef struct {
    unsigned char  text[TORUS_FMT_MAX_TEXT];  /* before and after */
    unsigned char  before;        /* how many bytes of each */
    unsigned char  after;
    unsigned char  width;
    signed char    precision;     /* -1: none written */
    char           conversion;    /* 'd' for "i", lower case but for X E G */
    unsigned       minus:1;
    unsigned       plus:1;
    unsigned       space:1;
    unsigned       zero:1;
    unsigned       alternate:1;   /* '#' */
} torus_fmt_t;


/* TORUS_OK; TORUS_INVALID with a reason. */
int torus_fmt_compile(torus_str_t text, torus_fmt_t *f, torus_error_t *err);

/*
 * Writes v into the scratch, where *out then points.  A double is cut
 * towards zero for integer conversions, an integer becomes the nearest
 * double for the others.  TORUS_OK; TORUS_NUMBER_NAN and TORUS_NUMBER_INF
 * when v is that; TORUS_DECLINED: text, out of the conversion's range, or no
 * room in the scratch.
 */
int torus_fmt_apply(const torus_fmt_t *f, const torus_value_t *v,
    torus_scratch_t *scratch, torus_str_t *out);


#endif /* _TORUS_FMT_H_INCLUDED_ */
