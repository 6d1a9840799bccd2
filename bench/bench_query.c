/*
 * The clients of comparisons.  Two of bench/query.sh:
 *
 *   bench_query bare PORT DEPTH SECONDS KEYS..    the reads of a query, by a
 *                                                 pipelined Redis client
 *   bench_query http PORT CONNS SECONDS URI       the query itself
 *
 * Both keep so many requests outstanding, the one on a single connection, the
 * other on as many, and print requests per second and the latency's median
 * and 99th percentile in microseconds.
 *
 * KEYS: "mget PREFIX FIRST N" for N counts in MGETs of 128 as the query has
 * them, "hash PREFIX FIRST N" for N HGETALLs, "sub PREFIX FIRST N STEP M" for
 * N sets of M counts each: SMEMBERS first, and what they name in a second
 * round trip.
 *
 * And two of bench/render.pl, the first for servers of any make:
 *
 *   bench_query fetch PORT N URI FILE             N answers, one after the
 *                                                 other; the last is kept
 *
 * prints the microseconds from connect() to the end of the answer.
 *
 *   bench_query waits PORT PID N URI HEAVY..      how long URI takes, asked
 *                                                 each millisecond, while N
 *                                                 times HEAVY are answered
 *
 * prints the median, the 99th percentile and the longest in microseconds; the
 * last two of the time that process PID, the worker, ran in each of these
 * waits; and the longest that it was ready to run in one and had no processor,
 * which is the machine's delay.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define CHUNK      128
#define SAMPLES    (1 << 22)
#define CONNS_MAX  256


typedef struct {
    char      *data;
    size_t     len;
    size_t     size;
    int        replies;
} bytes_t;


typedef struct {
    uint64_t   since;
    int        left;         /* replies of this round */
    int        second;       /* the sub-keys are being read */
    bytes_t    sub;
} slot_t;


typedef struct {
    int        fd;
    uint64_t   since;
    size_t     len;
    char       buf[65536];
    size_t     body;         /* bytes still to come */
    int        in_body;
    int        chunked;
    char       tail[5];
} conn_t;


static double   *samples;
static size_t    nsamples;


static void
die(const char *what)
{
    fprintf(stderr, "bench_query: %s: %s\n", what, strerror(errno));
    exit(1);
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static int
dial(int port)
{
    int                 fd, on;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    on = 1;

    if (fd == -1 || connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        die("connect");
    }

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    return fd;
}


static void
add(bytes_t *b, const char *data, size_t len)
{
    if (b->len + len > b->size) {
        b->size = 2 * (b->len + len);
        b->data = realloc(b->data, b->size);

        if (b->data == NULL) {
            die("realloc");
        }
    }

    memcpy(b->data + b->len, data, len);
    b->len += len;
}


static void
bulk(bytes_t *b, const char *text)
{
    char  head[32];

    add(b, head, (size_t) sprintf(head, "$%zu\r\n", strlen(text)));
    add(b, text, strlen(text));
    add(b, "\r\n", 2);
}


static void
command(bytes_t *b, int argc, const char *name)
{
    char  head[32];

    add(b, head, (size_t) sprintf(head, "*%d\r\n", argc));
    bulk(b, name);

    b->replies++;
}


static void
write_all(int fd, const char *data, size_t len)
{
    ssize_t  n;

    while (len != 0) {
        n = write(fd, data, len);

        if (n <= 0) {
            die("write");
        }

        data += n;
        len -= (size_t) n;
    }
}


static void
sample(uint64_t since)
{
    if (nsamples < SAMPLES) {
        samples[nsamples++] = (double) (now() - since) / 1000;
    }
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
result(double seconds)
{
    if (nsamples == 0) {
        die("no answer");
    }

    qsort(samples, nsamples, sizeof(double), compare);

    printf("%.0f %.0f %.0f\n", (double) nsamples / seconds,
           samples[nsamples / 2], samples[nsamples * 99 / 100]);
}


/* The first round trip of a request. */
static void
reads(bytes_t *b, char **argv)
{
    int   i, n, k;
    char  key[256];
    long  first;

    first = atol(argv[2]);
    n = atoi(argv[3]);

    for (i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%s%ld", argv[1], first + i);

        if (strcmp(argv[0], "mget") != 0) {
            command(b, 2, strcmp(argv[0], "hash") == 0 ? "HGETALL"
                                                       : "SMEMBERS");

        } else if (i % CHUNK == 0) {
            k = n - i < CHUNK ? n - i : CHUNK;
            command(b, k + 1, "MGET");
        }

        bulk(b, key);
    }
}


/* The second: all counts that the sets may name, as the query reads them. */
static void
sub_reads(bytes_t *b, char **argv)
{
    int   i, j, n, m, k, done;
    long  first, step;
    char  key[256];

    first = atol(argv[2]);
    n = atoi(argv[3]);
    step = atol(argv[4]);
    m = atoi(argv[5]);
    done = 0;

    for (i = 0; i < n; i++) {
        for (j = 0; j < m; j++, done++) {

            if (done % CHUNK == 0) {
                k = n * m - done < CHUNK ? n * m - done : CHUNK;
                command(b, k + 1, "MGET");
            }

            snprintf(key, sizeof(key), "%s%ld:%ld", argv[1], first + i,
                     (first + i) * step + j);
            bulk(b, key);
        }
    }
}


static void
bare(int port, int depth, double seconds, char **argv)
{
    int           fd, head, tail, rc;
    char          buf[262144];
    void         *reply;
    slot_t       *slots;
    bytes_t       first, second;
    ssize_t       n;
    uint64_t      start, end;
    redisReader  *reader;

    fd = dial(port);
    reader = redisReaderCreate();
    slots = calloc((size_t) depth, sizeof(slot_t));
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));

    reads(&first, argv);

    if (strcmp(argv[0], "sub") == 0) {
        sub_reads(&second, argv);
    }

    start = now();
    end = start + (uint64_t) (seconds * 1e9);

    /* rounds are answered in the order of their sending: a ring of slots */

    for (head = 0; head < depth; head++) {
        slots[head].since = start;
        slots[head].left = first.replies;
        write_all(fd, first.data, first.len);
    }

    tail = 0;

    while (now() < end) {
        n = read(fd, buf, sizeof(buf));

        if (n <= 0) {
            die("read");
        }

        redisReaderFeed(reader, buf, (size_t) n);

        for ( ;; ) {
            rc = redisReaderGetReply(reader, &reply);

            if (rc != REDIS_OK) {
                die(reader->errstr);
            }

            if (reply == NULL) {
                break;
            }

            freeReplyObject(reply);

            if (--slots[tail].left != 0) {
                continue;
            }

            if (second.len != 0 && !slots[tail].second) {
                slots[tail].second = 1;
                slots[tail].left = second.replies;
                write_all(fd, second.data, second.len);

            } else {
                sample(slots[tail].since);
                slots[tail].since = now();
                slots[tail].second = 0;
                slots[tail].left = first.replies;
                write_all(fd, first.data, first.len);
            }

            tail = (tail + 1) % depth;
        }
    }

    result((double) (now() - start) / 1e9);
}


static void
ask(conn_t *c, const char *request, size_t len)
{
    c->since = now();
    c->len = 0;
    c->in_body = 0;
    write_all(c->fd, request, len);
}


/* 1: the answer is whole. */
static int
answer(conn_t *c)
{
    char     *p, *body;
    size_t    got;
    ssize_t   n;

    if (!c->in_body) {
        n = read(c->fd, c->buf + c->len, sizeof(c->buf) - 1 - c->len);

        if (n <= 0) {
            die("read");
        }

        c->len += (size_t) n;
        c->buf[c->len] = '\0';

        body = strstr(c->buf, "\r\n\r\n");
        if (body == NULL) {
            return 0;
        }

        if (strncmp(c->buf, "HTTP/1.1 200", 12) != 0) {
            fprintf(stderr, "%s\n", c->buf);
            exit(1);
        }

        body += 4;
        got = c->len - (size_t) (body - c->buf);
        c->in_body = 1;

        p = strstr(c->buf, "Content-Length: ");
        c->chunked = (p == NULL || p > body);

        if (c->chunked) {
            memset(c->tail, 0, sizeof(c->tail));

            if (got >= 5) {
                memcpy(c->tail, c->buf + c->len - 5, 5);
            }

            return memcmp(c->tail, "0\r\n\r\n", 5) == 0;
        }

        c->body = (size_t) atol(p + 16) - got;

        return c->body == 0;
    }

    n = read(c->fd, c->buf, sizeof(c->buf));

    if (n <= 0) {
        die("read");
    }

    if (!c->chunked) {
        c->body -= (size_t) n;
        return c->body == 0;
    }

    if (n >= 5) {
        memcpy(c->tail, c->buf + n - 5, 5);

    } else {
        memmove(c->tail, c->tail + n, (size_t) (5 - n));
        memcpy(c->tail + 5 - n, c->buf, (size_t) n);
    }

    return memcmp(c->tail, "0\r\n\r\n", 5) == 0;
}


static void
http(int port, int nconns, double seconds, const char *uri)
{
    int             i;
    char            request[65536];
    size_t          len;
    conn_t         *conns;
    uint64_t        start, end;
    struct pollfd   fds[CONNS_MAX];

    len = (size_t) snprintf(request, sizeof(request),
                            "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            uri);

    conns = calloc((size_t) nconns, sizeof(conn_t));
    start = now();
    end = start + (uint64_t) (seconds * 1e9);

    for (i = 0; i < nconns; i++) {
        conns[i].fd = dial(port);
        fds[i].fd = conns[i].fd;
        fds[i].events = POLLIN;
        ask(&conns[i], request, len);
    }

    while (now() < end || nsamples == 0) {

        if (poll(fds, (nfds_t) nconns, 60000) <= 0) {
            die("poll");
        }

        for (i = 0; i < nconns; i++) {

            if (fds[i].revents != 0 && answer(&conns[i])) {
                sample(conns[i].since);
                ask(&conns[i], request, len);
            }
        }
    }

    result((double) (now() - start) / 1e9);
}


/*
 * One answer over a connection of its own, into b, which has room for it.
 * With HTTP/1.0 its end is that of the connection.  Returns nanoseconds.
 */
static uint64_t
fetch_once(int port, const char *request, size_t len, bytes_t *b)
{
    int       fd;
    ssize_t   n;
    uint64_t  since;

    b->len = 0;
    since = now();
    fd = dial(port);
    write_all(fd, request, len);

    while (b->len < b->size - 1) {
        n = read(fd, b->data + b->len, b->size - 1 - b->len);

        if (n <= 0) {
            break;
        }

        b->len += (size_t) n;
    }

    since = now() - since;
    close(fd);
    b->data[b->len] = '\0';

    return since;
}


static void
fetch(int port, int times, const char *uri, const char *name)
{
    char      request[65536], *body;
    FILE     *file;
    bytes_t   b;
    size_t    len;
    uint64_t  took;

    memset(&b, 0, sizeof(b));
    b.size = 1 << 26;
    b.data = malloc(b.size);

    if (b.data == NULL || times < 1) {
        die("arguments");
    }

    /* the first use of memory is not what is measured */
    memset(b.data, 0, b.size);

    len = (size_t) snprintf(request, sizeof(request),
                            "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n",
                            uri);

    while (times--) {
        took = fetch_once(port, request, len, &b);
        printf("%.0f\n", (double) took / 1000);

        if (b.len < 12 || memcmp(b.data + 8, " 200", 4) != 0) {
            fprintf(stderr, "%.1000s\n", b.data);
            exit(1);
        }
    }

    body = strstr(b.data, "\r\n\r\n");

    if (body == NULL) {
        die("no header");
    }

    body += 4;
    len = b.len - (size_t) (body - b.data);
    file = fopen(name, "w");

    if (file == NULL || fwrite(body, 1, len, file) != len
        || fclose(file) != 0)
    {
        die(name);
    }
}


/* All of HEAVY, n times, in a process of its own. */
static pid_t
load(int port, int n, char **uris)
{
    int      i;
    char     request[65536];
    size_t   len;
    pid_t    pid;
    bytes_t  b;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    memset(&b, 0, sizeof(b));
    b.size = 1 << 26;
    b.data = malloc(b.size);

    if (b.data == NULL) {
        die("malloc");
    }

    while (n--) {
        for (i = 0; uris[i] != NULL; i++) {
            len = (size_t) snprintf(request, sizeof(request),
                                    "GET %s HTTP/1.0\r\nHost: localhost"
                                    "\r\n\r\n", uris[i]);

            fetch_once(port, request, len, &b);

            if (b.len < 12 || memcmp(b.data + 8, " 200", 4) != 0) {
                fprintf(stderr, "%.1000s\n", b.data);
                _exit(1);
            }
        }
    }

    _exit(0);
}


/* Nanoseconds that a process has run, and has waited for a processor. */
static void
scheduled(int fd, uint64_t *ran, uint64_t *waited)
{
    char                text[128];
    ssize_t             n;
    unsigned long long  x, y;

    n = pread(fd, text, sizeof(text) - 1, 0);

    if (n <= 0) {
        die("schedstat");
    }

    text[n] = '\0';

    if (sscanf(text, "%llu %llu", &x, &y) != 2) {
        die("schedstat");
    }

    *ran = x;
    *waited = y;
}


static void
waits(int port, const char *pid, int times, char **uris)
{
    int                  stat, status;
    char                 request[65536], name[64];
    pid_t                child;
    conn_t              *c;
    size_t               n, len;
    double              *took, *ran;
    uint64_t             due, since, ran0, ran1, idle0, idle1, idle;
    struct timespec      ts;
    struct sched_param   param;

    snprintf(name, sizeof(name), "/proc/%s/schedstat", pid);
    stat = open(name, O_RDONLY);
    c = calloc(1, sizeof(conn_t));
    took = samples;
    ran = calloc(SAMPLES, sizeof(double));

    if (stat == -1 || c == NULL || ran == NULL) {
        die(name);
    }

    child = load(port, times, uris + 1);

    /* where it is allowed the client's own delay is none */
    memset(&param, 0, sizeof(param));
    param.sched_priority = 1;
    (void) sched_setscheduler(0, SCHED_FIFO, &param);

    len = (size_t) snprintf(request, sizeof(request),
                            "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            uris[0]);
    c->fd = dial(port);
    due = now();
    idle = 0;

    for (n = 0; n < SAMPLES && waitpid(child, &status, WNOHANG) == 0; n++) {
        due += 1000000;
        since = now();

        if (since < due) {
            ts.tv_sec = (time_t) (due / 1000000000);
            ts.tv_nsec = (long) (due % 1000000000);
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);

        } else {
            due = since;
        }

        scheduled(stat, &ran0, &idle0);

        since = now();
        ask(c, request, len);

        while (!answer(c)) {
            /* void */
        }

        took[n] = (double) (now() - since) / 1000;

        scheduled(stat, &ran1, &idle1);

        ran[n] = (double) (ran1 - ran0) / 1000;
        idle = idle1 - idle0 > idle ? idle1 - idle0 : idle;
    }

    if (n == 0 || n == SAMPLES || status != 0) {
        die("no answer");
    }

    qsort(took, n, sizeof(double), compare);
    qsort(ran, n, sizeof(double), compare);

    printf("%.0f %.0f %.0f %.0f %.0f %.0f\n", took[n / 2],
           took[n * 99 / 100], took[n - 1], ran[n * 99 / 100], ran[n - 1],
           (double) idle / 1000);
}


int
main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "fetch") == 0) {
        fetch(atoi(argv[2]), atoi(argv[3]), argv[4], argv[5]);
        return 0;
    }

    if (argc < 6) {
        fprintf(stderr, "usage: bench_query bare|http PORT N SECONDS ..\n"
                "       bench_query fetch PORT N URI FILE\n"
                "       bench_query waits PORT PID N URI HEAVY..\n");
        return 1;
    }

    samples = malloc(SAMPLES * sizeof(double));

    if (samples == NULL) {
        die("malloc");
    }

    if (argc > 6 && strcmp(argv[1], "waits") == 0) {
        waits(atoi(argv[2]), argv[3], atoi(argv[4]), argv + 5);
        return 0;
    }

    if (atoi(argv[3]) < 1 || atoi(argv[3]) > CONNS_MAX) {
        die("arguments");
    }

    if (strcmp(argv[1], "bare") == 0) {
        bare(atoi(argv[2]), atoi(argv[3]), atof(argv[4]), argv + 5);

    } else {
        http(atoi(argv[2]), atoi(argv[3]), atof(argv[4]), argv[5]);
    }

    return 0;
}
