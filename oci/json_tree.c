/* SPDX-License-Identifier: Apache-2.0
 * json_tree.c - what can be done with a JSON tree: look up, point at, refuse.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "oci/json.h"

const struct json *json_get(const struct json *obj, const char *key)
{
	if (!obj || obj->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < obj->v.list.n; i++)
		if (!strcmp(obj->v.list.items[i].key, key))
			return &obj->v.list.items[i];
	return NULL;
}

static void put_escaped(char *buf, size_t size, size_t *len, char c)
{
	const char *escaped = c == '~' ? "~0" : c == '/' ? "~1" : NULL;
	size_t n = escaped ? 2 : 1;

	if (*len + n >= size)
		return;
	memcpy(buf + *len, escaped ? escaped : &c, n);
	*len += n;
}

const char *json_pointer(const struct json *node, char *buf, size_t size)
{
	const struct json *chain[JSON_MAX_DEPTH + 1];
	size_t depth = 0, len = 0;

	if (size == 0)
		return "";
	for (; node->parent && depth < PS_COUNT(chain); node = node->parent)
		chain[depth++] = node;
	while (depth > 0) {
		const struct json *step = chain[--depth];
		if (len + 1 < size)
			buf[len++] = '/';
		if (step->key) {
			for (const char *c = step->key; *c; c++)
				put_escaped(buf, size, &len, *c);
			continue;
		}
		int n = snprintf(buf + len, size - len, "%u", step->index);
		len = n < 0 || (size_t)n >= size - len ? size - 1 : len + (size_t)n;
	}
	buf[len] = '\0';
	return buf;
}

int json_fail(const struct json *node, const char *file, struct ps_err *e, const char *fmt, ...)
{
	char msg[512], where[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	json_pointer(node, where, sizeof(where));
	(void)ps_fail(e, PS_E_CONFIG, "%s", msg);
	return ps_at(e, "%s%s%s", file, *where ? ": " : "", where);
}

const char *json_type_name(enum json_type t)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",	  [JSON_BOOL] = "boolean",  [JSON_INT] = "integer",  [JSON_UINT] = "integer",
		[JSON_DOUBLE] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array", [JSON_OBJECT] = "object",
	};

	return (size_t)t < PS_COUNT(names) ? names[t] : "unknown";
}
