/* SPDX-License-Identifier: Apache-2.0
 * io_priority.c - the I/O priority of the payload.
 */
#include "shim/sandbox/schedule.h"

#include <linux/ioprio.h>

#include "base/abi.h"

int io_priority_apply(const struct plan *p, pid_t pid, struct ps_err *e)
{
	for (PLAN_EACH(p, struct plan_io_priority, io, p->io_priority)) {
		if (ps_sys_ioprio_set(IOPRIO_WHO_PROCESS, pid, (int)IOPRIO_PRIO_VALUE((int)io->class, (int)io->level)) == 0)
			continue;
		if (errno == EPERM)
			(void)ps_fail(e, PS_E_UNSUPP, "set the I/O priority: this class takes CAP_SYS_NICE of the host, which podshim does not have");
		else
			(void)ps_fail_os(e, "set the I/O priority of process %d", (int)pid);
		return ps_at_from(e, plan_str(p, io->from), "");
	}
	return 0;
}
