/* SPDX-License-Identifier: Apache-2.0
 * seccomp_list.h - a seccomp policy as the plainest program: per architecture one number after the other.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "shim/plan/seccomp_rules.h"

enum seccomp_listing {
	SECCOMP_LISTED,
	SECCOMP_NOT_OURS, /* an architecture unknown here, or rules of different actions that may hold together */
	SECCOMP_NO_MEMORY,
};

/* Append the program (struct sock_filter) of s to out. */
enum seccomp_listing seccomp_list(const struct policy_seccomp *s, seccomp_number_fn *number_of, struct ps_buf *out);

/* plan_seccomp.c, for the tests: what plan_seccomp_compile() makes a tree of, and libseccomp's program in its place. */
int plan_seccomp_plain(const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e);
int plan_seccomp_library(const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e);
