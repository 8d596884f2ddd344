/* SPDX-License-Identifier: Apache-2.0
 * channel.c - a container of any caller's with a channel: its end of it, and the supervisor that holds the other.
 */
#include "shim/pod/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/launch/fork.h"
#include "shim/pod/ask.h"
#include "shim/pod/guardian.h"
#include "shim/pod/supervisor.h"
#include "shim/sandbox/host_tree.h"

int channel_wanted(const struct policy *p, bool otherwise, struct ps_err *e)
{
	for (size_t i = 0; i < p->annotations.n; i++) {
		const struct spec_kv *kv = &p->annotations.v[i];

		if (strcmp(kv->key, CHANNEL_ANNOTATION) != 0)
			continue;
		if (strcmp(kv->value, "1") == 0)
			return 1;
		if (strcmp(kv->value, "0") == 0)
			return 0;
		(void)ps_fail(e, PS_E_CONFIG, "'%s' must be \"1\" or \"0\"", kv->value);
		return ps_at(e, "%s: /annotations/" CHANNEL_ANNOTATION, p->file);
	}
	return otherwise;
}

int channel_open(struct channel *c, uint32_t at, struct ps_err *e)
{
	int pair[2];

	if (sock_pair(pair, e) < 0)
		return -1;
	c->host = pair[0];
	c->payload = pair[1];
	if (fcntl(c->host, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return ps_fail_os(e, "make the channel's end not wait");
	/* One that is taken already is our caller's, whom the payload does not miss. */
	if (fcntl((int)at, F_GETFD) >= 0)
		return 0;
	c->reserved = fcntl(c->payload, F_DUPFD_CLOEXEC, (int)at);
	return c->reserved == (int)at ? 0 : ps_fail_os(e, "reserve descriptor %u for the channel", at);
}

int channel_open_broker(struct channel *c, const char *audit_file, struct ps_err *e)
{
	int pair[2];

	if (audit_file) {
		c->audit = open(audit_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
		if (c->audit < 0)
			return ps_fail_os(e, "open '%s' for audit events", audit_file);
	}
	if (sock_pair(pair, e) < 0)
		return -1;
	c->broker = pair[0];
	c->broker_payload = pair[1];
	return 0;
}

static int open_trees(struct channel *c, const struct permissions *g, struct ps_err *e)
{
	static const enum policy_permission of[] = { POLICY_READ, POLICY_WRITE };

	for (size_t i = 0; i < PS_COUNT(of); i++) {
		c->asked.trees[i] = g->of[of[i]].asks ? host_tree_open(of[i] == POLICY_WRITE, e) : -1;
		if (g->of[of[i]].asks && c->asked.trees[i] < 0)
			return -1;
	}
	return 0;
}

int channel_open_asked(struct channel *c, const struct permissions *g, struct ps_err *e)
{
	int pair[2];

	if (!permissions_ask(g))
		return 0;
	if (open_trees(c, g, e) < 0)
		return -1;
	if (g->settings.broker) {
		c->asked.who = ask_broker_connect(g->settings.broker, e);
		return c->asked.who < 0 ? -1 : 0;
	}
	if (sock_pair(pair, e) < 0)
		return -1;
	c->asked.who = pair[0];
	c->asks_us = pair[1];
	return 0;
}

static void close_asked(struct channel *c)
{
	ps_fd_close(&c->asked.who);
	ps_fd_close(&c->asked.trees[0]);
	ps_fd_close(&c->asked.trees[1]);
}

void channel_close(struct channel *c)
{
	close_asked(c);
	ps_fd_close(&c->asks_us);
	ps_fd_close(&c->host);
	ps_fd_close(&c->payload);
	ps_fd_close(&c->reserved);
	ps_fd_close(&c->broker);
	ps_fd_close(&c->broker_payload);
	ps_fd_close(&c->audit);
	ps_fd_close(&c->ready);
	ps_fd_close(&c->over);
}

/* The supervisor's whole life. */
static int supervise(const struct pods *container, const struct single *s, int ready_fd)
{
	struct guardian watcher;
	struct ps_err e = { 0 };

	(void)prctl(PR_SET_NAME, "podshim:channel");
	launch_forget_environment();
	(void)umask(077);
	/*
	 * A container whose guard nobody answers any more would go on with calls that fail: it ends with us.  Without a word to the
	 * maker when that cannot be: our silence is the error.
	 */
	if (s->broker >= 0 && guardian_start(&watcher, "podshim:watcher", s->pidfd, NULL, NULL, NULL, NULL, &e) < 0)
		return 1;
	return supervisor_run_single(container, s, ready_fd, &e) < 0;
}

static int start(struct channel *c, const struct pods *container, const struct single *s, struct ps_err *e)
{
	int ready[2], over[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		return ps_fail_os(e, "container '%s': start its supervisor", container->name);
	if (pipe2(over, O_CLOEXEC) < 0) {
		(void)ps_fail_os(e, "container '%s': start its supervisor", container->name);
		close(ready[0]);
		close(ready[1]);
		return -1;
	}
	int keep[10] = { ready[1], over[1], s->pidfd, container->dir.dir_fd };
	size_t n = 4;
	const int more[] = { s->channel, s->broker, s->audit, s->asked.who, s->asked.trees[0], s->asked.trees[1] };

	for (size_t i = 0; i < PS_COUNT(more); i++)
		if (more[i] >= 0)
			keep[n++] = more[i];
	pid_t pid = launch_daemon(keep, n, e);

	if (pid == 0)
		_exit(supervise(container, s, ready[1]));
	close(ready[1]);
	close(over[1]);
	c->ready = ready[0];
	c->over = over[0];
	return pid < 0 ? -1 : 0;
}

int channel_supervise(struct channel *c, const struct pod_env *env, const struct state *st, const struct state_dir *dir,
		      const struct launch *l, const struct bundle *b, struct ps_err *e)
{
	const struct single s = { .pid = l->pid, .pidfd = l->pidfd, .channel = c->host, .broker = c->broker, .audit = c->audit, .asked = c->asked,
				  .policy = b->policy, .permissions = b->effective };

	if (c->host < 0 && c->broker < 0)
		return 0;
	ps_auto_mem struct pods *container = calloc(1, sizeof(*container));

	if (!container)
		return ps_fail_os(e, "container '%s': start its supervisor", st->id);
	container->env = env;
	container->st = (struct state *)(uintptr_t)st; /* a pod's own is written, this one only read */
	container->dir = *dir;
	(void)snprintf(container->name, sizeof(container->name), "%s", st->id);
	if (pods_own_cgroup(container, l->plan, e) < 0 || start(c, container, &s, e) < 0)
		return -1;
	/* Who asks us is the supervisor alone: we hear when it has ended. */
	close_asked(c);
	return 0;
}

int channel_wait_ready(struct channel *c, const char *id, struct ps_err *e)
{
	if (c->ready < 0)
		return 0;
	if (supervisor_hear(c->ready, "the supervisor of the container ended at once", e) < 0)
		return ps_ctx(e, "container '%s'", id);
	ps_fd_close(&c->ready);
	return 0;
}

enum { OVER_MS = 3000 };

void channel_wait_over(const struct channel *c)
{
	struct pollfd p = { .fd = c->over, .events = POLLIN };

	if (c->over >= 0)
		(void)poll(&p, 1, OVER_MS);
}
