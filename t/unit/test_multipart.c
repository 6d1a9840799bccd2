/*
 * Bodies of multipart/form-data: what a Content-Type tells, what fields
 * become, and that a body which ends anywhere but at its end is no body.
 * Each is read from memory of exactly its size.
 */

#include "torus_multipart.h"
#include "torus_test.h"


static torus_str_t
z(const char *text)
{
    return torus_str(text, strlen(text));
}


/* The status, and the form in out, which has its own end. */
static int
form(torus_str_t body, torus_str_t boundary, torus_buf_t *out, size_t max)
{
    int             rc;
    unsigned char  *copy;

    copy = malloc(body.len == 0 ? 1 : body.len);
    if (copy == NULL) {
        bail_out("out of memory");
    }

    memcpy(copy, body.data, body.len);
    torus_buf_init(out, max);

    rc = torus_multipart_form(torus_str(copy, body.len), boundary, out);

    free(copy);

    return rc;
}


static void
is_form(const char *body, const char *want, const char *name)
{
    torus_buf_t  out;

    is_int(form(z(body), z("x-Y"), &out, 0), TORUS_OK, "%s is read", name);
    is_str(torus_str(out.pos, torus_buf_len(&out)), want, "%s", name);

    torus_buf_free(&out);
}


static void
is_none(const char *body, const char *name)
{
    torus_buf_t  out;

    is_int(form(z(body), z("x-Y"), &out, 0), TORUS_INVALID, "%s", name);

    torus_buf_free(&out);
}


static void
boundaries(void)
{
    char         text[128];
    size_t       i;
    torus_str_t  boundary;

    static const struct {
        const char  *type;
        const char  *want;    /* NULL: there is none */
    } types[] = {
        { "multipart/form-data; boundary=abc", "abc" },
        { "Multipart/Form-Data;BOUNDARY=abc; charset=utf-8", "abc" },
        { "multipart/form-data; charset=utf-8; boundary=a-b_c'(d)+,./:=?",
          "a-b_c'(d)+,./:=?" },
        { "multipart/form-data; boundary=\"a b;c\"", "a b;c" },
        { "multipart/form-data; boundary=\"abc", "abc" },
        { "multipart/form-data; notboundary=abc", NULL },
        { "multipart/form-data; notboundary=abc; boundary=d", "d" },
        { "multipart/form-data", NULL },
        { "multipart/form-data;", NULL },
        { "multipart/form-data; boundary=", NULL },
        { "multipart/form-data; boundary=\"\"", NULL },
        { "multipart/form-data; boundary=;", NULL },
        { "multipart/form-datax; boundary=abc", NULL },
        { "multipart/mixed; boundary=abc", NULL },
        { "text/plain", NULL },
        { "", NULL }
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {

        if (types[i].want == NULL) {
            is_int(torus_multipart_boundary(z(types[i].type), &boundary),
                   TORUS_DECLINED, "\"%s\" has no boundary", types[i].type);
            continue;
        }

        is_int(torus_multipart_boundary(z(types[i].type), &boundary),
               TORUS_OK, "\"%s\" has one", types[i].type);
        is_str(boundary, types[i].want, "which is this");
    }

    for (i = 70; i <= 71; i++) {
        snprintf(text, sizeof(text), "multipart/form-data; boundary=%0*d",
                 (int) i, 0);
        is_int(torus_multipart_boundary(z(text), &boundary),
               i == 70 ? TORUS_OK : TORUS_DECLINED, "one of %zu characters",
               i);
    }
}


#define part(name, value)                                                     \
    "--x-Y\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"       \
    value "\r\n"


static void
fields(void)
{
    is_form("--x-Y--\r\n", "", "no field");
    is_form("--x-Y--", "", "and no end of the line");
    is_form(part("target", "a.b") "--x-Y--\r\n", "target=a.b&", "one");
    is_form(part("target", "a") part("target", "b") part("from", "-1h")
            "--x-Y--\r\nwhat follows\r\n--x-Y\r\n",
            "target=a&target=b&from=-1h&", "some, and what is behind them");
    is_form("in front\r\n" part("a", "1") "--x-Y--", "a=1&",
            "what is in front of them");
    is_form(part("a", "") part("", "b") "--x-Y--", "a=&=b&", "empty ones");
    is_form(part("a&b=c", "d&e=f g%+\xc3\xa9") "--x-Y--",
            "a%26b%3Dc=d%26e%3Df%20g%25%2B%C3%A9&", "what is escaped");
    is_form(part("a", "\r\n--x-\r\n--x-Z\r\n-x-Y") "--x-Y--",
            "a=%0D%0A--x-%0D%0A--x-Z%0D%0A-x-Y&", "what is like a boundary");
    is_form(part("a", "one\r\n\r\ntwo\r\n") "--x-Y--",
            "a=one%0D%0A%0D%0Atwo%0D%0A&", "lines");
    is_form("--x-Y\r\nContent-Type: text/plain\r\nContent-Disposition: "
            "form-data; filename=\"f\"; name=\"a\"\r\n\r\n1\r\n--x-Y--",
            "a=1&", "the name, not that of a file");
    is_form("--x-Y\r\nContent-Disposition: form-data;name=\"a\"\r\n\r\n1\r\n"
            "--x-Y--", "a=1&", "a name without a blank before it");

    is_none("", "nothing");
    is_none("a=b", "a form of the other kind");
    is_none(part("a", "1"), "no end");
    is_none(part("a", "1") "--x-Y-", "half an end");
    is_none(part("a", "1") "--x-Yz\r\n", "a longer boundary");
    is_none("--x-Y\r\n\r\n1\r\n--x-Y--", "a part without a name");
    is_none("--x-Y\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n"
            "1\r\n--x-Y--", "nor is that of a file one");
    is_none("--x-Y\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n"
            "--x-Y--", "a name without its end");
    is_none("--x-Y\r\nContent-Disposition: form-data; name=\"a\"\r\n--x-Y--",
            "headers without their end");
}


/* However much of it came; and never more than there may be. */
static void
cuts(void)
{
    int          rc, bad;
    size_t       i, n;
    torus_buf_t  out;

    static const char  body[] =
        "in front\r\n" part("target", "sumSeries(a.*)") part("from", "-1h")
        part("x", "\r\n--x-\r\n") "--x-Y--";
    static const char  want[] =
        "target=sumSeries%28a.%2A%29&from=-1h&x=%0D%0A--x-%0D%0A&";

    bad = 0;

    for (n = 0; n < sizeof(body) - 1; n++) {
        bad += (form(torus_str(body, n), z("x-Y"), &out, 0) != TORUS_INVALID);
        torus_buf_free(&out);
    }

    is_int(bad, 0, "a body that is cut anywhere is refused");

    is_int(form(z(body), z("x-Y"), &out, 0), TORUS_OK, "the whole is not");
    is_str(torus_str(out.pos, torus_buf_len(&out)), want, "it is this");
    torus_buf_free(&out);

    bad = 0;

    for (i = 1; i < sizeof(want) - 1; i++) {
        rc = form(z(body), z("x-Y"), &out, i);
        bad += (rc != TORUS_ERROR || torus_buf_len(&out) > i);
        torus_buf_free(&out);
    }

    is_int(bad, 0, "a form that becomes longer than it may is none");

    is_int(form(z(body), z("x-Y"), &out, sizeof(want) - 1), TORUS_OK,
           "one that just may is");
    torus_buf_free(&out);
}


/* Any byte in any place: a form, or none, and nothing else. */
static void
other_bytes(void)
{
    int          rc, bad;
    char         body[128];
    size_t       i, c, forms;
    torus_buf_t  out;

    static const char  text[] = part("a", "1") "--x-Y--";

    bad = 0;
    forms = 0;

    for (i = 0; i < sizeof(text) - 1; i++) {

        for (c = 0; c < 256; c++) {
            memcpy(body, text, sizeof(text));
            body[i] = (char) c;

            rc = form(torus_str(body, sizeof(text) - 1), z("x-Y"), &out, 0);

            forms += (rc == TORUS_OK);
            bad += (rc != TORUS_OK && rc != TORUS_INVALID)
                   || (rc == TORUS_OK && torus_buf_len(&out) > 8);
            torus_buf_free(&out);
        }
    }

    is_int(bad, 0, "a form or none");
    ok(forms > 256 && forms < i * 256, "some of each");
}


int
main(void)
{
    boundaries();
    fields();
    cuts();
    other_bytes();

    return done_testing();
}
