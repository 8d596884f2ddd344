/* SPDX-License-Identifier: Apache-2.0
 * test_err.c - struct ps_err is filled, extended, truncated and printed as err.h says; nothing allocates.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <malloc.h>

static void raise_records_everything(void **state)
{
	struct ps_err e = { .where = "stale" };

	(void)state;
	errno = EXDEV;
	assert_int_equal(ps_fail(&e, PS_E_CONFIG, "field '%s' is %d", "uid", -1), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(e.cls, PS_E_CONFIG);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.msg, "field 'uid' is -1");
	assert_string_equal(e.where, "");
	assert_string_equal(e.file, "tests/unit/test_err.c");
	assert_true(e.line > 0);
}

static void raise_from_errno(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	errno = ENOSPC;
	assert_int_equal(ps_fail_os(&e, "write '%s'", "x"), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(e.cls, PS_E_OS);
	assert_int_equal(e.sys, ENOSPC);
	assert_string_equal(e.msg, "write 'x': No space left on device");
}

static void context_goes_before(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	errno = EIO;
	(void)ps_fail_os(&e, "read");
	assert_int_equal(ps_ctx(&e, "load '%s'", "b"), -1);
	assert_int_equal(ps_ctx(&e, "start"), -1);
	assert_string_equal(e.msg, "start: load 'b': read: Input/output error");
	assert_int_equal(e.cls, PS_E_OS);
	assert_int_equal(e.sys, EIO);
}

static void first_place_wins(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	char text[700];

	(void)state;
	(void)ps_fail(&e, PS_E_CONFIG, "is missing");
	assert_string_equal(ps_err_text(&e, text, sizeof(text)), "is missing");
	assert_int_equal(ps_at(&e, "config.json: /mounts/%d", 3), -1);
	assert_int_equal(ps_at(&e, "config.json"), -1);
	assert_string_equal(e.where, "config.json: /mounts/3");
	assert_string_equal(ps_err_text(&e, text, sizeof(text)), "config.json: /mounts/3: is missing");
	assert_string_equal(ps_err_text(&e, text, 10), "config.js");
	assert_string_equal(ps_err_text(&e, text, 1), "");
}

static void a_provenance_becomes_a_place(void **state)
{
	static const struct { const char *from, *below, *where; } rows[] = {
		{ "config.json#/mounts/3", "", "config.json: /mounts/3" },
		{ "p.json#/user", "/uid", "p.json: /user/uid" },
		{ "p.json#", "/cwd", "p.json: /cwd" },
		{ "default#/devices/null", "", "default: /devices/null" },
		{ "--user", "/uid", "--user" },
		{ "", "/uid", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(ps_at_from(&e, rows[i].from, rows[i].below), -1);
		assert_string_equal(e.where, rows[i].where);
	}
}

static void arguments_may_be_the_error_itself(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	(void)ps_fail(&e, PS_E_PEER, "gone");
	(void)ps_fail(&e, PS_E_STATE, "peer said '%s'", e.msg);
	assert_string_equal(e.msg, "peer said 'gone'");
}

static void long_texts_are_cut(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	errno = EIO;
	(void)ps_fail_os(&e, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)ps_at(&e, "%s", text);
	assert_int_equal(strlen(e.where), sizeof(e.where) - 1);
	/* Of a place the end tells most. */
	e.where[0] = '\0';
	(void)ps_at(&e, "%s.json: /process/args", text);
	assert_int_equal(strlen(e.where), sizeof(e.where) - 1);
	assert_memory_equal(e.where, "...xx", 5);
	assert_string_equal(e.where + strlen(e.where) - 21, "x.json: /process/args");
	(void)ps_ctx(&e, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)ps_fail_(&e, PS_E_BUG, "a/very/long/path/that/does/not/fit/into/the/field/at/all/file.c", 7, "x");
	assert_int_equal(strlen(e.file), sizeof(e.file) - 1);
	assert_string_equal(e.file + strlen(e.file) - 11, "/all/file.c");
}

static void null_error_is_accepted(void **state)
{
	(void)state;
	errno = EAGAIN;
	assert_int_equal(ps_fail(NULL, PS_E_BUG, "x"), -1);
	assert_int_equal(ps_fail_os(NULL, "x"), -1);
	assert_int_equal(ps_ctx(NULL, "x"), -1);
	assert_int_equal(ps_at(NULL, "x"), -1);
	assert_int_equal(errno, EAGAIN);
}

static void nothing_allocates(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	char text[700];
	size_t before = mallinfo2().uordblks;

	(void)state;
	errno = 4242; /* unknown numbers make strerror(3) allocate */
	(void)ps_fail_os(&e, "open '%s' %d", "x", 7);
	(void)ps_ctx(&e, "while '%s'", "y");
	(void)ps_at(&e, "z");
	(void)ps_err_text(&e, text, sizeof(text));
	assert_int_equal(mallinfo2().uordblks, before);
	assert_non_null(strstr(e.msg, "4242"));
}

static void classes_have_texts(void **state)
{
	(void)state;
	assert_string_equal(ps_err_class_text(PS_OK), "success");
#define X(sym, code, text) assert_string_equal(ps_err_class_text(sym), text);
	PS_ERR_CLASSES(X)
#undef X
	assert_string_equal(ps_err_class_text((enum ps_err_class)55), "unknown error class");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raise_records_everything),
		cmocka_unit_test(raise_from_errno),
		cmocka_unit_test(context_goes_before),
		cmocka_unit_test(first_place_wins),
		cmocka_unit_test(a_provenance_becomes_a_place),
		cmocka_unit_test(arguments_may_be_the_error_itself),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(null_error_is_accepted),
		cmocka_unit_test(nothing_allocates),
		cmocka_unit_test(classes_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
