/*
 * A growable byte buffer with a cap: commands on their way to Redis, JSON on
 * its way to a client.  Bytes are appended at last and consumed from pos.
 */

#ifndef _TORUS_BUF_H_INCLUDED_
#define _TORUS_BUF_H_INCLUDED_


#include "torus_account.h"


typedef struct {
    unsigned char    *start;
    unsigned char    *pos;      /* first byte not consumed */
    unsigned char    *last;     /* one after the last byte */
    unsigned char    *end;
    size_t            max;      /* most bytes from start to end, 0: no cap */
    int               failed;   /* an append did not fit; stays until reset */
    torus_account_t  *account;  /* that its memory is charged to, or NULL */
} torus_buf_t;


/* Empty; memory comes with the first byte.  max as in the buffer. */
void torus_buf_init(torus_buf_t *b, size_t max);

/* With what there is left of an account for a cap; NULL: without one. */
void torus_buf_init_on(torus_buf_t *b, torus_account_t *account);

/* Its memory; b is empty then and may be used again. */
void torus_buf_free(torus_buf_t *b);

/* Empties b and clears failed; keeps its memory when at most keep bytes. */
void torus_buf_reset(torus_buf_t *b, size_t keep);

/* torus_buf_reserve() where there is not room enough. */
int torus_buf_more(torus_buf_t *b, size_t n);

/* Appends, without the '\0'; TORUS_OK or TORUS_ERROR (sets failed). */
int torus_buf_printf(torus_buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends s between quotes, each quote in it twice, as CSV has them. */
int torus_buf_quote(torus_buf_t *b, torus_str_t s);


/* Room for n more bytes at b->last; TORUS_OK or TORUS_ERROR (sets failed). */
static inline int
torus_buf_reserve(torus_buf_t *b, size_t n)
{
    if (!b->failed && n <= (size_t) (b->end - b->last)) {
        return TORUS_OK;
    }

    return torus_buf_more(b, n);
}


/* Appends a copy; TORUS_OK or TORUS_ERROR (sets failed). */
static inline int
torus_buf_add(torus_buf_t *b, const void *data, size_t len)
{
    if (torus_buf_reserve(b, len) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (len != 0) {
        memcpy(b->last, data, len);
        b->last += len;
    }

    return TORUS_OK;
}


#define torus_buf_len(b)     ((size_t) ((b)->last - (b)->pos))
#define torus_buf_adds(b, s) torus_buf_add(b, (s).data, (s).len)
#define torus_buf_addz(b, z) torus_buf_add(b, z, sizeof(z) - 1)


#endif /* _TORUS_BUF_H_INCLUDED_ */
