/* SPDX-License-Identifier: Apache-2.0
 * program_grants.c - what a program without a bundle may do, and what it has to see of the host for that.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "shim/pod/permits.h"
#include "shim/pod/program.h"

#define SCRATCH "/tmp"

static int imply(struct ps_arena *a, struct permissions *g, enum policy_permission p, const char *const *paths, size_t n_paths,
		 const char *from, struct ps_err *e)
{
	struct perm_rules *rules = &g->of[p];
	struct perm_entry *v = ps_arena_array(a, rules->allow.n + n_paths + 1, sizeof(*v));
	size_t n = 0;

	if (rules->all)
		return 0;
	if (!v)
		return ps_fail_os(e, "memory for permissions");
	for (; n < rules->allow.n; n++)
		v[n] = rules->allow.v[n];
	for (size_t i = 0; i < n_paths; i++)
		v[n++] = (struct perm_entry){ .permission = p, .value = paths[i], .from = from, .implied = true };
	rules->allow = (struct perm_list){ v, n };
	return 0;
}

/* A script is read by its interpreter: Deno's main module needs no flag either.  What is in its own /tmp is nobody else's. */
static int allow_own_files(struct ps_arena *a, const struct program *p, struct permissions *g, struct ps_err *e)
{
	static const char *const scratch[] = { SCRATCH };

	return imply(a, g, POLICY_READ, &p->file, 1, "the program itself", e) < 0 ||
			       imply(a, g, POLICY_READ, p->files.v, p->files.n, "the program itself", e) < 0 ||
			       imply(a, g, POLICY_READ, scratch, 1, PROGRAM_OWN_TMP, e) < 0
		       ? -1 : imply(a, g, POLICY_WRITE, scratch, 1, PROGRAM_OWN_TMP, e);
}

/* What --bind names was asked for; a rule that denies it counts more, as always. */
static int allow_binds(struct ps_arena *a, const struct program_request *q, struct permissions *g, struct ps_err *e)
{
	for (size_t i = 0; i < q->n_binds; i++) {
		const struct program_bind *b = &q->binds[i];

		if (imply(a, g, POLICY_READ, &b->at, 1, "--bind", e) < 0 ||
		    (b->writable && imply(a, g, POLICY_WRITE, &b->at, 1, "--bind", e) < 0))
			return -1;
	}
	return 0;
}

static bool is_name_of_any(const char *path, size_t n, const char *const *names, size_t n_names)
{
	const char *slash = memrchr(path, '/', n), *name = slash ? slash + 1 : path;

	n -= (size_t)(name - path);
	for (size_t i = 0; i < n_names; i++)
		if (strlen(names[i]) == n && !memcmp(name, names[i], n))
			return true;
	return false;
}

/*
 * A compiler at run time takes memory that is first written and then executed: these programs end without it.  Of a "#!" line
 * every word counts: "/usr/bin/env -S VAR=value node --flag" is one, too.
 */
static bool compiles_as_it_runs(const struct program *p)
{
	static const char *const names[] = { "node", "nodejs", "deno", "bun", "java", "luajit", "pypy", "pypy3", "dotnet", "julia" };
	const char *const words[] = { p->file, p->args.n ? p->args.v[0] : p->file, p->first_line ? p->first_line : "" };

	for (size_t w = 0; w < PS_COUNT(words); w++) {
		const char *blanks = words[w] == p->first_line ? " \t" : "", *at = words[w];

		for (size_t n; *(at += strspn(at, blanks)); at += n) {
			n = strcspn(at, blanks);
			if (is_name_of_any(at, n, names, PS_COUNT(names)))
				return true;
		}
	}
	return false;
}

int program_permissions(struct ps_arena *a, const struct program_request *q, const struct program *p,
			const struct perm_layers *operators, const struct permissions **ret, struct ps_err *e)
{
	const struct policy here = { .file = "program", .has_process = true, .process.cwd = q->cwd };
	const struct permissions *g;
	struct permissions *own;

	if (permits_collect(a, &here, operators, /* program= */ true, &g, e) < 0)
		return -1;
	own = ps_arena_new(a, struct permissions);
	if (!own)
		return ps_fail_os(e, "memory for permissions");
	*own = *g;
	if (!own->settings.jit.set && compiles_as_it_runs(p))
		own->settings.jit = (struct opt_bool){ true, true };
	*ret = own;
	return allow_own_files(a, p, own, e) < 0 ? -1 : allow_binds(a, q, own, e);
}

struct grants {
	struct ps_arena *a;
	const struct perm_list *ignored;
	const struct program_request *q;
	struct program_bind *v;
	size_t n, max;
	bool makes_dirs;
	struct ps_err *e;
};

/* What is below the place of a --bind is the bind's, not the host's. */
static bool is_bound(const struct grants *g, const char *path, bool writable)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct program_bind *b = &g->v[i];

		if (perm_path_below(path, b->at ? b->at : b->path) && (b->at || !writable || b->writable))
			return true;
	}
	return false;
}

static int append(struct grants *g, const struct program_bind *b)
{
	if (g->n == g->max) {
		struct program_bind *v = ps_arena_array(g->a, 2 * g->max + 16, sizeof(*v));

		if (!v)
			return ps_fail_os(g->e, "memory for binds");
		if (g->n)
			memcpy(v, g->v, g->n * sizeof(*v));
		g->v = v;
		g->max = 2 * g->max + 16;
	}
	g->v[g->n++] = *b;
	return 0;
}

/* What is not bound is not there, as it should seem. */
static bool is_ignored(const struct grants *g, const char *path)
{
	for (size_t i = 0; i < g->ignored->n; i++)
		if (g->ignored->v[i].value && perm_path_below(path, g->ignored->v[i].value))
			return true;
	return false;
}

static int add(struct grants *g, const char *path, bool writable)
{
	struct stat st;

	if (is_ignored(g, path))
		return 0;

	/* Its own /tmp is not the host's; what is missing is no bind: restrict says so, unless it may be. */
	if (strcmp(path, SCRATCH) == 0 || lstat(path, &st) < 0 || (!writable && program_sees(g->q, path)) || is_bound(g, path, writable))
		return 0;
	for (size_t i = 0; i < g->n; i++) {
		if (!g->v[i].at && !strcmp(g->v[i].path, path)) {
			g->v[i].writable |= writable;
			return 0;
		}
	}
	return append(g, &(struct program_bind){ .path = path, .writable = writable });
}

/* The directory in front of the first component that is a pattern. */
static const char *fixed_part(struct ps_arena *a, const char *path)
{
	const char *star = strpbrk(path, "*?");
	size_t n = star ? (size_t)(star - path) : strlen(path);

	while (star && n > 1 && path[n - 1] != '/')
		n--;
	while (star && n > 1 && path[n - 1] == '/')
		n--;
	return ps_arena_strndup(a, path, n);
}

/* Everything: what is in "/" and not the system's own. */
static int add_everything(struct grants *g, bool writable)
{
	static const char *const apart[] = { ".", "..", "proc", "sys", "dev", "tmp", "run" };
	DIR *dir = opendir("/");
	struct dirent *d;
	int rc = 0;

	if (!dir)
		return ps_fail_os(g->e, "list '/'");
	while (rc == 0 && (d = readdir(dir))) {
		bool skip = false;

		for (size_t i = 0; i < PS_COUNT(apart); i++)
			skip |= !strcmp(d->d_name, apart[i]);
		const char *path = skip ? NULL : ps_arena_printf(g->a, "/%s", d->d_name);

		if (skip)
			continue;
		struct stat st;

		if (!path)
			rc = ps_fail_os(g->e, "memory for binds");
		else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			rc = add(g, path, writable);
	}
	closedir(dir);
	return rc;
}

/* `path/`: a link that leads nowhere is no directory, and stays; so does what is there. */
static int make_missing(struct grants *g, const struct perm_entry *en, const char *path)
{
	struct stat st;

	if (!g->makes_dirs || !en->make_dir || is_ignored(g, path) || lstat(path, &st) == 0 || mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	return ps_fail_os(g->e, "%s: make directory '%s'", en->from, path);
}

static int add_files(struct grants *g, const struct perm_rules *rules, bool writable)
{
	if (rules->all && add_everything(g, writable) < 0)
		return -1;
	for (size_t i = 0; i < rules->allow.n; i++) {
		const char *value = rules->allow.v[i].value, *path = value ? fixed_part(g->a, value) : NULL;

		if (!value && add_everything(g, writable) < 0)
			return -1;
		if (value && !path)
			return ps_fail_os(g->e, "memory for binds");
		if (path && writable && strcmp(path, value) == 0 && make_missing(g, &rules->allow.v[i], path) < 0)
			return -1;
		/* Of what is only in part in a bind of a whole tree, the rest stays hidden: nothing binds "/". */
		if (path && strcmp(path, "/") == 0 ? add_everything(g, writable) < 0 : path && add(g, path, writable) < 0)
			return -1;
	}
	return 0;
}

/* Variables of the caller that an entry hands over, beside those that --env names. */
static int add_variables(struct ps_arena *a, const struct program_request *q, const struct permissions *p, struct program_request *ret,
			 struct ps_err *e)
{
	size_t n_envp = 0, n = 0;

	while (q->envp[n_envp])
		n_envp++;
	const char **v = ps_arena_array(a, n_envp + q->n_env + 1, sizeof(*v));

	if (!v)
		return ps_fail_os(e, "memory for the environment");
	for (size_t i = 0; i < n_envp; i++) {
		const char *name = ps_arena_strndup(a, q->envp[i], strcspn(q->envp[i], "="));
		const struct perm_query query = { .permission = POLICY_ENV, .value = name };

		if (!name)
			return ps_fail_os(e, "memory for the environment");
		const struct perm_verdict verdict = permissions_decide(p, &query);

		if (*name && (verdict.action == POLICY_ALLOW || verdict.action == POLICY_WARN) &&
		    (verdict.rule || p->of[POLICY_ENV].all) && strncmp(name, "PODSHIM_", 8) != 0)
			v[n++] = name;
	}
	for (size_t i = 0; i < q->n_env; i++)
		v[n++] = q->env[i];
	ret->env = v;
	ret->n_env = n;
	return 0;
}

int program_grants(struct ps_arena *a, const struct program_request *q, const struct permissions *p, struct program_request *ret,
		   struct ps_err *e)
{
	struct grants g = {
		.a = a, .ignored = &p->of[POLICY_READ].ignore, .q = q, .e = e,
		/* What it writes is to be kept apart: so far the host has nothing of it. */
		.makes_dirs = q->makes_dirs && !p->settings.undo.v,
	};
	const struct perm_list *net = &p->of[POLICY_NET].allow;

	for (size_t i = 0; i < q->n_binds; i++)
		if (append(&g, &q->binds[i]) < 0)
			return -1;
	if (add_files(&g, &p->of[POLICY_WRITE], /* writable= */ true) < 0 || add_files(&g, &p->of[POLICY_READ], /* writable= */ false) < 0)
		return -1;
	for (size_t i = 0; i < net->n; i++)
		if (net->v[i].value && net->v[i].net.host == NET_HOST_UNIX && add(&g, net->v[i].net.name, /* writable= */ false) < 0)
			return -1;
	struct program_request with = *q;

	with.binds = g.v;
	with.n_binds = g.n;
	if (add_variables(a, q, p, &with, e) < 0)
		return -1;
	*ret = with;
	return 0;
}
