/* SPDX-License-Identifier: Apache-2.0
 * keyring.c - a session keyring of the container's own.
 */
#include "shim/sandbox/process.h"

#include <linux/keyctl.h>
#include <stdio.h>

/* What a new session keyring grants (possessor: all; user: view, read, link), and search, so that exec can join it. */
enum { KEYRING_PERM = 0x3f1b0000 };

int keyring_join(const struct sandbox *sb, struct ps_err *e)
{
	char name[1024 + sizeof("_ses.")];
	long id;

	if (!sb->plan->new_keyring)
		return 0;
	(void)snprintf(name, sizeof(name), "_ses.%s", plan_str(sb->plan, sb->plan->id));
	id = ps_sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)name, 0, 0, 0);
	if (id < 0 && errno == ENOSYS)
		return 0;
	if (id < 0 && errno == EDQUOT)
		return ps_fail(
			e, PS_E_UNSUPP,
			"join session keyring '%s': the quota of keys is used up: raise the sysctl kernel.keys.maxkeys "
			"or use --no-new-keyring",
			name);
	if (id < 0)
		return ps_fail_os(e, "join session keyring '%s' (--no-new-keyring avoids it)", name);
	/* Refused for a keyring that another user made under this name; it works without. */
	(void)ps_sys_keyctl(KEYCTL_SETPERM, (unsigned long)id, KEYRING_PERM, 0, 0);
	return 0;
}
