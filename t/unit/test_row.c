/*
 * Rows and the functions over them: reading and merging keep every value,
 * equal numbers are one value, integers stay exact, and each function is
 * compared with a plain calculation over the values written out.
 */

#include "torus_function.h"
#include "torus_test.h"


static torus_arena_t  *arena;


static torus_func_t *
func(const char *text)
{
    torus_func_t   *f;
    torus_error_t   err;

    if (torus_func_compile(arena, torus_str(text, strlen(text)), &f, &err)
        != TORUS_OK)
    {
        bail_out("%s", err.text);
    }

    return f;
}


/* A row of values in words: "1 2.5 3", of a histogram "3x2 5x1". */
static torus_row_t
row(torus_type_t type, const char *words)
{
    char          *word, *x, text[1024];
    torus_row_t    r;
    torus_str_t    n;
    torus_func_t  *f;

    f = func("long_or_float");
    torus_row_init(&r, type);

    snprintf(text, sizeof(text), "%s", words);

    for (word = strtok(text, " ");
         word != NULL;
         word = strtok(NULL, " "))
    {
        n = torus_str(NULL, 0);
        x = strchr(word, 'x');

        if (x != NULL) {
            *x++ = '\0';
            n = torus_str(x, strlen(x));
        }

        torus_row_read(&r, arena, f, torus_str(word, strlen(word)), n);
    }

    return r;
}


static const char *
print(torus_row_t *r)
{
    size_t                i, n, k;
    unsigned char         number[TORUS_NUMBER_SIZE];
    const torus_value_t  *v;

    static char  text[4096];

    torus_row_fold(r);
    n = 0;

    for (i = 0; i < r->nitems; i++) {
        v = &r->items[i].value;
        k = torus_number_print(number, v);

        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s",
                               i == 0 ? "" : " ", (int) k, number);

        if (r->type == TORUS_HISTOGRAM) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "x%" PRId64,
                                   r->items[i].n);
        }
    }

    text[n] = '\0';

    return text;
}


/* What goes in comes out, in the order that the type has. */
static void
test_reading(void)
{
    torus_row_t  r;

    r = row(TORUS_SERIES, "3 1.5 3 -2");
    is_cstr(print(&r), "3 1.5 3 -2", "a series keeps order and repetition");

    r = row(TORUS_SET, "3 1.5 3 3.0 -2");
    is_cstr(print(&r), "-2 1.5 3", "a set has equal numbers once");

    r = row(TORUS_HISTOGRAM, "3.0x2 7x1 3x3");
    is_cstr(print(&r), "3x5 7x1", "equal numbers of a histogram add up");

    r = row(TORUS_COUNT, "3");
    is_int(r.number.i, 3, "a count");

    r = row(TORUS_GAUGE, "0");
    ok(r.present && r.number.i == 0, "a gauge of 0 is there");

    r = row(TORUS_GAUGE, "");
    ok(!r.present, "an empty one is not");
}


/* A bad value costs itself and says so. */
static void
test_bad(void)
{
    torus_row_t    r;
    torus_func_t  *f;

#define read_is(type, text, n, want, what)                                    \
    torus_row_init(&r, type);                                                 \
    is_int(torus_row_read(&r, arena, f, torus_str(text, strlen(text)),        \
                          torus_str(n, strlen(n))), want, what);              \
    ok(r.present == (want == TORUS_OK), what ": kept or not")

    f = func("long_or_float");

    read_is(TORUS_SERIES, "12", "", TORUS_OK, "a number");
    read_is(TORUS_SERIES, "twelve", "", TORUS_DECLINED, "a text");
    read_is(TORUS_SERIES, "", "", TORUS_DECLINED, "nothing");
    read_is(TORUS_SERIES, "nan", "", TORUS_DECLINED, "NaN");
    read_is(TORUS_GAUGE, "-inf", "", TORUS_DECLINED, "infinity");
    read_is(TORUS_HISTOGRAM, "1", "x", TORUS_DECLINED, "no occurrences");
    read_is(TORUS_HISTOGRAM, "1", "0", TORUS_DECLINED, "none of them");
    read_is(TORUS_HISTOGRAM, "1", "-3", TORUS_DECLINED, "less than none");
    read_is(TORUS_HISTOGRAM, "1", "1.5", TORUS_DECLINED, "one and a half");

    f = func("string");

    read_is(TORUS_SET, "twelve", "", TORUS_OK, "a text where texts are read");
    read_is(TORUS_COUNT, "twelve", "", TORUS_DECLINED, "a count is none");
}


/* Merging many rows is as adding all values to one. */
static void
test_merging(void)
{
    size_t         i;
    char           text[64];
    torus_row_t    all, one, texts, src;
    torus_func_t  *f;
    torus_arena_t *other;

    torus_row_init(&all, TORUS_HISTOGRAM);
    f = func("long_or_float");

    for (i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "%zu", i % 7);
        torus_row_init(&one, TORUS_HISTOGRAM);
        torus_row_read(&one, arena, f, torus_str(text, strlen(text)),
                       torus_str("2", 1));
        torus_row_merge(&all, arena, &one);
    }

    ok(all.size < 1000, "memory is that of the distinct values");
    is_cstr(print(&all),
            "0x2858 1x2858 2x2858 3x2858 4x2856 5x2856 6x2856",
            "a histogram merged from many");

    all = row(TORUS_COUNT, "9223372036854775800");
    one = row(TORUS_COUNT, "7");
    torus_row_merge(&all, arena, &one);
    ok(all.number.kind == TORUS_VALUE_INT && all.number.i == INT64_MAX,
       "counts add up exactly in 64 bits");

    torus_row_merge(&all, arena, &one);
    ok(all.number.kind == TORUS_VALUE_DOUBLE
       && all.number.d == 9223372036854775814.0, "and as doubles beyond");

    all = row(TORUS_GAUGE, "5");
    one = row(TORUS_GAUGE, "0");
    torus_row_merge(&all, arena, &one);
    is_int(all.number.i, 0, "the last gauge counts, though it is 0");

    one = row(TORUS_GAUGE, "");
    torus_row_merge(&all, arena, &one);
    ok(all.present && all.number.i == 0, "a missing one does not");

    all = row(TORUS_SERIES, "1 2");
    one = row(TORUS_SERIES, "0 2");
    torus_row_merge(&all, arena, &one);
    is_cstr(print(&all), "1 2 0 2", "series follow each other");

    /* texts outlive the arena of the row they came from */

    other = torus_arena_create(1024, 0);
    torus_row_init(&src, TORUS_SET);
    torus_row_read(&src, other, func("string"), torus_str("hello", 5),
                   torus_str(NULL, 0));
    torus_row_init(&texts, TORUS_SET);
    torus_row_merge(&texts, arena, &src);
    torus_arena_destroy(other);

    is_str(texts.items[0].value.text, "hello", "a text is copied");
}


/* What is collapsed from many buckets may be the same few texts. */
static void
test_merging_texts(torus_type_t type)
{
    size_t          i, k;
    char            text[128];
    torus_row_t     all, one;
    torus_func_t   *f;
    torus_arena_t  *own;

    own = torus_arena_create(4096, 0);
    f = func("string");

    torus_row_init(&all, type);

    for (i = 0; i < 2000; i++) {
        torus_row_init(&one, type);

        for (k = 0; k < 5; k++) {
            snprintf(text, sizeof(text), "%zu%0100d", (i + k) % 7, 0);
            torus_row_read(&one, arena, f, torus_str(text, strlen(text)),
                           torus_str("3", 1));
        }

        torus_row_merge(&all, own, &one);
    }

    torus_row_fold(&all);

    is_int(all.nitems, 7, "each text once");
    ok(torus_arena_size(own) < 65536,
       "and in memory few times, not %zu bytes", torus_arena_size(own));

    for (i = 0, k = 0; i < all.nitems; i++) {
        k += (size_t) all.items[i].n;
    }

    is_int(k, type == TORUS_HISTOGRAM ? 2000 * 5 * 3 : 7,
           "with all its occurrences");

    torus_arena_destroy(own);
}


/* In slices of any length a row becomes what it becomes in one go. */
static void
test_order(torus_type_t type)
{
    size_t             i, n, calls, same;
    int64_t            k;
    uint64_t           seed;
    torus_row_t        once, some;
    torus_work_t       work;
    torus_value_t      v;
    torus_row_order_t  order;

    seed = 1;
    same = 0;
    calls = 0;

    memset(&order, 0, sizeof(torus_row_order_t));

    for (n = 1; n <= 600; n++) {
        torus_row_init(&once, type);
        torus_row_init(&some, type);

        for (i = 0; i < n; i++) {
            memset(&v, 0, sizeof(torus_value_t));
            seed = torus_hash(&i, sizeof(size_t), seed);

            if (seed % 3 == 0) {
                v.kind = TORUS_VALUE_INT;
                v.i = (int64_t) (seed / 3 % (n + 1)) - 20;

            } else {
                v.kind = TORUS_VALUE_DOUBLE;
                v.d = (double) (seed / 3 % (2 * n)) / 2 - 20;
            }

            k = type == TORUS_HISTOGRAM ? (int64_t) (seed % 5) + 1 : 1;

            torus_row_add(&once, arena, &v, k);
            torus_row_add(&some, arena, &v, k);
        }

        torus_row_fold(&once);

        do {
            work.limited = 1;
            work.left = (int64_t) n;
            calls++;
        } while (torus_row_order(&some, &order, &work) == TORUS_AGAIN);

        same += once.nitems == some.nitems && some.folded == some.nitems
                && order.n == 0;

        for (i = 0; i < once.nitems && i < some.nitems; i++) {

            if (once.items[i].value.kind != some.items[i].value.kind
                || once.items[i].n != some.items[i].n
                || torus_value_cmp(&once.items[i].value,
                                   &some.items[i].value) != 0)
            {
                fail("item %zu of %zu", i, n);
                return;
            }
        }
    }

    is_int(same, 600, "rows of 1 to 600 values, put in order in slices");
    ok(calls > 6000, ".. %zu of them", calls);
}


static void
applied(torus_type_t type, const char *words, const char *name, double want)
{
    int                      rc;
    torus_row_t              r;
    torus_call_t             call;
    torus_value_t            v;
    const torus_function_t  *f;

    r = row(type, words);

    call.arena = arena;
    call.seconds = 60;
    call.param = 0;

    f = torus_function_find(torus_str(name, strlen(name)), &call.param);

    if (f == NULL || !(f->types & torus_type_bit(type))) {
        bail_out("%s does not apply", name);
    }

    rc = torus_function_apply(f, &call, &r, &v);

    if (isnan(want)) {
        is_int(rc, TORUS_DECLINED, "%s of \"%s\": no value", name, words);
        return;
    }

    is_int(rc, TORUS_OK, "%s of \"%s\"", name, words);
    is_double_near(torus_number_double(&v), want,
                   1e-12 * (fabs(want) > 1 ? fabs(want) : 1),
                   "%s of \"%s\"", name, words);
}


/* Each function over each kind of row it serves. */
static void
test_functions(void)
{
    size_t  i;

    static const struct {
        torus_type_t  type;
        const char   *words;
        const char   *name;
        double        want;
    } cases[] = {
        { TORUS_SERIES, "4 1 1.5", "mean", 6.5 / 3 },
        { TORUS_SERIES, "4 1 1.5", "avg", 6.5 / 3 },
        { TORUS_SERIES, "4 1 1.5", "min", 1 },
        { TORUS_SERIES, "4 1 1.5", "max", 4 },
        { TORUS_SERIES, "4 1 1.5", "sum", 6.5 },
        { TORUS_SERIES, "4 1 1.5", "count", 3 },
        { TORUS_SERIES, "4 1 1.5", "rate", 0.05 },
        { TORUS_SERIES, "4 1 1.5", "median", 1.5 },
        { TORUS_SERIES, "4 1 1.5 9", "median", 2.75 },
        { TORUS_SERIES, "4 1 1.5", "first", 4 },
        { TORUS_SERIES, "4 1 1.5", "last", 1.5 },
        { TORUS_SERIES, "4 4.0 1", "distinct", 2 },
        { TORUS_SERIES, "2 4 4 4 5 5 7 9", "stddev", 2 },
        { TORUS_SERIES, "-1 -2", "max", -1 },
        { TORUS_SERIES, "", "mean", NAN },
        { TORUS_SERIES, "", "min", NAN },
        { TORUS_SERIES, "", "median", NAN },
        { TORUS_SERIES, "", "p95", NAN },
        { TORUS_SERIES, "", "stddev", NAN },
        { TORUS_SERIES, "", "first", NAN },
        { TORUS_SERIES, "", "sum", 0 },
        { TORUS_SERIES, "", "count", 0 },
        { TORUS_SERIES, "", "rate", 0 },
        { TORUS_SERIES, "", "distinct", 0 },

        /* ranks: ceil(p / 100 * (k + 1)), taken to 1 .. k */
        { TORUS_SERIES, "10 20 30 40", "p50", 30 },
        { TORUS_SERIES, "10 20 30 40", "p0", 10 },
        { TORUS_SERIES, "10 20 30 40", "p20", 10 },
        { TORUS_SERIES, "10 20 30 40", "p20.1", 20 },
        { TORUS_SERIES, "10 20 30 40", "p100", 40 },
        { TORUS_SERIES, "10 20 30 40", "p99.9", 40 },
        { TORUS_SERIES, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19",
          "p95", 19 },
        { TORUS_SERIES, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19",
          "p90", 18 },
        { TORUS_HISTOGRAM, "1x998 500x1 7x0", "p99.9", 500 },
        { TORUS_HISTOGRAM, "1x997 500x1 600x1", "p99.9", 600 },
        { TORUS_HISTOGRAM, "1x996 500x2 600x1", "p99.8", 500 },

        { TORUS_HISTOGRAM, "2x3 10x1", "mean", 4 },
        { TORUS_HISTOGRAM, "2x3 10x1", "sum", 16 },
        { TORUS_HISTOGRAM, "2x3 10x1", "count", 4 },
        { TORUS_HISTOGRAM, "2x3 10x1", "distinct", 2 },
        { TORUS_HISTOGRAM, "2x3 10x1", "median", 2 },
        { TORUS_HISTOGRAM, "2x2 10x2", "median", 6 },
        { TORUS_HISTOGRAM, "2x3 10x1", "max", 10 },
        { TORUS_HISTOGRAM, "2x3 10x1", "rate", 4.0 / 60 },
        { TORUS_HISTOGRAM, "2x3 10x1", "stddev", 3.4641016151377544 },

        { TORUS_SET, "5 5 7", "count", 2 },
        { TORUS_SET, "5 5 7", "mean", 6 },
        { TORUS_SET, "5 5 7", "distinct", 2 },

        { TORUS_COUNT, "30", "mean", 30 },
        { TORUS_COUNT, "30", "rate", 0.5 },
        { TORUS_COUNT, "30", "p95", 30 },
        { TORUS_COUNT, "30", "last", 30 },
        { TORUS_COUNT, "", "mean", 0 },
        { TORUS_COUNT, "", "rate", 0 },
        { TORUS_GAUGE, "-4.5", "sum", -4.5 },
        { TORUS_GAUGE, "-4.5", "median", -4.5 },
        { TORUS_GAUGE, "", "sum", NAN },

        /* doubles beyond 64 bits, and a median that must not overflow */
        { TORUS_HISTOGRAM, "9223372036854775807x2", "sum",
          18446744073709551614.0 },
        { TORUS_SERIES, "1.7e308 1.7e308", "median", 1.7e308 },
        { TORUS_SERIES, "1.6e308 1.7e308", "median", 1.65e308 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        applied(cases[i].type, cases[i].words, cases[i].name, cases[i].want);
    }
}


/* Names, parameters, and what a type does not have. */
static void
test_names(void)
{
    size_t                   i;
    double                   param;
    const torus_function_t  *f;

    static const char *const  unknown[] = {
        "", "p", "p.5", "p5.", "p101", "p100.1", "p-1", "p1e1", "P50",
        "Mean", "means", "p1.2.3", "p00000000000000000"
    };

    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        ok(torus_function_find(torus_str(unknown[i], strlen(unknown[i])),
                               &param) == NULL, "no function \"%s\"",
           unknown[i]);
    }

    f = torus_function_find(torus_str("p99.95", 6), &param);
    ok(f != NULL, "p99.95 is one");
    is_double_near(param, 99.95, 0, "with its parameter");

#define applies(name, type)                                                   \
    ((torus_function_find(torus_str(name, sizeof(name) - 1), &param)->types   \
      & torus_type_bit(type)) != 0)

    ok(!applies("count", TORUS_COUNT), "no count of a count");
    ok(!applies("count", TORUS_GAUGE), "no count of a gauge");
    ok(!applies("rate", TORUS_GAUGE), "no rate of a gauge");
    ok(!applies("first", TORUS_HISTOGRAM), "no first of a histogram");
    ok(!applies("last", TORUS_SET), "no last of a set");
    ok(applies("mean", TORUS_GAUGE), "the mean of a gauge is the gauge");
}


/* Texts are counted, and skipped where numbers are needed. */
static void
test_texts(void)
{
    size_t                   i;
    torus_row_t              r, big;
    torus_call_t             call;
    torus_value_t            v;
    const torus_function_t  *f;

    static const char *const  members[] = { "b", "a", "b" };

    call.arena = arena;
    call.seconds = 60;
    call.param = 50;

    torus_row_init(&r, TORUS_SET);

    for (i = 0; i < 3; i++) {
        torus_row_read(&r, arena, func("string"), torus_str(members[i], 1),
                       torus_str(NULL, 0));
    }

    f = torus_function_find(torus_str("count", 5), &call.param);
    torus_function_apply(f, &call, &r, &v);
    is_int(v.i, 2, "a set of two texts");
    is_str(r.items[0].value.text, "a", "in order");

    f = torus_function_find(torus_str("mean", 4), &call.param);
    is_int(torus_function_apply(f, &call, &r, &v), TORUS_DECLINED,
           "the mean of texts is none");

    torus_row_init(&big, TORUS_HISTOGRAM);

    for (i = 0; i < 4; i++) {
        v = (torus_value_t) { .kind = TORUS_VALUE_INT, .i = (int64_t) i };
        torus_row_add(&big, arena, &v, INT64_MAX - 1);
    }

    f = torus_function_find(torus_str("count", 5), &call.param);
    torus_function_apply(f, &call, &big, &v);
    is_int(v.i, INT64_MAX, "a count beyond 64 bits stays at the largest");

    f = torus_function_find(torus_str("mean", 4), &call.param);

    v = (torus_value_t) { .kind = TORUS_VALUE_INT, .i = 4 };
    torus_row_add(&r, arena, &v, 1);
    torus_function_apply(f, &call, &r, &v);
    is_double_near(torus_number_double(&v), 4, 0, "of a number among them "
                   "it is the number");

    f = torus_function_find(torus_str("p50", 3), &call.param);
    torus_function_apply(f, &call, &r, &v);
    is_double_near(torus_number_double(&v), 4, 0, "a percentile too");
}


int
main(void)
{
    arena = torus_arena_create(65536, 0);

    test_reading();
    test_bad();
    test_merging();
    test_merging_texts(TORUS_HISTOGRAM);
    test_merging_texts(TORUS_SET);
    test_order(TORUS_HISTOGRAM);
    test_order(TORUS_SET);
    test_functions();
    test_names();
    test_texts();

    torus_arena_destroy(arena);

    return done_testing();
}
