/*
 * Fuzzing of what Redis answers to those that look for names: a byte chooses
 * the request, one its limits, and each reply is made of the bytes that
 * follow: members and scores as an index could hold them, with names that no
 * writer writes, cursors that lead on, faults, and replies of another shape.
 *
 * What may not happen, beside what sanitizers see: a request that does not
 * end, an answer that is no JSON, a status without a reason, more names than
 * allowed, an answer that looks whole after a fault.
 *
 * Seeds are in t/fuzz/corpus/find.
 */

#include "torus_model.h"


#define NOW  1700000000


/* What replies are made of. */
typedef struct {
    const uint8_t  *pos;
    const uint8_t  *end;
    torus_buf_t     text;       /* of the last one */
} source_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static torus_str_t invent(void *data);
static void members(source_t *s, size_t n, int more);
static void add_member(source_t *s);
static void add_score(source_t *s);
static void add_bulk(torus_buf_t *b, torus_str_t s);
static uint8_t next(source_t *s);
static void check(const torus_result_t *res);
static int is_json(const torus_result_t *res);
static void must(int held, const char *what);


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"a\": { \"type\": \"count\", \"match\": [\"a\", \"a.**\"],"
    "    \"intervals\": { \"m\": { \"step\": 60 } } },"
    "  \"b\": { \"type\": \"gauge\", \"match\": [\"b.**\", \"a.b.*\"],"
    "    \"host\": \"localhost:6380/1\", \"prefix\": \"p\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 60 } } } } }";


static const char *const  requests[] = {
    "metrics/find?query=*", "metrics/find?query=a.b", "metrics/find?query=**",
    "metrics/find?query=a.{b,c}.*&format=json",
    "metrics/find?query=*.b*&format=completer&jsonp=f",
    "metrics/find?query=a.*.*&format=nodelist&position=1",
    "metrics/find?query=b.**&format=pickle&from=-1h&until=now",
    "metrics/expand?query=a.*&query=**.b&query=a.b;c=d&groupByExpr=1",
    "metrics/expand?query=a.%5Bb-c%5D.?&leavesOnly=1",
    "metrics/index.json", "metrics/index.json?jsonp=f", "reindex",
    "render?target=a.*&target=sumSeries(**)&from=-2min&format=raw",
    "render?target=a.b&target=b.c.d&from=-2min",
    "render?target=a.b.*|aliasByNode(1)&target=a.b&from=-2min&format=csv",
    "render?target=group({a,b}.b,a.b;c=d)&from=-2min&format=pickle"
};


static const char *const  names[] = {
    "a", "a.", "b", "b.", "c", "c.", "b;c=d", "deep.", ".", "", "..", "a.b",
    "\xc3\xa9.", "\xff", "\"\\", "x\ny"
};


static const char *const  scores[] = {
    "1700000000", "1699990000", "1e9", "0", "-5", "inf", "nan",
    "99999999999999999999"
};


static const char *const  others[] = {
    "$-1\r\n", "*-1\r\n", "*0\r\n", ":7\r\n", "+OK\r\n", "$2\r\nab\r\n",
    "-ERR no\r\n", "-WRONGTYPE Operation against a key\r\n",
    "-LOADING Redis is loading\r\n", "*1\r\n$1\r\n0\r\n",
    "*2\r\n$1\r\n0\r\n$1\r\n0\r\n", "*2\r\n:0\r\n*0\r\n",
    "*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n",
    "*2\r\n$1\r\n0\r\n*2\r\n*0\r\n:1\r\n",
    "*2\r\n$21\r\n000000000000000000000\r\n*0\r\n",
    "*2\r\n$1\r\n0\r\n*2\r\n$13\r\na.b:m:2833333\r\n$5\r\nb:m:1\r\n"
};


#define number_of(a)  (sizeof(a) / sizeof((a)[0]))


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source_t               s;
    torus_result_t         res;
    static torus_model_t  *m;

    if (size < 2) {
        return 0;
    }

    if (m == NULL) {
        m = torus_model_create(schema, NOW);
        m->invent = invent;
    }

    m->data = &s;
    m->drain = (size_t) (data[1] >> 4) * 97;

    m->limits.names = (size_t) (data[1] & 15) * 4;
    m->limits.memory = (data[1] & 8) ? 65536 : 1 << 20;
    m->limits.series = 100;
    m->limits.points = 5000;
    m->limits.slice = 4096;

    s.pos = data + 2;
    s.end = data + size;
    torus_buf_init(&s.text, 0);

    torus_model_run(m, requests[data[0] % number_of(requests)], &res);
    check(&res);

    torus_buf_free(&res.body);
    torus_buf_free(&s.text);

    return 0;
}


/* Behind the last byte nothing but faults. */
static torus_str_t
invent(void *data)
{
    size_t       i, n;
    uint8_t      c;
    source_t    *s;
    const char  *other;

    s = data;
    torus_buf_reset(&s->text, 1 << 20);

    if (s->pos == s->end) {
        return torus_str("-ERR no more\r\n", 14);
    }

    c = next(s);
    n = c & 15;

    switch (c >> 5) {

    case 0:
    case 1:
        members(s, n, 0);
        break;

    case 2:
        members(s, n, 1);
        break;

    case 3:
    case 4:
    case 5:

        /* scores, or values, or neither */

        n = (c & 3) == 3 ? n : 2 * (size_t) ((c >> 2 & 3) + 1);
        torus_buf_printf(&s->text, "*%zu\r\n", n);

        for (i = 0; i < n; i++) {
            add_score(s);
        }

        break;

    default:
        other = others[(c & 31) % number_of(others)];
        torus_buf_add(&s->text, other, strlen(other));
    }

    return torus_str(s->text.pos, torus_buf_len(&s->text));
}


/* As ZSCAN answers. */
static void
members(source_t *s, size_t n, int more)
{
    size_t  i;

    torus_buf_printf(&s->text, "*2\r\n$1\r\n%d\r\n*%zu\r\n", more ? 7 : 0,
                     2 * n);

    for (i = 0; i < n; i++) {
        add_member(s);
        add_score(s);
    }
}


static void
add_member(source_t *s)
{
    size_t       n;
    uint8_t      c;
    const char  *name;

    c = next(s);

    if (c < 224) {
        name = names[c % number_of(names)];
        add_bulk(&s->text, torus_str(name, strlen(name)));
        return;
    }

    /* as it stands in the input */

    n = c & 31;
    n = n < (size_t) (s->end - s->pos) ? n : (size_t) (s->end - s->pos);

    add_bulk(&s->text, torus_str(s->pos, n));
    s->pos += n;
}


static void
add_score(source_t *s)
{
    uint8_t      c;
    const char  *score;

    c = next(s);

    if ((c & 7) == 0) {
        score = (c & 8) ? "$-1\r\n" : ":1700000000\r\n";
        torus_buf_add(&s->text, score, strlen(score));
        return;
    }

    /* most of them are of what is there */

    score = scores[c < 128 ? 0 : c % number_of(scores)];
    add_bulk(&s->text, torus_str(score, strlen(score)));
}


static void
add_bulk(torus_buf_t *b, torus_str_t s)
{
    torus_buf_printf(b, "$%zu\r\n", s.len);
    torus_buf_adds(b, s);
    torus_buf_addz(b, "\r\n");
}


static uint8_t
next(source_t *s)
{
    return s->pos < s->end ? *s->pos++ : 0;
}


static void
check(const torus_result_t *res)
{
    size_t  n;

    n = strlen(res->error);

    if (res->status == 200) {
        must(n == 0 && !res->broken, "no reason where nothing is wrong");
        must(is_json(res), "an answer that is JSON");
        return;
    }

    must(res->status == 400 || res->status == 413 || res->status == 500
         || res->status == 503, "a status that is documented");
    must(n != 0 && strchr(res->error, '\n') == NULL, "a reason in one line");
    must(!res->broken || !is_json(res), "an answer that does not look whole");
}


/* Where its type says so; of a script what is within the call. */
static int
is_json(const torus_result_t *res)
{
    char    *p;
    size_t   len;
    json_t  *json;

    p = (char *) res->body.pos;
    len = torus_buf_len(&res->body);

    if (strncmp(res->type, "text/javascript", 15) == 0) {

        if (len < 4 || memcmp(p + len - 2, ")\n", 2) != 0) {
            return 0;
        }

        p += 2;
        len -= 4;

    } else if (strncmp(res->type, "application/json", 16) != 0) {
        return !res->broken;
    }

    if (len == 0) {
        return 0;
    }

    json = json_loadb(p, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (json == NULL) {
        return 0;
    }

    json_decref(json);

    return 1;
}


static void
must(int held, const char *what)
{
    if (!held) {
        fprintf(stderr, "expected %s\n", what);
        abort();
    }
}
