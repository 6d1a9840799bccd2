/*
 * Transform: one series in, one out, point by point or bucket by bucket.
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
static int64_t torus_graph_floor_div(int64_t a, int64_t b);
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
static int torus_graph_interval_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_summarize(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_smart_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_smart_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_smart(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_buckets(torus_graph_t *g, torus_graph_series_t *s,
    torus_graph_fold_t fold, int64_t interval, int64_t start, int64_t end,
    torus_graph_series_t **out);
static int torus_graph_bucket(torus_graph_t *g, torus_graph_series_t *s,
    torus_graph_fold_t fold, size_t first, size_t last,
    torus_graph_series_t *to, size_t i, double *scratch);
static int torus_graph_hitcount_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_hitcount(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static void torus_graph_hit(torus_graph_series_t *to, int64_t start,
    int64_t end, double v);
static char torus_graph_unit(torus_str_t text);
static int64_t torus_graph_round_down(torus_graph_t *g, int64_t ts, char unit,
    int weekday);
static int torus_graph_shift_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_time_shift(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_stack_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_time_stack(torus_graph_t *g, torus_graph_frame_t *f);
static int64_t torus_graph_shift(const torus_graph_arg_t *arg);
static void torus_graph_put_back(torus_graph_series_t *s,
    const torus_graph_span_t *shifted, const torus_graph_span_t *span);
static int torus_graph_time(torus_graph_t *g, torus_graph_frame_t *f);


enum {
    SCALE = 0, OFFSET, ABSOLUTE, INVERT, POW, SQUARE_ROOT, ROUND, LOG,
    SCALE_TO_SECONDS
};

#define NUMBER(name, what, params, text)                                      \
    { name, TORUS_GRAPH_TRANSFORM, 0, what, NULL, NULL,                       \
      torus_graph_number_map, NULL, params, text }

#define MAP(name, map, params, text)                                          \
    { name, TORUS_GRAPH_TRANSFORM, 0, 0, NULL, NULL, map, NULL, params, text }

#define P_INTERVAL                                                            \
    { "intervalString", TORUS_GRAPH_INTERVAL, TORUS_GRAPH_REQUIRED, NULL,     \
      NULL, "10min 1h 1d" }

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

    { "summarize", TORUS_GRAPH_TRANSFORM, TORUS_GRAPH_ROWS, 0,
      torus_graph_interval_check, NULL, torus_graph_summarize, NULL,
      P(P_SERIES, P_INTERVAL, P_MAY("func", AGG, "sum"),
        P_MAY("alignToFrom", BOOLEAN, "false")),
      "The values of each interval put together by a function." },

    { "smartSummarize", TORUS_GRAPH_TRANSFORM, TORUS_GRAPH_ROWS, 0,
      torus_graph_smart_check, torus_graph_smart_spans, torus_graph_smart,
      NULL,
      P(P_SERIES, P_INTERVAL, P_MAY("func", AGG, "sum"),
        P_MAY("alignTo", STRING, NULL)),
      "As summarize, in intervals that begin with the range, which begins "
      "with a unit of time." },

    { "hitcount", TORUS_GRAPH_TRANSFORM, 0, 0, torus_graph_interval_check,
      torus_graph_hitcount_spans, torus_graph_hitcount, NULL,
      P(P_SERIES, P_INTERVAL, P_MAY("alignToInterval", BOOLEAN, "false")),
      "Values per second as what they add up to in each interval." },

    { "timeShift", TORUS_GRAPH_TRANSFORM, TORUS_GRAPH_ROWS, 0,
      torus_graph_interval_check, torus_graph_shift_spans, NULL,
      torus_graph_time_shift,
      P(P_SERIES,
        { "timeShift", TORUS_GRAPH_INTERVAL, TORUS_GRAPH_REQUIRED, NULL, NULL,
          "1h 6h 12h 1d 2d 7d 14d 30d" },
        P_MAY("resetEnd", BOOLEAN, "true")),
      "What was at another time, as if it were now." },

    { "timeStack", TORUS_GRAPH_TRANSFORM, TORUS_GRAPH_ROWS, 0,
      torus_graph_interval_check, torus_graph_stack_spans, NULL,
      torus_graph_time_stack,
      P(P_SERIES,
        { "timeShiftUnit", TORUS_GRAPH_INTERVAL, TORUS_GRAPH_REQUIRED, NULL,
          NULL, "1h 6h 12h 1d 2d 7d 14d 30d" },
        P_MAY("timeShiftStart", INTEGER, "0"),
        P_MAY("timeShiftEnd", INTEGER, "7")),
      "What was at several other times, as if it were now." },

    { "time", TORUS_GRAPH_TRANSFORM, 0, 0, NULL, NULL, NULL,
      torus_graph_time,
      P(P_NEED("name", STRING), P_MAY("step", INTEGER, "60")),
      "The time in seconds." },

    { "timeFunction", TORUS_GRAPH_TRANSFORM, 0, 0, NULL, NULL, NULL,
      torus_graph_time,
      P(P_NEED("name", STRING), P_MAY("step", INTEGER, "60")),
      "The time in seconds." },

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


static int64_t
torus_graph_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
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


/* An interval, that is one in the past or to come, is never empty. */
static int
torus_graph_interval_check(torus_graph_t *g, torus_graph_call_t *call)
{
    const torus_graph_func_t  *func;

    func = call->func;

    if (call->args[1].seconds == 0
        || (call->args[1].seconds < 0
            && (func->map == torus_graph_summarize
                || func->map == torus_graph_smart
                || func->map == torus_graph_hitcount)))
    {
        return torus_graph_fault(g, "the interval of %s() has to be longer "
                                 "than nothing", func->name);
    }

    return TORUS_OK;
}


static int
torus_graph_summarize(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                       rc;
    int64_t                   start, end, interval;
    torus_str_t               func, name;
    torus_graph_fold_t        fold;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    interval = args[1].seconds;
    name = s->name;

    fold = args[2].set ? args[2].fold : TORUS_GRAPH_SUM;
    func = args[2].set ? args[2].text : torus_str("sum", 3);

    start = s->start;
    end = s->end;

    if (args[3].number == 0) {
        start -= s->start % interval;
        end += interval - s->end % interval;
    }

    rc = torus_graph_buckets(g, s, fold, interval, start, end, out);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (torus_graph_tag(g, *out, "summarize", args[1].text) != TORUS_OK
        || torus_graph_tag(g, *out, "summarizeFunction", func) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, *out, "summarize(%.*s, \"%.*s\", \"%.*s\"%s)",
                              torus_fmt(name), torus_fmt(args[1].text),
                              torus_fmt(func),
                              args[3].number != 0 ? ", true" : "");
}


/* A new series, its buckets from start until one ends at or after end. */
static int
torus_graph_buckets(torus_graph_t *g, torus_graph_series_t *s,
    torus_graph_fold_t fold, int64_t interval, int64_t start, int64_t end,
    torus_graph_series_t **out)
{
    int                    rc;
    double                *scratch;
    size_t                 i, n, first, last, points;
    int64_t                t;
    torus_graph_series_t  *to;

    rc = torus_graph_count(g, end - start, interval, &n);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (!torus_graph_mergeable(s) && torus_graph_values(g, s) != TORUS_OK) {
        return TORUS_ERROR;
    }

    to = torus_graph_like(g, s, n);
    scratch = torus_arena_alloc(torus_graph_arena(g),
                                (s->n + 1) * sizeof(double));

    if (to == NULL || scratch == NULL) {
        return TORUS_ERROR;
    }

    to->start = start;
    to->step = interval;
    to->end = start + (int64_t) n * interval;

    if (torus_graph_mergeable(s)) {
        to->rows = torus_arena_calloc(torus_graph_arena(g), n + 1,
                                      sizeof(torus_row_t));
        if (to->rows == NULL) {
            return TORUS_ERROR;
        }

        to->values = NULL;
        to->reduce = s->reduce;
    }

    /* what lies behind the end of the range does not count */
    points = s->end > s->start
             ? (size_t) ((s->end - s->start - 1) / s->step + 1) : 0;
    points = points > s->n ? s->n : points;

    first = 0;

    for (i = 0; i < n; i++) {
        t = start + (int64_t) (i + 1) * interval;

        for (last = first; last < points
                           && s->start + (int64_t) last * s->step < t; last++)
        {
            /* void */
        }

        rc = torus_graph_bucket(g, s, fold, first, last, to, i, scratch);
        if (rc != TORUS_OK) {
            return rc;
        }

        first = last;
    }

    torus_graph_work(g, s->n + n);
    *out = to;

    return TORUS_OK;
}


/* Points first to last - 1 of s become point i. */
static int
torus_graph_bucket(torus_graph_t *g, torus_graph_series_t *s,
    torus_graph_fold_t fold, size_t first, size_t last,
    torus_graph_series_t *to, size_t i, double *scratch)
{
    int     there;
    size_t  j, present;

    present = 0;

    if (to->rows != NULL) {
        torus_row_init(&to->rows[i], s->type);
    }

    for (j = first; j < last; j++) {
        there = (to->rows != NULL) ? s->rows[j].present
                                   : !isnan(s->values[j]);
        present += (there != 0);

        if (to->rows != NULL && there
            && torus_row_merge(&to->rows[i], torus_graph_arena(g),
                               &s->rows[j]) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        if (to->rows != NULL) {
            torus_graph_work(g, s->rows[j].nitems);
        }
    }

    if (!torus_graph_enough(present, (double) to->step / (double) s->step,
                            s->xff))
    {
        if (to->rows != NULL) {
            torus_row_init(&to->rows[i], s->type);
        }

        return TORUS_OK;
    }

    if (to->rows == NULL) {
        to->values[i] = torus_graph_fold(fold, s->values + first,
                                         last - first, scratch);
    }

    return TORUS_OK;
}


/* The unit as Graphite abbreviates it: a letter, 'm' minutes, 'M' months. */
static char
torus_graph_unit(torus_str_t text)
{
    size_t  i;

    static const struct {
        const char  *name;
        char         unit;
    } units[] = {
        { "s", 's' }, { "min", 'm' }, { "h", 'h' }, { "d", 'd' },
        { "w", 'w' }, { "mon", 'M' }, { "y", 'y' }
    };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text.len >= strlen(units[i].name)
            && memcmp(text.data, units[i].name, strlen(units[i].name)) == 0)
        {
            return units[i].unit;
        }
    }

    return '\0';
}


static int
torus_graph_smart_check(torus_graph_t *g, torus_graph_call_t *call)
{
    const torus_graph_arg_t  *to;

    to = &call->args[3];

    if (to->set && torus_graph_unit(to->text) == '\0') {
        return torus_graph_fault(g, "smartSummarize() begins with a unit of "
                                 "time such as \"hours\", \"days\" or "
                                 "\"weeks1\"");
    }

    return torus_graph_interval_check(g, call);
}


static int
torus_graph_smart_spans(torus_graph_t *g, const torus_graph_call_t *call,
    const torus_graph_span_t *span, int64_t step, torus_graph_span_t *spans,
    size_t *n)
{
    int                       weekday;
    unsigned char             last;
    const torus_graph_arg_t  *to;

    (void) step;

    to = &call->args[3];
    spans[0] = *span;
    *n = 1;

    if (to->set) {
        last = to->text.data[to->text.len - 1];
        weekday = (last >= '1' && last <= '7') ? last - '0' : 1;

        spans[0].from = torus_graph_round_down(g, span->from,
                                               torus_graph_unit(to->text),
                                               weekday);
    }

    return TORUS_OK;
}


static int
torus_graph_smart(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                       rc;
    torus_str_t               func, name;
    torus_graph_fold_t        fold;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    name = s->name;

    fold = args[2].set ? args[2].fold : TORUS_GRAPH_SUM;
    func = args[2].set ? args[2].text : torus_str("sum", 3);

    rc = torus_graph_buckets(g, s, fold, args[1].seconds, s->start, s->end,
                             out);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (torus_graph_tag(g, *out, "smartSummarize", args[1].text) != TORUS_OK
        || torus_graph_tag(g, *out, "smartSummarizeFunction", func)
           != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, *out,
                              "smartSummarize(%.*s, \"%.*s\", \"%.*s\")",
                              torus_fmt(name), torus_fmt(args[1].text),
                              torus_fmt(func));
}


/* The beginning of the unit, of a clock in the zone of the request. */
static int64_t
torus_graph_round_down(torus_graph_t *g, int64_t ts, char unit, int weekday)
{
    int64_t            local, days, era, day, year, month, back;
    const torus_tz_t  *tz;

    tz = torus_graph_params(g)->tz;
    local = ts + torus_tz_offset(tz, ts);
    days = torus_graph_floor_div(local, 86400);

    switch (unit) {

    case 's':
        return ts;

    case 'm':
        return torus_tz_utc(tz, torus_graph_floor_div(local, 60) * 60);

    case 'h':
        return torus_tz_utc(tz, torus_graph_floor_div(local, 3600) * 3600);

    case 'w':
        /* 1970-01-01 was a Thursday, the 4th day from Monday as 1 */
        back = (days % 7 + 7 + 3 - (weekday - 1)) % 7;
        days -= (back + 7) % 7;
        break;

    case 'M':
    case 'y':
        /* days since 0000-03-01, in eras of 400 years */
        day = days + 719468;
        era = torus_graph_floor_div(day, 146097);
        day -= era * 146097;
        year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
        day -= 365 * year + year / 4 - year / 100;
        month = (5 * day + 2) / 153;
        day -= (153 * month + 2) / 5;
        days -= day;

        if (unit == 'y') {
            /* January and February, 10 and 11, are the end of a year */
            year += era * 400 - (month < 10);
            era = torus_graph_floor_div(year, 400);
            year -= era * 400;
            days = era * 146097 + year * 365 + year / 4 - year / 100 + 306
                   - 719468;
        }

        break;
    }

    return torus_tz_utc(tz, days * 86400);
}


static int
torus_graph_hitcount_spans(torus_graph_t *g, const torus_graph_call_t *call,
    const torus_graph_span_t *span, int64_t step, torus_graph_span_t *spans,
    size_t *n)
{
    int64_t  interval;

    (void) step;

    interval = call->args[1].seconds;
    spans[0] = *span;
    *n = 1;

    if (call->args[2].number != 0) {
        spans[0].from = torus_graph_round_down(g, span->from,
                                               interval >= 86400 ? 'd'
                                               : interval >= 3600 ? 'h'
                                               : interval >= 60 ? 'm' : 's',
                                               1);
    }

    return TORUS_OK;
}


static int
torus_graph_hitcount(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int                       rc;
    size_t                    i, n;
    int64_t                   t, end, interval;
    torus_graph_series_t     *to;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    interval = args[1].seconds;
    end = s->end;

    if (args[2].number != 0) {
        end = s->start + (s->end - s->start) / interval * interval + interval;
    }

    rc = torus_graph_count(g, end - s->start, interval, &n);
    if (rc != TORUS_OK) {
        return rc;
    }

    to = torus_graph_like(g, s, n);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    to->end = end;
    to->start = end - (int64_t) n * interval;
    to->step = interval;

    for (i = 0; i < s->n; i++) {
        t = s->start + (int64_t) i * s->step;

        if (!isnan(s->values[i])) {
            torus_graph_hit(to, t, t + s->step, s->values[i]);
        }
    }

    torus_graph_work(g, s->n + n);
    *out = to;

    if (torus_graph_tag(g, to, "hitcount", args[1].text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, to, "hitcount(%.*s, \"%.*s\"%s)",
                              torus_fmt(s->name), torus_fmt(args[1].text),
                              args[2].number != 0 ? ", true" : "");
}


/* v per second from start to end, over the buckets it falls in. */
static void
torus_graph_hit(torus_graph_series_t *to, int64_t start, int64_t end,
    double v)
{
    double   hits;
    int64_t  i, n, from, until, last;

    n = (int64_t) to->n;

    i = torus_graph_floor_div(start - to->start, to->step);
    last = torus_graph_floor_div(end - to->start, to->step);

    if (last >= n) {
        last = n - 1;
        end = to->start + n * to->step;
    }

    for (i = i < 0 ? 0 : i; i <= last; i++) {
        from = to->start + i * to->step;
        until = from + to->step;

        from = start > from ? start : from;
        until = end < until ? end : until;

        if (until <= from) {
            continue;
        }

        hits = v * (double) (until - from);

        to->values[i] = isnan(to->values[i]) ? hits : to->values[i] + hits;
    }
}


/* Unsigned means the past. */
static int64_t
torus_graph_shift(const torus_graph_arg_t *arg)
{
    if (arg->text.data[0] == '+' || arg->text.data[0] == '-') {
        return arg->seconds;
    }

    return -arg->seconds;
}


static int
torus_graph_shift_spans(torus_graph_t *g, const torus_graph_call_t *call,
    const torus_graph_span_t *span, int64_t step, torus_graph_span_t *spans,
    size_t *n)
{
    int64_t  shift;

    (void) step;

    shift = torus_graph_shift(&call->args[1]);

    spans[0].from = span->from + shift;
    spans[0].until = span->until + shift;
    *n = 1;

    if (spans[0].from < 0) {
        return torus_graph_fault(g, "%s() goes back to before there was time",
                                 call->func->name);
    }

    return TORUS_OK;
}


/*
 * The first point is where that of the range would be: a shift need not be
 * so many steps.
 */
static void
torus_graph_put_back(torus_graph_series_t *s,
    const torus_graph_span_t *shifted, const torus_graph_span_t *span)
{
    int64_t  start, phase, shift, length;

    shift = span->from - shifted->from;
    length = s->end - s->start;

    /* weeks begin with a Sunday, and nothing else is off the grid of 0 */

    phase = s->start % s->step;

    if (s->start == torus_graph_after(shifted->from, s->step, phase)
        && (phase == 0
            || (s->step == TORUS_GRAPH_WEEK && phase == TORUS_GRAPH_SUNDAY)))
    {
        start = torus_graph_after(span->from, s->step, phase);

    } else if (s->start % s->step == 0) {
        start = s->start + shift + s->step / 2;
        start -= start % s->step;

    } else {
        start = s->start + shift;
    }

    s->start = start;
    s->end = start + length;
}


static int
torus_graph_time_shift(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t                    i;
    torus_str_t               text;
    torus_graph_series_t     *s;
    const torus_graph_arg_t  *arg;

    arg = &f->call->args[1];

    if (torus_graph_text(g, &text, "%s%.*s",
                         arg->text.data[0] == '+' || arg->text.data[0] == '-'
                         ? "" : "-", torus_fmt(arg->text)) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    for (i = 0; i < f->lists[0].n; i++) {
        s = torus_graph_edit(g, f->lists[0].items[i]);

        if (s == NULL
            || torus_graph_tag(g, s, "timeShift", text) != TORUS_OK
            || torus_graph_named(g, s, "timeShift(%.*s, \"%.*s\")",
                                 torus_fmt(s->name), torus_fmt(text))
               != TORUS_OK
            || torus_graph_add(g, &f->out, s) != TORUS_OK)
        {
            return TORUS_ERROR;
        }

        torus_graph_put_back(s, &f->spans[0], &f->span);
    }

    torus_graph_work(g, f->lists[0].n * 8);

    return TORUS_OK;
}


static int
torus_graph_stack_spans(torus_graph_t *g, const torus_graph_call_t *call,
    const torus_graph_span_t *span, int64_t step, torus_graph_span_t *spans,
    size_t *n)
{
    double   i, first, last;
    int64_t  shift;

    (void) step;

    shift = torus_graph_shift(&call->args[1]);
    first = call->args[2].set ? call->args[2].number : 0;
    last = call->args[3].set ? call->args[3].number : 7;

    if (last - first > TORUS_GRAPH_MAX_SPANS || fabs(first) > 1e6) {
        return torus_graph_fault(g, "timeStack() has at most %d shifts",
                                 TORUS_GRAPH_MAX_SPANS);
    }

    *n = 0;

    for (i = first; i < last; i++) {

        if (fabs((double) shift * i) > 1e11
            || span->from + shift * (int64_t) i < 0)
        {
            return torus_graph_fault(g, "timeStack() goes back to before "
                                     "there was time");
        }

        spans[*n].from = span->from + shift * (int64_t) i;
        spans[*n].until = span->until + shift * (int64_t) i;
        (*n)++;
    }

    return TORUS_OK;
}


static int
torus_graph_time_stack(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       first, k;
    size_t                   *at, i;
    char                      number[16];
    torus_str_t               text;
    torus_graph_series_t     *s;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    first = args[2].set ? (int) args[2].number : 0;

    if (torus_graph_text(g, &text, "%s%.*s",
                         args[1].text.data[0] == '+'
                         || args[1].text.data[0] == '-' ? "" : "-",
                         torus_fmt(args[1].text)) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    /* the place: a shift, and a series of it */

    if (f->state == NULL) {
        f->state = torus_arena_calloc(torus_graph_arena(g), 2,
                                      sizeof(size_t));
        if (f->state == NULL) {
            return TORUS_ERROR;
        }
    }

    for (at = f->state; at[0] < f->nspans; at[0]++, at[1] = 0) {
        k = first + (int) at[0];
        (void) snprintf(number, sizeof(number), "%d", k);

        for ( /* void */ ; at[1] < f->windows[at[0]].n; at[1]++) {

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }

            torus_graph_work(g, 100);

            i = at[1];
            s = torus_graph_edit(g, f->windows[at[0]].items[i]);

            if (s == NULL
                || torus_graph_tag(g, s, "timeShiftUnit", text) != TORUS_OK
                || torus_graph_tagz(g, s, "timeShift", number) != TORUS_OK
                || torus_graph_rename(g, s, "timeShift(%.*s, %.*s, %d)",
                                      torus_fmt(s->name), torus_fmt(text), k)
                   != TORUS_OK
                || torus_graph_add(g, &f->out, s) != TORUS_OK)
            {
                return TORUS_ERROR;
            }

            torus_graph_put_back(s, &f->spans[at[0]], &f->span);
        }
    }

    return TORUS_OK;
}


static int
torus_graph_time(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                       rc;
    size_t                    i, n;
    int64_t                   step;
    torus_graph_series_t     *s;
    const torus_graph_arg_t  *args;

    args = f->call->args;
    step = args[1].set ? (int64_t) args[1].number : 60;

    if (step < 1) {
        return torus_graph_fault(g, "the step of time() is at least a second");
    }

    rc = torus_graph_count(g, f->span.until - f->span.from, step, &n);
    if (rc != TORUS_OK) {
        return rc;
    }

    s = torus_graph_make(g, args[0].text, f->span.from, f->span.until, step,
                         n);

    if (s == NULL || torus_graph_tags_of(g, s, args[0].text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    for (i = 0; i < n; i++) {
        s->values[i] = (double) (f->span.from + (int64_t) i * step);
    }

    torus_graph_work(g, n);

    return torus_graph_add(g, &f->out, s);
}
