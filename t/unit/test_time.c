/*
 * Points in time: the table of Graphite's at-style, the original's words
 * (parse_time.json), ISO dates, time zones against the C library's, and that
 * nothing broken gets past the parser or the reader of zone files.
 */

#define _POSIX_C_SOURCE  200809L    /* setenv(), localtime_r() */
#define _DEFAULT_SOURCE             /* tm_gmtoff */

#include "torus_test.h"
#include "torus_time.h"
#include "torus_interval.h"

#include <time.h>


#define TEST_NOW  1700000000    /* 2023-11-14 22:13:20 UTC, a Tuesday */


typedef struct {
    const char  *text;
    int64_t      ts;
    const char  *why;
} test_time_t;

typedef struct {
    const char  *text;
    int64_t      ts;       /* TEST_FAULT: refused */
    const char  *why;
} test_departure_t;

#define TEST_FAULT  INT64_MIN


static void test_graphite(void);
static void test_ours(void);
static void test_faults(void);
static void test_unsigned(void);
static void test_extremes(void);
static void test_vectors(void);
static int test_words_at_nine(const char *text);
static int64_t test_departure(const char *text, int64_t now, int *found);
static void test_zone_names(void);
static void test_zone_made(void);
static void test_zone_parse(void);
static void test_zone_south(void);
static void test_zone_posix(void);
static void test_zone_broken(void);
static void test_zone_system(void);
static void test_zone_random(void);
static int test_zone(torus_arena_t *arena, const char *tail, torus_tz_t *tz);
static size_t test_tzif(unsigned char *dst, const char *tail);
static size_t test_put(unsigned char *dst, uint64_t n, size_t width);
static void *test_read(const char *path, size_t *len);
static int64_t test_parse(const char *text, int64_t now, const torus_tz_t *tz);
static uint64_t test_random(uint64_t *seed);


/* Graphite's table, as its documentation and a run of it have them. */
static const test_time_t  test_graphites[] = {
    { "-1h30min",         1699994600, NULL },
    { "midnight-1d",      1699833600, NULL },
    { "now+5min",         1700000300, NULL },
    { "noon yesterday",   1699876800, NULL },
    { "-2weeks",          1698790400, NULL },
    { "teatime",          1699977600, NULL },
    { "-1mon",            1697408000, NULL },
    { "6pm+2h",           1699992000, NULL },
    { "-1y",              1668464000, NULL },
    { "1:05pm",           1699967100, NULL },
    { "20231101",         1698796800, NULL },
    { "13:37_20231101",   1698845820, NULL },
    { "11/01/23",         1698796800, NULL },
    { "04:00_11/01/2023", 1698811200, NULL },
    { "jan8",             1673136000, NULL },
    { "wed",              1699401600, NULL },
    { "monday-1w",        1699228800, NULL },
    { "-10",              TEST_FAULT, "no unit" },
    { "5min",             TEST_FAULT, "no sign" },

    /* beyond the table: how Graphite's code has it */
    { "now",              1700000000, NULL },
    { "noonyesterday",    1699876800, "blanks mean nothing" },
    { "NOON_Yesterday",   1699876800, "case neither" },
    { "midnight_tomorrow", 1700006400, NULL },
    { "6pm_today",        1699984800, NULL },
    { "8:50 20231101",    1698828600, NULL },
    { "tuesday",          1699920000, "today counts" },
    { "november 14",      1699920000, NULL },
    { "+90s",             1700000090, NULL },
    { "-1d12h",           1699870400, NULL },
    { "today+3h",         1699930800, NULL },
    { "12345678",         12345678, "eight digits that are no date" },
    { "19000101",         19000101, "1900 is not above 1900" },
    { "20231301",         20231301, "there is no month 13" },
    { "1/2/70",           86400, "two digits, last century" }
};


/* Graphite does not see what is blank, wherever it is. */
static const test_time_t  test_blanks[] = {
    { "t_eatime",         1699977600, "in a word" },
    { "ma y18",           1684368000, "of a date" },
    { "13:37_2023,11 01", 1698845820, "in a number" },
    { "-3 0min",          1699998200, "of a span" },
    { " ",                1700000000, "nothing is now" }
};


static const test_time_t  test_our[] = {
    { "-5m",              1699999700, "m is minutes" },
    { "-1h5m",            1699996100, "in a row too" },
    { "-1h 5m",           1699996100, "with blanks" },
    { "-1d 10:00",        1699869600, "a time of day behind the offset" },
    { "now-1h+5min",      1699996700, "two offsets" },
    { "12am",             1699920000, "is 0 o'clock" },
    { "12pm",             1699963200, "is noon" },
    { "12:30am",          1699921800, "half past midnight" },
    { "12:30 PM",         1699965000, "half past noon" },
    { "0:30",             1699921800, NULL },
    { "23:59:59",         1700006399, "with seconds" },
    { "0",                0, "the epoch" },
    { "0.999",            0, "fractions are rounded down" },
    { "1700000000.999",   1700000000, "here too" },
    { " 1700000000 ",     1700000000, "blanks around" },
    { "1e9",              1000000000, "with an exponent" },
    { "2023-11-01",       1698796800, "ISO date" },
    { "2023-11-01 10:00", 1698832800, "and time" },
    { "2023-11-01T10:00", 1698832800, "with a T" },
    { "2023-11-01T10:00:30", 1698832830, "and seconds" },
    { "2023-11-01T10:00:00Z", 1698832800, "RFC 3339" },
    { "2023-11-01t10:00:00z", 1698832800, "in small letters" },
    { "2023-11-01T10:00:00.999Z", 1698832800, "a fraction, rounded down" },
    { "2023-11-01T10:00:00+01:00", 1698829200, "east" },
    { "2023-11-01T10:00:00-05:30", 1698852600, "west" },
    { "2023-11-01 10:00 +0100", 1698829200, "without the colon" },
    { "2023-11-01T10:00:00-10", 1698868800, "hours only" },
    { "2023-11-01T10:00:00-10h", 1698796800, "with a unit it is an offset" },
    { "2023-11-01 10:00 UTC", 1698832800, "a zone by name" },
    { "2023-11-01-1d",    1698710400, "a date and an offset" },
    { "2016-12-31T23:59:60Z", 1483228800, "a leap second" },
    { "0001-01-01",       TORUS_TIME_MIN, "the first second" },
    { "9999-12-31T23:59:59Z", TORUS_TIME_MAX, "the last second" },
    { "1969-12-31T23:59:59Z", -1, "before the epoch" },
    { "2000-02-29",       951782400, "a leap day" },
    { "today",            1699920000, "midnight" },
    { "yesterday",        1699833600, NULL },
    { "tomorrow",         1700006400, NULL },
    { "noon tomorrow",    1700049600, NULL },
    { "today at noon",    1699963200, NULL },
    { "yesterday at 5pm", 1699894800, NULL },
    { "5 days ago",       1699568000, NULL },
    { "5daysago",         1699568000, "without blanks" },
    { "1 hour 30 minutes ago", 1699994600, "two spans, one ago" },
    { "1 hour, 30 minutes ago", 1699994600, "with a comma" },
    { "1 year 2 months ago", 1663193600, "calendar: 14 September 2022" },
    { "1 month ago",      1697321600, "calendar: 14 October" },
    { "twelve hours ago", 1699956800, "in words" },
    { "yesterday 2 hours ago", 1699826400, "from a day on" },
    { "last week",        1699315200, "7 days ago, midnight" },
    { "next week",        1700524800, NULL },
    { "last month",       1696118400, "its first" },
    { "next month",       1701388800, NULL },
    { "last year",        1640995200, NULL },
    { "next year",        1704067200, NULL },
    { "last monday",      1699833600, "yesterday" },
    { "last tuesday",     1699315200, "today does not count" },
    { "last mon",         1699833600, "not a month" },
    { "next friday",      1700784000, "that of next week" },
    { "next sunday",      1700956800, "weeks begin on Monday here" },
    { "noon last friday", 1699617600, NULL },
    { "1 nov 2023",       1698796800, NULL },
    { "Nov 1 2023 10:00", 1698832800, NULL },
    { "nov 1 10:00",      1698832800, "a time, not a year" },
    { "1 november",       1698796800, "of this year" },
    { "november 1, 2023", 1698796800, NULL },
    { "10:00 sept 30 2021", 1632996000, NULL }
};


static const char *const  test_fault[] = {
    "", " ", "_", ",", "garbage", "foo bar", "days ago", "week ago", "ago",
    "last", "next", "last time", "next 5", "this", "this week", "at", "in",
    "in noon", "from now", "5 days from", "from", "noon noon", "today monday",
    "today 20231101", "10:00 11:00", "now noon", "now today", "-", "+", "--1h",
    "-1", "-10", "+10", "-5x", "-1h5", "1h ago ago", "-1h ago",
    "in 5 days ago", "in in 5 days", "3 fortnights ago", "0x10", "nan", "inf",
    "1e400", "1700000000000", "99999999999999999999", "20230231",
    "20230001", "20230100", "2023-13-01", "2023-02-29", "2023-11-31",
    "2023-11-1", "2023-11", "2023-11-011", "2023-11-01T", "2023-11-01T1",
    "2023-11-01T10", "2023-11-01T10:0", "2023-11-01T10:00:0",
    "2023-11-01T24:00", "2023-11-01T10:60", "2023-11-01T10:00:61",
    "2023-11-01T10:00:00+25:00", "2023-11-01T10:00:00+01:60",
    "2023-11-01T10:00:00ZZ", "2023-11-01Z", "2023-11-01+01:00", "0000-01-01",
    "11/31/23", "13/01/23", "0/1/23", "1/0/23", "11/01", "11/01/", "11/01/2",
    "11/01/202", "11//23", "jan", "jan 32", "jan 0", "feb 30", "jan 008",
    "nov 2023", "13pm", "0am", "0:30pm", "24:00", "1:5", "1:", ":30",
    "999999999999 days ago", "99999999y", "999999999 years ago", "-99999y",
    "nowish", "yesterdays", "\x80", "now\n", "1700000000\r\n", "+1700000000",
    "-1700000000", "1,700,000,000 ", "1.5.5", "1..5", "today;", "today at",
    "5 5 days", "a", "an", "a ago", "z", "noon z z"
};


/*
 * Where we depart from parse_time.json, beside the hour of words and dates:
 * for now = 1700000000 and 1709208000.25 alike.
 */
static const test_departure_t  test_departures[] = {
    { "monday", 0, "Graphite's: the latest, not the next" },
    { "-5", TEST_FAULT, "a number without a unit; there are no points "
      "before the epoch" },
    { "end of day", TEST_FAULT, "means 17:00 to the original, midnight to "
      "others" },
    { "eod", TEST_FAULT, "the same" },
    { "eom", TEST_FAULT, "the same" },
    { "this week", TEST_FAULT, "its end to the original, its beginning to "
      "others" },
    { "this month", TEST_FAULT, "the same" },
    { "nan", TEST_FAULT, "no time" },
    { "inf", TEST_FAULT, "no time" }
};


int
main(void)
{
    test_graphite();
    test_ours();
    test_faults();
    test_unsigned();
    test_extremes();
    test_vectors();
    test_zone_names();
    test_zone_made();
    test_zone_parse();
    test_zone_south();
    test_zone_posix();
    test_zone_broken();
    test_zone_system();
    test_zone_random();

    return done_testing();
}


static void
test_graphite(void)
{
    int                 rc;
    size_t              i;
    int64_t             ts;
    torus_error_t       err;
    const test_time_t  *t;

    for (i = 0; i < sizeof(test_graphites) / sizeof(test_graphites[0]); i++) {
        t = &test_graphites[i];
        rc = torus_time_parse_graphite(torus_test_z(t->text), TEST_NOW, NULL,
                                       &ts, &err);

        if (t->ts == TEST_FAULT) {
            is_int(rc, TORUS_INVALID, "Graphite: \"%s\" is refused: %s",
                   t->text, t->why);
            continue;
        }

        is_int(rc == TORUS_OK ? ts : TEST_FAULT, t->ts, "Graphite: \"%s\" %s",
               t->text, t->why == NULL ? "" : t->why);

        is_int(test_parse(t->text, TEST_NOW, NULL), t->ts,
               "and so for everybody");
    }

    for (i = 0; i < sizeof(test_blanks) / sizeof(test_blanks[0]); i++) {
        t = &test_blanks[i];
        rc = torus_time_parse_graphite(torus_test_z(t->text), TEST_NOW, NULL,
                                       &ts, &err);
        is_int(rc == TORUS_OK ? ts : TEST_FAULT, t->ts, "Graphite: \"%s\" %s",
               t->text, t->why);
        is_int(test_parse(t->text, TEST_NOW, NULL), TEST_FAULT,
               "for nobody else");
    }
}


static void
test_ours(void)
{
    size_t              i;
    const test_time_t  *t;

    for (i = 0; i < sizeof(test_our) / sizeof(test_our[0]); i++) {
        t = &test_our[i];

        is_int(test_parse(t->text, TEST_NOW, NULL), t->ts, "\"%s\" %s",
               t->text, t->why == NULL ? "" : t->why);
    }
}


static void
test_faults(void)
{
    size_t         i;
    int64_t        ts;
    torus_error_t  err;

    for (i = 0; i < sizeof(test_fault) / sizeof(test_fault[0]); i++) {
        ts = 42;
        err.len = 0;

        if (torus_time_parse(torus_test_z(test_fault[i]), TEST_NOW, NULL, &ts,
                             &err)
            != TORUS_INVALID || err.len == 0 || ts != 42)
        {
            fail("\"%s\" is no time, got %" PRId64, test_fault[i], ts);
        }
    }

    pass("%zu texts that are no times", i);

    torus_time_parse(torus_test_z("yestreday\n"), TEST_NOW, NULL, &ts, &err);
    like(err.text, "must be a time", "the reason follows an argument's name");
    like(err.text, "not \"yestreday\\x0A\"", "and quotes what was sent");

    torus_time_parse(torus_test_z("-10"), TEST_NOW, NULL, &ts, &err);
    is_cstr(err.text, "has a number without a unit: \"-10\"", "a unit missing");

    torus_time_parse(torus_test_z("1700000000000"), TEST_NOW, NULL, &ts, &err);
    like(err.text, "milliseconds?", "milliseconds are guessed");

    torus_time_parse(torus_test_z("2023-02-29"), TEST_NOW, NULL, &ts, &err);
    like(err.text, "date that there is not", "no such date");

    is_int(torus_time_parse(torus_str("now\0", 4), TEST_NOW, NULL, &ts, NULL),
           TORUS_INVALID, "a zero byte is no end, and err may be NULL");
}


/* A span alone is to come; Graphite refuses it rather. */
static void
test_unsigned(void)
{
    size_t                    i;
    int64_t                   ts;
    const char               *text;
    torus_error_t             err;
    static const test_time_t  spans[] = {
        { "1h", 1700003600, NULL },
        { "5m", 1700000300, NULL },
        { "5 days", 1700432000, NULL },
        { "1h30min", 1700005400, NULL },
        { "a week", 1700604800, NULL }
    };

    for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        text = spans[i].text;

        is_int(test_parse(text, TEST_NOW, NULL), spans[i].ts,
               "from now: %s", text);

        is_int(torus_time_parse_graphite(torus_str(text, strlen(text)),
                                         TEST_NOW, NULL, &ts, &err),
               TORUS_INVALID, "nothing to Graphite: %s", text);
    }

    is_int(torus_time_parse_graphite(torus_test_z("5 days ago"), TEST_NOW,
                                     NULL, &ts, &err),
           TORUS_OK, "words are for all endpoints");
    is_int(ts, 1699568000, "with the same meaning");
}


static void
test_extremes(void)
{
    size_t  i;
    char    text[300];

    is_int(test_parse("now", INT64_MIN, NULL), TORUS_TIME_MIN,
           "now is brought into range");
    is_int(test_parse("now", INT64_MAX, NULL), TORUS_TIME_MAX, "at both ends");
    is_int(test_parse("-1s", INT64_MIN, NULL), TEST_FAULT, "none before");
    is_int(test_parse("+1s", INT64_MAX, NULL), TEST_FAULT, "none after");
    is_int(test_parse("1 month ago", INT64_MIN, NULL), TEST_FAULT,
           "nor a month before");
    is_int(test_parse("in 1 month", INT64_MAX, NULL), TEST_FAULT,
           "nor a month after");

    memset(text, '-', sizeof(text));

    for (i = 0; i + 11 <= 256; i += 11) {
        memcpy(text + i, "+999999999y", 11);
    }

    text[i] = '\0';
    is_int(test_parse(text, TEST_NOW, NULL), TEST_FAULT,
           "a row of the longest spans does not overflow");

    memset(text, ' ', sizeof(text));
    memcpy(text, "now", 4);
    text[3] = ' ';
    text[256] = '\0';
    is_int(test_parse(text, TEST_NOW, NULL), TEST_NOW, "256 bytes are read");

    text[256] = ' ';
    text[257] = '\0';
    is_int(test_parse(text, TEST_NOW, NULL), TEST_FAULT, "257 are not");
}


/*
 * parse_time.json.  Departures: test_departures, and
 *   words of days      09:00 there, midnight here
 *   dates              at the time of day of now (or 09:00) there, midnight
 *                      here
 *   fractions          are rounded down
 */
static void
test_vectors(void)
{
    int            found;
    char           name[96];
    size_t         i;
    json_t        *root, *c, *result;
    double         want;
    int64_t        now, got, ts;
    const char    *text;

    root = torus_test_json("t/vectors/parse_time.json");

    json_array_foreach(torus_test_cases(root), i, c) {
        text = json_string_value(torus_test_member(c, "text"));
        result = torus_test_member(c, "result");
        now = (int64_t) json_number_value(torus_test_member(c, "now"));
        got = test_parse(text, now, NULL);

        snprintf(name, sizeof(name), "vector %zu: \"%s\"", i, text);

        ts = test_departure(text, now, &found);

        if (found) {
            is_int(got, ts, "%s, a departure", name);
            continue;
        }

        if (!json_is_number(result)) {
            is_int(got, TEST_FAULT, "%s is no time", name);
            continue;
        }

        want = json_number_value(result);

        if (test_words_at_nine(text)) {
            is_int(got, (int64_t) floor(want / 86400) * 86400,
                   "%s is midnight of that day", name);
            continue;
        }

        is_int(got, (int64_t) floor(want), "%s", name);
    }

    json_decref(root);
}


static int
test_words_at_nine(const char *text)
{
    size_t                    i;
    static const char *const  words[] = {
        "today", "yesterday", "tomorrow", "Today", "YESTERDAY", "last week",
        "last month", "last year", "next week", "next month", "2023-11-01",
        "11/01/2023", "11/1/23", "Nov 1 2023", "November 1, 2023",
        "1 Nov 2023", "last monday", "next friday"
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static int64_t
test_departure(const char *text, int64_t now, int *found)
{
    size_t  i;

    for (i = 0; i < sizeof(test_departures) / sizeof(test_departures[0]); i++) {
        if (strcmp(text, test_departures[i].text) == 0) {
            *found = 1;

            if (strcmp(text, "monday") == 0) {
                /* 13 November 2023; 26 February 2024 */
                return (now == TEST_NOW) ? 1699833600 : 1708905600;
            }

            return test_departures[i].ts;
        }
    }

    *found = 0;

    return 0;
}


static void
test_zone_names(void)
{
    size_t                    i;
    static const char *const  good[] = {
        "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1",
        "Etc/GMT-14", "EST5EDT", "America/Port-au-Prince"
    };
    static const char *const  bad[] = {
        "", "/etc/passwd", "..", "../etc/passwd", "Europe/../../x",
        "Europe//Berlin", "Europe/", "Europe/Berlin.tab", "a b", "a\\b", "a%2f",
        ":UTC", "<+03>-3", "\xc3\xa4",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(torus_tz_name_valid(torus_test_z(good[i])), "zone %s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!torus_tz_name_valid(torus_test_z(bad[i])), "no zone: %s", bad[i]);
    }

    ok(!torus_tz_name_valid(torus_str("UTC\0", 4)), "no zone: a zero byte");
}


/* Two transitions in the table, the rules of Berlin behind them. */
static void
test_zone_made(void)
{
    torus_tz_t      tz;
    torus_arena_t  *arena;

    arena = torus_arena_create(4096, 0);

    is_int(test_zone(arena, "CET-1CEST,M3.5.0,M10.5.0/3", &tz), TORUS_OK,
           "a zone file of version 2");

    is_int(torus_tz_offset(&tz, -1), -1800, "before the table: type 0");
    is_int(torus_tz_offset(&tz, INT64_MIN), -1800, "long before");
    is_int(torus_tz_offset(&tz, 0), 7200, "the first transition");
    is_int(torus_tz_offset(&tz, 999999), 7200, "until the next");
    is_int(torus_tz_offset(&tz, 1000000), 3600, "the last one");

    is_int(torus_tz_offset(&tz, 1679792399), 3600, "2023-03-26, winter");
    is_int(torus_tz_offset(&tz, 1679792400), 7200, "a second later, summer");
    is_int(torus_tz_offset(&tz, 1698541199), 7200, "2023-10-29, summer");
    is_int(torus_tz_offset(&tz, 1698541200), 3600, "a second later, winter");
    is_int(torus_tz_offset(&tz, INT64_MAX), 3600, "year 9999, winter");

    is_int(torus_tz_utc(&tz, 1698538200), 1698538200 - 7200,
           "02:10, which there was twice, is the first");
    is_int(torus_tz_utc(&tz, 1679797800), 1679797800 - 3600,
           "02:30, which was left out, is 03:30");
    is_int(torus_tz_utc(NULL, 12345), 12345, "no zone is UTC");
    is_int(torus_tz_offset(NULL, 12345), 0, "here too");

    torus_arena_destroy(arena);
}


/* Clocks and days are read in the zone. */
static void
test_zone_parse(void)
{
    torus_tz_t      tz;
    torus_arena_t  *arena;

    arena = torus_arena_create(4096, 0);
    (void) test_zone(arena, "CET-1CEST,M3.5.0,M10.5.0/3", &tz);

    /* in Berlin it is 23:13:20 */

    is_int(test_parse("today", TEST_NOW, &tz), 1699916400, "local midnight");
    is_int(test_parse("today", TEST_NOW + 3600, &tz), 1700002800,
           "which is the next day's an hour later");
    is_int(test_parse("noon yesterday", TEST_NOW, &tz), 1699873200, "noon");
    is_int(test_parse("20231101", TEST_NOW, &tz), 1698793200, "a date");
    is_int(test_parse("2023-07-01 12:00", TEST_NOW, &tz), 1688205600,
           "in summer time");
    is_int(test_parse("2023-07-01T12:00:00Z", TEST_NOW, &tz), 1688212800,
           "but not when the text says which zone");
    is_int(test_parse("noon utc", TEST_NOW, &tz), 1699963200, "in words too");
    is_int(test_parse("-1h", TEST_NOW, &tz), 1699996400, "spans are spans");
    is_int(test_parse("1700000000", TEST_NOW, &tz), 1700000000,
           "the epoch has no zone");
    is_int(test_parse("last month", TEST_NOW, &tz), 1696111200,
           "1 October, in summer time");
    is_int(test_parse("2 months ago", TEST_NOW, &tz), 1694726000,
           "the same time by the clock, in summer time");
    is_int(test_parse("monday", TEST_NOW, &tz), 1699830000, "a weekday");

    torus_arena_destroy(arena);
}


/* Daylight saving over new year; a negative one; half hours. */
static void
test_zone_south(void)
{
    torus_tz_t      tz;
    torus_arena_t  *arena;

    arena = torus_arena_create(4096, 0);

    (void) test_zone(arena, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", &tz);
    is_int(torus_tz_offset(&tz, 1704067200), 39600, "Lord Howe in January");
    is_int(torus_tz_offset(&tz, 1720000000), 37800, "and in July");

    (void) test_zone(arena, "IST-1GMT0,M10.5.0,M3.5.0/1", &tz);
    is_int(torus_tz_offset(&tz, 1704067200), 0, "Dublin in January");
    is_int(torus_tz_offset(&tz, 1720000000), 3600, "and in July");

    (void) test_zone(arena, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", &tz);
    is_int(torus_tz_offset(&tz, 1711846799), -7200, "Nuuk, before 30 March");
    is_int(torus_tz_offset(&tz, 1711846800), -3600, "23:00 of it, day before");

    (void) test_zone(arena, "XXX3YYY,J60/0,J300/0", &tz);
    is_int(torus_tz_offset(&tz, 1709262000 - 1), -10800,
           "day 60 that does not count 29 February: 1 March");
    is_int(torus_tz_offset(&tz, 1709262000), -7200, "from there on");

    (void) test_zone(arena, "XXX3YYY,59/0,299/0", &tz);
    is_int(torus_tz_offset(&tz, 1709175600 - 1), -10800,
           "day 59 from 0 that does: 29 February");
    is_int(torus_tz_offset(&tz, 1709175600), -7200, "from there on");

    (void) test_zone(arena, "EST5EDT", &tz);
    is_int(torus_tz_offset(&tz, 1720000000), -14400, "without rules: those of "
           "the United States");

    (void) test_zone(arena, "JST-9", &tz);
    is_int(torus_tz_offset(&tz, 1720000000), 32400, "no daylight saving");

    is_int(test_zone(arena, "", &tz), TORUS_OK, "an empty footer");
    is_int(torus_tz_offset(&tz, 1720000000), 3600, "the last of the table");

    torus_arena_destroy(arena);
}


static void
test_zone_posix(void)
{
    size_t                    i;
    torus_tz_t                tz;
    torus_arena_t            *arena;
    static const char *const  bad[] = {
        "C", "CE-1", "CET", "CET-", "CET-25", "CET-1:60", "CET-1:00:60",
        "CET-1CEST,", "CET-1CEST,M3", "CET-1CEST,M3.5", "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J1", "CET-1CEST,J366,J1", "CET-1CEST,366,1",
        "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0x",
        "<+01-1", "CET-1 ", "CET-1<", "CET-1CEST M3.5.0,M10.5.0", "\xff"
    };

    arena = torus_arena_create(4096, 0);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(test_zone(arena, bad[i], &tz), TORUS_DECLINED,
               "footer %zu is broken", i);
    }

    torus_arena_destroy(arena);
}


/* Cut anywhere, or with counts that lie, a file is refused, not read over. */
static void
test_zone_broken(void)
{
    int             accepted;
    size_t          i, len;
    torus_tz_t      tz;
    torus_arena_t  *arena;
    unsigned char   file[512], *copy;

    accepted = 0;
    arena = torus_arena_create(4096, 0);
    len = test_tzif(file, "CET-1CEST,M3.5.0,M10.5.0/3");

    for (i = 0; i < len; i++) {
        /* on its own allocation, so that reading behind it is seen */
        copy = malloc(i + 1);
        if (copy == NULL) {
            bail_out("out of memory");
        }

        memcpy(copy, file, i);
        accepted += (torus_tz_load(copy, i, arena, &tz) == TORUS_OK);
        free(copy);
    }

    is_int(accepted, 0, "no part of a zone file is a zone file");

    for (i = 20; i < 44; i++) {
        len = test_tzif(file, "");
        file[i] = 0xff;
        accepted += (torus_tz_load(file, len, arena, &tz) == TORUS_OK);

        len = test_tzif(file, "");
        file[44 + 6 + 1 + i] = 0xff;
        accepted += (torus_tz_load(file, len, arena, &tz) == TORUS_OK);
    }

    is_int(accepted, 0, "no count may lie");

    len = test_tzif(file, "");
    memcpy(file, "TZiF", 4);
    is_int(torus_tz_load(file, len, arena, &tz), TORUS_DECLINED, "not TZif");

    torus_arena_reset(arena);
    len = test_tzif(file, "CET-1");
    file[4] = '\0';
    is_int(torus_tz_load(file, len, arena, &tz), TORUS_OK,
           "of version 1, the first block is all");
    is_int(torus_tz_offset(&tz, 1720000000), 1800, "its only offset");

    torus_arena_destroy(arena);

    arena = torus_arena_create(1024, 1024);

    while (torus_arena_alloc(arena, 16) != NULL) { /* void */ }

    len = test_tzif(file, "CET-1");
    is_int(torus_tz_load(file, len, arena, &tz), TORUS_ERROR, "out of memory");

    torus_arena_destroy(arena);
}


/* The zones of this system, against what the C library makes of them. */
static void
test_zone_system(void)
{
    int             broken, wrong;
    char            path[128];
    void           *data;
    size_t          i, len;
    time_t          when;
    int64_t         ts, local, back;
    struct tm       tm;
    torus_tz_t      tz;
    torus_arena_t  *arena;

    static const char *const  zones[] = {
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
        "Europe/Dublin", "Asia/Kolkata", "Africa/Casablanca",
        "America/St_Johns", "Pacific/Apia", "Asia/Tehran", "America/Nuuk",
        "Antarctica/Troll", "UTC"
    };

    for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zones[i]);
        data = test_read(path, &len);

        if (data == NULL) {
            pass("%s # SKIP not on this system", zones[i]);
            continue;
        }

        arena = torus_arena_create(4096, 0);
        is_int(torus_tz_load(data, len, arena, &tz), TORUS_OK, "%s", zones[i]);

        setenv("TZ", zones[i], 1);
        tzset();

        broken = 0;
        wrong = 0;

        for (ts = -3000000000; ts < 5000000000; ts += 86400 * 3 + 4321) {
            when = (time_t) ts;

            if (localtime_r(&when, &tm) == NULL
                || tm.tm_gmtoff != torus_tz_offset(&tz, ts))
            {
                broken++;
            }

            local = ts + torus_tz_offset(&tz, ts);
            back = torus_tz_utc(&tz, local);

            wrong += (back > ts || back + torus_tz_offset(&tz, back) != local);
        }

        is_int(broken, 0, "%s: offsets of 1874 to 2128", zones[i]);
        is_int(wrong, 0, "%s: back from local time", zones[i]);

        torus_arena_destroy(arena);
        free(data);
    }

    unsetenv("TZ");
    tzset();
}


/* Random damage to zone files and to texts: the sanitizers watch. */
static void
test_zone_random(void)
{
    int             loaded, parsed;
    char            text[32];
    size_t          i, j, len;
    int64_t         ts;
    uint64_t        seed;
    torus_tz_t      tz;
    torus_arena_t  *arena;
    unsigned char   file[512];

    static const char  alphabet[] =
        "0123456789+-:/ _,.TZadehimnorstuwy\xff" "ago now jan mon pm in";

    loaded = 0;
    parsed = 0;
    seed = 42;
    arena = torus_arena_create(4096, 65536);

    for (i = 0; i < 20000; i++) {
        len = test_tzif(file, (i & 1) ? "CET-1CEST,M3.5.0,M10.5.0/3" : "");

        for (j = test_random(&seed) % 3; j < 3; j++) {
            file[test_random(&seed) % len] = (unsigned char)
                                             test_random(&seed);
        }

        torus_arena_reset(arena);

        if (torus_tz_load(file, len, arena, &tz) != TORUS_OK) {
            continue;
        }

        loaded++;

        ts = (int64_t) test_random(&seed);
        torus_tz_offset(&tz, ts);
        torus_tz_utc(&tz, ts);

        len = test_random(&seed) % sizeof(text);

        for (j = 0; j < len; j++) {
            text[j] = alphabet[test_random(&seed) % (sizeof(alphabet) - 1)];
        }

        if (torus_time_parse(torus_str(text, len), ts, &tz, &ts, NULL)
            == TORUS_OK)
        {
            parsed++;

            if (ts < TORUS_TIME_MIN || ts > TORUS_TIME_MAX) {
                fail("%.*s is out of range", (int) len, text);
            }
        }
    }

    ok(loaded > 1000, "%d damaged zone files were still zone files", loaded);
    ok(parsed > 10, "%d of as many random texts were times", parsed);

    torus_arena_destroy(arena);
}


static int
test_zone(torus_arena_t *arena, const char *tail, torus_tz_t *tz)
{
    size_t         len;
    unsigned char  file[512];

    torus_arena_reset(arena);
    len = test_tzif(file, tail);

    return torus_tz_load(file, len, arena, tz);
}


/*
 * A zone file of version 2.  In 64 bits: -00:30 at first, +02:00 from 0,
 * +01:00 from 1,000,000, one leap second; in 32 bits only +00:30.
 */
static size_t
test_tzif(unsigned char *dst, const char *tail)
{
    unsigned char  *p;

    p = dst;

    memset(p, 0, 44);
    memcpy(p, "TZif2", 5);
    p += 36;
    p += test_put(p, 1, 4);
    p += test_put(p, 1, 4);

    p += test_put(p, 1800, 4);
    p += test_put(p, 0, 2);
    *p++ = '\0';

    memset(p, 0, 44);
    memcpy(p, "TZif2", 5);
    p += 20;
    p += test_put(p, 3, 4);
    p += test_put(p, 3, 4);
    p += test_put(p, 1, 4);
    p += test_put(p, 2, 4);
    p += test_put(p, 3, 4);
    p += test_put(p, 4, 4);

    p += test_put(p, 0, 8);
    p += test_put(p, 1000000, 8);
    *p++ = 1;
    *p++ = 2;

    p += test_put(p, (uint64_t) -1800, 4);
    p += test_put(p, 0, 2);
    p += test_put(p, 7200, 4);
    p += test_put(p, 0x100, 2);
    p += test_put(p, 3600, 4);
    p += test_put(p, 0, 2);

    memcpy(p, "ABC", 4);
    p += 4;

    p += test_put(p, 78796800, 8);
    p += test_put(p, 1, 4);
    p += test_put(p, 0, 6);

    *p++ = '\n';
    memcpy(p, tail, strlen(tail));
    p += strlen(tail);
    *p++ = '\n';

    return (size_t) (p - dst);
}


static size_t
test_put(unsigned char *dst, uint64_t n, size_t width)
{
    size_t  i;

    for (i = 0; i < width; i++) {
        dst[i] = (unsigned char) (n >> (8 * (width - 1 - i)));
    }

    return width;
}


static void *
test_read(const char *path, size_t *len)
{
    FILE  *file;
    void  *data;

    file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }

    data = malloc(65536);
    if (data == NULL) {
        bail_out("out of memory");
    }

    *len = fread(data, 1, 65536, file);
    fclose(file);

    return data;
}


static int64_t
test_parse(const char *text, int64_t now, const torus_tz_t *tz)
{
    int64_t        ts;
    torus_error_t  err;

    if (torus_time_parse(torus_str(text, strlen(text)), now, tz, &ts, &err)
        != TORUS_OK)
    {
        return TEST_FAULT;
    }

    return ts;
}


static uint64_t
test_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;

    return *seed;
}
