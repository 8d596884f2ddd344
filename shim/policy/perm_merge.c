/* SPDX-License-Identifier: Apache-2.0
 * perm_merge.c - layers to one set.  Allow lists replace each other from weak to strong, what is denied is united, and
 * annotations and the ceiling intersect what came of it.
 */
#include "shim/policy/perm_merge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/scope.h"
#include "shim/policy/perm_value.h"

static int no_memory(struct ps_err *e)
{
	return ps_fail_os(e, "merge permissions");
}

int merge_note(struct merge *m, struct ps_err *e, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (m->n_notes == MERGE_MAX_ENTRIES)
		return 0;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (size_t i = 0; i < m->n_notes; i++)
		if (!strcmp(m->notes[i], text))
			return 0;
	if (m->n_notes == m->cap_notes) {
		size_t cap = m->cap_notes ? 2 * m->cap_notes : 16;
		const char **v = ps_arena_array(m->arena, cap + 1, sizeof(*v));
		if (!v)
			return no_memory(e);
		for (size_t i = 0; i < m->n_notes; i++)
			v[i] = m->notes[i];
		m->notes = v;
		m->cap_notes = cap;
	}
	const char *copy = ps_arena_strdup(m->arena, text);
	if (!copy)
		return no_memory(e);
	m->notes[m->n_notes++] = copy;
	return 0;
}

/* ---- entries ---- */

static int make_absolute(struct merge *m, struct perm_entry *en, struct ps_err *e)
{
	char joined[8192], clean[4096];

	if (!perm_value_is_path(en))
		return 0;
	if (ps_path_join(joined, sizeof(joined), *en->value == '/' ? "" : m->cwd, en->value) < 0 ||
	    ps_path_clean(joined, clean, sizeof(clean)) < 0)
		return ps_fail(e, PS_E_CONFIG, "%s: the path '%.60s...' is longer than %zu bytes", en->from, en->value,
			       sizeof(clean) - 1);
	if (!strcmp(clean, en->value))
		return 0;
	en->value = ps_arena_strdup(m->arena, clean);
	return en->value ? 0 : no_memory(e);
}

/* A class of addresses says whom one may reach; at which address of its own a program listens is another matter. */
static void spare_listeners(struct perm_entry *en)
{
	bool class = en->net.host == NET_HOST_PRIVATE || en->net.host == NET_HOST_METADATA || en->net.public_only;

	if (en->permission == POLICY_NET && en->action == POLICY_DENY && en->value && class && en->net.what != NET_LISTEN)
		en->net.what &= ~(unsigned)NET_LISTEN;
}

static struct merge_entry *find_same(struct merge_list *l, const struct perm_entry *en)
{
	for (size_t i = 0; l->v && i < l->n; i++)
		if (perm_value_same(&l->v[i].e, en))
			return &l->v[i];
	return NULL;
}

static int append(struct merge *m, struct merge_list *l, const struct merge_entry *add, struct ps_err *e)
{
	if (l->n == MERGE_MAX_ENTRIES)
		return ps_fail(e, PS_E_CONFIG, "%s: more than %d entries %s %s", add->e.from, MERGE_MAX_ENTRIES,
			       policy_action_name(add->e.action), policy_permission_name(add->e.permission));
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 8;
		struct merge_entry *v = ps_arena_array(m->arena, cap, sizeof(*v));
		if (!v)
			return no_memory(e);
		for (size_t i = 0; i < l->n; i++)
			v[i] = l->v[i];
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *add;
	return 0;
}

/* Equal entries become one: what somebody wrote stands for what is implied, and a folder to make is made. */
static int put_into(struct merge *m, struct merge_list *l, const struct merge_entry *add, struct ps_err *e)
{
	struct merge_entry *there = find_same(l, &add->e);

	if (!there)
		return append(m, l, add, e);
	if (there->e.implied && !add->e.implied) {
		*there = *add;
		return 0;
	}
	there->e.make_dir |= add->e.make_dir;
	there->e.optional &= add->e.optional;
	if (!add->layer || add->layer != there->layer || add->e.implied || !add->e.value)
		return 0;
	return merge_note(m, e, "%s.%s \"%s\" (%s) is there already (%s)", policy_permission_name(add->e.permission),
			  policy_action_name(add->e.action), add->e.value, add->e.from, there->e.from);
}

int merge_put(struct merge *m, const struct perm_entry *en, const struct perm_layer *l, struct ps_err *e)
{
	struct merge_entry add = { *en, l };

	add.e.append = false;
	spare_listeners(&add.e);
	return make_absolute(m, &add.e, e) < 0 ? -1 : put_into(m, &m->of[en->permission][en->action], &add, e);
}

/* ---- what a layer says ---- */

static bool is_allow(const struct perm_entry *en, enum policy_permission p)
{
	return en->permission == p && en->action == POLICY_ALLOW;
}

bool merge_mentions(const struct perm_layer *l, enum policy_permission p)
{
	if (l->all || l->mentions_allow & 1U << p)
		return true;
	for (size_t i = 0; i < l->entries.n; i++)
		if (is_allow(&l->entries.v[i], p) && !l->entries.v[i].implied)
			return true;
	return false;
}

bool merge_grants(const struct perm_layer *l)
{
	for (size_t i = 0; i < l->entries.n; i++)
		if (l->entries.v[i].action == POLICY_ALLOW && !l->entries.v[i].implied)
			return true;
	return l->all;
}

/* Does its allow list stand for itself?  One that has nothing but "+value" goes on with the weaker one. */
static bool replaces(const struct perm_layer *l, enum policy_permission p)
{
	bool adds = false;

	for (size_t i = 0; i < l->entries.n; i++) {
		const struct perm_entry *en = &l->entries.v[i];
		if (!is_allow(en, p) || en->implied)
			continue;
		if (!en->append)
			return true;
		adds = true;
	}
	return l->all || (!adds && l->mentions_allow & 1U << p);
}

/* The entry that -A is for a permission. */
static struct perm_entry everything(const struct perm_layer *l, enum policy_permission p)
{
	for (size_t i = 0; i < l->entries.n; i++)
		if (is_allow(&l->entries.v[i], p) && !l->entries.v[i].value)
			return l->entries.v[i];
	return (struct perm_entry){ .permission = p, .action = POLICY_ALLOW, .from = l->rank >= PERM_FLAG ? "--allow-all" : l->name };
}

static int note_switched_off(struct merge *m, const struct perm_layer *l, enum policy_permission p, struct ps_err *e)
{
	const struct merge_list *weaker = &m->of[p][POLICY_ALLOW];
	const struct perm_entry *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < weaker->n; i++) {
		if (weaker->v[i].e.implied || !weaker->v[i].e.value)
			continue;
		first = first ? first : &weaker->v[i].e;
		n++;
	}
	if (!first)
		return 0;
	return merge_note(m, e, "%s switches off %s.allow \"%s\" (%s)%s", everything(l, p).from, policy_permission_name(p),
			  first->value, first->from, n > 1 ? " and what is beside it" : "");
}

/* What is implied follows from the form of the call: no list replaces that. */
static int drop_written(struct merge *m, const struct perm_layer *l, enum policy_permission p, struct ps_err *e)
{
	struct merge_list *list = &m->of[p][POLICY_ALLOW];
	size_t n = 0;

	if (l->all && note_switched_off(m, l, p, e) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].e.implied)
			list->v[n++] = list->v[i];
	list->n = n;
	return 0;
}

/*
 * What is warned of happens: the entry is one of the allow list, too, where there is one.  Beside what stands in it, for
 * it does not replace what a weaker layer allows.
 */
static int take_allowed(struct merge *m, const struct perm_layer *l, enum policy_permission p, struct ps_err *e)
{
	const struct perm_entry all = everything(l, p);

	if (replaces(l, p) && drop_written(m, l, p, e) < 0)
		return -1;
	if (l->all && merge_put(m, &all, l, e) < 0)
		return -1;
	m->listed[p] |= merge_mentions(l, p);
	m->said[p] |= merge_mentions(l, p);
	for (size_t i = 0; i < l->entries.n; i++) {
		struct perm_entry en = l->entries.v[i];
		if (en.permission != p || (en.action != POLICY_ALLOW && en.action != POLICY_WARN))
			continue;
		en.action = POLICY_ALLOW;
		if (merge_put(m, &en, l, e) < 0)
			return -1;
	}
	return 0;
}

static int take_variables(struct merge *m, const struct perm_layer *l, struct ps_err *e)
{
	struct perm_entry en = { .permission = POLICY_ENV, .action = POLICY_ALLOW, .implied = true };

	for (size_t i = 0; i < l->settings.env_set.n; i++) {
		en.value = l->settings.env_set.v[i].key;
		en.from = l->settings.env_set.v[i].at ? l->settings.env_set.v[i].at : l->name;
		if (merge_put(m, &en, NULL, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < l->settings.n_secrets; i++) {
		en.value = l->settings.secrets[i].name;
		en.from = l->settings.secrets[i].from ? l->settings.secrets[i].from : l->name;
		if (merge_put(m, &en, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int reset_denied(struct merge *m, enum policy_permission p, struct ps_err *e)
{
	struct merge_list *list = &m->of[p][POLICY_DENY];
	const char *name = policy_permission_name(p);

	for (size_t i = 0; i < list->n; i++) {
		const struct perm_entry *en = &list->v[i].e;
		if (merge_note(m, e, "--reset-deny=%s drops %s.deny %s%s%s (%s)", name, name, en->value ? "\"" : "",
			       en->value ? en->value : "of everything", en->value ? "\"" : "", en->from) < 0)
			return -1;
	}
	list->n = 0;
	return 0;
}

int merge_unite(struct merge *m, const struct perm_layer *l, struct ps_err *e)
{
	for (size_t i = 0; i < l->entries.n; i++)
		if (l->entries.v[i].action != POLICY_ALLOW && merge_put(m, &l->entries.v[i], l, e) < 0)
			return -1;
	return 0;
}

/* ---- narrowing ---- */

/* l's allow list of p, absolute; one that allows everything is none. */
static int bounds_of(struct merge *m, const struct perm_layer *l, enum policy_permission p, struct merge_list *ret,
		     bool *ret_all, struct ps_err *e)
{
	bool all = l->all;

	for (size_t i = 0; i < l->entries.n; i++) {
		struct merge_entry add = { l->entries.v[i], l };
		if (!is_allow(&add.e, p))
			continue;
		add.e.append = false;
		all |= !add.e.value;
		if (make_absolute(m, &add.e, e) < 0 || put_into(m, ret, &add, e) < 0)
			return -1;
	}
	*ret_all = all;
	return 0;
}

/* What x has in common with the bounds of l, into *to. */
static int cut(struct merge *m, const struct merge_entry *x, const struct merge_list *bounds, const struct perm_layer *l,
	       struct merge_list *to, struct ps_err *e)
{
	bool any = false;

	for (size_t i = 0; i < bounds->n; i++) {
		const struct merge_entry *y = &bounds->v[i];
		struct merge_entry both = *x;
		int r = perm_value_intersect(m->arena, &x->e, &y->e, &both.e);
		if (r < 0)
			return no_memory(e);
		if (!r)
			continue;
		any = true;
		if (find_same(to, &both.e))
			continue;
		both.e.implied = x->e.implied;
		both.e.from = ps_arena_printf(m->arena, "%s, within %s", r == 1 ? x->e.from : y->e.from,
					      r == 1 ? y->e.from : x->e.from);
		if (!both.e.from)
			return no_memory(e);
		if (append(m, to, &both, e) < 0)
			return -1;
	}
	if (any || !x->e.value)
		return 0;
	return merge_note(m, e, "%s.allow \"%s\" (%s) has no effect: it is outside of the allow list of %s",
			  policy_permission_name(x->e.permission), x->e.value, x->e.from, l->name);
}

static int narrow_one(struct merge *m, const struct perm_layer *l, enum policy_permission p, bool keep_implied, struct ps_err *e)
{
	struct merge_list *list = &m->of[p][POLICY_ALLOW], bounds = { .n = 0 }, to = { .n = 0 };
	bool all;

	if (bounds_of(m, l, p, &bounds, &all, e) < 0)
		return -1;
	if (all)
		return 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct merge_entry *x = &list->v[i];
		bool keep = x->e.implied && keep_implied;
		if (keep ? append(m, &to, x, e) < 0 : (m->listed[p] || x->e.implied) && cut(m, x, &bounds, l, &to, e) < 0)
			return -1;
	}
	for (size_t i = 0; !m->listed[p] && i < bounds.n; i++)
		if (put_into(m, &to, &bounds.v[i], e) < 0)
			return -1;
	m->narrows[p] |= !m->listed[p];
	m->listed[p] = m->said[p] = true;
	*list = to;
	return 0;
}

int merge_narrow(struct merge *m, const struct perm_layer *l, bool keep_implied, struct ps_err *e)
{
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		if (!merge_mentions(l, (enum policy_permission)p))
			continue;
		m->cut |= 1U << p;
		if (narrow_one(m, l, (enum policy_permission)p, keep_implied, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- the set ---- */

static bool is_denied(const struct merge *m, const struct perm_entry *en)
{
	const struct merge_list *deny = &m->of[en->permission][POLICY_DENY];

	for (size_t i = 0; i < deny->n; i++)
		if (perm_value_contains(&deny->v[i].e, en))
			return true;
	return false;
}

/* What may be run cannot be written: else a program that may run one could put another in its place. */
static int protect_programs(struct merge *m, struct ps_err *e)
{
	const struct merge_list *run = &m->of[POLICY_RUN][POLICY_ALLOW];

	for (size_t i = 0; m->listed[POLICY_RUN] && i < run->n; i++) {
		struct perm_entry en = run->v[i].e;
		if (!perm_value_is_path(&en) || !strcmp(en.value, "/"))
			continue;
		en.permission = POLICY_WRITE;
		en.action = POLICY_DENY;
		en.make_dir = false;
		en.implied = true;
		if (!is_denied(m, &en) && merge_put(m, &en, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int flatten(struct merge *m, const struct merge_list *from, struct perm_list *to, struct ps_err *e)
{
	struct perm_entry *v = from->n ? ps_arena_array(m->arena, from->n, sizeof(*v)) : NULL;

	if (from->n && !v)
		return no_memory(e);
	for (size_t i = 0; i < from->n; i++)
		v[i] = from->v[i].e;
	*to = (struct perm_list){ v, from->n };
	return 0;
}

/* What somebody cut, an answer would give back. */
static bool is_asked(const struct merge *m, const struct perm_settings *s, const struct perm_rules *r, int p)
{
	const unsigned can = 1U << POLICY_NET | 1U << POLICY_SYS | 1U << POLICY_READ | 1U << POLICY_WRITE;

	return s->mode.set && s->mode.v == PERM_ASK && (s->broker || !(s->no_prompt.set && s->no_prompt.v)) && !r->by_config && !r->all &&
	       can & ~m->cut & 1U << p;
}

int merge_finish(struct merge *m, struct permissions *out, struct ps_err *e)
{
	if (protect_programs(m, e) < 0 || merge_check(m, e) < 0)
		return -1;
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		struct perm_rules *r = &out->of[p];
		if (!m->listed[p])
			m->of[p][POLICY_ALLOW].n = 0;
		if (flatten(m, &m->of[p][POLICY_ALLOW], &r->allow, e) < 0 || flatten(m, &m->of[p][POLICY_DENY], &r->deny, e) < 0 ||
		    flatten(m, &m->of[p][POLICY_WARN], &r->warn, e) < 0 || flatten(m, &m->of[p][POLICY_IGNORE], &r->ignore, e) < 0)
			return -1;
		r->by_config = !m->listed[p];
		r->said = m->said[p];
		r->narrows = m->narrows[p];
		r->all = false;
		for (size_t i = 0; i < r->allow.n; i++)
			r->all |= !r->allow.v[i].value;
		r->asks = is_asked(m, &out->settings, r, p);
	}
	out->deny_by_default = m->deny_by_default;
	out->notes = (struct spec_strs){ m->notes, m->n_notes };
	return 0;
}

static bool is_ordinary(const struct perm_layer *l, const struct perm_context *c)
{
	return l->rank != PERM_ANNOTATION || c->annotations_may_grant || (c->ceiling && c->ceiling->settings.annotations_may_grant);
}

static int take_layer(struct merge *m, const struct perm_layer *l, const struct perm_context *c, struct ps_err *e)
{
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		if (l->rank >= PERM_FLAG && l->reset_deny & 1U << p && reset_denied(m, (enum policy_permission)p, e) < 0)
			return -1;
		if (is_ordinary(l, c) && take_allowed(m, l, (enum policy_permission)p, e) < 0)
			return -1;
	}
	if (l->rank != PERM_ANNOTATION && take_variables(m, l, e) < 0)
		return -1;
	return merge_unite(m, l, e);
}

/* Sources come in any order; of one rank the later is the stronger. */
static void sort_layers(const struct perm_layers *l, const struct perm_layer **ret)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t k = i;
		for (; k && ret[k - 1]->rank > l->v[i]->rank; k--)
			ret[k] = ret[k - 1];
		ret[k] = l->v[i];
	}
}

static bool is_empty(const struct perm_layer *l)
{
	return !l->entries.n && !l->all && !l->mentions_allow && !l->reset_deny && merge_settings_empty(&l->settings);
}

/* Who wants to be asked wants nothing to happen unasked. */
static bool makes_ask(const struct perm_layer *l)
{
	return l->rank != PERM_ANNOTATION && l->settings.mode.set && l->settings.mode.v == PERM_ASK;
}

static int merge_layers(struct merge *m, const struct perm_layer *const *v, size_t n, const struct perm_context *c,
			struct permissions *out, struct ps_err *e)
{
	for (size_t i = 0; i < n; i++) {
		m->deny_by_default |= v[i]->rank == PERM_FILE || makes_ask(v[i]) || (is_ordinary(v[i], c) && merge_grants(v[i]));
		out->active |= v[i]->rank == PERM_FILE || !is_empty(v[i]);
		if (take_layer(m, v[i], c, e) < 0)
			return -1;
	}
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++)
		m->listed[p] |= m->deny_by_default;
	for (size_t i = 0; i < n; i++)
		if (!is_ordinary(v[i], c) && merge_narrow(m, v[i], /* keep_implied= */ true, e) < 0)
			return -1;
	if (c->ceiling && (merge_narrow(m, c->ceiling, /* keep_implied= */ false, e) < 0 || merge_unite(m, c->ceiling, e) < 0))
		return -1;
	return merge_settings(m->arena, v, n, c, &out->settings, e) < 0 ? -1 : merge_finish(m, out, e);
}

int permissions_merge(struct ps_arena *a, const struct perm_layers *l, const struct perm_context *c,
		      const struct permissions **ret, struct ps_err *e)
{
	struct merge m = { .arena = a, .cwd = c->cwd ? c->cwd : "/", .deny_by_default = c->program };
	const struct perm_layer *v[PS_COUNT(l->v)] = { NULL };
	struct permissions *out = ps_arena_new(a, struct permissions);

	if (!out)
		return no_memory(e);
	out->active = c->program || (c->ceiling && !is_empty(c->ceiling));
	sort_layers(l, v);
	if (merge_layers(&m, v, l->n, c, out, e) < 0)
		return -1;
	*ret = out;
	return 0;
}

bool permissions_ask(const struct permissions *p)
{
	for (int i = 0; i < POLICY_N_PERMISSIONS; i++)
		if (p->of[i].asks)
			return true;
	return false;
}

int permissions_without_asking(struct ps_arena *a, const struct permissions *p, unsigned these, const struct permissions **ret,
			       struct ps_err *e)
{
	struct permissions *copy = ps_arena_new(a, struct permissions);

	if (!copy)
		return no_memory(e);
	*copy = *p;
	for (int i = 0; i < POLICY_N_PERMISSIONS; i++)
		copy->of[i].asks = p->of[i].asks && !(these & 1U << i);
	*ret = copy;
	return 0;
}
