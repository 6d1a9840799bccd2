/*
 * Buckets: the original's arithmetic (time.json), its weekly faults mended
 * (time_weekly_upstream.json), and properties that hold for every day of the
 * years that matter.
 */

#define _POSIX_C_SOURCE  200809L    /* gmtime_r() */

#include "torus_test.h"
#include "torus_interval.h"

#include <time.h>


typedef struct {
    const char  *text;
    int64_t      seconds;    /* -1 daily, -2 weekly, -3 monthly, -4 yearly */
    const char  *fault;      /* a part of the reason */
} test_parse_t;

typedef struct {
    const char  *step;
    int64_t      bucket;
    int64_t      n;
    int64_t      sum;
} test_add_t;

typedef struct {
    const char  *step;
    const char  *keep;
    int64_t      steps;
} test_keep_t;


static void test_parse(void);
static void test_print(void);
static void test_add(void);
static void test_every_day(void);
static void test_walk(const char *name, int64_t from, int64_t to);
static void test_count(void);
static void test_invalid(void);
static void test_extremes(void);
static void test_length(void);
static void test_expire(void);
static void test_keep(void);
static void test_vectors(const char *path, int weekly);
static void test_vector(const json_t *c, const char *name, int weekly);
static void test_resolve(const json_t *c, const char *name);
static void test_buckets(const torus_step_t *step, const json_t *c,
    const char *name, int weekly);
static void test_ttl(const torus_step_t *step, const json_t *c,
    const char *name);
static int64_t test_floor(const json_t *number);
static int64_t test_strftime(int64_t ts, const char *format);
static torus_step_t test_step(const char *text);


static const test_parse_t  test_parses[] = {
    { "60", 60, NULL },
    { "007", 7, NULL },
    { "30s", 30, NULL },
    { "5min", 300, NULL },
    { "12h", 43200, NULL },
    { "7d", 604800, NULL },
    { "1w", 604800, NULL },
    { "3mon", 7776000, NULL },
    { "1y", 31536000, NULL },
    { "daily", -1, NULL },
    { "weekly", -2, NULL },
    { "monthly", -3, NULL },
    { "yearly", -4, NULL },
    { "5m", 0, "must be \"5min\" (minutes) or \"5mon\"" },
    { "5M", 0, "not \"5M\"" },
    { "", 0, "not \"\"" },
    { "0", 0, "longer than 0" },
    { "0h", 0, "longer than 0" },
    { "-60", 0, "not \"-60\"" },
    { "+60", 0, "not \"+60\"" },
    { "1.5h", 0, "not \"1.5h\"" },
    { " 60", 0, "not \" 60\"" },
    { "1 h", 0, "not \"1 h\"" },
    { "h", 0, "not \"h\"" },
    { "m", 0, "not \"m\"" },
    { "1H", 0, "not \"1H\"" },
    { "hourly", 0, "not \"hourly\"" },
    { "Daily", 0, "not \"Daily\"" },
    { "1hour", 0, "not \"1hour\"" },
    { "60\n\"", 0, "not \"60\\x0A\\x22\"" },
    { "9999y", 0, "shorter than 8000 years" },
    { "99999999999999999999999999", 0, "shorter than 8000 years" },
    { "9223372036854775807y", 0, "shorter than 8000 years" }
};


static const test_add_t  test_adds[] = {
    { "60", 10, 5, 15 },
    { "60", 10, -15, -5 },
    { "daily", 20231231, 1, 20240101 },
    { "daily", 20240228, 1, 20240229 },
    { "daily", 20230228, 1, 20230301 },
    { "daily", 20240301, -1, 20240229 },
    { "daily", 19000228, 1, 19000301 },
    { "daily", 20000101, 146097, 24000101 },
    { "weekly", 201352, 1, 201400 },    /* one calendar week, two buckets */
    { "weekly", 201400, 1, 201401 },
    { "weekly", 201400, -1, 201352 },
    { "weekly", 201652, 1, 201701 },    /* 2017 begins on a Sunday */
    { "weekly", 201701, -1, 201652 },
    { "weekly", 201752, 1, 201753 },
    { "weekly", 201753, 1, 201800 },
    { "weekly", 200000, 53, 200053 },   /* a Saturday and a leap year: 54 */
    { "weekly", 200053, 1, 200100 },
    { "weekly", 202353, -53, 202252 },
    { "weekly", 200000, 21213, 240000 },
    { "monthly", 202312, 1, 202401 },
    { "monthly", 202401, -13, 202212 },
    { "monthly", 202301, 1200, 212301 },
    { "yearly", 2023, 1, 2024 },
    { "yearly", 2023, -23, 2000 }
};


static const test_keep_t  test_keeps[] = {
    { "60", "7d", 10080 },
    { "60", "59", 1 },
    { "60", "61", 2 },
    { "1h", "1w", 168 },
    { "7d", "1y", 53 },
    { "daily", "7d", 7 },
    { "daily", "25h", 2 },
    { "weekly", "8d", 2 },
    { "monthly", "90d", 3 },
    { "monthly", "1y", 13 },
    { "yearly", "1y", 1 },
    { "1d", "daily", 1 },
    { "1h", "monthly", 744 },
    { "daily", "daily", 1 },
    { "daily", "weekly", 7 },
    { "daily", "monthly", 31 },
    { "daily", "yearly", 366 },
    { "weekly", "yearly", 53 },
    { "weekly", "monthly", 5 },
    { "monthly", "yearly", 12 },
    { "monthly", "monthly", 1 },
    { "yearly", "daily", 1 }
};


static const char *const  test_steps[] = {
    "1", "60", "7d", "11", "daily", "weekly", "monthly", "yearly"
};


int
main(void)
{
    int64_t  y2100;

    y2100 = torus_days_from_civil(2101, 1, 1) * 86400;

    test_parse();
    test_print();
    test_add();
    test_every_day();
    test_walk("daily", 0, y2100);
    test_walk("weekly", 0, y2100);
    test_walk("weekly", TORUS_TIME_MIN, TORUS_TIME_MAX);
    test_walk("monthly", TORUS_TIME_MIN, TORUS_TIME_MAX);
    test_walk("yearly", TORUS_TIME_MIN, TORUS_TIME_MAX);
    test_walk("11d", -950401, y2100);
    test_count();
    test_invalid();
    test_extremes();
    test_length();
    test_expire();
    test_keep();
    test_vectors("t/vectors/time.json", 0);
    test_vectors("t/vectors/time_weekly_upstream.json", 1);

    return done_testing();
}


static void
test_parse(void)
{
    int                  rc, kind;
    size_t               i;
    torus_step_t         step;
    torus_error_t        err;
    const test_parse_t  *t;

    for (i = 0; i < sizeof(test_parses) / sizeof(test_parses[0]); i++) {
        t = &test_parses[i];
        rc = torus_step_parse(torus_test_z(t->text), &step, &err);

        if (t->fault != NULL) {
            is_int(rc, TORUS_INVALID, "step %zu is a fault", i);
            like(err.text, t->fault, "and this is the reason");
            continue;
        }

        kind = t->seconds < 0 ? (int) -t->seconds : TORUS_STEP_SECONDS;

        is_int(rc, TORUS_OK, "step \"%s\"", t->text);
        is_int(step.kind, kind, "kind of \"%s\"", t->text);
        is_int(step.seconds, t->seconds < 0 ? 0 : t->seconds,
               "seconds of \"%s\"", t->text);
    }
}


static void
test_print(void)
{
    char          text[32];
    size_t        i, len;
    torus_step_t  step, again;

    for (i = 0; i < sizeof(test_steps) / sizeof(test_steps[0]); i++) {
        step = test_step(test_steps[i]);
        len = torus_step_print(text, &step);

        ok(torus_step_parse(torus_str(text, len), &again, NULL) == TORUS_OK
           && torus_step_eq(&step, &again),
           "\"%.*s\" reads back as %s", (int) len, text, test_steps[i]);
    }

    step = test_step("1d");
    again = test_step("daily");
    ok(!torus_step_eq(&step, &again), "1d and daily are not the same step");
    is_int(torus_step_nominal(&step), torus_step_nominal(&again),
           "but as long");
}


static void
test_add(void)
{
    size_t             i;
    torus_step_t       step;
    const test_add_t  *t;

    for (i = 0; i < sizeof(test_adds) / sizeof(test_adds[0]); i++) {
        t = &test_adds[i];
        step = test_step(t->step);

        is_int(torus_step_add(&step, t->bucket, t->n), t->sum,
               "%s %" PRId64 " plus %" PRId64, t->step, t->bucket, t->n);
        is_int(torus_step_add(&step, t->sum, -t->n), t->bucket, "and back");
    }
}


/*
 * Every day from 1970 to 2100, by three clocks: ours, the C library's and the
 * definition of a bucket: it starts at or before what is in it, and the next
 * one starts after.
 */
static void
test_every_day(void)
{
    size_t        i;
    int64_t       day, last, ts, b, year;
    unsigned      month, mday;
    torus_step_t  step;
    int           civil, own, inside, broken;

    static const char *const  names[] = { "daily", "weekly", "monthly",
                                          "yearly" };
    static const char *const  formats[] = { "%Y%m%d", "%Y%U", "%Y%m", "%Y" };

    civil = 0;
    last = torus_days_from_civil(2101, 1, 1);

    for (day = 0; day < last; day++) {
        torus_civil_from_days(day, &year, &month, &mday);
        civil += (torus_days_from_civil(year, month, mday) != day);
    }

    is_int(civil, 0, "days to dates and back, %d days", (int) last);

    for (i = 0; i < 4; i++) {
        own = 0;
        inside = 0;
        broken = 0;
        step = test_step(names[i]);

        for (day = 0; day < last; day++) {
            ts = day * 86400 + (day * 7919) % 86400;
            b = torus_step_bucket(&step, ts);

            broken += (b != test_strftime(ts, formats[i]));

            ts = torus_step_start(&step, b);
            own += (torus_step_bucket(&step, ts) != b
                    || !torus_step_valid(&step, b));

            ts = day * 86400;
            inside += (torus_step_start(&step, b) > ts
                       || torus_step_start(&step,
                                           torus_step_add(&step, b, 1)) <= ts);
        }

        is_int(broken, 0, "%s buckets are strftime's %s", names[i],
               formats[i]);
        is_int(own, 0, "%s: the start of a bucket is in it", names[i]);
        is_int(inside, 0, "%s: a day is before the next bucket", names[i]);
    }
}


/* Step by step over a range: no bucket twice, none left out, add is inverse */
static void
test_walk(const char *name, int64_t from, int64_t to)
{
    int           broken;
    int64_t       b, next, first, last, n, length;
    torus_step_t  step;

    n = 0;
    broken = 0;
    step = test_step(name);
    first = torus_step_bucket(&step, from);
    last = torus_step_bucket(&step, to);

    for (b = first; b != last; b = next) {
        next = torus_step_add(&step, b, 1);
        length = torus_step_length(&step, b);
        n++;

        if (next <= b
            || torus_step_add(&step, next, -1) != b
            || torus_step_add(&step, first, n) != next
            || torus_step_add(&step, next, -n) != first
            || torus_step_count(&step, first, next) != n + 1
            || torus_step_bucket(&step, torus_step_start(&step, next) - 1) != b
            || (b != first && torus_step_start(&step, b) + length
                              != torus_step_start(&step, next)))
        {
            if (broken++ < 5) {
                diag("%s %" PRId64 " and %" PRId64, name, b, next);
            }

            if (next <= b) {
                break;
            }
        }
    }

    is_int(broken, 0, "walk %s from %" PRId64 ", %" PRId64 " steps", name,
           first, n);
}


static void
test_count(void)
{
    torus_step_t  step;

    step = test_step("weekly");
    is_int(torus_step_count(&step, 201352, 201401), 3, "weeks over new year");
    is_int(torus_step_count(&step, 200000, 200053), 54,
           "2000 has 54 weekly buckets");
    is_int(torus_step_count(&step, 201401, 201352), 0, "last before first");

    step = test_step("daily");
    is_int(torus_step_count(&step, 20240101, 20241231), 366, "a leap year");

    step = test_step("60");
    is_int(torus_step_count(&step, -5, 5), 11, "over the epoch");
    is_int(torus_step_count(&step, 7, 7), 1, "one");
}


/* Bucket numbers come out of Redis keys: they may be anything. */
static void
test_invalid(void)
{
    size_t                  i;
    torus_step_t            step;
    static const test_add_t  bad[] = {
        { "daily", 20230229, 0, 20230228 },
        { "daily", 20231301, 0, 20231201 },
        { "daily", 20230100, 0, 20230101 },
        { "daily", 20230199, 0, 20230131 },
        { "daily", 0, 0, 10101 },
        { "daily", -20230101, 0, 10101 },
        { "daily", 100000101, 0, 99991231 },
        { "weekly", 201200, 0, 201201 },   /* begins on a Sunday: no 00 */
        { "weekly", 201353, 0, 201352 },
        { "weekly", 199, 0, 152 },
        { "weekly", 1000000, 0, 999952 },
        { "monthly", 202313, 0, 202312 },
        { "monthly", 202300, 0, 202301 },
        { "yearly", 0, 0, 1 },
        { "yearly", 10000, 0, 9999 }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        step = test_step(bad[i].step);

        ok(!torus_step_valid(&step, bad[i].bucket),
           "%s %" PRId64 " is no bucket", bad[i].step, bad[i].bucket);
        is_int(torus_step_add(&step, bad[i].bucket, 0), bad[i].sum,
               "the nearest is taken");
        ok(torus_step_valid(&step, bad[i].sum), "which is one");
    }

    step = test_step("60");
    ok(!torus_step_valid(&step, INT64_MAX), "beyond year 9999");
    ok(torus_step_valid(&step, -1), "before the epoch");
}


/* No input makes anything overflow; the sanitizers watch. */
static void
test_extremes(void)
{
    int               broken;
    size_t            i, j, k;
    int64_t           b, ts, n;
    torus_step_t      step;
    torus_interval_t  iv;

    static const int64_t  ends[] = {
        INT64_MIN, INT64_MIN + 1, TORUS_TIME_MIN - 1, TORUS_TIME_MIN, -1, 0, 1,
        99991231, TORUS_TIME_MAX, TORUS_TIME_MAX + 1, INT64_MAX - 1, INT64_MAX
    };

    static const char *const  steps[] = {
        "1", "60", "1y", "7900y", "daily", "weekly", "monthly", "yearly"
    };

    broken = 0;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        step = test_step(steps[i]);
        memset(&iv, 0, sizeof(iv));
        iv.step = step;

        for (j = 0; j < sizeof(ends) / sizeof(ends[0]); j++) {
            b = torus_step_bucket(&step, ends[j]);
            broken += !torus_step_valid(&step, b);

            ts = torus_step_start(&step, ends[j]);
            broken += (ts < TORUS_TIME_MIN || ts > TORUS_TIME_MAX);
            broken += (torus_step_length(&step, ends[j]) <= 0);

            for (k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
                b = torus_step_add(&step, ends[j], ends[k]);
                broken += !torus_step_valid(&step, b);

                n = torus_step_count(&step, ends[j], ends[k]);
                broken += (n < 0 || (n > 0 && j > k + 11));

                iv.steps = ends[k];
                ts = torus_interval_expire(&iv, ends[j]);
                broken += (ts < TORUS_TIME_MIN || ts > TORUS_TIME_MAX);

                if (torus_interval_expired(&iv, ends[j], INT64_MAX)) {
                    broken += (ends[k] <= 0);
                }
            }
        }
    }

    is_int(broken, 0, "the ends of int64 stay within years 1 to 9999");

    step = test_step("daily");
    is_int(torus_step_bucket(&step, INT64_MIN), 10101, "the first day");
    is_int(torus_step_bucket(&step, INT64_MAX), 99991231, "the last day");
    is_int(torus_step_add(&step, 99991231, 1), 99991231, "none after it");
    is_int(torus_step_length(&step, 99991231), 86400, "which is a day long");
}


static void
test_length(void)
{
    torus_step_t  step;

    step = test_step("weekly");
    is_int(torus_step_length(&step, 201400), 4 * 86400,
           "week 00 of 2014: Wednesday to Saturday");
    is_int(torus_step_length(&step, 201352), 3 * 86400,
           "week 52 of 2013: Sunday to Tuesday");
    is_int(torus_step_length(&step, 202301), 7 * 86400, "a whole week");

    step = test_step("monthly");
    is_int(torus_step_length(&step, 202402), 29 * 86400, "a leap February");

    step = test_step("yearly");
    is_int(torus_step_length(&step, 2024), 366 * 86400, "a leap year");
}


static void
test_expire(void)
{
    torus_interval_t  iv;

    memset(&iv, 0, sizeof(iv));

    iv.step = test_step("60");
    is_int(torus_interval_expire(&iv, 100), 0, "without steps: for ever");
    ok(!torus_interval_expired(&iv, 100, INT64_MAX), "never expired");

    iv.steps = 5;
    is_int(torus_interval_expire(&iv, 100), 106 * 60, "start of 100 + 5 + 1");
    ok(!torus_interval_expired(&iv, 100, 105 * 60 - 1), "the fifth from now");
    ok(torus_interval_expired(&iv, 100, 105 * 60), "the sixth");
    ok(!torus_interval_expired(&iv, 1000, 0), "the future is not expired");

    iv.step = test_step("monthly");
    iv.steps = 1;
    is_int(torus_interval_expire(&iv, 202401),
           torus_days_from_civil(2024, 3, 1) * 86400,
           "January, one step: 1 March, not 30 or 60 days");

    iv.step = test_step("weekly");
    iv.steps = 1;
    is_int(torus_interval_expire(&iv, 201352),
           torus_days_from_civil(2014, 1, 5) * 86400,
           "last week of 2013, one step: the Sunday after week 00");

    iv.step = test_step("yearly");
    iv.steps = INT64_MAX;
    is_int(torus_interval_expire(&iv, 2024),
           torus_days_from_civil(9999, 1, 1) * 86400,
           "steps beyond all years: the last there is");
    ok(!torus_interval_expired(&iv, 1, INT64_MAX), "and nothing is too old");
}


static void
test_keep(void)
{
    size_t        i;
    torus_step_t  step, keep;

    for (i = 0; i < sizeof(test_keeps) / sizeof(test_keeps[0]); i++) {
        step = test_step(test_keeps[i].step);
        keep = test_step(test_keeps[i].keep);

        is_int(torus_interval_keep(&step, &keep), test_keeps[i].steps,
               "keep %s in steps of %s", test_keeps[i].keep,
               test_keeps[i].step);
    }
}


static void
test_vectors(const char *path, int weekly)
{
    char     name[128];
    size_t   i;
    json_t  *root, *c, *step;

    root = torus_test_json(path);

    json_array_foreach(torus_test_cases(root), i, c) {
        step = json_object_get(c, "step");

        snprintf(name, sizeof(name), "%s %zu: %s %s", path + 10, i,
                 json_is_string(step) ? json_string_value(step) : "seconds",
                 json_string_value(torus_test_member(c, "fn")));

        test_vector(c, name, weekly);
    }

    json_decref(root);
}


/*
 * Departures:
 *   "3m"               ambiguous, a fault; the data is that of "3mon"
 *   a float timestamp  is floored, not truncated towards zero: -0.5 lies in
 *                      bucket -1
 *   weekly start       upstream's is 1 January plus weeks; here the Sunday,
 *                      or 1 January for week 00
 *   weekly + n         upstream adds n times 7 days, and so steps over the
 *                      half of a week that new year splits
 *   weekly size        upstream's follows its starts; here the sum of the
 *                      buckets' own lengths
 */
static void
test_vector(const json_t *c, const char *name, int weekly)
{
    char          text[32];
    json_t       *args, *result, *s;
    int64_t       ts, n, b, want;
    const char   *fn;
    torus_step_t  step;

    fn = json_string_value(torus_test_member(c, "fn"));
    args = torus_test_member(c, "args");
    result = json_object_get(c, "result");

    if (strcmp(fn, "resolve") == 0) {
        test_resolve(c, name);
        return;
    }

    s = torus_test_member(c, "step");

    if (json_is_integer(s)) {
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(s));
        step = test_step(text);

    } else if (strcmp(json_string_value(s), "3m") == 0) {
        step = test_step("3mon");

    } else {
        step = test_step(json_string_value(s));
    }

    if (strcmp(fn, "buckets") == 0) {
        test_buckets(&step, c, name, weekly);
        return;
    }

    if (strcmp(fn, "ttl") == 0) {
        test_ttl(&step, c, name);
        return;
    }

    if (strcmp(fn, "step_size") == 0 && json_array_size(args) == 0) {
        is_int(torus_step_nominal(&step), torus_test_integer(result), "%s",
               name);
        return;
    }

    want = torus_test_integer(result);
    ts = test_floor(json_array_get(args, 0));
    b = torus_step_bucket(&step, ts);
    n = 0;

    if (json_array_size(args) > 1) {
        n = torus_test_integer(json_array_get(args, 1));
    }

    if (strcmp(fn, "from_bucket") == 0) {
        b = torus_test_integer(json_array_get(args, 0));
        ts = torus_step_start(&step, b);

        if (!weekly) {
            is_int(ts, want, "%s", name);
            return;
        }

        if (!torus_step_valid(&step, b)) {
            ok(b % 100 == 0 || b % 100 == 53,
               "%s: the year has no such week, the next is taken", name);
            is_int(ts, torus_step_start(&step, torus_step_add(&step, b, 0)),
                   "%s: by start and add alike", name);
            return;
        }

        is_int(torus_step_bucket(&step, ts), b, "%s: round trip", name);
        ok(b % 100 == 0 || (ts / 86400 + 4) % 7 == 0, "%s: a Sunday", name);
        ok(llabs(ts - want) <= 7 * 86400, "%s: within a week", name);
        return;
    }

    if (strcmp(fn, "to_bucket") == 0) {

        if (ts < 0 && json_is_real(json_array_get(args, 0))) {
            is_int(b, want - 1, "%s: floored, not truncated", name);
            return;
        }

        if (weekly && n != 0) {
            /* the bucket n times 7 days on is n or a few new years further */
            b = torus_step_bucket(&step, ts + n * 7 * 86400);
        } else {
            b = torus_step_add(&step, b, n);
        }

        is_int(b, want, "%s", name);
        return;
    }

    if (strcmp(fn, "normalize") == 0) {
        b = weekly ? torus_step_bucket(&step, ts + n * 7 * 86400)
                   : torus_step_add(&step, b, n);
        ts = torus_step_start(&step, b);

        if (weekly) {
            ok(llabs(ts - want) <= 7 * 86400, "%s: within a week", name);
        } else {
            is_int(ts, want, "%s", name);
        }

        return;
    }

    /* step_size: from the start of the first to the end of the last bucket */

    if (strcmp(fn, "step_size") != 0) {
        bail_out("%s: an unknown function", name);
    }

    n = b;

    if (json_array_size(args) > 1) {
        n = torus_step_bucket(&step, test_floor(json_array_get(args, 1)));
    }

    ts = torus_step_start(&step, n) + torus_step_length(&step, n)
         - torus_step_start(&step, b);

    if (weekly) {
        /* from the start of first, so what is before it is within a week */
        want = test_floor(json_array_get(args, json_array_size(args) - 1));
        want -= torus_step_start(&step, b);

        ok(ts > want && ts <= want + 7 * 86400,
           "%s: up to the end of the last week", name);
    } else {
        is_int(ts, want, "%s", name);
    }
}


static void
test_resolve(const json_t *c, const char *name)
{
    int              rc;
    char             text[32];
    json_t          *arg, *result;
    torus_str_t      s;
    torus_step_t     step;
    torus_error_t    err;

    result = json_object_get(c, "result");
    arg = json_array_get(torus_test_member(c, "args"), 0);

    if (json_is_null(arg)) {
        ok(json_is_null(result), "%s: none; the schema says when", name);
        return;
    }

    if (json_is_string(arg)) {
        s = torus_test_string(arg);

    } else {
        snprintf(text, sizeof(text), "%" PRId64, torus_test_integer(arg));
        s = torus_test_z(text);
    }

    rc = torus_step_parse(s, &step, &err);

    if (torus_str_is(s, "3m") || torus_str_is(s, "0")) {
        is_int(rc, TORUS_INVALID, "%s: ambiguous or empty, a fault", name);

    } else if (torus_str_is(s, "30s") || torus_str_is(s, "5min")) {
        is_int(rc, TORUS_OK, "%s: new here", name);

    } else if (result == NULL) {
        is_int(rc, TORUS_INVALID, "%s: a fault there and here", name);

    } else if (json_is_string(result)) {
        is_int(rc, TORUS_OK, "%s", name);
        rc = (int) torus_step_print(text, &step);
        is_mem(text, (size_t) rc, json_string_value(result),
               json_string_length(result), "%s", name);

    } else {
        is_int(rc, TORUS_OK, "%s", name);
        is_int(step.seconds, torus_test_integer(result), "%s", name);
    }
}


static void
test_buckets(const torus_step_t *step, const json_t *c, const char *name,
    int weekly)
{
    int       broken, skipped;
    size_t    i;
    json_t   *args, *result;
    int64_t   b, last, n;

    args = torus_test_member(c, "args");
    result = torus_test_member(c, "result");

    b = torus_step_bucket(step, test_floor(json_array_get(args, 0)));
    last = torus_step_bucket(step, test_floor(json_array_get(args, 1)));

    broken = 0;
    skipped = 0;
    i = 0;

    for (n = torus_step_count(step, b, last); n > 0; n--) {

        if (i < json_array_size(result)
            && b == torus_test_integer(json_array_get(result, i)))
        {
            i++;

        } else if (weekly && (b % 100 == 0 || b == last || i == 0)) {
            /* upstream leaves out week 00, and ends that are half covered */
            skipped++;

        } else {
            broken++;
        }

        b = torus_step_add(step, b, 1);
    }

    is_int(broken, 0, "%s", name);
    is_int((int64_t) i, (int64_t) json_array_size(result), "%s: all", name);
    ok(skipped <= 2 * weekly, "%s: at most week 00 and an end more", name);
}


static void
test_ttl(const torus_step_t *step, const json_t *c, const char *name)
{
    double            now, ttl;
    json_t           *args, *steps, *result;
    int64_t           ts, b, expire;
    torus_interval_t  iv;

    args = torus_test_member(c, "args");
    steps = json_array_get(args, 0);
    result = torus_test_member(c, "result");

    memset(&iv, 0, sizeof(iv));
    iv.step = *step;
    iv.steps = json_is_null(steps) ? 0 : torus_test_integer(steps);

    if (json_is_null(result)) {
        is_int(torus_interval_expire(&iv, 1000), 0, "%s: for ever", name);
        return;
    }

    now = json_number_value(torus_test_member(c, "now"));
    ttl = json_number_value(result);

    /* a relative time of 0 counts as absent there, and is never asked here */

    ts = (json_array_size(args) > 1) ? test_floor(json_array_get(args, 1)) : 0;

    if (ts == 0) {
        ts = (int64_t) floor(now);
    }

    b = torus_step_bucket(step, ts);

    is_int(torus_interval_expired(&iv, b, (int64_t) floor(now)), ttl == 0,
           "%s: too old <=> ttl is 0", name);

    if (ttl == 0) {
        return;
    }

    expire = torus_interval_expire(&iv, b);

    is_int(expire, torus_step_start(step, torus_step_add(step, b,
                                                         iv.steps + 1)),
           "%s: the start of bucket + steps + 1", name);

    if (step->kind == TORUS_STEP_SECONDS) {
        ok((double) expire >= floor(now) + ttl,
           "%s: never before the original's", name);
        ok((double) expire <= floor(now) + ttl + (double) step->seconds,
           "%s: at most a step after", name);
    }
}


static int64_t
test_floor(const json_t *number)
{
    return (int64_t) floor(json_number_value(number));
}


/* The C library's idea of a bucket. */
static int64_t
test_strftime(int64_t ts, const char *format)
{
    char       text[32];
    time_t     t;
    struct tm  tm;

    t = (time_t) ts;

    if (gmtime_r(&t, &tm) == NULL
        || strftime(text, sizeof(text), format, &tm) == 0)
    {
        bail_out("strftime() failed");
    }

    return strtoll(text, NULL, 10);
}


static torus_step_t
test_step(const char *text)
{
    torus_step_t   step;
    torus_error_t  err;

    if (torus_step_parse(torus_test_z(text), &step, &err) != TORUS_OK) {
        bail_out("step \"%s\" %s", text, err.text);
    }

    return step;
}
