/* SPDX-License-Identifier: Apache-2.0
 * net_names.h - which name a payload meant by an address: one synthetic address for each name, real address and family.
 *
 * The payload's resolver answers with synthetic addresses (198.18.0.0/15, and fd53:5044::/64), which nobody else can
 * have given it; connect(2) to one is then a connection to that name and no other, whatever else has the real address.
 * Bounded: when the table is full the oldest pair that no lookup has returned lately gives way.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "shim/policy/net_pattern.h"

enum { NET_NAMES_MAX = 4096 };

struct net_names;
struct net_names *net_names_new(struct ps_err *e);
void net_names_free(struct net_names *t);
/* The synthetic address of (name, real); the same for the same pair as long as it is known.  name: lower case, no last dot. */
int net_names_add(struct net_names *t, const char *name, const struct net_addr *real, bool pinned, struct net_addr *ret,
		  struct ps_err *e);
struct net_meaning {
	const char *name;            /* lives until the next add */
	struct net_addr real;
	bool pinned;                 /* by the operator (--add-host): it may be private */
};
/* What a synthetic address stands for; false when it is none that was given out. */
bool net_names_find(const struct net_names *t, const struct net_addr *synthetic, struct net_meaning *ret);
/* Could a be a synthetic address, known or not? */
bool net_names_is_synthetic(const struct net_addr *a);
