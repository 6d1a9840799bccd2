/*
 * Error texts, quoting of what others sent, and the hash that every table of
 * ours uses.  The hash runs once per received datapoint, so it is made of one
 * 64x64->128 bit multiplication per 16 bytes and never branches on content.
 */

#include "torus_core.h"


/* Odd constants without structure: digits of pi, e and the golden ratio. */
#define TORUS_HASH_K0  0x243f6a8885a308d3ULL
#define TORUS_HASH_K1  0xb7e151628aed2a6bULL
#define TORUS_HASH_K2  0x9e3779b97f4a7c15ULL


static uint64_t torus_hash_read(const unsigned char *p);
static uint64_t torus_hash_read_4(const unsigned char *p);
static uint64_t torus_hash_mix(uint64_t a, uint64_t b);
static size_t torus_escape_byte(unsigned char dst[4], unsigned char c);


/* By way of a copy: an argument may be err->text itself. */
int
torus_error(torus_error_t *err, const char *fmt, ...)
{
    int      n;
    char     text[TORUS_ERROR_SIZE];
    va_list  args;

    if (err == NULL) {
        return TORUS_INVALID;
    }

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (n < 0) {
        text[0] = '\0';
        n = 0;
    }

    err->len = (size_t) n;

    if (err->len >= sizeof(text)) {
        err->len = sizeof(text) - 1;
    }

    memcpy(err->text, text, err->len + 1);

    return TORUS_INVALID;
}


size_t
torus_escape(char *dst, size_t size, torus_str_t s)
{
    size_t         i, n, len, safe;
    unsigned char  text[4];

    len = 0;

    /* where to cut so that "..." still fits */
    safe = 0;

    for (i = 0; i < s.len; i++) {
        n = torus_escape_byte(text, s.data[i]);

        if (n > size - len) {
            if (size >= 3) {
                memcpy(dst + safe, "...", 3);
                return safe + 3;
            }

            return len;
        }

        memcpy(dst + len, text, n);
        len += n;

        if (size >= 3 && len <= size - 3) {
            safe = len;
        }
    }

    return len;
}


static size_t
torus_escape_byte(unsigned char dst[4], unsigned char c)
{
    static const char  hex[] = "0123456789ABCDEF";

    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
        dst[0] = c;
        return 1;
    }

    dst[0] = '\\';
    dst[1] = 'x';
    dst[2] = (unsigned char) hex[c >> 4];
    dst[3] = (unsigned char) hex[c & 15];

    return 4;
}


uint64_t
torus_hash(const void *data, size_t len, uint64_t seed)
{
    size_t                rest;
    uint64_t              a, b, h;
    const unsigned char  *p;

    p = data;
    h = seed ^ torus_hash_mix(seed ^ TORUS_HASH_K0, TORUS_HASH_K1);

    for (rest = len; rest > 16; rest -= 16) {
        h = torus_hash_mix(torus_hash_read(p) ^ TORUS_HASH_K1,
                           torus_hash_read(p + 8) ^ h);
        p += 16;
    }

    /* The last 1 to 16 bytes, by reads that overlap rather than loop. */

    if (rest >= 8) {
        a = torus_hash_read(p);
        b = torus_hash_read(p + rest - 8);

    } else if (rest >= 4) {
        a = torus_hash_read_4(p);
        b = torus_hash_read_4(p + rest - 4);

    } else if (rest > 0) {
        a = ((uint64_t) p[0] << 16) | ((uint64_t) p[rest >> 1] << 8)
            | p[rest - 1];
        b = 0;

    } else {
        a = 0;
        b = 0;
    }

    h = torus_hash_mix(a ^ TORUS_HASH_K1, b ^ h);

    return torus_hash_mix(h ^ TORUS_HASH_K0, (uint64_t) len ^ TORUS_HASH_K2);
}


static uint64_t
torus_hash_read(const unsigned char *p)
{
    uint64_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


static uint64_t
torus_hash_read_4(const unsigned char *p)
{
    uint32_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


#ifdef __SIZEOF_INT128__

__extension__ typedef unsigned __int128  torus_uint128_t;


/* Both halves of the product, folded: every bit of a and b reaches all. */
static uint64_t
torus_hash_mix(uint64_t a, uint64_t b)
{
    torus_uint128_t  product;

    product = (torus_uint128_t) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
}

#else

static uint64_t
torus_hash_mix(uint64_t a, uint64_t b)
{
    uint64_t  al, ah, bl, bh, mid, carry, low, high;

    al = a & 0xffffffff;
    ah = a >> 32;
    bl = b & 0xffffffff;
    bh = b >> 32;

    mid = ah * bl + ((al * bl) >> 32);
    carry = mid >> 32;
    mid = (mid & 0xffffffff) + al * bh;

    low = (mid << 32) | ((al * bl) & 0xffffffff);
    high = ah * bh + carry + (mid >> 32);

    return low ^ high;
}

#endif
