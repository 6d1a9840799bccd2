/*
 * A walk over the trees of the index.
 *
 * What is known is a list in the order of the answer: nodes that were found,
 * and between them nodes that have to be read first, which are replaced by
 * what is found below them.  The first some hundred of those are read at the
 * same time; what is found at the front of the list can be answered while
 * the rest is still to come.
 *
 * How far a query has got at a node is a set of states, bit i: nodes 0 to
 * i - 1 of the pattern are matched.  Without "**" there is one, with it there
 * may be several.  The state behind the last node: it is found.
 *
 * Trees are the roots, one for each host and prefix.  A node knows in which
 * of them it was seen and is looked for only there.
 */

#include "torus_find.h"
#include "torus_glob.h"
#include "torus_layout.h"
#include "torus_names.h"
#include "torus_redis.h"

#include <stdlib.h>


#define TORUS_FIND_WINDOW   512     /* nodes that are read at the same time */
#define TORUS_FIND_NARROW   16      /* .. when memory is short */
#define TORUS_FIND_COMMANDS 512     /* of one batch */
#define TORUS_FIND_COUNT    2000    /* members that one command looks at */
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
    size_t                     unsent;   /* nodes to be read */
    unsigned char             *path;
    size_t                     path_size;
    size_t                     open;     /* nodes that are being read */
    size_t                     memory;
    size_t                     hits;
    unsigned                   failed:1; /* out of memory */
};


static int torus_find_roots(torus_find_t *f);
static int torus_find_tagged(torus_find_t *f, torus_find_query_t *q,
    torus_error_t *err);
static uint64_t torus_find_closure(const torus_find_query_t *q, size_t state);
static uint64_t torus_find_step(const torus_find_query_t *q, uint64_t states,
    torus_str_t name);
static const torus_glob_node_t *torus_find_literal(
    const torus_find_query_t *q, uint64_t states);
static int torus_find_node(torus_find_t *f, torus_find_chain_t *chain,
    size_t query, torus_str_t path, uint64_t states, uint64_t roots);
static torus_find_entry_t *torus_find_entry(torus_find_t *f,
    torus_find_chain_t *chain, size_t query, torus_str_t path);
static void torus_find_free(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_join(torus_find_t *f, torus_str_t path,
    const unsigned char *name, size_t len, torus_str_t *joined);
static int torus_find_fill(torus_find_t *f);
static int torus_find_begin(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_todo(torus_find_t *f, const torus_find_read_t *read);
static int torus_find_command(torus_find_t *f, torus_find_host_t *h,
    const torus_find_read_t *read);
static int torus_find_match(const torus_find_t *f,
    const torus_find_entry_t *e, torus_buf_t *pattern);
static int torus_find_scores(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply);
static int torus_find_members(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply);
static int torus_find_child(torus_find_t *f, const torus_find_read_t *read,
    torus_str_t name, uint64_t states, const redisReply *score);
static void torus_find_finished(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_do(torus_find_t *f);
static int torus_find_finish(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_names(torus_find_t *f, torus_find_scan_t *s);
static int torus_find_results(torus_find_t *f, torus_find_entry_t *e);
static void torus_find_replace(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_result(torus_find_t *f, torus_find_entry_t *e,
    torus_find_chain_t *chain, torus_find_child_t *c);
static int torus_find_leaf(torus_find_t *f, torus_find_chain_t *chain,
    size_t query, torus_str_t path, uint64_t roots, int64_t seen);
static int torus_find_cmp(const void *a, const void *b);
static int64_t torus_find_time(const redisReply *score);


#define torus_find_bit(i)  ((uint64_t) 1 << ((i) & 63))

/* Found is the state behind the last node. */
#define torus_find_found(q)  torus_find_bit((q)->n)


torus_find_t *
torus_find_create(torus_arena_t *arena, const torus_schema_set_t *set,
    const torus_find_conf_t *conf, torus_request_stats_t *stats)
{
    size_t         i;
    torus_find_t  *f;

    f = torus_arena_calloc(arena, 1, sizeof(torus_find_t));
    if (f == NULL) {
        return NULL;
    }

    f->arena = arena;
    f->set = set;
    f->conf = *conf;
    f->stats = stats;

    f->hosts = torus_arena_calloc(arena, set->nhosts + 1,
                                  sizeof(torus_find_host_t));

    if (f->hosts == NULL || torus_find_roots(f) != TORUS_OK) {
        return NULL;
    }

    for (i = 0; i < set->nhosts; i++) {
        torus_buf_init(&f->hosts[i].bytes, 0);
    }

    return f;
}


static int
torus_find_roots(torus_find_t *f)
{
    size_t                    i, k, n;
    const torus_schema_t     *schema;
    const torus_find_root_t  *root;

    n = f->set->nschemas + 1;

    f->roots = torus_arena_calloc(f->arena, n, sizeof(torus_find_root_t));
    f->root_of = torus_arena_calloc(f->arena, n, sizeof(size_t));
    f->keep = torus_arena_calloc(f->arena, n, sizeof(int64_t));

    if (f->roots == NULL || f->root_of == NULL || f->keep == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < f->set->nschemas; i++) {
        schema = &f->set->schemas[i];

        for (k = 0; k < f->nroots; k++) {
            root = &f->roots[k];

            if (root->host->index == schema->host->index
                && torus_str_eq(root->prefix, schema->prefix))
            {
                break;
            }
        }

        if (k == f->nroots) {
            f->roots[k].host = schema->host;
            f->roots[k].prefix = schema->prefix;
            f->nroots++;
        }

        f->root_of[schema->index] = k;
        f->keep[schema->index] = torus_names_keep(schema);
    }

    return TORUS_OK;
}


void
torus_find_destroy(torus_find_t *f)
{
    size_t               i;
    torus_find_entry_t  *e;

    while (f->first != NULL) {
        e = f->first;
        f->first = e->next;
        torus_find_free(f, e);
    }

    if (f->given != NULL) {
        torus_find_free(f, f->given);
        f->given = NULL;
    }

    for (i = 0; i < f->set->nhosts; i++) {
        torus_buf_free(&f->hosts[i].bytes);
        free(f->hosts[i].todo);
        free(f->hosts[i].sent);
    }

    free(f->path);
    f->path = NULL;
}


int
torus_find_add(torus_find_t *f, torus_str_t text, torus_error_t *err)
{
    int                  rc;
    torus_str_t          none;
    torus_glob_t        *glob;
    torus_find_chain_t   chain;
    torus_find_query_t  *q, *grown;

    if (f->nqueries == f->size) {
        f->size = f->size == 0 ? 4 : 2 * f->size;

        grown = torus_arena_calloc(f->arena, f->size,
                                   sizeof(torus_find_query_t));
        if (grown == NULL) {
            return TORUS_ERROR;
        }

        if (f->nqueries != 0) {
            memcpy(grown, f->queries,
                   f->nqueries * sizeof(torus_find_query_t));
        }

        f->queries = grown;
    }

    q = &f->queries[f->nqueries];

    if (torus_arena_dup(f->arena, text, &q->text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (text.len != 0 && memchr(text.data, ';', text.len) != NULL) {
        rc = torus_find_tagged(f, q, err);

        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        rc = torus_glob_compile(f->arena, q->text, &glob, err);

        if (rc != TORUS_OK) {
            return rc;
        }

        q->nodes = glob->nodes;
        q->n = glob->nnodes;
    }

    if (q->n > TORUS_FIND_NODES) {
        return torus_error(err, "a query has at most %d nodes, not %zu",
                           TORUS_FIND_NODES, q->n);
    }

    chain.first = NULL;
    chain.last = &chain.first;
    none = torus_str("", 0);

    rc = torus_find_node(f, &chain, f->nqueries, none,
                         torus_find_closure(q, 0), UINT64_MAX);

    /* in any case: what is there already has to be freed at the end */

    if (chain.first != NULL) {

        if (f->first == NULL) {
            f->first = chain.first;

        } else {
            f->last->next = chain.first;
        }

        for (f->last = chain.first; f->last->next; f->last = f->last->next) {
            /* void */
        }
    }

    if (rc == TORUS_OK) {
        f->nqueries++;
    }

    return rc;
}


/* "a.*.c;tag=x.y": all from the last node on, its tags too, is literal. */
static int
torus_find_tagged(torus_find_t *f, torus_find_query_t *q, torus_error_t *err)
{
    int                 rc;
    size_t              leaf, n;
    torus_glob_t       *glob;
    torus_glob_alt_t   *alt;
    torus_glob_node_t  *node;

    leaf = torus_layout_names_leaf(q->text);
    glob = NULL;
    n = 0;

    if (leaf != 0) {
        rc = torus_glob_compile(f->arena, torus_str(q->text.data, leaf - 1),
                                &glob, err);
        if (rc != TORUS_OK) {
            return rc;
        }

        n = glob->nnodes;
    }

    q->nodes = torus_arena_calloc(f->arena, n + 1, sizeof(torus_glob_node_t));
    alt = torus_arena_calloc(f->arena, 1, sizeof(torus_glob_alt_t));

    if (q->nodes == NULL || alt == NULL) {
        return TORUS_ERROR;
    }

    if (n != 0) {
        memcpy(q->nodes, glob->nodes, n * sizeof(torus_glob_node_t));
    }

    alt->text = torus_str(q->text.data + leaf, q->text.len - leaf);
    alt->prefix = alt->text;
    alt->literal = 1;

    node = &q->nodes[n];
    node->text = alt->text;
    node->alts = alt;
    node->nalts = 1;
    node->literal = 1;

    q->n = n + 1;
    q->tagged = 1;

    return TORUS_OK;
}


int
torus_find_next(torus_find_t *f, torus_batch_t *batch)
{
    int                 idle;
    size_t              i, n;
    torus_find_host_t  *h;

    if (f->failed || torus_find_fill(f) != TORUS_OK) {
        return TORUS_ERROR;
    }

    idle = 1;

    for (i = 0; i < f->set->nhosts; i++) {
        idle &= (f->hosts[i].nsent == 0);
    }

    for (i = 0; i < f->set->nhosts; i++) {
        h = &f->hosts[i];

        if (h->nsent != 0 || h->ntodo == 0) {
            continue;
        }

        torus_buf_reset(&h->bytes, TORUS_FIND_KEEP);

        n = h->ntodo < TORUS_FIND_COMMANDS ? h->ntodo : TORUS_FIND_COMMANDS;

        for (h->nsent = 0; h->nsent < n; h->nsent++) {
            h->sent[h->nsent] = h->todo[h->nsent];

            if (torus_find_command(f, h, &h->sent[h->nsent]) != TORUS_OK) {
                f->failed = 1;
                return TORUS_ERROR;
            }
        }

        h->ntodo -= n;
        memmove(h->todo, h->todo + n, h->ntodo * sizeof(torus_find_read_t));
        h->seen = 0;

        batch->host = &f->set->hosts[i];
        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
        batch->replies = n;

        f->stats->batches++;
        f->stats->commands += n;
        f->stats->rounds += (uint64_t) idle;

        return TORUS_OK;
    }

    return TORUS_DECLINED;
}


unsigned
torus_find_reply(torus_find_t *f, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err)
{
    int                 rc;
    torus_find_read_t   read;
    torus_find_host_t  *h;

    h = &f->hosts[host->index];

    if (h->seen >= h->nsent) {
        torus_error(err, "redis %.*s answers what was not asked",
                    torus_fmt(host->name));
        return 503;
    }

    read = h->sent[h->seen++];

    if (h->seen == h->nsent) {
        h->nsent = 0;
        h->seen = 0;
    }

    rc = TORUS_DECLINED;

    if (reply->type == REDIS_REPLY_ARRAY) {
        rc = torus_find_literal(&f->queries[read.entry->query],
                                read.entry->states) != NULL
             ? torus_find_scores(f, &read, reply)
             : torus_find_members(f, &read, reply);
    }

    if (rc == TORUS_DECLINED) {

        if (reply->type == REDIS_REPLY_ARRAY) {
            torus_error(err, "redis %.*s cannot find", torus_fmt(host->name));
            return 503;
        }

        /* a key of another type is no set of ours */

        if (torus_batch_error(host, reply, err) != TORUS_DECLINED) {
            return 503;
        }

        rc = TORUS_OK;
    }

    if (rc == TORUS_OK && --read.entry->scan->wait == 0) {
        torus_find_finished(f, read.entry);
    }

    if (rc != TORUS_OK && rc != TORUS_AGAIN) {
        torus_error(err, "out of memory");
        return 500;
    }

    if (f->conf.memory != 0 && f->memory > f->conf.memory) {
        torus_error(err, "the request needs more memory than it may have");
        return 413;
    }

    return 200;
}


int
torus_find_hit(torus_find_t *f, size_t *query, torus_graph_hit_t *hit)
{
    int                  rc;
    torus_find_entry_t  *e;

    if (f->given != NULL) {
        torus_find_free(f, f->given);
        f->given = NULL;
    }

    for ( ;; ) {

        if (torus_work_over(&f->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&f->stats->work, 10);

        e = f->first;

        if (e == NULL) {
            return TORUS_DECLINED;
        }

        /* what can be given goes first: then its memory is free */

        if (!e->hit && !e->done) {

            if (f->ready == NULL) {
                return TORUS_AGAIN;
            }

            rc = torus_find_do(f);

            if (rc != TORUS_OK) {
                return rc;
            }

            continue;
        }

        f->first = e->next;
        f->given = e;

        if (e->hit) {
            break;
        }

        torus_find_free(f, e);
        f->given = NULL;
    }

    if (f->conf.names != 0 && f->hits == f->conf.names) {
        return TORUS_INVALID;
    }

    f->hits++;

    *query = e->query;
    hit->path = torus_find_path(e);
    hit->leaf = e->leaf;
    hit->start = e->start;
    hit->end = e->end;

    return TORUS_OK;
}


int
torus_find_busy(const torus_find_t *f)
{
    return f->ready != NULL || f->first == NULL || f->first->hit
           || f->first->done;
}


/* "**" may also stand for no node at all. */
static uint64_t
torus_find_closure(const torus_find_query_t *q, size_t state)
{
    uint64_t  states;

    states = torus_find_bit(state);

    while (state < q->n && q->nodes[state].deep) {
        states |= torus_find_bit(++state);
    }

    return states;
}


static uint64_t
torus_find_step(const torus_find_query_t *q, uint64_t states,
    torus_str_t name)
{
    size_t    i;
    uint64_t  next;

    next = 0;

    for (i = 0; i < q->n; i++) {

        if (!(states & torus_find_bit(i))) {
            continue;
        }

        if (q->nodes[i].deep) {
            next |= torus_find_closure(q, i);

        } else if (torus_glob_node_match(&q->nodes[i], name)) {
            next |= torus_find_closure(q, i + 1);
        }
    }

    return next;
}


/* The node of the pattern, if that is all that may come next. */
static const torus_glob_node_t *
torus_find_literal(const torus_find_query_t *q, uint64_t states)
{
    size_t  i;

    if (states & (states - 1)) {
        return NULL;
    }

    for (i = 0; i < q->n; i++) {

        if (states == torus_find_bit(i)) {
            return q->nodes[i].literal && !q->nodes[i].deep ? &q->nodes[i]
                                                            : NULL;
        }
    }

    return NULL;
}


/*
 * A branch to go on from.  Literal nodes that only lead on are gone through
 * without a look: whether they are there shows below them.
 */
static int
torus_find_node(torus_find_t *f, torus_find_chain_t *chain, size_t query,
    torus_str_t path, uint64_t states, uint64_t roots)
{
    int                        rc;
    size_t                     i;
    uint64_t                   next;
    torus_str_t                joined;
    unsigned char             *copy;
    torus_find_entry_t        *e;
    const torus_find_query_t  *q;
    const torus_glob_node_t   *node;

    q = &f->queries[query];
    node = torus_find_literal(q, states);

    next = node == NULL ? 0
           : torus_find_closure(q, (size_t) (node - q->nodes) + 1);

    if (node == NULL || (next & torus_find_found(q))) {
        e = torus_find_entry(f, chain, query, path);
        if (e == NULL) {
            return TORUS_ERROR;
        }

        e->states = states;
        e->roots = roots;
        f->unsent++;

        return TORUS_OK;
    }

    for (i = 0; i < node->nalts; i++) {

        if (torus_find_join(f, path, node->alts[i].text.data,
                            node->alts[i].text.len, &joined)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        /* the room is used again further down */

        copy = malloc(joined.len + 1);
        if (copy == NULL) {
            return TORUS_ERROR;
        }

        memcpy(copy, joined.data, joined.len);

        rc = torus_find_node(f, chain, query, torus_str(copy, joined.len),
                             next, roots);
        free(copy);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


static torus_find_entry_t *
torus_find_entry(torus_find_t *f, torus_find_chain_t *chain, size_t query,
    torus_str_t path)
{
    torus_find_entry_t  *e;

    if (path.len > UINT32_MAX) {
        return NULL;
    }

    e = malloc(sizeof(torus_find_entry_t) + path.len);
    if (e == NULL) {
        return NULL;
    }

    memset(e, 0, sizeof(torus_find_entry_t));

    e->query = (uint32_t) query;
    e->len = (uint32_t) path.len;

    if (path.len != 0) {
        memcpy(e + 1, path.data, path.len);
    }

    *chain->last = e;
    chain->last = &e->next;

    f->memory += sizeof(torus_find_entry_t) + path.len;

    return e;
}


static void
torus_find_free(torus_find_t *f, torus_find_entry_t *e)
{
    torus_find_entry_t  *next;

    if (e->scan != NULL) {

        if (e->scan->phase == TORUS_FIND_RESULTS) {
            *e->scan->chain.last = NULL;
        }

        for ( /* void */ ; e->scan->chain.first; e->scan->chain.first = next) {
            next = e->scan->chain.first->next;
            torus_find_free(f, e->scan->chain.first);
        }

        f->memory -= e->scan->size * sizeof(torus_find_child_t)
                     + torus_buf_len(&e->scan->text);
        torus_buf_free(&e->scan->text);
        free(e->scan->children);
        free(e->scan->spare);
        free(e->scan);
    }

    f->memory -= sizeof(torus_find_entry_t) + e->len;

    free(e);
}


/* In f->path, until the next time. */
static int
torus_find_join(torus_find_t *f, torus_str_t path, const unsigned char *name,
    size_t len, torus_str_t *joined)
{
    size_t          n, size;
    unsigned char  *p;

    size = path.len + 1 + len;

    if (size > f->path_size) {
        p = realloc(f->path, size * 2);
        if (p == NULL) {
            return TORUS_ERROR;
        }

        f->path = p;
        f->path_size = size * 2;
    }

    n = 0;

    if (path.len != 0) {
        memcpy(f->path, path.data, path.len);
        n = path.len;
        f->path[n++] = '.';
    }

    if (len != 0) {
        memcpy(f->path + n, name, len);
    }

    *joined = torus_str(f->path, n + len);

    return TORUS_OK;
}


/*
 * Nodes to be read, from the front of the list.  Those that were found before
 * them are passed by each time, so it is not done for a few; and not while
 * memory is short that giving out what there is would free.
 */
static int
torus_find_fill(torus_find_t *f)
{
    size_t               window;
    torus_find_entry_t  *e;

    window = TORUS_FIND_WINDOW;

    if (f->conf.memory != 0 && f->memory > f->conf.memory / 4) {
        window = TORUS_FIND_NARROW;

        if (torus_find_busy(f)) {
            return TORUS_OK;
        }

    } else if (f->open > window / 2) {
        return TORUS_OK;
    }

    for (e = f->first;
         e != NULL && f->unsent != 0 && f->open < window;
         e = e->next)
    {

        if (e->hit || e->done || e->sent) {
            continue;
        }

        if (torus_find_begin(f, e) != TORUS_OK) {
            f->failed = 1;
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_find_begin(torus_find_t *f, torus_find_entry_t *e)
{
    size_t             i;
    torus_find_read_t  read;

    e->scan = calloc(1, sizeof(torus_find_scan_t));
    if (e->scan == NULL) {
        return TORUS_ERROR;
    }

    torus_buf_init(&e->scan->text, 0);

    e->sent = 1;
    f->open++;
    f->unsent--;

    memset(&read, 0, sizeof(torus_find_read_t));

    read.entry = e;
    read.cursor[0] = '0';
    read.cursor_len = 1;

    for (i = 0; i < f->nroots; i++) {

        if (!(e->roots & torus_find_bit(i))) {
            continue;
        }

        read.root = i;

        if (torus_find_todo(f, &read) != TORUS_OK) {
            return TORUS_ERROR;
        }

        e->scan->wait++;
    }

    if (e->scan->wait == 0) {
        torus_find_finished(f, e);
    }

    return TORUS_OK;
}


static int
torus_find_todo(torus_find_t *f, const torus_find_read_t *read)
{
    size_t              size;
    torus_find_host_t  *h;
    torus_find_read_t  *todo;

    h = &f->hosts[f->roots[read->root].host->index];

    if (h->sent == NULL) {
        h->sent = calloc(TORUS_FIND_COMMANDS, sizeof(torus_find_read_t));
        if (h->sent == NULL) {
            return TORUS_ERROR;
        }
    }

    if (h->ntodo == h->size) {
        size = h->size == 0 ? 64 : 2 * h->size;

        todo = realloc(h->todo, size * sizeof(torus_find_read_t));
        if (todo == NULL) {
            return TORUS_ERROR;
        }

        h->todo = todo;
        h->size = size;
    }

    h->todo[h->ntodo++] = *read;

    return TORUS_OK;
}


static int
torus_find_command(torus_find_t *f, torus_find_host_t *h,
    const torus_find_read_t *read)
{
    size_t                     i, n;
    torus_str_t                key, path;
    torus_buf_t                pattern, *b;
    unsigned char             *p;
    const torus_find_root_t   *root;
    const torus_glob_node_t   *node;

    b = &h->bytes;
    root = &f->roots[read->root];
    path = torus_find_path(read->entry);

    n = root->prefix.len + path.len + TORUS_LAYOUT_NAMES_EXTRA;

    p = malloc(n);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    key = torus_str(p, torus_layout_names(p, root->prefix, path));
    node = torus_find_literal(&f->queries[read->entry->query],
                              read->entry->states);

    if (node != NULL) {
        torus_redis_head(b, 2 + 2 * node->nalts);
        torus_redis_bulk_z(b, "ZMSCORE");
        torus_redis_bulk(b, key);

        for (i = 0; i < node->nalts; i++) {
            path = node->alts[i].text;

            torus_redis_bulk(b, path);
            torus_buf_printf(b, "$%zu\r\n", path.len + 1);
            torus_buf_adds(b, path);
            torus_buf_addz(b, ".\r\n");
        }

    } else {
        torus_buf_init(&pattern, 0);
        n = torus_find_match(f, read->entry, &pattern) == TORUS_OK;

        torus_redis_head(b, n ? 7 : 5);
        torus_redis_bulk_z(b, "ZSCAN");
        torus_redis_bulk(b, key);
        torus_redis_bulk(b, torus_str(read->cursor, read->cursor_len));

        if (n) {
            torus_redis_bulk_z(b, "MATCH");
            torus_redis_bulk(b, torus_str(pattern.pos,
                                          torus_buf_len(&pattern)));
        }

        torus_redis_bulk_z(b, "COUNT");
        torus_redis_bulk_int(b, TORUS_FIND_COUNT);

        torus_buf_free(&pattern);
    }

    free(p);

    return b->failed ? TORUS_ERROR : TORUS_OK;
}


/* What all members of interest begin with; TORUS_DECLINED: nothing. */
static int
torus_find_match(const torus_find_t *f,
    const torus_find_entry_t *e, torus_buf_t *pattern)
{
    size_t                     i, k;
    unsigned char              c;
    torus_str_t                prefix, other;
    const torus_glob_node_t   *node;
    const torus_find_query_t  *q;

    q = &f->queries[e->query];
    node = NULL;

    if (e->states & (e->states - 1)) {
        return TORUS_DECLINED;
    }

    for (i = 0; i < q->n; i++) {
        if (e->states == torus_find_bit(i)) {
            node = &q->nodes[i];
        }
    }

    if (node == NULL || node->deep || node->nalts == 0) {
        return TORUS_DECLINED;
    }

    prefix = node->alts[0].prefix;

    for (i = 1; i < node->nalts; i++) {
        other = node->alts[i].prefix;

        for (k = 0; k < prefix.len && k < other.len; k++) {
            if (prefix.data[k] != other.data[k]) {
                break;
            }
        }

        prefix.len = k;
    }

    if (prefix.len == 0) {
        return TORUS_DECLINED;
    }

    for (i = 0; i < prefix.len; i++) {
        c = prefix.data[i];

        if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') {
            torus_buf_addz(pattern, "\\");
        }

        torus_buf_add(pattern, &c, 1);
    }

    torus_buf_addz(pattern, "*");

    return pattern->failed ? TORUS_DECLINED : TORUS_OK;
}


/* Of each alternative the score of the leaf and that of the branch. */
static int
torus_find_scores(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply)
{
    int                        rc;
    size_t                     i;
    uint64_t                   next;
    torus_buf_t                name;
    const redisReply          *leaf, *branch;
    const torus_glob_node_t   *node;
    const torus_find_query_t  *q;

    q = &f->queries[read->entry->query];
    node = torus_find_literal(q, read->entry->states);
    next = torus_find_closure(q, (size_t) (node - q->nodes) + 1);

    if (reply->elements != 2 * node->nalts) {
        return TORUS_DECLINED;
    }

    torus_buf_init(&name, 0);
    rc = TORUS_OK;

    for (i = 0; rc == TORUS_OK && i < node->nalts; i++) {
        leaf = reply->element[2 * i];
        branch = reply->element[2 * i + 1];

        if (leaf->type == REDIS_REPLY_STRING) {
            rc = torus_find_child(f, read, node->alts[i].text, next, leaf);
        }

        if (rc == TORUS_OK && branch->type == REDIS_REPLY_STRING
            && !q->tagged)
        {
            torus_buf_reset(&name, TORUS_FIND_KEEP);
            torus_buf_adds(&name, node->alts[i].text);
            torus_buf_addz(&name, ".");

            rc = name.failed ? TORUS_ERROR
                 : torus_find_child(f, read,
                                    torus_str(name.pos, torus_buf_len(&name)),
                                    next, branch);
        }
    }

    torus_buf_free(&name);

    return rc;
}


/* "cursor [member score ..]"; TORUS_AGAIN: there are more of them. */
static int
torus_find_members(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply)
{
    int                        leaf;
    size_t                     i;
    uint64_t                   next;
    torus_str_t                name;
    torus_find_read_t          more;
    const redisReply          *cursor, *members;
    const torus_find_query_t  *q;

    q = &f->queries[read->entry->query];

    if (reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || (size_t) reply->element[0]->len > TORUS_FIND_CURSOR
        || reply->element[1]->type != REDIS_REPLY_ARRAY
        || reply->element[1]->elements % 2 != 0)
    {
        return TORUS_DECLINED;
    }

    cursor = reply->element[0];
    members = reply->element[1];

    for (i = 0; i < members->elements; i += 2) {
        name = torus_str(members->element[i]->str,
                         (size_t) members->element[i]->len);

        leaf = torus_layout_names_is_leaf(name);

        if (leaf) {

            if (!f->conf.tagged && name.len != 0
                && memchr(name.data, ';', name.len) != NULL)
            {
                continue;
            }

            next = torus_find_step(q, read->entry->states, name);
            next &= torus_find_found(q);

        } else {
            next = torus_find_step(q, read->entry->states,
                                   torus_str(name.data, name.len - 1));
        }

        if (next == 0) {
            continue;
        }

        if (torus_find_child(f, read, name, next, members->element[i + 1])
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    if (cursor->len == 1 && cursor->str[0] == '0') {
        return TORUS_OK;
    }

    more = *read;
    more.cursor_len = (size_t) cursor->len;
    memcpy(more.cursor, cursor->str, more.cursor_len);

    return torus_find_todo(f, &more) == TORUS_OK ? TORUS_AGAIN : TORUS_ERROR;
}


static int
torus_find_child(torus_find_t *f, const torus_find_read_t *read,
    torus_str_t name, uint64_t states, const redisReply *score)
{
    size_t               size;
    torus_find_scan_t   *s;
    torus_find_child_t  *c;

    s = read->entry->scan;

    if (s->n == s->size) {
        size = s->size == 0 ? 16 : 2 * s->size;

        c = realloc(s->children, size * sizeof(torus_find_child_t));
        if (c == NULL) {
            return TORUS_ERROR;
        }

        f->memory += (size - s->size) * sizeof(torus_find_child_t);
        s->children = c;
        s->size = size;
    }

    c = &s->children[s->n++];

    c->at = torus_buf_len(&s->text);
    c->len = name.len;
    c->states = states;
    c->roots = torus_find_bit(read->root);
    c->seen = torus_find_time(score);

    f->memory += name.len;

    return torus_buf_adds(&s->text, name);
}


/* All of it was read; what becomes of it is work. */
static void
torus_find_finished(torus_find_t *f, torus_find_entry_t *e)
{
    if (f->ready == NULL) {
        f->ready = e;

    } else {
        f->ready_last->scan->next = e;
    }

    f->ready_last = e;
}


/* The one that was read first; TORUS_AGAIN: the work is over. */
static int
torus_find_do(torus_find_t *f)
{
    int                  rc;
    torus_find_entry_t  *e;

    e = f->ready;

    rc = torus_find_finish(f, e);

    if (rc != TORUS_OK) {
        f->failed |= (rc == TORUS_ERROR);
        return rc;
    }

    f->ready = e->scan->next;
    torus_find_replace(f, e);

    return TORUS_OK;
}


/* Its children in order, each once; TORUS_AGAIN. */
static int
torus_find_finish(torus_find_t *f, torus_find_entry_t *e)
{
    int                 rc;
    torus_find_scan_t  *s;

    s = e->scan;

    if (s->phase == TORUS_FIND_NAMES) {
        rc = torus_find_names(f, s);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (s->phase == TORUS_FIND_SORT) {
        rc = torus_sort_run(&s->sort, &f->stats->work);

        if (rc != TORUS_OK) {
            return rc;
        }

        s->phase = TORUS_FIND_RESULTS;
        s->i = 0;
        s->chain.first = NULL;
        s->chain.last = &s->chain.first;
    }

    return torus_find_results(f, e);
}


/* The text does not move any more. */
static int
torus_find_names(torus_find_t *f, torus_find_scan_t *s)
{
    for ( /* void */ ; s->i < s->n; s->i++) {

        if (torus_work_over(&f->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&f->stats->work, 1);

        s->children[s->i].name = s->text.pos + s->children[s->i].at;
    }

    s->spare = malloc((s->n + 1) * sizeof(torus_find_child_t));
    if (s->spare == NULL) {
        return TORUS_ERROR;
    }

    torus_sort_start(&s->sort, s->children, s->spare, s->n,
                     sizeof(torus_find_child_t), torus_find_cmp);
    s->phase = TORUS_FIND_SORT;

    return TORUS_OK;
}


static int
torus_find_results(torus_find_t *f, torus_find_entry_t *e)
{
    int                  rc;
    size_t               k;
    torus_find_scan_t   *s;
    torus_find_child_t  *c;

    s = e->scan;

    for ( /* void */ ; s->i < s->n; s->i = k) {

        if (torus_work_over(&f->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&f->stats->work, 30 + e->len / 4
                                        + 4 * f->set->nschemas);

        c = &s->children[s->i];

        for (k = s->i + 1; k < s->n; k++) {

            if (torus_find_cmp(c, &s->children[k]) != 0) {
                break;
            }

            c->roots |= s->children[k].roots;

            if (c->seen < s->children[k].seen) {
                c->seen = s->children[k].seen;
            }
        }

        rc = torus_find_result(f, e, &s->chain, c);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


/* Its children take its place. */
static void
torus_find_replace(torus_find_t *f, torus_find_entry_t *e)
{
    torus_find_scan_t  *s;

    s = e->scan;

    *s->chain.last = e->next;
    e->next = s->chain.first;

    f->memory -= s->size * sizeof(torus_find_child_t)
                 + torus_buf_len(&s->text);
    torus_buf_free(&s->text);
    free(s->children);
    free(s->spare);
    free(s);

    e->scan = NULL;
    e->done = 1;
    f->open--;
}


static int
torus_find_result(torus_find_t *f, torus_find_entry_t *e,
    torus_find_chain_t *chain, torus_find_child_t *c)
{
    uint64_t                   found;
    torus_str_t                path;
    unsigned char             *copy;
    int                        leaf, rc;
    torus_find_entry_t        *hit;
    const torus_find_query_t  *q;

    q = &f->queries[e->query];
    found = torus_find_found(q);
    leaf = torus_layout_names_is_leaf(torus_str(c->name, c->len));

    if (torus_find_join(f, torus_find_path(e), c->name, c->len - !leaf, &path)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if (leaf) {
        return (c->states & found) == 0 ? TORUS_OK
               : torus_find_leaf(f, chain, e->query, path, c->roots, c->seen);
    }

    if ((c->states & found) && !f->conf.leaves) {
        hit = torus_find_entry(f, chain, e->query, path);
        if (hit == NULL) {
            return TORUS_ERROR;
        }

        hit->hit = 1;
    }

    if ((c->states & ~found) == 0) {
        return TORUS_OK;
    }

    copy = malloc(path.len + 1);
    if (copy == NULL) {
        return TORUS_ERROR;
    }

    memcpy(copy, path.data, path.len);

    rc = torus_find_node(f, chain, e->query, torus_str(copy, path.len),
                         c->states & ~found, c->roots);
    free(copy);

    return rc;
}


/* Not what no schema takes, nor what has expired. */
static int
torus_find_leaf(torus_find_t *f, torus_find_chain_t *chain, size_t query,
    torus_str_t path, uint64_t roots, int64_t seen)
{
    int                    taken;
    size_t                 i;
    int64_t                keep, start, end;
    torus_find_entry_t    *e;
    const torus_schema_t  *schema;

    keep = 0;
    taken = 0;

    for (i = 0; i < f->set->nschemas; i++) {
        schema = &f->set->schemas[i];

        if (!(roots & torus_find_bit(f->root_of[i]))
            || (taken && (keep == 0
                          || (f->keep[i] != 0 && f->keep[i] <= keep)))
            || !(torus_schema_renames(schema)
                 || torus_schema_match(schema, path)))
        {
            continue;
        }

        taken = 1;
        keep = f->keep[i];
    }

    if (!taken || torus_names_until(keep, seen) < f->conf.now) {
        return TORUS_OK;
    }

    start = keep == 0 ? 0 : f->conf.now - keep;
    end = seen + 2 * (int64_t) torus_names_refresh(keep);

    if (end > f->conf.now) {
        end = f->conf.now;
    }

    if (end < f->conf.from || start > f->conf.until) {
        return TORUS_OK;
    }

    e = torus_find_entry(f, chain, query, path);
    if (e == NULL) {
        return TORUS_ERROR;
    }

    e->leaf = 1;
    e->hit = 1;
    e->start = start < end ? start : end;
    e->end = end;

    return TORUS_OK;
}


static int
torus_find_cmp(const void *a, const void *b)
{
    int                        rc;
    size_t                     len;
    const torus_find_child_t  *x = a;
    const torus_find_child_t  *y = b;

    len = x->len < y->len ? x->len : y->len;
    rc = len == 0 ? 0 : memcmp(x->name, y->name, len);

    return rc != 0 ? rc : (x->len > y->len) - (x->len < y->len);
}


/* A score as Redis prints a double that is whole. */
static int64_t
torus_find_time(const redisReply *score)
{
    size_t   i;
    int64_t  t;

    t = 0;

    if (score->type == REDIS_REPLY_INTEGER) {
        return (int64_t) score->integer;
    }

    if (score->type != REDIS_REPLY_STRING) {
        return 0;
    }

    for (i = 0; i < (size_t) score->len && i < 18; i++) {

        if (score->str[i] < '0' || score->str[i] > '9') {
            break;
        }

        t = t * 10 + (score->str[i] - '0');
    }

    return t;
}
