/* SPDX-License-Identifier: Apache-2.0
 * namespaces.c - join, unshare, id maps, clock offsets, host names.
 */
#include "shim/sandbox/namespaces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "shim/sandbox/child.h"
#include "shim/sandbox/privileges.h"
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

enum { MAP_MAX = 4096 }; /* the kernel takes less than a page in its one write */

/* One kind of id: its files, tool and place in config.json. */
struct id_kind {
	const char *map_file, *tool, *where;
	unsigned cap;
};
static const struct id_kind uid_kind = { "uid_map", "newuidmap", "/linux/uidMappings", CAP_SETUID };
static const struct id_kind gid_kind = { "gid_map", "newgidmap", "/linux/gidMappings", CAP_SETGID };

static int write_map(const struct plan *p, int proc, const struct id_kind *k, struct plan_list map,
		     struct ps_err *e)
{
	char text[MAP_MAX];
	size_t n = 0;

	for (PLAN_EACH(p, struct plan_id_map, m, map)) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
				      m->container, m->host, m->size);
		if (n >= sizeof(text))
			return ps_fail(e, PS_E_CONFIG,
				       "%u mappings are more than the kernel takes (one write of 4095 bytes)",
				       map.n);
	}
	return ps_write_file_at(proc, k->map_file, text, e);
}

static int run_tool(const struct plan *p, pid_t pid, const struct id_kind *k, struct plan_list map,
		    struct ps_err *e)
{
	enum { MAX_ROWS = 340, FIELDS = 3, NUMBER = 12 }; /* 4.15 takes as many rows */
	char numbers[MAX_ROWS * FIELDS + 1][NUMBER], path[PATH_MAX], how[600];
	char *argv[MAX_ROWS * FIELDS + 3];
	struct child c = { .path = path, .argv = argv, .envp = environ, .timeout_ms = 10000, .quiet = true };
	const char *search = getenv("PATH");
	struct child_end end;
	size_t n = 0;

	if (map.n > MAX_ROWS)
		return ps_fail(e, PS_E_CONFIG, "%u mappings are more than the kernel takes (%d)", map.n,
			       MAX_ROWS);
	if (child_find(search ? search : "/usr/bin:/bin", "/", k->tool, path) < 0)
		return ps_fail(
			e, PS_E_UNSUPP,
			"mapping other ids than our own without privilege takes '%s' (package uidmap), which is not in PATH",
			k->tool);
	(void)snprintf(numbers[n++], NUMBER, "%" PRId32, (int32_t)pid);
	for (PLAN_EACH(p, struct plan_id_map, m, map)) {
		(void)snprintf(numbers[n++], NUMBER, "%" PRIu32, m->container);
		(void)snprintf(numbers[n++], NUMBER, "%" PRIu32, m->host);
		(void)snprintf(numbers[n++], NUMBER, "%" PRIu32, m->size);
	}
	argv[0] = path;
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = numbers[i];
	argv[n + 1] = NULL;
	if (child_run(&c, &end, e) < 0)
		return -1;
	if (child_ok(&end))
		return 0;
	return ps_fail(e, PS_E_UNSUPP, "'%s' refused the mapping (see subuid(5), subgid(5)): %s", path,
		       child_end_text(&end, how, sizeof(how)));
}

/* The one mapping that anybody may write: a single id, our own. */
static bool is_own(const struct plan *p, struct plan_list map, uint32_t id)
{
	const struct plan_id_map *m = PLAN_ROWS(p, struct plan_id_map, map);

	return map.n == 1 && m->size == 1 && m->host == id;
}

static int map_ids(const struct plan *p, pid_t pid, int proc, const struct id_kind *k, struct plan_list map,
		   uint32_t own, struct ps_err *e)
{
	bool privileged = caps_effective(k->cap);

	if (!map.n)
		return 0;
	if (!privileged && !is_own(p, map, own))
		return run_tool(p, pid, k, map, e) < 0 ? ps_at(e, "%s: %s", plan_str(p, p->file), k->where) : 0;
	/* Without privilege a group map needs this first (3.19): else a group that takes rights away could be dropped. */
	if (!privileged && k == &gid_kind && ps_write_file_at(proc, "setgroups", "deny", e) < 0)
		return -1;
	return write_map(p, proc, k, map, e) < 0 ? ps_at(e, "%s: %s", plan_str(p, p->file), k->where) : 0;
}

int ns_write_id_maps(const struct plan *p, pid_t pid, struct ps_err *e)
{
	ps_auto_fd int proc = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (proc < 0)
		return ps_fail_os(e, "open '%s' to map ids", path);
	if (map_ids(p, pid, proc, &uid_kind, p->uid_map, geteuid(), e) < 0 ||
	    map_ids(p, pid, proc, &gid_kind, p->gid_map, getegid(), e) < 0)
		return ps_ctx(e, "map the ids of process %ld", (long)pid);
	return 0;
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
