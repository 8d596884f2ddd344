/* SPDX-License-Identifier: Apache-2.0
 * prowler.c - what a process does to others that it sees, so that they do what it may not.
 *
 *	prowler wait FILE    be one of those others: the pid goes to FILE
 *	prowler PID SECRET   SECRET: a path that PID has
 *
 * One line per way: its name and "open" or "shut".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN = 42 };

static pid_t other;
static const char *secret;
static char word[8] = "word";

static int in_proc(const char *name, int flags)
{
	char path[8192];

	snprintf(path, sizeof(path), "/proc/%d/%s", other, name);
	return open(path, flags) >= 0;
}

static int attach(void) { return ptrace(PTRACE_ATTACH, other, 0, 0) == 0; }
static int seize(void) { return ptrace(PTRACE_SEIZE, other, 0, 0) == 0; }
static int mem(void) { return in_proc("mem", O_RDWR) || in_proc("mem", O_RDONLY); }

/* Some can be opened by everybody, and are empty then. */
static int has_bytes(const char *name)
{
	char path[8192], c;
	int f;

	snprintf(path, sizeof(path), "/proc/%d/%s", other, name);
	f = open(path, O_RDONLY);
	return f >= 0 && read(f, &c, 1) == 1;
}

static int environ_of(void) { return has_bytes("environ"); }
static int maps(void) { return has_bytes("maps") || has_bytes("auxv"); }
static int cwd(void) { return in_proc("cwd/.", O_RDONLY | O_DIRECTORY); }
static int exe(void) { return in_proc("exe", O_RDONLY); }
static int fd(void) { return in_proc("fd/0", O_RDONLY) || in_proc("fd/1", O_RDWR); }

static int root(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "root%s", secret);
	return in_proc(path, O_RDONLY) || in_proc("root/.", O_RDONLY | O_DIRECTORY);
}

static int getfd(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, other, 0);

	return syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0 || syscall(SYS_pidfd_getfd, pidfd, 1, 0) >= 0;
}

static int namespaces(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, other, 0);

	return setns(pidfd, CLONE_NEWNET) == 0 || setns(pidfd, CLONE_NEWNS) == 0 || in_proc("ns/net", O_RDONLY);
}

/* Addresses are a guess for who is not traced; one's own are the same program's. */
static int vm(void)
{
	char buf[8];
	struct iovec here = { buf, sizeof(buf) }, there = { word, sizeof(word) };

	return process_vm_readv(other, &here, 1, &there, 1, 0) > 0 || process_vm_writev(other, &there, 1, &there, 1, 0) > 0;
}

static int same_files(void) { return syscall(SYS_kcmp, other, getpid(), 2 /* KCMP_FILES */, 0, 0) >= 0; }

static const struct { const char *name; int (*way)(void); } ways[] = {
	{ "environ", environ_of }, { "maps", maps }, { "cwd", cwd }, { "exe", exe }, { "fd", fd }, { "root", root }, { "getfd", getfd },
	{ "namespaces", namespaces }, { "vm", vm }, { "kcmp", same_files }, { "mem", mem }, { "seize", seize }, { "attach", attach },
};

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "wait") == 0) {
		FILE *f = fopen(argv[2], "w");

		if (!f)
			return 3;
		fprintf(f, "%d\n", getpid());
		fclose(f);
		for (;;)
			pause();
	}
	other = atoi(argv[1]);
	secret = argv[2];
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			_exit(ways[i].way() ? OPEN : 1);
		}
		waitpid(pid, &status, 0);
		printf("%s %s\n", ways[i].name, WIFEXITED(status) && WEXITSTATUS(status) == OPEN ? "open" : "shut");
		fflush(stdout);
	}
	return 0;
}
