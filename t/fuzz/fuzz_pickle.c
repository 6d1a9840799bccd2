/*
 * Fuzzing of Carbon's pickle protocol: the first byte says how the rest, the
 * bytes of a connection, is cut into reads and where the handler stops.
 * What may not happen, beside what sanitizers see: another result when the
 * same bytes are cut otherwise, a point that a line could not be, or memory
 * out of proportion.
 *
 * Seeds are in t/fuzz/corpus/pickle.
 */

#include <stdlib.h>

#include "torus_interval.h"
#include "torus_pickle.h"


#define NOW        1700000000
#define FRAME_MAX  16384


typedef struct {
    uint64_t  sum;
    size_t    calls;
    size_t    stops;      /* every so many calls; 0: never */
    size_t    points;
} result_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(result_t *r, const uint8_t *data, size_t size, size_t part);
static int handler(void *data, const torus_carbon_point_t *point,
    torus_counter_t reason, torus_str_t line);
static void must(int held, const char *what);


static const torus_carbon_conf_t  conf = { 256, 64 };


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int       rc, again;
    result_t  whole, parts;

    if (size == 0) {
        return 0;
    }

    memset(&whole, 0, sizeof(result_t));
    memset(&parts, 0, sizeof(result_t));

    parts.stops = data[0] >> 4;

    rc = run(&whole, data + 1, size - 1, size);
    again = run(&parts, data + 1, size - 1, (data[0] & 15) + 1);

    must(rc == again, "the same end");
    must(whole.points == parts.points, "as many points");
    must(whole.sum == parts.sum, "the same points");

    return 0;
}


static int
run(result_t *r, const uint8_t *data, size_t size, size_t part)
{
    int             rc;
    size_t          n, consumed;
    uint8_t        *copy;
    torus_pickle_t  p;

    torus_pickle_init(&p, &conf, FRAME_MAX);

    rc = TORUS_OK;

    while (size != 0 && rc != TORUS_INVALID) {
        n = part < size ? part : size;

        copy = malloc(n);
        if (copy == NULL) {
            abort();
        }

        memcpy(copy, data, n);

        rc = torus_pickle_feed(&p, copy, n, NOW, handler, r, &consumed);

        free(copy);

        must(rc == TORUS_OK || rc == TORUS_AGAIN || rc == TORUS_INVALID,
             "a code that is documented");
        must(consumed <= n, "no more than there is");
        must(rc != TORUS_OK || consumed == n, "all, when all is well");
        must((rc == TORUS_AGAIN) == (torus_pickle_pending(&p) != 0),
             "elements left when the handler stopped");
        must(p.size <= FRAME_MAX, "a frame within its bound");

        data += consumed;
        size -= consumed;
    }

    while (rc != TORUS_INVALID) {
        rc = torus_pickle_end(&p, NOW, handler, r);

        if (rc == TORUS_OK) {
            break;
        }
    }

    must((rc == TORUS_INVALID) == (p.reason != NULL), "a reason");

    torus_pickle_free(&p);

    return rc;
}


static int
handler(void *data, const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line)
{
    size_t     i;
    result_t  *r;

    r = data;

    if (r->stops != 0 && ++r->calls % (r->stops + 1) == 0) {
        return TORUS_AGAIN;
    }

    r->points++;
    r->sum = torus_hash(line.data, line.len, r->sum);

    must(line.len <= 512, "an excerpt");

    if (point == NULL) {
        must(reason != TORUS_C_POINTS_RECEIVED, "a reason");
        r->sum += reason;
        return TORUS_OK;
    }

    must(point->stat.len != 0 && point->stat.len <= conf.path_max, "a stat");
    must(point->stat.data[0] != '.', "without empty nodes");
    must(point->value.len != 0, "a value");
    must(point->value.len <= conf.line_max, "within its bound");
    must(point->timestamp > 0 && point->timestamp <= TORUS_TIME_MAX,
         "a time");

    for (i = 0; i < point->stat.len; i++) {
        must(point->stat.data[i] > ' ', "a stat without blanks");
    }

    r->sum = torus_hash(point->stat.data, point->stat.len, r->sum);
    r->sum = torus_hash(point->value.data, point->value.len, r->sum);
    r->sum = torus_hash(&point->timestamp, sizeof(point->timestamp), r->sum);

    return TORUS_OK;
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
