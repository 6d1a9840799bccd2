/*
 * Numbers from and to text, first and last thing that happens to every
 * datapoint.  Integers and short decimals, which is nearly all that agents
 * send, are done here exactly and fast, long ones of usual size by
 * torus_decimal.h; the rest is left to strtod() and snprintf(), in forms
 * whose text does not depend on the locale's decimal point: strtod() is
 * given an integer and an exponent, and of what snprintf() prints only the
 * digits are taken.
 */

#include "torus_number.h"
#include "torus_decimal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>


/* Digits that can decide how a decimal rounds to a double: 767 and a bit. */
#define TORUS_NUMBER_DIGITS  800

/* Beyond any exponent that matters, far from overflow in sums. */
#define TORUS_NUMBER_EXP     1000000

/* The largest mantissa and power of ten that a double holds exactly. */
#define TORUS_NUMBER_EXACT   ((uint64_t) 1 << 53)
#define TORUS_NUMBER_TENS    22


/* A decimal in the reading: mantissa * 10^exp, but for digits beyond 19. */
typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    const unsigned char  *digits;    /* the first that is not 0 */
    const unsigned char  *last;      /* after the last digit */
    uint64_t              mantissa;  /* of the first 19 digits */
    int64_t               exp;       /* of the mantissa's last digit */
    int                   n;         /* digits in the mantissa */
    int                   negative;
    int                   integral;
} torus_number_text_t;


/* A double in the printing: d.ddd * 10^exp, without trailing zeros. */
typedef struct {
    char  digits[24];
    int   n;
    int   exp;
} torus_number_digits_t;


static int torus_number_plain(torus_str_t s, torus_value_t *v);
static int torus_number_plain_double(torus_str_t s, uint64_t mantissa,
    int places, torus_value_t *v);
static int torus_number_word(torus_number_text_t *t);
static int torus_number_scan(torus_number_text_t *t);
static int torus_number_scan_exp(torus_number_text_t *t);
static double torus_number_convert(const torus_number_text_t *t);
static double torus_number_strtod(const torus_number_text_t *t);
static size_t torus_number_put(unsigned char *dst, uint64_t u);
static size_t torus_number_length(uint64_t u);
static size_t torus_number_put_short(unsigned char *dst, double d);
static size_t torus_number_put_thousandths(unsigned char *dst, uint64_t r);
static size_t torus_number_put_places(unsigned char *dst, uint64_t r,
    uint64_t ten, size_t places);
static void torus_number_shortest(torus_number_digits_t *t, double d);
static void torus_number_round(torus_number_digits_t *t, double d, int n);
static int torus_number_neighbour(torus_number_digits_t *t, double d);
static double torus_number_read_back(const torus_number_digits_t *t);
static size_t torus_number_layout(unsigned char *dst,
    const torus_number_digits_t *t);


static const double  torus_number_tens[TORUS_NUMBER_TENS + 1] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13,
    1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};


static const char  torus_number_pairs[] =
    "0001020304050607080910111213141516171819"
    "2021222324252627282930313233343536373839"
    "4041424344454647484950515253545556575859"
    "6061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";


#define torus_number_blank(c)                                                 \
    ((c) == ' ' || ((c) >= '\t' && (c) <= '\r'))

#define torus_number_digit(c)  ((c) >= '0' && (c) <= '9')


int
torus_number_parse(torus_str_t s, torus_value_t *v)
{
    double               d;
    uint64_t             limit;
    torus_number_text_t  t;

    if (s.len == 0) {
        return TORUS_DECLINED;
    }

    if (s.len <= 20 && torus_number_plain(s, v) == TORUS_OK) {
        return TORUS_OK;
    }

    memset(&t, 0, sizeof(t));

    t.p = s.data;
    t.end = s.data + s.len;

    while (t.p < t.end && torus_number_blank(*t.p)) {
        t.p++;
    }

    while (t.p < t.end && torus_number_blank(t.end[-1])) {
        t.end--;
    }

    if (t.p < t.end && (*t.p == '-' || *t.p == '+')) {
        t.negative = (*t.p == '-');
        t.p++;
    }

    if (t.p == t.end) {
        return TORUS_DECLINED;
    }

    if (!torus_number_digit(*t.p) && *t.p != '.') {
        return torus_number_word(&t);
    }

    if (torus_number_scan(&t) != TORUS_OK) {
        return TORUS_DECLINED;
    }

    limit = (uint64_t) INT64_MAX + (t.negative ? 1 : 0);

    if (t.integral && t.exp == 0 && t.mantissa <= limit) {
        v->kind = TORUS_VALUE_INT;
        v->i = t.negative ? (int64_t) (0 - t.mantissa) : (int64_t) t.mantissa;

        return TORUS_OK;
    }

    d = torus_number_convert(&t);

    if (isinf(d)) {
        return TORUS_NUMBER_INF;
    }

    v->kind = TORUS_VALUE_DOUBLE;
    v->d = t.negative ? -d : d;

    return TORUS_OK;
}


/*
 * Nearly all there are: perhaps a minus, digits, a point among them or none.
 * 18 digits fit 64 bits.
 */
static int
torus_number_plain(torus_str_t s, torus_value_t *v)
{
    uint64_t              u;
    unsigned              digit;
    ptrdiff_t             digits;
    const unsigned char  *p, *end, *first, *point;

    p = s.data;
    end = p + s.len;

    if (*p == '-') {
        p++;
    }

    first = p;

    for (u = 0; p < end; p++) {
        digit = (unsigned) *p - '0';

        if (digit > 9) {
            break;
        }

        u = u * 10 + digit;
    }

    digits = p - first;

    if (p == end) {

        if (digits < 1 || digits > 18) {
            return TORUS_DECLINED;
        }

        v->kind = TORUS_VALUE_INT;
        v->i = s.data[0] == '-' ? - (int64_t) u : (int64_t) u;

        return TORUS_OK;
    }

    if (*p != '.') {
        return TORUS_DECLINED;
    }

    point = ++p;

    for ( /* void */ ; p < end; p++) {
        digit = (unsigned) *p - '0';

        if (digit > 9) {
            return TORUS_DECLINED;
        }

        u = u * 10 + digit;
    }

    digits += p - point;

    if (digits < 1 || digits > 18) {
        return TORUS_DECLINED;
    }

    return torus_number_plain_double(s, u, (int) (p - point), v);
}


/* mantissa / 10^places, unless that takes more than a few steps. */
static int
torus_number_plain_double(torus_str_t s, uint64_t mantissa, int places,
    torus_value_t *v)
{
    double  d;

    if (mantissa == 0) {
        d = 0;

#if FLT_EVAL_METHOD == 0

    } else if (mantissa <= TORUS_NUMBER_EXACT) {

        /* one rounding of two exact doubles is the right rounding */

        d = (double) mantissa / torus_number_tens[places];

#endif

    } else if (torus_decimal_read(mantissa, -places, &d)
               != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    v->kind = TORUS_VALUE_DOUBLE;
    v->d = s.data[0] == '-' ? -d : d;

    return TORUS_OK;
}


/* What is not a number but could be one of Python's float() words. */
static int
torus_number_word(torus_number_text_t *t)
{
    size_t  i, len;
    char    word[8];

    len = (size_t) (t->end - t->p);

    if (len > sizeof(word)) {
        return TORUS_DECLINED;
    }

    for (i = 0; i < len; i++) {
        word[i] = (char) (t->p[i] | 0x20);
    }

    if (len == 3 && memcmp(word, "nan", 3) == 0) {
        return TORUS_NUMBER_NAN;
    }

    if ((len == 3 && memcmp(word, "inf", 3) == 0)
        || (len == 8 && memcmp(word, "infinity", 8) == 0))
    {
        return TORUS_NUMBER_INF;
    }

    return TORUS_DECLINED;
}


/*
 * Digits, an optional fraction and an optional exponent, to the very end.
 * mantissa takes the first 19 significant digits; exp counts from there.
 */
static int
torus_number_scan(torus_number_text_t *t)
{
    int            point, any;
    unsigned char  c;

    point = 0;
    any = 0;

    for (/* void */; t->p < t->end; t->p++) {
        c = *t->p;

        if (c == '.') {
            if (point) {
                return TORUS_DECLINED;
            }

            point = 1;
            continue;
        }

        if (!torus_number_digit(c)) {
            break;
        }

        any = 1;

        if (t->mantissa == 0 && c == '0') {
            t->exp -= point;
            continue;
        }

        if (t->digits == NULL) {
            t->digits = t->p;
        }

        if (t->n < 19) {
            t->mantissa = t->mantissa * 10 + (uint64_t) (c - '0');
            t->n++;
            t->exp -= point;

        } else {
            t->exp += !point;
        }
    }

    t->last = t->p;
    t->integral = !point && t->p == t->end;

    if (!any) {
        return TORUS_DECLINED;
    }

    return (t->p == t->end) ? TORUS_OK : torus_number_scan_exp(t);
}


static int
torus_number_scan_exp(torus_number_text_t *t)
{
    int      negative;
    int64_t  exp;

    if ((*t->p | 0x20) != 'e') {
        return TORUS_DECLINED;
    }

    t->p++;
    exp = 0;
    negative = 0;

    if (t->p < t->end && (*t->p == '-' || *t->p == '+')) {
        negative = (*t->p == '-');
        t->p++;
    }

    if (t->p == t->end) {
        return TORUS_DECLINED;
    }

    for (/* void */; t->p < t->end; t->p++) {
        if (!torus_number_digit(*t->p)) {
            return TORUS_DECLINED;
        }

        /* far above the length of any text, so that zeros cannot undo it */
        if (exp < INT64_MAX / 20) {
            exp = exp * 10 + (*t->p - '0');
        }
    }

    t->exp += negative ? -exp : exp;

    return TORUS_OK;
}


/* Without the sign. */
static double
torus_number_convert(const torus_number_text_t *t)
{
    double  d;

    if (t->mantissa == 0) {
        return 0;
    }

#if FLT_EVAL_METHOD == 0

    /* one rounding of two exact doubles is the right rounding */

    if (t->n < 19 && t->mantissa <= TORUS_NUMBER_EXACT
        && t->exp >= -TORUS_NUMBER_TENS && t->exp <= TORUS_NUMBER_TENS)
    {
        if (t->exp < 0) {
            return (double) t->mantissa / torus_number_tens[-t->exp];
        }

        return (double) t->mantissa * torus_number_tens[t->exp];
    }

#endif

    if (t->n < 19 && t->exp <= 0 && t->exp >= -19
        && torus_decimal_read(t->mantissa, (int) t->exp, &d) == TORUS_OK)
    {
        return d;
    }

    return torus_number_strtod(t);
}


static double
torus_number_strtod(const torus_number_text_t *t)
{
    int                   n, sticky;
    char                  text[TORUS_NUMBER_DIGITS + 32];
    int64_t               exp;
    const unsigned char  *p;

    n = 0;
    sticky = 0;

    for (p = t->digits; p < t->last; p++) {
        if (*p == '.') {
            continue;
        }

        if (n < TORUS_NUMBER_DIGITS) {
            text[n++] = (char) *p;

        } else if (*p != '0') {
            sticky = 1;
        }
    }

    /* t->exp stands behind t->n digits, here are n */
    exp = t->exp - (n - t->n);

    if (sticky) {
        text[n++] = '1';
        exp--;
    }

    if (exp > TORUS_NUMBER_EXP) {
        exp = TORUS_NUMBER_EXP;
    }

    if (exp < -TORUS_NUMBER_EXP) {
        exp = -TORUS_NUMBER_EXP;
    }

    snprintf(text + n, sizeof(text) - (size_t) n, "e%d", (int) exp);

    return strtod(text, NULL);
}


void
torus_number_print_four(unsigned char *dst, unsigned u)
{
    memcpy(dst, &torus_number_pairs[u / 100 * 2], 2);
    memcpy(dst + 2, &torus_number_pairs[u % 100 * 2], 2);
}


size_t
torus_number_print_int(unsigned char *dst, int64_t i)
{
    if (i < 0) {
        *dst = '-';

        return 1 + torus_number_put(dst + 1, 0 - (uint64_t) i);
    }

    return torus_number_put(dst, (uint64_t) i);
}


static size_t
torus_number_put(unsigned char *dst, uint64_t u)
{
    size_t          len;
    unsigned char  *p;

    len = torus_number_length(u);
    p = dst + len;

    while (u >= 100) {
        p -= 2;
        memcpy(p, &torus_number_pairs[u % 100 * 2], 2);
        u /= 100;
    }

    if (u >= 10) {
        memcpy(dst, &torus_number_pairs[u * 2], 2);

    } else {
        *dst = (unsigned char) ('0' + u);
    }

    return len;
}


/* How many digits: of 2^n they are n * log10(2), or one more. */
static size_t
torus_number_length(uint64_t u)
{
    unsigned  n, bits;

    static const uint64_t  tens[] = {
        UINT64_C(0), UINT64_C(10), UINT64_C(100), UINT64_C(1000),
        UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000),
        UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000),
        UINT64_C(10000000000), UINT64_C(100000000000),
        UINT64_C(1000000000000), UINT64_C(10000000000000),
        UINT64_C(100000000000000), UINT64_C(1000000000000000),
        UINT64_C(10000000000000000), UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000), UINT64_C(10000000000000000000)
    };

    bits = 64 - (unsigned) __builtin_clzll(u | 1);
    n = bits * 1233 >> 12;

    return n + (u >= tens[n]);
}


size_t
torus_number_print_double(unsigned char *dst, double d)
{
    size_t                 len, n;
    torus_number_digits_t  t;

    if (isnan(d)) {
        memcpy(dst, "nan", 3);
        return 3;
    }

    len = 0;

    if (signbit(d)) {
        dst[len++] = '-';
        d = -d;
    }

    if (isinf(d)) {
        memcpy(dst + len, "inf", 3);
        return len + 3;
    }

    n = torus_number_put_short(dst + len, d);

    if (n == 0) {
        torus_number_shortest(&t, d);
        n = torus_number_layout(dst + len, &t);
    }

    return len + n;
}


/*
 * Integral values and decimals of few places: 0 if d is neither.  Of decimals
 * below 15 digits no two are the same double, so that the one which reads as
 * d again is the shortest once it ends in no zero.
 */
static size_t
torus_number_put_short(unsigned char *dst, double d)
{
    size_t    len;
    uint64_t  r;

    if (d >= 1e15 || (d < 1e-4 && d != 0)) {
        return 0;
    }

    r = (uint64_t) d;

    if ((double) r == d) {
        len = torus_number_put(dst, r);
        memcpy(dst + len, ".0", 2);

        return len + 2;
    }

#if FLT_EVAL_METHOD == 0

    /* what most clients send */

    if (d < 1e12) {
        r = (uint64_t) (d * 1e3 + 0.5);

        if ((double) r / 1e3 == d) {
            return torus_number_put_thousandths(dst, r);
        }
    }

    if (d < 1e6) {
        r = (uint64_t) (d * 1e9 + 0.5);

        return (double) r / 1e9 == d
               ? torus_number_put_places(dst, r, UINT64_C(1000000000), 9) : 0;
    }

    if (d < 1e9) {
        r = (uint64_t) (d * 1e6 + 0.5);

        return (double) r / 1e6 == d
               ? torus_number_put_places(dst, r, UINT64_C(1000000), 6) : 0;
    }

#endif

    return 0;
}


/* r thousandths, which are no whole number. */
static size_t
torus_number_put_thousandths(unsigned char *dst, uint64_t r)
{
    size_t    len;
    unsigned  part, two;

    part = (unsigned) (r % 1000);
    two = part % 100;

    len = torus_number_put(dst, r / 1000);

    dst[len] = '.';
    dst[len + 1] = (unsigned char) ('0' + part / 100);

    if (two == 0) {
        return len + 2;
    }

    dst[len + 2] = (unsigned char) ('0' + two / 10);

    if (two % 10 == 0) {
        return len + 3;
    }

    dst[len + 3] = (unsigned char) ('0' + two % 10);

    return len + 4;
}


/* r / ten, which is no integer; ten is a 1 with so many zeros. */
static size_t
torus_number_put_places(unsigned char *dst, uint64_t r, uint64_t ten,
    size_t places)
{
    size_t          len;
    uint32_t        part;
    unsigned char  *p;

    len = torus_number_put(dst, r / ten);
    part = (uint32_t) (r % ten);

    while (part % 1000 == 0) {
        part /= 1000;
        places -= 3;
    }

    while (part % 10 == 0) {
        part /= 10;
        places--;
    }

    dst[len++] = '.';
    p = dst + len + places;

    while (p != dst + len) {
        *--p = (unsigned char) ('0' + part % 10);
        part /= 10;
    }

    return len + places;
}


/*
 * A normal double that any decimal of 15 digits names is named by the
 * nearest of them, so trying begins there.  Subnormal ones hold fewer.
 */
static void
torus_number_shortest(torus_number_digits_t *t, double d)
{
    int       n;
    uint64_t  digits;

    if (torus_decimal_shortest(d, &digits, &t->exp) == TORUS_OK) {
        t->n = (int) torus_number_put((unsigned char *) t->digits, digits);
        t->exp += t->n - 1;
        return;
    }

    for (n = (d < DBL_MIN) ? 1 : 15; n < 17; n++) {
        torus_number_round(t, d, n);

        if (torus_number_read_back(t) == d
            || (n == 16 && torus_number_neighbour(t, d)))
        {
            break;
        }
    }

    if (n == 17) {
        torus_number_round(t, d, 17);
    }

    while (t->n > 1 && t->digits[t->n - 1] == '0') {
        t->n--;
    }
}


/* The decimal of n digits nearest to d. */
static void
torus_number_round(torus_number_digits_t *t, double d, int n)
{
    char   text[64];
    char  *p;

    snprintf(text, sizeof(text), "%.*e", n - 1, d);

    t->n = 0;

    for (p = text; *p != '\0' && *p != 'e'; p++) {
        if (torus_number_digit(*p) && t->n < n) {
            t->digits[t->n++] = *p;
        }
    }

    t->exp = (*p == 'e') ? (int) strtol(p + 1, NULL, 10) : 0;
}


/*
 * Doubles lie closer together below a power of two than above it.  There the
 * nearest decimal may be just below and already belong to the next double,
 * while the one above, though farther, still belongs to this one.
 */
static int
torus_number_neighbour(torus_number_digits_t *t, double d)
{
    int                    i;
    torus_number_digits_t  next;

    next = *t;

    for (i = next.n - 1; i >= 0 && next.digits[i] == '9'; i--) {
        next.digits[i] = '0';
    }

    if (i < 0) {
        return 0;
    }

    next.digits[i]++;

    if (torus_number_read_back(&next) != d) {
        return 0;
    }

    *t = next;

    return 1;
}


static double
torus_number_read_back(const torus_number_digits_t *t)
{
    char  text[64];

    snprintf(text, sizeof(text), "%.*se%d", t->n, t->digits,
             t->exp - t->n + 1);

    return strtod(text, NULL);
}


/* As Python's repr() lays out digits. */
static size_t
torus_number_layout(unsigned char *dst, const torus_number_digits_t *t)
{
    int             i, exp;
    size_t          n;
    unsigned char  *p;

    p = dst;

    if (t->exp < -4 || t->exp >= 16) {
        *p++ = (unsigned char) t->digits[0];

        if (t->n > 1) {
            *p++ = '.';
            memcpy(p, t->digits + 1, (size_t) t->n - 1);
            p += t->n - 1;
        }

        *p++ = 'e';
        *p++ = (t->exp < 0) ? '-' : '+';

        exp = (t->exp < 0) ? -t->exp : t->exp;

        if (exp < 10) {
            *p++ = '0';
        }

        p += torus_number_put(p, (uint64_t) exp);

        return (size_t) (p - dst);
    }

    if (t->exp < 0) {
        *p++ = '0';
        *p++ = '.';

        for (i = -1; i > t->exp; i--) {
            *p++ = '0';
        }

        memcpy(p, t->digits, (size_t) t->n);

        return (size_t) (p - dst) + (size_t) t->n;
    }

    if (t->exp < t->n - 1) {
        n = (size_t) t->exp + 1;

        memcpy(p, t->digits, n);
        p[n] = '.';
        memcpy(p + n + 1, t->digits + n, (size_t) t->n - n);

        return (size_t) t->n + 1;
    }

    for (i = 0; i <= t->exp || i < t->n; i++) {
        *p++ = (unsigned char) ((i < t->n) ? t->digits[i] : '0');

        if (i == t->exp) {
            *p++ = '.';
        }
    }

    if (p[-1] == '.') {
        *p++ = '0';
    }

    return (size_t) (p - dst);
}


size_t
torus_number_print(unsigned char *dst, const torus_value_t *v)
{
    if (v->kind == TORUS_VALUE_INT) {
        return torus_number_print_int(dst, v->i);
    }

    return torus_number_print_double(dst, torus_number_double(v));
}


double
torus_number_double(const torus_value_t *v)
{
    switch (v->kind) {

    case TORUS_VALUE_INT:
        return (double) v->i;

    case TORUS_VALUE_DOUBLE:
        return v->d;

    default:
        return NAN;
    }
}


torus_value_t
torus_number_add(torus_value_t a, torus_value_t b)
{
    torus_value_t  sum;

    memset(&sum, 0, sizeof(sum));

    if (a.kind == TORUS_VALUE_INT && b.kind == TORUS_VALUE_INT
        && !__builtin_add_overflow(a.i, b.i, &sum.i))
    {
        sum.kind = TORUS_VALUE_INT;
        return sum;
    }

    sum.kind = TORUS_VALUE_DOUBLE;
    sum.d = torus_number_double(&a) + torus_number_double(&b);

    return sum;
}


int
torus_number_cmp(const torus_value_t *a, const torus_value_t *b)
{
    double   x, y;
    int64_t  i;

    if (a->kind == TORUS_VALUE_INT && b->kind == TORUS_VALUE_INT) {
        return (a->i > b->i) - (a->i < b->i);
    }

    x = torus_number_double(a);
    y = torus_number_double(b);

    if (isnan(x) || isnan(y)) {
        return (isnan(x) != 0) - (isnan(y) != 0);
    }

    if (b->kind == TORUS_VALUE_INT) {
        return -torus_number_cmp(b, a);
    }

    if (a->kind == TORUS_VALUE_DOUBLE) {
        return (x > y) - (x < y);
    }

    /* not by (double) a->i, which may round onto y */

    if (y >= 9223372036854775808.0) {
        return -1;
    }

    if (y < -9223372036854775808.0) {
        return 1;
    }

    i = (int64_t) y;

    if (a->i != i) {
        return (a->i > i) - (a->i < i);
    }

    y -= (double) i;

    return (y < 0) - (y > 0);
}
