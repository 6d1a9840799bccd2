/*
 * Basic blocks that lib/core ran, counted by the compiler's instrumentation
 * (-fsanitize-coverage=trace-pc) and so the same on any machine; what libc
 * copies, clears and writes counts too, by bytes.  Include it once per test.
 */

#ifndef _TORUS_BLOCKS_H_INCLUDED_
#define _TORUS_BLOCKS_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>


void __sanitizer_cov_trace_pc(void);
void *__real_memcpy(void *to, const void *from, size_t n);
void *__real_memmove(void *to, const void *from, size_t n);
void *__real_memset(void *to, int c, size_t n);
void *__real_calloc(size_t n, size_t size);
int __real_vsnprintf(char *text, size_t n, const char *fmt, va_list args);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n);
void *__wrap_memset(void *to, int c, size_t n);
void *__wrap_calloc(size_t n, size_t size);
int __wrap_vsnprintf(char *text, size_t n, const char *fmt, va_list args);


static uint64_t  blocks;


/* Called by each block of lib/core. */
void
__sanitizer_cov_trace_pc(void)
{
    blocks++;
}


void *
__wrap_memcpy(void *to, const void *from, size_t n)
{
    blocks += n / 64;
    return __real_memcpy(to, from, n);
}


void *
__wrap_memmove(void *to, const void *from, size_t n)
{
    blocks += n / 64;
    return __real_memmove(to, from, n);
}


void *
__wrap_memset(void *to, int c, size_t n)
{
    blocks += n / 64;
    return __real_memset(to, c, n);
}


void *
__wrap_calloc(size_t n, size_t size)
{
    blocks += n * size / 64;
    return __real_calloc(n, size);
}


int
__wrap_vsnprintf(char *text, size_t n, const char *fmt, va_list args)
{
    int  len;

    len = __real_vsnprintf(text, n, fmt, args);
    blocks += (uint64_t) (len < 0 ? 0 : len) / 16;

    return len;
}


#endif /* _TORUS_BLOCKS_H_INCLUDED_ */
