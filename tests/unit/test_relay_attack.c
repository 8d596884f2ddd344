/* SPDX-License-Identifier: Apache-2.0
 * test_relay_attack.c - a relay under attack: floods, frames that somebody made, strangers that answer.
 */
#include "tests/unit/relay_test.h"

/* More flows than there may be: each is answered, the first ones have to begin again. */
static void flood(void)
{
	enum { MANY = 2 * FLOWS_MAX + 50 };
	static int fds[MANY];
	char byte;

	for (int i = 0; i < MANY; i++) {
		fds[i] = connected(HOST4, port);
		CHECK(send(fds[i], "x", 1, 0) == 1 && recv(fds[i], &byte, 1, 0) == 1);
	}
	for (int i = 0; i < MANY; i += 100)
		CHECK(send(fds[i], "y", 1, 0) == 1 && recv(fds[i], &byte, 1, 0) == 1 && byte == 'y');
}

static void a_flood_of_flows_is_bounded(void *arg)
{
	(void)arg;
	stage();
	allow("udp:" HOST4 ":4000");
	(void)serve(HOST4, port);
	const int before = unit_open_fds();

	perform(flood);
	CHECK(unit_open_fds() <= before + FLOWS_MAX + 8);
	leave();
}

/* One flow at a time, whatever the table has room for; and none where others have all. */
static void a_flow_is_paid_for(void *arg)
{
	(void)arg;
	stage();
	budget.max = 1;
	allow("udp:" HOST4 ":4000");
	(void)serve(HOST4, port);
	const int before = unit_open_fds();

	perform(flood);
	CHECK(budget.used == 1 && unit_open_fds() <= before + 8);
	leave();
}

static void nothing_left(void)
{
	CHECK(error_of(HOST4, port) == EHOSTUNREACH);
}

static void others_have_all_flows(void *arg)
{
	(void)arg;
	stage();
	budget.max = 0;
	allow("udp:" HOST4 ":4000");
	(void)serve(HOST4, port);
	perform(nothing_left);
	leave();
}

/* Whoever has CAP_NET_RAW there sends what he likes. */
static void put_frame(int fd, const uint8_t *bytes, size_t n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(bytes[0] >> 4 == 6 ? 0x86dd : 0x0800),
				  .sll_ifindex = (int)if_nametoindex("net0"), .sll_halen = 6 };

	(void)sendto(fd, bytes, n, 0, (struct sockaddr *)&to, sizeof(to));
}

static void raw(void)
{
	/* Each is UDP to 10.77.0.1, port 4000 or 4001. */
	static const struct { const char *what; uint8_t at, value; } rows[] = {
		{ "a spoofed source: answered, to whoever that is", 15, 99 }, { "a source that is the peer's", 12, 10 },
		{ "another destination", 19, 2 },		 { "another port", 23, 161 /* 4001 */ },
		{ "no port", 22, 0 },				 { "an option", 0, 0x46 },
		{ "a fragment", 6, 0x20 },			 { "another fragment", 7, 9 },
		{ "longer than it is", 3, 99 },			 { "longer inside", 25, 99 },
		{ "TCP", 9, 6 },				 { "GRE", 9, 47 },
	};
	const uint8_t packet[] = { 0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 10, 77, 0, 1, 0x77, 0x77, 15, 160, 0, 9, 0, 0, 'x' };
	const int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t bytes[sizeof(packet)];
	uint32_t random = 7;

	CHECK(fd >= 0);
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		memcpy(bytes, packet, sizeof(bytes));
		bytes[rows[i].at] = rows[i].value;
		put_frame(fd, bytes, sizeof(bytes));
	}
	for (int i = 0; i < 20000; i++) {
		memcpy(bytes, packet, sizeof(bytes));
		for (int k = 0; k < 3; k++) {
			random = random * 1664525 + 1013904223;
			/* The destination's port stays a forbidden one, or what it is. */
			bytes[(random >> 8) % 20] = (uint8_t)(random >> 24);
		}
		bytes[23] = 161;
		put_frame(fd, bytes, 1 + (random >> 12) % sizeof(bytes));
	}
	there_and_back(HOST4, port, 8);
}

static void raw_packets_reach_nobody_else(void *arg)
{
	(void)arg;
	stage();
	allow("udp:" HOST4 ":4000");
	const struct echo *x = serve(HOST4, port), *y = serve(HOST4, other), *z = serve("127.0.0.1", port);

	perform(raw);
	CHECK(y->n == 0 && z->n == 0 && x->n >= 1 && x->n <= 3);
	leave();
}

static int thief = -1;
static void waits_for_a_stranger(void)
{
	const int fd = connected(HOST4, port);
	char byte;

	/* The peer's own answer is the second thing that is sent to the flow's port. */
	CHECK(send(fd, "x", 1, 0) == 1);
	CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 'x');
	const int late = udp(AF_INET);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(poll(&p, 1, 200) == 0);
	(void)close(late);
}

/* Sees the flow's own port, and writes to it from another one, before the answer. */
static void on_thief(void *ctx, uint32_t events)
{
	struct echo *x = ctx;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char byte;

	(void)events;
	if (recvfrom(x->source.fd, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &len) != 1)
		return;
	CHECK(sendto(thief, "!", 1, 0, (struct sockaddr *)&from, len) == 1);
	CHECK(sendto(x->source.fd, &byte, 1, 0, (struct sockaddr *)&from, len) == 1);
	CHECK(sendto(thief, "!", 1, 0, (struct sockaddr *)&from, len) == 1);
}

static void only_the_peer_is_heard(void *arg)
{
	struct sockaddr_in6 a;

	(void)arg;
	stage();
	allow("udp:" HOST4 ":4000");
	thief = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const socklen_t len = address(HOST4, other, &a);

	CHECK(bind(thief, (struct sockaddr *)&a, len) == 0);
	serve(HOST4, port)->source.on = on_thief;
	perform(waits_for_a_stranger);
	leave();
}

CHILD_TEST(a_flood_of_flows_is_bounded)
CHILD_TEST(a_flow_is_paid_for)
CHILD_TEST(others_have_all_flows)
CHILD_TEST(raw_packets_reach_nobody_else)
CHILD_TEST(only_the_peer_is_heard)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_flood_of_flows_is_bounded),
		cmocka_unit_test(test_a_flow_is_paid_for),
		cmocka_unit_test(test_others_have_all_flows),
		cmocka_unit_test(test_raw_packets_reach_nobody_else),
		cmocka_unit_test(test_only_the_peer_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
