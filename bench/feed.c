/*
 * A Carbon client: sends a file of lines as fast as it is taken, and says how
 * long it took until the store had all of them.
 *
 *   feed FILE PORT redis REDIS-PORT KEY    until the key is there: that of a
 *                                          stat which ends the file
 *   feed FILE PORT vm HTTP-PORT ROWS       until VictoriaMetrics has counted
 *                                          that many rows of Graphite's
 *   feed lone PORT LINE REDIS-PORT KEY N   one line at a time on an idle
 *                                          connection; KEY is the list that
 *                                          it adds to: microseconds, median
 *                                          and 99th percentile
 *
 * Prints seconds, or microseconds.  While lines are sent nothing else is
 * asked, and then at most 2,000 times a second.
 */

#define _POSIX_C_SOURCE  200809L

#include "bench_tcp.h"


#define CHUNK  262144
#define PAUSE  500000     /* ns between two questions */
#define LONE   2000000    /* ns of idleness before a lone point */


static double feed_file(const char *file, const char *port);
static void wait_redis(const char *port, const char *key);
static void wait_vm(const char *port, double rows);
static double vm_rows(const char *port);
static int lone(char **argv);
static int compare(const void *a, const void *b);
static void pause_for(long ns);


int
main(int argc, char **argv)
{
    double  start;

    if (argc == 7 && strcmp(argv[1], "lone") == 0) {
        return lone(argv);
    }

    if (argc != 6) {
        fprintf(stderr, "usage: feed FILE PORT redis|vm PORT KEY|ROWS\n");
        return 2;
    }

    start = feed_file(argv[1], argv[2]);

    if (strcmp(argv[3], "vm") == 0) {
        wait_vm(argv[4], atof(argv[5]));

    } else {
        wait_redis(argv[4], argv[5]);
    }

    printf("%.6f\n", seconds() - start);

    return 0;
}


/* When the first byte went. */
static double
feed_file(const char *file, const char *port)
{
    int      fd;
    char    *data;
    size_t   i, n, len;
    double   start;

    data = file_read(file, &len);
    fd = tcp_connect(port);

    start = seconds();

    for (i = 0; i < len; i += n) {
        n = (len - i > CHUNK) ? CHUNK : len - i;
        tcp_send(fd, data + i, n);
    }

    close(fd);
    free(data);

    return start;
}


static void
wait_redis(const char *port, const char *key)
{
    int   fd;
    char  ask[512], reply[64];

    fd = tcp_connect(port);

    snprintf(ask, sizeof(ask), "*2\r\n$6\r\nEXISTS\r\n$%zu\r\n%s\r\n",
             strlen(key), key);

    for ( ;; ) {
        tcp_send(fd, ask, strlen(ask));
        tcp_recv(fd, reply, sizeof(reply));

        if (strcmp(reply, ":1\r\n") == 0) {
            break;
        }

        pause_for(PAUSE);
    }

    close(fd);
}


static void
wait_vm(const char *port, double rows)
{
    double  end;

    end = seconds() + 60;

    while (vm_rows(port) < rows) {

        if (seconds() > end) {
            fprintf(stderr, "VictoriaMetrics has %.0f rows\n", vm_rows(port));
            exit(2);
        }

        pause_for(20 * PAUSE);
    }
}


static double
vm_rows(const char *port)
{
    int           fd;
    char         *p;
    size_t        n;
    double        rows;
    ssize_t       rc;
    static char   page[1 << 20];
    static char   ask[] = "GET /metrics HTTP/1.0\r\n\r\n";
    static char   name[] = "vm_rows_inserted_total{type=\"graphite\"} ";

    fd = tcp_connect(port);
    tcp_send(fd, ask, sizeof(ask) - 1);

    for (n = 0; n < sizeof(page) - 1; n += (size_t) rc) {
        rc = recv(fd, page + n, sizeof(page) - 1 - n, 0);

        if (rc <= 0) {
            break;
        }
    }

    close(fd);

    page[n] = '\0';
    p = strstr(page, name);
    rows = (p == NULL) ? 0 : atof(p + sizeof(name) - 1);

    return rows;
}


/* Redis wakes who waits for a list as soon as something is in it. */
static int
lone(char **argv)
{
    int      i, n, carbon, redis;
    char     line[512], ask[512], reply[512];
    double   start, *took;

    n = atoi(argv[6]);
    took = malloc(((size_t) n + 1) * sizeof(double));

    if (took == NULL) {
        die("malloc");
    }

    carbon = tcp_connect(argv[2]);
    redis = tcp_connect(argv[4]);

    snprintf(line, sizeof(line), "%s\n", argv[3]);
    snprintf(ask, sizeof(ask),
             "*3\r\n$5\r\nBLPOP\r\n$%zu\r\n%s\r\n$1\r\n5\r\n",
             strlen(argv[5]), argv[5]);

    for (i = 0; i < n; i++) {
        tcp_send(redis, ask, strlen(ask));
        pause_for(LONE);

        start = seconds();
        tcp_send(carbon, line, strlen(line));
        tcp_recv(redis, reply, sizeof(reply));
        took[i] = (seconds() - start) * 1e6;

        if (reply[0] != '*' || reply[1] != '2') {
            fprintf(stderr, "a point did not come: %s\n", reply);
            return 2;
        }
    }

    qsort(took, (size_t) n, sizeof(double), compare);

    printf("%.0f %.0f\n", took[n / 2], took[n * 99 / 100]);

    return 0;
}


static int
compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
pause_for(long ns)
{
    struct timespec  ts;

    ts.tv_sec = ns / 1000000000;
    ts.tv_nsec = ns % 1000000000;

    nanosleep(&ts, NULL);
}
