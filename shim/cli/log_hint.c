/* SPDX-License-Identifier: Apache-2.0
 * log_hint.c - a failure for machines: a code that stays, and what to try next.
 */
#include "shim/cli/log_hint.h"

#include <errno.h>
#include <stddef.h>

#include "base/scope.h"

static const struct {
	enum ps_err_class cls;
	int sys;                     /* 0: any */
	const char *code, *hint;
} rows[] = {
	{ PS_E_OS, EPERM, "os", "see what this user and host lack: 'podshim check BUNDLE'" },
	{ PS_E_OS, EACCES, "os", "look at owner and mode of what the message names, and of the folders above it" },
	{ PS_E_OS, ENOENT, "os", "look whether what the message names exists, also where links lead" },
	{ PS_E_OS, ENOSPC, "os", "free space where the message points, or raise the limit there" },
	{ PS_E_OS, ENOMEM, "os", "free memory, or raise the memory limit of the caller's cgroup" },
	{ PS_E_OS, EMFILE, "os", "raise the limit of open files: 'ulimit -n'" },
	{ PS_E_OS, 0, "os", "run it again with --debug to see where it failed" },
	{ PS_E_CONFIG, 0, "invalid-config", "change the place that 'where' names; 'podshim plan BUNDLE' checks it without running anything" },
	{ PS_E_STATE, 0, "wrong-state", "'podshim state ID' tells what the container is doing" },
	{ PS_E_DENIED, 0, "denied", "'podshim explain' tells which entry decided, and what would allow it" },
	{ PS_E_UNSUPP, 0, "unsupported", "'podshim features' lists what is implemented, 'podshim check BUNDLE' what this host lacks" },
	{ PS_E_PEER, 0, "peer-failed", "another process ended early: look for it in the kernel's log, and run it again with --debug" },
	{ PS_E_USAGE, 0, "usage", "'podshim COMMAND --help' shows words and flags" },
	{ PS_E_NOTFOUND, 0, "not-found", "'podshim list' shows the containers below --root" },
	{ PS_E_EXISTS, 0, "exists", "take another name, or delete what has it" },
	{ PS_E_BUG, 0, "internal", "report it with what --debug adds" },
};

static size_t row_of(const struct ps_err *e)
{
	size_t i = 0;

	while (i < PS_COUNT(rows) - 1 && (rows[i].cls != e->cls || (rows[i].sys && rows[i].sys != e->sys)))
		i++;
	return i;
}

const char *log_code(const struct ps_err *e)
{
	return rows[row_of(e)].code;
}

const char *log_hint(const struct ps_err *e)
{
	return rows[row_of(e)].hint;
}
