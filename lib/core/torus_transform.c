/*
 * The expressions of "transform", each run for a point of the write path, or
 * once for a name when its result does not hang on the value.
 */

#include "torus_transform.h"


static int torus_transform_eval(const torus_expr_t *expr, torus_str_t stat,
    torus_str_t value, torus_scratch_t *scratch, torus_value_t *v);


torus_counter_t
torus_transform_drop(const torus_transform_t *t, torus_str_t stat,
    torus_str_t value)
{
    int              rc;
    torus_value_t    v;
    unsigned char    room[TORUS_EXPR_SCRATCH];
    torus_scratch_t  scratch;

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_transform_eval(t->drop, stat, value, &scratch, &v);

    if (rc != TORUS_OK) {
        return torus_transform_reason(rc);
    }

    return v.i ? TORUS_C_POINTS_TRANSFORMED : TORUS_C_POINTS_ACCEPTED;
}


torus_counter_t
torus_transform_stat(const torus_transform_t *t, torus_str_t stat,
    torus_str_t value, unsigned char *dst, torus_str_t *name)
{
    int                  rc;
    torus_value_t        v;
    unsigned char        room[TORUS_EXPR_SCRATCH];
    torus_counter_t      reason;
    torus_scratch_t      scratch;
    torus_carbon_conf_t  conf;

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_transform_eval(t->stat, stat, value, &scratch, &v);

    if (rc != TORUS_OK) {
        return torus_transform_reason(rc);
    }

    if (v.text.len == 0) {
        return TORUS_C_BAD_PATH;
    }

    conf.line_max = TORUS_CARBON_LINE_MAX;
    conf.path_max = TORUS_TRANSFORM_PATH;

    if (torus_carbon_path(&conf, &v.text, dst, &reason) != TORUS_OK) {
        return reason;
    }

    *name = v.text;

    return TORUS_C_POINTS_ACCEPTED;
}


torus_counter_t
torus_transform_value(const torus_transform_t *t, torus_str_t stat,
    torus_str_t value, torus_scratch_t *scratch, torus_str_t *text)
{
    int            rc;
    torus_value_t  v;

    rc = torus_transform_eval(t->value, stat, value, scratch, &v);

    if (rc != TORUS_OK) {
        return torus_transform_reason(rc);
    }

    *text = v.text;

    return TORUS_C_POINTS_ACCEPTED;
}


static int
torus_transform_eval(const torus_expr_t *expr, torus_str_t stat,
    torus_str_t value, torus_scratch_t *scratch, torus_value_t *v)
{
    torus_expr_input_t  in;

    memset(&in, 0, sizeof(torus_expr_input_t));

    in.s = stat;
    in.v = value;

    return torus_expr_eval(expr, &in, v, scratch);
}


torus_counter_t
torus_transform_reason(int rc)
{
    switch (rc) {

    case TORUS_NUMBER_NAN:
        return TORUS_C_DROPPED_NAN;

    case TORUS_NUMBER_INF:
        return TORUS_C_BAD_INFINITY;

    default:
        return TORUS_C_BAD_VALUE;
    }
}
