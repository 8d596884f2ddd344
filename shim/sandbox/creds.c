/* SPDX-License-Identifier: Apache-2.0
 * creds.c - user and group ids of the payload.
 */
#include "shim/sandbox/privileges.h"

#include <stdbool.h>
#include <sys/stat.h>

static bool in_user_ns(const struct plan *p)
{
	if (p->ns_new & CLONE_NEWUSER)
		return true;
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins))
		if (j->flag & CLONE_NEWUSER)
			return true;
	return false;
}

static int bad_id(const struct plan *p, const char *member, const char *what, uint32_t id, struct ps_err *e)
{
	if (errno == EINVAL)
		(void)ps_fail(e, PS_E_CONFIG, "%s %u is not mapped in the container's user namespace", what,
			      id);
	else
		(void)ps_fail_os(e, "become %s %u", what, id);
	return ps_at_from(e, plan_str(p, p->user_from), member);
}

static int set_groups(const struct plan *p, struct ps_err *e)
{
	const uint32_t *gids = PLAN_ROWS(p, uint32_t, p->groups);
	int left;

	if (p->keeps_groups || ps_sys_setgroups(p->groups.n, gids) == 0)
		return 0;
	if (errno == EPERM && p->groups.n) {
		(void)ps_fail(
			e, PS_E_UNSUPP, "additional groups cannot be set here: %s",
			in_user_ns(p)
				? "the user namespace denies setgroups(2); map the groups with newgidmap, "
				  "or remove them"
				: "the runtime has no CAP_SETGID");
		return ps_at_from(e, plan_str(p, p->user_from), "/additionalGids");
	}
	if (errno == EINVAL && p->groups.n) {
		(void)ps_fail(e, PS_E_CONFIG, "a group is not mapped in the container's user namespace");
		return ps_at_from(e, plan_str(p, p->user_from), "/additionalGids");
	}
	/* A user namespace that denies setgroups keeps the groups for good: all that an unprivileged user could do. */
	if (errno == EPERM && in_user_ns(p))
		return 0;
	left = getgroups(0, NULL);
	return left == 0 ? 0 : ps_fail_os(e, "drop the supplementary groups");
}

static int verify(const struct plan *p, struct ps_err *e)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return ps_fail_os(e, "read our ids");
	for (int i = 0; i < 3; i++)
		if (uid[i] != p->uid || gid[i] != p->gid)
			return ps_fail(e, PS_E_BUG, "ids are %u:%u after a change to %u:%u", uid[i], gid[i],
				       p->uid, p->gid);
	return 0;
}

int creds_apply(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	/* caps_apply, which comes next, wants the permitted set to survive the change of uid. */
	if (prctl(PR_SET_KEEPCAPS, p->has_caps, 0, 0, 0) < 0)
		return ps_fail_os(e, "set PR_SET_KEEPCAPS");
	if (set_groups(p, e) < 0)
		return -1;
	if (ps_sys_setresgid(p->gid, p->gid, p->gid) < 0)
		return bad_id(p, "/gid", "group", p->gid, e);
	if (ps_sys_setresuid(p->uid, p->uid, p->uid) < 0)
		return bad_id(p, "/uid", "user", p->uid, e);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return ps_fail_os(e, "clear PR_SET_KEEPCAPS");
	if (p->has_umask)
		(void)umask(p->umask & 0777);
	return verify(p, e);
}
