/* SPDX-License-Identifier: Apache-2.0
 * kept_rules.c - Landlock's rules of a running container, and which objects they are about, to JSON and back.
 */
#include "shim/policy/kept_rules.h"

#include "base/scope.h"
#include "shim/policy/perm_codec.h"

#define VERSION_KEY "podshim.rules"
enum { VERSION = 1 };

static void put_u64(struct ps_jsonw *w, const char *key, const void *p)
{
	ps_jw_uint(w, key, *(const uint64_t *)p);
}
static int get_u64(struct load *l, const struct json *v, void *p)
{
	return read_number(l, v, UINT64_MAX, p);
}

CODEC(u64)
FIELDS_OF(policy_landlock_rule) {
	FIELD(policy_landlock_rule, "path", text, path),
	FIELD(policy_landlock_rule, "from", text, from),
	FIELD(policy_landlock_rule, "access", u64, access),
	FIELD(policy_landlock_rule, "dev", u64, object.dev),
	FIELD(policy_landlock_rule, "ino", u64, object.ino),
};

static void put_list(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct policy_landlock *k = p;

	ps_jw_array(w, key);
	for (size_t i = 0; i < k->n_rules; i++) {
		if (!k->rules[i].object.ino)
			continue;
		ps_jw_object(w, NULL);
		put_fields(w, policy_landlock_rule_fields, PS_COUNT(policy_landlock_rule_fields), &k->rules[i]);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}
static int get_list(struct load *l, const struct json *v, void *p)
{
	struct policy_landlock *k = p;
	struct policy_landlock_rule *rules = list_of(l, v, sizeof(*rules));

	if (!rules)
		return -1;
	for (size_t i = 0; i < v->v.list.n; i++) {
		const struct json *item = &v->v.list.items[i];

		if (get_fields(l, item, policy_landlock_rule_fields, PS_COUNT(policy_landlock_rule_fields), NULL, &rules[i]) < 0)
			return -1;
		if (!rules[i].path || rules[i].path[0] != '/' || !rules[i].from || !rules[i].object.ino)
			return json_fail(item, l->file, l->e, "is no rule for an object");
		rules[i].optional = true;
	}
	k->rules = rules;
	k->n_rules = v->v.list.n;
	return 0;
}

CODEC(list)
FIELDS_OF(policy_landlock) {
	FIELD(policy_landlock, "handled", u64, handled_fs),
	FIELD(policy_landlock, "scoped", u64, scoped),
	{ "rules", &list_codec, 0 },
};

void kept_rules_save(const struct policy_landlock *l, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_uint(&w, VERSION_KEY, VERSION);
	put_fields(&w, policy_landlock_fields, PS_COUNT(policy_landlock_fields), l);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

int kept_rules_load(struct ps_arena *a, const char *name, const char *text, size_t n, struct policy_landlock *ret, struct ps_err *e)
{
	struct load l = { .arena = a, .file = name, .e = e };
	struct policy_landlock k = { .handled_fs = 0 };
	const struct json *version;
	struct json *root;

	if (json_parse(a, name, text, n, &root, e) < 0)
		return -1;
	version = json_get(root, VERSION_KEY);
	if (!version || version->type != JSON_INT || version->v.i != VERSION)
		return json_fail(root, name, e, "is no list of rules that this version knows");
	if (get_fields(&l, root, policy_landlock_fields, PS_COUNT(policy_landlock_fields), VERSION_KEY, &k) < 0)
		return -1;
	/* No rights that are handled are no rights that are taken away. */
	if (!json_get(root, "handled") || !json_get(root, "scoped") || !json_get(root, "rules"))
		return json_fail(root, name, e, "lacks a member");
	*ret = k;
	return 0;
}
