/*
 * Graphite's globs over the nodes of a path:
 *
 *   *  any run    ?  one character    [abc] [a-z0-9] [!abc]  one character
 *   {a,b}  one of a list, which may be nested and empty in part
 *   **  alone in a node: any number of nodes, none too
 *
 * "." separates nodes and nothing crosses it, so that a pattern is matched
 * node by node, as an index that is a tree is walked.  An unclosed "{" or
 * "[" stands for itself.  Characters are those of UTF-8; a byte that is no
 * part of one counts as a character.
 *
 * Lists are multiplied out when the pattern is compiled; what is left is
 * matched in a time that is bounded by the product of both lengths.
 */

#ifndef _TORUS_GLOB_H_INCLUDED_
#define _TORUS_GLOB_H_INCLUDED_


#include "torus_arena.h"


#define TORUS_GLOB_MAX_TEXT   8192    /* bytes of a pattern */
#define TORUS_GLOB_MAX_NODES  256
#define TORUS_GLOB_MAX_LIST   1024    /* alternatives of one node */


/* One of the alternatives of a node, its lists multiplied out. */
typedef struct {
    torus_str_t           text;
    torus_str_t           prefix;    /* the literal bytes it begins with */
    unsigned              literal:1; /* text is the only name it takes */
} torus_glob_alt_t;


typedef struct {
    torus_str_t           text;      /* as written */
    torus_glob_alt_t     *alts;      /* sorted by text, each once */
    size_t                nalts;
    unsigned              literal:1; /* all of the alternatives are */
    unsigned              deep:1;    /* "**" */
} torus_glob_node_t;


typedef struct {
    torus_str_t           text;
    torus_glob_node_t    *nodes;
    size_t                nnodes;
    unsigned              literal:1; /* it names one path, or a list of them */
    unsigned              deep:1;    /* it has a "**" */
} torus_glob_t;


/*
 * Lives in the arena, text is copied.  TORUS_OK; TORUS_INVALID: too long, or
 * too many alternatives; TORUS_ERROR.
 */
int torus_glob_compile(torus_arena_t *arena, torus_str_t text,
    torus_glob_t **glob, torus_error_t *err);

/* 1 or 0: does node i of the pattern take this name of a node? */
int torus_glob_node_match(const torus_glob_node_t *node, torus_str_t name);

/* The whole pattern against a whole path. */
int torus_glob_match(const torus_glob_t *glob, torus_str_t path);

/* Has the text anything that is not taken as it stands? */
int torus_glob_is_pattern(torus_str_t text);


#endif /* _TORUS_GLOB_H_INCLUDED_ */
