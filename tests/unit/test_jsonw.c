/* SPDX-License-Identifier: Apache-2.0
 * test_jsonw.c - the writer's bytes: compact and indented, escapes, broken UTF-8.
 */
#include "tests/unit/unit.h"

#include "base/jsonw.h"

static void sample(struct ps_jsonw *w)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "a", "/x");
	ps_jw_array(w, "b");
	ps_jw_int(w, NULL, -1);
	ps_jw_uint(w, NULL, UINT64_MAX);
	ps_jw_object(w, NULL);
	ps_jw_end_object(w);
	ps_jw_array(w, NULL);
	ps_jw_end_array(w);
	ps_jw_end_array(w);
	ps_jw_object(w, "c");
	ps_jw_bool(w, "t", true);
	ps_jw_bool(w, "f", false);
	ps_jw_str(w, "n", NULL);
	ps_jw_end_object(w);
	ps_jw_raw(w, "r", "[1]");
	ps_jw_end_object(w);
}

static void compact(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_jsonw w = { .out = &b };

	(void)state;
	sample(&w);
	assert_string_equal(b.data, "{\"a\":\"/x\",\"b\":[-1,18446744073709551615,{},[]],"
				    "\"c\":{\"t\":true,\"f\":false,\"n\":null},\"r\":[1]}");
	assert_int_equal(w.depth, 0);
}

static void indented(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_jsonw w = { .out = &b, .indent = 2 };

	(void)state;
	sample(&w);
	assert_string_equal(b.data, "{\n  \"a\": \"/x\",\n  \"b\": [\n    -1,\n    18446744073709551615,\n    {},\n    []\n"
				    "  ],\n  \"c\": {\n    \"t\": true,\n    \"f\": false,\n    \"n\": null\n  },\n"
				    "  \"r\": [1]\n}");
}

static void several_documents(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_jsonw w = { .out = &b };

	(void)state;
	for (int i = 0; i < 2; i++) {
		ps_jw_object(&w, NULL);
		ps_jw_int(&w, "i", i);
		ps_jw_end_object(&w);
		ps_buf_putc(&b, '\n');
	}
	ps_jw_int(&w, NULL, INT64_MIN);
	assert_string_equal(b.data, "{\"i\":0}\n{\"i\":1}\n-9223372036854775808");
}

static void strings_are_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "a/b", "a/b" },
		{ "\"\\", "\\\"\\\\" },
		{ "\b\f\n\r\t", "\\b\\f\\n\\r\\t" },
		{ "\x01\x1f\x7f", "\\u0001\\u001f\x7f" },
		{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf" },
		{ "a\x80z", "a\xef\xbf\xbdz" },                                  /* lone continuation  */
		{ "\xc3", "\xef\xbf\xbd" },                                      /* cut                */
		{ "\xc3\"", "\xef\xbf\xbd\\\"" },                                /* cut before a quote */
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },                      /* overlong '/'       */
		{ "\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },      /* overlong           */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },      /* surrogate          */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* > U+10FFFF */
		{ "\xff", "\xef\xbf\xbd" },
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_buf struct ps_buf b = { .data = NULL };
		struct ps_jsonw w = { .out = &b };
		char want[128];

		ps_jw_object(&w, NULL);
		ps_jw_str(&w, rows[i].in, rows[i].in);
		ps_jw_end_object(&w);
		(void)snprintf(want, sizeof(want), "{\"%s\":\"%s\"}", rows[i].out, rows[i].out);
		assert_string_equal(b.data, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact),
		cmocka_unit_test(indented),
		cmocka_unit_test(several_documents),
		cmocka_unit_test(strings_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
