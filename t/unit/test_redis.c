/*
 * Commands as bytes, and that a greeting neither forgets a step nor tells a
 * secret.
 */

#include "torus_test.h"
#include "torus_redis.h"


static torus_buf_t    out;
static torus_error_t  err;


static torus_host_t
host(const char *user, const char *password, unsigned db)
{
    torus_host_t  h;

    memset(&h, 0, sizeof(h));

    h.name = torus_str("localhost:6379/0", 16);
    h.user = torus_str(user, strlen(user));
    h.password = torus_str(password, strlen(password));
    h.db = db;

    return h;
}


static void
encode(void)
{
    size_t             i;
    unsigned char      text[20];
    const torus_str_t  argv[] = {
        torus_string("SET"), torus_string("a\r\nb"), torus_string("")
    };
    static const struct {
        int64_t      n;
        const char  *text;
    } ints[] = {
        { 0, "0" }, { 9, "9" }, { 10, "10" }, { -1, "-1" }, { -10, "-10" },
        { INT64_MAX, "9223372036854775807" },
        { INT64_MIN, "-9223372036854775808" }
    };

    torus_buf_reset(&out, SIZE_MAX);
    is_int(torus_redis_head(&out, 3), TORUS_OK, "the head of a command");

    for (i = 0; i < 3; i++) {
        is_int(torus_redis_bulk(&out, argv[i]), TORUS_OK, "an argument");
    }

    is_str(torus_str(out.pos, torus_buf_len(&out)),
           "*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n",
           "arguments may hold newlines and be empty");

    for (i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
        is_str(torus_str(text, torus_redis_int(text, ints[i].n)),
               ints[i].text, "integer %s", ints[i].text);
    }

    torus_buf_reset(&out, SIZE_MAX);
    torus_redis_bulk_int(&out, -42);
    is_str(torus_str(out.pos, torus_buf_len(&out)), "$3\r\n-42\r\n",
           "an integer as a bulk string");

    out.max = 64;
    torus_buf_free(&out);
    is_int(torus_redis_bulk(&out, torus_str(argv, SIZE_MAX - 8)),
           TORUS_ERROR, "a length that overflows is refused");
    torus_buf_reset(&out, 0);
    out.max = 0;
}


static void
greet(torus_host_t h, const char *name, size_t replies, const char *bytes)
{
    size_t  n;

    torus_buf_reset(&out, SIZE_MAX);
    is_int(torus_redis_greeting(&h, torus_str(name, strlen(name)), &out, &n),
           TORUS_OK, "greeting");
    is_int((int64_t) n, (int64_t) replies, "%zu replies", replies);
    is_str(torus_str(out.pos, torus_buf_len(&out)), bytes, "its bytes");
}


static int
check(torus_host_t h, size_t i, int is_error, const char *text)
{
    err.text[0] = '\0';

    return torus_redis_greeting_check(&h, i, is_error,
                                      torus_str(text, strlen(text)), &err);
}


static void
greeting(void)
{
    torus_host_t  all, plain;

    all = host("joe", "s3cret", 5);
    plain = host("", "", 0);

    greet(plain, "", 0, "");
    greet(host("", "pw", 0), "", 1, "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n");
    greet(all, "t", 3,
          "*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$6\r\ns3cret\r\n"
          "*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n"
          "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\nt\r\n");

    is_int(check(all, 0, 0, "OK"), TORUS_OK, "AUTH is taken");
    is_int(check(all, 0, 1, "WRONGPASS invalid username-password pair"),
           TORUS_INVALID, "AUTH is refused");
    like(err.text, "refused the password: WRONGPASS", "with its code");

    is_int(check(all, 0, 1, "ERR unknown command 'AUTH', with args beginning "
                 "with: 'joe' 's3cret'"), TORUS_INVALID, "AUTH is unknown");
    ok(strstr(err.text, "s3cret") == NULL, "the password is not told");

    is_int(check(all, 1, 1, "ERR DB index is out of range"), TORUS_INVALID,
           "SELECT is refused");
    like(err.text, "database 5", "with its number");

    is_int(check(all, 2, 1, "NOPERM"), TORUS_OK, "SETNAME may be refused");
    is_int(check(host("", "", 3), 0, 1, "ERR"), TORUS_INVALID,
           "without AUTH the first reply is SELECT's");
    is_int(check(plain, 0, 1, "ERR"), TORUS_OK, "or SETNAME's");
}


static torus_redis_error_t
kind(const char *text)
{
    return torus_redis_error(torus_str(text, strlen(text)));
}


int
main(void)
{
    torus_buf_init(&out, 0);

    encode();
    greeting();

    is_int(kind("OOM command not allowed"), TORUS_REDIS_TRANSIENT, "OOM");
    is_int(kind("LOADING Redis is loading"), TORUS_REDIS_TRANSIENT, "LOADING");
    is_int(kind("READONLY You can't"), TORUS_REDIS_READONLY, "READONLY");
    is_int(kind("NOAUTH Authentication"), TORUS_REDIS_DENIED, "NOAUTH");
    is_int(kind("OOMPH is another word"), TORUS_REDIS_OTHER,
           "codes are whole words");
    is_int(kind(""), TORUS_REDIS_OTHER, "no text");

    torus_buf_free(&out);

    return done_testing();
}
