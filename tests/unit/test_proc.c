/* SPDX-License-Identifier: Apache-2.0
 * test_proc.c - processes are named by pid and start time, waited for by pidfd; clocks and random names.
 *
 * WRAP: clock_gettime getrandom
 */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/proc.h"
#include "tests/unit/fault.h"

static const struct timespec *fixed_time;
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (!fixed_time || id != CLOCK_REALTIME)
		return __real_clock_gettime(id, ts);
	*ts = *fixed_time;
	return 0;
}
FAULT_WRAP(ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n < 7 ? n : 7, flags), -1)

/* A child that waits until it is killed; its name is as awkward as a name can be. */
static pid_t spawn(void)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, ") Z 1 (x) R");
		(void)!write(ready[1], "", 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static void start_time_names_a_process(void **state)
{
	uint64_t mine = 0, ticks = 7;
	bool zombie = true;
	pid_t pid = spawn();

	(void)state;
	assert_int_equal(ps_proc_start_time(getpid(), &mine, NULL), 0);
	assert_true(mine > 0);
	assert_int_equal(ps_proc_start_time(pid, &ticks, &zombie), 0);
	assert_true(ticks >= mine);
	assert_true(ticks - mine < 100 * (uint64_t)sysconf(_SC_CLK_TCK));
	assert_false(zombie);
	assert_true(ps_proc_is(pid, ticks));
	assert_false(ps_proc_is(pid, ticks + 1));

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_int_equal(ps_proc_start_time(pid, &ticks, &zombie), 0);
	assert_true(zombie);
	assert_false(ps_proc_is(pid, ticks));
	assert_int_equal(waitpid(pid, NULL, 0), pid);

	ticks = 7;
	assert_int_equal(ps_proc_start_time(pid, &ticks, &zombie), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(ticks, 7);
	assert_false(ps_proc_is(pid, ticks));
}

static void pidfds_wait_and_reap(void **state)
{
	pid_t pid = spawn();
	ps_auto_fd int fd = ps_pidfd_open(pid);
	struct ps_err e = { .cls = PS_OK };
	int status = -7;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(ps_pidfd_wait_exit(fd, 0), 1);
	assert_int_equal(ps_pidfd_wait_exit(fd, 20), 1);
	assert_int_equal(ps_pidfd_kill(fd, SIGTERM), 0);
	assert_int_equal(ps_pidfd_wait_exit(fd, -1), 0);
	assert_int_equal(ps_pidfd_wait_exit(fd, 0), 0);
	assert_int_equal(ps_pidfd_reap(fd, &status, &e), 0);
	assert_int_equal(status, 128 + SIGTERM);
	status = -7;
	assert_int_equal(ps_pidfd_reap(fd, &status, &e), -1);
	assert_int_equal(e.sys, ECHILD);
	assert_string_equal(e.msg, "wait for a child process: No child processes");
	assert_int_equal(status, -7);
	assert_int_equal(ps_pidfd_kill(fd, SIGTERM), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(ps_pidfd_open(pid), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(ps_pidfd_wait_exit(1000000, -1), -1);
	assert_int_equal(errno, EBADF);
}

static void reap_gives_exit_codes(void **state)
{
	(void)state;
	for (int code = 0; code < 256; code += 51) {
		pid_t pid = fork();
		ps_auto_fd int fd = -1;
		int status = -7;

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(code);
		fd = ps_pidfd_open(pid);
		assert_int_equal(ps_pidfd_reap(fd, &status, NULL), 0);
		assert_int_equal(status, code);
	}
}

static void boot_id(void **state)
{
	char a[37], b[37];

	(void)state;
	assert_int_equal(ps_boot_id(a, NULL), 0);
	assert_int_equal(ps_boot_id(b, NULL), 0);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	assert_string_equal(a, b);
}

static void rfc3339(void **state)
{
	static const struct {
		struct timespec ts;
		const char *text;
	} rows[] = {
		{ { 0, 0 }, "1970-01-01T00:00:00.000000000Z" },
		{ { 951782399, 999999999 }, "2000-02-28T23:59:59.999999999Z" },
		{ { 951782400, 0 }, "2000-02-29T00:00:00.000000000Z" },
		{ { 951868800, 1 }, "2000-03-01T00:00:00.000000001Z" },
		{ { 1767323045, 123456789 }, "2026-01-02T03:04:05.123456789Z" },
		{ { 4107542399, 0 }, "2100-02-28T23:59:59.000000000Z" },
		{ { 4107542400, 0 }, "2100-03-01T00:00:00.000000000Z" },
	};
	char text[40];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fixed_time = &rows[i].ts;
		ps_time_rfc3339(text);
		assert_string_equal(text, rows[i].text);
	}
	for (time_t t = 0; t < (time_t)86400 * 366 * 140; t += 86399 * 3) {
		struct timespec ts = { .tv_sec = t };
		struct tm tm;
		char want[80];

		fixed_time = &ts;
		ps_time_rfc3339(text);
		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm) > 0);
		assert_string_equal(text, want);
	}
	fixed_time = NULL;
	ps_time_rfc3339(text);
	assert_int_equal(strlen(text), 30);
}

static void random_hex(void **state)
{
	char a[101], b[101];

	(void)state;
	for (size_t n = 0; n <= 100; n++) {
		memset(a, 'Z', sizeof(a));
		assert_int_equal(ps_random_hex(a, n), 0);
		assert_int_equal(strspn(a, "0123456789abcdef"), n);
		assert_int_equal(a[n], '\0');
	}
	assert_int_equal(ps_random_hex(b, 100), 0);
	assert_string_not_equal(a, b);
	(void)fault_arm(1, EINTR);
	assert_int_equal(ps_random_hex(a, 8), 0);
	(void)fault_arm(1, ENOSYS);
	assert_int_equal(ps_random_hex(a, 8), -1);
	assert_int_equal(errno, ENOSYS);
	(void)fault_disarm();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_time_names_a_process),
		cmocka_unit_test(pidfds_wait_and_reap),
		cmocka_unit_test(reap_gives_exit_codes),
		cmocka_unit_test(boot_id),
		cmocka_unit_test(rfc3339),
		cmocka_unit_test(random_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
