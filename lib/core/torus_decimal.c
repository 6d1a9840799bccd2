/*
 * A double d is m * 2^e.  Scaled by a power of ten that leaves 17 to 19
 * digits before the point, m * 10^k / 2^-e, its mantissa and the power fit
 * 128 bits together, so that nothing is rounded: the decimals that read back
 * as d lie between the middles to its neighbours, and how many of their last
 * digits can go is found by dividing by ten while there is one left.
 */

#include "torus_decimal.h"

#include <float.h>


#define TORUS_DECIMAL_TENS  22


__extension__ typedef unsigned __int128  torus_decimal_u128_t;


static int torus_decimal_log10(int e);
static torus_decimal_u128_t torus_decimal_ten(int k);
static uint64_t torus_decimal_nearest(torus_decimal_u128_t v, int s,
    uint64_t ten, uint64_t first, uint64_t last);


static const uint64_t  torus_decimal_tens[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
    UINT64_C(1000000000), UINT64_C(10000000000), UINT64_C(100000000000),
    UINT64_C(1000000000000), UINT64_C(10000000000000),
    UINT64_C(100000000000000), UINT64_C(1000000000000000),
    UINT64_C(10000000000000000), UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000), UINT64_C(10000000000000000000)
};


int
torus_decimal_shortest(double d, uint64_t *digits, int *exp)
{
    int                   e, k, s, even, power;
    uint64_t              m, first, last, ten, a, b, bits;
    torus_decimal_u128_t  scale, v, low, high, mask;

    if (!(d >= 1e-4 && d < 9007199254740992.0)) {
        return TORUS_DECLINED;
    }

    /* normal, and not below zero: d = m * 2^e, of 53 bits */

    memcpy(&bits, &d, sizeof(bits));

    m = (bits & (((uint64_t) 1 << 52) - 1)) | (uint64_t) 1 << 52;
    e = (int) (bits >> 52) - 1075;

    k = 17 - torus_decimal_log10(e + 52);
    if (k < 0 || k > TORUS_DECIMAL_TENS) {
        return TORUS_DECLINED;
    }

    /* below a power of two the neighbour is nearer by half */

    power = (m == (uint64_t) 1 << 52);
    even = (m % 2 == 0);

    scale = torus_decimal_ten(k);
    s = 1 - e + power;

    v = scale * (m << (1 + power));
    low = v - scale;
    high = v + (scale << power);

    mask = ((torus_decimal_u128_t) 1 << s) - 1;

    first = (uint64_t) (low >> s);
    last = (uint64_t) (high >> s);

    /* what is just in the middle goes to the even one of the two */

    if ((low & mask) != 0 || !even) {
        first++;
    }

    if ((high & mask) == 0 && !even) {
        last--;
    }

    ten = 1;
    *exp = -k;

    for ( ;; ) {
        a = first / 10 + (first % 10 != 0);
        b = last / 10;

        if (a > b) {
            break;
        }

        first = a;
        last = b;
        ten *= 10;
        (*exp)++;
    }

    *digits = torus_decimal_nearest(v, s, ten, first, last);

    return TORUS_OK;
}


/* floor(log10(2^e)), or that of anything below 2^(e + 1). */
static int
torus_decimal_log10(int e)
{
    int  n;

    n = e * 1233;

    return n >= 0 ? n / 4096 : -((-n + 4095) / 4096);
}


static torus_decimal_u128_t
torus_decimal_ten(int k)
{
    if (k <= 19) {
        return torus_decimal_tens[k];
    }

    return (torus_decimal_u128_t) torus_decimal_tens[19]
           * torus_decimal_tens[k - 19];
}


/* Of first .. last the nearest to v / 2^s / ten; the even one of two. */
static uint64_t
torus_decimal_nearest(torus_decimal_u128_t v, int s, uint64_t ten,
    uint64_t first, uint64_t last)
{
    int                   up;
    uint64_t              whole, rest, n;
    torus_decimal_u128_t  part, half;

    whole = (uint64_t) (v >> s);
    part = v & (((torus_decimal_u128_t) 1 << s) - 1);

    n = whole / ten;
    rest = whole % ten;

    if (ten == 1) {
        half = (torus_decimal_u128_t) 1 << (s - 1);
        up = part > half || (part == half && n % 2 != 0);

    } else {
        up = rest > ten / 2
             || (rest == ten / 2 && (part != 0 || n % 2 != 0));
    }

    n += (uint64_t) up;

    return n < first ? first : n > last ? last : n;
}


int
torus_decimal_read(uint64_t digits, int exp, double *d)
{
    int                   s, cut, shift;
    double                power;
    uint64_t              ten, rest, low, m, bits;
    torus_decimal_u128_t  n, q;

    if (digits == 0 || exp > 0 || exp < -19) {
        return TORUS_DECLINED;
    }

    ten = torus_decimal_tens[-exp];
    s = __builtin_clzll(digits);

    /* the quotient has 64 to 128 bits, of which 53 are kept */

    n = (torus_decimal_u128_t) (digits << s) << 64;
    q = n / ten;
    rest = (uint64_t) (n - q * ten);

    cut = (uint64_t) (q >> 64) != 0
          ? 75 - __builtin_clzll((uint64_t) (q >> 64)) : 11;

    m = (uint64_t) (q >> cut);
    low = (uint64_t) ((q >> (cut - 1)) & 1);
    shift = cut - 64 - s;

    if (low) {
        q &= ((torus_decimal_u128_t) 1 << (cut - 1)) - 1;

        if (q != 0 || rest != 0 || m % 2 != 0) {
            m++;
        }
    }

    /* m * 2^shift, of -127 to 11 */

    bits = (uint64_t) (1023 + shift) << 52;
    memcpy(&power, &bits, sizeof(power));

    *d = (double) m * power;

    return TORUS_OK;
}
