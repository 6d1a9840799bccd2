/*
 * "torus_max_memory" is one bound on all that a request holds: what it has
 * asked of malloc() and not given back is counted here block by block, while
 * requests of every kind run with limits from next to nothing to enough.
 *
 * A limit that is too small is a 413 that says so, never a crash, a leak or
 * another answer.
 */

#include "torus_request.h"
#include "torus_test.h"

#include <malloc.h>
#include <stdlib.h>


/*
 * Beyond the limit: the request itself, which has to be there to tell of the
 * fault, and the words of it; and of a regular expression PCRE2 asks before
 * we know how much.
 */
#define MEMORY_SPARE  16384

#define MEMORY_SLOTS  (1 << 20)


void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);


/* Blocks of the request, by address. */
static struct {
    void    *p;
    size_t   n;
} slots[MEMORY_SLOTS];

static int     counting;
static size_t  blocks, held, most;


static size_t
memory_slot(const void *p)
{
    size_t  i;

    i = (size_t) ((uint64_t) (uintptr_t) p * 0x9e3779b97f4a7c15 >> 44)
        % MEMORY_SLOTS;

    while (slots[i].p != NULL && slots[i].p != p) {
        i = (i + 1) % MEMORY_SLOTS;
    }

    return i;
}


static void
memory_came(void *p)
{
    size_t  i;

    if (!counting || p == NULL) {
        return;
    }

    if (++blocks > MEMORY_SLOTS / 2) {
        abort();
    }

    i = memory_slot(p);

    slots[i].p = p;
    slots[i].n = malloc_usable_size(p);

    held += slots[i].n;
    most = held > most ? held : most;
}


/* Those behind it that it was in the way of move up. */
static void
memory_went(const void *p)
{
    size_t  i, k, home;

    if (p == NULL) {
        return;
    }

    i = memory_slot(p);

    if (slots[i].p == NULL) {
        return;
    }

    held -= slots[i].n;
    blocks--;
    slots[i].p = NULL;

    for (k = (i + 1) % MEMORY_SLOTS;
         slots[k].p != NULL;
         k = (k + 1) % MEMORY_SLOTS)
    {
        home = (size_t) ((uint64_t) (uintptr_t) slots[k].p
                         * 0x9e3779b97f4a7c15 >> 44)
               % MEMORY_SLOTS;

        if ((k - home) % MEMORY_SLOTS >= (k - i) % MEMORY_SLOTS) {
            slots[i] = slots[k];
            slots[k].p = NULL;
            i = k;
        }
    }
}


void *
__wrap_malloc(size_t n)
{
    void  *p;

    p = __real_malloc(n);
    memory_came(p);

    return p;
}


void *
__wrap_calloc(size_t n, size_t size)
{
    void  *p;

    p = __real_calloc(n, size);
    memory_came(p);

    return p;
}


void *
__wrap_realloc(void *old, size_t n)
{
    void  *p;

    memory_went(old);

    p = __real_realloc(old, n);
    memory_came(p);

    return p;
}


void
__wrap_free(void *p)
{
    memory_went(p);
    __real_free(p);
}


/* What the model of the handler calls counts; what it does itself does not. */

static torus_request_t *
memory_create(const torus_request_conf_t *conf, torus_command_t command,
    const torus_arg_t *args, size_t nargs)
{
    torus_request_t  *r;

    counting = 1;
    r = torus_request_create(conf, command, args, nargs);
    counting = 0;

    return r;
}


static int
memory_next(torus_request_t *r, torus_batch_t *batch)
{
    int  rc;

    counting = 1;
    rc = torus_request_next(r, batch);
    counting = 0;

    return rc;
}


static int
memory_reply(torus_request_t *r, const torus_host_t *host,
    const redisReply *reply)
{
    int  rc;

    counting = 1;
    rc = torus_request_reply(r, host, reply);
    counting = 0;

    return rc;
}


static void
memory_work(torus_request_t *r)
{
    counting = 1;
    torus_request_work(r);
    counting = 0;
}


#define torus_request_create   memory_create
#define torus_request_next     memory_next
#define torus_request_reply    memory_reply
#define torus_request_work     memory_work

#include "torus_model.h"


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"gau\": { \"type\": \"gauge\", \"match\": \"gau.**\","
    "    \"intervals\": { \"m\": { \"step\": 10, \"steps\": 10000 } } },"
    "  \"cnt\": { \"type\": \"count\", \"match\": \"cnt.**\","
    "    \"intervals\": { \"h\": { \"step\": 600, \"steps\": 1000,"
    "      \"resolution\": 10 } } },"
    "  \"his\": { \"type\": \"histogram\", \"match\": \"his.**\","
    "    \"intervals\": { \"m\": { \"step\": 10, \"steps\": 10000 } } },"
    "  \"ser\": { \"type\": \"series\", \"match\": \"ser.**\","
    "    \"intervals\": { \"m\": { \"step\": 10, \"steps\": 10000 } } },"
    "  \"two\": { \"type\": \"series\", \"match\": \"two.**\","
    "    \"host\": \"redis://127.0.0.2/0\","
    "    \"intervals\": { \"m\": { \"step\": 10, \"steps\": 10000 } } },"
    "  \"set\": { \"type\": \"set\", \"match\": \"set.**\","
    "    \"intervals\": { \"m\": { \"step\": 10, \"steps\": 10000 } } },"
    "  \"pak\": { \"type\": \"count\", \"match\": \"pak.**\","
    "    \"intervals\": { \"h\": { \"step\": 600, \"steps\": 1000,"
    "      \"resolution\": 10, \"layout\": \"packed\" } } }"
    "} }";


static const char *const  requests[] = {
    "series?stat=gau.n1.a&start=990000&end=999999",
    "series?stat=gau.n1.a&start=900000&end=999999&format=csv&fill=linear",
    "series?stat=cnt.n1.a&start=990000&end=999999&format=json&condense=0",
    "series?stat=cnt.n1.a&stat=cnt.n2.a&start=990000&end=999999",
    "series?stat=his.n1.a&start=990000&end=999999&format=json",
    "series?stat=ser.big&start=999900&steps=10&format=json",
    "series?stat=p95(ser.big)&start=999900&end=999999&collapse=1",
    "series?stat=set.n1.a&start=990000&end=999999&format=json",
    "series?stat=pak.n1.a&start=990000&end=999999&format=json&condense=0",
    "list",
    "list?match=gau.**&pretty=1",
    "properties?stat=gau.n1.a&stat=cnt.n1.a&stat=his.n1.a",
    "delete?match=gau.**&dry_run=1",
    "explain?stat=his.n1.a&value=1",
    "metrics/find?query=*",
    "metrics/find?query=gau.*.*",
    "metrics/find?query=**&format=completer",
    "metrics/find?query=*.*.*&format=pickle",
    "metrics/expand?query=*.*.*",
    "metrics/expand?query=gau.*&query=cnt.*&groupByExpr=1",
    "metrics/index.json",
    "functions",
    "render?target=gau.n*.*&from=-10000s&until=now",
    "render?target=gau.*.*&from=-200s&until=now",
    "render?target=gau.n*.*&target=pak.*.*&target=cnt.*.*&from=-5000s"
        "&until=now",
    "render?target=sortByMaxima(gau.n*.*)&target=scale(gau.n*.*,2)"
        "&from=-10000s&until=now",
    "render?target=gau.n*.*&from=-10000s&until=now&format=pickle",
    "render?target=gau.n*.*&from=-5000s&until=now&format=csv",
    "render?target=cnt.*.*&from=-5000s&until=now&format=raw",
    "render?target=pak.*.*&from=-5000s&until=now&format=raw",
    "render?target=his.*.*&from=-5000s&until=now&maxDataPoints=30",
    "render?target=sumSeries(gau.n*.*)&target=percentile(his.*.*,95)"
        "&target=movingAverage(gau.n1.*,20)&from=-5000s&until=now",
    "render?target=aliasSub(sortByMaxima(cnt.*.*),'^(.*)n(.)','\\2.\\1')"
        "&target=summarize(ser.*,'1min','max')&target=set.*.*"
        "&from=-5000s&until=now",
    "render?target=groupByNode(gau.n*.*,1,'sumSeries')&target=no.such.name"
        "&target=gau.n1.silent&from=-5000s&until=now"
};

#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


static torus_model_t *
world(void)
{
    int64_t         t;
    size_t          i, k, n;
    char            name[64], value[32];
    torus_model_t  *m;

    static const char *const  kinds[] = { "gau", "cnt", "his", "set", "pak" };

    m = torus_model_create(schema, 1000000);
    torus_model_index(m);
    m->explain = 1;

    for (k = 0; k < number_of(kinds); k++) {

        for (i = 0; i < 12; i++) {
            snprintf(name, sizeof(name), "%s.n%zu.%c", kinds[k], i % 6,
                     "ab"[i / 6]);

            for (t = 995000; t < 1000000; t += 170) {

                for (n = 0; n < (k == 2 || k == 3 ? 6 : 1); n++) {
                    snprintf(value, sizeof(value), "%zu",
                             n + (size_t) t % 97);
                    torus_model_point(m, name, value, t);
                }
            }
        }
    }

    for (i = 0; i < 3000; i++) {
        snprintf(value, sizeof(value), "%zu.%zu", i, i % 7);
        torus_model_point(m, "ser.big", value, 999980);
        torus_model_point(m, "ser.late", value, 999990);
        torus_model_point(m, "two.soon", value, 999900);
    }

    for (i = 0; i < 1200; i++) {
        snprintf(name, sizeof(name), "gau.w%zu.some%zu", i % 40, i);
        torus_model_point(m, name, "1", 999980);
    }

    return m;
}


static int
same(const torus_result_t *a, const torus_result_t *b)
{
    return torus_buf_len(&a->body) == torus_buf_len(&b->body)
           && memcmp(a->body.pos, b->body.pos, torus_buf_len(&b->body)) == 0;
}


/* Requests that read something twice. */
static size_t  again;


/* With one limit; what was wrong with it, or NULL. */
static const char *
attempt(torus_model_t *m, const char *request, size_t limit,
    const torus_result_t *whole, unsigned *status)
{
    const char      *wrong;
    torus_result_t   res;

    m->limits.memory = limit;
    held = 0;
    most = 0;

    torus_model_run(m, request, &res);

    *status = res.status;
    wrong = NULL;

    if (blocks != 0) {
        wrong = "a leak";

    } else if (limit != 0 && most > limit + MEMORY_SPARE) {
        wrong = "more than the limit";

    } else if (res.status == 200) {
        again += res.stats.commands > whole->stats.commands;
        wrong = same(&res, whole) ? NULL : "another answer";

    } else if (res.status != 413) {
        wrong = "another status";

    } else if (strstr(res.error, "\"torus_max_memory\"") == NULL) {
        wrong = "another fault";
    }

    if (wrong != NULL) {
        diag("%s, limit %zu, held %zu: %u %s", request, limit, most,
             res.status, res.error);
    }

    torus_buf_free(&res.body);

    return wrong;
}


/*
 * From too little by small steps to enough.  Where some memory has been
 * enough, more of it is: what is read ahead never takes what the rest needs.
 */
static void
test_sweep(torus_model_t *m, const char *request, size_t slice)
{
    size_t           limit, enough, refused, most_free, said;
    unsigned         status;
    const char      *wrong;
    torus_result_t   whole;

    memset(&m->limits, 0, sizeof(torus_limits_t));
    m->limits.slice = slice;
    m->limits.names = 10000;
    m->limits.memory = 0;

    held = 0;
    most = 0;
    torus_model_run(m, request, &whole);

    is_int(whole.status, 200, "%s", request);
    ok(torus_buf_len(&whole.body) > 1, "and an answer");

    most_free = most;
    said = (size_t) whole.stats.memory;

    ok(said + MEMORY_SPARE >= most_free && said <= most_free * 5 / 4 + 4096,
       "%zu bytes are held, %zu told", most_free, said);

    wrong = NULL;
    enough = 0;
    refused = 0;

    for (limit = 1; wrong == NULL && limit < 4 * said; ) {
        wrong = attempt(m, request, limit, &whole, &status);

        if (status != 200) {
            refused = limit;

        } else if (enough == 0) {
            enough = limit;
        }

        limit += limit < 512 ? limit : limit / 12;
    }

    ok(wrong == NULL, "a 413 or the same answer: %s",
       wrong == NULL ? "always" : wrong);
    ok(enough != 0, "%zu bytes are enough", enough);
    ok(refused < enough + enough / 12 + 4096,
       "and so is more: %zu were refused", refused);

    torus_buf_free(&whole.body);
}


int
main(void)
{
    size_t          i;
    torus_model_t  *m;

    m = world();

    for (i = 0; i < number_of(requests); i++) {
        test_sweep(m, requests[i], 0);
    }

    /* short slices, so that there is one to be read ahead */

    for (i = 0; i < number_of(requests); i++) {

        if (strncmp(requests[i], "series", 6) == 0) {
            test_sweep(m, requests[i], 8);

        } else if (strncmp(requests[i], "render", 6) == 0) {
            test_sweep(m, requests[i], 100);
        }
    }

    /* more in two slices, of two hosts, than those before let expect */

    again = 0;
    test_sweep(m, "series?stat=sum(ser.late)&stat=sum(two.soon)"
                  "&start=999900&end=999999", 1);
    ok(again > 3, "%zu gave a slice up and read it again", again);

    /* and so do nodes of the index */

    again = 0;
    test_sweep(m, "metrics/index.json", 0);
    ok(again > 0, "%zu looked for names again", again);

    torus_model_destroy(m);

    return done_testing();
}
