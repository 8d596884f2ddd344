/* SPDX-License-Identifier: Apache-2.0
 * spec_schema.h - config.json's shape as data: one table per JSON object, and the walker that fills structs from it.
 *
 * Private to oci/spec_*.c and their tests.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "oci/spec.h"

enum field_kind {
	FIELD_STR,    /* const char * */
	FIELD_BOOL,   /* bool */
	FIELD_U32,    /* uint32_t; the row's range may be narrower */
	FIELD_I32,    /* int32_t */
	FIELD_I64,    /* int64_t */
	FIELD_U64,    /* uint64_t */
	FIELD_STRS,   /* struct spec_strs: array of strings */
	FIELD_KVS,    /* struct spec_kvs: object whose members are strings */
	FIELD_U32S,   /* const uint32_t * and size_t: array of integers */
	FIELD_OBJECT, /* sub-object; its rows start at `offset` */
	FIELD_LIST,   /* pointer and size_t: array of objects */
	FIELD_MAP,    /* pointer and size_t: object of objects; the member name goes to the element's key_offset */
};
enum field_flags {
	FIELD_REQUIRED = 1,
	FIELD_NONEMPTY = 2, /* "" is an error */
	FIELD_BLANK = 4,    /* "" means absent: what callers write for an unset string */
};

/* One member of a JSON object.  Offsets are relative to the struct that the table's object fills. */
struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	unsigned since;           /* runtime-spec 1.<since> */
	size_t offset;
	bool marked;
	size_t mark;              /* bool that is set when the member is there, when marked */
	size_t count;             /* size_t of a list, map or U32S */
	bool ranged;
	int64_t min, max;         /* allowed integers, when ranged */
	const struct schema *sub; /* of an object, or of the elements of a list or map */
};
/* One JSON object.  The element part is used when it stands in a list or map. */
struct schema {
	const struct field *fields;
	size_t n_fields;
	size_t size;              /* of the element struct */
	bool placed;
	size_t at_offset;         /* const char *at of the element, when placed */
	size_t key_offset;        /* const char * that takes the member name in a map */
};

/*
 * Rows.  T is the struct that the object fills, m its member.  The type of m is checked at compile time; an optional
 * scalar `m` is a struct with `set` and `v`.
 */
#define FIELD_AT(T, m, type) (offsetof(T, m) + 0 * sizeof(char[_Generic(((T *)NULL)->m, type: 1)]))
#define FIELD_(T, json, k, m, type, ...) { .name = (json), .kind = (k), .offset = FIELD_AT(T, m, type), ##__VA_ARGS__ }
#define FIELD_MARKED(T, mk) .marked = true, .mark = FIELD_AT(T, mk, bool)
#define FIELD_RANGE(lo, hi) .ranged = true, .min = (lo), .max = (hi)

#define STR(T, json, m, ...) FIELD_(T, json, FIELD_STR, m, const char *, ##__VA_ARGS__)
#define BOOL(T, json, m, ...) FIELD_(T, json, FIELD_BOOL, m, bool, ##__VA_ARGS__)
#define U32(T, json, m, ...) FIELD_(T, json, FIELD_U32, m, uint32_t, ##__VA_ARGS__)
#define I32(T, json, m, ...) FIELD_(T, json, FIELD_I32, m, int32_t, ##__VA_ARGS__)
#define I64(T, json, m, ...) FIELD_(T, json, FIELD_I64, m, int64_t, ##__VA_ARGS__)
#define U64(T, json, m, ...) FIELD_(T, json, FIELD_U64, m, uint64_t, ##__VA_ARGS__)
#define OPT_BOOL(T, json, m, ...) BOOL(T, json, m.v, FIELD_MARKED(T, m.set), ##__VA_ARGS__)
#define OPT_U32(T, json, m, ...) U32(T, json, m.v, FIELD_MARKED(T, m.set), ##__VA_ARGS__)
#define OPT_I32(T, json, m, ...) I32(T, json, m.v, FIELD_MARKED(T, m.set), ##__VA_ARGS__)
#define OPT_I64(T, json, m, ...) I64(T, json, m.v, FIELD_MARKED(T, m.set), ##__VA_ARGS__)
#define OPT_U64(T, json, m, ...) U64(T, json, m.v, FIELD_MARKED(T, m.set), ##__VA_ARGS__)
#define STRS(T, json, m, ...) FIELD_(T, json, FIELD_STRS, m, struct spec_strs, ##__VA_ARGS__)
#define KVS(T, json, m, ...) FIELD_(T, json, FIELD_KVS, m, struct spec_kvs, ##__VA_ARGS__)
#define U32S(T, json, m, n, ...) \
	FIELD_(T, json, FIELD_U32S, m, const uint32_t *, .count = FIELD_AT(T, n, size_t), ##__VA_ARGS__)
#define LIST(T, json, m, n, E, s, ...) \
	FIELD_(T, json, FIELD_LIST, m, const E *, .count = FIELD_AT(T, n, size_t), .sub = (s), ##__VA_ARGS__)
#define MAP(T, json, m, n, E, s, ...) \
	FIELD_(T, json, FIELD_MAP, m, const E *, .count = FIELD_AT(T, n, size_t), .sub = (s), ##__VA_ARGS__)
/* A sub-object that fills a struct of its own (INNER), or more members of the same one (PART). */
#define INNER(T, json, m, type, s, ...) FIELD_(T, json, FIELD_OBJECT, m, type, .sub = (s), ##__VA_ARGS__)
#define PART(json, s, ...) { .name = (json), .kind = FIELD_OBJECT, .sub = (s), ##__VA_ARGS__ }

#define SCHEMA(rows, ...) { .fields = (rows), .n_fields = sizeof(rows) / sizeof((rows)[0]), ##__VA_ARGS__ }
#define SCHEMA_ELEMENT(rows, E, ...) SCHEMA(rows, .size = sizeof(E), ##__VA_ARGS__)
#define SCHEMA_PLACED(rows, E, ...) \
	SCHEMA_ELEMENT(rows, E, .placed = true, .at_offset = FIELD_AT(E, at, const char *), ##__VA_ARGS__)
#define SCHEMA_KEYED(E, m) .key_offset = FIELD_AT(E, m, const char *)

extern const struct schema schema_config;    /* struct spec */
extern const struct schema schema_process;   /* struct spec_process */
extern const struct schema schema_linux;     /* struct spec_linux */
extern const struct schema schema_resources; /* struct spec_resources */
extern const struct schema schema_id_map;    /* struct spec_id_map */

/* Fill the struct at `into` (zeroed) from an object of the tree.  Error PS_E_CONFIG with the pointer. */
int schema_fill(struct ps_arena *a, const struct schema *s, const struct json *node, const char *file, void *into,
		struct ps_err *e);
/* Call fn for every known field, depth first; a list or map element is "-": "/linux/seccomp/syscalls/-/names". */
void schema_each(const struct schema *s, const char *prefix,
		 void (*fn)(const char *path, const struct field *f, void *ctx), void *ctx);
