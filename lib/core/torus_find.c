/*
 * A walk over the trees of the index: what is asked for goes out in batches,
 * what was found comes out.  See torus_find_tree.h.
 */

#include "torus_find_tree.h"
#include "torus_names.h"


static int torus_find_roots(torus_find_t *f);
static int torus_find_send(torus_find_t *f, torus_find_host_t *h);
static void torus_find_put_back(torus_find_t *f, torus_find_host_t *h,
    size_t from);
static int torus_find_take(torus_find_t *f, torus_find_host_t *h);


torus_find_t *
torus_find_create(torus_arena_t *arena, const torus_schema_set_t *set,
    const torus_find_conf_t *conf, torus_request_stats_t *stats)
{
    size_t         i;
    torus_find_t  *f;

    f = torus_arena_calloc(arena, 1, sizeof(torus_find_t));
    if (f == NULL) {
        return NULL;
    }

    f->arena = arena;
    f->set = set;
    f->conf = *conf;
    f->stats = stats;
    f->window = TORUS_FIND_WINDOW;

    f->hosts = torus_arena_calloc(arena, set->nhosts + 1,
                                  sizeof(torus_find_host_t));

    if (f->hosts == NULL || torus_find_roots(f) != TORUS_OK) {
        return NULL;
    }

    for (i = 0; i < set->nhosts; i++) {
        torus_buf_init_on(&f->hosts[i].bytes, conf->account);
    }

    if (conf->account != NULL) {
        conf->account->reclaim = torus_find_reclaim;
        conf->account->data = f;
    }

    return f;
}


static int
torus_find_roots(torus_find_t *f)
{
    size_t                    i, k, n;
    const torus_schema_t     *schema;
    const torus_find_root_t  *root;

    n = f->set->nschemas + 1;

    f->roots = torus_arena_calloc(f->arena, n, sizeof(torus_find_root_t));
    f->root_of = torus_arena_calloc(f->arena, n, sizeof(size_t));
    f->keep = torus_arena_calloc(f->arena, n, sizeof(int64_t));

    if (f->roots == NULL || f->root_of == NULL || f->keep == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < f->set->nschemas; i++) {
        schema = &f->set->schemas[i];

        for (k = 0; k < f->nroots; k++) {
            root = &f->roots[k];

            if (root->host->index == schema->host->index
                && torus_str_eq(root->prefix, schema->prefix))
            {
                break;
            }
        }

        if (k == f->nroots) {
            f->roots[k].host = schema->host;
            f->roots[k].prefix = schema->prefix;
            f->nroots++;
        }

        f->root_of[schema->index] = k;
        f->keep[schema->index] = torus_names_keep(schema);
    }

    return TORUS_OK;
}


void
torus_find_destroy(torus_find_t *f)
{
    size_t               i;
    torus_account_t     *account;
    torus_find_host_t   *h;
    torus_find_entry_t  *e;

    account = f->conf.account;

    if (account != NULL && account->data == f) {
        account->reclaim = NULL;
    }

    while (f->first != NULL) {
        e = f->first;
        f->first = e->next;
        torus_find_free(f, e);
    }

    if (f->given != NULL) {
        torus_find_free(f, f->given);
        f->given = NULL;
    }

    for (i = 0; i < f->set->nhosts; i++) {
        h = &f->hosts[i];

        torus_buf_free(&h->bytes);
        torus_account_free(account, h->todo,
                           h->size * sizeof(torus_find_read_t));
        torus_account_free(account, h->sent,
                           h->sent_size * sizeof(torus_find_read_t));
    }

    torus_account_free(account, f->path, f->path_size);
    f->path = NULL;
}


int
torus_find_next(torus_find_t *f, torus_batch_t *batch)
{
    int                 idle;
    size_t              i;
    torus_find_host_t  *h;

    if (f->failed || torus_find_fill(f) != TORUS_OK) {
        return TORUS_ERROR;
    }

    /* what can be given goes first: then its memory is free */

    if (torus_find_short(f) && torus_find_busy(f)) {
        return TORUS_DECLINED;
    }

    idle = 1;

    for (i = 0; i < f->set->nhosts; i++) {
        idle &= (f->hosts[i].nsent == 0);
    }

    for (i = 0; i < f->set->nhosts; i++) {
        h = &f->hosts[i];

        if (h->nsent != 0 || h->ntodo == 0) {
            continue;
        }

        if (torus_find_send(f, h) != TORUS_OK) {
            f->failed = 1;
            return TORUS_ERROR;
        }

        if (h->nsent == 0) {
            continue;
        }

        batch->host = &f->set->hosts[i];
        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
        batch->replies = h->nsent;

        f->stats->batches++;
        f->stats->commands += h->nsent;
        f->stats->rounds += (uint64_t) idle;

        return TORUS_OK;
    }

    return TORUS_DECLINED;
}


/*
 * The next commands of a host, as many as there is room for.  To make room
 * nodes may be forgotten in between; replies to what was asked of them come
 * nevertheless.
 */
static int
torus_find_send(torus_find_t *f, torus_find_host_t *h)
{
    size_t             i, n, len;
    torus_find_read_t  read;

    if (torus_find_take(f, h) != TORUS_OK) {
        return TORUS_ERROR;
    }

    torus_buf_reset(&h->bytes, TORUS_FIND_KEEP);

    for (i = 0, n = 0; i < h->nsent; i++) {
        read = h->sent[i];

        if (read.entry == NULL) {
            continue;
        }

        len = torus_buf_len(&h->bytes);

        if (torus_find_command(f, h, &read) == TORUS_OK) {
            h->sent[n++] = h->sent[i];
            continue;
        }

        h->bytes.failed = 0;
        h->bytes.last = h->bytes.pos + len;
        f->at = read.entry;

        if (n == 0 && !torus_find_forgive(f)) {
            return TORUS_ERROR;
        }

        if (n != 0) {
            torus_find_put_back(f, h, i);
            break;
        }
    }

    f->at = NULL;
    h->nsent = n;
    h->seen = 0;

    return TORUS_OK;
}


/* What was to be sent from there on waits for the next batch. */
static void
torus_find_put_back(torus_find_t *f, torus_find_host_t *h, size_t from)
{
    size_t  i, n;

    for (i = from, n = from; i < h->nsent; i++) {

        if (h->sent[i].entry != NULL) {
            h->sent[n++] = h->sent[i];
        }
    }

    n -= from;

    memmove(h->todo + n, h->todo, h->ntodo * sizeof(torus_find_read_t));
    memcpy(h->todo, h->sent + from, n * sizeof(torus_find_read_t));

    h->ntodo += n;

    if (f->conf.account != NULL) {
        f->conf.account->refused = 0;
    }
}


/* From those to be sent; of the front alone when memory is short. */
static int
torus_find_take(torus_find_t *f, torus_find_host_t *h)
{
    size_t               i, n, left, size;
    torus_find_read_t   *sent;
    torus_find_entry_t  *front;

    size = h->ntodo < TORUS_FIND_COMMANDS ? h->ntodo : TORUS_FIND_COMMANDS;

    if (torus_account_short(f->conf.account,
                            size * sizeof(torus_find_read_t)))
    {
        size = 1;
    }

    if (size > h->sent_size) {
        sent = torus_account_alloc(f->conf.account,
                                   size * sizeof(torus_find_read_t));
        if (sent == NULL) {
            return TORUS_ERROR;
        }

        torus_account_free(f->conf.account, h->sent,
                           h->sent_size * sizeof(torus_find_read_t));
        h->sent = sent;
        h->sent_size = size;
    }

    front = torus_find_short(f) ? torus_find_front(f) : NULL;

    for (i = 0, n = 0, left = 0; i < h->ntodo; i++) {

        if (n < h->sent_size && n < TORUS_FIND_COMMANDS
            && (front == NULL || h->todo[i].entry == front))
        {
            h->sent[n++] = h->todo[i];

        } else {
            h->todo[left++] = h->todo[i];
        }
    }

    h->ntodo = left;
    h->nsent = n;
    h->seen = 0;

    return TORUS_OK;
}


unsigned
torus_find_reply(torus_find_t *f, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err)
{
    int                 rc;
    torus_find_read_t   read;
    torus_find_host_t  *h;

    h = &f->hosts[host->index];

    if (h->seen >= h->nsent) {
        torus_error(err, "redis %.*s answers what was not asked",
                    torus_fmt(host->name));
        return 503;
    }

    read = h->sent[h->seen++];

    if (h->seen == h->nsent) {
        h->nsent = 0;
        h->seen = 0;
    }

    /* of a node that was forgotten */

    if (read.entry == NULL) {
        return 200;
    }

    rc = TORUS_DECLINED;
    f->at = read.entry;

    if (reply->type == REDIS_REPLY_ARRAY) {
        rc = torus_find_literal(&f->queries[read.entry->query],
                                read.entry->states) != NULL
             ? torus_find_scores(f, &read, reply)
             : torus_find_members(f, &read, reply);
    }

    if (rc == TORUS_DECLINED) {

        if (reply->type == REDIS_REPLY_ARRAY) {
            torus_error(err, "redis %.*s cannot find", torus_fmt(host->name));
            return 503;
        }

        /* a key of another type is no set of ours */

        if (torus_batch_error(host, reply, err) != TORUS_DECLINED) {
            return 503;
        }

        rc = TORUS_OK;
    }

    if (rc == TORUS_OK && --read.entry->scan->wait == 0) {
        torus_find_finished(f, read.entry);
    }

    if (rc == TORUS_ERROR && !torus_find_forgive(f)) {
        torus_error(err, "out of memory");
        return 500;
    }

    f->at = NULL;

    return 200;
}


int
torus_find_hit(torus_find_t *f, size_t *query, torus_graph_hit_t *hit)
{
    int                  rc;
    torus_find_entry_t  *e;

    if (f->given != NULL) {
        torus_find_free(f, f->given);
        f->given = NULL;
    }

    for ( ;; ) {

        if (torus_work_over(&f->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&f->stats->work, 10);

        e = f->first;

        if (e == NULL) {
            return TORUS_DECLINED;
        }

        /* what can be given goes first: then its memory is free */

        if (!e->hit && !e->done) {

            if (!torus_find_busy(f)) {
                return TORUS_AGAIN;
            }

            rc = torus_find_do(f);

            if (rc != TORUS_OK) {
                return rc;
            }

            continue;
        }

        f->first = e->next;
        f->given = e;

        if (e->hit) {
            break;
        }

        torus_find_free(f, e);
        f->given = NULL;
    }

    if (f->conf.names != 0 && f->hits == f->conf.names) {
        return TORUS_INVALID;
    }

    f->hits++;

    *query = e->query;
    hit->path = torus_find_path(e);
    hit->leaf = e->leaf;
    hit->start = e->start;
    hit->end = e->end;

    return TORUS_OK;
}


int
torus_find_busy(const torus_find_t *f)
{
    const torus_find_entry_t  *e;

    e = f->first;

    if (e == NULL || e->hit || e->done || torus_find_is_read(e)) {
        return 1;
    }

    return f->ready != NULL && !torus_find_short(f);
}
