/*
 * Fuzzing of requests: two bytes of settings, then "command?arguments", run
 * to the end against a model of Redis that holds some of each type, whole
 * and in small slices that a slow client reads, and where the settings say
 * so with a reply that is a fault.  What may not happen, beside what
 * sanitizers see: an answer that is no JSON, slices that answer otherwise, a
 * status without a reason, an answer that looks whole after a fault.
 *
 * Seeds are in t/fuzz/corpus/request.
 */

#include "torus_model.h"


#define NOW  1000000


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static torus_model_t *world(const char *request);
static torus_model_t *fill(void);
static void check(const torus_result_t *res);
static int is_json(const torus_result_t *res);
static void must(int held, const char *what);


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"cnt\": { \"type\": \"count\", \"match\": \"cnt.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 60 },"
    "      \"r\": { \"step\": 100, \"steps\": 9, \"resolution\": 10 },"
    "      \"w\": { \"step\": \"weekly\", \"resolution\": \"1h\","
    "        \"layout\": \"packed\" } } },"
    "  \"his\": { \"type\": \"histogram\", \"match\": \"his.*\","
    "    \"host\": \"localhost:6380/1\", \"prefix\": \"p\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 60 },"
    "      \"r\": { \"step\": 100, \"steps\": 9, \"resolution\": 30,"
    "        \"layout\": \"packed\" },"
    "      \"m\": { \"step\": \"monthly\" } } },"
    "  \"gau\": { \"type\": \"gauge\", \"match\": \"gau.*\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 60 } } },"
    "  \"set\": { \"type\": \"set\", \"match\": \"set.*\","
    "    \"read_func\": \"string\","
    "    \"intervals\": { \"r\": { \"step\": 100, \"resolution\": 10 } } },"
    "  \"ser\": { \"type\": \"series\", \"match\": \"ser.*\","
    "    \"host\": \"unix:/tmp/r.sock\","
    "    \"intervals\": { \"t\": { \"step\": 10, \"steps\": 60 },"
    "      \"y\": { \"step\": \"yearly\", \"resolution\": \"daily\" } } }"
    "},"
    "\"TRANSFORMS\": { \"twice\": \"2 * sum(values)\" },"
    "\"MACROS\": { \"all\": { \"collapse\": true, \"fill\": 0 },"
    "  \"top\": { \"transform\": \"max\", \"interval\": \"r\","
    "    \"format\": \"json\" } } }";


static const char *const  faults[] = {
    "-ERR no\r\n", "$-1\r\n", "*-1\r\n", ":7\r\n", "$3\r\nabc\r\n",
    "*1\r\n$2\r\n42\r\n", "*2\r\n$1\r\n1\r\n:2\r\n", "+OK\r\n",
    "*2\r\n$1\r\n1\r\n$3\r\n1.5\r\n", "*3\r\n$1\r\n1\r\n$-1\r\n*0\r\n",
    "*2\r\n$1\r\n0\r\n*2\r\n$3\r\n:::\r\n$-1\r\n", "*0\r\n",
    "*2\r\n$3\r\nnan\r\n$20\r\n99999999999999999999\r\n",
    "*1\r\n$19\r\n9223372036854775807\r\n", "*1\r\n$2\r\n-1\r\n"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char             request[2048];
    torus_model_t   *m;
    torus_result_t   whole, part;

    if (size < 2 || size - 2 >= sizeof(request)) {
        return 0;
    }

    memcpy(request, data + 2, size - 2);
    request[size - 2] = '\0';

    m = world(request);

    torus_model_run(m, request, &whole);
    check(&whole);

    m = world(request);

    m->limits.slice = (size_t) (data[0] & 15) + 1;
    m->drain = (size_t) (data[0] >> 4) * 97 + 7;

    torus_model_run(m, request, &part);
    check(&part);

    must(whole.status == part.status, "the same status in slices");
    must(torus_buf_len(&whole.body) == torus_buf_len(&part.body)
         && (torus_buf_len(&whole.body) == 0
             || memcmp(whole.body.pos, part.body.pos,
                       torus_buf_len(&whole.body)) == 0),
         "the same answer in slices");
    must(whole.max_age == part.max_age, "as old in slices");

    torus_buf_free(&part.body);

    if (data[1] != 0) {
        m = world(request);

        m->fault_at = (data[1] >> 4) + 1;
        m->fault = faults[(data[1] & 15) % (sizeof(faults)
                                            / sizeof(faults[0]))];

        torus_model_run(m, request, &part);
        check(&part);

        torus_buf_free(&part.body);
    }

    torus_buf_free(&whole.body);

    return 0;
}


/* The same for each request, but made anew only for those that write. */
static torus_model_t *
world(const char *request)
{
    int                    writes;
    static int             touched;
    static torus_model_t  *m;

    writes = strstr(request, "delete") != NULL
             || strstr(request, "reindex") != NULL;

    if (m != NULL && (touched || writes)) {
        torus_model_destroy(m);
        m = NULL;
    }

    if (m == NULL) {
        m = fill();
    }

    touched = writes;

    m->fault_at = 0;
    m->drain = 0;
    m->explain = 1;

    m->limits.stats = 8;
    m->limits.points = 5000;
    m->limits.names = 1000;
    m->limits.memory = 16 * 1024 * 1024;
    m->limits.slice = 4096;

    return m;
}


static torus_model_t *
fill(void)
{
    char            stat[16], value[16];
    size_t          i;
    uint32_t        x;
    torus_model_t  *m;

    static const char *const  types[] = { "cnt", "his", "gau", "set", "ser" };

    m = torus_model_create(schema, NOW);
    x = 1;

    for (i = 0; i < 400; i++) {
        x = x * 1664525 + 1013904223;

        snprintf(stat, sizeof(stat), "%s.%c", types[i % 5],
                 'a' + (int) (x >> 24 & 1));
        snprintf(value, sizeof(value), i % 7 ? "%u" : "-%u.5", x >> 16 & 15);

        torus_model_point(m, stat, value, NOW - (int64_t) (x % 590));
    }

    torus_model_point(m, "set.a", "\x01\"</script>\\", NOW - 5);
    torus_model_point(m, "set.a", "\xff\xe2\x80\xa8\xed\xa0\x80", NOW);
    torus_model_point(m, "gau.a", "-0", NOW - 300);
    torus_model_point(m, "ser.b", "1e308", NOW - 20);
    torus_model_point(m, "ser.b", "1e308", NOW - 20);
    torus_model_point(m, "his.b", "9223372036854775807", NOW - 20);

    return m;
}


static void
check(const torus_result_t *res)
{
    size_t  n;

    n = strlen(res->error);

    if (res->status == 404 && res->type[0] == '\0') {
        return;                            /* a command that there is not */
    }

    must(res->max_age <= 60, "an age");

    if (res->status == 200) {
        must(n == 0 && !res->broken, "no reason where nothing is wrong");
        must(is_json(res), "an answer that is JSON");
        return;
    }

    must(res->status == 400 || res->status == 403 || res->status == 404
         || res->status == 413 || res->status == 503,
         "a status that is documented");
    must(n != 0 && strchr(res->error, '\n') == NULL, "a reason in one line");
    must(res->max_age == 0, "a fault that is not cached");

    if (!res->broken) {
        must(is_json(res), "a fault that is JSON");
        return;
    }

    must(strncmp(res->type, "application/json", 16) != 0
         || res->replies == 0 || !is_json(res),
         "an answer that does not look whole");
}


/* Where its type says so: a script is one call with JSON. */
static int
is_json(const torus_result_t *res)
{
    char    *p, *open;
    size_t   i, len;
    json_t  *json;

    p = (char *) res->body.pos;
    len = torus_buf_len(&res->body);

    if (strncmp(res->type, "text/csv", 8) == 0
        || strncmp(res->type, "text/plain", 10) == 0
        || strncmp(res->type, "application/pickle", 18) == 0)
    {
        return 1;
    }

    if (len == 0) {
        return 0;
    }

    if (strncmp(res->type, "text/javascript", 15) == 0) {
        open = memchr(p, '(', len);

        if (open == NULL || len < 3 || memcmp(p + len - 2, ")\n", 2) != 0) {
            return 0;
        }

        len -= (size_t) (open + 1 - p) + 2;
        p = open + 1;

        for (i = 0; i + 2 < len; i++) {

            if (memcmp(p + i, "\xe2\x80\xa8", 3) == 0) {
                return 0;                  /* ends a line of the script */
            }
        }
    }

    json = json_loadb(p, len, JSON_DECODE_ANY | JSON_ALLOW_NUL
                              | JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL) {
        return 0;
    }

    json_decref(json);

    return 1;
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
