/*
 * What the counters are called on the status page, and the page itself.  The
 * tables below are in the order of torus_counter.h; both formats are made
 * from them.
 */

#include "torus_status.h"

#include "torus_json.h"


typedef enum {
    TORUS_STATUS_POINTS = 0,
    TORUS_STATUS_REFUSED,      /* an object inside "points" */
    TORUS_STATUS_OPS,
    TORUS_STATUS_REDIS,
    TORUS_STATUS_QUERIES
} torus_status_section_t;


typedef struct {
    torus_status_section_t   section;
    const char              *key;      /* in JSON, and of REFUSED the label */
    const char              *metric;   /* behind "torus_" */
    const char              *help;
} torus_status_counter_t;


typedef struct {
    const char              *metric;
    const char              *type;
    const char              *help;
    unsigned                 ms:1;     /* shown in seconds */
} torus_status_metric_t;


static void torus_status_section(const torus_status_t *status,
    torus_json_t *j, torus_status_section_t section);
static void torus_status_open_ops(const torus_status_t *status,
    torus_json_t *j);
static void torus_status_json_turns(const torus_status_t *status,
    torus_json_t *j);
static void torus_status_turns(const torus_status_t *status,
    torus_buf_t *out);
static void torus_status_turn(torus_buf_t *out, const char *name,
    const torus_turns_t *t);
static void torus_status_usec(torus_buf_t *out, uint64_t usec);
static void torus_status_json_routes(const torus_status_t *status,
    torus_json_t *j);
static void torus_status_json_hosts(const torus_status_t *status,
    torus_json_t *j);
static void torus_status_json_schemas(const torus_status_t *status,
    torus_json_t *j);
static void torus_status_int(torus_json_t *j, const char *key,
    uint64_t value);
static void torus_status_head(torus_buf_t *out, const char *metric,
    const char *type, const char *help);
static void torus_status_plain(torus_buf_t *out, const char *metric,
    const char *type, const char *help, uint64_t value);
static void torus_status_counters(const torus_status_t *status,
    torus_buf_t *out);
static void torus_status_routes(const torus_status_t *status,
    torus_buf_t *out);
static void torus_status_rows(torus_buf_t *out, const char *label,
    const torus_status_row_t *rows, size_t nrows,
    const torus_status_metric_t *metrics, size_t nmetrics);
static void torus_status_number(torus_buf_t *out, uint64_t value,
    unsigned ms);
static void torus_status_label(torus_buf_t *out, torus_str_t s);


#define TORUS_STATUS_BAD                                                      \
    "points_refused_total", "Points that were refused, by reason."


static const torus_status_counter_t
    torus_status_table[TORUS_COUNTERS_N] =
{
    [TORUS_C_POINTS_RECEIVED] = {
        TORUS_STATUS_POINTS, "received", "points_received_total",
        "Points received, good and bad." },

    [TORUS_C_BAD_LINE] = {
        TORUS_STATUS_REFUSED, "bad_line", TORUS_STATUS_BAD },
    [TORUS_C_BAD_LENGTH] = {
        TORUS_STATUS_REFUSED, "bad_length", TORUS_STATUS_BAD },
    [TORUS_C_BAD_PATH] = {
        TORUS_STATUS_REFUSED, "bad_path", TORUS_STATUS_BAD },
    [TORUS_C_BAD_VALUE] = {
        TORUS_STATUS_REFUSED, "bad_value", TORUS_STATUS_BAD },
    [TORUS_C_BAD_TIMESTAMP] = {
        TORUS_STATUS_REFUSED, "bad_timestamp", TORUS_STATUS_BAD },
    [TORUS_C_BAD_INFINITY] = {
        TORUS_STATUS_REFUSED, "bad_infinity", TORUS_STATUS_BAD },
    [TORUS_C_BAD_FRAME] = {
        TORUS_STATUS_REFUSED, "bad_frame", TORUS_STATUS_BAD },
    [TORUS_C_DROPPED_NAN] = {
        TORUS_STATUS_REFUSED, "nan", TORUS_STATUS_BAD },
    [TORUS_C_DROPPED_FUTURE] = {
        TORUS_STATUS_REFUSED, "future", TORUS_STATUS_BAD },
    [TORUS_C_DROPPED_PAST] = {
        TORUS_STATUS_REFUSED, "past", TORUS_STATUS_BAD },
    [TORUS_C_DROPPED_NEW_STATS] = {
        TORUS_STATUS_REFUSED, "new_stats", TORUS_STATUS_BAD },
    [TORUS_C_DROPPED_OVERFLOW] = {
        TORUS_STATUS_REFUSED, "overflow", TORUS_STATUS_BAD },

    [TORUS_C_POINTS_UNMATCHED] = {
        TORUS_STATUS_POINTS, "unmatched", "points_unmatched_total",
        "Points whose name no schema matches." },
    [TORUS_C_POINTS_TRANSFORMED] = {
        TORUS_STATUS_POINTS, "transformed_away",
        "points_transformed_away_total",
        "Points that a transform of the schema drops." },
    [TORUS_C_POINTS_ACCEPTED] = {
        TORUS_STATUS_POINTS, "accepted", "points_accepted_total",
        "Points that at least one schema has taken." },

    [TORUS_C_OPS_MADE] = {
        TORUS_STATUS_OPS, "made", "operations_made_total",
        "Operations made: accepted point x schema x interval x copy." },
    [TORUS_C_OPS_APPLIED] = {
        TORUS_STATUS_OPS, "applied", "operations_applied_total",
        "Operations that Redis has acknowledged." },
    [TORUS_C_OPS_EXPIRED] = {
        TORUS_STATUS_OPS, "expired", "operations_expired_total",
        "Operations on buckets that are out of retention already." },
    [TORUS_C_OPS_FAILED] = {
        TORUS_STATUS_OPS, "failed", "operations_failed_total",
        "Operations that Redis refused, or whose fate is unknown." },
    [TORUS_C_OPS_DROPPED] = {
        TORUS_STATUS_OPS, "dropped", "operations_dropped_total",
        "Operations dropped unsent: overflow, the end of a worker." },
    [TORUS_C_OPS_CRASHED] = {
        TORUS_STATUS_OPS, "lost_by_crash",
        "operations_lost_by_crash_total",
        "Operations that a worker held when it was killed." },
    [TORUS_C_OPS_MERGED] = {
        TORUS_STATUS_OPS, "merged", "operations_merged_total",
        "Operations that went as a part of another one." },
    [TORUS_C_VALUES_SKIPPED] = {
        TORUS_STATUS_OPS, "values_skipped", "values_skipped_total",
        "Values that one schema could not take and another one did." },

    [TORUS_C_REDIS_COMMANDS] = {
        TORUS_STATUS_REDIS, "commands", "redis_commands_total",
        "Commands sent in batches." },
    [TORUS_C_REDIS_BATCHES] = {
        TORUS_STATUS_REDIS, "batches", "redis_batches_total",
        "Batches sent." },
    [TORUS_C_REDIS_BYTES_SENT] = {
        TORUS_STATUS_REDIS, "bytes_sent", "redis_sent_bytes_total",
        "Bytes sent by writers." },
    [TORUS_C_REDIS_BYTES_RECEIVED] = {
        TORUS_STATUS_REDIS, "bytes_received", "redis_received_bytes_total",
        "Bytes received by writers." },
    [TORUS_C_REDIS_ERRORS] = {
        TORUS_STATUS_REDIS, "errors", "redis_errors_total",
        "Error replies to writers." },
    [TORUS_C_REDIS_CONNECTS] = {
        TORUS_STATUS_REDIS, "connects", "redis_connects_total",
        "Times a writer became ready on a new connection." },
    [TORUS_C_REDIS_RESENT] = {
        TORUS_STATUS_REDIS, "batches_resent", "redis_batches_resent_total",
        "Batches sent again, which Redis had not applied." },
    [TORUS_C_LOST_BY_STORE] = {
        TORUS_STATUS_POINTS, "lost_by_store",
        "points_lost_by_store_total",
        "Points that Redis acknowledged and then lost." },
    [TORUS_C_IN_DOUBT] = {
        TORUS_STATUS_POINTS, "in_doubt", "points_in_doubt_total",
        "Points whose operations failed, as it seems, or were applied." },

    [TORUS_C_QUERIES] = {
        TORUS_STATUS_QUERIES, "total", "queries_total",
        "Queries answered." },
    [TORUS_C_QUERIES_FAILED] = {
        TORUS_STATUS_QUERIES, "failed", "queries_failed_total",
        "Queries that ended in a fault of ours or of Redis." },
    [TORUS_C_QUERY_POINTS] = {
        TORUS_STATUS_QUERIES, "points", "query_points_total",
        "Datapoints in answers." },
    [TORUS_C_QUERY_ROWS] = {
        TORUS_STATUS_QUERIES, "rows", "query_rows_total",
        "Buckets read for them." },
    [TORUS_C_QUERY_MSEC] = {
        TORUS_STATUS_QUERIES, "time_ms", "query_seconds_total",
        "Time that queries took." },
    [TORUS_C_VALUES_UNREADABLE] = {
        TORUS_STATUS_QUERIES, "values_unreadable",
        "query_values_unreadable_total",
        "Stored values that a read_func could not take." },
};


static const torus_status_metric_t
    torus_status_hosts[TORUS_HOST_VALUES_N] =
{
    [TORUS_HOST_WRITERS] = { "host_writers", "gauge",
        "Writers to the host, one per worker and module.", 0 },
    [TORUS_HOST_READY] = { "host_writers_ready", "gauge",
        "Those of them that are connected and may write.", 0 },
    [TORUS_HOST_QUEUED] = { "host_operations_queued", "gauge",
        "Operations not sent yet.", 0 },
    [TORUS_HOST_IN_FLIGHT] = { "host_operations_in_flight", "gauge",
        "Operations sent and not answered.", 0 },
    [TORUS_HOST_BYTES] = { "host_queue_bytes", "gauge",
        "Memory of both.", 0 },
    [TORUS_HOST_BYTES_MAX] = { "host_queue_limit_bytes", "gauge",
        "Memory they may take.", 0 },
    [TORUS_HOST_BATCHES] = { "host_batches_in_flight", "gauge",
        "Batches sent and not answered.", 0 },
    [TORUS_HOST_LAG] = { "host_lag_seconds", "gauge",
        "Age of the oldest operation not acknowledged.", 1 },
    [TORUS_HOST_BLOCKED] = { "host_sessions_blocked", "gauge",
        "Sessions not read because the queue is full.", 0 },
    [TORUS_HOST_UNSURE] = { "host_expiries_unsure", "gauge",
        "Keys whose expiry is sent again in a while.", 0 },
    [TORUS_HOST_PUT_OFF] = { "host_expiries_put_off_total", "counter",
        "Times a key became one of them.", 0 },
    [TORUS_HOST_CONNECTS] = { "host_connects_total", "counter",
        "Times a writer became ready on a new connection.", 0 },
};


static const torus_status_metric_t
    torus_status_schemas[TORUS_SCHEMA_VALUES_N] =
{
    [TORUS_SCHEMA_POINTS] = { "schema_points_total", "counter",
        "Points that the schema has taken, under any name.", 0 },
    [TORUS_SCHEMA_OPERATIONS] = { "schema_operations_total", "counter",
        "Operations made of them.", 0 },
    [TORUS_SCHEMA_SKIPPED] = { "schema_values_skipped_total", "counter",
        "Values that the schema could not take.", 0 },
};


int
torus_status_json(const torus_status_t *status, torus_buf_t *out)
{
    torus_json_t  j;

    torus_json_init(&j, out, 1);

    torus_json_open(&j, '{');

    torus_json_keyz(&j, "version");
    torus_json_string(&j, torus_str(TORUS_VERSION, sizeof(TORUS_VERSION) - 1));

    torus_status_int(&j, "time", status->now);
    torus_status_int(&j, "since", status->since);

    torus_json_keyz(&j, "workers");
    torus_json_open(&j, '{');
    torus_status_int(&j, "karbon", status->karbon);
    torus_status_int(&j, "torus", status->torus);
    torus_json_close(&j, '}');

    torus_json_keyz(&j, "points");
    torus_json_open(&j, '{');
    torus_status_section(status, &j, TORUS_STATUS_POINTS);
    torus_json_keyz(&j, "refused");
    torus_json_open(&j, '{');
    torus_status_section(status, &j, TORUS_STATUS_REFUSED);
    torus_json_close(&j, '}');
    torus_json_close(&j, '}');

    torus_json_keyz(&j, "operations");
    torus_json_open(&j, '{');
    torus_status_section(status, &j, TORUS_STATUS_OPS);
    torus_status_open_ops(status, &j);
    torus_json_close(&j, '}');

    torus_json_keyz(&j, "redis");
    torus_json_open(&j, '{');
    torus_status_section(status, &j, TORUS_STATUS_REDIS);
    torus_json_close(&j, '}');

    torus_json_keyz(&j, "queries");
    torus_json_open(&j, '{');
    torus_status_section(status, &j, TORUS_STATUS_QUERIES);
    torus_json_close(&j, '}');

    torus_status_json_turns(status, &j);
    torus_status_json_routes(status, &j);
    torus_status_json_hosts(status, &j);
    torus_status_json_schemas(status, &j);

    torus_json_close(&j, '}');
    torus_buf_addz(out, "\n");

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


static void
torus_status_section(const torus_status_t *status, torus_json_t *j,
    torus_status_section_t section)
{
    unsigned                       i;
    const torus_status_counter_t  *c;

    for (i = 0; i < TORUS_COUNTERS_N; i++) {
        c = &torus_status_table[i];

        if (c->key != NULL && c->section == section) {
            torus_status_int(j, c->key, status->counters[i]);
        }
    }
}


/* Each host knows its own. */
static void
torus_status_open_ops(const torus_status_t *status, torus_json_t *j)
{
    size_t    i;
    uint64_t  queued, in_flight;

    queued = 0;
    in_flight = 0;

    for (i = 0; i < status->nhosts; i++) {
        queued += status->hosts[i].values[TORUS_HOST_QUEUED];
        in_flight += status->hosts[i].values[TORUS_HOST_IN_FLIGHT];
    }

    torus_status_int(j, "queued", queued);
    torus_status_int(j, "in_flight", in_flight);
}


/* How many turns took longer than a bound, beside how many there were. */
static void
torus_status_json_turns(const torus_status_t *status, torus_json_t *j)
{
    char                  key[32];
    uint64_t              n;
    unsigned              i, k;
    const char           *name;
    const torus_turns_t  *t;

    static const uint64_t  bounds[] = TORUS_TURN_BOUNDS;

    torus_json_keyz(j, "turns");
    torus_json_open(j, '{');

    for (i = 0; i < TORUS_TURNS_N; i++) {
        t = &status->turns[i];
        n = 0;

        for (k = 0; k < TORUS_TURN_BOUNDS_N; k++) {
            n += t->within[k];
        }

        name = torus_turn_name(i);

        torus_json_key(j, torus_str(name, strlen(name)));
        torus_json_open(j, '{');
        torus_status_int(j, "total", n);

        for (k = 0; k < TORUS_TURN_BOUNDS_N - 1; k++) {
            n -= t->within[k];

            (void) snprintf(key, sizeof(key), "over_%u_ms",
                            (unsigned) (bounds[k] / 1000));
            torus_status_int(j, key, n);
        }

        torus_status_int(j, "time_us", t->usec);
        torus_status_int(j, "longest_us", t->longest);
        torus_json_close(j, '}');
    }

    torus_json_close(j, '}');
}


static void
torus_status_json_routes(const torus_status_t *status, torus_json_t *j)
{
    torus_json_keyz(j, "route_cache");
    torus_json_open(j, '{');
    torus_status_int(j, "hits", status->routes.hits);
    torus_status_int(j, "misses", status->routes.misses);
    torus_status_int(j, "evicted", status->routes.evicted);
    torus_status_int(j, "entries", status->routes.entries);
    torus_status_int(j, "bytes", status->routes.bytes);
    torus_json_close(j, '}');
}


static void
torus_status_json_hosts(const torus_status_t *status, torus_json_t *j)
{
    size_t    i;
    unsigned  v;

    torus_json_keyz(j, "hosts");
    torus_json_open(j, '{');

    for (i = 0; i < status->nhosts; i++) {
        torus_json_key(j, status->hosts[i].name);
        torus_json_open(j, '{');

        for (v = 0; v < TORUS_HOST_VALUES_N; v++) {
            torus_status_int(j, torus_host_value_name(v),
                             status->hosts[i].values[v]);
        }

        torus_json_close(j, '}');
    }

    torus_json_close(j, '}');
}


static void
torus_status_json_schemas(const torus_status_t *status, torus_json_t *j)
{
    size_t    i;
    unsigned  v;

    torus_json_keyz(j, "schemas");
    torus_json_open(j, '{');

    for (i = 0; i < status->nschemas; i++) {
        torus_json_key(j, status->schemas[i].name);
        torus_json_open(j, '{');

        for (v = 0; v < TORUS_SCHEMA_VALUES_N; v++) {
            torus_status_int(j, torus_schema_value_name(v),
                             status->schemas[i].values[v]);
        }

        torus_json_close(j, '}');
    }

    torus_json_close(j, '}');
}


int
torus_status_unmatched(const uint64_t *counters,
    const torus_status_name_t *names, size_t n, torus_buf_t *out)
{
    size_t        i;
    torus_json_t  j;

    torus_json_init(&j, out, 1);

    torus_json_open(&j, '{');

    torus_status_int(&j, "points", counters[TORUS_C_POINTS_UNMATCHED]);

    torus_json_keyz(&j, "names");
    torus_json_open(&j, '[');

    for (i = 0; i < n; i++) {
        torus_json_open(&j, '{');
        torus_json_keyz(&j, "name");
        torus_json_string(&j, names[i].name);
        torus_status_int(&j, "count", names[i].count);
        torus_status_int(&j, "last_seen", names[i].seen);
        torus_json_close(&j, '}');
    }

    torus_json_close(&j, ']');
    torus_json_close(&j, '}');
    torus_buf_addz(out, "\n");

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


static void
torus_status_int(torus_json_t *j, const char *key, uint64_t value)
{
    torus_json_key(j, torus_str(key, strlen(key)));
    torus_json_int(j, (int64_t) value);
}


int
torus_status_prometheus(const torus_status_t *status, torus_buf_t *out)
{
    torus_status_head(out, "build_info", "gauge",
                      "1; the label has the version of the modules.");
    torus_buf_addz(out, "torus_build_info{version=\"" TORUS_VERSION "\"} 1\n");

    torus_status_plain(out, "start_time_seconds", "gauge",
                       "When counting began.", status->since);

    torus_status_head(out, "workers", "gauge",
                      "Worker processes that count, by module.");
    torus_buf_printf(out, "torus_workers{module=\"karbon\"} %llu\n",
                     (unsigned long long) status->karbon);
    torus_buf_printf(out, "torus_workers{module=\"torus\"} %llu\n",
                     (unsigned long long) status->torus);

    torus_status_counters(status, out);
    torus_status_turns(status, out);
    torus_status_routes(status, out);

    torus_status_rows(out, "host", status->hosts, status->nhosts,
                      torus_status_hosts, TORUS_HOST_VALUES_N);
    torus_status_rows(out, "schema", status->schemas, status->nschemas,
                      torus_status_schemas, TORUS_SCHEMA_VALUES_N);

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


static void
torus_status_head(torus_buf_t *out, const char *metric, const char *type,
    const char *help)
{
    torus_buf_printf(out, "# HELP torus_%s %s\n# TYPE torus_%s %s\n",
                     metric, help, metric, type);
}


static void
torus_status_plain(torus_buf_t *out, const char *metric, const char *type,
    const char *help, uint64_t value)
{
    torus_status_head(out, metric, type, help);
    torus_buf_printf(out, "torus_%s %llu\n", metric,
                     (unsigned long long) value);
}


/* Those that were refused stand together: one metric, a label each. */
static void
torus_status_counters(const torus_status_t *status, torus_buf_t *out)
{
    unsigned                       i;
    const char                    *before;
    const torus_status_counter_t  *c;

    before = "";

    for (i = 0; i < TORUS_COUNTERS_N; i++) {
        c = &torus_status_table[i];

        if (c->key == NULL) {
            continue;
        }

        if (strcmp(c->metric, before) != 0) {
            torus_status_head(out, c->metric, "counter", c->help);
            before = c->metric;
        }

        torus_buf_printf(out, "torus_%s", c->metric);

        if (c->section == TORUS_STATUS_REFUSED) {
            torus_buf_printf(out, "{reason=\"%s\"}", c->key);
        }

        torus_status_number(out, status->counters[i],
                            i == TORUS_C_QUERY_MSEC);
    }
}


static void
torus_status_turns(const torus_status_t *status, torus_buf_t *out)
{
    unsigned  i;

    torus_status_head(out, "turn_seconds", "histogram",
                      "How long queries held a worker at a time.");

    for (i = 0; i < TORUS_TURNS_N; i++) {
        torus_status_turn(out, torus_turn_name(i), &status->turns[i]);
    }

    torus_status_head(out, "turn_longest_seconds", "gauge",
                      "The longest time that one held it.");

    for (i = 0; i < TORUS_TURNS_N; i++) {
        torus_buf_printf(out, "torus_turn_longest_seconds{kind=\"%s\"}",
                         torus_turn_name(i));
        torus_status_usec(out, status->turns[i].longest);
    }
}


/* Buckets hold what is in those before them, too. */
static void
torus_status_turn(torus_buf_t *out, const char *name, const torus_turns_t *t)
{
    uint64_t  n;
    unsigned  i;

    static const char *const  bounds[TORUS_TURN_BOUNDS_N] = {
        "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "+Inf"
    };

    n = 0;

    for (i = 0; i < TORUS_TURN_BOUNDS_N; i++) {
        n += t->within[i];

        torus_buf_printf(out, "torus_turn_seconds_bucket{kind=\"%s\","
                         "le=\"%s\"} %llu\n", name, bounds[i],
                         (unsigned long long) n);
    }

    torus_buf_printf(out, "torus_turn_seconds_sum{kind=\"%s\"}", name);
    torus_status_usec(out, t->usec);
    torus_buf_printf(out, "torus_turn_seconds_count{kind=\"%s\"} %llu\n",
                     name, (unsigned long long) n);
}


static void
torus_status_usec(torus_buf_t *out, uint64_t usec)
{
    torus_buf_printf(out, " %llu.%06u\n",
                     (unsigned long long) (usec / 1000000),
                     (unsigned) (usec % 1000000));
}


static void
torus_status_routes(const torus_status_t *status, torus_buf_t *out)
{
    torus_status_plain(out, "route_cache_hits_total", "counter",
                       "Points whose route was known.", status->routes.hits);
    torus_status_plain(out, "route_cache_misses_total", "counter",
                       "Points whose route had to be found.",
                       status->routes.misses);
    torus_status_plain(out, "route_cache_evicted_total", "counter",
                       "Routes that made room for others.",
                       status->routes.evicted);
    torus_status_plain(out, "route_cache_entries", "gauge",
                       "Names whose routes are known, of all workers.",
                       status->routes.entries);
    torus_status_plain(out, "route_cache_bytes", "gauge",
                       "Memory of the caches.", status->routes.bytes);
}


static void
torus_status_rows(torus_buf_t *out, const char *label,
    const torus_status_row_t *rows, size_t nrows,
    const torus_status_metric_t *metrics, size_t nmetrics)
{
    size_t  i, m;

    if (nrows == 0) {
        return;
    }

    for (m = 0; m < nmetrics; m++) {
        torus_status_head(out, metrics[m].metric, metrics[m].type,
                          metrics[m].help);

        for (i = 0; i < nrows; i++) {
            torus_buf_printf(out, "torus_%s{%s=\"", metrics[m].metric, label);
            torus_status_label(out, rows[i].name);
            torus_buf_addz(out, "\"}");
            torus_status_number(out, rows[i].values[m], metrics[m].ms);
        }
    }
}


/* Milliseconds become seconds without any locale's idea of a point. */
static void
torus_status_number(torus_buf_t *out, uint64_t value, unsigned ms)
{
    if (ms) {
        torus_buf_printf(out, " %llu.%03u\n",
                         (unsigned long long) (value / 1000),
                         (unsigned) (value % 1000));
        return;
    }

    torus_buf_printf(out, " %llu\n", (unsigned long long) value);
}


static void
torus_status_label(torus_buf_t *out, torus_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        switch (s.data[i]) {

        case '\\':
            torus_buf_addz(out, "\\\\");
            break;

        case '"':
            torus_buf_addz(out, "\\\"");
            break;

        case '\n':
            torus_buf_addz(out, "\\n");
            break;

        default:
            torus_buf_add(out, &s.data[i], 1);
        }
    }
}
