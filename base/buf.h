/* SPDX-License-Identifier: Apache-2.0
 * buf.h - a growing byte buffer with a sticky failure flag: append freely, check `failed` once at the end.
 * `data` is always NUL-terminated once anything was appended; len does not count the NUL.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct ps_buf {
	char *data;
	size_t len, cap;
	bool failed; /* out of memory: the content is truncated */
	bool lent;   /* data is the caller's, and outlives the buffer */
};

/* A buffer that begins in n bytes at p (NULL: in none) of the caller's, and moves to the heap when they get too few. */
static inline struct ps_buf ps_buf_lent(void *p, size_t n)
{
	return (struct ps_buf){ .data = (char *)p, .cap = p ? n : 0, .lent = p != NULL };
}
/* Make room for n more bytes and the NUL, at data + len; false when it has failed. */
bool ps_buf_reserve(struct ps_buf *b, size_t n);

void ps_buf_put(struct ps_buf *b, const void *p, size_t n);
void ps_buf_puts(struct ps_buf *b, const char *s);
void ps_buf_putc(struct ps_buf *b, char c);
void ps_buf_printf(struct ps_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Forget the content, keep the memory. */
void ps_buf_reset(struct ps_buf *b);
/* Free; accepts an empty buffer. */
void ps_buf_done(struct ps_buf *b);
#define ps_auto_buf __attribute__((cleanup(ps_buf_done)))
