/* SPDX-License-Identifier: Apache-2.0
 * clone.c - clone3(2) as the launch needs it.
 */
#include "shim/launch/clone.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/abi.h"

struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

#if defined(__x86_64__)
static long clone3_call(struct clone3_args *a, int (*fn)(void *), void *arg)
{
	register int (*f)(void *) __asm__("r12") = fn;
	register void *p __asm__("r13") = arg;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone3), "D"(a), "S"(sizeof(*a)), "r"(f), "r"(p), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static long clone3_call(struct clone3_args *a, int (*fn)(void *), void *arg)
{
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)a;
	register long x1 __asm__("x1") = (long)sizeof(*a);
	register int (*f)(void *) __asm__("x20") = fn;
	register void *p __asm__("x21") = arg;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "mov x0, x21\n\t"
			 "blr x20\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(f), "r"(p), [exit] "i"(SYS_exit)
			 : "memory");
	return x0;
}
#else
#error "clone3_call is written for x86_64 and aarch64"
#endif

pid_t clone_vfork(uint64_t flags, int v2_fd, int (*fn)(void *), void *arg, int *ret_pidfd)
{
	static char stack[16384] __attribute__((aligned(16)));
	int pidfd = -1;
	struct clone3_args a = {
		.flags = flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	if (v2_fd >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)v2_fd;
	}
	long pid = clone3_call(&a, fn, arg);

	if (pid < 0) {
		errno = (int)-pid;
		return -1;
	}
	*ret_pidfd = pidfd;
	return (pid_t)pid;
}

pid_t clone_sibling(void)
{
	return (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), 0, NULL, NULL, 0);
}
