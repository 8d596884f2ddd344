/* SPDX-License-Identifier: Apache-2.0
 * perm_codec.c - structures to JSON and back, by tables of their members.
 */
#include "shim/policy/perm_codec.h"

#include <string.h>

int load_no_memory(struct load *l)
{
	return ps_fail_os(l->e, "read %s", l->file);
}

int wrong_type(struct load *l, const struct json *v, const char *wanted)
{
	return json_fail(v, l->file, l->e, "is %s, must be %s", json_type_name(v->type), wanted);
}

void put_fields(struct ps_jsonw *w, const struct field *f, size_t n, const void *p)
{
	for (size_t i = 0; i < n; i++)
		f[i].codec->put(w, f[i].key, (const char *)p + f[i].off);
}

int get_fields(struct load *l, const struct json *v, const struct field *f, size_t n, const char *skip, void *p)
{
	if (v->type != JSON_OBJECT)
		return wrong_type(l, v, "an object");
	for (size_t i = 0; i < v->v.list.n; i++) {
		const struct json *m = &v->v.list.items[i];
		size_t k = 0;

		while (k < n && strcmp(f[k].key, m->key) != 0)
			k++;
		if (k < n ? f[k].codec->get(l, m, (char *)p + f[k].off) < 0 : !skip || strcmp(skip, m->key) != 0)
			return k < n ? -1 : json_fail(m, l->file, l->e, "is no member that this version knows");
	}
	return 0;
}

/* ---- scalars ---- */

static bool is_utf8(const char *s)
{
	for (size_t left = strlen(s), n; left; s += n, left -= n) {
		n = ps_utf8_len(s, left);
		if (!n)
			return false;
	}
	return true;
}

static void write_text(struct ps_jsonw *w, const char *key, const char *s)
{
	ps_auto_buf struct ps_buf hex = { .data = NULL };

	if (is_utf8(s)) {
		ps_jw_str(w, key, s);
		return;
	}
	for (const char *c = s; *c; c++)
		ps_buf_printf(&hex, "%02x", (unsigned char)*c);
	w->out->failed |= hex.failed;
	ps_jw_object(w, key);
	ps_jw_str(w, "hex", hex.data ? hex.data : "");
	ps_jw_end_object(w);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int read_hex(struct load *l, const struct json *v, unsigned char *out, size_t max, size_t *ret_n)
{
	size_t n = v->type == JSON_STRING ? strlen(v->v.s) : 1;

	if (n % 2 || n / 2 > max)
		return wrong_type(l, v, "pairs of hexadecimal digits");
	for (size_t i = 0; i < n / 2; i++) {
		int hi = hex_value(v->v.s[2 * i]), lo = hex_value(v->v.s[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return wrong_type(l, v, "pairs of hexadecimal digits");
		out[i] = (unsigned char)(hi << 4 | lo);
	}
	*ret_n = n / 2;
	return 0;
}

static int read_text(struct load *l, const struct json *v, const char **ret)
{
	const struct json *hex = json_get(v, "hex");
	size_t n = 0;

	if (v->type == JSON_STRING) {
		*ret = v->v.s;
		return 0;
	}
	if (!hex || hex->type != JSON_STRING || v->v.list.n != 1)
		return wrong_type(l, v, "a string");
	char *s = ps_arena_alloc(l->arena, strlen(hex->v.s) / 2 + 1);
	if (!s)
		return load_no_memory(l);
	if (read_hex(l, hex, (unsigned char *)s, strlen(hex->v.s) / 2, &n) < 0)
		return -1;
	if (memchr(s, '\0', n))
		return json_fail(hex, l->file, l->e, "has a byte 0");
	*ret = s;
	return 0;
}

int read_number(struct load *l, const struct json *v, uint64_t max, uint64_t *ret)
{
	if (v->type != JSON_UINT && (v->type != JSON_INT || v->v.i < 0))
		return wrong_type(l, v, "a number from 0");
	uint64_t n = v->type == JSON_UINT ? v->v.u : (uint64_t)v->v.i;
	if (n > max)
		return json_fail(v, l->file, l->e, "is out of range");
	*ret = n;
	return 0;
}

static int read_flag(struct load *l, const struct json *v, bool *ret)
{
	if (v->type != JSON_BOOL)
		return wrong_type(l, v, "true or false");
	*ret = v->v.b;
	return 0;
}

static void put_text(struct ps_jsonw *w, const char *key, const void *p)
{
	const char *s = *(const char *const *)p;

	if (s)
		write_text(w, key, s);
}
static int get_text(struct load *l, const struct json *v, void *p)
{
	return read_text(l, v, p);
}

static void put_bool(struct ps_jsonw *w, const char *key, const void *p)
{
	if (*(const bool *)p)
		ps_jw_bool(w, key, true);
}
static int get_bool(struct load *l, const struct json *v, void *p)
{
	return read_flag(l, v, p);
}

static void put_u32(struct ps_jsonw *w, const char *key, const void *p)
{
	if (*(const uint32_t *)p)
		ps_jw_uint(w, key, *(const uint32_t *)p);
}
static int get_u32(struct load *l, const struct json *v, void *p)
{
	uint64_t n = 0;

	if (read_number(l, v, UINT32_MAX, &n) < 0)
		return -1;
	*(uint32_t *)p = (uint32_t)n;
	return 0;
}

static void put_opt_bool(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct opt_bool *o = p;

	if (o->set)
		ps_jw_bool(w, key, o->v);
}
static int get_opt_bool(struct load *l, const struct json *v, void *p)
{
	struct opt_bool *o = p;

	o->set = true;
	return read_flag(l, v, &o->v);
}

static void put_opt_u64(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct opt_u64 *o = p;

	if (o->set)
		ps_jw_uint(w, key, o->v);
}
static int get_opt_u64(struct load *l, const struct json *v, void *p)
{
	struct opt_u64 *o = p;

	o->set = true;
	return read_number(l, v, UINT64_MAX, &o->v);
}

/* ---- lists ---- */

void *list_of(struct load *l, const struct json *v, size_t size)
{
	void *items = NULL;

	if (v->type != JSON_ARRAY) {
		(void)wrong_type(l, v, "a list");
		return NULL;
	}
	items = ps_arena_array(l->arena, v->v.list.n + 1, size);
	if (!items)
		(void)load_no_memory(l);
	return items;
}

static void put_strs(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct spec_strs *s = p;

	if (!s->n)
		return;
	ps_jw_array(w, key);
	for (size_t i = 0; i < s->n; i++)
		write_text(w, NULL, s->v[i]);
	ps_jw_end_array(w);
}
static int get_strs(struct load *l, const struct json *v, void *p)
{
	const char **s = list_of(l, v, sizeof(*s));

	if (!s)
		return -1;
	for (size_t i = 0; i < v->v.list.n; i++)
		if (read_text(l, &v->v.list.items[i], &s[i]) < 0)
			return -1;
	*(struct spec_strs *)p = (struct spec_strs){ s, v->v.list.n };
	return 0;
}

const struct codec text_codec = { put_text, get_text };
const struct codec bool_codec = { put_bool, get_bool };
const struct codec u32_codec = { put_u32, get_u32 };
const struct codec opt_bool_codec = { put_opt_bool, get_opt_bool };
const struct codec opt_u64_codec = { put_opt_u64, get_opt_u64 };
const struct codec strs_codec = { put_strs, get_strs };
