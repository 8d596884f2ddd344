/* SPDX-License-Identifier: Apache-2.0
 * rootless.h - the launcher of a caller without privileges: root of a user namespace of its own.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

/* Does this process lack what it takes to mount? */
bool rootless_needed(void);
/*
 * Make a user namespace in which we are 0:0 and have every capability, and a mount namespace that it owns; both are this
 * single-threaded process's and its children's.  PS_E_UNSUPP where an ordinary user may not.
 */
int rootless_enter(struct ps_err *e);
bool rootless_entered(void);
/* Who we are to the host: our effective ids, before rootless_enter() where that was called. */
uid_t rootless_uid(void);
gid_t rootless_gid(void);
