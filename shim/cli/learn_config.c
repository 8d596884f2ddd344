/* SPDX-License-Identifier: Apache-2.0
 * learn_config.c - a bundle's config.json with what was learned of it: everything else is written as it was read.
 */
#include "shim/cli/learn_config.h"

#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/json.h"

static const char annotation[] = "io.podshim.policy";

static void put_double(struct ps_jsonw *w, const struct json *v)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	ps_buf_printf(&text, "%.17g", v->v.d);
	w->out->failed |= text.failed;
	ps_jw_raw(w, v->key, text.failed ? "0" : text.data);
}

static void put_value(struct ps_jsonw *w, const struct json *v, const char *policy);

/* policy: of the object of annotations; else NULL. */
static void put_members(struct ps_jsonw *w, const struct json *v, const char *policy)
{
	const bool root = !v->parent;

	ps_jw_object(w, v->key);
	for (size_t i = 0; i < v->v.list.n; i++) {
		const struct json *item = &v->v.list.items[i];

		if (!policy || root || strcmp(item->key, annotation) != 0)
			put_value(w, item, root && !strcmp(item->key, "annotations") ? policy : NULL);
	}
	if (policy && root && !json_get(v, "annotations")) {
		ps_jw_object(w, "annotations");
		ps_jw_str(w, annotation, policy);
		ps_jw_end_object(w);
	}
	if (policy && !root)
		ps_jw_str(w, annotation, policy);
	ps_jw_end_object(w);
}

static void put_value(struct ps_jsonw *w, const struct json *v, const char *policy)
{
	switch (v->type) {
	case JSON_NULL:
		ps_jw_str(w, v->key, NULL);
		break;
	case JSON_BOOL:
		ps_jw_bool(w, v->key, v->v.b);
		break;
	case JSON_INT:
		ps_jw_int(w, v->key, v->v.i);
		break;
	case JSON_UINT:
		ps_jw_uint(w, v->key, v->v.u);
		break;
	case JSON_DOUBLE:
		put_double(w, v);
		break;
	case JSON_STRING:
		ps_jw_str(w, v->key, v->v.s);
		break;
	case JSON_ARRAY:
		ps_jw_array(w, v->key);
		for (size_t i = 0; i < v->v.list.n; i++)
			put_value(w, &v->v.list.items[i], NULL);
		ps_jw_end_array(w);
		break;
	case JSON_OBJECT:
		put_members(w, v, policy);
		break;
	}
}

int learn_config(const char *text, size_t n, const char *policy, struct ps_buf *out, struct ps_err *e)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct ps_jsonw w = { .out = out, .indent = 2 };
	struct json *root;

	if (json_parse(&a, "config.json", text, n, &root, e) < 0)
		return -1;
	put_value(&w, root, policy);
	ps_buf_putc(out, '\n');
	return out->failed ? ps_fail_os(e, "memory for config.json") : 0;
}
