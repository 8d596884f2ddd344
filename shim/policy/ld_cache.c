/* SPDX-License-Identifier: Apache-2.0
 * ld_cache.c - glibc's /etc/ld.so.cache: a header, entries from the last name to the first, strings.
 */
#include "shim/policy/ld_cache.h"

#include <string.h>

/* Offsets of strings count from the header. */
enum { HEADER = 48, ENTRY = 24, ENTRY_KEY = 4, ENTRY_VALUE = 8, OLD_HEADER = 16, OLD_ENTRY = 12, N_AT_OLD = 12, N_AT = 20 };
static const char magic[20] = "glibc-ld.so.cache1.1", old_magic[11] = "ld.so-1.7.0";

static uint32_t u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

bool ld_cache_parse(const char *text, size_t size, struct ld_cache *ret)
{
	size_t at = 0;

	/* For older loaders there may be a cache of the old format before it. */
	if (size >= OLD_HEADER && !memcmp(text, old_magic, sizeof(old_magic))) {
		at = (OLD_HEADER + (size_t)u32(text + N_AT_OLD) * OLD_ENTRY + 7) & ~(size_t)7;
		if (at > size)
			return false;
	}
	if (size - at < HEADER || memcmp(text + at, magic, sizeof(magic)) != 0)
		return false;
	*ret = (struct ld_cache){ text + at, size - at, u32(text + at + N_AT) };
	return ret->n <= (ret->size - HEADER) / ENTRY;
}

static const char *string(const struct ld_cache *c, uint32_t i, size_t member)
{
	uint32_t at = u32(c->data + HEADER + (size_t)i * ENTRY + member);

	return at < c->size ? c->data + at : "";
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t number(const char **p)
{
	uint64_t v = 0;

	for (; is_digit(**p); ++*p)
		v = v * 10 + (uint64_t)(**p - '0');
	return v;
}

/* The order of the entries: by characters, numbers by value, and a digit after all that is none. */
static int compare(const char *a, const char *b)
{
	while (*a) {
		if (is_digit(*a) && is_digit(*b)) {
			uint64_t x = number(&a), y = number(&b);

			if (x != y)
				return x < y ? -1 : 1;
		} else if (is_digit(*a) != is_digit(*b)) {
			return is_digit(*a) ? 1 : -1;
		} else if (*a != *b) {
			break;
		} else {
			a++, b++;
		}
	}
	return (signed char)*a - (signed char)*b;
}

const char *ld_cache_find(const struct ld_cache *c, const char *name, uint32_t i)
{
	uint32_t low = 0, high = c->n;

	/* The first entry that is not before the name. */
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare(string(c, mid, ENTRY_KEY), name) > 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < c->n && !compare(string(c, low, ENTRY_KEY), name); low++)
		if (!strcmp(string(c, low, ENTRY_KEY), name) && i-- == 0)
			return string(c, low, ENTRY_VALUE);
	return NULL;
}
