/* SPDX-License-Identifier: Apache-2.0
 * schedule.h - when and where a process runs: scheduler, I/O priority, CPUs.
 */
#pragma once
#include <sys/types.h>
#include "base/err.h"
#include "shim/plan/plan.h"

/*
 * The plan's scheduler for process pid, a child of ours: sched_setattr(2).  The kernel asks for CAP_SYS_NICE of the host, so
 * the launcher does it; the process is in its cgroup and has its CPUs.  The error tells why: privilege, real-time budget of
 * the cgroup, CPUs or bandwidth that a deadline cannot have.
 */
int scheduler_apply(const struct plan *p, pid_t pid, struct ps_err *e);
/* The same with ioprio_set(2). */
int io_priority_apply(const struct plan *p, pid_t pid, struct ps_err *e);
/* Are there CPUs for `when` (enum plan_affinity_when)? */
bool affinity_has(const struct plan *p, uint32_t when);
/* Run on these from now on: sched_setaffinity(2) on ourselves.  Nothing happens where there are none. */
int affinity_apply(const struct plan *p, uint32_t when, struct ps_err *e);
