/*
 * Between the writer, which knows what to send, and the link, which can:
 * time, timers, the log, and how a worker leaves.
 *
 * Whatever happens ends in ngx_torus_writer_update(): what may be sent is
 * sent, and timers say what is true now.  While operations are held, timers
 * keep a leaving worker, until the drain time ends.
 */

#include "ngx_torus_writer.h"
#include "ngx_torus_conf.h"


/* How soon a worker that holds operations notices that it is leaving. */
#define NGX_TORUS_WRITER_LEAVE  200


static ngx_int_t ngx_torus_writer_open(ngx_torus_link_t *link);
static ngx_int_t ngx_torus_writer_data(ngx_torus_link_t *link, u_char *data,
    size_t len);
static void ngx_torus_writer_closed(ngx_torus_link_t *link,
    const char *reason);
static void ngx_torus_writer_drain(ngx_torus_writer_t *w);
static void ngx_torus_writer_update(ngx_torus_writer_t *w);
static void ngx_torus_writer_check_ready(ngx_torus_writer_t *w);
static void ngx_torus_writer_publish(ngx_torus_writer_t *w);
static void ngx_torus_writer_timers(ngx_torus_writer_t *w);
static void ngx_torus_writer_tell(ngx_torus_writer_t *w);
static void ngx_torus_writer_marks(ngx_torus_writer_t *w, ngx_uint_t failed);
static void ngx_torus_writer_give_up(ngx_torus_writer_t *w);
static void ngx_torus_writer_flush_handler(ngx_event_t *ev);
static void ngx_torus_writer_timer_handler(ngx_event_t *ev);
static void ngx_torus_writer_leave_handler(ngx_event_t *ev);
static void ngx_torus_writer_events(ngx_torus_writer_t *w);
static void ngx_torus_writer_bye(ngx_torus_writer_t *w);


#define ngx_torus_writer_of(ev)                                               \
    ((ngx_torus_writer_t *) ((ngx_connection_t *) (ev)->data)->data)


static const ngx_torus_link_handlers_t  ngx_torus_writer_handlers = {
    ngx_torus_writer_open,
    ngx_torus_writer_data,
    ngx_torus_writer_closed
};


ngx_torus_writer_t *
ngx_torus_writer_create(ngx_pool_t *pool, ngx_log_t *log,
    const ngx_torus_writer_conf_t *conf)
{
    ngx_torus_writer_t   *w;
    torus_writer_conf_t   wc;

    w = ngx_pcalloc(pool, sizeof(ngx_torus_writer_t));
    if (w == NULL) {
        return NULL;
    }

    ngx_memzero(&wc, sizeof(torus_writer_conf_t));

    wc.host = conf->host;
    wc.counters = conf->counters;
    wc.name = torus_str(conf->name.data, conf->name.len);
    wc.window = (unsigned) conf->window;
    wc.queue_max = conf->queue_max;
    wc.expiries = conf->expiries;
    wc.drop = (conf->drop != 0);
    wc.retry_min = conf->link->retry_min;
    wc.retry_max = conf->link->retry_max;

    /* two workers with one id would take each other's batches for theirs */

    if (ngx_torus_conf_random(wc.id, sizeof(wc.id), log) != NGX_OK
        || ngx_torus_conf_random(&wc.seed, sizeof(wc.seed), log) != NGX_OK)
    {
        return NULL;
    }

    w->writer = torus_writer_create(&wc);
    if (w->writer == NULL) {
        return NULL;
    }

    w->conf = conf;
    w->log = log;

    ngx_queue_init(&w->marks);

    w->dummy.fd = (ngx_socket_t) -1;
    w->dummy.data = w;

    w->flush.data = &w->dummy;
    w->flush.handler = ngx_torus_writer_flush_handler;
    w->flush.log = log;

    w->timer.data = &w->dummy;
    w->timer.handler = ngx_torus_writer_timer_handler;
    w->timer.log = log;
    w->timer.cancelable = 1;

    w->leave.data = &w->dummy;
    w->leave.handler = ngx_torus_writer_leave_handler;
    w->leave.log = log;
    w->leave.cancelable = 1;

    w->link.conf = conf->link;
    w->link.handlers = &ngx_torus_writer_handlers;
    w->link.data = w;
    w->link.log = log;

    ngx_torus_link_init(&w->link);
    ngx_torus_link_hold(&w->link, 0);
    ngx_torus_link_connect(&w->link);

    ngx_torus_writer_publish(w);

    return w;
}


ngx_int_t
ngx_torus_writer_push(ngx_torus_writer_t *w, const torus_op_t *op)
{
    if (torus_writer_push(w->writer, op, ngx_current_msec) != TORUS_OK) {
        return NGX_ERROR;
    }

    /* behind the handlers that are still to run in this turn */

    if (!w->flush.posted) {
        ngx_post_event(&w->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_torus_writer_full(ngx_torus_writer_t *w)
{
    w->full = (torus_writer_full(w->writer) != 0);

    return w->full;
}


ngx_uint_t
ngx_torus_writer_ended(ngx_torus_writer_t *w)
{
    return w->given_up;
}


ngx_uint_t
ngx_torus_writer_pending(ngx_torus_writer_t *w)
{
    return torus_writer_pending(w->writer) != 0;
}


ngx_int_t
ngx_torus_writer_mark(ngx_torus_writer_t *w, ngx_torus_mark_t *mark)
{
    mark->number = torus_writer_mark(w->writer);

    if (torus_writer_settled(w->writer, mark->number)) {
        return NGX_OK;
    }

    if (w->given_up) {
        return NGX_DECLINED;
    }

    mark->waits = 1;
    ngx_queue_insert_tail(&w->marks, &mark->queue);

    return NGX_AGAIN;
}


void
ngx_torus_mark_cancel(ngx_torus_mark_t *mark)
{
    if (mark->waits) {
        mark->waits = 0;
        ngx_queue_remove(&mark->queue);
    }
}


/*
 * Marks are in the order of their numbers, and a later one is not settled
 * before an earlier one.
 */
static void
ngx_torus_writer_marks(ngx_torus_writer_t *w, ngx_uint_t failed)
{
    ngx_queue_t       *q;
    ngx_torus_mark_t  *mark;

    while (!ngx_queue_empty(&w->marks)) {
        q = ngx_queue_head(&w->marks);
        mark = ngx_queue_data(q, ngx_torus_mark_t, queue);

        if (!failed && !torus_writer_settled(w->writer, mark->number)) {
            return;
        }

        mark->failed = (failed != 0);

        ngx_torus_mark_cancel(mark);
        mark->handler(mark);
    }
}


void
ngx_torus_writer_stats(ngx_torus_writer_t *w, torus_writer_stats_t *stats)
{
    torus_writer_stats(w->writer, ngx_current_msec, stats);
}


/*
 * The worker is leaving.  The drain time runs from the last operation that
 * was taken, since clients may linger for longer than it is; but it ends with
 * worker_shutdown_timeout, of which nginx tells only connections, and there
 * may be none.
 */
static void
ngx_torus_writer_drain(ngx_torus_writer_t *w)
{
    ngx_msec_t        end;
    ngx_core_conf_t  *ccf;

    if (!w->draining) {
        w->draining = 1;
        w->left = ngx_current_msec;

        torus_writer_hurry(w->writer);
        ngx_post_event(&w->flush, &ngx_posted_events);
    }

    w->deadline = ngx_current_msec + w->conf->drain;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->shutdown_timeout != 0) {
        end = w->left + ccf->shutdown_timeout;

        if ((ngx_msec_int_t) (w->deadline - end) > 0) {
            w->deadline = end;
        }
    }
}


static ngx_int_t
ngx_torus_writer_open(ngx_torus_link_t *link)
{
    ngx_torus_writer_t  *w;

    w = link->data;

    if (torus_writer_open(w->writer, ngx_current_msec, &link->out)
        != TORUS_OK)
    {
        return NGX_ERROR;
    }

    ngx_torus_link_wait(link, 1);

    return NGX_OK;
}


static ngx_int_t
ngx_torus_writer_data(ngx_torus_link_t *link, u_char *data, size_t len)
{
    int                  rc;
    ngx_torus_writer_t  *w;

    w = link->data;

    rc = torus_writer_feed(w->writer, data, len, ngx_current_msec);

    ngx_torus_writer_events(w);

    if (rc != TORUS_OK) {
        return NGX_ERROR;
    }

    ngx_torus_writer_update(w);

    return NGX_OK;
}


static void
ngx_torus_writer_closed(ngx_torus_link_t *link, const char *reason)
{
    ngx_uint_t             hold;
    ngx_torus_writer_t    *w;
    torus_writer_stats_t   stats;

    w = link->data;
    w->ready = 0;

    torus_writer_closed(w->writer, ngx_current_msec);
    ngx_torus_writer_events(w);

    if (!w->down) {
        w->down = 1;

        ngx_torus_writer_stats(w, &stats);

        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "redis \"%V\" is down: %s, %uL points unsent and "
                      "%uL unanswered are kept", &link->conf->name, reason,
                      stats.points_queued, stats.points_in_flight);
    }

    if (link->stop) {
        ngx_torus_writer_give_up(w);
        return;
    }

    ngx_torus_writer_publish(w);
    ngx_torus_writer_timers(w);

    hold = ngx_torus_writer_pending(w);

    if (!w->given_up && (!ngx_exiting || hold)) {
        ngx_torus_link_retry(link, hold);
    }
}


static void
ngx_torus_writer_update(ngx_torus_writer_t *w)
{
    ngx_torus_link_t  *link;

    link = &w->link;

    if (ngx_torus_link_is_open(link)) {

        if (torus_writer_flush(w->writer, ngx_current_msec, &link->out)
            != TORUS_OK)
        {
            ngx_torus_link_close(link, "out of memory");
            return;
        }

        ngx_torus_writer_check_ready(w);
        ngx_torus_link_send(link);
    }

    /* sending may have closed it, and that came here by itself */

    ngx_torus_writer_events(w);
    ngx_torus_writer_publish(w);
    ngx_torus_writer_timers(w);
    ngx_torus_writer_tell(w);
}


static void
ngx_torus_writer_check_ready(ngx_torus_writer_t *w)
{
    torus_writer_stats_t  stats;

    if (w->ready) {
        return;
    }

    ngx_torus_writer_stats(w, &stats);

    if (stats.state == TORUS_WRITER_READY) {
        w->ready = 1;
        w->down = 0;
        w->fault = 0;
        ngx_torus_link_works(&w->link);
    }
}


/*
 * For the status page, once per turn.  Hosts may share a row there: what has
 * changed is added.  Of the times since when operations wait it has one; that
 * of a host which waits longer stays.
 */
static void
ngx_torus_writer_publish(ngx_torus_writer_t *w)
{
    uint64_t              *values, now[TORUS_HOST_VALUES_N];
    ngx_uint_t             v;
    torus_writer_stats_t   stats;

    values = w->conf->values;

    if (values == NULL) {
        return;
    }

    ngx_torus_writer_stats(w, &stats);
    ngx_memcpy(now, w->told, sizeof(now));

    now[TORUS_HOST_WRITERS] = 1;
    now[TORUS_HOST_READY] = (stats.state == TORUS_WRITER_READY);
    now[TORUS_HOST_QUEUED] = stats.queued;
    now[TORUS_HOST_IN_FLIGHT] = stats.in_flight;
    now[TORUS_HOST_BYTES] = stats.bytes;
    now[TORUS_HOST_BYTES_MAX] = stats.queue_max;
    now[TORUS_HOST_BATCHES] = stats.batches;
    now[TORUS_HOST_UNSURE] = stats.unsure;
    now[TORUS_HOST_PUT_OFF] = stats.put_off;
    now[TORUS_HOST_CONNECTS] = stats.connects;
    now[TORUS_HOST_LAG] = (stats.queued + stats.in_flight != 0)
                          ? ngx_current_msec - stats.lag : 0;

    for (v = 0; v < TORUS_HOST_VALUES_N; v++) {

        if (v != TORUS_HOST_LAG) {
            values[v] += now[v] - w->told[v];

        } else if (values[v] == 0 || values[v] == w->told[v]
                   || (now[v] != 0 && now[v] < values[v]))
        {
            values[v] = now[v];
        }
    }

    ngx_memcpy(w->told, now, sizeof(now));
}


/* Timers keep a leaving worker exactly as long as operations are held. */
static void
ngx_torus_writer_timers(ngx_torus_writer_t *w)
{
    uint64_t    at;
    ngx_msec_t  delay;
    ngx_uint_t  hold;

    hold = ngx_torus_writer_pending(w) && !w->given_up;

    if (ngx_exiting && hold && !w->draining) {
        ngx_torus_writer_drain(w);
    }

    ngx_torus_link_hold(&w->link, hold);
    ngx_torus_link_wait(&w->link, torus_writer_waits(w->writer));

    w->timer.cancelable = !hold;
    w->leave.cancelable = !hold;

    if (hold && !w->leave.timer_set) {
        ngx_add_timer(&w->leave, NGX_TORUS_WRITER_LEAVE);
    }

    at = torus_writer_retry_at(w->writer);

    if (at != 0) {
        delay = (at > ngx_current_msec) ? (ngx_msec_t) (at - ngx_current_msec)
                                        : 1;
        ngx_add_timer(&w->timer, delay);

    } else if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }
}


/* Those who wait are told last: what they do comes back here. */
static void
ngx_torus_writer_tell(ngx_torus_writer_t *w)
{
    ngx_uint_t  was_full, was_pending;

    was_full = w->full;
    was_pending = w->pending;

    w->pending = ngx_torus_writer_pending(w);

    ngx_torus_writer_marks(w, 0);

    if (was_full && !torus_writer_full(w->writer)) {
        w->full = 0;

        if (w->conf->on_room != NULL) {
            w->conf->on_room(w, w->conf->data);
        }
    }

    if (was_pending && !w->pending && w->conf->on_idle != NULL) {
        w->conf->on_idle(w, w->conf->data);
    }
}


/* The operations stay: exit counts them, once. */
static void
ngx_torus_writer_give_up(ngx_torus_writer_t *w)
{
    w->given_up = 1;

    if (w->link.state != NGX_TORUS_LINK_DOWN) {
        ngx_torus_link_close(&w->link, NULL);
        torus_writer_closed(w->writer, ngx_current_msec);
    }

    ngx_torus_writer_marks(w, 1);
    ngx_torus_writer_timers(w);

    /* there will be none, and who waits for it looks again */

    if (w->full && w->conf->on_room != NULL) {
        w->conf->on_room(w, w->conf->data);
    }
}


static void
ngx_torus_writer_flush_handler(ngx_event_t *ev)
{
    ngx_torus_writer_t  *w;

    w = ngx_torus_writer_of(ev);
    w->pending = 1;

    if (ngx_exiting) {
        ngx_torus_writer_drain(w);
    }

    ngx_torus_writer_update(w);
}


static void
ngx_torus_writer_timer_handler(ngx_event_t *ev)
{
    ev->timedout = 0;

    ngx_torus_writer_update(ngx_torus_writer_of(ev));
}


/*
 * nginx tells only connections that it is leaving; operations may be held
 * without one.
 */
static void
ngx_torus_writer_leave_handler(ngx_event_t *ev)
{
    ngx_torus_writer_t  *w;

    ev->timedout = 0;
    w = ngx_torus_writer_of(ev);

    if (w->draining
        && (ngx_msec_int_t) (ngx_current_msec - w->deadline) >= 0)
    {
        ngx_torus_writer_give_up(w);
        return;
    }

    ngx_torus_writer_timers(w);
}


/* What a Redis that is down refuses again and again is told once. */

static void
ngx_torus_writer_events(ngx_torus_writer_t *w)
{
    uint32_t       fault;
    ngx_uint_t     level;
    torus_event_t  event;

    while (torus_writer_event(w->writer, &event) == TORUS_OK) {

        switch (event.level) {

        case TORUS_EVENT_ERROR:
            fault = ngx_crc32_short((u_char *) event.text,
                                    ngx_strlen(event.text));
            level = (w->down && fault == w->fault) ? NGX_LOG_INFO
                                                   : NGX_LOG_ERR;
            w->fault = fault;
            break;

        case TORUS_EVENT_WARN:
            level = NGX_LOG_WARN;
            break;

        default: /* TORUS_EVENT_NOTICE */
            level = NGX_LOG_NOTICE;
        }

        ngx_log_error(level, w->log, 0, "%s", event.text);
    }
}


uint64_t
ngx_torus_writer_exit(ngx_torus_writer_t *w)
{
    uint64_t              lost;
    torus_writer_stats_t  stats;

    if (w->writer == NULL) {
        return 0;
    }

    ngx_torus_writer_bye(w);
    ngx_torus_writer_stats(w, &stats);

    ngx_torus_link_done(&w->link);

    if (w->flush.posted) {
        ngx_delete_posted_event(&w->flush);
    }

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->leave.timer_set) {
        ngx_del_timer(&w->leave);
    }

    lost = torus_writer_drop_all(w->writer);

    if (lost != 0) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "redis \"%V\": %uL points (%uL operations) lost on exit, "
                      "%uL of them were sent and may have been applied",
                      &w->conf->link->name,
                      stats.points_queued + stats.points_in_flight, lost,
                      stats.points_in_flight);
    }

    torus_writer_destroy(w->writer);
    w->writer = NULL;

    return lost;
}


/* One attempt; a key that stays is gone after 7 days. */
static void
ngx_torus_writer_bye(ngx_torus_writer_t *w)
{
    ngx_connection_t  *c;

    if (!ngx_torus_link_is_open(&w->link)
        || torus_buf_len(&w->link.out) != 0
        || torus_writer_bye(w->writer, &w->link.out) != TORUS_OK)
    {
        return;
    }

    c = w->link.peer.connection;

    (void) c->send(c, w->link.out.pos, torus_buf_len(&w->link.out));
}
