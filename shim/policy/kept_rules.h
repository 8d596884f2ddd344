/* SPDX-License-Identifier: Apache-2.0
 * kept_rules.h - Landlock's rules of a running container, and which objects they are about: for what joins it later.
 */
#pragma once
#include "base/buf.h"
#include "shim/policy/policy.h"

/* As JSON; rules about nothing (object.ino 0) are left out.  out->failed: there was no memory. */
void kept_rules_save(const struct policy_landlock *l, struct ps_buf *out);
/* Strict: what was not written by kept_rules_save() is PS_E_CONFIG at `name`.  All rules are optional. */
int kept_rules_load(struct ps_arena *a, const char *name, const char *text, size_t n, struct policy_landlock *ret, struct ps_err *e);
