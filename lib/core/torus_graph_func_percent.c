/*
 * Combine: series as percentages of their sum, of others, or of a number.
 */

#include "torus_graph_func.h"


/* Two lists to be put in order, then pair after pair. */
typedef struct {
    torus_sort_t              sort;
    torus_graph_series_t    **spare;
    unsigned                  list;      /* that is put in order */
    unsigned                  sorting:1;
    size_t                    i;
    torus_graph_pair_t        pair;
} torus_graph_pairs_t;


/* What is done next. */
enum {
    TORUS_GRAPH_PERCENT_KEYS = 0,
    TORUS_GRAPH_PERCENT_NAMES,
    TORUS_GRAPH_PERCENT_TOTALS,
    TORUS_GRAPH_PERCENT_SERIES
};


static int torus_graph_as_percent(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_percent_keys(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s);
static int torus_graph_percent_key(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s, size_t i);
static int torus_graph_percent_names(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_groups_t *s);
static int torus_graph_percent_totals(torus_graph_t *g,
    torus_graph_groups_t *s);
static int torus_graph_percent_series(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_groups_t *s);
static int torus_graph_percent_one(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_pair_t *pair, torus_graph_series_t *s,
    torus_graph_series_t *total, torus_str_t name);
static int torus_graph_percent_none(torus_graph_t *g, torus_graph_frame_t *f,
    const torus_graph_series_t *like, torus_graph_series_t **out);
static int torus_graph_percent_pairs(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_percent_order(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_pairs_t *p);
static int torus_graph_percent_number(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_series_t *s,
    torus_graph_series_t **out);
static int torus_graph_percent_numbers(torus_graph_t *g,
    torus_graph_frame_t *f);


const torus_graph_func_t  torus_graph_percents[] = {

    { "asPercent", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_as_percent,
      P(P_SERIES, P_MAY("total", ANY, NULL), P_ALL("nodes", NODE_OR_TAG, 0)),
      "Each series as a percentage of their sum, of another series, of as "
      "many others, or of a number." },

    { "pct", TORUS_GRAPH_COMBINE, 0, 0, NULL, NULL, NULL,
      torus_graph_as_percent,
      P(P_SERIES, P_MAY("total", ANY, NULL), P_ALL("nodes", NODE_OR_TAG, 0)),
      "Short for asPercent." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


/*
 * What divides a series is the total of its group; without nodes there is
 * one group, of all.
 */
static int
torus_graph_as_percent(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    torus_graph_groups_t     *s;
    const torus_graph_arg_t  *total;

    total = &f->call->args[1];

    /* totals alone are none, not even by nodes */
    if (f->lists[0].n == 0) {
        return TORUS_OK;
    }

    if (total->set && total->node == NULL) {
        return torus_graph_percent_numbers(g, f);
    }

    if (total->node != NULL && f->call->nargs < 3) {

        if (f->lists[1].n != 1 && f->lists[1].n != f->lists[0].n) {
            return torus_graph_fault(g, "asPercent() takes one series as its "
                                     "argument \"total\", or as many as the "
                                     "%zu that there are, not %zu",
                                     f->lists[0].n, f->lists[1].n);
        }

        if (f->lists[1].n == f->lists[0].n) {
            return torus_graph_percent_pairs(g, f);
        }
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_groups_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (s = f->state; s->phase <= TORUS_GRAPH_PERCENT_SERIES; s->phase++) {

        switch (s->phase) {

        case TORUS_GRAPH_PERCENT_KEYS:
            rc = torus_graph_percent_keys(g, f, s);
            break;

        case TORUS_GRAPH_PERCENT_NAMES:
            rc = torus_graph_percent_names(g, f, s);
            break;

        case TORUS_GRAPH_PERCENT_TOTALS:
            rc = torus_graph_percent_totals(g, s);
            break;

        default:
            rc = torus_graph_percent_series(g, f, s);
        }

        if (rc != TORUS_OK) {
            return rc;
        }

        s->i = 0;
        s->j = 0;
    }

    return TORUS_OK;
}


/*
 * Groups in the order of the series, and of what else is in the totals: the
 * first list, the second, and once more that of the two that is added up.
 */
static int
torus_graph_percent_keys(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s)
{
    const torus_graph_list_t  *list;

    for ( /* void */ ; s->i < 3; s->i++, s->j = 0) {

        list = (s->i == 2) ? &f->lists[f->call->args[1].node != NULL]
                           : &f->lists[s->i];

        for ( /* void */ ; s->j < list->n; s->j++) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            torus_graph_work(g, 64);

            if (torus_graph_percent_key(g, f, s, s->i) != TORUS_OK) {
                return TORUS_ERROR;
            }
        }
    }

    return TORUS_OK;
}


static int
torus_graph_percent_key(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s, size_t i)
{
    size_t                   n, k;
    torus_str_t              key;
    torus_graph_series_t    *one;
    torus_graph_group_by_t  *group;

    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;
    k = (i == 2) ? (f->call->args[1].node != NULL) : i;
    one = f->lists[k].items[s->j];

    if (torus_graph_key(g, one, &f->call->args[2], n, &key) != TORUS_OK
        || torus_graph_groups_get(g, s, key, &group) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if (i == 0) {
        return torus_graph_add(g, &group->list, one);
    }

    return (i == 2) ? torus_graph_add(g, &group->parts, one) : TORUS_OK;
}


static int
torus_graph_percent_names(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s)
{
    int                      rc;
    torus_str_t              paths;
    torus_graph_group_by_t  *group;

    for ( /* void */ ; s->i < s->n; s->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, TORUS_GRAPH_SERIES);

        group = s->groups[s->i];
        group->sum_name = torus_str("MISSING", 7);

        /* one series is no sum, unless it is the whole list */
        if (group->parts.n == 1
            && (f->call->nargs > 2 || f->call->args[1].node != NULL))
        {
            group->sum = group->parts.items[0];
            group->sum_name = group->sum->name;
            group->parts.n = 0;
        }

        if (group->parts.n == 0) {
            continue;
        }

        rc = torus_graph_paths(g, &s->paths, &group->parts, 0, &paths);
        if (rc != TORUS_OK) {
            return rc;
        }

        memset(&s->paths, 0, sizeof(torus_graph_paths_t));

        if (torus_graph_text(g, &group->sum_name, "sumSeries(%.*s)",
                             torus_fmt(paths)) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_percent_totals(torus_graph_t *g, torus_graph_groups_t *s)
{
    int  rc;

    for ( /* void */ ; s->i < s->n; s->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        if (s->groups[s->i]->parts.n == 0) {
            torus_graph_work(g, 1);
            continue;
        }

        if (!s->started) {
            memset(&s->mix, 0, sizeof(torus_graph_mix_t));
            s->mix.raw = 1;

            rc = torus_graph_mix_start(g, &s->mix, &s->groups[s->i]->parts,
                                       TORUS_GRAPH_SUM);
            if (rc != TORUS_OK) {
                return rc;
            }

            s->started = 1;
        }

        rc = torus_graph_mix_run(g, &s->mix, &s->groups[s->i]->sum);
        if (rc != TORUS_OK) {
            return rc;
        }

        s->started = 0;
        torus_graph_work(g, TORUS_GRAPH_SERIES);
    }

    return TORUS_OK;
}


static int
torus_graph_percent_series(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s)
{
    int                      rc;
    size_t                   n;
    torus_graph_group_by_t  *group;

    for ( /* void */ ; s->i < s->n; s->i++, s->j = 0) {
        group = s->groups[s->i];
        n = group->list.n;

        /* a total of nothing is an answer as well */

        for ( /* void */ ; s->j < (n == 0 ? 1 : n); s->j++) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            rc = torus_graph_percent_one(g, f, &s->pair,
                                         n == 0 ? NULL
                                                : group->list.items[s->j],
                                         group->sum, group->sum_name);
            if (rc != TORUS_OK) {
                return rc;
            }
        }
    }

    return TORUS_OK;
}


/* s or total may be NULL, but not both. */
static int
torus_graph_percent_one(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_pair_t *pair, torus_graph_series_t *s,
    torus_graph_series_t *total, torus_str_t name)
{
    int                    rc;
    torus_str_t            of;
    torus_graph_series_t  *out;

    of = (s == NULL) ? torus_str("MISSING", 7) : s->name;

    if (s == NULL || total == NULL) {
        rc = torus_graph_percent_none(g, f, s == NULL ? total : s, &out);

    } else {
        rc = torus_graph_quotient(g, pair, s, total, 100, &out);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    if (torus_graph_rename(g, out, "asPercent(%.*s,%.*s)", torus_fmt(of),
                           torus_fmt(name)) != TORUS_OK
        || torus_graph_own_name(g, out) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    torus_graph_work(g, TORUS_GRAPH_SERIES);

    return torus_graph_add(g, &f->out, out);
}


/* Nulls only. */
static int
torus_graph_percent_none(torus_graph_t *g, torus_graph_frame_t *f,
    const torus_graph_series_t *like, torus_graph_series_t **out)
{
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;

    if (p->to == NULL) {
        p->to = torus_graph_make(g, torus_str("", 0), like->start, like->end,
                                 like->step, like->n);
        if (p->to == NULL) {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, like->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        p->to->values[p->i] = NAN;
    }

    if (n < like->n) {
        return TORUS_AGAIN;
    }

    *out = p->to;
    memset(p, 0, sizeof(torus_graph_place_t));

    return TORUS_OK;
}


/* As many totals: in the order of their names each has its own. */
static int
torus_graph_percent_pairs(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                    rc;
    torus_graph_pairs_t   *p;
    torus_graph_series_t  *total;

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_pairs_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    p = f->state;

    rc = torus_graph_percent_order(g, f, p);
    if (rc != TORUS_OK) {
        return rc;
    }

    for ( /* void */ ; p->i < f->lists[0].n; p->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        total = f->lists[1].items[p->i];

        rc = torus_graph_percent_one(g, f, &p->pair, f->lists[0].items[p->i],
                                     total, total->name);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_percent_order(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_pairs_t *p)
{
    int     rc;
    size_t  n;

    n = f->lists[0].n;

    if (p->spare == NULL) {
        p->spare = torus_arena_alloc(torus_graph_arena(g),
                                     n * sizeof(torus_graph_series_t *));
        if (p->spare == NULL) {
            return TORUS_ERROR;
        }
    }

    for ( /* void */ ; p->list < 2; p->list++) {

        if (!p->sorting) {
            torus_sort_start(&p->sort, f->lists[p->list].items, p->spare, n,
                             sizeof(torus_graph_series_t *),
                             torus_graph_by_name);
            p->sorting = 1;
        }

        rc = torus_graph_sorted(g, &p->sort);
        if (rc != TORUS_OK) {
            return rc;
        }

        p->sorting = 0;
    }

    return TORUS_OK;
}


static int
torus_graph_percent_numbers(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                    rc;
    size_t                *i;
    torus_graph_series_t  *out;

    if (f->call->nargs > 2) {
        return torus_graph_wrong(g, f->call, 1, "a path or a function where "
                                 "there are nodes");
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

        rc = torus_graph_percent_number(g, f, f->lists[0].items[*i], &out);
        if (rc != TORUS_OK) {
            return rc;
        }

        memset(&f->place, 0, sizeof(torus_graph_place_t));
        torus_graph_work(g, TORUS_GRAPH_SERIES);

        if (torus_graph_add(g, &f->out, out) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_percent_number(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    d;
    size_t                    n;
    torus_str_t               text;
    torus_graph_g_t           repr;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *total;

    p = &f->place;
    total = &f->call->args[1];
    d = total->number;

    if (p->to == NULL) {
        repr = torus_graph_repr(d);
        text = total->integer ? total->text
                              : torus_str(repr.text, strlen(repr.text));

        p->to = torus_graph_make(g, torus_str("", 0), s->start, s->end,
                                 s->step, s->n);

        if (p->to == NULL
            || torus_graph_rename(g, p->to, "asPercent(%.*s,%.*s)",
                                  torus_fmt(s->name), torus_fmt(text))
               != TORUS_OK
            || torus_graph_own_name(g, p->to) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, s->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        p->to->values[p->i] = (d == 0) ? NAN : s->values[p->i] / d * 100;
    }

    *out = p->to;

    return n < s->n ? TORUS_AGAIN : TORUS_OK;
}
