/* SPDX-License-Identifier: Apache-2.0
 * tighten.h - less than a container's permissions, for one more process (exec) or one launch.
 *
 * Mounts are made already, and those of other processes are the same: what would take a mount is refused by name.  Landlock, filters,
 * capabilities, the environment and the supervisor's decisions can take more away.
 */
#pragma once
#include "shim/pod/container.h"
#include "shim/policy/permissions.h"

struct tighter {
	const struct permissions *permissions, *effective; /* effective: with what follows from them, for who decides and tells */
	const struct policy *policy; /* no more than they permit */
};
/*
 * b: with the container's own permissions (bundle_permit_frozen), or none; flags: texts ("--deny-net=..."); root: the state root.
 * beside: processes of the container that have more are in its sight.
 * PS_E_DENIED: it would be more in some way; PS_E_UNSUPP: it takes what only a container of its own can have.  In the arena.
 */
int tighten(struct ps_arena *a, const struct bundle *b, const char *root, const struct spec_strs *flags, bool beside,
	    struct tighter *ret, struct ps_err *e);
/* The set alone: what a supervisor decides by.  Only what it decides may be named: net. */
int tighten_net(struct ps_arena *a, const struct permissions *base, const struct spec_strs *flags, const struct permissions **ret,
		struct ps_err *e);
