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
};

void ps_buf_put(struct ps_buf *b, const void *p, size_t n);
void ps_buf_puts(struct ps_buf *b, const char *s);
void ps_buf_putc(struct ps_buf *b, char c);
void ps_buf_printf(struct ps_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Forget the content, keep the memory. */
void ps_buf_reset(struct ps_buf *b);
/* Free; accepts an empty buffer. */
void ps_buf_done(struct ps_buf *b);
#define ps_auto_buf __attribute__((cleanup(ps_buf_done)))
