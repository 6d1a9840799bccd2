/*
 * torus_hash() in pieces, for where it runs once per received datapoint: one
 * 64x64->128 bit multiplication per 16 bytes, no branch on content.  What
 * depends on the seed alone is computed once.
 */

#ifndef _TORUS_HASH_H_INCLUDED_
#define _TORUS_HASH_H_INCLUDED_


#include "torus_core.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif


/* Odd constants without structure: digits of pi, e and the golden ratio. */
#define TORUS_HASH_K0  0x243f6a8885a308d3ULL
#define TORUS_HASH_K1  0xb7e151628aed2a6bULL
#define TORUS_HASH_K2  0x9e3779b97f4a7c15ULL


static inline uint64_t
torus_hash_read(const unsigned char *p)
{
    uint64_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


static inline uint64_t
torus_hash_read_4(const unsigned char *p)
{
    uint32_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


#ifdef __SIZEOF_INT128__

__extension__ typedef unsigned __int128  torus_uint128_t;


/* Both halves of the product, folded: every bit of a and b reaches all. */
static inline uint64_t
torus_hash_mix(uint64_t a, uint64_t b)
{
    torus_uint128_t  product;

    product = (torus_uint128_t) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
}

#else

static inline uint64_t
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


static inline uint64_t
torus_hash_start(uint64_t seed)
{
    return seed ^ torus_hash_mix(seed ^ TORUS_HASH_K0, TORUS_HASH_K1);
}


/* h: torus_hash_start() of the seed. */
static inline uint64_t
torus_hash_bytes(const void *data, size_t len, uint64_t h)
{
    uint64_t              a, b;
    const unsigned char  *p, *last;

    p = data;

    /* The last 1 to 16 bytes, by reads that overlap rather than loop. */

    if (len > 16) {
        last = p + len - 16;

        do {
            h = torus_hash_mix(torus_hash_read(p) ^ TORUS_HASH_K1,
                               torus_hash_read(p + 8) ^ h);
            p += 16;
        } while (p < last);

        a = torus_hash_read(last);
        b = torus_hash_read(last + 8);

    } else if (len >= 8) {
        a = torus_hash_read(p);
        b = torus_hash_read(p + len - 8);

    } else if (len >= 4) {
        a = torus_hash_read_4(p);
        b = torus_hash_read_4(p + len - 4);

    } else if (len > 0) {
        a = ((uint64_t) p[0] << 16) | ((uint64_t) p[len >> 1] << 8)
            | p[len - 1];
        b = 0;

    } else {
        a = 0;
        b = 0;
    }

    h = torus_hash_mix(a ^ TORUS_HASH_K1, b ^ h);

    return torus_hash_mix(h ^ TORUS_HASH_K0, (uint64_t) len ^ TORUS_HASH_K2);
}


/* In what sixteen bytes differ, to be joined by "|"; is it nothing? */

#ifdef __SSE2__

typedef __m128i  torus_hash_differ_t;

#define torus_hash_differ(a, b)                                               \
    _mm_xor_si128(_mm_loadu_si128((const __m128i *) (const void *) (a)),      \
                  _mm_loadu_si128((const __m128i *) (const void *) (b)))

#define torus_hash_same(d)                                                    \
    (_mm_movemask_epi8(_mm_cmpeq_epi8((d), _mm_setzero_si128())) == 0xffff)

#else

typedef uint64_t  torus_hash_differ_t;

#define torus_hash_differ(a, b)                                               \
    ((torus_hash_read(a) ^ torus_hash_read(b))                                \
     | (torus_hash_read((a) + 8) ^ torus_hash_read((b) + 8)))

#define torus_hash_same(d)  ((d) == 0)

#endif


static inline int
torus_hash_equal_short(const unsigned char *a, const unsigned char *b,
    size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return 0;
        }
    }

    return 1;
}


/*
 * memcmp() == 0, for strings that are short, and equal nearly always: reads
 * may overlap, and a call would cost more than they do.
 */
static inline int
torus_hash_equal(const unsigned char *a, const unsigned char *b, size_t len)
{
    size_t               i;
    torus_hash_differ_t  differ;

    if (len < 16) {
        return torus_hash_equal_short(a, b, len);
    }

    /* the last sixteen, then all before, of which they may be a part */

    i = 0;
    len -= 16;
    differ = torus_hash_differ(a + len, b + len);

    while (i < len) {
        differ |= torus_hash_differ(a + i, b + i);
        i += 16;
    }

    return torus_hash_same(differ);
}


#endif /* _TORUS_HASH_H_INCLUDED_ */
