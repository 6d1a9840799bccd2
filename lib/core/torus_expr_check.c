/*
 * Nodes of an expression from their parts: which types an operator takes,
 * what it gives, and where "v" is read as a number and where as text.  What
 * hangs on constants alone is evaluated here and becomes one.
 *
 * Faults are put whole: the reason, the line, the caret.
 */

#include "torus_expr_tree.h"


static int torus_expr_missed(torus_expr_compile_t *c,
    const torus_expr_node_t *node, unsigned type);
static const torus_expr_node_t *
    torus_expr_branch(const torus_expr_node_t *node, unsigned types);
static const char *torus_expr_types(unsigned types);
static int torus_expr_compare(torus_expr_compile_t *c, size_t column,
    torus_expr_op_t *op, torus_str_t sign, torus_expr_node_t *left,
    torus_expr_node_t *right);
static int torus_expr_plus(torus_expr_compile_t *c, size_t column,
    torus_expr_op_t *op, torus_expr_node_t *left, torus_expr_node_t *right);
static int torus_expr_unlike(torus_expr_compile_t *c, size_t column,
    torus_str_t sign, const torus_expr_node_t *left,
    const torus_expr_node_t *right);


typedef struct {
    torus_expr_scope_t   scope;
    const char          *name;
    torus_expr_op_t      op;
    unsigned             types;
    unsigned             vector;
} torus_expr_word_t;


static const torus_expr_word_t  torus_expr_words[] = {
    { TORUS_EXPR_OF_VALUE, "v", TORUS_EXPR_V, TORUS_EXPR_INPUT, 0 },
    { TORUS_EXPR_OF_POINT, "v", TORUS_EXPR_V, TORUS_EXPR_INPUT, 0 },
    { TORUS_EXPR_OF_POINT, "s", TORUS_EXPR_S, TORUS_EXPR_TEXT, 0 },
    { TORUS_EXPR_OF_ROW, "values", TORUS_EXPR_VALUES, TORUS_EXPR_INPUT, 1 },
    { TORUS_EXPR_OF_ROW, "counts", TORUS_EXPR_COUNTS, TORUS_EXPR_NUM, 1 },
    { TORUS_EXPR_OF_ROW, "duration", TORUS_EXPR_DURATION, TORUS_EXPR_NUM, 0 },
    { TORUS_EXPR_OF_VALUE, NULL, TORUS_EXPR_CONST, 0, 0 }
};

/* By torus_expr_scope_t. */
static const char *const  torus_expr_words_of[] = {
    "\"v\"", "\"s\" and \"v\"", "\"values\", \"counts\" and \"duration\""
};


int
torus_expr_fault(torus_expr_compile_t *c, size_t column, const char *fmt, ...)
{
    char     reason[512], caret[TORUS_EXPR_CARET_SIZE];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);

    torus_expr_caret(caret, sizeof(caret), c->text, column);

    c->column = column;

    return torus_error(c->err, "%s, at column %zu:\n%s", reason, column + 1,
                       caret);
}


/* Bytes that are not ASCII show as '?', so that the caret stands right. */
size_t
torus_expr_caret(char *dst, size_t size, torus_str_t text, size_t column)
{
    int            n;
    char           line[72];
    size_t         i, first, last;
    unsigned char  c;

    if (column > text.len) {
        column = text.len;
    }

    first = (column > 32) ? column - 32 : 0;
    last = (text.len - first > 64) ? first + 64 : text.len;

    for (i = first; i < last; i++) {
        c = text.data[i];
        line[i - first] = (char) (c < 0x20 ? ' ' : c < 0x7f ? c : '?');
    }

    line[last - first] = '\0';

    n = snprintf(dst, size, "    %s%s%s\n%*s^", first == 0 ? "" : "...", line,
                 last == text.len ? "" : "...",
                 (int) (column - first + (first == 0 ? 4 : 7)), "");

    if (n < 0) {
        return 0;
    }

    return ((size_t) n < size) ? (size_t) n : size - 1;
}


int
torus_expr_node(torus_expr_compile_t *c, size_t column, torus_expr_op_t op,
    unsigned types, torus_expr_node_t **kids, size_t n,
    torus_expr_node_t **node)
{
    size_t              i;
    torus_expr_node_t  *new;

    if (c->nodes == TORUS_EXPR_MAX_NODES) {
        return torus_expr_fault(c, column, "an expression has at most %d "
                                "parts", TORUS_EXPR_MAX_NODES);
    }

    new = torus_arena_calloc(c->arena, 1, sizeof(torus_expr_node_t));
    if (new == NULL) {
        return TORUS_ERROR;
    }

    c->nodes++;

    new->op = op;
    new->types = (unsigned char) types;
    new->nkids = (unsigned char) n;
    new->column = (unsigned short) column;
    new->height = 1;

    for (i = 0; i < n; i++) {
        new->kids[i] = kids[i];
        new->vector |= kids[i]->vector;

        if (kids[i]->height >= new->height) {
            new->height = kids[i]->height + 1;
        }
    }

    if (new->height > TORUS_EXPR_MAX_HEIGHT) {
        return torus_expr_fault(c, column, "an expression has at most %d "
                                "operators in a row", TORUS_EXPR_MAX_HEIGHT);
    }

    *node = new;

    return TORUS_OK;
}


int
torus_expr_const(torus_expr_compile_t *c, size_t column, unsigned types,
    const torus_value_t *v, torus_expr_node_t **node)
{
    int  rc;

    rc = torus_expr_node(c, column, TORUS_EXPR_CONST, types, NULL, 0, node);

    if (rc == TORUS_OK) {
        (*node)->value = *v;
    }

    return rc;
}


int
torus_expr_name(torus_expr_compile_t *c, size_t column, torus_str_t name,
    torus_expr_node_t **node)
{
    int                       rc;
    char                      shown[64];
    size_t                    len;
    const torus_expr_word_t  *w;

    for (w = torus_expr_words; w->name != NULL; w++) {

        if (w->scope != c->env.scope || !torus_str_is(name, w->name)) {
            continue;
        }

        rc = torus_expr_node(c, column, w->op, w->types, NULL, 0, node);

        if (rc == TORUS_OK) {
            (*node)->vector = w->vector & 1;

            if (w->op == TORUS_EXPR_V) {
                c->reads_value = 1;
            }
        }

        return rc;
    }

    len = torus_escape(shown, sizeof(shown), name);

    return torus_expr_fault(c, column, "there is no \"%.*s\" here, but %s",
                            (int) len, shown,
                            torus_expr_words_of[c->env.scope]);
}


/* NUM, TEXT or BOOL: node gives that from now on, or it is a fault. */
int
torus_expr_need(torus_expr_compile_t *c, torus_expr_node_t *node,
    unsigned type)
{
    unsigned  others;

    others = (TORUS_EXPR_NUM | TORUS_EXPR_TEXT | TORUS_EXPR_BOOL) & ~type;

    if (type == TORUS_EXPR_BOOL) {
        others |= TORUS_EXPR_INPUT;
    }

    if ((node->types & others) != 0) {
        return torus_expr_missed(c, torus_expr_branch(node, others), type);
    }

    torus_expr_narrow(node, type);

    return TORUS_OK;
}


static int
torus_expr_missed(torus_expr_compile_t *c, const torus_expr_node_t *node,
    unsigned type)
{
    const char  *how;

    how = "";

    if (type == TORUS_EXPR_TEXT) {
        how = ", str() makes text of it";

    } else if (type == TORUS_EXPR_NUM && node->types == TORUS_EXPR_TEXT) {
        how = ", int() and float() read text";

    } else if (type == TORUS_EXPR_NUM && node->types == TORUS_EXPR_BOOL) {
        how = ", int() makes 1 or 0 of it";
    }

    return torus_expr_fault(c, node->column, "expected %s, this is %s%s",
                            torus_expr_types(type),
                            torus_expr_types(node->types), how);
}


/* The branch of "?:" that has one of these types. */
static const torus_expr_node_t *
torus_expr_branch(const torus_expr_node_t *node, unsigned types)
{
    while (node->op == TORUS_EXPR_COND) {
        node = (node->kids[1]->types & types) ? node->kids[1] : node->kids[2];
    }

    return node;
}


static const char *
torus_expr_types(unsigned types)
{
    switch (types) {

    case TORUS_EXPR_NUM:
        return "a number";

    case TORUS_EXPR_TEXT:
        return "text";

    case TORUS_EXPR_BOOL:
        return "a condition";

    default:
        return "a number or text";
    }
}


/* Where INPUT comes from, it becomes NUM or TEXT. */
void
torus_expr_narrow(torus_expr_node_t *node, unsigned type)
{
    if ((node->types & TORUS_EXPR_INPUT) == 0) {
        return;
    }

    node->types = (unsigned char) type;

    switch (node->op) {

    case TORUS_EXPR_V:
        if (type == TORUS_EXPR_NUM) {
            node->op = TORUS_EXPR_V_NUM;
        }

        break;

    case TORUS_EXPR_VALUES:
        node->op = (type == TORUS_EXPR_NUM) ? TORUS_EXPR_VALUES_NUM
                                            : TORUS_EXPR_VALUES_TEXT;
        break;

    case TORUS_EXPR_COND:
        torus_expr_narrow(node->kids[1], type);
        torus_expr_narrow(node->kids[2], type);
        break;

    default: /* first() and last() */
        torus_expr_narrow(node->kids[0], type);
        break;
    }
}


int
torus_expr_unary(torus_expr_compile_t *c, size_t column, int op,
    torus_expr_node_t **node)
{
    int       rc;
    unsigned  type;

    type = (op == '!') ? TORUS_EXPR_BOOL : TORUS_EXPR_NUM;

    rc = torus_expr_need(c, *node, type);

    if (rc != TORUS_OK || op == '+') {
        return rc;
    }

    rc = torus_expr_node(c, column,
                         op == '!' ? TORUS_EXPR_NOT : TORUS_EXPR_NEG, type,
                         node, 1, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_expr_fold(c, *node);
}


int
torus_expr_binary(torus_expr_compile_t *c, size_t column, torus_expr_op_t op,
    torus_str_t sign, torus_expr_node_t **left, torus_expr_node_t *right)
{
    int                 rc;
    unsigned            type;
    torus_expr_node_t  *kids[2];

    switch (op) {

    case TORUS_EXPR_EQ:
    case TORUS_EXPR_NE:
    case TORUS_EXPR_LT:
    case TORUS_EXPR_LE:
    case TORUS_EXPR_GT:
    case TORUS_EXPR_GE:
        type = TORUS_EXPR_BOOL;
        rc = torus_expr_compare(c, column, &op, sign, *left, right);
        break;

    case TORUS_EXPR_ADD:
        rc = torus_expr_plus(c, column, &op, *left, right);
        type = (op == TORUS_EXPR_CONCAT) ? TORUS_EXPR_TEXT : TORUS_EXPR_NUM;
        break;

    default:
        type = (op == TORUS_EXPR_OR || op == TORUS_EXPR_AND)
               ? TORUS_EXPR_BOOL : TORUS_EXPR_NUM;

        rc = torus_expr_need(c, *left, type);

        if (rc == TORUS_OK) {
            rc = torus_expr_need(c, right, type);
        }

        break;
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    kids[0] = *left;
    kids[1] = right;

    rc = torus_expr_node(c, column, op, type, kids, 2, left);
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_expr_fold(c, *left);
}


static int
torus_expr_compare(torus_expr_compile_t *c, size_t column,
    torus_expr_op_t *op, torus_str_t sign, torus_expr_node_t *left,
    torus_expr_node_t *right)
{
    int       rc;
    unsigned  both, type;

    both = left->types | right->types;

    if (left->op >= TORUS_EXPR_EQ && left->op <= TORUS_EXPR_TEXT_GE
        && !left->grouped && (right->types & TORUS_EXPR_BOOL) == 0)
    {
        return torus_expr_fault(c, column, "comparisons do not chain, write "
                                "\"a < b && b < c\"");
    }

    if (both == TORUS_EXPR_BOOL) {

        if (*op != TORUS_EXPR_EQ && *op != TORUS_EXPR_NE) {
            return torus_expr_unlike(c, column, sign, left, right);
        }

        return TORUS_OK;
    }

    if (both == (TORUS_EXPR_NUM | TORUS_EXPR_TEXT)
        || (both & TORUS_EXPR_BOOL) != 0)
    {
        return torus_expr_unlike(c, column, sign, left, right);
    }

    type = (both & TORUS_EXPR_TEXT) ? TORUS_EXPR_TEXT : TORUS_EXPR_NUM;

    rc = torus_expr_need(c, left, type);

    if (rc == TORUS_OK) {
        rc = torus_expr_need(c, right, type);
    }

    if (type == TORUS_EXPR_TEXT) {
        *op += TORUS_EXPR_TEXT_EQ - TORUS_EXPR_EQ;
    }

    return rc;
}


static int
torus_expr_plus(torus_expr_compile_t *c, size_t column, torus_expr_op_t *op,
    torus_expr_node_t *left, torus_expr_node_t *right)
{
    int                       rc;
    unsigned                  both, type;
    static const torus_str_t  sign = torus_string("+");

    both = left->types | right->types;

    if (both == (TORUS_EXPR_NUM | TORUS_EXPR_TEXT)) {
        return torus_expr_unlike(c, column, sign, left, right);
    }

    type = TORUS_EXPR_NUM;

    if (both & TORUS_EXPR_TEXT) {
        type = TORUS_EXPR_TEXT;
        *op = TORUS_EXPR_CONCAT;
    }

    rc = torus_expr_need(c, left, type);

    if (rc == TORUS_OK) {
        rc = torus_expr_need(c, right, type);
    }

    return rc;
}


static int
torus_expr_unlike(torus_expr_compile_t *c, size_t column, torus_str_t sign,
    const torus_expr_node_t *left, const torus_expr_node_t *right)
{
    const char  *takes;

    if (torus_str_is(sign, "+")) {
        takes = "adds two numbers or joins two texts";

    } else if (torus_str_is(sign, "==") || torus_str_is(sign, "!=")) {
        takes = "compares two numbers, two texts or two conditions";

    } else {
        takes = "compares two numbers or two texts";
    }

    return torus_expr_fault(c, column, "\"%.*s\" %s, here are %s and %s",
                            torus_fmt(sign), takes,
                            torus_expr_types(left->types),
                            torus_expr_types(right->types));
}


int
torus_expr_cond(torus_expr_compile_t *c, size_t column,
    torus_expr_node_t **node, torus_expr_node_t *yes, torus_expr_node_t *no)
{
    int                 rc;
    torus_expr_node_t  *kids[3];

    rc = torus_expr_need(c, *node, TORUS_EXPR_BOOL);
    if (rc != TORUS_OK) {
        return rc;
    }

    if ((yes->types == TORUS_EXPR_BOOL) != (no->types == TORUS_EXPR_BOOL)) {
        return torus_expr_fault(c, column, "both branches of \"?\" are "
                                "conditions or none is, here are %s and %s",
                                torus_expr_types(yes->types),
                                torus_expr_types(no->types));
    }

    kids[0] = *node;
    kids[1] = yes;
    kids[2] = no;

    rc = torus_expr_node(c, column, TORUS_EXPR_COND, yes->types | no->types,
                         kids, 3, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_expr_fold(c, *node);
}


/* What hangs on constants alone becomes one. */
int
torus_expr_fold(torus_expr_compile_t *c, torus_expr_node_t *node)
{
    int               rc;
    size_t            i;
    torus_str_t       text;
    torus_value_t     v;
    unsigned char     room[TORUS_EXPR_SCRATCH];
    torus_scratch_t   scratch;
    torus_expr_run_t  run;

    for (i = 0; i < node->nkids; i++) {
        if (node->kids[i]->op != TORUS_EXPR_CONST) {
            return TORUS_OK;
        }
    }

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    run.in = NULL;
    run.scratch = &scratch;
    run.keep = room;

    rc = torus_expr_run_node(&run, node, &v);

    if (rc != TORUS_OK) {
        return torus_expr_fault(c, node->column, "this is never a value: "
                                "overflow, or outside of what is defined");
    }

    if (v.kind == TORUS_VALUE_TEXT) {

        if (torus_arena_dup(c->arena, v.text, &text) != TORUS_OK) {
            return TORUS_ERROR;
        }

        v.text = text;
    }

    /* a "?:" has the types of both branches, now it is known which */

    node->types &= (v.kind == TORUS_VALUE_TEXT) ? TORUS_EXPR_TEXT
                                                : ~TORUS_EXPR_TEXT;
    node->op = TORUS_EXPR_CONST;
    node->nkids = 0;
    node->value = v;

    return TORUS_OK;
}


int
torus_expr_result(torus_expr_compile_t *c, torus_expr_node_t *root)
{
    const torus_expr_node_t  *branch;

    if (root->vector) {
        return torus_expr_fault(c, root->column, "expected one value, this "
                                "differs from element to element: sum(), "
                                "mean(), max(), .. make one of a row");
    }

    switch (c->env.result) {

    case TORUS_EXPR_TO_TEXT:
        return torus_expr_need(c, root, TORUS_EXPR_TEXT);

    case TORUS_EXPR_TO_NUMBER:
        return torus_expr_need(c, root, TORUS_EXPR_NUM);

    case TORUS_EXPR_TO_BOOL:
        return torus_expr_need(c, root, TORUS_EXPR_BOOL);

    default:
        break;
    }

    if (root->types & TORUS_EXPR_BOOL) {
        branch = torus_expr_branch(root, TORUS_EXPR_BOOL);

        return torus_expr_fault(c, branch->column, "expected a number or "
                                "text, this is a condition");
    }

    return TORUS_OK;
}
