/*
 * A preload that gives a server another realtime clock, for tests whose
 * answers depend on the time.
 *
 * TORUS_CLOCK names a file of eight bytes, a signed number of nanoseconds in
 * the machine's order.  Even: added to the real clock.  Odd: the time stands
 * still there.  The file is mapped, so that a test sets the clock of servers
 * that run.  Monotonic clocks stay real: time-outs and event loops go on as
 * ever.
 *
 * System calls are made raw: what libc offers here would come back to us.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


#define NS  1000000000LL


static const int64_t   clock_none = 0;
static const int64_t  *clock_set = &clock_none;


static void clock_init(void) __attribute__((constructor));
static void clock_now(struct timespec *ts);


static void
clock_init(void)
{
    int          fd;
    void        *p;
    const char  *file;

    file = getenv("TORUS_CLOCK");
    if (file == NULL || *file == '\0') {
        return;
    }

    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);

    if (p != MAP_FAILED) {
        clock_set = p;
    }
}


static void
clock_now(struct timespec *ts)
{
    int64_t  set, now;

    set = __atomic_load_n(clock_set, __ATOMIC_RELAXED);

    if (set & 1) {
        now = set & ~(int64_t) 1;

    } else {
        (void) syscall(SYS_clock_gettime, CLOCK_REALTIME, ts);
        now = ts->tv_sec * NS + ts->tv_nsec + set;
    }

    ts->tv_sec = now / NS;
    ts->tv_nsec = now % NS;

    if (ts->tv_nsec < 0) {
        ts->tv_nsec += NS;
        ts->tv_sec--;
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    switch (id) {

    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        clock_now(ts);
        return 0;

    default:
        return syscall(SYS_clock_gettime, id, ts);
    }
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    if (tz != NULL) {
        (void) syscall(SYS_gettimeofday, NULL, tz);
    }

    clock_now(&ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    clock_now(&ts);

    if (t != NULL) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}


int
timespec_get(struct timespec *ts, int base)
{
    if (base != TIME_UTC) {
        return 0;
    }

    clock_now(ts);

    return base;
}
