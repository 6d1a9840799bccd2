/*
 * The listings: /list, the names of all stats there are, and /properties,
 * what is held of a stat.  Both walk the keys and read the names from them.
 *
 * A key is a schema's when its shape is (torus_layout.h) and the schema's
 * patterns take the name, so that schemas which share a database are told
 * apart.  A schema whose "transform" makes names has all keys of that shape
 * that are no other schema's.
 */

#ifndef _TORUS_LIST_H_INCLUDED_
#define _TORUS_LIST_H_INCLUDED_


#include "torus_json.h"
#include "torus_query.h"
#include "torus_scan.h"


typedef struct torus_list_s  torus_list_t;


/*
 * From the arguments: "schema", "match" (a plain pattern), "pretty" for a
 * list; "stat" (repeatable), "schema", "pretty" for properties.  Returns the
 * status; 200 comes with *list.  All arguments must outlive it.
 */
unsigned torus_list_create(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_list_t **list, torus_error_t *err);
unsigned torus_properties_create(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_list_t **list, torus_error_t *err);

/*
 * The names given as "stat" (repeatable) or that match "match", and each key
 * of theirs to a handler as it is seen, perhaps more than once.  Names and
 * number are told by torus_list_names(); nothing is written.
 */
typedef int (*torus_list_key_pt)(void *data, const torus_host_t *host,
    torus_str_t key);

unsigned torus_list_create_keys(const torus_schema_set_t *set,
    const torus_arg_t *args, size_t nargs, const torus_limits_t *limits,
    torus_request_stats_t *stats, torus_list_key_pt handler, void *data,
    torus_list_t **list, torus_error_t *err);

void torus_list_destroy(torus_list_t *list);

/*
 * Is a key whose shape is the schema's, with that stat, the schema's?  Where
 * its "transform" makes names, any key may be that is nobody else's.
 */
int torus_list_owns(const torus_schema_set_t *set,
    const torus_schema_t *schema, torus_str_t key, torus_str_t stat);

/* In order after torus_list_sort(). */
size_t torus_list_names(const torus_list_t *list, const torus_str_t **names);

/* Of a list that is ready: TORUS_OK, TORUS_AGAIN or TORUS_ERROR. */
int torus_list_sort(torus_list_t *list);

/* TORUS_OK and a batch; TORUS_DECLINED: none now; TORUS_ERROR. */
int torus_list_next(torus_list_t *list, torus_batch_t *batch);

/* 200, or the status of the fault. */
unsigned torus_list_reply(torus_list_t *list, const torus_host_t *host,
    const redisReply *reply, torus_error_t *err);

/* Every key was seen; from now on the answer can be written. */
int torus_list_ready(const torus_list_t *list);

/* Appends a piece of the answer; TORUS_OK: the last, TORUS_AGAIN: not yet. */
int torus_list_write(torus_list_t *list, torus_buf_t *out);


#endif /* _TORUS_LIST_H_INCLUDED_ */
