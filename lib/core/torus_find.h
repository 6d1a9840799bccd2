/*
 * Finding names by globs in the index that the writers keep: the reading
 * half of torus_names.h.  It has no events; who owns the connections drives
 * it, as it does a listing:
 *
 *   add query ..;  next -> batch;  reply ..;  hit -> a node that was found
 *
 * Any number of queries go at the same time, over all hosts and prefixes of
 * the schemas, whose trees are merged.  What a query names literally is not
 * read but asked for; "*" reads the set of one node.  Many nodes are read in
 * one batch, so that the round trips are about as many as the pattern has
 * nodes that are no literals.
 *
 * Nodes come out query by query and in the order of their bytes (but for
 * what a list of literals, "{b,a}", makes of it), each once, as soon as all
 * that comes before them is known: a walk over everything needs memory only
 * for what it looks at ahead.
 *
 * What has expired is not found, nor what no schema takes any more.
 */

#ifndef _TORUS_FIND_H_INCLUDED_
#define _TORUS_FIND_H_INCLUDED_


#include "torus_batch.h"
#include "torus_graph_format.h"


/* A query has at most so many nodes. */
#define TORUS_FIND_NODES  63


typedef struct torus_find_s  torus_find_t;


typedef struct {
    int64_t                now;
    int64_t                from;       /* leaves with points in between; */
    int64_t                until;      /* the whole of time: INT64_MIN, _MAX */
    size_t                 names;      /* most hits; 0: no limit */
    torus_account_t       *account;    /* of its memory, or NULL */
    unsigned               leaves:1;   /* no branches */
    unsigned               tagged:1;   /* stats with tags, too */
} torus_find_conf_t;


/* In the arena.  conf is copied.  NULL when out of memory. */
torus_find_t *torus_find_create(torus_arena_t *arena,
    const torus_schema_set_t *set, const torus_find_conf_t *conf,
    torus_request_stats_t *stats);

/* Frees what is not the arena's. */
void torus_find_destroy(torus_find_t *find);

/*
 * Another query, numbered from 0; before the first batch.  TORUS_OK;
 * TORUS_INVALID: no good glob; TORUS_ERROR.
 */
int torus_find_add(torus_find_t *find, torus_str_t query,
    torus_error_t *err);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_find_next(torus_find_t *find, torus_batch_t *batch);

/* 200, or the status of the fault. */
unsigned torus_find_reply(torus_find_t *find, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err);

/*
 * The next hit, valid until the next call.  TORUS_OK; TORUS_AGAIN: the work
 * is over, or replies are wanted first; TORUS_DECLINED: that was all;
 * TORUS_INVALID: more than are allowed; TORUS_ERROR: out of memory.
 */
int torus_find_hit(torus_find_t *find, size_t *query, torus_graph_hit_t *hit);

/* Has torus_find_hit() something to do that needs no reply? */
int torus_find_busy(const torus_find_t *find);


#endif /* _TORUS_FIND_H_INCLUDED_ */
