/* SPDX-License-Identifier: Apache-2.0
 * spec_fill.c - the one walker that reads a JSON object by its schema table into a struct.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "oci/spec_schema.h"

struct fill {
	struct ps_arena *arena;
	const char *file;
	struct ps_err *e;
};

static int fill_object(const struct fill *f, const struct schema *s, const struct json *node, void *into);

static void store(void *into, size_t offset, const void *value, size_t size)
{
	memcpy((char *)into + offset, value, size);
}

static void store_ptr(void *into, size_t offset, const void *p)
{
	store(into, offset, &p, sizeof(p));
}

static int fail_memory(const struct fill *f)
{
	return ps_fail_os(f->e, "read '%s'", f->file);
}

static const char *describe(const struct json *node, char *buf, size_t size)
{
	switch (node->type) {
	case JSON_BOOL:
		return node->v.b ? "true" : "false";
	case JSON_INT:
		snprintf(buf, size, "%" PRId64, node->v.i);
		return buf;
	case JSON_UINT:
		snprintf(buf, size, "%" PRIu64, node->v.u);
		return buf;
	case JSON_DOUBLE:
		snprintf(buf, size, "the fraction %g", node->v.d);
		return buf;
	case JSON_STRING:
		snprintf(buf, size, "the string '%.60s'", node->v.s);
		return buf;
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	case JSON_NULL:
	default:
		return "null";
	}
}

static int expect(const struct fill *f, const struct json *node, enum json_type type, const char *want)
{
	char found[96];

	if (node->type == type)
		return 0;
	return json_fail(node, f->file, f->e, "expected %s, found %s", want, describe(node, found, sizeof(found)));
}

/* The values that a row takes; `max` is above int64 for U64 only. */
struct range {
	int64_t min;
	uint64_t max;
};

static struct range range_of(enum field_kind kind)
{
	switch (kind) {
	case FIELD_I32:
		return (struct range){ INT32_MIN, INT32_MAX };
	case FIELD_I64:
		return (struct range){ INT64_MIN, INT64_MAX };
	case FIELD_U64:
		return (struct range){ 0, UINT64_MAX };
	case FIELD_U32:
	case FIELD_U32S:
	case FIELD_STR:
	case FIELD_BOOL:
	case FIELD_STRS:
	case FIELD_KVS:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_MAP:
	default:
		return (struct range){ 0, UINT32_MAX };
	}
}

/* The integer's bits: cast to the signed type for I32 and I64. */
static int read_integer(const struct fill *f, const struct field *row, const struct json *node, uint64_t *ret)
{
	struct range r = row->ranged ? (struct range){ row->min, (uint64_t)row->max } : range_of(row->kind);
	char found[96];

	if (node->type == JSON_INT && node->v.i >= r.min && (node->v.i < 0 || (uint64_t)node->v.i <= r.max)) {
		*ret = (uint64_t)node->v.i;
		return 0;
	}
	if (node->type == JSON_UINT && node->v.u <= r.max) {
		*ret = node->v.u;
		return 0;
	}
	return json_fail(node, f->file, f->e, "expected an integer from %" PRId64 " to %" PRIu64 ", found %s", r.min,
			 r.max, describe(node, found, sizeof(found)));
}

static int fill_integer(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	uint64_t v = 0;

	if (read_integer(f, row, node, &v) < 0)
		return -1;
	if (row->kind == FIELD_U32 || row->kind == FIELD_I32)
		store(into, row->offset, &(uint32_t){ (uint32_t)v }, sizeof(uint32_t));
	else
		store(into, row->offset, &v, sizeof(v));
	return 0;
}

static int fill_u32s(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	if (expect(f, node, JSON_ARRAY, "an array of integers") < 0)
		return -1;
	size_t n = node->v.list.n;
	uint32_t *items = ps_arena_array(f->arena, n, sizeof(*items));
	if (!items)
		return fail_memory(f);
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 0;
		if (read_integer(f, row, &node->v.list.items[i], &v) < 0)
			return -1;
		items[i] = (uint32_t)v;
	}
	store_ptr(into, row->offset, items);
	store(into, row->count, &n, sizeof(n));
	return 0;
}

static int fill_strs(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	if (expect(f, node, JSON_ARRAY, "an array of strings") < 0)
		return -1;
	size_t n = node->v.list.n;
	const char **items = ps_arena_array(f->arena, n + 1, sizeof(*items));
	if (!items)
		return fail_memory(f);
	for (size_t i = 0; i < n; i++) {
		const struct json *item = &node->v.list.items[i];
		if (expect(f, item, JSON_STRING, "a string") < 0)
			return -1;
		items[i] = item->v.s;
	}
	store(into, row->offset, &(struct spec_strs){ items, n }, sizeof(struct spec_strs));
	return 0;
}

static int check_key(const struct fill *f, const struct json *node)
{
	return *node->key ? 0 : json_fail(node, f->file, f->e, "the member name must not be empty");
}

static const char *place_of(const struct fill *f, const struct json *node)
{
	char pointer[512];

	return ps_arena_strdup(f->arena, json_pointer(node, pointer, sizeof(pointer)));
}

static int fill_kvs(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	if (expect(f, node, JSON_OBJECT, "an object") < 0)
		return -1;
	struct spec_kv *kvs = ps_arena_array(f->arena, node->v.list.n, sizeof(*kvs));
	size_t n = 0;
	if (!kvs)
		return fail_memory(f);
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *member = &node->v.list.items[i];
		if (member->type == JSON_NULL)
			continue;
		if (check_key(f, member) < 0 || expect(f, member, JSON_STRING, "a string") < 0)
			return -1;
		kvs[n] = (struct spec_kv){ member->key, member->v.s, place_of(f, member) };
		if (!kvs[n++].at)
			return fail_memory(f);
	}
	store(into, row->offset, &(struct spec_kvs){ kvs, n }, sizeof(struct spec_kvs));
	return 0;
}

static int fill_element(const struct fill *f, const struct schema *s, const struct json *node, void *element)
{
	if (s->placed) {
		const char *at = place_of(f, node);
		if (!at)
			return fail_memory(f);
		store_ptr(element, s->at_offset, at);
	}
	return fill_object(f, s, node, element);
}

static int fill_list(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	bool map = row->kind == FIELD_MAP;
	const struct schema *s = row->sub;
	size_t n = 0;

	if (expect(f, node, map ? JSON_OBJECT : JSON_ARRAY, map ? "an object" : "an array of objects") < 0)
		return -1;
	char *elements = ps_arena_array(f->arena, node->v.list.n, s->size);
	if (!elements)
		return fail_memory(f);
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *item = &node->v.list.items[i];
		char *element = elements + n * s->size;
		if (map && item->type == JSON_NULL)
			continue;
		if (map && check_key(f, item) < 0)
			return -1;
		if (map)
			store_ptr(element, s->key_offset, item->key);
		if (fill_element(f, s, item, element) < 0)
			return -1;
		n++;
	}
	store_ptr(into, row->offset, elements);
	store(into, row->count, &n, sizeof(n));
	return 0;
}

static int fill_str(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	if (expect(f, node, JSON_STRING, "a string") < 0)
		return -1;
	if (!*node->v.s && (row->flags & FIELD_NONEMPTY))
		return json_fail(node, f->file, f->e, "must not be empty");
	if (*node->v.s || !(row->flags & FIELD_BLANK))
		store_ptr(into, row->offset, node->v.s);
	return 0;
}

static int fill_bool(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	if (expect(f, node, JSON_BOOL, "true or false") < 0)
		return -1;
	store(into, row->offset, &node->v.b, sizeof(bool));
	return 0;
}

static int fill_field(const struct fill *f, const struct field *row, const struct json *node, void *into)
{
	switch (row->kind) {
	case FIELD_STR:
		return fill_str(f, row, node, into);
	case FIELD_BOOL:
		return fill_bool(f, row, node, into);
	case FIELD_U32:
	case FIELD_I32:
	case FIELD_I64:
	case FIELD_U64:
		return fill_integer(f, row, node, into);
	case FIELD_STRS:
		return fill_strs(f, row, node, into);
	case FIELD_KVS:
		return fill_kvs(f, row, node, into);
	case FIELD_U32S:
		return fill_u32s(f, row, node, into);
	case FIELD_OBJECT:
		return fill_object(f, row->sub, node, (char *)into + row->offset);
	case FIELD_LIST:
	case FIELD_MAP:
		return fill_list(f, row, node, into);
	default:
		return ps_fail(f->e, PS_E_BUG, "schema row '%s' has no known kind", row->name);
	}
}

static const struct field *find_row(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (s->fields[i].name[0] == name[0] && !strcmp(s->fields[i].name, name))
			return &s->fields[i];
	return NULL;
}

static int fail_missing(const struct fill *f, const struct json *node, const char *name)
{
	char pointer[512];

	(void)ps_fail(f->e, PS_E_CONFIG, "is required, but missing");
	return ps_at(f->e, "%s: %s/%s", f->file, json_pointer(node, pointer, sizeof(pointer)), name);
}

static int fill_object(const struct fill *f, const struct schema *s, const struct json *node, void *into)
{
	uint64_t seen = 0;

	if (expect(f, node, JSON_OBJECT, "an object") < 0)
		return -1;
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *member = &node->v.list.items[i];
		const struct field *row = find_row(s, member->key);
		if (!row || member->type == JSON_NULL)
			continue;
		if (fill_field(f, row, member, into) < 0)
			return -1;
		if (row->marked)
			store(into, row->mark, &(bool){ true }, sizeof(bool));
		seen |= UINT64_C(1) << (row - s->fields);
	}
	for (size_t i = 0; i < s->n_fields; i++)
		if ((s->fields[i].flags & FIELD_REQUIRED) && !(seen & UINT64_C(1) << i))
			return fail_missing(f, node, s->fields[i].name);
	return 0;
}

int schema_fill(struct ps_arena *a, const struct schema *s, const struct json *node, const char *file, void *into,
		struct ps_err *e)
{
	return fill_object(&(struct fill){ a, file, e }, s, node, into);
}

void schema_each(const struct schema *s, const char *prefix,
		 void (*fn)(const char *path, const struct field *f, void *ctx), void *ctx)
{
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *row = &s->fields[i];
		bool many = row->kind == FIELD_LIST || row->kind == FIELD_MAP;
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", prefix, row->name);
		fn(path, row, ctx);
		if (!row->sub)
			continue;
		if (many)
			snprintf(path, sizeof(path), "%s/%s/-", prefix, row->name);
		schema_each(row->sub, path, fn, ctx);
	}
}
