/*
 * The unsent half of a writer: a FIFO of batches of which the last is open,
 * with merging.  Internal to the writer.
 *
 * Merging changes neither what Redis holds in the end nor the order of the
 * values of a key; what is merged counts as the operations it stands for.
 */

#ifndef _TORUS_QUEUE_H_INCLUDED_
#define _TORUS_QUEUE_H_INCLUDED_


#include "torus_wbatch.h"
#include "torus_expiry.h"


typedef struct torus_queue_s {
    torus_chunks_t    chunks;
    torus_fifo_t      unsent;
    torus_index_t     index;
    torus_expiry_t    expiry;
    torus_expiry_t    fractions;   /* counts known not to be whole */
    uint64_t          seed;
    uint64_t          births;      /* of the last batch */
    uint64_t          origin;      /* of what is added again; 0: of now */
    uint64_t          ops;         /* unsent operations */
    uint64_t          points;      /* .. and the points they begin */
    uint64_t         *counters;
    unsigned char     text[TORUS_NUMBER_SIZE];   /* of a delta */
    unsigned          share;       /* new records of what grows may fill one
                                      of so many parts of a batch; 0: half */
    unsigned          open:1;      /* unsent.last takes records */
    unsigned          merge_off:1;
} torus_queue_t;


/* With all that is in it, sent or not. */
void torus_queue_free(torus_queue_t *q);

/*
 * kind: that of the operation or TORUS_OP_EXPIREAT; ops: operations it
 * stands for, in place of op->ops; points: how many of them are the first of
 * their point.  stuck: nothing can be sent for now, so decimals are merged
 * too.  TORUS_OK or TORUS_ERROR (out of memory).
 */
int torus_queue_add(torus_queue_t *q, unsigned kind, const torus_op_t *op,
    uint64_t ops, uint64_t points, int stuck, uint64_t now);

/*
 * An INCRBY on a count that holds a fraction fails, and is known to have
 * failed only by its reply; so all buckets of a stat that had one are added
 * to by INCRBYFLOAT.
 */
void torus_queue_fraction(torus_queue_t *q, torus_str_t key, uint64_t now);
int torus_queue_fractional(const torus_queue_t *q, torus_str_t key,
    uint64_t now);

/* The same addition, of decimals. */
unsigned torus_queue_float(unsigned kind);

/* The next batch to send, which nothing is merged into any more; or NULL. */
torus_wbatch_t *torus_queue_take(torus_queue_t *q);

/* Batches to be sent again, before all others and in their order. */
void torus_queue_put_back(torus_queue_t *q, torus_fifo_t *batches);


#endif /* _TORUS_QUEUE_H_INCLUDED_ */
