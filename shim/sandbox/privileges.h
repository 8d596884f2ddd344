/* SPDX-License-Identifier: Apache-2.0
 * privileges.h - capabilities, user and group ids, no_new_privs: given up for good.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* Do we have it, in our own user namespace? */
bool caps_effective(unsigned cap);
/* Drop the bounding set to the plan's (before ids change; needs CAP_SETPCAP). */
int caps_drop_bounding(const struct sandbox *sb, struct ps_err *e);
/* setgroups, setresgid, setresuid with PR_SET_KEEPCAPS, umask.  Verifies the result. */
int creds_apply(const struct sandbox *sb, struct ps_err *e);
/* capset(2) to effective/permitted/inheritable, then ambient; asked capabilities that we do not hold are dropped
 * silently (spec: warn, do not fail).  Without plan->has_caps nothing changes but what setresuid did. */
int caps_apply(const struct sandbox *sb, struct ps_err *e);
int no_new_privs_apply(const struct sandbox *sb, struct ps_err *e);
/* PR_SET_MDWE if the plan says so: no memory of ours, or of what we execute, becomes executable that was not mapped so. */
int mdwe_apply(const struct sandbox *sb, struct ps_err *e);
