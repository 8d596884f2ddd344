/* SPDX-License-Identifier: Apache-2.0
 * copy_up.c - copies what a directory held into the file system that will cover it.
 */
#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/path.h"
#include "shim/sandbox/mount_util.h"

enum { MAX_DEPTH = 128, MODE_BITS = 07777, NAMES_SIZE = 4096, VALUE_SIZE = 4096 };

static int copy_dir(int from, int to, unsigned depth, struct ps_err *e);

/* Best effort: tmpfs takes trusted.*, security.* and ACLs, not everything that another file system knows. */
static void copy_xattrs(int from, int to)
{
	char names[NAMES_SIZE], value[VALUE_SIZE];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		ssize_t len = fgetxattr(from, names + i, value, sizeof(value));

		if (len >= 0)
			(void)fsetxattr(to, names + i, value, (size_t)len, 0);
	}
}

/* Owner first: a change of it drops the set-id bits. */
static int copy_attrs(int from, int to, const struct stat *st, struct ps_err *e)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & MODE_BITS) < 0)
		return ps_fail_os(e, "copy owner and mode");
	copy_xattrs(from, to);
	(void)futimens(to, times);
	return 0;
}

/* Opened without waiting for anything; what is no regular file after all (it was one a moment ago) is left out. */
static int copy_file(int from_dir, int to_dir, const char *name, struct ps_err *e)
{
	ps_auto_fd int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ps_auto_fd int to = -1;
	struct stat st;
	ssize_t n;

	if (from < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : ps_fail_os(e, "open '%s'", name);
	if (fstat(from, &st) < 0)
		return ps_fail_os(e, "look at '%s'", name);
	if (!S_ISREG(st.st_mode))
		return 0;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return ps_fail_os(e, "create '%s'", name);
	do
		n = sendfile(to, from, NULL, 1 << 30);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return ps_fail_os(e, "copy '%s'", name);
	return copy_attrs(from, to, &st, e) < 0 ? ps_ctx(e, "'%s'", name) : 0;
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st, struct ps_err *e)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, text, sizeof(text));

	if (n < 0 || (size_t)n == sizeof(text))
		return 0;
	text[n] = '\0';
	if (symlinkat(text, to_dir, name) < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return ps_fail_os(e, "copy link '%s'", name);
	return 0;
}

static int copy_subdir(int from_dir, int to_dir, const char *name, unsigned depth, struct ps_err *e)
{
	ps_auto_fd int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ps_auto_fd int to = -1;
	struct stat st;

	if (from < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : ps_fail_os(e, "open directory '%s'", name);
	if (depth >= MAX_DEPTH)
		return ps_fail(e, PS_E_UNSUPP, "directory '%s' is more than %d levels deep", name, MAX_DEPTH);
	if (fstat(from, &st) < 0 || mkdirat(to_dir, name, 0700) < 0)
		return ps_fail_os(e, "create directory '%s'", name);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return ps_fail_os(e, "open the new directory '%s'", name);
	if (copy_dir(from, to, depth + 1, e) < 0)
		return -1;
	return copy_attrs(from, to, &st, e) < 0 ? ps_ctx(e, "'%s'", name) : 0;
}

/* Sockets are of no use without who listens; nodes are the plan's business. */
static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth, struct ps_err *e)
{
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : ps_fail_os(e, "look at '%s'", name);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(from_dir, to_dir, name, depth, e);
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name, e);
	return S_ISLNK(st.st_mode) ? copy_link(from_dir, to_dir, name, &st, e) : 0;
}

static int copy_dir(int from, int to, unsigned depth, struct ps_err *e)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		ps_fd_close(&fd);
		return ps_fail_os(e, "read directory");
	}
	for (;;) {
		struct dirent *d = (errno = 0, readdir(dir));

		if (!d)
			return errno ? ps_fail_os(e, "read directory") : 0;
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
		    copy_entry(from, to, d->d_name, depth, e) < 0)
			return -1;
	}
}

int mount_copy_up(int from_fd, int to_fd, struct ps_err *e)
{
	/* Read through a clone of its own: no other mounts inside it, and no device can be opened through it. */
	ps_auto_fd int clone = mnt_clone(from_fd, false);
	ps_auto_fd int from = -1;
	ps_auto_fd int to = -1;
	struct stat st;

	if (clone < 0 || mnt_setattr(clone, false, MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY, 0, 0) < 0)
		return ps_fail_os(e, "tmpcopyup: clone the mount below");
	from = openat(clone, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return ps_fail_os(e, "tmpcopyup: open the directories");
	if (copy_dir(from, to, 0, e) < 0)
		return ps_ctx(e, "tmpcopyup");
	return 0;
}
