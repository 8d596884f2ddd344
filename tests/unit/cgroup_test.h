/* SPDX-License-Identifier: Apache-2.0
 * cgroup_test.h - for tests that make cgroups: the machine's hierarchies, processes in them, one name of ours.
 */
#pragma once
#include <linux/sched.h>
#include "tests/unit/sandbox_test.h"

enum { HIERARCHIES_MAX = 20 };
struct hierarchy {
	char mount[128], controllers[64];
	uint32_t version;
};
static struct hierarchy hierarchies[HIERARCHIES_MAX];
static unsigned n_hierarchies;
static char own_name[48]; /* "/podshim-test-PID" */

/* cgroup mounts that are writable here; the controllers of version 1 are the base name of the mount. */
static inline void find_hierarchies(void)
{
	char line[512], mount[128], type[16];
	FILE *f = fopen("/proc/self/mounts", "re");

	assert_non_null(f);
	n_hierarchies = 0;
	while (fgets(line, sizeof(line), f) && n_hierarchies < HIERARCHIES_MAX) {
		struct hierarchy *h = &hierarchies[n_hierarchies];

		if (sscanf(line, "%*s %127s %15s", mount, type) != 2 || strncmp(type, "cgroup", 6) != 0 ||
		    access(mount, W_OK) != 0)
			continue;
		(void)snprintf(h->mount, sizeof(h->mount), "%s", mount);
		h->version = strcmp(type, "cgroup2") == 0 ? 2 : 1;
		(void)snprintf(h->controllers, sizeof(h->controllers), "%.63s",
			       h->version == 2 ? "" : strrchr(mount, '/') + 1);
		n_hierarchies++;
	}
	(void)fclose(f);
	(void)snprintf(own_name, sizeof(own_name), "/podshim-test-%d", getpid());
}

static inline const struct hierarchy *hierarchy_of(uint32_t version, const char *controller)
{
	for (unsigned i = 0; i < n_hierarchies; i++)
		if (hierarchies[i].version == version && strstr(hierarchies[i].controllers, controller))
			return &hierarchies[i];
	return NULL;
}

static inline void remove_own(void)
{
	char path[512];

	for (unsigned i = 0; i < n_hierarchies; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", hierarchies[i].mount, own_name);
		(void)rmdir(path);
	}
}

/* A child in the version 2 cgroup dir (NULL: ours): waits in pause(2), or runs fn. */
static inline pid_t spawn(const char *v2_dir, void (*fn)(void *arg), void *arg)
{
	int fd = v2_dir ? open(v2_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct clone_args c = { .exit_signal = SIGCHLD,
				.flags = fd >= 0 ? CLONE_INTO_CGROUP : 0,
				.cgroup = fd >= 0 ? (unsigned)fd : 0 };
	pid_t pid;

	assert_true(!v2_dir || fd >= 0);
	pid = (pid_t)syscall(SYS_clone3, &c, sizeof(c));
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)alarm(60);
		if (fn)
			fn(arg);
		else
			for (;;)
				(void)pause();
		_exit(0);
	}
	if (fd >= 0)
		(void)close(fd);
	return pid;
}

static inline int wait_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
