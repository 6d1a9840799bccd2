/*
 * The zone of counters: slots in shared memory, and their sum.  See the
 * header; the way a point takes never comes here.
 */

#include "ngx_torus_zone.h"

#include <signal.h>


/* Changes with anything below, and with the slot's types. */
#define NGX_TORUS_ZONE_VERSION                                               \
    (0x74720000 + (TORUS_COUNTERS_N << 8) + TORUS_HOST_VALUES_N)


typedef struct {
    uint64_t                version;
    uint64_t                totals[TORUS_COUNTERS_N];
    uint64_t                nhosts;
    ngx_torus_zone_host_t   hosts[2 * NGX_TORUS_ZONE_HOSTS];
    ngx_torus_zone_slot_t   slots[NGX_TORUS_ZONE_SLOTS];
} ngx_torus_zone_t;


static ngx_int_t ngx_torus_zone_init(ngx_shm_zone_t *zone, void *data);
static void ngx_torus_zone_hosts(ngx_torus_zone_slot_t *slot,
    const torus_schema_set_t *set);
static ngx_torus_zone_slot_t *ngx_torus_zone_take(ngx_torus_zone_t *z);
static void ngx_torus_zone_reap(ngx_torus_zone_t *z);
static void ngx_torus_zone_fold(ngx_torus_zone_t *z,
    ngx_torus_zone_slot_t *slot);
static void ngx_torus_zone_add_hosts(ngx_torus_zone_host_t *hosts,
    uint64_t *nhosts, const ngx_torus_zone_host_t *from, uint64_t nfrom,
    ngx_uint_t gauges);
static uint64_t ngx_torus_zone_open(const uint64_t *counters);
static ngx_int_t ngx_torus_zone_add_stray(ngx_array_t *names,
    const ngx_torus_zone_stray_t *stray);
static int ngx_libc_cdecl ngx_torus_zone_cmp_strays(const void *one,
    const void *two);


ngx_shm_zone_t *
ngx_torus_zone_add(ngx_conf_t *cf)
{
    ngx_str_t        name = ngx_string("torus");
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, NGX_TORUS_ZONE_SIZE,
                                 &ngx_core_module);
    if (zone == NULL) {
        return NULL;
    }

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
                          "zone \"torus\" was made by another version of the "
                          "modules: restart nginx");
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

    shpool->data = z;
    zone->data = z;

    return NGX_OK;
}


ngx_torus_zone_slot_t *
ngx_torus_zone_attach(ngx_shm_zone_t *zone, ngx_torus_zone_module_e module,
    const torus_schema_set_t *set, ngx_pool_t *pool, ngx_log_t *log)
{
    ngx_slab_pool_t        *shpool;
    ngx_torus_zone_slot_t  *slot;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    ngx_torus_zone_reap(zone->data);

    slot = ngx_torus_zone_take(zone->data);

    if (slot != NULL) {
        ngx_torus_zone_hosts(slot, set);
        slot->module = module;
        slot->pid = ngx_pid;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (slot == NULL) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"torus\" has no slot left: what this process "
                      "counts will not be seen");

        slot = ngx_pcalloc(pool, sizeof(ngx_torus_zone_slot_t));

        if (slot != NULL) {
            ngx_torus_zone_hosts(slot, set);
        }
    }

    return slot;
}


/* Hosts beyond the last row share it. */

static void
ngx_torus_zone_hosts(ngx_torus_zone_slot_t *slot,
    const torus_schema_set_t *set)
{
    size_t                  i, len;
    ngx_torus_zone_host_t  *host;

    ngx_memzero(slot->counters, sizeof(slot->counters));
    ngx_memzero(slot->hosts, sizeof(slot->hosts));
    ngx_memzero(slot->strays, sizeof(slot->strays));
    slot->warned = 0;

    slot->nhosts = ngx_min(set->nhosts, NGX_TORUS_ZONE_HOSTS);

    for (i = 0; i < slot->nhosts; i++) {
        host = &slot->hosts[i];

        if (i == NGX_TORUS_ZONE_HOSTS - 1 && set->nhosts > slot->nhosts) {
            ngx_memcpy(host->name, "(others)", sizeof("(others)") - 1);
            break;
        }

        len = ngx_min(set->hosts[i].name.len, NGX_TORUS_ZONE_NAME - 1);
        ngx_memcpy(host->name, set->hosts[i].name.data, len);
    }
}


uint64_t *
ngx_torus_zone_host(ngx_torus_zone_slot_t *slot, size_t index)
{
    return slot->hosts[ngx_min(index, NGX_TORUS_ZONE_HOSTS - 1)].values;
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
    ngx_torus_zone_fold(z, slot);
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


/* Slots whose process has gone without a word: SIGKILL, a crash. */

static void
ngx_torus_zone_reap(ngx_torus_zone_t *z)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TORUS_ZONE_SLOTS; i++) {
        if (z->slots[i].pid != 0
            && kill((ngx_pid_t) z->slots[i].pid, 0) == -1
            && ngx_errno == NGX_ESRCH)
        {
            ngx_torus_zone_fold(z, &z->slots[i]);
        }
    }
}


static void
ngx_torus_zone_fold(ngx_torus_zone_t *z, ngx_torus_zone_slot_t *slot)
{
    ngx_uint_t  i;

    slot->counters[TORUS_C_OPS_CRASHED] += ngx_torus_zone_open(slot->counters);

    for (i = 0; i < TORUS_COUNTERS_N; i++) {
        z->totals[i] += slot->counters[i];
    }

    ngx_torus_zone_add_hosts(z->hosts, &z->nhosts, slot->hosts, slot->nhosts,
                             0);
    slot->pid = 0;
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
    uint64_t                nhosts;
    ngx_uint_t              i, n;
    ngx_slab_pool_t        *shpool;
    ngx_torus_zone_t       *z;
    ngx_torus_zone_slot_t  *slot;

    z = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_memzero(sum, sizeof(ngx_torus_zone_sum_t));

    ngx_shmtx_lock(&shpool->mutex);

    ngx_torus_zone_reap(z);

    nhosts = 0;

    ngx_memcpy(sum->counters, z->totals, sizeof(sum->counters));
    ngx_torus_zone_add_hosts(sum->hosts, &nhosts, z->hosts, z->nhosts, 0);

    for (i = 0; i < NGX_TORUS_ZONE_SLOTS; i++) {
        slot = &z->slots[i];

        if (slot->pid == 0) {
            continue;
        }

        sum->workers++;

        for (n = 0; n < TORUS_COUNTERS_N; n++) {
            sum->counters[n] += slot->counters[n];
        }

        ngx_torus_zone_add_hosts(sum->hosts, &nhosts, slot->hosts,
                                 slot->nhosts, 1);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    sum->nhosts = nhosts;
}


/*
 * By name; a host for which there is no row left goes into the last.  A slot
 * holds the time since when its oldest operation waits, so that the lag is
 * right however long its worker has nothing to do; of several workers it is
 * that of the worst.  Everything else adds up.  Gauges of a process that has
 * gone are gone with it.
 */

static void
ngx_torus_zone_add_hosts(ngx_torus_zone_host_t *hosts, uint64_t *nhosts,
    const ngx_torus_zone_host_t *from, uint64_t nfrom, ngx_uint_t gauges)
{
    uint64_t    f, h, lag;
    ngx_uint_t  v;

    for (f = 0; f < nfrom; f++) {

        for (h = 0; h < *nhosts; h++) {
            if (ngx_strcmp(hosts[h].name, from[f].name) == 0) {
                break;
            }
        }

        if (h == *nhosts) {

            if (h == 2 * NGX_TORUS_ZONE_HOSTS) {
                h--;

            } else {
                ngx_memzero(&hosts[h], sizeof(ngx_torus_zone_host_t));
                ngx_memcpy(hosts[h].name, from[f].name, NGX_TORUS_ZONE_NAME);
                (*nhosts)++;
            }
        }

        for (v = 0; v < TORUS_HOST_VALUES_N; v++) {

            if (!torus_host_value_is_counter(v) && !gauges) {
                continue;
            }

            if (v == TORUS_HOST_LAG) {
                lag = from[f].values[v];
                lag = (lag != 0 && ngx_current_msec > lag)
                      ? ngx_current_msec - lag : 0;

                hosts[h].values[v] = ngx_max(hosts[h].values[v], lag);
                continue;
            }

            hosts[h].values[v] += from[f].values[v];
        }
    }
}


ngx_uint_t
ngx_torus_zone_stray(ngx_torus_zone_slot_t *slot, torus_str_t name,
    time_t now)
{
    size_t                   len;
    ngx_uint_t               i, oldest;
    ngx_torus_zone_stray_t  *stray;

    oldest = 0;
    len = ngx_min(name.len, NGX_TORUS_ZONE_NAME - 1);

    for (i = 0; i < NGX_TORUS_ZONE_STRAYS; i++) {
        stray = &slot->strays[i];

        if (stray->name[len] == '\0'
            && ngx_memcmp(stray->name, name.data, len) == 0)
        {
            stray->count++;
            stray->seen = now;
            goto done;
        }

        if (stray->seen < slot->strays[oldest].seen) {
            oldest = i;
        }
    }

    stray = &slot->strays[oldest];

    ngx_memzero(stray->name, NGX_TORUS_ZONE_NAME);
    ngx_memcpy(stray->name, name.data, len);
    stray->count = 1;
    stray->seen = now;

done:

    if (slot->warned != 0 && (uint64_t) now < slot->warned + 60) {
        return 0;
    }

    slot->warned = now;

    return 1;
}


ngx_array_t *
ngx_torus_zone_strays(ngx_shm_zone_t *zone, ngx_pool_t *pool)
{
    ngx_uint_t               i, n;
    ngx_array_t             *names;
    ngx_torus_zone_t        *z;
    ngx_torus_zone_stray_t   stray;

    z = zone->data;

    names = ngx_array_create(pool, 64, sizeof(ngx_torus_zone_stray_t));
    if (names == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_TORUS_ZONE_SLOTS; i++) {

        if (z->slots[i].pid == 0) {
            continue;
        }

        for (n = 0; n < NGX_TORUS_ZONE_STRAYS; n++) {

            /* its owner may be writing: a copy has an end in any case */

            stray = z->slots[i].strays[n];
            stray.name[NGX_TORUS_ZONE_NAME - 1] = '\0';

            if (stray.count != 0
                && ngx_torus_zone_add_stray(names, &stray) != NGX_OK)
            {
                return NULL;
            }
        }
    }

    ngx_qsort(names->elts, names->nelts, sizeof(ngx_torus_zone_stray_t),
              ngx_torus_zone_cmp_strays);

    return names;
}


static ngx_int_t
ngx_torus_zone_add_stray(ngx_array_t *names,
    const ngx_torus_zone_stray_t *stray)
{
    ngx_uint_t               i;
    ngx_torus_zone_stray_t  *known;

    known = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_strcmp(known[i].name, stray->name) == 0) {
            known[i].count += stray->count;
            known[i].seen = ngx_max(known[i].seen, stray->seen);
            return NGX_OK;
        }
    }

    known = ngx_array_push(names);
    if (known == NULL) {
        return NGX_ERROR;
    }

    *known = *stray;

    return NGX_OK;
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
