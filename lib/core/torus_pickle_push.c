/*
 * Values of a frame, onto the stack: numbers and strings, in bytes or in
 * text.
 */

#include "torus_pickle_node.h"


/*
 * Points need fewer nodes than this for a byte of their frame, a number of
 * 8 in 10; frames of points alone cannot get above it.
 */
#define torus_pickle_nodes_max(len)  ((len) / 8 * 5 + 64)


static int torus_pickle_counted(torus_pickle_decoder_t *d, size_t width,
    torus_str_t *s);
static int torus_pickle_unescape(const unsigned char **pp,
    const unsigned char *last, unsigned char *c);
static size_t torus_pickle_utf8(unsigned char *dst, uint32_t u);
static int torus_pickle_hex(const unsigned char *p, const unsigned char *last,
    size_t n, uint32_t *u);


/* n bytes, the lowest first. */
int
torus_pickle_number(torus_pickle_decoder_t *d, size_t n, uint64_t *value)
{
    int          rc;
    torus_str_t  s;

    rc = torus_pickle_take(d, n, &s);

    if (rc != TORUS_OK) {
        return rc;
    }

    *value = 0;

    while (n-- > 0) {
        *value = *value << 8 | s.data[n];
    }

    return TORUS_OK;
}


int
torus_pickle_take(torus_pickle_decoder_t *d, size_t n, torus_str_t *s)
{
    if (n > (size_t) (d->last - d->pos)) {
        return torus_pickle_invalid(d->p, "it ends in the middle");
    }

    *s = torus_str(d->pos, n);
    d->pos += n;

    return TORUS_OK;
}


int
torus_pickle_line(torus_pickle_decoder_t *d, torus_str_t *s)
{
    const unsigned char  *nl;

    nl = NULL;

    if (d->pos < d->last) {
        nl = memchr(d->pos, '\n', (size_t) (d->last - d->pos));
    }

    if (nl == NULL) {
        return torus_pickle_invalid(d->p, "it ends in the middle");
    }

    *s = torus_str(d->pos, (size_t) (nl - d->pos));
    d->pos = nl + 1;

    return TORUS_OK;
}


/* node may be NULL; what it points to is valid until the next call. */
int
torus_pickle_push(torus_pickle_decoder_t *d, torus_pickle_kind_t kind,
    torus_pickle_node_t **node)
{
    size_t                max;
    torus_pickle_t       *p;
    torus_pickle_node_t  *n;

    p = d->p;
    max = torus_pickle_nodes_max(p->len);

    if (p->nnodes >= max) {
        return torus_pickle_invalid(p, "it has too many objects");
    }

    if (p->nnodes >= p->nodes_size
        && torus_pickle_grow(&p->nodes, &p->nodes_size, p->nnodes + 1, max,
                             sizeof(torus_pickle_node_t))
           != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    n = &p->nodes[p->nnodes];

    memset(n, 0, sizeof(torus_pickle_node_t));

    n->kind = kind;
    n->next = d->top;

    d->top = (uint32_t) p->nnodes++;

    if (node != NULL) {
        *node = n;
    }

    return TORUS_OK;
}


int
torus_pickle_push_int(torus_pickle_decoder_t *d, int64_t i)
{
    int                   rc;
    torus_pickle_node_t  *n;

    rc = torus_pickle_push(d, TORUS_PICKLE_INT, &n);

    if (rc == TORUS_OK) {
        n->u.i = i;
    }

    return rc;
}


/* s is a part of the frame. */
int
torus_pickle_push_slice(torus_pickle_decoder_t *d, torus_pickle_kind_t kind,
    torus_str_t s)
{
    int                   rc;
    torus_pickle_node_t  *n;

    rc = torus_pickle_push(d, kind, &n);

    if (rc == TORUS_OK) {
        n->u.s.at = (uint32_t) (s.data - d->p->frame);
        n->u.s.len = (uint32_t) s.len;
    }

    return rc;
}


int
torus_pickle_push_string(torus_pickle_decoder_t *d, size_t width)
{
    int          rc;
    torus_str_t  s;

    rc = torus_pickle_counted(d, width, &s);
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_pickle_push_slice(d, TORUS_PICKLE_STRING, s);
}


int
torus_pickle_push_long(torus_pickle_decoder_t *d, size_t width)
{
    int          rc;
    size_t       n;
    uint64_t     value;
    torus_str_t  s;

    rc = torus_pickle_counted(d, width, &s);
    if (rc != TORUS_OK) {
        return rc;
    }

    n = s.len;

    if (n > 8) {
        return torus_pickle_push_slice(d, TORUS_PICKLE_LONG, s);
    }

    value = (n != 0 && s.data[n - 1] >= 0x80) ? UINT64_MAX : 0;

    while (n-- > 0) {
        value = value << 8 | s.data[n];
    }

    return torus_pickle_push_int(d, (int64_t) value);
}


/* The length of s stands before it, in width bytes. */
static int
torus_pickle_counted(torus_pickle_decoder_t *d, size_t width, torus_str_t *s)
{
    int       rc;
    uint64_t  n;

    rc = torus_pickle_number(d, width, &n);

    return (rc == TORUS_OK) ? torus_pickle_take(d, n, s) : rc;
}


/* The one number with its highest byte first. */
int
torus_pickle_push_double(torus_pickle_decoder_t *d)
{
    int                   rc;
    size_t                i;
    uint64_t              bits;
    torus_str_t           s;
    torus_pickle_node_t  *n;

    rc = torus_pickle_take(d, 8, &s);

    if (rc == TORUS_OK) {
        rc = torus_pickle_push(d, TORUS_PICKLE_DOUBLE, &n);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    bits = 0;

    for (i = 0; i < 8; i++) {
        bits = bits << 8 | s.data[i];
    }

    memcpy(&n->u.d, &bits, 8);

    return TORUS_OK;
}


int
torus_pickle_integer(torus_pickle_decoder_t *d, torus_str_t s)
{
    size_t  i;

    i = (s.len != 0 && (s.data[0] == '-' || s.data[0] == '+'));

    if (i == s.len) {
        return torus_pickle_invalid(d->p, "it has a bad number");
    }

    for (/* void */; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return torus_pickle_invalid(d->p, "it has a bad number");
        }
    }

    return torus_pickle_push_slice(d, TORUS_PICKLE_NUMBER, s);
}


/* A Python string in its quotes; what it means is never longer. */
int
torus_pickle_quoted(torus_pickle_decoder_t *d, torus_str_t s)
{
    unsigned char        *dst, *start;
    const unsigned char  *p, *last;

    if (s.len < 2 || (s.data[0] != '\'' && s.data[0] != '"')
        || s.data[s.len - 1] != s.data[0])
    {
        return torus_pickle_invalid(d->p, "it has a string without quotes");
    }

    p = s.data + 1;
    last = s.data + s.len - 1;

    start = d->p->frame + (p - d->p->frame);
    dst = start;

    while (p < last) {

        if (*p != '\\') {
            *dst++ = *p++;
            continue;
        }

        p++;

        if (p == last || torus_pickle_unescape(&p, last, dst) != TORUS_OK) {
            return torus_pickle_invalid(d->p, "it has a bad escape");
        }

        dst++;
    }

    return torus_pickle_push_slice(d, TORUS_PICKLE_STRING,
                                   torus_str(start, (size_t) (dst - start)));
}


/* What repr() writes; no more. */
static int
torus_pickle_unescape(const unsigned char **pp, const unsigned char *last,
    unsigned char *c)
{
    uint32_t              u;
    const unsigned char  *p;

    p = *pp;
    *pp = p + 1;

    switch (*p) {

    case '\\':
    case '\'':
    case '"':
        *c = *p;
        return TORUS_OK;

    case 'n':
        *c = '\n';
        return TORUS_OK;

    case 'r':
        *c = '\r';
        return TORUS_OK;

    case 't':
        *c = '\t';
        return TORUS_OK;

    case 'x':
        if (!torus_pickle_hex(p + 1, last, 2, &u)) {
            return TORUS_INVALID;
        }

        *c = (unsigned char) u;
        *pp = p + 3;
        return TORUS_OK;

    default:
        return TORUS_INVALID;
    }
}


/*
 * Python's raw-unicode-escape: \u and \U, all other bytes are Latin-1, of
 * which one can become two.
 */
int
torus_pickle_unicode(torus_pickle_decoder_t *d, torus_str_t s)
{
    int                   rc;
    size_t                start, n;
    uint32_t              u;
    torus_pickle_t       *p;
    torus_pickle_node_t  *node;
    const unsigned char  *pos, *last;

    p = d->p;
    start = p->text_len;

    if (torus_pickle_grow(&p->text, &p->text_size, start + 2 * s.len,
                          2 * p->len, 1)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    pos = s.data;
    last = pos + s.len;

    while (pos < last) {
        u = *pos++;
        n = 0;

        if (u == '\\' && pos < last) {

            if (*pos == '\\') {

                /* both stay */

                p->text[p->text_len++] = *pos++;

            } else if (*pos == 'u' || *pos == 'U') {
                n = (*pos == 'u') ? 4 : 8;

                if (!torus_pickle_hex(pos + 1, last, n, &u)
                    || u > 0x10ffff)
                {
                    return torus_pickle_invalid(p, "it has a bad escape");
                }

                pos += n + 1;
            }
        }

        p->text_len += torus_pickle_utf8(p->text + p->text_len, u);
    }

    rc = torus_pickle_push(d, TORUS_PICKLE_TEXT_STRING, &node);

    if (rc == TORUS_OK) {
        node->u.s.at = (uint32_t) start;
        node->u.s.len = (uint32_t) (p->text_len - start);
    }

    return rc;
}


/* Surrogates are written as they are: the check of paths finds them. */
static size_t
torus_pickle_utf8(unsigned char *dst, uint32_t u)
{
    if (u < 0x80) {
        dst[0] = (unsigned char) u;
        return 1;
    }

    if (u < 0x800) {
        dst[0] = (unsigned char) (0xc0 | u >> 6);
        dst[1] = (unsigned char) (0x80 | (u & 0x3f));
        return 2;
    }

    if (u < 0x10000) {
        dst[0] = (unsigned char) (0xe0 | u >> 12);
        dst[1] = (unsigned char) (0x80 | (u >> 6 & 0x3f));
        dst[2] = (unsigned char) (0x80 | (u & 0x3f));
        return 3;
    }

    dst[0] = (unsigned char) (0xf0 | u >> 18);
    dst[1] = (unsigned char) (0x80 | (u >> 12 & 0x3f));
    dst[2] = (unsigned char) (0x80 | (u >> 6 & 0x3f));
    dst[3] = (unsigned char) (0x80 | (u & 0x3f));

    return 4;
}


static int
torus_pickle_hex(const unsigned char *p, const unsigned char *last, size_t n,
    uint32_t *u)
{
    unsigned char  c;

    if ((size_t) (last - p) < n) {
        return 0;
    }

    for (*u = 0; n > 0; n--) {
        c = *p++;

        if (c >= '0' && c <= '9') {
            c -= '0';

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            c = (unsigned char) ((c | 0x20) - 'a' + 10);

        } else {
            return 0;
        }

        *u = *u << 4 | c;
    }

    return 1;
}
