/*
 * The arena: a list of chunks, the newest of which is cut from its front.
 * The arena itself lives at the head of its first chunk, so that one free()
 * per chunk is all there is to do at the end.
 *
 * What does not fit a quarter of a chunk gets a chunk of its own, and the one
 * that serves small allocations goes on serving them.
 *
 * Under AddressSanitizer what was not handed out is poisoned, and some bytes
 * between any two allocations are never handed out.
 */

#include "torus_arena.h"

#include <stdlib.h>


#ifndef __has_feature
#define __has_feature(x)  0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)

#include <sanitizer/asan_interface.h>

/* gcc takes the const argument for a read of what was not written yet */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define torus_arena_poison(p, n)    __asan_poison_memory_region(p, n)
#define torus_arena_unpoison(p, n)  __asan_unpoison_memory_region(p, n)
#define TORUS_ARENA_GAP             TORUS_ARENA_ALIGN

#else

#define torus_arena_poison(p, n)    ((void) (p), (void) (n))
#define torus_arena_unpoison(p, n)  ((void) (p), (void) (n))
#define TORUS_ARENA_GAP             0

#endif


#define TORUS_ARENA_ALIGN      _Alignof(max_align_t)
#define TORUS_ARENA_MIN_CHUNK  512
#define TORUS_ARENA_SHARE      8   /* a chunk is at most that part of what
                                       is left of an account */

#define torus_arena_round(n)                                                  \
    (((n) + TORUS_ARENA_ALIGN - 1) & ~(TORUS_ARENA_ALIGN - 1))

#define TORUS_ARENA_HEAD   torus_arena_round(sizeof(torus_arena_chunk_t))
#define TORUS_ARENA_FIRST                                                     \
    (TORUS_ARENA_HEAD + torus_arena_round(sizeof(torus_arena_t)))


typedef struct torus_arena_chunk_s  torus_arena_chunk_t;

struct torus_arena_chunk_s {
    torus_arena_chunk_t  *next;   /* the one made before */
    size_t                size;   /* this header included */
};

/* Something outside the arena that goes with it. */
typedef struct torus_arena_clean_s  torus_arena_clean_t;

struct torus_arena_clean_s {
    torus_arena_clean_t    *next; /* the one registered before */
    torus_arena_cleanup_pt  fn;
    void                   *data;
};

struct torus_arena_s {
    torus_arena_chunk_t  *chunks; /* the newest first, first is the last */
    torus_arena_chunk_t  *first;  /* the arena is inside it */
    unsigned char        *last;   /* what small allocations are cut from */
    unsigned char        *end;
    torus_arena_clean_t  *cleanups;
    torus_account_t      *account;
    size_t                chunk;
    size_t                limit;
    size_t                held;
};


static void torus_arena_use(torus_arena_t *a, torus_arena_chunk_t *c,
    size_t head);
static torus_arena_chunk_t *torus_arena_more(torus_arena_t *a, size_t size);
static size_t torus_arena_chunk(size_t chunk, const torus_account_t *account);
static int torus_arena_short(const torus_arena_t *a, size_t size);
static void torus_arena_free(torus_account_t *account,
    torus_arena_chunk_t *c);
static void torus_arena_clean(torus_arena_t *a);
static void *torus_arena_alloc_big(torus_arena_t *a, size_t size, size_t need);


torus_arena_t *
torus_arena_create(size_t chunk, size_t limit)
{
    size_t                size;
    torus_arena_t        *a;
    torus_arena_chunk_t  *c;

    if (chunk < TORUS_ARENA_MIN_CHUNK) {
        chunk = TORUS_ARENA_MIN_CHUNK;
    }

    if (chunk > SIZE_MAX / 2) {
        return NULL;
    }

    chunk = torus_arena_round(chunk);
    size = chunk;

    if (limit != 0 && size > limit) {
        size = limit - limit % TORUS_ARENA_ALIGN;

        if (size < TORUS_ARENA_FIRST) {
            return NULL;
        }
    }

    c = malloc(size);
    if (c == NULL) {
        return NULL;
    }

    c->next = NULL;
    c->size = size;

    a = (torus_arena_t *) ((unsigned char *) c + TORUS_ARENA_HEAD);

    a->chunks = c;
    a->first = c;
    a->cleanups = NULL;
    a->account = NULL;
    a->chunk = chunk;
    a->limit = limit;
    a->held = size;

    torus_arena_use(a, c, TORUS_ARENA_FIRST);

    return a;
}


torus_arena_t *
torus_arena_create_on(size_t chunk, torus_account_t *account)
{
    size_t          size;
    torus_arena_t  *a;

    size = torus_arena_chunk(chunk, account);

    if (torus_account_take(account, size) != TORUS_OK) {
        return NULL;
    }

    a = torus_arena_create(size, 0);

    if (a == NULL) {
        torus_account_give(account, size);
        return NULL;
    }

    a->account = account;

    if (chunk > a->chunk) {
        a->chunk = torus_arena_round(chunk);
    }

    return a;
}


void
torus_arena_charge(torus_arena_t *a, torus_account_t *account)
{
    torus_arena_chunk_t  *c;

    for (c = a->chunks; c != NULL; c = c->next) {
        torus_account_add(account, c->size);
    }

    a->account = account;
}


torus_account_t *
torus_arena_account(const torus_arena_t *a)
{
    return a->account;
}


void
torus_arena_destroy(torus_arena_t *a)
{
    torus_account_t      *account;
    torus_arena_chunk_t  *c, *next;

    if (a == NULL) {
        return;
    }

    torus_arena_clean(a);

    account = a->account;

    /* the first chunk, which holds a itself, is the last of the list */

    for (c = a->chunks; c != NULL; c = next) {
        next = c->next;
        torus_arena_free(account, c);
    }
}


void
torus_arena_reset(torus_arena_t *a)
{
    torus_arena_chunk_t  *c, *next;

    torus_arena_clean(a);

    for (c = a->chunks; c != a->first; c = next) {
        next = c->next;
        torus_arena_free(a->account, c);
    }

    a->chunks = a->first;
    a->held = a->first->size;

    torus_arena_use(a, a->first, TORUS_ARENA_FIRST);
}


int
torus_arena_cleanup(torus_arena_t *a, torus_arena_cleanup_pt fn, void *data)
{
    torus_arena_clean_t  *clean;

    clean = torus_arena_alloc(a, sizeof(torus_arena_clean_t));
    if (clean == NULL) {
        return TORUS_ERROR;
    }

    clean->next = a->cleanups;
    clean->fn = fn;
    clean->data = data;

    a->cleanups = clean;

    return TORUS_OK;
}


static void
torus_arena_clean(torus_arena_t *a)
{
    torus_arena_clean_t  *clean;

    for (clean = a->cleanups; clean != NULL; clean = clean->next) {
        clean->fn(clean->data);
    }

    a->cleanups = NULL;
}


size_t
torus_arena_size(const torus_arena_t *a)
{
    return a->held;
}


void *
torus_arena_alloc(torus_arena_t *a, size_t size)
{
    size_t                need, chunk;
    unsigned char        *p;
    torus_arena_chunk_t  *c;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    need = torus_arena_round(size + (size == 0) + TORUS_ARENA_GAP);

    if (need > (size_t) (a->end - a->last)) {

        if (need > a->chunk / 4) {
            return torus_arena_alloc_big(a, size, need);
        }

        chunk = torus_arena_chunk(a->chunk, a->account);

        /* near the limit there may be room for this one alone */

        if (need > chunk / 4 || torus_arena_short(a, chunk)) {
            return torus_arena_alloc_big(a, size, need);
        }

        c = torus_arena_more(a, chunk);
        if (c == NULL) {
            return NULL;
        }

        torus_arena_use(a, c, TORUS_ARENA_HEAD);
    }

    p = a->last;
    a->last += need;

    torus_arena_unpoison(p, size);

    return p;
}


static void *
torus_arena_alloc_big(torus_arena_t *a, size_t size, size_t need)
{
    unsigned char        *p;
    torus_arena_chunk_t  *c;

    c = torus_arena_more(a, TORUS_ARENA_HEAD + need);
    if (c == NULL) {
        return NULL;
    }

    p = (unsigned char *) c + TORUS_ARENA_HEAD;

    torus_arena_poison(p + size, need - size);

    return p;
}


void *
torus_arena_calloc(torus_arena_t *a, size_t n, size_t size)
{
    void  *p;

    if (size != 0 && n > SIZE_MAX / size) {
        return NULL;
    }

    p = torus_arena_alloc(a, n * size);

    if (p != NULL) {
        memset(p, 0, n * size);
    }

    return p;
}


int
torus_arena_dup(torus_arena_t *a, torus_str_t s, torus_str_t *copy)
{
    unsigned char  *p;

    if (s.len == SIZE_MAX) {
        return TORUS_ERROR;
    }

    p = torus_arena_alloc(a, s.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    p[s.len] = '\0';

    *copy = torus_str(p, s.len);

    return TORUS_OK;
}


static void
torus_arena_use(torus_arena_t *a, torus_arena_chunk_t *c, size_t head)
{
    a->last = (unsigned char *) c + head;
    a->end = (unsigned char *) c + c->size;

    torus_arena_poison(a->last, (size_t) (a->end - a->last));
}


/* A chunk on the list; NULL when out of memory or over the limit. */
static torus_arena_chunk_t *
torus_arena_more(torus_arena_t *a, size_t size)
{
    torus_arena_chunk_t  *c;

    if (a->limit != 0 && (a->held > a->limit || size > a->limit - a->held)) {
        return NULL;
    }

    if (torus_account_take(a->account, size) != TORUS_OK) {
        return NULL;
    }

    c = malloc(size);
    if (c == NULL) {
        torus_account_give(a->account, size);
        return NULL;
    }

    c->size = size;
    c->next = a->chunks;

    a->chunks = c;
    a->held += size;

    return c;
}


/* Chunks become smaller near the limit, so that none takes what others need. */
static size_t
torus_arena_chunk(size_t chunk, const torus_account_t *account)
{
    size_t  most;

    most = torus_account_left(account) / TORUS_ARENA_SHARE;

    if (chunk > most) {
        chunk = most;
    }

    if (chunk < TORUS_ARENA_MIN_CHUNK) {
        chunk = TORUS_ARENA_MIN_CHUNK;
    }

    return torus_arena_round(chunk);
}


static int
torus_arena_short(const torus_arena_t *a, size_t size)
{
    return (a->limit != 0
            && (a->held > a->limit || size > a->limit - a->held))
           || torus_account_short(a->account, size);
}


/* The account may be in the chunk. */
static void
torus_arena_free(torus_account_t *account, torus_arena_chunk_t *c)
{
    torus_arena_unpoison(c, c->size);
    torus_account_give(account, c->size);
    free(c);
}
