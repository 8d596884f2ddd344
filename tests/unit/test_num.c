/* SPDX-License-Identifier: Apache-2.0
 * test_num.c - numbers from text at every boundary; failures leave the output alone.
 */
#include "tests/unit/unit.h"

#include <errno.h>

#include "base/num.h"

#define TEST_PARSER(parse, type, rows)                                                          \
	for (size_t i = 0; i < PS_COUNT(rows); i++) {                                           \
		type got = (type)0x5a;                                                          \
		int r;                                                                          \
		errno = 0;                                                                      \
		r = parse(rows[i].text, &got);                                                  \
		if (r != (rows[i].err ? -1 : 0) || errno != rows[i].err ||                      \
		    got != (rows[i].err ? (type)0x5a : (type)rows[i].value))                    \
			fail_msg(#parse "(\"%s\"): returned %d, errno %d", rows[i].text, r, errno); \
	}

struct row {
	const char *text;
	int err;
	uint64_t value;
};

static void unsigned_numbers(void **state)
{
	static const struct row u32[] = {
		{ "0", 0, 0 }, { "7", 0, 7 }, { "007", 0, 7 }, { "4294967295", 0, UINT32_MAX },
		{ "4294967296", ERANGE, 0 }, { "99999999999999999999999", ERANGE, 0 },
		{ "", EINVAL, 0 }, { "-1", EINVAL, 0 }, { "+1", EINVAL, 0 }, { " 1", EINVAL, 0 }, { "1 ", EINVAL, 0 },
		{ "1x", EINVAL, 0 }, { "0x1", EINVAL, 0 }, { "99999999999999999999999x", EINVAL, 0 }, { "1.0", EINVAL, 0 },
	};
	static const struct row u64[] = {
		{ "18446744073709551615", 0, UINT64_MAX }, { "18446744073709551616", ERANGE, 0 },
		{ "18446744073709551620", ERANGE, 0 }, { "1844674407370955162", 0, 1844674407370955162 },
		{ "", EINVAL, 0 }, { "-0", EINVAL, 0 },
	};
	static const struct row octal[] = {
		{ "0755", 0, 0755 }, { "755", 0, 0755 }, { "37777777777", 0, UINT32_MAX }, { "40000000000", ERANGE, 0 },
		{ "8", EINVAL, 0 }, { "", EINVAL, 0 }, { "-7", EINVAL, 0 },
	};

	(void)state;
	TEST_PARSER(ps_parse_u32, uint32_t, u32)
	TEST_PARSER(ps_parse_u64, uint64_t, u64)
	TEST_PARSER(ps_parse_octal, uint32_t, octal)
}

static void lists_of_numbers(void **state)
{
	static const struct { const char *text; int err; uint64_t low, high; } rows[] = {
		{ "0", 0, 1, 0 }, { "0-3,7", 0, 0x8f, 0 }, { " 1 , 63-64 ", 0, UINT64_C(1) << 63 | 2, 1 }, { "3,3,2-3", 0, 12, 0 },
		{ "127", 0, 0, UINT64_C(1) << 63 }, { "0-127", 0, UINT64_MAX, UINT64_MAX },
		{ "128", ERANGE, 0, 0 }, { "0-128", ERANGE, 0, 0 }, { "99999999999999999999999", ERANGE, 0, 0 },
		{ "", EINVAL, 0, 0 }, { ",", EINVAL, 0, 0 }, { "1,", EINVAL, 0, 0 }, { "-1", EINVAL, 0, 0 }, { "1-", EINVAL, 0, 0 },
		{ "3-1", EINVAL, 0, 0 }, { "1--2", EINVAL, 0, 0 }, { "1 2", EINVAL, 0, 0 }, { "1x", EINVAL, 0, 0 }, { "all", EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint64_t bits[2] = { 5, 5 };
		int r;

		errno = 0;
		r = ps_parse_bits(rows[i].text, bits, 128);
		if (r != (rows[i].err ? -1 : 0) || errno != rows[i].err || (!r && (bits[0] != rows[i].low || bits[1] != rows[i].high)))
			fail_msg("'%s': returned %d, errno %d", rows[i].text, r, errno);
	}
}

static void signed_numbers(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 }, { "-0", 0, 0 }, { "-1", 0, UINT64_MAX }, { "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", ERANGE, 0 }, { "-9223372036854775808", 0, (uint64_t)INT64_MIN },
		{ "-9223372036854775809", ERANGE, 0 }, { "-", EINVAL, 0 }, { "--1", EINVAL, 0 }, { "+1", EINVAL, 0 },
		{ "", EINVAL, 0 }, { "- 1", EINVAL, 0 },
	};

	(void)state;
	TEST_PARSER(ps_parse_i64, int64_t, rows)
}

static void sizes(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 }, { "512", 0, 512 }, { "512b", 0, 512 }, { "512B", 0, 512 }, { "512k", 0, 512 * 1024 },
		{ "512K", 0, 512 * 1024 }, { "512kb", 0, 512 * 1024 }, { "512KiB", 0, 512 * 1024 },
		{ "8M", 0, 8 << 20 }, { "1.5G", 0, UINT64_C(3) << 29 }, { "1.5GiB", 0, UINT64_C(3) << 29 },
		{ "2T", 0, UINT64_C(2) << 40 }, { "0.5k", 0, 512 }, { "0.001k", 0, 1 }, { "1.0000000000000000000000k", 0, 1024 },
		{ "0.9999999999999999999999999k", 0, 1023 }, { "15E", 0, UINT64_C(15) << 60 }, { "16E", ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX }, { "18446744073709551616", ERANGE, 0 },
		{ "15.99999999999999999999E", 0, UINT64_MAX }, { "16777216T", ERANGE, 0 },
		{ "", EINVAL, 0 }, { "k", EINVAL, 0 }, { ".5k", EINVAL, 0 }, { "1.k", EINVAL, 0 }, { "1.5", EINVAL, 0 },
		{ "1.5b", EINVAL, 0 }, { "-1", EINVAL, 0 }, { "1 k", EINVAL, 0 }, { "1ki", EINVAL, 0 }, { "1ib", EINVAL, 0 },
		{ "1kk", EINVAL, 0 }, { "1x", EINVAL, 0 }, { "1kbb", EINVAL, 0 }, { "1e3", EINVAL, 0 },
	};

	(void)state;
	TEST_PARSER(ps_parse_size, uint64_t, rows)
}

static void times(void **state)
{
	static const struct row rows[] = {
		{ "500ms", 0, 500 }, { "10s", 0, 10000 }, { "10", 0, 10000 }, { "1.5", 0, 1500 }, { "0.001s", 0, 1 },
		{ "5m", 0, 300000 }, { "2h", 0, 7200000 }, { "0", 0, 0 }, { "1.5h", 0, 5400000 },
		{ "", EINVAL, 0 }, { "s", EINVAL, 0 }, { "1d", EINVAL, 0 }, { "-1", EINVAL, 0 }, { "1.", EINVAL, 0 },
		{ ".5s", EINVAL, 0 }, { "1.2.3", EINVAL, 0 }, { "1 s", EINVAL, 0 }, { "1.0001s", EINVAL, 0 },
		{ "1.5ms", EINVAL, 0 }, { "99999999999999999999", ERANGE, 0 }, { "18446744073709551h", ERANGE, 0 },
		{ "18446744073709552", ERANGE, 0 },
	};

	(void)state;
	TEST_PARSER(ps_parse_time, uint64_t, rows)
}

static void cpus(void **state)
{
	static const struct row rows[] = {
		{ "1.5", 0, 1500 }, { "2", 0, 2000 }, { "0.001", 0, 1 }, { "0", EINVAL, 0 }, { "1s", EINVAL, 0 },
		{ "", EINVAL, 0 }, { "0.0001", EINVAL, 0 }, { "18446744073709552", ERANGE, 0 },
	};

	(void)state;
	TEST_PARSER(ps_parse_cpus, uint64_t, rows)
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsigned_numbers),
		cmocka_unit_test(lists_of_numbers), cmocka_unit_test(signed_numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(times),
		cmocka_unit_test(cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
