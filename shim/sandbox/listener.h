/* SPDX-License-Identifier: Apache-2.0
 * listener.h - the guard: a filter beside the document's own, whose listener goes to the supervisor.
 *
 * A sendmsg(2) after the guard was loaded could be a call that it stops, for the listener that is not sent yet to answer.
 * So a courier, a process that shares our descriptors and was cloned before, sends it.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* What comes with the listener over sb->broker_fd, one message. */
enum { LISTENER_MAGIC = 0x54534c50, LISTENER_VERSION = 1 };
struct listener_hello {
	uint32_t magic, version;
	int32_t pid;     /* whose calls it stops, in its own pid namespace */
	uint32_t pad;
};

/*
 * Clone the courier, if the plan's guard has a listener and nobody has: while limits allow a process more, and before our
 * children would be others' neighbours (setns to a pid namespace).
 */
int guard_begin(struct sandbox *sb, struct ps_err *e);
/*
 * Load the guard, and hand its listener over.  On return neither the listener nor sb->broker_fd is open here, and no process
 * of ours is left; on failure the calls that the guard stops are answered with ENOSYS.  Takes no_new_privs.
 */
int guard_apply(struct sandbox *sb, struct ps_err *e);
