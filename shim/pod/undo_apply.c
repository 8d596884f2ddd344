/* SPDX-License-Identifier: Apache-2.0
 * undo_apply.c - makes one entry of the host what a payload's layer has: by names in open directories, whole or not at all.
 */
#include "shim/pod/undo_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/undo_copy.h"

enum { RANDOM = 16 };
#define TEMPORARY ".podshim-"

/* ---- Conflicts ---- */

static bool is_newer(const struct stat *st, const struct undo_record *r)
{
	return st->st_ctim.tv_sec != r->secs ? st->st_ctim.tv_sec > r->secs : st->st_ctim.tv_nsec > (long)r->nsecs;
}

/* Of a directory's own time nothing follows: every name that comes or goes changes it. */
static bool has_newer(int at, const char *name, const struct undo_record *r, unsigned depth)
{
	int fd = ps_openat2(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	ps_auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	struct stat st;

	if (!dir || depth > UNDO_MAX_DEPTH) {
		if (!dir)
			ps_fd_close(&fd);
		return true;
	}
	while ((d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") || fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) ? has_newer(fd, d->d_name, r, depth + 1) : is_newer(&st, r))
			return true;
	}
	return false;
}

/* The layer remembers that there was a file below. */
static bool had_origin(const struct undo_step *s)
{
	ps_auto_fd int fd = -1;

	if (!S_ISREG(s->up.st_mode))
		return false;
	fd = openat(s->upper, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 && fgetxattr(fd, "user.overlay.origin", NULL, 0) >= 0;
}

const char *undo_conflict(const struct undo_step *s)
{
	if (!s->exists)
		return had_origin(s) ? "it was removed on the host since" : NULL;
	if (S_ISDIR(s->on.st_mode)) {
		if (S_ISDIR(s->up.st_mode))
			return NULL;
		return has_newer(s->host, s->host_name, s->record, 0) ? "something in it changed on the host since" : NULL;
	}
	return is_newer(&s->on, s->record) ? "it changed on the host since" : NULL;
}

/* What was looked at is what will be replaced. */
static int check_again(const struct undo_step *s, struct ps_err *e)
{
	struct stat now;
	bool exists = fstatat(s->host, s->host_name, &now, AT_SYMLINK_NOFOLLOW) == 0;

	if (s->force || (exists == s->exists &&
			 (!exists || (now.st_dev == s->on.st_dev && now.st_ino == s->on.st_ino && now.st_ctim.tv_sec == s->on.st_ctim.tv_sec &&
				      now.st_ctim.tv_nsec == s->on.st_ctim.tv_nsec))))
		return 0;
	return ps_fail(e, PS_E_STATE, "it changed on the host meanwhile");
}

/* ---- Applying ---- */

static int new_name(char out[sizeof(TEMPORARY) + RANDOM], struct ps_err *e)
{
	memcpy(out, TEMPORARY, sizeof(TEMPORARY));
	return ps_random_hex(out + sizeof(TEMPORARY) - 1, RANDOM) < 0 ? ps_fail_os(e, "make a name") : 0;
}

/* The new entry stands under a name of its own; then it takes the place of what is there, a directory perhaps. */
static int put_in_place(const struct undo_step *s, const char *temporary, struct ps_err *e)
{
	const bool replaces_dir = s->exists && S_ISDIR(s->on.st_mode);

	if (check_again(s, e) < 0)
		return -1;
	if (!replaces_dir)
		return renameat(s->host, temporary, s->host, s->host_name) < 0 ? ps_fail_os(e, "put it in its place") : 0;
	if (ps_renameat2(s->host, temporary, s->host, s->host_name, RENAME_EXCHANGE) < 0)
		return ps_fail_os(e, "put it in the place of a directory");
	return ps_remove_tree_at(s->host, temporary, e);
}

static int apply_temporary(const struct undo_step *s, const char *temporary, struct ps_err *e)
{
	struct stat st;

	if (S_ISLNK(s->up.st_mode) ? undo_copy_link(s->upper, s->name, s->host, temporary, &s->up, e) < 0
				   : undo_copy_file(s->upper, s->name, s->host, temporary, &st, e) < 0)
		return -1;
	if (put_in_place(s, temporary, e) == 0)
		return 0;
	(void)unlinkat(s->host, temporary, 0);
	return -1;
}

/* A file was granted, the directory that it is in was not: perhaps nothing may be made there. */
static int write_in_place(const struct undo_step *s, struct ps_err *e)
{
	const int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	ps_auto_fd int from = openat(s->upper, s->name, O_RDONLY | flags);
	ps_auto_fd int to = openat(s->host, s->host_name, O_RDWR | flags);
	struct stat st, at;

	if (from < 0 || to < 0 || fstat(from, &st) < 0 || fstat(to, &at) < 0)
		return ps_fail_os(e, "open it");
	if (!S_ISREG(st.st_mode) || !S_ISREG(at.st_mode) || at.st_dev != s->on.st_dev || at.st_ino != s->on.st_ino)
		return ps_fail(e, PS_E_STATE, "it changed on the host meanwhile");
	if (check_again(s, e) < 0 || ftruncate(to, 0) < 0)
		return ps_fail_os(e, "write it");
	return undo_copy_data(from, to, e) < 0 ? -1 : undo_copy_attrs(from, to, &st, e);
}

static int make_dir(const struct undo_step *s, struct ps_err *e)
{
	if (s->exists && (check_again(s, e) < 0 || unlinkat(s->host, s->host_name, 0) < 0))
		return ps_fail_os(e, "replace it by a directory");
	return mkdirat(s->host, s->host_name, 0700) < 0 ? ps_fail_os(e, "make the directory") : 0;
}

int undo_apply(const struct undo_step *s, struct ps_err *e)
{
	char temporary[sizeof(TEMPORARY) + RANDOM];

	if (S_ISDIR(s->up.st_mode))
		return s->exists && S_ISDIR(s->on.st_mode) ? 0 : make_dir(s, e);
	if (new_name(temporary, e) < 0)
		return -1;
	if (apply_temporary(s, temporary, e) == 0)
		return 0;
	if (s->in_place && s->exists && S_ISREG(s->up.st_mode) && (errno == EACCES || errno == EPERM || errno == EROFS))
		return write_in_place(s, e);
	return -1;
}

int undo_apply_dir(const struct undo_step *s, int upper_dir, int host_dir, struct ps_err *e)
{
	return undo_copy_attrs(upper_dir, host_dir, &s->up, e);
}

int undo_remove_host(const struct undo_step *s, struct ps_err *e)
{
	if (check_again(s, e) < 0)
		return -1;
	return ps_remove_tree_at(s->host, s->host_name, e);
}
