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


static const struct {
    const char  *name;
    int          is_counter;
} torus_host_value_table[TORUS_HOST_VALUES_N] = {
#define TORUS_HOST_ROW(id, name, is_counter)  { name, is_counter },
    TORUS_HOST_VALUES(TORUS_HOST_ROW)
#undef TORUS_HOST_ROW
};


const char *
torus_host_value_name(torus_host_value_t value)
{
    if ((unsigned) value >= TORUS_HOST_VALUES_N) {
        return NULL;
    }

    return torus_host_value_table[value].name;
}


int
torus_host_value_is_counter(torus_host_value_t value)
{
    return (unsigned) value < TORUS_HOST_VALUES_N
           && torus_host_value_table[value].is_counter;
}


static const char *const  torus_schema_value_names[TORUS_SCHEMA_VALUES_N] = {
#define TORUS_SCHEMA_NAME(id, name)  name,
    TORUS_SCHEMA_VALUES(TORUS_SCHEMA_NAME)
#undef TORUS_SCHEMA_NAME
};


const char *
torus_schema_value_name(torus_schema_value_t value)
{
    if ((unsigned) value >= TORUS_SCHEMA_VALUES_N) {
        return NULL;
    }

    return torus_schema_value_names[value];
}


static const char *const  torus_turn_names[TORUS_TURNS_N] = {
#define TORUS_TURN_NAME(id, name)  name,
    TORUS_TURNS(TORUS_TURN_NAME)
#undef TORUS_TURN_NAME
};


const char *
torus_turn_name(torus_turn_t turn)
{
    return (unsigned) turn < TORUS_TURNS_N ? torus_turn_names[turn] : NULL;
}


void
torus_turns_add(torus_turns_t *turns, uint64_t usec)
{
    unsigned  i;

    static const uint64_t  bounds[] = TORUS_TURN_BOUNDS;

    for (i = 0; usec > bounds[i]; i++) {
        /* void */
    }

    turns->within[i]++;
    turns->usec += usec;

    if (usec > turns->longest) {
        turns->longest = usec;
    }
}


void
torus_turns_sum(torus_turns_t *sum, const torus_turns_t *turns)
{
    unsigned  i;

    for (i = 0; i < TORUS_TURN_BOUNDS_N; i++) {
        sum->within[i] += turns->within[i];
    }

    sum->usec += turns->usec;

    if (turns->longest > sum->longest) {
        sum->longest = turns->longest;
    }
}
