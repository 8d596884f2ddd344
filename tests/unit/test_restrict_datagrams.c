/* SPDX-License-Identifier: Apache-2.0
 * test_restrict_datagrams.c - which entries make a way out for datagrams, which ports of the host's loopback, what is refused.
 */
#include "tests/unit/restrict_test.h"

#define REST ALLOW(READ, "*"), ALLOW(WRITE, "*"), ALLOW(RUN, "*"), ALLOW(FFI, "*"), ALLOW(SYS, "*"), ALLOW(ENV, "*")
#define WARN(perm, list) { POLICY_##perm, POLICY_WARN, list }
#define HOST_NET "{'type':'mount'},{'type':'pid'}"

static bool has_sysctl(const struct rt *t, const char *value)
{
	for (size_t i = 0; i < t->p->n_sysctl; i++)
		if (!strcmp(t->p->sysctl[i].key, "net/ipv4/ping_group_range") && !strcmp(t->p->sysctl[i].value, value))
			return true;
	return false;
}

static void a_way_out_where_datagrams_are_allowed(void **state)
{
	static const struct { const char *entry; bool uplink; } rows[] = {
		{ "udp:1.1.1.1:53", true }, { "udp:10.0.0.0/8", true }, { "udp:*", true }, { "udp:ntp.example.com:123", true },
		{ "udp:*.example.com:443", true }, { "udp:public:443", true }, { "udp:[2001:db8::1]:1", true }, { "udp:1.1.1.1:8000-9000", true },
		{ "1.1.1.1:53", false }, { "example.com:443", false }, { "listen:127.0.0.1:53", false }, { "udp:127.0.0.1:53", false },
		{ "udp:localhost:53", false }, { "unix:/run/x", false },
	};
	struct rt *t = *state;

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, rows[i].entry));
		if (t->p->uplink != rows[i].uplink)
			fail_msg("%s", rows[i].entry);
		RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), REST, ALLOW(NET, rows[i].entry));
		assert_false(t->p->uplink || t->p->n_stands);
	}
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"), ALLOW(NET, "*"));
	assert_true(t->p->uplink);
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "example.com:443"), WARN(NET, "udp:1.1.1.1:53"));
	assert_true(t->p->uplink);
	t->settings.mode.set = true;
	t->settings.mode.v = PERM_ASK;
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "example.com:443"));
	assert_true(t->p->uplink);
}

static void ports_of_the_hosts_loopback(void **state)
{
	static const struct { const char *address; uint16_t port; } rows[] = {
		{ "127.0.0.1", 53 }, { "127.0.0.1", 60 }, { "127.0.0.1", 61 }, { "::1", 70 }, { "::1", 53 },
	};
	struct rt *t = *state;
	size_t i;

	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "udp:127.0.0.1:53,udp:127.0.0.1:60-61,udp:[::1]:70,udp:localhost:53"));
	assert_int_equal(t->p->n_stands, PS_COUNT(rows));
	for (i = 0; i < PS_COUNT(rows); i++) {
		assert_string_equal(t->p->stands[i].address, rows[i].address);
		assert_int_equal(t->p->stands[i].port, rows[i].port);
	}
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "udp:127.0.0.1:1000-1063"));
	assert_int_equal(t->p->n_stands, 64);
}

static void what_cannot_be(void **state)
{
#define PORTS "UDP to loopback addresses of the host takes one address and its ports, at most 64: udp:127.0.0.1:53"
	static const struct { const char *entry, *text; } rows[] = {
		{ "udp:127.0.0.1", "net: 'udp:127.0.0.1': " PORTS },
		{ "udp:127.0.0.1:1-65", "net: 'udp:127.0.0.1:1-65': " PORTS },
		{ "udp:127.0.0.0/8:53", "net: 'udp:127.0.0.0/8:53': " PORTS },
		{ "udp:127.0.0.1:1-60,udp:[::1]:1-5",
		  "net: 'udp:[::1]:1-5': with it there are more than 64 ports of the host's loopback for UDP" },
		{ "udp:224.0.0.251:5353", "net: 'udp:224.0.0.251:5353': nothing is sent to many from a network namespace with nothing in it; "
					  "give it a routed one" },
		{ "udp:255.255.255.255:67", "net: 'udp:255.255.255.255:67': nothing is sent to many from a network namespace with nothing in it; "
					    "give it a routed one" },
		{ "udp:[ff02::1]:1", "net: 'udp:[ff02::1]:1': nothing is sent to many from a network namespace with nothing in it; "
				     "give it a routed one" },
		{ "icmp:1.1.1.1", "net: 'icmp:1.1.1.1': echo requests are the supervisor's, whose group net.ipv4.ping_group_range of the host "
				  "does not let send any" },
	};
	struct rt *t = *state;

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		REFUSES(t, RT_DOC("", ""), rows[i].text, REST, ALLOW(NET, rows[i].entry));
	t->settings.best_effort = (struct opt_bool){ true, true };
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "icmp:1.1.1.1"));
	assert_false(t->p->uplink);
}

static void echo_requests(void **state)
{
	struct rt *t = *state;

	t->host.ping = true;
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "icmp:1.1.1.1"));
	assert_true(t->p->uplink && has_sysctl(t, "0 0"));
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "udp:1.1.1.1:53"));
	assert_false(has_sysctl(t, "0 0"));
}

int main(void)
{
#define BOX(f) cmocka_unit_test_setup_teardown(f, rt_setup, rt_teardown)
	const struct CMUnitTest tests[] = {
		BOX(a_way_out_where_datagrams_are_allowed),
		BOX(ports_of_the_hosts_loopback),
		BOX(what_cannot_be),
		BOX(echo_requests),
	};
#undef BOX

	return cmocka_run_group_tests(tests, NULL, NULL);
}
