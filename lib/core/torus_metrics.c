/*
 * What is found is kept until all of it is there, since it has to be put in
 * order once more; but the index of all names is written as it comes.  Where
 * the number of names is limited it is walked twice if it is long: first to
 * count them, for what has been sent cannot become a 413.
 */

#include "torus_metrics.h"


#define TORUS_METRICS_SHORT  32768   /* bytes of an index that is not long */


typedef struct {
    torus_graph_hit_t          hit;
    size_t                     query;
} torus_metrics_hit_t;


typedef enum {
    TORUS_METRICS_COLLECT = 0,
    TORUS_METRICS_COPY,          /* the hits without their queries */
    TORUS_METRICS_SORT,
    TORUS_METRICS_WRITE,
    TORUS_METRICS_DONE
} torus_metrics_state_t;


struct torus_metrics_s {
    torus_arena_t             *arena;
    torus_metrics_kind_t       kind;
    const torus_limits_t      *limits;
    const torus_schema_set_t  *set;
    torus_request_stats_t     *stats;
    torus_find_t              *find;
    torus_find_conf_t          conf;
    torus_graph_find_t         options;
    torus_str_t               *queries;   /* of expand, each once */
    size_t                     nqueries;
    torus_metrics_hit_t       *hits;
    size_t                     n;
    size_t                     size;
    torus_buf_t               *out;
    torus_buf_t                held;      /* of an index that is counted */
    torus_json_t               json;
    torus_metrics_state_t      state;
    torus_sort_t               sort;      /* expand */
    torus_graph_finder_t       finder;    /* find */
    torus_graph_hit_t         *found;
    size_t                     i;
    size_t                     group;     /* query of expand, at work */
    unsigned                   counting:1;
    unsigned                   grouped:1;
    unsigned                   pretty:1;
    unsigned                   begun:1;
    unsigned                   open:1;    /* so is a group */
};


static unsigned torus_metrics_find(torus_metrics_t *m,
    const torus_arg_t *args, size_t nargs, torus_find_conf_t *conf,
    const torus_clock_t *clock, torus_error_t *err);
static unsigned torus_metrics_expand(torus_metrics_t *m,
    const torus_arg_t *args, size_t nargs, torus_find_conf_t *conf,
    torus_error_t *err);
static unsigned torus_metrics_options(torus_metrics_t *m,
    const torus_arg_t *args, size_t nargs, torus_error_t *err);
static unsigned torus_metrics_times(torus_find_conf_t *conf,
    const torus_arg_t *args, size_t nargs, const torus_clock_t *clock,
    torus_error_t *err);
static unsigned torus_metrics_time(const torus_arg_t *args, size_t nargs,
    const char *name, int64_t now, const torus_tz_t *tz, int64_t *ts,
    torus_error_t *err);
static unsigned torus_metrics_number(const torus_arg_t *args, size_t nargs,
    const char *name, int *number, torus_error_t *err);
static int torus_metrics_completer(torus_metrics_t *m, torus_str_t *query);
static int torus_metrics_variants(torus_metrics_t *m, torus_str_t *query);
static unsigned torus_metrics_add(torus_metrics_t *m, torus_str_t query,
    torus_error_t *err);
static int torus_metrics_keep(torus_metrics_t *m,
    const torus_graph_hit_t *hit, size_t query);
static unsigned torus_metrics_begin(torus_metrics_t *m, torus_error_t *err);
static unsigned torus_metrics_index(torus_metrics_t *m, torus_error_t *err);
static unsigned torus_metrics_count(torus_metrics_t *m, torus_error_t *err);
static unsigned torus_metrics_counted(torus_metrics_t *m,
    torus_error_t *err);
static unsigned torus_metrics_over(const torus_metrics_t *m,
    torus_error_t *err);
static unsigned torus_metrics_collect(torus_metrics_t *m, torus_error_t *err);
static unsigned torus_metrics_collected(torus_metrics_t *m,
    torus_error_t *err);
static unsigned torus_metrics_full(torus_error_t *err);
static void torus_metrics_copy(torus_metrics_t *m);
static unsigned torus_metrics_found(torus_metrics_t *m);
static unsigned torus_metrics_expanded(torus_metrics_t *m);
static void torus_metrics_open(torus_metrics_t *m);
static int torus_metrics_expand_some(torus_metrics_t *m);
static int torus_metrics_cmp(const void *a, const void *b);
static int torus_metrics_cmp_path(const void *a, const void *b);


unsigned
torus_metrics_create(torus_metrics_kind_t kind,
    const torus_schema_set_t *set, const torus_arg_t *args, size_t nargs,
    const torus_limits_t *limits, const torus_clock_t *clock,
    torus_request_stats_t *stats, torus_buf_t *out,
    torus_metrics_t **metrics, torus_error_t *err)
{
    unsigned          status;
    torus_arena_t    *arena;
    torus_metrics_t  *m;

    arena = torus_arena_create_on(4096, limits->account);
    if (arena == NULL) {
        return 500;
    }

    m = torus_arena_calloc(arena, 1, sizeof(torus_metrics_t));
    if (m == NULL) {
        torus_arena_destroy(arena);
        return 500;
    }

    m->arena = arena;
    m->kind = kind;
    m->limits = limits;
    m->set = set;
    m->stats = stats;
    m->out = out;

    torus_buf_init_on(&m->held, limits->account);

    m->conf.now = clock->now;
    m->conf.from = INT64_MIN;
    m->conf.until = INT64_MAX;
    m->conf.names = limits->names;
    m->conf.account = limits->account;

    m->queries = torus_arena_calloc(arena, nargs + 1, sizeof(torus_str_t));

    if (m->queries == NULL) {
        status = 500;

    } else if (kind == TORUS_METRICS_FIND) {
        status = torus_metrics_find(m, args, nargs, &m->conf, clock, err);

    } else if (kind == TORUS_METRICS_EXPAND) {
        status = torus_metrics_expand(m, args, nargs, &m->conf, err);

    } else {
        status = torus_metrics_add(m, torus_str("**", 2), err);
        m->conf.leaves = 1;
        m->conf.tagged = 1;
        m->counting = (limits->names != 0);
    }

    if (status == 200) {
        status = torus_metrics_begin(m, err);
    }

    if (status != 200) {
        torus_metrics_destroy(m);
        return status;
    }

    *metrics = m;

    return 200;
}


static unsigned
torus_metrics_begin(torus_metrics_t *m, torus_error_t *err)
{
    size_t  i;

    m->find = torus_find_create(m->arena, m->set, &m->conf, m->stats);
    if (m->find == NULL) {
        return 500;
    }

    for (i = 0; i < m->nqueries; i++) {

        switch (torus_find_add(m->find, m->queries[i], err)) {

        case TORUS_OK:
            break;

        case TORUS_INVALID:
            return 400;

        default:
            return 500;
        }
    }

    return 200;
}


void
torus_metrics_destroy(torus_metrics_t *m)
{
    if (m->find != NULL) {
        torus_find_destroy(m->find);
    }

    torus_buf_free(&m->held);
    torus_arena_destroy(m->arena);
}


torus_str_t
torus_metrics_type(const torus_metrics_t *m)
{
    return m->kind == TORUS_METRICS_FIND
           && m->options.format == TORUS_GRAPH_FIND_PICKLE
           ? torus_str("application/pickle", 18)
           : torus_str("application/json", 16);
}


int
torus_metrics_next(torus_metrics_t *m, torus_batch_t *batch)
{
    return torus_find_next(m->find, batch);
}


unsigned
torus_metrics_reply(torus_metrics_t *m, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err)
{
    return torus_find_reply(m->find, host, reply, err);
}


int
torus_metrics_busy(const torus_metrics_t *m)
{
    return m->state == TORUS_METRICS_COLLECT ? torus_find_busy(m->find)
                                             : m->state != TORUS_METRICS_DONE;
}


unsigned
torus_metrics_work(torus_metrics_t *m, torus_error_t *err)
{
    switch (m->state) {

    case TORUS_METRICS_COLLECT:
        return m->kind != TORUS_METRICS_INDEX
               ? torus_metrics_collect(m, err)
               : m->counting ? torus_metrics_count(m, err)
                             : torus_metrics_index(m, err);

    case TORUS_METRICS_COPY:
        torus_metrics_copy(m);
        return 200;

    case TORUS_METRICS_SORT:

        if (torus_sort_run(&m->sort, &m->stats->work) == TORUS_OK) {
            m->state = TORUS_METRICS_WRITE;
        }

        return 200;

    case TORUS_METRICS_WRITE:
        return m->kind == TORUS_METRICS_EXPAND ? torus_metrics_expanded(m)
                                               : torus_metrics_found(m);

    default:
        return 200;
    }
}


int
torus_metrics_done(const torus_metrics_t *m)
{
    return m->state == TORUS_METRICS_DONE;
}


torus_str_t
torus_metrics_arg(const torus_arg_t *args, size_t nargs, const char *name)
{
    while (nargs-- > 0) {

        if (torus_str_is(args[nargs].name, name)) {
            return args[nargs].value;
        }
    }

    return torus_str("", 0);
}


static unsigned
torus_metrics_find(torus_metrics_t *m, const torus_arg_t *args, size_t nargs,
    torus_find_conf_t *conf, const torus_clock_t *clock, torus_error_t *err)
{
    int          leaves, variants;
    unsigned     status;
    torus_str_t  query;

    leaves = 0;
    variants = 0;
    query = torus_metrics_arg(args, nargs, "query");

    if (query.len == 0) {
        torus_error(err, "argument \"query\" is missing");
        return 400;
    }

    m->options.query = query;

    status = torus_metrics_options(m, args, nargs, err);

    if (status == 200) {
        status = torus_metrics_number(args, nargs, "leavesOnly", &leaves,
                                      err);
    }

    if (status == 200) {
        status = torus_metrics_number(args, nargs, "automatic_variants",
                                      &variants, err);
    }

    if (status == 200) {
        status = torus_metrics_times(conf, args, nargs, clock, err);
    }

    if (status != 200) {
        return status;
    }

    conf->leaves = (leaves != 0);

    if (m->options.format == TORUS_GRAPH_FIND_COMPLETER
        && (torus_metrics_completer(m, &query) != TORUS_OK
            || (variants != 0
                && torus_metrics_variants(m, &query) != TORUS_OK)))
    {
        return 500;
    }

    return torus_metrics_add(m, query, err);
}


static unsigned
torus_metrics_expand(torus_metrics_t *m, const torus_arg_t *args,
    size_t nargs, torus_find_conf_t *conf, torus_error_t *err)
{
    int       leaves, grouped;
    size_t    i;
    unsigned  status;

    leaves = 0;
    grouped = 0;

    status = torus_metrics_number(args, nargs, "leavesOnly", &leaves, err);

    if (status == 200) {
        status = torus_metrics_number(args, nargs, "groupByExpr", &grouped,
                                      err);
    }

    for (i = 0; status == 200 && i < nargs; i++) {

        if (torus_str_is(args[i].name, "query") && args[i].value.len != 0) {
            status = torus_metrics_add(m, args[i].value, err);
        }
    }

    if (status == 200 && m->nqueries == 0) {
        torus_error(err, "argument \"query\" is missing");
        return 400;
    }

    conf->leaves = (leaves != 0);
    m->grouped = (grouped != 0);

    return status;
}


static unsigned
torus_metrics_options(torus_metrics_t *m, const torus_arg_t *args,
    size_t nargs, torus_error_t *err)
{
    int          wildcards;
    char         quoted[64];
    size_t       n;
    unsigned     status;
    torus_str_t  format;

    format = torus_metrics_arg(args, nargs, "format");

    if (format.len != 0
        && torus_graph_find_format(format, &m->options.format) != TORUS_OK)
    {
        n = torus_escape(quoted, sizeof(quoted), format);
        torus_error(err, "argument \"format\" must be treejson, completer, "
                    "nodelist, json or pickle, not \"%.*s\"", (int) n, quoted);
        return 400;
    }

    wildcards = 0;
    m->options.position = -1;

    status = torus_metrics_number(args, nargs, "wildcards", &wildcards, err);

    if (status == 200) {
        status = torus_metrics_number(args, nargs, "position",
                                      &m->options.position, err);
    }

    m->options.wildcards = (wildcards != 0);

    return status;
}


/* A leaf that had its last point before "from" has none to show. */
static unsigned
torus_metrics_times(torus_find_conf_t *conf, const torus_arg_t *args,
    size_t nargs, const torus_clock_t *clock, torus_error_t *err)
{
    int64_t            now;
    unsigned           status;
    torus_str_t        zone;
    const torus_tz_t  *tz;

    tz = NULL;
    now = clock->now;
    zone = torus_metrics_arg(args, nargs, "tz");

    if (zone.len != 0 && clock->zone != NULL) {
        tz = clock->zone(clock->data, zone);
    }

    status = torus_metrics_time(args, nargs, "now", clock->now, tz, &now, err);

    if (status == 200) {
        status = torus_metrics_time(args, nargs, "from", now, tz, &conf->from,
                                    err);
    }

    if (status == 200) {
        status = torus_metrics_time(args, nargs, "until", now, tz,
                                    &conf->until, err);
    }

    return status;
}


static unsigned
torus_metrics_time(const torus_arg_t *args, size_t nargs, const char *name,
    int64_t now, const torus_tz_t *tz, int64_t *ts, torus_error_t *err)
{
    torus_str_t    text;
    torus_error_t  why;

    text = torus_metrics_arg(args, nargs, name);

    /* Grafana's backend has JavaScript's word for a variable without range */
    if (text.len == 0 || torus_str_is(text, "-1")
        || torus_str_is(text, "undefined"))
    {
        return 200;
    }

    if (torus_time_parse_graphite(text, now, tz, ts, &why) == TORUS_OK) {
        return 200;
    }

    torus_error(err, "argument \"%s\" %.900s", name, why.text);

    return 400;
}


static unsigned
torus_metrics_number(const torus_arg_t *args, size_t nargs, const char *name,
    int *number, torus_error_t *err)
{
    int          n;
    char         quoted[64];
    size_t       i, sign;
    torus_str_t  text;

    text = torus_metrics_arg(args, nargs, name);

    if (text.len == 0) {
        return 200;
    }

    if (torus_str_is(text, "true") || torus_str_is(text, "false")) {
        *number = (text.len == 4);
        return 200;
    }

    sign = (text.data[0] == '-');
    n = 0;

    for (i = sign; i < text.len && i < sign + 6; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        n = n * 10 + (text.data[i] - '0');
    }

    if (i != text.len || i == sign) {
        n = (int) torus_escape(quoted, sizeof(quoted), text);
        torus_error(err, "argument \"%s\" must be a number, not \"%.*s\"",
                    name, n, quoted);
        return 400;
    }

    *number = sign ? -n : n;

    return 200;
}


/* "a.b" becomes "a.b*", and "a..b" "a*.b*". */
static int
torus_metrics_completer(torus_metrics_t *m, torus_str_t *query)
{
    size_t          i, n;
    unsigned char  *p;

    p = torus_arena_alloc(m->arena, query->len * 2 + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    n = 0;

    for (i = 0; i < query->len; i++) {

        if (query->data[i] == '.' && i + 1 < query->len
            && query->data[i + 1] == '.')
        {
            p[n++] = '*';
            i++;
        }

        p[n++] = query->data[i];
    }

    if (n == 0 || p[n - 1] != '*') {
        p[n++] = '*';
    }

    *query = torus_str(p, n);

    return TORUS_OK;
}


/* "a.b,c.d*" becomes "a.{b,c}.d*". */
static int
torus_metrics_variants(torus_metrics_t *m, torus_str_t *query)
{
    size_t                i, n, len;
    unsigned char        *p;
    const unsigned char  *dot, *node;

    /* at the worst ",.,": each second byte is a node, and gets two more */
    p = torus_arena_alloc(m->arena, query->len * 2 + 2);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    n = 0;

    for (i = 0; i < query->len; i += len + 1) {
        node = query->data + i;
        dot = memchr(node, '.', query->len - i);
        len = (dot == NULL) ? query->len - i : (size_t) (dot - node);

        if (memchr(node, ',', len) != NULL && memchr(node, '{', len) == NULL) {
            p[n++] = '{';
            memcpy(p + n, node, len);
            n += len;
            p[n++] = '}';

        } else {
            memcpy(p + n, node, len);
            n += len;
        }

        if (dot != NULL) {
            p[n++] = '.';
        }
    }

    *query = torus_str(p, n);

    return TORUS_OK;
}


static unsigned
torus_metrics_add(torus_metrics_t *m, torus_str_t query, torus_error_t *err)
{
    size_t  i;

    for (i = 0; i < m->nqueries; i++) {

        if (torus_str_eq(m->queries[i], query)) {
            return 200;
        }
    }

    if (m->limits->stats != 0 && m->nqueries == m->limits->stats) {
        torus_error(err, "more than %zu queries in one request",
                    m->limits->stats);
        return 413;
    }

    m->queries[m->nqueries++] = query;

    return 200;
}


static int
torus_metrics_keep(torus_metrics_t *m, const torus_graph_hit_t *hit,
    size_t query)
{
    size_t                size;
    torus_metrics_hit_t  *h, *grown;

    if (m->n == m->size) {
        size = m->size == 0 ? 64 : 2 * m->size;

        grown = torus_arena_alloc(m->arena,
                                  size * sizeof(torus_metrics_hit_t));
        if (grown == NULL) {
            return TORUS_ERROR;
        }

        if (m->n != 0) {
            memcpy(grown, m->hits, m->n * sizeof(torus_metrics_hit_t));
        }

        m->hits = grown;
        m->size = size;
    }

    h = &m->hits[m->n++];

    h->hit = *hit;
    h->query = query;

    return torus_arena_dup(m->arena, hit->path, &h->hit.path);
}


/* The hits come in order, each once. */
static unsigned
torus_metrics_index(torus_metrics_t *m, torus_error_t *err)
{
    int                rc;
    size_t             query;
    torus_graph_hit_t  hit;

    for ( ;; ) {
        rc = torus_find_hit(m->find, &query, &hit);

        if (rc == TORUS_AGAIN) {
            break;
        }

        if (rc == TORUS_INVALID) {
            return torus_metrics_over(m, err);
        }

        if (!m->begun) {
            m->begun = 1;
            torus_json_init(&m->json, m->out, m->pretty);
            torus_json_open(&m->json, '[');
        }

        if (rc == TORUS_DECLINED) {
            torus_json_close(&m->json, ']');
            m->state = TORUS_METRICS_DONE;
            break;
        }

        if (rc != TORUS_OK) {
            return torus_metrics_full(err);
        }

        torus_json_string(&m->json, hit.path);
        torus_work_did(&m->stats->work, 10 + hit.path.len / 4);
        m->stats->points++;
    }

    return m->out->failed ? 500 : 200;
}


/* What is short is held, and need not be looked for once more. */
static unsigned
torus_metrics_count(torus_metrics_t *m, torus_error_t *err)
{
    int                rc;
    size_t             query;
    torus_graph_hit_t  hit;

    for ( ;; ) {
        rc = torus_find_hit(m->find, &query, &hit);

        if (rc == TORUS_AGAIN) {
            return 200;
        }

        if (rc == TORUS_INVALID) {
            return torus_metrics_over(m, err);
        }

        if (rc == TORUS_ERROR) {
            return torus_metrics_full(err);
        }

        if (!m->begun) {
            m->begun = 1;
            torus_json_init(&m->json, &m->held, m->pretty);
            torus_json_open(&m->json, '[');
        }

        if (rc == TORUS_DECLINED) {
            return torus_metrics_counted(m, err);
        }

        m->n++;
        torus_work_did(&m->stats->work, 10 + hit.path.len / 4);

        if (torus_buf_len(&m->held) < TORUS_METRICS_SHORT) {
            torus_json_string(&m->json, hit.path);
        }
    }
}


static unsigned
torus_metrics_counted(torus_metrics_t *m, torus_error_t *err)
{
    m->counting = 0;

    if (torus_buf_len(&m->held) < TORUS_METRICS_SHORT) {
        torus_json_close(&m->json, ']');
        torus_buf_add(m->out, m->held.pos, torus_buf_len(&m->held));

        m->stats->points += m->n;
        m->state = TORUS_METRICS_DONE;

        return m->held.failed || m->out->failed ? 500 : 200;
    }

    torus_buf_free(&m->held);
    torus_find_destroy(m->find);

    m->find = NULL;
    m->begun = 0;

    /* a name more or less than there were is no reason to break it off */

    m->conf.names = 0;

    return torus_metrics_begin(m, err);
}


static unsigned
torus_metrics_over(const torus_metrics_t *m, torus_error_t *err)
{
    torus_error(err, "there are more than %zu names", m->limits->names);

    return 413;
}


static unsigned
torus_metrics_full(torus_error_t *err)
{
    torus_error(err, "the request needs more memory than it may have");

    return 413;
}


/* All hits are kept, as they have to be put in order once more. */
static unsigned
torus_metrics_collect(torus_metrics_t *m, torus_error_t *err)
{
    int                rc;
    size_t             query;
    torus_graph_hit_t  hit;

    for ( ;; ) {
        rc = torus_find_hit(m->find, &query, &hit);

        if (rc != TORUS_OK) {
            break;
        }

        torus_work_did(&m->stats->work, 4);

        if (torus_metrics_keep(m, &hit, query) != TORUS_OK) {
            return torus_metrics_full(err);
        }
    }

    if (rc == TORUS_AGAIN) {
        return 200;
    }

    if (rc == TORUS_INVALID) {
        return torus_metrics_over(m, err);
    }

    return rc == TORUS_DECLINED ? torus_metrics_collected(m, err)
                                : torus_metrics_full(err);
}


static unsigned
torus_metrics_collected(torus_metrics_t *m, torus_error_t *err)
{
    void    *spare;
    size_t   n;

    m->stats->points += m->n;
    n = m->n + 1;

    if (m->kind == TORUS_METRICS_EXPAND) {
        spare = torus_arena_alloc(m->arena, n * sizeof(torus_metrics_hit_t));

        torus_sort_start(&m->sort, m->hits, spare, m->n,
                         sizeof(torus_metrics_hit_t),
                         m->grouped ? torus_metrics_cmp
                                    : torus_metrics_cmp_path);
        m->state = TORUS_METRICS_SORT;

    } else {
        m->found = torus_arena_alloc(m->arena, n * sizeof(torus_graph_hit_t));
        spare = torus_arena_alloc(m->arena, n * sizeof(torus_graph_hit_t));

        torus_graph_find_start(&m->finder, m->out, &m->options, m->found,
                               spare, m->n);
        m->state = TORUS_METRICS_COPY;

        if (m->found == NULL) {
            return torus_metrics_full(err);
        }
    }

    return spare != NULL ? 200 : torus_metrics_full(err);
}


static void
torus_metrics_copy(torus_metrics_t *m)
{
    for ( /* void */ ; m->i < m->n; m->i++) {

        if (torus_work_over(&m->stats->work)) {
            return;
        }

        torus_work_did(&m->stats->work, 1);

        m->found[m->i] = m->hits[m->i].hit;
    }

    m->state = TORUS_METRICS_WRITE;
}


static unsigned
torus_metrics_found(torus_metrics_t *m)
{
    int  rc;

    rc = torus_graph_find_some(&m->finder, &m->stats->work);

    if (rc == TORUS_OK) {
        m->state = TORUS_METRICS_DONE;
    }

    return rc == TORUS_ERROR ? 500 : 200;
}


static unsigned
torus_metrics_expanded(torus_metrics_t *m)
{
    if (!m->begun) {
        m->begun = 1;
        m->i = 0;
        torus_metrics_open(m);
    }

    for ( /* void */ ; m->group < (m->grouped ? m->nqueries : 1); m->group++) {

        if (torus_metrics_expand_some(m) != TORUS_OK) {
            return m->out->failed ? 500 : 200;
        }
    }

    torus_json_close(&m->json, m->grouped ? '}' : ']');
    torus_json_close(&m->json, '}');

    m->state = TORUS_METRICS_DONE;

    return m->out->failed ? 500 : 200;
}


static void
torus_metrics_open(torus_metrics_t *m)
{
    torus_json_init(&m->json, m->out, m->pretty);
    torus_json_open(&m->json, '{');
    torus_json_keyz(&m->json, "results");
    torus_json_open(&m->json, m->grouped ? '{' : '[');
}


/* Those of a group.  A leaf and a branch of the same path are told once. */
static int
torus_metrics_expand_some(torus_metrics_t *m)
{
    const torus_metrics_hit_t  *h;

    if (m->grouped && !m->open) {
        m->open = 1;
        torus_json_key(&m->json, m->queries[m->group]);
        torus_json_open(&m->json, '[');
    }

    for ( /* void */ ; m->i < m->n; m->i++) {
        h = &m->hits[m->i];

        if (m->grouped && h->query != m->group) {
            break;
        }

        if (torus_work_over(&m->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&m->stats->work, 10 + h->hit.path.len / 4);

        if (m->i == 0 || !torus_str_eq(h->hit.path, h[-1].hit.path)
            || (m->grouped && h[-1].query != m->group))
        {
            torus_json_string(&m->json, h->hit.path);
        }
    }

    if (m->grouped) {
        torus_json_close(&m->json, ']');
        m->open = 0;
    }

    return TORUS_OK;
}


static int
torus_metrics_cmp(const void *a, const void *b)
{
    const torus_metrics_hit_t  *x = a;
    const torus_metrics_hit_t  *y = b;

    return x->query != y->query ? (x->query > y->query ? 1 : -1)
                                : torus_metrics_cmp_path(a, b);
}


static int
torus_metrics_cmp_path(const void *a, const void *b)
{
    const torus_metrics_hit_t  *x = a;
    const torus_metrics_hit_t  *y = b;

    return torus_str_cmp(x->hit.path, y->hit.path);
}
