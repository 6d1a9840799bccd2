/*
 * Which keys are known to expire: a bounded memory of EXPIREATs that Redis
 * has acknowledged on this connection within the hour.  It may forget any
 * time, then an EXPIREAT is sent once more than needed.
 */

#ifndef _TORUS_EXPIRY_H_INCLUDED_
#define _TORUS_EXPIRY_H_INCLUDED_


#include "torus_core.h"


/* An expiry is sent again after this many milliseconds. */
#define TORUS_EXPIRY_REPEAT  3600000


typedef struct {
    uint64_t             hash;
    uint32_t             sent;        /* seconds */
    uint32_t             generation;  /* of the connection; 0: free */
} torus_expiry_entry_t;


typedef struct {
    torus_expiry_entry_t  *entries;
    size_t                 size;        /* a power of two, 0 at first */
    size_t                 max;
    size_t                 used;
    uint32_t               generation;
    uint32_t               turn;        /* what memos of now hold; never 0 */
    uint64_t               turned;      /* when it began, milliseconds */
} torus_expiry_t;


/* A memo counts for so long, so that it hardly outlives its entry. */
#define TORUS_EXPIRY_TURN    60000


/* max: entries, rounded down to a power of two; 0: remembers nothing. */
void torus_expiry_init(torus_expiry_t *e, size_t max);
void torus_expiry_free(torus_expiry_t *e);

/* hash: of the whole key, seeded with random bits.  now: milliseconds. */
/* Was it sent within the hour? */
int torus_expiry_known(const torus_expiry_t *e, uint64_t hash, uint64_t now);
void torus_expiry_sent(torus_expiry_t *e, uint64_t hash, uint64_t now);
void torus_expiry_forget(torus_expiry_t *e, uint64_t hash);

/* From now on no memo says anything. */
void torus_expiry_turn(torus_expiry_t *e);

/* A new connection: all of it may be another server's memory now. */
void torus_expiry_reset(torus_expiry_t *e);


/*
 * Whoever has a place for each key can keep a memo there, 0 at first, that
 * says the same without a look into the table.
 */
static inline int
torus_expiry_memo_known(torus_expiry_t *e, uint32_t memo, uint64_t now)
{
    if (now - e->turned >= TORUS_EXPIRY_TURN) {
        torus_expiry_turn(e);
        e->turned = now;
    }

    return memo == e->turn;
}


#endif /* _TORUS_EXPIRY_H_INCLUDED_ */
