/* SPDX-License-Identifier: Apache-2.0
 * bpf_sim.h - runs a seccomp program: the part of classic BPF that seccomp(2) accepts, as the kernel's documentation
 * (Documentation/networking/filter.rst) describes it.
 */
#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bpf_sim {
	uint32_t a, x, mem[BPF_MEMWORDS];
};

enum { BPF_SIM_SEEN = 16, BPF_SIM_NO_WORD = UINT32_MAX };

/* What a run did: its steps, and the last comparisons of arguments (word: the offset; mask: what was left of it). */
struct bpf_sim_watch {
	size_t steps, n_seen;
	uint32_t word, mask;
	struct { uint32_t word, mask, k; } seen[BPF_SIM_SEEN];
};

static inline bool bpf_sim_jumps(const struct sock_filter *i, uint32_t a, uint32_t x)
{
	uint32_t k = BPF_SRC(i->code) == BPF_X ? x : i->k;

	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	default:
		return (a & k) != 0; /* BPF_JSET */
	}
}

static inline uint32_t bpf_sim_alu(const struct sock_filter *i, uint32_t a, uint32_t x)
{
	uint32_t k = BPF_SRC(i->code) == BPF_X ? x : i->k;

	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		return a + k;
	case BPF_SUB:
		return a - k;
	case BPF_MUL:
		return a * k;
	case BPF_DIV:
		return k ? a / k : 0;
	case BPF_OR:
		return a | k;
	case BPF_XOR:
		return a ^ k;
	case BPF_LSH:
		return k < 32 ? a << k : 0;
	case BPF_RSH:
		return k < 32 ? a >> k : 0;
	case BPF_NEG:
		return -a;
	default:
		return a & k; /* BPF_AND */
	}
}

/* A word for BPF_LD and BPF_LDX; false when the program reads outside. */
static inline bool bpf_sim_load(const struct sock_filter *i, const struct bpf_sim *s, const struct seccomp_data *d,
				uint32_t *ret)
{
	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		if (i->k % 4 || i->k > sizeof(*d) - 4)
			return false;
		memcpy(ret, (const char *)d + i->k, 4);
		return true;
	case BPF_IMM:
		*ret = i->k;
		return true;
	case BPF_LEN:
		*ret = sizeof(*d);
		return true;
	case BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return false;
		*ret = s->mem[i->k];
		return true;
	default:
		return false;
	}
}

static inline void bpf_sim_note(struct bpf_sim_watch *w, const struct sock_filter *i)
{
	w->steps++;
	if (BPF_CLASS(i->code) == BPF_LD) {
		w->word = BPF_SIM_NO_WORD;
		if (BPF_MODE(i->code) == BPF_ABS && i->k >= offsetof(struct seccomp_data, args))
			w->word = i->k;
		w->mask = UINT32_MAX;
	} else if (i->code == (BPF_ALU | BPF_AND | BPF_K)) {
		w->mask &= i->k;
	} else if (BPF_CLASS(i->code) == BPF_JMP && BPF_OP(i->code) != BPF_JA && w->word != BPF_SIM_NO_WORD) {
		w->seen[w->n_seen % BPF_SIM_SEEN].word = w->word;
		w->seen[w->n_seen % BPF_SIM_SEEN].mask = w->mask;
		w->seen[w->n_seen++ % BPF_SIM_SEEN].k = i->k;
	}
}

/* What the program says to the call; false when it is no valid program (runs off its end, reads outside). */
static inline bool bpf_sim_run_watched(const struct sock_filter *prog, size_t n, const struct seccomp_data *d,
				       struct bpf_sim_watch *watch, uint32_t *ret)
{
	struct bpf_sim s = { 0 };

	*watch = (struct bpf_sim_watch){ .word = BPF_SIM_NO_WORD };

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &prog[pc];

		bpf_sim_note(watch, i);
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (!bpf_sim_load(i, &s, d, &s.a))
				return false;
			break;
		case BPF_LDX:
			if (!bpf_sim_load(i, &s, d, &s.x))
				return false;
			break;
		case BPF_ST:
		case BPF_STX:
			if (i->k >= BPF_MEMWORDS)
				return false;
			s.mem[i->k] = BPF_CLASS(i->code) == BPF_ST ? s.a : s.x;
			break;
		case BPF_ALU:
			s.a = bpf_sim_alu(i, s.a, s.x);
			break;
		case BPF_JMP:
			pc += BPF_OP(i->code) == BPF_JA ? i->k : bpf_sim_jumps(i, s.a, s.x) ? i->jt : i->jf;
			break;
		case BPF_RET:
			*ret = BPF_RVAL(i->code) == BPF_A ? s.a : i->k;
			return true;
		default: /* BPF_MISC */
			if (BPF_MISCOP(i->code) == BPF_TAX)
				s.x = s.a;
			else
				s.a = s.x;
		}
	}
	return false;
}

static inline bool bpf_sim_run(const struct sock_filter *prog, size_t n, const struct seccomp_data *d, uint32_t *ret)
{
	struct bpf_sim_watch watch;

	return bpf_sim_run_watched(prog, n, d, &watch, ret);
}
