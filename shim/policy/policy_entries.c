/* SPDX-License-Identifier: Apache-2.0
 * policy_entries.c - a policy seen as permissions: what `plan` and `explain` print.
 */
#include <string.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/policy/policy.h"

static const char *const permission_names[] = {
#define X(sym, name) [POLICY_##sym] = name,
	POLICY_PERMISSIONS(X)
#undef X
};

static const char *const action_names[] = {
	[POLICY_ALLOW] = "allow", [POLICY_DENY] = "deny", [POLICY_WARN] = "warn", [POLICY_IGNORE] = "ignore",
};

const char *policy_permission_name(enum policy_permission p)
{
	return (size_t)p < PS_COUNT(permission_names) ? permission_names[p] : "?";
}

const char *policy_action_name(enum policy_action a)
{
	return (size_t)a < PS_COUNT(action_names) ? action_names[a] : "?";
}

struct entries {
	struct policy_entry *v;
	size_t n;
};

static void put(struct entries *l, enum policy_permission p, enum policy_action a, const char *value, const char *from)
{
	l->v[l->n++] = (struct policy_entry){ p, a, value, from };
}

static void put_mounts(struct entries *l, const struct policy *p)
{
	for (size_t i = 0; i < p->n_mounts; i++) {
		const struct policy_mount *m = &p->mounts[i];
		bool ro = (m->attr_set | m->rec_set) & MOUNT_ATTR_RDONLY || m->sb_flags & MS_RDONLY;
		bool noexec = (m->attr_set | m->rec_set) & MOUNT_ATTR_NOEXEC;

		put(l, POLICY_READ, POLICY_ALLOW, m->target, m->from);
		put(l, POLICY_WRITE, ro ? POLICY_DENY : POLICY_ALLOW, m->target, m->from);
		if (!noexec)
			continue;
		put(l, POLICY_RUN, POLICY_DENY, m->target, m->from);
		put(l, POLICY_FFI, POLICY_DENY, m->target, m->from);
	}
}

static void put_files(struct entries *l, const struct policy *p)
{
	put(l, POLICY_READ, POLICY_ALLOW, "/", p->rootfs.from);
	put(l, POLICY_WRITE, p->rootfs.readonly ? POLICY_DENY : POLICY_ALLOW, "/", p->rootfs.from);
	put_mounts(l, p);
	for (size_t i = 0; i < p->n_masked; i++) {
		put(l, POLICY_READ, POLICY_DENY, p->masked[i].path, p->masked[i].from);
		put(l, POLICY_WRITE, POLICY_DENY, p->masked[i].path, p->masked[i].from);
	}
	for (size_t i = 0; i < p->n_readonly; i++)
		put(l, POLICY_WRITE, POLICY_DENY, p->readonly[i].path, p->readonly[i].from);
}

static int put_env(struct entries *l, struct ps_arena *a, const struct policy *p)
{
	for (size_t i = 0; p->has_process && i < p->process.env.n; i++) {
		const char *kv = p->process.env.v[i], *name = ps_arena_strndup(a, kv, strcspn(kv, "="));

		if (!name)
			return -1;
		put(l, POLICY_ENV, POLICY_ALLOW, name, p->process.from);
	}
	return 0;
}

int policy_entries(struct ps_arena *a, const struct policy *p, const struct policy_entry **ret, size_t *ret_n,
		   struct ps_err *e)
{
	const struct policy_ns *net = policy_ns_get(p, CLONE_NEWNET);
	size_t max = 8 + 4 * p->n_mounts + 2 * p->n_masked + p->n_readonly + (p->has_process ? p->process.env.n : 0);
	struct entries l = { .v = ps_arena_array(a, max, sizeof(*l.v)) };

	if (!l.v)
		return ps_fail_os(e, "list the permissions of %s", p->file);
	put_files(&l, p);
	/* A new network namespace has nothing but its own lo until somebody outside adds to it. */
	put(&l, POLICY_NET, POLICY_ALLOW, net->mode == POLICY_NS_NEW ? "localhost" : "*", net->from);
	if (put_env(&l, a, p) < 0)
		return ps_fail_os(e, "list the permissions of %s", p->file);
	put(&l, POLICY_RUN, POLICY_ALLOW, "*", p->rootfs.from);
	put(&l, POLICY_FFI, POLICY_ALLOW, "*", p->rootfs.from);
	put(&l, POLICY_SYS, POLICY_ALLOW, "*", "default#/permissions/sys");
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}
