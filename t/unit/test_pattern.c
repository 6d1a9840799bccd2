/*
 * Patterns: the recorded behaviour of the original's regexes under our "~",
 * the plain form, faults with their offsets, and that no pattern can hold up
 * a worker.
 */

#include "torus_test.h"
#include "torus_pattern.h"

#include <time.h>


static torus_pattern_t *compile(const char *text);
static int matches(const char *pattern, const char *name);
static void test_vectors(void);
static int vector_match(json_t *match, torus_str_t stat);
static void test_plain(void);
static void test_utf8(void);
static void test_bytes(void);
static void test_regex(void);
static void test_faults(void);
static void test_literal(void);
static void test_apart(void);
static void test_limits(void);
static void test_client(void);


int
main(void)
{
    test_vectors();
    test_plain();
    test_utf8();
    test_bytes();
    test_regex();
    test_faults();
    test_literal();
    test_apart();
    test_limits();
    test_client();

    return done_testing();
}


static torus_pattern_t *
compile(const char *text)
{
    torus_error_t     err;
    torus_pattern_t  *p;

    err.text[0] = '\0';

    if (torus_pattern_compile(torus_test_z(text), &p, &err) != TORUS_OK) {
        bail_out("\"%s\" does not compile: %s", text, err.text);
    }

    return p;
}


static int
matches(const char *pattern, const char *name)
{
    int               rc;
    torus_pattern_t  *p;

    p = compile(pattern);
    rc = torus_pattern_match(p, torus_test_z(name));
    torus_pattern_destroy(p);

    return rc;
}


/*
 * A recorded pattern P is our "~P".  Cases with a list of stats ask what a
 * joined query does; here each stat of it is routed on its own, so that such
 * a case holds when each stat is taken.  One departure: the original says no
 * when a list of stats repeats one and there are two patterns or more, for
 * it counts distinct names; to us a stat matches or not, whatever stands
 * beside it.
 */
static void
test_vectors(void)
{
    int          got, want, repeated;
    size_t       i, j, k;
    json_t      *root, *cases, *c, *stat, *match;

    root = torus_test_json("t/vectors/match.json");
    cases = torus_test_cases(root);

    json_array_foreach(cases, i, c) {
        match = torus_test_member(c, "match");
        stat = torus_test_member(c, "stat");
        want = json_is_true(torus_test_member(c, "result"));

        if (json_is_string(stat)) {
            got = vector_match(match, torus_test_string(stat));
            is_int(got, want, "match.json case %zu", i);
            continue;
        }

        got = 1;
        repeated = 0;

        for (j = 0; j < json_array_size(stat); j++) {
            got &= vector_match(match,
                                torus_test_string(json_array_get(stat, j)));

            for (k = 0; k < j; k++) {
                repeated |= json_equal(json_array_get(stat, j),
                                       json_array_get(stat, k));
            }
        }

        if (repeated && json_is_array(match) && json_array_size(match) > 1) {
            is_int(want, 0, "match.json case %zu: the original says no", i);
            is_int(got, 1, "match.json case %zu: a repeated stat counts", i);
            continue;
        }

        is_int(got, want, "match.json case %zu, joined", i);
    }

    json_decref(root);
}


static int
vector_match(json_t *match, torus_str_t stat)
{
    int               rc;
    char              text[256];
    size_t            i, n;
    json_t           *one;
    torus_pattern_t  *p;

    n = json_is_array(match) ? json_array_size(match) : 1;

    for (i = 0; i < n; i++) {
        one = json_is_array(match) ? json_array_get(match, i) : match;

        snprintf(text, sizeof(text), "~%s", json_string_value(one));

        p = compile(text);
        rc = torus_pattern_match(p, stat);
        torus_pattern_destroy(p);

        if (rc) {
            return 1;
        }
    }

    return 0;
}


static void
test_plain(void)
{
    size_t  i;

    static const struct {
        const char  *pattern;
        const char  *name;
        int          match;
    } cases[] = {
        { "a.b", "a.b", 1 },
        { "a.b", "axb", 0 },
        { "a.b", "a.b.c", 0 },
        { "a.b", "x.a.b", 0 },
        { "a.b", "", 0 },
        { "a.*", "a.b", 1 },
        { "a.*", "a.", 1 },
        { "a.*", "a.b.c", 0 },
        { "a.*.c", "a.b.c", 1 },
        { "a.*.c", "a..c", 1 },
        { "a.*.c", "a.b.b.c", 0 },
        { "a.**", "a.b.c.d", 1 },
        { "a.**", "a", 0 },
        { "**", "", 1 },
        { "**", "a.b", 1 },
        { "*", "a", 1 },
        { "*", "a.b", 0 },
        { "**.count", "a.b.count", 1 },
        { "**.count", "count", 0 },
        { "**.count", "a.counts", 0 },
        { "a***b", "a.x.b", 1 },
        { "a?c", "abc", 1 },
        { "a?c", "a.c", 0 },
        { "a?c", "ac", 0 },
        { "a[bc]d", "abd", 1 },
        { "a[bc]d", "aed", 0 },
        { "a[b-d]e", "ace", 1 },
        { "a[b-d]e", "a-e", 0 },
        { "a[b-]e", "a-e", 1 },
        { "a[-b]e", "a-e", 1 },
        { "a[!b]c", "adc", 1 },
        { "a[!b]c", "abc", 0 },
        { "a[!b]c", "a.c", 0 },
        { "a[^b]c", "adc", 1 },
        { "a[]]c", "a]c", 1 },
        { "a[!]]c", "a]c", 0 },
        { "a[!]]c", "axc", 1 },
        { "a[.]c", "a.c", 1 },
        { "a[[]c", "a[c", 1 },
        { "a[\\]c", "a\\c", 1 },
        { "a[*]c", "a*c", 1 },
        { "a[*]c", "abc", 0 },
        { "a]c", "a]c", 1 },
        { "{a,b}.c", "a.c", 1 },
        { "{a,b}.c", "b.c", 1 },
        { "{a,b}.c", "c.c", 0 },
        { "{a,b}.c", "a,b.c", 0 },
        { "x{,y}", "x", 1 },
        { "x{,y}", "xy", 1 },
        { "{a,b{c,d}}e", "bde", 1 },
        { "{a,b{c,d}}e", "be", 0 },
        { "{a.*,b.**}.c", "b.x.y.c", 1 },
        { "{a.*,b.**}.c", "a.x.y.c", 0 },
        { "a,b*", "a,bc", 1 },
        { "a+(b)|c*", "a+(b)|cd", 1 },
        { "a+(b)|c*", "cd", 0 },
        { "a.b$*", "a.b$", 1 },
        { "a\\d*", "a\\dx", 1 },
        { "a\\d*", "a1", 0 },
        { "A*", "a", 0 },
        { "a*", "ab\n", 1 },
        { "a", "a\n", 0 },
        { "**z", "az\n", 0 },
        { "a#b c*", "a#b cd", 1 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(matches(cases[i].pattern, cases[i].name), cases[i].match,
               "plain \"%s\" on case %zu", cases[i].pattern, i);
    }
}


/* "?" and "[!..]" take one character, of however many bytes. */
static void
test_utf8(void)
{
    is_int(matches("caf?.x", "caf\xc3\xa9.x"), 1, "? takes two bytes of UTF-8");
    is_int(matches("caf??.x", "caf\xc3\xa9.x"), 0, "and they are one ?");
    is_int(matches("caf[!e].x", "caf\xc3\xa9.x"), 1, "[!e] takes them too");
    is_int(matches("a?b", "a\xf0\x9f\x98\x80" "b"), 1, "? takes four bytes");
    is_int(matches("{\xc3\xa9,e}", "\xc3\xa9"), 1, "UTF-8 in braces");
    is_int(matches("a?", "a\xff"), 1, "? takes a byte that is not UTF-8");
}


/* A name and a pattern may hold any bytes, NUL among them. */
static void
test_bytes(void)
{
    torus_error_t     err;
    torus_pattern_t  *p;

    if (ok(torus_pattern_compile(torus_str("a\0*", 3), &p, &err) == TORUS_OK,
           "a plain pattern with a NUL"))
    {
        is_int(torus_pattern_match(p, torus_str("a\0b", 3)), 1, "matches");
        is_int(torus_pattern_match(p, torus_str("ab", 2)), 0, "only with it");
        torus_pattern_destroy(p);
    }

    if (ok(torus_pattern_compile(torus_str("~^a\0b", 5), &p, &err) == TORUS_OK,
           "a regex with a NUL"))
    {
        is_int(torus_pattern_match(p, torus_str("a\0bc", 4)), 1, "matches");
        torus_pattern_destroy(p);
    }

    p = compile("~");
    is_int(torus_pattern_match(p, torus_str(NULL, 0)), 1,
           "an empty name without data on an empty regex");
    torus_pattern_destroy(p);

    p = compile("a");
    is_int(torus_pattern_match(p, torus_str(NULL, 0)), 0,
           "and on a literal");
    torus_pattern_destroy(p);

    torus_pattern_destroy(NULL);
    pass("destroying nothing is allowed");
}


static void
test_regex(void)
{
    is_int(matches("~b", "abc"), 1, "a regex is searched unanchored");
    is_int(matches("~", "abc"), 1, "an empty regex takes all");
    is_int(matches("~^CPU", "cpu"), 0, "a regex minds the case");
    is_int(matches("~*^CPU", "cpu.x"), 1, "~* does not");
    is_int(matches("~*", "abc"), 1, "an empty caseless regex takes all");
    is_int(matches("~^a\\.b$", "a.b"), 1, "escapes");
    is_int(matches("~^a\\.b$", "axb"), 0, "escapes are minded");
    is_int(matches("~^(?P<n>a)(?P=n)$", "aa"), 1, "Python's named groups");
    is_int(matches("~\\w", "\xc3\xa9"), 0, "names are bytes, not characters");
    is_int(matches("a~b", "a~b"), 1, "a ~ that is not in front is literal");
}


static void
test_faults(void)
{
    int               rc;
    char              text[9000];
    size_t            i;
    torus_error_t     err;
    torus_pattern_t  *p;

    static const struct {
        const char  *pattern;
        const char  *reason;
    } cases[] = {
        { "", "an empty pattern matches no name, use \"**\" or \"~\" for all "
              "names" },
        { "app.[ab", "unclosed \"[\" at offset 4 of \"app.[ab\"" },
        { "app.[]", "unclosed \"[\" at offset 4 of \"app.[]\"" },
        { "app.[!", "unclosed \"[\" at offset 4 of \"app.[!\"" },
        { "app.[", "unclosed \"[\" at offset 4 of \"app.[\"" },
        { "app.{a,b", "unclosed \"{\" at offset 4 of \"app.{a,b\"" },
        { "{a,{b}", "unclosed \"{\" at offset 0 of \"{a,{b}\"" },
        { "{a,{b", "unclosed \"{\" at offset 3 of \"{a,{b\"" },
        { "a}b", "unexpected \"}\" at offset 1 of \"a}b\"" },
        { "a[z-b]", "range out of order at offset 2 of \"a[z-b]\"" },
        { "a[\xc3\xa9]", "a \"[..]\" takes ASCII characters only, use "
          "\"{..,..}\" at offset 2 of \"a[\\xC3\\xA9]\"" },
        { "a[b-\xc3\xa9]", "a \"[..]\" takes ASCII characters only, use "
          "\"{..,..}\" at offset 4 of \"a[b-\\xC3\\xA9]\"" },
        { "~^(ab", "missing closing parenthesis at offset 5 of \"~^(ab\"" },
        { "~*^(ab", "missing closing parenthesis at offset 6 of \"~*^(ab\"" },
        { "~+", "quantifier does not follow a repeatable item at offset 1 of "
                "\"~+\"" },
        { "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{", "braces nested too deep at "
          "offset 32 of \"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{\"" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        err.text[0] = '\0';
        rc = torus_pattern_compile(torus_test_z(cases[i].pattern), &p, &err);

        is_int(rc, TORUS_INVALID, "\"%s\" is refused", cases[i].pattern);
        is_cstr(err.text, cases[i].reason, "and says why");
    }

    rc = torus_pattern_compile(torus_test_z("~(*UTF)a"), &p, &err);
    is_int(rc, TORUS_INVALID, "(*UTF) is refused: names are bytes");

    memset(text, 'a', sizeof(text));
    rc = torus_pattern_compile(torus_str(text, 8193), &p, &err);
    is_int(rc, TORUS_INVALID, "a pattern longer than 8192 bytes is refused");

    text[0] = '*';
    rc = torus_pattern_compile(torus_str(text, 8192), &p, &err);
    is_int(rc, TORUS_OK, "one of 8192 is not");
    torus_pattern_destroy(p);
}


static void
test_apart(void)
{
    size_t            i;
    torus_pattern_t  *a, *b;

    static const struct {
        const char   *a;
        const char   *b;
        int           apart;
    } cases[] = {
        { "**.count", "**.latency", 1 },
        { "app.*", "web.*", 1 },
        { "app", "web", 1 },
        { "app.hits", "app.*", 0 },
        { "app.hits", "*.miss", 1 },
        { "app.*", "*.hits", 0 },
        { "**", "x", 0 },
        { "a.{b,c}", "a.[bc]", 0 },
        { "a.?x", "a.?y", 1 },
        { "ab*", "a*", 0 },
        { "~^a", "b", 0 },
        { "a", "a", 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = compile(cases[i].a);
        b = compile(cases[i].b);

        is_int(torus_pattern_apart(a, b), cases[i].apart,
               "\"%s\" and \"%s\"", cases[i].a, cases[i].b);
        is_int(torus_pattern_apart(b, a), cases[i].apart, "and turned round");

        torus_pattern_destroy(a);
        torus_pattern_destroy(b);
    }
}


static void
test_literal(void)
{
    size_t            i;
    torus_pattern_t  *p;

    static const struct {
        const char  *pattern;
        const char  *literal;
    } cases[] = {
        { "a.b", "a.b" },
        { "a.b.*", "a.b." },
        { "**", "" },
        { "a{b,c}", "a" },
        { "a,b[c]", "a,b" },
        { "a?", "a" },
        { "~^stats\\.a\\.", "stats.a." },
        { "~^stats_counts\\.(?!statsd\\.)", "stats_counts." },
        { "~^ab*", "a" },
        { "~^ab?c", "a" },
        { "~^ab+", "ab" },
        { "~^ab{0,2}", "a" },
        { "~^a\\d", "a" },
        { "~^a|b", "" },
        { "~ab", "" },
        { "~*^ab", "" },
        { "~", "" },
        { "~^", "" },
        { "~^a\\.", "a." },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = compile(cases[i].pattern);

        is_str(torus_pattern_literal(p), cases[i].literal,
               "what \"%s\" begins with", cases[i].pattern);
        is_str(torus_pattern_text(p), cases[i].pattern, "its text is kept");

        torus_pattern_destroy(p);
    }
}


/*
 * Regexes that take exponential time on these names give up, and long names
 * that need no more than a walk do not.
 */
/* A client's patterns: those in use take few steps, others are told. */
static void
test_client(void)
{
    char              text[128];
    size_t            i, refused;
    double            spent;
    clock_t           start;
    torus_str_t       name;
    torus_pattern_t  *p;

    static const struct {
        const char  *pattern;
        int          want;
    } cases[] = {
        { "application.*", 0 },
        { "application.*.*.requests.*.p99", 1 },
        { "**.{requests,errors}.**.p[59]?", 1 },
        { "*a*.*r*.*a*.*s*.*e*.p*", 1 },
        { "**e**t**e**p99", 1 },
        { "**o**o**o**o**9x", 0 },
        { "**?**?**?**?**p?", TORUS_ERROR },
        { "*?*?*?*?.*?*?*?*?.*?*?*?.*p?.*.*", TORUS_ERROR }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name = torus_str("application.frontend-web01.datacenter-europe"
                         ".requests.response_time.p99", 71);

        p = compile(cases[i].pattern);
        is_int(torus_pattern_try(p, name), cases[i].want, "\"%s\" tried",
               cases[i].pattern);
        torus_pattern_destroy(p);
    }

    /* as many names as Redis gives in one reply */

    p = compile("**?**?**?**?**?**p?");
    refused = 0;
    start = clock();

    for (i = 0; i < 1000; i++) {
        name.data = (unsigned char *) text;
        name.len = (size_t) snprintf(text, sizeof(text), "application."
                                     "frontend-%zu.datacenter-europe."
                                     "requests.response_time.p99", i);
        refused += torus_pattern_try(p, name) == TORUS_ERROR;
    }

    spent = (double) (clock() - start) / CLOCKS_PER_SEC;

    is_int(refused, 1000, "each time it is told");
    ok(spent < 1.0, "and soon (%.3f s for 1000 names)", spent);

    torus_pattern_destroy(p);
}


static void
test_limits(void)
{
    char              name[4096];
    size_t            i;
    double            spent;
    clock_t           start;
    torus_pattern_t  *p;

    static const char *const  slow[] = {
        "~^(a+)+$",
        "~(a*)*[bc]",
        "~^(a|aa)+$",
        "~(.*)(.*)(.*)(.*)(.*)[xy]$",
        "**a**a**a**a**a**a**[bc]",
    };

    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '!';

    for (i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
        p = compile(slow[i]);

        start = clock();
        is_int(torus_pattern_match(p, torus_str(name, sizeof(name))), 0,
               "\"%s\" on 4096 bytes is no match", slow[i]);
        spent = (double) (clock() - start) / CLOCKS_PER_SEC;

        ok(spent < 3.0, "and ends soon (%.3f s)", spent);

        torus_pattern_destroy(p);
    }

    memset(name, 'a', sizeof(name));
    name[4095] = 'z';

    p = compile("~^.*z$");
    is_int(torus_pattern_match(p, torus_str(name, sizeof(name))), 1,
           "a long name is walked to its end");
    torus_pattern_destroy(p);

    p = compile("~a.*a.*z");
    is_int(torus_pattern_match(p, torus_str(name, sizeof(name))), 1,
           "and searched");
    torus_pattern_destroy(p);

    p = compile("~^(?:a|b)*z$");
    is_int(torus_pattern_match(p, torus_str(name, sizeof(name))), 1,
           "what the JIT's stack cannot hold is interpreted");
    torus_pattern_destroy(p);
}
