/* SPDX-License-Identifier: Apache-2.0
 * relay.c - JSON that others wrote, parsed and written anew.
 */
#include "example/ui/relay.h"

#include <stdio.h>
#include <string.h>

/* No deeper than JSON_MAX_DEPTH. */
void relay_json(struct ps_jsonw *w, const char *key, const struct json *v)
{
	char number[40];

	switch (v->type) {
	case JSON_NULL:
		ps_jw_str(w, key, NULL);
		return;
	case JSON_BOOL:
		ps_jw_bool(w, key, v->v.b);
		return;
	case JSON_INT:
		ps_jw_int(w, key, v->v.i);
		return;
	case JSON_UINT:
		ps_jw_uint(w, key, v->v.u);
		return;
	case JSON_DOUBLE:
		(void)snprintf(number, sizeof(number), "%.17g", v->v.d);
		ps_jw_raw(w, key, number);
		return;
	case JSON_STRING:
		ps_jw_str(w, key, v->v.s);
		return;
	case JSON_ARRAY:
		ps_jw_array(w, key);
		for (size_t i = 0; i < v->v.list.n; i++)
			relay_json(w, NULL, &v->v.list.items[i]);
		ps_jw_end_array(w);
		return;
	case JSON_OBJECT:
		ps_jw_object(w, key);
		for (size_t i = 0; i < v->v.list.n; i++)
			relay_json(w, v->v.list.items[i].key, &v->v.list.items[i]);
		ps_jw_end_object(w);
		return;
	}
}

const char *relay_text(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_STRING ? v->v.s : "";
}

uint64_t relay_number(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_INT && v->v.i > 0 ? (uint64_t)v->v.i : 0;
}

bool relay_bool(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_BOOL && v->v.b;
}

bool relay_size(const struct json *o, uint16_t *ret_rows, uint16_t *ret_cols)
{
	const uint64_t rows = relay_number(o, "rows"), cols = relay_number(o, "cols");

	if (!rows || !cols || rows > RELAY_SIZE_MAX || cols > RELAY_SIZE_MAX)
		return false;
	*ret_rows = (uint16_t)rows;
	*ret_cols = (uint16_t)cols;
	return true;
}

char *relay_copy(const char *text)
{
	return strdup(text);
}
