/* SPDX-License-Identifier: Apache-2.0
 * stats.h - what a container uses, as the document that runc's events have.
 */
#pragma once
#include "base/jsonw.h"
#include "shim/pod/container.h"

/* Member `key`: cpu, cpuset, memory, pids, blkio and hugetlb.  What this host does not count is 0 or left out. */
void stats_write(struct ps_jsonw *w, const char *key, const struct cgroup_dirs *dirs);
