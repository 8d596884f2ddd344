/* SPDX-License-Identifier: Apache-2.0
 * cgroup_bpf.h - the compiler of device rules, for its tests.  Private to the sandbox.
 */
#pragma once
#include <stddef.h>
#include "shim/plan/plan.h"

struct bpf_insn;

/* Compile into out (at most cap instructions are stored); returns how many there are.  Pure. */
size_t cgroup_bpf_compile(const struct plan_device_rule *rules, size_t n, struct bpf_insn *out, size_t cap);
