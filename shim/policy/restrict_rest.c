/* SPDX-License-Identifier: Apache-2.0
 * restrict_rest.c - the process: environment, secrets, capabilities; and limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/policy/restrict_parts.h"

enum { SECRET_MAX = 65536, PERIOD_US = 100000 };

/* ---- Environment ---- */

/* What tells the loader of the C library to map other files. */
static bool is_loaders(const char *variable)
{
	static const char *const names[] = { "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "NLSPATH", "RESOLV_HOST_CONF", "TZDIR" };
	size_t n = strcspn(variable, "=");

	if (!strncmp(variable, "LD_", 3))
		return true;
	for (size_t i = 0; i < PS_COUNT(names); i++)
		if (strlen(names[i]) == n && !strncmp(variable, names[i], n))
			return true;
	return false;
}

/* NAME or PREFIX*. */
static bool names_it(const struct perm_list *l, const char *variable)
{
	size_t n = strcspn(variable, "=");

	for (size_t i = 0; i < l->n; i++) {
		const char *value = l->v[i].value;
		size_t len = value ? strlen(value) : 0;

		if (!value || (len && value[len - 1] == '*' && len - 1 <= n && !strncmp(value, variable, len - 1)) ||
		    (len == n && !strncmp(value, variable, n)))
			return true;
	}
	return false;
}

/* Somebody wrote a list of variables, perhaps an empty one: config.json's are what it is about.  Without one, these are granted. */
static bool has_list(const struct restricting *r)
{
	const struct perm_rules *rules = &r->g->of[POLICY_ENV];

	for (size_t i = 0; i < rules->allow.n && grip_of(r, POLICY_ENV) == GRIP_LISTED; i++)
		if (!rules->allow.v[i].implied)
			return true;
	return (rules->said || rules->narrows) && grip_of(r, POLICY_ENV) == GRIP_LISTED;
}

/* Without these nothing finds its way; they tell nothing of the host. */
static bool is_basic(const char *variable)
{
	return !strncmp(variable, "PATH=", 5) || !strncmp(variable, "HOME=", 5) || !strncmp(variable, "TERM=", 5);
}

static bool is_withheld(const struct restricting *r, const char *variable)
{
	const struct perm_rules *rules = &r->g->of[POLICY_ENV];
	bool code = grip_of(r, POLICY_RUN) == GRIP_LISTED || grip_of(r, POLICY_FFI) == GRIP_LISTED;

	if (names_it(&rules->deny, variable) || names_it(&rules->ignore, variable))
		return true;
	if (has_list(r) && !is_basic(variable) && !names_it(&rules->allow, variable))
		return true;
	return (code || grip_of(r, POLICY_ENV) == GRIP_LISTED) && is_loaders(variable) && !names_it(&rules->allow, variable);
}

bool permissions_hand_over(const struct permissions *g, const char *variable)
{
	const struct restricting r = { .g = g };

	return !g->active || !is_withheld(&r, variable);
}

static int set_variable(struct restricting *r, struct rows *env, const char *name, const char *value)
{
	const char *text = ps_arena_printf(r->a, "%s=%s", name, value), **v = env->v, **row = NULL;
	size_t n = strlen(name);

	if (!text)
		return restrict_oom(r);
	for (size_t i = 0; i < env->n && !row; i++)
		if (!strncmp(v[i], name, n) && v[i][n] == '=')
			row = &v[i];
	if (!row)
		row = rows_add(r, env);
	if (!row)
		return -1;
	*row = text;
	return 0;
}

/* Deny entries count for what is set here, too. */
static int set_or_withhold(struct restricting *r, struct rows *env, const char *name, const char *value)
{
	if (!names_it(&r->g->of[POLICY_ENV].deny, name))
		return set_variable(r, env, name, value);
	return note(r, POLICY_ENV, "'%s' is withheld", name);
}

/* The value of a secret; its source is the operator's, on the host. */
static int secret_value(struct restricting *r, const struct perm_secret *s, const char **ret)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	size_t n;

	if (!strncmp(s->source, "env:", 4)) {
		*ret = getenv(s->source + 4);
		return *ret ? 0 : ps_fail(r->e, PS_E_CONFIG, "env: the secret '%s' has no value in the variable '%s'", s->name,
					  s->source + 4);
	}
	if (strncmp(s->source, "file:/", 6) != 0)
		return ps_fail(r->e, PS_E_CONFIG, "env: the secret '%s' is from neither file:/PATH nor env:NAME", s->name);
	if (ps_read_file_at(AT_FDCWD, s->source + 5, SECRET_MAX, &text, r->e) < 0)
		return ps_ctx(r->e, "env: secret '%s'", s->name);
	n = text.len;
	if (n && text.data[n - 1] == '\n')
		n--;
	if (n && memchr(text.data, '\0', n))
		return ps_fail(r->e, PS_E_CONFIG, "env: the secret '%s' has a NUL byte", s->name);
	*ret = ps_arena_strndup(r->a, n ? text.data : "", n);
	return *ret ? 0 : restrict_oom(r);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where the payload's program, or one that is called so, is. */
static bool find_program(struct restricting *r, struct view *v, const char *program, struct view_found *ret)
{
	const char *cwd = r->in->process.cwd ? r->in->process.cwd : "/";
	char path[PATH_MAX];
	struct ps_err ignored;
	size_t at = 0;

	if (program[0] != '/' && strchr(program, '/')) {
		if (ps_path_join(path, sizeof(path), cwd, program) < 0)
			return false;
		program = path;
	}
	return closing_find(v, restrict_search_path(r), program, &at, ret, &ignored) == 0;
}

/*
 * Everything that a program starts has its environment: a secret is for the first program, or for all.  The same file, and a
 * name that it has: of programs that are one file (busybox) not every other one.
 */
static int is_for_first(struct restricting *r, const struct perm_secret *s, bool *ret)
{
	ps_auto_view struct view v = { .n = 0 };
	const struct spec_strs *args = &r->in->process.args;
	struct view_found first, listed;

	*ret = !s->only.n;
	if (*ret || !args->n)
		return 0;
	if (view_init(&v, r->a, r->h->root_fd, r->in, r->e) < 0)
		return -1;
	if (!find_program(r, &v, args->v[0], &first))
		return 0;
	for (size_t i = 0; i < s->only.n && !*ret; i++) {
		const char *name = base_of(s->only.v[i]);

		*ret = find_program(r, &v, s->only.v[i], &listed) && !strcmp(listed.path, first.path) &&
		       (!strcmp(name, base_of(args->v[0])) || !strcmp(name, base_of(first.path)));
	}
	return 0;
}

static int add_secrets(struct restricting *r, struct rows *env)
{
	const struct perm_settings *s = &r->g->settings;

	for (size_t i = 0; i < s->n_secrets; i++) {
		const char *value = NULL;
		bool his;

		if (is_for_first(r, &s->secrets[i], &his) < 0)
			return -1;
		if (!his) {
			if (cannot(r, POLICY_ENV, s->secrets[i].from,
				   "the secret '%s' is for '%s' only, which is not the program that is started", s->secrets[i].name,
				   s->secrets[i].only.v[0]) < 0)
				return -1;
			continue;
		}
		if (secret_value(r, &s->secrets[i], &value) < 0)
			return ps_at_from(r->e, s->secrets[i].from, "");
		if (set_or_withhold(r, env, s->secrets[i].name, r->h->show ? "(secret)" : value) < 0)
			return -1;
	}
	return 0;
}

/* What config.json sets is granted by it where no list says otherwise; nothing comes from the host. */
static int restrict_env(struct restricting *r)
{
	const struct spec_strs *in = &r->in->process.env;
	const struct spec_kvs *set = &r->g->settings.env_set;
	struct rows env = ROWS(const char *);

	for (size_t i = 0; i < in->n; i++) {
		const char **row;

		if (r->enforced && is_withheld(r, in->v[i])) {
			if (note(r, POLICY_ENV, "'%.*s' is withheld", (int)strcspn(in->v[i], "="), in->v[i]) < 0)
				return -1;
			continue;
		}
		row = rows_add(r, &env);
		if (!row)
			return -1;
		*row = in->v[i];
	}
	for (size_t i = 0; i < set->n; i++)
		if (set_or_withhold(r, &env, set->v[i].key, set->v[i].value) < 0)
			return -1;
	if (add_secrets(r, &env) < 0)
		return -1;
	r->p->process.env = (struct spec_strs){ env.v, env.n };
	return 0;
}

/* ---- Capabilities ---- */

#define CAP(c) (UINT64_C(1) << (c))

static bool allows_sys(const struct restricting *r, const char *name, const char *other)
{
	const struct perm_query q = { .permission = POLICY_SYS, .value = name }, q2 = { .permission = POLICY_SYS, .value = other };
	enum policy_action a = permissions_decide(r->g, &q).action, b = permissions_decide(r->g, &q2).action;

	return a == POLICY_ALLOW || a == POLICY_WARN || b == POLICY_ALLOW || b == POLICY_WARN;
}

bool sets_limits(const struct restricting *r)
{
	const struct perm_settings *s = &r->g->settings;

	return s->memory.set || s->pids.set || s->cpu.set;
}

/* What would undo mounts, see past them, or reach the network below the sockets. */
static uint64_t caps_dropped(const struct restricting *r)
{
	const struct net_state net = net_state_of(r);
	uint64_t drop = 0;

	/* In a user namespace of its own they lead to no other network, and to no cgroup of others. */
	const bool outside = (is_limited(r, POLICY_NET) || sets_limits(r)) && policy_ns_get(r->in, CLONE_NEWUSER)->mode == POLICY_NS_HOST;

	if (r->g->settings.undo.v || is_limited(r, POLICY_READ) || is_limited(r, POLICY_WRITE) || is_limited(r, POLICY_RUN) ||
	    is_limited(r, POLICY_FFI) || is_limited(r, POLICY_SYS) || outside)
		drop |= CAP(CAP_SYS_ADMIN) | CAP(CAP_SYS_MODULE) | CAP(CAP_SYS_RAWIO) | CAP(CAP_SYS_BOOT) | CAP(CAP_BPF) |
			CAP(CAP_PERFMON) | CAP(CAP_CHECKPOINT_RESTORE) | CAP(CAP_LINUX_IMMUTABLE);
	if (is_limited(r, POLICY_RUN) || is_limited(r, POLICY_FFI))
		drop |= CAP(CAP_SYS_PTRACE);
	if (net.hold != NET_HOLD_NONE)
		drop |= CAP(CAP_NET_ADMIN) | CAP(CAP_NET_RAW) | CAP(CAP_NET_BROADCAST);
	/* With the supervisor's sockets in hand it would be one of the supervisor's network. */
	if (net.hold == NET_HOLD_BROKER && policy_ns_get(r->in, CLONE_NEWNET)->mode == POLICY_NS_NEW &&
	    policy_ns_get(r->in, CLONE_NEWUSER)->mode == POLICY_NS_HOST)
		drop |= CAP(CAP_NET_BIND_SERVICE);
	if (is_limited(r, POLICY_SYS)) {
		drop |= allows_sys(r, "setuid", "seteuid") ? 0 : CAP(CAP_SETUID);
		drop |= allows_sys(r, "setgid", "setegid") ? 0 : CAP(CAP_SETGID);
		drop |= allows_sys(r, "setPriority", "setPriority") ? 0 : CAP(CAP_SYS_NICE);
	}
	return drop;
}

static int restrict_caps(struct restricting *r)
{
	struct policy_caps *c = &r->p->process.caps;
	uint64_t drop = caps_dropped(r), lost = drop & (c->permitted | c->ambient | c->effective);

	for (unsigned bit = 0; bit < 64 && lost; bit++) {
		const char *name = lost >> bit & 1 ? ps_name_of(names_capability, n_names_capability, bit) : NULL;

		if (name && note(r, POLICY_SYS, "%s is taken away: it could undo a limit", name) < 0)
			return -1;
	}
	c->bounding &= ~drop;
	c->effective &= ~drop;
	c->permitted &= ~drop;
	c->inheritable &= ~drop;
	c->ambient &= ~drop;
	return 0;
}

int restrict_process(struct restricting *r)
{
	if (!r->in->has_process)
		return 0;
	if (restrict_env(r) < 0 || (r->enforced && restrict_caps(r) < 0))
		return -1;
	r->p->process.no_new_privileges = true;
	return 0;
}

/* ---- Limits ---- */

/* The lower of two; negative is no limit.  *from: whose it is then. */
static void lower(struct opt_i64 *have, uint64_t limit, const char *whose, const char **from)
{
	int64_t v = limit > INT64_MAX ? INT64_MAX : (int64_t)limit;

	if (have->set && have->v >= 0 && have->v <= v)
		return;
	*have = (struct opt_i64){ true, v };
	*from = whose;
}

/* cpu: thousandths of one processor. */
static void lower_cpu(struct policy_resources *p, uint64_t thousandths, const char *whose)
{
	uint64_t period = p->cpu_period.set ? p->cpu_period.v : PERIOD_US;
	uint64_t quota = thousandths < INT64_MAX / (period + 1) ? thousandths * period / 1000 : INT64_MAX;

	/* The kernel's least quota is a millisecond. */
	lower(&p->cpu_quota, quota < 1000 ? 1000 : quota, whose, &p->cpu_from);
	p->cpu_period = (struct opt_u64){ true, period };
}

/* Its own cgroup can be written through them. */
static void close_cgroups(struct restricting *r)
{
	for (size_t i = 0; i < r->p->n_mounts; i++) {
		struct policy_mount *m = &r->mounts[i];

		if (strcmp(m->fstype, "cgroup") == 0 || strcmp(m->fstype, "cgroup2") == 0 || (m->bind && view_below(m->source, "/sys/fs/cgroup")))
			mount_readonly(m);
	}
}

int restrict_limits(struct restricting *r)
{
	const struct perm_settings *s = &r->g->settings;
	struct policy_resources *p = &r->p->resources;

	if (sets_limits(r))
		close_cgroups(r);
	if (s->memory.set) {
		lower(&p->memory_limit, s->memory.v, s->memory.from, &p->memory_from);
		/* As much swap as before, no more; and none that the limit did not have. */
		if (p->memory_swap.set && p->memory_swap.v >= 0 && p->memory_swap.v < p->memory_limit.v)
			p->memory_swap.v = p->memory_limit.v;
		if (p->memory_reservation.set && p->memory_reservation.v > p->memory_limit.v)
			p->memory_reservation.v = p->memory_limit.v;
	}
	if (s->pids.set)
		lower(&p->pids_limit, s->pids.v, s->pids.from, &p->pids_from);
	if (s->cpu.set)
		lower_cpu(p, s->cpu.v, s->cpu.from);
	return 0;
}
