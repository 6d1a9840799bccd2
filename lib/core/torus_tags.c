/*
 * Names of series with tags, as a client is told them.
 */

#include "torus_tags.h"
#include "torus_carbon.h"
#include "torus_json.h"


static unsigned torus_tags_path(torus_json_t *j, torus_str_t path,
    torus_error_t *err);


unsigned
torus_tags_write(torus_tags_kind_t kind, const torus_arg_t *args,
    size_t nargs, torus_buf_t *out, torus_error_t *err)
{
    size_t         i, n;
    unsigned       status;
    const char    *name;
    torus_json_t   j;

    name = "path[]";

    for (i = 0; i < nargs; i++) {
        if (torus_str_is(args[i].name, "path")) {
            name = "path";
        }
    }

    torus_json_init(&j, out, 0);

    if (kind == TORUS_TAGS_MULTI) {
        torus_json_open(&j, '[');
    }

    status = 200;
    n = 0;

    /* of one the last counts */

    for (i = nargs; i > 0 && kind == TORUS_TAGS_SERIES && n == 0; i--) {

        if (torus_str_is(args[i - 1].name, name)) {
            status = torus_tags_path(&j, args[i - 1].value, err);
            n++;
        }
    }

    for (i = 0; i < nargs && kind != TORUS_TAGS_SERIES; i++) {

        if (!torus_str_is(args[i].name, name)) {
            continue;
        }

        n++;

        if (kind == TORUS_TAGS_MULTI && status == 200) {
            status = torus_tags_path(&j, args[i].value, err);
        }
    }

    if (n == 0) {
        torus_error(err, "argument \"path\" is missing");
        return 400;
    }

    if (kind == TORUS_TAGS_MULTI) {
        torus_json_close(&j, ']');

    } else if (kind == TORUS_TAGS_DELETE) {
        torus_buf_addz(out, "true");
    }

    return status;
}


static unsigned
torus_tags_path(torus_json_t *j, torus_str_t path, torus_error_t *err)
{
    char             quoted[80];
    size_t           n;
    unsigned char    scratch[TORUS_CARBON_PATH_MAX];
    torus_counter_t  reason;

    static const torus_carbon_conf_t  conf = {
        .line_max = TORUS_CARBON_LINE_MAX, .path_max = TORUS_CARBON_PATH_MAX
    };

    if (torus_carbon_path(&conf, &path, scratch, &reason) != TORUS_OK) {
        n = torus_escape(quoted, sizeof(quoted), path);
        torus_error(err, "argument \"path\" is no path of a series: \"%.*s\"",
                    (int) n, quoted);
        return 400;
    }

    torus_json_string(j, path);

    return 200;
}
