/* SPDX-License-Identifier: Apache-2.0
 * msg.c - reads control messages that nobody vouches for, and names what is in them.
 */
#include "ipc/msg.h"

#include <string.h>

#include "base/scope.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are little endian");

enum kind { U64, TEXT, BYTES, GROUP };
enum often { ONE, LIST };

static const struct tag_row {
	uint16_t tag;
	uint8_t kind, often;
	const char *name;
} tags[] = {
#define X(sym, n, name, kind, often) { n, kind, often, name },
	MSG_TAGS(X)
#undef X
};
_Static_assert(PS_COUNT(tags) <= 64, "a bit each");

static const struct type_row {
	uint16_t type;
	uint8_t who;
	const char *name;
} types[] = {
#define X(sym, n, name, who) { n, MSG_WHO_##who, name },
	MSG_TYPES(X)
#undef X
};

/* The index in tags[], or -1. */
static int find_tag(unsigned tag)
{
	for (size_t i = 0; i < PS_COUNT(tags); i++)
		if (tags[i].tag == tag)
			return (int)i;
	return -1;
}

static const struct type_row *find_type(unsigned type)
{
	for (size_t i = 0; i < PS_COUNT(types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

const char *msg_type_name(unsigned type)
{
	const struct type_row *row = find_type(type);

	return row ? row->name : "unknown";
}

enum msg_who msg_type_who(unsigned type)
{
	const struct type_row *row = find_type(type);

	return row ? (enum msg_who)row->who : MSG_NOBODY;
}

const char *msg_tag_name(unsigned tag)
{
	const int i = find_tag(tag);

	return i < 0 ? "unknown" : tags[i].name;
}

const char *msg_reason_name(enum msg_reason r)
{
	switch (r) {
#define X(sym, name, text) \
	case sym:          \
		return name;
	MSG_REASONS(X)
#undef X
	}
	return "unknown";
}

static uint16_t load16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t load32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static size_t padded(size_t n)
{
	return (n + MSG_ALIGN - 1) & ~(size_t)(MSG_ALIGN - 1);
}

static int bad(struct ps_err *e, const char *what)
{
	return ps_fail(e, PS_E_PEER, "malformed message: %s", what);
}

static int check_fields(const char *p, size_t n, bool in_group, struct ps_err *e);

/* One field's value by its kind. */
static int check_value(const struct tag_row *row, const char *value, uint32_t len, bool in_group, struct ps_err *e)
{
	switch ((enum kind)row->kind) {
	case U64:
		if (len != sizeof(uint64_t))
			return ps_fail(e, PS_E_PEER, "malformed message: field '%s' has %u bytes, must have 8",
				       row->name, len);
		return 0;
	case TEXT:
		if (!len || memchr(value, '\0', len) != value + len - 1)
			return ps_fail(e, PS_E_PEER, "malformed message: field '%s' is not text with one NUL at its end",
				       row->name);
		return 0;
	case BYTES:
		if (len > MSG_DATA_MAX)
			return ps_fail(e, PS_E_PEER, "malformed message: field '%s' has %u bytes, at most %d", row->name,
				       len, MSG_DATA_MAX);
		return 0;
	case GROUP:
		if (in_group)
			return bad(e, "a group inside of a group");
		return check_fields(value, len, true, e);
	}
	return -1;
}

/* The field at p, of which n > 0 bytes are there; *ret_size is what it takes with its padding. */
static int check_frame(const char *p, size_t n, uint32_t *ret_len, size_t *ret_size, struct ps_err *e)
{
	uint32_t len;
	size_t size;

	if (n < MSG_FIELD_SIZE)
		return bad(e, "it ends within a field's head");
	len = load32(p + 4);
	if (len > n - MSG_FIELD_SIZE)
		return bad(e, "a field is longer than the rest of the message");
	size = MSG_FIELD_SIZE + padded(len);
	if (size > n)
		return bad(e, "a field is not padded");
	if (load16(p + 2))
		return bad(e, "a field's head has a reserved byte that is not 0");
	for (size_t i = MSG_FIELD_SIZE + len; i < size; i++)
		if (p[i])
			return bad(e, "a field is padded with bytes that are not 0");
	*ret_len = len;
	*ret_size = size;
	return 0;
}

static int check_fields(const char *p, size_t n, bool in_group, struct ps_err *e)
{
	uint64_t seen = 0;

	while (n) {
		const unsigned tag = n >= 2 ? load16(p) : 0;
		const int i = find_tag(tag);
		uint32_t len = 0;
		size_t size = 0;

		if (check_frame(p, n, &len, &size, e) < 0)
			return -1;
		if (i < 0 && tag >= MSG_TAG_CRITICAL)
			return ps_fail(e, PS_E_UNSUPP, "the message needs a receiver that knows field %u", tag);
		if (i >= 0 && tags[i].often == ONE && seen & UINT64_C(1) << i)
			return ps_fail(e, PS_E_PEER, "malformed message: field '%s' is there twice", tags[i].name);
		if (i >= 0 && check_value(&tags[i], p + MSG_FIELD_SIZE, len, in_group, e) < 0)
			return -1;
		if (i >= 0)
			seen |= UINT64_C(1) << i;
		p += size;
		n -= size;
	}
	return 0;
}

int msg_parse(const void *p, size_t n, struct msg *ret, struct ps_err *e)
{
	const char *b = p;
	struct msg m;

	if (n < MSG_HEADER_SIZE)
		return bad(e, "it is shorter than a header");
	if (n > MSG_MAX)
		return bad(e, "it is longer than any message");
	if (load32(b) != n)
		return bad(e, "its header tells another length");
	m = (struct msg){ .type = load16(b + 4), .flags = load16(b + 6), .id = load32(b + 8),
			  .status = (int)load32(b + 12), .fields = b + MSG_HEADER_SIZE,
			  .n_bytes = n - MSG_HEADER_SIZE };
	if (m.status < 0)
		return bad(e, "its status is negative");
	if (check_fields(m.fields, m.n_bytes, false, e) < 0)
		return -1;
	*ret = m;
	return 0;
}

/* ---- Accessors: lengths were checked by msg_parse ---- */

bool msg_next(const struct msg *m, size_t *at, struct msg_field *ret)
{
	while (*at < m->n_bytes) {
		const char *p = m->fields + *at;
		const uint32_t len = load32(p + 4);

		*at += MSG_FIELD_SIZE + padded(len);
		if (find_tag(load16(p)) < 0)
			continue;
		*ret = (struct msg_field){ .tag = load16(p), .len = len, .data = p + MSG_FIELD_SIZE };
		return true;
	}
	return false;
}

bool msg_next_of(const struct msg *m, enum msg_tag tag, size_t *at, struct msg_field *ret)
{
	while (*at < m->n_bytes) {
		const char *p = m->fields + *at;
		const uint32_t len = load32(p + 4);

		*at += MSG_FIELD_SIZE + padded(len);
		if (load16(p) != tag)
			continue;
		*ret = (struct msg_field){ .tag = (uint16_t)tag, .len = len, .data = p + MSG_FIELD_SIZE };
		return true;
	}
	return false;
}

static bool find(const struct msg *m, enum msg_tag tag, struct msg_field *ret)
{
	size_t at = 0;

	return msg_next_of(m, tag, &at, ret);
}

bool msg_has(const struct msg *m, enum msg_tag tag)
{
	struct msg_field f;

	return find(m, tag, &f);
}

uint64_t msg_field_u64(const struct msg_field *f)
{
	uint64_t v;

	memcpy(&v, f->data, sizeof(v));
	return v;
}

uint64_t msg_u64(const struct msg *m, enum msg_tag tag, uint64_t otherwise)
{
	struct msg_field f;

	return find(m, tag, &f) ? msg_field_u64(&f) : otherwise;
}

static int at_most(const struct msg *m, enum msg_tag tag, uint64_t v, uint64_t max, uint64_t *ret, struct ps_err *e)
{
	if (v > max)
		return ps_fail(e, PS_E_USAGE, "%s: '%s' is %llu, at most %llu", msg_type_name(m->type), msg_tag_name(tag),
			       (unsigned long long)v, (unsigned long long)max);
	*ret = v;
	return 0;
}

int msg_get_u64(const struct msg *m, enum msg_tag tag, uint64_t max, uint64_t *ret, struct ps_err *e)
{
	struct msg_field f;

	if (!find(m, tag, &f))
		return ps_fail(e, PS_E_USAGE, "%s: '%s' is missing", msg_type_name(m->type), msg_tag_name(tag));
	return at_most(m, tag, msg_field_u64(&f), max, ret, e);
}

int msg_want_u64(const struct msg *m, enum msg_tag tag, uint64_t max, uint64_t otherwise, uint64_t *ret, struct ps_err *e)
{
	struct msg_field f;

	if (find(m, tag, &f))
		return at_most(m, tag, msg_field_u64(&f), max, ret, e);
	*ret = otherwise;
	return 0;
}

const char *msg_text(const struct msg *m, enum msg_tag tag, const char *otherwise)
{
	struct msg_field f;

	return find(m, tag, &f) ? f.data : otherwise;
}

size_t msg_count(const struct msg *m, enum msg_tag tag)
{
	struct msg_field f;
	size_t at = 0, n = 0;

	while (msg_next_of(m, tag, &at, &f))
		n++;
	return n;
}

struct msg msg_group(const struct msg *m, const struct msg_field *f)
{
	struct msg group = *m;

	group.fields = f->data;
	group.n_bytes = f->len;
	return group;
}

int msg_fd_index(const struct msg *m, enum msg_fd_kind kind, size_t n_fds)
{
	struct msg_field f;
	size_t at = 0;

	for (size_t i = 0; i < n_fds && msg_next_of(m, TAG_FD, &at, &f); i++)
		if (msg_field_u64(&f) == (uint64_t)kind)
			return (int)i;
	return -1;
}

int msg_check_fds(const struct msg *m, size_t n_fds, struct ps_err *e)
{
	const size_t named = msg_count(m, TAG_FD);
	struct msg_field f;
	uint64_t seen = 0;
	size_t at = 0;

	if (named != n_fds)
		return ps_fail(e, PS_E_PEER, "malformed message: it names %zu descriptors and came with %zu", named, n_fds);
	while (msg_next_of(m, TAG_FD, &at, &f)) {
		const uint64_t kind = msg_field_u64(&f);

		if (!kind || kind > 63 || seen & UINT64_C(1) << kind)
			return ps_fail(e, PS_E_PEER, "malformed message: a descriptor of kind %llu",
				       (unsigned long long)kind);
		seen |= UINT64_C(1) << kind;
	}
	return 0;
}

/* The class behind a number of the wire; what is not known here is the peer's fault. */
static enum ps_err_class class_of(int status)
{
	switch (status) {
#define X(sym, n, text) \
	case n:         \
		return sym;
	PS_ERR_CLASSES(X)
#undef X
	default:
		return PS_E_PEER;
	}
}

int msg_failure(const struct msg *m, struct ps_err *e)
{
	const uint64_t sys = msg_u64(m, TAG_ERRNO, 0);

	if (m->status == PS_OK)
		return 0;
	(void)ps_fail(e, class_of(m->status), "%s", msg_text(m, TAG_TEXT, "the pod gave no reason"));
	if (e && sys < 4096)
		e->sys = (int)sys;
	if (msg_text(m, TAG_WHERE, "")[0])
		(void)ps_at(e, "%s", msg_text(m, TAG_WHERE, ""));
	return -1;
}
