/* SPDX-License-Identifier: Apache-2.0
 * child.h - runs a helper program to its end: hooks, newuidmap, ps.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>
#include "base/err.h"

struct child {
	const char *path;
	char *const *argv, *const *envp;
	const struct iovec *input;   /* what it reads on stdin; n_input 0: nothing */
	int n_input;
	int timeout_ms;              /* then SIGKILL; -1: none */
	bool quiet;                  /* its stderr goes to ret->errors only, else also to ours */
	int out_fd, err_fd;          /* what gets its output, and its stderr in place of ours; 0: none.  It has no descriptor of these itself */
};

struct child_end {
	int exec_errno;              /* execve(2) failed: errno */
	int status;                  /* exit status */
	int sig;                     /* or the signal that ended it */
	bool timed_out;
	char errors[256];            /* the last of its stderr, one printable line; fits into an error's text */
};

/*
 * Run it and wait.  It has stdin, stdout and stderr, no other fd, default signal dispositions and an empty signal mask.
 * -1 only when it could not be started or waited for; how it ended is in *ret.
 */
int child_run(const struct child *c, struct child_end *ret, struct ps_err *e);
/* "exit status 1, stderr: ...", "killed by signal 9", "timed out", ... into buf; returns buf. */
const char *child_end_text(const struct child_end *end, char *buf, size_t size);
static inline bool child_ok(const struct child_end *end)
{
	return !end->exec_errno && !end->status && !end->sig && !end->timed_out;
}

/*
 * Look for `name` in the ':'-separated directories of search_path; an empty or relative one counts from cwd.  -1 with
 * ENOENT, or EACCES when a file was found that may not be executed, or ENAMETOOLONG.
 */
int child_find(const char *search_path, const char *cwd, const char *name, char ret_path[PATH_MAX]);
/* 0 if path is a regular file that we may execute; -1 with errno (EISDIR for a directory). */
int child_executable(const char *path);
/* What execve(2) should not pass on: handlers and ignored signals become default, nothing stays blocked. */
void child_reset_signals(void);
