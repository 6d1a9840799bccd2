/*
 * What a walk reads: the commands for the nodes at the front of its list, and
 * the children in the answers.
 */

#include "torus_find_tree.h"
#include "torus_layout.h"
#include "torus_redis.h"


#define TORUS_FIND_COUNT    2000    /* members that one command looks at */


static int torus_find_open(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_begin(torus_find_t *f, torus_find_entry_t *e);
static int torus_find_todo(torus_find_t *f, const torus_find_read_t *read);
static int torus_find_match(const torus_find_t *f, const torus_find_entry_t *e,
    torus_buf_t *pattern);
static int torus_find_child(torus_find_t *f, const torus_find_read_t *read,
    torus_str_t name, uint64_t states, const redisReply *score);
static int64_t torus_find_time(const redisReply *score);


/*
 * Nodes to be read, from the front of the list.  Those that were found before
 * them are passed by each time, so it is not done for a few.
 */
int
torus_find_fill(torus_find_t *f)
{
    int                  rc;
    torus_find_entry_t  *e;

    if (torus_find_short(f)) {
        e = torus_find_front(f);

        return e == NULL || e->sent ? TORUS_OK : torus_find_open(f, e);
    }

    if (f->open > f->window / 2) {
        return TORUS_OK;
    }

    for (e = f->first;
         e != NULL && f->unsent != 0 && f->open < f->window;
         e = e->next)
    {

        if (e->hit || e->done || e->sent) {
            continue;
        }

        rc = torus_find_open(f, e);

        if (rc != TORUS_OK) {
            return rc == TORUS_DECLINED ? TORUS_OK : rc;
        }
    }

    return TORUS_OK;
}


/* TORUS_DECLINED: there is no memory for more than there are. */
static int
torus_find_open(torus_find_t *f, torus_find_entry_t *e)
{
    int  rc;

    f->at = e;
    rc = torus_find_begin(f, e);

    if (rc != TORUS_OK) {

        if (torus_find_forgive(f)) {
            return TORUS_DECLINED;
        }

        f->failed = 1;
    }

    f->at = NULL;

    return rc;
}


static int
torus_find_begin(torus_find_t *f, torus_find_entry_t *e)
{
    size_t             i;
    torus_find_read_t  read;

    e->scan = torus_account_alloc(f->conf.account, sizeof(torus_find_scan_t));
    if (e->scan == NULL) {
        return TORUS_ERROR;
    }

    memset(e->scan, 0, sizeof(torus_find_scan_t));
    torus_buf_init_on(&e->scan->text, f->conf.account);

    e->sent = 1;
    f->open++;
    f->unsent--;

    memset(&read, 0, sizeof(torus_find_read_t));

    read.entry = e;
    read.cursor[0] = '0';
    read.cursor_len = 1;

    for (i = 0; i < f->nroots; i++) {

        if (!(e->roots & torus_find_bit(i))) {
            continue;
        }

        read.root = i;

        if (torus_find_todo(f, &read) != TORUS_OK) {
            return TORUS_ERROR;
        }

        e->scan->wait++;
    }

    if (e->scan->wait == 0) {
        torus_find_finished(f, e);
    }

    return TORUS_OK;
}


static int
torus_find_todo(torus_find_t *f, const torus_find_read_t *read)
{
    size_t              size;
    torus_find_host_t  *h;
    torus_find_read_t  *todo;

    h = &f->hosts[f->roots[read->root].host->index];

    if (h->ntodo == h->size) {
        size = h->size == 0 ? 16 : 2 * h->size;

        todo = torus_account_alloc(f->conf.account,
                                   size * sizeof(torus_find_read_t));
        if (todo == NULL) {
            return TORUS_ERROR;
        }

        if (h->ntodo != 0) {
            memcpy(todo, h->todo, h->ntodo * sizeof(torus_find_read_t));
        }

        torus_account_free(f->conf.account, h->todo,
                           h->size * sizeof(torus_find_read_t));
        h->todo = todo;
        h->size = size;
    }

    h->todo[h->ntodo++] = *read;

    return TORUS_OK;
}


int
torus_find_command(torus_find_t *f, torus_find_host_t *h,
    const torus_find_read_t *read)
{
    size_t                     i, n, size;
    torus_str_t                key, path;
    torus_buf_t                pattern, *b;
    unsigned char             *p;
    const torus_find_root_t   *root;
    const torus_glob_node_t   *node;

    b = &h->bytes;
    root = &f->roots[read->root];
    path = torus_find_path(read->entry);

    n = root->prefix.len + path.len + TORUS_LAYOUT_NAMES_EXTRA;

    size = n;

    p = torus_account_alloc(f->conf.account, size);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    key = torus_str(p, torus_layout_names(p, root->prefix, path));
    node = torus_find_literal(&f->queries[read->entry->query],
                              read->entry->states);

    if (node != NULL) {
        torus_redis_head(b, 2 + 2 * node->nalts);
        torus_redis_bulk_z(b, "ZMSCORE");
        torus_redis_bulk(b, key);

        for (i = 0; i < node->nalts; i++) {
            path = node->alts[i].text;

            torus_redis_bulk(b, path);
            torus_buf_printf(b, "$%zu\r\n", path.len + 1);
            torus_buf_adds(b, path);
            torus_buf_addz(b, ".\r\n");
        }

    } else {
        torus_buf_init_on(&pattern, f->conf.account);
        n = torus_find_match(f, read->entry, &pattern) == TORUS_OK;

        torus_redis_head(b, n ? 7 : 5);
        torus_redis_bulk_z(b, "ZSCAN");
        torus_redis_bulk(b, key);
        torus_redis_bulk(b, torus_str(read->cursor, read->cursor_len));

        if (n) {
            torus_redis_bulk_z(b, "MATCH");
            torus_redis_bulk(b, torus_str(pattern.pos,
                                          torus_buf_len(&pattern)));
        }

        torus_redis_bulk_z(b, "COUNT");
        torus_redis_bulk_int(b, TORUS_FIND_COUNT);

        torus_buf_free(&pattern);
    }

    torus_account_free(f->conf.account, p, size);

    return b->failed ? TORUS_ERROR : TORUS_OK;
}


/* What all members of interest begin with; TORUS_DECLINED: nothing. */
static int
torus_find_match(const torus_find_t *f,
    const torus_find_entry_t *e, torus_buf_t *pattern)
{
    size_t                     i, k;
    unsigned char              c;
    torus_str_t                prefix, other;
    const torus_glob_node_t   *node;
    const torus_find_query_t  *q;

    q = &f->queries[e->query];
    node = NULL;

    if (e->states & (e->states - 1)) {
        return TORUS_DECLINED;
    }

    for (i = 0; i < q->n; i++) {
        if (e->states == torus_find_bit(i)) {
            node = &q->nodes[i];
        }
    }

    if (node == NULL || node->deep || node->nalts == 0) {
        return TORUS_DECLINED;
    }

    prefix = node->alts[0].prefix;

    for (i = 1; i < node->nalts; i++) {
        other = node->alts[i].prefix;

        for (k = 0; k < prefix.len && k < other.len; k++) {
            if (prefix.data[k] != other.data[k]) {
                break;
            }
        }

        prefix.len = k;
    }

    if (prefix.len == 0) {
        return TORUS_DECLINED;
    }

    for (i = 0; i < prefix.len; i++) {
        c = prefix.data[i];

        if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') {
            torus_buf_addz(pattern, "\\");
        }

        torus_buf_add(pattern, &c, 1);
    }

    torus_buf_addz(pattern, "*");

    return pattern->failed ? TORUS_DECLINED : TORUS_OK;
}


/* Of each alternative the score of the leaf and that of the branch. */
int
torus_find_scores(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply)
{
    int                        rc;
    size_t                     i;
    uint64_t                   next;
    torus_buf_t                name;
    const redisReply          *leaf, *branch;
    const torus_glob_node_t   *node;
    const torus_find_query_t  *q;

    q = &f->queries[read->entry->query];
    node = torus_find_literal(q, read->entry->states);
    next = torus_find_closure(q, (size_t) (node - q->nodes) + 1);

    if (reply->elements != 2 * node->nalts) {
        return TORUS_DECLINED;
    }

    torus_buf_init_on(&name, f->conf.account);
    rc = TORUS_OK;

    for (i = 0; rc == TORUS_OK && i < node->nalts; i++) {
        leaf = reply->element[2 * i];
        branch = reply->element[2 * i + 1];

        if (leaf->type == REDIS_REPLY_STRING) {
            rc = torus_find_child(f, read, node->alts[i].text, next, leaf);
        }

        if (rc == TORUS_OK && branch->type == REDIS_REPLY_STRING
            && !q->tagged)
        {
            torus_buf_reset(&name, TORUS_FIND_KEEP);
            torus_buf_adds(&name, node->alts[i].text);
            torus_buf_addz(&name, ".");

            rc = name.failed ? TORUS_ERROR
                 : torus_find_child(f, read,
                                    torus_str(name.pos, torus_buf_len(&name)),
                                    next, branch);
        }
    }

    torus_buf_free(&name);

    return rc;
}


/* "cursor [member score ..]"; TORUS_AGAIN: there are more of them. */
int
torus_find_members(torus_find_t *f, const torus_find_read_t *read,
    const redisReply *reply)
{
    int                        leaf;
    size_t                     i;
    uint64_t                   next;
    torus_str_t                name;
    torus_find_read_t          more;
    const redisReply          *cursor, *members;
    const torus_find_query_t  *q;

    q = &f->queries[read->entry->query];

    if (reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || (size_t) reply->element[0]->len > TORUS_FIND_CURSOR
        || reply->element[1]->type != REDIS_REPLY_ARRAY
        || reply->element[1]->elements % 2 != 0)
    {
        return TORUS_DECLINED;
    }

    cursor = reply->element[0];
    members = reply->element[1];

    for (i = 0; i < members->elements; i += 2) {
        name = torus_str(members->element[i]->str,
                         (size_t) members->element[i]->len);

        leaf = torus_layout_names_is_leaf(name);

        if (leaf) {

            if (!f->conf.tagged && name.len != 0
                && memchr(name.data, ';', name.len) != NULL)
            {
                continue;
            }

            next = torus_find_step(q, read->entry->states, name);
            next &= torus_find_found(q);

        } else {
            next = torus_find_step(q, read->entry->states,
                                   torus_str(name.data, name.len - 1));
        }

        if (next == 0) {
            continue;
        }

        if (torus_find_child(f, read, name, next, members->element[i + 1])
            != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    if (cursor->len == 1 && cursor->str[0] == '0') {
        return TORUS_OK;
    }

    more = *read;
    more.cursor_len = (size_t) cursor->len;
    memcpy(more.cursor, cursor->str, more.cursor_len);

    return torus_find_todo(f, &more) == TORUS_OK ? TORUS_AGAIN : TORUS_ERROR;
}


static int
torus_find_child(torus_find_t *f, const torus_find_read_t *read,
    torus_str_t name, uint64_t states, const redisReply *score)
{
    size_t               size;
    torus_find_scan_t   *s;
    torus_find_child_t  *c;

    s = read->entry->scan;

    if (s->n == s->size) {
        size = s->size == 0 ? 16 : 2 * s->size;

        c = torus_account_alloc(f->conf.account,
                                size * sizeof(torus_find_child_t));
        if (c == NULL) {
            return TORUS_ERROR;
        }

        if (s->n != 0) {
            memcpy(c, s->children, s->n * sizeof(torus_find_child_t));
        }

        torus_account_free(f->conf.account, s->children,
                           s->size * sizeof(torus_find_child_t));

        f->memory += (size - s->size) * sizeof(torus_find_child_t);
        s->children = c;
        s->size = size;
    }

    c = &s->children[s->n++];

    c->at = torus_buf_len(&s->text);
    c->len = name.len;
    c->states = states;
    c->roots = torus_find_bit(read->root);
    c->seen = torus_find_time(score);

    f->memory += name.len;

    return torus_buf_adds(&s->text, name);
}


/* A score as Redis prints a double that is whole. */
static int64_t
torus_find_time(const redisReply *score)
{
    size_t   i;
    int64_t  t;

    t = 0;

    if (score->type == REDIS_REPLY_INTEGER) {
        return (int64_t) score->integer;
    }

    if (score->type != REDIS_REPLY_STRING) {
        return 0;
    }

    for (i = 0; i < (size_t) score->len && i < 18; i++) {

        if (score->str[i] < '0' || score->str[i] > '9') {
            break;
        }

        t = t * 10 + (score->str[i] - '0');
    }

    return t;
}
