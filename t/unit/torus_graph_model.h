/*
 * Series for tests of /render, without a server: what the examples of
 * Graphite's contract have, over ten minutes up to 1699999980, and before
 * and behind that a sawtooth.  A request is written as its raw answer.
 *
 *   s.a s.b          a point a minute
 *   s.c              a point every two
 *   s.d              nothing at all
 *   h.x h.y          histograms
 *   wide             a histogram of MODEL_WIDE values at each point
 *   t;dc=a;h=x ..    with tags
 */

#ifndef _TORUS_GRAPH_MODEL_H_INCLUDED_
#define _TORUS_GRAPH_MODEL_H_INCLUDED_


#include "torus_glob.h"
#include "torus_graph.h"
#include "torus_graph_format.h"
#include "torus_test.h"


#define MODEL_START  1699999440
#define MODEL_WIDE   2000

#define null  NAN


typedef struct {
    torus_graph_params_t   params;
    int64_t                budget;
    size_t                 max;        /* points, 0: as many as there are */
    torus_graph_format_t   format;

    /* results */
    int                    rc;
    unsigned               status;
    unsigned               rounds;     /* of fetching */
    unsigned               slices;
    size_t                 nleaves;
    torus_error_t          err;
    char                   text[65536];
    size_t                 len;
} model_t;


static const char *const  model_names[] = {
    "s.a", "s.b", "s.c", "s.d", "h.x", "h.y", "t;dc=a;h=x", "t;dc=a;h=y",
    "wide"
};

#define MODEL_NAMES  (sizeof(model_names) / sizeof(model_names[0]))

static const double  model_values[][10] = {
    { 1, 2, null, 4, 5, 6, 7, null, null, 10 },
    { 10, null, null, 40, 50, 60, 70, 80, 90, 100 },
    { 3, 6, 9, 12, 15 },
    { null, null, null, null, null, null, null, null, null, null },
    { 0 }, { 0 },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
    { 0, 2, 4, 6, 8, 10, 12, 14, 16, 18 }
};


static inline torus_str_t
model_z(const char *text)
{
    return torus_str(text, strlen(text));
}


static inline void
model_init(model_t *m)
{
    memset(m, 0, sizeof(model_t));

    m->params.span.from = MODEL_START - 60;
    m->params.span.until = MODEL_START + 540;
    m->params.now = m->params.span.until;
    m->budget = 1000000;
    m->format = TORUS_GRAPH_RAW;
}


/*
 * A histogram of point i: of "x" the values 1 .. 10 once and 100 in the last
 * point only, of "y" 1000 ten times in each odd point.
 */
static inline void
model_rows(torus_graph_series_t *s, torus_arena_t *arena, int kind)
{
    size_t         i;
    int64_t        k;
    torus_value_t  v;

    memset(&v, 0, sizeof(torus_value_t));
    v.kind = TORUS_VALUE_INT;

    s->type = TORUS_HISTOGRAM;
    s->typed = 1;
    s->values = NULL;
    s->rows = torus_arena_calloc(arena, s->n + 1, sizeof(torus_row_t));

    for (i = 0; i < s->n; i++) {
        torus_row_init(&s->rows[i], TORUS_HISTOGRAM);

        if (kind == 'y') {
            v.i = 1000;

            if (i % 2 != 0) {
                torus_row_add(&s->rows[i], arena, &v, 10);
            }

            continue;
        }

        for (k = 0; kind == 'd' && k < MODEL_WIDE; k++) {
            v.i = k;
            torus_row_add(&s->rows[i], arena, &v, 1);
        }

        if (kind == 'd') {
            continue;
        }

        for (k = 1; k <= 10; k++) {
            v.i = (i == s->n - 1) ? 100 : k;
            torus_row_add(&s->rows[i], arena, &v, 1);
        }
    }
}


static inline double
model_value(size_t name, int64_t t, int64_t step)
{
    int64_t  i;

    i = (t - MODEL_START) / step;

    if (name == 3) {
        return NAN;
    }

    if (t >= MODEL_START && i < (step == 120 ? 5 : 10)) {
        return model_values[name][i];
    }

    return (double) (t / step % (step == 120 ? 5 : 7));
}


static inline void
model_supply(model_t *m, torus_graph_t *g, torus_arena_t *arena,
    torus_graph_leaf_t *leaf)
{
    size_t                 i, j, n;
    int64_t                step;
    torus_glob_t          *glob;
    torus_graph_series_t  *s, *list[MODEL_NAMES];

    n = 0;

    if (torus_glob_compile(arena, leaf->path, &glob, &m->err) != TORUS_OK) {
        bail_out("a path is no glob: %s", m->err.text);
    }

    for (i = 0; i < MODEL_NAMES; i++) {

        if (!torus_glob_match(glob, model_z(model_names[i]))) {
            continue;
        }

        /* an interval of another name has another step */
        step = (i == 2 || leaf->interval.len != 0) ? 120 : 60;

        s = torus_graph_series(g, leaf, model_z(model_names[i]), step, 0);
        if (s == NULL) {
            continue;
        }

        if (model_names[i][0] == 'h' || model_names[i][0] == 'w') {
            model_rows(s, arena, model_names[i][2]);

        } else {
            for (j = 0; j < s->n; j++) {
                s->values[j] = model_value(i, s->start + (int64_t) j * step,
                                           step);
            }
        }

        list[n++] = s;
    }

    m->rc = torus_graph_supply(g, leaf, list, n, &m->err);
}


static inline void
model_answer(model_t *m, torus_graph_t *g)
{
    size_t                  n;
    torus_buf_t             b;
    torus_graph_series_t  **series;
    torus_graph_writer_t    w;

    do {
        m->rc = torus_graph_limit_points(g, m->max, m->budget, &m->err);
    } while (m->rc == TORUS_AGAIN);

    series = torus_graph_answers(g, &n);

    memset(&w, 0, sizeof(torus_graph_writer_t));
    w.format = m->format;

    torus_buf_init(&b, 0);
    torus_graph_write_init(&w, series, n, &b);

    while (torus_graph_write_some(&w, 7) == TORUS_AGAIN) { /* void */ }

    m->len = torus_buf_len(&b);

    if (m->len >= sizeof(m->text)) {
        bail_out("an answer is longer than a test expects");
    }

    if (m->len != 0) {
        memcpy(m->text, b.pos, m->len);
    }

    m->text[m->len] = '\0';

    torus_buf_free(&b);
}


/* Up to a NULL. */
static inline void
model_run(model_t *m, const char *const *targets)
{
    size_t                i, n;
    torus_arena_t        *arena;
    torus_graph_t        *g;
    torus_graph_leaf_t  **leaves;

    m->rounds = 0;
    m->slices = 0;
    m->status = 0;
    m->nleaves = 0;
    m->len = 0;
    m->text[0] = '\0';
    m->rc = TORUS_OK;

    arena = torus_arena_create(16384, 0);
    g = torus_graph_create(arena, &m->params);

    if (arena == NULL || g == NULL) {
        bail_out("out of memory");
    }

    for (i = 0; targets[i] != NULL && m->rc == TORUS_OK; i++) {
        m->rc = torus_graph_prepare(g, model_z(targets[i]), &m->err);
    }

    if (m->rc == TORUS_OK) {
        m->rc = TORUS_DECLINED;
    }

    while (m->rc == TORUS_DECLINED || m->rc == TORUS_AGAIN) {

        if (m->rc == TORUS_AGAIN) {
            m->slices++;

        } else {
            leaves = torus_graph_leaves(g, &n);
            m->rounds += (n != m->nleaves);
            m->nleaves = n;
            m->rc = TORUS_OK;

            for (i = 0; i < n && m->rc == TORUS_OK; i++) {
                if (!leaves[i]->supplied) {
                    model_supply(m, g, arena, leaves[i]);
                }
            }

            if (m->rc != TORUS_OK) {
                break;
            }
        }

        m->rc = torus_graph_eval(g, m->budget, &m->err);
    }

    if (m->rc == TORUS_OK) {
        model_answer(m, g);

    } else {
        m->status = torus_graph_status(g);
    }

    torus_arena_destroy(arena);
}


#endif /* _TORUS_GRAPH_MODEL_H_INCLUDED_ */
