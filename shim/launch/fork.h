/* SPDX-License-Identifier: Apache-2.0
 * fork.h - processes of podshim's own that outlive a verb.
 */
#pragma once
#include <sys/types.h>
#include "base/err.h"

/* fork(2) of a single-threaded process; in the parent *ret_pidfd is the child's.  Returns like fork. */
pid_t launch_fork(int *ret_pidfd, struct ps_err *e);
/* Of the descriptors from 3 on, only those in keep[] (-1: none) stay open. */
void launch_close_others(const int *keep, size_t n_keep);
/*
 * Fork a daemon: a session of its own, standard descriptors /dev/null, / as working directory, and of the descriptors
 * only those in keep[].  Returns like fork; the child is reparented to whoever reaps its parent's children, never waited for by us.
 */
pid_t launch_daemon(const int *keep, size_t n_keep, struct ps_err *e);
/* The caller's variables are none of a daemon's to keep, and to show in /proc: secrets may be among them. */
void launch_forget_environment(void);
