/* SPDX-License-Identifier: Apache-2.0
 * rootless.c - a user and a mount namespace around a launcher without privileges.
 */
#include "shim/sandbox/rootless.h"

#include <stdio.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/scope.h"
#include "shim/sandbox/idmap.h"
#include "shim/sandbox/privileges.h"

static struct {
	bool entered, ranges;
	uid_t uid;
	gid_t gid;
} caller;

bool rootless_needed(void)
{
	return !caps_effective(CAP_SYS_ADMIN);
}

bool rootless_entered(void)
{
	return caller.entered;
}

bool rootless_has_ranges(void)
{
	return caller.ranges;
}

uid_t rootless_uid(void)
{
	return caller.entered ? caller.uid : geteuid();
}

gid_t rootless_gid(void)
{
	return caller.entered ? caller.gid : getegid();
}

static int refused(struct ps_err *e)
{
	/* ENOSPC: the number that may exist is 0; EPERM: the distribution's own switch, a filter, or a chroot. */
	if (errno != ENOSPC && errno != EPERM && errno != EACCES && errno != EINVAL)
		return ps_fail_os(e, "make a user namespace");
	return ps_fail(e, PS_E_UNSUPP,
		       "running without root takes a user namespace, and this system does not let us make one (%s); see "
		       "user.max_user_namespaces, kernel.unprivileged_userns_clone and "
		       "kernel.apparmor_restrict_unprivileged_userns in sysctl(8), or run podshim as root",
		       errno == ENOSPC ? "the limit is reached" : errno == EINVAL ? "the kernel has none" : "not permitted");
}

/* Our own id is all that anybody may map, and for the group only after setgroups(2) was denied (3.19). */
static int map_ourselves(struct ps_err *e)
{
	char uid[32], gid[32];

	(void)snprintf(uid, sizeof(uid), "0 %u 1", caller.uid);
	(void)snprintf(gid, sizeof(gid), "0 %u 1", caller.gid);
	if (ps_write_file_at(AT_FDCWD, "/proc/self/uid_map", uid, e) < 0 ||
	    ps_write_file_at(AT_FDCWD, "/proc/self/setgroups", "deny", e) < 0 ||
	    ps_write_file_at(AT_FDCWD, "/proc/self/gid_map", gid, e) < 0)
		return ps_ctx(e, "map our own ids");
	return 0;
}

static int enter_own(struct ps_err *e)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? refused(e) : map_ourselves(e);
}

/*
 * The tools have their rights only outside of what they map, so we join it when it is whole.  A child of ours keeps it: until we
 * reap that, its number is nobody else's.
 */
static int enter_ranges(const struct rootless_ids *ids, struct ps_err *e)
{
	const struct idmap m = { ids->uid, ids->gid, ids->n_uid, ids->n_gid, ids->file };
	struct idmap_keeper k;

	if (idmap_keep(&k, e) < 0)
		return refused(e);
	ps_auto_fd int fd = idmap_open(&k, &m, e);

	idmap_end(&k);
	if (fd < 0)
		return -1;
	if (setns(fd, CLONE_NEWUSER) < 0)
		return ps_fail_os(e, "enter the user namespace with the mapped ids");
	return unshare(CLONE_NEWNS) < 0 ? ps_fail_os(e, "make a mount namespace") : 0;
}

int rootless_enter(const struct rootless_ids *ids, struct ps_err *e)
{
	caller.uid = geteuid();
	caller.gid = getegid();
	if (ids ? enter_ranges(ids, e) < 0 : enter_own(e) < 0)
		return -1;
	/* An AppArmor profile may let us make the namespace and withhold its rights. */
	if (!caps_effective(CAP_SYS_ADMIN)) {
		errno = EPERM;
		return refused(e);
	}
	caller.entered = true;
	caller.ranges = ids != NULL;
	return 0;
}
