/*
 * Replies of Redis as hiredis has them (redisReply), but in an arena: a
 * reply of hundreds of strings costs no malloc().  The arena is reset by its
 * owner when a reply has been used; nothing of it is freed one by one.
 */

#ifndef _TORUS_OBJECT_H_INCLUDED_
#define _TORUS_OBJECT_H_INCLUDED_


#include "torus_arena.h"

#include <hiredis/hiredis.h>


/*
 * A reader whose replies live in the arena, which outlives it and holds
 * nothing else; do not reset it while a reply is incomplete.  NULL when out
 * of memory; an arena at its limit makes the reader fail.
 */
redisReader *torus_object_reader(torus_arena_t *arena);


#endif /* _TORUS_OBJECT_H_INCLUDED_ */
