/*
 * What no schema gets wrong alone: two that write the same keys, one that no
 * stat reaches, a rule that feeds many stats into a gauge or nothing, a set
 * that stores nothing.
 *
 * Schemas with faults of their own may lack anything here.
 */

#include "torus_schema_load.h"


static void torus_schema_check_pair(torus_schema_loader_t *l,
    const torus_schema_t *first, const torus_schema_t *second);
static void torus_schema_check_reach(torus_schema_loader_t *l,
    const torus_schema_t *first, const torus_schema_t *second);
static void torus_schema_check_interval(torus_schema_loader_t *l,
    const torus_schema_t *first, const torus_interval_t *a,
    const torus_schema_t *second, const torus_interval_t *b);
static int torus_schema_same_keys(const torus_schema_t *a,
    const torus_schema_t *b);
static int torus_schema_apart(const torus_schema_t *a,
    const torus_schema_t *b);
static const torus_pattern_t *torus_schema_shared(const torus_schema_t *a,
    const torus_schema_t *b);
static void torus_schema_check_rule(torus_schema_loader_t *l, size_t i);
static void torus_schema_check_target(torus_schema_loader_t *l, size_t i);
static void torus_schema_check_gauge(torus_schema_loader_t *l, size_t i);
static void torus_schema_at_rule(torus_schema_loader_t *l, size_t i,
    char key[64]);
static int torus_schema_sample(torus_schema_loader_t *l, torus_str_t target,
    torus_str_t *sample);


void
torus_schema_check(torus_schema_loader_t *l)
{
    size_t               i, k;
    torus_schema_set_t  *set;

    set = l->set;

    for (i = 1; i < set->nschemas; i++) {
        for (k = 0; k < i; k++) {
            torus_schema_check_reach(l, &set->schemas[k], &set->schemas[i]);
            torus_schema_check_pair(l, &set->schemas[k], &set->schemas[i]);
        }
    }

    for (i = 0; i < torus_aggregates_count(set->aggregates); i++) {
        torus_schema_check_rule(l, i);
    }

    torus_schema_check_macros(l);

    if (set->nschemas == 0 && l->errors == 0) {
        l->schema = NULL;
        torus_schema_fault(l, NULL, "no schema is defined, \"TIMESERIES\" is "
                           "missing or empty");
    }
}


/* Is all that the second matches gone before? */
static void
torus_schema_check_reach(torus_schema_loader_t *l, const torus_schema_t *first,
    const torus_schema_t *second)
{
    char         name[TORUS_SCHEMA_QUOTE];
    size_t       i, k;
    torus_str_t  a, b;

    if (!first->final || first->nexcept != 0 || second->nmatch == 0) {
        return;
    }

    for (i = 0; i < second->nmatch; i++) {
        b = torus_pattern_text(second->match[i]);

        for (k = 0; k < first->nmatch; k++) {
            a = torus_pattern_text(first->match[k]);

            if (torus_str_eq(a, b) || torus_str_is(a, "**")
                || torus_str_is(a, "~"))
            {
                break;
            }
        }

        if (k == first->nmatch) {
            return;
        }
    }

    l->schema = second;
    l->file = second->file;

    torus_schema_warn(l, "match", "takes nothing: schema \"%s\" before this "
                      "one takes all such stats and is \"final\"",
                      torus_schema_quote(name, first->name));

    l->schema = NULL;
}


static void
torus_schema_check_pair(torus_schema_loader_t *l, const torus_schema_t *first,
    const torus_schema_t *second)
{
    size_t                   i;
    const torus_interval_t  *a, *b;

    if (!torus_schema_same_keys(first, second)
        || torus_schema_apart(first, second))
    {
        return;
    }

    l->schema = second;
    l->file = second->file;

    for (i = 0; i < second->nintervals; i++) {
        b = &second->intervals[i];
        a = torus_schema_interval(first, b->name);

        if (a != NULL) {
            torus_schema_check_interval(l, first, a, second, b);
        }
    }

    l->schema = NULL;
}


/* Which keys are in common is a matter of host, prefix and interval name. */
static void
torus_schema_check_interval(torus_schema_loader_t *l,
    const torus_schema_t *first, const torus_interval_t *a,
    const torus_schema_t *second, const torus_interval_t *b)
{
    char                    key[TORUS_SCHEMA_QUOTE + 16];
    char                    name[TORUS_SCHEMA_QUOTE], shown[TORUS_SCHEMA_QUOTE];
    const char             *other;
    const torus_pattern_t  *shared;

    if (first->type != second->type) {
        other = "type";

    } else if (!torus_step_eq(&a->step, &b->step)) {
        other = "step";

    } else if (!torus_step_eq(&a->resolution, &b->resolution)) {
        other = "resolution";

    } else if (a->packed != b->packed) {
        other = "layout";

    } else {
        other = NULL;
    }

    shared = first->final ? NULL : torus_schema_shared(first, second);

    (void) snprintf(key, sizeof(key), "intervals.%s",
                    torus_schema_quote(shown, b->name));

    (void) torus_schema_quote(name, first->name);

    if (other != NULL && shared != NULL) {
        torus_schema_fault(l, key, "has the keys of schema \"%s\" but "
                           "another %s, and both match \"%s\"", name, other,
                           torus_schema_quote(shown,
                                              torus_pattern_text(shared)));

    } else if (other != NULL) {
        torus_schema_warn(l, key, "has the keys of schema \"%s\" but another "
                          "%s; another \"prefix\" or name keeps them apart",
                          name, other);

    } else if (shared != NULL) {
        torus_schema_warn(l, key, "has the keys of schema \"%s\", and both "
                          "match \"%s\": its points are stored there twice",
                          name,
                          torus_schema_quote(shown,
                                             torus_pattern_text(shared)));
    }
}


/* Credentials do not tell keys apart. */
static int
torus_schema_same_keys(const torus_schema_t *a, const torus_schema_t *b)
{
    return a->host != NULL && b->host != NULL
           && torus_str_eq(a->host->name, b->host->name)
           && torus_str_eq(a->prefix, b->prefix);
}


/* Can no stat be in both?  A stat that a transform makes may be any. */
static int
torus_schema_apart(const torus_schema_t *a, const torus_schema_t *b)
{
    size_t  i, k;

    if (a->transform != NULL || b->transform != NULL) {
        return 0;
    }

    for (i = 0; i < a->nmatch; i++) {
        for (k = 0; k < b->nmatch; k++) {
            if (!torus_pattern_apart(a->match[i], b->match[k])) {
                return 0;
            }
        }
    }

    return 1;
}


static const torus_pattern_t *
torus_schema_shared(const torus_schema_t *a, const torus_schema_t *b)
{
    size_t  i, k;

    for (i = 0; i < a->nmatch; i++) {
        for (k = 0; k < b->nmatch; k++) {
            if (torus_str_eq(torus_pattern_text(a->match[i]),
                             torus_pattern_text(b->match[k])))
            {
                return b->match[k];
            }
        }
    }

    return NULL;
}


static void
torus_schema_check_rule(torus_schema_loader_t *l, size_t i)
{
    torus_schema_check_target(l, i);

    if (torus_aggregates_many(l->set->aggregates, i)) {
        torus_schema_check_gauge(l, i);
    }
}


/* A target with captures may become any name; what others make is whole. */
static void
torus_schema_check_target(torus_schema_loader_t *l, size_t i)
{
    int                        rc;
    char                       key[64], shown[TORUS_SCHEMA_QUOTE];
    size_t                     k;
    torus_str_t                target, name;
    const torus_aggregates_t  *ag;

    ag = l->set->aggregates;
    target = torus_aggregates_target(ag, i);

    if (memchr(target.data, '<', target.len) != NULL) {
        return;
    }

    for (k = 0; k < l->set->nschemas; k++) {
        if (torus_schema_match(&l->set->schemas[k], target)) {
            return;
        }
    }

    for (k = 0; k < torus_aggregates_count(ag); k++) {
        rc = torus_aggregates_apply(ag, k, target, l->arena, &name);

        if (rc == TORUS_OK && !torus_str_eq(name, target)) {
            return;
        }

        if (rc == TORUS_ERROR) {
            l->no_memory = 1;
            return;
        }
    }

    torus_schema_at_rule(l, i, key);
    torus_schema_warn(l, key, "makes \"%s\", which no schema matches",
                      torus_schema_quote(shown, target));
}


/* Of one that many stats feed. */
static void
torus_schema_check_gauge(torus_schema_loader_t *l, size_t i)
{
    char                   key[64], name[TORUS_SCHEMA_QUOTE];
    size_t                 k;
    torus_str_t            sample;
    const torus_schema_t  *schema;

    if (torus_schema_sample(l, torus_aggregates_target(l->set->aggregates, i),
                            &sample)
        != TORUS_OK)
    {
        l->no_memory = 1;
        return;
    }

    torus_schema_at_rule(l, i, key);

    for (k = 0; k < l->set->nschemas; k++) {
        schema = &l->set->schemas[k];

        if (!torus_schema_match(schema, sample)) {
            continue;
        }

        if (schema->type == TORUS_GAUGE) {
            torus_schema_warn(l, key, "feeds many stats into schema \"%s\", a "
                              "gauge, which keeps whichever came last",
                              torus_schema_quote(name, schema->name));
        }

        if (schema->final) {
            break;
        }
    }
}


/* Messages are about this rule, key is its. */
static void
torus_schema_at_rule(torus_schema_loader_t *l, size_t i, char key[64])
{
    l->schema = NULL;
    l->file = l->rules[i].file;

    (void) snprintf(key, 64, "AGGREGATES[%zu]", l->rules[i].index);
}


/* A name that the target may become: the name of each capture is its text. */
static int
torus_schema_sample(torus_schema_loader_t *l, torus_str_t target,
    torus_str_t *sample)
{
    size_t          i;
    unsigned char  *p, *dst;

    dst = torus_arena_alloc(l->arena, target.len + 1);
    if (dst == NULL) {
        return TORUS_ERROR;
    }

    p = dst;

    for (i = 0; i < target.len; i++) {
        if (target.data[i] != '<' && target.data[i] != '>') {
            *p++ = target.data[i];
        }
    }

    *sample = torus_str(dst, (size_t) (p - dst));

    return TORUS_OK;
}
