/*
 * The zone of counters: slots in shared memory, and their sum.  See the
 * header; the way a point takes never comes here.
 */

#include "ngx_torus_zone.h"

#include <signal.h>


/* Changes with what the zone holds. */
#define NGX_TORUS_ZONE_VERSION                                               \
    (((uint64_t) TORUS_COUNTERS_N << 32) + sizeof(ngx_torus_zone_t))

#define ngx_torus_zone_others  "(others)"


/* A slot and whose it was, where that process has gone. */
typedef struct {
    ngx_torus_zone_slot_t  *slot;
    ngx_pid_t               pid;
    uint64_t                started;
} ngx_torus_zone_gone_t;


typedef struct {
    uint64_t                version;
    uint64_t                since;
    uint64_t                reaped;     /* seconds */
    ngx_torus_zone_rows_t   totals;
    ngx_torus_zone_stray_t  strays[NGX_TORUS_ZONE_STRAYS];
    ngx_torus_zone_slot_t   slots[NGX_TORUS_ZONE_SLOTS];
} ngx_torus_zone_t;


static ngx_int_t ngx_torus_zone_init(ngx_shm_zone_t *zone, void *data);
static void ngx_torus_zone_clear(ngx_torus_zone_slot_t *slot,
    const torus_schema_set_t *set);
static void ngx_torus_zone_name(u_char *dst, torus_str_t name);
static ngx_torus_zone_slot_t *ngx_torus_zone_take(ngx_torus_zone_t *z);
static void ngx_torus_zone_reap(ngx_shm_zone_t *zone, ngx_uint_t module);
static void ngx_torus_zone_look(ngx_shm_zone_t *zone);
static ngx_uint_t ngx_torus_zone_gone(const ngx_torus_zone_slot_t *slot,
    ngx_uint_t module);
static uint64_t ngx_torus_zone_started(ngx_pid_t pid);
static uint64_t ngx_torus_zone_fold(ngx_torus_zone_t *z,
    ngx_torus_zone_slot_t *slot);
static uint64_t ngx_torus_zone_open(const uint64_t *counters);
static void ngx_torus_zone_add_rows(ngx_torus_zone_rows_t *rows,
    const ngx_torus_zone_slot_t *slot, ngx_uint_t gauges);
static void *ngx_torus_zone_row(void *rows, size_t size, uint64_t *n,
    uint64_t max, const u_char *name);
static void ngx_torus_zone_add_host(ngx_torus_zone_host_t *host,
    const ngx_torus_zone_host_t *from, ngx_uint_t gauges);
static ngx_torus_zone_stray_t *ngx_torus_zone_find_stray(
    ngx_torus_zone_stray_t *strays, const u_char *name, size_t len);
static ngx_int_t ngx_torus_zone_copy_strays(ngx_array_t *names,
    const ngx_torus_zone_stray_t *strays);
static int ngx_libc_cdecl ngx_torus_zone_cmp_names(const void *one,
    const void *two);
static int ngx_libc_cdecl ngx_torus_zone_cmp_strays(const void *one,
    const void *two);


ngx_shm_zone_t *
ngx_torus_zone_add(ngx_conf_t *cf)
{
    ngx_str_t        name = ngx_string("torus_counters");
    void            *version;
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, NGX_TORUS_ZONE_SIZE,
                                 &ngx_core_module);
    if (zone == NULL) {
        return NULL;
    }

    /*
     * Only one of the modules gets to init the zone: until then its data
     * tells the layout that the other one knows.
     */

    version = (void *) (uintptr_t) NGX_TORUS_ZONE_VERSION;

    if (zone->data != NULL && zone->data != version) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ngx_torus_module and ngx_karbon_stream_module are of "
                      "different versions");
        return NULL;
    }

    zone->data = version;
    zone->init = ngx_torus_zone_init;

    return zone;
}


static ngx_int_t
ngx_torus_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_torus_zone_t  *z = data;
    ngx_slab_pool_t   *shpool;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (z == NULL && zone->shm.exists) {
        z = shpool->data;
    }

    if (z != NULL) {
        if (z->version != NGX_TORUS_ZONE_VERSION) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "zone \"torus_counters\" was made by another "
                          "version of the modules: restart nginx");
            return NGX_ERROR;
        }

        zone->data = z;
        return NGX_OK;
    }

    z = ngx_slab_calloc(shpool, sizeof(ngx_torus_zone_t));
    if (z == NULL) {
        return NGX_ERROR;
    }

    z->version = NGX_TORUS_ZONE_VERSION;
    z->since = ngx_time();

    shpool->data = z;
    zone->data = z;

    return NGX_OK;
}


ngx_torus_zone_slot_t *
ngx_torus_zone_attach(ngx_shm_zone_t *zone, ngx_torus_zone_module_e module,
    const torus_schema_set_t *set, ngx_pool_t *pool, ngx_log_t *log)
{
    uint64_t                started;
    ngx_slab_pool_t        *shpool;
    ngx_torus_zone_slot_t  *slot;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_torus_zone_reap(zone, module);

    started = ngx_torus_zone_started(ngx_pid);

    ngx_shmtx_lock(&shpool->mutex);

    slot = ngx_torus_zone_take(zone->data);

    if (slot != NULL) {
        ngx_torus_zone_clear(slot, set);
        slot->module = module;
        slot->started = started;
        slot->pid = ngx_pid;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (slot == NULL) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"torus_counters\" has no slot left: what this "
                      "process counts will not be seen");

        slot = ngx_pcalloc(pool, sizeof(ngx_torus_zone_slot_t));

        if (slot != NULL) {
            ngx_torus_zone_clear(slot, set);
        }
    }

    return slot;
}


/* What is beyond the last row shares it. */

static void
ngx_torus_zone_clear(ngx_torus_zone_slot_t *slot,
    const torus_schema_set_t *set)
{
    size_t       i;
    torus_str_t  others = torus_string(ngx_torus_zone_others);

    ngx_memzero(slot, sizeof(ngx_torus_zone_slot_t));

    slot->nhosts = ngx_min(set->nhosts, NGX_TORUS_ZONE_HOSTS);
    slot->nschemas = ngx_min(set->nschemas, NGX_TORUS_ZONE_SCHEMAS);

    for (i = 0; i < slot->nhosts; i++) {
        ngx_torus_zone_name(slot->hosts[i].name, set->hosts[i].name);
    }

    for (i = 0; i < slot->nschemas; i++) {
        ngx_torus_zone_name(slot->schemas[i].name, set->schemas[i].name);
    }

    if (set->nhosts > slot->nhosts) {
        ngx_torus_zone_name(slot->hosts[slot->nhosts - 1].name, others);
    }

    if (set->nschemas > slot->nschemas) {
        ngx_torus_zone_name(slot->schemas[slot->nschemas - 1].name, others);
    }
}


/* A cut goes between characters of UTF-8. */

static void
ngx_torus_zone_name(u_char *dst, torus_str_t name)
{
    size_t  len;

    len = name.len;

    if (len > NGX_TORUS_ZONE_NAME - 1) {
        len = NGX_TORUS_ZONE_NAME - 1;

        while (len != 0 && (name.data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    ngx_memzero(dst, NGX_TORUS_ZONE_NAME);
    ngx_memcpy(dst, name.data, len);
}


uint64_t *
ngx_torus_zone_host(ngx_torus_zone_slot_t *slot, size_t index)
{
    return slot->hosts[ngx_min(index, NGX_TORUS_ZONE_HOSTS - 1)].values;
}


uint64_t **
ngx_torus_zone_schemas(ngx_torus_zone_slot_t *slot,
    const torus_schema_set_t *set, ngx_pool_t *pool)
{
    size_t     i;
    uint64_t **values;

    values = ngx_palloc(pool, (set->nschemas + 1) * sizeof(uint64_t *));
    if (values == NULL) {
        return NULL;
    }

    for (i = 0; i < set->nschemas; i++) {
        values[i] = slot->schemas[ngx_min(i, NGX_TORUS_ZONE_SCHEMAS - 1)]
                    .values;
    }

    return values;
}


void
ngx_torus_zone_detach(ngx_shm_zone_t *zone, ngx_torus_zone_slot_t *slot)
{
    ngx_slab_pool_t   *shpool;
    ngx_torus_zone_t  *z;

    z = zone->data;

    if (slot < z->slots || slot >= z->slots + NGX_TORUS_ZONE_SLOTS) {
        return;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
    (void) ngx_torus_zone_fold(z, slot);
    ngx_shmtx_unlock(&shpool->mutex);
}


static ngx_torus_zone_slot_t *
ngx_torus_zone_take(ngx_torus_zone_t *z)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TORUS_ZONE_SLOTS; i++) {
        if (z->slots[i].pid == 0) {
            return &z->slots[i];
        }
    }

    return NULL;
}


/*
 * Slots whose process has gone without a word: SIGKILL, a crash.  Who has
 * gone is asked without the lock, which others wait for; a slot that has
 * another owner by then is left alone.
 */

static void
ngx_torus_zone_reap(ngx_shm_zone_t *zone, ngx_uint_t module)
{
    uint64_t                lost;
    ngx_uint_t              i, n;
    ngx_slab_pool_t        *shpool;
    ngx_torus_zone_t       *z;
    ngx_torus_zone_gone_t  *g, gone[NGX_TORUS_ZONE_SLOTS];

    z = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;
    n = 0;

    for (i = 0; i < NGX_TORUS_ZONE_SLOTS; i++) {
        g = &gone[n];

        g->slot = &z->slots[i];
        g->pid = (ngx_pid_t) g->slot->pid;
        g->started = g->slot->started;

        if (g->pid != 0 && ngx_torus_zone_gone(g->slot, module)) {
            n++;
        }
    }

    for (i = 0; i < n; i++) {
        g = &gone[i];
        lost = 0;

        ngx_shmtx_lock(&shpool->mutex);

        if ((ngx_pid_t) g->slot->pid == g->pid
            && g->slot->started == g->started)
        {
            lost = ngx_torus_zone_fold(z, g->slot);
        }

        ngx_shmtx_unlock(&shpool->mutex);

        if (lost != 0) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "worker process %P was killed, %uL operations that "
                          "it held are lost", g->pid, lost);
        }
    }
}


/* For a status page, and no more than once a second for all of them. */

static void
ngx_torus_zone_look(ngx_shm_zone_t *zone)
{
    ngx_torus_zone_t  *z;

    z = zone->data;

    if (z->reaped != (uint64_t) ngx_time()) {
        z->reaped = ngx_time();
        ngx_torus_zone_reap(zone, NGX_TORUS_ZONE_MODULES);
    }
}


/*
 * module: of a slot that cannot be ours yet, whatever its number says.  The
 * number of a process that has gone may be another's now, which has started
 * later.
 */

static ngx_uint_t
ngx_torus_zone_gone(const ngx_torus_zone_slot_t *slot, ngx_uint_t module)
{
    uint64_t   started;
    ngx_pid_t  pid;

    pid = (ngx_pid_t) slot->pid;

    if (pid == ngx_pid) {
        return slot->module == module;
    }

    if (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 1;
    }

    started = ngx_torus_zone_started(pid);

    return started != 0 && slot->started != 0 && started != slot->started;
}


/* When a process began, in ticks since the system did; 0: not known. */

static uint64_t
ngx_torus_zone_started(ngx_pid_t pid)
{
#if (NGX_LINUX)

    u_char      *p, *last, path[sizeof("/proc//stat") + NGX_INT64_LEN];
    u_char       text[1024];
    ssize_t      n;
    ngx_fd_t     fd;
    ngx_uint_t   field;

    (void) ngx_sprintf(path, "/proc/%P/stat%Z", pid);

    fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    n = ngx_read_fd(fd, text, sizeof(text) - 1);

    (void) ngx_close_file(fd);

    if (n <= 0) {
        return 0;
    }

    /* "pid (name) state ..": a name may hold anything; the 22nd field */

    text[n] = '\0';
    last = text + n;

    for (p = last; p > text && p[-1] != ')'; p--) { /* void */ }

    for (field = 2; field < 22; field++) {
        p = ngx_strlchr(p, last, ' ');

        if (p == NULL) {
            return 0;
        }

        p++;
    }

    return strtoull((char *) p, NULL, 10);

#else

    return 0;

#endif
}


/* Returns the operations that nothing is known of. */

static uint64_t
ngx_torus_zone_fold(ngx_torus_zone_t *z, ngx_torus_zone_slot_t *slot)
{
    uint64_t                 lost;
    ngx_uint_t               i;
    ngx_torus_zone_stray_t  *stray, *from;

    lost = ngx_torus_zone_open(slot->counters);
    slot->counters[TORUS_C_OPS_CRASHED] += lost;

    ngx_torus_zone_add_rows(&z->totals, slot, 0);

    for (i = 0; i < NGX_TORUS_ZONE_STRAYS; i++) {
        from = &slot->strays[i];

        if (from->count == 0) {
            continue;
        }

        from->name[NGX_TORUS_ZONE_NAME - 1] = '\0';

        stray = ngx_torus_zone_find_stray(z->strays, from->name,
                                          ngx_strlen(from->name));
        stray->count += from->count;
        stray->seen = ngx_max(stray->seen, from->seen);
    }

    slot->pid = 0;

    return lost;
}


/* Operations made of which nothing else is known: queued or in flight. */

static uint64_t
ngx_torus_zone_open(const uint64_t *counters)
{
    uint64_t  made, known;

    made = counters[TORUS_C_OPS_MADE];
    known = counters[TORUS_C_OPS_APPLIED] + counters[TORUS_C_OPS_EXPIRED]
            + counters[TORUS_C_OPS_FAILED] + counters[TORUS_C_OPS_DROPPED]
            + counters[TORUS_C_OPS_CRASHED];

    return made > known ? made - known : 0;
}


void
ngx_torus_zone_sum(ngx_shm_zone_t *zone, ngx_torus_zone_sum_t *sum)
{
    ngx_uint_t              i;
    ngx_slab_pool_t        *shpool;
    ngx_torus_zone_t       *z;
    ngx_torus_zone_slot_t  *slot;

    z = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_memzero(sum, sizeof(ngx_torus_zone_sum_t));

    ngx_torus_zone_look(zone);

    ngx_shmtx_lock(&shpool->mutex);

    sum->rows = z->totals;
    sum->since = z->since;

    for (i = 0; i < NGX_TORUS_ZONE_SLOTS; i++) {
        slot = &z->slots[i];

        if (slot->pid != 0) {
            sum->workers[slot->module]++;
            ngx_torus_zone_add_rows(&sum->rows, slot, 1);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


/* Gauges of a process that has gone are gone with it. */

static void
ngx_torus_zone_add_rows(ngx_torus_zone_rows_t *rows,
    const ngx_torus_zone_slot_t *slot, ngx_uint_t gauges)
{
    uint64_t                        i;
    ngx_uint_t                      v;
    ngx_torus_zone_schema_t        *schema;
    const ngx_torus_zone_host_t    *from;
    const ngx_torus_zone_schema_t  *row;

    for (v = 0; v < TORUS_COUNTERS_N; v++) {
        rows->counters[v] += slot->counters[v];
    }

    for (v = 0; v < TORUS_TURNS_N; v++) {
        torus_turns_sum(&rows->turns[v], &slot->turns[v]);
    }

    rows->routes.hits += slot->routes.hits;
    rows->routes.misses += slot->routes.misses;
    rows->routes.evicted += slot->routes.evicted;

    if (gauges) {
        rows->routes.entries += slot->routes.entries;
        rows->routes.bytes += slot->routes.bytes;
    }

    for (i = 0; i < slot->nhosts; i++) {
        from = &slot->hosts[i];

        ngx_torus_zone_add_host(ngx_torus_zone_row(rows->hosts,
                                    sizeof(ngx_torus_zone_host_t),
                                    &rows->nhosts, 2 * NGX_TORUS_ZONE_HOSTS,
                                    from->name),
                                from, gauges);
    }

    for (i = 0; i < slot->nschemas; i++) {
        row = &slot->schemas[i];

        schema = ngx_torus_zone_row(rows->schemas,
                                    sizeof(ngx_torus_zone_schema_t),
                                    &rows->nschemas,
                                    2 * NGX_TORUS_ZONE_SCHEMAS, row->name);

        for (v = 0; v < TORUS_SCHEMA_VALUES_N; v++) {
            schema->values[v] += row->values[v];
        }
    }
}


/* By name, which each begins with; made where there is none. */

static void *
ngx_torus_zone_row(void *rows, size_t size, uint64_t *n, uint64_t max,
    const u_char *name)
{
    u_char       *row;
    uint64_t      i;
    torus_str_t   s;

    row = rows;

    for (i = 0; i < *n; i++) {
        if (ngx_strcmp(row, name) == 0) {
            return row;
        }

        row += size;
    }

    /* the last one is for all for which there is none left */

    if (*n == max) {
        return row - size;
    }

    s = torus_str(name, ngx_strlen(name));

    if (*n == max - 1) {
        s = torus_str(ngx_torus_zone_others,
                      sizeof(ngx_torus_zone_others) - 1);
    }

    ngx_memzero(row, size);
    ngx_torus_zone_name(row, s);
    (*n)++;

    return row;
}


/*
 * A slot holds the time since when its oldest operation waits, so that the
 * lag is right however long its worker has nothing to do; of several workers
 * it is that of the worst.
 */

static void
ngx_torus_zone_add_host(ngx_torus_zone_host_t *host,
    const ngx_torus_zone_host_t *from, ngx_uint_t gauges)
{
    uint64_t    lag;
    ngx_uint_t  v;

    for (v = 0; v < TORUS_HOST_VALUES_N; v++) {

        if (!gauges && !torus_host_value_is_counter(v)) {
            continue;
        }

        if (v == TORUS_HOST_LAG) {
            lag = from->values[v];
            lag = (lag != 0 && ngx_current_msec > lag)
                  ? ngx_current_msec - lag : 0;

            host->values[v] = ngx_max(host->values[v], lag);
            continue;
        }

        host->values[v] += from->values[v];
    }
}


void
ngx_torus_zone_stray(ngx_torus_zone_slot_t *slot, torus_str_t name,
    ngx_log_t *log)
{
    size_t                   len;
    uint64_t                 now;
    char                     text[257];
    ngx_torus_zone_stray_t  *stray;

    now = (uint64_t) ngx_time();
    stray = ngx_torus_zone_find_stray(slot->strays, name.data, name.len);

    stray->count++;
    stray->seen = now;

    if (slot->warned != 0 && now < slot->warned + 60) {
        return;
    }

    slot->warned = now;

    len = torus_escape(text, sizeof(text) - 1, name);

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "no schema matches \"%*s\", %uL such points so far", len,
                  text, slot->counters[TORUS_C_POINTS_UNMATCHED]);
}


/* That of the name, or an empty one in place of the oldest. */

static ngx_torus_zone_stray_t *
ngx_torus_zone_find_stray(ngx_torus_zone_stray_t *strays, const u_char *name,
    size_t len)
{
    ngx_uint_t               i;
    ngx_torus_zone_stray_t  *stray, *oldest;

    oldest = strays;
    len = ngx_min(len, NGX_TORUS_ZONE_NAME - 1);

    for (i = 0; i < NGX_TORUS_ZONE_STRAYS; i++) {
        stray = &strays[i];

        if (stray->count != 0 && stray->name[len] == '\0'
            && ngx_memcmp(stray->name, name, len) == 0)
        {
            return stray;
        }

        if (stray->seen < oldest->seen) {
            oldest = stray;
        }
    }

    ngx_memzero(oldest, sizeof(ngx_torus_zone_stray_t));
    ngx_memcpy(oldest->name, name, len);

    return oldest;
}


ngx_array_t *
ngx_torus_zone_strays(ngx_shm_zone_t *zone, ngx_pool_t *pool)
{
    ngx_int_t                rc;
    ngx_uint_t               i, n;
    ngx_array_t             *names;
    ngx_slab_pool_t         *shpool;
    ngx_torus_zone_t        *z;
    ngx_torus_zone_stray_t  *stray;

    z = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    names = ngx_array_create(pool, 64, sizeof(ngx_torus_zone_stray_t));
    if (names == NULL) {
        return NULL;
    }

    ngx_torus_zone_look(zone);

    ngx_shmtx_lock(&shpool->mutex);

    rc = ngx_torus_zone_copy_strays(names, z->strays);

    for (i = 0; i < NGX_TORUS_ZONE_SLOTS && rc == NGX_OK; i++) {
        if (z->slots[i].pid != 0) {
            rc = ngx_torus_zone_copy_strays(names, z->slots[i].strays);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (rc != NGX_OK) {
        return NULL;
    }

    /* one of several workers' beside each other, and then one of them */

    stray = names->elts;
    ngx_qsort(stray, names->nelts, sizeof(ngx_torus_zone_stray_t),
              ngx_torus_zone_cmp_names);

    for (i = 0, n = 0; i < names->nelts; i++) {

        if (n != 0 && ngx_strcmp(stray[n - 1].name, stray[i].name) == 0) {
            stray[n - 1].count += stray[i].count;
            stray[n - 1].seen = ngx_max(stray[n - 1].seen, stray[i].seen);
            continue;
        }

        stray[n++] = stray[i];
    }

    names->nelts = n;

    ngx_qsort(stray, n, sizeof(ngx_torus_zone_stray_t),
              ngx_torus_zone_cmp_strays);

    return names;
}


/* Their owner may be writing: a copy has an end in any case. */

static ngx_int_t
ngx_torus_zone_copy_strays(ngx_array_t *names,
    const ngx_torus_zone_stray_t *strays)
{
    ngx_uint_t               i;
    ngx_torus_zone_stray_t  *copy;

    for (i = 0; i < NGX_TORUS_ZONE_STRAYS; i++) {

        if (strays[i].count == 0) {
            continue;
        }

        copy = ngx_array_push(names);
        if (copy == NULL) {
            return NGX_ERROR;
        }

        *copy = strays[i];
        copy->name[NGX_TORUS_ZONE_NAME - 1] = '\0';
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_torus_zone_cmp_names(const void *one, const void *two)
{
    const ngx_torus_zone_stray_t  *a, *b;

    a = one;
    b = two;

    return ngx_strcmp(a->name, b->name);
}


static int ngx_libc_cdecl
ngx_torus_zone_cmp_strays(const void *one, const void *two)
{
    const ngx_torus_zone_stray_t  *a, *b;

    a = one;
    b = two;

    if (a->count != b->count) {
        return a->count > b->count ? -1 : 1;
    }

    return ngx_strcmp(a->name, b->name);
}
