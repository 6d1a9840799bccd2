/*
 * The schema file: JSON texts in, one immutable schema set out.  A cycle of
 * nginx has one set per module; the directive's files are read by the nginx
 * layer and given here as texts, so that this file touches no file system.
 *
 * The order of schemas, of their intervals and of aggregate rules is that of
 * the file, and means something.
 */

#ifndef _TORUS_SCHEMA_H_INCLUDED_
#define _TORUS_SCHEMA_H_INCLUDED_


#include "torus_aggregate.h"
#include "torus_arena.h"
#include "torus_func.h"
#include "torus_interval.h"
#include "torus_pattern.h"
#include "torus_query.h"
#include "torus_transform.h"


/* Most bytes of a prefix with its ':'. */
#define TORUS_SCHEMA_PREFIX  256


typedef enum {
    TORUS_SERIES = 0,     /* list: every value in order */
    TORUS_HISTOGRAM,      /* hash: value -> occurrences */
    TORUS_COUNT,          /* string: a sum */
    TORUS_GAUGE,          /* string: the last value */
    TORUS_SET             /* set: distinct values */
} torus_type_t;


/* A Redis server and database; several schemas may share one. */
typedef struct {
    torus_str_t           name;       /* "localhost:6379/0", no credentials */
    torus_str_t           address;    /* a name or address, no port, an IPv6
                                         address without its brackets */
    unsigned              port;
    torus_str_t           path;       /* of a unix socket, else empty */
    torus_str_t           user;       /* empty: none; decoded */
    torus_str_t           password;   /* empty: no AUTH; decoded */
    unsigned              db;
    size_t                index;      /* in torus_schema_set_t.hosts */
} torus_host_t;


typedef struct {
    torus_str_t           name;
    torus_type_t          type;
    const torus_host_t   *host;
    torus_pattern_t     **match;
    size_t                nmatch;
    torus_pattern_t     **except;
    size_t                nexcept;
    torus_str_t           prefix;     /* ends in ':' unless empty */
    torus_func_t         *write_func;
    torus_func_t         *read_func;
    torus_transform_t    *transform;  /* NULL: none */
    torus_interval_t     *intervals;  /* in order, the first is the default */
    size_t                nintervals;
    int                   rolling;
    unsigned              final:1;
    unsigned              zeros_drop:1;
    torus_str_t           fold;       /* of /render, "sum"; empty: average */
    size_t                index;      /* in torus_schema_set_t.schemas */
    torus_str_t           file;       /* where it was written */
} torus_schema_t;


/* Of TRANSFORMS: a function over rows. */
typedef struct {
    torus_str_t           name;
    torus_expr_t         *expr;
    torus_str_t           file;
} torus_row_expr_t;


/* Of MACROS: parameters of /series under a name. */
typedef struct {
    torus_str_t           name;
    torus_str_t           transform;  /* a function or of TRANSFORMS; empty:
                                         none */
    torus_arg_t          *args;       /* the others */
    size_t                nargs;
    torus_str_t           file;
} torus_macro_t;


struct torus_schema_set_s {
    torus_schema_t       *schemas;
    size_t                nschemas;
    torus_host_t         *hosts;
    size_t                nhosts;
    torus_aggregates_t   *aggregates;
    torus_row_expr_t     *transforms;
    size_t                ntransforms;
    torus_macro_t        *macros;
    size_t                nmacros;
    uint64_t              hash;       /* of the texts: are two sets the same */
    torus_arena_t        *arena;      /* owns all of the above */
};


typedef struct {
    torus_str_t           file;       /* for messages */
    torus_str_t           text;
} torus_schema_source_t;


typedef enum {
    TORUS_REPORT_ERROR = 0,
    TORUS_REPORT_WARNING
} torus_report_level_t;

/* One whole message: where (file, line and column or JSON path) and why. */
typedef void (*torus_report_pt)(void *data, torus_report_level_t level,
    const char *text);


/*
 * TORUS_OK; TORUS_INVALID when at least one error was reported (it goes on
 * after a fault, so that one -t shows them all, up to 20); TORUS_ERROR when
 * out of memory, also reported.
 */
int torus_schema_load(const torus_schema_source_t *sources, size_t n,
    torus_report_pt report, void *data, torus_schema_set_t **set);

/* Also frees what PCRE2 holds outside the arena. */
void torus_schema_set_destroy(torus_schema_set_t *set);

/* NULL when there is none of that name. */
const torus_schema_t *torus_schema_find(const torus_schema_set_t *set,
    torus_str_t name);
const torus_interval_t *torus_schema_interval(const torus_schema_t *schema,
    torus_str_t name);
const torus_row_expr_t *torus_schema_find_transform(
    const torus_schema_set_t *set, torus_str_t name);
const torus_macro_t *torus_schema_find_macro(const torus_schema_set_t *set,
    torus_str_t name);

/* Some "match" and no "except". */
int torus_schema_match(const torus_schema_t *schema, torus_str_t stat);

/* Does its "transform" store stats under names that no pattern takes? */
int torus_schema_renames(const torus_schema_t *schema);

/* "series", "histogram", .. */
torus_str_t torus_type_name(torus_type_t type);

/*
 * Fills in *host from "host[:port][/db]", "redis://[[user]:password@]host
 * [:port][/db]" or "unix:/path[?db=N]"; credentials are percent-decoded, and
 * all texts copied to the arena.  TORUS_OK; TORUS_INVALID with a reason that
 * fits behind "host" and quotes nothing that may be a password; TORUS_ERROR.
 */
int torus_host_parse(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err);

/* The same server, database and credentials? */
int torus_host_eq(const torus_host_t *a, const torus_host_t *b);


#endif /* _TORUS_SCHEMA_H_INCLUDED_ */
