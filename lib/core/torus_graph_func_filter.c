/*
 * Filters: series that stay or go, and values that do.
 */

#include "torus_graph_func.h"


typedef enum {
    TORUS_GRAPH_EQ = 0,
    TORUS_GRAPH_NE,
    TORUS_GRAPH_GT,
    TORUS_GRAPH_GE,
    TORUS_GRAPH_LT,
    TORUS_GRAPH_LE
} torus_graph_op_t;


/* Of unique(): the names there are. */
typedef struct {
    torus_graph_list_t      list;
    torus_graph_series_t  **table;     /* by hash of the name */
    size_t                  size;
    size_t                  i;
} torus_graph_unique_t;


static int torus_graph_filter_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_compare(double value, torus_graph_op_t op,
    double threshold);
static int torus_graph_limit(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_grep_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_grep(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_unique(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_remove_empty(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_remove_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s);
static int torus_graph_remove_value(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);


/* variant: the fold, and the comparison 16 times */
#define COMPARE(name, fold, op, text)                                         \
    { name, TORUS_GRAPH_FILTER_SERIES, 0, (fold) | (op) << 4, NULL, NULL,     \
      torus_graph_filter_map, NULL, P(P_SERIES, P_NEED("n", FLOAT)), text }

#define ABOVE  1
#define SHARE  2

#define REMOVE(name, variant, text)                                           \
    { name, TORUS_GRAPH_FILTER_DATA, 0, variant, NULL, NULL,                  \
      torus_graph_remove_value, NULL, P(P_SERIES, P_NEED("n", FLOAT)), text }


const torus_graph_func_t  torus_graph_filter[] = {

    COMPARE("averageAbove", TORUS_GRAPH_AVERAGE, TORUS_GRAPH_GT,
            "Series of which the mean is greater than n."),
    COMPARE("averageBelow", TORUS_GRAPH_AVERAGE, TORUS_GRAPH_LE,
            "Series of which the mean is at most n."),
    COMPARE("currentAbove", TORUS_GRAPH_LAST, TORUS_GRAPH_GT,
            "Series of which the last value is greater than n."),
    COMPARE("currentBelow", TORUS_GRAPH_LAST, TORUS_GRAPH_LE,
            "Series of which the last value is at most n."),
    COMPARE("maximumAbove", TORUS_GRAPH_MAX, TORUS_GRAPH_GT,
            "Series with a value greater than n."),
    COMPARE("maximumBelow", TORUS_GRAPH_MAX, TORUS_GRAPH_LE,
            "Series without a value greater than n."),
    COMPARE("minimumAbove", TORUS_GRAPH_MIN, TORUS_GRAPH_GT,
            "Series of which every value is greater than n."),
    COMPARE("minimumBelow", TORUS_GRAPH_MIN, TORUS_GRAPH_LE,
            "Series with a value that is at most n."),

    { "filterSeries", TORUS_GRAPH_FILTER_SERIES, 0, -1, NULL, NULL,
      torus_graph_filter_map, NULL,
      P(P_SERIES, P_NEED("func", AGG),
        { "operator", TORUS_GRAPH_STRING, TORUS_GRAPH_REQUIRED, NULL,
          "!= < <= = > >=", NULL },
        P_NEED("threshold", FLOAT)),
      "Series of which a fold compares with a number." },

    { "limit", TORUS_GRAPH_FILTER_SERIES, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_limit, P(P_SERIES, P_NEED("n", INTEGER)),
      "The first n series." },

    { "grep", TORUS_GRAPH_FILTER_SERIES, TORUS_GRAPH_ROWS, 1,
      torus_graph_grep_check, NULL, torus_graph_grep, NULL,
      P(P_SERIES, P_NEED("pattern", STRING)),
      "Series in whose name a regular expression is found." },

    { "exclude", TORUS_GRAPH_FILTER_SERIES, TORUS_GRAPH_ROWS, 0,
      torus_graph_grep_check, NULL, torus_graph_grep, NULL,
      P(P_SERIES, P_NEED("pattern", STRING)),
      "Series in whose name a regular expression is not found." },

    { "unique", TORUS_GRAPH_FILTER_SERIES, TORUS_GRAPH_ROWS, 0, NULL, NULL,
      NULL, torus_graph_unique, P(P_LISTS),
      "The first series of each name." },

    { "removeEmptySeries", TORUS_GRAPH_FILTER_SERIES, TORUS_GRAPH_SHOWN, 0,
      NULL, NULL, torus_graph_remove_empty, NULL,
      P(P_SERIES, P_MAY("xFilesFactor", FLOAT, NULL)),
      "Series that have values, at least a share of them." },

    REMOVE("removeAboveValue", ABOVE, "Values above n become null."),
    REMOVE("removeBelowValue", 0, "Values below n become null."),
    REMOVE("removeAbovePercentile", ABOVE | SHARE,
           "Values above the n-th percentile become null."),
    REMOVE("removeBelowPercentile", SHARE,
           "Values below the n-th percentile become null."),

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* What is not there is less than any number, and equal to none. */
static int
torus_graph_compare(double value, torus_graph_op_t op, double threshold)
{
    switch (op) {

    case TORUS_GRAPH_EQ:
        return value == threshold;

    case TORUS_GRAPH_NE:
        return isnan(value) || value != threshold;

    case TORUS_GRAPH_GT:
        return value > threshold;

    case TORUS_GRAPH_GE:
        return value >= threshold;

    case TORUS_GRAPH_LT:
        return isnan(value) || value < threshold;

    default:
        return isnan(value) || value <= threshold;
    }
}


static int
torus_graph_filter_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                       rc, i, variant;
    double                    threshold;
    torus_graph_op_t          op;
    torus_graph_fold_t        fold;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *args;

    static const char *const  ops[] = { "=", "!=", ">", ">=", "<", "<=" };

    p = &f->place;
    args = f->call->args;
    variant = f->call->func->variant;

    if (variant >= 0) {
        fold = (torus_graph_fold_t) (variant & 15);
        op = (torus_graph_op_t) (variant >> 4);
        threshold = args[1].number;

    } else {
        fold = args[1].fold;
        op = TORUS_GRAPH_EQ;
        threshold = args[3].number;

        for (i = 0; i < 6; i++) {
            if (torus_str_is(args[2].text, ops[i])) {
                op = (torus_graph_op_t) i;
            }
        }
    }

    rc = torus_graph_fold_series(g, p, s, fold, NULL);
    if (rc != TORUS_OK) {
        return rc;
    }

    *out = s;

    return torus_graph_compare(p->a, op, threshold) ? TORUS_OK
                                                    : TORUS_DECLINED;
}


static int
torus_graph_limit(torus_graph_t *g, torus_graph_frame_t *f)
{
    double  n;

    (void) g;

    n = f->call->args[1].number;
    f->out = f->lists[0];

    if (n < 0) {
        n += (double) f->out.n;
    }

    if (n < (double) f->out.n) {
        f->out.n = n < 0 ? 0 : (size_t) n;
    }

    return TORUS_OK;
}


static int
torus_graph_grep_check(torus_graph_t *g, torus_graph_call_t *call)
{
    int                   rc;
    torus_graph_regex_t  *re;

    rc = torus_graph_regex_compile(g, call, 0, &re);
    call->data = re;

    return rc;
}


/* variant 1: those that are found stay */
static int
torus_graph_grep(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    *out = s;

    torus_graph_work(g, 64);

    return torus_graph_regex_search(f->call->data, s->name)
           == f->call->func->variant ? TORUS_OK : TORUS_DECLINED;
}


static int
torus_graph_unique(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                  j, size;
    torus_graph_series_t   *s;
    torus_graph_unique_t   *u;

    if (f->state == NULL) {
        u = torus_arena_calloc(torus_graph_arena(g), 1,
                               sizeof(torus_graph_unique_t));

        if (u == NULL || torus_graph_gather(g, f, 0, &u->list) != TORUS_OK) {
            return TORUS_ERROR;
        }

        for (size = 8; size < u->list.n * 2; size *= 2) { /* void */ }

        u->size = size;
        u->table = torus_arena_calloc(torus_graph_arena(g), size,
                                      sizeof(torus_graph_series_t *));
        if (u->table == NULL) {
            return TORUS_ERROR;
        }

        torus_graph_work(g, size / 8);
        f->state = u;
    }

    for (u = f->state; u->i < u->list.n; u->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 16);

        s = u->list.items[u->i];
        j = (size_t) torus_hash(s->name.data, s->name.len, 0) & (u->size - 1);

        while (u->table[j] != NULL
               && !torus_str_eq(u->table[j]->name, s->name))
        {
            j = (j + 1) & (u->size - 1);
        }

        if (u->table[j] != NULL) {
            continue;
        }

        u->table[j] = s;

        if (torus_graph_add(g, &f->out, s) != TORUS_OK) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_remove_empty(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                       rc;
    double                    xff;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *arg;

    p = &f->place;
    arg = &f->call->args[1];
    xff = arg->set ? arg->number : 0;

    rc = torus_graph_fold_series(g, p, s, TORUS_GRAPH_COUNT, NULL);
    if (rc != TORUS_OK) {
        return rc;
    }

    *out = s;

    return torus_graph_enough((size_t) p->a, (double) s->n, xff)
           ? TORUS_OK : TORUS_DECLINED;
}


/* variant: ABOVE, SHARE; in the place a is the limit */
static int
torus_graph_remove_value(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc, above;
    double                v;
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;
    above = f->call->func->variant & ABOVE;

    if (p->to == NULL) {
        rc = torus_graph_remove_start(g, f, s);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        v = p->from[p->i];
        p->to->values[p->i] = (above ? v > p->a : v < p->a) ? NAN : v;
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_remove_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s)
{
    int                        rc;
    double                     n;
    torus_str_t                name;
    torus_graph_g_t            repr;
    torus_graph_place_t       *p;
    const torus_graph_func_t  *func;

    p = &f->place;
    func = f->call->func;
    n = f->call->args[1].number;
    name = s->name;

    if ((func->variant & SHARE) && !(n > 0)) {
        return torus_graph_wrong(g, f->call, 1, "greater than 0");
    }

    if (func->variant & SHARE) {
        rc = torus_graph_fold_series(g, p, s, TORUS_GRAPH_MEDIAN, &n);
        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        p->a = n;
    }

    rc = torus_graph_write(g, s, p);
    if (rc != TORUS_OK) {
        return rc;
    }

    repr = torus_graph_repr(n);

    if (torus_graph_rename(g, p->to, "%s(%.*s, %s)", func->name,
                           torus_fmt(name), torus_graph_g(n).text) != TORUS_OK
        || ((func->variant & SHARE) && !isnan(p->a)
            && torus_graph_tagz(g, p->to, "nPercentile", repr.text)
               != TORUS_OK))
    {
        return TORUS_ERROR;
    }

    return TORUS_OK;
}
