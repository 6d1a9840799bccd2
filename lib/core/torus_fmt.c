/*
 * printf formats of one number.  Sign, padding and text around the number
 * are ours, so that the locale has no say in them; digits of doubles are
 * snprintf()'s but for "%.Nf" with few decimals, which is on the path of
 * each received point: there value * 10^N is an exact product in 128 bits,
 * rounded half to even as printf() does.
 */

#include "torus_fmt.h"

#include <math.h>


#define TORUS_FMT_DIGITS    (309 + 1 + TORUS_FMT_MAX_PRECISION + 8)

/* decimals that the fast way serves: 2^53 * 10^9 is below 2^83 */
#define TORUS_FMT_FAST      9

#define TORUS_FMT_2_63      9223372036854775808.0
#define TORUS_FMT_2_64      18446744073709551616.0


/* What stands between the padding. */
typedef struct {
    unsigned char  *digits;
    size_t          len;
    size_t          zeros;         /* before the digits */
    unsigned char   prefix[3];     /* sign, 0x */
    unsigned        nprefix;
    unsigned char   buf[TORUS_FMT_DIGITS];
} torus_fmt_number_t;


static int torus_fmt_conversion(torus_str_t text, size_t *pos, torus_fmt_t *f,
    torus_error_t *err);
static int torus_fmt_decimal(torus_str_t text, size_t *pos, unsigned max);
static int torus_fmt_is_double(const torus_fmt_t *f);
static int torus_fmt_integer(const torus_fmt_t *f, const torus_value_t *v,
    torus_fmt_number_t *n);
static int torus_fmt_magnitude(const torus_fmt_t *f, double d, uint64_t *u);
static int torus_fmt_double(const torus_fmt_t *f, const torus_value_t *v,
    torus_fmt_number_t *n);
static int torus_fmt_fast(const torus_fmt_t *f, double d,
    torus_fmt_number_t *n);
static int torus_fmt_slow(const torus_fmt_t *f, double d,
    torus_fmt_number_t *n);
static void torus_fmt_sign(const torus_fmt_t *f, int negative,
    torus_fmt_number_t *n);
static unsigned char *torus_fmt_put(unsigned char *end, uint64_t u);
static int torus_fmt_write(const torus_fmt_t *f, const torus_fmt_number_t *n,
    torus_scratch_t *scratch, torus_str_t *out);


int
torus_fmt_compile(torus_str_t text, torus_fmt_t *f, torus_error_t *err)
{
    size_t         i, n;
    unsigned char  c;

    memset(f, 0, sizeof(torus_fmt_t));

    if (text.len > TORUS_FMT_MAX_TEXT) {
        return torus_error(err, "a format is at most %d bytes long",
                           TORUS_FMT_MAX_TEXT);
    }

    n = 0;

    for (i = 0; i < text.len; /* void */ ) {
        c = text.data[i++];

        if (c == '%' && i < text.len && text.data[i] == '%') {
            i++;

        } else if (c == '%') {

            if (f->conversion != '\0') {
                return torus_error(err, "a format has one conversion, this "
                                   "has more (\"%%%%\" is a percent sign)");
            }

            if (torus_fmt_conversion(text, &i, f, err) != TORUS_OK) {
                return TORUS_INVALID;
            }

            f->before = (unsigned char) n;
            continue;
        }

        f->text[n++] = c;
    }

    if (f->conversion == '\0') {
        return torus_error(err, "a format has one conversion such as "
                           "\"%%0.3f\", this has none");
    }

    f->after = (unsigned char) (n - f->before);

    return TORUS_OK;
}


static int
torus_fmt_conversion(torus_str_t text, size_t *pos, torus_fmt_t *f,
    torus_error_t *err)
{
    int            n;
    char           shown[8];
    size_t         len;
    unsigned char  c;

    for ( /* void */ ; *pos < text.len; (*pos)++) {
        c = text.data[*pos];

        if (c == '-') {
            f->minus = 1;

        } else if (c == '+') {
            f->plus = 1;

        } else if (c == ' ') {
            f->space = 1;

        } else if (c == '0') {
            f->zero = 1;

        } else if (c == '#') {
            f->alternate = 1;

        } else {
            break;
        }
    }

    n = torus_fmt_decimal(text, pos, TORUS_FMT_MAX_WIDTH);
    if (n < 0) {
        return torus_error(err, "the width of a format is at most %d",
                           TORUS_FMT_MAX_WIDTH);
    }

    f->width = (unsigned char) n;
    f->precision = -1;

    if (*pos < text.len && text.data[*pos] == '.') {
        (*pos)++;

        n = torus_fmt_decimal(text, pos, TORUS_FMT_MAX_PRECISION);
        if (n < 0) {
            return torus_error(err, "the precision of a format is at most %d",
                               TORUS_FMT_MAX_PRECISION);
        }

        f->precision = (signed char) n;
    }

    if (*pos == text.len) {
        return torus_error(err, "a format ends in the middle of its "
                           "conversion");
    }

    c = text.data[(*pos)++];

    if (c == '\0' || strchr("diuxXoeEfFgG", c) == NULL) {
        len = torus_escape(shown, sizeof(shown), torus_str(&c, 1));

        return torus_error(err, "a format converts by one of d i u x X o e E "
                           "f F g G, not by \"%.*s\"", (int) len, shown);
    }

    f->conversion = (c == 'i') ? 'd' : (c == 'F') ? 'f' : (char) c;

    return TORUS_OK;
}


/* Digits, perhaps none, which are 0; -1 when above max. */
static int
torus_fmt_decimal(torus_str_t text, size_t *pos, unsigned max)
{
    unsigned  n;

    n = 0;

    while (*pos < text.len
           && text.data[*pos] >= '0' && text.data[*pos] <= '9')
    {
        n = n * 10 + (unsigned) (text.data[*pos] - '0');
        if (n > max) {
            return -1;
        }

        (*pos)++;
    }

    return (int) n;
}


int
torus_fmt_apply(const torus_fmt_t *f, const torus_value_t *v,
    torus_scratch_t *scratch, torus_str_t *out)
{
    int                 rc;
    torus_fmt_number_t  n;

    if (v->kind == TORUS_VALUE_TEXT) {
        return TORUS_DECLINED;
    }

    if (v->kind == TORUS_VALUE_DOUBLE && !isfinite(v->d)) {
        return isnan(v->d) ? TORUS_NUMBER_NAN : TORUS_NUMBER_INF;
    }

    n.zeros = 0;
    n.nprefix = 0;

    if (torus_fmt_is_double(f)) {
        rc = torus_fmt_double(f, v, &n);

    } else {
        rc = torus_fmt_integer(f, v, &n);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_fmt_write(f, &n, scratch, out);
}


static int
torus_fmt_is_double(const torus_fmt_t *f)
{
    switch (f->conversion) {

    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G':
        return 1;

    default:
        return 0;
    }
}


static int
torus_fmt_integer(const torus_fmt_t *f, const torus_value_t *v,
    torus_fmt_number_t *n)
{
    int                   negative;
    size_t                precision;
    uint64_t              u;
    unsigned              shift;
    unsigned char        *p, *end;
    static const char     lower[] = "0123456789abcdef";
    static const char     upper[] = "0123456789ABCDEF";

    if (v->kind == TORUS_VALUE_INT) {
        negative = v->i < 0;
        u = negative ? 0 - (uint64_t) v->i : (uint64_t) v->i;

    } else {
        negative = v->d <= -1;

        if (torus_fmt_magnitude(f, v->d, &u) != TORUS_OK) {
            return TORUS_DECLINED;
        }
    }

    end = n->buf + sizeof(n->buf);

    if (f->conversion == 'd') {
        torus_fmt_sign(f, negative, n);
        p = torus_fmt_put(end, u);

    } else if (negative) {
        return TORUS_DECLINED;

    } else if (f->conversion == 'u') {
        p = torus_fmt_put(end, u);

    } else {
        shift = (f->conversion == 'o') ? 3 : 4;

        if (f->alternate && shift == 4 && u != 0) {
            n->prefix[n->nprefix++] = '0';
            n->prefix[n->nprefix++] = (unsigned char) f->conversion;
        }

        p = end;

        do {
            *--p = (unsigned char) (f->conversion == 'X' ? upper : lower)
                                   [u & ((1u << shift) - 1)];
            u >>= shift;
        } while (u != 0);
    }

    precision = (f->precision < 0) ? 1 : (size_t) f->precision;

    if (precision == 0 && end - p == 1 && *p == '0') {
        p = end;
    }

    n->digits = p;
    n->len = (size_t) (end - p);

    if (f->alternate && f->conversion == 'o' && (n->len == 0 || *p != '0')
        && precision <= n->len)
    {
        precision = n->len + 1;
    }

    if (precision > n->len) {
        n->zeros = precision - n->len;
    }

    return TORUS_OK;
}


/* What is left of d without sign and fraction, where the conversion has it. */
static int
torus_fmt_magnitude(const torus_fmt_t *f, double d, uint64_t *u)
{
    d = trunc(d);

    if (f->conversion == 'd'
        ? (d < -TORUS_FMT_2_63 || d >= TORUS_FMT_2_63)
        : (d < 0 || d >= TORUS_FMT_2_64))
    {
        return TORUS_DECLINED;
    }

    *u = (uint64_t) fabs(d);

    return TORUS_OK;
}


static int
torus_fmt_double(const torus_fmt_t *f, const torus_value_t *v,
    torus_fmt_number_t *n)
{
    double  d;

    d = (v->kind == TORUS_VALUE_INT) ? (double) v->i : v->d;

    torus_fmt_sign(f, signbit(d) != 0, n);

    d = fabs(d);

    if (f->conversion == 'f' && torus_fmt_fast(f, d, n) == TORUS_OK) {
        return TORUS_OK;
    }

    return torus_fmt_slow(f, d, n);
}


#ifdef __SIZEOF_INT128__

__extension__ typedef unsigned __int128  torus_fmt_uint128_t;


/*
 * d is m / 2^s; m * 10^N / 2^s is rounded to an integer and the point put
 * before its last N digits.  TORUS_DECLINED: too big for that.
 */
static int
torus_fmt_fast(const torus_fmt_t *f, double d, torus_fmt_number_t *n)
{
    int                     shift;
    unsigned                precision;
    uint64_t                bits, m, q;
    unsigned char          *p, *end, *point;
    torus_fmt_uint128_t     product, rest, half;
    static const uint64_t   power[] = { 1, 10, 100, 1000, 10000, 100000,
                                        1000000, 10000000, 100000000,
                                        1000000000 };

    precision = (f->precision < 0) ? 6 : (unsigned) f->precision;

    if (precision > TORUS_FMT_FAST) {
        return TORUS_DECLINED;
    }

    memcpy(&bits, &d, sizeof(bits));

    m = bits & (((uint64_t) 1 << 52) - 1);
    shift = (int) (bits >> 52);

    if (shift == 0) {
        shift = 1074;

    } else {
        m |= (uint64_t) 1 << 52;
        shift = 1075 - shift;
    }

    product = (torus_fmt_uint128_t) m * power[precision];

    if (shift > 100) {
        /* below a half in the last place: the product is below 2^83 */
        q = 0;

    } else if (shift > 0) {

        if (product >> shift > UINT64_MAX - 1) {
            return TORUS_DECLINED;
        }

        q = (uint64_t) (product >> shift);
        half = (torus_fmt_uint128_t) 1 << (shift - 1);
        rest = product & ((half << 1) - 1);

        if (rest > half || (rest == half && (q & 1) != 0)) {
            q++;
        }

    } else if (shift > -10 && product <= UINT64_MAX >> -shift) {
        q = (uint64_t) product << -shift;

    } else {
        return TORUS_DECLINED;
    }

    end = n->buf + sizeof(n->buf);
    p = torus_fmt_put(end, q);

    /* at least one digit before the point */

    while ((size_t) (end - p) < precision + 1) {
        *--p = '0';
    }

    if (precision != 0 || f->alternate) {
        point = end - precision - 1;
        memmove(p - 1, p, (size_t) (point + 1 - p));
        p--;
        *point = '.';
    }

    n->digits = p;
    n->len = (size_t) (end - p);

    return TORUS_OK;
}

#else

static int
torus_fmt_fast(const torus_fmt_t *f, double d, torus_fmt_number_t *n)
{
    (void) f;
    (void) d;
    (void) n;

    return TORUS_DECLINED;
}

#endif


static int
torus_fmt_slow(const torus_fmt_t *f, double d, torus_fmt_number_t *n)
{
    int             len, point, precision;
    char            format[] = "%#.*f", *spec;
    unsigned char  *p, *last, *end;

    spec = format;

    if (!f->alternate) {
        spec = format + 1;
        spec[0] = '%';
    }

    format[4] = f->conversion;

    precision = (f->precision < 0) ? 6 : f->precision;

    len = snprintf((char *) n->buf, sizeof(n->buf), spec, precision, d);

    if (len <= 0 || (size_t) len >= sizeof(n->buf)) {
        return TORUS_DECLINED;
    }

    /* a locale's point may be any bytes but those that numbers have */

    last = n->buf;
    end = n->buf + len;
    point = 0;

    for (p = n->buf; p < end; p++) {

        if ((*p >= '0' && *p <= '9') || *p == 'e' || *p == 'E' || *p == '+'
            || *p == '-')
        {
            *last++ = *p;

        } else if (!point) {
            *last++ = '.';
            point = 1;
        }
    }

    n->digits = n->buf;
    n->len = (size_t) (last - n->buf);

    return TORUS_OK;
}


static void
torus_fmt_sign(const torus_fmt_t *f, int negative, torus_fmt_number_t *n)
{
    if (negative) {
        n->prefix[n->nprefix++] = '-';

    } else if (f->plus) {
        n->prefix[n->nprefix++] = '+';

    } else if (f->space) {
        n->prefix[n->nprefix++] = ' ';
    }
}


/* Digits of u that end at end; returns the first of them. */
static unsigned char *
torus_fmt_put(unsigned char *end, uint64_t u)
{
    do {
        *--end = (unsigned char) ('0' + u % 10);
        u /= 10;
    } while (u != 0);

    return end;
}


static int
torus_fmt_write(const torus_fmt_t *f, const torus_fmt_number_t *n,
    torus_scratch_t *scratch, torus_str_t *out)
{
    size_t          len, pad, zeros;
    unsigned char  *p;

    len = n->nprefix + n->zeros + n->len;
    pad = (f->width > len) ? f->width - len : 0;
    zeros = n->zeros;

    if (f->before + len + pad + f->after
        > (size_t) (scratch->end - scratch->pos))
    {
        return TORUS_DECLINED;
    }

    p = scratch->pos;

    memcpy(p, f->text, f->before);
    p += f->before;

    /* C ignores '0' beside '-', and of integers beside a precision */

    if (!f->minus && f->zero
        && (f->precision < 0 || torus_fmt_is_double(f)))
    {
        zeros += pad;
        pad = 0;
    }

    if (!f->minus) {
        memset(p, ' ', pad);
        p += pad;
    }

    memcpy(p, n->prefix, n->nprefix);
    p += n->nprefix;

    memset(p, '0', zeros);
    p += zeros;

    memcpy(p, n->digits, n->len);
    p += n->len;

    if (f->minus) {
        memset(p, ' ', pad);
        p += pad;
    }

    memcpy(p, f->text + f->before, f->after);
    p += f->after;

    *out = torus_str(scratch->pos, (size_t) (p - scratch->pos));
    scratch->pos = p;

    return TORUS_OK;
}
