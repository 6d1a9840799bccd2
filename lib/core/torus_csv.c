/*
 * Fields of comma-separated values.
 */

#include "torus_csv.h"


void
torus_csv_field(torus_buf_t *out, torus_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == ',' || s.data[i] == '"' || s.data[i] == '\r'
            || s.data[i] == '\n')
        {
            break;
        }
    }

    if (i == s.len) {
        torus_buf_adds(out, s);
        return;
    }

    torus_buf_quote(out, s);
}
