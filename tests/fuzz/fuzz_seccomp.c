/* SPDX-License-Identifier: Apache-2.0
 * fuzz_seccomp.c - any seccomp program: its search tree decides as it does, or there is none.
 */
#include <stdlib.h>

#include "shim/plan/seccomp_tree.h"
#include "tests/sim/bpf_equal.h"
#include "tests/sim/bpf_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sock_filter program[BPF_MAXINSNS];
	/* Constants are bytes. */
	struct bpf_search s = { .random = n + 1, .numbers = 260 };
	ps_auto_buf struct ps_buf tree = { .data = NULL };

	s.a = (struct bpf_program){ program, bpf_random_program(data, n, program, BPF_MAXINSNS) };
	if (!seccomp_tree(program, s.a.n, &tree)) {
		if (tree.len)
			abort();
		return 0;
	}
	s.b = (struct bpf_program){ (const void *)tree.data, tree.len / sizeof(*program) };
	if (s.b.n > BPF_MAXINSNS || BPF_CLASS(s.b.v[s.b.n - 1].code) != BPF_RET)
		abort();
	for (uint32_t arch = 1; arch <= BPF_RANDOM_ARCHS; arch++) {
		s.found.call.arch = arch;
		if (!bpf_equal_arch(&s))
			abort();
	}
	return 0;
}
