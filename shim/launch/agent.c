/* SPDX-License-Identifier: Apache-2.0
 * agent.c - the socket of a seccomp agent.
 */
#include "shim/launch/agent.h"

#include <errno.h>

#include "base/scope.h"
#include "ipc/sock.h"

/* The words of ENOENT are the engines' sign that the container's own program is missing. */
int agent_call(const struct plan *p, int *fds, struct ps_err *e)
{
	if (p->agent_fd == PLAN_NO_FD)
		return 0;
	const struct plan_fd *row = &PLAN_ROWS(p, struct plan_fd, p->fds)[p->agent_fd];
	const char *path = plan_str(p, row->path);
	struct ps_err why;

	fds[p->agent_fd] = sock_connect_path(path, &why);
	if (fds[p->agent_fd] >= 0)
		return 0;
	if (why.sys == ENOENT || why.sys == ECONNREFUSED)
		(void)ps_fail(e, PS_E_PEER, "failed to connect with seccomp agent: nobody listens at '%s'", path);
	else
		(void)ps_fail(e, PS_E_PEER, "failed to connect with seccomp agent: %s", why.msg);
	return ps_at_from(e, plan_str(p, row->from), "");
}
