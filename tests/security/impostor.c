/* SPDX-License-Identifier: Apache-2.0
 * impostor.c - a socket that may be connected to is known by its path: ways to have another one (callee.c) there.
 *
 *	impostor DIR SECOND   DIR has listed.sock, other.sock, and sub with second names of both; SECOND is DIR again
 *	impostor steal DIR    what the process behind listed.sock has open
 *
 * One line per way: its name and "open" or "shut".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"

enum { OPEN = 42, PEERPIDFD = 77 /* SO_PEERPIDFD */ };

static const char *dir, *second;

static char *at(const char *base, const char *name)
{
	static char path[8][512];
	static int i;

	i = (i + 1) % 8;
	snprintf(path[i], sizeof(path[i]), "%s/%s", base, name);
	return path[i];
}

static int connected(const char *path)
{
	union address a = { .un = { .sun_family = AF_UNIX } };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.un.sun_path, sizeof(a.un.sun_path), "%s", path);
	return fd >= 0 && connect(fd, &a.sa, sizeof(a.un)) == 0 ? fd : -1;
}

/* Does the other one answer there? */
static int answers(const char *path)
{
	int fd = connected(path);
	char c = 0;

	return fd >= 0 && recv(fd, &c, 1, 0) == 1 && c == 'O';
}

static int plain(void) { return answers(at(dir, "other.sock")); }
static int second_mount(void) { return answers(at(second, "other.sock")) || answers(at(second, "sub/other.sock")); }
static int other_name(void) { return answers(at(dir, "sub/other.sock")); }

static int linked(void)
{
	(void)unlink(at(dir, "listed.sock"));
	return link(at(dir, "other.sock"), at(dir, "listed.sock")) == 0 && answers(at(dir, "listed.sock"));
}

static int linked_elsewhere(void)
{
	return link(at(dir, "other.sock"), at(dir, "linked.sock")) == 0 && answers(at(dir, "linked.sock"));
}

static int linked_by_fd(void)
{
	char path[64];
	int fd = open(at(second, "other.sock"), O_PATH);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)unlink(at(second, "listed.sock"));
	return linkat(AT_FDCWD, path, AT_FDCWD, at(second, "listed.sock"), AT_SYMLINK_FOLLOW) == 0 && answers(at(dir, "listed.sock"));
}

static int renamed(void)
{
	return rename(at(dir, "other.sock"), at(dir, "listed.sock")) == 0 && answers(at(dir, "listed.sock"));
}

static int renamed_elsewhere(void)
{
	return rename(at(dir, "other.sock"), at(dir, "moved.sock")) == 0 && answers(at(dir, "moved.sock"));
}

static int renamed_through_second(void)
{
	return rename(at(second, "other.sock"), at(second, "listed.sock")) == 0 && answers(at(dir, "listed.sock"));
}

static int exchanged(void)
{
	return syscall(SYS_renameat2, AT_FDCWD, at(dir, "other.sock"), AT_FDCWD, at(dir, "listed.sock"), RENAME_EXCHANGE) == 0 &&
	       answers(at(dir, "listed.sock"));
}

/* Their directory, under another name: sub/other.sock becomes what "listed" is. */
static int renamed_directory(void)
{
	return rename(at(dir, "sub"), at(dir, "sub2")) == 0 && answers(at(dir, "sub2/other.sock"));
}

static int symlinked(void)
{
	(void)unlink(at(dir, "listed.sock"));
	return symlink("other.sock", at(dir, "listed.sock")) == 0 && answers(at(dir, "listed.sock"));
}

static int by_proc(void)
{
	char path[64], deep[512];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(at(dir, "other.sock"), O_PATH));
	snprintf(deep, sizeof(deep), "/proc/self/root%s/other.sock", dir);
	return answers(path) || answers(deep);
}

static int by_cwd(void)
{
	return chdir(dir) == 0 && (answers("other.sock") || answers("./sub/../other.sock"));
}

static int by_chroot(void)
{
	return chroot(at(dir, "sub")) == 0 && answers("/other.sock");
}

/* The name changes all the time while it is looked up. */
static int raced(void)
{
	pid_t pid = fork();
	int found = 0;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, 9);
		for (;;) {
			(void)syscall(SYS_renameat2, AT_FDCWD, at(dir, "other.sock"), AT_FDCWD, at(dir, "listed.sock"), RENAME_EXCHANGE);
			(void)unlink(at(dir, "link"));
			(void)symlink("listed.sock", at(dir, "link"));
			(void)unlink(at(dir, "link"));
			(void)symlink("other.sock", at(dir, "link"));
		}
	}
	for (int i = 0; i < 2000 && !found; i++) {
		int fd = connected(at(dir, i % 2 ? "listed.sock" : "link"));
		char c = 0;

		found = fd >= 0 && recv(fd, &c, 1, 0) == 1 && c == 'O';
		if (fd >= 0)
			close(fd);
	}
	kill(pid, 9);
	waitpid(pid, NULL, 0);
	return found;
}

/* A process that answers is known by a descriptor, whatever namespace it is in. */
static int steals(void)
{
	int fd = connected(at(dir, "listed.sock")), pidfd = -1;
	socklen_t len = sizeof(pidfd);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, PEERPIDFD, &pidfd, &len) < 0)
		return 0;
	for (int n = 0; n < 64; n++)
		if (syscall(SYS_pidfd_getfd, pidfd, n, 0) >= 0)
			return 1;
	return setns(pidfd, CLONE_NEWNET) == 0;
}

static const struct { const char *name; int (*way)(void); } ways[] = {
	{ "plain", plain }, { "proc", by_proc }, { "cwd", by_cwd }, { "chroot", by_chroot }, { "second-mount", second_mount },
	{ "other-name", other_name }, { "link-elsewhere", linked_elsewhere }, { "rename-elsewhere", renamed_elsewhere },
	{ "rename-directory", renamed_directory }, { "race", raced }, { "exchange", exchanged }, { "rename-second", renamed_through_second },
	{ "rename", renamed }, { "symlink", symlinked }, { "link", linked }, { "link-fd", linked_by_fd },
};

/* As it was, as far as that goes. */
static void restore(const char *name, const char *from)
{
	struct stat is, was;

	(void)rename(at(dir, "sub2"), at(dir, "sub"));
	if (lstat(at(dir, from), &was) < 0 || (lstat(at(dir, name), &is) == 0 && is.st_ino == was.st_ino))
		return;
	(void)unlink(at(dir, name));
	(void)link(at(dir, from), at(dir, name));
}

static void try(const char *name, int (*way)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		_exit(way() ? OPEN : 1);
	}
	waitpid(pid, &status, 0);
	printf("%s %s\n", name, WIFEXITED(status) && WEXITSTATUS(status) == OPEN ? "open" : "shut");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "steal") == 0) {
		dir = argv[2];
		try("steal", steals);
		return 0;
	}
	dir = argv[1];
	second = argv[2];
	printf("listed %s\n", connected(at(dir, "listed.sock")) >= 0 ? "reached" : "not reached");
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		try(ways[i].name, ways[i].way);
		restore("other.sock", "sub/other.sock");
		restore("listed.sock", "sub/listed.sock");
	}
	return 0;
}
