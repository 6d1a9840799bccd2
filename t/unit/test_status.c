/*
 * The status page from made-up numbers: every counter is in both formats,
 * under one name, with its value; labels are escaped; what Prometheus asks
 * of its text format holds.
 */

#include "torus_status.h"

#include "torus_test.h"


#define TEXT_MAX   65536
#define LINES_MAX  512


typedef struct {
    char    name[128];      /* with its labels */
    char    value[64];
} sample_t;


static uint64_t             counters[TORUS_COUNTERS_N];
static torus_turns_t        turns[TORUS_TURNS_N];
static uint64_t             hosts[2][TORUS_HOST_VALUES_N];
static uint64_t             schemas[2][TORUS_SCHEMA_VALUES_N];
static torus_status_row_t   host_rows[2];
static torus_status_row_t   schema_rows[2];
static torus_status_t       status;
static torus_buf_t          out;

static sample_t             samples[LINES_MAX];
static size_t               nsamples;


/* No two values are the same, so that none can stand for another. */
static void
fill(void)
{
    size_t    i, v;
    uint64_t  n;

    n = 1000000;

    for (i = 0; i < TORUS_COUNTERS_N; i++) {
        counters[i] = n++;
    }

    for (i = 0; i < 2; i++) {
        for (v = 0; v < TORUS_HOST_VALUES_N; v++) {
            hosts[i][v] = n++;
        }

        for (v = 0; v < TORUS_SCHEMA_VALUES_N; v++) {
            schemas[i][v] = n++;
        }

        host_rows[i].values = hosts[i];
        schema_rows[i].values = schemas[i];
    }

    for (i = 0; i < TORUS_TURNS_N; i++) {
        for (v = 0; v < TORUS_TURN_BOUNDS_N; v++) {
            turns[i].within[v] = 10 * i + v + 1;
        }

        turns[i].usec = n++;
        turns[i].longest = n++;
    }

    host_rows[0].name = torus_str("localhost:6379/0", 16);
    host_rows[1].name = torus_str("unix:/a\"b\\c", 11);
    schema_rows[0].name = torus_str("a\nb", 3);
    schema_rows[1].name = torus_str("caf\xc3\xa9", 5);

    status.now = n++;
    status.since = n++;
    status.karbon = n++;
    status.torus = n++;
    status.routes.hits = n++;
    status.routes.misses = n++;
    status.routes.evicted = n++;
    status.routes.entries = (size_t) n++;
    status.routes.bytes = (size_t) n++;
    status.counters = counters;
    status.turns = turns;
    status.hosts = host_rows;
    status.nhosts = 2;
    status.schemas = schema_rows;
    status.nschemas = 2;
}


/* How often an integer is anywhere inside. */
static unsigned
json_holds(json_t *node, uint64_t value)
{
    size_t       i;
    json_t      *member;
    unsigned     n;
    const char  *key;

    n = 0;

    json_object_foreach(node, key, member) {
        n += json_holds(member, value);
    }

    json_array_foreach(node, i, member) {
        n += json_holds(member, value);
    }

    return n + (json_is_integer(node)
                && (uint64_t) json_integer_value(node) == value);
}


static json_int_t
json_at(json_t *root, const char *a, const char *b, const char *c)
{
    json_t  *node;

    node = json_object_get(json_object_get(root, a), b);

    return json_integer_value(c == NULL ? node : json_object_get(node, c));
}


static void
test_json(void)
{
    size_t   i, v;
    json_t  *root;

    torus_buf_reset(&out, 0);
    is_int(torus_status_json(&status, &out), TORUS_OK, "JSON");

    root = json_loadb((char *) out.pos, torus_buf_len(&out),
                      JSON_REJECT_DUPLICATES, NULL);

    if (!ok(root != NULL, "it is JSON, without duplicate keys")) {
        return;
    }

    for (i = 0; i < TORUS_COUNTERS_N; i++) {
        is_int(json_holds(root, counters[i]), 1, "%s is in it once",
               torus_counter_name(i));
    }

    for (i = 0; i < 2; i++) {
        for (v = 0; v < TORUS_HOST_VALUES_N; v++) {
            is_int(json_holds(root, hosts[i][v]), 1, "host %zu: %s", i,
                   torus_host_value_name(v));
        }

        for (v = 0; v < TORUS_SCHEMA_VALUES_N; v++) {
            is_int(json_holds(root, schemas[i][v]), 1, "schema %zu: %s", i,
                   torus_schema_value_name(v));
        }
    }

    is_int(json_at(root, "points", "received", NULL),
           counters[TORUS_C_POINTS_RECEIVED], "points.received");
    is_int(json_at(root, "points", "refused", "bad_path"),
           counters[TORUS_C_BAD_PATH], "points.refused.bad_path");
    is_int(json_at(root, "operations", "lost_by_crash", NULL),
           counters[TORUS_C_OPS_CRASHED], "operations.lost_by_crash");
    is_int(json_at(root, "operations", "queued", NULL),
           hosts[0][TORUS_HOST_QUEUED] + hosts[1][TORUS_HOST_QUEUED],
           "operations.queued is that of all hosts");
    is_int(json_at(root, "operations", "in_flight", NULL),
           hosts[0][TORUS_HOST_IN_FLIGHT] + hosts[1][TORUS_HOST_IN_FLIGHT],
           "operations.in_flight too");
    is_int(json_at(root, "hosts", "unix:/a\"b\\c", "lag_ms"),
           hosts[1][TORUS_HOST_LAG], "a host by its name");
    is_int(json_at(root, "schemas", "a\nb", "points"),
           schemas[0][TORUS_SCHEMA_POINTS], "a schema by its name");
    is_int(json_at(root, "route_cache", "evicted", NULL),
           status.routes.evicted, "route_cache.evicted");
    is_int(json_at(root, "turns", "begin", "total"), 36, "turns.begin.total");
    is_int(json_at(root, "turns", "begin", "over_1_ms"), 35,
           "turns.begin.over_1_ms");
    is_int(json_at(root, "turns", "begin", "over_100_ms"), 8,
           "turns.begin.over_100_ms");
    is_int(json_at(root, "turns", "work", "longest_us"),
           turns[TORUS_TURN_WORK].longest, "turns.work.longest_us");
    is_int(json_at(root, "turns", "work", "time_us"),
           turns[TORUS_TURN_WORK].usec, "turns.work.time_us");
    is_int(json_at(root, "workers", "karbon", NULL), status.karbon,
           "workers.karbon");
    is_cstr(json_string_value(json_object_get(root, "version")),
            TORUS_VERSION, "version");

    json_decref(root);
}


/* Splits the text into samples, and checks its form line by line. */
static void
read_samples(char *text)
{
    char      *line, *space, *name, family[128];
    size_t     n;
    unsigned   faults, heads, histogram;

    histogram = 0;
    faults = 0;
    heads = 0;
    nsamples = 0;
    family[0] = '\0';

    for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {

        if (strncmp(line, "# HELP ", 7) == 0) {
            name = line + 7;
            n = strcspn(name, " ");

            if (n == 0 || n >= sizeof(family) || name[n] == '\0'
                || name[n + 1] == '\0')
            {
                diag("no help: %s", line);
                faults++;
                continue;
            }

            memcpy(family, name, n);
            family[n] = '\0';
            heads++;

            line = strtok(NULL, "\n");

            if (line == NULL || strncmp(line, "# TYPE ", 7) != 0
                || strncmp(line + 7, family, n) != 0
                || (strcmp(line + 7 + n, " counter") != 0
                    && strcmp(line + 7 + n, " gauge") != 0
                    && strcmp(line + 7 + n, " histogram") != 0))
            {
                diag("no type: %s", line == NULL ? "" : line);
                faults++;

            } else if ((strcmp(line + 7 + n, " counter") == 0)
                       != (n > 6 && strcmp(family + n - 6, "_total") == 0))
            {
                diag("a counter, and only a counter, ends in _total: %s",
                     line);
                faults++;
            }

            histogram = (line != NULL && strstr(line, " histogram") != NULL);
            continue;
        }

        space = strrchr(line, ' ');
        n = strlen(family);

        if (histogram && strncmp(line, family, n) == 0) {
            n += strncmp(line + n, "_bucket{", 8) == 0 ? 7
                 : strncmp(line + n, "_count{", 7) == 0 ? 6
                 : strncmp(line + n, "_sum{", 5) == 0 ? 4 : 0;
        }

        if (space == NULL || nsamples == LINES_MAX
            || space - line >= (ptrdiff_t) sizeof(samples[0].name)
            || n == 0 || strncmp(line, family, strlen(family)) != 0
            || (histogram && n == strlen(family))
            || (line[n] != ' ' && line[n] != '{'))
        {
            diag("not a sample of %s: %s", family, line);
            faults++;
            continue;
        }

        memcpy(samples[nsamples].name, line, (size_t) (space - line));
        samples[nsamples].name[space - line] = '\0';
        snprintf(samples[nsamples].value, sizeof(samples[0].value), "%s",
                 space + 1);
        nsamples++;
    }

    is_int(faults, 0, "each sample follows its HELP and TYPE");
    ok(heads > 40, "%u metrics", heads);
}


static const char *
sample(const char *name)
{
    size_t       i;
    unsigned     n;
    const char  *value;

    n = 0;
    value = "";

    for (i = 0; i < nsamples; i++) {
        if (strcmp(samples[i].name, name) == 0) {
            value = samples[i].value;
            n++;
        }
    }

    return n == 1 ? value : "not there once";
}


static unsigned
samples_with(uint64_t value, int ms)
{
    char      text[64];
    size_t    i;
    unsigned  n;

    n = 0;

    snprintf(text, sizeof(text), "%llu", (unsigned long long) value);

    if (ms) {
        snprintf(text, sizeof(text), "%llu.%03u",
                 (unsigned long long) (value / 1000),
                 (unsigned) (value % 1000));
    }

    for (i = 0; i < nsamples; i++) {
        n += (strcmp(samples[i].value, text) == 0);
    }

    return n;
}


static void
test_prometheus(void)
{
    static char  text[TEXT_MAX];
    char         seconds[64];
    size_t       i, k, v;
    unsigned     twice;

    torus_buf_reset(&out, 0);
    is_int(torus_status_prometheus(&status, &out), TORUS_OK, "Prometheus");

    if (!ok(torus_buf_len(&out) < TEXT_MAX && out.last[-1] == '\n',
            "the last line has an end"))
    {
        return;
    }

    memcpy(text, out.pos, torus_buf_len(&out));
    text[torus_buf_len(&out)] = '\0';

    like(text, "# HELP torus_points_refused_total ", "help of the refused");
    is_cstr(strstr(strstr(text, "# TYPE torus_points_refused_total") + 1,
                   "# TYPE torus_points_refused_total"), NULL,
            "told once for all reasons");

    read_samples(text);

    twice = 0;

    for (i = 0; i < nsamples; i++) {
        for (k = 0; k < i; k++) {
            twice += (strcmp(samples[i].name, samples[k].name) == 0);
        }
    }

    is_int(twice, 0, "no sample is there twice");

    for (i = 0; i < TORUS_COUNTERS_N; i++) {
        is_int(samples_with(counters[i], i == TORUS_C_QUERY_MSEC), 1,
               "%s is in it once", torus_counter_name(i));
    }

    for (i = 0; i < 2; i++) {
        for (v = 0; v < TORUS_HOST_VALUES_N; v++) {
            is_int(samples_with(hosts[i][v], v == TORUS_HOST_LAG), 1,
                   "host %zu: %s", i, torus_host_value_name(v));
        }

        for (v = 0; v < TORUS_SCHEMA_VALUES_N; v++) {
            is_int(samples_with(schemas[i][v], 0), 1, "schema %zu: %s", i,
                   torus_schema_value_name(v));
        }
    }

    is_int(atoll(sample("torus_turn_seconds_bucket"
                        "{kind=\"redis\",le=\"0.002\"}")),
           11 + 12, "a bucket holds those before it");
    is_int(atoll(sample("torus_turn_seconds_bucket"
                        "{kind=\"redis\",le=\"+Inf\"}")),
           8 * 11 + 28, "the last holds all");
    is_int(atoll(sample("torus_turn_seconds_count{kind=\"redis\"}")),
           8 * 11 + 28, "as many as there are");
    snprintf(seconds, sizeof(seconds), "%.6f",
             (double) turns[TORUS_TURN_SEND].usec / 1e6);
    is_cstr(sample("torus_turn_seconds_sum{kind=\"send\"}"), seconds,
            "in seconds");
    snprintf(seconds, sizeof(seconds), "%.6f",
             (double) turns[TORUS_TURN_SEND].longest / 1e6);
    is_cstr(sample("torus_turn_longest_seconds{kind=\"send\"}"), seconds,
            "the longest");
    is_cstr(sample("torus_build_info{version=\"" TORUS_VERSION "\"}"), "1",
            "the version");
    is_int(atoll(sample("torus_points_refused_total{reason=\"nan\"}")),
           counters[TORUS_C_DROPPED_NAN], "a reason is a label");
    is_int(atoll(sample("torus_host_operations_queued"
                        "{host=\"unix:/a\\\"b\\\\c\"}")),
           hosts[1][TORUS_HOST_QUEUED], "a label with quotes");
    is_int(atoll(sample("torus_schema_points_total{schema=\"a\\nb\"}")),
           schemas[0][TORUS_SCHEMA_POINTS], "a label of two lines");
    is_int(atoll(sample("torus_schema_points_total{schema=\"caf\xc3\xa9\"}")),
           schemas[1][TORUS_SCHEMA_POINTS], "a label in UTF-8");
}


/* No host, no schema: nginx without a stream block. */
static void
test_empty(void)
{
    json_t  *root;

    memset(&status, 0, sizeof(status));
    status.counters = counters;
    status.turns = turns;

    torus_buf_reset(&out, 0);
    is_int(torus_status_json(&status, &out), TORUS_OK, "no rows: JSON");

    root = json_loadb((char *) out.pos, torus_buf_len(&out), 0, NULL);
    is_int(json_object_size(json_object_get(root, "hosts")), 0, "no host");
    is_int(json_at(root, "operations", "queued", NULL), 0, "none queued");
    json_decref(root);

    torus_buf_reset(&out, 0);
    is_int(torus_status_prometheus(&status, &out), TORUS_OK,
           "no rows: Prometheus");
    torus_buf_add(&out, "", 1);
    is_cstr(strstr((char *) out.pos, "torus_host_"), NULL,
            "no metric without a sample");
}


static void
test_turns(void)
{
    torus_turns_t  t, sum;

    memset(&t, 0, sizeof(t));
    memset(&sum, 0, sizeof(sum));

    torus_turns_add(&t, 0);
    torus_turns_add(&t, 1000);
    torus_turns_add(&t, 1001);
    torus_turns_add(&t, 100001);
    torus_turns_add(&t, 7);

    is_int(t.within[0], 3, "three turns of up to a millisecond");
    is_int(t.within[1], 1, "one of up to two");
    is_int(t.within[TORUS_TURN_BOUNDS_N - 1], 1, "one beyond all bounds");
    is_int(t.usec, 102009, "their time");
    is_int(t.longest, 100001, "the longest");

    sum.longest = 200000;
    torus_turns_sum(&sum, &t);
    torus_turns_sum(&sum, &t);

    is_int(sum.within[0], 6, "of two workers");
    is_int(sum.usec, 204018, "their time together");
    is_int(sum.longest, 200000, "the longest of all");
}


static void
test_unmatched(void)
{
    json_t               *root, *names;
    torus_status_name_t   name[2];

    name[0].name = torus_str("web01.cpu", 9);
    name[0].count = 7;
    name[0].seen = 1700000000;
    name[1].name = torus_str("a\xff\n\"", 4);
    name[1].count = 1;
    name[1].seen = 1700000001;

    torus_buf_reset(&out, 0);
    is_int(torus_status_unmatched(counters, name, 2, &out), TORUS_OK,
           "unmatched names");

    root = json_loadb((char *) out.pos, torus_buf_len(&out), 0, NULL);
    names = json_object_get(root, "names");

    is_int(json_integer_value(json_object_get(root, "points")),
           counters[TORUS_C_POINTS_UNMATCHED], "all such points");
    is_int(json_array_size(names), 2, "two names");
    is_cstr(json_string_value(json_object_get(json_array_get(names, 0),
                                              "name")),
            "web01.cpu", "a name");
    is_int(json_integer_value(json_object_get(json_array_get(names, 0),
                                              "last_seen")),
           1700000000, "when it was seen");
    is_cstr(json_string_value(json_object_get(json_array_get(names, 1),
                                              "name")),
            "a\xef\xbf\xbd\n\"", "a name that is no UTF-8");
    json_decref(root);

    torus_buf_reset(&out, 0);
    is_int(torus_status_unmatched(counters, NULL, 0, &out), TORUS_OK, "none");
    torus_buf_add(&out, "", 1);
    like((char *) out.pos, "\"names\": []", "an empty list");
}


/* An answer that does not fit is none. */
static void
test_full(void)
{
    torus_buf_t  small;

    torus_buf_init(&small, 64);

    is_int(torus_status_json(&status, &small), TORUS_ERROR, "JSON, no room");
    torus_buf_reset(&small, 0);
    is_int(torus_status_prometheus(&status, &small), TORUS_ERROR,
           "Prometheus, no room");
    torus_buf_free(&small);
}


int
main(void)
{
    torus_buf_init(&out, 0);

    fill();
    test_json();
    test_prometheus();
    test_turns();
    test_unmatched();
    test_empty();
    test_full();

    torus_buf_free(&out);

    return done_testing();
}
