/* SPDX-License-Identifier: Apache-2.0
 * text_set.h - texts in the order in which they came, each once.
 */
#pragma once
#include "base/arena.h"
#include "oci/spec.h"

struct text_set {
	struct ps_arena *arena;
	const char **v;      /* v[n] is NULL once there is one */
	size_t n, max;
	size_t *slots;       /* index plus 1; 0: free */
	size_t n_slots;
};

/* 1: added (the text is copied); 0: it was there; -1 with errno ENOMEM. */
int text_set_add(struct text_set *s, const char *text);
bool text_set_has(const struct text_set *s, const char *text);
static inline struct spec_strs text_set_strs(const struct text_set *s)
{
	return (struct spec_strs){ s->v, s->n };
}
