/* SPDX-License-Identifier: Apache-2.0
 * hooks.h - runs one list of OCI hooks.
 */
#pragma once
#include <sys/types.h>
#include "shim/sandbox/sandbox.h"

/*
 * Run the hooks in order, each with the state text (plan head + status + pid + tail) on stdin, its own args and env (ours when it has none),
 * stdout/stderr ours or written to the plan's files (of `fds`, the plan's, or NULL: opened here), all other fds closed; wait, at most timeout_s (then SIGKILL, error).  The first failure ends the list: the error
 * names list, index, path and exit status or signal.  `list` is the name for messages ("prestart").
 * With `go_on` (poststop) failures are passed to warn() and the rest still runs.
 */
int hooks_run(const struct plan *p, const char *list, struct plan_list hooks, const char *status, pid_t pid, const int *fds,
	      bool go_on, void (*warn)(void *ctx, const char *text), void *ctx, struct ps_err *e);
/* A file of the host's that hooks print to: made where it is missing, appended to.  -1 when it cannot be opened at once. */
int hooks_open_output(const char *path, struct ps_err *e);
