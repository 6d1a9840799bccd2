/*
 * Globs over the nodes of a path: what each of their signs takes and what it
 * does not, that nothing crosses a dot, and that no pattern takes long.
 */

#include "torus_glob.h"
#include "torus_test.h"


static torus_str_t
z(const char *text)
{
    return torus_str(text, strlen(text));
}


static void
match(const char *pattern, const char *path, int want)
{
    torus_glob_t   *glob;
    torus_arena_t  *arena;
    torus_error_t   err;

    arena = torus_arena_create(4096, 0);

    if (torus_glob_compile(arena, z(pattern), &glob, &err) != TORUS_OK) {
        fail("\"%s\" compiles: %s", pattern, err.text);

    } else {
        is_int(torus_glob_match(glob, z(path)), want, "\"%s\" %s \"%s\"",
               pattern, want ? "takes" : "does not take", path);
    }

    torus_arena_destroy(arena);
}


static void
signs(void)
{
    match("a.b.c", "a.b.c", 1);
    match("a.b.c", "a.b", 0);
    match("a.b", "a.b.c", 0);
    match("a.b.c", "a.B.c", 0);
    match("a.*", "a.x", 1);
    match("a.*", "a.x.y", 0);
    match("*", "", 1);
    match("a.*c*e", "a.bcde", 1);
    match("a.*c*e", "a.bcdef", 0);
    match("a.?", "a.b", 1);
    match("a.?", "a.", 0);
    match("a.?", "a.bc", 0);
    match("a.?", "a.\xc3\xa4", 1);
    match("a.??", "a.\xc3\xa4", 0);
    match("a.?", "a.\xff", 1);

    match("[abc]x", "bx", 1);
    match("[abc]x", "dx", 0);
    match("[a-z0-9]", "7", 1);
    match("[a-z0-9]", "A", 0);
    match("[!abc]", "d", 1);
    match("[!abc]", "a", 0);
    match("[!abc]", "", 0);
    match("[]a]", "]", 1);
    match("[a-]", "-", 1);
    match("[\xc3\xa0-\xc3\xbf]", "\xc3\xa4", 1);
    match("[a", "[a", 1);
    match("[a", "a", 0);

    match("{a,b}c", "bc", 1);
    match("{a,b}c", "cc", 0);
    match("ab{c,}", "ab", 1);
    match("ab{c,}", "abc", 1);
    match("{a,{b,c}}[13]", "c3", 1);
    match("{a,{b,c}}[13]", "c2", 0);
    match("{a*,b}{1,2}", "axx2", 1);
    match("{a}", "a", 1);
    match("{a,b", "{a,b", 1);
    match("{a,b", "a", 0);
    match("{a,{b,c}", "{a,b", 1);
    match("a}b", "a}b", 1);

    match("{a.b}", "a.b", 0);
    match("[.]", ".", 0);
}


static void
deep(void)
{
    match("**", "a", 1);
    match("**", "a.b.c", 1);
    match("a.**", "a", 1);
    match("a.**", "a.b.c", 1);
    match("a.**", "b.c", 0);
    match("**.c", "a.b.c", 1);
    match("**.c", "c", 1);
    match("**.c", "a.c.d", 0);
    match("a.**.d.**.f", "a.b.c.d.e.f", 1);
    match("a.**.d.**.f", "a.b.c.e.f", 0);
    match("a**c", "abbc", 1);
    match("a**c", "ab.c", 0);
}


static void
shape(void)
{
    torus_glob_t   *glob;
    torus_arena_t  *arena;
    torus_error_t   err;

    arena = torus_arena_create(4096, 0);

    if (torus_glob_compile(arena, z("a.{x,w,x}.web*.**"), &glob, &err)
        != TORUS_OK)
    {
        bail_out("a pattern compiles: %s", err.text);
    }

    is_int(glob->nnodes, 4, "a pattern has its nodes");
    ok(glob->nodes[0].literal && !glob->literal, "which are literal or not");
    is_int(glob->nodes[1].nalts, 2, "a list has each of its values once");
    is_str(glob->nodes[1].alts[0].text, "w", "in order");
    ok(glob->nodes[1].literal, "and is looked up, not searched");
    is_str(glob->nodes[2].alts[0].prefix, "web", "a search has its prefix");
    ok(glob->nodes[3].deep && glob->deep, "\"**\" is marked");

    ok(torus_glob_is_pattern(z("a.*")), "a star makes a pattern");
    ok(torus_glob_is_pattern(z("a.{b}")), "as does a list");
    ok(!torus_glob_is_pattern(z("a.{b[")), "what is unclosed does not");

    torus_arena_destroy(arena);
}


static void
limits(void)
{
    int             i;
    char            text[9000];
    torus_glob_t   *glob;
    torus_arena_t  *arena;
    torus_error_t   err;

    arena = torus_arena_create(4096, 0);

    text[0] = '\0';
    for (i = 0; i < 11; i++) {
        strcat(text, "{a,b}");
    }

    is_int(torus_glob_compile(arena, z(text), &glob, &err), TORUS_INVALID,
           "lists are not multiplied without end");
    like(err.text, "1024", "and the reason says so");

    memset(text, '.', 8999);
    text[8999] = '\0';
    is_int(torus_glob_compile(arena, z(text), &glob, &err), TORUS_INVALID,
           "a path may not be longer than the limit");
    is_int(torus_glob_compile(arena, torus_str(text, 300), &glob, &err),
           TORUS_INVALID, "nor have more nodes");

    memset(text, '{', 200);
    is_int(torus_glob_compile(arena, torus_str(text, 200), &glob, &err),
           TORUS_OK, "many that are unclosed are literal");
    is_int(torus_glob_match(glob, torus_str(text, 200)), 1, "each of them");

    torus_arena_destroy(arena);

    /* exponential in a matcher that goes back to every star */
    match("*a*a*a*a*a*a*a*a*a*a*a*a*b",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          0);
    match("**.a.**.a.**.a.**.a.**.a.**.a.**.b",
          "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", 0);
}


int
main(void)
{
    signs();
    deep();
    shape();
    limits();

    return done_testing();
}
