/* SPDX-License-Identifier: Apache-2.0
 * mount_util.h - the steps that the mount mechanisms of this folder share; private to it.
 */
#pragma once
#include <limits.h>
#include "shim/sandbox/sandbox.h"

enum {
	MNT_PROC_MAGIC = 0x9fa0,
	MNT_PROC_ROOT_INODE = 1,
	MNT_SYSFS_MAGIC = 0x62656572,
	MNT_DEVPTS_MAGIC = 0x1cd1,
};

/* A path of the container: lexically clean, and where to resolve it.  Not to be copied (rest points into clean). */
struct mnt_path {
	int root_fd;      /* borrowed: one of sb->top_fd, else sb->root_fd */
	const char *rest; /* what is left of clean below root_fd; "." for root_fd itself */
	char clean[PATH_MAX];
};
int mnt_path(const struct sandbox *sb, const char *path, struct mnt_path *ret, struct ps_err *e);
/* The enum sandbox_top whose path `clean` is exactly, or -1. */
int mnt_top_of(const char *clean);
/* The container's /dev, /proc or /sys (made if missing and make), never through a symlink.  An owned O_PATH fd. */
int mnt_open_top(const struct sandbox *sb, enum sandbox_top top, bool make, struct ps_err *e);

/* An O_PATH fd of what the container has at path.  1: nothing; then *ret_fd is untouched. */
int mnt_find(const struct sandbox *sb, const char *path, int *ret_fd, struct ps_err *e);
/* The same, where it must be that object: what is missing or another one is an error. */
int mnt_find_object(const struct sandbox *sb, const char *path, struct ps_object object, int *ret_fd, struct ps_err *e);
/* Something else is at path than what was to be there; always -1. */
int mnt_fail_other(const char *path, struct ps_err *e);
/*
 * Bind path onto itself with other flags of its mount; recursive: with all that is mounted below, which gets what is set, too,
 * and keeps what is cleared.  What is of the root file system becomes read-only with it, unless clr says otherwise.  1: there
 * is no such path.
 */
int mnt_rebind(struct sandbox *sb, const char *path, struct ps_object object, bool recursive, uint64_t set, uint64_t clr,
	       struct ps_err *e);

/* open_tree(2) OPEN_TREE_CLONE of what fd is.  -1 with errno. */
int mnt_clone(int fd, bool recursive);
/* move_mount(2) onto what target_fd is, or onto its entry `name`.  -1 with errno. */
int mnt_attach(int mnt_fd, int target_fd);
int mnt_attach_at(int mnt_fd, int dir_fd, const char *name);
/* mount_setattr(2) of the mount whose root fd is; MOUNT_ATTR_* and MS_* propagation (0: leave).  -1 with errno. */
int mnt_setattr(int mnt_fd, bool recursive, uint64_t set, uint64_t clr, uint64_t propagation);
/* The MOUNT_ATTR_RDONLY, NOSUID, NODEV, NOEXEC, NOATIME and NODIRATIME that it has, by statvfs(3).  -1 with errno. */
int mnt_getattr(int mnt_fd, uint64_t *ret);
/* Why errno came of it: in a user namespace the flags of the host's mount are locked.  Always -1. */
int mnt_fail_setattr(int mnt_fd, uint64_t set, uint64_t clr, struct ps_err *e);
/* Propagation as a plan has it, MS_REC included; 0 does nothing.  -1 with errno. */
int mnt_propagate(int mnt_fd, uint64_t propagation);
/* What a new mount of this row gets: MOUNT_ATTR_* for fsmount(2). */
uint64_t mnt_attrs(const struct plan_mount *m);
/* The root mount becomes read-only, at last: until then mount points and the working directory are made in it. */
static inline bool mnt_root_is_readonly(const struct plan *p)
{
	return p->rootfs_readonly || (p->rootfs_attr_set & MOUNT_ATTR_RDONLY);
}
/* fstatfs(2)'s f_type, or -1 with errno. */
int64_t mnt_fs_magic(int fd);

/* File-system contexts.  Errors carry the kernel's own words when it has any. */
int fs_open(const char *type, struct ps_err *e);
/* "key" or "key=value". */
int fs_option(int fs_fd, const char *option, struct ps_err *e);
/* Make the super block and a detached mount of it. */
int fs_mount(int fs_fd, uint64_t attrs, struct ps_err *e);
/* Apply what was set to a super block that exists. */
int fs_reconfigure(int fs_fd, struct ps_err *e);

/* mount(2) of a PLAN_MOUNT_FS row onto target_fd, for options that fsconfig(2) cannot carry. */
int mount_classic(const struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, int target_fd,
		  struct ps_err *e);
bool mount_needs_classic(const struct sandbox *sb, const struct plan_mount *m);
/* Copy the content of directory from_fd into directory to_fd: no links followed, other mounts left out. */
int mount_copy_up(int from_fd, int to_fd, struct ps_err *e);
/* PLAN_MOUNT_CGROUP1: a tmpfs, and after it was attached the hierarchies in it (read-only at last if the row says so). */
int cgroup1_dir(const struct sandbox *sb, const struct plan_mount *m, struct ps_err *e);
int cgroup1_fill(struct sandbox *sb, const struct plan_mount *m, int dir_fd, struct ps_err *e);
/* PLAN_MOUNT_CGROUP2: a detached mount. */
int cgroup2_mount(struct sandbox *sb, const struct plan_mount *m, struct ps_err *e);
/* A context of proc (fsopen) for the pid namespace that the payload will be in. */
int procfs_context(const struct sandbox *sb, struct ps_err *e);
