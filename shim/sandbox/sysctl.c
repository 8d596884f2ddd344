/* SPDX-License-Identifier: Apache-2.0
 * sysctl.c - kernel parameters of the container's namespaces.
 */
#include "shim/sandbox/process.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "shim/sandbox/procfs.h"

static int set(const struct sandbox *sb, const char *name, const char *value, struct ps_err *e)
{
	ps_auto_fd int fd = -1;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "sys/%s", name);

	if (n < 0 || (size_t)n >= sizeof(path) || *name == '/' || strstr(name, ".."))
		return ps_fail(e, PS_E_CONFIG, "sysctl '%s' is not a name", name);
	fd = procfs_open_at(sb, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return ps_fail(e, PS_E_UNSUPP, "sysctl '%s' does not exist in this kernel or namespace",
			       name);
	if (fd < 0)
		return ps_fail_os(e, "open sysctl '%s'", name);
	if (write(fd, value, strlen(value)) < 0)
		return ps_fail_os(e, "set sysctl '%s' to '%s'", name, value);
	return 0;
}

int sysctls_apply(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	for (PLAN_EACH(p, struct plan_sysctl, s, p->sysctl))
		if (set(sb, plan_str(p, s->path), plan_str(p, s->value), e) < 0)
			return ps_at_from(e, plan_str(p, s->from), "");
	return 0;
}
