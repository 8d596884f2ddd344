/* SPDX-License-Identifier: Apache-2.0
 * devices.c - device nodes and the usual links of /dev, made at an fd of the container's /dev.
 */
#include "shim/sandbox/devices.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/path.h"
#include "shim/sandbox/mount_util.h"

enum { FILE_MODE = 0644 };

/* Where an entry of /dev (or, unusually, of elsewhere) is made. */
struct place {
	int dir_fd; /* borrowed: owned_fd or the fd of /dev */
	int owned_fd;
	char name[NAME_MAX + 1];
};
#define PLACE_INIT { .dir_fd = -1, .owned_fd = -1 }

static void place_done(struct place *p)
{
	ps_fd_close(&p->owned_fd);
}

static int find_place(const struct sandbox *sb, int dev_fd, const char *path, struct place *ret, struct ps_err *e)
{
	char clean[PATH_MAX];
	bool in_dev;

	if (ps_path_clean(path, clean, sizeof(clean)) < 0)
		return ps_fail_os(e, "path '%s'", path);
	in_dev = !strncmp(clean, "/dev/", 5);
	if (in_dev && !strchr(clean + 5, '/') && strlen(clean + 5) <= NAME_MAX) {
		memcpy(ret->name, clean + 5, strlen(clean + 5) + 1);
		ret->dir_fd = dev_fd;
		return 0;
	}
	ret->owned_fd = ps_open_parent_in_root(in_dev ? dev_fd : sb->root_fd, in_dev ? clean + 5 : clean, true, ret->name, e);
	ret->dir_fd = ret->owned_fd;
	return ret->owned_fd < 0 ? -1 : 0;
}

static bool is_device(const struct plan_device *d, const struct stat *st)
{
	return (st->st_mode & S_IFMT) == d->type && (d->type == S_IFIFO || st->st_rdev == makedev(d->major, d->minor));
}

/* The entry itself, whatever it is; *ret_is_it tells whether it is the device. */
static int open_entry(const struct plan_device *d, const struct place *at, bool *ret_is_it, struct stat *ret_st,
		      struct ps_err *e)
{
	ps_auto_fd int fd = openat(at->dir_fd, at->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return ps_fail_os(e, "open what is there");
	*ret_is_it = is_device(d, ret_st);
	return ps_take_fd(&fd);
}

static int fail_other(const struct plan_device *d, struct ps_err *e)
{
	if (d->type == S_IFIFO)
		return ps_fail(e, PS_E_EXISTS, "something else than a fifo is there already");
	return ps_fail(e, PS_E_EXISTS, "something else than the %s device %u:%u is there already",
		       d->type == S_IFBLK ? "block" : "character", d->major, d->minor);
}

static int make_node(const struct plan_device *d, const struct place *at, struct ps_err *e)
{
	bool made = mknodat(at->dir_fd, at->name, d->type | d->mode, makedev(d->major, d->minor)) == 0, is_it;
	ps_auto_fd int fd = -1;
	struct stat st;

	if (!made && errno != EEXIST)
		return ps_fail_os(e, "mknod");
	if (made && !d->uid && !d->gid)
		return 0;
	fd = open_entry(d, at, &is_it, &st, e);
	if (fd < 0)
		return -1;
	if (!is_it)
		return fail_other(d, e);
	if (made && fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return ps_fail_os(e, "give it to %u:%u", d->uid, d->gid);
	return 0;
}

/* A user namespace may not mknod(2): the host's node is bound over an empty file. */
static int bind_node(struct sandbox *sb, const struct plan_device *d, const struct place *at, struct ps_err *e)
{
	ps_auto_fd int tree = ps_take_fd(&sb->fds[d->fd]);
	ps_auto_fd int file = openat(at->dir_fd, at->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	ps_auto_fd int target = -1;
	struct stat st;
	bool is_it;

	if (file < 0 && errno != EEXIST)
		return ps_fail_os(e, "create a file to bind it over");
	target = open_entry(d, at, &is_it, &st, e);
	if (target < 0)
		return -1;
	if (is_it)
		return 0;
	if (!S_ISREG(st.st_mode))
		return fail_other(d, e);
	return mnt_attach(tree, target) < 0 ? ps_fail_os(e, "bind the host's node") : 0;
}

static int make_device(struct sandbox *sb, int dev_fd, const struct plan_device *d, struct ps_err *e)
{
	ps_auto(place_done) struct place at = PLACE_INIT;

	if (find_place(sb, dev_fd, plan_str(sb->plan, d->path), &at, e) < 0)
		return -1;
	return d->fd == PLAN_NO_FD ? make_node(d, &at, e) : bind_node(sb, d, &at, e);
}

static int make_link(const struct sandbox *sb, int dev_fd, const struct plan_link *l, struct ps_err *e)
{
	ps_auto(place_done) struct place at = PLACE_INIT;

	if (find_place(sb, dev_fd, plan_str(sb->plan, l->path), &at, e) < 0)
		return -1;
	if (symlinkat(plan_str(sb->plan, l->target), at.dir_fd, at.name) < 0 && errno != EEXIST)
		return ps_fail_os(e, "symlink");
	return 0;
}

int devices_apply(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	ps_auto_fd int dev = p->devices.n || p->links.n ? mnt_open_top(sb, SANDBOX_DEV, true, e) : -1;

	if (dev < 0)
		return p->devices.n || p->links.n ? -1 : 0;
	for (PLAN_EACH(p, struct plan_device, d, p->devices)) {
		if (make_device(sb, dev, d, e) == 0)
			continue;
		ps_ctx(e, "device '%s'", plan_str(p, d->path));
		return ps_at_from(e, plan_str(p, d->from), "");
	}
	for (PLAN_EACH(p, struct plan_link, l, p->links)) {
		if (make_link(sb, dev, l, e) == 0)
			continue;
		ps_ctx(e, "link '%s' to '%s'", plan_str(p, l->path), plan_str(p, l->target));
		return ps_at_from(e, plan_str(p, l->from), "");
	}
	return 0;
}
