/* SPDX-License-Identifier: Apache-2.0
 * log.h - failures and warnings as their readers expect them: text for people, one JSON object a line for engines.
 *
 * podman reads the whole log file as one JSON object, and conmon and containerd take standard error for the container's:
 * a failure is exactly one line and nothing else is written unless --log-level or --debug asks for it, or a person looks on:
 * warnings go to a terminal by themselves, when there is no --log.  What permissions could not take away is in a log whose call
 * went well.
 */
#pragma once
#include <stdbool.h>
#include "base/buf.h"
#include "base/err.h"
#include "shim/cli/log_target.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_DEBUG };

struct log {
	struct log_target target; /* of --log; without: standard error */
	bool json, debug;
	bool quiet;            /* no warnings on standard error */
	enum log_level level;
	struct ps_buf kept;    /* texts for a call that goes well, each with its NUL */
};

struct global_flags;
/* Set *ret up; opens --log for appending.  Usable for log_failure() even after a failure. */
int log_open(const struct global_flags *g, struct log *ret, struct ps_err *e);
void log_close(struct log *l);
/* The one line of a failed call: to the log, and as text to standard error. */
void log_failure(const struct log *l, const struct ps_err *e);
/* A warning; ctx is the struct log.  Written at the level warning and above only. */
void log_warning(void *ctx, const char *text);
/* Of these, what --best-effort lets go: for a log that takes no warnings, written by log_success(). */
void log_degraded(void *ctx, const char *text);
void log_success(struct log *l);
/* A line of the level debug, for who asked for it: to the log, else standard error. */
void log_debug(void *ctx, const char *text);

/* One line, ended by '\n'.  e (may be NULL) adds class, code, errno, hint and where, with debug also the place in the source. */
void log_line(struct ps_buf *out, bool json, bool debug, const char *level, const char *msg, const char *time,
	      const struct ps_err *e);
/*
 * text with everything that could forge a line or that a terminal could act on written as \n, \t or \xHH: control
 * characters (C1 too) and bytes that are no UTF-8.
 */
void log_escape(struct ps_buf *out, const char *text);
