/*
 * The Carbon protocol: one line as the recorded vectors have it, with our
 * departures; framing over every possible split of the reads; back-pressure;
 * limits; paths and tags made canonical.
 */

#include "torus_carbon.h"
#include "torus_number.h"
#include "torus_test.h"


#define NOW  1709208000

/* no value: the line has to be refused, by that counter */
typedef struct {
    const char       *line;
    const char       *stat;
    const char       *value;
    int64_t           timestamp;
    torus_counter_t   reason;
    const char       *why;
} departure_t;


/* What the handler saw, one line of text per call. */
typedef struct {
    char    text[65536];
    size_t  len;
    size_t  calls;
    size_t  refuse;       /* this call, counted from 1, and those after it */
    int     always;       /* or each line at first sight */
    int     seen;
} record_t;


static const torus_carbon_conf_t  conf = {
    TORUS_CARBON_LINE_MAX, TORUS_CARBON_PATH_MAX
};


static const char  nl_text[] = "the point of now that a missing, -1, 0 or N "
                               "timestamp means";
static const char  word_text[] = "what does not read as a timestamp is part "
                                 "of the value, for a set to keep";
static const char  path_text[] = "control bytes and invalid UTF-8 in a path "
                                 "are bad";
static const char  range_text[] = "beyond the year 9999";


/* Lines for which we differ from the recorded result, escaped. */
static const departure_t  departures[] = {
    { "app.hits 5 -1", "app.hits", "5", NOW, 0, nl_text },
    { "app.hits 5 N", "app.hits", "5", NOW, 0, nl_text },
    { "app.hits 5", "app.hits", "5", NOW, 0, nl_text },
    { "app.hits 1700000000", "app.hits", "1700000000", NOW, 0, nl_text },
    { "app.hits  1700000000", "app.hits", "1700000000", NOW, 0, nl_text },
    { "app.hits\\x09\\x091700000000", "app.hits", "1700000000", NOW, 0,
      nl_text },
    { "5 1700000000", "5", "1700000000", NOW, 0, nl_text },
    { " 5 1700000000", "5", "1700000000", NOW, 0, nl_text },
    { "5 5", "5", "5", NOW, 0, nl_text },
    { "app.hits=5 1700000000", "app.hits=5", "1700000000", NOW, 0, nl_text },
    { "app.hits\\xC2\\xA05 1700000000", "app.hits\xc2\xa0" "5", "1700000000",
      NOW, 0, nl_text },

    { "app.hits 5 1700000000.", "app.hits", "5", 1700000000, 0,
      "a decimal is cut, its point need not be followed by a digit" },
    { "app.hits 5 .5", "app.hits", "5", NOW, 0, "cut to 0, which is now" },
    { "app.hits 5 -1.5", "app.hits", "5", NOW, 0, "cut to -1, which is now" },

    { "app.hits 5 1.2.3", "app.hits", "5 1.2.3", NOW, 0, word_text },
    { "app.hits 5 1e9", "app.hits", "5 1e9", NOW, 0, word_text },
    { "app.hits 5 +1700000000", "app.hits", "5 +1700000000", NOW, 0,
      word_text },
    { "app.hits 5 1700000000L", "app.hits", "5 1700000000L", NOW, 0,
      word_text },
    { "app.hits 5 nan", "app.hits", "5 nan", NOW, 0, word_text },
    { "app.hits 5 now", "app.hits", "5 now", NOW, 0, word_text },
    { "app.hits 5 1700000000 x", "app.hits", "5 1700000000 x", NOW, 0,
      word_text },
    { "app.hits 5 \\xD9\\xA1", "app.hits", "5 \xd9\xa1", NOW, 0, word_text },
    { "app.hits 5 1700000000;x", "app.hits", "5 1700000000;x", NOW, 0,
      word_text },
    { "app.hits 5 1700000000\\x0B", "app.hits", "5 1700000000\v", NOW, 0,
      "only blanks, tabs and carriage returns are trimmed" },
    { "app.hits 5 1700000000\\x1C", "app.hits", "5 1700000000\x1c", NOW, 0,
      word_text },
    { "GET / HTTP/1.1", "GET", "/ HTTP/1.1", NOW, 0, word_text },
    { "app.hits 5\\x0B 1700000000", "app.hits", "5\v", 1700000000, 0,
      "a value is what stands between, whatever it is" },
    { "app.hits 5\\x0D 1700000000", "app.hits", "5\r", 1700000000, 0,
      "a value is what stands between, whatever it is" },

    { "app.hits 5 99999999999999999999", NULL, NULL, 0,
      TORUS_C_BAD_TIMESTAMP, range_text },
    { "app.hits 5 1700000000000", NULL, NULL, 0, TORUS_C_BAD_TIMESTAMP,
      range_text },

    { "\\xFF\\xFE 5 1700000000", NULL, NULL, 0, TORUS_C_BAD_PATH, path_text },
    { "\\x00 5 1700000000", NULL, NULL, 0, TORUS_C_BAD_PATH, path_text },
    { "app.hits\\x00x 5 1700000000", NULL, NULL, 0, TORUS_C_BAD_PATH,
      path_text },
    { "app.hits\\x0B5 1700000000", NULL, NULL, 0, TORUS_C_BAD_PATH,
      path_text },
    { "\\x0Capp.hits 5 1700000000", NULL, NULL, 0, TORUS_C_BAD_PATH,
      path_text },
    { "\\x85app.hits 5 1700000000", NULL, NULL, 0, TORUS_C_BAD_PATH,
      path_text },
    { "\\xA0app.hits 5 1700000000", NULL, NULL, 0, TORUS_C_BAD_PATH,
      path_text },

    { "app.hits", NULL, NULL, 0, TORUS_C_BAD_LINE, "only a path" },
    { "5", NULL, NULL, 0, TORUS_C_BAD_LINE, "only a path" },
    { "app.hits\\x0D5\\x0D1700000000", NULL, NULL, 0, TORUS_C_BAD_LINE,
      "a carriage return separates nothing: only a path" },
};


/* Chunks for which we store more than the original did. */
static const struct {
    const char  *chunk;
    const char  *seen;
    const char  *why;
} chunk_departures[] = {
    { "app.hits 1 1700000000\\x0Aweb01.cpu.load 2",
      "app.hits|1|1700000000\nweb01.cpu.load|2|1709208000\n",
      "the end of the connection ends the last line" },
    { "app.hits 1 1700000000\\x0Abad\\x0Aweb01.cpu.load 2 1700000000\\x0A",
      "app.hits|1|1700000000\nbad_line|bad\nweb01.cpu.load|2|1700000000\n",
      "a bad line is counted" },
    { "app.hits x 1700000000\\x0Aweb01.cpu.load 2 1700000000\\x0A",
      "app.hits|x|1700000000\nweb01.cpu.load|2|1700000000\n",
      "a bad value costs itself" },
    { "app.hits 1 1700000000\\x0Aweb01.cpu.load y z 1700000000\\x0A"
      "stats.timers.login 3 1700000000\\x0A",
      "app.hits|1|1700000000\nweb01.cpu.load|y z|1700000000\n"
      "stats.timers.login|3|1700000000\n",
      "a bad value costs itself" },
    { "app.hits 1 1.2.3\\x0Aweb01.cpu.load 2 1700000000\\x0A",
      "app.hits|1 1.2.3|1709208000\nweb01.cpu.load|2|1700000000\n",
      "a bad timestamp is part of the value, and costs itself" },
    { "app.hits 1 1700000000\\x0Aweb01.cpu.load 2 -1\\x0A"
      "stats.timers.login 3 1700000000\\x0A",
      "app.hits|1|1700000000\nweb01.cpu.load|2|1709208000\n"
      "stats.timers.login|3|1700000000\n",
      "-1 is the time of arrival" },
    { "app.hits 1 1700000000\\x0Aweb01.cpu.load 1_0 1700000000\\x0A"
      "stats.timers.login 3 1700000000\\x0Aa 4 1700000000\\x0A",
      "app.hits|1|1700000000\nweb01.cpu.load|1_0|1700000000\n"
      "stats.timers.login|3|1700000000\na|4|1700000000\n",
      "a bad value costs itself" },
};


/* A string of a vector is a byte string: one character is one byte. */
static torus_str_t
bytes(json_t *string, unsigned char **buf)
{
    size_t       i, n;
    torus_str_t  s;

    s = torus_test_string(string);
    *buf = malloc(s.len + 1);
    n = 0;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x80) {
            (*buf)[n++] = s.data[i];
            continue;
        }

        (*buf)[n++] = (unsigned char) (s.data[i] << 6
                                       | (s.data[i + 1] & 0x3f));
        i++;
    }

    return torus_str(*buf, n);
}


static const departure_t *
departure(const char *line)
{
    size_t  i;

    for (i = 0; i < sizeof(departures) / sizeof(departures[0]); i++) {
        if (strcmp(departures[i].line, line) == 0) {
            return &departures[i];
        }
    }

    return NULL;
}


/* The value as the store would write it, or what is wrong with it. */
static torus_str_t
number(torus_str_t s, unsigned char *dst)
{
    int            rc;
    torus_value_t  v;

    rc = torus_number_parse(s, &v);

    switch (rc) {

    case TORUS_OK:
        return torus_str(dst, torus_number_print(dst, &v));

    case TORUS_NUMBER_NAN:
        return torus_str("nan", 3);

    case TORUS_NUMBER_INF:
        return torus_str("inf", 3);

    default:
        return torus_str("bad", 3);
    }
}


/* Values that we read in another way, or print in another way. */
static const char *
number_departure(torus_str_t raw, const char *value)
{
    size_t  i;

    if (torus_str_is(raw, "5L") || torus_str_is(raw, "5l")
        || torus_str_is(raw, "- 5"))
    {
        return "bad";             /* Python 2 only */
    }

    if (strcmp(value, "-inf") == 0) {
        return "inf";             /* refused, whatever the sign */
    }

    /* integers beyond 64 bits become doubles */

    for (i = 0; value[i] == '-' || (value[i] >= '0' && value[i] <= '9'); i++) {
        /* void */
    }

    if (value[i] == '\0' && torus_str_is(raw, "9223372036854775808")) {
        return "9.223372036854776e+18";
    }

    if (value[i] == '\0'
        && torus_str_is(raw, "123456789012345678901234567890"))
    {
        return "1.2345678901234568e+29";
    }

    /* even too large for a double */

    if (value[i] == '\0' && i > 309) {
        return "inf";
    }

    return value;
}


static void
check_vector(json_t *c, size_t *departed)
{
    int                    rc;
    char                   name[1024];
    int64_t                ts;
    json_t                *raw;
    torus_str_t            line;
    const char            *result, *want;
    unsigned char         *buf, *rawbuf, scratch[TORUS_CARBON_PATH_MAX];
    unsigned char          printed[TORUS_NUMBER_SIZE];
    torus_counter_t        reason;
    const departure_t     *d;
    torus_carbon_point_t   point;

    line = bytes(torus_test_member(c, "line"), &buf);
    result = json_string_value(torus_test_member(c, "result"));
    name[torus_escape(name, sizeof(name) - 1, line)] = '\0';

    reason = TORUS_C_POINTS_RECEIVED;
    rc = torus_carbon_line(&conf, line, NOW, scratch, &point, &reason);

    d = departure(name);

    if (d != NULL) {
        (*departed)++;

        if (d->value == NULL) {
            ok(rc == TORUS_INVALID && reason == d->reason,
               "\"%s\" is bad: %s", name, d->why);

        } else if (ok(rc == TORUS_OK, "\"%s\" is taken: %s", name, d->why)) {
            is_str(point.stat, d->stat, "... its stat");
            is_str(point.value, d->value, "... its value");
            is_int(point.timestamp, d->timestamp, "... its timestamp");
        }

        free(buf);
        return;
    }

    if (strcmp(result, "blank") == 0) {
        is_int(rc, TORUS_DECLINED, "\"%s\" is empty", name);
        free(buf);
        return;
    }

    raw = json_object_get(c, "raw_value");

    if (strncmp(name, "bbbb", 4) == 0) {
        ok(rc == TORUS_INVALID && reason == TORUS_C_BAD_LENGTH,
           "a path of %zu bytes is too long", line.len - 13);
        free(buf);
        return;
    }

    if (strcmp(name, "app.hits 5 1700000000\\x00") == 0) {
        is_int(rc, TORUS_OK, "a NUL behind a timestamp makes it a word");
        is_mem(point.value.data, point.value.len, "5 1700000000\0", 13,
               "... of the value");
        free(buf);
        return;
    }

    if (raw == NULL) {

        /* 300 digits of a timestamp, too long to be written down above */

        ok(line.len > 300 && rc == TORUS_INVALID
           && reason == TORUS_C_BAD_TIMESTAMP, "\"%s\" is out of range", name);
        free(buf);
        return;
    }

    if (!is_int(rc, TORUS_OK, "\"%s\" is taken", name)) {
        free(buf);
        return;
    }

    ts = torus_test_integer(torus_test_member(c, "timestamp"));
    is_int(point.timestamp, ts == 0 ? NOW : ts, "... its timestamp");

    line = bytes(torus_test_member(c, "stat"), &rawbuf);
    ok(torus_str_eq(point.stat, line), "... its stat");
    free(rawbuf);

    line = bytes(raw, &rawbuf);
    ok(torus_str_eq(point.value, line), "... its value");

    want = "bad";

    if (strcmp(result, "ok") == 0) {
        want = json_string_value(torus_test_member(c, "value"));
        want = number_departure(line, want);
    }

    is_str(number(point.value, printed), want, "... is stored or refused");

    free(rawbuf);
    free(buf);
}


static void
test_lines(void)
{
    size_t   i, departed;
    json_t  *root, *cases;

    root = torus_test_json("t/vectors/lines.json");
    cases = torus_test_cases(root);
    departed = 0;

    for (i = 0; i < json_array_size(cases); i++) {
        check_vector(json_array_get(cases, i), &departed);
    }

    is_int((int64_t) departed, sizeof(departures) / sizeof(departures[0]),
           "each departure meets its vector");

    json_decref(root);
}


static int
handler(void *data, const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line)
{
    int        n;
    record_t  *r = data;

    if (r->always && !r->seen) {
        r->seen = 1;
        return TORUS_AGAIN;
    }

    r->seen = 0;
    r->calls++;

    if (r->refuse != 0 && r->calls >= r->refuse) {
        return TORUS_AGAIN;
    }

    if (point == NULL) {
        n = snprintf(r->text + r->len, sizeof(r->text) - r->len, "%s|%.*s\n",
                     torus_counter_name(reason), torus_fmt(line));

    } else {
        n = snprintf(r->text + r->len, sizeof(r->text) - r->len,
                     "%.*s|%.*s|%" PRId64 "\n", torus_fmt(point->stat),
                     torus_fmt(point->value), point->timestamp);
    }

    if (n < 0 || (size_t) n >= sizeof(r->text) - r->len) {
        bail_out("the record is full");
    }

    r->len += (size_t) n;

    return TORUS_OK;
}


/* Feeds until all is taken, as a session does after back-pressure. */
static int
feed(torus_carbon_t *c, torus_str_t s, record_t *r)
{
    int             rc, tries;
    size_t          consumed;
    unsigned char  *copy;

    tries = 0;

    /* of its own, so that a read beyond the end is found */

    do {
        copy = malloc(s.len == 0 ? 1 : s.len);

        if (s.len != 0) {
            memcpy(copy, s.data, s.len);
        }

        rc = torus_carbon_feed(c, copy, s.len, NOW, handler, r, &consumed);

        free(copy);

        if (rc == TORUS_OK && consumed != s.len) {
            bail_out("all is said to be taken, but is not");
        }

        s = torus_str(s.data + consumed, s.len - consumed);

        if (++tries > 100000) {
            bail_out("feeding makes no progress");
        }

    } while (rc == TORUS_AGAIN && r->refuse == 0);

    return rc;
}


/*
 * The same lines are seen wherever the reads are cut, also when each line is
 * refused at first sight.
 */
static int
splits(torus_str_t s, const torus_carbon_conf_t *cf, const char *want)
{
    int              good, always;
    size_t           i, j;
    record_t        *r;
    torus_carbon_t   c;

    good = 1;
    r = malloc(sizeof(record_t));

    for (always = 0; always < 2; always++) {

        /* in two at i; at s.len + 1 byte by byte */

        for (i = 0; i <= s.len + 1; i++) {
            memset(r, 0, sizeof(record_t));
            r->always = always;

            torus_carbon_init(&c, cf);

            if (i <= s.len) {
                feed(&c, torus_str(s.data, i), r);
                feed(&c, torus_str(s.data + i, s.len - i), r);

            } else {
                for (j = 0; j < s.len; j++) {
                    feed(&c, torus_str(s.data + j, 1), r);
                }
            }

            while (torus_carbon_end(&c, NOW, handler, r) == TORUS_AGAIN) {
                /* void */
            }

            if (torus_carbon_held(&c) != 0 || r->len != strlen(want)
                || memcmp(r->text, want, r->len) != 0)
            {
                if (good) {
                    diag("cut at %zu: got \"%.*s\"", i, (int) r->len, r->text);
                }

                good = 0;
            }

            torus_carbon_free(&c);
        }
    }

    free(r);

    return good;
}


/* A datagram holds the same lines, with nothing kept. */
static int
datagram(torus_str_t s, const torus_carbon_conf_t *cf, const char *want)
{
    int        good;
    size_t     consumed;
    record_t  *r;

    r = calloc(1, sizeof(record_t));

    good = torus_carbon_datagram(cf, s.data, s.len, NOW, handler, r, &consumed)
           == TORUS_OK
           && consumed == s.len && r->len == strlen(want)
           && memcmp(r->text, want, r->len) == 0;

    free(r);

    return good;
}


static size_t
chunk_want(json_t *c, const char *name, char *want, size_t size)
{
    size_t   i, n;
    json_t  *processed, *p;

    n = sizeof(chunk_departures) / sizeof(chunk_departures[0]);

    for (i = 0; i < n; i++) {
        if (strcmp(chunk_departures[i].chunk, name) == 0) {
            snprintf(want, size, "%s", chunk_departures[i].seen);
            return 1;
        }
    }

    processed = torus_test_member(c, "processed");
    want[0] = '\0';

    for (i = 0; i < json_array_size(processed); i++) {
        p = json_array_get(processed, i);
        n = strlen(want);

        snprintf(want + n, size - n, "%s|%s|%" JSON_INTEGER_FORMAT "\n",
                 json_string_value(json_array_get(p, 0)),
                 json_string_value(json_array_get(p, 1)),
                 (json_int_t) torus_test_integer(json_array_get(p, 2)));
    }

    return 0;
}


static void
test_chunks(void)
{
    char            name[1024], want[1024];
    size_t          i, departed;
    json_t         *root, *cases, *c;
    torus_str_t     chunk;
    unsigned char  *buf;

    root = torus_test_json("t/vectors/chunks.json");
    cases = torus_test_cases(root);
    departed = 0;

    for (i = 0; i < json_array_size(cases); i++) {
        c = json_array_get(cases, i);
        chunk = bytes(torus_test_member(c, "chunk"), &buf);
        name[torus_escape(name, sizeof(name) - 1, chunk)] = '\0';

        departed += chunk_want(c, name, want, sizeof(want));

        if (strstr(name, " 9999999999") != NULL) {
            departed++;
            snprintf(want, sizeof(want), "bad_timestamp|%.*s\n"
                     "web01.cpu.load|2|1700000000\n",
                     (int) ((unsigned char *) memchr(chunk.data, '\n',
                                                     chunk.len) - chunk.data),
                     (const char *) chunk.data);
        }

        ok(splits(chunk, &conf, want), "\"%.100s\" however it is cut", name);
        ok(datagram(chunk, &conf, want), "... and in a datagram");

        free(buf);
    }

    is_int((int64_t) departed, 1 + sizeof(chunk_departures)
                                   / sizeof(chunk_departures[0]),
           "each departure meets its vector");

    json_decref(root);
}


static void
test_too_long(void)
{
    const char           *s;
    torus_carbon_conf_t   cf;

    cf.line_max = 16;
    cf.path_max = 8;

    s = "a 1 1700000000\nabcdefgh 12345678901234567890 1700000000\n"
        "b 2 1700000000\n";

    ok(splits(torus_str(s, strlen(s)), &cf,
              "a|1|1700000000\nbad_length|abcdefgh 1234567\nb|2|1700000000\n"),
       "a line too long costs itself, and is counted once");

    s = "abcdefghi 1 17\nabcdefgh 1 17\na.b.c.d. 1 17\n";

    ok(splits(torus_str(s, strlen(s)), &cf,
              "bad_length|abcdefghi 1 17\nabcdefgh|1|17\na.b.c.d|1|17\n"),
       "a path too long costs itself");

    s = "a 12345678901234\na 123456789012345\n";

    ok(splits(torus_str(s, strlen(s)), &cf,
              "a|12345678901234|1709208000\nbad_length|a 12345678901234\n"),
       "a line of just the length is taken");

    s = "b 2 1700000000\nabcdefgh 12345678901234567890 1700000000";

    ok(splits(torus_str(s, strlen(s)), &cf,
              "b|2|1700000000\nbad_length|abcdefgh 1234567\n"),
       "a line too long need not end");
    ok(datagram(torus_str(s, strlen(s)), &cf,
                "b|2|1700000000\nbad_length|abcdefgh 1234567\n"),
       "... not in a datagram either");
}


static void
test_memory(void)
{
    size_t           i, consumed;
    record_t        *r;
    torus_carbon_t   c;

    r = calloc(1, sizeof(record_t));

    torus_carbon_init(&c, &conf);

    for (i = 0; i < 100; i++) {
        torus_carbon_feed(&c, (const unsigned char *) "a 1 1700000000\n", 15,
                          NOW, handler, r, &consumed);
    }

    ok(c.partial == NULL, "nothing is held for lines that come whole");

    for (i = 0; i < 1000000; i++) {
        torus_carbon_feed(&c, (const unsigned char *) "x", 1, NOW, handler, r,
                          &consumed);
    }

    ok(c.size <= 2 * TORUS_CARBON_LINE_MAX, "a line without end holds little");
    is_int((int64_t) r->calls, 101, "... and is told once");

    torus_carbon_free(&c);
    free(r);
}


static void
test_stop(void)
{
    int              rc;
    size_t           consumed;
    record_t        *r;
    torus_carbon_t   c;

    r = calloc(1, sizeof(record_t));

    torus_carbon_init(&c, &conf);

    r->refuse = 2;
    rc = torus_carbon_feed(&c, (const unsigned char *) "a 1 17\nb 2 17\nc", 15,
                           NOW, handler, r, &consumed);

    is_int(rc, TORUS_AGAIN, "what the handler returned is told");
    is_int((int64_t) consumed, 7, "... the line it refused is not consumed");

    rc = torus_carbon_datagram(&conf, (const unsigned char *) "b 2", 3, NOW,
                               handler, r, &consumed);

    ok(rc == TORUS_AGAIN && consumed == 0, "... nor is it in a datagram");

    r->refuse = 0;
    feed(&c, torus_str("b 2 17\nc", 8), r);

    r->refuse = r->calls + 1;
    is_int(torus_carbon_end(&c, NOW, handler, r), TORUS_AGAIN,
           "the last line may be refused");
    is_int((int64_t) torus_carbon_held(&c), 1, "... and is still held");

    r->refuse = 0;
    torus_carbon_end(&c, NOW, handler, r);
    is_mem(r->text, r->len, "a|1|17\nb|2|17\nbad_line|c\n", 25,
           "... and comes again");

    torus_carbon_free(&c);
    free(r);
}


/* path NULL: bad, by that counter */
static void
check_path(const char *text, const char *path, torus_counter_t want,
    const char *what)
{
    int                   rc;
    char                  line[8192];
    size_t                pad;
    unsigned char        *copy, scratch[TORUS_CARBON_PATH_MAX];
    torus_counter_t       reason;
    torus_carbon_point_t  point;

    /* the value's length moves the path in and out of the last 16 bytes */

    for (pad = 1; pad < 20; pad += 9) {
        snprintf(line, sizeof(line), "%s %0*d", text, (int) pad, 1);
        copy = malloc(strlen(line));
        memcpy(copy, line, strlen(line));

        reason = TORUS_C_POINTS_RECEIVED;
        rc = torus_carbon_line(&conf, torus_str(copy, strlen(line)), NOW,
                               scratch, &point, &reason);

        if (path == NULL) {
            ok(rc == TORUS_INVALID && reason == want, "%s", what);

        } else if (ok(rc == TORUS_OK, "%s", what)) {
            is_str(point.stat, path, "... as \"%s\"", path);
        }

        free(copy);
    }
}


static void
test_paths(void)
{
    size_t  i;
    char    text[8192];

    check_path("a..b", "a.b", 0, "an empty node is squeezed");
    check_path(".a.b", "a.b", 0, "a leading dot");
    check_path("a.b.", "a.b", 0, "a trailing dot");
    check_path("...a....b.c..", "a.b.c", 0, "many dots");
    check_path("aaaaaaaaaaaaaaa..b", "aaaaaaaaaaaaaaa.b", 0,
               "dots on both sides of 16 bytes");
    check_path("aaaaaaaaaaaaaaaa..b.c", "aaaaaaaaaaaaaaaa.b.c", 0,
               "dots behind 16 bytes");
    check_path("..", NULL, TORUS_C_BAD_PATH, "only dots");

    check_path("a;z=1;b=2", "a;b=2;z=1", 0, "tags are sorted");
    check_path("a;ab=1;a=2;b=3;aa=4", "a;a=2;aa=4;ab=1;b=3", 0,
               "... a prefix first");
    check_path("a;b=1;c=2;b=3", "a;b=3;c=2", 0, "the last of a tag wins");
    check_path("a..b;f=x..y", "a.b;f=x..y", 0, "dots in a tag are its own");
    check_path("a;b=c=d", "a;b=c=d", 0, "an equals sign in a value");
    check_path("a;name=x;b=1", "a;b=1", 0, "the path is the name");
    check_path("a;b", NULL, TORUS_C_BAD_PATH, "a tag without value");
    check_path("a;b=", NULL, TORUS_C_BAD_PATH, "a tag with an empty value");
    check_path("a;=b", NULL, TORUS_C_BAD_PATH, "a value without tag");
    check_path("a;", NULL, TORUS_C_BAD_PATH, "a semicolon at the end");
    check_path("a;b=1;", NULL, TORUS_C_BAD_PATH, "... behind a tag");
    check_path("a;b=~c", NULL, TORUS_C_BAD_PATH, "a value that begins with ~");
    check_path("a;b!=c", NULL, TORUS_C_BAD_PATH, "a tag with !");
    check_path("a;^b=c", NULL, TORUS_C_BAD_PATH, "a tag with ^");
    check_path(";b=c", NULL, TORUS_C_BAD_PATH, "tags without a path");

    check_path("caf\xc3\xa9", "caf\xc3\xa9", 0, "two bytes of UTF-8");
    check_path("\xe2\x82\xac.x", "\xe2\x82\xac.x", 0, "three");
    check_path("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 0, "four");
    check_path("a\xc3", NULL, TORUS_C_BAD_PATH, "a sequence cut short");
    check_path("a\xc0\xaf", NULL, TORUS_C_BAD_PATH, "an overlong one");
    check_path("a\xe0\x80\xaf", NULL, TORUS_C_BAD_PATH, "... of three bytes");
    check_path("a\xed\xa0\x80", NULL, TORUS_C_BAD_PATH, "a surrogate");
    check_path("a\xf4\x90\x80\x80", NULL, TORUS_C_BAD_PATH, "beyond Unicode");
    check_path("a\x80", NULL, TORUS_C_BAD_PATH, "a stray continuation");
    check_path("a\x7f", NULL, TORUS_C_BAD_PATH, "delete is a control byte");
    check_path("a\x01.bcdefghijklmnopqr", NULL, TORUS_C_BAD_PATH,
               "a control byte");

    memset(text, 'a', TORUS_CARBON_PATH_MAX);
    text[TORUS_CARBON_PATH_MAX] = '\0';
    check_path(text, text, 0, "a path of just the length");

    text[0] = ';';
    check_path(text, NULL, TORUS_C_BAD_PATH, "... of a tag");

    strcat(text, "a");
    check_path(text, NULL, TORUS_C_BAD_LENGTH, "a path too long");

    strcpy(text, "a");

    for (i = 0; i <= TORUS_CARBON_TAGS_MAX; i++) {
        snprintf(text + strlen(text), 16, ";t%zu=1", 1000 - i);
    }

    check_path(text, NULL, TORUS_C_BAD_LENGTH, "too many tags");
}


/* The quick way to read ten digits must agree with the other one. */
static void
test_stamps(void)
{
    static const struct {
        const char  *line;
        const char  *value;
        int64_t      timestamp;
    } stamps[] = {
        { "a 1 0000000000", "1", NOW },
        { "a 1 0000000001", "1", 1 },
        { "a 1 1234567890", "1", 1234567890 },
        { "a 1 9999999999", "1", 9999999999 },
        { "a 1 00001234567890", "1", 1234567890 },
        { "a 1 123456789", "1", 123456789 },
        { "a 1 12345678901", "1", 12345678901 },
        { "a 1 253402300799", "1", 253402300799 },
        { "a 1 253402300800", NULL, 0 },
        { "a 1 -5", NULL, 0 },
        { "a 1 -2", NULL, 0 },
        { "a 1 -1.0", "1", NOW },
        { "a 1 -0", "1", NOW },
        { "a 1 -", "1 -", NOW },
        { "a 1 .", "1 .", NOW },
        { "a 1 NN", "1 NN", NOW },
        { "a 1 123456789x", "1 123456789x", NOW },
        { "a 1 x123456789", "1 x123456789", NOW },
        { "a 1 1x23456789", "1 1x23456789", NOW },
        { "a 1 12345:6789", "1 12345:6789", NOW },
        { "a 1 12345/6789", "1 12345/6789", NOW },
        { "a 1 12345?6789", "1 12345?6789", NOW },
        { "a 1 1234567890.75", "1", 1234567890 },
        { "a b c 1700000000", "b c", 1700000000 },
        { "a b\t c \t 1700000000", "b\t c", 1700000000 },
        { "a 1234567890", "1234567890", NOW },
        { "ab  1234567890", "1234567890", NOW },
        { "a   5 abc", "5 abc", NOW },
        { "a 1   N  ", "1", NOW },
    };

    int                   rc;
    size_t                i;
    unsigned char        *copy, scratch[TORUS_CARBON_PATH_MAX];
    torus_counter_t       reason;
    torus_carbon_point_t  point;

    for (i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
        copy = malloc(strlen(stamps[i].line));
        memcpy(copy, stamps[i].line, strlen(stamps[i].line));

        reason = TORUS_C_POINTS_RECEIVED;
        rc = torus_carbon_line(&conf,
                               torus_str(copy, strlen(stamps[i].line)), NOW,
                               scratch, &point, &reason);

        if (stamps[i].value == NULL) {
            ok(rc == TORUS_INVALID && reason == TORUS_C_BAD_TIMESTAMP,
               "\"%s\" is out of range", stamps[i].line);

        } else if (ok(rc == TORUS_OK, "\"%s\" is taken", stamps[i].line)) {
            is_str(point.value, stamps[i].value, "... its value");
            is_int(point.timestamp, stamps[i].timestamp, "... its timestamp");
        }

        free(copy);
    }
}


/*
 * Lines of the usual form are read in a way of their own: mutations of them
 * must come out as torus_carbon_line() has them.
 */
static void
test_usual(void)
{
    static const char  alphabet[] = "..;; \t\r-N0019=a\x7f\x01\xc3\xa9\v,";

    int                    rc, good;
    char                   line[256], want[512];
    size_t                 i, k, n, at, consumed;
    uint64_t               seed;
    record_t              *r;
    unsigned char          scratch[TORUS_CARBON_PATH_MAX];
    torus_counter_t        reason;
    torus_carbon_conf_t    cf;
    torus_carbon_point_t   point;

    r = malloc(sizeof(record_t));
    good = 1;
    seed = 7;

    for (i = 0; i < 200000; i++) {
        seed = torus_hash(&seed, sizeof(seed), i);

        n = (size_t) snprintf(line, sizeof(line), "%.*s %u 1700000%03u%s",
                              1 + (int) (seed % 40),
                              "stats.a.bcdefgh.ij.klmnop.qrstuvwx.yz.end",
                              (unsigned) (seed >> 8) % 1000,
                              (unsigned) (seed >> 20) % 1000,
                              (seed >> 32) % 4 == 0 ? "\r" : "");

        for (k = (seed >> 40) % 3; k > 0; k--) {
            seed = torus_hash(&seed, sizeof(seed), k);
            at = seed % n;
            line[at] = alphabet[(seed >> 20) % (sizeof(alphabet) - 1)];

            if ((seed >> 50) % 4 == 0) {
                n = at + 1;
            }
        }

        line[n] = '\n';

        cf.line_max = (i & 1) ? n - (i & 2) / 2 : TORUS_CARBON_LINE_MAX;
        cf.path_max = (i & 4) ? 20 : TORUS_CARBON_PATH_MAX;

        reason = TORUS_C_BAD_LENGTH;
        rc = (n > cf.line_max) ? TORUS_INVALID
                               : torus_carbon_line(&cf, torus_str(line, n),
                                                   NOW, scratch, &point,
                                                   &reason);

        want[0] = '\0';

        if (rc == TORUS_OK) {
            snprintf(want, sizeof(want), "%.*s|%.*s|%" PRId64 "\n",
                     torus_fmt(point.stat), torus_fmt(point.value),
                     point.timestamp);

        } else if (rc == TORUS_INVALID) {
            snprintf(want, sizeof(want), "%s|%.*s\n",
                     torus_counter_name(reason),
                     (int) (n > cf.line_max ? cf.line_max : n), line);
        }

        r->len = 0;
        r->calls = 0;
        r->refuse = 0;
        r->always = 0;
        r->text[0] = '\0';

        torus_carbon_datagram(&cf, (unsigned char *) line, n + 1, NOW,
                              handler, r, &consumed);

        if (strcmp(r->text, want) != 0) {
            if (good) {
                diag("got \"%s\", expected \"%s\"", r->text, want);
            }

            good = 0;
        }
    }

    ok(good, "200000 lines near the usual form are read as any other");

    free(r);
}


/* What has to become of a path without tags: empty nodes go. */
static void
squeeze(char *dst, const char *path)
{
    size_t  n;

    for (n = 0; *path != '\0'; path++) {
        if (*path != '.' || (n != 0 && dst[n - 1] != '.')) {
            dst[n++] = *path;
        }
    }

    dst[n - (dst[n - 1] == '.')] = '\0';
}


/*
 * Any two bytes at any place, of which sixteen are looked at together, and
 * a dot with any other at any place of paths of any length.
 */
static void
test_pairs(void)
{
    int        good;
    char       first, second, path[64], line[128], want[128];
    size_t     len, at, i, consumed;
    record_t  *r;

    r = malloc(sizeof(record_t));
    good = 1;

    for (len = 20; len <= 36; len++) {
        for (at = 0; at < len; at++) {
            for (i = 0; i < 94 * 94; i++) {
                first = (char) ('!' + i % 94);
                second = (char) ('!' + i / 94);

                if (first == ';' || second == ';'
                    || (len != 36 && first != '.' && second != '.'))
                {
                    continue;
                }

                strcpy(path, "stats.timers-abcdefghij.klm_nopqrstu");
                path[at] = first;
                path[at + 1] = second;
                path[len] = '\0';

                snprintf(line, sizeof(line), "%s 5 1700000000\r\n", path);
                squeeze(want, path);
                strcat(want, "|5|1700000000\n");

                memset(r, 0, sizeof(record_t));

                torus_carbon_datagram(&conf, (unsigned char *) line,
                                      strlen(line), NOW, handler, r,
                                      &consumed);

                if (strcmp(r->text, want) != 0) {
                    if (good) {
                        diag("got \"%s\", expected \"%s\"", r->text, want);
                    }

                    good = 0;
                }
            }
        }
    }

    ok(good, "any two bytes at any place of a path");

    free(r);
}


static void
test_names(void)
{
    is_cstr(torus_counter_name(TORUS_C_POINTS_RECEIVED), "points_received",
            "the first counter has a name");
    is_cstr(torus_counter_name(TORUS_C_VALUES_UNREADABLE), "values_unreadable",
            "so has the last one");
    ok(torus_counter_name(TORUS_COUNTERS_N) == NULL, "and no other");
}


int
main(void)
{
    test_lines();
    test_chunks();
    test_too_long();
    test_memory();
    test_stop();
    test_paths();
    test_stamps();
    test_usual();
    test_pairs();
    test_names();

    return done_testing();
}
