/*
 * What Redis answers, understood as it is parsed: redisReader calls the
 * functions below for each string, number and array, and none of them
 * allocates.  Replies come in the order of the commands, so a counter says
 * what the next one is for.
 *
 * Everything here is remote input.  What does not fit what was asked is a
 * protocol error, and the connection ends.
 */

#include "torus_number.h"
#include "torus_writer_state.h"


static void *torus_reply_string(const redisReadTask *task, char *s,
    size_t len);
static void *torus_reply_array(const redisReadTask *task, int n);
static void *torus_reply_integer(const redisReadTask *task, long long n);
static void *torus_reply_nil(const redisReadTask *task);
static void *torus_reply_element(const redisReadTask *task, long long n,
    torus_str_t s);
static int torus_reply_take(torus_writer_t *w);
static int torus_reply_hello(torus_writer_t *w);
static int torus_reply_client_id(torus_writer_t *w);
static void torus_reply_info(torus_writer_t *w, torus_str_t text);
static int torus_reply_server(torus_writer_t *w, torus_str_t text);
static uint64_t torus_reply_refusals(torus_str_t text);
static void torus_reply_memory(torus_writer_t *w, torus_str_t text);
static torus_str_t torus_reply_field(torus_str_t text, const char *name);
static int torus_reply_ask(torus_writer_t *w);
static void torus_reply_ask_error(torus_writer_t *w);
static void torus_reply_kill(torus_writer_t *w);
static int torus_reply_ask_element(torus_writer_t *w, const redisReadTask *t,
    long long n, torus_str_t s);
static int torus_reply_slot(torus_writer_t *w, const redisReadTask *t,
    torus_str_t s);
static int torus_reply_number(torus_str_t s, uint64_t *n);
static int torus_reply_batch(torus_writer_t *w);
static void torus_reply_outside(torus_writer_t *w);
static int torus_reply_batch_element(torus_writer_t *w,
    const redisReadTask *t, int type, long long n, torus_str_t s);
static void torus_reply_result(torus_writer_t *w, torus_record_t *r,
    int type, long long n, torus_str_t s);
static int torus_reply_whole(int type, torus_str_t s);
static int torus_reply_created(const torus_record_t *r, int type,
    long long n, torus_str_t s);
static void torus_reply_next(torus_writer_t *w);
static void torus_reply_rewind(torus_writer_t *w);
static size_t torus_reply_head(const torus_wbatch_t *b);
static int torus_reply_starts(torus_str_t s, const char *z);
static int torus_reply_unexpected(torus_writer_t *w);


#define torus_reply_is_error(w)  ((w)->reply.type == REDIS_REPLY_ERROR)
#define torus_reply_text(w)      torus_str((w)->reply.text, (w)->reply.len)


/* hiredis only reads it, but does not say so. */
static const redisReplyObjectFunctions  torus_reply_functions = {
    torus_reply_string,
    torus_reply_array,
    torus_reply_integer,
    torus_reply_nil,
    NULL
};


int
torus_reply_open(torus_writer_t *w)
{
    torus_reply_close(w);

    w->reader = redisReaderCreateWithFunctions(
                         (redisReplyObjectFunctions *) &torus_reply_functions);
    if (w->reader == NULL) {
        return TORUS_ERROR;
    }

    w->reader->privdata = w;

    return TORUS_OK;
}


void
torus_reply_close(torus_writer_t *w)
{
    redisReaderFree(w->reader);
    w->reader = NULL;

    torus_reply_rewind(w);
}


int
torus_reply_feed(torus_writer_t *w, const unsigned char *data, size_t len)
{
    int    rc;
    void  *reply;

    if (redisReaderFeed(w->reader, (const char *) data, len) != REDIS_OK) {
        return torus_reply_unexpected(w);
    }

    for ( ;; ) {

        if (redisReaderGetReply(w->reader, &reply) != REDIS_OK) {
            return torus_reply_unexpected(w);
        }

        if (reply == NULL) {
            break;
        }

        rc = torus_reply_take(w);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (w->reader->len - w->reader->pos > TORUS_WRITER_REPLY_MAX) {
        return torus_reply_unexpected(w);
    }

    return TORUS_OK;
}


static void *
torus_reply_string(const redisReadTask *task, char *s, size_t len)
{
    torus_writer_t  *w = task->privdata;

    if (task->parent != NULL) {
        return torus_reply_element(task, 0, torus_str(s, len));
    }

    w->reply.type = task->type;

    if (task->type == REDIS_REPLY_STRING) {

        /* seen whole only here; the reply's text is cut */

        if (w->state == TORUS_WRITER_HELLO) {
            torus_reply_info(w, torus_str(s, len));

        } else if (w->state == TORUS_WRITER_ASKING
                   && w->step == TORUS_ASK_REFUSALS)
        {
            torus_writer_refusals(w, torus_reply_refusals(torus_str(s, len)));
        }
    }

    if (len > sizeof(w->reply.text)) {
        len = sizeof(w->reply.text);
    }

    memcpy(w->reply.text, s, len);
    w->reply.len = len;

    return w;
}


static void *
torus_reply_array(const redisReadTask *task, int n)
{
    torus_wbatch_t   *b;
    torus_writer_t  *w = task->privdata;

    if (task->parent != NULL) {

        /* only HGETALL of the question, inside of EXEC's */

        if (w->state != TORUS_WRITER_ASKING
            || w->step != TORUS_ASK_EXEC
            || task->parent->parent != NULL
            || task->idx != TORUS_ASK_HGETALL - TORUS_ASK_HSET
            || n % 2 != 0)
        {
            return NULL;
        }

        return w;
    }

    w->reply.type = REDIS_REPLY_ARRAY;

    if (w->state == TORUS_WRITER_ASKING) {
        return (w->step != TORUS_ASK_EXEC
                || n == TORUS_ASK_EXEC - TORUS_ASK_HSET) ? w : NULL;
    }

    b = w->flight.first;

    if (b == NULL
        || w->state < TORUS_WRITER_READY
        || w->pos != torus_reply_head(b) + b->commands
        || (size_t) n != b->commands + torus_reply_head(b) - 1)
    {
        return NULL;
    }

    w->cursor = b->records;
    w->second = 0;

    return w;
}


static void *
torus_reply_integer(const redisReadTask *task, long long n)
{
    torus_writer_t  *w = task->privdata;

    if (task->parent != NULL) {
        return torus_reply_element(task, n, torus_str("", 0));
    }

    w->reply.type = REDIS_REPLY_INTEGER;
    w->reply.integer = n;
    w->reply.len = 0;

    return w;
}


static void *
torus_reply_nil(const redisReadTask *task)
{
    torus_writer_t  *w = task->privdata;

    if (task->parent != NULL) {

        /* hiredis leaves the type of what it might have been */

        if (w->state == TORUS_WRITER_ASKING
            || torus_reply_batch_element(w, task, REDIS_REPLY_NIL, 0,
                                         torus_str("", 0))
               != TORUS_OK)
        {
            return NULL;
        }

        return w;
    }

    w->reply.type = REDIS_REPLY_NIL;
    w->reply.len = 0;

    return w;
}


static void *
torus_reply_element(const redisReadTask *task, long long n, torus_str_t s)
{
    int              rc;
    torus_writer_t  *w = task->privdata;

    if (w->state == TORUS_WRITER_ASKING) {
        rc = torus_reply_ask_element(w, task, n, s);

    } else {
        rc = torus_reply_batch_element(w, task, task->type, n, s);
    }

    return (rc == TORUS_OK) ? w : NULL;
}


static int
torus_reply_take(torus_writer_t *w)
{
    if (torus_reply_is_error(w)) {
        w->conf.counters[TORUS_C_REDIS_ERRORS]++;
    }

    switch (w->state) {

    case TORUS_WRITER_HELLO:
        return torus_reply_hello(w);

    case TORUS_WRITER_ASKING:
        return torus_reply_ask(w);

    case TORUS_WRITER_READY:
    case TORUS_WRITER_REFUSING:
        return torus_reply_batch(w);

    default:
        return torus_reply_unexpected(w);
    }
}


static int
torus_reply_hello(torus_writer_t *w)
{
    int            rc;
    size_t         step;
    torus_error_t  err;

    step = w->step;
    w->step++;

    if (step < w->greeting) {
        rc = torus_redis_greeting_check(w->conf.host, step,
                                        torus_reply_is_error(w),
                                        torus_reply_text(w), &err);
        if (rc != TORUS_OK) {
            torus_writer_note(w, TORUS_EVENT_ERROR, "%s", err.text);
            return TORUS_ERROR;
        }

        return TORUS_OK;
    }

    switch (step - w->greeting) {

    case TORUS_HELLO_CLIENT_ID:
        return torus_reply_client_id(w);

    case TORUS_HELLO_SERVER:
        return torus_reply_server(w, torus_reply_text(w));

    default: /* TORUS_HELLO_MEMORY */
        torus_writer_introduced(w);
        return TORUS_OK;
    }
}


/* The first thing said on a host without password: may be a farewell. */
static int
torus_reply_client_id(torus_writer_t *w)
{
    torus_str_t  text;

    if (!torus_reply_is_error(w)) {
        w->server.client = (w->reply.type == REDIS_REPLY_INTEGER)
                           ? w->reply.integer : 0;
        return TORUS_OK;
    }

    text = torus_reply_text(w);

    if (torus_redis_error(text) == TORUS_REDIS_DENIED
        && torus_reply_starts(text, "NOPERM"))
    {
        return TORUS_OK;
    }

    return torus_writer_refused(w, text);
}


static void
torus_reply_info(torus_writer_t *w, torus_str_t text)
{
    size_t       len;
    torus_str_t  run_id;

    if (w->step == w->greeting + TORUS_HELLO_MEMORY) {
        torus_reply_memory(w, text);
        return;
    }

    if (w->step != w->greeting + TORUS_HELLO_SERVER) {
        return;
    }

    run_id = torus_reply_field(text, "run_id:");
    len = run_id.len;

    if (len < TORUS_RUN_ID) {
        memcpy(w->server.run_id, run_id.data, len);
        w->server.run_id[len] = '\0';
    }
}


static int
torus_reply_server(torus_writer_t *w, torus_str_t text)
{
    unsigned     major, minor;
    char         digits[16];
    torus_str_t  version;

    if (torus_reply_is_error(w)
        && torus_redis_error(text) == TORUS_REDIS_TRANSIENT)
    {
        /* without knowing who it is there would be no fence */

        return torus_writer_refused(w, text);
    }

    if (w->reply.type != REDIS_REPLY_STRING) {
        return TORUS_OK;
    }

    /* it is the second line, so within what is kept of a reply */

    version = torus_reply_field(text, "redis_version:");

    if (version.len == 0 || version.len >= sizeof(digits)) {
        return TORUS_OK;
    }

    memcpy(digits, version.data, version.len);
    digits[version.len] = '\0';

    if (sscanf(digits, "%3u.%3u", &major, &minor) != 2
        || major > 6
        || (major == 6 && minor >= 2))
    {
        return TORUS_OK;
    }

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "redis \"%.*s\" is of version %u.%u, 6.2 or later is "
                      "needed", torus_fmt(w->conf.host->name), major, minor);

    return TORUS_ERROR;
}


/* How many MULTIs were refused, of "calls=7,..,rejected_calls=0,..". */
static uint64_t
torus_reply_refusals(torus_str_t text)
{
    size_t       i, n;
    uint64_t     refusals;
    const char  *name;

    name = "rejected_calls=";
    n = strlen(name);
    refusals = 0;

    text = torus_reply_field(text, "cmdstat_multi:");

    for (i = 0; i + n < text.len; i++) {

        if (memcmp(text.data + i, name, n) == 0) {
            i += n;
            break;
        }
    }

    while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9') {
        refusals = refusals * 10 + (text.data[i++] - '0');
    }

    return refusals;
}


static void
torus_reply_memory(torus_writer_t *w, torus_str_t text)
{
    int          told;
    torus_str_t  max, policy;

    max = torus_reply_field(text, "maxmemory:");
    policy = torus_reply_field(text, "maxmemory_policy:");

    /* told again only when it had been mended in between */

    told = w->evicts;
    w->evicts = max.len != 0 && !torus_str_is(max, "0")
                && policy.len != 0 && !torus_str_is(policy, "noeviction");

    if (!w->evicts || told) {
        return;
    }

    torus_writer_note(w, TORUS_EVENT_WARN,
                      "redis \"%.*s\" has maxmemory-policy %.*s and may drop "
                      "history and the writer's own key, noeviction does not",
                      torus_fmt(w->conf.host->name),
                      policy.len > 32 ? 32 : (int) policy.len,
                      (const char *) policy.data);
}


/* The rest of the line that begins with name; empty when there is none. */
static torus_str_t
torus_reply_field(torus_str_t text, const char *name)
{
    size_t                n;
    const unsigned char  *p, *end, *eol;

    p = text.data;
    end = p + text.len;
    n = strlen(name);

    while (p < end) {

        eol = memchr(p, '\n', (size_t) (end - p));

        if (eol == NULL) {
            eol = end;
        }

        if ((size_t) (eol - p) >= n && memcmp(p, name, n) == 0) {
            p += n;

            if (eol > p && eol[-1] == '\r') {
                eol--;
            }

            return torus_str(p, (size_t) (eol - p));
        }

        p = eol + 1;
    }

    return torus_str("", 0);
}


static int
torus_reply_ask(torus_writer_t *w)
{
    torus_ask_t      step;
    torus_question_t  *a;

    a = &w->answer;
    step = w->step;
    w->step++;

    if (step < TORUS_ASK_MULTI) {

        /* not permitted is for good, and done without; this is not */

        if (torus_reply_is_error(w)
            && torus_redis_error(torus_reply_text(w))
               == TORUS_REDIS_TRANSIENT)
        {
            torus_reply_ask_error(w);

        } else if (step == TORUS_ASK_KILL) {
            torus_reply_kill(w);
        }

        return TORUS_OK;
    }

    if (step == TORUS_ASK_EXEC
        && w->reply.type == REDIS_REPLY_ARRAY
        && a->error.data == NULL)
    {
        torus_writer_answered(w);
        return TORUS_OK;
    }

    /* of several errors the first tells why */

    if (step == TORUS_ASK_EXEC || w->reply.type != REDIS_REPLY_STATUS) {
        torus_reply_ask_error(w);
    }

    if (step != TORUS_ASK_EXEC) {
        return TORUS_OK;
    }

    return torus_writer_refused(w, a->error);
}


/* What the first error says, or nothing where a reply is none. */
static void
torus_reply_ask_error(torus_writer_t *w)
{
    torus_question_t  *a;

    a = &w->answer;

    if (a->error.data != NULL) {
        return;
    }

    if (!torus_reply_is_error(w)) {
        w->reply.len = 0;
    }

    memcpy(a->text, w->reply.text, w->reply.len);
    a->error = torus_str(a->text, w->reply.len);
}


static void
torus_reply_kill(torus_writer_t *w)
{
    int   n;
    char  quoted[TORUS_REPLY_TEXT];

    if (!torus_reply_is_error(w) || w->no_fence) {
        return;
    }

    w->no_fence = 1;
    n = (int) torus_escape(quoted, sizeof(quoted), torus_reply_text(w));

    torus_writer_note(w, TORUS_EVENT_WARN,
                      "redis \"%.*s\" does not permit CLIENT KILL, commands "
                      "still in a broken connection may be applied twice: "
                      "%.*s", torus_fmt(w->conf.host->name), n, quoted);
}


/*
 * EXEC's array is what HSET, HSETNX, EXPIRE and HGETALL answered.  An HGETALL
 * that ran outside of a transaction is a root array of its own; it is ignored.
 */
static int
torus_reply_ask_element(torus_writer_t *w, const redisReadTask *t,
    long long n, torus_str_t s)
{
    size_t           len;
    torus_question_t  *a;

    a = &w->answer;

    if (w->step != TORUS_ASK_EXEC) {
        return TORUS_OK;
    }

    if (t->type == REDIS_REPLY_ERROR) {

        if (a->error.data == NULL) {
            len = s.len > sizeof(a->text) ? sizeof(a->text) : s.len;
            memcpy(a->text, s.data, len);
            a->error = torus_str(a->text, len);
        }

        return TORUS_OK;
    }

    if (t->parent->parent != NULL) {
        return torus_reply_slot(w, t, s);
    }

    if (t->type != REDIS_REPLY_INTEGER) {
        return TORUS_ERROR;
    }

    if (t->idx == 0) {
        a->created = (n == 1);
    }

    return TORUS_OK;
}


/* Fields and values of our key in turn. */
static int
torus_reply_slot(torus_writer_t *w, const redisReadTask *t, torus_str_t s)
{
    uint64_t         n;
    torus_question_t  *a;

    a = &w->answer;

    if (t->type != REDIS_REPLY_STRING) {
        return TORUS_ERROR;
    }

    if (t->idx % 2 == 0) {
        a->field = NULL;

        if (torus_str_is(s, "points")) {
            a->field = &a->points;

        } else if (torus_str_is(s, "born")) {
            a->field = &a->born;

        } else if (torus_reply_number(s, &n) == TORUS_OK
                   && n < w->conf.window)
        {
            a->field = &a->slot[n];
        }

        return TORUS_OK;
    }

    if (a->field == NULL || torus_reply_number(s, &n) != TORUS_OK) {
        return TORUS_OK;
    }

    *a->field = n;

    if (a->field != &a->points && a->field != &a->born) {
        a->slots = 1;
    }

    return TORUS_OK;
}


static int
torus_reply_number(torus_str_t s, uint64_t *n)
{
    size_t  i;

    *n = 0;

    if (s.len == 0 || s.len > 19) {
        return TORUS_DECLINED;
    }

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return TORUS_DECLINED;
        }

        *n = *n * 10 + (s.data[i] - '0');
    }

    return TORUS_OK;
}


/*
 * One reply of the oldest batch: MULTI, what was queued, EXEC.  All of them
 * are waited for, whatever they say, so that the next reply is that of the
 * next batch.
 */
static int
torus_reply_batch(torus_writer_t *w)
{
    int             applied;
    size_t          pos, exec;
    torus_wbatch_t  *b;

    b = w->flight.first;

    if (b == NULL) {
        return torus_reply_unexpected(w);
    }

    pos = w->pos;
    exec = torus_reply_head(b) + b->commands;
    w->pos++;

    if (pos == exec) {
        applied = (w->reply.type == REDIS_REPLY_ARRAY);

        if (!applied && !b->refused) {
            torus_writer_refuse(w, b, torus_reply_text(w));
        }

        torus_reply_rewind(w);
        torus_writer_settle(w, applied);

        return TORUS_OK;
    }

    if (torus_reply_is_error(w)) {
        torus_writer_refuse(w, b, torus_reply_text(w));

        if (b->check
            && pos >= torus_reply_head(b)
            && torus_redis_error(torus_reply_text(w)) == TORUS_REDIS_DENIED)
        {
            b->denied = 1;
        }

        if (pos == 0) {
            b->no_multi = 1;
            w->cursor = b->records;
            w->second = 0;
        }
    }

    if (b->no_multi) {

        if (pos >= torus_reply_head(b)) {
            torus_reply_outside(w);
        }

        return TORUS_OK;
    }

    if (!torus_reply_is_error(w) && w->reply.type != REDIS_REPLY_STATUS) {
        return torus_reply_unexpected(w);
    }

    return TORUS_OK;
}


/*
 * MULTI was refused, but not this command: it ran by itself.  That is how it
 * is where somebody takes the permission for MULTI away under our feet.
 */
static void
torus_reply_outside(torus_writer_t *w)
{
    torus_record_t  *r;

    while (w->cursor != NULL && w->cursor->done && !w->second) {
        w->cursor = w->cursor->next;
    }

    r = w->cursor;

    if (r == NULL) {
        return;
    }

    if (w->second) {
        w->second = 0;
        w->cursor = r->next;
        return;
    }

    if (!torus_reply_is_error(w) && !torus_op_asks(r->kind)) {
        r->done = 1;
    }

    if (r->expireat) {
        w->second = 1;

    } else {
        w->cursor = r->next;
    }
}


static int
torus_reply_batch_element(torus_writer_t *w, const redisReadTask *t, int type,
    long long n, torus_str_t s)
{
    torus_wbatch_t   *b;
    torus_record_t  *r;

    b = w->flight.first;

    if (b == NULL || t->parent->parent != NULL) {
        return TORUS_ERROR;
    }

    if (type == REDIS_REPLY_ERROR) {
        w->conf.counters[TORUS_C_REDIS_ERRORS]++;
    }

    if ((size_t) t->idx < torus_reply_head(b) - 1) {

        /* HSET of the slot: two new fields where there were some before */

        if (t->idx == 0 && n == 2 && w->acked != 0) {
            w->renew_at = 0;
        }

        return TORUS_OK;
    }

    while (w->cursor != NULL && w->cursor->done) {
        w->cursor = w->cursor->next;
    }

    r = w->cursor;

    if (r == NULL
        || (type == REDIS_REPLY_NIL && !torus_op_asks(r->kind)))
    {
        return TORUS_ERROR;
    }

    if (w->second) {

        if (type != REDIS_REPLY_INTEGER || n != 1) {
            r->expiry_failed = 1;
        }

    } else {
        torus_reply_result(w, r, type, n, s);
    }

    torus_reply_next(w);

    return TORUS_OK;
}


static void
torus_reply_result(torus_writer_t *w, torus_record_t *r, int type,
    long long n, torus_str_t s)
{
    int   len;
    char  key[128], error[TORUS_REPLY_TEXT];

    if (type != REDIS_REPLY_ERROR && torus_op_asks(r->kind)) {

        /* it may have been a fraction, and two of them are whole again */

        r->result = (torus_reply_whole(type, s)
                     && !torus_queue_fractional(&w->queue, r->key, w->now))
                    ? TORUS_RESULT_OK : TORUS_RESULT_DOUBT;
        return;
    }

    if (type != REDIS_REPLY_ERROR) {
        r->result = torus_reply_created(r, type, n, s) ? TORUS_RESULT_CREATED
                                                       : TORUS_RESULT_OK;
        return;
    }

    if ((r->kind == TORUS_OP_INCRBY || r->kind == TORUS_OP_HADD)
        && (torus_reply_starts(s, "ERR value is not an integer")
            || torus_reply_starts(s, "ERR hash value is not an integer")
            || torus_reply_starts(s, "ERR increment or decrement would over")))
    {
        r->result = TORUS_RESULT_FLOAT;
        return;
    }

    r->result = TORUS_RESULT_FAILED;
    w->failed += r->ops;

    if (w->failed_told && w->now - w->failed_at < 60000) {
        return;
    }

    len = (int) torus_escape(key, sizeof(key), r->key);

    torus_writer_note(w, TORUS_EVENT_ERROR,
                      "redis \"%.*s\" failed %llu operations, the last one on "
                      "\"%.*s\": %.*s", torus_fmt(w->conf.host->name),
                      (unsigned long long) w->failed, len, key,
                      (int) torus_escape(error, sizeof(error), s), error);

    w->failed = 0;
    w->failed_told = 1;
    w->failed_at = w->now;
}


/* A count that is gone says nothing, so it is no reason to doubt. */
static int
torus_reply_whole(int type, torus_str_t s)
{
    torus_value_t  v;

    return type != REDIS_REPLY_STRING
           || (torus_number_parse(s, &v) == TORUS_OK
               && v.kind == TORUS_VALUE_INT);
}


/*
 * Could the key have been created by this command?  Only to know whether it
 * needs an expiry, so that too often is right and too rarely is not.
 */
static int
torus_reply_created(const torus_record_t *r, int type, long long n,
    torus_str_t s)
{
    torus_value_t  sum, added;

    if (r->expire == 0 || r->expireat || r->covered) {
        return 0;
    }

    switch (r->kind) {

    case TORUS_OP_INCRBY:
    case TORUS_OP_HINCRBY:
    case TORUS_OP_HADD:
        return n == r->delta;

    case TORUS_OP_HSET:
        return n == 1;

    case TORUS_OP_RPUSH:
        return n == (long long) r->nitems;

    case TORUS_OP_SADD:
    case TORUS_OP_ZADD:
        return n != 0;

    case TORUS_OP_INCRBYFLOAT:
    case TORUS_OP_HADDFLOAT:
        return type == REDIS_REPLY_STRING
               && torus_number_parse(s, &sum) == TORUS_OK
               && torus_number_parse(torus_str(r->arg, r->arg_len), &added)
                  == TORUS_OK
               && torus_number_double(&sum) == torus_number_double(&added);

    default: /* SET carries it, EXPIREAT is it */
        return 0;
    }
}


static void
torus_reply_next(torus_writer_t *w)
{
    if (!w->second && w->cursor->expireat) {
        w->second = 1;
        return;
    }

    w->second = 0;
    w->cursor = w->cursor->next;
}


static void
torus_reply_rewind(torus_writer_t *w)
{
    w->pos = 0;
    w->cursor = NULL;
    w->second = 0;
}


/* Replies before those of the commands: MULTI, HSET, EXPIRE. */
static size_t
torus_reply_head(const torus_wbatch_t *b)
{
    return b->renew ? 3 : 2;
}


static int
torus_reply_starts(torus_str_t s, const char *z)
{
    size_t  n;

    n = strlen(z);

    return s.len >= n && memcmp(s.data, z, n) == 0;
}


static int
torus_reply_unexpected(torus_writer_t *w)
{
    int   n;
    char  quoted[TORUS_REPLY_TEXT];

    if (w->reader->err != 0 || !torus_reply_is_error(w)) {
        torus_writer_note(w, TORUS_EVENT_ERROR,
                          "redis \"%.*s\" sent an invalid reply",
                          torus_fmt(w->conf.host->name));
        return TORUS_ERROR;
    }

    n = (int) torus_escape(quoted, sizeof(quoted), torus_reply_text(w));

    torus_writer_note(w, TORUS_EVENT_ERROR, "redis \"%.*s\" said: %.*s",
                      torus_fmt(w->conf.host->name), n, quoted);

    return TORUS_ERROR;
}
