/*
 * JSON out.  Strings are copied in runs of bytes that need no care; the rest
 * is escaped, and what is no UTF-8 is replaced, because stat names are bytes
 * that somebody sent.
 */

#include "torus_json.h"

#include <math.h>


/* Bytes of a pair and its comma at most, and pairs to have room for. */
#define TORUS_JSON_POINT   (2 * TORUS_NUMBER_SIZE + 4)
#define TORUS_JSON_POINTS  32


static void torus_json_next(torus_json_t *j);
static void torus_json_line(torus_json_t *j);
static void torus_json_text(torus_buf_t *out, torus_str_t s);
static size_t torus_json_plain(const unsigned char *p, size_t len);
static size_t torus_json_escape(torus_buf_t *out, torus_str_t s);
static void torus_json_number(torus_buf_t *out, const torus_value_t *v);
static unsigned char *torus_json_double(unsigned char *p, double d);
static unsigned char *torus_json_time(torus_json_t *j, unsigned char *p,
    int64_t ts);


void
torus_json_init(torus_json_t *j, torus_buf_t *out, int pretty)
{
    memset(j, 0, sizeof(torus_json_t));

    j->out = out;
    j->pretty = pretty != 0;
}


void
torus_json_open(torus_json_t *j, char open)
{
    torus_json_next(j);

    torus_buf_add(j->out, &open, 1);

    j->depth++;
    j->filled &= ~(UINT64_C(1) << j->depth % TORUS_JSON_DEPTH);
}


void
torus_json_close(torus_json_t *j, char close)
{
    int  filled;

    filled = j->filled >> j->depth % TORUS_JSON_DEPTH & 1;
    j->depth--;

    if (filled) {
        torus_json_line(j);
    }

    torus_buf_add(j->out, &close, 1);
}


void
torus_json_key(torus_json_t *j, torus_str_t key)
{
    torus_json_string(j, key);

    torus_buf_add(j->out, ": ", j->pretty ? 2 : 1);
    j->keyed = 1;
}


void
torus_json_key_plain(torus_json_t *j, torus_str_t key)
{
    unsigned char  *p;

    torus_json_next(j);

    j->keyed = 1;

    if (torus_buf_reserve(j->out, key.len + 4) != TORUS_OK) {
        return;
    }

    p = j->out->last;

    *p++ = '"';
    memcpy(p, key.data, key.len);
    p += key.len;
    *p++ = '"';
    *p++ = ':';

    if (j->pretty) {
        *p++ = ' ';
    }

    j->out->last = p;
}


void
torus_json_key_int(torus_json_t *j, int64_t key)
{
    unsigned char  text[TORUS_NUMBER_SIZE];

    torus_json_key(j, torus_str(text, torus_number_print_int(text, key)));
}


void
torus_json_string(torus_json_t *j, torus_str_t s)
{
    torus_json_next(j);
    torus_json_text(j->out, s);
}


void
torus_json_int(torus_json_t *j, int64_t i)
{
    unsigned char  text[TORUS_NUMBER_SIZE];

    torus_json_next(j);
    torus_buf_add(j->out, text, torus_number_print_int(text, i));
}


void
torus_json_null(torus_json_t *j)
{
    torus_json_next(j);
    torus_buf_addz(j->out, "null");
}


void
torus_json_bool(torus_json_t *j, int yes)
{
    torus_json_next(j);
    torus_buf_add(j->out, yes ? "true" : "false", yes ? 4 : 5);
}


void
torus_json_value(torus_json_t *j, const torus_value_t *v)
{
    torus_json_next(j);

    if (v->kind == TORUS_VALUE_TEXT) {
        torus_json_text(j->out, v->text);
        return;
    }

    torus_json_number(j->out, v);
}


void
torus_json_pair(torus_json_t *j, const torus_value_t *v, int64_t ts)
{
    unsigned char  *p;

    torus_json_next(j);

    if (torus_buf_reserve(j->out, 2 * TORUS_NUMBER_SIZE + 3) != TORUS_OK) {
        return;
    }

    p = j->out->last;
    *p++ = '[';

    if (v == NULL || v->kind == TORUS_VALUE_TEXT
        || (v->kind == TORUS_VALUE_DOUBLE && !isfinite(v->d)))
    {
        memcpy(p, "null", 4);
        p += 4;

    } else {
        p += torus_number_print(p, v);
    }

    *p++ = ',';
    p = torus_json_time(j, p, ts);
    *p++ = ']';

    j->out->last = p;
}


void
torus_json_points(torus_json_t *j, const double *values, size_t n,
    int64_t start, int64_t step)
{
    size_t          i, end;
    unsigned char  *p;

    if (n != 0) {
        torus_json_next(j);
    }

    for (i = 0; i < n; /* void */) {
        end = n - i < TORUS_JSON_POINTS ? n : i + TORUS_JSON_POINTS;

        if (torus_buf_reserve(j->out, (end - i) * TORUS_JSON_POINT)
            != TORUS_OK)
        {
            return;
        }

        for (p = j->out->last; i < end; i++) {

            if (i != 0) {
                *p++ = ',';
            }

            *p++ = '[';
            p = torus_json_double(p, values[i]);
            *p++ = ',';
            p = torus_json_time(j, p, start + (int64_t) i * step);
            *p++ = ']';
        }

        j->out->last = p;
    }
}


static unsigned char *
torus_json_double(unsigned char *p, double d)
{
    if (isfinite(d)) {
        return p + torus_number_print_double(p, d);
    }

    memcpy(p, "null", 4);

    return p + 4;
}


/*
 * Times that follow each other have their first digits in common, which are
 * copied, with what there is behind them: there is room.
 */
static unsigned char *
torus_json_time(torus_json_t *j, unsigned char *p, int64_t ts)
{
    if (j->nhead == 0 || ts < j->base || ts - j->base >= 10000) {

        if (ts < 10000) {
            return p + torus_number_print_int(p, ts);
        }

        j->base = ts - ts % 10000;
        j->nhead = torus_number_print_int(j->head, ts / 10000);
    }

    memcpy(p, j->head, sizeof(j->head));
    p += j->nhead;

    torus_number_print_four(p, (unsigned) (ts - j->base));

    return p + 4;
}


void
torus_json_error(torus_buf_t *out, torus_str_t text)
{
    torus_buf_addz(out, "{\"error\": ");
    torus_json_text(out, text);
    torus_buf_addz(out, "}\n");
}


/* What stands before a value or a key. */
static void
torus_json_next(torus_json_t *j)
{
    uint64_t  bit;

    if (j->keyed) {
        j->keyed = 0;
        return;
    }

    if (j->depth == 0) {
        return;
    }

    bit = UINT64_C(1) << j->depth % TORUS_JSON_DEPTH;

    if (j->filled & bit) {
        torus_buf_addz(j->out, ",");
    }

    j->filled |= bit;

    torus_json_line(j);
}


static void
torus_json_line(torus_json_t *j)
{
    unsigned  i;

    if (!j->pretty) {
        return;
    }

    torus_buf_addz(j->out, "\n");

    for (i = 0; i < j->depth; i++) {
        torus_buf_addz(j->out, "  ");
    }
}


static void
torus_json_text(torus_buf_t *out, torus_str_t s)
{
    size_t  n;

    torus_buf_addz(out, "\"");

    while (s.len > 0) {
        n = torus_json_plain(s.data, s.len);

        torus_buf_add(out, s.data, n);

        s.data += n;
        s.len -= n;

        if (s.len == 0) {
            break;
        }

        n = torus_json_escape(out, s);

        s.data += n;
        s.len -= n;
    }

    torus_buf_addz(out, "\"");
}


/*
 * How many bytes from p on can be copied: ASCII and well-formed UTF-8, but
 * for the separators U+2028 and U+2029.
 */
static size_t
torus_json_plain(const unsigned char *p, size_t len)
{
    size_t    i, k, more;
    uint32_t  c, least;

    for (i = 0; i < len; i += 1 + more) {
        c = p[i];
        more = 0;

        if (c < 0x80) {
            if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
                return i;
            }

            continue;
        }

        if (c >= 0xc2 && c < 0xe0) {
            more = 1;
            least = 0x80;
            c &= 0x1f;

        } else if (c >= 0xe0 && c < 0xf0) {
            more = 2;
            least = 0x800;
            c &= 0x0f;

        } else if (c >= 0xf0 && c < 0xf5) {
            more = 3;
            least = 0x10000;
            c &= 0x07;

        } else {
            return i;
        }

        if (len - i <= more) {
            return i;
        }

        for (k = 1; k <= more; k++) {

            if ((p[i + k] & 0xc0) != 0x80) {
                return i;
            }

            c = c << 6 | (p[i + k] & 0x3f);
        }

        if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)
            || c == 0x2028 || c == 0x2029)
        {
            return i;
        }
    }

    return len;
}


/* What stands at the beginning of s; returns how many bytes that is. */
static size_t
torus_json_escape(torus_buf_t *out, torus_str_t s)
{
    char           text[6];
    unsigned char  c;

    static const char  hex[] = "0123456789abcdef";

    c = s.data[0];

    switch (c) {

    case '"':
        torus_buf_addz(out, "\\\"");
        return 1;

    case '\\':
        torus_buf_addz(out, "\\\\");
        return 1;

    case '\n':
        torus_buf_addz(out, "\\n");
        return 1;

    case '\r':
        torus_buf_addz(out, "\\r");
        return 1;

    case '\t':
        torus_buf_addz(out, "\\t");
        return 1;
    }

    if (c >= 0x80) {

        /* U+2028 and U+2029 are good JSON, but end a line of a script */

        if (s.len > 2 && c == 0xe2 && s.data[1] == 0x80
            && (s.data[2] == 0xa8 || s.data[2] == 0xa9))
        {
            torus_buf_add(out, s.data[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
            return 3;
        }

        torus_buf_addz(out, "\xef\xbf\xbd");
        return 1;
    }

    memcpy(text, "\\u00", 4);
    text[4] = hex[c >> 4];
    text[5] = hex[c & 15];

    torus_buf_add(out, text, sizeof(text));

    return 1;
}


static void
torus_json_number(torus_buf_t *out, const torus_value_t *v)
{
    unsigned char  text[TORUS_NUMBER_SIZE];

    if (v->kind == TORUS_VALUE_DOUBLE && !isfinite(v->d)) {
        torus_buf_addz(out, "null");
        return;
    }

    torus_buf_add(out, text, torus_number_print(text, v));
}
