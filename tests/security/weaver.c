/* SPDX-License-Identifier: Apache-2.0
 * weaver.c - calls somebody (callee.c) from every kind of task there is, as C libraries and Go's runtime make them.
 *
 *	weaver DIR LISTED OTHER ROUNDS
 *
 * One line per way, which tells whom it has reached.  Static, with libraries, of either C library: it is the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"

enum { STACK = 65536, SPOT = 77 };

static uint16_t listed, other;
static long rounds;

/* 'L' or 'O': who has answered; 0: nobody. */
static int asks(int fd, uint16_t port)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", port);
	char c = 0;

	return connect(fd, &a.sa, len) == 0 && recv(fd, &c, 1, 0) == 1 ? c : 0;
}

static int calls(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), who = asks(fd, port);

	close(fd);
	return who;
}

/* What a task has seen: shared by all, whatever makes it. */
static struct seen { volatile int listed, other, done; } *seen;

static void look_around(void)
{
	seen->other = calls(other);
	seen->listed = calls(listed);
	seen->done = 1;
}

static void tell(const char *name)
{
	printf("%s: listed %s, other %s\n", name, !seen->done ? "not tried" : seen->listed == 'L' ? "reached" : "not reached",
	       seen->other ? "reached" : "not reached");
	fflush(stdout);
	memset(seen, 0, sizeof(*seen));
}

static void *in_thread(void *unused)
{
	look_around();
	return unused;
}

static void *with_own_table(void *unused)
{
	if (unshare(CLONE_FILES) == 0)
		look_around();
	return unused;
}

static void run_thread(const char *name, void *(*what)(void *))
{
	pthread_t t;

	if (pthread_create(&t, NULL, what, NULL) == 0)
		pthread_join(t, NULL);
	tell(name);
}

/* As Go's runtime makes threads: no C library knows of it, so that nothing of one may be called in it. */
static union address raw_address[2];
static volatile int raw_done;
static int raw_thread(void *unused)
{
	char c = 0;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		long fd, rc;

		__asm__ volatile("syscall" : "=a"(fd) : "a"(SYS_socket), "D"(AF_INET), "S"(SOCK_STREAM), "d"(0) : "rcx", "r11", "memory");
		__asm__ volatile("syscall" : "=a"(rc) : "a"(SYS_connect), "D"(fd), "S"(&raw_address[i]), "d"(16) : "rcx", "r11", "memory");
		if (rc == 0)
			__asm__ volatile("syscall" : "=a"(rc) : "a"(SYS_read), "D"(fd), "S"(&c), "d"(1) : "rcx", "r11", "memory");
		*(i ? &seen->listed : &seen->other) = rc == 1 ? c : 0;
	}
	seen->done = 1;
	raw_done = 1;
	for (;;)
		__asm__ volatile("syscall" : : "a"(SYS_exit), "D"(0) : "rcx", "r11", "memory");
	return 0;
}

static void raw_clone(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ipv4(&raw_address[0], "127.0.0.1", other);
	ipv4(&raw_address[1], "127.0.0.1", listed);
	if (stack == MAP_FAILED || clone(raw_thread, stack + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
					 NULL) < 0)
		return;
	while (!raw_done)
		sched_yield();
	tell("raw clone");
}

static int child(void *what)
{
	((void (*)(void))(uintptr_t)what)();
	_exit(0);
}

static void run_child(const char *name, int flags)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid = stack == MAP_FAILED ? -1 : clone(child, stack + STACK, flags | SIGCHLD, (void *)(uintptr_t)look_around);

	if (pid > 0)
		waitpid(pid, NULL, 0);
	tell(name);
}

/* Nobody may look into it, its own descriptors neither. */
static void not_dumpable(void)
{
	if (fork() == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		seen->other = calls(other);
		seen->done = 1;
		_exit(0);
	}
	wait(NULL);
	printf("not dumpable: other %s\n", seen->done && !seen->other ? "not reached" : "reached");
	memset(seen, 0, sizeof(*seen));
}

/* ---- Signals all the time, as Go preempts by ---- */

static void on_signal(int n) { (void)n; }

static volatile int over;
static pid_t whom;

static void *storm(void *unused)
{
	while (!over)
		syscall(SYS_tgkill, getpid(), whom, SIGURG);
	return unused;
}

static void signals(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t t;
	long good = 0, leaks = 0;

	sigaction(SIGURG, &act, NULL);
	whom = gettid();
	over = 0;
	if (pthread_create(&t, NULL, storm, NULL) != 0)
		return;
	for (long i = 0; i < rounds / 10; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		union address a;
		struct linger none = { 1, 0 };

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
		good += connect(fd, &a.sa, ipv4(&a, "127.0.0.1", listed)) == 0;
		close(fd);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		leaks += connect(fd, &a.sa, ipv4(&a, "127.0.0.1", other)) == 0;
		close(fd);
	}
	over = 1;
	pthread_join(t, NULL);
	printf("signals: %s, %ld leaks\n", good == rounds / 10 ? "all connected" : "some lost", leaks);
}

/* ---- Another process, with the same table, changes what the number is ---- */

static int flip(void *unused)
{
	int kinds[4], pair[2];
	union address a;

	(void)unused;
	kinds[0] = socket(AF_INET, SOCK_DGRAM, 0);
	(void)connect(kinds[0], &a.sa, ipv4(&a, "127.0.0.1", other));
	kinds[1] = open("/dev/null", O_RDWR);
	kinds[2] = socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 ? pair[0] : kinds[1];
	for (unsigned i = 0; !over; i++) {
		kinds[3] = socket(AF_INET6, SOCK_STREAM, 0);
		(void)dup2(kinds[i % 4], SPOT);
		close(kinds[3]);
	}
	_exit(0);
}

static void flips(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long leaks = 0;
	pid_t pid;

	over = 0;
	pid = clone(flip, stack + STACK, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
	if (pid < 0)
		return;
	for (long i = 0; i < rounds; i++) {
		union address a;
		socklen_t len = sizeof(a);
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		(void)dup2(fd, SPOT);
		close(fd);
		if (connect(SPOT, &a.sa, ipv4(&a, "127.0.0.1", i % 2 ? other : listed)) == 0 && i % 2)
			leaks++;
		len = sizeof(a);
		if (getpeername(SPOT, &a.sa, &len) == 0 && a.sa.sa_family == AF_INET && ntohs(a.in.sin_port) == other)
			leaks++;
	}
	over = 1;
	waitpid(pid, NULL, 0);
	printf("a table that two processes share: %ld leaks\n", leaks);
}

/* ---- Descriptors that are passed on ---- */

static int pass(int to, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)"x", 1 };
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } u = { .room = { 0 } };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u) };

	u.h.cmsg_level = SOL_SOCKET;
	u.h.cmsg_type = SCM_RIGHTS;
	u.h.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&u.h), &fd, sizeof(fd));
	return sendmsg(to, &m, 0) == 1 ? 0 : -1;
}

static int take(int from)
{
	char c;
	int fd = -1;
	struct iovec iov = { &c, 1 };
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } u;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u) };

	if (recvmsg(from, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(&u.h), sizeof(fd));
	return fd;
}

/* One that is not connected, and one that is, which is let loose. */
static void passed_on(void)
{
	int pair[2], fresh = socket(AF_INET, SOCK_STREAM, 0), used = socket(AF_INET, SOCK_STREAM, 0);
	union address none = { .sa.sa_family = AF_UNSPEC };

	(void)asks(used, listed);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return;
	if (fork() == 0) {
		int fd = take(pair[1]), second = take(pair[1]);

		seen->done = fd >= 0 && second >= 0;
		seen->other = asks(fd, other);
		(void)connect(second, &none.sa, sizeof(none.sa));
		seen->other |= asks(second, other);
		seen->listed = asks(fd, listed);
		_exit(0);
	}
	if (pass(pair[0], fresh) < 0 || pass(pair[0], used) < 0)
		shutdown(pair[0], SHUT_RDWR);
	wait(NULL);
	tell("passed on");
}

/* Whoever had a listener of one's own could answer in the supervisor's place. */
static void own_listener(void)
{
	struct sock_filter ask[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, ask };

	if (fork() == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		seen->listed = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog) >= 0;
		/* The latest filter counts where both say the same: nobody hears of it. */
		seen->done = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
		seen->other = calls(other);
		_exit(0);
	}
	wait(NULL);
	printf("a listener of its own: %s, other %s\n", seen->listed ? "open" : "shut", seen->done && !seen->other ? "not reached" : "reached");
	memset(seen, 0, sizeof(*seen));
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	listed = (uint16_t)atoi(argv[2]);
	other = (uint16_t)atoi(argv[3]);
	rounds = atol(argv[4]);
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		return 3;
	look_around();
	tell("leader");
	run_thread("thread", in_thread);
	run_thread("thread with its own table", with_own_table);
	raw_clone();
	run_child("fork", 0);
	run_child("vfork", CLONE_VM | CLONE_VFORK);
	run_child("shared table", CLONE_FILES);
	not_dumpable();
	passed_on();
	own_listener();
	signals();
	flips();
	return 0;
}
