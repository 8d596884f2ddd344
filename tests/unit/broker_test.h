/* SPDX-License-Identifier: Apache-2.0
 * broker_test.h - a broker in this process's loop, and a target: a child that loads a filter itself and then plays a scene.
 */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/abi.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/proc.h"
#include "shim/pod/broker.h"
#include "shim/sandbox/confine.h"
#include "tests/unit/unit.h"

enum { EVENTS_MAX = 64 };

struct stage {
	struct loop loop;
	struct broker *broker;
	struct broker_subject *subject;
	struct ps_arena arena;
	struct permissions permissions;
	struct perm_entry entries[POLICY_N_PERMISSIONS][8];
	struct broker_facts facts;
	struct loop_source child;
	struct loop_timer limit, beat;
	struct { char action[16], target[256], hint[128]; enum policy_action result; int err; bool sound; pid_t tid; } events[EVENTS_MAX];
	unsigned n_events, n_ends;
	bool lost, confined;         /* confined: as supervisors are, which is for good (play_confined) */
	pid_t pid;
	int go, status;              /* go: opens the curtain */
};

/* In the target: 0, or the line of what went wrong. */
#define SCENE(cond)                              \
	do {                                     \
		if (!(cond))                     \
			return __LINE__;         \
	} while (0)

/* Whether the reader may answer by itself; one run of the tests each way. */
static bool quick = true;

/* With what is allowed by now. */
__attribute__((unused)) static void open_broker(struct stage *g)
{
	struct ps_err e = { 0 };

	if (broker_new(&g->loop, quick ? &g->facts : NULL, &g->broker, &e) < 0)
		fail_msg("%s", e.msg);
}

__attribute__((unused)) static struct stage *new_stage(enum broker_net net)
{
	struct stage *g = calloc(1, sizeof(*g));
	struct ps_err e = { 0 };

	assert_non_null(g);
	assert_int_equal(loop_init(&g->loop, &e), 0);
	g->permissions.active = g->permissions.deny_by_default = true;
	g->facts = (struct broker_facts){ .permissions = &g->permissions, .net = net, .files = true, .ctx = g };
	g->child.fd = -1;
	for (unsigned p = 0; p < POLICY_N_PERMISSIONS; p++)
		g->permissions.of[p].allow.v = g->entries[p];
	return g;
}

__attribute__((unused)) static void allow(struct stage *g, enum policy_permission p, const char *value)
{
	struct perm_list *l = &g->permissions.of[p].allow;
	struct perm_entry *en = &g->entries[p][l->n++];
	struct ps_err e = { 0 };

	*en = (struct perm_entry){ .permission = p, .action = POLICY_ALLOW, .value = value, .from = "--allow" };
	if (p == POLICY_NET && net_pattern_parse(&g->arena, value, /* deny= */ false, &en->net, &e) < 0)
		fail_msg("%s", e.msg);
}

__attribute__((unused)) static void allow_port(struct stage *g, const char *host, unsigned port)
{
	char *text = ps_arena_printf(&g->arena, "%s:%u", host, port);

	assert_non_null(text);
	allow(g, POLICY_NET, text);
}

static void on_stage_event(void *ctx, const struct broker_event *ev)
{
	struct stage *g = ctx;

	if (g->n_events == EVENTS_MAX)
		return;
	(void)snprintf(g->events[g->n_events].action, 16, "%s", ev->action);
	(void)snprintf(g->events[g->n_events].target, 256, "%s", ev->target);
	(void)snprintf(g->events[g->n_events].hint, 128, "%s", ev->hint ? ev->hint : "");
	g->events[g->n_events].result = ev->result;
	g->events[g->n_events].err = ev->err;
	g->events[g->n_events].sound = ev->sound;
	g->events[g->n_events++].tid = ev->tid;
}

static void on_stage_end(void *ctx, bool lost)
{
	struct stage *g = ctx;

	g->n_ends++;
	g->lost = lost;
}

static void on_stage_child(void *ctx, uint32_t events)
{
	struct stage *g = ctx;

	(void)events;
	assert_int_equal(ps_pidfd_reap(g->child.fd, &g->status, NULL), 0);
	loop_remove(&g->loop, &g->child);
	ps_fd_close(&g->child.fd);
	loop_stop(&g->loop);
}

static void on_stage_limit(void *ctx)
{
	struct stage *g = ctx;

	(void)kill(g->pid, SIGKILL);
}

static int load_guard(const int *calls, size_t n)
{
	struct sock_filter f[64];
	unsigned short k = 0;

	f[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n; i++) {
		f[k++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		f[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	f[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { .len = k, .filter = f };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return ps_sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
}

/*
 * The target plays scene(arg) behind a guard for these calls; prepare (may be NULL) runs in it before.  The listener is taken
 * from it by pidfd_getfd, so that it needs no call that may be trapped.
 */
__attribute__((unused)) static void start_target(struct stage *g, const int *calls, size_t n_calls, int (*prepare)(void *), int (*scene)(void *), void *arg)
{
	int up[2], down[2], listener = -1;
	struct ps_err e = { 0 };

	if (!g->broker)
		open_broker(g);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		char c;

		if (prepare && prepare(arg) != 0)
			_exit(250);
		listener = load_guard(calls, n_calls);
		if (write(up[1], &listener, sizeof(listener)) != sizeof(listener) || read(down[0], &c, 1) != 1)
			_exit(251);
		(void)close(listener);
		const int line = scene(arg);

		if (line)
			(void)fprintf(stderr, "scene: line %d, errno %d\n", line, errno);
		_exit(line != 0);
	}
	assert_int_equal(read(up[0], &listener, sizeof(listener)), sizeof(listener));
	assert_true(listener >= 0);
	g->child = (struct loop_source){ .fd = ps_pidfd_open(g->pid), .on = on_stage_child, .ctx = g };
	assert_true(g->child.fd >= 0);
	assert_int_equal(loop_add(&g->loop, &g->child, EPOLLIN, &e), 0);
	if (g->confined && confine_supervisor(&e) < 0)
		fail_msg("%s", e.msg);
	g->facts.on_event = on_stage_event;
	g->facts.on_end = on_stage_end;
	if (broker_add(g->broker, &g->facts, -1, &g->subject, &e) < 0 ||
	    broker_add_listener(g->subject, ps_sys_pidfd_getfd(g->child.fd, listener), &e) < 0)
		fail_msg("%s", e.msg);
	ps_fd_close(&up[0]);
	ps_fd_close(&up[1]);
	ps_fd_close(&down[0]);
	g->go = down[1];
	assert_int_equal(write(g->go, "g", 1), 1);
}

/* To its end; what the scene returned. */
__attribute__((unused)) static int run_target(struct stage *g)
{
	struct ps_err e = { 0 };

	g->limit = (struct loop_timer){ .on = on_stage_limit, .ctx = g };
	loop_timer_set(&g->loop, &g->limit, 60000);
	if (loop_run(&g->loop, &e) < 0)
		fail_msg("%s", e.msg);
	loop_timer_clear(&g->loop, &g->limit);
	g->loop.stopped = false;
	ps_fd_close(&g->go);
	return g->status;
}

/* In a process of its own, which is confined as a supervisor is: what the scene returned. */
__attribute__((unused)) static int play_confined(struct stage *(*make)(void), const int *calls, size_t n, int (*prepare)(void *), int (*scene)(void *))
{
	int status = -1;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct stage *g = make();

		g->confined = true;
		start_target(g, calls, n, prepare, scene, NULL);
		_exit(run_target(g));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

__attribute__((unused)) static void free_stage(struct stage *g)
{
	broker_free(g->broker);
	loop_done(&g->loop);
	ps_arena_done(&g->arena);
	free(g);
}

/* A TCP listener on the loopback; its port goes to *port. */
__attribute__((unused)) static int serve_tcp(int family, unsigned *port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *sa = family == AF_INET6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t len = family == AF_INET6 ? sizeof(in6) : sizeof(in);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, sa, len), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, sa, &len), 0);
	*port = ntohs(family == AF_INET6 ? in6.sin6_port : in.sin_port);
	return fd;
}

__attribute__((unused)) static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* connect(2) to the loopback: 0, or errno. */
__attribute__((unused)) static int reach(int fd, unsigned port)
{
	const struct sockaddr_in in = loopback(port);

	return connect(fd, (const struct sockaddr *)&in, sizeof(in)) < 0 ? errno : 0;
}
