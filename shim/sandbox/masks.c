/* SPDX-License-Identifier: Apache-2.0
 * masks.c - masked and read-only paths.
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "shim/sandbox/mount_util.h"
#include "shim/sandbox/mounts.h"

/*
 * What is masked reads as if it were empty; what is denied cannot be opened: a device node fails with EACCES on a nodev
 * mount whoever asks, a directory without any mode bit but for CAP_DAC_OVERRIDE, which finds it empty.
 */

/* One mount that covers many paths: itself the first, clones the others (only an attached mount clones before 6.15). */
struct cover {
	int mnt_fd;
	bool attached, nodev;
};

static int cover(struct cover *c, bool nodev, int target_fd, struct ps_err *e)
{
	ps_auto_fd int clone = c->attached ? mnt_clone(c->mnt_fd, false) : -1;
	const int fd = c->attached ? clone : c->mnt_fd;

	if (fd < 0)
		return ps_fail_os(e, "clone the mount that masks");
	if (nodev != c->nodev && mnt_setattr(fd, false, nodev ? MOUNT_ATTR_NODEV : 0U, nodev ? 0U : MOUNT_ATTR_NODEV, 0) < 0)
		return ps_fail_os(e, "change the mount that masks");
	if (!c->attached)
		c->nodev = nodev;
	if (mnt_attach(fd, target_fd) < 0)
		return ps_fail_os(e, "attach");
	c->attached = true;
	return 0;
}

/* Its inode is the host's: read-only, so that nobody changes mode or owner of it. */
static int null_device(struct sandbox *sb, struct ps_err *e)
{
	const uint64_t attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	ps_auto_fd int fd = sb->plan->null_fd == PLAN_NO_FD ? -1 : ps_take_fd(&sb->fds[sb->plan->null_fd]);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return ps_fail(e, PS_E_BUG, "the plan's null device is none");
	if (mnt_setattr(fd, false, attrs, 0, 0) < 0)
		return ps_fail_os(e, "make the mount of the null device read-only");
	return ps_take_fd(&fd);
}

static int empty_dir(bool denied, struct ps_err *e)
{
	ps_auto_fd int fs = fs_open("tmpfs", e);

	if (fs < 0 || fs_option(fs, "ro", e) < 0 || (denied && fs_option(fs, "mode=0", e) < 0))
		return -1;
	return fs_mount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
}

struct covers {
	struct cover null, dir, denied_dir;
};

static void covers_done(struct covers *c)
{
	ps_fd_close(&c->null.mnt_fd);
	ps_fd_close(&c->dir.mnt_fd);
	ps_fd_close(&c->denied_dir.mnt_fd);
}

static int mask(struct sandbox *sb, struct covers *c, const struct plan_path *row, struct ps_err *e)
{
	const bool denied = row->flags & PLAN_DENIED;
	ps_auto_fd int target = -1;
	struct cover *with;
	struct stat st;
	int rc = mnt_find_object(sb, plan_str(sb->plan, row->path), row->object, &target, e);

	if (rc != 0)
		return rc > 0 ? 0 : -1;
	if (fstat(target, &st) < 0)
		return ps_fail_os(e, "look at it");
	with = !S_ISDIR(st.st_mode) ? &c->null : denied ? &c->denied_dir : &c->dir;
	if (with->mnt_fd < 0)
		with->mnt_fd = with == &c->null ? null_device(sb, e) : empty_dir(denied, e);
	return with->mnt_fd < 0 ? -1 : cover(with, with == &c->null ? denied : with->nodev, target, e);
}

static int fail_row(const struct plan *p, const struct plan_path *row, const char *what, struct ps_err *e)
{
	ps_ctx(e, "%s '%s'", what, plan_str(p, row->path));
	return ps_at_from(e, plan_str(p, row->from), "");
}

int masks_apply(struct sandbox *sb, struct ps_err *e)
{
	ps_auto(covers_done) struct covers c = { { .mnt_fd = -1 }, { .mnt_fd = -1 }, { .mnt_fd = -1 } };
	const struct plan *p = sb->plan;

	if ((p->masked.n || p->readonly.n) && !p->has_mount_ns)
		return ps_fail(e, PS_E_CONFIG, "masked and read-only paths need a mount namespace of the container's own");
	for (PLAN_EACH(p, struct plan_path, row, p->masked))
		if (mask(sb, &c, row, e) < 0)
			return fail_row(p, row, "mask", e);
	for (PLAN_EACH(p, struct plan_path, row, p->readonly))
		if (mnt_rebind(sb, plan_str(p, row->path), row->object, true, MOUNT_ATTR_RDONLY, 0, e) < 0)
			return fail_row(p, row, "make read-only", e);
	return 0;
}
