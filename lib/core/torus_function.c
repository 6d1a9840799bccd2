/*
 * The functions, one entry and one small function each.
 *
 * A count or a gauge is seen as a series of its one number, so that no
 * function need know of them but rate.  Texts (read_func "string") are
 * skipped where a number is needed.
 */

#include "torus_function.h"

#include <math.h>
#include <stdlib.h>


#define TORUS_MANY                                                            \
    (torus_type_bit(TORUS_SERIES) | torus_type_bit(TORUS_HISTOGRAM)           \
     | torus_type_bit(TORUS_SET))

#define TORUS_ONE   (torus_type_bit(TORUS_COUNT) | torus_type_bit(TORUS_GAUGE))
#define TORUS_ORDER (torus_type_bit(TORUS_SERIES) | TORUS_ONE)


static int torus_function_mean(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_min(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_max(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_sum(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_count(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_rate(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_median(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_percentile(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_stddev(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_distinct(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_first(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_last(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static int torus_function_row(const torus_call_t *call,
    const torus_row_t *row, torus_value_t *result);
static void torus_function_item(const void *row, size_t i,
    torus_value_t *value, int64_t *count);
static int torus_function_extreme(const torus_row_t *row, int sign,
    torus_value_t *result);
static int torus_function_sorted(const torus_call_t *call,
    const torus_row_t *row, torus_item_t **items, size_t *nitems,
    uint64_t *total);
static const torus_value_t *torus_function_rank(const torus_item_t *items,
    size_t nitems, uint64_t rank);
static uint64_t torus_function_more(uint64_t n, int64_t more);
static uint64_t torus_function_total(const torus_row_t *row);
static uint64_t torus_function_numbers(const torus_row_t *row);
static int torus_function_param(torus_str_t name, double *param);
static int torus_item_order(const void *a, const void *b);
static void torus_value_int(torus_value_t *v, uint64_t n);
static void torus_value_set(torus_value_t *v, double d);


static const torus_function_t  torus_functions[] = {

    { torus_string("mean"),     TORUS_MANY|TORUS_ONE, torus_function_mean,
                                0, 0, 1 },
    { torus_string("avg"),      TORUS_MANY|TORUS_ONE, torus_function_mean,
                                0, 0, 1 },
    { torus_string("min"),      TORUS_MANY|TORUS_ONE, torus_function_min,
                                0, 0, 1 },
    { torus_string("max"),      TORUS_MANY|TORUS_ONE, torus_function_max,
                                0, 0, 1 },
    { torus_string("sum"),      TORUS_MANY|TORUS_ONE, torus_function_sum,
                                0, 0, 0 },
    { torus_string("count"),    TORUS_MANY, torus_function_count, 0, 0, 0 },
    { torus_string("rate"),     TORUS_MANY|torus_type_bit(TORUS_COUNT),
                                torus_function_rate, 1, 0, 0 },
    { torus_string("median"),   TORUS_MANY|TORUS_ONE, torus_function_median,
                                0, 0, 0 },
    { torus_string("stddev"),   TORUS_MANY, torus_function_stddev, 0, 0, 0 },
    { torus_string("distinct"), TORUS_MANY, torus_function_distinct, 0, 0, 0 },
    { torus_string("first"),    TORUS_ORDER, torus_function_first, 0, 0, 0 },
    { torus_string("last"),     TORUS_ORDER, torus_function_last, 0, 0, 0 }
};


static const torus_function_t  torus_percentile = {
    torus_string("p"), TORUS_MANY|TORUS_ONE, torus_function_percentile,
    0, 0, 0
};


static const torus_function_t  torus_row_function = {
    torus_string("transform"), TORUS_MANY|TORUS_ONE, torus_function_row,
    0, 1, 0
};


const torus_function_t *
torus_function_find(torus_str_t name, double *param)
{
    size_t  i;

    for (i = 0; i < sizeof(torus_functions) / sizeof(torus_functions[0]); i++) {

        if (torus_str_eq(name, torus_functions[i].name)) {
            return &torus_functions[i];
        }
    }

    if (torus_function_param(name, param) == TORUS_OK) {
        return &torus_percentile;
    }

    return NULL;
}


const torus_function_t *
torus_function_expr(void)
{
    return &torus_row_function;
}


int
torus_function_apply(const torus_function_t *function,
    const torus_call_t *call, torus_row_t *row, torus_value_t *result)
{
    torus_row_t   one;
    torus_item_t  item;

    if (function->same && row->present
        && (row->type == TORUS_COUNT || row->type == TORUS_GAUGE)
        && row->number.kind != TORUS_VALUE_TEXT)
    {
        *result = row->number;
        return TORUS_OK;
    }

    memset(result, 0, sizeof(torus_value_t));

    if (row->type != TORUS_COUNT && row->type != TORUS_GAUGE) {
        torus_row_fold(row);
        return function->apply(call, row, result);
    }

    if (row->type == TORUS_GAUGE && !row->present && !function->bare) {
        return TORUS_DECLINED;
    }

    item.value = row->number;
    item.n = 1;

    one = *row;
    one.items = &item;
    one.nitems = function->bare ? row->present : 1;
    one.size = 1;

    return function->apply(call, &one, result);
}


static int
torus_function_mean(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    int            rc;
    uint64_t       n;
    torus_value_t  sum;

    n = torus_function_numbers(row);

    if (n == 0) {
        return TORUS_DECLINED;
    }

    if (row->type == TORUS_COUNT || row->type == TORUS_GAUGE) {
        *result = row->items[0].value;
        return TORUS_OK;
    }

    rc = torus_function_sum(call, row, &sum);
    if (rc != TORUS_OK) {
        return rc;
    }

    torus_value_set(result, torus_number_double(&sum) / (double) n);

    return TORUS_OK;
}


static int
torus_function_min(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    (void) call;

    return torus_function_extreme(row, -1, result);
}


static int
torus_function_max(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    (void) call;

    return torus_function_extreme(row, 1, result);
}


static int
torus_function_sum(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    size_t               i;
    torus_value_t        v;
    const torus_item_t  *item;

    (void) call;

    torus_value_int(result, 0);

    for (i = 0; i < row->nitems; i++) {
        item = &row->items[i];

        if (item->value.kind == TORUS_VALUE_TEXT) {
            continue;
        }

        v = torus_value_times(&item->value, item->n);
        *result = torus_number_add(*result, v);
    }

    return TORUS_OK;
}


static int
torus_function_count(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    (void) call;

    torus_value_int(result, torus_function_total(row));

    return TORUS_OK;
}


static int
torus_function_rate(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    double  n;

    n = row->type == TORUS_COUNT ? torus_number_double(&row->number)
                                 : (double) torus_function_total(row);

    torus_value_set(result, n / call->seconds);

    return TORUS_OK;
}


static int
torus_function_median(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    int                   rc;
    size_t                n;
    uint64_t              total;
    torus_item_t         *items;
    const torus_value_t  *a, *b;

    rc = torus_function_sorted(call, row, &items, &n, &total);
    if (rc != TORUS_OK) {
        return rc;
    }

    a = torus_function_rank(items, n, (total + 1) / 2);
    b = torus_function_rank(items, n, total / 2 + 1);

    if (torus_value_cmp(a, b) == 0) {
        *result = *a;
        return TORUS_OK;
    }

    /* halved first, so that the sum of two large numbers is finite */

    torus_value_set(result, torus_number_double(a) / 2
                            + torus_number_double(b) / 2);

    return TORUS_OK;
}


static int
torus_function_percentile(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    int            rc;
    double         r;
    size_t         n;
    uint64_t       total, rank;
    torus_item_t  *items;

    rc = torus_function_sorted(call, row, &items, &n, &total);
    if (rc != TORUS_OK) {
        return rc;
    }

    /*
     * The product of a decimal such as 99.9 is a hair off; a rank that is
     * whole but for that is meant to be whole.
     */

    r = call->param * ((double) total + 1) / 100;
    r = ceil(r - r * 1e-12);

    rank = r < 1 ? 1 : r >= (double) total ? total : (uint64_t) r;

    *result = *torus_function_rank(items, n, rank);

    return TORUS_OK;
}


static int
torus_function_stddev(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    size_t               i;
    double               d, mean, m2, weight;
    const torus_item_t  *item;

    (void) call;

    mean = 0;
    m2 = 0;
    weight = 0;

    /* Welford's recurrence with weights: no difference of large squares */

    for (i = 0; i < row->nitems; i++) {
        item = &row->items[i];

        if (item->value.kind == TORUS_VALUE_TEXT) {
            continue;
        }

        weight += (double) item->n;
        d = torus_number_double(&item->value) - mean;
        mean += d * (double) item->n / weight;
        m2 += (double) item->n * d
              * (torus_number_double(&item->value) - mean);
    }

    if (weight == 0) {
        return TORUS_DECLINED;
    }

    torus_value_set(result, sqrt(m2 / weight));

    return TORUS_OK;
}


static int
torus_function_distinct(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    size_t         i, n;
    torus_item_t  *items;

    if (row->type != TORUS_SERIES || row->nitems == 0) {
        torus_value_int(result, row->nitems);
        return TORUS_OK;
    }

    items = torus_arena_alloc(call->arena,
                              row->nitems * sizeof(torus_item_t));
    if (items == NULL) {
        return TORUS_ERROR;
    }

    memcpy(items, row->items, row->nitems * sizeof(torus_item_t));
    qsort(items, row->nitems, sizeof(torus_item_t), torus_item_order);

    n = 1;

    for (i = 1; i < row->nitems; i++) {
        n += torus_value_cmp(&items[i - 1].value, &items[i].value) != 0;
    }

    torus_value_int(result, n);

    return TORUS_OK;
}


static int
torus_function_first(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    (void) call;

    if (row->nitems == 0) {
        return TORUS_DECLINED;
    }

    *result = row->items[0].value;

    return TORUS_OK;
}


static int
torus_function_last(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    (void) call;

    if (row->nitems == 0) {
        return TORUS_DECLINED;
    }

    *result = row->items[row->nitems - 1].value;

    return TORUS_OK;
}


/* The row is read where it is. */
static int
torus_function_row(const torus_call_t *call, const torus_row_t *row,
    torus_value_t *result)
{
    int                 rc;
    size_t              skipped;
    unsigned char       room[TORUS_EXPR_SCRATCH];
    torus_scratch_t     scratch;
    torus_expr_row_t    values;
    torus_expr_input_t  in;

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    values.row = row->items;
    values.n = row->nitems;
    values.get = torus_function_item;

    memset(&in, 0, sizeof(torus_expr_input_t));

    skipped = 0;

    in.values = &values;
    in.duration = (int64_t) call->seconds;
    in.skipped = &skipped;

    rc = torus_expr_eval(call->expr, &in, result, &scratch);

    *call->skipped += skipped;

    return rc == TORUS_OK ? TORUS_OK : TORUS_DECLINED;
}


static void
torus_function_item(const void *row, size_t i, torus_value_t *value,
    int64_t *count)
{
    const torus_item_t *items = row;

    *value = items[i].value;
    *count = items[i].n;
}


static int
torus_function_extreme(const torus_row_t *row, int sign,
    torus_value_t *result)
{
    size_t                i;
    const torus_value_t  *v, *best;

    best = NULL;

    for (i = 0; i < row->nitems; i++) {
        v = &row->items[i].value;

        if (v->kind == TORUS_VALUE_TEXT) {
            continue;
        }

        if (best == NULL || torus_number_cmp(v, best) == sign) {
            best = v;
        }
    }

    if (best == NULL) {
        return TORUS_DECLINED;
    }

    *result = *best;

    return TORUS_OK;
}


/* The numbers of a row in order, and how many they stand for. */
static int
torus_function_sorted(const torus_call_t *call, const torus_row_t *row,
    torus_item_t **items, size_t *nitems, uint64_t *total)
{
    size_t  n;

    *total = torus_function_numbers(row);

    if (*total == 0) {
        return TORUS_DECLINED;
    }

    n = row->nitems;
    *items = row->items;

    if (row->type == TORUS_SERIES) {
        *items = torus_arena_alloc(call->arena, n * sizeof(torus_item_t));
        if (*items == NULL) {
            return TORUS_ERROR;
        }

        memcpy(*items, row->items, n * sizeof(torus_item_t));
        qsort(*items, n, sizeof(torus_item_t), torus_item_order);
    }

    /* texts sort behind the numbers */

    while (n > 0 && (*items)[n - 1].value.kind == TORUS_VALUE_TEXT) {
        n--;
    }

    *nitems = n;

    return TORUS_OK;
}


/* The value of a rank, 1 to the total, in sorted items. */
static const torus_value_t *
torus_function_rank(const torus_item_t *items, size_t nitems, uint64_t rank)
{
    size_t  i;

    for (i = 0; i < nitems - 1; i++) {

        if (rank <= (uint64_t) items[i].n) {
            break;
        }

        rank -= (uint64_t) items[i].n;
    }

    return &items[i].value;
}


/* What does not fit an integer of an answer stays at the largest. */
static uint64_t
torus_function_more(uint64_t n, int64_t more)
{
    return n > (uint64_t) (INT64_MAX - more) ? INT64_MAX
                                             : n + (uint64_t) more;
}


static uint64_t
torus_function_total(const torus_row_t *row)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < row->nitems; i++) {
        n = torus_function_more(n, row->items[i].n);
    }

    return n;
}


static uint64_t
torus_function_numbers(const torus_row_t *row)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < row->nitems; i++) {

        if (row->items[i].value.kind != TORUS_VALUE_TEXT) {
            n = torus_function_more(n, row->items[i].n);
        }
    }

    return n;
}


/* "p" and a decimal from 0 to 100: "p50", "p99.9". */
static int
torus_function_param(torus_str_t name, double *param)
{
    size_t         i;
    torus_value_t  v;

    if (name.len < 2 || name.len > 16 || name.data[0] != 'p') {
        return TORUS_DECLINED;
    }

    for (i = 1; i < name.len; i++) {

        if ((name.data[i] < '0' || name.data[i] > '9')
            && (name.data[i] != '.' || i == 1 || i == name.len - 1))
        {
            return TORUS_DECLINED;
        }
    }

    if (torus_number_parse(torus_str(name.data + 1, name.len - 1), &v)
        != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    *param = torus_number_double(&v);

    return *param <= 100 ? TORUS_OK : TORUS_DECLINED;
}


static int
torus_item_order(const void *a, const void *b)
{
    const torus_item_t  *x = a;
    const torus_item_t  *y = b;

    return torus_value_cmp(&x->value, &y->value);
}


static void
torus_value_int(torus_value_t *v, uint64_t n)
{
    memset(v, 0, sizeof(torus_value_t));

    if (n > INT64_MAX) {
        v->kind = TORUS_VALUE_DOUBLE;
        v->d = (double) n;
        return;
    }

    v->kind = TORUS_VALUE_INT;
    v->i = (int64_t) n;
}


static void
torus_value_set(torus_value_t *v, double d)
{
    memset(v, 0, sizeof(torus_value_t));

    v->kind = TORUS_VALUE_DOUBLE;
    v->d = d;
}
