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

/* What a verb does is a move of the other table, from each state that the verb is for. */
static void verbs_make_legal_moves(void **state)
{
	static const struct {
		uint32_t from;
		enum runner_state to;
	} verbs[] = {
#define TO(n) (UINT32_C(1) << RUNNER_##n)
#define X(sym, from, to) { from, RUNNER_##to },
		RUNNER_VERBS(X)
#undef X
#undef TO
	};

	(void)state;
	for (unsigned v = 0; v < RUNNER_N_VERBS; v++)
		for (unsigned s = 0; s < RUNNER_N_STATES; s++) {
			bool legal = verbs[v].from >> s & 1;
			struct ps_err e = { 0 };

			assert_int_equal(runner_check_verb(v, s, "c1", &e), legal ? 0 : -1);
			if (!legal)
				assert_int_equal(e.cls, PS_E_STATE);
			/* exec and update move nothing; what is created is killed first. */
			if (legal && v != RUNNER_VERB_EXEC && v != RUNNER_VERB_UPDATE && v != RUNNER_VERB_EXEC_PAUSED && s != RUNNER_STOPPING &&
			    !(v == RUNNER_VERB_DELETE && s == RUNNER_PREPARED))
				assert_true(runner_may_go(s, verbs[v].to));
		}
}

static void engines_know_these_words(void **state)
{
	static const struct {
		enum runner_verb verb;
		enum runner_state now;
		const char *text;
	} cases[] = {
		{ RUNNER_VERB_START, RUNNER_PREPARING, "container 'c1' is still being created" },
		{ RUNNER_VERB_START, RUNNER_RUNNING, "cannot start an already running container: 'c1'" },
		{ RUNNER_VERB_START, RUNNER_PAUSED, "cannot start an already running container: 'c1'" },
		{ RUNNER_VERB_START, RUNNER_EXITED, "cannot start a container that has stopped: 'c1'" },
		{ RUNNER_VERB_EXEC, RUNNER_PAUSED, "container paused: 'c1'" },
		{ RUNNER_VERB_EXEC, RUNNER_EXITED, "cannot exec in a stopped container: 'c1'" },
		{ RUNNER_VERB_EXEC_PAUSED, RUNNER_EXITED, "cannot exec in a stopped container: 'c1'" },
		{ RUNNER_VERB_EXEC_PAUSED, RUNNER_PREPARED, "cannot exec in container 'c1' before it is started" },
		{ RUNNER_VERB_PAUSE, RUNNER_PAUSED, "container paused: 'c1'" },
		{ RUNNER_VERB_PAUSE, RUNNER_EXITED, "container not running: 'c1'" },
		{ RUNNER_VERB_RESUME, RUNNER_RUNNING, "container not paused: 'c1'" },
		{ RUNNER_VERB_UPDATE, RUNNER_PREPARING, "container 'c1' is still being created" },
		{ RUNNER_VERB_UPDATE, RUNNER_EXITED, "container not running: 'c1'" },
		{ RUNNER_VERB_KILL, RUNNER_EXITED, "container not running: 'c1'" },
		{ RUNNER_VERB_DELETE, RUNNER_RUNNING, "cannot delete container c1 that is not stopped: running" },
		{ RUNNER_VERB_DELETE, RUNNER_PAUSED, "cannot delete container c1 that is not stopped: paused" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ps_err e = { 0 };

		assert_int_equal(runner_check_verb(cases[i].verb, cases[i].now, "c1", &e), -1);
		if (strncmp(e.msg, cases[i].text, strlen(cases[i].text)) != 0)
			fail_msg("'%s' does not begin with '%s'", e.msg, cases[i].text);
	}
}

static void every_oci_status_is_a_state(void **state)
{
	(void)state;
	for (enum state_status s = STATE_CREATING; s <= STATE_STOPPED; s++)
		assert_string_equal(runner_state_oci(runner_state_of(s)), state_status_name(s));
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
		cmocka_unit_test(verbs_make_legal_moves),
		cmocka_unit_test(engines_know_these_words),
		cmocka_unit_test(every_oci_status_is_a_state),
		cmocka_unit_test(oci_names_are_the_specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
