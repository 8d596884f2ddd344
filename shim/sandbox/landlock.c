/* SPDX-License-Identifier: Apache-2.0
 * landlock.c - rulesets of the container's own paths, and the domain made of them.
 */
#include "shim/sandbox/landlock.h"

#include <sys/stat.h>

#include "base/path.h"

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

static int add_row(int ruleset, int root, const struct plan *p, const struct plan_landlock_rule *row, struct ps_err *e)
{
	ps_auto_fd int fd = ps_open_in_root(root, plan_str(p, row->path), O_PATH, 0);
	struct landlock_path_beneath_attr rule = { .allowed_access = row->access, .parent_fd = fd };

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return row->flags & PLAN_OPTIONAL ? 0 : ps_fail(e, PS_E_NOTFOUND, "the container has no such path");
	if (fd < 0)
		return ps_fail_os(e, "open");
	return add(ruleset, &rule) < 0 ? ps_fail_os(e, "add the rule") : 0;
}

static int *place(struct sandbox *sb)
{
	for (size_t i = 0; i < PS_COUNT(sb->ruleset_fd); i++)
		if (sb->ruleset_fd[i] < 0)
			return &sb->ruleset_fd[i];
	return NULL;
}

int landlock_prepare(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	const struct ps_landlock_ruleset_attr attr = { .handled_access_fs = p->landlock_fs, .scoped = p->landlock_scoped };
	int *keep = place(sb);

	if (!p->landlock_fs && !p->landlock_scoped)
		return 0;
	if (!keep)
		return ps_fail(e, PS_E_BUG, "Landlock: a third ruleset");
	ps_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ps_auto_fd int ruleset = ps_sys_landlock_create_ruleset(&attr, sizeof(attr), 0);

	if (root < 0 || ruleset < 0)
		return ps_fail_os(e, "Landlock: make a ruleset");
	for (PLAN_EACH(p, struct plan_landlock_rule, row, p->landlock))
		if (add_row(ruleset, root, p, row, e) < 0) {
			ps_ctx(e, "Landlock: rule for '%s'", plan_str(p, row->path));
			return ps_at_from(e, plan_str(p, row->from), "");
		}
	*keep = ps_take_fd(&ruleset);
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
