/*
 * A stat becomes members of sorted sets: itself in the set of the node above
 * it, that node in the one above that, and so on.  One buffer holds the key
 * of the whole path; all keys and members are pieces of it.
 *
 * Every writer does this by itself and none takes anything back: scores only
 * grow.  What is too old is taken out by chance, one in so many writes to a
 * node, which keeps the cost of it small and needs no turn of anybody.
 */

#include "torus_names.h"

#include <stdlib.h>

#include "torus_layout.h"


#define TORUS_NAMES_MIN_REFRESH  60
#define TORUS_NAMES_PRUNE        64     /* one write in so many */
#define TORUS_NAMES_DAY          86400


static int torus_names_key(torus_names_t *names, torus_str_t prefix,
    torus_str_t stat, size_t *start, size_t *end);
static int torus_names_emit(torus_names_t *names,
    const torus_schema_t *schema, size_t len, torus_str_t member,
    int64_t seen, int64_t now);
static uint64_t torus_names_hash(const torus_names_t *names,
    const torus_schema_t *schema, size_t len);
static uint64_t torus_names_random(torus_names_t *names);


int
torus_names_init(torus_names_t *names)
{
    size_t                 i;
    const torus_schema_t  *schema;
    torus_names_schema_t  *s;

    names->key = NULL;
    names->key_size = 0;
    names->random = names->seed;

    names->schemas = calloc(names->set->nschemas + 1,
                            sizeof(torus_names_schema_t));
    if (names->schemas == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < names->set->nschemas; i++) {
        schema = &names->set->schemas[i];
        s = &names->schemas[i];

        s->keep = torus_names_keep(schema);
        s->longest = torus_names_longest(names->set, schema->host,
                                         schema->prefix);
        s->refresh = torus_names_refresh(s->keep);
    }

    torus_expiry_init(&names->known, names->nodes);

    return TORUS_OK;
}


void
torus_names_free(torus_names_t *names)
{
    free(names->schemas);
    free(names->key);
    torus_expiry_free(&names->known);

    names->schemas = NULL;
    names->key = NULL;
    names->key_size = 0;
}


int
torus_names_add(torus_names_t *names, const torus_schema_t *schema,
    torus_str_t stat, int64_t seen, int64_t now)
{
    size_t    start, end, node, above;
    uint64_t  hash;

    /* Graphite hides what begins with a dot, and its node has no key */

    if (stat.len == 0 || stat.data[0] == '.') {
        return TORUS_OK;
    }

    if (torus_names_key(names, schema->prefix, stat, &start, &end)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    node = start + torus_layout_names_leaf(stat);

    if (torus_names_emit(names, schema, node > start ? node - 1 : start,
                         torus_str(names->key + node, end - node), seen, now)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    for ( /* void */ ; node > start; node = above) {

        for (above = node - 1; above > start; above--) {
            if (names->key[above - 1] == '.') {
                break;
            }
        }

        hash = torus_names_hash(names, schema, node);

        if (torus_expiry_known(&names->known, hash, (uint64_t) now * 1000)) {
            continue;
        }

        if (torus_names_emit(names, schema, above > start ? above - 1 : start,
                             torus_str(names->key + above, node - above),
                             now, now)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        torus_expiry_sent(&names->known, hash, (uint64_t) now * 1000);
    }

    return TORUS_OK;
}


int
torus_names_add_new(torus_names_t *names, const torus_schema_t *schema,
    torus_str_t stat, int64_t now)
{
    size_t    start, end;
    uint64_t  hash;

    if (torus_names_key(names, schema->prefix, stat, &start, &end)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    hash = torus_names_hash(names, schema, end);

    if (torus_expiry_known(&names->known, hash, (uint64_t) now * 1000)) {
        return TORUS_OK;
    }

    if (torus_names_add(names, schema, stat, now, now) != TORUS_OK) {
        return TORUS_ERROR;
    }

    torus_expiry_sent(&names->known, hash, (uint64_t) now * 1000);

    return TORUS_OK;
}


/* Names that were new together do not stay together. */
uint32_t
torus_names_due(torus_names_t *names, const torus_schema_t *schema,
    int64_t now)
{
    uint32_t  refresh;

    refresh = names->schemas[schema->index].refresh;
    refresh -= (uint32_t) (torus_names_random(names) % (refresh / 4));

    return (uint32_t) now + refresh;
}


int64_t
torus_names_keep(const torus_schema_t *schema)
{
    size_t                   i;
    int64_t                  keep, longest, step;
    const torus_interval_t  *iv;

    longest = 0;

    for (i = 0; i < schema->nintervals; i++) {
        iv = &schema->intervals[i];

        if (iv->steps <= 0) {
            return 0;
        }

        step = torus_step_nominal(&iv->step);

        /* months may be longer than 30 days, years than 365 */

        if (iv->step.kind != TORUS_STEP_SECONDS) {
            step += step / 25;
        }

        if (iv->steps > INT32_MAX || schema->rolling > INT32_MAX / 2
            || __builtin_mul_overflow(iv->steps + 1
                                      + (schema->rolling > 0
                                         ? schema->rolling : 0),
                                      step, &keep)
            || keep > TORUS_TIME_MAX)
        {
            return 0;
        }

        if (keep > longest) {
            longest = keep;
        }
    }

    return longest;
}


int64_t
torus_names_longest(const torus_schema_set_t *set, const torus_host_t *host,
    torus_str_t prefix)
{
    size_t                 i;
    int64_t                keep, longest;
    const torus_schema_t  *schema;

    longest = 0;

    for (i = 0; i < set->nschemas; i++) {
        schema = &set->schemas[i];

        if (schema->host->index != host->index
            || !torus_str_eq(schema->prefix, prefix))
        {
            continue;
        }

        keep = torus_names_keep(schema);

        if (keep == 0) {
            return 0;
        }

        if (keep > longest) {
            longest = keep;
        }
    }

    return longest;
}


/* Points may have come until it was due to be written again. */
int64_t
torus_names_until(int64_t keep, int64_t seen)
{
    return keep == 0 ? INT64_MAX
           : seen + keep + 2 * (int64_t) torus_names_refresh(keep);
}


int64_t
torus_names_useless(int64_t longest, int64_t now)
{
    int64_t  life;

    life = longest + TORUS_NAMES_SLACK;

    return longest == 0 || now <= life ? 0 : now - life;
}


static int
torus_names_key(torus_names_t *names, torus_str_t prefix, torus_str_t stat,
    size_t *start, size_t *end)
{
    size_t          size;
    unsigned char  *key;

    size = prefix.len + stat.len + TORUS_LAYOUT_NAMES_EXTRA;

    if (size > names->key_size) {
        key = realloc(names->key, size * 2);
        if (key == NULL) {
            return TORUS_ERROR;
        }

        names->key = key;
        names->key_size = size * 2;
    }

    *end = torus_layout_names(names->key, prefix, stat);
    *start = *end - stat.len;

    return TORUS_OK;
}


/* Into the set whose key are the first len bytes. */
static int
torus_names_emit(torus_names_t *names, const torus_schema_t *schema,
    size_t len, torus_str_t member, int64_t seen, int64_t now)
{
    int64_t     life, longest;
    torus_op_t  op;

    longest = names->schemas[schema->index].longest;

    memset(&op, 0, sizeof(torus_op_t));

    op.kind = TORUS_OP_ZADD;
    op.key = torus_str(names->key, len);
    op.arg = member;
    op.delta = seen;

    if (longest != 0) {

        /* of a whole day, so that writers agree and merging can do its job */

        life = now + longest + 2 * TORUS_NAMES_SLACK;
        op.expire = life - life % TORUS_NAMES_DAY;
    }

    if (names->sink(names->data, schema->host, &op) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (torus_names_useless(longest, now) == 0
        || torus_names_random(names) % TORUS_NAMES_PRUNE != 0)
    {
        return TORUS_OK;
    }

    op.kind = TORUS_OP_ZPRUNE;
    op.arg = torus_str("", 0);
    op.delta = torus_names_useless(longest, now);
    op.expire = 0;

    return names->sink(names->data, schema->host, &op);
}


static uint64_t
torus_names_hash(const torus_names_t *names, const torus_schema_t *schema,
    size_t len)
{
    return torus_hash(names->key, len, names->seed + schema->host->index);
}


/* Good enough to spread things out. */
static uint64_t
torus_names_random(torus_names_t *names)
{
    names->random = names->random * 6364136223846793005ULL
                    + 1442695040888963407ULL;

    return names->random >> 33;
}


uint32_t
torus_names_refresh(int64_t keep)
{
    if (keep == 0 || keep / 8 >= TORUS_NAMES_REFRESH) {
        return TORUS_NAMES_REFRESH;
    }

    return keep / 8 <= TORUS_NAMES_MIN_REFRESH ? TORUS_NAMES_MIN_REFRESH
                                               : (uint32_t) (keep / 8);
}
