/* SPDX-License-Identifier: Apache-2.0
 * mechanism.c - which mechanism enforces which entry; decides nothing, but looks at what was decided.
 */
#include "shim/policy/mechanism.h"

#include <string.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

#define BY(sym) (1U << MECHANISM_##sym)

static const struct { const char *id, *text; unsigned tier; } mechanisms[] = {
#define X(sym, id, tier, text) { id, text, tier },
	MECHANISMS(X)
#undef X
};

const char *mechanism_id(enum mechanism m)
{
	return mechanisms[m].id;
}

const char *mechanism_text(enum mechanism m)
{
	return mechanisms[m].text;
}

unsigned mechanism_tier(enum mechanism m)
{
	return mechanisms[m].tier;
}

unsigned mechanism_row_tier(const struct mechanism_row *r)
{
	unsigned tier = 0;

	for (unsigned m = 0; m < N_MECHANISMS; m++)
		if (r->by >> m & 1 && mechanisms[m].tier > tier)
			tier = mechanisms[m].tier;
	return tier;
}

/* What is looked at. */
struct seen {
	const struct permissions *g;
	const struct policy *p;
	struct restricting r;        /* for grip_of() */
	bool enforced;
};

/* Is the call handed to the supervisor? */
static bool is_asked(const struct policy *p, const char *call)
{
	for (size_t i = 0; p->guard.set && i < p->guard.n_rules; i++)
		for (size_t k = 0; p->guard.rules[i].action == SECCOMP_RET_USER_NOTIF && k < p->guard.rules[i].names.n; k++)
			if (!strcmp(p->guard.rules[i].names.v[k], call))
				return true;
	return false;
}

static unsigned landlock(const struct seen *s, uint64_t access)
{
	return s->p->landlock.handled_fs & access ? BY(LANDLOCK) : 0;
}

/* Without a root of the host's what is not bound is not there. */
static unsigned construction(const struct seen *s)
{
	return s->p->rootfs.path ? 0 : BY(MOUNTS);
}

static unsigned by_read(const struct seen *s, enum policy_action action)
{
	const unsigned domain = landlock(s, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);

	return action == POLICY_ALLOW ? construction(s) | domain : BY(MASK) | domain;
}

static unsigned by_write(const struct seen *s)
{
	return BY(READONLY) | landlock(s, LANDLOCK_ACCESS_FS_WRITE_FILE);
}

/* Memory that is written and then executed is a program of no listed file. */
static unsigned by_run(const struct seen *s)
{
	unsigned by = BY(NOEXEC) | landlock(s, LANDLOCK_ACCESS_FS_EXECUTE);

	for (size_t i = 0; i < s->p->n_sysctl; i++)
		if (!strcmp(s->p->sysctl[i].key, "vm/memfd_noexec"))
			by |= BY(MEMFD);
	return by | (s->p->guard.set ? BY(GUARD) : 0);
}

static unsigned by_ffi(const struct seen *s)
{
	return BY(NOEXEC) | (s->p->mdwe ? BY(MDWE) : 0) | (s->p->guard.set ? BY(GUARD) : 0);
}

static unsigned by_net(const struct seen *s, const struct perm_entry *e)
{
	const bool own = policy_ns_get(s->p, CLONE_NEWNET)->mode == POLICY_NS_NEW;
	const bool name = e && (!e->value || e->net.host == NET_HOST_NAME || e->net.host == NET_HOST_SUFFIX || e->net.host == NET_HOST_ANY);
	unsigned by = (own ? BY(NETNS) : 0) | (s->p->guard.set ? BY(GUARD) : 0);

	if (is_asked(s->p, "connect"))
		by |= s->p->net_swaps ? BY(SWAP) : BY(ROUTED);
	return by | (name && s->p->resolver ? BY(RESOLVER) : 0);
}

/* Of what a system call tells every process no list can keep anything back. */
static unsigned by_sys(const struct seen *s, const char *name)
{
	const unsigned asked = is_asked(s->p, "uname") || is_asked(s->p, "sysinfo") ? BY(ANSWER) : 0;
	const struct { const char *name; unsigned by; } rows[] = {
		{ "hostname", BY(UTS) }, { "osRelease", asked }, { "loadavg", BY(PROCFS) | asked }, { "osUptime", BY(PROCFS) | asked },
		{ "systemMemoryInfo", BY(PROCFS) | asked }, { "cpus", BY(PROCFS) }, { "networkInterfaces", by_net(s, NULL) | BY(PROCFS) },
		{ "setuid", BY(CAPS) }, { "seteuid", BY(CAPS) }, { "setgid", BY(CAPS) }, { "setegid", BY(CAPS) }, { "setPriority", BY(CAPS) },
	};

	if (!name)
		return BY(PROCFS) | BY(UTS) | BY(CAPS) | asked;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].by;
	return 0;
}

/* The one table: what enforces an entry (NULL: what nothing allows) of a permission. */
static unsigned by_kind(const struct seen *s, enum policy_permission p, enum policy_action action, const struct perm_entry *e)
{
	if (!s->enforced || action == POLICY_WARN)
		return p == POLICY_ENV ? 0 : BY(TELL);
	switch (p) {
	case POLICY_READ:
		return by_read(s, action);
	case POLICY_WRITE:
		return by_write(s);
	case POLICY_NET:
		return by_net(s, e);
	case POLICY_ENV:
		return BY(ENVIRON);
	case POLICY_RUN:
		return by_run(s);
	case POLICY_FFI:
		return by_ffi(s);
	case POLICY_SYS:
		return by_sys(s, e ? e->value : NULL);
	case POLICY_N_PERMISSIONS:
		break;
	}
	return 0;
}

static struct mechanism_row row_of(const struct seen *s, const struct perm_entry *e)
{
	const bool open = grip_of(&s->r, e->permission) == GRIP_OPEN && e->action == POLICY_ALLOW;
	const unsigned by = open ? 0 : by_kind(s, e->permission, e->action, e);

	return (struct mechanism_row){
		.kind = policy_permission_name(e->permission), .action = policy_action_name(e->action), .value = e->value, .from = e->from,
		.by = by, .implied = e->implied, .sound = by && by != BY(TELL), .limits = !open,
	};
}

static struct mechanism_row default_of(const struct seen *s, enum policy_permission p)
{
	/* A path that nothing allows is not there, or in no rule: nothing has to be masked. */
	const unsigned by = p == POLICY_READ ? by_kind(s, p, POLICY_ALLOW, NULL) : by_kind(s, p, POLICY_DENY, NULL);

	return (struct mechanism_row){ .kind = policy_permission_name(p), .action = policy_action_name(POLICY_DENY), .from = "default", .by = by,
				       .by_default = true, .sound = by && by != BY(TELL), .limits = true };
}

int mechanisms_of(struct ps_arena *a, const struct permissions *g, const struct policy *p, const struct mechanism_row **ret,
		  size_t *ret_n, struct ps_err *e)
{
	const struct seen s = { .g = g, .p = p, .r = { .g = g }, .enforced = restrict_is_enforced(g) };
	struct mechanism_row *rows;
	size_t n = 0, max = POLICY_N_PERMISSIONS;

	for (int k = 0; k < POLICY_N_PERMISSIONS; k++)
		max += g->of[k].allow.n + g->of[k].deny.n + g->of[k].warn.n + g->of[k].ignore.n;
	rows = ps_arena_array(a, max, sizeof(*rows));
	if (!rows)
		return ps_fail_os(e, "memory for the mechanisms");
	for (int k = 0; k < POLICY_N_PERMISSIONS; k++) {
		const struct perm_rules *rules = &g->of[k];
		const struct perm_list *const lists[] = { &rules->allow, &rules->deny, &rules->warn, &rules->ignore };

		for (size_t l = 0; l < PS_COUNT(lists); l++)
			for (size_t i = 0; i < lists[l]->n; i++)
				rows[n++] = row_of(&s, &lists[l]->v[i]);
		if (g->active && s.enforced && grip_of(&s.r, (enum policy_permission)k) == GRIP_LISTED)
			rows[n++] = default_of(&s, (enum policy_permission)k);
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}
