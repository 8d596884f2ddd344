/* SPDX-License-Identifier: Apache-2.0
 * text_set.c - texts in the order in which they came, each once: a list and an open hash table of its places.
 */
#include "shim/policy/text_set.h"

#include <string.h>

#include "base/hash.h"

enum { FIRST = 32 };

static size_t *slot_of(const struct text_set *s, const char *text)
{
	size_t at = ps_fnv64(PS_FNV64_INIT, text, strlen(text)) & (s->n_slots - 1);

	while (s->slots[at] && strcmp(s->v[s->slots[at] - 1], text) != 0)
		at = (at + 1) & (s->n_slots - 1);
	return &s->slots[at];
}

static int grow(struct text_set *s)
{
	struct text_set bigger = { .arena = s->arena, .n = s->n, .max = s->max ? 2 * s->max : FIRST };

	bigger.n_slots = 2 * bigger.max;
	bigger.v = ps_arena_array(s->arena, bigger.max + 1, sizeof(*bigger.v));
	bigger.slots = ps_arena_array(s->arena, bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.v || !bigger.slots)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		bigger.v[i] = s->v[i];
	for (size_t i = 0; i < s->n; i++)
		*slot_of(&bigger, s->v[i]) = i + 1;
	*s = bigger;
	return 0;
}

int text_set_add(struct text_set *s, const char *text)
{
	size_t *slot;

	if (s->n == s->max && grow(s) < 0)
		return -1;
	slot = slot_of(s, text);
	if (*slot)
		return 0;
	s->v[s->n] = ps_arena_strdup(s->arena, text);
	if (!s->v[s->n])
		return -1;
	*slot = ++s->n;
	return 1;
}

bool text_set_has(const struct text_set *s, const char *text)
{
	return s->n && *slot_of(s, text);
}
