/* SPDX-License-Identifier: Apache-2.0
 * undo_mounts.h - what is mounted below a directory that undo shows as an overlay, which shows none of it.
 */
#pragma once
#include "shim/policy/policy.h"

/* p->mounts with a row for each mount of the host's below one that becomes an overlay.  PS_E_UNSUPP where that cannot be. */
int undo_split_mounts(struct ps_arena *a, struct policy *p, struct ps_err *e);
