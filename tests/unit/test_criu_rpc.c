/* SPDX-License-Identifier: Apache-2.0
 * test_criu_rpc.c - criu's messages: bytes as protobuf has them, and answers that are none.
 */
#include "tests/unit/unit.h"

#include "shim/pod/criu_rpc.h"

static void assert_bytes(const struct ps_buf *b, const char *want, size_t n)
{
	assert_false(b->failed);
	assert_int_equal(b->len, n);
	assert_memory_equal(b->data, want, n);
}
#define ASSERT_BYTES(b, text) assert_bytes((b), (text), sizeof(text) - 1)

static void options(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	criu_put_flag(&b, CRIU_LEAVE_RUNNING, true);
	criu_put_flag(&b, CRIU_SHELL_JOB, false);
	criu_put_number(&b, CRIU_PID, 300);
	criu_put_text(&b, CRIU_ROOT, "/r");
	criu_put_text(&b, CRIU_LSM_PROFILE, "");
	ASSERT_BYTES(&b, "\x18\x01\x10\xac\x02\x6a\x02/r\xaa\x03\x00");
	ps_buf_reset(&b);
	criu_put_pair(&b, CRIU_EXT_MNT, "/a", "b");
	criu_put_text_number(&b, CRIU_INHERIT_FD, "k", 5);
	ASSERT_BYTES(&b, "\xba\x01\x07\x0a\x02/a\x12\x01" "b\xda\x01\x05\x0a\x01k\x10\x05");
}

static void requests(void **state)
{
	ps_auto_buf struct ps_buf opts = { .data = NULL }, b = { .data = NULL };

	(void)state;
	criu_put_number(&opts, CRIU_PID, -1);
	criu_request(&b, CRIU_RESTORE, &opts);
	ASSERT_BYTES(&b, "\x08\x02\x12\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	ps_buf_reset(&b);
	criu_acknowledge(&b, false);
	ASSERT_BYTES(&b, "\x08\x06\x18\x00");
}

static const char notification[] = "\x08\x06\x10\x01\x2a\x0b\x0a\x06" "go-now\x10\xac\x02\x4a\x03why\x79" "12345678";

static void answers(void **state)
{
	struct criu_reply r;
	struct ps_err e = { 0 };

	(void)state;
	assert_int_equal(criu_read_reply(notification, sizeof(notification) - 1, &r, &e), 0);
	assert_int_equal(r.type, CRIU_NOTIFY);
	assert_true(r.success);
	assert_string_equal(r.script, "go-now");
	assert_int_equal(r.pid, 300);
	assert_string_equal(r.message, "why");
	assert_int_equal(criu_read_reply("\x08\x02\x10\x01\x22\x02\x08\x07", 8, &r, &e), 0);
	assert_int_equal(r.restored, 7);
	assert_string_equal(r.script, "");
}

/* Whatever is cut off: an error, or what was said before. */
static void cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(notification) - 1; n++) {
		ps_auto_mem char *exact = malloc(n + 1);
		struct criu_reply r = { .type = 99 };
		struct ps_err e = { 0 };

		assert_non_null(exact);
		memcpy(exact, notification, n);
		if (criu_read_reply(exact, n, &r, &e) < 0) {
			assert_int_equal(e.cls, PS_E_PEER);
			assert_int_equal(r.type, 99);
		} else {
			assert_int_equal(r.type, CRIU_NOTIFY);
		}
	}
}

static void no_answers(void **state)
{
	static const struct { const char *p; size_t n; } bad[] = {
		{ "", 0 }, { "\x10\x01", 2 },                      /* nothing; no type */
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, /* a number without an end */
		{ "\x08\x06\x2a\x7f", 4 }, { "\x08\x06\x28\x01", 4 }, /* longer than all; a number where a message is due */
		{ "\x08\x06\x2b\x01", 4 }, { "\x08\x06\x2a\x02\x0a\x05", 6 },
	};
	struct criu_reply r;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		struct ps_err e = { 0 };

		assert_int_equal(criu_read_reply(bad[i].p, bad[i].n, &r, &e), -1);
		assert_int_equal(e.cls, PS_E_PEER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options), cmocka_unit_test(requests), cmocka_unit_test(answers),
		cmocka_unit_test(cut),     cmocka_unit_test(no_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
