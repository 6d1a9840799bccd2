/*
 * Sorting, and choosing by order: series by a number that is folded from
 * their values, or by name.  All orders are stable, also reversed ones.
 */

#include "torus_graph_func.h"


typedef struct {
    double                *keys;
    torus_str_t           *names;      /* NULL: by keys */
    torus_graph_list_t     list;
    size_t                 i;          /* keys there are */
} torus_graph_order_t;


static int torus_graph_sort_by(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_sort_minima(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_sort_name(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_highest(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_most_deviant(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_order_start(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_order_keys(torus_graph_t *g, torus_graph_order_t *o,
    torus_graph_fold_t fold);
static int torus_graph_order(torus_graph_t *g, torus_graph_order_t *o,
    int reverse, torus_graph_list_t *out);
static int torus_graph_order_cmp(const torus_graph_order_t *o, size_t a,
    size_t b);
static void torus_graph_cut(torus_graph_list_t *list, double n);
static int torus_graph_natural(torus_graph_t *g, torus_str_t name,
    torus_str_t *key);


#define REVERSE  0x100

#define HIGHEST(name, order, text)                                            \
    { name, TORUS_GRAPH_FILTER_SERIES, 0, order, NULL, NULL, NULL,            \
      torus_graph_highest, P(P_SERIES, P_NEED("n", INTEGER)), text }


const torus_graph_func_t  torus_graph_sort[] = {

    { "sortBy", TORUS_GRAPH_SORTING, 0, -1, NULL, NULL, NULL,
      torus_graph_sort_by,
      P(P_SERIES, P_MAY("func", AGG, "average"),
        P_MAY("reverse", BOOLEAN, "false")),
      "By a number that is folded from each series, ascending." },

    { "sortByTotal", TORUS_GRAPH_SORTING, 0, REVERSE | TORUS_GRAPH_SUM, NULL,
      NULL, NULL, torus_graph_sort_by, P(P_SERIES),
      "By the sum of each series, descending." },

    { "sortByMaxima", TORUS_GRAPH_SORTING, 0, REVERSE | TORUS_GRAPH_MAX, NULL,
      NULL, NULL, torus_graph_sort_by, P(P_SERIES),
      "By the greatest value of each series, descending." },

    { "sortByMinima", TORUS_GRAPH_SORTING, 0, 0, NULL, NULL, NULL,
      torus_graph_sort_minima, P(P_SERIES),
      "By the least value of each series, ascending; only series with a value "
      "above 0." },

    { "sortByName", TORUS_GRAPH_SORTING, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_sort_name,
      P(P_SERIES, P_MAY("natural", BOOLEAN, "false"),
        P_MAY("reverse", BOOLEAN, "false")),
      "By name; natural: numbers in names by their size." },

    { "highest", TORUS_GRAPH_FILTER_SERIES, 0, REVERSE | TORUS_GRAPH_FIRST,
      NULL, NULL, NULL, torus_graph_highest,
      P(P_SERIES, P_MAY("n", INTEGER, "1"), P_MAY("func", AGG, "average")),
      "The n series of which a fold is greatest." },

    { "lowest", TORUS_GRAPH_FILTER_SERIES, 0, TORUS_GRAPH_FIRST, NULL, NULL,
      NULL, torus_graph_highest,
      P(P_SERIES, P_MAY("n", INTEGER, "1"), P_MAY("func", AGG, "average")),
      "The n series of which a fold is least." },

    HIGHEST("highestAverage", REVERSE | TORUS_GRAPH_AVERAGE,
            "The n series of which the mean is greatest."),
    HIGHEST("highestCurrent", REVERSE | TORUS_GRAPH_LAST,
            "The n series of which the last value is greatest."),
    HIGHEST("highestMax", REVERSE | TORUS_GRAPH_MAX,
            "The n series of which the greatest value is greatest."),
    HIGHEST("lowestAverage", TORUS_GRAPH_AVERAGE,
            "The n series of which the mean is least."),
    HIGHEST("lowestCurrent", TORUS_GRAPH_LAST,
            "The n series of which the last value is least."),

    { "mostDeviant", TORUS_GRAPH_FILTER_SERIES, 0, 0, NULL, NULL, NULL,
      torus_graph_most_deviant, P(P_SERIES, P_NEED("n", INTEGER)),
      "The n series that deviate most from their mean." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


static int
torus_graph_order_start(torus_graph_t *g, torus_graph_frame_t *f)
{
    torus_graph_order_t  *o;

    if (f->state != NULL) {
        return TORUS_OK;
    }

    o = torus_arena_calloc(torus_graph_arena(g), 1,
                           sizeof(torus_graph_order_t));
    if (o == NULL) {
        return TORUS_ERROR;
    }

    o->list = f->lists[0];

    o->keys = torus_arena_alloc(torus_graph_arena(g),
                                (o->list.n + 1) * sizeof(double));
    if (o->keys == NULL) {
        return TORUS_ERROR;
    }

    f->state = o;

    return TORUS_OK;
}


/* A series without values comes before all others. */
static int
torus_graph_order_keys(torus_graph_t *g, torus_graph_order_t *o,
    torus_graph_fold_t fold)
{
    double                *scratch, key;
    size_t                 n;
    torus_graph_series_t  *s;

    n = 0;
    scratch = NULL;

    while (o->i < o->list.n) {
        s = o->list.items[o->i];

        if (fold == TORUS_GRAPH_MEDIAN && (scratch == NULL || n < s->n)) {
            n = s->n;
            scratch = torus_arena_alloc(torus_graph_arena(g),
                                        (n + 1) * sizeof(double));
            if (scratch == NULL) {
                return TORUS_ERROR;
            }
        }

        key = torus_graph_fold(fold, s->values, s->n, scratch);
        o->keys[o->i++] = isnan(key) ? -INFINITY : key;

        torus_graph_work(g, s->n + 1);

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_order_cmp(const torus_graph_order_t *o, size_t a, size_t b)
{
    int     rc;
    size_t  n;

    if (o->names == NULL) {
        return (o->keys[a] > o->keys[b]) - (o->keys[a] < o->keys[b]);
    }

    n = o->names[a].len < o->names[b].len ? o->names[a].len
                                          : o->names[b].len;

    rc = n == 0 ? 0 : memcmp(o->names[a].data, o->names[b].data, n);

    if (rc != 0) {
        return rc;
    }

    return (o->names[a].len > o->names[b].len)
           - (o->names[a].len < o->names[b].len);
}


/* Merged bottom up; equals stay as they were, whichever way it goes. */
static int
torus_graph_order(torus_graph_t *g, torus_graph_order_t *o, int reverse,
    torus_graph_list_t *out)
{
    int      cmp;
    size_t  *from, *to, *swap, n, i, a, b, width, mid, end, start;

    n = o->list.n;

    from = torus_arena_alloc(torus_graph_arena(g), (n + 1) * sizeof(size_t));
    to = torus_arena_alloc(torus_graph_arena(g), (n + 1) * sizeof(size_t));

    if (from == NULL || to == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        from[i] = i;
    }

    for (width = 1; width < n; width *= 2) {

        for (start = 0; start < n; start += 2 * width) {
            mid = start + width < n ? start + width : n;
            end = mid + width < n ? mid + width : n;
            a = start;
            b = mid;

            for (i = start; i < end; i++) {

                if (a < mid && b < end) {
                    cmp = torus_graph_order_cmp(o, from[a], from[b]);
                    cmp = reverse ? -cmp : cmp;

                } else {
                    cmp = (a < mid) ? -1 : 1;
                }

                to[i] = (cmp <= 0) ? from[a++] : from[b++];
            }
        }

        swap = from;
        from = to;
        to = swap;
    }

    for (i = 0; i < n; i++) {
        if (torus_graph_add(g, out, o->list.items[from[i]]) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


/* variant: the fold and REVERSE, or -1: arguments */
static int
torus_graph_sort_by(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc, variant, reverse;
    torus_graph_fold_t        fold;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    variant = f->call->func->variant;

    if (variant < 0) {
        reverse = (args[2].number != 0);
        fold = args[1].set ? args[1].fold : TORUS_GRAPH_AVERAGE;

    } else {
        reverse = variant & REVERSE;
        fold = (torus_graph_fold_t) (variant & ~REVERSE);
    }

    rc = torus_graph_order_start(g, f);

    if (rc == TORUS_OK) {
        rc = torus_graph_order_keys(g, f->state, fold);
    }

    return (rc == TORUS_OK) ? torus_graph_order(g, f->state, reverse, &f->out)
                            : rc;
}


static int
torus_graph_sort_minima(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                   rc;
    size_t                i;
    torus_graph_list_t    list;
    torus_graph_order_t  *o;

    if (f->state == NULL) {
        memset(&list, 0, sizeof(torus_graph_list_t));

        for (i = 0; i < f->lists[0].n; i++) {

            if (torus_graph_fold(TORUS_GRAPH_MAX, f->lists[0].items[i]->values,
                                 f->lists[0].items[i]->n, NULL) > 0
                && torus_graph_add(g, &list, f->lists[0].items[i])
                   != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            torus_graph_work(g, f->lists[0].items[i]->n);
        }

        f->lists[0] = list;
    }

    rc = torus_graph_order_start(g, f);
    o = f->state;

    if (rc == TORUS_OK) {
        rc = torus_graph_order_keys(g, o, TORUS_GRAPH_MIN);
    }

    return (rc == TORUS_OK) ? torus_graph_order(g, o, 0, &f->out) : rc;
}


static int
torus_graph_sort_name(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    size_t                    i;
    torus_graph_order_t      *o;
    const torus_graph_arg_t  *args;

    args = f->call->args;

    rc = torus_graph_order_start(g, f);
    if (rc != TORUS_OK) {
        return rc;
    }

    o = f->state;

    o->names = torus_arena_alloc(torus_graph_arena(g),
                                 (o->list.n + 1) * sizeof(torus_str_t));
    if (o->names == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < o->list.n; i++) {
        o->names[i] = o->list.items[i]->name;

        if (args[1].number != 0
            && torus_graph_natural(g, o->list.items[i]->name, &o->names[i])
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    torus_graph_work(g, o->list.n * 16);

    return torus_graph_order(g, o, args[2].number != 0, &f->out);
}


/* Numbers are written with at least 10 digits. */
static int
torus_graph_natural(torus_graph_t *g, torus_str_t name, torus_str_t *key)
{
    size_t          i, start, n;
    unsigned char  *p;

    p = torus_arena_alloc(torus_graph_arena(g), name.len * 10 + 1);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    n = 0;

    for (i = 0; i < name.len; /* void */) {

        if (name.data[i] < '0' || name.data[i] > '9') {
            p[n++] = name.data[i++];
            continue;
        }

        while (name.data[i] == '0' && i + 1 < name.len
               && name.data[i + 1] >= '0' && name.data[i + 1] <= '9')
        {
            i++;
        }

        for (start = i; i < name.len && name.data[i] >= '0'
                        && name.data[i] <= '9'; i++)
        {
            /* void */
        }

        if (i - start < 10) {
            memset(p + n, '0', 10 - (i - start));
            n += 10 - (i - start);
        }

        memcpy(p + n, name.data + start, i - start);
        n += i - start;
    }

    *key = torus_str(p, n);

    return TORUS_OK;
}


/* Python's list[:n]. */
static void
torus_graph_cut(torus_graph_list_t *list, double n)
{
    if (n < 0) {
        n += (double) list->n;
    }

    if (n < (double) list->n) {
        list->n = n < 0 ? 0 : (size_t) n;
    }
}


/* variant: the fold, or FIRST: an argument; and REVERSE */
static int
torus_graph_highest(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc, variant;
    torus_graph_fold_t        fold;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    variant = f->call->func->variant;
    fold = (torus_graph_fold_t) (variant & ~REVERSE);

    if (fold == TORUS_GRAPH_FIRST) {
        fold = args[2].set ? args[2].fold : TORUS_GRAPH_AVERAGE;
    }

    rc = torus_graph_order_start(g, f);

    if (rc == TORUS_OK) {
        rc = torus_graph_order_keys(g, f->state, fold);
    }

    if (rc == TORUS_OK) {
        rc = torus_graph_order(g, f->state, variant & REVERSE, &f->out);
    }

    if (rc == TORUS_OK) {
        torus_graph_cut(&f->out, args[1].set ? args[1].number : 1);
    }

    return rc;
}


/* By variance; series without values are left out. */
static int
torus_graph_most_deviant(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                   rc;
    size_t                i;
    torus_graph_list_t    list;
    torus_graph_order_t  *o;

    if (f->state == NULL) {
        memset(&list, 0, sizeof(torus_graph_list_t));

        for (i = 0; i < f->lists[0].n; i++) {

            if (torus_graph_fold(TORUS_GRAPH_COUNT,
                                 f->lists[0].items[i]->values,
                                 f->lists[0].items[i]->n, NULL) > 0
                && torus_graph_add(g, &list, f->lists[0].items[i])
                   != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            torus_graph_work(g, f->lists[0].items[i]->n);
        }

        f->lists[0] = list;
    }

    rc = torus_graph_order_start(g, f);
    o = f->state;

    if (rc == TORUS_OK) {
        rc = torus_graph_order_keys(g, o, TORUS_GRAPH_STDDEV);
    }

    if (rc == TORUS_OK) {
        rc = torus_graph_order(g, o, 1, &f->out);
    }

    if (rc == TORUS_OK) {
        torus_graph_cut(&f->out, f->call->args[1].number);
    }

    return rc;
}
