/*
 * Expressions, beyond the examples of their reference (test_expr_doc.c):
 * how mistakes are shown, bounds, arithmetic at the edges of 64 bits against
 * a wider one, what a row costs, and that evaluation does not allocate.
 */

#include "torus_expr.h"
#include "torus_test.h"


#define ROW  1000000


typedef struct {
    torus_value_t  *values;
    size_t          calls;
    size_t          last;
} row_t;


static torus_arena_t *arena(void);
static int compile(torus_arena_t *a, const char *text,
    torus_expr_scope_t scope, torus_expr_result_t result, torus_expr_t **e,
    torus_error_t *err, size_t *column);
static torus_expr_t *must_compile(torus_arena_t *a, const char *text,
    torus_expr_scope_t scope, torus_expr_result_t result);
static int value_of(const char *text, const char *v, char *dst, size_t size);
static void gives(const char *text, const char *v, const char *want);
static void gives_code(const char *text, const char *v, int want);
static void refused(const char *text, size_t column, const char *why);
static void refused_long(const char *head, const char *repeat, size_t n,
    const char *tail, const char *why);
static char *repeated(const char *head, const char *repeat, size_t n,
    const char *tail);
static void get(const void *row, size_t i, torus_value_t *value,
    int64_t *count);
static int over_row(const char *text, torus_expr_result_t result, row_t *row,
    size_t n, torus_value_t *v, size_t *skipped);
static void count_malloc(const volatile void *p, size_t size);
static void count_free(const volatile void *p);
static void test_caret(void);
static void test_refused(void);
static void test_bounds(void);
static void test_not_a_number(void);
static void test_integers(void);
static int same_integers(const char *op, int64_t a, int64_t b);
static void test_results(void);
static void test_scratch(void);
static void test_regexes(void);
static void test_bytes(void);
static void test_v_is_read(void);
static void test_row_cost(void);
static void test_row_texts(void);
static void test_row_skips(void);
static void test_original(void);
static void test_allocates_nothing(void);
static void test_arena_limit(void);


int
main(void)
{
    test_caret();
    test_refused();
    test_bounds();
    test_not_a_number();
    test_integers();
    test_results();
    test_scratch();
    test_regexes();
    test_bytes();
    test_v_is_read();
    test_row_cost();
    test_row_texts();
    test_row_skips();
    test_original();
    test_allocates_nothing();
    test_arena_limit();

    return done_testing();
}


static torus_arena_t *
arena(void)
{
    torus_arena_t  *a;

    a = torus_arena_create(4096, 0);
    if (a == NULL) {
        bail_out("out of memory");
    }

    return a;
}


static int
compile(torus_arena_t *a, const char *text, torus_expr_scope_t scope,
    torus_expr_result_t result, torus_expr_t **e, torus_error_t *err,
    size_t *column)
{
    torus_expr_env_t  env;

    env.scope = scope;
    env.result = result;

    return torus_expr_compile(a, torus_test_z(text), &env, e, err, column);
}


static torus_expr_t *
must_compile(torus_arena_t *a, const char *text, torus_expr_scope_t scope,
    torus_expr_result_t result)
{
    torus_expr_t   *e;
    torus_error_t   err;

    if (compile(a, text, scope, result, &e, &err, NULL) != TORUS_OK) {
        bail_out("%s: %s", text, err.text);
    }

    return e;
}


/* Of a write_func, as it would be stored; the code of torus_expr_eval(). */
static int
value_of(const char *text, const char *v, char *dst, size_t size)
{
    int                 rc;
    size_t              n;
    torus_value_t       out;
    torus_expr_t       *e;
    torus_arena_t      *a;
    unsigned char       room[TORUS_EXPR_SCRATCH], number[TORUS_NUMBER_SIZE];
    torus_scratch_t     scratch;
    torus_expr_input_t  in;

    a = arena();
    e = must_compile(a, text, TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE);

    memset(&in, 0, sizeof(in));
    in.v = torus_test_z(v);

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_expr_eval(e, &in, &out, &scratch);

    if (rc == TORUS_OK) {

        if (out.kind != TORUS_VALUE_TEXT) {
            n = torus_number_print(number, &out);
            out.text = torus_str(number, n);
        }

        n = out.text.len < size - 1 ? out.text.len : size - 1;
        memcpy(dst, out.text.data, n);
        dst[n] = '\0';
    }

    torus_arena_destroy(a);

    return rc;
}


static void
gives(const char *text, const char *v, const char *want)
{
    int   rc;
    char  got[TORUS_EXPR_SCRATCH];

    rc = value_of(text, v, got, sizeof(got));

    if (is_int(rc, TORUS_OK, "%s: a value for \"%s\"", text, v)) {
        is_cstr(got, want, "and which");
    }
}


static void
gives_code(const char *text, const char *v, int want)
{
    char  got[TORUS_EXPR_SCRATCH];

    is_int(value_of(text, v, got, sizeof(got)), want, "%s: refuses \"%s\"",
           text, v);
}


static void
refused(const char *text, size_t column, const char *why)
{
    size_t          got;
    torus_expr_t   *e;
    torus_arena_t  *a;
    torus_error_t   err;

    a = arena();

    if (is_int(compile(a, text, TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE, &e,
                       &err, &got), TORUS_INVALID, "%s: is refused", text))
    {
        like(err.text, why, "with a reason");
        is_int((int64_t) got, (int64_t) column, "and the column");
    }

    torus_arena_destroy(a);
}


static char *
repeated(const char *head, const char *repeat, size_t n, const char *tail)
{
    char    *text, *p;
    size_t   i, len;

    len = strlen(repeat);

    text = malloc(strlen(head) + n * len + strlen(tail) + 1);
    if (text == NULL) {
        bail_out("out of memory");
    }

    p = text + strlen(head);
    memcpy(text, head, strlen(head));

    for (i = 0; i < n; i++) {
        memcpy(p, repeat, len);
        p += len;
    }

    memcpy(p, tail, strlen(tail) + 1);

    return text;
}


static void
refused_long(const char *head, const char *repeat, size_t n,
    const char *tail, const char *why)
{
    char           *text;
    torus_expr_t   *e;
    torus_arena_t  *a;
    torus_error_t   err;

    a = arena();
    text = repeated(head, repeat, n, tail);

    if (is_int(compile(a, text, TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE, &e,
                       &err, NULL), TORUS_INVALID, "%zu times \"%s\"", n,
               repeat))
    {
        like(err.text, why, "is refused with a reason");
        is_int((int64_t) err.len, (int64_t) strlen(err.text), "that is whole");
    }

    free(text);
    torus_arena_destroy(a);
}


static void
test_caret(void)
{
    char            dst[TORUS_EXPR_CARET_SIZE];
    char           *text;
    size_t          column;
    torus_expr_t   *e;
    torus_arena_t  *a;
    torus_error_t   err;

    a = arena();
    column = 99;

    compile(a, "v * \"2\"", TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE, &e,
            &err, &column);

    is_cstr(err.text, "expected a number, this is text, int() and float() "
            "read text, at column 5:\n"
            "    v * \"2\"\n"
            "        ^", "a mistake and where it is");
    is_int((int64_t) column, 4, "its column for programs");

    torus_arena_destroy(a);

    text = repeated("", "0123456789", 20, "");

    torus_expr_caret(dst, sizeof(dst), torus_test_z(text), 100);
    is_cstr(dst, "    ...8901234567890123456789012345678901234567890123456789"
            "01234567890" "1...\n"
            "                                       ^",
            "a long expression is cut on both sides");

    torus_expr_caret(dst, sizeof(dst), torus_test_z(text), 9999);
    like(dst, "...8901234567890123456789012345678" "9\n"
         "                                       ^",
         "a column behind the end is at the end");

    free(text);

    torus_expr_caret(dst, sizeof(dst), torus_str("\xc3\xa4\n\x1b'", 5), 4);
    is_cstr(dst, "    ??  '\n        ^",
            "control bytes do not reach the log");

    is_int((int64_t) torus_expr_caret(dst, 8, torus_str("abcdefgh", 8), 2),
           7, "no more than there is room for");
}


static void
test_refused(void)
{
    refused("", 0, "expected a value, found the end");
    refused("   ", 3, "expected a value, found the end");
    refused("v +", 3, "expected a value, found the end");
    refused("v v", 2, "expected an operator or the end, found \"v\"");
    refused("v \"a\"", 2, "expected an operator or the end");
    refused("(v", 2, "expected \")\" after the parentheses, found the end");
    refused("v)", 1, "expected an operator or the end, found \")\"");
    refused("v > 0 ? 1", 9, "expected \":\" of \"?\", found the end");
    refused("v > 0 ? 1 2", 10, "expected \":\" of \"?\", found \"2\"");
    refused("abs(v", 5, "expected \")\" or \",\" after the argument");
    refused("abs(v,)", 6, "expected a value, found \")\"");
    refused("abs(,v)", 4, "expected a value, found \",\"");
    refused("abs()", 0, "expected abs(x), found 0 arguments");
    refused("abs(1, 2)", 0, "expected abs(x), found 2 arguments");
    refused("clamp(1, 2)", 0, "expected clamp(x, low, high)");
    refused("abs", 0, "abs is a function: abs(x)");
    refused("x", 0, "there is no \"x\" here, but \"v\"");
    refused("V", 0, "there is no \"V\" here");
    refused("lowr(v)", 0, "is it lower(text)?");
    refused("INT(v)", 0, "is it int(x)?");
    refused("wibble(v)", 0, "there is no function \"wibble\"");
    refused("v @ 2", 2, "unexpected @");
    refused("v \x01", 2, "unexpected \\x01");
    refused("v & 1", 2, "\"&&\" is and");
    refused("v | 1", 2, "\"||\" is or");
    refused("v ^ 2", 2, "\"**\" is the power");
    refused("1 if v else 2", 2, "a choice is");
    refused("not v", 0, "\"!\" is not");
    refused("None", 0, "drops a point");
    refused("0x10", 0, "this is no number");
    refused("1.2.3", 0, "this is no number");
    refused("1e", 0, "this is no number");
    refused("1e999", 0, "the number is too large");
    refused("-9223372036854775808 ** 2", 21, "\"**\" binds tighter");
    refused("-9223372036854775809", 1, "an integer is at most");
    refused("\"a\\", 0, "the text has no end, expected \"");
    refused("'a\"", 0, "the text has no end, expected '");
    refused("\"a\" < 1", 4, "compares two numbers or two texts");
    refused("true < false", 5, "compares two numbers or two texts, here are "
            "a condition and a condition");
    refused("true + 1", 0, "int() makes 1 or 0 of it");
    refused("true", 0, "expected a number or text, this is a condition");
    refused("v > 0 ? true : v < 0", 8, "this is a condition");
    refused("-\"a\"", 1, "expected a number, this is text");
    refused("\"a\" * 2", 0, "expected a number, this is text");
    refused("!\"a\"", 1, "expected a condition, this is text");
    refused("1 && true", 0, "expected a condition, this is a number");
    refused("true || v", 8, "expected a condition, this is a number or text");
    refused("len(v > 0 ? v : 1)", 16, "expected text, this is a number");
    refused("abs(v > 0 ? v : \"a\")", 16, "expected a number, this is text");
    refused("lower(v * 1)", 8, "str() makes text of it");
    refused("fmt(\"%d\", \"1\")", 10, "expected a number, this is text");
    refused("fmt(\"%q\", 1)", 4, "not by \"q\"");
    refused("match(v, \"a{2,1}\")", 9, "expected a regular expression, ");
    refused("replace(v, \"a\", \"\\2\")", 16, "\"\\2\" is no group");
    refused("replace(v, \"a\", \"x\\y\")", 16, "is followed by a digit");
    refused("replace(v, \"a\", \"x\\\\\")", 16, "is followed by a digit");
    refused("replace(v, \"a\", v)", 16, "expected what replaces it");
    refused("match(v, \"(*UTF)a\")", 9, "expected a regular expression");
    refused("round(v, 16)", 9, "a constant from 0 to 15");
    refused("round(v, -1)", 9, "a constant from 0 to 15");
    refused("round(v, 1.0)", 9, "a constant from 0 to 15");
    refused("values", 0, "there is no \"values\" here");
    refused("count(v > 0)", 0, "which only TRANSFORMS have");

    gives("(0 < v) == (v < 1) ? 1 : 0", "0.5", "1");
    gives("(v > 0) == true ? 1 : 0", "1", "1");
}


static void
test_bounds(void)
{
    char    *text;

    refused_long("", " ", 4095, "12", "an expression is at most 4096 bytes");
    refused_long("", "(", 5000, "1", "an expression is at most 4096 bytes");
    refused_long("", "(", 64, "1", "nested at most 64 deep");
    refused_long("", "-", 64, "1", "nested at most 64 deep");
    refused_long("", "!", 64, "true", "nested at most 64 deep");
    refused_long("", "abs(", 64, "1", "nested at most 64 deep");
    refused_long("", "1 ** ", 64, "1", "nested at most 64 deep");
    refused_long("", "true ? ", 64, "1", "nested at most 64 deep");
    refused_long("", "v>0?1:", 64, "1", "nested at most 64 deep");
    refused_long("v", " + v", 256, "", "at most 256 operators in a row");
    refused_long("max(1", ", v", 16, ")", "at most 16 arguments");
    refused_long("0 * (0", "+0", 200, ") + v+(0"
                 "+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0"
                 ") * \"", "the text has no end");

    text = repeated("", " ", 4095, "1");
    gives(text, "", "1");
    free(text);

    text = repeated("v", " + v", 254, "");
    gives(text, "2", "510");
    free(text);

    text = repeated("max(v", ", v", 15, ")");
    gives(text, "2", "2");
    free(text);

    /* wide, not high: each sum of 200 is one argument */

    text = repeated("max(0", "+0", 200, ", 1)");
    gives(text, "", "1");
    free(text);

    refused_long("\"\"==v?1:max(", "v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v"
                 "+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v+v*v,", 14,
                 "1)", "at most 1024 parts");
}


/* Texts that read as NaN or infinity are told apart from bad ones. */
static void
test_not_a_number(void)
{
    gives_code("v", "nan", TORUS_NUMBER_NAN);
    gives_code("v", "inf", TORUS_NUMBER_INF);
    gives_code("v + 1", "nan", TORUS_NUMBER_NAN);
    gives_code("v > 0 ? 1 : 2", "-inf", TORUS_NUMBER_INF);
    gives_code("float(v)", "nan", TORUS_NUMBER_NAN);
    gives_code("int(str(v))", "inf", TORUS_NUMBER_INF);
    gives_code("v + 1", "1e999", TORUS_NUMBER_INF);
    gives_code("v + 1", "", TORUS_DECLINED);
    gives_code("v + 1", "1 2", TORUS_DECLINED);

    gives("match(v, \"^nan$\") ? 0 : v", "nan", "0");
    gives("str(v)", "nan", "nan");
    gives("len(v)", "inf", "3");

    gives_code("v * 10", "1e308", TORUS_DECLINED);
    gives_code("v - 1e308", "-1e308", TORUS_DECLINED);
    gives_code("v / 1e-300", "1e300", TORUS_DECLINED);
    gives_code("v ** 2.0", "1e300", TORUS_DECLINED);
    gives_code("0 ** v", "-1", TORUS_DECLINED);
    gives_code("0.0 / v", "0.0", TORUS_DECLINED);
    gives_code("5.5 % v", "0.0", TORUS_DECLINED);
    gives_code("log2(v)", "-1", TORUS_DECLINED);
    gives_code("log10(v)", "0", TORUS_DECLINED);
    gives_code("int(v)", "9223372036854775808", TORUS_DECLINED);
    gives_code("fmt(\"%d\", v)", "1e19", TORUS_DECLINED);
    gives_code("part(str(v), 0.5 / v)", "0", TORUS_DECLINED);

    gives("0 ** v", "0", "1");
    gives("1 / v", "1e308", "1e-308");
    gives("v % 1e300", "-1", "1e+300");
    gives("v % -3.5", "1.25", "-2.25");
    gives("trunc(v)", "-9223372036854775808.0", "-9223372036854775808");
    gives("floor(v)", "9223372036854775807.0", "9.223372036854776e+18");
    gives("round(v, 3)", "-0.0001", "-0.0");
    gives("round(v, 15)", "123456789.123456789", "123456789.12345679");
    gives("round(v, 2)", "1e300", "1e+300");
    gives("min(v, 9007199254740993)", "9007199254740992.0",
          "9007199254740992.0");
    gives("max(v, 9007199254740993)", "9007199254740992.0",
          "9007199254740993");
}


/* What 64 bits cannot hold is a bad value, what they can is exact. */
static void
test_integers(void)
{
    int     same;
    size_t  i, j, k;

    static const char     *ops[] = { "+", "-", "*", "%", "<", "==" };
    static const int64_t   edges[] = {
        INT64_MIN, INT64_MIN + 1, -4294967297, -4294967296, -3037000500,
        -3037000499, -3, -2, -1, 0, 1, 2, 3, 7, 3037000499, 3037000500,
        4294967296, 4294967297, 4611686018427387904, INT64_MAX - 1, INT64_MAX
    };

    same = 1;

    for (k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
        for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
            for (j = 0; j < sizeof(edges) / sizeof(edges[0]); j++) {
                same = same && same_integers(ops[k], edges[i], edges[j]);
            }
        }

        ok(same, "a %s b of all edges", ops[k]);
    }

    gives("v ** 3", "2097151", "9223358842721533951");
    gives_code("v ** 3", "2097152", TORUS_DECLINED);
    gives("v ** 3", "-2097152", "-9223372036854775808");
    gives("(0 - 1) ** v", "9223372036854775807", "-1");
    gives("1 ** v", "9223372036854775807", "1");
    gives("0 ** v", "9223372036854775807", "0");
    gives_code("2 ** v", "9223372036854775807", TORUS_DECLINED);
    gives("v ** 1", "-9223372036854775808", "-9223372036854775808");
    gives("2 ** v", "-1074", "5e-324");
    gives("-v", "9223372036854775807", "-9223372036854775807");
    gives("v / 1", "9223372036854775807", "9.223372036854776e+18");
    gives("v / -1", "-9223372036854775808", "9.223372036854776e+18");
}


__extension__ typedef __int128  wide_t;


static int
same_integers(const char *op, int64_t a, int64_t b)
{
    int     rc, refuse;
    char    text[64], v[32], got[64], want[64];
    wide_t  w;

    snprintf(text, sizeof(text), "int(v %s (%" PRId64 "))", op, b);
    snprintf(v, sizeof(v), "%" PRId64, a);

    refuse = 0;

    switch (op[0]) {

    case '+':
        w = (wide_t) a + b;
        break;

    case '-':
        w = (wide_t) a - b;
        break;

    case '*':
        w = (wide_t) a * b;
        break;

    case '%':
        refuse = (b == 0);
        w = refuse ? 0 : (wide_t) a % b;
        w += (w != 0 && (w < 0) != (b < 0)) ? b : 0;
        break;

    case '<':
        w = a < b;
        break;

    default:
        w = a == b;
        break;
    }

    refuse = refuse || w < INT64_MIN || w > INT64_MAX;

    rc = value_of(text, v, got, sizeof(got));

    if (refuse) {
        return rc == TORUS_DECLINED;
    }

    snprintf(want, sizeof(want), "%" PRId64, (int64_t) w);

    if (rc != TORUS_OK || strcmp(got, want) != 0) {
        diag("%s of %s: not %s", text, v, want);
        return 0;
    }

    return 1;
}


/* Each place takes its own types. */
static void
test_results(void)
{
    size_t          i;
    torus_expr_t   *e;
    torus_arena_t  *a;
    torus_error_t   err;

    static const struct {
        const char           *text;
        torus_expr_result_t   result;
        int                   rc;
    } cases[] = {
        { "1", TORUS_EXPR_TO_VALUE, TORUS_OK },
        { "\"a\"", TORUS_EXPR_TO_VALUE, TORUS_OK },
        { "true ? 1 : \"a\"", TORUS_EXPR_TO_VALUE, TORUS_OK },
        { "v > 0 ? 1 : \"a\"", TORUS_EXPR_TO_VALUE, TORUS_OK },
        { "v > 0", TORUS_EXPR_TO_VALUE, TORUS_INVALID },
        { "1", TORUS_EXPR_TO_TEXT, TORUS_INVALID },
        { "v", TORUS_EXPR_TO_TEXT, TORUS_OK },
        { "v > 0 ? 1 : \"a\"", TORUS_EXPR_TO_TEXT, TORUS_INVALID },
        { "true ? \"b\" : \"a\"", TORUS_EXPR_TO_TEXT, TORUS_OK },
        { "v > 0", TORUS_EXPR_TO_TEXT, TORUS_INVALID },
        { "1", TORUS_EXPR_TO_PRINTED, TORUS_OK },
        { "v > 0", TORUS_EXPR_TO_PRINTED, TORUS_INVALID },
        { "v", TORUS_EXPR_TO_NUMBER, TORUS_OK },
        { "s", TORUS_EXPR_TO_NUMBER, TORUS_INVALID },
        { "v > 0", TORUS_EXPR_TO_NUMBER, TORUS_INVALID },
        { "v", TORUS_EXPR_TO_BOOL, TORUS_INVALID },
        { "1", TORUS_EXPR_TO_BOOL, TORUS_INVALID },
        { "v > 0 ? v > 1 : true", TORUS_EXPR_TO_BOOL, TORUS_OK },
        { "false", TORUS_EXPR_TO_BOOL, TORUS_OK }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = arena();

        is_int(compile(a, cases[i].text, TORUS_EXPR_OF_POINT,
                       cases[i].result, &e, &err, NULL), cases[i].rc,
               "%s as result %d", cases[i].text, cases[i].result);

        torus_arena_destroy(a);
    }
}


static void
test_scratch(void)
{
    size_t              n;
    torus_value_t       v;
    torus_expr_t       *e;
    torus_arena_t      *a;
    unsigned char      *room;
    torus_scratch_t     scratch;
    torus_expr_input_t  in;

    a = arena();
    e = must_compile(a, "lower(s) + \".\" + fmt(\"%.1f\", v)",
                     TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT);

    memset(&in, 0, sizeof(in));
    in.s = torus_test_z("AB");
    in.v = torus_test_z("1");

    /* "ab", "ab." "1.0" and "ab.1.0" */

    for (n = 0; n <= 14; n++) {
        room = malloc(n + (n == 0));
        if (room == NULL) {
            bail_out("out of memory");
        }

        scratch.pos = room;
        scratch.end = room + n;

        if (n < 14) {
            is_int(torus_expr_eval(e, &in, &v, &scratch), TORUS_DECLINED,
                   "a scratch of %zu bytes is too small", n);
            ok(scratch.pos == room, "and given back");

        } else {
            is_int(torus_expr_eval(e, &in, &v, &scratch), TORUS_OK,
                   "one of 14 is enough");
            is_str(v.text, "ab.1.0", "and this is the text");
            ok(scratch.pos == room + 14, "which stays behind pos");
        }

        free(room);
    }

    torus_arena_destroy(a);

    gives_code("replace(v, \"\", \"0123456789\")",
               "..............................................."
               "..............................................."
               "..............................................."
               "..............................................."
               "..............................................."
               "..............................................."
               "..............................................."
               "..............................................."
               "...............................................",
               TORUS_DECLINED);

    /* texts that were only compared do not take room from the result */

    a = arena();
    e = must_compile(a, "lower(s) == \"ab\" ? 1 : 2", TORUS_EXPR_OF_POINT,
                     TORUS_EXPR_TO_NUMBER);

    room = malloc(2);
    if (room == NULL) {
        bail_out("out of memory");
    }

    scratch.pos = room;
    scratch.end = room + 2;

    is_int(torus_expr_eval(e, &in, &v, &scratch), TORUS_OK, "a number");
    ok(scratch.pos == room, "leaves nothing in the scratch");

    free(room);
    torus_arena_destroy(a);
}


static void
test_regexes(void)
{
    char           *text;
    torus_expr_t   *e;
    torus_arena_t  *a;
    torus_error_t   err;

    gives("replace(v, \"b\", \"\")", "abc", "ac");
    gives("replace(v, \"x\", \"y\")", "abc", "abc");
    gives("replace(v, \"\", \"-\")", "", "-");
    gives("replace(v, \"$\", \"!\")", "abc", "abc!");
    gives("replace(v, \"^\", \"!\")", "abc", "!abc");
    gives("replace(v, \"b*\", \"-\")", "abbc", "-a--c-");
    gives("replace(v, \"a\\Kb\", \"-\")", "abab", "a-a-");
    gives("replace(v, \"(a)|(b)\", \"[\\1|\\2|\\0]\")", "ab", "[a||a][|b|b]");
    gives("replace(v, \"(?=(c))\", \"\\1\")", "abc", "abcc");
    gives("replace(v, \"\\.\", \"\\\\\\\\\")", "a.b", "a\\b");
    gives("replace(v, \"(?i)B\", \"x\")", "abc", "axc");
    gives("match(v, \"\\bcd\\b\") ? 1 : 0", "ab.cd", "1");
    gives("match(v, \"^(\\d+)\\.\\1$\") ? 1 : 0", "12.12", "1");

    /* exponential without limits: a bad value, and soon */

    text = repeated("", "a", 200, "!");
    gives_code("match(v, \"^(a+)+$\") ? 1 : 0", text, TORUS_DECLINED);
    gives_code("replace(v, \"^(a|aa)+$\", \"x\")", text, TORUS_DECLINED);
    free(text);

    /* deep, not long: the JIT's stack is small, the interpreter's is not */

    text = repeated("", "ab", 1500, "");
    gives("match(v, \"^(?:(a)(b)|c)+$\") ? 1 : 0", text, "1");
    free(text);

    /*
     * \K in a lookahead moves a match's start behind its end: PCRE2 refuses
     * it since 10.38, before that it is a bad value
     */

    a = arena();

    if (compile(a, "replace(v, \"(?=ab\\K)\", \"x\")", TORUS_EXPR_OF_VALUE,
                TORUS_EXPR_TO_VALUE, &e, &err, NULL) == TORUS_OK)
    {
        gives_code("replace(v, \"(?=ab\\K)\", \"x\")", "zab",
                   TORUS_DECLINED);

    } else {
        like(err.text, "lookaround", "a match that ends before it starts");
    }

    torus_arena_destroy(a);
}


/* Text is bytes: no encoding, zero bytes too. */
static void
test_bytes(void)
{
    torus_value_t       v;
    torus_expr_t       *e;
    torus_arena_t      *a;
    unsigned char       room[64];
    torus_scratch_t     scratch;
    torus_expr_input_t  in;

    a = arena();
    e = must_compile(a, "replace(upper(s), \"\\xff.\", \"<\\0>\") + \"\\x00\"",
                     TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT);

    memset(&in, 0, sizeof(in));
    in.s = torus_str("a\0\xff\xc3\xa4", 5);

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    is_int(torus_expr_eval(e, &in, &v, &scratch), TORUS_OK, "any bytes");
    is_mem(v.text.data, v.text.len, "A\0<\xff\xc3>\xa4\0", 8,
           "stay what they are");

    torus_arena_destroy(a);

    gives("len(v)", "\xc3\xa4", "2");
    gives("substr(v, 1)", "\xc3\xa4", "\xa4");
    gives("substr(v, -9223372036854775808)", "abc", "abc");
    gives("substr(v, 9223372036854775807, 9223372036854775807)", "abc", "");
    gives("part(v, 0)", "", "");
    gives("part(v, -1)", "a.", "");
    gives_code("part(v, -3)", "a.b", TORUS_DECLINED);
    gives_code("part(v, 9223372036854775807)", "a.b", TORUS_DECLINED);
    gives_code("part(v, -9223372036854775808)", "a.b", TORUS_DECLINED);
    gives("v < \"b\" ? 1 : 0", "a\xff", "1");
    gives("v < \"ab\" ? 1 : 0", "a", "1");
    gives("v >= \"a\" ? 1 : 0", "a", "1");
}


/* What a name comes to without the point's value can be remembered. */
static void
test_v_is_read(void)
{
    torus_expr_t   *e;
    torus_arena_t  *a;

    a = arena();

    e = must_compile(a, "lower(s)", TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT);
    is_int(torus_expr_reads_value(e), 0, "lower(s) hangs on s alone");
    is_str(torus_expr_text(e), "lower(s)", "and knows its text");

    e = must_compile(a, "s + v", TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT);
    is_int(torus_expr_reads_value(e), 1, "s + v does not");

    torus_arena_destroy(a);
}


static void
get(const void *data, size_t i, torus_value_t *value, int64_t *count)
{
    row_t  *row;

    row = (row_t *) (uintptr_t) data;

    row->calls++;
    row->last = i;

    if (row->values != NULL) {
        *value = row->values[i];

    } else {
        memset(value, 0, sizeof(*value));
        value->kind = TORUS_VALUE_INT;
        value->i = (int64_t) i;
    }

    *count = 2;
}


static int
over_row(const char *text, torus_expr_result_t result, row_t *row, size_t n,
    torus_value_t *v, size_t *skipped)
{
    int                  rc;
    torus_expr_t        *e;
    torus_arena_t       *a;
    static unsigned char room[256];
    torus_scratch_t      scratch;
    torus_expr_row_t     values;
    torus_expr_input_t   in;

    a = arena();
    e = must_compile(a, text, TORUS_EXPR_OF_ROW, result);

    memset(&in, 0, sizeof(in));
    values.row = row;
    values.n = n;
    values.get = get;

    in.values = &values;
    in.duration = 60;
    in.skipped = skipped;

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    row->calls = 0;
    row->last = 0;

    rc = torus_expr_eval(e, &in, v, &scratch);

    torus_arena_destroy(a);

    return rc;
}


/* A million elements are looked at once per reduction, or not at all. */
static void
test_row_cost(void)
{
    size_t         i;
    row_t          row;
    torus_value_t  v;

    static const struct {
        const char  *text;
        size_t       calls;
        double       want;
    } cases[] = {
        { "sum(values)", ROW, 499999500000.0 },
        { "sum(values * counts) / duration", ROW, 16666650000.0 },
        { "len(values)", 0, ROW },
        { "len(counts)", 0, ROW },
        { "first(values)", 1, 0 },
        { "last(values)", 1, ROW - 1 },
        { "any(values > 9) ? 1 : 0", 11, 1 },
        { "all(values < 9) ? 1 : 0", 10, 0 },
        { "any(values < 0) ? 1 : 0", ROW, 0 },
        { "count(values % 2 == 0)", ROW, ROW / 2 },
        { "count(values > mean(values))", 2 * ROW, ROW / 2 },
        { "sum(values - min(values)) / max(values - mean(values))", 4 * ROW,
          499999500000.0 / 499999.5 },
        { "count(len(str(values) + last(str(values))) == 7)", ROW + 1, 10 },
        { "len(values) == 0 ? sum(values) : 1", 0, 1 }
    };

    memset(&row, 0, sizeof(row));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(over_row(cases[i].text, TORUS_EXPR_TO_NUMBER, &row, ROW, &v,
                        NULL), TORUS_OK, "%s of a million", cases[i].text);
        is_int((int64_t) row.calls, (int64_t) cases[i].calls,
               "looks at %zu elements", cases[i].calls);
        is_double_near(torus_number_double(&v), cases[i].want, 1e-6,
                       "and is right");
    }
}


/* Texts of elements: given back, but for those that a result still needs. */
static void
test_row_texts(void)
{
    row_t          row;
    torus_value_t  v;

    memset(&row, 0, sizeof(row));

    is_int(over_row("count(str(values) + \"-\" + str(values) != \"\")",
                    TORUS_EXPR_TO_NUMBER, &row, 1000, &v, NULL), TORUS_OK,
           "1000 texts in a scratch of 256 bytes");
    is_int(v.i, 1000, "all of them");

    is_int(over_row("count(str(values) == first(str(values + 7)))",
                    TORUS_EXPR_TO_NUMBER, &row, 1000, &v, NULL), TORUS_OK,
           "a text made inside a reduction around it");
    is_int(v.i, 1, "is not written over by its elements");

    is_int(over_row("count(\"x\" + str(values) == "
                    "last(\"x\" + str(values * 0 + count(str(values) + \"y\""
                    " == first(str(values + 3) + \"y\")))))",
                    TORUS_EXPR_TO_NUMBER, &row, 1000, &v, NULL), TORUS_OK,
           "and so on, three deep");
    is_int(v.i, 1, "and right");

    is_int(over_row("last(\"<\" + str(values) + \">\")", TORUS_EXPR_TO_VALUE,
                    &row, 1000, &v, NULL), TORUS_OK, "a text as result");
    is_str(v.text, "<999>", "and which");

    is_int(over_row("first(values)", TORUS_EXPR_TO_VALUE, &row, 10, &v,
                    NULL), TORUS_OK, "an element as it is");
    is_int(v.kind, TORUS_VALUE_INT, "is a number");
}


static void
test_row_skips(void)
{
    row_t          row;
    size_t         i, skipped;
    torus_value_t  v, values[6];

    memset(values, 0, sizeof(values));

    for (i = 0; i < 6; i++) {
        values[i].kind = TORUS_VALUE_INT;
        values[i].i = (int64_t) i;
    }

    values[0].kind = TORUS_VALUE_TEXT;
    values[0].text = torus_test_z("n/a");
    values[3].kind = TORUS_VALUE_DOUBLE;
    values[3].d = NAN;
    values[4].i = INT64_MAX;
    values[5].kind = TORUS_VALUE_TEXT;
    values[5].text = torus_test_z("7");

    memset(&row, 0, sizeof(row));
    row.values = values;
    skipped = 0;

    is_int(over_row("sum(values * 2)", TORUS_EXPR_TO_NUMBER, &row, 6, &v,
                    &skipped), TORUS_OK, "a row with bad values in it");
    is_int(v.i, 2 + 4 + 14, "is summed without them");
    is_int((int64_t) skipped, 3, "text, NaN and overflow are counted");

    skipped = 0;
    is_int(over_row("first(values + 0)", TORUS_EXPR_TO_NUMBER, &row, 6, &v,
                    &skipped), TORUS_OK, "the first of them");
    is_int(v.i, 1, "is the first number");
    is_int((int64_t) skipped, 1, "after one that is none");

    is_int(over_row("mean(values)", TORUS_EXPR_TO_NUMBER, &row, 1, &v, NULL),
           TORUS_DECLINED, "the mean of no numbers is a bad value");
    is_int(over_row("sum(values) + max(values)", TORUS_EXPR_TO_NUMBER, &row,
                    1, &v, NULL), TORUS_DECLINED, "so is their maximum");
    is_int(over_row("sum(log(values))", TORUS_EXPR_TO_NUMBER, &row, 1, &v,
                    NULL), TORUS_OK, "the sum of none is");
    is_int(v.i, 0, "nought");

    values[1].kind = values[2].kind = TORUS_VALUE_DOUBLE;
    values[1].d = values[2].d = 1e308;

    is_int(over_row("sum(values)", TORUS_EXPR_TO_NUMBER, &row, 3, &v, NULL),
           TORUS_DECLINED, "a sum beyond all doubles is a bad value");
}


/* What the original's schemas did in Python. */
static void
test_original(void)
{
    size_t  i;

    /*
     * def statsd_timer_hash(v): below 0 is 0, below 1 three decimals, below
     * 5 two, else one
     */
    static const char  *hash =
        "v < 0 ? 0 : v < 1 ? fmt('%0.3f', v) : v < 5 ? fmt('%0.2f', v)"
        " : fmt('%0.1f', v)";

    static const struct {
        const char  *in;
        const char  *out;
    } cases[] = {
        { "-0.5", "0" }, { "0", "0.000" }, { "0.12349", "0.123" },
        { "0.9999", "1.000" }, { "1", "1.00" }, { "4.994", "4.99" },
        { "5", "5.0" }, { "1234.56", "1234.6" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gives(hash, cases[i].in, cases[i].out);
    }

    gives_code(hash, "fast", TORUS_DECLINED);

    /* '%0.3f' % v */

    gives("fmt('%0.3f', v)", "2.0005", "2.001");
    gives("fmt('%0.3f', v)", "3", "3.000");
    gives_code("fmt('%0.3f', v)", "x", TORUS_DECLINED);
}


static size_t  allocations;


static void
count_malloc(const volatile void *p, size_t size)
{
    (void) p;
    (void) size;

    allocations++;
}


static void
count_free(const volatile void *p)
{
    (void) p;
}


int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void *, size_t),
    void (*free_hook)(const volatile void *)) __attribute__((weak));


/* Counted by AddressSanitizer; without it there is nothing to count with. */
static void
test_allocates_nothing(void)
{
    int                 rc;
    char               *large;
    size_t              before;
    row_t               row;
    torus_value_t       v;
    torus_expr_t       *e, *r;
    torus_arena_t      *a;
    unsigned char       room[512];
    torus_scratch_t     scratch;
    torus_expr_row_t    values;
    torus_expr_input_t  in;

    if (__sanitizer_install_malloc_and_free_hooks == NULL) {
        diag("no AddressSanitizer: allocations are not counted");
        return;
    }

    __sanitizer_install_malloc_and_free_hooks(count_malloc, count_free);

    a = arena();
    e = must_compile(a, "replace(lower(s), '^web\\.([^.]+)', 'www.\\1')"
                     " + fmt('.%0.3f', v) + str(v * 1.5)"
                     " + (match(s, 'x') ? part(s, 0) : substr(s, 1))",
                     TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT);
    r = must_compile(a, "sum(values * counts) + count(str(values) == '7')",
                     TORUS_EXPR_OF_ROW, TORUS_EXPR_TO_NUMBER);

    memset(&row, 0, sizeof(row));
    memset(&in, 0, sizeof(in));

    values.row = &row;
    values.n = 100;
    values.get = get;

    in.s = torus_test_z("WEB.01.rt");
    in.v = torus_test_z("1.25");
    in.values = &values;

    before = allocations;

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_expr_eval(e, &in, &v, &scratch);

    ok(allocations == before && rc == TORUS_OK,
       "a point is processed without an allocation");

    rc = torus_expr_eval(r, &in, &v, &scratch);

    ok(allocations == before && rc == TORUS_OK, "a row too");

    /* else the check above could not fail */

    large = repeated("", "x", 10, "");
    ok(allocations > before, "allocations are counted");
    free(large);

    torus_arena_destroy(a);
}


/* Out of memory at each place where there can be: no leak, no crash. */
static void
test_arena_limit(void)
{
    int             rc;
    size_t          limit, refused, made;
    torus_expr_t   *e;
    torus_arena_t  *a;
    torus_error_t   err;

    refused = 0;
    made = 0;

    for (limit = 512; limit < 32768; limit += 64) {
        a = torus_arena_create(512, limit);
        if (a == NULL) {
            continue;
        }

        rc = compile(a, "replace(lower(s), '^a(.)', 'b\\1')"
                     " + fmt('%.2f', v) + (match(s, 'x') ? \"y\" : 'n' + 'o')",
                     TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT, &e, &err, NULL);

        if (rc == TORUS_ERROR) {
            refused++;

        } else if (rc == TORUS_OK) {
            made++;
        }

        torus_arena_destroy(a);
    }

    ok(refused > 10, "arenas that are too small say so");
    ok(made > 10, "others do");
}
