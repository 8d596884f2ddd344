/* SPDX-License-Identifier: Apache-2.0
 * cgroup_limit.h - what making and changing limits share.  Private to the sandbox.
 */
#pragma once
#include "shim/sandbox/cgroup.h"

/* The directories of a plan, opened when first needed. */
struct limit_dirs {
	const struct plan *plan;
	int fd[CGROUP_MAX];
};
struct limit_dirs limit_dirs(const struct plan *p);
void limit_dirs_close(struct limit_dirs *d);
#define auto_limit_dirs __attribute__((cleanup(limit_dirs_close)))
/* The fd of a row's directory, which stays d's. */
int limit_dir(struct limit_dirs *d, uint32_t row, struct ps_err *e);
/* Write the plan's files; those that the kernel does not take yet once more behind the others. */
int limit_write_files(struct limit_dirs *d, struct ps_err *e);
