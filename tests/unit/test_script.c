/* SPDX-License-Identifier: Apache-2.0
 * test_script.c - the launch script: a star, complete, and never hanging, whatever fails or dies where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/abi.h"
#include "ipc/sock.h"
#include "shim/launch/script.h"

enum fault { FAULT_NONE, FAULT_FAIL, FAULT_DIE };
static struct {
	enum fault kind;
	uint32_t row;
} fault;

/* Every row of both roles is this: it works, fails or dies. */
static int fake(struct player *p, struct ps_err *e)
{
	if (fault.kind == FAULT_NONE || p->row != fault.row)
		return 0;
	if (fault.kind == FAULT_DIE)
		_exit(9);
	return ps_fail(e, PS_E_STATE, "row %s was told to fail", launch_script[p->row].name);
}

static int (*fake_rows[ROW_COUNT])(struct player *, struct ps_err *);

/* Plans that between them switch every predicate on and off. */
static struct plan plans[5];
enum { N_PLANS = 5 };

static int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ROW_COUNT; i++)
		fake_rows[i] = fake;
	for (size_t i = 0; i < N_PLANS; i++)
		plans[i] = (struct plan){ .has_process = 1 };
	plans[1].ns_new = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWTIME | CLONE_NEWCGROUP;
	plans[1].terminal = plans[1].lo_up = plans[1].has_oom = 1;
	plans[1].cgroups.n = 1;
	plans[1].landlock_fs = 1;
	plans[2] = plans[1];
	plans[2].bridge_early = 1;
	plans[2].prestart.n = plans[2].create_container.n = plans[2].start_container.n = 1;
	plans[3] = plans[1];
	plans[3].ns_new = CLONE_NEWNS;
	plans[3].bridge_late = 1;
	plans[4].rootfs_fd = PLAN_NO_FD;
	plans[4].bridge_late = 1;
	return 0;
}

static struct player player(enum role me, const struct plan *p, int fd)
{
	return (struct player){ .me = me, .plan = p, .channel = fd, .wait_ms = 5000, .rows = fake_rows,
				.gate_fd = -1 };
}

static int play_both(const struct plan *plan, struct ps_err *e)
{
	int pair[2], status;

	assert_int_equal(sock_pair(pair, e), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct player p = player(INIT, plan, pair[1]);
		struct ps_err mine = { 0 };

		alarm(20);
		close(pair[0]);
		_exit(script_play(&p, 0, ROW_execute, &mine) < 0 ? 1 : 0);
	}
	close(pair[1]);
	struct player p = player(LAUNCHER, plan, pair[0]);
	int rc = script_play(&p, 0, ROW_execute, e);

	close(pair[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Never ended by the alarm: neither side hangs. */
	assert_true(WIFEXITED(status));
	return rc;
}

static void the_script_is_a_star(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		assert_non_null(launch_script[i].name);
		assert_true(launch_script[i].note[0] != '\0');
		assert_true(launch_script[i].actor == LAUNCHER || launch_script[i].actor == INIT);
	}
	/* What `start` plays must not depend on a plan: rows that cross after the gate hold for every plan. */
	for (size_t i = ROW_open_gate; i < ROW_COUNT; i++)
		for (size_t k = 0; k < N_PLANS; k++)
			if (launch_script[i].actor != launch_script[i].then)
				assert_true(launch_script[i].when(&plans[k]));
}

static void every_plan_plays_to_the_end(void **state)
{
	(void)state;
	fault.kind = FAULT_NONE;
	for (size_t k = 0; k < N_PLANS; k++) {
		struct ps_err e = { 0 };

		assert_int_equal(play_both(&plans[k], &e), 0);
	}
}

static void a_failing_row_is_named_by_its_own_error(void **state)
{
	(void)state;
	fault.kind = FAULT_FAIL;
	for (size_t k = 0; k < N_PLANS; k++)
		for (uint32_t i = 0; i < ROW_COUNT; i++) {
			struct ps_err e = { 0 };
			char want[96];

			if (!launch_script[i].when(&plans[k]))
				continue;
			fault.row = i;
			assert_int_equal(play_both(&plans[k], &e), -1);
			(void)snprintf(want, sizeof(want), "row %s was told to fail", launch_script[i].name);
			assert_string_equal(e.msg, want);
			assert_int_equal(e.cls, PS_E_STATE);
		}
}

static void an_init_that_dies_fails_the_launch(void **state)
{
	(void)state;
	fault.kind = FAULT_DIE;
	for (size_t k = 0; k < N_PLANS; k++)
		for (uint32_t i = 0; i < ROW_COUNT; i++) {
			struct ps_err e = { 0 };

			if (launch_script[i].actor != INIT || !launch_script[i].when(&plans[k]))
				continue;
			fault.row = i;
			/* After `ready` the end of the channel is how an execve reports success. */
			assert_int_equal(play_both(&plans[k], &e), i == ROW_execute ? 0 : -1);
			if (i != ROW_execute)
				assert_int_equal(e.cls, PS_E_PEER);
		}
}

static void a_launcher_that_dies_ends_init(void **state)
{
	(void)state;
	fault.kind = FAULT_DIE;
	for (size_t k = 0; k < N_PLANS; k++)
		for (uint32_t i = 0; i < ROW_COUNT; i++) {
			int pair[2], status;
			struct ps_err e = { 0 };

			if (launch_script[i].actor != LAUNCHER || !launch_script[i].when(&plans[k]))
				continue;
			fault.row = i;
			assert_int_equal(sock_pair(pair, &e), 0);
			pid_t pid = fork();

			assert_true(pid >= 0);
			if (pid == 0) {
				struct player p = player(LAUNCHER, &plans[k], pair[0]);

				close(pair[1]);
				(void)script_play(&p, 0, ROW_execute, &e);
				_exit(1);
			}
			close(pair[0]);
			struct player p = player(INIT, &plans[k], pair[1]);
			int rc = script_play(&p, 0, ROW_execute, &e);

			close(pair[1]);
			assert_int_equal(waitpid(pid, &status, 0), pid);
			assert_int_equal(WEXITSTATUS(status), 9);
			/* An init with nothing to wait for after that row ends by itself. */
			assert_int_equal(rc, -1);
		}
}

static void a_hostile_message_is_refused(void **state)
{
	static const struct { struct script_msg m; size_t n; const char *want; } cases[] = {
		{ { .row = ROW_prepared }, 4, "short message" },
		{ { .row = ROW_ready }, SCRIPT_MSG_SHORT, "was due" },
		{ { .row = ROW_prepared, .rc = -1 }, SCRIPT_MSG_SHORT, "malformed message" },
	};

	(void)state;
	fault.kind = FAULT_NONE;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int pair[2];
		struct ps_err e = { 0 };

		assert_int_equal(sock_pair(pair, &e), 0);
		struct player p = player(LAUNCHER, &plans[0], pair[0]);

		assert_int_equal(sock_send(pair[1], &cases[i].m, cases[i].n, NULL, 0, &e), 0);
		assert_int_equal(script_play(&p, ROW_prepared, ROW_prepared, &e), -1);
		assert_non_null(strstr(e.msg, cases[i].want));
		close(pair[0]);
		close(pair[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_script_is_a_star),
		cmocka_unit_test(every_plan_plays_to_the_end),
		cmocka_unit_test(a_failing_row_is_named_by_its_own_error),
		cmocka_unit_test(an_init_that_dies_fails_the_launch),
		cmocka_unit_test(a_launcher_that_dies_ends_init),
		cmocka_unit_test(a_hostile_message_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
