/* SPDX-License-Identifier: Apache-2.0
 * test_arena.c - arena memory is aligned, zeroed, disjoint, freed at once; every failed allocation is reported.
 *
 * WRAP: calloc
 */
#include "tests/unit/unit.h"

#include "base/arena.h"
#include "tests/unit/fault.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)

static void objects_are_zeroed_aligned_and_disjoint(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 4096, 5000, 16384, 100000, 3, 16000 };
	unsigned char *got[PS_COUNT(sizes) * 20];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(got); i++) {
		size_t n = sizes[i % PS_COUNT(sizes)];

		got[i] = ps_arena_alloc(&a, n);
		assert_non_null(got[i]);
		assert_int_equal((uintptr_t)got[i] % 16, 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(got[i][k], 0);
		memset(got[i], (int)(i % 255) + 1, n);
	}
	for (size_t i = 0; i < PS_COUNT(got); i++)
		for (size_t k = 0; k < sizes[i % PS_COUNT(sizes)]; k++)
			assert_int_equal(got[i][k], i % 255 + 1);
}

static void large_objects_leave_the_head_in_use(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const char *first = ps_arena_alloc(&a, 16);
	const char *large = ps_arena_alloc(&a, 1 << 20), *second = ps_arena_alloc(&a, 16);

	(void)state;
	assert_non_null(first);
	assert_non_null(large);
	assert_ptr_equal(second, first + 16);
}

static void strings(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	assert_string_equal(ps_arena_strdup(&a, "abc"), "abc");
	assert_string_equal(ps_arena_strdup(&a, ""), "");
	assert_string_equal(ps_arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(ps_arena_strndup(&a, "ab", 30), "ab");
	assert_string_equal(ps_arena_printf(&a, "%s/%d", "x", 12), "x/12");
	assert_int_equal(strlen(ps_arena_printf(&a, "%20000d", 1)), 20000);
}

static void sizes_that_overflow_fail(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	errno = 0;
	assert_null(ps_arena_alloc(&a, SIZE_MAX));
	assert_int_equal(errno, ENOMEM);
	assert_null(ps_arena_alloc(&a, SIZE_MAX - 15));
	errno = 0;
	assert_null(ps_arena_array(&a, SIZE_MAX / 2, 3));
	assert_int_equal(errno, ENOMEM);
	assert_non_null(ps_arena_array(&a, 0, 8));
	assert_non_null(ps_arena_array(&a, 3, 8));
}

static void failed_blocks_are_reported(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	(void)fault_arm(1, ENOMEM);
	assert_null(ps_arena_alloc(&a, 1));
	(void)fault_arm(1, ENOMEM);
	assert_null(ps_arena_strdup(&a, "x"));
	(void)fault_arm(1, ENOMEM);
	assert_null(ps_arena_printf(&a, "%d", 1));
	assert_non_null(fault_disarm());
	assert_null(a.head);
	assert_non_null(ps_arena_alloc(&a, 1));
}

static void done_makes_it_usable_again(void **state)
{
	struct ps_arena a = { .head = NULL };

	(void)state;
	ps_arena_done(&a);
	assert_non_null(ps_arena_new(&a, struct ps_err));
	ps_arena_done(&a);
	assert_null(a.head);
	assert_non_null(ps_arena_alloc(&a, 1));
	ps_arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zeroed_aligned_and_disjoint),
		cmocka_unit_test(large_objects_leave_the_head_in_use),
		cmocka_unit_test(strings),
		cmocka_unit_test(sizes_that_overflow_fail),
		cmocka_unit_test(failed_blocks_are_reported),
		cmocka_unit_test(done_makes_it_usable_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
