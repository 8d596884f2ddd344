/* SPDX-License-Identifier: Apache-2.0
 * guardian.c - ends and frees what somebody would have, who was killed before it could.
 */
#include "shim/pod/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "shim/launch/fork.h"

/* Its whole life: the other end of the pipe closes with whoever started it. */
static int guard(const char *name, int ward, int pidfd, void (*end)(void *ctx), void *ctx)
{
	struct pollfd p = { .fd = ward };

	(void)prctl(PR_SET_NAME, name);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	(void)ps_pidfd_kill(pidfd, SIGKILL);
	if (end)
		end(ctx);
	return 0;
}

int guardian_start(struct guardian *g, const char *name, int pidfd, const struct state_dir *dir, const int *also,
		   void (*end)(void *ctx), void *ctx, struct ps_err *e)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return ps_fail_os(e, "make the pipe of the guardian");
	const int keep[] = { pair[0], pidfd, dir ? dir->root_fd : -1, dir ? dir->dir_fd : -1, also ? also[0] : -1, also ? also[1] : -1 };
	pid_t pid = launch_daemon(keep, dir ? PS_COUNT(keep) : 2, e);

	if (pid == 0)
		launch_forget_environment();
	if (pid == 0)
		_exit(guard(name, pair[0], pidfd, end, ctx));
	(void)close(pair[0]);
	if (pid < 0) {
		(void)close(pair[1]);
		return -1;
	}
	*g = (struct guardian){ .pid = pid, .fd = pair[1] };
	return 0;
}

void guardian_dismiss(struct guardian *g)
{
	if (g->pid <= 0)
		return;
	/* Our child until we reap it: the number is its. */
	(void)kill(g->pid, SIGKILL);
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	g->pid = 0;
	ps_fd_close(&g->fd);
}
