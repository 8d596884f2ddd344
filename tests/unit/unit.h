/* SPDX-License-Identifier: Apache-2.0
 * unit.h - what every unit test includes: cmocka with its prerequisites, a scratch directory, a count of open fds.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/scope.h"

/* Descriptors that this process has open. */
static inline int unit_open_fds(void)
{
	ps_auto_dir DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

/* A new empty directory, opened; its path goes to path.  Give it back to unit_rmdir. */
static inline int unit_mkdir(char path[PATH_MAX])
{
	const char *base = getenv("TMPDIR");
	int fd;

	(void)snprintf(path, PATH_MAX, "%s/podshim-unit-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void unit_rmdir(const char *path, int fd)
{
	struct ps_err e = { .cls = PS_OK };

	(void)close(fd);
	if (ps_remove_tree_at(AT_FDCWD, path, &e) < 0)
		fail_msg("%s", e.msg);
}

static inline void unit_write(int dirfd, const char *path, const char *text)
{
	ps_auto_fd int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ps_write_all(fd, text, strlen(text)), 0);
}

/* With " for '; the caller frees it. */
static inline char *unit_quotes(const char *text)
{
	char *s = strdup(text);

	assert_non_null(s);
	for (char *p = s; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	return s;
}

/* Of that class, and its text has `text` in it. */
static inline void unit_assert_err(const struct ps_err *e, enum ps_err_class cls, const char *text)
{
	assert_int_equal(e->cls, cls);
	if (!strstr(e->msg, text))
		fail_msg("'%s' does not say '%s'", e->msg, text);
}

/* All that is shown of it. */
static inline void unit_assert_error(const struct ps_err *e, const char *want)
{
	char text[1024];

	assert_string_equal(ps_err_text(e, text, sizeof(text)), want);
}

static inline void unit_assert_file(int dirfd, const char *path, const char *text)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	if (ps_read_file_at(dirfd, path, 1 << 20, &b, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(b.data ? b.data : "", text);
}
