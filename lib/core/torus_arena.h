/*
 * A bump allocator: what lives together is freed together.  A schema set has
 * one, a request has one, a slice of a large answer has one.
 */

#ifndef _TORUS_ARENA_H_INCLUDED_
#define _TORUS_ARENA_H_INCLUDED_


#include "torus_account.h"


typedef struct torus_arena_s  torus_arena_t;


/*
 * chunk: bytes asked from malloc() at a time.  limit: bytes this arena may
 * hold in all, 0 for none.  NULL when out of memory.
 */
torus_arena_t *torus_arena_create(size_t chunk, size_t limit);
void torus_arena_destroy(torus_arena_t *a);

/*
 * Of a request: each chunk is charged to the account, which has to live as
 * long, and in place of a limit refuses what is too much.  NULL: no account.
 */
torus_arena_t *torus_arena_create_on(size_t chunk, torus_account_t *account);

/*
 * From now on it is charged to that, as is what it holds: so an account can
 * be in the arena.
 */
void torus_arena_charge(torus_arena_t *a, torus_account_t *account);

/* What it is charged to, or NULL. */
torus_account_t *torus_arena_account(const torus_arena_t *a);

/* Forgets all, keeps the first chunk for the next use. */
void torus_arena_reset(torus_arena_t *a);

/* Bytes held from malloc(). */
size_t torus_arena_size(const torus_arena_t *a);

/*
 * fn(data) is called before the memory goes, by reset and by destroy, the
 * last registered first.  TORUS_OK or TORUS_ERROR.
 */
typedef void (*torus_arena_cleanup_pt)(void *data);

int torus_arena_cleanup(torus_arena_t *a, torus_arena_cleanup_pt fn,
    void *data);

/* Aligned for any type.  NULL when out of memory or over the limit. */
void *torus_arena_alloc(torus_arena_t *a, size_t size);
void *torus_arena_calloc(torus_arena_t *a, size_t n, size_t size);

/*
 * A copy, terminated by a '\0' that len does not count.  TORUS_OK or
 * TORUS_ERROR.
 */
int torus_arena_dup(torus_arena_t *a, torus_str_t s, torus_str_t *copy);


#endif /* _TORUS_ARENA_H_INCLUDED_ */
