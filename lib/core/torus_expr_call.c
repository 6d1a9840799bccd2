/*
 * Calls of functions in an expression: how many arguments, of which types,
 * and what is done once, here, instead of for each value: formats are
 * checked, regexes compiled, min() and max() of many become pairs.
 */

#include "torus_expr_tree.h"


static int torus_expr_arity(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, size_t n);
static int torus_expr_arguments(torus_expr_compile_t *c,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n);
static int torus_expr_plain(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node);
static int torus_expr_str(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node);
static int torus_expr_rounded(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node);
static int torus_expr_extreme(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node);
static int torus_expr_length(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node);
static int torus_expr_format(torus_expr_compile_t *c, size_t column,
    torus_expr_node_t **args, torus_expr_node_t **node);
static int torus_expr_regex(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node);
static int torus_expr_literal(torus_expr_compile_t *c,
    torus_expr_node_t *node, const char *what);
static int torus_expr_reduce(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node);
static int torus_expr_reduced(torus_expr_compile_t *c,
    const torus_expr_func_t *func, torus_expr_node_t *arg, unsigned *types);


int
torus_expr_call(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node)
{
    int  rc;

    rc = torus_expr_arity(c, column, func, n);
    if (rc != TORUS_OK) {
        return rc;
    }

    switch (func->kind) {

    case TORUS_EXPR_FUNC_STR:
        return torus_expr_str(c, column, func, args, node);

    case TORUS_EXPR_FUNC_ROUND:
        return torus_expr_rounded(c, column, func, args, n, node);

    case TORUS_EXPR_FUNC_EXTREME:
        return torus_expr_extreme(c, column, func, args, n, node);

    case TORUS_EXPR_FUNC_LEN:
        return torus_expr_length(c, column, func, args, node);

    case TORUS_EXPR_FUNC_FMT:
        return torus_expr_format(c, column, args, node);

    case TORUS_EXPR_FUNC_MATCH:
    case TORUS_EXPR_FUNC_REPLACE:
        return torus_expr_regex(c, column, func, args, node);

    case TORUS_EXPR_FUNC_REDUCE:
        return torus_expr_reduce(c, column, func, args, node);

    default:
        return torus_expr_plain(c, column, func, args, n, node);
    }
}


static int
torus_expr_arity(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, size_t n)
{
    size_t  max;

    max = (func->kind == TORUS_EXPR_FUNC_EXTREME) ? TORUS_EXPR_MAX_ARGS
                                                  : strlen(func->args);

    if (n >= func->min && n <= max) {
        return TORUS_OK;
    }

    return torus_expr_fault(c, column, "expected %s, found %zu argument%s",
                            func->usage, n, n == 1 ? "" : "s");
}


static int
torus_expr_arguments(torus_expr_compile_t *c, const torus_expr_func_t *func,
    torus_expr_node_t **args, size_t n)
{
    int     rc;
    size_t  i;

    for (i = 0; i < n; i++) {

        switch (func->args[i]) {

        case 'n':
            rc = torus_expr_need(c, args[i], TORUS_EXPR_NUM);
            break;

        case 't':
            rc = torus_expr_need(c, args[i], TORUS_EXPR_TEXT);
            break;

        default:
            rc = TORUS_OK;

            /* int() and float() of any: v is read once */

            if ((args[i]->types & TORUS_EXPR_TEXT) == 0) {
                torus_expr_narrow(args[i], TORUS_EXPR_NUM);
            }

            break;
        }

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


static int
torus_expr_plain(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node)
{
    int  rc;

    rc = torus_expr_arguments(c, func, args, n);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_node(c, column, TORUS_EXPR_CALL, func->types, args, n,
                         node);
    if (rc != TORUS_OK) {
        return rc;
    }

    (*node)->call = func->call;

    return torus_expr_fold(c, *node);
}


/* Of v it is what was received, of a condition a choice of two texts. */
static int
torus_expr_str(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node)
{
    int                 rc;
    torus_value_t       yes, no;
    torus_expr_node_t  *kids[2];

    if (args[0]->types != TORUS_EXPR_BOOL) {

        if ((args[0]->types & TORUS_EXPR_NUM) == 0) {
            torus_expr_narrow(args[0], TORUS_EXPR_TEXT);
        }

        rc = torus_expr_node(c, column, TORUS_EXPR_CALL, func->types, args,
                             1, node);
        if (rc != TORUS_OK) {
            return rc;
        }

        (*node)->call = func->call;

        return torus_expr_fold(c, *node);
    }

    yes.kind = TORUS_VALUE_TEXT;
    yes.i = 0;
    yes.text = torus_str("true", 4);

    no = yes;
    no.text = torus_str("false", 5);

    rc = torus_expr_const(c, column, TORUS_EXPR_TEXT, &yes, &kids[0]);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_const(c, column, TORUS_EXPR_TEXT, &no, &kids[1]);
    if (rc != TORUS_OK) {
        return rc;
    }

    *node = args[0];

    return torus_expr_cond(c, column, node, kids[0], kids[1]);
}


static int
torus_expr_rounded(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node)
{
    const torus_expr_node_t  *digits;

    digits = args[n - 1];

    if (n == 2
        && (digits->op != TORUS_EXPR_CONST
            || digits->value.kind != TORUS_VALUE_INT
            || digits->types != TORUS_EXPR_NUM
            || digits->value.i < 0 || digits->value.i > 15))
    {
        return torus_expr_fault(c, digits->column, "expected a constant from "
                                "0 to 15, the digits to round to");
    }

    return torus_expr_plain(c, column, func, args, n, node);
}


static int
torus_expr_extreme(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args, size_t n,
    torus_expr_node_t **node)
{
    int                 rc;
    size_t              i;
    torus_expr_node_t  *pair[2];

    if (n == 1) {

        if (c->env.scope == TORUS_EXPR_OF_ROW) {
            return torus_expr_reduce(c, column, func, args, node);
        }

        return torus_expr_fault(c, column, "expected %s, found 1 argument",
                                func->usage);
    }

    pair[0] = args[0];

    for (i = 1; i < n; i++) {
        pair[1] = args[i];

        rc = torus_expr_plain(c, column, func, pair, 2, node);
        if (rc != TORUS_OK) {
            return rc;
        }

        pair[0] = *node;
    }

    return TORUS_OK;
}


/* Of "values" and "counts" the number of elements, else of bytes. */
static int
torus_expr_length(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node)
{
    if (args[0]->op == TORUS_EXPR_VALUES || args[0]->op == TORUS_EXPR_COUNTS)
    {
        return torus_expr_node(c, column, TORUS_EXPR_ROW_LEN, TORUS_EXPR_NUM,
                               NULL, 0, node);
    }

    return torus_expr_plain(c, column, func, args, 1, node);
}


static int
torus_expr_format(torus_expr_compile_t *c, size_t column,
    torus_expr_node_t **args, torus_expr_node_t **node)
{
    int             rc;
    torus_fmt_t    *fmt;
    torus_error_t   err;

    rc = torus_expr_literal(c, args[0], "a format such as \"%0.3f\"");
    if (rc != TORUS_OK) {
        return rc;
    }

    fmt = torus_arena_alloc(c->arena, sizeof(torus_fmt_t));
    if (fmt == NULL) {
        return TORUS_ERROR;
    }

    rc = torus_fmt_compile(args[0]->value.text, fmt, &err);
    if (rc != TORUS_OK) {
        return torus_expr_fault(c, args[0]->column, "%s", err.text);
    }

    rc = torus_expr_need(c, args[1], TORUS_EXPR_NUM);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_node(c, column, TORUS_EXPR_FMT, TORUS_EXPR_TEXT,
                         &args[1], 1, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    (*node)->fmt = fmt;

    return torus_expr_fold(c, *node);
}


static int
torus_expr_regex(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node)
{
    int                  rc;
    torus_error_t        err;
    torus_expr_op_t      op;
    const torus_str_t   *to;
    torus_expr_regex_t  *regex;

    op = TORUS_EXPR_MATCH;
    to = NULL;

    rc = torus_expr_need(c, args[0], TORUS_EXPR_TEXT);

    if (rc == TORUS_OK) {
        rc = torus_expr_literal(c, args[1], "a regular expression");
    }

    if (rc == TORUS_OK && func->kind == TORUS_EXPR_FUNC_REPLACE) {
        op = TORUS_EXPR_REPLACE;
        to = &args[2]->value.text;
        rc = torus_expr_literal(c, args[2], "what replaces it");
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_regex_compile(c->arena, args[1]->value.text, to, &regex,
                                  &err);

    if (rc == TORUS_INVALID) {
        return torus_expr_fault(c, args[1]->column, "%s", err.text);
    }

    if (rc == TORUS_DECLINED) {
        return torus_expr_fault(c, args[2]->column, "%s", err.text);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_node(c, column, op, func->types, args, 1, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    (*node)->regex = regex;

    return torus_expr_fold(c, *node);
}


static int
torus_expr_literal(torus_expr_compile_t *c, torus_expr_node_t *node,
    const char *what)
{
    if (node->op == TORUS_EXPR_CONST && node->types == TORUS_EXPR_TEXT) {
        return TORUS_OK;
    }

    return torus_expr_fault(c, node->column, "expected %s, as a constant "
                            "text", what);
}


/*
 * The result hangs on the row alone, even inside another reduction, so it
 * has a slot and is computed once in an evaluation: what nests stays linear.
 */
static int
torus_expr_reduce(torus_expr_compile_t *c, size_t column,
    const torus_expr_func_t *func, torus_expr_node_t **args,
    torus_expr_node_t **node)
{
    int       rc;
    unsigned  types;

    if (c->env.scope != TORUS_EXPR_OF_ROW) {
        return torus_expr_fault(c, column, "%s() goes over a row, which only "
                                "TRANSFORMS have", func->name);
    }

    if (!args[0]->vector) {
        return torus_expr_fault(c, args[0]->column, "%s() goes over a row, "
                                "expected \"values\" or \"counts\" in it",
                                func->name);
    }

    rc = torus_expr_reduced(c, func, args[0], &types);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (c->nslots == TORUS_EXPR_MAX_REDUCTIONS) {
        return torus_expr_fault(c, column, "an expression goes over the row "
                                "at most %d times",
                                TORUS_EXPR_MAX_REDUCTIONS);
    }

    rc = torus_expr_node(c, column, TORUS_EXPR_REDUCE, types, args, 1, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    (*node)->reduction = (unsigned char) func->reduction;
    (*node)->slot = (unsigned char) c->nslots++;
    (*node)->vector = 0;

    return TORUS_OK;
}


static int
torus_expr_reduced(torus_expr_compile_t *c, const torus_expr_func_t *func,
    torus_expr_node_t *arg, unsigned *types)
{
    switch (func->reduction) {

    case TORUS_EXPR_COUNT:
        *types = TORUS_EXPR_NUM;

        if (arg->types != TORUS_EXPR_BOOL) {
            return torus_expr_fault(c, arg->column, "expected a condition; "
                                    "len(values) is the number of elements, "
                                    "sum(counts) that of occurrences");
        }

        return TORUS_OK;

    case TORUS_EXPR_ANY:
    case TORUS_EXPR_ALL:
        *types = TORUS_EXPR_BOOL;
        return torus_expr_need(c, arg, TORUS_EXPR_BOOL);

    case TORUS_EXPR_FIRST:
    case TORUS_EXPR_LAST:
        *types = arg->types;
        return TORUS_OK;

    default:
        *types = TORUS_EXPR_NUM;
        return torus_expr_need(c, arg, TORUS_EXPR_NUM);
    }
}
