/*
 * The formats of /series.  What is written never waits for what is still to
 * be read, but for a gap that "fill=linear" has to see the end of; of that
 * only its place and length are kept.
 */

#include "torus_answer.h"
#include "torus_csv.h"

#include <math.h>


#define TORUS_ANSWER_GAP  4096   /* points of a gap written at a time */


static void torus_answer_head(torus_answer_t *a);
static void torus_answer_subbuckets(torus_answer_t *a,
    torus_bucket_t *bucket, int *failed);
static int torus_answer_container(torus_answer_t *a, torus_row_t *row,
    double seconds);
static void torus_answer_spread(torus_answer_t *a, const torus_row_t *row,
    double seconds);
static int torus_answer_number(torus_answer_t *a, torus_row_t *row,
    double seconds, torus_value_t *v);
static int torus_answer_missing(torus_answer_t *a, torus_bucket_t *bucket);
static int torus_answer_found(torus_answer_t *a, int64_t ts,
    const torus_value_t *v);
static int torus_answer_gap(torus_answer_t *a, const torus_value_t *v,
    int64_t ts);
static void torus_answer_point(torus_answer_t *a, int64_t ts,
    const torus_value_t *v);
static void torus_answer_csv(torus_answer_t *a, int64_t ts,
    const torus_value_t *v);
static int64_t torus_answer_start(const torus_answer_t *a, int64_t bucket);
static int torus_answer_caseless(torus_str_t a, torus_str_t b);


static const torus_format_t  torus_formats[] = {
    { torus_string("graphite"), torus_string("application/json"), 1, 0 },
    { torus_string("json"),     torus_string("application/json"), 0, 0 },
    { torus_string("csv"),      torus_string("text/csv"), 1, 1 }
};


const torus_format_t *
torus_format_find(torus_str_t name)
{
    size_t  i;

    if (name.len == 0) {
        return &torus_formats[0];
    }

    for (i = 0; i < sizeof(torus_formats) / sizeof(torus_formats[0]); i++) {

        if (torus_answer_caseless(name, torus_formats[i].name)) {
            return &torus_formats[i];
        }
    }

    return NULL;
}


int
torus_answer_subs(const torus_read_t *read, const torus_format_t *format)
{
    const torus_query_t  *query;

    query = read->spec->query;

    return !format->pairs && !query->condense && !query->collapse
           && !read->interval->coarse;
}


void
torus_answer_begin(torus_answer_t *a, const torus_query_t *query,
    torus_buf_t *out)
{
    memset(a, 0, sizeof(torus_answer_t));

    a->query = query;

    torus_json_init(&a->json, out, query->pretty);

    if (query->format->csv) {
        torus_buf_addz(out, "stat,timestamp,value\r\n");
        return;
    }

    torus_json_open(&a->json, '[');
}


void
torus_answer_open(torus_answer_t *a, const torus_read_t *read)
{
    double  param;

    a->read = read;
    a->function = read->spec->function;
    a->has_previous = 0;
    a->ngap = 0;

    if (a->function == NULL && a->query->format->pairs) {
        a->function = torus_function_find(torus_str("mean", 4), &param);
    }

    a->container = 0;

    if (read->schema != NULL && !a->query->format->pairs) {

        if (a->function == NULL) {
            a->container = read->schema->type != TORUS_COUNT
                           && read->schema->type != TORUS_GAUGE;

        } else {
            a->container = a->function->spread
                           && read->schema->type == TORUS_HISTOGRAM;
        }
    }

    if (!a->query->format->csv) {
        torus_answer_head(a);
    }
}


int
torus_answer_bucket(torus_answer_t *a, torus_arena_t *arena,
    torus_bucket_t *bucket)
{
    int            rc, failed;
    int64_t        ts;
    torus_value_t  v;

    a->arena = arena;
    ts = torus_answer_start(a, bucket->bucket);

    if (a->resuming) {
        v = a->right;
        return torus_answer_found(a, ts, &v);
    }

    if (torus_answer_subs(a->read, a->query->format)) {

        if (bucket->nsubs != 0
            || a->read->spec->query->fill != TORUS_FILL_NONE)
        {
            failed = 0;
            torus_answer_subbuckets(a, bucket, &failed);
            return failed ? TORUS_ERROR : TORUS_OK;
        }

        return TORUS_OK;
    }

    if (!bucket->row.present) {
        return torus_answer_missing(a, bucket);
    }

    if (a->container) {
        torus_json_key_int(&a->json, ts);
        a->points++;

        return torus_answer_container(a, &bucket->row, bucket->seconds);
    }

    rc = torus_answer_number(a, &bucket->row, bucket->seconds, &v);

    if (rc == TORUS_DECLINED) {
        return torus_answer_missing(a, bucket);
    }

    return rc == TORUS_OK ? torus_answer_found(a, ts, &v) : rc;
}


int
torus_answer_close(torus_answer_t *a)
{
    int  array;

    if (torus_answer_gap(a, NULL, 0) == TORUS_AGAIN) {
        return TORUS_AGAIN;
    }

    if (a->query->format->csv) {
        return TORUS_OK;
    }

    array = a->query->format->pairs || a->read->schema == NULL;

    torus_json_close(&a->json, array ? ']' : '}');
    torus_json_close(&a->json, '}');

    return TORUS_OK;
}


void
torus_answer_end(torus_answer_t *a)
{
    if (a->query->format->csv) {
        return;
    }

    torus_json_close(&a->json, ']');
    torus_buf_addz(a->json.out, "\n");
}


/* What comes before the datapoints.  No schema: no keys of a schema. */
static void
torus_answer_head(torus_answer_t *a)
{
    int                  array;
    torus_json_t        *j;
    const torus_spec_t  *spec;

    j = &a->json;
    spec = a->read->spec;

    torus_json_open(j, '{');

    torus_json_keyz(j, "stat");
    torus_json_string(j, spec->text);
    torus_json_keyz(j, "stat_name");
    torus_json_string(j, spec->joined);
    torus_json_keyz(j, "target");
    torus_json_string(j, spec->joined);

    if (a->function != NULL) {
        torus_json_keyz(j, "function");
        torus_json_string(j, spec->fname.len != 0 ? spec->fname
                                                  : a->function->name);
    }

    if (a->read->schema != NULL) {
        torus_json_keyz(j, "schema");
        torus_json_string(j, a->read->schema->name);
        torus_json_keyz(j, "interval");
        torus_json_string(j, a->read->interval->name);
    }

    array = a->query->format->pairs || a->read->schema == NULL;

    torus_json_keyz(j, "datapoints");
    torus_json_open(j, array ? '[' : '{');
}


static void
torus_answer_subbuckets(torus_answer_t *a, torus_bucket_t *bucket,
    int *failed)
{
    int                  rc;
    size_t               i;
    int64_t              ts;
    double               seconds;
    torus_sub_t         *sub;
    torus_value_t        v;
    const torus_step_t  *step;

    step = &a->read->interval->resolution;

    ts = torus_answer_start(a, bucket->bucket);

    torus_json_key_int(&a->json, ts);
    torus_json_open(&a->json, '{');

    for (i = 0; i < bucket->nsubs; i++) {
        sub = &bucket->subs[i];
        seconds = (double) torus_step_length(step, sub->bucket);

        torus_json_key_int(&a->json, torus_step_start(step, sub->bucket));
        a->points++;

        if (a->container) {
            rc = torus_answer_container(a, &sub->row, seconds);

        } else {
            rc = torus_answer_number(a, &sub->row, seconds, &v);

            if (rc == TORUS_OK) {
                torus_json_value(&a->json, &v);

            } else {
                torus_json_null(&a->json);
            }
        }

        if (rc == TORUS_ERROR) {
            *failed = 1;
        }
    }

    torus_json_close(&a->json, '}');
}


/* A list of values, or an object of values and their occurrences. */
static int
torus_answer_container(torus_answer_t *a, torus_row_t *row, double seconds)
{
    size_t          i;
    torus_json_t   *j;
    unsigned char   text[TORUS_NUMBER_SIZE];
    torus_value_t  *v;

    j = &a->json;

    torus_row_fold(row);

    if (a->function != NULL) {
        torus_answer_spread(a, row, seconds);
        return TORUS_OK;
    }

    if (row->type != TORUS_HISTOGRAM) {
        torus_json_open(j, '[');

        for (i = 0; i < row->nitems; i++) {
            torus_json_value(j, &row->items[i].value);
        }

        torus_json_close(j, ']');

        return TORUS_OK;
    }

    torus_json_open(j, '{');

    for (i = 0; i < row->nitems; i++) {
        v = &row->items[i].value;

        torus_json_key(j, v->kind == TORUS_VALUE_TEXT ? v->text
                          : torus_str(text, torus_number_print(text, v)));
        torus_json_int(j, row->items[i].n);
    }

    torus_json_close(j, '}');

    return TORUS_OK;
}


/* A histogram's rate: that of each value. */
static void
torus_answer_spread(torus_answer_t *a, const torus_row_t *row,
    double seconds)
{
    size_t          i;
    torus_value_t   rate, *v;
    unsigned char   text[TORUS_NUMBER_SIZE];

    memset(&rate, 0, sizeof(torus_value_t));
    rate.kind = TORUS_VALUE_DOUBLE;

    torus_json_open(&a->json, '{');

    for (i = 0; i < row->nitems; i++) {
        v = &row->items[i].value;
        rate.d = (double) row->items[i].n / seconds;

        torus_json_key(&a->json, v->kind == TORUS_VALUE_TEXT ? v->text
                       : torus_str(text, torus_number_print(text, v)));
        torus_json_value(&a->json, &rate);
    }

    torus_json_close(&a->json, '}');
}


/* TORUS_DECLINED: there is no number, or none that can be written. */
static int
torus_answer_number(torus_answer_t *a, torus_row_t *row, double seconds,
    torus_value_t *v)
{
    int           rc;
    torus_call_t  call;

    if (a->function != NULL) {
        call.arena = a->arena;
        call.seconds = seconds;
        call.param = a->read->spec->param;
        call.expr = a->read->spec->expr;
        call.skipped = &a->skipped;

        rc = torus_function_apply(a->function, &call, row, v);
        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        if (row->type == TORUS_GAUGE && !row->present) {
            return TORUS_DECLINED;
        }

        *v = row->number;
    }

    if (v->kind == TORUS_VALUE_TEXT && a->query->format->pairs) {
        return TORUS_DECLINED;
    }

    if (v->kind == TORUS_VALUE_DOUBLE && !isfinite(v->d)) {
        return TORUS_DECLINED;
    }

    return TORUS_OK;
}


static int
torus_answer_missing(torus_answer_t *a, torus_bucket_t *bucket)
{
    int            rc;
    int64_t        ts;
    torus_value_t  v;

    ts = torus_answer_start(a, bucket->bucket);

    if (a->read->spec->query->fill == TORUS_FILL_NONE) {
        return TORUS_OK;
    }

    if (a->container) {
        torus_json_key_int(&a->json, ts);
        a->points++;

        return torus_answer_container(a, &bucket->row, bucket->seconds);
    }

    switch (a->read->spec->query->fill) {

    case TORUS_FILL_NUMBER:
        torus_answer_point(a, ts, &a->read->spec->query->number);
        return TORUS_OK;

    case TORUS_FILL_PREVIOUS:
        torus_answer_point(a, ts, a->has_previous ? &a->previous : NULL);
        return TORUS_OK;

    case TORUS_FILL_LINEAR:

        if (!a->has_previous) {
            torus_answer_point(a, ts, NULL);

        } else if (a->ngap++ == 0) {
            a->gap = bucket->bucket;
        }

        return TORUS_OK;

    default:
        break;
    }

    if (a->query->format->pairs) {
        torus_answer_point(a, ts, NULL);
        return TORUS_OK;
    }

    rc = torus_answer_number(a, &bucket->row, bucket->seconds, &v);

    if (rc != TORUS_ERROR) {
        torus_answer_point(a, ts, rc == TORUS_OK ? &v : NULL);
        rc = TORUS_OK;
    }

    return rc;
}


static int
torus_answer_found(torus_answer_t *a, int64_t ts, const torus_value_t *v)
{
    a->right = *v;
    a->resuming = torus_answer_gap(a, v, ts) == TORUS_AGAIN;

    if (a->resuming) {
        return TORUS_AGAIN;
    }

    torus_answer_point(a, ts, v);

    /* of a text nothing is kept: it lives no longer than its slice */

    a->has_previous = v->kind != TORUS_VALUE_TEXT;
    a->previous = *v;
    a->previous_ts = ts;

    return TORUS_OK;
}


/* The waiting gap, with its right end v at ts or none; or a piece of it. */
static int
torus_answer_gap(torus_answer_t *a, const torus_value_t *v, int64_t ts)
{
    double         x, y, part;
    int64_t        i, bucket, at;
    torus_value_t  point;

    memset(&point, 0, sizeof(torus_value_t));
    point.kind = TORUS_VALUE_DOUBLE;

    bucket = a->gap;

    for (i = 0; a->ngap != 0; i++, a->ngap--) {

        if (i == TORUS_ANSWER_GAP) {
            a->gap = bucket;
            return TORUS_AGAIN;
        }

        at = torus_answer_start(a, bucket);

        if (v == NULL || v->kind == TORUS_VALUE_TEXT) {
            torus_answer_point(a, at, NULL);

        } else {
            x = torus_number_double(&a->previous);
            y = torus_number_double(v);

            point.d = x + (y - x) * (double) (at - a->previous_ts)
                          / (double) (ts - a->previous_ts);

            if (!isfinite(point.d)) {
                part = (double) (at - a->previous_ts)
                       / (double) (ts - a->previous_ts);
                point.d = x * (1 - part) + y * part;
            }

            torus_answer_point(a, at, &point);
        }

        bucket = torus_step_add(&a->read->interval->step, bucket, 1);
    }

    return TORUS_OK;
}


static void
torus_answer_point(torus_answer_t *a, int64_t ts, const torus_value_t *v)
{
    a->points++;

    if (a->query->format->csv) {
        torus_answer_csv(a, ts, v);
        return;
    }

    if (a->query->format->pairs) {
        torus_json_pair(&a->json, v, ts);
        return;
    }

    torus_json_key_int(&a->json, ts);

    if (v != NULL) {
        torus_json_value(&a->json, v);

    } else {
        torus_json_null(&a->json);
    }
}


static void
torus_answer_csv(torus_answer_t *a, int64_t ts, const torus_value_t *v)
{
    size_t          n;
    unsigned char   text[TORUS_NUMBER_SIZE];
    torus_buf_t    *out;

    out = a->json.out;

    torus_csv_field(out, a->read->spec->text);

    n = torus_number_print_int(text, ts);

    torus_buf_addz(out, ",");
    torus_buf_add(out, text, n);
    torus_buf_addz(out, ",");

    if (v != NULL) {
        torus_buf_add(out, text, torus_number_print(text, v));
    }

    torus_buf_addz(out, "\r\n");
}


static int64_t
torus_answer_start(const torus_answer_t *a, int64_t bucket)
{
    return torus_step_start(&a->read->interval->step, bucket);
}


static int
torus_answer_caseless(torus_str_t a, torus_str_t b)
{
    size_t         i;
    unsigned char  c;

    if (a.len != b.len) {
        return 0;
    }

    for (i = 0; i < a.len; i++) {
        c = a.data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != b.data[i]) {
            return 0;
        }
    }

    return 1;
}
