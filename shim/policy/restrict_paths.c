/* SPDX-License-Identifier: Apache-2.0
 * restrict_paths.c - values of entries to the paths of the container that they stand for now.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

enum { MATCHES_MAX = 1024, VISITS_MAX = 65536, DEPTH_MAX = 32 };

/* ---- Globs: "*" within a name, "**" for any number of directories ---- */

struct globbing {
	struct restricting *r;
	struct text_set matches;
	size_t visits;
	bool more;
};

static bool name_matches(const char *pattern, size_t n, const char *name)
{
	const char *end = pattern + n, *star = NULL, *mark = NULL;

	/* Hidden names are names like others: a deny entry must not miss them. */
	while (*name) {
		if (pattern < end && *pattern == '*') {
			star = pattern++;
			mark = name;
		} else if (pattern < end && *pattern == *name) {
			pattern++, name++;
		} else if (star) {
			pattern = star + 1;
			name = ++mark;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

static int expand(struct globbing *g, const char *dir, const char *pattern, unsigned depth);

static int expand_name(struct globbing *g, const char *dir, const char *name, const char *rest, unsigned depth)
{
	char path[PATH_MAX];

	if (ps_path_join(path, sizeof(path), dir, name) < 0)
		return 0;
	if (*rest)
		return expand(g, path, rest, depth + 1);
	if (g->matches.n >= MATCHES_MAX) {
		g->more = true;
		return 0;
	}
	return text_set_add(&g->matches, path) < 0 ? restrict_oom(g->r) : 0;
}

/* Below a directory, all that matches: links only where the pattern names them, so that there are no circles. */
static int expand(struct globbing *g, const char *dir, const char *pattern, unsigned depth)
{
	size_t n = strcspn(pattern, "/");
	const char *rest = pattern + n + strspn(pattern + n, "/");
	bool any_depth = n == 2 && pattern[0] == '*' && pattern[1] == '*';
	struct view_found f, in;
	struct spec_strs names;
	char path[PATH_MAX];

	if (!memchr(pattern, '*', n)) {
		char name[NAME_MAX + 1];

		if (n > NAME_MAX)
			return 0;
		memcpy(name, pattern, n);
		name[n] = '\0';
		/* What nothing but the pattern's end names must be there. */
		if (!*rest && (ps_path_join(path, sizeof(path), dir, name) < 0 ||
			       view_find(&g->r->view, path, &f) < 0 || f.kind == VIEW_NONE))
			return 0;
		return expand_name(g, dir, name, rest, depth);
	}
	if (any_depth && *rest && expand(g, dir, rest, depth) < 0)
		return -1;
	if (view_find(&g->r->view, dir, &f) < 0 || f.kind != VIEW_DIR)
		return 0;
	g->more |= depth >= DEPTH_MAX || g->visits >= VISITS_MAX;
	if (g->more)
		return 0;
	bool more = false;

	if (view_list(&g->r->view, &f, VISITS_MAX - g->visits, &names, &more) < 0)
		return errno == ENOMEM ? restrict_oom(g->r) : 0;
	g->visits += names.n + 1;
	g->more |= more;
	for (size_t i = 0; i < names.n; i++) {
		if (!any_depth) {
			if (name_matches(pattern, n, names.v[i]) && expand_name(g, dir, names.v[i], rest, depth) < 0)
				return -1;
			continue;
		}
		if (!*rest && expand_name(g, dir, names.v[i], "", depth) < 0)
			return -1;
		/* A directory, not a link to one: then its path is its own. */
		if (ps_path_join(path, sizeof(path), f.path, names.v[i]) < 0 || view_find(&g->r->view, path, &in) < 0 ||
		    in.kind != VIEW_DIR || strcmp(in.path, path) != 0)
			continue;
		if (expand(g, path, pattern, depth + 1) < 0)
			return -1;
	}
	return 0;
}

/* ---- Places ---- */

static int add_place(struct restricting *r, const struct perm_entry *e, const struct view_found *at, struct rows *places)
{
	struct perm_place *row = rows_add(r, places);

	if (!row)
		return -1;
	*row = (struct perm_place){ e, *at };
	return 0;
}

static int find_place(struct restricting *r, const struct perm_entry *e, const char *path, missing_fn *missing,
		      struct rows *places)
{
	struct view_found at;
	int rc = 1;

	if (view_find(&r->view, path, &at) < 0)
		return errno == ENOMEM ? restrict_oom(r)
				       : cannot(r, e->permission, e->from, "'%s' leads nowhere: %s", path, strerror(errno));
	if (at.kind == VIEW_NONE)
		rc = missing ? missing(r, e, &at) : 0;
	return rc <= 0 ? rc : add_place(r, e, &at, places);
}

static int find_glob(struct restricting *r, const struct perm_entry *e, missing_fn *missing, struct rows *places)
{
	struct globbing g = { .r = r, .matches = { .arena = r->a } };

	if (expand(&g, "/", e->value + strspn(e->value, "/"), 0) < 0)
		return -1;
	if (g.more && cannot(r, e->permission, e->from, "'%s' stands for too many paths", e->value) < 0)
		return -1;
	if (note(r, e->permission, "'%s' stands for %zu paths, and for none that is made later%s%s%s", e->value,
		 g.matches.n, g.matches.n ? ": " : "", g.matches.n ? g.matches.v[0] : "", g.matches.n > 1 ? ", ..." : "") < 0)
		return -1;
	for (size_t i = 0; i < g.matches.n; i++)
		if (find_place(r, e, g.matches.v[i], missing, places) < 0)
			return -1;
	return 0;
}

int find_places(struct restricting *r, const struct perm_list *l, missing_fn *missing, struct rows *places)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct perm_entry *e = &l->v[i];
		int rc = 0;

		/* A name of a program is none of the file system's. */
		if (!e->value || e->value[0] != '/')
			continue;
		rc = strchr(e->value, '*') ? find_glob(r, e, missing, places)
					   : find_place(r, e, e->value, missing, places);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- What is denied ---- */

/* What is missing can't be hidden; whoever could make it is looked at when the writable paths are known. */
static int keep(struct restricting *r, const struct perm_entry *entry, const struct view_found *at)
{
	(void)r, (void)entry, (void)at;
	return 1;
}

const char *restrict_search_path(const struct restricting *r)
{
	const struct spec_kvs *set = &r->g->settings.env_set;

	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->v[i].key, "PATH"))
			return set->v[i].value;
	for (size_t i = 0; r->in->has_process && i < r->in->process.env.n; i++)
		if (!strncmp(r->in->process.env.v[i], "PATH=", 5))
			return r->in->process.env.v[i] + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* A program by its name: wherever PATH has one. */
static int deny_names(struct restricting *r, const struct perm_list *l, struct rows *places)
{
	const char *path = restrict_search_path(r);
	struct view_found at;
	struct ps_err ignored;

	for (size_t i = 0; i < l->n; i++) {
		size_t pos = 0;

		if (!l->v[i].value || strchr(l->v[i].value, '/'))
			continue;
		while (closing_find(&r->view, path, l->v[i].value, &pos, &at, &ignored) == 0)
			if (add_place(r, &l->v[i], &at, places) < 0)
				return -1;
	}
	return 0;
}

int restrict_denied(struct restricting *r)
{
	static const enum policy_permission of[] = { POLICY_READ, POLICY_WRITE, POLICY_RUN, POLICY_FFI };

	for (size_t i = 0; i < PS_COUNT(of); i++) {
		const struct perm_list *l = &r->g->of[of[i]].deny;
		struct rows places = ROWS(struct perm_place);

		if (find_places(r, l, keep, &places) < 0 || (of[i] == POLICY_RUN && deny_names(r, l, &places) < 0))
			return -1;
		r->denied[of[i]] = (struct perm_places){ places.v, places.n };
	}
	return 0;
}

bool is_denied(const struct restricting *r, enum policy_permission p, const char *path)
{
	const struct perm_places *l = &r->denied[p];

	for (size_t i = 0; i < l->n; i++)
		if (view_below(path, l->v[i].at.path))
			return true;
	return false;
}
