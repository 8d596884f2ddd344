/* SPDX-License-Identifier: Apache-2.0
 * outlet.h - what a container in the foreground prints, counted on its way: a process of ours between its pipes and our
 * standard output and error, which ends it when it has printed more than its limit.
 *
 * Without a limit there is none: the payload has our own descriptors.  With one, nothing that it could print to is handed to it:
 * a standard input that is a terminal or a socket goes through a pipe, too.  Nothing is lost and nothing changes its order: where
 * standard output and error are one file, they are one pipe.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

struct outlet {
	pid_t pid;           /* 0: it was not started */
	int pidfd;
	int payload[3];      /* the payload's 0, 1, 2; [0] -1: it may have our own */
	int ours[3];         /* the other ends; [2] -1: one with [1] */
	int over_fd;         /* an eventfd: it has printed more */
	uint64_t limit;      /* bytes */
};
#define OUTLET_NONE { .pidfd = -1, .over_fd = -1, .payload = { -1, -1, -1 }, .ours = { -1, -1, -1 } }

/* Make the pipes. */
int outlet_open(struct outlet *o, uint64_t limit, struct ps_err *e);
/* Start the process, which ends with the last writer, or with the process behind pidfd (init) when it has passed on what that left. */
int outlet_start(struct outlet *o, int init_pidfd, struct ps_err *e);
/*
 * Init has ended: wait for whoever takes what it printed last; a signal that is pending for us ends that wait.  *ret_over: it was
 * ended because it printed more.  Signals are blocked.  PS_E_PEER: the process was killed, and output may be lost.
 */
int outlet_finish(struct outlet *o, bool *ret_over, struct ps_err *e);
/* Kill it, if it is there; close everything. */
void outlet_done(struct outlet *o);

/* ---- for tests ---- */
/* The process's whole life: three lanes, of which from[0] and from[2] may be -1; takes all descriptors over but the last two. */
void outlet_pass(const int from[3], const int to[3], uint64_t limit, int init_pidfd, int over_fd);
