/* SPDX-License-Identifier: Apache-2.0
 * scheduler.c - the scheduler of the payload.
 */
#include "shim/sandbox/schedule.h"

#include <linux/sched.h>
#include <string.h>

#include "base/abi.h"
#include "shim/sandbox/privileges.h"

enum { MAX_CPUS = 8192 };

/* How many CPUs it may run on. */
static int cpus_of(pid_t pid)
{
	cpu_set_t set[MAX_CPUS / CPU_SETSIZE];

	memset(set, 0, sizeof(set));
	return sched_getaffinity(pid, sizeof(set), set) < 0 ? 0 : CPU_COUNT_S(sizeof(set), set);
}

static bool takes_rights(const struct plan_scheduler *s)
{
	return s->policy == SCHED_FIFO || s->policy == SCHED_RR || s->policy == SCHED_DEADLINE;
}

static int not_permitted(const struct plan_scheduler *s, pid_t pid, struct ps_err *e)
{
	const long online = sysconf(_SC_NPROCESSORS_ONLN);
	const int has = cpus_of(pid);

	if (!caps_effective(CAP_SYS_NICE))
		return ps_fail(e, PS_E_UNSUPP, "set the scheduler: this takes CAP_SYS_NICE, which podshim does not have");
	if (s->policy == SCHED_DEADLINE && has < online)
		return ps_fail(e, PS_E_UNSUPP,
			       "set the scheduler: this process scheduler can't be used together with AllowedCPUs (/linux/resources/cpu/cpus): "
			       "SCHED_DEADLINE takes all CPUs of its scheduling domain, and the process may use %d of %ld: "
			       "remove the CPU affinity or cpuset, or make it an exclusive partition", has, online);
	if (s->policy == SCHED_DEADLINE)
		return ps_fail(e, PS_E_UNSUPP, "set the scheduler: SCHED_DEADLINE is not to be had here; see sysctl kernel.sched_rt_runtime_us");
	if (takes_rights(s))
		return ps_fail(e, PS_E_UNSUPP,
			       "set the scheduler: the process's cgroup has no real-time budget (cpu.rt_runtime_us), or CAP_SYS_NICE is not "
			       "the host's: give it linux.resources.cpu.realtimeRuntime");
	return ps_fail(e, PS_E_UNSUPP, "set the scheduler: this takes CAP_SYS_NICE of the host, which podshim does not have in a user namespace");
}

int scheduler_apply(const struct plan *p, pid_t pid, struct ps_err *e)
{
	for (PLAN_EACH(p, struct plan_scheduler, s, p->scheduler)) {
		const struct ps_sched_attr attr = {
			.size = sizeof(attr), .policy = s->policy, .flags = s->flags, .nice = s->nice, .priority = s->priority,
			.runtime = s->runtime, .deadline = s->deadline, .period = s->period,
		};

		if (ps_sys_sched_setattr(pid, &attr) == 0)
			continue;
		if (errno == EPERM)
			(void)not_permitted(s, pid, e);
		else if (errno == EBUSY)
			(void)ps_fail(e, PS_E_UNSUPP,
				      "set the scheduler: what SCHED_DEADLINE asks for is more than is left: lower runtime, or end others that "
				      "have it (sysctl kernel.sched_rt_runtime_us is the limit of all)");
		else if (errno == EINVAL || errno == EOPNOTSUPP || errno == E2BIG)
			(void)ps_fail(e, PS_E_UNSUPP, "set the scheduler: this kernel does not take the policy with these parameters and flags");
		else
			(void)ps_fail_os(e, "set the scheduler of process %d", (int)pid);
		return ps_at_from(e, plan_str(p, s->from), "");
	}
	return 0;
}
