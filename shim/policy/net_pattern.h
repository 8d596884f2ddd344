/* SPDX-License-Identifier: Apache-2.0
 * net_pattern.h - one value of a net entry: Deno's grammar, with transports, port ranges and classes of addresses.
 *
 *	[tcp:|udp:|icmp:|listen:] [public:] HOST [:PORTS]     unix:/PATH, unix:@ABSTRACT     vsock:CID:PORT, * is any
 *	HOST   name, *.name (its subdomains), 1.2.3.4, [::1], 10.0.0.0/8, [fc00::]/7, *, private, metadata, public
 *	PORTS  443, 8000-8080, 80|443
 *
 * Without a transport an allow is for TCP connections, and also for listening where HOST is an address or name of this
 * machine (0.0.0.0, [::], 127.0.0.0/8, [::1], localhost); a deny is for everything.  Names compare without case and without
 * a last dot; URLs, bare IPv6 addresses and dots behind addresses are refused.  IPv4-mapped addresses are IPv4.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { NET_TCP = 1, NET_UDP = 2, NET_ICMP = 4, NET_LISTEN = 8 /* TCP and UDP, by bind(2) and listen(2) */, NET_ALL = 15 };

enum net_host {
	NET_HOST_ANY, NET_HOST_NAME, NET_HOST_SUFFIX /* name: ".example.com" */, NET_HOST_ADDRESS /* addr/bits */,
	NET_HOST_PRIVATE, NET_HOST_METADATA, NET_HOST_UNIX, NET_HOST_VSOCK,
};
struct net_ports { uint16_t from, to; };

/* 16 bytes in network order; IPv4 as ::ffff:a.b.c.d. */
struct net_addr { uint8_t b[16]; };

struct net_pattern {
	unsigned what;               /* NET_TCP | ... */
	enum net_host host;
	bool public_only;            /* of HOST, only what is neither private nor metadata ("public" is ANY with this) */
	const char *name;            /* NAME, SUFFIX (lower case); UNIX: absolute clean path, or '@' and an abstract name */
	struct net_addr addr;
	unsigned bits;               /* of addr; 128: one address; IPv4 /n is 96 + n */
	const struct net_ports *ports; /* n_ports ascending and apart; 0: every port */
	size_t n_ports;
	uint32_t cid, port;          /* VSOCK; UINT32_MAX: any */
};

/* What somebody wants to reach, or listen at. */
struct net_target {
	unsigned what;               /* one of NET_TCP ... */
	const char *name;            /* as it was looked up; NULL: by address alone */
	bool has_addr;
	struct net_addr addr;
	uint16_t port;
	const char *unix_path;       /* AF_UNIX: absolute path, or '@' and an abstract name; else NULL */
	bool vsock;                  /* AF_VSOCK: cid and vsock_port, nothing else */
	uint32_t cid, vsock_port;
};

/* deny: how missing transports are meant.  PS_E_USAGE with a text that says what is wrong with `text`. */
int net_pattern_parse(struct ps_arena *a, const char *text, bool deny, struct net_pattern *ret, struct ps_err *e);
/* Canonical text, as it could be parsed again. */
void net_pattern_print(const struct net_pattern *p, struct ps_buf *out);
/*
 * By the name alone, and by the address alone: a NAME never matches an address.  A path and a CID are addresses.  What is
 * public_only matches every name of its HOST; the address that the name has is to be asked for, too.
 */
bool net_pattern_matches_name(const struct net_pattern *p, const struct net_target *t);
bool net_pattern_matches_addr(const struct net_pattern *p, const struct net_target *t);
/* Is all of `inner` in `outer`? */
bool net_pattern_contains(const struct net_pattern *outer, const struct net_pattern *inner);
/* What both match.  False: that is nothing, or the part of `private` or `metadata` in a network, which no pattern describes. */
bool net_pattern_intersect(struct ps_arena *a, const struct net_pattern *x, const struct net_pattern *y, struct net_pattern *ret);

/* RFC 1918, ULA, link-local, CGNAT, loopback, unspecified, multicast, benchmark 198.18/15, documentation: not the internet. */
bool net_addr_is_private(const struct net_addr *a);
/* 169.254.169.254, fd00:ec2::254 and the others that give out credentials of the machine. */
bool net_addr_is_metadata(const struct net_addr *a);
bool net_addr_is_loopback(const struct net_addr *a);
/* Multicast, or the broadcast address. */
bool net_addr_is_group(const struct net_addr *a);
bool net_addr_is_ipv4(const struct net_addr *a);
struct net_addr net_addr_ipv4(uint32_t host_order);
/* "1.2.3.4", "2001:db8::1" (no brackets); false when text is none. */
bool net_addr_parse(const char *text, struct net_addr *ret);
void net_addr_print(const struct net_addr *a, struct ps_buf *out);
