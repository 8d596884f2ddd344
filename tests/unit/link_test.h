/* SPDX-License-Identifier: Apache-2.0
 * link_test.h - both ends of a link for tests: in one process, or the runner's in a child.
 */
#pragma once
#include "tests/unit/ring_test.h"

#include <signal.h>
#include <sys/wait.h>

#include "ipc/link.h"

enum { LONG_MS = 30000 }; /* a wake-up that is lost fails the test by this much */

struct test_link {
	struct link *host, *runner;
	int fds[LINK_FDS];
	int open_before;
};

static inline void test_link_offer(struct test_link *t, uint32_t size)
{
	struct ps_err e = { .cls = PS_OK };

	*t = (struct test_link){ .fds = { -1, -1, -1 } };
	t->open_before = unit_open_fds();
	if (link_offer(size, &t->host, t->fds, &e) < 0)
		fail_msg("%s", e.msg);
}

static inline void test_link_both(struct test_link *t, uint32_t size)
{
	struct ps_err e = { .cls = PS_OK };

	test_link_offer(t, size);
	if (link_accept(t->fds, &t->runner, &e) < 0)
		fail_msg("%s", e.msg);
}

/* A child that accepts the link, or with raw only has the descriptors, does work and ends with what that returns. */
static inline pid_t test_link_child(struct test_link *t, uint32_t size, int (*work)(struct link *l, int fds[LINK_FDS]),
				    bool raw)
{
	pid_t pid;

	test_link_offer(t, size);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct link *l = NULL;

		(void)close(link_fd(t->host)); /* else nobody would see the host die */
		if (!raw && link_accept(t->fds, &l, NULL) < 0)
			_exit(99);
		_exit(work(l, t->fds));
	}
	link_close_fds(t->fds);
	return pid;
}

static inline void test_link_free(struct test_link *t)
{
	link_close(t->host);
	link_close(t->runner);
	link_close_fds(t->fds);
	assert_int_equal(unit_open_fds(), t->open_before);
}

static inline void test_exited(pid_t pid, int code)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_msg("the child ended with wait status %#x", (unsigned)status);
}

static inline void test_kill(pid_t pid)
{
	int status = 0;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}
