/* SPDX-License-Identifier: Apache-2.0
 * dbus.c - D-Bus messages as bytes; see dbus.h.
 */
#include "base/dbus.h"

#include <string.h>

#define NATIVE_ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B')

enum field { FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR, FIELD_REPLY, FIELD_DESTINATION, FIELD_SENDER, FIELD_SIGNATURE, FIELD_FDS };

size_t dbus_alignment(char type)
{
	switch (type) {
	case 'y':
	case 'g':
	case 'v':
		return 1;
	case 'n':
	case 'q':
		return 2;
	case 'b':
	case 'i':
	case 'u':
	case 'h':
	case 's':
	case 'o':
	case 'a':
		return 4;
	case 'x':
	case 't':
	case 'd':
	case '(':
	case '{':
		return 8;
	default:
		return 0;
	}
}

/* ---- Writing ---- */

void dbus_pad(struct ps_buf *b, size_t n)
{
	static const char zeroes[8];

	if (b->len % n)
		ps_buf_put(b, zeroes, n - b->len % n);
}

void dbus_put_byte(struct ps_buf *b, uint8_t v)
{
	ps_buf_put(b, &v, sizeof(v));
}

void dbus_put_u16(struct ps_buf *b, uint16_t v)
{
	dbus_pad(b, sizeof(v));
	ps_buf_put(b, &v, sizeof(v));
}

void dbus_put_u32(struct ps_buf *b, uint32_t v)
{
	dbus_pad(b, sizeof(v));
	ps_buf_put(b, &v, sizeof(v));
}

void dbus_put_u64(struct ps_buf *b, uint64_t v)
{
	dbus_pad(b, sizeof(v));
	ps_buf_put(b, &v, sizeof(v));
}

void dbus_put_str(struct ps_buf *b, const char *s)
{
	size_t n = strlen(s);

	if (n > DBUS_SIZE_MAX) {
		b->failed = true;
		return;
	}
	dbus_put_u32(b, (uint32_t)n);
	ps_buf_put(b, s, n + 1);
}

void dbus_put_sig(struct ps_buf *b, const char *s)
{
	size_t n = strlen(s);

	if (n > DBUS_SIGNATURE_MAX) {
		b->failed = true;
		return;
	}
	dbus_put_byte(b, (uint8_t)n);
	ps_buf_put(b, s, n + 1);
}

struct dbus_array dbus_begin(struct ps_buf *b, char type)
{
	struct dbus_array a;

	dbus_put_u32(b, 0);
	a.length_at = b->len - sizeof(uint32_t);
	dbus_pad(b, dbus_alignment(type));
	a.first = b->len;
	return a;
}

void dbus_end(struct ps_buf *b, struct dbus_array a)
{
	size_t n = b->len - a.first;

	if (b->failed || n > DBUS_SIZE_MAX) {
		b->failed = true;
		return;
	}
	const uint32_t length = (uint32_t)n;

	memcpy(b->data + a.length_at, &length, sizeof(length));
}

static void put_field(struct ps_buf *b, enum field f, char type, const char *text)
{
	const char signature[] = { type, '\0' };

	if (!text)
		return;
	dbus_pad(b, 8);
	dbus_put_byte(b, (uint8_t)f);
	dbus_put_sig(b, signature);
	if (type == 'g')
		dbus_put_sig(b, text);
	else
		dbus_put_str(b, text);
}

bool dbus_write_call(struct ps_buf *out, uint32_t serial, const struct dbus_call *c, const struct ps_buf *body)
{
	ps_auto_buf struct ps_buf m = { .data = NULL };
	const size_t body_size = c->signature && body ? body->len : 0;

	if (body_size > DBUS_SIZE_MAX || (body_size && body->failed))
		return false;
	dbus_put_byte(&m, (uint8_t)NATIVE_ORDER);
	dbus_put_byte(&m, DBUS_CALL);
	dbus_put_byte(&m, DBUS_NO_AUTO_START);
	dbus_put_byte(&m, DBUS_PROTOCOL);
	dbus_put_u32(&m, (uint32_t)body_size);
	dbus_put_u32(&m, serial);
	const struct dbus_array fields = dbus_begin(&m, '(');

	put_field(&m, FIELD_PATH, 'o', c->path);
	put_field(&m, FIELD_INTERFACE, 's', c->interface);
	put_field(&m, FIELD_MEMBER, 's', c->member);
	put_field(&m, FIELD_DESTINATION, 's', c->destination);
	put_field(&m, FIELD_SIGNATURE, 'g', c->signature);
	dbus_end(&m, fields);
	dbus_pad(&m, 8);
	if (body_size)
		ps_buf_put(&m, body->data, body_size);
	if (m.failed || m.len > DBUS_SIZE_MAX)
		return false;
	ps_buf_put(out, m.data, m.len);
	return !out->failed;
}

/* ---- Types ---- */

static size_t type_length(const char *s, bool in_array, unsigned depth)
{
	const char end = *s == '{' ? '}' : ')';
	size_t n, total = 1, members = 0;

	if (depth > DBUS_DEPTH_MAX || !*s || !dbus_alignment(*s) || (*s == '{' && !in_array))
		return 0;
	if (*s == 'a') {
		n = type_length(s + 1, /* in_array= */ true, depth + 1);
		return n ? n + 1 : 0;
	}
	if (*s != '(' && *s != '{')
		return 1;
	for (; s[total] != end; members++) {
		n = type_length(s + total, /* in_array= */ false, depth + 1);
		if (!n || (*s == '{' && (members == 0 ? strchr("av(", s[total]) != NULL : members > 1)))
			return 0;
		total += n;
	}
	return members > (*s == '{') ? total + 1 : 0; /* "()" is no type */
}

size_t dbus_type_length(const char *s)
{
	return type_length(s, /* in_array= */ false, 0);
}

bool dbus_signature_ok(const char *s, bool many)
{
	const char *at = s;

	if (strlen(s) > DBUS_SIGNATURE_MAX)
		return false;
	do {
		size_t n = dbus_type_length(at);

		if (!n)
			return many && !*at;
		at += n;
	} while (*at && many);
	return !*at;
}

/* ---- Reading ---- */

static bool enough(struct dbus_in *in, size_t n)
{
	if (in->bad || in->size - in->at < n)
		in->bad = true;
	return !in->bad;
}

/* To a multiple of n: what lies between is zero. */
static bool align(struct dbus_in *in, size_t n)
{
	size_t gap = (n - in->at % n) % n;

	if (!enough(in, gap))
		return false;
	for (; gap; gap--)
		in->bad |= in->data[in->at++] != 0;
	return !in->bad;
}

static void take(struct dbus_in *in, void *out, size_t n)
{
	if (align(in, n) && enough(in, n)) {
		memcpy(out, in->data + in->at, n);
		in->at += n;
	}
}

uint8_t dbus_get_byte(struct dbus_in *in)
{
	uint8_t v = 0;

	take(in, &v, sizeof(v));
	return v;
}

uint32_t dbus_get_u32(struct dbus_in *in)
{
	uint32_t v = 0;

	take(in, &v, sizeof(v));
	return v;
}

uint64_t dbus_get_u64(struct dbus_in *in)
{
	uint64_t v = 0;

	take(in, &v, sizeof(v));
	return v;
}

bool dbus_get_bool(struct dbus_in *in)
{
	uint32_t v = dbus_get_u32(in);

	in->bad |= v > 1;
	return !in->bad && v;
}

/* n characters and a NUL, and none before it. */
static const char *text(struct dbus_in *in, size_t n)
{
	const char *s = (const char *)in->data + in->at;

	if (!enough(in, n) || !enough(in, n + 1))
		return "";
	if (memchr(s, '\0', n) || s[n]) {
		in->bad = true;
		return "";
	}
	in->at += n + 1;
	return s;
}

const char *dbus_get_str(struct dbus_in *in)
{
	uint32_t n = dbus_get_u32(in);

	return in->bad ? "" : text(in, n);
}

const char *dbus_get_sig(struct dbus_in *in)
{
	uint8_t n = dbus_get_byte(in);
	const char *s = in->bad ? "" : text(in, n);

	if (in->bad || dbus_signature_ok(s, /* many= */ true))
		return s;
	in->bad = true;
	return "";
}

bool dbus_path_ok(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	if (*s != '/' || !s[1])
		return *s == '/';
	while (*s == '/') {
		size_t n = strspn(s + 1, letters);

		if (!n)
			return false;
		s += n + 1;
	}
	return !*s;
}

const char *dbus_get_path(struct dbus_in *in)
{
	const char *s = dbus_get_str(in);

	if (in->bad || dbus_path_ok(s))
		return s;
	in->bad = true;
	return "";
}

static void skip(struct dbus_in *in, const char *type, unsigned depth);

static void skip_array(struct dbus_in *in, const char *element, unsigned depth)
{
	uint32_t n = dbus_get_u32(in);

	if (!align(in, dbus_alignment(*element)) || !enough(in, n))
		return;
	const size_t end = in->at + n;

	/* Every value takes a byte at least, so that this ends. */
	while (!in->bad && in->at < end)
		skip(in, element, depth);
	in->bad |= in->at != end;
}

/* An entry of a dictionary is one, too. */
static void skip_struct(struct dbus_in *in, const char *type, unsigned depth)
{
	if (!align(in, 8))
		return;
	for (const char *t = type + 1; !in->bad && *t != ')' && *t != '}'; t += dbus_type_length(t))
		skip(in, t, depth);
}

static void skip_variant(struct dbus_in *in, unsigned depth)
{
	const char *type = dbus_get_sig(in);

	if (!in->bad && dbus_signature_ok(type, /* many= */ false))
		skip(in, type, depth);
	else
		in->bad = true;
}

static void skip(struct dbus_in *in, const char *type, unsigned depth)
{
	if (depth > DBUS_DEPTH_MAX) {
		in->bad = true;
		return;
	}
	switch (*type) {
	case 'y':
		(void)dbus_get_byte(in);
		return;
	case 'n':
	case 'q':
		take(in, &(uint16_t){ 0 }, sizeof(uint16_t));
		return;
	case 'b':
		(void)dbus_get_bool(in);
		return;
	case 'i':
	case 'u':
	case 'h':
		(void)dbus_get_u32(in);
		return;
	case 'x':
	case 't':
	case 'd':
		(void)dbus_get_u64(in);
		return;
	case 's':
		(void)dbus_get_str(in);
		return;
	case 'o':
		(void)dbus_get_path(in);
		return;
	case 'g':
		(void)dbus_get_sig(in);
		return;
	case 'v':
		skip_variant(in, depth + 1);
		return;
	case 'a':
		skip_array(in, type + 1, depth + 1);
		return;
	default:
		skip_struct(in, type, depth + 1);
	}
}

void dbus_skip(struct dbus_in *in, const char *type)
{
	if (!dbus_type_length(type))
		in->bad = true;
	else
		skip(in, type, 0);
}

/* ---- Messages ---- */

size_t dbus_size(const uint8_t *head)
{
	struct dbus_in in = { .data = head, .size = DBUS_HEAD, .at = 4 };
	const uint32_t body = dbus_get_u32(&in), serial = dbus_get_u32(&in), fields = dbus_get_u32(&in);
	const size_t size = (DBUS_HEAD + (size_t)fields + 7) / 8 * 8 + body;

	if (head[0] != NATIVE_ORDER || head[3] != DBUS_PROTOCOL || !serial || fields > DBUS_FIELDS_MAX || body > DBUS_SIZE_MAX)
		return 0;
	return size <= DBUS_SIZE_MAX ? size : 0;
}

static const char *name_of(struct dbus_in *in)
{
	const char *s = dbus_get_str(in);

	if (!*s || strlen(s) > DBUS_NAME_MAX)
		in->bad = true;
	return in->bad ? "" : s;
}

static void get_field(struct dbus_in *in, uint32_t *fds, struct dbus_msg *m)
{
	static const char types[] = { [FIELD_PATH] = 'o', [FIELD_INTERFACE] = 's', [FIELD_MEMBER] = 's', [FIELD_ERROR] = 's',
				      [FIELD_REPLY] = 'u', [FIELD_DESTINATION] = 's', [FIELD_SENDER] = 's',
				      [FIELD_SIGNATURE] = 'g', [FIELD_FDS] = 'u' };
	const uint8_t f = align(in, 8) ? dbus_get_byte(in) : 0;
	const char *type = dbus_get_sig(in);

	if (in->bad || !f || !dbus_signature_ok(type, /* many= */ false) ||
	    (f < sizeof(types) && (type[0] != types[f] || type[1]))) {
		in->bad = true;
		return;
	}
	if (f == FIELD_PATH)
		m->path = dbus_get_path(in);
	else if (f == FIELD_INTERFACE)
		m->interface = name_of(in);
	else if (f == FIELD_MEMBER)
		m->member = name_of(in);
	else if (f == FIELD_ERROR)
		m->error = name_of(in);
	else if (f == FIELD_SENDER)
		m->sender = name_of(in);
	else if (f == FIELD_SIGNATURE)
		m->signature = dbus_get_sig(in);
	else if (f == FIELD_REPLY)
		m->reply_serial = dbus_get_u32(in);
	else if (f == FIELD_FDS)
		*fds = dbus_get_u32(in);
	else
		dbus_skip(in, type); /* to be ignored, says the protocol */
}

static bool has_its_fields(const struct dbus_msg *m)
{
	switch (m->type) {
	case DBUS_CALL:
		return *m->path && *m->member;
	case DBUS_REPLY:
		return m->reply_serial;
	case DBUS_ERROR:
		return m->reply_serial && *m->error;
	case DBUS_SIGNAL:
		return *m->path && *m->interface && *m->member;
	}
	return true; /* another type: the caller ignores it, says the protocol */
}

bool dbus_parse(const uint8_t *data, size_t n, struct dbus_msg *ret)
{
	struct dbus_msg m = { .path = "", .interface = "", .member = "", .error = "", .sender = "", .signature = "" };
	uint32_t body, fields, fds = 0;

	if (n < DBUS_HEAD || dbus_size(data) != n || !data[1])
		return false;
	struct dbus_in in = { .data = data, .size = n, .at = 4 };

	m.type = (enum dbus_type)data[1];
	body = dbus_get_u32(&in);
	m.serial = dbus_get_u32(&in);
	fields = dbus_get_u32(&in);
	in.size = in.at + fields;
	while (!in.bad && in.at < in.size)
		get_field(&in, &fds, &m);
	in.size = n - body;
	if (!align(&in, 8) || in.at != in.size || fds || !has_its_fields(&m) || (body > 0) != (*m.signature != '\0'))
		return false;
	m.body = (struct dbus_in){ .data = data + in.at, .size = body };
	*ret = m;
	return true;
}
