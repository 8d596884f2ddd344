/* SPDX-License-Identifier: Apache-2.0
 * prepare.h - create, as a pod does it: the runner is our child, wired to us, and dies with us.
 */
#pragma once
#include "shim/pod/container.h"
#include "shim/pod/overrides.h"

struct runner_wiring {
	const char *pod;                   /* for the record */
	const struct overrides *overrides;
	const struct bundle *bundle;       /* the pod's, resolved once for all: no runner changes what it means for the next */
	const gid_t *observe_gid;          /* may read its tape; NULL: nobody else */
	int stdio[3], channel, broker;     /* init's ends, which stay the caller's; stdio -1: ours; broker -1: none */
	int (*console)(void *ctx, int master_fd, struct ps_err *e); /* as in launch_ops */
	void *ctx;
};
/*
 * Prepare runner r->id; it waits at its gate.  *ret_pidfd and *ret_gate are the caller's, who also reaps *ret_pid.  The gate opens
 * by launch_gate_open over *ret_gate; when its last descriptor is closed before, init ends.  On failure nothing is left.
 */
int runner_prepare(const struct pod_env *env, const struct pod_create_request *r, const struct runner_wiring *w,
		   pid_t *ret_pid, int *ret_pidfd, int *ret_gate, struct ps_err *e);
