/* SPDX-License-Identifier: Apache-2.0
 * test_packet.c - packets that a kernel wrote are understood, others are not, and what is made has the right sums.
 */
#include "tests/unit/unit.h"

#include <netinet/in.h>

#include "shim/pod/packet.h"

/* 198.18.0.1:40000 -> 1.1.1.1:53, "hello" */
static const uint8_t udp4[] = { 0x45, 0, 0, 33, 0, 0, 0x40, 0, 64, 17, 0, 0, 198, 18, 0, 1, 1, 1, 1, 1,
				0x9c, 0x40, 0, 53, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o' };
/* fd53:5044::1 port 40000 -> 2001:db8::9 port 53, "hello" */
static const uint8_t udp6[] = { 0x60, 0, 0, 0, 0, 13, 17, 64, 0xfd, 0x53, 0x50, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
				0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
				0x9c, 0x40, 0, 53, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o' };
/* 198.18.0.1 -> 1.1.1.1, an echo request, identifier 0x1234 */
static const uint8_t echo4[] = { 0x45, 0, 0, 30, 0, 0, 0, 0, 64, 1, 0, 0, 198, 18, 0, 1, 1, 1, 1, 1, 8, 0, 0, 0, 0x12, 0x34, 0, 1, 'h', 'i' };

static uint32_t sum16(uint32_t s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void what_a_kernel_writes(void **state)
{
	struct packet p;

	(void)state;
	assert_true(packet_parse(udp4, sizeof(udp4), &p));
	assert_true(p.protocol == IPPROTO_UDP && p.from_port == 40000 && p.to_port == 53 && p.n == 5 && !memcmp(p.data, "hello", 5));
	assert_true(net_addr_is_ipv4(&p.to) && p.to.b[12] == 1 && p.from.b[12] == 198);
	assert_true(packet_parse(udp6, sizeof(udp6), &p));
	assert_true(p.protocol == IPPROTO_UDP && p.from_port == 40000 && p.to_port == 53 && p.n == 5 && p.to.b[15] == 9 && p.from.b[0] == 0xfd);
	assert_true(packet_parse(echo4, sizeof(echo4), &p));
	assert_true(p.protocol == IPPROTO_ICMP && p.from_port == 0x1234 && !p.to_port && p.n == 10 && p.data[0] == 8);
}

/* Each with one thing that is not so. */
static void what_is_not_understood(void **state)
{
	static const struct { const char *what; const uint8_t *base; size_t n, at; uint8_t value; } rows[] = {
		{ "no version", udp4, sizeof(udp4), 0, 0x55 },	     { "options", udp4, sizeof(udp4), 0, 0x46 },
		{ "longer than it is", udp4, sizeof(udp4), 3, 34 },  { "shorter than its head", udp4, sizeof(udp4), 3, 19 },
		{ "more fragments", udp4, sizeof(udp4), 6, 0x20 },   { "a later fragment", udp4, sizeof(udp4), 7, 1 },
		{ "TCP", udp4, sizeof(udp4), 9, 6 },		     { "ICMPv6 over IPv4", echo4, sizeof(echo4), 9, 58 },
		{ "UDP that is too long", udp4, sizeof(udp4), 25, 14 }, { "UDP that is too short", udp4, sizeof(udp4), 25, 7 },
		{ "no port", udp4, sizeof(udp4), 23, 0 },	     { "IPv6: longer than it is", udp6, sizeof(udp6), 5, 14 },
		{ "a fragment header", udp6, sizeof(udp6), 6, 44 },  { "a routing header", udp6, sizeof(udp6), 6, 43 },
		{ "no echo request", echo4, sizeof(echo4), 20, 0 },  { "a redirect", echo4, sizeof(echo4), 20, 5 },
		{ "an odd code", echo4, sizeof(echo4), 21, 1 },
	};
	struct packet p;
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		memcpy(bytes, rows[i].base, rows[i].n);
		bytes[rows[i].at] = rows[i].value;
		if (packet_parse(bytes, rows[i].n, &p))
			fail_msg("%s", rows[i].what);
	}
	for (size_t n = 0; n < sizeof(udp4); n++)
		assert_false(packet_parse(udp4, n, &p));
	for (size_t n = 0; n < sizeof(udp6); n++)
		assert_false(packet_parse(udp6, n, &p));
	memcpy(bytes, udp6, sizeof(udp6));
	memset(bytes + 24, 0, 16);
	bytes[34] = bytes[35] = 0xff;
	assert_false(packet_parse(bytes, sizeof(udp6), &p));
}

static struct packet back_of(const struct packet *p)
{
	return (struct packet){ .protocol = p->protocol, .from = p->to, .to = p->from, .from_port = p->to_port, .to_port = p->from_port,
				.data = p->data, .n = p->n };
}

static void replies_are_what_would_be_taken(void **state)
{
	static const struct { const uint8_t *base; size_t n; } rows[] = { { udp4, sizeof(udp4) }, { udp6, sizeof(udp6) } };
	struct packet p, q;
	uint8_t out[128];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		assert_true(packet_parse(rows[i].base, rows[i].n, &p));
		const struct packet r = back_of(&p);
		const size_t head = packet_head(&r, out);

		assert_int_equal(head + r.n, rows[i].n);
		memcpy(out + head, r.data, r.n);
		assert_true(packet_parse(out, head + r.n, &q));
		assert_true(q.from_port == 53 && q.to_port == 40000 && q.n == 5 && !memcmp(q.data, "hello", 5) && !memcmp(&q.from, &p.to, 16));
		if (i == 0)
			assert_int_equal(sum16(0, out, 20), 0xffff);
		else
			assert_int_equal(sum16(17 + 13, out + 8, 32 + 13), 0xffff);
	}
}

static void too_much_for_one_packet(void **state)
{
	struct packet p, q;
	uint8_t head[PACKET_HEAD_MAX];

	(void)state;
	assert_true(packet_parse(udp4, sizeof(udp4), &p) && packet_parse(udp6, sizeof(udp6), &q));
	static uint8_t data[65536];

	p.data = q.data = data;
	p.n = 65507;
	q.n = 65487;
	assert_true(packet_head(&p, head) == 28 && packet_head(&q, head) == 48);
	p.n++;
	q.n++;
	assert_true(packet_head(&p, head) == 0 && packet_head(&q, head) == 0);
}

static void echoes(void **state)
{
	struct packet p;
	uint8_t message[] = { 0, 0, 9, 9, 5, 5, 0, 1, 'h', 'i' };

	(void)state;
	assert_true(packet_parse(echo4, sizeof(echo4), &p));
	const struct packet r = back_of(&p);

	assert_true(packet_echo_reply(&r, 0x1234, message, sizeof(message)));
	assert_true(message[4] == 0x12 && message[5] == 0x34 && sum16(0, message, sizeof(message)) == 0xffff);
	assert_false(packet_echo_reply(&r, 1, message, 7));
	message[0] = 3;
	assert_false(packet_echo_reply(&r, 1, message, sizeof(message)));
}

static void errors_quote_what_was_sent(void **state)
{
	static const struct { const uint8_t *base; size_t n, ip; } rows[] = {
		{ udp4, sizeof(udp4), 20 }, { udp6, sizeof(udp6), 40 }, { echo4, sizeof(echo4), 20 },
	};
	struct packet p;
	uint8_t out[PACKET_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		const size_t ip = rows[i].ip;

		assert_true(packet_parse(rows[i].base, rows[i].n, &p));
		assert_int_equal(packet_error(&p, PACKET_NO_PORT, out), ip + 8 + ip + 8);
		assert_true(out[ip] == (ip == 20 ? 3 : 1) && out[ip + 1] == (ip == 20 ? 3 : 4));
		/* Addresses; and then ports or the identifier. */
		const size_t at = ip == 20 ? 12 : 8, len = ip == 20 ? 8 : 32, n = 8 + ip + 8;
		const uint32_t pseudo = ip == 20 ? 0 : (uint32_t)(58 + n);

		assert_memory_equal(out + ip + 8 + at, rows[i].base + at, len);
		assert_memory_equal(out + ip + 8 + ip, rows[i].base + ip, p.protocol == IPPROTO_UDP ? 6 : 2);
		assert_int_equal(ip == 20 ? sum16(0, out + ip, n) : sum16(pseudo, out + 8, 32 + n), 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_kernel_writes),	    cmocka_unit_test(what_is_not_understood),
		cmocka_unit_test(replies_are_what_would_be_taken), cmocka_unit_test(too_much_for_one_packet),
		cmocka_unit_test(echoes),		    cmocka_unit_test(errors_quote_what_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
