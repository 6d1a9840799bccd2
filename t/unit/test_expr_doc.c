/*
 * The reference of the expression language, EXPRESSIONS.md, is true: each of
 * its examples is compiled and evaluated and gives what the page says.
 *
 * Examples stand in fences that are marked "expr" and the place they are
 * for, one per line: EXPRESSION => RESULT {INPUTS}.
 */

#include "torus_expr.h"
#include "torus_test.h"


typedef struct {
    const char          *name;
    torus_expr_env_t     env;
} place_t;

typedef struct {
    torus_expr_input_t   in;
    torus_expr_row_t     row;
    torus_value_t        values[16];
    int64_t              counts[16];
} inputs_t;


static const place_t *find_place(const char *line);
static void example(const place_t *place, int number, char *line);
static json_t *read_inputs(const char *text, inputs_t *inputs);
static void read_row(const json_t *values, const json_t *counts,
    inputs_t *inputs);
static void get(const void *row, size_t i, torus_value_t *value,
    int64_t *count);
static void is_value(const torus_value_t *v, const place_t *place,
    const json_t *want, int number, const char *expr);


static const place_t  places[] = {
    { "value", { TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE } },
    { "stat", { TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_TEXT } },
    { "printed", { TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_PRINTED } },
    { "drop", { TORUS_EXPR_OF_POINT, TORUS_EXPR_TO_BOOL } },
    { "row", { TORUS_EXPR_OF_ROW, TORUS_EXPR_TO_NUMBER } },
    { NULL, { TORUS_EXPR_OF_VALUE, TORUS_EXPR_TO_VALUE } }
};


int
main(void)
{
    int             number, examples;
    FILE           *f;
    char            line[1024];
    const place_t  *place;

    f = fopen("EXPRESSIONS.md", "r");
    if (f == NULL) {
        bail_out("no EXPRESSIONS.md (tests run in the root of the "
                 "repository)");
    }

    place = NULL;
    number = 0;
    examples = 0;

    while (fgets(line, sizeof(line), f) != NULL) {
        number++;
        line[strcspn(line, "\n")] = '\0';

        if (strncmp(line, "```", 3) == 0) {
            place = find_place(line + 3);

        } else if (place != NULL) {
            examples++;
            example(place, number, line);
        }
    }

    fclose(f);

    ok(examples > 150, "there are examples on the page, %d", examples);

    return done_testing();
}


static const place_t *
find_place(const char *tag)
{
    const place_t  *place;

    if (strncmp(tag, "expr ", 5) != 0) {
        return NULL;
    }

    for (place = places; place->name != NULL; place++) {
        if (strcmp(tag + 5, place->name) == 0) {
            return place;
        }
    }

    bail_out("\"%s\" is no place of expressions", tag);
}


static void
example(const place_t *place, int number, char *line)
{
    int               rc;
    char             *end, *want;
    size_t            len;
    json_t           *result, *json;
    inputs_t          inputs;
    torus_expr_t     *e;
    torus_arena_t    *arena;
    torus_error_t     err;
    torus_value_t     v;
    json_error_t      error;
    unsigned char     room[TORUS_EXPR_SCRATCH];
    torus_scratch_t   scratch;

    end = strstr(line, " => ");
    if (end == NULL) {
        bail_out("line %d: no \" => \"", number);
    }

    want = end + 4;

    while (end > line && end[-1] == ' ') {
        end--;
    }

    *end = '\0';

    arena = torus_arena_create(4096, 0);
    if (arena == NULL) {
        bail_out("out of memory");
    }

    rc = torus_expr_compile(arena, torus_test_z(line), &place->env, &e, &err,
                            NULL);

    if (strncmp(want, "error ", 6) == 0) {
        result = json_loads(want + 6, JSON_DECODE_ANY, &error);

        if (!json_is_string(result)) {
            bail_out("line %d: error without a reason", number);
        }

        if (is_int(rc, TORUS_INVALID, "line %d: %s: is refused", number,
                   line))
        {
            like(err.text, json_string_value(result), "and why");
        }

        json_decref(result);
        torus_arena_destroy(arena);

        return;
    }

    if (!is_int(rc, TORUS_OK, "line %d: %s: compiles", number, line)) {
        diag("%s", err.text);
        torus_arena_destroy(arena);
        return;
    }

    result = NULL;

    if (strncmp(want, "bad value", 9) == 0) {
        len = 9;

    } else {
        result = json_loads(want, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK,
                            &error);
        if (result == NULL) {
            bail_out("line %d: %s", number, error.text);
        }

        len = (size_t) error.position;
    }

    json = read_inputs(want + len, &inputs);

    scratch.pos = room;
    scratch.end = room + sizeof(room);

    rc = torus_expr_eval(e, &inputs.in, &v, &scratch);

    if (result == NULL) {
        is_int(rc, TORUS_DECLINED, "line %d: %s: a bad value", number, line);

    } else if (is_int(rc, TORUS_OK, "line %d: %s: a value", number, line)) {
        is_value(&v, place, result, number, line);
    }

    json_decref(json);
    json_decref(result);
    torus_arena_destroy(arena);
}


/* The texts of inputs live as long as what is returned. */
static json_t *
read_inputs(const char *text, inputs_t *inputs)
{
    json_t        *json, *v;
    json_error_t   error;

    memset(inputs, 0, sizeof(*inputs));

    text += strspn(text, " ");

    json = (*text == '\0') ? json_object() : json_loads(text, 0, &error);
    if (json == NULL) {
        bail_out("\"%s\": %s", text, error.text);
    }

    v = json_object_get(json, "v");
    if (v != NULL) {
        inputs->in.v = torus_test_string(v);
    }

    v = json_object_get(json, "s");
    if (v != NULL) {
        inputs->in.s = torus_test_string(v);
    }

    inputs->in.duration = json_integer_value(json_object_get(json,
                                                             "duration"));
    read_row(json_object_get(json, "values"), json_object_get(json, "counts"),
             inputs);

    inputs->row.row = inputs;
    inputs->row.get = get;
    inputs->in.values = &inputs->row;

    return json;
}


static void
read_row(const json_t *values, const json_t *counts, inputs_t *inputs)
{
    size_t          i;
    const json_t   *v;
    torus_value_t  *value;

    inputs->row.n = json_array_size(values);

    if (inputs->row.n > sizeof(inputs->counts) / sizeof(inputs->counts[0])) {
        bail_out("a row is too long");
    }

    for (i = 0; i < inputs->row.n; i++) {
        v = json_array_get(values, i);
        value = &inputs->values[i];

        inputs->counts[i] = (counts == NULL)
                            ? 1
                            : json_integer_value(json_array_get(counts, i));

        if (json_is_integer(v)) {
            value->kind = TORUS_VALUE_INT;
            value->i = json_integer_value(v);

        } else if (json_is_real(v)) {
            value->kind = TORUS_VALUE_DOUBLE;
            value->d = json_real_value(v);

        } else {
            value->kind = TORUS_VALUE_TEXT;
            value->text = torus_test_string(v);
        }
    }
}


static void
get(const void *row, size_t i, torus_value_t *value, int64_t *count)
{
    const inputs_t  *inputs;

    inputs = row;

    *value = inputs->values[i];
    *count = inputs->counts[i];
}


static void
is_value(const torus_value_t *v, const place_t *place, const json_t *want,
    int number, const char *expr)
{
    if (place->env.result == TORUS_EXPR_TO_BOOL) {
        ok(json_is_boolean(want) && v->kind == TORUS_VALUE_INT
           && v->i == json_is_true(want), "line %d: %s: the condition",
           number, expr);

    } else if (json_is_string(want)) {
        ok(v->kind == TORUS_VALUE_TEXT, "line %d: %s: text", number, expr);

        if (v->kind == TORUS_VALUE_TEXT) {
            is_str(v->text, json_string_value(want), "and which");
        }

    } else if (json_is_integer(want)) {
        ok(v->kind == TORUS_VALUE_INT, "line %d: %s: an integer", number,
           expr);
        is_int(v->i, json_integer_value(want), "and which");

    } else if (json_is_real(want)) {
        ok(v->kind == TORUS_VALUE_DOUBLE, "line %d: %s: a double", number,
           expr);
        is_double_near(v->d, json_real_value(want), 0, "and which");

    } else {
        bail_out("line %d: what is that result?", number);
    }
}
