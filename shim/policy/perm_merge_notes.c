/* SPDX-License-Identifier: Apache-2.0
 * perm_merge_notes.c - what in a set has no effect, or not the one that it seems to have.
 */
#include "shim/policy/perm_merge.h"
#include "shim/policy/perm_value.h"

static const char *name_of(const struct perm_entry *en)
{
	return policy_permission_name(en->permission);
}

/* "read.deny "/foo" (policy.json:3)" */
static const char *text_of(struct merge *m, const struct perm_entry *en)
{
	const char *quote = en->value ? "\"" : "";
	const char *text = ps_arena_printf(m->arena, "%s.%s %s%s%s (%s)", name_of(en), policy_action_name(en->action), quote,
					   en->value ? en->value : "of everything", quote, en->from);

	return text ? text : "?";
}

static bool is_program(const struct merge_entry *deny)
{
	return deny->e.implied && deny->e.permission == POLICY_WRITE;
}

static int note_dead(struct merge *m, const struct merge_entry *x, const struct merge_entry *d, struct ps_err *e)
{
	const char *allow = text_of(m, &x->e);

	if (is_program(d))
		return merge_note(m, e, "%s has no effect: \"%s\" may be run (%s), and what may be run cannot be written", allow,
				  d->e.value, d->e.from);
	return merge_note(m, e, "%s has no effect: %s covers it, and a deny always wins (in Deno the more specific entry would)",
			  allow, text_of(m, &d->e));
}

static int note_partly(struct merge *m, const struct merge_entry *x, const struct merge_entry *d, size_t n, struct ps_err *e)
{
	const char *more = n > 1 ? " and others" : "";

	if (is_program(d))
		return merge_note(m, e, "%s leaves out what may be run: \"%s\" (%s)%s", text_of(m, &x->e), d->e.value, d->e.from, more);
	return merge_note(m, e, "%s is partly denied: %s%s", text_of(m, &x->e), text_of(m, &d->e), more);
}

/* Whoever wrote both knows of the hole in an allow entry; of one that another source makes he may not. */
static bool is_surprise(const struct merge_entry *x, const struct merge_entry *d)
{
	return x->layer != d->layer || d->e.implied;
}

static int overlaps(struct merge *m, const struct merge_entry *x, const struct merge_entry *d)
{
	struct perm_entry both;

	return perm_value_intersect(m->arena, &x->e, &d->e, &both);
}

static int check_entry(struct merge *m, const struct merge_entry *x, struct ps_err *e)
{
	static const enum policy_action against[] = { POLICY_DENY, POLICY_IGNORE };
	const struct merge_list *deny = &m->of[x->e.permission][POLICY_DENY];
	const struct merge_entry *part = NULL;
	size_t n = 0;

	for (size_t k = 0; k < sizeof(against) / sizeof(against[0]); k++) {
		const struct merge_list *l = &m->of[x->e.permission][against[k]];
		for (size_t i = 0; i < l->n; i++)
			if (perm_value_contains(&l->v[i].e, &x->e))
				return note_dead(m, x, &l->v[i], e);
	}
	for (size_t i = 0; x->e.value && i < deny->n; i++) {
		int r = is_surprise(x, &deny->v[i]) ? overlaps(m, x, &deny->v[i]) : 0;
		if (r < 0)
			return ps_fail_os(e, "merge permissions");
		if (!r)
			continue;
		part = part ? part : &deny->v[i];
		n++;
	}
	return part ? note_partly(m, x, part, n, e) : 0;
}

/* Does an address do, without any name? */
static bool is_by_address(const struct perm_entry *en)
{
	return !en->value || en->net.host == NET_HOST_ANY || en->net.host == NET_HOST_ADDRESS || en->net.host == NET_HOST_PRIVATE;
}

static int check_names(struct merge *m, struct ps_err *e)
{
	const struct merge_list *allow = &m->of[POLICY_NET][POLICY_ALLOW], *deny = &m->of[POLICY_NET][POLICY_DENY];
	const struct merge_entry *by_address = NULL, *by_name = NULL;

	for (size_t i = 0; i < allow->n; i++)
		if (is_by_address(&allow->v[i].e) && (!by_address || !allow->v[i].e.value))
			by_address = &allow->v[i];
	for (size_t i = 0; i < deny->n; i++)
		if (deny->v[i].e.value && (deny->v[i].e.net.host == NET_HOST_NAME || deny->v[i].e.net.host == NET_HOST_SUFFIX))
			by_name = by_name ? by_name : &deny->v[i];
	if (!by_name || (m->listed[POLICY_NET] && !by_address))
		return 0;
	return merge_note(m, e, "%s holds for who asks for the name: its addresses may be allowed by %s", text_of(m, &by_name->e),
			  m->listed[POLICY_NET] ? text_of(m, &by_address->e) : "config.json");
}

/* Deno's word for it is kept; what it opens beside the internet few think of. */
static int check_everything(struct merge *m, struct ps_err *e)
{
	const struct merge_list *allow = &m->of[POLICY_NET][POLICY_ALLOW], *deny = &m->of[POLICY_NET][POLICY_DENY];
	const struct merge_entry *all = NULL;

	for (size_t i = 0; m->listed[POLICY_NET] && i < allow->n && !all; i++)
		if (!allow->v[i].e.value && !allow->v[i].e.implied)
			all = &allow->v[i];
	for (size_t i = 0; all && i < deny->n; i++)
		if (!deny->v[i].e.value || deny->v[i].e.net.host == NET_HOST_PRIVATE)
			all = NULL;
	if (!all)
		return 0;
	return merge_note(m, e,
			  "net.allow of everything (%s) opens the host's own services at 127.0.0.1, its private networks and the metadata of clouds, too: "
			  "deny \"private\", or allow \"public\" alone",
			  all->e.from);
}

int merge_check(struct merge *m, struct ps_err *e)
{
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		const struct merge_list *allow = &m->of[p][POLICY_ALLOW];
		for (size_t i = 0; m->listed[p] && i < allow->n; i++)
			if (!allow->v[i].e.implied && check_entry(m, &allow->v[i], e) < 0)
				return -1;
	}
	return check_names(m, e) < 0 ? -1 : check_everything(m, e);
}
