/* SPDX-License-Identifier: Apache-2.0
 * test_hooks.c - hooks: what they get, how their failures read.
 */
#include "tests/unit/sandbox_test.h"

#include <sys/resource.h>
#include <time.h>

#include "shim/sandbox/hooks.h"

static struct test_plan t;
static struct ps_err e;
static char dir[PATH_MAX];
static int dir_fd = -1;
static char warned[4][1024];
static unsigned n_warned;

static int make_dir(void **state)
{
	(void)state;
	dir_fd = unit_mkdir(dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unit_rmdir(dir, dir_fd);
	return 0;
}

static void fresh(void)
{
	memset(&t, 0, sizeof(t));
	memset(&e, 0, sizeof(e));
	n_warned = 0;
	t.plan.hook_state_head = tp_str(&t, "{\"id\":\"c1\",\"status\":\"");
	t.plan.hook_state_tail = tp_str(&t, ",\"bundle\":\"/b\"}");
}

/* A hook that runs a shell script in the scratch folder. */
static struct plan_hook sh(const char *script)
{
	char text[PATH_MAX + 1024];

	(void)snprintf(text, sizeof(text), "cd %s; %s", dir, script);
	return (struct plan_hook){ .path = tp_str(&t, "/bin/sh"),
				   .args = TP_STRS(&t, "sh", "-c", text),
				   .from = tp_str(&t, "/hooks/prestart/0") };
}

static void warn(void *ctx, const char *text)
{
	assert_ptr_equal(ctx, &t);
	assert_true(n_warned < PS_COUNT(warned));
	(void)snprintf(warned[n_warned++], sizeof(warned[0]), "%s", text);
}

static int run(struct plan_list hooks, bool go_on)
{
	return hooks_run(&t.plan, "prestart", hooks, "created", 4711, NULL, go_on, warn, &t, &e);
}

static void assert_fails(struct plan_hook hook, const char *text)
{
	const struct plan_hook rows[] = { hook };

	assert_int_equal(run(TP_ROWS(&t, rows), false), -1);
	if (!strstr(e.msg, text))
		fail_msg("'%s' lacks '%s'", e.msg, text);
	assert_string_equal(e.where, "/hooks/prestart/0");
}

static void state_on_stdin(void **state)
{
	(void)state;
	fresh();
	const struct plan_hook rows[] = { sh("cat >one"), sh("cat >two") };

	assert_int_equal(run(TP_ROWS(&t, rows), false), 0);
	unit_assert_file(dir_fd, "one",
			 "{\"id\":\"c1\",\"status\":\"created\",\"pid\":4711,\"bundle\":\"/b\"}");
	unit_assert_file(dir_fd, "two",
			 "{\"id\":\"c1\",\"status\":\"created\",\"pid\":4711,\"bundle\":\"/b\"}");
	assert_int_equal(run((struct plan_list){ 0, 0 }, false), 0);
}

/* More than a pipe holds, to a hook that reads none of it. */
static void big_state_unread(void **state)
{
	static char big[200000];
	static struct {
		struct test_plan t;
		char more[300000];
	} room;

	(void)state;
	fresh();
	memset(big, 'x', sizeof(big) - 1);
	const struct plan_hook rows[] = { sh("true"), sh("wc -c >size") };

	room.t = t;
	memcpy(room.more, big, sizeof(big));
	room.t.plan.hook_state_tail = (plan_off)(room.more - (char *)&room.t.plan);
	room.t.plan.prestart = (struct plan_list){ tp_put(&room.t, rows, sizeof(rows)), 2 };
	assert_int_equal(hooks_run(&room.t.plan, "prestart", room.t.plan.prestart, "created", 1, NULL, false, NULL,
				   NULL, &e),
			 0);
	unit_assert_file(dir_fd, "size", "200036\n");
}

static void arguments_and_environment(void **state)
{
	struct plan_hook rows[3];

	(void)state;
	fresh();
	assert_int_equal(setenv("PODSHIM_UNIT", "ours", 1), 0);
	rows[0] = sh("echo \"$PODSHIM_UNIT\" >inherited");
	rows[1] = sh("echo \"$PODSHIM_UNIT:$A\" >own");
	rows[1].has_env = 1;
	rows[1].env = TP_STRS(&t, "A=B");
	unit_write(dir_fd, "argv", "");
	/* Without args: args[0] is the path. */
	char script[PATH_MAX + 8], text[PATH_MAX + 64];

	(void)snprintf(script, sizeof(script), "%s/hook", dir);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\necho \"$0 $#\" >%s/argv\n", dir);
	unit_write(dir_fd, "hook", text);
	assert_int_equal(fchmodat(dir_fd, "hook", 0755, 0), 0);
	rows[2] = (struct plan_hook){ .path = tp_str(&t, script) };
	assert_int_equal(run(TP_ROWS(&t, rows), false), 0);
	unit_assert_file(dir_fd, "inherited", "ours\n");
	unit_assert_file(dir_fd, "own", ":B\n");
	(void)snprintf(text, sizeof(text), "%s 0\n", script);
	unit_assert_file(dir_fd, "argv", text);
}

static void fds_and_signals(void *arg)
{
	sigset_t all;

	(void)arg;
	fresh();
	const struct plan_hook rows[] = { sh("ls /proc/self/fd >fds; kill -USR1 $$; echo alive >signalled") };

	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	CHECK(sigfillset(&all) == 0 && sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	CHECK(dup2(1, 77) == 77);
	CHECK_ERR(run(TP_ROWS(&t, rows), false), &e,
		  "error running prestart hook #0: '/bin/sh': killed by signal 10");
}

static void nothing_leaks_in(void **state)
{
	(void)state;
	assert_int_equal(in_child(fds_and_signals, NULL), 0);
	unit_assert_file(dir_fd, "fds", "0\n1\n2\n3\n"); /* 3: ls's own */
	assert_int_equal(faccessat(dir_fd, "signalled", F_OK, 0), -1);
}

static void failures(void **state)
{
	(void)state;
	fresh();
	assert_fails(sh("exit 3"), "error running prestart hook #0: '/bin/sh': exit status 3");
	assert_null(strstr(e.msg, "stderr"));
	assert_fails(sh("echo first >&2; echo 'second line' >&2; exit 1"),
		     "error running prestart hook #0: '/bin/sh': exit status 1, stderr: first second line");
	assert_fails(sh("i=0; while [ $i -lt 200 ]; do echo line $i >&2; i=$((i+1)); done; exit 1"),
		     "line 199");
	assert_null(strstr(e.msg, "line 10 "));
	assert_fails(sh("kill -9 $$"), "error running prestart hook #0: '/bin/sh': killed by signal 9");
	assert_fails(
		(struct plan_hook){ .path = tp_str(&t, "/no/hook"), .from = tp_str(&t, "/hooks/prestart/0") },
		"error running prestart hook #0: '/no/hook': the file, or the interpreter that it names, does not exist");
	assert_null(strstr(e.msg, "No such file"));
	assert_fails((struct plan_hook){ .path = tp_str(&t, "/etc/passwd"),
					 .from = tp_str(&t, "/hooks/prestart/0") },
		     "error running prestart hook #0: '/etc/passwd': the file is not executable");
	unit_write(dir_fd, "words", "words\n");
	assert_int_equal(fchmodat(dir_fd, "words", 0755, 0), 0);
	char words[PATH_MAX + 8];

	(void)snprintf(words, sizeof(words), "%s/words", dir);
	assert_fails((struct plan_hook){ .path = tp_str(&t, words), .from = tp_str(&t, "/hooks/prestart/0") },
		     "/words': execve: Exec format error");
}

static void first_failure_ends_list(void **state)
{
	(void)state;
	fresh();
	const struct plan_hook rows[] = { sh("true"), sh("exit 7"), sh("touch never") };

	assert_int_equal(run(TP_ROWS(&t, rows), false), -1);
	assert_non_null(strstr(e.msg, "error running prestart hook #1: '/bin/sh': exit status 7"));
	assert_int_equal(faccessat(dir_fd, "never", F_OK, 0), -1);
}

static void poststop_goes_on(void **state)
{
	(void)state;
	fresh();
	const struct plan_hook rows[] = { sh("exit 5"), sh("touch ran"), sh("exit 6") };

	assert_int_equal(run(TP_ROWS(&t, rows), true), 0);
	assert_int_equal(n_warned, 2);
	assert_non_null(strstr(warned[0], "error running prestart hook #0: '/bin/sh': exit status 5"));
	assert_non_null(strstr(warned[1], "hook #2: '/bin/sh': exit status 6"));
	assert_int_equal(faccessat(dir_fd, "ran", F_OK, 0), 0);
}

static void timeout(void **state)
{
	struct plan_hook hook;

	(void)state;
	fresh();
	hook = sh("echo $$ >pid; echo waiting >&2; exec sleep 1000");
	hook.timeout_s = 1;
	assert_fails(hook,
		     "error running prestart hook #0: '/bin/sh': timed out and was killed, stderr: waiting");
	char pid[32], path[PATH_MAX + 8];

	(void)snprintf(path, sizeof(path), "%s/pid", dir);
	assert_true(atoi(first_line(path, pid, sizeof(pid))) > 1);
	assert_int_equal(kill(atoi(pid), 0), -1); /* reaped, too */
	assert_int_equal(errno, ESRCH);
}

/* A daemon that keeps the hook's stderr open does not hold up the launch. */
static void daemon_left_behind(void **state)
{
	char pid[32], path[PATH_MAX + 8];

	(void)state;
	fresh();
	const struct plan_hook rows[] = { sh("sleep 1000 & echo $! >daemon; echo started >&2; exit 0") };

	assert_int_equal(run(TP_ROWS(&t, rows), false), 0);
	(void)snprintf(path, sizeof(path), "%s/daemon", dir);
	assert_true(atoi(first_line(path, pid, sizeof(pid))) > 1);
	assert_int_equal(kill(atoi(pid), SIGKILL), 0);
}

static void no_fd_leaks(void **state)
{
	int before = unit_open_fds();

	(void)state;
	fresh();
	assert_fails(sh("exit 1"), "exit status 1");
	assert_fails(
		(struct plan_hook){ .path = tp_str(&t, "/no/hook"), .from = tp_str(&t, "/hooks/prestart/0") },
		"");
	assert_int_equal(unit_open_fds(), before);
}

static void out_of_processes(void *arg)
{
	const struct rlimit none = { 0, 0 };

	(void)arg;
	fresh();
	const struct plan_hook rows[] = { sh("true") };

	CHECK(setrlimit(RLIMIT_NPROC, &none) == 0 && ps_sys_setresuid(12345, 12345, 12345) == 0);
	CHECK_ERR(run(TP_ROWS(&t, rows), false), &e,
		  "error running prestart hook #0: '/bin/sh': fork to run '/bin/sh'");
}
CHILD_TEST(out_of_processes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_on_stdin),
		cmocka_unit_test(big_state_unread),
		cmocka_unit_test(arguments_and_environment),
		cmocka_unit_test(nothing_leaks_in),
		cmocka_unit_test(failures),
		cmocka_unit_test(first_failure_ends_list),
		cmocka_unit_test(poststop_goes_on),
		cmocka_unit_test(timeout),
		cmocka_unit_test(daemon_left_behind),
		cmocka_unit_test(no_fd_leaks),
		cmocka_unit_test(test_out_of_processes),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
