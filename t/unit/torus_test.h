/*
 * The harness of the unit tests: TAP on standard output, diagnostics with
 * file and line.  A test is a plain main() that ends in
 *
 *     return done_testing();
 *
 * Each check returns whether it held and takes a printf() description.
 */

#ifndef _TORUS_TEST_H_INCLUDED_
#define _TORUS_TEST_H_INCLUDED_


#include <math.h>
#include <stdlib.h>
#include <inttypes.h>
#include <jansson.h>

#include "torus_core.h"


static int  torus_test_run;
static int  torus_test_failed;


#define ok(cond, ...)                                                         \
    torus_test_ok((cond) != 0, __FILE__, __LINE__, __VA_ARGS__)

#define pass(...)                                                             \
    torus_test_ok(1, __FILE__, __LINE__, __VA_ARGS__)

#define fail(...)                                                             \
    torus_test_ok(0, __FILE__, __LINE__, __VA_ARGS__)

/* (int64_t got, int64_t want, fmt, ...) */
#define is_int(got, want, ...)                                                \
    torus_test_int(got, want, __FILE__, __LINE__, __VA_ARGS__)

/* (torus_str_t got, const char *want, fmt, ...) */
#define is_str(got, want, ...)                                                \
    torus_test_str(got, torus_test_z(want), __FILE__, __LINE__, __VA_ARGS__)

/* (const char *got, const char *want, fmt, ...); want NULL: NULL only */
#define is_cstr(got, want, ...)                                               \
    torus_test_str(torus_test_z(got), torus_test_z(want), __FILE__, __LINE__, \
                   __VA_ARGS__)

/* (const void *got, size_t got_len, const void *want, size_t want_len, ..) */
#define is_mem(got, glen, want, wlen, ...)                                    \
    torus_test_str(torus_str(got, glen), torus_str(want, wlen), __FILE__,     \
                   __LINE__, __VA_ARGS__)

/* (double got, double want, double eps, fmt, ...); NaN equals NaN */
#define is_double_near(got, want, eps, ...)                                   \
    torus_test_double(got, want, eps, __FILE__, __LINE__, __VA_ARGS__)

/* Does text (a C string) hold part? */
#define like(text, part, ...)                                                 \
    torus_test_like(text, part, __FILE__, __LINE__, __VA_ARGS__)


static inline void
diag(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static inline void
bail_out(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

static inline int
torus_test_ok(int held, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static inline int
torus_test_int(int64_t got, int64_t want, const char *file, int line,
    const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static inline int
torus_test_str(torus_str_t got, torus_str_t want, const char *file, int line,
    const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static inline int
torus_test_double(double got, double want, double eps, const char *file,
    int line, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

static inline int
torus_test_like(const char *text, const char *part, const char *file,
    int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));


static inline void
diag(const char *fmt, ...)
{
    va_list  args;

    fputs("# ", stdout);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    putchar('\n');
    fflush(stdout);
}


static inline void
bail_out(const char *fmt, ...)
{
    va_list  args;

    fputs("Bail out! ", stdout);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    putchar('\n');
    fflush(stdout);

    exit(255);
}


static inline int
torus_test_vok(int held, const char *file, int line, const char *fmt,
    va_list args)
{
    torus_test_run++;

    printf("%sok %d - ", held ? "" : "not ", torus_test_run);
    vprintf(fmt, args);
    putchar('\n');

    if (!held) {
        torus_test_failed++;
        diag("failed at %s:%d", file, line);
    }

    return held;
}


static inline int
torus_test_ok(int held, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    torus_test_vok(held, file, line, fmt, args);
    va_end(args);

    return held;
}


static inline int
torus_test_int(int64_t got, int64_t want, const char *file, int line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    torus_test_vok(got == want, file, line, fmt, args);
    va_end(args);

    if (got != want) {
        diag("     got: %" PRId64, got);
        diag("expected: %" PRId64, want);
    }

    return got == want;
}


static inline torus_str_t
torus_test_z(const char *z)
{
    return torus_str(z, z == NULL ? 0 : strlen(z));
}


static inline void
torus_test_show(const char *what, torus_str_t s)
{
    char    text[2048];
    size_t  n;

    n = torus_escape(text, sizeof(text), s);

    diag("%s: %s\"%.*s\" (%zu bytes)", what, s.data == NULL ? "NULL " : "",
         (int) n, text, s.len);
}


static inline int
torus_test_str(torus_str_t got, torus_str_t want, const char *file, int line,
    const char *fmt, ...)
{
    int      held;
    va_list  args;

    held = torus_str_eq(got, want)
           && (want.data != NULL || got.data == NULL);

    va_start(args, fmt);
    torus_test_vok(held, file, line, fmt, args);
    va_end(args);

    if (!held) {
        torus_test_show("     got", got);
        torus_test_show("expected", want);
    }

    return held;
}


static inline int
torus_test_double(double got, double want, double eps, const char *file,
    int line, const char *fmt, ...)
{
    int      held;
    va_list  args;

    held = (isnan(got) && isnan(want)) || got == want
           || fabs(got - want) <= eps;

    va_start(args, fmt);
    torus_test_vok(held, file, line, fmt, args);
    va_end(args);

    if (!held) {
        diag("     got: %.17g", got);
        diag("expected: %.17g within %g", want, eps);
    }

    return held;
}


static inline int
torus_test_like(const char *text, const char *part, const char *file,
    int line, const char *fmt, ...)
{
    int      held;
    va_list  args;

    held = strstr(text, part) != NULL;

    va_start(args, fmt);
    torus_test_vok(held, file, line, fmt, args);
    va_end(args);

    if (!held) {
        diag("     got: \"%s\"", text);
        diag("expected: \"%s\" in it", part);
    }

    return held;
}


/* Prints the plan; the exit status of the test. */
static inline int
done_testing(void)
{
    printf("1..%d\n", torus_test_run);

    if (torus_test_run == 0) {
        diag("no checks were run");
        return 1;
    }

    if (torus_test_failed != 0) {
        diag("%d of %d checks failed", torus_test_failed, torus_test_run);
        return 1;
    }

    return 0;
}


/*
 * A file of t/vectors, read whole; json_decref() it at the end.  The test
 * ends here when it cannot be read.
 *
 * A file with an integer beyond 64 bits (lines.json) is read with all its
 * integers as doubles: torus_test_integer() copes with both.
 */
static inline json_t *
torus_test_json(const char *path)
{
    json_t        *root;
    json_error_t   error;

    root = json_load_file(path, JSON_ALLOW_NUL, &error);

    if (root == NULL && strstr(error.text, "too big") != NULL) {
        root = json_load_file(path, JSON_ALLOW_NUL|JSON_DECODE_INT_AS_REAL,
                              &error);
    }

    if (root == NULL) {
        bail_out("%s:%d:%d: %s (tests run in the root of the repository)",
                 path, error.line, error.column, error.text);
    }

    return root;
}


/* A member that has to be there, borrowed. */
static inline json_t *
torus_test_member(const json_t *object, const char *key)
{
    json_t  *member;

    member = json_object_get(object, key);

    if (member == NULL) {
        bail_out("no member \"%s\" in a test vector", key);
    }

    return member;
}


/* The non-empty list "cases" of a vector file, borrowed. */
static inline json_t *
torus_test_cases(const json_t *root)
{
    json_t  *cases;

    cases = torus_test_member(root, "cases");

    if (!json_is_array(cases) || json_array_size(cases) == 0) {
        bail_out("\"cases\" of a test vector is not a list, or empty");
    }

    return cases;
}


/* A JSON number cut to an integer, at the nearest end when beyond 64 bits. */
static inline int64_t
torus_test_integer(const json_t *number)
{
    double  d;

    if (!json_is_number(number)) {
        bail_out("a member of a test vector is not a number");
    }

    if (json_is_integer(number)) {
        return json_integer_value(number);
    }

    d = json_real_value(number);

    if (d >= 9223372036854775808.0) {
        return INT64_MAX;
    }

    return (d <= -9223372036854775808.0) ? INT64_MIN : (int64_t) d;
}


/* A JSON string as torus_str_t, borrowed. */
static inline torus_str_t
torus_test_string(const json_t *string)
{
    if (!json_is_string(string)) {
        bail_out("a member of a test vector is not a string");
    }

    return torus_str(json_string_value(string), json_string_length(string));
}


/*
 * A JSON string of which each character is one byte (U+0000 to U+00FF), as
 * lines.json and chunks.json have them, written to dst.
 */
static inline torus_str_t
torus_test_bytes(const json_t *string, unsigned char *dst, size_t size)
{
    size_t       i, len;
    torus_str_t  s;

    len = 0;
    s = torus_test_string(string);

    for (i = 0; i < s.len; i++) {
        if (len == size) {
            bail_out("a string of a test vector is too long");
        }

        dst[len] = s.data[i];

        if (s.data[i] >= 0x80) {
            if ((s.data[i] & 0xfc) != 0xc0 || i + 1 == s.len) {
                bail_out("a string of a test vector is not made of bytes");
            }

            dst[len] = (unsigned char) ((s.data[i] << 6)
                                        | (s.data[i + 1] & 0x3f));
            i++;
        }

        len++;
    }

    return torus_str(dst, len);
}


#endif /* _TORUS_TEST_H_INCLUDED_ */
