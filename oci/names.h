/* SPDX-License-Identifier: Apache-2.0
 * names.h - the name lists of the OCI world: one sorted table each, used by checks, policy, `features` and tests.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/table.h"

/* One mount option: which MS_* bits (super block / propagation) and MOUNT_ATTR_* bits it sets or clears. */
struct mount_option {
	const char *name;
	uint64_t sb_flags;      /* MS_* that concern the super block or the operation (MS_RDONLY MS_SYNCHRONOUS MS_BIND MS_REMOUNT ...) */
	uint64_t attr_set;      /* MOUNT_ATTR_* to set on this mount (atime modes through MOUNT_ATTR__ATIME) */
	uint64_t attr_clr;      /* MOUNT_ATTR_* to clear first */
	uint64_t propagation;   /* MS_SHARED MS_SLAVE MS_PRIVATE MS_UNBINDABLE, with MS_REC for the r* forms */
	bool clear;             /* clears sb_flags instead of setting them */
	bool recursive;         /* attr_* apply to the whole tree (r* attributes) */
	uint32_t special;       /* MOUNT_OPT_* */
};
enum { MOUNT_OPT_TMPCOPYUP = 1, MOUNT_OPT_IDMAP = 2, MOUNT_OPT_RIDMAP = 4, MOUNT_OPT_BIND = 8, MOUNT_OPT_RBIND = 16,
       MOUNT_OPT_REMOUNT = 32, MOUNT_OPT_COPY_SYMLINK = 64, MOUNT_OPT_RELATIME = 128 /* whose attr_set is 0 */ };
extern const struct mount_option mount_options[];       /* sorted by name */
extern const size_t n_mount_options;
const struct mount_option *mount_option_find(const char *name);

/* Of crun: a socket of the host that is sent a pidfd of the first process. */
#define OCI_PIDFD_ANNOTATION "run.oci.pidfd_receiver"
/* Of crun: the seccomp agent's socket, where there is no listenerPath. */
#define OCI_RECEIVER_ANNOTATION "run.oci.seccomp.receiver"

#define NAMES_DECLARE(t) extern const struct ps_name t[]; extern const size_t n_##t
NAMES_DECLARE(names_namespace);        /* "pid" -> CLONE_NEWPID ... ("network", "mount", "ipc", "uts", "user", "cgroup", "time") */
NAMES_DECLARE(names_rlimit);           /* "RLIMIT_NOFILE" -> RLIMIT_NOFILE */
NAMES_DECLARE(names_signal);           /* "HUP" -> SIGHUP, without SIG; RTMIN+n handled by signal_parse */
NAMES_DECLARE(names_capability);       /* "CAP_CHOWN" -> 0; through libcap's numbers of linux/capability.h */
NAMES_DECLARE(names_seccomp_action);   /* "SCMP_ACT_ERRNO" -> SECCOMP_RET_ERRNO ... kernel values */
NAMES_DECLARE(names_seccomp_op);       /* "SCMP_CMP_EQ" -> enum seccomp_op */
NAMES_DECLARE(names_seccomp_arch);     /* "SCMP_ARCH_X86_64" -> AUDIT_ARCH_X86_64 (x32 has its own private value) */
NAMES_DECLARE(names_seccomp_flag);     /* "SECCOMP_FILTER_FLAG_LOG" -> SECCOMP_FILTER_FLAG_LOG */
NAMES_DECLARE(names_propagation);      /* "rslave" -> MS_SLAVE|MS_REC */
NAMES_DECLARE(names_personality);      /* "LINUX" "LINUX32" */
NAMES_DECLARE(names_sched_policy);     /* "SCHED_FIFO" -> SCHED_FIFO */
NAMES_DECLARE(names_sched_flag);       /* "SCHED_FLAG_RECLAIM" -> SCHED_FLAG_RECLAIM */
NAMES_DECLARE(names_ioprio_class);     /* "IOPRIO_CLASS_BE" -> IOPRIO_CLASS_BE */
NAMES_DECLARE(names_mempolicy_mode);   /* "MPOL_BIND" -> MPOL_BIND */
NAMES_DECLARE(names_mempolicy_flag);   /* "MPOL_F_STATIC_NODES" -> MPOL_F_STATIC_NODES */
NAMES_DECLARE(names_time_clock);       /* "monotonic" -> CLOCK_MONOTONIC, "boottime" -> CLOCK_BOOTTIME */

/* As many as the kernel takes: CPUs of its largest configuration, what set_mempolicy(2) reads at most. */
enum { NAMES_MAX_CPUS = 8192, NAMES_MAX_NODES = 32768 };

/* What names_seccomp_arch says for SCMP_ARCH_X32: the kernel has no audit value for it; libseccomp's token. */
#define SECCOMP_ARCH_X32 UINT32_C(0x4000003e)

enum seccomp_op { SECCOMP_OP_NE = 1, SECCOMP_OP_LT, SECCOMP_OP_LE, SECCOMP_OP_EQ, SECCOMP_OP_GE, SECCOMP_OP_GT, SECCOMP_OP_MASKED_EQ };

/* "KILL", "SIGKILL", "kill", "9", "RTMIN+3": the number, or -1. */
int signal_parse(const char *text);
/*
 * A sysctl's path below /proc/sys.  As sysctl(8): the first separator decides, "net.ipv4.conf.eno2/100.rp_filter" and
 * "net/ipv4/conf/eno2.100/rp_filter" are the same.  -1 when it does not fit or a component is empty, "." or "..".
 */
int sysctl_path(const char *name, char *out, size_t size);
/* True for 1..1023 characters of [A-Za-z0-9_+.-], not beginning with ".". */
bool container_id_valid(const char *id);
