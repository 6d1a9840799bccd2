/*
 * The index of names, its writing half: what lets a path be found without a
 * walk over all keys.  torus_layout.h has its shape, torus_find.h reads it.
 *
 * A name is written when a worker first stores a point of it, and again each
 * hour or so; of the nodes above it each is written once an hour.  So an
 * index that was lost, or a name that was taken out of it while points keep
 * coming, is whole again after an hour.
 */

#ifndef _TORUS_NAMES_H_INCLUDED_
#define _TORUS_NAMES_H_INCLUDED_


#include "torus_expiry.h"
#include "torus_store.h"


/* Seconds after which a name is written again, at most. */
#define TORUS_NAMES_REFRESH  3600

/* Seconds that entries are kept beyond any data. */
#define TORUS_NAMES_SLACK    86400

/* Nodes that are remembered to have been written; 16 bytes each. */
#define TORUS_NAMES_NODES    262144

/* A "due" that never comes. */
#define TORUS_NAMES_NEVER    UINT32_MAX


typedef struct {
    int64_t                    keep;     /* of the schema, 0: for ever */
    int64_t                    longest;  /* of all that share its tree */
    uint32_t                   refresh;
} torus_names_schema_t;


struct torus_names_s {
    const torus_schema_set_t  *set;
    torus_sink_pt              sink;
    void                      *data;
    uint64_t                   seed;     /* random */
    size_t                     nodes;    /* TORUS_NAMES_NODES */

    /* set by torus_names_init() */
    torus_names_schema_t      *schemas;  /* by torus_schema_t.index */
    torus_expiry_t             known;
    uint64_t                   random;
    unsigned char             *key;
    size_t                     key_size;
};


/* Zero the struct, set set .. nodes, then init; TORUS_OK or TORUS_ERROR. */
int torus_names_init(torus_names_t *names);
void torus_names_free(torus_names_t *names);

/*
 * Writes a stat of a schema, seen at that time, and such of the nodes above
 * it as are not known.  TORUS_OK, or TORUS_ERROR: out of memory, or as the
 * sink says.
 */
int torus_names_add(torus_names_t *names, const torus_schema_t *schema,
    torus_str_t stat, int64_t seen, int64_t now);

/* The same, but only if this stat was not written within the hour. */
int torus_names_add_new(torus_names_t *names, const torus_schema_t *schema,
    torus_str_t stat, int64_t now);

/* When a stat that is written now has to be written again. */
uint32_t torus_names_due(torus_names_t *names, const torus_schema_t *schema,
    int64_t now);


/* How long points of a schema may be held, in seconds; 0: for ever. */
int64_t torus_names_keep(const torus_schema_t *schema);

/* The longest of all schemas of that host and prefix; 0: for ever. */
int64_t torus_names_longest(const torus_schema_set_t *set,
    const torus_host_t *host, torus_str_t prefix);

/* Seconds until a stat of such a schema is written again, at most. */
uint32_t torus_names_refresh(int64_t keep);

/* Until when there may be points of a stat last seen then; INT64_MAX. */
int64_t torus_names_until(int64_t keep, int64_t seen);

/* What was last seen before this is of no use in such a tree; 0: all is. */
int64_t torus_names_useless(int64_t longest, int64_t now);


#endif /* _TORUS_NAMES_H_INCLUDED_ */
