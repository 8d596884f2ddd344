/* SPDX-License-Identifier: Apache-2.0
 * seccomp.c - loads the payload's system call filter.
 */
#include "shim/sandbox/seccomp.h"

#include <linux/filter.h>

static int refused(const struct plan *p, struct ps_err *e)
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
	default:
		return ps_fail_os(e, "load the seccomp filter (%u instructions, flags 0x%x)", p->seccomp.n,
				  p->seccomp_flags);
	}
	return ps_fail(e, PS_E_UNSUPP, "load the seccomp filter (%u instructions, flags 0x%x): %s",
		       p->seccomp.n, p->seccomp_flags, why);
}

int seccomp_apply(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	struct sock_filter *filter =
		(struct sock_filter *)(uintptr_t)plan_at(p, p->seccomp.off); /* the kernel only reads */
	struct sock_fprog prog = { .len = (unsigned short)p->seccomp.n, .filter = filter };
	int thread;

	if (!p->seccomp.n)
		return 0;
	if (p->seccomp.n > BPF_MAXINSNS)
		return ps_fail(e, PS_E_CONFIG, "the seccomp filter has %u instructions; the kernel takes %u",
			       p->seccomp.n, (unsigned)BPF_MAXINSNS);
	thread = ps_sys_seccomp(SECCOMP_SET_MODE_FILTER, p->seccomp_flags, &prog);
	if (thread > 0)
		return ps_fail(e, PS_E_BUG, "thread %d did not take over the seccomp filter", thread);
	return thread < 0 ? refused(p, e) : 0;
}
