/* SPDX-License-Identifier: Apache-2.0
 * launch_payload.c - the launch benchmark's payload: says when it began, or writes N MiB in pieces of 64 KiB.
 * No C library: its first instruction is nearly its first line.
 */
#include <sys/syscall.h>
#include <time.h>

static long call3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return ret;
}

__attribute__((used)) static void body(const long *sp)
{
	static char block[65536];
	struct timespec now;
	long mib = 0;

	if (sp[0] < 2) {
		call3(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
		call3(SYS_write, 1, (long)&now, sizeof(now));
	} else {
		for (const char *s = (const char *)sp[2]; *s; s++)
			mib = mib * 10 + (*s - '0');
	}
	for (long left = mib << 20; left > 0;) {
		long n = call3(SYS_write, 1, (long)block, left < (long)sizeof(block) ? left : (long)sizeof(block));

		if (n <= 0)
			call3(SYS_exit_group, 1, 0, 0);
		left -= n;
	}
	call3(SYS_exit_group, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall body\n");
