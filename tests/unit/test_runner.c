/* SPDX-License-Identifier: Apache-2.0
 * test_runner.c - the runner's state table: its moves, its OCI names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shim/pod/runner.h"

static void every_state_can_end(void **state)
{
	(void)state;
	for (unsigned s = RUNNER_NONE; s < RUNNER_GONE; s++) {
		uint32_t reach = UINT32_C(1) << s, before;

		do {
			before = reach;
			for (unsigned a = 0; a < RUNNER_N_STATES; a++)
				for (unsigned b = 0; (reach >> a & 1) && b < RUNNER_N_STATES; b++)
					if (runner_may_go(a, b))
						reach |= UINT32_C(1) << b;
		} while (reach != before);
		assert_true(reach >> RUNNER_GONE & 1);
	}
	for (unsigned s = 0; s < RUNNER_N_STATES; s++)
		assert_false(runner_may_go(RUNNER_GONE, s));
}

static void nothing_runs_unprepared(void **state)
{
	(void)state;
	assert_false(runner_may_go(RUNNER_NONE, RUNNER_RUNNING));
	assert_false(runner_may_go(RUNNER_PREPARING, RUNNER_RUNNING));
	assert_false(runner_may_go(RUNNER_EXITED, RUNNER_RUNNING));
	assert_true(runner_may_go(RUNNER_PREPARED, RUNNER_RUNNING));
}

static void an_illegal_move_is_named(void **state)
{
	struct ps_err e = { 0 };

	(void)state;
	assert_int_equal(runner_check_move(RUNNER_EXITED, RUNNER_PAUSED, "c1", &e), -1);
	assert_int_equal(e.cls, PS_E_STATE);
	assert_string_equal(e.msg, "container 'c1' is exited and can't become paused");
	assert_int_equal(runner_check_move(RUNNER_RUNNING, RUNNER_PAUSED, "c1", &e), 0);
}

static void oci_names_are_the_specs(void **state)
{
	static const char *const names[] = { "", "creating", "created", "running", "paused", "stopped" };

	(void)state;
	for (unsigned s = 0; s < RUNNER_N_STATES; s++) {
		bool known = false;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			known |= strcmp(runner_state_oci(s), names[i]) == 0;
		assert_true(known);
		assert_true(runner_state_name(s)[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_can_end),
		cmocka_unit_test(nothing_runs_unprepared),
		cmocka_unit_test(an_illegal_move_is_named),
		cmocka_unit_test(oci_names_are_the_specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
