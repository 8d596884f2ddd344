/* SPDX-License-Identifier: Apache-2.0
 * cgroup_open.c - opens what joining an existing container's cgroups takes.
 */
#include "shim/sandbox/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

int cgroup_open_dirs(const char *const *dirs, unsigned n, struct cgroup_fds *ret, struct ps_err *e)
{
	__attribute__((cleanup(cgroup_fds_close))) struct cgroup_fds f = CGROUP_FDS_INIT;
	char path[PATH_MAX];

	for (unsigned i = 0; i < n && i < CGROUP_MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/tasks", dirs[i]);
		int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0) {
			f.tasks[f.n_tasks++] = fd;
			continue;
		}
		/* Only version 1 has a `tasks`. */
		fd = errno == ENOENT ? open(dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
		if (fd < 0)
			return ps_fail_os(e, "open cgroup '%s' to join it", dirs[i]);
		ps_fd_close(&f.v2_fd);
		f.v2_fd = fd;
	}
	*ret = f;
	f = (struct cgroup_fds)CGROUP_FDS_INIT;
	return 0;
}
