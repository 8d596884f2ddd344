/* SPDX-License-Identifier: Apache-2.0
 * perm_test.h - for tests of permissions: layers written as words, sets read as lines.
 */
#pragma once
#include "tests/unit/unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "shim/policy/permissions.h"

#define PERM __attribute__((unused)) static

/*
 * "allow read /a": an entry; '*' as the value: everything; "+" in front: append; "?" behind: optional; "implied" as a
 * fourth word.  "none read": an empty allow list.  "all": -A.  "reset read": --reset-deny.
 */
PERM void perm_word(struct ps_arena *a, struct perm_layer *l, struct perm_entry *v, const char *text)
{
	char action[16] = "", permission[16] = "", value[256] = "", implied[16] = "";
	struct perm_entry en = { .action = POLICY_ALLOW };
	struct ps_err e = { .cls = PS_OK };
	int p = 0, n = sscanf(text, "%15s %15s %255s %15s", action, permission, value, implied);

	if (!strcmp(text, "all")) {
		l->all = true;
		return;
	}
	while (p < POLICY_N_PERMISSIONS && strcmp(permission, policy_permission_name((enum policy_permission)p)) != 0)
		p++;
	assert_true(p < POLICY_N_PERMISSIONS);
	if (!strcmp(action, "reset") || !strcmp(action, "none")) {
		*(*action == 'r' ? &l->reset_deny : &l->mentions_allow) |= 1U << p;
		return;
	}
	assert_true(n >= 3);
	en.permission = (enum policy_permission)p;
	for (int i = POLICY_ALLOW; i <= POLICY_IGNORE; i++)
		if (!strcmp(action, policy_action_name((enum policy_action)i)))
			en.action = (enum policy_action)i;
	en.implied = !strcmp(implied, "implied");
	en.append = *value == '+';
	en.optional = value[strlen(value) - 1] == '?';
	value[strlen(value) - en.optional] = '\0';
	en.value = !strcmp(value, "*") && p != POLICY_NET ? NULL : ps_arena_strdup(a, value + en.append);
	if (!strcmp(value, "everything"))
		en.value = NULL;
	en.from = l->rank >= PERM_FLAG ? ps_arena_printf(a, "--%s-%s", action, permission) :
					 ps_arena_printf(a, "%s:%zu", l->name, l->entries.n + 1);
	if (p == POLICY_NET && en.value && net_pattern_parse(a, en.value, en.action != POLICY_ALLOW, &en.net, &e) < 0)
		fail_msg("%s", e.msg);
	if (en.action == POLICY_ALLOW && !en.implied)
		l->mentions_allow |= 1U << p;
	v[l->entries.n++] = en;
	l->entries.v = v;
}

/* A layer of words, with NULL at their end. */
PERM struct perm_layer *perm_layer(struct ps_arena *a, enum perm_rank rank, const char *name, ...)
{
	struct perm_layer *l = ps_arena_new(a, struct perm_layer);
	struct perm_entry *v = ps_arena_array(a, 64, sizeof(*v));
	const char *word;
	va_list words;

	assert_true(l && v);
	*l = (struct perm_layer){ .rank = rank, .name = name };
	va_start(words, name);
	while ((word = va_arg(words, const char *)))
		perm_word(a, l, v, word);
	va_end(words);
	return l;
}
#define FLAGS(...) perm_layer(&a, PERM_FLAG, "command line", __VA_ARGS__, NULL)
#define POLICY_FILE(...) perm_layer(&a, PERM_FILE, "policy.json", __VA_ARGS__, NULL)
#define SYSTEM(...) perm_layer(&a, PERM_SYSTEM, "policy.d/1.json", __VA_ARGS__, NULL)
#define ANNOTATIONS(...) perm_layer(&a, PERM_ANNOTATION, "annotation", __VA_ARGS__, NULL)
#define CEILING(...) perm_layer(&a, PERM_SYSTEM, "ceiling.json", __VA_ARGS__, NULL)

PERM void perm_dump_list(struct ps_buf *out, const char *what, const struct perm_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ps_buf_printf(out, " %s %s%s (%s%s)\n", what, l->v[i].value ? l->v[i].value : "everything", l->v[i].optional ? "?" : "",
			      l->v[i].from, l->v[i].implied ? ", implied" : "");
}

/* What is not as without any source, a line each. */
PERM void perm_dump(struct ps_buf *out, const struct permissions *p)
{
	ps_buf_puts(out, p->active ? "" : "inactive\n");
	ps_buf_puts(out, p->deny_by_default ? "deny by default\n" : "");
	for (int i = 0; i < POLICY_N_PERMISSIONS; i++) {
		const struct perm_rules *r = &p->of[i];
		bool plain = r->by_config == !p->deny_by_default && !r->narrows;

		if (plain && !r->allow.n && !r->deny.n && !r->warn.n && !r->ignore.n)
			continue;
		ps_buf_printf(out, "%s: %s%s\n", policy_permission_name((enum policy_permission)i), r->narrows ? "of config.json's " : "",
			      r->by_config ? "config.json's" : r->all ? "all" : "listed");
		perm_dump_list(out, "allow", &r->allow);
		perm_dump_list(out, "deny", &r->deny);
		perm_dump_list(out, "warn", &r->warn);
		perm_dump_list(out, "ignore", &r->ignore);
	}
	for (size_t i = 0; i < p->notes.n; i++)
		ps_buf_printf(out, "note: %s\n", p->notes.v[i]);
}

PERM void perm_assert_set(const struct permissions *p, const char *expected)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };

	perm_dump(&out, p);
	assert_string_equal(out.data ? out.data : "", expected);
}

/* Layers with NULL at their end, from weak to strong. */
PERM const struct permissions *perm_merge_with(struct ps_arena *a, struct perm_context c, const struct perm_layer *const *v)
{
	const struct permissions *p = NULL;
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };

	while (v[l.n]) {
		l.v[l.n] = v[l.n];
		l.n++;
	}
	c.cwd = c.cwd ? c.cwd : "/work";
	if (permissions_merge(a, &l, &c, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}
#define LAYERS(...) ((const struct perm_layer *const[]){ __VA_ARGS__, NULL })
#define NO_CONTEXT ((struct perm_context){ .cwd = "/work" })
