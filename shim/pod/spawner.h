/* SPDX-License-Identifier: Apache-2.0
 * spawner.h - the supervisor's twin: makes, reaps and frees runners.  It reads nothing that a runner or a client wrote.
 *
 * The twins talk over one SOCK_SEQPACKET pair; each message is a struct spawn_msg.  Each holds a pidfd of the other: if
 * one dies, the other ends every runner and frees what the pod has (design rule: two guards).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "shim/pod/pods.h"

/* name, who sends it, what it says */
#define SPAWN_MESSAGES(X)                                                                        \
	X(SPAWN_MAKE,    "supervisor", "prepare runner n")                                       \
	X(SPAWN_KILL,    "supervisor", "SIGKILL all of runner n, its cgroup if need be")          \
	X(SPAWN_STARTED, "supervisor", "runner n was launched: poststart hooks, if there are any") \
	X(SPAWN_FREE,    "supervisor", "end runner n if it lives, free all that it has")         \
	X(SPAWN_QUIT,    "supervisor", "end and free every runner and the pod, then end")        \
	X(SPAWN_MADE,    "spawner",    "runner n waits at its gate; descriptors: enum spawn_fd") \
	X(SPAWN_ENDED,   "spawner",    "init of runner n has ended: status, oom")                \
	X(SPAWN_FREED,   "spawner",    "nothing of runner n is left")                            \
	X(SPAWN_FAILED,  "spawner",    "runner n could not be made: err")
enum spawn_kind {
#define X(sym, who, text) sym,
	SPAWN_MESSAGES(X)
#undef X
};
/*
 * Descriptors of SPAWN_MADE, in this order.  With a terminal there is one for all three; the guard's handover is there where the pod's
 * permissions need a supervisor.
 */
enum spawn_fd { SPAWN_FD_PIDFD, SPAWN_FD_GATE, SPAWN_FD_CHANNEL, SPAWN_FD_STDIN, SPAWN_FD_STDOUT, SPAWN_FD_STDERR, SPAWN_FD_BROKER, SPAWN_FDS };
/* Is fd there, in a pod with terminals, with a broker? */
static inline bool spawn_has_fd(enum spawn_fd fd, bool tty, bool broker)
{
	return fd == SPAWN_FD_BROKER ? broker : !(tty && (fd == SPAWN_FD_STDOUT || fd == SPAWN_FD_STDERR));
}

struct spawn_msg {
	uint32_t kind, n;
	int32_t pid, status;     /* status: exit code, or 128 + signal */
	uint32_t oom;            /* the memory limit has killed something of it */
	uint32_t pad;
	struct ps_err err;
};

/* The spawner's whole life.  sock: to the supervisor, whose pidfd is the other.  Never prints; returns when the pod is freed. */
int spawner_run(const struct pods *pod, int sock, int supervisor_pidfd, struct ps_err *e);
