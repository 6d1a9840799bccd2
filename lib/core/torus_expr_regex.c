/*
 * match() and replace(): PCRE2, compiled with JIT where there is one and run
 * under limits.  Subjects are bytes, so that no text is an invalid one.
 *
 * The code, the match data and the context lie outside the arena; the
 * arena's clean-up frees them.
 */

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "torus_expr_tree.h"


/*
 * Steps that one match may take.  PCRE2 counts afresh at each place where a
 * match can begin, hence the division in torus_expr_regex_run().
 */
#define TORUS_EXPR_REGEX_STEPS  1000000
#define TORUS_EXPR_REGEX_HEAP   8192    /* KiB, outside the JIT */


/* A stretch of the replacement: text, or what a group matched. */
typedef struct {
    torus_str_t           text;
    int                   group;      /* -1: text */
} torus_expr_piece_t;


struct torus_expr_regex_s {
    pcre2_code           *code;
    pcre2_match_data     *data;
    pcre2_match_context  *context;
    torus_expr_piece_t   *pieces;
    size_t                npieces;
};


static void torus_expr_regex_free(void *data);
static int torus_expr_regex_code(torus_expr_regex_t *re, torus_str_t regex,
    torus_error_t *err);
static int torus_expr_regex_pieces(torus_arena_t *arena,
    torus_expr_regex_t *re, torus_str_t to, torus_error_t *err);
static int torus_expr_regex_run(const torus_expr_regex_t *re, torus_str_t s,
    size_t from, uint32_t options);
static int torus_expr_regex_put(torus_expr_run_t *run, const void *data,
    size_t len);
static int torus_expr_regex_expand(torus_expr_run_t *run,
    const torus_expr_regex_t *re, torus_str_t s, int groups);


/*
 * TORUS_OK; TORUS_INVALID: the regex is at fault; TORUS_DECLINED: the
 * replacement is; TORUS_ERROR.
 */
int
torus_expr_regex_compile(torus_arena_t *arena, torus_str_t regex,
    const torus_str_t *to, torus_expr_regex_t **re, torus_error_t *err)
{
    int                  rc;
    torus_expr_regex_t  *new;

    new = torus_arena_calloc(arena, 1, sizeof(torus_expr_regex_t));
    if (new == NULL) {
        return TORUS_ERROR;
    }

    rc = torus_expr_regex_code(new, regex, err);

    if (rc == TORUS_OK && to != NULL) {
        rc = torus_expr_regex_pieces(arena, new, *to, err);
    }

    if (rc == TORUS_OK) {
        rc = torus_arena_cleanup(arena, torus_expr_regex_free, new);
    }

    if (rc != TORUS_OK) {
        torus_expr_regex_free(new);
        return rc;
    }

    *re = new;

    return TORUS_OK;
}


static void
torus_expr_regex_free(void *data)
{
    torus_expr_regex_t  *re;

    re = data;

    pcre2_match_context_free(re->context);
    pcre2_match_data_free(re->data);
    pcre2_code_free(re->code);
}


static int
torus_expr_regex_code(torus_expr_regex_t *re, torus_str_t regex,
    torus_error_t *err)
{
    int                     code;
    size_t                  offset;
    unsigned char           reason[128];
    pcre2_compile_context  *context;

    context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        return TORUS_ERROR;
    }

    /* the same on every build of PCRE2 */
    (void) pcre2_set_newline(context, PCRE2_NEWLINE_LF);

    re->code = pcre2_compile(regex.data, regex.len,
                             PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &code,
                             &offset, context);

    pcre2_compile_context_free(context);

    if (re->code == NULL) {
        if (pcre2_get_error_message(code, reason, sizeof(reason)) < 0) {
            reason[0] = '\0';
        }

        return torus_error(err, "expected a regular expression, %s at its "
                           "character %zu", (char *) reason, offset + 1);
    }

    /* without a JIT, or memory for it, pcre2_match() interprets */
    (void) pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);

    re->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->context = pcre2_match_context_create(NULL);

    if (re->data == NULL || re->context == NULL) {
        return TORUS_ERROR;
    }

    (void) pcre2_set_heap_limit(re->context, TORUS_EXPR_REGEX_HEAP);

    return TORUS_OK;
}


/* "\1" is what group 1 matched, "\0" the whole, "\\" a backslash. */
static int
torus_expr_regex_pieces(torus_arena_t *arena, torus_expr_regex_t *re,
    torus_str_t to, torus_error_t *err)
{
    size_t               i, start;
    uint32_t             groups;
    unsigned char        c;
    torus_expr_piece_t  *piece;

    groups = 0;
    (void) pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &groups);

    re->pieces = torus_arena_calloc(arena, to.len + 1,
                                    sizeof(torus_expr_piece_t));
    if (re->pieces == NULL) {
        return TORUS_ERROR;
    }

    piece = re->pieces;

    for (i = 0; i < to.len; piece++) {
        piece->group = -1;

        for (start = i; i < to.len && to.data[i] != '\\'; i++) { /* void */ }

        if (i != start) {
            piece->text = torus_str(to.data + start, i - start);
            continue;
        }

        c = (i + 1 < to.len) ? to.data[i + 1] : '\0';

        if (c == '\\') {
            piece->text = torus_str(to.data + i, 1);

        } else if (c < '0' || c > '9') {
            torus_error(err, "in what replaces, \"\\\\\" is followed by a "
                        "digit or by another");
            return TORUS_DECLINED;

        } else if ((uint32_t) (c - '0') > groups) {
            torus_error(err, "\"\\%c\" is no group of the regular expression,"
                        " which has %u", c, (unsigned) groups);
            return TORUS_DECLINED;

        } else {
            piece->group = c - '0';
        }

        i += 2;
    }

    re->npieces = (size_t) (piece - re->pieces);

    return TORUS_OK;
}


/* How many groups, the whole included; PCRE2's code, below 0, when none. */
static int
torus_expr_regex_run(const torus_expr_regex_t *re, torus_str_t s,
    size_t from, uint32_t options)
{
    int                   rc;
    size_t                limit;
    const unsigned char  *data;

    data = (s.len == 0) ? (const unsigned char *) "" : s.data;

    limit = TORUS_EXPR_REGEX_STEPS / (s.len - from + 1);

    if (limit < 1000 + 2 * s.len) {
        limit = 1000 + 2 * s.len;
    }

    if (limit > TORUS_EXPR_REGEX_STEPS) {
        limit = TORUS_EXPR_REGEX_STEPS;
    }

    (void) pcre2_set_match_limit(re->context, (uint32_t) limit);

    rc = pcre2_match(re->code, data, s.len, from, options, re->data,
                     re->context);

    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        /* the interpreter has the heap, up to its limit */
        rc = pcre2_match(re->code, data, s.len, from,
                         options | PCRE2_NO_JIT, re->data, re->context);
    }

    return rc;
}


int
torus_expr_regex_match(const torus_expr_regex_t *re, torus_str_t s,
    torus_value_t *out)
{
    int  rc;

    rc = torus_expr_regex_run(re, s, 0, 0);

    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        return TORUS_DECLINED;
    }

    out->kind = TORUS_VALUE_INT;
    out->i = (rc >= 0);

    return TORUS_OK;
}


/*
 * Each match, from left to right.  After an empty one the next has to be
 * longer or to start later, so that this ends.
 */
int
torus_expr_regex_replace(torus_expr_run_t *run, const torus_expr_regex_t *re,
    torus_str_t s, torus_value_t *out)
{
    int             rc;
    size_t          at, copied, *where;
    uint32_t        options;
    unsigned char  *start;

    if (s.len == 0) {
        s.data = (const unsigned char *) "";
    }

    start = run->scratch->pos;
    where = pcre2_get_ovector_pointer(re->data);
    options = 0;
    copied = 0;
    at = 0;

    while (at <= s.len) {
        rc = torus_expr_regex_run(re, s, at, options);

        if (rc == PCRE2_ERROR_NOMATCH) {

            if (options == 0) {
                break;
            }

            options = 0;
            at++;
            continue;
        }

        /* \K in a lookaround can put a match's start outside of it */

        if (rc < 0 || where[0] < copied || where[1] < where[0]
            || where[1] < at)
        {
            return TORUS_DECLINED;
        }

        if (torus_expr_regex_put(run, s.data + copied, where[0] - copied)
               != TORUS_OK
            || torus_expr_regex_expand(run, re, s, rc) != TORUS_OK)
        {
            return TORUS_DECLINED;
        }

        copied = where[1];
        at = where[1];

        options = (where[0] == where[1])
                  ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
    }

    if (torus_expr_regex_put(run, s.data + copied, s.len - copied)
        != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    out->kind = TORUS_VALUE_TEXT;
    out->text = torus_str(start, (size_t) (run->scratch->pos - start));

    return TORUS_OK;
}


static int
torus_expr_regex_put(torus_expr_run_t *run, const void *data, size_t len)
{
    unsigned char  *p;

    if (len == 0) {
        return TORUS_OK;
    }

    p = torus_expr_room(run, len);
    if (p == NULL) {
        return TORUS_DECLINED;
    }

    memcpy(p, data, len);

    return TORUS_OK;
}


static int
torus_expr_regex_expand(torus_expr_run_t *run, const torus_expr_regex_t *re,
    torus_str_t s, int groups)
{
    int                        rc;
    size_t                     i, *where;
    const torus_expr_piece_t  *piece;

    for (i = 0; i < re->npieces; i++) {
        piece = &re->pieces[i];

        if (piece->group < 0) {
            rc = torus_expr_regex_put(run, piece->text.data, piece->text.len);

        } else {
            where = pcre2_get_ovector_pointer(re->data) + 2 * piece->group;

            /* a group that took no part is empty */

            if (piece->group >= groups || where[0] == PCRE2_UNSET
                || where[1] < where[0])
            {
                continue;
            }

            rc = torus_expr_regex_put(run, s.data + where[0],
                                      where[1] - where[0]);
        }

        if (rc != TORUS_OK) {
            return rc;
        }
    }

    return TORUS_OK;
}
