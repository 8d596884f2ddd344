/* SPDX-License-Identifier: Apache-2.0
 * log_target.h - where a log goes: a file, the journal, or syslog.
 *
 * "file:PATH", "journald:ID", "syslog:ID"; everything else is a path, whatever colons it has: "./syslog:x" is a file.
 */
#pragma once
#include "base/err.h"

enum log_target_kind { LOG_TO_FILE, LOG_TO_JOURNAL, LOG_TO_SYSLOG };

struct log_target {
	enum log_target_kind kind;
	int fd;                /* the open file, or a connected socket; -1: none */
	const char *id;        /* who speaks, of the journal and of syslog; the caller's text */
};
#define LOG_TARGET_NONE { .fd = -1 }

/* Open it; files are appended to, and made.  *ret is left alone on failure. */
int log_target_open(const char *text, struct log_target *ret, struct ps_err *e);
/* One message without line breaks, at the level "error", "warning" or "debug", to the journal or syslog.  Best effort. */
void log_target_send(const struct log_target *t, const char *level, const char *msg);
