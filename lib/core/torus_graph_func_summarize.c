/*
 * Transform: the points of each interval of time become one.
 */

#include "torus_graph_func.h"


static int torus_graph_summarize(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_smart_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_smart_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_smart(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_merges(const torus_graph_series_t *s,
    torus_graph_fold_t fold, torus_graph_series_t *to);
static int torus_graph_buckets(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_fold_t fold, int64_t interval,
    int64_t start, int64_t end, torus_graph_series_t **out);
static int torus_graph_buckets_start(torus_graph_t *g,
    torus_graph_place_t *p, torus_graph_series_t *s, torus_graph_fold_t fold,
    int64_t interval, int64_t start, int64_t end);
static size_t torus_graph_bucket_end(const torus_graph_place_t *p,
    const torus_graph_series_t *s);
static int torus_graph_bucket_values(torus_graph_t *g,
    torus_graph_place_t *p, const torus_graph_series_t *s,
    torus_graph_fold_t fold);
static int torus_graph_bucket_rows(torus_graph_t *g, torus_graph_place_t *p,
    const torus_graph_series_t *s);
static int torus_graph_hitcount_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_hitcount(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_hitcount_start(torus_graph_t *g,
    torus_graph_frame_t *f, const torus_graph_series_t *s);
static int torus_graph_hits(torus_graph_t *g, torus_graph_place_t *p,
    const torus_graph_series_t *s);
static void torus_graph_hit(double *value, int64_t from, int64_t step,
    int64_t start, int64_t end, double v);
static char torus_graph_unit(torus_str_t text);
static int64_t torus_graph_round_down(torus_graph_t *g, int64_t ts, char unit,
    int weekday);


#define P_INTERVAL                                                            \
    { "intervalString", TORUS_GRAPH_INTERVAL, TORUS_GRAPH_REQUIRED, NULL,     \
      NULL, "10min 1h 1d" }


const torus_graph_func_t  torus_graph_summaries[] = {

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

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


int
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
        return torus_graph_wrong(g, call, 1, "longer than nothing");
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

    rc = torus_graph_buckets(g, f, s, fold, interval, start, end, out);
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


/*
 * Are the rows of s to be merged?  That is what adding them up is; what else
 * a fold asks of them is asked of all their values, the largest is that of
 * the merged ones.
 */
static int
torus_graph_merges(const torus_graph_series_t *s, torus_graph_fold_t fold,
    torus_graph_series_t *to)
{
    const torus_function_t  *function;

    if (!torus_graph_mergeable(s)) {
        return 0;
    }

    function = s->reduce.function;
    to->reduce = s->reduce;

    return fold == TORUS_GRAPH_SUM || fold == TORUS_GRAPH_AVERAGE
           || (torus_graph_reduce_by(to, fold)
               && (function == NULL || function == to->reduce.function));
}


/*
 * A new series, its buckets from start until one ends at or after end.  In
 * the place: i the bucket, j and k the points from its first to its last.
 */
static int
torus_graph_buckets(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_fold_t fold, int64_t interval,
    int64_t start, int64_t end, torus_graph_series_t **out)
{
    int                   rc;
    torus_graph_place_t  *p;

    p = &f->place;

    if (p->to == NULL) {
        rc = torus_graph_buckets_start(g, p, s, fold, interval, start, end);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    *out = p->to;

    for ( /* void */ ; p->i < p->to->n; p->i++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        rc = (p->to->rows != NULL)
             ? torus_graph_bucket_rows(g, p, s)
             : torus_graph_bucket_values(g, p, s, fold);

        if (rc != TORUS_OK) {
            return rc;
        }

        torus_graph_work(g, 2);
        p->j = p->k;
        p->phase = 0;
    }

    return TORUS_OK;
}


static int
torus_graph_buckets_start(torus_graph_t *g, torus_graph_place_t *p,
    torus_graph_series_t *s, torus_graph_fold_t fold, int64_t interval,
    int64_t start, int64_t end)
{
    int                    rc, merge;
    size_t                 n;
    torus_graph_series_t  *to, merged;

    merged = *s;
    merge = torus_graph_merges(s, fold, &merged);

    rc = merge ? TORUS_OK : torus_graph_values(g, s);

    if (rc == TORUS_OK) {
        rc = torus_graph_count(g, end - start, interval, &n);
    }

    if (rc != TORUS_OK) {
        return rc;
    }

    to = torus_graph_like(g, s, n);
    if (to == NULL) {
        return TORUS_ERROR;
    }

    p->to = to;

    to->start = start;
    to->step = interval;
    to->end = start + (int64_t) n * interval;

    if (merge) {
        to->rows = torus_arena_alloc(torus_graph_arena(g),
                                     (n + 1) * sizeof(torus_row_t));
        to->values = NULL;
        to->reduce = merged.reduce;

        return to->rows != NULL ? TORUS_OK : TORUS_ERROR;
    }

    if (fold == TORUS_GRAPH_MEDIAN) {
        p->room = torus_arena_alloc(torus_graph_arena(g),
                                    (s->n + 1) * sizeof(double));

        return p->room != NULL ? TORUS_OK : TORUS_ERROR;
    }

    return TORUS_OK;
}


/* What lies behind the end of the range does not count. */
static size_t
torus_graph_bucket_end(const torus_graph_place_t *p,
    const torus_graph_series_t *s)
{
    int64_t  t, n;

    t = p->to->start + (int64_t) (p->i + 1) * p->to->step;
    t = s->end < t ? s->end : t;

    n = (t <= s->start) ? 0 : (t - s->start - 1) / s->step + 1;

    return n < (int64_t) p->j ? p->j : n > (int64_t) s->n ? s->n : (size_t) n;
}


static int
torus_graph_bucket_values(torus_graph_t *g, torus_graph_place_t *p,
    const torus_graph_series_t *s, torus_graph_fold_t fold)
{
    int                    rc;
    double                *value;
    torus_graph_series_t  *to;

    to = p->to;

    if (p->phase == 0) {
        p->phase = 1;
        p->k = torus_graph_bucket_end(p, s);

        torus_graph_fold_start(&p->fold, fold, s->values + p->j, p->k - p->j,
                               p->room);
    }

    value = &to->values[p->i];

    rc = torus_graph_fold_run(g, &p->fold, value);
    if (rc != TORUS_OK) {
        return rc;
    }

    if (!torus_graph_enough(p->fold.present,
                            (double) to->step / (double) s->step, s->xff))
    {
        *value = NAN;
    }

    return TORUS_OK;
}


static int
torus_graph_bucket_rows(torus_graph_t *g, torus_graph_place_t *p,
    const torus_graph_series_t *s)
{
    size_t                 end;
    torus_row_t           *row;
    torus_graph_series_t  *to;

    to = p->to;
    row = &to->rows[p->i];
    end = torus_graph_bucket_end(p, s);

    if (p->phase == 0) {
        p->phase = 1;
        p->k = p->j;
        p->fold.present = 0;
        torus_row_init(row, s->type);
    }

    for ( /* void */ ; p->k < end; p->k++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        torus_graph_work(g, 20 + 40 * s->rows[p->k].nitems);
        p->fold.present += s->rows[p->k].present;

        if (s->rows[p->k].present
            && torus_row_merge(row, torus_graph_arena(g), &s->rows[p->k])
               != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    if (!torus_graph_enough(p->fold.present,
                            (double) to->step / (double) s->step, s->xff))
    {
        torus_row_init(row, s->type);
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
        return torus_graph_wrong(g, call, 3, "a unit of time such as "
                                 "\"hours\", \"days\" or \"weeks1\"");
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

    rc = torus_graph_buckets(g, f, s, fold, args[1].seconds, s->start, s->end,
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
    size_t                    n;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *args;

    p = &f->place;
    args = f->call->args;

    if (p->to == NULL) {
        rc = torus_graph_hitcount_start(g, f, s);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    if (p->phase == 0) {
        n = torus_graph_some(g, p->j, p->to->n, 1);

        for ( /* void */ ; p->j < n; p->j++) {
            p->to->values[p->j] = NAN;
        }

        if (n < p->to->n) {
            return TORUS_AGAIN;
        }

        p->phase = 1;
    }

    if (torus_graph_hits(g, p, s) != TORUS_OK) {
        return TORUS_AGAIN;
    }

    *out = p->to;

    if (torus_graph_tag(g, p->to, "hitcount", args[1].text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    return torus_graph_rename(g, p->to, "hitcount(%.*s, \"%.*s\"%s)",
                              torus_fmt(s->name), torus_fmt(args[1].text),
                              args[2].number != 0 ? ", true" : "");
}


static int
torus_graph_hitcount_start(torus_graph_t *g, torus_graph_frame_t *f,
    const torus_graph_series_t *s)
{
    int                       rc;
    size_t                    n;
    int64_t                   end, interval;
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

    f->place.to = to;

    return TORUS_OK;
}


/*
 * Values per second, each over the buckets that its step falls in; in the
 * place k is how many of these are done.
 */
static int
torus_graph_hits(torus_graph_t *g, torus_graph_place_t *p,
    const torus_graph_series_t *s)
{
    double                 v;
    int64_t                i, n, start, end, last;
    torus_graph_series_t  *to;

    to = p->to;
    n = (int64_t) to->n;

    for ( /* void */ ; p->i < s->n; p->i++, p->k = 0) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        v = s->values[p->i];
        start = s->start + (int64_t) p->i * s->step;
        end = start + s->step;

        i = torus_graph_floor_div(start - to->start, to->step);
        last = torus_graph_floor_div(end - to->start, to->step);

        if (last >= n) {
            last = n - 1;
            end = to->start + n * to->step;
        }

        i = i < 0 ? 0 : i;

        for (i += (int64_t) p->k; !isnan(v) && i <= last; i++) {
            torus_graph_hit(&to->values[i], to->start + i * to->step, to->step,
                            start, end, v);
            torus_graph_work(g, 1);
            p->k++;

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }
        }

        torus_graph_work(g, 2);
    }

    return TORUS_OK;
}


/* v per second from start to end, of which a bucket has a part. */
static void
torus_graph_hit(double *value, int64_t from, int64_t step, int64_t start,
    int64_t end, double v)
{
    double   hits;
    int64_t  until;

    until = from + step;

    from = start > from ? start : from;
    until = end < until ? end : until;

    if (until > from) {
        hits = v * (double) (until - from);
        *value = isnan(*value) ? hits : *value + hits;
    }
}
