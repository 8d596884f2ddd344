/* SPDX-License-Identifier: Apache-2.0
 * learn_config.c - a config.json with what was learned of it: everything else is written as it was read.
 */
#include "oci/json_write.h"
#include "shim/cli/learn_config.h"

#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/cli/learn_calls.h"
#include "shim/policy/policy.h"

static const char annotation[] = "io.podshim.policy";

/* ---- Changes ---- */

struct changing {
	struct ps_jsonw w;
	const struct learn_changes *c;
	bool open;
};

/* The members of v (NULL: it is missing) but `key`, which put() writes in its place or behind them. */
static void put_changed(struct changing *g, const char *name, const struct json *v, const char *key,
			void (*put)(struct changing *g, const struct json *old))
{
	const struct json *old = v ? json_get(v, key) : NULL;

	ps_jw_object(&g->w, name);
	for (size_t i = 0; v && i < v->v.list.n; i++)
		if (&v->v.list.items[i] == old)
			put(g, old);
		else
			json_write(&g->w, &v->v.list.items[i], NULL);
	if (!old)
		put(g, NULL);
	ps_jw_end_object(&g->w);
}

static void put_policy(struct changing *g, const struct json *old)
{
	(void)old;
	ps_jw_str(&g->w, annotation, g->c->policy);
}

/* The run had it: permissions take it. */
static void put_no_new_privileges(struct changing *g, const struct json *old)
{
	(void)old;
	ps_jw_bool(&g->w, "noNewPrivileges", true);
}

static void put_seccomp(struct changing *g, const struct json *old)
{
	if (!old || old->type != JSON_OBJECT) {
		learn_calls_put(&g->w, "seccomp", g->c->calls, g->c->reaper);
	} else if (!learn_calls_narrow(&g->w, old, g->c->calls, g->c->reaper)) {
		json_write(&g->w, old, NULL);
		g->open = true;
	}
}

static const struct json *object_of(const struct json *root, const char *key)
{
	const struct json *v = json_get(root, key);

	return v && v->type == JSON_OBJECT ? v : NULL;
}

static void put_root(struct changing *g, const struct json *root)
{
	static const struct {
		const char *name, *key;
		void (*put)(struct changing *g, const struct json *old);
	} rows[] = {
		{ "process", "noNewPrivileges", put_no_new_privileges }, { "linux", "seccomp", put_seccomp },
		{ "annotations", annotation, put_policy },
	};
	bool done[PS_COUNT(rows)] = { false, false, !g->c->policy };

	ps_jw_object(&g->w, NULL);
	for (size_t i = 0; i < root->v.list.n; i++) {
		const struct json *member = &root->v.list.items[i];
		size_t k = 0;

		while (k < PS_COUNT(rows) && (done[k] || strcmp(rows[k].name, member->key) != 0 || member->type != JSON_OBJECT))
			k++;
		if (k == PS_COUNT(rows)) {
			json_write(&g->w, member, NULL);
			continue;
		}
		put_changed(g, rows[k].name, member, rows[k].key, rows[k].put);
		done[k] = true;
	}
	/* A document without a process has nothing to run. */
	for (size_t k = 1; k < PS_COUNT(rows); k++)
		if (!done[k])
			put_changed(g, rows[k].name, NULL, rows[k].key, rows[k].put);
	ps_jw_end_object(&g->w);
}

int learn_config(const char *text, size_t n, const struct learn_changes *c, struct ps_buf *out, bool *ret_open, struct ps_err *e)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct changing g = { .w = { .out = out, .indent = 2 }, .c = c };
	struct json *root;

	if (json_parse(&a, "config.json", text, n, &root, e) < 0)
		return -1;
	if (root->type != JSON_OBJECT)
		return json_fail(root, "config.json", e, "expected an object");
	put_root(&g, root);
	ps_buf_putc(out, '\n');
	if (out->failed)
		return ps_fail_os(e, "memory for config.json");
	*ret_open = g.open;
	return 0;
}

bool learn_config_reaps(const char *text, size_t n)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct ps_err ignored = { .cls = PS_OK };
	struct json *root;

	if (json_parse(&a, "config.json", text, n, &root, &ignored) < 0)
		return false;
	const struct json *annotations = object_of(root, "annotations");

	return annotations && json_get(annotations, POLICY_REAPER_ANNOTATION);
}
