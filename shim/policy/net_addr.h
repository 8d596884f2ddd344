/* SPDX-License-Identifier: Apache-2.0
 * net_addr.h - blocks of addresses, and how much of one is private or metadata.  For net_*.c.
 */
#pragma once
#include "shim/policy/net_pattern.h"

/* addr/bits; an IPv4 block has bits >= 96.  An IPv6 block never has an IPv4 address in it. */
struct net_block { struct net_addr addr; unsigned bits; };
enum net_part { NET_PART_NONE, NET_PART_SOME, NET_PART_ALL };

/* The bits behind the prefix become 0. */
struct net_block net_block_of(const struct net_addr *a, unsigned bits);
bool net_block_has(const struct net_block *b, const struct net_addr *a);
/* Is all of `inner` in `outer`? */
bool net_block_contains(const struct net_block *outer, const struct net_block *inner);
enum net_part net_block_private(const struct net_block *b);
enum net_part net_block_metadata(const struct net_block *b);
