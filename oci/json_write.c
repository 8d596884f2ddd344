/* SPDX-License-Identifier: Apache-2.0
 * json_write.c - a tree as text again.
 */
#include "oci/json_write.h"

#include "base/scope.h"

static void put_double(struct ps_jsonw *w, const struct json *v)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	ps_buf_printf(&text, "%.17g", v->v.d);
	w->out->failed |= text.failed;
	ps_jw_raw(w, v->key, text.failed ? "0" : text.data);
}

static void put_items(struct ps_jsonw *w, const struct json *v, const struct json *without)
{
	for (size_t i = 0; i < v->v.list.n; i++)
		if (&v->v.list.items[i] != without)
			json_write(w, &v->v.list.items[i], without);
}

void json_write(struct ps_jsonw *w, const struct json *v, const struct json *without)
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
