/*
 * From the bytes of a connection to frames; the sibling of torus_carbon.c on
 * the write path.  See torus_pickle_node.h.
 */

#include "torus_pickle_node.h"

#include <stdlib.h>


#define TORUS_PICKLE_CHUNK      4096   /* first size of what grows */


static int torus_pickle_run(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last, const torus_pickle_feed_t *f);
static int torus_pickle_collect(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last);
static void torus_pickle_release(torus_pickle_t *p);


void
torus_pickle_init(torus_pickle_t *p, const torus_carbon_conf_t *conf,
    size_t frame_max)
{
    memset(p, 0, sizeof(torus_pickle_t));

    p->conf = conf;
    p->frame_max = frame_max < TORUS_PICKLE_FRAME_LIMIT
                   ? frame_max : TORUS_PICKLE_FRAME_LIMIT;
}


void
torus_pickle_free(torus_pickle_t *p)
{
    torus_pickle_release(p);

    p->nhead = 0;
    p->len = 0;
    p->need = 0;
    p->decoded = 0;
}


int
torus_pickle_feed(torus_pickle_t *p, const unsigned char *data, size_t len,
    int64_t now, torus_carbon_handler_pt handler, void *ctx, size_t *consumed)
{
    int                   rc;
    unsigned char         scratch[TORUS_CARBON_PATH_LIMIT];
    torus_pickle_feed_t   f;
    const unsigned char  *pos;

    f.now = now;
    f.handler = handler;
    f.ctx = ctx;
    f.scratch = scratch;

    pos = data;

    rc = torus_pickle_run(p, &pos, data + len, &f);

    *consumed = (size_t) (pos - data);

    return rc;
}


int
torus_pickle_end(torus_pickle_t *p, int64_t now,
    torus_carbon_handler_pt handler, void *ctx)
{
    int     rc;
    size_t  consumed;

    rc = torus_pickle_feed(p, p->head, 0, now, handler, ctx, &consumed);

    if (rc == TORUS_OK && p->nhead != 0) {
        return torus_pickle_invalid(p, "the end cuts it");
    }

    return rc;
}


static int
torus_pickle_run(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last, const torus_pickle_feed_t *f)
{
    int  rc;

    if (p->reason != NULL) {
        return TORUS_INVALID;
    }

    for ( ;; ) {

        if (p->decoded) {
            rc = torus_pickle_deliver(p, f);

            if (rc != TORUS_OK) {
                return rc;
            }

            p->decoded = 0;
            p->nhead = 0;
            p->len = 0;
            p->need = 0;
        }

        rc = torus_pickle_collect(p, pp, last);

        if (rc == TORUS_AGAIN) {
            break;
        }

        if (rc == TORUS_OK) {
            rc = torus_pickle_decode(p);
        }

        if (rc != TORUS_OK) {
            torus_pickle_release(p);
            return rc;
        }

        p->decoded = 1;
    }

    /* an idle connection holds nothing */

    if (p->nhead == 0) {
        torus_pickle_release(p);
    }

    return TORUS_OK;
}


/* TORUS_OK: a frame is whole.  TORUS_AGAIN: all up to last was taken. */
static int
torus_pickle_collect(torus_pickle_t *p, const unsigned char **pp,
    const unsigned char *last)
{
    size_t  n;

    while (p->nhead < 4) {
        if (*pp == last) {
            return TORUS_AGAIN;
        }

        p->head[p->nhead++] = *(*pp)++;

        if (p->nhead < 4) {
            continue;
        }

        p->need = (size_t) p->head[0] << 24 | (size_t) p->head[1] << 16
                  | (size_t) p->head[2] << 8 | p->head[3];

        if (p->need == 0) {
            return torus_pickle_invalid(p, "it is empty");
        }

        if (p->need > p->frame_max) {
            return torus_pickle_invalid(p, "it is too long");
        }
    }

    n = (size_t) (last - *pp);

    if (n > p->need - p->len) {
        n = p->need - p->len;
    }

    /* by what has come, not by what is announced */

    if (torus_pickle_grow(&p->frame, &p->size, p->len + n, p->need, 1)
        != TORUS_OK)
    {
        return TORUS_ERROR;
    }

    if (n != 0) {
        memcpy(p->frame + p->len, *pp, n);
    }

    p->len += n;
    *pp += n;

    return (p->len == p->need) ? TORUS_OK : TORUS_AGAIN;
}


static void
torus_pickle_release(torus_pickle_t *p)
{
    free(p->frame);
    free(p->nodes);
    free(p->text);

    p->frame = NULL;
    p->size = 0;
    p->nodes = NULL;
    p->nnodes = 0;
    p->nodes_size = 0;
    p->text = NULL;
    p->text_len = 0;
    p->text_size = 0;
    p->element = 0;
}


/* pp: the address of a pointer to items; want and max count them. */
int
torus_pickle_grow(void *pp, size_t *size, size_t want, size_t max, size_t item)
{
    void    *old, *new;
    size_t   n;

    if (want <= *size) {
        return TORUS_OK;
    }

    n = (*size == 0) ? TORUS_PICKLE_CHUNK / item : *size * 2;

    if (n > max) {
        n = max;
    }

    if (n < want) {
        n = want;
    }

    memcpy(&old, pp, sizeof(void *));

    new = realloc(old, n * item);

    if (new == NULL) {
        return TORUS_ERROR;
    }

    memcpy(pp, &new, sizeof(void *));
    *size = n;

    return TORUS_OK;
}
