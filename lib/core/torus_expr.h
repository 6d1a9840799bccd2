/*
 * Expressions: the small language of "write_func", "read_func", "transform"
 * and TRANSFORMS.  EXPRESSIONS.md is its reference.
 *
 *   text -> (torus_expr_parse.c) tokens
 *        -> (torus_expr_check.c) a tree of typed nodes, constants folded
 *        -> (torus_expr_eval.c, torus_expr_func.c, torus_expr_regex.c) value
 *
 * An expression is compiled when the schema is read, where every mistake
 * that does not depend on a value is found.  Evaluation has no side effects,
 * does not allocate, and ends: a node is visited once, or once per element
 * of the row for those inside a reduction such as sum(); regexes run under
 * limits.
 */

#ifndef _TORUS_EXPR_H_INCLUDED_
#define _TORUS_EXPR_H_INCLUDED_


#include "torus_arena.h"
#include "torus_func.h"
#include "torus_number.h"


#define TORUS_EXPR_MAX_TEXT        4096  /* bytes of an expression */
#define TORUS_EXPR_MAX_DEPTH       64    /* of nesting in the text */
#define TORUS_EXPR_MAX_HEIGHT      256   /* of the tree: a + b + c + .. */
#define TORUS_EXPR_MAX_NODES       1024
#define TORUS_EXPR_MAX_REDUCTIONS  16    /* sum(), len(values), .. */

/* What a caller without other reasons gives as room for texts. */
#define TORUS_EXPR_SCRATCH         4096


typedef struct torus_expr_s  torus_expr_t;


/* Which names there are. */
typedef enum {
    TORUS_EXPR_OF_VALUE = 0,      /* v: write_func, read_func */
    TORUS_EXPR_OF_POINT,          /* s, v: transform */
    TORUS_EXPR_OF_ROW             /* values, counts, duration: TRANSFORMS */
} torus_expr_scope_t;


/* What it has to give; anything else does not compile. */
typedef enum {
    TORUS_EXPR_TO_VALUE = 0,      /* a number or text; "v" itself is a number
                                     when it reads as one */
    TORUS_EXPR_TO_TEXT,           /* text: "stat" of transform */
    TORUS_EXPR_TO_PRINTED,        /* a number or text, given as text, "v"
                                     itself as received: "value" of it */
    TORUS_EXPR_TO_NUMBER,         /* TRANSFORMS */
    TORUS_EXPR_TO_BOOL            /* "drop": an INT, 0 or 1 */
} torus_expr_result_t;


typedef struct {
    torus_expr_scope_t   scope;
    torus_expr_result_t  result;
} torus_expr_env_t;


/*
 * A row of n elements; get() fills in one of them: its value (a number, or
 * text that outlives the evaluation) and how often it occurs, 1 but in a
 * histogram.  A count or gauge is a row of one element, or none.
 */
typedef struct {
    const void  *row;
    size_t       n;
    void       (*get)(const void *row, size_t i, torus_value_t *value,
                      int64_t *count);
} torus_expr_row_t;


/* What the scope has is filled in, the rest is not read. */
typedef struct {
    torus_str_t              v;         /* as received or as stored */
    torus_str_t              s;
    const torus_expr_row_t  *values;
    int64_t                  duration;  /* seconds of the bucket */

    /*
     * NULL, or raised by each element that a reduction left out because its
     * argument is a bad value there.
     */
    size_t                  *skipped;
} torus_expr_input_t;


/*
 * TORUS_OK; TORUS_INVALID with the whole reason in err: what is wrong, what
 * was expected, the expression, a caret under the column; TORUS_ERROR when
 * out of memory.  *column counts from 0; column may be NULL.
 *
 * The expression lives in the arena; what PCRE2 holds for it goes with the
 * arena's clean-up.  It is not changed by evaluation but for PCRE2's
 * working memory: one thread at a time may evaluate it.
 */
int torus_expr_compile(torus_arena_t *arena, torus_str_t text,
    const torus_expr_env_t *env, torus_expr_t **expr, torus_error_t *err,
    size_t *column);

/*
 * out->text, if TEXT, points into the input, the expression or the scratch.
 * TORUS_OK; TORUS_NUMBER_NAN and TORUS_NUMBER_INF where a text is needed as
 * a number and that is what it reads as; TORUS_DECLINED: a bad value, that
 * is text where a number is needed, overflow, outside a function's domain,
 * a regex at its limits, no room in the scratch.
 */
int torus_expr_eval(const torus_expr_t *expr, const torus_expr_input_t *in,
    torus_value_t *out, torus_scratch_t *scratch);

/* As written. */
torus_str_t torus_expr_text(const torus_expr_t *expr);

/* Does the value of a point matter?  Else the result hangs on s alone. */
int torus_expr_reads_value(const torus_expr_t *expr);

/*
 * The line of text around the column, cut where long, and a line with the
 * caret under it; returns the length of what is in dst, terminated.
 */
#define TORUS_EXPR_CARET_SIZE  192

size_t torus_expr_caret(char *dst, size_t size, torus_str_t text,
    size_t column);


#endif /* _TORUS_EXPR_H_INCLUDED_ */
