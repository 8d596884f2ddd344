/* SPDX-License-Identifier: Apache-2.0
 * helper.h - a program of the host's that works for a verb while the verb talks with it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/err.h"

struct launch_helper {
	const char *name;                /* looked up in PATH */
	char *const *argv;
	const int *keep;                 /* n_keep descriptors that it has beside 0, 1 and 2, by the numbers that they have here */
	size_t n_keep;
	bool dies_with_us;
	/* NULL: it shares our mount namespace.  Else it has one of its own, from which nothing propagates, with rootfs bound to at. */
	const char *rootfs, *at;
	/* There, too: binds[N] is at binds_at/N, with these MS_* and no others; what is mounted below it is not.  NULL: none. */
	const char *binds_at;
	const struct launch_helper_bind { const char *source; unsigned long flags; } *binds;
	size_t n_binds;
	/*
	 * In such a namespace ours are no use to mount in: folders (n_dirs, each -1 or one of keep) are opened there again by their
	 * paths, and have to be the same; and whoever asks who its peer at `sock` is (-1: nobody) is told of itself.
	 */
	const struct launch_helper_dir { const char *path; int fd; } *dirs;
	size_t n_dirs;
	int sock;
	const char *const *cgroup_dirs;  /* the container's cgroups, which it is born in; n_cgroup_dirs 0: it is in ours */
	unsigned n_cgroup_dirs;
};
/*
 * Start it, with our environment and working directory.  It is our child: reap it by *ret_pidfd, which is the caller's.
 * peer: our end of a pair of which it gets `sock`; with a mount namespace of its own that is replaced by another.
 */
int launch_helper_start(const struct launch_helper *h, int *peer, pid_t *ret_pid, int *ret_pidfd, struct ps_err *e);
