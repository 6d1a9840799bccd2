/*
 * What an expression costs per point, beside a C function of the same
 * meaning in the same run: text as received in, text as stored out.
 *
 *   bench_expr [points]
 *
 * Nanoseconds of CPU time per point, the best of several rounds, and the
 * ratio.  Exits 1 when an expression takes more than 3 times as long, or
 * when both do not give the same.
 */

#define _POSIX_C_SOURCE  200809L

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "torus_expr.h"


#define TEXTS   1024
#define ROUNDS  7
#define RATIO   3.0


typedef size_t (*native_pt)(const char *text, char *dst, size_t size);

typedef struct {
    const char  *name;
    const char  *expr;
    native_pt    native;
} case_t;


static size_t native_fmt(const char *text, char *dst, size_t size);
static size_t native_hash(const char *text, char *dst, size_t size);
static int bench(const case_t *c, size_t points);
static size_t evaluate(const torus_expr_t *e, torus_str_t text, char *dst,
    size_t size);
static double run_native(const case_t *c, size_t points, uint64_t *sum);
static double run_expr(const torus_expr_t *e, size_t points, uint64_t *sum);
static void bench_row(size_t n);
static void get(const void *row, size_t i, torus_value_t *value,
    int64_t *count);
static double now(void);
static void die(const char *why);


static char         texts[TEXTS][32];
static torus_str_t  strs[TEXTS];


static const case_t  cases[] = {
    { "fmt", "fmt('%0.3f', v)", native_fmt },

    { "timer hash", "v < 0 ? 0 : v < 1 ? fmt('%0.3f', v)"
      " : v < 5 ? fmt('%0.2f', v) : fmt('%0.1f', v)", native_hash },

    { NULL, NULL, NULL }
};


int
main(int argc, char **argv)
{
    int       failed;
    size_t    i, points;
    uint64_t  seed;

    points = (argc > 1) ? (size_t) atol(argv[1]) : 1000000;
    seed = 3;

    for (i = 0; i < TEXTS; i++) {
        seed = torus_hash(&seed, sizeof(seed), i);

        snprintf(texts[i], sizeof(texts[i]), "%.6g",
                 (double) (seed % 1200000) / 100000 - 1);
        strs[i] = torus_str(texts[i], strlen(texts[i]));
    }

    failed = 0;

    for (i = 0; cases[i].name != NULL; i++) {
        failed |= bench(&cases[i], points);
    }

    bench_row(1000000);

    return failed;
}


/* As it would be written by hand. */
static size_t
native_fmt(const char *text, char *dst, size_t size)
{
    char    *end;
    double   v;

    v = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(v)) {
        return 0;
    }

    return (size_t) snprintf(dst, size, "%0.3f", v);
}


static size_t
native_hash(const char *text, char *dst, size_t size)
{
    char    *end;
    double   v;

    v = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(v)) {
        return 0;
    }

    if (v < 0) {
        dst[0] = '0';
        return 1;
    }

    return (size_t) snprintf(dst, size,
                             v < 1 ? "%0.3f" : v < 5 ? "%0.2f" : "%0.1f", v);
}


static int
bench(const case_t *c, size_t points)
{
    int                i, same;
    char               a[64], b[64];
    size_t             na, nb;
    double             native, expr, t;
    uint64_t           sum;
    torus_expr_t      *e;
    torus_arena_t     *arena;
    torus_error_t      err;
    torus_expr_env_t   env;

    env.scope = TORUS_EXPR_OF_VALUE;
    env.result = TORUS_EXPR_TO_VALUE;

    arena = torus_arena_create(4096, 0);

    if (arena == NULL
        || torus_expr_compile(arena, torus_str(c->expr, strlen(c->expr)),
                              &env, &e, &err, NULL) != TORUS_OK)
    {
        die(c->expr);
    }

    same = 1;

    for (i = 0; i < TEXTS; i++) {
        na = c->native(texts[i], a, sizeof(a));
        nb = evaluate(e, strs[i], b, sizeof(b));
        same = same && torus_str_eq(torus_str(a, na), torus_str(b, nb));
    }

    native = expr = 1e9;
    sum = 0;

    /* in turns, so that both see the same machine */

    for (i = 0; i < ROUNDS; i++) {
        t = run_native(c, points, &sum);
        native = (t < native) ? t : native;

        t = run_expr(e, points, &sum);
        expr = (t < expr) ? t : expr;
    }

    printf("%-12s expression %6.1f ns  by hand %6.1f ns  ratio %.2f%s  "
           "(%016" PRIx64 ")\n", c->name, expr, native, expr / native,
           same ? "" : "  RESULTS DIFFER", sum);

    torus_arena_destroy(arena);

    return !same || expr > RATIO * native;
}


static size_t
evaluate(const torus_expr_t *e, torus_str_t text, char *dst, size_t size)
{
    size_t              n;
    torus_value_t       v;
    torus_scratch_t     scratch;
    torus_expr_input_t  in;

    in.v = text;

    scratch.pos = (unsigned char *) dst;
    scratch.end = scratch.pos + size;

    if (torus_expr_eval(e, &in, &v, &scratch) != TORUS_OK) {
        return 0;
    }

    if (v.kind != TORUS_VALUE_TEXT) {
        return torus_number_print((unsigned char *) dst, &v);
    }

    n = v.text.len;

    if (v.text.data != (unsigned char *) dst) {
        memmove(dst, v.text.data, n);
    }

    return n;
}


static double
run_native(const case_t *c, size_t points, uint64_t *sum)
{
    char    dst[64];
    size_t  i, n;
    double  start;

    start = now();

    for (i = 0; i < points; i++) {
        n = c->native(texts[i % TEXTS], dst, sizeof(dst));
        *sum += n + (unsigned char) dst[0];
    }

    return (now() - start) * 1e9 / (double) points;
}


static double
run_expr(const torus_expr_t *e, size_t points, uint64_t *sum)
{
    char    dst[512];
    size_t  i, n;
    double  start;

    start = now();

    for (i = 0; i < points; i++) {
        n = evaluate(e, strs[i % TEXTS], dst, sizeof(dst));
        *sum += n + (unsigned char) dst[0];
    }

    return (now() - start) * 1e9 / (double) points;
}


/* Nanoseconds per element of a row. */
static void
bench_row(size_t n)
{
    size_t               i;
    double               start;
    torus_value_t        v;
    torus_expr_t        *e;
    torus_arena_t       *arena;
    torus_error_t        err;
    unsigned char        room[512];
    torus_scratch_t      scratch;
    torus_expr_env_t     env;
    torus_expr_row_t     row;
    torus_expr_input_t   in;

    static const char   *exprs[] = {
        "len(values)", "sum(values)", "sum(values * counts)",
        "sqrt(mean((values - mean(values)) ** 2))"
    };

    env.scope = TORUS_EXPR_OF_ROW;
    env.result = TORUS_EXPR_TO_NUMBER;

    row.row = NULL;
    row.n = n;
    row.get = get;

    in.values = &row;
    in.duration = 60;
    in.skipped = NULL;

    for (i = 0; i < sizeof(exprs) / sizeof(exprs[0]); i++) {
        arena = torus_arena_create(4096, 0);

        if (arena == NULL
            || torus_expr_compile(arena,
                                  torus_str(exprs[i], strlen(exprs[i])),
                                  &env, &e, &err, NULL) != TORUS_OK)
        {
            die(exprs[i]);
        }

        scratch.pos = room;
        scratch.end = room + sizeof(room);

        start = now();

        if (torus_expr_eval(e, &in, &v, &scratch) != TORUS_OK) {
            die(exprs[i]);
        }

        printf("row of %zu  %-42s %6.1f ns per element\n", n, exprs[i],
               (now() - start) * 1e9 / (double) n);

        torus_arena_destroy(arena);
    }
}


static void
get(const void *row, size_t i, torus_value_t *value, int64_t *count)
{
    (void) row;

    value->kind = TORUS_VALUE_DOUBLE;
    value->d = (double) (i % 1000) / 8;
    *count = (int64_t) (i % 7);
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
die(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(2);
}
