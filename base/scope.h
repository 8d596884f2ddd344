/* SPDX-License-Identifier: Apache-2.0
 * scope.h - handles that release themselves when their block ends.
 *
 * Declare every owned handle with ps_auto_* at its birth; ownership leaves only through ps_take_*.
 * Scope-exit functions keep errno, accept the empty value and reset the variable.
 */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ps_auto(fn) __attribute__((cleanup(fn)))

/* Define a scope-exit function for a handle type with a given "empty" value. */
#define PS_SCOPED(type, name, empty, release)  \
	static inline void name(type *p)       \
	{                                      \
		int saved = errno;             \
		if (*p != (empty))             \
			(void)release(*p);     \
		*p = (empty);                  \
		errno = saved;                 \
	}

PS_SCOPED(int, ps_fd_close, -1, close)
PS_SCOPED(FILE *, ps_file_close, NULL, fclose)
PS_SCOPED(DIR *, ps_dir_close, NULL, closedir)
static inline void ps_mem_free(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

#define ps_auto_fd   ps_auto(ps_fd_close)
#define ps_auto_mem  ps_auto(ps_mem_free)
#define ps_auto_file ps_auto(ps_file_close)
#define ps_auto_dir  ps_auto(ps_dir_close)

/* Move ownership out; the source becomes empty so that its cleanup does nothing. */
#define ps_take_fd(p)  __extension__({ int v_ = *(p); *(p) = -1; v_; })
#define ps_take_ptr(p) __extension__({ __typeof__(*(p)) v_ = *(p); *(p) = NULL; v_; })

#define PS_COUNT(a) (sizeof(a) / sizeof((a)[0]))
