/*
 * Transform: one series in, one out, point by point.
 */

#include "torus_graph_func.h"

#include <stdlib.h>


static int torus_graph_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, const char *tag);
static int torus_graph_number_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_number_start(torus_graph_t *g,
    torus_graph_frame_t *f, torus_graph_series_t *s);
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
static int torus_graph_null_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, const torus_graph_series_t *reference);
static int torus_graph_reference(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_reference_start(torus_graph_t *g,
    torus_graph_frame_t *f);
static int torus_graph_is_non_null(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_changed(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_delay(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);


/* References on their way to one of which values say where there is one. */
typedef struct {
    torus_graph_series_t     *series;
    size_t                    i;
    size_t                    j;
    unsigned                  phase;
} torus_graph_reference_t;


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


/*
 * Where a map begins: a series to write to is in the place, and called after
 * the function.  TORUS_DECLINED: it is there already.
 */
static int
torus_graph_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, const char *tag)
{
    int                   rc;
    const char           *func;
    torus_str_t           name;
    torus_graph_place_t  *p;

    p = &f->place;

    if (p->to != NULL) {
        return TORUS_DECLINED;
    }

    name = s->name;
    func = f->call->func->name;

    rc = torus_graph_write(g, s, p);
    if (rc != TORUS_OK) {
        return rc;
    }

    if ((tag != NULL && torus_graph_tagz(g, p->to, func, tag) != TORUS_OK)
        || torus_graph_rename(g, p->to, "%s(%.*s)", func, torus_fmt(name))
           != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return TORUS_OK;
}


/* variant: what is done with each value */
static int
torus_graph_number_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc, what;
    double                v;
    size_t                n, cost;
    torus_graph_place_t  *p;

    p = &f->place;
    what = f->call->func->variant;

    if (p->to == NULL) {
        rc = torus_graph_number_start(g, f, s);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    cost = (what == SCALE || what == OFFSET || what == ABSOLUTE) ? 1 : 4;
    n = torus_graph_some(g, p->i, p->to->n, cost);

    for ( /* void */ ; p->i < n; p->i++) {
        v = p->from[p->i];
        p->to->values[p->i] = isnan(v) ? v : torus_graph_number(what, v, p->a);
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_number_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s)
{
    int                        rc, what;
    double                     k;
    torus_str_t                name, tag;
    torus_graph_g_t            base, repr;
    const torus_graph_arg_t   *arg;
    const torus_graph_func_t  *func;

    func = f->call->func;
    arg = &f->call->args[1];
    what = func->variant;
    name = s->name;

    k = arg->set ? arg->number : (what == LOG) ? 10 : 0;
    base = torus_graph_repr(k);

    if (!arg->set || arg->integer) {
        (void) snprintf(base.text, sizeof(base.text), "%.0f", k);
    }

    rc = torus_graph_write(g, s, &f->place);
    if (rc != TORUS_OK) {
        return rc;
    }

    s = f->place.to;
    f->place.a = (what == SCALE_TO_SECONDS) ? k / (double) s->step : k;

    switch (what) {

    case SCALE:
    case OFFSET:
    case POW:
        rc = torus_graph_rename(g, s, "%s(%.*s,%s)", func->name,
                                torus_fmt(name), torus_graph_g(k).text);
        break;

    case SCALE_TO_SECONDS:
        /* no minus before a zero, as there is none in an integer */
        rc = torus_graph_rename(g, s, "%s(%.*s,%.0f)", func->name,
                                torus_fmt(name), trunc(k) + 0.0);
        break;

    case ROUND:
        rc = arg->set
             ? torus_graph_rename(g, s, "round(%.*s,%s)", torus_fmt(name),
                                  torus_graph_g(k).text)
             : torus_graph_rename(g, s, "round(%.*s)", torus_fmt(name));
        break;

    case LOG:
        rc = torus_graph_rename(g, s, "log(%.*s, %s)", torus_fmt(name),
                                base.text);
        break;

    default:
        rc = torus_graph_rename(g, s, "%s(%.*s)", func->name,
                                torus_fmt(name));
    }

    repr = torus_graph_repr(k);

    tag = (what == LOG) ? torus_str(base.text, strlen(base.text))
          : (what == ROUND) ? (arg->set ? arg->text : torus_str("0", 1))
          : arg->set ? torus_str(repr.text, strlen(repr.text))
                     : torus_str("1", 1);

    return rc == TORUS_OK ? torus_graph_tag(g, s, func->name, tag) : rc;
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
        return torus_graph_wrong(g, call, 1, "greater than 0 and another one "
                                 "than 1");
    }

    return TORUS_OK;
}


static int
torus_graph_derivative(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    double                v;
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;
    rc = torus_graph_start(g, f, s, "1");

    if (rc == TORUS_OK) {
        p->a = NAN;

    } else if (rc != TORUS_DECLINED) {
        return rc;
    }

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        v = p->from[p->i];
        p->to->values[p->i] = v - p->a;
        p->a = v;
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


/* variant 1: per second */
static int
torus_graph_non_negative(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc, rate;
    double                delta, step;
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;
    rc = torus_graph_start(g, f, s, "1");

    if (rc == TORUS_OK) {
        p->a = NAN;

    } else if (rc != TORUS_DECLINED) {
        return rc;
    }

    rate = f->call->func->variant;
    step = (double) p->to->step;
    n = torus_graph_some(g, p->i, p->to->n, rate ? 4 : 2);

    for ( /* void */ ; p->i < n; p->i++) {
        delta = torus_graph_delta(p->from[p->i], &p->a, &f->call->args[1],
                                  &f->call->args[2]);

        p->to->values[p->i] = (rate && !isnan(delta))
                              ? torus_graph_round(delta / step, 6) : delta;
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
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
    int                   rc;
    double                v;
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;

    rc = torus_graph_start(g, f, s, "1");
    if (rc != TORUS_OK && rc != TORUS_DECLINED) {
        return rc;
    }

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        v = p->from[p->i];

        if (!isnan(v)) {
            p->a += v;
            v = p->a;
        }

        p->to->values[p->i] = v;
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_integral_by(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    double                v;
    size_t                n;
    int64_t               t, interval;
    torus_str_t           name, text;
    torus_graph_place_t  *p;

    p = &f->place;
    name = s->name;
    text = f->call->args[1].text;
    interval = llabs(f->call->args[1].seconds);

    if (p->to == NULL) {
        rc = torus_graph_write(g, s, p);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (torus_graph_tag(g, p->to, "integralByInterval", text) != TORUS_OK
            || torus_graph_rename(g, p->to, "integralByInterval(%.*s,'%.*s')",
                                  torus_fmt(name), torus_fmt(text))
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, p->to->n, 4);

    for ( /* void */ ; p->i < n; p->i++) {
        v = p->from[p->i];
        t = p->to->start + (int64_t) p->i * p->to->step - f->span.from;

        if (torus_graph_floor_div(t, interval)
            != torus_graph_floor_div(t - p->to->step, interval))
        {
            p->a = 0;
        }

        if (!isnan(v)) {
            p->a += v;
        }

        p->to->values[p->i] = p->a;
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


/*
 * A gap at the end is one too, one at the beginning is not.  In the place: a
 * the value before, j where the gap begins, k how far it has been filled.
 */
static int
torus_graph_keep_last(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    double                v, limit;
    torus_graph_place_t  *p;

    p = &f->place;
    limit = f->call->args[1].set ? f->call->args[1].number : INFINITY;
    rc = torus_graph_start(g, f, s, NULL);

    if (rc == TORUS_OK) {
        p->a = NAN;

    } else if (rc != TORUS_DECLINED) {
        return rc;
    }

    s = p->to;

    while (p->i <= s->n) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 1);

        if (p->i < s->n && isnan(p->from[p->i])) {
            s->values[p->i++] = NAN;
            continue;
        }

        if (p->k < p->i && (double) (p->i - p->j) <= limit) {
            s->values[p->k++] = p->a;
            continue;
        }

        if (p->i < s->n) {
            v = p->from[p->i];
            s->values[p->i] = v;
            p->a = v;
        }

        p->i++;
        p->j = p->i;
        p->k = p->i;
    }

    *out = s;

    return TORUS_OK;
}


/* In the place: a the value before, j where the gap begins, k likewise. */
static int
torus_graph_interpolate(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    double                v, limit, rise;
    torus_graph_place_t  *p;

    p = &f->place;
    limit = f->call->args[1].set ? f->call->args[1].number : INFINITY;
    rc = torus_graph_start(g, f, s, NULL);

    if (rc == TORUS_OK) {
        p->a = NAN;

    } else if (rc != TORUS_DECLINED) {
        return rc;
    }

    s = p->to;

    while (p->i < s->n) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 1);
        v = p->from[p->i];

        if (isnan(v)) {
            s->values[p->i++] = v;
            continue;
        }

        if (p->k < p->i && !isnan(p->a) && (double) (p->i - p->j) <= limit) {
            rise = v - p->a;
            s->values[p->k] = p->a + (double) (p->k - p->j + 1) * rise
                                     / (double) (p->i - p->j + 1);
            p->k++;
            continue;
        }

        s->values[p->i++] = v;
        p->a = v;
        p->j = p->i;
        p->k = p->i;
    }

    *out = s;

    return TORUS_OK;
}


/* With reference series only where one of them has a value. */
static int
torus_graph_transform_null(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                          rc;
    double                       v, d;
    size_t                       n;
    torus_graph_place_t         *p;
    const torus_graph_series_t  *reference;

    p = &f->place;
    d = f->call->args[1].number;
    reference = NULL;

    if (f->lists[2].n != 0) {
        rc = torus_graph_reference(g, f);
        if (rc != TORUS_OK) {
            return rc;
        }

        reference = ((torus_graph_reference_t *) f->state)->series;
    }

    if (p->to == NULL) {
        rc = torus_graph_null_start(g, f, s, reference);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        v = p->from[p->i];

        if (isnan(v)
            && (reference == NULL
                || (p->i < reference->n && !isnan(reference->values[p->i]))))
        {
            v = d;
        }

        p->to->values[p->i] = v;
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_null_start(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, const torus_graph_series_t *reference)
{
    int                       rc;
    double                    d;
    torus_str_t               name;
    torus_graph_g_t           repr;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    d = args[1].number;
    repr = torus_graph_repr(d);
    name = s->name;

    rc = torus_graph_write(g, s, &f->place);
    if (rc != TORUS_OK) {
        return rc;
    }

    s = f->place.to;

    if (torus_graph_tagz(g, s, "transformNull",
                         args[1].set ? repr.text : "0") != TORUS_OK
        || (reference != NULL
            && torus_graph_tagz(g, s, "referenceSeries", "1") != TORUS_OK))
    {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, s, "transformNull(%.*s,%s%s)",
                              torus_fmt(name), torus_graph_g(d).text,
                              reference != NULL ? ",referenceSeries" : "");
}


/* f->state has a series with values where any of them has one. */
static int
torus_graph_reference(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                       n;
    torus_graph_reference_t     *r;
    const torus_graph_series_t  *s;

    if (f->state == NULL && torus_graph_reference_start(g, f) != TORUS_OK) {
        return TORUS_ERROR;
    }

    r = f->state;

    if (r->phase == 0) {
        n = torus_graph_some(g, r->j, r->series->n, 1);

        for ( /* void */ ; r->j < n; r->j++) {
            r->series->values[r->j] = NAN;
        }

        if (n < r->series->n) {
            return TORUS_AGAIN;
        }

        r->phase = 1;
        r->j = 0;
    }

    for ( /* void */ ; r->i < f->lists[2].n; r->i++, r->j = 0) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        s = f->lists[2].items[r->i];
        n = torus_graph_some(g, r->j, s->n, 1);

        for ( /* void */ ; r->j < n; r->j++) {
            if (!isnan(s->values[r->j])) {
                r->series->values[r->j] = 1;
            }
        }

        if (n < s->n) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 1);
    }

    return TORUS_OK;
}


static int
torus_graph_reference_start(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                       i, n;
    torus_graph_reference_t     *r;
    const torus_graph_series_t  *s;

    r = torus_arena_calloc(torus_graph_arena(g), 1,
                           sizeof(torus_graph_reference_t));
    if (r == NULL) {
        return TORUS_ERROR;
    }

    n = 0;

    for (i = 0; i < f->lists[2].n; i++) {
        n = f->lists[2].items[i]->n > n ? f->lists[2].items[i]->n : n;
    }

    torus_graph_work(g, f->lists[2].n);

    s = f->lists[2].items[0];

    r->series = torus_graph_make(g, s->name, s->start, s->end, s->step, n);
    f->state = r;

    return r->series != NULL ? TORUS_OK : TORUS_ERROR;
}


static int
torus_graph_is_non_null(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;

    rc = torus_graph_start(g, f, s, "1");
    if (rc != TORUS_OK && rc != TORUS_DECLINED) {
        return rc;
    }

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        p->to->values[p->i] = !isnan(p->from[p->i]);
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_changed(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                   rc;
    double                v;
    size_t                n;
    torus_graph_place_t  *p;

    p = &f->place;
    rc = torus_graph_start(g, f, s, NULL);

    if (rc == TORUS_OK) {
        p->a = NAN;

    } else if (rc != TORUS_DECLINED) {
        return rc;
    }

    n = torus_graph_some(g, p->i, p->to->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        v = p->from[p->i];
        p->to->values[p->i] = !isnan(p->a) && !isnan(v) && v != p->a;

        if (!isnan(v)) {
            p->a = v;
        }
    }

    *out = p->to;

    return n < p->to->n ? TORUS_AGAIN : TORUS_OK;
}


static int
torus_graph_delay(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    double                    k;
    size_t                    n, by;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *arg;

    p = &f->place;
    arg = &f->call->args[1];
    k = arg->number;
    by = fabs(k) > (double) s->n ? s->n : (size_t) fabs(k);

    if (p->to == NULL) {
        p->to = torus_graph_like(g, s, s->n);

        if (p->to == NULL
            || torus_graph_tag(g, p->to, "delay", arg->text) != TORUS_OK
            || torus_graph_rename(g, p->to, "delay(%.*s,%.0f)",
                                  torus_fmt(s->name), k) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    n = torus_graph_some(g, p->i, s->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {

        if (k < 0) {
            p->to->values[p->i] = (s->n - p->i > by) ? s->values[p->i + by]
                                                     : NAN;

        } else {
            p->to->values[p->i] = (p->i >= by) ? s->values[p->i - by] : NAN;
        }
    }

    *out = p->to;

    return n < s->n ? TORUS_AGAIN : TORUS_OK;
}
