/* SPDX-License-Identifier: Apache-2.0
 * fork.c - processes of podshim's own that outlive a verb.
 */
#include "shim/launch/fork.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/proc.h"
#include "base/scope.h"

pid_t launch_fork(int *ret_pidfd, struct ps_err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return ps_fail_os(e, "fork");
	if (pid > 0) {
		/* Our child until we reap it: the number is its. */
		*ret_pidfd = ps_pidfd_open(pid);
		if (*ret_pidfd < 0)
			return ps_fail_os(e, "pidfd_open of our child %d", (int)pid);
	}
	return pid;
}

static bool is_kept(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/* The caller's descriptors are not ours to hold open: a pipe of its that we kept would never end. */
void launch_close_others(const int *keep, size_t n)
{
	unsigned first = 3;

	for (;;) {
		int next = -1; /* the lowest kept one from first on */

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= (int)first && (next < 0 || keep[i] < next))
				next = keep[i];
		if (next < 0) {
			(void)ps_sys_close_range(first, ~0U, 0);
			return;
		}
		if ((unsigned)next > first)
			(void)ps_sys_close_range(first, (unsigned)next - 1, 0);
		first = (unsigned)next + 1;
	}
}

pid_t launch_daemon(const int *keep, size_t n_keep, struct ps_err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return ps_fail_os(e, "fork");
	if (pid > 0)
		return pid;
	(void)setsid();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		if (!is_kept(fd, keep, n_keep))
			(void)dup2(null, fd);
	if (null > 2)
		(void)close(null);
	launch_close_others(keep, n_keep);
	(void)!chdir("/");
	return 0;
}

void launch_forget_environment(void)
{
	for (char **v = environ; v && *v; v++)
		explicit_bzero(*v, strlen(*v));
	environ = NULL;
}
