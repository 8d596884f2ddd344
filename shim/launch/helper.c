/* SPDX-License-Identifier: Apache-2.0
 * helper.c - a program of the host's that works for a verb while the verb talks with it.
 */
#include "shim/launch/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/launch/clone.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/child.h"

enum { PEER_MS = 10000 };

struct start {
	const struct launch_helper *h;
	const char *path;
	const struct cgroup_fds *cgroups;
	const char *what;            /* what failed, with errno in `cause` */
	int cause;
};

static int fail(struct start *s, const char *what)
{
	s->what = what;
	s->cause = errno;
	return 127;
}

/* The same folder, in this mount namespace. */
static int reopen(const struct launch_helper_dir *d)
{
	struct stat was, is;
	ps_auto_fd int fd = d->fd < 0 ? -1 : open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (d->fd < 0)
		return 0;
	if (fd < 0 || fstat(d->fd, &was) < 0 || fstat(fd, &is) < 0)
		return -1;
	if (was.st_dev != is.st_dev || was.st_ino != is.st_ino) {
		errno = ESTALE;
		return -1;
	}
	return dup2(fd, d->fd);
}

/* A pair of this process's own making: its credentials are what the kernel tells at both ends. */
static int replace_socket(int sock)
{
	int pair[2];

	if (sock < 0)
		return 0;
	if (sock_pair(pair, NULL) < 0)
		return -1;
	ps_auto_fd int theirs = pair[0];
	ps_auto_fd int own = pair[1];

	return sock_send(sock, "", 1, &theirs, 1, NULL) < 0 ? -1 : dup2(own, sock);
}

static int bind_one(const char *at, const struct launch_helper_bind *b)
{
	struct stat st;

	if (stat(b->source, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(at, 0700) < 0)
			return -1;
	} else {
		ps_auto_fd int fd = open(at, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

		if (fd < 0)
			return -1;
	}
	return mount(b->source, at, NULL, MS_BIND, NULL) < 0 ? -1 : mount(NULL, at, NULL, MS_BIND | MS_REMOUNT | b->flags, NULL);
}

static int bind_all(const struct launch_helper *h)
{
	char at[PATH_MAX];

	if (h->n_binds && mount("podshim", h->binds_at, "tmpfs", 0, "mode=700") < 0)
		return -1;
	for (size_t i = 0; i < h->n_binds; i++) {
		(void)snprintf(at, sizeof(at), "%s/%zu", h->binds_at, i);
		if (bind_one(at, &h->binds[i]) < 0)
			return -1;
	}
	return 0;
}

/* A mount namespace with the root file system in its place, and what has to be opened in it. */
static int enter_mounts(struct start *s)
{
	const struct launch_helper *h = s->h;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail(s, "give it a mount namespace");
	if (mount(h->rootfs, h->at, NULL, MS_BIND | MS_REC, NULL) < 0)
		return fail(s, "bind the root file system");
	if (bind_all(h) < 0)
		return fail(s, "bind what the container sees of the host");
	for (size_t i = 0; i < h->n_dirs; i++)
		if (reopen(&h->dirs[i]) < 0)
			return fail(s, "open its folders again");
	return replace_socket(h->sock) < 0 ? fail(s, "make its socket") : 0;
}

/* In the child of the vfork. */
static int become(void *arg)
{
	struct start *s = arg;
	const struct launch_helper *h = s->h;

	child_reset_signals();
	if (h->dies_with_us && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail(s, "let it end with podshim");
	if (s->cgroups->n_tasks && cgroup_join(s->cgroups->tasks, s->cgroups->n_tasks, NULL) < 0)
		return fail(s, "join the container's cgroups");
	if (h->rootfs && enter_mounts(s))
		return 127;
	if (ps_cloexec_from(3, NULL) < 0)
		return fail(s, "keep our descriptors from it");
	for (size_t i = 0; i < h->n_keep; i++)
		if (h->keep[i] >= 0 && fcntl(h->keep[i], F_SETFD, 0) < 0)
			return fail(s, "give it a descriptor");
	(void)execve(s->path, h->argv, environ);
	return fail(s, "execute it");
}

static int take_peer(const struct launch_helper *h, int *peer, struct ps_err *e)
{
	size_t n = 1;
	int fd;
	char c;

	if (!h->rootfs || h->sock < 0)
		return 0;
	if (sock_recv(*peer, &c, 1, &fd, &n, PEER_MS, e) != 1 || n != 1)
		return ps_fail(e, PS_E_PEER, "'%s' was started without a socket", h->name);
	ps_fd_close(peer);
	*peer = fd;
	return 0;
}

int launch_helper_start(const struct launch_helper *h, int *peer, pid_t *ret_pid, int *ret_pidfd, struct ps_err *e)
{
	ps_auto(cgroup_fds_close) struct cgroup_fds cgroups = CGROUP_FDS_INIT;
	const char *search = getenv("PATH");
	char path[PATH_MAX];
	sigset_t all, old;
	int pidfd = -1, status;

	if (child_find(search ? search : "/usr/sbin:/usr/bin:/sbin:/bin", "/", h->name, path) < 0)
		return ps_fail(e, PS_E_UNSUPP, "'%s' is not installed: no directory of PATH has it", h->name);
	if (h->n_cgroup_dirs && cgroup_open_dirs(h->cgroup_dirs, h->n_cgroup_dirs, NULL, getpid(), &cgroups, e) < 0)
		return -1;
	struct start s = { .h = h, .path = path, .cgroups = &cgroups };

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	const pid_t pid = clone_vfork(0, cgroups.v2_fd, become, &s, &pidfd);
	const int cause = errno;

	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = pid < 0 ? cause : s.cause;
	if (pid < 0)
		return ps_fail_os(e, "clone a process for '%s'", path);
	if (s.what)
		(void)ps_fail_os(e, "'%s': %s", path, s.what);
	if (s.what || take_peer(h, peer, e) < 0) {
		(void)ps_pidfd_kill(pidfd, SIGKILL);
		(void)ps_pidfd_reap(pidfd, &status, NULL);
		ps_fd_close(&pidfd);
		return -1;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
