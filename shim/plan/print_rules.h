/* SPDX-License-Identifier: Apache-2.0
 * print_rules.h - private to shim/plan: the rules behind a system call filter, as text and as JSON.
 */
#pragma once
#include "base/jsonw.h"
#include "shim/policy/policy.h"

/* The default, the architectures, and for each action how many rules and system calls it has. */
void rules_print_text(const struct policy_seccomp *s, struct ps_buf *out);
/* The same and every rule, as member "seccomp_policy". */
void rules_print_json(const struct policy_seccomp *s, struct ps_jsonw *w);
