/* SPDX-License-Identifier: Apache-2.0
 * check_fields.c - a document without one of its fields: so that what is refused does not hide what else would be.
 */
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/json.h"
#include "shim/pod/check.h"

/* NULL: no such node. */
static const struct json *find(const struct json *v, const char *pointer)
{
	char own[256];

	if (v->parent && !strcmp(json_pointer(v, own, sizeof(own)), pointer))
		return v;
	for (size_t i = 0; (v->type == JSON_ARRAY || v->type == JSON_OBJECT) && i < v->v.list.n; i++) {
		const struct json *hit = find(&v->v.list.items[i], pointer);

		if (hit)
			return hit;
	}
	return NULL;
}

static void put_double(struct ps_jsonw *w, const struct json *v)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	ps_buf_printf(&text, "%.17g", v->v.d);
	w->out->failed |= text.failed;
	ps_jw_raw(w, v->key, text.failed ? "0" : text.data);
}

static void put(struct ps_jsonw *w, const struct json *v, const struct json *without);

static void put_items(struct ps_jsonw *w, const struct json *v, const struct json *without)
{
	for (size_t i = 0; i < v->v.list.n; i++)
		if (&v->v.list.items[i] != without)
			put(w, &v->v.list.items[i], without);
}

static void put(struct ps_jsonw *w, const struct json *v, const struct json *without)
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
		put_items(w, v, without);
		ps_jw_end_array(w);
		break;
	case JSON_OBJECT:
		ps_jw_object(w, v->key);
		put_items(w, v, without);
		ps_jw_end_object(w);
		break;
	}
}

bool check_without(const struct ps_buf *text, const char *pointer, struct ps_buf *out)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct ps_jsonw w = { .out = out };
	const struct json *field;
	struct json *root;

	if (!text->data || json_parse(&a, "document", text->data, text->len, &root, NULL) < 0)
		return false;
	field = find(root, pointer);
	if (!field)
		return false;
	put(&w, root, field);
	return !out->failed;
}
