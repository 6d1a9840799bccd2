/*
 * Graphite's globs: "{a,b}" is multiplied out into alternatives, each of
 * which is matched with one place to go back to, the last "*".
 */

#include "torus_glob.h"

#include <stdlib.h>


typedef struct {
    torus_arena_t     *arena;
    torus_error_t     *err;
    torus_str_t        node;      /* for the message */
    torus_glob_alt_t  *alts;
    size_t             nalts;
    size_t             size;
} torus_glob_list_t;


static int torus_glob_node(torus_arena_t *arena, torus_str_t text,
    torus_glob_node_t *node, torus_error_t *err);
static int torus_glob_expand(torus_glob_list_t *list, torus_str_t text,
    unsigned depth);
static int torus_glob_braces(torus_str_t text, size_t *open, size_t *close);
static int torus_glob_join(torus_arena_t *arena, torus_str_t a,
    torus_str_t b, torus_str_t c, torus_str_t *text);
static int torus_glob_add(torus_glob_list_t *list, torus_str_t text);
static void torus_glob_sort(torus_glob_node_t *node);
static int torus_glob_cmp(const void *one, const void *two);
static size_t torus_glob_literal(torus_str_t text);
static int torus_glob_text(torus_str_t pattern, torus_str_t name);
static size_t torus_glob_one(torus_str_t pattern, size_t at,
    torus_str_t name, size_t pos, size_t *next);
static size_t torus_glob_class_end(torus_str_t pattern, size_t at);
static int torus_glob_class(torus_str_t set, uint32_t c);
static size_t torus_glob_char(torus_str_t s, size_t at, uint32_t *c);
static int torus_glob_path(const torus_glob_t *glob, size_t i,
    torus_str_t path, size_t *steps);


int
torus_glob_compile(torus_arena_t *arena, torus_str_t text,
    torus_glob_t **glob, torus_error_t *err)
{
    int            rc;
    size_t         i, n, start;
    torus_glob_t  *g;

    if (text.len > TORUS_GLOB_MAX_TEXT) {
        return torus_error(err, "a path has at most %d bytes, not %zu",
                           TORUS_GLOB_MAX_TEXT, text.len);
    }

    n = 1;

    for (i = 0; i < text.len; i++) {
        n += (text.data[i] == '.');
    }

    if (n > TORUS_GLOB_MAX_NODES) {
        return torus_error(err, "a path has at most %d nodes, not %zu",
                           TORUS_GLOB_MAX_NODES, n);
    }

    g = torus_arena_calloc(arena, 1, sizeof(torus_glob_t));
    if (g == NULL || torus_arena_dup(arena, text, &g->text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    g->nodes = torus_arena_calloc(arena, n, sizeof(torus_glob_node_t));
    if (g->nodes == NULL) {
        return TORUS_ERROR;
    }

    g->literal = 1;
    start = 0;

    for (i = 0; i <= text.len; i++) {

        if (i < text.len && text.data[i] != '.') {
            continue;
        }

        rc = torus_glob_node(arena, torus_str(g->text.data + start, i - start),
                             &g->nodes[g->nnodes], err);
        if (rc != TORUS_OK) {
            return rc;
        }

        g->literal &= g->nodes[g->nnodes].literal;
        g->deep |= g->nodes[g->nnodes].deep;
        g->nnodes++;

        start = i + 1;
    }

    *glob = g;

    return TORUS_OK;
}


static int
torus_glob_node(torus_arena_t *arena, torus_str_t text,
    torus_glob_node_t *node, torus_error_t *err)
{
    int                rc;
    size_t             i;
    torus_glob_list_t  list;

    memset(&list, 0, sizeof(torus_glob_list_t));

    list.arena = arena;
    list.err = err;
    list.node = text;

    rc = torus_glob_expand(&list, text, 0);
    if (rc != TORUS_OK) {
        return rc;
    }

    node->text = text;
    node->alts = list.alts;
    node->nalts = list.nalts;
    node->deep = torus_str_is(text, "**");
    node->literal = 1;

    torus_glob_sort(node);

    for (i = 0; i < node->nalts; i++) {
        node->literal &= node->alts[i].literal;
    }

    return TORUS_OK;
}


/* The first list that is closed becomes as many texts as it has values. */
static int
torus_glob_expand(torus_glob_list_t *list, torus_str_t text, unsigned depth)
{
    int          rc;
    size_t       i, open, close, start, nested;
    torus_str_t  head, tail, one;

    if (depth > 64) {
        return torus_error(list->err, "a node of a path has too many lists");
    }

    if (!torus_glob_braces(text, &open, &close)) {
        return torus_glob_add(list, text);
    }

    head = torus_str(text.data, open);
    tail = torus_str(text.data + close + 1, text.len - close - 1);

    start = open + 1;
    nested = 0;

    for (i = start; i <= close; i++) {

        if (text.data[i] == '{') {
            nested++;

        } else if (text.data[i] == '}' && i < close) {
            nested -= (nested != 0);
        }

        if (i < close && (text.data[i] != ',' || nested != 0)) {
            continue;
        }

        rc = torus_glob_join(list->arena, head,
                             torus_str(text.data + start, i - start), tail,
                             &one);
        if (rc == TORUS_OK) {
            rc = torus_glob_expand(list, one, depth + 1);
        }

        if (rc != TORUS_OK) {
            return rc;
        }

        start = i + 1;
    }

    return TORUS_OK;
}


/* The first "{" that has its "}", and where that is. */
static int
torus_glob_braces(torus_str_t text, size_t *open, size_t *close)
{
    int     found;
    size_t  i, depth;

    depth = 0;
    found = 0;

    for (i = text.len; i-- > 0; /* void */) {

        if (text.data[i] == '}') {
            depth++;

        } else if (text.data[i] == '{' && depth != 0) {
            depth--;
            found = 1;
            *open = i;
        }
    }

    if (!found) {
        return 0;
    }

    depth = 0;

    for (i = *open; i < text.len; i++) {

        if (text.data[i] == '{') {
            depth++;

        } else if (text.data[i] == '}' && --depth == 0) {
            break;
        }
    }

    *close = i;

    return 1;
}


static int
torus_glob_join(torus_arena_t *arena, torus_str_t a, torus_str_t b,
    torus_str_t c, torus_str_t *text)
{
    unsigned char  *p;

    p = torus_arena_alloc(arena, a.len + b.len + c.len + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    memcpy(p, a.data, a.len);
    memcpy(p + a.len, b.data, b.len);
    memcpy(p + a.len + b.len, c.data, c.len);
    p[a.len + b.len + c.len] = '\0';

    *text = torus_str(p, a.len + b.len + c.len);

    return TORUS_OK;
}


static int
torus_glob_add(torus_glob_list_t *list, torus_str_t text)
{
    size_t             size;
    torus_glob_alt_t  *alts;

    if (list->nalts == TORUS_GLOB_MAX_LIST) {
        return torus_error(list->err, "the lists of a node stand for at most "
                           "%d names", TORUS_GLOB_MAX_LIST);
    }

    if (list->nalts == list->size) {
        size = list->size == 0 ? 1 : list->size * 4;

        alts = torus_arena_calloc(list->arena, size, sizeof(torus_glob_alt_t));
        if (alts == NULL) {
            return TORUS_ERROR;
        }

        if (list->nalts != 0) {
            memcpy(alts, list->alts, list->nalts * sizeof(torus_glob_alt_t));
        }

        list->alts = alts;
        list->size = size;
    }

    alts = &list->alts[list->nalts++];

    alts->text = text;
    alts->prefix = torus_str(text.data, torus_glob_literal(text));
    alts->literal = (alts->prefix.len == text.len);

    return TORUS_OK;
}


static void
torus_glob_sort(torus_glob_node_t *node)
{
    size_t  i, n;

    if (node->nalts < 2) {
        return;
    }

    qsort(node->alts, node->nalts, sizeof(torus_glob_alt_t), torus_glob_cmp);

    n = 1;

    for (i = 1; i < node->nalts; i++) {

        if (!torus_str_eq(node->alts[i].text, node->alts[n - 1].text)) {
            node->alts[n++] = node->alts[i];
        }
    }

    node->nalts = n;
}


static int
torus_glob_cmp(const void *one, const void *two)
{
    const torus_glob_alt_t  *a = one;
    const torus_glob_alt_t  *b = two;

    return torus_str_cmp(a->text, b->text);
}


/* How many bytes stand for themselves before the first that do not. */
static size_t
torus_glob_literal(torus_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '*' || text.data[i] == '?') {
            break;
        }

        if (text.data[i] == '[' && torus_glob_class_end(text, i) != 0) {
            break;
        }
    }

    return i;
}


int
torus_glob_is_pattern(torus_str_t text)
{
    size_t  open, close;

    return torus_glob_literal(text) != text.len
           || torus_glob_braces(text, &open, &close);
}


int
torus_glob_node_match(const torus_glob_node_t *node, torus_str_t name)
{
    size_t  i;

    for (i = 0; i < node->nalts; i++) {

        if (node->alts[i].literal) {

            if (torus_str_eq(node->alts[i].text, name)) {
                return 1;
            }

        } else if (torus_glob_text(node->alts[i].text, name)) {
            return 1;
        }
    }

    return 0;
}


static int
torus_glob_text(torus_str_t pattern, torus_str_t name)
{
    int       starred;
    size_t    p, n, star, back, next, end;
    uint32_t  c;

    p = 0;
    n = 0;
    star = 0;
    back = 0;
    starred = 0;

    for ( ;; ) {

        if (p < pattern.len && pattern.data[p] == '*') {
            star = ++p;
            back = n;
            starred = 1;
            continue;
        }

        if (p == pattern.len && n == name.len) {
            return 1;
        }

        if (p < pattern.len && n < name.len) {
            end = torus_glob_one(pattern, p, name, n, &next);

            if (end != 0) {
                p = next;
                n = end;
                continue;
            }
        }

        if (!starred || back == name.len) {
            return 0;
        }

        back = torus_glob_char(name, back, &c);
        n = back;
        p = star;
    }
}


/*
 * One character of the name against what the pattern has at a place: where
 * the name goes on, 0 if it does not match; *next is where the pattern does.
 */
static size_t
torus_glob_one(torus_str_t pattern, size_t at, torus_str_t name, size_t pos,
    size_t *next)
{
    size_t    end, close;
    uint32_t  c, want;

    end = torus_glob_char(name, pos, &c);

    if (pattern.data[at] == '?') {
        *next = at + 1;
        return end;
    }

    if (pattern.data[at] == '[') {
        close = torus_glob_class_end(pattern, at);

        if (close != 0) {
            *next = close + 1;
            return torus_glob_class(torus_str(pattern.data + at + 1,
                                              close - at - 1), c)
                   ? end : 0;
        }
    }

    *next = torus_glob_char(pattern, at, &want);

    return (c == want) ? end : 0;
}


/* Where the "]" is that closes a class, 0: nowhere.  A first "]" is in it. */
static size_t
torus_glob_class_end(torus_str_t pattern, size_t at)
{
    size_t  i;

    i = at + 1;

    if (i < pattern.len && pattern.data[i] == '!') {
        i++;
    }

    for (i++; i < pattern.len; i++) {
        if (pattern.data[i] == ']') {
            return i;
        }
    }

    return 0;
}


static int
torus_glob_class(torus_str_t set, uint32_t c)
{
    int       not;
    size_t    i, next;
    uint32_t  low, high;

    i = 0;
    not = 0;

    if (set.len != 0 && set.data[0] == '!') {
        not = 1;
        i++;
    }

    while (i < set.len) {
        i = torus_glob_char(set, i, &low);
        high = low;

        if (i + 1 < set.len && set.data[i] == '-') {
            next = torus_glob_char(set, i + 1, &high);
            i = next;
        }

        if (c >= low && c <= high) {
            return !not;
        }
    }

    return not;
}


/* Of what is no UTF-8 each byte is a character of its own, beyond Unicode. */
static size_t
torus_glob_char(torus_str_t s, size_t at, uint32_t *c)
{
    size_t         i, n;
    unsigned char  b;

    b = s.data[at];

    n = b < 0x80 ? 1 : (b & 0xe0) == 0xc0 ? 2 : (b & 0xf0) == 0xe0 ? 3
        : (b & 0xf8) == 0xf0 ? 4 : 1;

    if (n == 1 || at + n > s.len) {
        *c = b < 0x80 ? b : 0x110000u + b;
        return at + 1;
    }

    *c = b & (0x7fu >> n);

    for (i = 1; i < n; i++) {

        if ((s.data[at + i] & 0xc0) != 0x80) {
            *c = 0x110000u + b;
            return at + 1;
        }

        *c = (*c << 6) | (s.data[at + i] & 0x3f);
    }

    return at + n;
}


int
torus_glob_match(const torus_glob_t *glob, torus_str_t path)
{
    size_t  steps;

    /* only several "**" go back, and only so often */
    steps = 100000;

    return torus_glob_path(glob, 0, path, &steps);
}


static int
torus_glob_path(const torus_glob_t *glob, size_t i, torus_str_t path,
    size_t *steps)
{
    size_t       len;
    torus_str_t  name;

    for ( ;; ) {

        /* path.data NULL: no node is left */
        if (i == glob->nnodes || path.data == NULL) {
            break;
        }

        if (*steps == 0) {
            return 0;
        }

        (*steps)--;

        for (len = 0; len < path.len && path.data[len] != '.'; len++) {
            /* void */
        }

        name = torus_str(path.data, len);

        if (glob->nodes[i].deep) {

            if (torus_glob_path(glob, i + 1, path, steps)) {
                return 1;
            }

        } else if (torus_glob_node_match(&glob->nodes[i], name)) {
            i++;

        } else {
            return 0;
        }

        path = (len == path.len)
               ? torus_str(NULL, 0)
               : torus_str(path.data + len + 1, path.len - len - 1);
    }

    while (i < glob->nnodes && glob->nodes[i].deep) {
        i++;
    }

    return i == glob->nnodes && path.data == NULL;
}
