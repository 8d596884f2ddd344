/* SPDX-License-Identifier: Apache-2.0
 * confine.c - a supervisor and the workers of its broker give up what they will not need, for good.
 */
#include "shim/sandbox/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/abi.h"
#include "base/scope.h"

#define CAP(name) (UINT64_C(1) << (name))

struct confinement {
	uint64_t caps, lent;         /* lent: permitted, but not in effect */
	const int *calls;
	size_t n_calls;
};

/* What the loop, the tape, plans in memfds, freeing a pod whose spawner was killed, and the broker take.  Most frequent first. */
static const int supervisor_calls[] = {
	SYS_read, SYS_epoll_pwait, SYS_recvmsg, SYS_sendmsg, SYS_write, SYS_epoll_ctl, SYS_close, SYS_clock_gettime,
	SYS_futex, SYS_pwrite64, SYS_pread64, SYS_flock, SYS_fstat, SYS_newfstatat, SYS_fcntl, SYS_mmap, SYS_munmap,
	SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk, SYS_openat, SYS_openat2, SYS_memfd_create, SYS_ftruncate,
	SYS_socket, SYS_connect, SYS_accept4, SYS_sendto, SYS_recvfrom, SYS_shutdown, SYS_getsockopt, SYS_setsockopt,
	SYS_pidfd_send_signal, SYS_pidfd_open, SYS_ppoll, SYS_readv, SYS_writev, SYS_lseek, SYS_statx, SYS_readlinkat,
	SYS_unlinkat, SYS_renameat2, SYS_renameat, SYS_getdents64, SYS_faccessat, SYS_ioctl, SYS_dup, SYS_dup3, SYS_getpid,
	SYS_gettid, SYS_geteuid, SYS_getuid, SYS_getegid, SYS_getgid, SYS_getppid, SYS_getrandom, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_sched_yield, SYS_umask, SYS_exit, SYS_exit_group, SYS_fallocate, SYS_waitid,
	SYS_pidfd_getfd, SYS_bind, SYS_listen, SYS_getsockname, SYS_getpeername, SYS_kcmp, SYS_uname, SYS_sysinfo,
#ifdef __x86_64__ /* system calls that newer architectures do not have */
	SYS_epoll_wait, SYS_poll, SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_rmdir, SYS_rename,
	SYS_dup2,
#endif
#ifdef __SANITIZE_ADDRESS__
	SYS_sigaltstack,
#endif
};

static const int reader_calls[] = {
	SYS_epoll_pwait, SYS_ioctl, SYS_setitimer, SYS_process_vm_readv, SYS_sendto, SYS_sendmsg, SYS_recvmsg, SYS_process_vm_writev,
	SYS_epoll_ctl, SYS_close, SYS_exit_group, SYS_restart_syscall, SYS_rt_sigreturn,
	/* a plain connect that is allowed */
	SYS_pidfd_open, SYS_pidfd_getfd, SYS_getsockopt, SYS_setsockopt, SYS_fcntl, SYS_connect, SYS_socket, SYS_getpeername, SYS_openat, SYS_read,
	SYS_kcmp,
#ifdef __x86_64__
	SYS_epoll_wait, SYS_open,
#endif
};

static const int hand_calls[] = {
	SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_openat, SYS_openat2, SYS_getdents64, SYS_read, SYS_readlinkat, SYS_close, SYS_fcntl, SYS_pidfd_open,
	SYS_pidfd_getfd, SYS_dup3, SYS_epoll_ctl, SYS_connect, SYS_bind, SYS_listen, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_umask,
	SYS_fstat, SYS_newfstatat, SYS_getsockopt, SYS_exit_group, SYS_restart_syscall, SYS_rt_sigreturn,
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_lseek, SYS_geteuid, SYS_getegid, SYS_getgroups, SYS_kcmp, SYS_capget, SYS_capset,
#ifdef __x86_64__
	SYS_open, SYS_readlink,
#endif
};

enum { CALLS_MAX = 160 };

static int load_filter(const int *allowed, size_t n_allowed, struct ps_err *e)
{
	enum { HEAD = 4, MAX = HEAD + 2 * CALLS_MAX + 1 };
	struct sock_filter f[MAX];
	unsigned short n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONFINE_NATIVE_ARCH, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n_allowed; i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog prog = { .len = n, .filter = f };

	if (ps_sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog) != 0)
		return ps_fail_os(e, "load podshim's own system call filter");
	return 0;
}

/* The bounding set takes CAP_SETPCAP: without it (rootless) there is nothing to gain by an exec that the filter forbids. */
static int drop_caps(uint64_t kept_caps, uint64_t lent, struct ps_err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned cap = 0; cap < 64; cap++)
		if (!((kept_caps | lent) >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
			break;
	if (ps_sys_capget(&head, data) < 0)
		return ps_fail_os(e, "read the supervisor's capabilities");
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)((kept_caps | lent) >> (32 * i));
		data[i].effective &= (uint32_t)(kept_caps >> (32 * i));
		data[i].inheritable = 0;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || ps_sys_capset(&head, data) < 0)
		return ps_fail_os(e, "drop the supervisor's capabilities");
	return 0;
}

static int confine(const struct confinement *c, struct ps_err *e)
{
	if (drop_caps(c->caps, c->lent, e) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ps_fail_os(e, "set no_new_privs");
	return load_filter(c->calls, c->n_calls, e);
}

_Static_assert(PS_COUNT(supervisor_calls) <= CALLS_MAX, "more calls than the filter has room for");

int confine_supervisor(struct ps_err *e)
{
	const struct confinement c = { CAP(CAP_KILL) | CAP(CAP_SYS_PTRACE), 0, supervisor_calls, PS_COUNT(supervisor_calls) };

	return confine(&c, e);
}

int confine_reader(struct ps_err *e)
{
	const struct confinement c = { CAP(CAP_SYS_PTRACE), 0, reader_calls, PS_COUNT(reader_calls) };

	return confine(&c, e);
}

int confine_hand(struct ps_err *e)
{
	const struct confinement c = { CAP(CAP_SYS_PTRACE) | CAP(CAP_SETUID) | CAP(CAP_SETGID), CAP(CAP_NET_BIND_SERVICE), hand_calls,
				       PS_COUNT(hand_calls) };

	return confine(&c, e);
}

static void lend(uint32_t cap, bool on)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (ps_sys_capget(&head, data) < 0)
		return;
	if (on)
		data[cap / 32].effective |= data[cap / 32].permitted & 1U << cap % 32;
	else
		data[cap / 32].effective &= ~(1U << cap % 32);
	(void)ps_sys_capset(&head, data);
}

int confine_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	lend(CAP_NET_BIND_SERVICE, true);
	const int rc = bind(fd, addr, len), err = errno;

	lend(CAP_NET_BIND_SERVICE, false);
	errno = err;
	return rc;
}
