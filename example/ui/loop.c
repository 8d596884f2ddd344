/* SPDX-License-Identifier: Apache-2.0
 * loop.c - descriptors and child processes beside the web server.
 */
#include "example/ui/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"

int loop_open(struct loop *l, struct ps_err *e)
{
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return l->epoll_fd < 0 ? ps_fail_os(e, "make an epoll set") : 0;
}

void loop_close(struct loop *l)
{
	ps_fd_close(&l->epoll_fd);
}

int loop_add(struct loop *l, struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev);
}

void loop_change(struct loop *l, struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev);
}

void loop_drop(struct loop *l, struct source *s)
{
	if (s->fd < 0)
		return;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	ps_fd_close(&s->fd);
}

/* One at a time: what one source does may free another. */
void loop_turn(struct loop *l)
{
	enum { TURNS = 64 };
	struct epoll_event ev;

	for (int i = 0; i < TURNS && epoll_wait(l->epoll_fd, &ev, 1, 0) == 1; i++) {
		struct source *s = ev.data.ptr;

		s->on(s, ev.events);
	}
}

int child_pipe(int ret_fds[2], int ours, int size, struct ps_err *e)
{
	if (pipe2(ret_fds, O_CLOEXEC) < 0)
		return ps_fail_os(e, "make a pipe");
	/* Larger than the default is a favour of the system's. */
	if (size)
		(void)fcntl(ret_fds[0], F_SETPIPE_SZ, size);
	if (fcntl(ret_fds[ours], F_SETFL, O_NONBLOCK) < 0) {
		ps_fd_close(&ret_fds[0]);
		ps_fd_close(&ret_fds[1]);
		return ps_fail_os(e, "make a pipe that does not block");
	}
	return 0;
}

/* Descriptors are first moved out of the way of 0 to 3: posix_spawn works its list off in order. */
static int place(posix_spawn_file_actions_t *a, int fd, int at)
{
	if (fd < 0)
		return at == 3 ? 0 : posix_spawn_file_actions_addopen(a, at, "/dev/null", O_RDWR, 0);
	return posix_spawn_file_actions_adddup2(a, fd, at);
}

static int spawn(pid_t *pid, const char *const *argv, const posix_spawn_file_actions_t *actions)
{
	posix_spawnattr_t attr;
	sigset_t all, none;
	int rc;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	rc = posix_spawnattr_init(&attr);
	if (rc)
		return rc;
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	rc = posix_spawnp(pid, argv[0], actions, &attr, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}

int child_start(const char *const *argv, const char *dir, const struct child_fds *fds, pid_t *ret_pid, struct ps_err *e)
{
	posix_spawn_file_actions_t actions;
	int moved[4] = { -1, -1, -1, -1 }, rc, pidfd = -1;
	pid_t pid = -1;

	/* The web server's own, too. */
	if (ps_cloexec_from(3, e) < 0)
		return -1;
	rc = posix_spawn_file_actions_init(&actions);
	if (rc) {
		errno = rc;
		return ps_fail_os(e, "start '%s'", argv[0]);
	}
	for (int i = 0; i < 4 && !rc; i++) {
		if (fds->fd[i] >= 0) {
			moved[i] = fcntl(fds->fd[i], F_DUPFD_CLOEXEC, 10);
			rc = moved[i] < 0 ? errno : 0;
		}
		rc = rc ? rc : place(&actions, moved[i], i);
	}
	if (!rc && dir)
		rc = posix_spawn_file_actions_addchdir_np(&actions, dir);
	if (!rc)
		rc = spawn(&pid, argv, &actions);
	(void)posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 4; i++)
		ps_fd_close(&moved[i]);
	if (rc) {
		errno = rc;
		return ps_fail_os(e, "start '%s'", argv[0]);
	}
	pidfd = ps_pidfd_open(pid);
	if (pidfd < 0)
		return ps_fail_os(e, "watch process %d", (int)pid);
	*ret_pid = pid;
	return pidfd;
}

int child_reap(int pidfd)
{
	int status = 255;

	(void)ps_pidfd_reap(pidfd, &status, NULL);
	return status;
}
