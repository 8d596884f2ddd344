/* SPDX-License-Identifier: Apache-2.0
 * neighbour.c - a hostile payload with CAP_SYS_PTRACE whose pid namespace others enter.
 *
 * usage: neighbour DEV:INO CAPS SECCOMP
 *
 * Stops every process that appears, then looks whether it is worth having: DEV:INO (hex) is the host's runtime binary,
 * CAPS (hex) what a payload may hold, SECCOMP 2 when each has a filter.  One line per kind of finding, until SIGTERM; then
 * "saw N, of them N on their way" (not yet executing their payload).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROC_MAGIC = 0x9fa0, AHEAD = 64 };

static volatile sig_atomic_t ended;
static unsigned long host_dev, host_ino, may_hold, saw, on_their_way;
static int wants_seccomp;

static void on_term(int sig)
{
	(void)sig;
	ended = 1;
}

static void found(const char *what, const char *of)
{
	static char told[64][256];
	char line[256];

	snprintf(line, sizeof(line), "FOUND %s: %s", what, of);
	for (int i = 0; i < 64; i++) {
		if (strcmp(told[i], line) == 0)
			return;
		if (!told[i][0]) {
			strcpy(told[i], line);
			puts(line);
			return;
		}
	}
}

/* An inode behind a link of procfs: not the host's runtime, and not writable if it is nobody's file. */
static void look_at_program(int dir, const char *name)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_dev == host_dev && st.st_ino == host_ino)
		found("the host's runtime", name);
	char path[64], target[256] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "memfd:")) {
		int writable = openat(dir, name, O_WRONLY | O_CLOEXEC);

		if (writable >= 0 && pwrite(writable, "x", 1, 0) == 1)
			found("a writable image", name);
		if (writable >= 0)
			close(writable);
	}
	close(fd);
}

static void each_of(int proc, const char *folder, void (*look)(int dir, const char *name))
{
	int fd = openat(proc, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			look(fd, entry->d_name);
	if (dir)
		closedir(dir);
}

/* A descriptor that leads to a procfs that is not masked, or to a namespace to join. */
static void look_at_fd(int dir, const char *name)
{
	char path[300], target[256] = "";
	struct statfs fs;
	int fd;

	if (readlinkat(dir, name, target, sizeof(target) - 1) <= 0)
		return;
	snprintf(path, sizeof(path), "%s/sys/kernel/core_pattern", name);
	fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC)
		found("core_pattern writable by fd", target);
	if (fd >= 0)
		close(fd);
	if (strstr(target, ":[") && strncmp(target, "pipe:", 5) != 0 && strncmp(target, "socket:", 7) != 0)
		found("a namespace by fd", target);
	fd = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		found("a folder by fd", target);
		close(fd);
	}
	look_at_program(dir, name);
}

static unsigned long number(const char *status, const char *key, int base)
{
	const char *at = strstr(status, key);

	return at ? strtoul(at + strlen(key), NULL, base) : 0;
}

static void look_at(pid_t pid, int proc)
{
	char status[8192] = "", line[300];
	int fd = openat(proc, "status", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, status, sizeof(status) - 1) <= 0)
		return;
	close(fd);
	saw++;
	if (strstr(status, "podshim"))
		on_their_way++;
	unsigned long caps = number(status, "\nCapPrm:", 16) | number(status, "\nCapEff:", 16) |
			     number(status, "\nCapInh:", 16) | number(status, "\nCapAmb:", 16) |
			     number(status, "\nCapBnd:", 16);

	if (caps & ~may_hold) {
		snprintf(line, sizeof(line), "%lx", caps);
		found("capabilities", line);
	}
	if (wants_seccomp && number(status, "\nSeccomp:", 10) != (unsigned long)wants_seccomp)
		found("no filter", "");
	look_at_program(proc, "exe");
	each_of(proc, "map_files", look_at_program);
	each_of(proc, "fd", look_at_fd);
	(void)pid;
}

static void attack(pid_t pid)
{
	char path[32];
	int status, proc, seized;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return;
	/* Stopped, it can't go on to its payload while we look; an attacker would do the same. */
	seized = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
	if (seized && ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0)
		(void)waitpid(pid, &status, __WALL);
	look_at(pid, proc);
	if (seized)
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	close(proc);
}

int main(int argc, char **argv)
{
	pid_t last = getpid();

	if (argc != 4 || sscanf(argv[1], "%lx:%lx", &host_dev, &host_ino) != 2)
		return 2;
	may_hold = strtoul(argv[2], NULL, 16);
	wants_seccomp = atoi(argv[3]);
	(void)signal(SIGTERM, on_term);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (!ended) {
		for (pid_t pid = last + 1; pid <= last + AHEAD && !ended; pid++) {
			if (kill(pid, 0) < 0 && errno == ESRCH)
				continue;
			attack(pid);
			last = pid;
		}
	}
	printf("saw %lu, of them %lu on their way\n", saw, on_their_way);
	return 0;
}
