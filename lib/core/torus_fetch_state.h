/*
 * Between the files of the fetch, for nobody else.
 *
 *   torus_fetch.c        what its owner calls, slices and their order
 *   torus_fetch_send.c   rounds: buckets become commands
 *   torus_fetch_take.c   replies become rows
 *   torus_fetch_write.c  rows of a whole slice go to the answer
 */

#ifndef _TORUS_FETCH_STATE_H_INCLUDED_
#define _TORUS_FETCH_STATE_H_INCLUDED_


#include "torus_fetch.h"


#define TORUS_FETCH_SLICES  3       /* in work at a time */
#define TORUS_FETCH_MGET    128     /* keys of one MGET */
#define TORUS_FETCH_KEEP    262144  /* bytes of a buffer kept between rounds */


typedef enum {
    TORUS_FETCH_SUBS = 0,    /* SMEMBERS: which resolution buckets */
    TORUS_FETCH_VALUES,      /* LRANGE, HGETALL, SMEMBERS: of one cell */
    TORUS_FETCH_PACKED,      /* .. of all resolution buckets of a bucket */
    TORUS_FETCH_NUMBERS      /* MGET: one value per cell */
} torus_fetch_kind_t;


/* A resolution bucket found under one of the names. */
typedef struct {
    int64_t                  bucket;
    size_t                   name;
} torus_fetch_ref_t;


/* A bucket of the slice. */
typedef struct {
    const torus_read_t      *read;
    torus_bucket_t           out;
    torus_fetch_ref_t       *refs;
    size_t                   nrefs;
    size_t                   size;
    int64_t                  places;    /* of a packed bucket, once it is   */
    int64_t                  low;       /*   known to hold something: those */
    int64_t                  high;      /*   wanted are low .. high - 1     */
    unsigned                 subs:1;    /* rows per resolution bucket */
    unsigned                 sorted:1;
} torus_fetch_bucket_t;


typedef struct {
    torus_fetch_bucket_t    *bucket;
    torus_row_t             *row;
    size_t                   name;
} torus_fetch_cell_t;


typedef struct {
    torus_fetch_kind_t       kind;
    size_t                   ncells;
} torus_fetch_cmd_t;


/*
 * A copy of a large reply, and of those after it, so that values come in
 * their order.
 */
typedef struct torus_fetch_held_s  torus_fetch_held_t;

struct torus_fetch_held_s {
    torus_fetch_held_t      *next;
    torus_fetch_kind_t       kind;
    torus_fetch_cell_t       cell;
    redisReply               reply;
    size_t                   i;         /* element, next to be taken */
    torus_row_order_t        order;     /* of the cell's row */
};


/* The commands of a round to one host. */
typedef struct {
    torus_buf_t              bytes;
    torus_buf_t              mget;      /* keys waiting for their MGET */
    torus_fetch_cell_t       waiting[TORUS_FETCH_MGET];
    size_t                   nwaiting;
    torus_fetch_cell_t      *cells;     /* in the slice's arena, as cmds */
    size_t                   ncells;
    size_t                   cells_size;
    size_t                   cell;      /* next to be filled */
    torus_fetch_cmd_t       *cmds;
    size_t                   ncmds;
    size_t                   cmds_size;
    size_t                   cmd;       /* next to be answered */
    unsigned                 sent:1;
} torus_fetch_host_t;


/* The bucket that is read next. */
typedef struct {
    size_t                   read;
    int64_t                  bucket;
    int64_t                  left;      /* buckets of that read, or -1 */
} torus_fetch_cursor_t;


/* Buckets in work; of the hosts only those that it has commands for. */
typedef struct {
    torus_arena_t           *arena;     /* reset with every use */
    torus_fetch_host_t     **hosts;     /* by index, made when needed */
    torus_fetch_bucket_t    *buckets;
    size_t                   nbuckets;
    size_t                   taken;     /* bucket, reference of it, that */
    size_t                   ref;       /*   the next round begins with */
    size_t                   outstanding;
    size_t                   wrote;     /* buckets */
    torus_fetch_cursor_t     begin;     /* where it was when it began */
    torus_fetch_held_t      *held;
    torus_fetch_held_t      *held_last;
    unsigned                 ready:1;   /* all replies of a round came */
    unsigned                 whole:1;   /* all of it is read */
    unsigned                 dropped:1; /* replies to it are thrown away */
} torus_fetch_slice_t;


/* The slices whose replies a host owes, in their order. */
typedef struct {
    torus_fetch_slice_t     *slices[TORUS_FETCH_SLICES];
    size_t                   n;
} torus_fetch_due_t;


struct torus_fetch_s {
    const torus_query_t       *query;
    const torus_plan_t        *plan;
    const torus_schema_set_t  *set;
    const torus_limits_t      *limits;
    torus_request_stats_t     *stats;
    torus_arena_t             *row;       /* reset with every read: what is
                                             collapsed into one row */
    torus_arena_t             *whole;     /* all else */
    torus_fetch_slice_t        slices[TORUS_FETCH_SLICES];
    size_t                     first;     /* which of them is written next */
    size_t                     nslices;   /* in work */
    torus_fetch_slice_t       *slice;     /* the one that a call is about */
    torus_fetch_due_t         *due;       /* by index of the host */
    torus_fetch_host_t        *given;     /* the last batch: maybe not sent */
    size_t                     most;      /* bytes that a slice has taken */
    torus_row_t                collapsed; /* of the open read */
    double                     seconds;   /* collapsed so far */
    torus_fetch_cursor_t       cursor;
    int64_t                    written;   /* buckets of the open read */
    torus_buf_t               *out;
    torus_answer_t             answer;
    torus_fetch_row_pt         handler;   /* NULL: rows go to the answer */
    void                      *data;
    unsigned char             *key;       /* a key being composed */
    const torus_str_t         *stem;      /* whose head it begins with */
    size_t                     head;      /* bytes of that */
    unsigned                   status;
    torus_error_t              err;
    unsigned                   paused:1;  /* there is more to write */
    unsigned                   begun:1;   /* the answer is */
    unsigned                   writing:1; /* so is the bucket at wrote */
    unsigned                   closing:1; /* which its read ends with */
    unsigned                   ahead:1;   /* what a slice takes is known */
    unsigned                   alone:1;   /* .. and more were too much */
    unsigned                   done:1;
};


/* torus_fetch.c */

/* Keys of a slice. */
size_t torus_fetch_budget(const torus_fetch_t *f);

/* Both return TORUS_ERROR. */
int torus_fetch_full(torus_fetch_t *f);
int torus_fetch_fail(torus_fetch_t *f, unsigned status);

/* torus_fetch_send.c */

/* The commands of the slice's first round, and of each one after it. */
int torus_fetch_first(torus_fetch_t *f);
int torus_fetch_second(torus_fetch_t *f);

/* torus_fetch_take.c */

/* A reply, for the cells of its command. */
int torus_fetch_take(torus_fetch_t *f, const torus_host_t *host,
    const torus_fetch_cmd_t *cmd, const torus_fetch_cell_t *cells,
    const redisReply *reply);

/* What of the slice's replies has not been taken as yet; TORUS_AGAIN. */
int torus_fetch_release(torus_fetch_t *f);

/* torus_fetch_write.c */

void torus_fetch_begin(torus_fetch_t *f);

/* The first slice, which is whole; TORUS_AGAIN. */
int torus_fetch_write(torus_fetch_t *f);


#endif /* _TORUS_FETCH_STATE_H_INCLUDED_ */
