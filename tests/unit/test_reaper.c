/* SPDX-License-Identifier: Apache-2.0
 * test_reaper.c - the payload is a child: its end is the reaper's, signals are passed on, orphans are reaped.
 */
#include "tests/unit/sandbox_test.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "shim/sandbox/reaper.h"

static struct test_plan t;
static struct ps_err e;
static int to_test[2];
static void (*before)(void);

/* Become what init is when it executes: a first process that reports to the test. */
static pid_t pid_1(void (*payload)(void))
{
	struct sandbox sb = SANDBOX_INIT(&t.plan, NULL);
	pid_t pid;

	CHECK(pipe2(to_test, O_CLOEXEC) == 0);
	pid = (pid_t)syscall(SYS_clone, (unsigned long)CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)close(to_test[0]);
		CHECK(getpid() == 1);
		if (before)
			before();
		CHECK_OK(reaper_split(&sb, &e), &e);
		payload();
		_exit(0);
	}
	(void)close(to_test[1]);
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void say(char c)
{
	CHECK(write(to_test[1], &c, 1) == 1);
}

static char hear(void)
{
	char c = 0;

	return read(to_test[0], &c, 1) == 1 ? c : 0;
}

static void exits_with_7(void)
{
	CHECK(getpid() == 2 && getsid(0) == 2);
	_exit(7);
}

static void kills_itself(void)
{
	CHECK(kill(getpid(), SIGTERM) == 0);
}

static void ends(void *arg)
{
	(void)arg;
	CHECK(status_of(pid_1(exits_with_7)) == 7);
	CHECK(status_of(pid_1(kills_itself)) == 128 + SIGTERM);
}
CHILD_TEST(ends)

static void waits_by_default(void)
{
	say('r');
	for (;;)
		(void)pause();
}

static void on_usr1(int sig)
{
	(void)sig;
	say('u');
}

static void handles_usr1(void)
{
	(void)signal(SIGUSR1, on_usr1);
	waits_by_default();
}

static void passes_on(void *arg)
{
	pid_t pid = pid_1(handles_usr1);

	(void)arg;
	CHECK(hear() == 'r' && kill(pid, SIGUSR1) == 0 && hear() == 'u');
	/* Without a handler the default action, which no first process has. */
	CHECK(kill(pid, SIGINT) == 0 && status_of(pid) == 128 + SIGINT);
	CHECK(hear() == 0);
}
CHILD_TEST(passes_on)

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static void leaves_an_orphan(void)
{
	pid_t middle, orphan;
	int pair[2];

	CHECK(pipe2(pair, O_CLOEXEC) == 0);
	middle = fork();
	CHECK(middle >= 0);
	if (middle == 0) {
		orphan = fork();
		if (orphan > 0)
			CHECK(write(pair[1], &orphan, sizeof(orphan)) == sizeof(orphan));
		_exit(0);
	}
	CHECK(waitpid(middle, NULL, 0) == middle && read(pair[0], &orphan, sizeof(orphan)) == sizeof(orphan));
	while (!is_gone(orphan))
		(void)sched_yield();
	_exit(3);
}

static void reaps(void *arg)
{
	(void)arg;
	CHECK(status_of(pid_1(leaves_an_orphan)) == 3);
}
CHILD_TEST(reaps)

static void ends_all(void *arg)
{
	pid_t pid = pid_1(waits_by_default);
	int status;

	(void)arg;
	CHECK(hear() == 'r' && kill(pid, SIGKILL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	/* The payload held the pipe, and the reaper never did. */
	CHECK(hear() == 0);
}
CHILD_TEST(ends_all)

/* Of the same user, but nothing to trace. */
static void looks_at_pid_1(void)
{
	char path[PATH_MAX];

	CHECK(readlink("/proc/self/exe", path, sizeof(path)) > 0);
	CHECK(readlink("/proc/1/exe", path, sizeof(path)) < 0 && errno == EACCES && kill(1, SIGKILL) == 0);
	_exit(5);
}

static void become_nobody(void)
{
	CHECK(unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("proc", "/proc", "proc", 0, "") == 0);
	CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
}

static void is_not_dumpable(void *arg)
{
	(void)arg;
	before = become_nobody;
	CHECK(status_of(pid_1(looks_at_pid_1)) == 5);
}
CHILD_TEST(is_not_dumpable)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),     cmocka_unit_test(test_passes_on),
		cmocka_unit_test(test_reaps),    cmocka_unit_test(test_ends_all),
		cmocka_unit_test(test_is_not_dumpable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
