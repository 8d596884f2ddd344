/* SPDX-License-Identifier: Apache-2.0
 * listener.h - filters with a listener: the guard, beside the document's own, tells the supervisor, the document's its agent.
 *
 * A sendmsg(2) after such a filter was loaded could be a call that it stops, for the listener that is not sent yet to answer.
 * So a courier, a process that shares our descriptors and was cloned before, sends it.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* What comes with a descriptor over sb->broker_fd, one message: the listener, or a socket of the payload's network. */
enum { LISTENER_MAGIC = 0x54534c50, LISTENER_VERSION = 1 };
enum listener_kind { LISTENER_GUARD, LISTENER_RESOLVER, LISTENER_UPLINK /* of packets */, LISTENER_STAND /* UDP, for the host's address */ };
struct listener_hello {
	uint32_t magic, version;
	int32_t pid;     /* whose calls it stops, in its own pid namespace */
	uint32_t kind;   /* enum listener_kind */
};
/* Send descriptor fd, which stays the caller's; an errno, or 0. */
int listener_send(int broker_fd, enum listener_kind kind, int fd, pid_t pid);

/*
 * Clone the courier of the guard, if that has a listener and nobody has, and the one to the plan's agent: while limits allow a process more, and before our
 * children would be others' neighbours (setns to a pid namespace).
 */
int guard_begin(struct sandbox *sb, struct ps_err *e);
/* The same long before: it sleeps until guard_begin().  What a prepared runner does before its gate, which spares a launch the clone. */
int guard_prepare(struct sandbox *sb, struct ps_err *e);
/*
 * Load the guard, and hand its listener over.  On return neither the listener nor sb->broker_fd is open here, and no process
 * of ours is left; on failure the calls that the guard stops are answered with ENOSYS.  Takes no_new_privs.
 */
int guard_apply(struct sandbox *sb, struct ps_err *e);
/* Load the document's filter, whose listener goes to the plan's agent with a container process state; behind guard_begin(). */
int agent_apply(struct sandbox *sb, struct ps_err *e);
