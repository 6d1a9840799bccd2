/*
 * A JSON writer into a buffer: commas and indentation are its business,
 * nesting is the caller's.  Whether everything fitted is known at the end
 * from the buffer's failed flag.
 */

#ifndef _TORUS_JSON_H_INCLUDED_
#define _TORUS_JSON_H_INCLUDED_


#include "torus_buf.h"
#include "torus_number.h"


#define TORUS_JSON_DEPTH  64


typedef struct {
    torus_buf_t  *out;
    uint64_t      filled;      /* bit per depth: it has a member */
    unsigned      depth;
    unsigned      pretty:1;
    unsigned      keyed:1;     /* a key was written, its value is next */
    int64_t       base;        /* of times: a multiple of 10000 .. */
    size_t        nhead;       /* .. and its digits but for the last four */
    unsigned char head[16];
} torus_json_t;


/* out must outlive j; pretty: 1, indented. */
void torus_json_init(torus_json_t *j, torus_buf_t *out, int pretty);

/* open: '[' or '{'; close: ']' or '}'. */
void torus_json_open(torus_json_t *j, char open);
void torus_json_close(torus_json_t *j, char close);

/* In an object, before each value. */
void torus_json_key(torus_json_t *j, torus_str_t key);
void torus_json_key_int(torus_json_t *j, int64_t key);

/* .. one in which nothing has to be escaped. */
void torus_json_key_plain(torus_json_t *j, torus_str_t key);

#define torus_json_keyz(j, z)                                                 \
    torus_json_key_plain(j, torus_str(z, sizeof(z) - 1))

/* Bytes that are no UTF-8 become U+FFFD. */
void torus_json_string(torus_json_t *j, torus_str_t s);

/* Values. */
void torus_json_int(torus_json_t *j, int64_t i);
void torus_json_null(torus_json_t *j);
void torus_json_bool(torus_json_t *j, int yes);

/* A number in its shortest form, a text as a string; NaN, infinity: null. */
void torus_json_value(torus_json_t *j, const torus_value_t *v);

/* An array of two on one line, also when pretty: a Graphite datapoint. */
void torus_json_pair(torus_json_t *j, const torus_value_t *v, int64_t ts);

/*
 * n such pairs where nothing is pretty: a number for each step from start
 * on, null where that is not finite.
 */
void torus_json_points(torus_json_t *j, const double *values, size_t n,
    int64_t start, int64_t step);

/* {"error": "text"} and a newline, the body of every error. */
void torus_json_error(torus_buf_t *out, torus_str_t text);


#endif /* _TORUS_JSON_H_INCLUDED_ */
