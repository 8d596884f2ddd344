/* SPDX-License-Identifier: Apache-2.0
 * cgroup_open.c - opens what joining an existing container's cgroups takes.
 */
#include "shim/sandbox/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/path.h"
#include "base/scope.h"
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

/* What is below is made by the payload: no name in it leads out. */
static int open_below(const char *dir, const char *below, struct ps_err *e)
{
	const uint64_t stay = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
	ps_auto_fd int top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	ps_auto_fd int fd = top < 0 ? -1 : ps_openat2(top, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, stay);

	if (top >= 0 && fd < 0 && errno == ENOENT)
		return ps_fail(e, PS_E_NOTFOUND, "adding pid of the new process to cgroup '%s' below '%s': no such file or directory", below, dir);
	if (fd < 0)
		return ps_fail_os(e, "open cgroup '%s' below '%s' to join it", below, dir);
	return ps_take_fd(&fd);
}

/* Add what joining the directory takes: only version 1 has a `tasks`. */
static int add_dir(int dir_fd, const char *dir, struct cgroup_fds *f, bool *ret_v2, struct ps_err *e)
{
	int fd = openat(dir_fd, "tasks", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	*ret_v2 = fd < 0 && errno == ENOENT;
	if (fd >= 0) {
		f->tasks[f->n_tasks++] = fd;
		return 0;
	}
	if (!*ret_v2)
		return ps_fail_os(e, "open cgroup '%s' to join it", dir);
	ps_fd_close(&f->v2_fd);
	f->v2_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	return f->v2_fd < 0 ? ps_fail_os(e, "open cgroup '%s' to join it", dir) : 0;
}

int cgroup_open_dirs(const char *const *dirs, unsigned n, const char *const *below, pid_t member, struct cgroup_fds *ret,
		     struct ps_err *e)
{
	__attribute__((cleanup(cgroup_fds_close))) struct cgroup_fds f = CGROUP_FDS_INIT;

	for (unsigned i = 0; i < n && i < CGROUP_MAX; i++) {
		const char *sub = below ? below[i] : NULL;
		ps_auto_fd int fd = sub ? open_below(dirs[i], sub, e) : open(dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		bool v2 = false;

		if (fd < 0)
			return sub ? -1 : ps_fail_os(e, "open cgroup '%s' to join it", dirs[i]);
		if (add_dir(fd, dirs[i], &f, &v2, e) < 0 || (v2 && !sub && follow_member(&f.v2_fd, dirs[i], member, e) < 0))
			return -1;
	}
	*ret = f;
	f = (struct cgroup_fds)CGROUP_FDS_INIT;
	return 0;
}
