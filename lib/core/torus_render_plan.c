/*
 * A pass of /render, from leaves to wants: globs are looked up in the index
 * of names, an interval is chosen for each name, and what is wanted of it is
 * noted with the read that it shares with others.
 */

#include "torus_render_state.h"
#include "torus_glob.h"


#define TORUS_RENDER_TABLE  64      /* slots, to begin with */
#define TORUS_RENDER_SHORT  1024    /* points of a series written ahead */


/* Which schema and interval answer a name. */
typedef struct {
    const torus_schema_t        *schema;
    const torus_interval_t      *interval;
    int64_t                      step;      /* of the resolution */
    int64_t                      since;     /* of the oldest bucket kept */
} torus_render_choice_t;


static void torus_render_kind(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_begin_queries(torus_render_t *r);
static int torus_render_query(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_hit(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t path);
static int torus_render_open(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_select(torus_render_t *r, torus_render_leaf_t *l);
static int torus_render_name(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t name);
static void torus_render_choose(torus_render_t *r,
    const torus_render_leaf_t *l, torus_str_t name,
    torus_render_choice_t *best);
static void torus_render_offer(torus_render_t *r,
    const torus_render_leaf_t *l, const torus_schema_t *schema,
    torus_render_choice_t *best);
static torus_render_read_t *torus_render_read(torus_render_t *r,
    torus_str_t name, const torus_render_choice_t *choice,
    const torus_graph_span_t *span);
static int torus_render_grow(torus_render_t *r);
static void torus_render_reduce(const torus_render_leaf_t *l,
    const torus_schema_t *schema, torus_graph_series_t *s);


/* The leaves that there were not in the last pass. */
int
torus_render_begin_pass(torus_render_t *r)
{
    size_t               i, n;
    torus_graph_leaf_t **leaves;

    leaves = torus_graph_leaves(r->graph, &n);

    r->nleaves = n - r->taken;
    r->leaves = torus_arena_calloc(r->arena, r->nleaves + 1,
                                   sizeof(torus_render_leaf_t));
    r->slots = r->reads_size == 0 ? TORUS_RENDER_TABLE : r->reads_size;
    r->table = torus_arena_calloc(r->arena, r->slots,
                                  sizeof(torus_render_read_t *));

    if (r->leaves == NULL || r->table == NULL) {
        return torus_render_full(r);
    }

    for (i = 0; i < r->nleaves; i++) {
        r->leaves[i].leaf = leaves[r->taken + i];
    }

    torus_work_did(&r->stats->work, r->nleaves);

    r->taken = n;
    r->leaf = 0;
    r->name = 0;
    r->nreads = 0;
    r->nqueries = 0;
    r->queries = NULL;
    r->asked.from = INT64_MAX;
    r->asked.until = INT64_MIN;
    r->state = TORUS_RENDER_ASK;

    return TORUS_OK;
}


/* All globs of the pass are asked for together, each once. */
int
torus_render_ask(torus_render_t *r)
{
    for ( /* void */ ; r->leaf < r->nleaves; r->leaf++) {

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        torus_render_kind(r, &r->leaves[r->leaf]);
    }

    if (r->nqueries != 0 && r->queries == NULL
        && torus_render_begin_queries(r) != TORUS_OK)
    {
        return torus_render_full(r);
    }

    for ( /* void */ ; r->queries != NULL && r->name < r->nleaves; r->name++) {

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        torus_work_did(&r->stats->work, 1);

        if (r->leaves[r->name].asked
            && torus_render_query(r, &r->leaves[r->name]) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    r->leaf = 0;
    r->name = 0;
    r->state = r->queries != NULL ? TORUS_RENDER_FIND : TORUS_RENDER_PLAN;

    return TORUS_OK;
}


/* Is the index to be asked for it? */
static void
torus_render_kind(torus_render_t *r, torus_render_leaf_t *l)
{
    const torus_str_t         *path;
    const torus_graph_span_t  *span;

    path = &l->leaf->path;
    span = &l->leaf->span;

    torus_work_did(&r->stats->work, 2 + path->len / 4);

    if (!torus_glob_is_pattern(*path)) {
        l->literal = 1;
        l->names = &l->leaf->path;
        l->nnames = 1;
        return;
    }

    /* without stored tags nothing has any */

    if (path->len >= 12 && memcmp(path->data, "seriesByTag(", 12) == 0) {
        return;
    }

    l->asked = 1;
    r->nqueries++;

    r->asked.from = span->from < r->asked.from ? span->from : r->asked.from;
    r->asked.until = span->until > r->asked.until ? span->until
                                                  : r->asked.until;
}


/* It is known how many there may be. */
static int
torus_render_begin_queries(torus_render_t *r)
{
    torus_find_conf_t  conf;

    memset(&conf, 0, sizeof(torus_find_conf_t));

    conf.now = r->conf->now;
    conf.from = r->asked.from;
    conf.until = r->asked.until;
    conf.names = r->limits->series;
    conf.account = r->limits->account;
    conf.leaves = 1;

    if (r->find != NULL) {
        torus_find_destroy(r->find);
    }

    r->find = torus_find_create(r->arena, r->conf->set, &conf, r->stats);
    r->queries = torus_arena_alloc(r->arena,
                                   r->nqueries
                                   * sizeof(torus_render_leaf_t *));

    for (r->nglobs = 1; r->nglobs < r->nqueries; r->nglobs *= 2) {
        /* void */
    }

    r->globs = torus_arena_calloc(r->arena, r->nglobs,
                                  sizeof(torus_render_leaf_t *));
    r->nqueries = 0;

    return r->find != NULL && r->queries != NULL && r->globs != NULL
           ? TORUS_OK : TORUS_ERROR;
}


static int
torus_render_query(torus_render_t *r, torus_render_leaf_t *l)
{
    int                    rc;
    torus_str_t            path;
    torus_render_leaf_t   *same, **slot;

    path = l->leaf->path;
    slot = &r->globs[torus_hash(path.data, path.len, 0) & (r->nglobs - 1)];

    for (same = *slot; same != NULL; same = same->next) {

        if (torus_str_eq(same->leaf->path, path)) {
            l->query = same->query;
            l->asked = 0;
            l->shared = 1;
            return TORUS_OK;
        }
    }

    torus_work_did(&r->stats->work, TORUS_RENDER_NAME + path.len);

    rc = torus_find_add(r->find, path, &r->err);

    if (rc == TORUS_INVALID) {
        return torus_render_fail(r, 400);
    }

    if (rc != TORUS_OK) {
        return torus_render_full(r);
    }

    l->next = *slot;
    *slot = l;

    l->query = r->nqueries;
    r->queries[r->nqueries++] = l;

    return TORUS_OK;
}


/* Takes what was found; after the last of it there is planning to do. */
int
torus_render_hits(torus_render_t *r)
{
    int                rc;
    size_t             query;
    torus_graph_hit_t  hit;

    for ( ;; ) {
        rc = torus_find_hit(r->find, &query, &hit);

        if (rc == TORUS_AGAIN) {
            return TORUS_OK;
        }

        if (rc == TORUS_DECLINED) {
            r->state = r->missed == NULL ? TORUS_RENDER_PLAN
                                         : TORUS_RENDER_SUPPLY;
            r->missed = NULL;
            return TORUS_OK;
        }

        if (rc == TORUS_OK && r->missed != NULL) {
            torus_render_exists(r->missed[query]);
            continue;
        }

        if (rc == TORUS_INVALID) {
            torus_error(&r->err, "more than %zu series", r->limits->series);
            return torus_render_fail(r, 413);
        }

        if (rc != TORUS_OK
            || torus_render_hit(r, r->queries[query], hit.path) != TORUS_OK)
        {
            return torus_render_full(r);
        }

        torus_work_did(&r->stats->work, 4);
    }
}


static int
torus_render_hit(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t path)
{
    size_t        size;
    torus_str_t  *names;

    if (l->nnames == l->size) {
        size = l->size == 0 ? 16 : 2 * l->size;

        names = torus_arena_alloc(r->arena, size * sizeof(torus_str_t));
        if (names == NULL) {
            return TORUS_ERROR;
        }

        if (l->nnames != 0) {
            memcpy(names, l->names, l->nnames * sizeof(torus_str_t));
        }

        l->names = names;
        l->size = size;
    }

    return torus_arena_dup(r->arena, path, &l->names[l->nnames++]);
}


int
torus_render_plan(torus_render_t *r)
{
    torus_render_leaf_t  *l;

    for ( /* void */ ; r->leaf < r->nleaves; r->leaf++, r->name = 0) {
        l = &r->leaves[r->leaf];

        if (torus_work_over(&r->stats->work)) {
            return TORUS_OK;
        }

        if (!l->open && torus_render_open(r, l) != TORUS_OK) {
            return TORUS_ERROR;
        }

        for ( /* void */ ; r->name < l->nnames; r->name++) {

            if (torus_work_over(&r->stats->work)) {
                return TORUS_OK;
            }

            torus_work_did(&r->stats->work, TORUS_RENDER_NAME);

            if (torus_render_name(r, l, l->names[r->name]) != TORUS_OK) {
                return TORUS_ERROR;
            }
        }

        torus_work_did(&r->stats->work, 10);
    }

    return torus_render_begin_reads(r);
}


/* Its schema, its names, and room for what they want. */
static int
torus_render_open(torus_render_t *r, torus_render_leaf_t *l)
{
    if (l->leaf->interval.len + l->leaf->schema.len != 0
        && torus_render_select(r, l) != TORUS_OK)
    {
        return torus_render_fail(r, 400);
    }

    l->open = 1;

    if (l->shared) {
        l->names = r->queries[l->query]->names;
        l->nnames = r->queries[l->query]->nnames;
    }

    l->wants = torus_arena_alloc(r->arena, (l->nnames + 1)
                                           * sizeof(torus_render_want_t *));

    return l->wants != NULL ? TORUS_OK : torus_render_full(r);
}


/*
 * What schema() and interval() name has to be somewhere.  An interval that
 * only other schemas have is none of a name's, whose series is not there.
 */
static int
torus_render_select(torus_render_t *r, torus_render_leaf_t *l)
{
    size_t                     i, n;
    char                       name[80], quoted[80];
    const torus_schema_set_t  *set;

    set = r->conf->set;
    n = torus_escape(quoted, sizeof(quoted), l->leaf->schema);

    if (l->leaf->schema.len != 0) {
        l->schema = torus_schema_find(set, l->leaf->schema);

        if (l->schema == NULL) {
            return torus_error(&r->err, "there is no schema \"%.*s\"",
                               (int) n, quoted);
        }
    }

    if (l->leaf->interval.len == 0) {
        return TORUS_OK;
    }

    for (i = 0; i < set->nschemas; i++) {

        if ((l->schema == NULL || l->schema == &set->schemas[i])
            && torus_schema_interval(&set->schemas[i], l->leaf->interval)
               != NULL)
        {
            return TORUS_OK;
        }
    }

    i = torus_escape(name, sizeof(name), l->leaf->interval);

    if (l->schema != NULL) {
        return torus_error(&r->err, "schema \"%.*s\" has no interval "
                           "\"%.*s\"", (int) n, quoted, (int) i, name);
    }

    return torus_error(&r->err, "no schema has an interval \"%.*s\"", (int) i,
                       name);
}


static int
torus_render_name(torus_render_t *r, torus_render_leaf_t *l,
    torus_str_t name)
{
    int64_t                step, phase;
    torus_render_read_t   *rd;
    torus_render_want_t   *w;
    torus_render_choice_t  choice;

    torus_render_choose(r, l, name, &choice);

    if (choice.schema == NULL) {
        return TORUS_OK;
    }

    step = torus_render_grid(&choice.interval->resolution, &phase);

    rd = torus_render_read(r, name, &choice, &l->leaf->span);
    w = torus_arena_calloc(r->arena, 1, sizeof(torus_render_want_t));

    if (rd == NULL || w == NULL) {
        return torus_render_full(r);
    }

    w->series = torus_graph_series(r->graph, l->leaf, name, step, phase);
    if (w->series == NULL) {
        return torus_render_full(r);
    }

    w->series->type = choice.schema->type;
    w->series->typed = 1;
    torus_render_reduce(l, choice.schema, w->series);

    w->literal = l->literal;
    w->shown = l->leaf->shown
               && w->series->n <= TORUS_RENDER_SHORT
               && (r->max == 0 || w->series->n <= r->max)
               && (choice.schema->type == TORUS_COUNT
                   || choice.schema->type == TORUS_GAUGE);
    w->next = rd->wants;
    rd->wants = w;
    l->wants[l->nwants++] = w;

    return TORUS_OK;
}


/* What fold the schema has for points, and for the values of one. */
static void
torus_render_reduce(const torus_render_leaf_t *l,
    const torus_schema_t *schema, torus_graph_series_t *s)
{
    torus_graph_fold_t  fold;

    if (schema->fold.len == 0
        || torus_graph_fold_points(schema->fold, &fold) != TORUS_OK)
    {
        return;
    }

    s->fold = fold;

    /* functions that look into rows expect them as they are */

    if (l->leaf->asks != TORUS_GRAPH_ASK_PLAIN
        || fold == TORUS_GRAPH_AVERAGE)
    {
        return;
    }

    (void) torus_graph_reduce_by(s, fold);
}


/* Leaves best->schema NULL when nobody takes the name. */
static void
torus_render_choose(torus_render_t *r, const torus_render_leaf_t *l,
    torus_str_t name, torus_render_choice_t *best)
{
    size_t                     i;
    int                        matched;
    const torus_schema_t      *schema;
    const torus_schema_set_t  *set;

    memset(best, 0, sizeof(torus_render_choice_t));

    if (l->schema != NULL) {
        torus_render_offer(r, l, l->schema, best);
        return;
    }

    set = r->conf->set;
    matched = 0;

    for (i = 0; i < set->nschemas; i++) {
        schema = &set->schemas[i];

        if (!torus_schema_match(schema, name)) {
            continue;
        }

        matched = 1;
        torus_render_offer(r, l, schema, best);

        if (schema->final) {
            return;
        }
    }

    /* a name that a "transform" has made need not match anything */

    for (i = 0; !matched && i < set->nschemas; i++) {

        if (torus_schema_renames(&set->schemas[i])) {
            torus_render_offer(r, l, &set->schemas[i], best);
        }
    }
}


/* Is an interval of this schema better than what there is? */
static void
torus_render_offer(torus_render_t *r, const torus_render_leaf_t *l,
    const torus_schema_t *schema, torus_render_choice_t *best)
{
    size_t                   i;
    int                      covers, covered;
    int64_t                  from, since, step;
    const torus_interval_t  *iv;

    from = l->leaf->span.from;
    covered = best->schema != NULL && best->since <= from;

    for (i = 0; i < schema->nintervals; i++) {
        iv = &schema->intervals[i];

        if (l->leaf->interval.len != 0
            && !torus_str_eq(l->leaf->interval, iv->name))
        {
            continue;
        }

        step = torus_step_nominal(&iv->resolution);
        since = TORUS_TIME_MIN;

        if (iv->steps != 0) {
            since = torus_step_bucket(&iv->step, r->conf->now);
            since = torus_step_add(&iv->step, since, -iv->steps);
            since = torus_step_start(&iv->step, since);
        }

        covers = since <= from;

        if (best->schema == NULL
            || (covers && (!covered || step < best->step))
            || (!covers && !covered && since < best->since))
        {
            best->schema = schema;
            best->interval = iv;
            best->step = step;
            best->since = since;
            covered = covers;
        }
    }
}


/* One whose range touches this one, made longer, or a new one. */
static torus_render_read_t *
torus_render_read(torus_render_t *r, torus_str_t name,
    const torus_render_choice_t *choice, const torus_graph_span_t *span)
{
    size_t                i;
    uint64_t              hash;
    torus_render_read_t  *rd;

    hash = torus_hash(name.data, name.len,
                      (uint64_t) (uintptr_t) choice->interval);

    for (rd = r->table[hash & (r->slots - 1)]; rd != NULL; rd = rd->next) {

        if (rd->hash != hash || rd->interval != choice->interval
            || !torus_str_eq(rd->name, name)
            || span->from > rd->span.until || span->until < rd->span.from)
        {
            continue;
        }

        if (span->from < rd->span.from) {
            rd->span.from = span->from;
        }

        if (span->until > rd->span.until) {
            rd->span.until = span->until;
        }

        return rd;
    }

    if (torus_render_grow(r) != TORUS_OK) {
        return NULL;
    }

    rd = torus_arena_calloc(r->arena, 1, sizeof(torus_render_read_t));
    if (rd == NULL) {
        return NULL;
    }

    i = hash & (r->slots - 1);

    rd->name = name;
    rd->schema = choice->schema;
    rd->interval = choice->interval;
    rd->span = *span;
    rd->hash = hash;
    rd->next = r->table[i];

    r->table[i] = rd;
    r->reads[r->nreads++] = rd;

    return rd;
}


/* Room for one more read. */
static int
torus_render_grow(torus_render_t *r)
{
    size_t                 i, k, slots;
    torus_render_read_t  **table, **reads;

    if (r->nreads < r->reads_size) {
        return TORUS_OK;
    }

    slots = 2 * (r->reads_size == 0 ? TORUS_RENDER_TABLE : r->reads_size);

    table = torus_arena_calloc(r->arena, slots,
                               sizeof(torus_render_read_t *));
    reads = torus_arena_alloc(r->arena,
                              slots * sizeof(torus_render_read_t *));

    if (table == NULL || reads == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < r->nreads; i++) {
        reads[i] = r->reads[i];

        k = reads[i]->hash & (slots - 1);
        reads[i]->next = table[k];
        table[k] = reads[i];
    }

    r->table = table;
    r->slots = slots;
    r->reads = reads;
    r->reads_size = slots;

    return TORUS_OK;
}
