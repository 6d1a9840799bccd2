/*
 * Fuzzing of targets: bytes are a target, parsed, bound and evaluated over
 * series of a few points, whole and in slices.  What may not happen, beside
 * what sanitizers see: an evaluation without end, a fault without a reason
 * or with more than a line of it, slices that answer otherwise.
 */

#include <math.h>
#include <stdlib.h>

#include "torus_graph.h"
#include "torus_graph_format.h"


typedef struct {
    int            rc;
    torus_buf_t    out;
} run_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(run_t *r, torus_str_t text, int64_t budget);
static int evaluate(torus_graph_t *g, torus_arena_t *arena, int64_t budget,
    torus_error_t *err);
static int supply(torus_graph_t *g, torus_arena_t *arena,
    torus_graph_leaf_t *leaf, torus_error_t *err);
static int answer(torus_graph_t *g, int64_t budget, torus_buf_t *out,
    torus_error_t *err);
static void must(int held, const char *what);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_t        whole, slices;
    torus_str_t  text;

    if (size > 4096) {
        return 0;
    }

    text = torus_str(data, size);

    run(&whole, text, 1000000);

    /* memory is counted differently, so that only success compares */
    if (whole.rc == TORUS_OK) {
        run(&slices, text, 1);

        if (slices.rc == TORUS_OK) {
            must(torus_buf_len(&whole.out) == torus_buf_len(&slices.out)
                 && (torus_buf_len(&whole.out) == 0
                     || memcmp(whole.out.pos, slices.out.pos,
                               torus_buf_len(&whole.out)) == 0),
                 "the same answer in slices");
        }

        torus_buf_free(&slices.out);
    }

    torus_buf_free(&whole.out);

    (void) torus_target_first_path(text);

    return 0;
}


static void
run(run_t *r, torus_str_t text, int64_t budget)
{
    torus_graph_t         *g;
    torus_arena_t         *arena;
    torus_error_t          err;
    torus_graph_params_t   params;

    torus_buf_init(&r->out, 1024 * 1024);
    r->rc = TORUS_ERROR;

    memset(&params, 0, sizeof(params));

    params.span.from = 1699999380;
    params.span.until = 1699999980;
    params.now = params.span.until;
    params.max_leaves = 64;
    params.max_series = 256;
    params.max_points = 20000;

    arena = torus_arena_create(16384, 32 * 1024 * 1024);
    if (arena == NULL) {
        return;
    }

    g = torus_graph_create(arena, &params);
    must(g != NULL, "memory");

    r->rc = torus_graph_prepare(g, text, &err);

    if (r->rc == TORUS_OK) {
        r->rc = evaluate(g, arena, budget, &err);
    }

    if (r->rc == TORUS_OK) {
        r->rc = answer(g, budget, &r->out, &err);
    }

    if (r->rc != TORUS_OK) {
        must(err.len != 0 && err.len == strlen(err.text), "a reason");
        must(strchr(err.text, '\n') == NULL, "one line");
        must(torus_graph_status(g) == 400 || torus_graph_status(g) == 413,
             "a status");
    }

    torus_arena_destroy(arena);
}


static int
evaluate(torus_graph_t *g, torus_arena_t *arena, int64_t budget,
    torus_error_t *err)
{
    int                    rc;
    size_t                 i, n, turns;
    torus_graph_leaf_t   **leaves;

    for (turns = 0; turns < 10000000; turns++) {
        leaves = torus_graph_leaves(g, &n);

        for (i = 0; i < n; i++) {
            if (!leaves[i]->supplied) {
                rc = supply(g, arena, leaves[i], err);
                if (rc != TORUS_OK) {
                    return rc;
                }
            }
        }

        rc = torus_graph_eval(g, budget, err);

        if (rc != TORUS_AGAIN && rc != TORUS_DECLINED) {
            return rc;
        }
    }

    must(0, "an end");

    return TORUS_ERROR;
}


/* Two series with nulls, one of another step, and a histogram. */
static int
supply(torus_graph_t *g, torus_arena_t *arena, torus_graph_leaf_t *leaf,
    torus_error_t *err)
{
    size_t                 i, j, n;
    torus_value_t          v;
    torus_graph_series_t  *s, *list[3];

    static const int64_t  steps[] = { 60, 120, 60 };

    n = 0;

    for (i = 0; i < 3; i++) {
        s = torus_graph_series(g, leaf, torus_str(i == 1 ? "a.b;c=d" : "a.b.c",
                                                  i == 1 ? 7 : 3 + i),
                               steps[i], i == 2 ? 7 : 0);
        if (s == NULL || s->n > 2000) {
            continue;
        }

        for (j = 0; j < s->n; j++) {
            s->values[j] = (j % 3 == 1) ? NAN : (double) j * 1.5 - 3;
        }

        if (i == 2 && (leaf->path.len & 1)) {
            s->values = NULL;
            s->type = TORUS_HISTOGRAM;
            s->typed = 1;
            s->rows = torus_arena_calloc(arena, s->n + 1,
                                         sizeof(torus_row_t));
            if (s->rows == NULL) {
                continue;
            }

            memset(&v, 0, sizeof(v));

            for (j = 0; j < s->n; j++) {
                torus_row_init(&s->rows[j], TORUS_HISTOGRAM);
                v.i = (int64_t) j;

                if (j % 4 != 0) {
                    (void) torus_row_add(&s->rows[j], arena, &v, 3);
                }
            }
        }

        list[n++] = s;
    }

    return torus_graph_supply(g, leaf, list, n, err);
}


static int
answer(torus_graph_t *g, int64_t budget, torus_buf_t *out,
    torus_error_t *err)
{
    int                     rc;
    size_t                  i, j, n;
    torus_graph_writer_t    w;
    torus_graph_series_t  **series;

    do {
        rc = torus_graph_limit_points(g, 4, budget, err);
    } while (rc == TORUS_AGAIN);

    if (rc != TORUS_OK) {
        return rc;
    }

    series = torus_graph_answers(g, &n);

    for (i = 0; i < n; i++) {
        must(series[i]->step > 0, "a step");
        must(series[i]->values != NULL, "values");

        for (j = 0; j < series[i]->n; j++) {
            /* read each of them */
            must(series[i]->values[j] == series[i]->values[j]
                 || isnan(series[i]->values[j]), "a number");
        }
    }

    memset(&w, 0, sizeof(w));

    for (w.format = TORUS_GRAPH_JSON; w.format <= TORUS_GRAPH_PICKLE;
         w.format++)
    {
        torus_graph_write_init(&w, series, n, out);

        while (torus_graph_write_some(&w, budget > 1 ? 1000 : 3)
               == TORUS_AGAIN)
        {
            /* void */
        }
    }

    return TORUS_OK;
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
