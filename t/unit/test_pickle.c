/*
 * Frames as real writers make them come out as points, however they are cut
 * over reads and wherever the handler stops; elements that are no points
 * cost only themselves; all other frames are refused, at once and within
 * bounds.
 */

#include "torus_pickle.h"
#include "torus_interval.h"
#include "torus_test.h"


#define NOW  1700000500

#define frame(s)    torus_string(s)
#define literal(s)  torus_str(s, sizeof(s) - 1)


typedef struct {
    char    text[65536];
    size_t  len;
    size_t  calls;
    size_t  taken;
    size_t  refuse;       /* the call with this number, once; 1 is the first */
} record_t;


static const torus_carbon_conf_t  conf = {
    TORUS_CARBON_LINE_MAX, TORUS_CARBON_PATH_MAX
};


/* the three points of POINTS by Python's pickle.dumps(), protocol by number */

#define POINTS                                                                \
    "a.b.c|1.5|1700000000\n"                                                  \
    "d.e;a=2;z=1|-7|1700000060\n"                                             \
    "f.g|42|1700000120\n"

static const torus_str_t  protocols[] = {

    frame("(lp0\n(Va.b.c\np1\n(I1700000000\nF1.5\ntp2\ntp3\na(Vd.e;z=1;a=2\n"
          "p4\n(F1700000060.9\nI-7\ntp5\ntp6\na(Vf..g\np7\n(V1700000120\np8"
          "\nV42\np9\ntp10\ntp11\na."),

    frame("]q\x00((X\x05\x00\x00\x00""a.b.cq\x01(J\x00\xf1SeG\x3f\xf8\x00\x00"
          "\x00\x00\x00\x00tq\x02tq\x03(X\x0b\x00\x00\x00""d.e;z=1;a=2q\x04(G"
          "A\xd9T\xfcO9\x99\x9aJ\xf9\xff\xff\xfftq\x05tq\x06(X\x04\x00\x00"
          "\x00""f..gq\x07(X\n\x00\x00\x00""1700000120q\x08X\x02\x00\x00\x00"
          "42q\x09tq\ntq\x0b""e."),

    frame("\x80\x02]q\x00(X\x05\x00\x00\x00""a.b.cq\x01J\x00\xf1SeG\x3f\xf8"
          "\x00\x00\x00\x00\x00\x00\x86q\x02\x86q\x03X\x0b\x00\x00\x00""d.e;"
          "z=1;a=2q\x04GA\xd9T\xfcO9\x99\x9aJ\xf9\xff\xff\xff\x86q\x05\x86q"
          "\x06X\x04\x00\x00\x00""f..gq\x07X\n\x00\x00\x00""1700000120q\x08X"
          "\x02\x00\x00\x00""42q\x09\x86q\n\x86q\x0b""e."),

    frame("\x80\x04\x95\\\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x05""a.b.c"
          "\x94J\x00\xf1SeG\x3f\xf8\x00\x00\x00\x00\x00\x00\x86\x94\x86\x94"
          "\x8c\x0b""d.e;z=1;a=2\x94GA\xd9T\xfcO9\x99\x9aJ\xf9\xff\xff\xff"
          "\x86\x94\x86\x94\x8c\x04""f..g\x94\x8c\n1700000120\x94\x8c\x02""42"
          "\x94\x86\x94\x86\x94""e.")
};


static const struct {
    const char   *what;
    torus_str_t   frame;
    const char   *want;
} senders[] = {

    { "statsd: protocol 0, strings in quotes",
      frame("(l(S'stats.x'\n(L1795449609L\nS'0'\ntta(S'stats.y'\n"
            "(L1795449609L\nS'1.2e-7'\ntta."),
      "stats.x|0|1795449609\nstats.y|1.2e-7|1795449609\n" },

    { "brubeck: protocol 1, one mark for all elements",
      frame("]q\x01((U\x03""a.bq\x02(J\x00\xf1SeG@\x09!\xfb""TD-\x18tt"
            "(U\x03""c.dq\x03(J\x01\xf1SeG\xbf\xe0\x00\x00\x00\x00\x00\x00"
            "tte."),
      "a.b|3.141592653589793|1700000000\nc.d|-0.5|1700000001\n" },

    { "carbon-relay: protocol 2, K and M",
      frame("\x80\x02]q\x01(X\x03\x00\x00\x00""a.bJ\x00\xf1SeK\xff\x86\x86"
            "X\x03\x00\x00\x00""c.dJ\x00\xf1SeM\x01\x02\x86\x86""e."),
      "a.b|255|1700000000\nc.d|513|1700000000\n" },

    { "a tuple shared by two elements, by the memo",
      frame("\x80\x02]q\x00(X\x03\x00\x00\x00s.aq\x01J\x00\xf1SeK\x03\x86q"
            "\x02\x86q\x03X\x03\x00\x00\x00s.bq\x04h\x02\x86q\x05""e."),
      "s.a|3|1700000000\ns.b|3|1700000000\n" },

    { "lists in place of tuples, Latin-1 and \\u, a boolean",
      frame("(lp0\n(lp1\nVu.\xe4\\u00e9x\np2\na(lp3\nI1700000000\naI01\naaa."),
      "u.\xc3\xa4\xc3\xa9x|1|1700000000\n" },

    { "a tuple of elements, bytes, strings with escapes and old quotes",
      frame("((C\x03""b.c(I1700000000\nI2\ntt(S\"q\\x41.\\\"\"\n(I0\n"
            "I3\nttt."),
      "b.c|2|1700000000\nqA.\"|3|1700000500\n" },

    { "an empty list", frame("\x80\x02]q\x00."), "" },

    { "what stands behind the end is not read", frame("].garbage"), "" },

    { "integers beyond 64 bits, and text as a value",
      frame("\x80\x02](X\x01\x00\x00\x00""aJ\x00\xf1Se\x8a\x09\x00\x00\x00"
            "\x00\x00\x00\x00\x80\x00\x86\x86"
            "X\x01\x00\x00\x00""bJ\x00\xf1Se\x8a\x09\x00\x00\x00\x00\x00\x00"
            "\x00\x00\xff\x86\x86"
            "X\x01\x00\x00\x00""cJ\x00\xf1Se\x8b\x0a\x00\x00\x00\x01\x00\x00"
            "\x00\x00\x00\x00\x00\x00\x80\x86\x86"
            "X\x01\x00\x00\x00""dJ\x00\xf1Se\x8a\x00\x86\x86"
            "X\x01\x00\x00\x00""eJ\x00\xf1Se\x8a\x08\x00\x00\x00\x00\x00\x00"
            "\x00\x80\x86\x86"
            "X\x01\x00\x00\x00""fJ\x00\xf1SeX\x07\x00\x00\x00some on\x86\x86"
            "(X\x01\x00\x00\x00g(I1700000000\nL-340282366920938463463374607"
            "431768211456L\ntt" "e."),
      "a|9223372036854775808|1700000000\n"
      "b|-18446744073709551616|1700000000\n"
      "c|-604462909807314587353087|1700000000\n"
      "d|0|1700000000\n"
      "e|-9223372036854775808|1700000000\n"
      "f|some on|1700000000\n"
      "g|-340282366920938463463374607431768211456|1700000000\n" },

    { "floats that are no numbers are left to the store",
      frame("((Va\n(I5\nG\x7f\xf8\x00\x00\x00\x00\x00\x00tt(Vb\n(I5\nG\xff"
            "\xf0\x00\x00\x00\x00\x00\x00tt(Vc\n(I5\nFinf\nttt."),
      "a|nan|5\nb|-inf|5\nc|inf|5\n" },

    { "timestamps that mean now",
      frame("((Va\n(I-1\nI1\ntt(Vb\n(I0\nI2\ntt(Vc\n(VN\nI3\ntt(Vd\n(F-0.5\n"
            "I4\ntt(Ve\n(G\xbf\xf0\x00\x00\x00\x00\x00\x00I5\nttt."),
      "a|1|1700000500\nb|2|1700000500\nc|3|1700000500\nd|4|1700000500\n"
      "e|5|1700000500\n" },

    { "elements that are no points cost only themselves",
      frame("\x80\x02]q\x00(X\x04\x00\x00\x00ok.1q\x01J\x00\xf1SeK\x01\x86q"
            "\x02\x86q\x03NX\x01\x00\x00\x00xq\x04\x85q\x05X\x01\x00\x00\x00"
            "yq\x06K\x01\x85q\x07\x86q\x08K\x05h\x02\x86q\x09X\x01\x00\x00"
            "\x00zq\nJ\x00\xf1SeN\x86q\x0b\x86q\x0cX\x01\x00\x00\x00tq\x0dNK"
            "\x01\x86q\x0e\x86q\x0fX\x01\x00\x00\x00""dq\x10J\x00\xf1Se}q"
            "\x11(X\x01\x00\x00\x00""aq\x12K\x01X\x01\x00\x00\x00""bq\x13]q"
            "\x14K\x02""au\x86q\x15\x86q\x16X\x06\x00\x00\x00sp aceq\x17h"
            "\x02\x86q\x18X\x00\x00\x00\x00q\x19h\x02\x86q\x1aX\x04\x00\x00"
            "\x00lateq\x1b\x8a\x07\x00\x80\xc6\xa4~\x8d\x03K\x01\x86q\x1c\x86"
            "q\x1dX\x04\x00\x00\x00ok.2q\x1eJ\x00\xf1SeK\x02\x86q\x1f\x86q e."),
      "ok.1|1|1700000000\n"
      "bad_line: element 1 of a frame\n"
      "bad_line: element 2 of a frame\n"
      "bad_line: y\n"
      "bad_line: element 4 of a frame\n"
      "bad_value: z\n"
      "bad_timestamp: t 1\n"
      "bad_value: d\n"
      "bad_path: sp ace 1\n"
      "bad_path:  1\n"
      "bad_timestamp: late 1\n"
      "ok.2|2|1700000000\n" },

    { "control bytes, bad UTF-8, surrogates, stamps out of range",
      frame("((U\x03""a\nb(I5\nI1\ntt(U\x02\xff""b(I5\nI1\ntt(V\\ud800\n(I5\n"
            "I1\ntt(Va\n(I-2\nI1\ntt(Vb\n(F1e300\nI1\ntt(Vc\n(Fnan\nI1\ntt"
            "(Vd\n(Vsoon\nI1\nttt."),
      "bad_path: a\nb 1\nbad_path: \xff""b 1\nbad_path: \xed\xa0\x80 1\n"
      "bad_timestamp: a 1\nbad_timestamp: b 1\nbad_timestamp: c 1\n"
      "bad_timestamp: d 1\n" },

    { "a list in itself is no point",
      frame("]q\x00h\x00""ah\x00""a."),
      "bad_line: element 0 of a frame\nbad_line: element 1 of a frame\n" },

    { "an element that grows after it was referred to",
      frame("(]q\x01h\x01Vx\na(I5\nI1\nta\x86."),
      "x|1|5\nx|1|5\n" }
};


static int
handler(void *data, const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line)
{
    int        n;
    record_t  *r;

    r = data;

    if (++r->calls == r->refuse) {
        return TORUS_AGAIN;
    }

    r->taken++;

    if (point == NULL) {
        n = snprintf(r->text + r->len, sizeof(r->text) - r->len,
                     "%s: %.*s\n", torus_counter_name(reason),
                     torus_fmt(line));

    } else {
        n = snprintf(r->text + r->len, sizeof(r->text) - r->len,
                     "%.*s|%.*s|%" PRId64 "\n", torus_fmt(point->stat),
                     torus_fmt(point->value), point->timestamp);
    }

    if (n > 0 && (size_t) n < sizeof(r->text) - r->len) {
        r->len += (size_t) n;
    }

    return TORUS_OK;
}


/* Bytes of a connection that then is closed, in parts of that size. */
static int
feed(torus_pickle_t *p, record_t *r, torus_str_t bytes, size_t part)
{
    int             rc;
    size_t          n, consumed;
    unsigned char  *copy;

    rc = TORUS_OK;

    while (bytes.len != 0 && rc == TORUS_OK) {
        n = part < bytes.len ? part : bytes.len;

        /* on the heap, so that a byte too far is seen */

        copy = malloc(n);
        memcpy(copy, bytes.data, n);

        rc = torus_pickle_feed(p, copy, n, NOW, handler, r, &consumed);

        free(copy);

        bytes.data += consumed;
        bytes.len -= consumed;

        if (rc == TORUS_AGAIN) {
            rc = TORUS_OK;
        }
    }

    do {
        if (rc == TORUS_OK) {
            rc = torus_pickle_end(p, NOW, handler, r);
        }
    } while (rc == TORUS_AGAIN && (rc = TORUS_OK, 1));

    return rc;
}


static torus_str_t
framed(unsigned char *dst, torus_str_t pickle)
{
    dst[0] = (unsigned char) (pickle.len >> 24);
    dst[1] = (unsigned char) (pickle.len >> 16);
    dst[2] = (unsigned char) (pickle.len >> 8);
    dst[3] = (unsigned char) pickle.len;

    memcpy(dst + 4, pickle.data, pickle.len);

    return torus_str(dst, pickle.len + 4);
}


static int
once(record_t *r, torus_str_t pickle, size_t part, size_t frame_max)
{
    int             rc;
    torus_str_t     bytes;
    unsigned char  *buf;
    torus_pickle_t  p;

    buf = malloc(pickle.len + 4);
    bytes = framed(buf, pickle);

    torus_pickle_init(&p, &conf, frame_max);

    rc = feed(&p, r, bytes, part);

    torus_pickle_free(&p);
    free(buf);

    return rc;
}


static record_t *
fresh(record_t *r, size_t refuse)
{
    memset(r, 0, sizeof(record_t));

    r->refuse = refuse;

    return r;
}


static void
test_protocols(record_t *r)
{
    size_t  i, k;

    for (i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {

        is_int(once(fresh(r, 0), protocols[i], SIZE_MAX, 1000), TORUS_OK,
               "protocol %zu", i == 3 ? 4 : i);
        is_cstr(r->text, POINTS, "its points");

        once(fresh(r, 0), protocols[i], 1, 1000);
        is_cstr(r->text, POINTS, "byte by byte");

        for (k = 1; k <= 3; k++) {
            once(fresh(r, k), protocols[i], 7, 1000);
            is_cstr(r->text, POINTS, "the handler stops before point %zu", k);
            is_int(r->calls, 4, "and sees that one twice");
        }
    }
}


static void
test_senders(record_t *r)
{
    int     rc;
    size_t  i;

    for (i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        rc = once(fresh(r, 0), senders[i].frame, SIZE_MAX, 10000);

        is_int(rc, TORUS_OK, "%s", senders[i].what);
        is_cstr(r->text, senders[i].want, "its points");
    }
}


static void
test_framing(record_t *r)
{
    size_t           i, len, part;
    char             want[4096];
    unsigned char    buf[4096];
    torus_pickle_t   p;

    static const size_t  parts[] = { 1, 3, 64, 100, SIZE_MAX };

    len = 0;
    want[0] = '\0';

    for (i = 0; i < 6; i++) {
        len += framed(buf + len, protocols[i % 4]).len;
        strcat(want, POINTS);
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        part = parts[i];

        torus_pickle_init(&p, &conf, 1000);

        is_int(feed(&p, fresh(r, 8), torus_str(buf, len), part), TORUS_OK,
               "six frames in parts of %zu", part);
        is_cstr(r->text, want, "in their order");
        ok(p.frame == NULL && p.nodes == NULL && p.text == NULL
           && torus_pickle_held(&p) == 0, "and nothing is held at the end");

        torus_pickle_free(&p);
    }
}


static void
test_bounds(record_t *r)
{
    size_t           i, n, consumed;
    uint8_t         *big;
    torus_pickle_t   p;

    static const unsigned char  announced[] = { 0, 0x10, 0, 0, 'x' };

    is_int(once(fresh(r, 0), protocols[2], SIZE_MAX, protocols[2].len),
           TORUS_OK, "a frame of frame_max");
    is_int(once(fresh(r, 0), protocols[2], SIZE_MAX, protocols[2].len - 1),
           TORUS_INVALID, "a byte more");
    is_int(r->calls, 0, "of which nothing is taken");
    is_int(once(fresh(r, 0), torus_str("", 0), 1, 1000), TORUS_INVALID,
           "a frame of nothing");

    torus_pickle_init(&p, &conf, 1048576);
    is_int(torus_pickle_feed(&p, announced, 5, NOW, handler, r, &consumed),
           TORUS_OK, "a megabyte is announced");
    ok(p.size <= 4096, "and costs what has come of it");
    is_int(torus_pickle_end(&p, NOW, handler, r), TORUS_INVALID,
           "a close that cuts a frame");
    is_int(torus_pickle_feed(&p, announced, 5, NOW, handler, r, &consumed),
           TORUS_INVALID, "behind which nothing is read");
    torus_pickle_free(&p);

    torus_pickle_init(&p, &conf, 1000);
    is_int(torus_pickle_feed(&p, announced, 2, NOW, handler, r, &consumed),
           TORUS_OK, "half a length");
    is_int(torus_pickle_end(&p, NOW, handler, r), TORUS_INVALID,
           "and a close");
    torus_pickle_free(&p);

    /* a million of the cheapest objects, in a row and nested */

    n = 1000000;
    big = malloc(n + 1);

    for (i = 0; i < 5; i++) {
        memset(big, "N](})"[i], n);
        big[n] = '.';

        torus_pickle_init(&p, &conf, n + 1);
        once(fresh(r, 0), torus_str(big, n + 1), SIZE_MAX, n + 1);
        is_int(r->calls, 0, "a million of \"%c\"", "N](})"[i]);
    }

    memset(big, ']', n / 2);
    memset(big + n / 2, 'a', n / 2);
    big[n / 2 - 1] = 'N';
    big[n] = '.';
    is_int(once(fresh(r, 0), torus_str(big, n + 1), SIZE_MAX, n + 1),
           TORUS_INVALID, "half a million lists, each in the next");

    free(big);

    is_int(once(fresh(r, 0), literal("]r\xff\xff\xff\xff."), SIZE_MAX, 100),
           TORUS_INVALID, "a memo entry with the highest number");
    is_int(once(fresh(r, 0), literal("]p99999999999999999999\n."), SIZE_MAX,
                100), TORUS_INVALID, "and a higher one");
}


/* Elements as dense as they can be stay below the bound on objects. */
static void
test_dense(record_t *r)
{
    char    *s;
    size_t   i, len, n;

    n = 1000;
    s = malloc(n * 16 + 64);

    len = (size_t) sprintf(s, "(Vx\np0\n");
    s[len++] = '(';

    for (i = 0; i < n; i++) {
        memcpy(s + len, "h\0K\1K\2\x86\x86", 8);
        len += 8;
    }

    memcpy(s + len, "tt.", 3);
    len += 3;

    /* the result is ("x", (points)): two elements, neither a point */

    is_int(once(fresh(r, 0), torus_str(s, len), SIZE_MAX, 100000), TORUS_OK,
           "a thousand points in eight bytes each");
    is_int(r->calls, 2, "nested once too often");

    memcpy(s + len - 3, "t.", 2);
    len--;

    is_int(once(fresh(r, 0), torus_str(s, len), SIZE_MAX, 100000), TORUS_OK,
           "the same, not nested");
    is_int(r->taken, (int64_t) n, "a thousand points");

    free(s);
}


static void
test_opcodes(record_t *r)
{
    int            rc;
    size_t         i, refused;
    char           text[8];
    unsigned char  s[] = "(](VxVy\n0\n1\n................................";

    /* data; all others do something, or nothing that we know */

    static const char  data[] = "(.NILFSVJKMGTUXBC]})ltaedsupqrghj"
                                "\x80\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d"
                                "\x8e\x94\x95";

    refused = 0;

    for (i = 0; i < 256; i++) {
        s[3] = (unsigned char) i;

        rc = once(fresh(r, 0), torus_str(s, sizeof(s) - 1), SIZE_MAX, 1000);

        if (i != 0 && strchr(data, (int) i) != NULL) {
            continue;
        }

        if (rc != TORUS_INVALID) {
            snprintf(text, sizeof(text), "\\x%02x", (unsigned) i);
            fail("opcode %s is taken", text);
            continue;
        }

        refused++;
    }

    is_int((int64_t) refused, (int64_t) (256 - strlen(data)),
           "every other opcode is refused");

    is_int(once(fresh(r, 0), literal("cos\nsystem\n(S'id'\ntR."), SIZE_MAX,
                1000), TORUS_INVALID, "GLOBAL and REDUCE");
    is_int(r->calls, 0, "of which nothing is taken");
    is_int(once(fresh(r, 0), literal("\x80\x04\x8c\x02os\x8c\x06system\x93."),
                SIZE_MAX, 1000), TORUS_INVALID, "STACK_GLOBAL");
    is_int(once(fresh(r, 0), literal("(S'id'\nios\nsystem\n."), SIZE_MAX, 1000),
           TORUS_INVALID, "INST");
    is_int(once(fresh(r, 0), literal("\x80\x06]."), SIZE_MAX, 1000),
           TORUS_INVALID, "a protocol that nobody knows yet");
}


static void
test_faults(record_t *r)
{
    size_t  i;

    static const struct {
        const char   *what;
        torus_str_t   frame;
    } faults[] = {
        { "nothing on the stack", frame(".") },
        { "a number is no list", frame("K\x01.") },
        { "a mark is no list", frame("(.") },
        { "a tuple without a mark", frame("K\x01t.") },
        { "a tuple of too little", frame("K\x01\x86.") },
        { "a tuple across a mark", frame("K\x01(K\x01\x86.") },
        { "appends to nothing", frame("K\x01""a.") },
        { "appends nothing", frame("](a.") },
        { "appends to a tuple", frame(")K\x01""a.") },
        { "appends to a mark", frame("((K\x01""e.") },
        { "sets in a list", frame("]NNs.") },
        { "sets nothing", frame("}Ns.") },
        { "memo of nothing", frame("q\x00].") },
        { "memo of a mark", frame("(q\x00t.") },
        { "from an empty memo", frame("h\x00.") },
        { "from another entry", frame("]q\x00h\x01.") },
        { "a string without quotes", frame("(Sabc\nl.") },
        { "a string with one quote", frame("(S'\nl.") },
        { "an escape that is cut", frame("(S'\\'\nl.") },
        { "a bad escape", frame("(S'\\xq1'\nl.") },
        { "a bad \\u", frame("(V\\u12g4\nl.") },
        { "\\U beyond Unicode", frame("(V\\U00110000\nl.") },
        { "an integer of letters", frame("(Iabc\nl.") },
        { "an integer of nothing", frame("(L-L\nl.") },
        { "a bad float", frame("(F1.5.2\nl.") },
        { "a string beyond the end", frame("(X\xff\xff\xff\x7f""abc.") },
        { "a longer one", frame("(\x8d\xff\xff\xff\xff\xff\xff\xff\xff""a.") },
        { "a long beyond the end", frame("(\x8b\xff\xff\xff\xff""abc.") },
        { "no end", frame("]") }
    };

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        is_int(once(fresh(r, 0), faults[i].frame, SIZE_MAX, 1000),
               TORUS_INVALID, "%s", faults[i].what);
    }
}


/* No prefix is a frame, and whatever a byte is changed to, nothing breaks. */
static void
test_corruption(record_t *r)
{
    int            rc, good;
    size_t         i, k, n, len;
    unsigned       c;
    unsigned char  buf[1024];

    for (i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        good = 1;
        len = protocols[i].len;

        for (n = 1; n < len; n++) {
            rc = once(fresh(r, 0), torus_str(protocols[i].data, n), SIZE_MAX,
                      1000);
            good &= (rc == TORUS_INVALID && r->calls == 0);
        }

        ok(good, "no prefix of frame %zu is taken", i);

        good = 1;

        for (n = 0; n < len; n++) {
            for (c = 0; c < 256; c++) {
                memcpy(buf, protocols[i].data, len);
                buf[n] = (unsigned char) c;

                r->calls = 0;
                r->len = 0;
                r->taken = 0;

                rc = once(r, torus_str(buf, len), SIZE_MAX, 1000);

                /* without one of its tuples it has a few elements more */

                k = r->calls;
                good &= (rc == TORUS_OK) ? k <= 8
                                         : rc == TORUS_INVALID && k == 0;
            }
        }

        ok(good, "every corruption of it is all or nothing");
    }
}


/* The whole range of long integers against what printf() and strtod() say. */
static void
test_longs(record_t *r)
{
    int            good;
    char          *p, s[600], want[64];
    size_t         n, len;
    double         d;

    good = 1;

    /* 2^(8n): a one behind n zero bytes */

    for (n = 8; n <= 128; n++) {
        len = 0;
        memcpy(s, "((Vx\n(I5\n\x8a", 10);
        len = 10;
        s[len++] = (char) (n + 1);
        memset(s + len, 0, n);
        len += n;
        s[len++] = 1;
        memcpy(s + len, "ttt.", 4);
        len += 4;

        once(fresh(r, 0), torus_str(s, len), SIZE_MAX, 1000);

        d = ldexp(1, (int) (8 * n));
        snprintf(want, sizeof(want), "x|");

        if (strncmp(r->text, want, 2) != 0) {
            good = 0;
            continue;
        }

        p = r->text + 2;

        if (n < 128) {
            good &= (strtod(p, NULL) == d);
            good &= (strspn(p, "0123456789") == (size_t) (log10(d)) + 1);
        } else {
            good &= (strtod(p, NULL) == INFINITY);
        }
    }

    ok(good, "powers of two up to the largest double");
}


int
main(void)
{
    record_t  *r;

    r = malloc(sizeof(record_t));

    test_protocols(r);
    test_senders(r);
    test_framing(r);
    test_bounds(r);
    test_dense(r);
    test_opcodes(r);
    test_faults(r);
    test_corruption(r);
    test_longs(r);

    free(r);

    return done_testing();
}
