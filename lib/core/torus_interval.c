/*
 * Buckets.  Every step has an ordinal behind its bucket numbers: consecutive
 * integers, on which adding and counting are plain arithmetic.  For seconds
 * it is the bucket itself, for days the day since the epoch, for months and
 * years the month and year since year 0.
 *
 * A week that new year splits is two weekly buckets (201352 and 201400), so
 * the ordinal of a week is its number since the epoch plus the number of
 * years so far that did not begin on a Sunday.
 *
 * Whatever comes in is first brought into range: timestamps to the years 1 to
 * 9999, bucket numbers to the nearest that exists, sums to 64 bits.
 */

#include "torus_interval.h"

#include <inttypes.h>


#define TORUS_DAY         86400
#define TORUS_MIN_YEAR    1
#define TORUS_MAX_YEAR    9999

/* Above any calendar bucket, and its year above TORUS_MAX_YEAR. */
#define TORUS_MAX_BUCKET  1000000000

/* Per 400 years, after which days of the week repeat: */
#define TORUS_CYCLE_YEARS    400
#define TORUS_CYCLE_DAYS     146097
#define TORUS_CYCLE_SPLIT    342      /* years that begin within a week */
#define TORUS_CYCLE_WEEKLY   (TORUS_CYCLE_DAYS / 7 + TORUS_CYCLE_SPLIT)


typedef struct {
    const char  *name;
    int64_t      seconds;
} torus_step_unit_t;


static int torus_step_fault(torus_str_t text, torus_error_t *err);
static int64_t torus_step_ordinal(const torus_step_t *step, int64_t bucket);
static int64_t torus_step_from_ordinal(const torus_step_t *step, int64_t n);
static int64_t torus_step_from_day(const torus_step_t *step, int64_t day);
static int64_t torus_step_first_day(const torus_step_t *step, int64_t bucket);
static int64_t torus_step_longest(const torus_step_t *step);

static int64_t torus_weekly_ordinal(int64_t bucket);
static int64_t torus_weekly_from_ordinal(int64_t n);
static int64_t torus_weekly_first_day(int64_t bucket);
static int64_t torus_weekly_year(int64_t year);
static int64_t torus_weekly_splits(int64_t year);
static int64_t torus_weekly_week(int64_t year, int64_t day);

static unsigned torus_weekday(int64_t day);
static unsigned torus_month_days(int64_t year, unsigned month);
static int64_t torus_floor_div(int64_t a, int64_t b);
static int64_t torus_clamp(int64_t n, int64_t min, int64_t max);
static int64_t torus_add_clamped(int64_t a, int64_t b);


static const torus_step_unit_t  torus_step_units[] = {
    { "",    1 },
    { "s",   1 },
    { "min", 60 },
    { "h",   3600 },
    { "d",   TORUS_DAY },
    { "w",   7 * TORUS_DAY },
    { "mon", 30 * TORUS_DAY },
    { "y",   365 * TORUS_DAY },
    { NULL,  0 }
};

/* In the order of torus_step_kind_t. */
static const char *const  torus_step_names[] = {
    NULL, "daily", "weekly", "monthly", "yearly"
};


int
torus_step_parse(torus_str_t text, torus_step_t *step, torus_error_t *err)
{
    int                       kind;
    size_t                    i;
    int64_t                   n;
    torus_str_t               unit;
    const torus_step_unit_t  *u;

    for (kind = TORUS_STEP_DAILY; kind <= TORUS_STEP_YEARLY; kind++) {
        if (torus_str_is(text, torus_step_names[kind])) {
            step->kind = (torus_step_kind_t) kind;
            step->seconds = 0;

            return TORUS_OK;
        }
    }

    n = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        if (n <= TORUS_TIME_MAX) {
            n = n * 10 + (text.data[i] - '0');
        }
    }

    if (i == 0) {
        return torus_step_fault(text, err);
    }

    unit = torus_str(text.data + i, text.len - i);

    for (u = torus_step_units; u->name != NULL; u++) {
        if (torus_str_is(unit, u->name)) {
            break;
        }
    }

    if (u->name == NULL) {
        return torus_step_fault(text, err);
    }

    if (n == 0) {
        return torus_error(err, "must be longer than 0");
    }

    if (n > TORUS_TIME_MAX / u->seconds) {
        return torus_error(err, "must be shorter than 8000 years");
    }

    step->kind = TORUS_STEP_SECONDS;
    step->seconds = n * u->seconds;

    return TORUS_OK;
}


static int
torus_step_fault(torus_str_t text, torus_error_t *err)
{
    int     n;
    char    quoted[64];
    size_t  len, digits;

    len = torus_escape(quoted, sizeof(quoted), text);

    for (digits = 0; digits < text.len; digits++) {
        if (text.data[digits] < '0' || text.data[digits] > '9') {
            break;
        }
    }

    if (digits > 0 && digits + 1 == text.len && text.data[digits] == 'm'
        && digits < sizeof(quoted))
    {
        n = (int) digits;

        return torus_error(err, "must be \"%.*smin\" (minutes) or "
                           "\"%.*smon\" (months of 30 days), not \"%.*sm\", "
                           "which is ambiguous",
                           n, text.data, n, text.data, n, text.data);
    }

    return torus_error(err, "must be seconds, a number with one of s min h d "
                       "w mon y, or one of daily weekly monthly yearly, "
                       "not \"%.*s\"", (int) len, quoted);
}


int64_t
torus_step_bucket(const torus_step_t *step, int64_t ts)
{
    ts = torus_clamp(ts, TORUS_TIME_MIN, TORUS_TIME_MAX);

    if (step->kind == TORUS_STEP_SECONDS) {
        return torus_floor_div(ts, step->seconds);
    }

    return torus_step_from_day(step, torus_floor_div(ts, TORUS_DAY));
}


static int64_t
torus_step_from_day(const torus_step_t *step, int64_t day)
{
    int64_t   year;
    unsigned  month, mday;

    torus_civil_from_days(day, &year, &month, &mday);

    switch (step->kind) {

    case TORUS_STEP_DAILY:
        return year * 10000 + month * 100 + mday;

    case TORUS_STEP_WEEKLY:
        return year * 100 + torus_weekly_week(year, day);

    case TORUS_STEP_MONTHLY:
        return year * 100 + month;

    default:
        return year;
    }
}


int64_t
torus_step_start(const torus_step_t *step, int64_t bucket)
{
    int64_t  ts;

    if (step->kind == TORUS_STEP_SECONDS) {
        if (__builtin_mul_overflow(bucket, step->seconds, &ts)) {
            ts = (bucket < 0) ? INT64_MIN : INT64_MAX;
        }

    } else {
        ts = torus_step_first_day(step, bucket) * TORUS_DAY;
    }

    return torus_clamp(ts, TORUS_TIME_MIN, TORUS_TIME_MAX);
}


/* A number that is no bucket is read as the nearest date. */
static int64_t
torus_step_first_day(const torus_step_t *step, int64_t bucket)
{
    int64_t   year, month, day;
    unsigned  last;

    month = 1;
    day = 1;
    bucket = torus_clamp(bucket, 0, TORUS_MAX_BUCKET);

    switch (step->kind) {

    case TORUS_STEP_DAILY:
        year = bucket / 10000;
        month = bucket / 100 % 100;
        day = bucket % 100;
        break;

    case TORUS_STEP_WEEKLY:
        return torus_weekly_first_day(bucket);

    case TORUS_STEP_MONTHLY:
        year = bucket / 100;
        month = bucket % 100;
        break;

    default:
        year = bucket;
        break;
    }

    if (year < TORUS_MIN_YEAR) {
        return torus_days_from_civil(TORUS_MIN_YEAR, 1, 1);
    }

    if (year > TORUS_MAX_YEAR) {
        year = TORUS_MAX_YEAR;
        month = (step->kind == TORUS_STEP_YEARLY) ? 1 : 12;
        day = (step->kind == TORUS_STEP_DAILY) ? 31 : 1;
    }

    month = torus_clamp(month, 1, 12);
    last = torus_month_days(year, (unsigned) month);
    day = torus_clamp(day, 1, last);

    return torus_days_from_civil(year, (unsigned) month, (unsigned) day);
}


int64_t
torus_step_add(const torus_step_t *step, int64_t bucket, int64_t n)
{
    n = torus_add_clamped(torus_step_ordinal(step, bucket), n);

    if (step->kind == TORUS_STEP_SECONDS) {

        /* clamps it alike */

        return torus_step_ordinal(step, n);
    }

    return torus_step_from_ordinal(step, n);
}


int64_t
torus_step_count(const torus_step_t *step, int64_t first, int64_t last)
{
    first = torus_step_ordinal(step, first);
    last = torus_step_ordinal(step, last);

    return (last < first) ? 0 : last - first + 1;
}


static int64_t
torus_step_ordinal(const torus_step_t *step, int64_t bucket)
{
    int64_t   day, year, ts;
    unsigned  month, mday;

    if (step->kind == TORUS_STEP_SECONDS) {

        /* nearly always, and without a division */

        if (!__builtin_mul_overflow(bucket, step->seconds, &ts)
            && ts >= TORUS_TIME_MIN && ts <= TORUS_TIME_MAX)
        {
            return bucket;
        }

        return torus_clamp(bucket,
                           torus_floor_div(TORUS_TIME_MIN, step->seconds),
                           torus_floor_div(TORUS_TIME_MAX, step->seconds));
    }

    if (step->kind == TORUS_STEP_WEEKLY) {
        return torus_weekly_ordinal(bucket);
    }

    day = torus_step_first_day(step, bucket);

    if (step->kind == TORUS_STEP_DAILY) {
        return day;
    }

    torus_civil_from_days(day, &year, &month, &mday);

    return (step->kind == TORUS_STEP_MONTHLY) ? year * 12 + month - 1 : year;
}


static int64_t
torus_step_from_ordinal(const torus_step_t *step, int64_t n)
{
    int64_t  first, last;

    first = torus_step_ordinal(step, torus_step_bucket(step, INT64_MIN));
    last = torus_step_ordinal(step, torus_step_bucket(step, INT64_MAX));

    n = torus_clamp(n, first, last);

    switch (step->kind) {

    case TORUS_STEP_DAILY:
        return torus_step_from_day(step, n);

    case TORUS_STEP_WEEKLY:
        return torus_weekly_from_ordinal(n);

    case TORUS_STEP_MONTHLY:
        return n / 12 * 100 + n % 12 + 1;

    default:
        return n;
    }
}


int64_t
torus_step_length(const torus_step_t *step, int64_t bucket)
{
    int64_t  next, start;

    if (step->kind == TORUS_STEP_SECONDS) {
        return step->seconds;
    }

    start = torus_step_start(step, bucket);
    next = torus_step_start(step, torus_step_add(step, bucket, 1));

    if (next <= start) {
        /* the last bucket there is */
        next = TORUS_TIME_MAX + 1;
    }

    return next - start;
}


int
torus_step_valid(const torus_step_t *step, int64_t bucket)
{
    return torus_step_bucket(step, torus_step_start(step, bucket)) == bucket;
}


int64_t
torus_step_nominal(const torus_step_t *step)
{
    switch (step->kind) {

    case TORUS_STEP_DAILY:
        return TORUS_DAY;

    case TORUS_STEP_WEEKLY:
        return 7 * TORUS_DAY;

    case TORUS_STEP_MONTHLY:
        return 30 * TORUS_DAY;

    case TORUS_STEP_YEARLY:
        return 365 * TORUS_DAY;

    default:
        return step->seconds;
    }
}


static int64_t
torus_step_longest(const torus_step_t *step)
{
    switch (step->kind) {

    case TORUS_STEP_MONTHLY:
        return 31 * TORUS_DAY;

    case TORUS_STEP_YEARLY:
        return 366 * TORUS_DAY;

    default:
        return torus_step_nominal(step);
    }
}


int
torus_step_eq(const torus_step_t *a, const torus_step_t *b)
{
    return a->kind == b->kind
           && (a->kind != TORUS_STEP_SECONDS || a->seconds == b->seconds);
}


size_t
torus_step_print(char *dst, const torus_step_t *step)
{
    int  n;

    if (step->kind == TORUS_STEP_SECONDS) {
        n = snprintf(dst, 32, "%" PRId64 "s", step->seconds);

    } else {
        n = snprintf(dst, 32, "%s", torus_step_names[step->kind]);
    }

    return (n < 0) ? 0 : (size_t) n;
}


int64_t
torus_interval_expire(const torus_interval_t *iv, int64_t bucket)
{
    int64_t  n;

    if (iv->steps <= 0) {
        return 0;
    }

    n = torus_add_clamped(iv->steps, 1);

    return torus_step_start(&iv->step, torus_step_add(&iv->step, bucket, n));
}


int
torus_interval_expired(const torus_interval_t *iv, int64_t bucket,
    int64_t now)
{
    int64_t  current;

    if (iv->steps <= 0) {
        return 0;
    }

    current = torus_step_bucket(&iv->step, now);

    /* on ordinals: a sum of buckets would stop at year 1 */

    return torus_step_ordinal(&iv->step, bucket)
           <= torus_add_clamped(torus_step_ordinal(&iv->step, current),
                                -iv->steps);
}


int64_t
torus_interval_keep(const torus_step_t *step, const torus_step_t *keep)
{
    int64_t  span, length;

    if (step->kind == TORUS_STEP_MONTHLY && keep->kind == TORUS_STEP_YEARLY) {
        return 12;
    }

    if (step->kind != TORUS_STEP_SECONDS && step->kind == keep->kind) {
        return 1;
    }

    span = torus_step_longest(keep);

    length = (keep->kind == TORUS_STEP_SECONDS) ? torus_step_nominal(step)
                                                : torus_step_longest(step);

    return span / length + (span % length != 0);
}


static int64_t
torus_weekly_ordinal(int64_t bucket)
{
    int64_t   day, year;
    unsigned  month, mday;

    day = torus_weekly_first_day(bucket);
    torus_civil_from_days(day, &year, &month, &mday);

    return torus_floor_div(day + 4, 7) + torus_weekly_splits(year);
}


static int64_t
torus_weekly_from_ordinal(int64_t n)
{
    int64_t  year, week;

    /* right or nearly so; n counts from 1970, year 1 + n / 53.03 from 1 */

    week = n - torus_weekly_year(TORUS_MIN_YEAR);
    year = 1 + week * TORUS_CYCLE_YEARS / TORUS_CYCLE_WEEKLY;

    while (torus_weekly_year(year) > n) {
        year--;
    }

    while (year < TORUS_MAX_YEAR && torus_weekly_year(year + 1) <= n) {
        year++;
    }

    week = n - torus_weekly_year(year);

    /* a year that begins on a Sunday has no week 00 */

    if (torus_weekday(torus_days_from_civil(year, 1, 1)) == 0) {
        week++;
    }

    return year * 100 + week;
}


static int64_t
torus_weekly_first_day(int64_t bucket)
{
    int64_t  year, week, first, last, begins;

    bucket = torus_clamp(bucket, 0, TORUS_MAX_BUCKET);

    year = bucket / 100;
    week = bucket % 100;

    if (year < TORUS_MIN_YEAR) {
        year = TORUS_MIN_YEAR;
        week = 0;
    }

    if (year > TORUS_MAX_YEAR) {
        year = TORUS_MAX_YEAR;
        week = 99;
    }

    first = torus_days_from_civil(year, 1, 1);
    last = torus_days_from_civil(year, 12, 31);
    begins = torus_weekday(first);

    week = torus_clamp(week, begins == 0, torus_weekly_week(year, last));

    if (week == 0) {
        return first;
    }

    return first + (7 - begins) % 7 + 7 * (week - 1);
}


/* The ordinal of the first bucket of a year. */
static int64_t
torus_weekly_year(int64_t year)
{
    return torus_floor_div(torus_days_from_civil(year, 1, 1) + 4, 7)
           + torus_weekly_splits(year);
}


/*
 * How many of the years 1 to year began on another day than Sunday.
 *
 * 1 January of year 1 was a Monday.  In a century whose first year is
 * 100c + 1, year j of it (from 0) begins on day 1 + 5c + j + j / 4; among any
 * 28 years in a row of it are 4 that begin on a Sunday.
 */
static int64_t
torus_weekly_splits(int64_t year)
{
    int64_t           c, j, n, sundays;
    static const int  full[3] = { 14, 15, 15 };

    sundays = year / TORUS_CYCLE_YEARS
              * (TORUS_CYCLE_YEARS - TORUS_CYCLE_SPLIT);

    n = year % TORUS_CYCLE_YEARS;

    for (c = 0; n >= 100; c++) {
        sundays += full[c];
        n -= 100;
    }

    sundays += n / 28 * 4;

    for (j = n / 28 * 28; j < n; j++) {
        sundays += ((1 + 5 * c + j + j / 4) % 7 == 0);
    }

    return year - sundays;
}


/* Of the year, as strftime's %U. */
static int64_t
torus_weekly_week(int64_t year, int64_t day)
{
    int64_t  yday;

    yday = day - torus_days_from_civil(year, 1, 1);

    return (yday + 7 - torus_weekday(day)) / 7;
}


/*
 * Days and dates by way of years that begin in March, so that the leap day
 * is the last of its year and months follow 31 30 31 30 31 from there.
 */
int64_t
torus_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t  cycle, yday, m;

    m = (month > 2) ? (int64_t) month - 3 : (int64_t) month + 9;
    year -= (month <= 2);

    cycle = torus_floor_div(year, TORUS_CYCLE_YEARS);
    year -= cycle * TORUS_CYCLE_YEARS;

    yday = (153 * m + 2) / 5 + (int64_t) day - 1;

    /* 719468 days from 0000-03-01 to the epoch */

    return cycle * TORUS_CYCLE_DAYS + year * 365 + year / 4 - year / 100
           + yday - 719468;
}


void
torus_civil_from_days(int64_t days, int64_t *year, unsigned *month,
    unsigned *day)
{
    int64_t  cycle, y, yday, m;

    days += 719468;

    cycle = torus_floor_div(days, TORUS_CYCLE_DAYS);
    days -= cycle * TORUS_CYCLE_DAYS;

    /* the leap days before this one do not count towards its year */

    y = (days - days / 1460 + days / 36524 - days / 146096) / 365;
    yday = days - (y * 365 + y / 4 - y / 100);
    m = (5 * yday + 2) / 153;

    *day = (unsigned) (yday - (153 * m + 2) / 5 + 1);
    *month = (unsigned) (m < 10 ? m + 3 : m - 9);
    *year = y + cycle * TORUS_CYCLE_YEARS + (*month <= 2);
}


/* 0 is Sunday. */
static unsigned
torus_weekday(int64_t day)
{
    int64_t  n;

    /* the epoch was a Thursday */
    n = (day + 4) % 7;

    return (unsigned) (n < 0 ? n + 7 : n);
}


static unsigned
torus_month_days(int64_t year, unsigned month)
{
    if (month == 12) {
        return 31;
    }

    return (unsigned) (torus_days_from_civil(year, month + 1, 1)
                       - torus_days_from_civil(year, month, 1));
}


static int64_t
torus_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}


static int64_t
torus_clamp(int64_t n, int64_t min, int64_t max)
{
    if (n < min) {
        return min;
    }

    return (n > max) ? max : n;
}


static int64_t
torus_add_clamped(int64_t a, int64_t b)
{
    int64_t  sum;

    if (__builtin_add_overflow(a, b, &sum)) {
        return (b < 0) ? INT64_MIN : INT64_MAX;
    }

    return sum;
}
