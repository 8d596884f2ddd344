/* SPDX-License-Identifier: Apache-2.0
 * perm_file.c - policy files, what they extend, and their named sets become layers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scope.h"
#include "base/table.h"
#include "shim/policy/perm_schema.h"

enum { MAX_DEPTH = 8, MAX_BYTES = 1 << 20 };

/* A document that is being read, and the chain of those that extend it. */
struct source {
	const struct source *by;
	const char *name, *path; /* path NULL: no file */
	dev_t dev;
	ino_t ino;
	enum perm_kind kind;
	unsigned depth;
};
struct loading {
	struct ps_arena *arena;
	enum perm_rank rank;
	struct perm_layers *l;
	struct ps_err *e;
};

#define PRESET(symbol, name, file) extern const char symbol[], symbol##_end[];
#include "shim/policy/presets.def"
#undef PRESET

static const struct {
	const char *name, *text, *end;
} presets[] = {
#define PRESET(symbol, name, file) { name, symbol, symbol##_end },
#include "shim/policy/presets.def"
#undef PRESET
};

static int fail_memory(const struct loading *c, const char *name)
{
	return ps_fail_os(c->e, "read the policy '%s'", name);
}

static int finish(const struct loading *c, const struct source *s, struct perm_builder *b,
		  const struct perm_layer **ret)
{
	if (perm_builder_done(b, ret, c->e) == 0)
		return 0;
	if (c->e)
		c->e->cls = PS_E_CONFIG;
	return ps_at(c->e, "%s", s->name);
}

/* ---- named sets ---- */
static int unknown_set(const struct loading *c, const struct source *s, const struct json *sets,
		       const char *set)
{
	const char *names[32], *best;
	size_t n = 0;

	for (size_t i = 0; sets && i < sets->v.list.n && n < PS_COUNT(names); i++)
		names[n++] = sets->v.list.items[i].key;
	best = ps_closest(set, names, n);
	(void)ps_fail(c->e, PS_E_CONFIG, "has no permission set '%.60s'%s%s%s", set,
		      best ? " (did you mean '" : "", best ? best : "", best ? "'?)" : "");
	return ps_at(c->e, "%s", s->name);
}

/* All sets are read, so that a mistake shows at once; the chosen one becomes a layer. */
static int read_sets(const struct loading *c, const struct source *s, const struct json *sets,
		     const char *set)
{
	struct perm_doc d = { c->arena, s->name, s->kind, c->e };

	if (sets && sets->type != JSON_OBJECT)
		return json_fail(sets, s->name, c->e, "expected an object of permission sets, found %s",
				 json_type_name(sets->type));
	if (set && !json_get(sets, set))
		return unknown_set(c, s, sets, set);
	for (size_t i = 0; sets && i < sets->v.list.n; i++) {
		const struct json *node = &sets->v.list.items[i];
		const char *name = ps_arena_printf(c->arena, "%s#%s", s->name, node->key);
		struct perm_builder *b = name ? perm_builder_new(c->arena, c->rank, name) : NULL;
		const struct perm_layer *layer;
		if (!b)
			return fail_memory(c, s->name);
		if (perm_read_permissions(&d, node, b) < 0 || finish(c, s, b, &layer) < 0)
			return -1;
		if (set && !strcmp(set, node->key) && perm_layers_append(c->l, layer, c->e) < 0)
			return -1;
	}
	return 0;
}

/* ---- what a document extends ---- */
static int load_file(const struct loading *c, const char *path, const char *set, struct source *s);
static int load_text(const struct loading *c, const struct source *s, const char *text, size_t n,
		     const char *set);

static int load_preset(const struct loading *c, const char *name, struct source *s)
{
	const char *names[PS_COUNT(presets)], *best;

	for (size_t i = 0; i < PS_COUNT(presets); i++) {
		names[i] = presets[i].name;
		if (strcmp(name, presets[i].name) != 0)
			continue;
		for (const struct source *by = s->by; by; by = by->by)
			if (!strcmp(by->name, s->name))
				return ps_fail(c->e, PS_E_CONFIG, "'%s' extends itself", s->name);
		return load_text(c, s, presets[i].text, (size_t)(presets[i].end - presets[i].text), NULL);
	}
	best = ps_closest(name, names, PS_COUNT(names));
	return ps_fail(c->e, PS_E_CONFIG, "there is no policy 'builtin:%.60s'%s%s%s", name,
		       best ? " (did you mean 'builtin:" : "", best ? best : "", best ? "'?)" : "");
}

/* Beside the file that names it, unless absolute. */
static int extended_path(const struct loading *c, const struct source *by, const char *name,
			 char path[PATH_MAX])
{
	const char *slash = by->path ? strrchr(by->path, '/') : NULL;
	char dir[PATH_MAX] = ".";

	if (*name != '/' && !by->path)
		return ps_fail(c->e, PS_E_CONFIG,
			       "'%.100s' is a relative path, and this policy is in no directory", name);
	if (slash) {
		memcpy(dir, by->path, (size_t)(slash - by->path) + 1);
		dir[slash - by->path + 1] = '\0';
	}
	if (*name == '/' ? strlen(name) >= PATH_MAX : ps_path_join(path, PATH_MAX, dir, name) < 0)
		return ps_fail(c->e, PS_E_CONFIG, "'%.100s...' is longer than a path can be", name);
	if (*name == '/')
		memcpy(path, name, strlen(name) + 1);
	return 0;
}

static int load_extended(const struct loading *c, const struct source *by, const char *name)
{
	static const char builtin[] = "builtin:";
	struct source s = { .by = by, .name = name, .kind = by->kind, .depth = by->depth + 1 };
	char path[PATH_MAX];

	if (s.depth > MAX_DEPTH)
		return ps_fail(c->e, PS_E_CONFIG, "'%.100s' would be more than %d policies deep", name,
			       MAX_DEPTH);
	if (!strncmp(name, builtin, sizeof(builtin) - 1))
		return load_preset(c, name + sizeof(builtin) - 1, &s);
	if (extended_path(c, by, name, path) < 0)
		return -1;
	return load_file(c, path, NULL, &s);
}

static int read_extends(const struct loading *c, const struct source *s, const struct json *node)
{
	const struct json *items = node;
	size_t n = 1;

	if (!node)
		return 0;
	if (node->type == JSON_ARRAY) {
		items = node->v.list.items;
		n = node->v.list.n;
	}
	for (size_t i = 0; i < n; i++) {
		if (items[i].type != JSON_STRING || !*items[i].v.s)
			return json_fail(&items[i], s->name, c->e,
					 "expected the name of a policy, as in \"builtin:base-linux\"");
		if (perm_check_text(items[i].v.s, c->e) < 0)
			return json_fail(&items[i], s->name, c->e, "%s", c->e ? c->e->msg : "");
		if (load_extended(c, s, items[i].v.s) == 0)
			continue;
		/* Its own place is more telling. */
		if (c->e && c->e->where[0])
			return ps_ctx(c->e, "extended by '%s'", s->name);
		char pointer[64];
		return ps_at(c->e, "%s: %s", s->name, json_pointer(&items[i], pointer, sizeof(pointer)));
	}
	return 0;
}

/* ---- documents ---- */
static bool is_deno(const struct source *s, const struct json *root)
{
	const char *slash = s->path ? strrchr(s->path, '/') : NULL, *base = slash ? slash + 1 : s->path;

	return base && !strncmp(base, "deno.json", 9) && !json_get(root, "podshimPolicy");
}

static int load_deno(const struct loading *c, struct source s, const struct json *root, const char *set)
{
	const struct json *sets = json_get(root, "permissions");

	s.kind = PERM_KIND_DENO;
	return read_sets(c, &s, sets, set ? set : "default");
}

static int load_policy(const struct loading *c, const struct source *s, const struct json *root,
		       const char *set)
{
	const struct perm_doc d = { c->arena, s->name, s->kind, c->e };
	const struct json *sets = json_get(root, "permissionSets");
	struct perm_builder *b = perm_builder_new(c->arena, c->rank, s->name);
	const struct perm_layer *layer;

	if (!b)
		return fail_memory(c, s->name);
	if (root->type != JSON_OBJECT)
		return json_fail(root, s->name, c->e, "expected an object, found %s",
				 json_type_name(root->type));
	if (s->path && !json_get(root, "podshimPolicy"))
		return json_fail(root, s->name, c->e, "is no policy: it has no \"podshimPolicy\": 1");
	if (perm_read_document(&d, root, b) < 0 || finish(c, s, b, &layer) < 0)
		return -1;
	if (sets && !set && !s->by && !json_get(root, "permissions"))
		return json_fail(sets, s->name, c->e, "there are permission sets alone: name one of them");
	return read_extends(c, s, json_get(root, "extends")) < 0 ||
			       perm_layers_append(c->l, layer, c->e) < 0 || read_sets(c, s, sets, set) < 0
		       ? -1
		       : 0;
}

static int load_text(const struct loading *c, const struct source *s, const char *text, size_t n,
		     const char *set)
{
	struct json *root;

	if (json_parse(c->arena, s->name, text, n, &root, c->e) < 0)
		return -1;
	return is_deno(s, root) ? load_deno(c, *s, root, set) : load_policy(c, s, root, set);
}

/* ---- files ---- */
static int fail_open(const struct loading *c, const char *path)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return ps_fail(c->e, PS_E_NOTFOUND, "there is no policy '%s'", path);
	if (errno == EACCES)
		return ps_fail(c->e, PS_E_DENIED, "the policy '%s' is not ours to read", path);
	return ps_fail_os(c->e, "open the policy '%s'", path);
}

/* Whoever writes a policy decides. */
static int check_owner(const char *path, const struct stat *st, struct ps_err *e)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ps_fail(e, PS_E_CONFIG, "'%s' is owned by user %u, who is neither root nor us", path,
			       st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return ps_fail(e, PS_E_CONFIG,
			       "'%s' can be written by others than its owner: 'chmod go-w' it", path);
	return 0;
}

static int load_file(const struct loading *c, const char *path, const char *set, struct source *s)
{
	/* A fifo would wait for a writer. */
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct stat st;

	if (fd < 0)
		return fail_open(c, path);
	if (fstat(fd, &st) < 0)
		return ps_fail_os(c->e, "look at the policy '%s'", path);
	if (!S_ISREG(st.st_mode))
		return ps_fail(c->e, PS_E_CONFIG, "'%s' is no regular file", path);
	if (check_owner(path, &st, c->e) < 0)
		return -1;
	s->path = s->name = ps_arena_strdup(c->arena, path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (!s->name)
		return fail_memory(c, path);
	for (const struct source *by = s->by; by; by = by->by)
		if (by->path && by->dev == s->dev && by->ino == s->ino)
			return ps_fail(c->e, PS_E_CONFIG, "'%s' extends itself", path);
	if (ps_read_fd(fd, path, MAX_BYTES, &text, c->e) < 0)
		return -1;
	return load_text(c, s, text.data ? text.data : "", text.len, set);
}

int perm_layers_of_file(struct ps_arena *a, const char *path, const char *set, enum perm_rank rank,
			struct perm_layers *l, struct ps_err *e)
{
	const struct loading c = { a, rank, l, e };
	struct source s = { .kind = PERM_KIND_POLICY };
	size_t n = l->n;

	if (!strncmp(path, "builtin:", 8))
		s.name = path;
	if (s.name ? load_preset(&c, path + 8, &s) == 0 : load_file(&c, path, set, &s) == 0)
		return 0;
	l->n = n;
	return -1;
}

int perm_layers_of_text(struct ps_arena *a, const char *name, const char *text, size_t n, const char *set,
			enum perm_rank rank, bool narrow_only, struct perm_layers *l, struct ps_err *e)
{
	const struct loading c = { a, rank, l, e };
	struct source s = { .name = name, .kind = narrow_only ? PERM_KIND_NARROW : PERM_KIND_POLICY };
	size_t before = l->n;

	if (n > MAX_BYTES)
		return ps_fail(e, PS_E_CONFIG, "%s is larger than %d bytes", name, MAX_BYTES);
	if (load_text(&c, &s, text, n, set) == 0)
		return 0;
	l->n = before;
	return -1;
}

int perm_ceiling_of_file(struct ps_arena *a, const char *path, const struct perm_layer **ret,
			 struct ps_err *e)
{
	struct perm_layers l = { .n = 0 };
	const struct loading c = { a, PERM_SYSTEM, &l, e };
	struct source s = { .kind = PERM_KIND_CEILING };
	struct stat st;

	/* A link to nowhere is a mistake, not the absence of a ceiling. */
	if (lstat(path, &st) < 0 && errno == ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (load_file(&c, path, NULL, &s) < 0)
		return -1;
	*ret = l.v[0];
	return 0;
}

/* ---- a directory of files ---- */
static int compare_names(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static bool is_policy_name(const char *name)
{
	size_t n = strlen(name);

	return *name != '.' && n > 5 && !strcmp(name + n - 5, ".json");
}

/* Names of policies in dir, sorted; the count or -1. */
static int list_policies(struct ps_arena *a, DIR *dir, const char *path, const char *names[], size_t max,
			 struct ps_err *e)
{
	const struct dirent *entry;
	size_t n = 0;

	while ((errno = 0, entry = readdir(dir))) {
		if (!is_policy_name(entry->d_name))
			continue;
		if (n == max)
			return ps_fail(e, PS_E_CONFIG, "'%s' has more than %zu policies", path, max);
		names[n] = ps_arena_printf(a, "%s/%s", path, entry->d_name);
		if (!names[n++])
			return ps_fail_os(e, "list the policies in '%s'", path);
	}
	if (errno)
		return ps_fail_os(e, "list the policies in '%s'", path);
	qsort(names, n, sizeof(*names), compare_names);
	return (int)n;
}

int perm_layers_of_system(struct ps_arena *a, const char *dir, struct perm_layers *l, struct ps_err *e)
{
	ps_auto_dir DIR *d = opendir(dir);
	const char *names[PS_COUNT(l->v)];
	size_t before = l->n;
	struct stat st;
	int n;

	if (!d && errno == ENOENT && lstat(dir, &st) < 0)
		return 0;
	if (!d)
		return ps_fail_os(e, "open the policies in '%s'", dir);
	if (fstat(dirfd(d), &st) < 0)
		return ps_fail_os(e, "look at the policies in '%s'", dir);
	if (check_owner(dir, &st, e) < 0)
		return -1;
	n = list_policies(a, d, dir, names, PS_COUNT(names), e);
	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (perm_layers_of_file(a, names[i], NULL, PERM_SYSTEM, l, e) < 0) {
			l->n = before;
			return -1;
		}
	return 0;
}
