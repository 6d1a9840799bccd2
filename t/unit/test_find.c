/*
 * Finding names, from the points that wrote them to the answers: every
 * format as Graphite's clients ask for it, patterns, several hosts and
 * prefixes, what has expired, limits, faults.  Then the index made again
 * from the data, and names that were deleted.
 */

#include "torus_model.h"


#define NOW  1700000000

#define SCHEMA                                                                \
    "{ \"TIMESERIES\": {"                                                     \
    "  \"a\": { \"type\": \"count\", \"match\": [\"a\", \"a.**\", \"d\"],"    \
    "    \"host\": \"h0\", \"intervals\": { \"m\": { \"step\": 60 } } },"     \
    "  \"b\": { \"type\": \"gauge\", \"match\": \"b.**\", \"host\": \"h1\","  \
    "    \"prefix\": \"p\","                                                  \
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 60 } } },"        \
    "  \"c\": { \"type\": \"set\", \"match\": [\"a.b.*\", \"c.**\"],"         \
    "    \"host\": \"h1\","                                                   \
    "    \"intervals\": { \"d\": { \"step\": \"1d\", \"steps\": 10 } } } } }"


static torus_model_t  *m;


static const char *
run(const char *request)
{
    static torus_result_t  res;

    torus_buf_free(&res.body);
    torus_model_run(m, request, &res);
    torus_buf_add(&res.body, "", 1);

    if (res.status != 200) {
        return res.error;
    }

    return res.broken ? "broken" : (char *) res.body.pos;
}


#define answers(request, want)  is_cstr(run(request), want, "%s", request)


static void
fill(void)
{
    size_t  i;

    static const char *const  names[] = {
        "a", "a.b.c1", "a.b.c2", "a.b.sub.x", "a.bb.c1", "a.bb-1.c1", "d",
        "a.web;host=w1.x;dc=b.", "a.srv.01.cpu", "a.srv.02.cpu",
        "a.srv.02.mem", "b.x.y", "c.x", "c.[x]", "c.deep.er.and.deeper",
        "nobody.takes.this", ("a.e\xc3\xa9" ".1"), "a.q\"uo\\te.1"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        torus_model_point(m, names[i], "1", m->now);
    }
}


static void
test_formats(void)
{
    answers("/metrics/find?query=a.b.*",
            "[{\"text\":\"sub\",\"id\":\"a.b.sub\",\"allowChildren\":1,"
            "\"expandable\":1,\"leaf\":0},"
            "{\"text\":\"c1\",\"id\":\"a.b.c1\",\"allowChildren\":0,"
            "\"expandable\":0,\"leaf\":1},"
            "{\"text\":\"c2\",\"id\":\"a.b.c2\",\"allowChildren\":0,"
            "\"expandable\":0,\"leaf\":1}]");
    answers("/metrics/find/?query=*.b.c1&format=treejson",
            "[{\"text\":\"c1\",\"id\":\"*.b.c1\",\"allowChildren\":0,"
            "\"expandable\":0,\"leaf\":1}]");
    answers("/metrics/find?query=a&query=c.x&format=treejson&jsonp=cb.x",
            "cb.x([{\"text\":\"x\",\"id\":\"c.x\",\"allowChildren\":0,"
            "\"expandable\":0,\"leaf\":1}])\n");
    answers("/metrics/find?query=a",
            "[{\"text\":\"a\",\"id\":\"a\",\"allowChildren\":1,"
            "\"expandable\":1,\"leaf\":0}]");
    answers("/metrics/find?query=a.b&format=completer",
            "{\"metrics\":[{\"path\":\"a.b.\",\"name\":\"b\",\"is_leaf\":"
            "\"0\"},{\"path\":\"a.bb.\",\"name\":\"bb\",\"is_leaf\":\"0\"},"
            "{\"path\":\"a.bb-1.\",\"name\":\"bb-1\",\"is_leaf\":\"0\"}]}");
    answers("/metrics/find?query=c..x&format=completer",
            "{\"metrics\":[{\"path\":\"c.x\",\"name\":\"x\",\"is_leaf\":"
            "\"1\"}]}");
    answers("/metrics/find?query=a.*.*&format=nodelist&position=1",
            "{\"nodes\":[\"b\",\"bb\",\"bb-1\",\"e\xc3\xa9\",\"q\\\"uo\\\\te\","
            "\"srv\"]}");
    answers("/metrics/find?query=a&format=json",
            "[{\"path\":\"a\",\"is_leaf\":false},{\"path\":\"a\",\"is_leaf\":"
            "true,\"intervals\":[{\"start\":0,\"end\":1700000000}]}]");
    answers("/metrics/find?query=b.x.y&format=json",
            "[{\"path\":\"b.x.y\",\"is_leaf\":true,\"intervals\":[{\"start\":"
            "1699996340,\"end\":1700000000}]}]");
    answers("/metrics/find?local=1&format=pickle&query=nothing.*",
            "\x80\x02](e.");
    answers("/metrics/find?query=nothing", "[]");
    answers("/metrics/find?query=nothing.*.x.y", "[]");
    answers("/metrics/find?query=a.b.c1.*", "[]");
    answers("/metrics/find?query=a.*&leavesOnly=1&format=json", "[]");
}


static void
test_patterns(void)
{
#define expand(query, want)                                                   \
    answers("/metrics/expand?query=" query, "{\"results\":[" want "]}")

    expand("*", "\"a\",\"b\",\"c\",\"d\"");
    expand("a.b.c*", "\"a.b.c1\",\"a.b.c2\"");
    expand("a.b.c?", "\"a.b.c1\",\"a.b.c2\"");
    expand("a.b.c[2-9]", "\"a.b.c2\"");
    expand("a.b.{c2,nix,c1}", "\"a.b.c1\",\"a.b.c2\"");
    expand("a.b{,b}.c1", "\"a.b.c1\",\"a.bb.c1\"");
    expand("{a,c}.{b,x}", "\"a.b\",\"c.x\"");
    expand("a.srv.*.cpu", "\"a.srv.01.cpu\",\"a.srv.02.cpu\"");
    expand("a.srv.*.*", "\"a.srv.01.cpu\",\"a.srv.02.cpu\",\"a.srv.02.mem\"");
    expand("*.*.0[12].mem", "\"a.srv.02.mem\"");
    expand("c.%5Bx%5D", "\"c.x\"");
    expand("c.**", "\"c\",\"c.[x]\",\"c.deep\",\"c.deep.er\","
           "\"c.deep.er.and\",\"c.deep.er.and.deeper\",\"c.x\"");
    expand("**.cpu", "\"a.srv.01.cpu\",\"a.srv.02.cpu\"");
    expand("a.**.c1", "\"a.b.c1\",\"a.bb-1.c1\",\"a.bb.c1\"");
    expand("**.deep.**.deeper", "\"c.deep.er.and.deeper\"");
    expand("nobody.*.*", "");
    expand("a.web*", "");
    expand("a.web;host=w1.x;dc=b.", "\"a.web;host=w1.x;dc=b.\"");
    expand("*.web;host=w1.x;dc=b.", "\"a.web;host=w1.x;dc=b.\"");
    expand("a.e%C3%A9.*", "\"a.e\xc3\xa9" ".1\"");
    expand("a.e?.1", "\"a.e\xc3\xa9" ".1\"");
    expand("a&query=d&query=a", "\"a\",\"d\"");
    expand("c.**&leavesOnly=1", "\"c.[x]\",\"c.deep.er.and.deeper\","
           "\"c.x\"");

    answers("/metrics/expand?query=d&query=a.b.c*&query=x&groupByExpr=1",
            "{\"results\":{\"d\":[\"d\"],\"a.b.c*\":[\"a.b.c1\",\"a.b.c2\"],"
            "\"x\":[]}}");
}


static void
test_index_json(void)
{
    answers("/metrics/index.json",
            "[\"a\",\"a.b.c1\",\"a.b.c2\",\"a.b.sub.x\",\"a.bb-1.c1\","
            "\"a.bb.c1\",\"a.e\xc3\xa9" ".1\",\"a.q\\\"uo\\\\te.1\","
            "\"a.srv.01.cpu\",\"a.srv.02.cpu\",\"a.srv.02.mem\","
            "\"a.web;host=w1.x;dc=b.\",\"b.x.y\",\"c.[x]\","
            "\"c.deep.er.and.deeper\",\"c.x\",\"d\"]");
}


static void
test_refused(void)
{
    char            text[9000];
    torus_result_t  res;

    answers("/metrics/find", "argument \"query\" is missing");
    answers("/metrics/find?query=", "argument \"query\" is missing");
    answers("/metrics/expand?query=", "argument \"query\" is missing");
    answers("/metrics/find?query=a&format=msgpack",
            "argument \"format\" must be treejson, completer, nodelist, json "
            "or pickle, not \"msgpack\"");
    answers("/metrics/find?query=a&wildcards=x",
            "argument \"wildcards\" must be a number, not \"x\"");
    like(run("/metrics/find?query=a&from=yestreday"),
         "argument \"from\" must be a time", "a bad time");
    like(run("/metrics/find?query=1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2."
             "3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3."
             "4.5.6.7.8.9.0.1.2.3.4"),
         "at most 63 nodes, not 64", "too many nodes");

    snprintf(text, sizeof(text), "/metrics/find?query=%08500d", 1);
    like(run(text), "at most 8192 bytes", "too long a query");

    m->limits.names = 3;
    m->limits.memory = 100000;
    answers("/metrics/find?query=*", "there are more than 3 names");
    answers("/metrics/expand?query=*.x", "{\"results\":[\"b.x\",\"c.x\"]}");
    m->limits.names = 0;
    m->limits.memory = 4600;
    like(run("/metrics/expand?query=**"), "more memory", "too much memory");
    memset(&m->limits, 0, sizeof(m->limits));

    torus_model_run(m, "/metrics/find?format=x&query=b", &res);
    is_cstr(res.type, "text/plain", "a fault is text");
    is_int(res.status, 400, "and a 400");
    is_mem(res.body.last - 1, 1, "\n", 1, "of a line");
    torus_buf_free(&res.body);

    m->fault = "-LOADING Redis is loading\r\n";
    m->fault_at = 2;
    torus_model_run(m, "/metrics/find?query=*.*", &res);
    is_int(res.status, 503, "Redis cannot answer");
    like(res.error, "LOADING", "which is told");
    torus_buf_free(&res.body);

    m->fault = "+OK\r\n";
    torus_model_run(m, "/metrics/find?query=*.*", &res);
    is_int(res.status, 503, "nor does it answer so");
    torus_buf_free(&res.body);

    m->fault = "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n";
    torus_model_run(m, "/metrics/find?query=*.*", &res);
    is_int(res.status, 503, "nor so");
    torus_buf_free(&res.body);

    m->fault_at = 0;
}


static void
test_rounds(void)
{
    torus_result_t  res;

#define rounds(request, n)                                                    \
    torus_model_run(m, request, &res);                                        \
    is_int((int64_t) res.stats.rounds, n, "round trips of %s", request);      \
    torus_buf_free(&res.body)

    rounds("/metrics/find?query=a.b.c1", 1);
    rounds("/metrics/find?query=a.{b,bb}.c1", 1);
    rounds("/metrics/expand?query=a.b.c1&query=d&query=c.x", 1);
}


static void
test_expired(void)
{
    m->now = NOW + 3660;
    expand("b.x.y", "\"b.x.y\"");
    m->now = NOW + 3660 + 2 * 457;
    expand("b.x.y", "\"b.x.y\"");
    m->now = NOW + 3660 + 2 * 458 + 1;
    expand("b.x.y", "");
    expand("d", "\"d\"");

    answers("/metrics/find?query=d&from=-1h&format=nodelist",
            "{\"nodes\":[\"d\"]}");
    m->now = NOW + 86400;
    answers("/metrics/find?query=d&from=-1h&format=nodelist",
            "{\"nodes\":[]}");
    answers("/metrics/find?query=d&from=-1&until=-1&format=nodelist",
            "{\"nodes\":[\"d\"]}");
    answers("/metrics/find?query=d&from=-2d&until=now&format=nodelist",
            "{\"nodes\":[\"d\"]}");
    answers("/metrics/find?query=c.x&until=-20d&format=nodelist",
            "{\"nodes\":[]}");
    m->now = NOW;
}


/* "torus:names:" keys of a database. */
static size_t
nodes(size_t db)
{
    size_t       n;
    json_t      *v;
    const char  *key;

    n = 0;

    json_object_foreach(m->dbs[db], key, v) {
        n += strncmp(key, "torus:names:", 12) == 0 && !json_is_null(v);
    }

    return n;
}


static void
test_reindex(void)
{
    size_t       before[2];
    void        *tmp;
    json_t      *v;
    const char  *key;

    before[0] = nodes(0);
    before[1] = nodes(1);

    json_object_foreach_safe(m->dbs[0], tmp, key, v) {
        if (strncmp(key, "torus:names:", 12) == 0) {
            json_object_del(m->dbs[0], key);
        }
    }

    expand("d", "");
    like(run("/reindex"), "{\"reindexed\":{\"keys\":", "the index again");
    test_index_json();
    is_int((int64_t) nodes(0), (int64_t) before[0], "as many nodes");
    is_int((int64_t) nodes(1), (int64_t) before[1], "on both hosts");

    /* what is only in the index */

    v = torus_model_key(m, 0, "torus:names:0:a", "zset");
    json_object_set_new(v, "ghost", json_integer(NOW));
    v = torus_model_key(m, 1, "torus:names:2:p:b", "zset");
    json_object_set_new(v, "old", json_integer(1000));

    run("/reindex");
    expand("a.ghost", "\"a.ghost\"");
    ok(json_object_get(torus_model_key(m, 1, "torus:names:2:p:b", "zset"),
                       "old") == NULL, "what is too old goes");

    run("/reindex?fresh=1");
    expand("a.ghost", "");
    test_index_json();
    is_int((int64_t) nodes(0), (int64_t) before[0], "as many nodes");

    /* the time last seen is that of the data */

    m->now = NOW + 5 * 86400;
    run("/reindex?fresh=1");
    expand("c.x", "\"c.x\"");
    m->now = NOW + 13 * 86400;
    expand("c.x", "");
    m->now = NOW;
    run("/reindex");
}


static void
test_deleted(void)
{
    like(run("/delete?stat=a.b.c1&dry_run=1"), "would_delete", "a dry run");
    expand("a.b.c?", "\"a.b.c1\",\"a.b.c2\"");
    like(run("/delete?stat=a.b.c1"), "\"stats\":1", "deleted");
    expand("a.b.c?", "\"a.b.c2\"");
    like(run("/delete?match=a.srv.**"), "\"stats\":3", "more of them");
    expand("a.srv.*.*", "");
    like(run("/delete?stat=a.b.c2&schema=a"), "\"stats\":1",
         "of one schema");
    expand("a.b.c?", "\"a.b.c2\"");
}


static void
test_static(void)
{
    char            text[128];
    torus_result_t  res;

    answers("/version", "1.1.10");
    answers("/version/?jsonp=x", "1.1.10");
    answers("/tags?jsonp=jQuery1.cb_$", "jQuery1.cb_$([])\n");
    like(run("/tags?jsonp=alert(1)//"), "\"jsonp\" must be a name",
         "a script is no name");
    snprintf(text, sizeof(text), "/tags?jsonp=%064d", 1);
    like(run(text), "1([])\n", "one of 64 characters is");
    snprintf(text, sizeof(text), "/tags?jsonp=%065d", 1);
    like(run(text), "at most 64", "and no more");

    torus_model_run(m, "/series?jsonp=f", &res);
    is_cstr(res.type, "text/javascript", "a fault is a call, too");
    is_str(torus_str(res.body.pos, torus_buf_len(&res.body)),
           "f({\"error\": \"argument \\\"stat\\\" is missing\"}\n)\n",
           "of what is said of it");
    torus_buf_free(&res.body);
    answers("/events/get_data?from=-1h&until=now&tags=x", "[]");
    answers("/tags/autoComplete/tags?expr=a%3Db&limit=100", "[]");
    answers("/tags/autoComplete/values?tag=name&jsonp=cb", "cb([])\n");
    answers("/tags/autoComplete/values?expr=a", "argument \"tag\" is missing");
    answers("/tags", "[]");
    answers("/tags/dc", "{\"tag\":\"dc\",\"values\":[]}");
    answers("/tags/findSeries?expr=name%3Da", "[]");
    like(run("/functions"), "\"aliasSub\"", "functions");
    like(run("/functions/sumSeries"), "\"name\":\"sumSeries\"", "one of them");
    answers("/functions/nix", "unknown function \"nix\"");
    answers("/tags/tagSeries", "argument \"path\" is missing");
    answers("/tags/tagSeries?path=x&path=b;z=1;a=2", "\"b;a=2;z=1\"");
    answers("/tags/tagMultiSeries?path=c&path=b..d", "[\"c\",\"b.d\"]");
    answers("/tags/tagMultiSeries?path=c&path=b%01",
            "argument \"path\" is no path of a series: \"b\\x01\"");
    answers("/tags/delSeries?path[]=c&jsonp=f", "f(true)\n");
    answers("/tags/tagSeries/x", "");
    answers("/metrics/find/x", "");
}


/* A tree of many nodes, read in pieces by a slow client. */
static void
test_many(void)
{
    int              i, k;
    char             name[64];
    torus_result_t   res, all;
    json_t          *names;

    m = torus_model_create(SCHEMA, NOW);
    torus_model_index(m);

    for (i = 0; i < 700; i++) {
        for (k = 0; k < 5; k++) {
            snprintf(name, sizeof(name), "a.node%03d.leaf%d-with-a-long-name",
                     i, k);
            torus_model_point(m, name, "1", NOW);
        }
    }

    m->drain = 1000;
    torus_model_run(m, "/metrics/index.json", &res);

    names = json_loadb((char *) res.body.pos, torus_buf_len(&res.body), 0,
                       NULL);
    is_int((int64_t) json_array_size(names), 3500, "all names");

    for (i = 1; i < 3500; i++) {
        if (strcmp(json_string_value(json_array_get(names, (size_t) i - 1)),
                   json_string_value(json_array_get(names, (size_t) i))) >= 0)
        {
            break;
        }
    }

    is_int(i, 3500, "in order");
    json_decref(names);
    torus_buf_free(&res.body);

    torus_model_run(m, "/metrics/expand?query=a.node*.leaf0*", &res);
    ok(res.stats.rounds < 250, "%d round trips, though the model answers "
       "with three members at a time", (int) res.stats.rounds);
    torus_buf_free(&res.body);

    /* a long one is counted first, so that it is whole or a 413 */

    torus_model_run(m, "/metrics/index.json", &all);
    is_int(all.status, 200, "without a limit");

    m->limits.names = 3500;
    torus_model_run(m, "/metrics/index.json", &res);
    is_int(res.status, 200, "as many as allowed");
    is_mem(res.body.pos, torus_buf_len(&res.body), all.body.pos,
           torus_buf_len(&all.body), "are all told");
    is_int(res.stats.points, 3500, "and counted once");
    torus_buf_free(&res.body);

    m->limits.names = 3499;
    torus_model_run(m, "/metrics/index.json", &res);
    is_int(res.status, 413, "one more is a 413");
    ok(!res.broken, "which is told in time");
    is_cstr(res.error, "there are more than 3499 names", "with its reason");
    torus_buf_free(&res.body);

    torus_buf_free(&all.body);

    torus_model_destroy(m);
}


int
main(void)
{
    m = torus_model_create(SCHEMA, NOW);
    torus_model_index(m);
    fill();

    test_formats();
    test_patterns();
    test_index_json();
    test_refused();
    test_rounds();
    test_expired();
    test_reindex();
    test_deleted();
    test_static();

    torus_model_destroy(m);

    test_many();

    return done_testing();
}
