/*
 * Arithmetic and the functions of expressions.  Integers are exact or a bad
 * value; doubles are finite or a bad value; nothing here is undefined for
 * any argument.
 */

#include "torus_expr_tree.h"

#include <math.h>


#define TORUS_EXPR_2_63  9223372036854775808.0


static unsigned torus_expr_distance(torus_str_t a, const char *b);
static int torus_expr_arith_int(torus_expr_op_t op, int64_t a, int64_t b,
    torus_value_t *out);
static int torus_expr_pow_int(int64_t a, int64_t b, torus_value_t *out);
static double torus_expr_mod(double a, double b);
static int torus_expr_whole(double d, torus_value_t *out);
static double torus_expr_double(const torus_value_t *v);
static size_t torus_expr_component(torus_str_t s, size_t pos);

static int torus_expr_f_abs(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_ceil(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_floor(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_trunc(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_round(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_min(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_max(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_clamp(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_log(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_log2(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_log10(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_exp(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_sqrt(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_int(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_float(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_str(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_len(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_lower(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_upper(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_case(torus_expr_run_t *run, torus_str_t s,
    unsigned char first, torus_value_t *out);
static int torus_expr_f_substr(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);
static int torus_expr_f_part(torus_expr_run_t *run, const torus_value_t *a,
    size_t n, torus_value_t *out);


#define torus_expr_of_number(name)                                            \
    { #name, #name "(x)", TORUS_EXPR_FUNC_CALL, "n", 1, TORUS_EXPR_NUM,       \
      torus_expr_f_ ## name, TORUS_EXPR_SUM }

#define torus_expr_of_row(name, arg, what)                                    \
    { name, name "(" arg ")", TORUS_EXPR_FUNC_REDUCE, "a", 1, 0, NULL, what }


static const torus_expr_func_t  torus_expr_funcs[] = {
    torus_expr_of_number(abs),
    torus_expr_of_number(ceil),
    torus_expr_of_number(floor),
    torus_expr_of_number(trunc),
    torus_expr_of_number(log),
    torus_expr_of_number(log2),
    torus_expr_of_number(log10),
    torus_expr_of_number(exp),
    torus_expr_of_number(sqrt),

    { "round", "round(x) or round(x, digits)", TORUS_EXPR_FUNC_ROUND,
      "nn", 1, TORUS_EXPR_NUM, torus_expr_f_round, TORUS_EXPR_SUM },

    { "min", "min(x, y, ..)", TORUS_EXPR_FUNC_EXTREME,
      "nn", 1, TORUS_EXPR_NUM, torus_expr_f_min, TORUS_EXPR_MIN },

    { "max", "max(x, y, ..)", TORUS_EXPR_FUNC_EXTREME,
      "nn", 1, TORUS_EXPR_NUM, torus_expr_f_max, TORUS_EXPR_MAX },

    { "clamp", "clamp(x, low, high)", TORUS_EXPR_FUNC_CALL,
      "nnn", 3, TORUS_EXPR_NUM, torus_expr_f_clamp, TORUS_EXPR_SUM },

    { "int", "int(x)", TORUS_EXPR_FUNC_CALL,
      "a", 1, TORUS_EXPR_NUM, torus_expr_f_int, TORUS_EXPR_SUM },

    { "float", "float(x)", TORUS_EXPR_FUNC_CALL,
      "a", 1, TORUS_EXPR_NUM, torus_expr_f_float, TORUS_EXPR_SUM },

    { "str", "str(x)", TORUS_EXPR_FUNC_STR,
      "a", 1, TORUS_EXPR_TEXT, torus_expr_f_str, TORUS_EXPR_SUM },

    { "fmt", "fmt(\"format\", x)", TORUS_EXPR_FUNC_FMT,
      "tn", 2, TORUS_EXPR_TEXT, NULL, TORUS_EXPR_SUM },

    { "len", "len(text)", TORUS_EXPR_FUNC_LEN,
      "t", 1, TORUS_EXPR_NUM, torus_expr_f_len, TORUS_EXPR_SUM },

    { "lower", "lower(text)", TORUS_EXPR_FUNC_CALL,
      "t", 1, TORUS_EXPR_TEXT, torus_expr_f_lower, TORUS_EXPR_SUM },

    { "upper", "upper(text)", TORUS_EXPR_FUNC_CALL,
      "t", 1, TORUS_EXPR_TEXT, torus_expr_f_upper, TORUS_EXPR_SUM },

    { "substr", "substr(text, from) or substr(text, from, length)",
      TORUS_EXPR_FUNC_CALL,
      "tnn", 2, TORUS_EXPR_TEXT, torus_expr_f_substr, TORUS_EXPR_SUM },

    { "part", "part(text, i)", TORUS_EXPR_FUNC_CALL,
      "tn", 2, TORUS_EXPR_TEXT, torus_expr_f_part, TORUS_EXPR_SUM },

    { "match", "match(text, \"regex\")", TORUS_EXPR_FUNC_MATCH,
      "tt", 2, TORUS_EXPR_BOOL, NULL, TORUS_EXPR_SUM },

    { "replace", "replace(text, \"regex\", \"to\")", TORUS_EXPR_FUNC_REPLACE,
      "ttt", 3, TORUS_EXPR_TEXT, NULL, TORUS_EXPR_SUM },

    torus_expr_of_row("sum", "values", TORUS_EXPR_SUM),
    torus_expr_of_row("mean", "values", TORUS_EXPR_MEAN),
    torus_expr_of_row("first", "values", TORUS_EXPR_FIRST),
    torus_expr_of_row("last", "values", TORUS_EXPR_LAST),
    torus_expr_of_row("count", "condition", TORUS_EXPR_COUNT),
    torus_expr_of_row("any", "condition", TORUS_EXPR_ANY),
    torus_expr_of_row("all", "condition", TORUS_EXPR_ALL),

    { NULL, NULL, TORUS_EXPR_FUNC_CALL, NULL, 0, 0, NULL, TORUS_EXPR_SUM }
};


const torus_expr_func_t *
torus_expr_func_find(torus_str_t name)
{
    const torus_expr_func_t  *f;

    for (f = torus_expr_funcs; f->name != NULL; f++) {
        if (torus_str_is(name, f->name)) {
            return f;
        }
    }

    return NULL;
}


/* The one that was most likely meant. */
const torus_expr_func_t *
torus_expr_func_near(torus_str_t name)
{
    unsigned                  distance, least;
    const torus_expr_func_t  *f, *near;

    near = NULL;
    least = (name.len > 3) ? 3 : 2;

    for (f = torus_expr_funcs; f->name != NULL; f++) {
        distance = torus_expr_distance(name, f->name);

        if (distance < least) {
            least = distance;
            near = f;
        }
    }

    return near;
}


/* Edits, in any case, between short words. */
static unsigned
torus_expr_distance(torus_str_t a, const char *b)
{
    size_t    i, j, len;
    unsigned  row[16], left, above, best;

    len = strlen(b);

    if (a.len > 15 || len > 15) {
        return 16;
    }

    for (j = 0; j <= len; j++) {
        row[j] = (unsigned) j;
    }

    for (i = 0; i < a.len; i++) {
        above = row[0];
        row[0] = (unsigned) i + 1;

        for (j = 0; j < len; j++) {
            left = row[j];
            best = above + ((a.data[i] | 0x20) != (unsigned char) b[j]);

            if (row[j + 1] + 1 < best) {
                best = row[j + 1] + 1;
            }

            if (left + 1 < best) {
                best = left + 1;
            }

            above = row[j + 1];
            row[j + 1] = best;
        }
    }

    return row[len];
}


int
torus_expr_finite(double d, torus_value_t *out)
{
    if (!isfinite(d)) {
        return TORUS_DECLINED;
    }

    out->kind = TORUS_VALUE_DOUBLE;
    out->d = d;

    return TORUS_OK;
}


unsigned char *
torus_expr_room(torus_expr_run_t *run, size_t n)
{
    unsigned char  *p;

    if (n > (size_t) (run->scratch->end - run->scratch->pos)) {
        return NULL;
    }

    p = run->scratch->pos;
    run->scratch->pos += n;

    return p;
}


int
torus_expr_arith(torus_expr_op_t op, const torus_value_t *a,
    const torus_value_t *b, torus_value_t *out)
{
    double  x, y;

    if (a->kind == TORUS_VALUE_INT && b->kind == TORUS_VALUE_INT
        && op != TORUS_EXPR_DIV)
    {
        return torus_expr_arith_int(op, a->i, b->i, out);
    }

    x = torus_expr_double(a);
    y = torus_expr_double(b);

    switch (op) {

    case TORUS_EXPR_ADD:
        return torus_expr_finite(x + y, out);

    case TORUS_EXPR_SUB:
        return torus_expr_finite(x - y, out);

    case TORUS_EXPR_MUL:
        return torus_expr_finite(x * y, out);

    case TORUS_EXPR_POW:
        return torus_expr_finite(pow(x, y), out);

    default: /* TORUS_EXPR_DIV, TORUS_EXPR_MOD */

        if (y == 0) {
            return TORUS_DECLINED;
        }

        return torus_expr_finite(op == TORUS_EXPR_DIV ? x / y
                                                      : torus_expr_mod(x, y),
                                 out);
    }
}


static int
torus_expr_arith_int(torus_expr_op_t op, int64_t a, int64_t b,
    torus_value_t *out)
{
    int      overflow;
    int64_t  i;

    switch (op) {

    case TORUS_EXPR_ADD:
        overflow = __builtin_add_overflow(a, b, &i);
        break;

    case TORUS_EXPR_SUB:
        overflow = __builtin_sub_overflow(a, b, &i);
        break;

    case TORUS_EXPR_MUL:
        overflow = __builtin_mul_overflow(a, b, &i);
        break;

    case TORUS_EXPR_POW:
        return torus_expr_pow_int(a, b, out);

    default: /* TORUS_EXPR_MOD */
        overflow = (b == 0);
        i = 0;

        /* INT64_MIN % -1 traps, anything % -1 is 0 */

        if (b != 0 && b != -1) {
            i = a % b;

            if (i != 0 && (i < 0) != (b < 0)) {
                i += b;
            }
        }

        break;
    }

    out->kind = TORUS_VALUE_INT;
    out->i = i;

    return overflow ? TORUS_DECLINED : TORUS_OK;
}


/* A negative power is a double, as a division is. */
static int
torus_expr_pow_int(int64_t a, int64_t b, torus_value_t *out)
{
    int64_t  result;

    if (b < 0) {
        return torus_expr_finite(pow((double) a, (double) b), out);
    }

    result = 1;

    for ( ;; ) {

        if ((b & 1) && __builtin_mul_overflow(result, a, &result)) {
            return TORUS_DECLINED;
        }

        b >>= 1;

        if (b == 0) {
            break;
        }

        if (__builtin_mul_overflow(a, a, &a)) {
            return TORUS_DECLINED;
        }
    }

    out->kind = TORUS_VALUE_INT;
    out->i = result;

    return TORUS_OK;
}


/* With the sign of b, as of integers. */
static double
torus_expr_mod(double a, double b)
{
    double  r;

    r = fmod(a, b);

    if (r != 0 && (r < 0) != (b < 0)) {
        r += b;
    }

    return r;
}


int
torus_expr_neg(const torus_value_t *a, torus_value_t *out)
{
    if (a->kind == TORUS_VALUE_DOUBLE) {
        return torus_expr_finite(-a->d, out);
    }

    if (a->i == INT64_MIN) {
        return TORUS_DECLINED;
    }

    out->kind = TORUS_VALUE_INT;
    out->i = -a->i;

    return TORUS_OK;
}


int
torus_expr_concat(torus_expr_run_t *run, const torus_value_t *a,
    const torus_value_t *b, torus_value_t *out)
{
    size_t          la, lb;
    unsigned char  *p;

    la = a->text.len;
    lb = b->text.len;

    if (la > SIZE_MAX / 2 || lb > SIZE_MAX / 2) {
        return TORUS_DECLINED;
    }

    p = torus_expr_room(run, la + lb);
    if (p == NULL) {
        return TORUS_DECLINED;
    }

    if (la != 0) {
        memcpy(p, a->text.data, la);
    }

    if (lb != 0) {
        memcpy(p + la, b->text.data, lb);
    }

    out->kind = TORUS_VALUE_TEXT;
    out->text = torus_str(p, la + lb);

    return TORUS_OK;
}


int
torus_expr_print(torus_expr_run_t *run, torus_value_t *v)
{
    size_t          n;
    unsigned char  *p, text[TORUS_NUMBER_SIZE];

    if (v->kind == TORUS_VALUE_TEXT) {
        return TORUS_OK;
    }

    n = torus_number_print(text, v);

    p = torus_expr_room(run, n);
    if (p == NULL) {
        return TORUS_DECLINED;
    }

    memcpy(p, text, n);

    v->kind = TORUS_VALUE_TEXT;
    v->text = torus_str(p, n);

    return TORUS_OK;
}


static double
torus_expr_double(const torus_value_t *v)
{
    return (v->kind == TORUS_VALUE_INT) ? (double) v->i : v->d;
}


static int
torus_expr_f_abs(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    if (a->kind == TORUS_VALUE_DOUBLE) {
        return torus_expr_finite(fabs(a->d), out);
    }

    if (a->i < 0) {
        return torus_expr_neg(a, out);
    }

    *out = *a;

    return TORUS_OK;
}


/* An integer where 64 bits hold it, else the double that it is. */
static int
torus_expr_whole(double d, torus_value_t *out)
{
    if (d >= -TORUS_EXPR_2_63 && d < TORUS_EXPR_2_63) {
        out->kind = TORUS_VALUE_INT;
        out->i = (int64_t) d;

        return TORUS_OK;
    }

    return torus_expr_finite(d, out);
}


static int
torus_expr_f_ceil(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    if (a->kind == TORUS_VALUE_DOUBLE) {
        return torus_expr_whole(ceil(a->d), out);
    }

    *out = *a;

    return TORUS_OK;
}


static int
torus_expr_f_floor(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    if (a->kind == TORUS_VALUE_DOUBLE) {
        return torus_expr_whole(floor(a->d), out);
    }

    *out = *a;

    return TORUS_OK;
}


static int
torus_expr_f_trunc(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    if (a->kind == TORUS_VALUE_DOUBLE) {
        return torus_expr_whole(trunc(a->d), out);
    }

    *out = *a;

    return TORUS_OK;
}


/*
 * Halves go to the even neighbour, as in fmt().  To digits it is what fmt()
 * writes with so many, read back.
 */
static int
torus_expr_f_round(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    torus_fmt_t      fmt;
    torus_str_t      text;
    unsigned char    room[TORUS_FMT_SIZE];
    torus_scratch_t  scratch;

    (void) run;

    if (a->kind == TORUS_VALUE_INT) {
        *out = *a;
        return TORUS_OK;
    }

    if (n == 1) {
        return torus_expr_whole(nearbyint(a->d), out);
    }

    memset(&fmt, 0, sizeof(fmt));
    fmt.conversion = 'f';
    fmt.precision = (signed char) a[1].i;
    fmt.alternate = 1;

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    if (torus_fmt_apply(&fmt, a, &scratch, &text) != TORUS_OK
        || torus_number_parse(text, out) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    return TORUS_OK;
}


static int
torus_expr_f_min(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    *out = (torus_number_cmp(&a[1], &a[0]) < 0) ? a[1] : a[0];

    return TORUS_OK;
}


static int
torus_expr_f_max(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    *out = (torus_number_cmp(&a[1], &a[0]) > 0) ? a[1] : a[0];

    return TORUS_OK;
}


static int
torus_expr_f_clamp(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    if (torus_number_cmp(&a[1], &a[2]) > 0) {
        return TORUS_DECLINED;
    }

    if (torus_number_cmp(&a[0], &a[1]) < 0) {
        *out = a[1];

    } else if (torus_number_cmp(&a[0], &a[2]) > 0) {
        *out = a[2];

    } else {
        *out = a[0];
    }

    return TORUS_OK;
}


static int
torus_expr_f_log(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    return torus_expr_finite(log(torus_expr_double(a)), out);
}


static int
torus_expr_f_log2(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    return torus_expr_finite(log2(torus_expr_double(a)), out);
}


static int
torus_expr_f_log10(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    return torus_expr_finite(log10(torus_expr_double(a)), out);
}


static int
torus_expr_f_exp(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    return torus_expr_finite(exp(torus_expr_double(a)), out);
}


static int
torus_expr_f_sqrt(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    return torus_expr_finite(sqrt(torus_expr_double(a)), out);
}


static int
torus_expr_f_int(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    int            rc;
    torus_value_t  v;

    (void) run;
    (void) n;

    v = *a;

    if (v.kind == TORUS_VALUE_TEXT) {
        rc = torus_number_parse(a->text, &v);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (v.kind == TORUS_VALUE_DOUBLE) {
        v.d = trunc(v.d);

        if (!(v.d >= -TORUS_EXPR_2_63 && v.d < TORUS_EXPR_2_63)) {
            return TORUS_DECLINED;
        }

        v.i = (int64_t) v.d;
        v.kind = TORUS_VALUE_INT;
    }

    *out = v;

    return TORUS_OK;
}


static int
torus_expr_f_float(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    int            rc;
    torus_value_t  v;

    (void) run;
    (void) n;

    v = *a;

    if (v.kind == TORUS_VALUE_TEXT) {
        rc = torus_number_parse(a->text, &v);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return torus_expr_finite(torus_expr_double(&v), out);
}


static int
torus_expr_f_str(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) n;

    *out = *a;

    return torus_expr_print(run, out);
}


static int
torus_expr_f_len(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) run;
    (void) n;

    out->kind = TORUS_VALUE_INT;
    out->i = (int64_t) a->text.len;

    return TORUS_OK;
}


static int
torus_expr_f_lower(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) n;

    return torus_expr_case(run, a->text, 'A', out);
}


static int
torus_expr_f_upper(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    (void) n;

    return torus_expr_case(run, a->text, 'a', out);
}


/* The 26 letters from first become those of the other case; ASCII only. */
static int
torus_expr_case(torus_expr_run_t *run, torus_str_t s, unsigned char first,
    torus_value_t *out)
{
    size_t          i;
    unsigned char  *p, c;

    p = torus_expr_room(run, s.len);
    if (p == NULL) {
        return TORUS_DECLINED;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];
        p[i] = (c >= first && c < first + 26) ? (c ^ 0x20) : c;
    }

    out->kind = TORUS_VALUE_TEXT;
    out->text = torus_str(p, s.len);

    return TORUS_OK;
}


/* Bytes from a[1], counted from the end when negative; cut to what is. */
static int
torus_expr_f_substr(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    size_t         from, len;
    torus_str_t    s;
    torus_value_t  pos, most;

    s = a[0].text;

    if (torus_expr_f_int(run, &a[1], 1, &pos) != TORUS_OK) {
        return TORUS_DECLINED;
    }

    if (pos.i >= 0) {
        from = ((uint64_t) pos.i > s.len) ? s.len : (size_t) pos.i;

    } else {
        from = (0 - (uint64_t) pos.i > s.len)
               ? 0 : s.len - (size_t) (0 - (uint64_t) pos.i);
    }

    len = s.len - from;

    if (n == 3) {
        if (torus_expr_f_int(run, &a[2], 1, &most) != TORUS_OK || most.i < 0)
        {
            return TORUS_DECLINED;
        }

        if ((uint64_t) most.i < len) {
            len = (size_t) most.i;
        }
    }

    out->kind = TORUS_VALUE_TEXT;
    out->text = torus_str(len == 0 ? s.data : s.data + from, len);

    return TORUS_OK;
}


static int
torus_expr_f_part(torus_expr_run_t *run, const torus_value_t *a, size_t n,
    torus_value_t *out)
{
    size_t         pos, end;
    int64_t        i;
    torus_str_t    s;
    torus_value_t  index;

    (void) n;

    s = a[0].text;

    if (torus_expr_f_int(run, &a[1], 1, &index) != TORUS_OK) {
        return TORUS_DECLINED;
    }

    i = index.i;

    if (i < 0) {
        /* as many as there are, less what is asked for from the end */

        for (pos = 0; pos <= s.len; pos = torus_expr_component(s, pos) + 1) {
            i++;
        }

        if (i < 0) {
            return TORUS_DECLINED;
        }
    }

    for (pos = 0; pos <= s.len; pos = end + 1) {
        end = torus_expr_component(s, pos);

        if (i == 0) {
            out->kind = TORUS_VALUE_TEXT;
            out->text = torus_str(s.data == NULL ? NULL : s.data + pos,
                                  end - pos);
            return TORUS_OK;
        }

        i--;
    }

    return TORUS_DECLINED;
}


/* Where the component that begins at pos ends. */
static size_t
torus_expr_component(torus_str_t s, size_t pos)
{
    const unsigned char  *dot;

    if (pos == s.len) {
        return pos;
    }

    dot = memchr(s.data + pos, '.', s.len - pos);

    return (dot == NULL) ? s.len : (size_t) (dot - s.data);
}
