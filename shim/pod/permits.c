/* SPDX-License-Identifier: Apache-2.0
 * permits.c - what is permitted to one container: all sources to one set, the set to a tighter policy, its frozen copy.
 */
#include "shim/pod/permits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/scope.h"
#include "shim/plan/plan.h"
#include "shim/policy/restrict.h"

/* The same for all containers of a root. */
#define RESOLV_CONF ".resolv.conf"

/* Most containers have no annotation of ours, most hosts no folder of policies: neither may cost anything. */
static bool has_annotation(const struct policy *p)
{
	static const char prefix[] = "io.podshim.";

	for (size_t i = 0; i < p->annotations.n; i++)
		if (strncmp(p->annotations.v[i].key, prefix, sizeof(prefix) - 1) == 0)
			return true;
	return false;
}

static int add_operators(const struct perm_layers *from, struct perm_layers *to, bool weak, struct ps_err *e)
{
	for (size_t i = 0; from && i < from->n; i++) {
		if ((from->v[i]->rank < PERM_ANNOTATION) != weak)
			continue;
		if (perm_layers_append(to, from->v[i], e) < 0)
			return -1;
	}
	return 0;
}

static int collect(struct ps_arena *a, const struct policy *p, const struct perm_layers *operators, struct perm_layers *l,
		   struct ps_err *e)
{
	if (perm_layers_of_system(a, PERMITS_SYSTEM_DIR, l, e) < 0 || add_operators(operators, l, /* weak= */ true, e) < 0)
		return -1;
	if (has_annotation(p) && perm_layers_of_annotations(a, &p->annotations, l, e) < 0)
		return -1;
	return add_operators(operators, l, /* weak= */ false, e);
}

int permits_collect(struct ps_arena *a, const struct policy *p, const struct perm_layers *operators, bool program,
		    const struct permissions **ret, struct ps_err *e)
{
	struct perm_context c = { .cwd = p->has_process && p->process.cwd ? p->process.cwd : "/", .program = program };
	struct perm_layers *l = ps_arena_new(a, struct perm_layers);

	if (!l)
		return ps_fail_os(e, "memory for permissions");
	if (collect(a, p, operators, l, e) < 0 || perm_ceiling_of_file(a, PERMITS_CEILING, &c.ceiling, e) < 0)
		return -1;
	*ret = NULL;
	if (!l->n && !c.ceiling && !program)
		return 0;
	const struct permissions *g;

	if (permissions_merge(a, l, &c, &g, e) < 0)
		return -1;
	*ret = g->active || program ? g : NULL;
	return 0;
}

static int unavailable(const char *what, const char *from, struct ps_err *e)
{
	(void)ps_fail(e, PS_E_UNSUPP, "%s is not available in this version", what);
	return ps_at_from(e, from ? from : "", "");
}

/* Nothing that was asked for is left out without a word. */
static int check_settings(const struct perm_settings *s, struct ps_err *e)
{
	if (s->undo.set && s->undo.v)
		return unavailable("'undo' of writes", NULL, e);
	if (s->mode.set && s->mode.v == PERM_ASK)
		return unavailable("mode 'ask'", s->mode.from, e);
	if (s->output.set)
		return unavailable("a limit of output for a container ('podshim pod launch --output-limit' has one)", s->output.from, e);
	return s->disk.set ? unavailable("a limit of disk space", s->disk.from, e) : 0;
}

int permits_apply(struct ps_arena *a, const struct policy *p, const struct permissions *g, int root_fd,
		  const struct host *host, const struct permits_use *use, const struct policy **ret, struct ps_err *e)
{
	const unsigned files = 1U << POLICY_READ | 1U << POLICY_WRITE | 1U << POLICY_RUN | 1U << POLICY_FFI;
	const struct restrict_host h = {
		.root_fd = root_fd, .landlock_abi = host->landlock_abi, .mdwe = host->mdwe, .memfd_noexec = host->memfd_noexec,
		.resolv_conf = ps_arena_printf(a, "%s/" RESOLV_CONF, use->root), .notify = true, .audit_files = use->tell_files || (g->settings.audit.allowed | g->settings.audit.denied) & files, .home = getenv("HOME"),
	};

	if (check_settings(&g->settings, e) < 0)
		return -1;
	return h.resolv_conf ? permissions_restrict(a, p, g, &h, ret, e) : ps_fail_os(e, "memory for permissions");
}

int permits_write_resolv_conf(const char *root, const struct policy *p, struct ps_err *e)
{
	static const char text[] = "nameserver " PLAN_RESOLVER_ADDRESS "\noptions timeout:5 attempts:2\n";
	char tmp[64];

	if (!p->resolver)
		return 0;
	ps_auto_fd int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return ps_fail_os(e, "open '%s'", root);
	if (faccessat(dir, RESOLV_CONF, R_OK, 0) == 0)
		return 0;
	(void)snprintf(tmp, sizeof(tmp), RESOLV_CONF ".%d", (int)getpid());
	ps_auto_fd int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	/* A payload of any user reads it. */
	if (fd < 0 || fchmod(fd, 0644) < 0 || ps_write_all(fd, text, sizeof(text) - 1) < 0 || renameat(dir, tmp, dir, RESOLV_CONF) < 0)
		return ps_fail_os(e, "write '%s/" RESOLV_CONF "'", root);
	return 0;
}

/* Accesses of a Landlock rule that a permission speaks of. */
static const struct { enum policy_permission permission; uint64_t access; } accesses[] = {
	{ POLICY_READ, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR },
	{ POLICY_WRITE, LANDLOCK_ACCESS_FS_WRITE_FILE },
	{ POLICY_RUN, LANDLOCK_ACCESS_FS_EXECUTE },
};

static int add_implied(struct ps_arena *a, struct perm_rules *rules, const struct policy *p, size_t k)
{
	const struct perm_list old = rules->allow;
	struct perm_entry *v = ps_arena_array(a, old.n + p->landlock.n_rules + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -1;
	for (; n < old.n; n++)
		v[n] = old.v[n];
	for (size_t i = 0; i < p->landlock.n_rules; i++) {
		const struct policy_landlock_rule *l = &p->landlock.rules[i];

		if (l->access & accesses[k].access)
			v[n++] = (struct perm_entry){ .permission = accesses[k].permission, .value = l->path, .from = l->from,
						      .implied = true, .optional = true };
	}
	rules->allow = (struct perm_list){ v, n };
	return 0;
}

/* Variables that are handed over although nobody lists them. */
static int add_variables(struct ps_arena *a, struct perm_rules *rules, const struct policy *p)
{
	const struct perm_list old = rules->allow;
	struct perm_entry *v = ps_arena_array(a, old.n + p->process.env.n + 1, sizeof(*v));
	const char *from = ps_arena_printf(a, "%s#/process/env", p->file);
	size_t n = 0;

	if (!v || !from)
		return -1;
	for (; n < old.n; n++)
		v[n] = old.v[n];
	for (size_t i = 0; i < p->process.env.n; i++) {
		const char *text = p->process.env.v[i];
		const char *name = ps_arena_strndup(a, text, strcspn(text, "="));

		if (!name)
			return -1;
		v[n++] = (struct perm_entry){ .permission = POLICY_ENV, .value = name, .from = from, .implied = true };
	}
	rules->allow = (struct perm_list){ v, n };
	return 0;
}

int permits_effective(struct ps_arena *a, const struct permissions *g, const struct policy *p, const struct permissions **ret,
		      struct ps_err *e)
{
	struct permissions *copy = ps_arena_new(a, struct permissions);

	if (!copy)
		return ps_fail_os(e, "memory for permissions");
	*copy = *g;
	for (size_t k = 0; k < PS_COUNT(accesses); k++)
		if (p->landlock.handled_fs & accesses[k].access && add_implied(a, &copy->of[accesses[k].permission], p, k) < 0)
			return ps_fail_os(e, "memory for permissions");
	if (!copy->of[POLICY_ENV].by_config && !copy->of[POLICY_ENV].all && add_variables(a, &copy->of[POLICY_ENV], p) < 0)
		return ps_fail_os(e, "memory for permissions");
	*ret = copy;
	return 0;
}

int permits_freeze(const struct state_dir *d, const struct permissions *g, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	permissions_save(g, &text);
	if (text.failed)
		return ps_fail_os(e, "memory for the frozen permissions");
	return state_put(d, PERMITS_FROZEN, text.data, text.len, e);
}

int permits_thaw(struct ps_arena *a, const struct state_dir *d, const struct permissions **ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (state_get(d, PERMITS_FROZEN, &text, e) < 0)
		return -1;
	return permissions_load(a, PERMITS_FROZEN, text.data ? text.data : "", text.len, ret, e);
}
