/* SPDX-License-Identifier: Apache-2.0
 * test_client.c - libpodshim against a scripted pod: launch, output, input, waiting, lists, events, links, bad servers.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/proc.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "ipc/podshim.h"
#include "ipc/sock.h"
#include "tests/unit/client_pod.h"

/* ---- The client ---- */

static char root[PATH_MAX];
static int root_fd;
static pid_t server;
static struct podshim *c;
static struct podshim_error e;

static void start(const char *name)
{
	char folder[64];
	int dir, listener;

	root_fd = unit_mkdir(root);
	(void)snprintf(folder, sizeof(folder), ".pods/%s", name);
	assert_int_equal(mkdirat(root_fd, ".pods", 0700), 0);
	assert_int_equal(mkdirat(root_fd, folder, 0700), 0);
	dir = openat(root_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listener = sock_listen_at(dir, "control.sock", SOCK_SEQPACKET, NULL);
	assert_true(listener >= 0);
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener, name);
	}
	(void)close(listener);
	(void)close(dir);
	c = NULL;
	memset(&e, 0, sizeof(e));
}

static void finish(void)
{
	ps_auto_fd int pidfd = ps_pidfd_open(server);
	int status;

	podshim_close(c);
	if (ps_pidfd_wait_exit(pidfd, 10000) != 0)
		(void)kill(server, SIGKILL); /* a link is still open: the test has failed before it closed it */
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_int_equal(status, 0);
	unit_rmdir(root, root_fd);
}

static int setup(void **state)
{
	(void)state;
	start("web");
	if (podshim_connect(root, "web", &c, &e) < 0)
		fail_msg("%s", e.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	finish();
	return 0;
}

static void assert_error(int code, const char *text)
{
	assert_int_equal(e.code, code);
	if (!strstr(e.text, text))
		fail_msg("'%s' does not say '%s'", e.text, text);
}

static struct podshim_runner *launch(const char *what, unsigned flags)
{
	const struct podshim_launch l = { .args = (const char *const[]){ what, "x", NULL }, .flags = flags };
	struct podshim_runner *r = NULL;

	if (podshim_launch(c, &l, &r, &e) < 0)
		fail_msg("%s", e.text);
	return r;
}

static void connects(void **state)
{
	(void)state;
	assert_string_equal(podshim_name(c), "web");
	assert_int_equal(podshim_server_pid(c), 4711);
	assert_true(podshim_fd(c) >= 0);
}

static void reads_output_and_status(void **state)
{
	struct podshim_runner *r = launch("hello", 0);
	struct podshim_output o;
	int status = -1;

	(void)state;
	assert_int_equal(podshim_runner_number(r), RUNNER);
	assert_string_equal(podshim_runner_id(r), "web.7");
	assert_int_equal(podshim_runner_pid(r), 123);
	assert_int_equal(podshim_output(r, &o, -1, &e), 1);
	assert_int_equal(o.stream, 1);
	assert_int_equal(o.lost, 0);
	assert_int_equal(o.len, 6);
	assert_memory_equal(o.data, "hello\n", 6);
	assert_int_equal(podshim_output(r, &o, -1, &e), 1);
	assert_int_equal(o.stream, 2);
	assert_memory_equal(o.data, "oops\n", 5);
	assert_int_equal(podshim_output(r, &o, -1, &e), PODSHIM_END);
	assert_int_equal(podshim_wait(r, &status, -1, &e), 1);
	assert_int_equal(status, 3);
	assert_string_equal(podshim_reason(r), "exited");
	podshim_runner_close(r);
}

static void input_comes_back(void **state)
{
	struct podshim_runner *r = launch("cat", PODSHIM_STDIN);
	struct podshim_output o;

	(void)state;
	assert_int_equal(podshim_input(r, "abc", 3, -1, &e), 3);
	assert_int_equal(podshim_output(r, &o, -1, &e), 1);
	assert_memory_equal(o.data, "abc", 3);
	assert_int_equal(podshim_input_end(r, &e), 0);
	assert_int_equal(podshim_output(r, &o, -1, &e), PODSHIM_END);
	podshim_runner_close(r);
}

static void a_full_pipe_is_no_trap(void **state)
{
	struct podshim_runner *r = launch("cat", PODSHIM_STDIN);
	char *much = calloc(1, 1 << 20);
	ssize_t n;

	(void)state;
	assert_non_null(much);
	n = podshim_input(r, much, 1 << 20, 0, &e);
	assert_true(n > 0 && n < 1 << 20);
	free(much);
	/* Once nobody reads any more it is an error, and no signal. */
	podshim_close(c);
	c = NULL;
	do
		n = podshim_input(r, "x", 1, 100, &e);
	while (n >= 0);
	assert_error(PODSHIM_E_PEER, "write to standard input: the runner reads no more");
	assert_int_equal(e.sys, EPIPE);
	podshim_runner_close(r);
}

static void lossless_loses_nothing(void **state)
{
	struct podshim_runner *r = launch("flood", PODSHIM_LOSSLESS);
	struct podshim_counts counts;
	struct podshim_output o;
	uint64_t n = 0;
	int got;

	(void)state;
	while ((got = podshim_output(r, &o, -1, &e)) == 1) {
		assert_int_equal(o.lost, 0);
		n += o.len;
	}
	if (got < 0)
		fail_msg("%s", e.text);
	assert_int_equal(got, PODSHIM_END);
	assert_int_equal(n, FLOOD);
	podshim_runner_close(r);
	/* One for each quarter of the history, one for each time that there was nothing to read. */
	assert_int_equal(podshim_counts(c, &counts, &e), 0);
	assert_in_range(counts.launched, FLOOD / FLOOD_HISTORY, FLOOD / FLOOD_HISTORY * 6);
	assert_int_equal(counts.warm, 3);
}

static void timeouts_are_not_errors(void **state)
{
	struct podshim_runner *r = launch("nothing", 0);
	struct podshim_output o;
	struct podshim_event ev;

	(void)state;
	assert_int_equal(podshim_event(c, &ev, 0, &e), 0);
	assert_int_equal(podshim_output(r, &o, 0, &e), 0);
	assert_int_equal(podshim_output(r, &o, 0, &e), 0);
	podshim_close(c); /* the handle lives on */
	c = NULL;
	assert_int_equal(podshim_output(r, &o, 0, &e), -1);
	assert_error(PODSHIM_E_PEER, "the connection to the pod is closed");
	assert_int_equal(podshim_wait(r, &(int){ 0 }, 0, &e), -1);
	assert_int_equal(podshim_interrupt(r, &e), -1);
	podshim_runner_close(r);
	podshim_runner_close(NULL);
}

static void failures_are_told(void **state)
{
	const struct podshim_launch l = { .args = (const char *const[]){ "fail", NULL } };
	struct podshim_runner *r = NULL;

	(void)state;
	assert_int_equal(podshim_launch(c, &l, &r, &e), -1);
	assert_error(PODSHIM_E_STATE, "no runner is free");
	assert_null(r);
	assert_int_equal(podshim_launch(c, &l, &r, NULL), -1);
}

static void orders(void **state)
{
	struct podshim_runner *r = launch("nothing", 0), *again = NULL;

	(void)state;
	assert_int_equal(podshim_signal(r, SIGUSR1, &e), 0);
	assert_int_equal(podshim_resize(r, 24, 80, &e), 0);
	assert_int_equal(podshim_stop(r, 0, 1000, &e), 0);
	assert_int_equal(podshim_remove(r, PODSHIM_FORCE, &e), 0);
	assert_int_equal(podshim_input(r, "typed", 5, -1, &e), 5);
	assert_int_equal(podshim_input_end(r, &e), 0);
	assert_int_equal(podshim_observe(c, RUNNER, 0, &again, &e), -1);
	assert_error(PODSHIM_E_EXISTS, "runner 7 of 'web' is observed already");
	podshim_runner_close(r);
	/* The pod's answer to OBSERVE has no stream. */
	assert_int_equal(podshim_observe(c, RUNNER, 0, &again, &e), -1);
	assert_error(PODSHIM_E_PEER, "'web' gave no output stream");
}

static int collect(const struct podshim_info *info, void *ctx)
{
	unsigned *n = ctx;

	assert_int_equal(info->n, ++*n);
	assert_string_equal(info->state, *n % 2 ? "running" : "exited");
	assert_int_equal(info->status, *n % 2 ? -1 : (int)*n);
	assert_int_equal(info->cpu_ns, *n * 100);
	assert_string_equal(info->reason, "");
	return *n == 40 ? 77 : 0;
}

static void lists_page_by_page(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(podshim_list(c, collect, &n, &e), 0);
	assert_int_equal(n, 6);
	n = 0;
	assert_int_equal(podshim_stats(c, collect, &n, &e), 0);
	assert_int_equal(n, 6);
}

static int stop_at_3(const struct podshim_info *info, void *ctx)
{
	(void)ctx;
	return info->n == 3 ? 77 : 0;
}

static void a_walk_can_be_ended(void **state)
{
	(void)state;
	assert_int_equal(podshim_list(c, stop_at_3, NULL, &e), 77);
}

static void events_are_kept_up_to_a_bound(void **state)
{
	struct podshim_event ev;
	unsigned n = 0, lost = 0;

	(void)state;
	assert_int_equal(podshim_subscribe(c, &e), 0);
	assert_int_equal(podshim_subscribe(c, &e), 0);
	(void)podshim_stats(c, stop_at_3, NULL, &e); /* its reply comes behind all events */
	while (podshim_event(c, &ev, 0, &e) == 1) {
		assert_int_equal(ev.type, PODSHIM_EVENT_STATE);
		assert_string_equal(ev.state, "running");
		assert_string_equal(ev.id, "web.x");
		lost += ev.lost;
		assert_int_equal(ev.n, ++n + lost);
	}
	assert_int_equal(n, 256);
	assert_int_equal(lost, 300 - 256);
}

static void print(int stream, const char *p, size_t n, void *ctx)
{
	char *out = ctx;

	assert_int_equal(stream, 1);
	(void)strncat(out, p, n);
}

static void runs_code(void **state)
{
	const struct podshim_launch l = { .flags = PODSHIM_CODE };
	struct podshim_runner *r = NULL;
	struct podshim_link *link = NULL;
	struct podshim_result result;
	char printed[64] = "", *code = malloc(100000);

	(void)state;
	assert_non_null(code);
	memset(code, 'x', 100000);
	if (podshim_launch_linked(c, &l, 1 << 16, &r, &link, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(podshim_link_max(link), 32760);
	assert_true(podshim_link_fd(link) >= 0);
	assert_int_equal(podshim_run_code(link, code, 100000, print, printed, -1, &result, &e), 1);
	assert_string_equal(result.text, "100000");
	assert_int_equal(result.len, 6);
	assert_int_equal(result.status, 5);
	assert_true(result.is_repr);
	assert_string_equal(printed, "xxxxxxxxxxxxxxxxxxxx");
	free(result.text);
	assert_int_equal(podshim_run_code(link, "print", 5, NULL, NULL, -1, &result, &e), 1);
	assert_string_equal(result.text, "5");
	free(result.text);
	free(code);
	podshim_link_close(link);
	podshim_runner_close(r);
}

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void a_link_is_kept_ready(void **state)
{
	static const size_t sizes[] = { 1 << 16, 1 << 16, 1 << 17, 1 << 16 };
	const struct podshim_launch l = { .flags = PODSHIM_CODE };
	const unsigned before = count_fds();

	(void)state;
	for (size_t i = 0; i < PS_COUNT(sizes); i++) {
		struct podshim_link *link = NULL;
		struct podshim_runner *r = NULL;
		struct podshim_result result;

		assert_int_equal(podshim_launch_linked(c, &l, sizes[i], &r, &link, &e), 0);
		assert_int_equal(podshim_link_max(link), sizes[i] / 2 - 8);
		assert_int_equal(podshim_run_code(link, "print", 5, NULL, NULL, -1, &result, &e), 1);
		assert_string_equal(result.text, "5");
		free(result.text);
		podshim_link_close(link);
		podshim_runner_close(r);
		assert_int_equal(count_fds(), before + 4);
	}
}

static void records_have_a_bound(void **state)
{
	const struct podshim_launch l = { .flags = PODSHIM_CODE };
	struct podshim_runner *r = NULL;
	struct podshim_link *link = NULL;
	void *to = NULL;

	(void)state;
	assert_int_equal(podshim_launch_linked(c, &l, 1 << 16, &r, &link, &e), 0);
	assert_int_equal(podshim_send(link, PODSHIM_DATA, 0, "", 32761, 0, &e), -1);
	assert_error(PODSHIM_E_USAGE, "record of 32761 bytes, allowed are 32760");
	assert_int_equal(podshim_reserve(link, (size_t)UINT32_MAX + 9, &to, 0, &e), -1);
	assert_error(PODSHIM_E_USAGE, "a record of 4294967304 bytes is longer than any");
	assert_int_equal(podshim_reserve(link, 8, &to, 0, &e), 1);
	podshim_discard(link);
	assert_int_equal(podshim_reserve(link, 8, &to, 0, &e), 1);
	podshim_commit(link, PODSHIM_DATA, 0, (size_t)1 << 40);
	assert_int_equal(podshim_reserve(link, 8, &to, 0, &e), -1);
	assert_int_equal(e.code, PODSHIM_E_BUG);
	podshim_link_close(link);
	podshim_link_close(NULL);
	podshim_runner_close(r);
	assert_int_equal(podshim_link_open(c, 1, 12345, &link, &e), -1);
	assert_error(PODSHIM_E_USAGE, "make a link: 12345 bytes is no power of two");
	assert_int_equal(podshim_link_open(c, 1, SIZE_MAX, &link, &e), -1);
	assert_error(PODSHIM_E_USAGE, "is more than 67108864");
	link = NULL;
	assert_int_equal(podshim_link_open(c, 1, 0, &link, &e), 0);
	assert_int_equal(podshim_link_max(link), RING_SIZE / 2 - 8); /* the pod's own */
	podshim_link_close(link);
}

static void end_of_the_pod(void **state)
{
	struct podshim_event ev;

	(void)state;
	assert_int_equal(podshim_shutdown(c, 0, 100, &e), -1); /* this pod does not even say goodbye */
	assert_error(PODSHIM_E_PEER, "'web' has closed the connection");
	assert_int_equal(e.sys, EPIPE);
	assert_int_equal(podshim_event(c, &ev, -1, &e), PODSHIM_END);
	assert_int_equal(podshim_subscribe(c, &e), -1);
}

static void rubbish_ends_the_connection(void **state)
{
	struct podshim_runner *r = launch("nothing", 0);

	(void)state;
	assert_int_equal(podshim_interrupt(r, &e), -1);
	assert_error(PODSHIM_E_PEER, "'web': malformed message: it is shorter than a header");
	assert_int_equal(podshim_signal(r, SIGUSR1, &e), -1);
	assert_error(PODSHIM_E_PEER, "'web' has closed the connection");
	podshim_runner_close(r);
}

static void late_answers(void **state)
{
	struct podshim_runner *r = launch("cat", PODSHIM_STDIN);
	struct podshim_output o;

	(void)state;
	assert_int_equal(podshim_output(r, &o, 0, &e), 0); /* the pod now waits for input, and answers nobody */
	podshim_set_timeout(c, 1);
	assert_int_equal(podshim_signal(r, SIGUSR1, &e), -1);
	assert_error(PODSHIM_E_PEER, "'web' has not answered for 1 ms");
	assert_int_equal(e.sys, ETIMEDOUT);
	podshim_runner_close(r);
}

static void refused_servers(void **state)
{
	static const struct {
		const char *name;
		int code;
		const char *text;
	} bad[] = {
		{ "future", PODSHIM_E_UNSUPP, "'future' speaks version 2, known is 1" },
		{ "silent", PODSHIM_E_PEER, "'silent' has closed the connection" },
		{ "odd", PODSHIM_E_PEER, "'odd' does not begin with HELLO" },
		{ "full", PODSHIM_E_DENIED, "'full': who are you?" },
	};
	const int before = unit_open_fds();

	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		start(bad[i].name);
		assert_int_equal(podshim_connect(root, bad[i].name, &c, &e), -1);
		assert_error(bad[i].code, bad[i].text);
		assert_null(c);
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
		unit_rmdir(root, root_fd);
	}
	assert_int_equal(unit_open_fds(), before);
}

static void names_that_lead_nowhere(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", ".pods", "/" };

	(void)state;
	root_fd = unit_mkdir(root);
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		assert_int_equal(podshim_connect(root, bad[i], &c, &e), -1);
		assert_error(PODSHIM_E_USAGE, "is no name of a pod or container");
	}
	assert_int_equal(podshim_connect(root, "web", &c, &e), -1);
	assert_error(PODSHIM_E_NOTFOUND, "is named 'web'");
	assert_int_equal(mkdirat(root_fd, "plain", 0700), 0);
	assert_int_equal(podshim_connect(root, "plain", &c, &e), -1);
	assert_error(PODSHIM_E_STATE, "'plain' has no channel");
	assert_int_equal(symlinkat("plain", root_fd, "link"), 0);
	assert_int_equal(podshim_connect(root, "link", &c, &e), -1);
	assert_error(PODSHIM_E_NOTFOUND, "is named 'link'");
	unit_rmdir(root, root_fd);
}

/* ---- The runner's half ---- */

static void channel(void **state)
{
	struct channel_msg m = { .type = 99, .version = 1 };
	struct podshim_channel *ch = NULL;
	struct podshim_link *inside = NULL;
	struct podshim_record rec;
	auto_link struct link *outside = NULL;
	int pair[2], fds[LINK_FDS], before;
	char text[16];

	(void)state;
	assert_int_equal(unsetenv(CHANNEL_ENV), 0);
	assert_int_equal(podshim_channel_open(&ch, &e), -1);
	assert_error(PODSHIM_E_NOTFOUND, "this program has no channel: PODSHIM_CHANNEL_FD is not set");
	assert_int_equal(setenv(CHANNEL_ENV, "0x", 1), 0);
	assert_int_equal(podshim_channel_open(&ch, &e), -1);
	assert_error(PODSHIM_E_NOTFOUND, "PODSHIM_CHANNEL_FD=0x is no such socket");
	assert_int_equal(sock_pair(pair, NULL), 0);
	(void)snprintf(text, sizeof(text), "%d", pair[1]);
	assert_int_equal(setenv(CHANNEL_ENV, text, 1), 0);
	assert_int_equal(podshim_channel_open(&ch, &e), 0);
	assert_int_equal(podshim_channel_fd(ch), pair[1]);
	assert_int_equal(podshim_channel_ready(ch, &e), 0);
	assert_int_equal(sock_recv(pair[0], &m, sizeof(m), NULL, NULL, -1, NULL), 8);
	assert_int_equal(m.type, CHANNEL_READY);
	assert_int_equal(podshim_channel_accept(ch, &inside, 0, &e), 0);
	before = unit_open_fds();
	/* What it does not know is skipped, and its descriptors closed. */
	m.type = 99;
	assert_int_equal(sock_send(pair[0], &m, sizeof(m), pair, 1, NULL), 0);
	assert_int_equal(podshim_channel_accept(ch, &inside, 0, &e), 0);
	assert_int_equal(unit_open_fds(), before);
	assert_int_equal(link_offer(1 << 16, &outside, fds, NULL), 0);
	m.type = CHANNEL_LINK;
	assert_int_equal(sock_send(pair[0], &m, sizeof(m), fds, LINK_FDS, NULL), 0);
	link_close_fds(fds);
	assert_int_equal(podshim_channel_accept(ch, &inside, -1, &e), 1);
	assert_int_equal(podshim_arm(inside), 0);
	assert_int_equal(ring_write(&outside->out, PODSHIM_DATA, 9, "hi", 2, NULL), 1);
	ring_flush(&outside->out);
	podshim_disarm(inside);
	assert_int_equal(podshim_arm(inside), 1);
	podshim_disarm(inside);
	assert_int_equal(podshim_receive(inside, &rec, -1, &e), 1);
	assert_int_equal(rec.type, PODSHIM_DATA);
	assert_int_equal(rec.flags, 9);
	assert_memory_equal(rec.data, "hi", 2);
	podshim_release(inside);
	podshim_link_close(inside);
	(void)close(pair[0]);
	assert_int_equal(podshim_channel_accept(ch, &inside, -1, &e), PODSHIM_END);
	podshim_channel_close(ch);
	podshim_channel_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(connects, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_output_and_status, setup, teardown),
		cmocka_unit_test_setup_teardown(input_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_pipe_is_no_trap, setup, teardown),
		cmocka_unit_test_setup_teardown(lossless_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(timeouts_are_not_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(failures_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(orders, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_page_by_page, setup, teardown),
		cmocka_unit_test_setup_teardown(a_walk_can_be_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(events_are_kept_up_to_a_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_code, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_is_kept_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(records_have_a_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(end_of_the_pod, setup, teardown),
		cmocka_unit_test_setup_teardown(rubbish_ends_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(late_answers, setup, teardown),
		cmocka_unit_test(refused_servers),
		cmocka_unit_test(names_that_lead_nowhere),
		cmocka_unit_test(channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
