/* SPDX-License-Identifier: Apache-2.0
 * channel.c - a container of any caller's with a channel: its end of it, and the supervisor that holds the other.
 */
#include "shim/pod/channel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/launch/fork.h"
#include "shim/pod/supervisor.h"

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

void channel_close(struct channel *c)
{
	ps_fd_close(&c->host);
	ps_fd_close(&c->payload);
	ps_fd_close(&c->reserved);
}

/* The supervisor's whole life. */
static int supervise(const struct pods *container, pid_t pid, int pidfd, int host, int ready_fd)
{
	struct ps_err e = { 0 };

	(void)prctl(PR_SET_NAME, "podshim:channel");
	(void)umask(077);
	return supervisor_run_single(container, pid, pidfd, host, ready_fd, &e) < 0;
}

int channel_supervise(const struct pod_env *env, const struct state *st, const struct state_dir *dir, const struct launch *l,
		      int host, struct ps_err *e)
{
	int ready[2];
	struct pods *container = calloc(1, sizeof(*container));

	if (!container || pipe2(ready, O_CLOEXEC) < 0) {
		free(container);
		return ps_fail_os(e, "container '%s': start the supervisor of its channel", st->id);
	}
	container->env = env;
	container->st = (struct state *)(uintptr_t)st; /* a pod's own is written, this one only read */
	container->dir = *dir;
	(void)snprintf(container->name, sizeof(container->name), "%s", st->id);
	if (pods_own_cgroup(container, l->plan, e) < 0) {
		free(container);
		close(ready[0]);
		close(ready[1]);
		return -1;
	}
	const int keep[] = { ready[1], host, l->pidfd, dir->dir_fd };
	pid_t pid = launch_daemon(keep, PS_COUNT(keep), e);

	if (pid == 0)
		_exit(supervise(container, l->pid, l->pidfd, host, ready[1]));
	close(ready[1]);
	int rc = pid < 0 ? -1 : supervisor_hear(ready[0], "the supervisor of the channel ended at once", e);

	close(ready[0]);
	free(container);
	return rc;
}
