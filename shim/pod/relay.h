/* SPDX-License-Identifier: Apache-2.0
 * relay.h - datagrams between an empty network namespace and the supervisor's: packets on one side, connected sockets on the other.
 *
 *	payload's socket -> net0 | net1 -> packet socket -> relay -> one connected UDP (or ping) socket for each flow
 *	payload's socket -> a stand, which has a loopback address of the host's -> relay -> the same
 *
 * A flow is who sends (address and port in the namespace) to whom.  Broker and guard have decided before the kernel sends;
 * the relay decides again, by the same function, for each flow, so that what went round them goes nowhere.  What a
 * synthetic address stands for is asked then, and kept: the payload sees its peer there and nowhere else.  A flow's socket
 * is connected: the kernel takes datagrams of its peer alone.
 *
 * Errors of the network go back as ICMP (not through a stand).  Flows that are idle end, and the one idle for longest makes
 * room.  Nothing waits: what finds no room is lost, as datagrams are.
 */
#pragma once
#include "shim/pod/broker.h"

enum { RELAY_IDLE_MS = 120000 };

struct relay;
/* Flows of all relays of a process: each is a descriptor, and others need some, too. */
struct relay_budget { unsigned used, max; };
struct relay_config {
	struct loop *loop;
	struct relay_budget *budget; /* outlives the relay */
	const struct permissions *permissions; /* outlives the relay */
	const struct net_names *names;         /* the same; NULL: there are none */
	void *ctx;
	void (*on_event)(void *ctx, const struct broker_event *ev); /* what is denied; and the end of flows, where what is allowed is told */
};
int relay_new(const struct relay_config *c, struct relay **ret, struct ps_err *e);
/* Ends all flows.  Accepts NULL. */
void relay_free(struct relay *r);
/* A launch that tightens: flows that there are end, and are decided again with their next datagram.  p outlives the relay. */
void relay_set_permissions(struct relay *r, const struct permissions *p);
/* The packet socket at the far end of a payload's uplink, not waiting and bound; taken over, also on failure.  One for each relay. */
int relay_take_uplink(struct relay *r, int fd, struct ps_err *e);
/* A UDP socket in the payload's namespace, the same; its address is the host's. */
int relay_take_stand(struct relay *r, int fd, struct ps_err *e);
