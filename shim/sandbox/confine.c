/* SPDX-License-Identifier: Apache-2.0
 * confine.c - a supervisor gives up what it will not need, for good.
 */
#include "shim/sandbox/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/abi.h"
#include "base/scope.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "confine.c knows x86_64 and aarch64"
#endif

static const uint64_t kept_caps = (UINT64_C(1) << CAP_KILL) | (UINT64_C(1) << CAP_SYS_PTRACE);

/* What the loop, the tape, plans in memfds, and freeing a pod whose spawner was killed take.  Most frequent first. */
static const int allowed[] = {
	SYS_read, SYS_epoll_pwait, SYS_recvmsg, SYS_sendmsg, SYS_write, SYS_epoll_ctl, SYS_close, SYS_clock_gettime,
	SYS_futex, SYS_pwrite64, SYS_pread64, SYS_flock, SYS_fstat, SYS_newfstatat, SYS_fcntl, SYS_mmap, SYS_munmap,
	SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk, SYS_openat, SYS_openat2, SYS_memfd_create, SYS_ftruncate,
	SYS_socket, SYS_connect, SYS_accept4, SYS_sendto, SYS_recvfrom, SYS_shutdown, SYS_getsockopt, SYS_setsockopt,
	SYS_pidfd_send_signal, SYS_pidfd_open, SYS_ppoll, SYS_readv, SYS_writev, SYS_lseek, SYS_statx, SYS_readlinkat,
	SYS_unlinkat, SYS_renameat2, SYS_renameat, SYS_getdents64, SYS_faccessat, SYS_ioctl, SYS_dup, SYS_dup3, SYS_getpid,
	SYS_gettid, SYS_geteuid, SYS_getuid, SYS_getegid, SYS_getgid, SYS_getppid, SYS_getrandom, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_sched_yield, SYS_umask, SYS_exit, SYS_exit_group, SYS_fallocate, SYS_waitid,
#ifdef __x86_64__ /* system calls that newer architectures do not have */
	SYS_epoll_wait, SYS_poll, SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_rmdir, SYS_rename,
	SYS_dup2,
#endif
#ifdef __SANITIZE_ADDRESS__
	SYS_sigaltstack,
#endif
};

static int load_filter(struct ps_err *e)
{
	enum { HEAD = 4, N = PS_COUNT(allowed), MAX = HEAD + 2 * N + 1 };
	struct sock_filter f[MAX];
	unsigned short n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < PS_COUNT(allowed); i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog prog = { .len = n, .filter = f };

	if (ps_sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog) != 0)
		return ps_fail_os(e, "load the supervisor's own system call filter");
	return 0;
}

/* The bounding set takes CAP_SETPCAP: without it (rootless) there is nothing to gain by an exec that the filter forbids. */
static int drop_caps(struct ps_err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned cap = 0; cap < 64; cap++)
		if (!(kept_caps >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
			break;
	if (ps_sys_capget(&head, data) < 0)
		return ps_fail_os(e, "read the supervisor's capabilities");
	for (unsigned i = 0; i < 2; i++) {
		const uint32_t kept = (uint32_t)(kept_caps >> (32 * i));

		data[i].permitted &= kept;
		data[i].effective &= kept;
		data[i].inheritable = 0;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || ps_sys_capset(&head, data) < 0)
		return ps_fail_os(e, "drop the supervisor's capabilities");
	return 0;
}

int confine_supervisor(struct ps_err *e)
{
	if (drop_caps(e) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ps_fail_os(e, "set no_new_privs");
	return load_filter(e);
}
