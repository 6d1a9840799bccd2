/*
 * Between the files of the expression language, for nobody else: the tree,
 * what builds it and what walks it.
 */

#ifndef _TORUS_EXPR_TREE_H_INCLUDED_
#define _TORUS_EXPR_TREE_H_INCLUDED_


#include "torus_expr.h"
#include "torus_fmt.h"


/*
 * What a node can give, a set of these.  INPUT is what "v" and "values" give
 * as long as nothing asks for more: a number where a number is needed and
 * text where text is needed.  A node of several types is a "?:" whose
 * branches differ.
 */
#define TORUS_EXPR_NUM    1
#define TORUS_EXPR_TEXT   2
#define TORUS_EXPR_BOOL   4     /* an INT, 0 or 1 */
#define TORUS_EXPR_INPUT  8


typedef enum {
    TORUS_EXPR_CONST = 0,

    TORUS_EXPR_V,               /* as received */
    TORUS_EXPR_V_NUM,
    TORUS_EXPR_S,
    TORUS_EXPR_VALUES,          /* of the element at hand */
    TORUS_EXPR_VALUES_NUM,
    TORUS_EXPR_VALUES_TEXT,
    TORUS_EXPR_COUNTS,
    TORUS_EXPR_DURATION,

    TORUS_EXPR_COND,            /* kids: condition, then, else */
    TORUS_EXPR_OR,
    TORUS_EXPR_AND,
    TORUS_EXPR_NOT,

    /* in this order: comparisons of texts follow those of numbers */
    TORUS_EXPR_EQ,
    TORUS_EXPR_NE,
    TORUS_EXPR_LT,
    TORUS_EXPR_LE,
    TORUS_EXPR_GT,
    TORUS_EXPR_GE,
    TORUS_EXPR_TEXT_EQ,
    TORUS_EXPR_TEXT_NE,
    TORUS_EXPR_TEXT_LT,
    TORUS_EXPR_TEXT_LE,
    TORUS_EXPR_TEXT_GT,
    TORUS_EXPR_TEXT_GE,

    TORUS_EXPR_ADD,
    TORUS_EXPR_SUB,
    TORUS_EXPR_MUL,
    TORUS_EXPR_DIV,
    TORUS_EXPR_MOD,
    TORUS_EXPR_POW,
    TORUS_EXPR_NEG,
    TORUS_EXPR_CONCAT,

    TORUS_EXPR_CALL,
    TORUS_EXPR_FMT,
    TORUS_EXPR_MATCH,
    TORUS_EXPR_REPLACE,

    TORUS_EXPR_ROW_LEN,
    TORUS_EXPR_REDUCE           /* kid: evaluated for each element */
} torus_expr_op_t;


typedef enum {
    TORUS_EXPR_SUM = 0,
    TORUS_EXPR_MEAN,
    TORUS_EXPR_MIN,
    TORUS_EXPR_MAX,
    TORUS_EXPR_COUNT,
    TORUS_EXPR_ANY,
    TORUS_EXPR_ALL,
    TORUS_EXPR_FIRST,
    TORUS_EXPR_LAST
} torus_expr_reduction_t;


typedef struct torus_expr_run_s    torus_expr_run_t;
typedef struct torus_expr_node_s   torus_expr_node_t;
typedef struct torus_expr_regex_s  torus_expr_regex_t;


/* Arguments are evaluated and of the function's types. */
typedef int (*torus_expr_call_pt)(torus_expr_run_t *run,
    const torus_value_t *args, size_t n, torus_value_t *out);


struct torus_expr_node_s {
    torus_expr_op_t              op;
    unsigned char                types;
    unsigned char                nkids;
    unsigned char                reduction;
    unsigned char                slot;      /* of a reduction's result */
    unsigned                     vector:1;  /* differs between elements */
    unsigned                     grouped:1; /* stood in parentheses */
    unsigned short               height;
    unsigned short               column;
    torus_expr_node_t           *kids[3];

    union {
        torus_value_t            value;     /* CONST */
        torus_expr_call_pt       call;
        torus_fmt_t             *fmt;
        torus_expr_regex_t      *regex;
    };
};


struct torus_expr_s {
    torus_str_t           text;
    torus_expr_env_t      env;
    torus_expr_node_t    *root;
    unsigned              nslots;
    unsigned              reads_value:1;
};


/* One compilation. */
typedef struct {
    torus_arena_t        *arena;
    torus_str_t           text;
    torus_expr_env_t      env;
    torus_error_t        *err;
    size_t                column;    /* of the mistake */
    unsigned              nodes;
    unsigned              nslots;
    unsigned              reads_value:1;
} torus_expr_compile_t;


/* One evaluation. */
struct torus_expr_run_s {
    const torus_expr_input_t  *in;
    torus_scratch_t           *scratch;

    int                        number_rc;   /* of v, TORUS_AGAIN: not read */
    torus_value_t              number;

    torus_value_t              value;       /* of the element at hand */
    int64_t                    count;

    unsigned char             *keep;        /* texts before it are in use */
    int                        slot_rc[TORUS_EXPR_MAX_REDUCTIONS];
    torus_value_t              slots[TORUS_EXPR_MAX_REDUCTIONS];
};


/* A function by name; arguments as types: n number, t text, a any, ? more. */
typedef enum {
    TORUS_EXPR_FUNC_CALL = 0,
    TORUS_EXPR_FUNC_STR,
    TORUS_EXPR_FUNC_ROUND,
    TORUS_EXPR_FUNC_EXTREME,     /* min, max: of arguments or of a row */
    TORUS_EXPR_FUNC_LEN,
    TORUS_EXPR_FUNC_FMT,
    TORUS_EXPR_FUNC_MATCH,
    TORUS_EXPR_FUNC_REPLACE,
    TORUS_EXPR_FUNC_REDUCE
} torus_expr_func_kind_t;

typedef struct {
    const char              *name;
    const char              *usage;     /* "clamp(x, low, high)" */
    torus_expr_func_kind_t   kind;
    const char              *args;
    unsigned                 min;       /* arguments */
    unsigned char            types;     /* of the result */
    torus_expr_call_pt       call;
    torus_expr_reduction_t   reduction;
} torus_expr_func_t;

#define TORUS_EXPR_MAX_ARGS  16


/* torus_expr_check.c: nodes from nodes; TORUS_OK, _INVALID, _ERROR. */

int torus_expr_fault(torus_expr_compile_t *c, size_t column, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

int torus_expr_const(torus_expr_compile_t *c, size_t column, unsigned types,
    const torus_value_t *v, torus_expr_node_t **node);
int torus_expr_name(torus_expr_compile_t *c, size_t column, torus_str_t name,
    torus_expr_node_t **node);
int torus_expr_unary(torus_expr_compile_t *c, size_t column, int op,
    torus_expr_node_t **node);
int torus_expr_binary(torus_expr_compile_t *c, size_t column,
    torus_expr_op_t op, torus_str_t sign, torus_expr_node_t **left,
    torus_expr_node_t *right);
int torus_expr_cond(torus_expr_compile_t *c, size_t column,
    torus_expr_node_t **node, torus_expr_node_t *yes, torus_expr_node_t *no);
int torus_expr_result(torus_expr_compile_t *c, torus_expr_node_t *root);

/* torus_expr_call.c */

int torus_expr_call(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node);

/* of torus_expr_check.c, for torus_expr_call.c */

int torus_expr_node(torus_expr_compile_t *c, size_t column,
    torus_expr_op_t op, unsigned types, torus_expr_node_t **kids, size_t n,
    torus_expr_node_t **node);
int torus_expr_need(torus_expr_compile_t *c, torus_expr_node_t *node,
    unsigned type);
void torus_expr_narrow(torus_expr_node_t *node, unsigned type);
int torus_expr_fold(torus_expr_compile_t *c, torus_expr_node_t *node);


/* torus_expr_func.c; NULL when there is none of that name */

const torus_expr_func_t *torus_expr_func_find(torus_str_t name);
const torus_expr_func_t *torus_expr_func_near(torus_str_t name);

/* as numbers may be, else TORUS_DECLINED */
int torus_expr_finite(double d, torus_value_t *out);

/* n bytes of the scratch, NULL when it has not that many */
unsigned char *torus_expr_room(torus_expr_run_t *run, size_t n);

int torus_expr_arith(torus_expr_op_t op, const torus_value_t *a,
    const torus_value_t *b, torus_value_t *out);
int torus_expr_neg(const torus_value_t *a, torus_value_t *out);
int torus_expr_concat(torus_expr_run_t *run, const torus_value_t *a,
    const torus_value_t *b, torus_value_t *out);

/* A number becomes its text, text stays. */
int torus_expr_print(torus_expr_run_t *run, torus_value_t *v);


/* torus_expr_eval.c */

int torus_expr_run_node(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out);


/*
 * torus_expr_regex.c.  to NULL: only for matching.  A reason in err is not
 * yet placed.
 */
int torus_expr_regex_compile(torus_arena_t *arena, torus_str_t regex,
    const torus_str_t *to, torus_expr_regex_t **re, torus_error_t *err);
int torus_expr_regex_match(const torus_expr_regex_t *re, torus_str_t s,
    torus_value_t *out);
int torus_expr_regex_replace(torus_expr_run_t *run,
    const torus_expr_regex_t *re, torus_str_t s, torus_value_t *out);


#endif /* _TORUS_EXPR_TREE_H_INCLUDED_ */
