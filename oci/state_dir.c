/* SPDX-License-Identifier: Apache-2.0
 * state_dir.c - ROOT and ROOT/ID: reserve, open, lock, read, write, remove.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "oci/names.h"
#include "oci/spec.h"
#include "oci/state_file.h"

enum { TMP_DIGITS = 12, TEXT_ROOM = 4096, ROOT_WAIT_MS = 5000 /* a sweep removes a few small folders */ };

void state_dir_done(struct state_dir *d)
{
	ps_fd_close(&d->lock_fd);
	ps_fd_close(&d->dir_fd);
	ps_fd_close(&d->root_fd);
}

/* ---- ROOT ---- */

/* Whoever makes it first has it: state_root_open() looks at the owner. */
static int root_in_tmp(const char *name, char *out, size_t size, struct ps_err *e)
{
	int n = snprintf(out, size, "/tmp/%s-%u", name, geteuid());

	return n >= 0 && (size_t)n < size ? 0 : ps_fail(e, PS_E_USAGE, "the state folder's path '/tmp/%s-%u' is too long", name, geteuid());
}

/* Root of a user namespace that an ordinary user made, as rootless engines do: /run is the host's root's. */
static bool is_users_root(void)
{
	ps_auto_buf struct ps_buf map = { .data = NULL };
	unsigned inside, outside;

	return geteuid() == 0 && ps_read_file_at(AT_FDCWD, "/proc/self/uid_map", 65536, &map, NULL) == 0 && !map.failed && map.len &&
	       sscanf(map.data, "%u %u", &inside, &outside) == 2 && inside == 0 && outside != 0;
}

int state_root_default(const char *name, char *out, size_t size, struct ps_err *e)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	int n;

	if (geteuid() == 0 && !(dir && *dir && is_users_root())) {
		dir = "/run";
	} else {
		if (!dir || !*dir)
			return root_in_tmp(name, out, size, e);
		if (dir[0] != '/')
			return ps_fail(e, PS_E_USAGE, "XDG_RUNTIME_DIR '%s' is not an absolute path", dir);
	}
	n = snprintf(out, size, "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= size)
		return ps_fail(e, PS_E_USAGE, "the state folder's path '%s/%s' is too long", dir, name);
	return 0;
}

/* Without trailing slashes: O_NOFOLLOW does not see a link behind one. */
static int clean_root(const char *root, char out[PATH_MAX], struct ps_err *e)
{
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/')
		len--;
	if (!len || (len == 1 && root[0] == '/'))
		return ps_fail(e, PS_E_USAGE, "'%s' cannot be the state folder", root);
	if (len >= PATH_MAX)
		return ps_fail(e, PS_E_USAGE, "the state folder's path is too long");
	memcpy(out, root, len);
	out[len] = '\0';
	return 0;
}

/* mkdir -p; parents 0755, the folder itself 0700. */
static int make_root(char *path, struct ps_err *e)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		int r;

		*p = '\0';
		r = mkdir(path, 0755);
		if (r < 0 && errno != EEXIST)
			return ps_fail_os(e, "create '%s' for the state folder", path);
		*p = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return ps_fail_os(e, "create state folder '%s'", path);
	return 0;
}

int state_root_open(const char *root, bool make, int *ret_fd, struct ps_err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	ps_auto_fd int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	if (clean_root(root, path, e) < 0)
		return -1;
	fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && make) {
		if (make_root(path, e) < 0)
			return -1;
		fd = open(path, flags);
	}
	if (fd < 0 && errno == ENOENT)
		return ps_fail(e, PS_E_NOTFOUND, "state folder '%s' does not exist", path);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return ps_fail(e, PS_E_DENIED, "state folder '%s' is not a directory, or a symbolic link", path);
	if (fd < 0)
		return ps_fail_os(e, "open state folder '%s'", path);
	if (fstat(fd, &st) < 0)
		return ps_fail_os(e, "look at state folder '%s'", path);
	if (st.st_uid != geteuid())
		return ps_fail(e, PS_E_DENIED, "state folder '%s' belongs to uid %u, not %u", path, st.st_uid,
			       geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return ps_fail(e, PS_E_DENIED, "state folder '%s' can be written by others (mode %04o)", path,
			       st.st_mode & 07777);
	*ret_fd = ps_take_fd(&fd);
	return 0;
}

/* flock(2) has no time-out of its own.  0, 1 timed out, -1 errno. */
static int flock_within(int fd, int op, int timeout_ms)
{
	const int64_t deadline = (int64_t)(ps_clock_ns(CLOCK_MONOTONIC) / 1000) + (int64_t)timeout_ms * 1000;
	int64_t pause = 100, left;

	while (flock(fd, op | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		left = deadline - (int64_t)(ps_clock_ns(CLOCK_MONOTONIC) / 1000);
		if (left <= 0)
			return 1;
		pause = pause < 10000 ? pause * 2 : 10000;
		if (pause > left)
			pause = left;
		(void)nanosleep(&(struct timespec){ .tv_nsec = pause * 1000 }, NULL);
	}
	return 0;
}

int state_root_lock(int root_fd, int op, int timeout_ms, struct ps_err *e)
{
	ps_auto_fd int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : flock_within(fd, op, timeout_ms);

	if (r < 0)
		return ps_fail_os(e, "lock the state folder");
	if (r > 0)
		return ps_fail(e, PS_E_STATE, "the state folder is being swept by another podshim");
	return ps_take_fd(&fd);
}

/* ---- ROOT/ID ---- */

bool state_id_ok(const char *id)
{
	return container_id_valid(id) && id[0] != '.' && strlen(id) <= NAME_MAX;
}

static int check_id(const char *id, struct ps_err *e)
{
	return state_id_ok(id) ? 0 : ps_fail(e, PS_E_USAGE, "invalid container ID format: '%s'", id);
}

static int no_container(const char *id, struct ps_err *e)
{
	return ps_fail(e, PS_E_NOTFOUND, "container does not exist: '%s'", id);
}

int state_tmp_name(const char *prefix, char out[STATE_TMP_MAX], struct ps_err *e)
{
	char digits[TMP_DIGITS + 1];

	if (ps_random_hex(digits, TMP_DIGITS) < 0)
		return ps_fail_os(e, "make a temporary name in the state folder");
	(void)snprintf(out, STATE_TMP_MAX, "%s%s", prefix, digits);
	return 0;
}

/* -1 with errno. */
static int write_new(int dir_fd, const char *name, const void *data, size_t n)
{
	ps_auto_fd int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	int saved;

	if (fd < 0)
		return -1;
	if (ps_write_all(fd, data, n) == 0)
		return 0;
	saved = errno;
	(void)unlinkat(dir_fd, name, 0);
	errno = saved;
	return -1;
}

/* Fill ROOT/tmp and rename it to ROOT/ID.  -1 with errno. */
static int build(int root_fd, const char *tmp, const struct ps_buf *text, struct state_dir *d)
{
	if (mkdirat(root_fd, tmp, 0700) < 0)
		return -1;
	d->dir_fd = openat(root_fd, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->dir_fd < 0)
		return -1;
	d->lock_fd = openat(d->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0 ||
	    write_new(d->dir_fd, STATE_FILE, text->data, text->len) < 0)
		return -1;
	if (ps_renameat2(root_fd, tmp, root_fd, d->id, RENAME_NOREPLACE) == 0)
		return 0;
	/* A file system without RENAME_NOREPLACE: a container's folder is never empty, so none is replaced either. */
	return errno == EINVAL ? renameat(root_fd, tmp, root_fd, d->id) : -1;
}

int state_reserve(const char *root, const struct state *st, struct state_dir *ret, struct ps_err *e)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	char room[TEXT_ROOM];
	ps_auto_buf struct ps_buf text = ps_buf_lent(room, sizeof(room));
	ps_auto_fd int lock_fd = -1;
	char tmp[STATE_TMP_MAX];

	if (check_id(st->id, e) < 0)
		return -1;
	if (st->status != STATE_CREATING)
		return ps_fail(e, PS_E_BUG, "container '%s' is reserved as %s", st->id, state_status_name(st->status));
	state_format(&text, st);
	if (text.failed) {
		errno = ENOMEM;
		return ps_fail_os(e, "reserve container '%s'", st->id);
	}
	if (state_root_open(root, true, &d.root_fd, e) < 0)
		return -1;
	lock_fd = state_root_lock(d.root_fd, LOCK_SH, ROOT_WAIT_MS, e);
	if (lock_fd < 0 || state_tmp_name(STATE_NEW, tmp, e) < 0)
		return ps_ctx(e, "reserve container '%s' in '%s'", st->id, root);
	memcpy(d.id, st->id, strlen(st->id) + 1);
	if (build(d.root_fd, tmp, &text, &d) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY)
			(void)ps_fail(e, PS_E_EXISTS,
				      "container with given ID already exists: '%s' in '%s'; delete it first, or take "
				      "another id",
				      st->id, root);
		else
			(void)ps_fail_os(e, "reserve container '%s' in '%s'", st->id, root);
		(void)ps_remove_tree_at(d.root_fd, tmp, NULL);
		return -1;
	}
	*ret = d;
	d = (struct state_dir)STATE_DIR_NONE;
	return 0;
}

int state_open(const char *root, const char *id, struct state_dir *ret, struct ps_err *e)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err cause = { .cls = PS_OK };

	if (check_id(id, e) < 0)
		return -1;
	if (state_root_open(root, false, &d.root_fd, &cause) < 0) {
		if (cause.cls == PS_E_NOTFOUND)
			return no_container(id, e);
		if (e)
			*e = cause;
		return -1;
	}
	d.dir_fd = openat(d.root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d.dir_fd < 0 && errno == ENOENT)
		return no_container(id, e);
	if (d.dir_fd < 0)
		return ps_fail_os(e, "open the state of container '%s'", id);
	memcpy(d.id, id, strlen(id) + 1);
	*ret = d;
	d = (struct state_dir)STATE_DIR_NONE;
	return 0;
}

/* The folder may have been deleted, and made anew, while we waited. */
static bool still_there(const struct state_dir *d)
{
	struct stat ours, now;

	return fstat(d->dir_fd, &ours) == 0 && fstatat(d->root_fd, d->id, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
}

int state_lock(struct state_dir *d, int timeout_ms, struct ps_err *e)
{
	ps_auto_fd int fd = -1;
	int r;

	if (d->lock_fd >= 0)
		return 0;
	fd = openat(d->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return no_container(d->id, e);
	if (fd < 0)
		return ps_fail_os(e, "open the lock of container '%s'", d->id);
	r = flock_within(fd, LOCK_EX, timeout_ms);
	if (r < 0)
		return ps_fail_os(e, "lock container '%s'", d->id);
	if (r > 0)
		return ps_fail(e, PS_E_STATE, "container '%s' is locked by another podshim", d->id);
	if (!still_there(d))
		return no_container(d->id, e);
	d->lock_fd = ps_take_fd(&fd);
	return 0;
}

/* ---- Files of the folder ---- */

int state_get(const struct state_dir *d, const char *name, struct ps_buf *out, struct ps_err *e)
{
	struct stat st;

	if (strchr(name, '/'))
		return ps_fail(e, PS_E_BUG, "'%s' is not a file name", name);
	if (fstatat(d->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return still_there(d) ? ps_fail(e, PS_E_NOTFOUND, "container '%s' has no '%s'", d->id, name) :
					no_container(d->id, e);
	if (ps_read_file_at(d->dir_fd, name, SPEC_MAX_BYTES, out, e) < 0)
		return ps_ctx(e, "container '%s'", d->id);
	return 0;
}

/*
 * -1 with errno.  ext4 writes a file out when it replaces another by rename (auto_da_alloc): 0.1 to 2 ms for what need
 * not survive a reboot.  An exchange is as atomic and does without.
 */
static int replace(int dir_fd, const char *tmp, const char *name)
{
	if (ps_renameat2(dir_fd, tmp, dir_fd, name, RENAME_EXCHANGE) == 0)
		return unlinkat(dir_fd, tmp, 0);
	return errno == ENOENT || errno == EINVAL ? renameat(dir_fd, tmp, dir_fd, name) : -1;
}

int state_put(const struct state_dir *d, const char *name, const void *data, size_t n, struct ps_err *e)
{
	char tmp[STATE_TMP_MAX];

	if (!*name || strchr(name, '/'))
		return ps_fail(e, PS_E_BUG, "'%s' is not a file name", name);
	/* A name that is new can be half there only while the id is reserved; then nobody reads it, and a sweep takes it. */
	if (write_new(d->dir_fd, name, data, n) == 0)
		return 0;
	if (errno != EEXIST)
		return ps_fail_os(e, "store '%s' of container '%s'", name, d->id);
	if (state_tmp_name(".", tmp, e) < 0)
		return -1;
	if (write_new(d->dir_fd, tmp, data, n) < 0 || replace(d->dir_fd, tmp, name) < 0) {
		(void)ps_fail_os(e, "store '%s' of container '%s'", name, d->id);
		(void)unlinkat(d->dir_fd, tmp, 0);
		return -1;
	}
	return 0;
}

int state_read(const struct state_dir *d, struct state *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	ps_auto_mem struct state *st = malloc(sizeof(*st));

	if (!st)
		return ps_fail_os(e, "read the state of container '%s'", d->id);
	if (state_get(d, STATE_FILE, &text, e) < 0)
		return -1;
	if (state_parse(text.data ? text.data : "", text.len, st, e) < 0)
		return ps_ctx(e, "state of container '%s'", d->id);
	if (strcmp(st->id, d->id) != 0)
		return ps_fail(e, PS_E_CONFIG, "state of container '%s' says that it is '%s'", d->id, st->id);
	*ret = *st;
	return 0;
}

int state_write(const struct state_dir *d, const struct state *st, struct ps_err *e)
{
	char room[TEXT_ROOM];
	ps_auto_buf struct ps_buf text = ps_buf_lent(room, sizeof(room));

	if (st->status == STATE_STOPPED || strcmp(st->id, d->id) != 0)
		return ps_fail(e, PS_E_BUG, "state %s of '%s' stored for container '%s'", state_status_name(st->status),
			       st->id, d->id);
	state_format(&text, st);
	if (text.failed) {
		errno = ENOMEM;
		return ps_fail_os(e, "store the state of container '%s'", d->id);
	}
	return state_put(d, STATE_FILE, text.data, text.len, e);
}

/* What is usually there, by name: then the folder is empty, and nothing has to be listed. */
static int remove_usual_files(const struct state_dir *d)
{
	static const char *const names[] = { STATE_FILE, "config.json", "permissions.json" };

	for (size_t i = 0; i < PS_COUNT(names); i++)
		if (unlinkat(d->dir_fd, names[i], 0) < 0 && errno != ENOENT && errno != EISDIR && errno != EPERM)
			return -1;
	return 0;
}

int state_remove(struct state_dir *d, struct ps_err *e)
{
	ps_auto_fd int lock_fd = state_root_lock(d->root_fd, LOCK_SH, ROOT_WAIT_MS, e);
	char tmp[STATE_TMP_MAX];

	if (lock_fd < 0 || state_tmp_name(STATE_DEL, tmp, e) < 0)
		return ps_ctx(e, "remove the state of container '%s'", d->id);
	if (still_there(d)) {
		if (renameat(d->root_fd, d->id, d->root_fd, tmp) < 0 || remove_usual_files(d) < 0)
			return ps_fail_os(e, "remove the state of container '%s'", d->id);
		if (ps_remove_tree_at(d->root_fd, tmp, e) < 0)
			return ps_ctx(e, "remove the state of container '%s'", d->id);
	}
	state_dir_done(d);
	return 0;
}
