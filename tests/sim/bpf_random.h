/* SPDX-License-Identifier: Apache-2.0
 * bpf_random.h - any bytes as a seccomp program that the kernel would take: four bytes are an instruction.
 */
#pragma once
#include "tests/sim/bpf_sim.h"

enum { BPF_RANDOM_ARCHS = 4 /* 1 .. 4; the programs ask for the first three at most */ };

/* What the accumulator may be compared with; jumps may make it another word than the last that was loaded. */
static inline uint32_t bpf_random_constant(uint32_t word, uint8_t byte)
{
	if (word == offsetof(struct seccomp_data, arch))
		return 1 + byte % (BPF_RANDOM_ARCHS - 1);
	return byte > 250 ? UINT32_MAX - (255U - byte) : byte;
}

static inline struct sock_filter bpf_random_jump(uint32_t word, const uint8_t b[4], size_t left)
{
	static const uint16_t ops[] = { BPF_JGT, BPF_JGE, BPF_JSET, BPF_JEQ, BPF_JEQ, BPF_JEQ };
	uint16_t op = ops[b[0] / 16 % 6];

	/* Programs that look into numbers bit by bit or rank architectures cannot be followed: few of them. */
	if (word == offsetof(struct seccomp_data, arch) ||
	    (op == BPF_JSET && word < offsetof(struct seccomp_data, args) && b[3] % 64))
		op = BPF_JEQ;
	return (struct sock_filter){ (uint16_t)(BPF_JMP | BPF_K | op), (uint8_t)(b[2] % left), (uint8_t)(b[3] % left),
				     bpf_random_constant(word, b[1]) };
}

/* Write a program of at most max instructions to out; its length, 0 when the bytes are too few. */
static inline size_t bpf_random_program(const uint8_t *bytes, size_t n_bytes, struct sock_filter *out, size_t max)
{
	static const uint32_t actions[] = { SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38,
					    SECCOMP_RET_LOG, SECCOMP_RET_KILL_PROCESS };
	size_t n = n_bytes / 4 < max ? n_bytes / 4 : max;
	uint32_t word = offsetof(struct seccomp_data, arch);

	if (n < 2)
		return 0;
	for (size_t i = 0; i < n; i++, bytes += 4) {
		const uint8_t *b = bytes;
		uint8_t kind = b[0] % 16;

		if (i == n - 1 || kind == 0) {
			out[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, actions[b[1] % 5]);
		} else if (i == 0 || kind < 4) {
			word = i == 0 || kind == 1 ? offsetof(struct seccomp_data, arch) :
			       kind == 2	   ? offsetof(struct seccomp_data, nr) :
						     offsetof(struct seccomp_data, args) + b[1] % 12U * 4U;
			out[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, word);
		} else if (kind == 4) {
			out[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
							      (b[2] * 16U + b[3]) % (uint32_t)(n - 1 - i));
		} else if (kind == 5 && (word >= offsetof(struct seccomp_data, args) || b[3] % 64 == 0)) {
			out[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, b[1]);
		} else {
			out[i] = bpf_random_jump(word, b, n - 1 - i);
		}
	}
	return n;
}
