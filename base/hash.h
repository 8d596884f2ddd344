/* SPDX-License-Identifier: Apache-2.0
 * hash.h - FNV-1a, 64 bits.  For file names and tables, never for trust: whoever uses it compares the content too.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PS_FNV64_INIT UINT64_C(0xcbf29ce484222325)
static inline uint64_t ps_fnv64(uint64_t h, const void *p, size_t n)
{
	const unsigned char *c = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * UINT64_C(0x100000001b3);
	return h;
}
