/* SPDX-License-Identifier: Apache-2.0
 * cgroup_usage.h - what a container uses, from its cgroups of either version.
 */
#pragma once
#include <stdint.h>

/* -1: not known here. */
struct cgroup_usage {
	int64_t cpu_ns;
	int64_t memory, memory_peak;  /* bytes */
	int64_t pids;
};
#define CGROUP_USAGE_UNKNOWN { -1, -1, -1, -1 }
/* Read from the absolute directories that state.json remembers.  What cannot be read stays -1. */
void cgroup_usage_read(const char *const *dirs, unsigned n, struct cgroup_usage *ret);
