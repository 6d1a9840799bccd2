/*
 * Targets: a parser by recursive descent, bounded in depth, and the
 * variables of template().
 */

#include "torus_target.h"

#include "torus_number.h"


#define TORUS_TARGET_MAX_ARGS  1024   /* of one call */


typedef struct {
    torus_arena_t             *arena;
    torus_str_t                text;
    size_t                     pos;
    torus_target_limits_t      limits;
    size_t                     depth;
    size_t                     calls;
    const torus_target_var_t  *vars;
    size_t                     nvars;
    torus_error_t             *err;
} torus_target_parse_t;


static int torus_target_fault(torus_target_parse_t *p, size_t offset,
    const char *expected);
static int torus_target_deep(torus_target_parse_t *p);
static int torus_target_expr(torus_target_parse_t *p, torus_target_t **node);
static int torus_target_pipes(torus_target_parse_t *p, torus_target_t **node);
static int torus_target_call(torus_target_parse_t *p, size_t name_len,
    torus_target_t *first, torus_target_t **node);
static int torus_target_args(torus_target_parse_t *p, torus_target_t *call,
    torus_target_t *first);
static int torus_target_nothing(torus_target_parse_t *p,
    torus_target_t **node);
static int torus_target_arg(torus_target_parse_t *p, torus_target_t **node);
static int torus_target_value(torus_target_parse_t *p, torus_target_t **node);
static int torus_target_string(torus_target_parse_t *p,
    torus_target_t **node);
static size_t torus_target_string_end(torus_target_parse_t *p, int escapes);
static int torus_target_word(torus_target_parse_t *p, torus_target_t **node);
static size_t torus_target_number(torus_target_parse_t *p, int *integer);
static int torus_target_path(torus_target_parse_t *p, torus_target_t **node);
static int torus_target_path_text(torus_target_parse_t *p, size_t end,
    torus_str_t *text);
static int torus_target_ends(torus_target_parse_t *p, size_t pos);
static torus_target_t *torus_target_new(torus_target_parse_t *p,
    torus_target_kind_t kind, size_t offset);
static void torus_target_blanks(torus_target_parse_t *p);
static size_t torus_target_name(torus_str_t text, size_t pos);
static int torus_target_is_path(unsigned char c);
static int torus_target_template(torus_target_parse_t *p,
    torus_target_t **node);
static int torus_target_replace(torus_target_parse_t *p, torus_target_t *node,
    const torus_target_var_t *vars, size_t nvars);
static int torus_target_variable(torus_target_t *node,
    const torus_target_var_t *vars, size_t nvars);
static int torus_target_expand(torus_target_parse_t *p, torus_str_t *text,
    const torus_target_var_t *var);


int
torus_target_parse(torus_arena_t *arena, torus_str_t text,
    const torus_target_limits_t *limits, const torus_target_var_t *vars,
    size_t nvars, torus_target_t **tree, torus_error_t *err)
{
    int                   rc;
    torus_target_parse_t  p;

    static const torus_target_limits_t  defaults = {
        TORUS_TARGET_TEXT, TORUS_TARGET_CALLS, TORUS_TARGET_DEPTH
    };

    memset(&p, 0, sizeof(torus_target_parse_t));

    p.arena = arena;
    p.limits = limits != NULL ? *limits : defaults;
    p.text = text;
    p.vars = vars;
    p.nvars = nvars;
    p.err = err;

    if (p.limits.text != 0 && text.len > p.limits.text) {
        torus_error(err, "a target has at most %zu bytes, not %zu",
                    p.limits.text, text.len);
        return TORUS_DECLINED;
    }

    rc = torus_target_expr(&p, tree);
    if (rc != TORUS_OK) {
        return rc;
    }

    torus_target_blanks(&p);

    if (p.pos != text.len) {
        return torus_target_fault(&p, p.pos, "the end");
    }

    return TORUS_OK;
}


/* Quotes what there is from the offset on; always TORUS_INVALID. */
static int
torus_target_fault(torus_target_parse_t *p, size_t offset,
    const char *expected)
{
    char    here[64];
    size_t  n;

    if (offset >= p->text.len) {
        return torus_error(p->err, "expected %s at the end of the target",
                           expected);
    }

    n = torus_escape(here, 32, torus_str(p->text.data + offset,
                                         p->text.len - offset));

    return torus_error(p->err, "expected %s at character %zu of the target, "
                       "not \"%.*s\"", expected, offset + 1, (int) n, here);
}


static int
torus_target_deep(torus_target_parse_t *p)
{
    torus_error(p->err, "functions are nested at most %zu deep",
                p->limits.depth);

    return TORUS_DECLINED;
}


static int
torus_target_expr(torus_target_parse_t *p, torus_target_t **node)
{
    int     rc;
    size_t  len, pos;

    torus_target_blanks(p);

    len = torus_target_name(p->text, p->pos);

    if (len != 0) {
        pos = p->pos;
        p->pos += len;
        torus_target_blanks(p);

        if (p->pos < p->text.len && p->text.data[p->pos] == '(') {
            p->pos = pos;
            rc = torus_target_call(p, len, NULL, node);

        } else {
            p->pos = pos;
            rc = torus_target_path(p, node);
        }

    } else {
        rc = torus_target_path(p, node);
    }

    return (rc == TORUS_OK) ? torus_target_pipes(p, node) : rc;
}


static int
torus_target_pipes(torus_target_parse_t *p, torus_target_t **node)
{
    int              rc;
    size_t           len;
    torus_target_t  *first;

    for ( ;; ) {
        torus_target_blanks(p);

        if (p->pos == p->text.len || p->text.data[p->pos] != '|') {
            return TORUS_OK;
        }

        p->pos++;
        torus_target_blanks(p);

        len = torus_target_name(p->text, p->pos);
        if (len == 0) {
            return torus_target_fault(p, p->pos, "a function");
        }

        first = *node;

        rc = torus_target_call(p, len, first, node);
        if (rc != TORUS_OK) {
            return rc;
        }
    }
}


/* At the name of a function; first is what was piped into it, or NULL. */
static int
torus_target_call(torus_target_parse_t *p, size_t name_len,
    torus_target_t *first, torus_target_t **node)
{
    int              rc;
    size_t           i;
    torus_target_t  *call;

    if (p->calls++ == p->limits.calls && p->limits.calls != 0) {
        torus_error(p->err, "a target has at most %zu functions",
                    p->limits.calls);
        return TORUS_DECLINED;
    }

    if (p->depth == p->limits.depth) {
        return torus_target_deep(p);
    }

    call = torus_target_new(p, TORUS_TARGET_CALL, p->pos);
    if (call == NULL) {
        return TORUS_ERROR;
    }

    call->text = torus_str(p->text.data + p->pos, name_len);

    p->pos += name_len;
    torus_target_blanks(p);

    if (p->pos == p->text.len || p->text.data[p->pos] != '(') {
        return torus_target_fault(p, p->pos, "\"(\"");
    }

    p->pos++;
    p->depth++;

    rc = torus_target_args(p, call, first);

    p->depth--;

    if (rc != TORUS_OK) {
        return rc;
    }

    call->raw = torus_str(p->text.data + call->offset, p->pos - call->offset);

    for (i = 0; i < call->nargs; i++) {
        if (call->args[i]->height > call->height) {
            call->height = call->args[i]->height;
        }
    }

    /* pipes make trees as deep as parentheses do */
    if (++call->height > p->limits.depth) {
        return torus_target_deep(p);
    }

    *node = call;

    if (torus_str_is(call->text, "template")) {
        return torus_target_template(p, node);
    }

    return TORUS_OK;
}


static int
torus_target_args(torus_target_parse_t *p, torus_target_t *call,
    torus_target_t *first)
{
    int              rc, left_out;
    size_t           size;
    torus_target_t  *arg, **args;

    size = 4;

    call->args = torus_arena_alloc(p->arena, size * sizeof(torus_target_t *));
    if (call->args == NULL) {
        return TORUS_ERROR;
    }

    if (first != NULL) {
        call->args[call->nargs++] = first;
    }

    torus_target_blanks(p);

    if (p->pos < p->text.len && p->text.data[p->pos] == ')') {
        p->pos++;
        return TORUS_OK;
    }

    left_out = (first == NULL && p->pos < p->text.len
                && p->text.data[p->pos] == ',');

    for ( ;; ) {
        if (left_out) {
            rc = torus_target_nothing(p, &arg);
            left_out = 0;

        } else {
            rc = torus_target_arg(p, &arg);
        }

        if (rc != TORUS_OK) {
            return rc;
        }

        if (call->nargs != 0 && arg->key.len == 0
            && call->args[call->nargs - 1]->key.len != 0)
        {
            return torus_target_fault(p, arg->offset, "no argument without a "
                                      "name behind one that has one");
        }

        if (call->nargs == size) {

            if (size == TORUS_TARGET_MAX_ARGS) {
                return torus_error(p->err, "a function has at most %d "
                                   "arguments", TORUS_TARGET_MAX_ARGS);
            }

            args = torus_arena_alloc(p->arena,
                                     size * 4 * sizeof(torus_target_t *));
            if (args == NULL) {
                return TORUS_ERROR;
            }

            memcpy(args, call->args, size * sizeof(torus_target_t *));

            call->args = args;
            size *= 4;
        }

        call->args[call->nargs++] = arg;

        torus_target_blanks(p);

        if (p->pos < p->text.len && p->text.data[p->pos] == ')') {
            p->pos++;
            return TORUS_OK;
        }

        if (p->pos == p->text.len || p->text.data[p->pos] != ',') {
            return torus_target_fault(p, p->pos, "\",\" or \")\"");
        }

        p->pos++;
    }
}


/* Grafana wraps a query into a function even while it is still empty. */
static int
torus_target_nothing(torus_target_parse_t *p, torus_target_t **node)
{
    *node = torus_target_new(p, TORUS_TARGET_PATH, p->pos);

    return (*node != NULL) ? TORUS_OK : TORUS_ERROR;
}


static int
torus_target_arg(torus_target_parse_t *p, torus_target_t **node)
{
    int          rc;
    size_t       len, pos;
    torus_str_t  key;

    torus_target_blanks(p);

    pos = p->pos;
    key = torus_str(NULL, 0);
    len = torus_target_name(p->text, pos);

    if (len != 0) {
        p->pos += len;
        torus_target_blanks(p);

        if (p->pos < p->text.len && p->text.data[p->pos] == '=') {
            key = torus_str(p->text.data + pos, len);
            p->pos++;
            torus_target_blanks(p);

        } else {
            p->pos = pos;
        }
    }

    rc = torus_target_value(p, node);

    if (rc == TORUS_OK) {
        (*node)->key = key;
    }

    return rc;
}


static int
torus_target_value(torus_target_parse_t *p, torus_target_t **node)
{
    int              integer;
    size_t           len;
    torus_value_t    v;
    torus_target_t  *number;

    if (p->pos == p->text.len) {
        return torus_target_fault(p, p->pos, "an argument");
    }

    if (p->text.data[p->pos] == '"' || p->text.data[p->pos] == '\'') {
        return torus_target_string(p, node);
    }

    len = torus_target_number(p, &integer);

    if (len != 0) {
        number = torus_target_new(p, TORUS_TARGET_NUMBER, p->pos);
        if (number == NULL) {
            return TORUS_ERROR;
        }

        number->text = torus_str(p->text.data + p->pos, len);
        number->integer = integer;

        /* an integer is shown without zeros before it */

        while (integer && number->text.len > 1
               && number->text.data[0] == '0')
        {
            number->text.data++;
            number->text.len--;
        }

        if (torus_number_parse(number->text, &v) != TORUS_OK) {
            return torus_target_fault(p, p->pos, "a smaller number");
        }

        number->number = torus_number_double(&v);

        if (integer && number->number == 0) {
            number->number = 0;
            number->text = torus_str("0", 1);
        }

        p->pos += len;
        *node = number;

        return TORUS_OK;
    }

    if (torus_target_word(p, node) == TORUS_OK) {
        return (*node == NULL) ? TORUS_ERROR : TORUS_OK;
    }

    return torus_target_expr(p, node);
}


static int
torus_target_string(torus_target_parse_t *p, torus_target_t **node)
{
    size_t           end;
    torus_target_t  *string;

    /*
     * A backslash stays in the string and the quote behind it is a part of
     * it, unless that leaves no string at all: "C:\" is one.
     */
    end = torus_target_string_end(p, 1);

    if (end == 0 || !torus_target_ends(p, end + 1)) {
        end = torus_target_string_end(p, 0);
    }

    if (end == 0) {
        return torus_target_fault(p, p->pos, "a string with both its quotes");
    }

    string = torus_target_new(p, TORUS_TARGET_STRING, p->pos);
    if (string == NULL) {
        return TORUS_ERROR;
    }

    string->text = torus_str(p->text.data + p->pos + 1, end - p->pos - 1);

    p->pos = end + 1;
    *node = string;

    return TORUS_OK;
}


static size_t
torus_target_string_end(torus_target_parse_t *p, int escapes)
{
    size_t         i;
    unsigned char  quote;

    quote = p->text.data[p->pos];

    for (i = p->pos + 1; i < p->text.len; i++) {

        if (p->text.data[i] == quote) {
            return i;
        }

        if (p->text.data[i] == '\\' && escapes) {
            i++;
        }
    }

    return 0;
}


/* TORUS_OK and a node, NULL when out of memory; TORUS_DECLINED. */
static int
torus_target_word(torus_target_parse_t *p, torus_target_t **node)
{
    size_t                i, j, len;
    torus_str_t           text;
    unsigned char         c;
    torus_target_kind_t   kind;

    static const char *const  words[] = { "true", "false", "none", "inf" };

    for (i = 0; i < 4; i++) {
        len = strlen(words[i]);

        if (p->text.len - p->pos < len
            || !torus_target_ends(p, p->pos + len))
        {
            continue;
        }

        text = torus_str(p->text.data + p->pos, len);

        for (j = 0; j < len; j++) {
            c = text.data[j];

            if (c >= 'A' && c <= 'Z') {
                c |= 0x20;
            }

            if (c != (unsigned char) words[i][j]) {
                break;
            }
        }

        if (j == len) {
            break;
        }
    }

    if (i == 4) {
        return TORUS_DECLINED;
    }

    kind = i < 2 ? TORUS_TARGET_BOOL
           : i == 2 ? TORUS_TARGET_NONE : TORUS_TARGET_INF;

    *node = torus_target_new(p, kind, p->pos);

    if (*node != NULL) {
        (*node)->text = text;
        (*node)->number = (i == 0);
        p->pos += len;
    }

    return TORUS_OK;
}


/* Its length, 0 if there is none: "1.5" is one, "1.5.a" a path. */
static size_t
torus_target_number(torus_target_parse_t *p, int *integer)
{
    size_t                i, start;
    const unsigned char  *s;

    s = p->text.data;
    i = p->pos;

    *integer = 1;

    if (i < p->text.len && (s[i] == '-' || s[i] == '+')) {
        i++;
    }

    for (start = i; i < p->text.len && s[i] >= '0' && s[i] <= '9'; i++) {
        /* void */
    }

    if (i == start) {
        return 0;
    }

    if (i + 1 < p->text.len && s[i] == '.' && s[i + 1] >= '0'
        && s[i + 1] <= '9')
    {
        *integer = 0;

        for (i++; i < p->text.len && s[i] >= '0' && s[i] <= '9'; i++) {
            /* void */
        }
    }

    if (i < p->text.len && (s[i] == 'e' || s[i] == 'E')) {
        *integer = 0;
        i++;

        if (i < p->text.len && (s[i] == '-' || s[i] == '+')) {
            i++;
        }

        for (start = i; i < p->text.len && s[i] >= '0' && s[i] <= '9'; i++) {
            /* void */
        }

        if (i == start) {
            return 0;
        }
    }

    return torus_target_ends(p, i) ? i - p->pos : 0;
}


static int
torus_target_path(torus_target_parse_t *p, torus_target_t **node)
{
    size_t           i, depth;
    unsigned char    c;
    torus_target_t  *path;

    depth = 0;

    for (i = p->pos; i < p->text.len; i++) {
        c = p->text.data[i];

        if (torus_target_is_path(c) || c == '.') {
            continue;
        }

        if (c == '\\' && i + 1 < p->text.len
            && strchr("(){},.'\"\\|=", p->text.data[i + 1]) != NULL
            && p->text.data[i + 1] != '\0')
        {
            i++;

        } else if (c == '{') {
            depth++;

        } else if (c == '}' && depth != 0) {
            depth--;

        } else if (c != ',' || depth == 0) {
            break;
        }
    }

    if (depth != 0) {
        return torus_target_fault(p, i, "\"}\"");
    }

    if (i == p->pos || p->text.data[p->pos] == '.') {
        return torus_target_fault(p, p->pos, "a path or a function");
    }

    if (p->text.data[i - 1] == '.' && p->text.data[i - 2] != '\\') {
        return torus_target_fault(p, i, "a node of the path");
    }

    path = torus_target_new(p, TORUS_TARGET_PATH, p->pos);

    if (path == NULL
        || torus_target_path_text(p, i, &path->text) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    p->pos = i;
    *node = path;

    return TORUS_OK;
}


/* Without the backslashes of its escapes. */
static int
torus_target_path_text(torus_target_parse_t *p, size_t end, torus_str_t *text)
{
    size_t          i, n;
    unsigned char  *copy;

    *text = torus_str(p->text.data + p->pos, end - p->pos);

    if (memchr(text->data, '\\', text->len) == NULL) {
        return TORUS_OK;
    }

    copy = torus_arena_alloc(p->arena, text->len + 1);
    if (copy == NULL) {
        return TORUS_ERROR;
    }

    n = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '\\') {
            i++;
        }

        copy[n++] = text->data[i];
    }

    *text = torus_str(copy, n);

    return TORUS_OK;
}


/* Does an argument end there? */
static int
torus_target_ends(torus_target_parse_t *p, size_t pos)
{
    unsigned char  c;

    for ( /* void */ ; pos < p->text.len; pos++) {
        c = p->text.data[pos];

        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return c == ',' || c == ')';
        }
    }

    return 1;
}


static torus_target_t *
torus_target_new(torus_target_parse_t *p, torus_target_kind_t kind,
    size_t offset)
{
    torus_target_t  *node;

    node = torus_arena_calloc(p->arena, 1, sizeof(torus_target_t));

    if (node != NULL) {
        node->kind = kind;
        node->offset = offset;
    }

    return node;
}


static void
torus_target_blanks(torus_target_parse_t *p)
{
    unsigned char  c;

    for ( /* void */ ; p->pos < p->text.len; p->pos++) {
        c = p->text.data[p->pos];

        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return;
        }
    }
}


/* The length of an identifier, 0 if there is none. */
static size_t
torus_target_name(torus_str_t text, size_t pos)
{
    size_t         i;
    unsigned char  c;

    for (i = pos; i < text.len; i++) {
        c = text.data[i];

        if (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9' && i != pos))
        {
            continue;
        }

        break;
    }

    return i - pos;
}


/* In a path it stands for itself; "." is not asked for. */
static int
torus_target_is_path(unsigned char c)
{
    return c > ' ' && c != 0x7f && strchr("(){},.'\"\\|", c) == NULL;
}


torus_str_t
torus_target_first_path(torus_str_t name)
{
    size_t                i, len, start;
    unsigned char         c;
    torus_target_parse_t  p;

    memset(&p, 0, sizeof(torus_target_parse_t));

    p.text = name;

    for ( ;; ) {
        torus_target_blanks(&p);

        len = torus_target_name(name, p.pos);
        start = p.pos;

        if (len == 0) {
            break;
        }

        p.pos += len;
        torus_target_blanks(&p);

        if (p.pos == name.len || name.data[p.pos] != '(') {
            break;
        }

        p.pos++;
    }

    p.pos = start;

    for (i = start, len = 0; i < name.len; i++) {
        c = name.data[i];

        if (c == '{') {
            len++;

        } else if (c == '}') {
            len -= (len != 0);

        } else if (!torus_target_is_path(c) && c != '.'
                   && (c != ',' || len == 0))
        {
            break;
        }
    }

    /* an argument that is a number is none */
    if (start != 0 && torus_target_number(&p, (int[]) { 0 }) == i - start) {
        return torus_str(NULL, 0);
    }

    return torus_str(name.data + start, i - start);
}


/* *node is a call of template(): what it is of takes its place. */
static int
torus_target_template(torus_target_parse_t *p, torus_target_t **node)
{
    size_t               i, j, n;
    torus_target_t      *call, *arg;
    torus_target_var_t  *vars;

    static const char  digits[] = "123456789";

    call = *node;

    if (call->nargs == 0 || call->args[0]->key.len != 0
        || (call->args[0]->kind != TORUS_TARGET_PATH
            && call->args[0]->kind != TORUS_TARGET_CALL))
    {
        return torus_error(p->err, "template() needs an expression and then "
                           "variables");
    }

    vars = torus_arena_calloc(p->arena, call->nargs + p->nvars,
                              sizeof(torus_target_var_t));
    if (vars == NULL) {
        return TORUS_ERROR;
    }

    for (n = 0; n < p->nvars; n++) {
        vars[n] = p->vars[n];
    }

    for (i = 1; i < call->nargs; i++) {
        arg = call->args[i];

        if (arg->kind != TORUS_TARGET_NUMBER
            && arg->kind != TORUS_TARGET_STRING)
        {
            return torus_error(p->err, "a variable of template() is a number "
                               "or a string");
        }

        if (arg->key.len == 0 && i > 9) {
            return torus_error(p->err, "template() has at most 9 variables "
                               "without a name");
        }

        vars[n].name = arg->key.len != 0 ? arg->key
                                         : torus_str(digits + i - 1, 1);
        vars[n].value = arg->text;

        for (j = 0; j < p->nvars; j++) {
            if (torus_str_eq(vars[j].name, vars[n].name)) {
                break;
            }
        }

        n += (j == p->nvars);
    }

    *node = call->args[0];

    return torus_target_replace(p, *node, vars, n);
}


static int
torus_target_replace(torus_target_parse_t *p, torus_target_t *node,
    const torus_target_var_t *vars, size_t nvars)
{
    int     rc;
    size_t  i;

    if (node->kind == TORUS_TARGET_PATH) {

        if (torus_target_variable(node, vars, nvars) == TORUS_OK) {
            return TORUS_OK;
        }

        for (i = 0; i < nvars; i++) {
            rc = torus_target_expand(p, &node->text, &vars[i]);
            if (rc != TORUS_OK) {
                return rc;
            }
        }

        return TORUS_OK;
    }

    for (i = 0; i < node->nargs; i++) {
        rc = torus_target_replace(p, node->args[i], vars, nvars);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


/* A path that is no more than "$name" becomes a number or a string. */
static int
torus_target_variable(torus_target_t *node, const torus_target_var_t *vars,
    size_t nvars)
{
    size_t         i;
    torus_str_t    name;
    torus_value_t  v;

    if (node->text.len < 2 || node->text.data[0] != '$') {
        return TORUS_DECLINED;
    }

    name = torus_str(node->text.data + 1, node->text.len - 1);

    for (i = 0; i < nvars; i++) {

        if (!torus_str_eq(name, vars[i].name)) {
            continue;
        }

        node->text = vars[i].value;
        node->kind = TORUS_TARGET_STRING;
        node->variable = 1;

        if (torus_number_parse(node->text, &v) == TORUS_OK) {
            node->kind = TORUS_TARGET_NUMBER;
            node->number = torus_number_double(&v);
            node->integer = (v.kind == TORUS_VALUE_INT);
        }

        return TORUS_OK;
    }

    return TORUS_DECLINED;
}


static int
torus_target_expand(torus_target_parse_t *p, torus_str_t *text,
    const torus_target_var_t *var)
{
    size_t          i, n, pass;
    torus_str_t     from;
    unsigned char  *copy;

    from = *text;
    copy = NULL;

    /* first how long it becomes, then what it becomes */
    for (pass = 0; pass < 2; pass++) {
        n = 0;

        for (i = 0; i < from.len; i++) {

            if (from.data[i] == '$' && var->name.len != 0
                && from.len - i > var->name.len
                && memcmp(from.data + i + 1, var->name.data, var->name.len)
                   == 0)
            {
                if (pass == 1 && var->value.len != 0) {
                    memcpy(copy + n, var->value.data, var->value.len);
                }

                n += var->value.len;
                i += var->name.len;

            } else if (pass == 1) {
                copy[n++] = from.data[i];

            } else {
                n++;
            }
        }

        if (p->limits.text != 0 && n > p->limits.text) {
            torus_error(p->err, "variables make a path longer than %zu bytes",
                        p->limits.text);
            return TORUS_DECLINED;
        }

        if (pass == 0) {
            copy = torus_arena_alloc(p->arena, n + 1);
            if (copy == NULL) {
                return TORUS_ERROR;
            }
        }
    }

    *text = torus_str(copy, n);

    return TORUS_OK;
}
