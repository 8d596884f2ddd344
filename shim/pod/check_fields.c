/* SPDX-License-Identifier: Apache-2.0
 * check_fields.c - a document without one of its fields: so that what is refused does not hide what else would be.
 */
#include <string.h>

#include "base/scope.h"
#include "oci/json_write.h"
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
	json_write(&w, root, field);
	return !out->failed;
}
