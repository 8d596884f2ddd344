/* SPDX-License-Identifier: Apache-2.0
 * oversee.h - what a supervisor does for the permissions of its runners: answers their guards (broker.h) and their questions
 * for names (resolver.h), relays their datagrams (relay.h), and tells what they did (telemetry.h).
 */
#pragma once
#include "ipc/tape.h"
#include "shim/pod/ask.h"
#include "shim/pod/loop.h"
#include "shim/pod/telemetry.h"
#include "shim/policy/permissions.h"
#include "shim/policy/policy.h"

struct oversight;                    /* of one supervisor */
struct overseen;                     /* one runner under it */

/* May p's guard or its resolver need a supervisor? */
bool oversight_needed(const struct policy *p);
/*
 * Begin, before the supervisor is confined and while it has one thread.  p: what its runners were made with; p and g outlive
 * it.  dns, hosts: --dns and --add-host.  asked: whoever answers questions (ask.h): the launcher, or the broker that g names;
 * taken over, also on failure.
 */
int oversight_new(struct loop *loop, const struct policy *p, const struct permissions *g, struct ask_fds asked, struct oversight **ret,
		  struct ps_err *e);
/* Accepts NULL. */
void oversight_free(struct oversight *o);

struct overseen_facts {
	const char *pod, *id;        /* outlive it; pod "" for a container of its own */
	struct tape *tape;           /* the same; NULL: none */
	int handover;                /* peer of launch.broker, taken over, also on failure */
	int audit_fd;                /* JSON lines, taken over, also on failure; -1: none */
	int pidfd;                   /* init: killed when nobody can answer it any more; stays the caller's */
	pid_t pid;                   /* the same */
};
int oversight_add(struct oversight *o, const struct overseen_facts *f, struct overseen **ret, struct ps_err *e);
/* The guard of one more process comes over handover, which is taken over, also on failure. */
int oversight_add_handover(struct overseen *s, int handover, struct ps_err *e);
/*
 * What it may do from its next call on; p is no more than the others' set, with what is implied, and outlives it.  The
 * resolver answers by it, too.
 */
int oversight_tighten(struct overseen *s, const struct permissions *p, struct ps_err *e);
/* The same as oversight_add_handover() for a process that has less than the others of s: flags as perm_layer_of_flags() reads. */
int oversight_add_tighter(struct overseen *s, int handover, const struct spec_strs *flags, struct ps_err *e);
/* What it did so far; accepts NULL. */
struct telemetry_counts oversight_counts(const struct overseen *s);
/* Tell what is untold: before the end of whoever it is about is told.  Accepts NULL. */
void oversight_tell(struct overseen *s);
/* It has ended: tell what is untold, forget it.  Accepts NULL. */
void oversight_remove(struct overseen *s);
