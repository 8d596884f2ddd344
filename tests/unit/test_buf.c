/* SPDX-License-Identifier: Apache-2.0
 * test_buf.c - the buffer grows, stays terminated, and its failure flag sticks until reset.
 *
 * WRAP: realloc
 */
#include "tests/unit/unit.h"

#include "base/buf.h"
#include "tests/unit/fault.h"

FAULT_WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL)

static void appends(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	ps_buf_puts(&b, "ab");
	ps_buf_putc(&b, 'c');
	ps_buf_put(&b, "\0d", 2);
	ps_buf_printf(&b, "%d%%", 42);
	assert_false(b.failed);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "abc\0d42%", 9);
	ps_buf_put(&b, NULL, 0);
	assert_int_equal(b.len, 8);
}

static void grows_and_stays_terminated(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		ps_buf_putc(&b, (char)('a' + i % 26));
		assert_true(b.cap > b.len);
		assert_int_equal(b.data[b.len], '\0');
	}
	ps_buf_printf(&b, "%300000d", 7);
	assert_int_equal(b.len, 400000);
	assert_int_equal(strlen(b.data), b.len);
}

static void empty_append_terminates(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	ps_buf_puts(&b, "");
	assert_non_null(b.data);
	assert_string_equal(b.data, "");
}

static void failure_sticks(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	ps_buf_puts(&b, "kept");
	(void)fault_arm(1, ENOMEM);
	ps_buf_printf(&b, "%1000d", 1);
	assert_string_equal(fault_disarm(), "realloc");
	assert_true(b.failed);
	ps_buf_puts(&b, "x");
	assert_string_equal(b.data, "kept");
	ps_buf_reset(&b);
	assert_false(b.failed);
	ps_buf_puts(&b, "y");
	assert_string_equal(b.data, "y");
}

static void absurd_sizes_fail(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	ps_buf_put(&b, "x", SIZE_MAX);
	assert_true(b.failed);
	ps_buf_reset(&b);
	ps_buf_put(&b, "x", SIZE_MAX / 2);
	assert_true(b.failed);
}

static void done_empties(void **state)
{
	struct ps_buf b = { .data = NULL };

	(void)state;
	ps_buf_done(&b);
	ps_buf_reset(&b);
	ps_buf_puts(&b, "x");
	ps_buf_done(&b);
	assert_null(b.data);
	assert_int_equal(b.len + b.cap, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends),
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(empty_append_terminates),
		cmocka_unit_test(failure_sticks),
		cmocka_unit_test(absurd_sizes_fail),
		cmocka_unit_test(done_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
