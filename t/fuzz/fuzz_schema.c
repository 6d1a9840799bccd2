/*
 * Fuzzing of schema files: bytes are the text of one, or at a zero byte of
 * two.  A set that loads is used: points are stored by it, its intervals are
 * walked, its hosts are compared.  What may not happen, beside what
 * sanitizers see: faults without a whole message or too many of them, a set
 * with something missing, another set of the same text, a point that is
 * neither stored nor counted.
 *
 * Seeds are in t/fuzz/corpus/schema.
 */

#include <stdlib.h>

#include "torus_schema.h"
#include "torus_store.h"


#define NOW  1700000000


typedef struct {
    size_t  errors;
    size_t  warnings;
} reports_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(const uint8_t *data, size_t size, torus_schema_set_t **set);
static void report(void *data, torus_report_level_t level, const char *text);
static void check(const torus_schema_set_t *set);
static void check_interval(const torus_interval_t *iv);
static void check_names(const torus_schema_set_t *set);
static void store(const torus_schema_set_t *set);
static int sink(void *data, const torus_host_t *host, const torus_op_t *op);
static void must(int held, const char *what);


static const char *const  stats[] = {
    "a", "application.web01.response_time", "application.http.status.200",
    "a;b=c", "legacy.rt.x", "\xc3\xa9.[x]{y}*", "a.b.c.d.e.f.g.h.i.j.k.l.m"
};


static const char *const  values[] = {
    "1", "0", "-3.25", "1e300", "GET", "9223372036854775807"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  rc, again;
    torus_schema_set_t  *set, *same;

    if (size > 16384) {
        return 0;
    }

    rc = load(data, size, &set);
    again = load(data, size, &same);

    must(rc == again, "the same again");
    must((rc == TORUS_OK) == (set != NULL), "a set, or none");

    if (rc == TORUS_OK) {
        must(set->hash == same->hash, "the same set of the same text");

        check(set);
        check_names(set);
        store(set);

        torus_schema_set_destroy(set);
        torus_schema_set_destroy(same);
    }

    return 0;
}


static int
load(const uint8_t *data, size_t size, torus_schema_set_t **set)
{
    int                    rc;
    size_t                 len;
    const uint8_t         *zero;
    reports_t              reports;
    torus_schema_source_t  sources[2];

    memset(&reports, 0, sizeof(reports_t));

    zero = size == 0 ? NULL : memchr(data, '\0', size);
    len = zero == NULL ? size : (size_t) (zero - data);

    sources[0].file = torus_str("one.json", 8);
    sources[0].text = torus_str(data, len);
    sources[1].file = torus_str("two.json", 8);

    if (zero != NULL) {
        sources[1].text = torus_str(zero + 1, size - len - 1);
    }

    rc = torus_schema_load(sources, 1 + (zero != NULL), report, &reports,
                           set);

    must(rc == TORUS_OK || rc == TORUS_INVALID, "memory");
    must((rc == TORUS_INVALID) == (reports.errors != 0), "a reason");
    must(reports.errors <= 21 && reports.warnings <= 21, "a few messages");

    return rc;
}


static void
report(void *data, torus_report_level_t level, const char *text)
{
    reports_t  *r;

    r = data;

    if (level == TORUS_REPORT_ERROR) {
        r->errors++;

    } else {
        r->warnings++;
    }

    must(text[0] != '\0', "a message");

    /* an expression is shown on lines of its own, with what is wrong in it */

    for ( /* void */ ; *text != '\0'; text++) {
        must((unsigned char) *text >= ' ' || *text == '\n',
             "a message that a terminal can be shown");
    }
}


static void
check(const torus_schema_set_t *set)
{
    size_t                 i, k;
    const torus_schema_t  *s;

    for (i = 0; i < set->nschemas; i++) {
        s = &set->schemas[i];

        must(s->index == i && s->name.len != 0, "a name");
        must(s->type <= TORUS_SET && torus_type_name(s->type).len != 0,
             "a type");
        must(s->nmatch != 0 && s->match != NULL, "a pattern");
        must(s->write_func != NULL && s->read_func != NULL, "functions");
        must(s->nintervals != 0 && s->intervals != NULL, "intervals");
        must(s->prefix.len == 0 || s->prefix.data[s->prefix.len - 1] == ':',
             "a whole prefix");
        must(s->host != NULL && s->host->index < set->nhosts
             && &set->hosts[s->host->index] == s->host,
             "a host of the set");

        must(torus_schema_find(set, s->name) == s, "to be found by name");

        for (k = 0; k < s->nintervals; k++) {
            must(torus_schema_interval(s, s->intervals[k].name)
                 == &s->intervals[k], "an interval by its name");
            check_interval(&s->intervals[k]);
        }
    }

    for (i = 0; i < set->nhosts; i++) {
        for (k = 0; k < i; k++) {
            must(!torus_host_eq(&set->hosts[i], &set->hosts[k]),
                 "each host once");
        }
    }
}


static void
check_interval(const torus_interval_t *iv)
{
    size_t   i;
    int64_t  bucket, next, start, expire;

    static const int64_t  times[] = {
        1, 951782400, NOW, 1735689600, TORUS_TIME_MAX
    };

    must(iv->name.len != 0 && iv->steps >= 0, "an interval");
    must(torus_step_nominal(&iv->step) > 0
         && torus_step_nominal(&iv->resolution) > 0, "steps");
    must(iv->coarse == torus_step_eq(&iv->step, &iv->resolution),
         "coarse, or not");

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        bucket = torus_step_bucket(&iv->step, times[i]);
        start = torus_step_start(&iv->step, bucket);

        must(torus_step_valid(&iv->step, bucket), "a bucket");
        must(start <= times[i], "a start before it");
        must(torus_step_length(&iv->step, bucket) > 0, "a length");

        expire = torus_interval_expire(iv, bucket);

        must(iv->steps != 0 || expire == 0, "no end");
        must(iv->steps == 0 || expire > start
             || torus_step_add(&iv->step, bucket, 1) == bucket,
             "an end after the start, but for the last bucket of all");

        (void) torus_interval_expired(iv, bucket, NOW);

        if (start + torus_step_nominal(&iv->step) * 2 >= TORUS_TIME_MAX) {
            continue;
        }

        next = torus_step_add(&iv->step, bucket, 1);

        must(next > bucket && torus_step_start(&iv->step, next) > times[i],
             "a bucket after it");
        must(torus_step_count(&iv->step, bucket, next) == 2, "two buckets");
    }
}


static void
check_names(const torus_schema_set_t *set)
{
    size_t  i;

    for (i = 0; i < set->ntransforms; i++) {
        must(set->transforms[i].expr != NULL
             && torus_schema_find_transform(set, set->transforms[i].name)
                == &set->transforms[i], "a transform by its name");
    }

    for (i = 0; i < set->nmacros; i++) {
        must(torus_schema_find_macro(set, set->macros[i].name)
             == &set->macros[i], "a macro by its name");
    }
}


/* Each point as often as there are values, so that routes are met again. */
static void
store(const torus_schema_set_t *set)
{
    int              rc;
    size_t           i, k, ops;
    uint64_t         counters[TORUS_COUNTERS_N];
    torus_store_t    s;
    torus_counter_t  reason;

    memset(counters, 0, sizeof(counters));
    memset(&s, 0, sizeof(torus_store_t));

    ops = 0;

    s.set = set;
    s.counters = counters;
    s.sink = sink;
    s.data = &ops;
    s.router = torus_router_create(set, 4096, 17);

    must(s.router != NULL && torus_store_init(&s) == TORUS_OK, "memory");

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (k = 0; k < sizeof(stats) / sizeof(stats[0]); k++) {
            rc = torus_store_point(&s, torus_str(stats[k], strlen(stats[k])),
                                   torus_str(values[i], strlen(values[i])),
                                   NOW - (int64_t) i * 86400, NOW, &reason);

            must(rc == TORUS_OK || rc == TORUS_DECLINED,
                 "a point that is taken or counted");
            must(reason < TORUS_COUNTERS_N, "what became of it");
        }
    }

    torus_store_free(&s);
    torus_router_destroy(s.router);
}


static int
sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    size_t  *ops;

    ops = data;
    (*ops)++;

    must(host != NULL, "a host");
    must(op->key.len != 0, "a key");

    return TORUS_OK;
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
