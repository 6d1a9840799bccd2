/*
 * Before all else in lib/core for test_cuts.c: a slice is as long as that
 * wants it, and so is a reply that is taken in pieces; a row is put in order
 * in slices, however short it is.
 */

#ifndef _TORUS_CUTS_H_INCLUDED_
#define _TORUS_CUTS_H_INCLUDED_


#define _GNU_SOURCE 1

#include <stddef.h>
#include <stdint.h>


#define TORUS_WORK_SLICE   torus_cuts_slice()
#define TORUS_FETCH_LARGE  torus_cuts_large
#define TORUS_FETCH_PIECE  2
#define TORUS_ROW_LOOSE    1


extern size_t  torus_cuts_large;

int64_t torus_cuts_slice(void);


#endif /* _TORUS_CUTS_H_INCLUDED_ */
