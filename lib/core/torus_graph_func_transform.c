/*
 * Transform: one series in, one out, point by point.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


static int torus_graph_number_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static double torus_graph_number(int what, double v, double k);
static double torus_graph_pow(double v, double k);
static int torus_graph_log_check(torus_graph_t *g, torus_graph_call_t *call);
static int torus_graph_derivative(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_non_negative(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static double torus_graph_delta(double v, double *prev,
    const torus_graph_arg_t *max, const torus_graph_arg_t *min);
static int torus_graph_integral(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_integral_by(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_keep_last(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_interpolate(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_transform_null(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_series_t *s,
    torus_graph_series_t **out);
static int torus_graph_reference(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_is_non_null(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_changed(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_delay(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);


enum {
    SCALE = 0, OFFSET, ABSOLUTE, INVERT, POW, SQUARE_ROOT, ROUND, LOG,
    SCALE_TO_SECONDS
};

#define NUMBER(name, what, params, text)                                      \
    { name, TORUS_GRAPH_TRANSFORM, 0, what, NULL, NULL,                       \
      torus_graph_number_map, NULL, params, text }

#define MAP(name, map, params, text)                                          \
    { name, TORUS_GRAPH_TRANSFORM, 0, 0, NULL, NULL, map, NULL, params, text }

#define P_BOUNDS                                                              \
    P_MAY("maxValue", FLOAT, NULL), P_MAY("minValue", FLOAT, NULL)


const torus_graph_func_t  torus_graph_transform[] = {

    NUMBER("scale", SCALE, P(P_SERIES, P_NEED("factor", FLOAT)),
           "Each value times a factor."),
    NUMBER("scaleToSeconds", SCALE_TO_SECONDS,
           P(P_SERIES, P_NEED("seconds", FLOAT)),
           "What each value would be for that many seconds."),
    NUMBER("offset", OFFSET, P(P_SERIES, P_NEED("factor", FLOAT)),
           "Each value plus a number."),
    NUMBER("absolute", ABSOLUTE, P(P_SERIES),
           "Each value without its sign."),
    NUMBER("invert", INVERT, P(P_SERIES), "1 divided by each value."),
    NUMBER("pow", POW, P(P_SERIES, P_NEED("factor", FLOAT)),
           "Each value to a power."),
    NUMBER("squareRoot", SQUARE_ROOT, P(P_SERIES),
           "The square root of each value."),
    NUMBER("round", ROUND, P(P_SERIES, P_MAY("precision", INTEGER, "0")),
           "Each value with so many digits behind the point."),

    { "log", TORUS_GRAPH_TRANSFORM, 0, LOG, torus_graph_log_check, NULL,
      torus_graph_number_map, NULL,
      P(P_SERIES, P_MAY("base", FLOAT, "10")),
      "The logarithm of each value." },

    MAP("derivative", torus_graph_derivative, P(P_SERIES),
        "Each value less the one before."),
    MAP("nonNegativeDerivative", torus_graph_non_negative,
        P(P_SERIES, P_BOUNDS),
        "Each value less the one before, of a counter that only grows."),

    { "perSecond", TORUS_GRAPH_TRANSFORM, 0, 1, NULL, NULL,
      torus_graph_non_negative, NULL, P(P_SERIES, P_BOUNDS),
      "By how much a counter that only grows did so per second." },

    MAP("integral", torus_graph_integral, P(P_SERIES),
        "The sum of all values up to each point."),

    { "integralByInterval", TORUS_GRAPH_TRANSFORM, 0, 0,
      torus_graph_interval_check, NULL, torus_graph_integral_by, NULL,
      P(P_SERIES, P_NEED("intervalUnit", INTERVAL)),
      "The sum of all values up to each point, from 0 in each interval." },

    MAP("keepLastValue", torus_graph_keep_last,
        P(P_SERIES, P_MAY("limit", INT_OR_INF, "inf")),
        "Gaps of at most so many points are filled with the value before."),
    MAP("interpolate", torus_graph_interpolate,
        P(P_SERIES, P_MAY("limit", INT_OR_INF, "inf")),
        "Gaps of at most so many points are filled by a straight line."),
    MAP("transformNull", torus_graph_transform_null,
        P(P_SERIES, P_MAY("default", FLOAT, "0"),
          P_MAY("referenceSeries", SERIES_LIST, NULL)),
        "A number where there is no value."),
    MAP("isNonNull", torus_graph_is_non_null, P(P_SERIES),
        "1 where there is a value, else 0."),

    { "changed", TORUS_GRAPH_SPECIAL, 0, 0, NULL, NULL, torus_graph_changed,
      NULL, P(P_SERIES),
      "1 where a value differs from the one before, else 0." },

    MAP("delay", torus_graph_delay, P(P_SERIES, P_NEED("steps", INTEGER)),
        "So many points later."),

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* variant: what is done with each value */
static int
torus_graph_number_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                        rc, what;
    double                     k;
    size_t                     i;
    torus_str_t                name, tag;
    torus_graph_g_t            repr;
    const torus_graph_arg_t   *arg;
    const torus_graph_func_t  *func;

    func = f->call->func;
    arg = &f->call->args[1];
    what = func->variant;
    name = s->name;

    k = arg->set ? arg->number : (what == LOG) ? 10 : 0;

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;

    switch (what) {

    case SCALE:
    case OFFSET:
    case POW:
        rc = torus_graph_rename(g, s, "%s(%.*s,%s)", func->name,
                                torus_fmt(name), torus_graph_g(k).text);
        break;

    case SCALE_TO_SECONDS:
        rc = torus_graph_rename(g, s, "%s(%.*s,%.0f)", func->name,
                                torus_fmt(name), trunc(k));
        break;

    case ROUND:
        rc = arg->set
             ? torus_graph_rename(g, s, "round(%.*s,%s)", torus_fmt(name),
                                  torus_graph_g(k).text)
             : torus_graph_rename(g, s, "round(%.*s)", torus_fmt(name));
        break;

    case LOG:
        rc = torus_graph_rename(g, s, "log(%.*s, %.*s)", torus_fmt(name),
                                arg->set ? (int) arg->text.len : 2,
                                arg->set ? (const char *) arg->text.data
                                         : "10");
        break;

    default:
        rc = torus_graph_rename(g, s, "%s(%.*s)", func->name,
                                torus_fmt(name));
    }

    repr = torus_graph_repr(k);

    tag = (what == ROUND || what == LOG)
          ? (arg->set ? arg->text
             : what == LOG ? torus_str("10", 2) : torus_str("0", 1))
          : arg->set ? torus_str(repr.text, strlen(repr.text))
                     : torus_str("1", 1);

    if (rc != TORUS_OK || torus_graph_tag(g, s, func->name, tag) != TORUS_OK) {
        return TORUS_ERROR;
    }

    if (what == SCALE_TO_SECONDS) {
        k /= (double) s->step;
    }

    for (i = 0; i < s->n; i++) {
        if (!isnan(s->values[i])) {
            s->values[i] = torus_graph_number(what, s->values[i], k);
        }
    }

    return TORUS_OK;
}


static double
torus_graph_number(int what, double v, double k)
{
    switch (what) {

    case SCALE:
        return v * k;

    case SCALE_TO_SECONDS:
        return torus_graph_round(v * k, 6);

    case OFFSET:
        return v + k;

    case ABSOLUTE:
        return fabs(v);

    case INVERT:
        return torus_graph_pow(v, -1);

    case POW:
        return torus_graph_pow(v, k);

    case SQUARE_ROOT:
        return torus_graph_pow(v, 0.5);

    case ROUND:
        return torus_graph_round(v, k > 400 ? 400 : k < -400 ? -400
                                                             : (int) k);

    default: /* log */
        return v > 0 ? log(v) / log(k) : NAN;
    }
}


/* What Python raises an error for is null. */
static double
torus_graph_pow(double v, double k)
{
    double  d;

    d = pow(v, k);

    return (isinf(d) && isfinite(v) && isfinite(k)) ? NAN : d;
}


static int
torus_graph_log_check(torus_graph_t *g, torus_graph_call_t *call)
{
    if (call->args[1].set
        && (!(call->args[1].number > 0) || call->args[1].number == 1))
    {
        return torus_graph_fault(g, "the base of log() has to be greater than "
                                 "0, and not 1");
    }

    return TORUS_OK;
}


static int
torus_graph_derivative(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double       v, prev;
    size_t       i;
    torus_str_t  name;

    (void) f;

    name = s->name;

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;
    prev = NAN;

    for (i = 0; i < s->n; i++) {
        v = s->values[i];
        s->values[i] = v - prev;
        prev = v;
    }

    if (torus_graph_tagz(g, s, "derivative", "1") != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, s, "derivative(%.*s)", torus_fmt(name));
}


/* variant 1: per second */
static int
torus_graph_non_negative(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                     delta, prev;
    size_t                     i;
    torus_str_t                name;
    const torus_graph_func_t  *func;

    func = f->call->func;
    name = s->name;

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;
    prev = NAN;

    for (i = 0; i < s->n; i++) {
        delta = torus_graph_delta(s->values[i], &prev, &f->call->args[1],
                                  &f->call->args[2]);

        s->values[i] = (func->variant && !isnan(delta))
                       ? torus_graph_round(delta / (double) s->step, 6)
                       : delta;
    }

    if (torus_graph_tagz(g, s, func->name, "1") != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, s, "%s(%.*s)", func->name, torus_fmt(name));
}


static double
torus_graph_delta(double v, double *prev, const torus_graph_arg_t *max,
    const torus_graph_arg_t *min)
{
    double  last;

    last = *prev;

    if (isnan(v) || (max->set && v > max->number)
        || (min->set && v < min->number))
    {
        *prev = NAN;
        return NAN;
    }

    *prev = v;

    if (isnan(last)) {
        return NAN;
    }

    if (v >= last) {
        return v - last;
    }

    if (max->set) {
        return max->number + 1 + v - last - (min->set ? min->number : 0);
    }

    return min->set ? v - min->number : NAN;
}


static int
torus_graph_integral(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double       sum;
    size_t       i;
    torus_str_t  name;

    (void) f;

    name = s->name;

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;
    sum = 0;

    for (i = 0; i < s->n; i++) {
        if (!isnan(s->values[i])) {
            sum += s->values[i];
            s->values[i] = sum;
        }
    }

    if (torus_graph_tagz(g, s, "integral", "1") != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, s, "integral(%.*s)", torus_fmt(name));
}


static int
torus_graph_integral_by(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double       sum;
    size_t       i;
    int64_t      t, interval;
    torus_str_t  name, text;

    name = s->name;
    text = f->call->args[1].text;
    interval = llabs(f->call->args[1].seconds);

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;
    sum = 0;

    for (i = 0; i < s->n; i++) {
        t = s->start + (int64_t) i * s->step - f->span.from;

        if (torus_graph_floor_div(t, interval)
            != torus_graph_floor_div(t - s->step, interval))
        {
            sum = 0;
        }

        if (!isnan(s->values[i])) {
            sum += s->values[i];
        }

        s->values[i] = sum;
    }

    if (torus_graph_tag(g, s, "integralByInterval", text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, s, "integralByInterval(%.*s,'%.*s')",
                              torus_fmt(name), torus_fmt(text));
}


/* A gap at the end is one too, one at the beginning is not. */
static int
torus_graph_keep_last(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double       limit, last;
    size_t       i, gap;
    torus_str_t  name;

    name = s->name;
    limit = f->call->args[1].set ? f->call->args[1].number : INFINITY;

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;
    last = NAN;
    gap = 0;

    for (i = 0; i <= s->n; i++) {

        if (i < s->n && isnan(s->values[i])) {
            gap++;
            continue;
        }

        if ((double) gap <= limit) {
            for ( /* void */ ; gap != 0; gap--) {
                s->values[i - gap] = last;
            }
        }

        gap = 0;
        last = i < s->n ? s->values[i] : NAN;
    }

    return torus_graph_rename(g, s, "keepLastValue(%.*s)", torus_fmt(name));
}


static int
torus_graph_interpolate(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double       limit, rise;
    size_t       i, j, last;
    torus_str_t  name;

    name = s->name;
    limit = f->call->args[1].set ? f->call->args[1].number : INFINITY;

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;

    for (last = 0; last < s->n && isnan(s->values[last]); last++) {
        /* void */
    }

    for (i = last + 1; i < s->n; i++) {

        if (isnan(s->values[i])) {
            continue;
        }

        if ((double) (i - last - 1) <= limit) {
            rise = s->values[i] - s->values[last];

            for (j = last + 1; j < i; j++) {
                s->values[j] = s->values[last] + (double) (j - last) * rise
                                                 / (double) (i - last);
            }
        }

        last = i;
    }

    return torus_graph_rename(g, s, "interpolate(%.*s)", torus_fmt(name));
}


/* With reference series only where one of them has a value. */
static int
torus_graph_transform_null(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                       d;
    size_t                       i;
    torus_str_t                  name;
    torus_graph_g_t              repr;
    const torus_graph_arg_t     *args;
    const torus_graph_series_t  *reference;

    args = f->call->args;
    d = args[1].number;
    repr = torus_graph_repr(d);
    name = s->name;

    if (f->lists[2].n != 0 && f->state == NULL
        && torus_graph_reference(g, f) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    reference = f->state;

    *out = torus_graph_write(g, s);

    if (*out == NULL
        || torus_graph_tagz(g, *out, "transformNull",
                            args[1].set ? repr.text : "0") != TORUS_OK
        || (reference != NULL
            && torus_graph_tagz(g, *out, "referenceSeries", "1")
               != TORUS_OK))
    {
        return TORUS_ERROR;
    }

    s = *out;

    for (i = 0; i < s->n; i++) {

        if (isnan(s->values[i])
            && (reference == NULL
                || (i < reference->n && !isnan(reference->values[i]))))
        {
            s->values[i] = d;
        }
    }

    return torus_graph_rename(g, s, "transformNull(%.*s,%s%s)",
                              torus_fmt(name), torus_graph_g(d).text,
                              reference != NULL ? ",referenceSeries" : "");
}


/* f->state becomes a series with values where any of them has one. */
static int
torus_graph_reference(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                 i, j, n;
    torus_graph_series_t  *s, *reference;

    n = 0;

    for (i = 0; i < f->lists[2].n; i++) {
        n = f->lists[2].items[i]->n > n ? f->lists[2].items[i]->n : n;
    }

    s = f->lists[2].items[0];

    reference = torus_graph_make(g, s->name, s->start, s->end, s->step, n);
    if (reference == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < f->lists[2].n; i++) {
        s = f->lists[2].items[i];

        for (j = 0; j < s->n; j++) {
            if (!isnan(s->values[j])) {
                reference->values[j] = 1;
            }
        }

        torus_graph_work(g, s->n);
    }

    f->state = reference;

    return TORUS_OK;
}


static int
torus_graph_is_non_null(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    size_t       i;
    torus_str_t  name;

    (void) f;

    name = s->name;

    *out = torus_graph_write(g, s);

    if (*out == NULL
        || torus_graph_tagz(g, *out, "isNonNull", "1") != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    for (i = 0; i < (*out)->n; i++) {
        (*out)->values[i] = !isnan((*out)->values[i]);
    }

    return torus_graph_rename(g, *out, "isNonNull(%.*s)", torus_fmt(name));
}


static int
torus_graph_changed(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double       v, last;
    size_t       i;
    torus_str_t  name;

    (void) f;

    name = s->name;

    *out = torus_graph_write(g, s);
    if (*out == NULL) {
        return TORUS_ERROR;
    }

    s = *out;
    last = NAN;

    for (i = 0; i < s->n; i++) {
        v = s->values[i];
        s->values[i] = !isnan(last) && !isnan(v) && v != last;

        if (!isnan(v)) {
            last = v;
        }
    }

    return torus_graph_rename(g, s, "changed(%.*s)", torus_fmt(name));
}


static int
torus_graph_delay(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    k;
    size_t                    i, n;
    torus_graph_series_t     *to;
    const torus_graph_arg_t  *arg;

    arg = &f->call->args[1];
    k = arg->number;
    n = fabs(k) > (double) s->n ? s->n : (size_t) fabs(k);

    to = torus_graph_like(g, s, s->n);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i + n < s->n; i++) {

        if (k < 0) {
            to->values[i] = s->values[i + n];

        } else {
            to->values[i + n] = s->values[i];
        }
    }

    *out = to;

    if (torus_graph_tag(g, to, "delay", arg->text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, to, "delay(%.*s,%.0f)", torus_fmt(s->name),
                              k);
}
