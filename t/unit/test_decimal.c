/*
 * Doubles as decimals and back, against the C library: of a few hundred
 * thousand doubles of each kind the digits are as few as can be, read back
 * as the same double, and are the nearest of that length; any decimal reads
 * as strtod() has it.
 */

#include "torus_decimal.h"
#include "torus_test.h"

#include <math.h>


#define ROUNDS  60000


static uint64_t  state = 88172645463325252;


static uint64_t
chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state;
}


/* The digits of the shortest "%e" that reads back, and how many. */
static int
reference(double d, char *digits)
{
    int          n, k;
    char         text[64];
    const char  *p;

    for (n = 1; n < 17; n++) {
        snprintf(text, sizeof(text), "%.*e", n - 1, d);

        if (strtod(text, NULL) == d) {
            break;
        }
    }

    snprintf(text, sizeof(text), "%.*e", n - 1, d);

    k = 0;

    for (p = text; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            digits[k++] = *p;
        }
    }

    digits[k] = '\0';

    return k;
}


/* NULL, or what is wrong. */
static const char *
check(double d)
{
    int       exp, n, k;
    char      text[64], mine[32], theirs[32];
    double    back;
    uint64_t  digits;

    if (torus_decimal_shortest(d, &digits, &exp) != TORUS_OK) {
        return d >= 1e-4 && d < 9007199254740992.0 ? "declined" : NULL;
    }

    n = snprintf(mine, sizeof(mine), "%" PRIu64, digits);
    snprintf(text, sizeof(text), "%se%d", mine, exp);

    if (strtod(text, NULL) != d) {
        return "another double";
    }

    if (torus_decimal_read(digits, exp, &back) == TORUS_OK && back != d) {
        return "reads as another double";
    }

    k = reference(d, theirs);

    if (n > k) {
        return "not the shortest";
    }

    /* fewer digits than "%e" rounds to: a neighbour that reads back too */

    return n == k && strcmp(mine, theirs) != 0 ? "not the nearest" : NULL;
}


static void
test_shortest(void)
{
    int          i, kind;
    double       d, bad;
    const char  *fault, *last;

    static const char *const  kinds[] = {
        "any mantissa", "quotients", "powers of two and their neighbours",
        "decimals of 17 digits"
    };

    for (kind = 0; kind < 4; kind++) {
        last = NULL;
        bad = 0;

        for (i = 0; i < ROUNDS; i++) {

            switch (kind) {

            case 0:
                d = ldexp((double) (chance() >> 11), -(int) (chance() % 67));
                break;

            case 1:
                d = (double) (chance() % 1000000000)
                    / (double) (1 + chance() % 100000);
                break;

            case 2:
                d = ldexp(1.0, (int) (chance() % 66) - 14);
                d = nextafter(d, i % 3 == 0 ? d : i % 3 == 1 ? 0 : 1e300);
                break;

            default:
                d = (double) (chance() % 100000000000000000) / 1e13;
            }

            fault = check(d);

            if (fault != NULL) {
                last = fault;
                bad = d;
            }
        }

        ok(last == NULL, "%s: %.17g %s", kinds[kind], bad,
           last == NULL ? "and all others" : last);
    }
}


static void
test_read(void)
{
    int       i, exp;
    char      text[64];
    double    d;
    size_t    bad;
    uint64_t  digits;

    bad = 0;

    for (i = 0; i < ROUNDS; i++) {
        digits = chance() >> chance() % 60;
        exp = -(int) (chance() % 20);

        snprintf(text, sizeof(text), "%" PRIu64 "e%d", digits, exp);

        if (digits != 0
            && (torus_decimal_read(digits, exp, &d) != TORUS_OK
                || d != strtod(text, NULL)))
        {
            bad++;
        }
    }

    is_int(bad, 0, "decimals read as strtod() has them");

    ok(torus_decimal_read(1, 1, &d) == TORUS_DECLINED
       && torus_decimal_read(1, -20, &d) == TORUS_DECLINED
       && torus_decimal_read(0, 0, &d) == TORUS_DECLINED,
       "what is out of range is declined");

    ok(torus_decimal_shortest(9e-5, &digits, &exp) == TORUS_DECLINED
       && torus_decimal_shortest(1e16, &digits, &exp) == TORUS_DECLINED
       && torus_decimal_shortest(NAN, &digits, &exp) == TORUS_DECLINED,
       "so is what is too small, too large, or no number");

    /* 2^53 + 1 is just between two doubles, the even one of which it is */

    ok(torus_decimal_read(9007199254740993, 0, &d) == TORUS_OK
       && d == 9007199254740992.0
       && torus_decimal_read(9007199254740995, 0, &d) == TORUS_OK
       && d == 9007199254740996.0,
       "ties go to the even one");
}


int
main(void)
{
    test_shortest();
    test_read();

    return done_testing();
}
