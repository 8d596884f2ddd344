/* SPDX-License-Identifier: Apache-2.0
 * staging.c - locks the flags of host trees for a container in a user namespace.
 */
#include "shim/sandbox/staging.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "shim/sandbox/mount_util.h"

static bool is_tree(const struct plan_fd *f)
{
	return f->kind == PLAN_FD_ROOTFS || f->kind == PLAN_FD_BIND || f->kind == PLAN_FD_DEVICE || f->kind == PLAN_FD_STORE;
}

/* Only read: nothing of it is mounted. */
static bool is_link(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

/* An entry of the type of what will be mounted on it. */
static int make_entry(int dir_fd, const char *name, int tree)
{
	struct stat st;

	if (fstat(tree, &st) < 0)
		return -1;
	return S_ISDIR(st.st_mode) ? mkdirat(dir_fd, name, 0700) : mknodat(dir_fd, name, S_IFREG | 0600, 0);
}

/*
 * Where the stage stands in the private namespace until the old root goes.  Not "/": a process below a mount over "/" counts
 * as chrooted, and may make no user namespace.  Not in /proc or /sys: a covered one forbids new ones (mount_too_revealing).
 */
static int open_place(const struct sandbox *sb, struct ps_err *e)
{
	static const char *const unused[] = { "/mnt", "/media", "/srv", "/boot" };
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < PS_COUNT(unused); i++)
		fd = open(unused[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = open(sb->plan->rootfs ? plan_str(sb->plan, sb->plan->rootfs) : "/tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? ps_fail_os(e, "staging: find a folder to mount on") : fd;
}

static int make_stage(const struct sandbox *sb, struct ps_err *e)
{
	struct ps_mount_attr slave = { .propagation = MS_SLAVE };

	if (unshare(CLONE_NEWNS) < 0)
		return ps_fail_os(e, "staging: make a mount namespace");
	if (ps_sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave) < 0)
		return ps_fail_os(e, "staging: make the mounts slaves");
	ps_auto_fd int fs = fs_open("tmpfs", e);
	ps_auto_fd int mnt = fs < 0 ? -1 : fs_mount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
	if (mnt < 0)
		return -1;
	/* Opened in the new namespace: an fd from before means the host's. */
	ps_auto_fd int place = open_place(sb, e);
	if (place < 0)
		return -1;
	if (mnt_attach(mnt, place) < 0)
		return ps_fail_os(e, "staging: mount the tmpfs");
	return ps_take_fd(&mnt);
}

int staging_put(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	ps_auto_fd int stage = make_stage(sb, e);
	char name[16];

	if (stage < 0)
		return -1;
	for (uint32_t i = 0; i < p->fds.n; i++) {
		const struct plan_fd *f = &PLAN_ROWS(p, struct plan_fd, p->fds)[i];

		if (!is_tree(f) || sb->fds[i] < 0 || is_link(sb->fds[i]))
			continue;
		(void)snprintf(name, sizeof(name), "%u", i);
		if (make_entry(stage, name, sb->fds[i]) < 0 || mnt_attach_at(sb->fds[i], stage, name) < 0)
			return ps_fail_os(e, "staging: mount '%s'", plan_str(p, f->path));
		ps_fd_close(&sb->fds[i]);
	}
	/* The cwd is what the kernel carries over into a copy of the namespace. */
	return fchdir(stage) < 0 ? ps_fail_os(e, "staging: chdir") : 0;
}

int staging_take(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	char name[16];

	for (uint32_t i = 0; i < p->fds.n; i++) {
		const struct plan_fd *f = &PLAN_ROWS(p, struct plan_fd, p->fds)[i];

		/* What was not put: a link, or a root file system that is yet to be made. */
		if (!is_tree(f) || sb->fds[i] >= 0 || (f->kind == PLAN_FD_ROOTFS && !f->path))
			continue;
		(void)snprintf(name, sizeof(name), "%u", i);
		sb->fds[i] = ps_sys_open_tree(AT_FDCWD, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (sb->fds[i] < 0)
			return ps_fail_os(e, "staging: take '%s'", plan_str(p, f->path));
	}
	return 0;
}
