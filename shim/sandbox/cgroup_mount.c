/* SPDX-License-Identifier: Apache-2.0
 * cgroup_mount.c - the container's view of its cgroups: version 1 directories in a tmpfs, version 2 as one mount.
 *
 * A hierarchy has one super block, whoever mounts it: the launcher's clone of the container's own directory is what a
 * mount in the cgroup namespace would be, and spares the kernel making and dropping a second super block.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/sandbox/mount_util.h"

enum { DIR_MODE = 0755, NAME_SIZE = 128 };

static bool in_cgroup_ns(const struct plan *p)
{
	if (p->ns_new & CLONE_NEWCGROUP)
		return true;
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins))
		if (j->flag == CLONE_NEWCGROUP)
			return true;
	return false;
}

/* "cpu,cpuacct": one option per controller; "name=systemd" has none. */
static int set_controllers(int fs, const char *controllers, struct ps_err *e)
{
	char option[NAME_SIZE];

	if (!strncmp(controllers, "name=", 5))
		return fs_option(fs, "none", e) < 0 ? -1 : fs_option(fs, controllers, e);
	for (const char *p = controllers; *p;) {
		size_t n = strcspn(p, ",");

		(void)snprintf(option, sizeof(option), "%.*s", (int)n, p);
		if (fs_option(fs, option, e) < 0)
			return -1;
		p += n + (p[n] == ',');
	}
	return 0;
}

static int bound(struct sandbox *sb, uint32_t fd, uint64_t attrs, struct ps_err *e)
{
	ps_auto_fd int mnt = ps_take_fd(&sb->fds[fd]);

	if (attrs && mnt_setattr(mnt, false, attrs, 0, 0) < 0)
		return ps_fail_os(e, "set the mount's flags");
	return ps_take_fd(&mnt);
}

/* One hierarchy as a detached mount.  c may be NULL for version 2. */
static int hierarchy(struct sandbox *sb, const struct plan_cgroup *c, uint32_t fd, uint64_t attrs, struct ps_err *e)
{
	const char *controllers = c ? plan_str(sb->plan, c->controllers) : "";
	ps_auto_fd int fs = -1;

	if (fd != PLAN_NO_FD && sb->fds[fd] >= 0)
		return bound(sb, fd, attrs, e);
	if (!in_cgroup_ns(sb->plan))
		return ps_fail(e, PS_E_UNSUPP, "without a cgroup namespace there is no cgroup directory to show");
	fs = fs_open(*controllers ? "cgroup" : "cgroup2", e);
	if (fs < 0 || fs_option(fs, "source=cgroup", e) < 0 || set_controllers(fs, controllers, e) < 0)
		return -1;
	return fs_mount(fs, attrs, e);
}

int cgroup2_mount(struct sandbox *sb, const struct plan_mount *m, struct ps_err *e)
{
	for (PLAN_EACH(sb->plan, struct plan_cgroup, c, sb->plan->cgroups))
		if (c->version == 2)
			return hierarchy(sb, c, m->fd != PLAN_NO_FD ? m->fd : c->fd, mnt_attrs(m), e);
	return hierarchy(sb, NULL, m->fd, mnt_attrs(m), e);
}

int cgroup1_dir(const struct sandbox *sb, const struct plan_mount *m, struct ps_err *e)
{
	ps_auto_fd int fs = fs_open("tmpfs", e);

	(void)sb;
	if (fs < 0 || fs_option(fs, "source=cgroup", e) < 0 || fs_option(fs, "mode=755", e) < 0)
		return -1;
	return fs_mount(fs, mnt_attrs(m) & ~(uint64_t)MOUNT_ATTR_RDONLY, e);
}

/* Controllers that share a hierarchy are found under each of their names. */
static int link_controllers(int dir, const char *name, struct ps_err *e)
{
	char link[NAME_SIZE];

	if (!strchr(name, ','))
		return 0;
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, ",");

		(void)snprintf(link, sizeof(link), "%.*s", (int)n, p);
		if (symlinkat(name, dir, link) < 0)
			return ps_fail_os(e, "link '%s' to '%s'", link, name);
		p += n + (p[n] == ',');
	}
	return 0;
}

static const char *dir_name(const struct plan *p, const struct plan_cgroup *c)
{
	const char *name = plan_str(p, c->controllers);

	if (c->version == 2)
		return "unified";
	return strncmp(name, "name=", 5) != 0 ? name : name + 5;
}

int cgroup1_fill(struct sandbox *sb, const struct plan_mount *m, int dir_fd, struct ps_err *e)
{
	for (PLAN_EACH(sb->plan, struct plan_cgroup, c, sb->plan->cgroups)) {
		const char *name = dir_name(sb->plan, c);
		ps_auto_fd int mnt = hierarchy(sb, c, c->fd, mnt_attrs(m), e);

		if (mnt < 0)
			return ps_ctx(e, "hierarchy '%s'", name);
		/* By name: the tmpfs is new and nobody else has it. */
		if (mkdirat(dir_fd, name, DIR_MODE) < 0 || mnt_attach_at(mnt, dir_fd, name) < 0)
			return ps_fail_os(e, "hierarchy '%s'", name);
		if (link_controllers(dir_fd, name, e) < 0)
			return -1;
	}
	if ((mnt_attrs(m) & MOUNT_ATTR_RDONLY) && mnt_setattr(dir_fd, false, MOUNT_ATTR_RDONLY, 0, 0) < 0)
		return ps_fail_os(e, "make the tmpfs read-only");
	return 0;
}
