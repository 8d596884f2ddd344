/* SPDX-License-Identifier: Apache-2.0
 * check_needs.c - what a container's configuration takes of this host, field by field, and whether it is there; looks, and makes
 * nothing.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/pod/check.h"

struct needs {
	struct check_report *r;
	const struct survey *s;
	const struct policy *p;
	bool failed;
};

static void need(struct needs *n, const char *from, const char *what, bool there, const char *code, const char *hint)
{
	struct check_need *row = check_add(n->r, &n->r->needs, sizeof(*row));

	n->failed |= !row || !what;
	if (!n->failed)
		*row = (struct check_need){ check_place(n->r->a, from), what, there, there ? NULL : code, there ? NULL : hint };
}
#define TEXT(n, ...) ps_arena_printf((n)->r->a, __VA_ARGS__)

static bool is_privileged(const struct needs *n)
{
	return n->s->caps >> CAP_SYS_ADMIN & 1;
}

static void need_namespaces(struct needs *n)
{
	for (size_t i = 0; i < POLICY_N_NS; i++) {
		const struct policy_ns *ns = &n->p->ns[i];
		const struct survey_ns *have = NULL;

		for (size_t k = 0; k < SURVEY_N_NS; k++)
			if (n->s->ns[k].flag == ns->flag)
				have = &n->s->ns[k];
		if (ns->mode == POLICY_NS_HOST || !have)
			continue;
		if (ns->mode == POLICY_NS_JOIN)
			need(n, ns->from, TEXT(n, "the %s namespace %s", have->name, ns->path), access(ns->path, F_OK) == 0, "no-namespace",
			     "make the namespace first, or leave out its path");
		else if (ns->flag == CLONE_NEWUSER)
			need(n, ns->from, "a user namespace", n->s->can_user_ns, "no-user-namespace",
			     "see the host's facts about user namespaces, or leave it out and run podshim as root");
		else
			need(n, ns->from, TEXT(n, "a %s namespace", have->name), have->there, "no-namespace", "use a kernel that has this kind");
	}
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has_source(const struct policy_mount *m)
{
	struct stat st;

	return (m->copy_symlink ? lstat(m->source, &st) : stat(m->source, &st)) == 0;
}

static void need_mounts(struct needs *n)
{
	if (n->p->rootfs.path)
		need(n, n->p->rootfs.from, TEXT(n, "the root file system %s", n->p->rootfs.path), is_dir(n->p->rootfs.path), "no-rootfs",
		     "unpack it there, or correct root.path");
	if (n->p->rdt.from)
		need(n, n->p->rdt.from, "Intel RDT, the file system resctrl", access("/sys/fs/resctrl/schemata", F_OK) == 0, "no-resctrl",
		     "mount -t resctrl resctrl /sys/fs/resctrl, or leave linux.intelRdt out");
	if (n->p->mount_label)
		need(n, TEXT(n, "%s#/linux/mountLabel", n->p->file), TEXT(n, "SELinux, for label %s", n->p->mount_label), n->s->selinux, "no-lsm",
		     "leave linux.mountLabel out, or use a system with SELinux enabled");
	for (size_t i = 0; i < n->p->n_mounts; i++) {
		const struct policy_mount *m = &n->p->mounts[i];

		/* podshim's own file is made by `run`. */
		if (m->bind && !m->inside && strcmp(m->target, "/etc/resolv.conf") != 0)
			need(n, m->from, TEXT(n, "the source %s", m->source), has_source(m), "no-source",
			     "make it first, or leave the mount out");
		else if (*m->fstype && !m->bind && strcmp(m->fstype, "cgroup") != 0)
			need(n, m->from, TEXT(n, "the file system type %s", m->fstype), survey_has_fs(n->s, m->fstype), "no-filesystem",
			     "load the kernel's module of that type");
	}
}

static bool is_node(const struct policy_device *d)
{
	struct stat st;

	return stat(d->path, &st) == 0 && (st.st_mode & S_IFMT) == d->type && st.st_rdev == makedev(d->major, d->minor);
}

/* In a user namespace the host's own node is bound; else one is made. */
static void need_devices(struct needs *n)
{
	const bool bound = !is_privileged(n) || n->s->host.in_user_ns || policy_ns_get(n->p, CLONE_NEWUSER)->mode != POLICY_NS_HOST;

	for (size_t i = 0; i < n->p->n_devices; i++) {
		const struct policy_device *d = &n->p->devices[i];

		if (!bound || d->type == S_IFIFO)
			continue;
		need(n, d->from, TEXT(n, "the device %s of the host's", d->path), is_node(d), "no-device", "make the node on the host, or run podshim as root without a user namespace");
	}
}

static void need_process(struct needs *n)
{
	const struct policy_process *q = &n->p->process;
	const bool resource = n->s->caps >> CAP_SYS_RESOURCE & 1;

	if (!n->p->has_process)
		return;
	for (size_t i = 0; i < q->n_rlimits; i++) {
		struct ps_rlimit have = { .hard = 0 };
		const bool known = ps_sys_prlimit(0, (unsigned)q->rlimits[i].resource, NULL, &have) == 0;

		need(n, q->rlimits[i].from, TEXT(n, "a hard limit of %llu", (unsigned long long)q->rlimits[i].hard),
		     resource || !known || q->rlimits[i].hard <= have.hard, "no-rlimit",
		     "ask for at most what podshim's caller has (ulimit -H), or run it with CAP_SYS_RESOURCE");
	}
	if (q->apparmor && strcmp(q->apparmor, "unconfined") != 0)
		need(n, q->apparmor_from, TEXT(n, "AppArmor, for profile %s", q->apparmor), n->s->apparmor, "no-lsm",
		     "leave process.apparmorProfile out, or use a kernel with AppArmor enabled");
	if (q->selinux)
		need(n, q->selinux_from, TEXT(n, "SELinux, for label %s", q->selinux), n->s->selinux, "no-lsm",
		     "leave process.selinuxLabel out, or use a system with SELinux enabled");
	if (q->terminal)
		need(n, q->from, "a terminal: /dev/ptmx", access("/dev/ptmx", F_OK) == 0, "no-terminal", "mount devpts on the host");
	for (unsigned bit = 0; bit < 64; bit++) {
		const char *name = q->caps.permitted >> bit & 1 ? ps_name_of(names_capability, n_names_capability, bit) : NULL;

		if (name && is_privileged(n) && policy_ns_get(n->p, CLONE_NEWUSER)->mode == POLICY_NS_HOST)
			need(n, q->caps.from, TEXT(n, "%s", name), n->s->caps >> bit & 1, "no-capability", "run podshim with it: it is left out else");
	}
}

static void need_sysctls(struct needs *n)
{
	char path[512];

	for (size_t i = 0; i < n->p->n_sysctl; i++) {
		(void)snprintf(path, sizeof(path), "/proc/sys/%s", n->p->sysctl[i].key);
		need(n, n->p->sysctl[i].at, TEXT(n, "the sysctl %s", n->p->sysctl[i].key), access(path, F_OK) == 0, "no-sysctl",
		     "use a kernel that has it, or leave it out");
	}
}

static void need_hooks(struct needs *n)
{
	const struct policy_hooks lists[] = { n->p->hooks.prestart, n->p->hooks.create_runtime, n->p->hooks.create_container,
					      n->p->hooks.poststart, n->p->hooks.poststop };

	for (size_t l = 0; l < PS_COUNT(lists); l++)
		for (size_t i = 0; i < lists[l].n; i++)
			need(n, lists[l].v[i].from, TEXT(n, "the hook %s", lists[l].v[i].path), access(lists[l].v[i].path, X_OK) == 0, "no-hook",
			     "install it, or leave the hook out");
}

/* Actions of filters by what /proc/sys/kernel/seccomp/actions_avail calls them. */
static void need_actions(struct needs *n, const struct policy_seccomp *f, const char *from)
{
	static const struct { uint32_t action; const char *name; } actions[] = {
		{ SECCOMP_RET_USER_NOTIF, "user_notif" }, { SECCOMP_RET_LOG, "log" }, { SECCOMP_RET_KILL_PROCESS, "kill_process" },
		{ SECCOMP_RET_ERRNO, "errno" },
	};

	for (size_t k = 0; f->set && k < PS_COUNT(actions); k++) {
		bool used = (f->default_action & SECCOMP_RET_ACTION_FULL) == actions[k].action;

		for (size_t i = 0; i < f->n_rules; i++)
			used |= (f->rules[i].action & SECCOMP_RET_ACTION_FULL) == actions[k].action;
		if (used)
			need(n, from, TEXT(n, "the seccomp action %s", actions[k].name), survey_has_action(n->s, actions[k].name), "no-seccomp-action",
			     "use a kernel that has it");
	}
}

static void need_controller(struct needs *n, bool asked, enum survey_controller_no c, bool cgroups)
{
	if (asked)
		need(n, n->p->resources.from, TEXT(n, "the cgroup controller %s", survey_controller_name(c)), cgroups && n->s->controllers[c].ours,
		     cgroups ? "no-controller" : "no-cgroup", "run podshim as root, or in a delegated cgroup of version 2");
}

static bool asks_io(const struct spec_block_io *io)
{
	return (io->weight.set && io->weight.v) || (io->leaf_weight.set && io->leaf_weight.v) || io->n_weight_devices || io->read_bps.n ||
	       io->write_bps.n || io->read_iops.n || io->write_iops.n;
}

static void need_cgroups(struct needs *n, bool cgroups)
{
	const struct policy_resources *q = &n->p->resources;

	need_controller(n, q->memory_limit.set || q->memory_reservation.set || q->memory_swap.set, SURVEY_memory, cgroups);
	need_controller(n, q->pids_limit.set && q->pids_limit.v > 0, SURVEY_pids, cgroups);
	need_controller(n, q->cpu_shares.set || q->cpu_quota.set || q->cpu_period.set || q->cpu_burst.set || q->cpu_idle.set, SURVEY_cpu, cgroups);
	need_controller(n, q->cpus || q->mems, SURVEY_cpuset, cgroups);
	need_controller(n, asks_io(&q->block_io), SURVEY_io, cgroups);
	need_controller(n, q->n_hugepages > 0, SURVEY_hugetlb, cgroups);
}

int check_needs(struct check_report *r, const struct survey *s, const struct policy *p, bool cgroups)
{
	struct needs n = { .r = r, .s = s, .p = p };

	need_mounts(&n);
	need_namespaces(&n);
	need_devices(&n);
	need_process(&n);
	need_actions(&n, &p->seccomp, p->seccomp.from);
	need_actions(&n, &p->guard, p->guard.from);
	need_sysctls(&n);
	need_hooks(&n);
	need_cgroups(&n, cgroups);
	return n.failed ? -1 : 0;
}

/* ---- Limits of permissions ---- */

static int by_cgroup(struct check_report *r, const struct survey *s, const char *name, const char *value, const struct perm_limit *l,
		     enum survey_controller_no c, bool cgroups)
{
	const struct survey_controller *k = &s->controllers[c];
	const bool kept = cgroups && k->ours;
	const char *text;

	if (!l->set)
		return 0;
	r->limits[r->n_limits++] = (struct mechanism_row){
		.kind = "limits", .action = name, .value = value, .from = l->from, .limits = true, .sound = kept,
		.by = !kept ? 0 : k->version == 2 ? 1U << MECHANISM_CGROUP2 : 1U << MECHANISM_CGROUP1,
	};
	if (!value)
		return -1;
	if (kept)
		return 0;
	text = ps_arena_printf(r->a, "the limit of %s takes a cgroup with the controller %s, which we cannot make here", name, survey_controller_name(c));
	return text ? check_find(r, "limits", check_place(r->a, l->from), text, /* fails= */ true,
				 (struct check_code){ "no-cgroup", "run podshim as root, or in a delegated cgroup of version 2" }) : -1;
}

static void by_ourselves(struct check_report *r, const char *name, const char *value, const struct perm_limit *l, enum mechanism m)
{
	if (l->set)
		r->limits[r->n_limits++] = (struct mechanism_row){ .kind = "limits", .action = name, .value = value, .from = l->from,
								   .by = 1U << m, .limits = true, .sound = true };
}

int check_limits(struct check_report *r, const struct survey *s, const struct permissions *g, bool cgroups)
{
	const struct perm_settings *q = &g->settings;
#define AMOUNT(v, unit) ps_arena_printf(r->a, "%llu " unit, (unsigned long long)(v))
	const char *wall = AMOUNT(q->wall_ms.v, "ms"), *output = AMOUNT(q->output.v, "bytes");

	if (!wall || !output || by_cgroup(r, s, "memory", AMOUNT(q->memory.v, "bytes"), &q->memory, SURVEY_memory, cgroups) < 0 ||
	    by_cgroup(r, s, "pids", AMOUNT(q->pids.v, "processes"), &q->pids, SURVEY_pids, cgroups) < 0 ||
	    by_cgroup(r, s, "cpu", AMOUNT(q->cpu.v, "thousandths"), &q->cpu, SURVEY_cpu, cgroups) < 0)
		return -1;
#undef AMOUNT
	by_ourselves(r, "wall", wall, &q->wall_ms, MECHANISM_CLOCK);
	by_ourselves(r, "output", output, &q->output, MECHANISM_COUNTER);
	return 0;
}
