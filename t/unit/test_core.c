/*
 * What everything is built of: error texts, quoting, the hash, the arena and
 * the buffer, each at the limits where it would go wrong first.
 */

#include "torus_test.h"
#include "torus_arena.h"
#include "torus_buf.h"


static void test_error(void);
static void test_cmp(void);
static void test_escape(void);
static void test_hash(void);
static void test_arena(void);
static void test_arena_limit(void);
static void test_buf_quote(void);
static void test_buf(void);
static void test_buf_cap(void);


int
main(void)
{
    test_error();
    test_cmp();
    test_escape();
    test_hash();
    test_arena();
    test_arena_limit();
    test_buf_quote();
    test_buf();
    test_buf_cap();

    return done_testing();
}


static void
test_error(void)
{
    torus_error_t  err;

    is_int(torus_error(&err, "a%d", 1), TORUS_INVALID, "can be returned");
    is_cstr(err.text, "a1", "the text");
    is_int((int64_t) err.len, 2, "its length");

    torus_error(&err, "x: %s", err.text);
    is_cstr(err.text, "x: a1", "a text may be wrapped in itself");

    torus_error(&err, "%*s", 5000, "");
    is_int((int64_t) err.len, TORUS_ERROR_SIZE - 1, "a long one is cut");
    is_int(err.text[err.len], '\0', "and terminated");

    is_int(torus_error(NULL, "a"), TORUS_INVALID, "nobody asked for the text");
}


/* In order, each above all before it. */
static void
test_cmp(void)
{
    int                        rc;
    size_t                     i, k;
    static const torus_str_t   sorted[] = {
        torus_null_string, torus_string("\0"), torus_string("a"),
        torus_string("a\0"), torus_string("aa"), torus_string("ab"),
        torus_string("b"), torus_string("\x7f"), torus_string("\xff")
    };

    for (i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        for (k = 0; k < sizeof(sorted) / sizeof(sorted[0]); k++) {
            rc = torus_str_cmp(sorted[i], sorted[k]);
            is_int((rc > 0) - (rc < 0), (i > k) - (i < k),
                   "string %zu beside %zu", i, k);
        }
    }
}


static void
test_escape(void)
{
    char    text[32];
    size_t  n, size, broken;

    n = torus_escape(text, sizeof(text), torus_str("a\"\n\0\xff'\\", 7));
    is_mem(text, n, "a\\x22\\x0A\\x00\\xFF'\\x5C", 22, "escapes");

    n = torus_escape(text, 3, torus_test_z("abc"));
    is_mem(text, n, "abc", 3, "what fits is not cut");

    n = torus_escape(text, 6, torus_test_z("abcdefg"));
    is_mem(text, n, "abc...", 6, "what does not fit is cut");

    n = torus_escape(text, 6, torus_test_z("ab\n"));
    is_mem(text, n, "ab\\x0A", 6, "an escape to the last byte");

    n = torus_escape(text, 5, torus_test_z("ab\n"));
    is_mem(text, n, "ab...", 5, "an escape is not cut in two");

    broken = 0;

    for (size = 0; size < sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        n = torus_escape(text, size, torus_test_z("a\x01" "bc\x02" "defghi"));
        broken += (n > size || text[size] != '#');
    }

    is_int((int64_t) broken, 0, "never more than size");
}


/* Each bit of the text and of the seed changes about half of the hash. */
static void
test_hash(void)
{
    int            low, high, n;
    char           text[64];
    size_t         len, i;
    uint64_t       h, g;

    low = 64;
    high = 0;

    memset(text, 0, sizeof(text));

    for (len = 1; len <= sizeof(text); len++) {
        h = torus_hash(text, len, 1);

        for (i = 0; i < len * 8; i++) {
            text[i / 8] ^= (char) (1 << i % 8);
            g = torus_hash(text, len, 1);
            text[i / 8] ^= (char) (1 << i % 8);

            n = __builtin_popcountll(h ^ g);
            low = n < low ? n : low;
            high = n > high ? n : high;
        }
    }

    ok(low >= 8 && high <= 56, "one bit changes %d to %d bits", low, high);

    h = torus_hash("abc", 3, 1);
    ok(h == torus_hash("abc", 3, 1), "the same again");
    ok(h != torus_hash("abc", 3, 2), "another seed, another hash");
    ok(torus_hash("", 0, 1) != torus_hash("\0", 1, 1), "zeros count");
    ok(torus_hash(NULL, 0, 1) == torus_hash("", 0, 1), "nothing is nothing");
}


static void
test_arena(void)
{
    size_t          i, size, broken;
    torus_str_t     copy;
    torus_arena_t  *a;
    unsigned char  *p[300];

    broken = 0;
    a = torus_arena_create(1000, 0);

    for (i = 0; i < 300; i++) {
        size = i * 7 % 900;
        p[i] = torus_arena_alloc(a, size);
        broken += ((uintptr_t) p[i] % _Alignof(max_align_t) != 0);
        memset(p[i], (int) i, size);
    }

    is_int((int64_t) broken, 0, "aligned for any type");

    for (i = 0; i < 300; i++) {
        size = i * 7 % 900;
        broken += (size != 0 && (p[i][0] != (unsigned char) i
                                 || p[i][size - 1] != (unsigned char) i));
    }

    is_int((int64_t) broken, 0, "none overlaps another");

    ok(torus_arena_alloc(a, SIZE_MAX) == NULL, "too large");
    ok(torus_arena_calloc(a, SIZE_MAX / 4, 8) == NULL, "n * size overflows");

    size = torus_arena_size(a);
    torus_arena_reset(a);
    ok(torus_arena_size(a) < size && torus_arena_size(a) > 0,
       "a reset keeps the first chunk only");

    is_int(torus_arena_dup(a, torus_test_z("abc"), &copy), TORUS_OK, "dup");
    is_str(copy, "abc", "the copy");
    is_int(copy.data[3], '\0', "terminated");

    torus_arena_destroy(a);
    torus_arena_destroy(NULL);
}


static void
test_arena_limit(void)
{
    size_t          n;
    torus_arena_t  *a;

    n = 0;
    a = torus_arena_create(1024, 4096);

    while (torus_arena_alloc(a, 100) != NULL) {
        n++;
    }

    ok(torus_arena_size(a) <= 4096, "the limit holds");
    ok(n >= 20, "and is used: %zu times 100 bytes", n);
    ok(torus_arena_alloc(a, 8192) == NULL, "for large ones too");
    ok(torus_arena_alloc(a, SIZE_MAX / 2) == NULL, "and the largest");

    torus_arena_reset(a);
    ok(torus_arena_alloc(a, 100) != NULL, "a reset makes room");

    torus_arena_destroy(a);

    ok(torus_arena_create(1024, 8) == NULL, "a limit below its own size");
}


static void
test_buf_quote(void)
{
    torus_buf_t  b;

    torus_buf_init(&b, 20);

    is_int(torus_buf_quote(&b, torus_str("a \"b\"", 5)), TORUS_OK, "a quote");
    is_int(torus_buf_quote(&b, torus_str(NULL, 0)), TORUS_OK, "of nothing");
    is_str(torus_str(b.pos, torus_buf_len(&b)), "\"a \"\"b\"\"\"\"\"",
           "quotes are doubled");
    is_int(torus_buf_quote(&b, torus_str("1234567890", 10)), TORUS_ERROR,
           "no room");

    torus_buf_free(&b);
}


static void
test_buf(void)
{
    size_t       i, n, broken;
    char         text[16];
    torus_buf_t  b;

    broken = 0;
    n = 0;
    torus_buf_init(&b, 1000);

    /* consumed as it is filled, far more than the cap passes through */

    for (i = 0; i < 100000; i++) {
        broken += (torus_buf_printf(&b, "%05zu,", i) != TORUS_OK);

        while (torus_buf_len(&b) > 900) {
            snprintf(text, sizeof(text), "%05zu,", n++);
            broken += (memcmp(b.pos, text, 6) != 0);
            b.pos += 6;
        }
    }

    is_int((int64_t) broken, 0, "all comes out as it went in");
    ok((size_t) (b.end - b.start) <= 1000, "within the cap");

    torus_buf_reset(&b, 1000);
    ok(b.start != NULL && torus_buf_len(&b) == 0, "a reset keeps memory");
    torus_buf_reset(&b, 10);
    ok(b.start == NULL, "but not more than asked for");

    torus_buf_addz(&b, "hey");
    torus_buf_add(&b, NULL, 0);
    torus_buf_adds(&b, torus_test_z("!"));
    is_mem(b.pos, torus_buf_len(&b), "hey!", 4, "appended");

    torus_buf_free(&b);
}


static void
test_buf_cap(void)
{
    char         text[101];
    torus_buf_t  b;

    memset(text, 'x', sizeof(text));
    torus_buf_init(&b, 100);

    is_int(torus_buf_add(&b, text, 100), TORUS_OK, "to the cap");
    is_int(torus_buf_add(&b, text, 1), TORUS_ERROR, "not beyond");
    ok(b.failed, "which is remembered");
    is_int((int64_t) torus_buf_len(&b), 100, "what was there stays");

    b.pos = b.last;
    is_int(torus_buf_add(&b, text, 1), TORUS_ERROR,
           "nothing is added behind a gap, even when there is room");

    torus_buf_reset(&b, 100);
    is_int(torus_buf_add(&b, text, 101), TORUS_ERROR, "more than the cap");

    torus_buf_reset(&b, 100);
    is_int(torus_buf_add(&b, text, SIZE_MAX), TORUS_ERROR, "more than all");

    torus_buf_reset(&b, 100);
    torus_buf_add(&b, text, 100);
    b.pos += 10;
    is_int(torus_buf_add(&b, text, 10), TORUS_OK,
           "at the cap what was consumed is given back");
    is_int(torus_buf_printf(&b, "%s", "x"), TORUS_ERROR, "and no more");

    torus_buf_free(&b);
}
