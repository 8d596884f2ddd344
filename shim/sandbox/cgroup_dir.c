/* SPDX-License-Identifier: Apache-2.0
 * cgroup_dir.c - what the cgroup files share: paths, control files, lists of pids.
 */
#include "shim/sandbox/cgroup_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/scope.h"

int cgroup_dir_path(const struct plan *p, const struct plan_cgroup *c, char out[PATH_MAX], struct ps_err *e)
{
	const char *mount = plan_str(p, c->mount), *path = plan_str(p, c->path);
	const char *rel = path + strspn(path, "/");
	int n = snprintf(out, PATH_MAX, "%s/%s", mount, rel);

	if (n < 0 || n >= PATH_MAX)
		return ps_fail(e, PS_E_CONFIG, "cgroup path '%s' is too long", path);
	if (!*rel)
		return ps_fail(e, PS_E_CONFIG, "cgroup path '%s' is the root of '%s'", path, mount);
	for (const char *s = rel; s; s = strchr(s, '/')) {
		s += *s == '/';
		if (strncmp(s, "..", 2) == 0 && (s[2] == '/' || !s[2]))
			return ps_fail(e, PS_E_CONFIG, "cgroup path '%s' holds '..'", path);
	}
	return 0;
}

bool cgroup_has_controller(const struct plan *p, const struct plan_cgroup *c, const char *controller)
{
	size_t n = strlen(controller);

	for (const char *s = plan_str(p, c->controllers); s; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, controller, n) == 0 && (s[n] == ',' || !s[n]))
			return true;
	}
	return false;
}

ssize_t cgroup_read(int dir_fd, const char *file, char *out, size_t size)
{
	ps_auto_fd int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = read(fd, out, size - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	n -= n && out[n - 1] == '\n';
	out[n] = '\0';
	return n;
}

int cgroup_write(int dir_fd, const char *file, const char *text)
{
	ps_auto_fd int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* ---- Trees ---- */

enum { MAX_DEPTH = 256, PROCS_MAX = 64 * 1024 * 1024 };

struct walk {
	const char *name;
	int (*fn)(int dir_fd, const char *name, void *ctx, struct ps_err *e);
	void *ctx;
	struct ps_err *e;
};

static int walk(const struct walk *w, int dir_fd, unsigned depth)
{
	ps_auto_fd int list_fd = -1;
	ps_auto_dir DIR *dir = NULL;
	const struct dirent *entry;

	if (w->fn(dir_fd, w->name, w->ctx, w->e) < 0)
		return -1;
	if (depth > MAX_DEPTH)
		return ps_fail(w->e, PS_E_UNSUPP, "cgroup '%s' is nested deeper than %d", w->name, MAX_DEPTH);
	list_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	if (!dir)
		return errno == ENOENT ? 0 : ps_fail_os(w->e, "list cgroup '%s'", w->name);
	(void)ps_take_fd(&list_fd);
	while ((entry = readdir(dir))) {
		ps_auto_fd int fd = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		fd = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return ps_fail_os(w->e, "open cgroup '%s' below '%s'", entry->d_name, w->name);
		if (walk(w, fd, depth + 1) < 0)
			return -1;
	}
	return 0;
}

int cgroup_walk(int dir_fd, const char *name,
		int (*fn)(int dir_fd, const char *name, void *ctx, struct ps_err *e), void *ctx,
		struct ps_err *e)
{
	const struct walk w = { .name = name, .fn = fn, .ctx = ctx, .e = e };

	return walk(&w, dir_fd, 0);
}

static int add_pid(struct pid_list *l, pid_t pid)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		pid_t *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return -1;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = pid;
	return 0;
}

static int add_pids(int dir_fd, const char *name, void *ctx, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .len = 0 };
	ps_auto_fd int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint32_t pid;

	if (fd < 0)
		return errno == ENOENT ? 0 : ps_fail_os(e, "open '%s/cgroup.procs'", name);
	if (ps_read_fd(fd, "cgroup.procs", PROCS_MAX, &text, e) < 0) {
		/* EOPNOTSUPP: threaded, listed by the parent; ENODEV: removed meanwhile. */
		return errno == EOPNOTSUPP || errno == ENODEV ? 0 : ps_ctx(e, "cgroup '%s'", name);
	}
	for (char *rest = text.data, *line; rest && (line = strsep(&rest, "\n"));)
		/* 0: a process outside our pid namespace; never a number for kill(2). */
		if (ps_parse_u32(line, &pid) == 0 && pid > 0 && pid <= INT_MAX &&
		    add_pid(ctx, (pid_t)pid) < 0)
			return ps_fail_os(e, "list the processes of cgroup '%s'", name);
	return 0;
}

int cgroup_pids_of(int dir_fd, const char *name, struct pid_list *out, struct ps_err *e)
{
	return add_pids(dir_fd, name, out, e);
}

int cgroup_tree_pids(int dir_fd, const char *name, struct pid_list *out, struct ps_err *e)
{
	return cgroup_walk(dir_fd, name, add_pids, out, e);
}
