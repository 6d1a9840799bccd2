/*
 * TZif (RFC 8536): a header and a block of transitions in 32 bits; from
 * version 2 on the same again in 64 bits, and a footer with a POSIX TZ string
 * for the time after the last transition.
 *
 * The bytes come from a file that somebody may have put there: every count
 * is checked against what is left before anything is read or allocated.
 */

#include "torus_tz.h"
#include "torus_interval.h"


#define TORUS_TZIF_HEAD     44
#define TORUS_TZ_NAME       64
#define TORUS_TZ_MAX        (26 * 3600 - 1)   /* of offsets, by the RFC */


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
} torus_tz_text_t;

typedef struct {
    uint64_t              isut;
    uint64_t              isstd;
    uint64_t              leap;
    uint64_t              time;
    uint64_t              type;
    uint64_t              chars;
} torus_tz_counts_t;


static int torus_tz_header(torus_tz_text_t *t, torus_tz_counts_t *c,
    int *version);
static int torus_tz_block(torus_tz_text_t *t, const torus_tz_counts_t *c,
    size_t width, torus_arena_t *arena, torus_tz_t *tz);
static uint64_t torus_tz_size(const torus_tz_counts_t *c, size_t width);
static uint64_t torus_tz_read(const unsigned char *p, size_t width);
static int64_t torus_tz_signed(const unsigned char *p, size_t width);

static int torus_tz_footer(torus_tz_text_t *t, torus_tz_t *tz);
static int torus_tz_posix(torus_tz_text_t *t, torus_tz_t *tz);
static int torus_tz_posix_name(torus_tz_text_t *t);
static int torus_tz_posix_time(torus_tz_text_t *t, int hours, int32_t *time);
static int torus_tz_posix_rule(torus_tz_text_t *t, torus_tz_rule_t *rule);
static int torus_tz_posix_int(torus_tz_text_t *t, int min, int max, int *n);
static int torus_tz_skip(torus_tz_text_t *t, unsigned char c);

static int32_t torus_tz_tail(const torus_tz_t *tz, int64_t ts);
static int64_t torus_tz_rule_start(const torus_tz_rule_t *rule, int64_t year);
static int64_t torus_tz_clamp(int64_t ts);


int
torus_tz_name_valid(torus_str_t name)
{
    size_t         i;
    unsigned char  c, last;

    if (name.len == 0 || name.len > TORUS_TZ_NAME) {
        return 0;
    }

    last = '/';

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if (c == '/') {
            if (last == '/') {
                return 0;
            }

        } else if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                     || (c >= '0' && c <= '9')
                     || c == '_' || c == '+' || c == '-'))
        {
            return 0;
        }

        last = c;
    }

    return last != '/';
}


int
torus_tz_load(const void *data, size_t len, torus_arena_t *arena,
    torus_tz_t *tz)
{
    int                rc, version;
    size_t             width;
    torus_tz_text_t    t;
    torus_tz_counts_t  c;

    memset(tz, 0, sizeof(torus_tz_t));

    if (len < TORUS_TZIF_HEAD) {
        return TORUS_DECLINED;
    }

    t.p = data;
    t.end = t.p + len;
    width = 4;

    if (torus_tz_header(&t, &c, &version) != TORUS_OK) {
        return TORUS_DECLINED;
    }

    if (version >= 2) {

        /* the same follows in 64 bits */

        t.p += torus_tz_size(&c, 4);
        width = 8;

        if (torus_tz_header(&t, &c, &version) != TORUS_OK || version < 2) {
            return TORUS_DECLINED;
        }

        if (torus_tz_size(&c, 8) > (uint64_t) (t.end - t.p)) {
            return TORUS_DECLINED;
        }
    }

    rc = torus_tz_block(&t, &c, width, arena, tz);

    if (rc != TORUS_OK || width == 4) {
        return rc;
    }

    return torus_tz_footer(&t, tz);
}


/* A header, behind which the data of a block of 32 bits would fit. */
static int
torus_tz_header(torus_tz_text_t *t, torus_tz_counts_t *c, int *version)
{
    const unsigned char  *p;

    if ((size_t) (t->end - t->p) < TORUS_TZIF_HEAD) {
        return TORUS_DECLINED;
    }

    p = t->p;

    if (memcmp(p, "TZif", 4) != 0) {
        return TORUS_DECLINED;
    }

    *version = (p[4] == '\0') ? 1 : p[4] - '0';

    c->isut = torus_tz_read(p + 20, 4);
    c->isstd = torus_tz_read(p + 24, 4);
    c->leap = torus_tz_read(p + 28, 4);
    c->time = torus_tz_read(p + 32, 4);
    c->type = torus_tz_read(p + 36, 4);
    c->chars = torus_tz_read(p + 40, 4);

    t->p += TORUS_TZIF_HEAD;

    if (torus_tz_size(c, 4) > (uint64_t) (t->end - t->p)) {
        return TORUS_DECLINED;
    }

    return TORUS_OK;
}


/* The sum of six numbers below 2^32 times 12 at most: cannot overflow. */
static uint64_t
torus_tz_size(const torus_tz_counts_t *c, size_t width)
{
    return c->time * (width + 1) + c->type * 6 + c->chars
           + c->leap * (width + 4) + c->isstd + c->isut;
}


static int
torus_tz_block(torus_tz_text_t *t, const torus_tz_counts_t *c, size_t width,
    torus_arena_t *arena, torus_tz_t *tz)
{
    size_t                i;
    int64_t               offset;
    const unsigned char  *times, *index, *types;

    if (c->type == 0) {
        return TORUS_DECLINED;
    }

    tz->n = (size_t) c->time;

    times = t->p;
    index = times + tz->n * width;
    types = index + tz->n;

    tz->times = torus_arena_calloc(arena, tz->n, sizeof(int64_t));
    tz->offsets = torus_arena_calloc(arena, tz->n, sizeof(int32_t));

    if (tz->times == NULL || tz->offsets == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < c->type; i++) {
        offset = torus_tz_signed(types + i * 6, 4);

        if (offset < -TORUS_TZ_MAX || offset > TORUS_TZ_MAX) {
            return TORUS_DECLINED;
        }
    }

    tz->first = (int32_t) torus_tz_signed(types, 4);

    for (i = 0; i < tz->n; i++) {
        tz->times[i] = torus_tz_signed(times + i * width, width);

        if (index[i] >= c->type
            || (i > 0 && tz->times[i] <= tz->times[i - 1]))
        {
            return TORUS_DECLINED;
        }

        tz->offsets[i] = (int32_t) torus_tz_signed(types + index[i] * 6, 4);
    }

    t->p += torus_tz_size(c, width);

    return TORUS_OK;
}


static uint64_t
torus_tz_read(const unsigned char *p, size_t width)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < width; i++) {
        n = (n << 8) | p[i];
    }

    return n;
}


static int64_t
torus_tz_signed(const unsigned char *p, size_t width)
{
    uint64_t  n, sign;

    n = torus_tz_read(p, width);
    sign = (uint64_t) 1 << (width * 8 - 1);

    /* without a cast out of range: below zero by hand */

    if (n & sign) {
        return -(int64_t) (sign - 1 - (n & (sign - 1))) - 1;
    }

    return (int64_t) n;
}


/* "\n", a POSIX TZ string or nothing, "\n". */
static int
torus_tz_footer(torus_tz_text_t *t, torus_tz_t *tz)
{
    torus_tz_text_t       line;
    const unsigned char  *end;

    if (!torus_tz_skip(t, '\n')) {
        return TORUS_DECLINED;
    }

    end = memchr(t->p, '\n', (size_t) (t->end - t->p));
    if (end == NULL) {
        return TORUS_DECLINED;
    }

    if (end == t->p) {
        return TORUS_OK;
    }

    line.p = t->p;
    line.end = end;

    if (torus_tz_posix(&line, tz) != TORUS_OK || line.p != line.end) {
        return TORUS_DECLINED;
    }

    tz->has_tail = 1;

    return TORUS_OK;
}


/* "CET-1CEST,M3.5.0,M10.5.0/3"; offsets there are west of UTC. */
static int
torus_tz_posix(torus_tz_text_t *t, torus_tz_t *tz)
{
    int32_t          west;
    torus_tz_text_t  usual;

    static const char  us[] = "M3.2.0,M11.1.0";

    if (torus_tz_posix_name(t) != TORUS_OK
        || torus_tz_posix_time(t, 24, &west) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    tz->standard = -west;

    if (t->p == t->end) {
        return TORUS_OK;
    }

    if (torus_tz_posix_name(t) != TORUS_OK) {
        return TORUS_DECLINED;
    }

    tz->has_saving = 1;
    tz->saving = tz->standard + 3600;

    if (t->p < t->end && *t->p != ',') {
        if (torus_tz_posix_time(t, 24, &west) != TORUS_OK) {
            return TORUS_DECLINED;
        }

        tz->saving = -west;
    }

    if (t->p == t->end) {
        usual.p = (const unsigned char *) us;
        usual.end = usual.p + sizeof(us) - 1;
        t = &usual;

    } else if (!torus_tz_skip(t, ',')) {
        return TORUS_DECLINED;
    }

    if (torus_tz_posix_rule(t, &tz->begin) != TORUS_OK
        || !torus_tz_skip(t, ',')
        || torus_tz_posix_rule(t, &tz->end) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    return TORUS_OK;
}


/* "CET" or "<+03>", of which only that it is there matters. */
static int
torus_tz_posix_name(torus_tz_text_t *t)
{
    const unsigned char  *p;

    if (torus_tz_skip(t, '<')) {
        while (t->p < t->end && *t->p != '>') {
            t->p++;
        }

        return torus_tz_skip(t, '>') ? TORUS_OK : TORUS_DECLINED;
    }

    p = t->p;

    while (t->p < t->end && (*t->p | 0x20) >= 'a' && (*t->p | 0x20) <= 'z') {
        t->p++;
    }

    return (t->p - p >= 3) ? TORUS_OK : TORUS_DECLINED;
}


/* [+-]h[h[h]][:mm[:ss]] */
static int
torus_tz_posix_time(torus_tz_text_t *t, int hours, int32_t *time)
{
    int  h, m, s, negative;

    m = 0;
    s = 0;
    negative = torus_tz_skip(t, '-');

    if (!negative) {
        (void) torus_tz_skip(t, '+');
    }

    if (torus_tz_posix_int(t, 0, hours, &h) != TORUS_OK) {
        return TORUS_DECLINED;
    }

    if (torus_tz_skip(t, ':')) {
        if (torus_tz_posix_int(t, 0, 59, &m) != TORUS_OK) {
            return TORUS_DECLINED;
        }

        if (torus_tz_skip(t, ':')
            && torus_tz_posix_int(t, 0, 59, &s) != TORUS_OK)
        {
            return TORUS_DECLINED;
        }
    }

    *time = (h * 60 + m) * 60 + s;

    if (negative) {
        *time = -*time;
    }

    return TORUS_OK;
}


/* "M3.5.0/3", "J60", "59"; at two o'clock unless it says so. */
static int
torus_tz_posix_rule(torus_tz_text_t *t, torus_tz_rule_t *rule)
{
    int  rc;

    rule->time = 2 * 3600;

    if (torus_tz_skip(t, 'M')) {
        rule->kind = 'M';
        rc = torus_tz_posix_int(t, 1, 12, &rule->month);

        if (rc == TORUS_OK && torus_tz_skip(t, '.')) {
            rc = torus_tz_posix_int(t, 1, 5, &rule->week);

            if (rc == TORUS_OK && torus_tz_skip(t, '.')) {
                rc = torus_tz_posix_int(t, 0, 6, &rule->day);

            } else {
                rc = TORUS_DECLINED;
            }

        } else {
            rc = TORUS_DECLINED;
        }

    } else if (torus_tz_skip(t, 'J')) {
        rule->kind = 'J';
        rc = torus_tz_posix_int(t, 1, 365, &rule->day);

    } else {
        rule->kind = '0';
        rc = torus_tz_posix_int(t, 0, 365, &rule->day);
    }

    if (rc == TORUS_OK && torus_tz_skip(t, '/')) {
        rc = torus_tz_posix_time(t, 167, &rule->time);
    }

    return rc;
}


static int
torus_tz_posix_int(torus_tz_text_t *t, int min, int max, int *n)
{
    const unsigned char  *p;

    p = t->p;
    *n = 0;

    while (t->p < t->end && t->p - p < 3 && *t->p >= '0' && *t->p <= '9') {
        *n = *n * 10 + (*t->p - '0');
        t->p++;
    }

    return (t->p > p && *n >= min && *n <= max) ? TORUS_OK : TORUS_DECLINED;
}


static int
torus_tz_skip(torus_tz_text_t *t, unsigned char c)
{
    if (t->p == t->end || *t->p != c) {
        return 0;
    }

    t->p++;

    return 1;
}


int32_t
torus_tz_offset(const torus_tz_t *tz, int64_t ts)
{
    size_t  low, high, mid;

    if (tz == NULL) {
        return 0;
    }

    if (tz->has_tail && (tz->n == 0 || ts >= tz->times[tz->n - 1])) {
        return torus_tz_tail(tz, ts);
    }

    if (tz->n == 0 || ts < tz->times[0]) {
        return tz->first;
    }

    /* times[low] <= ts < times[high] */

    low = 0;
    high = tz->n;

    while (high - low > 1) {
        mid = low + (high - low) / 2;

        if (tz->times[mid] <= ts) {
            low = mid;

        } else {
            high = mid;
        }
    }

    return tz->offsets[low];
}


static int32_t
torus_tz_tail(const torus_tz_t *tz, int64_t ts)
{
    int       saving;
    int64_t   local, year, begin, end;
    unsigned  month, day;

    if (!tz->has_saving) {
        return tz->standard;
    }

    ts = torus_tz_clamp(ts);
    local = ts + tz->standard;

    torus_civil_from_days(local / 86400 - (local % 86400 < 0), &year, &month,
                          &day);

    begin = torus_tz_rule_start(&tz->begin, year) - tz->standard;
    end = torus_tz_rule_start(&tz->end, year) - tz->saving;

    if (begin < end) {
        saving = (begin <= ts && ts < end);

    } else {
        /* of the south: over new year */
        saving = !(end <= ts && ts < begin);
    }

    return saving ? tz->saving : tz->standard;
}


/* In local time. */
static int64_t
torus_tz_rule_start(const torus_tz_rule_t *rule, int64_t year)
{
    int      leap;
    int64_t  first, day, next, weekday;

    first = torus_days_from_civil(year, 1, 1);
    leap = (torus_days_from_civil(year + 1, 1, 1) - first == 366);

    switch (rule->kind) {

    case 'M':
        day = torus_days_from_civil(year, (unsigned) rule->month, 1);

        next = (rule->month == 12)
               ? first + 365 + leap
               : torus_days_from_civil(year, (unsigned) rule->month + 1, 1);

        /* the epoch was a Thursday */

        weekday = ((day + 4) % 7 + 7) % 7;
        day += (rule->day - weekday + 7) % 7;
        day += 7 * (rule->week - 1);

        if (day >= next) {
            day -= 7;
        }

        break;

    case 'J':
        /* 1 to 365, 29 February is never counted */
        day = first + rule->day - 1 + (leap && rule->day >= 60);
        break;

    default:
        day = first + rule->day;
        break;
    }

    return day * 86400 + rule->time;
}


int64_t
torus_tz_utc(const torus_tz_t *tz, int64_t local)
{
    int32_t  before, after;

    if (tz == NULL) {
        return local;
    }

    local = torus_tz_clamp(local);

    before = torus_tz_offset(tz, local - 86400);
    after = torus_tz_offset(tz, local + 86400);

    if (torus_tz_offset(tz, local - before) == before) {
        return local - before;
    }

    if (torus_tz_offset(tz, local - after) == after) {
        return local - after;
    }

    /* in a gap: what the clock before it would have shown */

    return local - before;
}


/* To the years 1 to 9999, so that an offset cannot make it overflow. */
static int64_t
torus_tz_clamp(int64_t ts)
{
    if (ts < TORUS_TIME_MIN) {
        return TORUS_TIME_MIN;
    }

    return (ts > TORUS_TIME_MAX) ? TORUS_TIME_MAX : ts;
}
