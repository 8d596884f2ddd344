/* SPDX-License-Identifier: Apache-2.0
 * permits.c - what is permitted to one container: all sources to one set, the set to a tighter policy, its frozen copy.
 */
#include "shim/pod/permits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/scope.h"
#include "shim/plan/plan.h"
#include "shim/pod/prompt.h"
#include "shim/policy/kept_rules.h"
#include "shim/policy/restrict.h"

/* The same for all containers of a root. */
#define RESOLV_CONF ".resolv.conf"
/* And for those who wait until somebody was asked. */
#define RESOLV_CONF_ASK ".resolv.ask.conf"

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

/* One look for all that may be in there. */
static bool has_system(void)
{
	return faccessat(AT_FDCWD, PERMITS_SYSTEM, F_OK, AT_EACCESS) == 0 || errno != ENOENT;
}

static int collect(struct ps_arena *a, const struct policy *p, const struct perm_layers *operators, bool system, struct perm_layers *l,
		   struct ps_err *e)
{
	if ((system && perm_layers_of_system(a, PERMITS_SYSTEM_DIR, l, e) < 0) || add_operators(operators, l, /* weak= */ true, e) < 0)
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
	const bool system = has_system();

	if (collect(a, p, operators, system, l, e) < 0 || (system && perm_ceiling_of_file(a, PERMITS_CEILING, &c.ceiling, e) < 0))
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

/* What holds for us holds for the supervisor, which has our user and groups. */
static bool may_ping(void)
{
	ps_auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

	return fd >= 0;
}

/* 1 << the forms in which a limit is watched over. */
static const struct {
	size_t off;
	unsigned forms;
	const char *text;
} watched[] = {
	{ offsetof(struct perm_settings, wall_ms), 1U << PERMITS_FOREGROUND,
	  "a limit of wall time is for 'podshim run' in the foreground, and for 'podshim pod launch --timeout'" },
	{ offsetof(struct perm_settings, output), 1U << PERMITS_FOREGROUND | 1U << PERMITS_POD,
	  "a limit of output is for 'podshim run' in the foreground, and for the programs of pods: elsewhere output is the caller's, who "
	  "can limit it ('podman run --log-opt max-size=SIZE')" },
};

int permits_check_form(const struct permissions *g, enum permits_form form, void (*degraded)(void *ctx, const struct ps_err *why),
		       void *ctx, struct ps_err *e)
{
	const bool strict = !(g->settings.best_effort.set && g->settings.best_effort.v);

	for (size_t i = 0; i < PS_COUNT(watched); i++) {
		const struct perm_limit *l = (const void *)((const char *)&g->settings + watched[i].off);
		struct ps_err why = { 0 };

		if (!l->set || watched[i].forms >> form & 1)
			continue;
		(void)ps_fail(&why, PS_E_UNSUPP, "%s", watched[i].text);
		(void)ps_at_from(&why, l->from ? l->from : "", "");
		if (strict) {
			*e = why;
			return -1;
		}
		if (degraded)
			degraded(ctx, &why);
	}
	return 0;
}

/* A denied file that is found by another way is denied as well; a pattern may find any: then nothing is asked. */
static bool has_pattern(const struct perm_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].value && strpbrk(l->v[i].value, "*?"))
			return true;
	return false;
}

/* Files are asked about where they are the host's own, at their own places: without a bundle. */
static unsigned never_asked(const struct permissions *g, const struct policy *p)
{
	unsigned these = p->rootfs.path ? 1U << POLICY_READ | 1U << POLICY_WRITE : 0;

	if (has_pattern(&g->of[POLICY_READ].deny) || has_pattern(&g->of[POLICY_READ].ignore))
		these |= 1U << POLICY_READ;
	return has_pattern(&g->of[POLICY_WRITE].deny) ? these | 1U << POLICY_WRITE : these;
}

int permits_settle(struct ps_arena *a, const struct permissions *g, const struct policy *p, enum permits_asked asked,
		   const struct permissions **ret, struct ps_err *e)
{
	const unsigned never = permissions_ask(g) ? never_asked(g, p) : 0;

	if (never && permissions_without_asking(a, g, never, &g, e) < 0)
		return -1;
	*ret = g;
	if (asked == PERMITS_ASKED_AS_SAID || g->settings.broker || !permissions_ask(g))
		return 0;
	if (asked == PERMITS_ASKED_TERMINAL)
		return prompt_possible() ? 0 : permissions_without_asking(a, g, ~0U, ret, e);
	(void)ps_fail(e, PS_E_UNSUPP, "mode 'ask' needs a terminal, which only 'podshim run' in the foreground has: give --broker SOCKET, or --no-prompt");
	return ps_at_from(e, g->settings.mode.from ? g->settings.mode.from : "", "");
}

int permits_apply(struct ps_arena *a, const struct policy *p, const struct permissions *g, int root_fd,
		  const struct host *host, const struct permits_use *use, const struct policy **ret, struct ps_err *e)
{
	const unsigned files = 1U << POLICY_READ | 1U << POLICY_WRITE | 1U << POLICY_RUN | 1U << POLICY_FFI;
	const struct restrict_host h = {
		.root_fd = root_fd, .landlock_abi = host->landlock_abi, .mdwe = host->mdwe, .memfd_noexec = host->memfd_noexec,
		.resolv_conf = ps_arena_printf(a, "%s/%s", use->root, permissions_ask(g) ? RESOLV_CONF_ASK : RESOLV_CONF), .notify = !use->no_supervisor, .ping = may_ping(), .audit_files = use->tell_files || (g->settings.audit.allowed | g->settings.audit.denied) & files, .home = getenv("HOME"), .show = use->show, .kept = use->kept, .apart = use->apart, .tell_calls = use->tell_calls,
	};

	struct permissions lenient = *g;

	lenient.settings.best_effort = (struct opt_bool){ true, true };
	return h.resolv_conf ? permissions_restrict(a, p, use->judge ? &lenient : g, &h, ret, e) : ps_fail_os(e, "memory for permissions");
}

static int write_once(int dir, const char *root, const char *name, const char *text, struct ps_err *e)
{
	char tmp[64];

	if (faccessat(dir, name, R_OK, 0) == 0)
		return 0;
	(void)snprintf(tmp, sizeof(tmp), "%s.%d", name, (int)getpid());
	ps_auto_fd int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	/* A payload of any user reads it. */
	if (fd < 0 || fchmod(fd, 0644) < 0 || ps_write_all(fd, text, strlen(text)) < 0 || renameat(dir, tmp, dir, name) < 0)
		return ps_fail_os(e, "write '%s/%s'", root, name);
	return 0;
}

int permits_write_resolv_conf(const char *root, const struct policy *p, struct ps_err *e)
{
	if (!p->resolver)
		return 0;
	ps_auto_fd int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return ps_fail_os(e, "open '%s'", root);
	return write_once(dir, root, RESOLV_CONF, "nameserver " PLAN_RESOLVER_ADDRESS "\noptions timeout:5 attempts:2\n", e) < 0 ||
			       write_once(dir, root, RESOLV_CONF_ASK, "nameserver " PLAN_RESOLVER_ADDRESS "\noptions timeout:30 attempts:5\n", e) < 0
		       ? -1 : 0;
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

/* What denied paths lead to, and the runtime's own files: nobody is asked about these by another name. */
static int deny_places(struct ps_arena *a, struct perm_rules *rules, const struct perm_list *denied, const char *root)
{
	const struct perm_list old = rules->deny;
	struct perm_entry *v = ps_arena_array(a, old.n + denied->n + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -1;
	for (; n < old.n; n++)
		v[n] = old.v[n];
	for (size_t i = 0; i <= denied->n; i++) {
		const char *value = i < denied->n ? denied->v[i].value : root;
		ps_auto_fd int fd = value ? open(value, O_PATH | O_CLOEXEC) : -1;
		char path[PATH_MAX];
		const ssize_t len = fd < 0 ? -1 : ps_fd_path(fd, path);

		if (len <= 0 || (i < denied->n && (size_t)len == strlen(value) && !memcmp(path, value, (size_t)len)))
			continue;
		v[n] = (struct perm_entry){ .permission = POLICY_READ, .action = POLICY_DENY, .value = ps_arena_strndup(a, path, (size_t)len),
					    .from = i < denied->n ? denied->v[i].from : "podshim's own files", .implied = true };
		if (!v[n++].value)
			return -1;
	}
	rules->deny = (struct perm_list){ v, n };
	return 0;
}

static int deny_other_names(struct ps_arena *a, struct permissions *p, const char *root)
{
	struct perm_rules *read = &p->of[POLICY_READ], *write = &p->of[POLICY_WRITE];

	if (!read->asks && !write->asks)
		return 0;
	const struct perm_list denied = read->deny, ignored = read->ignore, kept = write->deny;

	return deny_places(a, read, &denied, root) < 0 || deny_places(a, read, &ignored, NULL) < 0 || deny_places(a, write, &kept, root) < 0 ||
			       deny_places(a, write, &denied, NULL) < 0 ? -1 : 0;
}

int permits_effective(struct ps_arena *a, const struct permissions *g, const struct policy *p, const char *root,
		      const struct permissions **ret, struct ps_err *e)
{
	struct permissions *copy = ps_arena_new(a, struct permissions);

	if (!copy)
		return ps_fail_os(e, "memory for permissions");
	*copy = *g;
	if (deny_other_names(a, copy, root) < 0)
		return ps_fail_os(e, "memory for permissions");
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

static int rules_of(const struct plan *p, int objects, struct policy_landlock_rule *ret, struct ps_err *e)
{
	const struct plan_landlock_rule *row = PLAN_ROWS(p, struct plan_landlock_rule, p->landlock);
	const size_t size = p->landlock.n * sizeof(struct ps_object);
	ps_auto_mem struct ps_object *o = malloc(size + 1);

	if (!o)
		return ps_fail_os(e, "memory for the rules of files");
	/* One read: it is a file. */
	if (pread(objects, o, size, 0) != (ssize_t)size)
		return ps_fail(e, PS_E_PEER, "launch: init did not say what each of its rules is about");
	for (uint32_t i = 0; i < p->landlock.n; i++)
		ret[i] = (struct policy_landlock_rule){ plan_str(p, row[i].from), plan_str(p, row[i].path), row[i].access, true, o[i] };
	return 0;
}

int permits_keep_rules(const struct state_dir *d, const struct plan *plan, int objects, struct ps_err *e)
{
	ps_auto_mem struct policy_landlock_rule *rules = calloc(plan->landlock.n + 1, sizeof(*rules));
	const struct policy_landlock l = { plan->landlock_fs, plan->landlock_scoped, rules, plan->landlock.n };
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (!rules)
		return ps_fail_os(e, "memory for the rules of files");
	if (l.n_rules && rules_of(plan, objects, rules, e) < 0)
		return -1;
	kept_rules_save(&l, &text);
	if (text.failed)
		return ps_fail_os(e, "memory for the rules of files");
	return state_put(d, PERMITS_RULES, text.data, text.len, e);
}

int permits_kept_rules(struct ps_arena *a, const struct state_dir *d, struct policy_landlock *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (state_get(d, PERMITS_RULES, &text, e) < 0)
		return -1;
	return kept_rules_load(a, PERMITS_RULES, text.data ? text.data : "", text.len, ret, e);
}
