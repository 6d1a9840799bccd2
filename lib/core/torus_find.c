/*
 * A walk over the trees of the index: what is asked for goes out in batches,
 * what was found comes out.  See torus_find_tree.h.
 */

#include "torus_find_tree.h"
#include "torus_names.h"

#include <stdlib.h>


static int torus_find_roots(torus_find_t *f);


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

    f->hosts = torus_arena_calloc(arena, set->nhosts + 1,
                                  sizeof(torus_find_host_t));

    if (f->hosts == NULL || torus_find_roots(f) != TORUS_OK) {
        return NULL;
    }

    for (i = 0; i < set->nhosts; i++) {
        torus_buf_init(&f->hosts[i].bytes, 0);
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
    torus_find_entry_t  *e;

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
        torus_buf_free(&f->hosts[i].bytes);
        free(f->hosts[i].todo);
        free(f->hosts[i].sent);
    }

    free(f->path);
    f->path = NULL;
}


int
torus_find_next(torus_find_t *f, torus_batch_t *batch)
{
    int                 idle;
    size_t              i, n;
    torus_find_host_t  *h;

    if (f->failed || torus_find_fill(f) != TORUS_OK) {
        return TORUS_ERROR;
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

        torus_buf_reset(&h->bytes, TORUS_FIND_KEEP);

        n = h->ntodo < TORUS_FIND_COMMANDS ? h->ntodo : TORUS_FIND_COMMANDS;

        for (h->nsent = 0; h->nsent < n; h->nsent++) {
            h->sent[h->nsent] = h->todo[h->nsent];

            if (torus_find_command(f, h, &h->sent[h->nsent]) != TORUS_OK) {
                f->failed = 1;
                return TORUS_ERROR;
            }
        }

        h->ntodo -= n;
        memmove(h->todo, h->todo + n, h->ntodo * sizeof(torus_find_read_t));
        h->seen = 0;

        batch->host = &f->set->hosts[i];
        batch->bytes = torus_str(h->bytes.pos, torus_buf_len(&h->bytes));
        batch->replies = n;

        f->stats->batches++;
        f->stats->commands += n;
        f->stats->rounds += (uint64_t) idle;

        return TORUS_OK;
    }

    return TORUS_DECLINED;
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

    rc = TORUS_DECLINED;

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

    if (rc != TORUS_OK && rc != TORUS_AGAIN) {
        torus_error(err, "out of memory");
        return 500;
    }

    if (f->conf.memory != 0 && f->memory > f->conf.memory) {
        torus_error(err, "the request needs more memory than it may have");
        return 413;
    }

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

            if (f->ready == NULL) {
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
    return f->ready != NULL || f->first == NULL || f->first->hit
           || f->first->done;
}
