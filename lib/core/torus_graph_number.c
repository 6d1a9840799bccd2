/*
 * The arithmetic of /render: numbers are rounded, written and read as Python
 * and C do it.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


/*
 * The product's error is known exactly, so that the half is decided on the
 * double itself and not on what its product was rounded to.
 */
double
torus_graph_round(double d, int digits)
{
    double  p, y, error, low, half;
    int     i;

    if (!isfinite(d) || digits > 22) {
        return d;
    }

    if (digits < -308) {
        return copysign(0, d);
    }

    p = 1;

    for (i = 0; i < abs(digits); i++) {
        p *= 10;
    }

    if (digits < 0) {
        y = d / p;
        error = -fma(y, p, -d);

    } else {
        y = d * p;
        error = fma(d, p, -y);
    }

    if (fabs(y) >= 4503599627370496.0 || !isfinite(y)) {
        return d;
    }

    low = floor(y);
    half = (y - low) - 0.5;

    if (half > 0 || (half == 0 && error > 0)
        || (half == 0 && error == 0 && fmod(low, 2) != 0))
    {
        low += 1;
    }

    low = (digits < 0) ? low * p : low / p;

    return (low == 0) ? copysign(0, d) : low;
}


torus_graph_g_t
torus_graph_g(double d)
{
    char             text[64], *p;
    int              n, digits, exp;
    torus_graph_g_t  g;

    if (!isfinite(d)) {
        strcpy(g.text, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
        return g;
    }

    /* of "-1.23457e+08" the point may be the locale's */
    (void) snprintf(text, sizeof(text), "%.5e", d);

    exp = atoi(strchr(text, 'e') + 1);
    p = g.text;
    n = 0;

    for (digits = 0; text[digits] != 'e'; digits++) {
        if (text[digits] >= '0' && text[digits] <= '9') {
            text[n++] = text[digits];
        }
    }

    while (n > 1 && text[n - 1] == '0') {
        n--;
    }

    if (signbit(d)) {
        *p++ = '-';
    }

    if (exp < -4 || exp >= 6) {
        *p++ = text[0];

        if (n > 1) {
            *p++ = '.';
            memcpy(p, text + 1, (size_t) n - 1);
            p += n - 1;
        }

        (void) snprintf(p, 16, "e%c%02d", exp < 0 ? '-' : '+', abs(exp));

        return g;
    }

    if (exp < 0) {
        *p++ = '0';
        *p++ = '.';

        for (digits = -1; digits > exp; digits--) {
            *p++ = '0';
        }
    }

    for (digits = 0; digits < n || digits <= exp; digits++) {

        if (exp >= 0 && digits == exp + 1) {
            *p++ = '.';
        }

        *p++ = digits < n ? text[digits] : '0';
    }

    *p = '\0';

    return g;
}


torus_graph_g_t
torus_graph_repr(double d)
{
    size_t           n;
    torus_graph_g_t  g;

    if (!isfinite(d)) {
        return torus_graph_g(d);
    }

    n = torus_number_print_double((unsigned char *) g.text, d);
    g.text[n < sizeof(g.text) ? n : sizeof(g.text) - 1] = '\0';

    return g;
}


int
torus_graph_duration(torus_str_t text, int64_t *seconds)
{
    size_t       i, j, u, len;
    int64_t      n, sum, sign;
    torus_str_t  unit;

    static const struct {
        const char  *name;
        size_t       len;      /* that is enough of it */
        int64_t      seconds;
    } units[] = {
        { "s", 1, 1 }, { "min", 3, 60 }, { "h", 1, 3600 }, { "d", 1, 86400 },
        { "w", 1, 604800 }, { "mon", 3, 2592000 }, { "y", 1, 31536000 }
    };

    i = 0;
    sum = 0;
    sign = 1;

    if (text.len != 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        sign = text.data[0] == '-' ? -1 : 1;
        i++;
    }

    if (i == text.len) {
        return TORUS_DECLINED;
    }

    while (i < text.len) {
        n = 0;

        for (j = i; i < text.len && text.data[i] >= '0'
                    && text.data[i] <= '9'; i++)
        {
            n = n * 10 + (text.data[i] - '0');

            if (n > 100000000000) {
                return TORUS_DECLINED;
            }
        }

        if (i == j) {
            return TORUS_DECLINED;
        }

        for (j = i; i < text.len && text.data[i] >= 'a'
                    && text.data[i] <= 'z'; i++)
        {
            /* void */
        }

        unit = torus_str(text.data + j, i - j);

        for (u = 0; u < 7; u++) {
            len = units[u].len;

            if ((unit.len >= len && memcmp(unit.data, units[u].name, len) == 0)
                || (u == 1 && torus_str_is(unit, "m")))
            {
                break;
            }
        }

        if (u == 7 || n > 100000000000 / units[u].seconds) {
            return TORUS_DECLINED;
        }

        sum += n * units[u].seconds;

        if (sum > 100000000000) {
            return TORUS_DECLINED;
        }
    }

    *seconds = sign * sum;

    return TORUS_OK;
}


int64_t
torus_graph_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}
