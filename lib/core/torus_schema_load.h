/*
 * What the parts of the schema loader share; for torus_schema*.c alone.
 *
 *   torus_schema.c           sources in, a checked set out; look-ups in it
 *   torus_schema_text.c      a text with comments -> JSON, or where it is
 *                            wrong
 *   torus_schema_json.c      JSON -> schemas and aggregate rules
 *   torus_schema_interval.c  JSON -> the intervals of a schema
 *   torus_schema_expr.c      JSON -> transforms and macros
 *   torus_schema_check.c     what only several schemas together can get wrong
 *
 * A fault never ends the loading.  It is reported and counted, and what it
 * concerns keeps its default or stays empty: a schema without a host or
 * without intervals exists only until the set is thrown away.
 */

#ifndef _TORUS_SCHEMA_LOAD_H_INCLUDED_
#define _TORUS_SCHEMA_LOAD_H_INCLUDED_


#include "torus_schema.h"

#include <jansson.h>


/* Of each level; the rest is only counted. */
#define TORUS_SCHEMA_REPORTS  20

/* A name as it was quoted for a message, '\0' included. */
#define TORUS_SCHEMA_QUOTE    128

/* The longest name of a schema or an interval. */
#define TORUS_SCHEMA_NAME     255


/* Where an aggregate rule was written. */
typedef struct {
    torus_str_t            file;
    size_t                 index;
} torus_schema_rule_t;


typedef struct {
    torus_schema_set_t    *set;
    torus_arena_t         *arena;
    torus_report_pt        report;
    void                  *data;

    /* where we are, for messages */
    torus_str_t            file;
    const torus_schema_t  *schema;       /* NULL: outside of schemas */
    char                   path[TORUS_SCHEMA_QUOTE + 16];

    /* one for each rule of the set */
    torus_schema_rule_t   *rules;

    size_t                 errors;
    size_t                 warnings;
    unsigned               no_memory:1;
} torus_schema_loader_t;


/* object: what the level fills in; value is never NULL. */
typedef void (*torus_schema_key_pt)(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);


/* A table of the keys of a level, ended by one without a name. */
typedef struct {
    const char            *name;
    torus_schema_key_pt    handler;
} torus_schema_key_t;


/*
 * Report a whole message: where we are, then the quoted key behind the path
 * unless it is NULL, then the text.
 */
void torus_schema_fault(torus_schema_loader_t *l, const char *key,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void torus_schema_warn(torus_schema_loader_t *l, const char *key,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for a place in the text of l->file. */
void torus_schema_syntax(torus_schema_loader_t *l, size_t line, size_t column,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* For a message; returns dst, terminated. */
const char *torus_schema_quote(char dst[TORUS_SCHEMA_QUOTE], torus_str_t s);


/* NULL when a fault was reported or memory ran out. */
json_t *torus_schema_text(torus_schema_loader_t *l, torus_str_t text);

/* Of what there is in a file, at most, and in all of them. */
typedef struct {
    size_t                 schemas;
    size_t                 rules;
    size_t                 transforms;
    size_t                 macros;
} torus_schema_counts_t;

/* Adds how much torus_schema_json() will add at most. */
void torus_schema_count(json_t *root, torus_schema_counts_t *counts);

/* Adds what a file holds to the set, which has room for it. */
void torus_schema_json(torus_schema_loader_t *l, json_t *root);

/*
 * Takes one object of an ordered set, an object or a list of objects with a
 * "name"; listed: its name is a key of it.
 */
typedef void (*torus_schema_named_pt)(torus_schema_loader_t *l, void *object,
    torus_str_t name, json_t *value, int listed);

/* Runs the handler on each of such a set; faults are reported. */
void torus_schema_each(torus_schema_loader_t *l, const char *key,
    json_t *json, torus_schema_named_pt handler, void *object);

/* Runs the handler of each key; listed: not that of "name". */
void torus_schema_keys(torus_schema_loader_t *l,
    const torus_schema_key_t *keys, json_t *json, void *object, int listed);

/* 1 when it is one; else a fault was reported. */
int torus_schema_string(torus_schema_loader_t *l, const char *key,
    json_t *value, torus_str_t *s);
void torus_schema_wrong(torus_schema_loader_t *l, const char *key,
    const char *what, json_t *value);
/* Of a string; lives as long as the JSON. */
torus_str_t torus_schema_str(const json_t *value);

/* Handlers. */
void torus_schema_intervals(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
void torus_schema_transform(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
void torus_schema_transforms(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);
void torus_schema_macros(torus_schema_loader_t *l, void *object,
    const char *key, json_t *value);

/* Of the whole set, when all files are in it. */
void torus_schema_check(torus_schema_loader_t *l);
void torus_schema_check_macros(torus_schema_loader_t *l);


#endif /* _TORUS_SCHEMA_LOAD_H_INCLUDED_ */
