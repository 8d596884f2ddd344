/* SPDX-License-Identifier: Apache-2.0
 * msg_build.c - writes control messages into a growing buffer.
 */
#include "ipc/msg.h"

#include <string.h>

struct header {
	uint32_t length;
	uint16_t type, flags;
	uint32_t id;
	int32_t status;
};
struct field_head {
	uint16_t tag, zero;
	uint32_t length;
};
_Static_assert(sizeof(struct header) == MSG_HEADER_SIZE && offsetof(struct header, status) == 12, "layout");
_Static_assert(sizeof(struct field_head) == MSG_FIELD_SIZE && offsetof(struct field_head, length) == 4, "layout");

static void pad(struct ps_buf *b)
{
	static const char zeros[MSG_ALIGN] = { 0 };

	ps_buf_put(b, zeros, (MSG_ALIGN - b->len % MSG_ALIGN) % MSG_ALIGN);
}

void msg_begin(struct ps_buf *b, enum msg_type type, unsigned flags, uint32_t id)
{
	const struct header h = { .type = (uint16_t)type, .flags = (uint16_t)flags, .id = id };

	ps_buf_reset(b);
	ps_buf_put(b, &h, sizeof(h));
}

void msg_set_flags(struct ps_buf *b, unsigned flags)
{
	const uint16_t v = (uint16_t)flags;

	if (!b->failed)
		memcpy(b->data + offsetof(struct header, flags), &v, sizeof(v));
}

void msg_put_bytes(struct ps_buf *b, enum msg_tag tag, const void *p, size_t n)
{
	const struct field_head f = { .tag = (uint16_t)tag, .length = (uint32_t)n };

	ps_buf_put(b, &f, sizeof(f));
	ps_buf_put(b, p, n);
	pad(b);
}

void msg_put_u64(struct ps_buf *b, enum msg_tag tag, uint64_t v)
{
	msg_put_bytes(b, tag, &v, sizeof(v));
}

void msg_put_text(struct ps_buf *b, enum msg_tag tag, const char *text)
{
	msg_put_bytes(b, tag, text, strlen(text) + 1);
}

size_t msg_group_begin(struct ps_buf *b, enum msg_tag tag)
{
	const size_t mark = b->len;

	msg_put_bytes(b, tag, NULL, 0);
	return mark;
}

void msg_group_end(struct ps_buf *b, size_t mark)
{
	uint32_t length;

	if (b->failed)
		return;
	length = (uint32_t)(b->len - mark - MSG_FIELD_SIZE);
	memcpy(b->data + mark + offsetof(struct field_head, length), &length, sizeof(length));
}

void msg_put_failure(struct ps_buf *b, const struct ps_err *why)
{
	const int32_t status = (int32_t)why->cls;

	if (b->failed)
		return;
	memcpy(b->data + offsetof(struct header, status), &status, sizeof(status));
	msg_put_text(b, TAG_TEXT, why->msg);
	if (why->where[0])
		msg_put_text(b, TAG_WHERE, why->where);
	if (why->sys > 0)
		msg_put_u64(b, TAG_ERRNO, (uint64_t)why->sys);
}

int msg_end(struct ps_buf *b, struct ps_err *e)
{
	const uint32_t length = (uint32_t)b->len;

	if (b->failed)
		return ps_fail(e, PS_E_OS, "build a control message: out of memory");
	if (b->len > MSG_MAX)
		return ps_fail(e, PS_E_USAGE, "a control message of %zu bytes: at most %d", b->len, MSG_MAX);
	memcpy(b->data, &length, sizeof(length));
	return 0;
}
