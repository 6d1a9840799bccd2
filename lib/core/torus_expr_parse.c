/*
 * From the text of an expression to its tree: tokens, then operators by
 * precedence.  torus_expr_check.c makes the nodes and knows the types;
 * nothing is evaluated here.
 *
 *   expr     = or [ "?" expr ":" expr ]
 *   or .. *  = binary operators, left to right, by torus_expr_operators
 *   unary    = ( "-" | "+" | "!" ) unary | power
 *   power    = primary [ "**" unary ]
 *   primary  = number | text | "true" | "false" | name
 *            | function "(" [ expr { "," expr } ] ")" | "(" expr ")"
 */

#include "torus_expr_tree.h"


typedef enum {
    TORUS_EXPR_T_END = 0,
    TORUS_EXPR_T_NUMBER,
    TORUS_EXPR_T_TEXT,
    TORUS_EXPR_T_NAME,
    TORUS_EXPR_T_SIGN
} torus_expr_token_kind_t;


typedef struct {
    torus_expr_compile_t     *c;
    size_t                    pos;       /* after the token */
    unsigned                  depth;

    torus_expr_token_kind_t   kind;
    size_t                    column;
    torus_str_t               text;      /* as written */
    torus_value_t             value;     /* of NUMBER and TEXT */
    unsigned                  too_big:1; /* an integer beyond 64 bits */
} torus_expr_parse_t;


typedef struct {
    torus_str_t               sign;
    unsigned                  precedence;
    torus_expr_op_t           op;
} torus_expr_operator_t;


typedef struct {
    const char               *foreign;
    const char               *ours;
} torus_expr_hint_t;


static int torus_expr_token(torus_expr_parse_t *p);
static int torus_expr_token_number(torus_expr_parse_t *p);
static int torus_expr_token_text(torus_expr_parse_t *p);
static size_t torus_expr_escaped(const unsigned char *s, size_t len,
    unsigned char *dst, size_t *n);
static int torus_expr_token_sign(torus_expr_parse_t *p);
static int torus_expr_is(const torus_expr_parse_t *p, const char *sign);
static int torus_expr_skip(torus_expr_parse_t *p, const char *sign,
    const char *where);
static int torus_expr_expected(torus_expr_parse_t *p, const char *what);
static int torus_expr_deeper(torus_expr_parse_t *p);
static int torus_expr_expr(torus_expr_parse_t *p, torus_expr_node_t **node);
static int torus_expr_operation(torus_expr_parse_t *p, unsigned least,
    torus_expr_node_t **node);
static const torus_expr_operator_t *
    torus_expr_operator(const torus_expr_parse_t *p);
static int torus_expr_signed(torus_expr_parse_t *p, torus_expr_node_t **node);
static int torus_expr_minimum(torus_expr_parse_t *p,
    torus_expr_node_t **node);
static int torus_expr_power(torus_expr_parse_t *p, torus_expr_node_t **node);
static int torus_expr_primary(torus_expr_parse_t *p,
    torus_expr_node_t **node);
static int torus_expr_word(torus_expr_parse_t *p, torus_expr_node_t **node);
static int torus_expr_function(torus_expr_parse_t *p, torus_str_t name,
    size_t column, torus_expr_node_t **node);
static const torus_expr_func_t *
    torus_expr_function_find(torus_expr_parse_t *p, torus_str_t name,
    size_t column);
static int torus_expr_foreign(torus_expr_parse_t *p, torus_str_t name);


#define torus_expr_digit(c)  ((c) >= '0' && (c) <= '9')

#define torus_expr_letter(c)                                                  \
    (((c) >= 'a' && (c) <= 'z') || ((c) >= 'A' && (c) <= 'Z') || (c) == '_')

#define torus_expr_blank(c)                                                   \
    ((c) == ' ' || ((c) >= '\t' && (c) <= '\r'))


static const torus_expr_operator_t  torus_expr_operators[] = {
    { torus_string("||"), 1, TORUS_EXPR_OR },
    { torus_string("&&"), 2, TORUS_EXPR_AND },
    { torus_string("=="), 3, TORUS_EXPR_EQ },
    { torus_string("!="), 3, TORUS_EXPR_NE },
    { torus_string("<"),  4, TORUS_EXPR_LT },
    { torus_string("<="), 4, TORUS_EXPR_LE },
    { torus_string(">"),  4, TORUS_EXPR_GT },
    { torus_string(">="), 4, TORUS_EXPR_GE },
    { torus_string("+"),  5, TORUS_EXPR_ADD },
    { torus_string("-"),  5, TORUS_EXPR_SUB },
    { torus_string("*"),  6, TORUS_EXPR_MUL },
    { torus_string("/"),  6, TORUS_EXPR_DIV },
    { torus_string("%"),  6, TORUS_EXPR_MOD },
    { torus_null_string,  0, TORUS_EXPR_CONST }
};


/* The longer ones first. */
static const char *const  torus_expr_signs[] = {
    "**", "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/",
    "%", "!", "?", ":", "(", ")", ",", NULL
};


static const torus_expr_hint_t  torus_expr_hints[] = {
    { "=",      "\"==\" compares" },
    { "&",      "\"&&\" is and" },
    { "|",      "\"||\" is or" },
    { "^",      "\"**\" is the power" },
    { "~",      "match(text, \"regex\") matches" },
    { "and",    "\"&&\" is and" },
    { "or",     "\"||\" is or" },
    { "not",    "\"!\" is not" },
    { "if",     "a choice is \"condition ? value : value\"" },
    { "else",   "a choice is \"condition ? value : value\"" },
    { "None",   "\"drop\" of a transform drops a point" },
    { "True",   "it is \"true\"" },
    { "False",  "it is \"false\"" },
    { NULL,     NULL }
};


int
torus_expr_compile(torus_arena_t *arena, torus_str_t text,
    const torus_expr_env_t *env, torus_expr_t **expr, torus_error_t *err,
    size_t *column)
{
    int                    rc;
    torus_expr_t          *e;
    torus_expr_node_t     *root;
    torus_expr_parse_t     p;
    torus_expr_compile_t   c;

    memset(&c, 0, sizeof(c));
    memset(&p, 0, sizeof(p));

    c.arena = arena;
    c.text = text;
    c.env = *env;
    c.err = err;

    p.c = &c;

    if (text.len > TORUS_EXPR_MAX_TEXT) {
        c.text.len = TORUS_EXPR_MAX_TEXT;
        rc = torus_expr_fault(&c, TORUS_EXPR_MAX_TEXT, "an expression is at "
                              "most %d bytes long", TORUS_EXPR_MAX_TEXT);
        goto done;
    }

    rc = torus_arena_dup(arena, text, &c.text);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_token(&p);

    if (rc == TORUS_OK) {
        rc = torus_expr_expr(&p, &root);
    }

    if (rc == TORUS_OK && p.kind != TORUS_EXPR_T_END) {
        rc = torus_expr_expected(&p, "an operator or the end");
    }

    if (rc == TORUS_OK) {
        rc = torus_expr_result(&c, root);
    }

    if (rc == TORUS_OK) {
        e = torus_arena_alloc(arena, sizeof(torus_expr_t));
        if (e == NULL) {
            return TORUS_ERROR;
        }

        e->text = c.text;
        e->env = c.env;
        e->root = root;
        e->nslots = c.nslots;
        e->reads_value = c.reads_value;

        *expr = e;
    }

done:

    if (column != NULL) {
        *column = c.column;
    }

    return rc;
}


/* The next token. */
static int
torus_expr_token(torus_expr_parse_t *p)
{
    size_t         start;
    torus_str_t    text;
    unsigned char  ch;

    text = p->c->text;

    while (p->pos < text.len && torus_expr_blank(text.data[p->pos])) {
        p->pos++;
    }

    start = p->pos;
    p->column = start;
    p->text = torus_str(text.data + start, 0);

    if (start == text.len) {
        p->kind = TORUS_EXPR_T_END;
        return TORUS_OK;
    }

    ch = text.data[start];

    if (torus_expr_digit(ch)
        || (ch == '.' && start + 1 < text.len
            && torus_expr_digit(text.data[start + 1])))
    {
        return torus_expr_token_number(p);
    }

    if (ch == '"' || ch == '\'') {
        return torus_expr_token_text(p);
    }

    if (!torus_expr_letter(ch)) {
        return torus_expr_token_sign(p);
    }

    while (p->pos < text.len
           && (torus_expr_letter(text.data[p->pos])
               || torus_expr_digit(text.data[p->pos])))
    {
        p->pos++;
    }

    p->kind = TORUS_EXPR_T_NAME;
    p->text.len = p->pos - start;

    return TORUS_OK;
}


static int
torus_expr_token_number(torus_expr_parse_t *p)
{
    int                   integral;
    size_t                i, len;
    const unsigned char  *s;

    s = p->c->text.data;
    len = p->c->text.len;
    integral = 1;

    for (i = p->pos; i < len; i++) {

        if (s[i] == '.') {
            integral = 0;

        } else if (s[i] == 'e' || s[i] == 'E') {
            integral = 0;

            if (i + 1 < len && (s[i + 1] == '+' || s[i + 1] == '-')) {
                i++;
            }

        } else if (!torus_expr_digit(s[i]) && !torus_expr_letter(s[i])) {
            break;
        }
    }

    p->kind = TORUS_EXPR_T_NUMBER;
    p->text.len = i - p->pos;
    p->pos = i;

    switch (torus_number_parse(p->text, &p->value)) {

    case TORUS_OK:
        break;

    case TORUS_NUMBER_INF:
        return torus_expr_fault(p->c, p->column, "the number is too large");

    default:
        return torus_expr_fault(p->c, p->column, "this is no number");
    }

    p->too_big = integral && p->value.kind != TORUS_VALUE_INT;

    return TORUS_OK;
}


static int
torus_expr_token_text(torus_expr_parse_t *p)
{
    size_t                i, n, len;
    unsigned char         quote, *dst;
    const unsigned char  *s;

    s = p->c->text.data;
    len = p->c->text.len;
    quote = s[p->pos];

    for (i = p->pos + 1; i < len && s[i] != quote; i++) {
        if (s[i] == '\\') {
            i++;
        }
    }

    if (i >= len) {
        return torus_expr_fault(p->c, p->column, "the text has no end, "
                                "expected %c", quote);
    }

    /* what is meant is never longer than what is written */

    dst = torus_arena_alloc(p->c->arena, i - p->pos);
    if (dst == NULL) {
        return TORUS_ERROR;
    }

    len = i;
    n = 0;

    for (i = p->pos + 1; i < len; /* void */ ) {

        if (s[i] == '\\') {
            i += torus_expr_escaped(s + i, len - i, dst, &n);

        } else {
            dst[n++] = s[i++];
        }
    }

    p->kind = TORUS_EXPR_T_TEXT;
    p->text.len = len + 1 - p->pos;
    p->pos = len + 1;

    p->value.kind = TORUS_VALUE_TEXT;
    p->value.text = torus_str(dst, n);

    return TORUS_OK;
}


/*
 * A backslash and what it is for; returns how many bytes that was.  Before
 * any other character it stays, so that regexes need not double it.
 */
static size_t
torus_expr_escaped(const unsigned char *s, size_t len, unsigned char *dst,
    size_t *n)
{
    int            i;
    unsigned       byte;
    unsigned char  c;

    c = s[1];

    switch (c) {

    case '\\':
    case '\'':
    case '"':
        dst[(*n)++] = c;
        return 2;

    case 'n':
        dst[(*n)++] = '\n';
        return 2;

    case 'r':
        dst[(*n)++] = '\r';
        return 2;

    case 't':
        dst[(*n)++] = '\t';
        return 2;

    case 'x':
        byte = 0;

        for (i = 2; i < 4 && (size_t) i < len; i++) {
            c = s[i] | 0x20;

            if (torus_expr_digit(c)) {
                byte = byte * 16 + (unsigned) (c - '0');

            } else if (c >= 'a' && c <= 'f') {
                byte = byte * 16 + (unsigned) (c - 'a') + 10;

            } else {
                break;
            }
        }

        if (i == 4) {
            dst[(*n)++] = (unsigned char) byte;
            return 4;
        }

        break;
    }

    dst[(*n)++] = s[0];
    dst[(*n)++] = s[1];

    return 2;
}


static int
torus_expr_token_sign(torus_expr_parse_t *p)
{
    char         shown[8];
    size_t       i, len;
    torus_str_t  rest;

    rest = torus_str(p->c->text.data + p->pos, p->c->text.len - p->pos);

    for (i = 0; torus_expr_signs[i] != NULL; i++) {
        len = strlen(torus_expr_signs[i]);

        if (rest.len >= len
            && memcmp(rest.data, torus_expr_signs[i], len) == 0)
        {
            p->kind = TORUS_EXPR_T_SIGN;
            p->text.len = len;
            p->pos += len;

            return TORUS_OK;
        }
    }

    rest.len = 1;

    if (torus_expr_foreign(p, rest) != TORUS_OK) {
        return TORUS_INVALID;
    }

    len = torus_escape(shown, sizeof(shown), rest);

    return torus_expr_fault(p->c, p->column, "unexpected %.*s", (int) len,
                            shown);
}


/* Words and signs of other languages; TORUS_OK when it is none. */
static int
torus_expr_foreign(torus_expr_parse_t *p, torus_str_t name)
{
    const torus_expr_hint_t  *hint;

    for (hint = torus_expr_hints; hint->foreign != NULL; hint++) {
        if (torus_str_is(name, hint->foreign)) {
            return torus_expr_fault(p->c, p->column, "unexpected \"%s\", %s",
                                    hint->foreign, hint->ours);
        }
    }

    return TORUS_OK;
}


static int
torus_expr_is(const torus_expr_parse_t *p, const char *sign)
{
    return p->kind == TORUS_EXPR_T_SIGN && torus_str_is(p->text, sign);
}


static int
torus_expr_skip(torus_expr_parse_t *p, const char *sign, const char *where)
{
    char  what[64];

    if (!torus_expr_is(p, sign)) {
        snprintf(what, sizeof(what), "\"%s\" %s", sign, where);
        return torus_expr_expected(p, what);
    }

    return torus_expr_token(p);
}


static int
torus_expr_expected(torus_expr_parse_t *p, const char *what)
{
    char    shown[64];
    size_t  len;

    if (p->kind == TORUS_EXPR_T_END) {
        return torus_expr_fault(p->c, p->column, "expected %s, found the end",
                                what);
    }

    if (p->kind == TORUS_EXPR_T_NAME
        && torus_expr_foreign(p, p->text) != TORUS_OK)
    {
        return TORUS_INVALID;
    }

    len = torus_escape(shown, sizeof(shown), p->text);

    return torus_expr_fault(p->c, p->column, "expected %s, found %s%.*s%s",
                            what, p->kind == TORUS_EXPR_T_TEXT ? "" : "\"",
                            (int) len, shown,
                            p->kind == TORUS_EXPR_T_TEXT ? "" : "\"");
}


/* Before each recursion; p->depth-- undoes it. */
static int
torus_expr_deeper(torus_expr_parse_t *p)
{
    if (p->depth == TORUS_EXPR_MAX_DEPTH) {
        return torus_expr_fault(p->c, p->column, "an expression is nested at "
                                "most %d deep", TORUS_EXPR_MAX_DEPTH);
    }

    p->depth++;

    return TORUS_OK;
}


static int
torus_expr_expr(torus_expr_parse_t *p, torus_expr_node_t **node)
{
    int                 rc;
    size_t              column;
    torus_expr_node_t  *yes, *no;

    rc = torus_expr_deeper(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_operation(p, 1, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (torus_expr_is(p, "?")) {
        column = p->column;

        rc = torus_expr_token(p);
        if (rc != TORUS_OK) {
            return rc;
        }

        rc = torus_expr_expr(p, &yes);
        if (rc != TORUS_OK) {
            return rc;
        }

        rc = torus_expr_skip(p, ":", "of \"?\"");
        if (rc != TORUS_OK) {
            return rc;
        }

        rc = torus_expr_expr(p, &no);
        if (rc != TORUS_OK) {
            return rc;
        }

        rc = torus_expr_cond(p->c, column, node, yes, no);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    p->depth--;

    return TORUS_OK;
}


/* Operators that bind at least so strongly. */
static int
torus_expr_operation(torus_expr_parse_t *p, unsigned least,
    torus_expr_node_t **node)
{
    int                           rc;
    size_t                        column;
    torus_expr_node_t            *right;
    const torus_expr_operator_t  *o;

    rc = torus_expr_signed(p, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    for ( ;; ) {
        o = torus_expr_operator(p);

        if (o == NULL || o->precedence < least) {
            return TORUS_OK;
        }

        column = p->column;

        rc = torus_expr_token(p);
        if (rc != TORUS_OK) {
            return rc;
        }

        rc = torus_expr_operation(p, o->precedence + 1, &right);
        if (rc != TORUS_OK) {
            return rc;
        }

        rc = torus_expr_binary(p->c, column, o->op, o->sign, node, right);
        if (rc != TORUS_OK) {
            return rc;
        }
    }
}


static const torus_expr_operator_t *
torus_expr_operator(const torus_expr_parse_t *p)
{
    const torus_expr_operator_t  *o;

    if (p->kind != TORUS_EXPR_T_SIGN) {
        return NULL;
    }

    for (o = torus_expr_operators; o->precedence != 0; o++) {
        if (torus_str_eq(o->sign, p->text)) {
            return o;
        }
    }

    return NULL;
}


static int
torus_expr_signed(torus_expr_parse_t *p, torus_expr_node_t **node)
{
    int     rc, sign;
    size_t  column;

    if (!torus_expr_is(p, "-") && !torus_expr_is(p, "+")
        && !torus_expr_is(p, "!"))
    {
        return torus_expr_power(p, node);
    }

    sign = p->text.data[0];
    column = p->column;

    rc = torus_expr_deeper(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_token(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (sign == '-') {
        rc = torus_expr_minimum(p, node);
        if (rc != TORUS_DECLINED) {
            p->depth--;
            return rc;
        }
    }

    rc = torus_expr_signed(p, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    p->depth--;

    return torus_expr_unary(p->c, column, sign, node);
}


/* -9223372036854775808 is an integer, though it is none without its sign. */
static int
torus_expr_minimum(torus_expr_parse_t *p, torus_expr_node_t **node)
{
    int            rc;
    torus_value_t  v;

    if (p->kind != TORUS_EXPR_T_NUMBER || !p->too_big
        || !torus_str_is(p->text, "9223372036854775808"))
    {
        return TORUS_DECLINED;
    }

    memset(&v, 0, sizeof(v));
    v.kind = TORUS_VALUE_INT;
    v.i = INT64_MIN;

    rc = torus_expr_const(p->c, p->column, TORUS_EXPR_NUM, &v, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_token(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (torus_expr_is(p, "**")) {
        return torus_expr_fault(p->c, p->column, "\"**\" binds tighter than "
                                "\"-\", and 9223372036854775808 is beyond "
                                "64 bits");
    }

    return TORUS_OK;
}


static int
torus_expr_power(torus_expr_parse_t *p, torus_expr_node_t **node)
{
    int                 rc;
    size_t              column;
    torus_str_t         sign;
    torus_expr_node_t  *right;

    rc = torus_expr_primary(p, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (!torus_expr_is(p, "**")) {
        return TORUS_OK;
    }

    sign = p->text;
    column = p->column;

    rc = torus_expr_deeper(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_token(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_signed(p, &right);
    if (rc != TORUS_OK) {
        return rc;
    }

    p->depth--;

    return torus_expr_binary(p->c, column, TORUS_EXPR_POW, sign, node, right);
}


static int
torus_expr_primary(torus_expr_parse_t *p, torus_expr_node_t **node)
{
    int       rc;
    unsigned  types;

    switch (p->kind) {

    case TORUS_EXPR_T_NUMBER:
    case TORUS_EXPR_T_TEXT:

        if (p->kind == TORUS_EXPR_T_NUMBER && p->too_big) {
            return torus_expr_fault(p->c, p->column, "an integer is at most "
                                    "9223372036854775807, a decimal point "
                                    "makes it a double");
        }

        types = (p->kind == TORUS_EXPR_T_NUMBER) ? TORUS_EXPR_NUM
                                                 : TORUS_EXPR_TEXT;

        rc = torus_expr_const(p->c, p->column, types, &p->value, node);
        if (rc != TORUS_OK) {
            return rc;
        }

        return torus_expr_token(p);

    case TORUS_EXPR_T_NAME:
        return torus_expr_word(p, node);

    default:
        break;
    }

    if (!torus_expr_is(p, "(")) {
        return torus_expr_expected(p, "a value");
    }

    rc = torus_expr_token(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_expr(p, node);
    if (rc != TORUS_OK) {
        return rc;
    }

    (*node)->grouped = 1;

    return torus_expr_skip(p, ")", "after the parentheses");
}


static int
torus_expr_word(torus_expr_parse_t *p, torus_expr_node_t **node)
{
    int            rc;
    size_t         column;
    torus_str_t    name;
    torus_value_t  v;

    name = p->text;
    column = p->column;

    if (torus_expr_foreign(p, name) != TORUS_OK) {
        return TORUS_INVALID;
    }

    rc = torus_expr_token(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (torus_expr_is(p, "(")) {
        return torus_expr_function(p, name, column, node);
    }

    if (torus_str_is(name, "true") || torus_str_is(name, "false")) {
        memset(&v, 0, sizeof(v));
        v.kind = TORUS_VALUE_INT;
        v.i = torus_str_is(name, "true");

        return torus_expr_const(p->c, column, TORUS_EXPR_BOOL, &v, node);
    }

    if (torus_expr_func_find(name) != NULL) {
        return torus_expr_fault(p->c, column, "%.*s is a function: %s",
                                torus_fmt(name),
                                torus_expr_func_find(name)->usage);
    }

    return torus_expr_name(p->c, column, name, node);
}


static int
torus_expr_function(torus_expr_parse_t *p, torus_str_t name, size_t column,
    torus_expr_node_t **node)
{
    int                       rc;
    size_t                    n;
    torus_expr_node_t        *args[TORUS_EXPR_MAX_ARGS];
    const torus_expr_func_t  *func;

    func = torus_expr_function_find(p, name, column);
    if (func == NULL) {
        return TORUS_INVALID;
    }

    rc = torus_expr_token(p);
    if (rc != TORUS_OK) {
        return rc;
    }

    n = 0;

    while (!torus_expr_is(p, ")") || n != 0) {

        if (n == TORUS_EXPR_MAX_ARGS) {
            return torus_expr_fault(p->c, p->column, "a function has at most "
                                    "%d arguments", TORUS_EXPR_MAX_ARGS);
        }

        rc = torus_expr_expr(p, &args[n]);
        if (rc != TORUS_OK) {
            return rc;
        }

        n++;

        if (!torus_expr_is(p, ",")) {
            break;
        }

        rc = torus_expr_token(p);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    rc = torus_expr_skip(p, ")", "or \",\" after the argument");
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_expr_call(p->c, column, func, args, n, node);
}


static const torus_expr_func_t *
torus_expr_function_find(torus_expr_parse_t *p, torus_str_t name,
    size_t column)
{
    char                      shown[64];
    size_t                    len;
    const torus_expr_func_t  *func;

    func = torus_expr_func_find(name);
    if (func != NULL) {
        return func;
    }

    len = torus_escape(shown, sizeof(shown), name);
    func = torus_expr_func_near(name);

    if (func == NULL) {
        torus_expr_fault(p->c, column, "there is no function \"%.*s\"",
                         (int) len, shown);
    } else {
        torus_expr_fault(p->c, column, "there is no function \"%.*s\", is it "
                         "%s?", (int) len, shown, func->usage);
    }

    return NULL;
}
