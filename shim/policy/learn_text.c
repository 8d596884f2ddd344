/* SPDX-License-Identifier: Apache-2.0
 * learn_text.c - what was learned, as flags and as a policy; what is kept out of reach meanwhile.
 */
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/policy/learn_parts.h"
#include "shim/policy/perm_builder.h"

const char *learn_confidence(uint64_t runs, unsigned n)
{
	const unsigned k = (unsigned)__builtin_popcountll(runs);

	if (n < 2 || 2 * k < n)
		return "low";
	return k == n ? "high" : "medium";
}

static const char *value_of(const struct learned_entry *e, struct ps_buf *b)
{
	ps_buf_reset(b);
	ps_buf_printf(b, "%s%s", e->value, e->optional ? "?" : "");
	return b->failed ? "" : b->data;
}

void learned_flags(const struct learned *l, struct ps_buf *out)
{
	ps_auto_buf struct ps_buf list = { .data = NULL }, value = { .data = NULL };

	for (size_t i = 0; i < l->n;) {
		const enum policy_permission p = l->entries[i].permission;

		ps_buf_reset(&list);
		for (size_t first = i; i < l->n && l->entries[i].permission == p; i++) {
			if (i > first)
				ps_buf_putc(&list, ',');
			for (const char *c = value_of(&l->entries[i], &value); *c; c++)
				ps_buf_puts(&list, *c == ',' ? ",," : (const char[2]){ *c, '\0' });
		}
		ps_buf_printf(out, "%s--allow-%s=", out->len ? " " : "", policy_permission_name(p));
		out->failed |= list.failed || value.failed;
		perm_put_word(out, list.len ? list.data : "");
	}
	if (l->jit)
		ps_buf_puts(out, out->len ? " --jit" : "--jit");
}

/* Variables are nobody's to see: without an entry the list would say that there are to be none. */
static bool has_list(const struct learned *l, enum policy_permission p)
{
	bool has = p != POLICY_ENV;

	for (size_t i = 0; i < l->n; i++)
		has |= l->entries[i].permission == p;
	return has;
}

static void put_list(struct ps_jsonw *w, const struct learned *l, const char *key, enum policy_permission p, struct ps_buf *value)
{
	ps_jw_array(w, key);
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].permission == p)
			ps_jw_str(w, NULL, value_of(&l->entries[i], value));
	ps_jw_end_array(w);
}

void learned_policy(const struct learned *l, const char *name, const char *about, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out, .indent = 2 };
	ps_auto_buf struct ps_buf value = { .data = NULL };

	ps_jw_object(&w, NULL);
	ps_jw_int(&w, "podshimPolicy", 1);
	ps_jw_str(&w, "name", name);
	ps_jw_str(&w, "description", about);
	ps_jw_object(&w, "permissions");
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		const char *key = policy_permission_name((enum policy_permission)p);
		const bool jit = p == POLICY_FFI && l->jit;

		if (!has_list(l, (enum policy_permission)p))
			continue;
		if (jit) {
			ps_jw_object(&w, key);
			ps_jw_bool(&w, "jit", true);
		}
		put_list(&w, l, jit ? "allow" : key, (enum policy_permission)p, &value);
		if (jit)
			ps_jw_end_object(&w);
	}
	ps_jw_end_object(&w);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
	out->failed |= value.failed;
}

int learn_protect(struct perm_builder *b, struct ps_arena *a, const char *home, struct ps_err *e)
{
	static const char from[] = "podshim learn: protected";
	const char *pattern;

	for (size_t i = 0; (pattern = perm_protected_file(i)); i++) {
		const char *path;

		/* Its own /proc and /dev; sockets are net's. */
		if (perm_path_below(pattern, "/proc") || perm_path_below(pattern, "/dev") || learn_has_suffix(pattern, ".sock") || (*pattern != '/' && !home))
			continue;
		path = *pattern == '/' ? ps_arena_printf(a, "%s?", pattern) : ps_arena_printf(a, "%s/%s?", home, pattern);
		if (!path)
			return ps_fail_os(e, "memory for permissions");
		if (perm_builder_item(b, POLICY_READ, POLICY_DENY, path, from, e) < 0)
			return -1;
	}
	return 0;
}
