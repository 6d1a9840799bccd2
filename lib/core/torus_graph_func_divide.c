/*
 * Combine: series divided by others, and weighted by others.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


/* Of weightedAverage(): what is paired, multiplied and added up. */
typedef struct {
    torus_graph_groups_t      groups;
    torus_graph_list_t        products;
    torus_graph_mix_t         mix;
    torus_graph_series_t     *sums[2];
    unsigned                  phase;
    unsigned                  started:1;
    size_t                    i;
} torus_graph_weights_t;


static int torus_graph_divide(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_weighted(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_weighted_pairs(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_weights_t *w);
static int torus_graph_weighted_products(torus_graph_t *g,
    torus_graph_weights_t *w);
static int torus_graph_weighted_sum(torus_graph_t *g,
    torus_graph_weights_t *w, torus_graph_list_t *list,
    torus_graph_series_t **sum);
static int torus_graph_weighted_out(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_weights_t *w);
static int torus_graph_weighted_paths(torus_graph_t *g,
    torus_graph_list_t *list, torus_str_t *text);
static int torus_graph_product(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, torus_graph_series_t **out);
static int torus_graph_pair(torus_graph_t *g, torus_graph_series_t **a,
    torus_graph_series_t **b, torus_graph_series_t **out, size_t *pad_a,
    size_t *pad_b);


const torus_graph_func_t  torus_graph_divisions[] = {

    { "divideSeries", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_divide,
      P(P_NEED("dividendSeriesList", SERIES_LIST),
        P_NEED("divisorSeries", SERIES_LIST)),
      "Each series divided by one series." },

    { "weightedAverage", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_weighted,
      P(P_NEED("seriesListAvg", SERIES_LIST),
        P_NEED("seriesListWeight", SERIES_LIST),
        P_ALL("nodes", NODE_OR_TAG, 0)),
      "The mean of series weighted by others with the same nodes." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


static int
torus_graph_divide(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                    rc;
    size_t                *i, j;
    torus_graph_series_t  *s, *a, *b;

    if (f->lists[1].n > 1) {
        return torus_graph_fault(g, "what divideSeries() divides by has to be "
                                 "one series, not %zu", f->lists[1].n);
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1, sizeof(size_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (i = f->state; *i < f->lists[0].n; (*i)++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        a = f->lists[0].items[*i];

        if (f->lists[1].n == 0) {
            s = torus_graph_write(g, a);

            if (s == NULL
                || torus_graph_rename(g, s, "divideSeries(%.*s,MISSING)",
                                      torus_fmt(a->name)) != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            for (j = 0; j < s->n; j++) {
                s->values[j] = NAN;
            }

            torus_graph_work(g, s->n);

        } else {
            b = f->lists[1].items[0];

            rc = torus_graph_quotient(g, a, b, 1, &s);
            if (rc != TORUS_OK) {
                return rc;
            }

            if (torus_graph_rename(g, s, "divideSeries(%.*s,%.*s)",
                                   torus_fmt(a->name), torus_fmt(b->name))
                != TORUS_OK
                || torus_graph_own_name(g, s) != TORUS_OK)
            {
                return TORUS_ERROR;
            }
        }

        if (torus_graph_add(g, &f->out, s) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_weighted(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                     rc;
    torus_graph_weights_t  *w;

    if (f->lists[0].n != f->lists[1].n) {
        return torus_graph_fault(g, "weightedAverage() needs as many weights "
                                 "as series: %zu and %zu", f->lists[0].n,
                                 f->lists[1].n);
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_weights_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    w = f->state;
    rc = TORUS_OK;

    if (w->phase == 0) {
        rc = torus_graph_weighted_pairs(g, f, w);

    } else if (w->phase == 1) {
        rc = torus_graph_weighted_products(g, w);

    } else if (w->products.n == 0) {
        return TORUS_OK;

    } else if (w->phase == 2) {
        rc = torus_graph_weighted_sum(g, w, &w->products, &w->sums[0]);

    } else if (w->phase == 3) {
        rc = torus_graph_weighted_sum(g, w, &f->lists[1], &w->sums[1]);

    } else {
        return torus_graph_weighted_out(g, f, w);
    }

    if (rc == TORUS_OK) {
        w->phase++;
        w->i = 0;
        return TORUS_AGAIN;
    }

    return rc;
}


/* Of each key the last series counts, as in Graphite. */
static int
torus_graph_weighted_pairs(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_weights_t *w)
{
    size_t                    n;
    torus_str_t               key;
    torus_graph_group_by_t   *group;
    const torus_graph_arg_t  *nodes;

    nodes = &f->call->args[2];
    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;

    for ( /* void */ ; w->i < f->lists[0].n; w->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 128);

        if (torus_graph_key(g, f->lists[0].items[w->i], nodes, n, &key)
            != TORUS_OK
            || torus_graph_groups_get(g, &w->groups, key, &group)
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        group->list.items = &f->lists[0].items[w->i];
        group->list.n = 1;

        if (torus_graph_key(g, f->lists[1].items[w->i], nodes, n, &key)
            != TORUS_OK
            || torus_graph_groups_get(g, &w->groups, key, &group)
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        group->sum = f->lists[1].items[w->i];
    }

    return TORUS_OK;
}


static int
torus_graph_weighted_products(torus_graph_t *g, torus_graph_weights_t *w)
{
    int                            rc;
    torus_graph_series_t          *product;
    const torus_graph_group_by_t  *group;

    for ( /* void */ ; w->i < w->groups.n; w->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        group = &w->groups.groups[w->i];
        torus_graph_work(g, 10);

        if (group->list.n == 0 || group->sum == NULL) {
            continue;
        }

        rc = torus_graph_product(g, group->list.items[0], group->sum,
                                 &product);
        if (rc != TORUS_OK) {
            return rc;
        }

        torus_graph_work(g, product->n);

        if (torus_graph_add(g, &w->products, product) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_weighted_sum(torus_graph_t *g, torus_graph_weights_t *w,
    torus_graph_list_t *list, torus_graph_series_t **sum)
{
    int  rc;

    if (!w->started) {
        memset(&w->mix, 0, sizeof(torus_graph_mix_t));
        w->mix.xff = torus_graph_params(g)->xff;

        rc = torus_graph_mix_start(g, &w->mix, list, TORUS_GRAPH_SUM);
        if (rc != TORUS_OK) {
            return rc;
        }

        w->started = 1;
    }

    rc = torus_graph_mix_run(g, &w->mix, sum);

    if (rc == TORUS_OK) {
        w->started = 0;
    }

    return rc;
}


static int
torus_graph_weighted_out(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_weights_t *w)
{
    int                       rc;
    size_t                    i, n;
    torus_str_t               avg, weight, nodes;
    torus_graph_series_t     *out;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;

    rc = torus_graph_quotient(g, w->sums[0], w->sums[1], 1, &out);
    if (rc != TORUS_OK) {
        return rc;
    }

    nodes = torus_str("", 0);

    for (i = 0; i < n; i++) {
        if (torus_graph_text(g, &nodes, "%.*s%s%.*s", torus_fmt(nodes),
                             i == 0 ? "" : ",", torus_fmt(args[2 + i].text))
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    if (torus_graph_weighted_paths(g, &f->lists[0], &avg) != TORUS_OK
        || torus_graph_weighted_paths(g, &f->lists[1], &weight) != TORUS_OK
        || torus_graph_rename(g, out, "weightedAverage(%.*s, %.*s, %.*s)",
                              torus_fmt(avg), torus_fmt(weight),
                              torus_fmt(nodes)) != TORUS_OK
        || torus_graph_own_name(g, out) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_add(g, &f->out, out);
}


/* The distinct paths in order. */
static int
torus_graph_weighted_paths(torus_graph_t *g, torus_graph_list_t *list,
    torus_str_t *text)
{
    size_t        i, n;
    torus_str_t  *paths;

    paths = torus_arena_alloc(torus_graph_arena(g),
                              (list->n + 1) * sizeof(torus_str_t));
    if (paths == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < list->n; i++) {
        paths[i] = list->items[i]->path;
    }

    qsort(paths, list->n, sizeof(torus_str_t), torus_graph_text_cmp);

    *text = torus_str("", 0);
    n = 0;

    for (i = 0; i < list->n; i++) {

        if (i != 0 && torus_str_eq(paths[i], paths[i - 1])) {
            continue;
        }

        if (torus_graph_text(g, text, "%.*s%s%.*s", torus_fmt(*text),
                             n++ == 0 ? "" : ",", torus_fmt(paths[i]))
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


int
torus_graph_quotient(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, double factor, torus_graph_series_t **out)
{
    int                    rc;
    size_t                 i, pad_a, pad_b;
    torus_graph_series_t  *s;

    rc = torus_graph_pair(g, &a, &b, &s, &pad_a, &pad_b);
    if (rc != TORUS_OK) {
        return rc;
    }

    for (i = 0; i < s->n; i++) {

        if (i < pad_a || i >= pad_a + a->n || i < pad_b || i >= pad_b + b->n
            || isnan(a->values[i - pad_a]) || isnan(b->values[i - pad_b])
            || b->values[i - pad_b] == 0)
        {
            continue;
        }

        s->values[i] = a->values[i - pad_a] / b->values[i - pad_b];

        if (factor != 1) {
            s->values[i] *= factor;
        }
    }

    *out = s;

    return TORUS_OK;
}


/* a * b, likewise. */
static int
torus_graph_product(torus_graph_t *g, torus_graph_series_t *a,
    torus_graph_series_t *b, torus_graph_series_t **out)
{
    int                    rc;
    size_t                 i, pad_a, pad_b;
    torus_graph_series_t  *s;

    rc = torus_graph_pair(g, &a, &b, &s, &pad_a, &pad_b);
    if (rc != TORUS_OK) {
        return rc;
    }

    for (i = 0; i < s->n; i++) {

        if (i >= pad_a && i < pad_a + a->n && i >= pad_b && i < pad_b + b->n) {
            s->values[i] = a->values[i - pad_a] * b->values[i - pad_b];
        }
    }

    *out = s;

    return TORUS_OK;
}


/*
 * Puts both on one step and makes a series of nulls that is as long as the
 * two together; the pads are how many of its points come before theirs.
 */
static int
torus_graph_pair(torus_graph_t *g, torus_graph_series_t **a,
    torus_graph_series_t **b, torus_graph_series_t **out, size_t *pad_a,
    size_t *pad_b)
{
    int                    rc;
    size_t                 n;
    int64_t                start, end, step;
    torus_graph_list_t     list;
    torus_graph_series_t  *pair[2];

    pair[0] = *a;
    pair[1] = *b;
    list.items = pair;
    list.n = 2;
    list.size = 2;

    rc = torus_graph_normalize(g, &list, &start, &end, &step);
    if (rc != TORUS_OK) {
        return rc;
    }

    *a = list.items[0];
    *b = list.items[1];

    *pad_a = (size_t) (((*a)->start - start) / step);
    *pad_b = (size_t) (((*b)->start - start) / step);

    n = (*a)->n + *pad_a;
    n = (*b)->n + *pad_b > n ? (*b)->n + *pad_b : n;

    *out = torus_graph_make(g, torus_str("", 0), start, end, step, n);

    if (*out == NULL || torus_graph_values(g, *a) != TORUS_OK
        || torus_graph_values(g, *b) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    torus_graph_work(g, n);

    return TORUS_OK;
}
