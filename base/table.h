/* SPDX-License-Identifier: Apache-2.0
 * table.h - lists of names and values: one sorted table serves parser, printer, help and tests.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_name {
	const char *name;
	uint64_t value;
};

/* Binary search; the table is sorted by name (strcmp).  NULL if absent. */
const struct ps_name *ps_name_find(const struct ps_name *t, size_t n, const char *name);
/* First row with that value, or NULL. */
const char *ps_name_of(const struct ps_name *t, size_t n, uint64_t value);
/* For tests: sorted and without duplicate names. */
bool ps_names_sorted(const struct ps_name *t, size_t n);
/* The name among cand (n, NULLs skipped) that `word` was probably meant to be, or NULL. */
const char *ps_closest(const char *word, const char *const *cand, size_t n);
