/* SPDX-License-Identifier: Apache-2.0
 * perm_tighten.c - a set and one more layer, of a launch or an exec, that may only narrow it.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/policy/perm_merge.h"
#include "shim/policy/perm_value.h"

enum { SHOWN = 3 };

/* "a (--allow-net), b (policy.json:3) and 4 more" */
static void put_allowed(const struct perm_rules *r, struct ps_buf *out)
{
	for (size_t i = 0; i < r->allow.n && i < SHOWN; i++)
		ps_buf_printf(out, "%s\"%s\" (%s)", i ? ", " : "", r->allow.v[i].value ? r->allow.v[i].value : "everything",
			      r->allow.v[i].from);
	if (r->allow.n > SHOWN)
		ps_buf_printf(out, " and %zu more", r->allow.n - SHOWN);
	if (!r->allow.n)
		ps_buf_puts(out, r->by_config ? "what config.json grants" : "nothing");
}

static int refuse(const struct permissions *base, const struct perm_entry *en, struct ps_err *e)
{
	ps_auto_buf struct ps_buf allowed = { .data = NULL };
	const char *quote = en->value ? "\"" : "";

	put_allowed(&base->of[en->permission], &allowed);
	return ps_fail(e, PS_E_DENIED, "%s: %s%s%s would widen what is permitted already; %s is allowed for: %s", en->from, quote,
		       en->value ? en->value : "everything", quote, policy_permission_name(en->permission),
		       allowed.failed ? "?" : allowed.data);
}

static bool is_allowed(const struct perm_rules *r, const struct perm_entry *en)
{
	if (r->by_config || r->all)
		return r->all || en->value;
	for (size_t i = 0; i < r->allow.n; i++)
		if (perm_value_contains(&r->allow.v[i], en))
			return true;
	return false;
}

static int check_all(const struct permissions *base, const struct perm_layer *l, struct ps_err *e)
{
	for (int p = 0; l->all && p < POLICY_N_PERMISSIONS; p++)
		if (!base->of[p].all)
			return ps_fail(e, PS_E_DENIED, "%s: --allow-all would widen what is permitted already; leave it out to have that",
				       l->name);
	if (l->reset_deny)
		return ps_fail(e, PS_E_DENIED, "%s: --reset-deny would widen what is permitted already", l->name);
	return 0;
}

/* l's allow entries in the set's paths, checked; *to is a layer of them. */
static int check_entries(struct merge *m, const struct permissions *base, const struct perm_layer *l, struct perm_layer *to,
			 struct ps_err *e)
{
	struct merge paths = { .arena = m->arena, .cwd = m->cwd };
	struct perm_entry *v = ps_arena_array(m->arena, l->entries.n + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return ps_fail_os(e, "tighten permissions");
	for (size_t i = 0; i < l->entries.n; i++) {
		const struct perm_entry *en = &l->entries.v[i];
		const struct merge_list *put = &paths.of[en->permission][en->action];
		if (en->action != POLICY_ALLOW)
			continue;
		size_t before = put->n;
		if (merge_put(&paths, en, NULL, e) < 0)
			return -1;
		if (put->n == before)
			continue;
		v[n] = put->v[before].e;
		if (!is_allowed(&base->of[en->permission], &v[n]))
			return refuse(base, &v[n], e);
		n++;
	}
	*to = *l;
	to->entries = (struct perm_list){ v, n };
	return 0;
}

static int check_variables(const struct permissions *base, const struct perm_layer *l, struct ps_err *e)
{
	struct perm_entry en = { .permission = POLICY_ENV, .action = POLICY_ALLOW };

	for (size_t i = 0; i < l->settings.env_set.n + l->settings.n_secrets; i++) {
		bool secret = i >= l->settings.env_set.n;
		en.value = secret ? l->settings.secrets[i - l->settings.env_set.n].name : l->settings.env_set.v[i].key;
		en.from = l->name;
		if (!is_allowed(&base->of[POLICY_ENV], &en))
			return refuse(base, &en, e);
	}
	return 0;
}

static int take_set(struct merge *m, const struct permissions *base, struct ps_err *e)
{
	m->deny_by_default = base->deny_by_default;
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		const struct perm_rules *r = &base->of[p];
		const struct perm_list *lists[] = { &r->allow, &r->deny, &r->warn, &r->ignore };

		for (size_t k = 0; k < PS_COUNT(lists); k++)
			for (size_t i = 0; i < lists[k]->n; i++)
				if (merge_put(m, &lists[k]->v[i], NULL, e) < 0)
					return -1;
		m->listed[p] = !r->by_config;
		m->said[p] = r->said;
		m->narrows[p] = r->narrows;
		m->cut |= r->asks ? 0 : 1U << p;
	}
	return 0;
}

/* An operator's allow entry makes deny the default, here as anywhere. */
static void close_others(struct merge *m, const struct perm_layer *l)
{
	if (m->deny_by_default || !merge_grants(l))
		return;
	m->deny_by_default = true;
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		m->narrows[p] |= !m->listed[p];
		m->listed[p] = true;
	}
}

int permissions_tighten(struct ps_arena *a, const struct permissions *base, const struct perm_layer *l, const char *cwd,
			const struct permissions **ret, struct ps_err *e)
{
	struct merge m = { .arena = a, .cwd = cwd ? cwd : "/" };
	struct permissions *out = ps_arena_new(a, struct permissions);
	struct perm_layer checked;

	if (!out)
		return ps_fail_os(e, "tighten permissions");
	if (check_all(base, l, e) < 0 || check_entries(&m, base, l, &checked, e) < 0 || check_variables(base, l, e) < 0)
		return -1;
	out->active = true;
	out->settings = base->settings;
	for (size_t i = 0; i < base->notes.n; i++)
		if (merge_note(&m, e, "%s", base->notes.v[i]) < 0)
			return -1;
	if (take_set(&m, base, e) < 0 || merge_narrow(&m, &checked, /* keep_implied= */ true, e) < 0)
		return -1;
	close_others(&m, l);
	if (merge_unite(&m, l, e) < 0 || merge_settings_tighten(a, l, &out->settings, e) < 0 || merge_finish(&m, out, e) < 0)
		return -1;
	*ret = out;
	return 0;
}
