/* SPDX-License-Identifier: Apache-2.0
 * test_broker_net.c - calls on sockets in a namespace that leads somewhere: what is decided is what is done.
 */
#include "shim/pod/broker_inside.h"
#include "tests/unit/broker_net_test.h"

static int blocking_scene(void *arg)
{
	ps_auto_fd int fd = stream(), other = stream();
	char c;

	(void)arg;
	SCENE(reach(fd, port.closed) == EACCES);
	SCENE(reach(fd, port.open) == 0);
	SCENE(reach(fd, port.open) == EISCONN);
	SCENE(fcntl(fd, F_GETFL) == O_RDWR && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	SCENE(recv(fd, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	SCENE(connect(other, (struct sockaddr *)1, 16) == -1 && errno == EFAULT);
	SCENE(connect(other, (struct sockaddr *)&c, 1) == -1 && errno == EINVAL);
	SCENE(connect(other, (struct sockaddr *)&c, 4096) == -1 && errno == EINVAL);
	SCENE(reach(99, port.open) == EBADF && reach(0, port.open) == ENOTSOCK);
	return 0;
}

static void connect_is_decided(void **state)
{
	struct stage *g = new_net_stage();

	(void)state;
	start_target(g, net_calls, PS_COUNT(net_calls), NULL, blocking_scene, NULL);
	assert_int_equal(run_target(g), 0);
	assert_int_equal(g->n_events, 1);
	assert_string_equal(g->events[0].action, "connect");
	assert_int_equal(g->events[0].result, POLICY_DENY);
	assert_int_equal(g->events[0].err, EACCES);
	assert_true(g->events[0].sound);
	assert_int_equal(g->events[0].tid, g->pid);
	assert_int_equal(count_accepted(server.open), 1);
	assert_int_equal(count_accepted(server.closed), 0);
	free_stage(g);
	close_servers();
}

static int epoll_scene(void *arg)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET, .data.u64 = 0x123456789a };
	int err = -1;
	socklen_t len = sizeof(err);

	(void)arg;
	SCENE(fd >= 0 && ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0);
	SCENE(reach(fd, port.closed) == EACCES);
	const int rc = reach(fd, port.open);

	SCENE(rc == 0 || rc == EINPROGRESS);
	SCENE(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.data.u64 == 0x123456789a && ev.events & EPOLLOUT);
	SCENE(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0);
	SCENE(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	SCENE(write(fd, "hello", 5) == 5);
	return 0;
}

static void not_blocking_stays_so(void **state)
{
	struct stage *g = new_net_stage();
	char text[8];

	(void)state;
	play(g, epoll_scene, NULL);
	ps_auto_fd int c = accept(server.open, NULL, NULL);

	assert_int_equal(recv(c, text, sizeof(text), 0), 5);
	close_servers();
}

/* A server whose queue is full answers nobody: who connects waits. */
static int full_server(unsigned *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = loopback(0);
	socklen_t len = sizeof(in);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*at = ntohs(in.sin_port);
	/* There is room for one; it is taken when that one can be accepted. */
	const int c = stream();

	assert_int_equal(connect(c, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1), 1);
	return fd;
}

static int waiting_scene(void *arg)
{
	const int fd = stream();
	const struct timeval t = { .tv_usec = 100000 };
	const uint64_t begin = ps_clock_ns(CLOCK_MONOTONIC);

	SCENE(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0);
	SCENE(reach(fd, *(unsigned *)arg) == EINPROGRESS);
	/* Never earlier, on however busy a machine; later it may be. */
	SCENE(ps_clock_ns(CLOCK_MONOTONIC) - begin >= 100000000 && fcntl(fd, F_GETFL) == O_RDWR);
	return 0;
}

static void a_blocking_connect_waits_as_long_as_it_was_told(void **state)
{
	struct stage *g = new_net_stage();
	unsigned at;
	ps_auto_fd int fd = full_server(&at);

	(void)state;
	assert_true(fd >= 0);
	allow_port(g, "127.0.0.1", at);
	play(g, waiting_scene, &at);
	close_servers();
}

static int patient_scene(void *arg)
{
	const int fd = stream();

	SCENE(reach(fd, *(unsigned *)arg) == 0 && fcntl(fd, F_GETFL) == O_RDWR);
	return 0;
}

static int full;
static void on_relief(void *ctx)
{
	struct stage *g = ctx;

	for (int c; (c = accept4(full, NULL, NULL, SOCK_NONBLOCK)) >= 0;)
		(void)close(c);
	loop_timer_set(&g->loop, &g->beat, 50);
}

static void a_blocking_connect_ends_with_its_peer(void **state)
{
	struct stage *g = new_net_stage();
	unsigned at;

	(void)state;
	full = full_server(&at);
	assert_int_equal(fcntl(full, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	allow_port(g, "127.0.0.1", at);
	g->beat = (struct loop_timer){ .on = on_relief, .ctx = g };
	loop_timer_set(&g->loop, &g->beat, 200);
	play(g, patient_scene, &at);
	ps_fd_close(&full);
	close_servers();
}

/* ---- Races ---- */

static struct { _Atomic bool stop; struct sockaddr_in addr; int fd; } race;

static void *flip_address(void *arg)
{
	volatile uint16_t *at = &race.addr.sin_port;

	(void)arg;
	while (!race.stop) {
		*at = htons((uint16_t)port.open);
		*at = htons((uint16_t)port.closed);
	}
	return NULL;
}

static int race_scene(void *arg)
{
	pthread_t flipper;
	unsigned n_through = 0;

	(void)arg;
	race.addr = loopback(port.open);
	SCENE(pthread_create(&flipper, NULL, flip_address, NULL) == 0);
	for (int i = 0; i < 20000; i++) {
		const int fd = stream();

		SCENE(fd >= 0);
		if (connect(fd, (struct sockaddr *)&race.addr, sizeof(race.addr)) == 0) {
			struct sockaddr_in peer;
			socklen_t len = sizeof(peer);
			const struct linger at_once = { .l_onoff = 1 };

			SCENE(getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_port == htons((uint16_t)port.open));
			SCENE(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
			n_through++;
		}
		(void)close(fd);
	}
	race.stop = true;
	SCENE(pthread_join(flipper, NULL) == 0 && n_through > 0);
	return 0;
}

static void *accept_all(void *arg)
{
	int fd;

	while ((fd = accept(*(int *)arg, NULL, NULL)) >= 0)
		(void)close(fd);
	return NULL;
}

static void an_address_that_changes_leaks_nothing(void **state)
{
	struct stage *g = new_net_stage();
	pthread_t acceptor;

	(void)state;
	/* After start_target: the broker is to be made without threads. */
	start_target(g, net_calls, PS_COUNT(net_calls), NULL, race_scene, NULL);
	assert_int_equal(pthread_create(&acceptor, NULL, accept_all, &server.open), 0);
	assert_int_equal(run_target(g), 0);
	assert_int_equal(count_accepted(server.closed), 0);
	assert_int_equal(shutdown(server.open, SHUT_RDWR), 0);
	assert_int_equal(pthread_join(acceptor, NULL), 0);
	free_stage(g);
	close_servers();
}

static int swap_partner(void *arg)
{
	const int tcp = stream(), udp = socket(AF_INET, SOCK_DGRAM, 0);

	(void)arg;
	while (!race.stop) {
		(void)dup2(udp, race.fd);
		(void)dup2(tcp, race.fd);
	}
	return 0;
}

static int swap_scene(void *arg)
{
	static char stack[65536] __attribute__((aligned(16)));
	const int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	(void)arg;
	race.fd = dup(udp);
	const pid_t pid = clone(swap_partner, stack + sizeof(stack), CLONE_VM | CLONE_FILES | SIGCHLD, NULL);

	SCENE(pid > 0);
	for (int i = 0; i < 5000; i++)
		(void)reach(race.fd, port.open);
	race.stop = true;
	SCENE(waitpid(pid, NULL, 0) == pid);
	/* TCP alone is allowed there: no UDP socket got through in its place. */
	for (int fd = 3; fd < 64; fd++) {
		int type = 0;
		socklen_t n = sizeof(type);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_DGRAM)
			SCENE(getpeername(fd, (struct sockaddr *)&peer, &len) == -1);
	}
	return 0;
}

static void a_descriptor_that_changes_leaks_nothing(void **state)
{
	struct stage *g = new_net_stage();

	(void)state;
	race.stop = false;
	play(g, swap_scene, NULL);
	assert_int_equal(count_accepted(server.closed), 0);
	close_servers();
}

static void *from_thread(void *arg)
{
	*(int *)arg = reach(stream(), port.open);
	return NULL;
}

static int thread_scene(void *arg)
{
	pthread_t t;
	int err = -1;

	(void)arg;
	SCENE(pthread_create(&t, NULL, from_thread, &err) == 0 && pthread_join(t, NULL) == 0 && err == 0);
	return 0;
}

/* Its table is no longer its leader's. */
static void *alone(void *arg)
{
	int fd = stream();

	*(int *)arg = unshare(CLONE_FILES) < 0 || dup2(fd, 60) != 60 || reach(60, port.open) != 0;
	return NULL;
}

static int alone_scene(void *arg)
{
	pthread_t t;
	int err = -1;

	(void)arg;
	SCENE(pthread_create(&t, NULL, alone, &err) == 0 && pthread_join(t, NULL) == 0 && err == 0);
	return 0;
}

static void threads_have_their_own_descriptors(void **state)
{
	(void)state;
	play(new_net_stage(), thread_scene, NULL);
	close_servers();
	play(new_net_stage(), alone_scene, NULL);
	close_servers();
}

/* ---- Addresses ---- */

static int family_scene(void *arg)
{
	int fd = stream(), six = socket(AF_INET6, SOCK_STREAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0), raw = socket(AF_INET, SOCK_RAW, 6);
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port.closed) };
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port.closed) }, four = loopback(port.closed);

	(void)arg;
	SCENE(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr) == 1);
	SCENE(connect(six, (struct sockaddr *)&mapped, sizeof(mapped)) == -1 && errno == EACCES);
	SCENE(connect(fd, (struct sockaddr *)&any, sizeof(any)) == -1 && errno == EACCES);
	SCENE(connect(udp6, (struct sockaddr *)&four, sizeof(four)) == -1 && errno == EACCES);
	SCENE(connect(six, (struct sockaddr *)&four, sizeof(four)) == -1 && errno == EAFNOSUPPORT);
	mapped.sin6_port = htons((uint16_t)port.open);
	SCENE(connect(six, (struct sockaddr *)&mapped, sizeof(mapped)) == 0);
	any.sin_port = htons((uint16_t)port.open);
	SCENE(connect(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	SCENE(connect(fd, &none, sizeof(none)) == 0 && reach(fd, port.closed) == EACCES && reach(fd, port.open) == 0);
	SCENE(reach(raw, port.open) == EACCES);
	SCENE(reach(socket(AF_INET, SOCK_STREAM, 262 /* MPTCP */), port.open) == EACCES);
	SCENE(connect(stream(), &(struct sockaddr){ .sa_family = AF_VSOCK }, 16) == -1 && errno == EAFNOSUPPORT);
	return 0;
}

static void every_way_to_write_an_address_is_the_same(void **state)
{
	(void)state;
	play(new_net_stage(), family_scene, NULL);
	assert_int_equal(count_accepted(server.closed), 0);
	close_servers();
}

/* ---- bind, listen ---- */

static int listen_scene(void *arg)
{
	const int fd = stream(), other = stream(), silent = stream();
	struct sockaddr_in in = loopback(*(unsigned *)arg), low = loopback(1), any = loopback(0);

	SCENE(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(fd, 5) == 0);
	SCENE(bind(other, (struct sockaddr *)&low, sizeof(low)) == -1 && errno == EACCES);
	SCENE(bind(other, (struct sockaddr *)&any, sizeof(any)) == 0);
	SCENE(listen(other, 5) == -1 && errno == EACCES);
	SCENE(listen(silent, 5) == -1 && errno == EACCES);
	return 0;
}

/* A port that only root may bind, and that an entry names. */
static int low_scene(void *arg)
{
	const int fd = stream(), other = stream();
	struct sockaddr_in in = loopback(987);
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { .effective = 0 } };

	(void)arg;
	SCENE(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 && close(fd) == 0);
	SCENE(ps_sys_capset(&head, none) == 0);
	SCENE(bind(other, (struct sockaddr *)&in, sizeof(in)) == -1 && errno == EACCES);
	SCENE(reach(other, port.open) == 0);
	return 0;
}

static struct stage *new_low_stage(void)
{
	struct stage *g = new_net_stage();

	allow_port(g, "listen:127.0.0.1", 987);
	return g;
}

/* Its own right is on only for whom has it, too. */
static void low_ports_take_the_targets_own_right(void **state)
{
	(void)state;
	assert_int_equal(play_confined(new_low_stage, net_calls, PS_COUNT(net_calls), NULL, low_scene), 0);
	assert_int_equal(play_confined(new_net_stage, net_calls, PS_COUNT(net_calls), NULL, blocking_scene), 0);
	assert_int_equal(play_confined(new_net_stage, net_calls, PS_COUNT(net_calls), NULL, thread_scene), 0);
}

static void listening_takes_an_entry(void **state)
{
	struct stage *g = new_net_stage();
	unsigned at;
	int fd = serve_tcp(AF_INET, &at); /* a port that is free once it is closed */

	(void)state;
	ps_fd_close(&fd);
	allow_port(g, "listen:127.0.0.1", at);
	play(g, listen_scene, &at);
	close_servers();
}

static int tightened_scene(void *arg)
{
	const struct timespec moment = { .tv_nsec = 200000000 };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	(void)nanosleep(&moment, NULL);
	SCENE(reach(fd, port.open) == EACCES);
	return 0;
}

/* Even where the reader does not hear of it. */
static void what_is_tightened_counts_from_the_next_call_on(void **state)
{
	static const struct permissions nothing = { .active = true, .deny_by_default = true };
	struct stage *g = new_net_stage();

	(void)state;
	start_target(g, net_calls, PS_COUNT(net_calls), NULL, tightened_scene, NULL);
	g->broker->to_reader.bytes = SIZE_MAX / 2; /* no room for an order */
	broker_set_permissions(g->subject, &nothing);
	assert_int_equal(run_target(g), 0);
	free_stage(g);
	close_servers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_is_decided),
		cmocka_unit_test(not_blocking_stays_so),
		cmocka_unit_test(a_blocking_connect_waits_as_long_as_it_was_told),
		cmocka_unit_test(a_blocking_connect_ends_with_its_peer),
		cmocka_unit_test(what_is_tightened_counts_from_the_next_call_on),
		cmocka_unit_test(an_address_that_changes_leaks_nothing),
		cmocka_unit_test(a_descriptor_that_changes_leaks_nothing),
		cmocka_unit_test(threads_have_their_own_descriptors),
		cmocka_unit_test(every_way_to_write_an_address_is_the_same),
		cmocka_unit_test(listening_takes_an_entry),
		cmocka_unit_test(low_ports_take_the_targets_own_right),
	};

	int failed = cmocka_run_group_tests_name("answered by the reader", tests, NULL, NULL);

	quick = false;
	return failed + cmocka_run_group_tests_name("answered by the broker", tests, NULL, NULL);
}
