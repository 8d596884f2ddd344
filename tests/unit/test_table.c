/* SPDX-License-Identifier: Apache-2.0
 * test_table.c - look-ups in sorted name tables.
 */
#include "tests/unit/unit.h"

#include "base/hash.h"
#include "base/table.h"

static const struct ps_name names[] = {
	{ "", 0 }, { "alpha", 1 }, { "alphabet", 2 }, { "beta", 3 }, { "gamma", 1 }, { "zeta", UINT64_MAX },
};

static void finds_every_name_in_every_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n <= PS_COUNT(names); n++)
		for (size_t i = 0; i < PS_COUNT(names); i++)
			assert_ptr_equal(ps_name_find(names, n, names[i].name), i < n ? &names[i] : NULL);
	assert_null(ps_name_find(names, PS_COUNT(names), "alph"));
	assert_null(ps_name_find(names, PS_COUNT(names), "Beta"));
	assert_null(ps_name_find(names, PS_COUNT(names), "zz"));
}

static void names_values(void **state)
{
	(void)state;
	assert_string_equal(ps_name_of(names, PS_COUNT(names), 1), "alpha");
	assert_string_equal(ps_name_of(names, PS_COUNT(names), UINT64_MAX), "zeta");
	assert_null(ps_name_of(names, PS_COUNT(names), 9));
	assert_null(ps_name_of(names, 0, 1));
}

static void knows_sorted_tables(void **state)
{
	static const struct ps_name twice[] = { { "a", 1 }, { "a", 2 } }, wrong[] = { { "b", 1 }, { "a", 2 } };

	(void)state;
	assert_true(ps_names_sorted(names, PS_COUNT(names)));
	assert_true(ps_names_sorted(names, 0));
	assert_false(ps_names_sorted(twice, 2));
	assert_false(ps_names_sorted(wrong, 2));
}

static void closest_name(void **state)
{
	static const char *const words[] = { "create", "start", NULL, "state", "kill" };

	(void)state;
	assert_string_equal(ps_closest("stat", words, PS_COUNT(words)), "start");
	assert_string_equal(ps_closest("sate", words, PS_COUNT(words)), "state");
	assert_string_equal(ps_closest("crate", words, PS_COUNT(words)), "create");
	assert_null(ps_closest("x", words, PS_COUNT(words)));
	assert_null(ps_closest("", words, PS_COUNT(words)));
	assert_null(ps_closest("a-word-that-is-much-longer-than-any-flag-is", words, PS_COUNT(words)));
}

/* Published FNV-1a vectors. */
static void hash_vectors(void **state)
{
	(void)state;
	assert_true(ps_fnv64(PS_FNV64_INIT, "", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(ps_fnv64(PS_FNV64_INIT, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(ps_fnv64(PS_FNV64_INIT, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_name_in_every_prefix),
		cmocka_unit_test(names_values),
		cmocka_unit_test(knows_sorted_tables),
		cmocka_unit_test(closest_name),
		cmocka_unit_test(hash_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
