/*
 * Alias: names.  The path that a series came from stays what it was.
 *
 * Regular expressions are PCRE2's over UTF-8, run under limits; of Python's
 * replacements "\1", "\g<1>" and "\g<name>" are understood.
 */

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "torus_graph_func.h"


/* As in torus_expr_regex.c: what one search may cost. */
#define TORUS_GRAPH_REGEX_STEPS  1000000
#define TORUS_GRAPH_REGEX_HEAP   8192       /* KiB */
#define TORUS_GRAPH_MAX_NAME     65536


/* A stretch of the replacement: text, or what a group matched. */
typedef struct {
    torus_str_t           text;
    int                   group;      /* -1: text */
} torus_graph_piece_t;


struct torus_graph_regex_s {
    pcre2_code           *code;
    pcre2_match_data     *data;
    pcre2_match_context  *context;
    torus_graph_piece_t  *pieces;
    size_t                npieces;
    torus_account_t      *account;
    size_t                held;      /* charged for the code */
};


static int torus_graph_regex_pieces(torus_graph_t *g,
    const torus_graph_call_t *call, torus_graph_regex_t *re);
static int torus_graph_regex_named(torus_graph_t *g,
    const torus_graph_call_t *call, torus_graph_regex_t *re, size_t *at,
    torus_graph_piece_t *piece);
static int torus_graph_regex_bounds(torus_graph_t *g, torus_str_t *text);
static int torus_graph_regex_bound(torus_str_t text, size_t i);
static int torus_graph_regex_charge(torus_graph_t *g,
    torus_graph_regex_t *re);
static void torus_graph_regex_free(void *data);
static int torus_graph_regex_exec(const torus_graph_regex_t *re,
    torus_str_t s, size_t from, uint32_t options);
static int torus_graph_regex_replace(torus_graph_t *g,
    const torus_graph_regex_t *re, torus_str_t s, torus_str_t *out);
static int torus_graph_regex_put(torus_buf_t *b,
    const torus_graph_regex_t *re, torus_str_t s, int groups);
static int torus_graph_alias_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_alias_node(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_alias_metric(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);
static int torus_graph_alias_sub_check(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_alias_sub(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out);


const torus_graph_func_t  torus_graph_alias[] = {

    { "alias", TORUS_GRAPH_ALIAS, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,
      NULL, NULL, torus_graph_alias_map, NULL,
      P(P_SERIES, P_NEED("newName", STRING)),
      "Another name." },

    { "aliasByNode", TORUS_GRAPH_ALIAS, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,
      NULL, NULL, torus_graph_alias_node, NULL,
      P(P_SERIES, P_ALL("nodes", NODE_OR_TAG, TORUS_GRAPH_REQUIRED)),
      "Nodes of the path as the name, counted from 0, from the end if "
      "negative." },

    { "aliasByTags", TORUS_GRAPH_ALIAS, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,
      NULL, NULL, torus_graph_alias_node, NULL,
      P(P_SERIES, P_ALL("tags", NODE_OR_TAG, TORUS_GRAPH_REQUIRED)),
      "Values of tags as the name." },

    { "aliasByMetric", TORUS_GRAPH_ALIAS, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN,
      0, NULL, NULL, torus_graph_alias_metric, NULL, P(P_SERIES),
      "The last node of the path as the name." },

    { "aliasSub", TORUS_GRAPH_ALIAS, TORUS_GRAPH_ROWS|TORUS_GRAPH_SHOWN, 0,
      torus_graph_alias_sub_check, NULL, torus_graph_alias_sub, NULL,
      P(P_SERIES, P_NEED("search", STRING), P_NEED("replace", STRING)),
      "What a regular expression matches in the name is replaced; \\1 is what "
      "its first group matched." },

    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};


static int
torus_graph_alias_map(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    *out = torus_graph_edit(g, s);

    if (*out == NULL) {
        return TORUS_ERROR;
    }

    (*out)->name = f->call->args[1].text;

    return TORUS_OK;
}


static int
torus_graph_alias_node(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    torus_str_t  key;

    *out = torus_graph_edit(g, s);

    if (*out == NULL
        || torus_graph_key(g, s, &f->call->args[1], f->call->nargs - 1, &key)
           != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    (*out)->name = key;

    return TORUS_OK;
}


/* Between the last "(" and the first ")", the last node up to a comma. */
static int
torus_graph_alias_metric(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    size_t       i, start, end;
    torus_str_t  name;

    (void) f;

    name = s->name;
    start = 0;
    end = name.len;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] == '(') {
            start = i + 1;

        } else if (name.data[i] == ')' && end == name.len) {
            end = i;
        }
    }

    end = end < start ? start : end;

    for (i = start; i < end; i++) {
        if (name.data[i] == '.') {
            start = i + 1;
        }
    }

    for (i = start; i < end; i++) {
        if (name.data[i] == ',') {
            end = i;
        }
    }

    *out = torus_graph_edit(g, s);

    if (*out == NULL) {
        return TORUS_ERROR;
    }

    (*out)->name = torus_str(name.data + start, end - start);

    return TORUS_OK;
}


static int
torus_graph_alias_sub_check(torus_graph_t *g, torus_graph_call_t *call)
{
    int                   rc;
    torus_graph_regex_t  *re;

    rc = torus_graph_regex_compile(g, call, 1, &re);
    call->data = re;

    return rc;
}


static int
torus_graph_alias_sub(torus_graph_t *g, torus_graph_frame_t *f,
    torus_graph_series_t *s, torus_graph_series_t **out)
{
    int          rc;
    torus_str_t  name;

    rc = torus_graph_regex_replace(g, f->call->data, s->name, &name);
    if (rc != TORUS_OK) {
        return rc;
    }

    *out = torus_graph_edit(g, s);

    if (*out == NULL) {
        return TORUS_ERROR;
    }

    (*out)->name = name;

    torus_graph_work(g, 64);

    return TORUS_OK;
}


int
torus_graph_regex_compile(torus_graph_t *g, const torus_graph_call_t *call,
    int replace, torus_graph_regex_t **out)
{
    int                   code;
    size_t                offset;
    uint32_t              options;
    torus_str_t           text;
    unsigned char         reason[128];
    torus_graph_regex_t  *re;

    re = torus_arena_calloc(torus_graph_arena(g), 1,
                            sizeof(torus_graph_regex_t));

    if (re == NULL
        || torus_arena_cleanup(torus_graph_arena(g), torus_graph_regex_free,
                               re) != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    options = PCRE2_NEVER_BACKSLASH_C;

#ifdef PCRE2_MATCH_INVALID_UTF
    options |= PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF;
#endif

    text = call->args[1].text;

    if (torus_graph_regex_bounds(g, &text) != TORUS_OK) {
        return TORUS_ERROR;
    }

    re->code = pcre2_compile(text.data, text.len, options, &code, &offset,
                             NULL);

    if (re->code == NULL) {

        if (pcre2_get_error_message(code, reason, sizeof(reason)) < 0) {
            reason[0] = '\0';
        }

        return torus_graph_fault(g, "argument \"%s\" of %s() is no regular "
                                 "expression: %s, at its character %zu",
                                 call->func->params[1].name,
                                 call->func->name, (char *) reason,
                                 offset + 1);
    }

    (void) pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);

    if (torus_graph_regex_charge(g, re) != TORUS_OK) {
        return TORUS_ERROR;
    }

    re->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->context = pcre2_match_context_create(NULL);

    if (re->data == NULL || re->context == NULL) {
        return TORUS_ERROR;
    }

    (void) pcre2_set_heap_limit(re->context, TORUS_GRAPH_REGEX_HEAP);

    *out = re;

    return replace ? torus_graph_regex_pieces(g, call, re) : TORUS_OK;
}


/* "{,3}" is "{0,3}" in Python, but text in PCRE2 before 10.43. */
static int
torus_graph_regex_bounds(torus_graph_t *g, torus_str_t *text)
{
    int             set;
    size_t          i, n;
    unsigned char  *p;

    n = 0;

    for (i = 0; i < text->len; i++) {
        n += (size_t) torus_graph_regex_bound(*text, i);
    }

    if (n == 0) {
        return TORUS_OK;
    }

    p = torus_arena_alloc(torus_graph_arena(g), text->len + n);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    set = 0;
    n = 0;

    for (i = 0; i < text->len; i++) {
        p[n++] = text->data[i];

        switch (text->data[i]) {

        case '\\':
            if (i + 1 < text->len) {
                p[n++] = text->data[++i];
            }
            break;

        case '[':
            set = 1;
            break;

        case ']':
            set = 0;
            break;

        case '{':
            if (!set && torus_graph_regex_bound(*text, i)) {
                p[n++] = '0';
            }
        }
    }

    *text = torus_str(p, n);

    return TORUS_OK;
}


/* Are these bounds without the lower one? */
static int
torus_graph_regex_bound(torus_str_t text, size_t i)
{
    if (text.len - i < 2 || text.data[i] != '{' || text.data[i + 1] != ',') {
        return 0;
    }

    for (i += 2; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }
    }

    return i < text.len && text.data[i] == '}';
}


/* PCRE2 tells only then how much it took. */
static int
torus_graph_regex_charge(torus_graph_t *g, torus_graph_regex_t *re)
{
    size_t            code, jit;
    torus_account_t  *account;

    code = 0;
    jit = 0;

    (void) pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &code);
    (void) pcre2_pattern_info(re->code, PCRE2_INFO_JITSIZE, &jit);

    account = torus_arena_account(torus_graph_arena(g));

    if (torus_account_take(account, code + jit) != TORUS_OK) {
        return TORUS_ERROR;
    }

    re->account = account;
    re->held = code + jit;

    return TORUS_OK;
}


static void
torus_graph_regex_free(void *data)
{
    torus_graph_regex_t  *re;

    re = data;

    if (re->held != 0) {
        torus_account_give(re->account, re->held);
    }

    pcre2_match_context_free(re->context);
    pcre2_match_data_free(re->data);
    pcre2_code_free(re->code);
}


/* What is no reference to a group stands for itself, but for "\\" and "\n". */
static int
torus_graph_regex_pieces(torus_graph_t *g, const torus_graph_call_t *call,
    torus_graph_regex_t *re)
{
    int                   rc;
    size_t                i, start;
    uint32_t              groups;
    torus_str_t           to;
    unsigned char         c;
    torus_graph_piece_t  *piece;

    to = call->args[2].text;
    groups = 0;

    (void) pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &groups);

    re->pieces = torus_arena_calloc(torus_graph_arena(g), to.len + 1,
                                    sizeof(torus_graph_piece_t));
    if (re->pieces == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < to.len; /* void */) {
        piece = &re->pieces[re->npieces++];
        piece->group = -1;

        for (start = i; i < to.len && to.data[i] != '\\'; i++) { /* void */ }

        if (i != start) {
            piece->text = torus_str(to.data + start, i - start);
            continue;
        }

        c = (i + 1 < to.len) ? to.data[i + 1] : '\0';

        if (c >= '0' && c <= '9') {
            piece->group = c - '0';
            i += 2;

            if (c != '0' && i < to.len && to.data[i] >= '0'
                && to.data[i] <= '9')
            {
                piece->group = piece->group * 10 + (to.data[i++] - '0');
            }

        } else if (c == 'g' && i + 2 < to.len && to.data[i + 2] == '<') {
            rc = torus_graph_regex_named(g, call, re, &i, piece);
            if (rc != TORUS_OK) {
                return rc;
            }

        } else if (c == 'n' || c == 't' || c == '\\') {
            piece->text = (c == '\\') ? torus_str(to.data + i, 1)
                          : torus_str(c == 'n' ? "\n" : "\t", 1);
            i += 2;

        } else {
            piece->text = torus_str(to.data + i, i + 1 < to.len ? 2 : 1);
            i += piece->text.len;
        }

        if (piece->group > (int) groups) {
            return torus_graph_fault(g, "argument \"%s\" of %s() has \"\\%d\", "
                                     "which is no group of \"%s\"",
                                     call->func->params[2].name,
                                     call->func->name, piece->group,
                                     call->func->params[1].name);
        }
    }

    return TORUS_OK;
}


/* "\g<name>" or "\g<1>", *at is at the backslash */
static int
torus_graph_regex_named(torus_graph_t *g, const torus_graph_call_t *call,
    torus_graph_regex_t *re, size_t *at, torus_graph_piece_t *piece)
{
    char         name[64], quoted[80];
    size_t       i, n;
    torus_str_t  to;

    to = call->args[2].text;

    for (i = *at + 3, n = 0; i < to.len && to.data[i] != '>'; i++) {

        if (n == sizeof(name) - 1) {
            break;
        }

        name[n++] = (char) to.data[i];
    }

    name[n] = '\0';

    if (i == to.len || to.data[i] != '>' || n == 0) {
        return torus_graph_fault(g, "argument \"%s\" of %s() has \"\\g<\" "
                                 "without a name and \">\"",
                                 call->func->params[2].name,
                                 call->func->name);
    }

    piece->group = 0;

    for (*at = 0; *at < n && name[*at] >= '0' && name[*at] <= '9'; (*at)++) {
        piece->group = piece->group * 10 + (name[*at] - '0');

        if (piece->group > 100000) {
            break;
        }
    }

    if (*at != n) {
        piece->group = pcre2_substring_number_from_name(re->code,
                                                        (PCRE2_SPTR) name);
        if (piece->group < 0) {
            *at = torus_escape(quoted, sizeof(quoted),
                               torus_str(to.data + i - n, n));

            return torus_graph_fault(g, "argument \"%s\" of %s() has "
                                     "\"\\g<%.*s>\", which is no group of "
                                     "\"%s\"", call->func->params[2].name,
                                     call->func->name, (int) *at, quoted,
                                     call->func->params[1].name);
        }
    }

    *at = i + 1;

    return TORUS_OK;
}


/* Groups that are set, 0: no match, or one that costs too much. */
static int
torus_graph_regex_exec(const torus_graph_regex_t *re, torus_str_t s,
    size_t from, uint32_t options)
{
    int       rc;
    uint32_t  steps;

    /* PCRE2 counts afresh wherever a match can begin */
    steps = (uint32_t) (TORUS_GRAPH_REGEX_STEPS / (s.len - from + 1));
    (void) pcre2_set_match_limit(re->context, steps < 1000 ? 1000 : steps);

    rc = pcre2_match(re->code,
                     s.data == NULL ? (PCRE2_SPTR) "" : (PCRE2_SPTR) s.data,
                     s.len, from, options, re->data, re->context);

    return rc < 0 ? 0 : rc;
}


int
torus_graph_regex_search(const torus_graph_regex_t *re, torus_str_t s)
{
    return torus_graph_regex_exec(re, s, 0, 0) > 0;
}


/* An empty match right behind another is one too, as in Python. */
static int
torus_graph_regex_replace(torus_graph_t *g, const torus_graph_regex_t *re,
    torus_str_t s, torus_str_t *out)
{
    int           rc;
    size_t        from, copied, *ovector, end;
    uint32_t      options;
    torus_buf_t   b;

    torus_buf_init(&b, TORUS_GRAPH_MAX_NAME);

    from = 0;
    copied = 0;
    options = 0;

    while (from <= s.len) {
        rc = torus_graph_regex_exec(re, s, from, options);

        if (rc <= 0) {

            if (options == 0) {
                break;
            }

            /* there was an empty match here: on by a character */
            options = 0;

            for (from++; from < s.len && (s.data[from] & 0xc0) == 0x80;
                 from++)
            {
                /* void */
            }

            continue;
        }

        ovector = pcre2_get_ovector_pointer(re->data);
        end = ovector[1];

        if (ovector[0] < copied || end < ovector[0]) {
            /* \K in a lookaround */
            break;
        }

        torus_buf_add(&b, s.data + copied, ovector[0] - copied);
        torus_graph_regex_put(&b, re, s, rc);

        copied = end;
        from = end;
        options = (ovector[0] == end)
                  ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
    }

    if (s.len > copied) {
        torus_buf_add(&b, s.data + copied, s.len - copied);
    }

    if (b.failed) {
        rc = torus_graph_fault(g, "a name becomes longer than %d bytes",
                               TORUS_GRAPH_MAX_NAME);

    } else {
        rc = torus_arena_dup(torus_graph_arena(g),
                             torus_str(b.pos, torus_buf_len(&b)), out);
    }

    torus_buf_free(&b);

    return rc;
}


static int
torus_graph_regex_put(torus_buf_t *b, const torus_graph_regex_t *re,
    torus_str_t s, int groups)
{
    size_t                     i, *ovector;
    const torus_graph_piece_t  *piece;

    ovector = pcre2_get_ovector_pointer(re->data);

    for (i = 0; i < re->npieces; i++) {
        piece = &re->pieces[i];

        if (piece->group < 0) {
            torus_buf_adds(b, piece->text);

        } else if (piece->group < groups
                   && ovector[piece->group * 2] != PCRE2_UNSET)
        {
            torus_buf_add(b, s.data + ovector[piece->group * 2],
                          ovector[piece->group * 2 + 1]
                          - ovector[piece->group * 2]);
        }
    }

    return TORUS_OK;
}
