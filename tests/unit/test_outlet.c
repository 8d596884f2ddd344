/* SPDX-License-Identifier: Apache-2.0
 * test_outlet.c - what is printed is passed on and counted, byte for byte, whatever the two sides do.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "shim/pod/outlet.h"

/* A process that outlet_pass works for, and the pipes around that. */
struct stage {
	pid_t init;
	int pidfd, over_fd;
	int in[3][2], out[3][2]; /* [0] read, [1] write */
};

static void open_stage(struct stage *s)
{
	(void)signal(SIGPIPE, SIG_IGN);
	s->init = fork();
	assert_true(s->init >= 0);
	if (s->init == 0)
		for (;;)
			(void)pause();
	/* It has none of them. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pipe2(s->in[i], O_CLOEXEC), 0);
		assert_int_equal(pipe2(s->out[i], O_CLOEXEC), 0);
	}
	s->pidfd = ps_pidfd_open(s->init);
	s->over_fd = eventfd(0, EFD_NONBLOCK);
	assert_true(s->pidfd >= 0 && s->over_fd >= 0);
}

static void close_stage(struct stage *s)
{
	(void)kill(s->init, SIGKILL);
	(void)waitpid(s->init, NULL, 0);
	(void)close(s->pidfd);
	(void)close(s->over_fd);
	for (int i = 0; i < 3; i++)
		(void)close(s->out[i][0]);
}

static bool is_over(const struct stage *s)
{
	eventfd_t v;

	return eventfd_read(s->over_fd, &v) == 0;
}

static void pass(struct stage *s, uint64_t limit, bool both)
{
	const int from[3] = { -1, s->in[1][0], both ? s->in[2][0] : -1 };
	const int to[3] = { -1, s->out[1][1], s->out[2][1] };

	outlet_pass(from, to, limit, s->pidfd, s->over_fd);
	(void)close(s->in[0][0]);
	(void)close(s->in[0][1]);
	(void)close(s->out[0][1]);
	if (both)
		return;
	(void)close(s->in[2][0]);
	(void)close(s->in[2][1]);
	(void)close(s->out[2][1]);
}

static size_t drained(int fd)
{
	static char text[65536];
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, text, sizeof(text))) > 0)
		n += (size_t)got;
	return n;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void at_the_limit(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s);
	put(s.in[1][1], "12345");
	put(s.in[2][1], "678");
	(void)close(s.in[1][1]);
	(void)close(s.in[2][1]);
	pass(&s, 8, /* both= */ true);
	assert_false(is_over(&s));
	assert_int_equal(ps_pidfd_wait_exit(s.pidfd, 0), 1);
	assert_int_equal(drained(s.out[1][0]), 5);
	assert_int_equal(drained(s.out[2][0]), 3);
	close_stage(&s);
}

static void beyond_the_limit(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s);
	put(s.in[1][1], "12345");
	put(s.in[2][1], "6789");
	/* Its writers are still there: what ends it is the limit. */
	pass(&s, 8, /* both= */ true);
	assert_true(is_over(&s));
	assert_int_equal(ps_pidfd_wait_exit(s.pidfd, 10000), 0);
	assert_int_equal(drained(s.out[1][0]) + drained(s.out[2][0]), 8);
	(void)close(s.in[1][1]);
	(void)close(s.in[2][1]);
	close_stage(&s);
}

static void init_ends_others_stay(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s);
	put(s.in[1][1], "last words");
	(void)kill(s.init, SIGKILL);
	assert_int_equal(ps_pidfd_wait_exit(s.pidfd, 10000), 0);
	/* in[1][1] is open: nobody waits for it. */
	pass(&s, 1000, /* both= */ false);
	assert_false(is_over(&s));
	assert_int_equal(drained(s.out[1][0]), 10);
	(void)close(s.in[1][1]);
	close_stage(&s);
}

/* What was printed before the end counts as if it had been read before it. */
static void init_ends_beyond_the_limit(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s);
	put(s.in[1][1], "last words");
	(void)kill(s.init, SIGKILL);
	assert_int_equal(ps_pidfd_wait_exit(s.pidfd, 10000), 0);
	pass(&s, 4, /* both= */ false);
	assert_true(is_over(&s));
	assert_int_equal(drained(s.out[1][0]), 4);
	(void)close(s.in[1][1]);
	close_stage(&s);
}

static void reader_is_gone(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s);
	(void)close(s.out[1][0]);
	s.out[1][0] = -1;
	/* Nothing was written, and its writer is there: it hears of it by SIGPIPE. */
	pass(&s, 1000, /* both= */ false);
	assert_false(is_over(&s));
	assert_int_equal(write(s.in[1][1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(s.in[1][1]);
	close_stage(&s);
}

static void input_goes_through(void **state)
{
	struct stage s;
	char text[8] = "";

	(void)state;
	open_stage(&s);
	put(s.in[0][1], "typed");
	(void)close(s.in[0][1]);
	(void)close(s.in[1][1]);
	const int from[3] = { s.in[0][0], s.in[1][0], -1 };
	const int to[3] = { s.out[0][1], s.out[1][1], -1 };

	/* Of input nothing is counted. */
	outlet_pass(from, to, 1, s.pidfd, s.over_fd);
	assert_int_equal(read(s.out[0][0], text, sizeof(text)), 5);
	assert_string_equal(text, "typed");
	assert_int_equal(read(s.out[0][0], text, sizeof(text)), 0);
	assert_false(is_over(&s));
	for (int i = 0; i < 2; i++)
		(void)close(s.in[2][i]);
	(void)close(s.out[2][1]);
	close_stage(&s);
}

/* Much more than fits into the pipes, by a writer and a reader of their own pace. */
static void floods(void **state)
{
	enum { BYTES = 3 * 1000 * 1000 };
	struct stage s;
	int status;

	(void)state;
	open_stage(&s);
	pid_t writer = fork();

	if (writer == 0) {
		unsigned char c[977];

		for (size_t at = 0; at < BYTES;) {
			size_t n = BYTES - at < sizeof(c) ? BYTES - at : sizeof(c);

			for (size_t i = 0; i < n; i++)
				c[i] = (unsigned char)((at + i) % 251);
			ssize_t put_n = write(s.in[1][1], c, n);

			if (put_n <= 0)
				_exit(1);
			at += (size_t)put_n;
		}
		_exit(0);
	}
	pid_t reader = fork();

	if (reader == 0) {
		unsigned char c[613];
		size_t at = 0;
		ssize_t n;

		(void)close(s.out[1][1]);
		(void)close(s.in[1][1]);
		while ((n = read(s.out[1][0], c, sizeof(c))) > 0)
			for (ssize_t i = 0; i < n; i++, at++)
				if (c[i] != at % 251)
					_exit(2);
		_exit(at == BYTES ? 0 : 3);
	}
	(void)close(s.in[1][1]);
	pass(&s, BYTES, /* both= */ false);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	assert_false(is_over(&s));
	close_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_the_limit), cmocka_unit_test(beyond_the_limit), cmocka_unit_test(init_ends_others_stay),
		cmocka_unit_test(init_ends_beyond_the_limit), cmocka_unit_test(reader_is_gone), cmocka_unit_test(input_goes_through),
		cmocka_unit_test(floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
