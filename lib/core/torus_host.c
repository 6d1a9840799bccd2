/*
 * The "host" of a schema: a Redis server, a database, perhaps credentials.
 *
 * No message here quotes what could be a password: with an "@" in the text
 * only what stands behind the last one is ever shown, and never what is where
 * a port or a database should be.
 */

#include "torus_schema.h"


#define TORUS_HOST_PORT      6379
#define TORUS_HOST_PORT_MAX  65535
#define TORUS_HOST_DB_MAX    65535
#define TORUS_HOST_NAME_MAX  255

/* sizeof(sun_path) less its '\0' where it is smallest among Linux and BSD. */
#define TORUS_HOST_PATH_MAX  103


static int torus_host_scheme(torus_str_t text, torus_error_t *err);
static int torus_host_url(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err);
static int torus_host_credentials(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err);
static int torus_host_decode(torus_arena_t *arena, torus_str_t text,
    torus_str_t *decoded, torus_error_t *err);
static int torus_host_hex(unsigned char c);
static int torus_host_tcp(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err);
static int torus_host_address(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err);
static size_t torus_host_address_len(torus_str_t text);
static int torus_host_unix(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err);
static int torus_host_number(torus_str_t text, const char *what, unsigned min,
    unsigned max, unsigned *n, torus_error_t *err);
static int torus_host_name(torus_arena_t *arena, torus_host_t *host);
static int torus_host_begins(torus_str_t text, const char *z);
static torus_str_t torus_host_skip(torus_str_t text, size_t n);


int
torus_host_parse(torus_arena_t *arena, torus_str_t text, torus_host_t *host,
    torus_error_t *err)
{
    int  rc;

    memset(host, 0, sizeof(torus_host_t));

    if (torus_host_begins(text, "redis://")) {
        rc = torus_host_url(arena, torus_host_skip(text, 8), host, err);

    } else if (torus_host_begins(text, "unix:")) {
        rc = torus_host_unix(arena, torus_host_skip(text, 5), host, err);

    } else {
        rc = torus_host_scheme(text, err);

        if (rc == TORUS_OK) {
            rc = torus_host_tcp(arena, text, host, err);
        }
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_host_name(arena, host);
}


/* What a bare "host:port/db" cannot be. */
static int
torus_host_scheme(torus_str_t text, torus_error_t *err)
{
    size_t  i;

    static const char *const  later[] = { "rediss://", "cluster://", NULL };

    for (i = 0; later[i] != NULL; i++) {
        if (torus_host_begins(text, later[i])) {
            return torus_error(err, "is of a kind (\"%s\") that is not "
                               "supported yet", later[i]);
        }
    }

    for (i = 0; i + 2 < text.len; i++) {
        if (memcmp(text.data + i, "://", 3) == 0) {
            return torus_error(err, "must be \"host[:port][/db]\" or begin "
                               "with \"redis://\" or \"unix:\"");
        }
    }

    if (text.len != 0 && memchr(text.data, '@', text.len) != NULL) {
        return torus_error(err, "must begin with \"redis://\" to hold "
                           "credentials");
    }

    return TORUS_OK;
}


static int
torus_host_url(torus_arena_t *arena, torus_str_t text, torus_host_t *host,
    torus_error_t *err)
{
    int          rc;
    size_t       at;

    /* the last one: a password may hold an "@" that is not encoded */

    for (at = text.len; at > 0; at--) {
        if (text.data[at - 1] == '@') {
            break;
        }
    }

    if (at > 0) {
        rc = torus_host_credentials(arena, torus_str(text.data, at - 1), host,
                                    err);
        if (rc != TORUS_OK) {
            return rc;
        }

        text = torus_host_skip(text, at);
    }

    return torus_host_tcp(arena, text, host, err);
}


static int
torus_host_credentials(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err)
{
    int                   rc;
    torus_str_t           user, password;
    const unsigned char  *colon;

    colon = (text.len == 0) ? NULL : memchr(text.data, ':', text.len);

    if (colon == NULL) {
        return torus_error(err, "must have \"[user]:password\" before \"@\"");
    }

    user = torus_str(text.data, (size_t) (colon - text.data));
    password = torus_host_skip(text, user.len + 1);

    if (password.len == 0) {
        return torus_error(err, "has an empty password");
    }

    rc = torus_host_decode(arena, user, &host->user, err);
    if (rc != TORUS_OK) {
        return rc;
    }

    return torus_host_decode(arena, password, &host->password, err);
}


static int
torus_host_decode(torus_arena_t *arena, torus_str_t text,
    torus_str_t *decoded, torus_error_t *err)
{
    int             high, low;
    size_t          i;
    unsigned char  *p, *dst;

    dst = torus_arena_alloc(arena, text.len + 1);
    if (dst == NULL) {
        return TORUS_ERROR;
    }

    p = dst;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] != '%') {
            *p++ = text.data[i];
            continue;
        }

        high = -1;
        low = -1;

        if (text.len - i > 2) {
            high = torus_host_hex(text.data[i + 1]);
            low = torus_host_hex(text.data[i + 2]);
        }

        if (high >= 0 && low >= 0) {
            *p++ = (unsigned char) (high * 16 + low);
            i += 2;
            continue;
        }

        return torus_error(err, "has a \"%%\" in its credentials that is not "
                           "followed by two hexadecimal digits (write a "
                           "\"%%\" as \"%%25\")");
    }

    *p = '\0';
    *decoded = torus_str(dst, (size_t) (p - dst));

    return TORUS_OK;
}


static int
torus_host_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* "host[:port][/db]", with an IPv6 address in brackets */
static int
torus_host_tcp(torus_arena_t *arena, torus_str_t text, torus_host_t *host,
    torus_error_t *err)
{
    int          rc;
    size_t       n;
    torus_str_t  port;

    n = torus_host_address_len(text);

    rc = torus_host_address(arena, torus_str(text.data, n), host, err);
    if (rc != TORUS_OK) {
        return rc;
    }

    text = torus_host_skip(text, n);

    host->port = TORUS_HOST_PORT;
    host->db = 0;

    if (text.len != 0 && text.data[0] == ':') {
        for (n = 1; n < text.len && text.data[n] != '/'; n++) {
            /* void */
        }

        port = torus_str(text.data + 1, n - 1);

        if (port.len != 0 && memchr(port.data, ':', port.len) != NULL) {
            return torus_error(err, "must have an IPv6 address in brackets");
        }

        rc = torus_host_number(port, "port", 1, TORUS_HOST_PORT_MAX,
                               &host->port, err);
        if (rc != TORUS_OK) {
            return rc;
        }

        text = torus_host_skip(text, n);
    }

    if (text.len == 0 || (text.len == 1 && text.data[0] == '/')) {
        return TORUS_OK;
    }

    return torus_host_number(torus_host_skip(text, 1), "database", 0,
                             TORUS_HOST_DB_MAX, &host->db, err);
}


/* Up to the port or the database; of "[::1]:6379" with the brackets. */
static size_t
torus_host_address_len(torus_str_t text)
{
    size_t  n;

    n = 0;

    if (text.len != 0 && text.data[0] == '[') {
        while (n < text.len && text.data[n] != ']') {
            n++;
        }
    }

    while (n < text.len && text.data[n] != ':' && text.data[n] != '/') {
        n++;
    }

    return n;
}


/*
 * In lower case, for names mean the same in either and servers are compared
 * by them; an IPv6 address loses its brackets.
 */
static int
torus_host_address(torus_arena_t *arena, torus_str_t text,
    torus_host_t *host, torus_error_t *err)
{
    int             bracket;
    char            shown[64];
    size_t          i, n;
    unsigned char   c, *copy;

    if (text.len == 0) {
        return torus_error(err, "names no host");
    }

    if (text.len > TORUS_HOST_NAME_MAX) {
        return torus_error(err, "has a host name of %zu bytes, at most %d "
                           "are allowed", text.len, TORUS_HOST_NAME_MAX);
    }

    if (torus_arena_dup(arena, text, &host->address) != TORUS_OK) {
        return TORUS_ERROR;
    }

    copy = (unsigned char *) host->address.data;
    bracket = (text.len > 2 && text.data[0] == '['
               && text.data[text.len - 1] == ']');

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= 'A' && c <= 'Z') {
            copy[i] = (unsigned char) (c | 0x20);
            continue;
        }

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
            || c == '.' || c == '-' || c == '_')
        {
            continue;
        }

        if (bracket && (c == ':' || i == 0 || i == text.len - 1)) {
            continue;
        }

        n = torus_escape(shown, sizeof(shown), text);

        return torus_error(err, "has a bad host name \"%.*s\"", (int) n,
                           shown);
    }

    if (bracket) {
        host->address = torus_str(copy + 1, text.len - 2);
    }

    return TORUS_OK;
}


/* "/path/to.sock[?db=N]" */
static int
torus_host_unix(torus_arena_t *arena, torus_str_t text, torus_host_t *host,
    torus_error_t *err)
{
    size_t                i;
    torus_str_t           path, query;
    const unsigned char  *mark;

    if (text.len == 0 || text.data[0] != '/') {
        return torus_error(err, "must have an absolute path behind \"unix:\"");
    }

    if (text.len > 1 && text.data[1] == '/'
        && memchr(text.data, '@', text.len) != NULL)
    {
        return torus_error(err, "cannot have credentials with \"unix:\"");
    }

    mark = memchr(text.data, '?', text.len);

    path = text;
    query = torus_str(NULL, 0);

    if (mark != NULL) {
        path.len = (size_t) (mark - text.data);
        query = torus_host_skip(text, path.len + 1);

        if (!torus_host_begins(query, "db=")) {
            return torus_error(err, "can have only \"db=N\" behind \"?\"");
        }

        if (torus_host_number(torus_host_skip(query, 3), "database", 0,
                              TORUS_HOST_DB_MAX, &host->db, err)
            != TORUS_OK)
        {
            return TORUS_INVALID;
        }
    }

    if (path.len > TORUS_HOST_PATH_MAX) {
        return torus_error(err, "has a path of %zu bytes, a unix socket takes "
                           "at most %d", path.len, TORUS_HOST_PATH_MAX);
    }

    for (i = 0; i < path.len; i++) {
        if (path.data[i] < 0x20 || path.data[i] == 0x7f) {
            return torus_error(err, "has a control character in its path");
        }
    }

    return torus_arena_dup(arena, path, &host->path);
}


static int
torus_host_number(torus_str_t text, const char *what, unsigned min,
    unsigned max, unsigned *n, torus_error_t *err)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        *n = *n * 10 + (text.data[i] - '0');

        if (*n > max) {
            break;
        }
    }

    /* "redis://user:secret" without its host, be it of digits: not told */

    if (text.len == 0 || i < text.len || *n < min) {
        return torus_error(err, "must have a %s from %u to %u", what, min,
                           max);
    }

    return TORUS_OK;
}


/* What logs, answers and the status page call the host. */
static int
torus_host_name(torus_arena_t *arena, torus_host_t *host)
{
    int   n;
    char  name[TORUS_HOST_NAME_MAX + 64];

    if (host->path.len != 0) {
        n = snprintf(name, sizeof(name), "unix:%.*s?db=%u",
                     torus_fmt(host->path), host->db);

    } else if (memchr(host->address.data, ':', host->address.len) != NULL) {
        n = snprintf(name, sizeof(name), "[%.*s]:%u/%u",
                     torus_fmt(host->address), host->port, host->db);

    } else {
        n = snprintf(name, sizeof(name), "%.*s:%u/%u",
                     torus_fmt(host->address), host->port, host->db);
    }

    return torus_arena_dup(arena, torus_str(name, (size_t) n), &host->name);
}


int
torus_host_eq(const torus_host_t *a, const torus_host_t *b)
{
    return torus_str_eq(a->address, b->address)
           && torus_str_eq(a->path, b->path)
           && torus_str_eq(a->user, b->user)
           && torus_str_eq(a->password, b->password)
           && a->port == b->port
           && a->db == b->db;
}


static int
torus_host_begins(torus_str_t text, const char *z)
{
    size_t  n;

    n = strlen(z);

    return text.len >= n && memcmp(text.data, z, n) == 0;
}


static torus_str_t
torus_host_skip(torus_str_t text, size_t n)
{
    return torus_str(text.data + n, text.len - n);
}
