/*
 * Rows become the text of the answer, in the format that was asked for, as
 * they arrive: begin, then for each read open, its rows, close, then end.
 *
 *   graphite  [{"stat","stat_name","target","function","schema","interval",
 *             "datapoints":[[value,timestamp],..]},..]
 *   json      the same with "datapoints" an object keyed by timestamp,
 *             holding what the type holds, or the function's number
 *   csv       stat,timestamp,value lines under a header
 *
 * Without a function graphite and csv take the mean and condense.  A bucket
 * without data is null there whatever the type; json shows the empty value
 * of the type, and a function of it where that is defined: a sum of nothing
 * is 0, a mean of nothing is null.  "fill" says otherwise, but where json has
 * lists and objects only "none" can be obeyed.
 */

#ifndef _TORUS_ANSWER_H_INCLUDED_
#define _TORUS_ANSWER_H_INCLUDED_


#include "torus_function.h"
#include "torus_json.h"
#include "torus_plan.h"


/* A resolution bucket that holds data. */
typedef struct {
    int64_t                  bucket;
    torus_row_t              row;
} torus_sub_t;


/* One bucket of a read; subs only where the format and query keep them. */
typedef struct {
    int64_t                  bucket;
    torus_row_t              row;       /* condensed, or coarse */
    torus_sub_t             *subs;      /* in order */
    size_t                   nsubs;
    double                   seconds;   /* length, for rates */
} torus_bucket_t;


typedef struct torus_answer_s  torus_answer_t;


struct torus_format_s {
    torus_str_t              name;
    torus_str_t              type;      /* Content-Type */
    unsigned                 pairs:1;   /* condense, and a mean by default */
    unsigned                 csv:1;
};


struct torus_answer_s {
    const torus_query_t     *query;     /* of the request: format, pretty */
    torus_arena_t           *arena;     /* of this slice, for functions */
    const torus_read_t      *read;      /* the open one */
    const torus_function_t  *function;
    torus_json_t             json;
    uint64_t                 points;    /* datapoints written */
    uint64_t                 skipped;   /* values no expression could take */
    int64_t                  gap;       /* first bucket of those waiting */
    int64_t                  ngap;      /* buckets waiting to be filled */
    torus_value_t            previous;  /* the last value there was */
    int64_t                  previous_ts;
    torus_value_t            right;     /* the end of the gap in writing */
    unsigned                 resuming:1;   /* of which a piece is written */
    unsigned                 has_previous:1;
    unsigned                 container:1;  /* more than one number a bucket */
};


/* By name, caseless; NULL: there is none.  An empty name is graphite. */
const torus_format_t *torus_format_find(torus_str_t name);

/* Does an answer to this read show resolution buckets apart? */
int torus_answer_subs(const torus_read_t *read, const torus_format_t *format);

/*
 * To out, whose failed flag tells whether all of it fitted; query, out and
 * read must outlive their use here.
 */
void torus_answer_begin(torus_answer_t *a, const torus_query_t *query,
    torus_buf_t *out);
void torus_answer_open(torus_answer_t *a, const torus_read_t *read);

/*
 * TORUS_OK or TORUS_ERROR; the bucket's rows may be put in order.
 * TORUS_AGAIN: only a piece of a long gap before it was written, call it
 * again with the same bucket, as well as torus_answer_close().
 */
int torus_answer_bucket(torus_answer_t *a, torus_arena_t *arena,
    torus_bucket_t *bucket);

/* TORUS_OK, or TORUS_AGAIN as above. */
int torus_answer_close(torus_answer_t *a);
void torus_answer_end(torus_answer_t *a);


#endif /* _TORUS_ANSWER_H_INCLUDED_ */
