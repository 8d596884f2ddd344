/* SPDX-License-Identifier: Apache-2.0
 * plan_confine.c - what permissions take away: rebinds, Landlock rules, MDWE and the guard, for the kernel that is there.
 */
#include <string.h>

#include "base/abi.h"
#include "base/path.h"
#include "base/scope.h"
#include "shim/plan/builder.h"

/* ---- Rebinds ---- */

static const uint64_t known_attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;

static int one_rebind(struct builder *b, const struct policy_rebind *r, struct plan_rebind *row)
{
	char clean[PATH_MAX];

	if (r->path[0] != '/' || ps_path_clean(r->path, clean, sizeof(clean)) < 0 || !clean[1])
		return build_fail(b, PS_E_BUG, r->from, "'%s' cannot be bound onto itself", r->path);
	if ((r->attr_set | r->attr_clr) & ~known_attrs || r->attr_set & r->attr_clr)
		return build_fail(b, PS_E_BUG, r->from, "'%s' cannot be bound with flags %#llx instead of %#llx", r->path,
				  (unsigned long long)r->attr_set, (unsigned long long)r->attr_clr);
	*row = (struct plan_rebind){ .from = build_str(b, r->from), .path = build_str(b, r->path), .attr_set = r->attr_set,
				     .attr_clr = r->attr_clr,
				     .flags = (r->optional ? PLAN_OPTIONAL : 0U) | (r->recursive ? PLAN_RECURSIVE : 0U),
				     .object = r->object };
	return 0;
}

int build_rebinds(struct builder *b)
{
	const struct policy *p = b->p;
	struct plan_rebind row;

	if (p->rootfs_attr_set & ~known_attrs)
		return build_fail(b, PS_E_BUG, p->rootfs.from, "the root file system cannot have the mount flags %#llx",
				  (unsigned long long)p->rootfs_attr_set);
	b->plan.rootfs_attr_set = p->rootfs_attr_set;
	b->plan.rebinds = build_reserve(b, p->n_rebinds, sizeof(row));
	for (size_t i = 0; i < p->n_rebinds; i++) {
		if (one_rebind(b, &p->rebinds[i], &row) < 0)
			return -1;
		build_set(b, b->plan.rebinds, i, &row, sizeof(row));
	}
	return 0;
}

/* ---- Landlock ---- */

enum { ABI_SCOPES = 6, ABI_LOG = 7 };

/* The ABI that has a right: 1 for those of 5.13. */
static unsigned abi_of_right(uint64_t right)
{
	switch (right) {
	case LANDLOCK_ACCESS_FS_REFER:
		return 2;
	case LANDLOCK_ACCESS_FS_TRUNCATE:
		return 3;
	case LANDLOCK_ACCESS_FS_IOCTL_DEV:
		return 5;
	default:
		return right < LANDLOCK_ACCESS_FS_REFER ? 1 : UINT_MAX;
	}
}

/* A right that the kernel does not know would be everybody's: whoever wants less must have asked for less. */
static int check_abi(const struct builder *b, const struct policy_landlock *l)
{
	const unsigned abi = b->h->landlock_abi;

	for (uint64_t left = l->handled_fs; left; left &= left - 1) {
		const uint64_t right = left & -left;

		if (abi < abi_of_right(right))
			return build_fail(b, PS_E_UNSUPP, "permissions",
					  "Landlock of this kernel (ABI %u) does not know the right %#llx to files", abi,
					  (unsigned long long)right);
	}
	if (l->scoped & ~(uint64_t)(LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL) ||
	    (l->scoped && abi < ABI_SCOPES))
		return build_fail(b, PS_E_UNSUPP, "permissions", "Landlock of this kernel (ABI %u) does not know the scopes %#llx",
				  abi, (unsigned long long)l->scoped);
	return 0;
}

static int build_domain(struct builder *b, const struct policy_landlock *l, uint64_t *ret_fs, uint64_t *ret_scoped, struct plan_list *ret_rules)
{
	struct plan_list rules;
	uint32_t n = 0;

	if (!l->handled_fs && !l->scoped)
		return l->n_rules ? build_fail(b, PS_E_BUG, l->rules[0].from, "Landlock rules that nothing takes away") : 0;
	if (check_abi(b, l) < 0)
		return -1;
	*ret_fs = l->handled_fs;
	*ret_scoped = l->scoped;
	/* Without it nothing is told of what the payload itself is denied. */
	b->plan.landlock_flags = b->h->landlock_abi >= ABI_LOG ? LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON : 0;
	rules = build_reserve(b, l->n_rules, sizeof(struct plan_landlock_rule));
	for (size_t i = 0; i < l->n_rules; i++) {
		const struct policy_landlock_rule *r = &l->rules[i];
		/* What is not taken away is nobody's to give. */
		const uint64_t access = r->access & l->handled_fs;

		if (r->path[0] != '/')
			return build_fail(b, PS_E_BUG, r->from, "a Landlock rule for '%s'", r->path);
		if (!access)
			continue;
		struct plan_landlock_rule row = { .from = build_str(b, r->from), .path = build_str(b, r->path),
						  .access = access, .flags = r->optional ? PLAN_OPTIONAL : 0U, .object = r->object };

		build_set(b, rules, n++, &row, sizeof(row));
	}
	rules.n = n;
	*ret_rules = rules;
	return 0;
}

static int build_landlock(struct builder *b)
{
	struct plan *plan = &b->plan;

	if (b->p->landlock_under && build_domain(b, b->p->landlock_under, &plan->under_fs, &plan->under_scoped, &plan->under) < 0)
		return -1;
	return build_domain(b, &b->p->landlock, &plan->landlock_fs, &plan->landlock_scoped, &plan->landlock);
}

/* ---- The guard ---- */

static bool asks_supervisor(const struct policy_seccomp *s)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].action == SECCOMP_RET_USER_NOTIF)
			return true;
	return s->default_action == SECCOMP_RET_USER_NOTIF;
}

static bool kernel_since(const struct host *h, unsigned maj, unsigned min)
{
	return h->kernel_major > maj || (h->kernel_major == maj && h->kernel_minor >= min);
}

/* Until its listener is delivered, init waits by these, and by these it reports: an answer would have to come before the question. */
static int check_guard(const struct builder *b, const struct policy_seccomp *s)
{
	static const char *const own[] = { "futex", "wait4", "close", "write", "munmap", "exit", "exit_group" };
	size_t n_allowed = 0;

	for (size_t i = 0; i < s->n_rules; i++)
		for (size_t k = 0; k < s->rules[i].names.n; k++)
			for (size_t o = 0; o < PS_COUNT(own); o++) {
				if (strcmp(s->rules[i].names.v[k], own[o]) != 0)
					continue;
				if (s->rules[i].action != SECCOMP_RET_ALLOW || s->rules[i].n_args)
					return build_fail(b, PS_E_BUG, s->rules[i].from, "a guard cannot stop '%s'", own[o]);
				n_allowed++;
			}
	if (s->default_action == SECCOMP_RET_ALLOW || (s->default_action == SECCOMP_RET_USER_NOTIF && n_allowed == PS_COUNT(own)))
		return 0;
	return build_fail(b, PS_E_BUG, s->from, "a guard allows what it does not name, or tells of it");
}

static int build_guard(struct builder *b)
{
	struct policy_seccomp s = b->p->guard;

	if (!s.set)
		return 0;
	if (check_guard(b, &s) < 0)
		return -1;
	s.strictest = true;
	b->plan.guard_flags = s.flags;
	if (asks_supervisor(&s)) {
		if (b->plan.agent_fd != PLAN_NO_FD)
			return build_fail(b, PS_E_UNSUPP, b->p->seccomp.from,
					  "SCMP_ACT_NOTIFY beside permissions that ask a supervisor: not supported, for a process has one listener");
		b->plan.guard_flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		/* No signal restarts a call that is half answered: runtimes that preempt by signals would never finish one. */
		if (kernel_since(b->h, 5, 19))
			b->plan.guard_flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	}
	return build_program(b, &s, &b->plan.guard);
}

int build_confinement(struct builder *b)
{
	const struct policy *p = b->p;

	if (!p->has_process)
		return 0;
	if (build_landlock(b) < 0 || build_guard(b) < 0)
		return -1;
	if (p->mdwe && !b->h->mdwe)
		return build_fail(b, PS_E_UNSUPP, "permissions",
				  "this kernel cannot forbid that memory becomes executable later (Linux 6.3)");
	b->plan.mdwe = p->mdwe;
	if ((b->plan.guard.n || b->plan.landlock_fs || b->plan.landlock_scoped) && !p->process.no_new_privileges)
		return build_fail(b, PS_E_BUG, "permissions", "permissions take no_new_privs");
	return 0;
}
