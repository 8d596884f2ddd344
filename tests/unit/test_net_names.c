/* SPDX-License-Identifier: Apache-2.0
 * test_net_names.c - a synthetic address means one name at one real address, and nothing else.
 */
#include "tests/unit/unit.h"

#include "shim/pod/net_names.h"

static struct net_addr addr(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return a;
}

static void one_pair_has_one_address(void **state)
{
	struct net_addr real = addr("93.184.216.34"), v6 = addr("2606:2800::1"), a, b, c;
	struct net_meaning found;
	struct net_names *t = net_names_new(NULL);

	(void)state;
	assert_int_equal(net_names_add(t, "example.com", &real, false, &a, NULL), 0);
	assert_int_equal(net_names_add(t, "example.com", &real, false, &b, NULL), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(net_names_add(t, "other.com", &real, false, &b, NULL), 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_int_equal(net_names_add(t, "example.com", &v6, false, &c, NULL), 0);
	assert_true(net_names_is_synthetic(&a) && net_names_is_synthetic(&b) && net_names_is_synthetic(&c));
	assert_true(net_names_find(t, &b, &found));
	assert_string_equal(found.name, "other.com");
	assert_memory_equal(&found.real, &real, sizeof(real));
	assert_true(net_names_find(t, &c, &found));
	assert_memory_equal(&found.real, &v6, sizeof(v6));
	net_names_free(t);
}

static void what_was_not_given_out_means_nothing(void **state)
{
	static const char *const none[] = { "198.18.0.0", "198.18.0.1", "198.18.0.3", "198.19.0.2", "198.18.1.2", "fd53:5044::2",
					    "fd53:5045::2", "1.2.3.4", "::1", "fd53:5044::1:0:0:2" };
	struct net_addr real = addr("93.184.216.34"), a;
	struct net_meaning found;
	struct net_names *t = net_names_new(NULL);

	(void)state;
	assert_int_equal(net_names_add(t, "example.com", &real, false, &a, NULL), 0);
	a = addr("198.18.0.2");
	assert_true(net_names_find(t, &a, &found));
	for (size_t i = 0; i < PS_COUNT(none); i++) {
		a = addr(none[i]);
		if (net_names_find(t, &a, &found))
			fail_msg("%s means %s", none[i], found.name);
	}
	net_names_free(t);
}

static void a_full_table_forgets_the_oldest(void **state)
{
	struct net_names *t = net_names_new(NULL);
	struct net_addr first, a, real;
	struct net_meaning found;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < NET_NAMES_MAX; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example.com", i);
		real = net_addr_ipv4(0x5db80000u + i);
		assert_int_equal(net_names_add(t, text, &real, false, &a, NULL), 0);
		if (!i)
			first = a;
	}
	/* n0 is asked for again, so n1 is the oldest now. */
	real = net_addr_ipv4(0x5db80000u);
	assert_int_equal(net_names_add(t, "n0.example.com", &real, false, &a, NULL), 0);
	assert_memory_equal(&a, &first, sizeof(a));
	assert_int_equal(net_names_add(t, "new.example.com", &real, false, &a, NULL), 0);
	assert_true(net_names_find(t, &a, &found));
	assert_string_equal(found.name, "new.example.com");
	assert_true(net_names_find(t, &first, &found));
	assert_string_equal(found.name, "n0.example.com");
	real = net_addr_ipv4(0x5db80001u);
	assert_int_equal(net_names_add(t, "n1.example.com", &real, false, &a, NULL), 0);
	assert_true(net_names_find(t, &a, &found));
	assert_string_equal(found.name, "n1.example.com");
	net_names_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pair_has_one_address),
		cmocka_unit_test(what_was_not_given_out_means_nothing),
		cmocka_unit_test(a_full_table_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
