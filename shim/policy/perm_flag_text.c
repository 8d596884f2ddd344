/* SPDX-License-Identifier: Apache-2.0
 * perm_flag_text.c - flags as texts, as a message carries them, to a layer.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/policy/permissions.h"

static const struct perm_flag *flag_of(const char *name, size_t n)
{
	for (size_t i = 0; i < n_perm_flags; i++)
		if (strlen(perm_flags[i].name) == n && !strncmp(perm_flags[i].name, name, n))
			return &perm_flags[i];
	return NULL;
}

static int add(struct ps_arena *a, struct perm_builder *b, const char *text, struct ps_err *e)
{
	const char *name = strncmp(text, "--", 2) ? "" : text + 2, *value = strchr(name, '=');
	const size_t n = value ? (size_t)(value - name) : strlen(name);
	const struct perm_flag *f = flag_of(name, n);
	const char *from;

	if (!strcmp(name, "allow-all") || !strcmp(text, "-A")) {
		perm_builder_allow_all(b, "--allow-all");
		return 0;
	}
	if (n && name[n - 1] == '+')
		return ps_fail(e, PS_E_USAGE, "'%s': '+' adds to a list, and what is given here only narrows one", text);
	if (!f || (value && !value[1]))
		return ps_fail(e, PS_E_USAGE, "'%s' is no permission flag: --allow-X, --deny-X or --warn-X[=VALUE,...] of read, write, net, env, run, ffi, sys",
			       text);
	from = ps_arena_printf(a, "--%s", f->name);
	if (!from)
		return ps_fail_os(e, "memory for the flags");
	return perm_builder_add(b, f->permission, f->action, value ? value + 1 : NULL, from, e);
}

int perm_layer_of_flags(struct ps_arena *a, const char *name, const struct spec_strs *flags, const struct perm_layer **ret, struct ps_err *e)
{
	struct perm_builder *b = perm_builder_new(a, PERM_LAUNCH, name);

	if (!b)
		return ps_fail_os(e, "memory for the flags");
	for (size_t i = 0; i < flags->n; i++)
		if (add(a, b, flags->v[i], e) < 0)
			return -1;
	return perm_builder_done(b, ret, e);
}
