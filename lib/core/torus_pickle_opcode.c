/*
 * The machine that reads a frame: opcodes, the stack and the memo.
 */

#include "torus_pickle_node.h"

#include <stdlib.h>

#include "torus_number.h"


/* Writers number memo entries from 0 or 1, each of at least two bytes. */
#define torus_pickle_memo_max(len)   ((len) / 2 + 2)

#define TORUS_PICKLE_PROTOCOL   5


static int torus_pickle_opcodes(torus_pickle_decoder_t *d);
static int torus_pickle_opcode(torus_pickle_decoder_t *d, unsigned char op);
static int torus_pickle_opcode_sized(torus_pickle_decoder_t *d,
    unsigned char op);
static int torus_pickle_opcode_text(torus_pickle_decoder_t *d,
    unsigned char op);
static int torus_pickle_opcode_stack(torus_pickle_decoder_t *d,
    unsigned char op);
static int torus_pickle_stop(torus_pickle_decoder_t *d);
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


int
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

    if (index >= old
        && torus_pickle_grow(&d->memo, &d->memo_size, (size_t) index + 1, max,
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
