/*
 * Names and properties out of keys.
 *
 * A stat has many keys, so a name is looked up among those already taken
 * before any pattern is asked.  Names are kept up to the limit, sorted by
 * bytes at the end, and written piece by piece as the client takes them.
 */

#include "torus_list.h"
#include "torus_layout.h"


#define TORUS_LIST_TABLE  256     /* slots at first, a power of two */


/* What is held of an interval of one stat and schema. */
typedef struct {
    int64_t                    first;     /* starts of buckets */
    int64_t                    last;
    unsigned                   present:1;
} torus_held_t;


/* A stat and a schema of /properties. */
typedef struct {
    torus_str_t                stat;
    const torus_schema_t      *schema;    /* NULL: no schema takes it */
    torus_held_t              *held;      /* per interval of the schema */
    unsigned                   made:1;    /* its name may be of "transform":
                                             said only when data is held */
} torus_property_t;


struct torus_list_s {
    torus_arena_t             *arena;
    const torus_schema_set_t  *set;
    const torus_schema_t      *schema;    /* the only one, or NULL */
    const torus_limits_t      *limits;
    torus_request_stats_t     *stats;
    torus_scan_t              *scan;
    torus_pattern_t           *match;
    torus_str_t               *only;      /* or NULL */
    size_t                     nonly;
    torus_list_key_pt          handler;   /* of keys, or NULL */
    void                      *data;
    torus_str_t               *names;
    size_t                     nnames;
    size_t                     size;
    uint32_t                  *hashes;    /* of the names */
    uint32_t                  *table;     /* name + 1, by hash; 0: free; of
                                             properties the first of a stat */
    size_t                     slots;
    uint64_t                   seed;
    torus_property_t          *properties;
    size_t                     nproperties;
    torus_sort_t               sort;
    torus_json_t               json;
    size_t                     written;   /* names or properties */
    unsigned                   properties_asked:1;
    unsigned                   pretty:1;
    unsigned                   sorting:1;
    unsigned                   begun:1;   /* sorted, and writing */
    unsigned                   over:1;    /* more names than allowed */
    unsigned                   costly:1;  /* more steps of the pattern */
};


static unsigned torus_list_init(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_scan_key_pt handler,
    torus_list_t **list, torus_error_t *err);
static unsigned torus_list_only(torus_list_t *l, const torus_arg_t *args,
    size_t nargs, torus_error_t *err);
static int torus_list_wanted(const torus_list_t *l, torus_str_t stat);
static unsigned torus_list_match(torus_list_t *l, torus_str_t text,
    torus_error_t *err);
static int torus_list_hosts(torus_list_t *l);
static int torus_list_key(void *data, const torus_host_t *host,
    torus_str_t key);
static int torus_list_name(torus_list_t *l, const torus_schema_t *schema,
    torus_str_t key, torus_str_t stat);
static int torus_list_claimed(const torus_schema_set_t *set,
    const torus_schema_t *schema, torus_str_t key, int made);
static int torus_list_room(torus_list_t *l);
static int torus_list_rehash(torus_list_t *l);
static unsigned torus_properties_stats(torus_list_t *l,
    const torus_arg_t *args, size_t nargs, torus_error_t *err);
static int torus_properties_stat(torus_list_t *l, torus_str_t stat);
static int torus_properties_add(torus_list_t *l, torus_str_t stat,
    const torus_schema_t *schema, int made);
static uint32_t *torus_properties_slot(const torus_list_t *l,
    torus_str_t stat);
static int torus_properties_held(const torus_property_t *p);
static int torus_properties_key(void *data, const torus_host_t *host,
    torus_str_t key);
static void torus_properties_hold(torus_property_t *p,
    const torus_layout_key_t *parsed);
static void torus_properties_write(torus_list_t *l);
static void torus_properties_schema(torus_json_t *j,
    const torus_property_t *p);
static int torus_list_literal(torus_list_t *l, const torus_schema_t *schema,
    torus_str_t tail);
static int torus_list_cmp(const void *a, const void *b);


unsigned
torus_list_create(const torus_schema_set_t *set, const torus_arg_t *args,
    size_t nargs, const torus_limits_t *limits, torus_request_stats_t *stats,
    torus_list_t **list, torus_error_t *err)
{
    unsigned       status;
    torus_str_t    text;
    torus_list_t  *l;

    status = torus_list_init(set, args, nargs, limits, stats, torus_list_key,
                             &l, err);
    if (status != 200) {
        return status;
    }

    text = torus_args_get(args, nargs, "match");

    status = torus_list_match(l, text, err);

    if (status == 200 && torus_list_hosts(l) != TORUS_OK) {
        status = 500;
    }

    if (status != 200) {
        torus_list_destroy(l);
        return status;
    }

    *list = l;

    return 200;
}


unsigned
torus_list_create_keys(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_list_key_pt handler, void *data,
    torus_list_t **list, torus_error_t *err)
{
    unsigned       status;
    torus_list_t  *l;

    status = torus_list_init(set, args, nargs, limits, stats, torus_list_key,
                             &l, err);
    if (status != 200) {
        return status;
    }

    l->handler = handler;
    l->data = data;

    status = torus_list_only(l, args, nargs, err);

    if (status != 200) {
        torus_list_destroy(l);
        return status;
    }

    *list = l;

    return 200;
}


/* Some names, or a pattern, and where to look for them. */
static unsigned
torus_list_only(torus_list_t *l, const torus_arg_t *args, size_t nargs,
    torus_error_t *err)
{
    size_t                 i, n;
    unsigned               status;
    torus_str_t            match, tail;
    unsigned char         *p;
    const torus_schema_t  *schema;

    match = torus_args_get(args, nargs, "match");
    n = 0;

    for (i = 0; i < nargs; i++) {
        n += torus_str_is(args[i].name, "stat") && args[i].value.len != 0;
    }

    if ((n == 0) == (match.len == 0)) {
        torus_error(err, n == 0
                    ? "argument \"stat\" is missing, or \"match\""
                    : "arguments \"stat\" and \"match\" exclude each other");
        return 400;
    }

    if (n == 0) {
        status = torus_list_match(l, match, err);

        return status != 200 ? status
               : torus_list_hosts(l) == TORUS_OK ? 200 : 500;
    }

    if (l->limits->stats != 0 && n > l->limits->stats) {
        torus_error(err, "more than %zu stats in one request",
                    l->limits->stats);
        return 413;
    }

    l->only = torus_arena_alloc(l->arena, n * sizeof(torus_str_t));
    if (l->only == NULL) {
        return 500;
    }

    for (i = 0; i < nargs; i++) {

        if (!torus_str_is(args[i].name, "stat") || args[i].value.len == 0) {
            continue;
        }

        l->only[l->nonly++] = args[i].value;

        tail.len = args[i].value.len + 1;
        p = torus_arena_alloc(l->arena, tail.len);
        if (p == NULL) {
            return 500;
        }

        memcpy(p, args[i].value.data, tail.len - 1);
        p[tail.len - 1] = ':';
        tail.data = p;

        for (n = 0; n < l->set->nschemas; n++) {
            schema = &l->set->schemas[n];

            if (l->schema != NULL && l->schema != schema) {
                continue;
            }

            if (torus_list_literal(l, schema, tail) != TORUS_OK) {
                return 500;
            }
        }
    }

    return 200;
}


size_t
torus_list_names(const torus_list_t *l, const torus_str_t **names)
{
    *names = l->names;

    return l->nnames;
}


unsigned
torus_properties_create(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_list_t **list, torus_error_t *err)
{
    unsigned       status;
    torus_list_t  *l;

    status = torus_list_init(set, args, nargs, limits, stats,
                             torus_properties_key, &l, err);
    if (status != 200) {
        return status;
    }

    l->properties_asked = 1;

    status = torus_properties_stats(l, args, nargs, err);

    if (status != 200) {
        torus_list_destroy(l);
        return status;
    }

    *list = l;

    return 200;
}


void
torus_list_destroy(torus_list_t *l)
{
    if (l->scan != NULL) {
        torus_scan_destroy(l->scan);
    }

    if (l->match != NULL) {
        torus_pattern_destroy(l->match);
    }

    torus_arena_destroy(l->arena);
}


int
torus_list_next(torus_list_t *l, torus_batch_t *batch)
{
    return torus_scan_next(l->scan, batch);
}


unsigned
torus_list_reply(torus_list_t *l, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err)
{
    int  rc;

    rc = torus_scan_reply(l->scan, host, reply, err);

    if (rc == TORUS_OK) {
        return 200;
    }

    if (rc == TORUS_INVALID) {
        return 503;
    }

    if (l->costly) {
        torus_error(err, "argument \"match\": too many ways to match a name, "
                    "use fewer wildcards");
        return 400;
    }

    if (l->over) {
        torus_error(err, "there are more than %zu names", l->limits->names);

    } else {
        torus_error(err, "the request needs more memory than it may have");
    }

    return 413;
}


int
torus_list_ready(const torus_list_t *l)
{
    return torus_scan_done(l->scan);
}


int
torus_list_sort(torus_list_t *l)
{
    void  *spare;

    if (!l->sorting) {
        spare = torus_arena_alloc(l->arena,
                                  (l->nnames + 1) * sizeof(torus_str_t));
        if (spare == NULL) {
            return TORUS_ERROR;
        }

        l->sorting = 1;
        torus_sort_start(&l->sort, l->names, spare, l->nnames,
                         sizeof(torus_str_t), torus_list_cmp);
    }

    return torus_sort_run(&l->sort, &l->stats->work);
}


int
torus_list_write(torus_list_t *l, torus_buf_t *out)
{
    int  rc;

    if (!l->begun) {
        rc = torus_list_sort(l);

        if (rc != TORUS_OK) {
            return rc;
        }

        l->begun = 1;
        torus_json_init(&l->json, out, l->pretty);
        torus_json_open(&l->json, l->properties_asked ? '{' : '[');
    }

    while (!torus_work_over(&l->stats->work)) {
        torus_work_did(&l->stats->work, 20);

        if (l->properties_asked && l->written < l->nproperties) {
            torus_properties_write(l);
            continue;
        }

        if (!l->properties_asked && l->written < l->nnames) {
            torus_work_did(&l->stats->work, l->names[l->written].len / 4);
            torus_json_string(&l->json, l->names[l->written++]);
            l->stats->points++;
            continue;
        }

        torus_json_close(&l->json, l->properties_asked ? '}' : ']');
        torus_buf_addz(out, "\n");

        return out->failed ? TORUS_ERROR : TORUS_OK;
    }

    return out->failed ? TORUS_ERROR : TORUS_AGAIN;
}


static unsigned
torus_list_init(const torus_schema_set_t *set, const torus_arg_t *args,
    size_t nargs, const torus_limits_t *limits, torus_request_stats_t *stats,
    torus_scan_key_pt handler, torus_list_t **list, torus_error_t *err)
{
    char            quoted[128];
    size_t          n;
    unsigned        pretty;
    torus_str_t     text;
    torus_list_t   *l;
    torus_arena_t  *arena;

    pretty = 0;

    if (torus_query_flag(args, nargs, "pretty", &pretty, err) != TORUS_OK) {
        return 400;
    }

    arena = torus_arena_create_on(16384, limits->account);
    if (arena == NULL) {
        return 500;
    }

    l = torus_arena_calloc(arena, 1, sizeof(torus_list_t));
    if (l == NULL) {
        torus_arena_destroy(arena);
        return 500;
    }

    l->arena = arena;
    l->set = set;
    l->limits = limits;
    l->stats = stats;
    l->pretty = pretty;
    l->seed = (uint64_t) (uintptr_t) arena * 0x9e3779b97f4a7c15;
    l->scan = torus_scan_create(arena, set, stats, handler, l);

    if (l->scan == NULL) {
        torus_list_destroy(l);
        return 500;
    }

    text = torus_args_get(args, nargs, "schema");

    if (text.len != 0) {
        l->schema = torus_schema_find(set, text);

        if (l->schema == NULL) {
            n = torus_escape(quoted, sizeof(quoted), text);
            torus_error(err, "argument \"schema\": unknown schema \"%.*s\"",
                        (int) n, quoted);
            torus_list_destroy(l);
            return 404;
        }
    }

    *list = l;

    return 200;
}


static unsigned
torus_list_match(torus_list_t *l, torus_str_t text, torus_error_t *err)
{
    int            rc;
    torus_error_t  why;

    if (text.len == 0) {
        return 200;
    }

    if (text.data[0] == '~') {
        torus_error(err, "argument \"match\" must be a plain pattern");
        return 400;
    }

    rc = torus_pattern_compile(text, &l->match, &why);

    if (rc == TORUS_INVALID) {
        torus_error(err, "argument \"match\": %.900s", why.text);
        return 400;
    }

    return rc == TORUS_OK ? 200 : 500;
}


/* The hosts of the schemas in question, at keys that may match. */
static int
torus_list_hosts(torus_list_t *l)
{
    size_t                 i;
    torus_str_t            tail;
    const torus_schema_t  *schema;

    tail = l->match != NULL ? torus_pattern_literal(l->match)
                            : torus_str("", 0);

    for (i = 0; i < l->set->nschemas; i++) {
        schema = &l->set->schemas[i];

        if (l->schema != NULL && l->schema != schema) {
            continue;
        }

        if (torus_list_literal(l, schema, tail) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* Walk the schema's host, at keys that begin with its prefix and a tail. */
static int
torus_list_literal(torus_list_t *l, const torus_schema_t *schema,
    torus_str_t tail)
{
    unsigned char  *p;

    p = torus_arena_alloc(l->arena, schema->prefix.len + tail.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    if (schema->prefix.len != 0) {
        memcpy(p, schema->prefix.data, schema->prefix.len);
    }

    if (tail.len != 0) {
        memcpy(p + schema->prefix.len, tail.data, tail.len);
    }

    return torus_scan_add(l->scan, schema->host,
                          torus_str(p, schema->prefix.len + tail.len));
}


static int
torus_list_key(void *data, const torus_host_t *host, torus_str_t key)
{
    torus_list_t *l = data;

    int                    rc;
    size_t                 i;
    torus_layout_key_t     parsed;
    const torus_schema_t  *schema;

    for (i = 0; i < l->set->nschemas; i++) {
        schema = &l->set->schemas[i];

        if (schema->host->index != host->index
            || (l->schema != NULL && l->schema != schema)
            || torus_layout_parse(schema, key, &parsed) != TORUS_OK)
        {
            continue;
        }

        rc = torus_list_name(l, schema, key, parsed.stat);

        if (rc == TORUS_OK && l->handler != NULL) {

            /* a name known from elsewhere does not make the key ours */

            if (!torus_list_owns(l->set, schema, key, parsed.stat)) {
                continue;
            }

            return l->handler(l->data, host, key);
        }

        if (rc != TORUS_DECLINED) {
            return rc;
        }
    }

    return TORUS_OK;
}


/* 1, 0; TORUS_ERROR: the pattern takes too long to tell. */
static int
torus_list_wanted(const torus_list_t *l, torus_str_t stat)
{
    size_t  i;

    if (l->match != NULL) {
        return torus_pattern_try(l->match, stat);
    }

    for (i = 0; i < l->nonly; i++) {

        if (torus_str_eq(l->only[i], stat)) {
            return 1;
        }
    }

    return l->only == NULL;
}


/* TORUS_OK: it is listed; TORUS_DECLINED: the schema does not take it. */
static int
torus_list_name(torus_list_t *l, const torus_schema_t *schema,
    torus_str_t key, torus_str_t stat)
{
    int       wanted;
    size_t    slot;
    uint64_t  hash;

    if (torus_list_room(l) != TORUS_OK) {
        return TORUS_ERROR;
    }

    hash = torus_hash(stat.data, stat.len, l->seed);
    hash = (uint32_t) (hash * 0x9e3779b97f4a7c15 >> 32);

    for (slot = hash & (l->slots - 1);
         l->table[slot] != 0;
         slot = (slot + 1) & (l->slots - 1))
    {
        if (torus_str_eq(l->names[l->table[slot] - 1], stat)) {
            return TORUS_OK;
        }
    }

    wanted = torus_list_wanted(l, stat);

    if (wanted == TORUS_ERROR) {
        l->costly = 1;
        return TORUS_ERROR;
    }

    if (!wanted || !torus_list_owns(l->set, schema, key, stat)) {
        return TORUS_DECLINED;
    }

    if ((l->limits->names != 0 && l->nnames == l->limits->names)
        || l->nnames == UINT32_MAX - 1)
    {
        l->over = 1;
        return TORUS_ERROR;
    }

    if (torus_arena_dup(l->arena, stat, &l->names[l->nnames]) != TORUS_OK) {
        return TORUS_ERROR;
    }

    l->hashes[l->nnames] = (uint32_t) hash;
    l->table[slot] = (uint32_t) ++l->nnames;

    return TORUS_OK;
}


int
torus_list_owns(const torus_schema_set_t *set, const torus_schema_t *schema,
    torus_str_t key, torus_str_t stat)
{
    if (torus_schema_match(schema, stat)) {
        return !torus_list_claimed(set, schema, key, 0);
    }

    return torus_schema_renames(schema)
           && !torus_list_claimed(set, schema, key, 1);
}


/*
 * Does the key belong to a schema with a longer prefix in this database?
 * "p:a" may be a stat of a schema without a prefix, but where there is one
 * with the prefix "p" that takes "a", it is that schema's.  A name that was
 * made gives way to a schema with the same prefix too.
 */
static int
torus_list_claimed(const torus_schema_set_t *set,
    const torus_schema_t *schema, torus_str_t key, int made)
{
    size_t                 i;
    torus_layout_key_t     parsed;
    const torus_schema_t  *other;

    for (i = 0; i < set->nschemas; i++) {
        other = &set->schemas[i];

        if (other == schema
            || other->host->index != schema->host->index
            || other->prefix.len < schema->prefix.len
            || torus_layout_parse(other, key, &parsed) != TORUS_OK)
        {
            continue;
        }

        if (other->prefix.len > schema->prefix.len
            ? torus_schema_match(other, parsed.stat)
              || torus_schema_renames(other)
            : made && torus_schema_match(other, parsed.stat))
        {
            return 1;
        }
    }

    return 0;
}


/* Room for one more name, and a table at most half full. */
static int
torus_list_room(torus_list_t *l)
{
    size_t        size;
    uint32_t     *hashes;
    torus_str_t  *names;

    if (l->nnames < l->size) {
        return TORUS_OK;
    }

    size = l->size == 0 ? TORUS_LIST_TABLE / 2 : 2 * l->size;

    names = torus_arena_alloc(l->arena, size * sizeof(torus_str_t));
    hashes = torus_arena_alloc(l->arena, size * sizeof(uint32_t));

    if (names == NULL || hashes == NULL) {
        return TORUS_ERROR;
    }

    if (l->nnames != 0) {
        memcpy(names, l->names, l->nnames * sizeof(torus_str_t));
        memcpy(hashes, l->hashes, l->nnames * sizeof(uint32_t));
    }

    l->names = names;
    l->hashes = hashes;
    l->size = size;

    return torus_list_rehash(l);
}


static int
torus_list_rehash(torus_list_t *l)
{
    size_t     i, slot;
    uint32_t  *table;

    l->slots = 2 * l->size;

    table = torus_arena_calloc(l->arena, l->slots, sizeof(uint32_t));
    if (table == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < l->nnames; i++) {
        slot = l->hashes[i] & (l->slots - 1);

        while (table[slot] != 0) {
            slot = (slot + 1) & (l->slots - 1);
        }

        table[slot] = (uint32_t) (i + 1);
    }

    l->table = table;

    return TORUS_OK;
}


static unsigned
torus_properties_stats(torus_list_t *l, const torus_arg_t *args,
    size_t nargs, torus_error_t *err)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < nargs; i++) {
        n += torus_str_is(args[i].name, "stat") && args[i].value.len != 0;
    }

    if (n == 0) {
        torus_error(err, "argument \"stat\" is missing");
        return 400;
    }

    if (l->limits->stats != 0 && n > l->limits->stats) {
        torus_error(err, "more than %zu stats in one request",
                    l->limits->stats);
        return 413;
    }

    l->properties = torus_arena_calloc(l->arena,
                                       n * (l->set->nschemas + 1),
                                       sizeof(torus_property_t));
    if (l->properties == NULL) {
        return 500;
    }

    for (l->slots = 16; l->slots < 2 * n; l->slots *= 2) {
        /* void */
    }

    l->table = torus_arena_calloc(l->arena, l->slots, sizeof(uint32_t));
    if (l->table == NULL) {
        return 500;
    }

    for (i = 0; i < nargs; i++) {

        if (!torus_str_is(args[i].name, "stat") || args[i].value.len == 0) {
            continue;
        }

        if (torus_properties_stat(l, args[i].value) != TORUS_OK) {
            return 500;
        }
    }

    return 200;
}


/*
 * A stat: one entry per schema that takes it, or one without a schema; and
 * one per schema that may have made the name.
 */
static int
torus_properties_stat(torus_list_t *l, torus_str_t stat)
{
    int                    made;
    size_t                 i, n;
    uint32_t              *slot;
    const torus_schema_t  *schema;

    slot = torus_properties_slot(l, stat);

    if (*slot != 0) {
        return TORUS_OK;
    }

    *slot = (uint32_t) l->nproperties + 1;
    n = 0;

    for (i = 0; i < l->set->nschemas; i++) {
        schema = &l->set->schemas[i];
        made = 0;

        if (l->schema != NULL) {

            if (l->schema != schema) {
                continue;
            }

        } else if (!torus_schema_match(schema, stat)) {

            if (!torus_schema_renames(schema)) {
                continue;
            }

            made = 1;
        }

        n += !made;

        if (torus_properties_add(l, stat, schema, made) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return n == 0 ? torus_properties_add(l, stat, NULL, 0) : TORUS_OK;
}


static int
torus_properties_add(torus_list_t *l, torus_str_t stat,
    const torus_schema_t *schema, int made)
{
    torus_property_t  *p;

    p = &l->properties[l->nproperties++];

    p->stat = stat;
    p->schema = schema;
    p->made = made != 0;

    if (schema == NULL) {
        return TORUS_OK;
    }

    p->held = torus_arena_calloc(l->arena, schema->nintervals,
                                 sizeof(torus_held_t));
    if (p->held == NULL) {
        return TORUS_ERROR;
    }

    return torus_list_literal(l, schema, stat);
}


/* Where the number of a stat's first entry is, or is to be. */
static uint32_t *
torus_properties_slot(const torus_list_t *l, torus_str_t stat)
{
    size_t  slot;

    slot = torus_hash(stat.data, stat.len, l->seed) & (l->slots - 1);

    while (l->table[slot] != 0
           && !torus_str_eq(l->properties[l->table[slot] - 1].stat, stat))
    {
        slot = (slot + 1) & (l->slots - 1);
    }

    return &l->table[slot];
}


static int
torus_properties_key(void *data, const torus_host_t *host, torus_str_t key)
{
    torus_list_t *l = data;

    size_t                 i, k;
    torus_property_t      *p;
    torus_layout_key_t     parsed;
    const torus_schema_t  *schema;

    for (i = 0; i < l->set->nschemas; i++) {
        schema = &l->set->schemas[i];

        if (schema->host->index != host->index
            || torus_layout_parse(schema, key, &parsed) != TORUS_OK)
        {
            continue;
        }

        k = *torus_properties_slot(l, parsed.stat);

        for ( /* void */ ; k != 0 && k <= l->nproperties; k++) {
            p = &l->properties[k - 1];

            if (!torus_str_eq(p->stat, parsed.stat)) {
                break;
            }

            if (p->schema == schema
                && !(p->made && torus_list_claimed(l->set, schema, key, 1)))
            {
                torus_properties_hold(p, &parsed);
            }
        }
    }

    return TORUS_OK;
}


static void
torus_properties_hold(torus_property_t *p, const torus_layout_key_t *parsed)
{
    int64_t        start;
    torus_held_t  *held;

    held = &p->held[parsed->interval - p->schema->intervals];
    start = torus_step_start(&parsed->interval->step, parsed->bucket);

    if (!held->present || start < held->first) {
        held->first = start;
    }

    if (!held->present || start > held->last) {
        held->last = start;
    }

    held->present = 1;
}


/* All entries of the next stat. */
static void
torus_properties_write(torus_list_t *l)
{
    torus_str_t              stat;
    const torus_property_t  *p;

    stat = l->properties[l->written].stat;

    torus_json_key(&l->json, stat);
    torus_json_open(&l->json, '{');

    for ( /* void */ ; l->written < l->nproperties; l->written++) {
        p = &l->properties[l->written];

        if (!torus_str_eq(p->stat, stat)) {
            break;
        }

        if (p->schema != NULL && (!p->made || torus_properties_held(p))) {
            torus_properties_schema(&l->json, p);
        }
    }

    torus_json_close(&l->json, '}');
    l->stats->points++;
}


static int
torus_properties_held(const torus_property_t *p)
{
    size_t  i;

    for (i = 0; i < p->schema->nintervals; i++) {

        if (p->held[i].present) {
            return 1;
        }
    }

    return 0;
}


static void
torus_properties_schema(torus_json_t *j, const torus_property_t *p)
{
    size_t  i;

    torus_json_key(j, p->schema->name);
    torus_json_open(j, '{');

    for (i = 0; i < p->schema->nintervals; i++) {

        if (!p->held[i].present) {
            continue;
        }

        torus_json_key(j, p->schema->intervals[i].name);
        torus_json_open(j, '{');
        torus_json_keyz(j, "first");
        torus_json_int(j, p->held[i].first);
        torus_json_keyz(j, "last");
        torus_json_int(j, p->held[i].last);
        torus_json_close(j, '}');
    }

    torus_json_close(j, '}');
}


static int
torus_list_cmp(const void *a, const void *b)
{
    const torus_str_t  *x = a;
    const torus_str_t  *y = b;

    return torus_str_cmp(*x, *y);
}
