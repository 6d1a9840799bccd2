/*
 * Sorting, and choosing by order: series by a number that is folded from
 * their values, or by name.  All orders are stable, also reversed ones.
 */

#include "torus_graph_func.h"


/* What is put in order. */
typedef struct {
    double                 key;
    torus_str_t            name;
    torus_graph_series_t  *series;
} torus_graph_item_t;


typedef struct {
    torus_graph_item_t    *items;
    torus_graph_item_t    *spare;
    size_t                 n;
    size_t                 i;          /* series seen */
    unsigned               phase;
    unsigned               filtered:1;
    torus_graph_place_t    place;      /* in one of them */
    torus_sort_t           sort;
} torus_graph_order_t;


static int torus_graph_sort_by(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_sort_minima(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_sort_name(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_highest(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_most_deviant(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_order_start(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_order_keys(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_order_t *o, torus_graph_fold_t fold,
    const torus_graph_fold_t *filter);
static int torus_graph_order_key(torus_graph_t *g, torus_graph_order_t *o,
    torus_graph_series_t *s, torus_graph_fold_t fold,
    const torus_graph_fold_t *filter);
static int torus_graph_order_names(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_order_t *o, int natural);
static int torus_graph_order(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_order_t *o, torus_sort_pt cmp);
static int torus_graph_ordered(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_fold_t fold, const torus_graph_fold_t *filter, int reverse);
static int torus_graph_key_cmp(const void *one, const void *two);
static int torus_graph_key_down(const void *one, const void *two);
static int torus_graph_item_cmp(const void *one, const void *two);
static int torus_graph_item_down(const void *one, const void *two);
static void torus_graph_cut(torus_graph_list_t *list, double n);
static int torus_graph_natural(torus_graph_t *g, torus_str_t name,
    torus_str_t *key);


#define REVERSE  0x100

#define HIGHEST(name, order, text)                                            \
    { name, TORUS_GRAPH_FILTER_SERIES, 0, order, NULL, NULL, NULL,            \
      torus_graph_highest, P(P_SERIES, P_NEED("n", INTEGER)), text }


const torus_graph_func_t  torus_graph_sort[] = {

    { "sortBy", TORUS_GRAPH_SORTING, TORUS_GRAPH_SHOWN, -1, NULL, NULL, NULL,
      torus_graph_sort_by,
      P(P_SERIES, P_MAY("func", AGG, "average"),
        P_MAY("reverse", BOOLEAN, "false")),
      "By a number that is folded from each series, ascending." },

    { "sortByTotal", TORUS_GRAPH_SORTING, TORUS_GRAPH_SHOWN,
      REVERSE | TORUS_GRAPH_SUM, NULL, NULL, NULL, torus_graph_sort_by,
      P(P_SERIES),
      "By the sum of each series, descending." },

    { "sortByMaxima", TORUS_GRAPH_SORTING, TORUS_GRAPH_SHOWN,
      REVERSE | TORUS_GRAPH_MAX, NULL, NULL, NULL, torus_graph_sort_by,
      P(P_SERIES),
      "By the greatest value of each series, descending." },

    { "sortByMinima", TORUS_GRAPH_SORTING, TORUS_GRAPH_SHOWN, 0, NULL, NULL,
      NULL, torus_graph_sort_minima, P(P_SERIES),
      "By the least value of each series, ascending; only series with a value "
      "above 0." },

    { "sortByName", TORUS_GRAPH_SORTING, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,
      NULL, NULL, NULL, torus_graph_sort_name,
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
    size_t                n;
    torus_graph_order_t  *o;

    if (f->state != NULL) {
        return TORUS_OK;
    }

    o = torus_arena_calloc(torus_graph_arena(g), 1,
                           sizeof(torus_graph_order_t));
    if (o == NULL) {
        return TORUS_ERROR;
    }

    n = f->lists[0].n + 1;

    o->items = torus_arena_alloc(torus_graph_arena(g),
                                 n * sizeof(torus_graph_item_t));
    o->spare = torus_arena_alloc(torus_graph_arena(g),
                                 n * sizeof(torus_graph_item_t));

    f->state = o;

    return o->items != NULL && o->spare != NULL ? TORUS_OK : TORUS_ERROR;
}


/*
 * A series without values comes before all others.  filter, if given: only
 * series stay of which this fold is greater than 0.
 */
static int
torus_graph_order_keys(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_order_t *o, torus_graph_fold_t fold,
    const torus_graph_fold_t *filter)
{
    int                    rc;
    torus_graph_series_t  *s;

    for ( /* void */ ; o->i < f->lists[0].n; o->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        s = f->lists[0].items[o->i];

        rc = torus_graph_order_key(g, o, s, fold, filter);

        if (rc != TORUS_OK && rc != TORUS_DECLINED) {
            return rc;
        }

        if (rc == TORUS_OK) {
            o->items[o->n].key = isnan(o->place.a) ? -INFINITY : o->place.a;
            o->items[o->n++].series = s;
        }

        o->place.phase = 0;
        torus_graph_work(g, 2);
    }

    return TORUS_OK;
}


static int
torus_graph_order_key(torus_graph_t *g, torus_graph_order_t *o,
    torus_graph_series_t *s, torus_graph_fold_t fold,
    const torus_graph_fold_t *filter)
{
    int  rc;

    if (filter != NULL && !o->filtered) {
        rc = torus_graph_fold_series(g, &o->place, s, *filter, NULL);
        if (rc != TORUS_OK) {
            return rc;
        }

        o->place.phase = 0;

        if (!(o->place.a > 0)) {
            return TORUS_DECLINED;
        }

        o->filtered = 1;
    }

    rc = torus_graph_fold_series(g, &o->place, s, fold, NULL);

    if (rc == TORUS_OK) {
        o->filtered = 0;
    }

    return rc;
}


static int
torus_graph_order_names(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_order_t *o, int natural)
{
    torus_graph_item_t    *item;
    torus_graph_series_t  *s;

    for ( /* void */ ; o->i < f->lists[0].n; o->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, natural ? 32 : 2);

        s = f->lists[0].items[o->i];
        item = &o->items[o->n++];
        item->series = s;
        item->name = s->name;

        if (natural
            && torus_graph_natural(g, s->name, &item->name) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_key_cmp(const void *one, const void *two)
{
    const torus_graph_item_t  *a, *b;

    a = one;
    b = two;

    return (a->key > b->key) - (a->key < b->key);
}


static int
torus_graph_key_down(const void *one, const void *two)
{
    return torus_graph_key_cmp(two, one);
}


static int
torus_graph_item_cmp(const void *one, const void *two)
{
    const torus_graph_item_t  *a, *b;

    a = one;
    b = two;

    return torus_graph_text_cmp(&a->name, &b->name);
}


static int
torus_graph_item_down(const void *one, const void *two)
{
    return torus_graph_item_cmp(two, one);
}


/* Equals stay as they were, whichever way it goes. */
static int
torus_graph_order(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_order_t *o, torus_sort_pt cmp)
{
    size_t  n;

    if (o->phase == 0) {
        o->phase = 1;
        torus_sort_start(&o->sort, o->items, o->spare, o->n,
                         sizeof(torus_graph_item_t), cmp);
    }

    if (o->phase == 1) {

        if (torus_graph_sorted(g, &o->sort) != TORUS_OK) {
            return TORUS_AGAIN;
        }

        o->phase = 2;
        o->i = 0;
    }

    n = torus_graph_some(g, o->i, o->n, 1);

    for ( /* void */ ; o->i < n; o->i++) {
        if (torus_graph_add(g, &f->out, o->items[o->i].series) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return n < o->n ? TORUS_AGAIN : TORUS_OK;
}


/* By a fold of the values. */
static int
torus_graph_ordered(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_fold_t fold, const torus_graph_fold_t *filter, int reverse)
{
    int                   rc;
    torus_graph_order_t  *o;

    if (torus_graph_order_start(g, f) != TORUS_OK) {
        return TORUS_ERROR;
    }

    o = f->state;

    if (o->phase == 0) {
        rc = torus_graph_order_keys(g, f, o, fold, filter);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return torus_graph_order(g, f, o, reverse ? torus_graph_key_down
                                              : torus_graph_key_cmp);
}


/* variant: the fold and REVERSE, or -1: arguments */
static int
torus_graph_sort_by(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       variant, reverse;
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

    return torus_graph_ordered(g, f, fold, NULL, reverse);
}


static int
torus_graph_sort_minima(torus_graph_t *g, torus_graph_frame_t *f)
{
    static const torus_graph_fold_t  filter = TORUS_GRAPH_MAX;

    return torus_graph_ordered(g, f, TORUS_GRAPH_MIN, &filter, 0);
}


static int
torus_graph_sort_name(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    torus_graph_order_t      *o;
    const torus_graph_arg_t  *args;

    args = f->call->args;

    if (torus_graph_order_start(g, f) != TORUS_OK) {
        return TORUS_ERROR;
    }

    o = f->state;

    if (o->phase == 0) {
        rc = torus_graph_order_names(g, f, o, args[1].number != 0);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return torus_graph_order(g, f, o, args[2].number != 0
                                      ? torus_graph_item_down
                                      : torus_graph_item_cmp);
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

    rc = torus_graph_ordered(g, f, fold, NULL, variant & REVERSE);

    if (rc == TORUS_OK) {
        torus_graph_cut(&f->out, args[1].set ? args[1].number : 1);
    }

    return rc;
}


/* By variance; series without values are left out. */
static int
torus_graph_most_deviant(torus_graph_t *g, torus_graph_frame_t *f)
{
    int  rc;

    static const torus_graph_fold_t  filter = TORUS_GRAPH_COUNT;

    rc = torus_graph_ordered(g, f, TORUS_GRAPH_STDDEV, &filter, 1);

    if (rc == TORUS_OK) {
        torus_graph_cut(&f->out, f->call->args[1].number);
    }

    return rc;
}
