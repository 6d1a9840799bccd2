/*
 * Routing: which schemas take a stat and under which names, cascades as they
 * were recorded from the original, and a cache that answers the same as no
 * cache, however small it is.
 */

#include "torus_test.h"
#include "torus_route.h"


/*
 * Where we depart from the recorded cascades, by rule and stat: see also
 * test_aggregate.c, which has the reasons.  want: names, comma-separated;
 * NULL: the rules are a fault.
 */
typedef struct {
    const char  *source;
    const char  *stat;
    const char  *want;
} departure_t;


static const departure_t  departures[] = {

    /* a part that is not wholly "*" or "<x>" is literal */

    { "pre*.x", "pre.x", "pre.x" },
    { "pre*.x", "pr.x", "pr.x" },
    { "pre*.x", "preeee.x", "preeee.x" },
    { "*post.x", "apost.x", "apost.x" },
    { "a.[0-9]+.b", "a.12.b", "a.12.b" },
    { "m+.n?", "mmm.n", "mmm.n" },
    { "m+.n?", "mm.", "mm." },
    { "x.(", "x.1", "x.1" },

    /* a % in a target is literal */

    { "pct.*", "pct.a", "pct.a,100%,ok" },
    { "half.<v>", "half.a", "half.a,50%%.a" },

    /* "*" and "<x>" take any text without dots */

    { "u.<u>", "u.caf\xc3\xa9", "u.caf\xc3\xa9,z.caf\xc3\xa9" },
    { "sp ace.*", "sp ace.b c", "sp ace.b c,z" },
    { "foo.*", "foo.bar ", "foo.bar ,fum" },

    /* rules that cannot work are faults when they are read */

    { "x.<y>", "x.1", NULL },
    { "x.<y>", "q", NULL },
    { "x.<a>.<a>", "x.1.1", NULL },
    { "x.<a-b>", "x.1", NULL },
    { "x.<>", "x.1", NULL },

    /* an empty source or target does nothing: a fault too */

    { "empty.*", "empty.a", NULL },
    { "empty.*", "", NULL },
};


static void quiet(void *data, torus_report_level_t level, const char *text);
static torus_schema_set_t *load(const char *json);
static const char *names(const torus_route_t *route);
static const char *targets(const torus_route_t *route);
static void test_vectors(void);
static void vector(size_t i, json_t *c, int *used);
static const departure_t *departure(json_t *rules, torus_str_t stat,
    int *used);
static void test_schemas(void);
static void test_depth(void);
static void test_overlong(void);
static void test_permutations(void);
static void test_cache(void);
static void test_eviction(void);
static void test_small_cache(void);
static void test_bytes(void);
static void test_memory(void);


int
main(void)
{
    test_vectors();
    test_schemas();
    test_depth();
    test_overlong();
    test_permutations();
    test_cache();
    test_eviction();
    test_small_cache();
    test_bytes();
    test_memory();

    return done_testing();
}


static void
quiet(void *data, torus_report_level_t level, const char *text)
{
    (void) level;
    (void) text;

    (*(int *) data)++;
}


static torus_schema_set_t *
load(const char *json)
{
    int                    reports;
    torus_schema_set_t    *set;
    torus_schema_source_t  source;

    reports = 0;
    source.file = torus_test_z("s.json");
    source.text = torus_test_z(json);

    (void) torus_schema_load(&source, 1, quiet, &reports, &set);

    return set;
}


/* "a,b": the stat of each target. */
static const char *
names(const torus_route_t *route)
{
    size_t       i, n;
    static char  text[4096];

    n = 0;
    text[0] = '\0';

    for (i = 0; i < route->ntargets; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s",
                               i == 0 ? "" : ",",
                               torus_fmt(route->targets[i].stat));
    }

    return text;
}


/* "schema stem,schema stem" */
static const char *
targets(const torus_route_t *route)
{
    size_t       i, n;
    static char  text[4096];

    n = 0;
    text[0] = '\0';

    for (i = 0; i < route->ntargets; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s %.*s",
                               i == 0 ? "" : ",",
                               torus_fmt(route->targets[i].schema->name),
                               torus_fmt(route->targets[i].stem));
    }

    return text;
}


/* With a schema that takes every name, a route is what is processed. */
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
    char                *text;
    char                 want[1024];
    size_t               k, n;
    json_t              *schema, *rules, *processed;
    torus_str_t          stat;
    torus_arena_t       *arena;
    const departure_t   *d;
    torus_schema_set_t  *set;

    rules = torus_test_member(c, "rules");
    stat = torus_test_string(torus_test_member(c, "stat"));
    d = departure(rules, stat, used);

    schema = json_pack("{s:O,s:{s:{s:s,s:{s:{s:i}}}}}", "AGGREGATES", rules,
                       "TIMESERIES", "all", "match", "~", "intervals", "i",
                       "step", 60);
    text = json_dumps(schema, 0);
    set = load(text);
    free(text);
    json_decref(schema);

    if (d != NULL && d->want == NULL) {
        ok(set == NULL, "aggregates.json case %zu is refused", i);
        torus_schema_set_destroy(set);
        return;
    }

    if (!ok(set != NULL, "aggregates.json case %zu loads", i)) {
        return;
    }

    n = 0;
    want[0] = '\0';

    if (d != NULL) {
        snprintf(want, sizeof(want), "%s", d->want);

    } else {
        processed = torus_test_member(c, "processed");

        for (k = 0; k < json_array_size(processed); k++) {
            n += (size_t) snprintf(want + n, sizeof(want) - n, "%s%s",
                                   k == 0 ? "" : ",", json_string_value(
                                              json_array_get(processed, k)));
        }
    }

    arena = torus_arena_create(4096, 0);
    is_cstr(names(torus_route(set, stat, arena)), want,
            "aggregates.json case %zu%s", i, d == NULL ? "" : ", departs");
    torus_arena_destroy(arena);

    torus_schema_set_destroy(set);
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


static torus_schema_set_t *
some(void)
{
    return load("{\"TIMESERIES\": {"
        "\"one\": {\"match\": [\"a.**\", \"b\"], \"except\": \"a.no.**\", "
        "\"prefix\": \"p\", \"intervals\": {\"i\": {\"step\": 60}}}, "
        "\"last\": {\"match\": \"a.f.**\", \"final\": true, "
        "\"intervals\": {\"j\": {\"step\": 60}}}, "
        "\"rest\": {\"match\": [\"a.**\", \"sum.*\"], \"prefix\": \"r:\", "
        "\"intervals\": {\"k\": {\"step\": 60}}}}, "
        "\"AGGREGATES\": [[\"sum.<x>\", \"a.*.<x>\"], "
        "[\"b\", \"sum.*\"], [\"lost\", \"b\"]]}");
}


static void
test_schemas(void)
{
    size_t                i;
    torus_arena_t        *arena;
    const torus_route_t  *route;
    torus_schema_set_t   *set;

    static const struct {
        const char  *stat;
        const char  *targets;
    } cases[] = {
        { "a.x", "one p:a.x:,rest r:a.x:" },
        { "b", "one p:b:" },
        { "a.no.x.y", "rest r:a.no.x.y:" },
        { "a.f.x.y", "one p:a.f.x.y:,last a.f.x.y:" },
        { "a.x.y", "one p:a.x.y:,rest r:a.x.y:,rest r:sum.y:,one p:b:" },
        { "a.f.y", "one p:a.f.y:,last a.f.y:,rest r:sum.y:,one p:b:" },
        { "sum.x", "rest r:sum.x:,one p:b:" },
        { "lost", "" },
        { "", "" },
    };

    set = some();
    arena = torus_arena_create(4096, 0);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        route = torus_route(set, torus_test_z(cases[i].stat), arena);

        is_cstr(targets(route), cases[i].targets, "targets of \"%s\"",
                cases[i].stat);
        is_str(route->stat, cases[i].stat, "its own name");
    }

    torus_arena_destroy(arena);
    torus_schema_set_destroy(set);
}


/* "n0" feeds "n1" and so on: 16 levels below the stat itself are taken. */
static void
test_depth(void)
{
    int                   i;
    char                  json[2048];
    size_t                n;
    torus_arena_t        *arena;
    const torus_route_t  *route;
    torus_schema_set_t   *set;

    n = (size_t) snprintf(json, sizeof(json), "{\"TIMESERIES\": {\"a\": "
                          "{\"match\": \"**\", \"intervals\": {\"i\": "
                          "{\"step\": 1}}}}, \"AGGREGATES\": [[\"x\", "
                          "\"n16\"]");

    for (i = 0; i < 30; i++) {
        n += (size_t) snprintf(json + n, sizeof(json) - n,
                               ", [\"n%d\", \"n%d\"]", i + 1, i);
    }

    snprintf(json + n, sizeof(json) - n, "]}");

    set = load(json);
    arena = torus_arena_create(4096, 0);

    route = torus_route(set, torus_str("n0", 2), arena);
    is_cstr(names(route), "n0,n1,n2,n3,n4,n5,n6,n7,n8,n9,n10,n11,n12,n13,n14,"
                          "n15,n16", "a cascade ends at its 16th level");

    torus_arena_destroy(arena);
    torus_schema_set_destroy(set);
}


/* What comes by Carbon has at most as many bytes. */
static void
test_overlong(void)
{
    char                 *stat;
    torus_arena_t        *arena;
    const torus_route_t  *route;
    torus_schema_set_t   *set;

    const size_t  len = (TORUS_CARBON_PATH_LIMIT - 2) / 2;

    set = load("{\"TIMESERIES\": {\"a\": {\"match\": \"**\", \"intervals\": "
        "{\"i\": {\"step\": 1}}}}, \"AGGREGATES\": ["
        "[\"x.<a>.<a>\", \"<a>\"], [\"y\", \"x.*.*\"], "
        "[\"x.<a>.<a>\", \"*.<a>\"]]}");

    arena = torus_arena_create(4096, 0);
    stat = torus_arena_alloc(arena, len + 2);
    memset(stat, 'a', len + 2);

    /* "x." and a dot between are three bytes */

    route = torus_route(set, torus_str(stat, len - 1), arena);
    is_int(route->ntargets, 4, "the name of an aggregate may be long");
    is_int(route->targets[1].stat.len, TORUS_CARBON_PATH_LIMIT - 1,
           "as long as one byte less than the limit");
    is_int(route->overlong, 0, "which is not too long");

    route = torus_route(set, torus_str(stat, len), arena);
    is_int(route->ntargets, 1, "a byte more and nothing is stored under it");
    is_int(route->overlong, 1, "and that it was too long is known");

    stat[1] = '.';
    route = torus_route(set, torus_str(stat, len + 2), arena);
    is_int(route->ntargets, 1, "nor under what other rules make of it");
    is_int(route->overlong, 1, "it is one name");

    torus_arena_destroy(arena);
    torus_schema_set_destroy(set);
}


/* Rules that swap and rotate components could go on for ever. */
static void
test_permutations(void)
{
    torus_arena_t        *arena;
    const torus_route_t  *route;
    torus_schema_set_t   *set;

    set = load("{\"TIMESERIES\": {\"a\": {\"match\": \"**\", \"intervals\": "
        "{\"i\": {\"step\": 1}}}}, \"AGGREGATES\": ["
        "[\"<b>.<a>.<c>.<d>.<e>.<f>.<g>.<h>\", "
        "\"<a>.<b>.<c>.<d>.<e>.<f>.<g>.<h>\"], "
        "[\"<b>.<c>.<d>.<e>.<f>.<g>.<h>.<a>\", "
        "\"<a>.<b>.<c>.<d>.<e>.<f>.<g>.<h>\"]]}");
    arena = torus_arena_create(4096, 0);

    route = torus_route(set, torus_str("1.2.3.4.5.6.7.8", 15), arena);
    is_int(route->ntargets, 1024, "a stat has at most 1024 names");

    torus_arena_destroy(arena);
    torus_schema_set_destroy(set);
}


static void
test_cache(void)
{
    char                  name[32];
    const torus_route_t  *route;
    torus_router_t       *router;
    torus_schema_set_t   *set;
    torus_router_stats_t  stats, shared;

    set = some();
    router = torus_router_create(set, 1 << 20, 42);

    snprintf(name, sizeof(name), "a.x.y");
    ok(!torus_router_knows(router, torus_test_z(name)),
       "a new stat is not known");
    torus_router_share(router, &stats);
    is_int((int64_t) stats.misses, 0, "and to ask is no miss");

    route = torus_router_find(router, torus_test_z(name));
    is_cstr(targets(route), "one p:a.x.y:,rest r:a.x.y:,rest r:sum.y:,"
                            "one p:b:", "a new stat");
    ok(torus_router_knows(router, torus_test_z(name)), "then it is");
    ok(!torus_router_knows(router, torus_test_z("a.x.z")), "another is not");

    memset(name, 'Z', sizeof(name));
    is_cstr(targets(route), "one p:a.x.y:,rest r:a.x.y:,rest r:sum.y:,"
                            "one p:b:", "the route keeps no foreign memory");

    ok(torus_router_find(router, torus_str("a.x.y", 5)) == route,
       "a known one has the same route");
    is_cstr(names(route), "a.x.y,a.x.y,sum.y,b", "names in stems");
    is_str(route->stat, "a.x.y", "and its name");

    is_int(torus_router_find(router, torus_str("none", 4))->ntargets, 0,
           "unmatched");
    is_int(torus_router_find(router, torus_str("none", 4))->ntargets, 0,
           "is known as well");
    is_int(torus_router_find(router, torus_str(NULL, 0))->ntargets, 0,
           "an empty name without data");

    torus_router_share(router, &stats);

    is_int(stats.hits, 2, "hits");
    is_int(stats.misses, 3, "misses");
    is_int(stats.entries, 3, "entries");
    is_int(stats.evicted, 0, "evicted");
    ok(stats.bytes > 1024 && stats.bytes < 4096, "bytes: %zu", stats.bytes);

    memset(&shared, 0, sizeof(shared));
    torus_router_share(router, &shared);
    is_int(memcmp(&shared, &stats, sizeof(stats)), 0, "shared as they are");
    (void) torus_router_find(router, torus_str("none", 4));
    (void) torus_router_find(router, torus_str("more", 4));
    is_int(shared.hits, 3, "a hit is counted there from now on");
    is_int(shared.misses, 4, "and a miss");
    is_int(shared.entries, 4, "and an entry");

    torus_router_destroy(router);
    torus_router_destroy(NULL);
    torus_schema_set_destroy(set);
}


/*
 * Far more names than fit, in waves: answers stay right, bytes stay bounded,
 * and what is asked for all the time is not what goes.
 */
static void
test_eviction(void)
{
    int                   i, wrong, over, n;
    char                  name[64], want[128];
    uint64_t              misses;
    const torus_route_t  *route;
    torus_router_t       *router;
    torus_schema_set_t   *set;
    torus_router_stats_t  stats;

    set = load("{\"TIMESERIES\": {\"s\": {\"match\": \"m.*\", "
               "\"intervals\": {\"i\": {\"step\": 1}}}}}");
    router = torus_router_create(set, 100000, 7);

    wrong = 0;
    over = 0;
    misses = 0;

    for (i = 0; i < 50000; i++) {
        n = (i * 7919) % 5000;

        /* of many lengths */
        snprintf(name, sizeof(name), "m.%0*d", n % 40 + 5, n);
        snprintf(want, sizeof(want), "s %s:", name);

        route = torus_router_find(router, torus_test_z(name));
        wrong += strcmp(targets(route), want) != 0;
        wrong += !torus_str_is(route->stat, name);

        torus_router_share(router, &stats);
        over += stats.bytes > 100000;
        misses -= stats.misses;

        route = torus_router_find(router, torus_str("m.hot", 5));
        wrong += strcmp(targets(route), "s m.hot:") != 0;

        torus_router_share(router, &stats);
        misses += stats.misses;
    }

    is_int(wrong, 0, "no route is wrong");
    is_int(over, 0, "the bytes allowed are kept");
    is_int(stats.misses - stats.evicted, stats.entries, "each miss is an "
           "entry or was evicted");
    is_int(stats.hits + stats.misses, 100000, "each call is one or the other");
    ok(stats.evicted > 40000, "most had to go: %" PRIu64, stats.evicted);
    is_int(misses, 1, "one that is in use stays");

    torus_router_destroy(router);
    torus_schema_set_destroy(set);

    /* with room for all of them nothing goes */

    set = load("{\"TIMESERIES\": {\"s\": {\"match\": \"m.*\", "
               "\"intervals\": {\"i\": {\"step\": 1}}}}}");
    router = torus_router_create(set, 10 << 20, 7);
    wrong = 0;

    for (i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "m.%d", i % 10000);
        snprintf(want, sizeof(want), "s %s:", name);

        route = torus_router_find(router, torus_test_z(name));
        wrong += strcmp(targets(route), want) != 0;
    }

    torus_router_share(router, &stats);

    is_int(wrong, 0, "no route is wrong while the table grows");
    is_int(stats.hits, 10000, "each name is a hit the second time");
    is_int(stats.entries, 10000, "all of them are held");

    torus_router_destroy(router);
    torus_schema_set_destroy(set);
}


/* One route is always held, and it is the last. */
static void
test_small_cache(void)
{
    int                   i, wrong;
    char                  name[64], want[128];
    const torus_route_t  *route;
    torus_router_t       *router;
    torus_schema_set_t   *set;
    torus_router_stats_t  stats;

    set = load("{\"TIMESERIES\": {\"s\": {\"match\": \"m.*\", "
               "\"intervals\": {\"i\": {\"step\": 1}}}}}");
    router = torus_router_create(set, 0, 7);
    wrong = 0;

    for (i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "m.%d", i / 2);
        snprintf(want, sizeof(want), "s %s:", name);

        route = torus_router_find(router, torus_test_z(name));
        wrong += strcmp(targets(route), want) != 0;
    }

    torus_router_share(router, &stats);

    is_int(wrong, 0, "a cache of nothing routes");
    is_int(stats.entries, 1, "and holds one");
    is_int(stats.hits, 100, "which is a hit");

    torus_router_destroy(router);
    torus_schema_set_destroy(set);
}


/* Names are any bytes, and as long as they like. */
static void
test_bytes(void)
{
    char                 *name;
    size_t                i;
    const torus_route_t  *route;
    torus_router_t       *router;
    torus_schema_set_t   *set;

    set = load("{\"TIMESERIES\": {\"s\": {\"match\": \"~\", "
               "\"intervals\": {\"i\": {\"step\": 1}}}}}");
    router = torus_router_create(set, 1 << 20, 7);

    route = torus_router_find(router, torus_str("a\0b", 3));
    ok(route->ntargets == 1 && route->targets[0].stat.len == 3,
       "a NUL in a name");
    route = torus_router_find(router, torus_str("a\0c", 3));
    is_mem(route->stat.data, route->stat.len, "a\0c", 3, "is minded");

    name = malloc(100000);
    memset(name, 'x', 100000);

    for (i = 1; i <= 100000; i *= 10) {
        route = torus_router_find(router, torus_str(name, i));
        is_int(route->targets[0].stem.len, i + 1, "a name of %zu bytes", i);
    }

    free(name);
    torus_router_destroy(router);
    torus_schema_set_destroy(set);
}


static void
test_memory(void)
{
    size_t                limit, failed;
    torus_arena_t        *arena;
    const torus_route_t  *route;
    torus_schema_set_t   *set;

    set = some();
    failed = 0;
    route = NULL;

    for (limit = 512; route == NULL && limit < 65536; limit += 16) {
        arena = torus_arena_create(512, limit);
        route = torus_route(set, torus_str("a.x.y", 5), arena);

        if (route != NULL) {
            is_cstr(names(route), "a.x.y,a.x.y,sum.y,b",
                    "with enough memory there is a route");

        } else {
            failed++;
        }

        torus_arena_destroy(arena);
    }

    ok(route != NULL && failed > 0, "with less there is none, %zu times",
       failed);

    torus_schema_set_destroy(set);
}
