/*
 * Patterns over stat names.  A plain pattern without a wildcard is compared
 * byte by byte; any other is translated to an anchored regex, so that PCRE2
 * does the matching of both kinds.  Names are bytes to PCRE2, yet "?" and
 * "[!..]" take a whole UTF-8 character.
 *
 * Patterns run once per new name (see torus_route.c), but names come from
 * outside: PCRE2 counts its steps, and a match that takes too many is none.
 */

#include "torus_pattern.h"
#include "torus_buf.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>


/*
 * Steps that one match may take.  PCRE2 counts afresh at each place where an
 * unanchored regex can begin, hence the division in torus_pattern_limit().
 */
#define TORUS_PATTERN_STEPS  1000000
#define TORUS_PATTERN_FEW    10000     /* of a client's, some 50 us */
#define TORUS_PATTERN_HEAP   8192      /* KiB, outside the JIT */
#define TORUS_PATTERN_DEPTH  32        /* of nested braces */
#define TORUS_PATTERN_MAX    8192      /* bytes of a pattern as written */
#define TORUS_PATTERN_QUOTE  256

/* One character of UTF-8, or any other byte but a dot. */
#define TORUS_PATTERN_MANY_BYTES  "[\\xc0-\\xff][\\x80-\\xbf]*+"
#define TORUS_PATTERN_ONE  "(?>" TORUS_PATTERN_MANY_BYTES "|[^.])"


struct torus_pattern_s {
    torus_str_t            text;      /* both point behind the struct */
    torus_str_t            literal;
    pcre2_code            *code;      /* NULL when exact */
    pcre2_match_data      *data;
    pcre2_match_context   *context;
    unsigned               exact:1;   /* no wildcard: literal is all of it */
    unsigned               anchored:1;
};


/* A plain pattern on its way to a regex. */
typedef struct {
    torus_str_t            text;
    size_t                 i;         /* next byte of text */
    size_t                 depth;
    size_t                 open[TORUS_PATTERN_DEPTH];
    torus_buf_t            regex;
    torus_error_t         *err;
} torus_pattern_plain_t;


static torus_pattern_t *torus_pattern_create(torus_str_t text);
static int torus_pattern_regex(torus_pattern_t *p, torus_error_t *err);
static int torus_pattern_plain(torus_pattern_t *p, torus_error_t *err);
static int torus_pattern_translate(torus_pattern_plain_t *t);
static int torus_pattern_class(torus_pattern_plain_t *t);
static int torus_pattern_class_body(torus_pattern_plain_t *t, size_t first,
    size_t end);
static void torus_pattern_byte(torus_buf_t *regex, unsigned char c);
static int torus_pattern_special(unsigned char c);
static int torus_pattern_pcre2(torus_pattern_t *p, torus_str_t regex,
    uint32_t options, size_t skipped, torus_error_t *err);
static size_t torus_pattern_regex_literal(torus_str_t regex,
    unsigned char *dst);
static int torus_pattern_run(const torus_pattern_t *p, torus_str_t s,
    uint32_t steps);
static uint32_t torus_pattern_limit(const torus_pattern_t *p, size_t len);
static int torus_pattern_ends(torus_str_t text, torus_str_t *head,
    torus_str_t *tail);
static int torus_pattern_fault(torus_error_t *err, const char *reason,
    size_t offset, torus_str_t text);


int
torus_pattern_compile(torus_str_t text, torus_pattern_t **pattern,
    torus_error_t *err)
{
    int               rc;
    torus_pattern_t  *p;

    *pattern = NULL;

    if (text.len == 0) {
        return torus_error(err, "an empty pattern matches no name, "
                                "use \"**\" or \"~\" for all names");
    }

    if (text.len > TORUS_PATTERN_MAX) {
        return torus_error(err, "a pattern of %zu bytes is too long, at most "
                                "%d are allowed",
                           text.len, TORUS_PATTERN_MAX);
    }

    p = torus_pattern_create(text);
    if (p == NULL) {
        return TORUS_ERROR;
    }

    if (text.data[0] == '~') {
        rc = torus_pattern_regex(p, err);

    } else {
        rc = torus_pattern_plain(p, err);
    }

    if (rc != TORUS_OK) {
        torus_pattern_destroy(p);
        return rc;
    }

    *pattern = p;

    return TORUS_OK;
}


/* The struct, a copy of text and room for a literal of at most its length. */
static torus_pattern_t *
torus_pattern_create(torus_str_t text)
{
    unsigned char    *copy;
    torus_pattern_t  *p;

    p = calloc(1, sizeof(torus_pattern_t) + 2 * text.len);
    if (p == NULL) {
        return NULL;
    }

    copy = (unsigned char *) (p + 1);
    memcpy(copy, text.data, text.len);

    p->text = torus_str(copy, text.len);
    p->literal = torus_str(copy + text.len, 0);

    return p;
}


void
torus_pattern_destroy(torus_pattern_t *p)
{
    if (p == NULL) {
        return;
    }

    /* each of them takes NULL */

    pcre2_match_data_free(p->data);
    pcre2_match_context_free(p->context);
    pcre2_code_free(p->code);

    free(p);
}


static int
torus_pattern_regex(torus_pattern_t *p, torus_error_t *err)
{
    size_t       skip;
    uint32_t     options;
    torus_str_t  regex;

    skip = 1;
    options = 0;

    if (p->text.len > 1 && p->text.data[1] == '*') {
        skip = 2;
        options = PCRE2_CASELESS;
    }

    regex = torus_str(p->text.data + skip, p->text.len - skip);

    if (options == 0) {
        p->literal.len = torus_pattern_regex_literal(regex,
                                          (unsigned char *) p->literal.data);
    }

    return torus_pattern_pcre2(p, regex, options, skip, err);
}


/*
 * What every match of a regex begins with, for the simple form "^literal..".
 * With an alternative anywhere it is given up.
 */
static size_t
torus_pattern_regex_literal(torus_str_t regex, unsigned char *dst)
{
    size_t         i, n;
    unsigned char  c;

    if (regex.len == 0 || regex.data[0] != '^'
        || memchr(regex.data, '|', regex.len) != NULL)
    {
        return 0;
    }

    n = 0;

    for (i = 1; i < regex.len; i++) {
        c = regex.data[i];

        if (c == '\\' && i + 1 < regex.len
            && torus_pattern_special(regex.data[i + 1]))
        {
            c = regex.data[++i];

        } else if (torus_pattern_special(c)) {

            /* the last character may be absent from a match */
            if ((c == '*' || c == '?' || c == '{') && n > 0) {
                n--;
            }

            break;
        }

        dst[n++] = c;
    }

    return n;
}


/* Anything a regex could take for more than itself. */
static int
torus_pattern_special(unsigned char c)
{
    return strchr("\\^$.[]|()?*+{}", c) != NULL;
}


static int
torus_pattern_plain(torus_pattern_t *p, torus_error_t *err)
{
    int                    rc;
    size_t                 n;
    torus_pattern_plain_t  t;

    for (n = 0; n < p->text.len; n++) {
        if (strchr("*?[{}", p->text.data[n]) != NULL
            && p->text.data[n] != '\0')
        {
            break;
        }
    }

    p->literal = torus_str(p->text.data, n);

    if (n == p->text.len) {
        p->exact = 1;
        return TORUS_OK;
    }

    memset(&t, 0, sizeof(t));
    t.text = p->text;
    t.err = err;
    torus_buf_init(&t.regex, 0);

    rc = torus_pattern_translate(&t);

    if (rc == TORUS_OK) {
        rc = torus_pattern_pcre2(p, torus_str(t.regex.pos,
                                              torus_buf_len(&t.regex)),
                                 PCRE2_ANCHORED | PCRE2_ENDANCHORED
                                 | PCRE2_DOTALL, 0, err);
    }

    torus_buf_free(&t.regex);

    return rc;
}


static int
torus_pattern_translate(torus_pattern_plain_t *t)
{
    size_t         n;
    unsigned char  c;

    while (t->i < t->text.len) {
        c = t->text.data[t->i];

        switch (c) {

        case '*':
            for (n = t->i; n < t->text.len && t->text.data[n] == '*'; n++) {
                /* void */
            }

            if (n - t->i == 1) {
                torus_buf_addz(&t->regex, "[^.]*");

            } else {
                torus_buf_addz(&t->regex, ".*");
            }

            t->i = n;
            continue;

        case '?':
            torus_buf_addz(&t->regex, TORUS_PATTERN_ONE);
            break;

        case '[':
            if (torus_pattern_class(t) != TORUS_OK) {
                return TORUS_INVALID;
            }

            continue;

        case '{':
            if (t->depth == TORUS_PATTERN_DEPTH) {
                return torus_pattern_fault(t->err, "braces nested too deep",
                                           t->i, t->text);
            }

            t->open[t->depth++] = t->i;
            torus_buf_addz(&t->regex, "(?:");
            break;

        case '}':
            if (t->depth == 0) {
                return torus_pattern_fault(t->err, "unexpected \"}\"", t->i,
                                           t->text);
            }

            t->depth--;
            torus_buf_addz(&t->regex, ")");
            break;

        case ',':
            if (t->depth != 0) {
                torus_buf_addz(&t->regex, "|");
                break;
            }

            /* fall through */

        default:
            torus_pattern_byte(&t->regex, c);
        }

        t->i++;
    }

    if (t->depth != 0) {
        return torus_pattern_fault(t->err, "unclosed \"{\"",
                                   t->open[t->depth - 1], t->text);
    }

    return t->regex.failed ? TORUS_ERROR : TORUS_OK;
}


/*
 * "[..]": "!" or "^" in front negates, a "]" that comes first is a member.
 * The complement of a class, like "?", never holds a dot.
 */
static int
torus_pattern_class(torus_pattern_plain_t *t)
{
    int     negated;
    size_t  first, end;

    first = t->i + 1;

    negated = first < t->text.len
              && (t->text.data[first] == '!' || t->text.data[first] == '^');

    first += negated ? 1 : 0;

    for (end = first; end < t->text.len; end++) {
        if (t->text.data[end] == ']' && end != first) {
            break;
        }
    }

    if (end >= t->text.len) {
        return torus_pattern_fault(t->err, "unclosed \"[\"", t->i, t->text);
    }

    if (negated) {
        torus_buf_addz(&t->regex, "(?>" TORUS_PATTERN_MANY_BYTES "|[^.");

    } else {
        torus_buf_addz(&t->regex, "[");
    }

    if (torus_pattern_class_body(t, first, end) != TORUS_OK) {
        return TORUS_INVALID;
    }

    if (negated) {
        torus_buf_addz(&t->regex, "])");

    } else {
        torus_buf_addz(&t->regex, "]");
    }

    t->i = end + 1;

    return TORUS_OK;
}


static int
torus_pattern_class_body(torus_pattern_plain_t *t, size_t first, size_t end)
{
    size_t                i;
    const unsigned char  *p;

    p = t->text.data;

    for (i = first; i < end; i++) {

        if (p[i] >= 0x80) {
            return torus_pattern_fault(t->err, "a \"[..]\" takes ASCII "
                                       "characters only, use \"{..,..}\"",
                                       i, t->text);
        }

        torus_pattern_byte(&t->regex, p[i]);

        if (i + 2 >= end || p[i + 1] != '-') {
            continue;
        }

        if (p[i + 2] < p[i]) {
            return torus_pattern_fault(t->err, "range out of order", i,
                                       t->text);
        }

        if (p[i + 2] < 0x80) {
            torus_buf_addz(&t->regex, "-");
            torus_pattern_byte(&t->regex, p[i + 2]);
            i += 2;
        }
    }

    return TORUS_OK;
}


/* A byte that means only itself, inside a class as well. */
static void
torus_pattern_byte(torus_buf_t *regex, unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '_')
    {
        torus_buf_add(regex, &c, 1);
        return;
    }

    torus_buf_printf(regex, "\\x%02x", c);
}


/* skipped: bytes of the text as written that stand before the regex. */
static int
torus_pattern_pcre2(torus_pattern_t *p, torus_str_t regex, uint32_t options,
    size_t skipped, torus_error_t *err)
{
    int                     code;
    uint32_t                all;
    PCRE2_SIZE              offset;
    unsigned char           reason[256];
    pcre2_compile_context  *context;

    context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        return TORUS_ERROR;
    }

    /* the same on every build of PCRE2 */
    (void) pcre2_set_newline(context, PCRE2_NEWLINE_LF);

    /* names are bytes, (*UTF) would make a bad one an error */
    options |= PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;

    p->code = pcre2_compile(regex.data, regex.len, options, &code, &offset,
                            context);

    pcre2_compile_context_free(context);

    if (p->code == NULL) {
        if (pcre2_get_error_message(code, reason, sizeof(reason)) < 0) {
            strcpy((char *) reason, "invalid regex");
        }

        return torus_pattern_fault(err, (char *) reason, offset + skipped,
                                   p->text);
    }

    all = 0;
    (void) pcre2_pattern_info(p->code, PCRE2_INFO_ALLOPTIONS, &all);
    p->anchored = (all & PCRE2_ANCHORED) != 0;

    /* without a JIT, or memory for it, pcre2_match() interprets */
    (void) pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);

    /* one pair of offsets: captures are not asked for */
    p->data = pcre2_match_data_create(1, NULL);
    p->context = pcre2_match_context_create(NULL);

    if (p->data == NULL || p->context == NULL) {
        return TORUS_ERROR;
    }

    (void) pcre2_set_heap_limit(p->context, TORUS_PATTERN_HEAP);

    return TORUS_OK;
}


int
torus_pattern_match(const torus_pattern_t *p, torus_str_t s)
{
    return torus_pattern_run(p, s, torus_pattern_limit(p, s.len)) >= 0;
}


int
torus_pattern_try(const torus_pattern_t *p, torus_str_t s)
{
    int       rc;
    uint32_t  steps;

    steps = torus_pattern_limit(p, s.len);

    rc = torus_pattern_run(p, s, steps < TORUS_PATTERN_FEW
                                 ? steps : TORUS_PATTERN_FEW);

    if (rc >= 0) {
        return 1;
    }

    return rc == PCRE2_ERROR_NOMATCH ? 0 : TORUS_ERROR;
}


/* As pcre2_match(): below 0 there is no match, and why. */
static int
torus_pattern_run(const torus_pattern_t *p, torus_str_t s, uint32_t steps)
{
    int                   rc;
    const unsigned char  *data;

    if (s.len < p->literal.len
        || (p->literal.len != 0
            && memcmp(s.data, p->literal.data, p->literal.len) != 0))
    {
        return PCRE2_ERROR_NOMATCH;
    }

    if (p->exact) {
        return s.len == p->literal.len ? 0 : PCRE2_ERROR_NOMATCH;
    }

    data = (s.len == 0) ? (const unsigned char *) "" : s.data;

    (void) pcre2_set_match_limit(p->context, steps);

    rc = pcre2_match(p->code, data, s.len, 0, 0, p->data, p->context);

    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        /* the interpreter has the heap, up to its limit */
        rc = pcre2_match(p->code, data, s.len, 0, PCRE2_NO_JIT, p->data,
                         p->context);
    }

    return rc;
}


/* Enough at each place for a regex that walks the name to its end twice. */
static uint32_t
torus_pattern_limit(const torus_pattern_t *p, size_t len)
{
    size_t  limit, least;

    if (p->anchored || len >= TORUS_PATTERN_STEPS) {
        return TORUS_PATTERN_STEPS;
    }

    limit = TORUS_PATTERN_STEPS / (len + 1);
    least = 1000 + 2 * len;

    return (uint32_t) (limit > least ? limit : least);
}


torus_str_t
torus_pattern_text(const torus_pattern_t *p)
{
    return p->text;
}


torus_str_t
torus_pattern_literal(const torus_pattern_t *p)
{
    return p->literal;
}


int
torus_pattern_apart(const torus_pattern_t *a, const torus_pattern_t *b)
{
    size_t       n;
    torus_str_t  head[2], tail[2];

    if (!torus_pattern_ends(torus_pattern_text(a), &head[0], &tail[0])
        || !torus_pattern_ends(torus_pattern_text(b), &head[1], &tail[1]))
    {
        return 0;
    }

    n = head[0].len < head[1].len ? head[0].len : head[1].len;

    if (memcmp(head[0].data, head[1].data, n) != 0) {
        return 1;
    }

    n = tail[0].len < tail[1].len ? tail[0].len : tail[1].len;

    return memcmp(tail[0].data + tail[0].len - n,
                  tail[1].data + tail[1].len - n, n)
           != 0;
}


/* The literal bytes before the first and behind the last special one. */
static int
torus_pattern_ends(torus_str_t text, torus_str_t *head, torus_str_t *tail)
{
    size_t  i;

    if (text.len == 0 || text.data[0] == '~') {
        return 0;
    }

    for (i = 0; i < text.len; i++) {
        if (memchr("*?[{", text.data[i], 4) != NULL) {
            break;
        }
    }

    *head = torus_str(text.data, i);

    for (i = text.len; i != 0; i--) {
        if (memchr("*?]}", text.data[i - 1], 4) != NULL) {
            break;
        }
    }

    *tail = torus_str(text.data + i, text.len - i);

    return 1;
}


static int
torus_pattern_fault(torus_error_t *err, const char *reason, size_t offset,
    torus_str_t text)
{
    char    quoted[TORUS_PATTERN_QUOTE];
    size_t  n;

    n = torus_escape(quoted, sizeof(quoted), text);

    return torus_error(err, "%s at offset %zu of \"%.*s\"", reason, offset,
                       (int) n, quoted);
}
