/* SPDX-License-Identifier: Apache-2.0
 * flows.h - a bounded table of flows: who sends to whom, what it was used for last, and which was not used for longest.
 */
#pragma once
#include "shim/pod/loop.h"
#include "shim/policy/net_pattern.h"

enum { FLOWS_MAX = 256 };

struct flow_key {
	struct net_addr from, to;    /* as the payload has them */
	uint16_t from_port, to_port;
	uint8_t protocol;
};
struct flow {
	struct flow_key key;
	struct loop_source source;   /* the owner's */
	void *ctx;
	int way;                     /* how replies go back: the owner's */
	uint64_t used_ms;
	struct { uint64_t datagrams, bytes; } sent, received;
	struct flow *next;           /* of its bucket, or of the free ones */
	struct flow *newer, *older;
};

struct flows;
struct flows *flows_new(struct ps_err *e);
void flows_free(struct flows *t);
/* NULL: there is none. */
struct flow *flows_find(const struct flows *t, const struct flow_key *k);
/* A new flow, with nothing but its key; NULL: the table is full.  A flow does not move. */
struct flow *flows_add(struct flows *t, const struct flow_key *k, uint64_t now_ms);
/* It is the newest now. */
void flows_use(struct flows *t, struct flow *f, uint64_t now_ms);
void flows_remove(struct flows *t, struct flow *f);
/* What was not used for longest; NULL: there are none. */
struct flow *flows_oldest(const struct flows *t);
