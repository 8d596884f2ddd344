/* SPDX-License-Identifier: Apache-2.0
 * random_profile.h - any seccomp policy, the same for the same seed: few calls and few values, so that rules meet.
 */
#pragma once
#include "base/scope.h"
#include "oci/names.h"
#include "shim/policy/policy.h"
#include "tests/sim/bpf_equal.h"

enum { PROFILE_RULES = 60, PROFILE_NAMES = 12, PROFILE_ARCHS = 8 };

struct random_profile {
	struct policy_seccomp s;
	struct policy_seccomp_rule rules[PROFILE_RULES];
	struct spec_seccomp_arg args[PROFILE_RULES][6];
	const char *names[PROFILE_RULES][PROFILE_NAMES];
	uint32_t archs[PROFILE_ARCHS];
};

static inline uint32_t random_action(uint64_t *random)
{
	static const uint32_t actions[] = {
		SECCOMP_RET_ALLOW,	  SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38,
		SECCOMP_RET_KILL_THREAD,  SECCOMP_RET_TRAP,  SECCOMP_RET_TRACE | 7, SECCOMP_RET_LOG,
		SECCOMP_RET_KILL_PROCESS,
	};

	return actions[bpf_random(random, PS_COUNT(actions))];
}

static inline uint64_t random_value(uint64_t *random)
{
	static const uint64_t values[] = {
		0, 1, 2, 40, 0xff, 0x20000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, UINT64_C(1) << 32,
		(UINT64_C(1) << 32) + 1, UINT64_C(40) << 32, UINT64_C(0x7e02000000000001), UINT64_MAX - 1, UINT64_MAX,
	};

	return values[bpf_random(random, PS_COUNT(values))];
}

static inline void random_rule(struct random_profile *p, size_t at, uint64_t *random, const char *const *names,
			       size_t n_names)
{
	struct policy_seccomp_rule *r = &p->rules[at];

	*r = (struct policy_seccomp_rule){ .action = random_action(random), .args = p->args[at],
					   .names = { .v = p->names[at] } };
	r->names.n = 1 + bpf_random(random, PROFILE_NAMES);
	for (size_t i = 0; i < r->names.n; i++)
		p->names[at][i] = bpf_random(random, 30) ? names[bpf_random(random, at % 2 ? 40 : (uint32_t)n_names)] :
							   "no_such_call";
	r->n_args = bpf_random(random, 2) ? bpf_random(random, 5) : 0;
	for (size_t i = 0; i < r->n_args; i++)
		p->args[at][i] = (struct spec_seccomp_arg){
			.index = bpf_random(random, 3),
			.value = random_value(random), .value_two = random_value(random),
			.op = names_seccomp_op[bpf_random(random, (uint32_t)n_names_seccomp_op)].name,
		};
}

/* A policy p->s about calls of these names; the caller fills p->archs and p->s.n_archs. */
static inline void random_profile(struct random_profile *p, uint64_t seed, const char *const *names, size_t n_names)
{
	memset(p, 0, sizeof(*p));
	p->s = (struct policy_seccomp){ .set = true, .default_action = random_action(&seed), .archs = p->archs,
					.rules = p->rules };
	p->s.n_rules = 1 + bpf_random(&seed, PROFILE_RULES);
	for (size_t i = 0; i < p->s.n_rules; i++)
		random_rule(p, i, &seed, names, n_names);
}
