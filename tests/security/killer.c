/* SPDX-License-Identifier: Apache-2.0
 * killer.c - run a program and SIGKILL it at the entry of its Nth system call: killer N PROGRAM [ARG...]
 *
 * Only the program itself is traced and killed, not what it clones.  Exit status: 0 killed, 3 the program ended before
 * its Nth call, 4 trouble.  With N = 0 nothing is killed and the number of calls is printed on stderr.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t launch(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(4);
		(void)raise(SIGSTOP);
		(void)execv(argv[0], argv);
		_exit(4);
	}
	return pid;
}

/* What dies with the program is ours to reap; a pid namespace does not end before its last zombie is gone. */
static void reap_orphans(void)
{
	struct timespec ms = { 0, 1000000 };

	for (unsigned int i = 0; i < 20; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		(void)nanosleep(&ms, NULL);
	}
}

int main(int argc, char **argv)
{
	unsigned long target, calls = 0;
	int status, deliver = 0;
	int entering = 0;

	if (argc < 3)
		return 4;
	target = strtoul(argv[1], NULL, 10);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return 4;
	pid_t pid = launch(argv + 2);

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 4;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) < 0)
		return 4;
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)deliver) < 0 || waitpid(pid, &status, 0) != pid)
			return 4;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (target == 0)
				(void)fprintf(stderr, "%lu\n", calls);
			return 3;
		}
		deliver = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			entering = !entering;
			if (entering && ++calls == target) {
				(void)kill(pid, SIGKILL);
				(void)waitpid(pid, &status, 0);
				reap_orphans();
				return 0;
			}
		} else if (WSTOPSIG(status) != SIGTRAP) {
			deliver = WSTOPSIG(status);
		}
	}
}
