/*
 * A query meets the schemas: which schema and interval answer each spec, and
 * which buckets that takes.  Nothing is read yet; a query over a limit is
 * refused here, before any work.
 *
 * Of the schemas the first that matches all names of a spec answers it; an
 * interval named by the query selects the first of those that has it, and
 * "schema" selects by name, without asking patterns.  What no schema matches
 * may be a name that was made by a "transform": the first schema that gives
 * stats other names answers it.
 */

#ifndef _TORUS_PLAN_H_INCLUDED_
#define _TORUS_PLAN_H_INCLUDED_


#include "torus_query.h"
#include "torus_schema.h"


/* What to read for one spec: the buckets first .. last of an interval. */
typedef struct {
    const torus_spec_t      *spec;
    const torus_schema_t    *schema;    /* NULL: no schema takes the stat */
    const torus_interval_t  *interval;
    torus_str_t             *stems;     /* "<prefix><name>:", per name */
    int64_t                  first;
    int64_t                  last;
    int64_t                  buckets;
    int64_t                  subs;      /* most resolution buckets in one */
    int64_t                  from;      /* when bounded: of these buckets  */
    int64_t                  until;     /*   only resolution buckets that  */
    unsigned                 bounded:1; /*   begin in from .. until        */
} torus_read_t;


typedef struct {
    torus_read_t            *reads;     /* one per spec, in order */
    size_t                   nreads;
    int64_t                  points;    /* values that may have to be read */
    int64_t                  step;      /* the shortest, in seconds; or 0 */
} torus_plan_t;


/*
 * 200, or the status of the fault with its reason.  Lives in the arena and
 * refers to query and set.
 */
unsigned torus_plan_make(torus_arena_t *arena, const torus_query_t *query,
    const torus_schema_set_t *set, const torus_limits_t *limits,
    torus_plan_t *plan, torus_error_t *err);

/*
 * Most resolution buckets that touch one bucket of the interval: the longest
 * step over the shortest resolution, and one more where they do not align.
 */
int64_t torus_plan_subs(const torus_interval_t *iv);


#endif /* _TORUS_PLAN_H_INCLUDED_ */
