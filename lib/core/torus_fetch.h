/*
 * Reads what a plan names and hands it to the answer, slice by slice.
 *
 * A slice is a run of buckets, over as many specs as fit its budget of keys,
 * so that a request with many stats shares its round trips.  Coarse data
 * takes one round: a command per key, counts and gauges many to an MGET.
 * With a resolution it takes two: which resolution buckets there are, then
 * those; unless it is packed, then one again: a command per bucket.  A
 * slice's memory is given back when its rows are written; collapsed reads
 * keep one row each until their last bucket.
 *
 * The commands of two more slices are given out before the replies to the
 * first are there, where there is memory enough: so a host may owe the replies
 * to three batches.  When there is none left after all, those slices are given
 * up, and read again when their turn has come; from then on they go one after
 * another.
 *
 * A key of another type than the schema's (written under another schema, or
 * by somebody else) holds nothing of ours and reads as missing: MGET cannot
 * tell it from missing anyway.  It is counted where it is seen.
 */

#ifndef _TORUS_FETCH_H_INCLUDED_
#define _TORUS_FETCH_H_INCLUDED_


#include "torus_answer.h"
#include "torus_batch.h"


typedef struct torus_fetch_s  torus_fetch_t;


/*
 * All arguments must outlive it.  stats are added to.  NULL when out of
 * memory.
 */
torus_fetch_t *torus_fetch_create(const torus_query_t *query,
    const torus_plan_t *plan, const torus_schema_set_t *set,
    const torus_limits_t *limits, torus_request_stats_t *stats,
    torus_buf_t *out);
void torus_fetch_destroy(torus_fetch_t *f);

/*
 * The same for a caller who takes the rows himself: each bucket that holds
 * data, read by read, its resolutions not condensed, valid during the call.
 * Of the reads' specs only the number of names is looked at.  TORUS_ERROR of
 * the handler ends the fetch with a 413.
 */
typedef int (*torus_fetch_row_pt)(void *data, const torus_read_t *read,
    torus_bucket_t *bucket);

torus_fetch_t *torus_fetch_create_rows(const torus_plan_t *plan,
    const torus_schema_set_t *set, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_fetch_row_pt handler, void *data);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_fetch_next(torus_fetch_t *f, torus_batch_t *batch);

/* TORUS_OK or TORUS_ERROR. */
int torus_fetch_reply(torus_fetch_t *f, const torus_host_t *host,
    const redisReply *reply);

/*
 * There is more to write though nothing to read: of a gap that is filled.
 * Then do some of it; TORUS_OK or TORUS_ERROR.
 */
int torus_fetch_busy(const torus_fetch_t *f);
int torus_fetch_work(torus_fetch_t *f);

int torus_fetch_done(const torus_fetch_t *f);

/* After TORUS_ERROR. */
unsigned torus_fetch_status(const torus_fetch_t *f);
const torus_error_t *torus_fetch_error(const torus_fetch_t *f);


#endif /* _TORUS_FETCH_H_INCLUDED_ */
