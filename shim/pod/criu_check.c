/* SPDX-License-Identifier: Apache-2.0
 * criu_check.c - what criu made of images, compared with config.json before it runs.
 *
 * A process is what its image says, whoever wrote that: with any rights, in the host's namespaces, over any mounts.  Each thread of
 * each process is looked at while all of them stand still.
 */
#include "shim/pod/criu.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/scope.h"

enum { STATUS_MAX = 64 * 1024, CHILDREN_MAX = 1 << 20, DEPTH_MAX = 4096 };

static const struct { uint64_t flag; const char *name; } kinds[] = {
	{ CLONE_NEWUSER, "user" }, { CLONE_NEWPID, "pid" }, { CLONE_NEWNET, "net" }, { CLONE_NEWNS, "mnt" },
	{ CLONE_NEWIPC, "ipc" },   { CLONE_NEWUTS, "uts" }, { CLONE_NEWCGROUP, "cgroup" },
};

struct check {
	struct ps_arena *a;
	const struct plan *p;
	uint64_t apart;              /* CLONE_NEW* of namespaces that are not the host's */
	uint64_t caps;               /* of which every set is a part */
	ino_t init_mnt;
	bool may_mount;
};

static int status_number(const char *text, const char *key, int base, uint64_t *ret)
{
	const char *found = strstr(text, key);
	char *end;

	if (!found)
		return -1;
	*ret = strtoull(found + strlen(key), &end, base);
	return *end == '\n' ? 0 : -1;
}

static int read_number(const char *text, const char *key, int base, const char *path, uint64_t *ret, struct ps_err *e)
{
	return status_number(text, key, base, ret) < 0 ? ps_fail(e, PS_E_OS, "'%s' has no line '%s'", path, key + 1) : 0;
}

static int ns_of(const char *thread, const char *name, ino_t *ret, struct ps_err *e)
{
	char path[96];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/ns/%s", thread, name);
	if (stat(path, &st) < 0)
		return ps_fail_os(e, "look at '%s'", path);
	*ret = st.st_ino;
	return 0;
}

static int check_namespaces(const struct check *c, const char *thread, struct ps_err *e)
{
	for (size_t i = 0; i < PS_COUNT(kinds); i++) {
		ino_t own, host;

		if (!(c->apart & kinds[i].flag))
			continue;
		if (ns_of(thread, kinds[i].name, &own, e) < 0 || ns_of("/proc/self", kinds[i].name, &host, e) < 0)
			return -1;
		if (own == host)
			return ps_fail(e, PS_E_DENIED, "its images put %s in the host's %s namespace, and config.json does not", thread, kinds[i].name);
		if (kinds[i].flag == CLONE_NEWNS && own != c->init_mnt && !c->may_mount)
			return ps_fail(e, PS_E_DENIED, "its images give %s mounts of its own, which it could not have made", thread);
	}
	return 0;
}

static int check_rights(const struct check *c, const char *thread, struct ps_err *e)
{
	static const char *const sets[] = { "\nCapInh:\t", "\nCapPrm:\t", "\nCapEff:\t", "\nCapBnd:\t", "\nCapAmb:\t" };
	ps_auto_buf struct ps_buf text = { .data = NULL };
	uint64_t v;
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/status", thread);
	if (ps_read_file_at(AT_FDCWD, path, STATUS_MAX, &text, e) < 0)
		return -1;
	for (size_t i = 0; c->p->has_caps && i < PS_COUNT(sets); i++) {
		if (read_number(text.data, sets[i], 16, path, &v, e) < 0)
			return -1;
		if (v & ~c->caps)
			return ps_fail(e, PS_E_DENIED, "its images give %s capabilities that config.json does not: %#" PRIx64 " of %.6s", thread, v & ~c->caps,
				       sets[i] + 1);
	}
	if (read_number(text.data, "\nNoNewPrivs:\t", 10, path, &v, e) < 0)
		return -1;
	if (c->p->no_new_privs && !v)
		return ps_fail(e, PS_E_DENIED, "its images let %s gain privileges, and config.json does not: /process/noNewPrivileges", thread);
	if (read_number(text.data, "\nSeccomp:\t", 10, path, &v, e) < 0)
		return -1;
	if (c->p->seccomp.n && v != SECCOMP_MODE_FILTER)
		return ps_fail(e, PS_E_DENIED, "its images give %s no system call filter, and config.json does: /linux/seccomp", thread);
	return 0;
}

static int check_process(const struct check *c, pid_t pid, unsigned depth, struct ps_err *e);

static int check_children(const struct check *c, const char *thread, unsigned depth, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/children", thread);
	if (ps_read_file_at(AT_FDCWD, path, CHILDREN_MAX, &text, e) < 0)
		return -1;
	for (char *p = text.data, *end; p && *p; p = end) {
		const long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (check_process(c, (pid_t)pid, depth + 1, e) < 0)
			return -1;
		end += *end == ' ';
	}
	return 0;
}

static int check_process(const struct check *c, pid_t pid, unsigned depth, struct ps_err *e)
{
	char path[48], thread[64];
	struct dirent *entry;
	uint32_t tid;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	ps_auto_dir DIR *d = opendir(path);

	if (!d)
		return ps_fail_os(e, "read '%s'", path);
	if (depth == DEPTH_MAX)
		return ps_fail(e, PS_E_DENIED, "its images have processes %d generations deep", (int)depth);
	while ((errno = 0, entry = readdir(d))) {
		if (ps_parse_u32(entry->d_name, &tid) < 0)
			continue;
		(void)snprintf(thread, sizeof(thread), "/proc/%d/task/%u", (int)pid, tid);
		if (check_namespaces(c, thread, e) < 0 || check_rights(c, thread, e) < 0 || check_children(c, thread, depth, e) < 0)
			return -1;
	}
	return errno ? ps_fail_os(e, "read '%s'", path) : 0;
}

static bool has_option(const char *options, const char *name)
{
	const size_t len = strlen(name);

	for (const char *p = options; *p; p += strcspn(p, ","), p += *p == ',')
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ','))
			return true;
	return false;
}

/* Of these each restore makes new ones, and what they show follows from the namespaces. */
static bool is_remade(const struct criu_mount *m)
{
	static const char *const types[] = { "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2" };

	for (size_t i = 0; i < PS_COUNT(types); i++)
		if (!m->of_host && !strcmp(m->fstype, types[i]))
			return true;
	return false;
}

static bool is_same(const struct criu_mount *is, const struct criu_mount *meant)
{
	static const char *const takes_away[] = { "ro", "nosuid", "nodev", "noexec" };

	if (strcmp(is->fstype, meant->fstype) != 0)
		return false;
	if (!is_remade(meant) && (strcmp(is->device, meant->device) != 0 || strcmp(is->root, meant->root) != 0))
		return false;
	for (size_t i = 0; i < PS_COUNT(takes_away); i++)
		if (has_option(meant->options, takes_away[i]) && !has_option(is->options, takes_away[i]))
			return false;
	return true;
}

static size_t index_of(const struct criu_mounts *m, int id)
{
	size_t i = 0;

	while (i < m->n && m->v[i].id != id)
		i++;
	return i;
}

/* A terminal of the container's, bound there when it was opened: what is prepared without a process has none. */
static bool has_console(const struct criu_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].at, "/dev/console") && !strcmp(m->v[i].fstype, "devpts"))
			return true;
	return false;
}

/* Who may not mount has what was mounted for it: the same mounts on the same mounts. */
static int check_all_mounts(const struct check *c, const struct criu_mounts *is, const struct criu_mounts *meant, struct ps_err *e)
{
	size_t *where = ps_arena_array(c->a, meant->n + 1, sizeof(*where));

	if (!where)
		return ps_fail_os(e, "memory for mounts");
	for (size_t i = 0; i < meant->n; i++) {
		const struct criu_mount *m = &meant->v[i];
		size_t k = 0, nth = 0;

		for (size_t before = 0; before < i; before++)
			nth += !strcmp(meant->v[before].at, m->at);
		for (; k < is->n; k++)
			if (!strcmp(is->v[k].at, m->at) && !nth--)
				break;
		where[i] = k;
		const size_t parent = index_of(meant, m->parent);

		if (k == is->n || !is_same(&is->v[k], m) ||
		    (parent < i && index_of(is, is->v[k].parent) != where[parent]))
			return ps_fail(e, PS_E_DENIED, "its images have at '%s' %s%s%s, and config.json mounts %s, %s there", m->at,
				       k < is->n ? is->v[k].fstype : "nothing", k < is->n ? ", " : "", k < is->n ? is->v[k].options : "", m->fstype,
				       m->options);
	}
	if (is->n != meant->n + (c->p->terminal && has_console(is)))
		return ps_fail(e, PS_E_DENIED, "its images have %zu mounts, and config.json makes %zu", is->n, meant->n);
	return 0;
}

/* Who may mount has made mounts of its own: of what belongs to nobody else. */
static int check_some_mounts(const struct criu_mounts *is, const struct criu_mounts *meant, struct ps_err *e)
{
	for (size_t i = 0; i < is->n; i++) {
		bool known = is_remade(&is->v[i]);

		for (size_t k = 0; !known && k < meant->n; k++) {
			const size_t len = strlen(meant->v[k].root);

			known = !strcmp(is->v[i].device, meant->v[k].device) && !strncmp(is->v[i].root, meant->v[k].root, len) &&
				(!is->v[i].root[len] || is->v[i].root[len] == '/' || meant->v[k].root[len - 1] == '/');
		}
		if (!known)
			return ps_fail(e, PS_E_DENIED, "its images mount at '%s' something of type %s that is nowhere in config.json", is->v[i].at, is->v[i].fstype);
	}
	return 0;
}

/* Those namespaces that the plan makes, or joins, and are not ours. */
static int look_apart(struct check *c, struct ps_err *e)
{
	const struct plan *p = c->p;
	struct stat st;
	ino_t ours;

	c->apart = p->ns_new & ~(uint64_t)CLONE_NEWTIME;
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins))
		for (size_t i = 0; i < PS_COUNT(kinds); i++) {
			if (kinds[i].flag != j->flag)
				continue;
			if (stat(plan_str(p, j->path), &st) < 0)
				return ps_fail_os(e, "look at the namespace '%s'", plan_str(p, j->path));
			if (ns_of("/proc/self", kinds[i].name, &ours, e) < 0)
				return -1;
			c->apart |= st.st_ino != ours ? j->flag : 0;
		}
	return 0;
}

int criu_check(struct ps_arena *a, const struct plan *p, pid_t pid, const struct criu_mounts *like, struct ps_err *e)
{
	const struct plan_caps *caps = &p->caps;
	struct check c = { .a = a, .p = p };
	struct criu_mounts is;
	char path[40];

	c.caps = caps->bounding | caps->permitted | caps->effective | caps->inheritable | caps->ambient;
	c.may_mount = !p->has_caps || (c.caps >> CAP_SYS_ADMIN & 1);
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (look_apart(&c, e) < 0 || ns_of(path, "mnt", &c.init_mnt, e) < 0 || criu_mounts_read(a, pid, &is, e) < 0)
		return -1;
	if ((c.may_mount ? check_some_mounts(&is, like, e) : check_all_mounts(&c, &is, like, e)) < 0)
		return -1;
	return check_process(&c, pid, 0, e);
}
