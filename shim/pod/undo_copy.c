/* SPDX-License-Identifier: Apache-2.0
 * undo_copy.c - copies files that a payload made: never more than their data, permission bits, times and harmless attributes.
 */
#include "shim/pod/undo_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"
#include "shim/sandbox/rootless.h"

#define OVERLAY "user.overlay."
#define OPAQUE OVERLAY "opaque"

enum { BLOCK = 128 * 1024, NAMES_SIZE = 64 * 1024, VALUE_SIZE = 64 * 1024 };
enum { OPEN_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

/* ---- Data ---- */

/* One run of bytes without a hole. */
static int copy_run(int from, int to, off_t at, off_t end, char *block)
{
	while (at < end) {
		size_t want = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
		ssize_t n = pread(from, block, want, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		for (ssize_t k = 0; k < n;) {
			ssize_t m = pwrite(to, block + k, (size_t)(n - k), at + k);

			if (m < 0 && errno != EINTR)
				return -1;
			k += m > 0 ? m : 0;
		}
		at += n;
	}
	return 0;
}

int undo_copy_data(int from, int to, struct ps_err *e)
{
	ps_auto_mem char *block = malloc(BLOCK);
	struct stat st;

	if (!block || fstat(from, &st) < 0)
		return ps_fail_os(e, "copy a file");
	if (ftruncate(to, st.st_size) < 0)
		return ps_fail_os(e, "write");
	for (off_t at = 0, end; at < st.st_size; at = end) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : ps_fail_os(e, "read");
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return ps_fail_os(e, "read");
		if (copy_run(from, to, at, end < st.st_size ? end : st.st_size, block) < 0)
			return ps_fail_os(e, "copy a file");
	}
	return 0;
}

int undo_same_data(int a, int b)
{
	ps_auto_mem char *block = malloc(2 * (size_t)BLOCK);
	struct stat x, y;

	if (!block || fstat(a, &x) < 0 || fstat(b, &y) < 0)
		return -1;
	if (x.st_size != y.st_size)
		return 0;
	for (off_t at = 0; at < x.st_size;) {
		off_t data_a = lseek(a, at, SEEK_DATA), data_b = lseek(b, at, SEEK_DATA);
		/* A hole of both is the same, however large somebody made it. */
		off_t from = data_a < 0 ? data_b : data_b < 0 || data_a < data_b ? data_a : data_b;

		if (from < 0)
			return 1;
		ssize_t n = pread(a, block, BLOCK, from), m = pread(b, block + BLOCK, BLOCK, from);

		if (n < 0 || m < 0)
			return -1;
		if (n != m || memcmp(block, block + BLOCK, (size_t)n) != 0)
			return 0;
		if (!n)
			return 1;
		at = from + n;
	}
	return 1;
}

/* ---- Attributes ---- */

static bool is_kept(const char *name, bool layer)
{
	if (strncmp(name, OVERLAY, sizeof(OVERLAY) - 1) == 0)
		return layer && (!strcmp(name, OPAQUE) || !strcmp(name, OVERLAY "origin"));
	return strncmp(name, "user.", 5) == 0 || !strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default");
}

static void copy_xattrs(int from, int to, bool layer)
{
	ps_auto_mem char *names = malloc(NAMES_SIZE + VALUE_SIZE);
	ssize_t n = names ? flistxattr(from, names, NAMES_SIZE) : -1;

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		ssize_t len = is_kept(names + i, layer) ? fgetxattr(from, names + i, names + NAMES_SIZE, VALUE_SIZE) : -1;

		if (len >= 0)
			(void)fsetxattr(to, names + i, names + NAMES_SIZE, (size_t)len, 0);
	}
}

/* Whose it is is root's to say; others own what they make. */
static int copy_owner(int fd, const char *name, const struct stat *st, int flags)
{
	if (fchownat(fd, name, st->st_uid, st->st_gid, flags) == 0)
		return 0;
	return rootless_uid() == 0 && !rootless_entered() ? -1 : 0;
}

static int copy_attrs(int from, int to, const struct stat *st, bool layer, struct ps_err *e)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, st->st_mtim };
	mode_t mode = st->st_mode & (S_ISDIR(st->st_mode) ? 01777 : 0777);
	struct stat is;

	if (copy_owner(to, "", st, AT_EMPTY_PATH) < 0)
		return ps_fail_os(e, "give it to uid %u, gid %u", st->st_uid, st->st_gid);
	/* A directory has that bit from the one it is in. */
	if (S_ISDIR(st->st_mode) && !layer && fstat(to, &is) == 0)
		mode |= is.st_mode & (S_ISGID | S_ISUID);
	copy_xattrs(from, to, layer);
	if (fchmod(to, mode) < 0)
		return ps_fail_os(e, "set its permissions");
	(void)futimens(to, times);
	return 0;
}

int undo_copy_attrs(int from, int to, const struct stat *st, struct ps_err *e)
{
	return copy_attrs(from, to, st, /* layer= */ false, e);
}

bool undo_is_opaque(int dir)
{
	char value = 0;

	return fgetxattr(dir, OPAQUE, &value, 1) == 1 && value == 'y';
}

/* ---- Entries ---- */

static int copy_file(int at_dir, const char *name, int to_dir, const char *to_name, struct stat *ret_st, bool layer, struct ps_err *e)
{
	ps_auto_fd int from = openat(at_dir, name, OPEN_FILE);
	ps_auto_fd int to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return ps_fail_os(e, "open it");
	if (!S_ISREG(st.st_mode))
		return ps_fail(e, PS_E_STATE, "it is no regular file any more");
	to = openat(to_dir, to_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return ps_fail_os(e, "create a file");
	if (undo_copy_data(from, to, e) < 0 || copy_attrs(from, to, &st, layer, e) < 0) {
		(void)unlinkat(to_dir, to_name, 0);
		return -1;
	}
	if (ret_st)
		*ret_st = st;
	return 0;
}

int undo_copy_file(int at_dir, const char *name, int to_dir, const char *to_name, struct stat *ret_st, struct ps_err *e)
{
	return copy_file(at_dir, name, to_dir, to_name, ret_st, /* layer= */ false, e);
}

int undo_copy_link(int at_dir, const char *name, int to_dir, const char *to_name, const struct stat *st, struct ps_err *e)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(at_dir, name, text, sizeof(text));

	if (n < 0 || (size_t)n == sizeof(text))
		return ps_fail_os(e, "read the link");
	text[n] = '\0';
	if (symlinkat(text, to_dir, to_name) < 0)
		return ps_fail_os(e, "make the link");
	return copy_owner(to_dir, to_name, st, AT_SYMLINK_NOFOLLOW) < 0 ? ps_fail_os(e, "give the link to its owner") : 0;
}

int undo_copy_in(int real, int to_dir, const char *name, struct ps_err *e)
{
	char link[32];
	struct stat st;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", real);
	ps_auto_fd int from = open(link, OPEN_FILE & ~O_NOFOLLOW);
	ps_auto_fd int to = openat(to_dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return ps_fail_os(e, "copy a file");
	if (undo_copy_data(from, to, e) < 0 || copy_attrs(from, to, &st, /* layer= */ false, e) < 0)
		return -1;
	if (fstat(to, &st) == 0 && access(link, W_OK) < 0)
		(void)fchmod(to, st.st_mode & 0555);
	return 0;
}

/* ---- Layers ---- */

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth, struct ps_err *e);

static int copy_dir(int from, int to, unsigned depth, struct ps_err *e)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		ps_fd_close(&fd);
		return ps_fail_os(e, "read a directory");
	}
	while ((errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 && copy_entry(from, to, d->d_name, depth, e) < 0)
			return -1;
	return errno ? ps_fail_os(e, "read a directory") : 0;
}

static int copy_subdir(int from_dir, int to_dir, const char *name, unsigned depth, struct ps_err *e)
{
	ps_auto_fd int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ps_auto_fd int to = -1;
	struct stat st;

	if (depth >= UNDO_MAX_DEPTH)
		return ps_fail(e, PS_E_UNSUPP, "'%s' is more than %d levels deep", name, UNDO_MAX_DEPTH);
	if (from < 0 || fstat(from, &st) < 0 || mkdirat(to_dir, name, 0700) < 0)
		return ps_fail_os(e, "copy directory '%s'", name);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return ps_fail_os(e, "open directory '%s'", name);
	return copy_dir(from, to, depth + 1, e) < 0 ? -1 : copy_attrs(from, to, &st, /* layer= */ true, e);
}

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth, struct ps_err *e)
{
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ps_fail_os(e, "look at '%s'", name);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(from_dir, to_dir, name, depth, e);
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, name, to_dir, name, NULL, /* layer= */ true, e) < 0 ? ps_ctx(e, "'%s'", name) : 0;
	if (S_ISLNK(st.st_mode))
		return undo_copy_link(from_dir, name, to_dir, name, &st, e) < 0 ? ps_ctx(e, "'%s'", name) : 0;
	/* To be told of, never to be used. */
	if (undo_is_whiteout(&st) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return mknodat(to_dir, name, st.st_mode & S_IFMT, 0) < 0 ? ps_fail_os(e, "copy '%s'", name) : 0;
	return 0;
}

int undo_copy_tree(int from_dir, int to_dir, const char *name, struct ps_err *e)
{
	return copy_entry(from_dir, to_dir, name, 0, e);
}
