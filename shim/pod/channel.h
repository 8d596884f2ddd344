/* SPDX-License-Identifier: Apache-2.0
 * channel.h - a container of any caller's with a channel: its end of it, and the supervisor that holds the other.
 */
#pragma once
#include "oci/state.h"
#include "shim/launch/launch.h"
#include "shim/pod/ask.h"
#include "shim/pod/container.h"
#include "shim/pod/pod.h"
#include "shim/policy/policy.h"

#define CHANNEL_ANNOTATION "io.podshim.channel"

/*
 * The ends of a channel and what keeps its number in the payload from being used meanwhile; those of the guard's handover;
 * where audit events go, too; a pipe that the supervisor says on that it is ready, and one that ends with it; whoever it asks
 * (ask.h), and our end of that where it is we.  Each -1 without.
 */
struct channel { int host, payload, reserved, broker, broker_payload, audit, ready, over, asks_us; struct ask_fds asked; };
#define CHANNEL_NONE { -1, -1, -1, -1, -1, -1, -1, -1, -1, ASK_NOBODY }

/* 1 when asked for by the annotation, or by `otherwise` where there is none, 0 not; -1 when its value is neither "0" nor "1". */
int channel_wanted(const struct policy *p, bool otherwise, struct ps_err *e);
/* Make one; the payload will find it at descriptor `at`, which nothing that is opened later here gets. */
int channel_open(struct channel *c, uint32_t at, struct ps_err *e);
/* The same for a guard that asks a supervisor; audit_file: NULL, or where its events are appended. */
int channel_open_broker(struct channel *c, const char *audit_file, struct ps_err *e);
/* Who is asked about what g says is to be asked; nobody where it says nothing. */
int channel_open_asked(struct channel *c, const struct permissions *g, struct ps_err *e);
void channel_close(struct channel *c);
/*
 * Start the supervisor of the container behind `dir`, if there is a channel or a guard that needs one: a process that outlives us,
 * ends with init, and holds none of our caller's descriptors.  Init has its own ends of channel and handover by now.
 */
int channel_supervise(struct channel *c, const struct pod_env *env, const struct state *st, const struct state_dir *dir,
		      const struct launch *l, const struct bundle *b, struct ps_err *e);
/* Wait until it serves: control.sock is there, and the guard will be answered.  0 without a supervisor, too. */
int channel_wait_ready(struct channel *c, const char *id, struct ps_err *e);
/* Init has ended: wait until the supervisor has told what it knows, and has ended, too; not for ever. */
void channel_wait_over(const struct channel *c);
