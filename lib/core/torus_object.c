/*
 * The object functions of a redisReader over an arena.
 */

#include "torus_object.h"


#if (HIREDIS_MAJOR >= 1)
typedef size_t  torus_object_count_t;
#else
typedef int     torus_object_count_t;
#endif


static void *torus_object_string(const redisReadTask *task, char *str,
    size_t len);
static void *torus_object_array(const redisReadTask *task,
    torus_object_count_t n);
static void *torus_object_integer(const redisReadTask *task, long long n);
static void *torus_object_nil(const redisReadTask *task);
static void torus_object_free(void *reply);
static redisReply *torus_object(const redisReadTask *task, size_t room);


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

    memcpy(r->str, str, len);
    r->str[len] = '\0';

    return r;
}


static void *
torus_object_array(const redisReadTask *task, torus_object_count_t n)
{
    redisReply  *r;

    r = torus_object(task, 0);
    if (r == NULL) {
        return NULL;
    }

    if (n > 0) {
        r->element = torus_arena_calloc(task->privdata, (size_t) n,
                                        sizeof(redisReply *));
        if (r->element == NULL) {
            return NULL;
        }
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


/* In its place in the array that it is an element of; room for text after. */
static redisReply *
torus_object(const redisReadTask *task, size_t room)
{
    redisReply  *r, *parent;

    r = torus_arena_alloc(task->privdata, sizeof(redisReply) + room);
    if (r == NULL) {
        return NULL;
    }

    memset(r, 0, sizeof(redisReply));

    r->type = task->type;

    if (task->parent != NULL) {
        parent = task->parent->obj;
        parent->element[task->idx] = r;
    }

    return r;
}
