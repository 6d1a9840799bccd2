/*
 * Keys of the kairos layout: composed as kairos 0.10 has them, and read back
 * from their right end, whatever the name in front looks like.
 */

#include "torus_layout.h"
#include "torus_test.h"


enum {
    MINUTE, HOUR, DAY, MONTH, WEEK, ODD, NIGHT, NINTERVALS
};


static torus_interval_t  intervals[NINTERVALS];
static torus_schema_t    schema;


static void
interval(int i, const char *name, const char *step, const char *resolution)
{
    torus_error_t      err;
    torus_interval_t  *iv;

    iv = &intervals[i];
    iv->name = torus_str(name, strlen(name));

    if (torus_step_parse(torus_str(step, strlen(step)), &iv->step, &err)
        != TORUS_OK
        || torus_step_parse(torus_str(resolution, strlen(resolution)),
                            &iv->resolution, &err)
           != TORUS_OK)
    {
        bail_out("a step is not understood: %s", err.text);
    }

    iv->coarse = torus_step_eq(&iv->step, &iv->resolution);
    iv->packed = 0;
}


static void
set_up(const char *prefix)
{
    interval(MINUTE, "minute", "60", "60");
    interval(HOUR, "hour", "1h", "60");
    interval(DAY, "day", "daily", "daily");
    interval(MONTH, "month", "monthly", "daily");
    interval(WEEK, "week", "weekly", "daily");
    interval(ODD, "odd", "300", "70");
    interval(NIGHT, "1", "10", "10");

    memset(&schema, 0, sizeof(schema));

    schema.prefix = torus_str(prefix, strlen(prefix));
    schema.intervals = intervals;
    schema.nintervals = NINTERVALS;
}


static torus_str_t
compose(unsigned char *dst, const char *stat, int i, int64_t bucket)
{
    char  stem[256];

    snprintf(stem, sizeof(stem), "%.*s%s:", torus_fmt(schema.prefix), stat);

    return torus_str(dst, torus_layout_key(dst, torus_str(stem, strlen(stem)),
                                           &intervals[i], bucket));
}


static void
test_compose(void)
{
    unsigned char  dst[512];
    torus_str_t    key;

    set_up("");

    key = compose(dst, "app.hits", MINUTE, 28333333);
    is_str(key, "app.hits:minute:28333333", "a bucket's key");

    key = compose(dst, "app.hits", HOUR, 472222);
    key.len = torus_layout_subkey(dst, key.len, 28333333);
    is_str(key, "app.hits:hour:472222:28333333", "a resolution bucket's key");

    key = compose(dst, "a", MINUTE, -1);
    is_str(key, "a:minute:-1", "a bucket before the epoch");

    set_up("pfx:");

    key = compose(dst, "app.hits", DAY, 20240229);
    is_str(key, "pfx:app.hits:day:20240229", "with a prefix");

    ok(sizeof("minute") - 1 + TORUS_LAYOUT_EXTRA
       >= sizeof("minute:-9223372036854775808:-9223372036854775808") - 1,
       "there is room for any two numbers");
}


/* Whatever a schema writes is read back, over forty years of buckets. */
static void
test_round_trip(const char *prefix, const char *stat)
{
    int                  i, good;
    int64_t              ts, bucket, sub;
    torus_str_t          key;
    unsigned char        dst[512];
    torus_layout_key_t   parsed;

    set_up(prefix);

    for (i = 0; i < NINTERVALS; i++) {
        good = 1;

        for (ts = -86400; ts < 1262304000; ts += 1234567) {
            bucket = torus_step_bucket(&intervals[i].step, ts);
            key = compose(dst, stat, i, bucket);

            good &= torus_layout_parse(&schema, key, &parsed) == TORUS_OK
                    && torus_str_is(parsed.stat, stat)
                    && parsed.interval == &intervals[i]
                    && parsed.bucket == bucket
                    && !parsed.has_sub;

            if (intervals[i].coarse) {
                continue;
            }

            sub = torus_step_bucket(&intervals[i].resolution, ts);
            key.len = torus_layout_subkey(dst, key.len, sub);

            good &= torus_layout_parse(&schema, key, &parsed) == TORUS_OK
                    && torus_str_is(parsed.stat, stat)
                    && parsed.interval == &intervals[i]
                    && parsed.bucket == bucket
                    && parsed.has_sub
                    && parsed.sub == sub;
        }

        ok(good, "\"%s\" under \"%s\", interval %.*s", stat, prefix,
           torus_fmt(intervals[i].name));
    }
}


/* Each second has a place, the next one where its resolution bucket ends. */
static void
test_places(void)
{
    int                    i, good;
    size_t                 len;
    int64_t                ts, bucket, sub, place, last, other, n;
    torus_str_t            value;
    unsigned char          text[TORUS_NUMBER_SIZE + 2];
    torus_layout_places_t  places;

    set_up("");

    for (i = HOUR; i < NINTERVALS; i++) {

        if (intervals[i].coarse) {
            continue;
        }

        good = 1;
        last = 0;
        n = 0;
        other = 0;

        for (ts = 1703462400 - 7; ts < 1709251200; ts += 601) {
            bucket = torus_step_bucket(&intervals[i].step, ts);
            sub = torus_step_bucket(&intervals[i].resolution, ts);

            torus_layout_places(&places, &intervals[i], bucket);

            len = torus_layout_place(text, &intervals[i], bucket, sub);
            good &= torus_layout_placed(torus_str(text, len), &place, NULL)
                    == TORUS_OK
                    && place >= 0 && place < places.n
                    && torus_step_add(&intervals[i].resolution, places.first,
                                      place) == sub;

            text[len] = ':';
            good &= torus_layout_placed(torus_str(text, len + 1), &place,
                                        &value) == TORUS_OK
                    && value.len == 0;

            if (n++ != 0 && bucket == other) {
                good &= place >= last;
            }

            other = bucket;
            last = place;
        }

        ok(good, "places of interval %.*s", torus_fmt(intervals[i].name));
    }

    torus_layout_places(&places, &intervals[HOUR], 472222);
    is_int(places.n, 60, "an hour by the minute has 60");
    is_int(places.first, 28333320, "from its first minute on");

    torus_layout_places(&places, &intervals[MONTH], 202402);
    is_int(places.n, 29, "a month has as many as it has days");
    is_int(places.first, 20240201, "from the first on");

    torus_layout_places(&places, &intervals[ODD], 1);
    is_int(places.n, 5, "300 seconds touch five times 70, or six");
    is_int(places.first, 4, "the first began before them");

    torus_layout_places(&places, &intervals[HOUR], -1);
    is_int(places.n, 60, "before the epoch as well");
    is_int(places.first, -60, "in order of time");
}


static void
placed(const char *text, int valued, int64_t expected, const char *rest)
{
    int          rc;
    int64_t      place;
    torus_str_t  value;

    value = torus_str("", 0);

    rc = torus_layout_placed(torus_str(text, strlen(text)), &place,
                             valued ? &value : NULL);

    if (expected < 0) {
        is_int(rc, TORUS_DECLINED, "\"%s\" has no place", text);
        return;
    }

    is_int(rc, TORUS_OK, "\"%s\" has a place", text);
    is_int(place, expected, ".. it is read");
    is_str(value, rest, ".. and what follows");
}


static void
test_placed(void)
{
    placed("0", 0, 0, "");
    placed("59", 0, 59, "");
    placed("", 0, -1, "");
    placed("00", 0, -1, "");
    placed("07", 0, -1, "");
    placed("-1", 0, -1, "");
    placed("+1", 0, -1, "");
    placed("1 ", 0, -1, "");
    placed("1:", 0, -1, "");
    placed("1:2", 0, -1, "");
    placed("999999999999999999999", 0, -1, "");
    placed("99999999999999999", 0, 99999999999999999, "");

    placed("0:1.5", 1, 0, "1.5");
    placed("59:", 1, 59, "");
    placed("3:a:b", 1, 3, "a:b");
    placed("3", 1, -1, "");
    placed(":3", 1, -1, "");
    placed("03:3", 1, -1, "");
    placed("x:3", 1, -1, "");
}


/* All of a packed interval is in its interval keys. */
static void
test_packed(void)
{
    torus_layout_key_t  parsed;

    set_up("");
    intervals[HOUR].packed = 1;

    ok(!torus_layout_subkeys(&intervals[HOUR]), "no keys below");
    ok(torus_layout_subkeys(&intervals[MONTH]), "but of the others");
    ok(!torus_layout_subkeys(&intervals[MINUTE]), "which have a resolution");

    is_int(torus_layout_parse(&schema, torus_str("a:hour:472222", 13),
                              &parsed),
           TORUS_OK, "the interval key");
    ok(!parsed.has_sub && parsed.bucket == 472222, "with its bucket");
    is_int(torus_layout_parse(&schema, torus_str("a:hour:472222:28333333",
                                                 22), &parsed),
           TORUS_DECLINED, "one below it is somebody else's");

    intervals[HOUR].packed = 0;
}


/* stat NULL: not ours to read */
static void
check(const char *key, const char *stat, int i, int64_t bucket, int has_sub,
    int64_t sub)
{
    int                 rc;
    torus_layout_key_t  parsed;

    rc = torus_layout_parse(&schema, torus_str(key, strlen(key)), &parsed);

    if (stat == NULL) {
        is_int(rc, TORUS_DECLINED, "\"%s\" is no key of this schema", key);
        return;
    }

    if (!is_int(rc, TORUS_OK, "\"%s\" is a key", key)) {
        return;
    }

    is_str(parsed.stat, stat, "... of \"%s\"", stat);
    ok(parsed.interval == &intervals[i] && parsed.bucket == bucket,
       "... its interval and bucket");
    ok(parsed.has_sub == (unsigned) has_sub && parsed.sub == sub,
       "... its resolution bucket");
}


static void
test_parse(void)
{
    set_up("");

    check("a:minute:5", "a", MINUTE, 5, 0, 0);
    check("a:b:minute:5", "a:b", MINUTE, 5, 0, 0);
    check("a:minute:5:minute:6", "a:minute:5", MINUTE, 6, 0, 0);
    check(":minute:5", NULL, 0, 0, 0, 0);
    check("minute:5", NULL, 0, 0, 0, 0);
    check("5", NULL, 0, 0, 0, 0);
    check("", NULL, 0, 0, 0, 0);
    check("::", NULL, 0, 0, 0, 0);

    check("a:second:5", NULL, 0, 0, 0, 0);
    check("a:minut:5", NULL, 0, 0, 0, 0);
    check("a:minute:", NULL, 0, 0, 0, 0);
    check("a:minute:05", NULL, 0, 0, 0, 0);
    check("a:minute:-0", NULL, 0, 0, 0, 0);
    check("a:minute:-", NULL, 0, 0, 0, 0);
    check("a:minute:+5", NULL, 0, 0, 0, 0);
    check("a:minute:5x", NULL, 0, 0, 0, 0);
    check("a:minute:5 ", NULL, 0, 0, 0, 0);
    check("a:minute:0", "a", MINUTE, 0, 0, 0);
    check("a:minute:9223372036854775807", NULL, 0, 0, 0, 0);
    check("a:minute:99999999999999999999", NULL, 0, 0, 0, 0);

    /* only dates there are */
    check("a:day:20240229", "a", DAY, 20240229, 0, 0);
    check("a:day:20230229", NULL, 0, 0, 0, 0);
    check("a:day:5", NULL, 0, 0, 0, 0);

    /* a coarse interval has no resolution buckets */
    check("a:minute:5:6", NULL, 0, 0, 0, 0);

    /* the resolution bucket lies in the bucket, or is none */
    check("a:hour:2", "a", HOUR, 2, 0, 0);
    check("a:hour:2:120", "a", HOUR, 2, 1, 120);
    check("a:hour:2:179", "a", HOUR, 2, 1, 179);
    check("a:hour:2:180", NULL, 0, 0, 0, 0);
    check("a:hour:2:119", NULL, 0, 0, 0, 0);
    check("a:month:202402:20240229", "a", MONTH, 202402, 1, 20240229);
    check("a:month:202402:20240301", NULL, 0, 0, 0, 0);

    /* 70 does not divide 300: 280 to 349 is in both of two buckets */
    check("a:odd:0:4", "a", ODD, 0, 1, 4);
    check("a:odd:1:4", "a", ODD, 1, 1, 4);
    check("a:odd:2:7", NULL, 0, 0, 0, 0);
    check("a:odd:0:5", NULL, 0, 0, 0, 0);

    /* an interval may be called by a number */
    check("a:1:5", "a", NIGHT, 5, 0, 0);
    check("a:hour:1:60", "a", HOUR, 1, 1, 60);
    check("a:hour:1:5", "a:hour", NIGHT, 5, 0, 0);
    check("a:minute:1:5", "a:minute", NIGHT, 5, 0, 0);
}


static void
test_prefix(void)
{
    set_up("p:q:");

    check("p:q:a:minute:5", "a", MINUTE, 5, 0, 0);
    check("p:a:minute:5", NULL, 0, 0, 0, 0);
    check("p:q:minute:5", NULL, 0, 0, 0, 0);
    check("p:q", NULL, 0, 0, 0, 0);
    check("x:q:a:minute:5", NULL, 0, 0, 0, 0);
}


/* What a stat can be called must not hide it, nor show our own keys. */
static void
test_own(void)
{
    set_up("");

    check("torus:writer:0123456789abcdef0123456789abcdef", NULL, 0, 0, 0, 0);
    check("torus:writer:12345678901234567890123456789012", NULL, 0, 0, 0, 0);
    check("torus:writer:minute:5", NULL, 0, 0, 0, 0);
    check("torus:minute:5", "torus", MINUTE, 5, 0, 0);
    check("torus:hour:2:120", "torus", HOUR, 2, 1, 120);
    check("torus.x:minute:5", "torus.x", MINUTE, 5, 0, 0);

    set_up("torus:");

    check("torus:a:minute:5", "a", MINUTE, 5, 0, 0);
    check("torus:writer:0123456789abcdef0123456789abcdef", NULL, 0, 0, 0, 0);
}


int
main(void)
{
    test_compose();

    test_round_trip("", "app.hits");
    test_round_trip("p:", "a:minute:123");
    test_round_trip("p:q:", "1:2:3");
    test_round_trip("", "hour:472222");
    test_round_trip("", "caf\xc3\xa9 x;tag=v");
    test_round_trip("torus:", "writer");

    test_places();
    test_placed();
    test_packed();
    test_parse();
    test_prefix();
    test_own();

    return done_testing();
}
