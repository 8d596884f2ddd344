/* SPDX-License-Identifier: Apache-2.0
 * observer.c - a hostile payload that looks at every process that appears in its /proc: observer MILLISECONDS
 *
 * Prints one line per finding: "exe DEV:INO TARGET" for the program of a process, "fd TARGET" for an open file,
 * "traced" where it could attach to a process, "ready" at its start.  Duplicate lines are left out.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINES = 512, LINE = 512 };

static char seen[MAX_LINES][LINE];
static unsigned int n_seen;

static void report(const char *line)
{
	for (unsigned int i = 0; i < n_seen; i++)
		if (strcmp(seen[i], line) == 0)
			return;
	if (n_seen < MAX_LINES)
		(void)snprintf(seen[n_seen++], LINE, "%s", line);
	(void)dprintf(1, "%s\n", line);
}

static void look_at_exe(const char *pid)
{
	char path[300], target[256] = "", line[LINE];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	if (readlink(path, target, sizeof(target) - 1) > 0 && fstat(fd, &st) == 0) {
		(void)snprintf(line, sizeof(line), "exe %u:%u:%lu %s", major(st.st_dev), minor(st.st_dev),
			       (unsigned long)st.st_ino, target);
		report(line);
	}
	(void)close(fd);
}

static void look_at_fds(const char *pid)
{
	char path[300], target[256], line[LINE];

	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *d = opendir(path);

	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		(void)snprintf(line, sizeof(line), "fd %s", target);
		report(line);
	}
	(void)closedir(d);
}

static void try_to_trace(const char *pid)
{
	pid_t target = (pid_t)strtol(pid, NULL, 10);

	if (ptrace(PTRACE_SEIZE, target, NULL, NULL) == 0) {
		report("traced");
		(void)ptrace(PTRACE_INTERRUPT, target, NULL, NULL);
		(void)waitpid(target, NULL, __WALL);
		(void)ptrace(PTRACE_DETACH, target, NULL, NULL);
	}
}

int main(int argc, char **argv)
{
	struct timespec now, end;
	long ms = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
	char self[16];

	(void)snprintf(self, sizeof(self), "%d", getpid());
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	report("ready");
	do {
		DIR *d = opendir("/proc");

		if (d == NULL)
			return 1;
		for (struct dirent *e; (e = readdir(d)) != NULL;) {
			if (e->d_name[0] < '1' || e->d_name[0] > '9' || strcmp(e->d_name, self) == 0)
				continue;
			look_at_exe(e->d_name);
			look_at_fds(e->d_name);
			if (argc > 2)
				try_to_trace(e->d_name);
		}
		(void)closedir(d);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	return 0;
}
