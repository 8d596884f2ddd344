/* SPDX-License-Identifier: Apache-2.0
 * cgroup_open.c - opens what joining an existing container's cgroups takes.
 */
#include "shim/sandbox/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "shim/sandbox/cgroup_dir.h"

struct search {
	pid_t member;
	int fd;       /* the directory that holds it, or -1 */
};

static int look_for_member(int dir_fd, const char *name, void *ctx, struct ps_err *e)
{
	struct search *s = ctx;
	struct pid_list pids = { .n = 0 };
	int r = s->fd >= 0 ? 0 : cgroup_pids_of(dir_fd, name, &pids, e);

	for (size_t i = 0; r == 0 && s->fd < 0 && i < pids.n; i++)
		if (pids.v[i] == s->member)
			s->fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	free(pids.v);
	return r;
}

/*
 * A payload that enables controllers for cgroups of its own leaves the container's cgroup, which then takes no process
 * any more ("no internal processes"): join the one that `member` is in.
 */
static int follow_member(int *fd, const char *dir, pid_t member, struct ps_err *e)
{
	struct search s = { .member = member, .fd = -1 };
	char enabled[512];

	if (cgroup_read(*fd, "cgroup.subtree_control", enabled, sizeof(enabled)) <= 0)
		return 0;
	if (cgroup_walk(*fd, dir, look_for_member, &s, e) < 0) {
		ps_fd_close(&s.fd);
		return -1;
	}
	if (s.fd < 0)
		return ps_fail(e, PS_E_STATE,
			       "join cgroup '%s': its payload has enabled controllers in it (%s), and process %d is in none below",
			       dir, enabled, member);
	ps_fd_close(fd);
	*fd = s.fd;
	return 0;
}

int cgroup_open_dirs(const char *const *dirs, unsigned n, pid_t member, struct cgroup_fds *ret, struct ps_err *e)
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
		if (follow_member(&f.v2_fd, dirs[i], member, e) < 0)
			return -1;
	}
	*ret = f;
	f = (struct cgroup_fds)CGROUP_FDS_INIT;
	return 0;
}
