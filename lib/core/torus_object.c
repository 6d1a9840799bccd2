/*
 * The object functions of a redisReader over an arena.
 */

#include "torus_object.h"


#if (HIREDIS_MAJOR >= 1)
typedef size_t  torus_object_count_t;
#else
typedef int     torus_object_count_t;
#endif


/* Bytes of the pointers to n elements; what is behind them is aligned. */
#define torus_object_pointers(n)                                              \
    (((size_t) (n) * sizeof(redisReply *) + _Alignof(max_align_t) - 1)        \
     & ~(_Alignof(max_align_t) - 1))

/*
 * An element of an array that is not long, and a text of few bytes: nearly
 * all that a reply is made of.  They lie behind the pointers to them.
 */
#define TORUS_OBJECT_SHORT  16
#define TORUS_OBJECT_MANY   4096

typedef struct {
    redisReply  reply;
    char        text[TORUS_OBJECT_SHORT];
} torus_object_cell_t;


static void *torus_object_string(const redisReadTask *task, char *str,
    size_t len);
static void *torus_object_array(const redisReadTask *task,
    torus_object_count_t n);
static void *torus_object_integer(const redisReadTask *task, long long n);
static void *torus_object_nil(const redisReadTask *task);
static void torus_object_free(void *reply);
static inline redisReply *torus_object(const redisReadTask *task,
    size_t room);
static inline void torus_object_copy(char *to, const char *from, size_t len);


static const redisReplyObjectFunctions  torus_object_functions = {
    .createString = torus_object_string,
    .createArray = torus_object_array,
    .createInteger = torus_object_integer,
    .createNil = torus_object_nil,
    .freeObject = torus_object_free
};


redisReader *
torus_object_reader(torus_arena_t *arena)
{
    redisReader  *reader;

    /* hiredis only reads the table */

    reader = redisReaderCreateWithFunctions(
                        (redisReplyObjectFunctions *) &torus_object_functions);

    if (reader != NULL) {
        reader->privdata = arena;
    }

    return reader;
}


static void *
torus_object_string(const redisReadTask *task, char *str, size_t len)
{
    redisReply  *r;

    if (len > SIZE_MAX / 2) {
        return NULL;
    }

    r = torus_object(task, len + 1);
    if (r == NULL) {
        return NULL;
    }

    r->str = (char *) (r + 1);
    r->len = len;

    torus_object_copy(r->str, str, len);
    r->str[len] = '\0';

    return r;
}


static void *
torus_object_array(const redisReadTask *task, torus_object_count_t n)
{
    size_t       size;
    redisReply  *r;

    r = torus_object(task, 0);
    if (r == NULL) {
        return NULL;
    }

    if (n > 0) {
        size = torus_object_pointers(n);

        r->element = torus_arena_alloc(task->privdata,
                         n > TORUS_OBJECT_MANY
                         ? size : size + n * sizeof(torus_object_cell_t));
        if (r->element == NULL) {
            return NULL;
        }

        memset(r->element, 0, size);
    }

    r->elements = (size_t) n;

    return r;
}


static void *
torus_object_integer(const redisReadTask *task, long long n)
{
    redisReply  *r;

    r = torus_object(task, 0);

    if (r != NULL) {
        r->integer = n;
    }

    return r;
}


static void *
torus_object_nil(const redisReadTask *task)
{
    redisReply  *r;

    r = torus_object(task, 0);

    /* the task is that of what might have been */

    if (r != NULL) {
        r->type = REDIS_REPLY_NIL;
    }

    return r;
}


static void
torus_object_free(void *reply)
{
    (void) reply;
}


/*
 * In its place in the array that it is an element of.  room: the bytes of a
 * text that is to be behind it.
 */
static inline redisReply *
torus_object(const redisReadTask *task, size_t room)
{
    redisReply           *r, *parent;
    torus_object_cell_t  *cells;

    parent = task->parent != NULL ? task->parent->obj : NULL;

    if (parent != NULL && room <= TORUS_OBJECT_SHORT
        && parent->elements <= TORUS_OBJECT_MANY)
    {
        cells = (torus_object_cell_t *)
                ((char *) parent->element
                 + torus_object_pointers(parent->elements));
        r = &cells[task->idx].reply;

    } else {
        r = torus_arena_alloc(task->privdata, sizeof(redisReply) + room);
        if (r == NULL) {
            return NULL;
        }
    }

    *r = (redisReply) { .type = task->type };

    if (parent != NULL) {
        parent->element[task->idx] = r;
    }

    return r;
}


/* A short text is copied without a call, in two pieces that may overlap. */
static inline void
torus_object_copy(char *to, const char *from, size_t len)
{
    uint32_t  a, b;
    uint64_t  c, d;

    if (len > TORUS_OBJECT_SHORT) {
        memcpy(to, from, len);

    } else if (len >= sizeof(c)) {
        memcpy(&c, from, sizeof(c));
        memcpy(&d, from + len - sizeof(d), sizeof(d));
        memcpy(to, &c, sizeof(c));
        memcpy(to + len - sizeof(d), &d, sizeof(d));

    } else if (len >= sizeof(a)) {
        memcpy(&a, from, sizeof(a));
        memcpy(&b, from + len - sizeof(b), sizeof(b));
        memcpy(to, &a, sizeof(a));
        memcpy(to + len - sizeof(b), &b, sizeof(b));

    } else if (len != 0) {
        to[0] = from[0];
        to[len / 2] = from[len / 2];
        to[len - 1] = from[len - 1];
    }
}
