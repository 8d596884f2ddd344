/* SPDX-License-Identifier: Apache-2.0
 * affinity.c - the CPUs of a process that exec adds.
 */
#include "shim/sandbox/schedule.h"

#include <string.h>

#include "base/abi.h"

enum { MAX_CPUS = 8192 };

bool affinity_has(const struct plan *p, uint32_t when)
{
	for (PLAN_EACH(p, struct plan_affinity, a, p->affinity))
		if (a->when == when)
			return true;
	return false;
}

int affinity_apply(const struct plan *p, uint32_t when, struct ps_err *e)
{
	cpu_set_t set[MAX_CPUS / CPU_SETSIZE];

	for (PLAN_EACH(p, struct plan_affinity, a, p->affinity)) {
		if (a->when != when)
			continue;
		memset(set, 0, sizeof(set));
		for (PLAN_EACH(p, uint32_t, cpu, a->cpus))
			CPU_SET_S(*cpu, sizeof(set), set);
		if (sched_setaffinity(0, sizeof(set), set) == 0)
			continue;
		if (errno == EINVAL)
			(void)ps_fail(e, PS_E_CONFIG, "none of these CPUs is online and among those that the cpuset allows");
		else
			(void)ps_fail_os(e, "set the CPU affinity");
		return ps_at_from(e, plan_str(p, a->from), when == PLAN_AFFINITY_INITIAL ? "/initial" : "/final");
	}
	return 0;
}
