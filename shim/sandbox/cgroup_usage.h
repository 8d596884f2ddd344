/* SPDX-License-Identifier: Apache-2.0
 * cgroup_usage.h - what a container uses, from its cgroups of either version.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

/* -1: not known here. */
struct cgroup_usage {
	int64_t cpu_ns;
	int64_t memory, memory_peak;  /* bytes */
	int64_t pids;
};
#define CGROUP_USAGE_UNKNOWN { -1, -1, -1, -1 }
/* Read from the absolute directories that state.json remembers.  What cannot be read stays -1. */
void cgroup_usage_read(const char *const *dirs, unsigned n, struct cgroup_usage *ret);

/* Append the whole of a control file, of the first of the directories that has it.  PS_E_NOTFOUND: none has. */
int cgroup_usage_text(const char *const *dirs, unsigned n, const char *file, struct ps_buf *out, struct ps_err *e);

/* Waits for the container to run out of memory. */
struct cgroup_oom {
	int fd;                       /* readable when something may have happened; -1: no cgroup tells; the owner closes it */
	bool v2;
	const char *dir;              /* the caller's */
	int64_t kills;
};
int cgroup_oom_watch(const char *const *dirs, unsigned n, struct cgroup_oom *ret, struct ps_err *e);
/* Has it, since the last call? */
bool cgroup_oom_happened(struct cgroup_oom *w);
