/*
 * Fuzzing of the expression language: bytes are an expression, compiled for
 * each place that has one and evaluated with numbers, texts, rows and
 * scratches of several sizes.  What may not happen, beside what sanitizers
 * see: a result that is not finite, of a type the place does not take, or
 * outside of what it was made from.
 *
 * Seeds are in t/fuzz/corpus/expr.
 */

#include <math.h>
#include <stdlib.h>

#include "torus_expr.h"


typedef struct {
    torus_value_t  values[8];
    int64_t        counts[8];
} row_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const torus_expr_t *e, torus_expr_result_t result);
static void evaluate(const torus_expr_t *e, torus_expr_result_t result,
    const torus_expr_input_t *in, size_t room);
static void fill(row_t *row);
static void get(const void *row, size_t i, torus_value_t *value,
    int64_t *count);
static void must(int held, const char *what);


static const torus_expr_env_t  envs[] = {
    { TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE },
    { TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT },
    { TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_PRINTED },
    { TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_BOOL },
    { TORUS_EXPR_OF_ROW, TORUS_EXPR_TO_NUMBER }
};


static const char *const  texts[] = {
    "", "0", "-1", "3.7", "9223372036854775807", "-9223372036854775808",
    "1e308", "nan", "inf", "application.web01.rt", "a..b", "\xff\xfe.\x80"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             rc;
    size_t          i, column;
    torus_str_t     text;
    torus_expr_t   *e;
    torus_arena_t  *arena;
    torus_error_t   err;

    text = torus_str(data, size);

    for (i = 0; i < sizeof(envs) / sizeof(envs[0]); i++) {

        arena = torus_arena_create(8192, 8 * 1024 * 1024);
        if (arena == NULL) {
            return 0;
        }

        rc = torus_expr_compile(arena, text, &envs[i], &e, &err, &column);

        if (rc == TORUS_OK) {
            run(e, envs[i].result);

        } else if (rc == TORUS_INVALID) {
            must(err.len == strlen(err.text) && err.len != 0, "a reason");
            must(column <= size, "a column of the text");
        }

        torus_arena_destroy(arena);
    }

    return 0;
}


static void
run(const torus_expr_t *e, torus_expr_result_t result)
{
    row_t               row;
    size_t              i, k, n, skipped;
    torus_expr_row_t    values;
    torus_expr_input_t  in;

    n = sizeof(texts) / sizeof(texts[0]);
    skipped = 0;

    fill(&row);

    values.row = &row;
    values.get = get;

    in.values = &values;
    in.skipped = &skipped;

    for (i = 0; i < n; i++) {
        k = (i + 9) % n;

        in.v = torus_str(texts[i], strlen(texts[i]));
        in.s = torus_str(texts[k], strlen(texts[k]));
        in.duration = (int64_t) i * 60;
        values.n = i % 9;

        evaluate(e, result, &in, TORUS_EXPR_SCRATCH);
        evaluate(e, result, &in, 16);
    }

    in.v = torus_str(NULL, 0);
    in.s = torus_str(NULL, 0);
    in.skipped = NULL;

    evaluate(e, result, &in, 0);
}


/* Twice: the second time gives what the first did. */
static void
evaluate(const torus_expr_t *e, torus_expr_result_t result,
    const torus_expr_input_t *in, size_t room)
{
    int              rc, again;
    size_t           sum;
    unsigned char   *memory;
    torus_value_t    v, w;
    torus_scratch_t  scratch;

    /* of that very size, so that a byte too many is seen */
    memory = malloc(room + (room == 0));
    if (memory == NULL) {
        return;
    }

    scratch.pos = memory;
    scratch.end = memory + room;

    rc = torus_expr_eval(e, in, &v, &scratch);

    must(scratch.pos >= memory && scratch.pos <= scratch.end,
         "a scratch within its bounds");

    if (rc == TORUS_OK) {

        switch (v.kind) {

        case TORUS_VALUE_TEXT:
            must(result < TORUS_EXPR_TO_NUMBER, "no text");

            for (sum = 0; v.text.len != 0; v.text.len--) {
                sum += v.text.data[v.text.len - 1];
            }

            must(sum < SIZE_MAX, "readable text");
            break;

        case TORUS_VALUE_DOUBLE:
            must(isfinite(v.d), "a finite number");
            /* fall through */

        default:
            must(result != TORUS_EXPR_TO_TEXT
                 && result != TORUS_EXPR_TO_PRINTED, "text");
            break;
        }

        must(result != TORUS_EXPR_TO_BOOL
             || (v.kind == TORUS_VALUE_INT && (v.i == 0 || v.i == 1)),
             "a condition");

    } else {
        must(rc == TORUS_DECLINED || rc == TORUS_NUMBER_NAN
             || rc == TORUS_NUMBER_INF, "a code that is documented");
        must(scratch.pos == memory, "a scratch that was given back");
    }

    scratch.pos = memory;
    again = torus_expr_eval(e, in, &w, &scratch);

    must(again == rc, "the same code again");
    must(rc != TORUS_OK || v.kind == w.kind, "the same kind again");
    must(rc != TORUS_OK || v.kind == TORUS_VALUE_TEXT || v.i == w.i,
         "the same number again");

    free(memory);
}


static void
fill(row_t *row)
{
    size_t  i;

    memset(row, 0, sizeof(*row));

    for (i = 0; i < 8; i++) {
        row->counts[i] = (int64_t) i + 1;
        row->values[i].kind = TORUS_VALUE_INT;
        row->values[i].i = (int64_t) i - 3;
    }

    row->values[1].kind = TORUS_VALUE_DOUBLE;
    row->values[1].d = -1.5e300;
    row->values[2].kind = TORUS_VALUE_TEXT;
    row->values[2].text = torus_str("GET", 3);
    row->values[4].i = INT64_MAX;
    row->values[5].i = INT64_MIN;
    row->values[6].kind = TORUS_VALUE_DOUBLE;
    row->values[6].d = NAN;
    row->values[7].kind = TORUS_VALUE_TEXT;
    row->values[7].text = torus_str("12.5", 4);
    row->counts[7] = INT64_MAX;
}


static void
get(const void *data, size_t i, torus_value_t *value, int64_t *count)
{
    const row_t  *row;

    row = data;

    must(i < 8, "an element of the row");

    *value = row->values[i];
    *count = row->counts[i];
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
