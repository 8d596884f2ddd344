/* SPDX-License-Identifier: Apache-2.0
 * test_broker_swap.c - out of an empty network namespace: a socket of the host takes the place of the target's own.
 */
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <sys/mman.h>

#include "shim/pod/net_names.h"
#include "tests/unit/broker_test.h"

static const int net_calls[] = { SYS_connect, SYS_bind, SYS_listen, SYS_sendto, SYS_epoll_create1 };
static struct { unsigned open, closed, silent, inside; } port;
static int server;

/* In the target, before its guard: a namespace whose only interface is its loopback. */
static int leave_network(void *arg)
{
	struct ifreq lo = { .ifr_flags = IFF_UP };
	const int fd = unshare(CLONE_NEWNET) < 0 ? -1 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)arg;
	(void)snprintf(lo.ifr_name, sizeof(lo.ifr_name), "lo");
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 || close(fd) < 0;
}

static struct stage *new_swap_stage(void)
{
	struct stage *g = new_stage(BROKER_NET_EMPTY);
	int fd = serve_tcp(AF_INET, &port.silent);

	ps_fd_close(&fd);
	fd = serve_tcp(AF_INET, &port.inside);
	ps_fd_close(&fd);
	fd = serve_tcp(AF_INET, &port.closed);
	ps_fd_close(&fd);
	server = serve_tcp(AF_INET, &port.open);
	allow_port(g, "tcp:127.0.0.1", port.open);
	allow_port(g, "tcp:127.0.0.1", port.silent);
	allow_port(g, "listen:127.0.0.1", port.inside);
	g->facts.tells_epoll = true;
	return g;
}

static void play(struct stage *g, int (*scene)(void *), void *arg)
{
	start_target(g, net_calls, PS_COUNT(net_calls), leave_network, scene, arg);
	assert_int_equal(run_target(g), 0);
	free_stage(g);
	ps_fd_close(&server);
}

static int option_of(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return getsockopt(fd, level, name, &v, &len) < 0 ? -1 : v;
}

static uint64_t namespace_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

static int set_option(int fd, int level, int name, int v) { return setsockopt(fd, level, name, &v, sizeof(v)); }

static int blocking_scene(void *arg)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), plain = socket(AF_INET, SOCK_STREAM, 0);
	const uint64_t own = namespace_of(fd);
	struct timeval t = { .tv_sec = 7 };
	socklen_t len = sizeof(t);

	(void)arg;
	SCENE(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) == 0 && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0);
	SCENE(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 77) == 0 && set_option(fd, SOL_SOCKET, SO_SNDBUF, 65536) == 0);
	SCENE(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
	SCENE(reach(fd, port.closed) == EACCES);
	SCENE(reach(fd, port.silent) == ECONNREFUSED && namespace_of(fd) == own);
	SCENE(reach(fd, port.open) == 0 && namespace_of(fd) != own);
	SCENE(fcntl(fd, F_GETFL) == O_RDWR && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	SCENE(option_of(fd, IPPROTO_TCP, TCP_NODELAY) == 1 && option_of(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
	SCENE(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 77 && option_of(fd, SOL_SOCKET, SO_SNDBUF) == 131072);
	t.tv_sec = 0;
	SCENE(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, &len) == 0 && t.tv_sec == 7);
	SCENE(write(fd, "hello", 5) == 5);
	SCENE(reach(plain, port.open) == 0 && fcntl(plain, F_GETFD) == 0);
	SCENE(option_of(plain, IPPROTO_TCP, TCP_NODELAY) == 0);
	return 0;
}

static void a_connection_is_the_hosts(void **state)
{
	struct stage *g = new_swap_stage();
	char text[8];

	(void)state;
	start_target(g, net_calls, PS_COUNT(net_calls), leave_network, blocking_scene, NULL);
	assert_int_equal(run_target(g), 0);
	ps_auto_fd int c = accept(server, NULL, NULL);

	assert_int_equal(recv(c, text, sizeof(text), 0), 5);
	assert_int_equal(g->n_events, 1);
	free_stage(g);
	ps_fd_close(&server);
}

static int epoll_scene_at(int number)
{
	const int first = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	const int fd = number < 0 ? first : dup2(first, number), ep = epoll_create1(0), ep2 = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = 0xfedcba9876543210 };
	struct epoll_event other = { .events = EPOLLIN, .data.u64 = 5 };

	if (fd != first)
		(void)close(first);
	SCENE(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0 && epoll_ctl(ep2, EPOLL_CTL_ADD, fd, &other) == 0);
	SCENE(epoll_wait(ep2, &ev, 1, 0) == 1 && ev.events == EPOLLHUP); /* what a socket that is not connected says */
	const int rc = reach(fd, port.open);

	SCENE(rc == 0 || rc == EINPROGRESS);
	SCENE(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.data.u64 == 0xfedcba9876543210 && ev.events == EPOLLOUT);
	SCENE(epoll_wait(ep, &ev, 1, 0) == 0 && epoll_wait(ep2, &ev, 1, 0) == 0);
	SCENE(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK) && fcntl(fd, F_GETFD) == 0);
	SCENE(option_of(fd, SOL_SOCKET, SO_ERROR) == 0 && write(fd, "hello", 5) == 5);
	other.data.u64 = 6;
	other.events = EPOLLOUT;
	SCENE(epoll_ctl(ep2, EPOLL_CTL_MOD, fd, &other) == 0 && epoll_wait(ep2, &ev, 1, 1000) == 1 && ev.data.u64 == 6);
	SCENE(epoll_ctl(ep2, EPOLL_CTL_DEL, fd, NULL) == 0 && epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL) == 0);
	SCENE(close(fd) == 0 && close(ep) == 0 && close(ep2) == 0);
	return 0;
}

static int epoll_scene(void *arg)
{
	(void)arg;
	/* Numbers that mean something in the broker's own processes, too. */
	for (int number = 20; number >= 0; number--) {
		const int line = number == 2 ? 0 : epoll_scene_at(number);

		if (line)
			return line;
	}
	SCENE(epoll_scene_at(900) == 0 && epoll_scene_at(-1) == 0);
	return 0;
}

static void epolls_know_it_as_before(void **state)
{
	(void)state;
	play(new_swap_stage(), epoll_scene, NULL);
}

static int later_scene(void *arg)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0), native = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in in = loopback(port.inside);

	(void)arg;
	SCENE(reach(fd, port.open) == 0 && reach(fd, port.open) == EISCONN);
	SCENE(connect(fd, &none, sizeof(none)) == 0);
	SCENE(reach(fd, port.closed) == EACCES);
	SCENE(listen(fd, 5) == -1 && errno == EACCES);
	SCENE(bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 && errno == EINVAL);
	SCENE(bind(native, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(native, 5) == 0);
	SCENE(reach(native, port.open) == EISCONN);
	const int inside = socket(AF_INET, SOCK_STREAM, 0), peer = reach(inside, port.inside) == 0 ? accept(native, NULL, NULL) : -1;

	SCENE(peer >= 0 && write(inside, "x", 1) == 1 && namespace_of(inside) == namespace_of(native));
	SCENE(reach(inside, port.open) == EISCONN);
	SCENE(reach(udp, port.open) == EACCES);
	in = loopback(53);
	in.sin_addr.s_addr = htonl(0x0a010203);
	SCENE(connect(udp, (struct sockaddr *)&in, sizeof(in)) == -1 && errno == ENETUNREACH);
	SCENE(sendto(udp, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)) == -1 && errno == ENETUNREACH);
	in.sin_addr.s_addr = htonl(0xe0000001);
	SCENE(sendto(udp, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)) == -1 && errno == ENETUNREACH);
	return 0;
}

static struct stage *new_later_stage(void)
{
	struct stage *g = new_swap_stage();

	allow(g, POLICY_NET, "udp:10.1.2.3:53");
	allow(g, POLICY_NET, "udp:224.0.0.1:53");
	return g;
}

static void a_host_socket_does_nothing_else(void **state)
{
	struct stage *g = new_later_stage();
	bool told = false, told_of_groups = false;

	(void)state;
	start_target(g, net_calls, PS_COUNT(net_calls), leave_network, later_scene, NULL);
	assert_int_equal(run_target(g), 0);
	for (unsigned i = 0; i < g->n_events; i++)
		told |= strstr(g->events[i].hint, "datagrams do not leave its network namespace") != NULL;
	for (unsigned i = 0; i < g->n_events; i++)
		told_of_groups |= strstr(g->events[i].hint, "nothing is sent to many from a network namespace of its own") != NULL;
	assert_true(told && told_of_groups);
	free_stage(g);
	ps_fd_close(&server);
}

static struct sockaddr_in synthetic;
static int name_scene(void *arg)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in unknown = synthetic;

	(void)arg;
	unknown.sin_addr.s_addr ^= htonl(0x400);
	SCENE(connect(fd, (struct sockaddr *)&unknown, sizeof(unknown)) == -1 && errno == EHOSTUNREACH);
	SCENE(connect(fd, (struct sockaddr *)&synthetic, sizeof(synthetic)) == 0);
	return 0;
}

static void a_synthetic_address_is_the_name_it_was_given_for(void **state)
{
	struct stage *g = new_swap_stage();
	struct ps_err e = { 0 };
	struct net_names *names = net_names_new(&e);
	const struct net_addr real = net_addr_ipv4(INADDR_LOOPBACK);
	struct net_addr given;

	(void)state;
	assert_non_null(names);
	assert_int_equal(net_names_add(names, "localhost", &real, false, &given, &e), 0);
	synthetic = loopback(port.open);
	memcpy(&synthetic.sin_addr, given.b + 12, 4);
	g->permissions.of[POLICY_NET].allow.n = 0;
	allow_port(g, "localhost", port.open);
	g->facts.names = names;
	play(g, name_scene, NULL);
	net_names_free(names);
}

/* Its epoll is locked by a thread that copies an event to memory which does not answer. */
static void *lock_epoll(void *arg)
{
	const int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	range.range.start = (uintptr_t)page;
	range.range.len = 4096;
	if (ioctl(uffd, UFFDIO_API, &api) == 0 && ioctl(uffd, UFFDIO_REGISTER, &range) == 0)
		(void)epoll_wait(*(int *)arg, (struct epoll_event *)page, 1, -1);
	return NULL;
}

static int locked_scene(void *arg)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLOUT };
	const struct timespec moment = { .tv_nsec = 50000000 };
	pthread_t t;

	(void)arg;
	SCENE(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0 && pthread_create(&t, NULL, lock_epoll, &ep) == 0);
	(void)nanosleep(&moment, NULL);
	(void)reach(fd, port.open);
	return 0;
}

static int quick_scene(void *arg)
{
	(void)arg;
	SCENE(epoll_scene_at(-1) == 0);
	return 0;
}

static void who_locks_its_epoll_is_ended(void **state)
{
	struct stage *g = new_swap_stage();

	(void)state;
	start_target(g, net_calls, PS_COUNT(net_calls), leave_network, locked_scene, NULL);
	assert_int_equal(run_target(g), 128 + SIGKILL);
	/* The next one is served. */
	start_target(g, net_calls, PS_COUNT(net_calls), leave_network, quick_scene, NULL);
	assert_int_equal(run_target(g), 0);
	free_stage(g);
	ps_fd_close(&server);
}

static void a_confined_supervisor_can_do_it(void **state)
{
	(void)state;
	assert_int_equal(play_confined(new_swap_stage, net_calls, PS_COUNT(net_calls), leave_network, blocking_scene), 0);
	assert_int_equal(play_confined(new_swap_stage, net_calls, PS_COUNT(net_calls), leave_network, epoll_scene), 0);
	assert_int_equal(play_confined(new_later_stage, net_calls, PS_COUNT(net_calls), leave_network, later_scene), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_the_hosts),
		cmocka_unit_test(epolls_know_it_as_before),
		cmocka_unit_test(a_host_socket_does_nothing_else),
		cmocka_unit_test(a_synthetic_address_is_the_name_it_was_given_for),
		cmocka_unit_test(who_locks_its_epoll_is_ended),
		cmocka_unit_test(a_confined_supervisor_can_do_it),
	};

	int failed = cmocka_run_group_tests_name("answered by the reader", tests, NULL, NULL);

	quick = false;
	return failed + cmocka_run_group_tests_name("answered by the broker", tests, NULL, NULL);
}
