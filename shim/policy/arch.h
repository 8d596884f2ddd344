/* SPDX-License-Identifier: Apache-2.0
 * arch.h - the machine's own architecture, as filters of system calls name it.
 */
#pragma once
#include <linux/audit.h>

#if defined(__x86_64__)
#define ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH_NATIVE AUDIT_ARCH_RISCV64
#else
#define ARCH_NATIVE 0
#endif
_Static_assert(ARCH_NATIVE, "the native AUDIT_ARCH_* of this architecture is known");
