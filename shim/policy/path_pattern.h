/* SPDX-License-Identifier: Apache-2.0
 * path_pattern.h - absolute clean paths in which '*' stands for any part of a name and "**" for any number of directories,
 * as sets: a path stands for all that is below it, too.
 */
#pragma once
#include <stdbool.h>
#include "base/arena.h"

/* Is `path`, in which a '*' is a letter like others, one of the pattern's? */
bool path_pattern_covers(const char *pattern, const char *path);
/* Is all of `inner` in `outer`?  Sure of what it says is so; "**" in both may be more than it sees. */
bool path_pattern_contains(const char *outer, const char *inner);
/*
 * What two patterns have in common, of which neither contains the other: 1 and *ret; 0: nothing that is one pattern; -1: out of
 * memory.
 */
int path_pattern_intersect(struct ps_arena *a, const char *x, const char *y, const char **ret);
