/*
 * The formats of /render, /metrics/find and /functions, byte by byte, and
 * that an answer written point by point is the same as one written at once.
 */

#include "torus_graph_model.h"


static torus_graph_series_t  one, two;
static torus_graph_tag_t     tags[2];

static double  values[] = { null, 1, 0.1, INFINITY };
static double  nothing[] = { null, null };


static void
set_up(void)
{
    tags[0].key = model_z("name");
    tags[0].value = model_z("a.b");
    tags[1].key = model_z("dc");
    tags[1].value = model_z("x\"y");

    one.name = model_z("a.b,\"c\"");
    one.path = model_z("a.*");
    one.start = 1699999860;
    one.end = 1700000100;
    one.step = 60;
    one.values = values;
    one.n = 4;
    one.tags = tags;
    one.ntags = 2;

    two.name = model_z("e");
    two.path = two.name;
    two.start = 1700000000;
    two.end = 1700000001;
    two.step = 1;
    two.values = nothing;
    two.n = 2;
}


static void
writes(torus_graph_writer_t *w, const char *want, size_t len,
    const char *what)
{
    int                    rc;
    unsigned               turns;
    torus_buf_t            b;
    torus_graph_series_t  *list[2] = { &one, &two };

    torus_buf_init(&b, 0);

    torus_graph_write_init(w, list, 2, &b);
    rc = torus_graph_write_some(w, 1000);

    is_int(rc, TORUS_OK, "%s is written", what);
    is_mem(b.pos, torus_buf_len(&b), want, len, "%s", what);

    torus_buf_reset(&b, 0);
    torus_graph_write_init(w, list, 2, &b);

    for (turns = 0; torus_graph_write_some(w, 1) == TORUS_AGAIN; turns++) {
        if (turns > 100) {
            bail_out("%s does not come to an end", what);
        }
    }

    is_mem(b.pos, torus_buf_len(&b), want, len, "%s, piece by piece", what);
    ok(turns > 1, "in %u pieces", turns);

    torus_buf_free(&b);
}


#define WRITES(w, want, what)  writes(w, want, sizeof(want) - 1, what)


static void
series(void)
{
    torus_tz_t            tz;
    torus_graph_writer_t  w;

    memset(&w, 0, sizeof(w));

    WRITES(&w, "[{\"target\":\"a.b,\\\"c\\\"\",\"tags\":{\"name\":\"a.b\","
           "\"dc\":\"x\\\"y\"},\"datapoints\":[[null,1699999860],"
           "[1.0,1699999920],[0.1,1699999980],[null,1700000040]]},"
           "{\"target\":\"e\",\"tags\":{},\"datapoints\":[[null,1700000000],"
           "[null,1700000001]]}]", "json");
    is_str(torus_graph_format_type(&w), "application/json", "its type");

    w.no_nulls = 1;
    WRITES(&w, "[{\"target\":\"a.b,\\\"c\\\"\",\"tags\":{\"name\":\"a.b\","
           "\"dc\":\"x\\\"y\"},\"datapoints\":[[1.0,1699999920],"
           "[0.1,1699999980],[null,1700000040]]}]",
           "json without nulls");

    memset(&w, 0, sizeof(w));
    w.format = TORUS_GRAPH_RAW;
    WRITES(&w, "a.b,\"c\",1699999860,1700000100,60|None,1.0,0.1,inf\n"
           "e,1700000000,1700000001,1|None,None\n", "raw");
    is_str(torus_graph_format_type(&w), "text/plain", "its type");

    w.format = TORUS_GRAPH_CSV;
    WRITES(&w, "\"a.b,\"\"c\"\"\",2023-11-14 22:11:00,\r\n"
           "\"a.b,\"\"c\"\"\",2023-11-14 22:12:00,1.0\r\n"
           "\"a.b,\"\"c\"\"\",2023-11-14 22:13:00,0.1\r\n"
           "\"a.b,\"\"c\"\"\",2023-11-14 22:14:00,inf\r\n"
           "e,2023-11-14 22:13:20,\r\n"
           "e,2023-11-14 22:13:21,\r\n", "csv");

    memset(&tz, 0, sizeof(tz));
    tz.first = 7200;
    w.tz = &tz;
    one.n = 1;
    two.n = 2;
    WRITES(&w, "\"a.b,\"\"c\"\"\",2023-11-15 00:11:00,\r\n"
           "e,2023-11-15 00:13:20,\r\n"
           "e,2023-11-15 00:13:21,\r\n", "csv in a zone");
    one.n = 4;

    w.format = TORUS_GRAPH_PICKLE;
    WRITES(&w,
           "\x80\x02](}("
           "X\x04\0\0\0nameX\x07\0\0\0a.b,\"c\""
           "X\x0e\0\0\0pathExpressionX\x03\0\0\0a.*"
           "X\x05\0\0\0startJ\x74\xf0\x53\x65"
           "X\x03\0\0\0" "endJ\x64\xf1\x53\x65"
           "X\x04\0\0\0stepJ\x3c\0\0\0"
           "X\x06\0\0\0values](N"
           "G\x3f\xf0\0\0\0\0\0\0"
           "G\x3f\xb9\x99\x99\x99\x99\x99\x9a"
           "G\x7f\xf0\0\0\0\0\0\0eu"
           "}("
           "X\x04\0\0\0nameX\x01\0\0\0e"
           "X\x0e\0\0\0pathExpressionX\x01\0\0\0e"
           "X\x05\0\0\0startJ\0\xf1\x53\x65"
           "X\x03\0\0\0" "endJ\x01\xf1\x53\x65"
           "X\x04\0\0\0stepJ\x01\0\0\0"
           "X\x06\0\0\0values](NNeu"
           "e.", "pickle");
    is_str(torus_graph_format_type(&w), "application/pickle", "its type");
}


/* What is written of a series whose points were written ahead. */
static void
shows(const torus_graph_writer_t *options, torus_graph_series_t *s,
    const char *want, const char *what)
{
    torus_buf_t           b;
    torus_graph_writer_t  w;

    torus_buf_init(&b, 0);

    w = *options;
    torus_graph_write_init(&w, &s, 1, &b);

    is_int(torus_graph_write_some(&w, 1000), TORUS_OK, "%s: written", what);
    is_mem(b.pos, torus_buf_len(&b), want, strlen(want), "%s", what);

    torus_buf_free(&b);
}


/*
 * Points that were written ahead are taken where they are those of the
 * series, and nowhere else: a text that is plainly another one tells.
 */
static void
ahead(void)
{
    torus_buf_t            scratch, none;
    torus_arena_t         *arena;
    torus_account_t        account;
    torus_graph_ahead_t    other;
    torus_graph_writer_t   w;
    torus_graph_series_t   s;

    static double  again[] = { 1, 2 };
    static double  points[] = { 1, 2 };

    arena = torus_arena_create(0, 0);
    torus_buf_init(&scratch, 0);
    memset(&w, 0, sizeof(w));

    s = two;
    s.values = points;

    is_int(torus_graph_write_ahead(&w, arena, &scratch, &s), TORUS_OK,
           "written ahead");
    is_str(s.ahead->json, "[1.0,1700000000],[2.0,1700000001]", "its text");

    other = *s.ahead;
    other.json = model_z("[7,7]");
    s.ahead = &other;

    shows(&w, &s, "[{\"target\":\"e\",\"tags\":{},\"datapoints\":[[7,7]]}]",
          "as it was written ahead");

#define NOT_AHEAD(points, what)                                               \
    shows(&w, &s, "[{\"target\":\"e\",\"tags\":{},\"datapoints\":["          \
          points "]}]", what)

    s.values = again;
    NOT_AHEAD("[1.0,1700000000],[2.0,1700000001]", "other values");
    s.values = points;

    s.start += 10;
    s.end += 10;
    NOT_AHEAD("[1.0,1700000010],[2.0,1700000011]", "moved");
    s.start -= 10;
    s.end -= 10;

    s.step = 2;
    NOT_AHEAD("[1.0,1700000000]", "another step");
    s.step = 1;

    s.n = 1;
    NOT_AHEAD("[1.0,1700000000]", "fewer");
    s.n = 2;

    w.no_nulls = 1;
    NOT_AHEAD("[1.0,1700000000],[2.0,1700000001]", "without nulls");
    w.no_nulls = 0;

    w.format = TORUS_GRAPH_RAW;
    shows(&w, &s, "e,1700000000,1700000001,1|1.0,2.0\n", "raw");

    s.ahead = NULL;
    is_int(torus_graph_write_ahead(&w, arena, &scratch, &s), TORUS_OK,
           "raw has no such text");
    ok(s.ahead == NULL, "and there is none");

    torus_account_init(&account, 1);
    torus_buf_init_on(&none, &account);
    w.format = TORUS_GRAPH_JSON;
    is_int(torus_graph_write_ahead(&w, arena, &none, &s), TORUS_ERROR,
           "without memory");
    ok(s.ahead == NULL, "there is none, too");

    torus_buf_free(&none);
    torus_buf_free(&scratch);
    torus_arena_destroy(arena);
}


/*
 * As little at a time of many series that were written ahead as of others: a
 * client takes what there is before there is more.
 */
static void
ahead_some(void)
{
    int                    rc;
    size_t                 i, calls, len, most;
    torus_buf_t            b, scratch;
    torus_arena_t         *arena;
    torus_graph_writer_t   w;
    torus_graph_series_t   s, *many[1000];

    static double  points[] = { 1, 2 };

    arena = torus_arena_create(0, 0);
    torus_buf_init(&scratch, 0);
    torus_buf_init(&b, 0);
    memset(&w, 0, sizeof(w));

    s = two;
    s.values = points;

    is_int(torus_graph_write_ahead(&w, arena, &scratch, &s), TORUS_OK,
           "written ahead");

    for (i = 0; i < 1000; i++) {
        many[i] = &s;
    }

    torus_graph_write_init(&w, many, 1000, &b);

    most = 0;
    calls = 0;

    do {
        len = torus_buf_len(&b);
        rc = torus_graph_write_some(&w, 100);
        len = torus_buf_len(&b) - len;

        most = len > most ? len : most;
        calls++;
    } while (rc == TORUS_AGAIN);

    is_int(rc, TORUS_OK, "a thousand series written ahead");
    ok(calls > 100, "in %zu calls of a hundred points", calls);
    ok(most < 2000, "%zu bytes in one of them at most", most);

    torus_buf_free(&scratch);
    torus_buf_free(&b);
    torus_arena_destroy(arena);
}


static void
full(void)
{
    torus_buf_t            b;
    torus_graph_writer_t   w;
    torus_graph_series_t  *list[1] = { &one };

    memset(&w, 0, sizeof(w));
    torus_buf_init(&b, 40);

    torus_graph_write_init(&w, list, 1, &b);
    is_int(torus_graph_write_some(&w, 1000), TORUS_ERROR,
           "a full buffer is told");

    torus_buf_free(&b);
}


static void
finds(torus_graph_find_format_t format, int wildcards, int position,
    const char *query, const char *want, size_t len, const char *what)
{
    int                   rc;
    unsigned              n;
    torus_buf_t           b;
    torus_work_t          work;
    torus_graph_hit_t     spare[5], again[5];
    torus_graph_find_t    find;
    torus_graph_finder_t  w;

    torus_graph_hit_t  hits[] = {
        { torus_string("a.b.c1"), 1, 10, 20 },
        { torus_string("a.b.c1"), 0, 0, 0 },
        { torus_string("a.b.a\xff"), 1, 10, 5000000000 },
        { torus_string("a.x.b"), 0, 0, 0 },
        { torus_string("a.b.b"), 0, 0, 0 }
    };

    memset(&find, 0, sizeof(find));
    find.format = format;
    find.wildcards = wildcards & 1;
    find.position = position;
    find.query = model_z(query);

    torus_buf_init(&b, 0);

    memset(&work, 0, sizeof(work));
    memcpy(again, hits, sizeof(again));

    torus_graph_find_start(&w, &b, &find, hits, spare, 5);
    is_int(torus_graph_find_some(&w, &work), TORUS_OK, "%s is written", what);
    is_mem(b.pos, torus_buf_len(&b), want, len, "%s", what);

    /* an operation at a time */

    torus_buf_reset(&b, 0);
    torus_graph_find_start(&w, &b, &find, again, spare, 5);
    n = 0;

    do {
        torus_work_begin(&work);
        work.left = 1;
        rc = torus_graph_find_some(&w, &work);
        n++;
    } while (rc == TORUS_AGAIN && n < 1000);

    is_int(rc, TORUS_OK, "%s in pieces", what);
    ok(n > 5, "%s: %u of them", what, n);
    is_mem(b.pos, torus_buf_len(&b), want, len, "%s, in pieces", what);

    torus_buf_free(&b);
}


#define FINDS(format, wildcards, position, want, what)                        \
    finds(TORUS_GRAPH_FIND_##format, wildcards, position, "a.*.*", want,      \
          sizeof(want) - 1, what)


static void
find(void)
{
    torus_graph_find_format_t  format;

    FINDS(TREEJSON, 0, -1,
          "[{\"text\":\"b\",\"id\":\"a.*.b\",\"allowChildren\":1,"
          "\"expandable\":1,\"leaf\":0},"
          "{\"text\":\"c1\",\"id\":\"a.*.c1\",\"allowChildren\":1,"
          "\"expandable\":1,\"leaf\":0},"
          "{\"text\":\"a\xef\xbf\xbd\",\"id\":\"a.*.a\xef\xbf\xbd\","
          "\"allowChildren\":0,\"expandable\":0,\"leaf\":1}]",
          "treejson, one entry a name, branches first");
    FINDS(COMPLETER, 1, -1,
          "{\"metrics\":["
          "{\"path\":\"a.b.a\xef\xbf\xbd\",\"name\":\"a\xef\xbf\xbd\","
          "\"is_leaf\":\"1\"},"
          "{\"path\":\"a.b.b.\",\"name\":\"b\",\"is_leaf\":\"0\"},"
          "{\"path\":\"a.x.b.\",\"name\":\"b\",\"is_leaf\":\"0\"},"
          "{\"path\":\"a.b.c1.\",\"name\":\"c1\",\"is_leaf\":\"0\"},"
          "{\"path\":\"a.b.c1\",\"name\":\"c1\",\"is_leaf\":\"1\"},"
          "{\"name\":\"*\"}]}", "completer, with its wildcard");
    FINDS(NODELIST, 0, 1, "{\"nodes\":[\"b\",\"x\"]}", "nodelist");
    FINDS(NODELIST, 0, -1, "{\"nodes\":[\"a\xef\xbf\xbd\",\"b\",\"c1\"]}",
          "nodelist of the last");
    FINDS(NODELIST, 0, 7, "{\"nodes\":[]}", "nodelist of none");
    FINDS(JSON, 0, -1,
          "[{\"path\":\"a.b.a\xef\xbf\xbd\",\"is_leaf\":true,\"intervals\":"
          "[{\"start\":10,\"end\":5000000000}]},"
          "{\"path\":\"a.b.b\",\"is_leaf\":false},"
          "{\"path\":\"a.b.c1\",\"is_leaf\":false},"
          "{\"path\":\"a.b.c1\",\"is_leaf\":true,\"intervals\":"
          "[{\"start\":10,\"end\":20}]},"
          "{\"path\":\"a.x.b\",\"is_leaf\":false}]", "json");
    FINDS(PICKLE, 0, -1,
          "\x80\x02]("
          "}(X\x04\0\0\0pathX\x08\0\0\0a.b.a\xef\xbf\xbd"
          "X\x07\0\0\0is_leaf\x88X\x09\0\0\0intervals](](J\x0a\0\0\0"
          "\x8a\x08\0\xf2\x05\x2a\x01\0\0\0eeu"
          "}(X\x04\0\0\0pathX\x05\0\0\0a.b.bX\x07\0\0\0is_leaf\x89u"
          "}(X\x04\0\0\0pathX\x06\0\0\0a.b.c1X\x07\0\0\0is_leaf\x89u"
          "}(X\x04\0\0\0pathX\x06\0\0\0a.b.c1X\x07\0\0\0is_leaf\x88"
          "X\x09\0\0\0intervals](](J\x0a\0\0\0J\x14\0\0\0eeu"
          "}(X\x04\0\0\0pathX\x05\0\0\0a.x.bX\x07\0\0\0is_leaf\x89u"
          "e.", "pickle, bytes that are no UTF-8 replaced");

    ok(torus_graph_find_format(model_z("completer"), &format) == TORUS_OK
       && format == TORUS_GRAPH_FIND_COMPLETER, "formats have names");
    is_int(torus_graph_find_format(model_z("msgpack"), &format),
           TORUS_DECLINED, "msgpack is none of ours");
}


static void
functions(void)
{
    size_t       i;
    json_t      *root, *f;
    torus_str_t  name;
    torus_buf_t  b;

    torus_buf_init(&b, 0);

    name = model_z("movingAverage");
    is_int(torus_graph_functions(&b, &name, 0, 0), TORUS_OK,
           "a function is described");
    is_str(torus_str(b.pos, torus_buf_len(&b)),
           "{\"name\":\"movingAverage\",\"function\":"
           "\"movingAverage(seriesList, windowSize, xFilesFactor=None)\","
           "\"description\":\"The mean of the points up to each point.\","
           "\"module\":\"graphite.render.functions\",\"group\":\"Calculate\","
           "\"params\":[{\"name\":\"seriesList\",\"type\":\"seriesList\","
           "\"required\":true},{\"name\":\"windowSize\",\"type\":"
           "\"intOrInterval\",\"required\":true,\"suggestions\":[5,7,10,"
           "\"1min\",\"5min\",\"10min\",\"30min\",\"1hour\"]},{\"name\":"
           "\"xFilesFactor\",\"type\":\"float\"}]}",
           "as Grafana reads it");

    name = model_z("noSuch");
    is_int(torus_graph_functions(&b, &name, 0, 0), TORUS_DECLINED,
           "one that is not there is not");

    torus_buf_reset(&b, 0);
    torus_graph_functions(&b, NULL, 1, 1);
    root = json_loadb((const char *) b.pos, torus_buf_len(&b), 0, NULL);

    is_int(json_object_size(root), 9, "by group there are nine");

    f = json_object_get(json_object_get(root, "Combine"), "sumSeries");
    ok(json_object_get(json_array_get(json_object_get(f, "params"), 0),
                       "multiple") == json_true(), "lists may be many");

    f = json_object_get(json_object_get(root, "Transform"), "summarize");
    f = json_array_get(json_object_get(f, "params"), 2);
    ok(json_array_size(json_object_get(f, "options")) == 16,
       "aggregations are options");

    json_decref(root);

    for (i = 0; i < 2; i++) {
        torus_buf_reset(&b, 0);
        torus_graph_functions(&b, NULL, (int) i, 0);
        torus_buf_addz(&b, "\0");
        ok(strstr((const char *) b.pos, "nfinity") == NULL,
           "no Infinity in it");
    }

    torus_buf_free(&b);
}


int
main(void)
{
    set_up();

    series();
    ahead();
    ahead_some();
    full();
    find();
    functions();

    return done_testing();
}
