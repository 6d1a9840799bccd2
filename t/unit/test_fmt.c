/*
 * torus_fmt: printf formats of one number.  What C's printf() writes is the
 * measure; where we differ on purpose (a negative number for an unsigned
 * conversion is a bad value, the locale has no say) the test says so.
 */

#include <locale.h>

#include "torus_fmt.h"
#include "torus_test.h"


static int compile(const char *text, torus_fmt_t *f, torus_error_t *err);
static int apply(const char *text, torus_value_t v, char *dst, size_t size);
static torus_value_t integer(int64_t i);
static torus_value_t number(double d);
static void is_fmt(const char *text, torus_value_t v, const char *want);
static int same_double(const char *text, double d);
static int same_int(const char *text, const char *native, int64_t i);
static uint64_t next(uint64_t *state);
static void test_compile(void);
static void test_refused(void);
static void test_examples(void);
static void test_bad_values(void);
static void test_edges(void);
static void test_random_doubles(void);
static void test_random_integers(void);
static void test_ties(void);
static void test_scratch(void);
static void test_locale(void);


int
main(void)
{
    test_compile();
    test_refused();
    test_examples();
    test_bad_values();
    test_edges();
    test_random_doubles();
    test_random_integers();
    test_ties();
    test_scratch();
    test_locale();

    return done_testing();
}


static int
compile(const char *text, torus_fmt_t *f, torus_error_t *err)
{
    return torus_fmt_compile(torus_str(text, strlen(text)), f, err);
}


/* The text in dst, terminated; the code of torus_fmt_apply(). */
static int
apply(const char *text, torus_value_t v, char *dst, size_t size)
{
    int              rc;
    torus_str_t      out;
    torus_fmt_t      f;
    torus_error_t    err;
    torus_scratch_t  scratch;
    unsigned char    room[TORUS_FMT_SIZE];

    if (compile(text, &f, &err) != TORUS_OK) {
        bail_out("\"%s\": %s", text, err.text);
    }

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_fmt_apply(&f, &v, &scratch, &out);

    dst[0] = '\0';

    if (rc == TORUS_OK) {
        if (out.len >= size) {
            bail_out("\"%s\": a result of %zu bytes", text, out.len);
        }

        memcpy(dst, out.data, out.len);
        dst[out.len] = '\0';
    }

    return rc;
}


static torus_value_t
integer(int64_t i)
{
    torus_value_t  v;

    memset(&v, 0, sizeof(v));
    v.kind = TORUS_VALUE_INT;
    v.i = i;

    return v;
}


static torus_value_t
number(double d)
{
    torus_value_t  v;

    memset(&v, 0, sizeof(v));
    v.kind = TORUS_VALUE_DOUBLE;
    v.d = d;

    return v;
}


static void
is_fmt(const char *text, torus_value_t v, const char *want)
{
    int   rc;
    char  got[TORUS_FMT_SIZE + 1];

    rc = apply(text, v, got, sizeof(got));

    is_cstr(rc == TORUS_OK ? got : "(bad value)", want, "\"%s\" of %s %.17g",
            text, v.kind == TORUS_VALUE_INT ? "integer" : "double",
            v.kind == TORUS_VALUE_INT ? (double) v.i : v.d);
}


static void
test_compile(void)
{
    torus_fmt_t    f;
    torus_error_t  err;

    is_int(compile("%0.3f", &f, &err), TORUS_OK, "the original's format");
    is_int(f.precision, 3, "its precision");
    is_int(f.zero, 1, "its flag");
    is_int(f.width, 0, "no width");
    is_int(f.conversion, 'f', "its conversion");

    is_int(compile("a%%%-+ #064.32Eb%%", &f, &err), TORUS_OK,
           "everything at its bound");
    is_mem(f.text, f.before, "a%", 2, "text before");
    is_mem(f.text + f.before, f.after, "b%", 2, "text after");
}


static void
test_refused(void)
{
    size_t         i;
    torus_fmt_t    f;
    torus_error_t  err;

    static const struct {
        const char  *text;
        const char  *why;
    } cases[] = {
        { "", "this has none" },
        { "plain", "this has none" },
        { "100%%", "this has none" },
        { "%", "ends in the middle" },
        { "%0.3", "ends in the middle" },
        { "%-", "ends in the middle" },
        { "%d%d", "this has more" },
        { "%d %", "this has more" },
        { "%s", "not by \"s\"" },
        { "%c", "not by \"c\"" },
        { "%n", "not by \"n\"" },
        { "%p", "not by \"p\"" },
        { "%a", "not by \"a\"" },
        { "%ld", "not by \"l\"" },
        { "%*d", "not by \"*\"" },
        { "%1$d", "not by \"$\"" },
        { "%.*f", "not by \"*\"" },
        { "%'d", "not by \"'\"" },
        { "%\001d", "not by \"\\x01\"" },
        { "%65d", "width of a format is at most 64" },
        { "%99999999999999999999d", "width of a format is at most 64" },
        { "%.33f", "precision of a format is at most 32" },
        { "%.99999999999999999999f", "precision of a format is at most 32" },
        { "%d23456789012345678901234567890123456789012345678901234567890"
          "12345", "at most 64 bytes" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(compile(cases[i].text, &f, &err), TORUS_INVALID,
               "\"%s\" is refused", cases[i].text);
        like(err.text, cases[i].why, "and why");
    }

    is_int(torus_fmt_compile(torus_str("%\0d", 3), &f, &err), TORUS_INVALID,
           "a zero byte as conversion is refused");
}


static void
test_examples(void)
{
    is_fmt("%0.3f", number(1.23456), "1.235");
    is_fmt("%0.3f", integer(7), "7.000");
    is_fmt("%0.3f", number(-0.0001), "-0.000");
    is_fmt("%d", number(3.99), "3");
    is_fmt("%d", number(-3.99), "-3");
    is_fmt("%i", number(-0.99), "0");
    is_fmt("%5d|", integer(42), "   42|");
    is_fmt("%-5d|", integer(42), "42   |");
    is_fmt("%+05d", integer(42), "+0042");
    is_fmt("%x", integer(255), "ff");
    is_fmt("%#X", integer(255), "0XFF");
    is_fmt("%o", integer(8), "10");
    is_fmt("%.2e", integer(12345), "1.23e+04");
    is_fmt("%g", number(0.0001), "0.0001");
    is_fmt("%G", number(1e-10), "1E-10");
    is_fmt("<%.1f%%>", number(99.5), "<99.5%>");
}


/* What printf() would write nonsense for. */
static void
test_bad_values(void)
{
    char           got[TORUS_FMT_SIZE + 1];
    torus_value_t  text;

    text.kind = TORUS_VALUE_TEXT;
    text.text = torus_str("1", 1);

    is_int(apply("%d", text, got, sizeof(got)), TORUS_DECLINED, "text");
    is_int(apply("%d", number(NAN), got, sizeof(got)), TORUS_NUMBER_NAN,
           "NaN as an integer");
    is_int(apply("%f", number(-NAN), got, sizeof(got)), TORUS_NUMBER_NAN,
           "NaN as a double");
    is_int(apply("%x", number(INFINITY), got, sizeof(got)), TORUS_NUMBER_INF,
           "infinity as an integer");
    is_int(apply("%g", number(-INFINITY), got, sizeof(got)), TORUS_NUMBER_INF,
           "infinity as a double");

    is_int(apply("%u", integer(-1), got, sizeof(got)), TORUS_DECLINED,
           "-1 is not 18446744073709551615");
    is_int(apply("%x", number(-1), got, sizeof(got)), TORUS_DECLINED,
           "nor is -1.0 ffffffffffffffff");
    is_int(apply("%d", number(9223372036854775808.0), got, sizeof(got)),
           TORUS_DECLINED, "2^63 does not fit %%d");
    is_int(apply("%d", number(-9223372036854777856.0), got, sizeof(got)),
           TORUS_DECLINED, "nor does the double below -2^63");
    is_int(apply("%u", number(18446744073709551616.0), got, sizeof(got)),
           TORUS_DECLINED, "2^64 does not fit %%u");
    is_int(apply("%d", number(1e300), got, sizeof(got)), TORUS_DECLINED,
           "1e300 does not fit %%d");
}


static void
test_edges(void)
{
    char    want[400];
    double  big;

    is_fmt("%d", integer(INT64_MIN), "-9223372036854775808");
    is_fmt("%d", integer(INT64_MAX), "9223372036854775807");
    is_fmt("%d", number(-9223372036854775808.0), "-9223372036854775808");
    is_fmt("%u", number(18446744073709549568.0), "18446744073709549568");
    is_fmt("%x", number(-0.5), "0");
    is_fmt("%.0d", integer(0), "");
    is_fmt("%.0f", number(0.5), "0");
    is_fmt("%.0f", number(1.5), "2");
    is_fmt("%#.0f", number(2.5), "2.");
    is_fmt("%f", number(-0.0), "-0.000000");
    is_fmt("%.9f", number(5e-324), "0.000000000");
    is_fmt("%.3f", number(9007199254740993.0), "9007199254740992.000");

    big = 1.7976931348623157e308;
    snprintf(want, sizeof(want), "%.32f", -big);
    is_fmt("%.32f", number(-big), want);
}


static uint64_t
next(uint64_t *state)
{
    *state = torus_hash(state, sizeof(*state), 1);

    return *state;
}


static int
same_double(const char *text, double d)
{
    char  want[512], got[512];

    snprintf(want, sizeof(want), text, d);

    if (apply(text, number(d), got, sizeof(got)) == TORUS_OK
        && strcmp(want, got) == 0)
    {
        return 1;
    }

    diag("\"%s\" of %.17g: \"%s\", not \"%s\"", text, d, want, got);

    return 0;
}


static int
same_int(const char *text, const char *native, int64_t i)
{
    char  want[512], got[512];

    snprintf(want, sizeof(want), native, (long long) i);

    if (apply(text, integer(i), got, sizeof(got)) == TORUS_OK
        && strcmp(want, got) == 0)
    {
        return 1;
    }

    diag("\"%s\" of %" PRId64 ": \"%s\", not \"%s\"", text, i, want, got);

    return 0;
}


/* Bit patterns of all doubles, and numbers as people measure them. */
static void
test_random_doubles(void)
{
    int       same;
    char      text[32];
    size_t    i, k;
    double    d;
    uint64_t  state, bits;

    static const char  *flags[] = { "", "0", "-", "+", " ", "#", "+0", "-0",
                                    " 0", "#0", "+-", "# " };
    static const char  conversions[] = "fffffFeEgG";

    state = 7;
    same = 1;

    for (i = 0; i < 200000 && same; i++) {
        bits = next(&state);
        memcpy(&d, &bits, sizeof(d));

        if (!isfinite(d)) {
            continue;
        }

        k = (size_t) (next(&state) % 8);

        if (k < 6) {
            d = (double) (int64_t) (next(&state) >> (20 + k * 6))
                / (k & 1 ? 1024.0 : 1000.0);
        }

        snprintf(text, sizeof(text), "%%%s%d.%d%c",
                 flags[next(&state) % 12], (int) (next(&state) % 24 + 1),
                 (int) (next(&state) % (k == 7 ? 33 : 7)),
                 conversions[next(&state) % 10]);

        same = same_double(text, d);
    }

    ok(same, "doubles are written as printf() writes them");
}


static void
test_random_integers(void)
{
    int       same, precision;
    char      text[32], native[32], head[24];
    size_t    k;
    int64_t   v;
    uint64_t  state, i;

    static const char  *flags[] = { "", "0", "-", "+", " ", "#", "+0", "-0",
                                    " 0", "#0", "+-", "#-" };
    static const char  conversions[] = "diuxXo";

    state = 11;
    same = 1;

    for (i = 0; i < 200000 && same; i++) {
        v = (int64_t) next(&state) >> (next(&state) % 64);
        k = (size_t) (next(&state) % 6);

        if (k > 1 && v < 0) {
            v = -(v + 1);
        }

        precision = (int) (next(&state) % 26) - 1;

        if (precision < 0) {
            snprintf(head, sizeof(head), "%%%s%d", flags[next(&state) % 12],
                     (int) (next(&state) % 30 + 1));
        } else {
            snprintf(head, sizeof(head), "%%%s%d.%d",
                     flags[next(&state) % 12],
                     (int) (next(&state) % 30 + 1), precision);
        }

        snprintf(text, sizeof(text), "%s%c", head, conversions[k]);
        snprintf(native, sizeof(native), "%sll%c", head, conversions[k]);

        same = same_int(text, native, v);
    }

    ok(same, "integers are written as printf() writes them");

    same = 1;

    for (i = 0; i < 32 && same; i++) {
        snprintf(text, sizeof(text), "%%#%s%d.%do", i & 1 ? "0" : "",
                 (int) (i / 2 % 4), (int) (i / 8));
        snprintf(native, sizeof(native), "%%#%s%d.%dllo", i & 1 ? "0" : "",
                 (int) (i / 2 % 4), (int) (i / 8));
        same = same_int(text, native, 0) && same_int(text, native, 8)
               && same_int(text, native, 511);
    }

    ok(same, "octal numbers keep their leading 0");
}


/* Exact halves go to the even digit, the doubles beside them do not. */
static void
test_ties(void)
{
    int     same, precision;
    char    text[16];
    double  d, scale;
    size_t  i;

    same = 1;

    for (precision = 0; precision <= 10; precision++) {
        snprintf(text, sizeof(text), "%%.%df", precision);
        scale = pow(2, precision + 1);

        for (i = 1; i < 4000 && same; i += 2) {
            d = (double) i / scale;

            same = same_double(text, d)
                   && same_double(text, nextafter(d, 0))
                   && same_double(text, nextafter(d, 1e300))
                   && same_double(text, d * 1099511627776.0)
                   && same_double(text, -d);
        }
    }

    /* where the quick way ends: 2^64 with its decimals */

    for (d = 1e15; d < 1e22 && same; d *= 1.1) {
        same = same_double("%.0f", d) && same_double("%.3f", d)
               && same_double("%.9f", d / 1e9) && same_double("%#.0f", d);
    }

    same = same && same_double("%.0f", 18446744073709549568.0)
           && same_double("%.0f", 18446744073709551616.0)
           && same_double("%.3f", 18446744073709551.615)
           && same_double("%.3f", 18446744073709552.0);

    ok(same, "halves are rounded to even, as printf() does");
}


static void
test_scratch(void)
{
    size_t           n;
    torus_str_t      out;
    torus_fmt_t      f;
    torus_value_t    v;
    unsigned char    room[16];
    torus_scratch_t  scratch;

    compile("<%0.3f>", &f, NULL);
    v = number(1.5);

    for (n = 0; n < 7; n++) {
        scratch.pos = room;
        scratch.end = room + n;

        is_int(torus_fmt_apply(&f, &v, &scratch, &out), TORUS_DECLINED,
               "no room in %zu bytes", n);
        ok(scratch.pos == room, "and nothing is taken");
    }

    scratch.end = room + sizeof(room);

    is_int(torus_fmt_apply(&f, &v, &scratch, &out), TORUS_OK, "room");
    is_str(out, "<1.500>", "the text");
    ok(scratch.pos == room + 7, "the next text comes after it");
}


/*
 * setlocale() is the test's only; where the machine has no locale with a
 * decimal comma, the plain one is run, and the description says so.
 */
static void
test_locale(void)
{
    size_t       i;
    const char  *name;

    static const char  *names[] = { "de_DE.UTF-8", "de_DE.utf8", "de_DE",
                                    "fr_FR.UTF-8", "ru_RU.UTF-8" };

    name = NULL;

    for (i = 0; i < sizeof(names) / sizeof(names[0]) && name == NULL; i++) {
        name = setlocale(LC_NUMERIC, names[i]);
    }

    diag("locale: %s", name == NULL ? "none with a comma here" : name);

    is_fmt("%.3f", number(1.5), "1.500");
    is_fmt("%.12f", number(1.5), "1.500000000000");
    is_fmt("%8.1e", number(1.5), " 1.5e+00");
    is_fmt("%#g", number(1.5), "1.50000");

    setlocale(LC_NUMERIC, "C");
}
