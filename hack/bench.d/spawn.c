/* SPDX-License-Identifier: Apache-2.0
 * spawn.c - run a program and append its peak RSS to a file: spawn FILE LABEL PROGRAM [ARG...]
 *
 * The ru_maxrss of a child starts at the peak RSS of the process that forked it (exec keeps the old image's high-water
 * mark), so whoever measures must be smaller than what is measured.  This one has no libc and a few pages of its own.
 * The figure covers the program and every descendant that it waited for.
 */
#include <asm/unistd.h>
#include <stddef.h>

enum { O_WRONLY_CREAT_APPEND_CLOEXEC = 01 | 0100 | 02000 | 02000000, AT_FDCWD_ = -100, SIGCHLD_ = 17 };

struct rusage_ {
	long utime[2], stime[2], maxrss, rest[13];
};

static long sys(long nr, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
		      x3 __asm__("x3") = d, x4 __asm__("x4") = e;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
#else
#error "spawn.c: no code for this architecture"
#endif
}

static void append(long fd, const char *text)
{
	size_t n = 0;

	while (text[n] != '\0')
		n++;
	(void)sys(__NR_write, fd, (long)text, (long)n, 0, 0);
}

static void append_number(long fd, unsigned long v)
{
	char digits[24];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	append(fd, p);
}

__attribute__((noreturn)) static void leave(long code)
{
	for (;;)
		(void)sys(__NR_exit_group, code, 0, 0, 0, 0);
}

/* The kernel's view of the stack: argc, argv[], NULL, envp[], NULL. */
__attribute__((noreturn, used)) void spawn_main(long *stack);
void spawn_main(long *stack)
{
	long argc = stack[0], status = 0;
	char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
	struct rusage_ used = { .maxrss = 0 };

	if (argc < 4)
		leave(2);
	long out = sys(__NR_openat, AT_FDCWD_, (long)argv[1], O_WRONLY_CREAT_APPEND_CLOEXEC, 0600, 0);
	long pid = sys(__NR_clone, SIGCHLD_, 0, 0, 0, 0);

	if (out < 0 || pid < 0)
		leave(3);
	if (pid == 0) {
		(void)sys(__NR_execve, (long)argv[3], (long)(argv + 3), (long)envp, 0, 0);
		leave(127);
	}
	if (sys(__NR_wait4, pid, (long)&status, 0, (long)&used, 0) != pid)
		leave(3);
	append(out, argv[2]);
	append(out, "\t");
	append_number(out, (unsigned long)used.maxrss);
	append(out, "\n");
	leave((status & 0x7f) ? 128 + (status & 0x7f) : status >> 8 & 0xff);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call spawn_main\n hlt\n");
#else
__asm__(".globl _start\n_start: mov x0, sp\n bl spawn_main\n");
#endif
