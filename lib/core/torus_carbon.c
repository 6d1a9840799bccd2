/*
 * From the bytes of a connection to lines, from a line to a point.
 *
 * The first step of the write path.  A line that is whole in a read is
 * parsed where it lies; only what a read leaves unfinished is copied.  A line
 * of the usual form is read once from left to right, its path sixteen bytes
 * at a time where the machine can.  Whatever is out of the ordinary (other
 * timestamps, tags, empty nodes, bytes outside of ASCII) is left to a second
 * and slower look.
 */

#include "torus_carbon.h"

#include <stdlib.h>

#include "torus_interval.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif


#define TORUS_CARBON_PARTIAL  512    /* first size of the partial line */


typedef struct {
    torus_str_t           tag;
    torus_str_t           value;
} torus_carbon_tag_t;


/* What a line is handed to, the same for all lines of a read. */
typedef struct {
    const torus_carbon_conf_t  *conf;
    size_t                      line_max;
    size_t                      path_max;
    int64_t                     now;
    torus_carbon_handler_pt     handler;
    void                       *ctx;
    unsigned char              *scratch;
} torus_carbon_feed_t;


static void torus_carbon_feed_init(torus_carbon_feed_t *f,
    const torus_carbon_conf_t *conf, int64_t now, unsigned char *scratch);
static int torus_carbon_lines(const torus_carbon_feed_t *f,
    const unsigned char **pp, const unsigned char *last);
static int torus_carbon_deliver(const torus_carbon_feed_t *f,
    torus_str_t line);
static int torus_carbon_too_long(const torus_carbon_feed_t *f,
    torus_str_t line);
static int torus_carbon_join(torus_carbon_t *c, const torus_carbon_feed_t *f,
    const unsigned char *p, const unsigned char *nl);
static int torus_carbon_keep(torus_carbon_t *c, const torus_carbon_feed_t *f,
    const unsigned char *p, const unsigned char *last);
static int torus_carbon_append(torus_carbon_t *c, const unsigned char *p,
    size_t len);
static const unsigned char *torus_carbon_usual(const torus_carbon_feed_t *f,
    const unsigned char *p, const unsigned char *last,
    const unsigned char **stamp, torus_carbon_point_t *point);
static const unsigned char *torus_carbon_path_end(const unsigned char *p,
    const unsigned char *last, int *odd);
static inline const unsigned char *torus_carbon_scan(const unsigned char *p,
    const unsigned char *last);
#ifdef __SSE2__
static inline int torus_carbon_scan_blocks(const unsigned char **pp,
    const unsigned char *last);
#endif
static inline const unsigned char *torus_carbon_word_end(
    const unsigned char *p, const unsigned char *last);
static torus_counter_t torus_carbon_canonical(torus_str_t *path,
    unsigned char *scratch);
static int torus_carbon_text(torus_str_t s);
static size_t torus_carbon_sequence(const unsigned char *p,
    const unsigned char *last);
static size_t torus_carbon_squeeze(unsigned char *dst, torus_str_t name);
static torus_counter_t torus_carbon_tags(torus_str_t s,
    torus_carbon_tag_t *tags, size_t *ntags);
static int torus_carbon_tag_read(torus_str_t s, torus_carbon_tag_t *t);
static void torus_carbon_tag_insert(torus_carbon_tag_t *tags, size_t *n,
    const torus_carbon_tag_t *t);
static int torus_carbon_stamp(const unsigned char *start,
    const unsigned char **end, int64_t now, int64_t *timestamp);
static inline int torus_carbon_stamp_same(const unsigned char *p,
    const unsigned char *stamp);
static inline int torus_carbon_stamp_usual(const unsigned char *p,
    int64_t *timestamp);
static int torus_carbon_stamp_read(const unsigned char *p,
    const unsigned char *last, int64_t now, int64_t *timestamp);


#define torus_carbon_blank(c)  ((c) == ' ' || (c) == '\t')
#define torus_carbon_path_max(conf)                                           \
    ((conf)->path_max < TORUS_CARBON_PATH_LIMIT ? (conf)->path_max            \
                                                : TORUS_CARBON_PATH_LIMIT)

#define torus_carbon_block(p)                                                 \
    _mm_loadu_si128((const __m128i *) (const void *) (p))

#define torus_carbon_digit(c)  ((unsigned char) ((c) - '0') <= 9)


void
torus_carbon_init(torus_carbon_t *c, const torus_carbon_conf_t *conf)
{
    memset(c, 0, sizeof(torus_carbon_t));

    c->conf = conf;
}


void
torus_carbon_free(torus_carbon_t *c)
{
    free(c->partial);

    c->partial = NULL;
    c->len = 0;
    c->size = 0;
    c->discarding = 0;
}


int
torus_carbon_feed(torus_carbon_t *c, const unsigned char *data, size_t len,
    int64_t now, torus_carbon_handler_pt handler, void *ctx, size_t *consumed)
{
    int                   rc;
    unsigned char         scratch[TORUS_CARBON_PATH_LIMIT];
    torus_carbon_feed_t   f;
    const unsigned char  *p, *nl, *last;

    torus_carbon_feed_init(&f, c->conf, now, scratch);
    f.handler = handler;
    f.ctx = ctx;

    rc = TORUS_OK;
    p = data;
    last = data + len;

    if (c->len != 0 || c->discarding) {
        nl = (len == 0) ? NULL : memchr(p, '\n', len);

        if (nl != NULL) {
            rc = torus_carbon_join(c, &f, p, nl);

            if (rc == TORUS_OK) {
                p = nl + 1;
            }
        }
    }

    if (rc == TORUS_OK && c->len == 0 && !c->discarding) {
        rc = torus_carbon_lines(&f, &p, last);
    }

    if (rc == TORUS_OK && p < last) {
        rc = torus_carbon_keep(c, &f, p, last);

        if (rc == TORUS_OK) {
            p = last;
        }
    }

    *consumed = (size_t) (p - data);

    return rc;
}


int
torus_carbon_end(torus_carbon_t *c, int64_t now,
    torus_carbon_handler_pt handler, void *ctx)
{
    int                  rc;
    unsigned char        scratch[TORUS_CARBON_PATH_LIMIT];
    torus_carbon_feed_t  f;

    c->discarding = 0;

    if (c->len == 0) {
        return TORUS_OK;
    }

    torus_carbon_feed_init(&f, c->conf, now, scratch);
    f.handler = handler;
    f.ctx = ctx;

    rc = torus_carbon_deliver(&f, torus_str(c->partial, c->len));

    if (rc == TORUS_OK) {
        c->len = 0;
    }

    return rc;
}


int
torus_carbon_datagram(const torus_carbon_conf_t *conf,
    const unsigned char *data, size_t len, int64_t now,
    torus_carbon_handler_pt handler, void *ctx, size_t *consumed)
{
    int                   rc;
    unsigned char         scratch[TORUS_CARBON_PATH_LIMIT];
    torus_carbon_feed_t   f;
    const unsigned char  *p, *last;

    torus_carbon_feed_init(&f, conf, now, scratch);
    f.handler = handler;
    f.ctx = ctx;

    p = data;
    last = data + len;

    rc = torus_carbon_lines(&f, &p, last);

    if (rc == TORUS_OK && p < last) {
        rc = torus_carbon_deliver(&f, torus_str(p, (size_t) (last - p)));

        if (rc == TORUS_OK) {
            p = last;
        }
    }

    *consumed = (size_t) (p - data);

    return rc;
}


static void
torus_carbon_feed_init(torus_carbon_feed_t *f, const torus_carbon_conf_t *conf,
    int64_t now, unsigned char *scratch)
{
    f->conf = conf;
    f->line_max = conf->line_max;
    f->path_max = torus_carbon_path_max(conf);
    f->now = now;
    f->scratch = scratch;
}


/* All lines that end before last; *pp is left at the first that was not. */
static int
torus_carbon_lines(const torus_carbon_feed_t *f, const unsigned char **pp,
    const unsigned char *last)
{
    int                    rc;
    torus_str_t            line;
    torus_carbon_point_t   point;
    const unsigned char   *p, *nl, *stamp;

    rc = TORUS_OK;
    stamp = NULL;

    for (p = *pp; p < last; p = nl + 1) {
        nl = torus_carbon_usual(f, p, last, &stamp, &point);

        if (nl != NULL) {
            line = torus_str(p, (size_t) (nl - p));
            rc = f->handler(f->ctx, &point, TORUS_C_POINTS_RECEIVED, line);

        } else {
            nl = memchr(p, '\n', (size_t) (last - p));

            if (nl == NULL) {
                break;
            }

            rc = torus_carbon_deliver(f, torus_str(p, (size_t) (nl - p)));
        }

        if (rc != TORUS_OK) {
            break;
        }
    }

    *pp = p;

    return rc;
}


static int
torus_carbon_deliver(const torus_carbon_feed_t *f, torus_str_t line)
{
    int                   rc;
    torus_counter_t       reason;
    torus_carbon_point_t  point;

    if (line.len > f->conf->line_max) {
        return torus_carbon_too_long(f, line);
    }

    reason = TORUS_C_POINTS_RECEIVED;

    rc = torus_carbon_line(f->conf, line, f->now, f->scratch, &point, &reason);

    if (rc == TORUS_OK) {
        return f->handler(f->ctx, &point, reason, line);
    }

    if (rc == TORUS_DECLINED) {
        return TORUS_OK;
    }

    return f->handler(f->ctx, NULL, reason, line);
}


static int
torus_carbon_too_long(const torus_carbon_feed_t *f, torus_str_t line)
{
    if (line.len > f->conf->line_max) {
        line.len = f->conf->line_max;
    }

    return f->handler(f->ctx, NULL, TORUS_C_BAD_LENGTH, line);
}


/*
 * The bytes up to nl end the partial line.  Where the handler does not take
 * it, the partial line is again what it was: these bytes come once more.
 */
static int
torus_carbon_join(torus_carbon_t *c, const torus_carbon_feed_t *f,
    const unsigned char *p, const unsigned char *nl)
{
    int     rc;
    size_t  len, held;

    if (c->discarding) {
        c->discarding = 0;
        return TORUS_OK;
    }

    held = c->len;
    len = (size_t) (nl - p);

    /* one byte over the maximum is enough to know, and is never passed on */

    if (len > c->conf->line_max - held) {
        len = c->conf->line_max - held + 1;
    }

    rc = torus_carbon_append(c, p, len);

    if (rc == TORUS_OK) {
        rc = torus_carbon_deliver(f, torus_str(c->partial, c->len));
    }

    c->len = (rc == TORUS_OK) ? 0 : held;

    return rc;
}


/* No newline up to last. */
static int
torus_carbon_keep(torus_carbon_t *c, const torus_carbon_feed_t *f,
    const unsigned char *p, const unsigned char *last)
{
    int     rc;
    size_t  len, held;

    if (c->discarding) {
        return TORUS_OK;
    }

    held = c->len;
    len = (size_t) (last - p);

    if (len <= c->conf->line_max - held) {
        return torus_carbon_append(c, p, len);
    }

    if (held == 0) {
        rc = torus_carbon_too_long(f, torus_str(p, len));

    } else {
        rc = torus_carbon_append(c, p, c->conf->line_max - held);

        if (rc == TORUS_OK) {
            rc = torus_carbon_too_long(f, torus_str(c->partial, c->len));
        }
    }

    c->len = held;

    if (rc == TORUS_OK) {
        c->len = 0;
        c->discarding = 1;
    }

    return rc;
}


/* The callers see to it that a line is at most line_max + 1 bytes long. */
static int
torus_carbon_append(torus_carbon_t *c, const unsigned char *p, size_t len)
{
    size_t          size;
    unsigned char  *partial;

    if (len > c->size - c->len) {
        size = (c->size == 0) ? TORUS_CARBON_PARTIAL : c->size * 2;

        if (size < c->len + len) {
            size = c->len + len;
        }

        partial = realloc(c->partial, size);

        if (partial == NULL) {
            return TORUS_ERROR;
        }

        c->partial = partial;
        c->size = size;
    }

    memcpy(c->partial + c->len, p, len);
    c->len += len;

    return TORUS_OK;
}


int
torus_carbon_line(const torus_carbon_conf_t *conf, torus_str_t line,
    int64_t now, unsigned char *scratch, torus_carbon_point_t *point,
    torus_counter_t *reason)
{
    int                   odd;
    const unsigned char  *p, *end, *last;

    p = line.data;
    last = p + line.len;

    while (p < last && (torus_carbon_blank(last[-1]) || last[-1] == '\r')) {
        last--;
    }

    while (p < last && torus_carbon_blank(*p)) {
        p++;
    }

    if (p == last) {
        return TORUS_DECLINED;
    }

    end = torus_carbon_path_end(p, last, &odd);

    if (end == last) {
        *reason = TORUS_C_BAD_LINE;
        return TORUS_INVALID;
    }

    point->stat = torus_str(p, (size_t) (end - p));

    if (odd || point->stat.len > torus_carbon_path_max(conf)
        || *p == '.' || end[-1] == '.')
    {
        if (torus_carbon_path(conf, &point->stat, scratch, reason) != TORUS_OK)
        {
            return TORUS_INVALID;
        }
    }

    /* the end is trimmed, so that a value there is */

    p = end + 1;

    while (torus_carbon_blank(*p)) {
        p++;
    }

    if (torus_carbon_stamp(p, &last, now, &point->timestamp) != TORUS_OK) {
        *reason = TORUS_C_BAD_TIMESTAMP;
        return TORUS_INVALID;
    }

    point->value = torus_str(p, (size_t) (last - p));

    return TORUS_OK;
}


/*
 * The line that nearly all are, "path value 1700000000" with single blanks,
 * in one go from left to right: its newline, or NULL when it is another.
 * Takes no line in another way than torus_carbon_line() does.  *stamp is
 * where point->timestamp was read: most lines of a read have the same.
 */
static const unsigned char *
torus_carbon_usual(const torus_carbon_feed_t *f, const unsigned char *p,
    const unsigned char *last, const unsigned char **stamp,
    torus_carbon_point_t *point)
{
    size_t                len;
    const unsigned char  *start, *value;

    start = p;
    p = torus_carbon_scan(p, last);
    len = (size_t) (p - start);

    if (p == last || *p != ' ' || len - 1 >= f->path_max || *start == '.') {
        return NULL;
    }

    point->stat = torus_str(start, len);

    value = p + 1;
    p = torus_carbon_word_end(value, last);

    /* a blank, ten digits, "\r\n" */

    if (last - p < 13 || *p != ' ' || p == value) {
        return NULL;
    }

    point->value = torus_str(value, (size_t) (p - value));

    if (!torus_carbon_stamp_same(p + 1, *stamp)) {
        *stamp = NULL;

        if (!torus_carbon_stamp_usual(p + 1, &point->timestamp)) {
            return NULL;
        }

        *stamp = p + 1;
    }

    p += 11;
    p += (*p == '\r');

    if (*p != '\n' || (size_t) (p - start) > f->line_max) {
        return NULL;
    }

    return p;
}


/*
 * The blank that ends the path, or last.  odd: it needs a closer look, since
 * a byte is not printable ASCII, or there are tags or empty nodes within.
 */
static const unsigned char *
torus_carbon_path_end(const unsigned char *p, const unsigned char *last,
    int *odd)
{
    *odd = 0;
    p = torus_carbon_scan(p, last);

    while (p < last && !torus_carbon_blank(*p)) {
        *odd = 1;
        p++;
    }

    return p;
}


/*
 * The first byte that is a blank, a semicolon, or not printable ASCII, or
 * that is a dot with a dot or a blank behind it, or last.
 */
static inline const unsigned char *
torus_carbon_scan(const unsigned char *p, const unsigned char *last)
{
    unsigned char  c;

#ifdef __SSE2__

    if (torus_carbon_scan_blocks(&p, last)) {
        return p;
    }

#endif

    for (/* void */; p < last; p++) {
        c = *p;

        if (c <= ' ' || c >= 0x7f || c == ';') {
            break;
        }

        if (c == '.' && p + 1 < last && (p[1] == '.' || p[1] == ' ')) {
            break;
        }
    }

    return p;
}


#ifdef __SSE2__

/*
 * The same while there are more than 16 bytes: each is looked at together
 * with the one behind it, so that a pair of dots across the end is seen.
 * Both have the bits of a dot and no others, which holds for few pairs else,
 * as "(*"; a closer look finds nothing wrong with those.  Is the byte found?
 */
static inline int
torus_carbon_scan_blocks(const unsigned char **pp, const unsigned char *last)
{
    unsigned              stop;
    __m128i               v, pair, bad;
    const unsigned char  *p;

    const __m128i  dot = _mm_set1_epi8('.');
    const __m128i  semicolon = _mm_set1_epi8(';');

    /* '!' .. '~' become 0x22 .. 0x7f, all others 0x80 and more */
    const __m128i  first = _mm_set1_epi8('!');
    const __m128i  above = _mm_set1_epi8(0x80 - ('~' - '!' + 1));

    p = *pp;

    if (last - p <= 16) {
        return 0;
    }

    for (last -= 16; p < last; p += 16) {
        v = torus_carbon_block(p);

        pair = _mm_or_si128(torus_carbon_block(p + 1), v);
        pair = _mm_cmpeq_epi8(pair, dot);

        bad = _mm_adds_epu8(_mm_sub_epi8(v, first), above);
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, semicolon));

        /* of each byte the highest bit */

        stop = (unsigned) _mm_movemask_epi8(_mm_or_si128(bad, pair));

        if (stop != 0) {
            *pp = p + __builtin_ctz(stop);
            return 1;
        }
    }

    *pp = p;

    return 0;
}

#endif


/* The first byte that is a blank or a control, or last. */
static inline const unsigned char *
torus_carbon_word_end(const unsigned char *p, const unsigned char *last)
{
#ifdef __SSE2__

    __m128i   v;
    unsigned  stop;

    if (last - p >= 16) {
        v = torus_carbon_block(p);
        v = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ')), v);

        stop = (unsigned) _mm_movemask_epi8(v);

        if (stop != 0) {
            return p + __builtin_ctz(stop);
        }

        p += 16;
    }

#endif

    while (p < last && *p > ' ') {
        p++;
    }

    return p;
}


int
torus_carbon_path(const torus_carbon_conf_t *conf, torus_str_t *path,
    unsigned char *scratch, torus_counter_t *reason)
{
    torus_counter_t  rc;

    if (path->len > torus_carbon_path_max(conf)) {
        rc = TORUS_C_BAD_LENGTH;

    } else if (!torus_carbon_text(*path)) {
        rc = TORUS_C_BAD_PATH;

    } else {
        rc = torus_carbon_canonical(path, scratch);
    }

    if (rc == TORUS_C_POINTS_RECEIVED) {
        return TORUS_OK;
    }

    *reason = rc;

    return TORUS_INVALID;
}


/* TORUS_C_POINTS_RECEIVED, or what is bad. */
static torus_counter_t
torus_carbon_canonical(torus_str_t *path, unsigned char *scratch)
{
    size_t                i, len, ntags;
    torus_str_t           name, rest;
    torus_counter_t       reason;
    torus_carbon_tag_t    tags[TORUS_CARBON_TAGS_MAX];
    const unsigned char  *semicolon;

    name = *path;
    ntags = 0;

    semicolon = memchr(path->data, ';', path->len);

    if (semicolon != NULL) {
        name.len = (size_t) (semicolon - path->data);
        rest = torus_str(semicolon, path->len - name.len);

        reason = torus_carbon_tags(rest, tags, &ntags);

        if (reason != TORUS_C_POINTS_RECEIVED) {
            return reason;
        }
    }

    len = torus_carbon_squeeze(scratch, name);

    if (len == 0) {
        return TORUS_C_BAD_PATH;
    }

    for (i = 0; i < ntags; i++) {
        scratch[len++] = ';';
        memcpy(scratch + len, tags[i].tag.data, tags[i].tag.len);
        len += tags[i].tag.len;

        scratch[len++] = '=';
        memcpy(scratch + len, tags[i].value.data, tags[i].value.len);
        len += tags[i].value.len;
    }

    *path = torus_str(scratch, len);

    return TORUS_C_POINTS_RECEIVED;
}


/* UTF-8 without control bytes? */
static int
torus_carbon_text(torus_str_t s)
{
    size_t                n;
    const unsigned char  *p, *last;

    p = s.data;
    last = p + s.len;

    while (p < last) {
        if (*p < 0x80) {
            if (*p < ' ' || *p == 0x7f) {
                return 0;
            }

            p++;
            continue;
        }

        n = torus_carbon_sequence(p, last);

        if (n == 0) {
            return 0;
        }

        p += n;
    }

    return 1;
}


/* The length of a UTF-8 sequence of more than a byte, 0 when there is none. */
static size_t
torus_carbon_sequence(const unsigned char *p, const unsigned char *last)
{
    size_t    i, n;
    uint32_t  u, least;

    if (*p >= 0xc2 && *p <= 0xdf) {
        n = 2;
        u = *p & 0x1f;
        least = 0x80;

    } else if ((*p & 0xf0) == 0xe0) {
        n = 3;
        u = *p & 0x0f;
        least = 0x800;

    } else if (*p >= 0xf0 && *p <= 0xf4) {
        n = 4;
        u = *p & 0x07;
        least = 0x10000;

    } else {
        return 0;
    }

    if ((size_t) (last - p) < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        u = u << 6 | (p[i] & 0x3f);
    }

    /* overlong, a surrogate, or beyond Unicode */

    if (u < least || (u >= 0xd800 && u <= 0xdfff) || u > 0x10ffff) {
        return 0;
    }

    return n;
}


/* Leaves out the empty nodes. */
static size_t
torus_carbon_squeeze(unsigned char *dst, torus_str_t name)
{
    size_t  i, len;

    len = 0;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] == '.' && (len == 0 || dst[len - 1] == '.')) {
            continue;
        }

        dst[len++] = name.data[i];
    }

    if (len != 0 && dst[len - 1] == '.') {
        len--;
    }

    return len;
}


/* ";tag=value;tag=value", sorted by tag; of equal tags the last one stays. */
static torus_counter_t
torus_carbon_tags(torus_str_t s, torus_carbon_tag_t *tags, size_t *ntags)
{
    torus_carbon_tag_t    t;
    const unsigned char  *p, *end, *last;

    p = s.data;
    last = p + s.len;
    *ntags = 0;

    while (p < last) {
        p++;

        end = memchr(p, ';', (size_t) (last - p));

        if (end == NULL) {
            end = last;
        }

        if (!torus_carbon_tag_read(torus_str(p, (size_t) (end - p)), &t)) {
            return TORUS_C_BAD_PATH;
        }

        p = end;

        /* the tag "name" is the path itself */

        if (torus_str_is(t.tag, "name")) {
            continue;
        }

        if (*ntags == TORUS_CARBON_TAGS_MAX) {
            return TORUS_C_BAD_LENGTH;
        }

        torus_carbon_tag_insert(tags, ntags, &t);
    }

    return TORUS_C_POINTS_RECEIVED;
}


static int
torus_carbon_tag_read(torus_str_t s, torus_carbon_tag_t *t)
{
    const unsigned char  *equals;

    if (s.len == 0) {
        return 0;
    }

    equals = memchr(s.data, '=', s.len);

    if (equals == NULL) {
        return 0;
    }

    t->tag = torus_str(s.data, (size_t) (equals - s.data));
    t->value = torus_str(equals + 1, s.len - t->tag.len - 1);

    return t->tag.len != 0 && t->value.len != 0 && t->value.data[0] != '~'
           && memchr(t->tag.data, '!', t->tag.len) == NULL
           && memchr(t->tag.data, '^', t->tag.len) == NULL;
}


static void
torus_carbon_tag_insert(torus_carbon_tag_t *tags, size_t *n,
    const torus_carbon_tag_t *t)
{
    int     cmp;
    size_t  i;

    for (i = *n; i > 0; i--) {
        cmp = torus_str_cmp(tags[i - 1].tag, t->tag);

        if (cmp == 0) {
            tags[i - 1] = *t;
            return;
        }

        if (cmp < 0) {
            break;
        }
    }

    memmove(&tags[i + 1], &tags[i], (*n - i) * sizeof(torus_carbon_tag_t));

    tags[i] = *t;
    (*n)++;
}


/*
 * What stands between start and *end is a value, or a value and a timestamp:
 * *end becomes the end of the value.  TORUS_INVALID: out of range.
 */
static int
torus_carbon_stamp(const unsigned char *start, const unsigned char **end,
    int64_t now, int64_t *timestamp)
{
    int                   rc;
    const unsigned char  *p, *last;

    last = *end;

    if (last - start >= 12 && torus_carbon_blank(last[-11])
        && torus_carbon_stamp_usual(last - 10, timestamp))
    {
        p = last - 10;

    } else {
        for (p = last; p > start; p--) {
            if (torus_carbon_blank(p[-1])) {
                break;
            }
        }

        *timestamp = now;

        if (p == start) {
            return TORUS_OK;
        }

        rc = torus_carbon_stamp_read(p, last, now, timestamp);

        if (rc != TORUS_OK) {
            return (rc == TORUS_DECLINED) ? TORUS_OK : rc;
        }
    }

    /* start is no blank */

    do {
        p--;
    } while (torus_carbon_blank(p[-1]));

    *end = p;

    return TORUS_OK;
}


/* The same ten bytes? */
static inline int
torus_carbon_stamp_same(const unsigned char *p, const unsigned char *stamp)
{
    return stamp != NULL && memcmp(p, stamp, 8) == 0
           && memcmp(p + 8, stamp + 8, 2) == 0;
}


/* Ten digits that are neither 0 nor out of range. */
static inline int
torus_carbon_stamp_usual(const unsigned char *p, int64_t *timestamp)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

    uint64_t  w;

    if (!torus_carbon_digit(p[0]) || !torus_carbon_digit(p[1])) {
        return 0;
    }

    memcpy(&w, p + 2, 8);

    /* 0x30 .. 0x39: the high half is 3, and stays 3 when 6 are added */

    if (((w & 0xf0f0f0f0f0f0f0f0) | ((w + 0x0606060606060606)
                                     & 0xf0f0f0f0f0f0f0f0) >> 4)
        != 0x3333333333333333)
    {
        return 0;
    }

    /* neighbours are joined: digits, pairs, fours */

    w = ((w & 0x0f0f0f0f0f0f0f0f) * (10 * 256 + 1)) >> 8;
    w = ((w & 0x00ff00ff00ff00ff) * (100 * 65536 + 1)) >> 16;
    w = ((w & 0x0000ffff0000ffff) * (10000 * 4294967296 + 1)) >> 32;

    w += (uint64_t) ((p[0] - '0') * 10 + (p[1] - '0')) * 100000000;

    if (w == 0) {
        return 0;
    }

    *timestamp = (int64_t) w;

    return 1;

#else

    (void) p;
    (void) timestamp;

    return 0;

#endif
}


/* TORUS_OK, TORUS_DECLINED: not a timestamp, TORUS_INVALID: out of range. */
static int
torus_carbon_stamp_read(const unsigned char *p, const unsigned char *last,
    int64_t now, int64_t *timestamp)
{
    int      any, negative;
    int64_t  ts;

    if (last - p == 1 && *p == 'N') {
        *timestamp = now;
        return TORUS_OK;
    }

    ts = 0;
    any = 0;
    negative = (*p == '-');

    for (p += negative; p < last && torus_carbon_digit(*p); p++) {
        any = 1;

        if (ts <= TORUS_TIME_MAX) {
            ts = ts * 10 + (*p - '0');
        }
    }

    if (p < last && *p == '.') {
        for (p++; p < last && torus_carbon_digit(*p); p++) {
            any = 1;
        }
    }

    if (!any || p != last) {
        return TORUS_DECLINED;
    }

    if (ts > (negative ? 1 : TORUS_TIME_MAX)) {
        return TORUS_INVALID;
    }

    *timestamp = (negative || ts == 0) ? now : ts;

    return TORUS_OK;
}
