/*
 * What the clients of this directory share: a socket, a clock, a file in
 * memory.  Failures end the program; these are tools for one machine.
 */

#ifndef _BENCH_TCP_H_INCLUDED_
#define _BENCH_TCP_H_INCLUDED_


#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


static inline void
die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}


static inline double
seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


/* To a port of the loopback. */
static inline int
tcp_connect(const char *port)
{
    int                 fd, on = 1;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));

    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) atoi(port));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1 || connect(fd, (struct sockaddr *) &sin, sizeof(sin)) != 0) {
        die(port);
    }

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    return fd;
}


static inline void
tcp_send(int fd, const char *p, size_t len)
{
    ssize_t  n;

    for (/* void */; len != 0; p += n, len -= (size_t) n) {
        n = send(fd, p, len, MSG_NOSIGNAL);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            die("send");
        }
    }
}


/* A reply that comes in one piece, terminated. */
static inline size_t
tcp_recv(int fd, char *p, size_t size)
{
    ssize_t  n;

    n = recv(fd, p, size - 1, 0);

    if (n <= 0) {
        die("recv");
    }

    p[n] = '\0';

    return (size_t) n;
}


static inline char *
file_read(const char *name, size_t *len)
{
    int          fd;
    char        *data;
    size_t       n;
    ssize_t      rc;
    struct stat  st;

    fd = open(name, O_RDONLY);

    if (fd == -1 || fstat(fd, &st) != 0) {
        die(name);
    }

    *len = (size_t) st.st_size;
    data = malloc(*len + 1);

    if (data == NULL) {
        die(name);
    }

    for (n = 0; n < *len; n += (size_t) rc) {
        rc = read(fd, data + n, *len - n);

        if (rc <= 0) {
            die(name);
        }
    }

    data[n] = '\0';
    close(fd);

    return data;
}


#endif /* _BENCH_TCP_H_INCLUDED_ */
