/*
 * Points in time as people and dashboards write them, one parser for every
 * argument that takes one:
 *
 *   1700000000  1700000000.5         seconds since the epoch
 *   2023-11-01  2023-11-01 10:00     ISO dates, in the zone
 *   2023-11-01T10:00:00.5+01:00      RFC 3339
 *   20231101  11/01/23  nov 1 2023   dates, at midnight
 *   13:37  6pm  noon  teatime        times of day, today
 *   noon yesterday  monday           and of another day
 *   now  -1h30min  midnight-1d       Graphite's at-style: reference, offset
 *   5 days ago  in 2 hours           spans in words
 *   last week  next month            midnight, 7 days ago; its first
 *
 * Letters in any case; blanks, "_" and "," between words mean nothing.
 *
 * After a sign months are 30 days and years 365, as Graphite has them; in
 * words ("3 months ago") they are the calendar's, and a day that a month has
 * not is its last.  "m" is minutes.
 */

#ifndef _TORUS_TIME_H_INCLUDED_
#define _TORUS_TIME_H_INCLUDED_


#include "torus_tz.h"


/*
 * The time in seconds, fractions rounded down.  now is what the text is
 * relative to, tz (NULL: UTC) where clocks and dates are read.  TORUS_OK, or
 * TORUS_INVALID with a reason, a clause that fits behind the name of an
 * argument: "must be a time, ..., not \"yestreday\"".
 */
int torus_time_parse(torus_str_t text, int64_t now, const torus_tz_t *tz,
    int64_t *ts, torus_error_t *err);

/*
 * The same but for spans without a sign or a word: "1h" is an hour from now
 * to torus_time_parse(), while Graphite refuses it; and blanks, "_" and ","
 * within a word or number mean nothing either, nothing but them is now.
 */
int torus_time_parse_graphite(torus_str_t text, int64_t now,
    const torus_tz_t *tz, int64_t *ts, torus_error_t *err);


#endif /* _TORUS_TIME_H_INCLUDED_ */
