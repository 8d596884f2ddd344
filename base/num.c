/* SPDX-License-Identifier: Apache-2.0
 * num.c - strict integers from text.
 */
#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static int fail(int err)
{
	errno = err;
	return -1;
}

/* The digits at *s, which moves behind them.  EINVAL without one, ERANGE above max. */
static int scan(const char **s, unsigned base, uint64_t max, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; *p >= '0' && (unsigned)(*p - '0') < base; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (v > (max - digit) / base)
			return fail(ERANGE);
		v = v * base + digit;
	}
	if (p == *s)
		return fail(EINVAL);
	*s = p;
	*ret = v;
	return 0;
}

/* Bad text is EINVAL even where the digits before it are too many. */
static bool only_digits(const char *s, unsigned base)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s < '0' || (unsigned)(*s - '0') >= base)
			return false;
	return true;
}

static int parse(const char *s, unsigned base, uint64_t max, uint64_t *ret)
{
	return only_digits(s, base) ? scan(&s, base, max, ret) : fail(EINVAL);
}

int ps_parse_u64(const char *s, uint64_t *ret)
{
	return parse(s, 10, UINT64_MAX, ret);
}

int ps_parse_u32(const char *s, uint32_t *ret)
{
	uint64_t v;

	if (parse(s, 10, UINT32_MAX, &v) < 0)
		return -1;
	*ret = (uint32_t)v;
	return 0;
}

int ps_parse_bits(const char *s, uint64_t *bits, size_t n)
{
	uint64_t first, last;

	memset(bits, 0, (n + 63) / 64 * sizeof(*bits));
	for (bool more = true; more; s += more) {
		s += strspn(s, " ");
		if (scan(&s, 10, n - 1, &first) < 0)
			return -1;
		last = first;
		if (*s == '-' && (s++, scan(&s, 10, n - 1, &last) < 0))
			return -1;
		if (last < first)
			return fail(EINVAL);
		for (uint64_t i = first; i <= last; i++)
			bits[i / 64] |= UINT64_C(1) << i % 64;
		s += strspn(s, " ");
		more = *s == ',';
	}
	return *s ? fail(EINVAL) : 0;
}

int ps_parse_octal(const char *s, uint32_t *ret)
{
	uint64_t v;

	if (parse(s, 8, UINT32_MAX, &v) < 0)
		return -1;
	*ret = (uint32_t)v;
	return 0;
}

int ps_parse_i64(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	uint64_t v;

	if (parse(s + negative, 10, (uint64_t)INT64_MAX + negative, &v) < 0)
		return -1;
	*ret = (int64_t)(negative ? 0 - v : v);
	return 0;
}

/* Shift of the unit letter at *s, which moves behind "K", "KB" or "KiB". */
static unsigned scan_unit(const char **s)
{
	static const char units[] = "kmgtpe";
	const char *p = *s, *unit = *p ? strchr(units, tolower((unsigned char)*p)) : NULL;

	if (unit) {
		p++;
		if (*p == 'i' && (p[1] == 'B' || p[1] == 'b'))
			p++;
	}
	if (*p == 'B' || *p == 'b')
		p++;
	*s = p;
	return unit ? 10 * (unsigned)(unit - units + 1) : 0;
}

int ps_parse_size(const char *s, uint64_t *ret)
{
	const char *frac = NULL, *frac_end = NULL;
	uint64_t whole, part = 0, bytes;
	unsigned shift;

	if (scan(&s, 10, UINT64_MAX, &whole) < 0)
		return -1;
	if (*s == '.') {
		frac = ++s;
		while (*s >= '0' && *s <= '9')
			s++;
		frac_end = s;
		if (frac == frac_end)
			return fail(EINVAL);
	}
	shift = scan_unit(&s);
	if (*s || (frac && !shift))
		return fail(EINVAL);
	/* 0.d1d2d3 * unit = (d1 * unit + (d2 * unit + (d3 * unit) / 10) / 10) / 10: exact, no overflow up to 2^60 */
	while (frac != frac_end)
		part = (((uint64_t)(*--frac_end - '0') << shift) + part) / 10;
	if (whole > UINT64_MAX >> shift || __builtin_add_overflow(whole << shift, part, &bytes))
		return fail(ERANGE);
	*ret = bytes;
	return 0;
}

/* Digits and up to three decimals, in thousandths; *s moves behind them. */
static int scan_thousandths(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;
	int decimals = -1;

	for (; (*p >= '0' && *p <= '9') || (*p == '.' && decimals < 0 && p > *s); p++) {
		if (*p == '.') {
			decimals = 0;
			continue;
		}
		if (decimals == 3)
			return fail(EINVAL);
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return fail(ERANGE);
		decimals += decimals >= 0;
	}
	if (p == *s || decimals == 0)
		return fail(EINVAL);
	for (int i = decimals < 0 ? 0 : decimals; i < 3; i++)
		if (__builtin_mul_overflow(v, 10, &v))
			return fail(ERANGE);
	*s = p;
	*ret = v;
	return 0;
}

int ps_parse_cpus(const char *s, uint64_t *ret_thousandths)
{
	uint64_t v;

	if (scan_thousandths(&s, &v) < 0)
		return -1;
	if (*s || !v)
		return fail(EINVAL);
	*ret_thousandths = v;
	return 0;
}

int ps_parse_time(const char *s, uint64_t *ret_ms)
{
	static const struct { const char *unit; uint64_t seconds; } units[] = {
		{ "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { NULL, 0 },
	};
	size_t i = 0;
	uint64_t v;

	if (scan_thousandths(&s, &v) < 0)
		return -1;
	if (!strcmp(s, "ms")) {
		if (v % 1000)
			return fail(EINVAL);
		*ret_ms = v / 1000;
		return 0;
	}
	while (units[i].unit && strcmp(s, units[i].unit) != 0)
		i++;
	if (!units[i].unit)
		return fail(EINVAL);
	if (__builtin_mul_overflow(v, units[i].seconds, &v))
		return fail(ERANGE);
	*ret_ms = v;
	return 0;
}
