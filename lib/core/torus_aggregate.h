/*
 * Aggregate rules: a point of a stat that matches a rule's source is stored
 * under the rule's target as well, at once, with no buffer.
 *
 * Components of the source, what is between dots, compare literally, but for
 * "*", which is any one, and "<x>", any one that the target may use.  Within
 * a component neither is special.
 */

#ifndef _TORUS_AGGREGATE_H_INCLUDED_
#define _TORUS_AGGREGATE_H_INCLUDED_


#include "torus_arena.h"


/* How deep targets may match further rules. */
#define TORUS_AGGREGATE_DEPTH  16


typedef struct torus_aggregates_s  torus_aggregates_t;


/* An empty set of rules, in the arena; NULL when out of memory. */
torus_aggregates_t *torus_aggregates_create(torus_arena_t *arena);

/* Adds a rule: TORUS_OK, TORUS_INVALID with a reason, TORUS_ERROR. */
int torus_aggregates_add(torus_aggregates_t *ag, torus_str_t target,
    torus_str_t source, torus_error_t *err);

/* Rules, numbered from 0. */
size_t torus_aggregates_count(const torus_aggregates_t *ag);

/*
 * The i-th rule on this stat: TORUS_OK and the target's name in the arena,
 * TORUS_DECLINED when it does not match, TORUS_ERROR when out of memory.
 */
int torus_aggregates_apply(const torus_aggregates_t *ag, size_t i,
    torus_str_t stat, torus_arena_t *arena, torus_str_t *name);

/* As written. */
torus_str_t torus_aggregates_source(const torus_aggregates_t *ag, size_t i);
torus_str_t torus_aggregates_target(const torus_aggregates_t *ag, size_t i);

/* Can this rule be fed by more than one stat? */
int torus_aggregates_many(const torus_aggregates_t *ag, size_t i);


#endif /* _TORUS_AGGREGATE_H_INCLUDED_ */
