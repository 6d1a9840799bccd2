/*
 * From the bytes of a connection to frames, from a frame to points; the
 * sibling of torus_carbon.c on the write path.
 *
 * A frame is decoded into nodes, one for each value, in a single array.  A
 * node is at any time in one chain at most, by its "next": the stack, from
 * the top down, or the items of one list or tuple, in their order.  What the
 * memo gives back is a new node: a copy, or for lists, which may grow later,
 * a reference.  Nothing is recursive: reading takes a loop over opcodes,
 * delivering looks three levels deep and no deeper, so that lists in
 * themselves do no harm.
 */

#include "torus_pickle.h"

#include <math.h>
#include <stdlib.h>

#include "torus_interval.h"
#include "torus_number.h"


/*
 * Points need fewer nodes than this for a byte of their frame, a number of
 * 8 in 10; frames of points alone cannot get above it.
 */
#define torus_pickle_nodes_max(len)  ((len) / 8 * 5 + 64)

/* Writers number memo entries from 0 or 1, each of at least two bytes. */
#define torus_pickle_memo_max(len)   ((len) / 2 + 2)

#define TORUS_PICKLE_PROTOCOL   5

#define TORUS_PICKLE_CHUNK      4096   /* first size of what grows */

/* Bytes of a long integer that may still fit a double, sign included. */
#define TORUS_PICKLE_LONG_MAX   129
#define TORUS_PICKLE_LIMBS      33

/* Text of a value: 10 digits less than 9 for each of the limbs at most. */
#define TORUS_PICKLE_TEXT       384

/* Of an element, for the log. */
#define TORUS_PICKLE_EXCERPT    512


typedef enum {
    TORUS_PICKLE_MARK = 0,
    TORUS_PICKLE_OTHER,       /* data, but none that a point is made of */
    TORUS_PICKLE_INT,
    TORUS_PICKLE_DOUBLE,
    TORUS_PICKLE_NUMBER,      /* decimal text in the frame */
    TORUS_PICKLE_LONG,        /* two's complement in the frame */
    TORUS_PICKLE_STRING,      /* in the frame */
    TORUS_PICKLE_TEXT_STRING, /* in p->text */
    TORUS_PICKLE_LIST,
    TORUS_PICKLE_TUPLE,
    TORUS_PICKLE_REF          /* to a list */
} torus_pickle_kind_t;


struct torus_pickle_node_s {
    uint32_t                kind;
    uint32_t                next;     /* 0: none */
    union {
        int64_t             i;
        double              d;
        struct {
            uint32_t        at;
            uint32_t        len;
        } s;
        struct {
            uint32_t        first;
            uint32_t        last;
        } items;
        uint32_t            ref;
    } u;
};


/* While a frame is being read. */
typedef struct {
    torus_pickle_t         *p;
    const unsigned char    *pos;
    const unsigned char    *last;
    uint32_t                top;      /* of the stack, 0: empty */
    uint32_t               *memo;     /* nodes, 0: not set */
    size_t                  memo_size;
    size_t                  memo_used;
} torus_pickle_decoder_t;


/* What an element is handed to. */
typedef struct {
    int64_t                 now;
    torus_carbon_handler_pt handler;
    void                   *ctx;
    unsigned char          *scratch;  /* TORUS_CARBON_PATH_LIMIT */
} torus_pickle_feed_t;


static int torus_pickle_run(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last, const torus_pickle_feed_t *f);
static int torus_pickle_collect(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last);
static void torus_pickle_release(torus_pickle_t *p);
static int torus_pickle_invalid(torus_pickle_t *p, const char *reason);
static int torus_pickle_grow(void *pp, size_t *size, size_t want, size_t max,
    size_t item);

static int torus_pickle_decode(torus_pickle_t *p);
static int torus_pickle_opcodes(torus_pickle_decoder_t *d);
static int torus_pickle_opcode(torus_pickle_decoder_t *d, unsigned char op);
static int torus_pickle_opcode_sized(torus_pickle_decoder_t *d,
    unsigned char op);
static int torus_pickle_opcode_text(torus_pickle_decoder_t *d,
    unsigned char op);
static int torus_pickle_opcode_stack(torus_pickle_decoder_t *d,
    unsigned char op);
static int torus_pickle_stop(torus_pickle_decoder_t *d);
static int torus_pickle_number(torus_pickle_decoder_t *d, size_t n,
    uint64_t *value);
static int torus_pickle_take(torus_pickle_decoder_t *d, size_t n,
    torus_str_t *s);
static int torus_pickle_line(torus_pickle_decoder_t *d, torus_str_t *s);
static int torus_pickle_push(torus_pickle_decoder_t *d,
    torus_pickle_kind_t kind, torus_pickle_node_t **node);
static int torus_pickle_push_int(torus_pickle_decoder_t *d, int64_t i);
static int torus_pickle_push_slice(torus_pickle_decoder_t *d,
    torus_pickle_kind_t kind, torus_str_t s);
static int torus_pickle_push_string(torus_pickle_decoder_t *d, size_t width);
static int torus_pickle_push_long(torus_pickle_decoder_t *d, size_t width);
static int torus_pickle_push_double(torus_pickle_decoder_t *d);
static int torus_pickle_integer(torus_pickle_decoder_t *d, torus_str_t s);
static int torus_pickle_quoted(torus_pickle_decoder_t *d, torus_str_t s);
static int torus_pickle_unescape(const unsigned char **pp,
    const unsigned char *last, unsigned char *c);
static int torus_pickle_unicode(torus_pickle_decoder_t *d, torus_str_t s);
static size_t torus_pickle_utf8(unsigned char *dst, uint32_t u);
static int torus_pickle_hex(const unsigned char *p,
    const unsigned char *last, size_t n, uint32_t *u);
static int torus_pickle_tuple(torus_pickle_decoder_t *d, size_t n);
static int torus_pickle_collection(torus_pickle_decoder_t *d,
    torus_pickle_kind_t kind);
static int torus_pickle_append(torus_pickle_decoder_t *d, int many);
static int torus_pickle_dict(torus_pickle_decoder_t *d, int many);
static int torus_pickle_to_mark(torus_pickle_decoder_t *d, uint32_t *first,
    uint32_t *last, uint32_t *mark);
static int torus_pickle_put(torus_pickle_decoder_t *d, uint64_t index);
static int torus_pickle_get(torus_pickle_decoder_t *d, uint64_t index);
static int torus_pickle_index(torus_pickle_decoder_t *d, uint64_t *index);

static int torus_pickle_deliver(torus_pickle_t *p,
    const torus_pickle_feed_t *f);
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


void
torus_pickle_init(torus_pickle_t *p, const torus_carbon_conf_t *conf,
    size_t frame_max)
{
    memset(p, 0, sizeof(torus_pickle_t));

    p->conf = conf;
    p->frame_max = frame_max < TORUS_PICKLE_FRAME_LIMIT
                   ? frame_max : TORUS_PICKLE_FRAME_LIMIT;
}


void
torus_pickle_free(torus_pickle_t *p)
{
    torus_pickle_release(p);

    p->nhead = 0;
    p->len = 0;
    p->need = 0;
    p->decoded = 0;
}


int
torus_pickle_feed(torus_pickle_t *p, const unsigned char *data, size_t len,
    int64_t now, torus_carbon_handler_pt handler, void *ctx, size_t *consumed)
{
    int                   rc;
    unsigned char         scratch[TORUS_CARBON_PATH_LIMIT];
    torus_pickle_feed_t   f;
    const unsigned char  *pos;

    f.now = now;
    f.handler = handler;
    f.ctx = ctx;
    f.scratch = scratch;

    pos = data;

    rc = torus_pickle_run(p, &pos, data + len, &f);

    *consumed = (size_t) (pos - data);

    return rc;
}


int
torus_pickle_end(torus_pickle_t *p, int64_t now,
    torus_carbon_handler_pt handler, void *ctx)
{
    int     rc;
    size_t  consumed;

    rc = torus_pickle_feed(p, p->head, 0, now, handler, ctx, &consumed);

    if (rc == TORUS_OK && p->nhead != 0) {
        return torus_pickle_invalid(p, "the end cuts it");
    }

    return rc;
}


static int
torus_pickle_run(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last, const torus_pickle_feed_t *f)
{
    int  rc;

    if (p->reason != NULL) {
        return TORUS_INVALID;
    }

    for ( ;; ) {

        if (p->decoded) {
            rc = torus_pickle_deliver(p, f);

            if (rc != TORUS_OK) {
                return rc;
            }

            p->decoded = 0;
            p->nhead = 0;
            p->len = 0;
            p->need = 0;
        }

        rc = torus_pickle_collect(p, pp, last);

        if (rc == TORUS_AGAIN) {
            break;
        }

        if (rc == TORUS_OK) {
            rc = torus_pickle_decode(p);
        }

        if (rc != TORUS_OK) {
            torus_pickle_release(p);
            return rc;
        }

        p->decoded = 1;
    }

    /* an idle connection holds nothing */

    if (p->nhead == 0) {
        torus_pickle_release(p);
    }

    return TORUS_OK;
}


/* TORUS_OK: a frame is whole.  TORUS_AGAIN: all up to last was taken. */
static int
torus_pickle_collect(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last)
{
    size_t  n;

    while (p->nhead < 4) {
        if (*pp == last) {
            return TORUS_AGAIN;
        }

        p->head[p->nhead++] = *(*pp)++;

        if (p->nhead < 4) {
            continue;
        }

        p->need = (size_t) p->head[0] << 24 | (size_t) p->head[1] << 16
                  | (size_t) p->head[2] << 8 | p->head[3];

        if (p->need == 0) {
            return torus_pickle_invalid(p, "it is empty");
        }

        if (p->need > p->frame_max) {
            return torus_pickle_invalid(p, "it is too long");
        }
    }

    n = (size_t) (last - *pp);

    if (n > p->need - p->len) {
        n = p->need - p->len;
    }

    /* by what has come, not by what is announced */

    if (torus_pickle_grow(&p->frame, &p->size, p->len + n, p->need, 1)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if (n != 0) {
        memcpy(p->frame + p->len, *pp, n);
    }

    p->len += n;
    *pp += n;

    return (p->len == p->need) ? TORUS_OK : TORUS_AGAIN;
}


static void
torus_pickle_release(torus_pickle_t *p)
{
    free(p->frame);
    free(p->nodes);
    free(p->text);

    p->frame = NULL;
    p->size = 0;
    p->nodes = NULL;
    p->nnodes = 0;
    p->nodes_size = 0;
    p->text = NULL;
    p->text_len = 0;
    p->text_size = 0;
    p->element = 0;
}


static int
torus_pickle_invalid(torus_pickle_t *p, const char *reason)
{
    p->reason = reason;

    return TORUS_INVALID;
}


/* pp: the address of a pointer to items; want and max count them. */
static int
torus_pickle_grow(void *pp, size_t *size, size_t want, size_t max, size_t item)
{
    void    *old, *new;
    size_t   n;

    if (want <= *size) {
        return TORUS_OK;
    }

    n = (*size == 0) ? TORUS_PICKLE_CHUNK / item : *size * 2;

    if (n > max) {
        n = max;
    }

    if (n < want) {
        n = want;
    }

    memcpy(&old, pp, sizeof(void *));

    new = realloc(old, n * item);

    if (new == NULL) {
        return TORUS_ERROR;
    }

    memcpy(pp, &new, sizeof(void *));
    *size = n;

    return TORUS_OK;
}


static int
torus_pickle_decode(torus_pickle_t *p)
{
    int                     rc;
    torus_pickle_decoder_t  d;

    memset(&d, 0, sizeof(torus_pickle_decoder_t));

    d.p = p;
    d.pos = p->frame;
    d.last = p->frame + p->len;

    p->nnodes = 1;      /* 0 is no node */
    p->text_len = 0;
    p->element = 0;
    p->index = 0;

    rc = torus_pickle_opcodes(&d);

    free(d.memo);

    return rc;
}


static int
torus_pickle_opcodes(torus_pickle_decoder_t *d)
{
    int            rc;
    unsigned char  op;

    do {
        if (d->pos == d->last) {
            return torus_pickle_invalid(d->p, "it ends in the middle");
        }

        op = *d->pos++;

        if (op == '.') {
            return torus_pickle_stop(d);
        }

        rc = torus_pickle_opcode(d, op);

    } while (rc == TORUS_OK);

    return rc;
}


/* Values that are all in the opcode; the rest by their kind. */
static int
torus_pickle_opcode(torus_pickle_decoder_t *d, unsigned char op)
{
    switch (op) {

    case '(':
        return torus_pickle_push(d, TORUS_PICKLE_MARK, NULL);

    case 'N':
    case '}':
        return torus_pickle_push(d, TORUS_PICKLE_OTHER, NULL);

    case ']':
        return torus_pickle_push(d, TORUS_PICKLE_LIST, NULL);

    case ')':
        return torus_pickle_push(d, TORUS_PICKLE_TUPLE, NULL);

    case 0x88:                                              /* NEWTRUE */
        return torus_pickle_push_int(d, 1);

    case 0x89:                                              /* NEWFALSE */
        return torus_pickle_push_int(d, 0);

    case 'I':
    case 'L':
    case 'F':
    case 'S':
    case 'V':
        return torus_pickle_opcode_text(d, op);

    case 'l':
    case 't':
    case 'a':
    case 'e':
    case 'd':
    case 's':
    case 'u':
    case 0x85:                                              /* TUPLE1 */
    case 0x86:
    case 0x87:
    case 'p':
    case 'q':
    case 'r':
    case 0x94:                                              /* MEMOIZE */
    case 'g':
    case 'h':
    case 'j':
        return torus_pickle_opcode_stack(d, op);

    default:
        return torus_pickle_opcode_sized(d, op);
    }
}


/* With an argument in bytes. */
static int
torus_pickle_opcode_sized(torus_pickle_decoder_t *d, unsigned char op)
{
    int          rc;
    uint64_t     n;
    torus_str_t  s;

    switch (op) {

    case 'J':                                               /* BININT */
        rc = torus_pickle_number(d, 4, &n);
        return rc == TORUS_OK ? torus_pickle_push_int(d, (int32_t) n) : rc;

    case 'K':                                               /* BININT1 */
        rc = torus_pickle_number(d, 1, &n);
        return rc == TORUS_OK ? torus_pickle_push_int(d, (int64_t) n) : rc;

    case 'M':                                               /* BININT2 */
        rc = torus_pickle_number(d, 2, &n);
        return rc == TORUS_OK ? torus_pickle_push_int(d, (int64_t) n) : rc;

    case 'G':                                               /* BINFLOAT */
        return torus_pickle_push_double(d);

    case 0x8a:                                              /* LONG1 */
        return torus_pickle_push_long(d, 1);

    case 0x8b:                                              /* LONG4 */
        return torus_pickle_push_long(d, 4);

    case 'U':                                       /* SHORT_BINSTRING */
    case 'C':                                       /* SHORT_BINBYTES */
    case 0x8c:                                      /* SHORT_BINUNICODE */
        return torus_pickle_push_string(d, 1);

    case 'T':                                       /* BINSTRING */
    case 'B':                                       /* BINBYTES */
    case 'X':                                       /* BINUNICODE */
        return torus_pickle_push_string(d, 4);

    case 0x8d:                                      /* BINUNICODE8 */
    case 0x8e:                                      /* BINBYTES8 */
        return torus_pickle_push_string(d, 8);

    case 0x95:                                      /* FRAME: nothing new */
        return torus_pickle_take(d, 8, &s);

    case 0x80:                                      /* PROTO */
        rc = torus_pickle_number(d, 1, &n);

        if (rc == TORUS_OK && n > TORUS_PICKLE_PROTOCOL) {
            return torus_pickle_invalid(d->p, "it has an unknown protocol");
        }

        return rc;

    default:
        return torus_pickle_invalid(d->p, "it has an opcode that is refused");
    }
}


/* With an argument that a newline ends. */
static int
torus_pickle_opcode_text(torus_pickle_decoder_t *d, unsigned char op)
{
    int            rc;
    torus_str_t    s;
    torus_value_t  v;

    rc = torus_pickle_line(d, &s);

    if (rc != TORUS_OK) {
        return rc;
    }

    switch (op) {

    case 'I':
        if (torus_str_is(s, "00") || torus_str_is(s, "01")) {
            return torus_pickle_push_int(d, s.data[1] - '0');
        }

        return torus_pickle_integer(d, s);

    case 'L':
        if (s.len != 0 && s.data[s.len - 1] == 'L') {
            s.len--;
        }

        return torus_pickle_integer(d, s);

    case 'F':
        if (torus_number_parse(s, &v) == TORUS_DECLINED) {
            return torus_pickle_invalid(d->p, "it has a bad number");
        }

        return torus_pickle_push_slice(d, TORUS_PICKLE_NUMBER, s);

    case 'S':
        return torus_pickle_quoted(d, s);

    default: /* 'V' */
        return torus_pickle_unicode(d, s);
    }
}


/* That work on the stack and the memo. */
static int
torus_pickle_opcode_stack(torus_pickle_decoder_t *d, unsigned char op)
{
    int       rc;
    uint64_t  n;

    switch (op) {

    case 'l':
        return torus_pickle_collection(d, TORUS_PICKLE_LIST);

    case 't':
        return torus_pickle_collection(d, TORUS_PICKLE_TUPLE);

    case 'd':
        return torus_pickle_collection(d, TORUS_PICKLE_OTHER);

    case 'a':
    case 'e':
        return torus_pickle_append(d, op == 'e');

    case 's':
    case 'u':
        return torus_pickle_dict(d, op == 'u');

    case 0x85:
    case 0x86:
    case 0x87:
        return torus_pickle_tuple(d, op - 0x84);

    case 0x94:
        return torus_pickle_put(d, d->memo_used);

    case 'p':
    case 'g':
        rc = torus_pickle_index(d, &n);
        break;

    case 'q':
    case 'h':
        rc = torus_pickle_number(d, 1, &n);
        break;

    default: /* 'r', 'j' */
        rc = torus_pickle_number(d, 4, &n);
        break;
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    return (op == 'p' || op == 'q' || op == 'r') ? torus_pickle_put(d, n)
                                                 : torus_pickle_get(d, n);
}


/* The value on top of the stack is what the frame says. */
static int
torus_pickle_stop(torus_pickle_decoder_t *d)
{
    torus_pickle_t       *p;
    torus_pickle_node_t  *n;

    p = d->p;

    if (d->top == 0) {
        return torus_pickle_invalid(p, "it holds nothing");
    }

    n = &p->nodes[d->top];

    if (n->kind == TORUS_PICKLE_REF) {
        n = &p->nodes[n->u.ref];
    }

    if (n->kind != TORUS_PICKLE_LIST && n->kind != TORUS_PICKLE_TUPLE) {
        return torus_pickle_invalid(p, "it is not a list");
    }

    p->element = n->u.items.first;

    return TORUS_OK;
}


/* n bytes, the lowest first. */
static int
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


static int
torus_pickle_take(torus_pickle_decoder_t *d, size_t n, torus_str_t *s)
{
    if (n > (size_t) (d->last - d->pos)) {
        return torus_pickle_invalid(d->p, "it ends in the middle");
    }

    *s = torus_str(d->pos, n);
    d->pos += n;

    return TORUS_OK;
}


static int
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
static int
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

    if (torus_pickle_grow(&p->nodes, &p->nodes_size, p->nnodes + 1, max,
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


static int
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
static int
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


/* Its length stands before it, in width bytes. */
static int
torus_pickle_push_string(torus_pickle_decoder_t *d, size_t width)
{
    int          rc;
    uint64_t     n;
    torus_str_t  s;

    rc = torus_pickle_number(d, width, &n);

    if (rc == TORUS_OK) {
        rc = torus_pickle_take(d, n, &s);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_pickle_push_slice(d, TORUS_PICKLE_STRING, s);
}


static int
torus_pickle_push_long(torus_pickle_decoder_t *d, size_t width)
{
    int          rc;
    uint64_t     n, value;
    torus_str_t  s;

    rc = torus_pickle_number(d, width, &n);

    if (rc == TORUS_OK) {
        rc = torus_pickle_take(d, n, &s);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    if (n > 8) {
        return torus_pickle_push_slice(d, TORUS_PICKLE_LONG, s);
    }

    value = (n != 0 && s.data[n - 1] >= 0x80) ? UINT64_MAX : 0;

    while (n-- > 0) {
        value = value << 8 | s.data[n];
    }

    return torus_pickle_push_int(d, (int64_t) value);
}


/* The one number with its highest byte first. */
static int
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


static int
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
static int
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
static int
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


/* Of the n values on top. */
static int
torus_pickle_tuple(torus_pickle_decoder_t *d, size_t n)
{
    int                   rc;
    uint32_t              top, below, first, last;
    torus_pickle_node_t  *nodes, *tuple;

    first = 0;
    last = d->top;
    top = d->top;
    nodes = d->p->nodes;

    for (/* void */; n > 0; n--) {
        if (top == 0 || nodes[top].kind == TORUS_PICKLE_MARK) {
            return torus_pickle_invalid(d->p, "it has a tuple of nothing");
        }

        below = nodes[top].next;
        nodes[top].next = first;
        first = top;
        top = below;
    }

    d->top = top;

    rc = torus_pickle_push(d, TORUS_PICKLE_TUPLE, &tuple);

    if (rc == TORUS_OK) {
        tuple->u.items.first = first;
        tuple->u.items.last = last;
    }

    return rc;
}


/* Of what is above the mark, which itself becomes the result. */
static int
torus_pickle_collection(torus_pickle_decoder_t *d, torus_pickle_kind_t kind)
{
    int                   rc;
    uint32_t              first, last, mark;
    torus_pickle_node_t  *n;

    rc = torus_pickle_to_mark(d, &first, &last, &mark);

    if (rc != TORUS_OK) {
        return rc;
    }

    n = &d->p->nodes[mark];

    n->kind = kind;
    n->next = d->top;
    n->u.items.first = first;
    n->u.items.last = last;

    d->top = mark;

    return TORUS_OK;
}


/* One value, or all above the mark, go to the list that is below. */
static int
torus_pickle_append(torus_pickle_decoder_t *d, int many)
{
    int                   rc;
    uint32_t              first, last, mark;
    torus_pickle_node_t  *nodes, *list;

    nodes = d->p->nodes;

    if (many) {
        rc = torus_pickle_to_mark(d, &first, &last, &mark);

        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        first = d->top;
        last = first;

        if (first == 0 || nodes[first].kind == TORUS_PICKLE_MARK) {
            return torus_pickle_invalid(d->p, "it appends nothing");
        }

        d->top = nodes[first].next;
        nodes[first].next = 0;
    }

    list = &nodes[d->top];

    if (d->top != 0 && list->kind == TORUS_PICKLE_REF) {
        list = &nodes[list->u.ref];
    }

    if (d->top == 0 || list->kind != TORUS_PICKLE_LIST) {
        return torus_pickle_invalid(d->p, "it appends to what is no list");
    }

    if (first == 0) {
        return TORUS_OK;
    }

    if (list->u.items.first == 0) {
        list->u.items.first = first;

    } else {
        nodes[list->u.items.last].next = first;
    }

    list->u.items.last = last;

    return TORUS_OK;
}


/* Of a dictionary it is enough to know that it is there. */
static int
torus_pickle_dict(torus_pickle_decoder_t *d, int many)
{
    int                   n, rc;
    uint32_t              first, last, mark;
    torus_pickle_node_t  *nodes;

    nodes = d->p->nodes;

    if (many) {
        rc = torus_pickle_to_mark(d, &first, &last, &mark);

        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        for (n = 0; n < 2; n++) {
            if (d->top == 0 || nodes[d->top].kind == TORUS_PICKLE_MARK) {
                return torus_pickle_invalid(d->p, "it sets nothing");
            }

            d->top = nodes[d->top].next;
        }
    }

    if (d->top == 0 || nodes[d->top].kind != TORUS_PICKLE_OTHER) {
        return torus_pickle_invalid(d->p, "it sets in what is no dict");
    }

    return TORUS_OK;
}


/*
 * Takes what is above the topmost mark off the stack, and the mark; in the
 * order in which it was pushed.
 */
static int
torus_pickle_to_mark(torus_pickle_decoder_t *d, uint32_t *first,
    uint32_t *last, uint32_t *mark)
{
    uint32_t              top, below;
    torus_pickle_node_t  *nodes;

    *first = 0;
    *last = 0;
    nodes = d->p->nodes;

    for (top = d->top; top != 0; top = below) {
        below = nodes[top].next;

        if (nodes[top].kind == TORUS_PICKLE_MARK) {
            *mark = top;
            d->top = below;
            return TORUS_OK;
        }

        if (*last == 0) {
            *last = top;
        }

        nodes[top].next = *first;
        *first = top;
    }

    return torus_pickle_invalid(d->p, "it lacks a mark");
}


static int
torus_pickle_put(torus_pickle_decoder_t *d, uint64_t index)
{
    size_t  old, max;

    max = torus_pickle_memo_max(d->p->len);

    if (d->top == 0 || d->p->nodes[d->top].kind == TORUS_PICKLE_MARK
        || index >= max)
    {
        return torus_pickle_invalid(d->p, "it has a bad memo");
    }

    old = d->memo_size;

    if (torus_pickle_grow(&d->memo, &d->memo_size, (size_t) index + 1, max,
                          sizeof(uint32_t))
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if (d->memo_size != old) {
        memset(d->memo + old, 0, (d->memo_size - old) * sizeof(uint32_t));
    }

    d->memo_used += (d->memo[index] == 0);
    d->memo[index] = d->top;

    return TORUS_OK;
}


static int
torus_pickle_get(torus_pickle_decoder_t *d, uint64_t index)
{
    int                   rc;
    uint32_t              from, next;
    torus_pickle_node_t  *n;

    if (index >= d->memo_size || d->memo[index] == 0) {
        return torus_pickle_invalid(d->p, "it has a bad memo");
    }

    from = d->memo[index];

    rc = torus_pickle_push(d, TORUS_PICKLE_REF, &n);

    if (rc != TORUS_OK) {
        return rc;
    }

    if (d->p->nodes[from].kind == TORUS_PICKLE_LIST) {
        n->u.ref = from;
        return TORUS_OK;
    }

    next = n->next;
    *n = d->p->nodes[from];
    n->next = next;

    return TORUS_OK;
}


/* In digits. */
static int
torus_pickle_index(torus_pickle_decoder_t *d, uint64_t *index)
{
    int          rc;
    size_t       i;
    torus_str_t  s;

    rc = torus_pickle_line(d, &s);

    if (rc != TORUS_OK) {
        return rc;
    }

    *index = 0;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9' || i > 9) {
            break;
        }

        *index = *index * 10 + (s.data[i] - '0');
    }

    if (s.len == 0 || i != s.len) {
        return torus_pickle_invalid(d->p, "it has a bad memo");
    }

    return TORUS_OK;
}


static int
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
