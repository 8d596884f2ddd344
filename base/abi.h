/* SPDX-License-Identifier: Apache-2.0
 * abi.h - the kernel ABI that the C libraries do not carry: constants with the kernel that has them, raw system calls.
 *
 * Include this instead of <sys/mount.h>, <linux/mount.h> or <linux/fs.h>: glibc 2.36 cannot have <sys/mount.h> and
 * the Linux header in one unit, and musl's <sys/mount.h> ends before the mount API of 5.2.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- System call numbers; from 424 on they are the same on every architecture but alpha. ---- */
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442 /* 5.12 */
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* 5.13 */
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447 /* 5.14 */
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451 /* 6.5 */
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* 6.6 */
#endif
#ifndef SYS_statmount
#define SYS_statmount 457 /* 6.8 */
#define SYS_listmount 458
#endif
#ifndef SYS_mseal
#define SYS_mseal 462 /* 6.10 */
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467 /* 6.15 */
#endif

/* ---- Processes ---- */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* 5.6 */
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000 /* 4.6 */
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL /* 5.5 */
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL /* 5.7 */
#endif
#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK O_NONBLOCK /* 5.10 */
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* 6.9 */
#endif
#ifndef PR_SET_NO_NEW_PRIVS
#define PR_SET_NO_NEW_PRIVS 38 /* 3.5 */
#endif
#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47 /* 4.3 */
#define PR_CAP_AMBIENT_IS_SET 1
#define PR_CAP_AMBIENT_RAISE 2
#define PR_CAP_AMBIENT_LOWER 3
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif
#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57 /* 5.6 */
#endif
#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE 62 /* 5.14 */
#define PR_SCHED_CORE_CREATE 1
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65 /* 6.3 */
#define PR_MDWE_REFUSE_EXEC_GAIN (1UL << 0)
#define PR_MDWE_NO_INHERIT (1UL << 1) /* 6.6 */
#endif
#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66 /* 6.3 */
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* 6.4 */
#endif

/* ---- Files ---- */
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000 /* 2.6.39 */
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000 /* 5.2 */
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1) /* 5.9 */
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2) /* 5.11 */
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033 /* 3.17 */
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 0x0001
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#define F_SEAL_WRITE 0x0008
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* 5.1 */
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020 /* 6.3 */
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 0x0001U /* 3.17 */
#define MFD_ALLOW_SEALING 0x0002U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* 6.3 */
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* 6.3 */
#endif
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* 5.12 */
#endif

/* ---- Mounts ---- */
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* 5.10 */
#endif
#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25) /* 4.0 */
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1 /* 5.2 */
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_SYMLINKS 0x00000001 /* 5.2 */
#define MOVE_MOUNT_F_AUTOMOUNTS 0x00000002
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#define MOVE_MOUNT_T_SYMLINKS 0x00000010
#define MOVE_MOUNT_T_AUTOMOUNTS 0x00000020
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef MOVE_MOUNT_SET_GROUP
#define MOVE_MOUNT_SET_GROUP 0x00000100 /* 5.15 */
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200 /* 6.5 */
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 0x00000001 /* 5.2 */
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 0x00000001 /* 5.2 */
#endif
#ifndef FSPICK_CLOEXEC
#define FSPICK_CLOEXEC 0x00000001 /* 5.2 */
#define FSPICK_SYMLINK_NOFOLLOW 0x00000002
#define FSPICK_NO_AUTOMOUNT 0x00000004
#define FSPICK_EMPTY_PATH 0x00000008
#endif
#ifndef FSCONFIG_SET_FLAG
#define FSCONFIG_SET_FLAG 0 /* 5.2 */
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_SET_BINARY 2
#define FSCONFIG_SET_PATH 3
#define FSCONFIG_SET_PATH_EMPTY 4
#define FSCONFIG_SET_FD 5
#define FSCONFIG_CMD_CREATE 6
#define FSCONFIG_CMD_RECONFIGURE 7
#endif
#ifndef FSCONFIG_CMD_CREATE_EXCL
#define FSCONFIG_CMD_CREATE_EXCL 8 /* 6.6 */
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001 /* 5.2 */
#define MOUNT_ATTR_NOSUID 0x00000002
#define MOUNT_ATTR_NODEV 0x00000004
#define MOUNT_ATTR_NOEXEC 0x00000008
#define MOUNT_ATTR__ATIME 0x00000070
#define MOUNT_ATTR_RELATIME 0x00000000
#define MOUNT_ATTR_NOATIME 0x00000010
#define MOUNT_ATTR_STRICTATIME 0x00000020
#define MOUNT_ATTR_NODIRATIME 0x00000080
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000 /* 5.12 */
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* 5.14 */
#endif

/* struct mount_attr of mount_setattr(2); the libraries that have one disagree about where. */
struct ps_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* ---- Sockets ---- */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* 5.14 */
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* 6.5 */
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* 6.5 */
#endif

/* ---- seccomp ---- */
#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1UL << 3) /* 5.0 */
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* 5.19 */
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1) /* 5.14 */
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64) /* 6.6 */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* ---- Landlock: rights by ABI number ---- */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* ABI 2, 5.19 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* ABI 3, 6.2 */
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_RULE_NET_PORT 2 /* ABI 4, 6.7 */
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5, 6.10 */
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* ABI 6, 6.12 */
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#ifndef LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF
#define LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF (1U << 0) /* ABI 7, 6.15 */
#define LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON (1U << 1)
#define LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF (1U << 2)
#endif

/* struct landlock_ruleset_attr as of ABI 6; an older kernel takes it as well when what it does not know is 0. */
struct ps_landlock_ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct ps_landlock_net_port_attr {
	uint64_t allowed_access, port;
};

/* ---- Raw system calls: -1 with errno, like the wrappers of a C library. ---- */
static inline int ps_sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how)); /* 5.6 */
}

static inline int ps_sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags); /* 5.2 */
}

static inline int ps_sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags); /* 5.2 */
}

static inline int ps_sys_fsopen(const char *fstype, unsigned flags)
{
	return (int)syscall(SYS_fsopen, fstype, flags); /* 5.2 */
}

static inline int ps_sys_fsconfig(int fs_fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fs_fd, cmd, key, value, aux); /* 5.2 */
}

static inline int ps_sys_fsmount(int fs_fd, unsigned flags, unsigned mount_attrs)
{
	return (int)syscall(SYS_fsmount, fs_fd, flags, mount_attrs); /* 5.2 */
}

static inline int ps_sys_fspick(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dirfd, path, flags); /* 5.2 */
}

static inline int ps_sys_mount_setattr(int dirfd, const char *path, unsigned flags, const struct ps_mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr)); /* 5.12 */
}

static inline int ps_sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int ps_sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags); /* 5.9 */
}

static inline int ps_sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags); /* 5.3 */
}

static inline int ps_sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags); /* 5.1 */
}

static inline int ps_sys_pidfd_getfd(int pidfd, int fd)
{
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0U); /* 5.6 */
}

static inline int ps_sys_seccomp(unsigned op, unsigned flags, void *args)
{
	return (int)syscall(SYS_seccomp, op, flags, args); /* 3.17 */
}

/* ioctl(2) of a seccomp listener; C libraries do not agree about the type of op. */
static inline int ps_sys_seccomp_notify(int listener, unsigned long op, void *arg)
{
	return (int)syscall(SYS_ioctl, listener, op, arg); /* 5.0 */
}

/* The number, for who is told of the call and does not make it. */
enum { PS_NR_EXECVEAT = SYS_execveat };

static inline long ps_sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

static inline int ps_sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, dirfd, path, argv, envp, flags); /* 3.19 */
}

/* renameat2(2) (3.15): musl has no wrapper. */
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif
static inline int ps_sys_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, unsigned flags)
{
	return (int)syscall(SYS_renameat2, old_dirfd, old_path, new_dirfd, new_path, flags);
}

static inline int ps_sys_landlock_create_ruleset(const struct ps_landlock_ruleset_attr *attr, size_t size,
						 unsigned flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags); /* 5.13 */
}

static inline int ps_sys_landlock_add_rule(int ruleset_fd, int type, const void *attr)
{
	return (int)syscall(SYS_landlock_add_rule, ruleset_fd, type, attr, 0U); /* 5.13 */
}

static inline int ps_sys_landlock_restrict_self(int ruleset_fd, unsigned flags)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset_fd, flags); /* 5.13 */
}

/* struct statx with only what the two below need; 256 bytes. */
struct ps_statx_mount {
	uint32_t mask, blksize_;
	uint64_t attributes;
	uint8_t skip_[0x80];
	uint64_t mnt_id;
	uint8_t rest_[0x68];
};
_Static_assert(sizeof(struct ps_statx_mount) == 256, "statx ABI");

/* Id of the mount that fd is on: statx(2) STATX_MNT_ID (5.8).  -1 with ENOSYS where the kernel does not tell. */
static inline int ps_sys_mount_id(int fd, uint64_t *ret)
{
	const unsigned want = 0x1000;
	struct ps_statx_mount sx = { .mask = 0 };

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, want, &sx) < 0)
		return -1;
	if (!(sx.mask & want)) {
		errno = ENOSYS;
		return -1;
	}
	*ret = sx.mnt_id;
	return 0;
}

/* Is fd the root of the mount that it is on?  statx(2) STATX_ATTR_MOUNT_ROOT (5.8).  -1 with errno. */
static inline int ps_sys_is_mount_root(int fd)
{
	struct ps_statx_mount sx = { .mask = 0 };

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0U, &sx) < 0)
		return -1;
	return (sx.attributes & 0x2000) != 0;
}

/*
 * Credentials of the calling thread only.  The wrappers of both C libraries change all threads by signals; the init
 * image has one thread and no time for that.  32-bit ABIs carry the 16-bit calls under the plain names.
 */
#ifdef SYS_setresuid32
#define PS_SYS_SETRESUID SYS_setresuid32
#define PS_SYS_SETRESGID SYS_setresgid32
#define PS_SYS_SETGROUPS SYS_setgroups32
#else
#define PS_SYS_SETRESUID SYS_setresuid
#define PS_SYS_SETRESGID SYS_setresgid
#define PS_SYS_SETGROUPS SYS_setgroups
#endif

static inline int ps_sys_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid)
{
	return (int)syscall(PS_SYS_SETRESUID, ruid, euid, suid);
}

static inline int ps_sys_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid)
{
	return (int)syscall(PS_SYS_SETRESGID, rgid, egid, sgid);
}

static inline int ps_sys_setgroups(size_t n, const uint32_t *gids)
{
	return (int)syscall(PS_SYS_SETGROUPS, n, gids);
}

static inline int ps_sys_capget(struct __user_cap_header_struct *head, struct __user_cap_data_struct data[2])
{
	return (int)syscall(SYS_capget, head, data);
}

static inline int ps_sys_capset(struct __user_cap_header_struct *head, const struct __user_cap_data_struct data[2])
{
	return (int)syscall(SYS_capset, head, data);
}

/* struct rlimit64 whatever the C library's rlim_t is. */
struct ps_rlimit {
	uint64_t soft, hard;
};

static inline int ps_sys_prlimit(pid_t pid, unsigned resource, const struct ps_rlimit *set, struct ps_rlimit *ret_old)
{
	return (int)syscall(SYS_prlimit64, pid, resource, set, ret_old); /* 2.6.36 */
}

/* struct sched_attr as of 5.3; what a kernel does not know has to be 0. */
struct ps_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* nanoseconds */
	uint32_t util_min, util_max;
};
_Static_assert(sizeof(struct ps_sched_attr) == 56, "sched_attr ABI");

static inline int ps_sys_sched_setattr(pid_t pid, const struct ps_sched_attr *attr)
{
	return (int)syscall(SYS_sched_setattr, pid, attr, 0U); /* 3.14 */
}

static inline int ps_sys_sched_getattr(pid_t pid, struct ps_sched_attr *ret)
{
	return (int)syscall(SYS_sched_getattr, pid, ret, sizeof(*ret), 0U); /* 3.14 */
}

static inline int ps_sys_ioprio_set(int which, int who, int value)
{
	return (int)syscall(SYS_ioprio_set, which, who, value); /* 2.6.13 */
}

static inline int ps_sys_set_mempolicy(unsigned mode, const unsigned long *nodes, unsigned long max)
{
	return (int)syscall(SYS_set_mempolicy, mode, nodes, max); /* 2.6.7 */
}

/* attr is a union bpf_attr of <linux/bpf.h>. */
static inline int ps_sys_bpf(int cmd, void *attr, unsigned size)
{
	return (int)syscall(SYS_bpf, cmd, attr, size); /* 3.18 */
}
