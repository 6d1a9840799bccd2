/*
 * The arguments of a request become a validated query: what is asked for.
 * Of a schema set only the names of TRANSFORMS and MACROS matter here.
 *
 *   arguments -> [torus_query] -> query -> [torus_plan] -> plan -> [fetch]
 *
 * Unknown arguments are ignored.  Of a scalar given more than once the first
 * one that is not empty counts; an empty value is as none.  Stats are kept in
 * order; one that is given twice in the same words is answered once.
 *
 * A macro, "name(stat)", puts its parameters before those of the request, for
 * that stat: hence each spec has the query that it is answered by.  There is
 * one format for the whole answer, a macro's before the request's.
 */

#ifndef _TORUS_QUERY_H_INCLUDED_
#define _TORUS_QUERY_H_INCLUDED_


#include "torus_arena.h"
#include "torus_buf.h"
#include "torus_interval.h"
#include "torus_number.h"
#include "torus_target.h"
#include "torus_time.h"


/* A decoded argument of the query string or of a form body. */
typedef struct {
    torus_str_t           name;
    torus_str_t           value;
} torus_arg_t;


/* What one request may ask for; 0 of any: no limit. */
typedef struct {
    size_t                stats;     /* names of all specs together */
    size_t                points;    /* buckets that may have to be read */
    size_t                names;     /* names of a listing */
    size_t                slice;     /* keys of one slice, 0: the default */
    size_t                memory;    /* bytes one request may hold, whole */
    size_t                targets;   /* of /render */
    size_t                series;    /* of /render, found and answered */
    torus_target_limits_t target;    /* of /render; all zero: defaults */
    torus_account_t      *account;   /* of that memory: its parts charge it;
                                        NULL: none */
} torus_limits_t;

#define TORUS_LIMIT_STATS    1000
#define TORUS_LIMIT_POINTS   2000000
#define TORUS_LIMIT_NAMES    100000
#define TORUS_LIMIT_SLICE    2048
#define TORUS_LIMIT_MEMORY   (64 * 1024 * 1024)
#define TORUS_LIMIT_TARGETS  1000
#define TORUS_LIMIT_SERIES   20000


/*
 * The zone of an IANA name, or NULL: there is none.  Reading zone files is
 * the caller's, who may keep them.
 */
typedef const torus_tz_t *(*torus_zone_pt)(void *data, torus_str_t name);


/* When it is, and where clocks and dates are read. */
typedef struct {
    int64_t               now;       /* seconds */
    torus_zone_pt         zone;      /* NULL: no zone but UTC is known */
    void                 *data;
} torus_clock_t;


typedef struct torus_format_s    torus_format_t;    /* torus_answer.h */
typedef struct torus_function_s  torus_function_t;  /* torus_function.h */
typedef struct torus_expr_s      torus_expr_t;      /* torus_expr.h */
typedef struct torus_query_s     torus_query_t;

typedef struct torus_schema_set_s  torus_schema_set_t;  /* torus_schema.h */


typedef enum {
    TORUS_FILL_NULL = 0,
    TORUS_FILL_NONE,
    TORUS_FILL_NUMBER,
    TORUS_FILL_PREVIOUS,
    TORUS_FILL_LINEAR
} torus_fill_t;


/* One "stat" argument: "name", "func(name)", "func(name1,name2)". */
typedef struct {
    torus_str_t              text;      /* as given */
    torus_str_t             *names;
    size_t                   nnames;    /* at least 1 */
    torus_str_t              joined;    /* the names, comma-separated */
    torus_str_t              fname;     /* as given or of the macro, empty:
                                           none */
    const torus_function_t  *function;  /* NULL: none */
    double                   param;     /* of the function, 95 of p95 */
    const torus_expr_t      *expr;      /* of the function, if TRANSFORMS' */
    torus_str_t              macro;     /* its name, empty: none */
    const torus_query_t     *query;     /* the request's, or as the macro
                                           changed it, without specs */
} torus_spec_t;


struct torus_query_s {
    torus_spec_t            *specs;     /* in request order */
    size_t                   nspecs;
    const torus_format_t    *format;
    torus_str_t              schema;    /* empty: none */
    torus_str_t              interval;
    int64_t                  start;
    int64_t                  end;
    int64_t                  steps;     /* > 0 when has_steps */
    int64_t                  now;
    torus_value_t            number;    /* of TORUS_FILL_NUMBER */
    torus_fill_t             fill;
    unsigned                 has_start:1;
    unsigned                 has_end:1;
    unsigned                 has_steps:1;
    unsigned                 condense:1;
    unsigned                 collapse:1;
    unsigned                 pretty:1;
};


/*
 * Splits "a=1&b=2" (a query string or a form body) and decodes "%XX" and
 * "+"; a "%" that begins no escape stands for itself.  TORUS_OK or
 * TORUS_ERROR.
 */
int torus_args_parse(torus_arena_t *arena, torus_str_t text,
    torus_arg_t **args, size_t *nargs);

/* The value of a scalar, the first that is not empty; else an empty one. */
torus_str_t torus_args_get(const torus_arg_t *args, size_t nargs,
    const char *name);

/*
 * A scalar that is true or false (1 0, on off, yes no), false when it is not
 * given; TORUS_OK or TORUS_INVALID.
 */
int torus_query_flag(const torus_arg_t *args, size_t nargs,
    const char *name, unsigned *flag, torus_error_t *err);

/*
 * 200, or the status of the fault with its reason, which names the argument;
 * 500 when out of memory.  Strings stay those of args; the rest is in the
 * arena.
 */
unsigned torus_query_parse(torus_arena_t *arena, const torus_arg_t *args,
    size_t nargs, const torus_limits_t *limits, const torus_clock_t *clock,
    const torus_schema_set_t *set, torus_query_t *query, torus_error_t *err);

/* All but the stats. */
unsigned torus_query_settings(const torus_arg_t *args, size_t nargs,
    const torus_clock_t *clock, torus_query_t *query, torus_error_t *err);

/* May this be the name of a function of TRANSFORMS or MACROS? */
int torus_query_fname(torus_str_t name);

#define TORUS_QUERY_FNAME  64

#endif /* _TORUS_QUERY_H_INCLUDED_ */
