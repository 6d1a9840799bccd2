/*
 * Time zones by their IANA names, for "tz=".  All of them are read when the
 * configuration is, so that a worker process never waits for a disk; what a
 * worker looks up is memory that it shares with its master.
 */

#ifndef _NGX_TORUS_TZ_H_INCLUDED_
#define _NGX_TORUS_TZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "torus_tz.h"


#define NGX_TORUS_TZ_DIR  "/usr/share/zoneinfo"


typedef struct ngx_torus_tz_s  ngx_torus_tz_t;


/*
 * Reads a zoneinfo directory; files that are no zones are passed over.  Lives
 * until cf->pool goes.  NULL: out of memory, or the directory cannot be read,
 * which is logged at level.
 */
ngx_torus_tz_t *ngx_torus_tz_read(ngx_conf_t *cf, ngx_str_t *dir,
    ngx_uint_t level);

/* A torus_zone_pt: data is what ngx_torus_tz_read() returned, or NULL. */
const torus_tz_t *ngx_torus_tz_find(void *data, torus_str_t name);


#endif /* _NGX_TORUS_TZ_H_INCLUDED_ */
