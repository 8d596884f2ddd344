/* SPDX-License-Identifier: Apache-2.0
 * procfs_context.c - a proc file-system context for a pid namespace that this process is not in.
 *
 * From 6.17 on fsconfig(2) takes the namespace.  Before, the context belongs to the pid namespace of whoever calls
 * fsopen(2), so somebody has to be in there: a process with nothing in its hands, which may only open contexts and end,
 * because whoever traces it from inside gets no more than that.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/wait.h>

#include "shim/sandbox/mount_util.h"
#include "shim/sandbox/procfs.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#else
#define NATIVE_ARCH 0
#endif

enum { NO_CONTEXT = 255 };

bool procfs_no_pidns_option;

static int pidns_fd(const struct sandbox *sb)
{
	for (PLAN_EACH(sb->plan, struct plan_ns_join, j, sb->plan->ns_joins))
		if (j->flag == CLONE_NEWPID)
			return sb->fds[j->fd];
	return -1;
}

static int send_fd(int sock, int fd)
{
	union { struct cmsghdr hdr; char room[CMSG_SPACE(sizeof(int))]; } c = { .room = { 0 } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c.room) };

	c.hdr.cmsg_level = SOL_SOCKET;
	c.hdr.cmsg_type = SCM_RIGHTS;
	c.hdr.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&c.hdr), &fd, sizeof(fd));
	return sendmsg(sock, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int receive_fd(int sock)
{
	union { struct cmsghdr hdr; char room[CMSG_SPACE(sizeof(int))]; } c = { .room = { 0 } };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c.room) };
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || m.msg_controllen < CMSG_LEN(sizeof(int)) ||
	    c.hdr.cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(&c.hdr), sizeof(fd));
	return fd;
}

static int confine(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsopen, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_waitid, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { PS_COUNT(code), code };

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return ps_sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog);
}

/* Outside the namespace, with empty hands: the child shares our descriptors, so its exit code is enough to tell. */
static int helper(int sock, int ns)
{
	const int own_sock = 0;
	siginfo_t si = { .si_code = 0 };
	long pid;

	if (setns(ns, CLONE_NEWPID) < 0 || dup3(sock, own_sock, O_CLOEXEC) < 0 ||
	    ps_sys_close_range((unsigned)own_sock + 1, ~0U, 0) < 0 || confine() < 0)
		return 1;
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		int fs = ps_sys_fsopen("proc", FSOPEN_CLOEXEC);

		syscall(SYS_exit_group, fs < 0 ? NO_CONTEXT : fs);
	}
	if (pid < 0 || syscall(SYS_waitid, P_PID, pid, &si, WEXITED, NULL) < 0 || si.si_code != CLD_EXITED ||
	    si.si_status == NO_CONTEXT)
		return 1;
	return send_fd(own_sock, si.si_status) < 0;
}

static int context_by_helper(int ns, struct ps_err *e)
{
	int pair[2], status, fd;
	pid_t pid;

	if (!NATIVE_ARCH)
		return ps_fail(e, PS_E_UNSUPP, "proc of a joined pid namespace needs Linux 6.17 on this architecture");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ps_fail_os(e, "make a socket pair");
	ps_auto_fd int ours = pair[0], theirs = pair[1];
	/* No handler of the C library may run in a process with a filter: the bare system call. */
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		status = helper(theirs, ns);
		syscall(SYS_exit_group, status);
	}
	ps_fd_close(&theirs);
	if (pid < 0)
		return ps_fail_os(e, "clone a helper for proc");
	fd = receive_fd(ours);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return fd >= 0 ? fd : ps_fail(e, PS_E_OS, "open proc inside the joined pid namespace: the helper failed");
}

int procfs_context(const struct sandbox *sb, struct ps_err *e)
{
	int ns = sb->plan->bridge_late ? pidns_fd(sb) : -1;
	ps_auto_fd int fs = -1;

	if (ns < 0)
		return fs_open("proc", e);
	fs = fs_open("proc", e);
	if (fs < 0)
		return -1;
	if (!procfs_no_pidns_option && ps_sys_fsconfig(fs, FSCONFIG_SET_FD, "pidns", NULL, ns) == 0)
		return ps_take_fd(&fs);
	if (!procfs_no_pidns_option && errno != EINVAL)
		return ps_fail_os(e, "open proc for the joined pid namespace");
	return context_by_helper(ns, e);
}
