/*
 * Loading a schema set, and what can be asked of one.
 *
 * All files are parsed before any is read, so that the arrays of the set are
 * allocated once and pointers into them last.  The set and all in it live in
 * one arena, but for what PCRE2 holds behind the patterns.
 */

#include "torus_schema_load.h"

#include <stdlib.h>


#define TORUS_SCHEMA_CHUNK    16384
#define TORUS_SCHEMA_MESSAGE  6144


static int torus_schema_read(torus_schema_loader_t *l,
    const torus_schema_source_t *sources, size_t n, json_t **roots);
static int torus_schema_room(torus_schema_loader_t *l, json_t **roots,
    size_t n);
static int torus_schema_result(torus_schema_loader_t *l,
    torus_schema_set_t **set);
static torus_schema_set_t *torus_schema_set_create(void);
static void torus_schema_message(torus_schema_loader_t *l,
    torus_report_level_t level, const char *key, const char *fmt,
    va_list args);
static int torus_schema_counted(torus_schema_loader_t *l,
    torus_report_level_t level);
static size_t torus_schema_where(const torus_schema_loader_t *l, char *text,
    size_t size);
static size_t torus_schema_added(int n, size_t size);
static int torus_schema_any(torus_pattern_t **patterns, size_t n,
    torus_str_t stat);


/* In the order of torus_type_t. */
static const torus_str_t  torus_type_names[] = {
    torus_string("series"),
    torus_string("histogram"),
    torus_string("count"),
    torus_string("gauge"),
    torus_string("set")
};


int
torus_schema_load(const torus_schema_source_t *sources, size_t n,
    torus_report_pt report, void *data, torus_schema_set_t **set)
{
    size_t                  i;
    json_t                **roots;
    torus_schema_loader_t   l;

    *set = NULL;

    memset(&l, 0, sizeof(l));
    l.report = report;
    l.data = data;

    roots = calloc(n + 1, sizeof(json_t *));
    l.set = torus_schema_set_create();

    if (roots == NULL || l.set == NULL) {
        l.no_memory = 1;

    } else {
        l.arena = l.set->arena;

        if (torus_schema_read(&l, sources, n, roots) != TORUS_OK) {
            l.no_memory = 1;
        }
    }

    for (i = 0; roots != NULL && i < n; i++) {
        json_decref(roots[i]);
    }

    free(roots);

    return torus_schema_result(&l, set);
}


static int
torus_schema_read(torus_schema_loader_t *l,
    const torus_schema_source_t *sources, size_t n, json_t **roots)
{
    size_t        i;
    torus_str_t  *files;

    files = torus_arena_calloc(l->arena, n + 1, sizeof(torus_str_t));
    if (files == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (torus_arena_dup(l->arena, sources[i].file, &files[i])
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        l->file = files[i];
        roots[i] = torus_schema_text(l, sources[i].text);

        l->set->hash = torus_hash(sources[i].text.data, sources[i].text.len,
                                  l->set->hash);
    }

    if (l->no_memory || torus_schema_room(l, roots, n) != TORUS_OK) {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (roots[i] != NULL) {
            l->file = files[i];
            torus_schema_json(l, roots[i]);
        }
    }

    torus_schema_check(l);

    return TORUS_OK;
}


/* A schema adds at most one host. */
static int
torus_schema_room(torus_schema_loader_t *l, json_t **roots, size_t n)
{
    size_t                  i;
    torus_schema_set_t     *set;
    torus_schema_counts_t   counts;

    memset(&counts, 0, sizeof(torus_schema_counts_t));

    for (i = 0; i < n; i++) {
        if (roots[i] != NULL) {
            torus_schema_count(roots[i], &counts);
        }
    }

    set = l->set;

    set->schemas = torus_arena_calloc(l->arena, counts.schemas + 1,
                                      sizeof(torus_schema_t));
    set->hosts = torus_arena_calloc(l->arena, counts.schemas + 1,
                                    sizeof(torus_host_t));
    set->transforms = torus_arena_calloc(l->arena, counts.transforms + 1,
                                         sizeof(torus_row_expr_t));
    set->macros = torus_arena_calloc(l->arena, counts.macros + 1,
                                     sizeof(torus_macro_t));
    l->rules = torus_arena_calloc(l->arena, counts.rules + 1,
                                  sizeof(torus_schema_rule_t));

    if (set->schemas == NULL || set->hosts == NULL || set->transforms == NULL
        || set->macros == NULL || l->rules == NULL)
    {
        return TORUS_ERROR;
    }

    return TORUS_OK;
}


static int
torus_schema_result(torus_schema_loader_t *l, torus_schema_set_t **set)
{
    if (l->no_memory) {
        l->report(l->data, TORUS_REPORT_ERROR,
                  "out of memory while reading schemas");
    }

    if (l->no_memory || l->errors != 0) {
        torus_schema_set_destroy(l->set);
        return l->no_memory ? TORUS_ERROR : TORUS_INVALID;
    }

    *set = l->set;

    return TORUS_OK;
}


static torus_schema_set_t *
torus_schema_set_create(void)
{
    torus_arena_t       *arena;
    torus_schema_set_t  *set;

    arena = torus_arena_create(TORUS_SCHEMA_CHUNK, 0);
    if (arena == NULL) {
        return NULL;
    }

    set = torus_arena_calloc(arena, 1, sizeof(torus_schema_set_t));

    if (set != NULL) {
        set->arena = arena;
        set->aggregates = torus_aggregates_create(arena);
    }

    if (set == NULL || set->aggregates == NULL) {
        torus_arena_destroy(arena);
        return NULL;
    }

    return set;
}


void
torus_schema_set_destroy(torus_schema_set_t *set)
{
    size_t           i, k;
    torus_schema_t  *schema;

    if (set == NULL) {
        return;
    }

    for (i = 0; i < set->nschemas; i++) {
        schema = &set->schemas[i];

        for (k = 0; k < schema->nmatch; k++) {
            torus_pattern_destroy(schema->match[k]);
        }

        for (k = 0; k < schema->nexcept; k++) {
            torus_pattern_destroy(schema->except[k]);
        }
    }

    /* the set itself is in it */
    torus_arena_destroy(set->arena);
}


void
torus_schema_fault(torus_schema_loader_t *l, const char *key,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    torus_schema_message(l, TORUS_REPORT_ERROR, key, fmt, args);
    va_end(args);
}


void
torus_schema_warn(torus_schema_loader_t *l, const char *key, const char *fmt,
    ...)
{
    va_list  args;

    va_start(args, fmt);
    torus_schema_message(l, TORUS_REPORT_WARNING, key, fmt, args);
    va_end(args);
}


static void
torus_schema_message(torus_schema_loader_t *l, torus_report_level_t level,
    const char *key, const char *fmt, va_list args)
{
    char    text[TORUS_SCHEMA_MESSAGE];
    size_t  n;

    if (!torus_schema_counted(l, level)) {
        return;
    }

    n = torus_schema_where(l, text, sizeof(text));

    if (key != NULL) {
        n += torus_schema_added(snprintf(text + n, sizeof(text) - n,
                                         "\"%s%s\" ", l->path, key),
                                sizeof(text) - n);
    }

    (void) vsnprintf(text + n, sizeof(text) - n, fmt, args);

    l->report(l->data, level, text);
}


/* Is this one still to be shown? */
static int
torus_schema_counted(torus_schema_loader_t *l, torus_report_level_t level)
{
    if (level == TORUS_REPORT_ERROR) {
        return l->errors++ < TORUS_SCHEMA_REPORTS;
    }

    return l->warnings++ < TORUS_SCHEMA_REPORTS;
}


static size_t
torus_schema_where(const torus_schema_loader_t *l, char *text, size_t size)
{
    int   n;
    char  name[TORUS_SCHEMA_QUOTE];

    if (l->schema != NULL) {
        n = snprintf(text, size, "schema \"%s\" in \"%.*s\": ",
                     torus_schema_quote(name, l->schema->name),
                     torus_fmt(l->file));

    } else if (l->file.len != 0) {
        n = snprintf(text, size, "schema file \"%.*s\": ",
                     torus_fmt(l->file));

    } else {
        return 0;
    }

    return torus_schema_added(n, size);
}


/* How far snprintf() got, cut or not. */
static size_t
torus_schema_added(int n, size_t size)
{
    if (n < 0) {
        return 0;
    }

    return (size_t) n < size ? (size_t) n : size - 1;
}


void
torus_schema_syntax(torus_schema_loader_t *l, size_t line, size_t column,
    const char *fmt, ...)
{
    char     text[TORUS_SCHEMA_MESSAGE];
    size_t   n;
    va_list  args;

    if (!torus_schema_counted(l, TORUS_REPORT_ERROR)) {
        return;
    }

    n = torus_schema_added(snprintf(text, sizeof(text), "%.*s:%zu:%zu: ",
                                    torus_fmt(l->file), line, column),
                           sizeof(text));

    va_start(args, fmt);
    (void) vsnprintf(text + n, sizeof(text) - n, fmt, args);
    va_end(args);

    l->report(l->data, TORUS_REPORT_ERROR, text);
}


const char *
torus_schema_quote(char dst[TORUS_SCHEMA_QUOTE], torus_str_t s)
{
    size_t  n;

    n = torus_escape(dst, TORUS_SCHEMA_QUOTE - 1, s);
    dst[n] = '\0';

    return dst;
}


const torus_schema_t *
torus_schema_find(const torus_schema_set_t *set, torus_str_t name)
{
    size_t  i;

    for (i = 0; i < set->nschemas; i++) {
        if (torus_str_eq(set->schemas[i].name, name)) {
            return &set->schemas[i];
        }
    }

    return NULL;
}


const torus_interval_t *
torus_schema_interval(const torus_schema_t *schema, torus_str_t name)
{
    size_t  i;

    for (i = 0; i < schema->nintervals; i++) {
        if (torus_str_eq(schema->intervals[i].name, name)) {
            return &schema->intervals[i];
        }
    }

    return NULL;
}


const torus_row_expr_t *
torus_schema_find_transform(const torus_schema_set_t *set, torus_str_t name)
{
    size_t  i;

    for (i = 0; i < set->ntransforms; i++) {
        if (torus_str_eq(set->transforms[i].name, name)) {
            return &set->transforms[i];
        }
    }

    return NULL;
}


const torus_macro_t *
torus_schema_find_macro(const torus_schema_set_t *set, torus_str_t name)
{
    size_t  i;

    for (i = 0; i < set->nmacros; i++) {
        if (torus_str_eq(set->macros[i].name, name)) {
            return &set->macros[i];
        }
    }

    return NULL;
}


int
torus_schema_match(const torus_schema_t *schema, torus_str_t stat)
{
    return torus_schema_any(schema->match, schema->nmatch, stat)
           && !torus_schema_any(schema->except, schema->nexcept, stat);
}


static int
torus_schema_any(torus_pattern_t **patterns, size_t n, torus_str_t stat)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (torus_pattern_match(patterns[i], stat)) {
            return 1;
        }
    }

    return 0;
}


int
torus_schema_renames(const torus_schema_t *schema)
{
    return schema->transform != NULL && schema->transform->stat != NULL;
}


torus_str_t
torus_type_name(torus_type_t type)
{
    return torus_type_names[type];
}
