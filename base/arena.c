/* SPDX-License-Identifier: Apache-2.0
 * arena.c - a chain of zeroed blocks; allocation moves a cursor, freeing drops the chain.
 */
#include "base/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A block is large enough for C libraries to map it by itself: its pages come zeroed and only when they are touched, so
 * that what counts is how densely the objects lie.
 */
enum { ALIGN = 16, BLOCK_SIZE = 256 * 1024 };

struct ps_arena_block {
	struct ps_arena_block *next;
	size_t used, size;
	_Alignas(ALIGN) unsigned char data[];
};

/* A large object gets a block of its own behind the head, so that the head's rest stays in use. */
static void *alloc_block(struct ps_arena *a, size_t size)
{
	bool large = size > BLOCK_SIZE / 4;
	struct ps_arena_block *b, **at = large && a->head ? &a->head->next : &a->head;
	size_t room = large ? size : BLOCK_SIZE;

	b = calloc(1, sizeof(*b) + room);
	if (!b)
		return NULL;
	*b = (struct ps_arena_block){ .next = *at, .used = size, .size = room };
	*at = b;
	return b->data;
}

void *ps_arena_alloc(struct ps_arena *a, size_t size)
{
	struct ps_arena_block *b = a->head;
	void *p;

	if (size > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (!b || b->size - b->used < size)
		return alloc_block(a, size);
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *ps_arena_array(struct ps_arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return ps_arena_alloc(a, total);
}

char *ps_arena_strndup(struct ps_arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = ps_arena_alloc(a, len + 1);

	return p ? memcpy(p, s, len) : NULL;
}

char *ps_arena_strdup(struct ps_arena *a, const char *s)
{
	return ps_arena_strndup(a, s, strlen(s));
}

char *ps_arena_printf(struct ps_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return NULL;
	p = ps_arena_alloc(a, (size_t)len + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return p;
}

void ps_arena_done(struct ps_arena *a)
{
	while (a->head) {
		struct ps_arena_block *next = a->head->next;

		free(a->head);
		a->head = next;
	}
}
