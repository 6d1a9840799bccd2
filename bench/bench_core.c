/*
 * Parse and route alone: Carbon lines in, formatted Redis commands in a
 * buffer out, without Redis, sockets or nginx, and nothing merged.  Beside
 * it a loop written by hand for just these lines, which knows one pattern,
 * one type and one interval, and does no more than the same bytes need.
 *
 *   bench_core [core|loop|both] [points] [stats] [intervals] [type] [rounds]
 *
 * Points per second of CPU time, the best of several rounds.  Both have seen
 * all names and keys before, so that every line is one of a known stat.  The
 * functions core_round() and loop_round() are what callgrind is told to count.
 */

#define _POSIX_C_SOURCE  200809L

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "torus_carbon.h"
#include "torus_queue.h"


#define ROUNDS     7
#define CHUNK      65536      /* bytes per read, as the session's */
#define LINE       55         /* bytes of a line, newline included */
#define NOW        1700000000

#define PREFIX     "bench:"
#define TAIL       ":minute:"


typedef struct {
    unsigned char       *data;
    size_t               len;
    size_t               points;
} lines_t;


/* The write path as a worker has it, with the writer's queue at its end. */
typedef struct {
    torus_store_t        store;
    torus_queue_t        queue;
    torus_carbon_t       carbon;
    torus_carbon_conf_t  conf;
    torus_schema_set_t  *set;
    torus_buf_t          out;
    uint64_t             counters[TORUS_COUNTERS_N];
    uint64_t             bytes;
    int                  learn;
} core_t;


/* What the loop remembers of a stat: that its key is known. */
typedef struct {
    uint64_t             hash;
    size_t               len;
    uint64_t             bucket;     /* whose key is known to expire */
    unsigned char        stat[64];
} loop_stat_t;

typedef struct {
    loop_stat_t         *stats;
    size_t               mask;
    unsigned char       *out;
    uint64_t             bytes;
    uint64_t             failed;
    uint64_t             expires;    /* EXPIREATs due */
} loop_t;


static void lines_make(lines_t *lines, size_t points, size_t stats);
static void core_init(core_t *core, const char *type, unsigned intervals,
    size_t stats);
static void core_free(core_t *core);
static void core_pass(core_t *core, const lines_t *lines)
    __attribute__((noinline));
static void core_round(core_t *core, const lines_t *lines)
    __attribute__((noinline));
static int core_line(void *data, const torus_carbon_point_t *point,
    torus_counter_t reason, torus_str_t line);
static int core_sink(void *data, const torus_host_t *host,
    const torus_op_t *op);
static void core_flush(core_t *core);
static void core_report(void *data, torus_report_level_t level,
    const char *text);
static void loop_init(loop_t *loop, size_t stats);
static void loop_free(loop_t *loop);
static void loop_round(loop_t *loop, const lines_t *lines)
    __attribute__((noinline));
static unsigned char *loop_command(unsigned char *p, const loop_stat_t *stat,
    uint64_t bucket, const unsigned char *value, size_t len);
static unsigned char *loop_number(unsigned char *p, uint64_t u);
static loop_stat_t *loop_find(loop_t *loop, const unsigned char *stat,
    size_t len);
static double seconds(void);
static void *must(void *p);


int
main(int argc, char **argv)
{
    int          i, core, loop, rounds;
    double       t, best[2] = { 1e9, 1e9 };
    size_t       points, stats;
    core_t       c;
    loop_t       l;
    lines_t      lines;
    const char  *what, *type;
    unsigned     intervals;

    what = (argc > 1) ? argv[1] : "both";
    points = (argc > 2) ? strtoul(argv[2], NULL, 10) : 400000;
    stats = (argc > 3) ? strtoul(argv[3], NULL, 10) : 20000;
    intervals = (argc > 4) ? (unsigned) strtoul(argv[4], NULL, 10) : 1;
    type = (argc > 5) ? argv[5] : "count";

    rounds = (argc > 6) ? atoi(argv[6]) : ROUNDS;

    core = strcmp(what, "loop") != 0;
    loop = strcmp(what, "core") != 0;

    lines_make(&lines, points, stats);
    core_init(&c, type, intervals, stats);
    loop_init(&l, stats);

    if (core) {
        c.learn = 1;
        core_pass(&c, &lines);
    }

    if (loop) {
        loop_round(&l, &lines);
        l.expires = 0;
    }

    for (i = 0; i < rounds; i++) {

        if (core) {
            t = seconds();
            core_round(&c, &lines);
            t = seconds() - t;
            best[0] = (t < best[0]) ? t : best[0];
        }

        if (loop) {
            t = seconds();
            loop_round(&l, &lines);
            t = seconds() - t;
            best[1] = (t < best[1]) ? t : best[1];
        }
    }

    if (core) {
        printf("core %.0f points/s\n", (double) points / best[0]);
    }

    if (loop) {
        printf("loop %.0f points/s\n", (double) points / best[1]);
    }

    if (core && loop) {
        printf("ratio %.2f\n", best[1] / best[0]);
    }

    i = (l.failed != 0 || l.expires != 0);

    if (core && c.counters[TORUS_C_POINTS_ACCEPTED]
                != (uint64_t) (rounds + 1) * points)
    {
        fprintf(stderr, "not all points were accepted\n");
        i = 1;
    }

    /* an EXPIREAT that the bounded memory of them forgot is sent again */

    if (core && loop && intervals == 1 && strcmp(type, "count") == 0
        && c.bytes - l.bytes > l.bytes / 50)
    {
        fprintf(stderr, "the output differs: %" PRIu64 " and %" PRIu64 "\n",
                c.bytes, l.bytes);
        i = 1;
    }

    core_free(&c);
    loop_free(&l);
    free(lines.data);

    return i;
}


/* "<stat> <two digits> 1700000000\n" */
static void
lines_make(lines_t *lines, size_t points, size_t stats)
{
    int             n;
    size_t          i;
    unsigned char  *p;

    lines->points = points;
    lines->len = points * LINE;
    lines->data = must(malloc(lines->len + 1));

    p = lines->data;

    for (i = 0; i < points; i++) {
        n = snprintf((char *) p, LINE + 1,
                     "servers.host%04zu.app.requests.by_%07zu %zu %d\n",
                     i % stats % 997, i % stats, 10 + i % 90, NOW);

        if (n != LINE) {
            fprintf(stderr, "a line is %d bytes long\n", n);
            exit(2);
        }

        p += n;
    }
}


static void
core_init(core_t *core, const char *type, unsigned intervals, size_t stats)
{
    char                   text[1024];
    torus_schema_source_t  source;

    memset(core, 0, sizeof(core_t));

    snprintf(text, sizeof(text),
             "{\"TIMESERIES\": {\"bench\": {\"type\": \"%s\","
             " \"match\": \"servers.**\", \"prefix\": \"bench\","
             " \"intervals\": {\"minute\": {\"step\": 60,"
             " \"steps\": 1440}%s}}}}", type,
             intervals == 1 ? ""
             : ", \"hour\": {\"step\": 3600, \"steps\": 720},"
               " \"day\": {\"step\": \"daily\", \"steps\": 90}");

    source.file = torus_str("bench", 5);
    source.text = torus_str(text, strlen(text));

    if (torus_schema_load(&source, 1, core_report, NULL, &core->set)
        != TORUS_OK)
    {
        exit(2);
    }

    core->conf.line_max = TORUS_CARBON_LINE_MAX;
    core->conf.path_max = TORUS_CARBON_PATH_MAX;
    torus_carbon_init(&core->carbon, &core->conf);
    torus_buf_init(&core->out, 0);

    core->queue.counters = core->counters;
    core->queue.merge_off = 1;
    core->queue.seed = 1;
    torus_expiry_init(&core->queue.expiry, 4 * intervals * stats);

    core->store.set = core->set;
    core->store.counters = core->counters;
    core->store.sink = core_sink;
    core->store.data = core;
    core->store.router = must(torus_router_create(core->set, (size_t) 1 << 30,
                                                  1));

    if (torus_store_init(&core->store) != TORUS_OK) {
        must(NULL);
    }
}


static void
core_free(core_t *core)
{
    torus_router_destroy(core->store.router);
    torus_store_free(&core->store);
    torus_queue_free(&core->queue);
    torus_carbon_free(&core->carbon);
    torus_buf_free(&core->out);
    torus_schema_set_destroy(core->set);
}


/* A pass that counts. */
static void
core_round(core_t *core, const lines_t *lines)
{
    core->learn = 0;
    core_pass(core, lines);
}


static void
core_pass(core_t *core, const lines_t *lines)
{
    size_t                n, consumed;
    const unsigned char  *p, *last;

    p = lines->data;
    last = p + lines->len;

    core->bytes = 0;

    while (p < last) {
        n = (size_t) (last - p);
        n = (n > CHUNK) ? CHUNK : n;

        if (torus_carbon_feed(&core->carbon, p, n, NOW, core_line, core,
                              &consumed)
            != TORUS_OK)
        {
            must(NULL);
        }

        core_flush(core);

        p += n;
    }
}


static int
core_line(void *data, const torus_carbon_point_t *point,
    torus_counter_t reason, torus_str_t line)
{
    core_t *core = data;

    (void) line;

    return torus_store_point(&core->store, point->stat, point->value,
                             point->timestamp, NOW, &reason);
}


static int
core_sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    core_t *core = data;

    (void) host;

    return torus_queue_add(&core->queue, op->kind, op, op->ops, op->ops, 0,
                           NOW);
}


/* A batch is answered as soon as it is in the buffer. */
static void
core_flush(core_t *core)
{
    torus_wbatch_t        *b;
    const torus_record_t  *r;

    for ( ;; ) {
        b = torus_queue_take(&core->queue);

        if (b == NULL) {
            break;
        }

        if (torus_wbatch_encode(b, &core->out) != TORUS_OK) {
            must(NULL);
        }

        for (r = b->records; core->learn && r != NULL; r = r->next) {
            torus_expiry_sent(&core->queue.expiry, r->hash, NOW);
        }

        torus_wbatch_release(&core->queue.chunks, b);
    }

    core->bytes += torus_buf_len(&core->out);

    torus_buf_reset(&core->out, SIZE_MAX);
}


static void
core_report(void *data, torus_report_level_t level, const char *text)
{
    (void) data;
    (void) level;

    fprintf(stderr, "%s\n", text);
}


static void
loop_init(loop_t *loop, size_t stats)
{
    size_t  size;

    memset(loop, 0, sizeof(loop_t));

    for (size = 64; size < 2 * stats; size *= 2) {
        /* void */
    }

    loop->mask = size - 1;
    loop->stats = must(calloc(size, sizeof(loop_stat_t)));
    loop->out = must(malloc(4 * CHUNK));
}


static void
loop_free(loop_t *loop)
{
    free(loop->stats);
    free(loop->out);
}


/*
 * Path up to the blank, digits, a blank, digits, a newline; nothing else is
 * understood.  Of a stat it has to be known that it is one of ours, and that
 * its key expires.
 */
static void
loop_round(loop_t *loop, const lines_t *lines)
{
    uint64_t              n, ts;
    loop_stat_t          *stat;
    unsigned char        *out;
    const unsigned char  *p, *start, *value, *end, *last;

    p = lines->data;
    last = p + lines->len;
    out = loop->out;

    loop->bytes = 0;

    while (p < last) {

        for (start = p; *p > ' '; p++) {
            /* void */
        }

        stat = loop_find(loop, start, (size_t) (p - start));

        for (n = 0, value = ++p; *p >= '0' && *p <= '9'; p++) {
            n = n * 10 + (uint64_t) (*p - '0');
        }

        end = p;

        for (ts = 0, p++; *p >= '0' && *p <= '9'; p++) {
            ts = ts * 10 + (uint64_t) (*p - '0');
        }

        loop->failed += (*end != ' ' || *p != '\n' || n == 0);

        p++;

        /* not within a round */

        if (stat->bucket != ts / 60) {
            stat->bucket = ts / 60;
            loop->expires++;
        }

        out = loop_command(out, stat, ts / 60, value, (size_t) (end - value));

        /* sent */

        if (out - loop->out > CHUNK) {
            loop->bytes += (uint64_t) (out - loop->out);
            out = loop->out;
        }
    }

    loop->bytes += (uint64_t) (out - loop->out);
}


static loop_stat_t *
loop_find(loop_t *loop, const unsigned char *stat, size_t len)
{
    size_t        i;
    uint64_t      hash;
    loop_stat_t  *s;

    hash = torus_hash(stat, len, 1);

    for (i = hash & loop->mask; /* void */ ; i = (i + 1) & loop->mask) {
        s = &loop->stats[i];

        if (s->hash == hash && s->len == len
            && memcmp(s->stat, stat, len) == 0)
        {
            return s;
        }

        if (s->len == 0) {
            s->hash = hash;
            s->len = len;
            memcpy(s->stat, stat, len);

            return s;
        }
    }
}


static unsigned char *
loop_command(unsigned char *p, const loop_stat_t *stat, uint64_t bucket,
    const unsigned char *value, size_t len)
{
    unsigned char         text[20];
    size_t                n;
    static const char     head[] = "*3\r\n$6\r\nINCRBY\r\n$";

    n = (size_t) (loop_number(text, bucket) - text);

    memcpy(p, head, sizeof(head) - 1);
    p += sizeof(head) - 1;

    p = loop_number(p, sizeof(PREFIX) - 1 + stat->len + sizeof(TAIL) - 1 + n);
    *p++ = '\r';
    *p++ = '\n';

    memcpy(p, PREFIX, sizeof(PREFIX) - 1);
    p += sizeof(PREFIX) - 1;

    memcpy(p, stat->stat, stat->len);
    p += stat->len;

    memcpy(p, TAIL, sizeof(TAIL) - 1);
    p += sizeof(TAIL) - 1;

    memcpy(p, text, n);
    p += n;

    *p++ = '\r';
    *p++ = '\n';
    *p++ = '$';
    p = loop_number(p, len);
    *p++ = '\r';
    *p++ = '\n';

    memcpy(p, value, len);
    p += len;

    *p++ = '\r';
    *p++ = '\n';

    return p;
}


static unsigned char *
loop_number(unsigned char *p, uint64_t u)
{
    size_t         n;
    unsigned char  text[20], *t;

    t = text + sizeof(text);

    do {
        *--t = (unsigned char) ('0' + u % 10);
        u /= 10;
    } while (u != 0);

    n = (size_t) (text + sizeof(text) - t);
    memcpy(p, t, n);

    return p + n;
}


static double
seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void *
must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "bench_core: failed\n");
        exit(2);
    }

    return p;
}
