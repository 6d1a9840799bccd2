/*
 * From the text of a schema file to JSON.  Comments are overwritten with
 * blanks before jansson sees the text, so that every position it reports is
 * one of the file.
 */

#include "torus_schema_load.h"

#include <stdlib.h>


static void torus_schema_blank(char *text, size_t len);
static void torus_schema_text_fault(torus_schema_loader_t *l, const char *text,
    size_t len, const json_error_t *error);
static int torus_schema_secret(const char *text, size_t len, int line);
static void torus_schema_duplicate(torus_schema_loader_t *l, const char *text,
    size_t pos);


json_t *
torus_schema_text(torus_schema_loader_t *l, torus_str_t text)
{
    char          *copy;
    json_t        *root;
    json_error_t   error;

    copy = malloc(text.len + 1);
    if (copy == NULL) {
        l->no_memory = 1;
        return NULL;
    }

    if (text.len != 0) {
        memcpy(copy, text.data, text.len);
    }

    copy[text.len] = '\0';

    torus_schema_blank(copy, text.len);

    root = json_loadb(copy, text.len, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        torus_schema_text_fault(l, copy, text.len, &error);

    } else if (!json_is_object(root)) {
        /* a list: anything else is no JSON text to jansson */
        torus_schema_syntax(l, 1, 1, "must hold an object, not a list");

        json_decref(root);
        root = NULL;
    }

    free(copy);

    return root;
}


/*
 * A "#" or "//" outside a string, up to the end of the line; a byte order
 * mark.  No string goes over a line's end, so that an unclosed one does not
 * turn the rest of the file inside out.
 */
static void
torus_schema_blank(char *text, size_t len)
{
    int     string;
    size_t  i;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        memset(text, ' ', 3);
    }

    string = 0;

    for (i = 0; i < len; i++) {

        if (text[i] == '\n') {
            string = 0;

        } else if (string) {

            if (text[i] == '"') {
                string = 0;

            } else if (text[i] == '\\' && i + 1 < len
                       && text[i + 1] != '\n')
            {
                i++;
            }

        } else if (text[i] == '"') {
            string = 1;

        } else if (text[i] == '#'
                   || (text[i] == '/' && i + 1 < len && text[i + 1] == '/'))
        {
            while (i < len && text[i] != '\n') {
                text[i++] = ' ';
            }
        }
    }
}


static void
torus_schema_text_fault(torus_schema_loader_t *l, const char *text,
    size_t len, const json_error_t *error)
{
    char    reason[JSON_ERROR_TEXT_LENGTH], *near;
    size_t  i;

    /* where memory runs out jansson mostly says nothing */

    if (error->text[0] == '\0') {
        l->no_memory = 1;
        return;
    }

    switch (json_error_code(error)) {

    case json_error_out_of_memory:
        l->no_memory = 1;
        return;

    case json_error_duplicate_key:
        if (error->position > 0 && (size_t) error->position <= len) {
            torus_schema_duplicate(l, text, (size_t) error->position);
            return;
        }

        break;

    default:
        break;
    }

    /* jansson quotes the text of the file, where a password may stand */

    for (i = 0; i + 1 < sizeof(reason) && error->text[i] != '\0'; i++) {
        reason[i] = ((unsigned char) error->text[i] < 0x20
                     || error->text[i] == 0x7f) ? ' ' : error->text[i];
    }

    reason[i] = '\0';

    near = strstr(reason, " near '");

    if (near != NULL && torus_schema_secret(text, len, error->line)) {
        *near = '\0';
    }

    torus_schema_syntax(l, error->line > 0 ? (size_t) error->line : 1,
                        error->column > 0 ? (size_t) error->column : 1,
                        "%s", reason);
}


/* Could this line, or a word of it, hold the credentials of a host? */
static int
torus_schema_secret(const char *text, size_t len, int line)
{
    size_t  i;

    for (i = 0; i < len && line > 1; i++) {
        line -= (text[i] == '\n');
    }

    for (/* void */; i + 6 <= len && text[i] != '\n'; i++) {

        if (memcmp(text + i, "redis:", 6) == 0) {
            return 1;
        }
    }

    return 0;
}


/* pos is one after the key, which is shown as it was written. */
static void
torus_schema_duplicate(torus_schema_loader_t *l, const char *text, size_t pos)
{
    char    shown[TORUS_SCHEMA_QUOTE];
    size_t  i, end, first, line, column;

    end = pos;

    while (end > 1 && text[end - 1] != '"') {
        end--;
    }

    end--;

    /* a quote behind a backslash is not where it begins */

    for (first = end; first > 0; first--) {
        if (text[first - 1] == '"'
            && (first < 2 || text[first - 2] != '\\'))
        {
            break;
        }
    }

    line = 1;
    column = 1;

    for (i = 0; i + 1 < first; i++) {
        column++;

        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }

    torus_schema_syntax(l, line, column, "duplicate key \"%s\"",
                        torus_schema_quote(shown, torus_str(text + first,
                                                            end - first)));
}
