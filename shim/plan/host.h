/* SPDX-License-Identifier: Apache-2.0
 * host.h - host facts: what this kernel and machine can do, probed once per process by reading.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/err.h"

enum host_cgroup_mode { HOST_CGROUP_NONE, HOST_CGROUP_V1, HOST_CGROUP_HYBRID, HOST_CGROUP_V2 };

struct host_cgroup {
	char mount[256];          /* where the hierarchy is mounted */
	char controllers[128];    /* v1: "cpu,cpuacct" or "name=systemd"; v2: "" */
	char own[1024];           /* this process's path in it, below mount's root */
	int version;
	bool beside;              /* v2 alone: `own` holds us, so that cgroups with limits go beside it, not below */
};

struct host {
	unsigned kernel_major, kernel_minor;
	uid_t euid;
	gid_t egid;
	bool in_user_ns;          /* /proc/self/uid_map is not the identity */
	bool procfs_pidns;        /* procfs takes "pidns=" (6.17) */
	bool mount_setattr;       /* 5.12; required */
	unsigned last_cap;
	enum host_cgroup_mode cgroup_mode;
	struct host_cgroup cgroups[20];
	unsigned n_cgroups;
	bool cgroups_withheld;    /* others are there and not the caller's to write: said by who leaves them out, not by host_probe() */
	char cgroup2_controllers[256]; /* cgroup.controllers of the v2 root, space separated */
	/* What permissions need; nothing before host_probe_policy(). */
	unsigned landlock_abi;    /* 0: no Landlock */
	bool mdwe;                /* PR_SET_MDWE (6.3) */
	bool memfd_noexec;        /* vm.memfd_noexec of pid namespaces (6.3), which only uid 0 of the host may set */
};

/* Probe; the facts live in the arena.  Fails only when /proc cannot be read, or the kernel is older than 5.12 (PS_E_UNSUPP). */
int host_probe(struct ps_arena *a, const struct host **ret, struct ps_err *e);
/* In place of *h the same with what permissions need: three more system calls, for those who have any. */
int host_probe_policy(struct ps_arena *a, const struct host **h, struct ps_err *e);
/* Parsers, for tests: /proc/self/mountinfo and /proc/self/cgroup text. */
int host_parse_cgroups(struct host *h, const char *mountinfo, const char *self_cgroup, struct ps_err *e);
