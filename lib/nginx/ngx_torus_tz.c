/*
 * A sorted array of names and tables, in an arena of its own.
 */

#include "ngx_torus_tz.h"


/* The largest zone of today is under 4 KiB. */
#define NGX_TORUS_TZ_FILE    65536
#define NGX_TORUS_TZ_ZONES   8192
#define NGX_TORUS_TZ_MEMORY  (16 * 1024 * 1024)
#define NGX_TORUS_TZ_DEPTH   4


typedef struct {
    torus_str_t       name;
    torus_tz_t        tz;
} ngx_torus_tz_zone_t;


struct ngx_torus_tz_s {
    torus_arena_t    *arena;
    ngx_array_t       zones;      /* of ngx_torus_tz_zone_t, sorted */
    u_char           *buffer;     /* of a file, while reading */
    ngx_log_t        *log;
    size_t            root;       /* length of the directory's name and "/" */
};


static void ngx_torus_tz_cleanup(void *data);
static ngx_int_t ngx_torus_tz_dir(ngx_torus_tz_t *t, u_char *path,
    size_t len, ngx_uint_t depth);
static ngx_int_t ngx_torus_tz_entry(ngx_torus_tz_t *t, u_char *path,
    size_t len, ngx_uint_t depth);
static ngx_int_t ngx_torus_tz_file(ngx_torus_tz_t *t, u_char *path,
    size_t len);
static int ngx_libc_cdecl ngx_torus_tz_cmp(const void *one, const void *two);
static ngx_int_t ngx_torus_tz_order(torus_str_t a, torus_str_t b);


ngx_torus_tz_t *
ngx_torus_tz_read(ngx_conf_t *cf, ngx_str_t *dir, ngx_uint_t level)
{
    u_char               path[NGX_MAX_PATH];
    size_t               len;
    ngx_int_t            rc;
    ngx_torus_tz_t      *t;
    ngx_file_info_t      fi;
    ngx_pool_cleanup_t  *cln;

    len = dir->len;

    while (len > 1 && dir->data[len - 1] == '/') {
        len--;
    }

    if (len + 1 >= sizeof(path)) {
        return NULL;
    }

    ngx_memcpy(path, dir->data, len);
    path[len] = '\0';

    if (ngx_file_info(path, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(level, cf, ngx_errno,
                           ngx_file_info_n " \"%s\" failed", path);
        return NULL;
    }

    if (!ngx_is_dir(&fi)) {
        ngx_conf_log_error(level, cf, 0, "\"%s\" is not a directory", path);
        return NULL;
    }

    t = ngx_pcalloc(cf->pool, sizeof(ngx_torus_tz_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (t == NULL || cln == NULL
        || ngx_array_init(&t->zones, cf->pool, 1024,
                          sizeof(ngx_torus_tz_zone_t))
           != NGX_OK)
    {
        return NULL;
    }

    t->log = cf->log;
    t->root = len + 1;

    t->arena = torus_arena_create(65536, NGX_TORUS_TZ_MEMORY);
    if (t->arena == NULL) {
        return NULL;
    }

    cln->handler = ngx_torus_tz_cleanup;
    cln->data = t->arena;

    t->buffer = ngx_alloc(NGX_TORUS_TZ_FILE, cf->log);
    if (t->buffer == NULL) {
        return NULL;
    }

    rc = ngx_torus_tz_dir(t, path, len, 0);

    ngx_free(t->buffer);

    if (rc != NGX_OK) {
        return NULL;
    }

    ngx_qsort(t->zones.elts, t->zones.nelts, sizeof(ngx_torus_tz_zone_t),
              ngx_torus_tz_cmp);

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, cf->log, 0, "torus time zones: %ui",
                   t->zones.nelts);

    return t;
}


static void
ngx_torus_tz_cleanup(void *data)
{
    torus_arena_destroy(data);
}


/* path has NGX_MAX_PATH bytes and len are used; it is put back. */

static ngx_int_t
ngx_torus_tz_dir(ngx_torus_tz_t *t, u_char *path, size_t len,
    ngx_uint_t depth)
{
    u_char     *name;
    size_t      n;
    ngx_int_t   rc;
    ngx_str_t   str;
    ngx_dir_t   dir;

    str.len = len;
    str.data = path;

    if (ngx_open_dir(&str, &dir) == NGX_ERROR) {
        ngx_log_error(NGX_LOG_WARN, t->log, ngx_errno,
                      ngx_open_dir_n " \"%s\" failed", path);
        return NGX_OK;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && ngx_read_dir(&dir) == NGX_OK) {
        name = ngx_de_name(&dir);
        n = ngx_de_namelen(&dir);

        if (name[0] == '.' || len + 1 + n >= NGX_MAX_PATH) {
            continue;
        }

        path[len] = '/';
        ngx_memcpy(path + len + 1, name, n);
        path[len + 1 + n] = '\0';

        rc = ngx_torus_tz_entry(t, path, len + 1 + n, depth);
    }

    path[len] = '\0';

    if (ngx_close_dir(&dir) == NGX_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, t->log, ngx_errno,
                      ngx_close_dir_n " \"%s\" failed", path);
    }

    return rc;
}


/* "posix" and "right" hold all zones once more, the latter in another time. */

static ngx_int_t
ngx_torus_tz_entry(ngx_torus_tz_t *t, u_char *path, size_t len,
    ngx_uint_t depth)
{
    torus_str_t      name;
    ngx_file_info_t  fi;

    name = torus_str(path + t->root, len - t->root);

    if (!torus_tz_name_valid(name)
        || torus_str_is(name, "posix") || torus_str_is(name, "right")
        || ngx_file_info(path, &fi) == NGX_FILE_ERROR)
    {
        return NGX_OK;
    }

    if (ngx_is_dir(&fi)) {
        return depth < NGX_TORUS_TZ_DEPTH
               ? ngx_torus_tz_dir(t, path, len, depth + 1) : NGX_OK;
    }

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) > NGX_TORUS_TZ_FILE
        || t->zones.nelts == NGX_TORUS_TZ_ZONES)
    {
        return NGX_OK;
    }

    return ngx_torus_tz_file(t, path, len);
}


static ngx_int_t
ngx_torus_tz_file(ngx_torus_tz_t *t, u_char *path, size_t len)
{
    int                   rc;
    ssize_t               n;
    ngx_fd_t              fd;
    torus_tz_t            tz;
    torus_str_t           name;
    ngx_torus_tz_zone_t  *zone;

    fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return NGX_OK;
    }

    n = ngx_read_fd(fd, t->buffer, NGX_TORUS_TZ_FILE);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, t->log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", path);
    }

    if (n <= 0) {
        return NGX_OK;
    }

    rc = torus_tz_load(t->buffer, (size_t) n, t->arena, &tz);

    if (rc == TORUS_DECLINED) {
        return NGX_OK;
    }

    if (rc != TORUS_OK
        || torus_arena_dup(t->arena,
                           torus_str(path + t->root, len - t->root), &name)
           != TORUS_OK)
    {
        return NGX_ERROR;
    }

    zone = ngx_array_push(&t->zones);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->name = name;
    zone->tz = tz;

    return NGX_OK;
}


const torus_tz_t *
ngx_torus_tz_find(void *data, torus_str_t name)
{
    ngx_torus_tz_t *t = data;

    ngx_int_t             rc;
    ngx_uint_t            low, high, mid;
    ngx_torus_tz_zone_t  *zones;

    if (t == NULL) {
        return NULL;
    }

    zones = t->zones.elts;
    low = 0;
    high = t->zones.nelts;

    while (low < high) {
        mid = (low + high) / 2;
        rc = ngx_torus_tz_order(name, zones[mid].name);

        if (rc == 0) {
            return &zones[mid].tz;
        }

        if (rc < 0) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return NULL;
}


static int ngx_libc_cdecl
ngx_torus_tz_cmp(const void *one, const void *two)
{
    const ngx_torus_tz_zone_t  *a = one;
    const ngx_torus_tz_zone_t  *b = two;

    return (int) ngx_torus_tz_order(a->name, b->name);
}


static ngx_int_t
ngx_torus_tz_order(torus_str_t a, torus_str_t b)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(a.data, b.data, ngx_min(a.len, b.len));

    return rc != 0 ? rc : (ngx_int_t) a.len - (ngx_int_t) b.len;
}
