/* SPDX-License-Identifier: Apache-2.0
 * check_host.c - facts of the host for `check`: their values, and what each that is missing takes away.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/pod/check.h"

/* What is lost, where it is; the hint is a next step. */
struct lack { bool lost; const char *code, *text, *hint; };

static int put(struct check_report *r, const char *name, const char *value, struct lack l)
{
	struct check_fact *f = check_add(r, &r->facts, sizeof(*f));

	if (!f || !value)
		return -1;
	*f = (struct check_fact){ .name = name, .value = value, .lost = l.lost };
	if (!l.lost)
		return 0;
	f->code = l.code;
	f->text = l.text;
	f->hint = l.hint;
	return 0;
}

static int fact(struct check_report *r, const char *name, const char *value)
{
	return put(r, name, value, (struct lack){ .lost = false });
}

static bool is_privileged(const struct survey *s)
{
	return s->caps >> CAP_SYS_ADMIN & 1;
}

static int caller(struct check_report *r, const struct survey *s)
{
	if (fact(r, "kernel", ps_arena_printf(r->a, "%s %s", s->release, s->machine)) < 0)
		return -1;
	return fact(r, "caller", ps_arena_printf(r->a, "uid %u, %s", (unsigned)s->host.euid,
						 is_privileged(s) ? s->host.in_user_ns ? "privileged in a user namespace" : "privileged"
								  : "without privileges: 'run' makes a user namespace"));
}

static int landlock(struct check_report *r, const struct survey *s)
{
	static const struct { unsigned abi; struct lack lack; } steps[] = {
		{ 1, { true, "no-landlock", "what is read cannot be limited inside of what is mounted, writing and running by mounts alone",
		       "boot with 'landlock' in the kernel's lsm= list (Linux 5.13)" } },
		{ 3, { true, "landlock-truncate", "truncate(2) is limited by read-only mounts alone", "use Linux 6.2 (Landlock ABI 3)" } },
		{ 5, { true, "landlock-ioctl", "ioctl(2) on devices that were opened is not limited", "use Linux 6.10 (Landlock ABI 5)" } },
		{ 6, { true, "landlock-scope", "in the host's network namespace abstract sockets of others can be reached",
		       "use Linux 6.12 (Landlock ABI 6)" } },
	};
	const char *value = s->host.landlock_abi ? ps_arena_printf(r->a, "ABI %u", s->host.landlock_abi) : "none";

	for (size_t i = 0; i < PS_COUNT(steps); i++)
		if (s->host.landlock_abi < steps[i].abi)
			return put(r, "landlock", value, steps[i].lack);
	return fact(r, "landlock", value);
}

static int filters(struct check_report *r, const struct survey *s)
{
	const bool notify = survey_has_action(s, "user_notif");
	const bool traced = s->yama_ptrace_scope != 3;

	if (put(r, "seccomp", s->seccomp_actions[0] ? s->seccomp_actions : "none",
		(struct lack){ !notify, "no-seccomp-notify", "nobody can decide about connections, or tell what was denied",
			       "use a kernel with CONFIG_SECCOMP_FILTER (Linux 5.0)" }) < 0)
		return -1;
	if (s->yama_ptrace_scope >= 0 &&
	    put(r, "yama ptrace_scope", ps_arena_printf(r->a, "%d", (int)s->yama_ptrace_scope),
		(struct lack){ !traced, "no-ptrace", "the supervisor cannot take a program's sockets, to decide about connections",
			       "sysctl kernel.yama.ptrace_scope=2 or less; 3 lasts until the next boot" }) < 0)
		return -1;
	if (put(r, "mdwe", s->host.mdwe ? "yes" : "no",
		(struct lack){ !s->host.mdwe, "no-mdwe", "programs may write code and execute it", "use Linux 6.3" }) < 0)
		return -1;
	return put(r, "memfd_noexec", s->host.memfd_noexec ? "yes" : "no",
		   (struct lack){ !s->host.memfd_noexec, "no-memfd-noexec", "memory files may be executed where no filter refuses them",
				  "use Linux 6.3" });
}

/* Why there are none, as far as sysctls tell. */
static const char *userns_hint(const struct survey *s)
{
	if (s->max_user_namespaces == 0)
		return "sysctl user.max_user_namespaces=15000, or run podshim as root";
	if (s->unprivileged_userns_clone == 0)
		return "sysctl kernel.unprivileged_userns_clone=1, or run podshim as root";
	if (s->apparmor_restrict_userns > 0)
		return "an AppArmor profile with 'userns,' for podshim, sysctl kernel.apparmor_restrict_unprivileged_userns=0, or root";
	return "see clone(2) and the filter that podshim itself runs under, or run podshim as root";
}

static int namespaces(struct check_report *r, const struct survey *s)
{
	ps_auto_buf struct ps_buf there = { .data = NULL };
	bool all = true;

	for (size_t i = 0; i < SURVEY_N_NS; i++) {
		all &= s->ns[i].there;
		if (s->ns[i].there)
			ps_buf_printf(&there, "%s%s", there.len ? " " : "", s->ns[i].name);
	}
	if (there.failed || put(r, "namespaces", ps_arena_strdup(r->a, there.data ? there.data : "none"),
				(struct lack){ !all, "no-namespace", "a container that wants another kind fails",
					       "use a kernel that has all kinds (CONFIG_NAMESPACES; time: Linux 5.6)" }) < 0)
		return -1;
	if (put(r, "user namespaces", s->can_user_ns ? "can be made" : ps_arena_strdup(r->a, s->user_ns_error),
		(struct lack){ !s->can_user_ns, "no-user-namespace", "nothing runs without root", userns_hint(s) }) < 0)
		return -1;
	if (s->max_user_namespaces >= 0 &&
	    fact(r, "user.max_user_namespaces", ps_arena_printf(r->a, "%lld", (long long)s->max_user_namespaces)) < 0)
		return -1;
	if (fact(r, "newuidmap", s->newuidmap && s->newgidmap ? "there: the ranges of /etc/subuid can be mapped"
							      : "not there: without root, the caller's own ids can be mapped, and no others") < 0)
		return -1;
	return put(r, "procfs", s->proc_covered ? "partly covered" : "whole",
		   (struct lack){ s->proc_covered && (!is_privileged(s) || s->host.in_user_ns), "proc-covered",
				  "a user namespace cannot mount a /proc of its own where parts of ours are covered",
				  "run the outer container with an uncovered /proc ('podman run --security-opt unmask=ALL')" });
}

static int cgroups(struct check_report *r, const struct survey *s)
{
	static const char *const modes[] = { [HOST_CGROUP_NONE] = "none", [HOST_CGROUP_V1] = "version 1", [HOST_CGROUP_HYBRID] = "version 1, and 2 beside it",
					     [HOST_CGROUP_V2] = "version 2" };
	const bool ours = s->cgroup_dir[0];

	if (put(r, "cgroups", ours ? ps_arena_printf(r->a, "%s, made in %s", modes[s->host.cgroup_mode], s->cgroup_dir) : modes[s->host.cgroup_mode],
		(struct lack){ !ours, "no-cgroup", "no limits of memory, processes and CPU, and no pause",
			       s->host.cgroup_mode == HOST_CGROUP_V2 ? "delegate one: 'systemd-run --user --scope -p Delegate=yes podshim ...'"
								     : "without root only version 2 can be delegated; run podshim as root" }) < 0)
		return -1;
	for (int i = 0; i < SURVEY_N_CONTROLLERS; i++) {
		const struct survey_controller *c = &s->controllers[i];
		/* Limits that podshim sets need them; of the others it is good to know. */
		const bool used = i != SURVEY_io && i != SURVEY_hugetlb;
		const char *name = ps_arena_printf(r->a, "cgroup %s", survey_controller_name((enum survey_controller_no)i));
		const char *value = !c->version ? "none" : ps_arena_printf(r->a, "version %d%s%s", c->version, c->ours ? "" : ", not ours to write",
									   used ? "" : " (podshim sets no limits of it)");

		if (!name || put(r, name, value, (struct lack){ used && ours && !c->ours, "no-controller", "limits by this controller fail",
								"enable it in cgroup.subtree_control of the cgroup above" }) < 0)
			return -1;
	}
	return 0;
}

static int others(struct check_report *r, const struct survey *s)
{
	const bool overlay = survey_has_fs(s, "overlay");

	if (put(r, "overlay", overlay ? "yes" : "no",
		(struct lack){ !overlay, "no-overlay", "bundles with overlay mounts fail", "modprobe overlay" }) < 0)
		return -1;
	if (fact(r, "lsm", s->lsm[0] ? s->lsm : s->selinux ? "selinux" : s->apparmor ? "apparmor" : "unknown") < 0)
		return -1;
	if (s->io_uring_disabled >= 0 && fact(r, "io_uring", s->io_uring_disabled == 2 ? "disabled" : "there; closed where permissions decide") < 0)
		return -1;
	return fact(r, "open files", ps_arena_printf(r->a, "%llu at most", (unsigned long long)s->max_files));
}

int check_host(struct check_report *r, const struct survey *s)
{
	if (caller(r, s) < 0 || landlock(r, s) < 0 || filters(r, s) < 0 || namespaces(r, s) < 0 || cgroups(r, s) < 0)
		return -1;
	return others(r, s);
}
