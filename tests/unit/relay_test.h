/* SPDX-License-Identifier: Apache-2.0
 * relay_test.h - a relay in this process's loop, and a payload in an empty network namespace that nobody guards.
 */
#pragma once
#include "tests/unit/sandbox_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/proc.h"
#include "ipc/sock.h"
#include "shim/launch/launch.h"
#include "shim/pod/flows.h"
#include "shim/pod/relay.h"
#include "shim/sandbox/process.h"

/* On loopback of a network namespace of this test's: addresses that a payload may mean. */
#define HOST4 "10.77.0.1"
#define HOST6 "2001:db8:77::1"

static struct test_plan t;
static struct ps_err e;
static unsigned port;        /* where everything is sent back */
static unsigned other;       /* the same, and nothing allows it */

struct echo { struct loop_source source; unsigned n; };
static struct relay_budget budget;
static struct play {
	struct loop loop;
	struct ps_arena arena;
	struct permissions permissions;
	struct perm_entry allow[8];
	struct net_names *names;
	struct relay *relay;
	struct loop_source handover, child;
	struct echo echoes[8];
	size_t n_echoes;
	int status, pidfd;
	unsigned n_denied, n_ended;
	char target[128], hint[128], ended[128];
} *play;

/* ---- The host ---- */

static void on_echo(void *ctx, uint32_t events)
{
	struct echo *x = ctx;
	static char bytes[65536];
	struct sockaddr_in6 from;
	socklen_t len = sizeof(from);
	const ssize_t n = recvfrom(x->source.fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	(void)events;
	if (n < 0)
		return;
	x->n++;
	(void)sendto(x->source.fd, bytes, (size_t)n, MSG_DONTWAIT, (struct sockaddr *)&from, len);
}

static socklen_t address(const char *text, unsigned at, struct sockaddr_in6 *ret)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)at);
		return sizeof(*four);
	}
	(void)inet_pton(AF_INET6, text, &ret->sin6_addr);
	ret->sin6_family = AF_INET6;
	ret->sin6_port = htons((uint16_t)at);
	return sizeof(*ret);
}

static struct echo *serve(const char *text, unsigned at)
{
	struct echo *x = &play->echoes[play->n_echoes++];
	struct sockaddr_in6 a;
	const socklen_t len = address(text, at, &a);

	*x = (struct echo){ .source = { .fd = socket(a.sin6_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), .on = on_echo, .ctx = x } };
	CHECK(bind(x->source.fd, (struct sockaddr *)&a, len) == 0);
	CHECK_OK(loop_add(&play->loop, &x->source, EPOLLIN, &e), &e);
	return x;
}

static void allow(const char *value)
{
	struct perm_list *l = &play->permissions.of[POLICY_NET].allow;
	struct perm_entry *en = &play->allow[l->n++];

	*en = (struct perm_entry){ .permission = POLICY_NET, .action = POLICY_ALLOW, .value = value, .from = "--allow" };
	CHECK_OK(net_pattern_parse(&play->arena, value, false, &en->net, &e), &e);
	l->v = play->allow;
}

static void on_event(void *ctx, const struct broker_event *ev)
{
	(void)ctx;
	CHECK(strcmp(ev->mech, "relay") == 0 && ev->permission == POLICY_NET && ev->sound);
	if (ev->result == POLICY_ALLOW) {
		play->n_ended++;
		(void)snprintf(play->ended, sizeof(play->ended), "%s: %s", ev->target, ev->hint);
		return;
	}
	play->n_denied++;
	(void)snprintf(play->target, sizeof(play->target), "%s", ev->target);
	(void)snprintf(play->hint, sizeof(play->hint), "%s", ev->hint ? ev->hint : "");
}

static void on_handover(void *ctx, uint32_t events)
{
	struct launch_listener l;

	(void)ctx;
	(void)events;
	if (launch_take_listener(play->handover.fd, 0, &l, &e) < 0) {
		loop_remove(&play->loop, &play->handover);
		return;
	}
	CHECK(l.kind == LAUNCH_UPLINK || l.kind == LAUNCH_STAND);
	CHECK_OK(l.kind == LAUNCH_UPLINK ? relay_take_uplink(play->relay, l.fd, &e) : relay_take_stand(play->relay, l.fd, &e), &e);
}

static void on_child(void *ctx, uint32_t events)
{
	(void)ctx;
	(void)events;
	loop_stop(&play->loop);
}

static void own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo:7" }, mask = { .ifr_name = "lo:7" };
	struct sockaddr_in6 a;
	struct { struct in6_addr addr; uint32_t prefix; int dev; } six = { .prefix = 128 };

	CHECK(unshare(CLONE_NEWNET) == 0);
	CHECK_OK(net_lo_up(&e), &e);
	const int four = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)address(HOST4, 0, &a);
	memcpy(&lo.ifr_addr, &a, sizeof(struct sockaddr_in));
	(void)address("255.255.255.255", 0, &a);
	memcpy(&mask.ifr_netmask, &a, sizeof(struct sockaddr_in));
	CHECK(ioctl(four, SIOCSIFADDR, &lo) == 0 && ioctl(four, SIOCSIFNETMASK, &mask) == 0);
	(void)inet_pton(AF_INET6, HOST6, &six.addr);
	six.dev = (int)if_nametoindex("lo");
	CHECK(ioctl(fd, SIOCSIFADDR, &six) == 0);
	/* An address is none until the kernel has got round to it. */
	const socklen_t len = address(HOST6, 0, &a);

	while (bind(fd, (struct sockaddr *)&a, len) < 0 && errno == EADDRNOTAVAIL)
		(void)poll(NULL, 0, 10);
	(void)close(four);
	(void)close(fd);
}

/* The relay in this process, in a network of its own; the scene in a child, in an empty one. */
static void stage(void)
{
	play = calloc(1, sizeof(*play));
	CHECK(play);
	memset(&t, 0, sizeof(t));
	t.plan.uplink = 1;
	own_network();
	port = 4000;
	other = 4001;
	CHECK_OK(loop_init(&play->loop, &e), &e);
	play->permissions.active = play->permissions.deny_by_default = true;
	play->names = net_names_new(&e);
	budget = (struct relay_budget){ .max = FLOWS_MAX + 1 };
	const struct relay_config c = { .loop = &play->loop, .budget = &budget, .permissions = &play->permissions, .names = play->names, .on_event = on_event };

	CHECK_OK(relay_new(&c, &play->relay, &e), &e);
}

static void perform(void (*scene)(void))
{
	int pair[2], go[2];
	char byte;

	CHECK_OK(sock_pair(pair, &e), &e);
	CHECK(pipe2(go, O_CLOEXEC) == 0);
	const pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		struct sandbox sb = SANDBOX_INIT(&t.plan, NULL);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		sb.broker_fd = pair[1];
		CHECK(unshare(CLONE_NEWNET) == 0);
		CHECK_OK(net_lo_up(&e), &e);
		CHECK_OK(uplink_open(&sb, &e), &e);
		ps_fd_close(&pair[1]);
		ps_fd_close(&pair[0]);
		CHECK(read(go[0], &byte, 1) == 1);
		scene();
		_exit(0);
	}
	ps_fd_close(&pair[1]);
	play->handover = (struct loop_source){ .fd = pair[0], .on = on_handover };
	play->child = (struct loop_source){ .fd = ps_sys_pidfd_open(pid, 0), .on = on_child };
	CHECK_OK(loop_add(&play->loop, &play->handover, EPOLLIN, &e), &e);
	CHECK_OK(loop_add(&play->loop, &play->child, EPOLLIN, &e), &e);
	CHECK(write(go[1], "", 1) == 1);
	CHECK_OK(loop_run(&play->loop, &e), &e);
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void leave(void)
{
	relay_free(play->relay);
	CHECK(budget.used == 0);
	net_names_free(play->names);
	for (size_t i = 0; i < play->n_echoes; i++)
		loop_remove(&play->loop, &play->echoes[i].source);
	loop_done(&play->loop);
	ps_arena_done(&play->arena);
}

/* ---- The payload ---- */

static int udp(int family)
{
	const struct timeval limit = { .tv_sec = 20 };
	const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	return fd;
}

static int connected(const char *text, unsigned at)
{
	struct sockaddr_in6 a;
	const socklen_t len = address(text, at, &a);
	const int fd = udp(a.sin6_family);

	CHECK(connect(fd, (struct sockaddr *)&a, len) == 0);
	return fd;
}

/* n bytes there and back: from whom they were sent to. */
static void there_and_back(const char *text, unsigned at, size_t n)
{
	static char out[65536], in[65536];
	struct sockaddr_in6 a, from;
	const socklen_t len = address(text, at, &a);
	socklen_t from_len = sizeof(from);
	const int fd = udp(a.sin6_family);

	memset(&from, 0, sizeof(from));
	memset(out, (int)n, n);
	CHECK(sendto(fd, out, n, 0, (struct sockaddr *)&a, len) == (ssize_t)n);
	CHECK(recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len) == (ssize_t)n);
	CHECK(memcmp(in, out, n) == 0 && from_len == len && memcmp(&from, &a, len) == 0);
	(void)close(fd);
}

/* What a connected socket hears of a datagram that does not arrive. */
static int error_of(const char *text, unsigned at)
{
	char byte;
	const int fd = connected(text, at);

	CHECK(send(fd, "x", 1, 0) == 1);
	CHECK(recv(fd, &byte, 1, 0) == -1);
	const int err = errno;

	(void)close(fd);
	return err;
}
