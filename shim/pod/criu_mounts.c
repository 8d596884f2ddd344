/* SPDX-License-Identifier: Apache-2.0
 * criu_mounts.c - the mounts of a container, and which of them show something of the host.
 *
 * Where a mount of the plan came to lie is asked of the kernel: a target may lead through links.
 */
#include "shim/pod/criu.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/scope.h"

enum { MOUNTINFO_MAX = 8 << 20 };

/* "\040" is a blank. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static char *word(char **line)
{
	char *w = *line, *end = w + strcspn(w, " ");

	*line = *end ? end + 1 : end;
	*end = '\0';
	unescape(w);
	return w;
}

static int number(char **line, int *ret)
{
	uint32_t v;

	if (ps_parse_u32(word(line), &v) < 0 || v > INT32_MAX)
		return -1;
	*ret = (int)v;
	return 0;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
static int parse_line(char *line, struct criu_mount *m)
{
	char *w;

	if (number(&line, &m->id) < 0 || number(&line, &m->parent) < 0)
		return -1;
	m->device = word(&line);
	m->root = word(&line);
	m->at = word(&line);
	m->options = word(&line);
	do
		w = word(&line);
	while (*w && strcmp(w, "-") != 0);
	m->fstype = word(&line);
	return *m->fstype ? 0 : -1;
}

int criu_mounts_read(struct ps_arena *a, pid_t pid, struct criu_mounts *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[40];
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	if (ps_read_file_at(AT_FDCWD, path, MOUNTINFO_MAX, &text, e) < 0)
		return -1;
	char *copy = ps_arena_strndup(a, text.data ? text.data : "", text.len);

	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n';
	struct criu_mounts m = { .v = ps_arena_array(a, n + 1, sizeof(*m.v)) };

	if (!copy || !m.v)
		return ps_fail_os(e, "memory for '%s'", path);
	for (char *line = copy, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (parse_line(line, &m.v[m.n++]) < 0)
			return ps_fail(e, PS_E_PEER, "'%s': line %zu is none of a mount", path, m.n);
	}
	*ret = m;
	return 0;
}

struct finder {
	struct ps_arena *a;
	const struct plan *p;
	struct criu_mounts *m;
	struct criu_externals out;
	size_t room;
	int root_fd;
};

static struct criu_mount *by_id(const struct criu_mounts *m, uint64_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if ((uint64_t)m->v[i].id == id)
			return &m->v[i];
	return NULL;
}

/* What is mounted at a path of the container; NULL when nothing is. */
static struct criu_mount *at_path(const struct finder *f, const char *path, struct stat *ret_st)
{
	ps_auto_fd int fd = ps_open_in_root(f->root_fd, path, O_PATH, 0);
	uint64_t id;

	if (fd < 0 || fstat(fd, ret_st) < 0 || ps_sys_mount_id(fd, &id) < 0 || ps_sys_is_mount_root(fd) != 1)
		return NULL;
	return by_id(f->m, id);
}

/* criu takes them from the source of a bind. */
static unsigned long flags_of(const char *options)
{
	static const struct { const char *name; unsigned long flag; } names[] = {
		{ "ro", MS_RDONLY },         { "nosuid", MS_NOSUID },         { "nodev", MS_NODEV },       { "noexec", MS_NOEXEC },
		{ "noatime", MS_NOATIME },   { "nodiratime", MS_NODIRATIME }, { "relatime", MS_RELATIME }, { "nosymfollow", 256 },
	};
	unsigned long flags = 0;

	for (const char *p = options; *p; p += strcspn(p, ","), p += *p == ',')
		for (size_t i = 0; i < PS_COUNT(names); i++)
			if (strcspn(p, ",") == strlen(names[i].name) && !strncmp(p, names[i].name, strlen(names[i].name)))
				flags |= names[i].flag;
	return flags;
}

static int add(struct finder *f, struct criu_mount *m, const char *source, struct ps_err *e)
{
	for (size_t i = 0; i < f->out.n; i++)
		if (!strcmp(f->out.v[i].at, m->at))
			return 0;
	if (f->out.n == f->room)
		return ps_fail(e, PS_E_BUG, "more mounts of the host than mounts");
	m->of_host = true;
	f->out.v[f->out.n++] = (struct criu_external){ .at = m->at, .source = source, .flags = flags_of(m->options) };
	return 0;
}

/* What came along below a recursive bind: its place there is its place below the source. */
static int add_below(struct finder *f, const struct criu_mount *top, const char *source, struct ps_err *e)
{
	for (size_t i = 0; i < f->m->n; i++) {
		struct criu_mount *m = &f->m->v[i];
		const size_t len = strlen(top->at);

		if (m->parent != top->id || m == top || m->planned || strncmp(m->at, top->at, len) != 0)
			continue;
		const char *there = ps_arena_printf(f->a, "%s%s", source, m->at + len);

		if (!there)
			return ps_fail_os(e, "memory for the mounts of the host");
		if (add(f, m, there, e) < 0 || add_below(f, m, there, e) < 0)
			return -1;
	}
	return 0;
}

static void mark_planned(const struct finder *f, const char *path)
{
	struct stat st;
	struct criu_mount *m = at_path(f, path, &st);

	if (m)
		m->planned = true;
}

static bool is_bind(const struct plan_mount *m)
{
	return m->kind == PLAN_MOUNT_BIND && m->fd != PLAN_NO_FD;
}

static void mark(const struct finder *f)
{
	const struct plan *p = f->p;

	for (PLAN_EACH(p, struct plan_mount, m, p->mounts))
		mark_planned(f, plan_str(p, m->target));
	for (PLAN_EACH(p, struct plan_path, row, p->masked))
		mark_planned(f, plan_str(p, row->path));
	for (PLAN_EACH(p, struct plan_path, row, p->readonly))
		mark_planned(f, plan_str(p, row->path));
	for (PLAN_EACH(p, struct plan_device, d, p->devices))
		mark_planned(f, plan_str(p, d->path));
}

static const struct plan_fd *fd_row(const struct plan *p, uint32_t fd)
{
	return &PLAN_ROWS(p, struct plan_fd, p->fds)[fd];
}

static int add_binds(struct finder *f, struct ps_err *e)
{
	const struct plan *p = f->p;
	struct stat st;

	for (PLAN_EACH(p, struct plan_mount, row, p->mounts)) {
		struct criu_mount *m = is_bind(row) ? at_path(f, plan_str(p, row->target), &st) : NULL;

		if (!m)
			continue;
		const struct plan_fd *fd = fd_row(p, row->fd);

		if (add(f, m, plan_str(p, fd->path), e) < 0 ||
		    ((fd->flags & PLAN_FD_RECURSIVE) && add_below(f, m, plan_str(p, fd->path), e) < 0))
			return -1;
	}
	return 0;
}

static int add_nodes(struct finder *f, struct ps_err *e)
{
	const struct plan *p = f->p;
	struct criu_mount *m;
	struct stat st;

	for (PLAN_EACH(p, struct plan_device, d, p->devices)) {
		m = d->fd == PLAN_NO_FD ? NULL : at_path(f, plan_str(p, d->path), &st);
		if (m && add(f, m, plan_str(p, fd_row(p, d->fd)->path), e) < 0)
			return -1;
	}
	/* What masks a file is the host's null device; what masks a folder is a tmpfs. */
	for (PLAN_EACH(p, struct plan_path, row, p->masked)) {
		m = at_path(f, plan_str(p, row->path), &st);
		if (m && !S_ISDIR(st.st_mode) && add(f, m, "/dev/null", e) < 0)
			return -1;
	}
	return 0;
}

/* The container's directory of a hierarchy, as the host sees it. */
static const struct plan_cgroup *cgroup_at(const struct finder *f, const struct plan_mount *row, const struct criu_mount *m)
{
	const char *name = strrchr(m->at, '/') + 1;

	for (PLAN_EACH(f->p, struct plan_cgroup, c, f->p->cgroups)) {
		const char *controllers = plan_str(f->p, c->controllers);

		controllers += strncmp(controllers, "name=", 5) ? 0 : 5;
		if (row->kind == PLAN_MOUNT_CGROUP2 ? c->version == 2
						    : !strcmp(name, c->version == 2 ? "unified" : controllers))
			return c;
	}
	return NULL;
}

/* Those are binds of the host's directories, too (cgroup_mount.c): criu would make them anew at the hierarchy's root. */
static int add_cgroups(struct finder *f, struct ps_err *e)
{
	const struct plan *p = f->p;

	for (PLAN_EACH(p, struct plan_mount, row, p->mounts)) {
		struct stat st;
		struct criu_mount *top = row->kind == PLAN_MOUNT_CGROUP1 || row->kind == PLAN_MOUNT_CGROUP2 ? at_path(f, plan_str(p, row->target), &st) : NULL;

		for (size_t i = 0; top && i < f->m->n; i++) {
			struct criu_mount *m = &f->m->v[i];
			const bool meant = row->kind == PLAN_MOUNT_CGROUP2 ? m == top : m->parent == top->id;
			const struct plan_cgroup *c = meant && !strncmp(m->fstype, "cgroup", 6) ? cgroup_at(f, row, m) : NULL;

			if (!c)
				continue;
			const char *path = plan_str(p, c->path);
			const char *dir = ps_arena_printf(f->a, "%s/%s", plan_str(p, c->mount), path + strspn(path, "/"));

			if (!dir)
				return ps_fail_os(e, "memory for the mounts of the host");
			if (add(f, m, dir, e) < 0)
				return -1;
		}
	}
	return 0;
}

int criu_externals(struct ps_arena *a, const struct plan *p, pid_t pid, struct criu_mounts *m, struct criu_externals *ret, struct ps_err *e)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	ps_auto_fd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct finder f = { .a = a, .p = p, .m = m, .room = m->n, .root_fd = root, .out.v = ps_arena_array(a, m->n + 1, sizeof(*f.out.v)) };

	if (root < 0)
		return ps_fail_os(e, "open '%s'", path);
	if (!f.out.v)
		return ps_fail_os(e, "memory for the mounts of the host");
	mark(&f);
	if (add_binds(&f, e) < 0 || add_nodes(&f, e) < 0 || add_cgroups(&f, e) < 0)
		return -1;
	*ret = f.out;
	return 0;
}
