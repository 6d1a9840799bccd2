/*
 * Patterns over stat names, the values of "match" and "except".
 *
 * Plain: literal but for "*" (a run without dots), "**" (any run), "?" (one
 * character but a dot), "[..]" ("[!..]") and "{a,b}"; the whole name must
 * match.  A leading "~" makes it a PCRE2 regex searched unanchored, "~*" a
 * caseless one.  Either is compiled by PCRE2, with JIT where there is one,
 * and matched under limits, so that a pattern cannot hold up a worker.
 */

#ifndef _TORUS_PATTERN_H_INCLUDED_
#define _TORUS_PATTERN_H_INCLUDED_


#include "torus_core.h"


typedef struct torus_pattern_s  torus_pattern_t;


/*
 * TORUS_OK; TORUS_INVALID with a reason and an offset into text; TORUS_ERROR.
 * The pattern keeps a copy of text.
 */
int torus_pattern_compile(torus_str_t text, torus_pattern_t **pattern,
    torus_error_t *err);
void torus_pattern_destroy(torus_pattern_t *p);

/* 1, 0; a match that runs into the limits is none. */
int torus_pattern_match(const torus_pattern_t *p, torus_str_t s);

/*
 * The same for a pattern that a client sent, which is asked of many names in
 * one go: few steps, and TORUS_ERROR when they do not do.
 */
int torus_pattern_try(const torus_pattern_t *p, torus_str_t s);

/* As written. */
torus_str_t torus_pattern_text(const torus_pattern_t *p);

/* The literal bytes every match begins with, may be empty; for SCAN. */
torus_str_t torus_pattern_literal(const torus_pattern_t *p);

/*
 * 1 when no name can match both, as far as the literal bytes at the two
 * ends of plain patterns tell; 0 when one may, or a regex is among them.
 */
int torus_pattern_apart(const torus_pattern_t *a, const torus_pattern_t *b);


#endif /* _TORUS_PATTERN_H_INCLUDED_ */
