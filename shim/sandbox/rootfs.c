/* SPDX-License-Identifier: Apache-2.0
 * rootfs.c - the container's root mount: attached first, entered last.
 */
#include "shim/sandbox/rootfs.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/path.h"
#include "shim/sandbox/mount_util.h"
#include "shim/sandbox/procfs.h"
#include "shim/sandbox/store.h"

enum { CWD_MODE = 0755, MOUNTINFO_MAX = 16 * 1024 * 1024 };

/* Room for mount points and a few files; what is to be large is a mount of its own. */
static const char *const tmpfs_options[] = { "source=tmpfs", "mode=0755", "size=64m", "nr_inodes=16384" };

int rootfs_isolate(const struct sandbox *sb, struct ps_err *e)
{
	struct ps_mount_attr attr = { .propagation = MS_SLAVE };

	if (!sb->plan->has_mount_ns)
		return 0;
	if (ps_sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr) < 0)
		return ps_fail_os(e, "make the mounts of the new mount namespace slaves");
	return 0;
}

/*
 * Hooks look for the rootfs at its path in the container's mount namespace.  Where there are none, or the path can't be
 * reached from here (a user namespace below a private folder) or leads elsewhere, "/" serves as well.
 */
static int open_mount_point(const struct sandbox *sb, int tree)
{
	const struct plan *p = sb->plan;
	struct stat want, found;

	if (!p->prestart.n && !p->create_runtime.n && !p->create_container.n && !p->no_pivot)
		return -1;
	ps_auto_fd int fd = open(plan_str(p, p->rootfs), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &found) < 0 || fstat(tree, &want) < 0 || found.st_dev != want.st_dev ||
	    found.st_ino != want.st_ino)
		return -1;
	return ps_take_fd(&fd);
}

/* Made here and not by the launcher: its owner has to be the container's user namespace. */
static int make_tmpfs(struct ps_err *e)
{
	ps_auto_fd int fs = fs_open("tmpfs", e);

	for (size_t i = 0; fs >= 0 && i < PS_COUNT(tmpfs_options); i++)
		if (fs_option(fs, tmpfs_options[i], e) < 0)
			return -1;
	return fs < 0 ? -1 : fs_mount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, e);
}

/* The host's tree is only read: an overlay takes its place.  The store stays for the mounts that come. */
static int lay_over(struct sandbox *sb, int *tree, struct ps_err *e)
{
	const char *name = plan_str(sb->plan, sb->plan->rootfs_store);
	ps_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ps_auto_fd int lower = ps_take_fd(tree);
	ps_auto_fd int again = -1;

	if (root < 0)
		return ps_fail_os(e, "open '/'");
	if (store_attach(sb, root, e) < 0 || store_overlay(sb, name, lower, tree, e) < 0)
		return -1;
	again = mnt_clone(sb->fds[sb->plan->store_fd], false);
	if (again < 0)
		return ps_fail_os(e, "clone the store of what is written");
	if (store_detach(sb, e) < 0)
		return -1;
	ps_fd_close(&sb->fds[sb->plan->store_fd]);
	sb->fds[sb->plan->store_fd] = ps_take_fd(&again);
	return 0;
}

int rootfs_attach(struct sandbox *sb, struct ps_err *e)
{
	int *tree = &sb->fds[sb->plan->rootfs_fd];

	if (!sb->plan->rootfs && (*tree = make_tmpfs(e)) < 0)
		return ps_ctx(e, "root file system");
	ps_auto_fd int at = sb->plan->rootfs ? open_mount_point(sb, *tree) : -1;

	if (sb->plan->rootfs_store && lay_over(sb, tree, e) < 0)
		return ps_ctx(e, "root file system '%s'", plan_str(sb->plan, sb->plan->rootfs));
	if (at < 0 && sb->plan->no_pivot)
		return ps_fail(e, PS_E_UNSUPP, "--no-pivot: the root file system '%s' can't be mounted at its own path",
			       plan_str(sb->plan, sb->plan->rootfs));
	if (sb->plan->has_mount_ns &&
	    (at >= 0 ? ps_sys_move_mount(*tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
		     : ps_sys_move_mount(*tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH)) < 0)
		return ps_fail_os(e, "mount the root file system '%s'", plan_str(sb->plan, sb->plan->rootfs));
	sb->root_fd = ps_take_fd(tree);
	/* Now there is nothing in it but what came with it; mount points are still to be made. */
	const uint64_t attrs = sb->plan->rootfs_attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY;

	if (attrs && mnt_setattr(sb->root_fd, true, attrs, 0, 0) < 0)
		return ps_fail_os(e, "set the mount flags of the root file system");
	return 0;
}

/* "\\040" and its kin, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] && in[2] && in[3]) {
			*out = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

/* A line of mountinfo: the mount point of a proc or sysfs that is not the container's, else NULL. */
static char *foreign_proc_or_sysfs(char *line, const char *rootfs)
{
	char *type = strstr(line, " - "), *point = line;
	size_t n = strlen(rootfs);

	if (!type || (strncmp(type + 3, "proc ", 5) != 0 && strncmp(type + 3, "sysfs ", 6) != 0))
		return NULL;
	for (int skip = 0; skip < 4; skip++)
		if (!(point = strchr(point, ' ')) || !*++point)
			return NULL;
	point[strcspn(point, " ")] = '\0';
	unescape(point);
	return strncmp(point, rootfs, n) == 0 && (point[n] == '/' || !point[n]) ? NULL : point;
}

/*
 * Under chroot(2) the old root stays mounted below: a proc or sysfs anywhere in it would let a user namespace mount
 * unmasked ones (mount_too_revealing).  The container's own tree is at its path, see open_mount_point.
 */
static int drop_old_procs(const struct sandbox *sb, struct ps_err *e)
{
	const char *rootfs = plan_str(sb->plan, sb->plan->rootfs);

	for (bool again = true; again;) {
		ps_auto_fd int fd = procfs_open_at(sb, "self/mountinfo", O_RDONLY);
		ps_auto_buf struct ps_buf text = { .data = NULL };
		char *rest, *line, *point;

		again = false;
		if (fd < 0)
			return ps_fail_os(e, "--no-pivot: open mountinfo");
		if (ps_read_fd(fd, "mountinfo", MOUNTINFO_MAX, &text, e) < 0)
			return -1;
		rest = text.data;
		while ((line = strsep(&rest, "\n")))
			if ((point = foreign_proc_or_sysfs(line, rootfs))) {
				if (umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
					return ps_fail(e, PS_E_UNSUPP,
						       "--no-pivot: the host's '%s' can't be detached (errno %d), perhaps something is mounted over it",
						       point, errno);
				again = true;
				break; /* what was mounted in it is gone, too */
			}
	}
	return 0;
}

/* Whoever climbs out of the chroot arrives at the same root again. */
static int cover_old_root(const struct sandbox *sb, struct ps_err *e)
{
	if (drop_old_procs(sb, e) < 0)
		return -1;
	if (ps_sys_move_mount(sb->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return ps_fail_os(e, "--no-pivot: move the root file system over the old root");
	return 0;
}

int rootfs_enter(struct sandbox *sb, struct ps_err *e)
{
	const char *path = plan_str(sb->plan, sb->plan->rootfs);
	bool pivot = sb->plan->has_mount_ns && !sb->plan->no_pivot;

	if (sb->plan->has_mount_ns && !pivot && cover_old_root(sb, e) < 0)
		return -1;
	if (fchdir(sb->root_fd) < 0)
		return ps_fail_os(e, "chdir to the root file system '%s'", path);
	if (!pivot && chroot(".") < 0)
		return ps_fail_os(e, "chroot to '%s'", path);
	/* The old root ends up on top of the new one (pivot_root(2)): "." is then it, and goes with all that is in it. */
	if (pivot && ps_sys_pivot_root(".", ".") < 0)
		return ps_fail_os(e, "pivot_root to '%s'", path);
	if (pivot && umount2(".", MNT_DETACH) < 0)
		return ps_fail_os(e, "unmount the host's root");
	return chdir("/") < 0 ? ps_fail_os(e, "chdir to the new root") : 0;
}

/* While still privileged and the root writable.  What root may not even look at, the payload's user perhaps may. */
static int make_cwd(const struct sandbox *sb, struct ps_err *e)
{
	ps_auto_fd int fd = ps_mkdir_in_root(sb->root_fd, plan_str(sb->plan, sb->plan->cwd), CWD_MODE, e);

	if (fd >= 0 || errno == EACCES)
		return 0;
	ps_ctx(e, "working directory");
	return ps_at_from(e, plan_str(sb->plan, sb->plan->cwd_from), "");
}

int rootfs_finish(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	if (p->has_process && make_cwd(sb, e) < 0)
		return -1;
	if (p->has_mount_ns && mnt_propagate(sb->root_fd, p->rootfs_propagation) < 0)
		return ps_fail_os(e, "set the propagation of the root file system");
	if (mnt_root_is_readonly(p) && mnt_setattr(sb->root_fd, false, MOUNT_ATTR_RDONLY, 0, 0) < 0)
		return ps_fail_os(e, "make the root file system read-only");
	return 0;
}

/* The raw call: a C library hides what lies outside as ENOENT, or searches for it itself. */
static int check_inside(struct ps_err *e)
{
	char cwd[PATH_MAX];

	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
		return ps_fail_os(e, "find out the current working directory");
	if (cwd[0] != '/')
		return ps_fail(e, PS_E_DENIED, "current working directory is outside of container mount namespace root -- "
			       "possible container breakout detected");
	return 0;
}

int rootfs_chdir(const struct sandbox *sb, bool make, struct ps_err *e)
{
	const char *path = plan_str(sb->plan, sb->plan->cwd);
	ps_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ps_auto_fd int dir = -1;

	if (root < 0)
		return ps_fail_os(e, "open the container's root");
	dir = make ? ps_mkdir_in_root(root, path, CWD_MODE, NULL) : ps_open_in_root(root, path, O_PATH | O_DIRECTORY, 0);
	if (dir < 0 && errno == EROFS)
		errno = ENOENT; /* it cannot be made: that it is not there is what the user can change */
	if (dir < 0 || fchdir(dir) < 0) {
		(void)ps_fail_os(e, "chdir to cwd (\"%s\") failed", path);
		return ps_at_from(e, plan_str(sb->plan, sb->plan->cwd_from), "");
	}
	return check_inside(e);
}
