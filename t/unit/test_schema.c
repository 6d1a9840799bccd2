/*
 * The schema file: what a good one means, and for every way to get one wrong
 * the exact words that "nginx -t" will say.  Any bytes at all are either a
 * schema set or faults, never a crash.
 */

#include "torus_test.h"
#include "torus_schema.h"


/* A schema around what a case is about, which costs the tables a line less. */
#define ONE(keys)                                                             \
    "{\"TIMESERIES\": {\"a\": {\"match\": \"x\", \"intervals\": "             \
    "{\"i\": {\"step\": 60}}, " keys "}}}"

#define INTERVAL(keys)                                                        \
    "{\"TIMESERIES\": {\"a\": {\"match\": \"x\", \"intervals\": "             \
    "{\"i\": {" keys "}}}}}"

#define RULES(rules)                                                          \
    "{\"AGGREGATES\": " rules ", \"TIMESERIES\": {\"a\": {\"match\": \"x\", " \
    "\"intervals\": {\"i\": {\"step\": 60}}}}}"

#define WITH(keys)                                                            \
    "{\"TIMESERIES\": {\"a\": {\"match\": \"x\", \"intervals\": "             \
    "{\"i\": {\"step\": 60}}}}, " keys "}"

#define SCHEMA_A  "E schema \"a\" in \"s.json\": "
#define FILE_S    "E schema file \"s.json\": "

#define STORES_TEXT(text)                                                     \
    "W schema \"a\" in \"s.json\": \"write_func\" stores text such as \""     \
    text "\", which no answer shows without \"read_func\": \"string\"\n"


typedef struct {
    char    text[16384];
    size_t  len;
    size_t  errors;
    size_t  warnings;
} reports_t;


typedef struct {
    const char  *json;
    const char  *reports;     /* "E ..\n" and "W ..\n", all of them */
} broken_t;


static void report(void *data, torus_report_level_t level, const char *text);
static int load(const char *json, reports_t *r, torus_schema_set_t **set);
static torus_schema_set_t *good(const char *json);
static void broken(const broken_t *cases, size_t n);
static void test_good(void);
static void test_comments(void);
static void test_lists(void);
static void test_steps(void);
static void test_match(void);
static void test_hosts(void);
static void test_host_faults(void);
static void test_files(void);
static void test_syntax_faults(void);
static void test_syntax_secrets(void);
static void test_file_faults(void);
static void test_schema_faults(void);
static void test_texts(void);
static void test_interval_faults(void);
static void test_aggregate_faults(void);
static void test_functions(void);
static void test_same_keys(void);
static void test_many_faults(void);
static void test_memory(void);
static void test_any_bytes(void);


int
main(void)
{
    test_good();
    test_comments();
    test_lists();
    test_steps();
    test_match();
    test_hosts();
    test_host_faults();
    test_files();
    test_syntax_faults();
    test_syntax_secrets();
    test_file_faults();
    test_schema_faults();
    test_texts();
    test_interval_faults();
    test_aggregate_faults();
    test_functions();
    test_same_keys();
    test_many_faults();
    test_memory();
    test_any_bytes();

    return done_testing();
}


static void
report(void *data, torus_report_level_t level, const char *text)
{
    int         n;
    reports_t  *r;

    r = data;

    if (level == TORUS_REPORT_ERROR) {
        r->errors++;

    } else {
        r->warnings++;
    }

    n = snprintf(r->text + r->len, sizeof(r->text) - r->len, "%s %s\n",
                 level == TORUS_REPORT_ERROR ? "E" : "W", text);

    r->len += (size_t) n;

    if (r->len >= sizeof(r->text)) {
        bail_out("reports do not fit");
    }
}


static int
load(const char *json, reports_t *r, torus_schema_set_t **set)
{
    torus_schema_source_t  source;

    memset(r, 0, sizeof(*r));

    source.file = torus_test_z("s.json");
    source.text = torus_test_z(json);

    return torus_schema_load(&source, 1, report, r, set);
}


static torus_schema_set_t *
good(const char *json)
{
    reports_t            r;
    torus_schema_set_t  *set;

    if (load(json, &r, &set) != TORUS_OK) {
        bail_out("a good schema is refused: %s", r.text);
    }

    is_cstr(r.text, "", "nothing is said about a good schema");

    return set;
}


static void
broken(const broken_t *cases, size_t n)
{
    int                  rc;
    size_t               i;
    reports_t            r;
    torus_schema_set_t  *set;

    for (i = 0; i < n; i++) {
        rc = load(cases[i].json, &r, &set);

        is_int(rc, r.errors == 0 ? TORUS_OK : TORUS_INVALID,
               "%s is %s", cases[i].json,
               r.errors == 0 ? "taken" : "refused");
        is_cstr(r.text, cases[i].reports, "and what is said");

        if (rc == TORUS_OK) {
            torus_schema_set_destroy(set);

        } else {
            ok(set == NULL, "and there is no set");
        }
    }
}


#define check(cases)  broken(cases, sizeof(cases) / sizeof(cases[0]))


static void
test_good(void)
{
    const torus_schema_t    *s;
    torus_schema_set_t      *set;
    const torus_interval_t  *iv;

    set = good("{\"SCHEMAS\": {"
        "\"full\": {\"type\": \"count\", \"host\": \"redis.example:6380/2\", "
        "\"match\": [\"a.*\", \"~^b\"], \"except\": \"a.no\", "
        "\"prefix\": \"app\", \"write_func\": \"%0.3f\", "
        "\"read_func\": \"float\", \"rolling\": -2, \"final\": true, "
        "\"zeros\": \"drop\", \"intervals\": {"
        "\"minute\": {\"step\": 60, \"steps\": 240}, "
        "\"day\": {\"step\": \"daily\", \"resolution\": \"1h\", "
        "\"layout\": \"kairos\"}, "
        "\"week\": {\"step\": \"weekly\", \"resolution\": \"1h\", "
        "\"layout\": \"packed\"}}}, "
        "\"bare\": {\"match\": \"c\", \"prefix\": \"p:\", "
        "\"intervals\": {\"i\": {\"step\": \"60\"}}}}, "
        "\"AGGREGATES\": [[\"c\", \"a.*\"], [\"c.<x>\", \"d.<x>\"]]}");

    is_int(set->nschemas, 2, "two schemas");
    is_int(set->nhosts, 2, "two hosts");
    is_int(torus_aggregates_count(set->aggregates), 2, "two rules");
    is_str(torus_aggregates_source(set->aggregates, 1), "d.<x>",
           "rules in order");

    s = &set->schemas[0];

    is_str(s->name, "full", "schemas in order");
    is_str(s->file, "s.json", "their file");
    is_int(s->index, 0, "their index");
    is_int(s->type, TORUS_COUNT, "type");
    is_str(s->host->name, "redis.example:6380/2", "host");
    is_int(s->nmatch, 2, "match");
    is_str(torus_pattern_text(s->match[1]), "~^b", "patterns in order");
    is_int(s->nexcept, 1, "except");
    is_str(s->prefix, "app:", "a prefix gets its colon");
    is_str(torus_func_text(s->write_func), "%0.3f", "write_func");
    is_str(torus_func_text(s->read_func), "float", "read_func");
    is_int(s->rolling, -2, "rolling");
    is_int(s->final, 1, "final");
    is_int(s->zeros_drop, 1, "zeros");
    is_int(s->nintervals, 3, "intervals");

    iv = &s->intervals[0];

    is_str(iv->name, "minute", "intervals in order");
    is_int(iv->step.seconds, 60, "step");
    is_int(iv->steps, 240, "steps");
    is_int(iv->coarse, 1, "coarse without a resolution");

    iv = torus_schema_interval(s, torus_test_z("day"));

    if (ok(iv == &s->intervals[1], "an interval by name")) {
        is_int(iv->step.kind, TORUS_STEP_DAILY, "a calendar step");
        is_int(iv->resolution.seconds, 3600, "resolution");
        is_int(iv->coarse, 0, "not coarse with it");
        is_int(iv->steps, 0, "kept for ever");
        is_int(iv->packed, 0, "in the layout of kairos");
        is_int(iv[1].packed, 1, "the one after it is packed");
    }

    s = torus_schema_find(set, torus_test_z("bare"));

    if (ok(s == &set->schemas[1], "a schema by name")) {
        is_int(s->type, TORUS_HISTOGRAM, "default type");
        is_str(s->host->name, "localhost:6379/0", "default host");
        is_str(s->prefix, "p:", "a prefix with its colon stays");
        is_str(torus_func_text(s->write_func), "long_or_float",
               "default write_func");
        is_str(torus_func_text(s->read_func), "long_or_float",
               "default read_func");
        is_int(s->rolling, 0, "default rolling");
        is_int(s->final, 0, "default final");
        is_int(s->zeros_drop, 0, "default zeros");
        is_int(s->nexcept, 0, "default except");
    }

    ok(torus_schema_find(set, torus_test_z("none")) == NULL,
       "no schema of another name");
    ok(torus_schema_interval(&set->schemas[1], torus_test_z("x")) == NULL,
       "no interval of another name");

    torus_schema_set_destroy(set);

    set = good("{\"TIMESERIES\": {\"a\": {\"match\": \"x\", \"prefix\": \"\", "
               "\"except\": [], \"intervals\": {\"i\": {\"step\": 1}}}}}");

    is_str(set->schemas[0].prefix, "", "an empty prefix is none");
    is_int(set->schemas[0].nexcept, 0, "except may be empty");

    torus_schema_set_destroy(set);
    torus_schema_set_destroy(NULL);

    is_str(torus_type_name(TORUS_SERIES), "series", "name of a type");
    is_str(torus_type_name(TORUS_SET), "set", "name of another");
}


static void
test_comments(void)
{
    torus_schema_set_t  *set;

    set = good("\xef\xbb\xbf# a comment with \"a quote\n"
        "{ // and one\n"
        "  \"TIMESERIES\": { # {\n"
        "    \"a#b\": {\n"
        "      \"match\": \"h#ash//slash\\\"#\", // \"\n"
        "      \"host\": \"redis://h\",#\n"
        "      \"intervals\": { \"i\": { \"step\": 1 } } } } }\n"
        "// the end");

    is_str(set->schemas[0].name, "a#b", "a # in a name");
    is_str(torus_pattern_text(set->schemas[0].match[0]), "h#ash//slash\"#",
           "# and // in a string, behind a quote with a backslash");
    is_str(set->schemas[0].host->address, "h", "a // in a string");

    torus_schema_set_destroy(set);
}


/* Tools that sort the keys of objects leave lists alone. */
static void
test_lists(void)
{
    torus_schema_set_t  *set;

    set = good("{\"TIMESERIES\": ["
        "{\"name\": \"z\", \"match\": \"x\", \"intervals\": ["
        "{\"name\": \"n\", \"step\": 60}, {\"step\": 1, \"name\": \"m\"}]}, "
        "{\"name\": \"y\", \"match\": \"x\", "
        "\"intervals\": {\"k\": {\"step\": 5}}}]}");

    is_str(set->schemas[0].name, "z", "a list of schemas");
    is_str(set->schemas[1].name, "y", "in its order");
    is_str(set->schemas[0].intervals[0].name, "n", "a list of intervals");
    is_str(set->schemas[0].intervals[1].name, "m", "in its order");

    torus_schema_set_destroy(set);
}


static void
test_steps(void)
{
    size_t               i;
    char                 json[256];
    torus_schema_set_t  *set;
    torus_interval_t    *iv;

    static const struct {
        const char  *keys;
        int64_t      seconds;
        int64_t      steps;
        int          coarse;
    } cases[] = {
        { "\"step\": 60, \"keep\": \"1h\"", 60, 60, 1 },
        { "\"step\": 60, \"keep\": 90", 60, 2, 1 },
        { "\"step\": 60, \"keep\": \"61\"", 60, 2, 1 },
        { "\"step\": \"1h\", \"keep\": \"7d\"", 3600, 168, 1 },
        { "\"step\": \"5min\", \"steps\": 1", 300, 1, 1 },
        { "\"step\": 60, \"steps\": 2147483648", 60, 2147483648, 1 },
        { "\"step\": \"1h\", \"resolution\": 60", 3600, 0, 0 },
        { "\"step\": \"1h\", \"resolution\": \"60min\"", 3600, 0, 1 },
        { "\"resolution\": 60, \"keep\": \"1h\", \"step\": 600", 600, 6, 0 },
        { "\"step\": \"daily\", \"resolution\": \"1h\"", 0, 0, 0 },
        { "\"step\": \"monthly\", \"resolution\": \"daily\"", 0, 0, 0 },
        { "\"step\": \"yearly\", \"resolution\": \"weekly\"", 0, 0, 0 },
        { "\"step\": \"1w\", \"resolution\": \"daily\"", 604800, 0, 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(json, sizeof(json), INTERVAL("%s"), cases[i].keys);

        set = good(json);
        iv = &set->schemas[0].intervals[0];

        is_int(iv->step.seconds, cases[i].seconds, "step of %s",
               cases[i].keys);
        is_int(iv->steps, cases[i].steps, "steps of %s", cases[i].keys);
        is_int(iv->coarse, cases[i].coarse, "is %s coarse?", cases[i].keys);

        torus_schema_set_destroy(set);
    }
}


static void
test_match(void)
{
    const torus_schema_t  *s;
    torus_schema_set_t    *set;

    set = good(ONE("\"except\": [\"x.no\", \"~never$\"]"));
    torus_schema_set_destroy(set);

    set = good("{\"TIMESERIES\": {\"a\": {\"match\": [\"x.**\", \"y\"], "
               "\"except\": [\"x.no\", \"~never$\"], "
               "\"intervals\": {\"i\": {\"step\": 60}}}}}");
    s = &set->schemas[0];

    is_int(torus_schema_match(s, torus_test_z("x.a")), 1, "the first of match");
    is_int(torus_schema_match(s, torus_test_z("y")), 1, "the second");
    is_int(torus_schema_match(s, torus_test_z("z")), 0, "neither");
    is_int(torus_schema_match(s, torus_test_z("x.no")), 0, "except");
    is_int(torus_schema_match(s, torus_test_z("x.never")), 0, "except again");

    torus_schema_set_destroy(set);
}


static void
test_hosts(void)
{
    size_t          i;
    torus_host_t    h, other;
    torus_error_t   err;
    torus_arena_t  *arena;

    static const struct {
        const char  *text;
        const char  *name;
        const char  *address;
        unsigned     port;
        unsigned     db;
        const char  *user;
        const char  *password;
        const char  *path;
    } cases[] = {
        { "localhost", "localhost:6379/0", "localhost", 6379, 0, "", "", "" },
        { "localhost:6380", "localhost:6380/0", "localhost", 6380, 0, "", "",
          "" },
        { "localhost/3", "localhost:6379/3", "localhost", 6379, 3, "", "",
          "" },
        { "10.0.0.1:1/15", "10.0.0.1:1/15", "10.0.0.1", 1, 15, "", "", "" },
        { "Redis-1.Example.COM:65535/", "redis-1.example.com:65535/0",
          "redis-1.example.com", 65535, 0, "", "", "" },
        { "[::1]:6380/2", "[::1]:6380/2", "::1", 6380, 2, "", "", "" },
        { "[FE80::1]", "[fe80::1]:6379/0", "fe80::1", 6379, 0, "", "", "" },
        { "redis://h", "h:6379/0", "h", 6379, 0, "", "", "" },
        { "redis://:secret@h:1/2", "h:1/2", "h", 1, 2, "", "secret", "" },
        { "redis://me:secret@h", "h:6379/0", "h", 6379, 0, "me", "secret",
          "" },
        { "redis://m%65:%3a%40%2F%25@h", "h:6379/0", "h", 6379, 0, "me",
          ":@/%", "" },
        { "redis://me:p@ss/w:rd@h:7", "h:7/0", "h", 7, 0, "me", "p@ss/w:rd",
          "" },
        { "unix:/run/redis.sock", "unix:/run/redis.sock?db=0", "", 0, 0, "",
          "", "/run/redis.sock" },
        { "unix:/run/redis.sock?db=4", "unix:/run/redis.sock?db=4", "", 0, 4,
          "", "", "/run/redis.sock" },
    };

    arena = torus_arena_create(4096, 0);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (!is_int(torus_host_parse(arena, torus_test_z(cases[i].text), &h,
                                     &err),
                    TORUS_OK, "host \"%s\"", cases[i].text))
        {
            continue;
        }

        is_str(h.name, cases[i].name, "its name");
        is_str(h.address, cases[i].address, "its address");
        is_int(h.port, cases[i].port, "its port");
        is_int(h.db, cases[i].db, "its database");
        is_str(h.user, cases[i].user, "its user");
        is_str(h.password, cases[i].password, "its password");
        is_str(h.path, cases[i].path, "its path");
    }

    (void) torus_host_parse(arena, torus_test_z("redis://:a@h/1"), &h, &err);
    (void) torus_host_parse(arena, torus_test_z("redis://:a@H:6379/1"),
                            &other, &err);
    is_int(torus_host_eq(&h, &other), 1, "the same host");

    (void) torus_host_parse(arena, torus_test_z("redis://:b@h/1"), &other,
                            &err);
    is_int(torus_host_eq(&h, &other), 0, "another password, another host");

    (void) torus_host_parse(arena, torus_test_z("redis://:a@h/2"), &other,
                            &err);
    is_int(torus_host_eq(&h, &other), 0, "another database, another host");

    torus_arena_destroy(arena);
}


/* No message shows what may be a password. */
static void
test_host_faults(void)
{
    size_t          i;
    torus_host_t    h;
    torus_error_t   err;
    torus_arena_t  *arena;

    static const struct {
        const char  *text;
        const char  *reason;
    } cases[] = {
        { "", "names no host" },
        { ":6379", "names no host" },
        { "redis://", "names no host" },
        { "redis:///0", "names no host" },
        { "a b", "has a bad host name \"a b\"" },
        { "[::1", "has a bad host name \"[::1\"" },
        { "[]", "has a bad host name \"[]\"" },
        { "[::1]x", "has a bad host name \"[::1]x\"" },
        { "h:0", "must have a port from 1 to 65535" },
        { "h:65536", "must have a port from 1 to 65535" },
        { "h:", "must have a port from 1 to 65535" },
        { "h:x/1", "must have a port from 1 to 65535" },
        { "redis://user:secret", "must have a port from 1 to 65535" },
        { "redis://user:12345678", "must have a port from 1 to 65535" },
        { "redis://user:1234/5678901", "must have a database from 0 to 65535" },
        { "h:99999999999999999999", "must have a port from 1 to 65535" },
        { "h/x", "must have a database from 0 to 65535" },
        { "h/65536", "must have a database from 0 to 65535" },
        { "h/1/2", "must have a database from 0 to 65535" },
        { "fe80::1", "must have an IPv6 address in brackets" },
        { "::1", "names no host" },
        { "http://h", "must be \"host[:port][/db]\" or begin with "
          "\"redis://\" or \"unix:\"" },
        { "rediss://:secret@h", "is of a kind (\"rediss://\") that is not "
          "supported yet" },
        { "cluster://h", "is of a kind (\"cluster://\") that is not "
          "supported yet" },
        { "me:secret@h", "must begin with \"redis://\" to hold credentials" },
        { "redis://secret@h", "must have \"[user]:password\" before \"@\"" },
        { "redis://me:@h", "has an empty password" },
        { "redis://:secret%4@h", "has a \"%\" in its credentials that is not "
          "followed by two hexadecimal digits (write a \"%\" as \"%25\")" },
        { "redis://:secret%@h", "has a \"%\" in its credentials that is not "
          "followed by two hexadecimal digits (write a \"%\" as \"%25\")" },
        { "redis://:secret%4x@h", "has a \"%\" in its credentials that is not "
          "followed by two hexadecimal digits (write a \"%\" as \"%25\")" },
        { "redis://:secret@", "names no host" },
        { "redis://:secret@h:x", "must have a port from 1 to 65535" },
        { "unix:", "must have an absolute path behind \"unix:\"" },
        { "unix:run/s", "must have an absolute path behind \"unix:\"" },
        { "unix://:secret@/s", "cannot have credentials with \"unix:\"" },
        { "unix:/s?x=1", "can have only \"db=N\" behind \"?\"" },
        { "unix:/s?db=x", "must have a database from 0 to 65535" },
        { "unix:/s\n", "has a control character in its path" },
        { "unix:/0123456789012345678901234567890123456789012345678901234567"
          "89012345678901234567890123456789012345678901234567890123",
          "has a path of 115 bytes, a unix socket takes at most 103" },
    };

    arena = torus_arena_create(4096, 0);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        err.text[0] = '\0';

        is_int(torus_host_parse(arena, torus_test_z(cases[i].text), &h, &err),
               TORUS_INVALID, "host \"%s\" is refused", cases[i].text);
        is_cstr(err.text, cases[i].reason, "and why");
        ok(strstr(err.text, "secret") == NULL, "and no secret is told");
    }

    torus_arena_destroy(arena);
}


/* Several files make one set; hosts are shared, names are not. */
static void
test_files(void)
{
    uint64_t               hash;
    reports_t              r;
    torus_schema_set_t    *set;
    torus_schema_source_t  sources[3];

    sources[0].file = torus_test_z("a.json");
    sources[0].text = torus_test_z(ONE("\"host\": \"h\""));
    sources[1].file = torus_test_z("b.json");
    sources[1].text = torus_test_z("{\"AGGREGATES\": [[\"x\", \"y\"]]}");
    sources[2].file = torus_test_z("c.json");
    sources[2].text = torus_test_z("{\"TIMESERIES\": {\"c\": {\"match\": "
                                   "\"z\", \"host\": \"h:6379\", "
                                   "\"intervals\": {\"k\": "
                                   "{\"step\": 1}}}}}");

    memset(&r, 0, sizeof(r));
    is_int(torus_schema_load(sources, 3, report, &r, &set), TORUS_OK,
           "three files");
    is_cstr(r.text, "", "without a word");

    if (set == NULL) {
        return;
    }

    is_int(set->nschemas, 2, "make two schemas");
    is_int(set->nhosts, 1, "on one host");
    ok(set->schemas[0].host == &set->hosts[0]
       && set->schemas[1].host == &set->hosts[0], "which both point to");
    is_str(set->schemas[1].file, "c.json", "each with its file");

    hash = set->hash;
    torus_schema_set_destroy(set);

    (void) torus_schema_load(sources, 3, report, &r, &set);
    ok(set != NULL && set->hash == hash, "the same texts, the same hash");
    torus_schema_set_destroy(set);

    (void) torus_schema_load(sources, 2, report, &r, &set);
    ok(set != NULL && set->hash != hash, "other texts, another hash");
    torus_schema_set_destroy(set);

    sources[2].text = sources[0].text;
    memset(&r, 0, sizeof(r));

    is_int(torus_schema_load(sources, 3, report, &r, &set), TORUS_INVALID,
           "a name in two files");
    like(r.text, "E schema \"a\" in \"c.json\": a schema of this name is "
         "already in \"a.json\"\n", "is a fault with both");

    memset(&r, 0, sizeof(r));
    is_int(torus_schema_load(sources, 0, report, &r, &set), TORUS_INVALID,
           "no file at all");
    is_cstr(r.text, "E no schema is defined, \"TIMESERIES\" is "
            "missing or empty\n", "defines nothing");
}


static void
test_syntax_faults(void)
{
    static const broken_t  cases[] = {
        { "", "E s.json:1:1: '[' or '{' expected near end of file\n" },
        { "# nothing\n", "E s.json:2:1: '[' or '{' expected near end of "
                         "file\n" },
        { "[]", "E s.json:1:1: must hold an object, not a list\n" },
        { "\"x\"", "E s.json:1:3: '[' or '{' expected near '\"x\"'\n" },
        { "{\"TIMESERIES\": {}\n", "E s.json:2:1: '}' expected near end of "
                                   "file\n" },
        { "{\n  \"TIMESERIES\": {},\n}", "E s.json:3:1: string or '}' "
                                         "expected near '}'\n" },
        { "{ // a comment\n  \"TIMESERIES\" 1", "E s.json:2:16: ':' expected "
                                                "near '1'\n" },
        { "{\"TIMESERIES\": {}} x", "E s.json:1:20: end of file expected near "
                                    "'x'\n" },
        { "{\"a\\u0000\": 1}", "E s.json:1:10: NUL byte in object key not "
                               "supported near '\"a\\u0000\"'\n" },
        { "{\"a\": \"\\u0000\"}", "E s.json:1:14: \\u0000 is not allowed "
                               "without JSON_ALLOW_NUL near '\"\\u0000\"'\n" },
        { "{\"a\": \"x\ny\"}", "E s.json:1:8: unexpected newline near "
                               "'\"x'\n" },
        { "{\"a\": 99999999999999999999}", "E s.json:1:26: too big integer "
          "near '99999999999999999999'\n" },
        { "{\"a\xff\": 1}", "E s.json:1:3: unable to decode byte 0xff near "
                            "'\"a'\n" },
        { "{\"TIMESERIES\": {},\n \"TIMESERIES\": {}}", "E s.json:2:2: "
          "duplicate key \"TIMESERIES\"\n" },
        { "{\"a\": {\"step\": 1, \"step\": 2}}", "E s.json:1:19: duplicate "
                                                 "key \"step\"\n" },
        { "{\"a \\\"q\": 1, # \"\n\"a \\\"q\": 2}", "E s.json:2:1: duplicate "
          "key \"a \\x5C\\x22q\"\n" },
        { "{\"\": 1, \"\": 2}", "E s.json:1:9: duplicate key \"\"\n" },
        { "/* x */ {}", "E s.json:1:1: '[' or '{' expected near '/'\n" },
    };

    check(cases);
}


/* Proves that no password gets into a log, wherever the quotes went wrong. */
static void
test_syntax_secrets(void)
{
    static const broken_t  cases[] = {
        { "{\"host\" \"redis://:secret@h\"}", "E s.json:1:27: ':' "
                                                "expected\n" },
        { "{\"host\": \"redis://:secr\\et@h\"}", "E s.json:1:25: invalid "
                                                   "escape\n" },
        { "{\n\"host\": \"redis://:secr\"et@h\"}", "E s.json:2:25: '}' "
                                                     "expected\n" },
        { "{\"host\": \"redis://:secret@h\n}", "E s.json:1:27: unexpected "
                                                "newline\n" },
        { "{\"host\": \"redis://:secret\xff@h\"}", "E s.json:1:25: unable "
                                                    "to decode byte 0xff\n" },
        { "{\"host\": \"redis://:secret@h\"\n1}", "E s.json:2:1: '}' "
                                                   "expected near '1'\n" },
    };

    check(cases);
}


static void
test_file_faults(void)
{
    static const broken_t  cases[] = {
        { "{}", FILE_S "no schema is defined, \"TIMESERIES\" "
          "is missing or empty\n" },
        { "{\"TIMESERIES\": {}}", FILE_S "no schema is defined, \"TIMESERIES\" "
          "is missing or empty\n" },
        { "{\"TIMESERIES\": []}", FILE_S "no schema is defined, \"TIMESERIES\" "
          "is missing or empty\n" },
        { "{\"TIMESERIES\": 1}", FILE_S "\"TIMESERIES\" must be an object, or "
          "a list of objects with a \"name\", not an integer\n" },
        { "{\"SCHEMAS\": null}", FILE_S "\"SCHEMAS\" must be an object, or a "
          "list of objects with a \"name\", not null\n" },
        { "{\"SCHEMAS\": {}, \"TIMESERIES\": {}}", FILE_S "\"SCHEMAS\" is "
          "another name of \"TIMESERIES\", which is there too\n" },
        { "{\"TIMESERIE\": {}}", FILE_S "unknown key \"TIMESERIE\", did you "
          "mean \"TIMESERIES\"?\n" },
        { "{\"schemas\": {}}", FILE_S "unknown key \"schemas\", did you mean "
          "\"SCHEMAS\"?\n" },
        { "{\"foo\": {}}", FILE_S "unknown key \"foo\"\n" },
        { "{\"a very long key that is like none of the known ones\": 1}",
          FILE_S "unknown key \"a very long key that is like none of the "
          "known ones\"\n" },
        { "{\"TIMESERIES\": [1]}", FILE_S "\"TIMESERIES[0]\" must be an "
          "object with a \"name\", a string\n" },
        { "{\"TIMESERIES\": [{}, {\"name\": 1}]}", FILE_S "\"TIMESERIES[0]\" "
          "must be an object with a \"name\", a string\n" FILE_S
          "\"TIMESERIES[1]\" must be an object with a \"name\", a string\n" },
        { "{\"TIMESERIES\": {\"\": {}}}", FILE_S "\"TIMESERIES\" has a name "
          "that is not 1 to 255 bytes without control characters: \"\"\n" },
        { "{\"TIMESERIES\": [{\"name\": \"a\\n\"}]}", FILE_S
          "\"TIMESERIES[0]\" has a name that is not 1 to 255 bytes without "
          "control characters: \"a\\x0A\"\n" },
        { "{\"TIMESERIES\": {\"a\": 1}}", SCHEMA_A "must be an object, not an "
          "integer\n" },
        { "{\"TIMESERIES\": [{\"name\": \"b\", \"match\": \"x\", "
          "\"intervals\": {\"i\": {\"step\": 1}}}, {\"name\": \"b\", "
          "\"match\": \"y\", \"intervals\": {\"j\": {\"step\": 1}}}]}",
          "E schema \"b\" in \"s.json\": a schema of this name is already in "
          "\"s.json\"\n" },
    };

    check(cases);
}


static void
test_schema_faults(void)
{
    static const broken_t  cases[] = {
        { "{\"TIMESERIES\": {\"a\": {}}}", SCHEMA_A "\"match\" is required\n"
          SCHEMA_A "\"intervals\" is required\n" },
        { ONE("\"matches\": 1"), SCHEMA_A "unknown key \"matches\", did you "
          "mean \"match\"?\n" },
        { ONE("\"pattern\": 1"), SCHEMA_A "unknown key \"pattern\", did you "
          "mean \"match\"?\n" },
        { ONE("\"except\": \"^a\\\\.b\""), "W schema \"a\" in \"s.json\": "
          "\"except\" is a plain pattern, where \"^\", \"$\" and \"\\\" are "
          "themselves; a regular expression begins with \"~\"\n" },
        { ONE("\"except\": [\"b\", \"b$\"]"), "W schema \"a\" in \"s.json\": "
          "\"except[1]\" is a plain pattern, where \"^\", \"$\" and \"\\\" are "
          "themselves; a regular expression begins with \"~\"\n" },
        { ONE("\"except\": \"~^a\\\\.b$\""), "" },
        { ONE("\"tpye\": 1"), SCHEMA_A "unknown key \"tpye\", did you mean "
          "\"type\"?\n" },
        { ONE("\"writefunc\": 1"), SCHEMA_A "unknown key \"writefunc\", did "
          "you mean \"write_func\"?\n" },
        { ONE("\"generator\": 1"), SCHEMA_A "unknown key \"generator\"\n" },
        { ONE("\"name\": \"a\""), SCHEMA_A "unknown key \"name\"\n" },
        { ONE("\"type\": 1"), SCHEMA_A "\"type\" must be a string, not an "
          "integer\n" },
        { ONE("\"type\": \"counter\""), SCHEMA_A "\"type\" must be one of "
          "series, histogram, count, gauge and set, not \"counter\"\n" },
        { ONE("\"host\": 6379"), SCHEMA_A "\"host\" must be a string, not an "
          "integer\n" },
        { ONE("\"host\": \"h:x\""), SCHEMA_A "\"host\" must have a port from "
          "1 to 65535\n" },
        { ONE("\"shards\": []"), SCHEMA_A "\"shards\" is not supported "
          "yet\n" },
        { ONE("\"transform\": {}"), SCHEMA_A "\"transform\" must not be "
          "empty\n" },
        { ONE("\"transform\": \"s\""), SCHEMA_A "\"transform\" must be an "
          "object of \"stat\", \"value\" and \"drop\", not a string\n" },
        { ONE("\"transform\": {\"stats\": \"s\"}"), SCHEMA_A "unknown key "
          "\"transform.stats\", did you mean \"stat\"?\n" },
        { ONE("\"transform\": {\"drop\": true}"), SCHEMA_A
          "\"transform.drop\" must be a string, not true\n" },
        { ONE("\"transform\": {\"drop\": \"v > 3.14 && s\"}"), SCHEMA_A
          "\"transform.drop\" is not a good expression: expected a "
          "condition, this is text, at column 13:\n"
          "    v > 3.14 && s\n"
          "                ^\n" },
        { ONE("\"transform\": {\"stat\": \"len(s)\"}"), SCHEMA_A
          "\"transform.stat\" is not a good expression: expected text, this "
          "is a number, str() makes text of it, at column 1:\n"
          "    len(s)\n"
          "    ^\n" },
        { ONE("\"transform\": {\"value\": \"replace(s, '(', '')\"}"),
          SCHEMA_A "\"transform.value\" is not a good expression: expected "
          "a regular expression, missing closing parenthesis at its character "
          "2, at column 12:\n"
          "    replace(s, '(', '')\n"
          "               ^\n" },
        { ONE("\"except\": 1"), SCHEMA_A "\"except\" must be a string or a "
          "list of strings, not an integer\n" },
        { ONE("\"except\": [\"a\", \"[b\"]"), SCHEMA_A "\"except[1]\" is not "
          "a pattern: unclosed \"[\" at offset 0 of \"[b\"\n" },
        { ONE("\"except\": [\"a\", 1.5]"), SCHEMA_A "\"except[1]\" must be a "
          "string, not a decimal number\n" },
        { ONE("\"final\": 1"), SCHEMA_A "\"final\" must be true or false, not "
          "an integer\n" },
        { ONE("\"zeros\": true"), SCHEMA_A "\"zeros\" must be a string, not "
          "true\n" "W schema \"a\" in \"s.json\": \"zeros\" has no effect on "
          "a histogram\n" },
        { ONE("\"type\": \"count\", \"zeros\": \"keep\""), SCHEMA_A
          "\"zeros\" must be \"store\" or \"drop\", not \"keep\"\n" },
        { ONE("\"type\": \"gauge\", \"zeros\": \"drop\""), "W schema \"a\" in "
          "\"s.json\": \"zeros\" has no effect on a gauge\n" },
        { ONE("\"prefix\": false"), SCHEMA_A "\"prefix\" must be a string, "
          "not false\n" },
        { ONE("\"prefix\": \"a\\tb\""), SCHEMA_A "\"prefix\" must be at most "
          "255 bytes without control characters\n" },
        { ONE("\"prefix\": \"torus\""), SCHEMA_A "\"prefix\" must not be "
          "\"torus\", which begins the keys of this module's own\n" },
        { ONE("\"prefix\": \"torus:x\""), SCHEMA_A "\"prefix\" must not be "
          "\"torus\", which begins the keys of this module's own\n" },
        { ONE("\"write_func\": 1"), SCHEMA_A "\"write_func\" must be a "
          "string, not an integer\n" },
        { ONE("\"write_func\": \"flaot\""), SCHEMA_A "\"write_func\" must be "
          "long_or_float, long, int, float, string, a format such as "
          "\"%0.3f\" or an expression: there is no \"flaot\" here, but "
          "\"v\", at column 1:\n"
          "    flaot\n"
          "    ^\n" },
        { ONE("\"read_func\": \"%s\""), SCHEMA_A "\"read_func\" is not a good "
          "format: a format converts by one of d i u x X o e E f F g G, not "
          "by \"s\"\n" },
        { ONE("\"rolling\": \"1\""), SCHEMA_A "\"rolling\" must be an "
          "integer, not a string\n" },
        { ONE("\"rolling\": 1001"), SCHEMA_A "\"rolling\" must be from -1000 "
          "to 1000, not 1001\n" },
        { ONE("\"rolling\": -1001"), SCHEMA_A "\"rolling\" must be from -1000 "
          "to 1000, not -1001\n" },
        { "{\"TIMESERIES\": {\"a\": {\"match\": [], \"intervals\": {}}}}",
          SCHEMA_A "\"match\" must not be an empty list\n" SCHEMA_A
          "\"intervals\" must not be empty\n" },
        { "{\"TIMESERIES\": {\"a\": {\"match\": {}, \"intervals\": []}}}",
          SCHEMA_A "\"match\" must be a string or a list of strings, not an "
          "object\n" SCHEMA_A "\"intervals\" must not be empty\n" },
        { "{\"TIMESERIES\": {\"a\": {\"match\": \"\", \"intervals\": 1}}}",
          SCHEMA_A "\"match\" is not a pattern: an empty pattern matches no "
          "name, use \"**\" or \"~\" for all names\n" SCHEMA_A
          "\"intervals\" must be an object, or a list of objects with a "
          "\"name\", not an integer\n" },
        { "{\"TIMESERIES\": {\"a\": {\"match\": [\"~(\"], \"intervals\": "
          "[{\"name\": \"i\", \"step\": 1}, {\"step\": 1}, "
          "{\"name\": \"i\", \"step\": 1}]}}}",
          SCHEMA_A "\"match[0]\" is not a pattern: missing closing "
          "parenthesis at offset 2 of \"~(\"\n" SCHEMA_A "\"intervals[1]\" "
          "must be an object with a \"name\", a string\n" SCHEMA_A
          "\"intervals.i\" is there twice\n" },
    };

    check(cases);
}


/* Text that is stored and not read, and what only may look like it. */
static void
test_texts(void)
{
    static const broken_t  cases[] = {
        { ONE("\"type\": \"set\", \"write_func\": \"string\""),
          STORES_TEXT("a") },
        { ONE("\"write_func\": \"lower(v)\""),
          STORES_TEXT("a") },
        { ONE("\"write_func\": \"str(v)\""),
          STORES_TEXT("a") },
        { ONE("\"write_func\": \"%.0fms\""),
          STORES_TEXT("1ms") },
        { ONE("\"write_func\": \"v > 5 ? 'hi' : 'lo'\""),
          STORES_TEXT("lo") },
        { ONE("\"write_func\": \"string\", \"read_func\": \"string\""), "" },
        { ONE("\"write_func\": \"string\", \"read_func\": \"v / 1000\""), "" },
        { ONE("\"type\": \"count\", \"write_func\": \"string\""), "" },
        { ONE("\"write_func\": \"%.0f\""), "" },
        { ONE("\"write_func\": \"fmt('%.3f', v)\""), "" },
        { ONE("\"write_func\": \"v < 0 ? 0 : v\""), "" },
        { ONE("\"write_func\": \"int(replace(v, 'ms$', ''))\""), "" },
        { ONE("\"write_func\": \"string\", "
              "\"transform\": {\"value\": \"v\"}"), "" },
    };

    check(cases);
}


static void
test_interval_faults(void)
{
    static const broken_t  cases[] = {
        { INTERVAL(""), SCHEMA_A "\"intervals.i.step\" is required\n" },
        { INTERVAL("\"setps\": 1, \"step\": 1"), SCHEMA_A "unknown key "
          "\"intervals.i.setps\", did you mean \"steps\"?\n" },
        { INTERVAL("\"retention\": 1, \"step\": 1"), SCHEMA_A "unknown key "
          "\"intervals.i.retention\", did you mean \"keep\"?\n" },
        { INTERVAL("\"name\": \"i\", \"step\": 1"), SCHEMA_A "unknown key "
          "\"intervals.i.name\"\n" },
        { INTERVAL("\"step\": 0"), SCHEMA_A "\"intervals.i.step\" must be "
          "longer than 0\n" },
        { INTERVAL("\"step\": -60"), SCHEMA_A "\"intervals.i.step\" must be "
          "seconds, a number with one of s min h d w mon y, or one of daily "
          "weekly monthly yearly, not \"-60\"\n" },
        { INTERVAL("\"step\": 0.5"), SCHEMA_A "\"intervals.i.step\" must be a "
          "whole number of seconds or a string, not a decimal number\n" },
        { INTERVAL("\"step\": \"5m\""), SCHEMA_A "\"intervals.i.step\" must "
          "be \"5min\" (minutes) or \"5mon\" (months of 30 days), not "
          "\"5m\", which is ambiguous\n" },
        { INTERVAL("\"step\": \"fortnightly\""), SCHEMA_A
          "\"intervals.i.step\" must be seconds, a number with one of s min h "
          "d w mon y, or one of daily weekly monthly yearly, not "
          "\"fortnightly\"\n" },
        { INTERVAL("\"step\": 60, \"steps\": 0"), SCHEMA_A
          "\"intervals.i.steps\" must be from 1 to 2147483648, not 0\n" },
        { INTERVAL("\"step\": 60, \"steps\": 2147483649"), SCHEMA_A
          "\"intervals.i.steps\" must be from 1 to 2147483648, not "
          "2147483649\n" },
        { INTERVAL("\"step\": 60, \"steps\": \"240\""), SCHEMA_A
          "\"intervals.i.steps\" must be an integer, not a string\n" },
        { INTERVAL("\"step\": 60, \"steps\": 1, \"keep\": \"1h\""), SCHEMA_A
          "\"intervals.i.keep\" cannot stand beside \"steps\", each says how "
          "long data is kept\n" },
        { INTERVAL("\"step\": 60, \"keep\": \"1m\""), SCHEMA_A
          "\"intervals.i.keep\" must be \"1min\" (minutes) or \"1mon\" "
          "(months of 30 days), not \"1m\", which is ambiguous\n" },
        { INTERVAL("\"step\": 1, \"keep\": \"100y\""), SCHEMA_A
          "\"intervals.i.keep\" is more than 2147483648 steps\n" },
        { INTERVAL("\"step\": 60, \"keep\": true"), SCHEMA_A
          "\"intervals.i.keep\" must be a whole number of seconds or a "
          "string, not true\n" },
        { INTERVAL("\"step\": 60, \"resolution\": 61"), SCHEMA_A
          "\"intervals.i.resolution\" must not be longer than \"step\"\n" },
        { INTERVAL("\"step\": \"daily\", \"resolution\": \"weekly\""),
          SCHEMA_A "\"intervals.i.resolution\" must not be longer than "
          "\"step\"\n" },
        { INTERVAL("\"step\": 60, \"resolution\": null"), SCHEMA_A
          "\"intervals.i.resolution\" must be a whole number of seconds or a "
          "string, not null\n" },
        { INTERVAL("\"step\": 60, \"layout\": \"packet\""), SCHEMA_A
          "\"intervals.i.layout\" must be \"kairos\" or \"packed\", not "
          "\"packet\"\n" },
        { INTERVAL("\"step\": 60, \"layout\": \"packed\""), SCHEMA_A
          "\"intervals.i.layout\" must not be \"packed\" where "
          "\"resolution\" is not finer than \"step\": a bucket is one key "
          "already\n" },
        { INTERVAL("\"layout\": \"packed\", \"resolution\": 60, "
                   "\"step\": \"1min\""), SCHEMA_A
          "\"intervals.i.layout\" must not be \"packed\" where "
          "\"resolution\" is not finer than \"step\": a bucket is one key "
          "already\n" },
        { INTERVAL("\"step\": 60, \"layout\": 1"), SCHEMA_A
          "\"intervals.i.layout\" must be a string, not an integer\n" },
        { "{\"TIMESERIES\": {\"a\": {\"match\": \"x\", \"intervals\": "
          "{\"i\": 60, \"a.b\": {\"step\": 1}, \"a:b\": {\"step\": 1}, "
          "\"\": {\"step\": 1}}}}}",
          SCHEMA_A "\"intervals.i\" must be an object, not an integer\n"
          SCHEMA_A "\"intervals.a.b\" has a name with a \":\" or a \".\" in "
          "it\n" SCHEMA_A "\"intervals.a:b\" has a name with a \":\" or a "
          "\".\" in it\n" SCHEMA_A "\"intervals\" has a name that is not 1 to "
          "255 bytes without control characters: \"\"\n" },

        { INTERVAL("\"step\": 60, \"resolution\": 7"), "W schema \"a\" in "
          "\"s.json\": \"intervals.i.resolution\" does not divide \"step\": "
          "data of one resolution bucket may lie in two interval buckets\n" },
        { INTERVAL("\"step\": \"daily\", \"resolution\": \"7h\""),
          "W schema \"a\" in \"s.json\": \"intervals.i.resolution\" does not "
          "divide \"step\": data of one resolution bucket may lie in two "
          "interval buckets\n" },
        { INTERVAL("\"step\": \"monthly\", \"resolution\": \"weekly\""),
          "W schema \"a\" in \"s.json\": \"intervals.i.resolution\" does not "
          "divide \"step\": data of one resolution bucket may lie in two "
          "interval buckets\n" },
        { INTERVAL("\"step\": \"30h\", \"resolution\": \"daily\""),
          "W schema \"a\" in \"s.json\": \"intervals.i.resolution\" does not "
          "divide \"step\": data of one resolution bucket may lie in two "
          "interval buckets\n" },
    };

    check(cases);
}


static void
test_aggregate_faults(void)
{
    static const broken_t  cases[] = {
        { RULES("{}"), FILE_S "\"AGGREGATES\" must be a list of [target, "
          "source], not an object\n" },
        { RULES("[1, [\"a\"], [\"a\", 1], [\"a\", \"b\", \"c\"]]"),
          FILE_S "\"AGGREGATES[0]\" must be [target, source], two strings\n"
          FILE_S "\"AGGREGATES[1]\" must be [target, source], two strings\n"
          FILE_S "\"AGGREGATES[2]\" must be [target, source], two strings\n"
          FILE_S "\"AGGREGATES[3]\" must be [target, source], two "
          "strings\n" },
        { RULES("[[\"\", \"a\"], [\"a\", \"\"]]"),
          FILE_S "\"AGGREGATES[0]\" has an empty target\n"
          FILE_S "\"AGGREGATES[1]\" has an empty source\n" },
        { RULES("[[\"x\", \"a.*\"], [\"a.<x>\", \"b.<y>\"]]"), FILE_S
          "\"AGGREGATES[1]\" is not a rule: the target uses \"<x>\", which "
          "is no component of the source\n" },
        { RULES("[[\"x\", \"a.pre*\"]]"), "W schema file \"s.json\": "
          "\"AGGREGATES[0]\" takes \"pre*\" of its source literally, only "
          "whole components \"*\" and \"<name>\" are more\n" },
        { RULES("[[\"t.p<x>\", \"a.<x>\"]]"), "W schema file \"s.json\": "
          "\"AGGREGATES[0]\" takes \"p<x>\" of its target literally, only a "
          "whole component \"<name>\" is more\n" },
        { RULES("[[\"t.*\", \"a.*\"]]"), "W schema file \"s.json\": "
          "\"AGGREGATES[0]\" takes \"*\" of its target literally, only a "
          "whole component \"<name>\" is more\n"
          "W schema file \"s.json\": \"AGGREGATES[0]\" makes \"t.*\", which "
          "no schema matches\n" },
        { RULES("[[\"x\", \"a.<\"], [\"x\", \"a<b.c>\"]]"), "" },

        /* what is made goes on to another rule, or to nothing */
        { RULES("[[\"t.a\", \"a\"], [\"x\", \"t.*\"], "
                "[\"u.a\", \"u.*\"]]"),
          "W schema file \"s.json\": \"AGGREGATES[2]\" makes \"u.a\", "
          "which no schema matches\n" },

        { "{\"AGGREGATES\": [[\"g.n\", \"q\"], [\"g.sum\", \"q.*\"], "
          "[\"g.<x>\", \"q.<x>\"], [\"g.<x>\", \"q.<x>.*\"]], "
          "\"TIMESERIES\": "
          "{\"g\": {\"match\": \"g.*\", \"type\": \"gauge\", \"intervals\": "
          "{\"i\": {\"step\": 60}}}}}",
          "W schema file \"s.json\": \"AGGREGATES[1]\" feeds many stats into "
          "schema \"g\", a gauge, which keeps whichever came last\n"
          "W schema file \"s.json\": \"AGGREGATES[3]\" feeds many stats into "
          "schema \"g\", a gauge, which keeps whichever came last\n" },

        { "{\"AGGREGATES\": [[\"g.sum\", \"q.*\"]], \"TIMESERIES\": "
          "{\"c\": {\"match\": \"g.sum\", \"type\": \"count\", "
          "\"final\": true, \"intervals\": {\"k\": {\"step\": 60}}}, "
          "\"g\": {\"match\": \"g.*\", \"type\": \"gauge\", \"intervals\": "
          "{\"i\": {\"step\": 60}}}}}", "" },
    };

    check(cases);
}


#define TWO(first, second)                                                    \
    "{\"TIMESERIES\": {\"a\": {" first "}, \"b\": {" second "}}}"

#define NOTHING                                                               \
    "W schema \"b\" in \"s.json\": \"match\" takes nothing: schema \"a\" "    \
    "before this one takes all such stats and is \"final\"\n"

#define IV(step)  "\"intervals\": {\"i\": {\"step\": " step "}}"

/* TRANSFORMS and MACROS, alone and where they name each other. */
static void
test_functions(void)
{
    torus_schema_set_t      *set;
    const torus_macro_t     *macro;
    const torus_row_expr_t  *row;

    static const broken_t  cases[] = {
        { WITH("\"TRANSFORMS\": []"), FILE_S "\"TRANSFORMS\" must be an object "
          "of names and expressions, not a list\n" },
        { WITH("\"TRANSFORMS\": {\"size\": 1}"), FILE_S "\"TRANSFORMS.size\" "
          "must be a string, not an integer\n" },
        { WITH("\"TRANSFORMS\": {\"size\": \"len(valeus)\"}"), FILE_S
          "\"TRANSFORMS.size\" is not a good expression: there is no "
          "\"valeus\" here, but \"values\", \"counts\" and \"duration\", at "
          "column 5:\n"
          "    len(valeus)\n"
          "        ^\n" },
        { WITH("\"TRANSFORMS\": {\"a-b\": \"len(values)\"}"), FILE_S
          "\"TRANSFORMS.a-b\" must be a name of at most 64 letters, digits "
          "and \"_\"\n" },
        { WITH("\"TRANSFORMS\": {\"mean\": \"len(values)\"}"), FILE_S
          "\"TRANSFORMS.mean\" is the name of a function that is always "
          "there\n" },
        { WITH("\"TRANSFORMS\": {\"p95\": \"len(values)\"}"), FILE_S
          "\"TRANSFORMS.p95\" is the name of a function that is always "
          "there\n" },
        { WITH("\"MACROS\": 1"), FILE_S "\"MACROS\" must be an object of names "
          "and parameters, not an integer\n" },
        { WITH("\"MACROS\": {\"m\": \"size\"}"), FILE_S "\"MACROS.m\" must be "
          "an object of parameters, not a string\n" },
        { WITH("\"MACROS\": {\"rate\": {}}"), FILE_S "\"MACROS.rate\" is the "
          "name of a function that is always there\n" },
        { WITH("\"TRANSFORMS\": {\"size\": \"len(values)\"}, "
               "\"MACROS\": {\"size\": {}}"), FILE_S "\"MACROS.size\" is a "
          "name of TRANSFORMS in \"s.json\" already\n" },
        { WITH("\"MACROS\": {\"m\": {}}, \"TRANSFORMS\": {\"m\": \"1\"}"),
          FILE_S "\"TRANSFORMS.m\" is a name of MACROS in \"s.json\" "
          "already\n" },
        { WITH("\"MACROS\": {\"m\": {\"colapse\": true}}"), FILE_S "unknown "
          "key \"MACROS.m.colapse\", did you mean \"collapse\"?\n" },
        { WITH("\"MACROS\": {\"m\": {\"stat\": \"x\"}}"), FILE_S "unknown key "
          "\"MACROS.m.stat\", did you mean \"start\"?\n" },
        { WITH("\"MACROS\": {\"m\": {\"steps\": 1.5}}"), FILE_S
          "\"MACROS.m.steps\" must be a string, an integer, true or false, "
          "not a decimal number\n" },
        { WITH("\"MACROS\": {\"m\": {\"start\": \"\"}}"), FILE_S
          "\"MACROS.m.start\" must not be empty\n" },
        { WITH("\"MACROS\": {\"m\": {\"collapse\": \"maybe\"}}"), FILE_S
          "\"MACROS.m\" cannot be asked for: argument \"collapse\" must be "
          "true or false, not \"maybe\"\n" },
        { WITH("\"MACROS\": {\"m\": {\"format\": \"xml\"}}"), FILE_S
          "\"MACROS.m\" cannot be asked for: argument \"format\" must be "
          "graphite, json or csv, not \"xml\"\n" },
        { WITH("\"MACROS\": {\"m\": {\"tz\": \"../x\"}}"), FILE_S
          "\"MACROS.m\" cannot be asked for: argument \"tz\" must be a time "
          "zone such as Europe/Berlin\n" },
        { WITH("\"MACROS\": {\"m\": {\"schema\": \"b\"}}"), FILE_S
          "\"MACROS.m.schema\" is no schema: \"b\"\n" },
        { WITH("\"MACROS\": {\"m\": {\"schema\": \"a\", \"interval\": \"j\"}}"),
          FILE_S "\"MACROS.m.interval\" is no interval of that schema: "
          "\"j\"\n" },
        { WITH("\"MACROS\": {\"m\": {\"interval\": \"j\"}}"), FILE_S
          "\"MACROS.m.interval\" is no interval of any schema: \"j\"\n" },
        { WITH("\"MACROS\": {\"m\": {\"transform\": \"size\"}}"), FILE_S
          "\"MACROS.m.transform\" is neither a function nor a name of "
          "TRANSFORMS: \"size\"\n" },
        { WITH("\"MACROS\": {\"m\": {\"transform\": \"m\"}}"), FILE_S
          "\"MACROS.m.transform\" is neither a function nor a name of "
          "TRANSFORMS: \"m\"\n" },
        { WITH("\"MACROS\": {\"m\": {\"transform\": \"first\", "
               "\"schema\": \"a\"}}"), FILE_S "\"MACROS.m.transform\" does not "
          "apply to the type of that schema, histogram\n" },
    };

    check(cases);

    set = good(WITH("\"MACROS\": {\"unique\": {\"transform\": \"size\", "
                    "\"collapse\": true, \"start\": \"5 days ago\", "
                    "\"steps\": 3, \"tz\": \"Europe/Berlin\"}, \"none\": {}}, "
                    "\"TRANSFORMS\": {\"size\": \"len(values)\"}"));

    row = torus_schema_find_transform(set, torus_test_z("size"));
    macro = torus_schema_find_macro(set, torus_test_z("unique"));

    if (ok(row != NULL && macro != NULL, "found by their names")) {
        is_str(torus_expr_text(row->expr), "len(values)", "an expression");
        is_str(macro->transform, "size", "a macro's transform");
        is_int(macro->nargs, 4, "and parameters");
        is_str(macro->args[0].name, "collapse", "by name");
        is_str(macro->args[0].value, "true", "as text");
        is_str(macro->args[2].value, "3", "a number too");
    }

    ok(torus_schema_find_macro(set, torus_test_z("size")) == NULL
       && torus_schema_find_transform(set, torus_test_z("none")) == NULL,
       "and not by those of others");

    torus_schema_set_destroy(set);
}


/* Two schemas that write the same keys in different ways. */
static void
test_same_keys(void)
{
    static const broken_t  cases[] = {
        { TWO("\"match\": [\"x\", \"y\"], " IV("60"),
              "\"match\": \"y\", " IV("61")),
          "E schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\" but another step, and both match \"y\"\n" },
        { TWO("\"match\": \"y\", \"type\": \"count\", " IV("60"),
              "\"match\": \"y\", " IV("60")),
          "E schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\" but another type, and both match \"y\"\n" },
        { TWO("\"match\": \"y\", " IV("60, \"resolution\": 1"),
              "\"match\": \"y\", " IV("60")),
          "E schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\" but another resolution, and both match \"y\"\n" },
        { TWO("\"match\": \"y\", "
              IV("60, \"resolution\": 1, \"layout\": \"packed\""),
              "\"match\": \"y\", " IV("60, \"resolution\": 1")),
          "E schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\" but another layout, and both match \"y\"\n" },
        { TWO("\"match\": \"y\", \"final\": true, " IV("60"),
              "\"match\": \"y\", " IV("61")), NOTHING
          "W schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\" but another step; another \"prefix\" or name keeps "
          "them apart\n" },
        { TWO("\"match\": \"x.*\", " IV("60"), "\"match\": \"*.y\", "
              IV("61")),
          "W schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\" but another step; another \"prefix\" or name keeps "
          "them apart\n" },
        { TWO("\"match\": \"**.x\", " IV("60"), "\"match\": \"**.y\", "
              IV("61")), "" },
        { TWO("\"match\": \"a.*\", " IV("60"), "\"match\": \"b.*\", "
              IV("61")), "" },
        { TWO("\"match\": \"y\", " IV("60"), "\"match\": \"y\", "
              IV("60, \"steps\": 5")),
          "W schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\", and both match \"y\": its points are stored there "
          "twice\n" },
        { TWO("\"match\": \"y\", \"final\": true, " IV("60"),
              "\"match\": \"y\", " IV("60")), NOTHING },
        { TWO("\"match\": \"**\", \"final\": true, " IV("60"),
              "\"match\": \"y\", \"prefix\": \"p\", " IV("60")), NOTHING },
        { TWO("\"match\": [\"y\", \"z\"], \"final\": true, " IV("60"),
              "\"match\": [\"z\", \"x\"], " IV("60")), "" },
        { TWO("\"match\": \"**\", \"except\": \"y\", \"final\": true, "
              IV("60"), "\"match\": \"y\", " IV("60")), "" },
        { TWO("\"match\": \"x\", " IV("60"), "\"match\": \"y\", " IV("60")),
          "" },
        { TWO("\"match\": \"y\", " IV("60"), "\"match\": \"y\", "
              "\"prefix\": \"p\", " IV("61")), "" },
        { TWO("\"match\": \"y\", " IV("60"), "\"match\": \"y\", "
              "\"host\": \"localhost/1\", " IV("61")), "" },
        { TWO("\"match\": \"y\", " IV("60"), "\"match\": \"y\", "
              "\"intervals\": {\"k\": {\"step\": 61}}"), "" },
        { TWO("\"match\": \"y\", " IV("60"), "\"match\": \"y\", "
              "\"host\": \"redis://:s@localhost\", " IV("61")),
          "E schema \"b\" in \"s.json\": \"intervals.i\" has the keys of "
          "schema \"a\" but another step, and both match \"y\"\n" },
    };

    check(cases);
}


/* All in one run, up to a number that a person can read. */
static void
test_many_faults(void)
{
    int                    i;
    char                   json[4096];
    size_t                 n;
    reports_t              r;
    torus_schema_set_t    *set;
    torus_schema_source_t  sources[2];

    sources[0].file = torus_test_z("a.json");
    sources[0].text = torus_test_z("{");
    sources[1].file = torus_test_z("b.json");
    sources[1].text = torus_test_z(ONE("\"quux\": 1, \"final\": 2"));

    memset(&r, 0, sizeof(r));
    is_int(torus_schema_load(sources, 2, report, &r, &set), TORUS_INVALID,
           "faults in two files");
    is_cstr(r.text,
            "E a.json:1:1: string or '}' expected near end of file\n"
            "E schema \"a\" in \"b.json\": unknown key \"quux\"\n"
            "E schema \"a\" in \"b.json\": \"final\" must be true or false, "
            "not an integer\n", "are all reported");

    n = (size_t) snprintf(json, sizeof(json), "{\"TIMESERIES\": {\"a\": {");

    for (i = 0; i < 50; i++) {
        n += (size_t) snprintf(json + n, sizeof(json) - n, "\"quux%d\": 1,",
                               i);
    }

    (void) snprintf(json + n, sizeof(json) - n, "\"match\": \"x\"}}}");

    is_int(load(json, &r, &set), TORUS_INVALID, "51 faults");
    is_int(r.errors, 20, "of which 20 are shown");
    like(r.text, "unknown key \"quux0\"\n", "the first");
    like(r.text, "unknown key \"quux19\"\n", "to the twentieth");
}


static size_t  memory_left;


static void *
memory_some(size_t size)
{
    if (memory_left == 0) {
        return NULL;
    }

    memory_left--;

    return malloc(size);
}


/*
 * When jansson gets no memory, nothing is loaded and nothing leaks.  Where it
 * tells us, so do we; in places it takes that for a fault of the text.
 */
static void
test_memory(void)
{
    int                  rc;
    size_t               i, failed;
    reports_t            r;
    torus_schema_set_t  *set;

    /* jansson draws its seed once */
    torus_schema_set_destroy(good(ONE("\"final\": true")));

    json_set_alloc_funcs(memory_some, free);

    failed = 0;
    rc = TORUS_ERROR;

    for (i = 0; i < 1000; i++) {
        memory_left = i;
        rc = load(ONE("\"final\": true"), &r, &set);

        if (rc == TORUS_OK) {
            torus_schema_set_destroy(set);
            break;
        }

        if (rc == TORUS_ERROR
            && strcmp(r.text, "E out of memory while reading schemas\n") == 0)
        {
            failed++;
        }
    }

    json_set_alloc_funcs(malloc, free);

    is_int(rc, TORUS_OK, "with enough memory it loads");
    ok(failed > 0, "with less it said so, %zu times of %zu", failed, i);
}


/*
 * Every prefix of a schema, and it with every byte replaced by each of some
 * that mean something: loaded or refused with 1 to 20 faults.
 */
static void
test_any_bytes(void)
{
    int                    rc;
    char                  *text;
    size_t                 i, k, n, bad, taken, refused;
    reports_t              r;
    torus_schema_set_t    *set;
    torus_schema_source_t  source;

    static const char  schema[] =
        "{\"TIMESERIES\":[{\"name\":\"a\",\"type\":\"count\",\"host\":"
        "\"redis://u:p@h:1/2\",\"match\":[\"a.{b,[c-d]}*\",\"~^x+$\"],"
        "\"except\":\"q\",\"final\":true,\"zeros\":\"drop\",\"prefix\":\"p\","
        "\"write_func\":\"%0.3f\",\"rolling\":-1,\"intervals\":{\"i\":"
        "{\"step\":\"1h\",\"keep\":\"7d\",\"resolution\":60},\"j\":{\"step\":"
        "5,\"steps\":3}},"
        "\"transform\":{\"stat\":\"s+'.x'\",\"drop\":\"v>9\"}}],"
        "\"TRANSFORMS\":{\"n\":\"len(values)\"},"
        "\"MACROS\":{\"m\":{\"transform\":\"n\",\"steps\":3}},"
        "\"AGGREGATES\":[[\"t.<x>\",\"s.*.<x>\"]]}#end\n";

    static const char  bytes[] = "\"{}[],:\\#/~*0a-.%@<> \n\x01\xff";

    n = sizeof(schema) - 1;
    bad = 0;
    taken = 0;
    refused = 0;

    source.file = torus_test_z("s.json");

    for (i = 0; i < n; i++) {
        for (k = 0; k <= sizeof(bytes); k++) {

            /* on the heap and of the very size, for the sanitizer */

            text = malloc(k == 0 ? i + 1 : n);
            memcpy(text, schema, k == 0 ? i : n);
            source.text = torus_str(text, k == 0 ? i : n);

            if (k != 0) {
                text[i] = bytes[k - 1];
            }

            memset(&r, 0, sizeof(r));
            rc = torus_schema_load(&source, 1, report, &r, &set);

            if (rc == TORUS_OK && r.errors == 0 && set != NULL) {
                taken++;

            } else if (rc == TORUS_INVALID && r.errors > 0 && r.errors <= 20
                       && set == NULL)
            {
                refused++;

            } else {
                bad++;
            }

            torus_schema_set_destroy(set);
            free(text);
        }
    }

    is_int(bad, 0, "any bytes are a set or faults");
    ok(taken > 0 && refused > 0, "%zu taken, %zu refused", taken, refused);
}
