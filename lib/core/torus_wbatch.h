/*
 * What the writer queues: batches of records, and the index by which new
 * operations find what they can be merged with.  Internal to the writer.
 *
 * A batch lives in chunks, its own struct included, and is given back with
 * them.  It keeps records, not bytes: it is encoded when it is sent, and
 * again when it has to be sent again.
 *
 * Each batch is born with a growing number.  Every pointer in the index has
 * the birth of the batch it points into beside it; once all batches up to a
 * birth have been sent, such pointers are stale and never followed, so that
 * sending takes nothing out of the index.
 */

#ifndef _TORUS_WBATCH_H_INCLUDED_
#define _TORUS_WBATCH_H_INCLUDED_


#include "torus_buf.h"
#include "torus_redis.h"
#include "torus_store.h"


#define TORUS_CHUNK_SIZE  16384
#define TORUS_CHUNKS_KEPT 256       /* free ones held for the next batch */

/* Two more kinds of records: only the EXPIREAT of a key, and its value. */
#define TORUS_OP_EXPIREAT (TORUS_OP_ZPRUNE + 1)
#define TORUS_OP_GET      (TORUS_OP_ZPRUNE + 2)
#define TORUS_OP_HGET     (TORUS_OP_ZPRUNE + 3)

/* Of what kind: the last value stays; asks what there is. */
#define torus_op_names(kind) ((kind) == TORUS_OP_ZADD                         \
                              || (kind) == TORUS_OP_ZPRUNE)
#define torus_op_sets(kind)  ((kind) == TORUS_OP_SET                          \
                              || (kind) == TORUS_OP_HSET)
#define torus_op_asks(kind)  ((kind) == TORUS_OP_GET                          \
                              || (kind) == TORUS_OP_HGET)


typedef struct torus_chunk_s   torus_chunk_t;
typedef struct torus_item_s    torus_item_t;
typedef struct torus_node_s    torus_node_t;
typedef struct torus_record_s  torus_record_t;
typedef struct torus_wbatch_s  torus_wbatch_t;


struct torus_chunk_s {
    torus_chunk_t    *next;
    size_t            size;      /* of all of it */
    size_t            used;
};


typedef struct {
    torus_chunk_t    *free;
    size_t            nfree;
    size_t            bytes;     /* in batches, not in free */
} torus_chunks_t;


/* One value of an RPUSH or member of an SADD, ZADD; its bytes follow. */
struct torus_item_s {
    torus_item_t     *next;
    size_t            len;
};

#define torus_item_data(i)  ((unsigned char *) (i) + sizeof(torus_item_t))


/* An entry of the index: a record, or a member within its record. */
struct torus_node_s {
    torus_node_t     *chain;
    uint64_t          birth;     /* of the batch that chain points into */
    uint64_t          hash;
    torus_record_t   *record;
    torus_str_t       arg;       /* field or member; null: the key itself */
};


typedef enum {
    TORUS_RESULT_NONE = 0,       /* not seen (yet) */
    TORUS_RESULT_OK,
    TORUS_RESULT_CREATED,        /* .. and the key may be new */
    TORUS_RESULT_FLOAT,          /* again as INCRBYFLOAT */
    TORUS_RESULT_DOUBT,          /* failed, or applied before it was seen */
    TORUS_RESULT_FAILED
} torus_result_t;


/* A command to be, with the EXPIREAT that follows it. */
struct torus_record_s {
    torus_record_t   *next;
    torus_wbatch_t   *batch;
    torus_node_t      node;
    uint64_t          hash;      /* of the key alone */
    torus_str_t       key;
    unsigned char    *bulk;      /* the key as a bulk string, it is within */
    size_t            bulk_len;
    unsigned char    *arg;       /* field or value */
    size_t            arg_len;
    size_t            arg_size;
    torus_item_t     *items;     /* RPUSH, SADD, ZADD: in order */
    torus_item_t     *last;
    size_t            nitems;
    int64_t           delta;
    int64_t           expire;
    uint64_t          ops;
    uint64_t          points;    /* whose first operation it is */
    unsigned char     kind;      /* torus_op_kind_t or one of ours */
    unsigned char     result;    /* torus_result_t */
    unsigned          expireat:1;
    unsigned          expiry_failed:1;
    unsigned          covered:1; /* another one of the batch has expireat */
    unsigned          done:1;    /* not to be sent again */
};


struct torus_wbatch_s {
    torus_wbatch_t   *next;
    struct torus_queue_s *queue; /* that it is of, and its memory */
    torus_chunk_t    *chunks;
    torus_record_t   *records;
    torus_record_t   *last;
    uint64_t          birth;
    uint64_t          origin;    /* oldest birth its operations came from */
    uint64_t          since;     /* ms */
    uint64_t          n;         /* of its sending */
    uint64_t          sum;       /* points sent up to and with it */
    uint64_t          ops;
    uint64_t          points;
    size_t            size;      /* encoded, at most */
    size_t            commands;  /* EXPIREATs included */
    size_t            scores;    /* members of sorted sets */
    size_t            nodes;     /* in the index */
    unsigned          renew:1;   /* carries the EXPIRE of our own key */
    unsigned          check:1;   /* asks what became of an earlier one */
    unsigned          denied:1;  /* and may not */
    unsigned          refused:1;
    unsigned          no_multi:1; /* MULTI itself was refused */
};


typedef struct {
    torus_wbatch_t   *first;
    torus_wbatch_t   *last;
    size_t            n;
} torus_fifo_t;


typedef struct {
    torus_node_t     *node;
    uint64_t          birth;
} torus_head_t;

typedef struct {
    torus_head_t     *heads;
    size_t            size;      /* a power of two, 0 at first */
    size_t            live;
    uint64_t          first;     /* births below are stale */
} torus_index_t;


/* Those that no batch holds. */
void torus_chunks_free(torus_chunks_t *c);

/* NULL when out of memory. */
torus_wbatch_t *torus_wbatch_create(torus_chunks_t *c, uint64_t birth);
void torus_wbatch_release(torus_chunks_t *c, torus_wbatch_t *b);

/* Of what size is, rounded up; NULL when out of memory. */
static inline void *torus_wbatch_alloc(torus_chunks_t *c, torus_wbatch_t *b,
    size_t size);
torus_chunk_t *torus_wbatch_more(torus_chunks_t *c, torus_wbatch_t *b,
    size_t size);

/*
 * A new record at the end, with copies of key and arg, for the caller to give
 * a kind; NULL: no memory.
 */
static inline torus_record_t *torus_wbatch_add(torus_chunks_t *c,
    torus_wbatch_t *b, torus_str_t key, torus_str_t arg)
    __attribute__((always_inline));

/* Another value or member of a record; NULL: no memory. */
torus_item_t *torus_record_add(torus_chunks_t *c, torus_record_t *r,
    torus_str_t arg);

/* Overwrites the value of a record: TORUS_OK, TORUS_ERROR. */
int torus_record_set(torus_chunks_t *c, torus_record_t *r, torus_str_t arg);

/*
 * What stands before the key of each kind: the number of arguments, unless it
 * depends on the record, and the name.  All of the array is copied, which is
 * cheaper than to copy just enough.
 */
#define TORUS_COMMAND_HEAD  32

typedef struct {
    char              head[TORUS_COMMAND_HEAD];
    size_t            len;
    int               many;      /* "*<argc>" comes first */
} torus_command_t;

extern const torus_command_t  torus_commands[];

/*
 * About how many bytes such a command encodes to: heads of the array, the key
 * and up to two more, a short number.
 */
#define torus_record_size(kind, key_len, arg_len)                             \
    (torus_commands[kind].len + (key_len) + (arg_len) + 40)

/*
 * Appends the commands of a batch, but for records that are done, and counts
 * them in b->commands.  TORUS_OK or TORUS_ERROR.
 */
int torus_wbatch_encode(torus_wbatch_t *b, torus_buf_t *out);


/* To the end; from the front, NULL: there is none. */
void torus_fifo_push(torus_fifo_t *f, torus_wbatch_t *b);
torus_wbatch_t *torus_fifo_shift(torus_fifo_t *f);

/* other comes before f, and is empty afterwards. */
void torus_fifo_prepend(torus_fifo_t *f, torus_fifo_t *other);


/* The table; nodes belong to their batches. */
void torus_index_free(torus_index_t *ix);

/* The newest that there is; arg null for the key itself. */
torus_node_t *torus_index_find(const torus_index_t *ix, uint64_t hash,
    unsigned kind, torus_str_t key, torus_str_t arg);
/* TORUS_OK or TORUS_ERROR (no memory): then it is not merged into. */
int torus_index_insert(torus_index_t *ix, torus_node_t *node);

/* Forgets everything born up to birth, of which nodes were in the index. */
void torus_index_forget(torus_index_t *ix, uint64_t birth, size_t nodes);

/* Forgets everything. */
void torus_index_clear(torus_index_t *ix);


/* A key and an argument are shorter; a power of two. */
#define TORUS_RECORD_MAX  ((size_t) 1 << 30)


static inline void *
torus_wbatch_alloc(torus_chunks_t *c, torus_wbatch_t *b, size_t size)
{
    unsigned char  *p;
    torus_chunk_t  *chunk;

    size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    chunk = b->chunks;

    if (size > chunk->size - chunk->used) {
        chunk = torus_wbatch_more(c, b, size);
        if (chunk == NULL) {
            return NULL;
        }
    }

    p = (unsigned char *) chunk + chunk->used;
    chunk->used += size;

    return p;
}


/*
 * The key is kept as the bulk string that it becomes: it is encoded at least
 * once, and often with an EXPIREAT.  Fields are set one by one: a record is
 * too large for memset() to be cheap, and the caller sets half of them anew,
 * which a compiler can see as long as nothing is copied in between.
 */
static inline torus_record_t *
torus_wbatch_add(torus_chunks_t *c, torus_wbatch_t *b, torus_str_t key,
    torus_str_t arg)
{
    unsigned char   *p, *k, *bulk;
    torus_record_t  *r;

    if ((key.len | arg.len) >= TORUS_RECORD_MAX) {
        return NULL;
    }

    r = torus_wbatch_alloc(c, b, sizeof(torus_record_t) + key.len + arg.len
                                 + TORUS_REDIS_BULK_EXTRA);
    if (r == NULL) {
        return NULL;
    }

    bulk = (unsigned char *) (r + 1);

    k = torus_redis_put_length(bulk, key.len);
    p = torus_redis_put_end(torus_redis_put(k, key));
    (void) torus_redis_put(p, arg);

    r->next = NULL;
    r->batch = b;

    r->node.chain = NULL;
    r->node.birth = 0;
    r->node.hash = 0;
    r->node.record = r;
    r->node.arg = torus_str(NULL, 0);
    r->hash = 0;

    r->bulk = bulk;
    r->bulk_len = (size_t) (p - bulk);
    r->key = torus_str(k, key.len);

    r->arg = p;
    r->arg_len = arg.len;
    r->arg_size = arg.len;

    r->items = NULL;
    r->last = NULL;
    r->nitems = 0;

    r->delta = 0;
    r->expire = 0;
    r->ops = 0;
    r->points = 0;

    r->kind = 0;
    r->result = TORUS_RESULT_NONE;
    r->expireat = 0;
    r->expiry_failed = 0;
    r->covered = 0;
    r->done = 0;

    if (b->last == NULL) {
        b->records = r;

    } else {
        b->last->next = r;
    }

    b->last = r;

    return r;
}


#endif /* _TORUS_WBATCH_H_INCLUDED_ */
