/* SPDX-License-Identifier: Apache-2.0
 * test_relay.c - datagrams of a network namespace that nobody guards: what the relay lets through, by itself, and what comes back.
 */
#include "tests/unit/relay_test.h"

static void all_sizes(void)
{
	static const size_t sizes[] = { 0, 1, 5, 512, 1472, 1500, 9000, 65487 };

	for (size_t i = 0; i < PS_COUNT(sizes); i++) {
		there_and_back(HOST4, port, sizes[i]);
		there_and_back(HOST6, port, sizes[i]);
	}
	there_and_back(HOST4, port, 65507);
}

static void any_size_and_family(void *arg)
{
	(void)arg;
	stage();
	allow("udp:" HOST4 ":4000");
	allow("udp:[" HOST6 "]:4000");
	(void)serve(HOST4, port);
	(void)serve(HOST6, port);
	perform(all_sizes);
	CHECK(play->n_denied == 0 && play->n_ended == 0);
	leave();
}

static void forbidden(void)
{
	CHECK(error_of(HOST4, other) == EHOSTUNREACH);
	CHECK(error_of(HOST6, other) == EACCES);
	CHECK(error_of("192.0.2.1", port) == EHOSTUNREACH);
	CHECK(error_of("198.18.3.4", port) == EHOSTUNREACH);
	(void)send(connected("224.0.0.251", port), "x", 1, 0); /* nobody is told of those */
	there_and_back(HOST4, port, 3);
}

/* No broker has looked at any of it. */
static void the_relay_decides_by_itself(void *arg)
{
	(void)arg;
	stage();
	allow("udp:" HOST4 ":4000");
	(void)serve(HOST4, port);
	const struct echo *x = serve(HOST4, other), *y = serve(HOST6, other);

	(void)arg;
	play->permissions.settings.audit.allowed = 1U << POLICY_NET;
	perform(forbidden);
	CHECK(x->n == 0 && y->n == 0 && play->n_denied >= 3);
	CHECK(strstr(play->hint, "--allow-net=udp:") == play->hint);
	relay_free(play->relay);
	play->relay = NULL;
	CHECK(play->n_ended == 1);
	CHECK(strcmp(play->ended, "udp:" HOST4 ":4000: 1 datagrams of 3 bytes sent, 1 of 3 received") == 0);
	leave();
}

static void refused(void)
{
	CHECK(error_of(HOST4, port) == ECONNREFUSED);
	CHECK(error_of(HOST6, port) == ECONNREFUSED);
	CHECK(error_of("203.0.113.9", port) == ENETUNREACH);
}

static void errors_come_back(void *arg)
{
	(void)arg;
	stage();
	allow("udp:*:4000");
	perform(refused);
	leave();
}

static char synthetic[INET6_ADDRSTRLEN];
static void by_name(void)
{
	there_and_back(synthetic, port, 4);
	CHECK(error_of(synthetic, other) == EHOSTUNREACH);
}

static void a_synthetic_address_is_its_name(void *arg)
{
	const struct net_addr real = { .b = { [10] = 0xff, [11] = 0xff, 10, 77, 0, 1 } };
	struct net_addr given;

	(void)arg;
	stage();
	CHECK_OK(net_names_add(play->names, "echo.test", &real, /* pinned= */ true, &given, &e), &e);
	(void)inet_ntop(AF_INET, given.b + 12, synthetic, sizeof(synthetic));
	allow("udp:echo.test:4000");
	(void)serve(HOST4, port);
	const struct echo *x = serve(HOST4, other);

	perform(by_name);
	CHECK(x->n == 0 && strcmp(play->target, "udp:echo.test:4001") == 0);
	leave();
}

static void at_stands(void)
{
	there_and_back("127.0.0.1", port, 100);
	there_and_back("127.0.0.1", port, 65507);
	there_and_back("::1", port, 100);
	CHECK(error_of("127.0.0.1", other) == ECONNREFUSED);
}

static void loopback_of_the_host(void *arg)
{
	(void)arg;
	stage();
	const struct plan_stand rows[] = { { .address = tp_str(&t, "127.0.0.1"), .port = port }, { .address = tp_str(&t, "::1"), .port = port } };

	t.plan.stands = TP_ROWS(&t, rows);
	allow("udp:127.0.0.1:4000");
	allow("udp:[::1]:4000");
	(void)serve("127.0.0.1", port);
	(void)serve("::1", port);
	const struct echo *x = serve("127.0.0.1", other);

	perform(at_stands);
	CHECK(x->n == 0);
	leave();
}

static void without_rights(void *arg)
{
	struct sandbox sb = SANDBOX_INIT(&t.plan, NULL);
	int pair[2];

	(void)arg;
	CHECK_ERR(uplink_open(&sb, &e), &e, "a supervisor is to relay datagrams, and there is none");
	CHECK_OK(sock_pair(pair, &e), &e);
	sb.broker_fd = pair[0];
	CHECK(unshare(CLONE_NEWNET) == 0);
	const struct plan_stand rows[] = { { .address = tp_str(&t, "127.0.0.1"), .port = 53 } };

	t.plan.stands = TP_ROWS(&t, rows);
	CHECK_OK(net_lo_up(&e), &e);
	CHECK_OK(uplink_open(&sb, &e), &e);
	CHECK_ERR(uplink_open(&sb, &e), &e, "bind a socket to 127.0.0.1, UDP port 53");
	t.plan.stands.n = 0;
	t.plan.uplink = 1;
	CHECK_OK(uplink_open(&sb, &e), &e);
	CHECK_ERR(uplink_open(&sb, &e), &e, "make the devices 'net0' and 'net1'");
}

CHILD_TEST(any_size_and_family)
CHILD_TEST(the_relay_decides_by_itself)
CHILD_TEST(errors_come_back)
CHILD_TEST(a_synthetic_address_is_its_name)
CHILD_TEST(loopback_of_the_host)
CHILD_TEST(without_rights)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_size_and_family),
		cmocka_unit_test(test_the_relay_decides_by_itself),
		cmocka_unit_test(test_errors_come_back),
		cmocka_unit_test(test_a_synthetic_address_is_its_name),
		cmocka_unit_test(test_loopback_of_the_host),
		cmocka_unit_test(test_without_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
