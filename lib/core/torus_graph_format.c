/*
 * The formats of /render and /metrics/find.
 */

#include "torus_graph_format.h"
#include "torus_csv.h"

#include <math.h>
#include <stdlib.h>


/* What the name of a series and the like take, in points. */
#define TORUS_GRAPH_HEADER  12


/* What writes the hits of a find does next. */
enum {
    TORUS_GRAPH_FIND_LOOK = 0,
    TORUS_GRAPH_FIND_SORT,
    TORUS_GRAPH_FIND_FIRST,
    TORUS_GRAPH_FIND_SECOND,
    TORUS_GRAPH_FIND_END
};


static void torus_graph_json_open(torus_graph_writer_t *w,
    const torus_graph_series_t *s);
static void torus_graph_json_point(torus_json_t *j,
    const torus_graph_series_t *s, size_t i, int no_nulls);
static int torus_graph_is_ahead(const torus_graph_writer_t *w,
    const torus_graph_series_t *s);
static void torus_graph_raw_open(torus_graph_writer_t *w,
    const torus_graph_series_t *s);
static void torus_graph_raw_point(torus_graph_writer_t *w,
    const torus_graph_series_t *s);
static void torus_graph_csv_point(torus_graph_writer_t *w,
    const torus_graph_series_t *s);
static void torus_graph_csv_time(torus_buf_t *out, int64_t local);
static void torus_graph_pickle_open(torus_graph_writer_t *w,
    const torus_graph_series_t *s);
static void torus_graph_pickle_text(torus_buf_t *out, torus_str_t s);
static size_t torus_graph_pickle_utf8(torus_str_t s, size_t at,
    int *valid);
static void torus_graph_pickle_int(torus_buf_t *out, int64_t i);
static void torus_graph_pickle_double(torus_buf_t *out, double d);
static int torus_graph_has_values(const torus_graph_series_t *s);
static size_t torus_graph_npoints(const torus_graph_writer_t *w,
    const torus_graph_series_t *s);

static torus_str_t torus_graph_hit_name(const torus_graph_hit_t *hit);
static int torus_graph_hit_by_name(const void *one, const void *two);
static int torus_graph_hit_by_path(const void *one, const void *two);
static int torus_graph_find_look(torus_graph_finder_t *w,
    torus_work_t *work);
static void torus_graph_find_open(torus_graph_finder_t *w);
static void torus_graph_find_close(torus_graph_finder_t *w);
static void torus_graph_find_hit(torus_graph_finder_t *w,
    torus_work_t *work);
static torus_str_t torus_graph_find_base(const torus_graph_find_t *find);
static void torus_graph_find_tree(torus_graph_finder_t *w,
    torus_work_t *work);
static void torus_graph_tree_node(torus_json_t *j, torus_str_t base,
    torus_str_t name, int leaf);
static void torus_graph_find_completer(torus_json_t *j,
    const torus_graph_hit_t *hit);
static torus_str_t torus_graph_hit_node(torus_str_t path, int position);
static void torus_graph_find_json(torus_json_t *j,
    const torus_graph_hit_t *hit);
static void torus_graph_find_pickle(torus_buf_t *out,
    const torus_graph_hit_t *hit);


int
torus_graph_format_find(torus_str_t name, torus_graph_format_t *format)
{
    size_t  i;

    static const char *const  names[] = { "json", "raw", "csv", "pickle" };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (torus_str_is(name, names[i])) {
            *format = (torus_graph_format_t) i;
            return TORUS_OK;
        }
    }

    return TORUS_DECLINED;
}


torus_str_t
torus_graph_format_type(const torus_graph_writer_t *w)
{
    const char  *type;

    static const char *const  types[] = {
        "application/json", "text/plain", "text/csv", "application/pickle"
    };

    type = types[w->format];

    return torus_str(type, strlen(type));
}


void
torus_graph_write_init(torus_graph_writer_t *w, torus_graph_series_t **series,
    size_t n, torus_buf_t *out)
{
    w->series = series;
    w->n = n;
    w->out = out;
    w->i = 0;
    w->j = 0;
    w->begun = 0;
    w->open = 0;

    torus_json_init(&w->json, out, w->pretty);
}


int
torus_graph_write_ahead(const torus_graph_writer_t *w, torus_arena_t *arena,
    torus_buf_t *scratch, torus_graph_series_t *s)
{
    size_t                n;
    torus_str_t           text;
    torus_json_t          json;
    torus_graph_ahead_t  *ahead;

    if (w->format != TORUS_GRAPH_JSON || w->pretty || w->no_nulls
        || s->values == NULL)
    {
        return TORUS_OK;
    }

    ahead = torus_arena_alloc(arena, sizeof(torus_graph_ahead_t));
    if (ahead == NULL) {
        return TORUS_ERROR;
    }

    torus_buf_reset(scratch, SIZE_MAX);
    torus_json_init(&json, scratch, 0);
    torus_json_open(&json, '[');

    n = torus_graph_npoints(w, s);

    torus_json_points(&json, s->values, n, s->start, s->step);

    if (scratch->failed) {
        return TORUS_ERROR;
    }

    text = torus_str(scratch->pos + 1, torus_buf_len(scratch) - 1);

    if (torus_arena_dup(arena, text, &ahead->json) != TORUS_OK) {
        return TORUS_ERROR;
    }

    ahead->values = s->values;
    ahead->start = s->start;
    ahead->end = s->end;
    ahead->step = s->step;
    ahead->n = s->n;

    s->ahead = ahead;

    return TORUS_OK;
}


int
torus_graph_write_some(torus_graph_writer_t *w, size_t points)
{
    size_t                 n, some;
    torus_graph_series_t  *s;

    if (!w->begun) {
        w->begun = 1;

        if (w->format == TORUS_GRAPH_JSON) {
            torus_json_open(&w->json, '[');

        } else if (w->format == TORUS_GRAPH_PICKLE) {
            torus_buf_addz(w->out, "\x80\x02](");
        }
    }

    for ( /* void */ ; w->i < w->n; w->i++, w->j = 0) {
        s = w->series[w->i];

        if (w->format == TORUS_GRAPH_JSON && w->no_nulls
            && !torus_graph_has_values(s))
        {
            continue;
        }

        if (!w->open) {

            if (points == 0) {
                return w->out->failed ? TORUS_ERROR : TORUS_AGAIN;
            }

            w->open = 1;

            if (w->format == TORUS_GRAPH_JSON) {
                torus_graph_json_open(w, s);

            } else if (w->format == TORUS_GRAPH_RAW) {
                torus_graph_raw_open(w, s);

            } else if (w->format == TORUS_GRAPH_PICKLE) {
                torus_graph_pickle_open(w, s);
            }
        }

        n = torus_graph_npoints(w, s);

        if (w->j == 0 && torus_graph_is_ahead(w, s)) {
            torus_buf_adds(w->out, s->ahead->json);
            points -= points < n / 8 ? points : n / 8;
            w->j = n;
        }

        if (w->format == TORUS_GRAPH_JSON && !w->pretty && !w->no_nulls) {
            some = points < n - w->j ? points : n - w->j;

            torus_json_points(&w->json, s->values + w->j, some,
                              s->start + (int64_t) w->j * s->step, s->step);
            points -= some;
            w->j += some;
        }

        for ( /* void */ ; w->j < n; w->j++) {

            if (w->out->failed) {
                return TORUS_ERROR;
            }

            if (points == 0) {
                return TORUS_AGAIN;
            }

            points--;

            switch (w->format) {

            case TORUS_GRAPH_JSON:
                torus_graph_json_point(&w->json, s, w->j, w->no_nulls);
                break;

            case TORUS_GRAPH_RAW:
                torus_graph_raw_point(w, s);
                break;

            case TORUS_GRAPH_CSV:
                torus_graph_csv_point(w, s);
                break;

            case TORUS_GRAPH_PICKLE:
                torus_graph_pickle_double(w->out, s->values[w->j]);
            }
        }

        w->open = 0;
        points -= points < TORUS_GRAPH_HEADER ? points : TORUS_GRAPH_HEADER;

        if (w->format == TORUS_GRAPH_JSON) {
            torus_json_close(&w->json, ']');
            torus_json_close(&w->json, '}');

        } else if (w->format == TORUS_GRAPH_RAW) {
            torus_buf_addz(w->out, "\n");

        } else if (w->format == TORUS_GRAPH_PICKLE) {
            torus_buf_addz(w->out, "eu");
        }
    }

    if (w->format == TORUS_GRAPH_JSON) {
        torus_json_close(&w->json, ']');

    } else if (w->format == TORUS_GRAPH_PICKLE) {
        torus_buf_addz(w->out, "e.");
    }

    return w->out->failed ? TORUS_ERROR : TORUS_OK;
}


/* In json a point has a time, and that is not behind the end. */
static size_t
torus_graph_npoints(const torus_graph_writer_t *w,
    const torus_graph_series_t *s)
{
    size_t  n;

    if (w->format != TORUS_GRAPH_JSON) {
        return s->n;
    }

    n = s->end < s->start ? 0 : (size_t) ((s->end - s->start) / s->step) + 1;

    return n < s->n ? n : s->n;
}


/* Functions may have moved the points or made others since. */
static int
torus_graph_is_ahead(const torus_graph_writer_t *w,
    const torus_graph_series_t *s)
{
    const torus_graph_ahead_t  *a;

    a = s->ahead;

    return a != NULL && a->values == s->values && a->start == s->start
           && a->end == s->end && a->step == s->step && a->n == s->n
           && w->format == TORUS_GRAPH_JSON && !w->pretty && !w->no_nulls;
}


static int
torus_graph_has_values(const torus_graph_series_t *s)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        if (!isnan(s->values[i])) {
            return 1;
        }
    }

    return 0;
}


static void
torus_graph_json_open(torus_graph_writer_t *w, const torus_graph_series_t *s)
{
    size_t         i;
    torus_json_t  *j;

    j = &w->json;

    torus_json_open(j, '{');
    torus_json_keyz(j, "target");
    torus_json_string(j, s->name);

    torus_json_keyz(j, "tags");
    torus_json_open(j, '{');

    for (i = 0; i < s->ntags; i++) {
        torus_json_key(j, s->tags[i].key);
        torus_json_string(j, s->tags[i].value);
    }

    torus_json_close(j, '}');

    torus_json_keyz(j, "datapoints");
    torus_json_open(j, '[');
}


static void
torus_graph_json_point(torus_json_t *j, const torus_graph_series_t *s,
    size_t i, int no_nulls)
{
    double         d;
    int64_t        ts;
    torus_value_t  v;

    d = s->values[i];
    ts = s->start + (int64_t) i * s->step;

    if (!isfinite(d)) {

        if (!no_nulls || !isnan(d)) {
            torus_json_pair(j, NULL, ts);
        }

        return;
    }

    v.kind = TORUS_VALUE_DOUBLE;
    v.d = d;

    torus_json_pair(j, &v, ts);
}


static void
torus_graph_raw_open(torus_graph_writer_t *w, const torus_graph_series_t *s)
{
    torus_buf_adds(w->out, s->name);
    torus_buf_printf(w->out, ",%lld,%lld,%lld|", (long long) s->start,
                     (long long) s->end, (long long) s->step);
}


static void
torus_graph_raw_point(torus_graph_writer_t *w, const torus_graph_series_t *s)
{
    torus_graph_g_t  repr;

    if (w->j != 0) {
        torus_buf_addz(w->out, ",");
    }

    if (isnan(s->values[w->j])) {
        torus_buf_addz(w->out, "None");
        return;
    }

    repr = torus_graph_repr(s->values[w->j]);
    torus_buf_add(w->out, repr.text, strlen(repr.text));
}


static void
torus_graph_csv_point(torus_graph_writer_t *w, const torus_graph_series_t *s)
{
    int64_t          ts;
    torus_graph_g_t  repr;

    ts = s->start + (int64_t) w->j * s->step;

    torus_csv_field(w->out, s->name);
    torus_buf_addz(w->out, ",");
    torus_graph_csv_time(w->out, ts + torus_tz_offset(w->tz, ts));
    torus_buf_addz(w->out, ",");

    if (!isnan(s->values[w->j])) {
        repr = torus_graph_repr(s->values[w->j]);
        torus_buf_add(w->out, repr.text, strlen(repr.text));
    }

    torus_buf_addz(w->out, "\r\n");
}


/* "2023-11-14 22:13:20" of a clock that began in 1970 */
static void
torus_graph_csv_time(torus_buf_t *out, int64_t local)
{
    int      second;
    int64_t  day, era, year, month;

    second = (int) (((local % 86400) + 86400) % 86400);

    /* days since 0000-03-01, in eras of 400 years */
    day = (local - second) / 86400 + 719468;
    era = (day >= 0 ? day : day - 146096) / 146097;
    day -= era * 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;

    month = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (month <= 2);

    torus_buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d", (int) year,
                     (int) month, (int) day + 1, second / 3600,
                     second / 60 % 60, second % 60);
}


static void
torus_graph_pickle_open(torus_graph_writer_t *w,
    const torus_graph_series_t *s)
{
    torus_buf_t  *out;

    out = w->out;

    torus_buf_addz(out, "}(");

    torus_graph_pickle_text(out, torus_str("name", 4));
    torus_graph_pickle_text(out, s->name);
    torus_graph_pickle_text(out, torus_str("pathExpression", 14));
    torus_graph_pickle_text(out, s->path);
    torus_graph_pickle_text(out, torus_str("start", 5));
    torus_graph_pickle_int(out, s->start);
    torus_graph_pickle_text(out, torus_str("end", 3));
    torus_graph_pickle_int(out, s->end);
    torus_graph_pickle_text(out, torus_str("step", 4));
    torus_graph_pickle_int(out, s->step);
    torus_graph_pickle_text(out, torus_str("values", 6));

    torus_buf_addz(out, "](");
}


/* As UTF-8, which the reader insists on; other bytes become U+FFFD. */
static void
torus_graph_pickle_text(torus_buf_t *out, torus_str_t s)
{
    int            valid, pass;
    size_t         i, n, len;
    unsigned char  head[5];

    len = 0;

    for (pass = 0; pass < 2; pass++) {

        for (i = 0; i < s.len; i += n) {
            n = torus_graph_pickle_utf8(s, i, &valid);

            if (pass == 0) {
                len += valid ? n : 3;

            } else if (valid) {
                torus_buf_add(out, s.data + i, n);

            } else {
                torus_buf_addz(out, "\xef\xbf\xbd");
            }
        }

        if (pass == 0) {
            head[0] = 'X';
            head[1] = (unsigned char) len;
            head[2] = (unsigned char) (len >> 8);
            head[3] = (unsigned char) (len >> 16);
            head[4] = (unsigned char) (len >> 24);

            torus_buf_add(out, head, 5);
        }
    }
}


/* How many bytes go together. */
static size_t
torus_graph_pickle_utf8(torus_str_t s, size_t at, int *valid)
{
    size_t         i, n;
    uint32_t       c;
    unsigned char  b;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    b = s.data[at];

    *valid = 1;

    if (b < 0x80) {

        /* plain text in one go */
        for (i = at; i < s.len && s.data[i] < 0x80; i++) { /* void */ }

        return i - at;
    }

    n = (b & 0xe0) == 0xc0 ? 2 : (b & 0xf0) == 0xe0 ? 3
        : (b & 0xf8) == 0xf0 ? 4 : 0;

    *valid = 0;

    if (n == 0 || s.len - at < n) {
        return 1;
    }

    c = b & (0x7fu >> n);

    for (i = 1; i < n; i++) {

        if ((s.data[at + i] & 0xc0) != 0x80) {
            return 1;
        }

        c = (c << 6) | (s.data[at + i] & 0x3f);
    }

    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 1;
    }

    *valid = 1;

    return n;
}


static void
torus_graph_pickle_int(torus_buf_t *out, int64_t i)
{
    size_t         n, k;
    unsigned char  text[10];

    if (i >= INT32_MIN && i <= INT32_MAX) {
        text[0] = 'J';
        n = 1;

    } else {
        text[0] = 0x8a;
        text[1] = 8;
        n = 2;
    }

    for (k = 0; k < (n == 1 ? 4u : 8u); k++) {
        text[n + k] = (unsigned char) ((uint64_t) i >> (8 * k));
    }

    torus_buf_add(out, text, n + k);
}


static void
torus_graph_pickle_double(torus_buf_t *out, double d)
{
    int            k;
    uint64_t       bits;
    unsigned char  text[9];

    if (isnan(d)) {
        torus_buf_addz(out, "N");
        return;
    }

    memcpy(&bits, &d, sizeof(bits));

    text[0] = 'G';

    for (k = 0; k < 8; k++) {
        text[1 + k] = (unsigned char) (bits >> (56 - 8 * k));
    }

    torus_buf_add(out, text, 9);
}


/* /metrics/find */


int
torus_graph_find_format(torus_str_t name, torus_graph_find_format_t *format)
{
    size_t  i;

    static const char *const  names[] = {
        "treejson", "completer", "nodelist", "json", "pickle"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (torus_str_is(name, names[i])) {
            *format = (torus_graph_find_format_t) i;
            return TORUS_OK;
        }
    }

    return TORUS_DECLINED;
}


void
torus_graph_find_start(torus_graph_finder_t *w, torus_buf_t *out,
    const torus_graph_find_t *find, torus_graph_hit_t *hits,
    torus_graph_hit_t *spare, size_t n)
{
    memset(w, 0, sizeof(torus_graph_finder_t));

    w->find = find;
    w->out = out;
    w->hits = hits;
    w->n = n;
    w->leaves = 1;

    torus_json_init(&w->json, out, find->pretty);

    torus_sort_start(&w->sort, hits, spare, n, sizeof(torus_graph_hit_t),
                     find->format == TORUS_GRAPH_FIND_TREEJSON
                     || find->format == TORUS_GRAPH_FIND_COMPLETER
                     ? torus_graph_hit_by_name : torus_graph_hit_by_path);
}


int
torus_graph_find_some(torus_graph_finder_t *w, torus_work_t *work)
{
    int  rc;

    if (w->phase == TORUS_GRAPH_FIND_LOOK) {
        rc = torus_graph_find_look(w, work);

        if (rc != TORUS_OK) {
            return rc;
        }

        w->phase++;
    }

    if (w->phase == TORUS_GRAPH_FIND_SORT) {
        rc = torus_sort_run(&w->sort, work);

        if (rc != TORUS_OK) {
            return rc;
        }

        torus_graph_find_open(w);
        w->phase++;
        w->i = 0;
    }

    /* branches first: only a tree needs a second look at them */

    while (w->phase == TORUS_GRAPH_FIND_FIRST
           || w->phase == TORUS_GRAPH_FIND_SECOND)
    {
        while (w->i < w->n) {

            if (torus_work_over(work)) {
                return w->out->failed ? TORUS_ERROR : TORUS_AGAIN;
            }

            torus_graph_find_hit(w, work);
        }

        w->phase++;
        w->i = 0;

        if (w->find->format != TORUS_GRAPH_FIND_TREEJSON) {
            w->phase = TORUS_GRAPH_FIND_END;
        }
    }

    torus_graph_find_close(w);

    return w->out->failed ? TORUS_ERROR : TORUS_OK;
}


/* What has to be known before the first is written; nodes out of paths. */
static int
torus_graph_find_look(torus_graph_finder_t *w, torus_work_t *work)
{
    torus_graph_hit_t  *hit;

    for ( /* void */ ; w->i < w->n; w->i++) {

        if (torus_work_over(work)) {
            return TORUS_AGAIN;
        }

        torus_work_did(work, 4);

        hit = &w->hits[w->i];

        if (!hit->leaf) {
            w->leaves = 0;
        }

        if (w->find->format == TORUS_GRAPH_FIND_NODELIST) {
            hit->leaf = 0;
            hit->path = torus_graph_hit_node(hit->path, w->find->position);
        }
    }

    return TORUS_OK;
}


static void
torus_graph_find_open(torus_graph_finder_t *w)
{
    torus_json_t  *j;

    j = &w->json;

    if (w->find->format == TORUS_GRAPH_FIND_PICKLE) {
        torus_buf_addz(w->out, "\x80\x02](");
        return;
    }

    if (w->find->format == TORUS_GRAPH_FIND_COMPLETER
        || w->find->format == TORUS_GRAPH_FIND_NODELIST)
    {
        torus_json_open(j, '{');
        torus_json_key(j, w->find->format == TORUS_GRAPH_FIND_NODELIST
                          ? torus_str("nodes", 5) : torus_str("metrics", 7));
    }

    torus_json_open(j, '[');

    if (w->find->format == TORUS_GRAPH_FIND_TREEJSON && w->find->wildcards
        && w->n > 1)
    {
        torus_graph_tree_node(j, torus_graph_find_base(w->find),
                              torus_str("*", 1), w->leaves);
    }
}


static void
torus_graph_find_close(torus_graph_finder_t *w)
{
    torus_json_t  *j;

    j = &w->json;

    if (w->find->format == TORUS_GRAPH_FIND_PICKLE) {
        torus_buf_addz(w->out, "e.");
        return;
    }

    if (w->find->format == TORUS_GRAPH_FIND_COMPLETER && w->find->wildcards
        && w->n > 1)
    {
        torus_json_open(j, '{');
        torus_json_keyz(j, "name");
        torus_json_string(j, torus_str("*", 1));
        torus_json_close(j, '}');
    }

    torus_json_close(j, ']');

    if (w->find->format == TORUS_GRAPH_FIND_COMPLETER
        || w->find->format == TORUS_GRAPH_FIND_NODELIST)
    {
        torus_json_close(j, '}');
    }
}


/* The hit at the cursor, with those of the same name in a tree. */
static void
torus_graph_find_hit(torus_graph_finder_t *w, torus_work_t *work)
{
    const torus_graph_hit_t  *hit;

    hit = &w->hits[w->i];

    torus_work_did(work, 40 + hit->path.len / 4);

    switch (w->find->format) {

    case TORUS_GRAPH_FIND_TREEJSON:
        torus_graph_find_tree(w, work);
        return;

    case TORUS_GRAPH_FIND_COMPLETER:
        torus_graph_find_completer(&w->json, hit);
        break;

    case TORUS_GRAPH_FIND_NODELIST:
        if (hit->path.len != 0
            && (w->i == 0 || !torus_str_eq(hit->path, hit[-1].path)))
        {
            torus_json_string(&w->json, hit->path);
        }

        break;

    case TORUS_GRAPH_FIND_PICKLE:
        torus_graph_find_pickle(w->out, hit);
        break;

    default:
        torus_graph_find_json(&w->json, hit);
    }

    w->i++;
}


static torus_str_t
torus_graph_hit_name(const torus_graph_hit_t *hit)
{
    size_t  i;

    for (i = hit->path.len; i > 0 && hit->path.data[i - 1] != '.'; i--) {
        /* void */
    }

    return torus_str(hit->path.data + i, hit->path.len - i);
}


/* By the last node; of one path the branch before the leaf. */
static int
torus_graph_hit_by_name(const void *one, const void *two)
{
    int                       rc;
    const torus_graph_hit_t  *a, *b;

    a = one;
    b = two;

    rc = torus_str_cmp(torus_graph_hit_name(a), torus_graph_hit_name(b));

    return rc != 0 ? rc : torus_graph_hit_by_path(one, two);
}


static int
torus_graph_hit_by_path(const void *one, const void *two)
{
    int                       rc;
    const torus_graph_hit_t  *a, *b;

    a = one;
    b = two;

    rc = torus_str_cmp(a->path, b->path);

    return rc != 0 ? rc : (int) a->leaf - (int) b->leaf;
}


static torus_str_t
torus_graph_find_base(const torus_graph_find_t *find)
{
    torus_str_t  base;

    base = find->query;

    while (base.len != 0 && base.data[base.len - 1] != '.') {
        base.len--;
    }

    return base;
}


/*
 * One entry per last node, branches first; a name that is both is a branch,
 * so that one can go on from there.
 */
static void
torus_graph_find_tree(torus_graph_finder_t *w, torus_work_t *work)
{
    int          leaf;
    size_t       k;
    torus_str_t  name;

    name = torus_graph_hit_name(&w->hits[w->i]);
    leaf = 1;

    for (k = w->i;
         k < w->n && torus_str_eq(torus_graph_hit_name(&w->hits[k]), name);
         k++)
    {
        leaf &= w->hits[k].leaf;
        torus_work_did(work, 4);
    }

    if (leaf == (w->phase == TORUS_GRAPH_FIND_SECOND)) {
        torus_graph_tree_node(&w->json, torus_graph_find_base(w->find), name,
                              leaf);
    }

    w->i = k;
}


static void
torus_graph_tree_node(torus_json_t *j, torus_str_t base, torus_str_t name,
    int leaf)
{
    torus_buf_t  id;

    torus_buf_init_on(&id, j->out->account);
    torus_buf_adds(&id, base);
    torus_buf_adds(&id, name);

    if (id.failed) {
        j->out->failed = 1;
    }

    torus_json_open(j, '{');
    torus_json_keyz(j, "text");
    torus_json_string(j, name);
    torus_json_keyz(j, "id");
    torus_json_string(j, torus_str(id.pos, torus_buf_len(&id)));
    torus_json_keyz(j, "allowChildren");
    torus_json_int(j, !leaf);
    torus_json_keyz(j, "expandable");
    torus_json_int(j, !leaf);
    torus_json_keyz(j, "leaf");
    torus_json_int(j, leaf);
    torus_json_close(j, '}');

    torus_buf_free(&id);
}


static void
torus_graph_find_completer(torus_json_t *j, const torus_graph_hit_t *hit)
{
    torus_buf_t  path;

    torus_buf_init_on(&path, j->out->account);
    torus_buf_adds(&path, hit->path);

    if (!hit->leaf) {
        torus_buf_addz(&path, ".");
    }

    if (path.failed) {
        j->out->failed = 1;
    }

    torus_json_open(j, '{');
    torus_json_keyz(j, "path");
    torus_json_string(j, torus_str(path.pos, torus_buf_len(&path)));
    torus_json_keyz(j, "name");
    torus_json_string(j, torus_graph_hit_name(hit));
    torus_json_keyz(j, "is_leaf");
    torus_json_string(j, torus_str(hit->leaf ? "1" : "0", 1));
    torus_json_close(j, '}');

    torus_buf_free(&path);
}


/* The node at a position; a path that is too short has none. */
static torus_str_t
torus_graph_hit_node(torus_str_t path, int position)
{
    int     n;
    size_t  i, start;

    n = 1;

    for (i = 0; i < path.len; i++) {
        n += (path.data[i] == '.');
    }

    if (position < 0) {
        position += n;
    }

    if (position < 0 || position >= n) {
        return torus_str(NULL, 0);
    }

    for (i = 0; position > 0; i++) {
        position -= (path.data[i] == '.');
    }

    for (start = i; i < path.len && path.data[i] != '.'; i++) { /* void */ }

    return torus_str(path.data + start, i - start);
}


static void
torus_graph_find_json(torus_json_t *j, const torus_graph_hit_t *hit)
{
    torus_json_open(j, '{');
    torus_json_keyz(j, "path");
    torus_json_string(j, hit->path);
    torus_json_keyz(j, "is_leaf");
    torus_json_bool(j, hit->leaf);

    if (hit->leaf) {
        torus_json_keyz(j, "intervals");
        torus_json_open(j, '[');
        torus_json_open(j, '{');
        torus_json_keyz(j, "start");
        torus_json_int(j, hit->start);
        torus_json_keyz(j, "end");
        torus_json_int(j, hit->end);
        torus_json_close(j, '}');
        torus_json_close(j, ']');
    }

    torus_json_close(j, '}');
}


static void
torus_graph_find_pickle(torus_buf_t *out, const torus_graph_hit_t *hit)
{
    torus_buf_addz(out, "}(");
    torus_graph_pickle_text(out, torus_str("path", 4));
    torus_graph_pickle_text(out, hit->path);
    torus_graph_pickle_text(out, torus_str("is_leaf", 7));
    torus_buf_add(out, hit->leaf ? "\x88" : "\x89", 1);

    if (hit->leaf) {
        torus_graph_pickle_text(out, torus_str("intervals", 9));
        torus_buf_addz(out, "](](");
        torus_graph_pickle_int(out, hit->start);
        torus_graph_pickle_int(out, hit->end);
        torus_buf_addz(out, "ee");
    }

    torus_buf_addz(out, "u");
}
