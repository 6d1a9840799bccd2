/*
 * Commands on their way to a host, and what is counted on the way: what the
 * parts of the read path that talk to Redis have in common.
 */

#ifndef _TORUS_BATCH_H_INCLUDED_
#define _TORUS_BATCH_H_INCLUDED_


#include "torus_schema.h"
#include "torus_work.h"

#include <hiredis/hiredis.h>


typedef struct {
    const torus_host_t        *host;
    torus_str_t                bytes;     /* until another is asked for */
    size_t                     replies;   /* at least 1 */
} torus_batch_t;


typedef struct {
    uint64_t                   points;     /* datapoints or names answered */
    uint64_t                   rows;       /* buckets that held data */
    uint64_t                   commands;
    uint64_t                   batches;
    uint64_t                   rounds;     /* round trips in sequence */
    uint64_t                   unreadable; /* values that read_func or an
                                              expression refused */
    uint64_t                   memory;     /* most bytes held at a time */
    torus_work_t               work;       /* of this call */
} torus_request_stats_t;


/*
 * The fault in an error reply: that a key is of another type is none, it
 * holds nothing of ours (TORUS_DECLINED); anything else is one, in words.
 */
int torus_batch_error(const torus_host_t *host, const redisReply *reply,
    torus_error_t *err);


#endif /* _TORUS_BATCH_H_INCLUDED_ */
