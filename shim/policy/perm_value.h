/* SPDX-License-Identifier: Apache-2.0
 * perm_value.h - values of entries as sets: what is in one, which is inside another, what two have in common.
 */
#pragma once
#include "shim/policy/permissions.h"

/* Is all that inner covers covered by outer?  A program's bare name says nothing of paths, except in a deny. */
bool perm_value_contains(const struct perm_entry *outer, const struct perm_entry *inner);
bool perm_value_same(const struct perm_entry *x, const struct perm_entry *y);
/*
 * What both cover, in *ret: 1: x itself or a part of it, 2: y itself; 0: nothing in common; -1: out of memory.
 */
int perm_value_intersect(struct ps_arena *a, const struct perm_entry *x, const struct perm_entry *y, struct perm_entry *ret);
/* Does it cover this path, variable, sys name or program (NULL: all of them)?  Of a net entry there is more to ask: see perm_decide.c. */
bool perm_value_covers(const struct perm_entry *en, const char *value);
/* Are its values paths?  (Of run those are that have a '/'.) */
bool perm_value_is_path(const struct perm_entry *en);
