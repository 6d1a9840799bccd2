/*
 * The evaluator of /render: trees of targets are bound to functions and
 * their arguments checked, leaves collected, and calls evaluated on a stack
 * of frames that can be left and taken up again at any point.
 *
 * A target that turns out to need another leaf is evaluated from its
 * beginning once that is there; what was fetched stays.
 */

#include "torus_graph_func.h"

#include <stdarg.h>
#include <stdlib.h>


/* Operations of a series, beside those of its points: a name to be made. */
#define TORUS_GRAPH_SERIES  30


/* What a frame does next. */
enum {
    TORUS_GRAPH_PHASE_STEP = 0,   /* the first argument, to know its step */
    TORUS_GRAPH_PHASE_SPANS,
    TORUS_GRAPH_PHASE_WINDOWS,
    TORUS_GRAPH_PHASE_ARGS,
    TORUS_GRAPH_PHASE_RUN
};


typedef struct {
    torus_graph_node_t       *root;
    torus_graph_list_t        result;
    unsigned                  done:1;
} torus_graph_target_t;


/* Where a tree is bound: what selects its leaves. */
typedef struct {
    torus_str_t               interval;
    torus_str_t               schema;
    unsigned                  asks;
} torus_graph_scope_t;


struct torus_graph_s {
    torus_arena_t            *arena;
    torus_graph_params_t      params;
    torus_error_t            *err;
    unsigned                  status;
    int64_t                   budget;
    size_t                    points;
    size_t                    nseries;

    torus_graph_leaf_t      **leaves;
    size_t                    nleaves;
    size_t                    leaves_size;
    torus_graph_leaf_t      **table;       /* of leaves, by hash */
    size_t                    slots;
    size_t                    wanted;      /* not yet supplied */
    unsigned                  missing:1;   /* one that this target needs */

    torus_graph_target_t     *targets;
    size_t                    ntargets;
    size_t                    targets_size;
    size_t                    target;      /* at work */

    torus_graph_frame_t      *frames;
    size_t                    nframes;
    size_t                    depth;       /* of them in use */

    torus_graph_list_t        answers;
    torus_graph_span_t        range;       /* of all answers */
    size_t                    folded;      /* of them */
};


static int torus_graph_bind(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_node_t **node);
static int torus_graph_bind_call(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_node_t **node);
static int torus_graph_bind_select(torus_graph_t *g,
    const torus_target_t *tree, const torus_graph_scope_t *scope,
    torus_graph_node_t **node);
static int torus_graph_bind_args(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_call_t *call);
static int torus_graph_bind_arg(torus_graph_t *g, const torus_target_t *tree,
    const torus_graph_scope_t *scope, torus_graph_call_t *call,
    const torus_graph_param_t *param, torus_graph_arg_t *arg);
static int torus_graph_bind_value(torus_graph_t *g,
    const torus_target_t *tree, const torus_graph_call_t *call,
    const torus_graph_param_t *param, torus_graph_arg_t *arg);
static int torus_graph_bind_number(const torus_target_t *tree,
    torus_graph_arg_t *arg);
static int torus_graph_bind_typed(const torus_target_t *tree,
    torus_graph_type_t type, torus_graph_arg_t *arg);
static int torus_graph_bind_option(const char *options, torus_str_t value);
static const char *torus_graph_type_text(torus_graph_type_t type);
static unsigned torus_graph_asks(torus_str_t name);

static int torus_graph_walk(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span);
static int torus_graph_leaf(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_leaf_t **leaf);
static int torus_graph_leaf_room(torus_graph_t *g);
static uint64_t torus_graph_leaf_hash(const torus_graph_node_t *node,
    const torus_graph_span_t *span);
static int torus_graph_name_cmp(const void *one, const void *two);

static int torus_graph_step(torus_graph_t *g);
static int torus_graph_push(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_list_t *result);
static int torus_graph_frame(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_frame_spans(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_frame_args(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_frame_run(torus_graph_t *g, torus_graph_frame_t *f);
static int torus_graph_finish(torus_graph_t *g);
static int torus_graph_failed(torus_graph_t *g, int rc, torus_error_t *err);


torus_graph_t *
torus_graph_create(torus_arena_t *arena, const torus_graph_params_t *params)
{
    torus_graph_t  *g;

    g = torus_arena_calloc(arena, 1, sizeof(torus_graph_t));

    if (g != NULL) {
        g->arena = arena;
        g->params = *params;
        g->status = 500;

        if (g->params.target.depth == 0) {
            g->params.target.text = TORUS_TARGET_TEXT;
            g->params.target.calls = TORUS_TARGET_CALLS;
            g->params.target.depth = TORUS_TARGET_DEPTH;
        }

        /* a path is one more */

        g->nframes = g->params.target.depth + 1;
        g->frames = torus_arena_calloc(arena, g->nframes,
                                       sizeof(torus_graph_frame_t));
    }

    return g != NULL && g->frames != NULL ? g : NULL;
}


torus_arena_t *
torus_graph_arena(const torus_graph_t *g)
{
    return g->arena;
}


const torus_graph_params_t *
torus_graph_params(const torus_graph_t *g)
{
    return &g->params;
}


unsigned
torus_graph_status(const torus_graph_t *g)
{
    return g->status;
}


int
torus_graph_fault(torus_graph_t *g, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(g->err->text, TORUS_ERROR_SIZE, fmt, args);
    va_end(args);

    g->err->len = strlen(g->err->text);
    g->status = 400;

    return TORUS_INVALID;
}


int
torus_graph_over(torus_graph_t *g, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(g->err->text, TORUS_ERROR_SIZE, fmt, args);
    va_end(args);

    g->err->len = strlen(g->err->text);
    g->status = 413;

    return TORUS_ERROR;
}


void
torus_graph_work(torus_graph_t *g, size_t n)
{
    g->budget -= (int64_t) n;
}


int64_t
torus_graph_left(const torus_graph_t *g)
{
    return g->budget;
}


int
torus_graph_spent(const torus_graph_t *g)
{
    return g->budget <= 0;
}


double *
torus_graph_points(torus_graph_t *g, size_t n)
{
    if (n > SIZE_MAX / sizeof(double) - 1) {
        return NULL;
    }

    g->points += n;

    if (g->params.max_points != 0 && g->points > g->params.max_points) {

        if (g->err != NULL) {
            (void) torus_graph_over(g, "more than %zu points",
                                    g->params.max_points);
        }

        return NULL;
    }

    /* one more, as no size is 0 */
    return torus_arena_alloc(g->arena, (n + 1) * sizeof(double));
}


int
torus_graph_add(torus_graph_t *g, torus_graph_list_t *list,
    torus_graph_series_t *s)
{
    size_t                  size;
    torus_graph_series_t  **items;

    if (list->n == list->size) {
        size = list->size == 0 ? 4 : list->size * 2;

        items = torus_arena_alloc(g->arena,
                                  size * sizeof(torus_graph_series_t *));
        if (items == NULL) {
            return TORUS_ERROR;
        }

        if (list->n != 0) {
            memcpy(items, list->items,
                   list->n * sizeof(torus_graph_series_t *));
        }

        list->items = items;
        list->size = size;
    }

    list->items[list->n++] = s;

    return TORUS_OK;
}


int
torus_graph_gather(torus_graph_t *g, const torus_graph_frame_t *f,
    size_t first, torus_graph_list_t *list)
{
    size_t  i, j;

    memset(list, 0, sizeof(torus_graph_list_t));

    for (i = first; i < f->call->nargs; i++) {

        if (i == first && f->call->nargs == first + 1) {
            *list = f->lists[i];
            return TORUS_OK;
        }

        for (j = 0; j < f->lists[i].n; j++) {
            if (torus_graph_add(g, list, f->lists[i].items[j]) != TORUS_OK) {
                return TORUS_ERROR;
            }
        }
    }

    return TORUS_OK;
}


/* Preparing: a tree is bound, its leaves are listed. */


int
torus_graph_prepare(torus_graph_t *g, torus_str_t text, torus_error_t *err)
{
    int                    rc;
    size_t                 size;
    torus_target_t        *tree;
    torus_graph_scope_t    scope;
    torus_graph_target_t  *targets;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;

    rc = torus_target_parse(g->arena, text, &g->params.target,
                            g->params.vars, g->params.nvars, &tree, err);

    if (rc == TORUS_DECLINED) {
        g->status = 413;
        return TORUS_ERROR;
    }

    if (rc != TORUS_OK) {
        return torus_graph_failed(g, rc, err);
    }

    if (g->ntargets == g->targets_size) {
        size = g->targets_size == 0 ? 4 : g->targets_size * 2;

        targets = torus_arena_calloc(g->arena, size,
                                     sizeof(torus_graph_target_t));
        if (targets == NULL) {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        if (g->ntargets != 0) {
            memcpy(targets, g->targets,
                   g->ntargets * sizeof(torus_graph_target_t));
        }

        g->targets = targets;
        g->targets_size = size;
    }

    memset(&scope, 0, sizeof(torus_graph_scope_t));
    scope.asks = TORUS_GRAPH_ASK_PLAIN;

    rc = torus_graph_bind(g, tree, &scope, &g->targets[g->ntargets].root);

    if (rc == TORUS_OK) {
        rc = torus_graph_walk(g, g->targets[g->ntargets].root,
                              &g->params.span);
    }

    if (rc != TORUS_OK) {
        return torus_graph_failed(g, rc, err);
    }

    g->ntargets++;

    return TORUS_OK;
}


static int
torus_graph_failed(torus_graph_t *g, int rc, torus_error_t *err)
{
    if (rc == TORUS_INVALID) {
        g->status = 400;

    } else if (rc == TORUS_ERROR && err->len == 0) {
        (void) torus_graph_over(g, "the request needs more memory than it may "
                                "have");
    }

    return rc;
}


static int
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

    new->path = (tree->kind == TORUS_TARGET_CALL) ? tree->raw : tree->text;
    new->interval = scope->interval;
    new->schema = scope->schema;
    new->asks = scope->asks;

    *node = new;

    return TORUS_OK;
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
        return torus_graph_bind_select(g, tree, scope, node);
    }

    inner = *scope;
    inner.asks = torus_graph_asks(tree->text);

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
    const torus_graph_scope_t *scope, torus_graph_node_t **node)
{
    torus_graph_scope_t  inner;

    if (tree->nargs != 2 || tree->args[1]->kind != TORUS_TARGET_STRING
        || tree->args[1]->text.len == 0)
    {
        return torus_graph_fault(g, "%.*s() takes a path and a name in quotes",
                                 torus_fmt(tree->text));
    }

    inner = *scope;

    if (torus_str_is(tree->text, "interval")) {
        inner.interval = tree->args[1]->text;

    } else {
        inner.schema = tree->args[1]->text;
    }

    return torus_graph_bind(g, tree->args[0], &inner, node);
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
                return torus_graph_fault(g, "%s() has no argument \"%.*s\", or"
                                         " it was given twice",
                                         call->func->name,
                                         (int) (arg->key.len > 48
                                                ? 48 : arg->key.len),
                                         (const char *) arg->key.data);
            }

        } else if (i >= nparams) {

            if (nparams == 0
                || !(params[nparams - 1].flags & TORUS_GRAPH_MULTIPLE))
            {
                return torus_graph_fault(g, "%s() takes at most %zu arguments,"
                                         " not %zu", call->func->name,
                                         nparams, tree->nargs);
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

    if (tree->kind == TORUS_TARGET_NONE
        && !(param->flags & TORUS_GRAPH_REQUIRED))
    {
        return TORUS_OK;
    }

    list = (tree->kind == TORUS_TARGET_PATH
            || tree->kind == TORUS_TARGET_CALL);

    if (param->type == TORUS_GRAPH_SERIES_LIST
        || (param->type == TORUS_GRAPH_ANY && list))
    {
        if (!list && !tree->variable) {
            return torus_graph_fault(g, "argument \"%s\" of %s() has to be a "
                                     "path or a function", param->name,
                                     call->func->name);
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
    char    text[64];
    size_t  n;

    arg->set = 1;
    arg->text = tree->text;
    arg->string = (tree->kind == TORUS_TARGET_STRING);

    if (torus_graph_bind_typed(tree, param->type, arg) == TORUS_OK
        && (param->options == NULL
            || torus_graph_bind_option(param->options, arg->text)))
    {
        return TORUS_OK;
    }

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
        if (tree->kind == TORUS_TARGET_INF) {
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
        arg->number = tree->number;
        arg->integer = tree->integer;
        return TORUS_OK;

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

    default:
        return "a string in quotes";
    }
}


/* The leaves that are known before anything is fetched. */
static int
torus_graph_walk(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span)
{
    int                        rc;
    size_t                     i, j, n;
    torus_graph_leaf_t        *leaf;
    torus_graph_span_t         spans[TORUS_GRAPH_MAX_SPANS];
    const torus_graph_func_t  *func;

    func = node->call.func;

    if (func == NULL) {
        return torus_graph_leaf(g, node, span, &leaf);
    }

    for (i = 0; i < node->call.nargs; i++) {

        if (node->call.args[i].node == NULL) {
            continue;
        }

        n = 1;
        spans[0] = *span;

        if (i == 0 && func->windows != NULL) {
            rc = func->windows(g, &node->call, span, 0, spans, &n);

            if (rc != TORUS_OK && rc != TORUS_AGAIN) {
                return rc;
            }

            if (rc == TORUS_AGAIN) {
                n = 1;
                spans[0] = *span;
            }
        }

        for (j = 0; j < n; j++) {
            rc = torus_graph_walk(g, node->call.args[i].node, &spans[j]);
            if (rc != TORUS_OK) {
                return rc;
            }
        }
    }

    return TORUS_OK;
}


/* The leaf of a node over a span, a new one if there is none as yet. */
static int
torus_graph_leaf(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_leaf_t **leaf)
{
    uint64_t             hash;
    torus_graph_leaf_t  *l;

    hash = torus_graph_leaf_hash(node, span);
    l = g->slots != 0 ? g->table[hash & (g->slots - 1)] : NULL;

    for ( /* void */ ; l != NULL; l = l->next) {

        if (l->hash == hash && l->span.from == span->from
            && l->span.until == span->until
            && torus_str_eq(l->path, node->path)
            && torus_str_eq(l->interval, node->interval)
            && torus_str_eq(l->schema, node->schema))
        {
            l->asks |= node->asks;
            *leaf = l;
            return TORUS_OK;
        }
    }

    if (g->params.max_leaves != 0 && g->nleaves == g->params.max_leaves) {
        return torus_graph_over(g, "more than %zu different paths and ranges",
                                g->params.max_leaves);
    }

    if (torus_graph_leaf_room(g) != TORUS_OK) {
        return TORUS_ERROR;
    }

    l = torus_arena_calloc(g->arena, 1, sizeof(torus_graph_leaf_t));
    if (l == NULL) {
        return TORUS_ERROR;
    }

    l->path = node->path;
    l->interval = node->interval;
    l->schema = node->schema;
    l->asks = node->asks;
    l->span = *span;
    l->hash = hash;

    l->next = g->table[hash & (g->slots - 1)];
    g->table[hash & (g->slots - 1)] = l;

    g->leaves[g->nleaves++] = l;
    g->wanted++;

    *leaf = l;

    return TORUS_OK;
}


/* For one more; as many slots as there is room for leaves. */
static int
torus_graph_leaf_room(torus_graph_t *g)
{
    size_t                i, k, size;
    torus_graph_leaf_t  **leaves, **table;

    if (g->nleaves < g->leaves_size) {
        return TORUS_OK;
    }

    size = g->leaves_size == 0 ? 8 : g->leaves_size * 2;

    leaves = torus_arena_alloc(g->arena, size * sizeof(torus_graph_leaf_t *));
    table = torus_arena_calloc(g->arena, size, sizeof(torus_graph_leaf_t *));

    if (leaves == NULL || table == NULL) {
        return TORUS_ERROR;
    }

    for (i = 0; i < g->nleaves; i++) {
        leaves[i] = g->leaves[i];

        k = leaves[i]->hash & (size - 1);
        leaves[i]->next = table[k];
        table[k] = leaves[i];
    }

    g->leaves = leaves;
    g->leaves_size = size;
    g->table = table;
    g->slots = size;

    return TORUS_OK;
}


static uint64_t
torus_graph_leaf_hash(const torus_graph_node_t *node,
    const torus_graph_span_t *span)
{
    return torus_hash(node->path.data, node->path.len,
                      (uint64_t) span->from * 31 + (uint64_t) span->until);
}


torus_graph_leaf_t **
torus_graph_leaves(const torus_graph_t *g, size_t *n)
{
    *n = g->nleaves;

    return g->leaves;
}


int
torus_graph_supply(torus_graph_t *g, torus_graph_leaf_t *leaf,
    torus_graph_series_t **series, size_t n, torus_error_t *err)
{
    int            rc;
    size_t         i;
    void          *spare;
    torus_work_t   any;

    memset(&any, 0, sizeof(torus_work_t));

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;

    if (!leaf->sorting) {
        g->nseries += n;

        if (g->params.max_series != 0 && g->nseries > g->params.max_series) {
            return torus_graph_over(g, "more than %zu series",
                                    g->params.max_series);
        }

        for (i = 0; i < n; i++) {
            series[i]->own = 0;
            series[i]->own_values = 0;

            if (torus_graph_add(g, &leaf->series, series[i]) != TORUS_OK) {
                return torus_graph_failed(g, TORUS_ERROR, err);
            }
        }

        if (g->params.work != NULL) {
            torus_work_did(g->params.work, 2 * n);
        }

        spare = torus_arena_alloc(g->arena,
                                  (n + 1) * sizeof(torus_graph_series_t *));
        if (spare == NULL) {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        leaf->sorting = 1;
        torus_sort_start(&leaf->sort, leaf->series.items, spare, n,
                         sizeof(torus_graph_series_t *),
                         torus_graph_name_cmp);
    }

    rc = torus_sort_run(&leaf->sort,
                        g->params.work != NULL ? g->params.work : &any);

    if (rc != TORUS_OK) {
        return rc;
    }

    leaf->sorting = 0;

    if (!leaf->supplied) {
        leaf->supplied = 1;
        g->wanted--;
    }

    return TORUS_OK;
}


static int
torus_graph_name_cmp(const void *one, const void *two)
{
    int                           rc;
    size_t                        n;
    const torus_graph_series_t   *a, *b;

    a = *(torus_graph_series_t *const *) one;
    b = *(torus_graph_series_t *const *) two;

    n = a->name.len < b->name.len ? a->name.len : b->name.len;
    rc = n == 0 ? 0 : memcmp(a->name.data, b->name.data, n);

    if (rc != 0) {
        return rc;
    }

    return (a->name.len > b->name.len) - (a->name.len < b->name.len);
}


/* Evaluating: a stack of calls, each of which waits for the one above. */


int
torus_graph_eval(torus_graph_t *g, int64_t budget, torus_error_t *err)
{
    int  rc;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;
    g->budget = budget;

    if (g->wanted != 0) {
        return TORUS_DECLINED;
    }

    for ( ;; ) {
        rc = torus_graph_step(g);

        if (rc == TORUS_DECLINED) {
            return rc;
        }

        if (rc == TORUS_OK && g->target == g->ntargets) {

            if (g->wanted != 0) {
                g->target = 0;
                return TORUS_DECLINED;
            }

            rc = torus_graph_finish(g);
            return rc == TORUS_OK ? rc : torus_graph_failed(g, rc, err);
        }

        if (rc != TORUS_OK) {
            return rc == TORUS_AGAIN ? rc : torus_graph_failed(g, rc, err);
        }

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }
}


/*
 * One step of the frame on top, or the next target.  A leaf that is not
 * there ends this target for now; those behind it are still looked at, so
 * that all that is missing is fetched at once.
 */
static int
torus_graph_step(torus_graph_t *g)
{
    int                    rc;
    torus_graph_target_t  *t;

    while (g->depth == 0) {

        while (g->target < g->ntargets && g->targets[g->target].done) {
            g->target++;
        }

        if (g->target == g->ntargets) {
            return TORUS_OK;
        }

        t = &g->targets[g->target];
        g->missing = 0;
        memset(&t->result, 0, sizeof(torus_graph_list_t));

        rc = torus_graph_push(g, t->root, &g->params.span, &t->result);
        if (rc != TORUS_OK) {
            return rc;
        }

        if (g->depth == 0) {
            t->done = !g->missing;
            g->target++;
        }
    }

    t = &g->targets[g->target];

    rc = torus_graph_frame(g, &g->frames[g->depth - 1]);

    if (rc == TORUS_OK && g->missing) {
        g->depth = 0;
        g->target++;
        return TORUS_OK;
    }

    if (rc == TORUS_OK && g->depth == 0) {
        t->done = 1;
        g->target++;
    }

    return rc;
}


/* A leaf is there at once, a call gets a frame. */
static int
torus_graph_push(torus_graph_t *g, const torus_graph_node_t *node,
    const torus_graph_span_t *span, torus_graph_list_t *result)
{
    int                   rc;
    size_t                n;
    torus_graph_leaf_t   *leaf;
    torus_graph_frame_t  *f;

    if (node->call.func == NULL) {
        rc = torus_graph_leaf(g, node, span, &leaf);

        if (rc != TORUS_OK) {
            return rc;
        }

        if (!leaf->supplied) {
            g->missing = 1;
            return TORUS_OK;
        }

        /* the list is copied, as functions may reorder it */
        for (n = 0; n < leaf->series.n; n++) {
            rc = torus_graph_add(g, result, leaf->series.items[n]);
            if (rc != TORUS_OK) {
                return rc;
            }
        }

        torus_graph_work(g, n);

        return TORUS_OK;
    }

    if (g->depth == g->nframes) {
        return torus_graph_fault(g, "functions are nested too deep");
    }

    f = &g->frames[g->depth++];

    memset(f, 0, sizeof(torus_graph_frame_t));

    f->call = &node->call;
    f->span = *span;
    f->result = result;
    f->phase = TORUS_GRAPH_PHASE_ARGS;

    n = node->call.nargs;

    /* arguments that are optional and absent have an empty list too */
    f->lists = torus_arena_calloc(g->arena,
                                  n + torus_graph_func_params(f->call->func)
                                  + 1, sizeof(torus_graph_list_t));
    if (f->lists == NULL) {
        return TORUS_ERROR;
    }

    if (f->call->func->windows != NULL) {
        f->phase = TORUS_GRAPH_PHASE_SPANS;
        f->spans = torus_arena_calloc(g->arena, TORUS_GRAPH_MAX_SPANS,
                                      sizeof(torus_graph_span_t));
        f->windows = torus_arena_calloc(g->arena, TORUS_GRAPH_MAX_SPANS,
                                        sizeof(torus_graph_list_t));

        if (f->spans == NULL || f->windows == NULL) {
            return TORUS_ERROR;
        }
    }

    return TORUS_OK;
}


static int
torus_graph_frame(torus_graph_t *g, torus_graph_frame_t *f)
{
    const torus_graph_node_t  *first;

    switch (f->phase) {

    case TORUS_GRAPH_PHASE_STEP:
    case TORUS_GRAPH_PHASE_SPANS:
        return torus_graph_frame_spans(g, f);

    case TORUS_GRAPH_PHASE_WINDOWS:
        if (f->i < f->nspans) {
            first = f->call->args[0].node;
            f->i++;
            return torus_graph_push(g, first, &f->spans[f->i - 1],
                                    &f->windows[f->i - 1]);
        }

        if (f->nspans != 0) {
            f->lists[0] = f->windows[0];
        }

        f->i = 0;
        f->arg = 1;
        f->phase = TORUS_GRAPH_PHASE_ARGS;
        return TORUS_OK;

    case TORUS_GRAPH_PHASE_ARGS:
        return torus_graph_frame_args(g, f);

    default:
        return torus_graph_frame_run(g, f);
    }
}


static int
torus_graph_frame_spans(torus_graph_t *g, torus_graph_frame_t *f)
{
    int      rc;
    size_t   i;
    int64_t  step;

    step = 0;

    if (f->phase == TORUS_GRAPH_PHASE_STEP) {

        for (i = 0; i < f->lists[0].n; i++) {
            if (f->lists[0].items[i]->step > step) {
                step = f->lists[0].items[i]->step;
            }
        }

        if (step == 0) {
            /* nothing to look at; the function sees that as well */
            f->phase = TORUS_GRAPH_PHASE_WINDOWS;
            f->nspans = 0;
            return TORUS_OK;
        }
    }

    rc = f->call->func->windows(g, f->call, &f->span, step, f->spans,
                                &f->nspans);

    if (rc == TORUS_AGAIN) {
        f->phase = TORUS_GRAPH_PHASE_STEP;
        return torus_graph_push(g, f->call->args[0].node, &f->span,
                                &f->lists[0]);
    }

    f->phase = TORUS_GRAPH_PHASE_WINDOWS;

    return rc;
}


static int
torus_graph_frame_args(torus_graph_t *g, torus_graph_frame_t *f)
{
    size_t  i;

    while (f->arg < f->call->nargs) {
        i = f->arg++;

        if (f->call->args[i].node != NULL) {
            return torus_graph_push(g, f->call->args[i].node, &f->span,
                                    &f->lists[i]);
        }
    }

    f->phase = TORUS_GRAPH_PHASE_RUN;
    f->arg = 0;

    return TORUS_OK;
}


static int
torus_graph_frame_run(torus_graph_t *g, torus_graph_frame_t *f)
{
    int                        rc;
    torus_graph_series_t      *s;
    const torus_graph_func_t  *func;

    func = f->call->func;

    /* values first, for those that need them: arg and i are the place */
    while (!(func->flags & TORUS_GRAPH_ROWS) && f->arg < f->call->nargs) {

        if (f->i == f->lists[f->arg].n) {
            f->arg++;
            f->i = 0;
            continue;
        }

        s = f->lists[f->arg].items[f->i];

        if (torus_graph_values(g, s) != TORUS_OK) {
            return TORUS_ERROR;
        }

        f->i++;

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }
    }

    if (func->flags & TORUS_GRAPH_ROWS) {
        f->arg = f->call->nargs;
    }

    if (func->run != NULL) {
        rc = func->run(g, f);
        if (rc != TORUS_OK) {
            return rc;
        }

    } else {
        while (f->i < f->lists[0].n) {
            s = f->lists[0].items[f->i];

            rc = func->map(g, f, s, &s);

            if (rc == TORUS_OK) {
                rc = torus_graph_add(g, &f->out, s);
                torus_graph_work(g, s->n);
            }

            if (rc != TORUS_OK && rc != TORUS_DECLINED) {
                return rc;
            }

            torus_graph_work(g, TORUS_GRAPH_SERIES);
            f->i++;

            if (torus_graph_spent(g)) {
                return TORUS_AGAIN;
            }
        }
    }

    *f->result = f->out;
    g->depth--;

    return TORUS_OK;
}


static int
torus_graph_finish(torus_graph_t *g)
{
    size_t  i, j;

    memset(&g->answers, 0, sizeof(torus_graph_list_t));

    for (i = 0; i < g->ntargets; i++) {

        for (j = 0; j < g->targets[i].result.n; j++) {

            if (g->params.max_series != 0
                && g->answers.n == g->params.max_series)
            {
                return torus_graph_over(g, "more than %zu series",
                                        g->params.max_series);
            }

            if (torus_graph_add(g, &g->answers, g->targets[i].result.items[j])
                != TORUS_OK)
            {
                return TORUS_ERROR;
            }
        }
    }

    return TORUS_OK;
}


torus_graph_series_t **
torus_graph_answers(const torus_graph_t *g, size_t *n)
{
    *n = g->answers.n;

    return g->answers.items;
}


/*
 * The range is that of all answers before the first of them is folded, hence
 * it is computed again only when nothing was.
 */
int
torus_graph_limit_points(torus_graph_t *g, size_t max, int64_t budget,
    torus_error_t *err)
{
    double                 points;
    size_t                 i, k, lose;
    int64_t                start, end, width, nudge;
    torus_graph_series_t  *s, *to;

    err->len = 0;
    err->text[0] = '\0';
    g->err = err;
    g->budget = budget;

    if (g->folded == 0) {
        start = INT64_MAX;
        end = INT64_MIN;

        for (i = 0; i < g->answers.n; i++) {
            s = g->answers.items[i];
            start = s->start < start ? s->start : start;
            end = s->end > end ? s->end : end;
        }

        g->range.from = start;
        g->range.until = end;
    }

    start = g->range.from;
    end = g->range.until;

    for ( /* void */ ; g->folded < g->answers.n; g->folded++) {

        if (torus_graph_spent(g)) {
            return TORUS_AGAIN;
        }

        s = g->answers.items[g->folded];
        points = (double) (end - start) / (double) s->step;
        k = 1;
        lose = 0;
        nudge = 0;

        if (max == 1) {
            k = s->n;

        } else if (max != 0 && (double) max < points) {
            k = (size_t) ceil(points / (double) max);
            width = (int64_t) k * s->step;
            nudge = width + s->start % s->step - s->start % width;
            lose = nudge >= s->step ? (size_t) (nudge / s->step) - 1 : 0;
            lose = lose > s->n ? s->n : lose;
        }

        to = torus_graph_edit(g, s);
        if (to == NULL) {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        if (to->values != NULL) {
            to->values += lose;
        }

        if (to->rows != NULL) {
            to->rows += lose;
        }

        to->start += nudge;
        to->n -= lose;

        if (torus_graph_consolidate(g, to, k, &to) != TORUS_OK
            || torus_graph_values(g, to) != TORUS_OK)
        {
            return torus_graph_failed(g, TORUS_ERROR, err);
        }

        g->answers.items[g->folded] = to;
    }

    return TORUS_OK;
}
