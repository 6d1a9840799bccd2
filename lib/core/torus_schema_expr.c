/*
 * What of a schema file is programmable: "transform" of a schema, the row
 * functions of TRANSFORMS, the parameter sets of MACROS.
 *
 * All expressions are compiled here.  A macro may name schemas, intervals
 * and functions that come later or from another file, so that it is checked
 * when all files have been read.
 */

#include "torus_schema_load.h"
#include "torus_function.h"


static void torus_schema_transform_stat(torus_schema_loader_t *l,
    void *object, const char *key, json_t *value);
static void torus_schema_transform_value(torus_schema_loader_t *l,
    void *object, const char *key, json_t *value);
static void torus_schema_transform_drop(torus_schema_loader_t *l,
    void *object, const char *key, json_t *value);
static void torus_schema_expr(torus_schema_loader_t *l, const char *key,
    json_t *value, torus_expr_scope_t scope, torus_expr_result_t result,
    torus_expr_t **expr);

static void torus_schema_row_expr(torus_schema_loader_t *l, torus_str_t name,
    const char *key, json_t *value);
static void torus_schema_macro(torus_schema_loader_t *l, torus_str_t name,
    const char *key, json_t *value);
static void torus_schema_macro_transform(torus_schema_loader_t *l,
    void *object, const char *key, json_t *value);
static void torus_schema_macro_arg(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
static int torus_schema_function_name(torus_schema_loader_t *l,
    const char *key, torus_str_t name);

static void torus_schema_macro_check(torus_schema_loader_t *l,
    const torus_macro_t *macro);
static unsigned torus_schema_macro_query(const torus_macro_t *macro,
    torus_query_t *query, torus_error_t *err);
static void torus_schema_macro_function(torus_schema_loader_t *l,
    const torus_macro_t *macro, const torus_query_t *query);
static int torus_schema_has_interval(const torus_schema_set_t *set,
    torus_str_t name);


static const torus_schema_key_t  torus_schema_transform_keys[] = {
    { "stat",        torus_schema_transform_stat },
    { "value",       torus_schema_transform_value },
    { "drop",        torus_schema_transform_drop },
    { NULL,          NULL }
};


static const torus_schema_key_t  torus_schema_macro_keys[] = {
    { "transform",   torus_schema_macro_transform },
    { "schema",      torus_schema_macro_arg },
    { "interval",    torus_schema_macro_arg },
    { "start",       torus_schema_macro_arg },
    { "end",         torus_schema_macro_arg },
    { "steps",       torus_schema_macro_arg },
    { "tz",          torus_schema_macro_arg },
    { "condense",    torus_schema_macro_arg },
    { "collapse",    torus_schema_macro_arg },
    { "fill",        torus_schema_macro_arg },
    { "format",      torus_schema_macro_arg },
    { NULL,          NULL }
};

#define TORUS_SCHEMA_MACRO_ARGS                                               \
    (sizeof(torus_schema_macro_keys) / sizeof(torus_schema_key_t))


void
torus_schema_transform(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_schema_t     *schema;
    torus_transform_t  *transform;

    schema = object;

    if (!json_is_object(value)) {
        torus_schema_wrong(l, key, "an object of \"stat\", \"value\" and "
                           "\"drop\"", value);
        return;
    }

    if (json_object_size(value) == 0) {
        torus_schema_fault(l, key, "must not be empty");
        return;
    }

    transform = torus_arena_calloc(l->arena, 1, sizeof(torus_transform_t));
    if (transform == NULL) {
        l->no_memory = 1;
        return;
    }

    (void) snprintf(l->path, sizeof(l->path), "%s.", key);

    torus_schema_keys(l, torus_schema_transform_keys, value, transform,
                      0);

    l->path[0] = '\0';

    schema->transform = transform;
}


static void
torus_schema_transform_stat(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_transform_t  *transform = object;

    torus_schema_expr(l, key, value, TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT,
                      &transform->stat);
}


static void
torus_schema_transform_value(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_transform_t  *transform = object;

    torus_schema_expr(l, key, value, TORUS_EXPR_OF_POINT,
                      TORUS_EXPR_TO_PRINTED, &transform->value);
}


static void
torus_schema_transform_drop(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_transform_t  *transform = object;

    torus_schema_expr(l, key, value, TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_BOOL,
                      &transform->drop);
}


static void
torus_schema_expr(torus_schema_loader_t *l, const char *key, json_t *value,
    torus_expr_scope_t scope, torus_expr_result_t result,
    torus_expr_t **expr)
{
    int                rc;
    torus_str_t        text;
    torus_error_t      err;
    torus_expr_env_t   env;

    if (!torus_schema_string(l, key, value, &text)) {
        return;
    }

    env.scope = scope;
    env.result = result;

    rc = torus_expr_compile(l->arena, text, &env, expr, &err, NULL);

    if (rc == TORUS_INVALID) {
        torus_schema_fault(l, key, "is not a good expression: %s", err.text);

    } else if (rc != TORUS_OK) {
        l->no_memory = 1;
    }
}


void
torus_schema_transforms(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    json_t      *one;
    const char  *name;

    (void) object;

    if (!json_is_object(value)) {
        torus_schema_wrong(l, key, "an object of names and expressions",
                           value);
        return;
    }

    (void) snprintf(l->path, sizeof(l->path), "%s.", key);

    json_object_foreach(value, name, one) {
        torus_schema_row_expr(l, torus_str(name, strlen(name)), name, one);
    }

    l->path[0] = '\0';
}


static void
torus_schema_row_expr(torus_schema_loader_t *l, torus_str_t name,
    const char *key, json_t *value)
{
    torus_row_expr_t  *row;

    if (!torus_schema_function_name(l, key, name)) {
        return;
    }

    row = &l->set->transforms[l->set->ntransforms];
    row->file = l->file;

    torus_schema_expr(l, key, value, TORUS_EXPR_OF_ROW, TORUS_EXPR_TO_NUMBER,
                      &row->expr);

    if (torus_arena_dup(l->arena, name, &row->name) != TORUS_OK) {
        l->no_memory = 1;
        return;
    }

    l->set->ntransforms++;
}


void
torus_schema_macros(torus_schema_loader_t *l, void *object, const char *key,
    json_t *value)
{
    json_t      *one;
    const char  *name;

    (void) object;

    if (!json_is_object(value)) {
        torus_schema_wrong(l, key, "an object of names and parameters",
                           value);
        return;
    }

    json_object_foreach(value, name, one) {
        (void) snprintf(l->path, sizeof(l->path), "%s.", key);
        torus_schema_macro(l, torus_str(name, strlen(name)), name, one);
    }

    l->path[0] = '\0';
}


static void
torus_schema_macro(torus_schema_loader_t *l, torus_str_t name,
    const char *key, json_t *value)
{
    torus_macro_t  *macro;

    if (!torus_schema_function_name(l, key, name)) {
        return;
    }

    if (!json_is_object(value)) {
        torus_schema_wrong(l, key, "an object of parameters", value);
        return;
    }

    macro = &l->set->macros[l->set->nmacros];
    macro->file = l->file;

    macro->args = torus_arena_calloc(l->arena, TORUS_SCHEMA_MACRO_ARGS,
                                     sizeof(torus_arg_t));

    if (macro->args == NULL
        || torus_arena_dup(l->arena, name, &macro->name) != TORUS_OK)
    {
        l->no_memory = 1;
        return;
    }

    /* a good name has no more than 64 bytes */

    (void) snprintf(l->path, sizeof(l->path), "MACROS.%.*s.",
                    torus_fmt(name));

    torus_schema_keys(l, torus_schema_macro_keys, value, macro, 0);

    l->set->nmacros++;
}


static void
torus_schema_macro_transform(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    torus_str_t     text;
    torus_macro_t  *macro;

    macro = object;

    if (!torus_schema_string(l, key, value, &text)) {
        return;
    }

    if (torus_arena_dup(l->arena, text, &macro->transform) != TORUS_OK) {
        l->no_memory = 1;
    }
}


/* As a request would give it. */
static void
torus_schema_macro_arg(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value)
{
    char            digits[32];
    torus_str_t     text;
    torus_arg_t    *arg;
    torus_macro_t  *macro;

    macro = object;

    if (json_is_string(value)) {
        text = torus_schema_str(value);

    } else if (json_is_boolean(value)) {
        text = json_is_true(value) ? torus_str("true", 4)
                                   : torus_str("false", 5);

    } else if (json_is_integer(value)) {
        (void) snprintf(digits, sizeof(digits), "%lld",
                        (long long) json_integer_value(value));
        text = torus_str(digits, strlen(digits));

    } else {
        torus_schema_wrong(l, key, "a string, an integer, true or false",
                           value);
        return;
    }

    if (text.len == 0) {
        torus_schema_fault(l, key, "must not be empty");
        return;
    }

    arg = &macro->args[macro->nargs];

    if (torus_arena_dup(l->arena, torus_str(key, strlen(key)), &arg->name)
        != TORUS_OK
        || torus_arena_dup(l->arena, text, &arg->value) != TORUS_OK)
    {
        l->no_memory = 1;
        return;
    }

    macro->nargs++;
}


/* A name that "name(stat)" can call and that has no meaning yet. */
static int
torus_schema_function_name(torus_schema_loader_t *l, const char *key,
    torus_str_t name)
{
    char                     shown[TORUS_SCHEMA_QUOTE];
    double                   param;
    const torus_macro_t     *macro;
    const torus_row_expr_t  *row;

    if (!torus_query_fname(name)) {
        torus_schema_fault(l, NULL, "\"%s%s\" must be a name of at most %d "
                           "letters, digits and \"_\"", l->path,
                           torus_schema_quote(shown, name),
                           TORUS_QUERY_FNAME);
        return 0;
    }

    if (torus_function_find(name, &param) != NULL) {
        torus_schema_fault(l, key, "is the name of a function that is always "
                           "there");
        return 0;
    }

    row = torus_schema_find_transform(l->set, name);

    if (row != NULL) {
        torus_schema_fault(l, key, "is a name of TRANSFORMS in \"%.*s\" "
                           "already", torus_fmt(row->file));
        return 0;
    }

    macro = torus_schema_find_macro(l->set, name);

    if (macro != NULL) {
        torus_schema_fault(l, key, "is a name of MACROS in \"%.*s\" already",
                           torus_fmt(macro->file));
        return 0;
    }

    return 1;
}


void
torus_schema_check_macros(torus_schema_loader_t *l)
{
    size_t  i;

    l->schema = NULL;

    for (i = 0; i < l->set->nmacros; i++) {
        l->file = l->set->macros[i].file;

        (void) snprintf(l->path, sizeof(l->path), "MACROS.%.*s",
                        torus_fmt(l->set->macros[i].name));

        torus_schema_macro_check(l, &l->set->macros[i]);
    }

    l->path[0] = '\0';
}


static void
torus_schema_macro_check(torus_schema_loader_t *l, const torus_macro_t *macro)
{
    char                   shown[TORUS_SCHEMA_QUOTE];
    unsigned               status;
    torus_error_t          err;
    torus_query_t          query;
    const torus_schema_t  *schema;

    status = torus_schema_macro_query(macro, &query, &err);

    if (status != 200) {

        if (status == 500) {
            l->no_memory = 1;
            return;
        }

        torus_schema_fault(l, "", "cannot be asked for: %s", err.text);
        return;
    }

    schema = NULL;

    if (query.schema.len != 0) {
        schema = torus_schema_find(l->set, query.schema);

        if (schema == NULL) {
            torus_schema_fault(l, ".schema", "is no schema: \"%s\"",
                               torus_schema_quote(shown, query.schema));
        }
    }

    if (query.interval.len != 0
        && (schema != NULL
            ? torus_schema_interval(schema, query.interval) == NULL
            : !torus_schema_has_interval(l->set, query.interval)))
    {
        torus_schema_fault(l, ".interval", "is no interval of %s: \"%s\"",
                           schema != NULL ? "that schema" : "any schema",
                           torus_schema_quote(shown, query.interval));
    }

    torus_schema_macro_function(l, macro, &query);
}


/*
 * As a request with these parameters alone.  Which time zones there are is
 * not known yet, times are read in UTC.
 */
static unsigned
torus_schema_macro_query(const torus_macro_t *macro, torus_query_t *query,
    torus_error_t *err)
{
    size_t         i, n;
    torus_arg_t    args[TORUS_SCHEMA_MACRO_ARGS];
    torus_clock_t  clock;

    n = 0;

    for (i = 0; i < macro->nargs; i++) {

        if (!torus_str_is(macro->args[i].name, "tz")) {
            args[n++] = macro->args[i];

        } else if (!torus_tz_name_valid(macro->args[i].value)) {
            torus_error(err, "argument \"tz\" must be a time zone such as "
                        "Europe/Berlin");
            return 400;
        }
    }

    /* the year 2001: any time of today will do */

    memset(&clock, 0, sizeof(torus_clock_t));
    clock.now = 1000000000;

    return torus_query_settings(args, n, &clock, query, err);
}


static void
torus_schema_macro_function(torus_schema_loader_t *l,
    const torus_macro_t *macro, const torus_query_t *query)
{
    char                     shown[TORUS_SCHEMA_QUOTE];
    double                   param;
    const torus_schema_t    *schema;
    const torus_function_t  *function;

    if (macro->transform.len == 0
        || torus_schema_find_transform(l->set, macro->transform) != NULL)
    {
        return;
    }

    function = torus_function_find(macro->transform, &param);

    if (function == NULL) {
        torus_schema_fault(l, ".transform", "is neither a function nor a name "
                           "of TRANSFORMS: \"%s\"",
                           torus_schema_quote(shown, macro->transform));
        return;
    }

    schema = torus_schema_find(l->set, query->schema);

    if (schema != NULL
        && !(function->types & torus_type_bit(schema->type)))
    {
        torus_schema_fault(l, ".transform", "does not apply to the type of "
                           "that schema, %s",
                           (char *) torus_type_name(schema->type).data);
    }
}


static int
torus_schema_has_interval(const torus_schema_set_t *set, torus_str_t name)
{
    size_t  i;

    for (i = 0; i < set->nschemas; i++) {

        if (torus_schema_interval(&set->schemas[i], name) != NULL) {
            return 1;
        }
    }

    return 0;
}
