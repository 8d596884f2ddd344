/* SPDX-License-Identifier: Apache-2.0
 * permits.h - what is permitted to one container: all sources to one set, the set to a tighter policy, its frozen copy.
 */
#pragma once
#include "oci/state.h"
#include "shim/plan/host.h"
#include "shim/policy/permissions.h"

#define PERMITS_SYSTEM_DIR "/etc/podshim/policy.d"
#define PERMITS_CEILING "/etc/podshim/ceiling.json"
#define PERMITS_FROZEN "permissions.json"

/*
 * The set of a container with the policy p: the system's files, the operator's layers (NULL: none), p's annotations, and
 * the ceiling.  program: no bundle, deny by default.  *ret NULL: nobody said anything, p stands as it is.
 */
int permits_collect(struct ps_arena *a, const struct policy *p, const struct perm_layers *operators, bool program,
		    const struct permissions **ret, struct ps_err *e);
/* p tightened to what g permits; root_fd: the container's root directory as we see it; host: with host_probe_policy's
 * facts; tell_files: what it wants of files and programs is to be told, which costs microseconds for each open. */
int permits_apply(struct ps_arena *a, const struct policy *p, const struct permissions *g, int root_fd,
		  const struct host *host, bool tell_files, const struct policy **ret, struct ps_err *e);
/*
 * g with what follows from it in p, as implied entries: the files of programs that may run, devices, ...  For whoever tells what
 * is denied and why; what is applied and frozen is g.
 */
int permits_effective(struct ps_arena *a, const struct permissions *g, const struct policy *p, const struct permissions **ret,
		      struct ps_err *e);
/* The set beside the frozen configuration, and back. */
int permits_freeze(const struct state_dir *d, const struct permissions *g, struct ps_err *e);
int permits_thaw(struct ps_arena *a, const struct state_dir *d, const struct permissions **ret, struct ps_err *e);
