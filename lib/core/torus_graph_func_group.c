/*
 * Combine: series with the same key become one.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


/* What a series has in common with the others of its group. */
typedef int (*torus_graph_key_pt)(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *one, torus_str_t *key);


static int torus_graph_group(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_group_by_node(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_nodes_key(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *one, torus_str_t *key);
static int torus_graph_with_wildcards(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_without(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *one, torus_str_t *key);
static int torus_graph_group_by_tags(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_tags_name(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s);
static int torus_graph_tags_key(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *one, torus_str_t *key);
static torus_graph_groups_t *torus_graph_groups(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_groups_fill(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_key_pt get);
static int torus_graph_groups_run(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s, torus_graph_fold_t fold, torus_str_t func,
    int merge);
static int torus_graph_groups_room(torus_graph_t *g,
    torus_graph_groups_t *s);


const torus_graph_func_t  torus_graph_grouping[] = {

    { "group", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,
      NULL, NULL, NULL, torus_graph_group,
      P(P_ALL("seriesLists", SERIES_LIST, 0)),
      "All series, one list behind the other." },

    { "groupByNode", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_group_by_node,
      P(P_SERIES, P_NEED("nodeNum", NODE_OR_TAG),
        P_MAY("callback", AGG, "average")),
      "Series with the same node put together by a function." },

    { "groupByNodes", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, 1, NULL, NULL,
      NULL, torus_graph_group_by_node,
      P(P_SERIES, P_NEED("callback", AGG), P_ALL("nodes", NODE_OR_TAG, 0)),
      "Series with the same nodes put together by a function." },

    { "groupByTags", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_group_by_tags,
      P(P_SERIES, P_NEED("callback", AGG),
        P_ALL("tags", TAG, TORUS_GRAPH_REQUIRED)),
      "Series with the same tags put together by a function." },

    { "sumSeriesWithWildcards", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS,
      TORUS_GRAPH_SUM, NULL, NULL, NULL, torus_graph_with_wildcards,
      P(P_SERIES, P_ALL("position", NODE, 0)),
      "Series that differ only in some nodes added up." },

    { "averageSeriesWithWildcards", TORUS_GRAPH_COMBINE, TORUS_GRAPH_ROWS,
      TORUS_GRAPH_AVERAGE, NULL, NULL, NULL, torus_graph_with_wildcards,
      P(P_SERIES, P_ALL("position", NODE, 0)),
      "The mean of series that differ only in some nodes." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


static int
torus_graph_group(torus_graph_t *g, torus_graph_frame_t *f)
{
    return torus_graph_gather(g, f, 0, &f->out);
}


/* variant 1: groupByNodes, the function comes first */
static int
torus_graph_group_by_node(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    torus_str_t               func;
    torus_graph_fold_t        fold;
    const torus_graph_arg_t  *callback;

    callback = &f->call->args[f->call->func->variant ? 1 : 2];

    fold = callback->set ? callback->fold : TORUS_GRAPH_AVERAGE;
    func = callback->set ? callback->text : torus_str("average", 7);

    rc = torus_graph_groups_fill(g, f, torus_graph_nodes_key);
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_graph_groups_run(g, f, f->state, fold, func, 1);
}


static int
torus_graph_nodes_key(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *one, torus_str_t *key)
{
    const torus_graph_call_t  *call;

    call = f->call;

    return call->func->variant
           ? torus_graph_key(g, one, &call->args[2], call->nargs - 2, key)
           : torus_graph_key(g, one, &call->args[1], 1, key);
}


/* variant: the fold */
static int
torus_graph_with_wildcards(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                 rc;
    torus_graph_fold_t  fold;

    fold = (torus_graph_fold_t) f->call->func->variant;

    rc = torus_graph_groups_fill(g, f, torus_graph_without);
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_graph_groups_run(g, f, f->state, fold,
                                  torus_graph_fold_name(fold), 1);
}


/* The name without the nodes at the positions. */
static int
torus_graph_without(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *one, torus_str_t *key)
{
    size_t          i, k, len, node, kept, start;
    torus_str_t     name;
    unsigned char  *p;

    name = one->name;

    p = torus_arena_alloc(torus_graph_arena(g), name.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    len = 0;
    node = 0;
    kept = 0;

    for (i = 0, start = 0; i <= name.len; i++) {

        if (i < name.len && name.data[i] != '.') {
            continue;
        }

        for (k = 1; k < f->call->nargs; k++) {
            if (f->call->args[k].set
                && f->call->args[k].number == (double) node)
            {
                break;
            }
        }

        if (k >= f->call->nargs) {

            /* a node may be empty */
            if (kept++ != 0) {
                p[len++] = '.';
            }

            memcpy(p + len, name.data + start, i - start);
            len += i - start;
        }

        start = i + 1;
        node++;
    }

    *key = torus_str(p, len);

    return TORUS_OK;
}


static int
torus_graph_group_by_tags(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    torus_graph_groups_t     *s;
    const torus_graph_arg_t  *callback;

    callback = &f->call->args[1];

    s = torus_graph_groups(g, f);
    if (s == NULL) {
        return TORUS_ERROR;
    }

    if (s->phase == 0) {
        rc = torus_graph_tags_name(g, f, s);
        if (rc != TORUS_OK) {
            return rc;
        }

        s->phase = 1;
        s->j = 0;
    }

    rc = torus_graph_groups_fill(g, f, torus_graph_tags_key);

    if (rc == TORUS_OK) {
        rc = torus_graph_groups_run(g, f, s, callback->fold, callback->text,
                                    1);
    }

    for ( /* void */ ; s->done < f->out.n; s->done++) {
        f->out.items[s->done]->path = f->out.items[s->done]->name;

        if (torus_graph_tags_of(g, f->out.items[s->done],
                                f->out.items[s->done]->name) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return rc;
}


/* What all have as their name, else the function's. */
static int
torus_graph_tags_name(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s)
{
    size_t       n;
    torus_str_t  one;

    n = torus_graph_some(g, s->j, f->lists[0].n, 4);

    for ( /* void */ ; s->j < n; s->j++) {
        one = torus_graph_tag_find(f->lists[0].items[s->j],
                                   torus_str("name", 4));

        if (s->j == 0) {
            s->name = one;

        } else if (!torus_str_eq(s->name, one)) {
            s->name = f->call->args[1].text;
            return TORUS_OK;
        }
    }

    return n < f->lists[0].n ? TORUS_AGAIN : TORUS_OK;
}


/* "name;tag=value;..", the tags in order */
static int
torus_graph_tags_key(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *one, torus_str_t *key)
{
    size_t                 i, n;
    torus_str_t            name, tag, *parts;
    torus_graph_groups_t  *s;

    s = f->state;
    name = s->name;
    n = 0;

    parts = torus_arena_alloc(torus_graph_arena(g),
                              f->call->nargs * sizeof(torus_str_t));
    if (parts == NULL) {
        return TORUS_ERROR;
    }

    for (i = 2; i < f->call->nargs; i++) {
        tag = f->call->args[i].text;

        if (torus_str_is(tag, "name")) {
            name = torus_graph_tag_find(one, tag);
            continue;
        }

        if (torus_graph_text(g, &parts[n++], "%.*s=%.*s", torus_fmt(tag),
                             torus_fmt(torus_graph_tag_find(one, tag)))
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    qsort(parts, n, sizeof(torus_str_t), torus_graph_text_cmp);

    *key = name;

    for (i = 0; i < n; i++) {
        if (torus_graph_text(g, key, "%.*s;%.*s", torus_fmt(*key),
                             torus_fmt(parts[i])) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* What a function holds from one call of it to the next. */
static torus_graph_groups_t *
torus_graph_groups(torus_graph_t *g, torus_graph_frame_t *f)
{
    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 1,
                                      sizeof(torus_graph_groups_t));
    }

    return f->state;
}


/* Each series to the group of its key. */
static int
torus_graph_groups_fill(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_key_pt get)
{
    torus_str_t              key;
    torus_graph_groups_t    *s;
    torus_graph_series_t    *one;
    torus_graph_group_by_t  *group;

    s = torus_graph_groups(g, f);
    if (s == NULL) {
        return TORUS_ERROR;
    }

    for ( /* void */ ; s->j < f->lists[0].n; s->j++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 64);
        one = f->lists[0].items[s->j];

        if (get(g, f, one, &key) != TORUS_OK
            || torus_graph_groups_get(g, s, key, &group) != TORUS_OK
            || torus_graph_add(g, &group->list, one) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* Group after group becomes one series that is called by its key. */
static int
torus_graph_groups_run(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_groups_t *s, torus_graph_fold_t fold, torus_str_t func,
    int merge)
{
    int                      rc;
    torus_graph_series_t    *one;
    torus_graph_group_by_t  *group;

    for ( /* void */ ; s->i < s->n; s->i++) {
        group = s->groups[s->i];

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        if (!s->started) {
            memset(&s->mix, 0, sizeof(torus_graph_mix_t));
            s->mix.xff = torus_graph_params(g)->xff;
            s->mix.merge = (merge != 0);
            s->mix.all = torus_str_is(func, "countSeries");

            rc = torus_graph_mix_start(g, &s->mix, &group->list, fold);
            if (rc != TORUS_OK) {
                return rc;
            }

            s->started = 1;
        }

        rc = torus_graph_mix_run(g, &s->mix, &one);

        /* "avg" is the name of a function of series, which has another */
        if (torus_str_is(func, "avg")) {
            func = torus_graph_fold_name(fold);
        }

        if (rc == TORUS_OK) {
            rc = torus_graph_mix_named(g, &s->mix, one, func);
        }

        if (rc != TORUS_OK) {
            return rc;
        }

        s->started = 0;
        torus_graph_work(g, TORUS_GRAPH_SERIES);

        if (torus_graph_add(g, &f->out, one) != TORUS_OK
            || (s->mix.all && torus_graph_own_name(g, one) != TORUS_OK))
        {
            return TORUS_ERROR;
        }

        one->name = group->key;
    }

    return TORUS_OK;
}


int
torus_graph_groups_get(torus_graph_t *g, torus_graph_groups_t *s,
    torus_str_t key, torus_graph_group_by_t **group)
{
    size_t                   i;
    uint64_t                 hash;
    torus_graph_group_by_t  *one;

    if (s->n * 2 >= s->size && torus_graph_groups_room(g, s) != TORUS_OK) {
        return TORUS_ERROR;
    }

    hash = torus_hash(key.data, key.len, 0);
    i = (size_t) hash & (s->size - 1);

    for ( /* void */ ; s->table[i] != NULL; i = (i + 1) & (s->size - 1)) {

        if (torus_str_eq(s->table[i]->key, key)) {
            *group = s->table[i];
            return TORUS_OK;
        }
    }

    one = torus_arena_calloc(torus_graph_arena(g), 1,
                             sizeof(torus_graph_group_by_t));
    if (one == NULL) {
        return TORUS_ERROR;
    }

    one->key = key;
    one->hash = hash;

    s->groups[s->n++] = one;
    s->table[i] = one;
    *group = one;

    return TORUS_OK;
}


static int
torus_graph_groups_room(torus_graph_t *g, torus_graph_groups_t *s)
{
    size_t                    i, j, size;
    torus_graph_group_by_t  **table, **groups;

    size = s->size == 0 ? 16 : s->size * 2;

    table = torus_arena_calloc(torus_graph_arena(g), size,
                               sizeof(torus_graph_group_by_t *));
    groups = torus_arena_alloc(torus_graph_arena(g), size / 2
                               * sizeof(torus_graph_group_by_t *));

    if (table == NULL || groups == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < s->n; i++) {
        groups[i] = s->groups[i];
        j = (size_t) groups[i]->hash & (size - 1);

        while (table[j] != NULL) {
            j = (j + 1) & (size - 1);
        }

        table[j] = groups[i];
    }

    torus_graph_work(g, s->n);

    s->table = table;
    s->groups = groups;
    s->size = size;

    return TORUS_OK;
}
