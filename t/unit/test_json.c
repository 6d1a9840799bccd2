/*
 * The JSON writer: what it writes is JSON, whatever bytes a name has and
 * whatever a double is; and it says so when it could not write all.
 */

#include "torus_json.h"
#include "torus_test.h"


static torus_value_t
integer(int64_t i)
{
    torus_value_t  v;

    memset(&v, 0, sizeof(torus_value_t));
    v.kind = TORUS_VALUE_INT;
    v.i = i;

    return v;
}


static torus_value_t
real(double d)
{
    torus_value_t  v;

    memset(&v, 0, sizeof(torus_value_t));
    v.kind = TORUS_VALUE_DOUBLE;
    v.d = d;

    return v;
}


static void
string_is(const char *s, size_t len, const char *want, const char *what)
{
    json_t        *v;
    torus_buf_t    b;
    torus_json_t   j;

    torus_buf_init(&b, 0);
    torus_json_init(&j, &b, 0);

    torus_json_string(&j, torus_str(s, len));

    is_mem(b.pos, torus_buf_len(&b), want, strlen(want), "%s", what);

    v = json_loadb((char *) b.pos, torus_buf_len(&b),
                   JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    ok(json_is_string(v), "%s: it is JSON", what);

    json_decref(v);
    torus_buf_free(&b);
}


/* Every single byte, and every kind of broken UTF-8, becomes valid JSON. */
static void
test_strings(void)
{
    int      i, good;
    char     s[2];
    size_t   k;
    json_t  *v;

    static const struct {
        const char  *s, *want;
    } cases[] = {
        { "", "\"\"" },
        { "plain.name-1", "\"plain.name-1\"" },
        { "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
        { "\n\r\t\b\x1f\x7f", "\"\\n\\r\\t\\u0008\\u001f\\u007f\"" },
        { "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80",
          "\"caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80\"" },
        { "\xc3", "\"\xef\xbf\xbd\"" },
        { "\xc3(", "\"\xef\xbf\xbd(\"" },
        { "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe0\x80\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf4\x90\x80\x80",
          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe6\x97", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },

        /* they end a line, which no string of a script may hold */
        { "\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
          "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"" },
        { "\xe2\x80(\xa8", "\"\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\"" },
    };

    for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        string_is(cases[k].s, strlen(cases[k].s), cases[k].want,
                  cases[k].want);
    }

    string_is("\0a", 2, "\"\\u0000a\"", "a zero byte");

    good = 0;

    for (i = 0; i < 256; i++) {
        torus_buf_t   b;
        torus_json_t  j;

        s[0] = (char) i;

        torus_buf_init(&b, 0);
        torus_json_init(&j, &b, 0);
        torus_json_string(&j, torus_str(s, 1));

        v = json_loadb((char *) b.pos, torus_buf_len(&b),
                       JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        good += json_is_string(v);

        json_decref(v);
        torus_buf_free(&b);
    }

    is_int(good, 256, "each byte alone is a JSON string");
}


static void
test_numbers(void)
{
    size_t         i;
    torus_buf_t    b;
    torus_json_t   j;

    const struct {
        torus_value_t   v;
        const char     *want;
    } cases[] = {
        { integer(0), "0" }, { integer(INT64_MIN), "-9223372036854775808" },
        { integer(INT64_MAX), "9223372036854775807" },
        { real(0.1), "0.1" }, { real(3.0), "3.0" }, { real(-0.0), "-0.0" },
        { real(1e300), "1e+300" }, { real(1.0 / 3), "0.3333333333333333" },
        { real(NAN), "null" }, { real(INFINITY), "null" },
        { real(-INFINITY), "null" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        torus_buf_init(&b, 0);
        torus_json_init(&j, &b, 0);
        torus_json_value(&j, &cases[i].v);

        is_mem(b.pos, torus_buf_len(&b), cases[i].want,
               strlen(cases[i].want), "a number: %s", cases[i].want);
        torus_buf_free(&b);
    }
}


static void
nested(torus_json_t *j)
{
    torus_value_t  v;

    v = real(2.5);

    torus_json_open(j, '[');
    torus_json_open(j, '{');
    torus_json_keyz(j, "a");
    torus_json_int(j, 1);
    torus_json_keyz(j, "b");
    torus_json_open(j, '[');
    torus_json_pair(j, &v, 60);
    torus_json_pair(j, NULL, 120);
    torus_json_close(j, ']');
    torus_json_key_int(j, -5);
    torus_json_open(j, '{');
    torus_json_close(j, '}');
    torus_json_close(j, '}');
    torus_json_null(j);
    torus_json_close(j, ']');
}


/* Commas and indentation, at every depth. */
static void
test_nesting(void)
{
    torus_buf_t    b;
    torus_json_t   j;

    static const char  compact[] =
        "[{\"a\":1,\"b\":[[2.5,60],[null,120]],\"-5\":{}},null]";
    static const char  pretty[] =
        "[\n  {\n    \"a\": 1,\n    \"b\": [\n      [2.5,60],\n"
        "      [null,120]\n    ],\n    \"-5\": {}\n  },\n  null\n]";

    torus_buf_init(&b, 0);

    torus_json_init(&j, &b, 0);
    nested(&j);
    is_mem(b.pos, torus_buf_len(&b), compact, sizeof(compact) - 1,
           "compact");

    torus_buf_reset(&b, 1024);

    torus_json_init(&j, &b, 1);
    nested(&j);
    is_mem(b.pos, torus_buf_len(&b), pretty, sizeof(pretty) - 1, "pretty");

    torus_buf_reset(&b, 1024);

    torus_json_error(&b, torus_str("no \"x\"", 6));
    is_mem(b.pos, torus_buf_len(&b), "{\"error\": \"no \\\"x\\\"\"}\n", 22,
           "an error body");

    torus_buf_free(&b);

    torus_buf_init(&b, 16);
    torus_json_init(&j, &b, 0);
    nested(&j);
    ok(b.failed, "a buffer that is too small says so");
    torus_buf_free(&b);
}


int
main(void)
{
    test_strings();
    test_numbers();
    test_nesting();

    return done_testing();
}
