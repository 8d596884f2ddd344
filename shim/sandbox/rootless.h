/* SPDX-License-Identifier: Apache-2.0
 * rootless.h - the launcher of a caller without privileges: root of a user namespace of its own.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"
#include "shim/plan/plan.h"

/* Does this process lack what it takes to mount? */
bool rootless_needed(void);
/* The ids of the namespace, our own as 0 among them; more than that takes newuidmap(1) and newgidmap(1). */
struct rootless_ids {
	const struct plan_id_map *uid, *gid;
	uint32_t n_uid, n_gid;
	const char *file;            /* the document that asks for them */
};
/*
 * Make a user namespace in which we are 0:0 and have every capability, and a mount namespace that it owns; both are this
 * single-threaded process's and its children's.  ids NULL: our own alone.  PS_E_UNSUPP where an ordinary user may not.
 */
int rootless_enter(const struct rootless_ids *ids, struct ps_err *e);
bool rootless_entered(void);
/* Were there more ids than our own? */
bool rootless_has_ranges(void);
/* Who we are to the host: our effective ids, before rootless_enter() where that was called. */
uid_t rootless_uid(void);
gid_t rootless_gid(void);
