/* SPDX-License-Identifier: Apache-2.0
 * namespaces.c - join, unshare, id maps, clock offsets, host names.
 */
#include "shim/sandbox/namespaces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "shim/sandbox/idmap.h"
#include "shim/sandbox/procfs.h"

static const struct {
	uint64_t flag;
	const char *name;
} kinds[] = {
	{ CLONE_NEWUSER, "user" },     { CLONE_NEWNS, "mount" },  { CLONE_NEWPID, "pid" },
	{ CLONE_NEWNET, "network" },   { CLONE_NEWIPC, "ipc" },	  { CLONE_NEWUTS, "uts" },
	{ CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWTIME, "time" },
};

/* "pid, mount" */
static const char *kinds_text(uint64_t flags, char buf[80])
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < PS_COUNT(kinds); i++)
		if (flags & kinds[i].flag)
			n += (size_t)snprintf(buf + n, 80 - n, "%s%s", n ? ", " : "", kinds[i].name);
	return buf;
}

/* ---- Join ---- */

static int join(const struct sandbox *sb, const struct plan_ns_join *j, uint64_t flags, struct ps_err *e)
{
	const char *path = plan_str(sb->plan, j->path);
	char names[80];

	if (setns(sb->fds[j->fd], (int)flags) == 0)
		return 0;
	return ps_fail_os(e, "join namespace (%s) '%s'", kinds_text(flags, names),
			  *path ? path : "of the container's process");
}

int ns_join(const struct sandbox *sb, uint64_t mask, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	uint64_t refused = 0; /* bit per row; EPERM until we own the user namespace that owns it */

	if (p->ns_joins.n > 64)
		return ps_fail(e, PS_E_BUG, "%u namespaces to join", p->ns_joins.n);
	for (int user = 0; user <= 1; user++) {
		uint64_t bit = 1;

		for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins)) {
			uint64_t flags = j->flag & mask;

			if (flags && !!(flags & CLONE_NEWUSER) == user && join(sb, j, flags, e) < 0) {
				if (user || errno != EPERM || !(mask & CLONE_NEWUSER))
					return -1;
				refused |= bit;
			}
			bit <<= 1;
		}
	}
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins)) {
		if (refused & 1 && join(sb, j, j->flag & mask, e) < 0)
			return -1;
		refused >>= 1;
	}
	return 0;
}

/* ---- Unshare ---- */

int ns_unshare(const struct sandbox *sb, uint64_t mask, struct ps_err *e)
{
	uint64_t flags = sb->plan->ns_new & mask;
	char names[80];

	if (!flags || unshare((int)flags) == 0)
		return 0;
	kinds_text(flags, names);
	if (errno == ENOSPC)
		return ps_fail(
			e, PS_E_UNSUPP,
			"make new namespaces (%s): the limit of namespaces is reached (/proc/sys/user/max_*_namespaces)",
			names);
	if (errno == EINVAL)
		return ps_fail(e, PS_E_UNSUPP, "make new namespaces (%s): this kernel lacks one of them",
			       names);
	return ps_fail_os(e, "make new namespaces (%s)", names);
}

/* ---- Id maps ---- */

int ns_write_id_maps(const struct plan *p, pid_t pid, struct ps_err *e)
{
	const struct idmap m = {
		.uid = PLAN_ROWS(p, struct plan_id_map, p->uid_map), .n_uid = p->uid_map.n,
		.gid = PLAN_ROWS(p, struct plan_id_map, p->gid_map), .n_gid = p->gid_map.n, .file = plan_str(p, p->file),
	};

	return idmap_write(pid, &m, e);
}

int ns_become_root(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	/* EPERM: the namespace denies setgroups; the groups that we keep are then our own, unmapped. */
	if (!p->keeps_groups && ps_sys_setgroups(0, NULL) < 0 && errno != EPERM)
		return ps_fail_os(e, "drop the groups in the user namespace");
	/* Who maps no 0 goes on as the payload's user: the rights of a namespace's first process are no matter of its ids. */
	if (ps_sys_setresgid(0, 0, 0) < 0 && (errno != EINVAL || ps_sys_setresgid(p->gid, p->gid, p->gid) < 0))
		return ps_fail_os(
			e, "become group 0 of the user namespace (is 0 mapped in /linux/gidMappings?)");
	if (ps_sys_setresuid(0, 0, 0) < 0 && (errno != EINVAL || ps_sys_setresuid(p->uid, p->uid, p->uid) < 0))
		return ps_fail_os(e,
				  "become user 0 of the user namespace (is 0 mapped in /linux/uidMappings?)");
	return 0;
}

/* ---- Time ---- */

int ns_enter_time(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	ps_auto_fd int dir = -1, ns = -1;

	if (!(p->ns_new & CLONE_NEWTIME))
		return 0;
	if (ns_unshare(sb, CLONE_NEWTIME, e) < 0)
		return -1;
	for (PLAN_EACH(p, struct plan_time_offset, o, p->time_offsets)) {
		char text[64];

		(void)snprintf(text, sizeof(text), "%" PRId32 " %" PRId64 " %" PRIu32 "\n", o->clock, o->secs,
			       o->nanosecs);
		if (procfs_write(sb, "self/timens_offsets", text, e) < 0)
			return ps_at_from(e, plan_str(p, o->from), "");
	}
	/* The last step is a magic link, which only the procfs itself may resolve. */
	dir = procfs_open_at(sb, "self/ns", O_PATH | O_DIRECTORY);
	ns = dir < 0 ? -1 : openat(dir, "time_for_children", O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWTIME) < 0)
		return ps_fail_os(e, "enter the new time namespace");
	return 0;
}

/* ---- Names ---- */

int ns_set_names(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	const char *host = plan_str(p, p->hostname), *domain = plan_str(p, p->domainname);

	if (p->hostname && sethostname(host, strlen(host)) < 0)
		return ps_fail_os(e, "set the host name to '%s'", host);
	if (p->domainname && setdomainname(domain, strlen(domain)) < 0)
		return ps_fail_os(e, "set the domain name to '%s'", domain);
	return 0;
}
