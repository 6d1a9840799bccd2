/*
 * Input and output processing: what each named form and a format make of a
 * text, and which texts are no function at all.
 */

#include "torus_test.h"
#include "torus_func.h"


/* the timer hash of the original's StatsD example */
#define HASH                                                                  \
    "v < 0 ? 0 : v < 1 ? fmt('%.3f', v) : v < 5 ? fmt('%.2f', v)"            \
    " : fmt('%.1f', v)"


static torus_arena_t  *arena;


static torus_func_t *compile(const char *text);
static void test_values(void);
static void test_bounds(void);
static void test_faults(void);


int
main(void)
{
    arena = torus_arena_create(4096, 0);
    if (arena == NULL) {
        bail_out("no memory");
    }

    test_values();
    test_bounds();
    test_faults();

    torus_arena_destroy(arena);

    return done_testing();
}


static torus_func_t *
compile(const char *text)
{
    torus_func_t   *func;
    torus_error_t   err;

    err.text[0] = '\0';

    if (torus_func_compile(arena, torus_test_z(text), &func, &err)
        != TORUS_OK)
    {
        bail_out("\"%s\" does not compile: %s", text, err.text);
    }

    return func;
}


/* The result is "i:" an integer, "d:" a double, "t:" a text, or why not. */
static void
test_values(void)
{
    int              rc;
    char             got[1024];
    size_t           i, n;
    torus_func_t    *func;
    torus_value_t    v;
    unsigned char    number[TORUS_NUMBER_SIZE];
    unsigned char    room[TORUS_FUNC_SCRATCH];
    torus_scratch_t  scratch;

    static const struct {
        const char  *func;
        const char  *in;
        const char  *want;
    } cases[] = {
        { "long_or_float", "3", "i:3" },
        { "long_or_float", "3.0", "d:3.0" },
        { "long_or_float", "-1e3", "d:-1000.0" },
        { "long_or_float", "nan", "nan" },
        { "long_or_float", "-inf", "inf" },
        { "long_or_float", "1e999", "inf" },
        { "long_or_float", "x", "bad" },
        { "long_or_float", "", "bad" },
        { "long", "3", "i:3" },
        { "int", "-3", "i:-3" },
        { "long", "9223372036854775807", "i:9223372036854775807" },
        { "long", "9223372036854775808", "d:9.223372036854776e+18" },
        { "long", "3.0", "bad" },
        { "long", "1e3", "bad" },
        { "long", "1E3", "bad" },
        { "long", "x", "bad" },
        { "long", "nan", "nan" },
        { "float", "3", "d:3.0" },
        { "float", "3.5", "d:3.5" },
        { "float", "x", "bad" },
        { "float", "inf", "inf" },
        { "string", "some text", "t:some text" },
        { "string", "3.10", "t:3.10" },
        { "string", "nan", "t:nan" },
        { "string", "", "t:" },
        { "%0.3f", "3.14159", "t:3.142" },
        { "%0.3f", "3", "t:3.000" },
        { "%0.3f", "x", "bad" },
        { "%0.3f", "nan", "nan" },
        { "%0.3f", "inf", "inf" },
        { "%d", "3.9", "t:3" },
        { "%d", "-3.9", "t:-3" },
        { "%d", "1e30", "bad" },
        { "%u", "-1", "bad" },
        { "%x", "255", "t:ff" },
        { "%.1f%%", "12.34", "t:12.3%" },
        { "v=%g", "100000", "t:v=100000" },
        { "v", "3", "i:3" },
        { "v", "3.10", "d:3.1" },
        { "v", "up", "t:up" },
        { "v * 2", "21", "i:42" },
        { "v * 2", "up", "bad" },
        { "v * 2", "nan", "nan" },
        { "v * 2", "inf", "inf" },
        { "v % 60", "125", "i:5" },
        { "v % floor(2.5)", "7", "i:1" },
        { "v % exp(0) + v", "7", "d:7.0" },
        { "fmt('%0.3f', v)", "3.14159", "t:3.142" },
        { "clamp(v, 0, 100)", "-3", "i:0" },
        { "upper(v)", "get", "t:GET" },
        { HASH, "-7", "i:0" },
        { HASH, "0.12345", "t:0.123" },
        { HASH, "1.2345", "t:1.23" },
        { HASH, "4.999", "t:5.00" },
        { HASH, "5", "t:5.0" },
        { HASH, "123.46", "t:123.5" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        func = compile(cases[i].func);

        is_str(torus_func_text(func), cases[i].func, "the text is kept");

        scratch.pos = room;
        scratch.end = room + sizeof(room);

        rc = torus_func_apply(func, torus_test_z(cases[i].in), &v, &scratch);

        if (rc == TORUS_NUMBER_NAN || rc == TORUS_NUMBER_INF) {
            snprintf(got, sizeof(got), "%s",
                     rc == TORUS_NUMBER_NAN ? "nan" : "inf");

        } else if (rc != TORUS_OK) {
            snprintf(got, sizeof(got), "%s",
                     rc == TORUS_DECLINED ? "bad" : "error");

        } else if (v.kind == TORUS_VALUE_TEXT) {
            snprintf(got, sizeof(got), "t:%.*s", torus_fmt(v.text));

        } else {
            n = torus_number_print(number, &v);
            snprintf(got, sizeof(got), "%c:%.*s",
                     v.kind == TORUS_VALUE_INT ? 'i' : 'd', (int) n,
                     (char *) number);
        }

        is_cstr(got, cases[i].want, "%s of \"%s\"", cases[i].func,
                cases[i].in);
    }
}


/* The longest text that a format can make fits the scratch it is promised. */
static void
test_bounds(void)
{
    int              rc;
    torus_func_t    *func;
    torus_value_t    v;
    unsigned char    room[TORUS_FUNC_SCRATCH];
    torus_scratch_t  scratch;

    func = compile("aaaaaaaaaaaaaaaaaaaaaaaaa%+64.32f"
                   "bbbbbbbbbbbbbbbbbbbbbbbbb");

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_func_apply(func, torus_test_z("-1.7e308"), &v, &scratch);

    is_int(rc, TORUS_OK, "the longest format fits TORUS_FUNC_SCRATCH");
    is_int(v.text.len, 25 + 1 + 309 + 1 + 32 + 25, "whole");
    ok(v.text.data == room && scratch.pos == room + v.text.len,
       "what it made is in the scratch, which moves on");

    scratch.end = scratch.pos + 10;

    is_int(torus_func_apply(func, torus_test_z("1"), &v, &scratch),
           TORUS_DECLINED, "a scratch too small is a bad value");
}


static void
test_faults(void)
{
    int            rc;
    size_t         i;
    torus_func_t  *func;
    torus_error_t  err;
    torus_arena_t *small;

    static const struct {
        const char  *text;
        const char  *reason;
    } cases[] = {
        { "", "must not be empty" },
        { "double", "must be long_or_float, long, int, float, string, a "
                    "format such as \"%0.3f\" or an expression: there is no "
                    "\"double\" here, but \"v\", at column 1:\n"
                    "    double\n"
                    "    ^" },
        { "v +", "must be long_or_float, long, int, float, string, a format "
                 "such as \"%0.3f\" or an expression: expected a value, "
                 "found the end, at column 4:\n"
                 "    v +\n"
                 "       ^" },
        { "v % w", "is neither a format (a format converts by one of d i u x "
                   "X o e E f F g G, not by \"w\") nor an expression: there "
                   "is no \"w\" here, but \"v\", at column 5:\n"
                   "    v % w\n"
                   "        ^" },
        { "%", "is not a good format: a format ends in the middle of its "
               "conversion" },
        { "%s", "is not a good format: a format converts by one of d i u x X "
                "o e E f F g G, not by \"s\"" },
        { "%n", "is not a good format: a format converts by one of d i u x X "
                "o e E f F g G, not by \"n\"" },
        { "%*d", "is not a good format: a format converts by one of d i u x X "
                 "o e E f F g G, not by \"*\"" },
        { "%ld", "is not a good format: a format converts by one of d i u x X "
                 "o e E f F g G, not by \"l\"" },
        { "100%%", "is neither a format (a format has one conversion such as "
                   "\"%0.3f\", this has none) nor an expression: expected a "
                   "value, found \"%\", at column 5:\n"
                   "    100%%\n"
                   "        ^" },
        { "%d %d", "is not a good format: a format has one conversion, this "
                   "has more (\"%%\" is a percent sign)" },
        { "%65d", "is not a good format: the width of a format is at most "
                  "64" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        err.text[0] = '\0';
        rc = torus_func_compile(arena, torus_test_z(cases[i].text), &func,
                                &err);

        is_int(rc, TORUS_INVALID, "\"%s\" is refused", cases[i].text);
        is_cstr(err.text, cases[i].reason, "and says why");
        ok(func == NULL, "and gives nothing");
    }

    small = torus_arena_create(512, 512);
    while (torus_arena_alloc(small, 16) != NULL) {
        /* void */
    }

    is_int(torus_func_compile(small, torus_test_z("long"), &func, &err),
           TORUS_ERROR, "out of memory is told apart from a fault");

    torus_arena_destroy(small);
}
