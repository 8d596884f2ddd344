/* SPDX-License-Identifier: Apache-2.0
 * proc.h - processes by pidfd, and who they are.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

/* pidfd_open(2) (5.3).  -1 with errno ESRCH when there is no such process. */
int ps_pidfd_open(pid_t pid);
int ps_pidfd_kill(int pidfd, int sig);
/* Wait until the process behind pidfd has exited (poll), at most timeout_ms (-1: for ever).  0 exited, 1 timed out, -1 errno. */
int ps_pidfd_wait_exit(int pidfd, int timeout_ms);
/* Reap our child: waitid(P_PIDFD).  Shell status: code, or 128 + signal.  Untouched on failure. */
int ps_pidfd_reap(int pidfd, int *ret_status, struct ps_err *e);
/* Field 22 of /proc/PID/stat: start time in clock ticks since boot.  With the pid it names a process for this boot.
 * *ret_zombie (may be NULL) tells state Z or X.  -1 with errno. */
int ps_proc_start_time(pid_t pid, uint64_t *ret_ticks, bool *ret_zombie);
/* True if pid runs (not a zombie) and started at start_ticks. */
bool ps_proc_is(pid_t pid, uint64_t start_ticks);
/* /proc/sys/kernel/random/boot_id, 36 characters. */
int ps_boot_id(char out[37], struct ps_err *e);
/* Wall clock as RFC 3339 with nanoseconds, UTC: "2026-01-02T03:04:05.123456789Z" (31 bytes). */
void ps_time_rfc3339(char out[40]);
/* The same of a moment, in nanoseconds of CLOCK_REALTIME. */
void ps_time_format(uint64_t ns, char out[40]);
/* n random lower-case hex characters and a NUL (getrandom). */
int ps_random_hex(char *out, size_t n);
