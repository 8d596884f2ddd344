/* SPDX-License-Identifier: Apache-2.0
 * rlimits.c - resource limits of the payload.
 */
#include "shim/sandbox/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#define RESOURCES(X)                                                                                                  \
	X(AS) X(CORE) X(CPU) X(DATA) X(FSIZE) X(LOCKS) X(MEMLOCK) X(MSGQUEUE) X(NICE) X(NOFILE) X(NPROC) X(RSS) X(RTPRIO) \
	X(RTTIME) X(SIGPENDING) X(STACK)

static const char *resource_name(uint32_t resource)
{
	static const char *const names[] = {
#define X(name) [RLIMIT_##name] = "RLIMIT_" #name,
		RESOURCES(X)
#undef X
	};

	return resource < PS_COUNT(names) && names[resource] ? names[resource] : "unknown resource";
}

static const char *limit_text(uint64_t limit, char buf[24])
{
	(void)snprintf(buf, 24, "%" PRIu64, limit);
	return limit == UINT64_MAX ? "unlimited" : buf;
}

static int refused(const struct plan *p, const struct plan_rlimit *r, struct ps_err *e)
{
	struct ps_rlimit now = { .hard = 0 };
	char soft[24], hard[24], have[24];
	const char *asked_soft = limit_text(r->soft, soft), *asked_hard = limit_text(r->hard, hard);
	const char *name = resource_name(r->resource);
	int cause = errno;

	if (cause == EPERM && ps_sys_prlimit(0, r->resource, NULL, &now) == 0 && r->hard > now.hard)
		(void)ps_fail(e, PS_E_UNSUPP,
			      "set %s to soft %s, hard %s: the hard limit is %s here and the process has no CAP_SYS_RESOURCE to "
			      "raise it",
			      name, asked_soft, asked_hard, limit_text(now.hard, have));
	else if (cause == EPERM && r->resource == RLIMIT_NOFILE)
		(void)ps_fail(e, PS_E_UNSUPP, "set %s to soft %s, hard %s: the sysctl fs.nr_open is lower", name,
			      asked_soft, asked_hard);
	else if (cause == EINVAL && r->soft > r->hard)
		(void)ps_fail(e, PS_E_CONFIG, "set %s to soft %s, hard %s: soft is above hard", name, asked_soft,
			      asked_hard);
	else
		(void)ps_fail_os(e, "set %s (%u) to soft %s, hard %s", name, r->resource, asked_soft, asked_hard);
	return ps_at_from(e, plan_str(p, r->from), "");
}

int rlimits_apply(const struct sandbox *sb, struct ps_err *e)
{
	for (PLAN_EACH(sb->plan, struct plan_rlimit, r, sb->plan->rlimits)) {
		const struct ps_rlimit limit = { .soft = r->soft, .hard = r->hard };

		if (ps_sys_prlimit(0, r->resource, &limit, NULL) < 0)
			return refused(sb->plan, r, e);
	}
	return 0;
}
