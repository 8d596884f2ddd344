/* SPDX-License-Identifier: Apache-2.0
 * rebinds.c - paths bound onto themselves, so that they have flags of their own: what may be executed or written.
 */
#include "shim/sandbox/mount_util.h"
#include "shim/sandbox/mounts.h"

/* The mount of the root file system gets its last flag after us: what is cloned from it would lack it. */
static bool becomes_readonly(const struct sandbox *sb, int fd)
{
	uint64_t own, root;

	if (!mnt_root_is_readonly(sb->plan))
		return false;
	return ps_sys_mount_id(fd, &own) < 0 || ps_sys_mount_id(sb->root_fd, &root) < 0 || own == root;
}

/* What is looked up below /dev, /proc and /sys is looked up in what is on top there (takes *tree). */
static void keep_top(struct sandbox *sb, const char *path, int *tree)
{
	struct mnt_path at;
	int top = mnt_path(sb, path, &at, NULL) == 0 ? mnt_top_of(at.clean) : -1;

	if (top < 0 || sb->top_fd[top] < 0)
		return;
	ps_fd_close(&sb->top_fd[top]);
	sb->top_fd[top] = ps_take_fd(tree);
}

int mnt_rebind(struct sandbox *sb, const char *path, struct ps_object object, bool recursive, uint64_t set, uint64_t clr,
	       struct ps_err *e)
{
	ps_auto_fd int target = -1;
	ps_auto_fd int tree = -1;
	int rc = mnt_find_object(sb, path, object, &target, e);

	if (rc != 0)
		return rc;
	tree = mnt_clone(target, recursive);
	if (tree < 0)
		return ps_fail_os(e, "clone");
	/* What is mounted below keeps what it was denied: flags are taken from the top alone. */
	if ((recursive && set && mnt_setattr(tree, true, set, 0, 0) < 0) ||
	    ((!recursive || clr) && mnt_setattr(tree, false, set, clr, 0) < 0))
		return mnt_fail_setattr(tree, set, clr, e);
	if (!((set | clr) & MOUNT_ATTR_RDONLY) && becomes_readonly(sb, target) &&
	    mnt_setattr(tree, false, MOUNT_ATTR_RDONLY, 0, 0) < 0)
		return ps_fail_os(e, "make it read-only with the root file system");
	if (mnt_attach(tree, target) < 0)
		return ps_fail_os(e, "attach");
	keep_top(sb, path, &tree);
	return 0;
}

static int apply(struct sandbox *sb, const struct plan_rebind *r, struct ps_err *e)
{
	int rc = mnt_rebind(sb, plan_str(sb->plan, r->path), r->object, r->flags & PLAN_RECURSIVE, r->attr_set, r->attr_clr, e);

	if (rc > 0 && !(r->flags & PLAN_OPTIONAL))
		return ps_fail(e, PS_E_NOTFOUND, "the container has no such path");
	return rc < 0 ? -1 : 0;
}

int rebinds_apply(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	if (p->rebinds.n && !p->has_mount_ns)
		return ps_fail(e, PS_E_CONFIG, "mounts with other flags need a mount namespace of the container's own");
	for (PLAN_EACH(p, struct plan_rebind, r, p->rebinds))
		if (apply(sb, r, e) < 0) {
			ps_ctx(e, "bind '%s' onto itself", plan_str(p, r->path));
			return ps_at_from(e, plan_str(p, r->from), "");
		}
	return 0;
}
