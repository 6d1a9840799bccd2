/*
 * Carbon's pickle protocol: bytes of a connection in, points out.
 *
 * A frame is a length of four bytes, the highest first, and a pickle of
 * [(path, (timestamp, value)), ..].  A frame is collected whole and read by
 * a machine that knows the opcodes of plain data only and builds no objects;
 * then each element goes to the same handler as a line would.  An element
 * that is no point costs only itself; a frame that cannot be read, or is too
 * long, ends the connection, since nobody can tell where the next one begins
 * to make sense.
 */

#ifndef _TORUS_PICKLE_H_INCLUDED_
#define _TORUS_PICKLE_H_INCLUDED_


#include "torus_carbon.h"


#define TORUS_PICKLE_FRAME_MAX    1048576      /* default */

/* A frame_max above this is taken as this: offsets have 32 bits. */
#define TORUS_PICKLE_FRAME_LIMIT  (256 * 1024 * 1024)


typedef struct torus_pickle_node_s  torus_pickle_node_t;


/*
 * The state of one connection.  All memory is malloc'ed as bytes come in,
 * and freed when no frame is under way: up to about 15 times frame_max while
 * a frame is read, frame_max while one is collected.
 */
typedef struct {
    const torus_carbon_conf_t  *conf;
    size_t                      frame_max;

    unsigned char               head[4];
    size_t                      nhead;

    unsigned char              *frame;
    size_t                      len;         /* of it so far */
    size_t                      size;
    size_t                      need;        /* its whole length */

    torus_pickle_node_t        *nodes;       /* what the frame says */
    size_t                      nnodes;
    size_t                      nodes_size;
    unsigned char              *text;        /* strings that had to be */
    size_t                      text_len;    /* rewritten */
    size_t                      text_size;

    uint32_t                    element;     /* to be delivered next, or 0 */
    size_t                      index;       /* its number */

    const char                 *reason;      /* of TORUS_INVALID */
    unsigned                    decoded:1;   /* elements may be left */
} torus_pickle_t;


/* conf must outlive p; frame_max: bytes of a frame without its head. */
void torus_pickle_init(torus_pickle_t *p, const torus_carbon_conf_t *conf,
    size_t frame_max);
void torus_pickle_free(torus_pickle_t *p);

/*
 * As torus_carbon_feed(); where the handler stops, the bytes of its frame
 * are consumed, and the next call begins with the element refused: call it
 * again while torus_pickle_pending(), be it without bytes.
 *
 * TORUS_INVALID: a bad frame, p->reason says why; no more can be fed.
 */
int torus_pickle_feed(torus_pickle_t *p, const unsigned char *data,
    size_t len, int64_t now, torus_carbon_handler_pt handler, void *ctx,
    size_t *consumed);

/*
 * A clean close, or the end of a datagram: delivers what is pending;
 * TORUS_INVALID when it cuts a frame.
 */
int torus_pickle_end(torus_pickle_t *p, int64_t now,
    torus_carbon_handler_pt handler, void *ctx);

/* Elements of a frame left that the handler has not taken? */
#define torus_pickle_pending(p)  ((p)->decoded)

/* Bytes of an unfinished frame held. */
#define torus_pickle_held(p)     ((p)->nhead + (p)->len)


#endif /* _TORUS_PICKLE_H_INCLUDED_ */
