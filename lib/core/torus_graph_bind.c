/*
 * Trees of targets are bound to functions, and their arguments checked.
 */

#include "torus_graph_eval.h"

#include <strings.h>


static int torus_graph_bind_nothing(torus_graph_t *g,
    torus_graph_call_t *call);
static int torus_graph_bind_call(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_node_t **node);
static int torus_graph_bind_select(torus_graph_t *g,
    const torus_target_t *tree, const torus_graph_func_t *func,
    const torus_graph_scope_t *scope, torus_graph_node_t **node);
static int torus_graph_bind_args(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_call_t *call);
static int torus_graph_bind_arg(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_call_t *call,
    const torus_graph_param_t *param, torus_graph_arg_t *arg);
static int torus_graph_bind_value(torus_graph_t *g,
    const torus_target_t *tree, const torus_graph_call_t *call,
    const torus_graph_param_t *param, torus_graph_arg_t *arg);
static int torus_graph_bind_wrong(torus_graph_t *g,
    const torus_target_t *tree, const torus_graph_call_t *call,
    const torus_graph_param_t *param);
static int torus_graph_bind_number(const torus_target_t *tree,
    torus_graph_arg_t *arg);
static int torus_graph_bind_typed(const torus_target_t *tree,
    torus_graph_type_t type, torus_graph_arg_t *arg);
static int torus_graph_bind_option(const char *options, torus_str_t value);
static const char *torus_graph_type_text(torus_graph_type_t type);
static unsigned torus_graph_asks(torus_str_t name);


int
torus_graph_bind(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_node_t **node)
{
    char                 text[64];
    size_t               n;
    torus_graph_node_t  *new;

    if (tree->kind == TORUS_TARGET_CALL
        && !torus_str_is(tree->text, "seriesByTag"))
    {
        return torus_graph_bind_call(g, tree, scope, node);
    }

    if (tree->kind != TORUS_TARGET_PATH && tree->kind != TORUS_TARGET_CALL
        && !tree->variable)
    {
        n = torus_escape(text, 48, tree->text);
        return torus_graph_fault(g, "expected a path or a function, not "
                                 "\"%.*s\"", (int) n, text);
    }

    new = torus_arena_calloc(g->arena, 1, sizeof(torus_graph_node_t));
    if (new == NULL) {
        return TORUS_ERROR;
    }

    if (tree->kind == TORUS_TARGET_PATH && tree->text.len == 0) {
        *node = new;
        return torus_graph_bind_nothing(g, &new->call);
    }

    new->path = (tree->kind == TORUS_TARGET_CALL) ? tree->raw : tree->text;
    new->interval = scope->interval;
    new->schema = scope->schema;
    new->asks = scope->asks;
    new->shown = scope->shown;

    *node = new;

    return TORUS_OK;
}


/* What no name has is not looked up: it is a group of no series. */
static int
torus_graph_bind_nothing(torus_graph_t *g, torus_graph_call_t *call)
{
    call->func = torus_graph_func_find(torus_str("group", 5));

    call->args = torus_arena_calloc(g->arena, 1, sizeof(torus_graph_arg_t));

    return (call->args != NULL) ? TORUS_OK : TORUS_ERROR;
}


static int
torus_graph_bind_call(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_node_t **node)
{
    int                        rc;
    char                       text[64];
    size_t                     n;
    torus_graph_node_t        *new;
    torus_graph_scope_t        inner;
    const torus_graph_func_t  *func;

    func = torus_graph_func_find(tree->text);

    if (func == NULL) {
        n = torus_escape(text, 48, tree->text);
        return torus_graph_fault(g, "unknown function \"%.*s\"", (int) n,
                                 text);
    }

    if (func->map == NULL && func->run == NULL) {
        return torus_graph_bind_select(g, tree, func, scope, node);
    }

    inner = *scope;
    inner.asks = torus_graph_asks(tree->text);

    inner.shown &= (func->flags & TORUS_GRAPH_SHOWN) != 0;

    new = torus_arena_calloc(g->arena, 1, sizeof(torus_graph_node_t));
    if (new == NULL) {
        return TORUS_ERROR;
    }

    new->call.func = func;

    rc = torus_graph_bind_args(g, tree, &inner, &new->call);

    if (rc == TORUS_OK && func->check != NULL) {
        rc = func->check(g, &new->call);
    }

    *node = new;

    return rc;
}


/* interval() and schema() say how the leaves below them are read. */
static int
torus_graph_bind_select(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_func_t *func, const torus_graph_scope_t *scope,
    torus_graph_node_t **node)
{
    size_t                 i, j;
    torus_graph_call_t     call;
    torus_graph_scope_t    inner;
    const torus_target_t  *args[2], *arg;

    memset(&call, 0, sizeof(torus_graph_call_t));
    memset(args, 0, sizeof(args));

    call.func = func;

    for (i = 0; i < tree->nargs; i++) {
        arg = tree->args[i];

        for (j = 0; j < 2; j++) {
            if (arg->key.len == 0 ? i == j
                                  : torus_str_is(arg->key,
                                                 func->params[j].name))
            {
                break;
            }
        }

        if (j == 2 || args[j] != NULL) {
            return torus_graph_fault(g, "%s() has two arguments, \"%s\" and "
                                     "\"%s\"", func->name,
                                     func->params[0].name,
                                     func->params[1].name);
        }

        if (j == 0 ? arg->kind != TORUS_TARGET_PATH
                     && arg->kind != TORUS_TARGET_CALL && !arg->variable
                   : arg->kind != TORUS_TARGET_STRING || arg->text.len == 0)
        {
            return torus_graph_bind_wrong(g, arg, &call, &func->params[j]);
        }

        args[j] = arg;
    }

    for (j = 0; j < 2; j++) {

        if (args[j] == NULL) {
            return torus_graph_fault(g, "%s() lacks its argument \"%s\"",
                                     func->name, func->params[j].name);
        }
    }

    inner = *scope;

    if (torus_str_is(tree->text, "interval")) {
        inner.interval = args[1]->text;

    } else {
        inner.schema = args[1]->text;
    }

    return torus_graph_bind(g, args[0], &inner, node);
}


/* How a function looks at a leaf that is its argument. */
static unsigned
torus_graph_asks(torus_str_t name)
{
    size_t  i;

    static const struct {
        const char  *name;
        unsigned     asks;
    } asks[] = {
        { "percentile", TORUS_GRAPH_ASK_PERCENTILE },
        { "count", TORUS_GRAPH_ASK_COUNT },
        { "sum", TORUS_GRAPH_ASK_SUM|TORUS_GRAPH_ASK_PLAIN },
        { "mean", TORUS_GRAPH_ASK_MEAN },
        { "histogramBuckets", TORUS_GRAPH_ASK_BUCKETS },
        { "rate", TORUS_GRAPH_ASK_RATE }
    };

    for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        if (torus_str_is(name, asks[i].name)) {
            return asks[i].asks;
        }
    }

    return TORUS_GRAPH_ASK_PLAIN;
}


static int
torus_graph_bind_args(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_call_t *call)
{
    int                         rc;
    char                        text[64];
    size_t                      i, j, n, nparams;
    const torus_target_t       *arg;
    const torus_graph_param_t  *params;

    params = call->func->params;
    nparams = torus_graph_func_params(call->func);

    n = tree->nargs > nparams ? tree->nargs : nparams;

    call->args = torus_arena_calloc(g->arena, n + 1,
                                    sizeof(torus_graph_arg_t));
    if (call->args == NULL) {
        return TORUS_ERROR;
    }

    call->nargs = nparams;

    for (i = 0; i < tree->nargs; i++) {
        arg = tree->args[i];
        j = i;

        if (arg->key.len != 0) {

            for (j = 0; j < nparams; j++) {
                if (torus_str_is(arg->key, params[j].name)) {
                    break;
                }
            }

            if (j == nparams || call->args[j].set) {
                n = torus_escape(text, 48, arg->key);
                return torus_graph_fault(g, j == nparams
                                         ? "%s() has no argument \"%.*s\""
                                         : "%s() was given its argument "
                                           "\"%.*s\" twice",
                                         call->func->name, (int) n, text);
            }

        } else if (i >= nparams) {

            if (nparams == 0
                || !(params[nparams - 1].flags & TORUS_GRAPH_MULTIPLE))
            {
                return torus_graph_fault(g, "%s() takes at most %zu "
                                         "argument%s, not %zu",
                                         call->func->name, nparams,
                                         nparams == 1 ? "" : "s",
                                         tree->nargs);
            }

            call->nargs = i + 1;
        }

        rc = torus_graph_bind_arg(g, arg, scope, call,
                                  &params[j < nparams ? j : nparams - 1],
                                  &call->args[j]);
        if (rc != TORUS_OK) {
            return rc;
        }
    }

    for (i = 0; i < nparams; i++) {

        if ((params[i].flags & TORUS_GRAPH_REQUIRED) && !call->args[i].set) {
            return torus_graph_fault(g, "%s() lacks its argument \"%s\"",
                                     call->func->name, params[i].name);
        }
    }

    /* of the last one there may be none */
    if (nparams != 0 && call->nargs == nparams
        && (params[nparams - 1].flags & TORUS_GRAPH_MULTIPLE)
        && !call->args[nparams - 1].set)
    {
        call->nargs--;
    }

    return TORUS_OK;
}


static int
torus_graph_bind_arg(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_call_t *call,
    const torus_graph_param_t *param, torus_graph_arg_t *arg)
{
    int                  list;
    torus_graph_node_t  *node;

    /* what is left blank in Grafana's editor is a string without text */
    if (!(param->flags & TORUS_GRAPH_REQUIRED)
        && (tree->kind == TORUS_TARGET_NONE
            || (tree->kind == TORUS_TARGET_STRING && tree->text.len == 0
                && !(param->flags & TORUS_GRAPH_MULTIPLE))))
    {
        return TORUS_OK;
    }

    list = (tree->kind == TORUS_TARGET_PATH
            || tree->kind == TORUS_TARGET_CALL);

    if (param->type == TORUS_GRAPH_SERIES_LIST
        || (param->type == TORUS_GRAPH_ANY && list))
    {
        if (!list && !tree->variable) {
            return torus_graph_bind_wrong(g, tree, call, param);
        }

        arg->set = 1;

        if (torus_graph_bind(g, tree, scope, &node) != TORUS_OK) {
            return g->err->len != 0 ? TORUS_INVALID : TORUS_ERROR;
        }

        arg->node = node;

        return TORUS_OK;
    }

    return torus_graph_bind_value(g, tree, call, param, arg);
}


static int
torus_graph_bind_value(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_call_t *call, const torus_graph_param_t *param,
    torus_graph_arg_t *arg)
{
    arg->set = 1;
    arg->text = tree->text;
    arg->string = (tree->kind == TORUS_TARGET_STRING);

    if (torus_graph_bind_typed(tree, param->type, arg) == TORUS_OK
        && (param->options == NULL
            || torus_graph_bind_option(param->options, arg->text)))
    {
        return TORUS_OK;
    }

    return torus_graph_bind_wrong(g, tree, call, param);
}


/* It is of another type than the parameter. */
static int
torus_graph_bind_wrong(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_call_t *call, const torus_graph_param_t *param)
{
    char    text[64];
    size_t  n;

    n = torus_escape(text, 48, tree->text);

    return torus_graph_fault(g, "argument \"%s\" of %s() has to be %s%s, not "
                             "\"%.*s\"", param->name, call->func->name,
                             param->options != NULL ? "one of " : "",
                             param->options != NULL
                             ? param->options
                             : torus_graph_type_text(param->type),
                             (int) n, text);
}


static int
torus_graph_bind_number(const torus_target_t *tree, torus_graph_arg_t *arg)
{
    torus_value_t  v;

    if (tree->kind == TORUS_TARGET_NUMBER) {
        arg->number = tree->number;
        arg->integer = tree->integer;
        return TORUS_OK;
    }

    if (tree->kind != TORUS_TARGET_STRING
        || torus_number_parse(tree->text, &v) != TORUS_OK)
    {
        return TORUS_DECLINED;
    }

    arg->number = torus_number_double(&v);
    arg->integer = (v.kind == TORUS_VALUE_INT);
    arg->string = 0;

    return TORUS_OK;
}


static int
torus_graph_bind_typed(const torus_target_t *tree, torus_graph_type_t type,
    torus_graph_arg_t *arg)
{
    switch (type) {

    case TORUS_GRAPH_INT_OR_INF:
        if (tree->kind == TORUS_TARGET_INF
            || (tree->kind == TORUS_TARGET_STRING
                && tree->text.len == 3
                && strncasecmp((char *) tree->text.data, "inf", 3) == 0))
        {
            arg->number = INFINITY;
            return TORUS_OK;
        }
        /* fall through */

    case TORUS_GRAPH_INTEGER:
    case TORUS_GRAPH_NODE:
        if (torus_graph_bind_number(tree, arg) != TORUS_OK) {
            return TORUS_DECLINED;
        }

        return (arg->number == floor(arg->number)
                && fabs(arg->number) < 1e15) ? TORUS_OK : TORUS_DECLINED;

    case TORUS_GRAPH_FLOAT:
        if (tree->kind == TORUS_TARGET_INF) {
            arg->number = INFINITY;
            return TORUS_OK;
        }

        return torus_graph_bind_number(tree, arg);

    case TORUS_GRAPH_NODE_OR_TAG:
        if (tree->kind == TORUS_TARGET_STRING) {
            return TORUS_OK;
        }

        return torus_graph_bind_typed(tree, TORUS_GRAPH_NODE, arg);

    case TORUS_GRAPH_BOOLEAN:
        arg->number = tree->number;

        if (tree->kind == TORUS_TARGET_STRING) {
            arg->number = torus_str_is(tree->text, "true")
                          || torus_str_is(tree->text, "True");
            return (arg->number != 0 || torus_str_is(tree->text, "false")
                    || torus_str_is(tree->text, "False"))
                   ? TORUS_OK : TORUS_DECLINED;
        }

        return (tree->kind == TORUS_TARGET_BOOL
                || (tree->kind == TORUS_TARGET_NUMBER
                    && (tree->number == 0 || tree->number == 1)))
               ? TORUS_OK : TORUS_DECLINED;

    case TORUS_GRAPH_INT_OR_INTERVAL:
        if (tree->kind == TORUS_TARGET_NUMBER) {
            arg->number = tree->number;
            arg->integer = tree->integer;
            return (tree->integer && fabs(tree->number) < 1e9)
                   ? TORUS_OK : TORUS_DECLINED;
        }
        /* fall through */

    case TORUS_GRAPH_INTERVAL:
        return (tree->kind == TORUS_TARGET_STRING)
               ? torus_graph_duration(tree->text, &arg->seconds)
               : TORUS_DECLINED;

    case TORUS_GRAPH_AGG:
        return (tree->kind == TORUS_TARGET_STRING)
               ? torus_graph_fold_find(tree->text, &arg->fold)
               : TORUS_DECLINED;

    case TORUS_GRAPH_ANY:
        arg->number = (tree->kind == TORUS_TARGET_INF) ? INFINITY
                                                       : tree->number;
        arg->integer = tree->integer;

        /* Python's numbers, too */
        if (tree->kind == TORUS_TARGET_BOOL) {
            arg->integer = 1;
            arg->text = tree->number != 0 ? torus_str("True", 4)
                                          : torus_str("False", 5);
        }

        return (tree->kind != TORUS_TARGET_STRING) ? TORUS_OK
                                                   : TORUS_DECLINED;

    default: /* string, tag */
        arg->string = 1;
        return (tree->kind == TORUS_TARGET_STRING
                || tree->kind == TORUS_TARGET_NUMBER)
               ? TORUS_OK : TORUS_DECLINED;
    }
}


/* Is it one of the words? */
static int
torus_graph_bind_option(const char *options, torus_str_t value)
{
    size_t  len;

    while (*options != '\0') {
        len = strcspn(options, " ");

        if (torus_str_eq(value, torus_str(options, len))) {
            return 1;
        }

        options += len + (options[len] != '\0');
    }

    return 0;
}


static const char *
torus_graph_type_text(torus_graph_type_t type)
{
    switch (type) {

    case TORUS_GRAPH_SERIES_LIST:
        return "a path or a function";

    case TORUS_GRAPH_NODE:
    case TORUS_GRAPH_INTEGER:
        return "an integer";

    case TORUS_GRAPH_NODE_OR_TAG:
        return "an integer or the name of a tag in quotes";

    case TORUS_GRAPH_INT_OR_INF:
        return "an integer or inf";

    case TORUS_GRAPH_FLOAT:
        return "a number";

    case TORUS_GRAPH_BOOLEAN:
        return "true or false";

    case TORUS_GRAPH_INTERVAL:
        return "a duration such as \"5min\"";

    case TORUS_GRAPH_INT_OR_INTERVAL:
        return "a number of points or a duration such as \"5min\"";

    case TORUS_GRAPH_AGG:
        return "the name of an aggregation such as \"sum\"";

    case TORUS_GRAPH_ANY:
        return "a path, a function or a number";

    default:
        return "a string in quotes";
    }
}
