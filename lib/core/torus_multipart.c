/*
 * A body is "--boundary" lines with parts between them, the last followed by
 * "--"; a part is headers, an empty line, and the value, which ends before
 * the line break in front of the next boundary.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE    /* memmem() */
#endif

#include "torus_multipart.h"

#include <strings.h>


#define TORUS_MULTIPART_BOUNDARY  70


static int torus_multipart_part(torus_str_t part, torus_buf_t *out);
static int torus_multipart_name(torus_str_t headers, torus_str_t *name);
static void torus_multipart_escape(torus_buf_t *out, torus_str_t s);


int
torus_multipart_boundary(torus_str_t type, torus_str_t *boundary)
{
    size_t                i, len, quoted;
    const unsigned char  *p, *end;

    static const char  form[] = "multipart/form-data";
    static const char  key[] = "boundary=";

    len = sizeof(form) - 1;

    if (type.len <= len || strncasecmp((char *) type.data, form, len) != 0
        || (type.data[len] != ';' && type.data[len] != ' '))
    {
        return TORUS_DECLINED;
    }

    for (i = len; i + sizeof(key) - 1 < type.len; i++) {

        if ((type.data[i - 1] != ';' && type.data[i - 1] != ' ')
            || strncasecmp((char *) type.data + i, key, sizeof(key) - 1) != 0)
        {
            continue;
        }

        p = type.data + i + sizeof(key) - 1;
        end = type.data + type.len;

        quoted = (*p == '"');
        p += quoted;

        for (i = 0; p + i < end; i++) {
            if (p[i] == '"' || (!quoted && (p[i] == ';' || p[i] == ' '))) {
                break;
            }
        }

        *boundary = torus_str(p, i);

        return i != 0 && i <= TORUS_MULTIPART_BOUNDARY ? TORUS_OK
                                                       : TORUS_DECLINED;
    }

    return TORUS_DECLINED;
}


int
torus_multipart_form(torus_str_t body, torus_str_t boundary,
    torus_buf_t *out)
{
    int                   rc;
    size_t                len;
    unsigned char         mark[TORUS_MULTIPART_BOUNDARY + 4];
    const unsigned char  *p, *end, *next;

    memcpy(mark, "\r\n--", 4);
    memcpy(mark + 4, boundary.data, boundary.len);
    len = boundary.len + 4;

    p = body.data;
    end = body.data + body.len;

    /* the first boundary need not have a line break before it */

    if (body.len < len - 2 || memcmp(p, mark + 2, len - 2) != 0) {
        p = memmem(p, body.len, mark, len);
        if (p == NULL) {
            return TORUS_INVALID;
        }

        p += 2;
    }

    for ( ;; ) {
        p += len - 2;

        if (end - p < 2) {
            return TORUS_INVALID;
        }

        if (memcmp(p, "--", 2) == 0) {
            return out->failed ? TORUS_ERROR : TORUS_OK;
        }

        if (memcmp(p, "\r\n", 2) != 0) {
            return TORUS_INVALID;
        }

        next = memmem(p, (size_t) (end - p), mark, len);
        if (next == NULL) {
            return TORUS_INVALID;
        }

        rc = torus_multipart_part(torus_str(p, (size_t) (next - p)), out);
        if (rc != TORUS_OK) {
            return rc;
        }

        p = next + 2;
    }
}


/* It begins with the line break before its headers. */
static int
torus_multipart_part(torus_str_t part, torus_buf_t *out)
{
    torus_str_t           name;
    const unsigned char  *value;

    value = memmem(part.data, part.len, "\r\n\r\n", 4);

    if (value == NULL
        || torus_multipart_name(torus_str(part.data,
                                          (size_t) (value - part.data)),
                                &name)
           != TORUS_OK)
    {
        return TORUS_INVALID;
    }

    value += 4;

    torus_multipart_escape(out, name);
    torus_buf_addz(out, "=");
    torus_multipart_escape(out, torus_str(value, (size_t) (part.data
                                                           + part.len
                                                           - value)));
    torus_buf_addz(out, "&");

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


/* name="..", but not that of filename="..". */
static int
torus_multipart_name(torus_str_t headers, torus_str_t *name)
{
    size_t                left;
    const unsigned char  *p, *end;

    p = headers.data;
    left = headers.len;

    for ( ;; ) {
        p = memmem(p, left, "name=\"", 6);
        if (p == NULL) {
            return TORUS_DECLINED;
        }

        p += 6;
        left = (size_t) (headers.data + headers.len - p);

        if (p - headers.data > 6 && (p[-7] == ' ' || p[-7] == ';')) {
            break;
        }
    }

    end = memchr(p, '"', left);
    if (end == NULL) {
        return TORUS_DECLINED;
    }

    *name = torus_str(p, (size_t) (end - p));

    return TORUS_OK;
}


static void
torus_multipart_escape(torus_buf_t *out, torus_str_t s)
{
    size_t         i;
    unsigned char  c, text[3];

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-')
        {
            torus_buf_add(out, &c, 1);
            continue;
        }

        text[0] = '%';
        text[1] = (unsigned char) hex[c >> 4];
        text[2] = (unsigned char) hex[c & 15];
        torus_buf_add(out, text, 3);
    }
}
