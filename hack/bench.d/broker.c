/* SPDX-License-Identifier: Apache-2.0
 * broker.c - what a connect(2) to the loopback costs: plain, on a duplicate, with a host socket swapped in; and what a call costs
 * that is refused at once.  All on one CPU.
 *
 *	make CONFIG=release STATIC=0 && gcc -O2 -D_GNU_SOURCE -I. -o /tmp/broker hack/bench.d/broker.c \
 *		-Wl,--start-group build/obj/release/lib*.a -Wl,--end-group -lseccomp -lyajl && /tmp/broker [ROUNDS]
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/broker.h"

static unsigned rounds = 3000; /* fewer than a server's queue holds: nobody accepts, who would run meanwhile */
static struct sockaddr_in to = { .sin_family = AF_INET };
static struct loop loop;
static struct loop_source child;

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Microseconds of one connect: the median. */
static double measure(void)
{
	uint64_t *took = calloc(rounds, sizeof(*took));
	const struct linger at_once = { .l_onoff = 1 };

	for (unsigned i = 0; i < rounds; i++) {
		const int fd = socket(AF_INET, SOCK_STREAM, 0);
		const uint64_t begin = ps_clock_ns(CLOCK_MONOTONIC);
		const int rc = connect(fd, (const struct sockaddr *)&to, sizeof(to));

		took[i] = ps_clock_ns(CLOCK_MONOTONIC) - begin;
		if (rc < 0) {
			perror("connect");
			_exit(EXIT_FAILURE);
		}
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		(void)close(fd);
	}
	qsort(took, rounds, sizeof(*took), compare);
	return (double)took[rounds / 2] / 1000;
}

static double measure_refusal(void)
{
	const uint64_t begin = ps_clock_ns(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < rounds; i++)
		(void)syscall(SYS_getcpu, NULL, NULL, NULL);
	return (double)(ps_clock_ns(CLOCK_MONOTONIC) - begin) / rounds / 1000;
}

static int load_guard(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getcpu, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = PS_COUNT(f), .filter = f };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return ps_sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
}

static void on_child(void *ctx, uint32_t events)
{
	(void)ctx;
	(void)events;
	(void)ps_pidfd_reap(child.fd, &(int){ 0 }, NULL);
	loop_stop(&loop);
}

static int serve(void)
{
	const int server = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(to);

	to.sin_port = 0;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(server, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(server, 4096) < 0 || getsockname(server, (struct sockaddr *)&to, &len) < 0)
		exit(EXIT_FAILURE);
	return server;
}

static void run(const char *name, enum broker_net net, bool tells)
{
	static struct permissions p;
	const struct broker_facts facts = { .permissions = &p, .net = net, .tells_epoll = tells };
	struct broker *b;
	struct broker_subject *s;
	struct ps_err e = { 0 };
	int up[2], down[2], listener, server = serve();
	char c;

	p.of[POLICY_NET].by_config = true;
	if (loop_init(&loop, &e) < 0 || broker_new(&loop, &b, &e) < 0 || pipe(up) < 0 || pipe(down) < 0)
		exit(EXIT_FAILURE);
	const pid_t pid = fork();

	if (pid == 0) {
		if (net == BROKER_NET_EMPTY && unshare(CLONE_NEWNET) < 0)
			_exit(EXIT_FAILURE);
		listener = load_guard();
		(void)!write(up[1], &listener, sizeof(listener));
		(void)!read(down[0], &c, 1);
		(void)close(listener);
		printf("%-10s %6.2f us   (refused at once: %.2f us)\n", name, measure(), measure_refusal());
		fflush(stdout);
		_exit(EXIT_SUCCESS);
	}
	(void)!read(up[0], &listener, sizeof(listener));
	child = (struct loop_source){ .fd = ps_pidfd_open(pid), .on = on_child };
	listener = ps_sys_pidfd_getfd(child.fd, listener);
	if (loop_add(&loop, &child, EPOLLIN, &e) < 0 || broker_add(b, &facts, -1, &s, &e) < 0 || broker_add_listener(s, listener, &e) < 0)
		exit(EXIT_FAILURE);
	(void)!write(down[1], "g", 1);
	(void)loop_run(&loop, &e);
	broker_free(b);
	loop_done(&loop);
	(void)close(server);
	loop.stopped = false;
}

int main(int argc, char **argv)
{
	cpu_set_t one;

	if (argc > 1)
		rounds = (unsigned)strtoul(argv[1], NULL, 10);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return EXIT_FAILURE;
	int server = serve();

	printf("%-10s %6.2f us\n", "plain", measure());
	fflush(stdout);
	(void)close(server);
	run("duplicate", BROKER_NET_ROUTED, true);
	run("swap", BROKER_NET_EMPTY, true);
	run("swap+scan", BROKER_NET_EMPTY, false);
	return EXIT_SUCCESS;
}
