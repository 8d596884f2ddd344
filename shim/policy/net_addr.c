/* SPDX-License-Identifier: Apache-2.0
 * net_addr.c - addresses: text, blocks, and which of them are not the internet.
 */
#include "shim/policy/net_addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/scope.h"

enum { ADDR_BITS = 128, MAPPED_BITS = 96 };

static const struct net_addr mapped = { { [10] = 0xff, [11] = 0xff } };

/* IPv4 blocks that are not the internet: RFC 6890 and its successors, and Azure's host, which has a public address. */
#define PRIVATE_IPV4(X)                                                                                         \
	X(0, 0, 0, 0, 8) X(10, 0, 0, 0, 8) X(100, 64, 0, 0, 10) X(127, 0, 0, 0, 8) X(168, 63, 129, 16, 32)      \
	X(169, 254, 0, 0, 16) X(172, 16, 0, 0, 12) X(192, 0, 0, 0, 24) X(192, 0, 2, 0, 24) X(192, 88, 99, 0, 24) \
	X(192, 168, 0, 0, 16) X(198, 18, 0, 0, 15) X(198, 51, 100, 0, 24) X(203, 0, 113, 0, 24) X(224, 0, 0, 0, 4) \
	X(240, 0, 0, 0, 4)

/* AWS, Azure, GCP, OpenStack; ECS and EKS credentials; Oracle, Alibaba, Tencent, Scaleway. */
#define METADATA_IPV4(X)                                                                                    \
	X(169, 254, 169, 254, 32) X(168, 63, 129, 16, 32) X(169, 254, 170, 2, 32) X(169, 254, 170, 23, 32) \
	X(192, 0, 0, 192, 32) X(100, 100, 100, 200, 32) X(169, 254, 0, 23, 32)     \
	X(169, 254, 42, 42, 32)

/* Each IPv4 block once as itself and once behind NAT64 (RFC 6052), where its hosts are reached, too. */
#define MAPPED(a, b, c, d, n) { { { [10] = 0xff, [11] = 0xff, a, b, c, d } }, MAPPED_BITS + (n) },
#define NAT64(a, b, c, d, n) { { { 0x00, 0x64, 0xff, 0x9b, [12] = a, b, c, d } }, MAPPED_BITS + (n) },

static const struct net_block private_blocks[] = {
	PRIVATE_IPV4(MAPPED)
	PRIVATE_IPV4(NAT64)
	{ { { 0 } }, 96 },                                          /* ::, ::1, IPv4-compatible (RFC 4291) */
	{ { { [8] = 0xff, 0xff } }, 96 },                           /* IPv4-translated (RFC 2765) */
	{ { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 } }, 48 },         /* NAT64 of a site (RFC 8215) */
	{ { { 0x01, 0x00 } }, 64 },                                 /* discard (RFC 6666) */
	{ { { 0x20, 0x01 } }, 23 },                                 /* Teredo, ORCHID, benchmarks (RFC 2928) */
	{ { { 0x20, 0x01, 0x0d, 0xb8 } }, 32 },                     /* documentation (RFC 3849) */
	{ { { 0x20, 0x02 } }, 16 },                                 /* 6to4 (RFC 3056) */
	{ { { 0x3f, 0xff } }, 20 },                                 /* documentation (RFC 9637) */
	{ { { 0x5f, 0x00 } }, 16 },                                 /* segment routing (RFC 9602) */
	{ { { 0xfc } }, 7 },                                        /* unique local (RFC 4193) */
	{ { { 0xfe, 0x80 } }, 10 },                                 /* link-local */
	{ { { 0xfe, 0xc0 } }, 10 },                                 /* site-local (RFC 3879) */
	{ { { 0xff } }, 8 },                                        /* multicast */
};

/* All of them are private, too. */
static const struct net_block metadata_blocks[] = {
	METADATA_IPV4(MAPPED)
	METADATA_IPV4(NAT64)
	{ { { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 } }, 128 }, /* AWS: fd00:ec2::254 */
	{ { { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x00, 0x23 } }, 128 }, /* EKS: fd00:ec2::23 */
	{ { { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 } }, 128 }, /* GCP: fd20:ce::254 */
	{ { { 0xfd, 0x00, 0x00, 0x42, [14] = 0x00, 0x42 } }, 128 }, /* Scaleway: fd00:42::42 */
	{ { { 0xfe, 0x80, [8] = 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe } }, 128 }, /* OpenStack: fe80::a9fe:a9fe */
};

bool net_addr_is_ipv4(const struct net_addr *a)
{
	return !memcmp(a->b, mapped.b, MAPPED_BITS / 8);
}

static bool same_prefix(const struct net_addr *x, const struct net_addr *y, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return !memcmp(x->b, y->b, whole) && (!rest || !((x->b[whole] ^ y->b[whole]) >> (8 - rest)));
}

struct net_block net_block_of(const struct net_addr *a, unsigned bits)
{
	struct net_block r = { *a, bits };

	for (unsigned i = bits; i < ADDR_BITS; i++)
		r.addr.b[i / 8] &= (uint8_t)~(0x80U >> i % 8);
	return r;
}

bool net_block_has(const struct net_block *b, const struct net_addr *a)
{
	return (b->bits >= MAPPED_BITS || !net_addr_is_ipv4(a)) && same_prefix(&b->addr, a, b->bits);
}

bool net_block_contains(const struct net_block *outer, const struct net_block *inner)
{
	return inner->bits >= outer->bits && net_block_has(outer, &inner->addr);
}

static enum net_part part_in(const struct net_block *b, const struct net_block *table, size_t n)
{
	struct net_block low = { b->addr, b->bits + 1 }, high = low;
	bool touched = false;

	for (size_t i = 0; i < n; i++) {
		if (net_block_contains(&table[i], b))
			return NET_PART_ALL;
		touched |= net_block_contains(b, &table[i]);
	}
	if (!touched)
		return NET_PART_NONE;
	/* Several rows may fill it together: 224.0.0.0/3. */
	high.addr.b[b->bits / 8] |= (uint8_t)(0x80U >> b->bits % 8);
	return part_in(&low, table, n) == NET_PART_ALL && part_in(&high, table, n) == NET_PART_ALL ? NET_PART_ALL :
												     NET_PART_SOME;
}

enum net_part net_block_private(const struct net_block *b)
{
	return part_in(b, private_blocks, PS_COUNT(private_blocks));
}

enum net_part net_block_metadata(const struct net_block *b)
{
	return part_in(b, metadata_blocks, PS_COUNT(metadata_blocks));
}

bool net_addr_is_private(const struct net_addr *a)
{
	return net_block_private(&(struct net_block){ *a, ADDR_BITS }) == NET_PART_ALL;
}

bool net_addr_is_metadata(const struct net_addr *a)
{
	return net_block_metadata(&(struct net_block){ *a, ADDR_BITS }) == NET_PART_ALL;
}

bool net_addr_is_group(const struct net_addr *a)
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	return net_addr_is_ipv4(a) ? (a->b[12] & 0xf0) == 0xe0 || !memcmp(a->b + 12, broadcast, 4) : a->b[0] == 0xff;
}

bool net_addr_is_loopback(const struct net_addr *a)
{
	static const struct net_block ipv4 = { { { [10] = 0xff, 0xff, 127 } }, MAPPED_BITS + 8 };
	static const struct net_addr ipv6 = { { [15] = 1 } };

	return net_block_has(&ipv4, a) || !memcmp(a, &ipv6, sizeof(ipv6));
}

struct net_addr net_addr_ipv4(uint32_t host_order)
{
	struct net_addr r = mapped;

	for (unsigned i = 0; i < 4; i++)
		r.b[12 + i] = (uint8_t)(host_order >> (24 - 8 * i));
	return r;
}

bool net_addr_parse(const char *text, struct net_addr *ret)
{
	struct net_addr r = mapped;
	bool ok = strchr(text, ':') ? inet_pton(AF_INET6, text, r.b) == 1 : inet_pton(AF_INET, text, r.b + 12) == 1;

	if (ok)
		*ret = r;
	return ok;
}

/* RFC 5952: the first of the longest runs of at least two zero groups becomes "::". */
static void print_ipv6(const struct net_addr *a, struct ps_buf *out)
{
	unsigned groups[8], from = 8, n = 1;

	for (unsigned i = 0; i < 8; i++)
		groups[i] = (unsigned)a->b[2 * i] << 8 | a->b[2 * i + 1];
	for (unsigned i = 0, run = 0; i < 8; i++) {
		run = groups[i] ? 0 : run + 1;
		if (run > n) {
			n = run;
			from = i + 1 - run;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == from) {
			ps_buf_puts(out, "::");
			i += n - 1;
			continue;
		}
		ps_buf_printf(out, "%s%x", i && i != from + n ? ":" : "", groups[i]);
	}
}

void net_addr_print(const struct net_addr *a, struct ps_buf *out)
{
	if (net_addr_is_ipv4(a))
		ps_buf_printf(out, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
	else
		print_ipv6(a, out);
}
