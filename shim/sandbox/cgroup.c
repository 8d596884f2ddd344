/* SPDX-License-Identifier: Apache-2.0
 * cgroup.c - what happens to the cgroups of a container that exists: freeze, kill, list, remove.
 */
#include "shim/sandbox/cgroup.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "shim/sandbox/cgroup_dir.h"

/* ---- Bounded waiting ---- */

unsigned cgroup_patience_ms = 10000;

struct patience {
	int64_t deadline_ns, pause_ns;
};

static struct patience patience(void)
{
	return (struct patience){ .deadline_ns = (int64_t)ps_clock_ns(CLOCK_MONOTONIC) + cgroup_patience_ms * INT64_C(1000000),
				  .pause_ns = 200000 };
}

/* Sleep 0.2 ms, then longer, up to 20 ms.  False, with errno ETIMEDOUT, when it has been long enough. */
static bool pause_for(struct patience *w)
{
	const struct timespec ts = { .tv_nsec = (long)w->pause_ns };

	if ((int64_t)ps_clock_ns(CLOCK_MONOTONIC) >= w->deadline_ns) {
		errno = ETIMEDOUT;
		return false;
	}
	(void)nanosleep(&ts, NULL);
	w->pause_ns = w->pause_ns * 2 > 20000000 ? 20000000 : w->pause_ns * 2;
	return true;
}

static int open_dir(const char *dir)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* The first directory that holds `file`: its fd, *ret_dir its name.  -1 with ENOENT when none does. */
static int open_first_with(const char *const *dirs, unsigned n, const char *file, const char **ret_dir)
{
	for (unsigned i = 0; i < n; i++) {
		ps_auto_fd int fd = open_dir(dirs[i]);

		if (fd >= 0 && faccessat(fd, file, F_OK, 0) == 0) {
			*ret_dir = dirs[i];
			return ps_take_fd(&fd);
		}
	}
	errno = ENOENT;
	return -1;
}

/* Value of "key N" in a flat-keyed file, or -1. */
static int64_t keyed_value(int dir_fd, const char *file, const char *key)
{
	char text[4096], *rest = text, *line;
	size_t n = strlen(key);
	int64_t value;

	if (cgroup_read(dir_fd, file, text, sizeof(text)) < 0)
		return -1;
	while ((line = strsep(&rest, "\n")))
		if (strncmp(line, key, n) == 0 && line[n] == ' ' && ps_parse_i64(line + n + 1, &value) == 0)
			return value;
	return -1;
}

/* Version 2: wait until cgroup.events says so; the file polls as changed. */
static int wait_event(int dir_fd, const char *key, int64_t value)
{
	ps_auto_fd int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	int64_t deadline = (int64_t)ps_clock_ns(CLOCK_MONOTONIC) + cgroup_patience_ms * INT64_C(1000000);

	if (fd < 0)
		return -1;
	while (keyed_value(dir_fd, "cgroup.events", key) != value) {
		int64_t left = (deadline - (int64_t)ps_clock_ns(CLOCK_MONOTONIC)) / 1000000;
		char drained[512];

		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		/* Short turns: a change between our read and the poll must not cost the whole time. */
		if (poll(&p, 1, left < 20 ? (int)left : 20) < 0 && errno != EINTR)
			return -1;
		if (pread(fd, drained, sizeof(drained), 0) < 0)
			return -1;
	}
	return 0;
}

/* ---- Freeze ---- */

static int thaw_v1(int dir_fd)
{
	return cgroup_write(dir_fd, "freezer.state", "THAWED");
}

static int freeze_v1(int dir_fd)
{
	enum { RETHAW = 8 };
	struct patience w = patience();
	char state[32];

	for (unsigned i = 1;; i++) {
		if (cgroup_write(dir_fd, "freezer.state", "FROZEN") < 0 ||
		    cgroup_read(dir_fd, "freezer.state", state, sizeof(state)) < 0)
			break;
		if (strcmp(state, "FROZEN") == 0)
			return 0;
		/* A task that was being forked may have slipped through; a new attempt catches it. */
		if (i % RETHAW == 0)
			(void)thaw_v1(dir_fd);
		if (!pause_for(&w))
			break;
	}
	int cause = errno;
	(void)thaw_v1(dir_fd);
	errno = cause;
	return -1;
}

static int freeze_v2(int dir_fd, bool freeze)
{
	int cause;

	if (cgroup_write(dir_fd, "cgroup.freeze", freeze ? "1" : "0") == 0 &&
	    wait_event(dir_fd, "frozen", freeze) == 0)
		return 0;
	cause = errno;
	if (freeze)
		(void)cgroup_write(dir_fd, "cgroup.freeze", "0");
	errno = cause;
	return -1;
}

static int freeze(const char *const *dirs, unsigned n, struct ps_err *e)
{
	const char *dir = NULL;
	ps_auto_fd int v2 = open_first_with(dirs, n, "cgroup.freeze", &dir);
	ps_auto_fd int v1 = -1;

	if (v2 >= 0)
		return freeze_v2(v2, true) < 0 ? ps_fail_os(e, "freeze cgroup '%s'", dir) : 0;
	v1 = open_first_with(dirs, n, "freezer.state", &dir);
	if (v1 < 0)
		return ps_fail(e, PS_E_UNSUPP, "freeze the container: none of its cgroups has a freezer");
	return freeze_v1(v1) < 0 ? ps_fail_os(e, "freeze cgroup '%s'", dir) : 0;
}

/* Whoever froze it, and wherever. */
static int thaw(const char *const *dirs, unsigned n, struct ps_err *e)
{
	const char *dir = NULL;
	ps_auto_fd int v1 = open_first_with(dirs, n, "freezer.state", &dir);
	ps_auto_fd int v2 = -1;

	if (v1 >= 0 && thaw_v1(v1) < 0)
		return ps_fail_os(e, "thaw cgroup '%s'", dir);
	v2 = open_first_with(dirs, n, "cgroup.freeze", &dir);
	if (v2 >= 0 && freeze_v2(v2, false) < 0)
		return ps_fail_os(e, "thaw cgroup '%s'", dir);
	return v1 < 0 && v2 < 0
		       ? ps_fail(e, PS_E_UNSUPP, "thaw the container: none of its cgroups has a freezer")
		       : 0;
}

int cgroup_freeze(const char *const *dirs, unsigned n, bool want_frozen, struct ps_err *e)
{
	return want_frozen ? freeze(dirs, n, e) : thaw(dirs, n, e);
}

int cgroup_frozen(const char *const *dirs, unsigned n)
{
	int known = -1;

	for (unsigned i = 0; i < n; i++) {
		ps_auto_fd int fd = open_dir(dirs[i]);
		char state[32];
		int64_t frozen;

		if (fd < 0)
			continue;
		frozen = keyed_value(fd, "cgroup.events", "frozen");
		if (frozen < 0 && cgroup_read(fd, "freezer.state", state, sizeof(state)) >= 0)
			frozen = strcmp(state, "FROZEN") == 0;
		if (frozen > 0)
			return 1;
		if (frozen == 0)
			known = 0;
	}
	return known;
}

/* ---- Kill ---- */

/* One round of SIGKILL for everything that is listed.  The number of processes found, or -1. */
static ssize_t kill_listed(int dir_fd, const char *dir, struct ps_err *e)
{
	struct pid_list pids = { .n = 0 };
	int r = cgroup_tree_pids(dir_fd, dir, &pids, e);
	ssize_t n = r < 0 ? -1 : (ssize_t)pids.n;

	for (size_t i = 0; i < pids.n; i++)
		if (pids.v[i] != getpid())
			(void)kill(pids.v[i], SIGKILL); /* ESRCH: it ended first */
	free(pids.v);
	return n;
}

static int thaw_one(int dir_fd, const char *dir, void *ctx, struct ps_err *e)
{
	(void)ctx;
	if (thaw_v1(dir_fd) == 0 || errno == ENOENT || errno == ENODEV)
		return 0;
	return ps_fail_os(e, "thaw cgroup '%s' after a kill", dir);
}

/*
 * Version 1.  What is frozen cannot fork, so that the list is complete, nor end, so that no pid in it is another's;
 * without a freezer (or where it does not get there) rounds of killing converge all the same.  The payload may have
 * frozen cgroups of its own below: all are thawed, or SIGKILL would never arrive.
 */
static int kill_v1(int dir_fd, const char *dir, struct ps_err *e)
{
	struct patience w = patience();

	for (;;) {
		bool frozen = cgroup_write(dir_fd, "freezer.state", "FROZEN") == 0;
		ssize_t n = kill_listed(dir_fd, dir, e);

		if (frozen && (n > 0 ? cgroup_walk(dir_fd, dir, thaw_one, NULL, e)
				     : thaw_one(dir_fd, dir, NULL, e)) < 0)
			return -1;
		if (n <= 0)
			return (int)n;
		if (!pause_for(&w))
			return ps_fail(e, PS_E_STATE, "%zd processes in cgroup '%s' do not end after SIGKILL",
				       n, dir);
	}
}

static int kill_v2(int dir_fd, const char *dir, struct ps_err *e)
{
	if (cgroup_write(dir_fd, "cgroup.kill", "1") < 0)
		return errno == ENOENT || errno == ENODEV
			       ? 0
			       : ps_fail_os(e, "kill the processes of cgroup '%s'", dir);
	return 0;
}

int cgroup_kill_all(const char *const *dirs, unsigned n, struct ps_err *e)
{
	const char *v2_dir = NULL, *v1_dir = NULL;
	ps_auto_fd int v2 = open_first_with(dirs, n, "cgroup.kill", &v2_dir); /* 5.14 */
	ps_auto_fd int v1 = open_first_with(dirs, n, "freezer.state", &v1_dir);

	if (v2 >= 0) {
		if (kill_v2(v2, v2_dir, e) < 0)
			return -1;
		/* What sits in a version 1 freezer does not die before it is thawed. */
		if (v1 >= 0 && cgroup_walk(v1, v1_dir, thaw_one, NULL, e) < 0)
			return -1;
		if (wait_event(v2, "populated", 0) < 0 && errno != ENOENT && errno != ENODEV)
			return ps_fail(e, PS_E_STATE, "processes in cgroup '%s' do not end after SIGKILL",
				       v2_dir);
	} else if (v1 < 0) {
		v1 = open_first_with(dirs, n, "cgroup.procs", &v1_dir);
	}
	return v1 < 0 ? 0 : kill_v1(v1, v1_dir, e);
}

int cgroup_pids(const char *const *dirs, unsigned n, pid_t **ret, size_t *ret_n, struct ps_err *e)
{
	struct pid_list pids = { .n = 0 };
	const char *dir = NULL;
	ps_auto_fd int fd = open_first_with(dirs, n, "cgroup.procs", &dir);

	if (fd < 0)
		return ps_fail(e, PS_E_NOTFOUND, "the container has no cgroup to list processes of");
	if (cgroup_tree_pids(fd, dir, &pids, e) < 0) {
		free(pids.v);
		return -1;
	}
	*ret = pids.v;
	*ret_n = pids.n;
	return 0;
}

/* ---- Remove ---- */

/* Name of the first directory in dir_fd: 1, or 0 when there is none, -1 errno. */
static int first_child(int dir_fd, char name[NAME_MAX + 1])
{
	ps_auto_fd int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return -1;
	(void)ps_take_fd(&fd);
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
			(void)snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
			return 1;
		}
	return 0;
}

static bool gone(int result)
{
	return result == 0 || errno == ENOENT || errno == ENODEV;
}

/*
 * Remove what is below top, deepest first, with one fd however deep a payload has nested its cgroups: down into the
 * first child that is not empty, back up by "..".  -1 with EBUSY when one holds processes.
 */
static int remove_below(int top)
{
	ps_auto_fd int at = fcntl(top, F_DUPFD_CLOEXEC, 3);
	char name[NAME_MAX + 1];
	bool arrived = false; /* just came down: a child is expected */

	for (size_t depth = 0; at >= 0;) {
		int child = first_child(at, name), next;

		if (child < 0)
			return -1;
		if (child == 0 && (depth == 0 || arrived)) {
			errno = EBUSY;
			return depth == 0 ? 0 : -1;
		}
		if (child == 1 && gone(unlinkat(at, name, AT_REMOVEDIR))) {
			arrived = false;
			continue;
		}
		if (child == 1 && errno != EBUSY && errno != ENOTEMPTY)
			return -1;
		next = openat(at, child ? name : "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		arrived = child;
		depth = child ? depth + 1 : depth - 1;
		ps_fd_close(&at);
		at = next;
	}
	return gone(-1) ? 0 : -1;
}

static int remove_one(const char *dir, struct patience *w, struct ps_err *e)
{
	for (;;) {
		ps_auto_fd int fd = -1;

		if (gone(rmdir(dir)))
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return ps_fail_os(e, "remove cgroup '%s'", dir);
		fd = open_dir(dir);
		if (fd >= 0 && remove_below(fd) == 0 && gone(rmdir(dir)))
			return 0;
		if (!pause_for(w))
			return ps_fail(e, PS_E_STATE, "remove cgroup '%s': it is still in use after %u ms",
				       dir, cgroup_patience_ms);
	}
}

int cgroup_remove(const char *const *dirs, unsigned n, struct ps_err *e)
{
	struct patience w = patience();
	int r = 0;

	/* One that stays does not keep the others. */
	for (unsigned i = 0; i < n; i++)
		if (remove_one(dirs[i], &w, r == 0 ? e : NULL) < 0)
			r = -1;
	return r;
}

int64_t cgroup_oom_kills(const char *const *dirs, unsigned n)
{
	static const char *const files[] = { "memory.events", "memory.oom_control" };

	for (unsigned i = 0; i < n; i++) {
		ps_auto_fd int fd = open_dir(dirs[i]);

		for (size_t f = 0; fd >= 0 && f < PS_COUNT(files); f++) {
			int64_t kills = keyed_value(fd, files[f], "oom_kill");

			if (kills >= 0)
				return kills;
		}
	}
	return -1;
}
