/*
 * Replies in an arena are what hiredis makes itself, whole or byte by byte,
 * and what is unfinished or too much leaves nothing behind.
 */

#include "torus_test.h"
#include "torus_buf.h"
#include "torus_object.h"


static void
same(const redisReply *a, const redisReply *b, const char *what)
{
    size_t  i;

    is_int(a->type, b->type, "%s: type", what);
    is_int(a->integer, b->integer, "%s: integer", what);
    is_int((int64_t) a->elements, (int64_t) b->elements, "%s: elements", what);
    is_int((int64_t) a->len, (int64_t) b->len, "%s: length", what);

    if (b->str != NULL) {
        ok(memcmp(a->str, b->str, b->len + 1) == 0, "%s: bytes", what);
    }

    for (i = 0; i < b->elements; i++) {
        same(a->element[i], b->element[i], what);
    }
}


static void
feed(torus_arena_t *arena, const char *text, size_t len, size_t step)
{
    char          quoted[256];
    void         *mine, *theirs;
    size_t        i, n;
    redisReader  *a, *b;

    torus_arena_reset(arena);

    a = torus_object_reader(arena);
    b = redisReaderCreate();
    memset(quoted, 0, sizeof(quoted));
    mine = NULL;
    theirs = NULL;

    for (i = 0; i < len && mine == NULL; i += n) {
        n = len - i < step ? len - i : step;
        redisReaderFeed(a, text + i, n);
        redisReaderFeed(b, text + i, n);

        if (redisReaderGetReply(a, &mine) != REDIS_OK
            || redisReaderGetReply(b, &theirs) != REDIS_OK)
        {
            fail("a reader failed");
        }
    }

    ok((mine == NULL) == (theirs == NULL), "both have a reply, or none");

    if (mine != NULL && theirs != NULL) {
        torus_escape(quoted, sizeof(quoted) - 1, torus_str(text, len));
        same(mine, theirs, quoted);
        freeReplyObject(theirs);
    }

    redisReaderFree(a);
    redisReaderFree(b);
}


/*
 * Elements of n texts of all lengths about that of a short one, and of other
 * kinds between them.
 */
static void
lengths(torus_arena_t *arena, unsigned n)
{
    unsigned     i, len;
    torus_buf_t  b;

    torus_buf_init(&b, 0);
    torus_buf_printf(&b, "*%u\r\n", 2 * n);

    for (i = 0; i < n; i++) {
        len = i % 40;
        torus_buf_printf(&b, "$%u\r\n%.*s\r\n", len, (int) len,
                         "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF");

        if (i % 3 == 0) {
            torus_buf_printf(&b, "*2\r\n:%u\r\n+%u\r\n", i, i);

        } else {
            torus_buf_printf(&b, i % 3 == 1 ? ":%u\r\n" : "-%u\r\n", i);
        }
    }

    feed(arena, (char *) b.pos, torus_buf_len(&b), 1000);

    torus_buf_free(&b);
}


int
main(void)
{
    size_t          i;
    void           *reply;
    char            nul[] = "$3\r\na\0b\r\n";
    redisReader    *reader;
    torus_arena_t  *arena, *small;

    static const char *const  texts[] = {
        "+OK\r\n", "-ERR no\r\n", ":-42\r\n", "$0\r\n\r\n", "$-1\r\n",
        "*-1\r\n", "*0\r\n", "*3\r\n$1\r\na\r\n$-1\r\n:7\r\n",
        "*2\r\n$1\r\n0\r\n*2\r\n$3\r\nkey\r\n+x\r\n",
        "*2\r\n*1\r\n*1\r\n:1\r\n-E\r\n",
        "*3\r\n$1\r\na\r\n$5\r\nunfi"
    };

    arena = torus_arena_create(1024, 0);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        feed(arena, texts[i], strlen(texts[i]), 1024);
        feed(arena, texts[i], strlen(texts[i]), 1);
    }

    feed(arena, nul, sizeof(nul) - 1, 3);

    lengths(arena, 40);
    lengths(arena, 2048);
    lengths(arena, 2049);

    small = torus_arena_create(256, 256);
    reader = torus_object_reader(small);
    redisReaderFeed(reader, "*100\r\n:1\r\n", 10);
    is_int(redisReaderGetReply(reader, &reply), REDIS_ERR,
           "an arena at its limit: the reader fails");
    redisReaderFree(reader);

    torus_arena_destroy(small);
    torus_arena_destroy(arena);

    return done_testing();
}
