/*
 * Aggregate rules: what each rule makes of a stat, as recorded from the
 * original but where ours are literal on purpose; faults; which rules are
 * fed by many stats.  Cascades are routing, see test_route.c.
 */

#include "torus_test.h"
#include "torus_aggregate.h"


/*
 * Where we depart from the recorded rules, by rule and stat.  want: the
 * aggregates as we define them, comma-separated; NULL: the rules are a
 * fault.
 */
typedef struct {
    const char  *source;       /* of any rule of the case */
    const char  *stat;
    const char  *want;
    const char  *reason;
} departure_t;


static torus_arena_t  *arena;


static const departure_t  departures[] = {

    { "pre*.x", "pre.x", "", "a part that is not wholly \"*\" is literal" },
    { "pre*.x", "pr.x", "", "a part that is not wholly \"*\" is literal" },
    { "pre*.x", "preeee.x", "", "a part that is not wholly \"*\" is "
                                "literal" },
    { "*post.x", "apost.x", "", "literal, so that it compiles" },
    { "a.[0-9]+.b", "a.12.b", "", "a part that looks like a regex is "
                                  "literal" },
    { "m+.n?", "mmm.n", "", "a part that looks like a regex is literal" },
    { "m+.n?", "mm.", "", "a part that looks like a regex is literal" },
    { "x.(", "x.1", "", "literal, so that it compiles" },
    { "x.<y>", "x.1", NULL, "an unknown capture is a fault at once" },
    { "x.<y>", "q", NULL, "an unknown capture is a fault at once" },
    { "pct.*", "pct.a", "100%,ok", "a % in a target is literal" },
    { "half.<v>", "half.a", "50%%.a", "a % in a target is literal" },
    { "u.<u>", "u.caf\xc3\xa9", "z.caf\xc3\xa9", "a capture takes any text "
                                                 "without dots" },
    { "sp ace.*", "sp ace.b c", "z", "* takes any text without dots" },
    { "foo.*", "foo.bar ", "fum", "* takes any text without dots" },
    { "x.<a>.<a>", "x.1.1", NULL, "as the original: a capture given twice" },
    { "x.<a-b>", "x.1", NULL, "as the original: not a name" },
    { "x.<>", "x.1", NULL, "as the original: no name" },
};


static void test_vectors(void);
static void vector(size_t i, json_t *c, int *used);
static const departure_t *departure(json_t *rules, torus_str_t stat,
    int *used);
static void join(char *dst, size_t size, torus_str_t s);
static void test_rules(void);
static void test_faults(void);
static void test_memory(void);


int
main(void)
{
    arena = torus_arena_create(4096, 0);
    if (arena == NULL) {
        bail_out("no memory");
    }

    test_vectors();
    test_rules();
    test_faults();
    test_memory();

    torus_arena_destroy(arena);

    return done_testing();
}


static void
test_vectors(void)
{
    int      used[sizeof(departures) / sizeof(departures[0])];
    size_t   i;
    json_t  *root, *cases, *c;

    memset(used, 0, sizeof(used));

    root = torus_test_json("t/vectors/aggregates.json");
    cases = torus_test_cases(root);

    json_array_foreach(cases, i, c) {
        vector(i, c, used);
    }

    json_decref(root);

    for (i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        is_int(used[i], 1, "the departure for \"%s\" on \"%s\" is one case's",
               departures[i].source, departures[i].stat);
    }
}


static void
vector(size_t i, json_t *c, int *used)
{
    int                  rc, fault;
    char                 got[256], want[256];
    size_t               k;
    json_t              *rule, *rules, *match;
    torus_str_t          stat, name;
    torus_error_t        err;
    const departure_t   *d;
    torus_aggregates_t  *ag;

    rules = torus_test_member(c, "rules");
    stat = torus_test_string(torus_test_member(c, "stat"));
    d = departure(rules, stat, used);

    ag = torus_aggregates_create(arena);
    fault = 0;

    json_array_foreach(rules, k, rule) {
        rc = torus_aggregates_add(ag,
                                  torus_test_string(json_array_get(rule, 0)),
                                  torus_test_string(json_array_get(rule, 1)),
                                  &err);
        fault |= (rc == TORUS_INVALID);
    }

    if (d != NULL && d->want == NULL) {
        ok(fault, "aggregates.json case %zu: %s", i, d->reason);
        return;
    }

    ok(!fault, "aggregates.json case %zu compiles", i);

    want[0] = '\0';
    got[0] = '\0';

    if (d != NULL) {
        snprintf(want, sizeof(want), "%s", d->want);

    } else {
        match = torus_test_member(c, "match");

        for (k = 0; k < json_array_size(match); k++) {
            join(want, sizeof(want),
                 torus_test_string(json_array_get(match, k)));
        }
    }

    for (k = 0; k < torus_aggregates_count(ag); k++) {
        rc = torus_aggregates_apply(ag, k, stat, arena, &name);

        if (rc == TORUS_OK) {
            join(got, sizeof(got), name);
        }
    }

    is_cstr(got, want, "aggregates.json case %zu%s%s", i,
            d == NULL ? "" : ", departs: ", d == NULL ? "" : d->reason);
}


static const departure_t *
departure(json_t *rules, torus_str_t stat, int *used)
{
    size_t   i, k;
    json_t  *rule;

    for (i = 0; i < sizeof(departures) / sizeof(departures[0]); i++) {
        if (!torus_str_is(stat, departures[i].stat)) {
            continue;
        }

        json_array_foreach(rules, k, rule) {
            if (torus_str_is(torus_test_string(json_array_get(rule, 1)),
                             departures[i].source))
            {
                used[i]++;
                return &departures[i];
            }
        }
    }

    return NULL;
}


static void
join(char *dst, size_t size, torus_str_t s)
{
    size_t  n;

    n = strlen(dst);

    snprintf(dst + n, size - n, "%s%.*s", n == 0 ? "" : ",", torus_fmt(s));
}


static void
test_rules(void)
{
    int                  rc;
    size_t               i;
    torus_str_t          name;
    torus_error_t        err;
    torus_aggregates_t  *ag;

    static const struct {
        const char  *target;
        const char  *source;
        const char  *stat;
        const char  *want;      /* NULL: no match */
        int          many;
    } cases[] = {
        { "a", "b", "b", "a", 0 },
        { "a", "b", "b.", NULL, 0 },
        { "a", "b.", "b.", "a", 0 },
        { "a", "b", "", NULL, 0 },
        { "a", "b.*", "b.", NULL, 1 },
        { "a", "b.*", "b", NULL, 1 },
        { "a", "*.b", ".b", NULL, 1 },
        { "a.<x>", "b.<x>", "b.c", "a.c", 0 },
        { "<x>", "b.<x>", "b.c", "c", 0 },
        { "<y>.<x>.<y>", "<x>.<y>", "p.q", "q.p.q", 0 },
        { "a.<x>", "b.<x>.<y>", "b.c.d", "a.c", 1 },
        { "a.<x>", "b.<x>.*", "b.c.d", "a.c", 1 },
        { "a.*", "b.*", "b.c", "a.*", 1 },
        { "a..b", "c", "c", "a..b", 0 },
        { "a<x>", "<x>.b", "c.b", "a<x>", 1 },
        { "a", "b<x>", "b<x>", "a", 0 },
        { "a", "b<x>", "bc", NULL, 0 },
        { "a", "**", "b", NULL, 0 },
        { "a", "<", "<", "a", 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ag = torus_aggregates_create(arena);

        rc = torus_aggregates_add(ag, torus_test_z(cases[i].target),
                                  torus_test_z(cases[i].source), &err);
        if (rc != TORUS_OK) {
            bail_out("\"%s\" does not compile", cases[i].source);
        }

        rc = torus_aggregates_apply(ag, 0, torus_test_z(cases[i].stat), arena,
                                    &name);

        if (cases[i].want == NULL) {
            is_int(rc, TORUS_DECLINED, "\"%s\" does not take \"%s\"",
                   cases[i].source, cases[i].stat);

        } else if (is_int(rc, TORUS_OK, "\"%s\" takes \"%s\"",
                          cases[i].source, cases[i].stat))
        {
            is_str(name, cases[i].want, "for \"%s\"", cases[i].target);
        }

        is_int(torus_aggregates_many(ag, 0), cases[i].many,
               "is \"%s\" fed by many?", cases[i].target);
        is_str(torus_aggregates_source(ag, 0), cases[i].source, "source");
        is_str(torus_aggregates_target(ag, 0), cases[i].target, "target");
    }

    ag = torus_aggregates_create(arena);

    for (i = 0; i < 100; i++) {
        (void) torus_aggregates_add(ag, torus_str("t", 1), torus_str("s", 1),
                                    &err);
    }

    is_int(torus_aggregates_count(ag), 100, "many rules");
    is_str(torus_aggregates_target(ag, 0), "t", "the first is kept");
}


static void
test_faults(void)
{
    char                 text[600];
    size_t               i;
    torus_error_t        err;
    torus_aggregates_t  *ag;

    static const struct {
        const char  *target;
        const char  *source;
        const char  *reason;
    } cases[] = {
        { "a.<x>", "b.<y>", "the target uses \"<x>\", which is no component "
                            "of the source" },
        { "a.<x>", "b.c<x>", "the target uses \"<x>\", which is no "
                             "component of the source" },
        { "a.<>", "b.<y>", "the target uses \"<>\", which is no component "
                           "of the source" },
        { "a", "b.<>", "the capture \"<>\" has no name" },
        { "a", "<x>.<x>", "the source captures \"<x>\" twice" },
        { "a", "b.<x-y>", "the name of the capture \"<x-y>\" must be of "
                          "letters, digits and \"_\", and begin with no "
                          "digit" },
        { "a", "b.<1x>", "the name of the capture \"<1x>\" must be of "
                         "letters, digits and \"_\", and begin with no "
                         "digit" },
    };

    ag = torus_aggregates_create(arena);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        err.text[0] = '\0';

        is_int(torus_aggregates_add(ag, torus_test_z(cases[i].target),
                                    torus_test_z(cases[i].source), &err),
               TORUS_INVALID, "\"%s\" from \"%s\" is refused",
               cases[i].target, cases[i].source);
        is_cstr(err.text, cases[i].reason, "and says why");
    }

    memset(text, '.', sizeof(text));

    is_int(torus_aggregates_add(ag, torus_str("a", 1), torus_str(text, 256),
                                &err),
           TORUS_INVALID, "257 components are refused");
    is_cstr(err.text, "a rule has at most 256 path components, not 257",
            "and says so");

    is_int(torus_aggregates_count(ag), 0, "a refused rule is not added");

    is_int(torus_aggregates_add(ag, torus_str("a", 1), torus_str(text, 255),
                                &err),
           TORUS_OK, "256 are not");
}


/* Wherever memory runs out, it is an error and nothing else. */
static void
test_memory(void)
{
    int                  rc, errors;
    size_t               limit;
    torus_str_t          name;
    torus_error_t        err;
    torus_arena_t       *a;
    torus_aggregates_t  *ag;

    errors = 0;
    rc = TORUS_ERROR;

    for (limit = 512; rc != TORUS_OK && limit < 65536; limit += 16) {
        a = torus_arena_create(512, limit);
        ag = torus_aggregates_create(a);

        if (ag != NULL) {
            rc = torus_aggregates_add(ag, torus_str("a.<x>", 5),
                                      torus_str("b.c.d.<x>", 9), &err);

            if (rc == TORUS_OK) {
                rc = torus_aggregates_apply(ag, 0, torus_str("b.c.d.e", 7), a,
                                            &name);
            }

            if (rc != TORUS_OK && rc != TORUS_ERROR) {
                break;
            }
        }

        errors += (rc == TORUS_ERROR);
        torus_arena_destroy(a);
    }

    is_int(rc, TORUS_OK, "with enough memory it works");
    ok(errors > 0, "with less it was an error, %d times", errors);
}
