/* SPDX-License-Identifier: Apache-2.0
 * caps.c - the capability sets of the payload.
 */
#include "shim/sandbox/privileges.h"

#include <stdbool.h>

enum { CAP_BITS = 64 };

static bool has(uint64_t set, unsigned cap)
{
	return set >> cap & 1;
}

int caps_drop_bounding(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	if (!p->has_caps)
		return 0;
	for (unsigned cap = 0; cap < CAP_BITS; cap++) {
		if (has(p->caps.bounding, cap) || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* past the kernel's last capability */
			return 0;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return ps_fail_os(e, "drop capability %u from the bounding set", cap);
	}
	return 0;
}

/* The three sets of a process, 64 bits wide. */
struct sets {
	uint64_t effective, permitted, inheritable;
};

static int get(struct sets *ret)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (ps_sys_capget(&head, data) < 0)
		return -1;
	ret->effective = (uint64_t)data[1].effective << 32 | data[0].effective;
	ret->permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	ret->inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
	return 0;
}

static int set(const struct sets *s)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[2] = {
		{ (uint32_t)s->effective, (uint32_t)s->permitted, (uint32_t)s->inheritable },
		{ (uint32_t)(s->effective >> 32), (uint32_t)(s->permitted >> 32),
		  (uint32_t)(s->inheritable >> 32) },
	};

	return ps_sys_capset(&head, data);
}

bool caps_effective(unsigned cap)
{
	struct sets now;

	return get(&now) == 0 && has(now.effective, cap);
}

int caps_apply(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan_caps *want = &sb->plan->caps;
	struct sets now, then;
	uint64_t ambient;

	if (!sb->plan->has_caps)
		return 0;
	if (get(&now) < 0)
		return ps_fail_os(e, "read our capabilities");
	then.permitted = want->permitted & now.permitted;
	then.effective = want->effective & then.permitted;
	then.inheritable = want->inheritable & (now.inheritable | (now.permitted & want->bounding));
	ambient = want->ambient & then.permitted & then.inheritable;

	/* ENOSYS and EINVAL cannot be: the ambient set is as old as 4.3. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return ps_fail_os(e, "clear the ambient capabilities");
	if (set(&then) < 0)
		return ps_fail_os(e, "set the capabilities");
	for (unsigned cap = 0; cap < CAP_BITS; cap++)
		if (has(ambient, cap) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return ps_fail_os(e, "raise capability %u into the ambient set", cap);
	return 0;
}

int no_new_privs_apply(const struct sandbox *sb, struct ps_err *e)
{
	if (sb->plan->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ps_fail_os(e, "set no_new_privs");
	return 0;
}

int mdwe_apply(const struct sandbox *sb, struct ps_err *e)
{
	if (sb->plan->mdwe && prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) < 0)
		return ps_fail_os(e, "forbid that memory becomes executable later");
	return 0;
}
