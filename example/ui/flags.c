/* SPDX-License-Identifier: Apache-2.0
 * flags.c - which of podshim's flags a page may pass: permissions and limits; none that names a file of this server's user
 * for podshim to write, or a socket.  --tty is a terminal of this server's (run.c).
 */
#include <string.h>

#include "base/scope.h"
#include "example/ui/ui.h"

enum value { NONE = 1, VALUE = 2 };

static const struct { const char *name; unsigned takes; } rows[] = {
	{ "--allow-read", NONE | VALUE }, { "--deny-read", NONE | VALUE }, { "--warn-read", NONE | VALUE }, { "--ignore-read", NONE | VALUE },
	{ "--allow-write", NONE | VALUE }, { "--deny-write", NONE | VALUE }, { "--warn-write", NONE | VALUE },
	{ "--allow-net", NONE | VALUE }, { "--deny-net", NONE | VALUE }, { "--warn-net", NONE | VALUE },
	{ "--allow-env", NONE | VALUE }, { "--deny-env", NONE | VALUE }, { "--warn-env", NONE | VALUE }, { "--ignore-env", NONE | VALUE },
	{ "--allow-run", NONE | VALUE }, { "--deny-run", NONE | VALUE }, { "--warn-run", NONE | VALUE },
	{ "--allow-ffi", NONE | VALUE }, { "--deny-ffi", NONE | VALUE }, { "--warn-ffi", NONE | VALUE },
	{ "--allow-sys", NONE | VALUE }, { "--deny-sys", NONE | VALUE }, { "--warn-sys", NONE | VALUE },
	{ "-A", NONE }, { "--allow-all", NONE }, { "--best-effort", NONE }, { "--jit", NONE }, { "--undo", NONE }, { "--tty", NONE },
	{ "--reset-deny", NONE | VALUE }, { "--memory", VALUE }, { "--pids", VALUE }, { "--cpus", VALUE }, { "--timeout", VALUE },
	{ "--output-limit", VALUE }, { "--disk", VALUE }, { "--dns", VALUE }, { "--add-host", VALUE },
};

bool flag_is_permission(const char *flag)
{
	return strncmp(flag, "--timeout=", 10) != 0 && strcmp(flag, "--tty") != 0;
}

bool flag_is_known(const char *flag)
{
	const size_t n = strcspn(flag, "=");

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (strlen(rows[i].name) == n && !strncmp(rows[i].name, flag, n))
			return rows[i].takes & (flag[n] ? VALUE : NONE);
	return false;
}
