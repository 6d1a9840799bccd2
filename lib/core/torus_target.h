/*
 * The grammar of Graphite's targets: text in, a tree out.
 *
 *   expr := (path | call) ("|" call)*
 *   call := name "(" [[arg] ("," arg)*] ")"
 *   arg  := [name "="] (number | string | true | false | None | inf | expr)
 *
 * The left side of a "|" becomes the first argument of the call on its
 * right.  A first argument that is left out before a comma is a path without
 * text, which nothing has.  Strings have no escapes, a backslash stays.  What
 * stands behind the expression is a mistake, not silently ignored.
 *
 * template(expr, name="value", ..) is taken apart here: "$name" in the paths
 * of expr, or a path that is just that, becomes the value.  Variables of the
 * request win over those of the call.
 *
 * What functions there are, and what they take, is none of its business.
 */

#ifndef _TORUS_TARGET_H_INCLUDED_
#define _TORUS_TARGET_H_INCLUDED_


#include "torus_arena.h"


#define TORUS_TARGET_TEXT       65536   /* the defaults of the limits */
#define TORUS_TARGET_DEPTH      32
#define TORUS_TARGET_CALLS      256

/* Trees are walked by recursion: no limit may be deeper than that. */
#define TORUS_TARGET_MAX_DEPTH  256


/* Of one target. */
typedef struct {
    size_t                text;       /* bytes; 0: no limit */
    size_t                calls;      /* likewise */
    size_t                depth;      /* of calls within calls, 1 to
                                         TORUS_TARGET_MAX_DEPTH */
} torus_target_limits_t;


typedef enum {
    TORUS_TARGET_PATH = 0,
    TORUS_TARGET_CALL,
    TORUS_TARGET_NUMBER,
    TORUS_TARGET_STRING,
    TORUS_TARGET_BOOL,
    TORUS_TARGET_NONE,
    TORUS_TARGET_INF
} torus_target_kind_t;


typedef struct torus_target_s  torus_target_t;

struct torus_target_s {
    torus_target_kind_t   kind;
    torus_str_t           text;       /* of a path its escapes are undone; of
                                         a call the name of the function; of
                                         a number or string as written */
    torus_str_t           raw;        /* of a call: all of it as written */
    torus_str_t           key;        /* of an argument "key=.." */
    double                number;     /* of a BOOL 0 or 1 */
    unsigned              integer:1;  /* of a NUMBER: written as one */
    unsigned              variable:1; /* a STRING that was "$name": it may
                                         also be a path */
    size_t                height;     /* calls on the way down, at most */
    size_t                offset;     /* in the text of the target */
    torus_target_t      **args;
    size_t                nargs;
};


/* template[name]=value of the request */
typedef struct {
    torus_str_t           name;
    torus_str_t           value;
} torus_target_var_t;


/*
 * The tree refers to text and to vars and lives in the arena; limits: NULL:
 * the defaults.  TORUS_OK; TORUS_INVALID, or TORUS_DECLINED when it goes
 * beyond a limit, with a reason on one line; TORUS_ERROR.
 */
int torus_target_parse(torus_arena_t *arena, torus_str_t text,
    const torus_target_limits_t *limits, const torus_target_var_t *vars,
    size_t nvars, torus_target_t **tree, torus_error_t *err);

/*
 * The first path within a name that functions have made: "a.b" of
 * "scale(a.b,2)".  Names need not be targets, so this one never fails; empty
 * if there is none.
 */
torus_str_t torus_target_first_path(torus_str_t name);


#endif /* _TORUS_TARGET_H_INCLUDED_ */
