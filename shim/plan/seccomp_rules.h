/* SPDX-License-Identifier: Apache-2.0
 * seccomp_rules.h - what the rules of a seccomp policy say to each number of an architecture.
 *
 * All comparisons of a rule must hold; two of the same argument cannot, so each of its comparisons then is a rule of
 * its own, as in runc.  A rule without comparisons stands, whatever other rules say to its calls; the first of them
 * does.  Architectures with 32-bit words, x32 among them, compare lower halves.  i386's calls that are also parts of
 * socketcall or ipc have rules in both forms; the first argument is the part's number there.  So libseccomp reads them.
 */
#pragma once
#include "base/buf.h"
#include "oci/names.h"
#include "shim/policy/policy.h"

/* The number of a call: negative when the architecture has none, libseccomp's __PNR_* when it has it as a part. */
typedef int seccomp_number_fn(uint32_t arch, const char *name);

enum { SECCOMP_CONDITIONS_MAX = 7 };

/* A rule for a number. */
struct seccomp_entry {
	const struct policy_seccomp_rule *rule;
	size_t order, only; /* only: that comparison of the rule alone; rule->n_args: all of them */
	uint32_t nr, part;  /* part: of socketcall or ipc; 0: none */
	bool wide;          /* arguments are 64-bit words */
};
struct seccomp_condition {
	uint32_t index;
	enum seccomp_op op;
	uint64_t mask, value; /* value has no bits that mask has not */
};
/* When all n conditions hold: action. */
struct seccomp_check {
	uint32_t action;
	bool whole; /* the rule is for all calls of the number, or of the part */
	size_t n;
	struct seccomp_condition v[SECCOMP_CONDITIONS_MAX];
};

/* Has the rule two comparisons of one argument? */
bool seccomp_repeats_argument(const struct policy_seccomp_rule *r);
/* Append the entries (struct seccomp_entry) of an architecture: its name in policies, and its words. */
void seccomp_entries(const struct policy_seccomp *s, seccomp_number_fn *number_of, uint32_t arch, bool wide,
		     struct ps_buf *out);
/* Sort by number, part and order of the rules. */
void seccomp_entries_sort(struct seccomp_entry *e, size_t n);
/* The checks of n sorted entries of one number; returns how many, n at most. */
size_t seccomp_checks(const struct seccomp_entry *e, size_t n, struct seccomp_check *ret);
/* The same where the strictest rule that holds counts: in this order, as the kernel ranks actions; the last one may be whole. */
size_t seccomp_checks_strictest(const struct seccomp_entry *e, size_t n, struct seccomp_check *ret);

bool seccomp_checks_equal(const struct seccomp_check *a, const struct seccomp_check *b);
/* Both may hold for a call, and say different things to it; true when in doubt. */
bool seccomp_checks_contradict(const struct seccomp_check *a, const struct seccomp_check *b);
/* The condition holds for values below its own. */
static inline bool seccomp_is_ceiling(const struct seccomp_condition *c)
{
	return c->op == SECCOMP_OP_LT || c->op == SECCOMP_OP_LE;
}
