/* SPDX-License-Identifier: Apache-2.0
 * json_write.h - for tests: a parsed tree as text again, compact, members in document order.
 */
#pragma once
#include <stdio.h>
#include <string.h>
#include "base/jsonw.h"
#include "oci/json.h"

static inline void json_write_double(struct ps_jsonw *w, const char *key, double d)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "%.17g", d);
	if (!strpbrk(text, ".e"))
		strncat(text, ".0", sizeof(text) - strlen(text) - 1); /* stays a double when read again */
	ps_jw_raw(w, key, text);
}

/* Recursion is bounded by the parser's depth limit. */
static inline void json_write_as(struct ps_jsonw *w, const char *key, const struct json *node)
{
	switch (node->type) {
	case JSON_NULL:
		ps_jw_raw(w, key, "null");
		return;
	case JSON_BOOL:
		ps_jw_bool(w, key, node->v.b);
		return;
	case JSON_INT:
		ps_jw_int(w, key, node->v.i);
		return;
	case JSON_UINT:
		ps_jw_uint(w, key, node->v.u);
		return;
	case JSON_DOUBLE:
		json_write_double(w, key, node->v.d);
		return;
	case JSON_STRING:
		ps_jw_str(w, key, node->v.s);
		return;
	case JSON_ARRAY:
		ps_jw_array(w, key);
		for (size_t i = 0; i < node->v.list.n; i++)
			json_write_as(w, NULL, &node->v.list.items[i]);
		ps_jw_end_array(w);
		return;
	case JSON_OBJECT:
		ps_jw_object(w, key);
		for (size_t i = 0; i < node->v.list.n; i++)
			json_write_as(w, node->v.list.items[i].key, &node->v.list.items[i]);
		ps_jw_end_object(w);
		return;
	}
}

/* The value alone, also of a member. */
static inline void json_write(const struct json *node, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out };

	json_write_as(&w, NULL, node);
}
