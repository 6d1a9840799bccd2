/*
 * Between the files of finding, for nobody else: what is known of the trees,
 * and how far the queries have got in them.
 *
 * What is known is a list in the order of the answer: nodes that were found,
 * and between them nodes that have to be read first, which are replaced by
 * what is found below them.  The first some hundred of those are read at the
 * same time; what is found at the front of the list can be answered while
 * the rest is still to come.
 *
 * When memory is short only the front is gone on with.  When there is none
 * left, what has been read of the other nodes is forgotten, to be read again
 * when their turn has come; and from then on fewer are read at a time.
 *
 * How far a query has got at a node is a set of states, bit i: nodes 0 to
 * i - 1 of the pattern are matched.  Without "**" there is one, with it there
 * may be several.  The state behind the last node: it is found.
 *
 * Trees are the roots, one for each host and prefix.  A node knows in which
 * of them it was seen and is looked for only there.
 */

#ifndef _TORUS_FIND_TREE_H_INCLUDED_
#define _TORUS_FIND_TREE_H_INCLUDED_


#include "torus_find.h"
#include "torus_glob.h"


#define TORUS_FIND_WINDOW   512     /* nodes that are read at the same time */
#define TORUS_FIND_COMMANDS 512     /* of one batch */
#define TORUS_FIND_CURSOR   20      /* digits of 64 bits */
#define TORUS_FIND_KEEP     65536


/* Where a tree is. */
typedef struct {
    const torus_host_t        *host;
    torus_str_t                prefix;
} torus_find_root_t;


typedef struct {
    torus_str_t                text;
    torus_glob_node_t         *nodes;
    size_t                     n;
    unsigned                   tagged:1;
} torus_find_query_t;


/* A member of a set that is of interest. */
typedef struct {
    size_t                     at;       /* in torus_find_scan_t.text */
    size_t                     len;
    const unsigned char       *name;     /* once all of them are there */
    uint64_t                   states;
    uint64_t                   roots;
    int64_t                    seen;
} torus_find_child_t;


/* An element of the list; its path follows. */
typedef struct torus_find_entry_s  torus_find_entry_t;


/* Entries that are to take the place of one. */
typedef struct {
    torus_find_entry_t        *first;
    torus_find_entry_t       **last;
} torus_find_chain_t;


/* What is done next with a node that was read. */
enum {
    TORUS_FIND_NAMES = 0,
    TORUS_FIND_SORT,
    TORUS_FIND_RESULTS
};


/* A node that is being read. */
typedef struct {
    size_t                     wait;     /* sets not yet read to their end */
    torus_find_child_t        *children;
    size_t                     n;
    size_t                     size;
    torus_buf_t                text;

    /* when all of it is there */
    torus_find_entry_t        *next;     /* whose turn it is then */
    torus_find_child_t        *spare;
    torus_sort_t               sort;
    torus_find_chain_t         chain;
    unsigned                   phase;
    size_t                     i;        /* child */
} torus_find_scan_t;

struct torus_find_entry_s {
    torus_find_entry_t        *next;
    torus_find_scan_t         *scan;
    uint64_t                   states;   /* of a node to be read */
    uint64_t                   roots;    /* bit: index modulo 64 */
    int64_t                    start;
    int64_t                    end;
    uint32_t                   query;
    uint32_t                   len;
    unsigned                   leaf:1;
    unsigned                   hit:1;    /* it was found */
    unsigned                   sent:1;
    unsigned                   done:1;   /* replaced by what follows it */
};

#define torus_find_path(e)                                                    \
    torus_str((unsigned char *) (e) + sizeof(torus_find_entry_t), (e)->len)


/* A command to be, or one that is on its way. */
typedef struct {
    torus_find_entry_t        *entry;
    size_t                     root;
    size_t                     cursor_len;
    char                       cursor[TORUS_FIND_CURSOR];
} torus_find_read_t;


typedef struct {
    torus_buf_t                bytes;
    torus_find_read_t         *todo;
    size_t                     ntodo;
    size_t                     size;
    torus_find_read_t         *sent;
    size_t                     nsent;
    size_t                     sent_size;
    size_t                     seen;     /* replies to them */
} torus_find_host_t;


struct torus_find_s {
    torus_arena_t             *arena;
    const torus_schema_set_t  *set;
    torus_find_conf_t          conf;
    torus_request_stats_t     *stats;
    torus_find_root_t         *roots;
    size_t                     nroots;
    size_t                    *root_of;  /* by index of the schema */
    int64_t                   *keep;     /* likewise */
    torus_find_query_t        *queries;
    size_t                     nqueries;
    size_t                     size;
    torus_find_host_t         *hosts;
    torus_find_entry_t        *first;
    torus_find_entry_t        *last;
    torus_find_entry_t        *given;    /* the hit that was told */
    torus_find_entry_t        *ready;    /* read, to be replaced */
    torus_find_entry_t        *ready_last;
    torus_find_entry_t        *at;       /* in hand: not to be forgotten */
    size_t                     window;   /* nodes read at the same time */
    size_t                     unsent;   /* nodes to be read */
    unsigned char             *path;
    size_t                     path_size;
    size_t                     open;     /* nodes that are being read */
    size_t                     memory;   /* of the list, about */
    size_t                     hits;
    unsigned                   failed:1; /* out of memory */
};


#define torus_find_bit(i)  ((uint64_t) 1 << ((i) & 63))

/* Found is the state behind the last node. */
#define torus_find_found(q)  torus_find_bit((q)->n)


/* torus_find_query.c */

/* "**" may also stand for no node at all. */
uint64_t torus_find_closure(const torus_find_query_t *q, size_t state);

/* The states that a node of that name leads to; 0: it does not match. */
uint64_t torus_find_step(const torus_find_query_t *q, uint64_t states,
    torus_str_t name);

/* The node of the pattern, if that is all that may come next. */
const torus_glob_node_t *torus_find_literal(const torus_find_query_t *q,
    uint64_t states);


/* torus_find_read.c */

/* Commands for the nodes to be read, from the front of the list. */
int torus_find_fill(torus_find_t *f);

/* The command, into the bytes of the host. */
int torus_find_command(torus_find_t *f, torus_find_host_t *h,
    const torus_find_read_t *read);

/*
 * An answer.  TORUS_OK; TORUS_AGAIN: there is more of it to be read;
 * TORUS_DECLINED: no such answer; TORUS_ERROR.
 */
int torus_find_scores(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply);
int torus_find_members(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply);


/* torus_find_list.c */

/* A branch to go on from, at the end of the chain. */
int torus_find_node(torus_find_t *f, torus_find_chain_t *chain, size_t query,
    torus_str_t path, uint64_t states, uint64_t roots);

/* With what has been read of it. */
void torus_find_free(torus_find_t *f, torus_find_entry_t *e);

/* The first that was not found yet, but has to be read; NULL: none. */
torus_find_entry_t *torus_find_front(const torus_find_t *f);

/* Was all of it read? */
int torus_find_is_read(const torus_find_entry_t *e);

/* Is so little memory left that nothing should be read ahead? */
int torus_find_short(const torus_find_t *f);

/* Forgets what was read of any node but the front and the one in hand. */
void torus_find_reclaim(void *data);

/*
 * After a fault: was it only that there is no memory for a node that is not
 * the front?  Then that is forgotten, too.
 */
int torus_find_forgive(torus_find_t *f);

/* All of it was read; what becomes of it is work. */
void torus_find_finished(torus_find_t *f, torus_find_entry_t *e);

/* The front, else the one that was read first; TORUS_AGAIN: not all of it. */
int torus_find_do(torus_find_t *f);


#endif /* _TORUS_FIND_TREE_H_INCLUDED_ */
