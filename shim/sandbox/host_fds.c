/* SPDX-License-Identifier: Apache-2.0
 * host_fds.c - opens the plan's host objects in the launcher, before the first clone.
 */
#include "shim/sandbox/host_fds.h"

#include <linux/nsfs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "shim/sandbox/hooks.h"
#include "shim/sandbox/idmap.h"
#include "shim/sandbox/mount_util.h"

enum { NSFS_MAGIC = 0x6e736673 };

static const struct { uint64_t flag; const char *name; } ns_kinds[] = {
	{ CLONE_NEWPID, "pid" },  { CLONE_NEWNET, "network" }, { CLONE_NEWNS, "mount" },     { CLONE_NEWIPC, "ipc" },
	{ CLONE_NEWUTS, "uts" },  { CLONE_NEWUSER, "user" },   { CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWTIME, "time" },
};

static const char *ns_name(uint64_t flag)
{
	for (size_t i = 0; i < PS_COUNT(ns_kinds); i++)
		if (ns_kinds[i].flag == flag)
			return ns_kinds[i].name;
	return "unknown";
}

static int open_ns(const struct plan_fd *row, const char *path, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return ps_fail_os(e, "open %s namespace '%s'", ns_name(row->flag), path);
	/* An ioctl means something only where the file system is known. */
	if (mnt_fs_magic(fd) != NSFS_MAGIC || (uint64_t)(unsigned)ioctl(fd, NS_GET_NSTYPE) != row->flag)
		return ps_fail(e, PS_E_CONFIG, "'%s' is not a %s namespace", path, ns_name(row->flag));
	return ps_take_fd(&fd);
}

/* A detached copy of what the O_PATH fd is, which hears of the host's changes (unless private) and never speaks. */
static int clone_tree(int fd, bool recursive, bool keep_peers, const char *path, struct ps_err *e)
{
	ps_auto_fd int tree = mnt_clone(fd, recursive);

	if (tree < 0)
		return ps_fail_os(e, "clone the mount of '%s'", path);
	if (!keep_peers && mnt_setattr(tree, recursive, 0, 0, MS_SLAVE) < 0)
		return ps_fail_os(e, "make the clone of '%s' a slave", path);
	return ps_take_fd(&tree);
}

static int open_rootfs(const char *path, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "open root file system '%s'", path);
	if (S_ISLNK(st.st_mode))
		return ps_fail(e, PS_E_CONFIG, "root file system '%s' is a symbolic link", path);
	if (!S_ISDIR(st.st_mode))
		return ps_fail(e, PS_E_CONFIG, "root file system '%s' is no directory", path);
	return clone_tree(fd, true, false, path, e);
}

/* The maps of the row; without any, the container's own user namespace: its maps, or the joined one itself. */
static int idmap_ns(const struct plan *p, const struct plan_mount *m, const int *fds, int *ret_owned, struct ps_err *e)
{
	const struct plan_list uid = m->uid_map.n ? m->uid_map : p->uid_map, gid = m->uid_map.n ? m->gid_map : p->gid_map;
	const struct idmap map = {
		PLAN_ROWS(p, struct plan_id_map, uid), PLAN_ROWS(p, struct plan_id_map, gid), uid.n, gid.n, NULL,
	};

	if (!m->uid_map.n)
		for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins))
			if (j->flag == CLONE_NEWUSER)
				return fds[j->fd];
	if (!map.n_uid || !map.n_gid)
		return ps_fail(e, PS_E_CONFIG, "neither the mount nor the container has an id map");
	return *ret_owned = idmap_userns(&map, e);
}

static int map_ids(const struct plan *p, const struct plan_mount *m, const int *fds, int tree, struct ps_err *e)
{
	struct ps_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	ps_auto_fd int owned = -1;
	int ns = idmap_ns(p, m, fds, &owned, e);

	if (ns < 0)
		return -1;
	attr.userns_fd = (uint64_t)ns;
	if (ps_sys_mount_setattr(tree, "", AT_EMPTY_PATH | (m->flags & PLAN_MOUNT_IDMAP_REC ? AT_RECURSIVE : 0U), &attr) == 0)
		return 0;
	return ps_fail_os(e, errno == EINVAL ? "map ids (does its file system permit it?)" : "map ids");
}

static int open_bind(const struct plan *p, const struct plan_fd *row, const int *fds, const char *path, struct ps_err *e)
{
	const struct plan_mount *m = &PLAN_ROWS(p, struct plan_mount, p->mounts)[row->mount];
	const bool no_follow = m->flags & PLAN_MOUNT_COPY_SYMLINK;
	ps_auto_fd int fd = open(path, O_PATH | O_CLOEXEC | (no_follow ? O_NOFOLLOW : 0));
	ps_auto_fd int tree = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "open bind source '%s'", path);
	if (S_ISLNK(st.st_mode))
		return ps_take_fd(&fd);
	tree = clone_tree(fd, row->flags & PLAN_FD_RECURSIVE, m->propagation & MS_SHARED, path, e);
	if (tree < 0)
		return -1;
	if ((m->flags & (PLAN_MOUNT_IDMAP | PLAN_MOUNT_IDMAP_REC)) && map_ids(p, m, fds, tree, e) < 0)
		return ps_ctx(e, "bind source '%s'", path);
	return ps_take_fd(&tree);
}

/* A folder of our own; without a path the owner has made a tmpfs of it. */
static int open_store(const char *path, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? ps_fail_os(e, "open '%s', where writes are kept", path) : clone_tree(fd, false, false, path, e);
}

static int open_device(const struct plan_fd *row, const char *path, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "open device '%s'", path);
	if ((st.st_mode & S_IFMT) != row->type || st.st_rdev != makedev(row->major, row->minor))
		return ps_fail(e, PS_E_CONFIG, "'%s' is not the %s device %u:%u", path,
			       row->type == S_IFBLK ? "block" : "character", row->major, row->minor);
	return clone_tree(fd, false, false, path, e);
}

static int open_cgroup(const char *path, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return ps_fail_os(e, "open cgroup '%s'", path);
	return clone_tree(fd, false, false, path, e);
}

static int open_row(const struct plan *p, const struct plan_fd *row, const int *fds, struct ps_err *e)
{
	const char *path = plan_str(p, row->path);

	switch ((enum plan_fd_kind)row->kind) {
	case PLAN_FD_ROOTFS:
		return open_rootfs(path, e);
	case PLAN_FD_BIND:
		return open_bind(p, row, fds, path, e);
	case PLAN_FD_NS:
		return open_ns(row, path, e);
	case PLAN_FD_DEVICE:
		return open_device(row, path, e);
	case PLAN_FD_CGROUP_MNT:
		return open_cgroup(path, e);
	case PLAN_FD_STORE:
		return open_store(path, e);
	case PLAN_FD_OUTPUT:
		return hooks_open_output(path, e);
	case PLAN_FD_AGENT:
		break;
	}
	return ps_fail(e, PS_E_BUG, "unknown kind %u of host object", row->kind);
}

/* Rows of the kinds in the set (one bit each). */
static int open_kinds(const struct plan *p, int *fds, unsigned kinds, struct ps_err *e)
{
	const struct plan_fd *rows = PLAN_ROWS(p, struct plan_fd, p->fds);

	for (uint32_t i = 0; i < p->fds.n; i++) {
		/* A root file system without a path is init's to make, a store without one the owner's, and an agent is called last. */
		if (!(kinds & 1U << rows[i].kind) || rows[i].kind == PLAN_FD_AGENT ||
		    ((rows[i].kind == PLAN_FD_ROOTFS || rows[i].kind == PLAN_FD_STORE) && !rows[i].path))
			continue;
		fds[i] = open_row(p, &rows[i], fds, e);
		if (fds[i] < 0) {
			host_fds_close(p, fds);
			return ps_at_from(e, plan_str(p, rows[i].from), "");
		}
	}
	return 0;
}

int host_fds_open(const struct plan *p, int *fds, struct ps_err *e)
{
	const unsigned first = 1U << PLAN_FD_NS, later = 1U << PLAN_FD_CGROUP_MNT;

	for (uint32_t i = 0; i < p->fds.n; i++)
		fds[i] = -1;
	/* An id map may be that of a joined namespace. */
	return open_kinds(p, fds, first, e) < 0 ? -1 : open_kinds(p, fds, ~(first | later), e);
}

int host_fds_open_cgroups(const struct plan *p, int *fds, struct ps_err *e)
{
	return open_kinds(p, fds, 1U << PLAN_FD_CGROUP_MNT, e);
}

void host_fds_close(const struct plan *p, int *fds)
{
	for (uint32_t i = 0; i < p->fds.n; i++)
		ps_fd_close(&fds[i]);
}
