/*
 * Fuzzing of Carbon's lines: the first byte says how the rest, the bytes of
 * a connection, is cut into reads and where the handler stops.  What may not
 * happen, beside what sanitizers see: another result when the same bytes are
 * cut otherwise or come as a datagram, a stat that is not canonical, a time
 * that is none, or more of a line held than it may be long.
 *
 * Seeds are in t/fuzz/corpus/carbon.
 */

#include <stdlib.h>

#include "torus_carbon.h"
#include "torus_interval.h"


#define NOW  1700000000


typedef struct {
    uint64_t  sum;
    uint64_t  random;
    size_t    calls;
    size_t    stops;      /* every so many calls; 0: never */
    size_t    lines;
} result_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(result_t *r, const uint8_t *data, size_t size, size_t most);
static void datagram(result_t *r, const uint8_t *data, size_t size);
static int handler(void *data, const torus_carbon_point_t *point,
    torus_counter_t reason, torus_str_t line);
static void check(const torus_carbon_point_t *point);
static int blank(unsigned char c);
static size_t piece(result_t *r, size_t most);
static void must(int held, const char *what);


/* Short, so that lines are too long for it before they are long. */
static const torus_carbon_conf_t  conf = { 256, 64 };


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    result_t  whole, parts, packet;

    if (size == 0) {
        return 0;
    }

    memset(&whole, 0, sizeof(result_t));
    memset(&parts, 0, sizeof(result_t));
    memset(&packet, 0, sizeof(result_t));

    parts.stops = data[0] >> 5;
    parts.random = data[0] + 1;
    packet.stops = data[0] >> 6;

    run(&whole, data + 1, size - 1, 0);
    run(&parts, data + 1, size - 1, (size_t) 1 << (data[0] & 7));
    datagram(&packet, data + 1, size - 1);

    must(whole.lines == parts.lines, "as many lines in pieces");
    must(whole.sum == parts.sum, "the same lines in pieces");
    must(whole.lines == packet.lines, "as many lines in a datagram");
    must(whole.sum == packet.sum, "the same lines in a datagram");

    return 0;
}


/* In reads of up to most bytes, 0: in one. */
static void
run(result_t *r, const uint8_t *data, size_t size, size_t most)
{
    int             rc;
    size_t          n, consumed, turns;
    uint8_t        *copy;
    torus_carbon_t  c;

    torus_carbon_init(&c, &conf);

    /* of two turns one gets on by a line, or by a read */
    turns = 4 * size + 16;

    while (size != 0) {
        must(turns-- != 0, "an end");

        n = most == 0 ? size : piece(r, most);
        n = n < size ? n : size;

        /* of its own, so that a byte read past its end is seen */

        copy = malloc(n);
        if (copy == NULL) {
            abort();
        }

        memcpy(copy, data, n);

        rc = torus_carbon_feed(&c, copy, n, NOW, handler, r, &consumed);

        free(copy);

        must(rc == TORUS_OK || rc == TORUS_AGAIN, "a code of the handler");
        must(consumed <= n, "no more than there is");
        must(rc != TORUS_OK || consumed == n, "all, when all is well");
        must(torus_carbon_held(&c) <= conf.line_max, "a line within bounds");

        data += consumed;
        size -= consumed;
    }

    while (torus_carbon_end(&c, NOW, handler, r) != TORUS_OK) {
        must(turns-- != 0, "an end");
    }

    must(torus_carbon_held(&c) == 0, "nothing held after the end");

    torus_carbon_free(&c);
}


static void
datagram(result_t *r, const uint8_t *data, size_t size)
{
    int       rc;
    size_t    consumed, turns;
    uint8_t  *copy;

    turns = 4 * size + 16;

    do {
        must(turns-- != 0, "an end");

        copy = malloc(size + (size == 0));
        if (copy == NULL) {
            abort();
        }

        memcpy(copy, data, size);

        rc = torus_carbon_datagram(&conf, copy, size, NOW, handler, r,
                                   &consumed);
        free(copy);

        must(consumed <= size, "no more than there is");

        data += consumed;
        size -= consumed;

    } while (rc != TORUS_OK);

    must(size == 0, "all of it");
}


static int
handler(void *data, const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line)
{
    result_t  *r;

    r = data;

    if (r->stops != 0 && ++r->calls % (r->stops + 1) == 0) {
        return TORUS_AGAIN;
    }

    r->lines++;
    r->sum = torus_hash(line.data, line.len, r->sum);

    must(line.len <= conf.line_max, "a line within its bound");
    must(line.len == 0 || memchr(line.data, '\n', line.len) == NULL,
         "one line");

    if (point == NULL) {
        must(reason != TORUS_C_POINTS_RECEIVED && reason < TORUS_COUNTERS_N,
             "a reason");
        r->sum += reason;
        return TORUS_OK;
    }

    check(point);

    r->sum = torus_hash(point->stat.data, point->stat.len, r->sum);
    r->sum = torus_hash(point->value.data, point->value.len, r->sum);
    r->sum = torus_hash(&point->timestamp, sizeof(point->timestamp), r->sum);

    return TORUS_OK;
}


static void
check(const torus_carbon_point_t *point)
{
    size_t           i;
    torus_str_t      again;
    unsigned char    scratch[64];
    torus_counter_t  reason;

    must(point->stat.len != 0 && point->stat.len <= conf.path_max, "a stat");
    must(point->value.len != 0, "a value");
    must(!blank(point->value.data[0])
         && !blank(point->value.data[point->value.len - 1]),
         "a value without blanks around it");
    must(point->timestamp > 0 && point->timestamp <= TORUS_TIME_MAX,
         "a time");

    for (i = 0; i < point->stat.len; i++) {
        must(point->stat.data[i] > ' ' && point->stat.data[i] != 127,
             "a stat without blanks");
    }

    again = point->stat;

    must(torus_carbon_path(&conf, &again, scratch, &reason) == TORUS_OK
         && torus_str_eq(again, point->stat),
         "a stat that is canonical");
}


static int
blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}


static size_t
piece(result_t *r, size_t most)
{
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;

    return (r->random >> 33) % most + 1;
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
