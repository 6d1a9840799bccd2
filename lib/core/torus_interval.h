/*
 * Buckets: how a timestamp becomes a number that is part of a Redis key.
 *
 * A step is a number of seconds (bucket = floor(ts / step)) or a calendar
 * unit in UTC, whose bucket is a date written as an integer: daily YYYYMMDD,
 * weekly YYYYWW (weeks begin on Sunday, the days before the first Sunday are
 * week 00: strftime %Y%U), monthly YYYYMM, yearly YYYY.  Calendar buckets
 * are therefore not consecutive integers: walk them with torus_step_add().
 *
 * All times are seconds since the epoch, UTC.  Calendar steps serve the
 * years 1 to 9999; a timestamp outside is taken to the nearest end.
 */

#ifndef _TORUS_INTERVAL_H_INCLUDED_
#define _TORUS_INTERVAL_H_INCLUDED_


#include "torus_core.h"


typedef enum {
    TORUS_STEP_SECONDS = 0,
    TORUS_STEP_DAILY,
    TORUS_STEP_WEEKLY,
    TORUS_STEP_MONTHLY,
    TORUS_STEP_YEARLY
} torus_step_kind_t;


typedef struct {
    torus_step_kind_t  kind;
    int64_t            seconds;   /* > 0 for TORUS_STEP_SECONDS, else 0 */
} torus_step_t;


typedef struct {
    torus_str_t        name;      /* no ':' and no '.' in it */
    torus_step_t       step;
    torus_step_t       resolution;
    int64_t            steps;     /* 0: kept for ever */
    int                coarse;    /* resolution equals step */
    int                packed;    /* one key per bucket, torus_layout.h */
} torus_interval_t;


/* Earliest and latest timestamp that any function here takes or returns. */
#define TORUS_TIME_MIN  (-62135596800)   /* 0001-01-01T00:00:00Z */
#define TORUS_TIME_MAX  253402300799     /* 9999-12-31T23:59:59Z */


/*
 * "60", "30s", "5min", "1h", "7d", "1w", "3mon" (30 days each), "1y" (365
 * days), or daily weekly monthly yearly.  TORUS_INVALID with a reason, which
 * for a bare "5m" says that it is ambiguous.  The reason is a clause that
 * fits behind the name of a key: "must be ..., not \"5m\"".
 */
int torus_step_parse(torus_str_t text, torus_step_t *step, torus_error_t *err);

/* The number of the bucket that holds ts, seconds since 1970. */
int64_t torus_step_bucket(const torus_step_t *step, int64_t ts);

/* The first second of a bucket; of weekly YYYY00 that is 1 January. */
int64_t torus_step_start(const torus_step_t *step, int64_t bucket);

/* The n-th bucket after (n < 0: before) this one. */
int64_t torus_step_add(const torus_step_t *step, int64_t bucket, int64_t n);

/* The next one of a bucket that is not the last of all. */
#define torus_step_next(step, bucket)                                         \
    ((step)->kind == TORUS_STEP_SECONDS                                       \
     ? (bucket) + 1 : torus_step_add(step, bucket, 1))

/* How many buckets from first to last, both included; 0 if last is before. */
int64_t torus_step_count(const torus_step_t *step, int64_t first, int64_t last);

/* Seconds in this bucket. */
int64_t torus_step_length(const torus_step_t *step, int64_t bucket);

/* Is this a bucket number that torus_step_bucket() can return? */
int torus_step_valid(const torus_step_t *step, int64_t bucket);

/* The typical length of a step in seconds: month 30 days, year 365 days. */
int64_t torus_step_nominal(const torus_step_t *step);

/* Are they the same span, or the same of the calendar? */
int torus_step_eq(const torus_step_t *a, const torus_step_t *b);

/* "60s", "daily": as torus_step_parse() reads it; dst has 32 bytes. */
size_t torus_step_print(char *dst, const torus_step_t *step);


/*
 * When the keys of an interval bucket expire: the start of bucket + steps +
 * 1, fixed by the bucket alone; 0 when kept for ever.
 */
int64_t torus_interval_expire(const torus_interval_t *iv, int64_t bucket);

/* Is this bucket older than the last iv->steps buckets at now? */
int torus_interval_expired(const torus_interval_t *iv, int64_t bucket,
    int64_t now);

/*
 * How many steps (rounded up) keep seconds, or a calendar span, in an
 * interval of that step.
 */
int64_t torus_interval_keep(const torus_step_t *step, const torus_step_t *keep);


/* Civil date arithmetic, proleptic Gregorian, UTC. */
int64_t torus_days_from_civil(int64_t year, unsigned month, unsigned day);
void torus_civil_from_days(int64_t days, int64_t *year, unsigned *month,
    unsigned *day);


#endif /* _TORUS_INTERVAL_H_INCLUDED_ */
