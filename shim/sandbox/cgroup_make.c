/* SPDX-License-Identifier: Apache-2.0
 * cgroup_make.c - makes the cgroup directories of a container and opens what joining them takes.
 *
 * Parents that are made on the way ("/podshim") are shared with other containers, and anybody may remove one that is empty:
 * whoever makes a directory below makes it again.
 */
#include "shim/sandbox/cgroup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/sandbox/cgroup_dir.h"

/* The part of a row's path below its mount: "podshim/ID". */
static const char *below_mount(const struct plan *p, const struct plan_cgroup *c)
{
	const char *path = plan_str(p, c->path);

	return path + strspn(path, "/");
}

/* A directory that was there may be used, but never one that holds processes: it would be killed with the container. */
static int refuse_populated(const char *dir, pid_t member, struct ps_err *e)
{
	ps_auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct pid_list pids = { .n = 0 };

	if (fd < 0)
		return ps_fail_os(e, "open cgroup '%s'", dir);
	int r = cgroup_tree_pids(fd, dir, &pids, e);
	bool alone = !pids.n || (pids.n == 1 && pids.v[0] == member);

	free(pids.v);
	if (r == 0 && !alone)
		return ps_fail(e, PS_E_STATE, "container's cgroup is not empty: '%s' holds %zu processes, perhaps of a container of that name under another --root: 'podshim list --all'", dir, pids.n);
	return r;
}

/* Who joins it stops there, for good and deaf to SIGKILL in version 1.  Below a frozen one it reads frozen as well. */
static int refuse_frozen(const char *dir, struct ps_err *e)
{
	if (cgroup_frozen(&dir, 1) != 1)
		return 0;
	return ps_fail(e, PS_E_STATE, "container's cgroup unexpectedly frozen: thaw '%s', or what is above it, first", dir);
}

/*
 * Version 2: a cgroup below a threaded one, or below one that became so, is "domain invalid" or threaded itself; its
 * processes could be neither listed nor killed.  One that has controllers enabled for its children takes no process.
 */
static int refuse_type(int mnt, const char *mount, const char *rel, struct ps_err *e)
{
	char file[PATH_MAX + 32], text[512];

	(void)snprintf(file, sizeof(file), "%s/cgroup.type", rel);
	if (cgroup_read(mnt, file, text, sizeof(text)) > 0 && (!strcmp(text, "threaded") || !strcmp(text, "domain invalid")))
		return ps_fail(e, PS_E_STATE,
			       "container's cgroup '%s/%s' is of type '%s': choose a /linux/cgroupsPath outside of threaded cgroups",
			       mount, rel, text);
	(void)snprintf(file, sizeof(file), "%s/cgroup.subtree_control", rel);
	if (cgroup_read(mnt, file, text, sizeof(text)) > 0)
		return ps_fail(e, PS_E_STATE,
			       "container's cgroup '%s/%s' has controllers enabled for cgroups below (%s): no process can be in it",
			       mount, rel, text);
	return 0;
}

/* ---- Directories ---- */

/* mkdir -p of what lies between the mount (its length) and the last component. */
static int make_parents(const char *dir, size_t mount_len)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s", dir);
	for (char *slash = strchr(path + mount_len + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return 0;
}

/* 1 made, 0 was there, -1 errno.  A parent may be removed by others at any time. */
static int make_dir(const char *dir, size_t mount_len)
{
	enum { TRIES = 32 };

	for (int i = 0; i < TRIES; i++) {
		if (mkdir(dir, 0755) == 0)
			return 1;
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT || (make_parents(dir, mount_len) < 0 && errno != ENOENT))
			return -1;
	}
	return -1;
}

/* ---- Version 1 cpuset ---- */

static ssize_t read_below(int mnt, const char *dir, size_t len, const char *file, char *out, size_t size)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%.*s%s%s", (int)len, dir, len ? "/" : "", file);
	return cgroup_read(mnt, path, out, size);
}

/* Nobody can join a cpuset without cpus or mems: take the value of the nearest parent that has one, downwards. */
static int cpuset_fill(int mnt, const char *rel, bool fresh, const char *file)
{
	char value[4096] = "", path[PATH_MAX];
	size_t len = strlen(rel), at = len;

	if (!fresh && read_below(mnt, rel, len, file, value, sizeof(value)) > 0)
		return 0;
	do {
		while (at && rel[--at] != '/')
			;
		if (read_below(mnt, rel, at, file, value, sizeof(value)) < 0)
			return -1;
	} while (at && !*value);
	for (at += rel[at] == '/'; at < len; at++) {
		at += strcspn(rel + at, "/");
		(void)snprintf(path, sizeof(path), "%.*s/%s", (int)at, rel, file);
		if (cgroup_write(mnt, path, value) < 0)
			return -1;
	}
	return 0;
}

/* ---- Version 2 controllers ---- */

enum { MAX_WANTED = 24, NAME = 24 };

struct wanted {
	struct {
		char name[NAME];
		const char *from; /* of the limit */
		bool must; /* a limit needs it; the others only make statistics complete */
	} v[MAX_WANTED];
	unsigned n;
};

static void want(struct wanted *w, const char *name, size_t len, const char *from, bool must)
{
	for (unsigned i = 0; i < w->n; i++)
		if (strncmp(w->v[i].name, name, len) == 0 && !w->v[i].name[len])
			return;
	if (w->n == MAX_WANTED || len >= NAME)
		return; /* no such controller: writing its file will say so */
	memcpy(w->v[w->n].name, name, len);
	w->v[w->n].name[len] = '\0';
	w->v[w->n].from = from;
	w->v[w->n++].must = must;
}

static void want_all(const struct plan *p, uint32_t row, struct wanted *w)
{
	static const char *const statistics[] = { "cpu", "io", "memory", "pids" };
	bool unified = true;

	for (PLAN_EACH(p, struct plan_cgroup_file, f, p->cgroup_files)) {
		const char *file = plan_str(p, f->file);
		size_t len = strcspn(file, ".");

		if (f->cgroup == row && strncmp(file, "cgroup.", 7) != 0)
			want(w, file, len, plan_str(p, f->from), !(f->flags & PLAN_CGROUP_OPTIONAL));
	}
	for (PLAN_EACH(p, struct plan_cgroup, c, p->cgroups))
		unified &= c->version == 2;
	for (size_t i = 0; unified && i < PS_COUNT(statistics); i++)
		want(w, statistics[i], strlen(statistics[i]), "", false);
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = text; (s = strstr(s, word)); s += n)
		if ((s == text || s[-1] == ' ') && (s[n] == ' ' || !s[n]))
			return true;
	return false;
}

static int cannot_enable(const char *mount, const char *dir, const char *controller, struct ps_err *e)
{
	if (errno == ENOENT || errno == EINVAL)
		return ps_fail(e, PS_E_UNSUPP,
			       "cgroup controller '%s' is not available in '%s/%s' (used by a version 1 hierarchy, or not delegated)",
			       controller, mount, dir);
	if (errno == EBUSY)
		return ps_fail(e, PS_E_STATE,
			       "cgroup controller '%s' cannot be enabled in '%s/%s' because processes are in it: move them into a "
			       "cgroup below, or choose another /linux/cgroupsPath",
			       controller, mount, dir);
	if (errno == EOPNOTSUPP)
		return ps_fail(e, PS_E_STATE,
			       "cgroup controller '%s' cannot be enabled in '%s/%s', which is threaded or below a threaded cgroup: "
			       "choose another /linux/cgroupsPath",
			       controller, mount, dir);
	return ps_fail_os(e, "enable cgroup controller '%s' in '%s/%s'", controller, mount, dir);
}

/*
 * Enabling cpu or pids above processes would succeed: it makes theirs a threaded cgroup (4.14) that no container can be
 * below.  The root of the hierarchy, the one without a type, is exempt.
 */
static bool holds_processes(int mnt, const char *dir)
{
	char file[PATH_MAX + 32], text[64];

	(void)snprintf(file, sizeof(file), "%s%scgroup.type", dir, *dir ? "/" : "");
	if (faccessat(mnt, file, F_OK, 0) < 0)
		return false;
	(void)snprintf(file, sizeof(file), "%s%scgroup.procs", dir, *dir ? "/" : "");
	return cgroup_read(mnt, file, text, sizeof(text)) > 0;
}

/* One level: the directory "" (the mount) or one below. */
static int enable_at(const char *mount, int mnt, const char *dir, struct wanted *w, struct ps_err *e)
{
	char file[PATH_MAX + 32], enabled[512], text[NAME + 1];
	int busy = -1; /* not known yet */

	(void)snprintf(file, sizeof(file), "%s%scgroup.subtree_control", dir, *dir ? "/" : "");
	if (cgroup_read(mnt, file, enabled, sizeof(enabled)) < 0)
		return ps_fail_os(e, "read '%s/%s'", mount, file);
	for (unsigned i = 0; i < w->n; i++) {
		if (!*w->v[i].name || has_word(enabled, w->v[i].name))
			continue;
		(void)snprintf(text, sizeof(text), "+%s", w->v[i].name);
		if (busy < 0)
			busy = holds_processes(mnt, dir);
		if (!busy && cgroup_write(mnt, file, text) == 0)
			continue;
		if (busy)
			errno = EBUSY;
		if (w->v[i].must) {
			(void)cannot_enable(mount, dir, w->v[i].name, e);
			return ps_at_from(e, w->v[i].from, "");
		}
		*w->v[i].name = '\0';
	}
	return 0;
}

static int enable_controllers(const struct plan *p, uint32_t row, int mnt, const char *rel, struct ps_err *e)
{
	const char *mount = plan_str(p, PLAN_ROWS(p, struct plan_cgroup, p->cgroups)[row].mount);
	struct wanted w = { .n = 0 };
	char dir[PATH_MAX];

	want_all(p, row, &w);
	if (!w.n)
		return 0;
	for (const char *end = rel; end; end = strchr(end + 1, '/')) {
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(end - rel), rel);
		if (enable_at(mount, mnt, dir, &w, e) < 0)
			return -1;
	}
	return 0;
}

int cgroup_enable(const struct plan *p, uint32_t row, struct ps_err *e)
{
	const struct plan_cgroup *c = &PLAN_ROWS(p, struct plan_cgroup, p->cgroups)[row];
	const char *mount = plan_str(p, c->mount);
	ps_auto_fd int mnt = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mnt < 0)
		return ps_fail_os(e, "open cgroup hierarchy '%s'", mount);
	return enable_controllers(p, row, mnt, below_mount(p, c), e);
}

/* ---- The whole ---- */

static int make_one(const struct plan *p, uint32_t row, pid_t member, struct ps_err *e)
{
	const struct plan_cgroup *c = &PLAN_ROWS(p, struct plan_cgroup, p->cgroups)[row];
	const char *mount = plan_str(p, c->mount), *rel = below_mount(p, c);
	bool is_cpuset = c->version == 1 && cgroup_has_controller(p, c, "cpuset");
	char dir[PATH_MAX];

	if (cgroup_dir_path(p, c, dir, e) < 0)
		return -1;
	int made = make_dir(dir, strlen(mount));

	if (made < 0)
		return ps_fail_os(e, "make cgroup '%s'", dir);
	if (made == 0 && refuse_populated(dir, member, e) < 0)
		return -1;
	if ((c->version == 2 || cgroup_has_controller(p, c, "freezer")) && refuse_frozen(dir, e) < 0)
		return -1;
	if (c->version == 1 && !is_cpuset)
		return 0;
	ps_auto_fd int mnt = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mnt < 0)
		return ps_fail_os(e, "open cgroup hierarchy '%s'", mount);
	if (!is_cpuset)
		return refuse_type(mnt, mount, rel, e) < 0 ? -1 : enable_controllers(p, row, mnt, rel, e);
	if (cpuset_fill(mnt, rel, made, "cpuset.cpus") < 0 || cpuset_fill(mnt, rel, made, "cpuset.mems") < 0)
		return ps_fail_os(e, "give cgroup '%s' the cpus and memory nodes of its parent", dir);
	return 0;
}

int cgroup_check_free(const struct plan *p, struct ps_err *e)
{
	char dir[PATH_MAX];

	for (PLAN_EACH(p, struct plan_cgroup, c, p->cgroups)) {
		if (cgroup_dir_path(p, c, dir, e) < 0)
			return -1;
		if (access(dir, F_OK) == 0 && (refuse_populated(dir, 0, e) < 0 || refuse_frozen(dir, e) < 0))
			return -1;
	}
	return 0;
}

int cgroup_make(const struct plan *p, uint32_t version, pid_t member, struct ps_err *e)
{
	for (uint32_t row = 0; row < p->cgroups.n; row++)
		if (PLAN_ROWS(p, struct plan_cgroup, p->cgroups)[row].version == version && make_one(p, row, member, e) < 0)
			return -1;
	return 0;
}

void cgroup_fds_close(struct cgroup_fds *f)
{
	while (f->n_tasks)
		ps_fd_close(&f->tasks[--f->n_tasks]);
	ps_fd_close(&f->v2_fd);
}

int cgroup_open(const struct plan *p, uint32_t version, struct cgroup_fds *ret, struct ps_err *e)
{
	__attribute__((cleanup(cgroup_fds_close))) struct cgroup_fds f = CGROUP_FDS_INIT;
	char path[PATH_MAX];

	for (PLAN_EACH(p, struct plan_cgroup, c, p->cgroups)) {
		const char *file = c->version == 1 ? "/tasks" : "";
		size_t len;
		int fd;

		if (c->version != version)
			continue;
		if (cgroup_dir_path(p, c, path, e) < 0)
			return -1;
		len = strlen(path);
		if (len + strlen(file) >= sizeof(path) || f.n_tasks == CGROUP_MAX)
			return ps_fail(e, PS_E_CONFIG, "cgroup path '%s' is too long", path);
		(void)snprintf(path + len, sizeof(path) - len, "%s", file);
		fd = open(path, c->version == 1 ? O_WRONLY | O_CLOEXEC : O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return ps_fail_os(e, "open cgroup '%s' to join it", path);
		if (c->version == 1) {
			f.tasks[f.n_tasks++] = fd;
		} else {
			ps_fd_close(&f.v2_fd);
			f.v2_fd = fd;
		}
	}
	/* Added to what is there: version 2 is opened before the clone, version 1 after it. */
	if (version == 2) {
		ret->v2_fd = ps_take_fd(&f.v2_fd);
		return 0;
	}
	for (ret->n_tasks = 0; f.n_tasks; ret->n_tasks++)
		ret->tasks[ret->n_tasks] = f.tasks[--f.n_tasks];
	return 0;
}

int cgroup_join(const int *tasks, unsigned n, struct ps_err *e)
{
	for (unsigned i = 0; i < n; i++) {
		if (write(tasks[i], "0", 1) == 1)
			continue;
		if (errno == ENOSPC)
			return ps_fail(e, PS_E_CONFIG,
				       "join cgroup hierarchy #%u: its cpuset has no cpus or memory nodes, or no real-time budget", i);
		return ps_fail_os(e, "join cgroup hierarchy #%u", i);
	}
	return 0;
}
