/* SPDX-License-Identifier: Apache-2.0
 * reaper.c - pid 1 of a container whose payload is not: it waits.
 */
#include "shim/sandbox/reaper.h"

#include <signal.h>
#include <sys/wait.h>

/* Reap all that have ended; the payload's end is ours. */
static void reap(pid_t payload)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == payload)
			_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static __attribute__((noreturn)) void stay(pid_t payload, const sigset_t *all)
{
	/* The channel, or it would not end by the payload's execve; the caller's pipes. */
	(void)ps_sys_close_range(0, ~0U, 0);
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(all, &info);

		if (sig == SIGCHLD)
			reap(payload);
		else if (sig > 0)
			(void)kill(payload, sig);
	}
}

int reaper_split(const struct sandbox *sb, struct ps_err *e)
{
	sigset_t all, old;

	/* Blocked signals of a first process wait; others without a handler are lost. */
	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old) < 0)
		return ps_fail_os(e, "block signals");
	/* Of the payload's user, and not the payload's to trace: its parent death signal ends all.  execve(2) resets it. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return ps_fail_os(e, "make the process non-dumpable");
	pid_t pid = fork();

	if (pid > 0)
		stay(pid, &all);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return ps_fail_os(e, "fork the payload");
	if (setsid() < 0)
		return ps_fail_os(e, "setsid");
	if (sb->plan->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return ps_fail_os(e, "terminal: become its session's leader");
	return 0;
}
