/*
 * What others would send to Redis for the same points, from a bare
 * pipelining client: all commands are formatted before the clock starts, then
 * only sent, and replies only counted.
 *
 *   replay original|minimal TYPE INTERVALS FILE REDIS-PORT [rollup]
 *
 * TYPE is count, histogram, gauge or series, INTERVALS a list such as
 * "minute:60:1440,hour:3600:720:60" of name, step, steps and resolution, all
 * under the prefix "bench:"; FILE holds lines "stat value timestamp".  With
 * "rollup" each point counts for the names of bench.pl's rules as well.
 *
 * original: per point and interval [SADD] value EXPIRE [EXPIRE], as torus
 * 0.7 on kairos 0.10 sends them.
 * minimal: per point and interval the value, and the first time that a key
 * is written its EXPIREAT (of a gauge's, with the value); a resolution's
 * SADD likewise once per key.
 *
 * Prints seconds and commands.
 */

#define _POSIX_C_SOURCE  200809L

#include <stdarg.h>

#include "bench_tcp.h"


#define INTERVALS  8
#define NAMES      4
#define AHEAD      (1 << 20)    /* bytes sent at most at once */


typedef struct {
    char           *name;
    long            step;
    long            steps;
    long            resolution;   /* 0: none */
} interval_t;

typedef struct {
    char           *data;
    size_t          len;
    size_t          size;
    size_t          commands;
} stream_t;

/* Keys seen; minimal only. */
typedef struct {
    uint64_t       *hashes;
    size_t          n;
    size_t          mask;
} seen_t;


static int          original, rollup, nintervals;
static const char  *type;
static interval_t   intervals[INTERVALS];
static stream_t     stream;
static seen_t       seen;


static void read_intervals(char *text);
static void read_lines(char *p);
static void point(const char *stat, const char *value, long ts);
static void store(const char *stat, const char *value, long ts,
    const interval_t *iv);
static void value_command(const char *key, const char *value, long expire);
static void command(int argc, ...);
static int first(const char *key);
static void grow_seen(void);
static double replay(const char *port);
static size_t count_replies(const char *p, size_t n, int *bulk, int *start);


int
main(int argc, char **argv)
{
    char    *text;
    size_t   len;
    double   took;

    if (argc < 6) {
        fprintf(stderr, "usage: replay original|minimal TYPE INTERVALS FILE "
                        "REDIS-PORT [rollup]\n");
        return 2;
    }

    original = strcmp(argv[1], "original") == 0;
    type = argv[2];
    rollup = argc > 6;

    read_intervals(argv[3]);

    seen.mask = 1023;
    seen.hashes = calloc(seen.mask + 1, sizeof(uint64_t));

    text = file_read(argv[4], &len);
    read_lines(text);

    took = replay(argv[5]);

    printf("%.6f %zu\n", took, stream.commands);

    free(text);
    free(stream.data);
    free(seen.hashes);

    return 0;
}


static void
read_intervals(char *text)
{
    char        *p, *next, *save, *field;
    interval_t  *iv;

    for (p = strtok_r(text, ",", &next);
         p != NULL && nintervals < INTERVALS;
         p = strtok_r(NULL, ",", &next))
    {
        iv = &intervals[nintervals++];

        iv->name = strtok_r(p, ":", &save);
        iv->step = atol(strtok_r(NULL, ":", &save));
        iv->steps = atol(strtok_r(NULL, ":", &save));
        field = strtok_r(NULL, ":", &save);
        iv->resolution = (field == NULL) ? 0 : atol(field);
    }
}


static void
read_lines(char *p)
{
    char  *stat, *value, *ts, *nl;

    for (/* void */; *p != '\0'; p = nl + 1) {
        stat = p;
        value = strchr(stat, ' ');
        ts = strchr(value + 1, ' ');
        nl = strchr(ts + 1, '\n');

        *value++ = '\0';
        *ts++ = '\0';
        *nl = '\0';

        point(stat, value, atol(ts));
    }
}


/* "servers.<host>.<app>.requests.by_<n>" counts for three more names. */
static void
point(const char *stat, const char *value, long ts)
{
    int          i, k, n;
    char         names[NAMES][256];
    const char  *host, *app, *end;

    n = 1;
    snprintf(names[0], sizeof(names[0]), "%s", stat);

    if (rollup && strncmp(stat, "servers.", 8) == 0) {
        host = stat + 8;
        app = strchr(host, '.') + 1;
        end = strchr(app, '.');

        snprintf(names[1], sizeof(names[1]), "rollup.host.%.*s.requests",
                 (int) (app - 1 - host), host);
        snprintf(names[2], sizeof(names[2]), "rollup.app.%.*s.requests",
                 (int) (end - app), app);
        snprintf(names[3], sizeof(names[3]), "rollup.all.requests");
        n = 4;
    }

    for (i = 0; i < n; i++) {
        for (k = 0; k < nintervals; k++) {
            store(names[i], value, ts, &intervals[k]);
        }
    }
}


static void
store(const char *stat, const char *value, long ts, const interval_t *iv)
{
    int   keys, fresh;
    long  bucket, expire;
    char  key[1200], sub[1300], member[32], life[32], seconds_left[32];

    bucket = ts / iv->step;
    expire = (bucket + iv->steps + 1) * iv->step;

    snprintf(key, sizeof(key), "bench:%s:%s:%ld", stat, iv->name, bucket);
    snprintf(life, sizeof(life), "%ld", expire);
    snprintf(seconds_left, sizeof(seconds_left), "%ld", iv->steps * iv->step);

    keys = 1;

    if (iv->resolution != 0) {
        keys = 2;
        snprintf(member, sizeof(member), "%ld", ts / iv->resolution);
        snprintf(sub, sizeof(sub), "%s:%s", key, member);
    }

    if (original) {
        if (keys == 2) {
            command(3, "SADD", key, member);
        }

        value_command(keys == 2 ? sub : key, value, 0);
        command(3, "EXPIRE", key, seconds_left);

        if (keys == 2) {
            command(3, "EXPIRE", sub, seconds_left);
        }

        return;
    }

    fresh = first(keys == 2 ? sub : key);

    if (keys == 2 && fresh) {
        command(3, "SADD", key, member);

        if (first(key)) {
            command(3, "EXPIREAT", key, life);
        }
    }

    value_command(keys == 2 ? sub : key, value, expire);

    if (fresh && strcmp(type, "gauge") != 0) {
        command(3, "EXPIREAT", keys == 2 ? sub : key, life);
    }
}


/* expire: of a gauge, which a plain SET would lose; 0: said apart. */
static void
value_command(const char *key, const char *value, long expire)
{
    char  life[32];

    if (strcmp(type, "series") == 0) {
        command(3, "RPUSH", key, value);

    } else if (strcmp(type, "histogram") == 0) {
        command(4, "HINCRBY", key, value, "1");

    } else if (strcmp(type, "count") == 0) {
        command(3, strchr(value, '.') == NULL ? "INCRBY" : "INCRBYFLOAT", key,
                value);

    } else if (expire != 0) {
        snprintf(life, sizeof(life), "%ld", expire);
        command(5, "SET", key, value, "EXAT", life);

    } else {
        command(3, "SET", key, value);
    }
}


static void
command(int argc, ...)
{
    int          i;
    char        *p;
    size_t       need, len;
    va_list      args;
    const char  *arg;

    need = stream.len + 4096;

    if (need > stream.size) {
        stream.size = 2 * need;
        stream.data = realloc(stream.data, stream.size);

        if (stream.data == NULL) {
            die("realloc");
        }
    }

    p = stream.data + stream.len;
    p += sprintf(p, "*%d\r\n", argc);

    va_start(args, argc);

    for (i = 0; i < argc; i++) {
        arg = va_arg(args, const char *);
        len = strlen(arg);

        p += sprintf(p, "$%zu\r\n", len);
        memcpy(p, arg, len);
        p += len;
        *p++ = '\r';
        *p++ = '\n';
    }

    va_end(args);

    stream.len = (size_t) (p - stream.data);
    stream.commands++;
}


/* By hash alone: one in a billion more or less is no matter. */
static int
first(const char *key)
{
    size_t       i;
    uint64_t     hash;
    const char  *p;

    hash = 0xcbf29ce484222325;

    for (p = key; *p != '\0'; p++) {
        hash = (hash ^ (unsigned char) *p) * 0x100000001b3;
    }

    hash += (hash == 0);

    for (i = hash & seen.mask; seen.hashes[i] != 0; i = (i + 1) & seen.mask) {
        if (seen.hashes[i] == hash) {
            return 0;
        }
    }

    seen.hashes[i] = hash;
    seen.n++;

    if (seen.n > seen.mask / 2) {
        grow_seen();
    }

    return 1;
}


static void
grow_seen(void)
{
    size_t     i, k, mask;
    uint64_t  *hashes;

    mask = 2 * seen.mask + 1;
    hashes = calloc(mask + 1, sizeof(uint64_t));

    if (hashes == NULL) {
        die("calloc");
    }

    for (i = 0; i <= seen.mask; i++) {

        if (seen.hashes[i] == 0) {
            continue;
        }

        for (k = seen.hashes[i] & mask; hashes[k] != 0; k = (k + 1) & mask) {
            /* void */
        }

        hashes[k] = seen.hashes[i];
    }

    free(seen.hashes);
    seen.hashes = hashes;
    seen.mask = mask;
}


static double
replay(const char *port)
{
    int             fd, bulk, start;
    size_t          sent, n, replies;
    double          began;
    ssize_t         rc;
    struct pollfd   pfd;
    static char     reply[1 << 18];

    fd = tcp_connect(port);
    fcntl(fd, F_SETFL, O_NONBLOCK);

    pfd.fd = fd;
    sent = 0;
    replies = 0;
    bulk = 0;
    start = 1;
    began = seconds();

    while (replies < stream.commands) {
        pfd.events = POLLIN;

        if (sent < stream.len) {
            pfd.events |= POLLOUT;
        }

        if (poll(&pfd, 1, -1) == -1) {
            die("poll");
        }

        if (pfd.revents & POLLOUT) {
            n = stream.len - sent;
            n = (n > AHEAD) ? AHEAD : n;

            rc = send(fd, stream.data + sent, n, MSG_NOSIGNAL);

            if (rc > 0) {
                sent += (size_t) rc;
            }
        }

        if (pfd.revents & (POLLIN | POLLHUP | POLLERR)) {
            rc = recv(fd, reply, sizeof(reply), 0);

            if (rc == 0 || (rc == -1 && errno != EAGAIN)) {
                die("recv");
            }

            if (rc > 0) {
                replies += count_replies(reply, (size_t) rc, &bulk, &start);
            }
        }
    }

    began = seconds() - began;
    close(fd);

    return began;
}


/* A line is a reply, but for the second one of a bulk string. */
static size_t
count_replies(const char *p, size_t n, int *bulk, int *start)
{
    size_t  i, replies;

    replies = 0;

    for (i = 0; i < n; i++) {

        if (*start) {
            *start = 0;

            if (*bulk == 2) {
                *bulk = 0;

            } else if (p[i] == '$') {
                *bulk = 1;

            } else if (p[i] == '-') {
                fprintf(stderr, "redis: %.60s\n", p + i);
                exit(2);
            }
        }

        if (p[i] == '\n') {
            *start = 1;

            if (*bulk == 1) {
                *bulk = 2;

            } else {
                replies++;
            }
        }
    }

    return replies;
}
