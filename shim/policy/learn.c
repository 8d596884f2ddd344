/* SPDX-License-Identifier: Apache-2.0
 * learn.c - what a program did -> the smallest lists of permissions that a person would write for it.
 */
#include "shim/policy/learn_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/scope.h"

enum { BUCKETS = 1024, PERMISSIONS_OF_FILES = 1U << POLICY_READ | 1U << POLICY_WRITE | 1U << POLICY_RUN | 1U << POLICY_FFI };

struct node {
	struct node *next;           /* in its bucket */
	enum policy_permission permission;
	const char *text, *why, *wanted; /* why: of a refusal; NULL: an entry */
	uint64_t runs;
	bool folder;
};
struct table { struct node *buckets[BUCKETS]; size_t n; };
struct learn {
	struct ps_arena *a;
	struct learn_facts f;
	struct table entries, refusals, created, modules; /* modules: folders of which files are code of the program's language */
	uint64_t jit;
	struct table listed;         /* folders that are entries only if something of them was used */
};

static bool below(const char *path, const char *dir)
{
	return perm_path_below(path, dir);
}

/* ---- Tables ---- */

static struct node **bucket_of(struct table *t, enum policy_permission p, const char *text)
{
	const unsigned char kind = (unsigned char)p;

	return &t->buckets[ps_fnv64(ps_fnv64(PS_FNV64_INIT, &kind, 1), text, strlen(text)) % BUCKETS];
}

static struct node *find(const struct table *t, enum policy_permission p, const char *text)
{
	const unsigned char kind = (unsigned char)p;
	struct node *n = t->buckets[ps_fnv64(ps_fnv64(PS_FNV64_INIT, &kind, 1), text, strlen(text)) % BUCKETS];

	while (n && (n->permission != p || strcmp(n->text, text) != 0))
		n = n->next;
	return n;
}

/* text[0..len) is copied when it is new. */
static struct node *put(struct learn *l, struct table *t, enum policy_permission p, const char *text, size_t len, uint64_t runs)
{
	const char *copy = ps_arena_strndup(l->a, text, len);
	struct node *n = copy ? find(t, p, copy) : NULL;

	if (!copy)
		return NULL;
	if (!n) {
		struct node **at = bucket_of(t, p, copy);

		n = ps_arena_new(l->a, struct node);
		if (!n)
			return NULL;
		*n = (struct node){ .next = *at, .permission = p, .text = copy };
		*at = n;
		t->n++;
	}
	n->runs |= runs;
	return n;
}

/* ---- Paths ---- */

static bool is_passing(struct learn *l, const char *path, size_t end, size_t name)
{
	const char *prefix = learn_is_random(path + name, end - name) ? ps_arena_strndup(l->a, path, end) : NULL;

	return prefix && (find(&l->created, POLICY_WRITE, prefix) || !l->f.exists(l->f.ctx, prefix));
}

/* Where path has to be cut so that every component can be in a list; passing: names go that another run will not have. */
static size_t stable_len(struct learn *l, const char *path, size_t n, bool passing)
{
	for (size_t i = 1, len; i < n; i += len + 1) {
		for (len = 0; i + len < n && path[i + len] != '/'; len++)
			;
		if (learn_is_no_value(path + i, len) || (passing && is_passing(l, path, i + len, i)))
			return i > 1 ? i - 1 : 1;
	}
	return n;
}

/* ---- One access ---- */

static int refuse(struct learn *l, const struct learn_access *x, const char *why, bool is_use)
{
	const size_t whole = strlen(x->target), n = x->kind == LEARN_CREATE ? learn_parent_len(x->target, whole) : whole;
	struct node *node = put(l, &l->refusals, x->q.permission, x->target, whole, UINT64_C(1) << x->run);

	if (!node)
		return -1;
	node->why = why;
	node->wanted = is_use ? ps_arena_strndup(l->a, x->target, learn_is_wide(l->f.home, x->target, n) ? whole : n) : NULL;
	return is_use && !node->wanted ? -1 : 0;
}

/* What is implied of /tmp, which is the program's own, says nothing of what is the host's there. */
static bool is_implied(const struct learn *l, const struct learn_access *x)
{
	const struct perm_verdict v = permissions_decide(l->f.implied, &x->q);

	if (v.action != POLICY_ALLOW && v.action != POLICY_WARN)
		return false;
	for (size_t i = 0; x->q.value && i < l->f.places.n; i++)
		if (below(x->q.value, l->f.places.v[i]) && v.rule && v.rule->value && !below(v.rule->value, l->f.places.v[i]))
			return false;
	return true;
}

static bool is_place(const struct learn *l, const char *path, size_t n)
{
	for (size_t i = 0; i < l->f.places.n; i++)
		if (strlen(l->f.places.v[i]) == n && !strncmp(l->f.places.v[i], path, n))
			return true;
	return false;
}

static int add_path(struct learn *l, const struct learn_access *x, enum policy_permission p)
{
	const char *path = x->q.value;
	const size_t whole = strlen(path);
	size_t n = whole, stable;
	bool folder = x->kind == LEARN_LIST;

	if (x->kind == LEARN_CREATE) {
		if (!put(l, &l->created, POLICY_WRITE, path, whole, 0))
			return -1;
		n = learn_parent_len(path, n);
		folder = true;
	}
	stable = stable_len(l, path, n, p != POLICY_RUN && !learn_is_system(path));
	n = stable < n ? stable : n;
	folder |= n < whole;
	if (p == POLICY_READ || p == POLICY_FFI) {
		const size_t tree = learn_tree_len(path, n);

		folder |= tree < n;
		n = tree;
	}
	if (folder && !is_place(l, path, n) && learn_is_wide(l->f.home, path, n))
		return refuse(l, x, x->kind == LEARN_LIST ? "the names of a folder that holds nearly everything"
							  : "its folder holds nearly everything, and would be what is allowed",
			      /* is_use= */ false);
	struct node *node = put(l, &l->entries, p, path, n, UINT64_C(1) << x->run);

	if (!node)
		return -1;
	node->folder |= folder;
	return 0;
}

static const char *protected_why(struct learn *l, const char *risk)
{
	const char *text = ps_arena_printf(l->a, "protected: %s", risk);

	return text ? text : "protected";
}

static int note_module(struct learn *l, const char *path)
{
	const size_t n = strlen(path);

	if ((l->f.program && !strcmp(path, l->f.program)) || !learn_is_module(path))
		return 0;
	return put(l, &l->modules, POLICY_READ, path, learn_parent_len(path, n), 0) ? 0 : -1;
}

/* An interpreter looks for modules beside its script whether there are any or not. */
static bool is_search(const struct learn *l, const struct learn_access *x)
{
	const char *program = l->f.program;
	const size_t n = program ? learn_parent_len(program, strlen(program)) : 0;

	return x->kind == LEARN_LIST && n && strlen(x->q.value) == n && !strncmp(x->q.value, program, n);
}

/* Where a link leads is what is decided about; the link must be there. */
static int add_link(struct learn *l, const struct learn_access *x)
{
	if (x->q.permission == POLICY_WRITE || l->f.sees(l->f.ctx, x->q.value))
		return 0;
	return add_path(l, x, POLICY_READ);
}

/* What is run or loaded is there only if it may be read. */
static int add_code(struct learn *l, const struct learn_access *x, enum policy_permission p)
{
	if (add_path(l, x, p) < 0)
		return -1;
	return l->f.sees(l->f.ctx, x->q.value) ? 0 : add_path(l, x, POLICY_READ);
}

static int add_file(struct learn *l, const struct learn_access *x)
{
	const char *name = x->q.permission == POLICY_READ ? learn_sys_name(x->q.value) : NULL;

	if (note_module(l, x->q.value) < 0)
		return -1;
	if (name)
		return put(l, &l->entries, POLICY_SYS, name, strlen(name), UINT64_C(1) << x->run) ? 0 : -1;
	if (x->kind == LEARN_LINK)
		return add_link(l, x);
	if (is_implied(l, x))
		return 0;
	if (is_search(l, x))
		return put(l, &l->listed, POLICY_READ, x->q.value, strlen(x->q.value), UINT64_C(1) << x->run) ? 0 : -1;
	if (x->q.permission == POLICY_READ && x->kind == LEARN_USE && learn_is_library(x->q.value))
		return add_code(l, x, POLICY_FFI);
	return x->q.permission == POLICY_RUN ? add_code(l, x, POLICY_RUN) : add_path(l, x, x->q.permission);
}

struct learn *learn_new(struct ps_arena *a, const struct learn_facts *f)
{
	struct learn *l = ps_arena_new(a, struct learn);

	if (l)
		*l = (struct learn){ .a = a, .f = *f };
	return l;
}

int learn_add(struct learn *l, const struct learn_access *x)
{
	const char *risk = perm_query_risk(&x->q);

	if (x->kind == LEARN_JIT) {
		l->jit |= UINT64_C(1) << x->run;
		return 0;
	}
	if (risk && !is_implied(l, x))
		return refuse(l, x, protected_why(l, risk), /* is_use= */ false);
	if (!x->happened)
		return is_implied(l, x) ? 0 : refuse(l, x, "not given in this run", /* is_use= */ true);
	if (1U << x->q.permission & PERMISSIONS_OF_FILES && x->q.value && *x->q.value == '/')
		return add_file(l, x);
	if (is_implied(l, x))
		return 0;
	return put(l, &l->entries, x->q.permission, x->target, strlen(x->target), UINT64_C(1) << x->run) ? 0 : -1;
}

bool learn_refuses(const struct learn *l, const struct learn_access *x)
{
	return !x->happened || x->kind == LEARN_JIT || (x->kind == LEARN_LINK && l->f.sees(l->f.ctx, x->q.value)) || find(&l->refusals, x->q.permission, x->target) ||
	       (x->q.permission == POLICY_READ && x->q.value && find(&l->listed, POLICY_READ, x->q.value));
}

/* ---- Entries ---- */

struct list { struct learned_entry *v; size_t n; };

static int by_value(const void *pa, const void *pb)
{
	const struct learned_entry *a = pa, *b = pb;

	return a->permission != b->permission ? (a->permission < b->permission ? -1 : 1) : strcmp(a->value, b->value);
}

static bool is_of_files(const struct learned_entry *e)
{
	return (1U << e->permission & PERMISSIONS_OF_FILES) && *e->value == '/';
}

/* What a folder among them holds goes, its runs stay. */
static void drop_covered(struct list *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct learned_entry *e = &s->v[i], *over = NULL;

		for (size_t k = 0; k < s->n && !over; k++)
			if (k != i && s->v[k].permission == e->permission && is_of_files(e) && s->v[k].folder &&
			    strcmp(s->v[k].value, e->value) != 0 && below(e->value, s->v[k].value))
				over = &s->v[k];
		if (over)
			over->runs |= e->runs;
		e->optional = over != NULL; /* a mark, until all were looked at */
	}
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].optional)
			s->v[n++] = s->v[i];
	s->n = n;
}

/* One folder that holds enough of them, instead of them; false: there is none. */
static bool fold_once(struct learn *l, struct list *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct learned_entry *e = &s->v[i];
		const size_t n = learn_parent_len(e->value, strlen(e->value));
		size_t same = 0;

		if ((e->permission != POLICY_READ && e->permission != POLICY_WRITE) || learn_is_wide(l->f.home, e->value, n) ||
		    is_place(l, e->value, strlen(e->value)))
			continue;
		for (size_t k = 0; k < s->n; k++)
			same += s->v[k].permission == e->permission && learn_parent_len(s->v[k].value, strlen(s->v[k].value)) == n &&
				!strncmp(s->v[k].value, e->value, n);
		if (same < LEARN_FOLD)
			continue;
		const char *dir = ps_arena_strndup(l->a, e->value, n);

		if (!dir)
			return false;
		e->value = dir;
		e->folder = true;
		drop_covered(s);
		return true;
	}
	return false;
}

/* What was made, and is read later, is there only if its folder is. */
static int read_what_is_written(struct learn *l, struct list *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct learned_entry *e = &s->v[i];

		if (e->permission != POLICY_READ || e->folder)
			continue;
		if (!find(&l->created, POLICY_WRITE, e->value) && l->f.exists(l->f.ctx, e->value))
			continue;
		for (size_t k = 0; k < s->n; k++)
			if (s->v[k].permission == POLICY_WRITE && s->v[k].folder && below(e->value, s->v[k].value)) {
				e->value = s->v[k].value;
				e->folder = true;
			}
	}
	return 0;
}

static void drop_twins(struct list *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (n && !by_value(&s->v[n - 1], &s->v[i])) {
			s->v[n - 1].runs |= s->v[i].runs;
			s->v[n - 1].folder |= s->v[i].folder;
		} else {
			s->v[n++] = s->v[i];
		}
	}
	s->n = n;
}

static void sort(struct list *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_value);
	drop_twins(s);
	drop_covered(s);
}

/* Modules were found beside the script: then looking for them is part of it. */
static int take_listed(struct learn *l)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct node **n = &l->listed.buckets[i]; *n;) {
			struct node *take = *n;

			if (!find(&l->modules, POLICY_READ, take->text)) {
				n = &take->next;
				continue;
			}
			*n = take->next;
			if (learn_is_wide(l->f.home, take->text, strlen(take->text)) && !is_place(l, take->text, strlen(take->text))) {
				struct learn_access x = { .q = { .permission = POLICY_READ }, .target = take->text };

				if (refuse(l, &x, "the names of a folder that holds nearly everything", /* is_use= */ false) < 0)
					return -1;
				continue;
			}
			struct node *entry = put(l, &l->entries, POLICY_READ, take->text, strlen(take->text), take->runs);

			if (!entry)
				return -1;
			entry->folder = true;
		}
	return 0;
}

static int by_target(const void *pa, const void *pb)
{
	const struct learned_refusal *a = pa, *b = pb;

	return a->permission != b->permission ? (a->permission < b->permission ? -1 : 1) : strcmp(a->target, b->target);
}

static int list_refusals(struct learn *l, struct learned *ret)
{
	struct learned_refusal *v = ps_arena_array(l->a, l->refusals.n + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -1;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct node *x = l->refusals.buckets[i]; x; x = x->next)
			v[n++] = (struct learned_refusal){ x->permission, x->text, x->why, x->wanted, x->runs };
	if (n)
		qsort(v, n, sizeof(*v), by_target);
	ret->refused = v;
	ret->n_refused = n;
	return 0;
}

int learn_finish(struct learn *l, struct learned *ret)
{
	struct list s = { .n = 0 };

	if (take_listed(l) < 0)
		return -1;
	s.v = ps_arena_array(l->a, l->entries.n + 1, sizeof(*s.v));
	if (!s.v)
		return -1;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct node *x = l->entries.buckets[i]; x; x = x->next)
			s.v[s.n++] = (struct learned_entry){ .permission = x->permission, .value = x->text, .runs = x->runs, .folder = x->folder };
	sort(&s);
	while (fold_once(l, &s))
		;
	if (read_what_is_written(l, &s) < 0)
		return -1;
	sort(&s);
	for (size_t i = 0; i < s.n; i++)
		s.v[i].optional = is_of_files(&s.v[i]) && !l->f.exists(l->f.ctx, s.v[i].value);
	ret->entries = s.v;
	ret->n = s.n;
	ret->jit = l->jit;
	return list_refusals(l, ret);
}
