/*
 * Nothing holds the worker for long: large requests of every kind against a
 * Redis that makes up its data, and of each call of the request's facade the
 * basic blocks that it ran.
 */

#include "torus_blocks.h"
#include "torus_graph_func.h"
#include "torus_layout.h"
#include "torus_request.h"
#include "torus_schema_load.h"
#include "torus_test.h"

#include <hiredis/hiredis.h>


/*
 * Blocks that a call may run: some five instructions each, so
 * many are little more than a millisecond.
 */
#define SLICES_MOST    1000000

#define SLICES_SOME    500000    /* .. of one that can be left anywhere */
#define SLICES_BEGIN   3000000   /* .. of a call that reads arguments */
#define SLICES_REPLY   50000     /* elements of the largest reply */
#define SLICES_BYTES   (16 * 1024 * 1024)


typedef struct {
    torus_schema_set_t   *set;
    torus_request_conf_t  conf;
    char                  faults[1024];

    unsigned              wide;      /* another index: 2000 branches of "g" */

    /* of a reply */
    unsigned char        *memory;
    size_t                used;
} slices_t;


static const char  *most_call;
static uint64_t     most_blocks;
static uint64_t     most_bound = SLICES_MOST;


#define measured(what, call)                                                  \
    do {                                                                      \
        blocks = 0;                                                           \
        call;                                                                 \
        torus_slices_told(what, blocks);                                      \
    } while (0)


static void
torus_slices_told(const char *what, uint64_t n)
{
    if (n > most_blocks) {
        most_blocks = n;
        most_call = what;
    }
}


static const char  schema[] =
    "{ \"TIMESERIES\": {"
    "  \"g\": { \"type\": \"gauge\", \"match\": \"g.**\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 10000 } } },"
    "  \"c\": { \"type\": \"count\", \"match\": \"c.**\","
    "    \"intervals\": { \"r\": { \"step\": 3600, \"steps\": 1000,"
    "      \"resolution\": 60 } } },"
    "  \"h\": { \"type\": \"histogram\", \"match\": \"h.**\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 10000 } } },"
    "  \"s\": { \"type\": \"series\", \"match\": \"s.**\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 10000 } } },"
    "  \"u\": { \"type\": \"set\", \"match\": \"u.**\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 10000 } } },"
    "  \"l\": { \"type\": \"gauge\", \"match\": \"l.**\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 10000 } } },"
    "  \"w\": { \"type\": \"gauge\", \"match\": \"w.**\","
    "    \"intervals\": { \"m\": { \"step\": 60, \"steps\": 10000 } } }"
    "} }";


static void *
slices_alloc(slices_t *w, size_t n)
{
    void  *p;

    n = (n + 15) & ~(size_t) 15;
    p = w->memory + w->used;
    w->used += n;

    if (w->used > SLICES_BYTES) {
        fprintf(stderr, "a reply is too large\n");
        abort();
    }

    memset(p, 0, n);

    return p;
}


static redisReply *
slices_array(slices_t *w, size_t n)
{
    redisReply  *r;

    r = slices_alloc(w, sizeof(redisReply));
    r->type = REDIS_REPLY_ARRAY;
    r->element = slices_alloc(w, (n + 1) * sizeof(redisReply *));
    r->elements = n;

    return r;
}


static redisReply *
slices_string(slices_t *w, const char *fmt, ...)
{
    int          n;
    char         text[256];
    va_list      args;
    redisReply  *r;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    r = slices_alloc(w, sizeof(redisReply));
    r->type = REDIS_REPLY_STRING;
    r->str = slices_alloc(w, (size_t) n + 1);
    r->len = (size_t) n;
    memcpy(r->str, text, (size_t) n);

    return r;
}


/* Commands are taken apart again, as Redis does. */
static size_t
slices_argument(const char **p, torus_str_t *arg)
{
    size_t  n;
    char   *end;

    n = strtoul(*p + 1, &end, 10);
    *arg = torus_str(end + 2, n);
    *p = end + 2 + n + 2;

    return n;
}


static size_t
slices_head(const char **p)
{
    size_t  n;
    char   *end;

    n = strtoul(*p + 1, &end, 10);
    *p = end + 2;

    return n;
}


/* Beneath a node of the index: leaves, or branches ("g.b07.s12"). */
static void
slices_members(slices_t *w, const char *path, size_t from, size_t n,
    redisReply *members)
{
    size_t       i, k;
    const char  *dot;

    dot = strchr(path, '.');
    k = 0;

    for (i = from; i < from + n; i++) {

        if (*path == '\0') {
            members->element[k++] = slices_string(w, "%c.",
                                                  "gchsuw"[i % 6]);

        } else if (dot == NULL && *path != 'w') {
            members->element[k++] = slices_string(w, "b%02zu.", i);

        } else {
            members->element[k++] = slices_string(w, "s%06zu",
                                                  (i * 7919) % 100000);
        }

        members->element[k++] = slices_string(w, "%" PRId64, w->conf.now);
    }
}


static redisReply *
slices_zscan(slices_t *w, torus_str_t key, torus_str_t cursor)
{
    char           path[256];
    size_t         n, at, all;
    redisReply    *r;
    unsigned char  root[64];

    n = torus_layout_names(root, torus_str("", 0), torus_str("", 0));
    snprintf(path, sizeof(path), "%.*s", (int) (key.len - n),
             (const char *) key.data + n);

    at = strtoul((const char *) cursor.data, NULL, 10);

    all = *path == '\0' ? (w->wide ? 1 : 6)
          : *path == 'w' ? 100000
          : w->wide && strchr(path, '.') == NULL ? 2000 : 100;
    n = all - at < 2000 ? all - at : 2000;

    r = slices_array(w, 2);
    r->element[0] = slices_string(w, "%zu", at + n == all ? 0 : at + n);
    r->element[1] = slices_array(w, 2 * n);
    slices_members(w, path, at, n, r->element[1]);

    return r;
}


/* A hundred thousand stats, one key each. */
static redisReply *
slices_scan(slices_t *w, torus_str_t cursor, torus_str_t count)
{
    size_t       i, n, at;
    redisReply  *r;

    at = strtoul((const char *) cursor.data, NULL, 10);
    n = strtoul((const char *) count.data, NULL, 10);
    n = n < 100000 - at ? n : 100000 - at;

    r = slices_array(w, 2);
    r->element[0] = slices_string(w, "%zu", at + n == 100000 ? 0 : at + n);
    r->element[1] = slices_array(w, n);

    for (i = 0; i < n; i++) {
        r->element[1]->element[i] =
            slices_string(w, "l.s%06zu:m:%" PRId64,
                          (at + i) * 7919 % 100000, w->conf.now / 60);
    }

    return r;
}


/* The number at the end of a key. */
static int64_t
slices_bucket(torus_str_t key)
{
    size_t  i;

    for (i = key.len; key.data[i - 1] != ':'; i--) {
        /* void */
    }

    return strtoll((const char *) key.data + i, NULL, 10);
}


static redisReply *
slices_answer(slices_t *w, const char **p)
{
    size_t        i, n, argc;
    int64_t       bucket;
    torus_str_t   argv[4], arg;
    redisReply   *r;

    argc = slices_head(p);
    slices_argument(p, &argv[0]);

    if (torus_str_is(argv[0], "MGET")) {
        r = slices_array(w, argc - 1);

        for (i = 0; i < argc - 1; i++) {
            slices_argument(p, &arg);
            n = (size_t) torus_hash(arg.data, arg.len, 0);
            r->element[i] = slices_string(w, "%zu.%zu", n % 1000,
                                          n / 1000 % 1000 + 1);

            if (n % 16 == 0) {
                r->element[i]->type = REDIS_REPLY_NIL;
            }
        }

        return r;
    }

    for (i = 1; i < argc; i++) {
        slices_argument(p, &arg);

        if (i < 4) {
            argv[i] = arg;
        }
    }

    if (torus_str_is(argv[0], "ZSCAN")) {
        return slices_zscan(w, argv[1], argv[2]);
    }

    if (torus_str_is(argv[0], "SCAN")) {
        return slices_scan(w, argv[1], arg);
    }

    if (torus_str_is(argv[0], "ZMSCORE")) {
        r = slices_array(w, argc - 2);

        for (i = 0; i < argc - 2; i++) {
            r->element[i] = slices_string(w, "%" PRId64, w->conf.now);
        }

        return r;
    }

    if (torus_str_is(argv[0], "SMEMBERS") && argv[1].data[0] == 'c') {
        bucket = slices_bucket(argv[1]);
        r = slices_array(w, 60);

        for (i = 0; i < 60; i++) {
            r->element[i] = slices_string(w, "%" PRId64,
                                          bucket * 60 + (int64_t) i);
        }

        return r;
    }

    if (torus_str_is(argv[0], "UNLINK") || torus_str_is(argv[0], "ZREM")) {
        r = slices_string(w, "");
        r->type = REDIS_REPLY_INTEGER;
        r->integer = 1;
        return r;
    }

    /* the values of "h.large" are many */

    n = torus_str_is(argv[0], "HGETALL") ? 16 : 8;

    if (argv[1].len > 7 && memcmp(argv[1].data + 2, "large", 5) == 0) {
        n = SLICES_REPLY;
    }

    r = slices_array(w, n);

    for (i = 0; i < n; i++) {
        r->element[i] = slices_string(w, i % 2 ? "%zu" : "%zu.5", i + 1);
    }

    return r;
}


/* The batch's replies, and all that may be called in between. */
static void
slices_replies(slices_t *w, torus_request_t *r, const torus_batch_t *batch)
{
    char        *text;
    size_t       i;
    const char  *p;
    redisReply  *reply;

    text = malloc(batch->bytes.len + 1);
    memcpy(text, batch->bytes.data, batch->bytes.len);
    text[batch->bytes.len] = '\0';
    p = text;

    for (i = 0; i < batch->replies; i++) {
        w->used = 0;
        reply = slices_answer(w, &p);

        measured("reply", (void) torus_request_reply(r, batch->host, reply));
    }

    free(text);
}


/* As the HTTP handler does it. */
static unsigned
slices_run(slices_t *w, torus_command_t command, torus_arg_t *args,
    size_t nargs, size_t *bytes)
{
    int               rc;
    unsigned          status;
    torus_str_t       out;
    torus_batch_t     batch;
    torus_request_t  *r;

    *bytes = 0;
    most_blocks = 0;
    most_call = "nothing";

    measured("create", r = torus_request_create(&w->conf, command, args,
                                                nargs));

    for ( ;; ) {
        out = torus_request_output(r);

        if (out.len > 65536 || (out.len != 0 && torus_request_done(r))) {
            *bytes += out.len;
            measured("drain", torus_request_drain(r, out.len));
            continue;
        }

        if (torus_request_done(r)) {
            break;
        }

        measured("next", rc = torus_request_next(r, &batch));

        if (rc == TORUS_OK) {
            slices_replies(w, r, &batch);

        } else if (torus_request_busy(r)) {
            measured("work", torus_request_work(r));

        } else if (out.len != 0) {
            *bytes += out.len;
            measured("drain", torus_request_drain(r, out.len));

        } else if (!torus_request_done(r)) {
            fail("it goes on");
            break;
        }
    }

    status = torus_request_status(r);

    if (status != 200) {
        diag("%u: %s", status, torus_request_error(r));
    }

    measured("destroy", torus_request_destroy(r));

    return status;
}


static void
slices_check(slices_t *w, const char *name, torus_command_t command,
    torus_arg_t *args, size_t nargs, unsigned status)
{
    size_t  bytes;

    is_int(slices_run(w, command, args, nargs, &bytes), status, "%s", name);
    ok(most_blocks <= most_bound,
       "%s: %zu bytes, at most %" PRIu64 " blocks at once, in \"%s\"", name,
       bytes, most_blocks, most_call);
}


static void
slices_arg(torus_arg_t *arg, const char *name, const char *value)
{
    arg->name = torus_str(name, strlen(name));
    arg->value = torus_str(value, strlen(value));
}


static void
slices_render(slices_t *w, const char *target, const char *from,
    const char *more)
{
    torus_arg_t  args[4];

    slices_arg(&args[0], "target", target);
    slices_arg(&args[1], "from", from);
    slices_arg(&args[2], "format", more);
    slices_arg(&args[3], "maxDataPoints", "40");

    slices_check(w, target, TORUS_COMMAND_RENDER, args,
                 strcmp(more, "json") == 0 ? 4 : 3, 200);
}


static void
test_large(slices_t *w)
{
    slices_render(w, "g.*.*", "-1h", "raw");
    slices_render(w, "g.*.*", "-1h", "json");
    slices_render(w, "g.*.*", "-39min", "json");
    slices_render(w, "g.*.*", "-2min", "json");
    slices_render(w, "sumSeries(g.*.*)", "-1h", "pickle");
    slices_render(w, "groupByNode(g.*.*,1,'sum')", "-1h", "csv");
    slices_render(w, "c.*.*", "-1h", "raw");
    slices_render(w, "h.b0*.*", "-1h", "raw");
    slices_render(w, "sumSeries(h.b0*.*)", "-1h", "raw");
    slices_render(w, "s.b0*.*", "-1h", "json");
    slices_render(w, "u.b0*.*", "-1h", "raw");
    slices_render(w, "w.s00*", "-1h", "raw");
    slices_render(w, "g.b01.s000001", "-100h", "raw");
    slices_render(w, "movingAverage(g.b01.*,'10min')", "-1h", "raw");
}


/* What a bucket of one stat holds is put in order in slices. */
static void
test_values(slices_t *w)
{
    slices_render(w, "h.large", "-10min", "raw");
    slices_render(w, "u.large", "-10min", "raw");
}


/* As many targets as there may be, and as many leaves as those may have. */
static void
test_targets(slices_t *w)
{
    size_t       i;
    char         text[1000][64];
    torus_arg_t  args[1001];

    for (i = 0; i < 1000; i++) {
        snprintf(text[i], sizeof(text[i]), "group(g.b%02zu.s00*,g.b1.s%06zu)",
                 i % 100, i);
        slices_arg(&args[i], "target", text[i]);
    }

    slices_arg(&args[1000], "from", "-1min");

    most_bound = SLICES_SOME;
    slices_check(w, "a thousand targets", TORUS_COMMAND_RENDER, args, 1001,
                 200);
    most_bound = SLICES_MOST;
}


/* As many different globs as there may be leaves; nothing has such a name. */
static void
test_globs(slices_t *w)
{
    size_t        i, k, n;
    torus_arg_t   args[1001];
    static char   text[1000][512];

    for (i = 0; i < 1000; i++) {
        n = (size_t) snprintf(text[i], sizeof(text[i]), "group(");

        for (k = 0; k < 20; k++) {
            n += (size_t) snprintf(text[i] + n, sizeof(text[i]) - n,
                                   "%sz%zu*.a", k == 0 ? "" : ",",
                                   20 * i + k);
        }

        strcpy(text[i] + n, ")");
        slices_arg(&args[i], "target", text[i]);
    }

    slices_arg(&args[1000], "from", "-1min");

    most_bound = SLICES_SOME;
    slices_check(w, "as many globs as there may be", TORUS_COMMAND_RENDER,
                 args, 1001, 200);
    most_bound = SLICES_MOST;
}


/* What is wrong is told before anything is read, wherever it is. */
static void
test_faults(slices_t *w)
{
    size_t            i;
    torus_arg_t       args[1001];
    torus_batch_t     batch;
    torus_request_t  *r;

    static char         text[1001][32];
    static const char   fault[] = "unknown function \"nix\"";

    for (i = 0; i < 1001; i++) {
        snprintf(text[i], sizeof(text[i]), "scale(g.b%02zu.s%06zu,2)",
                 i % 100, i);
        slices_arg(&args[i], "target", text[i]);
    }

    for (i = 0; i < 2; i++) {
        r = torus_request_create(&w->conf, TORUS_COMMAND_RENDER, args,
                                 i == 0 ? 1001 : 1000);

        while (torus_request_busy(r)) {
            is_int(torus_request_next(r, &batch), TORUS_DECLINED,
                   "nothing is read yet");
            torus_request_work(r);
        }

        if (i == 0) {
            is_int(torus_request_status(r), 413, "a target too many");
            is_cstr(torus_request_error(r), "more than 1000 targets",
                    ".. is told");
            slices_arg(&args[999], "target", "nix(a)");

        } else {
            is_int(torus_request_status(r), 400, "the last target is wrong");
            ok(strstr(torus_request_error(r), fault) != NULL, ".. %s",
               torus_request_error(r));
        }

        torus_request_destroy(r);
    }
}


/* A name that many leaves have, with points that are written ahead. */
static void
test_shared(slices_t *w)
{
    size_t       i;
    char         text[200][64];
    torus_arg_t  args[202];

    for (i = 0; i < 200; i++) {
        snprintf(text[i], sizeof(text[i]), "g.b01.{s007919,no%zu}", i);
        slices_arg(&args[i], "target", text[i]);
    }

    slices_arg(&args[200], "target", "g.b02.*");
    slices_arg(&args[201], "from", "-15h");

    slices_check(w, "two hundred patterns for a name", TORUS_COMMAND_RENDER,
                 args, 202, 200);
}


static void
test_names(slices_t *w)
{
    size_t       memory;
    torus_arg_t  args[3];

    slices_arg(&args[0], "query", "w.*");
    slices_check(w, "find", TORUS_COMMAND_FIND, args, 1, 200);

    slices_arg(&args[1], "format", "completer");
    slices_check(w, "find for a completer", TORUS_COMMAND_FIND, args, 2, 200);

    slices_check(w, "expand", TORUS_COMMAND_EXPAND, args, 1, 200);
    slices_check(w, "index.json", TORUS_COMMAND_INDEX, args, 0, 413);

    w->conf.limits.names = 0;
    slices_check(w, "index.json of all", TORUS_COMMAND_INDEX, args, 0, 200);

    /* found names go out before more are looked for */

    memory = w->conf.limits.memory;
    w->conf.limits.memory = 12 * 1024 * 1024;
    w->wide = 1;
    slices_check(w, "index.json of more than there is memory for",
                 TORUS_COMMAND_INDEX, args, 0, 200);
    w->wide = 0;
    w->conf.limits.memory = memory;
    w->conf.limits.names = 100000;

    slices_check(w, "list", TORUS_COMMAND_LIST, args, 0, 200);

    slices_arg(&args[0], "match", "l.*");
    slices_arg(&args[1], "dry_run", "1");
    slices_check(w, "what would be deleted", TORUS_COMMAND_DELETE, args, 2,
                 200);
}


static void
test_stats(slices_t *w)
{
    size_t       i;
    char         text[1000][32];
    torus_arg_t  args[1003];

    for (i = 0; i < 1000; i++) {
        snprintf(text[i], sizeof(text[i]), "%c.b01.s%06zu", "ghsuc"[i % 5],
                 i);
        slices_arg(&args[i], "stat", text[i]);
    }

    slices_check(w, "properties", TORUS_COMMAND_PROPERTIES, args, 1000, 200);

    slices_arg(&args[1000], "start", "10 minutes ago");
    slices_arg(&args[1001], "steps", "10");
    most_bound = SLICES_BEGIN;
    slices_check(w, "series", TORUS_COMMAND_SERIES, args, 1002, 200);

    slices_arg(&args[1002], "collapse", "1");
    slices_check(w, "series, collapsed", TORUS_COMMAND_SERIES, args, 1003,
                 200);

    slices_arg(&args[1002], "format", "json");
    slices_check(w, "series, json", TORUS_COMMAND_SERIES, args, 1003, 200);
    most_bound = SLICES_MOST;
}


/* An argument that suits the parameter. */
static const char *
slices_param(const torus_graph_param_t *p, int histograms, char *text,
    size_t size)
{
    size_t       n;
    const char  *words;

    words = p->options != NULL ? p->options : p->suggestions;

    switch (p->type) {

    case TORUS_GRAPH_SERIES_LIST:
        return strcmp(p->name, "divisorSeries") == 0 ? "g.b02.s000000"
               : histograms ? "h.b0*.*" : "g.b[01]*.*";

    case TORUS_GRAPH_NODE:
    case TORUS_GRAPH_NODE_OR_TAG:
        return "1";

    case TORUS_GRAPH_INTEGER:
    case TORUS_GRAPH_INT_OR_INF:
        return "5";

    case TORUS_GRAPH_FLOAT:
        return "2.5";

    case TORUS_GRAPH_BOOLEAN:
        return "true";

    case TORUS_GRAPH_INTERVAL:
    case TORUS_GRAPH_INT_OR_INTERVAL:
        return "'10min'";

    case TORUS_GRAPH_AGG:
        return "'median'";

    case TORUS_GRAPH_TAG:
        return "'name'";

    case TORUS_GRAPH_ANY:
        return "g.b[01]*.*";

    default:
        break;
    }

    if (words == NULL) {
        return "'s0'";
    }

    n = strcspn(words, " ");
    snprintf(text, size, "'%.*s'", (int) n, words);

    return text;
}


static void
slices_function(slices_t *w, const torus_graph_func_t *func)
{
    int                         histograms;
    char                        target[512], text[64];
    size_t                      i;
    const torus_graph_param_t  *p;

    static const char *const  names[] = {
        "percentile", "count", "mean", "rate", "histogramBuckets"
    };

    histograms = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        histograms |= (strcmp(func->name, names[i]) == 0);
    }

    snprintf(target, sizeof(target), "%s(", func->name);

    for (i = 0; func->params[i].name != NULL; i++) {
        p = &func->params[i];

        if (i != 0 && !(p->flags & TORUS_GRAPH_REQUIRED)
            && p->type != TORUS_GRAPH_NODE
            && p->type != TORUS_GRAPH_NODE_OR_TAG)
        {
            break;
        }

        snprintf(target + strlen(target), sizeof(target) - strlen(target),
                 "%s%s", i == 0 ? "" : ",",
                 slices_param(p, histograms, text, sizeof(text)));
    }

    strcat(target, ")");

    slices_render(w, target, "-1h", "raw");
}


/* Each function of the table, over two thousand series. */
static void
test_functions(slices_t *w)
{
    size_t                     i, k;
    const torus_graph_func_t  *func;

    static const torus_graph_func_t *const  tables[] = {
        torus_graph_combine, torus_graph_divisions, torus_graph_percents,
        torus_graph_grouping, torus_graph_transform, torus_graph_summaries,
        torus_graph_times, torus_graph_calculate, torus_graph_filter,
        torus_graph_sort, torus_graph_alias, torus_graph_special
    };

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {

        for (k = 0; tables[i][k].name != NULL; k++) {
            func = &tables[i][k];

            if (func->map != NULL || func->run != NULL) {
                slices_function(w, func);
            }
        }
    }
}


static void
slices_report(void *data, torus_report_level_t level, const char *text)
{
    (void) data;
    (void) level;

    diag("%s", text);
}


int
main(int argc, char **argv)
{
    slices_t               w;
    torus_schema_source_t  source;

    memset(&w, 0, sizeof(slices_t));
    memset(&source, 0, sizeof(torus_schema_source_t));

    source.file = torus_str("schema.json", 11);
    source.text = torus_str(schema, sizeof(schema) - 1);

    w.memory = malloc(SLICES_BYTES);

    if (torus_schema_load(&source, 1, slices_report, NULL, &w.set)
        != TORUS_OK)
    {
        return 1;
    }

    w.conf.set = w.set;
    w.conf.now = 1700000000;
    w.conf.limits.stats = 1000;
    w.conf.limits.points = 100000000;
    w.conf.limits.names = 100000;
    w.conf.limits.targets = 1000;
    w.conf.limits.series = 20000;
    w.conf.limits.memory = 1024 * 1024 * 1024;

    if (argc > 1) {
        slices_render(&w, argv[1], argc > 2 ? argv[2] : "-1h", "raw");
        return done_testing();
    }

    test_large(&w);
    test_values(&w);
    test_targets(&w);
    test_shared(&w);
    test_globs(&w);
    test_faults(&w);
    test_names(&w);
    test_stats(&w);
    test_functions(&w);

    torus_schema_set_destroy(w.set);
    free(w.memory);

    return done_testing();
}
