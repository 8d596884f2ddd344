/* SPDX-License-Identifier: Apache-2.0
 * fd.c - reading, writing and closing file descriptors.
 */
#include "base/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/abi.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/scope.h"

int ps_write_all(int fd, const void *p, size_t n)
{
	const char *data = p;

	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

static void set_length(struct ps_buf *b, size_t len)
{
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

int ps_read_fd(int fd, const char *name, size_t max, struct ps_buf *out, struct ps_err *e)
{
	enum { CHUNK = 4000, FEW = 512 };
	size_t start = out->len;

	for (;;) {
		size_t room = out->cap - out->len;

		if (room < FEW && ps_buf_reserve(out, CHUNK))
			room = out->cap - out->len;
		if (out->failed) {
			set_length(out, start);
			errno = ENOMEM;
			return ps_fail_os(e, "read '%s'", name);
		}
		ssize_t n = read(fd, out->data + out->len, room - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			set_length(out, start);
			return ps_fail_os(e, "read '%s'", name);
		}
		if ((size_t)n > max - (out->len - start)) {
			set_length(out, start);
			return ps_fail(e, PS_E_CONFIG, "'%s' is larger than %zu bytes", name, max);
		}
		set_length(out, out->len + (size_t)n);
		if (n == 0)
			return 0;
	}
}

int ps_read_file_at(int dirfd, const char *path, size_t max, struct ps_buf *out, struct ps_err *e)
{
	/* A fifo would wait for a writer, a device give for ever. */
	ps_auto_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return ps_fail(e, PS_E_CONFIG, "'%s' is not a regular file", path);
	return ps_read_fd(fd, path, max, out, e);
}

int ps_write_file_at(int dirfd, const char *path, const char *text, struct ps_err *e)
{
	ps_auto_fd int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	size_t len = strlen(text);
	int shown = (int)(len > 128 ? 128 : strcspn(text, "\n"));
	ssize_t n;

	if (fd < 0)
		return ps_fail_os(e, "open '%s' to write '%.*s'", path, shown, text);
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != len) {
		errno = EIO;
		n = -1;
	}
	return n < 0 ? ps_fail_os(e, "write '%.*s' to '%s'", shown, text, path) : 0;
}

int ps_write_atomic_at(int dirfd, const char *name, const void *data, size_t n, mode_t mode, struct ps_err *e)
{
	ps_auto_fd int fd = -1;
	char tmp[NAME_MAX + 1] = ".", *suffix = tmp + 1;

	if (!*name || strchr(name, '/') || strlen(name) > NAME_MAX)
		return ps_fail(e, PS_E_BUG, "'%s' is not a file name", name);
	if (ps_random_hex(suffix, 16) < 0)
		return ps_fail_os(e, "make a temporary name for '%s'", name);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ps_fail_os(e, "create a temporary file for '%s'", name);
	if (ps_write_all(fd, data, n) < 0 || fchmod(fd, mode) < 0 || renameat(dirfd, tmp, dirfd, name) < 0) {
		(void)ps_fail_os(e, "write '%s'", name);
		(void)unlinkat(dirfd, tmp, 0);
		return -1;
	}
	return 0;
}

int ps_write_new_at(int dirfd, const char *name, const void *data, size_t n, mode_t mode)
{
	ps_auto_fd int fd = openat(dirfd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	char path[32];

	if (fd < 0 || ps_write_all(fd, data, n) < 0 || fchmod(fd, mode) < 0)
		return -1;
	/* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW);
}

int ps_set_cloexec(int fd, int on, struct ps_err *e)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags >= 0)
		flags = fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
	return flags < 0 ? ps_fail_os(e, "%s close-on-exec of descriptor %d", on ? "set" : "clear", fd) : 0;
}

static int cloexec_walk(unsigned first, struct ps_err *e)
{
	ps_auto_dir DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint32_t fd;

	if (!dir)
		return ps_fail_os(e, "list open descriptors in '/proc/self/fd'");
	while (errno = 0, entry = readdir(dir))
		if (ps_parse_u32(entry->d_name, &fd) == 0 && fd >= first && ps_set_cloexec((int)fd, 1, e) < 0)
			return -1;
	return errno ? ps_fail_os(e, "list open descriptors in '/proc/self/fd'") : 0;
}

int ps_cloexec_from(unsigned first, struct ps_err *e)
{
	/* ENOSYS: before 5.9; EINVAL: before 5.11; EPERM: an outer container's seccomp filter. */
	if (ps_sys_close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
		return ps_fail_os(e, "mark descriptors from %u close-on-exec", first);
	return cloexec_walk(first, e);
}

/* ---- Recursive deletion ---- */

/* A deeper tree is lifted to the top in pieces, so that a hostile depth costs neither descriptors nor stack. */
enum { MAX_DEPTH = 32, MAX_LIFT_NAMES = 65536 };

struct removal {
	const char *name; /* what the caller asked for */
	int top_fd;
	unsigned lifted;
	struct ps_err *e;
};

/* 1 when child is on another mount than dir, 0 when not, -1 with errno. */
static int crosses_mount(int dir_fd, int child_fd)
{
	uint64_t dir_id, child_id;
	struct stat dir, child;

	if (ps_sys_mount_id(dir_fd, &dir_id) == 0 && ps_sys_mount_id(child_fd, &child_id) == 0)
		return dir_id != child_id;
	if (fstat(dir_fd, &dir) < 0 || fstat(child_fd, &child) < 0)
		return -1;
	return dir.st_dev != child.st_dev;
}

/* The directory `name` of dir_fd; EXDEV when it is a mount point. */
static int open_same_mount(int dir_fd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	ps_auto_fd int fd = ps_openat2(dir_fd, name, (uint64_t)flags, 0, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	int crosses;

	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return ps_take_fd(&fd);
	fd = openat(dir_fd, name, flags);
	if (fd < 0)
		return -1;
	crosses = crosses_mount(dir_fd, fd);
	if (crosses > 0)
		errno = EXDEV;
	return crosses ? -1 : ps_take_fd(&fd);
}

static int lift(struct removal *r, int dir_fd, const char *name)
{
	char to[32];

	while (r->lifted++ < MAX_LIFT_NAMES) {
		(void)snprintf(to, sizeof(to), ".podshim-rm-%u", r->lifted);
		if (renameat(dir_fd, name, r->top_fd, to) == 0)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			break;
	}
	return ps_fail_os(r->e, "remove '%s': move '%s' up", r->name, name);
}

static int clear_dir(struct removal *r, int dir_fd, unsigned depth);

static int remove_entry(struct removal *r, int dir_fd, const char *name, unsigned depth)
{
	ps_auto_fd int fd = -1;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return ps_fail_os(r->e, "remove '%s': delete '%s'", r->name, name);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST && errno != EBUSY)
		return ps_fail_os(r->e, "remove '%s': delete '%s'", r->name, name);
	if (depth == MAX_DEPTH)
		return lift(r, dir_fd, name);
	fd = open_same_mount(dir_fd, name);
	if (fd < 0 && errno == EXDEV)
		return ps_fail(r->e, PS_E_STATE, "remove '%s': something is mounted on '%s'", r->name, name);
	if (fd < 0)
		return ps_fail_os(r->e, "remove '%s': open '%s'", r->name, name);
	if (clear_dir(r, ps_take_fd(&fd), depth + 1) < 0)
		return -1;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return ps_fail_os(r->e, "remove '%s': delete '%s'", r->name, name);
	return 0;
}

/* Empty the directory; takes dir_fd. */
static int clear_dir(struct removal *r, int dir_fd, unsigned depth)
{
	ps_auto_fd int fd = dir_fd;
	ps_auto_dir DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	unsigned lifted;

	if (!dir)
		return ps_fail_os(r->e, "remove '%s': read a directory", r->name);
	(void)ps_take_fd(&fd);
	if (depth == 1)
		r->top_fd = dir_fd;
	do {
		lifted = r->lifted;
		rewinddir(dir);
		while (errno = 0, entry = readdir(dir))
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			    remove_entry(r, dir_fd, entry->d_name, depth) < 0)
				return -1;
		if (errno)
			return ps_fail_os(r->e, "remove '%s': read a directory", r->name);
	} while (depth == 1 && lifted != r->lifted);
	return 0;
}

int ps_remove_tree_at(int dirfd, const char *name, struct ps_err *e)
{
	struct removal r = { .name = name, .top_fd = -1, .e = e };
	ps_auto_fd int parent = -1;
	const char *slash = strrchr(name, '/');
	char dir[PATH_MAX];

	if (!slash)
		return remove_entry(&r, dirfd, name, 0);
	if (slash - name + 2 > (ptrdiff_t)sizeof(dir)) {
		errno = ENAMETOOLONG;
		return ps_fail_os(e, "remove '%s'", name);
	}
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - name + 1), name);
	parent = openat(dirfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return errno == ENOENT ? 0 : ps_fail_os(e, "remove '%s': open '%s'", name, dir);
	return remove_entry(&r, parent, slash + 1, 0);
}

int ps_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, unsigned flags)
{
	return ps_sys_renameat2(old_dirfd, old_path, new_dirfd, new_path, flags);
}

ssize_t ps_fd_path(int fd, char out[PATH_MAX])
{
	char link[32];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n >= 0)
		out[n] = '\0';
	return n;
}
