/*
 * Error texts, quoting of what others sent, and the hash that every table of
 * ours uses.
 */

#include "torus_hash.h"


static size_t torus_escape_byte(unsigned char dst[4], unsigned char c);


/* By way of a copy: an argument may be err->text itself. */
int
torus_error(torus_error_t *err, const char *fmt, ...)
{
    int      n;
    char     text[TORUS_ERROR_SIZE];
    va_list  args;

    if (err == NULL) {
        return TORUS_INVALID;
    }

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (n < 0) {
        text[0] = '\0';
        n = 0;
    }

    err->len = (size_t) n;

    if (err->len >= sizeof(text)) {
        err->len = sizeof(text) - 1;
    }

    memcpy(err->text, text, err->len + 1);

    return TORUS_INVALID;
}


size_t
torus_escape(char *dst, size_t size, torus_str_t s)
{
    size_t         i, n, len, safe;
    unsigned char  text[4];

    len = 0;

    /* where to cut so that "..." still fits */
    safe = 0;

    for (i = 0; i < s.len; i++) {
        n = torus_escape_byte(text, s.data[i]);

        if (n > size - len) {
            if (size >= 3) {
                memcpy(dst + safe, "...", 3);
                return safe + 3;
            }

            return len;
        }

        memcpy(dst + len, text, n);
        len += n;

        if (size >= 3 && len <= size - 3) {
            safe = len;
        }
    }

    return len;
}


static size_t
torus_escape_byte(unsigned char dst[4], unsigned char c)
{
    static const char  hex[] = "0123456789ABCDEF";

    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
        dst[0] = c;
        return 1;
    }

    dst[0] = '\\';
    dst[1] = 'x';
    dst[2] = (unsigned char) hex[c >> 4];
    dst[3] = (unsigned char) hex[c & 15];

    return 4;
}


uint64_t
torus_hash(const void *data, size_t len, uint64_t seed)
{
    return torus_hash_bytes(data, len, torus_hash_start(seed));
}
