/*
 * The time parser.  A text is either one number, or a row of items in any
 * order: a day, a time of day, a zone (of ISO dates) and spans to add or take
 * away, each kind once but for spans.  What is not given is today, midnight,
 * the caller's zone and nothing; with neither day nor time of day the base
 * is now.
 *
 * Words are cut off by the longest that fits, because Graphite's clients send
 * "noonyesterday" as well as "noon yesterday" and "noon_yesterday".
 */

#include "torus_time.h"
#include "torus_number.h"
#include "torus_interval.h"

#include <math.h>


#define TORUS_TIME_TEXT   256     /* longest text */
#define TORUS_TIME_DIGITS 9       /* of a number that is not epoch seconds */
#define TORUS_TIME_DAY    86400


typedef enum {
    TORUS_WORD_NOW,
    TORUS_WORD_DAY,         /* value: days from today */
    TORUS_WORD_CLOCK,       /* seconds after midnight */
    TORUS_WORD_MONTH,       /* 1 to 12 */
    TORUS_WORD_WEEKDAY,     /* 0 is Sunday */
    TORUS_WORD_LAST,        /* -1, of "next" 1 */
    TORUS_WORD_NUMBER,
    TORUS_WORD_AGO,
    TORUS_WORD_IN,
    TORUS_WORD_FROM,
    TORUS_WORD_AT,
    TORUS_WORD_THIS,
    TORUS_WORD_MORNING,
    TORUS_WORD_ZULU,
    TORUS_WORD_AM,          /* hours to add, 12 for pm */

    TORUS_WORD_SECONDS,     /* units: seconds */
    TORUS_WORD_WEEKS,
    TORUS_WORD_MONTHS,      /* units: months */
    TORUS_WORD_NONE
} torus_time_kind_t;


typedef struct {
    const char           *name;
    torus_time_kind_t     kind;
    int                   value;
} torus_time_word_t;


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    const torus_tz_t     *tz;
    const char           *fault;

    int64_t               now;
    int64_t               today;      /* days since the epoch, local */
    int64_t               day;
    int64_t               clock;
    int64_t               zone;       /* seconds east */

    int64_t               seconds;    /* to add in the end */
    int64_t               months;
    int64_t               span;       /* seconds whose sign is to come */
    int64_t               span_months;

    unsigned              has_now:1;
    unsigned              has_day:1;
    unsigned              has_clock:1;
    unsigned              has_zone:1;
    unsigned              has_span:1;
    unsigned              has_offset:1;
    unsigned              iso:1;      /* the day was YYYY-MM-DD */
    unsigned              in:1;
    unsigned              unsigned_spans:1;
} torus_time_t;


static int torus_time_read(torus_str_t text, int64_t now,
    const torus_tz_t *tz, int unsigned_spans, int64_t *ts,
    torus_error_t *err);
static int torus_time_epoch(torus_str_t text, int64_t *ts,
    const char **fault);
static int torus_time_items(torus_time_t *t);
static int torus_time_number(torus_time_t *t);
static int torus_time_iso(torus_time_t *t);
static int torus_time_zone(torus_time_t *t);
static int torus_time_clock(torus_time_t *t, int64_t hour);
static int torus_time_clock_12(torus_time_t *t, int64_t hour, int64_t rest,
    int pm);
static int torus_time_slashes(torus_time_t *t, int64_t month);
static int torus_time_packed(torus_time_t *t, int64_t n);
static int torus_time_month(torus_time_t *t, int64_t month, int64_t day);
static int torus_time_offset(torus_time_t *t);
static int torus_time_word(torus_time_t *t);
static int torus_time_relative(torus_time_t *t, int sign);
static int torus_time_span(torus_time_t *t, int64_t n,
    const torus_time_word_t *unit);
static int torus_time_spans(torus_time_t *t, int sign);
static int torus_time_finish(torus_time_t *t, int64_t *ts);
static int torus_time_add_months(const torus_time_t *t, int64_t *ts);

static int torus_time_set_day(torus_time_t *t, int64_t year, int64_t month,
    int64_t day);
static int torus_time_set_clock(torus_time_t *t, int64_t clock);
static int torus_time_fault(torus_time_t *t, const char *fault);
static int torus_time_digits(torus_time_t *t, int64_t *n);
static int torus_time_fixed(const unsigned char *p, int len, int64_t *n);
static void torus_time_blanks(torus_time_t *t);
static const torus_time_word_t *torus_time_find(const torus_time_t *t,
    const torus_time_word_t *words, size_t *len);
static int64_t torus_time_local_day(const torus_tz_t *tz, int64_t ts);


static const torus_time_word_t  torus_time_words[] = {
    { "now",       TORUS_WORD_NOW,     0 },
    { "today",     TORUS_WORD_DAY,     0 },
    { "yesterday", TORUS_WORD_DAY,     -1 },
    { "tomorrow",  TORUS_WORD_DAY,     1 },
    { "noon",      TORUS_WORD_CLOCK,   12 * 3600 },
    { "midnight",  TORUS_WORD_CLOCK,   0 },
    { "teatime",   TORUS_WORD_CLOCK,   16 * 3600 },
    { "tonight",   TORUS_WORD_CLOCK,   21 * 3600 },
    { "morning",   TORUS_WORD_MORNING, 6 * 3600 },
    { "this",      TORUS_WORD_THIS,    0 },
    { "last",      TORUS_WORD_LAST,    -1 },
    { "next",      TORUS_WORD_LAST,    1 },
    { "ago",       TORUS_WORD_AGO,     0 },
    { "in",        TORUS_WORD_IN,      0 },
    { "from",      TORUS_WORD_FROM,    0 },
    { "at",        TORUS_WORD_AT,      0 },
    { "z",         TORUS_WORD_ZULU,    0 },
    { "utc",       TORUS_WORD_ZULU,    0 },
    { "gmt",       TORUS_WORD_ZULU,    0 },

    { "jan",       TORUS_WORD_MONTH,   1 },
    { "january",   TORUS_WORD_MONTH,   1 },
    { "feb",       TORUS_WORD_MONTH,   2 },
    { "february",  TORUS_WORD_MONTH,   2 },
    { "mar",       TORUS_WORD_MONTH,   3 },
    { "march",     TORUS_WORD_MONTH,   3 },
    { "apr",       TORUS_WORD_MONTH,   4 },
    { "april",     TORUS_WORD_MONTH,   4 },
    { "may",       TORUS_WORD_MONTH,   5 },
    { "jun",       TORUS_WORD_MONTH,   6 },
    { "june",      TORUS_WORD_MONTH,   6 },
    { "jul",       TORUS_WORD_MONTH,   7 },
    { "july",      TORUS_WORD_MONTH,   7 },
    { "aug",       TORUS_WORD_MONTH,   8 },
    { "august",    TORUS_WORD_MONTH,   8 },
    { "sep",       TORUS_WORD_MONTH,   9 },
    { "sept",      TORUS_WORD_MONTH,   9 },
    { "september", TORUS_WORD_MONTH,   9 },
    { "oct",       TORUS_WORD_MONTH,   10 },
    { "october",   TORUS_WORD_MONTH,   10 },
    { "nov",       TORUS_WORD_MONTH,   11 },
    { "november",  TORUS_WORD_MONTH,   11 },
    { "dec",       TORUS_WORD_MONTH,   12 },
    { "december",  TORUS_WORD_MONTH,   12 },

    { "sun",       TORUS_WORD_WEEKDAY, 0 },
    { "sunday",    TORUS_WORD_WEEKDAY, 0 },
    { "mon",       TORUS_WORD_WEEKDAY, 1 },
    { "monday",    TORUS_WORD_WEEKDAY, 1 },
    { "tue",       TORUS_WORD_WEEKDAY, 2 },
    { "tues",      TORUS_WORD_WEEKDAY, 2 },
    { "tuesday",   TORUS_WORD_WEEKDAY, 2 },
    { "wed",       TORUS_WORD_WEEKDAY, 3 },
    { "wednesday", TORUS_WORD_WEEKDAY, 3 },
    { "thu",       TORUS_WORD_WEEKDAY, 4 },
    { "thur",      TORUS_WORD_WEEKDAY, 4 },
    { "thurs",     TORUS_WORD_WEEKDAY, 4 },
    { "thursday",  TORUS_WORD_WEEKDAY, 4 },
    { "fri",       TORUS_WORD_WEEKDAY, 5 },
    { "friday",    TORUS_WORD_WEEKDAY, 5 },
    { "sat",       TORUS_WORD_WEEKDAY, 6 },
    { "saturday",  TORUS_WORD_WEEKDAY, 6 },

    { "a",         TORUS_WORD_NUMBER,  1 },
    { "an",        TORUS_WORD_NUMBER,  1 },
    { "one",       TORUS_WORD_NUMBER,  1 },
    { "two",       TORUS_WORD_NUMBER,  2 },
    { "three",     TORUS_WORD_NUMBER,  3 },
    { "four",      TORUS_WORD_NUMBER,  4 },
    { "five",      TORUS_WORD_NUMBER,  5 },
    { "six",       TORUS_WORD_NUMBER,  6 },
    { "seven",     TORUS_WORD_NUMBER,  7 },
    { "eight",     TORUS_WORD_NUMBER,  8 },
    { "nine",      TORUS_WORD_NUMBER,  9 },
    { "ten",       TORUS_WORD_NUMBER,  10 },
    { "eleven",    TORUS_WORD_NUMBER,  11 },
    { "twelve",    TORUS_WORD_NUMBER,  12 },

    { NULL,        TORUS_WORD_NONE,    0 }
};


/* What may stand behind a number. */
static const torus_time_word_t  torus_time_units[] = {
    { "am",        TORUS_WORD_AM,      0 },
    { "pm",        TORUS_WORD_AM,      12 },

    { "s",         TORUS_WORD_SECONDS, 1 },
    { "sec",       TORUS_WORD_SECONDS, 1 },
    { "secs",      TORUS_WORD_SECONDS, 1 },
    { "second",    TORUS_WORD_SECONDS, 1 },
    { "seconds",   TORUS_WORD_SECONDS, 1 },
    { "m",         TORUS_WORD_SECONDS, 60 },
    { "min",       TORUS_WORD_SECONDS, 60 },
    { "mins",      TORUS_WORD_SECONDS, 60 },
    { "minute",    TORUS_WORD_SECONDS, 60 },
    { "minutes",   TORUS_WORD_SECONDS, 60 },
    { "h",         TORUS_WORD_SECONDS, 3600 },
    { "hr",        TORUS_WORD_SECONDS, 3600 },
    { "hrs",       TORUS_WORD_SECONDS, 3600 },
    { "hour",      TORUS_WORD_SECONDS, 3600 },
    { "hours",     TORUS_WORD_SECONDS, 3600 },
    { "d",         TORUS_WORD_SECONDS, TORUS_TIME_DAY },
    { "day",       TORUS_WORD_SECONDS, TORUS_TIME_DAY },
    { "days",      TORUS_WORD_SECONDS, TORUS_TIME_DAY },
    { "w",         TORUS_WORD_WEEKS,   7 * TORUS_TIME_DAY },
    { "week",      TORUS_WORD_WEEKS,   7 * TORUS_TIME_DAY },
    { "weeks",     TORUS_WORD_WEEKS,   7 * TORUS_TIME_DAY },
    { "mon",       TORUS_WORD_MONTHS,  1 },
    { "mons",      TORUS_WORD_MONTHS,  1 },
    { "month",     TORUS_WORD_MONTHS,  1 },
    { "months",    TORUS_WORD_MONTHS,  1 },
    { "y",         TORUS_WORD_MONTHS,  12 },
    { "yr",        TORUS_WORD_MONTHS,  12 },
    { "yrs",       TORUS_WORD_MONTHS,  12 },
    { "year",      TORUS_WORD_MONTHS,  12 },
    { "years",     TORUS_WORD_MONTHS,  12 },

    { NULL,        TORUS_WORD_NONE,    0 }
};


#define torus_time_lower(c)                                                   \
    ((c) >= 'A' && (c) <= 'Z' ? (c) | 0x20 : (c))

#define torus_time_is_digit(c)  ((c) >= '0' && (c) <= '9')
#define torus_time_is_alpha(c)  (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')

#define torus_time_is_blank(c)                                                \
    ((c) == ' ' || (c) == '\t' || (c) == '_' || (c) == ',')


int
torus_time_parse(torus_str_t text, int64_t now, const torus_tz_t *tz,
    int64_t *ts, torus_error_t *err)
{
    return torus_time_read(text, now, tz, 1, ts, err);
}


int
torus_time_parse_graphite(torus_str_t text, int64_t now,
    const torus_tz_t *tz, int64_t *ts, torus_error_t *err)
{
    size_t         i, n;
    torus_error_t  ignored;
    unsigned char  bare[TORUS_TIME_TEXT];

    if (torus_time_read(text, now, tz, 0, ts, err) == TORUS_OK) {
        return TORUS_OK;
    }

    /* Graphite does not see them, where they part a word or number either */

    n = 0;

    for (i = 0; i < text.len && n < sizeof(bare); i++) {
        if (!torus_time_is_blank(text.data[i])) {
            bare[n++] = text.data[i];
        }
    }

    if (n == text.len || i < text.len) {
        return TORUS_INVALID;
    }

    if (n == 0) {
        *ts = now;
        return TORUS_OK;
    }

    ignored.len = 0;

    return torus_time_read(torus_str(bare, n), now, tz, 0, ts, &ignored);
}


static int
torus_time_read(torus_str_t text, int64_t now, const torus_tz_t *tz,
    int unsigned_spans, int64_t *ts, torus_error_t *err)
{
    int           rc;
    char          quoted[64];
    size_t        len;
    torus_time_t  t;

    memset(&t, 0, sizeof(t));

    if (now < TORUS_TIME_MIN) {
        now = TORUS_TIME_MIN;
    }

    if (now > TORUS_TIME_MAX) {
        now = TORUS_TIME_MAX;
    }

    t.p = text.data;
    t.end = text.data;
    t.tz = tz;
    t.now = now;
    t.today = torus_time_local_day(tz, now);
    t.unsigned_spans = (unsigned_spans != 0);

    if (text.len != 0 && text.len <= TORUS_TIME_TEXT) {
        t.end += text.len;
    }

    rc = torus_time_epoch(torus_str(t.p, (size_t) (t.end - t.p)), ts,
                          &t.fault);

    if (rc == TORUS_DECLINED) {
        rc = torus_time_items(&t);

        if (rc == TORUS_OK) {
            rc = torus_time_finish(&t, ts);
        }
    }

    if (rc == TORUS_OK) {
        return TORUS_OK;
    }

    len = torus_escape(quoted, sizeof(quoted), text);

    if (t.fault != NULL) {
        return torus_error(err, "%s: \"%.*s\"", t.fault, (int) len, quoted);
    }

    return torus_error(err, "must be a time (epoch seconds, an ISO date, "
                       "\"-1h\", \"5 days ago\", \"noon yesterday\"), "
                       "not \"%.*s\"", (int) len, quoted);
}


/* A number alone; but eight digits are a date when they read as one. */
static int
torus_time_epoch(torus_str_t text, int64_t *ts, const char **fault)
{
    int            rc;
    double         d;
    int64_t        n, year, month, day;
    torus_value_t  v;

    while (text.len > 0 && text.data[0] == ' ') {
        text.data++;
        text.len--;
    }

    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }

    /* neither the sign nor the other blanks that numbers may have */

    if (text.len == 0
        || !(torus_time_is_digit(text.data[0]) || text.data[0] == '.')
        || text.data[text.len - 1] <= ' ')
    {
        return TORUS_DECLINED;
    }

    if (text.len == 8 && torus_time_fixed(text.data, 8, &n)) {
        year = n / 10000;
        month = n / 100 % 100;
        day = n % 100;

        if (year > 1900 && month < 13 && day < 32) {
            return TORUS_DECLINED;
        }
    }

    rc = torus_number_parse(text, &v);

    if (rc == TORUS_DECLINED) {
        return TORUS_DECLINED;
    }

    d = (rc == TORUS_OK) ? floor(torus_number_double(&v)) : INFINITY;

    if (d > (double) TORUS_TIME_MAX) {
        *fault = "is after the year 9999 (milliseconds?)";
        return TORUS_INVALID;
    }

    *ts = (int64_t) d;

    return TORUS_OK;
}


static int
torus_time_items(torus_time_t *t)
{
    int  rc;

    for ( ;; ) {
        torus_time_blanks(t);

        if (t->p == t->end) {
            return TORUS_OK;
        }

        if (torus_time_is_digit(*t->p)) {
            rc = torus_time_number(t);

        } else if (*t->p == '+' || *t->p == '-') {
            rc = torus_time_offset(t);

        } else {
            rc = torus_time_word(t);
        }

        if (rc != TORUS_OK) {
            return rc;
        }
    }
}


/* What a number is shows behind it. */
static int
torus_time_number(torus_time_t *t)
{
    int                       ndigits;
    size_t                    len;
    int64_t                   n;
    const torus_time_word_t  *word;

    if (t->end - t->p >= 10 && t->p[4] == '-' && t->p[7] == '-') {
        return torus_time_iso(t);
    }

    ndigits = torus_time_digits(t, &n);

    if (ndigits == 0) {
        return torus_time_fault(t, "has a number that is too long");
    }

    if (t->p < t->end && *t->p == ':' && ndigits <= 2) {
        return torus_time_clock(t, n);
    }

    if (t->p < t->end && *t->p == '/' && ndigits <= 2) {
        return torus_time_slashes(t, n);
    }

    if (ndigits == 8 && (t->p == t->end || !torus_time_is_alpha(*t->p))) {
        return torus_time_packed(t, n);
    }

    torus_time_blanks(t);

    word = torus_time_find(t, torus_time_words, &len);

    if (word->kind == TORUS_WORD_MONTH && ndigits <= 2) {
        t->p += len;
        return torus_time_month(t, word->value, n);
    }

    word = torus_time_find(t, torus_time_units, &len);

    if (word->kind == TORUS_WORD_NONE) {
        return torus_time_fault(t, "has a number without a unit");
    }

    t->p += len;

    if (word->kind == TORUS_WORD_AM) {
        return torus_time_clock_12(t, n, 0, word->value != 0);
    }

    return torus_time_span(t, n, word);
}


/* YYYY-MM-DD, and the "T" behind it. */
static int
torus_time_iso(torus_time_t *t)
{
    int64_t               year, month, day;
    const unsigned char  *p;

    p = t->p;

    if (!torus_time_fixed(p, 4, &year) || !torus_time_fixed(p + 5, 2, &month)
        || !torus_time_fixed(p + 8, 2, &day))
    {
        return TORUS_INVALID;
    }

    t->p += 10;
    t->iso = 1;

    if (t->p < t->end && torus_time_is_digit(*t->p)) {
        return TORUS_INVALID;
    }

    if (t->end - t->p >= 2 && (*t->p | 0x20) == 't'
        && torus_time_is_digit(t->p[1]))
    {
        t->p++;
    }

    return torus_time_set_day(t, year, month, day);
}


/*
 * "+01:00", "+0100" or "+01" at the end, behind date and time; TORUS_DECLINED
 * when it is something else.
 */
static int
torus_time_zone(torus_time_t *t)
{
    int                   sign;
    size_t                len;
    int64_t               hour, minute;
    const unsigned char  *p, *end;

    if (!t->iso || !t->has_clock || t->has_zone) {
        return TORUS_DECLINED;
    }

    p = t->p;
    end = t->end;
    sign = (*p++ == '-') ? -1 : 1;

    while (end > p && torus_time_is_blank(end[-1])) {
        end--;
    }

    len = (size_t) (end - p);
    minute = 0;

    if ((len != 2 && len != 4 && len != 5)
        || !torus_time_fixed(p, 2, &hour)
        || (len > 2 && !torus_time_fixed(end - 2, 2, &minute))
        || (len == 5 && p[2] != ':'))
    {
        return TORUS_DECLINED;
    }

    if (hour > 23 || minute > 59) {
        return torus_time_fault(t, "has a zone that there is not");
    }

    t->zone = sign * (hour * 3600 + minute * 60);
    t->has_zone = 1;
    t->p = t->end;

    return TORUS_OK;
}


/* H:MM, H:MM:SS, H:MM:SS.f; am and pm */
static int
torus_time_clock(torus_time_t *t, int64_t hour)
{
    size_t                    len;
    int64_t                   minute, second;
    const torus_time_word_t  *word;

    t->p++;
    second = 0;

    if (t->end - t->p < 2 || !torus_time_fixed(t->p, 2, &minute)) {
        return TORUS_INVALID;
    }

    t->p += 2;

    if (t->p < t->end && *t->p == ':') {
        if (t->end - t->p < 3 || !torus_time_fixed(t->p + 1, 2, &second)) {
            return TORUS_INVALID;
        }

        t->p += 3;

        if (t->end - t->p >= 2 && (*t->p == '.' || *t->p == ',')
            && torus_time_is_digit(t->p[1]))
        {
            t->p++;

            while (t->p < t->end && torus_time_is_digit(*t->p)) {
                t->p++;
            }
        }
    }

    /* RFC 3339 knows second 60 */

    if (hour > 23 || minute > 59 || second > 60) {
        return torus_time_fault(t, "has a time of day that there is not");
    }

    torus_time_blanks(t);
    word = torus_time_find(t, torus_time_units, &len);

    if (word->kind == TORUS_WORD_AM) {
        t->p += len;
        return torus_time_clock_12(t, hour, minute * 60 + second,
                                   word->value != 0);
    }

    return torus_time_set_clock(t, hour * 3600 + minute * 60 + second);
}


/* 12am is 0 o'clock, 12pm is noon. */
static int
torus_time_clock_12(torus_time_t *t, int64_t hour, int64_t rest, int pm)
{
    if (hour < 1 || hour > 12) {
        return torus_time_fault(t, "has a time of day that there is not");
    }

    return torus_time_set_clock(t, (hour % 12 + (pm ? 12 : 0)) * 3600 + rest);
}


/* MM/DD/YY or MM/DD/YYYY; of two digits 70 and more are of the last century */
static int
torus_time_slashes(torus_time_t *t, int64_t month)
{
    int      ndigits;
    int64_t  day, year;

    t->p++;
    ndigits = torus_time_digits(t, &day);

    if (ndigits < 1 || ndigits > 2 || t->p == t->end || *t->p != '/') {
        return TORUS_INVALID;
    }

    t->p++;
    ndigits = torus_time_digits(t, &year);

    if (ndigits != 2 && ndigits != 4) {
        return TORUS_INVALID;
    }

    if (ndigits == 2) {
        year += (year < 70) ? 2000 : 1900;
    }

    return torus_time_set_day(t, year, month, day);
}


static int
torus_time_packed(torus_time_t *t, int64_t n)
{
    return torus_time_set_day(t, n / 10000, n / 100 % 100, n % 100);
}


/* A day and a month by name; four digits behind them are the year. */
static int
torus_time_month(torus_time_t *t, int64_t month, int64_t day)
{
    int                   ndigits;
    int64_t               year, n;
    unsigned              m, d;
    const unsigned char  *start;

    torus_civil_from_days(t->today, &year, &m, &d);

    start = t->p;
    torus_time_blanks(t);

    if (t->p < t->end && torus_time_is_digit(*t->p)) {
        ndigits = torus_time_digits(t, &n);

        if (ndigits == 4
            && (t->p == t->end
                || (*t->p != ':' && !torus_time_is_alpha(*t->p))))
        {
            return torus_time_set_day(t, n, month, day);
        }

        t->p = start;
    }

    return torus_time_set_day(t, year, month, day);
}


/* A sign, numbers and units; or the zone of an ISO date. */
static int
torus_time_offset(torus_time_t *t)
{
    int                       rc, sign, any;
    size_t                    len;
    int64_t                   n;
    const unsigned char      *number;
    const torus_time_word_t  *unit;

    rc = torus_time_zone(t);
    if (rc != TORUS_DECLINED) {
        return rc;
    }

    sign = (*t->p++ == '-') ? -1 : 1;

    for (any = 0; /* void */; any = 1) {
        torus_time_blanks(t);

        if (t->p == t->end || !torus_time_is_digit(*t->p)) {
            break;
        }

        number = t->p;

        if (torus_time_digits(t, &n) == 0) {
            return torus_time_fault(t, "has a number that is too long");
        }

        torus_time_blanks(t);
        unit = torus_time_find(t, torus_time_units, &len);

        if (unit->kind < TORUS_WORD_SECONDS || unit->kind == TORUS_WORD_NONE) {

            if (any) {
                /* another item: "-1d 10:00" */
                t->p = number;
                break;
            }

            return torus_time_fault(t, "has a number without a unit");
        }

        t->p += len;

        if (unit->kind == TORUS_WORD_MONTHS) {
            n *= (unit->value == 12) ? 365 : 30;
            t->seconds += sign * n * TORUS_TIME_DAY;

        } else {
            t->seconds += sign * n * unit->value;
        }
    }

    if (!any) {
        return TORUS_INVALID;
    }

    t->has_offset = 1;

    return TORUS_OK;
}


static int
torus_time_word(torus_time_t *t)
{
    int                       rc;
    size_t                    len;
    int64_t                   n;
    const torus_time_word_t  *word, *next;

    word = torus_time_find(t, torus_time_words, &len);
    t->p += len;

    torus_time_blanks(t);
    next = torus_time_find(t, torus_time_words, &len);

    switch (word->kind) {

    case TORUS_WORD_NOW:
        t->has_now = 1;
        return TORUS_OK;

    case TORUS_WORD_DAY:
        if (t->has_day) {
            return TORUS_INVALID;
        }

        t->has_day = 1;
        t->day = t->today + word->value;
        return TORUS_OK;

    case TORUS_WORD_CLOCK:
        return torus_time_set_clock(t, word->value);

    case TORUS_WORD_THIS:
        if (next->kind != TORUS_WORD_MORNING) {
            return TORUS_INVALID;
        }

        t->p += len;
        return torus_time_set_clock(t, next->value);

    case TORUS_WORD_MONTH:
        rc = torus_time_digits(t, &n);

        if (rc < 1 || rc > 2) {
            return torus_time_fault(t, "has a month without a day");
        }

        return torus_time_month(t, word->value, n);

    case TORUS_WORD_WEEKDAY:
        if (t->has_day) {
            return TORUS_INVALID;
        }

        /* the latest, which may be today; the epoch was a Thursday */

        n = ((t->today + 4 - word->value) % 7 + 7) % 7;
        t->has_day = 1;
        t->day = t->today - n;
        return TORUS_OK;

    case TORUS_WORD_LAST:
        return torus_time_relative(t, word->value);

    case TORUS_WORD_NUMBER:
        next = torus_time_find(t, torus_time_units, &len);

        if (next->kind < TORUS_WORD_SECONDS || next->kind == TORUS_WORD_NONE) {
            return TORUS_INVALID;
        }

        t->p += len;
        return torus_time_span(t, word->value, next);

    case TORUS_WORD_AGO:
        return torus_time_spans(t, -1);

    case TORUS_WORD_FROM:
        if (next->kind != TORUS_WORD_NOW) {
            return TORUS_INVALID;
        }

        t->p += len;
        return torus_time_spans(t, 1);

    case TORUS_WORD_IN:
        if (t->in || t->has_span
            || (next->kind != TORUS_WORD_NUMBER
                && (t->p == t->end || !torus_time_is_digit(*t->p))))
        {
            return TORUS_INVALID;
        }

        t->in = 1;
        return TORUS_OK;

    case TORUS_WORD_AT:
        /* a time of day follows */
        return (next->kind == TORUS_WORD_CLOCK
                || (t->p < t->end && torus_time_is_digit(*t->p)))
               ? TORUS_OK : TORUS_INVALID;

    case TORUS_WORD_ZULU:
        if (!t->has_clock || t->has_zone) {
            return TORUS_INVALID;
        }

        t->has_zone = 1;
        return TORUS_OK;

    default:
        return TORUS_INVALID;
    }
}


/*
 * "last" and "next": the same day of another week, the first of another
 * month or year, the weekday before today or that of next week (which begins
 * on Monday).
 */
static int
torus_time_relative(torus_time_t *t, int sign)
{
    size_t                    len;
    int64_t                   year, n;
    unsigned                  month, day;
    const torus_time_word_t  *word;

    word = torus_time_find(t, torus_time_units, &len);

    if (word->kind == TORUS_WORD_WEEKS && word->value != 0) {
        if (t->has_day) {
            return TORUS_INVALID;
        }

        t->p += len;
        t->has_day = 1;
        t->day = t->today + sign * 7;

        return TORUS_OK;
    }

    if (word->kind == TORUS_WORD_MONTHS && len > 3) {
        t->p += len;
        torus_civil_from_days(t->today, &year, &month, &day);

        n = year * 12 + sign * word->value;
        n += (word->value == 12) ? 0 : (int64_t) month - 1;

        return torus_time_set_day(t, n / 12, n % 12 + 1, 1);
    }

    word = torus_time_find(t, torus_time_words, &len);

    if (word->kind != TORUS_WORD_WEEKDAY || t->has_day) {
        return TORUS_INVALID;
    }

    t->p += len;
    t->has_day = 1;

    if (sign < 0) {
        n = ((t->today + 4 - 1 - word->value) % 7 + 7) % 7;
        t->day = t->today - 1 - n;

    } else {
        n = ((t->today + 3) % 7 + 7) % 7;
        t->day = t->today - n + 7 + (word->value + 6) % 7;
    }

    return TORUS_OK;
}


static int
torus_time_span(torus_time_t *t, int64_t n, const torus_time_word_t *unit)
{
    t->has_span = 1;

    if (unit->kind == TORUS_WORD_MONTHS) {
        t->span_months += n * unit->value;

    } else {
        t->span += n * unit->value;
    }

    return TORUS_OK;
}


/* The sign of the spans since the last one is known. */
static int
torus_time_spans(torus_time_t *t, int sign)
{
    if (!t->has_span || t->in) {
        return TORUS_INVALID;
    }

    t->seconds += sign * t->span;
    t->months += sign * t->span_months;

    t->span = 0;
    t->span_months = 0;
    t->has_span = 0;
    t->has_offset = 1;

    return TORUS_OK;
}


static int
torus_time_finish(torus_time_t *t, int64_t *ts)
{
    int64_t  n;

    if (t->has_span) {
        if (!t->in && !t->unsigned_spans) {
            return torus_time_fault(t, "needs a sign or \"ago\"");
        }

        t->in = 0;
        (void) torus_time_spans(t, 1);
    }

    if (!t->has_now && !t->has_day && !t->has_clock && !t->has_offset) {
        return TORUS_INVALID;
    }

    if (t->has_now && (t->has_day || t->has_clock)) {
        return TORUS_INVALID;
    }

    if (t->has_day || t->has_clock) {
        n = (t->has_day ? t->day : t->today) * TORUS_TIME_DAY + t->clock;
        n = t->has_zone ? n - t->zone : torus_tz_utc(t->tz, n);

    } else {
        n = t->now;
    }

    if ((t->months != 0 && torus_time_add_months(t, &n) != TORUS_OK)
        || n + t->seconds < TORUS_TIME_MIN
        || n + t->seconds > TORUS_TIME_MAX)
    {
        return torus_time_fault(t, "is not within the years 1 to 9999");
    }

    *ts = n + t->seconds;

    return TORUS_OK;
}


/* The same day and time of day, or the last day when there is no such. */
static int
torus_time_add_months(const torus_time_t *t, int64_t *ts)
{
    int64_t   clock, day, year, m, last;
    unsigned  month, mday;

    day = torus_time_local_day(t->tz, *ts);
    clock = *ts + torus_tz_offset(t->tz, *ts) - day * TORUS_TIME_DAY;

    torus_civil_from_days(day, &year, &month, &mday);

    m = year * 12 + (int64_t) month - 1 + t->months;

    if (m < 12 || m >= 10000 * 12) {
        return TORUS_INVALID;
    }

    day = torus_days_from_civil(m / 12, (unsigned) (m % 12 + 1), 1);
    day += mday - 1;

    m++;
    last = torus_days_from_civil(m / 12, (unsigned) (m % 12 + 1), 1) - 1;

    if (day > last) {
        day = last;
    }

    *ts = torus_tz_utc(t->tz, day * TORUS_TIME_DAY + clock);

    return TORUS_OK;
}


static int
torus_time_set_day(torus_time_t *t, int64_t year, int64_t month, int64_t day)
{
    int64_t   y;
    unsigned  m, d;

    if (t->has_day) {
        return TORUS_INVALID;
    }

    if (year < 1 || year > 9999 || month < 1 || month > 12
        || day < 1 || day > 31)
    {
        return torus_time_fault(t, "has a date that there is not");
    }

    t->has_day = 1;
    t->day = torus_days_from_civil(year, (unsigned) month, (unsigned) day);

    /* 30 February reads back as another day */

    torus_civil_from_days(t->day, &y, &m, &d);

    if (d != (unsigned) day) {
        return torus_time_fault(t, "has a date that there is not");
    }

    return TORUS_OK;
}


static int
torus_time_set_clock(torus_time_t *t, int64_t clock)
{
    if (t->has_clock) {
        return TORUS_INVALID;
    }

    t->has_clock = 1;
    t->clock = clock;

    return TORUS_OK;
}


static int
torus_time_fault(torus_time_t *t, const char *fault)
{
    t->fault = fault;

    return TORUS_INVALID;
}


/* How many digits there are, 0 when none or more than fit. */
static int
torus_time_digits(torus_time_t *t, int64_t *n)
{
    int  len;

    *n = 0;

    for (len = 0; t->p < t->end && torus_time_is_digit(*t->p); len++) {
        if (len == TORUS_TIME_DIGITS) {
            return 0;
        }

        *n = *n * 10 + (*t->p - '0');
        t->p++;
    }

    return len;
}


/* len digits that are known to be inside the text; are they? */
static int
torus_time_fixed(const unsigned char *p, int len, int64_t *n)
{
    int  i;

    *n = 0;

    for (i = 0; i < len; i++) {
        if (!torus_time_is_digit(p[i])) {
            return 0;
        }

        *n = *n * 10 + (p[i] - '0');
    }

    return 1;
}


static void
torus_time_blanks(torus_time_t *t)
{
    while (t->p < t->end && torus_time_is_blank(*t->p)) {
        t->p++;
    }
}


/* The longest word that begins here; one of kind NONE when there is none. */
static const torus_time_word_t *
torus_time_find(const torus_time_t *t, const torus_time_word_t *words,
    size_t *len)
{
    size_t                    i, left, longest;
    const torus_time_word_t  *word, *found;

    longest = 0;
    found = NULL;
    left = (size_t) (t->end - t->p);

    for (word = words; word->name != NULL; word++) {
        for (i = 0; i < left && word->name[i] != '\0'; i++) {
            if (torus_time_lower(t->p[i]) != word->name[i]) {
                break;
            }
        }

        if (word->name[i] == '\0' && i > longest) {
            longest = i;
            found = word;
        }
    }

    *len = longest;

    return (found == NULL) ? word : found;
}


static int64_t
torus_time_local_day(const torus_tz_t *tz, int64_t ts)
{
    int64_t  local;

    local = ts + torus_tz_offset(tz, ts);

    return local / TORUS_TIME_DAY - (local % TORUS_TIME_DAY < 0);
}
