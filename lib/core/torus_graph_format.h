/*
 * What /render, /metrics/find and /functions answer, as bytes.
 *
 *   series  json, raw, csv, pickle
 *   find    treejson, completer, nodelist, json, pickle
 *
 * JSON is strict: what is no finite number is null.  Pickles are of protocol
 * 2, made of lists, dicts, strings, numbers, booleans and None only.
 */

#ifndef _TORUS_GRAPH_FORMAT_H_INCLUDED_
#define _TORUS_GRAPH_FORMAT_H_INCLUDED_


#include "torus_graph.h"
#include "torus_json.h"
#include "torus_work.h"


typedef enum {
    TORUS_GRAPH_JSON = 0,
    TORUS_GRAPH_RAW,
    TORUS_GRAPH_CSV,
    TORUS_GRAPH_PICKLE
} torus_graph_format_t;


/* The state of an answer that is written piece by piece. */
typedef struct {
    torus_graph_format_t      format;
    unsigned                  pretty:1;      /* json */
    unsigned                  no_nulls:1;    /* json: nulls are left out */
    const torus_tz_t         *tz;            /* csv; NULL: UTC */

    /* set by torus_graph_write_init() */
    torus_graph_series_t    **series;
    size_t                    n;
    torus_buf_t              *out;
    torus_json_t              json;
    size_t                    i;             /* series */
    size_t                    j;             /* point of it */
    unsigned                  begun:1;
    unsigned                  open:1;        /* in the midst of a series */
} torus_graph_writer_t;


/* By name; TORUS_OK or TORUS_DECLINED. */
int torus_graph_format_find(torus_str_t name, torus_graph_format_t *format);

/* "application/json", .. */
torus_str_t torus_graph_format_type(const torus_graph_writer_t *w);

/*
 * w has its options; series have their values: torus_graph_limit_points().
 * All arguments must outlive the writing.
 */
void torus_graph_write_init(torus_graph_writer_t *w,
    torus_graph_series_t **series, size_t n, torus_buf_t *out);

/*
 * What w, whose options are set, will write for the points of s, into memory
 * of the arena, which s then has; values must not change any more.  TORUS_OK,
 * also when w writes points in no such way; TORUS_ERROR: no memory.
 */
int torus_graph_write_ahead(const torus_graph_writer_t *w,
    torus_arena_t *arena, torus_buf_t *scratch, torus_graph_series_t *s);

/*
 * Appends about so many points.  TORUS_OK: that was the last; TORUS_AGAIN;
 * TORUS_ERROR: the buffer is full.
 */
int torus_graph_write_some(torus_graph_writer_t *w, size_t points);


/* A node that was found, one for the branch and one for the leaf. */
typedef struct {
    torus_str_t               path;
    unsigned                  leaf:1;
    int64_t                   start;         /* of a leaf: since when there */
    int64_t                   end;           /* are data, and until when */
} torus_graph_hit_t;


typedef enum {
    TORUS_GRAPH_FIND_TREEJSON = 0,
    TORUS_GRAPH_FIND_COMPLETER,
    TORUS_GRAPH_FIND_NODELIST,
    TORUS_GRAPH_FIND_JSON,
    TORUS_GRAPH_FIND_PICKLE
} torus_graph_find_format_t;


typedef struct {
    torus_graph_find_format_t format;
    unsigned                  wildcards:1;
    unsigned                  pretty:1;
    int                       position;      /* nodelist; -1: the last */
    torus_str_t               query;         /* as it was asked */
} torus_graph_find_t;


int torus_graph_find_format(torus_str_t name,
    torus_graph_find_format_t *format);

typedef struct {
    const torus_graph_find_t *find;
    torus_buf_t              *out;
    torus_graph_hit_t        *hits;
    size_t                    n;
    torus_json_t              json;
    torus_sort_t              sort;
    unsigned                  phase;
    size_t                    i;             /* the next of them */
    unsigned                  leaves:1;      /* there is nothing else */
} torus_graph_finder_t;


/*
 * All arguments must outlive the writing; hits are put in order, spare has
 * room for as many.
 */
void torus_graph_find_start(torus_graph_finder_t *w, torus_buf_t *out,
    const torus_graph_find_t *find, torus_graph_hit_t *hits,
    torus_graph_hit_t *spare, size_t n);

/* TORUS_OK: that was the last; TORUS_AGAIN: the work is over; TORUS_ERROR. */
int torus_graph_find_some(torus_graph_finder_t *w, torus_work_t *work);


/*
 * /functions: all, by group when grouped; or the one of that name, then
 * TORUS_DECLINED if there is none.  TORUS_ERROR: the buffer is full.
 */
int torus_graph_functions(torus_buf_t *out, const torus_str_t *name,
    int grouped, int pretty);


#endif /* _TORUS_GRAPH_FORMAT_H_INCLUDED_ */
