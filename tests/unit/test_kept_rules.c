/* SPDX-License-Identifier: Apache-2.0
 * test_kept_rules.c - the rules of a running container as a document and back: all of it, and nothing else is read.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/policy/kept_rules.h"
#include "tests/unit/unit.h"

#define DOCUMENT(rules) "{\"podshim.rules\":1,\"handled\":5,\"scoped\":0,\"rules\":" rules "}"

static int load(struct ps_arena *a, const char *text, struct policy_landlock *ret, struct ps_err *e)
{
	*e = (struct ps_err){ .cls = PS_OK };
	return kept_rules_load(a, "rules.json", text, strlen(text), ret, e);
}

static void everything_comes_back(void **state)
{
	static const struct policy_landlock_rule rules[] = {
		{ "--allow-read", "/a\n\xff", UINT64_MAX, false, { UINT64_MAX, UINT64_MAX } },
		{ "--allow-read", "/left/out", 1, true, { 1, 0 } },
		{ "default#/x", "/", 1, true, { 0, 7 } },
	};
	const struct policy_landlock in = { 1UL << 40 | 3, 2, rules, PS_COUNT(rules) };
	ps_auto_arena struct ps_arena a = { NULL };
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct policy_landlock out;
	struct ps_err e;

	(void)state;
	kept_rules_save(&in, &text);
	assert_false(text.failed);
	assert_int_equal(load(&a, text.data, &out, &e), 0);
	assert_true(out.handled_fs == in.handled_fs && out.scoped == 2 && out.n_rules == 2);
	for (size_t i = 0; i < out.n_rules; i++) {
		const struct policy_landlock_rule *was = &rules[2 * i], *is = &out.rules[i];

		assert_string_equal(is->path, was->path);
		assert_string_equal(is->from, was->from);
		assert_true(is->access == was->access && is->optional);
		assert_true(is->object.dev == was->object.dev && is->object.ino == was->object.ino);
	}
}

static void what_is_none_is_refused(void **state)
{
	static const struct { const char *text, *msg; } rows[] = {
		{ "{}", "is no list of rules that this version knows" },
		{ "{\"podshim.rules\":2,\"handled\":5,\"scoped\":0,\"rules\":[]}", "is no list of rules that this version knows" },
		/* Without what is handled nothing would be taken away. */
		{ "{\"podshim.rules\":1,\"scoped\":0,\"rules\":[]}", "lacks a member" },
		{ "{\"podshim.rules\":1,\"handled\":5,\"rules\":[]}", "lacks a member" },
		{ "{\"podshim.rules\":1,\"handled\":5,\"scoped\":0}", "lacks a member" },
		{ "{\"podshim.rules\":1,\"handled\":5,\"scoped\":0,\"rules\":[],\"x\":1}", "is no member that this version knows" },
		{ DOCUMENT("{}"), "is object, must be a list" },
		{ DOCUMENT("[{}]"), "is no rule for an object" },
		{ DOCUMENT("[{\"path\":\"a\",\"from\":\"f\",\"access\":1,\"dev\":1,\"ino\":1}]"), "is no rule for an object" },
		{ DOCUMENT("[{\"path\":\"/a\",\"from\":\"f\",\"access\":1,\"dev\":1,\"ino\":0}]"), "is no rule for an object" },
		{ DOCUMENT("[{\"path\":\"/a\",\"access\":1,\"dev\":1,\"ino\":1}]"), "is no rule for an object" },
		{ DOCUMENT("[{\"path\":\"/a\",\"from\":\"f\",\"access\":-1,\"dev\":1,\"ino\":1}]"), "must be a number from 0" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { NULL };
		struct policy_landlock out = { .handled_fs = 77 };
		struct ps_err e;

		assert_int_equal(load(&a, rows[i].text, &out, &e), -1);
		if (!strstr(e.msg, rows[i].msg))
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_int_equal(out.handled_fs, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(everything_comes_back), cmocka_unit_test(what_is_none_is_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
