/*
 * Transform: what was at other times, and the time itself.
 */

#include "torus_graph_func.h"


static int torus_graph_shift_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_time_shift(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_stack_spans(torus_graph_t *g,
    const torus_graph_call_t *call, const torus_graph_span_t *span,
    int64_t step, torus_graph_span_t *spans, size_t *n);
static int torus_graph_time_stack(torus_graph_t *g, torus_graph_frame_t *f);
static int64_t torus_graph_shift(const torus_graph_arg_t *arg);
static int torus_graph_shift_text(torus_graph_t *g,
    const torus_graph_arg_t *arg, torus_str_t *text);
static void torus_graph_put_back(torus_graph_series_t *s,
    const torus_graph_span_t *shifted, const torus_graph_span_t *span);
static int torus_graph_time(torus_graph_t *g, torus_graph_frame_t *f);


const torus_graph_func_t  torus_graph_times[] = {

    { "timeShift", TORUS_GRAPH_TRANSFORM, TORUS_GRAPH_ROWS, 0,
      NULL, torus_graph_shift_spans, torus_graph_time_shift, NULL,
      P(P_SERIES,
        { "timeShift", TORUS_GRAPH_INTERVAL, TORUS_GRAPH_REQUIRED, NULL, NULL,
          "1h 6h 12h 1d 2d 7d 14d 30d" },
        P_MAY("resetEnd", BOOLEAN, "true"),
        P_MAY("alignDst", BOOLEAN, "false")),
      "What was at another time, as if it were now." },

    { "timeStack", TORUS_GRAPH_TRANSFORM, TORUS_GRAPH_ROWS, 0,
      NULL, torus_graph_stack_spans, NULL, torus_graph_time_stack,
      P(P_SERIES,
        { "timeShiftUnit", TORUS_GRAPH_INTERVAL, 0, "1d", NULL,
          "1h 6h 12h 1d 2d 7d 14d 30d" },
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


/*
 * Unsigned means the past; none is a day.  alignDst goes by the time zone of
 * a Graphite, which here is UTC: nothing has to be done for it.
 */
static int64_t
torus_graph_shift(const torus_graph_arg_t *arg)
{
    if (!arg->set) {
        return -86400;
    }

    if (arg->text.data[0] == '+' || arg->text.data[0] == '-') {
        return arg->seconds;
    }

    return -arg->seconds;
}


static int
torus_graph_shift_text(torus_graph_t *g, const torus_graph_arg_t *arg,
    torus_str_t *text)
{
    if (!arg->set) {
        return torus_graph_text(g, text, "-1d");
    }

    return torus_graph_text(g, text, "%s%.*s",
                            arg->text.data[0] == '+'
                            || arg->text.data[0] == '-' ? "" : "-",
                            torus_fmt(arg->text));
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
        return torus_graph_wrong(g, call, 1, TORUS_GRAPH_BACK);
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
torus_graph_time_shift(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    torus_str_t            text;
    torus_graph_series_t  *to;

    to = torus_graph_edit(g, s);

    if (to == NULL
        || torus_graph_shift_text(g, &f->call->args[1], &text) != TORUS_OK
        || torus_graph_tag(g, to, "timeShift", text) != TORUS_OK
        || torus_graph_named(g, to, "timeShift(%.*s, \"%.*s\")",
                             torus_fmt(s->name), torus_fmt(text)) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    torus_graph_put_back(to, &f->spans[0], &f->span);
    torus_graph_work(g, TORUS_GRAPH_SERIES);

    *out = to;

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
        return torus_graph_wrong(g, call, 3, "at most 64 shifts behind the "
                                 "first");
    }

    *n = 0;

    for (i = first; i < last; i++) {

        if (fabs((double) shift * i) > 1e11
            || span->from + shift * (int64_t) i < 0)
        {
            return torus_graph_wrong(g, call, 1, TORUS_GRAPH_BACK);
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

    if (torus_graph_shift_text(g, &args[1], &text) != TORUS_OK) {
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
    size_t                    n;
    int64_t                   step;
    torus_graph_series_t     *s;
    torus_graph_place_t      *p;
    const torus_graph_arg_t  *args;

    p = &f->place;
    args = f->call->args;
    step = args[1].set ? (int64_t) args[1].number : 60;

    if (step < 1) {
        return torus_graph_wrong(g, f->call, 1, "at least a second");
    }

    if (p->to == NULL) {
        rc = torus_graph_count(g, f->span.until - f->span.from, step, &n);
        if (rc != TORUS_OK) {
            return rc;
        }

        p->to = torus_graph_make(g, args[0].text, f->span.from, f->span.until,
                                 step, n);

        if (p->to == NULL
            || torus_graph_tags_of(g, p->to, args[0].text) != TORUS_OK)
        {
            return TORUS_ERROR;
        }
    }

    s = p->to;
    n = torus_graph_some(g, p->i, s->n, 1);

    for ( /* void */ ; p->i < n; p->i++) {
        s->values[p->i] = (double) (f->span.from + (int64_t) p->i * step);
    }

    return n < s->n ? TORUS_AGAIN : torus_graph_add(g, &f->out, s);
}
