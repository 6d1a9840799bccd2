/*
 * Runs a fuzz target (LLVMFuzzerTestOneInput) without libFuzzer: every file
 * of its corpus, every prefix of the short ones, then mutations of them for
 * some seconds.  TAP on standard output; a fault ends the process with the
 * sanitizer's report, and the input is left in a file.
 *
 *   fuzz_x [SECONDS [SEED [CORPUS..]]]
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define INPUT_MAX  65536
#define SEEDS_MAX  4096


typedef struct {
    uint8_t  *data;
    size_t    len;
} input_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void));

static void read_corpus(const char *path);
static void read_file(const char *path);
static void run(const uint8_t *data, size_t len);
static void died(void);
static void aborted(int sig);
static uint64_t next(void);
static size_t mutate(uint8_t *buf);
static double now(void);


static input_t         seeds[SEEDS_MAX];
static size_t          nseeds;
static uint64_t        state;
static const uint8_t  *current;
static size_t          current_len;
static const char     *name;


int
main(int argc, char **argv)
{
    int       i;
    char      dir[512];
    double    until;
    size_t    n, len;
    uint8_t  *buf;

    name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    until = now() + (argc > 1 ? atof(argv[1]) : 2.0);
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t) time(NULL);

    printf("# %s: seed %llu\n", name, (unsigned long long) state);
    fflush(stdout);

    state = state * 2 + 1;
    __sanitizer_set_death_callback(died);
    signal(SIGABRT, aborted);

    for (i = 3; i < argc; i++) {
        read_corpus(argv[i]);
    }

    if (argc <= 3) {
        snprintf(dir, sizeof(dir), "t/fuzz/corpus/%s",
                 strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
        read_corpus(dir);
    }

    for (n = 0; n < nseeds; n++) {
        for (len = seeds[n].len > 2048 ? seeds[n].len : 0;
             len <= seeds[n].len;
             len++)
        {
            run(seeds[n].data, len);
        }
    }

    buf = malloc(INPUT_MAX);
    if (buf == NULL) {
        return 1;
    }

    for (n = 0; now() < until; n++) {
        len = mutate(buf);
        run(buf, len);
    }

    free(buf);

    for (i = 0; i < (int) nseeds; i++) {
        free(seeds[i].data);
    }

    printf("ok 1 - %s: %zu inputs of a corpus, %zu mutations\n1..1\n",
           name, nseeds, n);

    return 0;
}


static void
read_corpus(const char *path)
{
    DIR            *dir;
    char            file[1024];
    struct stat     st;
    struct dirent  *de;

    if (stat(path, &st) != 0) {
        return;
    }

    if (!S_ISDIR(st.st_mode)) {
        read_file(path);
        return;
    }

    dir = opendir(path);
    if (dir == NULL) {
        return;
    }

    for (de = readdir(dir); de != NULL; de = readdir(dir)) {
        if (de->d_name[0] != '.') {
            snprintf(file, sizeof(file), "%s/%s", path, de->d_name);
            read_file(file);
        }
    }

    closedir(dir);
}


static void
read_file(const char *path)
{
    FILE  *f;

    f = fopen(path, "rb");
    if (f == NULL || nseeds == SEEDS_MAX) {
        return;
    }

    seeds[nseeds].data = malloc(INPUT_MAX);
    if (seeds[nseeds].data != NULL) {
        seeds[nseeds].len = fread(seeds[nseeds].data, 1, INPUT_MAX, f);
        nseeds++;
    }

    fclose(f);
}


/* An allocation of its own, so that a byte read past the end is seen. */
static void
run(const uint8_t *data, size_t len)
{
    uint8_t  *copy;

    copy = malloc(len ? len : 1);
    if (copy == NULL) {
        exit(1);
    }

    if (len) {
        memcpy(copy, data, len);
    }

    current = copy;
    current_len = len;

    (void) LLVMFuzzerTestOneInput(copy, len);

    current = NULL;
    free(copy);
}


static void
died(void)
{
    FILE  *f;
    char   path[256];

    if (current == NULL) {
        return;
    }

    snprintf(path, sizeof(path), "crash-%s-%ld", name, (long) getpid());

    f = fopen(path, "wb");
    if (f != NULL) {
        fwrite(current, 1, current_len, f);
        fclose(f);
    }

    printf("not ok 1 - %s: the input is in %s\n1..1\n", name, path);
    fflush(stdout);
}


static void
aborted(int sig)
{
    died();
    signal(sig, SIG_DFL);
    raise(sig);
}


/* splitmix64 */
static uint64_t
next(void)
{
    uint64_t  z;

    state += 0x9e3779b97f4a7c15;
    z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;

    return z ^ (z >> 31);
}


/* A seed, or noise, with some bytes changed, cut, doubled or taken over. */
static size_t
mutate(uint8_t *buf)
{
    size_t                len, n, at, k, from;
    const input_t        *seed;
    static const uint8_t  odd[] = "\0\n\r\t :.,*?[]{}()\"'\\/-+0189eN~#$%^\xff";

    len = 0;

    if (nseeds && next() % 16) {
        seed = &seeds[next() % nseeds];
        len = seed->len;
        memcpy(buf, seed->data, len);

    } else {
        len = next() % 256;

        for (n = 0; n < len; n++) {
            buf[n] = next();
        }
    }

    for (n = next() % 8; n; n--) {
        at = len ? next() % len : 0;
        k = next() % 16 + 1;

        switch (next() % 6) {

        case 0:
            if (len) {
                buf[at] = next();
            }
            break;

        case 1:
            if (len) {
                buf[at] = odd[next() % (sizeof(odd) - 1)];
            }
            break;

        case 2:
            k = k < len - at ? k : len - at;
            memmove(buf + at, buf + at + k, len - at - k);
            len -= k;
            break;

        case 3:
            if (len + k <= INPUT_MAX) {
                memmove(buf + at + k, buf + at, len - at);
                memset(buf + at, odd[next() % (sizeof(odd) - 1)], k);
                len += k;
            }
            break;

        case 4:
            if (nseeds) {
                seed = &seeds[next() % nseeds];
                from = seed->len ? next() % seed->len : 0;
                k = next() % (seed->len - from + 1);
                k = k < INPUT_MAX - at ? k : INPUT_MAX - at;
                memcpy(buf + at, seed->data + from, k);
                len = at + k > len ? at + k : len;
            }
            break;

        default:
            len = at;
            break;
        }
    }

    return len;
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}
