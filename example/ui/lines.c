/* SPDX-License-Identifier: Apache-2.0
 * lines.c - lines of a descriptor that does not block.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "example/ui/ui.h"

enum { CHUNK = 64 * 1024 };

int lines_read(struct lines *l, int fd, void (*on_line)(void *ctx, const char *line, size_t n), void *ctx)
{
	const char *end;
	size_t at = 0;
	ssize_t got;

	if (!ps_buf_reserve(&l->buf, CHUNK))
		return -1;
	got = read(fd, l->buf.data + l->buf.len, CHUNK);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	l->buf.len += (size_t)got;
	while ((end = memchr(l->buf.data + at, '\n', l->buf.len - at))) {
		if (!l->skip)
			on_line(ctx, l->buf.data + at, (size_t)(end - l->buf.data) - at);
		l->skip = false;
		at = (size_t)(end - l->buf.data) + 1;
	}
	memmove(l->buf.data, l->buf.data + at, l->buf.len - at);
	l->buf.len -= at;
	if (l->buf.len > LINE_MAX_BYTES) {
		l->buf.len = 0;
		l->skip = true;
	}
	return 1;
}

void lines_done(struct lines *l)
{
	ps_buf_done(&l->buf);
	*l = (struct lines){ .skip = false };
}
