/* SPDX-License-Identifier: Apache-2.0
 * test_dbus.c - messages of D-Bus byte for byte, and replies of a hostile peer.
 */
#include "tests/unit/unit.h"

#include "base/dbus.h"

/* A JobRemoved as systemd 252 sends it over its private socket, but for the numbers. */
static const uint8_t job_removed[] =
	"l\4\1\1" "\x49\0\0\0" "\x07\0\0\0" "\x7a\0\0\0"
	"\1\1o\0" "\x19\0\0\0" "/org/freedesktop/systemd1\0" "\0\0\0\0\0\0"
	"\2\1s\0" "\x20\0\0\0" "org.freedesktop.systemd1.Manager\0" "\0\0\0\0\0\0\0"
	"\3\1s\0" "\x0a\0\0\0" "JobRemoved\0" "\0\0\0\0\0"
	"\x08\1g\0" "\4uoss\0" "\0\0\0\0\0\0"
	"\x2a\0\0\0" "\x20\0\0\0" "/org/freedesktop/systemd1/job/42\0" "\0\0\0"
	"\x0f\0\0\0" "podshim-c.scope\0" "\4\0\0\0" "done";

enum { JOB_SIZE = 217 };

static struct dbus_msg parse(const void *data, size_t n)
{
	struct dbus_msg m;

	assert_true(dbus_parse(data, n, &m));
	return m;
}

static void calls_are_these_bytes(void **state)
{
	static const char want[] =
		"l\1\2\1" "\x0d\0\0\0" "\x05\0\0\0" "\x28\0\0\0"
		"\1\1o\0" "\2\0\0\0" "/a\0" "\0\0\0\0\0"
		"\3\1s\0" "\1\0\0\0" "M\0" "\0\0\0\0\0\0"
		"\x08\1g\0" "\2sy\0"
		"\7\0\0\0" "abcdefg\0" "\x2a";
	const struct dbus_call c = { NULL, "/a", NULL, "M", "sy" };
	ps_auto_buf struct ps_buf body = { .data = NULL }, out = { .data = NULL };

	(void)state;
	dbus_put_str(&body, "abcdefg");
	dbus_put_byte(&body, 42);
	assert_true(dbus_write_call(&out, 5, &c, &body));
	assert_int_equal(dbus_size((const uint8_t *)out.data), out.len);
	struct dbus_msg m = parse(out.data, out.len);

	assert_int_equal(m.type, DBUS_CALL);
	assert_int_equal(m.serial, 5);
	assert_string_equal(m.path, "/a");
	assert_string_equal(m.member, "M");
	assert_string_equal(m.interface, "");
	assert_string_equal(m.signature, "sy");
	assert_string_equal(dbus_get_str(&m.body), "abcdefg");
	assert_int_equal(dbus_get_byte(&m.body), 42);
	assert_false(m.body.bad);
	assert_int_equal(out.len, sizeof(want) - 1);
	assert_memory_equal(out.data, want, out.len);
}

static void values_are_aligned(void **state)
{
	static const char want[] = "\1\0\2\0" "\3\0\0\0" "\4\0\0\0\0\0\0\0" "\1t\0\0" "\x10\0\0\0" "\5\0\0\0\0\0\0\0" "\6\0\0\0\0\0\0\0" "\0\0\0\0";
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct dbus_array a;

	(void)state;
	dbus_put_byte(&b, 1);
	dbus_put_u16(&b, 2);
	dbus_put_u32(&b, 3);
	dbus_put_u64(&b, 4);
	dbus_put_sig(&b, "t");
	a = dbus_begin(&b, 't');
	dbus_put_u64(&b, 5);
	dbus_put_u64(&b, 6);
	dbus_end(&b, a);
	/* The gap in front of its first element is no part of an empty array's length. */
	dbus_end(&b, dbus_begin(&b, 'u'));
	assert_int_equal(b.len, sizeof(want) - 1);
	assert_memory_equal(b.data, want, b.len);
}

static void types(void **state)
{
	static const char *const good[] = { "y", "as", "a(sv)", "a{sv}", "(st)", "v", "aaay", "a(sa(sv))" };
	static const char *const bad[] = { "", "z", "a", "()", "(s", "s)", "{sv}", "a{s}", "a{vs}", "a{sss}", "a{}", "ss" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(good); i++)
		assert_true(dbus_signature_ok(good[i], false));
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		if (dbus_signature_ok(bad[i], false))
			fail_msg("'%s' is no type", bad[i]);
	assert_true(dbus_signature_ok("", true));
	assert_true(dbus_signature_ok("ssa(sv)a(sa(sv))", true));
	char deep[DBUS_DEPTH_MAX + 3];

	memset(deep, 'a', sizeof(deep));
	deep[sizeof(deep) - 2] = 'y';
	deep[sizeof(deep) - 1] = '\0';
	assert_false(dbus_signature_ok(deep, false));
	assert_true(dbus_signature_ok(deep + 1, false));
	assert_true(dbus_path_ok("/") && dbus_path_ok("/a/b_7"));
	assert_false(dbus_path_ok("") || dbus_path_ok("a") || dbus_path_ok("//") || dbus_path_ok("/a/") || dbus_path_ok("/a-b"));
}

static void a_signal_is_read(void **state)
{
	struct dbus_msg m = parse(job_removed, JOB_SIZE);

	(void)state;
	assert_int_equal(sizeof(job_removed), JOB_SIZE);
	assert_int_equal(m.type, DBUS_SIGNAL);
	assert_string_equal(m.interface, "org.freedesktop.systemd1.Manager");
	assert_string_equal(m.member, "JobRemoved");
	assert_int_equal(dbus_get_u32(&m.body), 42);
	assert_string_equal(dbus_get_path(&m.body), "/org/freedesktop/systemd1/job/42");
	assert_string_equal(dbus_get_str(&m.body), "podshim-c.scope");
	assert_string_equal(dbus_get_str(&m.body), "done");
	assert_false(m.body.bad);
	assert_int_equal(dbus_get_u32(&m.body), 0);
	assert_true(m.body.bad);
	assert_string_equal(dbus_get_str(&m.body), "");
}

static void every_truncation_is_refused(void **state)
{
	struct dbus_msg m;

	(void)state;
	for (size_t n = 0; n < JOB_SIZE; n++)
		assert_false(dbus_parse(job_removed, n, &m));
}

/* Whatever byte is changed to whatever: refused, or read without going outside (asan and valgrind look at that). */
static void every_changed_byte_is_harmless(void **state)
{
	static const uint8_t values[] = { 0, 1, 'a', 'v', 'o', 0x7f, 0x80, 0xff };
	struct dbus_msg m;

	(void)state;
	for (size_t at = 0; at < JOB_SIZE; at++)
		for (size_t v = 0; v < PS_COUNT(values); v++) {
			uint8_t *copy = malloc(JOB_SIZE);

			assert_non_null(copy);
			memcpy(copy, job_removed, JOB_SIZE);
			copy[at] = values[v];
			if (dbus_parse(copy, JOB_SIZE, &m)) {
				for (const char *t = m.signature; *t; t += dbus_type_length(t))
					dbus_skip(&m.body, t);
				assert_true(m.body.at <= m.body.size);
			}
			free(copy);
		}
}

static void heads_that_are_too_much_are_refused(void **state)
{
	static const struct { const char *head, *what; } rows[] = {
		{ "B\4\1\1" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0", "the other byte order" },
		{ "l\4\1\2" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0", "another protocol" },
		{ "l\4\1\1" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0", "no serial" },
		{ "l\4\1\1" "\1\0\4\0" "\1\0\0\0" "\0\0\0\0", "a large body" },
		{ "l\4\1\1" "\xff\xff\xff\xff" "\1\0\0\0" "\0\0\0\0", "the largest body" },
		{ "l\4\1\1" "\0\0\0\0" "\1\0\0\0" "\1\x40\0\0", "many fields" },
		{ "l\4\1\1" "\0\0\0\0" "\1\0\0\0" "\xff\xff\xff\xff", "the most fields" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (dbus_size((const uint8_t *)rows[i].head))
			fail_msg("%s is taken", rows[i].what);
}

/* Fields: code, type, value; a reply needs what it is one to. */
static bool reply_with(const char *fields, size_t n)
{
	uint8_t data[256] = "l\2\1\1" "\0\0\0\0" "\1\0\0\0";
	struct dbus_msg m;

	data[12] = (uint8_t)n;
	memcpy(data + 16, fields, n);
	return dbus_parse(data, 16 + (n + 7) / 8 * 8, &m);
}
#define REPLY_WITH(fields) reply_with(fields, sizeof(fields) - 1)

static void fields_are_checked(void **state)
{
	(void)state;
	assert_true(REPLY_WITH("\5\1u\0\7\0\0\0"));
	/* What is not known is ignored. */
	assert_true(REPLY_WITH("\5\1u\0\7\0\0\0" "\x20\2ay\0\0\0\0" "\2\0\0\0\1\2"));
	assert_false(REPLY_WITH("\5\1u\0\0\0\0\0"));
	assert_false(REPLY_WITH("\5\1t\0\7\0\0\0" "\0\0\0\0\0\0\0\0"));
	assert_false(REPLY_WITH("\5\2uu\0\0\0\0" "\7\0\0\0\7\0\0\0"));
	assert_false(REPLY_WITH("\0\1u\0\7\0\0\0"));
	assert_false(REPLY_WITH(""));
	/* Descriptors that nobody asked for; a gap that is not zero. */
	assert_false(REPLY_WITH("\5\1u\0\7\0\0\0" "\x09\1u\0\1\0\0\0"));
	assert_false(REPLY_WITH("\5\1u\0\7\0\0\0" "\6\1s\0\1\0\0\0a\0\1\1\1\1\1\1" "\7\1s\0\1\0\0\0b\0"));
	/* A variant in a variant in ... */
	char deep[120] = "\5\1u\0\7\0\0\0" "\x20";
	size_t at = 9;

	for (; at < 100; at += 3)
		memcpy(deep + at, "\1v", 3);
	memcpy(deep + at, "\1y\0\1", 4);
	assert_false(reply_with(deep, at + 4));
	assert_false(REPLY_WITH("\5\1u\0\7\0\0\0" "\x20\1v\0" "\1v\0\1s\0\0\0\0\0\0" "\xff\xff\xff\xff"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_these_bytes),
		cmocka_unit_test(values_are_aligned),
		cmocka_unit_test(types),
		cmocka_unit_test(a_signal_is_read),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_changed_byte_is_harmless),
		cmocka_unit_test(heads_that_are_too_much_are_refused),
		cmocka_unit_test(fields_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
