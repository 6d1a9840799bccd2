/*
 * Time zones: the bytes of a TZif file (/usr/share/zoneinfo) become a table
 * of offsets.  Reading the file is the caller's; a NULL zone is UTC
 * everywhere.
 */

#ifndef _TORUS_TZ_H_INCLUDED_
#define _TORUS_TZ_H_INCLUDED_


#include "torus_arena.h"


/* A day of the year at which daylight saving begins or ends. */
typedef struct {
    int       kind;      /* 'M', 'J' or '0', as in a POSIX TZ string */
    int       month;
    int       week;
    int       day;
    int32_t   time;      /* seconds after midnight, may be negative */
} torus_tz_rule_t;


typedef struct {
    int64_t          *times;      /* ascending; from there on: */
    int32_t          *offsets;    /* seconds east of UTC */
    size_t            n;
    int32_t           first;      /* the offset before times[0] */

    /* after the last of times, when has_tail */
    int32_t           standard;
    int32_t           saving;
    torus_tz_rule_t   begin;
    torus_tz_rule_t   end;
    unsigned          has_tail:1;
    unsigned          has_saving:1;
} torus_tz_t;


/*
 * May this be the name of a zone, and so a path below a zoneinfo directory?
 * Letters, digits, "_", "+", "-" and inner slashes, at most 64 bytes.
 */
int torus_tz_name_valid(torus_str_t name);

/*
 * TZif of version 1 or later.  Lives in the arena, does not refer to data.
 * TORUS_OK, TORUS_DECLINED when it is not TZif or broken, TORUS_ERROR when
 * out of memory.
 */
int torus_tz_load(const void *data, size_t len, torus_arena_t *arena,
    torus_tz_t *tz);

/* Seconds east of UTC at a time; of NULL 0. */
int32_t torus_tz_offset(const torus_tz_t *tz, int64_t ts);

/*
 * A local time, as seconds of a clock that began at 1970-01-01 00:00, to
 * UTC.  Of a time that there was twice the first one; one that was left out
 * is as far after the gap as it would be after its beginning.
 */
int64_t torus_tz_utc(const torus_tz_t *tz, int64_t local);


#endif /* _TORUS_TZ_H_INCLUDED_ */
