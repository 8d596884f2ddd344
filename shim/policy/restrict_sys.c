/* SPDX-License-Identifier: Apache-2.0
 * restrict_sys.c - sys: what /proc, /sys and the host name tell of the machine.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

static const char sys_from[] = "default#/permissions/sys";

/* Files of a whole /proc by the name that shows them; NULL: none does. */
static const struct { const char *name, *paths[10]; } proc_files[] = {
	{ "loadavg", { "/proc/loadavg" } },
	{ "osUptime", { "/proc/uptime" } },
	{ "systemMemoryInfo", { "/proc/meminfo", "/proc/vmstat", "/proc/zoneinfo", "/proc/buddyinfo", "/proc/pagetypeinfo",
				"/proc/slabinfo", "/proc/swaps", "/proc/vmallocinfo" } },
	{ "cpus", { "/proc/cpuinfo", "/proc/stat", "/proc/schedstat", "/proc/softirqs", "/proc/interrupts" } },
	{ "osRelease", { "/proc/version", "/proc/cmdline", "/proc/sys/kernel" } },
	{ NULL, { "/proc/diskstats", "/proc/partitions", "/proc/modules", "/proc/kallsyms", "/proc/pressure", "/proc/cgroups",
		  "/proc/fs", "/proc/bus", "/proc/driver" } },
};

/* What system calls say to everybody, but for osRelease and what sysinfo(2) tells: the supervisor can answer these. */
static const char *const told[] = { "uid", "gid", "getegid", "userInfo", "homedir", "umask", "statfs",
				    "getPriority", "inspector", "ca" };

static bool allows(const struct restricting *r, const char *name)
{
	const struct perm_query q = { .permission = POLICY_SYS, .value = name };
	enum policy_action a = permissions_decide(r->g, &q).action;

	return a == POLICY_ALLOW || a == POLICY_WARN;
}

static int mask(struct restricting *r, const char *path)
{
	struct policy_path *row = rows_add(r, &r->masked);

	if (!row)
		return -1;
	*row = (struct policy_path){ .from = sys_from, .path = path };
	return 0;
}

static bool needs_whole_proc(const struct restricting *r)
{
	for (size_t i = 0; i < PS_COUNT(proc_files); i++)
		if (proc_files[i].name && allows(r, proc_files[i].name))
			return true;
	return false;
}

/* Processes only: 5.8.  Not for a /proc of the host's, which has other options. */
static int only_processes(struct restricting *r)
{
	for (size_t i = 0; i < r->p->n_mounts; i++) {
		struct policy_mount *m = &r->mounts[i];

		if (strcmp(m->fstype, "proc") != 0 || m->bind || strstr(m->data, "subset="))
			continue;
		m->data = *m->data ? ps_arena_printf(r->a, "%s,subset=pid", m->data) : "subset=pid";
		if (!m->data)
			return restrict_oom(r);
	}
	return 0;
}

static int restrict_proc(struct restricting *r)
{
	if (has_own_ns(r, CLONE_NEWPID) && !needs_whole_proc(r))
		return only_processes(r);
	for (size_t i = 0; i < PS_COUNT(proc_files); i++)
		for (size_t k = 0; k < PS_COUNT(proc_files[i].paths) && proc_files[i].paths[k]; k++)
			if ((!proc_files[i].name || !allows(r, proc_files[i].name)) && mask(r, proc_files[i].paths[k]) < 0)
				return -1;
	return 0;
}

static bool is_below_sysfs(const struct restricting *r, size_t i)
{
	for (size_t k = 0; k <= i; k++)
		if (!strcmp(r->mounts[k].fstype, "sysfs") && view_below(r->mounts[i].target, r->mounts[k].target))
			return true;
	return false;
}

/* Left out with what is mounted in it. */
static void drop_sysfs(struct restricting *r)
{
	size_t n = 0;

	if (allows(r, "cpus") || allows(r, "networkInterfaces"))
		return;
	for (size_t i = 0; i < r->p->n_mounts; i++)
		r->drops_mount[i] = is_below_sysfs(r, i);
	for (size_t i = 0; i < r->p->n_mounts; i++)
		if (!r->drops_mount[i])
			r->mounts[n++] = r->mounts[i];
	r->p->n_mounts = n;
}

/* A namespace of its own, with a name that says nothing. */
static int restrict_hostname(struct restricting *r)
{
	struct policy_ns *uts = r->p->ns;

	if (allows(r, "hostname"))
		return 0;
	while (uts->flag != CLONE_NEWUTS)
		uts++;
	if (uts->mode == POLICY_NS_JOIN)
		return note(r, POLICY_SYS, "hostname: the name of the namespace '%s' is seen", uts->path);
	if (uts->mode == POLICY_NS_HOST)
		*uts = (struct policy_ns){ .flag = CLONE_NEWUTS, .mode = POLICY_NS_NEW, .from = sys_from };
	if (!r->p->hostname)
		r->p->hostname = "localhost";
	return 0;
}

/* /proc/PID/net is beyond masks: there is one for each process. */
static int hide_interfaces(struct restricting *r)
{
	static const char name[] = "networkInterfaces";
	/* SIOC*, but for what is about the socket itself (0x8900 to 0x890f), and SIOCIW* */
	static const struct guard_rule rules[] = {
		{ "ioctl", GUARD_ERRNO(EPERM), { { 1, GUARD_MASK, 0x8910, 0xffffff10 } } },
		{ "ioctl", GUARD_ERRNO(EPERM), { { 1, GUARD_MASK, 0x8920, 0xffffff20 } } },
		{ "ioctl", GUARD_ERRNO(EPERM), { { 1, GUARD_MASK, 0x8940, 0xffffff40 } } },
		{ "ioctl", GUARD_ERRNO(EPERM), { { 1, GUARD_MASK, 0x8980, 0xffffff80 } } },
		{ "ioctl", GUARD_ERRNO(EPERM), { { 1, GUARD_MASK, 0x8b00, 0xffffff00 } } },
		{ "socket", GUARD_ERRNO(EAFNOSUPPORT), { { 0, GUARD_EQ, AF_NETLINK, 0 } } },
	};
	const struct perm_rules *sys = &r->g->of[POLICY_SYS];

	if (allows(r, name) || net_state_of(r).empty)
		return 0;
	for (size_t i = 0; i < sys->deny.n; i++)
		if (sys->deny.v[i].value && !strcmp(sys->deny.v[i].value, name) &&
		    cannot(r, POLICY_SYS, sys->deny.v[i].from, "'%s' of a network that is not its own are in /proc/self/net", name) < 0)
			return -1;
	if (note(r, POLICY_SYS, "/proc/self/net tells of the network that it has") < 0)
		return -1;
	return guard_add(r, sys_from, rules, PS_COUNT(rules));
}

/* An entry that denies what nobody can keep back is an error, a list without the name is not. */
static int check_told(struct restricting *r)
{
	const struct perm_rules *rules = &r->g->of[POLICY_SYS];

	for (size_t i = 0; i < rules->deny.n; i++)
		for (size_t k = 0; k < PS_COUNT(told); k++)
			if (rules->deny.v[i].value && !strcmp(rules->deny.v[i].value, told[k]) &&
			    cannot(r, POLICY_SYS, rules->deny.v[i].from, "'%s' is what system calls tell every process", told[k]) < 0)
				return -1;
	return note(r, POLICY_SYS, "system calls tell of users, files and processors, listed or not");
}

/* Every C library asks: to answer, and to tell of it, is for who spoke of sys. */
static int answer_calls(struct restricting *r)
{
	static const struct guard_rule release[] = { { "uname", SECCOMP_RET_USER_NOTIF, { { .op = 0 } } } };
	static const struct guard_rule state[] = { { "sysinfo", SECCOMP_RET_USER_NOTIF, { { .op = 0 } } } };
	const struct perm_rules *rules = &r->g->of[POLICY_SYS];
	bool all = allows(r, "loadavg") && allows(r, "osUptime") && allows(r, "systemMemoryInfo");

	if (!r->h->notify || (!rules->deny.n && !rules->allow.n))
		return allows(r, "osRelease") && all ? 0 : note(r, POLICY_SYS, "uname(2) and sysinfo(2) tell what they know");
	if (!allows(r, "osRelease") && guard_add(r, sys_from, release, 1) < 0)
		return -1;
	return all ? 0 : guard_add(r, sys_from, state, 1);
}

int restrict_sys(struct restricting *r)
{
	if (!is_limited(r, POLICY_SYS))
		return 0;
	if (check_told(r) < 0 || restrict_hostname(r) < 0 || restrict_proc(r) < 0 || hide_interfaces(r) < 0)
		return -1;
	drop_sysfs(r);
	return answer_calls(r);
}
