/* SPDX-License-Identifier: Apache-2.0
 * fortify.c - what archives built with glibc's _FORTIFY_SOURCE call, for a link against musl: the same checks.
 *
 * Debian's libyajl_s.a, libseccomp.a and libcares.a need nothing else of glibc.
 */
#include <features.h>
#ifndef __GLIBC__

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

void *__memcpy_chk(void *dst, const void *src, size_t n, size_t dst_size);
int __sprintf_chk(char *dst, int flag, size_t dst_size, const char *fmt, ...);
int __snprintf_chk(char *dst, size_t n, int flag, size_t dst_size, const char *fmt, ...);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);

long __fdelt_chk(long fd);

/* The word of an fd_set that fd is in. */
long __fdelt_chk(long fd)
{
	if (fd < 0 || fd >= FD_SETSIZE)
		abort();
	return fd / (8 * (long)sizeof(long));
}

void *__memcpy_chk(void *dst, const void *src, size_t n, size_t dst_size)
{
	if (n > dst_size)
		abort();
	return memcpy(dst, src, n);
}

int __sprintf_chk(char *dst, int flag, size_t dst_size, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	int n = vsnprintf(dst, dst_size, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= dst_size)
		abort();
	return n;
}

int __snprintf_chk(char *dst, size_t n, int flag, size_t dst_size, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	if (n > dst_size)
		abort();
	va_start(ap, fmt);
	int len = vsnprintf(dst, n, fmt, ap);
	va_end(ap);
	return len;
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	int n = vfprintf(f, fmt, ap);
	va_end(ap);
	return n;
}
#else
typedef int fortify_is_libc_s; /* ISO C wants a declaration in every file */
#endif
