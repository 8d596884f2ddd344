/* SPDX-License-Identifier: Apache-2.0
 * seccomp.c - loads the payload's system call filters.
 */
#include "shim/sandbox/seccomp.h"

#include <linux/filter.h>

#include "shim/sandbox/listener.h"

static int refused(uint32_t n, uint32_t flags, struct ps_err *e)
{
	const char *why;

	switch (errno) {
	case EACCES:
		why = "it takes no_new_privs (/process/noNewPrivileges) or CAP_SYS_ADMIN in the user namespace";
		break;
	case EINVAL:
		why = "the kernel knows no such flag or finds the program malformed";
		break;
	case ENOMEM:
		why = "too many filters are stacked on this process";
		break;
	case EBUSY:
		why = "somebody listens to a filter of this process already";
		break;
	default:
		return ps_fail_os(e, "load the seccomp filter (%u instructions, flags 0x%x)", n, flags);
	}
	return ps_fail(e, PS_E_UNSUPP, "load the seccomp filter (%u instructions, flags 0x%x): %s", n, flags, why);
}

int filter_load(const struct plan *p, struct plan_list program, uint32_t flags, struct ps_err *e)
{
	struct sock_filter *filter = (struct sock_filter *)(uintptr_t)plan_at(p, program.off); /* the kernel only reads */
	struct sock_fprog prog = { .len = (unsigned short)program.n, .filter = filter };
	int rc;

	if (program.n > BPF_MAXINSNS)
		return ps_fail(e, PS_E_CONFIG, "the seccomp filter has %u instructions; the kernel takes %u", program.n,
			       (unsigned)BPF_MAXINSNS);
	rc = ps_sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (rc > 0 && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return ps_fail(e, PS_E_BUG, "thread %d did not take over the seccomp filter", rc);
	return rc < 0 ? refused(program.n, flags, e) : rc;
}

int seccomp_apply(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	if (p->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return agent_apply(sb, e);
	return p->seccomp.n ? filter_load(p, p->seccomp, p->seccomp_flags, e) : 0;
}
