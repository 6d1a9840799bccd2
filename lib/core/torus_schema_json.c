/*
 * From JSON to schemas and aggregate rules.
 *
 * Each level of the file (the file itself, a schema, an interval) has a table
 * of its keys; a key of the file runs its handler, in the order of the file.
 * A new key is a new line there and a function.  What depends on several keys
 * is done when all of an object have been seen.
 */

#include "torus_schema_load.h"


#define TORUS_SCHEMA_ROLLING_MAX  1000


static void torus_schema_unknown(torus_schema_loader_t *l,
    const torus_schema_key_t *keys, const char *key);
static const char *torus_schema_nearest(const torus_schema_key_t *keys,
    const char *key);
static size_t torus_schema_distance(const char *a, const char *b);
static int torus_schema_name(torus_schema_loader_t *l, const char *key,
    torus_str_t name);

static void torus_schema_timeseries(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_aggregates(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_rule(torus_schema_loader_t *l, const char *key,
    size_t index, torus_str_t target, torus_str_t source);
static void torus_schema_rule_literal(torus_schema_loader_t *l,
    const char *key, torus_str_t text, int target);
static int torus_schema_looks_special(torus_str_t part, int target);
static void torus_schema_unsupported(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);

static void torus_schema_one(torus_schema_loader_t *l, void *object,
    torus_str_t name, json_t *value, int listed);
static void torus_schema_defaults(torus_schema_loader_t *l,
    torus_schema_t *schema, json_t *json);
static void torus_schema_check_text(torus_schema_loader_t *l,
    const torus_schema_t *schema, json_t *json);
static void torus_schema_type(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_host(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_set_host(torus_schema_loader_t *l,
    torus_schema_t *schema, torus_str_t text);
static void torus_schema_matches(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_excepts(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_patterns(torus_schema_loader_t *l, const char *key,
    json_t *value, torus_pattern_t ***patterns, size_t *n);
static void torus_schema_pattern(torus_schema_loader_t *l, const char *key,
    json_t *value, torus_pattern_t **patterns, size_t *n);
static void torus_schema_regex(torus_schema_loader_t *l, const char *key,
    torus_str_t text);
static void torus_schema_prefix(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_write_func(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_read_func(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_func(torus_schema_loader_t *l, const char *key,
    torus_str_t text, torus_func_t **func);
static void torus_schema_rolling(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_final(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static void torus_schema_zeros(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);

static void torus_schema_fold(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);



static const torus_schema_key_t  torus_schema_file_keys[] = {
    { "TIMESERIES",  torus_schema_timeseries },
    { "SCHEMAS",     torus_schema_timeseries },
    { "AGGREGATES",  torus_schema_aggregates },
    { "TRANSFORMS",  torus_schema_transforms },
    { "MACROS",      torus_schema_macros },
    { NULL,          NULL }
};


static const torus_schema_key_t  torus_schema_schema_keys[] = {
    { "type",        torus_schema_type },
    { "host",        torus_schema_host },
    { "shards",      torus_schema_unsupported },
    { "match",       torus_schema_matches },
    { "except",      torus_schema_excepts },
    { "final",       torus_schema_final },
    { "zeros",       torus_schema_zeros },
    { "fold",        torus_schema_fold },
    { "prefix",      torus_schema_prefix },
    { "write_func",  torus_schema_write_func },
    { "read_func",   torus_schema_read_func },
    { "transform",   torus_schema_transform },
    { "rolling",     torus_schema_rolling },
    { "intervals",   torus_schema_intervals },
    { NULL,          NULL }
};


void
torus_schema_count(json_t *root, torus_schema_counts_t *counts)
{
    size_t   i;
    json_t  *value;

    static const char *const  names[] = { "TIMESERIES", "SCHEMAS" };

    for (i = 0; i < 2; i++) {
        value = json_object_get(root, names[i]);

        /* each of them is 0 of what is neither */
        counts->schemas += json_object_size(value) + json_array_size(value);
    }

    counts->rules += json_array_size(json_object_get(root, "AGGREGATES"));
    counts->transforms += json_object_size(json_object_get(root,
                                                           "TRANSFORMS"));
    counts->macros += json_object_size(json_object_get(root, "MACROS"));
}


void
torus_schema_json(torus_schema_loader_t *l, json_t *root)
{
    l->schema = NULL;
    l->path[0] = '\0';

    if (json_object_get(root, "TIMESERIES") != NULL
        && json_object_get(root, "SCHEMAS") != NULL)
    {
        torus_schema_fault(l, "SCHEMAS", "is another name of \"TIMESERIES\", "
                           "which is there too");
    }

    torus_schema_keys(l, torus_schema_file_keys, root, NULL, 0);
}


void
torus_schema_keys(torus_schema_loader_t *l, const torus_schema_key_t *keys,
    json_t *json, void *object, int listed)
{
    json_t                    *value;
    const char                *key;
    const torus_schema_key_t  *k;

    json_object_foreach(json, key, value) {

        if (listed && strcmp(key, "name") == 0) {
            continue;
        }

        for (k = keys; k->name != NULL; k++) {
            if (strcmp(key, k->name) == 0) {
                break;
            }
        }

        if (k->name != NULL) {
            k->handler(l, object, key, value);

        } else {
            torus_schema_unknown(l, keys, key);
        }
    }
}


static void
torus_schema_unknown(torus_schema_loader_t *l, const torus_schema_key_t *keys,
    const char *key)
{
    char         shown[TORUS_SCHEMA_QUOTE];
    const char  *nearest;

    nearest = torus_schema_nearest(keys, key);
    (void) torus_schema_quote(shown, torus_str(key, strlen(key)));

    if (nearest != NULL) {
        torus_schema_fault(l, NULL, "unknown key \"%s%s\", did you mean "
                           "\"%s\"?", l->path, shown, nearest);

    } else {
        torus_schema_fault(l, NULL, "unknown key \"%s%s\"", l->path, shown);
    }
}


/*
 * The key that was meant: what Graphite calls otherwise, or the one with the
 * nearest spelling.  NULL when none is near: more than a third of it would
 * have to change.
 */
static const char *
torus_schema_nearest(const torus_schema_key_t *keys, const char *key)
{
    size_t       i, distance, least;
    const char  *nearest;

    static const struct {
        const char  *key;
        const char  *ours;
    } graphite[] = {
        { "pattern", "match" },
        { "retention", "keep" },
        { "retentions", "keep" },
        { "aggregationMethod", "fold" },
    };

    nearest = NULL;
    least = SIZE_MAX;

    for (i = 0; i < sizeof(graphite) / sizeof(graphite[0]); i++) {
        if (strcmp(graphite[i].key, key) == 0) {
            key = graphite[i].ours;
        }
    }

    for ( /* void */ ; keys->name != NULL; keys++) {
        distance = torus_schema_distance(keys->name, key);

        if (distance < least && distance * 3 <= strlen(keys->name) + 2) {
            least = distance;
            nearest = keys->name;
        }
    }

    return nearest;
}


/*
 * Letters added, left out, replaced, or swapped with the next, to come from
 * one to the other; upper and lower case are the same.  Three rows of the
 * usual table are enough.
 */
static size_t
torus_schema_distance(const char *a, const char *b)
{
    size_t         i, j, n, m, cost;
    size_t         rows[3][32], *row, *last, *before, *spare;
    unsigned char  x, y;

    n = strlen(a);
    m = strlen(b);

    if (m >= 32) {
        return SIZE_MAX / 3;
    }

    row = rows[0];
    last = rows[1];
    before = rows[2];

    for (j = 0; j <= m; j++) {
        last[j] = j;
        before[j] = j;
    }

    for (i = 1; i <= n; i++) {
        row[0] = i;

        for (j = 1; j <= m; j++) {
            x = (unsigned char) a[i - 1] | 0x20;
            y = (unsigned char) b[j - 1] | 0x20;

            cost = last[j - 1] + (x != y);

            cost = (last[j] + 1 < cost) ? last[j] + 1 : cost;
            cost = (row[j - 1] + 1 < cost) ? row[j - 1] + 1 : cost;

            if (i > 1 && j > 1
                && x == ((unsigned char) b[j - 2] | 0x20)
                && y == ((unsigned char) a[i - 2] | 0x20)
                && before[j - 2] + 1 < cost)
            {
                cost = before[j - 2] + 1;
            }

            row[j] = cost;
        }

        spare = before;
        before = last;
        last = row;
        row = spare;
    }

    return last[m];
}


/* {"a": {..}, "b": {..}} or [{"name": "a", ..}, {"name": "b", ..}] */
void
torus_schema_each(torus_schema_loader_t *l, const char *key, json_t *json,
    torus_schema_named_pt handler, void *object)
{
    char         item[64];
    size_t       i;
    json_t      *value, *name;
    const char  *k;

    if (json_is_object(json)) {

        json_object_foreach(json, k, value) {
            if (torus_schema_name(l, key, torus_str(k, strlen(k)))) {
                handler(l, object, torus_str(k, strlen(k)), value, 0);
            }
        }

        return;
    }

    if (!json_is_array(json)) {
        torus_schema_wrong(l, key, "an object, or a list of objects with a "
                           "\"name\"", json);
        return;
    }

    json_array_foreach(json, i, value) {
        (void) snprintf(item, sizeof(item), "%s[%zu]", key, i);

        name = json_object_get(value, "name");

        if (!json_is_string(name)) {
            torus_schema_fault(l, item, "must be an object with a \"name\", "
                               "a string");

        } else if (torus_schema_name(l, item, torus_schema_str(name))) {
            handler(l, object, torus_schema_str(name), value, 1);
        }
    }
}


/* Any text that a request can name and a person can read. */
static int
torus_schema_name(torus_schema_loader_t *l, const char *key, torus_str_t name)
{
    char    shown[TORUS_SCHEMA_QUOTE];
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) {
            break;
        }
    }

    if (i < name.len || name.len == 0 || name.len > TORUS_SCHEMA_NAME) {
        torus_schema_fault(l, key, "has a name that is not 1 to %d bytes "
                           "without control characters: \"%s\"",
                           TORUS_SCHEMA_NAME,
                           torus_schema_quote(shown, name));
        return 0;
    }

    return 1;
}


static void
torus_schema_timeseries(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_schema_each(l, key, value, torus_schema_one, object);

    l->schema = NULL;
}


static void
torus_schema_aggregates(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    char     item[64];
    size_t   i;
    json_t  *pair, *target, *source;

    (void) object;

    if (!json_is_array(value)) {
        torus_schema_wrong(l, key, "a list of [target, source]", value);
        return;
    }

    json_array_foreach(value, i, pair) {
        (void) snprintf(item, sizeof(item), "%s[%zu]", key, i);

        /* both are NULL unless pair is a list */

        target = json_array_get(pair, 0);
        source = json_array_get(pair, 1);

        if (json_array_size(pair) != 2 || !json_is_string(target)
            || !json_is_string(source))
        {
            torus_schema_fault(l, item, "must be [target, source], two "
                               "strings");
            continue;
        }

        torus_schema_rule(l, item, i, torus_schema_str(target),
                          torus_schema_str(source));
    }
}


static void
torus_schema_rule(torus_schema_loader_t *l, const char *key, size_t index,
    torus_str_t target, torus_str_t source)
{
    int            rc;
    size_t         n;
    torus_error_t  err;

    if (target.len == 0 || source.len == 0) {
        torus_schema_fault(l, key, "has an empty %s",
                           target.len == 0 ? "target" : "source");
        return;
    }

    n = torus_aggregates_count(l->set->aggregates);

    rc = torus_aggregates_add(l->set->aggregates, target, source, &err);

    if (rc == TORUS_INVALID) {
        torus_schema_fault(l, key, "is not a rule: %s", err.text);
        return;
    }

    if (rc != TORUS_OK) {
        l->no_memory = 1;
        return;
    }

    l->rules[n].file = l->file;
    l->rules[n].index = index;

    torus_schema_rule_literal(l, key, target, 1);
    torus_schema_rule_literal(l, key, source, 0);
}


/* Says so where somebody may have expected more than a literal. */
static void
torus_schema_rule_literal(torus_schema_loader_t *l, const char *key,
    torus_str_t text, int target)
{
    char         shown[TORUS_SCHEMA_QUOTE];
    size_t       i, first;
    torus_str_t  part;

    first = 0;

    for (i = 0; i <= text.len; i++) {

        if (i < text.len && text.data[i] != '.') {
            continue;
        }

        part = torus_str(text.data + first, i - first);
        first = i + 1;

        if (torus_schema_looks_special(part, target)) {
            torus_schema_warn(l, key, "takes \"%s\" of its %s literally, only "
                              "%s",
                              torus_schema_quote(shown, part),
                              target ? "target" : "source",
                              target ? "a whole component \"<name>\" is more"
                                     : "whole components \"*\" and "
                                       "\"<name>\" are more");
        }
    }
}


static int
torus_schema_looks_special(torus_str_t part, int target)
{
    const unsigned char  *open;

    if (part.len == 0 || torus_str_is(part, "*")) {
        return part.len != 0 && target;
    }

    if (memchr(part.data, '*', part.len) != NULL) {
        return 1;
    }

    open = memchr(part.data, '<', part.len);

    if (open == NULL) {
        return 0;
    }

    return (open != part.data || part.data[part.len - 1] != '>')
           && memchr(open, '>', (size_t) (part.data + part.len - open))
              != NULL;
}


static void
torus_schema_unsupported(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    (void) object;
    (void) value;

    torus_schema_fault(l, key, "is not supported yet");
}


static void
torus_schema_one(torus_schema_loader_t *l, void *object, torus_str_t name,
    json_t *value, int listed)
{
    torus_schema_t        *schema;
    const torus_schema_t  *other;

    (void) object;

    other = torus_schema_find(l->set, name);

    schema = &l->set->schemas[l->set->nschemas];
    schema->index = l->set->nschemas;
    schema->file = l->file;

    if (torus_arena_dup(l->arena, name, &schema->name) != TORUS_OK) {
        l->no_memory = 1;
        return;
    }

    l->set->nschemas++;
    l->schema = schema;

    if (other != NULL) {
        torus_schema_fault(l, NULL, "a schema of this name is already in "
                           "\"%.*s\"", torus_fmt(other->file));
    }

    if (json_is_object(value)) {
        schema->type = TORUS_HISTOGRAM;

        torus_schema_keys(l, torus_schema_schema_keys, value, schema, listed);
        torus_schema_defaults(l, schema, value);

    } else {
        torus_schema_wrong(l, NULL, "an object", value);
    }

    l->schema = NULL;
}


/* Of keys that are there, good or not, nothing more is said here. */
static void
torus_schema_defaults(torus_schema_loader_t *l, torus_schema_t *schema,
    json_t *json)
{
    torus_str_t  func, host;

    func = (torus_str_t) torus_string("long_or_float");
    host = (torus_str_t) torus_string("localhost:6379/0");

    if (json_object_get(json, "host") == NULL) {
        torus_schema_set_host(l, schema, host);
    }

    if (json_object_get(json, "write_func") == NULL) {
        torus_schema_func(l, "write_func", func, &schema->write_func);
    }

    if (json_object_get(json, "read_func") == NULL) {
        torus_schema_func(l, "read_func", func, &schema->read_func);
    }

    if (json_object_get(json, "match") == NULL) {
        torus_schema_fault(l, "match", "is required");
    }

    if (json_object_get(json, "intervals") == NULL) {
        torus_schema_fault(l, "intervals", "is required");
    }

    if (json_object_get(json, "zeros") != NULL && schema->type != TORUS_COUNT)
    {
        torus_schema_warn(l, "zeros", "has no effect on a %s",
                          (char *) torus_type_name(schema->type).data);
    }

    torus_schema_check_text(l, schema, json);
}


/*
 * Text that is stored and that no read makes anything of.  What makes a
 * number of a number is meant for numbers; who wrote "read_func" or
 * "transform.value" may know what comes.
 */
static void
torus_schema_check_text(torus_schema_loader_t *l, const torus_schema_t *schema,
    json_t *json)
{
    char             shown[TORUS_SCHEMA_QUOTE];
    size_t           i;
    torus_value_t    v, number;
    torus_scratch_t  scratch;
    unsigned char    room[TORUS_FUNC_SCRATCH];

    static const torus_str_t  samples[] = {
        torus_string("1"), torus_string("a")
    };

    if (schema->type == TORUS_COUNT
        || schema->write_func == NULL
        || json_object_get(json, "read_func") != NULL
        || json_object_get(json_object_get(json, "transform"), "value")
           != NULL)
    {
        return;
    }

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        scratch.pos = room;
        scratch.end = room + sizeof(room);

        if (torus_func_apply(schema->write_func, samples[i], &v, &scratch)
            != TORUS_OK)
        {
            continue;
        }

        if (v.kind != TORUS_VALUE_TEXT) {
            return;
        }

        if (torus_number_parse(v.text, &number) == TORUS_DECLINED) {
            torus_schema_warn(l, "write_func", "stores text such as \"%s\", "
                              "which no answer shows without \"read_func\": "
                              "\"string\"", torus_schema_quote(shown, v.text));
            return;
        }
    }
}


static void
torus_schema_type(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    char             shown[TORUS_SCHEMA_QUOTE];
    torus_str_t      text;
    torus_type_t     type;
    torus_schema_t  *schema;

    schema = object;

    if (!torus_schema_string(l, key, value, &text)) {
        return;
    }

    for (type = TORUS_SERIES; type <= TORUS_SET; type++) {
        if (torus_str_eq(text, torus_type_name(type))) {
            schema->type = type;
            return;
        }
    }

    torus_schema_fault(l, key, "must be one of series, histogram, count, "
                       "gauge and set, not \"%s\"",
                       torus_schema_quote(shown, text));
}


static void
torus_schema_host(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_str_t  text;

    if (torus_schema_string(l, key, value, &text)) {
        torus_schema_set_host(l, object, text);
    }
}


static void
torus_schema_set_host(torus_schema_loader_t *l, torus_schema_t *schema,
    torus_str_t text)
{
    int                  rc;
    size_t               i;
    torus_host_t         host;
    torus_error_t        err;
    torus_schema_set_t  *set;

    set = l->set;

    rc = torus_host_parse(l->arena, text, &host, &err);

    if (rc == TORUS_INVALID) {
        torus_schema_fault(l, "host", "%s", err.text);
        return;
    }

    if (rc != TORUS_OK) {
        l->no_memory = 1;
        return;
    }

    for (i = 0; i < set->nhosts; i++) {
        if (torus_host_eq(&set->hosts[i], &host)) {
            break;
        }
    }

    if (i == set->nhosts) {
        host.index = i;
        set->hosts[i] = host;
        set->nhosts++;
    }

    schema->host = &set->hosts[i];
}


static void
torus_schema_matches(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_schema_t  *schema;

    schema = object;

    if (json_is_array(value) && json_array_size(value) == 0) {
        torus_schema_fault(l, key, "must not be an empty list");
        return;
    }

    torus_schema_patterns(l, key, value, &schema->match, &schema->nmatch);
}


static void
torus_schema_excepts(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_schema_t  *schema;

    schema = object;

    torus_schema_patterns(l, key, value, &schema->except, &schema->nexcept);
}


/* *n grows with each pattern that is good, so that it can be destroyed. */
static void
torus_schema_patterns(torus_schema_loader_t *l, const char *key,
    json_t *value, torus_pattern_t ***patterns, size_t *n)
{
    char     item[64];
    size_t   i;
    json_t  *one;

    *patterns = torus_arena_calloc(l->arena, json_array_size(value) + 1,
                                   sizeof(torus_pattern_t *));
    if (*patterns == NULL) {
        l->no_memory = 1;
        return;
    }

    if (!json_is_array(value)) {

        if (!json_is_string(value)) {
            torus_schema_wrong(l, key, "a string or a list of strings",
                               value);
            return;
        }

        torus_schema_pattern(l, key, value, *patterns, n);
        return;
    }

    json_array_foreach(value, i, one) {
        (void) snprintf(item, sizeof(item), "%s[%zu]", key, i);
        torus_schema_pattern(l, item, one, *patterns, n);
    }
}


static void
torus_schema_pattern(torus_schema_loader_t *l, const char *key,
    json_t *value, torus_pattern_t **patterns, size_t *n)
{
    int            rc;
    torus_str_t    text;
    torus_error_t  err;

    if (!torus_schema_string(l, key, value, &text)) {
        return;
    }

    rc = torus_pattern_compile(text, &patterns[*n], &err);

    if (rc == TORUS_OK) {
        (*n)++;
        torus_schema_regex(l, key, text);

    } else if (rc == TORUS_INVALID) {
        torus_schema_fault(l, key, "is not a pattern: %s", err.text);

    } else {
        l->no_memory = 1;
    }
}


/* Who comes from the original writes regular expressions without a "~". */
static void
torus_schema_regex(torus_schema_loader_t *l, const char *key, torus_str_t text)
{
    if (text.data[0] == '~') {
        return;
    }

    if (text.data[0] == '^' || text.data[text.len - 1] == '$'
        || memchr(text.data, '\\', text.len) != NULL)
    {
        torus_schema_warn(l, key, "is a plain pattern, where \"^\", \"$\" and "
                          "\"\\\" are themselves; a regular expression begins "
                          "with \"~\"");
    }
}


/* Kept with its ':', so that stems are made of two pieces. */
static void
torus_schema_prefix(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    size_t           i;
    torus_str_t      text;
    unsigned char   *p;
    torus_schema_t  *schema;

    schema = object;

    if (!torus_schema_string(l, key, value, &text) || text.len == 0) {
        return;
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            break;
        }
    }

    if (i < text.len || text.len > TORUS_SCHEMA_NAME) {
        torus_schema_fault(l, key, "must be at most %d bytes without control "
                           "characters", TORUS_SCHEMA_NAME);
        return;
    }

    if (torus_str_is(text, "torus")
        || (text.len >= 6 && memcmp(text.data, "torus:", 6) == 0))
    {
        torus_schema_fault(l, key, "must not be \"torus\", which begins the "
                           "keys of this module's own");
        return;
    }

    p = torus_arena_alloc(l->arena, text.len + 1);
    if (p == NULL) {
        l->no_memory = 1;
        return;
    }

    memcpy(p, text.data, text.len);
    schema->prefix = torus_str(p, text.len);

    if (p[text.len - 1] != ':') {
        p[text.len] = ':';
        schema->prefix.len++;
    }
}


static void
torus_schema_write_func(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_str_t      text;
    torus_schema_t  *schema;

    schema = object;

    if (torus_schema_string(l, key, value, &text)) {
        torus_schema_func(l, key, text, &schema->write_func);
    }
}


static void
torus_schema_read_func(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_str_t      text;
    torus_schema_t  *schema;

    schema = object;

    if (torus_schema_string(l, key, value, &text)) {
        torus_schema_func(l, key, text, &schema->read_func);
    }
}


static void
torus_schema_func(torus_schema_loader_t *l, const char *key,
    torus_str_t text, torus_func_t **func)
{
    int            rc;
    torus_error_t  err;

    rc = torus_func_compile(l->arena, text, func, &err);

    if (rc == TORUS_INVALID) {
        torus_schema_fault(l, key, "%s", err.text);

    } else if (rc != TORUS_OK) {
        l->no_memory = 1;
    }
}


static void
torus_schema_rolling(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_schema_t  *schema;

    schema = object;

    if (!json_is_integer(value)) {
        torus_schema_wrong(l, key, "an integer", value);
        return;
    }

    if (json_integer_value(value) < -TORUS_SCHEMA_ROLLING_MAX
        || json_integer_value(value) > TORUS_SCHEMA_ROLLING_MAX)
    {
        torus_schema_fault(l, key, "must be from -%d to %d, not %lld",
                           TORUS_SCHEMA_ROLLING_MAX, TORUS_SCHEMA_ROLLING_MAX,
                           (long long) json_integer_value(value));
        return;
    }

    schema->rolling = (int) json_integer_value(value);
}


static void
torus_schema_final(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    torus_schema_t  *schema;

    schema = object;

    if (!json_is_boolean(value)) {
        torus_schema_wrong(l, key, "true or false", value);
        return;
    }

    schema->final = json_is_true(value) ? 1 : 0;
}


static void
torus_schema_zeros(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    char             shown[TORUS_SCHEMA_QUOTE];
    torus_str_t      text;
    torus_schema_t  *schema;

    schema = object;

    if (!torus_schema_string(l, key, value, &text)) {
        return;
    }

    if (torus_str_is(text, "drop")) {
        schema->zeros_drop = 1;

    } else if (!torus_str_is(text, "store")) {
        torus_schema_fault(l, key, "must be \"store\" or \"drop\", not "
                           "\"%s\"", torus_schema_quote(shown, text));
    }
}


/* How /render makes one point of several, as Graphite calls it. */
static void
torus_schema_fold(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    size_t           i;
    char             shown[TORUS_SCHEMA_QUOTE];
    torus_str_t      text;
    torus_schema_t  *schema;

    static const char *const  folds[] = {
        "average", "avg", "sum", "min", "max", "first", "last"
    };

    schema = object;

    if (!torus_schema_string(l, key, value, &text)) {
        return;
    }

    for (i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {

        if (torus_str_is(text, folds[i])) {
            schema->fold = torus_str(folds[i], strlen(folds[i]));
            return;
        }
    }

    torus_schema_fault(l, key, "must be \"average\", \"sum\", \"min\", "
                       "\"max\", \"first\" or \"last\", not \"%s\"",
                       torus_schema_quote(shown, text));
}


int
torus_schema_string(torus_schema_loader_t *l, const char *key, json_t *value,
    torus_str_t *s)
{
    if (!json_is_string(value)) {
        torus_schema_wrong(l, key, "a string", value);
        return 0;
    }

    *s = torus_schema_str(value);

    return 1;
}


void
torus_schema_wrong(torus_schema_loader_t *l, const char *key,
    const char *what, json_t *value)
{
    /* in the order of json_type */

    static const char *const  types[] = {
        "an object", "a list", "a string", "an integer", "a decimal number",
        "true", "false", "null"
    };

    torus_schema_fault(l, key, "must be %s, not %s", what,
                       types[json_typeof(value)]);
}


torus_str_t
torus_schema_str(const json_t *value)
{
    return torus_str(json_string_value(value), json_string_length(value));
}
