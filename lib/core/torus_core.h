/*
 * What every part of the core shares: return codes, strings, errors.
 *
 * lib/core is pure C11: no nginx header, no mutable global, no system call
 * but memory.  Data flows one way:
 *
 *   write:  bytes -> carbon line -> route -> storage ops -> Redis commands
 *   read:   query -> plan -> Redis commands -> rows -> functions -> JSON
 *
 * Everything that can fail says so in its return code; what a person has to
 * mend is put in words into a torus_error_t.
 */

#ifndef _TORUS_CORE_H_INCLUDED_
#define _TORUS_CORE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <string.h>
#include <stdio.h>


#define TORUS_VERSION   "0.1.0"


#define TORUS_OK         0
#define TORUS_ERROR     -1    /* out of memory, or a limit of ours */
#define TORUS_DECLINED  -2    /* not for us: no match, not a number, no such */
#define TORUS_AGAIN     -3    /* call again later */
#define TORUS_INVALID   -4    /* somebody's mistake; torus_error_t says which */


/* Not terminated by '\0'.  The layout is that of nginx's ngx_str_t. */
typedef struct {
    size_t                len;
    const unsigned char  *data;
} torus_str_t;

#define torus_string(s)     { sizeof(s) - 1, (const unsigned char *) s }
#define torus_null_string   { 0, NULL }


static inline torus_str_t
torus_str(const void *data, size_t len)
{
    torus_str_t  s;

    s.len = len;
    s.data = data;

    return s;
}


static inline int
torus_str_eq(torus_str_t a, torus_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline int
torus_str_is(torus_str_t a, const char *z)
{
    return torus_str_eq(a, torus_str(z, strlen(z)));
}


/* In the order of bytes, the shorter first: below, equal to or above 0. */
static inline int
torus_str_cmp(torus_str_t a, torus_str_t b)
{
    int     rc;
    size_t  len;

    len = a.len < b.len ? a.len : b.len;
    rc = len == 0 ? 0 : memcmp(a.data, b.data, len);

    return rc != 0 ? rc : (a.len > b.len) - (a.len < b.len);
}


/* A reason in words, always terminated, cut when too long. */
#define TORUS_ERROR_SIZE  1024

typedef struct {
    size_t  len;
    char    text[TORUS_ERROR_SIZE];
} torus_error_t;


/* Replaces the text; returns TORUS_INVALID so that callers can return it. */
int torus_error(torus_error_t *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Writes at most size bytes of s to dst, control bytes, non-ASCII bytes and
 * quotes escaped as \xHH, cut with "..." where needed; returns the length.
 * For log lines and error texts that quote what somebody sent.
 */
size_t torus_escape(char *dst, size_t size, torus_str_t s);

/* printf("%.*s", torus_fmt(s)) */
#define torus_fmt(s)  (int) (s).len, (const char *) (s).data


/* A fast 64-bit hash for tables of ours; seed it with random bits. */
uint64_t torus_hash(const void *data, size_t len, uint64_t seed);


#endif /* _TORUS_CORE_H_INCLUDED_ */
