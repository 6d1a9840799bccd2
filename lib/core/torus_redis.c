/*
 * Commands as bytes, the greeting of a connection, and what kinds of errors
 * Redis answers.
 */

#include "torus_redis.h"
#include "torus_number.h"


/* The steps of a greeting; each is there only when the host needs it. */
typedef enum {
    TORUS_REDIS_AUTH = 0,
    TORUS_REDIS_SELECT,
    TORUS_REDIS_SETNAME
} torus_redis_step_t;


static torus_redis_step_t torus_redis_step(const torus_host_t *host, size_t i);
static torus_str_t torus_redis_code(torus_str_t text);


/* A row of ten, for the first digit of two. */
#define torus_redis_row(one, t)                                               \
    one(t, '0'), one(t, '1'), one(t, '2'), one(t, '3'), one(t, '4'),          \
    one(t, '5'), one(t, '6'), one(t, '7'), one(t, '8'), one(t, '9')

#define torus_redis_rows(one)                                                 \
    torus_redis_row(one, '1'), torus_redis_row(one, '2'),                     \
    torus_redis_row(one, '3'), torus_redis_row(one, '4'),                     \
    torus_redis_row(one, '5'), torus_redis_row(one, '6'),                     \
    torus_redis_row(one, '7'), torus_redis_row(one, '8'),                     \
    torus_redis_row(one, '9')

#define torus_redis_length_1(t, u)  { '$', u, '\r', '\n', 0, 0, 0, 0 }
#define torus_redis_length_2(t, u)  { '$', t, u, '\r', '\n', 0, 0, 0 }
#define torus_redis_number_1(t, u)  { '$', '1', '\r', '\n', u, '\r', '\n', 0 }
#define torus_redis_number_2(t, u)  { '$', '2', '\r', '\n', t, u, '\r', '\n' }


const unsigned char  torus_redis_lengths[TORUS_REDIS_SHORT][8] = {
    torus_redis_row(torus_redis_length_1, 0),
    torus_redis_rows(torus_redis_length_2)
};

const unsigned char  torus_redis_numbers[TORUS_REDIS_SHORT][8] = {
    torus_redis_row(torus_redis_number_1, 0),
    torus_redis_rows(torus_redis_number_2)
};


size_t
torus_redis_int(unsigned char *dst, int64_t n)
{
    return torus_number_print_int(dst, n);
}


int
torus_redis_head(torus_buf_t *b, size_t argc)
{
    size_t         n;
    unsigned char  text[24];

    text[0] = '*';
    n = 1 + torus_redis_int(text + 1, (int64_t) argc);
    text[n] = '\r';
    text[n + 1] = '\n';

    return torus_buf_add(b, text, n + 2);
}


int
torus_redis_bulk(torus_buf_t *b, torus_str_t s)
{
    if (s.len > SIZE_MAX - 32) {
        b->failed = 1;
        return TORUS_ERROR;
    }

    if (torus_buf_reserve(b, s.len + 32) != TORUS_OK) {
        return TORUS_ERROR;
    }

    b->last = torus_redis_put_bulk(b->last, s);

    return TORUS_OK;
}


int
torus_redis_bulk_z(torus_buf_t *b, const char *z)
{
    return torus_redis_bulk(b, torus_str(z, strlen(z)));
}


int
torus_redis_bulk_int(torus_buf_t *b, int64_t n)
{
    unsigned char  text[20];

    return torus_redis_bulk(b, torus_str(text, torus_redis_int(text, n)));
}


torus_redis_error_t
torus_redis_error(torus_str_t text)
{
    size_t              i;
    torus_str_t         code;
    static const char  *const transient[] = {
        "OOM", "LOADING", "MISCONF", "BUSY", "NOREPLICAS", "MASTERDOWN",
        "TRYAGAIN", "CLUSTERDOWN"
    };
    static const char  *const denied[] = {
        "NOAUTH", "WRONGPASS", "NOPERM"
    };

    code = torus_redis_code(text);

    for (i = 0; i < sizeof(transient) / sizeof(transient[0]); i++) {
        if (torus_str_is(code, transient[i])) {
            return TORUS_REDIS_TRANSIENT;
        }
    }

    for (i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
        if (torus_str_is(code, denied[i])) {
            return TORUS_REDIS_DENIED;
        }
    }

    if (torus_str_is(code, "READONLY")) {
        return TORUS_REDIS_READONLY;
    }

    return TORUS_REDIS_OTHER;
}


int
torus_redis_greeting(const torus_host_t *host, torus_str_t name,
    torus_buf_t *b, size_t *n)
{
    *n = 0;

    if (host->password.len != 0) {
        (void) torus_redis_head(b, host->user.len != 0 ? 3 : 2);
        (void) torus_redis_bulk_z(b, "AUTH");

        if (host->user.len != 0) {
            (void) torus_redis_bulk(b, host->user);
        }

        (void) torus_redis_bulk(b, host->password);
        (*n)++;
    }

    if (host->db != 0) {
        (void) torus_redis_head(b, 2);
        (void) torus_redis_bulk_z(b, "SELECT");
        (void) torus_redis_bulk_int(b, host->db);
        (*n)++;
    }

    if (name.len != 0) {
        (void) torus_redis_head(b, 3);
        (void) torus_redis_bulk_z(b, "CLIENT");
        (void) torus_redis_bulk_z(b, "SETNAME");
        (void) torus_redis_bulk(b, name);
        (*n)++;
    }

    return b->failed ? TORUS_ERROR : TORUS_OK;
}


int
torus_redis_greeting_check(const torus_host_t *host, size_t i,
    int is_error, torus_str_t text, torus_error_t *err)
{
    size_t       n;
    char         quoted[256];
    torus_str_t  code;

    if (!is_error) {
        return TORUS_OK;
    }

    switch (torus_redis_step(host, i)) {

    case TORUS_REDIS_AUTH:
        code = torus_redis_code(text);
        n = torus_escape(quoted, sizeof(quoted), code);

        return torus_error(err, "redis \"%.*s\" refused the password: %.*s",
                           torus_fmt(host->name), (int) n, quoted);

    case TORUS_REDIS_SELECT:
        n = torus_escape(quoted, sizeof(quoted), text);

        return torus_error(err, "redis \"%.*s\" refused database %u: %.*s",
                           torus_fmt(host->name), host->db, (int) n, quoted);

    default: /* TORUS_REDIS_SETNAME: a name is a convenience */
        return TORUS_OK;
    }
}


static torus_redis_step_t
torus_redis_step(const torus_host_t *host, size_t i)
{
    if (host->password.len != 0) {
        if (i == 0) {
            return TORUS_REDIS_AUTH;
        }

        i--;
    }

    if (host->db != 0 && i == 0) {
        return TORUS_REDIS_SELECT;
    }

    return TORUS_REDIS_SETNAME;
}


/* The first word, which is in capitals and never an argument of ours. */
static torus_str_t
torus_redis_code(torus_str_t text)
{
    size_t  n;

    for (n = 0; n < text.len; n++) {
        if (text.data[n] < 'A' || text.data[n] > 'Z') {
            break;
        }
    }

    return torus_str(text.data, n);
}
