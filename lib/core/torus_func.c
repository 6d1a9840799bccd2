/*
 * Input and output processing of one value.  Which form a text has is
 * decided once, when the schema is read; long_or_float, the default, is then
 * nothing but the parsing of a number.
 */

#include "torus_func.h"
#include "torus_expr.h"
#include "torus_fmt.h"


_Static_assert(TORUS_FUNC_SCRATCH >= TORUS_EXPR_SCRATCH,
               "room for what an expression makes");
_Static_assert(TORUS_FUNC_SCRATCH >= TORUS_FMT_SIZE,
               "room for what a format makes");


typedef enum {
    TORUS_FUNC_LONG_OR_FLOAT = 0,
    TORUS_FUNC_LONG,
    TORUS_FUNC_FLOAT,
    TORUS_FUNC_STRING,
    TORUS_FUNC_FORMAT,
    TORUS_FUNC_EXPR
} torus_func_kind_t;


struct torus_func_s {
    torus_func_kind_t  kind;
    torus_str_t        text;
    torus_fmt_t        format;    /* of TORUS_FUNC_FORMAT */
    torus_expr_t      *expr;      /* of TORUS_FUNC_EXPR */
};


static int torus_func_named(torus_str_t text, torus_func_kind_t *kind);
static int torus_func_other(torus_arena_t *arena, torus_str_t text,
    torus_func_t *f, torus_error_t *err);
static int torus_func_long(torus_str_t in, torus_value_t *v);
static int torus_func_float(torus_str_t in, torus_value_t *v);
static int torus_func_format(const torus_func_t *func, torus_str_t in,
    torus_value_t *v, torus_scratch_t *scratch);
static int torus_func_expr(const torus_func_t *func, torus_str_t in,
    torus_value_t *v, torus_scratch_t *scratch);


static const struct {
    torus_str_t        name;
    torus_func_kind_t  kind;
} torus_func_names[] = {
    { torus_string("long_or_float"), TORUS_FUNC_LONG_OR_FLOAT },
    { torus_string("long"), TORUS_FUNC_LONG },
    { torus_string("int"), TORUS_FUNC_LONG },
    { torus_string("float"), TORUS_FUNC_FLOAT },
    { torus_string("string"), TORUS_FUNC_STRING }
};


int
torus_func_compile(torus_arena_t *arena, torus_str_t text,
    torus_func_t **func, torus_error_t *err)
{
    int            rc;
    torus_func_t  *f;

    *func = NULL;

    f = torus_arena_calloc(arena, 1, sizeof(torus_func_t));
    if (f == NULL) {
        return TORUS_ERROR;
    }

    if (torus_func_named(text, &f->kind) != TORUS_OK) {
        rc = torus_func_other(arena, text, f, err);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (torus_arena_dup(arena, text, &f->text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    *func = f;

    return TORUS_OK;
}


static int
torus_func_named(torus_str_t text, torus_func_kind_t *kind)
{
    size_t  i;

    for (i = 0; i < sizeof(torus_func_names) / sizeof(torus_func_names[0]);
         i++)
    {
        if (torus_str_eq(text, torus_func_names[i].name)) {
            *kind = torus_func_names[i].kind;
            return TORUS_OK;
        }
    }

    return TORUS_DECLINED;
}


/*
 * An expression, else a format: what reads as both, "v % floor(2.5)" with
 * its "% f", was not meant as a format.
 */
static int
torus_func_other(torus_arena_t *arena, torus_str_t text, torus_func_t *f,
    torus_error_t *err)
{
    int            rc;
    torus_error_t  expr, format;

    static const torus_expr_env_t  env = {
        TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE
    };

    f->kind = TORUS_FUNC_EXPR;

    rc = torus_expr_compile(arena, text, &env, &f->expr, &expr, NULL);

    if (rc != TORUS_INVALID) {
        return rc;
    }

    if (text.len == 0) {
        return torus_error(err, "must not be empty");
    }

    if (memchr(text.data, '%', text.len) == NULL) {
        return torus_error(err, "must be long_or_float, long, int, float, "
                           "string, a format such as \"%%0.3f\" or an "
                           "expression: %.800s", expr.text);
    }

    f->kind = TORUS_FUNC_FORMAT;

    if (torus_fmt_compile(text, &f->format, &format) == TORUS_OK) {
        return TORUS_OK;
    }

    if (text.data[0] == '%') {
        return torus_error(err, "is not a good format: %.800s", format.text);
    }

    return torus_error(err, "is neither a format (%.200s) nor an expression: "
                       "%.700s", format.text, expr.text);
}


int
torus_func_apply(const torus_func_t *func, torus_str_t in, torus_value_t *v,
    torus_scratch_t *scratch)
{
    switch (func->kind) {

    case TORUS_FUNC_LONG:
        return torus_func_long(in, v);

    case TORUS_FUNC_FLOAT:
        return torus_func_float(in, v);

    case TORUS_FUNC_STRING:
        v->kind = TORUS_VALUE_TEXT;
        v->text = in;
        return TORUS_OK;

    case TORUS_FUNC_FORMAT:
        return torus_func_format(func, in, v, scratch);

    case TORUS_FUNC_EXPR:
        return torus_func_expr(func, in, v, scratch);

    default: /* TORUS_FUNC_LONG_OR_FLOAT */
        return torus_number_parse(in, v);
    }
}


/* An integer beyond 64 bits has become a double, which is still taken. */
static int
torus_func_long(torus_str_t in, torus_value_t *v)
{
    int     rc;
    size_t  i;

    rc = torus_number_parse(in, v);

    if (rc != TORUS_OK || v->kind == TORUS_VALUE_INT) {
        return rc;
    }

    for (i = 0; i < in.len; i++) {
        if (in.data[i] == '.' || in.data[i] == 'e' || in.data[i] == 'E') {
            return TORUS_DECLINED;
        }
    }

    return TORUS_OK;
}


static int
torus_func_float(torus_str_t in, torus_value_t *v)
{
    int  rc;

    rc = torus_number_parse(in, v);

    if (rc == TORUS_OK && v->kind == TORUS_VALUE_INT) {
        v->d = (double) v->i;
        v->kind = TORUS_VALUE_DOUBLE;
    }

    return rc;
}


static int
torus_func_format(const torus_func_t *func, torus_str_t in, torus_value_t *v,
    torus_scratch_t *scratch)
{
    int            rc;
    torus_value_t  number;

    rc = torus_number_parse(in, &number);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_fmt_apply(&func->format, &number, scratch, &v->text);
    if (rc != TORUS_OK) {
        return rc;
    }

    v->kind = TORUS_VALUE_TEXT;

    return TORUS_OK;
}


static int
torus_func_expr(const torus_func_t *func, torus_str_t in, torus_value_t *v,
    torus_scratch_t *scratch)
{
    torus_expr_input_t  input;

    memset(&input, 0, sizeof(torus_expr_input_t));
    input.v = in;

    return torus_expr_eval(func->expr, &input, v, scratch);
}


int
torus_func_is_number(const torus_func_t *func)
{
    return func->kind == TORUS_FUNC_LONG_OR_FLOAT;
}


torus_str_t
torus_func_text(const torus_func_t *func)
{
    return func->text;
}
