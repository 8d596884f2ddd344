/* SPDX-License-Identifier: Apache-2.0
 * cgroup.h - cgroup directories of one container: make, limit, join, freeze, kill, remove; v1, hybrid and v2 by cgroupfs.
 *
 * Nobody ever writes a pid to cgroup.procs (it waits for an RCU grace period): init joins version 1 by writing "0" to
 * `tasks` through fds opened here while it is single-threaded, and version 2 by CLONE_INTO_CGROUP (5.7).
 */
#pragma once
#include <sys/types.h>
#include "shim/sandbox/sandbox.h"

enum { CGROUP_MAX = 20 };

struct cgroup_fds {
	int tasks[CGROUP_MAX];    /* version 1: O_WRONLY fds of `tasks` */
	unsigned n_tasks;
	int v2_fd;                /* directory fd of the version 2 cgroup, or -1 */
};
#define CGROUP_FDS_INIT { .n_tasks = 0, .v2_fd = -1 }
void cgroup_fds_close(struct cgroup_fds *f);

/*
 * Launcher.  mkdir -p the plan's cgroup directories of that version (1 or 2).  The owner has recorded them before, so that a
 * crash leaves a trace.  A directory that exists is used if it holds no processes ("container's cgroup is not empty").
 * v1 cpuset: parents' cpus and mems are copied down.  v2: the needed controllers are enabled in cgroup.subtree_control
 * from the root down; never in one that holds processes, which would become threaded, nor is a container put below such.
 * member: the one process that may be in there, which whoever made the directory has moved there; 0: none.
 */
int cgroup_make(const struct plan *p, uint32_t version, pid_t member, struct ps_err *e);
/* Launcher.  Whoever makes them, of whatever version: are those directories that exist empty, and not frozen? */
int cgroup_check_free(const struct plan *p, struct ps_err *e);
/* Launcher.  Write the limit files in order, attach the v2 device program (BPF_CGROUP_DEVICE), delegate if asked. */
int cgroup_limit(const struct plan *p, struct ps_err *e);
/*
 * The same for an existing container and a plan of plan_compile_update(), device rules for both versions.  On failure
 * everything is put back as it was; what cannot be is named.  Controllers that version 2 needs for it stay enabled.
 */
int cgroup_update(const struct plan *p, struct ps_err *e);
/* Launcher.  Open what joining that version needs: tasks files (1), the directory (2); the rest of *ret stays. */
int cgroup_open(const struct plan *p, uint32_t version, struct cgroup_fds *ret, struct ps_err *e);
/*
 * The same for the absolute directories of an existing container (exec).  A version 2 directory that its payload has
 * given controllers to cgroups below takes nobody: there it is the one below that holds the process `member`.  below (NULL:
 * none): for each directory the path of one below to join instead, or NULL; links and ".." lead nowhere.
 */
int cgroup_open_dirs(const char *const *dirs, unsigned n, const char *const *below, pid_t member, struct cgroup_fds *ret,
		     struct ps_err *e);
/* Init or bridge, single-threaded: write "0" to every tasks fd. */
int cgroup_join(const int *tasks, unsigned n, struct ps_err *e);

/* The following take the absolute directories that state.json remembers. */
int cgroup_freeze(const char *const *dirs, unsigned n, bool freeze, struct ps_err *e); /* waits, bounded; thaws again on failure */
/* Is it frozen?  1, 0, or -1. */
int cgroup_frozen(const char *const *dirs, unsigned n);
/* SIGKILL everything inside: cgroup.kill (5.14), else freeze, kill each, thaw, until empty; bounded.  A missing dir is success. */
int cgroup_kill_all(const char *const *dirs, unsigned n, struct ps_err *e);
/* rmdir, sub-directories first, retried while EBUSY, bounded (10 s).  A missing dir is success. */
int cgroup_remove(const char *const *dirs, unsigned n, struct ps_err *e);
/* Pids inside, recursively, from the first usable directory; *ret is malloc'd. */
int cgroup_pids(const char *const *dirs, unsigned n, pid_t **ret, size_t *ret_n, struct ps_err *e);
/* Number of oom kills recorded (memory.events / memory.oom_control), or -1 when unknown. */
int64_t cgroup_oom_kills(const char *const *dirs, unsigned n);
