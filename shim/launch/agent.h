/* SPDX-License-Identifier: Apache-2.0
 * agent.h - the socket of a seccomp agent: linux.seccomp.listenerPath.
 */
#pragma once
#include "base/err.h"
#include "shim/plan/plan.h"

/* Connect fds[plan->agent_fd] to it, where the plan has one; by the host's view of its path.  PS_E_PEER where nobody listens. */
int agent_call(const struct plan *p, int *fds, struct ps_err *e);
