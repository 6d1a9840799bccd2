/*
 * Combine: series as percentages of their sum, of others, or of a number.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


static int torus_graph_as_percent(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_percent_groups(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_groups_t *s);
static int torus_graph_percent_totals(torus_graph_t *g,
    torus_graph_groups_t *s);
static int torus_graph_percent_pairs(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_percent_one(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t *total, torus_str_t name);
static int torus_graph_percent_number(torus_graph_t *g,
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
    torus_graph_group_by_t   *group;
    const torus_graph_arg_t  *total;

    total = &f->call->args[1];

    /* totals alone are none, not even by nodes */
    if (f->lists[0].n == 0) {
        return TORUS_OK;
    }

    if (total->set && total->node == NULL) {
        return torus_graph_percent_number(g, f);
    }

    if (total->node != NULL && f->call->nargs < 3) {

        if (f->lists[1].n != 1 && f->lists[1].n != f->lists[0].n) {
            return torus_graph_fault(g, "what asPercent() takes percentages "
                                     "of has to be one series, or as many as "
                                     "the %zu that there are, not %zu",
                                     f->lists[0].n, f->lists[1].n);
        }

        if (f->lists[1].n == f->lists[0].n) {
            return torus_graph_percent_pairs(g, f);
        }
    }

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_groups_t));

        if (f->state == NULL
            || torus_graph_percent_groups(g, f, f->state) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    s = f->state;

    if (s->phase == 0) {
        rc = torus_graph_percent_totals(g, s);
        if (rc != TORUS_OK) {
            return rc;
        }

        s->phase = 1;
        s->i = 0;
        s->j = 0;
    }

    for ( /* void */ ; s->i < s->n; s->i++, s->j = 0) {
        group = &s->groups[s->i];

        if (group->list.n == 0) {
            rc = torus_graph_percent_one(g, f, NULL, group->sum,
                                         group->sum_name);
            if (rc != TORUS_OK) {
                return rc;
            }
        }

        for ( /* void */ ; s->j < group->list.n; s->j++) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            rc = torus_graph_percent_one(g, f, group->list.items[s->j],
                                         group->sum, group->sum_name);
            if (rc != TORUS_OK) {
                return rc;
            }
        }
    }

    return TORUS_OK;
}


/* In the order of the series, and of what else is in the totals. */
static int
torus_graph_percent_groups(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s)
{
    size_t                   i, k, n;
    torus_str_t              key;
    torus_graph_series_t    *one;
    torus_graph_group_by_t  *group;

    n = f->call->nargs > 2 ? f->call->nargs - 2 : 0;

    for (k = 0; k < 2; k++) {

        for (i = 0; i < f->lists[k].n; i++) {
            one = f->lists[k].items[i];

            if (torus_graph_key(g, one, &f->call->args[2], n, &key)
                != TORUS_OK
                || torus_graph_groups_get(g, s, key, &group) != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            if (k == 0 && torus_graph_add(g, &group->list, one) != TORUS_OK) {
                return TORUS_ERROR;
            }
        }
    }

    k = (f->call->args[1].node != NULL) ? 1 : 0;

    for (i = 0; i < f->lists[k].n; i++) {
        one = f->lists[k].items[i];

        if (torus_graph_key(g, one, &f->call->args[2], n, &key) != TORUS_OK
            || torus_graph_groups_get(g, s, key, &group) != TORUS_OK
            || torus_graph_add(g, &group->parts, one) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    for (i = 0; i < s->n; i++) {
        group = &s->groups[i];
        group->sum_name = torus_str("MISSING", 7);

        /* one series is no sum, unless it is the whole list */
        if (group->parts.n == 1 && (n != 0 || k == 1)) {
            group->sum = group->parts.items[0];
            group->sum_name = group->sum->name;
            group->parts.n = 0;
        }

        if (group->parts.n == 0) {
            continue;
        }

        if (torus_graph_paths(g, &group->parts, &key) != TORUS_OK
            || torus_graph_text(g, &group->sum_name, "sumSeries(%.*s)",
                                torus_fmt(key)) != TORUS_OK)
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

        if (s->groups[s->i].parts.n == 0) {
            continue;
        }

        if (!s->started) {
            memset(&s->mix, 0, sizeof(torus_graph_mix_t));
            s->mix.raw = 1;

            rc = torus_graph_mix_start(g, &s->mix, &s->groups[s->i].parts,
                                       TORUS_GRAPH_SUM);
            if (rc != TORUS_OK) {
                return rc;
            }

            s->started = 1;
        }

        rc = torus_graph_mix_run(g, &s->mix, &s->groups[s->i].sum);
        if (rc != TORUS_OK) {
            return rc;
        }

        s->started = 0;
    }

    return TORUS_OK;
}


/* s or total may be NULL, but not both. */
static int
torus_graph_percent_one(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t *total, torus_str_t name)
{
    int                    rc;
    torus_str_t            of;
    torus_graph_series_t  *out, *like;

    of = (s == NULL) ? torus_str("MISSING", 7) : s->name;

    if (s == NULL || total == NULL) {
        like = (s == NULL) ? total : s;
        out = torus_graph_make(g, torus_str("", 0), like->start, like->end,
                               like->step, like->n);
        if (out == NULL) {
            return TORUS_ERROR;
        }

    } else {
        rc = torus_graph_quotient(g, s, total, 100, &out);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (torus_graph_rename(g, out, "asPercent(%.*s,%.*s)", torus_fmt(of),
                           torus_fmt(name)) != TORUS_OK
        || torus_graph_own_name(g, out) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_add(g, &f->out, out);
}


static int
torus_graph_percent_pairs(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                     rc;
    size_t                 *i, n;
    torus_graph_series_t   *total, **items;

    n = f->lists[0].n;

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1, sizeof(size_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }

        qsort(f->lists[0].items, n, sizeof(items[0]), torus_graph_by_name);
        qsort(f->lists[1].items, n, sizeof(items[0]), torus_graph_by_name);
    }

    for (i = f->state; *i < n; (*i)++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        total = f->lists[1].items[*i];

        rc = torus_graph_percent_one(g, f, f->lists[0].items[*i], total,
                                     total->name);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_percent_number(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                   *i, j;
    torus_str_t               text;
    torus_graph_g_t           repr;
    torus_graph_series_t     *s, *out;
    const torus_graph_arg_t  *total;

    total = &f->call->args[1];

    if (total->string || f->call->nargs > 2) {
        return torus_graph_fault(g, "what asPercent() takes percentages of "
                                 "has to be a series or a number");
    }

    repr = torus_graph_repr(total->number);
    text = total->integer ? total->text
                          : torus_str(repr.text, strlen(repr.text));

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

        s = f->lists[0].items[*i];

        out = torus_graph_make(g, torus_str("", 0), s->start, s->end, s->step,
                               s->n);

        if (out == NULL
            || torus_graph_rename(g, out, "asPercent(%.*s,%.*s)",
                                  torus_fmt(s->name), torus_fmt(text))
               != TORUS_OK
            || torus_graph_own_name(g, out) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        for (j = 0; j < s->n && total->number != 0; j++) {
            out->values[j] = s->values[j] / total->number * 100;
        }

        torus_graph_work(g, s->n);

        if (torus_graph_add(g, &f->out, out) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}
