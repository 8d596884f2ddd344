/* SPDX-License-Identifier: Apache-2.0
 * packet.c - the bytes of IP packets between a payload's network and its relay.
 */
#include "shim/pod/packet.h"

#include <netinet/in.h>
#include <string.h>

enum { IPV4_HEAD = 20, IPV6_HEAD = 40, UDP_HEAD = 8, ICMP_HEAD = 8, TTL = 64, DATAGRAM_MAX = 65535 };
enum { ECHO4 = 8, ECHO4_REPLY = 0, ECHO6 = 128, ECHO6_REPLY = 129, UNREACHABLE4 = 3, UNREACHABLE6 = 1 };

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* ---- Checksums (RFC 1071) ---- */

static uint64_t sum(uint64_t s, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		s += get16(p);
	return n ? s + (uint64_t)(p[0] << 8) : s;
}

static uint16_t fold(uint64_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* Of what lies between the addresses and the data. */
static uint64_t pseudo(const struct packet *p, size_t n)
{
	return sum(sum(n + p->protocol, p->from.b, sizeof(p->from)), p->to.b, sizeof(p->to));
}

/* ---- What comes ---- */

static bool parse_transport(const uint8_t *p, size_t n, struct packet *ret)
{
	const bool ipv4 = net_addr_is_ipv4(&ret->to);

	ret->to_port = 0;
	if (ret->protocol == IPPROTO_UDP) {
		if (n < UDP_HEAD || get16(p + 4) < UDP_HEAD || get16(p + 4) > n)
			return false;
		ret->from_port = get16(p);
		ret->to_port = get16(p + 2);
		ret->data = p + UDP_HEAD;
		ret->n = (size_t)get16(p + 4) - UDP_HEAD;
		return ret->to_port != 0;
	}
	if (ret->protocol != (ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || n < ICMP_HEAD || p[0] != (ipv4 ? ECHO4 : ECHO6) || p[1])
		return false;
	ret->from_port = get16(p + 4);
	ret->data = p;
	ret->n = n;
	return true;
}

static bool parse_ipv4(const uint8_t *p, size_t n, struct packet *ret)
{
	enum { FRAGMENT = 0x3fff /* more of them, or not the first */ };

	if (n < IPV4_HEAD || p[0] != 0x45 || get16(p + 2) < IPV4_HEAD || get16(p + 2) > n || get16(p + 6) & FRAGMENT)
		return false;
	ret->protocol = p[9];
	ret->from = ret->to = net_addr_ipv4(0);
	memcpy(ret->from.b + 12, p + 12, 4);
	memcpy(ret->to.b + 12, p + 16, 4);
	return parse_transport(p + IPV4_HEAD, (size_t)get16(p + 2) - IPV4_HEAD, ret);
}

static bool parse_ipv6(const uint8_t *p, size_t n, struct packet *ret)
{
	if (n < IPV6_HEAD || (size_t)get16(p + 4) > n - IPV6_HEAD)
		return false;
	ret->protocol = p[6];
	memcpy(ret->from.b, p + 8, sizeof(ret->from));
	memcpy(ret->to.b, p + 24, sizeof(ret->to));
	/* An IPv4 address in this place is nothing that a kernel sends. */
	if (net_addr_is_ipv4(&ret->from) || net_addr_is_ipv4(&ret->to))
		return false;
	return parse_transport(p + IPV6_HEAD, get16(p + 4), ret);
}

bool packet_parse(const uint8_t *p, size_t n, struct packet *ret)
{
	if (!n)
		return false;
	return p[0] >> 4 == 4 ? parse_ipv4(p, n, ret) : p[0] >> 4 == 6 && parse_ipv6(p, n, ret);
}

/* ---- What goes ---- */

/* n: of what follows it. */
static size_t put_ip(const struct packet *p, size_t n, uint8_t *out)
{
	if (!net_addr_is_ipv4(&p->to)) {
		memset(out, 0, IPV6_HEAD);
		out[0] = 0x60;
		put16(out + 4, n);
		out[6] = p->protocol;
		out[7] = TTL;
		memcpy(out + 8, p->from.b, sizeof(p->from));
		memcpy(out + 24, p->to.b, sizeof(p->to));
		return IPV6_HEAD;
	}
	memset(out, 0, IPV4_HEAD);
	out[0] = 0x45;
	put16(out + 2, IPV4_HEAD + n);
	out[6] = 0x40; /* whole */
	out[8] = TTL;
	out[9] = p->protocol;
	memcpy(out + 12, p->from.b + 12, 4);
	memcpy(out + 16, p->to.b + 12, 4);
	put16(out + 10, fold(sum(0, out, IPV4_HEAD)));
	return IPV4_HEAD;
}

static void put_udp(const struct packet *p, uint8_t *out)
{
	put16(out, p->from_port);
	put16(out + 2, p->to_port);
	put16(out + 4, UDP_HEAD + p->n);
	put16(out + 6, 0);
	/* Of IPv4 there may be none; and of IPv6 none is written as 0. */
	if (net_addr_is_ipv4(&p->to))
		return;
	const uint16_t check = fold(sum(sum(pseudo(p, UDP_HEAD + p->n), out, UDP_HEAD), p->data, p->n));

	put16(out + 6, check ? check : 0xffff);
}

size_t packet_head(const struct packet *p, uint8_t head[PACKET_HEAD_MAX])
{
	const bool udp = p->protocol == IPPROTO_UDP;
	const size_t body = p->n + (udp ? UDP_HEAD : 0), most = net_addr_is_ipv4(&p->to) ? DATAGRAM_MAX - IPV4_HEAD : DATAGRAM_MAX - IPV6_HEAD;

	if (body > most)
		return 0;
	const size_t n = put_ip(p, body, head);

	if (!udp)
		return n;
	put_udp(p, head + n);
	return n + UDP_HEAD;
}

static void put_icmp_check(const struct packet *p, uint8_t *message, size_t n)
{
	put16(message + 2, 0);
	put16(message + 2, fold(sum(net_addr_is_ipv4(&p->to) ? 0 : pseudo(p, n), message, n)));
}

bool packet_echo_reply(const struct packet *p, uint16_t id, uint8_t *message, size_t n)
{
	if (n < ICMP_HEAD || message[0] != (net_addr_is_ipv4(&p->to) ? ECHO4_REPLY : ECHO6_REPLY) || message[1])
		return false;
	put16(message + 4, id);
	put_icmp_check(p, message, n);
	return true;
}

size_t packet_error(const struct packet *sent, enum packet_problem why, uint8_t out[PACKET_ERROR_MAX])
{
	/* Rows as enum packet_problem; {4, 6}.  Of each meaning the code that a socket is told of, if there is one (icmp(7)). */
	static const uint8_t codes[][2] = { { 3, 4 }, { 10, 3 }, { 9, 6 }, { 13, 1 } };
	const bool ipv4 = net_addr_is_ipv4(&sent->to);
	const struct packet p = { .protocol = ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, .from = sent->to, .to = sent->from };
	uint8_t body[ICMP_HEAD + IPV6_HEAD + UDP_HEAD] = { ipv4 ? UNREACHABLE4 : UNREACHABLE6, codes[why][!ipv4] };
	const bool udp = sent->protocol == IPPROTO_UDP;
	size_t n = ICMP_HEAD;

	/* The beginning of what was sent, by which the kernel finds the socket. */
	n += put_ip(sent, sent->n + (udp ? UDP_HEAD : 0), body + n);
	if (udp) {
		put16(body + n, sent->from_port);
		put16(body + n + 2, sent->to_port);
		put16(body + n + 4, UDP_HEAD + sent->n);
	} else {
		body[n] = ipv4 ? ECHO4 : ECHO6;
		put16(body + n + 4, sent->from_port);
	}
	n += UDP_HEAD;
	put_icmp_check(&p, body, n);
	const size_t head = put_ip(&p, n, out);

	memcpy(out + head, body, n);
	return head + n;
}
