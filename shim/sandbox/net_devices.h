/* SPDX-License-Identifier: Apache-2.0
 * net_devices.h - network devices of the runtime's namespace that become the container's (linux.netDevices).
 */
#pragma once
#include <sys/types.h>
#include "base/err.h"
#include "shim/plan/plan.h"

/* What was moved, and how it was before: until it is forgotten it can be moved back. */
struct net_moves;

/*
 * Move plan->net_devices from our network namespace into that of process pid, our child: renamed, with their permanent global
 * addresses, and up.  The caller is single-threaded, has CAP_NET_ADMIN and CAP_SYS_ADMIN over both, and is back in its own
 * afterwards.  On failure those that were moved are back.  *ret (never NULL then) is the caller's.
 */
int net_devices_move(const struct plan *p, pid_t pid, struct net_moves **ret, struct ps_err *e);
/* The launch failed: back to where they were, as they were; then forget.  *m may be NULL. */
void net_devices_return(struct net_moves **m);
/* They are the container's for good: when its namespace ends, the kernel decides.  *m may be NULL. */
void net_devices_forget(struct net_moves **m);
