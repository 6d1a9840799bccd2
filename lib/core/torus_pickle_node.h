/*
 * Between the files of pickles, for nobody else: what a frame says.
 *
 * A frame is decoded into nodes, one for each value, in a single array.  A
 * node is at any time in one chain at most, by its "next": the stack, from
 * the top down, or the items of one list or tuple, in their order.  What the
 * memo gives back is a new node: a copy, or for lists, which may grow later,
 * a reference.  Nothing is recursive: reading takes a loop over opcodes,
 * delivering looks three levels deep and no deeper, so that lists in
 * themselves do no harm.
 *
 *   frame -> torus_pickle_opcode.c -> nodes -> torus_pickle_point.c -> points
 */

#ifndef _TORUS_PICKLE_NODE_H_INCLUDED_
#define _TORUS_PICKLE_NODE_H_INCLUDED_


#include "torus_pickle.h"


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


/* The frame cannot be read; the text outlives it. */
#define torus_pickle_invalid(p, text)  ((p)->reason = (text), TORUS_INVALID)


/* torus_pickle.c */

/* pp: the address of a pointer to items; want and max count them. */
int torus_pickle_grow(void *pp, size_t *size, size_t want, size_t max,
    size_t item);


/* torus_pickle_opcode.c */

/* The frame, into nodes; p->element is the first one to be delivered. */
int torus_pickle_decode(torus_pickle_t *p);


/* torus_pickle_push.c */

/* n bytes, the lowest first. */
int torus_pickle_number(torus_pickle_decoder_t *d, size_t n, uint64_t *value);

/* The next n bytes of the frame; or a line of it, without its end. */
int torus_pickle_take(torus_pickle_decoder_t *d, size_t n, torus_str_t *s);
int torus_pickle_line(torus_pickle_decoder_t *d, torus_str_t *s);

/* node may be NULL; what it points to is valid until the next call. */
int torus_pickle_push(torus_pickle_decoder_t *d, torus_pickle_kind_t kind,
    torus_pickle_node_t **node);
int torus_pickle_push_int(torus_pickle_decoder_t *d, int64_t i);
int torus_pickle_push_slice(torus_pickle_decoder_t *d,
    torus_pickle_kind_t kind, torus_str_t s);

/* Their length stands before them, in width bytes. */
int torus_pickle_push_string(torus_pickle_decoder_t *d, size_t width);
int torus_pickle_push_long(torus_pickle_decoder_t *d, size_t width);

/* Eight bytes, the highest first. */
int torus_pickle_push_double(torus_pickle_decoder_t *d);

/* Lines of protocol 0. */
int torus_pickle_integer(torus_pickle_decoder_t *d, torus_str_t s);
int torus_pickle_quoted(torus_pickle_decoder_t *d, torus_str_t s);
int torus_pickle_unicode(torus_pickle_decoder_t *d, torus_str_t s);


/* torus_pickle_point.c */

/* Elements, from p->element on, until the handler stops. */
int torus_pickle_deliver(torus_pickle_t *p, const torus_pickle_feed_t *f);


#endif /* _TORUS_PICKLE_NODE_H_INCLUDED_ */
