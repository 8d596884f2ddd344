/* SPDX-License-Identifier: Apache-2.0
 * criu_rpc.c - the messages of `criu swrk`: protobuf's wire format, as far as they need it.
 */
#include "shim/pod/criu_rpc.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { REQ_TYPE = 1, REQ_OPTS = 2, REQ_NOTIFY_SUCCESS = 3 };
enum { RESP_TYPE = 1, RESP_SUCCESS = 2, RESP_RESTORE = 4, RESP_NOTIFY = 5, RESP_ERRNO = 7, RESP_MESSAGE = 9 };
enum { RESTORE_PID = 1, NOTIFY_SCRIPT = 1, NOTIFY_PID = 2 };

static void put_varint(struct ps_buf *out, uint64_t v)
{
	while (v > 0x7f) {
		ps_buf_putc(out, (char)(v | 0x80));
		v >>= 7;
	}
	ps_buf_putc(out, (char)v);
}

static void put_number(struct ps_buf *out, unsigned field, int64_t v)
{
	put_varint(out, (uint64_t)field << 3 | WIRE_VARINT);
	put_varint(out, (uint64_t)v);
}

static void put_bytes(struct ps_buf *out, unsigned field, const void *p, size_t n)
{
	put_varint(out, (uint64_t)field << 3 | WIRE_BYTES);
	put_varint(out, n);
	ps_buf_put(out, p, n);
}

static void put_message(struct ps_buf *out, unsigned field, const struct ps_buf *m)
{
	out->failed |= m->failed;
	put_bytes(out, field, m->len ? m->data : "", m->len);
}

void criu_put_flag(struct ps_buf *opts, enum criu_field f, bool v)
{
	if (v)
		put_number(opts, f, 1);
}

void criu_put_number(struct ps_buf *opts, enum criu_field f, int64_t v)
{
	put_number(opts, f, v);
}

void criu_put_text(struct ps_buf *opts, enum criu_field f, const char *v)
{
	put_bytes(opts, f, v, strlen(v));
}

void criu_put_pair(struct ps_buf *opts, enum criu_field f, const char *first, const char *second)
{
	ps_auto_buf struct ps_buf m = { .data = NULL };

	put_bytes(&m, 1, first, strlen(first));
	put_bytes(&m, 2, second, strlen(second));
	put_message(opts, f, &m);
}

void criu_put_text_number(struct ps_buf *opts, enum criu_field f, const char *text, int64_t number)
{
	ps_auto_buf struct ps_buf m = { .data = NULL };

	put_bytes(&m, 1, text, strlen(text));
	put_number(&m, 2, number);
	put_message(opts, f, &m);
}

void criu_request(struct ps_buf *out, enum criu_type type, const struct ps_buf *opts)
{
	put_number(out, REQ_TYPE, type);
	put_message(out, REQ_OPTS, opts);
}

void criu_acknowledge(struct ps_buf *out, bool success)
{
	put_number(out, REQ_TYPE, CRIU_NOTIFY);
	put_number(out, REQ_NOTIFY_SUCCESS, success);
}

struct cursor {
	const unsigned char *p, *end;
};

struct field {
	uint64_t number, v;          /* v: of a varint */
	const unsigned char *p;      /* bytes */
	size_t n;
};

static int take_varint(struct cursor *c, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && c->p < c->end; shift += 7) {
		const unsigned char byte = *c->p++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -1;
}

static int skip(struct cursor *c, size_t n)
{
	if (n > (size_t)(c->end - c->p))
		return -1;
	c->p += n;
	return 0;
}

/* 1: there was one, 0: the message is over, -1: it is none. */
static int next_field(struct cursor *c, struct field *f)
{
	uint64_t key, n;

	if (c->p == c->end)
		return 0;
	*f = (struct field){ .number = 0 };
	if (take_varint(c, &key) < 0)
		return -1;
	f->number = key >> 3;
	switch (key & 7) {
	case WIRE_VARINT:
		return take_varint(c, &f->v) < 0 ? -1 : 1;
	case WIRE_64:
		return skip(c, 8) < 0 ? -1 : 1;
	case WIRE_32:
		return skip(c, 4) < 0 ? -1 : 1;
	case WIRE_BYTES:
		if (take_varint(c, &n) < 0 || n > (size_t)(c->end - c->p))
			return -1;
		f->p = c->p;
		f->n = n;
		c->p += n;
		return 1;
	default:
		return -1;
	}
}

static void take_text(const struct field *f, char *out, size_t size)
{
	size_t n = f->n < size - 1 ? f->n : size - 1;

	if (f->p)
		memcpy(out, f->p, n);
	out[f->p ? n : 0] = '\0';
}

static int read_restore(const struct field *m, struct criu_reply *r)
{
	struct cursor c = { m->p, m->p + m->n };
	struct field f;
	int rc;

	while ((rc = next_field(&c, &f)) > 0)
		if (f.number == RESTORE_PID)
			r->restored = (pid_t)f.v;
	return rc;
}

static int read_notify(const struct field *m, struct criu_reply *r)
{
	struct cursor c = { m->p, m->p + m->n };
	struct field f;
	int rc;

	while ((rc = next_field(&c, &f)) > 0) {
		if (f.number == NOTIFY_SCRIPT)
			take_text(&f, r->script, sizeof(r->script));
		else if (f.number == NOTIFY_PID)
			r->pid = (pid_t)f.v;
	}
	return rc;
}

static int read_field(const struct field *f, struct criu_reply *r)
{
	switch (f->number) {
	case RESP_TYPE:
		r->type = (uint32_t)f->v;
		return 0;
	case RESP_SUCCESS:
		r->success = f->v != 0;
		return 0;
	case RESP_RESTORE:
		return f->p ? read_restore(f, r) : -1;
	case RESP_NOTIFY:
		return f->p ? read_notify(f, r) : -1;
	case RESP_ERRNO:
		r->cr_errno = (int)f->v;
		return 0;
	case RESP_MESSAGE:
		take_text(f, r->message, sizeof(r->message));
		return 0;
	default:
		return 0;
	}
}

int criu_read_reply(const void *p, size_t n, struct criu_reply *ret, struct ps_err *e)
{
	struct cursor c = { p, (const unsigned char *)p + n };
	struct criu_reply r = { .type = 0 };
	struct field f;
	int rc;

	while ((rc = next_field(&c, &f)) > 0)
		if (read_field(&f, &r) < 0) {
			rc = -1;
			break;
		}
	if (rc < 0 || !r.type)
		return ps_fail(e, PS_E_PEER, "criu sent %zu bytes that are no answer", n);
	*ret = r;
	return 0;
}
