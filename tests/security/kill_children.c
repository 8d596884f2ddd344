/* SPDX-License-Identifier: Apache-2.0
 * kill_children.c - usage: kill_children N PROGRAM [ARG...]
 *
 * Runs PROGRAM and sends SIGKILL to its children when it enters its Nth system call after execve, then lets it go on.
 * Exit status: PROGRAM's own (128 + signal), 100 when it ended before its Nth call, 102 when something here failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENDED_BEFORE = 100, BROKEN = 102 };

static void die(const char *what)
{
	perror(what);
	exit(BROKEN);
}

static void kill_children(pid_t pid)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		die(path);
	close(fd);
	text[n] = '\0';
	for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n"))
		(void)kill(atoi(word), SIGKILL);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

/* Let it run to its next stop at a system call, or to its end; signals of its own go through. */
static int step(pid_t pid, enum __ptrace_request request)
{
	int sig = 0;

	for (;;) {
		if (ptrace(request, pid, NULL, (void *)(long)sig) < 0)
			die("ptrace");
		int status = wait_for(pid);

		if (!WIFSTOPPED(status) || WSTOPSIG(status) == (SIGTRAP | 0x80))
			return status;
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return BROKEN;
	long wanted = atol(argv[1]);
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			die("ptrace");
		execv(argv[2], argv + 2);
		die(argv[2]);
	}
	int status = wait_for(pid); /* after execve */

	if (!WIFSTOPPED(status) || ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) < 0)
		die("trace");
	/* Each call stops twice: entry, exit. */
	for (long stops = 0; stops < 2 * wanted - 1; stops++) {
		status = step(pid, PTRACE_SYSCALL);
		if (!WIFSTOPPED(status))
			return ENDED_BEFORE;
	}
	kill_children(pid);
	status = step(pid, PTRACE_CONT);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
