/*
 * What Graphite's clients say of series with tags before they send points of
 * them.  Such a series is stored under its name with the tags, in order, and
 * there is nothing beside it to be kept: a client is told that name.
 */

#ifndef _TORUS_TAGS_H_INCLUDED_
#define _TORUS_TAGS_H_INCLUDED_


#include "torus_buf.h"
#include "torus_query.h"


typedef enum {
    TORUS_TAGS_SERIES = 0,   /* of the argument "path" its name */
    TORUS_TAGS_MULTI,        /* of each, in a list */
    TORUS_TAGS_DELETE        /* true: nothing is left of them */
} torus_tags_kind_t;


/* 200 and JSON, or 400 and a reason, 500 when out of memory. */
unsigned torus_tags_write(torus_tags_kind_t kind, const torus_arg_t *args,
    size_t nargs, torus_buf_t *out, torus_error_t *err);


#endif /* _TORUS_TAGS_H_INCLUDED_ */
