/*
 * The Redis protocol, the sending half: commands as bytes in a buffer, and
 * the head of every connection (AUTH, SELECT, CLIENT SETNAME).  Replies are
 * taken apart by hiredis's redisReader.
 */

#ifndef _TORUS_REDIS_H_INCLUDED_
#define _TORUS_REDIS_H_INCLUDED_


#include "torus_buf.h"
#include "torus_schema.h"


/* Most bytes that a bulk string adds to its data, "$<len>\r\n" .. "\r\n". */
#define TORUS_REDIS_BULK_EXTRA  16


/*
 * A command is an array of bulk strings: the head once, then each argument.
 * All return TORUS_OK or TORUS_ERROR, which also stays in b->failed, so that
 * a caller may look there once at the end.
 */
int torus_redis_head(torus_buf_t *b, size_t argc);
int torus_redis_bulk(torus_buf_t *b, torus_str_t s);
int torus_redis_bulk_z(torus_buf_t *b, const char *z);
int torus_redis_bulk_int(torus_buf_t *b, int64_t n);

/* Decimal digits of n to dst (20 bytes or more); returns their number. */
size_t torus_redis_int(unsigned char *dst, int64_t n);


/* The same in place for the one or two digits that most are; their end. */
static inline unsigned char *
torus_redis_put_int(unsigned char *dst, int64_t n)
{
    unsigned  u;

    if ((uint64_t) n >= 100) {
        return dst + torus_redis_int(dst, n);
    }

    u = (unsigned) n;

    if (u >= 10) {
        *dst++ = (unsigned char) ('0' + u / 10);
        u %= 10;
    }

    *dst++ = (unsigned char) ('0' + u);

    return dst;
}


static inline unsigned char *
torus_redis_put(unsigned char *p, torus_str_t s)
{
    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}


static inline unsigned char *
torus_redis_put_end(unsigned char *p)
{
    memcpy(p, "\r\n", 2);

    return p + 2;
}


/*
 * What is short and frequent is copied from a table, eight bytes at a time:
 * "$<n>\r\n" of a length, and a bulk string that is a number, for n < 100.
 */
#define TORUS_REDIS_SHORT  100

extern const unsigned char  torus_redis_lengths[TORUS_REDIS_SHORT][8];
extern const unsigned char  torus_redis_numbers[TORUS_REDIS_SHORT][8];


/*
 * What stands before a bulk string of so many bytes; it may write up to eight
 * bytes, and TORUS_REDIS_BULK_EXTRA in any case have to be there.
 */
static inline unsigned char *
torus_redis_put_length(unsigned char *p, size_t len)
{
    if (len < TORUS_REDIS_SHORT) {
        memcpy(p, torus_redis_lengths[len], 8);

        return p + 4 + (len >= 10);
    }

    *p++ = '$';

    return torus_redis_put_end(torus_redis_put_int(p, (int64_t) len));
}


static inline unsigned char *
torus_redis_put_bulk(unsigned char *p, torus_str_t s)
{
    return torus_redis_put_end(torus_redis_put(torus_redis_put_length(p,
                                                                      s.len),
                                               s));
}


/* How a reply that is an error has to be taken. */
typedef enum {
    TORUS_REDIS_TRANSIENT = 0,   /* OOM, LOADING, MISCONF, BUSY, ..: later */
    TORUS_REDIS_READONLY,        /* a replica: later, or another address */
    TORUS_REDIS_DENIED,          /* NOAUTH, WRONGPASS, NOPERM */
    TORUS_REDIS_OTHER
} torus_redis_error_t;

/* text: the error without its leading '-'. */
torus_redis_error_t torus_redis_error(torus_str_t text);


/*
 * The greeting: AUTH [user] password when the host has a password, SELECT db
 * when it is not 0, CLIENT SETNAME when name is not empty.  *n: the replies
 * to expect, 0 to 3.  TORUS_OK or TORUS_ERROR.
 */
int torus_redis_greeting(const torus_host_t *host, torus_str_t name,
    torus_buf_t *b, size_t *n);

/*
 * The i-th reply of the greeting; is_error: it began with '-'; text: the
 * rest of its line.  TORUS_OK: go on; TORUS_INVALID: the connection is of no
 * use, err says why and holds no secret (Redis may quote arguments in its
 * errors, so of a refused AUTH only the code is told).
 */
int torus_redis_greeting_check(const torus_host_t *host, size_t i,
    int is_error, torus_str_t text, torus_error_t *err);


#endif /* _TORUS_REDIS_H_INCLUDED_ */
