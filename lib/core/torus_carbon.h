/*
 * The Carbon line protocol: bytes of a connection in, lines out.
 *
 * A line is "path value [timestamp]", ended by "\n", with "\r" before it
 * allowed; fields are separated by runs of blanks and tabs, so the value is
 * whatever stands between the path and the timestamp.  Framing is per
 * connection: a line split over reads is one line.  A line that is too long
 * is discarded up to its newline and costs only itself.
 */

#ifndef _TORUS_CARBON_H_INCLUDED_
#define _TORUS_CARBON_H_INCLUDED_


#include "torus_core.h"
#include "torus_counter.h"


#define TORUS_CARBON_LINE_MAX  16384    /* default, bytes without newline */
#define TORUS_CARBON_PATH_MAX  4096

/* The most that path_max may be; what is above is taken as this. */
#define TORUS_CARBON_PATH_LIMIT  16384

/* A path with more tags counts as too long. */
#define TORUS_CARBON_TAGS_MAX  128


/* A good line.  The strings are valid only during the call of the handler. */
typedef struct {
    torus_str_t      stat;          /* squeezed, tags sorted */
    torus_str_t      value;
    int64_t          timestamp;     /* seconds; arrival where none was sent */
} torus_carbon_point_t;


/*
 * Called for each good line, and for each bad one with point == NULL, the
 * reason (TORUS_C_BAD_*), and the line.  Any return but TORUS_OK stops the
 * feeding *before* this line: it will be seen again.
 */
typedef int (*torus_carbon_handler_pt)(void *data,
    const torus_carbon_point_t *point, torus_counter_t reason,
    torus_str_t line);


typedef struct {
    size_t           line_max;   /* bytes, without the newline */
    size_t           path_max;   /* .. of a path */
} torus_carbon_conf_t;


/* The state of one connection: the line that is not whole yet. */
typedef struct {
    const torus_carbon_conf_t  *conf;
    unsigned char              *partial;     /* malloc'ed when needed */
    size_t                      len;
    size_t                      size;
    unsigned                    discarding:1; /* inside a line too long */
} torus_carbon_t;


/* conf must outlive c; free() drops the line that is not whole. */
void torus_carbon_init(torus_carbon_t *c, const torus_carbon_conf_t *conf);
void torus_carbon_free(torus_carbon_t *c);

/*
 * Feeds bytes as they were read.  now: time of arrival, seconds.  TORUS_OK:
 * all consumed.  What the handler returned: *consumed says how many bytes
 * were, feed the rest again later.  TORUS_ERROR: out of memory.
 */
int torus_carbon_feed(torus_carbon_t *c, const unsigned char *data, size_t len,
    int64_t now, torus_carbon_handler_pt handler, void *ctx, size_t *consumed);

/*
 * A clean close or the end of a datagram ends the last line.  TORUS_OK, or
 * what the handler returned: then call it again later.
 */
int torus_carbon_end(torus_carbon_t *c, int64_t now,
    torus_carbon_handler_pt handler, void *ctx);

/*
 * A whole datagram, its last line ended by the end; keeps nothing.  Returns
 * as torus_carbon_feed().
 */
int torus_carbon_datagram(const torus_carbon_conf_t *conf,
    const unsigned char *data, size_t len, int64_t now,
    torus_carbon_handler_pt handler, void *ctx, size_t *consumed);

/* Bytes of an unfinished line held. */
#define torus_carbon_held(c)  ((c)->len)

/*
 * One line without its newline.  scratch has conf->path_max bytes, the stat
 * may point there.  TORUS_OK; TORUS_DECLINED: an empty line; TORUS_INVALID:
 * bad, *reason says how.
 *
 * The last of three or more fields is the timestamp when it reads as one: a
 * decimal, cut to seconds, where -1 and 0 mean now, or "N", which means now
 * too; else it is the last word of the value, and the point is of now.
 */
int torus_carbon_line(const torus_carbon_conf_t *conf, torus_str_t line,
    int64_t now, unsigned char *scratch, torus_carbon_point_t *point,
    torus_counter_t *reason);

/*
 * A path alone, from wherever it came: checked, its empty nodes squeezed and
 * its tags sorted, in scratch.  TORUS_OK, or TORUS_INVALID with a reason.
 */
int torus_carbon_path(const torus_carbon_conf_t *conf, torus_str_t *path,
    unsigned char *scratch, torus_counter_t *reason);


#endif /* _TORUS_CARBON_H_INCLUDED_ */
