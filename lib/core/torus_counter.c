/*
 * The names of the counters, as the status page and the logs show them.
 */

#include "torus_counter.h"

#include <stddef.h>


static const char *const  torus_counter_names[TORUS_COUNTERS_N] = {
#define TORUS_COUNTER_NAME(id, name)  name,
    TORUS_COUNTERS(TORUS_COUNTER_NAME)
#undef TORUS_COUNTER_NAME
};


const char *
torus_counter_name(torus_counter_t counter)
{
    if ((unsigned) counter >= TORUS_COUNTERS_N) {
        return NULL;
    }

    return torus_counter_names[counter];
}
