/*
 * A writer: what one worker has to write to one Redis host, in order, once.
 * Operations in, numbered batches out as bytes, replies in as bytes.  It has
 * no events: who owns the socket tells it the time and what happened.
 *
 *   push -> unsent batches (merged) -> flush -> in flight -> feed -> applied
 *
 * A batch is MULTI; HSET torus:writer:<id> <n mod W> <n> ..; commands; EXEC.
 * Each sending takes a new number n.  After a break the slots of that key
 * tell which unanswered batches were applied; only the others go again.
 *
 * Life: create; then for each connection open, flush, feed .., closed.  All
 * times are milliseconds of a monotonic clock.
 */

#ifndef _TORUS_WRITER_H_INCLUDED_
#define _TORUS_WRITER_H_INCLUDED_


#include "torus_buf.h"
#include "torus_counter.h"
#include "torus_layout.h"
#include "torus_store.h"


#define TORUS_WRITER_WINDOW         16
#define TORUS_WRITER_WINDOW_MAX     64
#define TORUS_WRITER_BATCH_BYTES    65536
#define TORUS_WRITER_BATCH_COMMANDS 256
#define TORUS_WRITER_QUEUE          (32 * 1024 * 1024)
#define TORUS_WRITER_EXPIRIES       262144
#define TORUS_WRITER_UNSURE         1000    /* ms until an expiry goes again */
#define TORUS_WRITER_LATE           1000    /* ms that names may wait */
#define TORUS_WRITER_NAMES_SHARE    4

/* Begins the key of a writer; 32 hexadecimal digits follow. */
#define TORUS_WRITER_KEY            TORUS_LAYOUT_OWN "writer:"


typedef struct torus_writer_s  torus_writer_t;


/* 0 in a number: its default. */
typedef struct {
    const torus_host_t  *host;         /* outlives the writer */
    uint64_t            *counters;     /* TORUS_COUNTERS_N, outlive it too */
    torus_str_t          name;         /* CLIENT SETNAME; empty: none */
    unsigned char        id[16];       /* random, drawn once per worker */
    uint64_t             seed;         /* random: hash table, jitter */
    unsigned             window;       /* batches unanswered at most */
    size_t               queue_max;    /* bytes, unsent and in flight */
    size_t               expiries;     /* keys whose expiry is remembered */
    uint64_t             retry_min;    /* ms, back-off when refused: 100 */
    uint64_t             retry_max;    /* ms: 5000 */
    unsigned             merge_off:1;  /* for measurements only */
    unsigned             drop:1;       /* points when full, else never full */
} torus_writer_conf_t;


typedef enum {
    TORUS_WRITER_DOWN = 0,   /* no connection */
    TORUS_WRITER_HELLO,      /* greeting, who is the server */
    TORUS_WRITER_ASKING,     /* fence and question in flight */
    TORUS_WRITER_READY,
    TORUS_WRITER_REFUSING,   /* refused; replies are still outstanding */
    TORUS_WRITER_WAITING     /* refused; asks again at retry_at */
} torus_writer_state_t;


typedef struct {
    torus_writer_state_t  state;
    const char           *state_name;
    uint64_t              queued;      /* operations unsent */
    uint64_t              in_flight;   /* operations unanswered */
    uint64_t              points_queued;
    uint64_t              points_in_flight;
    size_t                bytes;       /* memory of both */
    size_t                queue_max;
    unsigned              batches;     /* unanswered */
    unsigned              window;
    uint64_t              lag;         /* ms, age of the oldest of them all */
    uint64_t              unsure;      /* keys whose expiry is, now */
    uint64_t              put_off;     /* times that one became so */
    uint64_t              number;      /* of the last sending */
    uint64_t              connects;    /* times it became ready */
} torus_writer_stats_t;


typedef enum {
    TORUS_EVENT_NOTICE = 0,
    TORUS_EVENT_WARN,
    TORUS_EVENT_ERROR
} torus_event_level_t;

/* A change of state worth a line in a log; no secrets, no datapoints. */
typedef struct {
    torus_event_level_t   level;
    char                  text[512];
} torus_event_t;


/* Copies conf.  NULL when out of memory. */
torus_writer_t *torus_writer_create(const torus_writer_conf_t *conf);
void torus_writer_destroy(torus_writer_t *w);

/*
 * Takes an operation, merged with what is unsent where that changes nothing.
 * Operations between which POINTS_RECEIVED stands still are of one point.
 * Never refuses because of the bound: ask torus_writer_full() before a line,
 * and take the line whole.  Where it drops, it drops a point's operations on
 * this host whole, counted.  TORUS_OK or TORUS_ERROR: out of memory, or of
 * the index and dropped; it was not taken, and is the caller's to count.
 */
int torus_writer_push(torus_writer_t *w, const torus_op_t *op, uint64_t now);

/* Is the host at its bound of bytes?  Never, where it drops. */
int torus_writer_full(const torus_writer_t *w);

/* A connection stands: the first bytes to out.  TORUS_OK or TORUS_ERROR. */
int torus_writer_open(torus_writer_t *w, uint64_t now, torus_buf_t *out);

/*
 * Appends to out what may be sent now: batches while ready and the window
 * has room, the question when retry_at has come.  Call it after pushes,
 * after feed and at retry_at.  TORUS_OK or TORUS_ERROR: close.
 */
int torus_writer_flush(torus_writer_t *w, uint64_t now, torus_buf_t *out);

/*
 * Bytes from Redis.  TORUS_OK; TORUS_ERROR: close the connection, a protocol
 * error or a server of no use for now (an event says what).
 */
int torus_writer_feed(torus_writer_t *w, const unsigned char *data, size_t len,
    uint64_t now);

/* The connection is gone, or was given up; nothing is lost by that. */
void torus_writer_closed(torus_writer_t *w, uint64_t now);

/* Is a reply outstanding?  Then a time-out has to be armed. */
int torus_writer_waits(const torus_writer_t *w);

/* When to call torus_writer_flush() again without a reason; 0: never. */
uint64_t torus_writer_retry_at(const torus_writer_t *w);

/* Does it hold anything, unsent or unanswered? */
int torus_writer_pending(const torus_writer_t *w);

/* The end is near: nothing is put off any more. */
void torus_writer_hurry(torus_writer_t *w);

/*
 * A mark stands behind all that was pushed so far.  It is settled when every
 * one of those operations has reached its end: applied, failed or dropped.
 * What is pushed later may delay that, where it was merged with them.
 */
uint64_t torus_writer_mark(const torus_writer_t *w);
int torus_writer_settled(const torus_writer_t *w, uint64_t mark);

void torus_writer_stats(const torus_writer_t *w, uint64_t now,
    torus_writer_stats_t *stats);

/* Next event: TORUS_OK, or TORUS_DECLINED when there is none. */
int torus_writer_event(torus_writer_t *w, torus_event_t *event);

/*
 * Gives up everything held and counts it: what was never sent as dropped,
 * what is unanswered as failed and (in points) in doubt.  Returns the
 * operations.
 */
uint64_t torus_writer_drop_all(torus_writer_t *w);

/* Clean exit: deletes our key, when ready and nothing is pending. */
int torus_writer_bye(torus_writer_t *w, torus_buf_t *out);


#endif /* _TORUS_WRITER_H_INCLUDED_ */
