/* SPDX-License-Identifier: Apache-2.0
 * sandbox.h - what every mechanism gets: the plan and the descriptors it works on.
 *
 * One kernel mechanism per file; each applies its plan rows and knows nothing of JSON, roles or order (that is
 * launch/script).  All of it runs in the init image (musl) too: no allocation that outlives a call, no stdio.
 */
#pragma once
#include <stdint.h>
#include "base/abi.h"
#include "base/err.h"
#include "base/scope.h"
#include "shim/plan/plan.h"

enum { SANDBOX_MAX_FDS = 4096 };

/* Directories of the container whose mount, once made, everything below them is resolved from. */
enum sandbox_top { SANDBOX_DEV, SANDBOX_PROC, SANDBOX_SYS, SANDBOX_N_TOPS };

struct sandbox {
	const struct plan *plan;
	int *fds;        /* host objects, one per plan->fds row; -1 when spent */
	int root_fd;     /* the container's root mount, O_PATH; -1 before rootfs_attach */
	int proc_fd;     /* private procfs of this process's pid namespace; -1 before procfs_open */
	int tty_master, tty_slave; /* -1 without a terminal */
	int top_fd[SANDBOX_N_TOPS]; /* mounts that mounts_apply made at /dev, /proc, /sys: nobody can move them away; -1 */
	int broker_fd;   /* where a guard's listener goes; -1: nobody answers, or it went */
	pid_t host_pid;  /* ours, as the host sees it; 0: not known yet */
	int ruleset_fd[2]; /* Landlock's: the runner's own, and that of a launch which takes more away; -1 */
	int objects_fd;  /* what the first of them is about (landlock.h); -1 */
	int readonly_fd[64]; /* mounts that mounts_finish makes read-only */
	unsigned n_readonly;
	bool dies_with_launcher; /* the payload, too, as far as the kernel lets us say so */
	bool proc_is_attached; /* the container's /proc is proc_fd itself */
	bool proc_is_own; /* proc_fd is an instance of our own, not the /proc that was found */
};
#define SANDBOX_INIT(p, f) { .plan = (p), .fds = (f), .root_fd = -1, .proc_fd = -1, .tty_master = -1, \
			     .tty_slave = -1, .top_fd = { -1, -1, -1 }, .broker_fd = -1, .ruleset_fd = { -1, -1 }, .objects_fd = -1 }
