/*
 * The growable buffer.  Memory doubles; bytes already consumed are given back
 * by moving the rest to the front, but only when that moves no more than was
 * consumed (or when the cap leaves no other way), so that the cost per byte
 * stays constant.
 */

#include "torus_buf.h"

#include <stdlib.h>


#define TORUS_BUF_MIN  256


static int torus_buf_fail(torus_buf_t *b);
static void torus_buf_compact(torus_buf_t *b);
static int torus_buf_grow(torus_buf_t *b, size_t need);


void
torus_buf_init(torus_buf_t *b, size_t max)
{
    memset(b, 0, sizeof(torus_buf_t));

    b->max = max;
}


void
torus_buf_init_on(torus_buf_t *b, torus_account_t *account)
{
    torus_buf_init(b, 0);

    b->account = account;
}


void
torus_buf_free(torus_buf_t *b)
{
    torus_account_t  *account;

    account = b->account;

    torus_account_free(account, b->start, (size_t) (b->end - b->start));
    torus_buf_init(b, b->max);

    b->account = account;
}


void
torus_buf_reset(torus_buf_t *b, size_t keep)
{
    if ((size_t) (b->end - b->start) > keep) {
        torus_buf_free(b);
        return;
    }

    b->pos = b->start;
    b->last = b->start;
    b->failed = 0;
}


int
torus_buf_more(torus_buf_t *b, size_t n)
{
    size_t  len, size, used;

    if (b->failed) {
        return TORUS_ERROR;
    }

    len = torus_buf_len(b);
    size = (size_t) (b->end - b->start);
    used = (size_t) (b->pos - b->start);

    if (n > SIZE_MAX - len || (b->max != 0 && len + n > b->max)) {
        return torus_buf_fail(b);
    }

    if (len + n <= size
        && (used >= len || size == b->max
            || torus_account_short(b->account, len + n)))
    {
        torus_buf_compact(b);
        return TORUS_OK;
    }

    return torus_buf_grow(b, len + n);
}


int
torus_buf_printf(torus_buf_t *b, const char *fmt, ...)
{
    int      n;
    size_t   room;
    va_list  args;

    room = b->failed ? 0 : (size_t) (b->end - b->last);

    va_start(args, fmt);
    n = vsnprintf((char *) b->last, room, fmt, args);
    va_end(args);

    if (n < 0) {
        return torus_buf_fail(b);
    }

    if ((size_t) n >= room) {

        /* one more for the '\0', which is written but never counted */

        if (torus_buf_reserve(b, (size_t) n + 1) != TORUS_OK) {
            return TORUS_ERROR;
        }

        va_start(args, fmt);
        n = vsnprintf((char *) b->last, (size_t) n + 1, fmt, args);
        va_end(args);

        if (n < 0) {
            return torus_buf_fail(b);
        }
    }

    b->last += n;

    return TORUS_OK;
}


int
torus_buf_quote(torus_buf_t *b, torus_str_t s)
{
    size_t  i;

    torus_buf_addz(b, "\"");

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == '"') {
            torus_buf_addz(b, "\"");
        }

        torus_buf_add(b, s.data + i, 1);
    }

    return torus_buf_addz(b, "\"");
}


static int
torus_buf_fail(torus_buf_t *b)
{
    b->failed = 1;

    return TORUS_ERROR;
}


static void
torus_buf_compact(torus_buf_t *b)
{
    size_t  len;

    len = torus_buf_len(b);

    memmove(b->start, b->pos, len);

    b->pos = b->start;
    b->last = b->start + len;
}


/* To at least need bytes in all, which is known to be within max. */
static int
torus_buf_grow(torus_buf_t *b, size_t need)
{
    size_t          len, size, left;
    unsigned char  *p;

    len = torus_buf_len(b);
    size = (size_t) (b->end - b->start);
    size = (size > SIZE_MAX / 2) ? need : size * 2;

    if (size < TORUS_BUF_MIN) {
        size = TORUS_BUF_MIN;
    }

    if (size < need) {
        size = need;
    }

    if (b->max != 0 && size > b->max) {
        size = b->max;
    }

    /* near the limit less may do, but not so little that each byte moves it */

    left = torus_account_left(b->account);

    if (torus_account_short(b->account, size) && left > need) {
        size = need + (left - need) / 2;
    }

    if (torus_account_short(b->account, size)) {
        size = need;
    }

    if (torus_account_take(b->account, size) != TORUS_OK) {
        return torus_buf_fail(b);
    }

    p = malloc(size);
    if (p == NULL) {
        torus_account_give(b->account, size);
        return torus_buf_fail(b);
    }

    if (len != 0) {
        memcpy(p, b->pos, len);
    }

    torus_account_free(b->account, b->start, (size_t) (b->end - b->start));

    b->start = p;
    b->pos = p;
    b->last = p + len;
    b->end = p + size;

    return TORUS_OK;
}
