/*
 * Bodies of type multipart/form-data, as graphite-web posts them to its
 * cluster servers: its fields become the text of a urlencoded form, which
 * torus_args_parse() takes.
 */

#ifndef _TORUS_MULTIPART_H_INCLUDED_
#define _TORUS_MULTIPART_H_INCLUDED_


#include "torus_buf.h"


/* The boundary in a Content-Type; TORUS_OK, TORUS_DECLINED: there is none. */
int torus_multipart_boundary(torus_str_t type, torus_str_t *boundary);

/*
 * Appends "name=value&..", escaped.  TORUS_OK; TORUS_INVALID: the body does
 * not end as it should, or a part has no name; TORUS_ERROR.
 */
int torus_multipart_form(torus_str_t body, torus_str_t boundary,
    torus_buf_t *out);


#endif /* _TORUS_MULTIPART_H_INCLUDED_ */
