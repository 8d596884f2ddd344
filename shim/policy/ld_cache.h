/* SPDX-License-Identifier: Apache-2.0
 * ld_cache.h - glibc's /etc/ld.so.cache in its format of 2.2 and later: names of libraries to their paths.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct ld_cache {
	const char *data; /* the cache proper; ends in a NUL of ours */
	size_t size;
	uint32_t n;
};

/* Look at the bytes of the file, which stay the caller's; text[size] is NUL.  False: it is of no such format. */
bool ld_cache_parse(const char *text, size_t size, struct ld_cache *ret);
/* The path of the i-th entry of that name (for another machine, perhaps), in text; NULL: no more.  Any bytes are safe. */
const char *ld_cache_find(const struct ld_cache *c, const char *name, uint32_t i);
