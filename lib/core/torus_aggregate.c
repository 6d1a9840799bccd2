/*
 * Aggregate rules, each a list of path components to compare with a stat's
 * and a list to compose the target from.  Only a whole component is special:
 * "*" and "<x>"; "a*" is just text.
 *
 * Rules run once per new name (see torus_route.c).
 */

#include "torus_aggregate.h"


/* Components of a source or a target. */
#define TORUS_AGGREGATE_PARTS  256


typedef enum {
    TORUS_AGGREGATE_LITERAL = 0,
    TORUS_AGGREGATE_ANY,          /* "*", of a source */
    TORUS_AGGREGATE_CAPTURE
} torus_aggregate_kind_t;


typedef struct {
    torus_aggregate_kind_t    kind;
    torus_str_t               text;      /* literal, or name of a capture */
    size_t                    from;      /* of a target's capture: the
                                            component of the source */
} torus_aggregate_part_t;


typedef struct {
    torus_str_t               source;
    torus_str_t               target;
    torus_aggregate_part_t   *in;
    size_t                    nin;
    torus_aggregate_part_t   *out;
    size_t                    nout;
    int                       many;
} torus_aggregate_t;


struct torus_aggregates_s {
    torus_arena_t            *arena;
    torus_aggregate_t        *rules;
    size_t                    n;
    size_t                    size;
};


static int torus_aggregate_parts(torus_arena_t *arena, torus_str_t text,
    torus_aggregate_part_t **parts, size_t *n, torus_error_t *err);
static void torus_aggregate_part(torus_str_t text,
    torus_aggregate_part_t *part);
static int torus_aggregate_check_source(const torus_aggregate_t *rule,
    torus_error_t *err);
static int torus_aggregate_check_name(const torus_aggregate_part_t *part,
    torus_error_t *err);
static int torus_aggregate_bind(torus_aggregate_t *rule, torus_error_t *err);
static int torus_aggregate_many(const torus_aggregate_t *rule);
static const torus_aggregate_part_t *torus_aggregate_find(
    const torus_aggregate_part_t *parts, size_t n, torus_str_t name);
static int torus_aggregates_push(torus_aggregates_t *ag,
    const torus_aggregate_t *rule);
static int torus_aggregate_match(const torus_aggregate_t *rule,
    torus_str_t stat, torus_str_t *parts);
static torus_str_t torus_aggregate_next(torus_str_t *rest, int *more);


torus_aggregates_t *
torus_aggregates_create(torus_arena_t *arena)
{
    torus_aggregates_t  *ag;

    ag = torus_arena_calloc(arena, 1, sizeof(torus_aggregates_t));
    if (ag == NULL) {
        return NULL;
    }

    ag->arena = arena;

    return ag;
}


int
torus_aggregates_add(torus_aggregates_t *ag, torus_str_t target,
    torus_str_t source, torus_error_t *err)
{
    int                rc;
    torus_aggregate_t  rule;

    memset(&rule, 0, sizeof(rule));

    /* parts point into these copies */

    if (torus_arena_dup(ag->arena, source, &rule.source) != TORUS_OK
        || torus_arena_dup(ag->arena, target, &rule.target) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    rc = torus_aggregate_parts(ag->arena, rule.source, &rule.in, &rule.nin,
                               err);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_aggregate_parts(ag->arena, rule.target, &rule.out, &rule.nout,
                               err);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_aggregate_check_source(&rule, err);
    if (rc != TORUS_OK) {
        return rc;
    }

    rc = torus_aggregate_bind(&rule, err);
    if (rc != TORUS_OK) {
        return rc;
    }

    rule.many = torus_aggregate_many(&rule);

    return torus_aggregates_push(ag, &rule);
}


static int
torus_aggregate_parts(torus_arena_t *arena, torus_str_t text,
    torus_aggregate_part_t **parts, size_t *n, torus_error_t *err)
{
    int          more;
    size_t       i, count;
    torus_str_t  rest;

    count = 1;

    for (i = 0; i < text.len; i++) {
        count += (text.data[i] == '.');
    }

    if (count > TORUS_AGGREGATE_PARTS) {
        return torus_error(err, "a rule has at most %d path components, "
                           "not %zu", TORUS_AGGREGATE_PARTS, count);
    }

    *parts = torus_arena_calloc(arena, count, sizeof(torus_aggregate_part_t));
    if (*parts == NULL) {
        return TORUS_ERROR;
    }

    rest = text;
    more = 1;

    for (i = 0; i < count; i++) {
        torus_aggregate_part(torus_aggregate_next(&rest, &more), *parts + i);
    }

    *n = count;

    return TORUS_OK;
}


static void
torus_aggregate_part(torus_str_t text, torus_aggregate_part_t *part)
{
    part->text = text;

    if (torus_str_is(text, "*")) {
        part->kind = TORUS_AGGREGATE_ANY;

    } else if (text.len >= 2 && text.data[0] == '<'
               && text.data[text.len - 1] == '>')
    {
        part->kind = TORUS_AGGREGATE_CAPTURE;
        part->text = torus_str(text.data + 1, text.len - 2);
    }
}


static int
torus_aggregate_check_source(const torus_aggregate_t *rule,
    torus_error_t *err)
{
    char                           shown[64];
    size_t                         i, n;
    const torus_aggregate_part_t  *part;

    for (i = 0; i < rule->nin; i++) {
        part = &rule->in[i];

        if (part->kind != TORUS_AGGREGATE_CAPTURE) {
            continue;
        }

        if (torus_aggregate_check_name(part, err) != TORUS_OK) {
            return TORUS_INVALID;
        }

        if (torus_aggregate_find(rule->in, i, part->text) != NULL) {
            n = torus_escape(shown, sizeof(shown), part->text);

            return torus_error(err, "the source captures \"<%.*s>\" twice",
                               (int) n, shown);
        }
    }

    return TORUS_OK;
}


/* As Python names its groups. */
static int
torus_aggregate_check_name(const torus_aggregate_part_t *part,
    torus_error_t *err)
{
    char           shown[64];
    size_t         i, n;
    unsigned char  c;

    if (part->text.len == 0) {
        return torus_error(err, "the capture \"<>\" has no name");
    }

    for (i = 0; i < part->text.len; i++) {
        c = part->text.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
            || (c >= '0' && c <= '9' && i != 0))
        {
            continue;
        }

        n = torus_escape(shown, sizeof(shown), part->text);

        return torus_error(err, "the name of the capture \"<%.*s>\" must be "
                           "of letters, digits and \"_\", and begin with no "
                           "digit", (int) n, shown);
    }

    return TORUS_OK;
}


/* Finds what each capture of the target stands for; "*" there is text. */
static int
torus_aggregate_bind(torus_aggregate_t *rule, torus_error_t *err)
{
    char                           shown[64];
    size_t                         i, n;
    torus_aggregate_part_t        *part;
    const torus_aggregate_part_t  *source;

    for (i = 0; i < rule->nout; i++) {
        part = &rule->out[i];

        if (part->kind == TORUS_AGGREGATE_ANY) {
            part->kind = TORUS_AGGREGATE_LITERAL;
        }

        if (part->kind != TORUS_AGGREGATE_CAPTURE) {
            continue;
        }

        source = torus_aggregate_find(rule->in, rule->nin, part->text);

        if (source == NULL) {
            n = torus_escape(shown, sizeof(shown), part->text);

            return torus_error(err, "the target uses \"<%.*s>\", which is no "
                               "component of the source", (int) n, shown);
        }

        part->from = (size_t) (source - rule->in);
    }

    return TORUS_OK;
}


/* Is there a component that varies and of which the target says nothing? */
static int
torus_aggregate_many(const torus_aggregate_t *rule)
{
    size_t  i;

    for (i = 0; i < rule->nin; i++) {

        if (rule->in[i].kind == TORUS_AGGREGATE_ANY) {
            return 1;
        }

        if (rule->in[i].kind == TORUS_AGGREGATE_CAPTURE
            && torus_aggregate_find(rule->out, rule->nout, rule->in[i].text)
               == NULL)
        {
            return 1;
        }
    }

    return 0;
}


static const torus_aggregate_part_t *
torus_aggregate_find(const torus_aggregate_part_t *parts, size_t n,
    torus_str_t name)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (parts[i].kind == TORUS_AGGREGATE_CAPTURE
            && torus_str_eq(parts[i].text, name))
        {
            return &parts[i];
        }
    }

    return NULL;
}


/* What the array leaves behind when it grows stays in the arena. */
static int
torus_aggregates_push(torus_aggregates_t *ag, const torus_aggregate_t *rule)
{
    size_t              size;
    torus_aggregate_t  *rules;

    if (ag->n == ag->size) {
        size = (ag->size == 0) ? 8 : 2 * ag->size;

        rules = torus_arena_calloc(ag->arena, size, sizeof(*rules));
        if (rules == NULL) {
            return TORUS_ERROR;
        }

        if (ag->n != 0) {
            memcpy(rules, ag->rules, ag->n * sizeof(*rules));
        }

        ag->rules = rules;
        ag->size = size;
    }

    ag->rules[ag->n++] = *rule;

    return TORUS_OK;
}


size_t
torus_aggregates_count(const torus_aggregates_t *ag)
{
    return ag->n;
}


int
torus_aggregates_apply(const torus_aggregates_t *ag, size_t i,
    torus_str_t stat, torus_arena_t *arena, torus_str_t *name)
{
    size_t                         k, len;
    torus_str_t                    text, parts[TORUS_AGGREGATE_PARTS];
    unsigned char                 *p, *dst;
    const torus_aggregate_t       *rule;
    const torus_aggregate_part_t  *out;

    rule = &ag->rules[i];

    if (rule->target.len == 0
        || torus_aggregate_match(rule, stat, parts) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    len = rule->nout - 1;

    for (k = 0; k < rule->nout; k++) {
        out = &rule->out[k];
        len += (out->kind == TORUS_AGGREGATE_CAPTURE) ? parts[out->from].len
                                                      : out->text.len;
    }

    dst = torus_arena_alloc(arena, len + 1);
    if (dst == NULL) {
        return TORUS_ERROR;
    }

    p = dst;

    for (k = 0; k < rule->nout; k++) {
        out = &rule->out[k];
        text = (out->kind == TORUS_AGGREGATE_CAPTURE) ? parts[out->from]
                                                      : out->text;

        if (k != 0) {
            *p++ = '.';
        }

        if (text.len != 0) {
            memcpy(p, text.data, text.len);
            p += text.len;
        }
    }

    *p = '\0';
    *name = torus_str(dst, len);

    return TORUS_OK;
}


/* Leaves the components of the stat in parts. */
static int
torus_aggregate_match(const torus_aggregate_t *rule, torus_str_t stat,
    torus_str_t *parts)
{
    int                            more;
    size_t                         i;
    torus_str_t                    rest;
    const torus_aggregate_part_t  *in;

    rest = stat;
    more = 1;

    for (i = 0; i < rule->nin; i++) {

        if (!more) {
            return TORUS_DECLINED;
        }

        parts[i] = torus_aggregate_next(&rest, &more);
        in = &rule->in[i];

        if (in->kind == TORUS_AGGREGATE_LITERAL) {
            if (!torus_str_eq(parts[i], in->text)) {
                return TORUS_DECLINED;
            }

        } else if (parts[i].len == 0) {
            return TORUS_DECLINED;
        }
    }

    return more ? TORUS_DECLINED : TORUS_OK;
}


/* Cuts a component off the front; more: is there another one? */
static torus_str_t
torus_aggregate_next(torus_str_t *rest, int *more)
{
    torus_str_t           part;
    const unsigned char  *dot;

    part = *rest;
    dot = (rest->len == 0) ? NULL : memchr(rest->data, '.', rest->len);

    if (dot == NULL) {
        *more = 0;
        return part;
    }

    part.len = (size_t) (dot - rest->data);

    rest->data = dot + 1;
    rest->len -= part.len + 1;
    *more = 1;

    return part;
}


torus_str_t
torus_aggregates_source(const torus_aggregates_t *ag, size_t i)
{
    return ag->rules[i].source;
}


torus_str_t
torus_aggregates_target(const torus_aggregates_t *ag, size_t i)
{
    return ag->rules[i].target;
}


int
torus_aggregates_many(const torus_aggregates_t *ag, size_t i)
{
    return ag->rules[i].many;
}
