/* SPDX-License-Identifier: Apache-2.0
 * bpf_equal.h - looks for a call to which two seccomp programs say different things.
 *
 * Numbers lie on and around what the first program compares.  Arguments are found on the way: each comparison that a run
 * made tells a value that may take the next run elsewhere.
 */
#pragma once
#include "tests/sim/bpf_sim.h"

enum { BPF_EQUAL_NUMBERS = 600, BPF_EQUAL_WALK = 100 };

struct bpf_program { const struct sock_filter *v; size_t n; };
struct bpf_difference { struct seccomp_data call; uint32_t first, second; };
struct bpf_search {
	struct bpf_program a, b;
	uint64_t random;
	int numbers; /* from 0 to before this one, beside those that the first program compares; 0: BPF_EQUAL_NUMBERS */
	struct bpf_difference found;
};

/* xorshift64*; the state is never 0. */
static inline uint32_t bpf_random(uint64_t *s, uint32_t below)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return (uint32_t)((*s * UINT64_C(0x2545F4914F6CDD1D) >> 32) % below);
}

/* Change the word of a comparison that was made, so that it may come out otherwise. */
static inline void bpf_equal_turn(struct bpf_search *s, const struct bpf_sim_watch *w)
{
	size_t n = w->n_seen < BPF_SIM_SEEN ? w->n_seen : BPF_SIM_SEEN;
	size_t at = bpf_random(&s->random, (uint32_t)n);
	uint32_t noise = bpf_random(&s->random, 4) ? 0 : bpf_random(&s->random, UINT32_MAX);
	uint32_t word = (w->seen[at].k + bpf_random(&s->random, 3) - 1) | (noise & ~w->seen[at].mask);

	memcpy((char *)&s->found.call + w->seen[at].word, &word, sizeof(word));
}

/* True when the programs agree on the number in s->found.call with all arguments that were thought of. */
static inline bool bpf_equal_number(struct bpf_search *s)
{
	struct bpf_difference *f = &s->found;
	struct bpf_sim_watch a, b;

	memset(f->call.args, 0, sizeof(f->call.args));
	for (size_t i = 0; i < BPF_EQUAL_WALK; i++) {
		if (!bpf_sim_run_watched(s->a.v, s->a.n, &f->call, &a, &f->first) ||
		    !bpf_sim_run_watched(s->b.v, s->b.n, &f->call, &b, &f->second) || f->first != f->second)
			return false;
		if (!a.n_seen && !b.n_seen)
			return true;
		if (bpf_random(&s->random, 16) == 0)
			memset(f->call.args, bpf_random(&s->random, 2) ? 0xff : 0, sizeof(f->call.args));
		bpf_equal_turn(s, a.n_seen && (!b.n_seen || bpf_random(&s->random, 2)) ? &a : &b);
	}
	return true;
}

/* True when the programs agree on the architecture in s->found.call; else s->found says where they do not. */
static inline bool bpf_equal_arch(struct bpf_search *s)
{
	static const uint32_t edges[] = { 0x3fffffff, 0x40000000, 0x40000001, 0x7fffffff, 0x80000000, 0xfffffffe,
					  0xffffffff };
	int *nr = &s->found.call.nr;

	for (*nr = 0; *nr < (s->numbers ? s->numbers : BPF_EQUAL_NUMBERS); ++*nr)
		if (!bpf_equal_number(s))
			return false;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		*nr = (int)edges[i];
		if (!bpf_equal_number(s))
			return false;
	}
	for (size_t i = 0; i < s->a.n; i++)
		for (uint32_t d = 0; d < 3 && BPF_CLASS(s->a.v[i].code) == BPF_JMP; d++) {
			*nr = (int)(s->a.v[i].k - 1 + d);
			if (s->a.v[i].k > BPF_EQUAL_NUMBERS && !bpf_equal_number(s))
				return false;
		}
	return true;
}
