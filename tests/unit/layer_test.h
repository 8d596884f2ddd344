/* SPDX-License-Identifier: Apache-2.0
 * layer_test.h - for tests: layers as one line of flags, documents with ' for ".
 */
#pragma once
#include "base/buf.h"
#include "shim/policy/permissions.h"
#include "tests/unit/unit.h"

/* "-A allow-read=+/a? deny-net"; an allow list without an item is "allow-read=". */
static inline void perm_describe(const struct perm_layer *l, struct ps_buf *out)
{
	unsigned seen = 0;

	ps_buf_puts(out, l->all ? " -A" : "");
	for (size_t i = 0; i < l->entries.n; i++) {
		const struct perm_entry *en = &l->entries.v[i];

		seen |= en->action == POLICY_ALLOW ? 1U << en->permission : 0U;
		ps_buf_printf(out, " %s-%s%s%s%s%s%s", policy_action_name(en->action),
			      policy_permission_name(en->permission), en->value ? "=" : "",
			      en->append ? "+" : "", en->value ? en->value : "", en->make_dir ? "/" : "",
			      en->optional ? "?" : "");
	}
	for (unsigned p = 0; p < POLICY_N_PERMISSIONS; p++)
		if (l->mentions_allow & ~seen & 1U << p)
			ps_buf_printf(out, " allow-%s=", policy_permission_name((enum policy_permission)p));
}

/* The layers, divided by " |". */
static inline void perm_describe_all(const struct perm_layers *l, struct ps_buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		ps_buf_puts(out, i ? " |" : "");
		perm_describe(l->v[i], out);
	}
}

static inline void perm_assert_layers(const struct perm_layers *l, const char *want)
{
	ps_auto_buf struct ps_buf got = { .data = NULL };

	perm_describe_all(l, &got);
	assert_string_equal(got.data ? got.data : "", want);
}

