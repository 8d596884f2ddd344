/* SPDX-License-Identifier: Apache-2.0
 * fuzz_policy.c - any text as a net entry, a list of a flag, an environment and a policy: refused with a reason, or sound.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/scope.h"
#include "shim/policy/permissions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "fuzz_policy: %s\n", what);
	abort();
}

static void check_refusal(const struct ps_err *e)
{
	expect(e->cls == PS_E_CONFIG || e->cls == PS_E_USAGE || e->cls == PS_E_NOTFOUND || e->cls == PS_E_DENIED ||
	       e->cls == PS_E_OS, "refused with another class");
	expect(*e->msg, "refused without a message");
	for (const char *s = e->msg; *s; s++)
		expect((unsigned char)*s >= ' ' && *s != 0x7f, "a message with a control character");
}

/* The canonical text is a fixed point, and a set has what it is made of. */
static void check_pattern(struct ps_arena *a, const struct net_pattern *p, bool deny)
{
	ps_auto_buf struct ps_buf once = { .data = NULL }, twice = { .data = NULL };
	struct net_pattern again, both;
	struct ps_err e = { .cls = PS_OK };

	net_pattern_print(p, &once);
	expect(net_pattern_parse(a, once.data, deny, &again, &e) == 0, "the canonical text is refused");
	net_pattern_print(&again, &twice);
	expect(!strcmp(once.data, twice.data), "the canonical text reads differently");
	expect(net_pattern_contains(p, &again) && net_pattern_contains(&again, p), "the canonical text is another set");
	expect(net_pattern_intersect(a, p, &again, &both), "a set has nothing in common with itself");
	expect(net_pattern_contains(&both, p) && net_pattern_contains(p, &both), "a set is not its own part");
}

static void try_net(const char *text)
{
	for (int deny = 0; deny < 2; deny++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct net_pattern p;
		struct ps_err e = { .cls = PS_OK };

		if (net_pattern_parse(&a, text, deny, &p, &e) == 0)
			check_pattern(&a, &p, deny);
		else if (strlen(text) < 100)
			check_refusal(&e);
	}
}

static void check_layer(const struct perm_layer *l)
{
	for (size_t i = 0; i < l->entries.n; i++) {
		const struct perm_entry *en = &l->entries.v[i];

		expect(en->permission < POLICY_N_PERMISSIONS && perm_flag_find(en->permission, en->action), "an unknown entry");
		expect(en->from && (!en->value || *en->value), "an entry without a value or a source");
		expect(en->action != POLICY_ALLOW || l->mentions_allow & 1U << en->permission, "an allow list that nobody wrote");
	}
}

static void try_lists(const char *text)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_builder *b = perm_builder_new(&a, PERM_FLAG, "the fuzzer");
	const struct perm_layer *l;
	struct ps_err e = { .cls = PS_OK };

	expect(b != NULL, "out of memory");
	for (size_t i = 0; i < n_perm_flags; i++)
		if (perm_builder_add(b, perm_flags[i].permission, perm_flags[i].action, text, "--x", &e) < 0)
			check_refusal(&e);
	expect(perm_builder_done(b, &l, &e) == 0, "a layer without -A is refused");
	check_layer(l);
}

/* Each line a variable. */
static void try_environment(char *text)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const char *envp[16] = { NULL };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };

	for (size_t i = 0; i + 1 < PS_COUNT(envp) && text; i++) {
		envp[i] = text;
		text = strchr(text, '\n');
		if (text)
			*text++ = '\0';
	}
	if (perm_layers_of_environment(&a, envp, &l, &e) < 0)
		expect(*e.msg, "refused without a message");
	for (size_t i = 0; i < l.n; i++)
		check_layer(l.v[i]);
}

static void try_policy(const char *text, size_t n)
{
	for (int narrow = 0; narrow < 2; narrow++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };

		if (perm_layers_of_text(&a, "fuzz", text, n, NULL, PERM_FILE, narrow, &l, &e) < 0) {
			expect(*e.msg, "refused without a message");
			expect(l.n == 0, "refused with a layer");
		}
		for (size_t i = 0; i < l.n; i++) {
			check_layer(l.v[i]);
			expect(!narrow || (!l.v[i]->all && !l.v[i]->settings.mode.set && !l.v[i]->settings.env_set.n &&
					   !l.v[i]->settings.jit.set), "an annotation that says more than it may");
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	expect(text != NULL, "out of memory");
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	try_policy(text, size);
	try_net(text);
	try_lists(text);
	try_environment(text);
	free(text);
	return 0;
}
