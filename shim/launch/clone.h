/* SPDX-License-Identifier: Apache-2.0
 * clone.h - clone3(2) as the launch needs it.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

/*
 * Launcher: make a child that shares our memory and suspends us until it executes (CLONE_VM|CLONE_VFORK), in the new
 * namespaces `flags`, and in the version 2 cgroup v2_fd (CLONE_INTO_CGROUP, 5.7; -1: none).  The child runs fn(arg) on its own small stack:
 * only async-signal-safe calls, end by execve or return (its exit code).  Returns the pid and *ret_pidfd, or -1 errno.
 */
pid_t clone_vfork(uint64_t flags, int v2_fd, int (*fn)(void *), void *arg, int *ret_pidfd);
/*
 * Init image: plain clone(2) that returns twice, as our sibling (CLONE_PARENT): the launcher reaps it.  Uses the old
 * system call, which seccomp profiles know how to judge (clone3 is commonly answered with ENOSYS).
 */
pid_t clone_sibling(void);
