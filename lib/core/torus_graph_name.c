/*
 * What series are called: names, paths, tags, and keys made of them.
 */

#include "torus_graph_func.h"

#include <stdarg.h>


static int torus_graph_vtext(torus_graph_t *g, torus_str_t *text,
    const char *fmt, va_list args);
static torus_str_t torus_graph_node_name(torus_str_t path, int64_t i,
    int *found);
static int torus_graph_paths_room(torus_graph_t *g, torus_graph_paths_t *p,
    const torus_graph_list_t *list);
static int torus_graph_paths_find(torus_graph_t *g, torus_graph_paths_t *p,
    const torus_graph_list_t *list);
static int torus_graph_paths_order(torus_graph_t *g, torus_graph_paths_t *p,
    int ordered);
static int torus_graph_paths_join(torus_graph_t *g, torus_graph_paths_t *p);
static int torus_graph_seen(torus_str_t *table, size_t size, torus_str_t s);


static int
torus_graph_vtext(torus_graph_t *g, torus_str_t *text, const char *fmt,
    va_list args)
{
    int       n;
    char     *p;
    va_list   copy;

    va_copy(copy, args);
    n = vsnprintf(NULL, 0, fmt, copy);
    va_end(copy);

    if (n < 0) {
        return TORUS_ERROR;
    }

    p = torus_arena_alloc(torus_graph_arena(g), (size_t) n + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    (void) vsnprintf(p, (size_t) n + 1, fmt, args);

    *text = torus_str(p, (size_t) n);

    return TORUS_OK;
}


int
torus_graph_text(torus_graph_t *g, torus_str_t *text, const char *fmt, ...)
{
    int      rc;
    va_list  args;

    va_start(args, fmt);
    rc = torus_graph_vtext(g, text, fmt, args);
    va_end(args);

    return rc;
}


int
torus_graph_named(torus_graph_t *g, torus_graph_series_t *s,
    const char *fmt, ...)
{
    int          rc;
    va_list      args;
    torus_str_t  name;

    va_start(args, fmt);
    rc = torus_graph_vtext(g, &name, fmt, args);
    va_end(args);

    if (rc == TORUS_OK) {
        s->name = name;
    }

    return rc;
}


int
torus_graph_rename(torus_graph_t *g, torus_graph_series_t *s,
    const char *fmt, ...)
{
    int          rc;
    va_list      args;
    torus_str_t  name;

    va_start(args, fmt);
    rc = torus_graph_vtext(g, &name, fmt, args);
    va_end(args);

    if (rc == TORUS_OK) {
        s->name = name;
        s->path = name;
    }

    return rc;
}


int
torus_graph_tag(torus_graph_t *g, torus_graph_series_t *s, const char *key,
    torus_str_t value)
{
    size_t              i;
    torus_str_t         copy, name;
    torus_graph_tag_t  *tags;

    tags = torus_arena_alloc(torus_graph_arena(g),
                             (s->ntags + 1) * sizeof(torus_graph_tag_t));

    if (tags == NULL
        || torus_arena_dup(torus_graph_arena(g), torus_str(key, strlen(key)),
                           &name) != TORUS_OK
        || torus_arena_dup(torus_graph_arena(g), value, &copy) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    for (i = 0; i < s->ntags; i++) {
        tags[i] = s->tags[i];
    }

    for (i = 0; i < s->ntags && !torus_str_is(tags[i].key, key); i++) {
        /* void */
    }

    tags[i].key = name;
    tags[i].value = copy;

    s->ntags += (i == s->ntags);
    s->tags = tags;

    return TORUS_OK;
}


int
torus_graph_tagz(torus_graph_t *g, torus_graph_series_t *s, const char *key,
    const char *value)
{
    return torus_graph_tag(g, s, key, torus_str(value, strlen(value)));
}


torus_str_t
torus_graph_tag_find(const torus_graph_series_t *s, torus_str_t key)
{
    size_t  i;

    for (i = 0; i < s->ntags; i++) {
        if (torus_str_eq(s->tags[i].key, key)) {
            return s->tags[i].value;
        }
    }

    return torus_str("", 0);
}


int
torus_graph_tags_of(torus_graph_t *g, torus_graph_series_t *s,
    torus_str_t name)
{
    size_t              i, j, n, end;
    torus_graph_tag_t  *tags;

    n = 1;

    for (i = 0; i < name.len; i++) {
        n += (name.data[i] == ';');
    }

    tags = torus_arena_alloc(torus_graph_arena(g),
                             n * sizeof(torus_graph_tag_t));
    if (tags == NULL) {
        return TORUS_ERROR;
    }

    for (end = 0; end < name.len && name.data[end] != ';'; end++) {
        /* void */
    }

    tags[0].key = torus_str("name", 4);
    tags[0].value = torus_str(name.data, end);
    n = 1;

    while (end < name.len) {
        i = ++end;

        for ( /* void */ ; end < name.len && name.data[end] != ';'; end++) {
            /* void */
        }

        for (j = i; j < end && name.data[j] != '='; j++) { /* void */ }

        if (j == i || j == end) {
            /* no tag, so that all of it is a name */
            tags[0].value = name;
            n = 1;
            break;
        }

        tags[n].key = torus_str(name.data + i, j - i);
        tags[n].value = torus_str(name.data + j + 1, end - j - 1);
        n++;
    }

    s->tags = tags;
    s->ntags = n;

    return TORUS_OK;
}


int
torus_graph_paths(torus_graph_t *g, torus_graph_paths_t *p,
    const torus_graph_list_t *list, int ordered, torus_str_t *text)
{
    int  rc;

    rc = TORUS_OK;

    if (p->phase == 0) {
        rc = torus_graph_paths_room(g, p, list);
        p->phase = 1;
    }

    if (rc == TORUS_OK && p->phase == 1) {
        rc = torus_graph_paths_find(g, p, list);
    }

    if (rc == TORUS_OK && p->phase == 1) {
        rc = torus_graph_paths_order(g, p, ordered);
    }

    if (rc == TORUS_OK && p->phase == 2) {
        rc = torus_graph_sorted(g, &p->sort);
        p->phase += (rc == TORUS_OK);
    }

    if (rc == TORUS_OK) {
        rc = torus_graph_paths_join(g, p);
    }

    if (rc == TORUS_OK) {
        *text = torus_str(p->text, (size_t) (p->last - p->text));
    }

    return rc;
}


static int
torus_graph_paths_room(torus_graph_t *g, torus_graph_paths_t *p,
    const torus_graph_list_t *list)
{
    for (p->size = 8; p->size < list->n * 2; p->size *= 2) { /* void */ }

    p->table = torus_arena_calloc(torus_graph_arena(g), p->size,
                                  sizeof(torus_str_t));
    p->paths = torus_arena_alloc(torus_graph_arena(g),
                                 (list->n + 1) * sizeof(torus_str_t));

    torus_graph_work(g, p->size / 8);

    return p->table != NULL && p->paths != NULL ? TORUS_OK : TORUS_ERROR;
}


static int
torus_graph_paths_find(torus_graph_t *g, torus_graph_paths_t *p,
    const torus_graph_list_t *list)
{
    size_t       n;
    torus_str_t  path;

    n = torus_graph_some(g, p->i, list->n, 10);

    for ( /* void */ ; p->i < n; p->i++) {
        path = list->items[p->i]->path;

        if (!torus_graph_seen(p->table, p->size, path)) {
            p->paths[p->n++] = path;
            p->len += path.len + 1;
        }
    }

    return n < list->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_paths_order(torus_graph_t *g, torus_graph_paths_t *p, int ordered)
{
    torus_str_t  *spare;

    p->i = 0;
    p->phase = 3;

    p->text = torus_arena_alloc(torus_graph_arena(g), p->len + 1);
    p->last = p->text;

    if (p->text == NULL) {
        return TORUS_ERROR;
    }

    if (ordered) {
        spare = torus_arena_alloc(torus_graph_arena(g),
                                  (p->n + 1) * sizeof(torus_str_t));
        if (spare == NULL) {
            return TORUS_ERROR;
        }

        torus_sort_start(&p->sort, p->paths, spare, p->n, sizeof(torus_str_t),
                         torus_graph_text_cmp);
        p->phase = 2;
    }

    return TORUS_OK;
}


static int
torus_graph_paths_join(torus_graph_t *g, torus_graph_paths_t *p)
{
    size_t       n;
    torus_str_t  path;

    n = torus_graph_some(g, p->i, p->n, 4);

    for ( /* void */ ; p->i < n; p->i++) {
        path = p->paths[p->i];

        if (p->i != 0) {
            *p->last++ = ',';
        }

        if (path.len != 0) {
            memcpy(p->last, path.data, path.len);
            p->last += path.len;
        }
    }

    return n < p->n ? TORUS_AGAIN : TORUS_OK;
}


/* Was it in the table?  Now it is.  An empty place has no data. */
static int
torus_graph_seen(torus_str_t *table, size_t size, torus_str_t s)
{
    size_t  i;

    if (s.data == NULL) {
        s.data = (const unsigned char *) "";
    }

    i = (size_t) torus_hash(s.data, s.len, 0) & (size - 1);

    while (table[i].data != NULL) {

        if (torus_str_eq(table[i], s)) {
            return 1;
        }

        i = (i + 1) & (size - 1);
    }

    table[i] = s;

    return 0;
}


int
torus_graph_key(torus_graph_t *g, const torus_graph_series_t *s,
    const torus_graph_arg_t *nodes, size_t n, torus_str_t *key)
{
    int             found;
    size_t          i, pass, len;
    torus_str_t     path, part;
    unsigned char  *p;

    p = NULL;
    path = s->name;

    if (path.len != 0 && path.data[path.len - 1] == ')') {
        path = torus_target_first_path(path);

        if (path.len == 0) {
            path = s->name;
        }
    }

    for (i = 0; i < path.len; i++) {
        if (path.data[i] == ';') {
            path.len = i;
        }
    }

    for (pass = 0; pass < 2; pass++) {
        len = 0;

        for (i = 0; i < n; i++) {
            found = 0;
            part = torus_str("", 0);

            if (!nodes[i].string) {
                part = torus_graph_node_name(path, (int64_t) nodes[i].number,
                                             &found);
            }

            if (!found) {
                part = torus_graph_tag_find(s, nodes[i].text);
            }

            if (pass == 1) {
                if (i != 0) {
                    p[len] = '.';
                }

                if (part.len != 0) {
                    memcpy(p + len + (i != 0), part.data, part.len);
                }
            }

            len += part.len + (i != 0);
        }

        if (pass == 0) {
            p = torus_arena_alloc(torus_graph_arena(g), len + 1);
            if (p == NULL) {
                return TORUS_ERROR;
            }
        }
    }

    *key = torus_str(p, len);

    return TORUS_OK;
}


/* Counted from 0, or if negative from the end. */
static torus_str_t
torus_graph_node_name(torus_str_t path, int64_t i, int *found)
{
    size_t   j, start;
    int64_t  n;

    n = 1;

    for (j = 0; j < path.len; j++) {
        n += (path.data[j] == '.');
    }

    if (i < 0) {
        i += n;
    }

    *found = (i >= 0 && i < n);

    if (!*found) {
        return torus_str("", 0);
    }

    for (j = 0; i > 0; j++) {
        i -= (path.data[j] == '.');
    }

    for (start = j; j < path.len && path.data[j] != '.'; j++) { /* void */ }

    return torus_str(path.data + start, j - start);
}


int
torus_graph_by_name(const void *one, const void *two)
{
    const torus_graph_series_t  *a, *b;

    a = *(torus_graph_series_t *const *) one;
    b = *(torus_graph_series_t *const *) two;

    return torus_str_cmp(a->name, b->name);
}


int
torus_graph_text_cmp(const void *one, const void *two)
{
    return torus_str_cmp(*(const torus_str_t *) one,
                         *(const torus_str_t *) two);
}
