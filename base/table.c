/* SPDX-License-Identifier: Apache-2.0
 * table.c - look-ups in name tables, exact and by likeness.
 */
#include "base/table.h"

#include <string.h>

const struct ps_name *ps_name_find(const struct ps_name *t, size_t n, const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(name, t[mid].name);

		if (order == 0)
			return &t[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const char *ps_name_of(const struct ps_name *t, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].value == value)
			return t[i].name;
	return NULL;
}

bool ps_names_sorted(const struct ps_name *t, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(t[i - 1].name, t[i].name) >= 0)
			return false;
	return true;
}

/* Edit distance of two short words; more than max counts as max + 1. */
static size_t distance(const char *a, const char *b, size_t max)
{
	enum { LONGEST = 40 };
	size_t row[LONGEST + 1], la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return max + 1;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j] = best;
		}
	}
	return row[lb] > max ? max + 1 : row[lb];
}

const char *ps_closest(const char *word, const char *const *cand, size_t n)
{
	size_t len = strlen(word), max = len < 3 ? 1 : len < 6 ? 2 : 3, best = max + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = cand[i] ? distance(word, cand[i], max) : best;

		if (d < best && d < len) {
			best = d;
			found = cand[i];
		}
	}
	return found;
}
