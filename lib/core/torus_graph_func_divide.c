/*
 * Combine: series divided by others, and weighted by others.
 */

#include "torus_graph_func.h"


typedef struct {
    size_t                    i;         /* series at work */
    torus_graph_pair_t        pair;
} torus_graph_division_t;


/* Of weightedAverage(): what is paired, multiplied and added up. */
typedef struct {
    torus_graph_groups_t      groups;
    torus_graph_list_t        products;
    torus_graph_mix_t         mix;
    torus_graph_series_t     *sums[2];
    torus_graph_pair_t        pair;
    torus_graph_paths_t       paths;
    torus_str_t               texts[2];
    unsigned                  phase;
    unsigned                  started:1;
    size_t                    i;
} torus_graph_weights_t;


static int torus_graph_divide(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_divide_none(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
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
    torus_graph_frame_t *f, torus_graph_weights_t *w);
static int torus_graph_product(torus_graph_t *g, torus_graph_pair_t *pair,
    torus_graph_series_t *a, torus_graph_series_t *b,
    torus_graph_series_t **out);
static int torus_graph_pair_done(torus_graph_pair_t *pair, size_t n,
    torus_graph_series_t **out);
static double torus_graph_pair_value(const torus_graph_pair_t *pair,
    size_t k);
static int torus_graph_pair(torus_graph_t *g, torus_graph_pair_t *pair,
    torus_graph_series_t *a, torus_graph_series_t *b);
static int torus_graph_pair_out(torus_graph_t *g, torus_graph_pair_t *pair);


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
    int                      rc;
    torus_graph_series_t    *s, *a, *b;
    torus_graph_division_t  *d;

    if (f->lists[1].n > 1) {
        return torus_graph_fault(g, "divideSeries() takes as its argument "
                                 "\"divisorSeries\" one series, not %zu",
                                 f->lists[1].n);
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_division_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (d = f->state; d->i < f->lists[0].n; d->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        a = f->lists[0].items[d->i];

        if (f->lists[1].n == 0) {
            rc = torus_graph_divide_none(g, f, a, &s);

        } else {
            b = f->lists[1].items[0];
            rc = torus_graph_quotient(g, &d->pair, a, b, 1, &s);

            if (rc == TORUS_OK
                && (torus_graph_rename(g, s, "divideSeries(%.*s,%.*s)",
                                       torus_fmt(a->name), torus_fmt(b->name))
                    != TORUS_OK
                    || torus_graph_own_name(g, s) != TORUS_OK))
            {
                return TORUS_ERROR;
            }
        }

        if (rc != TORUS_OK) {
            return rc;
        }

        if (torus_graph_add(g, &f->out, s) != TORUS_OK) {
            return TORUS_ERROR;
        }

        memset(&f->place, 0, sizeof(torus_graph_place_t));
        torus_graph_work(g, TORUS_GRAPH_SERIES);
    }

    return TORUS_OK;
}


static int
torus_graph_divide_none(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    size_t                n;
    torus_str_t           name;
    torus_graph_place_t  *p;

    p = &f->place;
    name = s->name;

    if (p->to == NULL) {
        rc = torus_graph_write(g, s, p);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (torus_graph_rename(g, p->to, "divideSeries(%.*s,MISSING)",
                               torus_fmt(name)) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, s->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        p->to->values[p->i] = NAN;
    }

    *out = p->to;

    return n < s->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_weighted(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                     rc;
    torus_graph_weights_t  *w;

    if (f->lists[0].n != f->lists[1].n) {
        return torus_graph_fault(g, "weightedAverage() takes as many series in "
                                 "its argument \"seriesListWeight\" as in "
                                 "\"seriesListAvg\", %zu, not %zu",
                                 f->lists[0].n, f->lists[1].n);
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

    } else if (w->phase == 4) {
        rc = torus_graph_weighted_paths(g, f, w);

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

        group = w->groups.groups[w->i];

        if (group->list.n == 0 || group->sum == NULL) {
            torus_graph_work(g, 1);
            continue;
        }

        rc = torus_graph_product(g, &w->pair, group->list.items[0],
                                 group->sum, &product);
        if (rc != TORUS_OK) {
            return rc;
        }

        torus_graph_work(g, TORUS_GRAPH_SERIES);

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
    torus_str_t               nodes;
    torus_graph_series_t     *out;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;

    rc = torus_graph_quotient(g, &w->pair, w->sums[0], w->sums[1], 1, &out);
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

    if (torus_graph_rename(g, out, "weightedAverage(%.*s, %.*s, %.*s)",
                           torus_fmt(w->texts[0]), torus_fmt(w->texts[1]),
                           torus_fmt(nodes)) != TORUS_OK
        || torus_graph_own_name(g, out) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_add(g, &f->out, out);
}


/* The distinct paths of both lists, in order. */
static int
torus_graph_weighted_paths(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_weights_t *w)
{
    int  rc;

    for ( /* void */ ; w->i < 2; w->i++) {

        rc = torus_graph_paths(g, &w->paths, &f->lists[w->i], 1,
                               &w->texts[w->i]);
        if (rc != TORUS_OK) {
            return rc;
        }

        memset(&w->paths, 0, sizeof(torus_graph_paths_t));
    }

    return TORUS_OK;
}


int
torus_graph_quotient(torus_graph_t *g, torus_graph_pair_t *pair,
    torus_graph_series_t *a, torus_graph_series_t *b, double factor,
    torus_graph_series_t **out)
{
    int     rc;
    double  x, y, *value;
    size_t  n;

    rc = torus_graph_pair(g, pair, a, b);
    if (rc != TORUS_OK) {
        return rc;
    }

    n = torus_graph_some(g, pair->i, pair->out->n, 2);

    for ( /* void */ ; pair->i < n; pair->i++) {
        x = torus_graph_pair_value(pair, 0);
        y = torus_graph_pair_value(pair, 1);
        value = &pair->out->values[pair->i];

        if (isnan(x) || isnan(y) || y == 0) {
            *value = NAN;
            continue;
        }

        *value = x / y;

        if (factor != 1) {
            *value *= factor;
        }
    }

    return torus_graph_pair_done(pair, n, out);
}


/* a * b, likewise. */
static int
torus_graph_product(torus_graph_t *g, torus_graph_pair_t *pair,
    torus_graph_series_t *a, torus_graph_series_t *b,
    torus_graph_series_t **out)
{
    int     rc;
    size_t  n;

    rc = torus_graph_pair(g, pair, a, b);
    if (rc != TORUS_OK) {
        return rc;
    }

    n = torus_graph_some(g, pair->i, pair->out->n, 2);

    for ( /* void */ ; pair->i < n; pair->i++) {
        pair->out->values[pair->i] = torus_graph_pair_value(pair, 0)
                                     * torus_graph_pair_value(pair, 1);
    }

    return torus_graph_pair_done(pair, n, out);
}


static int
torus_graph_pair_done(torus_graph_pair_t *pair, size_t n,
    torus_graph_series_t **out)
{
    if (n < pair->out->n) {
        return TORUS_AGAIN;
    }

    *out = pair->out;
    memset(pair, 0, sizeof(torus_graph_pair_t));

    return TORUS_OK;
}


/* Of the one or the other at the place that it is at; null outside it. */
static double
torus_graph_pair_value(const torus_graph_pair_t *pair, size_t k)
{
    size_t  i;

    i = pair->i - pair->pad[k];

    return (pair->i >= pair->pad[k] && i < pair->in[k]->n)
           ? pair->in[k]->values[i] : NAN;
}


/*
 * Puts both on one step and makes a series that is as long as the two
 * together; the pads are how many of its points come before theirs.
 */
static int
torus_graph_pair(torus_graph_t *g, torus_graph_pair_t *pair,
    torus_graph_series_t *a, torus_graph_series_t *b)
{
    int                    rc;
    size_t                 k;
    torus_graph_series_t  *s;

    if (pair->phase == 0) {
        pair->in[0] = a;
        pair->in[1] = b;
        pair->step = a->step;
        pair->phase = 1;

        rc = torus_graph_common_step(g, &pair->step, b->step);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    for ( /* void */ ; pair->phase <= 2; pair->phase++) {
        s = pair->in[pair->phase - 1];
        k = s->step == pair->step ? 1 : (size_t) (pair->step / s->step);

        rc = torus_graph_consolidate(g, &pair->thin, s, k, &s);
        if (rc != TORUS_OK) {
            return rc;
        }

        /* now it is on the step, and found as it is when called again */
        pair->in[pair->phase - 1] = s;

        rc = torus_graph_values(g, s);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return pair->out != NULL ? TORUS_OK : torus_graph_pair_out(g, pair);
}


static int
torus_graph_pair_out(torus_graph_t *g, torus_graph_pair_t *pair)
{
    size_t                       k, n;
    int64_t                      start, end;
    const torus_graph_series_t  *a, *b;

    a = pair->in[0];
    b = pair->in[1];
    n = 0;

    start = a->start < b->start ? a->start : b->start;
    end = a->end > b->end ? a->end : b->end;
    end -= (end - start) % pair->step;

    for (k = 0; k < 2; k++) {
        pair->pad[k] = (size_t) ((pair->in[k]->start - start) / pair->step);

        if (pair->pad[k] + pair->in[k]->n > n) {
            n = pair->pad[k] + pair->in[k]->n;
        }
    }

    pair->out = torus_graph_make(g, torus_str("", 0), start, end, pair->step,
                                 n);

    return pair->out != NULL ? TORUS_OK : TORUS_ERROR;
}
