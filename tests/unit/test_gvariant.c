/* SPDX-License-Identifier: Apache-2.0
 * test_gvariant.c - GVariant text: what type it is, its bytes, and what is no value.
 */
#include "tests/unit/unit.h"

#include "base/gvariant.h"

static void types_and_bytes(void **state)
{
	static const struct { const char *text, *type, *bytes; size_t n; } rows[] = {
		{ "true", "b", "\1\0\0\0", 4 },
		{ " false ", "b", "\0\0\0\0", 4 },
		{ "7", "i", "\7\0\0\0", 4 },
		{ "-1", "i", "\xff\xff\xff\xff", 4 },
		{ "-2147483648", "i", "\0\0\0\x80", 4 },
		{ "0x1F", "i", "\x1f\0\0\0", 4 },
		{ "byte 255", "y", "\xff", 1 },
		{ "uint16 65535", "q", "\xff\xff", 2 },
		{ "int16 -2", "n", "\xfe\xff", 2 },
		{ "uint32 4294967295", "u", "\xff\xff\xff\xff", 4 },
		{ "uint64 18446744073709551615", "t", "\xff\xff\xff\xff\xff\xff\xff\xff", 8 },
		{ "int64 -9223372036854775808", "x", "\0\0\0\0\0\0\0\x80", 8 },
		{ "1.5", "d", "\0\0\0\0\0\0\xf8\x3f", 8 },
		{ "1e0", "d", "\0\0\0\0\0\0\xf0\x3f", 8 },
		{ "'a'", "s", "\1\0\0\0a\0", 6 },
		{ "''", "s", "\0\0\0\0\0", 5 },
		{ "\"it's \\n\\\"\\u00e4\"", "s", "\x09\0\0\0it's \n\"\xc3\xa4\0", 14 },
		{ "objectpath '/a'", "o", "\2\0\0\0/a\0", 7 },
		{ "signature 'as'", "g", "\2as\0", 4 },
		{ "b'ab'", "ay", "\3\0\0\0ab\0", 7 },
		{ "['a', 'b']", "as", "\x0e\0\0\0\1\0\0\0a\0\0\0\1\0\0\0b\0", 18 },
		{ "@as []", "as", "\0\0\0\0", 4 },
		{ "[byte 1, 2]", "ay", "\2\0\0\0\1\2", 6 },
		{ "@ay [0x0f]", "ay", "\1\0\0\0\x0f", 5 },
		{ "@at [1]", "at", "\x08\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16 },
		{ "('a', uint64 2)", "(st)", "\1\0\0\0a\0\0\0\2\0\0\0\0\0\0\0", 16 },
		{ "[('a', 'b')]", "a(ss)", "\x0e\0\0\0\0\0\0\0\1\0\0\0a\0\0\0\1\0\0\0b\0", 22 },
		{ "<uint32 3>", "v", "\1u\0\0\3\0\0\0", 8 },
		{ "<<true>>", "v", "\1v\0\1b\0\0\0\1\0\0\0", 12 },
	};
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char type[DBUS_SIGNATURE_MAX + 1];
		ps_auto_buf struct ps_buf out = { .data = NULL };

		if (gvariant_type(rows[i].text, type, &e) < 0 || gvariant_put(rows[i].text, type, &out, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_string_equal(type, rows[i].type);
		assert_int_equal(out.len, rows[i].n);
		assert_memory_equal(out.data, rows[i].bytes, rows[i].n);
	}
}

static void what_is_no_value_is_refused(void **state)
{
	static const char *const texts[] = {
		"", " ", "x", "tru", "trues", "[", "]", "[]", "()", "(1", "(1 2)", "[1 2]", "[1,", "['a', 1]", "[1, 'a']", "'a", "'a\\", "1 2",
		"uint32 -1", "uint32 4294967296", "byte 256", "2147483648", "-2147483649", "int16 32768", "uint64 18446744073709551616",
		"uint32 'a'", "uint32", "uint32 uint64 1", "@", "@z 1", "@a{sv} []", "@u 'a'", "@as ['a'", "<1", "<>", "{'a': 1}", "just 1",
		"objectpath 'a'", "signature 'z'", "'\\u0000'", "'\\ud800'", "'\\u12'", "b'a", "0x", "--1", "1x", "nothing", "handle 1",
		"[[[[[[[[[[1]]]]]]]]]]",
	};
	char type[DBUS_SIGNATURE_MAX + 1], *longest = malloc(GVARIANT_TEXT_MAX + 2);

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		struct ps_err e = { .cls = PS_OK };

		if (gvariant_type(texts[i], type, &e) == 0)
			fail_msg("'%s' is taken as %s", texts[i], type);
		assert_int_equal(e.cls, PS_E_CONFIG);
	}
	assert_non_null(longest);
	memset(longest, ' ', GVARIANT_TEXT_MAX + 1);
	longest[0] = '1';
	longest[GVARIANT_TEXT_MAX + 1] = '\0';
	assert_int_equal(gvariant_type(longest, type, NULL), -1);
	longest[GVARIANT_TEXT_MAX] = '\0';
	assert_int_equal(gvariant_type(longest, type, NULL), 0);
	free(longest);
}

static void a_value_is_of_its_type(void **state)
{
	static const struct { const char *text, *type; bool ok; } rows[] = {
		{ "5", "t", true }, { "5", "d", true }, { "[5]", "at", true }, { "[]", "as", true }, { "'a'", "o", false }, { "'/a'", "o", true },
		{ "uint32 5", "t", false }, { "true", "t", false }, { "'a'", "as", false }, { "5", "s", false }, { "5", "a{sv}", false },
		{ "5", "", false }, { "5", "tt", false }, { "5", "h", false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if ((gvariant_put(rows[i].text, rows[i].type, NULL, NULL) == 0) != rows[i].ok)
			fail_msg("'%s' as '%s'", rows[i].text, rows[i].type);
}

static void what_is_quoted_is_read_back(void **state)
{
	static const char text[] = "it's a \\ \"b\"\n\xc3\xa4";
	ps_auto_buf struct ps_buf quoted = { .data = NULL }, out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	gvariant_quote(&quoted, text);
	assert_int_equal(gvariant_put(quoted.data, "s", &out, &e), 0);
	assert_string_equal(out.data + 4, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_and_bytes),
		cmocka_unit_test(what_is_no_value_is_refused),
		cmocka_unit_test(a_value_is_of_its_type),
		cmocka_unit_test(what_is_quoted_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
