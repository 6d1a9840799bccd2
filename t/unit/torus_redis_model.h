/*
 * A Redis in one process for tests of the write path: connections with bytes
 * on their way in both directions, transactions, and every kind of refusal
 * where the real one has it: when a command is queued, at EXEC, and inside
 * of EXEC's array.  It executes as much as has arrived, so that a test may
 * cut anywhere, and goes on with a connection that the client has left, as
 * long as there are bytes in it and nobody has killed it.
 *
 * Its keys are few and fixed, and it knows no more commands than the writer
 * sends.
 */

#ifndef _TORUS_REDIS_MODEL_H_INCLUDED_
#define _TORUS_REDIS_MODEL_H_INCLUDED_


#include "torus_buf.h"
#include "torus_test.h"


#define MODEL_VALUES  512       /* of a list */
#define MODEL_FIELDS  80
#define MODEL_CONNS   6
#define MODEL_ARGS    2048


typedef enum {
    MODEL_COUNT = 0,
    MODEL_HASH,
    MODEL_LIST,
    MODEL_SET,
    MODEL_GAUGE,
    MODEL_PACKED,               /* counts in a hash */
    MODEL_VALUED,               /* gauges in a hash */
    MODEL_BAD                   /* a list that is taken for a count */
} model_type_t;


typedef struct {
    const char    *name;
    model_type_t   type;
    int64_t        expire;      /* what its operations ask for */
} model_name_t;

static const model_name_t  model_names[] = {
    { "c:a:0", MODEL_COUNT, 0 },
    { "c:b:0", MODEL_COUNT, 99 },
    { "c:f:0", MODEL_COUNT, 99 },        /* may become a fraction */
    { "h:a:0", MODEL_HASH, 0 },
    { "h:b:0", MODEL_HASH, 99 },
    { "l:a:0", MODEL_LIST, 0 },
    { "l:b:0", MODEL_LIST, 99 },
    { "s:a:0", MODEL_SET, 99 },
    { "g:a:0", MODEL_GAUGE, 0 },
    { "g:b:0", MODEL_GAUGE, 99 },
    { "p:a:0", MODEL_PACKED, 99 },       /* may become fractions */
    { "v:a:0", MODEL_VALUED, 99 },
    { "bad", MODEL_BAD, 0 },
};

#define MODEL_KEYS  (sizeof(model_names) / sizeof(model_names[0]))
#define MODEL_FRACTION  2
#define MODEL_OF_BAD    (MODEL_KEYS - 1)


typedef struct {
    int       there;
    int64_t   halves;                   /* a count: twice of it */
    int64_t   fields[4];                /* of a hash, members of a set; of
                                           packed counts twice of them */
    int       value;                    /* of a gauge */
    int       n;
    int       values[MODEL_VALUES];     /* of a list */
    int64_t   expire;
} model_key_t;


typedef struct {
    char  name[24];
    char  value[24];
} model_field_t;


/* What a restart may keep or not. */
typedef struct {
    model_key_t    keys[MODEL_KEYS];
    model_field_t  own[MODEL_FIELDS];   /* the writer's key */
    int            nown;
} model_data_t;


typedef enum {
    MODEL_CLIENT = 0, MODEL_INFO, MODEL_MULTI, MODEL_EXEC, MODEL_HSET,
    MODEL_HSETNX, MODEL_HGETALL, MODEL_EXPIRE, MODEL_EXPIREAT, MODEL_INCRBY,
    MODEL_INCRBYFLOAT, MODEL_HINCRBY, MODEL_RPUSH, MODEL_SADD, MODEL_SETEX,
    MODEL_GET, MODEL_HINCRBYFLOAT, MODEL_HGET, MODEL_COMMANDS
} model_command_t;

typedef struct {
    const char  *name;
    unsigned     write:1;
    unsigned     deny_oom:1;
    unsigned     loading:1;
} model_flags_t;

static const model_flags_t  model_commands[] = {
    { "CLIENT", 0, 0, 1 },
    { "INFO", 0, 0, 1 },
    { "MULTI", 0, 0, 1 },
    { "EXEC", 0, 0, 1 },
    { "HSET", 1, 1, 0 },
    { "HSETNX", 1, 1, 0 },
    { "HGETALL", 0, 0, 0 },
    { "EXPIRE", 1, 0, 0 },
    { "EXPIREAT", 1, 0, 0 },
    { "INCRBY", 1, 1, 0 },
    { "INCRBYFLOAT", 1, 1, 0 },
    { "HINCRBY", 1, 1, 0 },
    { "RPUSH", 1, 1, 0 },
    { "SADD", 1, 1, 0 },
    { "SET", 1, 1, 0 },
    { "GET", 0, 0, 0 },
    { "HINCRBYFLOAT", 1, 1, 0 },
    { "HGET", 0, 0, 0 },
};


/* What is wrong with it, any of them at a time. */
typedef enum {
    MODEL_OOM = 0, MODEL_READONLY, MODEL_LOADING, MODEL_MISCONF, MODEL_BUSY,
    MODEL_NOAUTH,               /* of connections from now on */
    MODEL_FAULTS
} model_fault_t;


typedef struct {
    torus_buf_t  in;            /* from the client, arrived or not */
    torus_buf_t  back;          /* to the client */
    torus_buf_t  queued;
    size_t       arrived;       /* bytes of in */
    size_t       commands;      /* queued */
    long         id;            /* 0: not in use, or killed */
    unsigned     multi:1;
    unsigned     dirty:1;
    unsigned     writes:1;      /* some of the queued do */
    unsigned     grows:1;
    unsigned     reads:1;       /* not while loading */
    unsigned     no_auth:1;
} model_conn_t;


typedef struct {
    model_data_t   data;
    model_conn_t   conns[MODEL_CONNS];
    long           ids;
    unsigned       run;         /* changes with each start */
    unsigned       fault:MODEL_FAULTS;
    unsigned       denied:MODEL_COMMANDS;   /* by ACL */
    unsigned long  rejected;    /* MULTIs */
} model_t;


static inline void model_run(model_t *m, model_conn_t *c);


static inline void
model_init(model_t *m)
{
    size_t  i;

    memset(m, 0, sizeof(model_t));

    for (i = 0; i < MODEL_CONNS; i++) {
        torus_buf_init(&m->conns[i].in, 0);
        torus_buf_init(&m->conns[i].back, 0);
        torus_buf_init(&m->conns[i].queued, 0);
    }

    m->data.keys[MODEL_OF_BAD].there = 1;
    m->run = 1;
}


static inline void
model_free(model_t *m)
{
    size_t  i;

    for (i = 0; i < MODEL_CONNS; i++) {
        torus_buf_free(&m->conns[i].in);
        torus_buf_free(&m->conns[i].back);
        torus_buf_free(&m->conns[i].queued);
    }
}


static inline void
model_kill(model_conn_t *c)
{
    c->id = 0;
    c->multi = 0;
    c->arrived = 0;

    torus_buf_reset(&c->in, SIZE_MAX);
    torus_buf_reset(&c->queued, SIZE_MAX);
}


/* A free connection, or that of the longest standing. */
static inline model_conn_t *
model_accept(model_t *m)
{
    size_t         i;
    model_conn_t  *c;

    c = &m->conns[0];

    for (i = 1; i < MODEL_CONNS; i++) {
        if (m->conns[i].id < c->id) {
            c = &m->conns[i];
        }
    }

    model_kill(c);
    torus_buf_reset(&c->back, SIZE_MAX);

    c->id = ++m->ids;
    c->no_auth = (m->fault >> MODEL_NOAUTH) & 1;

    return c;
}


/* Dies and starts again, with this data. */
static inline void
model_restart(model_t *m, const model_data_t *data)
{
    size_t  i;

    for (i = 0; i < MODEL_CONNS; i++) {
        model_kill(&m->conns[i]);
    }

    if (data != &m->data) {
        m->data = *data;
    }

    m->run++;
    m->ids = 0;
    m->rejected = 0;
}


/* n more bytes reach it. */
static inline void
model_arrive(model_t *m, model_conn_t *c, size_t n)
{
    if (c->id == 0) {
        torus_buf_reset(&c->in, SIZE_MAX);
        return;
    }

    c->arrived += n;

    if (c->arrived > torus_buf_len(&c->in)) {
        c->arrived = torus_buf_len(&c->in);
    }

    model_run(m, c);
}


/* The arguments of a command; its length, or 0 when it is not whole. */
static inline size_t
model_parse(const unsigned char *data, size_t len, torus_str_t *argv,
    size_t *argc)
{
    long                  n, bytes;
    size_t                i;
    const unsigned char  *p, *end, *eol;

    if (len == 0) {
        return 0;
    }

    p = data;
    end = p + len;
    n = -1;

    for (i = 0; n < 0 || i <= (size_t) n; i++) {

        eol = (p < end) ? memchr(p, '\n', (size_t) (end - p)) : NULL;

        if (eol == NULL) {
            return 0;
        }

        bytes = strtol((const char *) p + 1, NULL, 10);
        p = eol + 1;

        if (n < 0) {
            n = bytes;
            continue;
        }

        if (end - p < bytes + 2) {
            return 0;
        }

        argv[i - 1] = torus_str(p, (size_t) bytes);
        p += bytes + 2;
    }

    *argc = (size_t) n;

    return (size_t) (p - data);
}


static inline int64_t
model_int(torus_str_t s)
{
    char  text[32];

    snprintf(text, sizeof(text), "%.*s", torus_fmt(s));

    return strtoll(text, NULL, 10);
}


/* Twice of "3", "3.0" or "3.5". */
static inline int64_t
model_halves(torus_str_t s)
{
    return model_int(s) * 2
           + (s.len > 1 && s.data[s.len - 2] == '.'
              && s.data[s.len - 1] == '5');
}


static inline void
model_bulk(torus_buf_t *out, const char *text)
{
    torus_buf_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}


static inline void
model_count(torus_buf_t *out, int64_t halves)
{
    char  text[32];

    snprintf(text, sizeof(text), "%s%" PRId64 "%s", halves == -1 ? "-" : "",
             halves / 2, halves % 2 != 0 ? ".5" : "");
    model_bulk(out, text);
}


/* HSET and HSETNX of the writer's own key. */
static inline void
model_hset(model_t *m, torus_buf_t *out, const torus_str_t *argv,
    size_t argc, int nx)
{
    int             j, created;
    size_t          i;
    model_field_t  *f;

    created = 0;

    for (i = 2; i + 1 < argc; i += 2) {

        for (j = 0; j < m->data.nown; j++) {
            if (torus_str_is(argv[i], m->data.own[j].name)) {
                break;
            }
        }

        f = &m->data.own[j];

        if (j == m->data.nown) {
            m->data.nown++;
            created++;
            snprintf(f->name, sizeof(f->name), "%.*s", torus_fmt(argv[i]));

        } else if (nx) {
            continue;
        }

        snprintf(f->value, sizeof(f->value), "%.*s", torus_fmt(argv[i + 1]));
    }

    torus_buf_printf(out, ":%d\r\n", created);
}


static inline void
model_hgetall(model_t *m, torus_buf_t *out)
{
    int  i;

    torus_buf_printf(out, "*%d\r\n", m->data.nown * 2);

    for (i = 0; i < m->data.nown; i++) {
        model_bulk(out, m->data.own[i].name);
        model_bulk(out, m->data.own[i].value);
    }
}


static inline void
model_call_key(model_key_t *k, const model_name_t *name,
    model_command_t command, torus_buf_t *out, const torus_str_t *argv,
    size_t argc)
{
    int      added;
    size_t   i;
    int64_t  n, *field;

    if (command == MODEL_EXPIREAT) {
        torus_buf_printf(out, ":%d\r\n", k->there);
        k->expire = k->there ? model_int(argv[2]) : 0;
        return;
    }

    if (name->type == MODEL_BAD) {
        torus_buf_addz(out, "-WRONGTYPE Operation against a key holding the "
                       "wrong kind of value\r\n");
        return;
    }

    if (command == MODEL_GET) {

        if (k->there) {
            model_count(out, k->halves);

        } else {
            torus_buf_addz(out, "$-1\r\n");
        }

        return;
    }

    if (command == MODEL_HGET) {
        model_count(out, k->fields[model_int(argv[2])]);
        return;
    }

    if (name->type == MODEL_PACKED
        && command == MODEL_HINCRBY
        && k->fields[model_int(argv[2])] % 2 != 0)
    {
        torus_buf_addz(out, "-ERR hash value is not an integer\r\n");
        return;
    }

    if (command == MODEL_INCRBY && k->halves % 2 != 0) {
        torus_buf_addz(out, "-ERR value is not an integer or out of range"
                       "\r\n");
        return;
    }

    k->there = 1;

    switch (command) {

    case MODEL_INCRBY:
        k->halves += 2 * model_int(argv[2]);
        torus_buf_printf(out, ":%" PRId64 "\r\n", k->halves / 2);
        break;

    case MODEL_INCRBYFLOAT:
        k->halves += model_halves(argv[2]);
        model_count(out, k->halves);
        break;

    case MODEL_HINCRBY:
        n = (name->type == MODEL_PACKED) ? 2 : 1;
        field = &k->fields[model_int(argv[2])];
        *field += n * model_int(argv[3]);
        torus_buf_printf(out, ":%" PRId64 "\r\n", *field / n);
        break;

    case MODEL_HINCRBYFLOAT:
        field = &k->fields[model_int(argv[2])];
        *field += model_halves(argv[3]);
        model_count(out, *field);
        break;

    case MODEL_HSET:
        field = &k->fields[model_int(argv[2])];
        torus_buf_printf(out, ":%d\r\n", *field == 0);
        *field = model_int(argv[3]);
        break;

    case MODEL_RPUSH:
        for (i = 2; i < argc && k->n < MODEL_VALUES; i++) {
            k->values[k->n++] = (int) model_int(argv[i]);
        }

        torus_buf_printf(out, ":%d\r\n", k->n);
        break;

    case MODEL_SADD:
        added = 0;

        for (i = 2; i < argc; i++) {
            field = &k->fields[model_int(argv[i])];
            added += (*field == 0);
            *field = 1;
        }

        torus_buf_printf(out, ":%d\r\n", added);
        break;

    default: /* MODEL_SETEX */
        k->value = (int) model_int(argv[2]);
        k->expire = (argc == 5) ? model_int(argv[4]) : 0;
        torus_buf_addz(out, "+OK\r\n");
    }
}


static inline void
model_call(model_t *m, model_conn_t *c, model_command_t command,
    const torus_str_t *argv, size_t argc)
{
    char    text[256];
    size_t  i;

    if (command == MODEL_HSET
        && argv[1].len > 6
        && memcmp(argv[1].data, "torus:", 6) == 0)
    {
        model_hset(m, &c->back, argv, argc, 0);
        return;
    }

    switch (command) {

    case MODEL_CLIENT:

        if (torus_str_is(argv[1], "ID")) {
            torus_buf_printf(&c->back, ":%ld\r\n", c->id);
            return;
        }

        for (i = 0; i < MODEL_CONNS; i++) {
            if (m->conns[i].id == model_int(argv[3])) {
                model_kill(&m->conns[i]);
            }
        }

        torus_buf_addz(&c->back, ":1\r\n");
        return;

    case MODEL_INFO:
        text[0] = '\0';

        if (torus_str_is(argv[1], "server")) {
            snprintf(text, sizeof(text), "# Server\r\nredis_version:7.0.15\r\n"
                     "run_id:r%u\r\n", m->run);

        } else if (torus_str_is(argv[1], "commandstats")) {
            snprintf(text, sizeof(text), "# Commandstats\r\ncmdstat_multi:"
                     "calls=7,usec=7,usec_per_call=1.00,rejected_calls=%lu,"
                     "failed_calls=0\r\n", m->rejected);
        }

        model_bulk(&c->back, text);
        return;

    case MODEL_HSETNX:
        model_hset(m, &c->back, argv, argc, 1);
        return;

    case MODEL_HGETALL:
        model_hgetall(m, &c->back);
        return;

    case MODEL_EXPIRE:
        torus_buf_printf(&c->back, ":%d\r\n", m->data.nown != 0);
        return;

    default:

        for (i = 0; i < MODEL_KEYS - 1; i++) {
            if (torus_str_is(argv[1], model_names[i].name)) {
                break;
            }
        }

        model_call_key(&m->data.keys[i], &model_names[i], command, &c->back,
                       argv, argc);
    }
}


/* Why it does not take a command, or NULL. */
static inline const char *
model_refusal(const model_t *m, const model_conn_t *c,
    model_command_t command)
{
    int                   writes, grows, reads;
    const model_flags_t  *f;

    f = &model_commands[command];
    writes = f->write;
    grows = f->deny_oom;
    reads = !f->loading;

    if (command == MODEL_EXEC && c->multi) {
        writes = c->writes;
        grows = c->grows;
        reads = c->reads;
    }

    if (c->no_auth) {
        return "NOAUTH Authentication required.";
    }

    if ((m->denied >> command) & 1) {
        return "NOPERM this user has no permissions to run it";
    }

    if (grows && ((m->fault >> MODEL_OOM) & 1)) {
        return "OOM command not allowed when used memory > 'maxmemory'.";
    }

    if (writes && ((m->fault >> MODEL_MISCONF) & 1)) {
        return "MISCONF Redis is configured to save RDB snapshots";
    }

    if (writes && ((m->fault >> MODEL_READONLY) & 1)) {
        return "READONLY You can't write against a read only replica.";
    }

    if (reads && ((m->fault >> MODEL_LOADING) & 1)) {
        return "LOADING Redis is loading the dataset in memory";
    }

    if (command != MODEL_MULTI && ((m->fault >> MODEL_BUSY) & 1)) {
        return "BUSY Redis is busy running a script.";
    }

    return NULL;
}


static inline void
model_exec(model_t *m, model_conn_t *c)
{
    size_t         argc, n;
    torus_str_t    argv[MODEL_ARGS];
    unsigned char  *p;

    c->multi = 0;

    if (c->dirty) {
        torus_buf_addz(&c->back, "-EXECABORT Transaction discarded because of "
                       "previous errors.\r\n");
        return;
    }

    torus_buf_printf(&c->back, "*%zu\r\n", c->commands);
    p = c->queued.pos;

    while (p < c->queued.last) {
        n = model_parse(p, (size_t) (c->queued.last - p), argv, &argc);
        model_call(m, c, (model_command_t) (p[n] & 0xff), argv, argc);
        p += n + 1;
    }
}


static inline void
model_command(model_t *m, model_conn_t *c, const torus_str_t *argv,
    size_t argc, const unsigned char *data, size_t len)
{
    const char       *why;
    unsigned char     code;
    model_command_t   command;

    for (command = 0; command < MODEL_COMMANDS; command++) {
        if (torus_str_is(argv[0], model_commands[command].name)) {
            break;
        }
    }

    if (command == MODEL_COMMANDS) {
        bail_out("the model of Redis has no %.*s", torus_fmt(argv[0]));
    }

    why = model_refusal(m, c, command);

    if (why != NULL) {
        m->rejected += (command == MODEL_MULTI);
        c->dirty = 1;

        if (command == MODEL_EXEC) {
            c->multi = 0;
            torus_buf_printf(&c->back, "-EXECABORT Transaction discarded "
                             "because of: %s\r\n", why);

        } else {
            torus_buf_printf(&c->back, "-%s\r\n", why);
        }

        return;
    }

    if (command == MODEL_MULTI) {
        c->multi = 1;
        c->dirty = 0;
        c->writes = c->grows = c->reads = 0;
        c->commands = 0;
        torus_buf_reset(&c->queued, SIZE_MAX);
        torus_buf_addz(&c->back, "+OK\r\n");

    } else if (command == MODEL_EXEC) {

        if (!c->multi) {
            torus_buf_addz(&c->back, "-ERR EXEC without MULTI\r\n");
            return;
        }

        model_exec(m, c);

    } else if (c->multi) {
        code = (unsigned char) command;
        c->commands++;
        c->writes |= model_commands[command].write;
        c->grows |= model_commands[command].deny_oom;
        c->reads |= !model_commands[command].loading;
        torus_buf_add(&c->queued, data, len);
        torus_buf_add(&c->queued, &code, 1);
        torus_buf_addz(&c->back, "+QUEUED\r\n");

    } else {
        model_call(m, c, command, argv, argc);
    }
}


/* Executes what has arrived whole. */
static inline void
model_run(model_t *m, model_conn_t *c)
{
    size_t       len, argc;
    torus_str_t  argv[MODEL_ARGS];

    while (c->id != 0) {
        len = model_parse(c->in.pos, c->arrived, argv, &argc);

        if (len == 0) {
            return;
        }

        model_command(m, c, argv, argc, c->in.pos, len);

        if (c->id != 0) {
            c->in.pos += len;
            c->arrived -= len;
        }
    }
}


#endif /* _TORUS_REDIS_MODEL_H_INCLUDED_ */
