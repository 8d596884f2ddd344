/* SPDX-License-Identifier: Apache-2.0
 * path.c - paths inside a directory tree that an attacker may own.
 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/abi.h"
#include "base/scope.h"

enum { MAX_LINKS = 40, MAX_RETRIES = 64, PROC_MAGIC = 0x9fa0, PROC_ROOT_INODE = 1, DIR_MODE = 0755 };
#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

bool ps_path_no_openat2;

static int fail(int err)
{
	errno = err;
	return -1;
}

/* ---- The kernel's resolver ---- */

int ps_openat2(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	bool creates = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = creates ? mode & 07777 : 0, .resolve = resolve };
	int fd = -1;

	if (ps_path_no_openat2)
		return fail(ENOSYS);
	for (int i = 0; i < MAX_RETRIES; i++) {
		fd = ps_sys_openat2(dirfd, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

/* Missing, filtered by seccomp, or kept busy by renames: the walk below needs none of it. */
static bool kernel_cannot(void)
{
	return errno == ENOSYS || errno == EPERM || errno == EAGAIN;
}

/* ---- Our own: one O_NOFOLLOW component at a time, links and ".." resolved here, never by the kernel ---- */

struct walk_how {
	uint64_t flags; /* open(2) flags of the last component */
	mode_t mode;
	bool no_links;
	bool make_dirs, make_file; /* create what is missing, DIR_MODE or dir_mode */
	mode_t dir_mode;
};

struct walk {
	const struct walk_how *how;
	int root_fd;
	int cur_fd;          /* owned, or -1 at the root */
	unsigned links;
	char done[PATH_MAX]; /* link-free way from the root to cur_fd, "a/b" */
	char todo[PATH_MAX];
};

static int walk_dir(const struct walk *w)
{
	return w->cur_fd >= 0 ? w->cur_fd : w->root_fd;
}

static void walk_to_root(struct walk *w)
{
	ps_fd_close(&w->cur_fd);
	w->done[0] = '\0';
}

static void walk_done(struct walk *w)
{
	ps_fd_close(&w->cur_fd);
}

static int walk_enter(struct walk *w, const char *name)
{
	size_t len = strlen(w->done), n = strlen(name);
	int fd;

	if (len + 1 + n >= sizeof(w->done))
		return fail(ENAMETOOLONG);
	fd = openat(walk_dir(w), name, DIR_FLAGS);
	if (fd < 0 && errno == ENOENT && w->how->make_dirs) {
		if (mkdirat(walk_dir(w), name, w->how->dir_mode) < 0 && errno != EEXIST)
			return -1;
		fd = openat(walk_dir(w), name, DIR_FLAGS);
	}
	if (fd < 0)
		return -1;
	ps_fd_close(&w->cur_fd);
	w->cur_fd = fd;
	if (len)
		w->done[len++] = '/';
	memcpy(w->done + len, name, n + 1);
	return 0;
}

/* "..": the kernel's parent of cur_fd may be outside by now, so go down from the root again. */
static int walk_up(struct walk *w)
{
	char way[PATH_MAX], *rest = way, *name, *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
	else
		w->done[0] = '\0';
	memcpy(way, w->done, strlen(w->done) + 1);
	walk_to_root(w);
	while ((name = strsep(&rest, "/")))
		if (*name && walk_enter(w, name) < 0)
			return -1;
	return 0;
}

/* Links of procfs below its root directory (/proc/PID/exe, cwd, fd/N ...) jump; their text means nothing. */
static bool is_magic_link(int dirfd, const char *name)
{
	ps_auto_fd int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(dirfd, &st) < 0)
		return true;
	return fs.f_type == PROC_MAGIC && st.st_ino != PROC_ROOT_INODE;
}

/* Put the link's text before what is left. */
static int walk_link(struct walk *w, const char *name, char *text, size_t len, const char *rest)
{
	size_t rest_len = strlen(rest);

	if (w->how->no_links || ++w->links > MAX_LINKS || is_magic_link(walk_dir(w), name))
		return fail(ELOOP);
	if (len + rest_len >= sizeof(w->todo))
		return fail(ENAMETOOLONG);
	memmove(w->todo + len, rest, rest_len + 1);
	memcpy(w->todo, text, len);
	if (text[0] == '/')
		walk_to_root(w);
	return 0;
}

static int open_last(const struct walk *w, const char *name)
{
	uint64_t flags = w->how->flags;
	ps_auto_fd int fd = openat(walk_dir(w), name, (int)(flags | O_NOFOLLOW | O_CLOEXEC), w->how->mode);
	struct stat st;

	if (fd < 0 || !(flags & O_PATH) || flags & O_NOFOLLOW)
		return ps_take_fd(&fd);
	if (fstat(fd, &st) < 0)
		return -1;
	return S_ISLNK(st.st_mode) ? fail(ELOOP) : ps_take_fd(&fd);
}

static int walk_last(const struct walk *w, const char *name)
{
	int fd = open_last(w, name);

	if (fd >= 0 || errno != ENOENT || !w->how->make_file)
		return fd;
	fd = openat(walk_dir(w), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, w->how->mode);
	if (fd < 0 && errno != EEXIST)
		return -1;
	ps_fd_close(&fd);
	return open_last(w, name);
}

static bool follows_last(const struct walk_how *how)
{
	const uint64_t create_new = O_CREAT | O_EXCL;

	return !(how->flags & O_NOFOLLOW) && (how->flags & create_new) != create_new;
}

static int walk(int root_fd, const char *path, const struct walk_how *how)
{
	__attribute__((cleanup(walk_done))) struct walk w = { .how = how, .root_fd = root_fd, .cur_fd = -1 };
	char name[NAME_MAX + 1], text[PATH_MAX];

	if (!*path)
		return fail(ENOENT);
	if (strlen(path) >= sizeof(w.todo))
		return fail(ENAMETOOLONG);
	memcpy(w.todo, path, strlen(path) + 1);
	for (const char *p = w.todo;;) {
		size_t n = strcspn(p += strspn(p, "/"), "/");
		const char *rest = p + n;
		ssize_t len;

		if (n > NAME_MAX)
			return fail(ENAMETOOLONG);
		memcpy(name, p, n);
		name[n] = '\0';
		if (!strcmp(name, "..") && walk_up(&w) < 0)
			return -1;
		if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) {
			if (!*rest)
				return walk_last(&w, ".");
			p = rest;
			continue;
		}
		len = readlinkat(walk_dir(&w), name, text, sizeof(text));
		if (len < 0 && errno != EINVAL && errno != ENOENT)
			return -1;
		if (len > 0 && (*rest || follows_last(how))) {
			if (walk_link(&w, name, text, (size_t)len, rest) < 0)
				return -1;
			p = w.todo;
			continue;
		}
		if (!*rest)
			return walk_last(&w, name);
		if (walk_enter(&w, name) < 0)
			return -1;
		p = rest;
	}
}

/* ---- Interface ---- */

static int open_in_root(int root_fd, const char *path, uint64_t flags, mode_t mode, bool no_links)
{
	const struct walk_how how = { .flags = flags, .mode = mode, .no_links = no_links };
	uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (no_links ? RESOLVE_NO_SYMLINKS : 0U);
	int fd = ps_openat2(root_fd, path, flags, mode, resolve);

	return fd >= 0 || !kernel_cannot() ? fd : walk(root_fd, path, &how);
}

int ps_open_in_root(int root_fd, const char *path, uint64_t flags, mode_t mode)
{
	return open_in_root(root_fd, path, flags, mode, false);
}

int ps_open_in_root_nolinks(int root_fd, const char *path, uint64_t flags, mode_t mode)
{
	return open_in_root(root_fd, path, flags, mode, true);
}

/* What exists already is the common case: one call.  Else walk and create. */
static int make_in_root(int root_fd, const char *path, const struct walk_how *how)
{
	int fd = ps_open_in_root(root_fd, path, how->flags, 0);

	return fd >= 0 || errno != ENOENT ? fd : walk(root_fd, path, how);
}

int ps_mkdir_in_root(int root_fd, const char *path, mode_t mode, struct ps_err *e)
{
	const struct walk_how how = { .flags = O_PATH | O_DIRECTORY, .make_dirs = true, .dir_mode = mode };
	char dir[PATH_MAX];
	int fd = -1;

	if (ps_path_join(dir, sizeof(dir), path, ".") == 0)
		fd = make_in_root(root_fd, dir, &how);
	return fd >= 0 ? fd : ps_fail_os(e, "create directory '%s'", path);
}

int ps_mkfile_in_root(int root_fd, const char *path, mode_t mode, struct ps_err *e)
{
	const struct walk_how how = {
		.flags = O_PATH, .mode = mode, .make_dirs = true, .make_file = true, .dir_mode = DIR_MODE
	};
	int fd = make_in_root(root_fd, path, &how);

	return fd >= 0 ? fd : ps_fail_os(e, "create file '%s'", path);
}

int ps_open_parent_in_root(int root_fd, const char *path, bool mk, char *name, struct ps_err *e)
{
	size_t end = strlen(path), start;
	char parent[PATH_MAX];
	int fd;

	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/';)
		start--;
	if (end == start || !strncmp(path + start, "..", end - start))
		return ps_fail(e, PS_E_CONFIG, "path '%s' names no entry of a directory", path);
	if (end - start > NAME_MAX || start >= sizeof(parent) - 2) {
		errno = ENAMETOOLONG;
		return ps_fail_os(e, "open the parent of '%s'", path);
	}
	(void)snprintf(parent, sizeof(parent), "%.*s", start ? (int)start : 1, start ? path : "/");
	fd = mk ? ps_mkdir_in_root(root_fd, parent, DIR_MODE, e)
		: ps_open_in_root(root_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return mk ? -1 : ps_fail_os(e, "open the parent of '%s'", path);
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	return fd;
}

int ps_path_clean(const char *path, char *out, size_t size)
{
	size_t len = 0;

	for (const char *p = path; *(p += strspn(p, "/"));) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (len && out[--len] != '/')
				;
		} else if (n != 1 || p[0] != '.') {
			if (len + 1 + n >= size)
				return fail(ENAMETOOLONG);
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n;
	}
	if (!len && size >= 2)
		out[len++] = '/';
	if (len >= size || !len)
		return fail(ENAMETOOLONG);
	out[len] = '\0';
	return 0;
}

int ps_path_join(char *out, size_t size, const char *dir, const char *name)
{
	size_t len = strlen(dir);
	int n = snprintf(out, size, "%s%s%s", dir, len && dir[len - 1] == '/' ? "" : "/", name);

	return n < 0 || (size_t)n >= size ? fail(ENAMETOOLONG) : 0;
}
