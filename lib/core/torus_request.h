/*
 * One request from its arguments to the bytes of its answer: a facade
 * over query, plan, fetch, answer and the listings, without any event.  The
 * owner of the connections drives it:
 *
 *   r = torus_request_create(&conf, command, args, nargs);
 *
 *   for ( ;; ) {
 *       while (torus_request_next(r, &batch) == TORUS_OK) {
 *           send batch.bytes to batch.host, expect batch.replies replies
 *       }
 *
 *       out = torus_request_output(r);
 *       if (out.len) { send the header once, send out,
 *                      torus_request_drain(r, sent); }
 *
 *       if (torus_request_done(r)) { break; }
 *
 *       if (torus_request_busy(r)) {
 *           let others have their turn; torus_request_work(r); continue;
 *       }
 *
 *       wait; for each reply of a host, in order:
 *           torus_request_reply(r, host, reply);
 *       when a host fails or the time is over:
 *           torus_request_fail(r, 503 or 504, "reason");
 *   }
 *
 *   torus_request_destroy(r);
 *
 * - At most three batches per host are unanswered, the others so that the host
 *   need not wait for what is made of the first; batches of one slice go to
 *   several hosts at once.  Slices bound what is held in memory.  To bound
 *   it for a slow client too, call next only when the output is drained.
 * - The bytes of a batch are there until the next batch is asked for.
 * - A reply stays the caller's.  Replies of a host come in the order of its
 *   batches and their commands; nothing else may be mixed in.  AUTH and
 *   SELECT are the connection's business.
 * - torus_args_parse() makes arguments of a query string or a form body.
 * - The status is 200 until a fault is known.  A fault before the first
 *   drain replaces the output by the whole error body, {"error": ".."}, and
 *   the request is done.  A fault after it leaves the output empty and sets
 *   torus_request_broken(): abort the connection without ending the answer.
 * - When a request is given up, destroy it; replies still to come are the
 *   caller's to throw away.
 */

#ifndef _TORUS_REQUEST_H_INCLUDED_
#define _TORUS_REQUEST_H_INCLUDED_


#include "torus_batch.h"
#include "torus_query.h"
#include "torus_schema.h"


typedef struct torus_request_s  torus_request_t;


typedef enum {
    TORUS_COMMAND_SERIES = 0,
    TORUS_COMMAND_LIST,
    TORUS_COMMAND_PROPERTIES,
    TORUS_COMMAND_DELETE,        /* writes */
    TORUS_COMMAND_EXPLAIN,       /* takes no more than the schemas */
    TORUS_COMMAND_RENDER,
    TORUS_COMMAND_REINDEX,       /* writes */
    TORUS_COMMAND_FIND,
    TORUS_COMMAND_EXPAND,
    TORUS_COMMAND_INDEX,
    TORUS_COMMAND_FUNCTIONS,     /* takes no more than its path */
    TORUS_COMMAND_VERSION,       /* nothing, as all that follow */
    TORUS_COMMAND_EVENT,
    TORUS_COMMAND_EVENTS,
    TORUS_COMMAND_TAG_STORE,
    TORUS_COMMAND_TAG_STORE_ALL,
    TORUS_COMMAND_TAG_DELETE,
    TORUS_COMMAND_TAG_NAMES,
    TORUS_COMMAND_TAG_VALUES,
    TORUS_COMMAND_TAG_SERIES,
    TORUS_COMMAND_TAGS
} torus_command_t;


/* Must outlive the request. */
typedef struct {
    const torus_schema_set_t  *set;
    torus_limits_t             limits;    /* all zero: the defaults */
    int64_t                    now;       /* seconds */
    torus_zone_pt              zone;      /* of "tz"; NULL: only UTC */
    void                      *data;      /* of zone */
    size_t                     held;      /* bytes that the caller holds of
                                             the arguments: they count too */
    torus_str_t                path;      /* the command as it was asked for,
                                             "functions/<name>" */
    unsigned                   explain:1; /* "explain" may be asked for */
    unsigned                   open_null:1; /* "render": the bucket that is
                                               not over yet is null */
} torus_request_conf_t;

/*
 * By its name, without slashes at its ends; TORUS_OK or TORUS_DECLINED.  Of
 * a command that takes another name behind it, all goes into conf.path.
 * "metrics" is "metrics/find", as with Graphite.
 */
int torus_command_find(torus_str_t name, torus_command_t *command);

/*
 * NULL only when out of memory; any other fault is in the status.  The
 * arguments' strings must live as long as the request.
 */
torus_request_t *torus_request_create(const torus_request_conf_t *conf,
    torus_command_t command, const torus_arg_t *args, size_t nargs);
void torus_request_destroy(torus_request_t *r);

/* TORUS_OK and a batch; TORUS_DECLINED: none now. */
int torus_request_next(torus_request_t *r, torus_batch_t *batch);

/* The next reply of that host; TORUS_OK, or TORUS_ERROR: the status says. */
int torus_request_reply(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply);

/* Ends the request with a fault of the caller's knowledge. */
void torus_request_fail(torus_request_t *r, unsigned status,
    const char *reason);

/* What is ready to be sent, valid until the next call; then how much was. */
torus_str_t torus_request_output(const torus_request_t *r);
void torus_request_drain(torus_request_t *r, size_t n);

/*
 * There is something to compute or to write that needs no reply: the caller
 * is to call work() as long as this is so, but not while there is more output
 * than it wants to hold.  Each call takes some tenths of a millisecond,
 * TORUS_WORK_SLICE operations, and others may have the worker in between;
 * next() has to be asked again after it.
 */
int torus_request_busy(const torus_request_t *r);
void torus_request_work(torus_request_t *r);

/*
 * Does what has this name speak Graphite's dialect, in which a fault is one
 * line of text?  Unknown names do, if they are beside one of Graphite's:
 * "metrics/nix".
 */
int torus_name_is_graphite(torus_str_t name);

/* Everything there will ever be is in the output, or was drained. */
int torus_request_done(const torus_request_t *r);

/* The answer broke off after its beginning. */
int torus_request_broken(const torus_request_t *r);

/* An HTTP status. */
unsigned torus_request_status(const torus_request_t *r);

/* "" while the status is 200. */
const char *torus_request_error(const torus_request_t *r);

/* "application/json", "text/csv". */
torus_str_t torus_request_type(const torus_request_t *r);

/* Seconds this answer may be cached: at most the step and 60, may be 0. */
unsigned torus_request_max_age(const torus_request_t *r);

/* What it has cost so far; valid as long as the request. */
const torus_request_stats_t *torus_request_stats(torus_request_t *r);


#endif /* _TORUS_REQUEST_H_INCLUDED_ */
