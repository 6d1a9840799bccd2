/*
 * The grammar of targets: what is read becomes a tree, printed here as text
 * with each node's kind; what is no target is refused with a reason; nothing
 * is deeper, longer or wider than the limits.
 */

#include "torus_target.h"
#include "torus_buf.h"
#include "torus_test.h"


static torus_target_var_t  vars[] = {
    { torus_string("host"), torus_string("web1") }
};


static torus_str_t
z(const char *text)
{
    return torus_str(text, strlen(text));
}


static void
dump(torus_buf_t *b, const torus_target_t *t)
{
    size_t  i;

    if (t->key.len != 0) {
        torus_buf_printf(b, "%.*s=", torus_fmt(t->key));
    }

    switch (t->kind) {
    case TORUS_TARGET_PATH:
        torus_buf_printf(b, "<%.*s>", torus_fmt(t->text));
        break;

    case TORUS_TARGET_NUMBER:
        torus_buf_printf(b, "%s%.*s", t->integer ? "i" : "f",
                         torus_fmt(t->text));
        break;

    case TORUS_TARGET_STRING:
        torus_buf_printf(b, "%s'%.*s'", t->variable ? "$" : "",
                         torus_fmt(t->text));
        break;

    case TORUS_TARGET_BOOL:
        torus_buf_printf(b, "%s", t->number != 0 ? "yes" : "no");
        break;

    case TORUS_TARGET_NONE:
        torus_buf_printf(b, "none");
        break;

    case TORUS_TARGET_INF:
        torus_buf_printf(b, "inf");
        break;

    case TORUS_TARGET_CALL:
        torus_buf_printf(b, "%.*s(", torus_fmt(t->text));

        for (i = 0; i < t->nargs; i++) {
            torus_buf_printf(b, i == 0 ? "" : " ");
            dump(b, t->args[i]);
        }

        torus_buf_printf(b, ")");
    }
}


static void
reads(const char *text, const char *want)
{
    torus_buf_t      b;
    torus_arena_t   *arena;
    torus_error_t    err;
    torus_target_t  *tree;

    arena = torus_arena_create(4096, 0);
    torus_buf_init(&b, 0);

    if (torus_target_parse(arena, z(text), NULL, vars, 1, &tree, &err)
        != TORUS_OK)
    {
        fail("%s is read: %s", text, err.text);

    } else {
        dump(&b, tree);
        is_str(torus_str(b.pos, torus_buf_len(&b)), want, "%s", text);
    }

    torus_buf_free(&b);
    torus_arena_destroy(arena);
}


static void
refuses(const char *text, const char *reason)
{
    torus_arena_t   *arena;
    torus_error_t    err;
    torus_target_t  *tree;

    arena = torus_arena_create(4096, 0);
    err.text[0] = '\0';

    is_int(torus_target_parse(arena, z(text), NULL, NULL, 0, &tree, &err),
           TORUS_INVALID, "%s is refused", text);
    like(err.text, reason, "with a reason");
    ok(strchr(err.text, '\n') == NULL, "on one line");

    torus_arena_destroy(arena);
}


static void
paths(void)
{
    reads("a.b.c", "<a.b.c>");
    reads(" a.*.[a-z]?{b,{c,}}.d-e:f%g#h/i$j ",
          "<a.*.[a-z]?{b,{c,}}.d-e:f%g#h/i$j>");
    reads("123.abc", "<123.abc>");
    reads("a.\xc3\xa4", "<a.\xc3\xa4>");
    reads("a\\(b\\).c", "<a(b).c>");
    reads("cpu;host=a;dc=b", "<cpu;host=a;dc=b>");
    reads("f(true.a, inf.b, none.c, true)",
          "f(<true.a> <inf.b> <none.c> yes)");

    refuses("", "at the end of the target");
    refuses("a..", "node of the path");
    refuses(".a", "a path or a function");
    refuses("a b", "expected the end at character 3");
    refuses("a.{b,c", "\"}\"");
    refuses("a}", "the end");
    refuses("a.b)", "the end");
}


static void
calls(void)
{
    reads("f()", "f()");
    reads("f( a.b , 'x' )", "f(<a.b> 'x')");
    reads("f (a)", "f(<a>)");
    reads("f(g(a),h(b,1))", "f(g(<a>) h(<b> i1))");
    reads("f(a,n=5,r=true)", "f(<a> n=i5 r=yes)");
    reads("f(a, n = \"x\")", "f(<a> n='x')");
    reads("f(, 'x')", "f(<> 'x')");
    reads("f( ,g(,a))", "f(<> g(<> <a>))");
    reads("template(f(,1), a=2)", "f(<> i1)");
}


static void
pipes(void)
{
    reads("a.b|f(1)|g('x')", "g(f(<a.b> i1) 'x')");
    reads("a.b | f() | g()", "g(f(<a.b>))");
    reads("h(a | f(1), b)", "h(f(<a> i1) <b>)");
    reads("f(a) | g(b | h())", "g(f(<a>) h(<b>))");

    refuses("a |", "a function");
    refuses("a | f", "\"(\"");
    refuses("a | 'f'", "a function");
}


static void
values(void)
{
    reads("f(1,-2,3.5,1e3,-1.5E-7,1e+2)", "f(i1 i-2 f3.5 f1e3 f-1.5E-7 f1e+2)");
    reads("f(1 , 2 )", "f(i1 i2)");
    reads("f(1.a)", "f(<1.a>)");
    reads("f(TRUE,False,none,None,INF)", "f(yes no none none inf)");
    reads("f('a\"b', \"c'd\")", "f('a\"b' 'c'd')");
    reads("f(\"\\1 A\")", "f('\\1 A')");
    reads("f(\"a\\\"b\")", "f('a\\\"b')");
    reads("f(\"C:\\\")", "f('C:\\')");
    reads("f('')", "f('')");
    reads("f('a,b)(')", "f('a,b)(')");

    refuses("f('a", "both its quotes");
    refuses("f(1e999)", "smaller number");
    refuses("f(n=1,a)", "without a name");
    refuses("foo(", "an argument at the end");
    refuses("f(a,)", "a path or a function");
    refuses("f(a b)", "\",\" or \")\"");
}


static void
templates(void)
{
    reads("template(f(a.$x.b,$n),x='v',n=5)", "f(<a.v.b> i5)");
    reads("template(a.$1.$2,'x',7)", "<a.x.7>");
    reads("template(f($p),p='a.*')", "f($'a.*')");
    reads("template(a.$host,host='none')", "<a.web1>");
    reads("template(a.$other)", "<a.$other>");
    reads("f(a.$host)", "f(<a.$host>)");

    refuses("template()", "template() needs");
    refuses("template(a.$x,x=b)", "a number or a string");
}


static void
limits(void)
{
    int              i, rc;
    char            *text;
    torus_arena_t   *arena;
    torus_error_t    err;
    torus_target_t  *tree;

    torus_target_limits_t  own = { 0, 0, 2 };

    text = malloc(100000);
    arena = torus_arena_create(4096, 0);

    if (text == NULL || arena == NULL) {
        bail_out("out of memory");
    }

    for (i = 31; i <= 32; i++) {
        int  k;

        text[0] = '\0';
        for (k = 0; k <= i; k++) {
            strcat(text, "f(");
        }
        strcat(text, "a");
        for (k = 0; k <= i; k++) {
            strcat(text, ")");
        }

        rc = torus_target_parse(arena, z(text), NULL, NULL, 0, &tree, &err);
        is_int(rc, i == 31 ? TORUS_OK : TORUS_DECLINED, "%d calls deep", i + 1);
    }

    like(err.text, "at most 32 deep", "the reason says so");

    strcpy(text, "a");
    for (i = 0; i < 33; i++) {
        strcat(text, "|f()");
    }

    is_int(torus_target_parse(arena, z(text), NULL, NULL, 0, &tree, &err),
           TORUS_DECLINED, "pipes are as deep as what they stand for");

    for (i = 256; i <= 257; i++) {
        int  k;

        strcpy(text, "f(a");
        for (k = 1; k < i; k++) {
            strcat(text, ",g(b)");
        }
        strcat(text, ")");

        rc = torus_target_parse(arena, z(text), NULL, NULL, 0, &tree, &err);
        is_int(rc, i == 256 ? TORUS_OK : TORUS_DECLINED, "%d calls", i);
    }

    memset(text, 'a', 65537);
    is_int(torus_target_parse(arena, torus_str(text, 65536), NULL, NULL, 0,
                              &tree, &err), TORUS_OK, "64 KiB are read");
    is_int(torus_target_parse(arena, torus_str(text, 65537), NULL, NULL, 0,
                              &tree, &err), TORUS_DECLINED,
           "and a byte more is not");

    own.text = 9;
    is_int(torus_target_parse(arena, z("f(g(h(a)))"), &own, NULL, 0, &tree,
                              &err), TORUS_DECLINED, "one's own length");
    like(err.text, "at most 9 bytes, not 10", "the reason says so");

    own.text = 0;
    is_int(torus_target_parse(arena, z("f(g(h(a)))"), &own, NULL, 0, &tree,
                              &err), TORUS_DECLINED, "one's own depth");
    like(err.text, "at most 2 deep", "the reason says so");

    own.depth = 3;
    is_int(torus_target_parse(arena, z("f(g(h(a)))"), &own, NULL, 0, &tree,
                              &err), TORUS_OK, "which may be raised");

    own.calls = 2;
    is_int(torus_target_parse(arena, z("f(g(h(a)))"), &own, NULL, 0, &tree,
                              &err), TORUS_DECLINED, "one's own calls");
    like(err.text, "at most 2 functions", "the reason says so");

    torus_arena_destroy(arena);
    free(text);
}


static void
first_path(void)
{
    is_str(torus_target_first_path(z("a.b.c")), "a.b.c", "a path is its own");
    is_str(torus_target_first_path(z("scale(f(a.b,1),2)")), "a.b",
           "the first within functions");
    is_str(torus_target_first_path(z("sumSeries(a.{b,c}.*,d)")), "a.{b,c}.*",
           "with its lists");
    is_str(torus_target_first_path(z("f(5)")), "", "a number is none");
    is_str(torus_target_first_path(z("group of (x)")), "group",
           "of any name something");
    is_str(torus_target_first_path(z("")), "", "nothing of nothing");
}


int
main(void)
{
    paths();
    calls();
    pipes();
    values();
    templates();
    limits();
    first_path();

    return done_testing();
}
