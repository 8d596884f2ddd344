/* SPDX-License-Identifier: Apache-2.0
 * arena.h - memory that lives as long as one phase (a spec, a policy) and is freed at once.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

struct ps_arena_block;
struct ps_arena {
	struct ps_arena_block *head;
};

/* Zeroed memory aligned to 16 bytes, owned by the arena.  NULL with errno ENOMEM. */
void *ps_arena_alloc(struct ps_arena *a, size_t size) __attribute__((warn_unused_result));
/* n * size with overflow check, zeroed. */
void *ps_arena_array(struct ps_arena *a, size_t n, size_t size) __attribute__((warn_unused_result));
char *ps_arena_strndup(struct ps_arena *a, const char *s, size_t n) __attribute__((warn_unused_result));
char *ps_arena_strdup(struct ps_arena *a, const char *s) __attribute__((warn_unused_result));
char *ps_arena_printf(struct ps_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));
/* Free everything; the arena is empty and usable again.  Accepts an empty arena. */
void ps_arena_done(struct ps_arena *a);

#define ps_auto_arena __attribute__((cleanup(ps_arena_done)))
/* One zeroed object of the type of *p; NULL on ENOMEM. */
#define ps_arena_new(a, type) ((type *)ps_arena_alloc((a), sizeof(type)))
