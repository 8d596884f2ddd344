/* SPDX-License-Identifier: Apache-2.0
 * buf.c - a growing byte buffer with a sticky failure flag.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ps_buf_reserve(struct ps_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256, need;
	char *data;

	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->len + 1, n, &need) || need > PTRDIFF_MAX / 2) {
		b->failed = true;
		return false;
	}
	if (need <= b->cap)
		return true;
	while (cap < need)
		cap *= 2;
	data = realloc(b->lent ? NULL : b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	if (b->lent && b->len)
		memcpy(data, b->data, b->len + 1);
	b->data = data;
	b->cap = cap;
	b->lent = false;
	return true;
}

void ps_buf_put(struct ps_buf *b, const void *p, size_t n)
{
	bool fits = !b->failed && n < b->cap - b->len;

	if (!fits && !ps_buf_reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void ps_buf_puts(struct ps_buf *b, const char *s)
{
	ps_buf_put(b, s, strlen(s));
}

void ps_buf_putc(struct ps_buf *b, char c)
{
	ps_buf_put(b, &c, 1);
}

void ps_buf_printf(struct ps_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (!ps_buf_reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void ps_buf_reset(struct ps_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void ps_buf_done(struct ps_buf *b)
{
	if (!b->lent)
		free(b->data);
	*b = (struct ps_buf){ .data = NULL };
}
