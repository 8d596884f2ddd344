/* SPDX-License-Identifier: Apache-2.0
 * landlock.c - rulesets of the container's own paths, and the domain made of them.
 */
#include "shim/sandbox/landlock.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/memfd.h"
#include "base/path.h"
#include "shim/sandbox/mount_util.h"

static const uint64_t file_rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
				    LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV;

/* A rule for what is no directory must not name rights of directories (EINVAL): there is nothing in it. */
static int add(int ruleset, struct landlock_path_beneath_attr *rule)
{
	int rc = ps_sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, rule), why = errno;
	struct stat st;

	if (rc == 0 || why != EINVAL || fstat(rule->parent_fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		errno = why;
		return rc;
	}
	rule->allowed_access &= file_rights;
	return rule->allowed_access ? ps_sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, rule) : 0;
}

/* *ret_object: what the rule is about; none where it was left out. */
static int add_row(int ruleset, int root, const struct plan *p, const struct plan_landlock_rule *row,
		   struct ps_object *ret_object, struct ps_err *e)
{
	ps_auto_fd int fd = ps_open_in_root(root, plan_str(p, row->path), O_PATH, 0);
	struct landlock_path_beneath_attr rule = { .allowed_access = row->access, .parent_fd = fd };

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return row->flags & PLAN_OPTIONAL ? 0 : ps_fail(e, PS_E_NOTFOUND, "the container has no such path");
	if (fd < 0)
		return ps_fail_os(e, "open");
	if (!ps_object_is(fd, row->object))
		return row->flags & PLAN_OPTIONAL ? 0 : mnt_fail_other(plan_str(p, row->path), e);
	*ret_object = ps_object_of(fd);
	return add(ruleset, &rule) < 0 ? ps_fail_os(e, "add the rule") : 0;
}

static int *place(struct sandbox *sb)
{
	for (size_t i = 0; i < PS_COUNT(sb->ruleset_fd); i++)
		if (sb->ruleset_fd[i] < 0)
			return &sb->ruleset_fd[i];
	return NULL;
}

bool landlock_same(const struct plan *a, const struct plan *b)
{
	const struct plan_landlock_rule *x = PLAN_ROWS(a, struct plan_landlock_rule, a->landlock);
	const struct plan_landlock_rule *y = PLAN_ROWS(b, struct plan_landlock_rule, b->landlock);

	if (a->landlock.n != b->landlock.n || a->landlock_fs != b->landlock_fs || a->landlock_scoped != b->landlock_scoped)
		return false;
	for (uint32_t i = 0; i < a->landlock.n; i++)
		if (x[i].access != y[i].access || x[i].flags != y[i].flags || strcmp(plan_str(a, x[i].path), plan_str(b, y[i].path)) != 0 ||
		    memcmp(&x[i].object, &y[i].object, sizeof(x[i].object)) != 0)
			return false;
	return true;
}

enum { OBJECTS_AT_ONCE = 64 };

struct objects { struct ps_object v[OBJECTS_AT_ONCE]; size_t n; int fd; };

static int objects_flush(struct objects *o, struct ps_err *e)
{
	size_t n = o->n;

	o->n = 0;
	return o->fd < 0 || ps_write_all(o->fd, o->v, n * sizeof(o->v[0])) == 0 ? 0 : ps_fail_os(e, "Landlock: write what the rules are about");
}

static int add_rows(int ruleset, const struct plan *p, struct plan_list rules, struct objects *o, struct ps_err *e)
{
	ps_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return ps_fail_os(e, "Landlock: open the root");
	for (PLAN_EACH(p, struct plan_landlock_rule, row, rules)) {
		struct ps_object *object = &o->v[o->n++];

		*object = (struct ps_object){ 0, 0 };
		if (add_row(ruleset, root, p, row, object, e) < 0) {
			ps_ctx(e, "Landlock: rule for '%s'", plan_str(p, row->path));
			return ps_at_from(e, plan_str(p, row->from), "");
		}
		if (o->n == OBJECTS_AT_ONCE && objects_flush(o, e) < 0)
			return -1;
	}
	return objects_flush(o, e);
}

/* objects_fd: where it is written what the rules are about; -1: nowhere. */
static int make(struct sandbox *sb, uint64_t fs, uint64_t scoped, struct plan_list rules, int objects_fd, struct ps_err *e)
{
	const struct ps_landlock_ruleset_attr attr = { .handled_access_fs = fs, .scoped = scoped };
	struct objects o = { .fd = objects_fd };
	int *keep = place(sb);

	if (!keep)
		return ps_fail(e, PS_E_BUG, "Landlock: a third ruleset");
	ps_auto_fd int ruleset = ps_sys_landlock_create_ruleset(&attr, sizeof(attr), 0);

	if (ruleset < 0)
		return ps_fail_os(e, "Landlock: make a ruleset");
	if (add_rows(ruleset, sb->plan, rules, &o, e) < 0)
		return -1;
	*keep = ps_take_fd(&ruleset);
	return 0;
}

int landlock_prepare(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	/* Of a container that is made: what comes into it later is under the same rules. */
	const bool tells = p->rootfs_fd != PLAN_NO_FD && sb->ruleset_fd[0] < 0;

	if ((p->under_fs || p->under_scoped) && make(sb, p->under_fs, p->under_scoped, p->under, -1, e) < 0)
		return -1;
	if (!p->landlock_fs && !p->landlock_scoped)
		return 0;
	ps_auto_fd int objects = tells ? ps_memfd("podshim-rules", 0, MFD_NOEXEC_SEAL) : -1;

	if (tells && objects < 0)
		return ps_fail_os(e, "Landlock: make a file for what the rules are about");
	if (make(sb, p->landlock_fs, p->landlock_scoped, p->landlock, objects, e) < 0)
		return -1;
	if (tells)
		sb->objects_fd = ps_take_fd(&objects);
	return 0;
}

int landlock_enter(struct sandbox *sb, struct ps_err *e)
{
	for (size_t i = 0; i < PS_COUNT(sb->ruleset_fd); i++) {
		if (sb->ruleset_fd[i] < 0)
			continue;
		if (ps_sys_landlock_restrict_self(sb->ruleset_fd[i], sb->plan->landlock_flags) < 0)
			return ps_fail_os(e, "Landlock: enter the domain");
		ps_fd_close(&sb->ruleset_fd[i]);
	}
	return 0;
}
