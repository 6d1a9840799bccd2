/*
 * What both modules configure alike: schema files, the hosts they name, and
 * how to talk to them.  A module's main conf embeds one ngx_torus_conf_t as
 * its first member; its directives are entries of the module's own table
 * whose setters are here, so that "torus_redis_timeout" and
 * "karbon_redis_timeout" cannot come to differ.
 */

#ifndef _NGX_TORUS_CONF_H_INCLUDED_
#define _NGX_TORUS_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_torus_link.h"
#include "torus_schema.h"


/* A host of the schema set with the addresses its name had at start. */
typedef struct {
    const torus_host_t    *host;
    ngx_torus_link_conf_t  link;
    ngx_uint_t             drop;          /* what its queue cannot take */
} ngx_torus_host_t;


/* A "karbon_overflow" directive, and where it stands. */
typedef struct {
    ngx_str_t              host;          /* as in schemas; empty: all */
    ngx_uint_t             drop;
    ngx_str_t              file;
    ngx_uint_t             line;
} ngx_torus_overflow_t;


typedef struct {
    ngx_uint_t           magic;           /* NGX_TORUS_CONF_MAGIC */

    ngx_array_t         *sources;         /* of torus_schema_source_t */
    torus_schema_set_t  *set;             /* NULL: no schema directive */
    ngx_torus_host_t    *hosts;           /* set->nhosts, same indices */
    ngx_array_t         *overflows;       /* of ngx_torus_overflow_t */

    /* see ngx_torus_conf_resolver(); NULL: none */
    ngx_resolver_t      *resolver;
    ngx_msec_t           resolver_timeout;

    ngx_msec_t           connect_timeout;
    ngx_msec_t           timeout;         /* for a reply */
    ngx_msec_t           drain;           /* queued data, leaving worker */
    size_t               queue;           /* bytes per worker and host */
    ngx_uint_t           window;          /* batches unanswered */
    size_t               route_cache;     /* bytes */
    ngx_flag_t           index;           /* of names, kept by writers */
} ngx_torus_conf_t;

/* Two builds of this may meet in one nginx. */
#define NGX_TORUS_CONF_MAGIC  (0x746f0000 + sizeof(ngx_torus_conf_t))


/* create_main_conf / init_main_conf of the shared part. */
void ngx_torus_conf_create(ngx_torus_conf_t *conf);
char *ngx_torus_conf_init(ngx_conf_t *cf, ngx_torus_conf_t *conf);

/*
 * "torus_schema FILE;" / "karbon_schema FILE;", repeatable, FILE may be a
 * glob, read in sorted order; conf is the main conf.  Reads the files.
 */
char *ngx_torus_conf_schema(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* "karbon_overflow block|drop [HOST];", HOST as a schema names it. */
char *ngx_torus_conf_overflow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Of time-outs and sizes that would let nothing through: 0 is refused. */
extern ngx_conf_post_t  ngx_torus_conf_not_zero;

/*
 * As ngx_conf_check_num_bounds() and ngx_conf_set_enum_slot(), but the
 * message names the directive and what it takes.
 */
char *ngx_torus_conf_bounds(ngx_conf_t *cf, void *post, void *data);
char *ngx_torus_conf_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Refuses the first argument of the directive; wanted is what it may be:
 * "\"on\" or \"off\"".  Returns NGX_CONF_ERROR.
 */
char *ngx_torus_conf_invalid(ngx_conf_t *cf, const char *wanted);

/* A limit on paths within one on lines, in bytes; prefix is the module's. */
char *ngx_torus_conf_path_max(ngx_conf_t *cf, const char *prefix,
    size_t path_max, size_t line_max);

/* The block's "resolver", before ngx_torus_conf_load(). */
void ngx_torus_conf_resolver(ngx_torus_conf_t *conf, ngx_resolver_t *resolver,
    ngx_msec_t timeout);

/*
 * Postconfiguration: builds the set and resolves its hosts.  Every fault is
 * logged at emerg as the schema loader words it.  The set lives until
 * cf->pool goes.
 */
ngx_int_t ngx_torus_conf_load(ngx_conf_t *cf, ngx_torus_conf_t *conf);

/*
 * init_module: warns when the other of our two modules reads other schemas.
 * block and module name it: ("ngx_stream_module", "ngx_karbon_stream_module").
 */
void ngx_torus_conf_compare(ngx_cycle_t *cycle, ngx_torus_conf_t *conf,
    const char *block, const char *module);

/* 1 in a process that serves clients, 0 in cache helpers and in -t. */
ngx_uint_t ngx_torus_conf_is_worker(void);

/* Random bytes of the kernel; NGX_ERROR where it has none. */
ngx_int_t ngx_torus_conf_random(void *data, size_t len, ngx_log_t *log);


#endif /* _NGX_TORUS_CONF_H_INCLUDED_ */
