/*
 * The functions by name, and what is said of them: /functions is written
 * from the same entries that are called.
 */

#include "torus_graph_func.h"

#include "torus_graph_format.h"


static const torus_graph_func_t *const  torus_graph_tables[] = {
    torus_graph_combine,
    torus_graph_divisions,
    torus_graph_percents,
    torus_graph_grouping,
    torus_graph_transform,
    torus_graph_summaries,
    torus_graph_times,
    torus_graph_calculate,
    torus_graph_filter,
    torus_graph_sort,
    torus_graph_alias,
    torus_graph_special
};

#define TORUS_GRAPH_TABLES                                                    \
    (sizeof(torus_graph_tables) / sizeof(torus_graph_tables[0]))


static const char *const  torus_graph_groups[] = {
    "Combine", "Transform", "Calculate", "Filter Series", "Filter Data",
    "Sorting", "Alias", "Graph", "Special"
};

#define TORUS_GRAPH_GROUPS                                                    \
    (sizeof(torus_graph_groups) / sizeof(torus_graph_groups[0]))


/* In the order of torus_graph_type_t. */
static const char *const  torus_graph_types[] = {
    "seriesList", "node", "nodeOrTag", "integer", "intOrInf", "float",
    "string", "tag", "boolean", "interval", "intOrInterval", "aggFunc", "any"
};

#define TORUS_GRAPH_AGGS                                                      \
    "average avg avg_zero count current diff last max median min multiply "   \
    "range rangeOf stddev sum total"


static void torus_graph_json_group(torus_json_t *j, unsigned group);
static void torus_graph_json_func(torus_json_t *j,
    const torus_graph_func_t *func);
static void torus_graph_json_usage(torus_json_t *j,
    const torus_graph_func_t *func);
static void torus_graph_json_param(torus_json_t *j,
    const torus_graph_param_t *param);
static void torus_graph_json_words(torus_json_t *j, const char *words);
static void torus_graph_json_word(torus_json_t *j, torus_str_t word);


const torus_graph_func_t *
torus_graph_func_find(torus_str_t name)
{
    size_t                     i;
    const torus_graph_func_t  *func;

    for (i = 0; i < TORUS_GRAPH_TABLES; i++) {

        for (func = torus_graph_tables[i]; func->name != NULL; func++) {
            if (torus_str_is(name, func->name)) {
                return func;
            }
        }
    }

    return NULL;
}


size_t
torus_graph_func_params(const torus_graph_func_t *func)
{
    size_t  n;

    for (n = 0; func->params[n].name != NULL; n++) { /* void */ }

    return n;
}


int
torus_graph_functions(torus_buf_t *out, const torus_str_t *name, int grouped,
    int pretty)
{
    size_t                     i;
    unsigned                   group;
    torus_json_t               j;
    const torus_graph_func_t  *func;

    torus_json_init(&j, out, pretty);

    if (name != NULL) {
        func = torus_graph_func_find(*name);

        if (func == NULL || (func->flags & TORUS_GRAPH_HIDDEN)) {
            return TORUS_DECLINED;
        }

        torus_graph_json_func(&j, func);

        return out->failed ? TORUS_ERROR : TORUS_OK;
    }

    torus_json_open(&j, '{');

    for (group = 0; grouped && group < TORUS_GRAPH_GROUPS; group++) {
        torus_json_key(&j, torus_str(torus_graph_groups[group],
                                     strlen(torus_graph_groups[group])));
        torus_json_open(&j, '{');
        torus_graph_json_group(&j, group);
        torus_json_close(&j, '}');
    }

    for (i = 0; !grouped && i < TORUS_GRAPH_GROUPS; i++) {
        torus_graph_json_group(&j, (unsigned) i);
    }

    torus_json_close(&j, '}');

    return out->failed ? TORUS_ERROR : TORUS_OK;
}


static void
torus_graph_json_group(torus_json_t *j, unsigned group)
{
    size_t                     i;
    const torus_graph_func_t  *func;

    for (i = 0; i < TORUS_GRAPH_TABLES; i++) {

        for (func = torus_graph_tables[i]; func->name != NULL; func++) {

            if (func->group != group || (func->flags & TORUS_GRAPH_HIDDEN)) {
                continue;
            }

            torus_json_key(j, torus_str(func->name, strlen(func->name)));
            torus_graph_json_func(j, func);
        }
    }
}


static void
torus_graph_json_func(torus_json_t *j, const torus_graph_func_t *func)
{
    const char                 *group;
    const torus_graph_param_t  *param;

    group = torus_graph_groups[func->group];

    torus_json_open(j, '{');

    torus_json_keyz(j, "name");
    torus_json_string(j, torus_str(func->name, strlen(func->name)));

    torus_json_keyz(j, "function");
    torus_graph_json_usage(j, func);

    torus_json_keyz(j, "description");
    torus_json_string(j, torus_str(func->description,
                                   strlen(func->description)));

    /* what Graphite says, as clients ask for it by that */
    torus_json_keyz(j, "module");
    torus_json_string(j, torus_str("graphite.render.functions", 25));

    torus_json_keyz(j, "group");
    torus_json_string(j, torus_str(group, strlen(group)));

    torus_json_keyz(j, "params");
    torus_json_open(j, '[');

    for (param = func->params; param->name != NULL; param++) {
        torus_graph_json_param(j, param);
    }

    torus_json_close(j, ']');
    torus_json_close(j, '}');
}


/* "movingAverage(seriesList, windowSize, xFilesFactor=None)" */
static void
torus_graph_json_usage(torus_json_t *j, const torus_graph_func_t *func)
{
    char                        text[512];
    int                         quoted;
    size_t                      n;
    const torus_graph_param_t  *param;

    n = (size_t) snprintf(text, sizeof(text), "%s(", func->name);

    for (param = func->params; param->name != NULL; param++) {

        if (param != func->params) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, ", ");
        }

        if (param->flags & TORUS_GRAPH_MULTIPLE) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "*%s",
                                   param->name);

        } else if (param->flags & TORUS_GRAPH_REQUIRED) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%s",
                                   param->name);

        } else {
            quoted = (param->def != NULL && param->type == TORUS_GRAPH_AGG);
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%s=%s%s%s",
                                   param->name, quoted ? "'" : "",
                                   param->def != NULL ? param->def : "None",
                                   quoted ? "'" : "");
        }
    }

    n += (size_t) snprintf(text + n, sizeof(text) - n, ")");

    torus_json_string(j, torus_str(text, n));
}


static void
torus_graph_json_param(torus_json_t *j, const torus_graph_param_t *param)
{
    const char  *type;

    type = torus_graph_types[param->type];

    torus_json_open(j, '{');

    torus_json_keyz(j, "name");
    torus_json_string(j, torus_str(param->name, strlen(param->name)));

    torus_json_keyz(j, "type");
    torus_json_string(j, torus_str(type, strlen(type)));

    if (param->flags & TORUS_GRAPH_REQUIRED) {
        torus_json_keyz(j, "required");
        torus_json_bool(j, 1);
    }

    if (param->def != NULL) {
        torus_json_keyz(j, "default");
        torus_graph_json_word(j, torus_str(param->def, strlen(param->def)));
    }

    if (param->flags & TORUS_GRAPH_MULTIPLE) {
        torus_json_keyz(j, "multiple");
        torus_json_bool(j, 1);
    }

    if (param->options != NULL || param->type == TORUS_GRAPH_AGG) {
        torus_json_keyz(j, "options");
        torus_graph_json_words(j, param->options != NULL ? param->options
                                                         : TORUS_GRAPH_AGGS);
    }

    if (param->suggestions != NULL) {
        torus_json_keyz(j, "suggestions");
        torus_graph_json_words(j, param->suggestions);
    }

    torus_json_close(j, '}');
}


static void
torus_graph_json_words(torus_json_t *j, const char *words)
{
    size_t  len;

    torus_json_open(j, '[');

    while (*words != '\0') {
        len = strcspn(words, " ");
        torus_graph_json_word(j, torus_str(words, len));
        words += len + (words[len] != '\0');
    }

    torus_json_close(j, ']');
}


/* A number as one, true and false as that; infinity is only a word. */
static void
torus_graph_json_word(torus_json_t *j, torus_str_t word)
{
    torus_value_t  v;

    if (torus_str_is(word, "true") || torus_str_is(word, "false")) {
        torus_json_bool(j, word.len == 4);

    } else if (torus_number_parse(word, &v) == TORUS_OK) {
        torus_json_value(j, &v);

    } else {
        torus_json_string(j, word);
    }
}
