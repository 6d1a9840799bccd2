/*
 * Input and output processing of one value: "write_func" between the Carbon
 * line and the store, "read_func" between the store and a row.
 *
 * The named forms long_or_float, long (= int), float, string, a printf
 * format of one number ("%0.3f"), and expressions over "v" (torus_expr.h).
 */

#ifndef _TORUS_FUNC_H_INCLUDED_
#define _TORUS_FUNC_H_INCLUDED_


#include "torus_arena.h"
#include "torus_number.h"


typedef struct torus_func_s  torus_func_t;


/* Room for texts that a function makes; what it makes lives there. */
typedef struct {
    unsigned char  *pos;
    unsigned char  *end;
} torus_scratch_t;

/* Enough for any one call. */
#define TORUS_FUNC_SCRATCH  4096


/*
 * TORUS_OK; TORUS_INVALID with a reason that fits behind the key's name and
 * may end in lines that show where; TORUS_ERROR.  Lives in the arena.
 */
int torus_func_compile(torus_arena_t *arena, torus_str_t text,
    torus_func_t **func, torus_error_t *err);

/*
 * in: the text as received or as stored.  v->text, if TEXT, points into in
 * or into the scratch.  TORUS_OK; TORUS_NUMBER_NAN and TORUS_NUMBER_INF
 * where a number is asked for and that is what it reads as or becomes;
 * TORUS_DECLINED: a bad value.
 */
int torus_func_apply(const torus_func_t *func, torus_str_t in,
    torus_value_t *v, torus_scratch_t *scratch);

/* Does it read a number as torus_number_parse() does, and no more? */
int torus_func_is_number(const torus_func_t *func);

/* As written in the schema. */
torus_str_t torus_func_text(const torus_func_t *func);


#endif /* _TORUS_FUNC_H_INCLUDED_ */
