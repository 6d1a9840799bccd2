/*
 * Fields of comma-separated values, RFC 4180: of /series and of /render.
 */

#ifndef _TORUS_CSV_H_INCLUDED_
#define _TORUS_CSV_H_INCLUDED_


#include "torus_buf.h"


/* In quotes, which are doubled, where it could be taken for several. */
void torus_csv_field(torus_buf_t *out, torus_str_t s);


#endif /* _TORUS_CSV_H_INCLUDED_ */
