/*
 * The list of a walk: its elements, and how what was read below a node takes
 * the place of the node.
 */

#include "torus_find_tree.h"
#include "torus_layout.h"
#include "torus_names.h"


static torus_find_entry_t *torus_find_entry(torus_find_t *f,
    torus_find_chain_t *chain, size_t query, torus_str_t path);
static void torus_find_forget(torus_find_t *f, torus_find_entry_t *e);
static void torus_find_unread(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_join(torus_find_t *f, torus_str_t path,
    const unsigned char *name, size_t len, torus_str_t *joined);
static int torus_find_finish(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_names(torus_find_t *f, torus_find_scan_t *s);
static int torus_find_results(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_cmp(const void *a, const void *b);
static void torus_find_replace(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_result(torus_find_t *f, torus_find_entry_t *e,
    torus_find_chain_t *chain, torus_find_child_t *c);
static int torus_find_leaf(torus_find_t *f, torus_find_chain_t *chain,
    size_t query, torus_str_t path, uint64_t roots, int64_t seen);


/*
 * A branch to go on from.  Literal nodes that only lead on are gone through
 * without a look: whether they are there shows below them.
 */
int
torus_find_node(torus_find_t *f, torus_find_chain_t *chain, size_t query,
    torus_str_t path, uint64_t states, uint64_t roots)
{
    int                        rc;
    size_t                     i;
    uint64_t                   next;
    torus_str_t                joined;
    unsigned char             *copy;
    torus_find_entry_t        *e;
    const torus_find_query_t  *q;
    const torus_glob_node_t   *node;

    q = &f->queries[query];
    node = torus_find_literal(q, states);

    next = node == NULL ? 0
           : torus_find_closure(q, (size_t) (node - q->nodes) + 1);

    if (node == NULL || (next & torus_find_found(q))) {
        e = torus_find_entry(f, chain, query, path);
        if (e == NULL) {
            return TORUS_ERROR;
        }

        e->states = states;
        e->roots = roots;
        f->unsent++;

        return TORUS_OK;
    }

    for (i = 0; i < node->nalts; i++) {

        if (torus_find_join(f, path, node->alts[i].text.data,
                            node->alts[i].text.len, &joined)
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        /* the room is used again further down */

        copy = torus_account_alloc(f->conf.account, joined.len + 1);
        if (copy == NULL) {
            return TORUS_ERROR;
        }

        memcpy(copy, joined.data, joined.len);

        rc = torus_find_node(f, chain, query, torus_str(copy, joined.len),
                             next, roots);
        torus_account_free(f->conf.account, copy, joined.len + 1);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


static torus_find_entry_t *
torus_find_entry(torus_find_t *f, torus_find_chain_t *chain, size_t query,
    torus_str_t path)
{
    torus_find_entry_t  *e;

    if (path.len > UINT32_MAX) {
        return NULL;
    }

    e = torus_account_alloc(f->conf.account,
                            sizeof(torus_find_entry_t) + path.len);
    if (e == NULL) {
        return NULL;
    }

    memset(e, 0, sizeof(torus_find_entry_t));

    e->query = (uint32_t) query;
    e->len = (uint32_t) path.len;

    if (path.len != 0) {
        memcpy(e + 1, path.data, path.len);
    }

    *chain->last = e;
    chain->last = &e->next;

    f->memory += sizeof(torus_find_entry_t) + path.len;

    return e;
}


void
torus_find_free(torus_find_t *f, torus_find_entry_t *e)
{
    if (e->scan != NULL) {
        torus_find_forget(f, e);
    }

    f->memory -= sizeof(torus_find_entry_t) + e->len;

    torus_account_free(f->conf.account, e,
                       sizeof(torus_find_entry_t) + e->len);
}


/* It has to be read again. */
static void
torus_find_forget(torus_find_t *f, torus_find_entry_t *e)
{
    torus_find_entry_t  *next;
    torus_find_chain_t  *chain;

    chain = &e->scan->chain;

    if (e->scan->phase == TORUS_FIND_RESULTS) {
        *chain->last = NULL;
    }

    for ( /* void */ ; chain->first != NULL; chain->first = next) {
        next = chain->first->next;
        f->unsent -= !chain->first->hit;
        torus_find_free(f, chain->first);
    }

    torus_find_unread(f, e);

    e->sent = 0;
    f->unsent++;
}


/* What has been read of it goes. */
static void
torus_find_unread(torus_find_t *f, torus_find_entry_t *e)
{
    torus_account_t    *account;
    torus_find_scan_t  *s;

    s = e->scan;
    account = f->conf.account;

    f->memory -= s->size * sizeof(torus_find_child_t)
                 + torus_buf_len(&s->text);

    torus_buf_free(&s->text);
    torus_account_free(account, s->children,
                       s->size * sizeof(torus_find_child_t));
    torus_account_free(account, s->spare,
                       (s->n + 1) * sizeof(torus_find_child_t));
    torus_account_free(account, s, sizeof(torus_find_scan_t));

    e->scan = NULL;
    f->open--;
}


/* In f->path, until the next time. */
static int
torus_find_join(torus_find_t *f, torus_str_t path, const unsigned char *name,
    size_t len, torus_str_t *joined)
{
    size_t          n, size;
    unsigned char  *p;

    size = path.len + 1 + len;

    if (size > f->path_size) {
        p = torus_account_alloc(f->conf.account, size * 2);
        if (p == NULL) {
            return TORUS_ERROR;
        }

        torus_account_free(f->conf.account, f->path, f->path_size);

        f->path = p;
        f->path_size = size * 2;
    }

    n = 0;

    if (path.len != 0) {
        memcpy(f->path, path.data, path.len);
        n = path.len;
        f->path[n++] = '.';
    }

    if (len != 0) {
        memcpy(f->path + n, name, len);
    }

    *joined = torus_str(f->path, n + len);

    return TORUS_OK;
}


/* All of it was read; what becomes of it is work. */
void
torus_find_finished(torus_find_t *f, torus_find_entry_t *e)
{
    if (f->ready == NULL) {
        f->ready = e;

    } else {
        f->ready_last->scan->next = e;
    }

    f->ready_last = e;
}


int
torus_find_do(torus_find_t *f)
{
    int                   rc;
    torus_find_entry_t   *e, **p;

    e = torus_find_is_read(f->first) ? f->first : f->ready;

    f->at = e;
    rc = torus_find_finish(f, e);

    if (rc == TORUS_ERROR) {

        if (torus_find_forgive(f)) {
            return TORUS_OK;
        }

        f->failed = 1;
    }

    f->at = NULL;

    if (rc != TORUS_OK) {
        return rc;
    }

    p = &f->ready;
    f->ready_last = NULL;

    while (*p != NULL) {

        if (*p == e) {
            *p = e->scan->next;

        } else {
            f->ready_last = *p;
            p = &(*p)->scan->next;
        }
    }

    torus_find_replace(f, e);

    return TORUS_OK;
}


torus_find_entry_t *
torus_find_front(const torus_find_t *f)
{
    torus_find_entry_t  *e;

    for (e = f->first; e != NULL && (e->hit || e->done); e = e->next) {
        /* void */
    }

    return e;
}


int
torus_find_is_read(const torus_find_entry_t *e)
{
    return e->scan != NULL && e->scan->wait == 0;
}


/* More than a quarter of what there is, the list's included. */
int
torus_find_short(const torus_find_t *f)
{
    return f->memory > torus_account_left(f->conf.account) / 3;
}


int
torus_find_forgive(torus_find_t *f)
{
    torus_account_t  *account;

    account = f->conf.account;

    if (account == NULL || !account->refused || f->at == torus_find_front(f)) {
        return 0;
    }

    account->refused = 0;
    f->at = NULL;

    torus_find_reclaim(f);

    return 1;
}


void
torus_find_reclaim(void *data)
{
    torus_find_t *f = data;

    size_t                i, k, n;
    torus_find_host_t    *h;
    torus_find_entry_t   *e, *front, **p;

    front = torus_find_front(f);

    for (i = 0; i < f->set->nhosts; i++) {
        h = &f->hosts[i];

        for (k = 0, n = 0; k < h->ntodo; k++) {

            if (h->todo[k].entry == front || h->todo[k].entry == f->at) {
                h->todo[n++] = h->todo[k];
            }
        }

        h->ntodo = n;

        for (k = h->seen; k < h->nsent; k++) {

            if (h->sent[k].entry != front && h->sent[k].entry != f->at) {
                h->sent[k].entry = NULL;
            }
        }
    }

    p = &f->ready;
    f->ready_last = NULL;

    while (*p != NULL) {

        if (*p != front && *p != f->at) {
            *p = (*p)->scan->next;

        } else {
            f->ready_last = *p;
            p = &(*p)->scan->next;
        }
    }

    n = 0;

    for (e = front; e != NULL; e = e->next) {

        if (e->scan != NULL && e != front && e != f->at) {
            torus_find_forget(f, e);
            n++;
        }
    }

    if (n != 0) {
        f->window = f->window > 4 ? f->window / 4 : 1;
    }
}


/* Its children in order, each once; TORUS_AGAIN. */
static int
torus_find_finish(torus_find_t *f, torus_find_entry_t *e)
{
    int                 rc;
    torus_find_scan_t  *s;

    s = e->scan;

    if (s->phase == TORUS_FIND_NAMES) {
        rc = torus_find_names(f, s);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (s->phase == TORUS_FIND_SORT) {
        rc = torus_sort_run(&s->sort, &f->stats->work);

        if (rc != TORUS_OK) {
            return rc;
        }

        s->phase = TORUS_FIND_RESULTS;
        s->i = 0;
        s->chain.first = NULL;
        s->chain.last = &s->chain.first;
    }

    return torus_find_results(f, e);
}


/* The text does not move any more. */
static int
torus_find_names(torus_find_t *f, torus_find_scan_t *s)
{
    torus_find_child_t  *c;

    for ( /* void */ ; s->i < s->n; s->i++) {

        if (torus_work_over(&f->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&f->stats->work, 1);

        c = &s->children[s->i];

        /* of nothing but names without text there is none */
        c->name = (c->len == 0) ? (const unsigned char *) ""
                                 : s->text.pos + c->at;
    }

    s->spare = torus_account_alloc(f->conf.account,
                                   (s->n + 1) * sizeof(torus_find_child_t));
    if (s->spare == NULL) {
        return TORUS_ERROR;
    }

    torus_sort_start(&s->sort, s->children, s->spare, s->n,
                     sizeof(torus_find_child_t), torus_find_cmp);
    s->phase = TORUS_FIND_SORT;

    return TORUS_OK;
}


static int
torus_find_results(torus_find_t *f, torus_find_entry_t *e)
{
    int                  rc;
    size_t               k;
    torus_find_scan_t   *s;
    torus_find_child_t  *c;

    s = e->scan;

    for ( /* void */ ; s->i < s->n; s->i = k) {

        if (torus_work_over(&f->stats->work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(&f->stats->work, 30 + e->len / 4
                                        + 4 * f->set->nschemas);

        c = &s->children[s->i];

        for (k = s->i + 1; k < s->n; k++) {

            if (torus_find_cmp(c, &s->children[k]) != 0) {
                break;
            }

            c->roots |= s->children[k].roots;

            if (c->seen < s->children[k].seen) {
                c->seen = s->children[k].seen;
            }
        }

        rc = torus_find_result(f, e, &s->chain, c);

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}


static int
torus_find_cmp(const void *a, const void *b)
{
    const torus_find_child_t  *x = a;
    const torus_find_child_t  *y = b;

    return torus_str_cmp(torus_str(x->name, x->len),
                         torus_str(y->name, y->len));
}


/* Its children take its place. */
static void
torus_find_replace(torus_find_t *f, torus_find_entry_t *e)
{
    torus_find_scan_t  *s;

    s = e->scan;

    *s->chain.last = e->next;
    e->next = s->chain.first;
    e->done = 1;

    torus_find_unread(f, e);
}


static int
torus_find_result(torus_find_t *f, torus_find_entry_t *e,
    torus_find_chain_t *chain, torus_find_child_t *c)
{
    uint64_t                   found;
    torus_str_t                path;
    unsigned char             *copy;
    int                        leaf, rc;
    torus_find_entry_t        *hit;
    const torus_find_query_t  *q;

    q = &f->queries[e->query];
    found = torus_find_found(q);
    leaf = torus_layout_names_is_leaf(torus_str(c->name, c->len));

    if (torus_find_join(f, torus_find_path(e), c->name, c->len - !leaf, &path)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if (leaf) {
        return (c->states & found) == 0 ? TORUS_OK
               : torus_find_leaf(f, chain, e->query, path, c->roots, c->seen);
    }

    if ((c->states & found) && !f->conf.leaves) {
        hit = torus_find_entry(f, chain, e->query, path);
        if (hit == NULL) {
            return TORUS_ERROR;
        }

        hit->hit = 1;
    }

    if ((c->states & ~found) == 0) {
        return TORUS_OK;
    }

    copy = torus_account_alloc(f->conf.account, path.len + 1);
    if (copy == NULL) {
        return TORUS_ERROR;
    }

    memcpy(copy, path.data, path.len);

    rc = torus_find_node(f, chain, e->query, torus_str(copy, path.len),
                         c->states & ~found, c->roots);
    torus_account_free(f->conf.account, copy, path.len + 1);

    return rc;
}


/* Not what no schema takes, nor what has expired. */
static int
torus_find_leaf(torus_find_t *f, torus_find_chain_t *chain, size_t query,
    torus_str_t path, uint64_t roots, int64_t seen)
{
    int                    taken;
    size_t                 i;
    int64_t                keep, start, end;
    torus_find_entry_t    *e;
    const torus_schema_t  *schema;

    keep = 0;
    taken = 0;

    for (i = 0; i < f->set->nschemas; i++) {
        schema = &f->set->schemas[i];

        if (!(roots & torus_find_bit(f->root_of[i]))
            || (taken && (keep == 0
                          || (f->keep[i] != 0 && f->keep[i] <= keep)))
            || !(torus_schema_renames(schema)
                 || torus_schema_match(schema, path)))
        {
            continue;
        }

        taken = 1;
        keep = f->keep[i];
    }

    if (!taken || torus_names_until(keep, seen) < f->conf.now) {
        return TORUS_OK;
    }

    start = keep == 0 ? 0 : f->conf.now - keep;
    end = seen + 2 * (int64_t) torus_names_refresh(keep);

    if (end > f->conf.now) {
        end = f->conf.now;
    }

    if (end < f->conf.from || start > f->conf.until) {
        return TORUS_OK;
    }

    e = torus_find_entry(f, chain, query, path);
    if (e == NULL) {
        return TORUS_ERROR;
    }

    e->leaf = 1;
    e->hit = 1;
    e->start = start < end ? start : end;
    e->end = end;

    return TORUS_OK;
}
