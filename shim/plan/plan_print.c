/* SPDX-License-Identifier: Apache-2.0
 * plan_print.c - a plan as text for people and as JSON for machines; what is absent is 0, none or empty.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/plan/compile.h"
#include "shim/plan/print_rules.h"
#include "shim/plan/schema.h"

enum { INDENT = 2 };

static const char *text_of(const struct plan *p, const struct field *f, const void *row)
{
	return plan_str(p, (plan_off)field_number(f, row));
}

static const char *name_of(const struct ps_name *names, uint64_t value)
{
	while (names->name && names->value != value)
		names++;
	return names->name;
}

/* Call put() with the name of every bit, and with the rest as one number. */
static void each_bit(const struct field *f, uint64_t bits, void (*put)(void *ctx, const char *name), void *ctx)
{
	char rest[24];

	if (f->kind == FIELD_CAPS) {
		for (uint64_t bit = 0; bit < 64; bit++) {
			const char *name = ps_name_of(names_capability, n_names_capability, bit);

			if (!name || !(bits >> bit & 1))
				continue;
			put(ctx, name);
			bits &= ~(UINT64_C(1) << bit);
		}
	} else {
		for (const struct ps_name *n = f->of; n->name; n++) {
			if ((bits & n->value) != n->value)
				continue;
			put(ctx, n->name);
			bits &= ~n->value;
		}
	}
	if (!bits)
		return;
	(void)snprintf(rest, sizeof(rest), "0x%" PRIx64, bits);
	put(ctx, rest);
}

static uint64_t program_hash(const struct plan *p, struct plan_list l, size_t size)
{
	return ps_fnv64(PS_FNV64_INIT, plan_at(p, l.off), l.n * size);
}

static bool is_shown(const struct field *f, const void *row)
{
	uint64_t n = field_number(f, row);

	if (f->kind == FIELD_HIDDEN)
		return false;
	if (f->kind == FIELD_FD || f->kind == FIELD_MOUNT)
		return n != PLAN_NO_FD;
	return n || f->always || f->kind == FIELD_ENUM || f->kind == FIELD_CGROUP;
}

static bool has_own_from(const struct row_type *type)
{
	const struct field *f = type->fields;

	while (f->name && f->kind != FIELD_FROM)
		f++;
	return f->name != NULL;
}

/* Provenance of a field of the plan into out; false where each of its rows has its own. */
static bool field_from(const struct plan *p, const struct field *f, struct ps_buf *out)
{
	plan_off said = p->file;

	if (f->kind == FIELD_ROWS && has_own_from(f->of))
		return false;
	if (f->from)
		memcpy(&said, (const char *)p + f->from, sizeof(said));
	const char *from = plan_str(p, said);

	ps_buf_reset(out);
	if (!f->at || !*from || (f->always && !f->from && !field_number(f, p)))
		ps_buf_puts(out, "default");
	else if (f->from)
		ps_buf_printf(out, "%s%s", from, strchr(from, '#') ? f->at : "");
	else
		ps_buf_printf(out, "%s%s%s", *f->at == '/' ? from : "", *f->at == '/' ? "#" : "", f->at);
	return !out->failed;
}

/* ---- JSON ---- */

static void json_bit(void *ctx, const char *name)
{
	ps_jw_str(ctx, NULL, name);
}

static void json_row(struct ps_jsonw *w, const struct plan *p, const struct row_type *type, const void *row);

static void json_list(struct ps_jsonw *w, const struct plan *p, const struct field *f, const void *row)
{
	struct plan_list l = field_list(f, row);
	size_t size = field_element_size(f);
	const char *at = plan_at(p, l.off);

	ps_jw_array(w, f->name);
	for (uint32_t i = 0; i < l.n; i++, at += size) {
		const uint32_t *n = (const void *)at;

		if (f->kind == FIELD_STRS) {
			ps_jw_str(w, NULL, plan_str(p, *n));
		} else if (f->kind == FIELD_NUMS) {
			ps_jw_uint(w, NULL, *n);
		} else {
			ps_jw_object(w, NULL);
			json_row(w, p, f->of, at);
			ps_jw_end_object(w);
		}
	}
	ps_jw_end_array(w);
}

static void json_program(struct ps_jsonw *w, const struct plan *p, const struct field *f, const void *row)
{
	struct plan_list l = field_list(f, row);
	char hash[24];

	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, program_hash(p, l, field_element_size(f)));
	ps_jw_object(w, f->name);
	ps_jw_uint(w, "instructions", l.n);
	ps_jw_str(w, "fnv64", hash);
	ps_jw_end_object(w);
}

static void json_field(struct ps_jsonw *w, const struct plan *p, const struct field *f, const void *row)
{
	uint64_t n = field_number(f, row);
	char text[24];

	switch (f->kind) {
	case FIELD_STR:
	case FIELD_FROM:
		ps_jw_str(w, f->name, text_of(p, f, row));
		return;
	case FIELD_STRS:
	case FIELD_ROWS:
	case FIELD_NUMS:
		json_list(w, p, f, row);
		return;
	case FIELD_PROGRAM:
		json_program(w, p, f, row);
		return;
	case FIELD_BOOL:
		ps_jw_bool(w, f->name, n);
		return;
	case FIELD_I32:
	case FIELD_I64:
		ps_jw_int(w, f->name, (int64_t)n);
		return;
	case FIELD_ENUM:
		if (name_of(f->of, n))
			ps_jw_str(w, f->name, name_of(f->of, n));
		return;
	case FIELD_CHAR:
	case FIELD_OCTAL:
		(void)snprintf(text, sizeof(text), f->kind == FIELD_CHAR ? "%c" : "%04o", (unsigned)n);
		ps_jw_str(w, f->name, text);
		return;
	case FIELD_BITS16:
	case FIELD_BITS32:
	case FIELD_BITS64:
	case FIELD_CAPS:
		ps_jw_array(w, f->name);
		each_bit(f, n, json_bit, w);
		ps_jw_end_array(w);
		return;
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_FD:
	case FIELD_MOUNT:
	case FIELD_CGROUP:
		ps_jw_uint(w, f->name, n);
		return;
	case FIELD_HIDDEN:
		return;
	}
}

static void json_row(struct ps_jsonw *w, const struct plan *p, const struct row_type *type, const void *row)
{
	for (const struct field *f = type->fields; f->name; f++)
		if (is_shown(f, row))
			json_field(w, p, f, row);
}

static void json_from(struct ps_jsonw *w, const struct plan *p)
{
	ps_auto_buf struct ps_buf from = { .data = NULL };

	ps_jw_object(w, "from");
	for (const struct field *f = plan_type.fields; f->name; f++)
		if (is_shown(f, p) && field_from(p, f, &from))
			ps_jw_str(w, f->name, from.data);
	ps_jw_end_object(w);
}

void plan_print_json(const struct plan *p, const struct policy_seccomp *s, const struct policy_entry *entries, size_t n,
		     struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out, .indent = INDENT };

	ps_jw_object(&w, NULL);
	json_row(&w, p, &plan_type, p);
	json_from(&w, p);
	if (s && s->set)
		rules_print_json(s, &w);
	ps_jw_array(&w, "permissions");
	for (size_t i = 0; i < n; i++) {
		ps_jw_object(&w, NULL);
		ps_jw_str(&w, "permission", policy_permission_name(entries[i].permission));
		ps_jw_str(&w, "action", policy_action_name(entries[i].action));
		ps_jw_str(&w, "value", entries[i].value);
		ps_jw_str(&w, "from", entries[i].from);
		ps_jw_end_object(&w);
	}
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

/* ---- text ---- */

/* A word as it is, anything else quoted so that a line stays a line. */
static void put_text(struct ps_buf *out, const char *s)
{
	struct ps_jsonw w = { .out = out };
	bool plain = *s != '\0';

	for (const unsigned char *c = (const unsigned char *)s; *c; c++)
		plain &= *c > ' ' && *c != '"' && *c != '\\' && *c != 0x7f;
	if (plain)
		ps_buf_puts(out, s);
	else
		ps_jw_str(&w, NULL, s);
}

struct words {
	struct ps_buf *out;
	const char *between;
};

static void put_word(struct words *w, const char *text)
{
	ps_buf_puts(w->out, w->between);
	w->between = ",";
	put_text(w->out, text);
}

static void text_bit(void *ctx, const char *name)
{
	put_word(ctx, name);
}

static void text_list(struct ps_buf *out, const struct plan *p, const struct field *f, const void *row)
{
	struct words w = { out, "" };
	struct plan_list l = field_list(f, row);
	const uint32_t *n = plan_at(p, l.off);
	const struct plan_id_map *map = plan_at(p, l.off);

	for (uint32_t i = 0; i < l.n; i++) {
		char number[40];

		if (f->kind == FIELD_NUMS)
			(void)snprintf(number, sizeof(number), "%" PRIu32, n[i]);
		else if (f->kind == FIELD_ROWS) /* rows inside rows are id maps */
			(void)snprintf(number, sizeof(number), "%u:%u:%u", map[i].container, map[i].host, map[i].size);
		put_word(&w, f->kind == FIELD_STRS ? plan_str(p, n[i]) : number);
	}
}

static void text_value(struct ps_buf *out, const struct plan *p, const struct field *f, const void *row)
{
	struct words w = { out, "" };
	uint64_t n = field_number(f, row);
	const char *name;

	switch (f->kind) {
	case FIELD_STR:
	case FIELD_FROM:
		put_text(out, text_of(p, f, row));
		return;
	case FIELD_STRS:
	case FIELD_ROWS:
	case FIELD_NUMS:
		text_list(out, p, f, row);
		return;
	case FIELD_PROGRAM:
		ps_buf_printf(out, "%" PRIu64 " instructions", n);
		return;
	case FIELD_BOOL:
		ps_buf_puts(out, n ? "yes" : "no");
		return;
	case FIELD_I32:
	case FIELD_I64:
		ps_buf_printf(out, "%" PRId64, (int64_t)n);
		return;
	case FIELD_ENUM:
		name = name_of(f->of, n);
		ps_buf_puts(out, name ? name : "-");
		return;
	case FIELD_CHAR:
		ps_buf_putc(out, (char)n);
		return;
	case FIELD_OCTAL:
		ps_buf_printf(out, "%04" PRIo64, n);
		return;
	case FIELD_BITS16:
	case FIELD_BITS32:
	case FIELD_BITS64:
	case FIELD_CAPS:
		each_bit(f, n, text_bit, &w);
		return;
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_FD:
	case FIELD_MOUNT:
	case FIELD_CGROUP:
		ps_buf_printf(out, "%" PRIu64, n);
		return;
	case FIELD_HIDDEN:
		return;
	}
}

/* One row on one line, its provenance at the end. */
static void text_row(struct ps_buf *out, const struct plan *p, const struct row_type *type, const void *row)
{
	for (const struct field *f = type->fields; f->name; f++) {
		if (!is_shown(f, row) || (f->kind == FIELD_ENUM && !name_of(f->of, field_number(f, row))))
			continue;
		ps_buf_puts(out, f->kind == FIELD_FROM ? "  (" : " ");
		if (f->kind != FIELD_FROM)
			ps_buf_printf(out, "%s=", f->name);
		text_value(out, p, f, row);
		if (f->kind == FIELD_FROM)
			ps_buf_putc(out, ')');
	}
	ps_buf_putc(out, '\n');
}

/* "name: value  (provenance)", then the rows of a list. */
static void text_field(struct ps_buf *out, const struct plan *p, const struct field *f)
{
	ps_auto_buf struct ps_buf from = { .data = NULL };
	struct plan_list l = { 0, 0 };
	const char *at;

	ps_buf_printf(out, "%s:", f->name);
	if (f->kind != FIELD_ROWS) {
		ps_buf_putc(out, ' ');
		text_value(out, p, f, p);
	}
	if (field_from(p, f, &from)) {
		ps_buf_puts(out, "  (");
		put_text(out, from.data);
		ps_buf_putc(out, ')');
	}
	ps_buf_putc(out, '\n');
	if (f->kind != FIELD_ROWS)
		return;
	l = field_list(f, p);
	at = plan_at(p, l.off);
	for (uint32_t i = 0; i < l.n; i++, at += field_element_size(f)) {
		ps_buf_printf(out, "  %u", i);
		text_row(out, p, f->of, at);
	}
}

void plan_print_text(const struct plan *p, const struct policy_seccomp *s, struct ps_buf *out)
{
	for (const struct field *f = plan_type.fields; f->name; f++)
		if (is_shown(f, p))
			text_field(out, p, f);
	if (s && s->set)
		rules_print_text(s, out);
}
