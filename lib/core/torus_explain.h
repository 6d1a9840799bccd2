/*
 * /explain: what the schemas do with a point.  Nothing is read from Redis or
 * written to it; the point goes the way of any other up to its commands,
 * which are shown instead of sent.
 *
 *   {"stat","value","timestamp",
 *    "schemas":[{"schema","type","host","final","transform","name",
 *                "write_func","read_func","outcome","intervals","commands"}],
 *    "aggregates":[{"rule",.. the same for the name it made}]}
 *
 * Of "transform" and the functions there is the expression and its result,
 * or as what the point is counted that it refuses.  Without a value there is
 * no outcome, and what hangs on the value is null.
 *
 * "bytes" of an interval: about what Redis holds for the stat when every
 * resolution bucket of all steps has one such value.
 */

#ifndef _TORUS_EXPLAIN_H_INCLUDED_
#define _TORUS_EXPLAIN_H_INCLUDED_


#include "torus_json.h"
#include "torus_query.h"
#include "torus_schema.h"


/*
 * From the arguments "stat", and, optional, "value", "timestamp", "pretty".
 * Writes the whole answer to out; 200, or the status of the fault.
 */
unsigned torus_explain(torus_arena_t *arena, const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, int64_t now, torus_buf_t *out,
    torus_error_t *err);


#endif /* _TORUS_EXPLAIN_H_INCLUDED_ */
