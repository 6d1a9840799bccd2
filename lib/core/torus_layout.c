/*
 * Keys of both layouts, to and from.  The write path and the plan of a
 * query compose them, listings take them apart, so the three cannot disagree.
 *
 * A name may hold colons, and so may a prefix: a key is therefore read from
 * its right end, and believed only where the numbers are ones that the
 * interval's steps can make.
 */

#include "torus_layout.h"


static int torus_layout_parse_coarse(const torus_schema_t *schema,
    torus_str_t key, torus_layout_key_t *parsed);
static int torus_layout_parse_fine(const torus_schema_t *schema,
    torus_str_t key, torus_layout_key_t *parsed);
static int torus_layout_own(const torus_schema_t *schema, torus_str_t key,
    torus_str_t stat);
static int torus_layout_within(const torus_interval_t *iv, int64_t bucket,
    int64_t sub);
static int torus_layout_cut(torus_str_t *s, torus_str_t *field);
static int torus_layout_number(torus_str_t s, int64_t *n);


size_t
torus_layout_key(unsigned char *dst, torus_str_t stem,
    const torus_interval_t *iv, int64_t bucket)
{
    size_t  len;

    len = torus_layout_head(dst, stem, iv);

    return len + torus_number_print_int(dst + len, bucket);
}


size_t
torus_layout_head(unsigned char *dst, torus_str_t stem,
    const torus_interval_t *iv)
{
    unsigned char  *p;

    p = dst;

    memcpy(p, stem.data, stem.len);
    p += stem.len;

    memcpy(p, iv->name.data, iv->name.len);
    p += iv->name.len;

    *p++ = ':';

    return (size_t) (p - dst);
}


size_t
torus_layout_subkey(unsigned char *dst, size_t len, int64_t bucket)
{
    dst[len++] = ':';

    return len + torus_number_print_int(dst + len, bucket);
}


int
torus_layout_subkeys(const torus_interval_t *iv)
{
    return !iv->coarse && !iv->packed;
}


void
torus_layout_places(torus_layout_places_t *places, const torus_interval_t *iv,
    int64_t bucket)
{
    int64_t  start, last;

    start = torus_step_start(&iv->step, bucket);
    last = start + torus_step_length(&iv->step, bucket) - 1;

    places->first = torus_step_bucket(&iv->resolution, start);
    places->n = torus_step_count(&iv->resolution, places->first,
                                 torus_step_bucket(&iv->resolution, last));
}


size_t
torus_layout_place(unsigned char *dst, const torus_interval_t *iv,
    int64_t bucket, int64_t sub)
{
    int64_t  first;

    first = torus_step_bucket(&iv->resolution,
                              torus_step_start(&iv->step, bucket));

    return torus_number_print_int(dst, torus_step_count(&iv->resolution,
                                                        first, sub) - 1);
}


int
torus_layout_placed(torus_str_t text, int64_t *place, torus_str_t *value)
{
    int64_t  n;
    size_t   i;

    n = 0;

    for (i = 0; i < text.len && i < 18; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        n = n * 10 + (text.data[i] - '0');
    }

    if (i == 0 || (i > 1 && text.data[0] == '0')) {
        return TORUS_DECLINED;
    }

    *place = n;

    if (value == NULL) {
        return i == text.len ? TORUS_OK : TORUS_DECLINED;
    }

    if (i == text.len || text.data[i] != ':') {
        return TORUS_DECLINED;
    }

    *value = torus_str(text.data + i + 1, text.len - i - 1);

    return TORUS_OK;
}


int
torus_layout_parse(const torus_schema_t *schema, torus_str_t key,
    torus_layout_key_t *parsed)
{
    torus_str_t  rest;

    if (key.len < schema->prefix.len
        || !torus_str_eq(torus_str(key.data, schema->prefix.len),
                         schema->prefix))
    {
        return TORUS_DECLINED;
    }

    rest = torus_str(key.data + schema->prefix.len,
                     key.len - schema->prefix.len);

    memset(parsed, 0, sizeof(torus_layout_key_t));

    /* three fields that agree say more than two */

    if (torus_layout_parse_fine(schema, rest, parsed) != TORUS_OK
        && torus_layout_parse_coarse(schema, rest, parsed) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    return torus_layout_own(schema, key, parsed->stat) ? TORUS_DECLINED
                                                       : TORUS_OK;
}


/* <stat>:<interval>:<bucket> */
static int
torus_layout_parse_coarse(const torus_schema_t *schema, torus_str_t key,
    torus_layout_key_t *parsed)
{
    torus_str_t  bucket, name;

    if (!torus_layout_cut(&key, &bucket) || !torus_layout_cut(&key, &name)) {
        return TORUS_DECLINED;
    }

    parsed->interval = torus_schema_interval(schema, name);

    if (parsed->interval == NULL
        || key.len == 0
        || !torus_layout_number(bucket, &parsed->bucket)
        || !torus_step_valid(&parsed->interval->step, parsed->bucket))
    {
        return TORUS_DECLINED;
    }

    parsed->stat = key;
    parsed->sub = 0;
    parsed->has_sub = 0;

    return TORUS_OK;
}


/* <stat>:<interval>:<bucket>:<resolution bucket> */
static int
torus_layout_parse_fine(const torus_schema_t *schema, torus_str_t key,
    torus_layout_key_t *parsed)
{
    torus_str_t  sub;

    if (!torus_layout_cut(&key, &sub)
        || torus_layout_parse_coarse(schema, key, parsed) != TORUS_OK
        || !torus_layout_subkeys(parsed->interval)
        || !torus_layout_number(sub, &parsed->sub)
        || !torus_step_valid(&parsed->interval->resolution, parsed->sub)
        || !torus_layout_within(parsed->interval, parsed->bucket, parsed->sub))
    {
        return TORUS_DECLINED;
    }

    parsed->has_sub = 1;

    return TORUS_OK;
}


/*
 * Ours is what begins with "torus:", unless the schema has that prefix
 * itself, or the whole of it is a stat that somebody named "torus".
 */
static int
torus_layout_own(const torus_schema_t *schema, torus_str_t key,
    torus_str_t stat)
{
    size_t  n;

    n = sizeof(TORUS_LAYOUT_OWN) - 1;

    if (key.len < n || memcmp(key.data, TORUS_LAYOUT_OWN, n) != 0) {
        return 0;
    }

    return schema->prefix.len < n
           && !(schema->prefix.len == 0 && stat.len == n - 1);
}


/* Do the two have a second in common?  A resolution need not divide a step. */
static int
torus_layout_within(const torus_interval_t *iv, int64_t bucket, int64_t sub)
{
    int64_t  ahead;

    ahead = torus_step_start(&iv->resolution, sub)
            - torus_step_start(&iv->step, bucket);

    return ahead < torus_step_length(&iv->step, bucket)
           && -ahead < torus_step_length(&iv->resolution, sub);
}


/* Cuts the last field off s, and its colon. */
static int
torus_layout_cut(torus_str_t *s, torus_str_t *field)
{
    size_t  i;

    for (i = s->len; i > 0; i--) {

        if (s->data[i - 1] == ':') {
            *field = torus_str(s->data + i, s->len - i);
            s->len = i - 1;

            return 1;
        }
    }

    return 0;
}


/* Only as we print it. */
static int
torus_layout_number(torus_str_t s, int64_t *n)
{
    size_t    i, negative;
    uint64_t  u, limit;

    negative = (s.len != 0 && s.data[0] == '-');

    if (s.len == negative || s.len - negative > 19) {
        return 0;
    }

    if (s.data[negative] == '0' && s.len != 1) {
        return 0;
    }

    u = 0;

    for (i = negative; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }

        /* 19 digits fit 64 bits without a sign */

        u = u * 10 + (uint64_t) (s.data[i] - '0');
    }

    limit = (uint64_t) INT64_MAX + negative;

    if (u > limit) {
        return 0;
    }

    *n = negative ? (int64_t) (0 - u) : (int64_t) u;

    return 1;
}


size_t
torus_layout_names(unsigned char *dst, torus_str_t prefix, torus_str_t path)
{
    unsigned char  *p;

    p = dst;

    memcpy(p, TORUS_LAYOUT_NAMES, sizeof(TORUS_LAYOUT_NAMES) - 1);
    p += sizeof(TORUS_LAYOUT_NAMES) - 1;

    p += torus_number_print_int(p, (int64_t) prefix.len);
    *p++ = ':';

    if (prefix.len != 0) {
        memcpy(p, prefix.data, prefix.len);
        p += prefix.len;
    }

    if (path.len != 0) {
        memcpy(p, path.data, path.len);
        p += path.len;
    }

    return (size_t) (p - dst);
}


int
torus_layout_names_parse(torus_str_t key, torus_str_t *prefix,
    torus_str_t *path)
{
    size_t  i, n, digits;

    i = sizeof(TORUS_LAYOUT_NAMES) - 1;

    if (key.len < i || memcmp(key.data, TORUS_LAYOUT_NAMES, i) != 0) {
        return TORUS_DECLINED;
    }

    n = 0;

    for (digits = 0; i < key.len && key.data[i] != ':'; digits++, i++) {

        if (key.data[i] < '0' || key.data[i] > '9' || digits == 4) {
            return TORUS_DECLINED;
        }

        n = n * 10 + (size_t) (key.data[i] - '0');
    }

    if (digits == 0 || i == key.len || key.len - i - 1 < n) {
        return TORUS_DECLINED;
    }

    *prefix = torus_str(key.data + i + 1, n);
    *path = torus_str(key.data + i + 1 + n, key.len - i - 1 - n);

    return TORUS_OK;
}


size_t
torus_layout_names_leaf(torus_str_t stat)
{
    size_t  i, leaf;

    leaf = 0;

    for (i = 0; i < stat.len && stat.data[i] != ';'; i++) {

        if (stat.data[i] == '.') {
            leaf = i + 1;
        }
    }

    return leaf;
}


int
torus_layout_names_is_leaf(torus_str_t member)
{
    return member.len == 0
           || member.data[member.len - 1] != '.'
           || memchr(member.data, ';', member.len) != NULL;
}
