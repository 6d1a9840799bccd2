/*
 * Routing and its cache.
 *
 * A route is found once, in an arena, by running patterns and rules; the
 * cache then packs it into one block of memory of its own: the entry, its
 * targets, their strings.  A known stat costs a hash, a look into the table
 * and a comparison.
 *
 * The table is open addressing with linear probing, and at the same time the
 * ring of a CLOCK: a hit marks the entry, the hand takes the mark off and
 * evicts what it finds without.  Removing shifts back what had been pushed
 * on, so that there are no graves.
 */

#include "torus_route.h"
#include "torus_hash.h"

#include <stdlib.h>


#define TORUS_ROUTE_CHUNK     4096
#define TORUS_ROUTE_MIN_SIZE  64          /* slots, a power of two */

/* What malloc() takes for itself, about. */
#define TORUS_ROUTE_OVERHEAD  16

/*
 * Names that one stat is processed under.  Rules that permute components
 * could make any number of them within the depth allowed.
 */
#define TORUS_ROUTE_NAMES     1024


/* A route while it is being found; all lives in the arena. */
typedef struct {
    const torus_schema_set_t  *set;
    torus_arena_t             *arena;
    torus_route_t             *route;
    size_t                     size;       /* of route->targets */
    torus_str_t               *names;      /* visited */
    size_t                     nnames;
    size_t                     names_size;
} torus_route_maker_t;


/* Targets and strings follow. */
typedef struct {
    torus_route_t              route;
    size_t                     bytes;
    unsigned                   used;       /* since the hand came by */
} torus_route_entry_t;


typedef struct {
    uint64_t                   hash;
    torus_route_entry_t       *entry;      /* NULL: free */
} torus_route_slot_t;


struct torus_router_s {
    torus_route_slot_t        *slots;
    size_t                     mask;       /* number of slots - 1 */
    uint64_t                   seed;
    uint64_t                   start;      /* of a hash with that seed */
    size_t                     hand;
    size_t                     max;
    torus_arena_t             *scratch;
    const torus_schema_set_t  *set;
    torus_router_stats_t      *stats;
    torus_router_stats_t       own;
};


static int torus_route_visit(torus_route_maker_t *m, torus_str_t stat,
    unsigned depth);
static int torus_route_rules(torus_route_maker_t *m, torus_str_t stat,
    unsigned depth);
static int torus_route_schemas(torus_route_maker_t *m, torus_str_t stat);
static int torus_route_target(torus_route_maker_t *m,
    const torus_schema_t *schema, torus_str_t stat);
static int torus_route_transform(torus_route_target_t *target,
    torus_arena_t *arena);
static void torus_route_twin(torus_route_t *route);
static int torus_route_visited(const torus_route_maker_t *m,
    torus_str_t stat);
static void *torus_route_grow(torus_arena_t *arena, void *array, size_t n,
    size_t *size, size_t item);

static const torus_route_t *torus_router_miss(torus_router_t *router,
    torus_str_t stat, uint64_t hash) __attribute__((noinline));
static torus_route_entry_t *torus_router_pack(const torus_router_t *router,
    const torus_route_t *route);
static unsigned char *torus_router_strings(const torus_router_t *router,
    const torus_route_target_t *from, torus_route_target_t *target,
    unsigned char *p);
static size_t torus_router_keys(const torus_route_target_t *target);
static size_t torus_router_rest(const torus_route_target_t *target);
static size_t torus_router_size(const torus_route_target_t *target);
static int torus_router_shares(const torus_route_t *route);
static int torus_router_within(const torus_route_target_t *target);
static unsigned char *torus_router_copy(unsigned char *p, torus_str_t s,
    torus_str_t *copy);
static void torus_router_insert(torus_router_t *router,
    torus_route_entry_t *entry, uint64_t hash);
static void torus_router_grow(torus_router_t *router);
static void torus_router_put(torus_route_slot_t *slots, size_t mask,
    torus_route_slot_t slot);
static void torus_router_evict(torus_router_t *router);
static void torus_router_remove(torus_router_t *router, size_t i);


const torus_route_t *
torus_route(const torus_schema_set_t *set, torus_str_t stat,
    torus_arena_t *arena)
{
    torus_route_maker_t  m;

    memset(&m, 0, sizeof(m));
    m.set = set;
    m.arena = arena;

    m.route = torus_arena_calloc(arena, 1, sizeof(torus_route_t));

    if (m.route == NULL
        || torus_arena_dup(arena, stat, &m.route->stat) != TORUS_OK
        || torus_route_visit(&m, m.route->stat, 0) != TORUS_OK)
    {
        return NULL;
    }

    return m.route;
}


static int
torus_route_visit(torus_route_maker_t *m, torus_str_t stat, unsigned depth)
{
    if (m->nnames == m->names_size) {
        m->names = torus_route_grow(m->arena, m->names, m->nnames,
                                    &m->names_size, sizeof(torus_str_t));
        if (m->names == NULL) {
            return TORUS_ERROR;
        }
    }

    m->names[m->nnames++] = stat;

    if (depth != 0 && stat.len > TORUS_ROUTE_NAME) {
        m->route->overlong++;
        return TORUS_OK;
    }

    if (torus_route_schemas(m, stat) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (depth == TORUS_AGGREGATE_DEPTH) {
        return TORUS_OK;
    }

    return torus_route_rules(m, stat, depth);
}


static int
torus_route_rules(torus_route_maker_t *m, torus_str_t stat, unsigned depth)
{
    int          rc;
    size_t       i, n;
    torus_str_t  name;

    n = torus_aggregates_count(m->set->aggregates);

    for (i = 0; i < n; i++) {
        rc = torus_aggregates_apply(m->set->aggregates, i, stat, m->arena,
                                    &name);

        if (rc == TORUS_DECLINED || (rc == TORUS_OK
                                     && torus_route_visited(m, name)))
        {
            continue;
        }

        if (rc != TORUS_OK
            || torus_route_visit(m, name, depth + 1) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_route_schemas(torus_route_maker_t *m, torus_str_t stat)
{
    size_t                 i;
    const torus_schema_t  *schema;

    for (i = 0; i < m->set->nschemas; i++) {
        schema = &m->set->schemas[i];

        if (!torus_schema_match(schema, stat)) {
            continue;
        }

        if (torus_route_target(m, schema, stat) != TORUS_OK) {
            return TORUS_ERROR;
        }

        if (schema->final) {
            break;
        }
    }

    return TORUS_OK;
}


static int
torus_route_target(torus_route_maker_t *m, const torus_schema_t *schema,
    torus_str_t stat)
{
    torus_route_t  *route;

    route = m->route;

    if (route->ntargets == m->size) {
        route->targets = torus_route_grow(m->arena, route->targets,
                                          route->ntargets, &m->size,
                                          sizeof(torus_route_target_t));
        if (route->targets == NULL) {
            return TORUS_ERROR;
        }
    }

    if (torus_route_one(schema, stat, m->arena,
                        &route->targets[route->ntargets++])
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    torus_route_twin(route);

    return TORUS_OK;
}


/*
 * Two names of a point, its own and an aggregate's or two of those, may
 * become one by the "transform" of a schema.  Is the last target such one?
 */
static void
torus_route_twin(torus_route_t *route)
{
    size_t                       i;
    torus_route_target_t        *last;
    const torus_route_target_t  *target;

    last = &route->targets[route->ntargets - 1];

    if (last->schema->transform == NULL
        || last->schema->transform->stat == NULL)
    {
        return;
    }

    for (i = 0; i < route->ntargets - 1; i++) {
        target = &route->targets[i];

        if (target->schema == last->schema
            && (target->stem.len == 0 || last->stem.len == 0
                || torus_str_eq(target->stem, last->stem)))
        {
            last->twin = 1;
            return;
        }
    }
}


int
torus_route_one(const torus_schema_t *schema, torus_str_t stat,
    torus_arena_t *arena, torus_route_target_t *target)
{
    memset(target, 0, sizeof(torus_route_target_t));

    target->schema = schema;
    target->stat = stat;

    if (schema->transform != NULL) {
        return torus_route_transform(target, arena);
    }

    if (torus_route_stem(target, stat, arena) != TORUS_OK) {
        return TORUS_ERROR;
    }

    /* one copy does for both */

    target->stat = torus_str(target->stem.data + schema->prefix.len,
                             stat.len);

    return TORUS_OK;
}


/*
 * What the value has no part in is found here, once for the name.  What goes
 * wrong is left to be found again with each point, which says how.
 */
static int
torus_route_transform(torus_route_target_t *target, torus_arena_t *arena)
{
    torus_str_t               name, none;
    unsigned char             path[TORUS_TRANSFORM_PATH];
    torus_counter_t           rc;
    const torus_transform_t  *t;

    t = target->schema->transform;
    none = torus_str("", 0);

    if (t->drop != NULL) {
        target->drop = TORUS_DROP_ASK;

        if (!torus_expr_reads_value(t->drop)) {
            rc = torus_transform_drop(t, target->stat, none);

            if (rc == TORUS_C_POINTS_TRANSFORMED) {
                target->drop = TORUS_DROP_YES;

            } else if (rc == TORUS_C_POINTS_ACCEPTED) {
                target->drop = TORUS_DROP_NO;
            }
        }
    }

    if (t->stat == NULL) {
        return torus_route_stem(target, target->stat, arena);
    }

    if (torus_expr_reads_value(t->stat)
        || torus_transform_stat(t, target->stat, none, path, &name)
           != TORUS_C_POINTS_ACCEPTED)
    {
        return TORUS_OK;
    }

    return torus_route_stem(target, name, arena);
}


int
torus_route_stem(torus_route_target_t *target, torus_str_t name,
    torus_arena_t *arena)
{
    size_t          n;
    unsigned char  *p;

    n = target->schema->prefix.len;

    p = torus_arena_alloc(arena, n + name.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    if (n != 0) {
        memcpy(p, target->schema->prefix.data, n);
    }

    if (name.len != 0) {
        memcpy(p + n, name.data, name.len);
    }

    p[n + name.len] = ':';

    target->stem = torus_str(p, n + name.len + 1);

    return TORUS_OK;
}


/* When there are too many names, any further one counts as visited. */
static int
torus_route_visited(const torus_route_maker_t *m, torus_str_t stat)
{
    size_t  i;

    for (i = 0; i < m->nnames; i++) {
        if (torus_str_eq(m->names[i], stat)) {
            return 1;
        }
    }

    return m->nnames == TORUS_ROUTE_NAMES;
}


/* An array of twice the size in the arena, where the old one stays too. */
static void *
torus_route_grow(torus_arena_t *arena, void *array, size_t n, size_t *size,
    size_t item)
{
    void    *grown;
    size_t   count;

    count = (*size == 0) ? 4 : 2 * *size;

    grown = torus_arena_calloc(arena, count, item);
    if (grown == NULL) {
        return NULL;
    }

    if (n != 0) {
        memcpy(grown, array, n * item);
    }

    *size = count;

    return grown;
}


torus_router_t *
torus_router_create(const torus_schema_set_t *set, size_t max, uint64_t seed)
{
    torus_router_t  *router;

    router = calloc(1, sizeof(torus_router_t));
    if (router == NULL) {
        return NULL;
    }

    router->set = set;
    router->max = max;
    router->seed = seed;
    router->start = torus_hash_start(seed);
    router->stats = &router->own;
    router->mask = TORUS_ROUTE_MIN_SIZE - 1;

    router->slots = calloc(TORUS_ROUTE_MIN_SIZE, sizeof(torus_route_slot_t));
    router->scratch = torus_arena_create(TORUS_ROUTE_CHUNK, 0);

    if (router->slots == NULL || router->scratch == NULL) {
        torus_router_destroy(router);
        return NULL;
    }

    router->stats->bytes = TORUS_ROUTE_MIN_SIZE * sizeof(torus_route_slot_t);

    return router;
}


void
torus_router_destroy(torus_router_t *router)
{
    size_t  i;

    if (router == NULL) {
        return;
    }

    for (i = 0; router->slots != NULL && i <= router->mask; i++) {
        free(router->slots[i].entry);
    }

    torus_arena_destroy(router->scratch);
    free(router->slots);
    free(router);
}


const torus_route_t *
torus_router_find(torus_router_t *router, torus_str_t stat)
{
    size_t                i;
    uint64_t              hash;
    torus_route_slot_t   *slot;
    torus_route_entry_t  *entry;

    hash = torus_hash_bytes(stat.data, stat.len, router->start);

    for (i = hash; /* void */ ; i++) {
        slot = &router->slots[i & router->mask];
        entry = slot->entry;

        if (entry == NULL) {
            return torus_router_miss(router, stat, hash);
        }

        if (slot->hash == hash && entry->route.stat.len == stat.len
            && torus_hash_equal(entry->route.stat.data, stat.data, stat.len))
        {
            break;
        }
    }

    router->stats->hits++;

    /* written only when it changes: most cache lines stay clean */

    if (!entry->used) {
        entry->used = 1;
    }

    return &entry->route;
}


uint64_t
torus_router_hash(const torus_router_t *router, torus_str_t stem)
{
    return torus_hash(stem.data, stem.len, router->seed);
}


int
torus_router_knows(const torus_router_t *router, torus_str_t stat)
{
    size_t                     i;
    uint64_t                   hash;
    const torus_route_slot_t  *slot;

    hash = torus_hash(stat.data, stat.len, router->seed);

    for (i = hash & router->mask; /* void */ ; i = (i + 1) & router->mask) {
        slot = &router->slots[i];

        if (slot->entry == NULL) {
            return 0;
        }

        if (slot->hash == hash
            && torus_str_eq(slot->entry->route.stat, stat))
        {
            return 1;
        }
    }
}


static const torus_route_t *
torus_router_miss(torus_router_t *router, torus_str_t stat, uint64_t hash)
{
    const torus_route_t  *route;
    torus_route_entry_t  *entry;

    router->stats->misses++;

    torus_arena_reset(router->scratch);

    route = torus_route(router->set, stat, router->scratch);
    if (route == NULL) {
        return NULL;
    }

    entry = torus_router_pack(router, route);
    if (entry == NULL) {
        return NULL;
    }

    torus_router_insert(router, entry, hash);

    return &entry->route;
}


/* One block: the entry, the targets, their keys, then what has no alignment. */
static torus_route_entry_t *
torus_router_pack(const torus_router_t *router, const torus_route_t *route)
{
    size_t                       i, size;
    unsigned char               *p;
    torus_route_key_t           *keys;
    torus_route_entry_t         *entry;
    torus_route_target_t        *target;
    const torus_route_target_t  *from;

    size = sizeof(torus_route_entry_t);

    if (!torus_router_shares(route)) {
        size += route->stat.len;
    }

    for (i = 0; i < route->ntargets; i++) {
        size += torus_router_size(&route->targets[i]);
    }

    entry = malloc(size);
    if (entry == NULL) {
        return NULL;
    }

    entry->bytes = size + TORUS_ROUTE_OVERHEAD;
    entry->used = 0;
    entry->route.ntargets = route->ntargets;
    entry->route.overlong = route->overlong;
    entry->route.targets = (torus_route_target_t *) (entry + 1);

    keys = (torus_route_key_t *) (entry->route.targets + route->ntargets);

    for (i = 0; i < route->ntargets; i++) {
        from = &route->targets[i];
        target = &entry->route.targets[i];

        *target = *from;

        target->taken = 0;
        target->due = 0;
        target->hash = 0;
        target->keys = NULL;

        if (torus_router_keys(from) != 0) {
            target->keys = keys;
            keys += torus_router_keys(from);

            memset(target->keys, 0,
                   torus_router_keys(from) * sizeof(torus_route_key_t));
        }
    }

    p = (unsigned char *) keys;

    if (!torus_router_shares(route)) {
        p = torus_router_copy(p, route->stat, &entry->route.stat);
    }

    for (i = 0; i < route->ntargets; i++) {
        p = torus_router_strings(router, &route->targets[i],
                                 &entry->route.targets[i], p);
    }

    if (torus_router_shares(route)) {
        entry->route.stat = entry->route.targets[0].stat;
    }

    return entry;
}


/* Copies those of a target; where they end. */
static unsigned char *
torus_router_strings(const torus_router_t *router,
    const torus_route_target_t *from, torus_route_target_t *target,
    unsigned char *p)
{
    if (from->stem.len != 0) {
        target->hash = torus_router_hash(router, from->stem);
    }

    p = torus_router_copy(p, from->stem, &target->stem);

    target->rest = p;

    if (torus_router_within(from)) {
        target->stat = torus_str(p - 1 - from->stat.len, from->stat.len);
    }

    p += torus_router_rest(from);

    if (!torus_router_within(from)) {
        p = torus_router_copy(p, from->stat, &target->stat);
    }

    return p;
}


/* Keys are kept where the name is, and has them to itself in an interval. */
static size_t
torus_router_keys(const torus_route_target_t *target)
{
    const torus_schema_t  *schema;

    schema = target->schema;

    return torus_router_rest(target) == 0
           ? 0
           : schema->nintervals
             * (1 + (size_t) llabs((long long) schema->rolling));
}


/* Room behind the stem; 0: no keys are kept. */
static size_t
torus_router_rest(const torus_route_target_t *target)
{
    size_t                 i, rest;
    const torus_schema_t  *schema;

    schema = target->schema;
    rest = 0;

    for (i = 0; i < schema->nintervals && target->stem.len != 0; i++) {

        if (schema->intervals[i].coarse
            && rest < schema->intervals[i].name.len + TORUS_ROUTE_REST)
        {
            rest = schema->intervals[i].name.len + TORUS_ROUTE_REST;
        }
    }

    return rest;
}


/* Does the first stem, as nearly always, hold the stat itself? */
static int
torus_router_shares(const torus_route_t *route)
{
    return route->ntargets != 0
           && torus_router_within(&route->targets[0])
           && torus_str_eq(route->targets[0].stat, route->stat);
}


static size_t
torus_router_size(const torus_route_target_t *target)
{
    return sizeof(torus_route_target_t)
           + torus_router_keys(target) * sizeof(torus_route_key_t)
           + target->stem.len + torus_router_rest(target)
           + (torus_router_within(target) ? 0 : target->stat.len);
}


/* Is the stat a piece of the stem, "<prefix><stat>:"? */
static int
torus_router_within(const torus_route_target_t *target)
{
    return target->stem.len != 0
           && target->stat.data == target->stem.data
                                   + target->schema->prefix.len;
}


static unsigned char *
torus_router_copy(unsigned char *p, torus_str_t s, torus_str_t *copy)
{
    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    *copy = torus_str(p, s.len);

    return p + s.len;
}


/*
 * Half of the slots are taken while the table may grow, so that nearly all
 * names are found at the first look, and at most two thirds.  A table that
 * may not grow any more is as much of a bound as the bytes are.
 */
static void
torus_router_insert(torus_router_t *router, torus_route_entry_t *entry,
    uint64_t hash)
{
    torus_route_slot_t     slot;
    torus_router_stats_t  *stats;

    stats = router->stats;

    if ((stats->entries + 1) * 2 > router->mask + 1) {
        torus_router_grow(router);
    }

    while (stats->entries != 0
           && (stats->bytes + entry->bytes > router->max
               || (stats->entries + 1) * 3 > (router->mask + 1) * 2))
    {
        torus_router_evict(router);
    }

    slot.hash = hash;
    slot.entry = entry;

    torus_router_put(router->slots, router->mask, slot);

    stats->entries++;
    stats->bytes += entry->bytes;
}


/* Leaves the table as it is when memory or the bytes allowed do not do. */
static void
torus_router_grow(torus_router_t *router)
{
    size_t               i, size;
    torus_route_slot_t  *slots;

    size = router->mask + 1;

    if (router->stats->bytes + size * sizeof(torus_route_slot_t)
        > router->max)
    {
        return;
    }

    slots = calloc(2 * size, sizeof(torus_route_slot_t));
    if (slots == NULL) {
        return;
    }

    for (i = 0; i < size; i++) {
        if (router->slots[i].entry != NULL) {
            torus_router_put(slots, 2 * size - 1, router->slots[i]);
        }
    }

    free(router->slots);

    router->slots = slots;
    router->mask = 2 * size - 1;
    router->hand = 0;
    router->stats->bytes += size * sizeof(torus_route_slot_t);
}


static void
torus_router_put(torus_route_slot_t *slots, size_t mask,
    torus_route_slot_t slot)
{
    size_t  i;

    i = slot.hash & mask;

    while (slots[i].entry != NULL) {
        i = (i + 1) & mask;
    }

    slots[i] = slot;
}


/* There is at least one entry. */
static void
torus_router_evict(torus_router_t *router)
{
    torus_route_entry_t  *entry;

    for ( ;; ) {
        entry = router->slots[router->hand].entry;

        if (entry != NULL && !entry->used) {
            break;
        }

        if (entry != NULL) {
            entry->used = 0;
        }

        router->hand = (router->hand + 1) & router->mask;
    }

    router->stats->evicted++;
    router->stats->entries--;
    router->stats->bytes -= entry->bytes;

    free(entry);

    /* the hand stays: another entry may have moved there */
    torus_router_remove(router, router->hand);
}


/*
 * Fills the gap at i with the next entry that may stand there, that one's gap
 * with the next, until a free slot ends the run.
 */
static void
torus_router_remove(torus_router_t *router, size_t i)
{
    size_t               k, home, mask;
    torus_route_slot_t  *slots;

    slots = router->slots;
    mask = router->mask;

    for (k = (i + 1) & mask; slots[k].entry != NULL; k = (k + 1) & mask) {
        home = slots[k].hash & mask;

        /* it stays when its home lies behind the gap */

        if (((k - home) & mask) < ((k - i) & mask)) {
            continue;
        }

        slots[i] = slots[k];
        i = k;
    }

    slots[i].entry = NULL;
}


void
torus_router_share(torus_router_t *router, torus_router_stats_t *stats)
{
    *stats = *router->stats;
    router->stats = stats;
}
