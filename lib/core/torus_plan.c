/*
 * From a query to what has to be read: schemas, intervals, bucket ranges.
 *
 * Ranges: with both ends the buckets that hold them; with one, "steps"
 * buckets from there; with none, "steps" buckets up to now.  "steps" is the
 * interval's own when it is not given, else 1.
 */

#include "torus_plan.h"
#include "torus_function.h"


static unsigned torus_plan_read(torus_arena_t *arena,
    const torus_query_t *query, const torus_schema_set_t *set,
    torus_read_t *read, torus_error_t *err);
static unsigned torus_plan_schema(const torus_query_t *query,
    const torus_schema_set_t *set, torus_read_t *read, torus_error_t *err);
static void torus_plan_renamed(const torus_query_t *query,
    const torus_schema_set_t *set, torus_read_t *read);
static int torus_plan_take(const torus_query_t *query,
    const torus_schema_t *schema, torus_read_t *read);
static unsigned torus_plan_untaken(const torus_schema_set_t *set,
    const torus_spec_t *spec, torus_error_t *err);
static const torus_schema_t *torus_plan_taker(const torus_schema_set_t *set,
    torus_str_t name);
static int torus_plan_like_call(torus_str_t name);
static unsigned torus_plan_named(const torus_query_t *query,
    const torus_schema_set_t *set, torus_read_t *read, torus_error_t *err);
static int torus_plan_match(const torus_schema_t *schema,
    const torus_spec_t *spec);
static int torus_plan_stems(torus_arena_t *arena, torus_read_t *read);
static void torus_plan_range(const torus_query_t *query, torus_read_t *read);
static unsigned torus_plan_unknown(torus_error_t *err, const char *what,
    torus_str_t text, unsigned status);


/* Most buckets whatever the limits say, far from any overflow. */
#define TORUS_PLAN_BUCKETS  INT64_C(1000000000)


unsigned
torus_plan_make(torus_arena_t *arena, const torus_query_t *query,
    const torus_schema_set_t *set, const torus_limits_t *limits,
    torus_plan_t *plan, torus_error_t *err)
{
    size_t         i;
    int64_t        n, max, step;
    unsigned       rc;
    torus_read_t  *read;

    memset(plan, 0, sizeof(torus_plan_t));

    max = INT64_MAX;

    if (limits->points != 0 && limits->points < INT64_MAX) {
        max = (int64_t) limits->points;
    }

    plan->reads = torus_arena_calloc(arena, query->nspecs,
                                     sizeof(torus_read_t));
    if (plan->reads == NULL) {
        return 500;
    }

    plan->nreads = query->nspecs;

    for (i = 0; i < plan->nreads; i++) {
        read = &plan->reads[i];
        read->spec = &query->specs[i];

        rc = torus_plan_read(arena, read->spec->query, set, read, err);
        if (rc != 200) {
            return rc;
        }

        if (read->schema == NULL) {
            continue;
        }

        if (__builtin_mul_overflow(read->buckets, read->subs, &n)
            || __builtin_mul_overflow(n, (int64_t) read->spec->nnames, &n)
            || __builtin_add_overflow(n, plan->points, &n)
            || n > max
            || read->buckets > TORUS_PLAN_BUCKETS)
        {
            torus_error(err, "the request asks for more than %lld points",
                        (long long) (max < TORUS_PLAN_BUCKETS ? max
                                     : TORUS_PLAN_BUCKETS));
            return 413;
        }

        plan->points = n;

        step = torus_step_nominal(&read->interval->resolution);

        if (plan->step == 0 || step < plan->step) {
            plan->step = step;
        }
    }

    return 200;
}


static unsigned
torus_plan_read(torus_arena_t *arena, const torus_query_t *query,
    const torus_schema_set_t *set, torus_read_t *read, torus_error_t *err)
{
    unsigned             rc;
    torus_str_t          name, type;
    const torus_spec_t  *spec;

    rc = query->schema.len != 0
         ? torus_plan_named(query, set, read, err)
         : torus_plan_schema(query, set, read, err);

    if (rc != 200 || read->schema == NULL) {
        return rc;
    }

    spec = read->spec;

    if (spec->function != NULL
        && !(spec->function->types & torus_type_bit(read->schema->type)))
    {
        name = read->schema->name;
        type = torus_type_name(read->schema->type);

        torus_error(err, "argument \"stat\": function \"%.*s\" does not "
                    "apply to type %.*s of schema \"%.*s\"",
                    torus_fmt(spec->fname), torus_fmt(type), torus_fmt(name));
        return 400;
    }

    torus_plan_range(query, read);

    read->subs = torus_plan_subs(read->interval);

    return torus_plan_stems(arena, read) == TORUS_OK ? 200 : 500;
}


static unsigned
torus_plan_schema(const torus_query_t *query, const torus_schema_set_t *set,
    torus_read_t *read, torus_error_t *err)
{
    int                    matched;
    size_t                 i;
    const torus_schema_t  *schema;

    matched = 0;

    for (i = 0; i < set->nschemas; i++) {
        schema = &set->schemas[i];

        if (!torus_plan_match(schema, read->spec)) {
            continue;
        }

        matched = 1;

        if (torus_plan_take(query, schema, read)) {
            return 200;
        }
    }

    if (matched) {
        return torus_plan_unknown(err, "interval", query->interval, 400);
    }

    torus_plan_renamed(query, set, read);

    return read->schema != NULL ? 200
                                : torus_plan_untaken(set, read->spec, err);
}


/*
 * The first schema that gives stats other names, when no pattern takes the
 * stat: what it stores need not match anything.
 */
static void
torus_plan_renamed(const torus_query_t *query, const torus_schema_set_t *set,
    torus_read_t *read)
{
    size_t                 i;
    const torus_schema_t  *schema;

    for (i = 0; i < set->nschemas; i++) {
        schema = &set->schemas[i];

        if (torus_schema_renames(schema)
            && torus_plan_take(query, schema, read))
        {
            return;
        }
    }
}


/* Its interval of the query's, if it has one; the first, if any will do. */
static int
torus_plan_take(const torus_query_t *query, const torus_schema_t *schema,
    torus_read_t *read)
{
    const torus_interval_t  *iv;

    iv = query->interval.len == 0
         ? &schema->intervals[0]
         : torus_schema_interval(schema, query->interval);

    if (iv == NULL) {
        return 0;
    }

    read->schema = schema;
    read->interval = iv;

    return 1;
}


/*
 * A stat that there is not is no error.  It is one to write a function in a
 * way that makes it a stat, or to join what no one schema holds.
 */
static unsigned
torus_plan_untaken(const torus_schema_set_t *set, const torus_spec_t *spec,
    torus_error_t *err)
{
    char                   quoted[128];
    size_t                 i, n, other;
    const torus_schema_t  *first, *schema;

    other = 0;

    /* of the first name; NULL as soon as one has none */
    first = torus_plan_taker(set, spec->names[0]);

    for (i = 0; i < spec->nnames; i++) {
        schema = torus_plan_taker(set, spec->names[i]);

        if (schema != NULL) {

            if (other == 0 && first != NULL
                && !torus_schema_match(first, spec->names[i]))
            {
                other = i;
            }

            continue;
        }

        if (torus_plan_like_call(spec->names[i])) {
            n = torus_escape(quoted, sizeof(quoted), spec->text);
            torus_error(err, "argument \"stat\": \"%.*s\" is neither a stat "
                        "that a schema takes nor one function of stats, "
                        "\"mean(a)\" or \"mean(a,b)\"", (int) n, quoted);
            return 400;
        }

        first = NULL;
    }

    if (first == NULL || other == 0) {
        return 200;
    }

    n = torus_escape(quoted, sizeof(quoted), spec->text);
    schema = torus_plan_taker(set, spec->names[other]);

    torus_error(err, "argument \"stat\": no schema takes all of \"%.*s\", "
                "schema \"%.*s\" the first and schema \"%.*s\" another",
                (int) n, quoted, torus_fmt(first->name),
                torus_fmt(schema->name));

    return 400;
}


/* The first schema that matches a name, or NULL. */
static const torus_schema_t *
torus_plan_taker(const torus_schema_set_t *set, torus_str_t name)
{
    size_t  i;

    for (i = 0; i < set->nschemas; i++) {

        if (torus_schema_match(&set->schemas[i], name)) {
            return &set->schemas[i];
        }
    }

    return NULL;
}


/* Does it begin as "func(name)" does? */
static int
torus_plan_like_call(torus_str_t name)
{
    const unsigned char  *p;

    p = memchr(name.data, '(', name.len);

    return p != NULL
           && torus_query_fname(torus_str(name.data,
                                          (size_t) (p - name.data)));
}


static unsigned
torus_plan_named(const torus_query_t *query, const torus_schema_set_t *set,
    torus_read_t *read, torus_error_t *err)
{
    const torus_schema_t  *schema;

    schema = torus_schema_find(set, query->schema);

    if (schema == NULL) {
        return torus_plan_unknown(err, "schema", query->schema, 404);
    }

    read->schema = schema;
    read->interval = query->interval.len == 0
                     ? &schema->intervals[0]
                     : torus_schema_interval(schema, query->interval);

    if (read->interval == NULL) {
        return torus_plan_unknown(err, "interval", query->interval, 400);
    }

    return 200;
}


static int
torus_plan_match(const torus_schema_t *schema, const torus_spec_t *spec)
{
    size_t  i;

    for (i = 0; i < spec->nnames; i++) {

        if (!torus_schema_match(schema, spec->names[i])) {
            return 0;
        }
    }

    return 1;
}


static int
torus_plan_stems(torus_arena_t *arena, torus_read_t *read)
{
    size_t          i;
    torus_str_t     prefix, name;
    unsigned char  *p;

    read->stems = torus_arena_alloc(arena, read->spec->nnames
                                           * sizeof(torus_str_t));
    if (read->stems == NULL) {
        return TORUS_ERROR;
    }

    prefix = read->schema->prefix;

    for (i = 0; i < read->spec->nnames; i++) {
        name = read->spec->names[i];

        p = torus_arena_alloc(arena, prefix.len + name.len + 1);
        if (p == NULL) {
            return TORUS_ERROR;
        }

        read->stems[i] = torus_str(p, prefix.len + name.len + 1);

        if (prefix.len != 0) {
            memcpy(p, prefix.data, prefix.len);
        }

        memcpy(p + prefix.len, name.data, name.len);
        p[prefix.len + name.len] = ':';
    }

    return TORUS_OK;
}


static void
torus_plan_range(const torus_query_t *query, torus_read_t *read)
{
    int64_t              steps;
    const torus_step_t  *step;

    step = &read->interval->step;

    steps = query->has_steps ? query->steps
            : read->interval->steps != 0 ? read->interval->steps : 1;

    if (steps > TORUS_PLAN_BUCKETS + 1) {
        steps = TORUS_PLAN_BUCKETS + 1;
    }

    if (query->has_start) {
        read->first = torus_step_bucket(step, query->start);
        read->last = query->has_end
                     ? torus_step_bucket(step, query->end)
                     : torus_step_add(step, read->first, steps - 1);

    } else {
        read->last = torus_step_bucket(step, query->has_end ? query->end
                                                            : query->now);
        read->first = torus_step_add(step, read->last, 1 - steps);
    }

    read->buckets = torus_step_count(step, read->first, read->last);

    if (read->buckets < 1) {

        /* at the end of time, where bucket numbers stand still */

        read->last = read->first;
        read->buckets = 1;
    }
}


int64_t
torus_plan_subs(const torus_interval_t *iv)
{
    int64_t  length, unit;

    static const int64_t  longest[] = { 0, 86400, 604800, 2678400, 31622400 };
    static const int64_t  shortest[] = { 0, 86400, 86400, 2419200, 31536000 };

    if (iv->coarse) {
        return 1;
    }

    length = iv->step.kind == TORUS_STEP_SECONDS ? iv->step.seconds
                                                 : longest[iv->step.kind];
    unit = iv->resolution.kind == TORUS_STEP_SECONDS
           ? iv->resolution.seconds : shortest[iv->resolution.kind];

    if (iv->resolution.kind == TORUS_STEP_WEEKLY) {

        /* whole weeks, and the two that a new year cuts short */

        return length / 604800 + 3;
    }

    return length / unit + (length % unit != 0) * 2;
}


static unsigned
torus_plan_unknown(torus_error_t *err, const char *what, torus_str_t text,
    unsigned status)
{
    size_t  n;
    char    quoted[128];

    n = torus_escape(quoted, sizeof(quoted), text);

    torus_error(err, "argument \"%s\": unknown %s \"%.*s\"", what, what,
                (int) n, quoted);

    return status;
}
