/* SPDX-License-Identifier: Apache-2.0
 * audit.h - what a container did that its permissions speak of: the same accesses of a quarter of a second are one event.
 *
 * Events go to the container's tape and, whole, to a file of JSON lines.  Denied accesses are never dropped; of allowed ones those
 * that do not fit into a batch are counted, and the count is told ("kind":"drop"), unless there is a file, which has all.
 */
#pragma once
#include "ipc/tape.h"
#include "shim/pod/broker.h"

enum { AUDIT_BATCH_MS = 250, AUDIT_BATCH_MAX = 256 };

struct audit;
/* pod: of a runner, or ""; id: the container's; tape may be NULL; file_fd: taken over, -1: none.  The texts must outlive it. */
int audit_new(struct loop *loop, const char *pod, const char *id, struct tape *tape, int file_fd, uint64_t batch_ms,
	      struct audit **ret, struct ps_err *e);
void audit_event(struct audit *a, const struct broker_event *ev);
/* A system call that it has made for the first time: to the file alone ("kind":"call"). */
void audit_call(struct audit *a, const char *name);
/* Write what is waiting. */
void audit_flush(struct audit *a);
/* Flush and forget; accepts NULL. */
void audit_free(struct audit *a);
