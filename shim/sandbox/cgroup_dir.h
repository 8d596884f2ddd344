/* SPDX-License-Identifier: Apache-2.0
 * cgroup_dir.h - what the cgroup files share.  Private to the sandbox.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"
#include "shim/plan/plan.h"

/* Absolute directory of a row, "MOUNT/PATH".  PS_E_CONFIG for a path that is empty, the root, or has "..". */
int cgroup_dir_path(const struct plan *p, const struct plan_cgroup *c, char out[PATH_MAX], struct ps_err *e);
/* Does the comma-separated list of a version 1 row hold this controller? */
bool cgroup_has_controller(const struct plan *p, const struct plan_cgroup *c, const char *controller);
/* A small control file, NUL-terminated, without the final newline; what does not fit is cut.  Length, or -1 errno. */
ssize_t cgroup_read(int dir_fd, const char *file, char *out, size_t size);
/* One write(2).  -1 with errno. */
int cgroup_write(int dir_fd, const char *file, const char *text);
/* Replace (or first attach) the device program of a version 2 directory, see cgroup_bpf.c. */
int cgroup_attach_devices(int dir_fd, const struct plan_device_rule *rules, size_t n, struct ps_err *e);

/* The same for the `devices` hierarchy of version 1: where nothing but exceptions differ, no moment permits or denies another one. */
int cgroup_change_devices(int dir_fd, const struct plan_device_rule *rules, size_t n, struct ps_err *e);
/* Enable what the files of a version 2 row need, from the root of the hierarchy to the parent of its directory. */
int cgroup_enable(const struct plan *p, uint32_t row, struct ps_err *e);

/* fn for dir_fd and then for each directory below, parents first; ends with the first -1. */
int cgroup_walk(int dir_fd, const char *name, int (*fn)(int dir_fd, const char *name, void *ctx, struct ps_err *e), void *ctx,
		struct ps_err *e);

struct pid_list {
	pid_t *v;
	size_t n, cap;
};
/* Append the processes of dir_fd alone.  Those that this pid namespace cannot name are left out; threaded, it has none. */
int cgroup_pids_of(int dir_fd, const char *name, struct pid_list *out, struct ps_err *e);
/* Append the processes of dir_fd and of everything below.  Those that this pid namespace cannot name are left out. */
int cgroup_tree_pids(int dir_fd, const char *name, struct pid_list *out, struct ps_err *e);

/* How long freezing, killing and removing may take, each; 10 s but for tests. */
extern unsigned cgroup_patience_ms;
