/* SPDX-License-Identifier: Apache-2.0
 * test_flows.c - the table of flows: what is in it is found, what was used is the newest, it has an end.
 */
#include "tests/unit/unit.h"

#include "shim/pod/flows.h"

static struct flow_key key_of(unsigned n)
{
	return (struct flow_key){ .from = net_addr_ipv4(0x0a000001), .to = net_addr_ipv4(0x01010101), .from_port = (uint16_t)n, .to_port = 53,
				  .protocol = 17 };
}

static struct flow *add(struct flows *t, unsigned n)
{
	const struct flow_key k = key_of(n);

	assert_null(flows_find(t, &k));
	return flows_add(t, &k, n);
}

static struct flow *find(const struct flows *t, unsigned n)
{
	const struct flow_key k = key_of(n);

	return flows_find(t, &k);
}

static void every_part_of_the_key_counts(void **state)
{
	struct ps_err e = { 0 };
	struct flows *t = flows_new(&e);
	struct flow_key k[6];

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < PS_COUNT(k); i++)
		k[i] = key_of(7);
	k[1].from.b[15] ^= 1;
	k[2].to.b[0] ^= 1;
	k[3].from_port++;
	k[4].to_port++;
	k[5].protocol = 1;
	for (size_t i = 0; i < PS_COUNT(k); i++) {
		assert_null(flows_find(t, &k[i]));
		assert_non_null(flows_add(t, &k[i], 1));
	}
	for (size_t i = 0; i < PS_COUNT(k); i++)
		assert_int_equal(memcmp(&flows_find(t, &k[i])->key.from, &k[i].from, sizeof(k[i].from)), 0);
	flows_free(t);
}

static void a_full_table_says_so(void **state)
{
	struct ps_err e = { 0 };
	struct flows *t = flows_new(&e);

	(void)state;
	assert_null(flows_oldest(t));
	for (unsigned i = 0; i < FLOWS_MAX; i++)
		assert_non_null(add(t, i));
	assert_null(add(t, FLOWS_MAX));
	flows_remove(t, flows_oldest(t));
	assert_null(find(t, 0));
	assert_non_null(add(t, FLOWS_MAX));
	assert_null(add(t, FLOWS_MAX + 1));
	for (unsigned i = 1; i <= FLOWS_MAX; i++)
		assert_int_equal(find(t, i)->key.from_port, i);
	flows_free(t);
}

static void the_oldest_is_what_was_not_used_for_longest(void **state)
{
	struct ps_err e = { 0 };
	struct flows *t = flows_new(&e);
	static const unsigned order[] = { 3, 0, 2, 1, 4 };

	(void)state;
	for (unsigned i = 0; i < PS_COUNT(order); i++)
		(void)add(t, i);
	flows_use(t, find(t, 0), 10);
	flows_use(t, find(t, 2), 11);
	flows_use(t, find(t, 1), 12);
	flows_use(t, find(t, 4), 13);
	flows_use(t, find(t, 4), 14);
	assert_int_equal(find(t, 4)->used_ms, 14);
	for (size_t i = 0; i < PS_COUNT(order); i++) {
		struct flow *f = flows_oldest(t);

		assert_int_equal(f->key.from_port, order[i]);
		flows_remove(t, f);
	}
	assert_null(flows_oldest(t));
	flows_free(t);
}

/* Against a plain list, for a while. */
static void it_is_as_a_list_would_be(void **state)
{
	struct ps_err e = { 0 };
	struct flows *t = flows_new(&e);
	bool in[2 * FLOWS_MAX] = { false };
	size_t n = 0;
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		random = random * 1664525 + 1013904223;
		const unsigned k = (random >> 8) % PS_COUNT(in);
		struct flow *f = find(t, k);

		assert_int_equal(f != NULL, in[k]);
		if (f && random >> 31) {
			flows_remove(t, f);
			in[k] = false;
			n--;
		} else if (f) {
			flows_use(t, f, (uint64_t)i);
		} else {
			f = add(t, k);
			assert_int_equal(f != NULL, n < FLOWS_MAX);
			in[k] = f != NULL;
			n += f != NULL;
		}
		assert_int_equal(flows_oldest(t) != NULL, n > 0);
	}
	flows_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_of_the_key_counts),
		cmocka_unit_test(a_full_table_says_so),
		cmocka_unit_test(the_oldest_is_what_was_not_used_for_longest),
		cmocka_unit_test(it_is_as_a_list_would_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
