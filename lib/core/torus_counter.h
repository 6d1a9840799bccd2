/*
 * What is counted, one place for the fact: an index into an array of
 * uint64_t that the owner (a worker's slot of the zone, a test) provides.
 *
 * Two identities hold at any quiet moment:
 *   points:  received = refused by reason (the bad_* and dropped_nan ..) +
 *            unmatched + transformed_away + accepted
 *   operations (accepted point x schema x interval x copy):
 *            made = applied + expired + failed + dropped + lost by crash +
 *            queued + in flight
 */

#ifndef _TORUS_COUNTER_H_INCLUDED_
#define _TORUS_COUNTER_H_INCLUDED_


#include <stdint.h>


#define TORUS_COUNTERS(X)                                                     \
    /* points */                                                              \
    X(POINTS_RECEIVED,      "points_received")                                \
    X(BAD_LINE,             "bad_line")          /* not path value [time] */  \
    X(BAD_LENGTH,           "bad_length")        /* line or path too long */  \
    X(BAD_PATH,             "bad_path")          /* control bytes, UTF-8 */   \
    X(BAD_VALUE,            "bad_value")         /* no schema can take it */  \
    X(BAD_TIMESTAMP,        "bad_timestamp")     /* out of range */           \
    X(BAD_INFINITY,         "bad_infinity")                                   \
    X(BAD_FRAME,            "bad_frame")         /* pickle; as one point */   \
    X(DROPPED_NAN,          "dropped_nan")                                    \
    X(DROPPED_FUTURE,       "dropped_future")                                 \
    X(DROPPED_PAST,         "dropped_past")                                   \
    X(DROPPED_NEW_STATS,    "dropped_new_stats") /* over the cap */           \
    X(DROPPED_OVERFLOW,     "dropped_overflow")  /* UDP, queue full */        \
    X(POINTS_UNMATCHED,     "points_unmatched")                               \
    X(POINTS_TRANSFORMED,   "points_transformed_away")                        \
    X(POINTS_ACCEPTED,      "points_accepted")                                \
    /* operations */                                                          \
    X(OPS_MADE,             "operations_made")                                \
    X(OPS_APPLIED,          "operations_applied")                             \
    X(OPS_EXPIRED,          "operations_expired")   /* out of retention */    \
    X(OPS_FAILED,           "operations_failed")    /* Redis said no */       \
    X(OPS_DROPPED,          "operations_dropped")   /* overflow, stop */      \
    X(OPS_CRASHED,          "operations_lost_by_crash")  /* worker killed */  \
    X(OPS_MERGED,           "operations_merged")    /* to inform */           \
    X(VALUES_SKIPPED,       "values_skipped")  /* bad for one schema only */  \
    /* Redis */                                                               \
    X(REDIS_COMMANDS,       "redis_commands")                                 \
    X(REDIS_BATCHES,        "redis_batches")                                  \
    X(REDIS_BYTES_SENT,     "redis_bytes_sent")                               \
    X(REDIS_BYTES_RECEIVED, "redis_bytes_received")                           \
    X(REDIS_ERRORS,         "redis_errors")                                   \
    X(REDIS_CONNECTS,       "redis_connects")                                 \
    X(REDIS_RESENT,         "redis_batches_resent")                           \
    X(LOST_BY_STORE,        "lost_by_store")                                  \
    X(IN_DOUBT,             "in_doubt")                                       \
    /* queries */                                                             \
    X(QUERIES,              "queries")                                        \
    X(QUERIES_FAILED,       "queries_failed")                                 \
    X(QUERY_POINTS,         "query_points")                                   \
    X(QUERY_ROWS,           "query_rows")                                     \
    X(QUERY_MSEC,           "query_msec")        /* from first to last */     \
    X(VALUES_UNREADABLE,    "values_unreadable")  /* read_func said no */


typedef enum {
#define TORUS_COUNTER_ENUM(id, name)  TORUS_C_##id,
    TORUS_COUNTERS(TORUS_COUNTER_ENUM)
#undef TORUS_COUNTER_ENUM
    TORUS_COUNTERS_N
} torus_counter_t;


/*
 * Beside them per host, as one worker sees it: gauges, and counters ("_total"
 * in their Prometheus names).  X(id, name, is a counter)
 */
#define TORUS_HOST_VALUES(X)                                                  \
    X(WRITERS,              "writers",          0)  /* workers that write */  \
    X(READY,                "ready",            0)  /* workers connected */   \
    X(QUEUED,               "queued",           0)  /* operations unsent */   \
    X(IN_FLIGHT,            "in_flight",        0)  /* .. unanswered */       \
    X(BYTES,                "queue_bytes",      0)  /* memory of both */      \
    X(BYTES_MAX,            "queue_bytes_max",  0)                            \
    X(BATCHES,              "window_used",      0)  /* batches unanswered */  \
    X(LAG,                  "lag_ms",           0)  /* slots: since when */   \
    X(BLOCKED,              "blocked",          0)  /* sessions waiting */    \
    X(UNSURE,               "expiries_unsure",  0)  /* keys: torus_unsure.h */\
    X(PUT_OFF,              "expiries_put_off", 1)  /* such keys in all */    \
    X(CONNECTS,             "connects",         1)  /* times it got ready */


typedef enum {
#define TORUS_HOST_ENUM(id, name, is_counter)  TORUS_HOST_##id,
    TORUS_HOST_VALUES(TORUS_HOST_ENUM)
#undef TORUS_HOST_ENUM
    TORUS_HOST_VALUES_N
} torus_host_value_t;


/* And per schema, all of them counters.  X(id, name) */
#define TORUS_SCHEMA_VALUES(X)                                                \
    X(POINTS,               "points")           /* taken, by any name */      \
    X(OPERATIONS,           "operations")       /* made of them */            \
    X(SKIPPED,              "values_skipped")   /* it could not take */


typedef enum {
#define TORUS_SCHEMA_ENUM(id, name)  TORUS_SCHEMA_##id,
    TORUS_SCHEMA_VALUES(TORUS_SCHEMA_ENUM)
#undef TORUS_SCHEMA_ENUM
    TORUS_SCHEMA_VALUES_N
} torus_schema_value_t;


/*
 * Turns: how long requests hold a worker each time it is theirs.
 * X(id, name): by what is done
 */
#define TORUS_TURNS(X)                                                        \
    X(BEGIN,                "begin")            /* arguments are read */      \
    X(REDIS,                "redis")            /* replies are taken */       \
    X(WORK,                 "work")             /* answers computed */        \
    X(SEND,                 "send")             /* a client took more */      \
    X(INSERT,               "insert")           /* points are taken */        \
    X(END,                  "end")              /* without a whole answer */


typedef enum {
#define TORUS_TURN_ENUM(id, name)  TORUS_TURN_##id,
    TORUS_TURNS(TORUS_TURN_ENUM)
#undef TORUS_TURN_ENUM
    TORUS_TURNS_N
} torus_turn_t;


/* Microseconds; what took no longer than each, the last one anything. */
#define TORUS_TURN_BOUNDS_N  8
#define TORUS_TURN_BOUNDS                                                     \
    { 1000, 2000, 5000, 10000, 20000, 50000, 100000, UINT64_MAX }

typedef struct {
    uint64_t  within[TORUS_TURN_BOUNDS_N];   /* each turn is in one of them */
    uint64_t  usec;                          /* all of them together */
    uint64_t  longest;                       /* microseconds */
} torus_turns_t;


/* Counts a turn of so many microseconds; adds turns to sum. */
void torus_turns_add(torus_turns_t *turns, uint64_t usec);
void torus_turns_sum(torus_turns_t *sum, const torus_turns_t *turns);
/* As the status page has them; a counter only grows. */
const char *torus_turn_name(torus_turn_t turn);
const char *torus_host_value_name(torus_host_value_t value);
int torus_host_value_is_counter(torus_host_value_t value);
const char *torus_schema_value_name(torus_schema_value_t value);


/* "points_received", ..; NULL for what is no counter. */
const char *torus_counter_name(torus_counter_t counter);


#endif /* _TORUS_COUNTER_H_INCLUDED_ */
