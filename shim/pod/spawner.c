/* SPDX-License-Identifier: Apache-2.0
 * spawner.c - the supervisor's twin: makes, reaps and frees runners.
 *
 * It does one thing at a time: a runner takes milliseconds to make, and while it does nobody waits but for runners.
 */
#include "shim/pod/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/container.h"
#include "shim/pod/loop.h"
#include "shim/pod/overrides.h"
#include "shim/pod/prepare.h"
#include "shim/sandbox/cgroup.h"

/* A runner's init: our child until it is reaped. */
struct child {
	struct child *next;
	struct spawner *s;
	uint32_t n;
	struct loop_source pidfd;
};

struct spawner {
	const struct pods *pod;
	struct loop loop;
	struct loop_source sock, twin;
	struct child *children;
	struct bundle bundle;    /* of every runner, resolved before there was one */
	bool loaded;
	struct ps_err why;       /* it was not */
};

static void tell(struct spawner *s, const struct spawn_msg *m, const int *fds, size_t n_fds)
{
	/* A supervisor that is gone is noticed by its pidfd. */
	(void)sock_send(s->sock.fd, m, sizeof(*m), fds, n_fds, NULL);
}

/* The record of runner n, if it is ours still: others may have deleted it, and given its name to what is theirs. */
static int open_ours(const struct spawner *s, uint32_t n, bool lock, struct container **ret, struct ps_err *e)
{
	auto_container struct container *c = NULL;
	char id[POD_NAME_MAX + 16];

	pods_runner_id(s->pod->name, n, id);
	if (container_open(s->pod->env, id, lock, &c, e) < 0)
		return -1;
	if (strcmp(c->st.pod, s->pod->name) != 0)
		return ps_fail(e, PS_E_NOTFOUND, "container '%s' is no runner of pod '%s'", id, s->pod->name);
	*ret = ps_take_ptr(&c);
	return 0;
}

static struct child *find_child(const struct spawner *s, uint32_t n)
{
	struct child *k = s->children;

	while (k && k->n != n)
		k = k->next;
	return k;
}

/* ---- Reap ---- */

static bool was_oom(const struct spawner *s, uint32_t n)
{
	auto_container struct container *c = NULL;

	if (open_ours(s, n, /* lock= */ false, &c, NULL) < 0)
		return false;
	struct cgroup_dirs cg = container_cgroups(&c->st);

	return cg.n && cgroup_oom_kills(cg.v, cg.n) > 0;
}

static void on_child_exit(void *ctx, uint32_t events)
{
	struct child *k = ctx, **at = &k->s->children;
	struct spawner *s = k->s;
	struct spawn_msg m = { .kind = SPAWN_ENDED, .n = k->n };
	int status = 0;

	(void)events;
	if (ps_pidfd_reap(k->pidfd.fd, &status, NULL) < 0)
		return;
	m.status = status;
	m.oom = status == 128 + SIGKILL && was_oom(s, k->n);
	loop_remove(&s->loop, &k->pidfd);
	ps_fd_close(&k->pidfd.fd);
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	free(k);
	tell(s, &m, NULL, 0);
}

static int watch_child(struct spawner *s, uint32_t n, int pidfd, struct ps_err *e)
{
	struct child *k = calloc(1, sizeof(*k));

	if (!k)
		return ps_fail_os(e, "memory for a runner");
	k->s = s;
	k->n = n;
	k->pidfd = (struct loop_source){ .fd = pidfd, .on = on_child_exit, .ctx = k };
	if (loop_add(&s->loop, &k->pidfd, EPOLLIN, e) < 0) {
		free(k);
		return -1;
	}
	k->next = s->children;
	s->children = k;
	return 0;
}

/* ---- Make ---- */

/* Both ends of everything that a runner is wired to.  Ours: what the supervisor gets; theirs: what init inherits. */
struct wires {
	int ours[SPAWN_FDS], theirs[3], channel, broker;
};
#define WIRES_NONE { .ours = { -1, -1, -1, -1, -1, -1, -1 }, .theirs = { -1, -1, -1 }, .channel = -1, .broker = -1 }

static void wires_close(struct wires *w)
{
	for (size_t i = 0; i < SPAWN_FDS; i++)
		ps_fd_close(&w->ours[i]);
	for (size_t i = 0; i < 3; i++)
		ps_fd_close(&w->theirs[i]);
	ps_fd_close(&w->channel);
	ps_fd_close(&w->broker);
}

static int wires_make(struct wires *w, bool tty, bool broker, struct ps_err *e)
{
	int pair[2];

	if (broker) {
		if (sock_pair(pair, e) < 0)
			return -1;
		w->ours[SPAWN_FD_BROKER] = pair[0];
		w->broker = pair[1];
	}

	if (sock_pair(pair, e) < 0)
		return -1;
	w->ours[SPAWN_FD_CHANNEL] = pair[0];
	w->channel = pair[1];
	if (fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return ps_fail_os(e, "make the channel's end not wait");
	for (int i = 0; i < 3 && !tty; i++) {
		if (pipe2(pair, O_CLOEXEC) < 0)
			return ps_fail_os(e, "make a pipe for standard stream %d", i);
		w->theirs[i] = pair[i ? 1 : 0];
		w->ours[SPAWN_FD_STDIN + i] = pair[i ? 0 : 1];
	}
	return 0;
}

static int keep_terminal(void *ctx, int master_fd, struct ps_err *e)
{
	struct wires *w = ctx;

	w->ours[SPAWN_FD_STDIN] = fcntl(master_fd, F_DUPFD_CLOEXEC, 3);
	return w->ours[SPAWN_FD_STDIN] < 0 ? ps_fail_os(e, "keep the terminal") : 0;
}

/* Free what the record knows; a runner that somebody deleted meanwhile is as good as freed. */
static int destroy(struct spawner *s, uint32_t n, struct ps_err *e)
{
	auto_container struct container *c = NULL;
	struct ps_err why = { 0 };

	if (open_ours(s, n, /* lock= */ true, &c, &why) == 0)
		return container_destroy(s->pod->env, &c->dir, &c->st, NULL, /* poststop_owed= */ true, e);
	if (why.cls == PS_E_NOTFOUND)
		return 0;
	*e = why;
	return -1;
}

static int prepare(struct spawner *s, uint32_t n, struct wires *w, pid_t *ret_pid, struct ps_err *e)
{
	const struct pods *pod = s->pod;
	char id[POD_NAME_MAX + 16], cgroup[sizeof(pod->cgroup) + 16];
	const struct overrides o = { .cgroups_path = cgroup, .channel_fd = PODS_CHANNEL_FD, .ns_fds = pod->ns_fds,
				     .tty = pod->r.tty, .hook_timeout_s = PODS_HOOK_S };
	const struct pod_create_request r = { .id = id, .bundle = pod->st->bundle, .channel_fd = PODS_CHANNEL_FD };

	if (!s->loaded) {
		*e = s->why;
		return -1;
	}
	pods_runner_id(pod->name, n, id);
	(void)snprintf(cgroup, sizeof(cgroup), "%s/%u", pod->cgroup, n);
	if (wires_make(w, pod->r.tty, pod->broker, e) < 0)
		return -1;
	const struct runner_wiring wiring = {
		.pod = pod->name, .observe_gid = pod->r.observed ? &pod->r.observe_gid : NULL, .overrides = &o, .bundle = &s->bundle,
		.stdio = { w->theirs[0], w->theirs[1], w->theirs[2] }, .channel = w->channel, .broker = w->broker,
		.console = keep_terminal, .ctx = w,
	};

	if (runner_prepare(pod->env, &r, &wiring, ret_pid, &w->ours[SPAWN_FD_PIDFD], &w->ours[SPAWN_FD_GATE], e) < 0)
		return -1;
	/* An init that is stopped must not stop the supervisor. */
	if (fcntl(w->ours[SPAWN_FD_GATE], F_SETFL, O_RDWR | O_NONBLOCK) == 0)
		return 0;
	(void)ps_fail_os(e, "make the gate's end not wait");
	(void)destroy(s, n, &(struct ps_err){ 0 });
	return -1;
}

static void make(struct spawner *s, uint32_t n)
{
	struct spawn_msg m = { .kind = SPAWN_MADE, .n = n };
	struct wires w ps_auto(wires_close) = WIRES_NONE;
	pid_t pid = 0;

	if (prepare(s, n, &w, &pid, &m.err) < 0) {
		m.kind = SPAWN_FAILED;
		tell(s, &m, NULL, 0);
		return;
	}
	int pidfd = fcntl(w.ours[SPAWN_FD_PIDFD], F_DUPFD_CLOEXEC, 3);

	if (pidfd < 0 || watch_child(s, n, pidfd, &m.err) < 0) {
		ps_fd_close(&pidfd);
		m.kind = SPAWN_FAILED;
		(void)destroy(s, n, &(struct ps_err){ 0 });
		tell(s, &m, NULL, 0);
		return;
	}
	m.pid = pid;
	int fds[SPAWN_FDS];
	size_t n_fds = 0;

	for (int i = 0; i < SPAWN_FDS; i++)
		if (spawn_has_fd((enum spawn_fd)i, s->pod->r.tty, s->pod->broker))
			fds[n_fds++] = w.ours[i];
	tell(s, &m, fds, n_fds);
}

/* ---- Other orders ---- */

static void kill_runner(struct spawner *s, uint32_t n)
{
	auto_container struct container *c = NULL;
	const struct child *k = find_child(s, n);

	if (k)
		(void)ps_pidfd_kill(k->pidfd.fd, SIGKILL);
	if (open_ours(s, n, /* lock= */ false, &c, NULL) < 0)
		return;
	struct cgroup_dirs cg = container_cgroups(&c->st);

	if (cg.n)
		(void)cgroup_kill_all(cg.v, cg.n, NULL);
}

static void poststart(struct spawner *s, uint32_t n)
{
	auto_container struct container *c = NULL;

	/* runtime-spec 1.3: a failed poststart hook ends the container. */
	if (open_ours(s, n, /* lock= */ false, &c, NULL) == 0 &&
	    container_poststart(s->pod->env, &c->dir, &c->st, NULL) < 0)
		kill_runner(s, n);
}

/* Its end is reported first: freeing kills it, and the supervisor wants its status. */
static void free_runner(struct spawner *s, uint32_t n)
{
	struct spawn_msg m = { .kind = SPAWN_FREED, .n = n };
	struct child *k = find_child(s, n);

	if (k)
		(void)ps_pidfd_kill(k->pidfd.fd, SIGKILL);
	(void)destroy(s, n, &m.err);
	if (k && ps_pidfd_wait_exit(k->pidfd.fd, /* timeout_ms= */ 1000) == 0)
		on_child_exit(k, 0);
	tell(s, &m, NULL, 0);
}

static void on_order(void *ctx, uint32_t events)
{
	struct spawner *s = ctx;
	struct spawn_msg m;
	ssize_t n = sock_recv(s->sock.fd, &m, sizeof(m), NULL, NULL, /* timeout_ms= */ 0, NULL);

	(void)events;
	if (n != (ssize_t)sizeof(m)) {
		loop_stop(&s->loop);
		return;
	}
	switch ((enum spawn_kind)m.kind) {
	case SPAWN_MAKE:
		make(s, m.n);
		break;
	case SPAWN_KILL:
		kill_runner(s, m.n);
		break;
	case SPAWN_STARTED:
		poststart(s, m.n);
		break;
	case SPAWN_FREE:
		free_runner(s, m.n);
		break;
	case SPAWN_QUIT:
		loop_stop(&s->loop);
		break;
	case SPAWN_MADE:
	case SPAWN_ENDED:
	case SPAWN_FREED:
	case SPAWN_FAILED:
		break;
	}
}

static void on_twin_death(void *ctx, uint32_t events)
{
	struct spawner *s = ctx;

	(void)events;
	loop_stop(&s->loop);
}

/* Whatever is opened while a runner is made must not get the number that is the payload's channel in the end. */
static int reserve_channel_fd(struct ps_err *e)
{
	if (fcntl(PODS_CHANNEL_FD, F_GETFD) >= 0)
		return 0;
	ps_auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fd = null < 0 ? -1 : null == PODS_CHANNEL_FD ? ps_take_fd(&null) : fcntl(null, F_DUPFD_CLOEXEC, PODS_CHANNEL_FD);

	return fd == PODS_CHANNEL_FD ? 0 : ps_fail_os(e, "reserve descriptor %d", PODS_CHANNEL_FD);
}

static void load(struct spawner *s)
{
	const struct pods *pod = s->pod;

	s->loaded = bundle_load_frozen(&s->bundle, &pod->dir, pod->st, &s->why) == 0 &&
		    bundle_permit_frozen(&s->bundle, pod->env->root, &pod->dir, pod->st, &s->why) == 0;
}

int spawner_run(const struct pods *pod, int sock, int supervisor_pidfd, struct ps_err *e)
{
	struct spawner s = { .pod = pod };

	s.sock = (struct loop_source){ .fd = sock, .on = on_order, .ctx = &s };
	s.twin = (struct loop_source){ .fd = supervisor_pidfd, .on = on_twin_death, .ctx = &s };
	if (reserve_channel_fd(e) < 0 || launch_keep_image(e) < 0 || loop_init(&s.loop, e) < 0 || loop_add(&s.loop, &s.sock, EPOLLIN, e) < 0 ||
	    loop_add(&s.loop, &s.twin, EPOLLIN, e) < 0)
		return -1;
	load(&s);
	int rc = loop_run(&s.loop, e);

	loop_done(&s.loop);
	bundle_done(&s.bundle);
	return rc;
}
