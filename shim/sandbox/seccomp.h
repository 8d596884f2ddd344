/* SPDX-License-Identifier: Apache-2.0
 * seccomp.h - loads the compiled programs of the plan.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* seccomp(2) SECCOMP_SET_MODE_FILTER with plan->seccomp and its flags; no row, no effect.  Before it either no_new_privs
 * or CAP_SYS_ADMIN in the user namespace is needed.  A listener goes to the plan's agent (listener.h). */
int seccomp_apply(struct sandbox *sb, struct ps_err *e);
/* The same of a program: its listener with SECCOMP_FILTER_FLAG_NEW_LISTENER, close-on-exec; else 0. */
int filter_load(const struct plan *p, struct plan_list program, uint32_t flags, struct ps_err *e);
