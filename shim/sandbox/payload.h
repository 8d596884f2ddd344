/* SPDX-License-Identifier: Apache-2.0
 * payload.h - finds and executes the payload.
 */
#pragma once
#include <limits.h>
#include "shim/sandbox/sandbox.h"

/* Resolve args[0] as execvp would with the plan's own PATH, inside the current root.  Errors: "exec: \"X\": executable file not found in $PATH",
 * "exec: \"X\": stat X: no such file or directory", "exec: \"X\": permission denied". */
int payload_find(const struct sandbox *sb, char path[PATH_MAX], struct ps_err *e);
/*
 * The payload's environment, NULL-terminated: the plan's, HOME added from /etc/passwd of the container by uid when absent
 * or empty ("/" if unknown).  Lives as long as the process; NULL on failure.
 */
char **payload_env(const struct sandbox *sb, struct ps_err *e);
/* Every signal as a new program expects it, once: early where there is time. */
void payload_reset_signals(void);
/*
 * What is open from here on ends with the execve(2), but for what the payload is to have.  Before any filter, which may know no
 * close_range(2); what is opened later is close-on-exec by itself.
 */
int payload_keep_fds(const struct sandbox *sb, struct ps_err *e);
/*
 * All of payload_exec but the execve(2), for the time before a seccomp filter is in force (which may forbid it).
 * payload_exec does it itself if nobody has.
 */
int payload_prepare(const struct sandbox *sb, struct ps_err *e);
/*
 * Environment (payload_env), PATH as planned, signals reset,
 * execve(2).  Returns only on failure: "exec X: <strerror in lower case>", with a hint when the interpreter of a script or ELF file is what is missing.
 */
int payload_exec(const struct sandbox *sb, const char *path, struct ps_err *e);
