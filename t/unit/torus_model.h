/*
 * A world in one process for tests of the read path: a schema set made from
 * a recorded dataset, a small model of Redis that holds what the write path
 * stored, and a driver that runs a request against it as the HTTP handler
 * does, down to the bytes of commands and replies.
 *
 * The model answers SCAN in pages of a few keys and gives one key of each
 * page twice, because Redis may.
 */

#ifndef _TORUS_MODEL_H_INCLUDED_
#define _TORUS_MODEL_H_INCLUDED_


#include "torus_names.h"
#include "torus_request.h"
#include "torus_store.h"
#include "torus_test.h"


#define TORUS_MODEL_PAGE  3


typedef struct {
    torus_schema_set_t   *set;
    torus_store_t         store;
    torus_names_t         names;         /* torus_model_index() */
    uint64_t              counters[TORUS_COUNTERS_N];
    json_t               *dbs[8];        /* by index of the host */
    int64_t               now;
    torus_limits_t        limits;        /* of requests */
    unsigned              explain;       /* may be asked for */
    unsigned              open_null;     /* "torus_open_bucket" */
    size_t                drain;         /* bytes a client takes at a time */
    uint32_t              chance;        /* hosts answer in any order; 0: not */
    size_t                fault_at;      /* the n-th reply is fault, 0: none */
    const char           *fault;
    torus_str_t         (*invent)(void *data);  /* every reply; NULL: not */
    void                 *data;
    char                  faults[4096];  /* of the schema */
} torus_model_t;


/* What became of a request. */
typedef struct {
    unsigned               status;
    int                    broken;
    unsigned               max_age;
    torus_buf_t            body;
    char                   error[TORUS_ERROR_SIZE];
    char                   type[64];
    torus_request_stats_t  stats;
    size_t                 replies;
    size_t                 owed;     /* that had not come when it was done */
    size_t                 most;     /* output that was ready at once */
} torus_result_t;


/*
 * Keys that were unlinked are null, so that SCAN's cursors stay right.  Keys
 * and members are bytes, also where they are no UTF-8.
 */
static inline json_t *
torus_model_get(torus_model_t *m, size_t db, const char *name)
{
    json_t  *key;

    key = json_object_get(m->dbs[db], name);

    return json_is_null(key) ? NULL : key;
}


/* The value of a key of that type, made when missing; NULL: another type. */
static inline json_t *
torus_model_key(torus_model_t *m, size_t db, const char *name,
    const char *type)
{
    json_t  *key;

    if (m->dbs[db] == NULL) {
        m->dbs[db] = json_object();
    }

    key = torus_model_get(m, db, name);

    if (key == NULL) {
        key = json_object();
        json_object_set_new(key, "type", json_string(type));
        json_object_set_new(key, "value",
                            strcmp(type, "string") == 0 ? json_string("0")
                            : strcmp(type, "list") == 0 ? json_array()
                            : json_object());
        json_object_set_new_nocheck(m->dbs[db], name, key);
    }

    if (strcmp(json_string_value(json_object_get(key, "type")), type) != 0) {
        return NULL;
    }

    return json_object_get(key, "value");
}


static inline void
torus_model_set(torus_model_t *m, size_t db, const char *name,
    const char *text)
{
    json_object_set_new(json_object_get(m->dbs[db], name), "value",
                        json_string_nocheck(text));
}


/* INCRBY and INCRBYFLOAT; the first falls back to the second. */
static inline const char *
torus_model_sum(const char *old, const char *delta, char text[512])
{
    char       *e, *f;
    size_t      n;
    long long   a, b, sum;

    old = old != NULL ? old : "0";

    a = strtoll(old, &e, 10);
    b = strtoll(delta, &f, 10);

    if (*e == '\0' && *f == '\0' && !__builtin_add_overflow(a, b, &sum)) {
        snprintf(text, 512, "%lld", sum);
        return text;
    }

    snprintf(text, 512, "%.17Lf",
             strtold(old, NULL) + strtold(delta, NULL));

    n = strlen(text);

    while (text[n - 1] == '0') {
        n--;
    }

    text[text[n - 1] == '.' ? n - 1 : n] = '\0';

    return text;
}


static inline int
torus_model_sink(void *data, const torus_host_t *host, const torus_op_t *op)
{
    char            key[4096], arg[4096], field[64], delta[32], sum[512];
    size_t          db;
    json_t         *v, *n;
    const char     *text;
    torus_model_t  *m = data;

    static const char *const  types[] = {
        "string", "string", "hash", "list", "set", "string", "hash", "hash",
        "hash", "zset", "zset"
    };

    db = host->index;

    snprintf(key, sizeof(key), "%.*s", torus_fmt(op->key));
    snprintf(arg, sizeof(arg), "%.*s", torus_fmt(op->arg));
    snprintf(delta, sizeof(delta), "%" PRId64, op->delta);

    if (op->kind == TORUS_OP_HADDFLOAT || op->kind == TORUS_OP_HSET) {
        snprintf(field, sizeof(field), "%.*s", torus_fmt(op->field));
    }

    v = torus_model_key(m, db, key, types[op->kind]);

    if (v == NULL) {
        return TORUS_OK;
    }

    switch (op->kind) {

    case TORUS_OP_INCRBY:
        torus_model_set(m, db, key,
                        torus_model_sum(json_string_value(v), delta, sum));
        break;

    case TORUS_OP_INCRBYFLOAT:
        torus_model_set(m, db, key,
                        torus_model_sum(json_string_value(v), arg, sum));
        break;

    case TORUS_OP_HINCRBY:
        n = json_object_get(v, arg);
        json_object_set_new_nocheck(v, arg,
                                    json_integer(op->delta
                                                 + json_integer_value(n)));
        break;

    case TORUS_OP_RPUSH:
        json_array_append_new(v, json_string_nocheck(arg));
        break;

    case TORUS_OP_SADD:
        json_object_set_new_nocheck(v, arg, json_integer(1));
        break;

    case TORUS_OP_SET:
        torus_model_set(m, db, key, arg);
        break;

    case TORUS_OP_HADD:
        text = torus_model_sum(json_string_value(json_object_get(v, arg)),
                               delta, sum);
        json_object_set_new_nocheck(v, arg, json_string_nocheck(text));
        break;

    case TORUS_OP_HADDFLOAT:
        text = torus_model_sum(json_string_value(json_object_get(v, field)),
                               arg, sum);
        json_object_set_new_nocheck(v, field, json_string_nocheck(text));
        break;

    case TORUS_OP_HSET:
        json_object_set_new_nocheck(v, field, json_string_nocheck(arg));
        break;

    case TORUS_OP_ZADD:
        n = json_object_get(v, arg);

        if (n == NULL || json_integer_value(n) < op->delta) {
            json_object_set_new_nocheck(v, arg, json_integer(op->delta));
        }

        break;

    case TORUS_OP_ZPRUNE:
        break;
    }

    return TORUS_OK;
}


static inline void
torus_model_report(void *data, torus_report_level_t level, const char *text)
{
    size_t          n;
    torus_model_t  *m = data;

    if (level == TORUS_REPORT_ERROR) {
        n = strlen(m->faults);
        snprintf(m->faults + n, sizeof(m->faults) - n, "%s\n", text);
    }
}


/* Of a schema file's text. */
static inline torus_model_t *
torus_model_create(const char *schema, int64_t now)
{
    torus_model_t          *m;
    torus_schema_source_t   source;

    m = calloc(1, sizeof(torus_model_t));

    source.file = torus_str("schema.json", 11);
    source.text = torus_str(schema, strlen(schema));

    if (torus_schema_load(&source, 1, torus_model_report, m, &m->set)
        != TORUS_OK)
    {
        bail_out("schema of a test: %s%s", m->faults, schema);
    }

    m->now = now;
    m->store.set = m->set;
    m->store.router = torus_router_create(m->set, 65536, 17);
    m->store.counters = m->counters;
    m->store.sink = torus_model_sink;
    m->store.data = m;

    if (m->store.router == NULL || torus_store_init(&m->store) != TORUS_OK) {
        bail_out("out of memory");
    }

    return m;
}


/* From now on the store keeps the index of names. */
static inline void
torus_model_index(torus_model_t *m)
{
    m->names.set = m->set;
    m->names.sink = torus_model_sink;
    m->names.data = m;
    m->names.nodes = 1024;
    m->store.names = &m->names;

    if (torus_names_init(&m->names) != TORUS_OK) {
        bail_out("out of memory");
    }
}


static inline void
torus_model_destroy(torus_model_t *m)
{
    size_t  i;

    for (i = 0; i < sizeof(m->dbs) / sizeof(m->dbs[0]); i++) {
        json_decref(m->dbs[i]);
    }

    torus_store_free(&m->store);
    torus_names_free(&m->names);
    torus_router_destroy(m->store.router);
    torus_schema_set_destroy(m->set);

    free(m);
}


static inline int
torus_model_point(torus_model_t *m, const char *stat, const char *value,
    int64_t ts)
{
    torus_counter_t  reason;

    return torus_store_point(&m->store, torus_str(stat, strlen(stat)),
                             torus_str(value, strlen(value)), ts, m->now,
                             &reason);
}


/*
 * A recorded setting in our words: of steps 3m were months, and a file with
 * an integer beyond 64 bits has all its integers read as doubles.
 */
static inline json_t *
torus_model_setting(const json_t *step)
{
    char    text[64];
    size_t  n;

    if (json_is_number(step)) {
        return json_integer((json_int_t) json_number_value(step));
    }

    n = (size_t) snprintf(text, sizeof(text), "%s", json_string_value(step));

    if (text[0] >= '0' && text[0] <= '9' && text[n - 1] == 'm') {
        strcat(text, "on");
    }

    return json_string(text);
}


static inline json_t *
torus_model_schema(json_t *theirs)
{
    char         text[1024];
    json_t      *ours, *intervals, *iv, *copy, *v;
    const char  *name, *key;

    ours = json_object();
    json_object_set(ours, "type", torus_test_member(theirs, "type"));

    snprintf(text, sizeof(text), "~%s",
             json_string_value(torus_test_member(theirs, "match")));
    json_object_set_new(ours, "match", json_string(text));

    json_object_foreach(theirs, key, v) {

        if (strcmp(key, "prefix") == 0) {
            json_object_set(ours, key, v);

        } else if (strcmp(key, "rolling") == 0) {
            json_object_set_new(ours, key, torus_model_setting(v));

        } else if (strcmp(key, "db") == 0) {
            snprintf(text, sizeof(text), "localhost:6379/%d",
                     (int) json_number_value(v));
            json_object_set_new(ours, "host", json_string(text));
        }
    }

    intervals = json_object();

    json_object_foreach(torus_test_member(theirs, "intervals"), name, iv) {
        copy = json_object();

        json_object_foreach(iv, key, v) {
            json_object_set_new(copy, key, torus_model_setting(v));
        }

        json_object_set_new(intervals, name, copy);
    }

    json_object_set_new(ours, "intervals", intervals);

    return ours;
}


/* A world of a recorded dataset, its points stored. */
static inline torus_model_t *
torus_model_dataset(json_t *dataset)
{
    char           *text;
    size_t          i;
    json_t         *root, *schemas, *s, *points, *p;
    torus_model_t  *m;

    root = json_object();
    schemas = json_object();

    json_array_foreach(torus_test_member(dataset, "schemas"), i, s) {
        json_object_set_new(schemas,
                            json_string_value(torus_test_member(s, "name")),
                            torus_model_schema(s));
    }

    json_object_set_new(root, "TIMESERIES", schemas);

    if (json_object_get(dataset, "aggregates") != NULL) {
        json_object_set(root, "AGGREGATES",
                        json_object_get(dataset, "aggregates"));
    }

    text = json_dumps(root, JSON_INDENT(1));
    p = torus_test_member(dataset, "now");
    m = torus_model_create(text, (int64_t) json_number_value(p));

    free(text);
    json_decref(root);

    points = torus_test_member(dataset, "inserts");

    json_array_foreach(points, i, p) {
        torus_model_point(m, json_string_value(json_array_get(p, 0)),
                          json_string_value(json_array_get(p, 1)),
                          (int64_t) json_number_value(json_array_get(p, 2)));
    }

    return m;
}


/* Redis's glob, as SCAN's MATCH has it. */
static inline int
torus_model_glob(const char *p, const char *s)
{
    int  found;

    for ( /* void */ ; *p != '\0'; p++) {

        if (*p == '*') {
            for ( /* void */ ; *s != '\0'; s++) {
                if (torus_model_glob(p + 1, s)) {
                    return 1;
                }
            }

            return torus_model_glob(p + 1, s);
        }

        if (*s == '\0') {
            return 0;
        }

        if (*p == '[') {
            found = 0;

            for (p++; *p != ']' && *p != '\0'; p++) {
                found |= *p == *s;
            }

            if (!found) {
                return 0;
            }

        } else {
            if (*p == '\\' && p[1] != '\0') {
                p++;

            } else if (*p == '?') {
                s++;
                continue;
            }

            if (*p != *s) {
                return 0;
            }
        }

        s++;
    }

    return *s == '\0';
}


static inline void
torus_model_bulk(torus_buf_t *out, const char *text)
{
    torus_buf_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}


/* "SCAN cursor [MATCH pattern] COUNT n" */
static inline void
torus_model_scan(torus_model_t *m, size_t db, const redisReply *cmd,
    torus_buf_t *out)
{
    void         *iter;
    size_t        i, from, n;
    torus_buf_t   keys;
    const char   *pattern, *key, *last;

    from = (size_t) atoi(cmd->element[1]->str);
    pattern = cmd->elements == 6 ? cmd->element[3]->str : "*";
    last = NULL;
    i = 0;
    n = 0;

    torus_buf_init(&keys, 0);

    for (iter = json_object_iter(m->dbs[db]);
         iter != NULL && i < from + TORUS_MODEL_PAGE;
         iter = json_object_iter_next(m->dbs[db], iter))
    {
        key = json_object_iter_key(iter);

        if (i++ >= from && !json_is_null(json_object_iter_value(iter))
            && torus_model_glob(pattern, key))
        {
            torus_model_bulk(&keys, key);
            last = key;
            n++;
        }
    }

    if (last != NULL) {
        torus_model_bulk(&keys, last);
        n++;
    }

    torus_buf_printf(out, "*2\r\n$%d\r\n%zu\r\n*%zu\r\n",
                     snprintf(NULL, 0, "%zu", iter != NULL ? i : 0),
                     iter != NULL ? i : 0, n);
    torus_buf_add(out, keys.pos, torus_buf_len(&keys));
    torus_buf_free(&keys);
}


/* "ZSCAN key cursor [MATCH pattern] COUNT n", like SCAN */
static inline void
torus_model_zscan(json_t *set, const redisReply *cmd, torus_buf_t *out)
{
    char          score[32];
    void         *iter;
    size_t        i, from, n;
    torus_buf_t   members;
    const char   *pattern;

    from = (size_t) atoi(cmd->element[2]->str);
    pattern = cmd->elements == 7 ? cmd->element[4]->str : "*";
    i = 0;
    n = 0;

    torus_buf_init(&members, 0);

    for (iter = json_object_iter(set);
         iter != NULL && i < from + TORUS_MODEL_PAGE;
         iter = json_object_iter_next(set, iter))
    {
        /* one of the page before comes again */

        if (++i < from
            || !torus_model_glob(pattern, json_object_iter_key(iter)))
        {
            continue;
        }

        snprintf(score, sizeof(score), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_iter_value(iter)));
        torus_model_bulk(&members, json_object_iter_key(iter));
        torus_model_bulk(&members, score);
        n += 2;
    }

    torus_buf_printf(out, "*2\r\n$%d\r\n%zu\r\n*%zu\r\n",
                     snprintf(NULL, 0, "%zu", iter != NULL ? i : 0),
                     iter != NULL ? i : 0, n);
    torus_buf_add(out, members.pos, torus_buf_len(&members));
    torus_buf_free(&members);
}


/* A command on a sorted set; 0: it is none. */
static inline int
torus_model_sorted(torus_model_t *m, size_t db, const redisReply *cmd,
    torus_buf_t *out)
{
    char         score[32];
    size_t       i;
    json_t      *v, *s;
    long long    n;
    const char  *name, *key, *member;

    name = cmd->element[0]->str;

    if (name[0] != 'Z') {
        return 0;
    }

    key = cmd->element[1]->str;
    v = torus_model_key(m, db, key, "zset");
    n = 0;

    if (v == NULL) {
        torus_buf_addz(out, "-WRONGTYPE Operation against a key holding the "
                       "wrong kind of value\r\n");
        return 1;
    }

    if (strcmp(name, "ZSCAN") == 0) {
        torus_model_zscan(v, cmd, out);

    } else if (strcmp(name, "ZMSCORE") == 0) {
        torus_buf_printf(out, "*%zu\r\n", cmd->elements - 2);

        for (i = 2; i < cmd->elements; i++) {
            s = json_object_get(v, cmd->element[i]->str);
            snprintf(score, sizeof(score), "%" JSON_INTEGER_FORMAT,
                     json_integer_value(s));

            if (s != NULL) {
                torus_model_bulk(out, score);

            } else {
                torus_buf_addz(out, "$-1\r\n");
            }
        }

    } else {

        if (strcmp(name, "ZADD") == 0) {
            n = atoll(cmd->element[3]->str);
            member = cmd->element[4]->str;
            s = json_object_get(v, member);

            if (s == NULL || json_integer_value(s) < n) {
                json_object_set_new_nocheck(v, member, json_integer(n));
            }

            n = s == NULL;

        } else if (strcmp(name, "ZREM") == 0) {
            n = json_object_del(v, cmd->element[2]->str) == 0;

        } else if (strcmp(name, "ZREMRANGEBYSCORE") == 0) {
            void    *tmp;
            int64_t  most = atoll(cmd->element[3]->str);

            json_object_foreach_safe(v, tmp, member, s) {
                if (json_integer_value(s) <= most) {
                    json_object_del(v, member);
                    n++;
                }
            }
        }

        torus_buf_printf(out, ":%lld\r\n", n);
    }

    if (json_object_size(v) == 0) {
        json_object_set_new_nocheck(m->dbs[db], key, json_null());
    }

    return 1;
}


/* Answers one command, as bytes. */
static inline void
torus_model_answer(torus_model_t *m, size_t db, const redisReply *cmd,
    torus_buf_t *out)
{
    size_t       i, n;
    json_t      *key, *v, *e;
    const char  *name, *type, *want, *text;

    name = cmd->element[0]->str;

    if (strcmp(name, "SCAN") == 0) {
        torus_model_scan(m, db, cmd, out);
        return;
    }

    if (torus_model_sorted(m, db, cmd, out)) {
        return;
    }

    if (strcmp(name, "UNLINK") == 0 || strcmp(name, "EXPIREAT") == 0) {
        n = 0;

        for (i = 1; i < cmd->elements && name[0] == 'U'; i++) {
            if (torus_model_get(m, db, cmd->element[i]->str) != NULL) {
                json_object_set_new_nocheck(m->dbs[db], cmd->element[i]->str,
                                            json_null());
                n++;
            }
        }

        torus_buf_printf(out, ":%zu\r\n", n);
        return;
    }

    if (strcmp(name, "MGET") == 0) {
        torus_buf_printf(out, "*%zu\r\n", cmd->elements - 1);

        for (i = 1; i < cmd->elements; i++) {
            key = torus_model_get(m, db, cmd->element[i]->str);
            text = json_string_value(json_object_get(key, "value"));

            if (text != NULL) {
                torus_model_bulk(out, text);

            } else {
                torus_buf_addz(out, "$-1\r\n");
            }
        }

        return;
    }

    want = strcmp(name, "LRANGE") == 0 ? "list"
           : strcmp(name, "HGETALL") == 0 ? "hash"
           : strcmp(name, "SMEMBERS") == 0 ? "set" : "";

    if (*want == '\0') {
        torus_buf_addz(out, "-ERR unknown command\r\n");
        return;
    }

    key = torus_model_get(m, db, cmd->element[1]->str);

    if (key == NULL) {
        torus_buf_addz(out, "*0\r\n");
        return;
    }

    type = json_string_value(json_object_get(key, "type"));
    v = json_object_get(key, "value");

    if (strcmp(type, want) != 0) {
        torus_buf_addz(out, "-WRONGTYPE Operation against a key holding the "
                       "wrong kind of value\r\n");
        return;
    }

    if (strcmp(want, "list") == 0) {
        torus_buf_printf(out, "*%zu\r\n", json_array_size(v));

        json_array_foreach(v, i, e) {
            torus_model_bulk(out, json_string_value(e));
        }

        return;
    }

    torus_buf_printf(out, "*%zu\r\n",
                     json_object_size(v) * (strcmp(want, "hash") == 0 ? 2
                                                                      : 1));
    json_object_foreach(v, text, e) {
        torus_model_bulk(out, text);

        if (json_is_string(e)) {
            torus_model_bulk(out, json_string_value(e));

        } else if (strcmp(want, "hash") == 0) {
            torus_buf_printf(out, "$%d\r\n%" JSON_INTEGER_FORMAT "\r\n",
                             snprintf(NULL, 0, "%" JSON_INTEGER_FORMAT,
                                      json_integer_value(e)),
                             json_integer_value(e));
        }
    }
}


/* All commands of a batch; their replies as bytes.  Returns how many. */
static inline size_t
torus_model_batch(torus_model_t *m, const torus_batch_t *batch,
    torus_buf_t *out)
{
    void         *cmd;
    size_t        n;
    redisReader  *reader;

    n = 0;
    reader = redisReaderCreate();

    redisReaderFeed(reader, (const char *) batch->bytes.data,
                    batch->bytes.len);

    while (redisReaderGetReply(reader, &cmd) == REDIS_OK && cmd != NULL) {
        torus_model_answer(m, batch->host->index, cmd, out);
        freeReplyObject(cmd);
        n++;
    }

    if (reader->err) {
        bail_out("a batch is no RESP: %s", reader->errstr);
    }

    redisReaderFree(reader);

    return n;
}


static inline void
torus_model_drain(torus_model_t *m, torus_request_t *r, torus_result_t *res)
{
    torus_str_t  out;

    out = torus_request_output(r);

    if (out.len > res->most) {
        res->most = out.len;
    }

    if (m->drain != 0 && out.len > m->drain) {
        out.len = m->drain;
    }

    if (out.len != 0) {
        torus_buf_adds(&res->body, out);
        torus_request_drain(r, out.len);
    }
}


/* A reply, or what is said in its place. */
static inline void
torus_model_reply(torus_model_t *m, torus_request_t *r,
    const torus_host_t *host, void *reply, torus_result_t *res)
{
    torus_str_t   other;
    redisReader  *faulty;

    res->replies++;

    other = torus_str(NULL, 0);

    if (m->invent != NULL) {
        other = m->invent(m->data);

    } else if (m->fault_at != 0 && res->replies == m->fault_at) {
        other = torus_str(m->fault, strlen(m->fault));
    }

    if (other.len != 0) {
        freeReplyObject(reply);

        faulty = redisReaderCreate();
        redisReaderFeed(faulty, (char *) other.data, other.len);
        redisReaderGetReply(faulty, &reply);
        redisReaderFree(faulty);

        if (reply == NULL) {
            bail_out("no reply: %.*s", torus_fmt(other));
        }
    }

    torus_request_reply(r, host, reply);
    freeReplyObject(reply);
}


/* What Redis has to say to a batch. */
static inline void
torus_model_send(torus_model_t *m, const torus_batch_t *batch,
    redisReader *reader)
{
    size_t       n;
    torus_buf_t  bytes;

    torus_buf_init(&bytes, 0);

    n = torus_model_batch(m, batch, &bytes);

    if (n != batch->replies) {
        bail_out("a batch of %zu commands announces %zu replies", n,
                 batch->replies);
    }

    redisReaderFeed(reader, (char *) bytes.pos, torus_buf_len(&bytes));
    torus_buf_free(&bytes);
}


/* Sends a batch and hands its replies over. */
static inline void
torus_model_exchange(torus_model_t *m, torus_request_t *r,
    const torus_batch_t *batch, torus_result_t *res)
{
    void         *reply;
    redisReader  *reader;

    reader = redisReaderCreate();
    torus_model_send(m, batch, reader);

    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
        torus_model_reply(m, r, batch->host, reply, res);
    }

    redisReaderFree(reader);
}


static inline size_t
torus_model_chance(torus_model_t *m, size_t n)
{
    m->chance = m->chance * 1664525 + 1013904223;

    return (m->chance >> 8) % n;
}


/*
 * Talks to Redis in any order: replies come one at a time, those of one host
 * in their order and those of others before or after, and between them a
 * batch may leave, a piece of work be done or some of the answer be taken.
 */
static inline void
torus_model_mix(torus_model_t *m, torus_request_t *r, torus_result_t *res)
{
    void                *reply;
    size_t               i, turns, owed[8];
    redisReader         *readers[8];
    torus_batch_t        batch;
    const torus_host_t  *hosts[8];

    memset(owed, 0, sizeof(owed));

    for (i = 0; i < 8; i++) {
        readers[i] = redisReaderCreate();
    }

    for (turns = 0; /* void */ ; turns++) {

        if (turns == 50000000) {
            bail_out("nothing goes on");
        }

        switch (torus_model_chance(m, 4)) {

        case 0:
            if (torus_request_next(r, &batch) == TORUS_OK) {
                i = batch.host->index;
                hosts[i] = batch.host;
                owed[i] += batch.replies;
                torus_model_send(m, &batch, readers[i]);
            }

            break;

        case 1:
            if (torus_request_busy(r)) {
                torus_request_work(r);
            }

            break;

        case 2:
            torus_model_drain(m, r, res);
            break;

        default:
            i = torus_model_chance(m, 8);

            if (owed[i] != 0) {
                owed[i]--;
                redisReaderGetReply(readers[i], &reply);
                torus_model_reply(m, r, hosts[i], reply, res);
            }
        }

        if (torus_request_done(r) && torus_request_output(r).len == 0) {
            break;
        }
    }

    for (i = 0; i < 8; i++) {
        res->owed += owed[i];
        redisReaderFree(readers[i]);
    }
}


/* The last host answers first, and its batches in their order. */
static inline void
torus_model_talk(torus_model_t *m, torus_request_t *r, torus_arena_t *arena,
    torus_result_t *res)
{
    size_t         i, nbatches;
    torus_batch_t  batches[8];

    nbatches = 0;

    for ( ;; ) {

        while (nbatches < 8
               && torus_request_next(r, &batches[nbatches]) == TORUS_OK)
        {
            torus_arena_dup(arena, batches[nbatches].bytes,
                            &batches[nbatches].bytes);
            nbatches++;
        }

        torus_model_drain(m, r, res);

        /* now before the replies to the next slice, now after */

        if (torus_request_busy(r) && (nbatches == 0 || res->replies % 2)) {
            torus_request_work(r);
            continue;
        }

        if (nbatches == 0 && torus_request_done(r)
            && torus_request_output(r).len == 0)
        {
            break;
        }

        if (nbatches == 0) {
            continue;
        }

        for (i = 0; batches[i].host != batches[nbatches - 1].host; i++) {
            /* void */
        }

        torus_model_exchange(m, r, &batches[i], res);

        nbatches--;
        memmove(&batches[i], &batches[i + 1],
                (nbatches - i) * sizeof(torus_batch_t));
    }
}


/* Runs "command?arguments" to its end, as the handler does. */
static inline void
torus_model_run(torus_model_t *m, const char *request, torus_result_t *res)
{
    size_t                 n, nargs;
    const char            *query;
    torus_arg_t           *args;
    torus_arena_t         *arena;
    torus_request_t       *r;
    torus_command_t        command;
    torus_request_conf_t   conf;

    memset(res, 0, sizeof(torus_result_t));
    memset(&conf, 0, sizeof(torus_request_conf_t));
    torus_buf_init(&res->body, 0);

    arena = torus_arena_create(4096, 0);
    query = strchr(request, '?');
    n = query == NULL ? strlen(request) : (size_t) (query - request);
    query = query == NULL ? "" : query + 1;

    while (n > 0 && request[n - 1] == '/') {
        n--;
    }

    if (*request == '/') {
        request++;
        n--;
    }

    if (torus_command_find(torus_str(request, n), &command) != TORUS_OK) {
        res->status = 404;
        torus_arena_destroy(arena);
        return;
    }

    conf.set = m->set;
    conf.limits = m->limits;
    conf.now = m->now;
    conf.explain = m->explain;
    conf.open_null = m->open_null;
    conf.path = torus_str(request, n);

    torus_args_parse(arena, torus_str(query, strlen(query)), &args, &nargs);

    r = torus_request_create(&conf, command, args, nargs);

    if (m->chance != 0) {
        torus_model_mix(m, r, res);

    } else {
        torus_model_talk(m, r, arena, res);
    }

    res->status = torus_request_status(r);
    res->broken = torus_request_broken(r);
    res->max_age = torus_request_max_age(r);
    res->stats = *torus_request_stats(r);

    snprintf(res->error, sizeof(res->error), "%s", torus_request_error(r));
    snprintf(res->type, sizeof(res->type), "%.*s",
             torus_fmt(torus_request_type(r)));

    torus_request_destroy(r);
    torus_arena_destroy(arena);
}


/* The body as JSON; NULL: it is none. */
static inline json_t *
torus_model_json(const torus_result_t *res)
{
    return json_loadb((char *) res->body.pos, torus_buf_len(&res->body),
                      JSON_DECODE_ANY, NULL);
}


#endif /* _TORUS_MODEL_H_INCLUDED_ */
