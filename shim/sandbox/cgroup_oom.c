/* SPDX-License-Identifier: Apache-2.0
 * cgroup_oom.c - tells when a container runs out of memory: by an eventfd in version 1, by inotify in version 2.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/scope.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/cgroup_dir.h"
#include "shim/sandbox/cgroup_usage.h"

static int watch_v2(const char *dir, struct ps_err *e)
{
	ps_auto_fd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/memory.events", dir);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return ps_fail_os(e, "watch '%s'", path);
	return ps_take_fd(&fd);
}

/* The kernel keeps no reference to the file once it is registered. */
static int watch_v1(int dir_fd, const char *dir, struct ps_err *e)
{
	ps_auto_fd int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ps_auto_fd int control = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[32];

	(void)snprintf(text, sizeof(text), "%d %d", fd, control);
	if (fd < 0 || control < 0 || cgroup_write(dir_fd, "cgroup.event_control", text) < 0)
		return ps_fail_os(e, "watch '%s/memory.oom_control'", dir);
	return ps_take_fd(&fd);
}

int cgroup_oom_watch(const char *const *dirs, unsigned n, struct cgroup_oom *ret, struct ps_err *e)
{
	for (unsigned i = 0; i < n; i++) {
		ps_auto_fd int dir_fd = open(dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		const bool v2 = dir_fd >= 0 && faccessat(dir_fd, "memory.events", F_OK, 0) == 0;
		int fd;

		if (dir_fd < 0 || (!v2 && faccessat(dir_fd, "memory.oom_control", F_OK, 0) < 0))
			continue;
		/* The count first: what happens between the two is told. */
		ret->kills = cgroup_oom_kills(&dirs[i], 1);
		fd = v2 ? watch_v2(dirs[i], e) : watch_v1(dir_fd, dirs[i], e);
		if (fd < 0)
			return -1;
		*ret = (struct cgroup_oom){ .fd = fd, .v2 = v2, .dir = dirs[i], .kills = ret->kills };
		return 0;
	}
	ret->fd = -1;
	return 0;
}

bool cgroup_oom_happened(struct cgroup_oom *w)
{
	char drained[4096];
	bool told = false;
	int64_t kills;

	if (w->fd < 0)
		return false;
	while (read(w->fd, drained, sizeof(drained)) > 0)
		told = true;
	kills = cgroup_oom_kills(&w->dir, 1);
	if (kills > w->kills) {
		w->kills = kills;
		return true;
	}
	/* Version 1 also tells where nobody is killed (disableOOMKiller), and that the cgroup is removed. */
	return told && !w->v2 && kills >= 0 && access(w->dir, F_OK) == 0;
}
