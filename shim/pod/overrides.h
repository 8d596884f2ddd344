/* SPDX-License-Identifier: Apache-2.0
 * overrides.h - a policy with the changes that a pod makes to it, and a launch to its limits.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "shim/pod/pods.h"
#include "shim/policy/policy.h"

/* NULL, 0 and -1: as the policy has it. */
struct overrides {
	const char *cgroups_path;
	const struct pod_limits *limits;  /* a limit only gets tighter: PS_E_DENIED otherwise */
	bool only_limits;                 /* no other resource of the policy, nor its devices: the cgroup has them */
	uint32_t channel_fd;              /* PODSHIM_CHANNEL_FD of the environment; 0: none */
	const int *ns_fds;                /* network, ipc, uts to join, each -1: as it is */
	bool tty;
	uint32_t hook_timeout_s;          /* of hooks that have none */
};
/* *ret lives in the arena and refers to base and o. */
int overrides_apply(struct ps_arena *a, const struct policy *base, const struct overrides *o, const struct policy **ret,
		    struct ps_err *e);
