/* SPDX-License-Identifier: Apache-2.0
 * table.c - look-ups in sorted name tables.
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
