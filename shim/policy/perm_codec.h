/* SPDX-License-Identifier: Apache-2.0
 * perm_codec.h - structures to JSON and back, by tables of their members.  For perm_save.c.
 *
 * What has the value that memory has at first is left out.  Text that is no UTF-8 (a path may be so) is {"hex": "..."}.
 */
#pragma once
#include "base/jsonw.h"
#include "oci/json.h"
#include "shim/policy/permissions.h"

struct load {
	struct ps_arena *arena;
	const char *file;
	struct ps_err *e;
	enum policy_permission permission;  /* of the entries that are being read */
	enum policy_action action;
};

/* How a member is written (unless it is as at first) and read. */
struct codec {
	void (*put)(struct ps_jsonw *w, const char *key, const void *p);
	int (*get)(struct load *l, const struct json *v, void *p);
};
struct field {
	const char *key;
	const struct codec *codec;
	size_t off;
};
/* const char *, bool, unsigned, struct opt_bool, struct opt_u64, struct spec_strs */
extern const struct codec text_codec, bool_codec, u32_codec, opt_bool_codec, opt_u64_codec, strs_codec;
#define CODEC(name) static const struct codec name##_codec = { put_##name, get_##name };
#define FIELDS_OF(type) static const struct field type##_fields[] =
#define FIELD(type, key, codec, member) { key, &codec##_codec, offsetof(struct type, member) }

void put_fields(struct ps_jsonw *w, const struct field *f, size_t n, const void *p);
/* Every member of v is one of f's; skip: one that somebody else reads, or NULL. */
int get_fields(struct load *l, const struct json *v, const struct field *f, size_t n, const char *skip, void *p);
/* Room for a list's items and one more, zeroed: v->v.list.n of `size` bytes.  NULL: v is no list, or there is no memory. */
void *list_of(struct load *l, const struct json *v, size_t size);
int read_number(struct load *l, const struct json *v, uint64_t max, uint64_t *ret);
/* Pairs of digits, to at most max bytes. */
int read_hex(struct load *l, const struct json *v, unsigned char *out, size_t max, size_t *ret_n);
/* "is X, must be `wanted`"; always -1. */
int wrong_type(struct load *l, const struct json *v, const char *wanted);
int load_no_memory(struct load *l);
