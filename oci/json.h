/* SPDX-License-Identifier: Apache-2.0
 * json.h - JSON text to a tree in an arena, on yajl, for input that nobody vouches for.
 *
 * Limits: bytes (the caller's), depth 64, 1 Mi nodes.  Refused: duplicate members, NUL inside strings, invalid UTF-8,
 * comments, trailing text, numbers that are not representable.  Integers are kept exactly (int64 or uint64).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_UINT /* > INT64_MAX */, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

enum { JSON_MAX_DEPTH = 64 };

struct json {
	enum json_type type;
	uint32_t index;       /* position in the parent */
	const char *key;      /* member name when the parent is an object, else NULL */
	struct json *parent;
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double d;
		const char *s;
		struct { struct json *items; size_t n; } list; /* array and object, in document order */
	} v;
};

/* Parse text[0..n).  Error PS_E_CONFIG: where = "<file>", msg names line and column.  The tree lives in the arena. */
int json_parse(struct ps_arena *a, const char *file, const char *text, size_t n, struct json **ret, struct ps_err *e);
/* Member of an object, or NULL (also when obj is no object). */
const struct json *json_get(const struct json *obj, const char *key);
/* JSON pointer (RFC 6901, '~' and '/' escaped) of a node, "" for the root. */
const char *json_pointer(const struct json *node, char *buf, size_t size);
/* PS_E_CONFIG at a node: where = "<file>: <pointer>"; always -1. */
int json_fail(const struct json *node, const char *file, struct ps_err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
const char *json_type_name(enum json_type t);
