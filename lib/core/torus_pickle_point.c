/*
 * The elements of a frame that was read, as points.
 */

#include "torus_pickle_node.h"

#include <math.h>

#include "torus_interval.h"
#include "torus_number.h"


/* Bytes of a long integer that may still fit a double, sign included. */
#define TORUS_PICKLE_LONG_MAX   129
#define TORUS_PICKLE_LIMBS      33

/* Text of a value: 10 digits less than 9 for each of the limbs at most. */
#define TORUS_PICKLE_TEXT       384

/* Of an element, for the log. */
#define TORUS_PICKLE_EXCERPT    512


static int torus_pickle_element(torus_pickle_t *p, uint32_t n,
    const torus_pickle_feed_t *f);
static int torus_pickle_bad(torus_pickle_t *p, const torus_pickle_feed_t *f,
    torus_counter_t reason, torus_str_t path, torus_str_t value);
static torus_str_t torus_pickle_excerpt(char *dst, torus_str_t path,
    torus_str_t value, int64_t timestamp);
static int torus_pickle_pair(const torus_pickle_t *p, uint32_t n,
    const torus_pickle_node_t **a, const torus_pickle_node_t **b,
    uint32_t *second);
static int torus_pickle_string(const torus_pickle_t *p,
    const torus_pickle_node_t *n, torus_str_t *s);
static int torus_pickle_value(const torus_pickle_t *p,
    const torus_pickle_node_t *n, unsigned char *text, torus_str_t *value);
static size_t torus_pickle_print_long(unsigned char *dst, torus_str_t s);
static int torus_pickle_stamp(const torus_pickle_t *p,
    const torus_pickle_node_t *n, int64_t now, int64_t *timestamp);


int
torus_pickle_deliver(torus_pickle_t *p, const torus_pickle_feed_t *f)
{
    int  rc;

    while (p->element != 0) {
        rc = torus_pickle_element(p, p->element, f);

        if (rc != TORUS_OK) {
            return rc;
        }

        p->element = p->nodes[p->element].next;
        p->index++;
    }

    return TORUS_OK;
}


static int
torus_pickle_element(torus_pickle_t *p, uint32_t n,
    const torus_pickle_feed_t *f)
{
    char                        line[TORUS_PICKLE_EXCERPT];
    uint32_t                    second, unused;
    torus_str_t                 path, value;
    torus_counter_t             reason;
    unsigned char               text[TORUS_PICKLE_TEXT];
    torus_carbon_point_t        point;
    const torus_pickle_node_t  *a, *b, *stamp, *v;

    path = torus_str(NULL, 0);
    value = torus_str(NULL, 0);

    if (!torus_pickle_pair(p, n, &a, &b, &second)
        || !torus_pickle_string(p, a, &path)
        || !torus_pickle_pair(p, second, &stamp, &v, &unused))
    {
        return torus_pickle_bad(p, f, TORUS_C_BAD_LINE, path, value);
    }

    if (!torus_pickle_value(p, v, text, &value)) {
        return torus_pickle_bad(p, f, TORUS_C_BAD_VALUE, path, value);
    }

    /* as a line, without its timestamp, it must not be too long either */

    if (path.len + 1 + value.len > p->conf->line_max) {
        return torus_pickle_bad(p, f, TORUS_C_BAD_LENGTH, path, value);
    }

    point.stat = path;

    reason = TORUS_C_BAD_PATH;

    /* a blank would have ended it in a line */

    if ((path.len != 0 && memchr(path.data, ' ', path.len) != NULL)
        || torus_carbon_path(p->conf, &point.stat, f->scratch, &reason)
           != TORUS_OK)
    {
        return torus_pickle_bad(p, f, reason, path, value);
    }

    if (!torus_pickle_stamp(p, stamp, f->now, &point.timestamp)) {
        return torus_pickle_bad(p, f, TORUS_C_BAD_TIMESTAMP, path, value);
    }

    point.value = value;

    return f->handler(f->ctx, &point, TORUS_C_POINTS_RECEIVED,
                      torus_pickle_excerpt(line, path, value,
                                           point.timestamp));
}


static int
torus_pickle_bad(torus_pickle_t *p, const torus_pickle_feed_t *f,
    torus_counter_t reason, torus_str_t path, torus_str_t value)
{
    int          n;
    char         line[TORUS_PICKLE_EXCERPT];
    torus_str_t  s;

    if (path.data != NULL) {
        s = torus_pickle_excerpt(line, path, value, -1);

    } else {
        n = snprintf(line, sizeof(line), "element %zu of a frame", p->index);
        s = torus_str(line, n < 0 ? 0 : (size_t) n);
    }

    return f->handler(f->ctx, NULL, reason, s);
}


/* The element as a line, cut where it is long; for the log. */
static torus_str_t
torus_pickle_excerpt(char *dst, torus_str_t path, torus_str_t value,
    int64_t timestamp)
{
    size_t  n;

    n = path.len < 400 ? path.len : 400;
    memcpy(dst, path.data, n);

    if (value.len != 0 && n == path.len) {
        dst[n++] = ' ';

        if (value.len > TORUS_PICKLE_EXCERPT - TORUS_NUMBER_SIZE - 1 - n) {
            value.len = TORUS_PICKLE_EXCERPT - TORUS_NUMBER_SIZE - 1 - n;
            timestamp = -1;
        }

        memcpy(dst + n, value.data, value.len);
        n += value.len;

        if (timestamp >= 0) {
            dst[n++] = ' ';
            n += torus_number_print_int((unsigned char *) dst + n, timestamp);
        }
    }

    return torus_str(dst, n);
}


/* A list or tuple of two? */
static int
torus_pickle_pair(const torus_pickle_t *p, uint32_t n,
    const torus_pickle_node_t **a, const torus_pickle_node_t **b,
    uint32_t *second)
{
    const torus_pickle_node_t  *node;

    node = &p->nodes[n];

    if (node->kind == TORUS_PICKLE_REF) {
        node = &p->nodes[node->u.ref];
    }

    if ((node->kind != TORUS_PICKLE_LIST && node->kind != TORUS_PICKLE_TUPLE)
        || node->u.items.first == 0)
    {
        return 0;
    }

    *a = &p->nodes[node->u.items.first];
    *second = (*a)->next;

    if (*second == 0) {
        return 0;
    }

    *b = &p->nodes[*second];

    return (*b)->next == 0;
}


static int
torus_pickle_string(const torus_pickle_t *p, const torus_pickle_node_t *n,
    torus_str_t *s)
{
    switch (n->kind) {

    case TORUS_PICKLE_STRING:
        *s = torus_str(p->frame + n->u.s.at, n->u.s.len);
        return 1;

    case TORUS_PICKLE_TEXT_STRING:
        *s = torus_str(n->u.s.len == 0 ? p->frame : p->text + n->u.s.at,
                       n->u.s.len);
        return 1;

    default:
        return 0;
    }
}


/*
 * As text, since what it means is for the schema to say.  text has
 * TORUS_PICKLE_TEXT bytes.
 */
static int
torus_pickle_value(const torus_pickle_t *p, const torus_pickle_node_t *n,
    unsigned char *text, torus_str_t *value)
{
    switch (n->kind) {

    case TORUS_PICKLE_INT:
        *value = torus_str(text, torus_number_print_int(text, n->u.i));
        return 1;

    case TORUS_PICKLE_DOUBLE:
        *value = torus_str(text, torus_number_print_double(text, n->u.d));
        return 1;

    case TORUS_PICKLE_LONG:
        *value = torus_str(p->frame + n->u.s.at, n->u.s.len);
        *value = torus_str(text, torus_pickle_print_long(text, *value));
        return 1;

    case TORUS_PICKLE_NUMBER:
        *value = torus_str(p->frame + n->u.s.at, n->u.s.len);
        return 1;

    default:
        return torus_pickle_string(p, n, value) && value->len != 0;
    }
}


/* Two's complement, the lowest byte first, of any length. */
static size_t
torus_pickle_print_long(unsigned char *dst, torus_str_t s)
{
    int            negative;
    size_t         i, k, n, len;
    uint64_t       rest;
    uint32_t       limbs[TORUS_PICKLE_LIMBS];
    unsigned char  fill, digits[TORUS_PICKLE_TEXT];

    negative = (s.data[s.len - 1] >= 0x80);
    fill = negative ? 0xff : 0;

    while (s.len > 1 && s.data[s.len - 1] == fill) {
        s.len--;
    }

    if (s.len > TORUS_PICKLE_LONG_MAX) {
        memcpy(dst, "-inf", 4);
        return negative ? 4 : (memcpy(dst, "inf", 3), 3);
    }

    memset(limbs, fill, sizeof(limbs));

    for (i = 0; i < s.len; i++) {
        limbs[i / 4] &= ~((uint32_t) 0xff << (i % 4 * 8));
        limbs[i / 4] |= (uint32_t) s.data[i] << (i % 4 * 8);
    }

    /* the magnitude */

    rest = 1;

    for (i = 0; negative && i < TORUS_PICKLE_LIMBS; i++) {
        rest += (uint32_t) ~limbs[i];
        limbs[i] = (uint32_t) rest;
        rest >>= 32;
    }

    /* nine digits at a time, from the right */

    n = TORUS_PICKLE_LIMBS;
    len = 0;

    do {
        rest = 0;

        for (i = n; i-- > 0; /* void */) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t) (rest / 1000000000);
            rest %= 1000000000;
        }

        while (n > 0 && limbs[n - 1] == 0) {
            n--;
        }

        for (k = 0; n > 0 ? k < 9 : (rest != 0 || len == 0); k++) {
            digits[len++] = (unsigned char) ('0' + rest % 10);
            rest /= 10;
        }

    } while (n > 0);

    k = 0;

    if (negative) {
        dst[k++] = '-';
    }

    while (len > 0) {
        dst[k++] = digits[--len];
    }

    return k;
}


/* As in a line: -1 and 0, and "N", mean now. */
static int
torus_pickle_stamp(const torus_pickle_t *p, const torus_pickle_node_t *n,
    int64_t now, int64_t *timestamp)
{
    torus_str_t    s;
    torus_value_t  v;

    switch (n->kind) {

    case TORUS_PICKLE_INT:
        v.kind = TORUS_VALUE_INT;
        v.i = n->u.i;
        break;

    case TORUS_PICKLE_DOUBLE:
        v.kind = TORUS_VALUE_DOUBLE;
        v.d = n->u.d;
        break;

    case TORUS_PICKLE_NUMBER:
    case TORUS_PICKLE_STRING:
    case TORUS_PICKLE_TEXT_STRING:
        s = torus_str(p->frame + n->u.s.at, n->u.s.len);

        if (n->kind != TORUS_PICKLE_NUMBER) {
            (void) torus_pickle_string(p, n, &s);
        }

        if (torus_str_is(s, "N")) {
            *timestamp = now;
            return 1;
        }

        if (torus_number_parse(s, &v) != TORUS_OK) {
            return 0;
        }

        break;

    default:
        return 0;
    }

    if (v.kind == TORUS_VALUE_DOUBLE) {

        /* not for NaN either */

        if (!(fabs(v.d) <= (double) TORUS_TIME_MAX)) {
            return 0;
        }

        v.i = (int64_t) v.d;
    }

    if (v.i < -1 || v.i > TORUS_TIME_MAX) {
        return 0;
    }

    *timestamp = (v.i <= 0) ? now : v.i;

    return 1;
}
