/* SPDX-License-Identifier: Apache-2.0
 * packet.h - the bytes of IP packets between a payload's network and its relay: UDP, echo requests, errors (RFC 768, 791, 792,
 * 4443, 8200).  What comes was written by anybody; fragments, options and extension headers are not understood.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shim/policy/net_pattern.h"

enum {
	PACKET_MAX = 65535 + 40,
	PACKET_HEAD_MAX = 48,        /* in front of data */
	PACKET_ERROR_MAX = 128,
	PACKET_ECHO_HEAD = 8,
};

/* Both addresses are of one family. */
struct packet {
	uint8_t protocol;            /* IPPROTO_UDP, IPPROTO_ICMP or IPPROTO_ICMPV6 */
	struct net_addr from, to;
	uint16_t from_port, to_port; /* ICMP: the echo's identifier, and 0 */
	const uint8_t *data;         /* in the packet; ICMP: with its header */
	size_t n;
};

/* False for what is none of these, or is not all there.  Checksums are not looked at: no wire was in between. */
bool packet_parse(const uint8_t *p, size_t n, struct packet *ret);
/*
 * What goes in front of p->data; of ICMP it is the IP header alone, and the data is complete (packet_echo_reply).
 * 0: there is too much data for a packet of the family.
 */
size_t packet_head(const struct packet *p, uint8_t head[PACKET_HEAD_MAX]);
/* Make n bytes of an ICMP message the reply to an echo request with that identifier; false when they are none. */
bool packet_echo_reply(const struct packet *p, uint16_t id, uint8_t *message, size_t n);
enum packet_problem { PACKET_NO_PORT, PACKET_NO_HOST, PACKET_NO_NET, PACKET_FORBIDDEN };
/* What tells the sender of `sent` that it did not arrive. */
size_t packet_error(const struct packet *sent, enum packet_problem why, uint8_t out[PACKET_ERROR_MAX]);
