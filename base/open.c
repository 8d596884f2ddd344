/* SPDX-License-Identifier: Apache-2.0
 * open.c - open(2) for a link against musl, whose own asks for O_CLOEXEC twice, the second time by fcntl(2): Linux before
 * 2.6.23 did not know the flag.
 */
#include <features.h>
#ifndef __GLIBC__

#include <fcntl.h>
#include <stdarg.h>

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat(AT_FDCWD, path, flags, mode);
}
#else
typedef int open_is_libc_s; /* ISO C wants a declaration in every file */
#endif
