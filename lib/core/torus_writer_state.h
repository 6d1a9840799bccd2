/*
 * Between the files of the writer, for nobody else: torus_writer.c is what
 * its owner calls, torus_writer_send.c makes the bytes for Redis,
 * torus_reply.c understands what it answers, torus_writer_settle.c settles
 * what became of a batch, and torus_writer_resume.c finds the way back to
 * READY.
 *
 *   DOWN -> HELLO -> ASKING -> READY -> REFUSING -> WAITING -> ASKING ..
 *
 * Every way back to READY leads through the question, which is a write: only
 * a server that takes writes answers it, and the answer says which of the
 * unanswered batches are in the store.
 *
 * Ownership: a batch is in exactly one of queue (unsent), flight (sent and
 * unanswered) and refused; its operations are counted where it is.
 */

#ifndef _TORUS_WRITER_STATE_H_INCLUDED_
#define _TORUS_WRITER_STATE_H_INCLUDED_


#include <hiredis/read.h>

#include "torus_queue.h"
#include "torus_redis.h"
#include "torus_unsure.h"
#include "torus_writer.h"


#define TORUS_WRITER_EVENTS     16
#define TORUS_WRITER_KEY_LIFE   604800      /* seconds */
#define TORUS_WRITER_RENEW      3600000     /* ms */
#define TORUS_WRITER_READONLY   5000        /* ms until a reconnect */
#define TORUS_WRITER_FRACTIONS  16384       /* stats remembered to hold one */
#define TORUS_WRITER_REPLY_MAX  262144      /* bytes of a reply not whole */
#define TORUS_REPLY_TEXT        160
#define TORUS_RUN_ID            64


/* A reply whose last byte has come; of arrays the elements were seen. */
typedef struct {
    int                   type;           /* REDIS_REPLY_* */
    long long             integer;
    size_t                len;
    char                  text[TORUS_REPLY_TEXT];    /* cut */
} torus_reply_t;


/* Replies of the first phase, after those of the greeting. */
typedef enum {
    TORUS_HELLO_CLIENT_ID = 0,
    TORUS_HELLO_SERVER,
    TORUS_HELLO_MEMORY,
    TORUS_HELLO_N
} torus_hello_t;


/* Replies of the fence and the question. */
typedef enum {
    TORUS_ASK_KILL = 0,
    TORUS_ASK_REFUSALS,
    TORUS_ASK_MULTI,
    TORUS_ASK_HSET,
    TORUS_ASK_BORN,
    TORUS_ASK_EXPIRE,
    TORUS_ASK_HGETALL,
    TORUS_ASK_EXEC
} torus_ask_t;


/* What a server says of itself. */
typedef struct {
    long long             client;         /* our connection; 0: not told */
    uint64_t              refusals;       /* of MULTI, to anybody */
    char                  run_id[TORUS_RUN_ID];      /* empty: not told */
} torus_server_t;


/* What the key of this writer holds. */
typedef struct {
    unsigned              created:1;      /* it had no epoch */
    unsigned              slots:1;        /* it has some */
    uint64_t              slot[TORUS_WRITER_WINDOW_MAX];
    uint64_t              points;
    uint64_t              born;           /* epoch that it was made in */
    uint64_t             *field;          /* which the next value is for */
    torus_str_t           error;          /* first of the question */
    char                  text[TORUS_REPLY_TEXT];
} torus_question_t;


/* By how much "points" is too high at a batch behind a refused one. */
typedef struct {
    uint64_t              n;
    uint64_t              over;
} torus_skew_t;


struct torus_writer_s {
    torus_writer_conf_t   conf;
    torus_writer_state_t  state;
    uint64_t              now;
    uint64_t              random;
    char                  key[sizeof(TORUS_WRITER_KEY) + 32];

    torus_queue_t         queue;          /* unsent */
    torus_queue_t         names;          /* .. of the index of names */
    torus_unsure_t        unsure;         /* keys to expire once more */
    torus_fifo_t          flight;         /* unanswered, numbers ascending */
    torus_fifo_t          refused;        /* and to be sent again */
    torus_index_t         superseded;     /* gauges in refused batches */
    uint64_t              flight_ops;     /* of both */
    uint64_t              flight_points;
    uint64_t              point;          /* POINTS_RECEIVED at the last */

    uint64_t              number;         /* of the last sending */
    uint64_t              sum;            /* points sent so far */
    uint64_t              acked;          /* last number known as applied */
    uint64_t              stored;         /* points applied */
    torus_skew_t          skews[TORUS_WRITER_WINDOW_MAX];   /* the latest */
    uint64_t              epoch;
    uint64_t              born;           /* of our key, as last seen */
    uint64_t              renew_at;
    uint64_t              connects;

    redisReader          *reader;
    torus_reply_t         reply;
    size_t                step;           /* of the phase */
    size_t                greeting;       /* replies of it */
    torus_server_t        server;
    torus_server_t        fence;          /* where batches went last */
    torus_question_t      answer;

    size_t                pos;            /* replies of flight.first seen */
    torus_record_t       *cursor;         /* whose reply comes next */
    unsigned              second:1;       /* .. of its EXPIREAT */

    uint64_t              backoff;
    uint64_t              retry_at;
    uint64_t              readonly_since;
    uint64_t              failed;         /* since the last event of it */
    uint64_t              failed_at;

    uint64_t              dropped;        /* points, since that event */
    uint64_t              dropped_at;

    unsigned              hurry:1;        /* nothing is put off any more */
    unsigned              dropping:1;     /* the rest of this point */
    unsigned              dropped_told:1;
    unsigned              asked:1;        /* our key was there once */
    unsigned              ask_due:1;
    unsigned              fresh:1;        /* not ready yet on this link */
    unsigned              compared:1;     /* refusals, after a break */
    unsigned              outside:1;      /* of MULTI there were some */
    unsigned              no_fence:1;     /* and the log says so */
    unsigned              evicts:1;       /* and the log says so */
    unsigned              failed_told:1;

    char                  told[TORUS_REPLY_TEXT];   /* last refusal logged */
    torus_event_t         events[TORUS_WRITER_EVENTS];
    size_t                event;          /* the oldest */
    size_t                nevents;
};


#define torus_writer_key(w)                                                   \
    torus_str((w)->key, sizeof((w)->key) - 1)

#define torus_writer_host(w)  torus_fmt((w)->conf.host->name)

/* Nothing can be sent for now. */
#define torus_writer_stuck(w)                                                 \
    ((w)->state != TORUS_WRITER_READY || (w)->flight.n >= (w)->conf.window)


/* torus_reply.c */

int torus_reply_open(torus_writer_t *w);
void torus_reply_close(torus_writer_t *w);
int torus_reply_feed(torus_writer_t *w, const unsigned char *data, size_t len);


/* torus_writer.c */

void torus_writer_note(torus_writer_t *w, torus_event_level_t level,
    const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


/* torus_writer_settle.c */

/* All replies of flight.first are there, or its slot tells. */
void torus_writer_settle(torus_writer_t *w, int applied);

/* Its points are in the store. */
void torus_writer_stored(torus_writer_t *w, const torus_wbatch_t *b);

/* Its operations have had their effect, or would have none. */
void torus_writer_record_done(torus_writer_t *w, torus_record_t *r);

/* Outside of MULTI the expiry may have been refused, or not have come. */
void torus_writer_outlive(torus_writer_t *w, const torus_record_t *r);

/*
 * Gives up batches that no count holds any more but these two: operations
 * and, where the second is another one, points.  Returns the operations.
 */
uint64_t torus_writer_drop(torus_writer_t *w, torus_fifo_t *f,
    torus_counter_t counter, torus_counter_t also);

void torus_writer_release(torus_writer_t *w, torus_wbatch_t *b);


/* torus_writer_resume.c */

/* All is known of the server: the question is due. */
void torus_writer_introduced(torus_writer_t *w);

/* So often MULTI was refused there, behind the fence. */
void torus_writer_refusals(torus_writer_t *w, uint64_t n);

/* Is there an old connection that the fence has to end? */
int torus_writer_fenced(const torus_writer_t *w);

/* The question was answered; w->answer has it. */
void torus_writer_answered(torus_writer_t *w);

/* Refused outside of a batch; TORUS_OK: wait, TORUS_ERROR: close. */
int torus_writer_refused(torus_writer_t *w, torus_str_t error);

/* An error before or instead of EXEC's array. */
void torus_writer_refuse(torus_writer_t *w, torus_wbatch_t *b,
    torus_str_t error);

/* To ask again in a while. */
void torus_writer_wait(torus_writer_t *w);


#endif /* _TORUS_WRITER_STATE_H_INCLUDED_ */
