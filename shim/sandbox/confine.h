/* SPDX-License-Identifier: Apache-2.0
 * confine.h - a supervisor and the workers of its broker give up what they will not need, for good.
 */
#pragma once
#include <linux/audit.h>
#include <sys/socket.h>
#include "base/err.h"

/* Of system calls, as seccomp(2) says it. */
#if defined(__x86_64__)
#define CONFINE_NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CONFINE_NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "confine.h knows x86_64 and aarch64"
#endif

/*
 * Capabilities but KILL (runners of other uids) and SYS_PTRACE (who a client is: /proc/PID/ns; sockets of runners) are dropped, also
 * from the bounding set; no_new_privs; a system call filter that knows no exec, no clone, no mount, no namespace, no ptrace: EPERM.
 * Never Landlock: it would be the domain of every runner's file descriptors that pass through (kernel rule 1).
 */
int confine_supervisor(struct ps_err *e);
/* The same with SYS_PTRACE alone, for the process that receives calls and reads the callers' memory. */
int confine_reader(struct ps_err *e);
/*
 * With SYS_PTRACE, SETUID, SETGID and, for confine_bind, NET_BIND_SERVICE: the process that acts on AF_UNIX sockets with the ids of a
 * container's processes, and binds low ports for them.
 */
int confine_hand(struct ps_err *e);
/*
 * bind(2) for a process that may bind ports below 1024: CAP_NET_BIND_SERVICE, kept for nothing else, is on during the call.  -1 with errno.
 */
int confine_bind(int fd, const struct sockaddr *addr, socklen_t len);
