/*
 * Arguments in, a validated query out.  Nothing here knows of schemas: what
 * can be told without them is told here, the rest in torus_plan.c.
 */

#include "torus_query.h"
#include "torus_answer.h"
#include "torus_function.h"


/* What a request is parsed with. */
typedef struct {
    torus_arena_t             *arena;
    const torus_arg_t         *args;
    size_t                     nargs;
    const torus_clock_t       *clock;
    const torus_schema_set_t  *set;
    torus_query_t             *query;
    torus_error_t             *err;
} torus_query_parse_t;


static unsigned torus_query_stats(torus_query_parse_t *p,
    const torus_limits_t *limits);
static unsigned torus_query_spec(torus_query_parse_t *p, torus_str_t text,
    torus_spec_t *spec);
static unsigned torus_query_function(torus_query_parse_t *p,
    torus_spec_t *spec);
static int torus_query_named(const torus_schema_set_t *set, torus_str_t name,
    torus_spec_t *spec);
static unsigned torus_query_macro(torus_query_parse_t *p,
    const torus_macro_t *macro, torus_spec_t *spec);
static unsigned torus_query_changed(torus_query_parse_t *p,
    const torus_macro_t *macro, torus_query_t **query);
static unsigned torus_query_format(torus_query_parse_t *p);
static int torus_query_repeated(const torus_query_t *query, torus_str_t text);
static int torus_query_call(torus_str_t text, torus_str_t *fname,
    torus_str_t *inner);
static int torus_query_callable(torus_str_t name);
static int torus_query_names(torus_arena_t *arena, torus_spec_t *spec);
static unsigned torus_query_range(const torus_arg_t *args, size_t nargs,
    const torus_clock_t *clock, torus_query_t *query, torus_error_t *err);
static int torus_query_zone(torus_str_t text, const torus_clock_t *clock,
    const torus_tz_t **tz, torus_error_t *err);
static int torus_query_time(const torus_arg_t *args, size_t nargs,
    const char *name, int64_t now, const torus_tz_t *tz, int64_t *ts,
    torus_error_t *err);
static int torus_query_steps(torus_str_t text, torus_query_t *query,
    torus_error_t *err);
static int torus_query_fill(torus_str_t text, torus_query_t *query,
    torus_error_t *err);
static int torus_query_invalid(torus_error_t *err, const char *name,
    const char *must, torus_str_t text);
static unsigned char *torus_args_decode(unsigned char *dst,
    const unsigned char *p, const unsigned char *last);
static int torus_args_hex(unsigned char c);


int
torus_args_parse(torus_arena_t *arena, torus_str_t text, torus_arg_t **args,
    size_t *nargs)
{
    size_t                i, n;
    torus_arg_t          *arg;
    unsigned char        *dst, *start;
    const unsigned char  *p, *last, *end, *eq;

    n = 1;

    /* of two that stand side by side the first ends nothing */

    for (i = 1; i < text.len; i++) {
        n += (text.data[i] == '&' && text.data[i - 1] != '&');
    }

    arg = torus_arena_calloc(arena, n, sizeof(torus_arg_t));
    dst = torus_arena_alloc(arena, text.len + 1);

    if (arg == NULL || dst == NULL) {
        return TORUS_ERROR;
    }

    *args = arg;
    *nargs = 0;

    if (text.len == 0) {
        return TORUS_OK;
    }

    last = text.data + text.len;

    for (p = text.data; p <= last; p = end + 1) {
        end = p == last ? NULL : memchr(p, '&', last - p);

        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        eq = memchr(p, '=', end - p);

        if (eq == NULL) {
            eq = end;
        }

        start = dst;
        dst = torus_args_decode(dst, p, eq);
        arg->name = torus_str(start, dst - start);

        start = dst;
        dst = torus_args_decode(dst, eq < end ? eq + 1 : end, end);
        arg->value = torus_str(start, dst - start);

        arg++;
        (*nargs)++;
    }

    return TORUS_OK;
}


torus_str_t
torus_args_get(const torus_arg_t *args, size_t nargs, const char *name)
{
    size_t  i;

    for (i = 0; i < nargs; i++) {

        if (args[i].value.len != 0 && torus_str_is(args[i].name, name)) {
            return args[i].value;
        }
    }

    return torus_str("", 0);
}


unsigned
torus_query_parse(torus_arena_t *arena, const torus_arg_t *args,
    size_t nargs, const torus_limits_t *limits, const torus_clock_t *clock,
    const torus_schema_set_t *set, torus_query_t *query, torus_error_t *err)
{
    unsigned             rc;
    torus_query_parse_t  p;

    rc = torus_query_settings(args, nargs, clock, query, err);
    if (rc != 200) {
        return rc;
    }

    p.arena = arena;
    p.args = args;
    p.nargs = nargs;
    p.clock = clock;
    p.set = set;
    p.query = query;
    p.err = err;

    rc = torus_query_stats(&p, limits);

    return rc == 200 ? torus_query_format(&p) : rc;
}


unsigned
torus_query_settings(const torus_arg_t *args, size_t nargs,
    const torus_clock_t *clock, torus_query_t *query, torus_error_t *err)
{
    unsigned     flag;
    torus_str_t  text;

    memset(query, 0, sizeof(torus_query_t));

    query->now = clock->now;
    query->schema = torus_args_get(args, nargs, "schema");
    query->interval = torus_args_get(args, nargs, "interval");

    text = torus_args_get(args, nargs, "format");

    query->format = torus_format_find(text);

    if (query->format == NULL) {
        torus_query_invalid(err, "format", "graphite, json or csv", text);
        return 400;
    }

    flag = 0;

    if (torus_query_flag(args, nargs, "condense", &flag, err) != TORUS_OK) {
        return 400;
    }

    query->condense = flag;
    flag = 0;

    if (torus_query_flag(args, nargs, "collapse", &flag, err) != TORUS_OK) {
        return 400;
    }

    query->collapse = flag;
    flag = 0;

    if (torus_query_flag(args, nargs, "pretty", &flag, err) != TORUS_OK) {
        return 400;
    }

    query->pretty = flag;

    text = torus_args_get(args, nargs, "fill");

    if (torus_query_fill(text, query, err) != TORUS_OK) {
        return 400;
    }

    return torus_query_range(args, nargs, clock, query, err);
}


int
torus_query_flag(const torus_arg_t *args, size_t nargs, const char *name,
    unsigned *flag, torus_error_t *err)
{
    torus_str_t  text;

    text = torus_args_get(args, nargs, name);

    if (text.len == 0
        || torus_str_is(text, "false") || torus_str_is(text, "0")
        || torus_str_is(text, "off") || torus_str_is(text, "no"))
    {
        *flag = 0;
        return TORUS_OK;
    }

    if (torus_str_is(text, "true") || torus_str_is(text, "1")
        || torus_str_is(text, "on") || torus_str_is(text, "yes"))
    {
        *flag = 1;
        return TORUS_OK;
    }

    return torus_query_invalid(err, name, "true or false", text);
}


static unsigned
torus_query_stats(torus_query_parse_t *p, const torus_limits_t *limits)
{
    size_t              i, n, names, nargs;
    unsigned            rc;
    torus_spec_t       *spec;
    torus_query_t      *query;
    const torus_arg_t  *args;

    n = 0;
    names = 0;
    args = p->args;
    nargs = p->nargs;
    query = p->query;

    for (i = 0; i < nargs; i++) {
        n += torus_str_is(args[i].name, "stat") && args[i].value.len != 0;
    }

    if (n == 0) {
        torus_error(p->err, "argument \"stat\" is missing");
        return 400;
    }

    if (limits->stats != 0 && n > limits->stats) {
        torus_error(p->err, "more than %zu stats in one request",
                    limits->stats);
        return 413;
    }

    query->specs = torus_arena_calloc(p->arena, n, sizeof(torus_spec_t));
    if (query->specs == NULL) {
        return 500;
    }

    for (i = 0; i < nargs; i++) {

        if (!torus_str_is(args[i].name, "stat")
            || args[i].value.len == 0
            || torus_query_repeated(query, args[i].value))
        {
            continue;
        }

        spec = &query->specs[query->nspecs];

        rc = torus_query_spec(p, args[i].value, spec);
        if (rc != 200) {
            return rc;
        }

        query->nspecs++;
        names += spec->nnames;

        if (limits->stats != 0 && names > limits->stats) {
            torus_error(p->err, "more than %zu stats in one request",
                        limits->stats);
            return 413;
        }
    }

    return 200;
}


static unsigned
torus_query_spec(torus_query_parse_t *p, torus_str_t text, torus_spec_t *spec)
{
    unsigned  rc;

    memset(spec, 0, sizeof(torus_spec_t));

    spec->text = text;
    spec->query = p->query;

    if (torus_query_call(text, &spec->fname, &spec->joined) == TORUS_OK) {
        rc = torus_query_function(p, spec);

        if (rc != 200) {
            return rc;
        }

    } else {
        spec->joined = text;
    }

    if (torus_query_names(p->arena, spec) != TORUS_OK) {
        return 500;
    }

    if (spec->nnames == 0) {
        torus_error(p->err, "argument \"stat\" names no stat");
        return 400;
    }

    return 200;
}


/* A function, one of TRANSFORMS, or a macro. */
static unsigned
torus_query_function(torus_query_parse_t *p, torus_spec_t *spec)
{
    size_t                n;
    char                  quoted[128];
    const torus_macro_t  *macro;

    if (torus_query_named(p->set, spec->fname, spec) == TORUS_OK) {
        return 200;
    }

    macro = NULL;

    if (p->set != NULL) {
        macro = torus_schema_find_macro(p->set, spec->fname);
    }

    if (macro != NULL) {
        return torus_query_macro(p, macro, spec);
    }

    n = torus_escape(quoted, sizeof(quoted), spec->fname);
    torus_error(p->err, "argument \"stat\": unknown function \"%.*s\"",
                (int) n, quoted);

    return 400;
}


static int
torus_query_named(const torus_schema_set_t *set, torus_str_t name,
    torus_spec_t *spec)
{
    const torus_row_expr_t  *row;

    spec->function = torus_function_find(name, &spec->param);

    if (spec->function != NULL) {
        return TORUS_OK;
    }

    row = set == NULL ? NULL : torus_schema_find_transform(set, name);

    if (row == NULL) {
        return TORUS_DECLINED;
    }

    spec->function = torus_function_expr();
    spec->expr = row->expr;

    return TORUS_OK;
}


static unsigned
torus_query_macro(torus_query_parse_t *p, const torus_macro_t *macro,
    torus_spec_t *spec)
{
    size_t          i;
    unsigned        rc;
    torus_query_t  *changed;

    spec->macro = macro->name;
    spec->fname = macro->transform;

    if (spec->fname.len != 0) {

        /* there is one: it was looked for when the schema was read */

        (void) torus_query_named(p->set, spec->fname, spec);
    }

    for (i = 0; i < p->query->nspecs; i++) {

        if (torus_str_eq(p->query->specs[i].macro, macro->name)) {
            spec->query = p->query->specs[i].query;
            return 200;
        }
    }

    rc = torus_query_changed(p, macro, &changed);

    spec->query = changed;

    return rc;
}


/* Of two scalars the first counts, which is the macro's. */
static unsigned
torus_query_changed(torus_query_parse_t *p, const torus_macro_t *macro,
    torus_query_t **query)
{
    size_t        i, n;
    torus_arg_t  *args;

    *query = torus_arena_calloc(p->arena, 1, sizeof(torus_query_t));
    args = torus_arena_alloc(p->arena, (macro->nargs + p->nargs)
                                       * sizeof(torus_arg_t));

    if (*query == NULL || args == NULL) {
        return 500;
    }

    n = macro->nargs;

    if (n != 0) {
        memcpy(args, macro->args, n * sizeof(torus_arg_t));
    }

    for (i = 0; i < p->nargs; i++) {

        if (!torus_str_is(p->args[i].name, "stat")) {
            args[n++] = p->args[i];
        }
    }

    return torus_query_settings(args, n, p->clock, *query, p->err);
}


/* The one that macros ask for; else the request's. */
static unsigned
torus_query_format(torus_query_parse_t *p)
{
    size_t                 i;
    torus_str_t            text;
    const torus_spec_t    *spec;
    const torus_macro_t   *macro;
    const torus_format_t  *format;

    format = NULL;

    for (i = 0; i < p->query->nspecs; i++) {
        spec = &p->query->specs[i];

        if (spec->macro.len == 0) {
            continue;
        }

        macro = torus_schema_find_macro(p->set, spec->macro);
        text = torus_args_get(macro->args, macro->nargs, "format");

        if (text.len == 0) {
            continue;
        }

        if (format != NULL && format != spec->query->format) {
            torus_error(p->err, "argument \"stat\": macros of one request ask "
                        "for more than one format");
            return 400;
        }

        format = spec->query->format;
    }

    if (format != NULL) {
        p->query->format = format;
    }

    return 200;
}


static int
torus_query_repeated(const torus_query_t *query, torus_str_t text)
{
    size_t  i;

    for (i = 0; i < query->nspecs; i++) {

        if (torus_str_eq(query->specs[i].text, text)) {
            return 1;
        }
    }

    return 0;
}


/*
 * "func(inner)": a word before the bracket, a closing one at the end and
 * none inside.  Anything else is the name of a stat, brackets and all.
 */
static int
torus_query_call(torus_str_t text, torus_str_t *fname, torus_str_t *inner)
{
    const unsigned char  *p, *last;

    if (text.len < 4 || text.data[text.len - 1] != ')') {
        return TORUS_DECLINED;
    }

    p = memchr(text.data, '(', text.len);

    if (p == NULL) {
        return TORUS_DECLINED;
    }

    last = text.data + text.len - 1;

    *fname = torus_str(text.data, p - text.data);
    *inner = torus_str(p + 1, last - p - 1);

    if (inner->len == 0
        || memchr(inner->data, ')', inner->len) != NULL
        || torus_query_callable(*fname) != TORUS_OK)
    {
        *fname = torus_str("", 0);
        return TORUS_DECLINED;
    }

    return TORUS_OK;
}


static int
torus_query_callable(torus_str_t name)
{
    double  param;

    if (torus_query_fname(name)) {
        return TORUS_OK;
    }

    /* "p99.9", the only function with a dot */

    return torus_function_find(name, &param) != NULL ? TORUS_OK
                                                     : TORUS_DECLINED;
}


int
torus_query_fname(torus_str_t name)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')
            && (c < 'a' || c > 'z') && c != '_')
        {
            return 0;
        }
    }

    return name.len != 0 && name.len <= TORUS_QUERY_FNAME;
}


/* Splits the joined names; an empty one can hold no data and is left out. */
static int
torus_query_names(torus_arena_t *arena, torus_spec_t *spec)
{
    size_t       i, n, from;
    torus_str_t  text;

    text = spec->joined;
    n = 1;

    for (i = 0; i < text.len; i++) {
        n += text.data[i] == ',';
    }

    spec->names = torus_arena_alloc(arena, n * sizeof(torus_str_t));
    if (spec->names == NULL) {
        return TORUS_ERROR;
    }

    from = 0;

    for (i = 0; i <= text.len; i++) {

        if (i < text.len && text.data[i] != ',') {
            continue;
        }

        if (i > from) {
            spec->names[spec->nnames++] = torus_str(text.data + from,
                                                    i - from);
        }

        from = i + 1;
    }

    return TORUS_OK;
}


static unsigned
torus_query_range(const torus_arg_t *args, size_t nargs,
    const torus_clock_t *clock, torus_query_t *query, torus_error_t *err)
{
    torus_str_t        text;
    const torus_tz_t  *tz;

    text = torus_args_get(args, nargs, "tz");

    if (torus_query_zone(text, clock, &tz, err) != TORUS_OK
        || torus_query_time(args, nargs, "start", clock->now, tz,
                            &query->start, err) != TORUS_OK
        || torus_query_time(args, nargs, "end", clock->now, tz,
                            &query->end, err) != TORUS_OK)
    {
        return 400;
    }

    /* the epoch itself is as none, as it always was in this API */

    query->has_start = query->start != 0;
    query->has_end = query->end != 0;

    if (query->has_start && query->has_end && query->end < query->start) {
        torus_error(err, "argument \"end\" is before \"start\"");
        return 400;
    }

    text = torus_args_get(args, nargs, "steps");

    return torus_query_steps(text, query, err) == TORUS_OK ? 200 : 400;
}


static int
torus_query_zone(torus_str_t text, const torus_clock_t *clock,
    const torus_tz_t **tz, torus_error_t *err)
{
    *tz = NULL;

    if (text.len == 0 || torus_str_is(text, "UTC")) {
        return TORUS_OK;
    }

    if (clock->zone != NULL && torus_tz_name_valid(text)) {
        *tz = clock->zone(clock->data, text);
    }

    return *tz != NULL ? TORUS_OK
                       : torus_query_invalid(err, "tz", "a time zone such as "
                                             "Europe/Berlin", text);
}


static int
torus_query_time(const torus_arg_t *args, size_t nargs, const char *name,
    int64_t now, const torus_tz_t *tz, int64_t *ts, torus_error_t *err)
{
    int            rc;
    torus_str_t    text;
    torus_error_t  why;

    text = torus_args_get(args, nargs, name);

    if (text.len == 0) {
        *ts = 0;
        return TORUS_OK;
    }

    rc = torus_time_parse(text, now, tz, ts, &why);

    if (rc == TORUS_OK) {
        return TORUS_OK;
    }

    return torus_error(err, "argument \"%s\" %.900s", name, why.text);
}


static int
torus_query_steps(torus_str_t text, torus_query_t *query, torus_error_t *err)
{
    torus_value_t  v;

    if (text.len == 0) {
        return TORUS_OK;
    }

    if (torus_number_parse(text, &v) != TORUS_OK
        || v.kind != TORUS_VALUE_INT
        || v.i < 0)
    {
        return torus_query_invalid(err, "steps", "a number of buckets", text);
    }

    query->steps = v.i;
    query->has_steps = v.i != 0;

    return TORUS_OK;
}


static int
torus_query_fill(torus_str_t text, torus_query_t *query, torus_error_t *err)
{
    if (text.len == 0 || torus_str_is(text, "null")) {
        query->fill = TORUS_FILL_NULL;

    } else if (torus_str_is(text, "none")) {
        query->fill = TORUS_FILL_NONE;

    } else if (torus_str_is(text, "previous")) {
        query->fill = TORUS_FILL_PREVIOUS;

    } else if (torus_str_is(text, "linear")) {
        query->fill = TORUS_FILL_LINEAR;

    } else if (torus_number_parse(text, &query->number) == TORUS_OK) {
        query->fill = TORUS_FILL_NUMBER;

    } else {
        return torus_query_invalid(err, "fill", "null, none, previous, "
                                   "linear or a number", text);
    }

    return TORUS_OK;
}


static int
torus_query_invalid(torus_error_t *err, const char *name, const char *must,
    torus_str_t text)
{
    size_t  n;
    char    quoted[128];

    n = torus_escape(quoted, sizeof(quoted), text);

    return torus_error(err, "argument \"%s\" must be %s, not \"%.*s\"", name,
                       must, (int) n, quoted);
}


static unsigned char *
torus_args_decode(unsigned char *dst, const unsigned char *p,
    const unsigned char *last)
{
    int  hi, lo;

    while (p < last) {

        if (*p == '%' && last - p > 2) {
            hi = torus_args_hex(p[1]);
            lo = torus_args_hex(p[2]);

            if (hi >= 0 && lo >= 0) {
                *dst++ = (unsigned char) (hi << 4 | lo);
                p += 3;
                continue;
            }
        }

        *dst++ = *p == '+' ? ' ' : *p;
        p++;
    }

    return dst;
}


static int
torus_args_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
