/* SPDX-License-Identifier: Apache-2.0
 * broker_unix.c - AF_UNIX: the path is resolved in the target's root, what it leads to is decided, and the hand acts with the
 * target's ids, which peers see (SO_PEERCRED); only the pid is not the target's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/scope.h"
#include "shim/pod/broker_inside.h"

static void on_done(struct job *j, int err, const struct task *t)
{
	(void)t;
	job_answer(j, 0, err);
}

/* The target's path, absolute.  0, or errno. */
static int absolute_path(const struct request *r, const char *path, struct task *t)
{
	char link[64], cwd[PATH_MAX];
	ssize_t n = 0;

	if (path[0] != '/') {
		(void)snprintf(link, sizeof(link), "/proc/%d/cwd", (int)r->tid);
		n = readlink(link, cwd, sizeof(cwd) - 1);
		if (n <= 0 || cwd[0] != '/')
			return ENOENT;
	}
	cwd[n] = '\0';
	const int len = snprintf(t->text, sizeof(t->text) - 1, "%s%s%s", cwd, n ? "/" : "", path);

	if (len < 0 || (size_t)len >= sizeof(t->text) - 1)
		return ENAMETOOLONG;
	t->len = (uint32_t)len;
	return 0;
}

static void abstract_name(const struct socket_address *a, struct task *t)
{
	t->len = a->len - (socklen_t)offsetof(struct sockaddr_un, sun_path);
	memcpy(t->text, ((const struct sockaddr_un *)&a->sa)->sun_path, t->len);
}

/* ---- connect ---- */

static void connect_now(struct job *j);

static void on_connect(struct job *j, int err, const struct task *t)
{
	(void)t;
	/* Its listener's queue is full, and the target would wait. */
	if (err == EAGAIN && j->blocks_again)
		job_retry(j);
	else
		job_answer(j, 0, err);
}

static void connect_now(struct job *j)
{
	struct task t = { .kind = TASK_CONNECT };
	const int fds[] = { j->source.fd, j->path_fd };

	if (j->path_fd < 0)
		abstract_name(j->bytes, &t);
	j->on_ready = connect_now;
	j->on_reply = on_connect;
	job_task(j, &t, fds, j->path_fd < 0 ? 1 : 2);
}

/* What the path led to is open: that is asked about, and that is connected to. */
static void decide(struct job *j)
{
	struct socket_address a = { .target = { .unix_path = j->bytes } };
	int err;

	if (net_allowed(&j->r, 0, &a, "connect", &err))
		connect_now(j);
	else if (err == REQUEST_ASKED)
		job_park(j, decide);
	else
		job_answer(j, 0, err);
}

static void on_resolved(struct job *j, int err, const struct task *t)
{
	j->bytes = err || !t ? NULL : strdup(t->text);
	if (j->bytes)
		decide(j);
	else
		job_answer(j, 0, err ? err : ENOMEM);
}

void unix_connect(struct request *r, int fd, const struct socket_address *a)
{
	struct task t = { .kind = TASK_RESOLVE };
	int err = 0;

	if (!a->unix_name[0])
		err = EINVAL;
	else if (!a->target.unix_path)
		err = absolute_path(r, a->unix_name, &t);
	else if (r->s->f.net == BROKER_NET_ROUTED) /* those of an empty namespace are its own */
		(void)net_allowed(r, 0, a, "connect", &err);
	struct job *j = err ? NULL : job_new(r);

	if (!j) {
		if (err)
			request_answer(r, 0, err);
		(void)close(fd);
		return;
	}
	j->source.fd = fd;
	j->on_ready = connect_now;
	const int flags = fcntl(fd, F_GETFL);

	if (socket_blocks(fd))
		j->blocks_again = fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
	if (!a->target.unix_path) {
		j->on_reply = on_resolved;
		job_task(j, &t, NULL, 0);
		return;
	}
	j->bytes = malloc(sizeof(*a));
	if (!j->bytes) {
		job_answer(j, 0, ENOMEM);
		return;
	}
	memcpy(j->bytes, a, sizeof(*a));
	connect_now(j);
}

/* ---- bind, listen: nothing is reached by them, so that nothing is decided ---- */

static void act(struct request *r, int fd, struct task *t)
{
	struct job *j = job_new(r);

	if (!j) {
		(void)close(fd);
		return;
	}
	j->source.fd = fd;
	j->on_reply = on_done;
	job_task(j, t, &fd, 1);
}

void unix_bind(struct request *r, int fd, const struct socket_address *a)
{
	struct task t = { .kind = TASK_BIND };
	const int err = a->unix_name[0] && !a->target.unix_path ? absolute_path(r, a->unix_name, &t) : 0;

	if (err) {
		request_answer(r, 0, err);
		(void)close(fd);
		return;
	}
	if (a->target.unix_path)
		abstract_name(a, &t);
	act(r, fd, &t);
}

void unix_listen(struct request *r, int fd, int backlog)
{
	struct task t = { .kind = TASK_LISTEN, .number = backlog };

	act(r, fd, &t);
}
