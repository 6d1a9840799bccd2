/*
 * Evaluation: a walk over the tree, at most TORUS_EXPR_MAX_HEIGHT deep, with
 * no state but torus_expr_run_t on the stack.
 *
 * A reduction walks its argument once per element of the row and keeps its
 * result in a slot.  Texts are cut from the scratch in order; a reduction
 * gives back what an element took, down to "keep", below which a result in
 * a slot may lie.
 */

#include "torus_expr_tree.h"


static int torus_expr_load_number(torus_expr_run_t *run, torus_value_t *out);
static int torus_expr_load(torus_expr_run_t *run,
    const torus_expr_node_t *node, torus_value_t *out);
static int torus_expr_choose(torus_expr_run_t *run,
    const torus_expr_node_t *node, torus_value_t *out);
static int torus_expr_compare_numbers(torus_expr_op_t op,
    const torus_value_t *a, const torus_value_t *b);
static int torus_expr_compare_texts(torus_expr_op_t op, torus_str_t a,
    torus_str_t b);
static int torus_expr_holds(torus_expr_op_t op, int order);
static int torus_expr_two(torus_expr_run_t *run,
    const torus_expr_node_t *node, torus_value_t *out);
static int torus_expr_apply(torus_expr_run_t *run,
    const torus_expr_node_t *node, torus_value_t *out);
static int torus_expr_over_row(torus_expr_run_t *run,
    const torus_expr_node_t *node, torus_value_t *out);
static int torus_expr_walk(torus_expr_run_t *run,
    const torus_expr_node_t *node, torus_value_t *out);
static int torus_expr_walk_ends(torus_expr_run_t *run,
    const torus_expr_node_t *node, torus_value_t *out);
static int torus_expr_element(torus_expr_run_t *run,
    const torus_expr_node_t *node, size_t i, torus_value_t *v);
static int torus_expr_take(torus_expr_reduction_t reduction, size_t n,
    const torus_value_t *v, torus_value_t *sum);
static int torus_expr_finish(const torus_expr_t *e, torus_expr_run_t *run,
    torus_value_t *out);


int
torus_expr_eval(const torus_expr_t *e, const torus_expr_input_t *in,
    torus_value_t *out, torus_scratch_t *scratch)
{
    int                rc;
    unsigned           i;
    unsigned char     *start;
    torus_expr_run_t   run;

    start = scratch->pos;

    run.in = in;
    run.scratch = scratch;
    run.number_rc = TORUS_AGAIN;
    run.keep = start;

    for (i = 0; i < e->nslots; i++) {
        run.slot_rc[i] = TORUS_AGAIN;
    }

    rc = torus_expr_run_node(&run, e->root, out);

    if (rc == TORUS_OK) {
        rc = torus_expr_finish(e, &run, out);
    }

    if (rc != TORUS_OK || out->kind != TORUS_VALUE_TEXT) {
        scratch->pos = start;
    }

    return rc;
}


/* The result as the environment wants it. */
static int
torus_expr_finish(const torus_expr_t *e, torus_expr_run_t *run,
    torus_value_t *out)
{
    int            rc;
    torus_value_t  number;

    switch (e->env.result) {

    case TORUS_EXPR_TO_PRINTED:
        return torus_expr_print(run, out);

    case TORUS_EXPR_TO_VALUE:

        if (out->kind != TORUS_VALUE_TEXT
            || e->env.scope == TORUS_EXPR_OF_ROW
            || (e->root->types & TORUS_EXPR_INPUT) == 0
            || out->text.data != run->in->v.data
            || out->text.len != run->in->v.len)
        {
            return TORUS_OK;
        }

        /* v as it came */

        rc = torus_number_parse(out->text, &number);

        if (rc == TORUS_OK) {
            *out = number;
        }

        return (rc == TORUS_DECLINED) ? TORUS_OK : rc;

    default:
        return TORUS_OK;
    }
}


int
torus_expr_run_node(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    int  rc;

    switch (node->op) {

    case TORUS_EXPR_CONST:
        *out = node->value;
        return TORUS_OK;

    case TORUS_EXPR_V_NUM:
        return torus_expr_load_number(run, out);

    case TORUS_EXPR_COND:
    case TORUS_EXPR_OR:
    case TORUS_EXPR_AND:
        return torus_expr_choose(run, node, out);

    case TORUS_EXPR_NOT:
        rc = torus_expr_run_node(run, node->kids[0], out);

        if (rc == TORUS_OK) {
            out->i = !out->i;
        }

        return rc;

    case TORUS_EXPR_NEG:
        rc = torus_expr_run_node(run, node->kids[0], out);
        return (rc == TORUS_OK) ? torus_expr_neg(out, out) : rc;

    case TORUS_EXPR_FMT:
    case TORUS_EXPR_MATCH:
    case TORUS_EXPR_REPLACE:
    case TORUS_EXPR_CALL:
        return torus_expr_apply(run, node, out);

    case TORUS_EXPR_ROW_LEN:
        out->kind = TORUS_VALUE_INT;
        out->i = (int64_t) run->in->values->n;
        return TORUS_OK;

    case TORUS_EXPR_REDUCE:
        return torus_expr_over_row(run, node, out);

    default:
        break;
    }

    if (node->op < TORUS_EXPR_COND) {
        return torus_expr_load(run, node, out);
    }

    return torus_expr_two(run, node, out);
}


/* v as a number, read once. */
static int
torus_expr_load_number(torus_expr_run_t *run, torus_value_t *out)
{
    if (run->number_rc == TORUS_AGAIN) {
        run->number_rc = torus_number_parse(run->in->v, &run->number);
    }

    if (run->number_rc == TORUS_OK) {
        out->kind = run->number.kind;
        out->i = run->number.i;
    }

    return run->number_rc;
}


static int
torus_expr_load(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    switch (node->op) {

    case TORUS_EXPR_V:
        out->kind = TORUS_VALUE_TEXT;
        out->text = run->in->v;
        return TORUS_OK;

    case TORUS_EXPR_S:
        out->kind = TORUS_VALUE_TEXT;
        out->text = run->in->s;
        return TORUS_OK;

    case TORUS_EXPR_VALUES:
        *out = run->value;
        return TORUS_OK;

    case TORUS_EXPR_VALUES_NUM:

        if (run->value.kind == TORUS_VALUE_TEXT) {
            return torus_number_parse(run->value.text, out);
        }

        *out = run->value;

        if (out->kind == TORUS_VALUE_DOUBLE) {
            return torus_expr_finite(out->d, out);
        }

        return TORUS_OK;

    case TORUS_EXPR_VALUES_TEXT:
        *out = run->value;
        return torus_expr_print(run, out);

    case TORUS_EXPR_COUNTS:
        out->kind = TORUS_VALUE_INT;
        out->i = run->count;
        return TORUS_OK;

    default: /* TORUS_EXPR_DURATION */
        out->kind = TORUS_VALUE_INT;
        out->i = run->in->duration;
        return TORUS_OK;
    }
}


/* What evaluates some of its kids only. */
static int
torus_expr_choose(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    int  rc;

    rc = torus_expr_run_node(run, node->kids[0], out);
    if (rc != TORUS_OK) {
        return rc;
    }

    switch (node->op) {

    case TORUS_EXPR_OR:
        return out->i ? TORUS_OK
                      : torus_expr_run_node(run, node->kids[1], out);

    case TORUS_EXPR_AND:
        return out->i ? torus_expr_run_node(run, node->kids[1], out)
                      : TORUS_OK;

    default:
        return torus_expr_run_node(run, node->kids[out->i ? 1 : 2], out);
    }
}


static int
torus_expr_two(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    int            rc;
    torus_value_t  a, b;

    rc = torus_expr_run_node(run, node->kids[0], &a);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_expr_run_node(run, node->kids[1], &b);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (node->op == TORUS_EXPR_CONCAT) {
        return torus_expr_concat(run, &a, &b, out);
    }

    if (node->op >= TORUS_EXPR_ADD) {
        return torus_expr_arith(node->op, &a, &b, out);
    }

    out->kind = TORUS_VALUE_INT;

    if (node->op >= TORUS_EXPR_TEXT_EQ) {
        out->i = torus_expr_compare_texts(node->op, a.text, b.text);

    } else {
        out->i = torus_expr_compare_numbers(node->op, &a, &b);
    }

    return TORUS_OK;
}


static int
torus_expr_compare_numbers(torus_expr_op_t op, const torus_value_t *a,
    const torus_value_t *b)
{
    int  order;

    if (a->kind != b->kind) {
        order = torus_number_cmp(a, b);

    } else if (a->kind == TORUS_VALUE_INT) {
        order = (a->i > b->i) - (a->i < b->i);

    } else {
        order = (a->d > b->d) - (a->d < b->d);
    }

    return torus_expr_holds(op, order);
}


static int
torus_expr_compare_texts(torus_expr_op_t op, torus_str_t a, torus_str_t b)
{
    int     order;
    size_t  n;

    n = (a.len < b.len) ? a.len : b.len;
    order = (n == 0) ? 0 : memcmp(a.data, b.data, n);

    if (order == 0) {
        order = (a.len > b.len) - (a.len < b.len);
    }

    return torus_expr_holds(op - TORUS_EXPR_TEXT_EQ + TORUS_EXPR_EQ, order);
}


static int
torus_expr_holds(torus_expr_op_t op, int order)
{
    switch (op) {

    case TORUS_EXPR_EQ:
        return order == 0;

    case TORUS_EXPR_NE:
        return order != 0;

    case TORUS_EXPR_LT:
        return order < 0;

    case TORUS_EXPR_LE:
        return order <= 0;

    case TORUS_EXPR_GT:
        return order > 0;

    default: /* TORUS_EXPR_GE */
        return order >= 0;
    }
}


static int
torus_expr_apply(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    int            rc;
    size_t         i;
    torus_value_t  args[3];

    for (i = 0; i < node->nkids; i++) {
        rc = torus_expr_run_node(run, node->kids[i], &args[i]);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    switch (node->op) {

    case TORUS_EXPR_FMT:
        out->kind = TORUS_VALUE_TEXT;
        return torus_fmt_apply(node->fmt, &args[0], run->scratch,
                               &out->text);

    case TORUS_EXPR_MATCH:
        return torus_expr_regex_match(node->regex, args[0].text, out);

    case TORUS_EXPR_REPLACE:
        return torus_expr_regex_replace(run, node->regex, args[0].text, out);

    default:
        return node->call(run, args, node->nkids, out);
    }
}


/* A reduction, at its first use in this evaluation or from its slot. */
static int
torus_expr_over_row(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    int             rc;
    int64_t         count;
    torus_value_t   value;
    unsigned        slot;

    slot = node->slot;

    if (run->slot_rc[slot] == TORUS_AGAIN) {

        /* the element of a reduction around this one */
        value = run->value;
        count = run->count;

        if (node->reduction == TORUS_EXPR_FIRST
            || node->reduction == TORUS_EXPR_LAST)
        {
            rc = torus_expr_walk_ends(run, node, &run->slots[slot]);

        } else {
            rc = torus_expr_walk(run, node, &run->slots[slot]);
        }

        run->value = value;
        run->count = count;
        run->slot_rc[slot] = rc;
    }

    if (run->slot_rc[slot] == TORUS_OK) {
        *out = run->slots[slot];
    }

    return run->slot_rc[slot];
}


static int
torus_expr_walk(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    size_t                   i, n, len;
    torus_value_t            v, mean;
    torus_expr_reduction_t   reduction;

    reduction = (torus_expr_reduction_t) node->reduction;
    len = run->in->values->n;
    n = 0;

    out->kind = TORUS_VALUE_INT;
    out->i = (reduction == TORUS_EXPR_ALL);

    for (i = 0; i < len; i++) {

        if (torus_expr_element(run, node->kids[0], i, &v) != TORUS_OK) {
            continue;
        }

        if (torus_expr_take(reduction, n++, &v, out) != TORUS_OK) {
            return TORUS_OK;
        }
    }

    if (n == 0 && (reduction == TORUS_EXPR_MEAN || reduction == TORUS_EXPR_MIN
                   || reduction == TORUS_EXPR_MAX))
    {
        return TORUS_DECLINED;
    }

    if (reduction == TORUS_EXPR_MEAN) {
        mean.kind = TORUS_VALUE_INT;
        mean.i = (int64_t) n;

        return torus_expr_arith(TORUS_EXPR_DIV, out, &mean, out);
    }

    if (out->kind == TORUS_VALUE_DOUBLE) {
        return torus_expr_finite(out->d, out);
    }

    return TORUS_OK;
}


/* The first element that has a value, from either end. */
static int
torus_expr_walk_ends(torus_expr_run_t *run, const torus_expr_node_t *node,
    torus_value_t *out)
{
    size_t          i, k, len;
    torus_value_t   v;
    unsigned char  *start;

    len = run->in->values->n;

    for (i = 0; i < len; i++) {
        k = (node->reduction == TORUS_EXPR_FIRST) ? i : len - 1 - i;
        start = run->scratch->pos;

        run->in->values->get(run->in->values->row, k, &run->value,
                             &run->count);

        if (torus_expr_run_node(run, node->kids[0], &v) == TORUS_OK) {
            run->keep = run->scratch->pos;
            *out = v;

            return TORUS_OK;
        }

        run->scratch->pos = (run->keep > start) ? run->keep : start;

        if (run->in->skipped != NULL) {
            (*run->in->skipped)++;
        }
    }

    return TORUS_DECLINED;
}


/* A number or condition: no text of the scratch outlives the element. */
static int
torus_expr_element(torus_expr_run_t *run, const torus_expr_node_t *node,
    size_t i, torus_value_t *v)
{
    int             rc;
    unsigned char  *start;

    start = run->scratch->pos;

    run->in->values->get(run->in->values->row, i, &run->value, &run->count);

    rc = torus_expr_run_node(run, node, v);

    run->scratch->pos = (run->keep > start) ? run->keep : start;

    if (rc != TORUS_OK && run->in->skipped != NULL) {
        (*run->in->skipped)++;
    }

    return rc;
}


/* The n-th value into the result; TORUS_DECLINED: no other can change it. */
static int
torus_expr_take(torus_expr_reduction_t reduction, size_t n,
    const torus_value_t *v, torus_value_t *sum)
{
    int  order;

    switch (reduction) {

    case TORUS_EXPR_SUM:
    case TORUS_EXPR_MEAN:
        *sum = torus_number_add(*sum, *v);
        return TORUS_OK;

    case TORUS_EXPR_COUNT:
        sum->i += v->i;
        return TORUS_OK;

    case TORUS_EXPR_ANY:
        sum->i = v->i;
        return v->i ? TORUS_DECLINED : TORUS_OK;

    case TORUS_EXPR_ALL:
        sum->i = v->i;
        return v->i ? TORUS_OK : TORUS_DECLINED;

    default: /* TORUS_EXPR_MIN, TORUS_EXPR_MAX */
        order = (n == 0) ? 0 : torus_number_cmp(v, sum);

        if (n == 0 || (reduction == TORUS_EXPR_MIN ? order < 0 : order > 0)) {
            *sum = *v;
        }

        return TORUS_OK;
    }
}


torus_str_t
torus_expr_text(const torus_expr_t *e)
{
    return e->text;
}


int
torus_expr_reads_value(const torus_expr_t *e)
{
    return e->reads_value;
}
